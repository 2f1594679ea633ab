//! Why activations end without results.

use core::any::Any;

use super::awaited::Awaited;
use super::metering::Pause;
use super::outcome::Outcome;
use crate::error::Error;
use crate::prelude::*;
use crate::trap::Trap;

/// Why an activation ended without results, or is suspended. Whoever ends it says so by
/// [`VmStore::end`](super::VmStore::end); a trap of a handler is a code in the store's context. Whoever
/// entered it asks by [`VmStore::take_ending`](super::VmStore::take_ending).
pub enum Ending {
    /// A trap.
    Trapped(Trap),
    /// An error that a host function returned.
    Failed(Error),
    /// A panic of host code, caught where it entered the engine.
    Panicked(Box<dyn Any + Send>),
    /// Nobody in the activation caught the exception that the store holds as thrown.
    Thrown,
    /// A host function suspends the activation; the payload is for the embedder.
    Suspended(Box<dyn Any + Send + Sync>),
    /// A resumable call is suspended, but not by a host function.
    Paused(Pause),
    /// A native function of an asynchronous call waits.
    Awaiting(Box<dyn Awaited>),
}

impl Ending {
    /// What handlers are told.
    pub fn outcome(&self) -> Outcome {
        match self {
            Ending::Trapped(_) | Ending::Failed(_) | Ending::Panicked(_) => Outcome::FAILED,
            Ending::Thrown => Outcome::THROWN,
            Ending::Suspended(_) | Ending::Paused(_) | Ending::Awaiting(_) => Outcome::SUSPENDED,
        }
    }
}
