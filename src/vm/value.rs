//! Values as the store hands them out: with their type, and references that know their store.

use alloc::sync::Arc;

use super::Slot;
use super::handle::{FuncRef, StoreId};
use super::roots::RootIndex;

/// A value. References are to objects of one store; using them with another panics.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value {
    /// An `i32`.
    I32(i32),
    /// An `i64`.
    I64(i64),
    /// An `f32`, by its bits.
    F32(u32),
    /// An `f64`, by its bits.
    F64(u64),
    /// A `v128`.
    V128(u128),
    /// A reference to a function, or null.
    Func(Option<FuncRef>),
    /// A reference of the `extern` hierarchy, or null.
    Extern(Option<ObjectRef>),
    /// A reference of the `any` hierarchy, or null.
    Any(Option<ObjectRef>),
    /// A reference to an exception, or null.
    Exn(Option<ObjectRef>),
}

/// A reference to something other than a function, as the host holds it: a handle to one of the
/// store's roots.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ObjectRef {
    pub(super) store: StoreId,
    pub(super) root: RootIndex,
}

impl ObjectRef {
    /// The store it belongs to.
    pub fn store(self) -> StoreId {
        self.store
    }
}

/// A reference that keeps its object alive until it is dropped, whatever scopes end.
#[derive(Clone, Debug)]
pub struct OwnedRef {
    pub(super) store: StoreId,
    pub(super) slot: Slot,
    pub(super) _alive: Arc<()>,
}

impl OwnedRef {
    /// The store it belongs to.
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// The reference, as handlers know it.
    pub fn slot(&self) -> Slot {
        self.slot
    }
}

/// Where the reference of a handle stands.
#[derive(Clone, Copy)]
pub enum Held {
    /// In one of the store's roots, for as long as a scope lasts.
    Root(RootIndex),
    /// In the handle, which keeps its object alive.
    Slot(Slot),
}

/// A handle of the host's to something other than a function: [`ObjectRef`] or [`OwnedRef`].
pub trait HeldRef {
    /// The store it belongs to.
    fn store(&self) -> StoreId;

    /// Where the reference stands.
    fn held(&self) -> Held;
}

impl HeldRef for ObjectRef {
    fn store(&self) -> StoreId {
        self.store
    }

    fn held(&self) -> Held {
        Held::Root(self.root)
    }
}

impl HeldRef for OwnedRef {
    fn store(&self) -> StoreId {
        self.store
    }

    fn held(&self) -> Held {
        Held::Slot(self.slot)
    }
}

impl Value {
    /// The store that the value belongs to; `None` if any will do.
    pub(super) fn owner(&self) -> Option<StoreId> {
        match self {
            Value::Func(func) => func.map(FuncRef::store),
            Value::Extern(object) | Value::Any(object) | Value::Exn(object) => {
                object.map(ObjectRef::store)
            }
            _ => None,
        }
    }
}
