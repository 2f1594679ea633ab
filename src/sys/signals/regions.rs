//! The set of guarded regions: a list of chunks that only ever grows. Writers hold a lock around
//! the list of free entries; the fault handler reads without one.
//!
//! What the fault handler reads is async-signal-safe by construction: atomics only, no locks, no
//! allocation, and chunks are never freed.

use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::prelude::*;

/// A range of addresses whose faults are out-of-bounds accesses, for as long as this lives.
#[derive(Debug)]
pub struct GuardedRegion {
    entry: &'static Entry,
}

impl GuardedRegion {
    /// Declares a range of addresses as guarded. The caller owns the range.
    pub fn register(range: Range<usize>) -> GuardedRegion {
        GuardedRegion { entry: insert(range) }
    }
}

impl Drop for GuardedRegion {
    fn drop(&mut self) {
        remove(self.entry);
    }
}

#[derive(Debug)]
struct Entry {
    /// Zero while the entry is free or changing.
    start: AtomicUsize,
    end: AtomicUsize,
}

struct Chunk {
    entries: [Entry; 64],
    next: AtomicPtr<Chunk>,
}

impl Chunk {
    const fn new() -> Chunk {
        Chunk {
            entries: [const { Entry { start: AtomicUsize::new(0), end: AtomicUsize::new(0) } }; 64],
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

static FIRST: AtomicPtr<Chunk> = AtomicPtr::new(ptr::null_mut());
static FREE: Mutex<Vec<&'static Entry>> = Mutex::new(Vec::new());

fn follow(link: &AtomicPtr<Chunk>) -> Option<&'static Chunk> {
    // SAFETY: chunks are leaked before they are linked, so a non-null link stays valid.
    unsafe { link.load(Ordering::Acquire).as_ref() }
}

fn insert(range: Range<usize>) -> &'static Entry {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = free.pop().unwrap_or_else(|| {
        let chunk: &'static Chunk = {
            let chunk = Chunk::new();
            chunk.next.store(FIRST.load(Ordering::Relaxed), Ordering::Relaxed);
            Box::leak(Box::new(chunk))
        };
        FIRST.store(ptr::from_ref(chunk).cast_mut(), Ordering::Release);
        free.extend(&chunk.entries[1..]);
        &chunk.entries[0]
    });
    entry.end.store(range.end, Ordering::Relaxed);
    entry.start.store(range.start, Ordering::Release);
    entry
}

fn remove(entry: &'static Entry) {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    entry.start.store(0, Ordering::Release);
    free.push(entry);
}

/// Async-signal-safe. The entry that matters belongs to a memory that is in use by the
/// faulting thread, so it does not change meanwhile; others may, and are read twice so that a
/// torn pair is not believed.
pub(super) fn contains(address: usize) -> bool {
    let mut chunk = follow(&FIRST);
    while let Some(current) = chunk {
        for entry in &current.entries {
            let start = entry.start.load(Ordering::Acquire);
            let end = entry.end.load(Ordering::Acquire);
            if start != 0
                && (start..end).contains(&address)
                && entry.start.load(Ordering::Acquire) == start
            {
                return true;
            }
        }
        chunk = follow(&current.next);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_found_while_registered_across_chunks() {
        // Addresses that no mapping of the process has.
        let base = 0xffff_8000_0000_0000_usize;
        let entries: Vec<_> =
            (0..200).map(|i| insert(base + i * 0x1000..base + i * 0x1000 + 0x800)).collect();
        for i in 0..200 {
            assert!(contains(base + i * 0x1000));
            assert!(contains(base + i * 0x1000 + 0x7ff));
            assert!(!contains(base + i * 0x1000 + 0x800));
        }
        entries.into_iter().for_each(remove);
        assert!((0..200).all(|i| !contains(base + i * 0x1000)));
    }
}
