//! Floating-point lanes, against the scalar instructions.

use super::{f32_vectors, f64_vectors, integer_vectors, lanes, vector};
use crate::prelude::*;
use crate::sem::simd::irregular::portable;
use crate::sem::simd::lanewise;
use crate::sem::*;

/// Asserts that the lanes of `result` are those of `expected`, where two quiet NaNs count as the
/// same if both are canonical or a NaN operand in that lane is not.
#[track_caller]
fn check(what: &str, bits: u32, operands: &[V128], result: V128, expected: V128) {
    let quiet: i128 = if bits == 32 { 0x7fc0_0000 } else { 0x7ff8 << 48 };
    let infinity: i128 = if bits == 32 { 0x7f80_0000 } else { 0x7ff0 << 48 };
    let magnitudes = |a: V128| -> Vec<i128> {
        lanes(a, bits, false).iter().map(|lane| lane & ((1 << (bits - 1)) - 1)).collect()
    };
    let exact = lanes(result, bits, false).into_iter().zip(lanes(expected, bits, false));
    let magnitude = magnitudes(result).into_iter().zip(magnitudes(expected));
    for (lane, ((result_bits, expected_bits), (result_magnitude, expected_magnitude))) in
        exact.zip(magnitude).enumerate()
    {
        let case = || format!("{what} {operands:?} = {result:?}, lane {lane}, not {expected:?}");
        if expected_magnitude <= infinity {
            assert_eq!(result_bits, expected_bits, "{}", case());
            continue;
        }
        assert!(result_magnitude >= quiet, "not a quiet NaN: {}", case());
        let payload = |a: &V128| {
            let magnitude = magnitudes(*a)[lane];
            magnitude > infinity && magnitude != quiet
        };
        let canonical = result_magnitude == quiet;
        assert!(canonical || operands.iter().any(payload), "not canonical: {}", case());
    }
}

fn f32_lanes(a: V128) -> Vec<f32> {
    lanes(a, 32, false).into_iter().map(|bits| f32::from_bits(bits as u32)).collect()
}

fn f64_lanes(a: V128) -> Vec<f64> {
    lanes(a, 64, false).into_iter().map(|bits| f64::from_bits(bits as u64)).collect()
}

fn f32_vector(lanes: &[f32]) -> V128 {
    vector(&lanes.iter().map(|lane| lane.to_bits().into()).collect::<Vec<_>>(), 32)
}

fn f64_vector(lanes: &[f64]) -> V128 {
    vector(&lanes.iter().map(|lane| lane.to_bits().into()).collect::<Vec<_>>(), 64)
}

/// Vector instructions of one and of two operands beside the scalar ones that they repeat.
macro_rules! lane_by_lane {
    ($test:ident $vectors:ident $lanes:ident $vector:ident $bits:literal
        [$($($one:ident)::+ $one_scalar:ident;)*] [$($($two:ident)::+ $two_scalar:ident;)*]) => {
        #[test]
        fn $test() {
            let vectors = $vectors();
            for &a in &vectors {
                $({
                    let expected: Vec<_> = $lanes(a).into_iter().map($one_scalar).collect();
                    let name = stringify!($($one)::+);
                    check(name, $bits, &[a], $($one)::+(a), $vector(&expected));
                })*
                for &b in vectors.iter().step_by(128 / $bits) {
                    $({
                        let expected: Vec<_> = $lanes(a)
                            .into_iter()
                            .zip($lanes(b))
                            .map(|(a, b)| $two_scalar(a, b))
                            .collect();
                        let name = stringify!($($two)::+);
                        check(name, $bits, &[a, b], $($two)::+(a, b), $vector(&expected));
                    })*
                }
            }
        }
    };
}

lane_by_lane! { f32x4_ops_are_the_scalar_ones f32_vectors f32_lanes f32_vector 32
    [
        f32x4_sqrt f32_sqrt;
        lanewise::f32x4_sqrt f32_sqrt;
        f32x4_ceil f32_ceil;
        f32x4_floor f32_floor;
        f32x4_trunc f32_trunc;
        f32x4_nearest f32_nearest;
    ]
    [
        f32x4_add f32_add;
        lanewise::f32x4_add f32_add;
        f32x4_sub f32_sub;
        lanewise::f32x4_sub f32_sub;
        f32x4_mul f32_mul;
        lanewise::f32x4_mul f32_mul;
        f32x4_div f32_div;
        lanewise::f32x4_div f32_div;
        f32x4_min f32_min;
        f32x4_max f32_max;
        portable::f32x4_min f32_min;
        portable::f32x4_max f32_max;
        f32x4_relaxed_min f32_min;
        f32x4_relaxed_max f32_max;
    ]
}

lane_by_lane! { f64x2_ops_are_the_scalar_ones f64_vectors f64_lanes f64_vector 64
    [
        f64x2_sqrt f64_sqrt;
        lanewise::f64x2_sqrt f64_sqrt;
        f64x2_ceil f64_ceil;
        f64x2_floor f64_floor;
        f64x2_trunc f64_trunc;
        f64x2_nearest f64_nearest;
    ]
    [
        f64x2_add f64_add;
        lanewise::f64x2_add f64_add;
        f64x2_sub f64_sub;
        lanewise::f64x2_sub f64_sub;
        f64x2_mul f64_mul;
        lanewise::f64x2_mul f64_mul;
        f64x2_div f64_div;
        lanewise::f64x2_div f64_div;
        f64x2_min f64_min;
        f64x2_max f64_max;
        portable::f64x2_min f64_min;
        portable::f64x2_max f64_max;
        f64x2_relaxed_min f64_min;
        f64x2_relaxed_max f64_max;
    ]
}

/// `condition` and its mask, and `pmin` and `pmax`, must give exact bits, NaN or not.
macro_rules! exact_bits {
    ($test:ident $vectors:ident $lanes:ident $bits:literal $abs:ident $neg:ident $pmin:ident
        $pmax:ident [$($compare:ident $operator:tt;)*]) => {
        #[test]
        fn $test() {
            let vectors = $vectors();
            let sign = 1_i128 << ($bits - 1);
            for &a in &vectors {
                let flipped: Vec<_> = lanes(a, $bits, false).iter().map(|a| a ^ sign).collect();
                assert_eq!($neg(a), vector(&flipped, $bits), "neg {a:?}");
                let cleared: Vec<_> = lanes(a, $bits, false).iter().map(|a| a & !sign).collect();
                assert_eq!($abs(a), vector(&cleared, $bits), "abs {a:?}");
                for &b in vectors.iter().step_by(128 / $bits) {
                    let pairs: Vec<_> = $lanes(a).into_iter().zip($lanes(b)).collect();
                    let choose = |take_b: fn(_, _) -> bool| {
                        let bits = lanes(a, $bits, false).into_iter().zip(lanes(b, $bits, false));
                        let chosen: Vec<_> = bits
                            .zip(&pairs)
                            .map(|((a_bits, b_bits), &(a, b))| if take_b(a, b) { b_bits } else { a_bits })
                            .collect();
                        vector(&chosen, $bits)
                    };
                    assert_eq!($pmin(a, b), choose(|a, b| b < a), "pmin {a:?} {b:?}");
                    assert_eq!($pmax(a, b), choose(|a, b| a < b), "pmax {a:?} {b:?}");
                    $({
                        let masks: Vec<_> =
                            pairs.iter().map(|(a, b)| -i128::from(a $operator b)).collect();
                        let name = stringify!($compare);
                        assert_eq!($compare(a, b), vector(&masks, $bits), "{name} {a:?} {b:?}");
                    })*
                }
            }
        }
    };
}

exact_bits! { f32x4_masks_signs_and_pseudo_extremes_are_exact f32_vectors f32_lanes 32
    f32x4_abs f32x4_neg f32x4_pmin f32x4_pmax
    [f32x4_eq ==; f32x4_ne !=; f32x4_lt <; f32x4_gt >; f32x4_le <=; f32x4_ge >=;]
}

exact_bits! { f64x2_masks_signs_and_pseudo_extremes_are_exact f64_vectors f64_lanes 64
    f64x2_abs f64x2_neg f64x2_pmin f64x2_pmax
    [f64x2_eq ==; f64x2_ne !=; f64x2_lt <; f64x2_gt >; f64x2_le <=; f64x2_ge >=;]
}

#[test]
fn multiply_add_rounds_twice() {
    // 1 + 2^-12 squared is 1 + 2^-11 + 2^-24: the last term is lost to the first rounding.
    let a = f32x4_splat(1.0 + 2_f32.powi(-12));
    let c = f32x4_splat(-1.0 - 2_f32.powi(-11));
    assert_eq!(f32x4_relaxed_madd(a, a, c), f32x4_splat(0.0));
    assert_eq!(f32x4_relaxed_nmadd(a, f32x4_neg(a), c), f32x4_splat(0.0));
    let a = f64x2_splat(1.0 + 2_f64.powi(-27));
    let c = f64x2_splat(-1.0 - 2_f64.powi(-26));
    assert_eq!(f64x2_relaxed_madd(a, a, c), f64x2_splat(0.0));
    assert_eq!(f64x2_relaxed_nmadd(a, f64x2_neg(a), c), f64x2_splat(0.0));
    let (three, five, seven) = (f32x4_splat(3.0), f32x4_splat(5.0), f32x4_splat(7.0));
    assert_eq!(f32x4_relaxed_madd(three, five, seven), f32x4_splat(22.0));
    assert_eq!(f32x4_relaxed_nmadd(three, five, seven), f32x4_splat(-8.0));
}

#[test]
fn truncations_are_the_scalar_ones() {
    for a in f32_vectors() {
        let lanes = f32_lanes(a);
        let signed: Vec<_> = lanes.iter().map(|&a| i32_trunc_sat_f32_s(a).into()).collect();
        let expected = vector(&signed, 32);
        assert_eq!(i32x4_trunc_sat_f32x4_s(a), expected, "{lanes:?}");
        assert_eq!(portable::i32x4_trunc_sat_f32x4_s(a), expected, "{lanes:?}");
        assert_eq!(i32x4_relaxed_trunc_f32x4_s(a), expected, "{lanes:?}");
        let unsigned: Vec<_> = lanes.iter().map(|&a| i32_trunc_sat_f32_u(a).into()).collect();
        let expected = vector(&unsigned, 32);
        assert_eq!(i32x4_trunc_sat_f32x4_u(a), expected, "{lanes:?}");
        assert_eq!(portable::i32x4_trunc_sat_f32x4_u(a), expected, "{lanes:?}");
        assert_eq!(i32x4_relaxed_trunc_f32x4_u(a), expected, "{lanes:?}");
    }
    for a in f64_vectors() {
        let lanes = f64_lanes(a);
        let [first, second] = [0, 1].map(|lane| i32_trunc_sat_f64_s(lanes[lane]).into());
        let expected = vector(&[first, second, 0, 0], 32);
        assert_eq!(i32x4_trunc_sat_f64x2_s_zero(a), expected, "{lanes:?}");
        assert_eq!(portable::i32x4_trunc_sat_f64x2_s_zero(a), expected, "{lanes:?}");
        assert_eq!(i32x4_relaxed_trunc_f64x2_s_zero(a), expected, "{lanes:?}");
        let [first, second] = [0, 1].map(|lane| i32_trunc_sat_f64_u(lanes[lane]).into());
        let expected = vector(&[first, second, 0, 0], 32);
        assert_eq!(i32x4_trunc_sat_f64x2_u_zero(a), expected, "{lanes:?}");
        assert_eq!(portable::i32x4_trunc_sat_f64x2_u_zero(a), expected, "{lanes:?}");
        assert_eq!(i32x4_relaxed_trunc_f64x2_u_zero(a), expected, "{lanes:?}");
    }
}

#[test]
fn conversions_to_floats_are_the_scalar_ones() {
    for a in integer_vectors() {
        let unsigned: Vec<u32> = lanes(a, 32, false).iter().map(|&lane| lane as u32).collect();
        let each = |convert: fn(u32) -> f32| {
            f32_vector(&unsigned.iter().map(|&lane| convert(lane)).collect::<Vec<_>>())
        };
        assert_eq!(f32x4_convert_i32x4_s(a), each(f32_convert_i32_s), "{a:?}");
        assert_eq!(f32x4_convert_i32x4_u(a), each(f32_convert_i32_u), "{a:?}");
        let low =
            |convert: fn(u32) -> f64| f64_vector(&[convert(unsigned[0]), convert(unsigned[1])]);
        assert_eq!(f64x2_convert_low_i32x4_s(a), low(f64_convert_i32_s), "{a:?}");
        assert_eq!(f64x2_convert_low_i32x4_u(a), low(f64_convert_i32_u), "{a:?}");
    }
}

#[test]
fn promotion_takes_the_low_lanes_and_demotion_clears_the_high() {
    for a in f32_vectors() {
        let lanes = f32_lanes(a);
        let expected = f64_vector(&[f64_promote_f32(lanes[0]), f64_promote_f32(lanes[1])]);
        assert_eq!(f64x2_promote_low_f32x4(a), expected, "{lanes:?}");
        assert_eq!(lanewise::f64x2_promote_low_f32x4(a), expected, "{lanes:?}");
    }
    for a in f64_vectors() {
        let lanes = f64_lanes(a);
        let [first, second] = [f32_demote_f64(lanes[0]), f32_demote_f64(lanes[1])];
        let expected = f32_vector(&[first, second, 0.0, 0.0]);
        assert_eq!(f32x4_demote_f64x2_zero(a), expected, "{lanes:?}");
        assert_eq!(lanewise::f32x4_demote_f64x2_zero(a), expected, "{lanes:?}");
    }
}

#[test]
fn nans_in_lanes_become_the_canonical_one() {
    let canonical = |a: V128, bits: u32, infinity: i128, nan: i128| {
        let magnitude = (1 << (bits - 1)) - 1;
        let each = lanes(a, bits, false).into_iter();
        let made = each.map(|lane| if lane & magnitude > infinity { nan } else { lane });
        vector(&made.collect::<Vec<_>>(), bits)
    };
    for a in f32_vectors() {
        assert_eq!(f32x4_canonical(a), canonical(a, 32, 0x7f80_0000, 0x7fc0_0000), "{a:?}");
    }
    for a in f64_vectors() {
        let expected = canonical(a, 64, 0x7ff0 << 48, 0x7ff8 << 48);
        assert_eq!(f64x2_canonical(a), expected, "{a:?}");
    }
}
