//! The lane-wise forms and the public ones, which are others on x86-64, agree.

use super::{f32_vectors, f64_vectors, integer_vectors};
use crate::prelude::*;
use crate::sem::simd::lanewise;
use crate::sem::{self, V128};

fn vectors() -> Vec<V128> {
    let floats = f32_vectors().into_iter().step_by(5).chain(f64_vectors().into_iter().step_by(3));
    integer_vectors().into_iter().chain(floats).collect()
}

macro_rules! agree {
    ($test:ident |$a:ident, $b:ident| $operands:tt: $($name:ident)+) => {
        #[test]
        fn $test() {
            let vectors = vectors();
            for &$a in &vectors {
                for &$b in &vectors {
                    $(
                        let (expected, got) = (lanewise::$name $operands, sem::$name $operands);
                        assert_eq!(got, expected, "{} of {:?} and {:?}", stringify!($name), $a, $b);
                    )+
                }
            }
        }
    };
}

agree! { of_one_vector |a, b| (if a == b { a } else { continue }):
    i8x16_abs i16x8_abs i32x4_abs i64x2_abs i8x16_neg i16x8_neg i32x4_neg i64x2_neg i8x16_popcnt
    v128_not i16x8_extend_low_i8x16_s i16x8_extend_high_i8x16_s i16x8_extend_low_i8x16_u
    i16x8_extend_high_i8x16_u i32x4_extend_low_i16x8_s i32x4_extend_high_i16x8_s
    i32x4_extend_low_i16x8_u i32x4_extend_high_i16x8_u i64x2_extend_low_i32x4_s
    i64x2_extend_high_i32x4_s i64x2_extend_low_i32x4_u i64x2_extend_high_i32x4_u
    i16x8_extadd_pairwise_i8x16_s i16x8_extadd_pairwise_i8x16_u i32x4_extadd_pairwise_i16x8_s
    i32x4_extadd_pairwise_i16x8_u f32x4_abs f32x4_neg f64x2_abs f64x2_neg f32x4_convert_i32x4_s
    f32x4_convert_i32x4_u f64x2_convert_low_i32x4_s f64x2_convert_low_i32x4_u f32x4_ceil
    f32x4_floor f32x4_trunc f32x4_nearest f64x2_ceil f64x2_floor f64x2_trunc f64x2_nearest
}

agree! { of_two_vectors |a, b| (a, b):
    i8x16_add i16x8_add i32x4_add i64x2_add i8x16_sub i16x8_sub i32x4_sub i64x2_sub i16x8_mul
    i32x4_mul i64x2_mul i8x16_add_sat_s i16x8_add_sat_s i8x16_add_sat_u i16x8_add_sat_u
    i8x16_sub_sat_s i16x8_sub_sat_s i8x16_sub_sat_u i16x8_sub_sat_u i8x16_min_s i16x8_min_s
    i32x4_min_s i8x16_min_u i16x8_min_u i32x4_min_u i8x16_max_s i16x8_max_s i32x4_max_s
    i8x16_max_u i16x8_max_u i32x4_max_u i8x16_avgr_u i16x8_avgr_u i8x16_eq i16x8_eq i32x4_eq
    i64x2_eq i8x16_ne i16x8_ne i32x4_ne i64x2_ne i8x16_lt_s i16x8_lt_s i32x4_lt_s i8x16_gt_s
    i16x8_gt_s i32x4_gt_s i8x16_le_s i16x8_le_s i32x4_le_s i8x16_ge_s i16x8_ge_s i32x4_ge_s
    i8x16_lt_u i16x8_lt_u i32x4_lt_u i8x16_gt_u i16x8_gt_u i32x4_gt_u i8x16_le_u i16x8_le_u
    i32x4_le_u i8x16_ge_u i16x8_ge_u i32x4_ge_u v128_and v128_andnot v128_or v128_xor
    i8x16_narrow_i16x8_s i8x16_narrow_i16x8_u i16x8_narrow_i32x4_s i16x8_extmul_low_i8x16_s
    i16x8_extmul_high_i8x16_s i16x8_extmul_low_i8x16_u i16x8_extmul_high_i8x16_u
    i32x4_extmul_low_i16x8_s i32x4_extmul_high_i16x8_s i32x4_extmul_low_i16x8_u
    i32x4_extmul_high_i16x8_u f32x4_eq f32x4_ne f32x4_lt f32x4_gt f32x4_le f32x4_ge f64x2_eq
    f64x2_ne f64x2_lt f64x2_gt f64x2_le f64x2_ge
    f32x4_pmin f32x4_pmax f64x2_pmin f64x2_pmax
}

agree! { of_two_vectors_and_a_mask |a, b| (a, b, sem::v128_xor(a, sem::i32x4_shl(b, 7))):
    v128_bitselect
}

agree! { of_a_vector_and_a_count |a, b| (a, b.to_bits() as u32):
    i8x16_shl i8x16_shr_u i8x16_shr_s i16x8_shl i16x8_shr_s i16x8_shr_u i32x4_shl i32x4_shr_s
    i32x4_shr_u i64x2_shr_s
}

agree! { tests_of_one_vector |a, b| (sem::i8x16_eq(a, b)):
    v128_any_true i8x16_all_true i16x8_all_true i32x4_all_true i64x2_all_true
}

/// Of scalars, for which the vectors' lanes are taken.
#[test]
fn splats() {
    for vector in vectors() {
        let bits = vector.to_bits();
        let (narrow, wide) = (bits as u32, bits as u64);
        assert_eq!(sem::i8x16_splat(narrow), lanewise::i8x16_splat(narrow));
        assert_eq!(sem::i16x8_splat(narrow), lanewise::i16x8_splat(narrow));
        assert_eq!(sem::i32x4_splat(narrow), lanewise::i32x4_splat(narrow));
        assert_eq!(sem::i64x2_splat(wide), lanewise::i64x2_splat(wide));
        let (single, double) = (f32::from_bits(narrow), f64::from_bits(wide));
        assert_eq!(sem::f32x4_splat(single), lanewise::f32x4_splat(single));
        assert_eq!(sem::f64x2_splat(double), lanewise::f64x2_splat(double));
    }
}
