//! Listing directories.
//!
//! The guest asks for as many bytes of entries as its buffer takes and goes on with the cookie of
//! the last entry that it got whole. Cookies are positions in the listing. The host's iterator stays
//! open between calls, with the one entry that did not fit kept back, so a directory of any size is
//! listed in linear time and constant memory, and entries removed on the way do not disturb it. Only
//! a guest that jumps to another cookie makes the listing start again.

use std::io;

use cap_std::fs::{Dir, ReadDir};

use super::abi::{Dirent, Errno, Filetype, Result};
use super::file::filetype_of;
use crate::prelude::*;

/// An entry that has been taken from the host.
struct Entry {
    name: String,
    ino: u64,
    filetype: Filetype,
}

/// A listing in progress.
pub(super) struct Listing {
    entries: ReadDir,
    /// The position of what [`next`](Self::next) returns.
    position: u64,
    /// The last entry returned, once it has been put back.
    kept: Option<Entry>,
}

impl Listing {
    pub fn new(dir: &Dir) -> Result<Self> {
        Ok(Self { entries: dir.entries()?, position: 0, kept: None })
    }

    /// Goes to the position `cookie`; beyond the end it stays at the end.
    fn seek(&mut self, dir: &Dir, cookie: u64) -> Result<()> {
        if cookie < self.position {
            *self = Self::new(dir)?;
        }
        while self.position < cookie && self.next(dir)?.is_some() {}
        Ok(())
    }

    fn next(&mut self, dir: &Dir) -> Result<Option<Entry>> {
        let entry = match (self.kept.take(), self.position) {
            (Some(entry), _) => Some(entry),
            (None, position @ 0..2) => Some(Entry {
                name: if position == 0 { "." } else { ".." }.into(),
                // The parent of the directory may lie outside of what the guest may know of, so
                // both name the directory itself.
                ino: inode(dir)?,
                filetype: Filetype::Directory,
            }),
            (None, _) => self.next_from_host()?,
        };
        if entry.is_some() {
            self.position += 1;
        }
        Ok(entry)
    }

    /// Names that are not Unicode cannot be spoken of in preview 1 and are left out.
    fn next_from_host(&mut self) -> Result<Option<Entry>> {
        for entry in &mut self.entries {
            let entry = entry?;
            let name = entry.file_name();
            // The host lists these on some systems and not on others; they come first, from above.
            if name == "." || name == ".." {
                continue;
            }
            let Ok(name) = name.into_string() else {
                continue;
            };
            return Ok(Some(Entry {
                name,
                ino: entry_inode(&entry),
                filetype: entry.file_type().map_or(Filetype::Unknown, filetype_of),
            }));
        }
        Ok(None)
    }

    /// Fills `buf` with entries from `cookie` on and returns how much of it is used: less than all
    /// of it only at the end of the directory. The last entry may be cut off.
    pub fn fill(&mut self, dir: &Dir, mut buf: &mut [u8], cookie: u64) -> Result<usize> {
        self.seek(dir, cookie)?;
        let size = buf.len();
        while !buf.is_empty() {
            let Some(entry) = self.next(dir)? else { break };
            let head = Dirent {
                next: self.position,
                ino: entry.ino,
                name_len: u32::try_from(entry.name.len()).map_err(|_| Errno::Overflow)?,
                filetype: entry.filetype,
            };
            let whole = copy(&mut buf, &head.to_bytes()) && copy(&mut buf, entry.name.as_bytes());
            if !whole {
                self.position -= 1;
                self.kept = Some(entry);
            }
        }
        Ok(size - buf.len())
    }
}

/// Moves as much of `data` into the front of `buf` as fits; whether that was all.
fn copy(buf: &mut &mut [u8], data: &[u8]) -> bool {
    let len = data.len().min(buf.len());
    let (head, tail) = core::mem::take(buf).split_at_mut(len);
    head.copy_from_slice(&data[..len]);
    *buf = tail;
    len == data.len()
}

fn inode(dir: &Dir) -> io::Result<u64> {
    Ok(cap_fs_ext::MetadataExt::ino(&dir.dir_metadata()?))
}

#[cfg(unix)]
fn entry_inode(entry: &cap_std::fs::DirEntry) -> u64 {
    std::os::unix::fs::DirEntryExt::ino(entry)
}

#[cfg(not(unix))]
fn entry_inode(entry: &cap_std::fs::DirEntry) -> u64 {
    use cap_fs_ext::{DirEntryExt, MetadataExt};
    entry.full_metadata().map_or(0, |metadata| metadata.ino())
}
