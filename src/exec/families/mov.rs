//! Copies and constants.

use crate::exec::abi::{Regs, Step};
use crate::exec::next;
use crate::exec::operand::{Dest, I, Source, Value, field, slot};

/// Where a move's source field is: immediates are wide.
pub trait MovSource {
    const AT: usize;
}
impl MovSource for crate::exec::operand::A {
    const AT: usize = 2;
}
impl MovSource for crate::exec::operand::S {
    const AT: usize = 2;
}
impl MovSource for crate::exec::operand::L {
    const AT: usize = 2;
}
impl MovSource for I {
    const AT: usize = 4;
}

/// `d := x`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn mov<D: Dest<T>, X: Source<T> + MovSource, T>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let x = X::read(r, X::AT);
        D::write(r, 0, x);
    }
    next(r, 8)
}

/// `d := 64-bit immediate`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn const64<D: Dest<T>, T: Value>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let x = T::from_bits(field::<u64>(r.pc, 8));
        D::write(r, 0, x);
    }
    next(r, 16)
}

/// Two slot copies, in order.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn mov2(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let x = slot(r, 2).read();
        slot(r, 0).write(x);
        let y = slot(r, 6).read();
        slot(r, 4).write(y);
    }
    next(r, 8)
}

/// Copies a run of slots; the runs may overlap.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn mov_span(r: &mut Regs) -> Step {
    // SAFETY: the handler contract: both runs are inside the frame.
    unsafe {
        let (dst, src) = (slot(r, 0), slot(r, 2));
        let count = field::<u16>(r.pc, 4) as usize;
        // Not `ptr::copy`: a call to memmove would not be the handler's last.
        if dst.cast_const() <= src.cast_const() {
            let mut i = 0;
            while i < count {
                dst.add(i).write_volatile(src.add(i).read());
                i += 1;
            }
        } else {
            let mut i = count;
            while i > 0 {
                i -= 1;
                dst.add(i).write_volatile(src.add(i).read());
            }
        }
    }
    next(r, 8)
}
