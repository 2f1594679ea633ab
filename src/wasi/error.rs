//! The errors with which a WASI call ends the program instead of returning a number to it.

use core::error::Error;
use core::fmt;

/// The program called `proc_exit`; the field is its exit status.
///
/// A call that ends this way returns an [`Error`](crate::Error) from which this value can be had
/// with `downcast_ref::<I32Exit>()`. Status 0 is success, as everywhere; the status is passed on
/// as the program gave it, without a range check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct I32Exit(pub i32);

impl fmt::Display for I32Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exited with status {}", self.0)
    }
}

impl Error for I32Exit {}

/// A WASI function was called by an instance that exports no memory named `memory`.
///
/// Every command program must export it (WASI application ABI); without it there is nothing that a
/// pointer argument could point into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MissingMemory {
    /// The WASI function that was called.
    pub function: &'static str,
}

impl fmt::Display for MissingMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the module called the WASI function `{}` but does not export a memory named `memory`",
            self.function
        )
    }
}

impl Error for MissingMemory {}
