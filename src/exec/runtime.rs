//! Runtime functions: what instructions need native code for. They sit in a namespace of their
//! own, are named in bytecode by number, and resolved to addresses when code is loaded.
//!
//! A runtime function gets the instance, its arguments as consecutive slots (results replace
//! them), and three immediates. It returns how it ended ([`Outcome`]).

use core::panic::AssertUnwindSafe;
use core::ptr::NonNull;

use super::checkpoint::{ends, interrupted, out_of_fuel};
use super::later::{Growing, grown};
pub(super) use super::runtime_object::struct_new;
use super::runtime_object::{
    array_copy, array_fill, array_init_data, array_init_elem, array_new, array_new_data,
    array_new_default, array_new_elem, array_new_fixed,
};
use super::slice::{self, cut};
use crate::error::{Error, Result};
use crate::index::DefinedFuncIndex;
use crate::isa::runtime::{for_each_runtime_function, wide};
use crate::sys::standard::catch_unwind;
use crate::sys::{bulk, racy};
use crate::trap::Trap;
use crate::vm::code_map::Client;
use crate::vm::shared::SharedLinear;
use crate::vm::store::VmStore;
use crate::vm::{CodeEntry, Ending, Outcome, Slot, VmCtx, VmMemory, VmTable};

/// A runtime function.
pub type RuntimeFn =
    unsafe extern "C" fn(ctx: *mut VmCtx, args: *mut Slot, x: u32, y: u32, z: u32) -> Outcome;

macro_rules! runtime {
    ($($(#[doc = $doc:literal])* $name:ident($ctx:ident, $args:ident, $x:ident, $y:ident, $z:ident) $body:block)*) => {
        $(
            $(#[doc = $doc])*
            unsafe extern "C" fn $name($ctx: *mut VmCtx, $args: *mut Slot, $x: u32, $y: u32, $z: u32) -> Outcome {
                // Unused immediates are zero.
                let _ = ($args, $x, $y, $z);
                // SAFETY: the handler contract: `call_runtime` passes a live context and
                // arguments inside the frame; immediates come from the module's layout.
                let run = || -> Result<(), Outcome> { unsafe { $body } };
                run().err().unwrap_or(Outcome::RETURNED)
            }
        )*
    };
}

/// The object whose pointer is `offset` bytes into the context.
unsafe fn object<T>(ctx: *mut VmCtx, offset: u32) -> NonNull<T> {
    // SAFETY: contract 3 of the handlers.
    unsafe { NonNull::new_unchecked(ctx.cast::<u8>().add(offset as usize).cast::<*mut T>().read()) }
}

/// An index or length operand.
unsafe fn operand(args: *mut Slot, at: usize, is_wide: bool) -> u64 {
    // SAFETY: the caller names one of the arguments.
    let bits = unsafe { args.add(at).read() };
    if is_wide { bits } else { u64::from(bits as u32) }
}

unsafe fn store<'a>(ctx: *mut VmCtx) -> &'a mut VmStore {
    // SAFETY: contract 5: the running thread has the store to itself.
    unsafe { &mut *(*(*ctx).store).inner.cast::<VmStore>() }
}

/// The embedder's limiter may have failed, which ends execution, or answer later.
unsafe fn limited(
    ctx: *mut VmCtx,
    args: *mut Slot,
    what: Growing,
    is_wide: bool,
) -> Result<(), Outcome> {
    // SAFETY: as in `store`; the arguments are those of the runtime function.
    unsafe {
        if store(ctx).pending.is_none() {
            return Ok(());
        }
        super::later::wait(ctx, args, what, is_wide)
    }
}

/// `start .. start + len` if it lies inside `size`.
fn range(start: u64, len: u64, size: u64, t: Trap) -> Result<(), Outcome> {
    match start.checked_add(len) {
        Some(end) if end <= size => Ok(()),
        _ => Err(t.into()),
    }
}

runtime! {
    /// `memory.grow`: x is the memory's place, y = 1 for a 64-bit memory; the instruction has taken
    /// care of growing by nothing.
    memory_grow(ctx, args, x, y, _z) {
        let delta = operand(args, 0, y & 1 != 0);
        let memory = object::<VmMemory>(ctx, x);
        let old = store(ctx).memory_grow(memory, delta);
        limited(ctx, args, Growing::Memory { memory, delta }, y & 1 != 0)?;
        args.write(grown(old, y & 1 != 0));
        Ok(())
    }

    /// `memory.fill`: x is the memory's place, y says which operands are wide.
    memory_fill(ctx, args, x, y, _z) {
        let memory = object::<VmMemory>(ctx, x).as_ptr();
        let (start, len) = (operand(args, 0, y & wide::FIRST != 0), operand(args, 2, y & wide::LENGTH != 0));
        let value = args.add(1).read() as u8;
        range(start, len, (*memory).len(), Trap::MemoryOutOfBounds)?;
        let cut = cut(len, slice::BYTES);
        let to = (*memory).base.add((start + cut.rest) as usize);
        if y & wide::SHARED != 0 {
            racy::fill(to, value, cut.now as usize);
        } else {
            bulk::fill(to, value, cut.now as usize);
        }
        cut.end(args, 2)
    }

    /// `memory.copy`: x is the destination's place, y the source's, z says which operands are wide.
    memory_copy(ctx, args, x, y, z) {
        let (to, from) = (object::<VmMemory>(ctx, x).as_ptr(), object::<VmMemory>(ctx, y).as_ptr());
        let (dst, src) = (operand(args, 0, z & wide::FIRST != 0), operand(args, 1, z & wide::SECOND != 0));
        let len = operand(args, 2, z & wide::LENGTH != 0);
        range(dst, len, (*to).len(), Trap::MemoryOutOfBounds)?;
        range(src, len, (*from).len(), Trap::MemoryOutOfBounds)?;
        let (to, from) = ((*to).base.add(dst as usize), (*from).base.add(src as usize));
        let (cut, down) = (cut(len, slice::BYTES), to < from);
        let at = cut.offset(down) as usize;
        if z & wide::SHARED != 0 {
            racy::copy(from.add(at), to.add(at), cut.now as usize);
        } else {
            bulk::copy(from.add(at), to.add(at), cut.now as usize);
        }
        cut.end_copy(args, [0, 1], 2, down)
    }

    /// `memory.init`: x is the memory's place, y the segment, z says which operands are wide.
    memory_init(ctx, args, x, y, z) {
        let memory = object::<VmMemory>(ctx, x).as_ptr();
        let dst = operand(args, 0, z & wide::FIRST != 0);
        let (src, len) = (operand(args, 1, false), operand(args, 2, false));
        let data = store(ctx).data_segment((*ctx).instance_index, y);
        range(src, len, data.len() as u64, Trap::MemoryOutOfBounds)?;
        range(dst, len, (*memory).len(), Trap::MemoryOutOfBounds)?;
        let cut = cut(len, slice::BYTES);
        let to = (*memory).base.add((dst + cut.rest) as usize);
        let from = data.as_ptr().add((src + cut.rest) as usize);
        if z & wide::SHARED != 0 {
            racy::copy(from, to, cut.now as usize);
        } else {
            to.copy_from_nonoverlapping(from, cut.now as usize);
        }
        cut.end(args, 2)
    }

    /// `data.drop`: y is the segment.
    data_drop(ctx, _args, _x, y, _z) {
        store(ctx).data_drop((*ctx).instance_index, y);
        Ok(())
    }

    /// `memory.grow` of a shared memory: x is its place, y = 1 for a 64-bit memory.
    memory_grow_shared(ctx, args, x, y, _z) {
        let delta = operand(args, 0, y & 1 != 0);
        let failed = if y & 1 != 0 { u64::MAX } else { u64::from(u32::MAX) };
        args.write(object::<SharedLinear>(ctx, x).as_ref().grow(delta).unwrap_or(failed));
        Ok(())
    }

    /// `memory.atomic.wait32`: x is the memory's place and two flags, y and z the halves of the
    /// offset.
    memory_wait32(ctx, args, x, y, z) {
        let expected = args.add(1).read() as u32;
        args.write(wait(ctx, args, x, y, z, expected)?);
        Ok(())
    }

    /// `memory.atomic.wait64`: immediates as above.
    memory_wait64(ctx, args, x, y, z) {
        let expected = args.add(1).read();
        args.write(wait(ctx, args, x, y, z, expected)?);
        Ok(())
    }

    /// `memory.atomic.notify`: immediates as above.
    memory_notify(ctx, args, x, y, z) {
        let (offset, memory) = atomic_place::<u32>(ctx, args, x, y, z)?;
        let count = args.add(1).read() as u32;
        // Nobody can wait at a memory that is not shared.
        let woken = memory.map_or(Ok(0), |memory| memory.notify(offset, count));
        args.write(u64::from(woken?));
        Ok(())
    }

    /// `table.grow`: x is the table's place, y = 1 for a 64-bit table.
    table_grow(ctx, args, x, y, _z) {
        let init = args.read();
        let delta = operand(args, 1, y & 1 != 0);
        let table = object::<VmTable>(ctx, x);
        let old = store(ctx).table_grow(table, delta, init);
        limited(ctx, args, Growing::Table { table, delta, init }, y & 1 != 0)?;
        args.write(grown(old, y & 1 != 0));
        Ok(())
    }

    /// `table.fill`: x is the table's place, y says which operands are wide.
    table_fill(ctx, args, x, y, _z) {
        let table = object::<VmTable>(ctx, x).as_ptr();
        let (start, len) = (operand(args, 0, y & wide::FIRST != 0), operand(args, 2, y & wide::LENGTH != 0));
        let value = args.add(1).read();
        range(start, len, (*table).len, Trap::TableOutOfBounds)?;
        let cut = cut(len, slice::ELEMENTS);
        for i in start + cut.rest..start + len {
            (*table).elems.add(i as usize).write(value);
        }
        cut.end(args, 2)
    }

    /// `table.copy`: x is the destination's place, y the source's, z says which operands are wide.
    table_copy(ctx, args, x, y, z) {
        let (to, from) = (object::<VmTable>(ctx, x).as_ptr(), object::<VmTable>(ctx, y).as_ptr());
        let (dst, src) = (operand(args, 0, z & wide::FIRST != 0), operand(args, 1, z & wide::SECOND != 0));
        let len = operand(args, 2, z & wide::LENGTH != 0);
        range(dst, len, (*to).len, Trap::TableOutOfBounds)?;
        range(src, len, (*from).len, Trap::TableOutOfBounds)?;
        let (to, from) = ((*to).elems.add(dst as usize), (*from).elems.add(src as usize));
        let (cut, down) = (cut(len, slice::ELEMENTS), to < from);
        let at = cut.offset(down) as usize;
        to.add(at).copy_from(from.add(at), cut.now as usize);
        cut.end_copy(args, [0, 1], 2, down)
    }

    /// `table.init`: x is the table's place, y the segment, z says which operands are wide.
    table_init(ctx, args, x, y, z) {
        let table = object::<VmTable>(ctx, x).as_ptr();
        let dst = operand(args, 0, z & wide::FIRST != 0);
        let (src, len) = (operand(args, 1, false), operand(args, 2, false));
        let elems = store(ctx).elem_segment((*ctx).instance_index, y);
        range(src, len, elems.len() as u64, Trap::TableOutOfBounds)?;
        range(dst, len, (*table).len, Trap::TableOutOfBounds)?;
        let cut = cut(len, slice::ELEMENTS);
        let from = elems.as_ptr().add((src + cut.rest) as usize);
        (*table).elems.add((dst + cut.rest) as usize).copy_from_nonoverlapping(from, cut.now as usize);
        cut.end(args, 2)
    }

    /// `elem.drop`: y is the segment.
    elem_drop(ctx, _args, _x, y, _z) {
        store(ctx).elem_drop((*ctx).instance_index, y);
        Ok(())
    }

    /// `throw`: x is the tag's index, y the number of slots of the payload.
    throw(ctx, args, x, y, _z) {
        let store = store(ctx);
        let tag = store.instance_tag((*ctx).instance_index, x);
        let payload = core::slice::from_raw_parts(args, y as usize);
        let exn = store.allocating(|store| store.new_exception(tag, payload));
        let exn = exn.map_err(|trap| trap.map_or(Outcome::FAILED, |trap| trap.into()))?;
        store.exceptions.thrown = exn;
        Err(Outcome::THROWN)
    }

    /// `throw_ref`, and `rethrow` of the older form.
    throw_ref(ctx, args, _x, _y, _z) {
        let exn = args.read();
        if exn == 0 {
            return Err(Trap::NullReference.into());
        }
        store(ctx).exceptions.thrown = exn;
        Err(Outcome::THROWN)
    }
}

/// Where a wait or notification is, checked, and the memory if it is shared.
///
/// # Safety
///
/// As for the runtime functions that call this.
unsafe fn atomic_place<'a, T>(
    ctx: *mut VmCtx,
    args: *mut Slot,
    x: u32,
    y: u32,
    z: u32,
) -> Result<(u64, Option<&'a SharedLinear>), Outcome> {
    // SAFETY: the caller's promise.
    unsafe {
        let (place, width) = (x & !7, size_of::<T>() as u64);
        let memory = object::<VmMemory>(ctx, place);
        let index = operand(args, 0, x & wide::FIRST != 0);
        let offset = u64::from(y) | u64::from(z) << 32;
        let offset = index.checked_add(offset).ok_or(Trap::MemoryOutOfBounds)?;
        if !offset.is_multiple_of(width) {
            return Err(Trap::HeapMisaligned.into());
        }
        range(offset, width, memory.as_ref().len(), Trap::MemoryOutOfBounds)?;
        let shared = x & wide::PLACE_SHARED != 0;
        // Whoever is in the store's list of memories lives as long as the store.
        Ok((offset, shared.then(|| memory.cast::<SharedLinear>().as_ref())))
    }
}

/// `memory.atomic.wait`, for either width. A negative timeout, in nanoseconds, is none.
///
/// # Safety
///
/// As for the runtime functions that call this.
unsafe fn wait<T: racy::AtomicInt + PartialEq>(
    ctx: *mut VmCtx,
    args: *mut Slot,
    x: u32,
    y: u32,
    z: u32,
    expected: T,
) -> Result<u64, Outcome> {
    // SAFETY: the caller's promise.
    let (place, timeout, interrupt) = unsafe {
        let timeout = u64::try_from(args.add(2).read() as i64).ok();
        (atomic_place::<T>(ctx, args, x, y, z)?, timeout, store(ctx).interrupt().clone())
    };
    let (offset, Some(memory)) = place else { return Err(Trap::AtomicWaitNonSharedMemory.into()) };
    let timeout = timeout.map(core::time::Duration::from_nanos);
    let ended = memory.wait(offset, expected, timeout, Some(&interrupt));
    ended.map(|ended| ended as u64).map_err(|trap| trap.into())
}

macro_rules! addresses {
    ($($name:ident)*) => {
        /// Addresses by number: the one namespace that `call_runtime` reaches.
        static ADDRESSES: &[RuntimeFn] = &[$($name,)*];
    };
}
for_each_runtime_function!(addresses);

/// The function with this number in the runtime namespace.
pub fn address(number: u64) -> Option<RuntimeFn> {
    ADDRESSES.get(usize::try_from(number).ok()?).copied()
}

/// The store whose code calls a function for the first time.
struct Caller(*mut VmCtx);

impl Client for Caller {
    fn go_on(&mut self) -> Result<()> {
        // SAFETY: `lazy_compile` made this with its context.
        match unsafe { ends(self.0) } {
            true => Err(Trap::Interrupt.into()),
            false => Ok(()),
        }
    }

    fn take(&mut self, bytes: usize) -> Result<()> {
        // SAFETY: as above.
        unsafe { store(self.0) }.take_code(bytes)
    }
}

/// Translates the function whose entry's stub `pc` is in; null on failure, which the store then
/// holds as pending.
///
/// # Safety
/// `pc` is the `stub` of a [`CodeEntry`] of the context's module.
#[inline(never)]
pub unsafe fn lazy_compile(ctx: *mut VmCtx, pc: *const u8) -> *const u8 {
    // SAFETY: the caller's promise.
    unsafe {
        let entry = pc.sub(memoffset::offset_of!(CodeEntry, stub)).cast::<CodeEntry>();
        let index = DefinedFuncIndex(entry.offset_from((*ctx).code) as u32);
        let code = VmCtx::code_map(ctx);
        // A handler cannot be unwound through.
        let compiled = catch_unwind(AssertUnwindSafe(|| {
            code.map(|code| code.compile(index, &mut Caller(ctx)))
        }));
        let failure = match compiled {
            Ok(Some(Ok(()))) => return (*entry).load(),
            Ok(Some(Err(error))) => match error.downcast_ref::<Trap>() {
                Some(trap) => Ending::Trapped(*trap),
                None => Ending::Failed(error),
            },
            Ok(None) => Ending::Failed(Error::msg("code without a module")),
            Err(payload) => Ending::Panicked(payload),
        };
        store(ctx).end(failure);
        core::ptr::null()
    }
}
