//! Silverfir-nano's interpreter.

use super::{BORDER, Engine, conversions};
use crate::num::{Num, Result};
use crate::wasi::{self, Function, Host};
use sf_nano_core::{Caller, Config, Import, Instance, Module, Tier, Value, WasmError};
use std::cell::RefCell;
use std::rc::Rc;

/// Bytes of Wasm stack, enough for the deepest workload.
const STACK: usize = 1 << 28;

/// Silverfir-nano.
pub struct Sf {
    engine: sf_nano_core::Engine,
}

/// A module: instantiating consumes the engine's own, so each instance parses it anew.
pub struct Bytes(Vec<u8>);

/// An instance and its host.
pub struct Running {
    instance: Instance,
    host: Rc<RefCell<Host>>,
}

impl Sf {
    /// The interpreter tier with a deep stack.
    ///
    /// # Errors
    ///
    /// When the engine refuses the configuration.
    pub fn new() -> Result<Sf> {
        let config = Config::new().tier(Tier::Interp).wasm_stack_bytes(STACK);
        Ok(Sf { engine: sf_nano_core::Engine::new(config).map_err(text)? })
    }
}

impl Engine for Sf {
    type Module = Bytes;
    type Instance = Running;
    const INSTANCES_COMPILE: bool = true;

    fn compile(&self, wasm: &[u8]) -> Result<Bytes> {
        // Made only to be timed and to find unsupported modules; see `Bytes`.
        Module::new("main", wasm).map_err(text)?;
        Ok(Bytes(wasm.to_vec()))
    }

    fn instantiate(&self, module: &Bytes, host: Host) -> Result<Running> {
        let host = Rc::new(RefCell::new(host));
        let mut imports: Vec<Import> = Function::ALL
            .iter()
            .map(|&function| {
                let host = Rc::clone(&host);
                Import::func(wasi::MODULE, function.name(), move |caller, args, results| {
                    wasi_call(&host, caller, function, args, results)
                })
            })
            .collect();
        imports.push(Import::func(BORDER, "nop", |_, _, _| Ok(())));
        imports.push(Import::func(BORDER, "inc", |_, args, results| {
            if let ([Value::I32(value)], [result]) = (args, results) {
                *result = Value::I32(value.wrapping_add(1));
            }
            Ok(())
        }));
        imports.push(Import::func(BORDER, "back", |_, _, _| {
            Err(WasmError::trap("a host function cannot call its caller's exports"))
        }));
        let instance = Instance::new(&self.engine, &module.0, &imports).map_err(text)?;
        Ok(Running { instance, host })
    }

    fn call(&self, running: &mut Running, name: &str, args: &[Num]) -> Result<Option<Num>> {
        let args: Vec<Value> = args.iter().copied().map(to_value).collect();
        let results = running.instance.invoke(name, &args).map_err(text)?;
        results.first().map(from_value).transpose()
    }

    fn finish(&self, running: Running) -> Host {
        running.host.take()
    }

    fn call_empty(&self, running: &mut Running, times: u32) -> Result<()> {
        let func = running.instance.get_func("empty").ok_or("no export 'empty'")?;
        for _ in 0..times {
            running.instance.call(&func, &[], &mut []).map_err(text)?;
        }
        Ok(())
    }

    fn call_unary(&self, running: &mut Running, times: u32) -> Result<i32> {
        let func = running.instance.get_func("id").ok_or("no export 'id'")?;
        let mut value = [Value::I32(0)];
        for _ in 0..times {
            let arg = value;
            running.instance.call(&func, &arg, &mut value).map_err(text)?;
        }
        match value {
            [Value::I32(value)] => Ok(value),
            other => Err(format!("'id' returned {other:?}")),
        }
    }
}

fn wasi_call(
    host: &RefCell<Host>,
    caller: &mut Caller<'_>,
    function: Function,
    args: &[Value],
    results: &mut [Value],
) -> std::result::Result<(), WasmError> {
    let mut raw = [0u64; 9];
    for (slot, arg) in raw.iter_mut().zip(args) {
        *slot = match arg {
            Value::I64(value) => *value as u64,
            Value::I32(value) => u64::from(*value as u32),
            _ => 0,
        };
    }
    let memory = caller.memory_mut().ok_or(WasmError::trap("the program has no memory"))?;
    let mut host = host.borrow_mut();
    match host.call(function, &raw[..args.len().min(raw.len())], memory) {
        Ok(number) => {
            if let Some(result) = results.first_mut() {
                *result = Value::I32(number as i32);
            }
            Ok(())
        }
        Err(wasi::Exit) => Err(WasmError::exit_with_code(host.exit.unwrap_or(0))),
    }
}

conversions!(Value);

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
