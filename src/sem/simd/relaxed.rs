//! Relaxed SIMD, made deterministic: of the results that an instruction may give, always the one
//! that a plain instruction would. So every machine computes the same, whatever its vector unit
//! prefers. In particular:
//!
//! * swizzling gives 0 for every index out of range;
//! * truncation saturates and gives 0 for NaN;
//! * multiply-add rounds twice, it is not fused;
//! * lanes are selected bit by bit;
//! * `min` and `max` treat NaN and zeros as the plain instructions do;
//! * fixed-point multiplication saturates;
//! * dot products, which are in `irregular`, take the second operand's lanes as signed and wrap.

use super::{
    V128, f32x4_add, f32x4_max, f32x4_min, f32x4_mul, f32x4_neg, f64x2_add, f64x2_max, f64x2_min,
    f64x2_mul, f64x2_neg, i8x16_swizzle, i16x8_q15mulr_sat_s, i32x4_trunc_sat_f32x4_s,
    i32x4_trunc_sat_f32x4_u, i32x4_trunc_sat_f64x2_s_zero, i32x4_trunc_sat_f64x2_u_zero,
    v128_bitselect,
};

/// One line per instruction that is another by a second name.
macro_rules! synonyms {
    ($($name:ident($($p:ident),+) = $same:ident;)*) => {
        $(
            #[doc = concat!("The same as [`", stringify!($same), "`].")]
            #[inline(always)]
            #[must_use]
            pub fn $name($($p: V128),+) -> V128 {
                $same($($p),+)
            }
        )*
    };
}

synonyms! {
    i8x16_relaxed_swizzle(a, indices) = i8x16_swizzle;
    i32x4_relaxed_trunc_f32x4_s(a) = i32x4_trunc_sat_f32x4_s;
    i32x4_relaxed_trunc_f32x4_u(a) = i32x4_trunc_sat_f32x4_u;
    i32x4_relaxed_trunc_f64x2_s_zero(a) = i32x4_trunc_sat_f64x2_s_zero;
    i32x4_relaxed_trunc_f64x2_u_zero(a) = i32x4_trunc_sat_f64x2_u_zero;
    i8x16_relaxed_laneselect(a, b, mask) = v128_bitselect;
    i16x8_relaxed_laneselect(a, b, mask) = v128_bitselect;
    i32x4_relaxed_laneselect(a, b, mask) = v128_bitselect;
    i64x2_relaxed_laneselect(a, b, mask) = v128_bitselect;
    f32x4_relaxed_min(a, b) = f32x4_min;
    f32x4_relaxed_max(a, b) = f32x4_max;
    f64x2_relaxed_min(a, b) = f64x2_min;
    f64x2_relaxed_max(a, b) = f64x2_max;
    i16x8_relaxed_q15mulr_s(a, b) = i16x8_q15mulr_sat_s;
}

/// `a * b + c`, rounding the product and then the sum.
#[inline(always)]
#[must_use]
pub fn f32x4_relaxed_madd(a: V128, b: V128, c: V128) -> V128 {
    f32x4_add(f32x4_mul(a, b), c)
}

/// `-a * b + c`, rounding the product and then the sum.
#[inline(always)]
#[must_use]
pub fn f32x4_relaxed_nmadd(a: V128, b: V128, c: V128) -> V128 {
    f32x4_add(f32x4_mul(f32x4_neg(a), b), c)
}

/// `a * b + c`, rounding the product and then the sum.
#[inline(always)]
#[must_use]
pub fn f64x2_relaxed_madd(a: V128, b: V128, c: V128) -> V128 {
    f64x2_add(f64x2_mul(a, b), c)
}

/// `-a * b + c`, rounding the product and then the sum.
#[inline(always)]
#[must_use]
pub fn f64x2_relaxed_nmadd(a: V128, b: V128, c: V128) -> V128 {
    f64x2_add(f64x2_mul(f64x2_neg(a), b), c)
}
