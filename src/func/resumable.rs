//! Calls that can be suspended, by a host function or where code is metered, and resumed later.
//!
//! A suspended call is data: its frames leave the value stack and are put back when it goes on,
//! at whatever depth that is. It needs no native stack meanwhile, so there can be any number.

use core::any::Any;
use core::fmt;
use core::mem;

use super::typed::foreign_argument;
use super::{Func, TypedFunc, WasmParams, WasmResults, check, invoke};
use crate::backtrace::WasmBacktrace;
use crate::error::{Error, Result};
use crate::exec::suspend::Frames;
use crate::exec::{self, Exit, Outer};
use crate::exn::ThrownException;
use crate::index::TypeId;
use crate::prelude::*;
use crate::store::{AsContextMut, StoreContextMut};
use crate::types::FuncType;
use crate::val::Val;
use crate::vm::handle::{FuncRef, StoreId};
use crate::vm::metering::{Pause, Why};
use crate::vm::poller::Poller;
use crate::vm::{Ending, Outcome, Slot, StoreCtx, VmStore};
use crate::wasm::TypeLookup;

/// Why a call was suspended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SuspendReason {
    /// A host function returned [`Suspend`].
    Host,
    /// The store has no fuel left. The call goes on when it has; until then, resuming it only takes
    /// what fuel there is.
    OutOfFuel,
    /// The epoch's deadline was reached, and the store's callback returned
    /// [`UpdateDeadline::Yield`](crate::UpdateDeadline::Yield).
    Epoch,
    /// Somebody asked for it by [`InterruptHandle::suspend`](crate::InterruptHandle::suspend).
    Interrupt,
}

/// Returned as an error by a host function, suspends the call that it is part of: whoever made it
/// with [`Func::call_resumable`] or [`TypedFunc::call_resumable`] gets a [`SuspendedCall`], with
/// the payload, and says later what the host function returns.
///
/// Only the innermost call from host code can be suspended. If it was not made to be resumable, it
/// fails.
#[derive(Debug)]
pub struct Suspend(Box<dyn Any + Send + Sync>);

impl Suspend {
    /// A suspension with something to tell the embedder.
    pub fn new(payload: impl Any + Send + Sync) -> Suspend {
        Suspend(Box::new(payload))
    }

    pub(super) fn into_payload(self) -> Box<dyn Any + Send + Sync> {
        self.0
    }
}

impl fmt::Display for Suspend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("host function suspends its call")
    }
}

impl core::error::Error for Suspend {}

/// How far a resumable call got.
#[derive(Debug)]
pub enum ResumableCall<R> {
    /// It returned.
    Finished(R),
    /// It was suspended.
    Suspended(SuspendedCall<R>),
}

impl<R> ResumableCall<R> {
    /// The results, if it returned.
    pub fn finished(self) -> Option<R> {
        match self {
            ResumableCall::Finished(results) => Some(results),
            ResumableCall::Suspended(_) => None,
        }
    }

    /// The suspended call, if it did not.
    pub fn suspended(self) -> Option<SuspendedCall<R>> {
        match self {
            ResumableCall::Finished(_) => None,
            ResumableCall::Suspended(call) => Some(call),
        }
    }
}

/// A call that was suspended. Dropping it abandons the call.
pub struct SuspendedCall<R> {
    store: StoreId,
    frames: Frames,
    /// The function that was called.
    ty: FuncType,
    /// Why it was suspended, if not by a host function.
    pause: Option<Pause>,
    /// What that function said; `()` without one.
    payload: Box<dyn Any + Send + Sync>,
    read: ReadResults<R>,
}

/// Reads the results of a call.
///
/// # Safety
///
/// Results of the given types, of this store, are at the address.
type ReadResults<R> = unsafe fn(*mut VmStore, *const Slot, &FuncType) -> R;

impl<R> fmt::Debug for SuspendedCall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SuspendedCall").field("ty", &self.ty).finish_non_exhaustive()
    }
}

impl<R> SuspendedCall<R> {
    /// Why it was suspended.
    pub fn reason(&self) -> SuspendReason {
        match self.pause.map(|pause| pause.why) {
            None => SuspendReason::Host,
            Some(Why::OutOfFuel(_)) => SuspendReason::OutOfFuel,
            Some(Why::Epoch(_)) => SuspendReason::Epoch,
            Some(Why::Asked) => SuspendReason::Interrupt,
        }
    }

    /// Where it stands: the functions of WebAssembly that are active in it, innermost first.
    ///
    /// # Panics
    ///
    /// If the call belongs to another store.
    pub fn backtrace(&self, store: impl crate::AsContext) -> WasmBacktrace {
        let store = store.as_context();
        store.0.vm().assert_owns(self.store);
        WasmBacktrace::of_frames(store.0.vm(), store.engine(), &self.frames)
    }

    /// What the host function gave to [`Suspend::new`].
    pub fn payload(&self) -> &(dyn Any + Send + Sync) {
        &*self.payload
    }

    /// What the host function gave to [`Suspend::new`], to change or take out.
    pub fn payload_mut(&mut self) -> &mut (dyn Any + Send + Sync) {
        &mut *self.payload
    }

    /// The type of the host function that suspended the call: its results are what
    /// [`SuspendedCall::resume`] takes. Without such a function, one without any.
    ///
    /// # Panics
    ///
    /// If the call belongs to another store.
    pub fn host_type(&self, store: impl crate::AsContext) -> crate::FuncType {
        let store = store.as_context();
        let vm = store.0.vm();
        vm.assert_owns(self.store);
        match host_type_id(&self.frames) {
            Some(id) => crate::FuncType::from_registered(store.engine(), vm.registry().get(id)),
            None => crate::FuncType::new(store.engine(), [], []),
        }
    }

    /// Lets the host function return `results`, none if there is no such function, and the call go
    /// on.
    ///
    /// # Errors
    ///
    /// When the results do not fit the host function's type; then, or when the call fails as in
    /// [`Func::call`], it is over.
    ///
    /// # Panics
    ///
    /// If the call belongs to another store; and as for [`Func::call`].
    pub fn resume(self, mut store: impl AsContextMut, results: &[Val]) -> Result<ResumableCall<R>> {
        let mut store = store.as_context_mut();
        store.0.vm().assert_owns(self.store);
        let host = host_type(store.0.vm(), &self.frames);
        check::check_count(host.results_slice(), "results", results)?;
        check::check_values(store.0.vm(), results, host.results_slice())?;
        store.between_hooks(|store| {
            let vm = store.0.as_ptr();
            // SAFETY: `vm` is the store's root pointer, borrowed exclusively, and no reference to it
            // lives across the call; the frames are this store's, and the results fit.
            unsafe {
                self.go_on(store, |at| {
                    invoke::write_values(vm, at, host.results_slice(), results);
                    Outcome::RETURNED
                })
            }
        })
    }

    /// Raises an error where the call was suspended: as if the host function returned it, or the
    /// instruction at which it stands failed. [`ThrownException`], with an exception pending in the
    /// store, is thrown there and may be caught.
    ///
    /// # Errors
    ///
    /// The error, with the backtrace of where it was raised, unless it is caught; then as for
    /// [`SuspendedCall::resume`].
    ///
    /// # Panics
    ///
    /// As for [`SuspendedCall::resume`].
    pub fn resume_with_error(
        mut self,
        mut store: impl AsContextMut,
        error: Error,
    ) -> Result<ResumableCall<R>> {
        let mut store = store.as_context_mut();
        store.0.vm().assert_owns(self.store);
        self.pause = None;
        store.between_hooks(|store| {
            let vm = store.0.as_ptr();
            // SAFETY: as above; nothing is returned.
            unsafe {
                self.go_on(store, |_| {
                    let throws = error.is::<ThrownException>() && (*vm).exceptions.thrown != 0;
                    let outcome = (*vm).end(Ending::Failed(error));
                    if throws { Outcome::THROWN } else { outcome }
                })
            }
        })
    }

    /// Puts the frames back and goes on where they stand, with what `end` does.
    ///
    /// # Safety
    ///
    /// The frames are the store's; `end` ends the host function, or fails.
    unsafe fn go_on<T: 'static>(
        self,
        store: &mut StoreContextMut<'_, T>,
        end: impl FnOnce(*mut Slot) -> Outcome,
    ) -> Result<ResumableCall<R>> {
        let SuspendedCall { frames, ty, read, pause, .. } = self;
        let vm = store.0.as_ptr();
        // SAFETY: the caller's promise; no reference to the store lives across the call.
        unsafe {
            let outer = exec::outer(vm.cast());
            let poller = mem::replace(&mut (*vm).poller, Poller::resumable(&(*vm).ctx));
            let (exit, args) = frames.resume(vm.cast(), pause, end);
            (*vm).poller = poller;
            finish(store, outer, args, exit, ty, read)
        }
    }
}

/// The type of the host function that suspended.
fn host_type(vm: &VmStore, frames: &Frames) -> FuncType {
    match host_type_id(frames) {
        Some(id) => vm.types().func_type(id).clone(),
        None => FuncType::new([], []),
    }
}

/// The number of the type of the host function that suspended; `None` if none did.
fn host_type_id(frames: &Frames) -> Option<TypeId> {
    if frames.host().is_null() {
        return None;
    }
    // SAFETY: callers have checked that the frames belong to a store that lives, and that keeps the
    // host function alive.
    Some(TypeId(unsafe { (*frames.host()).func.type_id }))
}

/// What became of an activation, with the frames kept if it was suspended.
///
/// # Safety
///
/// An activation with arguments at `args`, of a function of type `ty`, just ended this way; `outer`
/// is from before; and `read` reads results of that type.
unsafe fn finish<T, R>(
    store: &mut StoreContextMut<'_, T>,
    outer: Outer,
    args: *mut Slot,
    exit: Exit,
    ty: FuncType,
    read: ReadResults<R>,
) -> Result<ResumableCall<R>> {
    let vm = store.0.as_ptr();
    // SAFETY: the caller's promise.
    unsafe {
        match exit {
            Exit::Returned => Ok(ResumableCall::Finished(read(vm, args, &ty))),
            Exit::Suspended => {
                let (pause, payload) = match (*vm).pending.take() {
                    Some(Ending::Suspended(payload)) => (None, payload),
                    Some(Ending::Paused(pause)) => (Some(pause), Box::new(()) as Box<_>),
                    other => {
                        (*vm).pending = other;
                        return Err(invoke::failure(vm, store.engine(), outer, exit));
                    }
                };
                let frames = Frames::take(vm.cast::<StoreCtx>(), args, pause.is_none());
                exec::leave(vm.cast(), outer);
                let store = (*vm).id();
                let call = SuspendedCall { store, frames, ty, pause, payload, read };
                Ok(ResumableCall::Suspended(call))
            }
            exit => Err(invoke::failure(vm, store.engine(), outer, exit)),
        }
    }
}

/// Calls a function whose arguments `write_params` writes.
///
/// # Safety
///
/// The function belongs to the store and has type `ty`, which `write_params` and `read` follow.
unsafe fn call<T, R>(
    store: &mut StoreContextMut<'_, T>,
    func: FuncRef,
    ty: FuncType,
    write_params: impl FnOnce(*mut Slot),
    read: ReadResults<R>,
) -> Result<ResumableCall<R>> {
    let vm = store.0.as_ptr();
    // SAFETY: as in `TypedFunc::call`, by the caller's promise.
    unsafe {
        let outer = exec::outer(vm.cast());
        let args = exec::arg_base(vm.cast());
        write_params(args);
        let poller = mem::replace(&mut (*vm).poller, Poller::resumable(&(*vm).ctx));
        let exit = exec::enter(vm.cast(), func.as_ptr(), args);
        (*vm).poller = poller;
        finish(store, outer, args, exit, ty, read)
    }
}

impl Func {
    /// Calls the function like [`Func::call`], but so that a host function can suspend the call by
    /// returning [`Suspend`]. It is also suspended where it would run out of fuel, at an epoch's
    /// deadline if the store's callback says so, and by
    /// [`InterruptHandle::suspend`](crate::InterruptHandle::suspend); see [`SuspendReason`].
    ///
    /// # Errors
    ///
    /// As for [`Func::call`].
    ///
    /// # Panics
    ///
    /// As for [`Func::call`].
    pub fn call_resumable(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
    ) -> Result<ResumableCall<Vec<Val>>> {
        let mut store = store.as_context_mut();
        let ty = self.lowered_ty(store.0.vm()).clone();
        check::check_params(store.0.vm(), &ty, params)?;
        store.between_hooks(|store| {
            let vm = store.0.as_ptr();
            // SAFETY: the parameters were just checked, and so was the store.
            unsafe {
                let types = ty.clone();
                let write = |at| invoke::write_values(vm, at, types.params_slice(), params);
                call(store, self.0, ty, write, read_vals)
            }
        })
    }
}

unsafe fn read_vals(vm: *mut VmStore, at: *const Slot, ty: &FuncType) -> Vec<Val> {
    let mut values = vec![Val::I32(0); ty.results().len()];
    // SAFETY: the caller's promise.
    unsafe { invoke::read_values(vm, at, ty.results_slice(), &mut values) };
    values
}

impl<Params: WasmParams, Results: WasmResults> TypedFunc<Params, Results> {
    /// Calls the function like [`TypedFunc::call`], but so that it can be suspended; see
    /// [`Func::call_resumable`].
    ///
    /// # Errors
    ///
    /// As for [`Func::call`].
    ///
    /// # Panics
    ///
    /// As for [`TypedFunc::call`].
    pub fn call_resumable(
        &self,
        mut store: impl AsContextMut,
        params: Params,
    ) -> Result<ResumableCall<Results>> {
        let mut store = store.as_context_mut();
        let id = store.0.vm().id();
        if !params.belong_to(id) {
            return foreign_argument();
        }
        let ty = self.func().lowered_ty(store.0.vm()).clone();
        store.between_hooks(|store| {
            let vm = store.0.as_ptr();
            let read: ReadResults<Results> = |vm, at, _| {
                // SAFETY: the promise of a `ReadResults`.
                unsafe { Results::load(vm, at) }
            };
            // SAFETY: `TypedFunc::new` compared the types, and `ty` has checked the store.
            unsafe {
                let args = exec::arg_base(vm.cast());
                params.store(vm, args);
                self.check_arguments(&*vm, args).and_then(|()| {
                    // They are where the call expects them.
                    call(store, self.func().0, ty, |at| debug_assert_eq!(at, args), read)
                })
            }
        })
    }
}

static_assertions::assert_impl_all!(SuspendedCall<()>: Send, Sync);
