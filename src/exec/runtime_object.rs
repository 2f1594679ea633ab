//! Runtime functions about objects: allocation that is more than taking a free cell, and the bulk
//! operations on arrays. While they run, the frame that calls them is published with its arguments,
//! so that a collection finds the references among them.

use crate::exec::slice::{self, cut};
use crate::index::TypeId;
use crate::vm::heap::kind;
use crate::vm::{Outcome, Slot, VmCtx, VmStore};

/// What a function returns besides a failure: `Err` with [`Outcome::AGAIN`](crate::vm::AGAIN) after a slice.
type Done = Result<(), Outcome>;

macro_rules! allocating {
    ($($(#[doc = $doc:literal])* $name:ident($store:ident, $instance:ident, $args:ident, $x:ident, $y:ident) $body:block)*) => {
        $(
            $(#[doc = $doc])*
            // Inlined into a trampoline, its locals would stand in the way of the jump to the next handler.
            #[inline(never)]
            pub(super) unsafe extern "C" fn $name(ctx: *mut VmCtx, $args: *mut Slot, $x: u32, $y: u32, _: u32) -> Outcome {
                // SAFETY: the handler contract: a live context, and arguments inside the frame
                // whose types validation has checked.
                let (store, $instance) = unsafe { (VmCtx::store_mut(ctx), (*ctx).instance_index) };
                let _ = ($x, $y, $instance);
                let result = store.allocating(|$store: &mut VmStore| -> crate::error::Result<Done> {
                    // SAFETY: as above.
                    unsafe { $body }
                });
                match result {
                    Ok(done) => done.err().unwrap_or(Outcome::RETURNED),
                    Err(Some(trap)) => trap.into(),
                    Err(None) => Outcome::FAILED,
                }
            }
        )*
    };
}

/// A value of one slot or two.
unsafe fn value(args: *const Slot, slots: u32) -> [Slot; 2] {
    // SAFETY: the caller's promise.
    unsafe { [args.read(), if slots == 2 { args.add(1).read() } else { 0 }] }
}

/// A 32-bit argument.
unsafe fn int(args: *const Slot, at: usize) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { args.add(at).read() as u32 }
}

/// Where the last slice of a run begins whose start is argument `at`, `rest` behind it. A place that
/// 32 bits cannot name is inside of nothing, and neither is the last that they can.
unsafe fn last(args: *const Slot, at: usize, rest: u64) -> u32 {
    // SAFETY: the caller's promise.
    let start = unsafe { int(args, at) };
    start.saturating_add(u32::try_from(rest).unwrap_or(u32::MAX))
}

allocating! {
    /// `struct.new`: x is the first word of the object, y = 1 for default values.
    struct_new(store, instance, args, x, y) {
        let fields = (y == 0).then_some(args.cast_const());
        let object = store.new_struct(TypeId(x & kind::TYPE), fields)?;
        args.write(object);
        Ok(Ok(()))
    }

    /// `array.new`: x is the type, y the slots of the value.
    array_new(store, instance, args, x, y) {
        let len = int(args, y as usize);
        let object = store.new_array_of(TypeId(x), Some(value(args, y)), len)?;
        args.write(object);
        Ok(Ok(()))
    }

    /// `array.new_default`: x is the type.
    array_new_default(store, instance, args, x, y) {
        let object = store.new_array_of(TypeId(x), None, int(args, 0))?;
        args.write(object);
        Ok(Ok(()))
    }

    /// `array.new_fixed`: x is the type, y the number of elements.
    array_new_fixed(store, instance, args, x, y) {
        let object = store.new_array_fixed(TypeId(x), args, y)?;
        args.write(object);
        Ok(Ok(()))
    }

    /// `array.new_data`: x is the type, y the segment.
    array_new_data(store, instance, args, x, y) {
        let (start, len) = (int(args, 0), int(args, 1));
        let object = store.new_array_data(TypeId(x), (instance, y), start, len)?;
        args.write(object);
        Ok(Ok(()))
    }

    /// `array.new_elem`: x is the type, y the segment.
    array_new_elem(store, instance, args, x, y) {
        let (start, len) = (int(args, 0), int(args, 1));
        let object = store.new_array_elem(TypeId(x), (instance, y), start, len)?;
        args.write(object);
        Ok(Ok(()))
    }

    /// `array.fill`: y is the slots of the value.
    array_fill(store, instance, args, x, y) {
        let len_at = 2 + y as usize;
        let cut = cut(int(args, len_at).into(), slice::ELEMENTS);
        store.array_fill(args.read(), last(args, 1, cut.rest), value(args.add(2), y), cut.now as u32)?;
        Ok(cut.end(args, len_at))
    }

    /// `array.copy`
    array_copy(store, instance, args, x, y) {
        let (to, from) = (args.read(), args.add(2).read());
        let len = int(args, 4);
        let down = to == from && int(args, 1) < int(args, 3);
        let cut = cut(len.into(), slice::ELEMENTS);
        if down && cut.rest > 0 {
            // The bounds of the first slice are not those of the whole: nothing at its very end.
            let (to_end, from_end) = (last(args, 1, len.into()), last(args, 3, len.into()));
            store.array_copy((to, to_end), (from, from_end), 0)?;
        }
        let at = cut.offset(down);
        store.array_copy((to, last(args, 1, at)), (from, last(args, 3, at)), cut.now as u32)?;
        Ok(cut.end_copy(args, [1, 3], 4, down))
    }

    /// `array.init_data`: y is the segment.
    array_init_data(store, instance, args, x, y) {
        let cut = cut(int(args, 3).into(), slice::ELEMENTS);
        let to = (args.read(), last(args, 1, cut.rest));
        // The segment counts in bytes.
        store.array_init_data(to, (instance, y), (int(args, 2), cut.rest as u32), cut.now as u32)?;
        Ok(cut.end(args, 3))
    }

    /// `array.init_elem`: y is the segment.
    array_init_elem(store, instance, args, x, y) {
        let cut = cut(int(args, 3).into(), slice::ELEMENTS);
        let to = (args.read(), last(args, 1, cut.rest));
        store.array_init_elem(to, (instance, y), last(args, 2, cut.rest), cut.now as u32)?;
        Ok(cut.end(args, 3))
    }
}
