//! Memories whose storage is the embedder's.

use super::creator::{Creator, LinearMemory};
use super::limits::MemoryTunables;
use crate::error::{Context, Error, Result, ensure, format_err};
use crate::prelude::*;
use crate::types::MemoryType;

/// The embedder's storage of a memory.
pub(super) struct HostStorage(Box<dyn LinearMemory>);

impl core::fmt::Debug for HostStorage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("HostStorage").field(&self.0.byte_size()).finish()
    }
}

impl HostStorage {
    /// Storage of `len` bytes, in the end of `maximum`.
    pub(super) fn new(
        creator: &Creator,
        ty: &MemoryType,
        len: usize,
        maximum: Option<usize>,
    ) -> Result<HostStorage> {
        let made = creator.0.new_memory(*ty, len, maximum, Some(0), 0).map_err(Error::msg);
        let storage = HostStorage(made.context("the memory creator made no memory")?);
        storage.check(len)?;
        Ok(storage)
    }

    /// Makes it larger.
    pub(super) fn grow_to(&mut self, len: usize, tunables: &MemoryTunables) -> Result<()> {
        ensure!(
            len <= self.0.byte_capacity() || tunables.may_move,
            "the memory would have to move, which the configuration forbids"
        );
        self.0.grow_to(len)?;
        self.check(len)
    }

    fn check(&self, len: usize) -> Result<()> {
        let have = self.0.byte_size();
        if have < len || self.0.as_ptr().is_null() {
            return Err(format_err!("a memory has {have} bytes, {len} were asked for"));
        }
        Ok(())
    }

    /// Where it begins.
    pub(super) fn base(&self) -> *mut u8 {
        self.0.as_ptr()
    }
}
