//! Reserved address space from the allocator, for targets without `mmap`: everything is
//! accessible from the start, and large zeroed allocations take memory only when touched on most
//! systems.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::Mapping;
use crate::sys::standard::io;

/// Bytes of address space that the process may have in all, if there is a limit that can be known.
pub fn address_space() -> Option<usize> {
    None
}

const ALIGN: usize = 4096;

/// Does reserving cost nothing but address space, of which there is plenty? Not where the allocator
/// does it.
pub const RESERVING_IS_FREE: bool = false;

/// Whether what is reserved and not committed is inaccessible. No: it is the allocator's memory.
pub const PAGES_ARE_PROTECTED: bool = false;

impl Mapping {
    /// Allocates `len` zeroed bytes.
    ///
    /// # Errors
    ///
    /// When the allocator cannot.
    pub fn reserve(len: usize) -> io::Result<Mapping> {
        if len == 0 {
            return Ok(Mapping::empty());
        }
        let out_of_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        let layout = Layout::from_size_align(len, ALIGN).map_err(|_| out_of_memory())?;
        // SAFETY: the layout's size is not zero.
        let base = unsafe { alloc::alloc::alloc_zeroed(layout) };
        Ok(Mapping { base: NonNull::new(base).ok_or_else(out_of_memory)?, len })
    }

    /// Makes a range accessible; here it already is.
    ///
    /// # Errors
    ///
    /// None on this target.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the mapping.
    pub fn commit(&mut self, offset: usize, len: usize) -> io::Result<()> {
        self.end_of(offset, len);
        Ok(())
    }

    /// Makes the mapping `len` bytes long; it moves. The first `used` bytes keep their contents. No
    /// page that holds only zeros is written.
    ///
    /// # Errors
    ///
    /// When the allocator cannot; nothing has changed then.
    ///
    /// # Panics
    ///
    /// If the used bytes do not lie within the mapping, or `len` is less than there is.
    pub fn extend(&mut self, used: usize, len: usize) -> io::Result<()> {
        assert!(used <= self.len && self.len <= len, "extending a mapping to less than it is");
        let map = Mapping::reserve(len)?;
        // SAFETY: two live allocations of at least `used` bytes, which nobody else uses: the one is
        // borrowed, the other is new.
        unsafe { super::fresh::copy_but_zeros(self.base(), map.base(), used) };
        *self = map;
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if let Ok(layout) = Layout::from_size_align(self.len, ALIGN)
            && self.len != 0
        {
            // SAFETY: this is the layout that `reserve` allocated with.
            unsafe { alloc::alloc::dealloc(self.base(), layout) };
        }
    }
}
