//! The same value in every lane.

use crate::sem::V128;
use crate::sem::simd::lanes::each;

/// One line per shape: the scalar's type and that of the lanes.
macro_rules! splats {
    ($($splat:ident $scalar:ident $t:ident;)*) => {
        $(
            /// The vector with every lane `value`, of which narrow lanes take the low bits.
            #[inline(always)]
            #[must_use]
            pub fn $splat(value: $scalar) -> V128 {
                V128::from_lanes(each!(|_lane| value as $t))
            }
        )*
    };
}

splats! {
    i8x16_splat u32 u8;
    i16x8_splat u32 u16;
    i32x4_splat u32 u32;
    i64x2_splat u64 u64;
    f32x4_splat f32 f32;
    f64x2_splat f64 f64;
}
