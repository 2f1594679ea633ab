//! What most bodies end with.

use super::abi::{Regs, Step};
use crate::isa;
use crate::trap::Trap;

/// Moves to the following instruction.
#[inline(always)]
pub fn next(r: &mut Regs, body: usize) -> Step {
    r.pc = r.pc.wrapping_add(isa::len(body));
    Step::Next
}

/// Moves to the instruction that is `distance` bytes away from the start of this one.
///
/// # Safety
/// Contract 1 of [`abi`].
#[inline(always)]
pub unsafe fn jump(r: &mut Regs, distance: i32) {
    // SAFETY: the caller's promise: both lie in the function's code.
    r.pc = unsafe { r.op.offset(distance as isize) };
}

/// Leaves for the cold path that reports a trap at this instruction.
#[inline(always)]
pub fn trap(r: &mut Regs, t: Trap) -> Step {
    trap_code(r, t as u64)
}

/// The same, by code.
#[inline(always)]
pub fn trap_code(r: &mut Regs, code: u64) -> Step {
    let _ = r;
    Step::Raise(code)
}
