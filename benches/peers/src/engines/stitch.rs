//! makepad-stitch.

use super::{BORDER, Engine, conversions};
use crate::num::{Num, Result};
use crate::wasi::{self, Function, Host};
use makepad_stitch::{Error, Func, FuncError, Instance, Linker, Mem, Module, Store, Val};
use std::cell::RefCell;
use std::error::Error as _;

/// What host functions share with the harness.
#[derive(Default)]
struct State {
    host: Host,
    memory: Option<Mem>,
    back: Option<Func>,
}

thread_local! {
    /// Stitch wants host functions to be `Sync` although its handles are not, so they can own
    /// none; the one instance that a thread runs at a time keeps them here.
    static STATE: RefCell<State> = RefCell::default();
}

/// Stitch.
pub struct Stitch {
    engine: makepad_stitch::Engine,
}

/// An instance and its store. What host functions use is in [`STATE`].
pub struct Running {
    store: Store,
    instance: Instance,
}

impl Stitch {
    /// Stitch, which has no configuration.
    pub fn new() -> Stitch {
        Stitch { engine: makepad_stitch::Engine::new() }
    }
}

/// Turns a list of parameters into a host function of that arity.
macro_rules! wrap {
    ($store:expr, $function:expr, ($($arg:ident: $ty:ty),*)) => {{
        let function: Function = $function;
        Func::wrap($store, move |store: &mut Store, $($arg: $ty),*| {
            wasi_call(store, function, &[$(u64::from($arg)),*]).map(|number| (number,))
        })
    }};
}

impl Engine for Stitch {
    type Module = Module;
    type Instance = Running;

    /// Decodes and validates. Stitch compiles each function of each instance when it is first
    /// called, so that part counts as execution.
    fn compile(&self, wasm: &[u8]) -> Result<Module> {
        Module::new(&self.engine, wasm).map_err(|error| error.to_string())
    }

    fn instantiate(&self, module: &Module, host: Host) -> Result<Running> {
        let mut store = Store::new(self.engine.clone());
        STATE.replace(State { host, ..State::default() });
        let mut linker = Linker::new();
        for &function in Function::ALL {
            let func = wasi_func(&mut store, function)?;
            linker.define(wasi::MODULE, function.name(), func);
        }
        let nop = Func::wrap(&mut store, || ());
        let inc = Func::wrap(&mut store, |value: i32| value.wrapping_add(1));
        let back = Func::wrap(&mut store, |store: &mut Store, value: i32| {
            let Some(back) = STATE.with_borrow(|state| state.back) else {
                return Err(Error::Func(FuncError::ParamCountMismatch));
            };
            let mut results = [Val::I32(0)];
            back.call(store, &[Val::I32(value)], &mut results)?;
            Ok((results[0].to_i32().unwrap_or(0),))
        });
        linker.define(BORDER, "nop", nop);
        linker.define(BORDER, "inc", inc);
        linker.define(BORDER, "back", back);
        let instance = linker.instantiate(&mut store, module).map_err(text)?;
        STATE.with_borrow_mut(|state| {
            state.memory = instance.exported_mem("memory");
            state.back = instance.exported_func("id");
        });
        Ok(Running { store, instance })
    }

    fn call(&self, running: &mut Running, name: &str, args: &[Num]) -> Result<Option<Num>> {
        let func = running.instance.exported_func(name).ok_or("no such export")?;
        let args: Vec<Val> = args.iter().copied().map(to_value).collect();
        let types = func.type_(&running.store).results();
        let mut results: Vec<Val> = types.iter().map(|ty| Val::default(*ty)).collect();
        func.call(&mut running.store, &args, &mut results).map_err(text)?;
        results.first().map(from_value).transpose()
    }

    fn finish(&self, _: Running) -> Host {
        STATE.take().host
    }

    fn call_empty(&self, running: &mut Running, times: u32) -> Result<()> {
        let func = running.instance.exported_func("empty").ok_or("no export 'empty'")?;
        for _ in 0..times {
            func.call(&mut running.store, &[], &mut []).map_err(text)?;
        }
        Ok(())
    }

    fn call_unary(&self, running: &mut Running, times: u32) -> Result<i32> {
        let func = running.instance.exported_func("id").ok_or("no export 'id'")?;
        let mut value = [Val::I32(0)];
        for _ in 0..times {
            let arg = value;
            func.call(&mut running.store, &arg, &mut value).map_err(text)?;
        }
        value[0].to_i32().ok_or_else(|| format!("'id' returned {:?}", value[0]))
    }
}

/// Defines a WASI function. Stitch has only typed host functions, hence one line for each list
/// of parameters that WASI uses.
fn wasi_func(store: &mut Store, function: Function) -> Result<Func> {
    if function == Function::ProcExit {
        return Ok(Func::wrap(store, move |store: &mut Store, code: u32| {
            wasi_call(store, function, &[u64::from(code)]).map(|_| ())
        }));
    }
    Ok(match function.params() {
        "" => wrap!(store, function, ()),
        "i" => wrap!(store, function, (a: u32)),
        "ii" => wrap!(store, function, (a: u32, b: u32)),
        "iI" => wrap!(store, function, (a: u32, b: u64)),
        "iii" => wrap!(store, function, (a: u32, b: u32, c: u32)),
        "iIi" => wrap!(store, function, (a: u32, b: u64, c: u32)),
        "iiii" => wrap!(store, function, (a: u32, b: u32, c: u32, d: u32)),
        "iIii" => wrap!(store, function, (a: u32, b: u64, c: u32, d: u32)),
        "iiiii" => wrap!(store, function, (a: u32, b: u32, c: u32, d: u32, e: u32)),
        "iiiIi" => wrap!(store, function, (a: u32, b: u32, c: u32, d: u64, e: u32)),
        "iiiiii" => {
            wrap!(store, function, (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32))
        }
        "iiiiIIi" => {
            wrap!(store, function, (a: u32, b: u32, c: u32, d: u32, e: u64, f: u64, g: u32))
        }
        "iiiiiii" => {
            wrap!(store, function, (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32))
        }
        "iiiiiIIii" => wrap!(
            store,
            function,
            (a: u32, b: u32, c: u32, d: u32, e: u32, f: u64, g: u64, h: u32, i: u32)
        ),
        other => return Err(format!("no host function has the parameters '{other}'")),
    })
}

fn wasi_call(
    store: &mut Store,
    function: Function,
    args: &[u64],
) -> std::result::Result<u32, Error> {
    // Stitch has no error of the host's own; any of its errors unwinds the call, and the exit
    // code in the host tells that it was meant.
    let unwind = || Error::Func(FuncError::ParamCountMismatch);
    STATE.with_borrow_mut(|state| {
        let memory = state.memory.ok_or_else(unwind)?;
        state.host.call(function, args, memory.bytes_mut(store)).map_err(|_| unwind())
    })
}

conversions!(Val);

/// The error with its cause: stitch's outer message says only what kind it is.
fn text(error: Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
