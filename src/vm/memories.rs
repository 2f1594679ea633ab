//! The memories of a store.

use alloc::sync::Arc;
use core::ptr::NonNull;

use super::context::Resource;
use super::handle::Handle;
use super::memory::{Growth, LinearMemory};
use super::memory_image::MemoryImage;
use super::raw::into_raw;
use super::shared::SharedLinear;
use super::store::AnyMemory;
use super::{VmMemory, VmStore};
use crate::error::Result;
use crate::types::MemoryType;

impl VmStore {
    /// All memories that are not shared.
    pub fn own_memories(&self) -> impl Iterator<Item = Handle> + '_ {
        let store = self.id();
        let memories = self.memories.iter().enumerate();
        let own = memories.filter(|(_, memory)| matches!(memory, AnyMemory::Own(_)));
        own.map(move |(index, _)| Handle { store, index: index as u32 })
    }

    /// Adds a memory, empty of limits: the embedder's were asked before.
    pub(super) fn add_memory(&mut self, mut memory: LinearMemory) -> u32 {
        let index = self.memories.len() as u32;
        memory.store_index = index;
        self.memories.push(AnyMemory::Own(into_raw(memory)));
        index
    }

    /// Makes a memory, within the embedder's limits.
    ///
    /// # Errors
    ///
    /// When the limits or the system refuse.
    pub fn new_memory(&mut self, ty: MemoryType) -> Result<Handle> {
        self.new_memory_with(ty, None)
    }

    /// Makes a memory that begins with an image where that can be; see [`LinearMemory::with_image`].
    ///
    /// # Errors
    ///
    /// As for [`VmStore::new_memory`].
    pub(super) fn new_memory_with(
        &mut self,
        ty: MemoryType,
        image: Option<&Arc<MemoryImage>>,
    ) -> Result<Handle> {
        self.check_count(self.memories.len(), self.tunables.max_memories, "memory")?;
        if ty.is_shared() {
            // Like in wasmtime, shared memories are not subject to any one store's limiter.
            let memory = SharedLinear::new(ty, &self.tunables.memory)?;
            return Ok(self.import_shared(&memory));
        }
        self.check_initial(Resource::Memory, &LinearMemory::initial(&ty)?)?;
        let memory = LinearMemory::with_image(ty, &self.tunables.memory, image)?;
        Ok(Handle { store: self.id(), index: self.add_memory(memory) })
    }

    /// The handle of a shared memory in this store.
    pub fn import_shared(&mut self, memory: &Arc<SharedLinear>) -> Handle {
        let known = self
            .memories
            .iter()
            .position(|it| matches!(it, AnyMemory::Shared(known) if Arc::ptr_eq(known, memory)));
        let index = known.unwrap_or_else(|| {
            self.memories.push(AnyMemory::Shared(memory.clone()));
            self.memories.len() - 1
        });
        Handle { store: self.id(), index: index as u32 }
    }

    /// The memory behind a handle, if it is a shared one.
    #[track_caller]
    pub fn shared_memory(&self, memory: Handle) -> Option<&Arc<SharedLinear>> {
        self.assert_owns(memory.store);
        match &self.memories[memory.index as usize] {
            AnyMemory::Own(_) => None,
            AnyMemory::Shared(memory) => Some(memory),
        }
    }

    /// The type of a memory, shared or not, as it was made.
    #[track_caller]
    pub(super) fn memory_type(&self, memory: Handle) -> &MemoryType {
        match self.shared_memory(memory) {
            Some(shared) => shared.ty(),
            None => self.memory(memory).ty(),
        }
    }

    /// The size of a memory in pages, shared or not.
    #[track_caller]
    pub(super) fn memory_pages(&self, memory: Handle) -> u64 {
        match self.shared_memory(memory) {
            Some(shared) => shared.pages(),
            None => self.memory(memory).pages(),
        }
    }

    fn own_memory(&self, memory: Handle) -> NonNull<LinearMemory> {
        self.assert_owns(memory.store);
        match self.memories[memory.index as usize] {
            AnyMemory::Own(memory) => memory,
            AnyMemory::Shared(_) => panic!("a shared memory has no exclusive owner"),
        }
    }

    /// A memory that is not shared.
    #[inline]
    #[track_caller]
    pub fn memory(&self, memory: Handle) -> &LinearMemory {
        // SAFETY: the object lives as long as the store, and `&self` means that no code runs.
        unsafe { self.own_memory(memory).as_ref() }
    }

    /// A memory that is not shared, to write.
    #[inline]
    #[track_caller]
    pub fn memory_mut(&mut self, memory: Handle) -> &mut LinearMemory {
        // SAFETY: as above, and the access is exclusive.
        unsafe { self.own_memory(memory).as_mut() }
    }

    /// The address that handlers know a memory by.
    pub(super) fn memory_ptr(&self, index: u32) -> NonNull<VmMemory> {
        match &self.memories[index as usize] {
            AnyMemory::Own(memory) => LinearMemory::vm_ptr(*memory),
            // SAFETY: never null; and the object begins with what handlers see.
            AnyMemory::Shared(memory) => unsafe {
                NonNull::new_unchecked(Arc::as_ptr(memory).cast_mut().cast())
            },
        }
    }

    /// Grows a memory by so many pages; the old size in pages.
    ///
    /// # Errors
    ///
    /// `Ok(None)` is the failure that a program sees; `Err` is an error of the embedder's limiter,
    /// which ends the program.
    pub fn grow_memory(&mut self, memory: Handle, delta: u64) -> Result<Option<u64>> {
        let inner = self.ctx.inner;
        let hooks = self.ctx.hooks;
        if delta == 0 {
            return Ok(Some(self.memory(memory).pages()));
        }
        let Some(growth) = self.memory(memory).growth(delta) else { return Ok(None) };
        // SAFETY: `inner` is this store; the hook touches only the embedder's part of it.
        if !unsafe { (hooks.growing)(inner, Resource::Memory, &growth) }? {
            return Ok(None);
        }
        self.grow_memory_allowed(memory, &growth)
    }

    /// Grows a memory as the embedder's limits have allowed; as [`VmStore::grow_memory`].
    ///
    /// # Errors
    ///
    /// As for [`VmStore::grow_memory`].
    fn grow_memory_allowed(&mut self, memory: Handle, growth: &Growth) -> Result<Option<u64>> {
        let inner = self.ctx.inner;
        let hooks = self.ctx.hooks;
        let old = self.memory(memory).pages();
        let tunables = self.tunables.memory.clone();
        match self.memory_mut(memory).grow_to(growth.desired, &tunables) {
            Ok(()) => Ok(Some(old)),
            Err(error) => {
                // SAFETY: as above.
                unsafe { (hooks.grow_failed)(inner, Resource::Memory, error) }?;
                Ok(None)
            }
        }
    }

    /// `memory.grow` as a runtime function: the old size in pages, or `None` if the memory did not
    /// grow. An error or panic of the embedder's limiter is then in [`VmStore::pending`], and ends
    /// execution.
    ///
    /// # Safety
    ///
    /// `memory` is one of this store's that is not shared.
    pub unsafe fn memory_grow(&mut self, memory: NonNull<VmMemory>, delta: u64) -> Option<u64> {
        // SAFETY: the caller's promise.
        let handle = unsafe { self.handle_of_memory(memory) };
        self.guarded(|store| store.grow_memory(handle, delta))
    }

    /// The same, when the embedder has allowed it.
    ///
    /// # Safety
    ///
    /// As for [`VmStore::memory_grow`].
    pub unsafe fn memory_grow_allowed(
        &mut self,
        memory: NonNull<VmMemory>,
        growth: &Growth,
    ) -> Option<u64> {
        // SAFETY: the caller's promise.
        let handle = unsafe { self.handle_of_memory(memory) };
        self.guarded(|store| store.grow_memory_allowed(handle, growth))
    }

    /// The handle of a memory that handlers know.
    ///
    /// # Safety
    ///
    /// `memory` is one of this store's that is not shared.
    pub unsafe fn handle_of_memory(&self, memory: NonNull<VmMemory>) -> Handle {
        // SAFETY: handlers only know memories that are the first field of a `LinearMemory`.
        let index = unsafe { memory.cast::<LinearMemory>().as_ref() }.store_index;
        Handle { store: self.id(), index }
    }
}
