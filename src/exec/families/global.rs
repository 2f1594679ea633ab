//! Globals.

use crate::exec::abi::{Regs, Step};
use crate::exec::next;
use crate::exec::operand::{Dest, Source, Value};
use crate::isa::op::{GlobalGet, GlobalSet};

// Both kinds of instructions have the global at one place.
const _: () = assert!(GlobalGet::AT.byte() == GlobalSet::AT.byte());

/// The slot at the context offset in the instruction.
///
/// # Safety
/// The handler contract, for an instruction that names a global.
#[inline(always)]
pub(super) unsafe fn at(r: &Regs) -> *mut u64 {
    // SAFETY: contract 3: the offset comes from the context's own layout.
    unsafe { r.ctx().cast::<u8>().add(r.get(GlobalGet::AT) as usize).cast() }
}

/// `d := global`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn get<D: Dest<T>, T: Value>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let v = T::from_bits(at(r).read());
        D::write(r, GlobalGet::DST, v);
    }
    next(r, GlobalGet::BODY)
}

/// `global := x`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn set<X: Source<T>, T: Value>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let v = X::read(r, GlobalSet::VALUE);
        at(r).write(v.to_bits());
    }
    next(r, GlobalSet::BODY)
}

/// `d := imported global`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn get_indirect(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the pointer was set at instantiation.
    unsafe {
        let p = at(r).cast::<*const u64>().read();
        r.acc = p.read();
        r.slot(GlobalGet::DST).write(r.acc);
    }
    next(r, GlobalGet::BODY)
}

/// `imported global := x`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn set_indirect(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the pointer was set at instantiation.
    unsafe {
        let p = at(r).cast::<*mut u64>().read();
        p.write(r.slot(GlobalSet::VALUE).read());
    }
    next(r, GlobalSet::BODY)
}
