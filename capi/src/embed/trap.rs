//! Traps and frames: what `wasm.h` does not say of them.

use threadle::{Error, Trap};

use crate::frame::wasm_frame_t;
use crate::guard::{c_functions, given};
use crate::reference::wasm_ref_t;
use crate::trap::trap_code;
use crate::vec::{CVec, slice};

/// wasmtime's numbers of the traps that both engines know, in the order of those numbers; ours begin
/// where they leave off. (What wasmtime lacks comes behind all that it may yet add.)
const CODES: [(u8, Trap); 20] = [
    (0, Trap::StackOverflow),
    (1, Trap::MemoryOutOfBounds),
    (2, Trap::HeapMisaligned),
    (3, Trap::TableOutOfBounds),
    (4, Trap::IndirectCallToNull),
    (5, Trap::BadSignature),
    (6, Trap::IntegerOverflow),
    (7, Trap::IntegerDivisionByZero),
    (8, Trap::BadConversionToInteger),
    (9, Trap::UnreachableCodeReached),
    (10, Trap::Interrupt),
    (11, Trap::OutOfFuel),
    (12, Trap::AtomicWaitNonSharedMemory),
    (13, Trap::NullReference),
    (14, Trap::ArrayOutOfBounds),
    (15, Trap::AllocationTooLarge),
    (16, Trap::CastFailure),
    (200, Trap::TooManyActivations),
    (201, Trap::OutOfHeap),
    (202, Trap::FunctionTooLarge),
];

/// The number of a trap; `None` for one that C does not know.
fn code(trap: Trap) -> Option<u8> {
    CODES.iter().find(|(_, known)| *known == trap).map(|(code, _)| *code)
}

c_functions! {
    fn threadle_trap_new(message: *const u8, size: usize) -> Option<Box<wasm_ref_t>> {
        // SAFETY: C passes the address of `size` bytes, or null.
        let message = String::from_utf8_lossy(unsafe { slice(message, size) }).into_owned();
        Ok(Some(wasm_ref_t::trap(None, Error::msg(message))))
    }

    fn threadle_trap_new_code(code: u8) -> Option<Box<wasm_ref_t>> {
        let trap = given(CODES.iter().find(|(known, _)| *known == code), "trap of this code")?.1;
        Ok(Some(wasm_ref_t::trap(None, trap.into())))
    }

    fn threadle_trap_code(
        trap: Option<&wasm_ref_t>,
        out: Option<&mut core::mem::MaybeUninit<u8>>,
    ) -> bool {
        let trap = trap_code(&given(trap, "trap")?.as_trap()?.error);
        let Some(code) = trap.and_then(code) else { return Ok(false) };
        given(out, "code")?.write(code);
        Ok(true)
    }

    fn threadle_frame_func_name(frame: Option<&wasm_frame_t>) -> Option<&CVec<u8>> {
        Ok(given(frame, "frame")?.func_name())
    }

    fn threadle_frame_module_name(frame: Option<&wasm_frame_t>) -> Option<&CVec<u8>> {
        Ok(given(frame, "frame")?.module_name())
    }
}
