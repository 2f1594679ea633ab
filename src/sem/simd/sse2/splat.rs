//! The same value in every lane.

use crate::sem::V128;
use crate::sem::simd::irregular::x86_64::ToV128;
use safe_arch::*;

/// One line per shape: the scalar's type, and the instructions.
macro_rules! splats {
    ($($splat:ident($value:ident: $scalar:ident) = $body:expr;)*) => {
        $(
            /// The vector with every lane `value`, of which narrow lanes take the low bits.
            #[inline(always)]
            #[must_use]
            pub fn $splat($value: $scalar) -> V128 {
                $body.vector()
            }
        )*
    };
}

splats! {
    i8x16_splat(value: u32) = set_splat_i8_m128i(value as i8);
    i16x8_splat(value: u32) = set_splat_i16_m128i(value as i16);
    i32x4_splat(value: u32) = set_splat_i32_m128i(value.cast_signed());
    i64x2_splat(value: u64) = set_splat_i64_m128i(value.cast_signed());
    f32x4_splat(value: f32) = set_splat_m128(value);
    f64x2_splat(value: f64) = set_splat_m128d(value);
}
