//! What the parent asks of a child process, and what the child answers: one JSON line each.

use crate::border::Row;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A program for one engine to run, over and over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The module: binary, or text when the file's name ends in `.wat`. The module of the
    /// border measurements is built in and has no file.
    pub wasm: PathBuf,
    /// How to run it.
    pub program: Program,
}

/// How to run a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Program {
    /// Call the export `run`, with `n` when there is one, on a fresh instance.
    Kernel {
        /// The argument, an i32.
        n: Option<i32>,
    },
    /// Call `_start` of a WASI command on a fresh instance.
    Wasi {
        /// Arguments after the program's name.
        args: Vec<String>,
        /// Environment, as `NAME=VALUE`.
        env: Vec<String>,
        /// File with the standard input.
        stdin: Option<PathBuf>,
        /// Whether an empty directory is preopened.
        dir: bool,
    },
    /// Compile the module and make an instance of it.
    Start,
    /// Measure one row of the costs at the border between Wasm and host.
    Border {
        /// The row.
        row: Row,
        /// Iterations in a run; when absent, as many as make a run long enough to time.
        iterations: Option<u32>,
    },
}

/// What a child process says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// The module is compiled and can be run.
    Ready {
        /// Processor time of compiling it, in nanoseconds.
        compile_ns: u64,
    },
    /// One run is done.
    Ran(Sample),
    /// The engine cannot do it; the text says why.
    Failed(String),
}

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Processor time of making the instance, in nanoseconds.
    pub instantiate_ns: u64,
    /// Processor time of the run proper, in nanoseconds.
    pub execute_ns: u64,
    /// Iterations in the run: 1 but for the rows of the border.
    pub iterations: u32,
    /// The result in a form that is equal when results are equal.
    pub result: String,
    /// The most memory that the process has had, in KiB, where that is asked.
    #[serde(default)]
    pub peak_kib: Option<u64>,
}
