//! The globals of a store.

use core::ptr::NonNull;

use super::handle::{GlobalHandle, HOST_OWNER};
use super::raw::into_raw;
use super::store::HostGlobal;
use super::value::Value;
use super::{Slot, VmStore};
use crate::error::{Result, ensure};
use crate::prelude::*;
use crate::types::{GlobalType, RefType, ValType};

impl VmStore {
    /// All globals: the host's, and those that instances define.
    pub fn global_handles(&self) -> Vec<GlobalHandle> {
        let store = self.id();
        let hosts = (0..self.host_globals.len() as u32).map(|index| (HOST_OWNER, index));
        let defined = self.instances.iter().zip(0_u32..).flat_map(|(instance, owner)| {
            let info = instance.info();
            (info.num_imported_globals..info.globals.len() as u32).map(move |index| (owner, index))
        });
        let all = hosts.chain(defined);
        all.map(|(owner, index)| GlobalHandle { store, owner, index }).collect()
    }

    /// Makes a global of the host's own.
    ///
    /// # Errors
    ///
    /// When the value has another type.
    pub fn new_global(&mut self, ty: GlobalType, value: Value) -> Result<GlobalHandle> {
        self.check_value(value, ty.content())?;
        let value = self.slots_of(value);
        let index = self.host_globals.len() as u32;
        self.host_globals.push(HostGlobal { ty, cell: into_raw(value) });
        Ok(GlobalHandle { store: self.id(), owner: HOST_OWNER, index })
    }

    /// The type of a global.
    #[track_caller]
    pub fn global_type(&self, global: GlobalHandle) -> GlobalType {
        self.assert_owns(global.store);
        match global.owner {
            HOST_OWNER => self.host_globals[global.index as usize].ty,
            owner => self.instances[owner as usize].info().globals[global.index as usize],
        }
    }

    /// Where a global's value is.
    pub(super) fn global_ptr(&self, global: GlobalHandle) -> NonNull<Slot> {
        match global.owner {
            HOST_OWNER => self.host_globals[global.index as usize].cell.cast(),
            owner => self.instances[owner as usize].defined_global_ptr(global.index),
        }
    }

    /// The value of a global.
    #[track_caller]
    pub fn global(&mut self, global: GlobalHandle) -> Value {
        let ty = self.global_type(global).content();
        let slots = self.global_slots(global);
        // SAFETY: a global's slots have its type and belong to its store.
        unsafe { self.value_from_slots(ty, slots) }
    }

    pub(super) fn global_slots(&self, global: GlobalHandle) -> [Slot; 2] {
        let two = self.global_type(global).content().slots() == 2;
        let ptr = self.global_ptr(global);
        // SAFETY: the place holds as many slots as the type says, and lives as long as the store.
        unsafe { [ptr.read(), if two { ptr.add(1).read() } else { 0 }] }
    }

    /// Sets a global.
    ///
    /// # Errors
    ///
    /// When it is immutable, or the value has another type.
    #[track_caller]
    pub fn set_global(&mut self, global: GlobalHandle, value: Value) -> Result<()> {
        let ty = self.global_type(global);
        ensure!(ty.mutability().is_var(), "immutable global cannot be set");
        self.check_value(value, ty.content())?;
        self.set_global_slots(global, self.slots_of(value));
        Ok(())
    }

    pub(super) fn set_global_slots(&mut self, global: GlobalHandle, value: [Slot; 2]) {
        let two = self.global_type(global).content().slots() == 2;
        let ptr = self.global_ptr(global);
        // SAFETY: as in `global_slots`, and the access is exclusive.
        unsafe {
            ptr.write(value[0]);
            if two {
                ptr.add(1).write(value[1]);
            }
        }
    }

    /// Visits the references in globals that the host made.
    pub(super) fn host_global_roots(&self, visit: &mut dyn FnMut(RefType, Slot)) {
        for global in &self.host_globals {
            if let ValType::Ref(ty) = global.ty.content() {
                // SAFETY: the cell lives as long as the store and holds a value of the type.
                visit(ty, unsafe { global.cell.cast::<Slot>().read() });
            }
        }
    }
}
