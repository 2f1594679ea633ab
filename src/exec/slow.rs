//! Cold paths: reached by a tail call, so that the hot handlers stay free of calls.

use super::abi::{Regs, Step};
use crate::trap::Trap;
use crate::vm::{Exit, VmCtx};
use crate::wasm::TypeLookup;

/// Records the trap whose code is in the accumulator at the instruction `pc`.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn raise(r: &mut Regs) -> Step {
    // SAFETY: contract 3.
    unsafe {
        let store = (*r.ctx()).store;
        (*store).trap = r.acc as u32;
        (*store).exit_pc = r.pc;
        (*store).exit_fp = r.fp;
        (*store).exit_ctx = r.ctx();
    }
    Step::Exit(Exit::Failed as u64)
}

/// A guarded access faulted: the signal handler sent the thread here with the registers of the
/// faulting handler.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn raise_memory_fault(r: &mut Regs) -> Step {
    r.acc = Trap::MemoryOutOfBounds as u64;
    // SAFETY: the caller's promise.
    unsafe { raise(r) }
}

/// An atomic access was not aligned.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn raise_misaligned(r: &mut Regs) -> Step {
    r.acc = Trap::HeapMisaligned as u64;
    // SAFETY: the caller's promise.
    unsafe { raise(r) }
}

/// Whether canonical type `a` is a subtype of `b`.
///
/// # Safety
/// Contract 3; the store uses the types.
#[inline(never)]
pub unsafe fn is_subtype(ctx: *mut VmCtx, a: u32, b: u32) -> bool {
    // SAFETY: the caller's promise.
    unsafe { VmCtx::store_mut(ctx) }.types().is_subtype(a.into(), b.into())
}
