//! What the standard library's prelude has from `alloc`: the crate names `core`, `alloc` and, in one place,
//! what differs without `std` ([`crate::sys::standard`]).

#[allow(unused_imports, reason = "not every choice of features needs it")]
pub use alloc::borrow::ToOwned;
pub use alloc::boxed::Box;
pub use alloc::string::{String, ToString};
pub use alloc::vec::Vec;
pub use alloc::{format, vec};
