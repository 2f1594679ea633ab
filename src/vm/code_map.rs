//! Code as the objects of a store know it: where functions begin, and what an address in code means.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

/// Where a function's bytecode starts. Calls go through this cell, so that lazy translation and
/// re-threading replace code by one store.
///
/// Until the function is translated, `pc` points to `stub`, which holds the head of the
/// `lazy_compile` instruction: the handler finds the entry from its own `pc`.
#[repr(C)]
#[derive(Debug)]
pub struct CodeEntry {
    /// First instruction.
    pub pc: AtomicPtr<u8>,
    /// Instruction head of the lazy stub (a handler address or an opcode).
    pub stub: u64,
}

impl CodeEntry {
    /// The current code, acquired so that the bytes behind it are visible.
    #[inline]
    pub fn load(&self) -> *const u8 {
        self.pc.load(Ordering::Acquire)
    }
}

static_assertions::const_assert_eq!(core::mem::size_of::<CodeEntry>(), 16);

/// The entries of a module's defined functions.
///
/// Code reaches them by address, and each contains the address of its own stub, so all of that is
/// derived from one pointer; nothing ever makes a reference to the whole list.
#[derive(Debug)]
pub struct CodeEntries(NonNull<[CodeEntry]>);

// SAFETY: stands for a box of entries, which are atomics and constants.
unsafe impl Send for CodeEntries {}
// SAFETY: as above.
unsafe impl Sync for CodeEntries {}

impl CodeEntries {
    /// Entries of `count` functions that have not been translated: each leads to its own stub,
    /// whose head is `stub`.
    pub fn new(count: usize, stub: u64) -> CodeEntries {
        let entry = || CodeEntry { pc: AtomicPtr::new(ptr::null_mut()), stub };
        let entries: Box<[CodeEntry]> = (0..count).map(|_| entry()).collect();
        let entries = CodeEntries(NonNull::from(Box::leak(entries)));
        for index in 0..count {
            let entry = entries.entry(index);
            // SAFETY: the entry is in place, and nobody else knows it yet.
            unsafe { *(*entry).pc.as_ptr() = (&raw mut (*entry).stub).cast() };
        }
        entries
    }

    /// How many functions there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first entry.
    pub fn as_ptr(&self) -> *const CodeEntry {
        self.0.as_ptr().cast()
    }

    /// The entry of a function.
    ///
    /// # Panics
    ///
    /// If there is no such function.
    fn entry(&self, index: usize) -> *mut CodeEntry {
        assert!(index < self.len(), "no such function");
        self.0.as_ptr().cast::<CodeEntry>().wrapping_add(index)
    }

    /// Has calls of a function go to `pc`. Whoever loads the entry sees what was written to the code
    /// before.
    ///
    /// # Panics
    ///
    /// If there is no such function.
    pub fn publish(&self, index: usize, pc: *const u8) {
        // SAFETY: the entry lives as long as `self`, and this part of it is atomic.
        unsafe { &(*self.entry(index)).pc }.store(pc.cast_mut(), Ordering::Release);
    }
}

impl Drop for CodeEntries {
    fn drop(&mut self) {
        // SAFETY: the list was a box, and nothing leads to it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// A place in code, as the frame of an activation names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodePlace {
    /// An address inside the instruction in question.
    Inside(*const u8),
    /// Where a call in progress returns to: the end of the instruction that calls. A function may
    /// end with that instruction, and another function begin there.
    Returns(*const u8),
}

impl CodePlace {
    /// An address inside the instruction: by this one code is found, never by a return address.
    #[inline]
    pub fn inside(self) -> *const u8 {
        match self {
            CodePlace::Inside(pc) => pc,
            CodePlace::Returns(pc) => pc.wrapping_sub(1),
        }
    }
}
