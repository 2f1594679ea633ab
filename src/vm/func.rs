//! Functions as handlers see them.

use core::any::Any;
use core::mem::MaybeUninit;
use std::sync::Arc;

use super::{CodeEntry, Slot, VmCtx};

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
    /// The handler that calls such a function: the dispatch layer's, see [`super::store::Hooks`].
    pub call: *const (),
}

impl VmImport {
    /// Where the function at this place of the list is, behind the list's offset in a context.
    pub const fn offset(index: u32) -> u32 {
        index * size_of::<VmImport>() as u32
    }
}

/// What a host shim tells the trampoline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum HostOutcome {
    /// Results are in the argument slots.
    Return = 0,
    /// The store holds a pending failure (error, trap, panic, exception): leave the activation.
    Fail = 1,
    /// The host function suspends the activation; the store holds its payload.
    Suspend = 2,
    /// The host function throws the exception that the store holds as thrown.
    Throw = 3,
    /// A runtime function that was suspended is to be called again, by its instruction.
    Again = 4,
}

/// What a host shim returns, in two registers.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HostReturn {
    /// A [`HostOutcome`].
    pub outcome: u64,
    /// The bits of the first result, 0 without one: a caller finds the result of a call in the
    /// accumulator as well as in its slot, whoever it called.
    pub value: u64,
}

/// An argument that nobody passes: what is in its register stays there.
pub type Unused = MaybeUninit<u64>;

/// The one native signature through which the trampoline calls host code: the calling instance, the
/// argument slots, which become the result slots, and the host function. Where handlers have the
/// C convention's registers (see `exec::abi`), the function is in its place already.
///
/// A shim casts [`VmHostFunc::data`] to the exact closure type it was made for; it never unwinds.
pub type HostShim = unsafe extern "C" fn(
    caller: *mut VmCtx,
    Unused,
    slots: *mut Slot,
    host: *const VmHostFunc,
) -> HostReturn;

/// A host function: a [`VmFunc`] whose code is the stub
/// `call_indirect_host sig`, with what that opcode needs behind it.
#[repr(C)]
pub struct VmHostFunc {
    /// The part common to all functions; `instance` is null.
    pub func: VmFunc,
    /// Casts, calls, catches. Picked by signature.
    pub shim: HostShim,
    /// What the shim calls: points into `owner`.
    pub data: *const (),
    /// Keeps the closure alive; shared by all stores that a linker instantiates it in.
    pub owner: Arc<dyn Any + Send + Sync>,
    /// Where its code starts: at `stub`.
    pub entry: CodeEntry,
    /// Its code, threaded.
    pub stub: [u64; 2],
}

// Handlers that only want the function read one pointer.
static_assertions::const_assert_eq!(memoffset::offset_of!(VmImport, func), 0);
static_assertions::const_assert_eq!(core::mem::size_of::<VmImport>(), 2 * size_of::<usize>());
// The trampoline takes a `VmFunc` pointer for a `VmHostFunc` pointer.
static_assertions::const_assert_eq!(memoffset::offset_of!(VmHostFunc, func), 0);
