//! The garbage-collected heap: a non-moving mark-sweep collector. docs/gc.md says why.
//!
//! A reference is one slot: 0 is null, an odd number is an `i31`, a `funcref` is the address of a
//! [`super::VmFunc`], and everything else is the address of an object of this heap. Objects lie in
//! one reserved range of addresses, so an address tells whether a reference leads into the heap.
//!
//! The range is cut into blocks of 64 KiB. A block holds objects of one size class, or is part of
//! one large object. Each block has a bitmap with a bit per 16 bytes, in which the collector marks
//! where live objects begin. Between collections nothing reads the bitmaps but the allocator, which
//! takes the runs of unmarked cells of a block one by one and hands out their cells in order.

mod blocks;
mod mark;

use core::ptr::{self, NonNull};

pub use crate::wasm::object_layout::kind;
pub use blocks::{CLASSES, class_of, class_size};

use super::Slot;
use super::raw::into_raw;
use crate::index::TypeId;
use crate::prelude::*;
use crate::sys::Mapping;
use crate::wasm::TypeInfo;
use crate::wasm::object_layout::ObjectLayout;
use blocks::Blocks;

/// The head of every object.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Kind and type id.
    pub word: u32,
    /// Elements of an array; place of a host object.
    pub len: u32,
}

static_assertions::const_assert_eq!(
    core::mem::size_of::<Header>(),
    crate::wasm::object_layout::HEADER as usize
);

impl Header {
    /// The head of an object of a type.
    pub const fn new(kind: u32, ty: u32, len: u32) -> Header {
        Header { word: kind << kind::SHIFT | ty, len }
    }

    /// What it is.
    pub const fn kind(self) -> u32 {
        self.word >> kind::SHIFT
    }

    /// Its type.
    pub const fn type_id(self) -> TypeId {
        TypeId(self.word & kind::TYPE)
    }
}

/// A reference to an `i31`.
pub fn i31_slot(value: u32) -> Slot {
    crate::sem::ref_i31(value)
}

/// Whether the reference is an `i31`.
pub const fn is_i31(slot: Slot) -> bool {
    slot & 1 != 0
}

/// What is known of a type, for casts and for the collector. Entries are found by type id.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TypeEntry {
    /// [`ObjectLayout::display`]: what stands for the types above, outermost first.
    pub display: *const u32,
    /// How many types are above.
    pub depth: usize,
    /// The layout; null for types that this store does not use.
    pub layout: *const ObjectLayout,
    /// The whole description; null with the layout.
    pub info: *const TypeInfo,
}

static_assertions::const_assert_eq!(size_of::<TypeEntry>(), 4 * size_of::<usize>());

impl TypeEntry {
    /// An entry of no type.
    pub const NONE: TypeEntry =
        TypeEntry { display: ptr::null(), depth: 0, layout: ptr::null(), info: ptr::null() };
}

/// Cells of one size class that are free, one behind the other: what handlers allocate from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The next cell.
    pub next: *mut u8,
    /// Behind the last one.
    pub end: *mut u8,
}

impl Window {
    const EMPTY: Window = Window { next: ptr::null_mut(), end: ptr::null_mut() };
}

/// The part of the heap that handlers reach, at a fixed address.
#[repr(C)]
#[derive(Debug)]
pub struct HeapCtx {
    /// Per size class.
    pub windows: [Window; CLASSES],
}

/// What is in use, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct HeapStats {
    /// Memory that the heap has taken.
    pub committed: usize,
    /// What the last collection left.
    pub live: usize,
    /// Handed out since, in cells or runs of cells.
    pub allocated: usize,
    /// Collections so far.
    pub collections: u64,
}

/// The heap of a store.
#[derive(Debug)]
pub struct Heap {
    /// What handlers see, in a place of its own. It was a box; since then handlers know its address,
    /// and it is reached by that alone.
    ctx: NonNull<HeapCtx>,
    map: Mapping,
    blocks: Blocks,
    /// Marked objects whose contents have not been looked at.
    work: Vec<usize>,
    /// References to exceptions that were met, which are elsewhere.
    pub(super) foreign: Vec<Slot>,
    stats: HeapStats,
    /// Collect when so many bytes have been handed out.
    threshold: usize,
    /// Hand out one cell at a time, so that a collection can come before every allocation.
    stress: bool,
    /// Most bytes of address space; what could be had of them, once there is some.
    reservation: usize,
}

// SAFETY: the pointers lead into the mapping and the object that the heap owns.
unsafe impl Send for Heap {}
// SAFETY: shared access reads plain data only.
unsafe impl Sync for Heap {}

/// Why an allocation did not succeed yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shortage {
    /// It is time to collect.
    Collect,
    /// The heap must have so many bytes in all.
    Grow {
        /// Bytes that are comfortable.
        desired: usize,
        /// Bytes without which it cannot be.
        needed: usize,
    },
    /// The object can never fit.
    Never,
}

/// Bytes that may be allocated between collections at least: collecting a small heap more often
/// brings nothing.
const MIN_THRESHOLD: usize = 8 << 20;

/// The heap grows by so many bytes at least.
const MIN_GROWTH: usize = 1 << 20;

impl Heap {
    /// A heap that has no memory yet and can take up to `reservation` bytes.
    pub fn new(reservation: usize, stress: bool) -> Heap {
        Heap {
            ctx: into_raw(HeapCtx { windows: [Window::EMPTY; CLASSES] }),
            map: Mapping::empty(),
            blocks: Blocks::default(),
            work: Vec::new(),
            foreign: Vec::new(),
            stats: HeapStats::default(),
            threshold: MIN_THRESHOLD,
            stress,
            reservation: reservation / blocks::BLOCK * blocks::BLOCK,
        }
    }

    /// What handlers see.
    pub fn ctx(&mut self) -> *mut HeapCtx {
        self.ctx.as_ptr()
    }

    /// The free cells per size class.
    fn windows(&mut self) -> &mut [Window; CLASSES] {
        // SAFETY: the object lives as long as the heap, and while the heap is borrowed exclusively no
        // handler runs.
        unsafe { &mut (*self.ctx.as_ptr()).windows }
    }

    /// What is in use.
    pub fn stats(&self) -> HeapStats {
        self.stats
    }

    /// Whether a collection comes before every allocation.
    pub fn is_stressed(&self) -> bool {
        self.stress
    }

    fn base(&self) -> usize {
        self.map.base() as usize
    }

    /// Whether the reference leads to an object of this heap.
    #[inline]
    pub fn contains(&self, slot: Slot) -> bool {
        // An exception's number may have an address in its low half.
        let inside = |at: usize| at.wrapping_sub(self.base()) < self.stats.committed;
        slot & 15 == 0 && usize::try_from(slot).is_ok_and(inside)
    }

    /// The head of the object at `slot`.
    ///
    /// # Safety
    ///
    /// The slot is a live reference into this heap.
    pub unsafe fn header(&self, slot: Slot) -> Header {
        debug_assert!(self.contains(slot));
        // SAFETY: the caller's promise.
        unsafe { self.object(slot).cast::<Header>().read() }
    }

    /// The address of the object at `slot`.
    pub fn object(&self, slot: Slot) -> *mut u8 {
        self.map.base().wrapping_add((slot as usize).wrapping_sub(self.base()))
    }

    /// Takes `size` bytes, which are not initialised: the address of an object whose head the
    /// caller writes at once.
    ///
    /// # Errors
    ///
    /// What must happen before it can be tried again.
    pub fn allocate(&mut self, size: usize) -> Result<*mut u8, Shortage> {
        if size > self.reservation {
            return Err(Shortage::Never);
        }
        match class_of(size) {
            Some(class) => self.allocate_small(class),
            None => self.allocate_large(size),
        }
    }

    fn allocate_small(&mut self, class: usize) -> Result<*mut u8, Shortage> {
        let size = class_size(class);
        let window = self.windows()[class];
        let window = if window.next < window.end {
            window
        } else {
            if self.stats.allocated >= self.threshold {
                return Err(Shortage::Collect);
            }
            let Some((start, bytes)) = self.blocks.next_run(class) else {
                return Err(self.shortage(blocks::BLOCK));
            };
            self.stats.allocated += bytes;
            let next = self.map.base().wrapping_add(start);
            Window { next, end: next.wrapping_add(bytes) }
        };
        let rest = Window { next: window.next.wrapping_add(size), end: window.end };
        // Under stress the rest of the run waits for the collection that comes next.
        self.windows()[class] = if self.stress { Window::EMPTY } else { rest };
        Ok(window.next)
    }

    fn allocate_large(&mut self, size: usize) -> Result<*mut u8, Shortage> {
        let count = size.div_ceil(blocks::BLOCK);
        let bytes = count * blocks::BLOCK;
        if self.stats.allocated > 0 && self.stats.allocated + bytes > self.threshold {
            return Err(Shortage::Collect);
        }
        let Some(start) = self.blocks.take_large(count) else {
            return Err(self.shortage(bytes));
        };
        self.stats.allocated += bytes;
        Ok(self.map.base().wrapping_add(start))
    }

    fn shortage(&self, bytes: usize) -> Shortage {
        let needed = self.stats.committed + bytes - self.blocks.free_at_end() * blocks::BLOCK;
        if needed > self.reservation {
            return Shortage::Grow { desired: needed, needed };
        }
        let step = (self.stats.committed / 4).max(MIN_GROWTH).next_multiple_of(blocks::BLOCK);
        let desired = needed.max(self.stats.committed + step).min(self.reservation);
        Shortage::Grow { desired, needed }
    }

    /// Most bytes that the heap can ever have.
    pub fn reservation(&self) -> usize {
        self.reservation
    }

    /// Takes memory, so that the heap has `bytes` in all.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn grow_to(&mut self, bytes: usize) -> crate::sys::standard::io::Result<()> {
        if self.map.is_empty() {
            self.map = Mapping::reserve_up_to(bytes, self.reservation)?;
            self.reservation = self.reservation.min(self.map.len() / blocks::BLOCK * blocks::BLOCK);
        }
        let committed = self.stats.committed;
        self.map.commit(committed, bytes - committed)?;
        self.blocks.add((bytes - committed) / blocks::BLOCK);
        self.stats.committed = bytes;
        Ok(())
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and nothing runs that knows its address.
        drop(unsafe { Box::from_raw(self.ctx.as_ptr()) });
    }
}
