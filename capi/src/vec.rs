//! `wasm_X_vec_t`: vectors that C and Rust both make, fill and free.

use core::mem::{ManuallyDrop, MaybeUninit};

use threadle::Result;

use crate::frame::wasm_frame_t;
use crate::guard::{c_functions, given};
use crate::reference::wasm_ref_t;
use crate::types::{wasm_exporttype_t, wasm_externtype_t, wasm_importtype_t, wasm_valtype_t};
use crate::value::wasm_val_t;

/// A vector with the layout that C knows. Null when it is empty.
///
/// One that Rust owns is dropped with its elements. One that C owns is only ever seen through a
/// reference, and freed by a `delete` function, which leaves it empty.
#[repr(C)]
pub struct CVec<T> {
    size: usize,
    data: *mut T,
}

// SAFETY: a vector owns its elements like a `Box<[T]>`.
unsafe impl<T: Send> Send for CVec<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for CVec<T> {}

impl<T> CVec<T> {
    pub(crate) const EMPTY: CVec<T> = CVec { size: 0, data: core::ptr::null_mut() };

    /// Elements that somebody else owns, for C to look at and to change in place.
    #[inline]
    pub(crate) fn lent(size: usize, data: *mut T) -> ManuallyDrop<CVec<T>> {
        ManuallyDrop::new(CVec { size, data })
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: whoever made the vector, C or `From`, promises `size` elements at `data`.
        unsafe { slice(self.data, self.size) }
    }

    /// The elements as places to write to: what is there now is not dropped.
    pub(crate) fn places(&mut self) -> &mut [MaybeUninit<T>] {
        if self.data.is_null() {
            return &mut [];
        }
        // SAFETY: as above; the exclusive reference makes it the only one.
        unsafe { core::slice::from_raw_parts_mut(self.data.cast(), self.size) }
    }

    /// Takes the elements out; they must be this library's.
    pub(crate) fn take(&mut self) -> Box<[T]> {
        let (size, data) = (self.size, self.data);
        // Not by assignment of a whole vector, which would drop this one.
        self.size = 0;
        self.data = core::ptr::null_mut();
        if data.is_null() || size == 0 {
            return Box::default();
        }
        // SAFETY: an owned vector was made by `From`, from a box of this length.
        unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(data, size)) }
    }
}

impl<T> From<Box<[T]>> for CVec<T> {
    fn from(elements: Box<[T]>) -> CVec<T> {
        let size = elements.len();
        if size == 0 {
            return CVec::EMPTY;
        }
        CVec { size, data: Box::into_raw(elements).cast() }
    }
}

impl<T> FromIterator<T> for CVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> CVec<T> {
        elements.into_iter().collect::<Box<[T]>>().into()
    }
}

impl From<&str> for CVec<u8> {
    fn from(text: &str) -> CVec<u8> {
        text.bytes().collect()
    }
}

impl<T: Clone> Clone for CVec<T> {
    fn clone(&self) -> CVec<T> {
        self.as_slice().iter().cloned().collect()
    }
}

impl<T> Drop for CVec<T> {
    fn drop(&mut self) {
        if !self.data.is_null() {
            drop(self.take());
        }
    }
}

/// Elements that C passes as address and number.
///
/// # Safety
///
/// `data` is null or the address of `size` elements that live and do not change while the result is
/// used.
pub(crate) unsafe fn slice<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(data, size) }
}

/// Places that C passes as address and number.
///
/// # Safety
///
/// `data` is null or the address of `size` places that nobody else uses while the result is used.
pub(crate) unsafe fn slice_mut<'a, T>(data: *mut T, size: usize) -> &'a mut [T] {
    if data.is_null() {
        return &mut [];
    }
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts_mut(data, size) }
}

/// The value of elements that C did not initialise.
pub(crate) trait Blank {
    fn blank() -> Self;
}

impl Blank for u8 {
    fn blank() -> u8 {
        0
    }
}

impl Blank for wasm_val_t {
    fn blank() -> wasm_val_t {
        wasm_val_t::ZERO
    }
}

impl<T> Blank for Option<Box<T>> {
    fn blank() -> Option<Box<T>> {
        None
    }
}

/// Where a function puts a vector that C will own.
pub(crate) type Out<'a, T> = Option<&'a mut MaybeUninit<CVec<T>>>;

/// Fills an output; it is empty if there is nothing to fill it with.
pub(crate) fn fill<T>(out: Out<'_, T>, vec: impl FnOnce() -> Result<CVec<T>>) -> Result<()> {
    let out = given(out, "out")?;
    out.write(CVec::EMPTY);
    out.write(vec()?);
    Ok(())
}

macro_rules! vectors {
    ($($ty:ty: $empty:ident $uninitialized:ident $new:ident $copy:ident $delete:ident;)*) => {$(
        c_functions! {
            fn $empty(out: Out<'_, $ty>) {
                fill(out, || Ok(CVec::EMPTY))
            }

            fn $uninitialized(out: Out<'_, $ty>, size: usize) {
                fill(out, || Ok((0..size).map(|_| Blank::blank()).collect()))
            }

            fn $new(out: Out<'_, $ty>, size: usize, data: *mut $ty) {
                fill(out, || {
                    given((size == 0 || !data.is_null()).then_some(()), "data")?;
                    // SAFETY: C passes the address of `size` elements, whose ownership moves.
                    Ok((0..size).map(|i| unsafe { data.add(i).read() }).collect())
                })
            }

            fn $copy(out: Out<'_, $ty>, vec: Option<&CVec<$ty>>) {
                fill(out, || Ok(given(vec, "vec")?.clone()))
            }

            fn $delete(vec: Option<&mut CVec<$ty>>) {
                drop(vec.map(CVec::take));
                Ok(())
            }
        }
    )*};
}

vectors! {
    u8: wasm_byte_vec_new_empty wasm_byte_vec_new_uninitialized wasm_byte_vec_new
        wasm_byte_vec_copy wasm_byte_vec_delete;
    wasm_val_t: wasm_val_vec_new_empty wasm_val_vec_new_uninitialized wasm_val_vec_new
        wasm_val_vec_copy wasm_val_vec_delete;
    Option<Box<wasm_valtype_t>>: wasm_valtype_vec_new_empty wasm_valtype_vec_new_uninitialized
        wasm_valtype_vec_new wasm_valtype_vec_copy wasm_valtype_vec_delete;
    Option<Box<wasm_externtype_t>>: wasm_externtype_vec_new_empty
        wasm_externtype_vec_new_uninitialized wasm_externtype_vec_new wasm_externtype_vec_copy
        wasm_externtype_vec_delete;
    Option<Box<wasm_importtype_t>>: wasm_importtype_vec_new_empty
        wasm_importtype_vec_new_uninitialized wasm_importtype_vec_new wasm_importtype_vec_copy
        wasm_importtype_vec_delete;
    Option<Box<wasm_exporttype_t>>: wasm_exporttype_vec_new_empty
        wasm_exporttype_vec_new_uninitialized wasm_exporttype_vec_new wasm_exporttype_vec_copy
        wasm_exporttype_vec_delete;
    Option<Box<wasm_frame_t>>: wasm_frame_vec_new_empty wasm_frame_vec_new_uninitialized
        wasm_frame_vec_new wasm_frame_vec_copy wasm_frame_vec_delete;
    Option<Box<wasm_ref_t>>: wasm_extern_vec_new_empty wasm_extern_vec_new_uninitialized
        wasm_extern_vec_new wasm_extern_vec_copy wasm_extern_vec_delete;
}

/// The types of functions, globals, tables, memories and tags are one type to Rust.
macro_rules! type_vectors {
    ($($empty:ident $uninitialized:ident $new:ident $copy:ident $delete:ident;)*) => {
        vectors! {
            $(Option<Box<wasm_externtype_t>>: $empty $uninitialized $new $copy $delete;)*
        }
    };
}

type_vectors! {
    wasm_functype_vec_new_empty wasm_functype_vec_new_uninitialized wasm_functype_vec_new
        wasm_functype_vec_copy wasm_functype_vec_delete;
    wasm_globaltype_vec_new_empty wasm_globaltype_vec_new_uninitialized wasm_globaltype_vec_new
        wasm_globaltype_vec_copy wasm_globaltype_vec_delete;
    wasm_tabletype_vec_new_empty wasm_tabletype_vec_new_uninitialized wasm_tabletype_vec_new
        wasm_tabletype_vec_copy wasm_tabletype_vec_delete;
    wasm_memorytype_vec_new_empty wasm_memorytype_vec_new_uninitialized wasm_memorytype_vec_new
        wasm_memorytype_vec_copy wasm_memorytype_vec_delete;
    wasm_tagtype_vec_new_empty wasm_tagtype_vec_new_uninitialized wasm_tagtype_vec_new
        wasm_tagtype_vec_copy wasm_tagtype_vec_delete;
}
