//! Which slots of a frame are a function's own: see [`crate::vm::frame`].

use crate::vm::frame::{MAX_SLOT, SMALL_HEADER_SLOTS};

/// The frame of a function.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Slots of parameters and results, which are below the header.
    below: i32,
}

/// Slots from this one on are the function's. Where it pins floats the first three of them have its caller's,
/// which are numbers like any.
const FIRST: i32 = SMALL_HEADER_SLOTS;

impl Frame {
    /// The frame of a function with so many slots of parameters or results.
    pub fn new(below: u16) -> Frame {
        Frame { below: below.into() }
    }

    /// Whether a slot is its own.
    pub fn has(self, slot: i16) -> bool {
        self.has_all(slot, 1)
    }

    /// Whether so many slots are, from `first` on. All of them are on one side of the header.
    pub fn has_all(self, first: i16, count: u16) -> bool {
        let (first, end) = (i32::from(first), i32::from(first) + i32::from(count));
        first >= -self.below && end <= 0 || first >= FIRST && end <= MAX_SLOT + 1
    }

    /// Whether a slot is the first of all, where arguments of a tail call go.
    pub fn is_first(self, slot: i16) -> bool {
        i32::from(slot) == -self.below
    }

    /// Whether a call can have its frame at a slot, with so many slots of parameters or results below: what the
    /// callee writes are slots of its own and of this function behind its header.
    pub fn has_call(self, frame: i16, below: u16) -> bool {
        let frame = i32::from(frame);
        frame - i32::from(below) >= FIRST && frame <= MAX_SLOT
    }
}
