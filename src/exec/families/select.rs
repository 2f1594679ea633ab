//! Select.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::opaque;
use crate::exec::next;
use crate::exec::operand::{Dest, Source, Value};
use crate::isa::op::Select;

/// `d := if c { x } else { y }`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn select<D, X, Y, C, T>(r: &mut Regs) -> Step
where
    D: Dest<T>,
    X: Source<T>,
    Y: Source<T>,
    C: Source<u32>,
    T: Value,
{
    // SAFETY: the handler contract.
    unsafe {
        let (x, y) = (X::read(r, Select::LHS), Y::read(r, Select::RHS));
        let c = C::read(r, Select::COND);
        // Both values are read as integers, and one is taken by a conditional move. Left to itself, LLVM branches
        // around the read of one, which selections are meant to avoid, or selects the place, so that the load
        // waits for the condition.
        let y = opaque(y.to_bits());
        let chosen = T::from_bits(core::hint::select_unpredictable(c != 0, x.to_bits(), y));
        D::write(r, Select::DST, chosen);
    }
    next(r, Select::BODY)
}
