//! Copies and constants.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::{opaque, opaque_ptr};
use crate::exec::next;
use crate::exec::operand::{Dest, Source, Value};
use crate::isa::op::{Const, Mov, Mov2, MovFar, MovSpan};

/// `d := x`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn mov<D: Dest<T>, X: Source<T>, T>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let x = X::read(r, Mov::SRC);
        D::write(r, Mov::DST, x);
    }
    next(r, Mov::BODY)
}

/// `d := 64-bit immediate`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn const64<D: Dest<T>, T: Value>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let x = T::from_bits(r.get(Const::VALUE));
        D::write(r, Const::DST, x);
    }
    next(r, Const::BODY)
}

/// Two slot copies, in order.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn mov2(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let x = r.slot(Mov2::SRC).read();
        r.slot(Mov2::DST).write(x);
        let y = r.slot(Mov2::SRC2).read();
        r.slot(Mov2::DST2).write(y);
    }
    next(r, Mov2::BODY)
}

/// What one slot is copied through: a vector register where integer registers are scarce.
#[cfg(target_arch = "x86_64")]
type Word = f64;
#[cfg(not(target_arch = "x86_64"))]
type Word = u64;

/// Copies slots, the lowest first. Not `ptr::copy`: a call to memmove would not be the handler's
/// last, and neither may the loop become one (so it is volatile) or be unrolled (so the count is
/// opaque): that takes more registers than there are.
///
/// # Safety
/// Both runs are of whole slots that can be accessed.
#[inline(always)]
pub(super) unsafe fn copy_up(dst: *mut u64, src: *const u64, count: u16) {
    let mut dst = opaque_ptr(dst.cast::<Word>());
    let mut src = opaque_ptr(src.cast_mut().cast::<Word>());
    let mut left = u64::from(count);
    while left > 0 {
        // SAFETY: the caller's promise.
        unsafe {
            dst.write_volatile(src.read_volatile());
            // Only one of them, or LLVM counts both by an index in a register of its own.
            (dst, src) = (dst.add(1), opaque_ptr(src.add(1)));
        }
        left = opaque(left - 1);
    }
}

/// Copies slots, the highest first; see [`copy_up`].
///
/// # Safety
/// As for [`copy_up`].
#[inline(always)]
unsafe fn copy_down(dst: *mut u64, src: *const u64, count: u16) {
    let (dst, src, mut left) = (dst.cast::<Word>(), src.cast::<Word>(), u64::from(count));
    while left > 0 {
        left = opaque(left - 1);
        // SAFETY: the caller's promise.
        unsafe { dst.add(left as usize).write_volatile(src.add(left as usize).read_volatile()) };
    }
}

/// Copies a run of slots; the runs may overlap.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn mov_span(r: &mut Regs) -> Step {
    // SAFETY: the handler contract: both runs are inside the frame.
    unsafe {
        let (dst, src) = (opaque_ptr(r.slot(MovSpan::DST)), opaque_ptr(r.slot(MovSpan::SRC)));
        let count = r.get(MovSpan::COUNT);
        if dst.cast_const() <= src.cast_const() {
            copy_up(dst, src, count);
        } else {
            copy_down(dst, src, count);
        }
    }
    next(r, MovSpan::BODY)
}

/// Copies a run of slots of which at least one is far; overlapping runs only move down.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn mov_far(r: &mut Regs) -> Step {
    // SAFETY: the handler contract: both runs are inside the frame, or its part behind `fp`.
    unsafe {
        let dst = opaque_ptr(r.far(MovFar::DST));
        let src = opaque_ptr(r.far(MovFar::SRC));
        copy_up(dst, src, r.get(MovFar::COUNT));
    }
    next(r, MovFar::BODY)
}
