//! Wide arithmetic: integers of 128 bits in two slots, the low half first.

use crate::exec::abi::{Regs, Step};
use crate::exec::next;
use crate::isa::op::{Wide, WideMul};
use crate::isa::operand::Place;

/// Writes both halves; the accumulator gets the high one, which is on top of the operand stack.
#[inline(always)]
unsafe fn write(r: &mut Regs, dst: Place, (low, high): (u64, u64)) {
    // SAFETY: contract 2.
    unsafe {
        let dst = r.slot(dst);
        dst.write(low);
        dst.add(1).write(high);
    }
    r.acc = high;
}

/// `d := f(x, y)` of 128-bit operands.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn wide4(f: impl Fn(u64, u64, u64, u64) -> (u64, u64)) -> impl Fn(&mut Regs) -> Step {
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let (x_low, x_high) = (r.slot(Wide::LHS_LOW).read(), r.slot(Wide::LHS_HIGH).read());
            let (y_low, y_high) = (r.slot(Wide::RHS_LOW).read(), r.slot(Wide::RHS_HIGH).read());
            write(r, Wide::DST, f(x_low, x_high, y_low, y_high));
        }
        next(r, Wide::BODY)
    }
}

/// `d := f(x, y)` of 64-bit operands.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn wide2(f: impl Fn(u64, u64) -> (u64, u64)) -> impl Fn(&mut Regs) -> Step {
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let (x, y) = (r.slot(WideMul::LHS).read(), r.slot(WideMul::RHS).read());
            write(r, WideMul::DST, f(x, y));
        }
        next(r, WideMul::BODY)
    }
}
