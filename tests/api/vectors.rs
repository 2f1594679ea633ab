//! 128-bit vectors through the public API, and where they may lie inside a function.

use crate::*;

fn v(lanes: [u32; 4]) -> V128 {
    let bits = lanes.iter().rev().fold(0, |bits, lane| bits << 32 | u128::from(*lane));
    V128::from(bits)
}

/// Every integer vector that the tests pass around.
fn samples() -> [V128; 4] {
    [v([1, 2, 3, 4]), v([0, 0, 0, 0]), v([u32::MAX; 4]), v([0x8000_0000, 7, 0xdead_beef, 9])]
}

#[test]
fn typed_calls_and_typed_host_functions_pass_vectors_between_other_values() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let host = Func::wrap(&mut store, |a: i32, x: V128, b: f64, y: V128| -> (V128, i32, V128) {
        (V128::from(x.as_u128() ^ y.as_u128()), a + b as i32, x)
    });
    let instance = instantiate_with(
        &mut store,
        r#"(module
            (import "" "" (func $h (param i32 v128 f64 v128) (result v128 i32 v128)))
            (func (export "through") (param v128 i32 v128) (result i32 v128 v128)
                (local v128 v128 i32)
                (call $h (local.get 1) (local.get 0) (f64.const 5) (local.get 2))
                (local.set 3) (local.set 5) (local.set 4)
                (local.get 5) (local.get 4) (local.get 3))
            (func (export "tail") (param i32 v128 f64 v128) (result v128 i32 v128)
                (return_call $h (local.get 0) (local.get 1) (local.get 2) (local.get 3))))"#,
        &[host.into()],
    );
    let through = instance
        .get_typed_func::<(V128, i32, V128), (i32, V128, V128)>(&mut store, "through")
        .unwrap();
    let tail = instance
        .get_typed_func::<(i32, V128, f64, V128), (V128, i32, V128)>(&mut store, "tail")
        .unwrap();
    for x in samples() {
        for y in samples() {
            let xor = V128::from(x.as_u128() ^ y.as_u128());
            assert_eq!(through.call(&mut store, (x, 30, y)).unwrap(), (35, xor, x));
            assert_eq!(tail.call(&mut store, (30, x, 5.0, y)).unwrap(), (xor, 35, x));
        }
    }
}

#[test]
fn untyped_calls_and_globals_hold_all_128_bits() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = GlobalType::new(ValType::V128, Mutability::Var);
    let global = Global::new(&mut store, ty, Val::V128(v([1, 2, 3, 4]))).unwrap();
    let dynamic = Func::new(
        &mut store,
        FuncType::new(&engine, [ValType::V128], [ValType::V128]),
        |_, params, results| {
            results[0] = Val::V128(V128::from(!params[0].unwrap_v128().as_u128()));
            Ok(())
        },
    );
    let instance = instantiate_with(
        &mut store,
        r#"(module
            (import "" "" (global $imported (mut v128)))
            (import "" "" (func $not (param v128) (result v128)))
            (global $own (export "own") (mut v128) (v128.const i32x4 5 6 7 8))
            (func (export "rotate") (param v128) (result v128)
                (global.get $imported)
                (global.set $imported (global.get $own))
                (global.set $own (call $not (local.get 0)))))"#,
        &[global.into(), dynamic.into()],
    );
    let rotate = instance.get_func(&mut store, "rotate").unwrap();
    let own = instance.get_global(&mut store, "own").unwrap();
    let mut results = [Val::I32(0)];
    rotate.call(&mut store, &[Val::V128(v([9, 10, 11, 12]))], &mut results).unwrap();
    assert_eq!(results[0].unwrap_v128(), v([1, 2, 3, 4]));
    assert_eq!(global.get(&mut store).unwrap_v128(), v([5, 6, 7, 8]));
    assert_eq!(own.get(&mut store).unwrap_v128(), v([!9, !10, !11, !12]));
    own.set(&mut store, Val::V128(v([0, 1, 0, 1]))).unwrap();
    rotate.call(&mut store, &[Val::V128(v([0; 4]))], &mut results).unwrap();
    assert_eq!(results[0].unwrap_v128(), v([5, 6, 7, 8]));
    assert_eq!(global.get(&mut store).unwrap_v128(), v([0, 1, 0, 1]));
}

#[test]
fn vectors_survive_selects_branches_tables_and_recursion() {
    let (mut store, instance) = instantiate(
        r#"(module
            (func (export "select") (param v128 v128 i32) (result v128)
                (select (i32x4.add (local.get 0) (local.get 1)) (local.get 1)
                    (i32.and (local.get 2) (i32.const 1))))
            (func (export "table") (param v128 v128 i32) (result v128 i32)
                (block $b2 (result v128 i32)
                    (block $b1 (result v128 i32)
                        (block $b0 (result v128 i32)
                            (v128.xor (local.get 0) (local.get 1))
                            (i32.const 10)
                            (br_table $b0 $b1 $b2 (local.get 2)))
                        (i32.const 1) (i32.add))
                    (i32.const 2) (i32.add)))
            (func $sum (export "sum") (param v128 i32) (result v128)
                (if (result v128) (i32.eqz (local.get 1))
                    (then (v128.const i32x4 0 0 0 0))
                    (else
                        (i32x4.add
                            (local.get 0)
                            (call $sum (local.get 0)
                                (i32.sub (local.get 1) (i32.const 1)))))))
            (func $loop (export "loop") (param v128 i32) (result v128) (local v128)
                (local.get 0)
                (loop $again (param v128) (result v128)
                    (local.tee 2)
                    (i32x4.mul (local.get 0))
                    (i32x4.add (local.get 2))
                    (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
                    (br_if $again (local.get 1))))
            (func (export "deep") (param v128 v128) (result v128)
                ;; More values at once than there are accumulators.
                (i32x4.sub
                    (i32x4.mul (i32x4.add (local.get 0) (local.get 1))
                        (i32x4.sub (local.get 0) (local.get 1)))
                    (i32x4.mul (v128.or (local.get 0) (local.get 1))
                        (i32x4.sub (local.get 1)
                            (i32x4.replace_lane 2 (local.get 0) (i32.const 77)))))))"#,
    );
    let lanes =
        |x: V128| -> [u32; 4] { core::array::from_fn(|i| (x.as_u128() >> (32 * i)) as u32) };
    let each = |x: V128, y: V128, f: &dyn Fn(u32, u32) -> u32| {
        let (x, y) = (lanes(x), lanes(y));
        v(core::array::from_fn(|i| f(x[i], y[i])))
    };
    let select = instance.get_typed_func::<(V128, V128, i32), V128>(&mut store, "select").unwrap();
    let table =
        instance.get_typed_func::<(V128, V128, i32), (V128, i32)>(&mut store, "table").unwrap();
    let sum = instance.get_typed_func::<(V128, i32), V128>(&mut store, "sum").unwrap();
    let looped = instance.get_typed_func::<(V128, i32), V128>(&mut store, "loop").unwrap();
    let deep = instance.get_typed_func::<(V128, V128), V128>(&mut store, "deep").unwrap();
    for x in samples() {
        for y in samples() {
            let added = each(x, y, &u32::wrapping_add);
            assert_eq!(select.call(&mut store, (x, y, 3)).unwrap(), added);
            assert_eq!(select.call(&mut store, (x, y, 2)).unwrap(), y);
            let xor = each(x, y, &|x, y| x ^ y);
            for (index, number) in [(0, 13), (1, 12), (2, 10), (3, 10)] {
                assert_eq!(table.call(&mut store, (x, y, index)).unwrap(), (xor, number));
            }
            let replaced = {
                let mut replaced = lanes(x);
                replaced[2] = 77;
                v(replaced)
            };
            let left = each(added, each(x, y, &u32::wrapping_sub), &u32::wrapping_mul);
            let right = each(
                each(x, y, &|x, y| x | y),
                each(y, replaced, &u32::wrapping_sub),
                &u32::wrapping_mul,
            );
            assert_eq!(
                deep.call(&mut store, (x, y)).unwrap(),
                each(left, right, &u32::wrapping_sub)
            );
        }
        let times = each(x, x, &|x, _| x.wrapping_mul(100));
        assert_eq!(sum.call(&mut store, (x, 100)).unwrap(), times);
        let power = each(x, x, &|x, _| (0..5).fold(x, |y, _| y.wrapping_mul(x).wrapping_add(y)));
        assert_eq!(looped.call(&mut store, (x, 5)).unwrap(), power);
    }
}

/// Instructions whose results the specification leaves open, on operands where it does.
const RELAXED: &str = r#"(module
    (func (export "swizzle") (param v128 v128) (result v128)
        (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))
    (func (export "min") (param v128 v128) (result v128)
        (f32x4.relaxed_min (local.get 0) (local.get 1)))
    (func (export "trunc") (param v128) (result v128)
        (i32x4.relaxed_trunc_f32x4_s (local.get 0))))"#;

#[test]
fn relaxed_instructions_are_those_of_the_deterministic_profile_on_request() {
    for deterministic in [true, false] {
        let engine = Engine::new(Config::new().relaxed_simd_deterministic(deterministic)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module(&engine, RELAXED), &[]).unwrap();
        let call2 = |store: &mut Store<()>, name: &str, a: u128, b: u128| {
            let f = instance.get_typed_func::<(V128, V128), V128>(&mut *store, name).unwrap();
            f.call(store, (V128::from(a), V128::from(b))).unwrap().as_u128()
        };
        let bytes = u128::from_le_bytes(core::array::from_fn(|i| 0x10 + i as u8));
        // In range: the same in either mode.
        let reversed = u128::from_le_bytes(core::array::from_fn(|i| 15 - i as u8));
        let expected = u128::from_le_bytes(core::array::from_fn(|i| 0x1f - i as u8));
        assert_eq!(call2(&mut store, "swizzle", bytes, reversed), expected);
        // Out of range: 0, or in the other mode the number modulo 16.
        let out = u128::from_le_bytes([0x7f; 16]);
        let got = call2(&mut store, "swizzle", bytes, out);
        assert!(got == 0 || !deterministic && got == u128::from_le_bytes([0x1f; 16]));
        // NaN beats a number, or loses.
        let nan = f32::NAN.to_bits();
        let (nans, ones) = (v([nan; 4]).as_u128(), v([1.0_f32.to_bits(); 4]).as_u128());
        // Of either sign.
        let got = call2(&mut store, "min", ones, nans) & v([!0 >> 1; 4]).as_u128();
        assert!(got == nans || !deterministic && got == ones);
        let trunc = instance.get_typed_func::<V128, V128>(&mut store, "trunc").unwrap();
        let far = [1.0e20_f32, f32::NAN, -1.5, -1.0e20].map(f32::to_bits);
        let got = trunc.call(&mut store, v(far)).unwrap();
        let least = i32::MIN as u32;
        assert!(
            got == v([i32::MAX as u32, 0, -1_i32 as u32, least])
                || !deterministic && got == v([least, least, -1_i32 as u32, least])
        );
    }
}

#[test]
fn vectors_can_be_switched_off() {
    let engine = Engine::new(Config::new().wasm_simd(false).wasm_relaxed_simd(false)).unwrap();
    let bytes = wat::parse_str("(module (func (param v128)))").unwrap();
    let error = Module::new(&engine, bytes).unwrap_err();
    assert!(error.to_string().contains("SIMD"), "{error}");
    let engine = Engine::new(Config::new().wasm_relaxed_simd(false)).unwrap();
    let error = Module::new(&engine, wat::parse_str(RELAXED).unwrap()).unwrap_err();
    assert!(error.to_string().contains("relaxed SIMD"), "{error}");
}

#[test]
fn wide_arithmetic_is_off_until_asked_for_and_then_carries() {
    let text = r#"(module
        (func (export "add") (param i64 i64 i64 i64) (result i64 i64)
            (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
        (func (export "square") (param i64) (result i64 i64)
            (i64.mul_wide_s (local.get 0) (local.get 0))))"#;
    assert!(Module::new(&Engine::default(), wat::parse_str(text).unwrap()).is_err());
    let engine = Engine::new(Config::new().wasm_wide_arithmetic(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let add =
        instance.get_typed_func::<(u64, u64, u64, u64), (u64, u64)>(&mut store, "add").unwrap();
    assert_eq!(add.call(&mut store, (u64::MAX, 1, 2, 3)).unwrap(), (1, 5));
    let square = instance.get_typed_func::<i64, (u64, u64)>(&mut store, "square").unwrap();
    assert_eq!(square.call(&mut store, i64::MIN).unwrap(), (0, 1 << 62));
}

#[test]
fn vector_accesses_trap_at_the_first_byte_outside() {
    for engine in [Engine::default(), checking_engine()] {
        let mut store = Store::new(&engine, ());
        let text = r#"(module
            (memory 1)
            (memory $other 1)
            (func (export "load") (param i32) (result v128) (v128.load offset=1 (local.get 0)))
            (func (export "store") (param i32)
                (v128.store offset=1 (local.get 0) (v128.const i64x2 -1 -1)))
            (func (export "load_other") (param i32) (result v128)
                (v128.load $other offset=1 (local.get 0)))
            (func (export "splat") (param i32) (result v128)
                (v128.load64_splat offset=9 (local.get 0)))
            (func (export "lane") (param i32) (result v128)
                (v128.load8_lane offset=16 3 (local.get 0) (v128.const i64x2 1 2)))
            (func (export "constant") (result v128) (v128.load (i32.const 65521)))
            (func (export "constant_splat") (result v128)
                (v128.load32_splat (i32.const 65533))))"#;
        let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
        for name in ["load", "load_other", "splat", "lane"] {
            let f = instance.get_typed_func::<i32, V128>(&mut store, name).unwrap();
            assert!(f.call(&mut store, 65536 - 17).is_ok(), "{name}");
            for index in [65536 - 16, 65535, 65536, -1] {
                let error = f.call(&mut store, index).unwrap_err();
                assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds, "{name} {index}");
            }
        }
        let f = instance.get_typed_func::<i32, ()>(&mut store, "store").unwrap();
        assert!(f.call(&mut store, 65536 - 17).is_ok());
        assert_eq!(trap_of(&f.call(&mut store, 65536 - 16).unwrap_err()), Trap::MemoryOutOfBounds);
        for name in ["constant", "constant_splat"] {
            let f = instance.get_typed_func::<(), V128>(&mut store, name).unwrap();
            assert_eq!(trap_of(&f.call(&mut store, ()).unwrap_err()), Trap::MemoryOutOfBounds);
        }
    }
}
