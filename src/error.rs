//! Errors: one general type for everything that can fail, and what is wrong with a module.
//!
//! [`Error`] is `anyhow`'s, re-exported. It is one word, carries any `std::error::Error` that a
//! host function returns, adds context, gives the payload back by `downcast`, and converts with
//! `?` into the error type that most embedders' own code uses. That last property is one that a
//! type of our own could not have: a type with `From<E: std::error::Error>` cannot be a
//! `std::error::Error` itself, so `?` would not lead from it to `anyhow::Error`. The crate has no
//! dependencies and would otherwise be written again here, unsafe code included.
//!
//! What to downcast to: [`crate::trap::Trap`] when WebAssembly trapped, [`ModuleError`] when a
//! module was refused, and whatever a host function returned.

use core::fmt;

/// Extends `Result` and `Option` with `.context(..)` and `.with_context(..)`.
pub use anyhow::Context;
/// What all fallible functions of this crate return as their error. See the module's
/// documentation for what it can hold.
pub use anyhow::Error;
/// `Ok` with the error type of [`Result`], where nothing else says which one it is, such as at the end of
/// an `async` block.
pub use anyhow::Ok;
/// A `Result` whose error is [`Error`] unless said otherwise.
pub use anyhow::Result;
/// `bail!("..")` returns early with an error, `ensure!(cond, "..")` does so unless `cond` holds,
/// and `format_err!("..")` is an error made from a message.
pub use anyhow::{anyhow as format_err, bail, ensure};

use crate::prelude::*;

/// Why a module was refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ModuleErrorKind {
    /// The bytes do not follow the binary format (core specification, chapter 5).
    Malformed,
    /// The module can be read but is not valid (core specification, chapter 3).
    Invalid,
    /// The module uses a feature that the configuration has switched off, or that this engine
    /// does not have.
    Unsupported,
    /// The module is larger in some respect than this engine allows (core specification, appendix
    /// "Implementation Limitations").
    Limit,
}

/// A module was refused: why, and where in its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModuleError {
    kind: ModuleErrorKind,
    offset: u64,
    message: Box<str>,
}

impl ModuleError {
    /// An error at a byte offset from the start of the module. `message` says what is wrong
    /// there, in lower case and without a full stop.
    pub fn new(kind: ModuleErrorKind, offset: u64, message: impl Into<Box<str>>) -> ModuleError {
        ModuleError { kind, offset, message: message.into() }
    }

    /// Why the module was refused.
    pub fn kind(&self) -> ModuleErrorKind {
        self.kind
    }

    /// Byte offset from the start of the module.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What is wrong, without the kind and the offset.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ModuleErrorKind::Malformed => "malformed module",
            ModuleErrorKind::Invalid => "invalid module",
            ModuleErrorKind::Unsupported => "unsupported module",
            ModuleErrorKind::Limit => "module exceeds a limit",
        };
        write!(f, "{kind} at offset {:#x}: {}", self.offset, Printable(&self.message))
    }
}

impl core::error::Error for ModuleError {}

/// A name from a module, as it may be shown. Names are any Unicode text, and a terminal that is sent one
/// takes control characters for commands: these are written as Rust's escapes, and with them what
/// breaks lines or turns the direction of writing. Everything else is shown as it is.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_control) {
            let (shown, from) = rest.split_at(at);
            f.write_str(shown)?;
            let mut chars = from.chars();
            for escaped in chars.next().into_iter().flat_map(char::escape_default) {
                fmt::Write::write_char(f, escaped)?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

static_assertions::assert_eq_size!(Error, usize);
static_assertions::assert_impl_all!(Error: Send, Sync);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trap::Trap;

    #[test]
    fn a_trap_is_found_again_beneath_context() {
        let error = Error::from(Trap::IntegerOverflow).context("while adding");
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerOverflow));
        assert_eq!(error.to_string(), "while adding");
        assert_eq!(format!("{error:#}"), "while adding: wasm trap: integer overflow");
    }

    #[test]
    fn a_module_error_names_its_kind_offset_and_cause() {
        let cause = "type mismatch: expected i32, found i64";
        let error = ModuleError::new(ModuleErrorKind::Invalid, 0x1c, cause);
        assert_eq!(
            error.to_string(),
            "invalid module at offset 0x1c: type mismatch: expected i32, found i64"
        );
    }

    #[test]
    fn names_are_shown_without_what_a_terminal_would_obey() {
        let shown = |name| Printable(name).to_string();
        assert_eq!(shown("plain::<T> näme 🦀 \"q\" \\"), "plain::<T> näme 🦀 \"q\" \\");
        assert_eq!(shown("\x1b[31mred\n\r\0\x7f\u{9b}"), r"\u{1b}[31mred\n\r\u{0}\u{7f}\u{9b}");
        assert_eq!(shown("a\u{202e}b\u{2029}"), r"a\u{202e}b\u{2029}");
        let error = ModuleError::new(ModuleErrorKind::Invalid, 1, "duplicate export `\x1b`");
        assert_eq!(error.to_string(), r"invalid module at offset 0x1: duplicate export `\u{1b}`");
    }
}
