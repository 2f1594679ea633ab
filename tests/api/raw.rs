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
