//! Guard pages: faults of handlers become traps.

use super::handlers;
use crate::isa::OP_COUNT;
use crate::sys::signals::{self, SignalTable};

/// Can out-of-bounds accesses be caught as faults in this build? The `loop` backend keeps the
/// interpreter's registers in memory, where the landing would not find them.
pub const SUPPORTED: bool = crate::sys::GUARD_PAGES_SUPPORTED && !cfg!(dispatch = "loop");

/// Bytes from the start of a handler within which a fault is its own. Handlers that access memory
/// are much shorter; a fault elsewhere that hits both this window and a memory's reservation is
/// an error of native code.
const WINDOW: usize = 1024;

static TABLE: SignalTable = SignalTable { landing };

/// Has faults of handlers inside memories' reservations lead to
/// [`crate::trap::Trap::MemoryOutOfBounds`], in the whole process. Idempotent.
pub fn install() {
    // SAFETY: the continuation takes the registers of handlers, which is where a fault comes from that
    // `landing` has an answer to.
    unsafe { signals::install(&TABLE) };
}

/// Where a handler that faulted at `pc` goes on: in a cold continuation of the same signature, so
/// that the interpreter's registers are found where they are. Async-signal-safe.
///
/// All handlers are looked at: a fault ends a call, so that costs less over a process's life than to have them
/// in order of their addresses, which each process would pay for as it starts.
fn landing(pc: usize) -> Option<usize> {
    let start = |op| handlers::handler(op) as *const () as usize;
    let is_own = (0..OP_COUNT).any(|op| pc.wrapping_sub(start(op)) < WINDOW);
    is_own.then_some(handlers::raise_memory_fault as *const () as usize)
}
