//! References to objects: `threadle_externref_t`, `threadle_anyref_t` and its relatives, and
//! `threadle_exnref_t`. Each that is not null keeps its object until it is unrooted.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use threadle::{
    AnyRef, AsContextMut, ExnRef, ExternRef, I31, OwnedRooted, Result, Rooted, StoreContextMut,
    Val, ensure,
};

use super::error::MaybeError;
use super::externs::Handle;
use super::store::threadle_context_t;
use super::val::threadle_val_t;
use crate::context::Data;
use crate::foreign::{Finalizer, HostData};
use crate::guard::{c_functions, given};
use crate::value::scoped;

/// A reference to an object of a hierarchy.
#[repr(C)]
pub struct Object<R> {
    /// Zero is null.
    store_id: u64,
    reserved: u64,
    root: *mut OwnedRooted<R>,
}

impl<R> Object<R> {
    pub(super) const NULL: Object<R> =
        Object { store_id: 0, reserved: 0, root: core::ptr::null_mut() };

    pub(super) fn new(data: &Data, root: OwnedRooted<R>) -> Object<R> {
        Object { store_id: data.id, reserved: 0, root: Box::into_raw(Box::new(root)) }
    }

    /// What it keeps; `None` for null.
    pub(super) fn get(&self) -> Option<&OwnedRooted<R>> {
        if self.store_id == 0 {
            return None;
        }
        // SAFETY: C promises that a reference that is not null was made here and not unrooted since.
        unsafe { self.root.as_ref() }
    }

    /// Roots the object for a use; `None` for null.
    pub(super) fn root(
        &self,
        cx: &mut impl AsContextMut<Data = Data>,
    ) -> Result<Option<Rooted<R>>> {
        let Some(object) = self.get() else { return Ok(None) };
        ensure!(self.store_id == cx.as_context().data().id, "the reference is of another store");
        Ok(Some(object.to_rooted(cx)))
    }

    pub(super) fn duplicate(&self) -> Object<R> {
        match self.get() {
            None => Object::NULL,
            Some(root) => Object {
                store_id: self.store_id,
                reserved: 0,
                root: Box::into_raw(Box::new(root.clone())),
            },
        }
    }

    pub(super) fn unroot(&mut self) {
        let object = core::mem::replace(self, Object::NULL);
        if object.store_id != 0 && !object.root.is_null() {
            // SAFETY: as in `get`; it is a box that this library made.
            drop(unsafe { Box::from_raw(object.root) });
        }
    }
}

type Extern = Object<ExternRef>;
pub(super) type Any = Object<AnyRef>;
pub(super) type Exn = Object<ExnRef>;
pub(super) type Context<'a> = Option<&'a threadle_context_t>;

/// Finds out something about an object that is not null.
pub(super) fn ask<R, A>(
    context: Context<'_>,
    object: Option<&Object<R>>,
    question: impl FnOnce(&mut StoreContextMut<'_, Data>, Rooted<R>) -> Result<A>,
) -> Result<A> {
    let object = given(object, "reference")?;
    scoped(given(context, "context")?, |cx| {
        let object = given(object.root(cx)?, "reference")?;
        question(cx, object)
    })
}

/// Where a function puts a reference, which C owns.
pub(super) type ObjectOut<'a, R> = Option<&'a mut MaybeUninit<Object<R>>>;

/// Makes an object, or finds one; whether there is one. Its place holds null until then.
pub(super) fn made<R>(
    out: ObjectOut<'_, R>,
    context: Context<'_>,
    make: impl FnOnce(&mut StoreContextMut<'_, Data>) -> Result<Option<OwnedRooted<R>>>,
) -> Result<bool> {
    let out = given(out, "out")?;
    out.write(Object::NULL);
    scoped(given(context, "context")?, |cx| {
        let Some(root) = make(cx)? else { return Ok(false) };
        out.write(Object::new(cx.data(), root));
        Ok(true)
    })
}

/// Reads a value of an object.
pub(super) fn read<R>(
    context: Context<'_>,
    reference: Option<&Object<R>>,
    out: Option<&mut MaybeUninit<threadle_val_t>>,
    read: impl FnOnce(&mut StoreContextMut<'_, Data>, Rooted<R>) -> Result<Val>,
) -> Result<MaybeError> {
    let out = given(out, "out")?;
    ask(context, reference, |cx, object| {
        let value = read(cx, object)?;
        out.write(threadle_val_t::new(cx, value)?);
        Ok(MaybeError::NONE)
    })
}

/// Writes a value of an object.
fn write<R>(
    context: Context<'_>,
    reference: Option<&Object<R>>,
    value: Option<&threadle_val_t>,
    write: impl FnOnce(&mut StoreContextMut<'_, Data>, Rooted<R>, Val) -> Result<()>,
) -> Result<MaybeError> {
    let value = given(value, "value")?;
    ask(context, reference, |cx, object| {
        let value = value.get(cx)?;
        write(cx, object, value)?;
        Ok(MaybeError::NONE)
    })
}

macro_rules! ownership {
    ($($ty:ty: $clone:ident $unroot:ident;)*) => {
        c_functions! {$(
            fn $clone(reference: Option<&$ty>, out: Option<&mut MaybeUninit<$ty>>) {
                let out = given(out, "out")?;
                out.write(Object::NULL);
                out.write(given(reference, "reference")?.duplicate());
                Ok(())
            }

            fn $unroot(reference: Option<&mut $ty>) {
                given(reference, "reference")?.unroot();
                Ok(())
            }
        )*}
    };
}

ownership! {
    Extern: threadle_externref_clone threadle_externref_unroot;
    Any: threadle_anyref_clone threadle_anyref_unroot;
    Any: threadle_eqref_clone threadle_eqref_unroot;
    Any: threadle_structref_clone threadle_structref_unroot;
    Any: threadle_arrayref_clone threadle_arrayref_unroot;
    Exn: threadle_exnref_clone threadle_exnref_unroot;
}

/// Conversions to a wider type, which always succeed.
macro_rules! upcasts {
    ($($name:ident)*) => {
        c_functions! {$(
            fn $name(reference: Option<&Any>, out: ObjectOut<'_, AnyRef>) {
                let out = given(out, "out")?;
                out.write(Object::NULL);
                out.write(given(reference, "reference")?.duplicate());
                Ok(())
            }
        )*}
    };
}

upcasts! {
    threadle_eqref_to_anyref threadle_structref_to_anyref threadle_structref_to_eqref
    threadle_arrayref_to_anyref threadle_arrayref_to_eqref
}

/// Tests and conversions to a narrower type.
macro_rules! downcasts {
    ($($is:ident $as:ident $test:ident;)*) => {
        c_functions! {$(
            fn $is(context: Context<'_>, reference: Option<&Any>) -> bool {
                ask(context, reference, |cx, object| object.$test(cx))
            }

            fn $as(
                context: Context<'_>,
                reference: Option<&Any>,
                out: ObjectOut<'_, AnyRef>,
            ) -> bool {
                let out = given(out, "out")?;
                out.write(Object::NULL);
                let is = ask(context, reference, |cx, object| object.$test(cx))?;
                if is {
                    out.write(given(reference, "reference")?.duplicate());
                }
                Ok(is)
            }
        )*}
    };
}

downcasts! {
    threadle_anyref_is_eqref threadle_anyref_as_eqref is_eqref;
    threadle_anyref_is_struct threadle_anyref_as_struct is_struct;
    threadle_anyref_is_array threadle_anyref_as_array is_array;
    threadle_eqref_is_struct threadle_eqref_as_struct is_struct;
    threadle_eqref_is_array threadle_eqref_as_array is_array;
}

macro_rules! small_integers {
    ($($from:ident $is:ident $unsigned:ident $signed:ident;)*) => {
        c_functions! {$(
            fn $from(context: Context<'_>, value: u32, out: ObjectOut<'_, AnyRef>) {
                made(out, context, |cx| {
                    let object = AnyRef::from_i31(&mut *cx, I31::wrapping_u32(value));
                    object.to_owned_rooted(cx).map(Some)
                })
                .map(drop)
            }

            fn $is(context: Context<'_>, reference: Option<&Any>) -> bool {
                ask(context, reference, |cx, object| object.is_i31(cx))
            }

            fn $unsigned(
                context: Context<'_>,
                reference: Option<&Any>,
                out: Option<&mut MaybeUninit<u32>>,
            ) -> bool {
                let out = given(out, "out")?;
                let value = ask(context, reference, |cx, object| object.as_i31(cx))?;
                Ok(value.map(|value| out.write(value.get_u32())).is_some())
            }

            fn $signed(
                context: Context<'_>,
                reference: Option<&Any>,
                out: Option<&mut MaybeUninit<i32>>,
            ) -> bool {
                let out = given(out, "out")?;
                let value = ask(context, reference, |cx, object| object.as_i31(cx))?;
                Ok(value.map(|value| out.write(value.get_i32())).is_some())
            }
        )*}
    };
}

small_integers! {
    threadle_anyref_from_i31 threadle_anyref_is_i31 threadle_anyref_i31_get_u
        threadle_anyref_i31_get_s;
    threadle_eqref_from_i31 threadle_eqref_is_i31 threadle_eqref_i31_get_u
        threadle_eqref_i31_get_s;
}

c_functions! {
    fn threadle_externref_new(
        context: Context<'_>,
        data: *mut c_void,
        finalizer: Finalizer,
        out: ObjectOut<'_, ExternRef>,
    ) -> bool {
        let object = HostData { data, finalizer };
        made(out, context, |cx| ExternRef::new(&mut *cx, object)?.to_owned_rooted(cx).map(Some))
    }

    fn threadle_externref_data(context: Context<'_>, reference: Option<&Extern>) -> *mut c_void {
        ask(context, reference, |cx, object| {
            let data = object.data(&*cx)?;
            let data = data.and_then(|data| data.downcast_ref::<HostData>());
            Ok(data.map_or(core::ptr::null_mut(), |data| data.data))
        })
    }

    fn threadle_structref_field(
        context: Context<'_>,
        reference: Option<&Any>,
        index: usize,
        out: Option<&mut MaybeUninit<threadle_val_t>>,
    ) -> MaybeError {
        read(context, reference, out, |cx, object| {
            given(object.as_struct(&*cx)?, "structure")?.field(cx, index)
        })
    }

    fn threadle_structref_set_field(
        context: Context<'_>,
        reference: Option<&Any>,
        index: usize,
        value: Option<&threadle_val_t>,
    ) -> MaybeError {
        write(context, reference, value, |cx, object, value| {
            given(object.as_struct(&*cx)?, "structure")?.set_field(cx, index, value)
        })
    }

    fn threadle_arrayref_len(
        context: Context<'_>,
        reference: Option<&Any>,
        out: Option<&mut MaybeUninit<u32>>,
    ) -> MaybeError {
        let out = given(out, "out")?;
        ask(context, reference, |cx, object| {
            out.write(given(object.as_array(&*cx)?, "array")?.len(cx)?);
            Ok(MaybeError::NONE)
        })
    }

    fn threadle_arrayref_get(
        context: Context<'_>,
        reference: Option<&Any>,
        index: u32,
        out: Option<&mut MaybeUninit<threadle_val_t>>,
    ) -> MaybeError {
        read(context, reference, out, |cx, object| {
            given(object.as_array(&*cx)?, "array")?.get(cx, index)
        })
    }

    fn threadle_arrayref_set(
        context: Context<'_>,
        reference: Option<&Any>,
        index: u32,
        value: Option<&threadle_val_t>,
    ) -> MaybeError {
        write(context, reference, value, |cx, object, value| {
            given(object.as_array(&*cx)?, "array")?.set(cx, index, value)
        })
    }

    fn threadle_exnref_tag(
        context: Context<'_>,
        reference: Option<&Exn>,
        out: Option<&mut MaybeUninit<Handle>>,
    ) -> MaybeError {
        let out = given(out, "out")?;
        ask(context, reference, |cx, object| {
            let tag = object.tag(&mut *cx)?;
            out.write(Handle::new(cx.data_mut(), tag.into()));
            Ok(MaybeError::NONE)
        })
    }
}
