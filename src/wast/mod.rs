//! The runner of test scripts (`.wast`), the format of WebAssembly's official test suite.
//!
//! A script is a list of directives: modules, and assertions about them. [`run`] carries them out
//! one after the other, goes on after a failure, and reports every directive:
//!
//! ```
//! use threadle::{Engine, wast};
//!
//! let script = r#"
//!     (module (func (export "answer") (result i32) i32.const 42))
//!     (assert_return (invoke "answer") (i32.const 42))
//!     (assert_return (invoke "answer") (i32.const 43))
//! "#;
//! let report = wast::run(&Engine::default(), script);
//! assert_eq!((report.passed, report.failures.len()), (2, 1));
//! assert_eq!(report.failures[0].line, 4);
//! ```
//!
//! The format is described in the reference interpreter's README, section "Scripts":
//! <https://github.com/WebAssembly/spec/tree/main/interpreter#scripts>.

mod features;
mod report;
mod script;
mod spectest;
mod values;

use crate::Engine;

pub use features::{ALL_FEATURES, features_for};
pub use report::{Event, Report};

/// Runs a script's directives in a store of `engine`, with the host module `spectest` defined.
///
/// Trap messages are compared; the messages of modules that must be refused are not, because the
/// specification does not fix them.
pub fn run(engine: &Engine, script: &str) -> Report {
    script::run(engine, script)
}
