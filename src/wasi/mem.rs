//! The guest's memory as the WASI functions see it: every access is checked, none is unsafe.
//!
//! A pointer that leads out of the memory is [`Errno::Fault`] to the guest. Nothing here allocates
//! more than a fixed number of small records, whatever lengths the guest asks for: buffers are used
//! in place.

use core::ops::Range;
use std::io::{IoSlice, IoSliceMut};

use super::abi::{Errno, Result};
use crate::prelude::*;

/// An address in the guest's memory. Preview 1 pointers have 32 bits, also in a 64-bit memory.
pub(super) type Ptr = u32;

/// So many bytes, or records of an array, from an address on: two parameters of a function.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub at: Ptr,
    pub len: u32,
}

/// How many buffers of one read or write are used; the rest is left to the guest's next call, as
/// with any short transfer. Equal to the usual `IOV_MAX`.
pub(super) const MAX_BUFFERS: u32 = 1024;

/// How many bytes one read or write transfers at most: the limit of Linux, so that the count fits
/// every host's and the guest's types.
pub(super) const MAX_TRANSFER: usize = 0x7fff_f000;

/// How long a path may be, in bytes: the longest of any host (Windows: 32,767 units). Keeps a guest
/// from making the host copy gigabytes only to learn that the name is too long.
pub(super) const MAX_PATH: u32 = 32 * 1024;

/// The memory that the calling instance exports.
pub(super) struct GuestMem<'a> {
    bytes: &'a mut [u8],
}

impl<'a> GuestMem<'a> {
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }

    /// The range of `len` bytes at `ptr`, if all of it is inside.
    fn range(&self, ptr: Ptr, len: u32) -> Result<Range<usize>> {
        let start = usize::try_from(ptr).map_err(|_| Errno::Fault)?;
        let len = usize::try_from(len).map_err(|_| Errno::Fault)?;
        let end = start.checked_add(len).ok_or(Errno::Fault)?;
        if end > self.bytes.len() {
            return Err(Errno::Fault);
        }
        Ok(start..end)
    }

    /// Makes sure that `len` bytes at `ptr` can be written later.
    ///
    /// Functions call this for their result pointers before they do anything, so that a bad pointer
    /// never loses data that was already read or a descriptor that was already opened.
    pub fn check(&self, ptr: Ptr, len: u32) -> Result<()> {
        self.range(ptr, len).map(drop)
    }

    pub fn bytes(&self, ptr: Ptr, len: u32) -> Result<&[u8]> {
        let range = self.range(ptr, len)?;
        self.bytes.get(range).ok_or(Errno::Fault)
    }

    pub fn bytes_mut(&mut self, Span { at, len }: Span) -> Result<&mut [u8]> {
        let range = self.range(at, len)?;
        self.bytes.get_mut(range).ok_or(Errno::Fault)
    }

    /// Reads a record of `N` bytes.
    pub fn read<const N: usize>(&self, ptr: Ptr) -> Result<[u8; N]> {
        let len = u32::try_from(N).map_err(|_| Errno::Fault)?;
        let bytes = self.bytes(ptr, len)?;
        <[u8; N]>::try_from(bytes).map_err(|_| Errno::Fault)
    }

    pub fn read_u32(&self, ptr: Ptr) -> Result<u32> {
        Ok(u32::from_le_bytes(self.read(ptr)?))
    }

    pub fn write(&mut self, ptr: Ptr, data: &[u8]) -> Result<()> {
        let len = u32::try_from(data.len()).map_err(|_| Errno::Fault)?;
        self.bytes_mut(Span { at: ptr, len })?.copy_from_slice(data);
        Ok(())
    }

    pub fn write_u32(&mut self, ptr: Ptr, value: u32) -> Result<()> {
        self.write(ptr, &value.to_le_bytes())
    }

    pub fn write_u64(&mut self, ptr: Ptr, value: u64) -> Result<()> {
        self.write(ptr, &value.to_le_bytes())
    }

    /// A path argument. Preview 1 strings are UTF-8.
    ///
    /// # Errors
    ///
    /// `NameTooLong` beyond [`MAX_PATH`], `Ilseq` if it is not UTF-8.
    pub fn path(&self, Span { at, len }: Span) -> Result<&str> {
        let range = self.range(at, len)?;
        if len > MAX_PATH {
            return Err(Errno::NameTooLong);
        }
        let bytes = self.bytes.get(range).ok_or(Errno::Fault)?;
        core::str::from_utf8(bytes).map_err(|_| Errno::Ilseq)
    }

    /// The non-empty ranges that an array of `iovec` or `ciovec` names, up to the limits above.
    fn buffers(&self, array: Span) -> Result<Vec<Range<usize>>> {
        /// Size of an `iovec`: a pointer and a length.
        const RECORD: u32 = 8;
        let size = array.len.checked_mul(RECORD).ok_or(Errno::Fault)?;
        self.check(array.at, size)?;
        let mut ranges = Vec::new();
        let mut total = 0;
        for index in 0..array.len.min(MAX_BUFFERS) {
            let at = array.at + index * RECORD;
            let mut range = self.range(self.read_u32(at)?, self.read_u32(at + 4)?)?;
            range.end = range.end.min(range.start + (MAX_TRANSFER - total));
            if !range.is_empty() {
                total += range.len();
                ranges.push(range);
            }
        }
        Ok(ranges)
    }

    /// The buffers of a write, in order.
    pub fn gather(&self, array: Span) -> Result<Vec<IoSlice<'_>>> {
        let ranges = self.buffers(array)?;
        ranges
            .into_iter()
            .map(|range| self.bytes.get(range).map(IoSlice::new).ok_or(Errno::Fault))
            .collect()
    }

    /// The buffers of a read, in order. Of buffers that overlap only the first is used: a read may
    /// always be short, and the outcome then does not depend on the host's order of writing.
    pub fn scatter(&mut self, array: Span) -> Result<Vec<IoSliceMut<'_>>> {
        let mut ranges = self.buffers(array)?;
        let mut order: Vec<usize> = (0..ranges.len()).collect();
        order.sort_unstable_by_key(|&index| ranges[index].start);
        if order.windows(2).any(|pair| ranges[pair[0]].end > ranges[pair[1]].start) {
            ranges.truncate(1);
            order = vec![0];
        }
        // Cut the memory from left to right, then put the pieces back into the guest's order.
        let mut pieces: Vec<(usize, &mut [u8])> = Vec::with_capacity(order.len());
        let mut rest = &mut *self.bytes;
        let mut base = 0;
        for index in order {
            let range = &ranges[index];
            let (head, tail) = rest.split_at_mut_checked(range.end - base).ok_or(Errno::Fault)?;
            pieces.push((index, &mut head[range.start - base..]));
            rest = tail;
            base = range.end;
        }
        pieces.sort_unstable_by_key(|&(index, _)| index);
        Ok(pieces.into_iter().map(|(_, piece)| IoSliceMut::new(piece)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn span(at: Ptr, len: u32) -> Span {
        Span { at, len }
    }

    fn memory_with_buffers(buffers: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        for (index, (ptr, len)) in buffers.iter().enumerate() {
            bytes[index * 8..][..4].copy_from_slice(&ptr.to_le_bytes());
            bytes[index * 8 + 4..][..4].copy_from_slice(&len.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn the_last_byte_is_inside_and_the_next_is_not() {
        let mut bytes = [0; 8];
        let mut mem = GuestMem::new(&mut bytes);
        assert_eq!(mem.bytes(7, 1), Ok(&[0][..]));
        assert_eq!(mem.bytes(8, 0), Ok(&[][..]));
        assert_eq!(mem.bytes(8, 1), Err(Errno::Fault));
        assert_eq!(mem.bytes(9, 0), Err(Errno::Fault));
        assert_eq!(mem.bytes(u32::MAX, u32::MAX), Err(Errno::Fault));
        assert_eq!(mem.write_u64(1, 1), Err(Errno::Fault));
        assert_eq!(mem.write_u64(0, 0x0102_0304_0506_0708), Ok(()));
        assert_eq!(mem.read_u32(4), Ok(0x0102_0304));
    }

    #[test]
    fn scattered_buffers_keep_the_guests_order() {
        let mut bytes = memory_with_buffers(&[(200, 2), (100, 3), (50, 0), (150, 1)]);
        let mut mem = GuestMem::new(&mut bytes);
        let mut buffers = mem.scatter(span(0, 4)).unwrap();
        assert_eq!(buffers.iter().map(|b| b.len()).collect::<Vec<_>>(), [2, 3, 1]);
        for (index, buffer) in buffers.iter_mut().enumerate() {
            buffer.fill(index as u8 + 1);
        }
        assert_eq!(bytes[200..202], [1, 1]);
        assert_eq!(bytes[100..103], [2, 2, 2]);
        assert_eq!(bytes[150], 3);
    }

    #[test]
    fn of_overlapping_buffers_the_first_is_used() {
        let mut bytes = memory_with_buffers(&[(100, 10), (105, 10), (50, 10)]);
        let mut mem = GuestMem::new(&mut bytes);
        let buffers = mem.scatter(span(0, 3)).unwrap();
        assert_eq!(buffers.len(), 1);
        assert_eq!(buffers[0].len(), 10);
    }

    #[test]
    fn adjacent_buffers_do_not_overlap() {
        let mut bytes = memory_with_buffers(&[(110, 10), (100, 10)]);
        let mut mem = GuestMem::new(&mut bytes);
        assert_eq!(mem.scatter(span(0, 2)).unwrap().len(), 2);
    }

    #[test]
    fn a_huge_count_is_a_fault_and_not_an_allocation() {
        let mut bytes = memory_with_buffers(&[]);
        let mut mem = GuestMem::new(&mut bytes);
        assert_eq!(mem.gather(span(0, u32::MAX)).unwrap_err(), Errno::Fault);
        assert_eq!(mem.gather(span(0, 1 << 29)).unwrap_err(), Errno::Fault);
        assert_eq!(mem.scatter(span(8, 32)).unwrap_err(), Errno::Fault);
        assert_eq!(mem.gather(span(0, 32)).unwrap().len(), 0);
    }

    #[test]
    fn one_transfer_is_clipped_to_the_limits() {
        // 2,000 buffers that all name the same megabyte: 1,024 of them would be a gigabyte.
        let mut bytes = vec![0; 4 << 20];
        for index in 0..2000 {
            bytes[index * 8..][..4].copy_from_slice(&(1u32 << 20).to_le_bytes());
            bytes[index * 8 + 4..][..4].copy_from_slice(&(3u32 << 20).to_le_bytes());
        }
        let mem = GuestMem::new(&mut bytes);
        let buffers = mem.gather(span(0, 2000)).unwrap();
        assert!(buffers.len() <= MAX_BUFFERS as usize);
        assert_eq!(buffers.iter().map(|b| b.len()).sum::<usize>(), MAX_TRANSFER);
    }

    #[test]
    fn paths_are_bounded_utf8() {
        let mut bytes = vec![b'a'; MAX_PATH as usize + 1];
        bytes[1] = 0xff;
        let mem = GuestMem::new(&mut bytes);
        assert_eq!(mem.path(span(0, 1)), Ok("a"));
        assert_eq!(mem.path(span(0, 2)), Err(Errno::Ilseq));
        assert_eq!(mem.path(span(0, MAX_PATH + 1)), Err(Errno::NameTooLong));
        assert_eq!(mem.path(span(0, MAX_PATH + 2)), Err(Errno::Fault));
    }
}
