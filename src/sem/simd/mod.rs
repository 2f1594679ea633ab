//! The SIMD and relaxed SIMD instructions: functions on [`V128`].
//!
//! Most have a regular form: the same with each lane. `lanewise` says it that way; `sse2` has the same
//! functions out of the instructions of x86-64. For what is not regular, `irregular` has both forms. The
//! tests hold all of them against one reference.
//!
//! An immediate lane index is taken modulo the number of lanes, so that no index can panic;
//! validation lets only lesser ones through.

pub(super) mod irregular;
mod lanes;
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) mod lanewise;
mod relaxed;
mod scalar;
mod shuffle;
#[cfg(target_arch = "x86_64")]
mod sse2;

pub use irregular::*;
pub use lanes::V128;
#[cfg(not(target_arch = "x86_64"))]
pub use lanewise::*;
pub use relaxed::*;
pub use scalar::*;
pub use shuffle::*;
#[cfg(target_arch = "x86_64")]
pub use sse2::*;
