//! Tests of references.

use crate::exec::abi::{Regs, Step};
use crate::exec::operand::Source;
use crate::exec::{next, trap};
use crate::isa::op::TrapIfNull;
use crate::trap::Trap;

/// `ref.as_non_null`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn trap_if_null<X: Source<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    if unsafe { X::read(r, TrapIfNull::OBJECT) } == 0 {
        return trap(r, Trap::NullReference);
    }
    next(r, TrapIfNull::BODY)
}
