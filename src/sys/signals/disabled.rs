//! The twin of `unix.rs` for targets on which faults do not become traps.

use core::ops::Range;

/// See the twin.
pub const SUPPORTED: bool = false;

/// See the twin.
#[derive(Debug)]
pub struct SignalTable {
    /// See the twin.
    pub landing: fn(pc: usize) -> Option<usize>,
}

/// Does nothing.
pub fn install(_table: &'static SignalTable) {}

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
