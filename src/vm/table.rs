//! Tables: what handlers see of them, and the storage behind it.

use core::ptr::NonNull;

use super::Slot;
use super::limits::MAX_TABLE_ELEMENTS;
use super::memory::Growth;
use crate::error::{Result, format_err};
use crate::prelude::*;
use crate::types::TableType;

/// Elements and length of a table. Owned by the store, at a fixed address; `elems` changes when
/// the table grows.
#[repr(C)]
#[derive(Debug)]
pub struct VmTable {
    /// First element: a reference per slot, 0 is null.
    pub elems: *mut Slot,
    /// Number of elements.
    pub len: u64,
}

static_assertions::const_assert_eq!(memoffset::offset_of!(VmTable, elems), 0);

/// A table and its storage.
#[repr(C)]
#[derive(Debug)]
pub struct Table {
    /// What handlers see. First, so that a pointer to it is a pointer to the whole.
    vm: VmTable,
    ty: TableType,
    /// Owns the elements; while the table is in use they are reached through `vm.elems` only, so
    /// that handlers' pointers stay valid.
    storage: Vec<Slot>,
    /// Place in the store's list of tables.
    pub(super) store_index: u32,
}

static_assertions::const_assert_eq!(memoffset::offset_of!(Table, vm), 0);

// SAFETY: the raw pointer in `vm` leads to the vector that this object owns.
unsafe impl Send for Table {}
// SAFETY: shared access only reads.
unsafe impl Sync for Table {}

impl Table {
    /// Allocates a table with its minimal size, all elements `init`.
    ///
    /// # Errors
    ///
    /// When it is larger than this engine allows, or memory cannot be had.
    pub fn new(ty: TableType, init: Slot) -> Result<Table> {
        let mut table = Table {
            vm: VmTable { elems: NonNull::dangling().as_ptr(), len: 0 },
            ty,
            storage: Vec::new(),
            store_index: 0,
        };
        let len = usize::try_from(ty.minimum())
            .ok()
            .filter(|_| ty.minimum() <= MAX_TABLE_ELEMENTS)
            .ok_or_else(|| format_err!("table of {} elements is too large", ty.minimum()))?;
        table.grow_to(len, init)?;
        Ok(table)
    }

    /// The growth from nothing that making a table of this type is.
    pub fn initial(ty: &TableType) -> Growth {
        let desired = usize::try_from(ty.minimum()).unwrap_or(usize::MAX);
        let maximum = ty.maximum().and_then(|max| usize::try_from(max).ok());
        Growth { current: 0, desired, maximum }
    }

    /// The type it was made with.
    pub fn ty(&self) -> &TableType {
        &self.ty
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.vm.len as usize
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements.
    #[inline]
    pub fn elems(&self) -> &[Slot] {
        // SAFETY: `elems` is the start of the vector's `len` initialised elements; nothing writes
        // while the store is borrowed.
        unsafe { core::slice::from_raw_parts(self.vm.elems, self.len()) }
    }

    /// The elements, to write.
    #[inline]
    pub fn elems_mut(&mut self) -> &mut [Slot] {
        // SAFETY: as in `elems`, and the access is exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.vm.elems, self.len()) }
    }

    /// Sizes that growing by `delta` elements would lead to; `None` if the type or the engine does
    /// not allow it.
    pub fn growth(&self, delta: u64) -> Option<Growth> {
        let desired = self.vm.len.checked_add(delta)?;
        let maximum = self.ty.maximum().unwrap_or(u64::MAX).min(MAX_TABLE_ELEMENTS);
        if desired > maximum {
            return None;
        }
        Some(Growth {
            current: self.len(),
            desired: desired as usize,
            maximum: self.ty.maximum().and_then(|max| usize::try_from(max).ok()),
        })
    }

    /// Makes the table `desired` elements long; `growth` said that it may be. New elements are
    /// `init`.
    ///
    /// # Errors
    ///
    /// When memory cannot be had; nothing has changed then.
    pub fn grow_to(&mut self, desired: usize, init: Slot) -> Result<()> {
        let extra = desired.saturating_sub(self.len());
        if self.storage.is_empty() && init == 0 {
            // Fresh zeroed memory takes no room until it is touched.
            let mut fresh: Vec<Slot> = Vec::new();
            fresh.try_reserve_exact(desired)?;
            drop(fresh);
            self.storage = vec![0; desired];
        } else {
            self.storage.try_reserve(extra)?;
            self.storage.resize(desired, init);
        }
        self.vm = VmTable { elems: self.storage.as_mut_ptr(), len: desired as u64 };
        Ok(())
    }
}
