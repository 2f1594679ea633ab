//! Structures and arrays.

use super::memory::Native;
use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::opaque_ptr;
use crate::exec::operand::{Dest, Source, field, slot};
use crate::exec::{handlers, next, trap};
use crate::trap::Trap;
use crate::vm::heap::Header;
use crate::wasm::object::HEADER;

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
            .add(field::<u16>(r.pc, 4) as usize);
        let object = (*window).next;
        let bytes = field::<u32>(r.pc, 12);
        let end = object.wrapping_add(bytes as usize);
        if end > (*window).end {
            return Step::To(handlers::struct_new_slow);
        }
        (*window).next = end;
        let word = field::<u32>(r.pc, 8);
        object.cast::<Header>().write(Header { word, len: 0 });
        let mut to = object.cast::<u64>().add(1);
        if DEFAULT {
            while to.cast::<u8>() < end {
                // Volatile keeps this a loop: a call to memset would not be the handler's last.
                to.write_volatile(0);
                to = opaque_ptr(to.add(1));
            }
        } else {
            super::mov::copy_up(to, slot(r, 2), field::<u16>(r.pc, 6));
        }
        r.acc = object as u64;
        slot(r, 2).write(r.acc);
    }
    next(r, 16)
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
        let object = X::read(r, 2) as *const u8;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        let v = N::load(object.add(field::<u32>(r.pc, 4) as usize));
        D::write(r, 0, v);
    }
    next(r, 8)
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
        let object = X::read(r, 0) as *mut u8;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        let v = Y::read(r, 2);
        N::store(object.add(field::<u32>(r.pc, 4) as usize), v);
    }
    next(r, 8)
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
        match element(X::read(r, 2), Y::read(r, 4), N::WIDTH) {
            Err(t) => return trap(r, t),
            Ok(p) => {
                let v = N::load(p);
                D::write(r, 0, v);
            }
        }
    }
    next(r, 8)
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
        let v = Z::read(r, 4);
        match element(slot(r, 0).read(), Y::read(r, 2), N::WIDTH) {
            Err(t) => return trap(r, t),
            Ok(p) => N::store(p, v),
        }
    }
    next(r, 8)
}

/// `d := length(x)`
///
/// # Safety
/// The handler contract; the object is null or an array.
#[inline(always)]
pub unsafe fn array_len<D: Dest<u32>, X: Source<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, 2) as *const Header;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        let len = (*object).len;
        D::write(r, 0, len);
    }
    next(r, 8)
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
        let object = slot(r, 2).read() as *const u8;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        copy_v128(object.add(field::<u32>(r.pc, 4) as usize), slot(r, 0).cast());
    }
    next(r, 8)
}

/// `[S[object] + offset] := S[value], S[value + 1]`
///
/// # Safety
/// As for [`struct_get`].
#[inline(always)]
pub unsafe fn struct_set_v128(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = slot(r, 0).read() as *mut u8;
        if object.is_null() {
            return trap(r, Trap::NullReference);
        }
        copy_v128(slot(r, 2).cast(), object.add(field::<u32>(r.pc, 4) as usize));
    }
    next(r, 8)
}

/// `S[dst], S[dst + 1] := S[object][S[index]]`
///
/// # Safety
/// As for [`array_get`].
#[inline(always)]
pub unsafe fn array_get_v128(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        match element(slot(r, 2).read(), slot(r, 4).read() as u32, 16) {
            Err(t) => return trap(r, t),
            Ok(p) => copy_v128(p, slot(r, 0).cast()),
        }
    }
    next(r, 8)
}

/// `S[object][S[index]] := S[value], S[value + 1]`
///
/// # Safety
/// As for [`array_get`].
#[inline(always)]
pub unsafe fn array_set_v128(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        match element(slot(r, 0).read(), slot(r, 2).read() as u32, 16) {
            Err(t) => return trap(r, t),
            Ok(p) => copy_v128(slot(r, 4).cast(), p),
        }
    }
    next(r, 8)
}
