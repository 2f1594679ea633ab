//! Calls with values, whose types are known only at run time.

use crate::*;

fn ints(count: usize) -> Vec<ValType> {
    vec![ValType::I32; count]
}

#[test]
fn values_of_all_kinds_go_through_a_dynamic_host_function() {
    let mut store = Store::new(&Engine::default(), ());
    let types = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::FUNCREF];
    let ty = FuncType::new(store.engine(), types.clone(), types.into_iter().rev());
    let reverse = Func::new(&mut store, ty, |_, params, results| {
        for (param, result) in params.iter().rev().zip(results) {
            *result = *param;
        }
        Ok(())
    });
    let instance = instantiate_with(
        &mut store,
        r#"(module
            (import "" "" (func $f (param i32 i64 f32 f64 funcref) (result funcref f64 f32 i64 i32)))
            (func (export "go") (param i32 i64 f32 f64 funcref) (result funcref f64 f32 i64 i32)
                (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4))))"#,
        &[reverse.into()],
    );
    let go = instance.get_func(&mut store, "go").unwrap();
    let mut results = [Val::I32(0); 5];
    let params = [
        Val::I32(-5),
        Val::I64(1 << 40),
        Val::from(2.5_f32),
        Val::from(-0.125_f64),
        Val::from(reverse),
    ];
    go.call(&mut store, &params, &mut results).unwrap();
    assert_eq!(results[0].unwrap_funcref(), Some(&reverse));
    assert_eq!(results[1].unwrap_f64(), -0.125);
    assert_eq!(results[2].unwrap_f32(), 2.5);
    assert_eq!(results[3].unwrap_i64(), 1 << 40);
    assert_eq!(results[4].unwrap_i32(), -5);
}

/// A bug of other engines: fixed-size buffers for arguments.
#[test]
fn a_thousand_parameters_and_results() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = FuncType::new(store.engine(), ints(1000), ints(1000));
    let host = Func::new(&mut store, ty, |_, params, results| {
        for (i, (param, result)) in params.iter().zip(results).enumerate() {
            *result = Val::I32(param.unwrap_i32() + i as i32);
        }
        Ok(())
    });
    let list = "i32 ".repeat(1000);
    let gets: String = (0..1000).map(|i| format!("(local.get {i})")).collect();
    let instance = instantiate_with(
        &mut store,
        &format!(
            r#"(module
                (import "" "" (func $f (param {list}) (result {list})))
                (func (export "go") (param {list}) (result {list}) (call $f {gets})))"#
        ),
        &[host.into()],
    );
    let go = instance.get_func(&mut store, "go").unwrap();
    let params: Vec<Val> = (0..1000).map(|i| Val::I32(i * 7)).collect();
    let mut results = vec![Val::I64(0); 1000];
    go.call(&mut store, &params, &mut results).unwrap();
    for (i, result) in results.iter().enumerate() {
        assert_eq!(result.unwrap_i32(), i as i32 * 8);
    }
}

#[test]
fn more_than_a_thousand_are_refused() {
    let error = FuncType::try_new(&Engine::default(), ints(1001), []).unwrap_err();
    assert!(error.to_string().contains("more than 1000"), "{error}");
}

#[test]
fn wrong_arguments_are_errors_that_say_what_is_expected() {
    let (mut store, instance) =
        instantiate(r#"(module (func (export "f") (param i32) (result i32) local.get 0))"#);
    let f = instance.get_func(&mut store, "f").unwrap();
    let mut one = [Val::I32(0)];
    let error = f.call(&mut store, &[], &mut one).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 arguments, got 0");
    let error = f.call(&mut store, &[Val::I32(1)], &mut []).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 results, got 0");
    let error = f.call(&mut store, &[Val::I64(1)], &mut one).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "argument type mismatch: type mismatch: expected i32, found i64"
    );
    f.call(&mut store, &[Val::I32(9)], &mut one).unwrap();
    assert_eq!(one[0].unwrap_i32(), 9);
}

#[test]
fn a_host_function_that_returns_the_wrong_type_fails_the_call() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = FuncType::new(store.engine(), [], [ValType::I32, ValType::I64]);
    let host = Func::new(&mut store, ty, |_, _, results| {
        results[0] = Val::I32(3);
        results[1] = Val::I32(3);
        Ok(())
    });
    let error = host.call(&mut store, &[], &mut [Val::I32(0), Val::I32(0)]).unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("incompatible value") && text.contains("expected i64, found i32"),
        "{text}"
    );
}

#[test]
fn a_result_that_a_dynamic_host_function_forgets_is_an_error_unless_it_may_be_a_null_function() {
    let mut store = Store::new(&Engine::default(), ());
    let mut one = [Val::I32(7)];
    for ty in [ValType::I32, ValType::F64, ValType::V128, ValType::EXTERNREF, ValType::ANYREF] {
        let ty = FuncType::new(store.engine(), [], [ty]);
        let host = Func::new(&mut store, ty, |_, _, _| Ok(()));
        let error = host.call(&mut store, &[], &mut one).unwrap_err();
        assert!(error.to_string().contains("incompatible value"), "{error:#}");
    }
    let ty = FuncType::new(store.engine(), [], [ValType::FUNCREF]);
    let host = Func::new(&mut store, ty, |_, _, _| Ok(()));
    host.call(&mut store, &[], &mut one).unwrap();
    assert!(one[0].unwrap_funcref().is_none());
}

#[test]
fn the_type_of_a_function_can_be_asked() {
    let (mut store, instance) =
        instantiate(r#"(module (func (export "f") (param i32 f64) (result i64) i64.const 0))"#);
    let f = instance.get_func(&mut store, "f").unwrap();
    let ty = FuncType::new(store.engine(), [ValType::I32, ValType::F64], [ValType::I64]);
    assert_eq!(f.ty(&store), ty);
    assert!(f.matches_ty(&store, &ty));
    assert!(!f.matches_ty(&store, &FuncType::new(store.engine(), [], [])));
}
