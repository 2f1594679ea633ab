//! Atomic accesses: of any memory, compared with its length, trapping where not aligned. Narrow
//! accesses extend with zeros, so one handler serves both integer types.

use super::memory::inside;
use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::{opaque, opaque_ptr};
use crate::exec::operand::{Value, field, slot};
use crate::exec::{handlers, next, trap};
use crate::sys::racy::{AtomicInt, Rmw};
use crate::trap::Trap;

/// The address of the access whose index is in slot field `at`, or the way to the trap.
#[inline(always)]
unsafe fn address<N: AtomicInt, T: Value + Into<u64>>(
    r: &mut Regs,
    at: usize,
) -> Result<*mut u8, Step> {
    // SAFETY: the handler contract; the sum is compared before it is used.
    unsafe {
        let index: u64 = T::from_bits(slot(r, at).read()).into();
        let start = opaque(index.wrapping_add(field::<u64>(r.pc, 8)));
        let width = size_of::<N>() as u64;
        // Alignment comes first; the low bits are right even where the sum has more than 64.
        if start & (width - 1) != 0 {
            // Not `trap`: with two codes to choose from there would be a register too few.
            return Err(Step::To(handlers::raise_misaligned));
        }
        if start < field::<u64>(r.pc, 8) {
            return Err(trap(r, Trap::MemoryOutOfBounds));
        }
        match inside(r, start, width) {
            Some(base) => Ok(opaque_ptr(base.add(start as usize))),
            None => Err(trap(r, Trap::MemoryOutOfBounds)),
        }
    }
}

/// `S[dst], acc := atomic load(memory, S[addr] + offset)`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn load<N: AtomicInt, T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; `address` checked bounds and alignment.
    unsafe {
        let p = match address::<N, T>(r, 2) {
            Ok(p) => p,
            Err(way) => return way,
        };
        r.acc = N::atomic_load(p).into();
        slot(r, 0).write(r.acc);
    }
    next(r, 16)
}

/// `atomic store(memory, S[addr] + offset) := S[value]`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn store<N: AtomicInt, T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: as above.
    unsafe {
        let p = match address::<N, T>(r, 0) {
            Ok(p) => p,
            Err(way) => return way,
        };
        N::atomic_store(p, N::wrap(slot(r, 2).read()));
    }
    next(r, 16)
}

/// `S[dst], acc := atomic rmw(memory, S[addr] + offset, S[value])`; `OP` is a number of [`Rmw`].
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn rmw<N: AtomicInt, T: Value + Into<u64>, const OP: u8>(r: &mut Regs) -> Step {
    const { assert!(OP <= Rmw::Xchg as u8) };
    let op = match OP {
        0 => Rmw::Add,
        1 => Rmw::Sub,
        2 => Rmw::And,
        3 => Rmw::Or,
        4 => Rmw::Xor,
        _ => Rmw::Xchg,
    };
    // SAFETY: as above.
    unsafe {
        let p = match address::<N, T>(r, 2) {
            Ok(p) => p,
            Err(way) => return way,
        };
        r.acc = N::atomic_rmw(op, p, N::wrap(slot(r, 16).read())).into();
        slot(r, 0).write(r.acc);
    }
    next(r, 24)
}

/// `S[dst], acc := atomic exchange(memory, S[addr] + offset, S[expected], S[new])`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn cmpxchg<N: AtomicInt, T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: as above.
    unsafe {
        let p = match address::<N, T>(r, 2) {
            Ok(p) => p,
            Err(way) => return way,
        };
        let (expected, new) = (slot(r, 16).read(), slot(r, 18).read());
        r.acc = N::atomic_cmpxchg(p, N::wrap(expected), N::wrap(new)).into();
        slot(r, 0).write(r.acc);
    }
    next(r, 24)
}

/// `atomic.fence`: orders this thread's accesses.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn fence(r: &mut Regs) -> Step {
    crate::sys::racy::fence();
    next(r, 0)
}
