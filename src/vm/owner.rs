//! Who owns a store, and how the layers above borrow it.
//!
//! The engine's code holds raw pointers to the store across calls of host functions, and host
//! functions get the store back through one of them. A reference to the whole store that lives
//! across such a call would contradict them. So everything is derived from one root pointer, kept
//! here: borrows of the store are pairs of that pointer and a lifetime, and real references, made
//! by the methods below, are borrowed from them and end before any code runs.

use alloc::sync::Arc;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::awaited::LaterAnswer;
use super::context::Resource;
use super::handle::{Handle, StoreId};
use super::limits::StoreTunables;
use super::memory::Growth;
use super::metering::Deadline;
use super::store::Executor;
use super::{Hooks, VmCtx, VmStore};
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::wasm::TypeRegistry;

/// What a store needs of the layers above: implemented by the data that belongs to it.
pub trait Embedder: Sized + 'static {
    /// Whether a memory, a table or the heap may grow.
    ///
    /// # Errors
    ///
    /// Ends execution, unlike `false`, which the program sees as a growth that failed.
    fn growing(&mut self, what: Resource, growth: &Growth) -> Result<bool>;

    /// The same, where the answer may take its time; `None` if it comes at once from
    /// [`Embedder::growing`].
    fn growing_later<'a>(&'a mut self, what: Resource, growth: &Growth) -> Option<LaterAnswer<'a>>;

    /// A growth was allowed but failed.
    ///
    /// # Errors
    ///
    /// As in [`Embedder::growing`].
    fn grow_failed(&mut self, what: Resource, error: Error) -> Result<()>;

    /// What to do about the epoch, whose deadline has been reached.
    ///
    /// # Errors
    ///
    /// End execution.
    fn deadline(store: StoreMut<'_, Self>) -> Result<Deadline>;

    /// Whether [`Embedder::deadline`] is a trap in any case.
    fn traps_late(&self) -> bool;
}

/// The hooks of a store with data `D`.
struct HooksOf<D>(PhantomData<D>);

impl<D: Embedder> HooksOf<D> {
    const HOOKS: Hooks = Hooks {
        growing: growing::<D>,
        growing_later: growing_later::<D>,
        grow_failed: grow_failed::<D>,
        deadline: deadline::<D>,
        traps_late: traps_late::<D>,
    };
}

unsafe fn growing<D: Embedder>(
    store: *mut c_void,
    what: Resource,
    growth: &Growth,
) -> Result<bool> {
    // SAFETY: the store calls this with its own address; nobody else uses the data meanwhile.
    unsafe { &mut (*store.cast::<Whole<D>>()).user }.growing(what, growth)
}

unsafe fn growing_later<D: Embedder>(
    store: *mut c_void,
    what: Resource,
    growth: &Growth,
) -> Option<LaterAnswer<'static>> {
    // SAFETY: as above. The answer borrows the data for as long as it exists, which is while the
    // asynchronous call that waits for it has the store to itself: it drops the answer when it ends.
    unsafe { &mut (*store.cast::<Whole<D>>()).user }.growing_later(what, growth)
}

unsafe fn grow_failed<D: Embedder>(store: *mut c_void, what: Resource, error: Error) -> Result<()> {
    // SAFETY: as above.
    unsafe { &mut (*store.cast::<Whole<D>>()).user }.grow_failed(what, error)
}

unsafe fn deadline<D: Embedder>(ctx: *mut VmCtx) -> Result<Deadline> {
    // SAFETY: a runtime function calls this with its live context, having published its frame, and
    // uses the store again only afterwards.
    D::deadline(unsafe { StoreMut::from_ctx(ctx) })
}

unsafe fn traps_late<D: Embedder>(store: *mut c_void) -> bool {
    // SAFETY: as for `growing`.
    unsafe { &(*store.cast::<Whole<D>>()).user }.traps_late()
}

/// The store and the data that belongs to it.
#[repr(C)]
struct Whole<D> {
    vm: VmStore,
    user: D,
}

/// An owned store with data `D`.
pub struct StoreOwner<D> {
    root: NonNull<Whole<D>>,
    owns: PhantomData<Whole<D>>,
}

// SAFETY: the owner owns the whole as a box would; `VmStore` is `Send`, so `D` decides.
unsafe impl<D: Send> Send for StoreOwner<D> {}
// SAFETY: as above for `Sync`.
unsafe impl<D: Sync> Sync for StoreOwner<D> {}

impl<D: Embedder> StoreOwner<D> {
    /// A store with its data, in its final place.
    ///
    /// # Errors
    ///
    /// When the value stack cannot be reserved.
    pub fn new(
        tunables: StoreTunables,
        types: Arc<TypeRegistry>,
        executor: &'static Executor,
        user: D,
    ) -> Result<StoreOwner<D>> {
        let vm = VmStore::new(tunables, types, &HooksOf::<D>::HOOKS, executor)?;
        let root = NonNull::from(Box::leak(Box::new(Whole { vm, user })));
        // SAFETY: the store is the first field of the new object, which stays where it is.
        unsafe { VmStore::place(root.as_ptr().cast()) };
        Ok(StoreOwner { root, owns: PhantomData })
    }
}

impl<D> StoreOwner<D> {
    /// Borrows the store.
    #[inline]
    pub fn as_ref(&self) -> StoreRef<'_, D> {
        StoreRef { root: self.root, borrow: PhantomData }
    }

    /// Borrows the store exclusively.
    #[inline]
    pub fn as_mut(&mut self) -> StoreMut<'_, D> {
        StoreMut { root: self.root, borrow: PhantomData }
    }

    /// Takes the data out and drops the store.
    pub fn into_user(self) -> D {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `root` came from a box, and `this` is not used again.
        let whole = unsafe { Box::from_raw(this.root.as_ptr()) };
        whole.user
    }
}

impl<D> Drop for StoreOwner<D> {
    fn drop(&mut self) {
        // SAFETY: `root` came from a box and is used for the last time.
        drop(unsafe { Box::from_raw(self.root.as_ptr()) });
    }
}

/// A shared borrow of a store.
pub struct StoreRef<'a, D> {
    root: NonNull<Whole<D>>,
    borrow: PhantomData<&'a Whole<D>>,
}

// SAFETY: stands for `&'a Whole<D>`.
unsafe impl<D: Sync> Send for StoreRef<'_, D> {}
// SAFETY: stands for `&'a Whole<D>`.
unsafe impl<D: Sync> Sync for StoreRef<'_, D> {}

impl<D> Clone for StoreRef<'_, D> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for StoreRef<'_, D> {}

impl<'a, D> StoreRef<'a, D> {
    /// The store without the data.
    #[inline]
    pub fn vm(self) -> &'a VmStore {
        // SAFETY: the store is borrowed for 'a, so no code of it runs and nobody writes.
        unsafe { &(*self.root.as_ptr()).vm }
    }

    /// The data.
    #[inline]
    pub fn user(self) -> &'a D {
        // SAFETY: as above.
        unsafe { &(*self.root.as_ptr()).user }
    }
}

/// An exclusive borrow of a store.
pub struct StoreMut<'a, D> {
    root: NonNull<Whole<D>>,
    borrow: PhantomData<&'a mut Whole<D>>,
}

// SAFETY: stands for `&'a mut Whole<D>`.
unsafe impl<D: Send> Send for StoreMut<'_, D> {}
// SAFETY: stands for `&'a mut Whole<D>`.
unsafe impl<D: Sync> Sync for StoreMut<'_, D> {}

impl<'a, D> StoreMut<'a, D> {
    /// The store from what the engine's code passes to a host function.
    ///
    /// # Safety
    ///
    /// `ctx` points to a live context of a store with data `D`, and for as long as the result lives
    /// the store is not used but through it: the caller is a host function's shim, or a hook.
    #[inline]
    pub unsafe fn from_ctx(ctx: *mut VmCtx) -> StoreMut<'a, D> {
        // SAFETY: `ctx` is live, and its store pointer is the root pointer.
        let root = unsafe { NonNull::new_unchecked((*ctx).store.cast::<Whole<D>>()) };
        StoreMut { root, borrow: PhantomData }
    }

    /// Borrows again, for a shorter time.
    #[inline]
    pub fn reborrow(&mut self) -> StoreMut<'_, D> {
        StoreMut { root: self.root, borrow: PhantomData }
    }

    /// Borrows as shared.
    #[inline]
    pub fn as_ref(&self) -> StoreRef<'_, D> {
        StoreRef { root: self.root, borrow: PhantomData }
    }

    /// The address that everything is derived from.
    #[inline]
    pub fn as_ptr(&mut self) -> *mut VmStore {
        self.root.as_ptr().cast()
    }

    /// The store without the data.
    #[inline]
    pub fn vm(&self) -> &VmStore {
        self.as_ref().vm()
    }

    /// The store without the data, exclusively.
    #[inline]
    pub fn vm_mut(&mut self) -> &mut VmStore {
        self.reborrow().split().0
    }

    /// The data.
    #[inline]
    pub fn user(&self) -> &D {
        self.as_ref().user()
    }

    /// The data, exclusively.
    #[inline]
    pub fn user_mut(&mut self) -> &mut D {
        self.reborrow().split().1
    }

    /// The store and the data.
    #[inline]
    pub fn split(self) -> (&'a mut VmStore, &'a mut D) {
        let whole = self.root.as_ptr();
        // SAFETY: the store is borrowed exclusively for 'a, no code of it runs while references
        // to it exist, and the two fields are disjoint.
        unsafe { (&mut (*whole).vm, &mut (*whole).user) }
    }
}

/// Who calls a host function: the context that the engine's code passes to it.
#[derive(Clone, Copy)]
pub struct CallSite<'a> {
    ctx: NonNull<VmCtx>,
    borrow: PhantomData<&'a VmCtx>,
}

// SAFETY: stands for a shared borrow of a context, of which only plain data is read.
unsafe impl Send for CallSite<'_> {}
// SAFETY: as above.
unsafe impl Sync for CallSite<'_> {}

impl CallSite<'_> {
    /// The call site of a host function that was called with `ctx`.
    ///
    /// # Safety
    ///
    /// `ctx` points to a context that stays live for as long as the result.
    #[inline]
    pub unsafe fn new<'a>(ctx: *mut VmCtx) -> CallSite<'a> {
        // SAFETY: live contexts are not at address zero.
        CallSite { ctx: unsafe { NonNull::new_unchecked(ctx) }, borrow: PhantomData }
    }

    /// The instance that calls; `None` if it is the host itself.
    pub fn instance(self, store: StoreId) -> Option<Handle> {
        // SAFETY: the context is live.
        let index = unsafe { (*self.ctx.as_ptr()).instance_index };
        (index != u32::MAX).then_some(Handle { store, index })
    }
}
