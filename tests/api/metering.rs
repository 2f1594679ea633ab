//! Fuel, epochs, and what suspends a call besides host functions.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::asynchronous::{Pause, block_on};
use crate::*;

fn fuel_engine() -> Engine {
    Engine::new(Config::new().consume_fuel(true)).unwrap()
}

/// What calling the export `f` with a number uses up.
fn cost(engine: &Engine, body: &str, argument: i32) -> u64 {
    let text = format!(
        r#"(module
            (type $pair (struct (field i32) (field i32)))
            (type $bytes (array (mut i8)))
            (type $refs (array (mut funcref)))
            (type $none (func))
            (import "" "host" (func $host))
            (memory 1 10)
            (table $t 20 100 funcref)
            (elem $e func $empty $empty $empty)
            (data $d "abcdef")
            (tag $tag)
            (func $empty)
            (func (export "f") (param $n i32) (local $x i32) {body}))"#
    );
    let mut store = Store::new(engine, ());
    let host = Func::wrap(&mut store, || {});
    let instance = instantiate_with(&mut store, &text, &[host.into()]);
    let f = instance.get_typed_func::<i32, ()>(&mut store, "f").unwrap();
    store.set_fuel(1 << 40).unwrap();
    f.call(&mut store, argument).unwrap();
    (1 << 40) - store.get_fuel().unwrap()
}

#[test]
fn the_schedule_never_changes() {
    // Version 1. Each body, an argument, and what it costs with entering the function.
    let totals: &[(&str, i32, u64)] = &[
        ("", 0, 1),
        ("(nop) (block) (block (nop))", 0, 1),
        ("(drop (i32.const 1))", 0, 2),
        ("(drop (i32.add (local.get $n) (i32.const 1)))", 0, 4),
        ("(local.set $n (i32.const 1))", 0, 3),
        ("(return)", 0, 1),
        // What cannot be reached costs nothing, nor does what ends a block.
        ("(return) (drop (i32.const 1))", 0, 1),
        ("(block (br 0) (drop (i32.const 1)))", 0, 2),
        // Only the arm that is taken; what follows is paid for with what was ahead.
        ("(if (local.get $n) (then (drop (i32.const 1)))) (drop (i32.const 1))", 1, 5),
        ("(if (local.get $n) (then (drop (i32.const 1)))) (drop (i32.const 1))", 0, 4),
        (
            "(if (local.get $n) (then (nop)) (else (drop (i32.add (i32.const 1) (i32.const 2)))))",
            0,
            6,
        ),
        (
            "(if (local.get $n) (then (nop)) (else (drop (i32.add (i32.const 1) (i32.const 2)))))",
            1,
            3,
        ),
        // A segment is paid for when it begins, whether or not something leaves it early.
        ("(block (br_if 0 (local.get $n)) (drop (i32.const 1)))", 1, 4),
        ("(block (br_if 0 (local.get $n)) (drop (i32.const 1)))", 0, 4),
        // Behind a block that something branches out of, another one begins.
        (
            "(block (block (br_if 1 (local.get $n))) (drop (i32.const 1))) (drop (i32.const 1))",
            0,
            5,
        ),
        (
            "(block (block (br_table 0 1 (local.get $n))) (drop (i32.const 1))) (drop (i32.const 1))",
            0,
            5,
        ),
        (
            "(block (block (br_table 0 1 (local.get $n))) (drop (i32.const 1))) (drop (i32.const 1))",
            1,
            4,
        ),
        // Each time around.
        ("(loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))", 1, 6),
        ("(loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))", 100, 501),
        (
            "(loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (drop (i32.const 1))",
            100,
            502,
        ),
        // Calls, and what they call.
        ("(call $empty)", 0, 3),
        ("(call $host)", 0, 2),
        ("(call_ref $none (ref.func $empty))", 0, 4),
        ("(return_call $empty)", 0, 3),
        // By length.
        ("(memory.fill (i32.const 0) (i32.const 1) (local.get $n))", 1000, 1005),
        ("(memory.fill (i32.const 0) (i32.const 1) (local.get $n))", 0, 5),
        ("(memory.copy (i32.const 8) (i32.const 1) (local.get $n))", 33, 38),
        ("(memory.init $d (i32.const 8) (i32.const 1) (local.get $n))", 3, 8),
        ("(drop (memory.grow (local.get $n)))", 3, 3),
        ("(drop (memory.grow (local.get $n)))", -1, 3),
        ("(table.fill $t (i32.const 0) (ref.null func) (local.get $n))", 5, 10),
        ("(table.copy $t $t (i32.const 0) (i32.const 1) (local.get $n))", 6, 11),
        ("(table.init $t $e (i32.const 0) (i32.const 1) (local.get $n))", 2, 7),
        ("(drop (table.grow $t (ref.null func) (local.get $n)))", 7, 11),
        ("(drop (table.grow $t (ref.null func) (local.get $n)))", 10000, 10004),
        ("(drop (array.new $bytes (i32.const 1) (local.get $n)))", 9, 13),
        ("(drop (array.new_default $bytes (local.get $n)))", 9, 12),
        ("(drop (array.new_data $bytes $d (i32.const 0) (local.get $n)))", 4, 8),
        ("(drop (array.new_elem $refs $e (i32.const 0) (local.get $n)))", 2, 6),
        (
            "(array.fill $bytes (array.new_default $bytes (i32.const 9)) (i32.const 0) (i32.const 1) (local.get $n))",
            5,
            21,
        ),
        (
            "(array.init_data $bytes $d (array.new_default $bytes (i32.const 9)) (i32.const 0) (i32.const 0) (local.get $n))",
            5,
            21,
        ),
        ("(drop (struct.new $pair (i32.const 1) (local.get $n)))", 0, 4),
        // Exceptions.
        ("(block $b (try_table (catch_all $b) (throw $tag)))", 0, 3),
        ("(block $b (try_table (catch_all $b) (throw $tag))) (drop (i32.const 1))", 0, 4),
    ];
    let engines = [
        fuel_engine(),
        Engine::new(
            Config::new()
                .consume_fuel(true)
                .epoch_interruption(false)
                .interruptible(true)
                .signals_based_traps(false)
                .compilation_mode(CompilationMode::Eager),
        )
        .unwrap(),
    ];
    for (body, argument, total) in totals {
        for engine in &engines {
            assert_eq!(cost(engine, body, *argument), *total, "{body} of {argument}");
        }
    }
}

#[test]
fn all_instructions_cost_1_but_for_those_that_do_nothing() {
    let costs = format!("{:?}", OperatorCost::new());
    let (flat, variable) = costs.split_once("variable:").unwrap();
    let free: Vec<&str> = flat
        .split([' ', ',', '{'])
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|pair| pair[0].ends_with(':') && pair[1] == "0")
        .map(|pair| pair[0].trim_end_matches(':'))
        .collect();
    let expected = ["Unreachable", "Nop", "Block", "Loop", "Else", "End", "Return", "Drop"];
    assert_eq!(
        std::collections::BTreeSet::from_iter(free),
        std::collections::BTreeSet::from(expected)
    );
    assert!(!flat.contains(": 2") && flat.matches(": 1").count() > 500);
    assert!(variable.contains("memory_grow_per_page: 0"));
    assert_eq!(variable.matches(": 1").count(), 15);
}

#[test]
fn costs_can_be_set() {
    let mut costs = OperatorCost::new();
    costs.I32Add = 100;
    costs.Drop = 7;
    costs.LocalGet = 0;
    costs.variable.memory_grow_per_page = 10;
    costs.variable.memory_fill_per_byte = 0;
    let engine = Engine::new(Config::new().consume_fuel(true).operator_cost(costs)).unwrap();
    let cost = |body, argument| cost(&engine, body, argument);
    assert_eq!(cost("(drop (i32.add (local.get $n) (i32.const 1)))", 0), 1 + 100 + 1 + 7);
    assert_eq!(cost("(drop (memory.grow (local.get $n)))", 3), 1 + 1 + 30 + 7);
    assert_eq!(cost("(memory.fill (i32.const 0) (i32.const 1) (local.get $n))", 3), 4);
    // Comparison and branch, with something to pay between them.
    let body = "(loop $l (local.set $n (i32.sub (local.get $n) (i32.const 1))) \
                (br_if $l (i32.gt_s (local.get $n) (i32.const 0))))";
    assert_eq!(cost(body, 5), 1 + 5 * 6);
}

const WORK: &str = r#"(module
    (type $node (struct (field (ref null $node)) (field i64)))
    (memory (export "memory") 1)
    (global $g (export "g") (mut i64) (i64.const 0))
    (func $fib (param $n i64) (result i64)
        (if (result i64) (i64.lt_u (local.get $n) (i64.const 2))
            (then (local.get $n))
            (else (i64.add (call $fib (i64.sub (local.get $n) (i64.const 1)))
                           (call $fib (i64.sub (local.get $n) (i64.const 2)))))))
    (func (export "f") (param $n i64) (param $d f64) (result i64 f64)
        (local $i i32) (local $sum i64) (local $list (ref null $node)) (local $p f64)
        (local.set $p (f64.const 1))
        (loop $l
            (local.set $sum (i64.add (local.get $sum) (call $fib (local.get $n))))
            (local.set $p (f64.mul (local.get $p) (local.get $d)))
            (local.set $list (struct.new $node (local.get $list) (local.get $sum)))
            (memory.fill (i32.mul (local.get $i) (i32.const 300)) (local.get $i) (i32.const 300))
            (block $out
                (block $b (block $a
                    (br_table $a $b $out (i32.rem_u (local.get $i) (i32.const 3))))
                    (local.set $sum (i64.add (local.get $sum) (i64.const 1)))
                    (br $out))
                (local.set $sum (i64.add (local.get $sum) (i64.const 1000))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 9))))
        (loop $l
            (global.set $g (i64.add (global.get $g) (struct.get $node 1 (local.get $list))))
            (local.set $list (struct.get $node 0 (local.get $list)))
            (br_if $l (i32.eqz (ref.is_null (local.get $list)))))
        (local.get $sum) (local.get $p)))"#;

type Work = TypedFunc<(i64, f64), (i64, f64)>;

/// A store with an instance of `WORK`, and its function.
fn work(engine: &Engine) -> (Store<()>, Instance, Work) {
    let mut store = Store::new(engine, ());
    let instance = instantiate_with(&mut store, WORK, &[]);
    let f = instance.get_typed_func(&mut store, "f").unwrap();
    (store, instance, f)
}

fn state(store: &mut Store<()>, instance: Instance) -> (Vec<u8>, i64) {
    let memory = instance.get_memory(&mut *store, "memory").unwrap().data(&*store).to_vec();
    let global = instance.get_global(&mut *store, "g").unwrap();
    (memory, global.get(&mut *store).unwrap_i64())
}

#[test]
fn code_in_slices_of_fuel_does_what_it_does_at_once() {
    for gc_always in [false, true] {
        let engine = Engine::new(Config::new().consume_fuel(true).gc_always(gc_always)).unwrap();
        let (mut store, instance, f) = work(&engine);
        store.set_fuel(u64::MAX).unwrap();
        let results = f.call(&mut store, (9, 1.5)).unwrap();
        let total = u64::MAX - store.get_fuel().unwrap();
        let end = state(&mut store, instance);
        for slice in [1, 7, 1000] {
            let (mut store, instance, f) = work(&engine);
            store.set_fuel(slice).unwrap();
            let mut given = slice;
            let mut call = f.call_resumable(&mut store, (9, 1.5)).unwrap();
            let mut deepest = 0;
            let result = loop {
                let suspended = match call {
                    ResumableCall::Finished(results) => break results,
                    ResumableCall::Suspended(call) => call,
                };
                assert_eq!(suspended.reason(), SuspendReason::OutOfFuel);
                assert_eq!(store.get_fuel().unwrap(), 0);
                let frames = suspended.backtrace(&store);
                deepest = deepest.max(frames.frames().len());
                assert!(matches!(frames.frames().last().unwrap().func_index(), 1));
                store.set_fuel(slice).unwrap();
                given += slice;
                call = suspended.resume(&mut store, &[]).unwrap();
            };
            assert_eq!((result, state(&mut store, instance)), (results, end.clone()));
            assert_eq!(given - store.get_fuel().unwrap(), total, "{slice}");
            assert!(deepest > if slice == 1 { 8 } else { 1 });
        }
    }
}

#[test]
fn an_arm_finds_in_the_accumulators_what_was_there_before_it_was_suspended() {
    let module = r#"(module (func (export "f") (param $n i32) (param $d f64) (result f64)
        (local $m i32) (local $x f64)
        (local.set $m (i32.mul (local.get $n) (i32.const 3)))
        (local.set $x (f64.mul (local.get $d) (f64.const 0.5)))
        (if (i32.gt_s (local.get $n) (i32.const 5))
            (then (local.set $m (i32.add (local.get $m) (i32.const 100))))
            (else (local.set $x (f64.sub (local.get $x) (f64.const 0.25)))))
        (f64.add (local.get $x) (f64.convert_i32_s (local.get $m)))))"#;
    let engine = fuel_engine();
    for (n, result) in [(5, 17.25), (6, 120.5)] {
        for slice in 1..25 {
            let mut store = Store::new(&engine, ());
            let instance = instantiate_with(&mut store, module, &[]);
            let f = instance.get_typed_func::<(i32, f64), f64>(&mut store, "f").unwrap();
            store.set_fuel(slice).unwrap();
            let mut call = f.call_resumable(&mut store, (n, 5.0)).unwrap();
            let found = loop {
                match call {
                    ResumableCall::Finished(found) => break found,
                    ResumableCall::Suspended(suspended) => {
                        store.set_fuel(slice).unwrap();
                        call = suspended.resume(&mut store, &[]).unwrap();
                    }
                }
            };
            assert_eq!(found, result, "{n} in slices of {slice}");
        }
    }
}

#[test]
fn a_call_goes_on_with_as_much_fuel_as_there_can_be() {
    let engine = fuel_engine();
    let (mut store, _, f) = work(&engine);
    store.set_fuel(u64::MAX).unwrap();
    f.call(&mut store, (3, 1.5)).unwrap();
    let total = u64::MAX - store.get_fuel().unwrap();
    let (mut store, _, f) = work(&engine);
    store.set_fuel(1).unwrap();
    let call = f.call_resumable(&mut store, (3, 1.5)).unwrap();
    let ResumableCall::Suspended(suspended) = call else { panic!("it has fuel for all of it") };
    store.set_fuel(u64::MAX).unwrap();
    let call = suspended.resume(&mut store, &[]).unwrap();
    assert!(matches!(call, ResumableCall::Finished(_)));
    assert_eq!(store.get_fuel().unwrap(), u64::MAX - (total - 1));
}

#[test]
fn a_call_that_cannot_be_suspended_ends_without_fuel() {
    let (mut store, _, f) = work(&fuel_engine());
    let error = f.call(&mut store, (9, 1.5)).unwrap_err();
    assert_eq!(trap_of(&error), Trap::OutOfFuel);
    store.set_fuel(100).unwrap();
    let error = f.call(&mut store, (9, 1.5)).unwrap_err();
    assert_eq!(trap_of(&error), Trap::OutOfFuel);
    assert!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len() > 1);
    assert_eq!(store.get_fuel().unwrap(), 0);
    let (result, pending) = block_on(f.call_async(&mut store, (9, 1.5)));
    assert_eq!((trap_of(&result.unwrap_err()), pending), (Trap::OutOfFuel, 0));
    // In a nested call that is not resumable it is an error for whoever made that.
    store.set_fuel(1000).unwrap();
    let nested = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>| {
        let error = f.call(&mut caller, (9, 1.5)).unwrap_err();
        assert_eq!(trap_of(&error), Trap::OutOfFuel);
        assert_eq!(caller.get_fuel().unwrap(), 0);
        caller.set_fuel(5).unwrap();
    });
    let call = nested.call_resumable(&mut store, &[]).unwrap();
    assert_eq!(call.finished().map(|results| results.len()), Some(0));
    assert_eq!(store.get_fuel().unwrap(), 5);

    let mut store = Store::<()>::default();
    assert!(store.set_fuel(1).is_err() && store.get_fuel().is_err());
    assert!(store.fuel_async_yield_interval(Some(1)).is_err());
}

#[test]
fn an_asynchronous_call_yields_in_intervals_of_fuel() {
    let engine = fuel_engine();
    let (mut store, _, f) = work(&engine);
    store.set_fuel(u64::MAX).unwrap();
    let expected = f.call(&mut store, (9, 1.5)).unwrap();
    let total = u64::MAX - store.get_fuel().unwrap();
    for interval in [10, 100, 1000, 1 << 40] {
        let (mut store, _, f) = work(&engine);
        assert!(store.fuel_async_yield_interval(Some(0)).is_err());
        store.fuel_async_yield_interval(Some(interval)).unwrap();
        store.set_fuel(total + 5).unwrap();
        assert_eq!(store.get_fuel().unwrap(), total + 5);
        let (result, pending) = block_on(f.call_async(&mut store, (9, 1.5)));
        assert_eq!(result.unwrap(), expected);
        assert_eq!(store.get_fuel().unwrap(), 5);
        assert_eq!(pending as u64, (total - 1) / interval, "{interval}");
        store.set_fuel(total - 1).unwrap();
        let (result, _) = block_on(f.call_async(&mut store, (9, 1.5)));
        assert_eq!(trap_of(&result.unwrap_err()), Trap::OutOfFuel);
    }
}

const ENDLESS: &str = r#"(module
    (import "" "tick" (func $tick))
    (global $n (export "n") (mut i32) (i32.const 0))
    (func (export "loop") (param f64) (result f64) (local $x f64)
        (loop $l
            (local.set $x (f64.add (local.get $x) (local.get 0)))
            (call $tick)
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (br_if $l (f64.lt (local.get $x) (f64.const 1000))))
        (local.get $x))
    (func $deep (param i32) (result i32)
        (call $tick)
        (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))
    (export "deep" (func $deep)))"#;

/// A store whose code advances the epoch at each round.
fn ticking() -> (Store<usize>, TypedFunc<f64, f64>, TypedFunc<i32, i32>) {
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let mut store = Store::new(&engine, 0);
    let weak = engine.weak();
    let tick = Func::wrap(&mut store, move || weak.upgrade().unwrap().increment_epoch());
    let instance = instantiate_with(&mut store, ENDLESS, &[tick.into()]);
    let f = instance.get_typed_func(&mut store, "loop").unwrap();
    let deep = instance.get_typed_func(&mut store, "deep").unwrap();
    (store, f, deep)
}

#[test]
fn code_traps_at_its_deadline() {
    let (mut store, f, deep) = ticking();
    // Reached until it is set.
    assert_eq!(trap_of(&f.call(&mut store, 1.0).unwrap_err()), Trap::Interrupt);
    store.set_epoch_deadline(1000);
    assert_eq!(f.call(&mut store, 1.0).unwrap(), 1000.0);
    for (by, result) in [(10, Err(Trap::Interrupt)), (11, Ok(10)), (u64::MAX, Ok(10))] {
        store.set_epoch_deadline(by);
        assert_eq!(deep.call(&mut store, 10).map_err(|error| trap_of(&error)), result);
    }
    store.set_epoch_deadline(999);
    assert_eq!(trap_of(&f.call(&mut store, 1.0).unwrap_err()), Trap::Interrupt);
}

#[test]
fn a_callback_says_what_a_deadline_leads_to() {
    let (mut store, f, _) = ticking();
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(UpdateDeadline::Continue(100))
    });
    assert_eq!(f.call(&mut store, 1.0).unwrap(), 1000.0);
    assert_eq!(*store.data(), 10);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|_| bail!("enough"));
    let error = f.call(&mut store, 1.0).unwrap_err();
    assert!(format!("{error:#}").contains("enough"));
    assert!(error.downcast_ref::<WasmBacktrace>().is_some());
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Interrupt));
    assert_eq!(trap_of(&f.call(&mut store, 1.0).unwrap_err()), Trap::Interrupt);
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
    assert_eq!(trap_of(&f.call(&mut store, 1.0).unwrap_err()), Trap::Interrupt);
    store.epoch_deadline_callback(|_| std::panic::resume_unwind(Box::new(17)));
    let call = std::panic::AssertUnwindSafe(|| f.call(&mut store, 1.0));
    let panic = std::panic::catch_unwind(call).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&17));
    // It may call the store's code, whose deadline it has to set.
    let nested = Arc::new(AtomicUsize::new(0));
    let count = nested.clone();
    store.epoch_deadline_callback(move |mut store| {
        store.set_epoch_deadline(2000);
        assert_eq!(f.call(&mut store, 1.0)?, 1000.0);
        count.fetch_add(1, Ordering::Relaxed);
        Ok(UpdateDeadline::Continue(2000))
    });
    assert_eq!(f.call(&mut store, 1.0).unwrap(), 1000.0);
    assert_eq!(nested.load(Ordering::Relaxed), 1);
    store.epoch_deadline_trap();
    store.set_epoch_deadline(0);
    assert_eq!(trap_of(&f.call(&mut store, 1.0).unwrap_err()), Trap::Interrupt);
}

#[test]
fn an_asynchronous_call_yields_at_its_deadline() {
    let (mut store, f, deep) = ticking();
    store.epoch_deadline_async_yield_and_update(100);
    let (result, pending) = block_on(f.call_async(&mut store, 1.0));
    assert_eq!((result.unwrap(), pending), (1000.0, 10));
    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(1);
    let (result, pending) = block_on(deep.call_async(&mut store, 50));
    assert_eq!((result.unwrap(), pending), (50, 50));
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(UpdateDeadline::YieldCustom(500, Box::pin(Pause(3))))
    });
    *store.data_mut() = 0;
    store.set_epoch_deadline(0);
    let (result, pending) = block_on(f.call_async(&mut store, 1.0));
    assert_eq!((result.unwrap(), pending, *store.data()), (1000.0, 6, 2));
    // Dropped while it yields.
    store.set_epoch_deadline(0);
    {
        let mut call = pin!(f.call_async(&mut store, 1.0));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut cx).is_pending());
    }
    assert!(WasmBacktrace::capture(&store).frames().is_empty());
}

#[test]
fn a_resumable_call_is_suspended_by_its_deadline_and_by_request() {
    let (mut store, f, _) = ticking();
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(100)));
    let mut call = f.call_resumable(&mut store, 1.0).unwrap();
    let mut suspended = 0;
    let result = loop {
        call = match call {
            ResumableCall::Finished(result) => break result,
            ResumableCall::Suspended(call) => {
                assert_eq!(call.reason(), SuspendReason::Epoch);
                assert_eq!(call.backtrace(&store).frames().len(), 1);
                assert!(call.host_type(&store).results().len() == 0);
                suspended += 1;
                call.resume(&mut store, &[]).unwrap()
            }
        }
    };
    assert_eq!((result, suspended), (1000.0, 10));

    store.epoch_deadline_trap();
    store.set_epoch_deadline(1 << 40);
    let handle = store.interrupt_handle();
    handle.suspend();
    let call = f.call_resumable(&mut store, 1.0).unwrap().suspended().unwrap();
    assert_eq!(call.reason(), SuspendReason::Interrupt);
    // The call that waits is in nobody's way.
    assert_eq!(f.call(&mut store, 1.0).unwrap(), 1000.0);
    handle.suspend();
    let call = call.resume(&mut store, &[]).unwrap().suspended().unwrap();
    let error = call.resume_with_error(&mut store, format_err!("stop")).unwrap_err();
    assert!(format!("{error:#}").contains("stop"), "{error:#}");
    assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
    handle.suspend();
    assert_eq!(trap_of(&f.call(&mut store, 1.0).unwrap_err()), Trap::Interrupt);
    handle.interrupt();
    let error = f.call_resumable(&mut store, 1.0).unwrap_err();
    assert_eq!(trap_of(&error), Trap::Interrupt);
    handle.interrupt();
    assert!(handle.cancel() && !handle.cancel());
    assert_eq!(f.call(&mut store, 1.0).unwrap(), 1000.0);
}

#[test]
fn an_error_raised_where_a_call_is_suspended_can_be_caught_there() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = TagType::new(FuncType::new(&engine, [ValType::I32], []));
    let tag = Tag::new(&mut store, &ty).unwrap();
    let ask = Func::wrap(&mut store, || -> Result<i32> { Err(Suspend::new("ask").into()) });
    let text = r#"(module
        (import "" "tag" (tag $tag (param i32)))
        (import "" "ask" (func $ask (result i32)))
        (func $ask2 (result i32) (i32.add (call $ask) (i32.const 100)))
        (func (export "f") (param $x i32) (result i32)
            (block $caught (result i32)
                (return (try_table (result i32) (catch $tag $caught) (call $ask2))))
            (i32.add (local.get $x))))"#;
    let instance = instantiate_with(&mut store, text, &[tag.into(), ask.into()]);
    let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
    let call = f.call_resumable(&mut store, 5).unwrap().suspended().unwrap();
    assert_eq!(call.reason(), SuspendReason::Host);
    let names: Vec<_> =
        call.backtrace(&store).frames().iter().map(|frame| frame.func_index()).collect();
    assert_eq!(names, [1, 2]);
    let pre = ExnRefPre::new(&mut store, ExnType::from_tag_type(&ty).unwrap());
    let exn = ExnRef::new(&mut store, &pre, &tag, &[Val::I32(37)]).unwrap();
    let thrown = store.throw::<()>(exn).unwrap_err();
    let call = call.resume_with_error(&mut store, thrown).unwrap();
    assert_eq!(call.finished(), Some(42));
    let call = f.call_resumable(&mut store, 5).unwrap().suspended().unwrap();
    let error = call.resume_with_error(&mut store, Trap::OutOfFuel.into()).unwrap_err();
    assert_eq!(trap_of(&error), Trap::OutOfFuel);
    assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 2);
    let call = f.call_resumable(&mut store, 5).unwrap().suspended().unwrap();
    assert_eq!(call.resume(&mut store, &[Val::I32(1)]).unwrap().finished(), Some(101));
}

#[test]
fn a_call_suspended_in_the_middle_of_a_bulk_operation_goes_on_there() {
    let engine = Engine::new(Config::new().gc_always(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let text = r#"(module
        (type $pair (struct (field i32)))
        (type $pairs (array (mut (ref null $pair))))
        (memory (export "memory") 160)
        (func (export "fill") (param i32 f64) (result f64)
            (memory.fill (i32.const 3) (local.get 0) (i32.const 10000000))
            (local.get 1))
        (func (export "objects") (param $n i32) (result i32) (local $a (ref null $pairs))
            (local.set $a (array.new_default $pairs (i32.const 200000)))
            (array.fill $pairs (local.get $a) (i32.const 0) (struct.new $pair (local.get $n))
                (i32.const 200000))
            (drop (struct.new $pair (i32.const 1)))
            (i32.add
                (struct.get $pair 0 (array.get $pairs (local.get $a) (i32.const 0)))
                (struct.get $pair 0 (array.get $pairs (local.get $a) (i32.const 199999))))))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let handle = store.interrupt_handle();
    let fill = instance.get_typed_func::<(i32, f64), f64>(&mut store, "fill").unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    handle.suspend();
    let mut call = fill.call_resumable(&mut store, (7, 2.5)).unwrap();
    let mut suspended = 0;
    let result = loop {
        match call {
            ResumableCall::Finished(result) => break result,
            ResumableCall::Suspended(waiting) => {
                assert_eq!(waiting.reason(), SuspendReason::Interrupt);
                suspended += 1;
                let filled = memory.data(&store).iter().filter(|byte| **byte == 7).count();
                assert_eq!(filled, suspended << 20);
                store.gc(None).unwrap();
                handle.suspend();
                call = waiting.resume(&mut store, &[]).unwrap();
            }
        }
    };
    assert!(handle.cancel());
    assert_eq!((result, suspended), (2.5, 9));
    assert_eq!(memory.data(&store).iter().filter(|byte| **byte == 7).count(), 10_000_000);

    let objects = instance.get_typed_func::<i32, i32>(&mut store, "objects").unwrap();
    handle.suspend();
    let mut call = objects.call_resumable(&mut store, 21).unwrap();
    while let ResumableCall::Suspended(waiting) = call {
        store.gc(None).unwrap();
        handle.suspend();
        call = waiting.resume(&mut store, &[]).unwrap();
    }
    assert_eq!(call.finished(), Some(42));
}

/// A function of so many operators that its translation takes a while.
fn large(operators: usize) -> String {
    let add = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))".repeat(operators / 4);
    format!(r#"(module (func (export "f") (param i32) (result i32) {add} (local.get 0)))"#)
}

/// Interrupts waited for translations. Code without checks of its own shows that it did not begin.
#[test]
fn an_interrupt_ends_the_translation_of_a_large_function_which_works_later() {
    let engine = Engine::default();
    let operators = 40_000;
    for ask in [InterruptHandle::interrupt, InterruptHandle::suspend] {
        let module = module(&engine, &large(operators));
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
        for _ in 0..2 {
            ask(&store.interrupt_handle());
            assert_eq!(trap_of(&f.call(&mut store, 1).unwrap_err()), Trap::Interrupt);
            assert!(!store.interrupt_handle().cancel(), "it has had its effect");
        }
        assert_eq!(f.call(&mut store, 1).unwrap(), 1 + operators as i32 / 4);
        // Now there is nothing to be interrupted.
        ask(&store.interrupt_handle());
        assert_eq!(f.call(&mut store, 1).unwrap(), 1 + operators as i32 / 4);
        assert!(store.interrupt_handle().cancel());
    }
}

#[test]
fn a_deadline_ends_the_translation_of_a_large_function_unless_the_embedder_is_asked() {
    let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
    let module = module(&engine, &large(40_000));
    let mut store = Store::new(&engine, 0);
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
    store.set_epoch_deadline(1);
    engine.increment_epoch();
    assert_eq!(trap_of(&f.call(&mut store, 1).unwrap_err()), Trap::Interrupt);
    // Who is asked is asked once, when the function begins.
    store.epoch_deadline_callback(|mut store| {
        *store.data_mut() += 1;
        Ok(UpdateDeadline::Continue(1))
    });
    assert_eq!(f.call(&mut store, 1).unwrap(), 10_001);
    assert_eq!(*store.data(), 1);
}
