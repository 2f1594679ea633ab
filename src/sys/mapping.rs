//! What every target's mappings have in common. How they come, grow and go stands in `unix.rs`, `windows.rs`
//! and `portable.rs`.

use core::ptr::NonNull;

/// A range of address space that this process owns. It starts inaccessible, unless it is of the allocator;
/// [`Mapping::commit`] makes parts of it readable and writable. Fresh pages read as zero and take memory
/// only when they are first touched.
#[derive(Debug)]
pub struct Mapping {
    pub(super) base: NonNull<u8>,
    pub(super) len: usize,
}

// SAFETY: a mapping is plain memory that its owner alone frees; no thread has a special part.
unsafe impl Send for Mapping {}
// SAFETY: shared access gives out only the base address and the length.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// A mapping of no bytes.
    pub const fn empty() -> Mapping {
        Mapping { base: NonNull::dangling(), len: 0 }
    }

    /// The first byte.
    #[inline]
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Bytes reserved.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is reserved.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The end of so many bytes from `offset` on, which are to be committed.
    ///
    /// # Panics
    ///
    /// If they do not lie within the mapping.
    pub(super) fn end_of(&self, offset: usize, len: usize) -> usize {
        let end = offset.checked_add(len).filter(|&end| end <= self.len);
        end.expect("commit outside of a mapping")
    }
}
