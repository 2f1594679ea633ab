//! Host functions: closures, and the shims through which the trampoline calls them.
//!
//! A shim is made for one closure type. It reads the arguments from the value stack's slots,
//! calls the closure, and writes the results to the same slots; nothing is allocated or boxed on
//! that path. Whatever leaves the closure otherwise (error, panic) becomes data in the store,
//! because handlers cannot be unwound through.

use alloc::sync::Arc;
use core::any::Any;
use core::marker::PhantomData;
use core::panic::AssertUnwindSafe;

use super::typed::{WasmTy, WasmTyList, for_each_arity};
use super::{Func, Suspend, invoke};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result, format_err};
use crate::exec;
use crate::exn::ThrownException;
use crate::prelude::*;
use crate::store::{StoreContextMut, StoreInner};
use crate::sys::standard::catch_unwind;
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
    body: Arc<dyn Any + Send + Sync>,
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
        HostFunc::of_type(engine, &ty, Dynamic { ty: lowered, f, data: PhantomData::<fn(T)> })
    }

    /// A host function of a type that is only known now, which is that of `body`.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    #[track_caller]
    pub(super) fn of_type<B: Body>(engine: &Engine, ty: &ty::FuncType, body: B) -> HostFunc {
        assert!(Engine::same(ty.engine(), engine), "type used with wrong engine");
        let (engine, ty) = (engine.clone(), ty.registered().clone());
        HostFunc { engine, ty, shim: shim::<B>, body: Arc::new(body), is_async: false }
    }

    /// The same, which may wait.
    pub(super) fn asynchronous(self) -> HostFunc {
        HostFunc { is_async: true, ..self }
    }

    /// A host function with parameters `P` and results `R`, which are those of `body`.
    pub(super) fn of<P: WasmTyList, R: WasmRet, B: Body>(engine: &Engine, body: B) -> HostFunc {
        let ty = FuncType::new(P::valtypes(), R::valtypes());
        HostFunc::erased(engine, &ty, shim::<B>, Arc::new(body))
    }

    /// The same for all types of bodies: once in a program.
    fn erased(
        engine: &Engine,
        ty: &FuncType,
        shim: HostShim,
        body: Arc<dyn Any + Send + Sync>,
    ) -> HostFunc {
        let ty = engine.types().intern_func(ty).expect("no type registry is full");
        HostFunc { engine: engine.clone(), ty, shim, body, is_async: false }
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
            data: Arc::as_ptr(&self.body).cast(),
            owner: self.body.clone(),
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

/// What a shim is called with.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct HostCall {
    /// Of the caller.
    pub(super) ctx: *mut VmCtx,
    /// Has the arguments, and room for the results.
    pub(super) slots: *mut Slot,
    pub(super) host: *const VmHostFunc,
}

/// What the shim of a host function does: calls the closure in the function's data, which is a `Self`.
pub(super) trait Body: Send + Sync + 'static {
    /// # Safety
    ///
    /// The context is live, and the host function's data is a `Self`. Arguments of its type are in the slots,
    /// where results have room. The store has the data that the closure expects, and nothing else uses it
    /// until this returns.
    unsafe fn call(call: HostCall) -> HostReturn;
}

/// The shim of host functions whose data is a `B`.
unsafe extern "C" fn shim<B: Body>(
    ctx: *mut VmCtx,
    _: Unused,
    slots: *mut Slot,
    host: *const VmHostFunc,
) -> HostReturn {
    // SAFETY: what the trampoline passes; shim and data were made together.
    unsafe { B::call(HostCall { ctx, slots, host }) }
}

/// The data of a host function.
///
/// # Safety
///
/// It is a `B`, and stays while the result is used.
#[inline(always)]
pub(super) unsafe fn data<'a, B: Body>(host: *const VmHostFunc) -> &'a B {
    // SAFETY: the caller's promise.
    unsafe { &*(*host).data.cast::<B>() }
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
    /// `call` is what the shim was called with.
    #[doc(hidden)]
    unsafe fn finish(self, call: HostCall) -> HostReturn;
}

// SAFETY: writes what `valtypes` says.
unsafe impl<L: WasmTyList> WasmRet for L {
    fn valtypes() -> impl Iterator<Item = ValType> {
        <L as WasmTyList>::valtypes()
    }

    #[inline]
    unsafe fn finish(self, HostCall { ctx, slots, host }: HostCall) -> HostReturn {
        // SAFETY: the caller's promise; a store's identity can be read at any time.
        unsafe {
            if !self.belong_to((*(*ctx).store.cast::<VmStore>()).id()) {
                let error = format_err!("host function attempted to return a cross-`Store` value");
                return fail(ctx, host, error);
            }
            self.store((*ctx).store.cast(), slots);
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
    unsafe fn finish(self, call: HostCall) -> HostReturn {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Ok(results) => results.finish(call),
                Err(error) => fail(call.ctx, call.host, error),
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
/// `Fn(Caller<'_, T>, A1, A2) -> R`, each with its body.
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

        impl<T: 'static, F, $($arg: WasmTy,)* R: WasmRet> IntoFunc<T, ($($arg,)*), R> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
        {
            fn into_host_func(self, engine: &Engine) -> HostFunc {
                let body = Plain::<F, ($($arg,)*), R>(self, PhantomData);
                HostFunc::of::<($($arg,)*), R, _>(engine, body)
            }
        }

        #[allow(non_snake_case, reason = "names stand for types and values")]
        impl<F, $($arg: WasmTy,)* R: WasmRet> Body for Plain<F, ($($arg,)*), R>
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
        {
            #[inline(always)]
            unsafe fn call(call: HostCall) -> HostReturn {
                // SAFETY: the caller's promise. Without a caller, only arguments can make handles.
                unsafe {
                    shielded(call.ctx, <($($arg,)*) as WasmTyList>::MAKES_HANDLES, || {
                        let Self(f, _) = data(call.host);
                        let store = (*call.ctx).store.cast();
                        let ($($arg,)*) = <($($arg,)*) as WasmTyList>::load(store, call.slots);
                        f($($arg),*).finish(call)
                    })
                }
            }
        }

        impl<T: 'static, F, $($arg: WasmTy,)* R: WasmRet>
            IntoFunc<T, (Caller<'_, T>, $($arg,)*), R> for F
        where
            F: Fn(Caller<'_, T>, $($arg),*) -> R + Send + Sync + 'static,
        {
            fn into_host_func(self, engine: &Engine) -> HostFunc {
                let body = WithCaller::<T, F, ($($arg,)*), R>(self, PhantomData);
                HostFunc::of::<($($arg,)*), R, _>(engine, body)
            }
        }

        #[allow(non_snake_case, reason = "names stand for types and values")]
        impl<T: 'static, F, $($arg: WasmTy,)* R: WasmRet> Body for WithCaller<T, F, ($($arg,)*), R>
        where
            F: Fn(Caller<'_, T>, $($arg),*) -> R + Send + Sync + 'static,
        {
            #[inline(always)]
            unsafe fn call(call: HostCall) -> HostReturn {
                // SAFETY: the caller's promise; the store has data of type `T`, since functions of a
                // `T` are only put into such stores.
                unsafe {
                    shielded(call.ctx, true, || {
                        let Self(f, _) = data(call.host);
                        let store = (*call.ctx).store.cast();
                        let ($($arg,)*) = <($($arg,)*) as WasmTyList>::load(store, call.slots);
                        f(caller::<T>(call.ctx), $($arg),*).finish(call)
                    })
                }
            }
        }
    };
}

/// A closure with typed parameters and results.
struct Plain<F, P, R>(F, PhantomData<fn(P) -> R>);

/// One that has its caller, of a store with data `T`, too.
struct WithCaller<T, F, P, R>(F, PhantomData<fn(T, P) -> R>);

for_each_arity!(into_func);

/// What a result is before a closure that works with values sets it. One that stays so is an error,
/// unless it is a reference to a function and may be null.
pub(super) const UNSET: Val = Val::null_func_ref();

/// A closure that works with values, and its type.
struct Dynamic<T, F> {
    ty: FuncType,
    f: F,
    data: PhantomData<fn(T)>,
}

impl<T: 'static, F> Body for Dynamic<T, F>
where
    F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
{
    #[inline(always)]
    unsafe fn call(call: HostCall) -> HostReturn {
        // SAFETY: the caller's promise; no reference to the store lives while values are read and
        // written, nor across the closure.
        unsafe {
            fallible(call, |HostCall { ctx, slots, host }| {
                let Dynamic { ty, f, .. } = data::<Self>(host);
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
}

/// Runs what a shim does, without unwinding, and, if it is `scoped`, with a scope for handles.
///
/// # Safety
///
/// `ctx` is what the shim was called with, and nobody else uses the store.
#[inline(always)]
unsafe fn shielded(ctx: *mut VmCtx, scoped: bool, body: impl FnOnce() -> HostReturn) -> HostReturn {
    // SAFETY: the caller's promise.
    unsafe {
        let scope = if scoped { begin_scope(ctx) } else { 0 };
        let outcome = match catch_unwind(AssertUnwindSafe(body)) {
            Ok(outcome) => outcome,
            Err(payload) => panicked(ctx, payload),
        };
        if scoped {
            end_scope(ctx, scope);
        }
        outcome
    }
}

/// The same for what gives the bits of its first result, or fails.
///
/// # Safety
///
/// As above; `call` is what the shim was called with.
#[inline(always)]
pub(super) unsafe fn fallible(
    call: HostCall,
    body: impl FnOnce(HostCall) -> Result<u64>,
) -> HostReturn {
    // SAFETY: the caller's promise.
    unsafe {
        shielded(call.ctx, true, || match body(call) {
            Ok(value) => HostReturn { outcome: const { Outcome::RETURNED.word() }, value },
            Err(error) => fail(call.ctx, call.host, error),
        })
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
