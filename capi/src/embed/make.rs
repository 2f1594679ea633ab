//! Objects and exceptions that C makes, what they are, and exceptions on their way.

use core::mem::MaybeUninit;

use threadle::{
    AnyRef, ArrayRef, ArrayRefPre, Engine, ExnRef, ExnRefPre, ExnType, OwnedRooted, Result,
    StoreContextMut, StructRef, StructRefPre, Val, ensure,
};

use super::error::MaybeError;
use super::externs::Handle;
use super::refs::{Any, Context, Exn, ObjectOut, ask, made, read};
use super::types::{
    threadle_array_type_t, threadle_exn_type_t, threadle_heaptype_t, threadle_struct_type_t,
};
use super::val::threadle_val_t;
use crate::context::Data;
use crate::guard::{c_functions, given};
use crate::reference::wasm_ref_t;
use crate::vec::slice;

/// What objects of a type are made of, in one store.
pub struct Prepared<P> {
    pre: P,
    store_id: u64,
}

pub type threadle_struct_ref_pre_t = Prepared<StructRefPre>;
pub type threadle_array_ref_pre_t = Prepared<ArrayRefPre>;

impl<P> Prepared<P> {
    /// Prepares a type of this engine.
    fn new(
        context: Context<'_>,
        engine: &Engine,
        prepare: impl FnOnce(&mut StoreContextMut<'_, Data>) -> P,
    ) -> Result<Option<Box<Prepared<P>>>> {
        given(context, "context")?.with(|cx| {
            ensure!(Engine::same(engine, cx.engine()), ANOTHER_ENGINE);
            Ok(Some(Box::new(Prepared { store_id: cx.data().id, pre: prepare(cx) })))
        })
    }

    /// What was prepared, for use in its store.
    fn get(&self, data: &Data) -> Result<&P> {
        ensure!(self.store_id == data.id, ANOTHER_STORE);
        Ok(&self.pre)
    }
}

const ANOTHER_STORE: &str = "what was prepared is for another store";
const ANOTHER_ENGINE: &str = "the type is of another engine";

/// Values of C's for the engine.
fn values(
    cx: &mut StoreContextMut<'_, Data>,
    fields: *const threadle_val_t,
    count: usize,
) -> Result<Vec<Val>> {
    ensure!(!fields.is_null() || count == 0, "the argument `fields` is null");
    // SAFETY: C passes the address of so many values.
    unsafe { slice(fields, count) }.iter().map(|value| value.get(cx)).collect()
}

/// Makes an object.
fn new<R>(
    out: ObjectOut<'_, R>,
    context: Context<'_>,
    make: impl FnOnce(&mut StoreContextMut<'_, Data>) -> Result<OwnedRooted<R>>,
) -> Result<MaybeError> {
    made(out, context, |cx| make(cx).map(Some)).map(|_| MaybeError::NONE)
}

/// Functions that say what an object is.
macro_rules! heap_types {
    ($($name:ident)*) => {
        c_functions! {$(
            fn $name(
                context: Context<'_>,
                reference: Option<&Any>,
                out: Option<&mut MaybeUninit<threadle_heaptype_t>>,
            ) -> bool {
                let out = given(out, "out")?;
                ask(context, reference, |cx, object| {
                    out.write(threadle_heaptype_t::new(&object.ty(cx)?));
                    Ok(true)
                })
            }
        )*}
    };
}

heap_types! { threadle_anyref_type threadle_eqref_type }

c_functions! {
    fn threadle_struct_ref_pre_new(
        context: Context<'_>,
        ty: Option<&threadle_struct_type_t>,
    ) -> Option<Box<threadle_struct_ref_pre_t>> {
        let ty = &given(ty, "type")?.ty;
        Prepared::new(context, ty.engine(), |cx| StructRefPre::new(cx, ty.clone()))
    }

    fn threadle_struct_ref_pre_delete(pre: Option<Box<threadle_struct_ref_pre_t>>) {
        drop(pre);
        Ok(())
    }

    fn threadle_structref_new(
        context: Context<'_>,
        pre: Option<&threadle_struct_ref_pre_t>,
        fields: *const threadle_val_t,
        count: usize,
        out: ObjectOut<'_, AnyRef>,
    ) -> MaybeError {
        new(out, context, |cx| {
            let pre = given(pre, "pre")?.get(cx.data())?;
            let fields = values(cx, fields, count)?;
            StructRef::new(&mut *cx, pre, &fields)?.to_anyref().to_owned_rooted(cx)
        })
    }

    fn threadle_structref_type(
        context: Context<'_>,
        reference: Option<&Any>,
    ) -> Option<Box<threadle_struct_type_t>> {
        ask(context, reference, |cx, object| {
            let ty = given(object.as_struct(&*cx)?, "structure")?.ty(cx)?;
            Ok(Some(Box::new(threadle_struct_type_t { ty })))
        })
    }

    fn threadle_array_ref_pre_new(
        context: Context<'_>,
        ty: Option<&threadle_array_type_t>,
    ) -> Option<Box<threadle_array_ref_pre_t>> {
        let ty = &given(ty, "type")?.ty;
        Prepared::new(context, ty.engine(), |cx| ArrayRefPre::new(cx, ty.clone()))
    }

    fn threadle_array_ref_pre_delete(pre: Option<Box<threadle_array_ref_pre_t>>) {
        drop(pre);
        Ok(())
    }

    fn threadle_arrayref_new(
        context: Context<'_>,
        pre: Option<&threadle_array_ref_pre_t>,
        element: Option<&threadle_val_t>,
        len: u32,
        out: ObjectOut<'_, AnyRef>,
    ) -> MaybeError {
        new(out, context, |cx| {
            let pre = given(pre, "pre")?.get(cx.data())?;
            let element = given(element, "element")?.get(cx)?;
            ArrayRef::new(&mut *cx, pre, &element, len)?.to_anyref().to_owned_rooted(cx)
        })
    }

    fn threadle_arrayref_type(
        context: Context<'_>,
        reference: Option<&Any>,
    ) -> Option<Box<threadle_array_type_t>> {
        ask(context, reference, |cx, object| {
            let ty = given(object.as_array(&*cx)?, "array")?.ty(cx)?;
            Ok(Some(Box::new(threadle_array_type_t { ty })))
        })
    }

    fn threadle_exnref_new(
        context: Context<'_>,
        tag: Option<&Handle>,
        fields: *const threadle_val_t,
        count: usize,
        out: ObjectOut<'_, ExnRef>,
    ) -> MaybeError {
        new(out, context, |cx| {
            let tag = given(tag, "tag")?.tag(cx.data())?;
            let fields = values(cx, fields, count)?;
            let ty = ExnType::from_tag_type(&tag.ty(&*cx))?;
            let pre = ExnRefPre::new(&mut *cx, ty);
            ExnRef::new(&mut *cx, &pre, &tag, &fields)?.to_owned_rooted(cx)
        })
    }

    fn threadle_exnref_type(
        context: Context<'_>,
        reference: Option<&Exn>,
    ) -> Option<Box<threadle_exn_type_t>> {
        ask(context, reference, |cx, object| {
            Ok(Some(Box::new(threadle_exn_type_t { ty: object.ty(cx)? })))
        })
    }

    fn threadle_exnref_field_count(context: Context<'_>, reference: Option<&Exn>) -> usize {
        ask(context, reference, |cx, object| Ok(object.ty(&*cx)?.fields().len()))
    }

    fn threadle_exnref_field(
        context: Context<'_>,
        reference: Option<&Exn>,
        index: usize,
        out: Option<&mut MaybeUninit<threadle_val_t>>,
    ) -> MaybeError {
        read(context, reference, out, |cx, object| object.field(cx, index))
    }

    fn threadle_context_set_exception(
        context: Context<'_>,
        reference: Option<&Exn>,
    ) -> Option<Box<wasm_ref_t>> {
        ask(context, reference, |cx, object| {
            Ok(cx.throw::<()>(object).err().map(|error| wasm_ref_t::trap(None, error)))
        })
    }

    fn threadle_context_take_exception(
        context: Context<'_>,
        out: ObjectOut<'_, ExnRef>,
    ) -> bool {
        made(out, context, |cx| {
            let exception = cx.take_pending_exception();
            exception.map(|exception| exception.to_owned_rooted(cx)).transpose()
        })
    }

    fn threadle_context_has_exception(context: Context<'_>) -> bool {
        given(context, "context")?.with(|cx| Ok(cx.has_pending_exception()))
    }
}
