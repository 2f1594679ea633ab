//! Asynchronous calls: futures that C polls, and host functions that are not done when they return.

use core::cell::RefCell;
use core::ffi::c_void;
use core::future::poll_fn;
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use threadle::{
    AsContextMut, Caller, Func, FuncType, Instance, Result, RootScope, Store, Val, bail, ensure,
};

use super::error::MaybeError;
use super::externs::{Handle, Out};
use super::func::{HostFunction, TrapOut, lent, report};
use super::instance::threadle_instance_pre_t;
use super::linker::{Definition, threadle_linker_t};
use super::module::threadle_module_t;
use super::store::{threadle_caller_t, threadle_context_t};
use super::val::threadle_val_t;
use crate::context::{Data, Held, StoreCell};
use crate::foreign::{Finalizer, HostData};
use crate::guard::{Outcome, c_functions, caught, given};
use crate::reference::wasm_ref_t;
use crate::vec::{slice, slice_mut};

/// What a call does, from its beginning to its end.
type Work = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Where errors are put.
type ErrorOut<'a> = Option<&'a mut MaybeUninit<MaybeError>>;

/// A call that C polls.
pub struct threadle_call_future_t {
    /// Borrowed while it is polled, and then neither polled nor freed.
    call: RefCell<Call>,
}

struct Call {
    /// Has the store's only reference, so it ends before `held` does. `None` when it is done.
    work: Option<Work>,
    held: Option<Held>,
    trap: *mut MaybeUninit<Option<Box<wasm_ref_t>>>,
    error: *mut MaybeUninit<MaybeError>,
}

impl Call {
    /// A call whose work is made of the store, if nobody is using that. Otherwise it fails when it is
    /// polled.
    fn new(
        context: Option<&threadle_context_t>,
        trap: TrapOut<'_>,
        error: ErrorOut<'_>,
        work: impl FnOnce(&'static mut Store<Data>) -> Result<Work>,
    ) -> Result<Call> {
        let error = given(error, "error")?;
        error.write(MaybeError::NONE);
        let mut trap = trap;
        if let Some(trap) = &mut trap {
            trap.write(None);
        }
        let mut call = Call {
            work: None,
            held: None,
            trap: trap.map_or(core::ptr::null_mut(), |trap| trap),
            error,
        };
        let begun = given(context, "context").and_then(StoreCell::hold).and_then(|held| {
            // SAFETY: the work ends before `held` is dropped, here and in `finish`.
            let work = work(unsafe { held.store() })?;
            Ok((work, held))
        });
        match begun {
            Ok((work, held)) => (call.work, call.held) = (Some(work), Some(held)),
            Err(failure) => call.work = Some(Box::pin(core::future::ready(Err(failure)))),
        }
        Ok(call)
    }

    /// Goes on with the call. Whether it is done.
    fn poll(&mut self) -> bool {
        let Some(work) = &mut self.work else { return true };
        let mut cx = Context::from_waker(Waker::noop());
        let outcome = match caught(|| Ok(work.as_mut().poll(&mut cx))) {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(outcome)) => outcome,
            Err(panic) => Err(panic),
        };
        self.finish();
        // SAFETY: C passed the places of both, or null for the trap's, and keeps them until it frees
        // the future.
        unsafe {
            let error = report(self.trap.as_mut(), outcome).unwrap_or_else(MaybeError::failed);
            (*self.error).write(error);
        }
        true
    }

    /// Ends the call and gives the store back.
    fn finish(&mut self) {
        // What is dropped may run C's finalizers, and panic.
        let _ = caught(|| {
            self.work = None;
            Ok(())
        });
        self.held = None;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish();
    }
}

impl threadle_call_future_t {
    fn boxed(call: Call) -> Option<Box<threadle_call_future_t>> {
        Some(Box::new(threadle_call_future_t { call: RefCell::new(call) }))
    }
}

/// Calls a function with arguments of C's; results go where C wants them.
async fn call(
    store: &mut Store<Data>,
    func: Func,
    args: &[threadle_val_t],
    results: &mut [MaybeUninit<threadle_val_t>],
) -> Result<()> {
    let mut scope = RootScope::new(store);
    let params = {
        let cx = &mut scope.as_context_mut();
        args.iter().map(|arg| arg.get(cx)).collect::<Result<Vec<Val>>>()?
    };
    let mut returned = vec![Val::I32(0); results.len()];
    func.call_async(&mut scope, &params, &mut returned).await?;
    let cx = &mut scope.as_context_mut();
    for (result, value) in results.iter_mut().zip(returned) {
        result.write(threadle_val_t::new(cx, value)?);
    }
    Ok(())
}

/// A call that makes an instance by what `begin` returns.
fn instantiate<F>(
    context: Option<&threadle_context_t>,
    out: Out<'_>,
    (trap, error): (TrapOut<'_>, ErrorOut<'_>),
    begin: impl FnOnce() -> Result<F>,
) -> Result<Option<Box<threadle_call_future_t>>>
where
    F: AsyncFnOnce(&mut Store<Data>) -> Result<Instance> + 'static,
{
    let call = Call::new(context, trap, error, |store| {
        let (out, make) = (place(out)?, begin()?);
        Ok(Box::pin(async move {
            let instance = make(&mut *store).await?;
            out.write(Handle::new(store.data_mut(), instance.into()));
            Ok(())
        }))
    })?;
    Ok(threadle_call_future_t::boxed(call))
}

/// Says whether a host function that has returned is done.
type Done = extern "C" fn(*mut c_void) -> bool;

/// What a host function leaves that is not done when it returns.
#[repr(C)]
pub struct Continuation {
    callback: Option<Done>,
    env: *mut c_void,
    finalizer: Finalizer,
}

/// A host function that has returned, to be asked whether it is done.
struct Waiting {
    done: Option<Done>,
    env: HostData,
}

impl Waiting {
    fn is_over(&self) -> bool {
        self.done.is_none_or(|done| done(self.env.data))
    }
}

pub(super) type AsyncCallback = extern "C" fn(
    *mut c_void,
    &threadle_caller_t,
    *const threadle_val_t,
    usize,
    *mut threadle_val_t,
    usize,
    &mut Option<Box<wasm_ref_t>>,
    &mut Continuation,
);

/// Values that stay where C was told that they are, and own their references.
struct Values(Vec<threadle_val_t>);

// SAFETY: references are kept by the store, which one thread at a time uses.
unsafe impl Send for Values {}

impl Values {
    fn zero(count: usize) -> Values {
        Values(core::iter::repeat_with(|| threadle_val_t::ZERO).take(count).collect())
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        for value in &mut self.0 {
            value.unroot();
        }
    }
}

/// The body of an asynchronous host function.
async fn run(
    function: Arc<HostFunction<AsyncCallback>>,
    mut caller: Caller<'_, Data>,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let (mut args, mut out) = (Values::zero(params.len()), Values::zero(results.len()));
    let waiting = {
        let lend = StoreCell::lend(&mut caller);
        let cell = lend.cell();
        cell.with(|cx| {
            for (arg, param) in args.0.iter_mut().zip(params) {
                *arg = threadle_val_t::new(cx, *param)?;
            }
            Ok(())
        })?;
        let mut trap = None;
        let mut left = Continuation { callback: None, env: core::ptr::null_mut(), finalizer: None };
        (function.f)(
            function.env.data,
            lent(cell),
            args.0.as_ptr(),
            args.0.len(),
            out.0.as_mut_ptr(),
            out.0.len(),
            &mut trap,
            &mut left,
        );
        let env = HostData { data: left.env, finalizer: left.finalizer };
        if let Some(trap) = trap {
            return Err(trap.into_error());
        }
        Waiting { done: left.callback, env }
    };
    poll_fn(|_| if waiting.is_over() { Poll::Ready(()) } else { Poll::Pending }).await;
    drop(waiting);
    let lend = StoreCell::lend(&mut caller);
    lend.cell().with(|cx| {
        for (result, value) in results.iter_mut().zip(&out.0) {
            *result = value.get(cx)?;
        }
        Ok(())
    })
}

impl HostFunction<AsyncCallback> {
    pub fn define(self, place: Definition<'_>, ty: FuncType) -> Result<()> {
        let function = Arc::new(self);
        let Definition { linker, module, name } = place;
        linker.func_new_async(module, name, ty, move |caller, params, results| {
            Box::new(run(function.clone(), caller, params, results))
        })?;
        Ok(())
    }
}

c_functions! {
    fn threadle_func_call_async(
        context: Option<&threadle_context_t>,
        func: Option<&Handle>,
        args: *const threadle_val_t,
        nargs: usize,
        results: *mut MaybeUninit<threadle_val_t>,
        nresults: usize,
        trap: TrapOut<'_>,
        error: ErrorOut<'_>,
    ) -> Option<Box<threadle_call_future_t>> {
        let call = Call::new(context, trap, error, |store| {
            ensure!(!args.is_null() || nargs == 0, "the argument `args` is null");
            ensure!(!results.is_null() || nresults == 0, "the argument `results` is null");
            // SAFETY: C passes the addresses of so many values, which stay until it frees the future.
            let (args, results) = unsafe { (slice(args, nargs), slice_mut(results, nresults)) };
            let func = given(func, "function")?.func(store.data())?;
            Ok(Box::pin(call(store, func, args, results)))
        })?;
        Ok(threadle_call_future_t::boxed(call))
    }

    fn threadle_call_future_poll(future: Option<&threadle_call_future_t>) -> bool {
        // Without a future there is nothing to wait for.
        let Some(future) = future else { return Ok(true) };
        match future.call.try_borrow_mut() {
            Ok(mut call) => Ok(call.poll()),
            Err(_) => bail!("the future is being polled"),
        }
    }

    fn threadle_call_future_delete(future: Option<NonNull<threadle_call_future_t>>) {
        let Some(future) = future else { return Ok(()) };
        // SAFETY: C passes a future that this library made, and gives it up if nobody polls it. One
        // that is being polled stays.
        unsafe {
            if future.as_ref().call.try_borrow_mut().is_ok() {
                drop(Box::from_raw(future.as_ptr()));
            }
        }
        Ok(())
    }

    fn threadle_linker_instantiate_async(
        linker: Option<&threadle_linker_t>,
        context: Option<&threadle_context_t>,
        module: Option<&threadle_module_t>,
        out: Out<'_>,
        trap: TrapOut<'_>,
        error: ErrorOut<'_>,
    ) -> Option<Box<threadle_call_future_t>> {
        instantiate(context, out, (trap, error), || {
            let linker = given(linker, "linker")?.linker.clone();
            let module = given(module, "module")?.module.clone();
            Ok(async move |store: &mut Store<Data>| linker.instantiate_async(store, &module).await)
        })
    }

    fn threadle_instance_pre_instantiate_async(
        pre: Option<&threadle_instance_pre_t>,
        context: Option<&threadle_context_t>,
        out: Out<'_>,
        trap: TrapOut<'_>,
        error: ErrorOut<'_>,
    ) -> Option<Box<threadle_call_future_t>> {
        instantiate(context, out, (trap, error), || {
            let pre = given(pre, "instance_pre")?.pre.clone();
            Ok(async move |store: &mut Store<Data>| pre.instantiate_async(store).await)
        })
    }
}

/// Where an instance goes, which has to stay there until the future is freed; null until it is done.
fn place(out: Out<'_>) -> Result<&'static mut MaybeUninit<Handle>> {
    let out = given(out, "instance")?;
    out.write(Handle::NULL);
    let out: *mut MaybeUninit<Handle> = out;
    // SAFETY: the header demands that it stays.
    Ok(unsafe { &mut *out })
}
