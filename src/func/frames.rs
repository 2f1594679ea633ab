//! Visiting the frames of a store.

use crate::exec;
use crate::exec::suspend::Frames;
use crate::vm::handle::Handle;
use crate::vm::owner::CallSite;
use crate::vm::{CodePlace, VmStore};

/// Visits the frames of all activations, innermost first, until `visit` returns `false`: the
/// instance and the instruction.
pub(crate) fn walk(vm: &VmStore, mut visit: impl FnMut(Handle, CodePlace) -> bool) {
    // SAFETY: whoever has a shared reference to the store is not running its code: it is in a host
    // function, whose call published the frames; handles an exit; or no activation exists. Frames'
    // contexts are live like all of the store's.
    unsafe {
        exec::walk(
            &raw const vm.ctx,
            &mut |frame| match CallSite::new(frame.ctx).instance(vm.id()) {
                Some(instance) => visit(instance, frame.place),
                None => true,
            },
        );
    }
}

/// A frame, for debuggers: its instance, its instruction, and where it is on the value stack.
#[cfg(feature = "debug")]
#[derive(Clone, Copy)]
pub(crate) struct Placed {
    pub instance: Handle,
    pub place: CodePlace,
    pub address: usize,
}

/// At most so many frames, innermost first.
#[cfg(feature = "debug")]
pub(crate) fn placed(vm: &VmStore, most: usize) -> alloc::vec::Vec<Placed> {
    let mut frames = alloc::vec::Vec::new();
    // SAFETY: as for `walk`; or an observed instruction is about to run, whose frame is published.
    unsafe {
        exec::walk(&raw const vm.ctx, &mut |frame| {
            if let Some(instance) = CallSite::new(frame.ctx).instance(vm.id()) {
                frames.push(Placed { instance, place: frame.place, address: frame.fp as usize });
            }
            frames.len() < most
        });
    }
    frames
}

/// A slot of a frame at an address; `None` if it is not on the value stack.
#[cfg(feature = "debug")]
pub(crate) fn slot(vm: &VmStore, frame: usize, number: i32) -> Option<u64> {
    use crate::vm::Slot;
    let at = frame.checked_add_signed(number as isize * size_of::<Slot>() as isize)?;
    let offset = at.checked_sub(vm.ctx.stack_base as usize)?;
    if at > vm.ctx.stack_limit as usize || !offset.is_multiple_of(size_of::<Slot>()) {
        return None;
    }
    // SAFETY: between the lowest slot and the limit, behind which there are more; the stack is zeros until
    // it is written, and no code of the store runs.
    Some(unsafe { vm.ctx.stack_base.byte_add(offset).read() })
}

/// Visits the frames of a suspended call of this store, as [`walk`] does.
pub(crate) fn walk_suspended(
    vm: &VmStore,
    frames: &Frames,
    visit: &mut dyn FnMut(Handle, CodePlace) -> bool,
) {
    let mut goes_on = true;
    // SAFETY: the store is live, hence its contexts are.
    unsafe {
        frames.walk(&mut |ctx, place| {
            if goes_on && let Some(instance) = CallSite::new(ctx).instance(vm.id()) {
                goes_on = visit(instance, place);
            }
        });
    }
}
