//! Finding who catches an exception: a walk over the frames of one activation.
//!
//! Frames do not know that they may be unwound: a call's return address says which instruction is
//! being executed, the function's catch table which clauses are around it, and the header of the
//! frame that was called has the pinned registers of the frame that catches. Nothing recurses, and
//! the native stack is not involved.

use core::panic::AssertUnwindSafe;

use super::{EXIT_CODE, THUNK_CODE};
use crate::sys::standard::catch_unwind;
use crate::vm::catch::NONE;
use crate::vm::exception::{Landing, Site};
use crate::vm::frame::{
    CALLER_FP, OWN_CTX, OWN_RESUME, PINNED_FLOATS, RET_PC, SAVED_F0, SAVED_L0, SAVED_L1,
};
use crate::vm::{CodeMap, CodePlace, Ending, Slot, VmCtx, VmStore};

/// Finds where the exception in flight is caught: hands over payload and reference, and returns
/// the registers to go on with. Null if nobody in this activation catches it: then the exit is
/// recorded as for a trap, and the exception stays the store's.
///
/// # Safety
/// `ctx` is live, the calling thread has its store, and the published frame is that of the host or
/// runtime function that throws.
#[inline(never)]
pub unsafe fn unwind(ctx: *mut VmCtx) -> *const Landing {
    // SAFETY: the caller's promise; headers were written by calls and `enter`, and catch tables by
    // the translator, for frames of this layout.
    unsafe {
        let store = VmCtx::store_mut(ctx);
        let thrown = store.exceptions.thrown;
        let tag = store.exceptions.get(thrown).map_or(NONE, |(tag, _)| tag);
        let mut callee = store.ctx.exit_fp;
        let mut ctx = callee.offset(OWN_CTX).read() as *mut VmCtx;
        // The pinned registers as the frame that is looked at left them.
        let mut ints = saved_ints(callee);
        let mut floats = [0; PINNED_FLOATS as usize];
        if store.ctx.pins_floats != 0 {
            floats = saved_floats(callee);
        }
        loop {
            let mut pc = callee.offset(RET_PC).read() as *const u8;
            let fp = callee.offset(CALLER_FP).read() as *mut Slot;
            if pc == EXIT_CODE.pc() {
                break;
            }
            if pc == THUNK_CODE.pc() {
                ctx = fp.offset(OWN_CTX).read() as *mut VmCtx;
                pc = fp.offset(OWN_RESUME).read() as *const u8;
            }
            let site = site(store, ctx, pc);
            if !site.table.is_null() {
                let instance = (*ctx).instance_index;
                let clause = (*site.table)
                    .find(site.region, |known| store.instance_tag(instance, known) == tag);
                if let Some(clause) = clause {
                    if !drop_error(store) {
                        return core::ptr::null();
                    }
                    if let Some((_, payload)) = store.exceptions.get(thrown)
                        && clause.tag != NONE
                    {
                        let to = fp.offset(clause.payload as isize);
                        to.copy_from_nonoverlapping(payload.as_ptr(), payload.len());
                    }
                    if let Some(slot) = clause.exn {
                        fp.offset(slot as isize).write(if clause.keeps { thrown } else { 0 });
                    }
                    if clause.keeps {
                        store.exceptions.escape(thrown);
                    } else {
                        store.exceptions.caught(thrown);
                    }
                    store.exceptions.thrown = 0;
                    store.exceptions.landing = Landing {
                        pc: site.code.add(clause.target as usize),
                        fp,
                        ctx,
                        ints,
                        floats,
                    };
                    return &raw const store.exceptions.landing;
                }
            }
            if site.pins.0 {
                ints = saved_ints(fp);
            }
            if site.pins.1 {
                floats = saved_floats(fp);
            }
            callee = fp;
        }
        // A host function's error says where the exception was thrown.
        if store.pending.is_none() {
            store.end(Ending::Thrown);
        }
        core::ptr::null()
    }
}

/// The pinned integers that a frame saved.
///
/// # Safety
/// `fp` is a native frame, or one of a function that pins integers.
#[inline(always)]
unsafe fn saved_ints(fp: *const Slot) -> [Slot; 2] {
    // SAFETY: the caller's promise.
    unsafe { [fp.offset(SAVED_L0).read(), fp.offset(SAVED_L1).read()] }
}

/// The pinned floats that a frame saved.
///
/// # Safety
/// `fp` is a native frame while the store pins floats, or one of a function that pins floats.
#[inline(always)]
unsafe fn saved_floats(fp: *const Slot) -> [Slot; PINNED_FLOATS as usize] {
    // SAFETY: the caller's promise.
    unsafe { fp.offset(SAVED_F0).cast::<[Slot; PINNED_FLOATS as usize]>().read() }
}

/// Drops what a host function returned with when it threw. That is the embedder's code: if it
/// panics, `false`, and the panic is pending.
#[inline]
fn drop_error(store: &mut VmStore) -> bool {
    let Some(error) = store.pending.take() else { return true };
    match catch_unwind(AssertUnwindSafe(|| drop(error))) {
        Ok(()) => true,
        Err(payload) => {
            store.end(Ending::Panicked(payload));
            false
        }
    }
}

/// What is around the call that returns to `pc`.
///
/// # Safety
/// `pc` is a return address in code of the instance `ctx`.
#[inline]
unsafe fn site(store: &mut VmStore, ctx: *mut VmCtx, pc: *const u8) -> Site {
    let known = *store.exceptions.site_mut(pc);
    if known.pc == pc {
        return known;
    }
    // SAFETY: the caller's promise.
    let code = unsafe { VmCtx::code_map(ctx) };
    find_site(store, code, pc)
}

/// The same for a call in this code that is not remembered.
#[inline(never)]
fn find_site(store: &mut VmStore, code: Option<&CodeMap>, pc: *const u8) -> Site {
    let mut site =
        Site { pc, code: pc, table: core::ptr::null(), region: NONE, pins: (false, false) };
    let place = CodePlace::Returns(pc);
    let Some((code, table)) = code.and_then(|code| code.catch_table(place)) else {
        // Only what is known is remembered.
        return site;
    };
    // SAFETY: catch tables live as long as the store and nobody writes them.
    let known = unsafe { table.as_ref() };
    site.pins = known.pins;
    let region = known.region_at((place.inside() as usize - code as usize) as u32);
    if region != NONE {
        site = Site { code, table: table.as_ptr(), region, ..site };
    }
    *store.exceptions.site_mut(pc) = site;
    site
}
