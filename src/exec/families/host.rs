//! The trampoline: the one place where code leaves the dispatch chain for native code and comes
//! back. docs/host-calls.md has the picture.

use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;

use crate::exec::abi::{NOTHING_KEPT, Pc, Regs, Step, ctx_reg};
use crate::exec::barrier::{any, any_float, opaque, opaque_ptr};
use crate::exec::float;
use crate::exec::operand::Value;
use crate::exec::{checkpoint, function, handlers, next, runtime, trap_code, unwind};
use crate::isa;
use crate::isa::op::{
    CallImport, CallRuntime, HostStub, MemoryCopy, MemoryFill, MemoryGrow, StructNew,
};
use crate::vm::frame::{CALLER_FP, HEADER_SLOTS, MAX_SLOT, OWN_CTX, RET_PC, STACK_SLACK};
use crate::vm::{Exit, HostReturn, Outcome, Slot, VmCtx, VmHostFunc, VmMemory};
use crate::wasm::registry::MAX_PARAMS;

/// Makes the frame at `fp` the one that native code re-enters above and that stack walks start
/// at. Its header has been written; the instance and the pinned locals, which are those of some
/// caller, go there too, because the frame is all that is kept across the call. Without `FLOATS` it
/// is known already that nobody pins floats.
#[inline(always)]
unsafe fn publish<const FLOATS: bool>(r: &Regs, fp: *mut Slot) {
    // SAFETY: contract 3; the frame has room for a header.
    unsafe {
        let ctx = r.ctx();
        fp.offset(OWN_CTX).write(ctx as u64);
        let store = (*ctx).store;
        (*store).exit_fp = fp;
        super::call::save_ints(r, fp);
        if FLOATS && (*store).pins_floats != 0 {
            super::call::save_floats(r, fp);
        }
    }
}

/// The registers right behind a native call, which has clobbered all: `fp` is the frame of the
/// call, `value` the first result, for whichever accumulator it is of.
#[inline(always)]
unsafe fn after(fp: *mut Slot, value: u64) -> Regs {
    // SAFETY: the frame that `publish` named is intact: native code only uses what lies above.
    let ctx = unsafe { fp.offset(OWN_CTX).read() } as *mut VmCtx;
    Regs {
        pc: core::ptr::null(),
        op: core::ptr::null(),
        fp,
        mem: core::ptr::null_mut(),
        acc: value,
        l0: any(),
        l1: any(),
        fa: float::from_bits(value),
        f0: any_float(),
        f1: any_float(),
        f2: any_float(),
        ctx_reg: ctx_reg(ctx),
        kept: NOTHING_KEPT,
    }
}

/// What `publish` saved in the frame at `fp`, and memory 0, which native code may have moved.
#[inline(always)]
unsafe fn restore<const FLOATS: bool>(r: &mut Regs) {
    // SAFETY: as above.
    unsafe {
        let (ctx, fp) = (r.ctx(), r.fp);
        r.mem = (*(*ctx).mem0).base;
        super::call::restore_ints(r, fp);
        if FLOATS && (*(*ctx).store).pins_floats != 0 {
            super::call::restore_floats(r, fp);
        }
    }
}

/// Returns from the native call.
#[inline(always)]
unsafe fn resume<const FLOATS: bool>(r: &mut Regs) {
    // SAFETY: as above.
    unsafe {
        restore::<FLOATS>(r);
        r.pc = r.fp.offset(RET_PC).read() as Pc;
        r.fp = r.fp.offset(CALLER_FP).read() as *mut Slot;
    }
}

/// Calls a host function's shim.
#[cfg(not(all(windows, registers = "sysv64")))]
#[inline(always)]
unsafe fn call_shim(caller: *mut VmCtx, slots: *mut Slot, host: *const VmHostFunc) -> HostReturn {
    // SAFETY: the caller's promise: a host function and its arguments.
    unsafe { ((*host).shim)(caller, MaybeUninit::uninit(), slots, host) }
}

/// Calls a host function's shim. The C convention of Windows returns two words in memory of the caller's: in
/// that of a handler, whose last call would then be none that replaces it.
#[cfg(all(windows, registers = "sysv64"))]
#[inline(never)]
unsafe extern "sysv64" fn call_shim(
    caller: *mut VmCtx,
    slots: *mut Slot,
    host: *const VmHostFunc,
) -> HostReturn {
    // SAFETY: as in the twin.
    unsafe { ((*host).shim)(caller, MaybeUninit::uninit(), slots, host) }
}

/// Calls the host function in the accumulator. Its frame at `fp` has its header, and its arguments
/// are at `slots`.
#[inline(always)]
unsafe fn call_host<const FLOATS: bool>(r: &mut Regs, fp: *mut Slot, slots: *mut Slot) -> Step {
    // SAFETY: the handler contract; the accumulator holds a host function, whose shim takes this.
    unsafe {
        let host = r.acc as *const VmHostFunc;
        publish::<FLOATS>(r, fp);
        let returned = call_shim(r.ctx(), slots, host);
        if returned.outcome != Outcome::RETURNED.word() {
            // Opaque, so that nothing of this happens ahead of the branch.
            *r = after(fp, opaque(returned.outcome));
            return Step::To(handlers::host_failed);
        }
        *r = after(fp, returned.value);
        resume::<FLOATS>(r);
    }
    Step::Next
}

/// Calls the host function whose frame this is, then returns from it.
///
/// # Safety
/// The handler contract; the accumulator holds the `VmHostFunc`.
#[inline(always)]
pub unsafe fn call_indirect_host(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the function value was made together with this stub.
    unsafe {
        let slots = r.fp.sub(r.get(HostStub::ARGS) as usize);
        call_host::<true>(r, r.fp, slots)
    }
}

// A host function's frame is a header, and the arguments of whatever it calls lie above it, with
// the header of that. So it needs no comparison with the stack's limit: entering compares.
const _: () = {
    let most = MAX_SLOT as usize + 2 * MAX_PARAMS + 2 * HEADER_SLOTS as usize;
    assert!(most * 8 <= STACK_SLACK);
};

/// `call_import` of a function that is the host's, with `FLOATS` in stores where floats may be
/// pinned, which the call saves then.
///
/// # Safety
/// The handler contract; the accumulator holds the `VmHostFunc`.
#[inline(always)]
pub unsafe fn call_import_host<const FLOATS: bool>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        // One pointer has to live across the call, not a base and an index.
        let fp = opaque_ptr(r.slot(CallImport::FRAME));
        super::call::push(r, fp, r.pc.add(isa::len(CallImport::BODY)));
        let slots = r.slot(CallImport::ARGS);
        call_host::<FLOATS>(r, fp, slots)
    }
}

/// Native code did not return normally: its failure or suspension is in the store.
///
/// # Safety
/// The handler contract, except that only `ctx` and the accumulator are set.
#[inline(always)]
pub unsafe fn host_failed(r: &mut Regs) -> Step {
    if r.acc == Outcome::THROWN.word() {
        return Step::To(crate::exec::handlers::unwind);
    }
    Step::Exit(if r.acc == Outcome::SUSPENDED.word() {
        Exit::Suspended as u64
    } else {
        Exit::Failed as u64
    })
}

// The ops that may go on as `call_runtime` have its operands where it has them.
const _: () = {
    assert!(MemoryGrow::FRAME.slot() == CallRuntime::FRAME.slot());
    assert!(MemoryFill::FRAME.slot() == CallRuntime::FRAME.slot());
    assert!(MemoryCopy::FRAME.slot() == CallRuntime::FRAME.slot());
    assert!(MemoryGrow::ARGS.slot() == CallRuntime::ARGS.slot());
    assert!(MemoryFill::ARGS.slot() == CallRuntime::ARGS.slot());
    assert!(MemoryCopy::ARGS.slot() == CallRuntime::ARGS.slot());
    assert!(MemoryGrow::MEMORY.byte() == CallRuntime::X.byte());
    assert!(MemoryFill::MEMORY.byte() == CallRuntime::X.byte());
    assert!(MemoryCopy::TO.byte() == CallRuntime::X.byte());
    assert!(MemoryGrow::WIDE.byte() == CallRuntime::Y.byte());
    assert!(MemoryFill::Y.byte() == CallRuntime::Y.byte());
    assert!(MemoryCopy::FROM.byte() == CallRuntime::Y.byte());
    assert!(MemoryFill::Z.byte() == CallRuntime::Z.byte());
    assert!(MemoryCopy::Z.byte() == CallRuntime::Z.byte());
    assert!(MemoryGrow::FUNC.byte() == CallRuntime::FUNC.byte());
    assert!(MemoryFill::FUNC.byte() == CallRuntime::FUNC.byte());
    assert!(MemoryCopy::FUNC.byte() == CallRuntime::FUNC.byte());
};

/// Calls a runtime function on behalf of this instruction.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn call_runtime(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the loader put the function's address into the stream.
    unsafe {
        let fp = r.slot(CallRuntime::FRAME);
        super::call::push(r, fp, r.pc.add(isa::len(CallRuntime::BODY)));
        publish::<true>(r, fp);
        let f: runtime::RuntimeFn = function(r.get(CallRuntime::FUNC));
        let args = r.slot(CallRuntime::ARGS);
        let (x, y, z) = (r.get(CallRuntime::X), r.get(CallRuntime::Y), r.get(CallRuntime::Z));
        let outcome = f(r.ctx(), args, x, y, z);
        *r = after(fp, 0);
        if outcome != Outcome::RETURNED {
            r.acc = outcome.word();
            return Step::To(handlers::runtime_failed);
        }
        resume::<true>(r);
    }
    Step::Next
}

/// Takes fuel for as many units as an operand says, if there is enough; otherwise as `call_runtime`, whose
/// operands these are.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn consume_fuel_by(r: &mut Regs) -> Step {
    // SAFETY: contracts 1, 2 and 3.
    unsafe {
        let store = (*r.ctx()).store;
        let units = r.slot(CallRuntime::ARGS).read();
        let units = if r.get(CallRuntime::Y) != 0 { units } else { u64::from(units as u32) };
        // What does not fit is more than there is.
        let cost = units.saturating_mul(u64::from(r.get(CallRuntime::X)));
        if cost > (*store).fuel as u64 {
            return Step::To(handlers::call_runtime);
        }
        (*store).fuel -= cost as i64;
    }
    next(r, CallRuntime::BODY)
}

/// Goes on if the epoch has not reached its limit; otherwise as `call_runtime`, whose operands these
/// are.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn check_interrupt(r: &mut Regs) -> Step {
    // SAFETY: contract 3: both live as long as the store.
    unsafe {
        let store = (*r.ctx()).store;
        let epoch = (*(*store).epoch).load(Ordering::Relaxed);
        if epoch >= (*(*store).epoch_limit).load(Ordering::Relaxed) {
            return Step::To(handlers::call_runtime);
        }
    }
    next(r, CallRuntime::BODY)
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
        let fp = r.slot(StructNew::FRAME);
        super::call::push(r, fp, r.pc.add(isa::len(StructNew::BODY)));
        publish::<true>(r, fp);
        // Without slots to copy it is made of zeros, if it has fields at all.
        let (word, zeros) = (r.get(StructNew::TY), u32::from(r.get(StructNew::SLOTS) == 0));
        let outcome = runtime::struct_new(r.ctx(), r.slot(StructNew::ARGS), word, zeros, 0);
        *r = after(fp, 0);
        if outcome != Outcome::RETURNED {
            r.acc = outcome.word();
            return Step::To(handlers::runtime_failed);
        }
        resume::<true>(r);
        let behind = r.pc;
        r.pc = behind.sub(isa::len(StructNew::BODY));
        r.acc = r.slot(StructNew::ARGS).read();
        r.pc = behind;
    }
    Step::Next
}

/// A runtime function failed with a trap code or with the store's pending failure, or it has done a
/// slice of its work.
///
/// # Safety
/// The handler contract, except that only `ctx`, the accumulator, and the frame of the call are
/// set.
#[inline(always)]
pub unsafe fn runtime_failed(r: &mut Regs) -> Step {
    if r.acc == Outcome::FAILED.word() {
        return Step::Exit(Exit::Failed as u64);
    }
    if r.acc == Outcome::SUSPENDED.word() {
        return Step::Exit(Exit::Suspended as u64);
    }
    if r.acc == Outcome::THROWN.word() {
        return Step::To(handlers::unwind);
    }
    if r.acc == Outcome::AGAIN.word() {
        return Step::To(handlers::again);
    }
    // SAFETY: the header was written by the instruction that ends at the return address. Any place
    // inside of it names it.
    unsafe {
        r.pc = (r.fp.offset(RET_PC).read() as Pc).sub(1);
        r.fp = r.fp.offset(CALLER_FP).read() as *mut Slot;
    }
    let code = r.acc;
    trap_code(r, code)
}

/// A bulk operation has done a slice of its work: goes on with it, unless somebody asks for something
/// else.
///
/// # Safety
/// As for [`runtime_failed`].
#[inline(always)]
pub unsafe fn again(r: &mut Regs) -> Step {
    // SAFETY: the frame of the call is published, and its header written.
    unsafe {
        let fp = r.fp;
        let outcome = checkpoint::between_slices(r.ctx());
        *r = after(fp, 0);
        if outcome != Outcome::RETURNED {
            r.acc = outcome.word();
            return Step::To(handlers::runtime_failed);
        }
        resume::<true>(r);
        // Only ops with such operands are done in slices, and none is part of a fused one.
        r.pc = r.pc.sub(isa::len(CallRuntime::BODY));
    }
    Step::Next
}

/// `memory.grow`: by nothing, which is how programs ask for the size, on the spot; otherwise as
/// `call_runtime`, whose operands these are, with the page size's logarithm behind them.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn memory_grow<T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let args = r.slot(MemoryGrow::ARGS);
        let delta: u64 = T::from_bits(args.read()).into();
        if delta != 0 {
            return Step::To(handlers::call_runtime);
        }
        let place = r.ctx().cast::<u8>().add(r.get(MemoryGrow::MEMORY) as usize);
        let memory = place.cast::<*mut VmMemory>().read();
        r.acc = (*memory).len() >> (r.get(MemoryGrow::SHIFT) & 63);
        args.write(r.acc);
    }
    next(r, MemoryGrow::BODY)
}

/// An exception is in flight, thrown by the host or runtime function whose frame is published: goes
/// on in the frame that catches it, or leaves the activation.
///
/// # Safety
/// The handler contract, except that only `ctx`, `fp` and the accumulator are set.
#[inline(always)]
pub unsafe fn unwind(r: &mut Regs) -> Step {
    // SAFETY: the frames of the activation are intact; the landing names one of them.
    unsafe {
        let landing = unwind::unwind(r.ctx());
        if landing.is_null() {
            r.acc = Outcome::FAILED.word();
            return Step::To(handlers::host_failed);
        }
        let landing = &*landing;
        r.pc = landing.pc;
        r.fp = landing.fp;
        r.mem = (*(*landing.ctx).mem0).base;
        [r.l0, r.l1] = landing.ints;
        let [f0, f1, f2] = landing.floats;
        (r.f0, r.f1, r.f2) = (float::from_bits(f0), float::from_bits(f1), float::from_bits(f2));
        r.ctx_reg = ctx_reg(landing.ctx);
    }
    Step::Next
}

/// Translates the function whose entry this stub lies in, then runs it.
///
/// # Safety
/// The handler contract; `pc` is the stub of a `CodeEntry` of the current instance's module, and
/// `fp` the callee's frame.
#[inline(always)]
pub unsafe fn lazy_compile(r: &mut Regs) -> Step {
    // SAFETY: the handler contract. The callee has not begun, so its header has room for `publish`.
    unsafe {
        let fp = r.fp;
        publish::<true>(r, fp);
        let entry = runtime::lazy_compile(r.ctx(), r.pc);
        *r = after(fp, 0);
        if entry.is_null() {
            r.acc = Outcome::FAILED.word();
            return Step::To(handlers::host_failed);
        }
        // At a function's entry the pinned registers are its caller's, as in its header.
        restore::<true>(r);
        r.pc = entry;
    }
    Step::Next
}
