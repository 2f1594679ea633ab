//! `threadle.h`: wasmtime's shapes under this library's prefix.

mod config;
mod creator;
mod error;
mod externs;
mod func;
mod future;
mod instance;
mod linker;
mod make;
mod metering;
mod module;
mod objects;
pub(crate) mod raw;
mod refs;
mod shared;
mod store;
mod trap;
mod types;
mod val;
#[cfg(feature = "wasi")]
mod wasi;
#[cfg(feature = "wat")]
mod wat;
