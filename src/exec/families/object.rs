//! Structures and arrays.

use super::memory::Native;
use crate::exec::abi::{Regs, Step};
use crate::exec::operand::{Dest, Source, field, slot};
use crate::exec::{handlers, next, trap};
use crate::trap::Trap;
use crate::vm::heap::Header;
use crate::wasm::object::{HEADER, Width};

/// `struct.new` and `struct.new_default` of small structures, from the window of free cells.
///
/// # Safety
/// The handler contract; the size class and the type belong together.
#[inline(always)]
pub unsafe fn struct_new<const DEFAULT: bool>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; a cell of the window is free and as large as its class.
    unsafe {
        let store = (*r.ctx).store;
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
        let mut value = slot(r, 2);
        if DEFAULT {
            let mut at = HEADER;
            while at < bytes {
                // Volatile keeps this a loop: a call to memset would not be the handler's last.
                object.add(at as usize).cast::<u64>().write_volatile(0);
                at += 8;
            }
        } else {
            let entry = (*store).types.add((word & crate::vm::heap::kind::TYPE) as usize);
            let mut place = (*entry).fields;
            let last = place.add((*entry).field_count as usize);
            while place < last {
                let at = object.add((*place).offset as usize);
                let width = (*place).width;
                let bits = value.read();
                if width == Width::W64 {
                    at.cast::<u64>().write_volatile(bits.to_le());
                } else if width == Width::W32 {
                    at.cast::<u32>().write_volatile((bits as u32).to_le());
                } else if width == Width::W16 {
                    at.cast::<u16>().write_volatile((bits as u16).to_le());
                } else if width == Width::W8 {
                    at.write_volatile(bits as u8);
                } else {
                    at.cast::<u64>().write_volatile(bits.to_le());
                    value = value.add(1);
                    at.cast::<u64>().add(1).write_volatile(value.read().to_le());
                }
                value = value.add(1);
                place = place.add(1);
            }
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

/// Copies 16 bytes of an object to two slots.
#[inline(always)]
unsafe fn load_v128(p: *const u8, dst: *mut u64) {
    // SAFETY: the callers' promise.
    unsafe {
        dst.write(u64::from_le(p.cast::<u64>().read()));
        dst.add(1).write(u64::from_le(p.cast::<u64>().add(1).read()));
    }
}

/// Copies two slots to 16 bytes of an object.
#[inline(always)]
unsafe fn store_v128(p: *mut u8, src: *const u64) {
    // SAFETY: the callers' promise.
    unsafe {
        p.cast::<u64>().write(src.read().to_le());
        p.cast::<u64>().add(1).write(src.add(1).read().to_le());
    }
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
        load_v128(object.add(field::<u32>(r.pc, 4) as usize), slot(r, 0));
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
        store_v128(object.add(field::<u32>(r.pc, 4) as usize), slot(r, 2));
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
            Ok(p) => load_v128(p, slot(r, 0)),
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
            Ok(p) => store_v128(p, slot(r, 4)),
        }
    }
    next(r, 8)
}
