//! Host functions: closures, and the shims through which the trampoline calls them.
//!
//! A shim is made for one closure type. It reads the arguments from the value stack's slots,
//! calls the closure, and writes the results to the same slots; nothing is allocated or boxed on
//! that path. Whatever leaves the closure otherwise (error, panic) becomes data in the store,
//! because handlers cannot be unwound through.

use core::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::typed::{WasmTy, WasmTyList, for_each_arity};
use super::{Func, Suspend, invoke};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result, format_err};
use crate::exec;
use crate::exn::ThrownException;
use crate::store::{StoreContextMut, StoreInner};
use crate::ty;
use crate::types::{FuncType, ValType};
use crate::val::Val;
use crate::vm::owner::{CallSite, StoreMut};
use crate::vm::{
    CodeEntry, Ending, HostReturn, HostShim, Outcome, Slot, Unused, VmCtx, VmFunc, VmHostFunc,
    VmStore,
};
use crate::wasm::RegisteredType;

/// A host function before it is put into a store: shared by all stores that it is put into.
#[derive(Clone)]
#[doc(hidden)]
pub struct HostFunc {
    /// Whose type `ty` is.
    engine: Engine,
    ty: RegisteredType,
    shim: HostShim,
    /// What `shim` calls.
    closure: Arc<dyn Any + Send + Sync>,
    /// Can only be called by calls that can wait.
    is_async: bool,
}

impl HostFunc {
    /// A host function with typed parameters and results.
    pub(crate) fn typed<T: 'static, Params, Results>(
        engine: &Engine,
        f: impl IntoFunc<T, Params, Results>,
    ) -> HostFunc {
        f.into_host_func(engine)
    }

    /// A host function whose type is only known now.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    #[track_caller]
    pub(crate) fn dynamic<T: 'static, F>(engine: &Engine, ty: ty::FuncType, f: F) -> HostFunc
    where
        F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    {
        let lowered = ty.registered().func().clone();
        HostFunc::with_shim(engine, &ty, dynamic_shim::<T, F>, Dynamic { ty: lowered, f })
    }

    /// A host function of a type that is only known now, with the shim that calls `f`.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    #[track_caller]
    pub(super) fn with_shim(
        engine: &Engine,
        ty: &ty::FuncType,
        shim: HostShim,
        f: impl Send + Sync + 'static,
    ) -> HostFunc {
        assert!(Engine::same(ty.engine(), engine), "type used with wrong engine");
        let ty = ty.registered().clone();
        HostFunc { engine: engine.clone(), ty, shim, closure: Arc::new(f), is_async: false }
    }

    /// The same, which may wait.
    pub(super) fn asynchronous(self) -> HostFunc {
        HostFunc { is_async: true, ..self }
    }

    /// A host function that was found to be `F`, with the shim that calls one.
    pub(super) fn of<F: Send + Sync + 'static>(
        engine: &Engine,
        params: impl Iterator<Item = ValType>,
        results: impl Iterator<Item = ValType>,
        shim: HostShim,
        f: F,
    ) -> HostFunc {
        HostFunc::erased(engine, &FuncType::new(params, results), shim, Arc::new(f))
    }

    /// The same for all types of closures: once in a program.
    fn erased(
        engine: &Engine,
        ty: &FuncType,
        shim: HostShim,
        closure: Arc<dyn Any + Send + Sync>,
    ) -> HostFunc {
        let ty = engine.types().intern_func(ty).expect("no type registry is full");
        HostFunc { engine: engine.clone(), ty, shim, closure, is_async: false }
    }

    /// The engine that it was made for.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Puts the function into a store, which has the data that its closure expects.
    ///
    /// # Panics
    ///
    /// If the store belongs to another engine: there the number of the function's type is another
    /// type's.
    #[track_caller]
    pub(crate) fn instantiate(&self, store: &mut VmStore) -> Func {
        assert!(
            Arc::ptr_eq(self.engine.types(), store.registry()),
            "cannot use a store with a different engine than a linker was created with"
        );
        let type_id = self.ty.id.0;
        let func = VmFunc {
            code: core::ptr::null(),
            instance: core::ptr::null_mut(),
            type_id,
            // The engine's limit keeps both below 2^16.
            param_slots: self.ty.param_slots as u16,
            result_slots: self.ty.result_slots as u16,
            store_index: 0,
            func_index: u32::MAX,
        };
        let host = VmHostFunc {
            func,
            shim: self.shim,
            data: Arc::as_ptr(&self.closure).cast(),
            owner: self.closure.clone(),
            entry: CodeEntry { pc: core::ptr::null_mut::<u8>().into(), stub: 0 },
            stub: exec::host_stub(type_id, self.ty.param_slots.max(self.ty.result_slots)),
            own_shim: self.shim,
        };
        if self.is_async {
            store.require_async();
        }
        Func(store.add_host_func(host, &self.ty))
    }
}

/// A closure that can be a host function; see [`Func::wrap`] for which ones. `Params` and
/// `Results` are found by the compiler.
///
/// Implemented by this crate only.
pub trait IntoFunc<T: 'static, Params, Results>:
    sealed::Sealed<T, Params, Results> + Send + Sync + 'static
{
    #[doc(hidden)]
    fn into_host_func(self, engine: &Engine) -> HostFunc;
}

/// Keeps others from implementing [`IntoFunc`]: the shim and the data that it makes are followed
/// unchecked.
mod sealed {
    pub trait Sealed<T, Params, Results> {}
}

/// What a host function can return: nothing, one [`WasmTy`], a tuple of them, or a [`Result`] of
/// any of these.
///
/// # Safety
///
/// Implemented by this crate only.
pub unsafe trait WasmRet: 'static {
    /// The WebAssembly types.
    #[doc(hidden)]
    fn valtypes() -> impl Iterator<Item = ValType>;

    /// Writes the results, or makes the error pending.
    ///
    /// # Safety
    ///
    /// `caller` and `host` are what the shim was called with, and `slots` has room for the results.
    #[doc(hidden)]
    unsafe fn finish(
        self,
        caller: *mut VmCtx,
        host: *const VmHostFunc,
        slots: *mut Slot,
    ) -> HostReturn;
}

// SAFETY: writes what `valtypes` says.
unsafe impl<L: WasmTyList> WasmRet for L {
    fn valtypes() -> impl Iterator<Item = ValType> {
        <L as WasmTyList>::valtypes()
    }

    #[inline]
    unsafe fn finish(
        self,
        caller: *mut VmCtx,
        host: *const VmHostFunc,
        slots: *mut Slot,
    ) -> HostReturn {
        // SAFETY: the caller's promise; a store's identity can be read at any time.
        unsafe {
            if !self.belong_to((*(*caller).store.cast::<VmStore>()).id()) {
                return fail(
                    caller,
                    host,
                    format_err!("host function attempted to return a cross-`Store` value"),
                );
            }
            self.store((*caller).store.cast(), slots);
            HostReturn {
                outcome: Outcome::RETURNED.word(),
                value: if L::SLOTS > 0 { slots.read() } else { 0 },
            }
        }
    }
}

// SAFETY: as above, or nothing is written.
unsafe impl<L: WasmTyList> WasmRet for Result<L, Error> {
    fn valtypes() -> impl Iterator<Item = ValType> {
        <L as WasmTyList>::valtypes()
    }

    #[inline]
    unsafe fn finish(
        self,
        caller: *mut VmCtx,
        host: *const VmHostFunc,
        slots: *mut Slot,
    ) -> HostReturn {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Ok(results) => results.finish(caller, host, slots),
                Err(error) => fail(caller, host, error),
            }
        }
    }
}

/// Makes an error pending, or the suspension or exception that it stands for. The error of an
/// exception is kept, because it may have a backtrace from where it was thrown.
///
/// # Safety
///
/// `caller` and `host` are what a shim was called with, and nobody uses the store.
#[cold]
#[inline(never)]
pub(super) unsafe fn fail(caller: *mut VmCtx, host: *const VmHostFunc, error: Error) -> HostReturn {
    let ending = match error.downcast::<Suspend>() {
        Ok(suspend) => {
            // SAFETY: the caller's promise.
            unsafe { exec::suspend::note_suspending((*caller).store, host) };
            Ending::Suspended(suspend.into_payload())
        }
        Err(error) => Ending::Failed(error),
    };
    // SAFETY: the caller's promise.
    let store = unsafe { VmCtx::store_mut(caller) };
    let throws = matches!(&ending, Ending::Failed(error) if error.is::<ThrownException>())
        && store.exceptions.thrown != 0;
    let outcome = store.end(ending);
    HostReturn { outcome: if throws { Outcome::THROWN } else { outcome }.word(), value: 0 }
}

/// Makes a panic pending.
///
/// # Safety
///
/// `caller` is what a shim was called with, and nobody uses the store.
#[cold]
#[inline(never)]
pub(super) unsafe fn panicked(caller: *mut VmCtx, payload: Box<dyn Any + Send>) -> HostReturn {
    // SAFETY: the caller's promise.
    let outcome = unsafe { VmCtx::store_mut(caller) }.end(Ending::Panicked(payload));
    HostReturn { outcome: outcome.word(), value: 0 }
}

/// The number of handles when a host function begins. Those that are made while it runs end with
/// it.
///
/// # Safety
///
/// As for [`fail`].
#[inline(always)]
pub(super) unsafe fn begin_scope(ctx: *mut VmCtx) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (*(*ctx).store.cast::<VmStore>()).roots_len() }
}

/// Ends the handles that were made since [`begin_scope`].
///
/// # Safety
///
/// As for [`fail`].
#[inline(always)]
pub(super) unsafe fn end_scope(ctx: *mut VmCtx, scope: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let store = (*ctx).store.cast::<VmStore>();
        if (*store).roots_len() != scope {
            (*store).end_scope(scope);
        }
    }
}

/// The `Caller` of a shim.
///
/// # Safety
///
/// `ctx` is the context that the shim was called with, of a store with data `T`, and nothing but
/// the result uses the store while it lives.
#[inline]
pub(super) unsafe fn caller<'a, T: 'static>(ctx: *mut VmCtx) -> Caller<'a, T> {
    // SAFETY: the caller's promise.
    unsafe {
        Caller {
            store: StoreContextMut(StoreMut::<StoreInner<T>>::from_ctx(ctx)),
            site: CallSite::new(ctx),
        }
    }
}

/// Implements [`IntoFunc`] for closures of one arity, with and without a [`Caller`]. Turns
/// `into_func!(A1 A2)` into implementations for `Fn(A1, A2) -> R` and
/// `Fn(Caller<'_, T>, A1, A2) -> R`, each with its shim.
macro_rules! into_func {
    ($($arg:ident)*) => {
        impl<T: 'static, F, $($arg: WasmTy,)* R: WasmRet> sealed::Sealed<T, ($($arg,)*), R> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
        {
        }

        impl<T: 'static, F, $($arg: WasmTy,)* R: WasmRet>
            sealed::Sealed<T, (Caller<'_, T>, $($arg,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($arg),*) -> R + Send + Sync + 'static,
        {
        }

        #[allow(non_snake_case, reason = "names stand for types and values")]
        impl<T: 'static, F, $($arg: WasmTy,)* R: WasmRet> IntoFunc<T, ($($arg,)*), R> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
        {
            fn into_host_func(self, engine: &Engine) -> HostFunc {
                unsafe extern "C" fn shim<F, $($arg: WasmTy,)* R: WasmRet>(
                    ctx: *mut VmCtx,
                    _: Unused,
                    slots: *mut Slot,
                    host: *const VmHostFunc,
                ) -> HostReturn
                where
                    F: Fn($($arg),*) -> R,
                {
                    // SAFETY: the trampoline passes a live context, a host function whose data is
                    // the closure that this shim was made for, and arguments of its type. Nothing
                    // else uses the store until the shim returns.
                    unsafe {
                        let call = AssertUnwindSafe(|| {
                            let f = &*(*host).data.cast::<F>();
                            let ($($arg,)*) = <($($arg,)*) as WasmTyList>::load((*ctx).store.cast(), slots);
                            f($($arg),*).finish(ctx, host, slots)
                        });
                        // Without a caller, only arguments can make handles.
                        let scoped = <($($arg,)*) as WasmTyList>::MAKES_HANDLES;
                        let scope = if scoped { begin_scope(ctx) } else { 0 };
                        let outcome = match catch_unwind(call) {
                            Ok(outcome) => outcome,
                            Err(payload) => panicked(ctx, payload),
                        };
                        if scoped {
                            end_scope(ctx, scope);
                        }
                        outcome
                    }
                }
                let params = <($($arg,)*) as WasmTyList>::valtypes();
                HostFunc::of(engine, params, <R as WasmRet>::valtypes(), shim::<F, $($arg,)* R>, self)
            }
        }

        #[allow(non_snake_case, reason = "names stand for types and values")]
        impl<T: 'static, F, $($arg: WasmTy,)* R: WasmRet>
            IntoFunc<T, (Caller<'_, T>, $($arg,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($arg),*) -> R + Send + Sync + 'static,
        {
            fn into_host_func(self, engine: &Engine) -> HostFunc {
                unsafe extern "C" fn shim<T: 'static, F, $($arg: WasmTy,)* R: WasmRet>(
                    ctx: *mut VmCtx,
                    _: Unused,
                    slots: *mut Slot,
                    host: *const VmHostFunc,
                ) -> HostReturn
                where
                    F: Fn(Caller<'_, T>, $($arg),*) -> R,
                {
                    // SAFETY: as in the shim above; and the store has data of type `T`, since
                    // functions of a `T` are only put into such stores.
                    unsafe {
                        let call = AssertUnwindSafe(|| {
                            let f = &*(*host).data.cast::<F>();
                            let ($($arg,)*) = <($($arg,)*) as WasmTyList>::load((*ctx).store.cast(), slots);
                            f(caller::<T>(ctx), $($arg),*).finish(ctx, host, slots)
                        });
                        let scope = begin_scope(ctx);
                        let outcome = match catch_unwind(call) {
                            Ok(outcome) => outcome,
                            Err(payload) => panicked(ctx, payload),
                        };
                        end_scope(ctx, scope);
                        outcome
                    }
                }
                let params = <($($arg,)*) as WasmTyList>::valtypes();
                HostFunc::of(engine, params, <R as WasmRet>::valtypes(), shim::<T, F, $($arg,)* R>, self)
            }
        }
    };
}

for_each_arity!(into_func);

/// What a result is before a closure that works with values sets it. One that stays so is an error,
/// unless it is a reference to a function and may be null.
pub(super) const UNSET: Val = Val::null_func_ref();

/// A closure that works with values, and its type.
struct Dynamic<F> {
    ty: FuncType,
    f: F,
}

/// The shim of [`HostFunc::dynamic`].
unsafe extern "C" fn dynamic_shim<T: 'static, F>(
    ctx: *mut VmCtx,
    _: Unused,
    slots: *mut Slot,
    host: *const VmHostFunc,
) -> HostReturn
where
    F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
{
    // SAFETY: as in the typed shims; no reference to the store lives while values are read and
    // written, nor across the closure.
    unsafe {
        shielded(ctx, host, || {
            let Dynamic { ty, f } = &*(*host).data.cast::<Dynamic<F>>();
            let vm = (*ctx).store.cast::<VmStore>();
            let (count, total) = (ty.params().len(), ty.params().len() + ty.results().len());
            // Few values are the rule, and then nothing is allocated.
            let mut inline = [Val::I32(0); 16];
            let mut heap = Vec::new();
            let values = if total <= inline.len() {
                &mut inline[..total]
            } else {
                heap.resize(total, Val::I32(0));
                &mut heap[..]
            };
            let (params, results) = values.split_at_mut(count);
            invoke::read_values(vm, slots, ty.params_slice(), params);
            results.fill(UNSET);
            f(caller::<T>(ctx), params, results)?;
            write_results(vm, ty, results, slots)
        })
    }
}

/// Runs what a shim does, which gives the bits of its first result: with a scope for handles, and without
/// unwinding.
///
/// # Safety
///
/// `ctx` and `host` are what the shim was called with, and nobody else uses the store.
#[inline(always)]
pub(super) unsafe fn shielded(
    ctx: *mut VmCtx,
    host: *const VmHostFunc,
    call: impl FnOnce() -> Result<u64>,
) -> HostReturn {
    // SAFETY: the caller's promise.
    unsafe {
        let scope = begin_scope(ctx);
        let outcome = match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(value)) => HostReturn { outcome: const { Outcome::RETURNED.word() }, value },
            Ok(Err(error)) => fail(ctx, host, error),
            Err(payload) => panicked(ctx, payload),
        };
        end_scope(ctx, scope);
        outcome
    }
}

/// Writes the results of a function of type `ty`, if they have its types, and returns the bits of the
/// first.
///
/// # Safety
///
/// As above, and `slots` has room for such results.
pub(super) unsafe fn write_results(
    vm: *mut VmStore,
    ty: &FuncType,
    results: &[Val],
    slots: *mut Slot,
) -> Result<u64> {
    // SAFETY: the caller's promise.
    unsafe {
        if let Err(error) = super::check::check_values(&*vm, results, ty.results_slice()) {
            return Err(error.context("function attempted to return an incompatible value"));
        }
        invoke::write_values(vm, slots, ty.results_slice(), results);
        Ok(if results.is_empty() { 0 } else { slots.read() })
    }
}
