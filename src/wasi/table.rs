//! The descriptors of one program.

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

use super::abi::{Errno, Result};
use super::dir::{Dir, Opened};
use super::file::File;
use super::stdio::Stream;
use crate::prelude::*;

/// What a descriptor number stands for.
pub(super) enum Descriptor {
    Stream(Stream),
    File(File),
    Dir(Dir),
}

impl From<Opened> for Descriptor {
    fn from(opened: Opened) -> Descriptor {
        match opened {
            Opened::File(file) => Descriptor::File(file),
            Opened::Dir(dir) => Descriptor::Dir(dir),
        }
    }
}

/// Descriptor numbers and what they stand for. The lowest free number is given out first, as in
/// POSIX, so the table is dense and never larger than the most descriptors that were open at once.
pub(super) struct FdTable {
    slots: Vec<Option<Descriptor>>,
    free: BinaryHeap<Reverse<u32>>,
    limit: u32,
}

impl FdTable {
    /// The descriptors `granted`, numbered from 0, with room for `limit` in all.
    pub fn new(granted: impl IntoIterator<Item = Descriptor>, limit: u32) -> Self {
        Self { slots: granted.into_iter().map(Some).collect(), free: BinaryHeap::new(), limit }
    }

    /// Whether another descriptor can be opened; asked before the host opens or creates anything.
    pub fn has_room(&self) -> Result<()> {
        let used = self.slots.len() - self.free.len();
        if u32::try_from(used).is_ok_and(|used| used < self.limit) {
            Ok(())
        } else {
            Err(Errno::Mfile)
        }
    }

    /// Gives `descriptor` the lowest free number.
    pub fn push(&mut self, descriptor: Descriptor) -> Result<u32> {
        self.has_room()?;
        if let Some(Reverse(fd)) = self.free.pop() {
            self.slots[fd as usize] = Some(descriptor);
            return Ok(fd);
        }
        let fd = u32::try_from(self.slots.len()).map_err(|_| Errno::Mfile)?;
        self.slots.push(Some(descriptor));
        Ok(fd)
    }

    pub fn get(&self, fd: u32) -> Result<&Descriptor> {
        let slot = self.slots.get(fd as usize).ok_or(Errno::Badf)?;
        slot.as_ref().ok_or(Errno::Badf)
    }

    pub fn get_mut(&mut self, fd: u32) -> Result<&mut Descriptor> {
        let slot = self.slots.get_mut(fd as usize).ok_or(Errno::Badf)?;
        slot.as_mut().ok_or(Errno::Badf)
    }

    pub fn close(&mut self, fd: u32) -> Result<Descriptor> {
        let slot = self.slots.get_mut(fd as usize).ok_or(Errno::Badf)?;
        let descriptor = slot.take().ok_or(Errno::Badf)?;
        self.free.push(Reverse(fd));
        Ok(descriptor)
    }

    /// Gives the descriptor `from` the number `to`, which must be in use and is closed. Returns what
    /// was closed, if anything: a number moved to itself stays as it is.
    pub fn renumber(&mut self, from: u32, to: u32) -> Result<Option<Descriptor>> {
        self.get(from)?;
        self.get(to)?;
        if from == to {
            return Ok(None);
        }
        let moved = self.close(from)?;
        Ok(self.slots[to as usize].replace(moved))
    }

    pub fn file(&mut self, fd: u32) -> Result<&mut File> {
        match self.get_mut(fd)? {
            Descriptor::File(file) => Ok(file),
            _ => Err(Errno::Badf),
        }
    }

    /// A file that has a position. Streams have none, which is told apart from a bad descriptor.
    pub fn seekable(&mut self, fd: u32) -> Result<&mut File> {
        match self.get_mut(fd)? {
            Descriptor::File(file) => Ok(file),
            Descriptor::Stream(_) => Err(Errno::Spipe),
            Descriptor::Dir(_) => Err(Errno::Badf),
        }
    }

    pub fn dir(&self, fd: u32) -> Result<&Dir> {
        match self.get(fd)? {
            Descriptor::Dir(dir) => Ok(dir),
            Descriptor::File(_) => Err(Errno::NotDir),
            Descriptor::Stream(_) => Err(Errno::Badf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::stdio::Source;

    fn stream() -> Descriptor {
        Descriptor::Stream(Stream::input(Source::Reader(Box::new(std::io::empty()))))
    }

    #[test]
    fn the_lowest_free_number_comes_first() {
        let mut table = FdTable::new([], 8);
        for expected in 0..5 {
            assert_eq!(table.push(stream()), Ok(expected));
        }
        for fd in [3, 1, 4] {
            assert!(table.close(fd).is_ok());
        }
        for expected in [1, 3, 4, 5] {
            assert_eq!(table.push(stream()), Ok(expected));
        }
    }

    #[test]
    fn closed_and_unknown_numbers_are_bad() {
        let mut table = FdTable::new([], 8);
        assert_eq!(table.push(stream()), Ok(0));
        assert!(table.close(0).is_ok());
        assert_eq!(table.close(0).err(), Some(Errno::Badf));
        assert_eq!(table.get(0).err(), Some(Errno::Badf));
        assert_eq!(table.get(u32::MAX).err(), Some(Errno::Badf));
        assert_eq!(table.get_mut(u32::MAX).err(), Some(Errno::Badf));
    }

    #[test]
    fn renumbering_needs_both_and_frees_one() {
        let mut table = FdTable::new([], 8);
        for _ in 0..3 {
            table.push(stream()).unwrap();
        }
        assert_eq!(table.renumber(0, 7).err(), Some(Errno::Badf));
        assert_eq!(table.renumber(7, 0).err(), Some(Errno::Badf));
        assert!(table.renumber(1, 1).unwrap().is_none());
        assert!(table.renumber(2, 0).unwrap().is_some());
        assert_eq!(table.get(2).err(), Some(Errno::Badf));
        assert_eq!(table.push(stream()), Ok(2));
    }

    #[test]
    fn the_limit_counts_open_descriptors_only() {
        let mut table = FdTable::new([], 2);
        table.push(stream()).unwrap();
        table.push(stream()).unwrap();
        assert_eq!(table.push(stream()), Err(Errno::Mfile));
        table.close(0).unwrap();
        assert_eq!(table.push(stream()), Ok(0));
    }
}
