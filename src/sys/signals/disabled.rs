//! The twin of `unix.rs` for targets on which faults do not become traps.

use core::ops::Range;

/// See the twin.
pub const SUPPORTED: bool = false;

/// See the twin.
#[derive(Debug)]
pub struct SignalTable {
    /// See the twin.
    #[cfg_attr(
        not(feature = "internals"),
        allow(dead_code, reason = "there is nobody to read it")
    )]
    pub landing: fn(pc: usize) -> Option<usize>,
}

/// Does nothing.
///
/// # Safety
///
/// See the twin.
pub unsafe fn install(_table: &'static SignalTable) {}

/// Does nothing.
pub fn prepare_thread() {}

/// Protects nothing.
#[derive(Debug)]
pub struct GuardedRegion;

impl GuardedRegion {
    /// Protects nothing.
    pub fn register(_range: Range<usize>) -> GuardedRegion {
        GuardedRegion
    }
}
