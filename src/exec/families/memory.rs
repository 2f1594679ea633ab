//! Loads, stores and table accesses.
//!
//! In guard-page mode a load or store is the bare access: a fault is turned into a trap by the
//! signal handler, which reads `pc`, `fp` and `ctx` from their registers. The `loop` backend
//! keeps them in memory, so there every access compares.
//!
//! Other threads may be at work on a shared memory, so accesses are volatile: one machine access
//! each, of which the compiler assumes nothing.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::{opaque, opaque_ptr, settle};
use crate::exec::operand::{Dest, Source, Value};
use crate::exec::{next, trap};
use crate::isa::op::{
    Cmpxchg, Load, LoadGeneral, MemorySize, RefFunc, RefFuncImport, Rmw, Store, StoreGeneral,
    TableGet, TableSet, TableSize,
};
use crate::isa::operand::{Field, Place};
use crate::sys::racy::Racy;
use crate::trap::Trap;
use crate::vm::{VmMemory, VmTable};

/// A type as it lies in memory, little-endian, extended to `V` when loaded.
pub trait Native<V> {
    /// Loads and extends.
    ///
    /// # Safety
    /// `p` is readable for this type's width, or faults into the trap machinery.
    unsafe fn load(p: *const u8) -> V;
    /// Wraps and stores.
    ///
    /// # Safety
    /// `p` is writable for this type's width, or faults into the trap machinery.
    unsafe fn store(p: *mut u8, v: V);
    /// Wraps and stores `offset` bytes behind `base`.
    ///
    /// # Safety
    /// As for [`Native::store`].
    unsafe fn store_at(base: *mut u8, offset: usize, v: V);
    /// Width in bytes.
    const WIDTH: u64;
}

macro_rules! native {
    ($($n:ty as $v:ty;)*) => {$(
        impl Native<$v> for $n {
            #[inline(always)]
            unsafe fn load(p: *const u8) -> $v {
                // SAFETY: the caller's promise.
                (unsafe { <$n as Racy>::read(p) }) as $v
            }
            #[inline(always)]
            unsafe fn store(p: *mut u8, v: $v) {
                // SAFETY: the caller's promise.
                unsafe { <$n as Racy>::write(p, v as $n) }
            }
            #[inline(always)]
            unsafe fn store_at(base: *mut u8, offset: usize, v: $v) {
                // SAFETY: the caller's promise.
                unsafe { <$n as Racy>::write_at(base, offset, v as $n) }
            }
            const WIDTH: u64 = core::mem::size_of::<$n>() as u64;
        }
    )*};
}
native! {
    u8 as u32; i8 as u32; u16 as u32; i16 as u32; u32 as u32;
    u8 as u64; i8 as u64; u16 as u64; i16 as u64; u32 as u64; i32 as u64; u64 as u64;
}

macro_rules! native_float {
    ($($n:ty;)*) => {$(
        impl Native<$n> for $n {
            #[inline(always)]
            unsafe fn load(p: *const u8) -> $n {
                // SAFETY: the caller's promise.
                unsafe { <$n as Racy>::read(p) }
            }
            #[inline(always)]
            unsafe fn store(p: *mut u8, v: $n) {
                // SAFETY: the caller's promise.
                unsafe { <$n as Racy>::write(p, v) }
            }
            #[inline(always)]
            unsafe fn store_at(base: *mut u8, offset: usize, v: $n) {
                // SAFETY: the caller's promise.
                unsafe { <$n as Racy>::write_at(base, offset, v) }
            }
            const WIDTH: u64 = core::mem::size_of::<$n>() as u64;
        }
    )*};
}
native_float! { f32; f64; }

/// Where an access to memory 0 begins, in bytes from its base, or `None` if a comparison refuses
/// it. 64-bit indices are always compared.
#[inline(always)]
unsafe fn start<const CHECKED: bool, I: Into<u64>>(
    r: &Regs,
    index: I,
    offset: Field<u32>,
    width: u64,
) -> Option<usize> {
    // SAFETY: contract 1.
    let offset = unsafe { r.get(offset) };
    // Two 32-bit numbers and a width cannot overflow 64 bits.
    let mut start = index.into().checked_add(u64::from(offset))?;
    if CHECKED || cfg!(dispatch = "loop") {
        // Both compared and used: LLVM would keep two forms of the sum, a register too many.
        start = opaque(start);
        // SAFETY: contract 3.
        let len = unsafe { (*(*r.ctx()).mem0).len() };
        let inside = match size_of::<I>() {
            4 => start + width <= len,
            _ => start <= len && len - start >= width,
        };
        if !inside {
            return None;
        }
    }
    Some(start as usize)
}

/// The same as an address, for a load. Where nothing is compared the index is added last: the other sum is
/// ready before the index is, which may just have been loaded. (A store is nobody's operand, and has a
/// register less to spare.)
#[inline(always)]
pub(super) unsafe fn address<const CHECKED: bool, I: Into<u64>>(
    r: &Regs,
    index: I,
    offset: Field<u32>,
    width: u64,
) -> Option<*mut u8> {
    const { assert!(CHECKED || size_of::<I>() == 4, "64-bit indices are always compared") };
    // SAFETY: the handler contract; contract 4.
    unsafe {
        if CHECKED || cfg!(dispatch = "loop") {
            start::<CHECKED, I>(r, index, offset, width).map(|start| r.mem.add(start))
        } else {
            Some(r.mem.add(r.get(offset) as usize).add(index.into() as usize))
        }
    }
}

/// `d := load[x + offset]`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn load<D, X, I, V, N, const CHECKED: bool>(r: &mut Regs) -> Step
where
    D: Dest<V>,
    X: Source<I>,
    I: Into<u64>,
    N: Native<V>,
{
    // SAFETY: the handler contract.
    unsafe {
        let index = X::read(r, Load::ADDR);
        let Some(p) = address::<CHECKED, I>(r, index, Load::OFFSET, N::WIDTH) else {
            return trap(r, Trap::MemoryOutOfBounds);
        };
        let v = N::load(p);
        if !CHECKED {
            settle();
        }
        D::write(r, Load::DST, v);
    }
    next(r, Load::BODY)
}

/// `store[x + offset] := v`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn store<X, Y, I, V, N, const CHECKED: bool>(r: &mut Regs) -> Step
where
    X: Source<I>,
    I: Into<u64>,
    Y: Source<V>,
    N: Native<V>,
{
    // SAFETY: the handler contract.
    unsafe {
        let index = X::read(r, Store::ADDR);
        let Some(start) = start::<CHECKED, I>(r, index, Store::OFFSET, N::WIDTH) else {
            return trap(r, Trap::MemoryOutOfBounds);
        };
        let v = Y::read(r, Store::VALUE);
        N::store_at(r.mem, start, v);
        if !CHECKED {
            settle();
        }
    }
    next(r, Store::BODY)
}

/// The object whose pointer is at the context offset in a field.
#[inline(always)]
pub(super) unsafe fn object<T>(r: &Regs, at: Field<u32>) -> *mut T {
    // SAFETY: contract 3.
    unsafe { r.ctx().cast::<u8>().add(r.get(at) as usize).cast::<*mut T>().read() }
}

// All accesses to any memory have the memory and the offset at the same places.
const _: () = {
    let memories = [StoreGeneral::MEMORY, Rmw::MEMORY, Cmpxchg::MEMORY];
    let offsets = [StoreGeneral::OFFSET, Rmw::OFFSET, Cmpxchg::OFFSET];
    let mut i = 0;
    while i < memories.len() {
        assert!(memories[i].byte() == LoadGeneral::MEMORY.byte());
        assert!(offsets[i].byte() == LoadGeneral::OFFSET.byte());
        i += 1;
    }
};

/// The address of an access to any memory, if it is inside: `width` bytes at an offset from the index
/// in the slot that `addr` names. Each step leaves few values for the next, as there are few registers.
#[inline(always)]
pub(super) unsafe fn general<T>(r: &Regs, addr: Place, width: u64) -> Option<*mut u8>
where
    T: Value + Into<u64>,
{
    // SAFETY: the handler contract.
    unsafe {
        let index: u64 = T::from_bits(r.slot(addr).read()).into();
        let start = opaque(index.checked_add(r.get(LoadGeneral::OFFSET))?);
        inside(r, start, width).map(|base| base.add(start as usize))
    }
}

/// The base of the memory that the instruction names, if `width` bytes from `start` on are
/// inside of it.
#[inline(always)]
pub(super) unsafe fn inside(r: &Regs, start: u64, width: u64) -> Option<*mut u8> {
    // SAFETY: contract 3.
    unsafe {
        let place = r.ctx_again().cast::<u8>().add(r.get(LoadGeneral::MEMORY) as usize);
        let memory = opaque_ptr(place.cast::<*mut VmMemory>().read());
        let last = opaque((*memory).len()).checked_sub(width)?;
        (start <= last).then(|| (*memory).base)
    }
}

/// `S[dst] := load(memory, S[addr] + offset)`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn load_general<V: Value, N: Native<V>, T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; `general` checked the bounds.
    unsafe {
        let Some(p) = general::<T>(r, LoadGeneral::ADDR, N::WIDTH) else {
            return trap(r, Trap::MemoryOutOfBounds);
        };
        let v = N::load(p);
        r.slot(LoadGeneral::DST).write(v.to_bits());
        V::set_acc(r, v);
    }
    next(r, LoadGeneral::BODY)
}

/// `store(memory, S[addr] + offset) := S[value]`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn store_general<V: Value, N: Native<V>, T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; `general` checked the bounds.
    unsafe {
        let Some(p) = general::<T>(r, StoreGeneral::ADDR, N::WIDTH) else {
            return trap(r, Trap::MemoryOutOfBounds);
        };
        let p = opaque_ptr(p);
        let v = V::from_bits(r.slot(StoreGeneral::VALUE).read());
        N::store(p, v);
    }
    next(r, StoreGeneral::BODY)
}

/// `memory.size`, in pages of `1 << shift` bytes.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn size(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let memory = object::<VmMemory>(r, MemorySize::MEMORY);
        r.acc = (*memory).len() >> (r.get(MemorySize::SHIFT) & 63);
        r.slot(MemorySize::DST).write(r.acc);
    }
    next(r, MemorySize::BODY)
}

/// `table.size`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn table_size(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let table = object::<VmTable>(r, TableSize::TABLE);
        r.acc = (*table).len;
        r.slot(TableSize::DST).write(r.acc);
    }
    next(r, TableSize::BODY)
}

/// `table.get`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn table_get<T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the index is compared with the length.
    unsafe {
        let table = object::<VmTable>(r, TableGet::TABLE);
        let index: u64 = T::from_bits(r.slot(TableGet::INDEX).read()).into();
        if index >= (*table).len {
            return trap(r, Trap::TableOutOfBounds);
        }
        r.acc = (*table).elems.add(index as usize).read();
        r.slot(TableGet::DST).write(r.acc);
    }
    next(r, TableGet::BODY)
}

/// `table.set`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn table_set<T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the index is compared with the length.
    unsafe {
        let table = object::<VmTable>(r, TableSet::TABLE);
        let index: u64 = T::from_bits(r.slot(TableSet::INDEX).read()).into();
        if index >= (*table).len {
            return trap(r, Trap::TableOutOfBounds);
        }
        (*table).elems.add(index as usize).write(r.slot(TableSet::VALUE).read());
    }
    next(r, TableSet::BODY)
}

/// `ref.func` of a function that the module defines.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ref_func(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        r.acc = (*r.ctx()).func_refs.add(r.get(RefFunc::INDEX) as usize) as u64;
        r.slot(RefFunc::DST).write(r.acc);
    }
    next(r, RefFunc::BODY)
}

/// `ref.func` of an imported function.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ref_func_import(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        r.acc = object::<u8>(r, RefFuncImport::AT) as u64;
        r.slot(RefFuncImport::DST).write(r.acc);
    }
    next(r, RefFuncImport::BODY)
}
