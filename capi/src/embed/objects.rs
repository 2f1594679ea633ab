//! Globals, tables, memories and tags of threadle.h, and what `wasm.h` does not say of their types.

use core::mem::MaybeUninit;

use threadle::{Global, Memory, MemoryType, Table, Tag, TagType, ValType};

use super::error::{BoxOut, MaybeError, boxed};
use super::externs::{Handle, Out, made, type_of};
use super::store::threadle_context_t;
use super::val::threadle_val_t;
use crate::guard::{c_functions, given};
use crate::types::{wasm_externtype_t, wasm_valtype_t};
use crate::value::scoped;

type Context<'a> = Option<&'a threadle_context_t>;
type Type<'a> = Option<&'a wasm_externtype_t>;
type ValOut<'a> = Option<&'a mut MaybeUninit<threadle_val_t>>;

/// Functions that tell the type of what a handle leads to.
macro_rules! types {
    ($($name:ident $kind:ident;)*) => {
        c_functions! {$(
            fn $name(
                context: Context<'_>,
                $kind: Option<&Handle>,
            ) -> Option<Box<wasm_externtype_t>> {
                type_of(context, $kind, stringify!($kind), |cx, it| Ok(it.$kind(cx.data())?.ty(cx)))
            }
        )*}
    };
}

types! {
    threadle_global_type global;
    threadle_table_type table;
    threadle_memory_type memory;
    threadle_tag_type tag;
}

c_functions! {
    fn threadle_valtype_v128() -> Option<Box<wasm_valtype_t>> {
        Ok(Some(Box::new(wasm_valtype_t { ty: ValType::V128 })))
    }

    fn threadle_valtype_equal(a: Option<&wasm_valtype_t>, b: Option<&wasm_valtype_t>) -> bool {
        Ok(given(a, "type")? == given(b, "type")?)
    }

    fn threadle_memorytype_new(
        minimum: u64,
        maximum_present: bool,
        maximum: u64,
        is_64: bool,
        shared: bool,
        page_size_log2: u8,
        out: BoxOut<'_, wasm_externtype_t>,
    ) -> MaybeError {
        boxed(out, "type", || {
            let ty = MemoryType::builder()
                .min(minimum)
                .max(maximum_present.then_some(maximum))
                .memory64(is_64)
                .shared(shared)
                .page_size_log2(page_size_log2)
                .build()?;
            Ok(ty.into())
        })
    }

    fn threadle_memorytype_minimum(ty: Type<'_>) -> u64 {
        Ok(given(ty, "type")?.memory_type()?.minimum())
    }

    fn threadle_memorytype_maximum(ty: Type<'_>, out: Option<&mut MaybeUninit<u64>>) -> bool {
        let Some(maximum) = given(ty, "type")?.memory_type()?.maximum() else { return Ok(false) };
        given(out, "maximum")?.write(maximum);
        Ok(true)
    }

    fn threadle_memorytype_is64(ty: Type<'_>) -> bool {
        Ok(given(ty, "type")?.memory_type()?.is_64())
    }

    fn threadle_memorytype_isshared(ty: Type<'_>) -> bool {
        Ok(given(ty, "type")?.memory_type()?.is_shared())
    }

    fn threadle_memorytype_page_size(ty: Type<'_>) -> u64 {
        Ok(given(ty, "type")?.memory_type()?.page_size())
    }

    fn threadle_memorytype_page_size_log2(ty: Type<'_>) -> u8 {
        Ok(given(ty, "type")?.memory_type()?.page_size_log2())
    }

    fn threadle_global_new(
        context: Context<'_>,
        ty: Type<'_>,
        value: Option<&threadle_val_t>,
        out: Out<'_>,
    ) -> MaybeError {
        made(out, "global", context, |cx| {
            let (ty, value) = (given(ty, "type")?.global_type()?, given(value, "value")?);
            let value = value.get(cx)?;
            Global::new(cx, ty, value)
        })
    }

    fn threadle_global_get(context: Context<'_>, global: Option<&Handle>, out: ValOut<'_>) {
        let out = given(out, "out")?;
        out.write(threadle_val_t::ZERO);
        scoped(given(context, "context")?, |cx| {
            let value = given(global, "global")?.global(cx.data())?.get(&mut *cx);
            out.write(threadle_val_t::new(cx, value)?);
            Ok(())
        })
    }

    fn threadle_global_set(
        context: Context<'_>,
        global: Option<&Handle>,
        value: Option<&threadle_val_t>,
    ) -> MaybeError {
        scoped(given(context, "context")?, |cx| {
            let global = given(global, "global")?.global(cx.data())?;
            let value = given(value, "value")?.get(cx)?;
            global.set(cx, value)?;
            Ok(MaybeError::NONE)
        })
    }

    fn threadle_table_new(
        context: Context<'_>,
        ty: Type<'_>,
        init: Option<&threadle_val_t>,
        out: Out<'_>,
    ) -> MaybeError {
        made(out, "table", context, |cx| {
            let (ty, init) = (given(ty, "type")?.table_type()?, given(init, "init")?);
            let init = given(init.get(cx)?.ref_(), "reference")?;
            Table::new(cx, ty, init)
        })
    }

    fn threadle_table_get(
        context: Context<'_>,
        table: Option<&Handle>,
        index: u64,
        out: ValOut<'_>,
    ) -> bool {
        let out = given(out, "out")?;
        scoped(given(context, "context")?, |cx| {
            let table = given(table, "table")?.table(cx.data())?;
            let Some(value) = table.get(&mut *cx, index) else { return Ok(false) };
            out.write(threadle_val_t::new(cx, value.into())?);
            Ok(true)
        })
    }

    fn threadle_table_set(
        context: Context<'_>,
        table: Option<&Handle>,
        index: u64,
        value: Option<&threadle_val_t>,
    ) -> MaybeError {
        scoped(given(context, "context")?, |cx| {
            let table = given(table, "table")?.table(cx.data())?;
            let value = given(given(value, "value")?.get(cx)?.ref_(), "reference")?;
            table.set(cx, index, value)?;
            Ok(MaybeError::NONE)
        })
    }

    fn threadle_table_size(context: Context<'_>, table: Option<&Handle>) -> u64 {
        given(context, "context")?.with(|cx| Ok(given(table, "table")?.table(cx.data())?.size(cx)))
    }

    fn threadle_table_grow(
        context: Context<'_>,
        table: Option<&Handle>,
        delta: u64,
        init: Option<&threadle_val_t>,
        out: Option<&mut MaybeUninit<u64>>,
    ) -> MaybeError {
        scoped(given(context, "context")?, |cx| {
            let table = given(table, "table")?.table(cx.data())?;
            let init = given(given(init, "init")?.get(cx)?.ref_(), "reference")?;
            let size = table.grow(cx, delta, init)?;
            out.map(|out| out.write(size));
            Ok(MaybeError::NONE)
        })
    }

    fn threadle_memory_new(context: Context<'_>, ty: Type<'_>, out: Out<'_>) -> MaybeError {
        made(out, "memory", context, |cx| Memory::new(cx, given(ty, "type")?.memory_type()?))
    }

    fn threadle_memory_data(context: Context<'_>, memory: Option<&Handle>) -> *mut u8 {
        given(context, "context")?
            .with(|cx| Ok(given(memory, "memory")?.memory(cx.data())?.data_ptr(cx)))
    }

    fn threadle_memory_data_size(context: Context<'_>, memory: Option<&Handle>) -> usize {
        given(context, "context")?
            .with(|cx| Ok(given(memory, "memory")?.memory(cx.data())?.data_size(cx)))
    }

    fn threadle_memory_size(context: Context<'_>, memory: Option<&Handle>) -> u64 {
        given(context, "context")?
            .with(|cx| Ok(given(memory, "memory")?.memory(cx.data())?.size(cx)))
    }

    fn threadle_memory_grow(
        context: Context<'_>,
        memory: Option<&Handle>,
        delta: u64,
        out: Option<&mut MaybeUninit<u64>>,
    ) -> MaybeError {
        given(context, "context")?.with(|cx| {
            let size = given(memory, "memory")?.memory(cx.data())?.grow(cx, delta)?;
            out.map(|out| out.write(size));
            Ok(MaybeError::NONE)
        })
    }

    fn threadle_memory_page_size(context: Context<'_>, memory: Option<&Handle>) -> u64 {
        given(context, "context")?
            .with(|cx| Ok(given(memory, "memory")?.memory(cx.data())?.page_size(cx)))
    }

    fn threadle_memory_page_size_log2(context: Context<'_>, memory: Option<&Handle>) -> u8 {
        given(context, "context")?
            .with(|cx| Ok(given(memory, "memory")?.memory(cx.data())?.ty(cx).page_size_log2()))
    }

    fn threadle_tag_new(context: Context<'_>, ty: Type<'_>, out: Out<'_>) -> MaybeError {
        made(out, "tag", context, |cx| {
            let signature = given(ty, "type")?.tag_signature()?;
            let ty = TagType::new(signature.func_type(cx.engine())?);
            Tag::new(cx, &ty)
        })
    }

    fn threadle_tag_eq(context: Context<'_>, a: Option<&Handle>, b: Option<&Handle>) -> bool {
        given(context, "context")?.with(|cx| {
            let a = given(a, "tag")?.tag(cx.data())?;
            Ok(a == given(b, "tag")?.tag(cx.data())?)
        })
    }
}
