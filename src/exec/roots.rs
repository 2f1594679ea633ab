//! The references in frames, for the collector: of all activations, running and suspended.

use super::suspend;
use super::walk::walk;
use crate::prelude::*;
use crate::vm::{CodePlace, Slot, VmCtx, VmStore};

/// Adds the references in all frames to `roots`.
pub fn frame_roots(vm: &VmStore, roots: &mut Vec<Slot>) {
    // SAFETY: whoever can borrow the store is not running its code but called by it, which
    // published the frames. Frames' contexts are live. Only frames of WebAssembly functions have
    // return addresses of calls in progress; the slots named for them hold references, as
    // translation says, and lie inside the frames.
    unsafe {
        walk(&raw const vm.ctx, &mut |frame| {
            if let (CodePlace::Returns(_), Some(code)) = (frame.place, VmCtx::code_map(frame.ctx)) {
                let fp = frame.fp;
                code.stack_slots(frame.place, &mut |slot| {
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
                    if let Some(code) = VmCtx::code_map(ctx) {
                        code.stack_slots(place, &mut |slot| roots.push(read(slot)));
                    }
                });
            }
        }
    }
}
