//! Guard pages: faults of handlers become traps.

use std::sync::OnceLock;

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

/// Addresses of all handlers, ascending. Set before the first fault can happen.
static HANDLERS: OnceLock<Box<[usize]>> = OnceLock::new();

static TABLE: SignalTable = SignalTable { landing };

/// Has faults of handlers inside memories' reservations lead to
/// [`crate::trap::Trap::MemoryOutOfBounds`], in the whole process. Idempotent.
pub fn install() {
    HANDLERS.get_or_init(|| {
        let mut addresses: Box<[usize]> =
            (0..OP_COUNT).map(|op| handlers::handler(op) as *const () as usize).collect();
        addresses.sort_unstable();
        addresses
    });
    // SAFETY: the continuation takes the registers of handlers, which is where a fault comes from that
    // `landing` has an answer to.
    unsafe { signals::install(&TABLE) };
}

/// Where a handler that faulted at `pc` goes on: in a cold continuation of the same signature, so
/// that the interpreter's registers are found where they are. Async-signal-safe.
fn landing(pc: usize) -> Option<usize> {
    let handlers = HANDLERS.get()?;
    let start = handlers[..handlers.partition_point(|&start| start <= pc)].last()?;
    let continuation = handlers::raise_memory_fault as *const () as usize;
    (pc - start < WINDOW).then_some(continuation)
}
