//! Calls, tail calls and returns inside WebAssembly. See [`crate::vm::frame`] for the layout.

use crate::exec::abi::{Pc, Regs, Step};
use crate::exec::barrier::{opaque, opaque_ptr, settle};
use crate::exec::float;
use crate::exec::operand::{Source, Value};
use crate::exec::{HandlerFn, THUNK_CODE, handlers, next, trap};
use crate::isa;
use crate::isa::op::{
    Call, CallImport, CallIndirect, CallRef, Empty, EnterFar, LeaveFar, PinFloats, PinInts, Return,
    ReturnCall, ReturnCallImport, ReturnCallIndirect, ReturnCallRef, TailCall,
};
use crate::isa::operand::Field;
use crate::trap::Trap;
use crate::vm::frame::{CALLER_FP, OWN_CTX, OWN_RESUME, RET_PC, SAVED_F0, SAVED_L0, SAVED_L1};
use crate::vm::{CodeEntry, Slot, VmCtx, VmFunc, VmImport, VmTable};

/// Writes the header of the callee's frame.
#[inline(always)]
pub(super) unsafe fn push(r: &Regs, fp: *mut Slot, ret: Pc) {
    // SAFETY: contract 2: the stack's slack covers a header above any frame.
    unsafe {
        fp.offset(RET_PC).write(ret as u64);
        fp.offset(CALLER_FP).write(r.fp as u64);
    }
}

/// Saves the pinned integers, which are the caller's, in the frame at `fp`.
///
/// # Safety
/// The frame has a header.
#[inline(always)]
pub(in crate::exec) unsafe fn save_ints(r: &Regs, fp: *mut Slot) {
    // SAFETY: the caller's promise.
    unsafe {
        fp.offset(SAVED_L0).write(r.l0);
        fp.offset(SAVED_L1).write(r.l1);
    }
}

/// Saves the pinned floats.
///
/// # Safety
/// The frame has a whole header.
#[inline(always)]
pub(in crate::exec) unsafe fn save_floats(r: &Regs, fp: *mut Slot) {
    // SAFETY: the caller's promise.
    unsafe {
        let saved = fp.offset(SAVED_F0).cast::<f64>();
        saved.write(float::get_f64(r.f0));
        saved.add(1).write(float::get_f64(r.f1));
        saved.add(2).write(float::get_f64(r.f2));
    }
}

/// Restores what [`save_ints`] saved.
///
/// # Safety
/// As for [`save_ints`].
#[inline(always)]
pub(in crate::exec) unsafe fn restore_ints(r: &mut Regs, fp: *const Slot) {
    // SAFETY: the caller's promise.
    unsafe {
        r.l0 = fp.offset(SAVED_L0).read();
        r.l1 = fp.offset(SAVED_L1).read();
    }
}

/// Restores what [`save_floats`] saved.
///
/// # Safety
/// As for [`save_floats`].
#[inline(always)]
pub(in crate::exec) unsafe fn restore_floats(r: &mut Regs, fp: *const Slot) {
    // SAFETY: the caller's promise.
    unsafe {
        let saved = fp.offset(SAVED_F0).cast::<f64>();
        r.f0 = float::set_f64(r.f0, saved.read());
        r.f1 = float::set_f64(r.f1, saved.add(1).read());
        r.f2 = float::set_f64(r.f2, saved.add(2).read());
    }
}

/// Entry of a function that pins integers: saves its caller's and loads its own.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn pin_ints(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        save_ints(r, r.fp);
        r.l0 = r.slot(PinInts::SRC0).read();
        r.l1 = r.slot(PinInts::SRC1).read();
    }
    next(r, PinInts::BODY)
}

/// Entry of a function that pins floats, likewise.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn pin_floats(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; functions that pin floats have a whole header.
    unsafe {
        save_floats(r, r.fp);
        r.f0 = float::set_f64(r.f0, r.slot(PinFloats::SRC0).cast::<f64>().read());
        r.f1 = float::set_f64(r.f1, r.slot(PinFloats::SRC1).cast::<f64>().read());
        r.f2 = float::set_f64(r.f2, r.slot(PinFloats::SRC2).cast::<f64>().read());
    }
    next(r, PinFloats::BODY)
}

/// Restores the caller's pinned locals ahead of a tail call.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn unpin<const INTS: bool, const FLOATS: bool>(r: &mut Regs) -> Step {
    // SAFETY: the function pins these, so its frame has saved them.
    unsafe { restore::<INTS, FLOATS>(r) };
    next(r, Empty::BODY)
}

/// The same, chosen by kind.
#[inline(always)]
unsafe fn restore<const INTS: bool, const FLOATS: bool>(r: &mut Regs) {
    let fp = r.fp;
    // SAFETY: the caller's promise.
    unsafe {
        if INTS {
            restore_ints(r, fp);
        }
        if FLOATS {
            restore_floats(r, fp);
        }
    }
}

/// Copies what a call wrote of the header from the frame at `fp` to the one at `to`, and goes on there.
#[inline(always)]
unsafe fn move_frame(r: &mut Regs, to: *mut Slot) {
    // SAFETY: the caller's promise: both are headers. The first word is written before the other is
    // read: the frames are apart, or the same.
    unsafe {
        to.offset(RET_PC).write(r.fp.offset(RET_PC).read());
        to.offset(CALLER_FP).write(r.fp.offset(CALLER_FP).read());
    }
    r.fp = to;
}

/// Entry of a function with far slots: moves its frame behind them, and zeroes those of locals.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn enter_far(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; a call has compared `fp` with the limit, and what is behind the
    // limit covers any frame without its far slots.
    unsafe {
        let bytes = u64::from(r.get(EnterFar::SLOTS)) * 8;
        let limit = (*(*r.ctx()).store).stack_limit;
        if r.fp as u64 + bytes > limit as u64 {
            return trap(r, Trap::StackOverflow);
        }
        let fp = opaque_ptr(r.fp.byte_add(bytes as usize));
        move_frame(r, fp);
        let mut left = u64::from(r.get(EnterFar::ZERO));
        let mut slot = r.fp;
        while left > 0 {
            // As in `zero_locals`.
            left = opaque(left - 1);
            slot = opaque_ptr(slot.sub(1));
            slot.write_volatile(0);
        }
    }
    next(r, EnterFar::BODY)
}

/// Moves the frame back to where the call put it: a return or a tail call follows.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn leave_far(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; `enter_far` has come from there.
    unsafe {
        let to = opaque_ptr(r.fp.sub(r.get(LeaveFar::SLOTS) as usize));
        move_frame(r, to);
    }
    next(r, LeaveFar::BODY)
}

/// Whether a frame at `fp` is one too many.
#[inline(always)]
unsafe fn overflows(r: &Regs, fp: *mut Slot) -> bool {
    // SAFETY: contract 3.
    fp > unsafe { (*(*r.ctx()).store).stack_limit }
}

/// Where a defined function of the instance starts, given the offset of its code entry.
#[inline(always)]
unsafe fn code(ctx: *mut VmCtx, index: u32) -> Pc {
    // SAFETY: contracts 1 and 3: the index is one of the module's.
    unsafe { (*(*ctx).code.cast::<u8>().add(index as usize).cast::<CodeEntry>()).load() }
}

/// Call of a function that the module defines.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn call(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let fp = r.slot(Call::FRAME);
        push(r, fp, r.pc.add(isa::len(Call::BODY)));
        if overflows(r, fp) {
            return trap(r, Trap::StackOverflow);
        }
        r.pc = code(r.ctx(), r.get(Call::FUNC));
        r.fp = fp;
    }
    Step::Next
}

/// Continues in `f`, whose frame at `fp` has its header. A function of another instance is left to
/// `cross`, with the function in the accumulator.
#[inline(always)]
unsafe fn jump_into(r: &mut Regs, f: *const VmFunc, fp: *mut Slot, cross: HandlerFn) -> Step {
    // SAFETY: contract 3: function references are valid as long as the store.
    unsafe {
        let instance = (*f).instance;
        // A host function's stub takes the function from the accumulator.
        r.acc = f as u64;
        if instance != r.ctx_again() && !instance.is_null() {
            return Step::To(cross);
        }
        r.pc = (*(*f).code).load();
        r.fp = fp;
    }
    Step::Next
}

/// Continues in the function in the accumulator, which belongs to another instance: parks this
/// instance and `ret` in the frame of `caller` and switches.
#[inline(always)]
unsafe fn cross_into(r: &mut Regs, caller: *mut Slot, fp: *mut Slot, ret: Pc) -> Step {
    // SAFETY: as above; `caller` is a frame of the current instance.
    unsafe {
        let f = r.acc as *const VmFunc;
        caller.offset(OWN_CTX).write(r.ctx() as u64);
        caller.offset(OWN_RESUME).write(ret as u64);
        fp.offset(RET_PC).write(THUNK_CODE.pc() as u64);
        switch_to(r, f, fp)
    }
}

/// Continues in `f` in its instance.
#[inline(always)]
unsafe fn switch_to(r: &mut Regs, f: *const VmFunc, fp: *mut Slot) -> Step {
    // SAFETY: contract 3.
    unsafe {
        r.set_ctx((*f).instance);
        r.mem = (*(*r.ctx()).mem0).base;
        r.pc = (*(*f).code).load();
        r.fp = fp;
    }
    Step::Next
}

/// The rest of a call that leaves the instance; its header is written except for the return
/// address.
///
/// # Safety
/// The handler contract; the accumulator holds the function.
#[inline(always)]
pub unsafe fn call_across(r: &mut Regs) -> Step {
    // SAFETY: the handler contract. All calls have their frame operand at one place.
    unsafe {
        let fp = r.slot(Call::FRAME);
        let ret = fp.offset(RET_PC).read() as Pc;
        let caller = r.fp;
        cross_into(r, caller, fp, ret)
    }
}

/// The rest of a tail call that leaves the instance. `replace_frame` has been here: `fp` is the
/// new frame.
///
/// # Safety
/// The handler contract; the accumulator holds the function.
#[inline(always)]
pub unsafe fn return_call_across(r: &mut Regs) -> Step {
    // SAFETY: the handler contract. If the first caller already waits behind a thunk, what it
    // parked stays as it is; likewise the activation's entry, which has no frame and no use for an
    // instance.
    unsafe {
        let fp = r.fp;
        let ret = fp.offset(RET_PC).read() as Pc;
        if ret == THUNK_CODE.pc() || ret == crate::exec::EXIT_CODE.pc() {
            let f = r.acc as *const VmFunc;
            return switch_to(r, f, fp);
        }
        let caller = fp.offset(CALLER_FP).read() as *mut Slot;
        cross_into(r, caller, fp, ret)
    }
}

// What goes on for all of them relies on it.
const _: () = {
    assert!(CallImport::FRAME.slot() == Call::FRAME.slot());
    assert!(CallIndirect::FRAME.slot() == Call::FRAME.slot());
    assert!(CallRef::FRAME.slot() == Call::FRAME.slot());
};

/// Calls `f` from an instruction with `body` operand bytes.
#[inline(always)]
unsafe fn call_function(r: &mut Regs, f: *const VmFunc, body: usize) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let fp = r.slot(Call::FRAME);
        let ret = r.pc.add(isa::len(body));
        push(r, fp, ret);
        if fp > (*(*r.ctx_again()).store).stack_limit {
            return trap(r, Trap::StackOverflow);
        }
        jump_into(r, f, fp, handlers::call_across)
    }
}

/// The pointer at a context offset.
#[inline(always)]
unsafe fn object<T>(r: &Regs, offset: u32) -> *mut T {
    // SAFETY: contract 3.
    unsafe { r.ctx().cast::<u8>().add(offset as usize).cast::<*mut T>().read() }
}

/// Call of an imported function, by the handler that suits what was imported.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn call_import(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; instantiation has put a handler into the import's place.
    unsafe {
        let import = r.ctx().cast::<u8>().add(r.get(CallImport::AT) as usize).cast::<VmImport>();
        r.acc = (*import).func as u64;
        let call = &raw const (*import).call;
        Step::To(call.cast::<HandlerFn>().read())
    }
}

/// Call of an import that is WebAssembly, of another instance mostly.
///
/// # Safety
/// The handler contract; the accumulator holds the function.
#[inline(always)]
pub unsafe fn call_import_wasm(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe { call_function(r, r.acc as *const VmFunc, CallImport::BODY) }
}

/// The function that an indirect call means, or the trap it ends in.
#[inline(always)]
unsafe fn table_function(r: &Regs, table: Field<u32>, index: u64) -> Result<*const VmFunc, Trap> {
    // SAFETY: contract 3; the index is compared with the length.
    unsafe {
        let table = object::<VmTable>(r, r.get(table));
        if index >= (*table).len {
            return Err(Trap::TableOutOfBounds);
        }
        let f = (*table).elems.add(index as usize).read() as *const VmFunc;
        if f.is_null() {
            return Err(Trap::IndirectCallToNull);
        }
        Ok(f)
    }
}

/// Checks the type exactly: right for final types, which have no subtypes.
#[inline(always)]
unsafe fn has_type(r: &Regs, f: *const VmFunc, ty: Field<u32>) -> bool {
    // SAFETY: contract 1; `f` is valid.
    unsafe { (*f).type_id == r.get(ty) }
}

/// Call through a table of a function with exactly this type.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn call_indirect<X: Source<u32>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let index = X::read(r, CallIndirect::INDEX);
        match table_function(r, CallIndirect::TABLE, u64::from(index)) {
            Err(t) => trap(r, t),
            Ok(f) if !has_type(r, f, CallIndirect::TY) => trap(r, Trap::BadSignature),
            Ok(f) => call_function(r, f, CallIndirect::BODY),
        }
    }
}

/// Call through a table of a function of this type or a subtype; any index width.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn call_indirect_general(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let index = r.slot(CallIndirect::INDEX).read();
        match table_function(r, CallIndirect::TABLE, index) {
            Err(t) => trap(r, t),
            Ok(f) if !has_type(r, f, CallIndirect::TY) => {
                // The exact test failed; the subtype test is a runtime function's job.
                r.acc = f as u64;
                Step::To(handlers::call_indirect_subtype)
            }
            Ok(f) => call_function(r, f, CallIndirect::BODY),
        }
    }
}

/// The rest of [`call_indirect_general`] when the types are not equal.
///
/// # Safety
/// The handler contract; the accumulator holds the function.
#[inline(always)]
pub unsafe fn call_indirect_subtype(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let f = r.acc as *const VmFunc;
        if crate::exec::slow::is_subtype(r.ctx(), (*f).type_id, r.get(CallIndirect::TY)) {
            call_function(r, f, CallIndirect::BODY)
        } else {
            trap(r, Trap::BadSignature)
        }
    }
}

/// Call of a function reference.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn call_ref(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let f = r.slot(CallRef::FUNC).read() as *const VmFunc;
        if f.is_null() {
            return trap(r, Trap::NullReference);
        }
        call_function(r, f, CallRef::BODY)
    }
}

// All tail calls have these operands where the shortest has them.
macro_rules! begin_alike {
    ($($call:ident)*) => {$(
        const _: () = {
            assert!($call::ARGS.slot() == TailCall::ARGS.slot());
            assert!($call::COUNT.byte() == TailCall::COUNT.byte());
            assert!($call::TO.slot() == TailCall::TO.slot());
            assert!($call::FRAME.slot() == TailCall::FRAME.slot());
        };
    )*};
}
begin_alike! { ReturnCall ReturnCallImport ReturnCallIndirect ReturnCallRef }

/// Replaces this frame by that of the callee: arguments down to where this frame's parameters
/// are, header to behind them. Returns the new frame, or `None` if the value stack is too small.
#[inline(always)]
unsafe fn replace_frame(r: &mut Regs) -> Option<*mut Slot> {
    // SAFETY: contract 2: all places are inside this frame or the stack's slack, which covers a
    // header above the arguments like that of a call. The header waits there, because the arguments
    // may overwrite it, and to keep it in registers meanwhile there are too few; the arguments only
    // move down.
    unsafe {
        if r.slot(TailCall::FRAME) > (*(*r.ctx_again()).store).stack_limit {
            return None;
        }
        let parked = opaque_ptr(r.slot(TailCall::ARGS).add(usize::from(r.get(TailCall::COUNT))));
        parked.offset(RET_PC).write_volatile(r.fp.offset(RET_PC).read());
        parked.offset(CALLER_FP).write_volatile(r.fp.offset(CALLER_FP).read());
        // The operands are read again instead of taking registers from before.
        settle();
        let count = r.get(TailCall::COUNT);
        super::mov::copy_up(r.slot(TailCall::TO), r.slot(TailCall::ARGS), count);
        let parked = opaque_ptr(r.slot(TailCall::ARGS).add(usize::from(r.get(TailCall::COUNT))));
        let fp = opaque_ptr(r.slot(TailCall::FRAME));
        // Both before the first write: the two headers may overlap.
        let ret = parked.offset(RET_PC).read_volatile();
        let caller = parked.offset(CALLER_FP).read_volatile();
        fp.offset(RET_PC).write(ret);
        fp.offset(CALLER_FP).write(caller);
        Some(fp)
    }
}

/// Tail call of a function that the module defines.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn return_call(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let Some(fp) = replace_frame(r) else {
            return trap(r, Trap::StackOverflow);
        };
        r.pc = code(r.ctx_again(), r.get(ReturnCall::FUNC));
        r.fp = fp;
    }
    Step::Next
}

/// Replaces this frame and continues in `f`.
#[inline(always)]
unsafe fn return_call_function(r: &mut Regs, f: *const VmFunc) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let Some(fp) = replace_frame(r) else {
            return trap(r, Trap::StackOverflow);
        };
        r.fp = fp;
        jump_into(r, f, fp, handlers::return_call_across)
    }
}

/// Tail call of an imported function.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn return_call_import(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let f = object::<VmFunc>(r, r.get(ReturnCallImport::AT));
        return_call_function(r, f)
    }
}

/// Tail call through a table: exact type and 32-bit index, or the general form.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn return_call_indirect<const GENERAL: bool>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let index = r.slot(ReturnCallIndirect::INDEX).read();
        let index = if GENERAL { index } else { u64::from(index as u32) };
        match table_function(r, ReturnCallIndirect::TABLE, index) {
            Err(t) => trap(r, t),
            Ok(f) if !has_type(r, f, ReturnCallIndirect::TY) => {
                if GENERAL {
                    r.acc = f as u64;
                    return Step::To(handlers::return_call_indirect_subtype);
                }
                trap(r, Trap::BadSignature)
            }
            Ok(f) => return_call_function(r, f),
        }
    }
}

/// The rest of the general tail call through a table when the types are not equal.
///
/// # Safety
/// The handler contract; the accumulator holds the function.
#[inline(always)]
pub unsafe fn return_call_indirect_subtype(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let f = r.acc as *const VmFunc;
        if crate::exec::slow::is_subtype(r.ctx(), (*f).type_id, r.get(ReturnCallIndirect::TY)) {
            return_call_function(r, f)
        } else {
            trap(r, Trap::BadSignature)
        }
    }
}

/// Tail call of a function reference.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn return_call_ref(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let f = r.slot(ReturnCallRef::FUNC).read() as *const VmFunc;
        if f.is_null() {
            return trap(r, Trap::NullReference);
        }
        return_call_function(r, f)
    }
}

/// Leaves the frame and restores the pinned locals that its function saved.
#[inline(always)]
unsafe fn pop<const INTS: bool, const FLOATS: bool>(r: &mut Regs) {
    // SAFETY: contract 2: the header was written by the call, and by the function's entry.
    unsafe {
        r.pc = r.fp.offset(RET_PC).read() as Pc;
        restore::<INTS, FLOATS>(r);
        r.fp = r.fp.offset(CALLER_FP).read() as *mut Slot;
    }
}

/// Return; results are in place.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ret<const INTS: bool, const FLOATS: bool>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe { pop::<INTS, FLOATS>(r) };
    Step::Next
}

/// Return of one value, which the caller finds in its slot and in the accumulator.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ret_value<X, T, const INTS: bool, const FLOATS: bool>(r: &mut Regs) -> Step
where
    T: Value,
    X: Source<T>,
{
    // SAFETY: the handler contract.
    unsafe {
        let v = X::read(r, Return::VALUE);
        r.slot(Return::TO).write(v.to_bits());
        T::set_acc(r, v);
        pop::<INTS, FLOATS>(r);
    }
    Step::Next
}

/// The caller's side of a call that left its instance.
///
/// # Safety
/// The handler contract, except that `ctx` and `mem` are the callee's.
#[inline(always)]
pub unsafe fn return_thunk(r: &mut Regs) -> Step {
    // SAFETY: `jump_into` parked both in the frame that `fp` is back to.
    unsafe {
        r.set_ctx(r.fp.offset(OWN_CTX).read() as *mut _);
        r.mem = (*(*r.ctx()).mem0).base;
        r.pc = r.fp.offset(OWN_RESUME).read() as Pc;
    }
    Step::Next
}
