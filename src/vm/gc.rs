//! Collections: when they happen, and what they start from. docs/gc.md has the whole picture.
//!
//! Every place that can hold a reference is known by its type: slots of frames by the stack maps
//! that translation leaves, globals, tables and segments by their types, objects by their layouts,
//! and what the host holds by the table of roots. Exceptions are collected together with objects.

use alloc::sync::Weak;
use core::any::Any;
use core::panic::AssertUnwindSafe;
use core::ptr::NonNull;

use super::context::Resource;
use super::ending::Ending;
use super::heap::{Header, HeapStats, Shortage, kind};
use super::host_objects::HostObject;
use super::memory::Growth;
use super::table::Table;
use super::{Slot, VmStore};
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::sys::standard::catch_unwind;
use crate::trap::Trap;
use crate::types::{HeapType, RefType};
use crate::wasm::{RegisteredType, TypeLookup};

impl VmStore {
    /// What the heap uses.
    pub fn heap_stats(&self) -> HeapStats {
        self.heap.stats()
    }

    /// Frees every object that cannot be reached, and drops the host objects among them.
    pub fn collect(&mut self) {
        let mut roots = core::mem::take(&mut self.root_buffer);
        roots.clear();
        self.gather_roots(&mut roots);
        // Nothing may panic between here and the end of the collection: marks would be missing, and
        // live objects handed out again. What asks the types was therefore asked before.
        let object_tables = self.object_tables();
        self.heap.begin_collection();
        for &root in &roots {
            // SAFETY: roots are references of this store, each read from a place that holds one.
            unsafe { self.heap.visit(root) };
        }
        let mut count = roots.len();
        self.root_buffer = roots;
        // Tables can be large: looked at in place.
        for table in object_tables {
            // SAFETY: tables live as long as the store, which is borrowed exclusively.
            let table = unsafe { table.as_ref() };
            count += table.elems().len();
            for &slot in table.elems() {
                // SAFETY: elements are references of this store.
                unsafe { self.heap.visit(slot) };
            }
        }
        self.trace_all();
        self.sweep_exceptions(count);

        let mut dead = Vec::new();
        for (place, entry) in self.host_objects.entries.iter_mut().enumerate() {
            if entry.as_ref().is_some_and(|it| !self.heap.is_marked(it.object)) {
                dead.extend(entry.take());
                self.host_objects.free.push(place as u32);
            }
        }
        self.heap.end_collection();
        // Destructors are the embedder's code: they run when everything is in order again.
        drop(dead);
    }

    /// The tables whose elements are not functions.
    fn object_tables(&self) -> Vec<NonNull<Table>> {
        let holds_objects = |table: &NonNull<Table>| {
            // SAFETY: as in `collect`.
            let ty = unsafe { table.as_ref() }.ty().element();
            self.types().top(ty.heap_type()) != HeapType::Func
        };
        self.tables.iter().copied().filter(holds_objects).collect()
    }

    fn gather_roots(&mut self, roots: &mut Vec<Slot>) {
        (self.executor.frame_roots)(self, roots);
        let is_object = |ty: RefType| self.types().top(ty.heap_type()) != HeapType::Func;
        for instance in &self.instances {
            instance.roots(&mut |ty, slots| {
                if is_object(ty) {
                    roots.extend_from_slice(slots);
                }
            });
        }
        self.host_global_roots(&mut |ty, slot| {
            if is_object(ty) {
                roots.push(slot);
            }
        });
        roots.push(self.exceptions.thrown);
        roots.extend_from_slice(&self.temporaries);
        self.roots.visit(&mut |slot| roots.push(slot));
        self.suspended.retain(|frames| frames.strong_count() > 0);
    }

    /// The activations that are suspended; `exec::suspend` knows what they are.
    pub fn suspended(&self) -> &[Weak<dyn Any + Send + Sync>] {
        &self.suspended
    }

    /// Notes an activation that is suspended: its frames are roots while it exists.
    pub fn add_suspended(&mut self, frames: Weak<dyn Any + Send + Sync>) {
        // Those that have gone on or been dropped leave now and then.
        if self.suspended.len() == self.suspended.capacity() {
            self.suspended.retain(|frames| frames.strong_count() > 0);
        }
        self.suspended.push(frames);
    }

    /// Makes a type, and those that it names, known to handlers and the collector, and keeps them.
    pub fn use_type(&mut self, ty: &RegisteredType) {
        if self.type_table.has(ty.id) {
            return;
        }
        self.type_table.keep(ty.group());
        self.ctx.types = self.type_table.entries().as_ptr();
    }

    /// Takes room for an object. Its contents are undefined; until all references in it are
    /// written nothing may be allocated.
    ///
    /// # Errors
    ///
    /// [`Trap::OutOfHeap`] if the limits leave no room, [`Trap::AllocationTooLarge`] if the object
    /// cannot fit any heap, or the embedder's limiter's.
    pub(super) fn allocate(&mut self, header: Header, size: Option<usize>) -> Result<Slot> {
        let size = size.ok_or(Trap::AllocationTooLarge)?;
        let mut collected = self.heap.is_stressed();
        self.heap_refusal = None;
        if collected {
            self.collect();
        }
        loop {
            match self.heap.allocate(size) {
                Ok(object) => {
                    // SAFETY: the room was just taken, and a head fits every object.
                    unsafe { object.cast::<Header>().write(header) };
                    return Ok(object.expose_provenance() as Slot);
                }
                Err(Shortage::Never) => return Err(Trap::AllocationTooLarge.into()),
                Err(Shortage::Grow { desired, needed }) => {
                    if !self.grow_heap(desired, needed)? {
                        if collected {
                            return Err(self.out_of_heap());
                        }
                        self.collect();
                        collected = true;
                    }
                }
                Err(Shortage::Collect) => {
                    self.collect();
                    collected = true;
                }
            }
        }
    }

    /// The trap, with the system's reason if it is to blame.
    #[cold]
    fn out_of_heap(&mut self) -> Error {
        let trap = Error::from(Trap::OutOfHeap);
        match self.heap_refusal.take() {
            Some(why) => trap.context(why),
            None => trap,
        }
    }

    /// Grows the heap to `desired` bytes, or to `needed` if the limits do not allow more.
    fn grow_heap(&mut self, desired: usize, needed: usize) -> Result<bool> {
        let (inner, hooks) = (self.ctx.inner, self.ctx.hooks);
        let maximum = self.heap.reservation();
        let current = self.heap.stats().committed;
        let mut last = 0;
        for bytes in [desired, needed].into_iter().filter(|bytes| *bytes <= maximum) {
            if bytes == last {
                continue;
            }
            last = bytes;
            let growth = Growth { current, desired: bytes, maximum: Some(maximum) };
            // SAFETY: `inner` is this store; the hook touches only the embedder's part of it.
            if !unsafe { (hooks.growing)(inner, Resource::Heap, &growth) }? {
                continue;
            }
            match self.heap.grow_to(bytes) {
                Ok(()) => return Ok(true),
                Err(error) => {
                    self.heap_refusal =
                        Some(format!("cannot grow the heap to {bytes} bytes: {error}"));
                    // SAFETY: as above.
                    unsafe { (hooks.grow_failed)(inner, Resource::Heap, error.into()) }?;
                }
            }
        }
        Ok(false)
    }

    /// Runs what allocates on behalf of a handler, which cannot be unwound through. `None`: the
    /// failure is pending, or a trap whose code is returned.
    pub fn allocating<R>(
        &mut self,
        f: impl FnOnce(&mut VmStore) -> Result<R>,
    ) -> core::result::Result<R, Option<Trap>> {
        let failure = match catch_unwind(AssertUnwindSafe(|| f(self))) {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(error)) => match error.downcast_ref::<Trap>() {
                // One that has more to say goes out as the error that it is.
                Some(trap) if error.chain().len() == 1 => return Err(Some(*trap)),
                _ => Ending::Failed(error),
            },
            Err(payload) => Ending::Panicked(payload),
        };
        self.end(failure);
        Err(None)
    }

    // ---- host objects

    /// Gives a host object to the heap; a reference to it.
    ///
    /// # Errors
    ///
    /// As for [`VmStore::allocate`].
    pub(super) fn new_host_object(
        &mut self,
        data: impl FnOnce() -> Box<dyn Any + Send + Sync>,
    ) -> Result<Slot> {
        let size = core::mem::size_of::<Header>();
        let object = self.allocate(Header::new(kind::EXTERN, 0, 0), Some(size))?;
        let place = self.host_objects.add(HostObject { object, data: data() });
        // SAFETY: the object was just made.
        unsafe {
            let header = Header::new(kind::EXTERN, 0, place);
            self.heap.object(object).cast::<Header>().write(header);
        }
        Ok(object)
    }

    /// The head of the object that a reference leads to; `None` for null, `i31` and functions.
    ///
    /// # Safety
    ///
    /// The slot holds a live reference of this store.
    pub(super) unsafe fn header_of(&self, slot: Slot) -> Option<Header> {
        // SAFETY: the caller's promise.
        self.heap.contains(slot).then(|| unsafe { self.heap.header(slot) })
    }
}

/// An error of the heap that is not the program's.
pub(super) fn no_such_field(index: usize) -> Error {
    Error::msg(format!("the object has no field or element {index}"))
}
