//! Bulk operations in slices, so that whatever stops or suspends code reaches them too.
//!
//! A bulk operation's operands are in the slots of its arguments, which nothing else uses. A runtime
//! function with a long run ahead does one slice of it, changes those slots so that they describe what
//! is left, and returns [`Outcome::AGAIN`]. The trampoline then obeys a request for an interrupt, or dispatches
//! the same instruction again: all that a half-done operation is, is an instruction that has not been
//! executed. Between two slices the program counter is at the instruction and the frame is like ahead
//! of it, so that code can be left there for good or for later.
//!
//! Slices are taken from the end of the run: only its length changes, and the bounds of the first slice
//! done are those of the whole run, so that a run that does not fit traps before anything is written.
//! A run that moves down onto itself has to begin at its start; its two starts change with the length.

use crate::vm::{Outcome, Slot};

/// Bytes of a slice: some tens of microseconds, beside which the way around is nothing.
pub const BYTES: u64 = 1 << 20;

/// Elements of a slice. None has more than 16 bytes.
pub const ELEMENTS: u64 = BYTES / 16;

/// A run cut in two: what is done now, and what is left.
#[derive(Clone, Copy)]
pub struct Cut {
    pub now: u64,
    pub rest: u64,
}

/// Cuts a run of so many units, of which a slice has at most `most`.
pub fn cut(len: u64, most: u64) -> Cut {
    let now = len.min(most);
    Cut { now, rest: len - now }
}

impl Cut {
    /// How far from their starts the runs of a copy are to be copied now. `down` says that bytes move
    /// down, perhaps onto such that are still to be read.
    pub fn offset(self, down: bool) -> u64 {
        if down { 0 } else { self.rest }
    }

    /// Notes what is left: `len` is the place of the length among the arguments.
    ///
    /// # Errors
    ///
    /// [`Outcome::AGAIN`], unless all is done.
    ///
    /// # Safety
    ///
    /// `len` is the place of an argument.
    pub unsafe fn end(self, args: *mut Slot, len: usize) -> Result<(), Outcome> {
        if self.rest == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        unsafe { args.add(len).write(self.rest) };
        Err(Outcome::AGAIN)
    }

    /// The same for a copy, whose starts are at the places `starts`.
    ///
    /// # Errors
    ///
    /// As for [`Cut::end`].
    ///
    /// # Safety
    ///
    /// All are places of arguments.
    pub unsafe fn end_copy(
        self,
        args: *mut Slot,
        starts: [usize; 2],
        len: usize,
        down: bool,
    ) -> Result<(), Outcome> {
        if down {
            for start in starts {
                // SAFETY: the caller's promise. The sum lies inside what the run is in.
                unsafe { args.add(start).write(args.add(start).read().wrapping_add(self.now)) };
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.end(args, len) }
    }
}
