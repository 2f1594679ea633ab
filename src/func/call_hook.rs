//! Call hooks: the embedder is told of each way into WebAssembly and out of it.
//!
//! Without a hook nothing is asked anywhere. Setting one guards the ways in
//! ([`VmStore::guard_entries`]) and puts a shim in front of those of all host functions.

use alloc::sync::Arc;
use core::marker::PhantomData;
use core::panic::AssertUnwindSafe;
use core::pin::Pin;
use core::task::{self, Poll};

use super::host::{begin_scope, end_scope, fail, panicked};
use crate::error::{Error, Result, ensure, format_err};
use crate::prelude::*;
use crate::store::hook::{CallHook, CallHookHandler, Hook};
use crate::store::{Store, StoreContextMut, StoreInner};
use crate::sys::standard::catch_unwind;
use crate::vm::awaited::Awaited;
use crate::vm::handle::StoreId;
use crate::vm::owner::StoreMut;
use crate::vm::poller::Poller;
use crate::vm::{Ending, HostReturn, Outcome, Slot, Unused, VmCtx, VmHostFunc, VmStore};

impl<T: 'static> Store<T> {
    /// Has `hook` called whenever the host calls a function of this store, whenever a host function is
    /// called, and when these return, be it with an error. An error of the hook ends what it is called
    /// for: the call does not take place, or its results are dropped for the error. Whoever waits at
    /// an asynchronous function has not returned. A call that is suspended returns, and one that is
    /// resumed is a call.
    ///
    /// Stores without a hook pay nothing for it. There is one hook: the next one takes its place.
    pub fn call_hook(
        &mut self,
        hook: impl FnMut(StoreContextMut<'_, T>, CallHook) -> Result<()> + Send + Sync + 'static,
    ) {
        self.set_hook(Hook::Sync(Box::new(hook)));
    }

    /// Like [`Store::call_hook`], with a hook that may wait. Functions can be called by the `async`
    /// methods only from then on.
    pub fn call_hook_async(&mut self, hook: impl CallHookHandler<T> + Sync + 'static) {
        self.set_hook(Hook::Async(Arc::new(hook)));
        self.as_store_mut().vm_mut().require_async();
    }

    fn set_hook(&mut self, hook: Hook<T>) {
        let mut store = self.as_store_mut();
        store.user_mut().set_hook(hook);
        store.vm_mut().guard_entries();
        store.vm_mut().wrap_host_funcs(hooked::<T>);
    }
}

/// What a hook says to an event.
enum Answer {
    Now(Result<()>),
    /// And the hook, which the future borrows.
    Later(
        Pin<Box<dyn Future<Output = Result<()>> + Send>>,
        #[expect(dead_code)] Arc<dyn Send + Sync>,
    ),
}

impl Answer {
    fn poll(&mut self, cx: Option<&mut task::Context<'_>>) -> Poll<Result<()>> {
        match (self, cx) {
            (Answer::Now(told), _) => Poll::Ready(core::mem::replace(told, Ok(()))),
            (Answer::Later(future, _), Some(cx)) => future.as_mut().poll(cx),
            (Answer::Later(..), None) => Poll::Ready(Err(cannot_wait())),
        }
    }
}

#[cold]
fn cannot_wait() -> Error {
    format_err!("the store's call hook waits, which a synchronous call cannot")
}

impl<T: 'static> StoreContextMut<'_, T> {
    /// Does a synchronous call between what the hook is told.
    ///
    /// # Errors
    ///
    /// The hook's, instead of what the call comes to; else the call's.
    pub(crate) fn between_hooks<R>(
        &mut self,
        call: impl FnOnce(&mut Self) -> Result<R>,
    ) -> Result<R> {
        self.tell(CallHook::CallingWasm)?;
        let result = call(self);
        self.tell(CallHook::ReturningFromWasm)?;
        result
    }

    /// Tells a hook that does not wait.
    #[cold]
    pub(crate) fn tell(&mut self, event: CallHook) -> Result<()> {
        match self.0.user_mut().take_hook() {
            None => Ok(()),
            Some(Hook::Sync(mut hook)) => {
                let told = hook(StoreContextMut(self.0.reborrow()), event);
                self.0.user_mut().give_hook_back(Hook::Sync(hook));
                told
            }
            Some(hook) => {
                self.0.user_mut().give_hook_back(hook);
                Err(cannot_wait())
            }
        }
    }

    /// Tells a hook of either kind.
    pub(crate) async fn tell_async(&mut self, event: CallHook) -> Result<()> {
        match self.0.user().hook() {
            None => Ok(()),
            Some(Hook::Sync(_)) => self.tell(event),
            Some(Hook::Async(handler)) => {
                let handler = handler.clone();
                handler.handle_call_event(StoreContextMut(self.0.reborrow()), event).await
            }
        }
    }

    /// Whether a function of the store `owner` is called without further ado.
    #[inline]
    pub(crate) fn enters_plainly(&self, owner: StoreId) -> bool {
        self.0.vm().entry_id() == owner
    }

    /// Checks that a synchronous call may begin.
    ///
    /// # Errors
    ///
    /// When the store has something that calls have to wait for.
    pub(crate) fn check_sync(&self) -> Result<()> {
        ensure!(
            !self.0.vm().requires_async(),
            "store configuration requires that `*_async` functions are used instead"
        );
        Ok(())
    }
}

/// A call of a host function, and what the hook is told before and after.
struct HookedCall<T: 'static> {
    ctx: *mut VmCtx,
    host: *const VmHostFunc,
    /// Handles before it began.
    scope: usize,
    stage: Stage,
    data: PhantomData<fn(T)>,
}

enum Stage {
    /// The hook is told of the call.
    Before(Answer),
    /// The function waits.
    Inside(Box<dyn Awaited>),
    /// The hook is told of the return, and afterwards the function ends like this.
    After(Answer, HostReturn, Option<Ending>),
    Over,
}

// SAFETY: the pointers lead into the store, which moves along; answers and what waits are `Send`, and
// so are failures.
unsafe impl<T: 'static> Send for HookedCall<T> {}

impl<T: 'static> HookedCall<T> {
    /// What the hook says.
    ///
    /// # Safety
    ///
    /// The function's store is live, has data of type `T`, and is used by nobody else until the answer
    /// is there, or dropped.
    unsafe fn ask(&self, event: CallHook) -> Answer {
        // SAFETY: the caller's promise.
        let mut store = StoreContextMut(unsafe { StoreMut::<StoreInner<T>>::from_ctx(self.ctx) });
        match store.0.user().hook() {
            Some(Hook::Async(handler)) => {
                let handler = handler.clone();
                let borrowed = Arc::as_ptr(&handler);
                // SAFETY: the answer keeps the handler, in its place, until the future is dropped.
                let future = unsafe { &*borrowed }.handle_call_event(store, event);
                Answer::Later(future, Arc::new(handler))
            }
            _ => Answer::Now(store.tell(event)),
        }
    }

    /// Goes on until something is to be waited for.
    ///
    /// # Safety
    ///
    /// As for [`Awaited::poll`], with the context of the store's poller.
    unsafe fn advance(&mut self, fp: *mut Slot) -> Poll<HostReturn> {
        // SAFETY: the caller's promise, which is also that of the function's own shim. Whatever a hook
        // has called has ended; the function's frame is published again before anything else uses it.
        unsafe {
            let vm = (*self.ctx).store.cast::<VmStore>();
            loop {
                // Taken from the poller anew each time: the function's own shim takes it, too.
                let cx = (*vm).poller.context(&(*vm).ctx);
                match &mut self.stage {
                    Stage::Before(answer) => {
                        let Poll::Ready(told) = answer.poll(cx) else { return Poll::Pending };
                        self.stage = Stage::Over;
                        (*vm).ctx.exit_fp = fp;
                        if let Err(error) = told {
                            return Poll::Ready(fail(self.ctx, self.host, error));
                        }
                        let slots = fp.sub((*self.host).func.header_offset());
                        let own = (*self.host).own_shim;
                        let returned = own(self.ctx, Unused::uninit(), slots, self.host);
                        if returned.outcome == Outcome::SUSPENDED.word() {
                            match (*vm).pending.take() {
                                Some(Ending::Awaiting(awaited)) => {
                                    self.stage = Stage::Inside(awaited);
                                    return Poll::Pending;
                                }
                                other => (*vm).pending = other,
                            }
                        }
                        self.returns(returned);
                    }
                    Stage::Inside(awaited) => {
                        let Some(cx) = cx else { return Poll::Pending };
                        let Poll::Ready(returned) = awaited.poll(cx, fp) else {
                            return Poll::Pending;
                        };
                        (*vm).ctx.exit_fp = fp;
                        self.returns(returned);
                    }
                    Stage::After(answer, returned, ending) => {
                        let Poll::Ready(told) = answer.poll(cx) else { return Poll::Pending };
                        let (returned, ending) = (*returned, ending.take());
                        self.stage = Stage::Over;
                        (*vm).ctx.exit_fp = fp;
                        return Poll::Ready(match told {
                            Ok(()) => {
                                (*vm).pending = ending;
                                returned
                            }
                            Err(error) => fail(self.ctx, self.host, error),
                        });
                    }
                    Stage::Over => unreachable!("polled after its end"),
                }
            }
        }
    }

    /// The function has returned, or ended otherwise. What is pending waits until the hook, which may
    /// call functions, has been told.
    ///
    /// # Safety
    ///
    /// As for [`HookedCall::ask`].
    unsafe fn returns(&mut self, returned: HostReturn) {
        // SAFETY: the caller's promise.
        unsafe {
            let vm = (*self.ctx).store.cast::<VmStore>();
            let ending = (*vm).pending.take();
            self.stage = Stage::After(self.ask(CallHook::ReturningFromHost), returned, ending);
        }
    }

    /// The same as [`HookedCall::advance`], with panics of the hook as data, and its handles ended with
    /// the call.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn advance_caught(&mut self, fp: *mut Slot) -> Poll<HostReturn> {
        // SAFETY: the caller's promise.
        unsafe {
            let polled = catch_unwind(AssertUnwindSafe(|| self.advance(fp)));
            let polled = polled.unwrap_or_else(|payload| {
                self.stage = Stage::Over;
                Poll::Ready(panicked(self.ctx, payload))
            });
            if polled.is_ready() {
                end_scope(self.ctx, self.scope);
            }
            polled
        }
    }
}

impl<T: 'static> Awaited for HookedCall<T> {
    unsafe fn poll(&mut self, cx: &mut task::Context<'_>, fp: *mut Slot) -> Poll<HostReturn> {
        // SAFETY: the caller's promise; the poller is the store's while this runs.
        unsafe {
            let vm = (*self.ctx).store.cast::<VmStore>();
            let poller = Poller::goes_on(cx, &(*vm).ctx);
            let outer = core::mem::replace(&mut (*vm).poller, poller);
            let polled = self.advance_caught(fp);
            (*vm).poller = outer;
            polled
        }
    }
}

/// The shim in front of a host function's own.
unsafe extern "C" fn hooked<T: 'static>(
    ctx: *mut VmCtx,
    _: Unused,
    _slots: *mut Slot,
    host: *const VmHostFunc,
) -> HostReturn {
    // SAFETY: the trampoline passes a live context, a host function, and its arguments at the frame that
    // is published; the store has data of type `T`, and nobody uses it until this returns.
    unsafe {
        let vm = (*ctx).store.cast::<VmStore>();
        let fp = (*vm).ctx.exit_fp;
        let scope = begin_scope(ctx);
        let data = PhantomData;
        let mut call = HookedCall::<T> { ctx, host, scope, stage: Stage::Over, data };
        let asked = catch_unwind(AssertUnwindSafe(|| call.ask(CallHook::CallingHost)));
        match asked {
            Ok(answer) => call.stage = Stage::Before(answer),
            Err(payload) => return panicked(ctx, payload),
        }
        match call.advance_caught(fp) {
            Poll::Ready(returned) => returned,
            Poll::Pending => {
                (*vm).ctx.exit_fp = fp;
                let outcome = (*vm).end(Ending::Awaiting(Box::new(call)));
                HostReturn { outcome: outcome.word(), value: 0 }
            }
        }
    }
}
