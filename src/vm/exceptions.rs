//! The exceptions of a store.

use super::exception::ENTRY_BYTES;
use super::handle::Handle;
use super::value::ObjectRef;
use super::{Slot, VmStore};
use crate::error::Result;
use crate::trap::Trap;
use crate::types::ValType;
use crate::wasm::TypeLookup;

impl VmStore {
    /// Makes an exception with this tag (by its place in the store) and payload. May collect, so
    /// references in the payload must be where a collection finds them.
    ///
    /// # Errors
    ///
    /// [`Trap::OutOfHeap`] when exceptions take more than the configured limit even without
    /// garbage.
    #[inline]
    pub fn new_exception(&mut self, tag: u32, payload: &[Slot]) -> Result<Slot> {
        match self.exceptions.try_add(tag, payload) {
            Some(slot) => Ok(slot),
            None => self.new_exception_slow(tag, payload),
        }
    }

    #[cold]
    #[inline(never)]
    fn new_exception_slow(&mut self, tag: u32, payload: &[Slot]) -> Result<Slot> {
        self.collect();
        // Leaving room for as much again keeps collections rare even near the limit.
        if self.exceptions.bytes > self.exceptions.limit {
            self.exceptions.collect_at = self.exceptions.bytes;
            return Err(Trap::OutOfHeap.into());
        }
        let bytes = ENTRY_BYTES + payload.len() * 8;
        self.exceptions.collect_at = self.exceptions.collect_at.max(self.exceptions.bytes + bytes);
        Ok(self.exceptions.try_add(tag, payload).ok_or(Trap::OutOfHeap)?)
    }

    /// Marks everything that marked objects, and the exceptions that they lead to, lead to.
    pub(super) fn trace_all(&mut self) {
        loop {
            // SAFETY: only live objects have been marked, and objects are only made of types that
            // `use_type` has entered.
            unsafe { self.heap.trace(self.type_table.entries()) };
            let Some(slot) = self.heap.foreign.pop() else { return };
            if !self.exceptions.mark(slot) {
                continue;
            }
            let Some((tag, payload)) = self.exceptions.get(slot) else { continue };
            let ty = self.type_table.func_type(self.tags[tag as usize]);
            let mut at = 0;
            for ty in ty.params() {
                if matches!(ty, ValType::Ref(_)) {
                    // SAFETY: the payload has the tag's types, and its exception is live.
                    unsafe { self.heap.visit(payload[at]) };
                }
                at += ty.slots() as usize;
            }
        }
    }

    /// Frees the exceptions that are not marked; `roots` is how many roots there were.
    pub(super) fn sweep_exceptions(&mut self, roots: usize) {
        self.exceptions.sweep(roots);
    }

    /// Tag and payload of an exception.
    ///
    /// # Panics
    ///
    /// If it belongs to another store, or the handle's scope has ended.
    #[track_caller]
    pub fn exception(&self, exn: ObjectRef) -> Option<(Handle, &[Slot])> {
        let (tag, payload) = self.exceptions.get(self.slot_of(&exn))?;
        Some((Handle { store: self.id(), index: tag }, payload))
    }

    /// Makes an exception for the host; see [`VmStore::new_exception`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn new_host_exception(&mut self, tag: u32, payload: &[Slot]) -> Result<ObjectRef> {
        let slot = self.new_exception(tag, payload)?;
        self.exceptions.escape(slot);
        Ok(self.root(slot).expect("not null"))
    }

    /// Makes an exception the one that is thrown when the host function that runs returns
    /// [`super::Outcome::THROWN`].
    ///
    /// # Panics
    ///
    /// If it belongs to another store, or the handle's scope has ended.
    #[track_caller]
    pub fn set_thrown(&mut self, exn: ObjectRef) {
        self.exceptions.thrown = self.slot_of(&exn);
    }

    /// Takes the exception that left the outermost frame, or that was to be thrown.
    pub fn take_thrown(&mut self) -> Option<ObjectRef> {
        let slot = core::mem::take(&mut self.exceptions.thrown);
        self.exceptions.escape(slot);
        self.root(slot)
    }
}
