//! wasmi.

use ::wasmi as api;
use api::Config;

use crate::num::Result;

#[path = "embedding.rs"]
mod embedding;

/// Frames of recursion allowed, as many as the deepest workload needs and some more.
const MAX_RECURSION: usize = 1 << 20;
/// Bytes of value stack allowed.
const MAX_STACK: usize = 1 << 28;

pub use api::CompilationMode as Mode;

/// wasmi in this mode, with deep stacks.
///
/// # Errors
///
/// When a host function cannot be defined.
pub fn new(mode: Mode) -> Result<embedding::Adapter> {
    let mut config = Config::default();
    config
        .compilation_mode(mode)
        .set_max_recursion_depth(MAX_RECURSION)
        .set_max_stack_height(MAX_STACK);
    let engine = api::Engine::new(&config);
    embedding::Adapter::new(engine)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

mod waiting {
    use super::api::{Engine, Error, Linker, Module, Store, TypedResumableCall, Val};
    use super::text;
    use crate::engines::{BORDER, Loop, Task, WAITING, fresh_module};
    use crate::num::Result;

    /// The loop of a task. There are no asynchronous functions: one that waits fails with the argument, and the
    /// call is resumed.
    pub fn prepare(engine: &Engine, task: Task) -> Result<Loop> {
        match task {
            Task::HostWaits => waits(engine),
            Task::Fresh => fresh(engine),
            Task::HostReady | Task::ExportAsync => {
                Err("there are no asynchronous functions".to_owned())
            }
        }
    }

    fn waits(engine: &Engine) -> Result<Loop> {
        let wasm = wat::parse_str(WAITING).map_err(text)?;
        let module = Module::new(engine, wasm).map_err(text)?;
        let mut linker = Linker::<()>::new(engine);
        for name in ["ready", "wait"] {
            let fail = |value: i32| Err::<i32, _>(Error::i32_exit(value));
            linker.func_wrap(BORDER, name, fail).map_err(text)?;
        }
        let mut store = Store::new(engine, ());
        let instance = linker.instantiate_and_start(&mut store, &module).map_err(text)?;
        let func = instance.get_typed_func::<i32, i32>(&store, "wait").map_err(text)?;
        Ok(Box::new(move |times| {
            let mut call = func.call_resumable(&mut store, times).map_err(text)?;
            loop {
                call = match call {
                    TypedResumableCall::Finished(value) => return Ok(value),
                    TypedResumableCall::HostTrap(waits) => {
                        let value = waits.host_error().i32_exit_status().ok_or("another error")?;
                        let value = Val::I32(value.wrapping_add(1));
                        waits.resume(&mut store, &[value]).map_err(text)?
                    }
                    TypedResumableCall::OutOfFuel(_) => return Err("out of fuel".to_owned()),
                };
            }
        }))
    }

    /// There is no pool.
    fn fresh(engine: &Engine) -> Result<Loop> {
        let engine = engine.clone();
        let module = Module::new(&engine, fresh_module()?).map_err(text)?;
        let linker = Linker::<()>::new(&engine);
        Ok(Box::new(move |times| {
            let mut value = 0;
            for _ in 0..times {
                let mut store = Store::new(&engine, ());
                let instance = linker.instantiate_and_start(&mut store, &module).map_err(text)?;
                let run = instance.get_typed_func::<i32, i32>(&store, "run").map_err(text)?;
                value = run.call(&mut store, value).map_err(text)?;
            }
            Ok(value)
        }))
    }
}

mod glue {
    use super::api::{Engine, Error, FuncType, Instance, Linker, Module, Store, ValType};

    pub fn func_type(
        _: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let (params, results): (Vec<_>, Vec<_>) =
            (params.into_iter().collect(), results.into_iter().collect());
        FuncType::new(params, results)
    }

    pub fn start<T>(
        linker: &Linker<T>,
        store: &mut Store<T>,
        module: &Module,
    ) -> Result<Instance, Error> {
        linker.instantiate_and_start(store, module)
    }

    pub fn message(text: &str) -> Error {
        Error::new(text.to_owned())
    }
}
