//! Floating-point arithmetic and comparisons, lane by lane: the scalar instructions' meaning.

use super::lanewise;
use crate::sem::V128;
use crate::sem::simd::lanes::each;
use crate::sem::*;

lanewise! {
    "The sign bit cleared." [f32x4_abs f32] (a) = f32_abs(a);
    "The sign bit cleared." [f64x2_abs f64] (a) = f64_abs(a);
    "The sign bit inverted." [f32x4_neg f32] (a) = f32_neg(a);
    "The sign bit inverted." [f64x2_neg f64] (a) = f64_neg(a);
    "Square root." [f32x4_sqrt f32] (a) = f32_sqrt(a);
    "Square root." [f64x2_sqrt f64] (a) = f64_sqrt(a);
    "The least integer that is not less." [f32x4_ceil f32] (a) = f32_ceil(a);
    "The least integer that is not less." [f64x2_ceil f64] (a) = f64_ceil(a);
    "The greatest integer that is not greater." [f32x4_floor f32] (a) = f32_floor(a);
    "The greatest integer that is not greater." [f64x2_floor f64] (a) = f64_floor(a);
    "Rounded towards zero." [f32x4_trunc f32] (a) = f32_trunc(a);
    "Rounded towards zero." [f64x2_trunc f64] (a) = f64_trunc(a);
    "Rounded to the nearest integer, ties to even." [f32x4_nearest f32] (a) = f32_nearest(a);
    "Rounded to the nearest integer, ties to even." [f64x2_nearest f64] (a) = f64_nearest(a);

    "Sum." [f32x4_add f32, f64x2_add f64] (a, b) = a + b;
    "Difference." [f32x4_sub f32, f64x2_sub f64] (a, b) = a - b;
    "Product." [f32x4_mul f32, f64x2_mul f64] (a, b) = a * b;
    "Quotient." [f32x4_div f32, f64x2_div f64] (a, b) = a / b;
    "`b` if `b < a`, else `a`." [f32x4_pmin f32, f64x2_pmin f64] (a, b) = if b < a { b } else { a };
    "`b` if `a < b`, else `a`." [f32x4_pmax f32, f64x2_pmax f64] (a, b) = if a < b { b } else { a };
}

/// Comparisons: the lanes of the result, integers of the second type, are all ones where the
/// condition holds and zero elsewhere.
macro_rules! comparisons {
    ($($doc:literal $name32:ident $name64:ident $operator:tt;)*) => {
        $(
            comparisons!(@one $doc $name32 f32 u32 $operator);
            comparisons!(@one $doc $name64 f64 u64 $operator);
        )*
    };
    (@one $doc:literal $name:ident $t:ident $mask:ident $operator:tt) => {
        #[doc = $doc]
        #[inline(always)]
        #[must_use]
        pub fn $name(a: V128, b: V128) -> V128 {
            let (a, b): ([$t; _], [$t; _]) = (a.lanes(), b.lanes());
            V128::from_lanes::<$mask, _>(each!(|lane| {
                if a[lane] $operator b[lane] { !0 } else { 0 }
            }))
        }
    };
}

comparisons! {
    "`a == b`, as a mask." f32x4_eq f64x2_eq ==;
    "`a != b`, as a mask; true if either is NaN." f32x4_ne f64x2_ne !=;
    "`a < b`, as a mask." f32x4_lt f64x2_lt <;
    "`a > b`, as a mask." f32x4_gt f64x2_gt >;
    "`a <= b`, as a mask." f32x4_le f64x2_le <=;
    "`a >= b`, as a mask." f32x4_ge f64x2_ge >=;
}
