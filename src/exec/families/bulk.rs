//! `memory.fill` and `memory.copy`. Most runs are short, and for them a native call costs more than
//! the work: up to [`SHORT`] bytes are written by the handler itself, with as few accesses as two
//! overlapping halves take. For longer ones a continuation calls native code ([`sys::bulk`]): it sees
//! nothing of the interpreter, so nothing has to be published for it. Whatever ends in a trap, or takes more than one
//! slice, is left to the runtime functions, whose operands these instructions have.
//!
//! A run is known by its end and its length: with the addresses of its two ends handlers would need
//! more registers than they have.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::{any, any_float, opaque, opaque_ptr, settle};
use crate::exec::float::{self, Vector};
use crate::exec::{handlers, next, slice};
use crate::isa::op::{CallRuntime, MemoryCopy, MemoryFill};
use crate::isa::operand::Field;
use crate::sem::V128;
use crate::sys;
use crate::vm::VmMemory;

/// Bytes of the longest run that does not leave the handler. Beyond it wider accesses make up for the
/// call.
const SHORT: u64 = 128;

/// The end of the run of `len` bytes whose start is in an operand's slot, if it lies inside the
/// memory whose pointer is at the context offset in field `memory`.
#[inline(always)]
unsafe fn end(r: &Regs, memory: Field<u32>, operand: usize, len: u64) -> Option<*mut u8> {
    // SAFETY: contract 3; the memory is not shared, so nobody else changes its length.
    unsafe {
        // Operands are read where they are needed, each time: see above.
        settle();
        let place = r.ctx_again().cast::<u8>().add(r.get(memory) as usize);
        let memory = opaque_ptr(place.cast::<*mut VmMemory>().read());
        let start = r.slot(CallRuntime::ARGS).add(operand).read() as u32;
        // Neither number has more than 32 bits.
        let end = opaque(u64::from(start) + len);
        let inside = end <= (*memory).len.as_ptr().read();
        inside.then(|| opaque_ptr((*memory).base.add(end as usize)))
    }
}

/// Moves a run of between `n` and `2 * n` bytes, `n` those of so many values of a type: reads those
/// that begin it and those that end it, then writes all.
macro_rules! move_ends {
    ($ty:ty, $to:ident, $from:ident, $back:ident, [$($head:ident $tail:ident $i:literal),*]) => {{
        const WIDTH: usize = size_of::<$ty>();
        $(let $head = $from.wrapping_add($back).add($i * WIDTH).cast::<$ty>().read_unaligned();)*
        $(let $tail = $from.sub(($i + 1) * WIDTH).cast::<$ty>().read_unaligned();)*
        $($to.wrapping_add($back).add($i * WIDTH).cast::<$ty>().write_unaligned($head);)*
        $($to.sub(($i + 1) * WIDTH).cast::<$ty>().write_unaligned($tail);)*
    }};
}

/// Fills such a run with copies of a value.
macro_rules! fill_ends {
    ($ty:ty, $to:ident, $value:expr, $back:ident, [$($i:literal),*]) => {{
        const WIDTH: usize = size_of::<$ty>();
        let value: $ty = $value;
        $($to.wrapping_add($back).add($i * WIDTH).cast::<$ty>().write_unaligned(value);)*
        $($to.sub(($i + 1) * WIDTH).cast::<$ty>().write_unaligned(value);)*
    }};
}

/// `memory.copy` between memories that are not shared and have 32-bit indices.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn copy(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the bounds are compared.
    unsafe {
        let len = u64::from(r.slot(CallRuntime::ARGS).add(2).read() as u32);
        if len > SHORT {
            return Step::To(handlers::memory_copy_long);
        }
        let Some(to) = end(r, MemoryCopy::TO, 0, len) else {
            return Step::To(handlers::memory_copy_long);
        };
        let Some(from) = end(r, MemoryCopy::FROM, 1, len) else {
            return Step::To(handlers::memory_copy_long);
        };
        let back = opaque(len.wrapping_neg()) as usize;
        if len >= 16 {
            if len > 64 {
                move_ends!(Vector, to, from, back, [a e 0, b f 1, c g 2, d h 3]);
            } else if len > 32 {
                move_ends!(Vector, to, from, back, [a e 0, b f 1]);
            } else {
                move_ends!(Vector, to, from, back, [a e 0]);
            }
        } else if len >= 8 {
            move_ends!(u64, to, from, back, [a e 0]);
        } else if len >= 4 {
            move_ends!(u32, to, from, back, [a e 0]);
        } else if len >= 2 {
            move_ends!(u16, to, from, back, [a e 0]);
        } else if len == 1 {
            to.sub(1).write(from.sub(1).read());
        }
        // Means nothing any more, which leaves its register to the above.
        r.acc = any();
    }
    next(r, CallRuntime::BODY)
}

/// `memory.fill` of a memory that is not shared and has 32-bit indices.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn fill(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the bounds are compared.
    unsafe {
        let len = u64::from(r.slot(CallRuntime::ARGS).add(2).read() as u32);
        if len > SHORT {
            return Step::To(handlers::memory_fill_long);
        }
        let Some(to) = end(r, MemoryFill::MEMORY, 0, len) else {
            return Step::To(handlers::memory_fill_long);
        };
        settle();
        let bytes =
            u64::from(r.slot(CallRuntime::ARGS).add(1).read() as u8) * 0x0101_0101_0101_0101;
        let vector = float::vector(V128::from_bits(u128::from(bytes) * ((1 << 64) + 1)));
        let back = opaque(len.wrapping_neg()) as usize;
        if len >= 16 {
            if len > 64 {
                fill_ends!(Vector, to, vector, back, [0, 1, 2, 3]);
            } else if len > 32 {
                fill_ends!(Vector, to, vector, back, [0, 1]);
            } else {
                fill_ends!(Vector, to, vector, back, [0]);
            }
        } else if len >= 8 {
            fill_ends!(u64, to, bytes, back, [0]);
        } else if len >= 4 {
            fill_ends!(u32, to, bytes as u32, back, [0]);
        } else if len >= 2 {
            fill_ends!(u16, to, bytes as u16, back, [0]);
        } else if len == 1 {
            to.sub(1).write(bytes as u8);
        }
        r.acc = any();
    }
    next(r, CallRuntime::BODY)
}

/// [`copy`] by native code, or a trap.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn copy_long(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the bounds are compared.
    unsafe {
        let len = u64::from(r.slot(CallRuntime::ARGS).add(2).read() as u32);
        if len > slice::BYTES {
            return Step::To(handlers::call_runtime);
        }
        let Some(to) = end(r, MemoryCopy::TO, 0, len) else {
            return Step::To(handlers::call_runtime);
        };
        let Some(from) = end(r, MemoryCopy::FROM, 1, len) else {
            return Step::To(handlers::call_runtime);
        };
        let len = len as usize;
        sys::bulk::copy(from.sub(len), to.sub(len), len);
        // Mean nothing any more, and need not be kept across the call.
        (r.acc, r.fa) = (any(), any_float());
    }
    next(r, CallRuntime::BODY)
}

/// [`fill`] by native code, or a trap.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn fill_long(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the bounds are compared.
    unsafe {
        let len = u64::from(r.slot(CallRuntime::ARGS).add(2).read() as u32);
        if len > slice::BYTES {
            return Step::To(handlers::call_runtime);
        }
        let Some(to) = end(r, MemoryFill::MEMORY, 0, len) else {
            return Step::To(handlers::call_runtime);
        };
        let byte = r.slot(CallRuntime::ARGS).add(1).read() as u8;
        let len = len as usize;
        sys::bulk::fill(to.sub(len), byte, len);
        (r.acc, r.fa) = (any(), any_float());
    }
    next(r, CallRuntime::BODY)
}
