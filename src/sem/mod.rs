//! The meaning of every numeric WebAssembly instruction, written once.
//!
//! Each instruction is one pure, safe function named like the instruction with dots as
//! underscores: `i32.add` is [`i32_add`]. Handlers and tests call these.
//!
//! Conventions:
//!
//! * Integers travel unsigned (`u32`, `u64`); the `_s` functions reinterpret them.
//! * Comparisons and tests return `bool`.
//! * Instructions that can trap return `Result<_, Trap>`.
//! * Shift and rotate counts are taken modulo the width.
//! * A NaN result is always quiet; when every NaN operand is canonical, so is the result. Which
//!   operand's payload survives is what the target's own arithmetic does.
//!
//! The functions are written for what they compile to. A handler is only a chain of tail calls
//! while it contains no other call, so every function here is straight code on the baseline of
//! each target (SSE2 on x86-64): no libm, no compiler builtin, no panic path. `ceil`, `floor`,
//! `trunc` and `nearest` therefore do not use the standard library's methods, which are libm
//! calls below SSE4.1.
//!
//! Source of the meanings: WebAssembly core specification 3.0, section "Numerics".

mod branch;
mod canonical;
mod convert;
mod float;
mod int;
mod reference;
mod simd;
mod truncate;

pub use branch::*;
pub use canonical::*;
pub use convert::*;
pub use float::*;
pub use int::*;
pub use reference::*;
pub use simd::*;
pub use truncate::*;

#[cfg(test)]
mod tests;
