//! Wide arithmetic: integers of 128 bits in two slots, the low half first.

use crate::exec::abi::{Regs, Step};
use crate::exec::next;
use crate::exec::operand::slot;

/// Writes both halves; the accumulator gets the high one, which is on top of the operand stack.
#[inline(always)]
unsafe fn write(r: &mut Regs, (low, high): (u64, u64)) {
    // SAFETY: contract 2.
    unsafe {
        let dst = slot(r, 0);
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
            let (x_low, x_high) = (slot(r, 2).read(), slot(r, 4).read());
            let (y_low, y_high) = (slot(r, 6).read(), slot(r, 8).read());
            write(r, f(x_low, x_high, y_low, y_high));
        }
        next(r, 10)
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
            let (x, y) = (slot(r, 2).read(), slot(r, 4).read());
            write(r, f(x, y));
        }
        next(r, 8)
    }
}
