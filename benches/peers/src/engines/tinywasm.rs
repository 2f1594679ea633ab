//! tinywasm.

use super::{BORDER, Engine, conversions};
use crate::num::{Num, Result};
use crate::wasi::{self, Function, Host};
use std::cell::RefCell;
use std::rc::Rc;
use tinywasm::engine::{Config, StackConfig};
use tinywasm::types::{FuncType, WasmType, WasmValue};
use tinywasm::{
    Error, FuncContext, FunctionTyped, HostFunction, Imports, Memory, Module, ModuleInstance,
    Store, Trap,
};

/// Slots of value stack and frames of call stack allowed, enough for the deepest workload.
const MAX_STACK: usize = 1 << 22;

/// What host functions share with the harness.
#[derive(Default)]
struct State {
    host: Host,
    back: Option<FunctionTyped<i32, i32>>,
}

/// tinywasm.
pub struct TinyWasm {
    engine: tinywasm::Engine,
}

/// An instance, its store and what its host functions share.
pub struct Running {
    store: Store,
    instance: ModuleInstance,
    state: Rc<RefCell<State>>,
}

/// Guest memory, which tinywasm only copies from and to.
struct Copied<'a> {
    memory: Memory,
    store: &'a mut Store,
}

impl wasi::Memory for Copied<'_> {
    fn read(&self, at: u32, into: &mut [u8]) -> bool {
        self.memory.read_exact(self.store, at as usize, into).is_ok()
    }

    fn write(&mut self, at: u32, from: &[u8]) -> bool {
        self.memory.copy_from_slice(self.store, at as usize, from).is_ok()
    }
}

impl TinyWasm {
    /// tinywasm with deep stacks.
    pub fn new() -> TinyWasm {
        let stack = StackConfig::dynamic(1 << 16, MAX_STACK);
        let config = Config::new().with_value_stack(stack).with_call_stack(stack);
        TinyWasm { engine: tinywasm::Engine::new(config) }
    }
}

impl Engine for TinyWasm {
    type Module = Module;
    type Instance = Running;

    fn compile(&self, wasm: &[u8]) -> Result<Module> {
        tinywasm::parse_bytes(wasm).map_err(text)
    }

    fn instantiate(&self, module: &Module, host: Host) -> Result<Running> {
        let mut store = Store::new(self.engine.clone());
        let state = Rc::new(RefCell::new(State { host, back: None }));
        let mut imports = Imports::new();
        for &function in Function::ALL {
            let params: Vec<WasmType> = function
                .params()
                .chars()
                .map(|kind| if kind == 'I' { WasmType::I64 } else { WasmType::I32 })
                .collect();
            let results: &[WasmType] =
                if function == Function::ProcExit { &[] } else { &[WasmType::I32] };
            let state = Rc::clone(&state);
            let func = HostFunction::from_untyped(
                &mut store,
                &FuncType::new(&params, results),
                move |context, args| wasi_call(&state, context, function, args),
            );
            imports.define(wasi::MODULE, function.name(), func);
        }
        let nop = HostFunction::from(&mut store, |_, ()| Ok(()));
        let inc = HostFunction::from(&mut store, |_, value: i32| Ok(value.wrapping_add(1)));
        let shared = Rc::clone(&state);
        let back = HostFunction::from(&mut store, move |mut context, value: i32| {
            let state = shared.borrow();
            let back = state.back.as_ref().ok_or(Error::Other("no export to call back".into()))?;
            context.call(back, value)
        });
        imports.define(BORDER, "nop", nop).define(BORDER, "inc", inc).define(BORDER, "back", back);
        let instance =
            ModuleInstance::instantiate(&mut store, module, Some(imports)).map_err(text)?;
        state.borrow_mut().back = instance.func::<i32, i32>(&store, "id").ok();
        Ok(Running { store, instance, state })
    }

    fn call(&self, running: &mut Running, name: &str, args: &[Num]) -> Result<Option<Num>> {
        let func = running.instance.func_untyped(&running.store, name).map_err(text)?;
        let args: Vec<WasmValue> = args.iter().copied().map(to_value).collect();
        let results = func.call(&mut running.store, &args).map_err(text)?;
        results.first().map(from_value).transpose()
    }

    fn finish(&self, running: Running) -> Host {
        running.state.take().host
    }

    fn call_empty(&self, running: &mut Running, times: u32) -> Result<()> {
        let func = running.instance.func::<(), ()>(&running.store, "empty").map_err(text)?;
        for _ in 0..times {
            func.call(&mut running.store, ()).map_err(text)?;
        }
        Ok(())
    }

    fn call_unary(&self, running: &mut Running, times: u32) -> Result<i32> {
        let func = running.instance.func::<i32, i32>(&running.store, "id").map_err(text)?;
        let mut value = 0;
        for _ in 0..times {
            value = func.call(&mut running.store, value).map_err(text)?;
        }
        Ok(value)
    }
}

fn wasi_call(
    state: &RefCell<State>,
    mut context: FuncContext<'_>,
    function: Function,
    args: &[WasmValue],
) -> tinywasm::Result<Vec<WasmValue>> {
    let mut raw = [0u64; 9];
    for (slot, arg) in raw.iter_mut().zip(args) {
        *slot = match arg {
            WasmValue::I64(value) => *value as u64,
            WasmValue::I32(value) => u64::from(*value as u32),
            _ => 0,
        };
    }
    let memory = context.memory("memory")?;
    let mut guest = Copied { memory, store: context.store_mut() };
    let mut state = state.borrow_mut();
    match state.host.call(function, &raw[..args.len().min(raw.len())], &mut guest) {
        Ok(number) => Ok(vec![WasmValue::I32(number as i32)]),
        Err(exit) => Err(Error::Trap(Trap::HostFunction(Box::new(exit)))),
    }
}

conversions!(WasmValue);

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
