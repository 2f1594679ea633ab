//! Functions whose numbers are passed raw.

use crate::*;

/// A module that passes one of each number, and the host function that turns them round.
fn reversing() -> (Store<u32>, Instance) {
    let engine = Engine::default();
    let mut store = Store::new(&engine, 0_u32);
    let mut linker = Linker::new(&engine);
    let params = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128];
    let ty = FuncType::new(store.engine(), params.clone(), params.into_iter().rev());
    linker
        .func_new_unchecked("", "reverse", ty, |mut caller: Caller<'_, u32>, values| {
            *caller.data_mut() += 1;
            assert_eq!(values.len(), 5);
            values.reverse();
            Ok(())
        })
        .unwrap();
    let module = Module::new(
        &engine,
        r#"(module
            (import "" "reverse" (func $f (param i32 i64 f32 f64 v128) (result v128 f64 f32 i64 i32)))
            (func (export "f") (param i32 i64 f32 f64 v128) (result v128 f64 f32 i64 i32)
                (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4))))"#,
    );
    let instance = linker.instantiate(&mut store, &module.unwrap()).unwrap();
    (store, instance)
}

#[test]
fn raw_numbers_go_in_and_come_out_unchanged() {
    let (mut store, instance) = reversing();
    let f = instance.get_func(&mut store, "f").unwrap();
    let vector = 0x0123_4567_89ab_cdef_1122_3344_5566_7788_u128;
    let mut values = [
        ValRaw::i32(-3),
        ValRaw::i64(i64::MIN),
        ValRaw::f32(0x7fa0_1234),
        ValRaw::f64(1.5_f64.to_bits()),
        ValRaw::v128(vector),
    ];
    f.call_unchecked(&mut store, &mut values).unwrap();
    assert_eq!(values[0].get_v128(), vector);
    assert_eq!(values[1].get_f64(), 1.5_f64.to_bits());
    assert_eq!(values[2].get_f32(), 0x7fa0_1234);
    assert_eq!(values[3].get_i64(), i64::MIN);
    assert_eq!(values[4].get_i32(), -3);
    assert_eq!(*store.data(), 1);
}

/// What is above the low half of an `i32` means nothing, on both ways.
#[test]
fn the_unused_half_of_a_raw_number_does_not_matter() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = FuncType::new(store.engine(), [ValType::I32], [ValType::I32]);
    let dirty = Func::new_unchecked(&mut store, ty, |_, values| {
        values[0] = ValRaw::i64(i64::from(values[0].get_i32()) | 7 << 32);
        Ok(())
    })
    .unwrap();
    let module = Module::new(
        &engine,
        r#"(module (import "" "" (func $f (param i32) (result i32)))
            (func (export "widen") (param i32) (result i64) (i64.extend_i32_u (call $f (local.get 0)))))"#,
    );
    let instance = Instance::new(&mut store, &module.unwrap(), &[dirty.into()]).unwrap();
    let widen = instance.get_func(&mut store, "widen").unwrap();
    let mut values = [ValRaw::i64(5 | 9 << 40)];
    widen.call_unchecked(&mut store, &mut values).unwrap();
    assert_eq!(values[0].get_i64(), 5);
}

#[test]
fn many_raw_numbers_do_not_fit_the_native_stack_and_pass_all_the_same() {
    let mut store = Store::<()>::default();
    let ty = FuncType::new(store.engine(), vec![ValType::I64; 100], vec![ValType::I64; 60]);
    let func = Func::new_unchecked(&mut store, ty, |_, values| {
        assert_eq!(values.len(), 100);
        values.reverse();
        Ok(())
    })
    .unwrap();
    let mut values: Vec<ValRaw> = (0..100).map(ValRaw::i64).collect();
    func.call_unchecked(&mut store, &mut values).unwrap();
    let numbers: Vec<i64> = values.iter().map(ValRaw::get_i64).collect();
    assert_eq!(numbers[..60], (0..100).rev().take(60).collect::<Vec<_>>());
    // What is beyond the results was not touched.
    assert_eq!(numbers[60..], (60..100).collect::<Vec<_>>());
}

#[test]
fn references_and_too_few_values_are_errors() {
    let (mut store, instance) = reversing();
    let f = instance.get_func(&mut store, "f").unwrap();
    let error = f.call_unchecked(&mut store, &mut [ValRaw::i32(0); 4]).unwrap_err();
    assert_eq!(error.to_string(), "expected room for 5 values, got 4");
    let ty = FuncType::new(store.engine(), [ValType::FUNCREF], []);
    let error = Func::new_unchecked(&mut store, ty.clone(), |_, _| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "references cannot be passed unchecked");
    let func = Func::new(&mut store, ty, |_, _, _| Ok(()));
    let error = func.call_unchecked(&mut store, &mut [ValRaw::i64(1)]).unwrap_err();
    assert_eq!(error.to_string(), "references cannot be passed unchecked");
}

#[test]
fn errors_and_panics_of_unchecked_functions_reach_the_caller() {
    let mut store = Store::<()>::default();
    let ty = FuncType::new(store.engine(), [], []);
    let fails = Func::new_unchecked(&mut store, ty.clone(), |_, _| bail!("no")).unwrap();
    let error = fails.call_unchecked(&mut store, &mut []).unwrap_err();
    assert_eq!(error.to_string(), "no");
    let panics = Func::new_unchecked(&mut store, ty, |_, _| panic!("really no")).unwrap();
    let call = std::panic::AssertUnwindSafe(|| panics.call_unchecked(&mut store, &mut []));
    assert!(std::panic::catch_unwind(call).is_err());
    assert!(fails.call_unchecked(&mut store, &mut []).is_err());
}

#[test]
fn numbers_of_every_count_come_through_in_both_directions_however_dirty_their_high_halves() {
    let kinds = [ValType::I32, ValType::F64, ValType::F32, ValType::I64, ValType::V128];
    let bits = |ty: &ValType| match ty {
        ValType::I32 | ValType::F32 => u128::from(u32::MAX),
        ValType::V128 => u128::MAX,
        _ => u128::from(u64::MAX),
    };
    // What number `i` is before what its type has no room for is cut off.
    let dirty = |i: usize| u128::MAX / 7 - 0x1111_2222_3333_4444_5555 * i as u128;
    for (params, results, vectors) in [0, 1, 2, 3, 4, 5, 17, 70]
        .into_iter()
        .flat_map(|params| [0, 1, 2, 5, 70].map(|results| (params, results)))
        .flat_map(|(params, results)| [(params, results, false), (params, results, true)])
    {
        let engine = Engine::default();
        let mut store = Store::new(&engine, ());
        let kind = |i: usize| kinds[i % (4 + usize::from(vectors))].clone();
        let types = |count: usize| (0..count).map(kind).collect::<Vec<_>>();
        let (inputs, outputs) = (types(params), types(results));
        let ty = FuncType::new(&engine, inputs.clone(), outputs.clone());
        let func = Func::new_unchecked(&mut store, ty, move |_, values| {
            assert_eq!(values.len(), params.max(results));
            for (i, ty) in inputs.iter().enumerate() {
                assert_eq!(values[i].get_v128() & bits(ty), dirty(i) & bits(ty));
            }
            for (i, value) in values.iter_mut().enumerate() {
                *value = ValRaw::v128(dirty(i + 1));
            }
            Ok(())
        })
        .unwrap();
        let mut values: Vec<ValRaw> =
            (0..params.max(results)).map(|i| ValRaw::v128(dirty(i))).collect();
        func.call_unchecked(&mut store, &mut values).unwrap();
        for (i, ty) in outputs.iter().enumerate() {
            assert_eq!(values[i].get_v128() & bits(ty), dirty(i + 1) & bits(ty));
        }
        let args: Vec<Val> =
            types(params).iter().enumerate().map(|(i, ty)| val(ty, dirty(i))).collect();
        let mut returned = vec![Val::null_func_ref(); results];
        func.call(&mut store, &args, &mut returned).unwrap();
        for (i, ty) in outputs.iter().enumerate() {
            assert_eq!(format!("{:?}", returned[i]), format!("{:?}", val(ty, dirty(i + 1))));
        }
    }
}

/// A value of the type with the low bits of `bits`.
fn val(ty: &ValType, bits: u128) -> Val {
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits as u64),
        _ => Val::V128(bits.into()),
    }
}

#[test]
fn a_call_with_values_that_do_not_fit_says_what_is_wrong_and_does_nothing() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = FuncType::new(&engine, [ValType::I32, ValType::I64], [ValType::I32]);
    let func = Func::new(&mut store, ty, |_, _, _| panic!("it is not called"));
    let one = [Val::I32(1)];
    let cases: [(&[Val], usize, &str); 4] = [
        (&one, 1, "expected 2 arguments, got 1"),
        (&[Val::I32(1), Val::I64(2)], 0, "expected 1 results, got 0"),
        (&[Val::I32(1), Val::I32(2)], 1, "argument type mismatch"),
        (&[Val::I32(1), Val::null_func_ref()], 1, "argument type mismatch"),
    ];
    for (args, results, why) in cases {
        let mut returned = vec![Val::I32(7); results];
        let error = func.call(&mut store, args, &mut returned).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{error:#}");
        assert!(returned.iter().all(|value| value.i32() == Some(7)));
    }
}
