//! Atomic accesses: of any memory, compared with its length, trapping where not aligned. Narrow
//! accesses extend with zeros, so one handler serves both integer types.

use super::memory::inside;
use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::{opaque, opaque_ptr};
use crate::exec::operand::Value;
use crate::exec::{handlers, next, trap};
use crate::isa::op::{Cmpxchg, Empty, LoadGeneral, Rmw, StoreGeneral};
use crate::isa::operand::Place;
use crate::sys::racy::{self, AtomicInt};
use crate::trap::Trap;

/// The address of the access whose index is in the slot that `addr` names, or the way to the trap.
#[inline(always)]
unsafe fn address<N: AtomicInt, T: Value + Into<u64>>(
    r: &mut Regs,
    addr: Place,
) -> Result<*mut u8, Step> {
    // SAFETY: the handler contract; the sum is compared before it is used.
    unsafe {
        let index: u64 = T::from_bits(r.slot(addr).read()).into();
        let start = opaque(index.wrapping_add(r.get(LoadGeneral::OFFSET)));
        let width = size_of::<N>() as u64;
        // Alignment comes first; the low bits are right even where the sum has more than 64.
        if start & (width - 1) != 0 {
            // Not `trap`: with two codes to choose from there would be a register too few.
            return Err(Step::To(handlers::raise_misaligned));
        }
        if start < r.get(LoadGeneral::OFFSET) {
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
        let p = match address::<N, T>(r, LoadGeneral::ADDR) {
            Ok(p) => p,
            Err(way) => return way,
        };
        r.acc = N::atomic_load(p).into();
        r.slot(LoadGeneral::DST).write(r.acc);
    }
    next(r, LoadGeneral::BODY)
}

/// `atomic store(memory, S[addr] + offset) := S[value]`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn store<N: AtomicInt, T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: as above.
    unsafe {
        let p = match address::<N, T>(r, StoreGeneral::ADDR) {
            Ok(p) => p,
            Err(way) => return way,
        };
        N::atomic_store(p, N::wrap(r.slot(StoreGeneral::VALUE).read()));
    }
    next(r, StoreGeneral::BODY)
}

/// `S[dst], acc := atomic rmw(memory, S[addr] + offset, S[value])`; `OP` is a number of [`racy::Rmw`].
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn rmw<N: AtomicInt, T: Value + Into<u64>, const OP: u8>(r: &mut Regs) -> Step {
    const { assert!(OP <= racy::Rmw::Xchg as u8) };
    let op = match OP {
        0 => racy::Rmw::Add,
        1 => racy::Rmw::Sub,
        2 => racy::Rmw::And,
        3 => racy::Rmw::Or,
        4 => racy::Rmw::Xor,
        _ => racy::Rmw::Xchg,
    };
    // SAFETY: as above.
    unsafe {
        let p = match address::<N, T>(r, Rmw::ADDR) {
            Ok(p) => p,
            Err(way) => return way,
        };
        r.acc = N::atomic_rmw(op, p, N::wrap(r.slot(Rmw::VALUE).read())).into();
        r.slot(Rmw::DST).write(r.acc);
    }
    next(r, Rmw::BODY)
}

/// `S[dst], acc := atomic exchange(memory, S[addr] + offset, S[expected], S[new])`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn cmpxchg<N: AtomicInt, T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: as above.
    unsafe {
        let p = match address::<N, T>(r, Cmpxchg::ADDR) {
            Ok(p) => p,
            Err(way) => return way,
        };
        let (expected, new) = (r.slot(Cmpxchg::EXPECTED).read(), r.slot(Cmpxchg::NEW).read());
        r.acc = N::atomic_cmpxchg(p, N::wrap(expected), N::wrap(new)).into();
        r.slot(Cmpxchg::DST).write(r.acc);
    }
    next(r, Cmpxchg::BODY)
}

/// `atomic.fence`: orders this thread's accesses.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn fence(r: &mut Regs) -> Step {
    racy::fence();
    next(r, Empty::BODY)
}
