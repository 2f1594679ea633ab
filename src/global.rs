//! Globals.

use crate::error::Result;
use crate::store::{AsContext, AsContextMut};
use crate::ty::GlobalType;
use crate::val::Val;
use crate::vm::handle::GlobalHandle;

/// A global of a store.
///
/// All methods panic if the global belongs to another store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Global(pub(crate) GlobalHandle);

impl Global {
    /// Makes a global.
    ///
    /// # Errors
    ///
    /// When the value does not have the type or belongs to another store, or the type to another
    /// engine.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, val: Val) -> Result<Global> {
        let mut store = store.as_context_mut();
        store.use_type(ty.content().clone())?;
        Ok(Global(store.0.vm_mut().new_global(ty.lower(), val.to_value())?))
    }

    pub(crate) fn from_vm(handle: GlobalHandle) -> Global {
        Global(handle)
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> GlobalType {
        let store = store.as_context();
        GlobalType::lift(store.engine(), &store.0.vm().global_type(self.0))
    }

    /// Its value.
    pub fn get(&self, mut store: impl AsContextMut) -> Val {
        Val::from_value(store.as_context_mut().0.vm_mut().global(self.0))
    }

    /// Sets its value.
    ///
    /// # Errors
    ///
    /// When it is immutable, or the value does not have its type or belongs to another store.
    pub fn set(&self, mut store: impl AsContextMut, value: Val) -> Result<()> {
        store.as_context_mut().0.vm_mut().set_global(self.0, value.to_value())
    }
}
