//! The trampoline: the one place where code leaves the dispatch chain for native code and comes
//! back. docs/host-calls.md has the picture.

use crate::exec::abi::{Pc, Regs, Step, float, status};
use crate::exec::operand::{field, slot};
use crate::exec::{runtime, trap_code};
use crate::isa;
use crate::vm::frame::{CALLER_FP, RET_PC, SAVED_F0, SAVED_L0};
use crate::vm::{HostOutcome, Slot, VmCtx, VmHostFunc};

/// Makes the frame at `fp` the one that native code re-enters above and that stack walks start
/// at.
#[inline(always)]
unsafe fn publish(ctx: *mut VmCtx, fp: *mut Slot, pc: Pc) {
    // SAFETY: contract 3.
    unsafe {
        let store = (*ctx).store;
        (*store).exit_fp = fp;
        (*store).exit_ctx = ctx;
        (*store).exit_pc = pc;
    }
}

/// Back in the chain: everything comes from memory, because native code may have changed it or
/// clobbered its register. Only `ctx` lived across the call.
#[inline(always)]
unsafe fn resume(r: &mut Regs) {
    // SAFETY: the frame that `publish` named is intact: native code only uses what lies above.
    unsafe {
        let ctx = r.ctx;
        let fp = (*(*ctx).store).exit_fp;
        r.pc = fp.offset(RET_PC).read() as Pc;
        r.l0 = fp.offset(SAVED_L0).read();
        r.f0 = float::set_f64(r.f0, fp.offset(SAVED_F0).cast::<f64>().read());
        r.fp = fp.offset(CALLER_FP).read() as *mut Slot;
        r.mem = (*(*ctx).mem0).base;
    }
}

/// The registers right behind a native call: only the context lived across it. `value` is the
/// first result, for whichever accumulator it is of.
#[inline(always)]
fn after(ctx: *mut VmCtx, value: u64) -> Regs {
    Regs {
        pc: core::ptr::null(),
        fp: core::ptr::null_mut(),
        mem: core::ptr::null_mut(),
        acc: value,
        l0: 0,
        ctx,
        fa: float::from_bits(value),
        f0: float::zero(),
    }
}

/// Calls the host function whose frame this is, then returns from it.
///
/// # Safety
/// The handler contract; the accumulator holds the `VmHostFunc`.
#[inline(always)]
pub unsafe fn call_indirect_host(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the function value was made together with this stub.
    unsafe {
        let host = r.acc as *const VmHostFunc;
        let ctx = r.ctx;
        publish(ctx, r.fp, r.pc);
        let slots = r.fp.sub(field::<u32>(r.pc, 4) as usize);
        let returned = ((*host).shim)(ctx, host, slots);
        *r = after(ctx, returned.value);
        if returned.outcome != HostOutcome::Return as u64 {
            r.acc = returned.outcome;
            return Step::To(crate::exec::handlers::host_failed);
        }
        resume(r);
    }
    Step::Next
}

/// Native code did not return normally: its failure or suspension is in the store.
///
/// # Safety
/// The handler contract, except that only `ctx` and the accumulator are set.
#[inline(always)]
pub unsafe fn host_failed(r: &mut Regs) -> Step {
    Step::Exit(if r.acc == HostOutcome::Suspend as u64 { status::SUSPEND } else { status::FAIL })
}

/// Calls a runtime function on behalf of this instruction.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn call_runtime(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the loader put the function's address into the stream.
    unsafe {
        let ctx = r.ctx;
        let fp = slot(r, 0);
        super::call::push(r, fp, r.pc.add(isa::len(24)));
        publish(ctx, fp, r.pc);
        let f: runtime::RuntimeFn = field(r.pc, 16);
        let args = slot(r, 2);
        let (x, y, z) = (field::<u32>(r.pc, 4), field::<u32>(r.pc, 8), field::<u32>(r.pc, 12));
        let outcome = f(ctx, args, x, y, z);
        *r = after(ctx, 0);
        if outcome != 0 {
            r.acc = u64::from(outcome);
            return Step::To(crate::exec::handlers::runtime_failed);
        }
        resume(r);
    }
    Step::Next
}

/// The rest of `struct_new` when the window of free cells is used up: the heap finds others, or
/// collects. Published like a runtime call, with the fields as its arguments.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn struct_new_slow(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let ctx = r.ctx;
        let fp = slot(r, 0);
        super::call::push(r, fp, r.pc.add(isa::len(16)));
        publish(ctx, fp, r.pc);
        // Without slots to copy it is made of zeros, if it has fields at all.
        let (word, slots) = (field::<u32>(r.pc, 8), field::<u16>(r.pc, 6));
        let outcome = runtime::struct_new(ctx, slot(r, 2), word, u32::from(slots == 0), 0);
        *r = after(ctx, 0);
        if outcome != 0 {
            r.acc = u64::from(outcome);
            return Step::To(crate::exec::handlers::runtime_failed);
        }
        resume(r);
        let at = (*(*ctx).store).exit_pc;
        r.acc = r.fp.offset(field::<i16>(at, 2) as isize).read();
    }
    Step::Next
}

/// A runtime function failed with a trap code, or with the store's pending failure.
///
/// # Safety
/// The handler contract, except that only `ctx` and the accumulator are set.
#[inline(always)]
pub unsafe fn runtime_failed(r: &mut Regs) -> Step {
    if r.acc == u64::from(runtime::PENDING) {
        return Step::Exit(status::FAIL);
    }
    // SAFETY: the frame that `publish` named is intact.
    unsafe {
        let store = (*r.ctx).store;
        r.pc = (*store).exit_pc;
        r.fp = (*store).exit_fp.offset(CALLER_FP).read() as *mut Slot;
    }
    let code = r.acc;
    trap_code(r, code)
}

/// Translates the function whose entry this stub lies in, then runs it.
///
/// # Safety
/// The handler contract; `pc` is the stub of a `CodeEntry` of the current instance's module, and
/// `fp` the callee's frame.
#[inline(always)]
pub unsafe fn lazy_compile(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let ctx = r.ctx;
        publish(ctx, r.fp, r.pc);
        let entry = runtime::lazy_compile(ctx, r.pc);
        *r = after(ctx, 0);
        r.pc = entry;
        if entry.is_null() {
            r.acc = HostOutcome::Fail as u64;
            return Step::To(crate::exec::handlers::host_failed);
        }
        // At a function's entry the pinned registers are its caller's, as in its header.
        r.fp = (*(*ctx).store).exit_fp;
        r.l0 = r.fp.offset(SAVED_L0).read();
        r.f0 = float::set_f64(r.f0, r.fp.offset(SAVED_F0).cast::<f64>().read());
        r.mem = (*(*ctx).mem0).base;
    }
    Step::Next
}
