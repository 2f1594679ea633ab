//! Conditional branches.

use crate::exec::abi::{Regs, Step};
use crate::exec::operand::{Rhs, Source, field};
use crate::exec::{jump, next};

/// Goes to the target at field 4 if `taken`, else on behind the `body` operand bytes.
#[inline(always)]
fn branch(r: &mut Regs, taken: bool, body: usize) -> Step {
    // SAFETY: contract 1: the field is there and the distance leads to an instruction.
    unsafe {
        if taken {
            jump(r, field::<i32>(r.pc, 4));
            Step::Taken
        } else {
            next(r, body)
        }
    }
}

/// Branch if `x != 0`.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn br_nez<X: Source<T>, T: Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    let x: u64 = unsafe { X::read(r, 0) }.into();
    branch(r, x != 0, 8)
}

/// Branch if `x == 0`.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn br_eqz<X: Source<T>, T: Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    let x: u64 = unsafe { X::read(r, 0) }.into();
    branch(r, x == 0, 8)
}

/// Branch if `f(x, y)`.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn br_compare<X, Y, T>(f: impl Fn(T, T) -> bool) -> impl Fn(&mut Regs) -> Step
where
    X: Source<T>,
    Y: Source<T> + Rhs,
{
    move |r| {
        // SAFETY: the handler contract.
        let (x, y) = unsafe { (X::read(r, 0), Y::read(r, 2)) };
        branch(r, f(x, y), Y::BODY)
    }
}
