//! Reserved address space by `mmap`.

use core::ptr::{self, NonNull};
use std::io;

/// A range of address space that this process owns. It starts inaccessible; [`Mapping::commit`]
/// makes parts of it readable and writable. Fresh pages read as zero and take memory only when
/// they are first touched.
#[derive(Debug)]
pub struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a mapping is plain memory that its owner alone unmaps; no thread has a special part.
unsafe impl Send for Mapping {}
// SAFETY: shared access gives out only the base address and the length.
unsafe impl Sync for Mapping {}

/// Granularity of [`Mapping`] on every target: no page of a supported target is larger.
const GRANULE: usize = 64 * 1024;

impl Mapping {
    /// A mapping of no bytes.
    pub const fn empty() -> Mapping {
        Mapping { base: NonNull::dangling(), len: 0 }
    }

    /// Reserves at least `len` bytes of inaccessible address space.
    ///
    /// # Errors
    ///
    /// When the address space or a limit of the process does not allow it.
    pub fn reserve(len: usize) -> io::Result<Mapping> {
        if len == 0 {
            return Ok(Mapping::empty());
        }
        let len = len
            .checked_next_multiple_of(GRANULE)
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing that
        // exists.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast::<u8>())
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Mapping { base, len })
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

    /// Is nothing reserved?
    pub fn is_empty(&self) -> bool {
        self.len == 0
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
        let end = offset.checked_add(len).filter(|&end| end <= self.len);
        let end = end.expect("commit outside of a mapping").next_multiple_of(page_size());
        let start = offset - offset % page_size();
        if start == end {
            return Ok(());
        }
        // SAFETY: the range is inside this mapping (whose length is a multiple of the page size),
        // and making pages accessible cannot hurt anyone who holds a pointer to them.
        let result = unsafe {
            libc::mprotect(
                self.base().wrapping_add(start).cast(),
                end - start,
                libc::PROT_READ | libc::PROT_WRITE,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.len == 0 {
            return;
        }
        // SAFETY: base and length are those of a live mapping that nobody can use any longer.
        // Failure would mean that they are not, and is ignored: leaking is the safe reaction.
        unsafe { libc::munmap(self.base().cast(), self.len) };
    }
}

/// Bytes of a page of the system.
fn page_size() -> usize {
    use std::sync::OnceLock;
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: `sysconf` has no preconditions.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_pages_read_zero_and_keep_what_is_written() {
        let mut map = Mapping::reserve(1 << 20).unwrap();
        map.commit(0, 10).unwrap();
        // SAFETY: the first page was just committed and only this test has the mapping.
        let first = unsafe { &mut *map.base() };
        assert_eq!(*first, 0);
        *first = 7;
        map.commit(0, 1 << 20).unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { *map.base() }, 7);
    }

    #[test]
    fn impossible_reservations_are_errors() {
        assert!(Mapping::reserve(usize::MAX).is_err());
        assert!(Mapping::reserve(usize::MAX / 2).is_err());
    }

    #[test]
    #[should_panic(expected = "outside of a mapping")]
    fn committing_outside_panics() {
        Mapping::reserve(1 << 16).unwrap().commit(1 << 16, 1).ok();
    }
}
