//! Proves what the design of Threadle's interpreter rests on: that every handler of a binary is
//! a leaf which jumps to the next handler, with all of the interpreter's state in registers and
//! nothing on the native stack.
//!
//! The road of one check: [`image`] reads the file, [`descriptor`] finds the handlers in it,
//! [`program`] gives them names, [`graph`] follows all paths of each, [`values`] follows what the
//! registers hold, [`rules`] says what is wrong, [`measure`] counts. [`exceptions`],
//! [`budget`], [`golden`] and [`listing`] compare that with what is checked in; [`report`] prints it.

extern crate alloc;

pub mod arch;
pub mod budget;
pub mod cli;
pub mod descriptor;
pub mod exceptions;
pub mod golden;
pub mod graph;
pub mod image;
pub mod listing;
pub mod measure;
pub mod ops;
pub mod prebuild;
pub mod program;
pub mod report;
pub mod rules;
pub mod values;

mod builds;
mod commands;

use std::fmt;
use std::io::Write;

/// Carries out a command line and prints to `out`. Returns whether nothing is wrong.
///
/// # Errors
/// Any [`Failure`].
pub fn run(cli: &cli::Cli, out: &mut dyn Write) -> Result<bool, Failure> {
    commands::run(cli, ops::OpTable::own(), out)
}

/// Why a check could not be carried out; a check that found faults is no failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A file is missing or damaged, or of a kind that is not supported.
    Unreadable(String),
    /// The file has no Threadle in it, or its descriptor was dropped by the linker.
    NoDescriptor,
    /// The handlers return to a loop: there is nothing to prove.
    Loop,
    /// What was given on the command line or in a checked-in file makes no sense.
    Input(String),
    /// A build failed.
    Build(String),
}

impl Failure {
    /// The process's exit code for it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Input(_) => 2,
            Failure::Unreadable(_) | Failure::NoDescriptor | Failure::Loop => 3,
            Failure::Build(_) => 4,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unreadable(what) => write!(f, "cannot read the binary: {what}"),
            Failure::NoDescriptor => write!(
                f,
                "no Threadle descriptor in this file: is it the final, linked executable or shared \
                 object of a program that uses threadle?"
            ),
            Failure::Loop => write!(
                f,
                "this binary uses the `loop` backend, which makes no tail calls and has nothing to prove; \
                 build it with optimisation for a target that has the `sibling` backend"
            ),
            Failure::Input(what) => write!(f, "{what}"),
            Failure::Build(what) => write!(f, "build failed: {what}"),
        }
    }
}

impl std::error::Error for Failure {}
