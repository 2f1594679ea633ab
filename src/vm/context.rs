//! The context that handlers carry in a register, and the store's part of it.

use core::ffi::c_void;
use core::sync::atomic::AtomicU64;

use super::heap::{HeapCtx, TypeEntry};
use super::store::{Hooks, VmStore};
use super::{CodeEntry, CodeMap, Slot, VmFunc, VmMemory};

/// An instance, as handlers see it: the `ctx` register points here. Trailing arrays follow at the
/// offsets of [`super::VmLayout`].
#[repr(C)]
#[cfg_attr(not(target_pointer_width = "64"), repr(align(16)))]
#[derive(Debug)]
pub struct VmCtx {
    /// The store's context.
    pub store: *mut StoreCtx,
    /// Memory 0, or an empty memory. In a fixed place because every return from host code reads
    /// it.
    pub mem0: *mut VmMemory,
    /// Code entries of the module's defined functions.
    pub code: *const CodeEntry,
    /// `VmFunc` objects of the module's defined functions, one each, for `ref.func` and tables.
    pub func_refs: *mut VmFunc,
    /// The module's code and what is known of it: for first calls, collections and exceptions. Null
    /// for the host's own context, which has no code.
    pub module: *const CodeMap,
    /// This instance's place in the store.
    pub instance_index: u32,
    /// Padding, zero.
    pub reserved: u32,
}

/// The store, as handlers see it.
#[repr(C)]
#[derive(Debug)]
pub struct StoreCtx {
    /// A new frame whose `fp` lies above this address overflows the value stack.
    pub stack_limit: *mut Slot,
    /// Frame of the native call that is running: what re-entry stacks on and where a stack walk
    /// starts. Its header has the instance too ([`super::frame::OWN_CTX`]). A header's width below
    /// [`StoreCtx::stack_base`] while nothing runs. After a trap, until the activation has been
    /// left, the frame that trapped.
    pub exit_fp: *mut Slot,
    /// Instance that trapped; means nothing while `exit_pc` is null.
    pub exit_ctx: *mut VmCtx,
    /// Instruction that trapped; null except between a trap and the end of its activation.
    pub exit_pc: *const u8,
    /// Lowest address of the value stack.
    pub stack_base: *mut Slot,
    /// Fuel left, as a signed count so that one subtraction and a sign test suffice.
    pub fuel: i64,
    /// Not zero if code of this store may pin floats: then native calls save them. Set when a module
    /// with float locals is instantiated.
    pub pins_floats: u64,
    /// Code of the trap that ended execution.
    pub trap: u32,
    /// How many more activations can be nested on the native stack.
    pub activations_left: u32,
    /// The engine's epoch.
    pub epoch: *const AtomicU64,
    /// The epoch from which on code that can be interrupted looks closer; a part of the store's
    /// [`super::interrupt::InterruptState`].
    pub epoch_limit: *const AtomicU64,
    /// The store object itself (a [`VmStore`], with the embedder's data behind it), for runtime
    /// functions and host shims.
    pub inner: *mut c_void,
    /// Stands in for the instance while native code calls a host function outside of any.
    pub host_ctx: *mut VmCtx,
    /// The garbage-collected heap's free cells.
    pub heap: *mut HeapCtx,
    /// What is known of types, by type id: all those that objects and functions of the store have.
    pub types: *const TypeEntry,
    /// What only higher layers can do.
    pub hooks: &'static Hooks,
}

impl StoreCtx {
    /// What is published while nothing runs on the value stack that begins at `base`, so that the
    /// first activation finds its place in the same way as a nested one.
    pub fn no_frame(base: *mut Slot) -> *mut Slot {
        base.wrapping_sub(super::frame::HEADER_SLOTS as usize)
    }
}

impl VmCtx {
    /// What is known of the code of an instance; `None` for the host's own context.
    ///
    /// # Safety
    ///
    /// `ctx` points to a live context, whose store lives as long as the result.
    #[inline]
    pub unsafe fn code_map<'a>(ctx: *const VmCtx) -> Option<&'a CodeMap> {
        // SAFETY: a live context; instances keep their code.
        unsafe { (*ctx).module.as_ref() }
    }

    /// The store that an instance lives in.
    ///
    /// # Safety
    ///
    /// `ctx` points to a live context, and while the result is used nothing else uses the store:
    /// the caller is a runtime function, run by a handler that has published its state.
    #[inline]
    pub unsafe fn store_mut<'a>(ctx: *mut VmCtx) -> &'a mut VmStore {
        // SAFETY: a live context points to its store's context, whose `inner` is the store.
        unsafe { &mut *(*(*ctx).store).inner.cast::<VmStore>() }
    }
}

static_assertions::const_assert_eq!(core::mem::size_of::<VmCtx>() % 16, 0);
static_assertions::const_assert_eq!(memoffset::offset_of!(VmCtx, store), 0);
