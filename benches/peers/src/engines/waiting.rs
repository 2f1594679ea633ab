//! Asynchronous calls and instances from a pool: the text that Threadle and wasmtime share.

use super::api::{Caller, Engine, Linker, Module, PoolingAllocationConfig, Store};
use super::text;
use crate::engines::{BORDER, Loop, Task, WAITING, fresh_module};
use crate::num::Result;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Waits once: the next time it is polled it is ready.
#[derive(Default)]
struct Once {
    polled: bool,
}

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The simplest executor: it asks until the future is ready.
fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// The loop of a task.
///
/// # Errors
///
/// When the engine does not take something of it.
pub fn prepare(engine: &Engine, task: Task) -> Result<Loop> {
    let wasm = wat::parse_str(WAITING).map_err(|error| error.to_string())?;
    if task == Task::Fresh {
        return fresh(engine);
    }
    let module = Module::new(engine, wasm).map_err(text)?;
    let mut linker = Linker::<()>::new(engine);
    linker
        .func_wrap_async(BORDER, "ready", |_: Caller<'_, ()>, (value,): (i32,)| {
            Box::new(async move { value.wrapping_add(1) })
        })
        .map_err(text)?;
    linker
        .func_wrap_async(BORDER, "wait", |_: Caller<'_, ()>, (value,): (i32,)| {
            Box::new(async move {
                Once::default().await;
                value.wrapping_add(1)
            })
        })
        .map_err(text)?;
    let mut store = Store::new(engine, ());
    let instance = finish(linker.instantiate_async(&mut store, &module)).map_err(text)?;
    let export = match task {
        Task::HostReady => "ready",
        Task::HostWaits => "wait",
        Task::ExportAsync | Task::Fresh => "id",
    };
    let func = instance.get_typed_func::<i32, i32>(&mut store, export).map_err(text)?;
    if task == Task::ExportAsync {
        return Ok(Box::new(move |times| {
            let mut value = 0;
            for _ in 0..times {
                value = finish(func.call_async(&mut store, value)).map_err(text)?;
            }
            Ok(value)
        }));
    }
    Ok(Box::new(move |times| finish(func.call_async(&mut store, times)).map_err(text)))
}

fn fresh(engine: &Engine) -> Result<Loop> {
    let mut config = engine.config().clone();
    config.allocation_strategy(PoolingAllocationConfig::default());
    let engine = Engine::new(&config).map_err(text)?;
    let module = Module::new(&engine, fresh_module()?).map_err(text)?;
    let instances = Linker::<()>::new(&engine).instantiate_pre(&module).map_err(text)?;
    Ok(Box::new(move |times| {
        let mut value = 0;
        for _ in 0..times {
            let mut store = Store::new(&engine, ());
            let instance = instances.instantiate(&mut store).map_err(text)?;
            let run = instance.get_typed_func::<i32, i32>(&mut store, "run").map_err(text)?;
            value = run.call(&mut store, value).map_err(text)?;
        }
        Ok(value)
    }))
}
