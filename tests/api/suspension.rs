//! Calls that host functions suspend.

use crate::*;

/// Asks the host for numbers until it gets zero, and adds them up.
const ADDER: &str = r#"(module
    (import "" "ask" (func $ask (param i32) (result i32)))
    (memory (export "memory") 1)
    (func $inner (param $n i32) (result i32)
        (i32.add (call $ask (local.get $n)) (i32.const 0)))
    (func $sum (export "sum") (param $n i32) (result i32) (local $sum i32) (local $x i32)
        (loop $l
            (local.set $x (call $inner (local.get $n)))
            (local.set $sum (i32.add (local.get $sum) (local.get $x)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $l (local.get $x)))
        (i32.store (i32.const 0) (local.get $sum))
        (i32.load (i32.const 0)))
    (func (export "tail") (param i32) (result i32) (return_call $ask (local.get 0)))
    (func (export "wide") (param f64 i32) (result i32 f64)
        (call $sum (local.get 1))
        (f64.mul (local.get 0) (f64.const 2))))"#;

fn adder(engine: &Engine) -> (Store<i32>, Instance) {
    let mut store = Store::new(engine, 0);
    let ask = Func::wrap(&mut store, |mut caller: Caller<'_, i32>, n: i32| -> Result<i32> {
        *caller.data_mut() += 1;
        Err(Suspend::new(n).into())
    });
    let instance = instantiate_with(&mut store, ADDER, &[ask.into()]);
    (store, instance)
}

fn payload<R>(call: &SuspendedCall<R>) -> i32 {
    *call.payload().downcast_ref::<i32>().unwrap()
}

#[test]
fn a_call_is_resumed_as_often_as_it_is_suspended() {
    let (mut store, instance) = adder(&Engine::default());
    let sum = instance.get_typed_func::<i32, i32>(&mut store, "sum").unwrap();
    let mut call = sum.call_resumable(&mut store, 7).unwrap();
    for (i, answer) in [10, 20, 30, 0].into_iter().enumerate() {
        let suspended = call.suspended().unwrap();
        assert_eq!(payload(&suspended), 7 + i as i32);
        assert_eq!(suspended.host_type(&store).results().len(), 1);
        call = suspended.resume(&mut store, &[Val::I32(answer)]).unwrap();
    }
    assert_eq!(call.finished(), Some(60));
    assert_eq!(*store.data(), 4);
}

#[test]
fn many_suspended_calls_interleave_in_any_order() {
    let (mut store, instance) = adder(&Engine::default());
    let sum = instance.get_typed_func::<i32, i32>(&mut store, "sum").unwrap();
    let mut calls: Vec<_> =
        (0..50).map(|i| sum.call_resumable(&mut store, i * 100).unwrap().suspended()).collect();
    let mut sums = [0; 50];
    let mut finished = 0;
    let mut state = 1_u32;
    while finished < 50 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let i = (state >> 16) as usize % 50;
        let Some(call) = calls[i].take() else { continue };
        assert_eq!(payload(&call) / 100, i as i32);
        let answer = (state >> 8) as i32 % 4;
        match call.resume(&mut store, &[Val::I32(answer)]).unwrap() {
            ResumableCall::Suspended(call) => {
                sums[i] += answer;
                calls[i] = Some(call);
            }
            ResumableCall::Finished(sum) => {
                assert_eq!(sum, sums[i] + answer);
                finished += 1;
            }
        }
    }
}

#[test]
fn calls_with_values_and_several_results_are_resumable() {
    let (mut store, instance) = adder(&Engine::default());
    let wide = instance.get_func(&mut store, "wide").unwrap();
    let params = [Val::from(1.25_f64), Val::I32(3)];
    let call = wide.call_resumable(&mut store, &params).unwrap().suspended().unwrap();
    let call = call.resume(&mut store, &[Val::I32(5)]).unwrap().suspended().unwrap();
    let results = call.resume(&mut store, &[Val::I32(0)]).unwrap().finished().unwrap();
    assert_eq!((results[0].unwrap_i32(), results[1].unwrap_f64()), (5, 2.5));
}

#[test]
fn tail_calls_of_and_direct_calls_to_the_host_are_resumable() {
    let (mut store, instance) = adder(&Engine::default());
    let tail = instance.get_typed_func::<i32, i32>(&mut store, "tail").unwrap();
    let call = tail.call_resumable(&mut store, 4).unwrap().suspended().unwrap();
    assert_eq!(call.resume(&mut store, &[Val::I32(9)]).unwrap().finished(), Some(9));
    let direct = Func::wrap(&mut store, || -> Result<i64> { Err(Suspend::new(()).into()) });
    let direct = direct.typed::<(), i64>(&store).unwrap();
    let call = direct.call_resumable(&mut store, ()).unwrap().suspended().unwrap();
    assert_eq!(call.resume(&mut store, &[Val::I64(-1)]).unwrap().finished(), Some(-1));
}

#[test]
fn a_dropped_call_leaves_nothing_behind() {
    let (mut store, instance) = adder(&Engine::default());
    let sum = instance.get_typed_func::<i32, i32>(&mut store, "sum").unwrap();
    for _ in 0..1000 {
        assert!(sum.call_resumable(&mut store, 1).unwrap().suspended().is_some());
    }
    let call = sum.call_resumable(&mut store, 1).unwrap().suspended().unwrap();
    assert_eq!(call.resume(&mut store, &[Val::I32(0)]).unwrap().finished(), Some(0));
}

#[test]
fn a_call_that_is_not_resumable_fails_instead() {
    let (mut store, instance) = adder(&Engine::default());
    let sum = instance.get_typed_func::<i32, i32>(&mut store, "sum").unwrap();
    let error = sum.call(&mut store, 1).unwrap_err();
    assert!(format!("{error:#}").contains("cannot be resumed"), "{error:#}");
    let call = sum.call_resumable(&mut store, 1).unwrap().suspended().unwrap();
    let error = call.resume(&mut store, &[Val::I64(0)]).unwrap_err();
    assert_eq!(error.to_string(), "type mismatch: expected i32, found i64");
    let call = sum.call_resumable(&mut store, 1).unwrap().suspended().unwrap();
    let error = call.resume(&mut store, &[]).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 results, got 0");
}

#[test]
fn a_call_can_be_resumed_deeper_than_it_was_suspended_and_trap_there() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, None::<SuspendedCall<i32>>);
    type Data = Option<SuspendedCall<i32>>;
    let host = Func::wrap(&mut store, |mut caller: Caller<'_, Data>, n: i32| -> Result<i32> {
        if n < 100 {
            return Err(Suspend::new(n).into());
        }
        // Deep inside another activation: let the suspended call go on, above its frames.
        let call = caller.data_mut().take().unwrap();
        let answer = if n == 100 { 0 } else { n };
        match call.resume(&mut caller, &[Val::I32(answer)])? {
            ResumableCall::Finished(sum) => Ok(sum),
            ResumableCall::Suspended(call) => {
                *caller.data_mut() = Some(call);
                Ok(-1)
            }
        }
    });
    let instance = instantiate_with(&mut store, ADDER, &[host.into()]);
    let sum = instance.get_typed_func::<i32, i32>(&mut store, "sum").unwrap();
    let tail = instance.get_typed_func::<i32, i32>(&mut store, "tail").unwrap();
    let call = sum.call_resumable(&mut store, 1).unwrap().suspended();
    *store.data_mut() = call;
    assert_eq!(tail.call(&mut store, 105).unwrap(), -1);
    assert_eq!(tail.call(&mut store, 107).unwrap(), -1);
    // The answer 0 finishes the suspended call.
    assert_eq!(tail.call(&mut store, 100).unwrap(), 212);
    assert!(store.data().is_none());
}

#[test]
fn a_suspended_call_belongs_to_its_store() {
    let engine = Engine::default();
    let (mut store, instance) = adder(&engine);
    let (mut other, _) = adder(&engine);
    let sum = instance.get_typed_func::<i32, i32>(&mut store, "sum").unwrap();
    let call = sum.call_resumable(&mut store, 1).unwrap().suspended().unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        call.resume(&mut other, &[Val::I32(0)])
    }));
    assert!(result.is_err());
}
