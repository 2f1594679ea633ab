//! The regular instructions, lane by lane over fixed-size arrays: the clearest statement of their
//! meanings, and what the compiler turns into one or a few vector instructions on AArch64.

mod bits;
mod convert;
mod float;
mod int;
mod splat;
mod widen;

pub use bits::*;
pub use convert::*;
pub use float::*;
pub use int::*;
pub use splat::*;
pub use widen::*;

/// Declares lane-wise instructions. A line such as
///
/// `"Sum, wrapping." [i8x16_add u8, i16x8_add u16] (a, b) = a.wrapping_add(b);`
///
/// becomes a function for each name in brackets, on vectors of lanes of the type after the name:
///
/// `pub fn i8x16_add(a: V128, b: V128) -> V128`
///
/// whose result's lanes are the expression's values for the operands' lanes.
macro_rules! lanewise {
    ($($doc:literal [$($name:ident $t:ident),+] $params:tt = $body:expr;)*) => {
        $($(lanewise!(@one $doc $name $t $params $body);)+)*
    };
    (@one $doc:literal $name:ident $t:ident ($a:ident) $body:expr) => {
        #[doc = $doc]
        #[inline(always)]
        #[must_use]
        pub fn $name($a: V128) -> V128 {
            let $a: [$t; _] = $a.lanes();
            V128::from_lanes::<$t, _>($crate::sem::simd::lanes::each!(|lane| {
                let $a = $a[lane];
                $body
            }))
        }
    };
    (@one $doc:literal $name:ident $t:ident ($a:ident, $b:ident) $body:expr) => {
        #[doc = $doc]
        #[inline(always)]
        #[must_use]
        pub fn $name($a: V128, $b: V128) -> V128 {
            let ($a, $b): ([$t; _], [$t; _]) = ($a.lanes(), $b.lanes());
            V128::from_lanes::<$t, _>($crate::sem::simd::lanes::each!(|lane| {
                let ($a, $b) = ($a[lane], $b[lane]);
                $body
            }))
        }
    };
}
use lanewise;
