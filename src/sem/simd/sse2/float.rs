//! Float lanes.

use crate::sem::V128;
use crate::sem::simd::irregular::x86_64::{ToV128, doubles, integers, singles};
use safe_arch::*;

/// One line per instruction: its operands are vectors of floats.
macro_rules! float_ops {
    ($view:ident: $($name:ident($($p:ident),+) = $body:expr;)*) => {
        $(
            #[doc = concat!("See the lane-wise form of `", stringify!($name), "`.")]
            #[inline(always)]
            #[must_use]
            pub fn $name($($p: V128),+) -> V128 {
                $(let $p = $view($p);)+
                $body.vector()
            }
        )*
    };
}

/// The functions for both widths, in terms of the instructions for one.
macro_rules! floats {
    (
        $view:ident $vector:ident $t:ident;
        $limit:expr, $quiet:expr, $set:ident $add:ident $sub:ident $and:ident $andnot:ident
        $or:ident $lt:ident $gt:ident $unordered:ident;
        $ceil:ident $floor:ident $trunc:ident $nearest:ident
    ) => {
        mod $view {
            use super::*;

            /// -0 in every lane: the sign bits.
            #[inline(always)]
            pub fn signs() -> $vector {
                $set(-0.0)
            }

            /// From this magnitude on all numbers are integers.
            const LIMIT: $t = $limit;

            /// `rounded` with the sign of `a`, which is what `a` rounds to; but `a`, if it is an
            /// integer for its size, infinite, or NaN, which becomes quiet.
            #[inline(always)]
            fn finish(a: $vector, magnitude: $vector, rounded: $vector) -> $vector {
                let small = $lt(magnitude, $set(LIMIT));
                let rounded = $or(rounded, $and(signs(), a));
                // By hand: the compiler takes it for granted that arithmetic need not make NaN quiet.
                let quiet = $and($unordered(a, a), $set($t::from_bits($quiet)));
                $or($and(small, rounded), $andnot(small, $or(a, quiet)))
            }

            /// The nearest integer to a magnitude below the limit, ties to even: the sum has no place
            /// for a fraction.
            #[inline(always)]
            fn nearest_magnitude(magnitude: $vector) -> $vector {
                $sub($add(magnitude, $set(LIMIT)), $set(LIMIT))
            }

            #[inline(always)]
            pub fn nearest(a: $vector) -> $vector {
                let magnitude = $andnot(signs(), a);
                finish(a, magnitude, nearest_magnitude(magnitude))
            }

            #[inline(always)]
            pub fn trunc(a: $vector) -> $vector {
                let magnitude = $andnot(signs(), a);
                let nearest = nearest_magnitude(magnitude);
                let excess = $and($gt(nearest, magnitude), $set(1.0));
                finish(a, magnitude, $sub(nearest, excess))
            }

            #[inline(always)]
            pub fn floor(a: $vector) -> $vector {
                let nearest = nearest(a);
                // Less 0 leaves -0 as it is.
                $sub(nearest, $and($gt(nearest, a), $set(1.0)))
            }

            /// As the other way round, which takes care of the zeros' signs.
            #[inline(always)]
            pub fn ceil(a: $vector) -> $vector {
                let nearest = nearest(a);
                let rounded = $add(nearest, $and($lt(nearest, a), $set(1.0)));
                $or(rounded, $and(signs(), a))
            }
        }

        float_ops! { $view:
            $ceil(a) = $view::ceil(a);
            $floor(a) = $view::floor(a);
            $trunc(a) = $view::trunc(a);
            $nearest(a) = $view::nearest(a);
        }
    };
}

floats! {
    singles m128 f32;
    8_388_608.0, 0x0040_0000, set_splat_m128 add_m128 sub_m128 bitand_m128 bitandnot_m128
    bitor_m128 cmp_lt_mask_m128 cmp_gt_mask_m128 cmp_unord_mask_m128;
    f32x4_ceil f32x4_floor f32x4_trunc f32x4_nearest
}
floats! {
    doubles m128d f64;
    4_503_599_627_370_496.0, 1 << 51, set_splat_m128d add_m128d sub_m128d bitand_m128d
    bitandnot_m128d bitor_m128d cmp_lt_mask_m128d cmp_gt_mask_m128d cmp_unord_mask_m128d;
    f64x2_ceil f64x2_floor f64x2_trunc f64x2_nearest
}

float_ops! { singles:
    f32x4_abs(a) = bitandnot_m128(singles::signs(), a);
    f32x4_neg(a) = bitxor_m128(singles::signs(), a);
    f32x4_sqrt(a) = sqrt_m128(a);
    f32x4_add(a, b) = add_m128(a, b);
    f32x4_sub(a, b) = sub_m128(a, b);
    f32x4_mul(a, b) = mul_m128(a, b);
    f32x4_div(a, b) = div_m128(a, b);
    // The instructions give their second operand unless the comparison holds.
    f32x4_pmin(a, b) = min_m128(b, a);
    f32x4_pmax(a, b) = max_m128(b, a);
    f32x4_eq(a, b) = cmp_eq_mask_m128(a, b);
    f32x4_ne(a, b) = cmp_neq_mask_m128(a, b);
    f32x4_lt(a, b) = cmp_lt_mask_m128(a, b);
    f32x4_gt(a, b) = cmp_lt_mask_m128(b, a);
    f32x4_le(a, b) = cmp_le_mask_m128(a, b);
    f32x4_ge(a, b) = cmp_le_mask_m128(b, a);
    f64x2_promote_low_f32x4(a) = convert_to_m128d_from_lower2_m128(a);
}

float_ops! { doubles:
    f64x2_abs(a) = bitandnot_m128d(doubles::signs(), a);
    f64x2_neg(a) = bitxor_m128d(doubles::signs(), a);
    f64x2_sqrt(a) = sqrt_m128d(a);
    f64x2_add(a, b) = add_m128d(a, b);
    f64x2_sub(a, b) = sub_m128d(a, b);
    f64x2_mul(a, b) = mul_m128d(a, b);
    f64x2_div(a, b) = div_m128d(a, b);
    f64x2_pmin(a, b) = min_m128d(b, a);
    f64x2_pmax(a, b) = max_m128d(b, a);
    f64x2_eq(a, b) = cmp_eq_mask_m128d(a, b);
    f64x2_ne(a, b) = cmp_neq_mask_m128d(a, b);
    f64x2_lt(a, b) = cmp_lt_mask_m128d(a, b);
    f64x2_gt(a, b) = cmp_lt_mask_m128d(b, a);
    f64x2_le(a, b) = cmp_le_mask_m128d(a, b);
    f64x2_ge(a, b) = cmp_le_mask_m128d(b, a);
    f32x4_demote_f64x2_zero(a) = convert_to_m128_from_m128d(a);
}

float_ops! { integers:
    f32x4_convert_i32x4_s(a) = convert_to_m128_from_i32_m128i(a);
    // Both halves convert exactly; their sum is rounded, once.
    f32x4_convert_i32x4_u(a) = {
        let low = convert_to_m128_from_i32_m128i(bitand_m128i(a, set_splat_i32_m128i(0xffff)));
        let high = convert_to_m128_from_i32_m128i(shr_imm_u32_m128i::<16>(a));
        add_m128(mul_m128(high, set_splat_m128(65536.0)), low)
    };
    f64x2_convert_low_i32x4_s(a) = convert_to_m128d_from_lower2_i32_m128i(a);
    // The highest bit inverted is 2^31 subtracted; all of it is exact.
    f64x2_convert_low_i32x4_u(a) = {
        let less = bitxor_m128i(a, set_splat_i32_m128i(i32::MIN));
        let less = convert_to_m128d_from_lower2_i32_m128i(less);
        add_m128d(less, set_splat_m128d(2_147_483_648.0))
    };
}
