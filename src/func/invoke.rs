//! The slower ways into a function, and what is made of an activation that failed.

use core::ptr::NonNull;

use crate::backtrace::WasmBacktrace;
use crate::engine::Engine;
use crate::error::{Error, Result, format_err};
use crate::exec::{self, Exit, Outer};
use crate::exn::ThrownException;
use crate::index::TypeId;
use crate::store::StoreContextMut;
use crate::types::{FuncType, ValType};
use crate::val::Val;
use crate::vm::handle::{FuncRef, StoreId};
use crate::vm::{Ending, Slot, StoreCtx, VmCtx, VmStore};
use crate::wasm::TypeLookup;

/// Does a synchronous call of a function of the store `owner`, if such calls can be done, between what
/// the store's call hook is told.
///
/// # Panics
///
/// If the function belongs to another store.
#[inline]
pub(super) fn entering<T, R>(
    store: &mut StoreContextMut<'_, T>,
    owner: StoreId,
    call: impl FnOnce(&mut StoreContextMut<'_, T>) -> Result<R>,
) -> Result<R> {
    if store.enters_plainly(owner) {
        return call(store);
    }
    store.0.vm().assert_owns(owner);
    store.check_sync()?;
    store.between_hooks(call)
}

/// The type of a function of this store, which keeps it until it is dropped.
///
/// # Safety
///
/// `vm` is a live store, `func` is one of its functions, and the result is used while the store lives.
#[inline(always)]
pub(super) unsafe fn type_of<'a>(vm: *mut VmStore, func: FuncRef) -> &'a FuncType {
    // SAFETY: the caller's promise. The type does not lie in the store, and nobody writes to it.
    unsafe {
        let ty: *const FuncType = (*vm).types().func_type(TypeId((*func.as_ptr()).type_id));
        &*ty
    }
}

/// Calls a function if all its values are numbers and are what it wants; otherwise nothing is done.
///
/// For stores that are entered plainly, by their own functions.
#[inline]
pub(super) fn call_numbers<T>(
    store: &mut StoreContextMut<'_, T>,
    func: FuncRef,
    params: &[Val],
    results: &mut [Val],
) -> Option<Result<()>> {
    if !store.enters_plainly(func.store()) {
        return None;
    }
    let vm = store.0.as_ptr();
    // SAFETY: as in `TypedFunc::call`; the types are compared here, and each number is one slot.
    unsafe {
        let ty = type_of(vm, func);
        ty.halves()?;
        if ty.counts() != (params.len(), results.len()) {
            return None;
        }
        let ctx = vm.cast::<StoreCtx>();
        let args = exec::arg_base(ctx);
        for (i, (param, ty)) in params.iter().zip(ty.params_slice()).enumerate() {
            let slot = match (param, ty) {
                (Val::I32(value), ValType::I32) => u64::from(*value as u32),
                (Val::I64(value), ValType::I64) => *value as u64,
                (Val::F32(bits), ValType::F32) => u64::from(*bits),
                (Val::F64(bits), ValType::F64) => *bits,
                _ => return None,
            };
            args.add(i).write(slot);
        }
        let func = func.as_ptr();
        match exec::enter_at(ctx, func, args, (*func).header_offset()) {
            Exit::Returned => {
                for (i, (result, ty)) in results.iter_mut().zip(ty.results_slice()).enumerate() {
                    let slot = args.add(i).read();
                    *result = match ty {
                        ValType::I32 => Val::I32(slot as i32),
                        ValType::I64 => Val::I64(slot as i64),
                        ValType::F32 => Val::F32(slot as u32),
                        // What else is one slot and a number.
                        _ => Val::F64(slot),
                    };
                }
                Some(Ok(()))
            }
            exit => Some(Err(failure(vm, store.engine(), Outer::below(args), exit))),
        }
    }
}

/// Calls a function with values that have been checked against its type, in [`entering`].
pub(super) fn call_values<T>(
    store: &mut StoreContextMut<'_, T>,
    func: FuncRef,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let vm = store.0.as_ptr();
    // SAFETY: as in `TypedFunc::call`; `params` and `results` have the function's types.
    unsafe {
        let ty = type_of(vm, func);
        let ctx = vm.cast::<StoreCtx>();
        let args = exec::arg_base(ctx);
        write_values(vm, args, ty.params_slice(), params);
        match exec::enter(ctx, func.as_ptr(), args) {
            Exit::Returned => {
                read_values(vm, args, ty.results_slice(), results);
                Ok(())
            }
            exit => Err(failure(vm, store.engine(), Outer::below(args), exit)),
        }
    }
}

/// Calls a function without parameters and results as the start function of the instance `ctx`, in
/// [`entering`].
pub(super) fn call_start<T>(
    store: &mut StoreContextMut<'_, T>,
    func: FuncRef,
    ctx: NonNull<VmCtx>,
) -> Result<()> {
    let vm = store.0.as_ptr();
    // SAFETY: as in `TypedFunc::call`, without values; `ctx` is an instance of this store.
    unsafe {
        let ptr = vm.cast::<StoreCtx>();
        let outer = exec::outer(ptr);
        match exec::enter_start(ptr, func.as_ptr(), exec::arg_base(ptr), ctx.as_ptr()) {
            Exit::Returned => Ok(()),
            exit => Err(failure(vm, store.engine(), outer, exit)),
        }
    }
}

/// Writes values of the given types.
///
/// # Safety
///
/// The slots that they take at `at` can be written, the values have the types and are the store's, and no
/// reference to the store lives.
#[inline]
pub(super) unsafe fn write_values(
    vm: *mut VmStore,
    mut at: *mut Slot,
    types: &[ValType],
    values: &[Val],
) {
    for (value, ty) in values.iter().zip(types) {
        // SAFETY: the caller's promise.
        unsafe {
            match *value {
                Val::I32(value) => at.write(u64::from(value as u32)),
                Val::I64(value) => at.write(value as u64),
                Val::F32(bits) => at.write(u64::from(bits)),
                Val::F64(bits) => at.write(bits),
                value => {
                    let [low, high] = (*vm).slots_of(value.to_value());
                    at.write(low);
                    if ty.slots() == 2 {
                        at.add(1).write(high);
                    }
                }
            }
            at = at.add(ty.slots() as usize);
        }
    }
}

/// Reads values of the given types.
///
/// # Safety
///
/// Such values, of this store, are at `at`, and no reference to the store lives.
#[inline]
pub(super) unsafe fn read_values(
    vm: *mut VmStore,
    mut at: *const Slot,
    types: &[ValType],
    values: &mut [Val],
) {
    for (value, &ty) in values.iter_mut().zip(types) {
        // SAFETY: the caller's promise.
        unsafe {
            let low = at.read();
            *value = match ty {
                ValType::I32 => Val::I32(low as i32),
                ValType::I64 => Val::I64(low as i64),
                ValType::F32 => Val::F32(low as u32),
                ValType::F64 => Val::F64(low),
                ValType::V128 | ValType::Ref(_) => {
                    let high = if ty.slots() == 2 { at.add(1).read() } else { 0 };
                    Val::from_value((*vm).value_from_slots(ty, [low, high]))
                }
            };
            at = at.add(ty.slots() as usize);
        }
    }
}

/// Ends an activation that did not return: the error to report, with a backtrace. Goes on with a
/// panic that a host function began.
///
/// # Safety
///
/// `exec::enter` was just called with this store and returned `exit`; `outer` is from before.
#[cold]
#[inline(never)]
pub(super) unsafe fn failure(vm: *mut VmStore, engine: &Engine, outer: Outer, exit: Exit) -> Error {
    // SAFETY: the exit is recent, so the store may be walked; nothing else uses it.
    let (ending, backtrace) = unsafe {
        let ending = (*vm).take_ending();
        let inherited = match &ending {
            Some(Ending::Failed(error)) => error.downcast_ref::<WasmBacktrace>().is_some(),
            Some(Ending::Panicked(_)) => true,
            _ => false,
        };
        // Innermost activation only: outer ones pass its error on.
        let backtrace = if inherited { None } else { WasmBacktrace::of_exit(&*vm, engine) };
        #[cfg(feature = "debug")]
        if !inherited && let Some(debugger) = engine.config().own_debugger() {
            debugger.failed(&mut *vm, ending.as_ref());
        }
        #[cfg(feature = "coredump")]
        let dump = (!inherited && engine.config().dumps_core())
            .then(|| crate::core_dump::WasmCoreDump::of_exit(&*vm, engine));
        exec::leave(vm.cast(), outer);
        #[cfg(feature = "coredump")]
        let backtrace = (backtrace, dump);
        (ending, backtrace)
    };
    let error = match ending {
        Some(Ending::Panicked(payload)) => crate::sys::standard::resume_unwind(payload),
        Some(Ending::Failed(error)) => error,
        Some(Ending::Trapped(trap)) => trap.into(),
        Some(Ending::Thrown) => ThrownException.into(),
        Some(Ending::Suspended(_)) => {
            Error::msg("a host function suspended a call that cannot be resumed")
        }
        Some(Ending::Paused(_)) => Error::msg("suspended, but the call cannot be resumed"),
        Some(Ending::Awaiting(_)) => {
            Error::msg("an asynchronous function waits in a call that cannot")
        }
        None => format_err!("an activation ended as {exit:?} without a reason"),
    };
    let error = crate::gc::with_out_of_memory(error);
    #[cfg(feature = "coredump")]
    let (backtrace, error) = match backtrace {
        (backtrace, Some(dump)) => (backtrace, error.context(dump)),
        (backtrace, None) => (backtrace, error),
    };
    match backtrace {
        Some(backtrace) => error.context(backtrace),
        None => error,
    }
}

/// A function was used with a store that it does not belong to.
#[cold]
#[inline(never)]
#[track_caller]
pub(super) fn wrong_store() -> ! {
    panic!("object used with the wrong store")
}
