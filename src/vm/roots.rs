//! The references that the host holds.
//!
//! A handle names a place in a stack of roots. The stack shrinks when a host function returns, to
//! what it was when it was called: handles made meanwhile are dead then, which their generation
//! tells. Handles that must live longer have places of their own.

use alloc::sync::{Arc, Weak};

use super::Slot;
use crate::prelude::*;

/// A place in the stack of roots.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RootIndex {
    index: u32,
    generation: u64,
}

#[derive(Debug)]
struct Root {
    slot: Slot,
    generation: u64,
}

/// A root that lives until its handle is dropped.
#[derive(Debug)]
struct Owned {
    slot: Slot,
    handle: Weak<()>,
}

/// All roots of a store.
#[derive(Debug, Default)]
pub struct Roots {
    scoped: Vec<Root>,
    /// Grows whenever the stack shrinks: 2^64 scopes cannot be had, so a handle stays dead for ever.
    generation: u64,
    owned: Vec<Owned>,
}

impl Roots {
    /// Roots in the stack.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.scoped.len()
    }

    /// Makes room for references.
    pub fn reserve(&mut self, additional: usize) {
        self.scoped.reserve(additional);
    }

    /// Adds a reference.
    pub fn push(&mut self, slot: Slot) -> RootIndex {
        let index = u32::try_from(self.scoped.len()).expect("fewer than 2^32 handles at a time");
        self.scoped.push(Root { slot, generation: self.generation });
        RootIndex { index, generation: self.generation }
    }

    /// The reference at a place; `None` if it is no more.
    pub fn get(&self, at: RootIndex) -> Option<Slot> {
        let root = self.scoped.get(at.index as usize)?;
        (root.generation == at.generation).then_some(root.slot)
    }

    /// Forgets all but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        if self.scoped.len() > len {
            self.scoped.truncate(len);
            self.generation += 1;
        }
    }

    /// Adds a reference that lives as long as the result and its clones.
    pub fn own(&mut self, slot: Slot) -> Arc<()> {
        if self.owned.len() == self.owned.capacity() {
            self.owned.retain(|it| it.handle.strong_count() > 0);
        }
        let handle = Arc::new(());
        self.owned.push(Owned { slot, handle: Arc::downgrade(&handle) });
        handle
    }

    /// Visits all references.
    pub fn visit(&mut self, visit: &mut dyn FnMut(Slot)) {
        self.owned.retain(|it| it.handle.strong_count() > 0);
        self.scoped.iter().for_each(|it| visit(it.slot));
        self.owned.iter().for_each(|it| visit(it.slot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_dead_after_its_scope_even_if_its_place_is_taken_again() {
        let mut roots = Roots::default();
        let outer = roots.push(16);
        let scope = roots.len();
        let inner = roots.push(32);
        assert_eq!(roots.get(inner), Some(32));
        roots.truncate(scope);
        assert_eq!(roots.get(inner), None);
        roots.push(48);
        assert_eq!((roots.get(outer), roots.get(inner)), (Some(16), None));
    }

    #[test]
    fn a_handle_stays_dead_after_more_scopes_than_32_bits_count() {
        let mut roots = Roots::default();
        let dead = roots.push(16);
        roots.truncate(0);
        // As after so many scopes.
        roots.generation += u64::from(u32::MAX);
        roots.push(32);
        assert_eq!(roots.get(dead), None);
        roots.truncate(0);
        roots.push(48);
        assert_eq!(roots.get(dead), None);
    }

    #[test]
    fn owned_roots_end_with_their_last_handle() {
        let mut roots = Roots::default();
        let handle = roots.own(16);
        let second = handle.clone();
        drop(handle);
        let mut seen = Vec::new();
        roots.visit(&mut |slot| seen.push(slot));
        drop(second);
        roots.visit(&mut |slot| seen.push(slot));
        assert_eq!(seen, [16]);
    }
}
