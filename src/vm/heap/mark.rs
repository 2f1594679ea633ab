//! Marking and sweeping.

use super::{Heap, TypeEntry, Window, kind};
use crate::vm::Slot;
use crate::vm::exception::is_exception;
use crate::wasm::object_layout::ObjectLayout;

impl Heap {
    /// Begins a collection: nothing is marked.
    pub fn begin_collection(&mut self) {
        self.blocks.clear();
        debug_assert!(self.work.is_empty());
    }

    /// Marks what a reference leads to, if it leads into this heap, and notes it if it is to an
    /// exception. [`Heap::trace`] does the rest.
    ///
    /// # Safety
    ///
    /// The slot holds a reference: null, an `i31`, a function, an exception, or a live object.
    #[inline]
    pub unsafe fn visit(&mut self, slot: Slot) {
        if self.contains(slot) {
            let offset = slot as usize - self.base();
            if self.blocks.mark(offset) {
                self.work.push(offset);
            }
        } else if is_exception(slot) {
            self.foreign.push(slot);
        }
    }

    /// Marks everything that marked objects lead to. Takes no native stack, whatever the shape of
    /// the objects.
    ///
    /// # Safety
    ///
    /// All marked objects are live, and `types` has an entry for each of their types.
    pub unsafe fn trace(&mut self, types: &[TypeEntry]) {
        while let Some(offset) = self.work.pop() {
            let object = self.map.base().wrapping_add(offset);
            // SAFETY: marked objects are live and begin with their head; layouts of types in use
            // are kept by the registry, which the store holds; references lie where they say.
            unsafe {
                let header = object.cast::<super::Header>().read();
                let layout = |header: super::Header| -> &ObjectLayout {
                    &*types[header.type_id().idx()].layout
                };
                match header.kind() {
                    kind::ARRAY => {
                        let layout = layout(header);
                        if layout.refs.is_empty() {
                            continue;
                        }
                        let elements = object.add(layout.size as usize).cast::<Slot>();
                        for i in 0..header.len as usize {
                            self.visit(Slot::from_le(elements.add(i).read()));
                        }
                    }
                    kind::EXTERN => {}
                    _ => {
                        for &at in &layout(header).refs {
                            self.visit(Slot::from_le(
                                object.add(at as usize).cast::<Slot>().read(),
                            ));
                        }
                    }
                }
            }
        }
    }

    /// Whether the object has been marked.
    pub fn is_marked(&self, slot: Slot) -> bool {
        self.blocks.is_marked(slot as usize - self.base())
    }

    /// Ends a collection: frees what is not marked.
    pub fn end_collection(&mut self) {
        self.windows().fill(Window::EMPTY);
        let live = self.blocks.sweep();
        self.stats.live = live;
        self.stats.allocated = 0;
        self.stats.collections += 1;
        self.threshold = live.max(super::MIN_THRESHOLD);
        // A work list that once was long need not stay so.
        self.work.shrink_to(1 << 16);
    }
}
