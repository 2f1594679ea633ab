//! What the executing layer declares about its code, and what follows from it for a fault.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::Once;

use super::regions;

/// What the executing layer declares about its code. Whoever declares something else can lead a fault
/// anywhere, so that this is not for safe code:
///
/// ```compile_fail
/// use threadle::sys::signals::{SignalTable, install};
/// static TABLE: SignalTable = SignalTable { landing: |_| Some(0x4141_4141) };
/// install(&TABLE);
/// ```
#[derive(Debug)]
pub struct SignalTable {
    /// The address at which execution goes on after a fault at `pc`, if `pc` lies in guarded code.
    /// Called from the signal handler: must be async-signal-safe.
    pub landing: fn(pc: usize) -> Option<usize>,
}

static TABLE: AtomicPtr<SignalTable> = AtomicPtr::new(ptr::null_mut());

/// Declares a table, in the place of an earlier one, and installs the handler of faults if there was none.
///
/// # Safety
///
/// As for `install`.
pub(super) unsafe fn declare(table: &'static SignalTable, install: impl FnOnce()) {
    static INSTALLED: Once = Once::new();
    TABLE.store(ptr::from_ref(table).cast_mut(), Ordering::Release);
    INSTALLED.call_once(install);
}

/// Where execution goes on after an access to `address` by the code at `pc` has faulted, if that is a trap.
/// Async-signal-safe.
pub(super) fn landing(address: usize, pc: usize) -> Option<usize> {
    // SAFETY: null, or what [`declare`] got, which stays.
    let table = unsafe { TABLE.load(Ordering::Acquire).as_ref() }?;
    if regions::contains(address) { (table.landing)(pc) } else { None }
}
