//! Asking now and then whether a translation is still wanted.

use crate::error::Result;
use crate::tune;

/// Who is asked, and when.
pub struct Pace<'a> {
    ask: &'a mut dyn FnMut() -> Result<()>,
    left: u32,
}

impl<'a> Pace<'a> {
    /// Asks `ask`, whose error ends the translation.
    pub fn new(ask: &'a mut dyn FnMut() -> Result<()>) -> Pace<'a> {
        Pace { ask, left: tune::OPERATORS_AT_A_TIME }
    }

    /// One more operator is looked at.
    #[inline]
    pub fn step(&mut self) -> Result<()> {
        self.left -= 1;
        if self.left > 0 {
            return Ok(());
        }
        self.left = tune::OPERATORS_AT_A_TIME;
        (self.ask)()
    }
}
