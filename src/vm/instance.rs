//! An instance, as its store knows it.

use alloc::sync::Arc;
use core::alloc::Layout;
use core::ptr::NonNull;

use super::context::Resource;
use super::external::External;
use super::handle::{FuncRef, GlobalHandle, Handle, StoreId};
use super::layout::GlobalPlace;
use super::memory::{Growth, LinearMemory};
use super::table::Table;
use super::{CodeMap, Slot, VmCtx, VmFunc, VmImport};
use crate::error::Result;
use crate::index::{FuncIndex, GlobalIndex};
use crate::prelude::*;
use crate::types::{RefType, ValType};
use crate::wasm::{Entity, ModuleInfo};

/// An instance, as its store knows it.
pub struct Instance {
    pub(super) ctx: NonNull<VmCtx>,
    pub(super) code: Arc<CodeMap>,
    /// [`VmFunc`] objects of the defined functions; reached through `VmCtx::func_refs` only.
    pub(super) func_refs: *mut [VmFunc],
    pub(super) tables: Box<[u32]>,
    pub(super) memories: Box<[u32]>,
    pub(super) imported_globals: Box<[GlobalHandle]>,
    pub(super) tags: Box<[u32]>,
    /// Elements of passive segments; empty once dropped.
    pub(super) elems: Box<[Box<[Slot]>]>,
    pub(super) data_dropped: Box<[bool]>,
}

impl Instance {
    /// The module.
    pub fn info(&self) -> &Arc<ModuleInfo> {
        self.code.info()
    }

    /// The module's code.
    pub fn code(&self) -> &Arc<CodeMap> {
        &self.code
    }

    /// The context that code of this instance runs with.
    pub fn ctx(&self) -> NonNull<VmCtx> {
        self.ctx
    }

    /// The store's tags, by their indices in the module.
    pub(super) fn tags(&self) -> &[u32] {
        &self.tags
    }

    pub(super) fn data(&self, segment: u32) -> &[u8] {
        if self.data_dropped[segment as usize] {
            return &[];
        }
        &self.code.bytes()[self.info().datas[segment as usize].range.clone()]
    }

    pub(super) fn drop_data(&mut self, segment: u32) {
        self.data_dropped[segment as usize] = true;
    }

    /// Visits the references in globals and passive segments, with their types.
    pub(super) fn roots(&self, visit: &mut dyn FnMut(RefType, &[Slot])) {
        let info = self.info();
        let defined = info.num_imported_globals as usize;
        for (ty, place) in info.globals.iter().zip(&self.code.layout().globals).skip(defined) {
            if let (ValType::Ref(ty), GlobalPlace::Inline(offset)) = (ty.content(), *place) {
                // SAFETY: the place holds a value of the type; null before it is initialised.
                visit(ty, &[unsafe { self.place::<Slot>(offset).read() }]);
            }
        }
        for (segment, elems) in info.elements.iter().zip(&self.elems) {
            visit(segment.ty, elems);
        }
    }

    pub(super) fn elems(&self, segment: u32) -> &[Slot] {
        &self.elems[segment as usize]
    }

    pub(super) fn drop_elems(&mut self, segment: u32) {
        self.elems[segment as usize] = Box::default();
    }

    /// The address of a trailing part of the context.
    pub(super) fn place<T>(&self, offset: u32) -> NonNull<T> {
        // SAFETY: offsets come from the layout that the context was allocated with.
        unsafe { self.ctx.byte_add(offset as usize).cast() }
    }

    pub(super) fn defined_global_ptr(&self, global: u32) -> NonNull<Slot> {
        match self.code.layout().globals[global as usize] {
            GlobalPlace::Inline(offset) => self.place(offset),
            // SAFETY: imported globals' places hold pointers from instantiation on.
            GlobalPlace::Indirect(offset) => unsafe { self.place(offset).read() },
        }
    }

    pub(super) fn layout(code: &CodeMap) -> Layout {
        let size = code.layout().size as usize;
        Layout::from_size_align(size, 16).expect("32-bit sizes are valid")
    }

    /// The place of an imported function.
    pub(super) fn import_place(&self, index: u32) -> NonNull<VmImport> {
        self.place(self.code.layout().funcs + VmImport::offset(index))
    }

    /// The function with an index in the module.
    ///
    /// # Panics
    ///
    /// If the module has no such function.
    pub fn func(&self, store: StoreId, index: FuncIndex) -> FuncRef {
        // SAFETY: the pointer leads to a function of the store that this instance is in.
        unsafe { FuncRef::from_slot(store, self.func_slot(index)) }.expect("functions are not null")
    }

    /// The same as a reference in a slot.
    ///
    /// # Panics
    ///
    /// As there.
    pub(super) fn func_slot(&self, index: FuncIndex) -> Slot {
        let info = self.info();
        let ptr = match info.defined_func(index) {
            Some(defined) => {
                assert!(index.idx() < info.funcs.len(), "no such function");
                self.func_refs.cast::<VmFunc>().wrapping_add(defined.idx())
            }
            None => {
                let place = self.import_place(index.0);
                // SAFETY: imported functions' places are filled at instantiation.
                unsafe { place.read() }.func.cast_mut()
            }
        };
        ptr.expose_provenance() as Slot
    }

    /// Something that the module can export.
    ///
    /// # Panics
    ///
    /// If the module has no such entity.
    pub fn external(&self, this: Handle, entity: Entity) -> External {
        let store = this.store;
        match entity {
            Entity::Func(index) => External::Func(self.func(store, index)),
            Entity::Table(index) => {
                External::Table(Handle { store, index: self.tables[index.idx()] })
            }
            Entity::Memory(index) => {
                External::Memory(Handle { store, index: self.memories[index.idx()] })
            }
            Entity::Global(index) => External::Global(self.global(this, index)),
            Entity::Tag(index) => External::Tag(Handle { store, index: self.tags[index.idx()] }),
        }
    }

    pub(super) fn global(&self, this: Handle, index: GlobalIndex) -> GlobalHandle {
        match self.imported_globals.get(index.idx()) {
            Some(global) => *global,
            None => GlobalHandle { store: this.store, owner: this.index, index: index.0 },
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: both were allocated in `instantiate` with these layouts; the store is going and
        // nothing runs.
        unsafe {
            alloc::alloc::dealloc(self.ctx.as_ptr().cast(), Instance::layout(&self.code));
            drop(Box::from_raw(self.func_refs));
        }
    }
}

/// What the embedder's limits are asked for an instance's memories and tables.
///
/// # Errors
///
/// When the address space could not hold a memory.
pub fn initial_sizes(info: &ModuleInfo) -> Result<Vec<(Resource, Growth)>> {
    let tables = &info.tables[info.num_imported_tables as usize..];
    let mut sizes: Vec<_> = tables.iter().map(|ty| (Resource::Table, Table::initial(ty))).collect();
    for ty in &info.memories[info.num_imported_memories as usize..] {
        if !ty.is_shared() {
            sizes.push((Resource::Memory, LinearMemory::initial(ty)?));
        }
    }
    Ok(sizes)
}
