//! Running modules on an engine with wasmtime's API: the text that Threadle, wasmtime and wasmi share. Each
//! compiles it against its own crate, which is `super::api`; where these differ, `super` says how.

use super::api::{Caller, Error, Instance, Linker, Memory, Module, Store, TypedFunc, Val, ValType};
use super::glue::{func_type, message, start};
use super::{api, text};
use crate::engines::{BORDER, Engine, Loop, Task};
use crate::num::{Num, Result};
use crate::wasi::{self, Function, Host};

/// What lives in a store beside the instance.
pub struct State {
    host: Host,
    memory: Option<Memory>,
    back: Option<TypedFunc<i32, i32>>,
}

/// An instance and its store.
pub struct Running {
    store: Store<State>,
    instance: Instance,
}

/// Everything that modules import.
///
/// # Errors
///
/// When the engine does not take it.
fn linker(engine: &api::Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    for &function in Function::ALL {
        let params = function.params().bytes().map(|kind| match kind {
            b'I' => ValType::I64,
            _ => ValType::I32,
        });
        let results = (function != Function::ProcExit).then_some(ValType::I32);
        let ty = func_type(engine, params, results);
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
                return Err(message("no export to call back"));
            };
            back.call(&mut caller, value)
        })
        .map_err(text)?;
    Ok(linker)
}

/// An engine, with a linker that every instance uses.
pub struct Adapter {
    engine: api::Engine,
    linker: Linker<State>,
    /// How modules are serialized ahead, if they are: compiling one is loading that then.
    artefacts: Option<Artefacts>,
}

/// How an engine writes modules ahead and loads them; not every one does.
#[derive(Clone, Copy)]
pub struct Artefacts {
    /// Serializes a module.
    pub save: fn(&api::Engine, &[u8]) -> Result<Vec<u8>>,
    /// Makes a module of that.
    pub load: fn(&api::Engine, &[u8]) -> Result<Module>,
}

impl Adapter {
    /// The adapter of an engine.
    ///
    /// # Errors
    ///
    /// When a host function cannot be defined.
    pub fn new(engine: api::Engine) -> Result<Adapter> {
        let linker = linker(&engine)?;
        Ok(Adapter { engine, linker, artefacts: None })
    }

    /// An adapter that loads what modules were serialized to.
    #[allow(dead_code, reason = "not of every engine")]
    pub fn by(self, artefacts: Artefacts) -> Adapter {
        Adapter { artefacts: Some(artefacts), ..self }
    }
}

impl Engine for Adapter {
    type Module = Module;
    type Instance = Running;

    fn made_ahead(&self, wasm: &[u8]) -> Result<Option<Vec<u8>>> {
        self.artefacts.map(|artefacts| (artefacts.save)(&self.engine, wasm)).transpose()
    }

    fn compile(&self, wasm: &[u8]) -> Result<Module> {
        match self.artefacts {
            Some(artefacts) => (artefacts.load)(&self.engine, wasm),
            None => Module::new(&self.engine, wasm).map_err(text),
        }
    }

    fn instantiate(&self, module: &Module, host: Host) -> Result<Running> {
        let mut store = Store::new(&self.engine, State { host, memory: None, back: None });
        let instance = start(&self.linker, &mut store, module).map_err(text)?;
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

    fn prepare(&self, task: Task) -> Result<Loop> {
        super::waiting::prepare(&self.engine, task)
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
        return Err(message("the program exports no memory"));
    };
    let (bytes, state) = memory.data_and_store_mut(&mut caller);
    let number = state
        .host
        .call(function, &raw[..args.len().min(raw.len())], bytes)
        .map_err(|exit| message(&exit.to_string()))?;
    if let Some(result) = results.first_mut() {
        *result = Val::I32(number as i32);
    }
    Ok(())
}

fn to_val(num: Num) -> Val {
    match num {
        Num::I32(value) => value.into(),
        Num::I64(value) => value.into(),
        Num::F32(value) => value.into(),
        Num::F64(value) => value.into(),
    }
}

// What the engine calls an `f32` may be a type of its own.
#[allow(clippy::useless_conversion)]
fn from_val(val: &Val) -> Result<Num> {
    let num = val.i32().map(Num::I32).or_else(|| val.i64().map(Num::I64));
    let num = num.or_else(|| val.f32().map(|value| Num::F32(value.into())));
    let num = num.or_else(|| val.f64().map(|value| Num::F64(value.into())));
    num.ok_or_else(|| format!("result {val:?} is not a number"))
}
