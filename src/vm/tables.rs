//! The tables of a store.

use core::ptr::NonNull;

use super::context::Resource;
use super::handle::Handle;
use super::memory::Growth;
use super::raw::into_raw;
use super::table::Table;
use super::value::Value;
use super::{Slot, VmStore, VmTable};
use crate::error::{Context, Result, format_err};
use crate::trap::Trap;
use crate::types::{RefType, TableType};
use crate::wasm::TypeLookup;

impl VmStore {
    /// Makes a table, within the embedder's limits.
    ///
    /// # Errors
    ///
    /// When `init` is no element for it, or the limits, the engine or the system refuse.
    pub fn new_table(&mut self, ty: TableType, init: Value) -> Result<Handle> {
        self.check_element(init, ty.element())?;
        self.add_table(ty, self.slots_of(init)[0])
    }

    /// Makes a table whose elements are `init`, a slot that fits.
    pub(super) fn add_table(&mut self, ty: TableType, init: Slot) -> Result<Handle> {
        self.check_count(self.tables.len(), self.tunables.max_tables, "table")?;
        self.check_initial(Resource::Table, &Table::initial(&ty))?;
        let mut table = Table::new(ty, init)?;
        let index = self.tables.len() as u32;
        table.store_index = index;
        self.tables.push(into_raw(table));
        Ok(Handle { store: self.id(), index })
    }

    /// A table.
    #[inline]
    #[track_caller]
    pub fn table(&self, table: Handle) -> &Table {
        self.assert_owns(table.store);
        // SAFETY: the object lives as long as the store, and `&self` means that no code runs.
        unsafe { self.tables[table.index as usize].as_ref() }
    }

    /// An element of a table; `None` outside of it.
    #[track_caller]
    pub fn table_get(&mut self, table: Handle, index: u64) -> Option<Value> {
        let table = self.table(table);
        let ty = table.ty().element();
        let slot = *table.elems().get(usize::try_from(index).ok()?)?;
        // SAFETY: elements of a table have its type and belong to its store.
        Some(unsafe { self.reference_from_slot(ty, slot) })
    }

    /// Sets `len` elements of a table from `index` on.
    ///
    /// # Errors
    ///
    /// When the value is no element for it; [`Trap::TableOutOfBounds`] outside of it.
    #[track_caller]
    pub fn table_fill(&mut self, table: Handle, index: u64, value: Value, len: u64) -> Result<()> {
        self.check_element(value, self.table(table).ty().element())?;
        let [slot, _] = self.slots_of(value);
        let end = index.checked_add(len).and_then(|end| usize::try_from(end).ok());
        let elems = self.table_mut(table).elems_mut();
        let range = end.and_then(|end| elems.get_mut(index as usize..end));
        range.ok_or(Trap::TableOutOfBounds)?.fill(slot);
        Ok(())
    }

    /// Checks that a table can hold a value.
    fn check_element(&self, value: Value, ty: RefType) -> Result<()> {
        self.check_value(value, ty.into())
            .context("type mismatch: value does not match table element type")
    }

    /// Copies `len` elements between tables, or within one.
    ///
    /// # Errors
    ///
    /// When the elements' types do not fit; [`Trap::TableOutOfBounds`] when a range is not inside
    /// its table. Nothing has been copied then.
    #[track_caller]
    pub fn table_copy(
        &mut self,
        target: Handle,
        target_index: u64,
        source: Handle,
        source_index: u64,
        len: u64,
    ) -> Result<()> {
        let (to, from) = (self.table(target), self.table(source));
        let (given, wanted) = (from.ty().element(), to.ty().element());
        if !self.types().ref_matches(given, wanted) {
            return Err(format_err!("expected {wanted}, found {given}").context(
                "type mismatch: source table's element type does not match destination table's \
                 element type",
            ));
        }
        let range = |start: u64, size: usize| {
            let end = start.checked_add(len).filter(|&end| end <= size as u64);
            end.map(|end| start as usize..end as usize).ok_or(Trap::TableOutOfBounds)
        };
        let (to, from) = (range(target_index, to.len())?, range(source_index, from.len())?);
        if target == source {
            self.table_mut(target).elems_mut().copy_within(from, to.start);
        } else {
            let elems = self.table(source).elems()[from].to_vec();
            self.table_mut(target).elems_mut()[to].copy_from_slice(&elems);
        }
        Ok(())
    }

    /// A table, to write.
    #[inline]
    #[track_caller]
    pub(super) fn table_mut(&mut self, table: Handle) -> &mut Table {
        self.assert_owns(table.store);
        // SAFETY: as above, and the access is exclusive.
        unsafe { self.tables[table.index as usize].as_mut() }
    }

    /// The address that handlers know a table by.
    pub(super) fn table_ptr(&self, index: u32) -> NonNull<VmTable> {
        self.tables[index as usize].cast()
    }

    /// Grows a table by so many elements; the old size. Results as in [`VmStore::grow_memory`].
    ///
    /// # Errors
    ///
    /// When `init` is no element for it, or the embedder's limiter fails.
    pub fn grow_table(&mut self, table: Handle, delta: u64, init: Value) -> Result<Option<u64>> {
        self.check_element(init, self.table(table).ty().element())?;
        self.grow_table_slots(table, delta, self.slots_of(init)[0])
    }

    /// The same for a slot that fits.
    pub fn grow_table_slots(
        &mut self,
        table: Handle,
        delta: u64,
        init: Slot,
    ) -> Result<Option<u64>> {
        let inner = self.ctx.inner;
        let hooks = self.ctx.hooks;
        if delta == 0 {
            return Ok(Some(self.table(table).len() as u64));
        }
        let Some(growth) = self.table(table).growth(delta) else { return Ok(None) };
        // SAFETY: `inner` is this store; the hook touches only the embedder's part of it.
        if !unsafe { (hooks.growing)(inner, Resource::Table, &growth) }? {
            return Ok(None);
        }
        self.grow_table_allowed(table, &growth, init)
    }

    /// Grows a table as the embedder's limits have allowed.
    fn grow_table_allowed(
        &mut self,
        table: Handle,
        growth: &Growth,
        init: Slot,
    ) -> Result<Option<u64>> {
        let inner = self.ctx.inner;
        let hooks = self.ctx.hooks;
        let old = self.table(table).len() as u64;
        let grown = match growth.desired <= self.tunables.max_table_elements {
            true => self.table_mut(table).grow_to(growth.desired, init),
            false => Err(format_err!("Table maximum size exceeded")),
        };
        match grown {
            Ok(()) => Ok(Some(old)),
            Err(error) => {
                // SAFETY: as above.
                unsafe { (hooks.grow_failed)(inner, Resource::Table, error) }?;
                Ok(None)
            }
        }
    }

    /// `table.grow` as a runtime function; see [`VmStore::memory_grow`].
    ///
    /// # Safety
    ///
    /// `table` is one of this store's, and `init` a reference that it can hold.
    pub unsafe fn table_grow(
        &mut self,
        table: NonNull<VmTable>,
        delta: u64,
        init: Slot,
    ) -> Option<u64> {
        // SAFETY: the caller's promise.
        let handle = unsafe { self.handle_of_table(table) };
        self.guarded(|store| store.grow_table_slots(handle, delta, init))
    }

    /// The same, when the embedder has allowed it.
    ///
    /// # Safety
    ///
    /// As for [`VmStore::table_grow`].
    pub unsafe fn table_grow_allowed(
        &mut self,
        table: NonNull<VmTable>,
        growth: &Growth,
        init: Slot,
    ) -> Option<u64> {
        // SAFETY: the caller's promise.
        let handle = unsafe { self.handle_of_table(table) };
        self.guarded(|store| store.grow_table_allowed(handle, growth, init))
    }

    /// The handle of a table that handlers know.
    ///
    /// # Safety
    ///
    /// `table` is one of this store's.
    pub unsafe fn handle_of_table(&self, table: NonNull<VmTable>) -> Handle {
        // SAFETY: handlers only know tables that are the first field of a `Table`.
        let index = unsafe { table.cast::<Table>().as_ref() }.store_index;
        Handle { store: self.id(), index }
    }
}
