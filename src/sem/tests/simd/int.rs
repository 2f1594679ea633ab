//! Integer lanes.

use super::{integer_vectors, lanes, vector};
use crate::prelude::*;
use crate::sem::simd::irregular::portable;
#[cfg(target_arch = "x86_64")]
use crate::sem::simd::irregular::x86_64;
use crate::sem::*;

/// Lines of `name bits signedness |a, b| reference;`: the reference computes a lane of the result
/// from lanes of the operands extended to `i128`, and is cut down to the lane's width.
macro_rules! binary {
    ($test:ident: $($($op:ident)::+ $bits:literal $signed:ident |$a:ident, $b:ident| $expected:expr;)*) => {
        #[test]
        fn $test() {
            let vectors = integer_vectors();
            for &left in &vectors {
                for &right in &vectors {
                    $({
                        let signed = stringify!($signed) == "signed";
                        let reference: Vec<i128> = lanes(left, $bits, signed)
                            .into_iter()
                            .zip(lanes(right, $bits, signed))
                            .map(|($a, $b)| $expected)
                            .collect();
                        let name = stringify!($($op)::+);
                        let expected = vector(&reference, $bits);
                        assert_eq!($($op)::+(left, right), expected, "{name} {left:?}, {right:?}");
                    })*
                }
            }
        }
    };
}

fn mask(condition: bool) -> i128 {
    -i128::from(condition)
}

fn saturate(value: i128, bits: u32, signed: bool) -> i128 {
    let (least, greatest) =
        if signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) };
    value.clamp(least, greatest)
}

binary! { arithmetic_agrees_with_wide_arithmetic:
    i8x16_add 8 signed |a, b| a + b;
    i16x8_add 16 signed |a, b| a + b;
    i32x4_add 32 signed |a, b| a + b;
    i64x2_add 64 signed |a, b| a + b;
    i8x16_sub 8 signed |a, b| a - b;
    i16x8_sub 16 signed |a, b| a - b;
    i32x4_sub 32 signed |a, b| a - b;
    i64x2_sub 64 signed |a, b| a - b;
    i16x8_mul 16 signed |a, b| a * b;
    i32x4_mul 32 signed |a, b| a * b;
    i64x2_mul 64 signed |a, b| a * b;
    i8x16_add_sat_s 8 signed |a, b| saturate(a + b, 8, true);
    i8x16_add_sat_u 8 unsigned |a, b| saturate(a + b, 8, false);
    i16x8_add_sat_s 16 signed |a, b| saturate(a + b, 16, true);
    i16x8_add_sat_u 16 unsigned |a, b| saturate(a + b, 16, false);
    i8x16_sub_sat_s 8 signed |a, b| saturate(a - b, 8, true);
    i8x16_sub_sat_u 8 unsigned |a, b| saturate(a - b, 8, false);
    i16x8_sub_sat_s 16 signed |a, b| saturate(a - b, 16, true);
    i16x8_sub_sat_u 16 unsigned |a, b| saturate(a - b, 16, false);
    i8x16_min_s 8 signed |a, b| a.min(b);
    i8x16_min_u 8 unsigned |a, b| a.min(b);
    i8x16_max_s 8 signed |a, b| a.max(b);
    i8x16_max_u 8 unsigned |a, b| a.max(b);
    i16x8_min_s 16 signed |a, b| a.min(b);
    i16x8_min_u 16 unsigned |a, b| a.min(b);
    i16x8_max_s 16 signed |a, b| a.max(b);
    i16x8_max_u 16 unsigned |a, b| a.max(b);
    i32x4_min_s 32 signed |a, b| a.min(b);
    i32x4_min_u 32 unsigned |a, b| a.min(b);
    i32x4_max_s 32 signed |a, b| a.max(b);
    i32x4_max_u 32 unsigned |a, b| a.max(b);
    i8x16_avgr_u 8 unsigned |a, b| (a + b + 1) / 2;
    i16x8_avgr_u 16 unsigned |a, b| (a + b + 1) / 2;
    i16x8_q15mulr_sat_s 16 signed |a, b| q15(a, b);
    portable::i16x8_q15mulr_sat_s 16 signed |a, b| q15(a, b);
    i16x8_relaxed_q15mulr_s 16 signed |a, b| q15(a, b);
}

fn q15(a: i128, b: i128) -> i128 {
    saturate((a * b + 0x4000).div_euclid(0x8000), 16, true)
}

binary! { comparisons_give_masks:
    i8x16_eq 8 signed |a, b| mask(a == b);
    i8x16_ne 8 signed |a, b| mask(a != b);
    i8x16_lt_s 8 signed |a, b| mask(a < b);
    i8x16_lt_u 8 unsigned |a, b| mask(a < b);
    i8x16_gt_s 8 signed |a, b| mask(a > b);
    i8x16_gt_u 8 unsigned |a, b| mask(a > b);
    i8x16_le_s 8 signed |a, b| mask(a <= b);
    i8x16_le_u 8 unsigned |a, b| mask(a <= b);
    i8x16_ge_s 8 signed |a, b| mask(a >= b);
    i8x16_ge_u 8 unsigned |a, b| mask(a >= b);
    i16x8_eq 16 signed |a, b| mask(a == b);
    i16x8_ne 16 signed |a, b| mask(a != b);
    i16x8_lt_s 16 signed |a, b| mask(a < b);
    i16x8_lt_u 16 unsigned |a, b| mask(a < b);
    i16x8_gt_s 16 signed |a, b| mask(a > b);
    i16x8_gt_u 16 unsigned |a, b| mask(a > b);
    i16x8_le_s 16 signed |a, b| mask(a <= b);
    i16x8_le_u 16 unsigned |a, b| mask(a <= b);
    i16x8_ge_s 16 signed |a, b| mask(a >= b);
    i16x8_ge_u 16 unsigned |a, b| mask(a >= b);
    i32x4_eq 32 signed |a, b| mask(a == b);
    i32x4_ne 32 signed |a, b| mask(a != b);
    i32x4_lt_s 32 signed |a, b| mask(a < b);
    i32x4_lt_u 32 unsigned |a, b| mask(a < b);
    i32x4_gt_s 32 signed |a, b| mask(a > b);
    i32x4_gt_u 32 unsigned |a, b| mask(a > b);
    i32x4_le_s 32 signed |a, b| mask(a <= b);
    i32x4_le_u 32 unsigned |a, b| mask(a <= b);
    i32x4_ge_s 32 signed |a, b| mask(a >= b);
    i32x4_ge_u 32 unsigned |a, b| mask(a >= b);
    i64x2_eq 64 signed |a, b| mask(a == b);
    i64x2_ne 64 signed |a, b| mask(a != b);
    i64x2_lt_s 64 signed |a, b| mask(a < b);
    i64x2_gt_s 64 signed |a, b| mask(a > b);
    i64x2_le_s 64 signed |a, b| mask(a <= b);
    i64x2_ge_s 64 signed |a, b| mask(a >= b);
    portable::i64x2_lt_s 64 signed |a, b| mask(a < b);
    portable::i64x2_gt_s 64 signed |a, b| mask(a > b);
    portable::i64x2_le_s 64 signed |a, b| mask(a <= b);
    portable::i64x2_ge_s 64 signed |a, b| mask(a >= b);
}

binary! { bits_are_combined:
    v128_and 32 signed |a, b| a & b;
    v128_andnot 32 signed |a, b| a & !b;
    v128_or 32 signed |a, b| a | b;
    v128_xor 32 signed |a, b| a ^ b;
}

/// Lines of `name bits signedness result-bits |a, b| reference;`: the reference computes all
/// lanes of the result from all lanes of the operands.
macro_rules! whole {
    ($test:ident: $($($op:ident)::+ $bits:literal $signed:ident $to:literal
        |$a:ident, $b:ident| $expected:expr;)*) => {
        #[test]
        fn $test() {
            let vectors = integer_vectors();
            for &left in &vectors {
                for &right in &vectors {
                    $({
                        let signed = stringify!($signed) == "signed";
                        let ($a, $b) = (lanes(left, $bits, signed), lanes(right, $bits, signed));
                        let expected = vector(&$expected, $to);
                        let name = stringify!($($op)::+);
                        assert_eq!($($op)::+(left, right), expected, "{name} {left:?}, {right:?}");
                    })*
                }
            }
        }
    };
}

fn products(a: &[i128], b: &[i128]) -> Vec<i128> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

fn low(a: Vec<i128>) -> Vec<i128> {
    a[..a.len() / 2].to_vec()
}

fn high(a: Vec<i128>) -> Vec<i128> {
    a[a.len() / 2..].to_vec()
}

fn pair_sums(a: Vec<i128>) -> Vec<i128> {
    a.chunks(2).map(|pair| pair[0] + pair[1]).collect()
}

fn narrowed(a: Vec<i128>, b: Vec<i128>, bits: u32, signed: bool) -> Vec<i128> {
    a.into_iter().chain(b).map(|lane| saturate(lane, bits, signed)).collect()
}

whole! { narrowing_saturates_and_products_are_full:
    i8x16_narrow_i16x8_s 16 signed 8 |a, b| narrowed(a, b, 8, true);
    i8x16_narrow_i16x8_u 16 signed 8 |a, b| narrowed(a, b, 8, false);
    i16x8_narrow_i32x4_s 32 signed 16 |a, b| narrowed(a, b, 16, true);
    i16x8_narrow_i32x4_u 32 signed 16 |a, b| narrowed(a, b, 16, false);
    portable::i16x8_narrow_i32x4_u 32 signed 16 |a, b| narrowed(a, b, 16, false);
    i16x8_extmul_low_i8x16_s 8 signed 16 |a, b| low(products(&a, &b));
    i16x8_extmul_high_i8x16_s 8 signed 16 |a, b| high(products(&a, &b));
    i16x8_extmul_low_i8x16_u 8 unsigned 16 |a, b| low(products(&a, &b));
    i16x8_extmul_high_i8x16_u 8 unsigned 16 |a, b| high(products(&a, &b));
    i32x4_extmul_low_i16x8_s 16 signed 32 |a, b| low(products(&a, &b));
    i32x4_extmul_high_i16x8_s 16 signed 32 |a, b| high(products(&a, &b));
    i32x4_extmul_low_i16x8_u 16 unsigned 32 |a, b| low(products(&a, &b));
    i32x4_extmul_high_i16x8_u 16 unsigned 32 |a, b| high(products(&a, &b));
    i64x2_extmul_low_i32x4_s 32 signed 64 |a, b| low(products(&a, &b));
    portable::i64x2_extmul_low_i32x4_s 32 signed 64 |a, b| low(products(&a, &b));
    i64x2_extmul_high_i32x4_s 32 signed 64 |a, b| high(products(&a, &b));
    portable::i64x2_extmul_high_i32x4_s 32 signed 64 |a, b| high(products(&a, &b));
    i64x2_extmul_low_i32x4_u 32 unsigned 64 |a, b| low(products(&a, &b));
    portable::i64x2_extmul_low_i32x4_u 32 unsigned 64 |a, b| low(products(&a, &b));
    i64x2_extmul_high_i32x4_u 32 unsigned 64 |a, b| high(products(&a, &b));
    portable::i64x2_extmul_high_i32x4_u 32 unsigned 64 |a, b| high(products(&a, &b));
    i32x4_dot_i16x8_s 16 signed 32 |a, b| pair_sums(products(&a, &b));
    portable::i32x4_dot_i16x8_s 16 signed 32 |a, b| pair_sums(products(&a, &b));
    i16x8_relaxed_dot_i8x16_i7x16_s 8 signed 16 |a, b| pair_sums(products(&a, &b));
    portable::i16x8_relaxed_dot_i8x16_i7x16_s 8 signed 16 |a, b| pair_sums(products(&a, &b));
}

/// Lines of `name bits signedness result-bits |a| reference;`, as for `whole`.
macro_rules! unary {
    ($test:ident: $($op:ident $bits:literal $signed:ident $to:literal |$a:ident| $expected:expr;)*) => {
        #[test]
        fn $test() {
            for operand in integer_vectors() {
                $({
                    let $a = lanes(operand, $bits, stringify!($signed) == "signed");
                    let expected = vector(&$expected, $to);
                    assert_eq!($op(operand), expected, "{} {operand:?}", stringify!($op));
                })*
            }
        }
    };
}

fn each(a: Vec<i128>, f: impl Fn(i128) -> i128) -> Vec<i128> {
    a.into_iter().map(f).collect()
}

unary! { one_operand_gives_the_reference:
    v128_not 32 signed 32 |a| each(a, |lane| !lane);
    i8x16_abs 8 signed 8 |a| each(a, i128::abs);
    i16x8_abs 16 signed 16 |a| each(a, i128::abs);
    i32x4_abs 32 signed 32 |a| each(a, i128::abs);
    i64x2_abs 64 signed 64 |a| each(a, i128::abs);
    i8x16_neg 8 signed 8 |a| each(a, |lane| -lane);
    i16x8_neg 16 signed 16 |a| each(a, |lane| -lane);
    i32x4_neg 32 signed 32 |a| each(a, |lane| -lane);
    i64x2_neg 64 signed 64 |a| each(a, |lane| -lane);
    i8x16_popcnt 8 unsigned 8 |a| each(a, |lane| (0..8).map(|bit| lane >> bit & 1).sum());
    i16x8_extend_low_i8x16_s 8 signed 16 |a| low(a);
    i16x8_extend_high_i8x16_s 8 signed 16 |a| high(a);
    i16x8_extend_low_i8x16_u 8 unsigned 16 |a| low(a);
    i16x8_extend_high_i8x16_u 8 unsigned 16 |a| high(a);
    i32x4_extend_low_i16x8_s 16 signed 32 |a| low(a);
    i32x4_extend_high_i16x8_s 16 signed 32 |a| high(a);
    i32x4_extend_low_i16x8_u 16 unsigned 32 |a| low(a);
    i32x4_extend_high_i16x8_u 16 unsigned 32 |a| high(a);
    i64x2_extend_low_i32x4_s 32 signed 64 |a| low(a);
    i64x2_extend_high_i32x4_s 32 signed 64 |a| high(a);
    i64x2_extend_low_i32x4_u 32 unsigned 64 |a| low(a);
    i64x2_extend_high_i32x4_u 32 unsigned 64 |a| high(a);
    i16x8_extadd_pairwise_i8x16_s 8 signed 16 |a| pair_sums(a);
    i16x8_extadd_pairwise_i8x16_u 8 unsigned 16 |a| pair_sums(a);
    i32x4_extadd_pairwise_i16x8_s 16 signed 32 |a| pair_sums(a);
    i32x4_extadd_pairwise_i16x8_u 16 unsigned 32 |a| pair_sums(a);
}

/// Lines of `name bits signedness |lane, count| reference;` with the count taken modulo the width.
macro_rules! shifts {
    ($test:ident: $($($op:ident)::+ $bits:literal $signed:ident |$lane:ident, $count:ident|
        $expected:expr;)*) => {
        #[test]
        fn $test() {
            for operand in integer_vectors() {
                for count in (0..=66).chain([127, 128, 255, 256, 1 << 31, u32::MAX]) {
                    $({
                        let signed = stringify!($signed) == "signed";
                        let $count = count % $bits;
                        let reference = each(lanes(operand, $bits, signed), |$lane| $expected);
                        let name = stringify!($($op)::+);
                        let expected = vector(&reference, $bits);
                        assert_eq!($($op)::+(operand, count), expected, "{name} {operand:?} {count}");
                    })*
                }
            }
        }
    };
}

shifts! { shift_counts_are_taken_modulo_the_width:
    i8x16_shl 8 signed |lane, count| lane << count;
    i8x16_shr_s 8 signed |lane, count| lane >> count;
    i8x16_shr_u 8 unsigned |lane, count| lane >> count;
    i16x8_shl 16 signed |lane, count| lane << count;
    i16x8_shr_s 16 signed |lane, count| lane >> count;
    i16x8_shr_u 16 unsigned |lane, count| lane >> count;
    i32x4_shl 32 signed |lane, count| lane << count;
    i32x4_shr_s 32 signed |lane, count| lane >> count;
    i32x4_shr_u 32 unsigned |lane, count| lane >> count;
    i64x2_shl 64 unsigned |lane, count| lane << count;
    i64x2_shr_s 64 signed |lane, count| lane >> count;
    i64x2_shr_u 64 unsigned |lane, count| lane >> count;
    portable::i64x2_shl 64 unsigned |lane, count| lane << count;
    portable::i64x2_shr_u 64 unsigned |lane, count| lane >> count;
}

macro_rules! summaries {
    ($($all_true:ident $bitmask:ident $bits:literal;)*) => {
        #[test]
        fn tests_and_bitmasks_see_every_lane() {
            let mut vectors = integer_vectors();
            // Each bit alone, and each alone missing.
            vectors.extend((0..128).flat_map(|bit| {
                [V128::from_bits(1 << bit), V128::from_bits(!(1 << bit))]
            }));
            // Each byte alone zero.
            vectors.extend((0..16).map(|byte| V128::from_bits(!(0xff << (8 * byte)))));
            vectors.extend([0x0101, 0x0001_0001, 0x0100_0000_0001].map(V128::from_bits));
            for a in vectors {
                assert_eq!(v128_any_true(a), a != V128::default(), "{a:?}");
                $({
                    let lanes = lanes(a, $bits, true);
                    let all = lanes.iter().all(|&lane| lane != 0);
                    assert_eq!($all_true(a), all, "{} {a:?}", stringify!($all_true));
                    let mut mask = 0_u32;
                    for (index, &lane) in lanes.iter().enumerate() {
                        mask |= u32::from(lane < 0) << index;
                    }
                    assert_eq!($bitmask(a), mask, "{} {a:?}", stringify!($bitmask));
                    assert_eq!(portable::$bitmask(a), mask, "portable {a:?}");
                    #[cfg(target_arch = "x86_64")]
                    assert_eq!(x86_64::$bitmask(a), mask, "x86-64 {a:?}");
                })*
            }
        }
    };
}

summaries! {
    i8x16_all_true i8x16_bitmask 8;
    i16x8_all_true i16x8_bitmask 16;
    i32x4_all_true i32x4_bitmask 32;
    i64x2_all_true i64x2_bitmask 64;
}

#[test]
fn three_operands_select_and_accumulate() {
    let vectors = integer_vectors();
    for &a in &vectors {
        for &b in &vectors {
            for &c in vectors.iter().step_by(5) {
                let selected = V128::from_bits((0..128).fold(0, |bits, bit| {
                    let from = if c.to_bits() >> bit & 1 == 1 { a } else { b };
                    bits | (from.to_bits() >> bit & 1) << bit
                }));
                assert_eq!(v128_bitselect(a, b, c), selected, "{a:?} {b:?} {c:?}");
                assert_eq!(i8x16_relaxed_laneselect(a, b, c), selected);
                assert_eq!(i16x8_relaxed_laneselect(a, b, c), selected);
                assert_eq!(i32x4_relaxed_laneselect(a, b, c), selected);
                assert_eq!(i64x2_relaxed_laneselect(a, b, c), selected);

                let pairs =
                    vector(&pair_sums(products(&lanes(a, 8, true), &lanes(b, 8, true))), 16);
                let sums = pair_sums(lanes(pairs, 16, true));
                let sums: Vec<_> =
                    sums.iter().zip(lanes(c, 32, true)).map(|(sum, c)| sum + c).collect();
                let expected = vector(&sums, 32);
                assert_eq!(i32x4_relaxed_dot_i8x16_i7x16_add_s(a, b, c), expected, "{a:?} {b:?}");
                assert_eq!(portable::i32x4_relaxed_dot_i8x16_i7x16_add_s(a, b, c), expected);
            }
        }
    }
}
