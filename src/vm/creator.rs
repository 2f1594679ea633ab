//! What an embedder implements who provides the storage of memories.

use alloc::sync::Arc;

use crate::error::Result;
use crate::prelude::*;
use crate::types::MemoryType;

/// The storage of a linear memory that the embedder provides; see [`MemoryCreator`].
///
/// # Safety
///
/// The bytes from [`LinearMemory::as_ptr`] on, as many as [`LinearMemory::byte_size`] says, can be read
/// and written, are used by nobody else, and stay where they are until the next
/// [`LinearMemory::grow_to`] returns, or the storage is dropped. Fresh ones are zero.
pub unsafe trait LinearMemory: Send + Sync + 'static {
    /// Bytes that are there.
    fn byte_size(&self) -> usize;

    /// Bytes up to which it can grow without moving.
    fn byte_capacity(&self) -> usize;

    /// Grows to a number of bytes, not less than there are.
    ///
    /// # Errors
    ///
    /// When it cannot; then nothing has changed.
    fn grow_to(&mut self, new_size: usize) -> Result<()>;

    /// The first byte. Not null, even without bytes.
    fn as_ptr(&self) -> *mut u8;
}

/// Makes the storage of linear memories, in place of the engine; see
/// [`Config::with_host_memory`](crate::Config::with_host_memory).
///
/// # Safety
///
/// What it makes is as large as it was asked for, at least.
pub unsafe trait MemoryCreator: Send + Sync {
    /// Storage for a memory of a type with so many bytes now, and in the end at most `maximum`. All
    /// accesses are compared with its size, so that nothing has to be reserved:
    /// `reserved_size_in_bytes` is `Some(0)` and `guard_size_in_bytes` is 0 always. Other engines ask
    /// for more.
    ///
    /// # Errors
    ///
    /// When it cannot be had: the reason.
    fn new_memory(
        &self,
        ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved_size_in_bytes: Option<usize>,
        guard_size_in_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String>;
}

/// Who makes memories, if not the engine.
#[derive(Clone)]
pub struct Creator(pub Arc<dyn MemoryCreator>);

impl core::fmt::Debug for Creator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MemoryCreator")
    }
}
