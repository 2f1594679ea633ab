//! Globals.

use crate::exec::abi::{Regs, Step};
use crate::exec::next;
use crate::exec::operand::{Dest, Source, Value, field, slot};

/// The slot `offset` bytes into the context.
#[inline(always)]
unsafe fn at(r: &Regs) -> *mut u64 {
    // SAFETY: contract 3: the offset comes from the context's own layout.
    unsafe { r.ctx().cast::<u8>().add(field::<u32>(r.pc, 4) as usize).cast() }
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
        D::write(r, 0, v);
    }
    next(r, 8)
}

/// `global := x`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn set<X: Source<T>, T: Value>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let v = X::read(r, 2);
        at(r).write(v.to_bits());
    }
    next(r, 8)
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
        slot(r, 0).write(r.acc);
    }
    next(r, 8)
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
        p.write(slot(r, 2).read());
    }
    next(r, 8)
}
