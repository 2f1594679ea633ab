//! Reserved address space by `mmap`.

use core::ptr::{self, NonNull};
use std::io;

use super::Mapping;
use crate::prelude::*;

/// Granularity of [`Mapping`] on every target: no page of a supported target is larger.
const GRANULE: usize = 64 * 1024;

/// Whether reserving costs nothing but address space, of which there is plenty.
pub const RESERVING_IS_FREE: bool = usize::BITS >= 64;

/// Whether what is reserved and not committed is inaccessible.
pub const PAGES_ARE_PROTECTED: bool = true;

/// The length of a mapping of at least `len` bytes, if there can be one: nothing that pointers go through is
/// larger than the largest `isize`, which is less than what some systems of 32 bits would give.
fn whole_granules(len: usize) -> Option<usize> {
    len.checked_next_multiple_of(GRANULE).filter(|&len| len <= isize::MAX as usize)
}

impl Mapping {
    /// Reserves at least `len` bytes of inaccessible address space.
    ///
    /// # Errors
    ///
    /// When the address space or a limit of the process does not allow it.
    pub fn reserve(len: usize) -> io::Result<Mapping> {
        if len == 0 {
            return Ok(Mapping::empty());
        }
        let len = whole_granules(len).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
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
            return Err(refusal());
        }
        let base = NonNull::new(base.cast::<u8>())
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
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
        let end = self.end_of(offset, len).next_multiple_of(page_size());
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
        if result == 0 { Ok(()) } else { Err(refusal()) }
    }

    /// Makes the mapping at least `len` bytes long; it moves. The first `used` bytes, all that was
    /// ever committed, keep their contents; what lies behind them must be committed anew. Where the
    /// system can move pages none is touched, elsewhere none that holds only zeros is written.
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
        *self = match self.move_pages(used, len) {
            Some(map) => map,
            None => {
                let mut map = Mapping::reserve(len)?;
                map.commit(0, used)?;
                // SAFETY: two live mappings of at least `used` accessible bytes, which nobody else
                // uses: the one is borrowed, the other is new.
                unsafe { super::fresh::copy_but_zeros(self.base(), map.base(), used) };
                map
            }
        };
        Ok(())
    }

    /// The pages of the first `used` bytes, moved to a longer mapping. `None` if the system cannot;
    /// this mapping is empty otherwise.
    #[cfg(target_os = "linux")]
    fn move_pages(&mut self, used: usize, len: usize) -> Option<Mapping> {
        let used = used.next_multiple_of(page_size());
        // Miri knows no mappings of which only a part is moved.
        if used == 0 || cfg!(miri) {
            return None;
        }
        let len = whole_granules(len)?;
        // SAFETY: the range belongs to this mapping. The system moves it as a whole or not at all:
        // all of it has the same protection, so it is one area, also after it was moved before,
        // because what lies behind it came into being together with it.
        let base = unsafe { libc::mremap(self.base().cast(), used, len, libc::MREMAP_MAYMOVE) };
        if base == libc::MAP_FAILED {
            return None;
        }
        let old = core::mem::replace(self, Mapping::empty());
        if old.len > used {
            // SAFETY: the part that was not moved still belongs to the mapping, which is forgotten.
            unsafe { libc::munmap(old.base().wrapping_add(used).cast(), old.len - used) };
        }
        core::mem::forget(old);
        let map = Mapping { base: NonNull::new(base.cast())?, len };
        // SAFETY: inside of the new mapping, behind all that is used. Should the system refuse, the
        // pages stay accessible, which nothing relies on their not being.
        unsafe {
            libc::mprotect(map.base().wrapping_add(used).cast(), len - used, libc::PROT_NONE)
        };
        Some(map)
    }

    #[cfg(not(target_os = "linux"))]
    fn move_pages(&mut self, _used: usize, _len: usize) -> Option<Mapping> {
        None
    }

    /// Pages among the first `len` bytes that take memory.
    #[cfg(all(test, target_os = "linux"))]
    pub fn resident_pages(&self, len: usize) -> usize {
        let mut pages = vec![0_u8; len.div_ceil(page_size())];
        // SAFETY: the range is mapped, and there is a byte for each of its pages.
        let result = unsafe { libc::mincore(self.base().cast(), len, pages.as_mut_ptr()) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        pages.iter().filter(|&&page| page & 1 != 0).count()
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

/// Bytes of address space that the process may have in all, if there is a limit.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn address_space() -> Option<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes to a live local of the type that it wants.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) };
    if result != 0 || limit.rlim_cur == libc::RLIM_INFINITY {
        return None;
    }
    usize::try_from(limit.rlim_cur).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn address_space() -> Option<usize> {
    None
}

/// The system's last error. "Out of memory" is what it says whatever limit is reached, so the likely
/// one is named.
#[cold]
fn refusal() -> io::Error {
    let error = io::Error::last_os_error();
    if error.kind() != io::ErrorKind::OutOfMemory {
        return error;
    }
    let why = if let Some((count, most)) = mappings().filter(|(count, most)| count + 16 >= *most) {
        format!("the process has {count} of {most} mappings that it may have (vm.max_map_count)")
    } else if let Some(bytes) = address_space() {
        format!("the process may have {bytes} bytes of address space in all (`ulimit -v`)")
    } else {
        return error;
    };
    io::Error::new(io::ErrorKind::OutOfMemory, format!("{error}; {why}"))
}

/// How many mappings the process has, and may have, where the system tells.
fn mappings() -> Option<(usize, usize)> {
    use std::fs::File;
    use std::io::Read;
    if !cfg!(any(target_os = "linux", target_os = "android")) || cfg!(miri) {
        return None;
    }
    // No large buffers: that there is room for them is just what is in doubt.
    let mut buffer = [0; 4096];
    let read = File::open("/proc/sys/vm/max_map_count").ok()?.read(&mut buffer).ok()?;
    let most = core::str::from_utf8(&buffer[..read]).ok()?.trim().parse().ok()?;
    let mut maps = File::open("/proc/self/maps").ok()?;
    let mut count = 0;
    loop {
        let read = maps.read(&mut buffer).ok()?;
        if read == 0 {
            return Some((count, most));
        }
        count += buffer[..read].iter().filter(|&&byte| byte == b'\n').count();
    }
}

/// Bytes of a page of the system.
pub fn page_size() -> usize {
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
    fn an_extended_mapping_has_what_was_used_and_zeros() {
        let mut map = Mapping::empty();
        map.extend(0, 1 << 16).unwrap();
        let mut used = 0;
        for round in 1..=20 {
            let len = map.len();
            // Now and then something is committed before, now and then nothing is used at all.
            let more = (used + round * 5000).min(len);
            map.commit(used, more - used).unwrap();
            // SAFETY: so much is committed, and only this test has the mapping.
            let bytes = unsafe { core::slice::from_raw_parts_mut(map.base(), more) };
            assert!(bytes[used..].iter().all(|&byte| byte == 0));
            bytes[used..].iter_mut().step_by(4096).for_each(|byte| *byte = round as u8);
            used = more;
            map.extend(used, len + round * 70_000).unwrap();
            assert!(map.len() >= len + round * 70_000);
        }
        // SAFETY: as above.
        let bytes = unsafe { core::slice::from_raw_parts(map.base(), used) };
        let mut at = 0;
        for round in 1..=20_u8 {
            let more = (at + usize::from(round) * 5000).min(used);
            assert!(bytes[at..more].iter().step_by(4096).all(|&byte| byte == round));
            at = more;
        }
    }

    #[test]
    fn impossible_extensions_are_errors_and_change_nothing() {
        let mut map = Mapping::reserve(1 << 16).unwrap();
        map.commit(0, 1 << 16).unwrap();
        // SAFETY: just committed.
        unsafe { *map.base() = 7 };
        for len in [usize::MAX, usize::MAX / 2] {
            assert!(map.extend(1 << 16, len).is_err());
        }
        // SAFETY: as above.
        assert_eq!((unsafe { *map.base() }, map.len()), (7, 1 << 16));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn mappings_are_counted() {
        let (before, most) = mappings().unwrap();
        let mut map = Mapping::reserve(200 * GRANULE).unwrap();
        // Every other granule is of another kind than its neighbours.
        (0..100).for_each(|i| map.commit(2 * i * GRANULE, GRANULE).unwrap());
        let (after, _) = mappings().unwrap();
        // Other threads map things, too.
        assert!(after > before + 100 && after < most, "{before}, then {after} of {most}");
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
