//! Atomic accesses: of any memory, compared with its length, trapping where not aligned. Narrow
//! accesses extend with zeros, so one handler serves both integer types.

use super::memory::object;
use crate::exec::abi::{Regs, Step};
use crate::exec::operand::{Value, field, slot};
use crate::exec::{next, trap};
use crate::sys::racy::{AtomicInt, Rmw};
use crate::trap::Trap;
use crate::vm::VmMemory;

/// The address of the access whose index is in slot field `at`, or why there is none.
#[inline(always)]
unsafe fn address<N: AtomicInt, T: Value + Into<u64>>(
    r: &Regs,
    at: usize,
) -> Result<*mut u8, Trap> {
    // SAFETY: the handler contract; the sum is compared before it is used.
    unsafe {
        let memory = object::<VmMemory>(r);
        let index: u64 = T::from_bits(slot(r, at).read()).into();
        let (start, overflow) = index.overflowing_add(field::<u64>(r.pc, 8));
        let width = size_of::<N>() as u64;
        if overflow {
            return Err(Trap::MemoryOutOfBounds);
        }
        if start & (width - 1) != 0 {
            return Err(Trap::HeapMisaligned);
        }
        // Not smaller than the width, and aligned: the end does not overflow.
        if start.wrapping_add(width - 1) >= (*memory).len() {
            return Err(Trap::MemoryOutOfBounds);
        }
        Ok((*memory).base.add(start as usize))
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
            Err(t) => return trap(r, t),
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
            Err(t) => return trap(r, t),
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
            Err(t) => return trap(r, t),
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
            Err(t) => return trap(r, t),
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
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
    next(r, 0)
}
