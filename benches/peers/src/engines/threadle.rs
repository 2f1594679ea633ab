//! Threadle.

use super::{BORDER, Engine};
use crate::num::{Num, Result};
use crate::wasi::{self, Function, Host};
use threadle::{
    Caller, CompilationMode, Config, Error, FuncType, Instance, Linker, Memory, Module, Store,
    TypedFunc, Val, ValType,
};

/// Bytes of value stack allowed, enough for the deepest workload.
const MAX_STACK: usize = 1 << 28;

/// What lives in a store beside the instance.
struct State {
    host: Host,
    memory: Option<Memory>,
    back: Option<TypedFunc<i32, i32>>,
}

/// Threadle, with a linker that every instance uses.
pub struct Threadle {
    engine: threadle::Engine,
    linker: Linker<State>,
}

/// An instance and its store.
pub struct Running {
    store: Store<State>,
    instance: Instance,
}

impl Threadle {
    /// Threadle with eager translation, a deep stack, and the features that are on by default.
    ///
    /// # Errors
    ///
    /// When Threadle refuses the configuration.
    pub fn new() -> Result<Threadle> {
        let mut config = Config::new();
        // Eager and on this thread, so that the clock sees all of compiling, and only there.
        config
            .compilation_mode(CompilationMode::Eager)
            .parallel_compilation(false)
            .max_wasm_stack(MAX_STACK);
        let engine = threadle::Engine::new(&config).map_err(text)?;
        let mut linker = Linker::new(&engine);
        for &function in Function::ALL {
            let params = function.params().bytes().map(|kind| match kind {
                b'I' => ValType::I64,
                _ => ValType::I32,
            });
            let results = (function != Function::ProcExit).then_some(ValType::I32);
            let ty = FuncType::new(params, results);
            linker
                .func_new(wasi::MODULE, function.name(), ty, move |caller, args, results| {
                    wasi_call(caller, function, args, results)
                })
                .map_err(text)?;
        }
        linker.func_wrap(BORDER, "nop", || {}).map_err(text)?;
        linker.func_wrap(BORDER, "inc", |value: i32| value.wrapping_add(1)).map_err(text)?;
        linker
            .func_wrap(BORDER, "back", |mut caller: Caller<'_, State>, value: i32| {
                let Some(back) = caller.data().back.clone() else {
                    return Err(Error::msg("no export to call back"));
                };
                back.call(&mut caller, value)
            })
            .map_err(text)?;
        Ok(Threadle { engine, linker })
    }
}

impl Engine for Threadle {
    type Module = Module;
    type Instance = Running;

    fn compile(&self, wasm: &[u8]) -> Result<Module> {
        Module::new(&self.engine, wasm).map_err(text)
    }

    fn instantiate(&self, module: &Module, host: Host) -> Result<Running> {
        let mut store = Store::new(&self.engine, State { host, memory: None, back: None });
        let instance = self.linker.instantiate(&mut store, module).map_err(text)?;
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        store.data_mut().back = instance.get_typed_func(&mut store, "id").ok();
        Ok(Running { store, instance })
    }

    fn call(&self, running: &mut Running, name: &str, args: &[Num]) -> Result<Option<Num>> {
        let Running { store, instance } = running;
        let func = instance.get_func(&mut *store, name).ok_or("no such export")?;
        let args: Vec<Val> = args.iter().copied().map(to_val).collect();
        let mut results = vec![Val::I32(0); func.ty(&*store).results().len()];
        func.call(store, &args, &mut results).map_err(text)?;
        results.first().map(from_val).transpose()
    }

    fn finish(&self, running: Running) -> Host {
        running.store.into_data().host
    }

    fn call_empty(&self, running: &mut Running, times: u32) -> Result<()> {
        let Running { store, instance } = running;
        let func = instance.get_typed_func::<(), ()>(&mut *store, "empty").map_err(text)?;
        for _ in 0..times {
            func.call(&mut *store, ()).map_err(text)?;
        }
        Ok(())
    }

    fn call_unary(&self, running: &mut Running, times: u32) -> Result<i32> {
        let Running { store, instance } = running;
        let func = instance.get_typed_func::<i32, i32>(&mut *store, "id").map_err(text)?;
        let mut value = 0;
        for _ in 0..times {
            value = func.call(&mut *store, value).map_err(text)?;
        }
        Ok(value)
    }
}

fn wasi_call(
    mut caller: Caller<'_, State>,
    function: Function,
    args: &[Val],
    results: &mut [Val],
) -> std::result::Result<(), Error> {
    let mut raw = [0u64; 9];
    for (slot, arg) in raw.iter_mut().zip(args) {
        *slot = match arg {
            Val::I64(value) => *value as u64,
            Val::I32(value) => u64::from(*value as u32),
            _ => 0,
        };
    }
    let Some(memory) = caller.data().memory else {
        return Err(Error::msg("the program exports no memory"));
    };
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let number =
        state.host.call(function, &raw[..args.len().min(raw.len())], bytes).map_err(Error::msg)?;
    if let Some(result) = results.first_mut() {
        *result = Val::I32(number as i32);
    }
    Ok(())
}

fn to_val(num: Num) -> Val {
    match num {
        Num::I32(value) => Val::I32(value),
        Num::I64(value) => Val::I64(value),
        Num::F32(value) => Val::F32(value.to_bits()),
        Num::F64(value) => Val::F64(value.to_bits()),
    }
}

fn from_val(val: &Val) -> Result<Num> {
    match val {
        Val::I32(value) => Ok(Num::I32(*value)),
        Val::I64(value) => Ok(Num::I64(*value)),
        Val::F32(value) => Ok(Num::F32(f32::from_bits(*value))),
        Val::F64(value) => Ok(Num::F64(f64::from_bits(*value))),
        other => Err(format!("result {other:?} is not a number")),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}
