//! WASI preview 1, seen from the guest.
//!
//! `commands` runs whole command programs written in the text format. All other files drive single
//! calls: the guest of `harness` is a module that exports a wrapper for each of the 46 functions, so
//! that a test is plain Rust and yet every call goes from Wasm through the linker into the host.

#![cfg(feature = "wasi")]

mod harness;
#[cfg(target_os = "linux")]
mod host;

mod commands;
mod descriptors;
mod faults;
mod files;
mod listing;
mod paths;
mod polling;
mod process;
mod sandbox;
#[cfg(target_os = "linux")]
mod slashes;
mod unstable;
