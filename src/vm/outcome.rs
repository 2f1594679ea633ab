//! How a call of native code ends, as handlers are told, and how they leave the chain.

use crate::trap::Trap;

/// How a call of native code ended: what a host function's shim, a runtime function or a function that
/// was waited for tells the handlers. What there is to say beyond that is in the store, as its
/// [`Ending`](super::Ending).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Outcome(u32);

impl Outcome {
    /// Results are where the arguments were.
    pub const RETURNED: Outcome = Outcome(0);
    /// The activation ends with the failure that the store holds.
    pub const FAILED: Outcome = Outcome(u32::MAX);
    /// The exception that the store holds as thrown is in flight.
    pub const THROWN: Outcome = Outcome(u32::MAX - 1);
    /// The activation is suspended; the store holds what for.
    pub const SUSPENDED: Outcome = Outcome(u32::MAX - 2);
    /// A runtime function has done a slice of its work, or was suspended: its instruction is dispatched
    /// again.
    pub const AGAIN: Outcome = Outcome(u32::MAX - 3);

    /// A trap at the instruction that made the call. Its code is the word.
    pub const fn trapped(trap: Trap) -> Outcome {
        Outcome(trap as u32)
    }

    /// As handlers hold it.
    pub const fn word(self) -> u64 {
        self.0 as u64
    }
}

impl From<Trap> for Outcome {
    fn from(trap: Trap) -> Outcome {
        Outcome::trapped(trap)
    }
}

/// What a host shim returns, in two registers.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HostReturn {
    /// The word of an [`Outcome`].
    pub outcome: u64,
    /// The bits of the first result, 0 without one: a caller finds the result of a call in the
    /// accumulator as well as in its slot, whoever it called.
    pub value: u64,
}

/// How the chain of handlers is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Exit {
    /// The activation's function returned; results are where the arguments were.
    Returned = 0,
    /// The activation is over for the reason that the store holds.
    Failed = 1,
    /// It is suspended; its frames are still on the value stack, and the store holds what for.
    Suspended = 2,
}

impl Exit {
    /// The exit with this number.
    #[inline(always)]
    pub fn of(number: u64) -> Exit {
        const RETURNED: u64 = Exit::Returned as u64;
        const SUSPENDED: u64 = Exit::Suspended as u64;
        match number {
            RETURNED => Exit::Returned,
            SUSPENDED => Exit::Suspended,
            _ => Exit::Failed,
        }
    }
}
