//! Objects and exceptions that C makes, what they are, and exceptions on their way.

use core::mem::MaybeUninit;

use threadle::{
    ArrayRef, ArrayRefPre, Engine, ExnRef, ExnRefPre, ExnType, Result, StoreContextMut, StructRef,
    StructRefPre, Val, ensure,
};

use super::error::MaybeError;
use super::externs::Handle;
use super::refs::{Any, Context, Exn, Object, ask};
use super::types::{
    threadle_array_type_t, threadle_exn_type_t, threadle_heaptype_t, threadle_struct_type_t,
};
use super::val::threadle_val_t;
use crate::context::Data;
use crate::guard::{c_functions, given};
use crate::reference::wasm_ref_t;
use crate::value::scoped;
use crate::vec::slice;

pub struct threadle_struct_ref_pre_t {
    pre: StructRefPre,
    store_id: u64,
}

pub struct threadle_array_ref_pre_t {
    pre: ArrayRefPre,
    store_id: u64,
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

c_functions! {
    fn threadle_struct_ref_pre_new(
        context: Context<'_>,
        ty: Option<&threadle_struct_type_t>,
    ) -> Option<Box<threadle_struct_ref_pre_t>> {
        let ty = given(ty, "type")?.ty.clone();
        given(context, "context")?.with(|cx| {
            ensure!(Engine::same(ty.engine(), cx.engine()), ANOTHER_ENGINE);
            let (store_id, pre) = (cx.data().id, StructRefPre::new(cx, ty));
            Ok(Some(Box::new(threadle_struct_ref_pre_t { pre, store_id })))
        })
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
        out: Option<&mut MaybeUninit<Any>>,
    ) -> MaybeError {
        let out = given(out, "out")?;
        out.write(Object::NULL);
        let pre = given(pre, "pre")?;
        scoped(given(context, "context")?, |cx| {
            ensure!(pre.store_id == cx.data().id, ANOTHER_STORE);
            let fields = values(cx, fields, count)?;
            let object = StructRef::new(&mut *cx, &pre.pre, &fields)?.to_anyref();
            let root = object.to_owned_rooted(&mut *cx)?;
            out.write(Object::new(cx.data(), root));
            Ok(MaybeError::NONE)
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
        let ty = given(ty, "type")?.ty.clone();
        given(context, "context")?.with(|cx| {
            ensure!(Engine::same(ty.engine(), cx.engine()), ANOTHER_ENGINE);
            let (store_id, pre) = (cx.data().id, ArrayRefPre::new(cx, ty));
            Ok(Some(Box::new(threadle_array_ref_pre_t { pre, store_id })))
        })
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
        out: Option<&mut MaybeUninit<Any>>,
    ) -> MaybeError {
        let out = given(out, "out")?;
        out.write(Object::NULL);
        let (pre, element) = (given(pre, "pre")?, given(element, "element")?);
        scoped(given(context, "context")?, |cx| {
            ensure!(pre.store_id == cx.data().id, ANOTHER_STORE);
            let element = element.get(cx)?;
            let object = ArrayRef::new(&mut *cx, &pre.pre, &element, len)?.to_anyref();
            let root = object.to_owned_rooted(&mut *cx)?;
            out.write(Object::new(cx.data(), root));
            Ok(MaybeError::NONE)
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

    fn threadle_anyref_type(
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

    fn threadle_eqref_type(
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

    fn threadle_exnref_new(
        context: Context<'_>,
        tag: Option<&Handle>,
        fields: *const threadle_val_t,
        count: usize,
        out: Option<&mut MaybeUninit<Exn>>,
    ) -> MaybeError {
        let out = given(out, "out")?;
        out.write(Object::NULL);
        let tag = given(tag, "tag")?;
        scoped(given(context, "context")?, |cx| {
            let tag = tag.tag(cx.data())?;
            let fields = values(cx, fields, count)?;
            let ty = ExnType::from_tag_type(&tag.ty(&*cx))?;
            let pre = ExnRefPre::new(&mut *cx, ty);
            let root = ExnRef::new(&mut *cx, &pre, &tag, &fields)?.to_owned_rooted(&mut *cx)?;
            out.write(Object::new(cx.data(), root));
            Ok(MaybeError::NONE)
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
        let out = given(out, "out")?;
        ask(context, reference, |cx, object| {
            let value = object.field(&mut *cx, index)?;
            out.write(threadle_val_t::new(cx, value)?);
            Ok(MaybeError::NONE)
        })
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
        out: Option<&mut MaybeUninit<Exn>>,
    ) -> bool {
        let out = given(out, "out")?;
        out.write(Object::NULL);
        scoped(given(context, "context")?, |cx| {
            let Some(exception) = cx.take_pending_exception() else { return Ok(false) };
            let root = exception.to_owned_rooted(&mut *cx)?;
            out.write(Object::new(cx.data(), root));
            Ok(true)
        })
    }

    fn threadle_context_has_exception(context: Context<'_>) -> bool {
        given(context, "context")?.with(|cx| Ok(cx.has_pending_exception()))
    }
}
