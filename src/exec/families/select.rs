//! Select.

use crate::exec::abi::{Regs, Step};
use crate::exec::next;
use crate::exec::operand::{Dest, Source};
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
{
    // SAFETY: the handler contract.
    unsafe {
        let (x, y) = (X::read(r, Select::LHS), Y::read(r, Select::RHS));
        let c = C::read(r, Select::COND);
        // Between two slots LLVM selects the number, then loads. With a value that is there already it would
        // branch around the load, which selections are meant to avoid.
        let chosen = if X::KEPT || Y::KEPT {
            core::hint::select_unpredictable(c != 0, x, y)
        } else if c != 0 {
            x
        } else {
            y
        };
        D::write(r, Select::DST, chosen);
    }
    next(r, Select::BODY)
}
