//! Objects of programs, and the handles by which the host holds them.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

pub use self::objects::{ArrayRef, ArrayRefPre, StructRef, StructRefPre};
pub use self::refs::{AnyRef, EqRef, I31};

use crate::error::{Error, Result, ensure};
use crate::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::trap::Trap;
use crate::vm::VmStore;
use crate::vm::value::{HeldRef, ObjectRef, OwnedRef};

mod objects;
mod refs;

/// A handle to an object that lives in a store: keeps it alive while the handle's scope lasts.
///
/// A handle that is made while a host function runs, its parameters included, is good until that
/// function returns. Others are good for as long as the store, or until the [`RootScope`] ends in
/// which they were made. [`OwnedRooted`] has no such limits. Using a handle whose scope has ended is
/// an error or a panic, never another object.
pub struct Rooted<R> {
    pub(crate) object: ObjectRef,
    kind: PhantomData<fn() -> R>,
}

impl<R> Rooted<R> {
    pub(crate) fn new(object: ObjectRef) -> Rooted<R> {
        Rooted { object, kind: PhantomData }
    }

    /// Do both handles lead to the same object? They may be of either kind.
    ///
    /// # Errors
    ///
    /// When a scope has ended.
    ///
    /// # Panics
    ///
    /// If one belongs to another store.
    pub fn ref_eq(
        store: impl AsContext,
        a: &impl RootedGcRef<R>,
        b: &impl RootedGcRef<R>,
    ) -> Result<bool> {
        let store = store.as_context();
        let vm = store.0.vm();
        Ok(vm.slot_of(a.checked(vm)?) == vm.slot_of(b.checked(vm)?))
    }

    /// Are these copies of one handle? Two handles to one object are not.
    pub fn rooted_eq(a: Self, b: Self) -> bool {
        a.object == b.object
    }

    /// Hashes the handle, in accord with [`Rooted::rooted_eq`].
    pub fn rooted_hash<H: Hasher>(&self, state: &mut H) {
        self.object.hash(state);
    }

    /// Hashes the object's identity, in accord with [`Rooted::ref_eq`]. Objects do not move.
    ///
    /// # Errors
    ///
    /// When the handle's scope has ended.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    pub fn ref_hash<H: Hasher>(&self, store: impl AsContext, state: &mut H) -> Result<()> {
        let store = store.as_context();
        let vm = store.0.vm();
        vm.slot_of(self.checked(vm)?).hash(state);
        Ok(())
    }

    /// The same object as one of another type that it has.
    fn cast<S>(self) -> Rooted<S> {
        Rooted::new(self.object)
    }

    /// A handle to the same object that is good until it is dropped.
    ///
    /// # Errors
    ///
    /// When the handle's scope has ended.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    pub fn to_owned_rooted(&self, mut store: impl AsContextMut) -> Result<OwnedRooted<R>> {
        let mut store = store.as_context_mut();
        self.check(store.0.vm())?;
        Ok(OwnedRooted { object: store.0.vm_mut().own(self.object), kind: PhantomData })
    }

    /// Checks that the handle can be used.
    ///
    /// # Errors
    ///
    /// When its scope has ended.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    #[track_caller]
    pub(crate) fn check(&self, vm: &VmStore) -> Result<()> {
        assert!(self.object.store() == vm.id(), "object used with wrong store");
        ensure!(vm.is_alive(self.object), "the handle's scope has ended");
        Ok(())
    }
}

impl<R> Clone for Rooted<R> {
    fn clone(&self) -> Rooted<R> {
        *self
    }
}

impl<R> Copy for Rooted<R> {}

impl<R> core::fmt::Debug for Rooted<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Rooted").field(&self.object).finish()
    }
}

/// A handle that keeps its object alive until it, and its clones, are dropped. Dropping needs no
/// store; the next collection notices.
pub struct OwnedRooted<R> {
    object: OwnedRef,
    kind: PhantomData<fn() -> R>,
}

impl<R> OwnedRooted<R> {
    /// A handle for use, with the scope that is current.
    ///
    /// # Panics
    ///
    /// If the object belongs to another store.
    pub fn to_rooted(&self, mut store: impl AsContextMut) -> Rooted<R> {
        Rooted::new(store.as_context_mut().0.vm_mut().root_owned(&self.object))
    }

    /// Do both handles lead to the same object? They may be of either kind.
    ///
    /// # Errors
    ///
    /// When a scope has ended.
    ///
    /// # Panics
    ///
    /// If one belongs to another store.
    pub fn ref_eq(
        store: impl AsContext,
        a: &impl RootedGcRef<R>,
        b: &impl RootedGcRef<R>,
    ) -> Result<bool> {
        Rooted::ref_eq(store, a, b)
    }

    /// Hashes the object's identity. It never changes while there is a handle.
    pub fn rooted_hash<H: Hasher>(&self, state: &mut H) {
        self.object.slot().hash(state);
    }

    /// Hashes the object's identity, in accord with [`OwnedRooted::ref_eq`].
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    pub fn ref_hash<H: Hasher>(&self, store: impl AsContext, state: &mut H) -> Result<()> {
        let store = store.as_context();
        let vm = store.0.vm();
        vm.slot_of(self.checked(vm)?).hash(state);
        Ok(())
    }

    /// The same object as one of another type that it has.
    fn cast<S>(self) -> OwnedRooted<S> {
        OwnedRooted { object: self.object, kind: PhantomData }
    }

    pub(crate) fn owned(&self) -> &OwnedRef {
        &self.object
    }

    pub(crate) fn from_owned(object: OwnedRef) -> OwnedRooted<R> {
        OwnedRooted { object, kind: PhantomData }
    }
}

/// A handle of either kind: [`Rooted`] or [`OwnedRooted`].
pub trait RootedGcRef<R>: sealed::RootedGcRef {}

impl<R> RootedGcRef<R> for Rooted<R> {}
impl<R> RootedGcRef<R> for OwnedRooted<R> {}

mod sealed {
    use super::{HeldRef, Result, VmStore};

    pub trait RootedGcRef {
        /// What the store knows such handles as.
        type Held: HeldRef;

        /// What the store knows this handle as, if it can be used.
        ///
        /// # Errors
        ///
        /// When its scope has ended.
        ///
        /// # Panics
        ///
        /// If it belongs to another store.
        #[track_caller]
        fn checked<'a>(&'a self, vm: &VmStore) -> Result<&'a Self::Held>;
    }
}

impl<R> sealed::RootedGcRef for Rooted<R> {
    type Held = ObjectRef;

    #[track_caller]
    fn checked<'a>(&'a self, vm: &VmStore) -> Result<&'a ObjectRef> {
        self.check(vm)?;
        Ok(&self.object)
    }
}

impl<R> sealed::RootedGcRef for OwnedRooted<R> {
    type Held = OwnedRef;

    #[track_caller]
    fn checked<'a>(&'a self, vm: &VmStore) -> Result<&'a OwnedRef> {
        assert!(self.object.store() == vm.id(), "object used with wrong store");
        Ok(&self.object)
    }
}

pub(crate) use sealed::RootedGcRef as Checked;

/// What the garbage-collected heap has no room for, given back: the error of
/// [`ExternRef::new`](crate::ExternRef::new) when the limits leave none. With nothing to give back it is
/// the error of whatever else makes objects, and of programs that trap for it.
pub struct GcHeapOutOfMemory<T> {
    inner: T,
}

impl<T> GcHeapOutOfMemory<T> {
    pub(crate) fn new(inner: T) -> GcHeapOutOfMemory<T> {
        GcHeapOutOfMemory { inner }
    }

    /// What there was no room for.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// What there was no room for, and the rest of the error, for
    /// [`Store::gc`](crate::Store::gc).
    pub fn take_inner(self) -> (T, GcHeapOutOfMemory<()>) {
        (self.inner, GcHeapOutOfMemory { inner: () })
    }
}

/// An error, as a [`GcHeapOutOfMemory`] if it is that trap.
pub(crate) fn with_out_of_memory(error: Error) -> Error {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfHeap | Trap::AllocationTooLarge)
            if !error.is::<GcHeapOutOfMemory<()>>() =>
        {
            error.context(GcHeapOutOfMemory::new(()))
        }
        _ => error,
    }
}

impl<T> fmt::Debug for GcHeapOutOfMemory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> fmt::Display for GcHeapOutOfMemory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GC heap out of memory")
    }
}

impl<T> core::error::Error for GcHeapOutOfMemory<T> {}

impl<R> Clone for OwnedRooted<R> {
    fn clone(&self) -> OwnedRooted<R> {
        OwnedRooted { object: self.object.clone(), kind: PhantomData }
    }
}

impl<R> core::fmt::Debug for OwnedRooted<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("OwnedRooted").field(&self.object).finish()
    }
}

/// Lends a store, and ends the handles that were made meanwhile when it is dropped: for loops that
/// make many outside of host functions.
#[derive(Debug)]
pub struct RootScope<C: AsContextMut> {
    store: C,
    len: usize,
}

impl<C: AsContextMut> RootScope<C> {
    /// Begins a scope.
    pub fn new(store: C) -> RootScope<C> {
        let len = store.as_context().0.vm().roots_len();
        RootScope { store, len }
    }

    /// Makes room for so many handles more, so that making them does not allocate.
    pub fn reserve(&mut self, additional: usize) {
        self.store.as_context_mut().0.vm_mut().reserve_roots(additional);
    }
}

impl<C: AsContextMut> Drop for RootScope<C> {
    fn drop(&mut self) {
        let len = self.len;
        self.store.as_context_mut().0.vm_mut().end_scope(len);
    }
}

impl<C: AsContextMut> AsContext for RootScope<C> {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        self.store.as_context()
    }
}

impl<C: AsContextMut> AsContextMut for RootScope<C> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        self.store.as_context_mut()
    }
}
