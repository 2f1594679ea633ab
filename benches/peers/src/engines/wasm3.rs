//! wasm3, by its C interface. Host functions are raw ones, which is its fastest form.

use super::{BORDER, Engine};
use crate::num::{Num, Result};
use crate::wasi::{self, Function, Host};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{null, null_mut};
use std::slice;

/// Bytes of Wasm stack, enough for the deepest workload.
const STACK: u32 = 1 << 28;

/// A handle of wasm3.
type Handle = *mut c_void;
/// Null, or a message.
type Outcome = *const c_char;
/// A host function: results come first in the slots, then arguments.
type RawCall =
    unsafe extern "C" fn(Handle, *const ImportContext, *mut u64, *mut c_void) -> *const c_void;

/// What a host function is told about itself.
#[repr(C)]
struct ImportContext {
    userdata: *mut c_void,
    function: Handle,
}

// wasm3.h of version 0.9.
unsafe extern "C" {
    fn m3_NewEnvironment() -> Handle;
    fn m3_FreeEnvironment(environment: Handle);
    fn m3_NewRuntime(environment: Handle, stack: u32, userdata: *mut c_void) -> Handle;
    fn m3_FreeRuntime(runtime: Handle);
    fn m3_GetMemory(runtime: Handle, size: *mut u32, index: u32) -> *mut u8;
    fn m3_ParseModule(environment: Handle, module: *mut Handle, at: *const u8, len: u32)
    -> Outcome;
    fn m3_FreeModule(module: Handle);
    fn m3_LoadModule(runtime: Handle, module: Handle) -> Outcome;
    fn m3_CompileModule(module: Handle) -> Outcome;
    fn m3_RunStart(module: Handle) -> Outcome;
    fn m3_LinkRawFunctionEx(
        module: Handle,
        module_name: *const c_char,
        name: *const c_char,
        signature: *const c_char,
        function: RawCall,
        userdata: *const c_void,
    ) -> Outcome;
    fn m3_FindFunction(function: *mut Handle, runtime: Handle, name: *const c_char) -> Outcome;
    fn m3_GetRetCount(function: Handle) -> u32;
    fn m3_GetRetType(function: Handle, index: u32) -> u32;
    fn m3_Call(function: Handle, count: u32, args: *const *const c_void) -> Outcome;
    fn m3_GetResults(function: Handle, count: u32, results: *const *const c_void) -> Outcome;

    static m3Err_functionLookupFailed: *const c_char;
    static m3Err_trapExit: *const c_char;
}

/// wasm3.
pub struct Wasm3 {
    /// Whether functions are compiled when they are first called, and not with the module.
    pub lazy: bool,
}

/// A module: loading consumes the engine's own, so each instance parses it anew.
pub struct Bytes(Vec<u8>);

/// What host functions share with the harness.
struct State {
    host: Host,
    back: Handle,
}

/// An instance with everything that belongs to it.
pub struct Running {
    environment: Handle,
    runtime: Handle,
    // wasm3 points into both.
    _wasm: Vec<u8>,
    state: Box<State>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // SAFETY: made by `instantiate`, and freed nowhere else.
        unsafe {
            m3_FreeRuntime(self.runtime);
            m3_FreeEnvironment(self.environment);
        }
    }
}

impl Running {
    fn find(&self, name: &str) -> Result<Handle> {
        let name = CString::new(name).map_err(|error| error.to_string())?;
        let mut function = null_mut();
        // SAFETY: the runtime lives as long as `self`.
        check(unsafe { m3_FindFunction(&mut function, self.runtime, name.as_ptr()) })?;
        Ok(function)
    }
}

impl Engine for Wasm3 {
    type Module = Bytes;
    type Instance = Running;
    const INSTANCES_COMPILE: bool = true;

    fn compile(&self, wasm: &[u8]) -> Result<Bytes> {
        // Made only to be timed and to find unsupported modules; see `Bytes`.
        // SAFETY: the module is freed before the bytes.
        unsafe {
            let environment = m3_NewEnvironment();
            let parsed = parse(environment, wasm);
            if let Ok(module) = parsed {
                m3_FreeModule(module);
            }
            m3_FreeEnvironment(environment);
            parsed.map(|_| Bytes(wasm.to_vec()))
        }
    }

    fn instantiate(&self, module: &Bytes, host: Host) -> Result<Running> {
        let wasm = module.0.clone();
        let state = Box::new(State { host, back: null_mut() });
        let shared: *const State = &*state;
        // SAFETY: wasm3's handles are used as its header says; what it is given pointers to lives as
        // long as the instance.
        unsafe {
            let environment = m3_NewEnvironment();
            let runtime = m3_NewRuntime(environment, STACK, null_mut());
            let mut running = Running { environment, runtime, _wasm: wasm, state };
            let module = parse(environment, &running._wasm)?;
            if let Err(error) = check(m3_LoadModule(runtime, module)) {
                m3_FreeModule(module);
                return Err(error);
            }
            for function in Function::ALL {
                let (results, call): (_, RawCall) = match function {
                    Function::ProcExit => ("v", wasi_call::<0>),
                    _ => ("i", wasi_call::<1>),
                };
                let signature = format!("{results}({})", function.params());
                let function: *const Function = function;
                link(module, wasi::MODULE, (*function).name(), &signature, call, function.cast())?;
            }
            link(module, BORDER, "nop", "v()", nop, null())?;
            link(module, BORDER, "inc", "i(i)", inc, null())?;
            link(module, BORDER, "back", "i(i)", back, shared.cast())?;
            HOST.set(shared.cast_mut());
            if !self.lazy {
                check(m3_CompileModule(module))?;
            }
            check(m3_RunStart(module))?;
            running.state.back = running.find("id").unwrap_or(null_mut());
            Ok(running)
        }
    }

    fn call(&self, running: &mut Running, name: &str, args: &[Num]) -> Result<Option<Num>> {
        HOST.set(&mut *running.state);
        let function = running.find(name)?;
        let args: Vec<u64> = args.iter().copied().map(bits).collect();
        let args: Vec<*const c_void> = args.iter().map(|arg| (&raw const *arg).cast()).collect();
        // SAFETY: as many pointers to 8 bytes as there are arguments and results.
        unsafe {
            check(m3_Call(function, args.len() as u32, args.as_ptr()))?;
            if m3_GetRetCount(function) == 0 {
                return Ok(None);
            }
            let mut value = 0u64;
            check(m3_GetResults(function, 1, [(&raw mut value).cast_const().cast()].as_ptr()))?;
            Ok(Some(match m3_GetRetType(function, 0) {
                1 => Num::I32(value as i32),
                2 => Num::I64(value as i64),
                3 => Num::F32(f32::from_bits(value as u32)),
                4 => Num::F64(f64::from_bits(value)),
                other => return Err(format!("a result of type {other} is not a number")),
            }))
        }
    }

    fn finish(&self, mut running: Running) -> Host {
        std::mem::take(&mut running.state.host)
    }

    fn call_empty(&self, running: &mut Running, times: u32) -> Result<()> {
        let function = running.find("empty")?;
        for _ in 0..times {
            // SAFETY: the function has neither arguments nor results.
            check(unsafe { m3_Call(function, 0, null()) })?;
        }
        Ok(())
    }

    fn call_unary(&self, running: &mut Running, times: u32) -> Result<i32> {
        let function = running.find("id")?;
        let mut value = 0i32;
        let pointer: [*const c_void; 1] = [(&raw mut value).cast()];
        for _ in 0..times {
            // SAFETY: one argument and one result of 4 bytes; wasm3 reads the one, then writes the other.
            unsafe {
                check(m3_Call(function, 1, pointer.as_ptr()))?;
                check(m3_GetResults(function, 1, pointer.as_ptr()))?;
            }
        }
        Ok(value)
    }
}

thread_local! {
    /// The state of the instance that this thread runs: WASI functions have their number as the
    /// pointer that wasm3 keeps for them.
    static HOST: std::cell::Cell<*mut State> = const { std::cell::Cell::new(null_mut()) };
}

unsafe fn parse(environment: Handle, wasm: &[u8]) -> Result<Handle> {
    let len = u32::try_from(wasm.len()).map_err(|error| error.to_string())?;
    let mut module = null_mut();
    // SAFETY: the caller's promise: the bytes outlive the module.
    check(unsafe { m3_ParseModule(environment, &mut module, wasm.as_ptr(), len) })?;
    Ok(module)
}

/// Links a function, if the module imports it.
unsafe fn link(
    module: Handle,
    module_name: &str,
    name: &str,
    signature: &str,
    call: RawCall,
    userdata: *const c_void,
) -> Result<()> {
    let [module_name, name, signature] = [module_name, name, signature].map(CString::new);
    let text =
        |string: &std::result::Result<CString, _>| string.as_ref().map_or(null(), |it| it.as_ptr());
    // SAFETY: the caller's promise: a loaded module, and a function of this signature.
    let outcome = unsafe {
        m3_LinkRawFunctionEx(
            module,
            text(&module_name),
            text(&name),
            text(&signature),
            call,
            userdata,
        )
    };
    // SAFETY: a constant of wasm3.
    if outcome == unsafe { m3Err_functionLookupFailed } { Ok(()) } else { check(outcome) }
}

fn check(outcome: Outcome) -> Result<()> {
    if outcome.is_null() {
        return Ok(());
    }
    // SAFETY: a message of wasm3, a constant.
    Err(unsafe { CStr::from_ptr(outcome) }.to_string_lossy().into_owned())
}

fn bits(num: Num) -> u64 {
    match num {
        Num::I32(value) => u64::from(value as u32),
        Num::I64(value) => value as u64,
        Num::F32(value) => u64::from(value.to_bits()),
        Num::F64(value) => value.to_bits(),
    }
}

unsafe extern "C" fn nop(
    _: Handle,
    _: *const ImportContext,
    _: *mut u64,
    _: *mut c_void,
) -> *const c_void {
    null()
}

unsafe extern "C" fn inc(
    _: Handle,
    _: *const ImportContext,
    slots: *mut u64,
    _: *mut c_void,
) -> *const c_void {
    // SAFETY: linked as `i(i)`.
    unsafe { slots.cast::<i32>().write(slots.add(1).cast::<i32>().read().wrapping_add(1)) };
    null()
}

unsafe extern "C" fn back(
    _: Handle,
    context: *const ImportContext,
    slots: *mut u64,
    _: *mut c_void,
) -> *const c_void {
    // SAFETY: linked as `i(i)` with the state of its instance; a call and its results as in
    // `call_unary`.
    unsafe {
        let function = (*(*context).userdata.cast::<State>()).back;
        let outcome = m3_Call(function, 1, [slots.add(1).cast_const().cast()].as_ptr());
        if !outcome.is_null() {
            return outcome.cast();
        }
        m3_GetResults(function, 1, [slots.cast_const().cast()].as_ptr()).cast()
    }
}

unsafe extern "C" fn wasi_call<const RESULTS: usize>(
    runtime: Handle,
    context: *const ImportContext,
    slots: *mut u64,
    _: *mut c_void,
) -> *const c_void {
    // SAFETY: linked with its function and that function's signature; `HOST` is set while an
    // instance runs; the memory is used by nobody else meanwhile.
    unsafe {
        let function = *(*context).userdata.cast::<Function>();
        let mut args = [0; 9];
        for ((index, kind), arg) in function.params().bytes().enumerate().zip(&mut args) {
            let slot = slots.add(RESULTS + index);
            *arg = if kind == b'I' { slot.read() } else { u64::from(slot.cast::<u32>().read()) };
        }
        let mut size = 0;
        let memory = m3_GetMemory(runtime, &mut size, 0);
        let memory: &mut [u8] = match memory.is_null() {
            true => &mut [],
            false => slice::from_raw_parts_mut(memory, size as usize),
        };
        match (*HOST.get()).host.call(function, &args[..function.params().len()], memory) {
            Ok(number) => {
                slots.cast::<u32>().write(number);
                null()
            }
            Err(_) => m3Err_trapExit.cast(),
        }
    }
}
