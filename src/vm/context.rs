//! The context that handlers carry in a register, the store's part of it, and functions, which lead to
//! contexts again.

use core::ffi::c_void;

use super::awaited::LaterAnswer;
use super::heap::{HeapCtx, TypeEntry};
use super::layout::GlobalPlace;
use super::memory::Growth;
use super::metering::Deadline;
use super::{CodeEntry, CodeMap, Slot, VmLayout, VmMemory};
use crate::error::{Error, Result};
use crate::sys::atomic::AtomicU64;
use crate::wasm::ModuleInfo;

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
    /// The store object itself (a [`super::VmStore`], with the embedder's data behind it), for runtime
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
}

impl VmLayout {
    /// Lays out the contexts of a module's instances. Validation bounds all counts, so that offsets fit
    /// 32 bits.
    pub fn new(info: &ModuleInfo) -> VmLayout {
        let mut offset = core::mem::size_of::<VmCtx>() as u32;
        let mut array = |bytes: u32| {
            let start = offset;
            offset += bytes;
            start
        };
        let funcs = array(VmImport::offset(info.num_imported_funcs));
        let tables = array(8 * info.tables.len() as u32);
        let memories = array(8 * info.memories.len() as u32);
        let imported = info.num_imported_globals as usize;
        let globals = info.globals.iter().enumerate();
        let globals = globals
            .map(|(i, ty)| {
                let slots = ty.content().slots();
                if i < imported {
                    let place = GlobalPlace::Indirect(offset);
                    offset += 8;
                    place
                } else {
                    if slots == 2 {
                        offset = (offset + 15) & !15;
                    }
                    let place = GlobalPlace::Inline(offset);
                    offset += 8 * slots;
                    place
                }
            })
            .collect();
        VmLayout { funcs, tables, memories, globals, size: (offset + 15) & !15 }
    }
}

/// A function value: what a `funcref` points to and what an import slot holds.
///
/// A null `funcref` is the integer 0; every other one is the address of a `VmFunc` that its store
/// keeps alive and in place.
#[repr(C)]
#[derive(Debug)]
pub struct VmFunc {
    /// The code to run; its `pc` may change once, when the function is translated.
    pub code: *const CodeEntry,
    /// The instance the code runs in; null exactly for host functions.
    pub instance: *mut VmCtx,
    /// The engine's canonical type, compared by `call_indirect`.
    pub type_id: u32,
    /// Parameter slots (a `v128` counts two).
    pub param_slots: u16,
    /// Result slots.
    pub result_slots: u16,
    /// Index in the store's list of host functions; for WebAssembly functions, of the instance.
    pub store_index: u32,
    /// Function index in its module; `u32::MAX` for host functions.
    pub func_index: u32,
}

impl VmFunc {
    /// Slots between the first parameter and the frame header: max(parameters, results).
    #[inline]
    pub fn header_offset(&self) -> usize {
        self.param_slots.max(self.result_slots) as usize
    }
}

/// An imported function in its importer's context.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VmImport {
    /// The function.
    pub func: *const VmFunc,
    /// The handler that calls such a function: the dispatch layer's, see [`super::store::Executor`].
    pub call: *const (),
}

impl VmImport {
    /// Where the function at this place of the list is, behind the list's offset in a context.
    pub const fn offset(index: u32) -> u32 {
        index * size_of::<VmImport>() as u32
    }
}

/// What only the embedder's data can do: answer for the limits.
#[derive(Debug)]
pub struct Hooks {
    /// Whether the embedder's limits let a memory or table grow.
    pub growing: unsafe fn(store: *mut c_void, what: Resource, growth: &Growth) -> Result<bool>,
    /// The same, where the embedder may take its time; `None` if it need not.
    pub growing_later: unsafe fn(
        store: *mut c_void,
        what: Resource,
        growth: &Growth,
    ) -> Option<LaterAnswer<'static>>,
    /// A growth was allowed but failed.
    pub grow_failed: unsafe fn(store: *mut c_void, what: Resource, error: Error) -> Result<()>,
    /// What to do about the epoch, whose deadline the code of `ctx` has reached. May use the store.
    pub deadline: unsafe fn(ctx: *mut VmCtx) -> Result<Deadline>,
    /// Whether that is to end with a trap, without asking.
    pub traps_late: unsafe fn(store: *mut c_void) -> bool,
}

/// Something whose size the embedder can limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// A linear memory, in bytes.
    Memory,
    /// A table, in elements.
    Table,
    /// The garbage-collected heap, in bytes.
    Heap,
    /// Code that was translated for the store, in bytes.
    Code,
}

static_assertions::const_assert_eq!(core::mem::size_of::<VmCtx>() % 16, 0);
static_assertions::const_assert_eq!(memoffset::offset_of!(VmCtx, store), 0);
// Handlers that only want the function read one pointer.
static_assertions::const_assert_eq!(memoffset::offset_of!(VmImport, func), 0);
static_assertions::const_assert_eq!(core::mem::size_of::<VmImport>(), 2 * size_of::<usize>());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::{ParseOptions, TypeRegistry};

    #[test]
    fn the_layout_gives_every_global_its_slots() {
        let bytes = wat::parse_str(
            r#"(module (import "" "" (func)) (import "" "" (global i32)) (memory 1)
                (global i32 (i32.const 0)) (global (mut v128) (v128.const i64x2 0 0))
                (global i64 (i64.const 0)))"#,
        )
        .expect("a module");
        let info = ModuleInfo::parse(&bytes, &ParseOptions::default(), &TypeRegistry::new());
        let layout = VmLayout::new(&info.expect("valid"));
        let places = &layout.globals;
        assert!(matches!(places[0], GlobalPlace::Indirect(_)));
        let inline = |i: usize| match places[i] {
            GlobalPlace::Inline(offset) => offset,
            GlobalPlace::Indirect(_) => panic!("global {i} is defined here"),
        };
        assert!(inline(1) < inline(2) && inline(2) % 16 == 0 && inline(3) >= inline(2) + 16);
        assert!(layout.size >= inline(3) + 8);
    }
}
