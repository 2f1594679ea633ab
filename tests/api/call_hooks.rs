//! Call hooks: what is told, when, and what an error of the hook does.

use std::pin::Pin;

use crate::asynchronous::{Pause, block_on};
use crate::*;

use CallHook::{CallingHost, CallingWasm, ReturningFromHost, ReturningFromWasm};

/// What a hook was told, and the event at which it fails.
#[derive(Default)]
struct Told {
    events: Vec<CallHook>,
    fails_at: Option<usize>,
}

impl Told {
    fn tell(&mut self, event: CallHook) -> Result<()> {
        self.events.push(event);
        if self.fails_at == Some(self.events.len() - 1) {
            bail!("the hook does not like event {}", self.events.len() - 1);
        }
        Ok(())
    }

    /// The events since the last time.
    fn take(&mut self) -> Vec<CallHook> {
        std::mem::take(&mut self.events)
    }
}

/// Calls the host, which calls back as often as it is told.
const TEXT: &str = r#"(module
    (import "" "host" (func $host (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) (call $host (local.get 0)))
    (func (export "trap") (unreachable)))"#;

fn nested(mut caller: Caller<'_, Told>, depth: i32) -> Result<i32> {
    if depth == 0 {
        return Ok(1);
    }
    let run = caller.get_export("run").and_then(Extern::into_func).unwrap();
    Ok(run.typed::<i32, i32>(&caller)?.call(&mut caller, depth - 1)? + 1)
}

fn hooked() -> (Store<Told>, Instance) {
    let mut store = Store::new(&Engine::default(), Told::default());
    // One function from before the hook is set, whose instance is from afterwards.
    let host = Func::wrap(&mut store, nested);
    store.call_hook(|mut store, event| store.data_mut().tell(event));
    let instance = instantiate_with(&mut store, TEXT, &[host.into()]);
    assert!(store.data_mut().take().is_empty(), "nothing was called");
    (store, instance)
}

#[test]
fn every_way_in_and_out_is_told_in_order() {
    let (mut store, instance) = hooked();
    let run = instance.get_func(&mut store, "run").unwrap();
    let once = [CallingWasm, CallingHost, ReturningFromHost, ReturningFromWasm];
    let typed = run.typed::<i32, i32>(&store).unwrap();
    assert_eq!(typed.call(&mut store, 0).unwrap(), 1);
    assert_eq!(store.data_mut().take(), once);
    run.call(&mut store, &[Val::I32(0)], &mut [Val::I32(0)]).unwrap();
    assert_eq!(store.data_mut().take(), once);
    run.call_unchecked(&mut store, &mut [ValRaw::i32(0)]).unwrap();
    assert_eq!(store.data_mut().take(), once);
    run.call_resumable(&mut store, &[Val::I32(0)]).unwrap();
    assert_eq!(store.data_mut().take(), once);
    block_on(typed.call_async(&mut store, 0)).0.unwrap();
    assert_eq!(store.data_mut().take(), once);

    assert_eq!(typed.call(&mut store, 2).unwrap(), 3);
    let events = store.data_mut().take();
    assert_eq!(events[..6], [once[0], once[1], once[0], once[1], once[0], once[1]]);
    assert_eq!(events[6..], [once[2], once[3], once[2], once[3], once[2], once[3]]);

    let trap = instance.get_typed_func::<(), ()>(&mut store, "trap").unwrap();
    trap.call(&mut store, ()).unwrap_err();
    assert_eq!(store.data_mut().take(), [CallingWasm, ReturningFromWasm]);

    // A function that the host makes now, called by the host, and a start function.
    let host = Func::wrap(&mut store, |_: i32| -> i32 { 0 });
    host.typed::<i32, i32>(&store).unwrap().call(&mut store, 0).unwrap();
    assert_eq!(store.data_mut().take(), once);
    let start = r#"(module (import "" "" (func $f (param i32) (result i32)))
        (func $start (drop (call $f (i32.const 0)))) (start $start))"#;
    instantiate_with(&mut store, start, &[host.into()]);
    assert_eq!(store.data_mut().take(), once);
    assert!(CallingHost.entering_host() && ReturningFromWasm.entering_host());
    assert!(CallingWasm.exiting_host() && ReturningFromHost.exiting_host());
}

#[test]
fn an_error_of_the_hook_ends_what_it_was_told_of() {
    // What else the hook is told, when it fails at each event of a nested call.
    for fails_at in 0..8 {
        let (mut store, instance) = hooked();
        let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
        store.data_mut().fails_at = Some(fails_at);
        let error = run.call(&mut store, 1).unwrap_err();
        assert!(format!("{error:#}").contains(&format!("event {fails_at}")), "{error:#}");
        let events = store.data_mut().take();
        let count = |event| events.iter().filter(|told| **told == event).count();
        // A call that did not begin does not return.
        let began = |calls, failed| calls - usize::from(failed);
        let wasm = began(count(CallingWasm), events[fails_at] == CallingWasm);
        let host = began(count(CallingHost), events[fails_at] == CallingHost);
        assert_eq!(count(ReturningFromWasm), wasm, "{events:?}");
        assert_eq!(count(ReturningFromHost), host, "{events:?}");
        store.data_mut().fails_at = None;
        assert_eq!(run.call(&mut store, 1).unwrap(), 2);
    }
}

#[test]
fn a_panic_of_the_hook_goes_on_where_the_call_began() {
    let (mut store, instance) = hooked();
    store.call_hook(|_, event| if event == CallingHost { panic!("hook") } else { Ok(()) });
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    let call = std::panic::AssertUnwindSafe(|| run.call(&mut store, 0));
    let payload = std::panic::catch_unwind(call).unwrap_err();
    assert_eq!(*payload.downcast_ref::<&str>().unwrap(), "hook");
    store.call_hook(|mut store, event| store.data_mut().tell(event));
    assert_eq!(run.call(&mut store, 0).unwrap(), 1);
}

#[test]
fn a_hook_may_call_functions_and_leaves_results_and_errors_as_they_are() {
    let (mut store, instance) = hooked();
    let other = instantiate_with(
        &mut store,
        r#"(module (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
            (func (export "trap") (unreachable)))"#,
        &[],
    );
    let square = other.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
    let trap = other.get_typed_func::<(), ()>(&mut store, "trap").unwrap();
    store.call_hook(move |mut store, event| {
        // Calls of the hook itself are not told to it.
        assert_eq!(square.call(&mut store, 9).unwrap(), 81);
        assert!(trap.call(&mut store, ()).is_err());
        store.data_mut().tell(event)
    });
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 3).unwrap(), 4);
    let host = Func::wrap(&mut store, |_: i32| -> Result<i32> { bail!("by the host") });
    let instance = instantiate_with(&mut store, TEXT, &[host.into()]);
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    let error = run.call(&mut store, 0).unwrap_err();
    assert!(format!("{error:#}").ends_with("by the host"), "{error:#}");
    assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
}

/// Waits before each event is told, twice.
struct Slow;

impl CallHookHandler<Told> for Slow {
    fn handle_call_event<'life0, 'life1, 'async_trait>(
        &'life0 self,
        mut store: StoreContextMut<'life1, Told>,
        event: CallHook,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            Pause(2).await;
            store.data_mut().tell(event)
        })
    }
}

#[test]
fn an_asynchronous_hook_is_waited_for() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, Told::default());
    store.call_hook_async(Slow);
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap_async("", "host", |_, (x,): (i32,)| {
            Box::new(async move {
                Pause(3).await;
                x + 1
            })
        })
        .unwrap();
    let module = module(&engine, TEXT);
    let instance = block_on(linker.instantiate_async(&mut store, &module)).0.unwrap();
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    assert!(run.call(&mut store, 1).is_err());
    let (result, pending) = block_on(run.call_async(&mut store, 1));
    assert_eq!((result.unwrap(), pending), (2, 4 * 2 + 3));
    let once = [CallingWasm, CallingHost, ReturningFromHost, ReturningFromWasm];
    assert_eq!(store.data_mut().take(), once);

    // Dropped wherever it waits, the call leaves the store usable.
    for polls in 0..11 {
        let mut call = Box::pin(run.call_async(&mut store, 1));
        let waker = std::task::Waker::noop();
        let mut cx = std::task::Context::from_waker(waker);
        for _ in 0..polls {
            assert!(call.as_mut().poll(&mut cx).is_pending());
        }
        drop(call);
        assert!(store.data_mut().take().len() < 4);
        assert_eq!(block_on(run.call_async(&mut store, 5)).0.unwrap(), 6);
        store.data_mut().take();
    }
    for fails_at in 0..4 {
        store.data_mut().fails_at = Some(fails_at);
        let error = block_on(run.call_async(&mut store, 1)).0.unwrap_err();
        assert!(format!("{error:#}").contains(&format!("event {fails_at}")), "{error:#}");
        store.data_mut().take();
    }
}
