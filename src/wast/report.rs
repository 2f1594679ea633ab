//! What the runner reports.

use crate::prelude::*;

/// What came of a script's directives.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many did what they should.
    pub passed: usize,
    /// Those that did not, in the script's order. A script that cannot be read is one failure.
    pub failures: Vec<Event>,
    /// Those that are about something else than this engine, in the script's order.
    pub skipped: Vec<Event>,
}

impl Report {
    pub(super) fn append(&mut self, other: Report) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
        self.skipped.extend(other.skipped);
    }
}

/// A directive with its place and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The line in the script, from 1.
    pub line: usize,
    /// The column, in bytes, from 1.
    pub column: usize,
    /// What happened.
    pub message: String,
}
