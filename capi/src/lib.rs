//! The C API: `wasm.h`, the standard's interface, and `threadle.h`, wasmtime's shapes under this
//! library's prefix. The headers in `include` are its documentation; docs/c-api.md the guide.
//!
//! This crate is a client of the engine's public API. Its rooms:
//!
//! - `guard`: no panic leaves a function that C calls, and null arguments are failures;
//! - `vec`, `types`, `value`, `numbers`: data that C and Rust share;
//! - `context`: who may use a store, and when;
//! - `reference` and the rooms of each kind: objects of `wasm.h`.
//!
//! C functions take references and boxes, which are C's pointers. What C must promise for that is
//! what its headers say of ownership and lifetimes.

#![allow(non_camel_case_types, reason = "these are C's names")]

mod context;
mod embed;
mod engine;
mod foreign;
mod frame;
mod func;
mod guard;
mod instance;
mod module;
mod numbers;
mod objects;
mod reference;
mod trap;
mod types;
mod value;
mod vec;
