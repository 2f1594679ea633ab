//! Integer lanes, and instructions that see no lanes.

use super::integer_ops;
use crate::sem::V128;
use crate::sem::simd::irregular::x86_64::{ToV128, integers, not};
use safe_arch::*;

/// 0 in every lane.
#[inline(always)]
fn zero() -> m128i {
    zeroed_m128i()
}

/// `a` where the mask is set, else `b`.
#[inline(always)]
fn blend(mask: m128i, a: m128i, b: m128i) -> m128i {
    bitor_m128i(bitand_m128i(mask, a), bitandnot_m128i(mask, b))
}

/// All ones in each negative lane of 64 bits.
#[inline(always)]
fn negative_i64(a: m128i) -> m128i {
    shuffle_ai_f32_all_m128i::<0b11_11_01_01>(shr_imm_i32_m128i::<31>(a))
}

/// Inverts the lanes' highest bits, which maps unsigned order to signed order.
#[inline(always)]
fn biased(a: m128i) -> m128i {
    bitxor_m128i(a, set_splat_i32_m128i(i32::MIN))
}

/// `a > b`, unsigned.
#[inline(always)]
fn greater_u32(a: m128i, b: m128i) -> m128i {
    cmp_gt_mask_i32_m128i(biased(a), biased(b))
}

/// `a <= b`, unsigned.
#[inline(always)]
fn at_most_u8(a: m128i, b: m128i) -> m128i {
    cmp_eq_mask_i8_m128i(min_u8_m128i(a, b), a)
}

/// `a <= b`, unsigned: the saturating difference is 0.
#[inline(always)]
fn at_most_u16(a: m128i, b: m128i) -> m128i {
    cmp_eq_mask_i16_m128i(sub_saturating_u16_m128i(a, b), zero())
}

/// `a == b`, where both halves of each lane are.
#[inline(always)]
fn equal_i64(a: m128i, b: m128i) -> m128i {
    let halves = cmp_eq_mask_i32_m128i(a, b);
    bitand_m128i(halves, shuffle_ai_f32_all_m128i::<0b10_11_00_01>(halves))
}

/// The bits of each byte that `mask` has.
#[inline(always)]
fn pairs_of_bits(a: m128i, mask: i8) -> m128i {
    bitand_m128i(a, set_splat_i8_m128i(mask))
}

integer_ops! {
    i8x16_abs(a) = min_u8_m128i(a, sub_i8_m128i(zero(), a));
    i16x8_abs(a) = max_i16_m128i(a, sub_i16_m128i(zero(), a));
    i32x4_abs(a) = {
        let sign = shr_imm_i32_m128i::<31>(a);
        sub_i32_m128i(bitxor_m128i(a, sign), sign)
    };
    i64x2_abs(a) = {
        let sign = negative_i64(a);
        sub_i64_m128i(bitxor_m128i(a, sign), sign)
    };
    i8x16_neg(a) = sub_i8_m128i(zero(), a);
    i16x8_neg(a) = sub_i16_m128i(zero(), a);
    i32x4_neg(a) = sub_i32_m128i(zero(), a);
    i64x2_neg(a) = sub_i64_m128i(zero(), a);
    // Counts of two, four and eight bits. (H. S. Warren, Hacker's Delight, section 5-1.)
    i8x16_popcnt(a) = {
        let a = sub_i8_m128i(a, pairs_of_bits(shr_imm_u16_m128i::<1>(a), 0x55));
        let high = pairs_of_bits(shr_imm_u16_m128i::<2>(a), 0x33);
        let a = add_i8_m128i(pairs_of_bits(a, 0x33), high);
        pairs_of_bits(add_i8_m128i(a, shr_imm_u16_m128i::<4>(a)), 0x0f)
    };

    i8x16_add(a, b) = add_i8_m128i(a, b);
    i16x8_add(a, b) = add_i16_m128i(a, b);
    i32x4_add(a, b) = add_i32_m128i(a, b);
    i64x2_add(a, b) = add_i64_m128i(a, b);
    i8x16_sub(a, b) = sub_i8_m128i(a, b);
    i16x8_sub(a, b) = sub_i16_m128i(a, b);
    i32x4_sub(a, b) = sub_i32_m128i(a, b);
    i64x2_sub(a, b) = sub_i64_m128i(a, b);
    i16x8_mul(a, b) = mul_i16_keep_low_m128i(a, b);
    // The lanes of even number, then those of odd number, each in 64 bits.
    i32x4_mul(a, b) = {
        let even = mul_widen_u32_odd_m128i(a, b);
        let (a, b) = (shr_imm_u64_m128i::<32>(a), shr_imm_u64_m128i::<32>(b));
        let odd = mul_widen_u32_odd_m128i(a, b);
        unpack_low_i32_m128i(
            shuffle_ai_f32_all_m128i::<0b00_00_10_00>(even),
            shuffle_ai_f32_all_m128i::<0b00_00_10_00>(odd),
        )
    };
    // The cross products of the halves only reach the high half.
    i64x2_mul(a, b) = {
        let one = mul_widen_u32_odd_m128i(shr_imm_u64_m128i::<32>(a), b);
        let other = mul_widen_u32_odd_m128i(a, shr_imm_u64_m128i::<32>(b));
        let cross = shl_imm_u64_m128i::<32>(add_i64_m128i(one, other));
        add_i64_m128i(mul_widen_u32_odd_m128i(a, b), cross)
    };
    i8x16_add_sat_s(a, b) = add_saturating_i8_m128i(a, b);
    i16x8_add_sat_s(a, b) = add_saturating_i16_m128i(a, b);
    i8x16_add_sat_u(a, b) = add_saturating_u8_m128i(a, b);
    i16x8_add_sat_u(a, b) = add_saturating_u16_m128i(a, b);
    i8x16_sub_sat_s(a, b) = sub_saturating_i8_m128i(a, b);
    i16x8_sub_sat_s(a, b) = sub_saturating_i16_m128i(a, b);
    i8x16_sub_sat_u(a, b) = sub_saturating_u8_m128i(a, b);
    i16x8_sub_sat_u(a, b) = sub_saturating_u16_m128i(a, b);
    i8x16_min_s(a, b) = blend(cmp_gt_mask_i8_m128i(b, a), a, b);
    i16x8_min_s(a, b) = min_i16_m128i(a, b);
    i32x4_min_s(a, b) = blend(cmp_gt_mask_i32_m128i(b, a), a, b);
    i8x16_min_u(a, b) = min_u8_m128i(a, b);
    i16x8_min_u(a, b) = sub_i16_m128i(a, sub_saturating_u16_m128i(a, b));
    i32x4_min_u(a, b) = blend(greater_u32(b, a), a, b);
    i8x16_max_s(a, b) = blend(cmp_gt_mask_i8_m128i(a, b), a, b);
    i16x8_max_s(a, b) = max_i16_m128i(a, b);
    i32x4_max_s(a, b) = blend(cmp_gt_mask_i32_m128i(a, b), a, b);
    i8x16_max_u(a, b) = max_u8_m128i(a, b);
    i16x8_max_u(a, b) = add_i16_m128i(b, sub_saturating_u16_m128i(a, b));
    i32x4_max_u(a, b) = blend(greater_u32(a, b), a, b);
    i8x16_avgr_u(a, b) = average_u8_m128i(a, b);
    i16x8_avgr_u(a, b) = average_u16_m128i(a, b);

    i8x16_eq(a, b) = cmp_eq_mask_i8_m128i(a, b);
    i16x8_eq(a, b) = cmp_eq_mask_i16_m128i(a, b);
    i32x4_eq(a, b) = cmp_eq_mask_i32_m128i(a, b);
    i64x2_eq(a, b) = equal_i64(a, b);
    i8x16_ne(a, b) = not(cmp_eq_mask_i8_m128i(a, b));
    i16x8_ne(a, b) = not(cmp_eq_mask_i16_m128i(a, b));
    i32x4_ne(a, b) = not(cmp_eq_mask_i32_m128i(a, b));
    i64x2_ne(a, b) = not(equal_i64(a, b));
    i8x16_lt_s(a, b) = cmp_gt_mask_i8_m128i(b, a);
    i16x8_lt_s(a, b) = cmp_gt_mask_i16_m128i(b, a);
    i32x4_lt_s(a, b) = cmp_gt_mask_i32_m128i(b, a);
    i8x16_gt_s(a, b) = cmp_gt_mask_i8_m128i(a, b);
    i16x8_gt_s(a, b) = cmp_gt_mask_i16_m128i(a, b);
    i32x4_gt_s(a, b) = cmp_gt_mask_i32_m128i(a, b);
    i8x16_le_s(a, b) = not(cmp_gt_mask_i8_m128i(a, b));
    i16x8_le_s(a, b) = not(cmp_gt_mask_i16_m128i(a, b));
    i32x4_le_s(a, b) = not(cmp_gt_mask_i32_m128i(a, b));
    i8x16_ge_s(a, b) = not(cmp_gt_mask_i8_m128i(b, a));
    i16x8_ge_s(a, b) = not(cmp_gt_mask_i16_m128i(b, a));
    i32x4_ge_s(a, b) = not(cmp_gt_mask_i32_m128i(b, a));
    i8x16_lt_u(a, b) = not(at_most_u8(b, a));
    i16x8_lt_u(a, b) = not(at_most_u16(b, a));
    i32x4_lt_u(a, b) = greater_u32(b, a);
    i8x16_gt_u(a, b) = not(at_most_u8(a, b));
    i16x8_gt_u(a, b) = not(at_most_u16(a, b));
    i32x4_gt_u(a, b) = greater_u32(a, b);
    i8x16_le_u(a, b) = at_most_u8(a, b);
    i16x8_le_u(a, b) = at_most_u16(a, b);
    i32x4_le_u(a, b) = not(greater_u32(a, b));
    i8x16_ge_u(a, b) = at_most_u8(b, a);
    i16x8_ge_u(a, b) = at_most_u16(b, a);
    i32x4_ge_u(a, b) = not(greater_u32(b, a));

    v128_not(a) = not(a);
    v128_and(a, b) = bitand_m128i(a, b);
    v128_andnot(a, b) = bitandnot_m128i(b, a);
    v128_or(a, b) = bitor_m128i(a, b);
    v128_xor(a, b) = bitxor_m128i(a, b);
    v128_bitselect(a, b, mask) = blend(mask, a, b);
}

/// One line per instruction: the lanes' width less one, and what is done by a count below it, which
/// is in the low 64 bits of a vector.
macro_rules! shifts {
    ($($name:ident $most:literal ($a:ident, $count:ident) = $body:expr;)*) => {
        $(
            #[doc = concat!("See the lane-wise form of `", stringify!($name), "`.")]
            #[inline(always)]
            #[must_use]
            pub fn $name($a: V128, count: u32) -> V128 {
                let $a = integers($a);
                let $count = set_i32_m128i_s((count & $most).cast_signed());
                $body.vector()
            }
        )*
    };
}

/// The bytes of even number; the others are 0.
#[inline(always)]
fn low_bytes(a: m128i) -> m128i {
    bitand_m128i(a, set_splat_i16_m128i(0xff))
}

shifts! {
    // Lanes of 16 bits, with the bits that cross from byte to byte masked out before or after.
    i8x16_shl 7 (a, count) = {
        let odd = shl_all_u16_m128i(bitandnot_m128i(set_splat_i16_m128i(0xff), a), count);
        bitor_m128i(odd, low_bytes(shl_all_u16_m128i(a, count)))
    };
    i8x16_shr_u 7 (a, count) = {
        let odd = bitandnot_m128i(set_splat_i16_m128i(0xff), shr_all_u16_m128i(a, count));
        bitor_m128i(odd, shr_all_u16_m128i(low_bytes(a), count))
    };
    i8x16_shr_s 7 (a, count) = {
        let odd = bitandnot_m128i(set_splat_i16_m128i(0xff), shr_all_i16_m128i(a, count));
        let even = shr_imm_i16_m128i::<8>(shl_imm_u16_m128i::<8>(a));
        bitor_m128i(odd, low_bytes(shr_all_i16_m128i(even, count)))
    };
    i16x8_shl 15 (a, count) = shl_all_u16_m128i(a, count);
    i16x8_shr_s 15 (a, count) = shr_all_i16_m128i(a, count);
    i16x8_shr_u 15 (a, count) = shr_all_u16_m128i(a, count);
    i32x4_shl 31 (a, count) = shl_all_u32_m128i(a, count);
    i32x4_shr_s 31 (a, count) = shr_all_i32_m128i(a, count);
    i32x4_shr_u 31 (a, count) = shr_all_u32_m128i(a, count);
    // The sign is extended from where the shift has moved it to.
    i64x2_shr_s 63 (a, count) = {
        let sign = shr_all_u64_m128i(set_splat_i64_m128i(i64::MIN), count);
        sub_i64_m128i(bitxor_m128i(shr_all_u64_m128i(a, count), sign), sign)
    };
}

/// Whether any bit is set.
#[inline(always)]
#[must_use]
pub fn v128_any_true(a: V128) -> bool {
    move_mask_i8_m128i(cmp_eq_mask_i8_m128i(integers(a), zero())) != 0xffff
}

/// One line per width: whether no lane equals zero.
macro_rules! tests_of_all {
    ($($name:ident $equal:ident;)*) => {
        $(
            /// Whether every lane is other than zero.
            #[inline(always)]
            #[must_use]
            pub fn $name(a: V128) -> bool {
                move_mask_i8_m128i($equal(integers(a), zero())) == 0
            }
        )*
    };
}

tests_of_all! {
    i8x16_all_true cmp_eq_mask_i8_m128i;
    i16x8_all_true cmp_eq_mask_i16_m128i;
    i32x4_all_true cmp_eq_mask_i32_m128i;
    i64x2_all_true equal_i64;
}
