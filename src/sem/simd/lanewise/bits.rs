//! Instructions that see no lanes, and the tests of all lanes.

use super::lanewise;
use crate::sem::V128;
use crate::sem::simd::lanes::Lane;

lanewise! {
    "Bitwise complement." [v128_not u64] (a) = !a;
    "Bitwise and." [v128_and u64] (a, b) = a & b;
    "Bitwise `a` and not `b`." [v128_andnot u64] (a, b) = a & !b;
    "Bitwise or." [v128_or u64] (a, b) = a | b;
    "Bitwise exclusive or." [v128_xor u64] (a, b) = a ^ b;
}

/// The bits of `a` where those of `mask` are set, and of `b` elsewhere.
#[inline(always)]
#[must_use]
pub fn v128_bitselect(a: V128, b: V128, mask: V128) -> V128 {
    v128_or(v128_and(a, mask), v128_andnot(b, mask))
}

/// Whether any bit is set.
#[inline(always)]
#[must_use]
pub fn v128_any_true(a: V128) -> bool {
    a.to_bits() != 0
}

/// One line per shape: the test of all lanes.
macro_rules! tests_of_all {
    ($($all_true:ident $t:ident;)*) => {
        $(
            /// Whether no lane is zero.
            #[inline(always)]
            #[must_use]
            pub fn $all_true(a: V128) -> bool {
                !<$t>::any(a.lanes(), #[inline(always)] |lane| lane == 0)
            }
        )*
    };
}

tests_of_all! {
    i8x16_all_true u8;
    i16x8_all_true u16;
    i32x4_all_true u32;
    i64x2_all_true u64;
}
