//! The regular instructions out of those of SSE2, the baseline of x86-64. Left to itself the
//! compiler finds most of them in loops over lanes, but only at its highest optimisation level.
//! `lanewise` states their meanings.

mod float;
mod int;
mod splat;
mod widen;

pub use float::*;
pub use int::*;
pub use splat::*;
pub use widen::*;

/// One line per instruction: what it does with its operands, as integer vectors.
macro_rules! integer_ops {
    ($($name:ident($($p:ident),+) = $body:expr;)*) => {
        $(
            #[doc = concat!("See the lane-wise form of `", stringify!($name), "`.")]
            #[inline(always)]
            #[must_use]
            pub fn $name($($p: V128),+) -> V128 {
                $(let $p = integers($p);)+
                $body.vector()
            }
        )*
    };
}
use integer_ops;
