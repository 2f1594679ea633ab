//! Conditional branches.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::opaque_ptr;
use crate::exec::operand::{Rhs, Source};
use crate::exec::{jump, next};
use crate::isa::op::{BrCompare, BrIf, Fuel};
use crate::isa::operand::Field;

/// Goes to the target in field `to` if `taken`, else on behind the `body` operand bytes.
///
/// # Safety
/// The handler contract, for an instruction with such a field.
#[inline(always)]
unsafe fn branch(r: &mut Regs, taken: bool, to: Field<i32>, body: usize) -> Step {
    // SAFETY: contract 1: the distance leads to an instruction.
    unsafe {
        if taken {
            jump(r, r.get(to));
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
    unsafe {
        let x: u64 = X::read(r, BrIf::COND).into();
        branch(r, x != 0, BrIf::TO, BrIf::BODY)
    }
}

/// Branch if `x == 0`.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn br_eqz<X: Source<T>, T: Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let x: u64 = X::read(r, BrIf::COND).into();
        branch(r, x == 0, BrIf::TO, BrIf::BODY)
    }
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
        let body = const { if Y::WIDE { BrCompare::WIDE_BODY } else { BrCompare::BODY } };
        // SAFETY: the handler contract.
        unsafe {
            let (x, y) = (X::read(r, BrCompare::LHS), Y::read(r, BrCompare::RHS));
            branch(r, f(x, y), BrCompare::TO, body)
        }
    }
}

/// Where the fuel is that is left.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn fuel(r: &Regs) -> *mut i64 {
    // SAFETY: contract 3: both live as long as the store.
    unsafe { &raw mut (*(*r.ctx()).store).fuel }
}

/// Takes fuel for what follows, from `fuel`; branches to where it is given back if there was less.
///
/// # Safety
/// The handler contract, and what [`fuel`] gives.
#[inline(always)]
pub unsafe fn take_fuel(r: &mut Regs, fuel: *mut i64) -> Step {
    // SAFETY: contracts 1 and 3.
    unsafe {
        // In any case, which is one instruction.
        let left = fuel.read().wrapping_sub(i64::from(r.get(Fuel::X)));
        fuel.write(left);
        if left < 0 {
            jump(r, r.get(Fuel::TO));
            // Here, and not where other branches of the instruction end, which would keep which it was.
            r.pc = opaque_ptr(r.pc.cast_mut());
            return Step::Taken;
        }
        next(r, Fuel::BODY)
    }
}

/// `fuel := fuel - x`, and a branch if that is negative.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn consume_fuel(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe { take_fuel(r, fuel(r)) }
}
