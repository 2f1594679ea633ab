//! Asynchronous calls: an activation as a future.
//!
//! Nothing of a call that waits is on the native stack: its frames are on the store's value stack, and
//! the native function that it waits for is an object. The call has the store to itself, so the frames
//! stay where they are until it goes on. Dropping it takes them away.

use core::mem;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll};

use super::typed::foreign_argument;
use super::{Func, TypedFunc, WasmParams, WasmResults};
use super::{check, invoke};
use crate::error::Result;
use crate::exec::{self, Exit, Outer, suspend};
use crate::prelude::*;
use crate::store::hook::CallHook;
use crate::store::{AsContextMut, StoreContextMut};
use crate::val::Val;
use crate::vm::awaited::Awaited;
use crate::vm::handle::{FuncRef, Handle};
use crate::vm::poller::Poller;
use crate::vm::{Ending, Slot, StoreCtx, VmCtx, VmStore};

/// A call of a function, whose arguments are in their place. Its output is where the results are,
/// until the store is used again.
struct Activation<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    func: FuncRef,
    /// The instance whose start function it is, if it is one.
    start_of: Option<NonNull<VmCtx>>,
    outer: Outer,
    /// Handles of the store when the call began: those made meanwhile end with it.
    scope: usize,
    state: State,
}

enum State {
    /// Not begun.
    Ready,
    /// A native function waits, whose call has the frame `fp`.
    Parked {
        awaited: Box<dyn Awaited>,
        fp: *mut Slot,
    },
    Over,
}

// SAFETY: the pointers lead into the store, which is borrowed exclusively and moves along.
unsafe impl<T: Send> Send for Activation<'_, T> {}

impl<'a, T: 'static> Activation<'a, T> {
    /// A call that begins when it is polled, which happens before the store is used otherwise. Its
    /// arguments go to [`Activation::args`].
    ///
    /// # Panics
    ///
    /// If the function belongs to another store.
    fn new(store: &'a mut StoreContextMut<'_, T>, func: FuncRef) -> Activation<'a, T> {
        let mut store = StoreContextMut(store.0.reborrow());
        store.0.vm().assert_owns(func.store());
        let scope = store.0.vm().roots_len();
        // SAFETY: the store is borrowed exclusively.
        let outer = unsafe { exec::outer(store.0.as_ptr().cast()) };
        Activation { store, func, start_of: None, outer, scope, state: State::Ready }
    }

    /// Where the arguments go.
    fn args(&self) -> *mut Slot {
        self.outer.args()
    }

    /// Runs the activation from where it is until it ends, or waits. `None`: it still waits for the
    /// same function. The store's poller is that of this activation: whoever waits takes the context from
    /// there, so nobody else has it meanwhile.
    fn run(&mut self) -> Option<Exit> {
        let vm = self.store.0.as_ptr();
        let ctx = vm.cast::<StoreCtx>();
        // SAFETY: `vm` is the store's root pointer, borrowed exclusively, and no reference to it
        // lives across a call. The function is the store's, so it is live; whoever made this has
        // written its arguments. A parked function's frame is as it was, whatever was above it.
        unsafe {
            let State::Parked { awaited, fp } = &mut self.state else {
                let (func, args) = (self.func.as_ptr(), self.outer.args());
                return Some(match self.start_of {
                    None => exec::enter(ctx, func, args),
                    Some(instance) => exec::enter_start(ctx, func, args, instance.as_ptr()),
                });
            };
            let fp = *fp;
            let Some(left) = (*ctx).activations_left.checked_sub(1) else {
                (*ctx).trap = crate::Trap::TooManyActivations as u32;
                return Some(Exit::Failed);
            };
            // Calls that were forgotten instead of dropped may have left theirs.
            (*ctx).exit_fp = fp;
            (*ctx).activations_left = left;
            let cx = (*vm).poller.context(&(*ctx)).expect("this is being polled");
            let exit = match awaited.poll(cx, fp) {
                Poll::Pending => None,
                Poll::Ready(returned) => {
                    (*ctx).exit_fp = fp;
                    Some(suspend::go_on(fp, returned))
                }
            };
            (*ctx).activations_left = left + 1;
            exit
        }
    }
}

impl<T: 'static> Future for Activation<'_, T> {
    type Output = Result<*mut Slot>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<*mut Slot>> {
        let this = self.get_mut();
        assert!(!matches!(this.state, State::Over), "an asynchronous call is polled after its end");
        let vm = this.store.0.as_ptr();
        // SAFETY: as in `run`; nothing runs at the moment. An exit is looked at before anything else
        // happens to the store.
        unsafe {
            let poller = Poller::new(cx, &(*vm).ctx);
            let outer_poller = mem::replace(&mut (*vm).poller, poller);
            let exit = this.run();
            (*vm).poller = outer_poller;
            let Some(exit) = exit else { return Poll::Pending };
            if exit == Exit::Suspended
                && let Some(Ending::Awaiting(_)) = &(*vm).pending
                && let Some(Ending::Awaiting(awaited)) = (*vm).pending.take()
            {
                this.state = State::Parked { awaited, fp: (*vm).ctx.exit_fp };
                return Poll::Pending;
            }
            let ended = mem::replace(&mut this.state, State::Over);
            let result = match exit {
                Exit::Returned => {
                    exec::leave(vm.cast(), this.outer);
                    Ok(this.outer.args())
                }
                exit => Err(invoke::failure(vm, this.store.engine(), this.outer, exit)),
            };
            drop(ended);
            Poll::Ready(result)
        }
    }
}

impl<T: 'static> Drop for Activation<'_, T> {
    fn drop(&mut self) {
        /// Ends the activation, also if what it waits for panics when it is dropped.
        struct Leave(*mut VmStore, Outer, usize, u32);
        impl Drop for Leave {
            fn drop(&mut self) {
                // SAFETY: made below, of a store that is still borrowed.
                unsafe {
                    exec::leave(self.0.cast(), self.1);
                    (*self.0).ctx.activations_left = self.3;
                    if (*self.0).roots_len() > self.2 {
                        (*self.0).end_scope(self.2);
                    }
                }
            }
        }
        if let State::Parked { awaited, fp } = mem::replace(&mut self.state, State::Over) {
            let vm = self.store.0.as_ptr();
            // SAFETY: the store is borrowed exclusively. What is dropped may use it, as a function that
            // the activation runs, and whose frame is the published one.
            let leave = unsafe {
                let left = (*vm).ctx.activations_left;
                (*vm).ctx.exit_fp = fp;
                (*vm).ctx.activations_left = left.saturating_sub(1);
                Leave(vm, self.outer, self.scope, left)
            };
            drop(awaited);
            drop(leave);
        }
    }
}

impl Func {
    /// Calls the function like [`Func::call`], as a future: host functions made by
    /// [`Func::wrap_async`] and [`Func::new_async`] can wait, and so does then the future.
    ///
    /// Nothing happens before the future is polled. It can be dropped at any time, which ends the
    /// call where it is, as an error would. It works with any executor.
    ///
    /// A host function that is not asynchronous can call WebAssembly by [`Func::call`] inside of this
    /// one; an asynchronous function called from there fails, since that call cannot wait.
    ///
    /// # Errors
    ///
    /// As for [`Func::call`].
    ///
    /// # Panics
    ///
    /// When it is polled, as for [`Func::call`].
    pub async fn call_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        self.call_values_async(&mut store.as_context_mut(), params, results).await
    }

    /// Calls the function as [`Func::start`] does.
    pub(crate) async fn start_async<T: 'static>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        instance: Handle,
    ) -> Result<()> {
        store.tell_async(CallHook::CallingWasm).await?;
        let activation = {
            let ctx = store.0.vm().instance(instance).ctx();
            let mut activation = Activation::new(store, self.0);
            activation.start_of = Some(ctx);
            activation
        };
        let started = activation.await.map(|_| ());
        store.tell_async(CallHook::ReturningFromWasm).await?;
        started
    }

    /// The same without a bound on the data: the future is `Send` if that is.
    pub(crate) async fn call_values_async<T: 'static>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let ty = self.lowered_ty(store.0.vm()).clone();
        check::check_call(store.0.vm(), &ty, params, results)?;
        store.0.vm().assert_owns(self.0.store());
        store.tell_async(CallHook::CallingWasm).await?;
        let activation = {
            let mut activation = Activation::new(store, self.0);
            let (vm, at) = (activation.store.0.as_ptr(), activation.args());
            // SAFETY: as in `invoke::call_values`; the parameters were just checked.
            unsafe { invoke::write_values(vm, at, ty.params_slice(), params) };
            activation
        };
        let ended = activation.await.map(|at| {
            // SAFETY: results of the function's type are there, and nobody has used the store since.
            unsafe { invoke::read_values(store.0.as_ptr(), at, ty.results_slice(), results) };
        });
        store.tell_async(CallHook::ReturningFromWasm).await?;
        ended
    }
}

impl<Params: WasmParams, Results: WasmResults> TypedFunc<Params, Results> {
    /// Calls the function like [`TypedFunc::call`], as a future; see [`Func::call_async`].
    ///
    /// ```
    /// # use threadle::*;
    /// # fn main() -> Result<()> {
    /// let engine = Engine::default();
    /// let mut linker = Linker::<u32>::new(&engine);
    /// linker.func_wrap_async("host", "next", |mut caller: Caller<'_, u32>, (by,): (u32,)| {
    ///     Box::new(async move {
    ///         std::future::ready(()).await; // Whatever takes its time.
    ///         *caller.data_mut() += by;
    ///         *caller.data()
    ///     })
    /// })?;
    /// # let text = r#"(module (import "host" "next" (func $next (param i32) (result i32)))
    /// #     (func (export "run") (result i32) (drop (call $next (i32.const 2))) (call $next (i32.const 3))))"#;
    /// # let module = Module::new(&engine, wat::parse_str(text).unwrap())?;
    /// let mut store = Store::new(&engine, 10);
    /// let run = async {
    ///     let instance = linker.instantiate_async(&mut store, &module).await?;
    ///     let run = instance.get_typed_func::<(), u32>(&mut store, "run")?;
    ///     run.call_async(&mut store, ()).await
    /// };
    /// # let mut run = std::pin::pin!(run);
    /// # let waker = std::task::Waker::noop();
    /// # let run = run.as_mut().poll(&mut std::task::Context::from_waker(waker));
    /// # let std::task::Poll::Ready(run) = run else { panic!() };
    /// assert_eq!(run?, 15);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Func::call`].
    ///
    /// # Panics
    ///
    /// When it is polled, as for [`TypedFunc::call`].
    pub async fn call_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        params: Params,
    ) -> Result<Results>
    where
        Params: Sync,
        Results: Sync,
    {
        let mut store = store.as_context_mut();
        store.0.vm().assert_owns(self.func().0.store());
        store.tell_async(CallHook::CallingWasm).await?;
        let activation = {
            let mut activation = Activation::new(&mut store, self.func().0);
            let vm = activation.store.0.as_ptr();
            // SAFETY: as in `TypedFunc::call`; the store was just checked.
            unsafe {
                if !params.belong_to((*vm).id()) {
                    return foreign_argument();
                }
                params.store(vm, activation.args());
                self.check_arguments(&*vm, activation.args())?;
            }
            activation
        };
        let ended = activation.await.map(|at| {
            // SAFETY: results of the function's type are there, and nobody has used the store since.
            unsafe { Results::load(store.0.as_ptr(), at) }
        });
        store.tell_async(CallHook::ReturningFromWasm).await?;
        ended
    }
}
