//! What names an object of a store outside of it.

use core::num::NonZeroU64;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering;

use super::{Slot, VmFunc};
use crate::sys::atomic::AtomicU64;

/// Identity of a store: unequal for any two stores of a process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StoreId(NonZeroU64);

impl StoreId {
    /// The identity of no store.
    pub const NONE: StoreId = StoreId(NonZeroU64::MAX);
    /// Another: of no store, and not [`StoreId::NONE`].
    pub(super) const GUARDED: StoreId = StoreId(NonZeroU64::new(u64::MAX - 1).unwrap());

    pub(super) fn fresh() -> StoreId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // 2^64 stores cannot be made.
        StoreId(NonZeroU64::new(NEXT.fetch_add(1, Ordering::Relaxed)).unwrap_or(NonZeroU64::MAX))
    }
}

/// A function of a store. Valid for as long as the store lives; every use checks the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FuncRef {
    pub(super) store: StoreId,
    pub(super) ptr: NonNull<VmFunc>,
}

// SAFETY: the pointer is followed only together with a borrow of the store it belongs to.
unsafe impl Send for FuncRef {}
// SAFETY: as above.
unsafe impl Sync for FuncRef {}

impl FuncRef {
    /// The store it belongs to.
    #[inline]
    pub fn store(self) -> StoreId {
        self.store
    }

    /// The function's address.
    #[inline]
    pub fn as_ptr(self) -> *const VmFunc {
        self.ptr.as_ptr()
    }

    /// A reference to a function of `store` from its slot; `None` for null.
    ///
    /// # Safety
    ///
    /// The slot holds a function reference of this store.
    #[inline]
    pub unsafe fn from_slot(store: StoreId, slot: Slot) -> Option<FuncRef> {
        NonNull::new(ptr::with_exposed_provenance_mut(slot as usize))
            .map(|ptr| FuncRef { store, ptr })
    }

    /// The slot that represents the reference.
    #[inline]
    pub fn to_slot(self) -> Slot {
        self.ptr.as_ptr().expose_provenance() as Slot
    }
}

/// An object of a store, by its place in the list of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Handle {
    /// The store it belongs to.
    pub store: StoreId,
    /// Its place.
    pub index: u32,
}

/// A global of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GlobalHandle {
    /// The store it belongs to.
    pub store: StoreId,
    /// The instance that defines it; `u32::MAX` for the host's own.
    pub owner: u32,
    /// Its index in that instance's module, or among the host's.
    pub index: u32,
}

/// [`GlobalHandle::owner`] of globals that the host made.
pub const HOST_OWNER: u32 = u32::MAX;
