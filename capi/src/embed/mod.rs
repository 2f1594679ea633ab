//! `threadle.h`: wasmtime's shapes under this library's prefix.

mod config;
mod error;
mod externs;
mod func;
mod future;
mod instance;
mod linker;
mod metering;
mod module;
mod objects;
pub(crate) mod raw;
mod refs;
mod shared;
mod store;
mod trap;
mod val;
#[cfg(feature = "wasi")]
mod wasi;
#[cfg(feature = "wat")]
mod wat;
