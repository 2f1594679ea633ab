//! The references in frames, for the collector: of all activations, running and suspended.

use super::suspend;
use super::walk::walk;
use crate::vm::{CodePlace, Slot, VmCtx, VmStore};

/// Names the slots of a frame, relative to it, that hold references while a call is in progress:
/// given the instance whose code it runs, the call, and what to do with each slot.
pub type SlotsOf<'a> = dyn FnMut(u32, CodePlace, &mut dyn FnMut(i16)) + 'a;

/// Adds the references in all frames to `roots`.
pub fn frame_roots(vm: &VmStore, slots_of: &mut SlotsOf<'_>, roots: &mut Vec<Slot>) {
    // SAFETY: whoever can borrow the store is not running its code but called by it, which
    // published the frames. Frames' contexts are live. Only frames of WebAssembly functions have
    // return addresses of calls in progress; the slots named for them hold references, as
    // translation says, and lie inside the frames.
    unsafe {
        walk(&raw const vm.ctx, &mut |frame| {
            if let CodePlace::Returns(_) = frame.place {
                let fp = frame.fp;
                slots_of(instance_of(frame.ctx), frame.place, &mut |slot| {
                    roots.push(fp.offset(slot as isize).read());
                });
            }
            true
        });
        for frames in vm.suspended() {
            if let Some(frames) = frames.upgrade()
                && let Ok(saved) = frames.downcast::<suspend::Saved>()
            {
                saved.visit(&mut |ctx, place, read| {
                    slots_of(instance_of(ctx), place, &mut |slot| roots.push(read(slot)));
                });
            }
        }
    }
}

unsafe fn instance_of(ctx: *const VmCtx) -> u32 {
    // SAFETY: the caller's promise: the context is live.
    unsafe { (*ctx).instance_index }
}
