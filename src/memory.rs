//! Linear memories.

use core::fmt;

use crate::error::{Result, format_err};
use crate::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::types::MemoryType;
use crate::vm::context::Resource;
use crate::vm::handle::Handle;
use crate::vm::memory::LinearMemory;

/// A linear memory of a store.
///
/// All methods panic if the memory belongs to another store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Memory(pub(crate) Handle);

/// An access outside of a memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct MemoryAccessError;

impl fmt::Display for MemoryAccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of bounds memory access")
    }
}

impl core::error::Error for MemoryAccessError {}

impl Memory {
    /// Makes a memory, all zero.
    ///
    /// # Errors
    ///
    /// When the type is not valid, limits refuse, or memory cannot be had.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Memory> {
        let limit = ty.absolute_maximum();
        if ty.minimum() > limit || ty.maximum().is_some_and(|max| max > limit) {
            return Err(format_err!("memory size must be at most {limit} pages"));
        }
        if ty.maximum().is_some_and(|max| max < ty.minimum()) {
            return Err(format_err!("memory minimum must not be greater than maximum"));
        }
        if ty.is_shared() {
            return Err(format_err!("shared memories belong to no store"));
        }
        Ok(Memory(store.as_context_mut().0.vm_mut().new_memory(ty)?))
    }

    pub(crate) fn from_vm(handle: Handle) -> Memory {
        Memory(handle)
    }

    /// Its type, with its present size as minimum.
    pub fn ty(&self, store: impl AsContext) -> MemoryType {
        let store = store.as_context();
        let memory = store.0.vm().memory(self.0);
        let ty = memory.ty();
        let (pages, max) = (memory.pages(), ty.maximum());
        MemoryType::from_parts(pages, max, ty.is_64(), ty.is_shared(), ty.page_size_log2())
    }

    /// Copies bytes from `offset` on out of the memory.
    ///
    /// # Errors
    ///
    /// When the range does not lie within the memory; nothing has been copied then.
    pub fn read(
        &self,
        store: impl AsContext,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), MemoryAccessError> {
        let store = store.as_context();
        let bytes = store.0.vm().memory(self.0).bytes();
        let range = offset..offset.checked_add(buffer.len()).ok_or(MemoryAccessError)?;
        buffer.copy_from_slice(bytes.get(range).ok_or(MemoryAccessError)?);
        Ok(())
    }

    /// Copies bytes into the memory from `offset` on.
    ///
    /// # Errors
    ///
    /// When the range does not lie within the memory; nothing has been copied then.
    pub fn write(
        &self,
        mut store: impl AsContextMut,
        offset: usize,
        buffer: &[u8],
    ) -> Result<(), MemoryAccessError> {
        let mut store = store.as_context_mut();
        let bytes = store.0.vm_mut().memory_mut(self.0).bytes_mut();
        let range = offset..offset.checked_add(buffer.len()).ok_or(MemoryAccessError)?;
        bytes.get_mut(range).ok_or(MemoryAccessError)?.copy_from_slice(buffer);
        Ok(())
    }

    /// The contents.
    pub fn data<'a, T: 'static>(&self, store: impl Into<StoreContext<'a, T>>) -> &'a [u8] {
        store.into().0.vm().memory(self.0).bytes()
    }

    /// The contents, to change.
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> &'a mut [u8] {
        store.into().split().0.memory_mut(self.0).bytes_mut()
    }

    /// The contents and the store's data, both to change.
    pub fn data_and_store_mut<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> (&'a mut [u8], &'a mut T) {
        let (vm, data) = store.into().split();
        (vm.memory_mut(self.0).bytes_mut(), data)
    }

    /// The address of the first byte, valid until the memory grows.
    pub fn data_ptr(&self, store: impl AsContext) -> *mut u8 {
        store.as_context().0.vm().memory(self.0).base()
    }

    /// Size in bytes.
    pub fn data_size(&self, store: impl AsContext) -> usize {
        store.as_context().0.vm().memory(self.0).byte_size()
    }

    /// Size in pages.
    pub fn size(&self, store: impl AsContext) -> u64 {
        store.as_context().0.vm().memory(self.0).pages()
    }

    /// Bytes of a page, as a power of two.
    pub fn page_size_log2(&self, store: impl AsContext) -> u8 {
        self.ty(store).page_size_log2()
    }

    /// Bytes of a page.
    pub fn page_size(&self, store: impl AsContext) -> u64 {
        store.as_context().0.vm().memory(self.0).ty().page_size()
    }

    /// Makes the memory larger by `delta` pages, zeroed, and returns the size in pages it had.
    ///
    /// # Errors
    ///
    /// When its maximum or the store's limits do not allow it, or memory cannot be had.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64> {
        let mut store = store.as_context_mut();
        let old = store.0.vm_mut().grow_memory(self.0, delta)?;
        old.ok_or_else(|| format_err!("failed to grow memory by `{delta}`"))
    }

    /// Like [`Memory::new`], for stores with an asynchronous limiter.
    ///
    /// # Errors
    ///
    /// As for [`Memory::new`].
    pub async fn new_async(mut store: impl AsContextMut, ty: MemoryType) -> Result<Memory> {
        let mut store = store.as_context_mut();
        let growth = LinearMemory::initial(&ty)?;
        store.ask_limiter(Resource::Memory, &growth).await?;
        store.with_answers(|store| Memory::new(store, ty))
    }

    /// Like [`Memory::grow`], for stores with an asynchronous limiter.
    ///
    /// # Errors
    ///
    /// As for [`Memory::grow`].
    pub async fn grow_async(&self, mut store: impl AsContextMut, delta: u64) -> Result<u64> {
        let mut store = store.as_context_mut();
        let growth = store.0.vm().memory(self.0).growth(delta).filter(|_| delta > 0);
        if let Some(growth) = growth
            && !store.ask_growth(Resource::Memory, &growth).await?
        {
            return Err(format_err!("failed to grow memory by `{delta}`"));
        }
        store.with_answers(|store| self.grow(store, delta))
    }
}
