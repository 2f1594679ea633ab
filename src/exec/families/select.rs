//! Select.

use crate::exec::abi::{Regs, Step};
use crate::exec::next;
use crate::exec::operand::{Dest, Source};

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
        let (x, y) = (X::read(r, 2), Y::read(r, 4));
        let c = C::read(r, 6);
        D::write(r, 0, if c != 0 { x } else { y });
    }
    next(r, 8)
}
