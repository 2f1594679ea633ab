//! How native functions end, as handlers are told.

/// What a host shim tells the trampoline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum HostOutcome {
    /// Results are in the argument slots.
    Return = 0,
    /// The store holds a pending failure (error, trap, panic, exception): leave the activation.
    Fail = 1,
    /// The host function suspends the activation; the store holds its payload.
    Suspend = 2,
    /// The host function throws the exception that the store holds as thrown.
    Throw = 3,
    /// A runtime function that was suspended is to be called again, by its instruction.
    Again = 4,
}

/// What a host shim returns, in two registers.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HostReturn {
    /// A [`HostOutcome`].
    pub outcome: u64,
    /// The bits of the first result, 0 without one: a caller finds the result of a call in the
    /// accumulator as well as in its slot, whoever it called.
    pub value: u64,
}

// What a runtime function returns besides 0 and traps' codes.

/// The store's pending failure says what went wrong.
pub const PENDING: u32 = u32::MAX;

/// The store's exception in flight is thrown from here.
pub const THROWN: u32 = u32::MAX - 1;

/// The activation is suspended; the store's pending failure says what for.
pub const SUSPENDED: u32 = u32::MAX - 2;

/// A bulk operation has done a slice of its work, and there is more to do.
pub const AGAIN: u32 = u32::MAX - 3;
