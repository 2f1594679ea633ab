//! Initial contents of mappings, of which each mapping copies the pages that it writes to. Of Linux; elsewhere
//! `image_absent.rs` stands in.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};

use super::Mapping;

/// Bytes that mappings can begin with.
#[derive(Debug)]
pub struct Image {
    file: File,
    /// All of it, to be read.
    bytes: Mapping,
    len: usize,
}

const ACCESSIBLE: i32 = libc::PROT_READ | libc::PROT_WRITE;

impl Image {
    /// An image of these bytes, whole pages of them.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn new(bytes: &[u8]) -> io::Result<Image> {
        // SAFETY: a name that ends with a zero.
        let file = unsafe {
            libc::memfd_create(c"threadle".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING)
        };
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is open, and nobody else has it.
        let mut file = unsafe { File::from_raw_fd(file) };
        file.write_all(bytes)?;
        let seals =
            libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE | libc::F_SEAL_SEAL;
        // From now on no page of a mapping can go away, or change.
        // SAFETY: the file is open.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let len = bytes.len();
        let mut bytes = Mapping::reserve(len)?;
        bytes.cover(0, len, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd())?;
        Ok(Image { file, bytes, len })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: so many are mapped for as long as this lives, of a file that nobody can write to.
        unsafe { core::slice::from_raw_parts(self.bytes.base(), self.len) }
    }

    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.len
    }
}

impl Mapping {
    /// Makes an image's bytes the contents from `offset` on, in pages that can be read and written. What was
    /// there is gone.
    ///
    /// # Errors
    ///
    /// When the system refuses. What is there is then unknown, but for its being in this mapping.
    ///
    /// # Panics
    ///
    /// If the image does not lie within the mapping.
    pub fn show(&mut self, offset: usize, image: &Image) -> io::Result<()> {
        self.cover(offset, image.len, ACCESSIBLE, libc::MAP_PRIVATE, image.file.as_raw_fd())
    }

    /// Makes the contents zeros again where an image was shown.
    ///
    /// # Errors
    ///
    /// As for [`Mapping::show`].
    ///
    /// # Panics
    ///
    /// If the range does not lie within the mapping.
    pub fn blank(&mut self, offset: usize, len: usize) -> io::Result<()> {
        self.cover(offset, len, ACCESSIBLE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
    }

    fn cover(
        &mut self,
        offset: usize,
        len: usize,
        protection: i32,
        flags: i32,
        file: i32,
    ) -> io::Result<()> {
        assert!(self.has(offset, len), "pages outside of a mapping");
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the range is inside this mapping, which is borrowed to be changed, and the system refuses
        // one that does not begin with a page.
        let at = unsafe {
            libc::mmap(
                self.base().wrapping_add(offset).cast(),
                len,
                protection,
                flags | libc::MAP_FIXED | libc::MAP_NORESERVE,
                file,
                0,
            )
        };
        if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Forgets what was written to a range of whole pages: its bytes are those of an image, or zeros, again.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the mapping.
    pub fn forget(&mut self, offset: usize, len: usize) -> io::Result<()> {
        assert!(self.has(offset, len), "pages outside of a mapping");
        let start = self.base().wrapping_add(offset).cast();
        // SAFETY: the range is inside this mapping, all of whose pages are private.
        let result = unsafe { libc::madvise(start, len, libc::MADV_DONTNEED) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Makes a range inaccessible.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the mapping.
    pub fn hide(&mut self, offset: usize, len: usize) -> io::Result<()> {
        assert!(self.has(offset, len), "pages outside of a mapping");
        let start = self.base().wrapping_add(offset).cast();
        // SAFETY: the range is inside this mapping, which is borrowed to be changed.
        let result = unsafe { libc::mprotect(start, len, libc::PROT_NONE) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn has(&self, offset: usize, len: usize) -> bool {
        offset.checked_add(len).is_some_and(|end| end <= self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_shows_again_when_what_was_written_is_forgotten() {
        const PAGE: usize = 64 * 1024;
        let image = Image::new(&[7; 2 * PAGE]).unwrap();
        let mut maps = [Mapping::reserve(8 * PAGE).unwrap(), Mapping::reserve(8 * PAGE).unwrap()];
        // SAFETY: a byte of a mapping that only this test has, and that is accessible.
        let read = |map: &Mapping, at| unsafe { map.base().wrapping_add(at).read_volatile() };
        // SAFETY: likewise.
        let write = |map: &Mapping, at| unsafe { map.base().wrapping_add(at).write_volatile(9) };
        for map in &mut maps {
            map.commit(0, 4 * PAGE).unwrap();
            map.show(PAGE, &image).unwrap();
        }
        for at in [0, PAGE, 3 * PAGE - 1, 3 * PAGE] {
            write(&maps[0], at);
        }
        for (at, initially) in [(0, 0), (PAGE, 7), (3 * PAGE - 1, 7), (3 * PAGE, 0)] {
            assert_eq!((read(&maps[0], at), read(&maps[1], at)), (9, initially), "{at}");
        }
        maps[0].forget(0, 4 * PAGE).unwrap();
        for (at, initially) in [(0, 0), (PAGE, 7), (3 * PAGE - 1, 7), (3 * PAGE, 0)] {
            assert_eq!(read(&maps[0], at), initially, "{at}");
        }
        maps[0].blank(PAGE, image.size()).unwrap();
        assert_eq!((read(&maps[0], PAGE), read(&maps[1], PAGE)), (0, 7));
    }
}
