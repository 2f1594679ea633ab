//! Asynchronous host functions: closures that return futures.
//!
//! Their shims poll the future once. If it is done, they return like any other; if not, the future
//! becomes what the activation waits for, see [`super::activation`].

use core::any::Any;
use core::marker::PhantomData;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll};

use super::host::{
    Body, HostCall, UNSET, begin_scope, caller, data, end_scope, fail, panicked, write_results,
};
use super::typed::WasmTyList;
use super::{Func, HostFunc, WasmRet, invoke};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result, format_err};
use crate::index::TypeId;
use crate::prelude::*;
use crate::store::AsContextMut;
use crate::sys::standard::catch_unwind;
use crate::ty::FuncType;
use crate::types;
use crate::val::Val;
use crate::vm::awaited::Awaited;
use crate::vm::{Ending, HostReturn, Outcome, Slot, VmCtx, VmHostFunc, VmStore};
use crate::wasm::TypeLookup;

/// The future of a host function that borrows its caller.
type HostFuture<'a, R> = Box<dyn Future<Output = R> + Send + 'a>;

/// How a host function ends, given what its future came to.
trait Finish<R>: Send {
    /// # Safety
    ///
    /// `call` is what the shim was called with, with the slots where they are now.
    unsafe fn finish(&mut self, output: R, call: HostCall) -> HostReturn;
}

/// A host function that has begun.
struct Begun<R, F> {
    /// `None` once it is done.
    future: Option<Pin<HostFuture<'static, R>>>,
    finish: F,
    ctx: *mut VmCtx,
    host: *const VmHostFunc,
    /// Handles before it began.
    scope: usize,
}

// SAFETY: the pointers lead into the store, which moves along; the rest is `Send`.
unsafe impl<R, F: Send> Send for Begun<R, F> {}

impl<R, F> Begun<R, F> {
    /// Ends the future and the handles that were made since the function began.
    fn end(&mut self) {
        struct End(*mut VmCtx, usize);
        impl Drop for End {
            fn drop(&mut self) {
                // SAFETY: the function has not returned, so its store is live, and nobody else uses
                // it.
                unsafe { end_scope(self.0, self.1) }
            }
        }
        if let Some(future) = self.future.take() {
            let end = End(self.ctx, self.scope);
            drop(future);
            drop(end);
        }
    }
}

impl<R, F> Drop for Begun<R, F> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<R: 'static, F: Finish<R>> Begun<R, F> {
    /// Polls the future; if it is done, ends the function.
    ///
    /// # Safety
    ///
    /// As for [`Awaited::poll`].
    #[inline(always)]
    unsafe fn advance(&mut self, cx: &mut Context<'_>, fp: *mut Slot) -> Poll<HostReturn> {
        let (ctx, host) = (self.ctx, self.host);
        // SAFETY: the caller's promise: the function's frame is at `fp`, so its slots are where its
        // type says, and nothing uses the store but the future, which has the `Caller`.
        unsafe {
            let future = self.future.as_mut().expect("not done yet");
            let Poll::Ready(output) = future.as_mut().poll(cx) else { return Poll::Pending };
            let slots = fp.sub((*host).func.header_offset());
            let returned = self.finish.finish(output, HostCall { ctx, slots, host });
            self.end();
            Poll::Ready(returned)
        }
    }

    /// What a panic of [`Begun::advance`] becomes.
    #[cold]
    #[inline(never)]
    fn panicked(&mut self, payload: Box<dyn Any + Send>) -> HostReturn {
        // A second panic, of a destructor, is not worth more than the first.
        let _ = catch_unwind(AssertUnwindSafe(|| self.end()));
        // SAFETY: the function has not returned, so its store is live, and nobody else uses it.
        unsafe { panicked(self.ctx, payload) }
    }
}

impl<R: 'static, F: Finish<R>> Awaited for Begun<R, F> {
    unsafe fn poll(&mut self, cx: &mut Context<'_>, fp: *mut Slot) -> Poll<HostReturn> {
        // SAFETY: the caller's promise.
        let polled = catch_unwind(AssertUnwindSafe(|| unsafe { self.advance(cx, fp) }));
        polled.unwrap_or_else(|payload| Poll::Ready(self.panicked(payload)))
    }
}

/// Polls a function for the first time, for its shim.
///
/// # Safety
///
/// `begin` makes the function's future in terms of what the shim was called with, with arguments at the
/// frame that is published.
unsafe fn start<R: 'static, F: Finish<R> + 'static>(
    call: HostCall,
    begin: impl FnOnce(HostCall) -> (HostFuture<'static, R>, F),
) -> HostReturn {
    let HostCall { ctx, host, .. } = call;
    // SAFETY: the caller's promise; the poll that is going on runs this shim.
    unsafe {
        let vm = (*ctx).store.cast::<VmStore>();
        let Some(cx) = (*vm).poller.context(&(*vm).ctx) else {
            return fail(ctx, host, not_async());
        };
        let (scope, fp) = (begin_scope(ctx), (*vm).ctx.exit_fp);
        // Outside of what may panic, so that whatever has begun is ended then.
        let mut begun = None;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let (future, finish) = begin(call);
            let future = Some(future.into());
            begun.insert(Begun { future, finish, ctx, host, scope }).advance(cx, fp)
        }));
        match (polled, begun) {
            (Ok(Poll::Ready(returned)), _) => returned,
            (Ok(Poll::Pending), Some(begun)) => {
                // A call that the future waits for has published its own frame.
                (*vm).ctx.exit_fp = fp;
                let outcome = (*vm).end(Ending::Awaiting(Box::new(begun)));
                HostReturn { outcome: outcome.word(), value: 0 }
            }
            (Err(payload), Some(mut begun)) => begun.panicked(payload),
            (Err(payload), None) => {
                end_scope(ctx, scope);
                panicked(ctx, payload)
            }
            (Ok(Poll::Pending), None) => unreachable!("what is polled has begun"),
        }
    }
}

#[cold]
fn not_async() -> Error {
    format_err!(
        "an asynchronous host function was called in a synchronous call, which cannot wait for it; \
         use `call_async` or `instantiate_async`"
    )
}

/// Results with types known at compile time.
struct Typed<R>(PhantomData<fn(R)>);

impl<R: WasmRet> Finish<R> for Typed<R> {
    unsafe fn finish(&mut self, output: R, call: HostCall) -> HostReturn {
        // SAFETY: the caller's promise.
        unsafe { output.finish(call) }
    }
}

/// Parameters and results of a function whose type is only known at run time. The future has
/// references to them; so they are no box, which would claim to be the only way to them.
struct Values {
    all: NonNull<[Val]>,
    params: usize,
}

// SAFETY: owns its values, which are `Send`.
unsafe impl Send for Values {}

impl Drop for Values {
    fn drop(&mut self) {
        // SAFETY: came from a box; the future is dropped before.
        drop(unsafe { Box::from_raw(self.all.as_ptr()) });
    }
}

impl Finish<Result<()>> for Values {
    unsafe fn finish(
        &mut self,
        output: Result<()>,
        HostCall { ctx, slots, host }: HostCall,
    ) -> HostReturn {
        // SAFETY: the caller's promise; the future is done and does not touch the values any more.
        unsafe {
            let vm = (*ctx).store.cast::<VmStore>();
            let written = output.and_then(|()| {
                let ty = host_type(vm, host);
                let all: &[Val] = self.all.as_ref();
                write_results(vm, &ty, &all[self.params..], slots)
            });
            match written {
                Ok(value) => HostReturn { outcome: Outcome::RETURNED.word(), value },
                Err(error) => fail(ctx, host, error),
            }
        }
    }
}

/// A closure with typed parameters and results.
struct TypedClosure<T, F, P, R>(F, PhantomData<fn(T, P) -> R>);

impl<T, F, P, R> Body for TypedClosure<T, F, P, R>
where
    T: 'static,
    F: for<'a> Fn(Caller<'a, T>, P) -> HostFuture<'a, R> + Send + Sync + 'static,
    P: WasmTyList,
    R: WasmRet,
{
    unsafe fn call(call: HostCall) -> HostReturn {
        // SAFETY: the caller's promise, which holds until the function returns or is dropped.
        unsafe {
            start(call, |HostCall { ctx, slots, host }| {
                let Self(f, _) = data(host);
                let params = P::load((*ctx).store.cast(), slots);
                (f(caller::<T>(ctx), params), Typed(PhantomData))
            })
        }
    }
}

/// The type of a host function.
///
/// # Safety
///
/// Both are live, and the store has the function.
unsafe fn host_type(vm: *mut VmStore, host: *const VmHostFunc) -> types::FuncType {
    // SAFETY: the caller's promise.
    unsafe { (*vm).types().func_type(TypeId((*host).func.type_id)).clone() }
}

/// A closure that works with values.
struct DynamicClosure<T, F>(F, PhantomData<fn(T)>);

impl<T, F> Body for DynamicClosure<T, F>
where
    T: 'static,
    F: for<'a> Fn(Caller<'a, T>, &'a [Val], &'a mut [Val]) -> HostFuture<'a, Result<()>>
        + Send
        + Sync
        + 'static,
{
    unsafe fn call(call: HostCall) -> HostReturn {
        // SAFETY: as above. The values live as long as the future, which is dropped first.
        unsafe {
            start(call, |HostCall { ctx, slots, host }| {
                let Self(f, _) = data(host);
                let vm = (*ctx).store.cast::<VmStore>();
                let ty = host_type(vm, host);
                let count = ty.params().len();
                let mut all = vec![UNSET; count + ty.results().len()].into_boxed_slice();
                invoke::read_values(vm, slots, ty.params_slice(), &mut all[..count]);
                let all = NonNull::from(Box::leak(all));
                let values = Values { all, params: count };
                let (params, results) = (&mut *all.as_ptr()).split_at_mut(count);
                (f(caller::<T>(ctx), params, results), values)
            })
        }
    }
}

impl HostFunc {
    /// An asynchronous host function with typed parameters and results.
    pub(crate) fn typed_async<T, F, P, R>(engine: &Engine, f: F) -> HostFunc
    where
        T: Send + 'static,
        F: for<'a> Fn(Caller<'a, T>, P) -> HostFuture<'a, R> + Send + Sync + 'static,
        P: WasmTyList,
        R: WasmRet,
    {
        let body = TypedClosure::<T, F, P, R>(f, PhantomData);
        HostFunc::of::<P, R, _>(engine, body).asynchronous()
    }

    /// An asynchronous host function whose type is only known now.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    #[track_caller]
    pub(crate) fn dynamic_async<T, F>(engine: &Engine, ty: &FuncType, f: F) -> HostFunc
    where
        T: Send + 'static,
        F: for<'a> Fn(Caller<'a, T>, &'a [Val], &'a mut [Val]) -> HostFuture<'a, Result<()>>
            + Send
            + Sync
            + 'static,
    {
        HostFunc::of_type(engine, ty, DynamicClosure(f, PhantomData::<fn(T)>)).asynchronous()
    }
}

impl Func {
    /// Makes an asynchronous host function from a closure whose types are only known now, as
    /// [`Func::new`] does. It can be called in [`Func::call_async`] and the like only, as
    /// [`Func::wrap_async`] says.
    ///
    /// # Panics
    ///
    /// If `ty` belongs to another engine.
    pub fn new_async<T, F>(mut store: impl AsContextMut<Data = T>, ty: FuncType, func: F) -> Func
    where
        F: for<'a> Fn(
                Caller<'a, T>,
                &'a [Val],
                &'a mut [Val],
            ) -> Box<dyn Future<Output = Result<()>> + Send + 'a>
            + Send
            + Sync
            + 'static,
        T: Send + 'static,
    {
        let mut store = store.as_context_mut();
        HostFunc::dynamic_async(store.engine(), &ty, func).instantiate(store.0.vm_mut())
    }

    /// Makes a host function from a closure that returns a future. Whoever calls it waits while the
    /// future does, which may use the [`Caller`] all the time, and can call WebAssembly in turn.
    ///
    /// Parameters are a tuple, results as in [`Func::wrap`]. The function fails when it is called in
    /// a call that is not asynchronous; use [`Func::call_async`],
    /// [`TypedFunc::call_async`](crate::TypedFunc::call_async) and
    /// [`Linker::instantiate_async`](crate::Linker::instantiate_async).
    pub fn wrap_async<T, F, P, R>(mut store: impl AsContextMut<Data = T>, func: F) -> Func
    where
        F: for<'a> Fn(Caller<'a, T>, P) -> Box<dyn Future<Output = R> + Send + 'a>
            + Send
            + Sync
            + 'static,
        P: WasmTyList,
        R: WasmRet,
        T: Send + 'static,
    {
        let mut store = store.as_context_mut();
        let host = HostFunc::typed_async(store.engine(), func);
        host.instantiate(store.0.vm_mut())
    }
}
