//! Exceptions: the objects that `throw` makes and `exnref` values refer to.
//!
//! They live in a slab. A reference is a number: the place in the slab and how often that place
//! was used before, so that a reference is never mistaken for one to a later exception, and the
//! highest bit, so that it is never mistaken for an address.
//!
//! An exception that no `exnref` was ever made for is freed as soon as a clause catches it: a
//! program that throws and catches keeps using one place. All others are freed by the store's
//! collections (`gc`), which follow references from objects to exceptions and back.

use super::catch::CatchTable;
use super::frame::PINNED_FLOATS;
use super::{Slot, VmCtx};
use crate::prelude::*;

/// Where execution goes on when an exception is caught: the registers of the frame that catches.
#[repr(C)]
#[derive(Debug)]
pub struct Landing {
    /// The instruction.
    pub pc: *const u8,
    /// The frame.
    pub fp: *mut Slot,
    /// The instance.
    pub ctx: *mut VmCtx,
    /// The frame's pinned integer locals.
    pub ints: [Slot; 2],
    /// The frame's pinned float locals.
    pub floats: [Slot; PINNED_FLOATS as usize],
}

/// What a search for handlers found out about a return address.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// The return address; null for none.
    pub pc: *const u8,
    /// Start of the code that it lies in.
    pub code: *const u8,
    /// The function's catch table; null if the call is in no region.
    pub table: *const CatchTable,
    /// The innermost region around the call.
    pub region: u32,
    /// [`CatchTable::pins`] of the function.
    pub pins: (bool, bool),
}

/// Places whose handlers are remembered. A throw looks at one place per frame, and programs throw
/// through the same few again and again.
const SITES: usize = 64;

/// The exceptions of a store.
#[derive(Debug)]
pub struct Exceptions {
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Bytes that exceptions in use take.
    pub(super) bytes: usize,
    /// `bytes` at which to look for garbage.
    pub(super) collect_at: usize,
    /// Bytes that exceptions may take after garbage has been removed.
    pub(super) limit: usize,
    /// The exception in flight, or the one that left the outermost frame and waits for the host to
    /// take it; 0 for none.
    pub thrown: Slot,
    /// The last exception that was caught went on here.
    pub landing: Landing,
    sites: [Site; SITES],
}

/// A place of the slab.
#[derive(Debug)]
struct Entry {
    /// How often the place was used, modulo 2^31.
    generation: u32,
    in_use: bool,
    marked: bool,
    /// Whether a reference was ever made, so that only marking can tell when it is garbage.
    escaped: bool,
    /// The tag, by its place in the store.
    tag: u32,
    payload: Vec<Slot>,
}

/// The highest bit of a reference, in the half that has the generation.
const MARK: u32 = 1 << 31;
/// Bytes that an exception takes besides its payload.
pub(super) const ENTRY_BYTES: usize = size_of::<Entry>();
/// Bytes below which looking for garbage is not worth while.
const COLLECT_MIN: usize = 64 << 10;
/// Slots of payload for which a free place keeps its memory.
const KEPT_SLOTS: usize = 16;

impl Exceptions {
    /// No exceptions, of which there may be as many as fit `limit` bytes.
    pub fn new(limit: usize) -> Exceptions {
        let no_site = Site {
            pc: core::ptr::null(),
            code: core::ptr::null(),
            table: core::ptr::null(),
            region: 0,
            pins: (false, false),
        };
        Exceptions {
            entries: Vec::new(),
            free: Vec::new(),
            bytes: 0,
            collect_at: COLLECT_MIN.min(limit),
            limit,
            thrown: 0,
            landing: Landing {
                pc: core::ptr::null(),
                fp: core::ptr::null_mut(),
                ctx: core::ptr::null_mut(),
                ints: [0; 2],
                floats: [0; PINNED_FLOATS as usize],
            },
            sites: [no_site; SITES],
        }
    }

    /// Exceptions in use.
    pub fn count(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Where what is known about a return address is remembered.
    #[inline]
    pub fn site_mut(&mut self, pc: *const u8) -> &mut Site {
        // Instructions are at least 8 bytes long with direct threading; both forms spread well.
        let hash = (pc as usize) ^ (pc as usize >> 9);
        &mut self.sites[(hash >> 3) % SITES]
    }

    /// Index of the exception that a slot refers to, if it refers to one.
    #[inline]
    fn index(&self, slot: Slot) -> Option<usize> {
        let index = (slot as u32).wrapping_sub(1) as usize;
        let entry = self.entries.get(index)?;
        (entry.in_use && entry.generation == (slot >> 32) as u32 ^ MARK).then_some(index)
    }

    fn slot(&self, index: usize) -> Slot {
        u64::from(self.entries[index].generation | MARK) << 32 | (index as u64 + 1)
    }

    /// Tag and payload of an exception; `None` if the slot does not refer to one.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<(u32, &[Slot])> {
        let entry = &self.entries[self.index(slot)?];
        Some((entry.tag, &entry.payload))
    }

    /// Notes that a reference to the exception now exists somewhere.
    #[inline]
    pub fn escape(&mut self, slot: Slot) {
        if let Some(index) = self.index(slot) {
            self.entries[index].escaped = true;
        }
    }

    /// The exception was caught by code that takes no reference: frees it unless one exists.
    #[inline]
    pub fn caught(&mut self, slot: Slot) {
        if let Some(index) = self.index(slot)
            && !self.entries[index].escaped
        {
            self.release(index);
        }
    }

    #[inline]
    fn release(&mut self, index: usize) {
        let entry = &mut self.entries[index];
        self.bytes -= ENTRY_BYTES + entry.payload.len() * 8;
        entry.in_use = false;
        entry.payload.clear();
        if entry.payload.capacity() > KEPT_SLOTS {
            entry.payload = Vec::new();
        }
        self.free.push(index as u32);
    }

    /// Makes an exception; `None` if that needs a collection first.
    #[inline]
    pub(super) fn try_add(&mut self, tag: u32, payload: &[Slot]) -> Option<Slot> {
        let bytes = self.bytes + ENTRY_BYTES + payload.len() * 8;
        if bytes > self.collect_at {
            return None;
        }
        self.bytes = bytes;
        let index = match self.free.pop() {
            Some(index) => index as usize,
            None => {
                self.entries.push(Entry {
                    generation: 0,
                    in_use: false,
                    marked: false,
                    escaped: false,
                    tag: 0,
                    payload: Vec::new(),
                });
                self.entries.len() - 1
            }
        };
        let entry = &mut self.entries[index];
        // A place would have to be used two billion times for an old reference to match again.
        entry.generation = (entry.generation + 1) & !MARK;
        entry.in_use = true;
        entry.escaped = false;
        entry.tag = tag;
        entry.payload.extend_from_slice(payload);
        Some(self.slot(index))
    }

    /// Marks an exception; whether it was not marked before.
    pub(super) fn mark(&mut self, slot: Slot) -> bool {
        let index = self.index(slot);
        index.is_some_and(|index| !core::mem::replace(&mut self.entries[index].marked, true))
    }

    /// Frees what is not marked. `scanned` is how many roots there were: the more, the later the
    /// next collection.
    pub(super) fn sweep(&mut self, scanned: usize) {
        for index in 0..self.entries.len() {
            let entry = &mut self.entries[index];
            if !core::mem::take(&mut entry.marked) && entry.in_use {
                self.release(index);
            }
        }
        self.collect_at = (2 * self.bytes).max(COLLECT_MIN).max(scanned).min(2 * self.limit);
    }
}

/// Whether a reference of unknown type is one to an exception.
#[inline]
pub(super) fn is_exception(slot: Slot) -> bool {
    slot >> 32 & u64::from(MARK) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_exception_without_references_gives_its_place_back() {
        let mut e = Exceptions::new(1 << 20);
        let first = e.try_add(3, &[1, 2]).unwrap();
        assert_eq!(e.get(first), Some((3, &[1, 2][..])));
        e.caught(first);
        assert_eq!((e.get(first), e.count()), (None, 0));
        let second = e.try_add(4, &[5]).unwrap();
        assert_ne!(first, second);
        assert_eq!((e.get(first), e.get(second)), (None, Some((4, &[5][..]))));
        assert_eq!(e.entries.len(), 1);
    }

    #[test]
    fn sweeping_keeps_what_is_marked() {
        let mut e = Exceptions::new(1 << 20);
        let kept = e.try_add(0, &[7]).unwrap();
        let garbage = e.try_add(0, &[]).unwrap();
        assert!(is_exception(kept) && !is_exception(0) && !is_exception(7));
        assert!(e.mark(kept) && !e.mark(kept) && !e.mark(0));
        e.sweep(4);
        assert_eq!([kept, garbage].map(|slot| e.get(slot).is_some()), [true, false]);
        assert_eq!((e.count(), e.bytes), (1, ENTRY_BYTES + 8));
        e.sweep(0);
        assert_eq!((e.count(), e.bytes), (0, 0));
    }
}
