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
