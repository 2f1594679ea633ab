//! wasmi.

use super::{BORDER, Engine};
use crate::num::{Num, Result};
use crate::wasi::{self, Function, Host};
use wasmi::{
    Caller, CompilationMode, Config, Error, FuncType, Instance, Linker, Memory, Module, Store,
    TypedFunc, Val, ValType,
};

/// Frames of recursion allowed, as many as the deepest workload needs and some more.
const MAX_RECURSION: usize = 1 << 20;
/// Bytes of value stack allowed.
const MAX_STACK: usize = 1 << 28;

/// What lives in a store beside the instance.
struct State {
    host: Host,
    memory: Option<Memory>,
    back: Option<TypedFunc<i32, i32>>,
}

/// wasmi, with a linker that every instance uses.
pub struct Wasmi {
    engine: wasmi::Engine,
    linker: Linker<State>,
}

/// An instance and its store.
pub struct Running {
    store: Store<State>,
    instance: Instance,
}

impl Wasmi {
    /// wasmi with eager translation and deep stacks.
    ///
    /// # Errors
    ///
    /// When a host function cannot be defined.
    pub fn new() -> Result<Wasmi> {
        let mut config = Config::default();
        config
            .compilation_mode(CompilationMode::Eager)
            .set_max_recursion_depth(MAX_RECURSION)
            .set_max_stack_height(MAX_STACK);
        let engine = wasmi::Engine::new(&config);
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
                let Some(back) = caller.data().back else {
                    return Err(Error::new("no export to call back"));
                };
                back.call(&mut caller, value)
            })
            .map_err(text)?;
        Ok(Wasmi { engine, linker })
    }
}

impl Engine for Wasmi {
    type Module = Module;
    type Instance = Running;

    fn compile(&self, wasm: &[u8]) -> Result<Module> {
        Module::new(&self.engine, wasm).map_err(text)
    }

    fn instantiate(&self, module: &Module, host: Host) -> Result<Running> {
        let mut store = Store::new(&self.engine, State { host, memory: None, back: None });
        let instance = self.linker.instantiate_and_start(&mut store, module).map_err(text)?;
        store.data_mut().memory = instance.get_memory(&store, "memory");
        store.data_mut().back = instance.get_typed_func(&store, "id").ok();
        Ok(Running { store, instance })
    }

    fn call(&self, running: &mut Running, name: &str, args: &[Num]) -> Result<Option<Num>> {
        let Running { store, instance } = running;
        let func = instance.get_func(&*store, name).ok_or("no such export")?;
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
        let func = instance.get_typed_func::<(), ()>(&*store, "empty").map_err(text)?;
        for _ in 0..times {
            func.call(&mut *store, ()).map_err(text)?;
        }
        Ok(())
    }

    fn call_unary(&self, running: &mut Running, times: u32) -> Result<i32> {
        let Running { store, instance } = running;
        let func = instance.get_typed_func::<i32, i32>(&*store, "id").map_err(text)?;
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
        return Err(Error::new("the program exports no memory"));
    };
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let number = state
        .host
        .call(function, &raw[..args.len().min(raw.len())], bytes)
        .map_err(|exit| Error::new(exit.to_string()))?;
    if let Some(result) = results.first_mut() {
        *result = Val::I32(number as i32);
    }
    Ok(())
}

fn to_val(num: Num) -> Val {
    match num {
        Num::I32(value) => Val::I32(value),
        Num::I64(value) => Val::I64(value),
        Num::F32(value) => Val::F32(value.into()),
        Num::F64(value) => Val::F64(value.into()),
    }
}

fn from_val(val: &Val) -> Result<Num> {
    match val {
        Val::I32(value) => Ok(Num::I32(*value)),
        Val::I64(value) => Ok(Num::I64(*value)),
        Val::F32(value) => Ok(Num::F32((*value).into())),
        Val::F64(value) => Ok(Num::F64((*value).into())),
        other => Err(format!("result {other:?} is not a number")),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
