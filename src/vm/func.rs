//! Functions of the host as handlers see them.

use alloc::sync::Arc;
use core::any::Any;
use core::mem::MaybeUninit;

use super::outcome::HostReturn;
use super::{CodeEntry, Slot, VmCtx, VmFunc};

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
    /// The shim that it was made with: what `shim` calls if the store has put its own there, see
    /// [`super::VmStore::wrap_host_funcs`].
    pub own_shim: HostShim,
}

// The trampoline takes a `VmFunc` pointer for a `VmHostFunc` pointer.
static_assertions::const_assert_eq!(memoffset::offset_of!(VmHostFunc, func), 0);
