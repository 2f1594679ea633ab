//! Globals, tables and memories of `wasm.h`.

use threadle::{Extern, Global, Memory, Ref, Result, SharedMemory, Table, bail};

use crate::context::StoreRef;
use crate::engine::wasm_store_t;
use crate::guard::{c_functions, given};
use crate::reference::{Kind, wasm_ref_t};
use crate::types::{element, wasm_externtype_t};
use crate::value::{scoped, wasm_val_t};

type Handle<'a> = Option<&'a wasm_ref_t>;

impl wasm_ref_t {
    fn as_global(&self) -> Result<(&StoreRef, Global)> {
        match &self.kind {
            Kind::Global(global) => Ok((self.store()?, *global)),
            _ => bail!("not a global"),
        }
    }

    fn as_table(&self) -> Result<(&StoreRef, Table)> {
        match &self.kind {
            Kind::Table(table) => Ok((self.store()?, *table)),
            _ => bail!("not a table"),
        }
    }

    /// Uses a memory, whichever kind it is.
    fn memory<R>(
        &self,
        of_store: impl FnOnce(&StoreRef, Memory) -> Result<R>,
        shared: impl FnOnce(&SharedMemory) -> Result<R>,
    ) -> Result<R> {
        match &self.kind {
            Kind::Memory(memory) => of_store(self.store()?, *memory),
            Kind::Shared(memory) => shared(memory),
            _ => bail!("not a memory"),
        }
    }
}

/// The reference that C gives for an element of a table.
fn to_element(
    cx: &mut threadle::StoreContextMut<'_, crate::context::Data>,
    table: Table,
    reference: Handle<'_>,
) -> Result<Ref> {
    let ty = element(&table.ty(&*cx));
    match reference {
        Some(reference) => reference.to_ref(cx, ty.heap_type()),
        None => Ok(Ref::null(ty.heap_type())),
    }
}

c_functions! {
    fn wasm_global_new(
        store: Option<&wasm_store_t>,
        ty: Option<&wasm_externtype_t>,
        value: Option<&wasm_val_t>,
    ) -> Option<Box<wasm_ref_t>> {
        let store = &given(store, "store")?.cell;
        let (ty, value) = (given(ty, "type")?.global_type()?, given(value, "value")?);
        let global = scoped(store, |cx| {
            let value = value.to_val(cx, ty.content())?;
            Global::new(cx, ty, value)
        })?;
        Ok(Some(wasm_ref_t::boxed(store, Kind::Global(global))))
    }

    fn wasm_global_type(global: Handle<'_>) -> Option<Box<wasm_externtype_t>> {
        let (store, global) = given(global, "global")?.as_global()?;
        store.with(|cx| Ok(Some(Box::new(global.ty(cx).into()))))
    }

    fn wasm_global_get(
        global: Handle<'_>,
        out: Option<&mut core::mem::MaybeUninit<wasm_val_t>>,
    ) {
        let out = given(out, "out")?;
        out.write(wasm_val_t::ZERO);
        let (store, global) = given(global, "global")?.as_global()?;
        scoped(store, |cx| {
            let value = global.get(&mut *cx);
            out.write(wasm_val_t::of_val(store, cx, value)?);
            Ok(())
        })
    }

    fn wasm_global_set(global: Handle<'_>, value: Option<&wasm_val_t>) {
        let (store, global) = given(global, "global")?.as_global()?;
        let value = given(value, "value")?;
        scoped(store, |cx| {
            let ty = global.ty(&*cx);
            let value = value.to_val(cx, ty.content())?;
            global.set(cx, value)
        })
    }

    fn wasm_table_new(
        store: Option<&wasm_store_t>,
        ty: Option<&wasm_externtype_t>,
        init: Handle<'_>,
    ) -> Option<Box<wasm_ref_t>> {
        let store = &given(store, "store")?.cell;
        let ty = given(ty, "type")?.table_type()?;
        let table = scoped(store, |cx| {
            let element = element(&ty);
            let heap = element.heap_type();
            let init = match init {
                Some(init) => init.to_ref(cx, heap)?,
                None => Ref::null(heap),
            };
            Table::new(cx, ty, init)
        })?;
        Ok(Some(wasm_ref_t::boxed(store, Kind::Table(table))))
    }

    fn wasm_table_type(table: Handle<'_>) -> Option<Box<wasm_externtype_t>> {
        let (store, table) = given(table, "table")?.as_table()?;
        store.with(|cx| Ok(Some(Box::new(table.ty(cx).into()))))
    }

    fn wasm_table_get(table: Handle<'_>, index: u32) -> Option<Box<wasm_ref_t>> {
        let (store, table) = given(table, "table")?.as_table()?;
        scoped(store, |cx| match table.get(&mut *cx, index.into()) {
            Some(reference) => wasm_ref_t::of_ref(store, cx, reference),
            None => Ok(None),
        })
    }

    fn wasm_table_set(table: Handle<'_>, index: u32, reference: Handle<'_>) -> bool {
        let (store, table) = given(table, "table")?.as_table()?;
        scoped(store, |cx| {
            let value = to_element(cx, table, reference)?;
            table.set(cx, index.into(), value)?;
            Ok(true)
        })
    }

    fn wasm_table_size(table: Handle<'_>) -> u32 {
        let (store, table) = given(table, "table")?.as_table()?;
        store.with(|cx| Ok(table.size(cx).try_into().unwrap_or(u32::MAX)))
    }

    fn wasm_table_grow(table: Handle<'_>, delta: u32, init: Handle<'_>) -> bool {
        let (store, table) = given(table, "table")?.as_table()?;
        scoped(store, |cx| {
            let init = to_element(cx, table, init)?;
            table.grow(cx, delta.into(), init)?;
            Ok(true)
        })
    }

    fn wasm_memory_new(
        store: Option<&wasm_store_t>,
        ty: Option<&wasm_externtype_t>,
    ) -> Option<Box<wasm_ref_t>> {
        let store = &given(store, "store")?.cell;
        let ty = given(ty, "type")?.memory_type()?;
        let memory = match ty.is_shared() {
            true => Extern::SharedMemory(SharedMemory::new(store.engine(), ty)?),
            false => Extern::Memory(store.with(|cx| Memory::new(cx, ty))?),
        };
        Ok(Some(wasm_ref_t::of_extern(store, memory)?))
    }

    fn wasm_memory_type(memory: Handle<'_>) -> Option<Box<wasm_externtype_t>> {
        let ty = given(memory, "memory")?
            .memory(|store, memory| store.with(|cx| Ok(memory.ty(cx))), |shared| Ok(shared.ty()))?;
        Ok(Some(Box::new(ty.into())))
    }

    fn wasm_memory_data(memory: Handle<'_>) -> *mut u8 {
        given(memory, "memory")?.memory(
            |store, memory| store.with(|cx| Ok(memory.data_ptr(cx))),
            |shared| Ok(shared.data().as_ptr().cast_mut().cast()),
        )
    }

    fn wasm_memory_data_size(memory: Handle<'_>) -> usize {
        given(memory, "memory")?.memory(
            |store, memory| store.with(|cx| Ok(memory.data_size(cx))),
            |shared| Ok(shared.data_size()),
        )
    }

    fn wasm_memory_size(memory: Handle<'_>) -> u32 {
        let pages = given(memory, "memory")?.memory(
            |store, memory| store.with(|cx| Ok(memory.size(cx))),
            |shared| Ok(shared.size()),
        )?;
        Ok(pages.try_into().unwrap_or(u32::MAX))
    }

    fn wasm_memory_grow(memory: Handle<'_>, delta: u32) -> bool {
        given(memory, "memory")?.memory(
            |store, memory| store.with(|cx| memory.grow(cx, delta.into())),
            |shared| shared.grow(delta.into()),
        )?;
        Ok(true)
    }

    fn wasm_extern_kind(item: Handle<'_>) -> u8 {
        Ok(match &given(item, "extern")?.kind {
            Kind::Func(_) => 0,
            Kind::Global(_) => 1,
            Kind::Table(_) => 2,
            Kind::Memory(_) | Kind::Shared(_) => 3,
            Kind::Tag(_) => 4,
            _ => bail!("not something that can be imported"),
        })
    }

    fn wasm_extern_type(item: Handle<'_>) -> Option<Box<wasm_externtype_t>> {
        let reference = given(item, "extern")?;
        let item = reference.to_extern()?;
        reference.store()?.with(|cx| Ok(Some(Box::new(item.ty(cx).into()))))
    }
}
