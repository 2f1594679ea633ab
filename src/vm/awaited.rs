//! What asynchronous calls leave in a store while they run, and what they wait for.
//!
//! An activation that an asynchronous call began can be left while a native function that it called
//! waits for something. Its frames stay where they are: the call has the store to itself, so nobody
//! needs the place, and whatever the waiting function calls goes above them.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::Slot;
use super::outcome::HostReturn;
use crate::error::Result;
use crate::prelude::*;

/// A native function that has not returned yet.
pub trait Awaited: Send {
    /// Goes on with it. Results are where its arguments were, like those of any native function;
    /// never unwinds.
    ///
    /// # Safety
    ///
    /// The function's store is live and used by nobody else, and `fp` is the frame of the function's
    /// call, which is the published one.
    unsafe fn poll(&mut self, cx: &mut Context<'_>, fp: *mut Slot) -> Poll<HostReturn>;
}

/// A limiter's answer that takes its time.
pub type LaterAnswer<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

/// The error of a limiter that answers later, where nobody can wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Later;

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store's limiter is asynchronous: the `async` methods have to be used")
    }
}

impl core::error::Error for Later {}
