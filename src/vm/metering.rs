//! Fuel and epochs: what code may use before somebody is asked.

use core::num::NonZeroU64;
use core::pin::Pin;

use crate::prelude::*;

/// A store's fuel beside what code counts down ([`super::StoreCtx::fuel`], never negative between
/// instructions).
#[derive(Debug, Default)]
pub struct Fuel {
    /// Not given to the code yet.
    pub(super) reserve: u64,
    /// How much code gets at a time, if it is to yield in between.
    pub(super) interval: Option<NonZeroU64>,
}

/// How far a payment went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paid {
    /// All of it.
    All,
    /// It is time to yield; so much is owed.
    Yield(u64),
    /// There is no fuel left; so much is owed.
    Out(u64),
}

/// Where code was suspended other than in a host function, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// Why.
    pub why: Why,
    /// In the middle of a bulk operation, whose instruction is dispatched again.
    pub is_in_bulk: bool,
}

/// Why code was suspended other than by a host function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It ran out of fuel, and owes so much.
    OutOfFuel(u64),
    /// The epoch's deadline was reached; it is to be set so many ticks ahead when the call goes on.
    Epoch(u64),
    /// Somebody asked for it.
    Asked,
}

/// What is done when an epoch's deadline has been reached.
pub enum Deadline {
    /// The code ends with a trap.
    Trap,
    /// The deadline is set so many ticks ahead.
    Continue(u64),
    /// The code yields, until the future is done if there is one, before that.
    Yield(u64, Option<Pin<Box<dyn Future<Output = ()> + Send>>>),
}
