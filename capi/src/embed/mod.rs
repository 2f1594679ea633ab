//! `threadle.h`: wasmtime's shapes under this library's prefix.

mod error;
mod trap;
#[cfg(feature = "wat")]
mod wat;
