//! Typed calls in both directions.

use crate::*;

#[test]
fn every_number_type_goes_in_and_comes_out_unchanged() {
    let (mut store, instance) = instantiate(
        r#"(module
            (func (export "swap") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
                local.get 3 local.get 2 local.get 1 local.get 0))"#,
    );
    let swap = instance
        .get_typed_func::<(i32, i64, f32, f64), (f64, f32, i64, i32)>(&mut store, "swap")
        .unwrap();
    for (a, b, c, d) in
        [(0, 0, 0.0, 0.0), (-1, i64::MIN, -0.0, f64::INFINITY), (i32::MAX, 7, 1.5, -2.25)]
    {
        assert_eq!(swap.call(&mut store, (a, b, c, d)).unwrap(), (d, c, b, a));
    }
    // A signalling NaN keeps its payload.
    let nan = f32::from_bits(0x7fa0_1234);
    let (_, back, _, _) = swap.call(&mut store, (0, 0, nan, 0.0)).unwrap();
    assert_eq!(back.to_bits(), nan.to_bits());
}

#[test]
fn unsigned_types_are_the_same_wasm_types() {
    let (mut store, instance) = instantiate(
        r#"(module (func (export "neg") (param i32) (result i32)
            (i32.sub (i32.const 0) (local.get 0))))"#,
    );
    let neg = instance.get_typed_func::<u32, u32>(&mut store, "neg").unwrap();
    assert_eq!(neg.call(&mut store, 1).unwrap(), u32::MAX);
}

#[test]
fn sixteen_parameters_and_several_results_reach_a_typed_host_function() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    #[allow(clippy::too_many_arguments, reason = "as many as there can be")]
    fn sum(
        a: i32,
        b: i32,
        c: i32,
        d: i32,
        e: i32,
        f: i32,
        g: i32,
        h: i32,
        i: i64,
        j: i64,
        k: i64,
        l: i64,
        m: f32,
        n: f32,
        o: f64,
        p: f64,
    ) -> (i32, i64, f32, f64, i32) {
        (a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h, i - j + k * l, m / n, o - p, a)
    }
    let host = Func::wrap(&mut store, sum);
    assert_eq!(host.ty(&store).params().len(), 16);
    let instance = instantiate_with(
        &mut store,
        r#"(module
            (type $t (func (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i64 i64 i64 f32 f32 f64 f64)
                (result i32 i64 f32 f64 i32)))
            (import "" "" (func $f (type $t)))
            (func (export "go") (result i32 i64 f32 f64 i32)
                i32.const 1 i32.const 2 i32.const 3 i32.const 4
                i32.const 5 i32.const 6 i32.const 7 i32.const 8
                i64.const 9 i64.const 10 i64.const 11 i64.const 12
                f32.const 13 f32.const 4 f64.const 15 f64.const 16
                call $f))"#,
        &[host.into()],
    );
    let go = instance.get_typed_func::<(), (i32, i64, f32, f64, i32)>(&mut store, "go").unwrap();
    let expected = sum(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13.0, 4.0, 15.0, 16.0);
    assert_eq!(go.call(&mut store, ()).unwrap(), expected);
}

#[test]
fn typed_views_need_the_exact_type() {
    let (mut store, instance) =
        instantiate(r#"(module (func (export "f") (param i32) (result i64) i64.const 1))"#);
    let func = instance.get_func(&mut store, "f").unwrap();
    assert!(func.typed::<i32, i64>(&store).is_ok());
    assert!(func.typed::<(i32,), (i64,)>(&store).is_ok());
    for error in [
        func.typed::<(), i64>(&store).unwrap_err(),
        func.typed::<i64, i64>(&store).err().unwrap(),
        func.typed::<(i32, i32), i64>(&store).err().unwrap(),
    ] {
        assert!(error.to_string().contains("type mismatch with parameters"), "{error:#}");
    }
    let said = |error: Error| format!("{error:#}");
    let error = said(func.typed::<(), i64>(&store).unwrap_err());
    assert!(error.ends_with("expected 0 types, found 1"), "{error}");
    let error = said(func.typed::<i32, f32>(&store).unwrap_err());
    assert!(
        error.contains("with results") && error.ends_with("expected f32, found i64"),
        "{error}"
    );
    assert!(func.typed::<i32, ()>(&store).is_err());
    assert!(func.typed::<i32, (i64, i64)>(&store).is_err());
}

#[test]
fn function_references_are_typed_values() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let twice = Func::wrap(&mut store, |x: i32| 2 * x);
    let apply = Func::wrap(
        &mut store,
        |mut caller: Caller<'_, ()>, f: Option<Func>, x: i32| -> Result<i32> {
            match f {
                Some(f) => f.typed::<i32, i32>(&caller)?.call(&mut caller, x),
                None => Ok(-1),
            }
        },
    );
    let instance = instantiate_with(
        &mut store,
        r#"(module
            (import "" "" (func $apply (param funcref i32) (result i32)))
            (func $inc (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (elem declare func $inc)
            (func (export "own") (param i32) (result i32)
                (call $apply (ref.func $inc) (local.get 0)))
            (func (export "given") (param funcref i32) (result i32)
                (call $apply (local.get 0) (local.get 1)))
            (func (export "get") (result funcref) (ref.func $inc)))"#,
        &[apply.into()],
    );
    let own = instance.get_typed_func::<i32, i32>(&mut store, "own").unwrap();
    assert_eq!(own.call(&mut store, 4).unwrap(), 5);
    let given = instance.get_typed_func::<(Option<Func>, i32), i32>(&mut store, "given").unwrap();
    assert_eq!(given.call(&mut store, (Some(twice), 4)).unwrap(), 8);
    assert_eq!(given.call(&mut store, (None, 4)).unwrap(), -1);
    let get = instance.get_typed_func::<(), Option<Func>>(&mut store, "get").unwrap();
    let inc = get.call(&mut store, ()).unwrap().unwrap();
    assert_eq!(inc.typed::<i32, i32>(&store).unwrap().call(&mut store, 8).unwrap(), 9);
    // A result that can be null is no result that cannot.
    assert!(instance.get_typed_func::<(), Func>(&mut store, "get").is_err());
}

#[test]
fn host_functions_can_be_called_by_the_host() {
    let mut store = Store::new(&Engine::default(), 0_u32);
    let add = Func::wrap(&mut store, |mut caller: Caller<'_, u32>, a: i32, b: i64| {
        *caller.data_mut() += 1;
        assert!(caller.instance().is_none());
        assert!(caller.get_export("memory").is_none());
        i64::from(a) + b
    });
    let typed = add.typed::<(i32, i64), i64>(&store).unwrap();
    assert_eq!(typed.call(&mut store, (2, 40)).unwrap(), 42);
    let mut results = [Val::I32(0)];
    add.call(&mut store, &[Val::I32(-1), Val::I64(1)], &mut results).unwrap();
    assert_eq!(results[0].unwrap_i64(), 0);
    assert_eq!(store.into_data(), 2);
}

#[test]
fn the_store_of_a_typed_function_is_checked() {
    let (mut store, instance) = instantiate(r#"(module (func (export "f")))"#);
    let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    let mut other = Store::new(store.engine(), ());
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f.call(&mut other, ())));
    let message = *result.unwrap_err().downcast::<&str>().unwrap();
    assert_eq!(message, "object used with the wrong store");
    f.call(&mut store, ()).unwrap();
}

#[test]
fn references_of_another_store_are_refused() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut other = Store::new(&engine, ());
    let foreign = Func::wrap(&mut other, || {});
    let host = Func::wrap(&mut store, move || -> Option<Func> { Some(foreign) });
    let get = host.typed::<(), Option<Func>>(&store).unwrap();
    let error = get.call(&mut store, ()).unwrap_err();
    assert!(error.to_string().contains("cross-`Store`"), "{error}");
    let take = Func::wrap(&mut store, |_: Option<Func>| {});
    let take = take.typed::<Option<Func>, ()>(&store).unwrap();
    let error = take.call(&mut store, Some(foreign)).unwrap_err();
    assert!(error.to_string().contains("cross-`Store`"), "{error}");
    let error = take.func().call(&mut store, &[foreign.into()], &mut []).unwrap_err();
    assert!(format!("{error:#}").contains("cross-`Store`"), "{error:#}");
}

#[test]
fn an_echo_of_a_hundred_thousand_calls_agrees() {
    let mut store = Store::new(&Engine::default(), 0_i64);
    let host = Func::wrap(&mut store, |mut caller: Caller<'_, i64>, x: i32| -> i32 {
        *caller.data_mut() += i64::from(x);
        x.wrapping_mul(3)
    });
    let instance = instantiate_with(
        &mut store,
        r#"(module
            (import "" "" (func $f (param i32) (result i32)))
            (func (export "loop") (param $n i32) (result i32)
                (local $sum i32)
                (loop $l
                    (local.set $sum (i32.add (local.get $sum) (call $f (local.get $n))))
                    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $sum)))"#,
        &[host.into()],
    );
    let f = instance.get_typed_func::<i32, i32>(&mut store, "loop").unwrap();
    let sum: i64 = (1..=100_000).sum();
    assert_eq!(f.call(&mut store, 100_000).unwrap(), (3 * sum) as i32);
    assert_eq!(*store.data(), sum);
}
