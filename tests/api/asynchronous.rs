//! Asynchronous calls, with an executor that polls by hand.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::outcomes::{
    Case, INNER, OUTER, Outcome, Plan, Position, STARTER, begin, check_direct, check_failure,
    check_positions, end, engines, imports_of_outer, names, outcomes,
};
use crate::*;

/// As [`crate::instantiate_with`], in stores that have asynchronous functions.
fn instantiate_with<T: Send>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Instance {
    let module = module(&store.engine().clone(), text);
    block_on(Instance::new_async(store, &module, imports)).0.unwrap()
}

/// Is pending so many times, and asks to be polled again each time.
pub struct Pause(pub usize);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Counts how often it is asked to poll.
#[derive(Default)]
pub struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls up to `limit` times; the result and how often it was pending.
pub fn poll_up_to<F: Future>(future: Pin<&mut F>, limit: usize) -> (Option<F::Output>, usize) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = future;
    for pending in 0..limit {
        if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
            return (Some(result), pending);
        }
        assert_eq!(woken.0.load(Ordering::Relaxed), pending + 1, "nobody would poll again");
    }
    (None, limit)
}

/// The result, and how often the future was pending.
pub fn block_on<F: Future>(future: F) -> (F::Output, usize) {
    let (result, pending) = poll_up_to(pin!(future), usize::MAX);
    (result.unwrap(), pending)
}

/// A store whose data are a count, and an instance of a module that adds what `f` returns for 1, 2
/// and so on.
fn summing<F>(engine: &Engine, f: F) -> (Store<usize>, TypedFunc<i32, i32>)
where
    F: for<'a> Fn(Caller<'a, usize>, (i32,)) -> Box<dyn Future<Output = Result<i32>> + Send + 'a>
        + Send
        + Sync
        + 'static,
{
    let mut store = Store::new(engine, 0);
    let f = Func::wrap_async(&mut store, f);
    let text = r#"(module
        (import "" "f" (func $f (param i32) (result i32)))
        (func (export "sum") (param $n i32) (result i32) (local $i i32) (local $sum i32)
            (block $done
                (loop $next
                    (br_if $done (i32.eq (local.get $i) (local.get $n)))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (local.set $sum (i32.add (local.get $sum) (call $f (local.get $i))))
                    (br $next)))
            (local.get $sum)))"#;
    let instance = instantiate_with(&mut store, text, &[f.into()]);
    let sum = instance.get_typed_func(&mut store, "sum").unwrap();
    (store, sum)
}

#[test]
fn a_call_waits_as_often_as_the_functions_it_calls() {
    let (mut store, sum) = summing(&Engine::default(), |mut caller, (n,)| {
        Box::new(async move {
            Pause(n as usize % 3).await;
            *caller.data_mut() += 1;
            Ok(10 * n)
        })
    });
    let (result, pending) = block_on(sum.call_async(&mut store, 10));
    assert_eq!((result.unwrap(), pending, *store.data()), (550, 10, 10));
    let mut results = [Val::I32(0)];
    let (result, pending) =
        block_on(sum.func().call_async(&mut store, &[Val::I32(4)], &mut results));
    result.unwrap();
    assert_eq!((results[0].unwrap_i32(), pending), (100, 4));
}

#[test]
fn functions_with_values_wait_too() {
    let mut store = Store::<()>::default();
    let (i64, f64) = (ValType::I64, ValType::F64);
    let ty = FuncType::new(store.engine(), [i64.clone(), f64.clone()], [f64, i64]);
    let swap = Func::new_async(&mut store, ty, |_, params, results| {
        Box::new(async move {
            Pause(2).await;
            (results[0], results[1]) = (params[1], params[0]);
            Pause(1).await;
            Ok(())
        })
    });
    let text = r#"(module
        (type $t (func (param i64 f64) (result f64 i64)))
        (import "" "" (func $swap (type $t)))
        (func (export "f") (type $t) (call $swap (local.get 0) (local.get 1)))
        (func (export "tail") (type $t) (return_call $swap (local.get 0) (local.get 1))))"#;
    let instance = instantiate_with(&mut store, text, &[swap.into()]);
    for name in ["f", "tail"] {
        let f = instance.get_typed_func::<(i64, f64), (f64, i64)>(&mut store, name).unwrap();
        let (result, pending) = block_on(f.call_async(&mut store, (-3, 2.5)));
        assert_eq!((result.unwrap(), pending), ((2.5, -3), 3));
    }
    let ty = FuncType::new(store.engine(), [], [ValType::I32]);
    let wrong = Func::new_async(&mut store, ty, |_, _, results| {
        Box::new(async move {
            Pause(1).await;
            results[0] = Val::I64(1);
            Ok(())
        })
    });
    let (result, _) = block_on(wrong.call_async(&mut store, &[], &mut [Val::I32(0)]));
    let error = format!("{:#}", result.unwrap_err());
    assert!(error.contains("incompatible value"), "{error}");
}

#[test]
fn calls_nest_as_deeply_as_activations_do() {
    let mut store = Store::<u32>::default();
    let again = Func::wrap_async(&mut store, |mut caller: Caller<'_, u32>, (depth,): (u32,)| {
        Box::new(async move {
            Pause(1).await;
            *caller.data_mut() = depth.max(*caller.data());
            let down = caller.get_export("down").and_then(Extern::into_func).unwrap();
            let down = down.typed::<u32, u32>(&caller)?;
            let result =
                if depth == 0 { 0 } else { down.call_async(&mut caller, depth - 1).await? };
            Pause(1).await;
            Ok::<_, Error>(result + 1)
        })
    });
    let text = r#"(module
        (import "" "" (func $again (param i32) (result i32)))
        (func (export "down") (param i32) (result i32) (call $again (local.get 0))))"#;
    let instance = instantiate_with(&mut store, text, &[again.into()]);
    let down = instance.get_typed_func::<u32, u32>(&mut store, "down").unwrap();
    for depth in [0, 1, 50, 1023] {
        let (result, pending) = block_on(down.call_async(&mut store, depth));
        assert_eq!((result.unwrap(), pending), (depth + 1, 2 * (depth as usize + 1)));
    }
    let (result, _) = block_on(down.call_async(&mut store, 1024));
    assert_eq!(trap_of(&result.unwrap_err()), Trap::TooManyActivations);
    let (result, _) = block_on(down.call_async(&mut store, 1023));
    assert_eq!(result.unwrap(), 1024);
}

#[test]
fn synchronous_calls_cannot_wait() {
    let (mut store, sum) = summing(&Engine::default(), |_, (n,)| Box::new(async move { Ok(n) }));
    let refused = |result: Result<()>| {
        let error = result.unwrap_err();
        assert!(error.to_string().contains("`*_async` functions"), "{error:#}");
    };
    refused(sum.call(&mut store, 1).map(|_| ()));
    refused(sum.func().call(&mut store, &[Val::I32(1)], &mut [Val::I32(0)]));
    refused(sum.func().call_unchecked(&mut store, &mut [ValRaw::i32(1)]));
    let empty = module(&store.engine().clone(), "(module)");
    refused(Instance::new(&mut store, &empty, &[]).map(|_| ()));

    // One that is nested in an asynchronous call cannot wait either, and is an error of that one only.
    let inner = *sum.func();
    let outer = Func::wrap(&mut store, move |mut caller: Caller<'_, usize>| {
        let inner = inner.typed::<i32, i32>(&caller).unwrap();
        let error = inner.call(&mut caller, 1).unwrap_err();
        assert!(format!("{error:#}").contains("call_async"), "{error:#}");
        assert!(error.downcast_ref::<WasmBacktrace>().is_some());
        inner.call(&mut caller, 0).unwrap() + 1
    });
    let outer = outer.typed::<(), i32>(&store).unwrap();
    assert_eq!(block_on(outer.call_async(&mut store, ())).0.unwrap(), 1);
    assert_eq!(block_on(sum.call_async(&mut store, 4)).0.unwrap(), 10);
}

/// The host function that ends as planned, after some pauses.
fn act(mut caller: Caller<'_, Plan>, x: i32) -> Box<dyn Future<Output = Result<i32>> + Send + '_> {
    Box::new(async move {
        Pause(x as usize % 3).await;
        begin(&mut caller)?;
        if caller.data().grow {
            Pause(x as usize % 2).await;
        }
        end(&mut caller, x)
    })
}

/// A host function that calls an export of its caller.
async fn nest(mut caller: Caller<'_, Plan>, export: &str, x: i32) -> Result<i32> {
    let before = names(&WasmBacktrace::capture(&caller));
    let instance = caller.instance().unwrap();
    let func = instance.get_typed_func::<i32, i32>(&mut caller, export)?;
    let result = func.call_async(&mut caller, x).await;
    assert_eq!(names(&WasmBacktrace::capture(&caller)), before);
    Pause(1).await;
    result
}

fn build(engine: &Engine) -> (Store<Plan>, Instance, Instance, Func) {
    let mut store = Store::new(engine, Plan::new(Outcome::Value, false));
    let act = Func::wrap_async(&mut store, |caller, (x,): (i32,)| act(caller, x));
    let nested = Func::wrap_async(&mut store, |caller: Caller<'_, Plan>, (x,): (i32,)| {
        Box::new(nest(caller, "direct", x))
    });
    let twice = Func::wrap_async(&mut store, |caller: Caller<'_, Plan>, (x,): (i32,)| {
        Box::new(nest(caller, "nested", x))
    });
    let inner = instantiate_with(&mut store, INNER, &[act.into(), nested.into(), twice.into()]);
    let imports = imports_of_outer(&mut store, inner);
    let outer = instantiate_with(&mut store, OUTER, &imports);
    (store, inner, outer, act)
}

#[test]
fn every_outcome_arrives_from_every_position_and_the_store_works_afterwards() {
    check_positions(build, check_position);
}

fn check_position(mut store: Store<Plan>, inner: Instance, case: Case) {
    let Case { outcome, func, place, position: Position { frames, .. }, .. } = &case;
    let (outcome, mark) = (*outcome, case.mark());
    for x in 1..6 {
        *store.data_mut() = Plan::new(outcome, case.grow);
        let result = catch_unwind(AssertUnwindSafe(|| block_on(func.call_async(&mut store, x)).0));
        if outcome == Outcome::Value {
            assert_eq!(result.unwrap().unwrap(), case.expected(x), "{place}");
        } else {
            check_failure(&mut store, outcome, result, x, frames, place);
        }
        assert_eq!(store.data().seen, *frames, "{place}");
        assert_usable(&mut store, inner, mark, place);
    }
    // Dropped at each of its awaits.
    for polls in 0.. {
        *store.data_mut() = Plan::new(outcome, false);
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            let call = func.call_async(&mut store, 5);
            poll_up_to(pin!(call), polls).0.is_none()
        }));
        store.take_pending_exception();
        assert_usable(&mut store, inner, mark, place);
        if !dropped.unwrap_or(false) {
            assert!(polls > 2);
            break;
        }
    }
}

fn assert_usable(store: &mut Store<Plan>, inner: Instance, mark: i32, place: &str) {
    assert!(WasmBacktrace::capture(&*store).frames().is_empty(), "{place}");
    *store.data_mut() = Plan::new(Outcome::Value, false);
    let direct = inner.get_typed_func::<i32, i32>(&mut *store, "direct").unwrap();
    assert_eq!(block_on(direct.call_async(&mut *store, 5)).0.unwrap(), 51 + mark, "{place}");
    let deep = inner.get_typed_func::<i32, i32>(&mut *store, "nested_twice").unwrap();
    let (result, _) = block_on(deep.call_async(&mut *store, 5));
    assert_eq!(result.unwrap(), 50 + 3 * (1 + mark), "{place}");
}

#[test]
fn every_outcome_arrives_from_a_host_function_called_directly() {
    check_direct(build, |store, act, outcome, x| {
        let result = catch_unwind(AssertUnwindSafe(|| block_on(act.call_async(&mut *store, x)).0));
        if outcome == Outcome::Value {
            assert_eq!(result.unwrap().unwrap(), 10 * x);
        } else {
            check_failure(store, outcome, result, x, &[], "called directly");
        }
    });
}

#[test]
fn every_outcome_arrives_from_a_start_function() {
    for engine in engines() {
        for (outcome, grow) in outcomes() {
            let (mut store, _, _, _) = build(&engine);
            *store.data_mut() = Plan::new(outcome, grow);
            let mut linker = Linker::new(&engine);
            linker.func_wrap_async("", "", |caller, (x,): (i32,)| act(caller, x)).unwrap();
            let module = module(&engine, STARTER);
            let place = format!("start, {outcome:?}, growing: {grow}");
            let pre = linker.instantiate_pre(&module).unwrap();
            let result = catch_unwind(AssertUnwindSafe(|| {
                let (instance, pending) = block_on(pre.instantiate_async(&mut store));
                instance.map(|instance| (instance, pending))
            }));
            if outcome == Outcome::Value {
                let (instance, pending) = result.unwrap().unwrap();
                assert_eq!(pending, 1 + usize::from(grow));
                let global = instance.get_global(&mut store, "result").unwrap();
                let expected = 70 + i32::from(grow);
                assert_eq!(global.get(&mut store).unwrap_i32(), expected, "{place}");
            } else {
                let result = result.map(|result| result.map(|_| 0));
                check_failure(&mut store, outcome, result, 7, &["start"], &place);
            }
        }
    }
}

/// Counts those that exist.
pub struct Guard(Arc<AtomicUsize>);

impl Guard {
    pub fn new(count: &Arc<AtomicUsize>) -> Guard {
        count.fetch_add(1, Ordering::Relaxed);
        Guard(count.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn what_a_dropped_call_waited_for_is_dropped_with_it_and_may_use_the_store() {
    struct LastCall<'a>(Caller<'a, u32>, #[expect(dead_code, reason = "counts")] Guard);
    impl Drop for LastCall<'_> {
        fn drop(&mut self) {
            let add = self.0.get_export("add").and_then(Extern::into_func).unwrap();
            add.call(&mut self.0, &[], &mut []).unwrap();
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let mut store = Store::<u32>::default();
    let add = Func::wrap(&mut store, |mut caller: Caller<'_, u32>| *caller.data_mut() += 1);
    let guards = count.clone();
    let wait = Func::wrap_async(&mut store, move |caller: Caller<'_, u32>, (pauses,): (u32,)| {
        let call = LastCall(caller, Guard::new(&guards));
        Box::new(async move {
            Pause(pauses as usize).await;
            drop(call);
        })
    });
    let text = r#"(module
        (import "" "" (func $add)) (import "" "" (func $wait (param i32)))
        (func (export "add") (call $add))
        (func (export "run") (param i32) (call $wait (local.get 0)) (call $wait (local.get 0))))"#;
    let instance = instantiate_with(&mut store, text, &[add.into(), wait.into()]);
    let run = instance.get_typed_func::<u32, ()>(&mut store, "run").unwrap();
    for polls in 0..9 {
        *store.data_mut() = 0;
        let (result, _) = poll_up_to(pin!(run.call_async(&mut store, 3)), polls);
        assert_eq!(result.is_some(), polls > 6);
        assert_eq!(count.load(Ordering::Relaxed), 0);
        // One ended in the call, one was dropped with it.
        assert_eq!(*store.data(), [0, 1, 1, 1, 2, 2, 2, 2, 2][polls]);
    }
}

#[test]
fn a_forgotten_call_leaves_the_store_usable() {
    let (mut store, sum) = summing(&Engine::default(), |_, (n,)| {
        Box::new(async move {
            Pause(1).await;
            Ok(n)
        })
    });
    for _ in 0..100 {
        let mut call = Box::pin(sum.call_async(&mut store, 3));
        assert!(poll_up_to(call.as_mut(), 2).0.is_none());
        std::mem::forget(call);
    }
    let (result, pending) = block_on(sum.call_async(&mut store, 3));
    assert_eq!((result.unwrap(), pending), (6, 3));
    block_on(store.gc_async(None)).0.unwrap();
    assert!(WasmBacktrace::capture(&store).frames().len() >= 100);
}

#[test]
fn references_are_held_across_awaits_on_both_sides() {
    let engine = Engine::new(Config::new().gc_always(true)).unwrap();
    let mut store = Store::<()>::new(&engine, ());
    let swap = Func::wrap_async(
        &mut store,
        |mut caller: Caller<'_, ()>, (held,): (Option<Rooted<ExternRef>>,)| {
            Box::new(async move {
                Pause(1).await;
                let number = *held.unwrap().data(&caller)?.unwrap().downcast_ref::<i32>().unwrap();
                let new = ExternRef::new(&mut caller, number + 1)?;
                let unused = ExternRef::new(&mut caller, 1000)?;
                Pause(1).await;
                assert!(unused.data(&caller)?.is_some());
                Ok::<_, Error>(Some(new))
            })
        },
    );
    let text = r#"(module
        (type $pair (struct (field externref) (field externref)))
        (import "" "" (func $swap (param externref) (result externref)))
        (func (export "f") (param externref) (result externref) (local $p (ref null $pair))
            (local.set $p (struct.new $pair (local.get 0) (call $swap (local.get 0))))
            (call $swap (call $swap (struct.get $pair 1 (local.get $p))))
            (drop (call $swap (struct.get $pair 0 (local.get $p))))))"#;
    let instance = instantiate_with(&mut store, text, &[swap.into()]);
    type Handle = Option<Rooted<ExternRef>>;
    let f = instance.get_typed_func::<Handle, Handle>(&mut store, "f").unwrap();
    for polls in (0..9).chain([usize::MAX]) {
        let mut scope = RootScope::new(&mut store);
        let first = ExternRef::new(&mut scope, 1).unwrap();
        let (result, pending) = poll_up_to(pin!(f.call_async(&mut scope, Some(first))), polls);
        assert_eq!(result.is_some(), polls > 8);
        if let Some(last) = result {
            let last = last.unwrap().unwrap();
            let number = last.data(&scope).unwrap().unwrap().downcast_ref::<i32>();
            assert_eq!((number, pending), (Some(&4), 8));
        }
        assert_eq!(first.data(&scope).unwrap().unwrap().downcast_ref::<i32>(), Some(&1));
    }
    block_on(store.gc_async(None)).0.unwrap();
}

#[test]
fn an_exception_thrown_after_waiting_is_caught_where_the_call_stands() {
    let mut store = Store::<()>::default();
    let ty = TagType::new(FuncType::new(store.engine(), [ValType::I32], []));
    let tag = Tag::new(&mut store, &ty).unwrap();
    let throw = Func::wrap_async(&mut store, move |mut caller: Caller<'_, ()>, (x,): (i32,)| {
        Box::new(async move {
            Pause(2).await;
            let ty = tag.ty(&caller);
            let pre = ExnRefPre::new(&mut caller, ExnType::from_tag_type(&ty)?);
            let exn = ExnRef::new(&mut caller, &pre, &tag, &[Val::I32(x)])?;
            caller.throw::<()>(exn)
        })
    });
    let text = r#"(module
        (import "" "tag" (tag $tag (param i32)))
        (import "" "throw" (func $throw (param i32)))
        (func $down (param i32) (call $throw (local.get 0)))
        (func (export "f") (param $x i32) (param $d f64) (result i32) (local $i i32)
            (local.set $i (i32.mul (local.get $x) (i32.const 2)))
            (loop $l
                (block $caught (result i32)
                    (try_table (catch $tag $caught) (call $down (local.get $i)))
                    (unreachable))
                (local.set $x (i32.add (local.get $x)))
                (local.set $i (i32.sub (local.get $i) (i32.const 1)))
                (br_if $l (local.get $i)))
            (local.get $x)))"#;
    let instance = instantiate_with(&mut store, text, &[tag.into(), throw.into()]);
    let f = instance.get_typed_func::<(i32, f64), i32>(&mut store, "f").unwrap();
    let (result, pending) = block_on(f.call_async(&mut store, (3, 1.0)));
    assert_eq!((result.unwrap(), pending), (3 + 6 + 5 + 4 + 3 + 2 + 1, 12));
}

#[test]
fn a_call_may_go_on_in_another_thread_each_time() {
    fn send<F: Future + Send>(future: F) -> F {
        future
    }
    let engine = Engine::default();
    let (mut store, sum) = summing(&engine, |_, (n,)| {
        Box::new(async move {
            Pause(1).await;
            Ok(n)
        })
    });
    let mut call = Box::pin(send(sum.call_async(&mut store, 20)));
    let mut result = None;
    let mut threads = 0;
    while result.is_none() {
        std::thread::scope(|scope| {
            scope.spawn(|| result = poll_up_to(call.as_mut(), 1).0).join().unwrap();
        });
        threads += 1;
    }
    assert_eq!((result.unwrap().unwrap(), threads), (210, 21));
    drop(call);

    let mut store = Store::new(&engine, 0_usize);
    let linker = Linker::new(&engine);
    let module = module(&engine, "(module)");
    let instantiate = send(async {
        Instance::new_async(&mut store, &module, &[]).await.unwrap();
        linker.instantiate_async(&mut store, &module).await.unwrap();
        let pre = linker.instantiate_pre(&module).unwrap();
        pre.instantiate_async(&mut store).await.unwrap();
    });
    assert_eq!(block_on(instantiate).1, 0);
}

/// Allows what is even, after a pause.
#[derive(Default)]
struct Even {
    asked: Vec<(usize, usize)>,
}

impl Even {
    async fn answer(&mut self, current: usize, desired: usize) -> Result<bool> {
        Pause(1).await;
        self.asked.push((current, desired));
        Pause(1).await;
        ensure!(desired < 1 << 20, "far too large");
        let units = if desired >= 65536 { desired >> 16 } else { desired };
        Ok(units.is_multiple_of(2))
    }
}

impl ResourceLimiterAsync for Even {
    fn memory_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.answer(current, desired))
    }

    fn table_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.answer(current, desired))
    }

    fn memories(&self) -> usize {
        20
    }
}

const GROWER: &str = r#"(module
    (memory (export "memory") 2 12)
    (table (export "table") 2 20 funcref)
    (func (export "memory.grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "table.grow") (param i32) (result i32)
        (table.grow (ref.null func) (local.get 0))))"#;

#[test]
fn an_asynchronous_limiter_is_waited_for_wherever_it_is_asked() {
    let engine = Engine::default();
    let module = module(&engine, GROWER);
    let mut store = Store::new(&engine, Even::default());
    store.limiter_async(|even| even);
    let (instance, pending) = block_on(Instance::new_async(&mut store, &module, &[]));
    let instance = instance.unwrap();
    assert_eq!(pending, 4);
    let table = instance.get_table(&mut store, "table").unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    for name in ["memory.grow", "table.grow"] {
        let grow = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
        for polls in 0..2 {
            assert!(poll_up_to(pin!(grow.call_async(&mut store, 2)), polls).0.is_none());
        }
        // Nobody is asked about nothing, nor about more than the maximum.
        for (by, old, pending) in [(2, 2, 2), (1, -1, 2), (0, 4, 0), (4, 4, 2), (100, -1, 0)] {
            let result = block_on(grow.call_async(&mut store, by));
            assert_eq!((result.0.unwrap(), result.1), (old, pending), "{name} {by}");
        }
        assert!(grow.call(&mut store, 2).is_err());
        // In a call that cannot wait, but is not the one that the host begins, nobody is asked.
        let nested = Func::wrap(&mut store, move |mut caller: Caller<'_, Even>| {
            let error = grow.call(&mut caller, 2).unwrap_err();
            assert!(format!("{error:#}").contains("asynchronous"), "{error:#}");
        });
        block_on(nested.call_async(&mut store, &[], &mut [])).0.unwrap();
    }
    assert_eq!((memory.size(&store), table.size(&store)), (8, 8));
    assert_eq!(block_on(memory.grow_async(&mut store, 2)).0.unwrap(), 8);
    assert!(block_on(memory.grow_async(&mut store, 1)).0.is_err());
    assert_eq!(block_on(table.grow_async(&mut store, 2, Ref::Func(None))).0.unwrap(), 8);
    assert!(memory.grow(&mut store, 2).is_err());
    assert!(table.grow(&mut store, 2, Ref::Func(None)).is_err());
    assert!(block_on(Memory::new_async(&mut store, MemoryType::new(3, None))).0.is_err());
    let large = block_on(Memory::new_async(&mut store, MemoryType::new(1 << 10, None)));
    assert!(format!("{:#}", large.0.unwrap_err()).contains("far too large"));
    assert!(block_on(Memory::new_async(&mut store, MemoryType::new(2, None))).0.is_ok());
    assert!(store.gc(None).is_err() && block_on(store.gc_async(None)).0.is_ok());
    assert!(ExternRef::new(&mut store, 1).is_err());
    assert!(block_on(ExternRef::new_async(&mut store, 1)).0.is_ok());
    let ty = TableType::new(RefType::FUNCREF, 3, None);
    assert!(block_on(Table::new_async(&mut store, ty, Ref::Func(None))).0.is_err());
    assert!(store.data().asked.contains(&(4 << 16, 8 << 16)));
}

#[test]
fn an_error_of_an_asynchronous_limiter_ends_the_program() {
    let engine = Engine::default();
    let module = module(
        &engine,
        r#"(module (memory 0)
        (func (export "f") (param i32) (result i32) (memory.grow (local.get 0))))"#,
    );
    let mut store = Store::new(&engine, Even::default());
    store.limiter_async(|even| even);
    let instance = block_on(Instance::new_async(&mut store, &module, &[])).0.unwrap();
    let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
    for _ in 0..3 {
        let (result, pending) = block_on(f.call_async(&mut store, 1 << 10));
        let error = result.unwrap_err();
        assert!(format!("{error:#}").contains("far too large"), "{error:#}");
        assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
        assert_eq!(pending, 2);
    }
    assert_eq!(block_on(f.call_async(&mut store, 2)).0.unwrap(), 0);
}

/// Panics at its poll of a number, and then when it is dropped if it says so.
struct Bomb {
    polls: usize,
    panics_at: usize,
    and_in_drop: bool,
    _held: Arc<()>,
}

impl Future for Bomb {
    type Output = Result<i32>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<i32>> {
        self.polls += 1;
        if self.polls == self.panics_at {
            resume_unwind(Box::new("panic"));
        }
        if self.polls == 4 {
            return Poll::Ready(Ok(1));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.and_in_drop && self.polls == self.panics_at {
            resume_unwind(Box::new("destructor"));
        }
    }
}

#[test]
fn a_panic_reaches_the_caller_wherever_an_asynchronous_function_is_and_its_future_is_dropped() {
    // Before there is a future, or at its first, second and third poll; a panic of the destructor is not
    // worth more than the one before.
    for (panics_at, and_in_drop) in (0..4).flat_map(|at| [(at, false), (at, true)]) {
        let place = format!("{panics_at} {and_in_drop}");
        let held = Arc::new(());
        let kept = held.clone();
        let (mut store, sum) = summing(&Engine::default(), move |mut caller, (x,)| {
            // A handle of the function's own.
            ExternRef::new(&mut caller, x).unwrap();
            if x == 2 && panics_at == 0 {
                resume_unwind(Box::new("panic"));
            }
            let panics_at = if x == 2 { panics_at } else { 0 };
            Box::new(Bomb { polls: 0, panics_at, and_in_drop, _held: kept.clone() })
        });
        let call = AssertUnwindSafe(|| block_on(sum.call_async(&mut store, 3)).0);
        let payload = catch_unwind(call).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"panic"), "{place}");
        assert_eq!(Arc::strong_count(&held), 2, "{place}");
        assert_eq!(block_on(sum.call_async(&mut store, 1)).0.unwrap(), 1, "{place}");
    }
}
