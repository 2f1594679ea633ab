//! Structures and arrays.

use super::memory::Native;
use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::opaque_ptr;
use crate::exec::operand::{Dest, Source};
use crate::exec::{handlers, next, trap};
use crate::isa::op::{ArrayGet, ArraySet, StructGet, StructNew, StructSet, Unary};
use crate::trap::Trap;
use crate::vm::heap::Header;
use crate::wasm::object_layout::HEADER;

/// `struct.new` and `struct.new_default` of small structures, from the window of free cells.
///
/// # Safety
/// The handler contract; the size class and the type belong together.
#[inline(always)]
pub unsafe fn struct_new<const DEFAULT: bool>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; a cell of the window is free and as large as its class.
    unsafe {
        let store = (*r.ctx()).store;
        let window = (&raw mut (*(*store).heap).windows)
            .cast::<crate::vm::heap::Window>()
            .add(r.get(StructNew::CLASS) as usize);
        let object = (*window).next;
        let bytes = r.get(StructNew::BYTES);
        let end = object.wrapping_add(bytes as usize);
        if end > (*window).end {
            return Step::To(handlers::struct_new_slow);
        }
        (*window).next = end;
        let word = r.get(StructNew::TY);
        object.cast::<Header>().write(Header { word, len: 0 });
        let mut to = object.cast::<u64>().add(1);
        if DEFAULT {
            while to.cast::<u8>() < end {
                // Volatile keeps this a loop: a call to memset would not be the handler's last.
                to.write_volatile(0);
                to = opaque_ptr(to.add(1));
            }
        } else {
            super::mov::copy_up(to, r.slot(StructNew::ARGS), r.get(StructNew::SLOTS));
        }
        r.acc = object as u64;
        r.slot(StructNew::ARGS).write(r.acc);
    }
    next(r, StructNew::BODY)
}

/// `d := [x + offset]`
///
/// # Safety
/// The handler contract; the object is null or has the field.
#[inline(always)]
pub unsafe fn struct_get<D, X, V, N>(r: &mut Regs) -> Step
where
    D: Dest<V>,
    X: Source<u64>,
    N: Native<V>,
{
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, StructGet::OBJECT) as *const u8;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        let v = N::load(object.add(r.get(StructGet::OFFSET) as usize));
        D::write(r, StructGet::DST, v);
    }
    next(r, StructGet::BODY)
}

/// `[x + offset] := v`
///
/// # Safety
/// As for [`struct_get`].
#[inline(always)]
pub unsafe fn struct_set<X, Y, V, N>(r: &mut Regs) -> Step
where
    X: Source<u64>,
    Y: Source<V>,
    N: Native<V>,
{
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, StructSet::OBJECT) as *mut u8;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        let v = Y::read(r, StructSet::VALUE);
        N::store(object.add(r.get(StructSet::OFFSET) as usize), v);
    }
    next(r, StructSet::BODY)
}

/// The address of element `index` of an array with elements of `width` bytes.
#[inline(always)]
unsafe fn element(object: u64, index: u32, width: u64) -> Result<*mut u8, Trap> {
    // SAFETY: the caller's promise: the object is null or an array with such elements.
    unsafe {
        let object = object as *mut u8;
        if object.is_null() {
            return Err(Trap::NullReference);
        }
        if index >= (*object.cast::<Header>()).len {
            return Err(Trap::ArrayOutOfBounds);
        }
        // Elements begin behind the head, aligned to their size.
        let base = if width == 16 { 16 } else { HEADER as usize };
        Ok(object.add(base + index as usize * width as usize))
    }
}

/// `d := x[y]`
///
/// # Safety
/// The handler contract; the object is null or an array with such elements.
#[inline(always)]
pub unsafe fn array_get<D, X, Y, V, N>(r: &mut Regs) -> Step
where
    D: Dest<V>,
    X: Source<u64>,
    Y: Source<u32>,
    N: Native<V>,
{
    // SAFETY: the handler contract.
    unsafe {
        match element(X::read(r, ArrayGet::OBJECT), Y::read(r, ArrayGet::INDEX), N::WIDTH) {
            Err(t) => return trap(r, t),
            Ok(p) => {
                let v = N::load(p);
                D::write(r, ArrayGet::DST, v);
            }
        }
    }
    next(r, ArrayGet::BODY)
}

/// `S[object][y] := v`
///
/// # Safety
/// As for [`array_get`].
#[inline(always)]
pub unsafe fn array_set<Y, Z, V, N>(r: &mut Regs) -> Step
where
    Y: Source<u32>,
    Z: Source<V>,
    N: Native<V>,
{
    // SAFETY: the handler contract.
    unsafe {
        let v = Z::read(r, ArraySet::VALUE);
        let object = r.slot(ArraySet::OBJECT).read();
        match element(object, Y::read(r, ArraySet::INDEX), N::WIDTH) {
            Err(t) => return trap(r, t),
            Ok(p) => N::store(p, v),
        }
    }
    next(r, ArraySet::BODY)
}

/// `d := length(x)`
///
/// # Safety
/// The handler contract; the object is null or an array.
#[inline(always)]
pub unsafe fn array_len<D: Dest<u32>, X: Source<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, Unary::SRC) as *const Header;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        let len = (*object).len;
        D::write(r, Unary::DST, len);
    }
    next(r, Unary::BODY)
}

/// Copies 16 bytes between an object and two slots: through one vector register.
#[inline(always)]
unsafe fn copy_v128(from: *const u8, to: *mut u8) {
    // SAFETY: the callers' promise.
    unsafe { to.cast::<u128>().write_unaligned(from.cast::<u128>().read_unaligned()) }
}

/// `S[dst], S[dst + 1] := [S[object] + offset]`
///
/// # Safety
/// As for [`struct_get`].
#[inline(always)]
pub unsafe fn struct_get_v128(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = r.slot(StructGet::OBJECT).read() as *const u8;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        copy_v128(object.add(r.get(StructGet::OFFSET) as usize), r.slot(StructGet::DST).cast());
    }
    next(r, StructGet::BODY)
}

/// `[S[object] + offset] := S[value], S[value + 1]`
///
/// # Safety
/// As for [`struct_get`].
#[inline(always)]
pub unsafe fn struct_set_v128(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = r.slot(StructSet::OBJECT).read() as *mut u8;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        copy_v128(r.slot(StructSet::VALUE).cast(), object.add(r.get(StructSet::OFFSET) as usize));
    }
    next(r, StructSet::BODY)
}

/// `S[dst], S[dst + 1] := S[object][S[index]]`
///
/// # Safety
/// As for [`array_get`].
#[inline(always)]
pub unsafe fn array_get_v128(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let index = r.slot(ArrayGet::INDEX).read() as u32;
        match element(r.slot(ArrayGet::OBJECT).read(), index, 16) {
            Err(t) => return trap(r, t),
            Ok(p) => copy_v128(p, r.slot(ArrayGet::DST).cast()),
        }
    }
    next(r, ArrayGet::BODY)
}

/// `S[object][S[index]] := S[value], S[value + 1]`
///
/// # Safety
/// As for [`array_get`].
#[inline(always)]
pub unsafe fn array_set_v128(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let index = r.slot(ArraySet::INDEX).read() as u32;
        match element(r.slot(ArraySet::OBJECT).read(), index, 16) {
            Err(t) => return trap(r, t),
            Ok(p) => copy_v128(r.slot(ArraySet::VALUE).cast(), p),
        }
    }
    next(r, ArraySet::BODY)
}
