//! Random trees of asynchronous calls, which are dropped at each of their awaits.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::asynchronous::{Guard, Pause, block_on, poll_up_to};
use crate::stress::{Random, setting};
use crate::*;

struct State {
    random: Random,
    /// Calls of the host that have begun and not ended.
    live: Arc<AtomicUsize>,
    /// What the host calls, in either instance.
    targets: Vec<TypedFunc<i32, i64>>,
}

type Handle = Option<Rooted<ExternRef>>;

const TEXT: &str = r#"(module
    (import "" "step" (func $step (param i32 externref) (result i64)))
    (import "" "ref" (func $ref (param i64) (result externref)))
    (memory 1 20)
    (func (export "run") (param $depth i32) (result i64)
        (local $i i32) (local $sum i64) (local $f f64) (local $ref externref)
        (loop $next
            (local.set $ref (call $ref (i64.extend_i32_u (local.get $i))))
            (local.set $f (f64.add (local.get $f) (f64.const 0.5)))
            (memory.fill (i32.const 1000) (local.get $i) (i32.const 500))
            (drop (memory.grow (i32.and (local.get $i) (i32.const 1))))
            (local.set $sum (i64.add
                (i64.mul (local.get $sum) (i64.const 31))
                (call $step (local.get $depth) (local.get $ref))))
            (local.set $sum (i64.add (local.get $sum) (i64.load8_u (i32.const 1499))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const 3))))
        (i64.add (local.get $sum) (i64.trunc_f64_s (f64.mul (local.get $f) (f64.const 2))))))"#;

/// Waits, calls WebAssembly, collects or fails, and waits again; holding a reference all the time.
fn step<'a>(
    mut caller: Caller<'a, State>,
    (depth, held): (i32, Handle),
) -> Box<dyn Future<Output = Result<i64>> + Send + 'a> {
    let guard = Guard::new(&caller.data().live);
    Box::new(async move {
        let _guard = guard;
        let random = &mut caller.data_mut().random;
        let [what, target, pauses] = [14, 2, 3].map(|limit| random.below(limit));
        Pause(pauses).await;
        let value = match what {
            0..5 if depth > 0 => {
                let target = caller.data().targets[target];
                target.call_async(&mut caller, depth - 1).await?
            }
            5 => caller.gc_async(None).await.map(|()| 5)?,
            6 if depth == 0 && target == 0 => return Err(Error::msg("the host fails")),
            7 if depth == 0 && target == 0 => return Err(Trap::IntegerOverflow.into()),
            _ => depth.into(),
        };
        Pause(pauses).await;
        let held = held.and_then(|held| held.data(&caller).ok()?).expect("it is held");
        Ok(value + held.downcast_ref::<i64>().expect("a number"))
    })
}

fn whole(gc_always: bool, interval: Option<u64>) -> (Store<State>, TypedFunc<i32, i64>) {
    let engine = Engine::new(Config::new().gc_always(gc_always).consume_fuel(true)).unwrap();
    let state = State { random: Random(0), live: Arc::default(), targets: Vec::new() };
    let mut store = Store::new(&engine, state);
    store.set_fuel(1 << 40).unwrap();
    store.fuel_async_yield_interval(interval).unwrap();
    let step = Func::wrap_async(&mut store, step);
    let make = Func::wrap(&mut store, |mut caller: Caller<'_, State>, number: i64| {
        Ok::<Handle, Error>(Some(ExternRef::new(&mut caller, number)?))
    });
    let module = module(&engine, TEXT);
    let targets = [(); 2].map(|()| {
        let imports = [step.into(), make.into()];
        let instance = block_on(Instance::new_async(&mut store, &module, &imports)).0.unwrap();
        instance.get_typed_func(&mut store, "run").unwrap()
    });
    store.data_mut().targets = targets.to_vec();
    let [first, _] = targets;
    (store, first)
}

#[test]
fn futures_dropped_at_each_await_leave_the_store_whole() {
    // Under Miri, small trees with each kind of store.
    let (steps, trees, depth) = if cfg!(miri) { (120, 1, 1) } else { (50_000, 5, 2) };
    let steps = setting("THREADLE_STRESS_STEPS", steps) as usize;
    let seed = setting("THREADLE_STRESS_SEED", 1);
    let (mut polls, mut round) = (0, 0);
    while polls < steps {
        let interval = [None, Some(100), Some(700)][round % 3];
        let (mut store, run) = whole(round % 2 == 1, interval);
        for tree in 0..trees {
            let number = (round * trees + tree) as u64;
            let begin = |store: &mut Store<State>| {
                store.data_mut().random = Random(seed.wrapping_add(number));
                store.set_fuel(1 << 40).unwrap();
            };
            let place = format!("round {round}, tree {tree}, seed {seed}");
            begin(&mut store);
            let (expected, pending) = block_on(run.call_async(&mut store, depth));
            let expected = expected.map_err(|error| error.root_cause().to_string());
            for limit in 0..=pending {
                begin(&mut store);
                let (result, _) = poll_up_to(pin!(run.call_async(&mut store, depth)), limit);
                assert!(result.is_none(), "{place}: {limit} of {pending}");
                assert_eq!(store.data().live.load(Ordering::Relaxed), 0, "{place}: {limit}");
                polls += limit;
            }
            begin(&mut store);
            let (result, again) = block_on(run.call_async(&mut store, depth));
            let result = result.map_err(|error| error.root_cause().to_string());
            assert_eq!((result, again), (expected, pending), "{place}");
        }
        block_on(store.gc_async(None)).0.unwrap();
        round += 1;
    }
}
