//! What an embedder is told of ways into WebAssembly and out of it.

use alloc::sync::Arc;
use core::pin::Pin;

use super::StoreContextMut;
use crate::error::Result;
use crate::prelude::*;

/// A way into WebAssembly or out of it; see [`Store::call_hook`](crate::Store::call_hook).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallHook {
    /// The host calls a function.
    CallingWasm,
    /// That call ends.
    ReturningFromWasm,
    /// A host function is called: by WebAssembly, or by the host as any other function.
    CallingHost,
    /// It returns.
    ReturningFromHost,
}

impl CallHook {
    /// Whether host code runs from now on.
    pub fn entering_host(&self) -> bool {
        matches!(self, CallHook::ReturningFromWasm | CallHook::CallingHost)
    }

    /// Whether WebAssembly runs from now on.
    pub fn exiting_host(&self) -> bool {
        !self.entering_host()
    }
}

/// A call hook whose work may take its time; see [`Store::call_hook_async`](crate::Store::call_hook_async). Meant to be implemented
/// with the `async_trait` crate's attribute, which makes `async fn handle_call_event(..)` what this
/// asks for.
pub trait CallHookHandler<T: 'static>: Send {
    /// Is waited for at each event.
    ///
    /// # Errors
    ///
    /// End the call, as for [`Store::call_hook`](crate::Store::call_hook).
    fn handle_call_event<'life0, 'life1, 'async_trait>(
        &'life0 self,
        store: StoreContextMut<'life1, T>,
        event: CallHook,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait;
}

/// The hook of a store.
pub(crate) enum Hook<T: 'static> {
    Sync(Callback<T>),
    Async(Handler<T>),
}

pub(crate) type Callback<T> =
    Box<dyn FnMut(StoreContextMut<'_, T>, CallHook) -> Result<()> + Send + Sync>;

pub(crate) type Handler<T> = Arc<dyn CallHookHandler<T> + Send + Sync>;
