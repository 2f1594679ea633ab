//! WASI preview 1 for command programs.
//!
//! This module is a client of the engine's public API: it defines the 46 functions of the import
//! module `wasi_snapshot_preview1` in a [`Linker`](crate::Linker) and keeps everything they act on
//! in a [`WasiCtx`] that lives in the store's data. Nothing is global, so that programs in
//! different stores never see each other.
//!
//! A program starts with nothing: no arguments, no environment, an empty standard input, outputs
//! that go nowhere, and no files. [`WasiCtxBuilder`] grants each of them.
//!
//! ```no_run
//! use threadle::wasi::{FsPerms, I32Exit, WasiCtxBuilder, WasiP1Ctx, p1};
//! use threadle::{Engine, Linker, Module, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::default();
//! let module = Module::new(&engine, std::fs::read("program.wasm")?)?;
//!
//! let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
//! p1::add_to_linker(&mut linker, |ctx| ctx)?;
//!
//! let ctx = WasiCtxBuilder::new()
//!     .args(&["program", "--verbose"])
//!     .env("LANG", "C")
//!     .inherit_stdio()
//!     .preopened_dir("./data", "/data", FsPerms::ReadOnly)?
//!     .build_p1();
//! let mut store = Store::new(&engine, ctx);
//!
//! let instance = linker.instantiate(&mut store, &module)?;
//! let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
//! let status = match start.call(&mut store, ()) {
//!     Ok(()) => 0,
//!     Err(error) => match error.downcast_ref::<I32Exit>() {
//!         Some(exit) => exit.0,
//!         None => return Err(error.into()),
//!     },
//! };
//! # Ok(())
//! # }
//! ```
//!
//! [`p0`] has the snapshot before it, for older programs.
//!
//! Specification: <https://github.com/WebAssembly/WASI/tree/wasi-0.1> (`preview1/witx`). Where it
//! leaves a choice, `docs/wasi.md` says what was chosen and why.

mod abi;
mod clocks;
mod ctx;
mod dir;
mod ending;
mod errno;
mod error;
mod file;
mod mem;
pub mod p0;
pub mod p1;
mod perms;
mod pipe;
mod readdir;
mod stdio;
mod table;

pub use clocks::{HostMonotonicClock, HostWallClock};
pub use ctx::{WasiCtx, WasiCtxBuilder, WasiP1Ctx};
pub use error::{I32Exit, MissingMemory};
pub use perms::FsPerms;
pub use pipe::{MemoryInputPipe, MemoryOutputPipe};
