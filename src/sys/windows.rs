//! Reserved address space by `VirtualAlloc`.

use core::ptr::{self, NonNull};
use std::io;

use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE, VirtualAlloc, VirtualFree,
};

use super::Mapping;

/// See the twin in `unix.rs`: no limit is known here.
pub fn address_space() -> Option<usize> {
    None
}

/// What the system aligns reservations to.
const GRANULE: usize = 64 * 1024;

/// See the twin in `unix.rs`.
pub const RESERVING_IS_FREE: bool = usize::BITS >= 64;

/// See the twin in `unix.rs`.
pub const PAGES_ARE_PROTECTED: bool = true;

impl Mapping {
    /// Reserves at least `len` bytes of inaccessible address space.
    ///
    /// # Errors
    ///
    /// When the address space does not allow it.
    pub fn reserve(len: usize) -> io::Result<Mapping> {
        if len == 0 {
            return Ok(Mapping::empty());
        }
        // See the twin.
        let len = len
            .checked_next_multiple_of(GRANULE)
            .filter(|&len| len <= isize::MAX as usize)
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: a reservation at an address of the system's choice touches nothing that exists.
        let base = unsafe { VirtualAlloc(ptr::null(), len, MEM_RESERVE, PAGE_NOACCESS) };
        let base = NonNull::new(base.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Mapping { base, len })
    }

    /// Makes `len` bytes from `offset` on readable and writable, rounded out to whole pages. Pages
    /// that were committed before keep their contents.
    ///
    /// # Errors
    ///
    /// When the system refuses; nothing has changed then.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the mapping.
    pub fn commit(&mut self, offset: usize, len: usize) -> io::Result<()> {
        self.end_of(offset, len);
        if len == 0 {
            return Ok(());
        }
        let start = self.base().wrapping_add(offset).cast();
        // SAFETY: the range is inside this mapping, whose length is a multiple of the page size, and
        // committing pages does nothing to those that are committed.
        let committed = unsafe { VirtualAlloc(start, len, MEM_COMMIT, PAGE_READWRITE) };
        if committed.is_null() { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Makes the mapping at least `len` bytes long; it moves. The first `used` bytes, all that was
    /// ever committed, keep their contents; what lies behind them must be committed anew. No page that
    /// holds only zeros is written.
    ///
    /// # Errors
    ///
    /// When the system refuses; nothing has changed then.
    ///
    /// # Panics
    ///
    /// If the used bytes do not lie within the mapping, or `len` is less than there is.
    pub fn extend(&mut self, used: usize, len: usize) -> io::Result<()> {
        assert!(used <= self.len && self.len <= len, "extending a mapping to less than it is");
        let mut map = Mapping::reserve(len)?;
        map.commit(0, used)?;
        // SAFETY: two live mappings of at least `used` accessible bytes, which nobody else uses: the
        // one is borrowed, the other is new.
        unsafe { super::fresh::copy_but_zeros(self.base(), map.base(), used) };
        *self = map;
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.len == 0 {
            return;
        }
        // SAFETY: this is the base of a live mapping that nobody can use any longer. Failure would
        // mean that it is not, and is ignored: leaking is the safe reaction.
        unsafe { VirtualFree(self.base().cast(), 0, MEM_RELEASE) };
    }
}
