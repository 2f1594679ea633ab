//! The slower ways into a function, and what is made of an activation that failed.

use core::ptr::NonNull;

use crate::backtrace::WasmBacktrace;
use crate::engine::Engine;
use crate::error::{Error, Result, format_err};
use crate::exec::{self, Exit, Outer};
use crate::exn::ThrownException;
use crate::store::StoreContextMut;
use crate::types::FuncType;
use crate::val::Val;
use crate::vm::handle::{FuncRef, StoreId};
use crate::vm::{Ending, Slot, StoreCtx, VmCtx, VmStore};

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

/// Calls a function with values that have been checked against its type `ty`, in [`entering`].
pub(super) fn call_values<T>(
    store: &mut StoreContextMut<'_, T>,
    func: FuncRef,
    ty: &FuncType,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let vm = store.0.as_ptr();
    // SAFETY: as in `TypedFunc::call`; `params` and `results` have the function's types.
    unsafe {
        let ctx = vm.cast::<StoreCtx>();
        let outer = exec::outer(ctx);
        let args = exec::arg_base(ctx);
        let mut at = args;
        for (param, ty) in params.iter().zip(ty.params()) {
            at = write_value(vm, at, ty.slots(), *param);
        }
        match exec::enter(ctx, func.as_ptr(), args) {
            Exit::Returned => {
                read_values(vm, args, ty.results_slice(), results);
                Ok(())
            }
            exit => Err(failure(vm, store.engine(), outer, exit)),
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

/// Writes a value to its slots and returns the place behind them.
///
/// # Safety
///
/// `slots` slots at `at` can be written, and no reference to the store lives.
pub(super) unsafe fn write_value(
    vm: *mut VmStore,
    at: *mut Slot,
    slots: u32,
    value: Val,
) -> *mut Slot {
    // SAFETY: the caller's promise.
    unsafe {
        let [low, high] = (*vm).slots_of(value.to_value());
        at.write(low);
        if slots == 2 {
            at.add(1).write(high);
        }
        at.add(slots as usize)
    }
}

/// Reads values of the given types.
///
/// # Safety
///
/// Such values, of this store, are at `at`, and no reference to the store lives.
pub(super) unsafe fn read_values(
    vm: *mut VmStore,
    mut at: *const Slot,
    types: &[crate::types::ValType],
    values: &mut [Val],
) {
    for (value, &ty) in values.iter_mut().zip(types) {
        // SAFETY: the caller's promise.
        unsafe {
            let high = if ty.slots() == 2 { at.add(1).read() } else { 0 };
            *value = Val::from_value((*vm).value_from_slots(ty, [at.read(), high]));
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
        Some(Ending::Panicked(payload)) => std::panic::resume_unwind(payload),
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
