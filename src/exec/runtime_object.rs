//! Runtime functions about objects: allocation that is more than taking a free cell, and the bulk
//! operations on arrays. While they run, the frame that calls them is published with its arguments,
//! so that a collection finds the references among them.

use crate::exec::runtime::PENDING;
use crate::index::TypeId;
use crate::trap::Trap;
use crate::vm::heap::kind;
use crate::vm::{Slot, VmCtx, VmStore};

macro_rules! allocating {
    ($($(#[doc = $doc:literal])* $name:ident($store:ident, $instance:ident, $args:ident, $x:ident, $y:ident) $body:block)*) => {
        $(
            $(#[doc = $doc])*
            pub(super) unsafe extern "C" fn $name(ctx: *mut VmCtx, $args: *mut Slot, $x: u32, $y: u32, _: u32) -> u32 {
                // SAFETY: the handler contract: a live context, and arguments inside the frame
                // whose types validation has checked.
                let (store, $instance) = unsafe { (VmCtx::store_mut(ctx), (*ctx).instance_index) };
                let _ = ($x, $y, $instance);
                let result = store.allocating(|$store: &mut VmStore| {
                    // SAFETY: as above.
                    unsafe { $body }
                });
                match result {
                    Ok(()) => 0,
                    Err(Some(trap)) => trap as u32,
                    Err(None) => PENDING,
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

allocating! {
    /// `struct.new`: x is the first word of the object, y = 1 for default values.
    struct_new(store, instance, args, x, y) {
        let fields = (y == 0).then_some(args.cast_const());
        let object = store.new_struct(TypeId(x & kind::TYPE), fields)?;
        args.write(object);
        Ok(())
    }

    /// `array.new`: x is the type, y the slots of the value.
    array_new(store, instance, args, x, y) {
        let len = int(args, y as usize);
        let object = store.new_array_of(TypeId(x), Some(value(args, y)), len)?;
        args.write(object);
        Ok(())
    }

    /// `array.new_default`: x is the type.
    array_new_default(store, instance, args, x, y) {
        let object = store.new_array_of(TypeId(x), None, int(args, 0))?;
        args.write(object);
        Ok(())
    }

    /// `array.new_fixed`: x is the type, y the number of elements.
    array_new_fixed(store, instance, args, x, y) {
        let object = store.new_array_fixed(TypeId(x), args, y)?;
        args.write(object);
        Ok(())
    }

    /// `array.new_data`: x is the type, y the segment.
    array_new_data(store, instance, args, x, y) {
        let (start, len) = (int(args, 0), int(args, 1));
        let object = store.new_array_data(TypeId(x), (instance, y), start, len)?;
        args.write(object);
        Ok(())
    }

    /// `array.new_elem`: x is the type, y the segment.
    array_new_elem(store, instance, args, x, y) {
        let (start, len) = (int(args, 0), int(args, 1));
        let object = store.new_array_elem(TypeId(x), (instance, y), start, len)?;
        args.write(object);
        Ok(())
    }

    /// `array.fill`: y is the slots of the value.
    array_fill(store, instance, args, x, y) {
        let len = int(args, 2 + y as usize);
        store.array_fill(args.read(), int(args, 1), value(args.add(2), y), len)
    }

    /// `array.copy`
    array_copy(store, instance, args, x, y) {
        let (to, from) = ((args.read(), int(args, 1)), (args.add(2).read(), int(args, 3)));
        store.array_copy(to, from, int(args, 4))
    }

    /// `array.init_data`: y is the segment.
    array_init_data(store, instance, args, x, y) {
        let to = (args.read(), int(args, 1));
        store.array_init_data(to, (instance, y), int(args, 2), int(args, 3))
    }

    /// `array.init_elem`: y is the segment.
    array_init_elem(store, instance, args, x, y) {
        let to = (args.read(), int(args, 1));
        store.array_init_elem(to, (instance, y), int(args, 2), int(args, 3))
    }
}

const _: () = assert!((Trap::OutOfHeap as u32) != PENDING);
