//! The forms out of SSE2 instructions, the baseline of x86-64. With SSSE3 enabled at compile
//! time, bytes are moved by its table look-up.

use crate::sem::V128;
use safe_arch::*;

/// The vector as the instructions for integers see it.
#[inline(always)]
pub(in crate::sem) fn integers(a: V128) -> m128i {
    m128i::from(a.0)
}

/// The vector as the instructions for `f32` see it.
#[inline(always)]
pub(in crate::sem) fn singles(a: V128) -> m128 {
    cast_to_m128_from_m128i(integers(a))
}

/// The vector as the instructions for `f64` see it.
#[inline(always)]
pub(in crate::sem) fn doubles(a: V128) -> m128d {
    cast_to_m128d_from_m128i(integers(a))
}

/// The way back.
pub(in crate::sem) trait ToV128 {
    fn vector(self) -> V128;
}

impl ToV128 for m128i {
    #[inline(always)]
    fn vector(self) -> V128 {
        V128(self.into())
    }
}

impl ToV128 for m128 {
    #[inline(always)]
    fn vector(self) -> V128 {
        cast_to_m128i_from_m128(self).vector()
    }
}

impl ToV128 for m128d {
    #[inline(always)]
    fn vector(self) -> V128 {
        cast_to_m128i_from_m128d(self).vector()
    }
}

#[inline(always)]
pub(in crate::sem) fn i8x16_bitmask(a: V128) -> u32 {
    move_mask_i8_m128i(integers(a)).cast_unsigned()
}

#[inline(always)]
pub(in crate::sem) fn i16x8_bitmask(a: V128) -> u32 {
    // Saturation keeps the sign.
    move_mask_i8_m128i(pack_i16_to_i8_m128i(integers(a), zeroed_m128i())).cast_unsigned()
}

#[inline(always)]
pub(in crate::sem) fn i32x4_bitmask(a: V128) -> u32 {
    move_mask_m128(singles(a)).cast_unsigned()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_bitmask(a: V128) -> u32 {
    move_mask_m128d(doubles(a)).cast_unsigned()
}

/// `a > b`. The high halves decide; where they are equal, the high half of `b - a` is the borrow
/// of the low halves. Then each high half's answer is copied to the low.
#[inline(always)]
fn greater(a: m128i, b: m128i) -> m128i {
    let borrow = bitand_m128i(cmp_eq_mask_i32_m128i(a, b), sub_i64_m128i(b, a));
    let decided = bitor_m128i(cmp_gt_mask_i32_m128i(a, b), borrow);
    shuffle_ai_f32_all_m128i::<0b11_11_01_01>(decided)
}

#[inline(always)]
pub(in crate::sem) fn not(a: m128i) -> m128i {
    bitxor_m128i(a, set_splat_i32_m128i(-1))
}

#[inline(always)]
pub(in crate::sem) fn i64x2_lt_s(a: V128, b: V128) -> V128 {
    greater(integers(b), integers(a)).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_gt_s(a: V128, b: V128) -> V128 {
    greater(integers(a), integers(b)).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_le_s(a: V128, b: V128) -> V128 {
    not(greater(integers(a), integers(b))).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_ge_s(a: V128, b: V128) -> V128 {
    not(greater(integers(b), integers(a))).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_shl(a: V128, count: u32) -> V128 {
    shl_all_u64_m128i(integers(a), set_i32_m128i_s((count & 63).cast_signed())).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_shr_u(a: V128, count: u32) -> V128 {
    shr_all_u64_m128i(integers(a), set_i32_m128i_s((count & 63).cast_signed())).vector()
}

/// There is saturation of signed 32 bits to signed 16 only: after negative lanes are made zero,
/// the unsigned range is moved onto the signed one and back.
#[inline(always)]
pub(in crate::sem) fn i16x8_narrow_i32x4_u(a: V128, b: V128) -> V128 {
    let moved = |a: m128i| {
        let not_negative = bitandnot_m128i(shr_imm_i32_m128i::<31>(a), a);
        sub_i32_m128i(not_negative, set_splat_i32_m128i(0x8000))
    };
    let packed = pack_i32_to_i16_m128i(moved(integers(a)), moved(integers(b)));
    bitxor_m128i(packed, set_splat_i16_m128i(i16::MIN)).vector()
}

#[inline(always)]
fn low(loaded: u64) -> m128i {
    set_i64_m128i_s(loaded.cast_signed())
}

// Zero extension interleaves with zeros; sign extension interleaves with itself, which puts each
// lane in the high half of one twice as wide, and shifts down.

#[inline(always)]
pub(in crate::sem) fn v128_load8x8_s(loaded: u64) -> V128 {
    shr_imm_i16_m128i::<8>(unpack_low_i8_m128i(low(loaded), low(loaded))).vector()
}

#[inline(always)]
pub(in crate::sem) fn v128_load8x8_u(loaded: u64) -> V128 {
    unpack_low_i8_m128i(low(loaded), zeroed_m128i()).vector()
}

#[inline(always)]
pub(in crate::sem) fn v128_load16x4_s(loaded: u64) -> V128 {
    shr_imm_i32_m128i::<16>(unpack_low_i16_m128i(low(loaded), low(loaded))).vector()
}

#[inline(always)]
pub(in crate::sem) fn v128_load16x4_u(loaded: u64) -> V128 {
    unpack_low_i16_m128i(low(loaded), zeroed_m128i()).vector()
}

#[inline(always)]
pub(in crate::sem) fn v128_load32x2_s(loaded: u64) -> V128 {
    let signs = shr_imm_i32_m128i::<31>(low(loaded));
    unpack_low_i32_m128i(low(loaded), signs).vector()
}

#[inline(always)]
pub(in crate::sem) fn v128_load32x2_u(loaded: u64) -> V128 {
    unpack_low_i32_m128i(low(loaded), zeroed_m128i()).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_extmul_low_i32x4_u(a: V128, b: V128) -> V128 {
    mul_widen_u32_odd_m128i(low_pairs(a), low_pairs(b)).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_extmul_high_i32x4_u(a: V128, b: V128) -> V128 {
    mul_widen_u32_odd_m128i(high_pairs(a), high_pairs(b)).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_extmul_low_i32x4_s(a: V128, b: V128) -> V128 {
    signed_products(low_pairs(a), low_pairs(b)).vector()
}

#[inline(always)]
pub(in crate::sem) fn i64x2_extmul_high_i32x4_s(a: V128, b: V128) -> V128 {
    signed_products(high_pairs(a), high_pairs(b)).vector()
}

/// Each lane of the low half twice.
#[inline(always)]
fn low_pairs(a: V128) -> m128i {
    unpack_low_i32_m128i(integers(a), integers(a))
}

/// Each lane of the high half twice.
#[inline(always)]
fn high_pairs(a: V128) -> m128i {
    unpack_high_i32_m128i(integers(a), integers(a))
}

/// Only unsigned lanes can be multiplied. Taken for unsigned, a negative factor is 2^32 too great, and
/// the product by the other factor in its high half.
#[inline(always)]
fn signed_products(a: m128i, b: m128i) -> m128i {
    let excess = |a: m128i, b: m128i| bitand_m128i(shr_imm_i32_m128i::<31>(a), b);
    let excess = shl_imm_u64_m128i::<32>(add_i32_m128i(excess(a, b), excess(b, a)));
    sub_i64_m128i(mul_widen_u32_odd_m128i(a, b), excess)
}

#[inline(always)]
pub(in crate::sem) fn i32x4_dot_i16x8_s(a: V128, b: V128) -> V128 {
    mul_i16_horizontal_add_m128i(integers(a), integers(b)).vector()
}

#[inline(always)]
pub(in crate::sem) fn i16x8_relaxed_dot_i8x16_i7x16_s(a: V128, b: V128) -> V128 {
    dot_of_bytes(a, b).vector()
}

#[inline(always)]
pub(in crate::sem) fn i32x4_relaxed_dot_i8x16_i7x16_add_s(a: V128, b: V128, c: V128) -> V128 {
    let pairs = mul_i16_horizontal_add_m128i(dot_of_bytes(a, b), set_splat_i16_m128i(1));
    add_i32_m128i(pairs, integers(c)).vector()
}

/// The sums of the signed products of neighbouring bytes: those of odd number and, shifted up,
/// those of even number, are sign-extended in place.
#[inline(always)]
fn dot_of_bytes(a: V128, b: V128) -> m128i {
    let odd = |a: m128i| shr_imm_i16_m128i::<8>(a);
    let even = |a: m128i| odd(shl_imm_u16_m128i::<8>(a));
    let (a, b) = (integers(a), integers(b));
    add_i16_m128i(mul_i16_keep_low_m128i(odd(a), odd(b)), mul_i16_keep_low_m128i(even(a), even(b)))
}

#[inline(always)]
pub(in crate::sem) fn i16x8_q15mulr_sat_s(a: V128, b: V128) -> V128 {
    let (a, b) = (integers(a), integers(b));
    let (low, high) = (mul_i16_keep_low_m128i(a, b), mul_i16_keep_high_m128i(a, b));
    let rounded = |a: m128i| shr_imm_i32_m128i::<15>(add_i32_m128i(a, set_splat_i32_m128i(0x4000)));
    let first = rounded(unpack_low_i16_m128i(low, high));
    let second = rounded(unpack_high_i16_m128i(low, high));
    pack_i32_to_i16_m128i(first, second).vector()
}

// `min` and `max` instructions give their second operand if the lanes are NaN or zeros. Doing
// them both ways round brings both operands' bits into play; NaN lanes become canonical at the
// end.

#[inline(always)]
pub(in crate::sem) fn f32x4_min(a: V128, b: V128) -> V128 {
    let (a, b) = (singles(a), singles(b));
    // Either sign bit makes a zero negative, either NaN makes all of the exponent ones.
    let min = bitor_m128(min_m128(a, b), min_m128(b, a));
    canonical_singles(bitor_m128(min, cmp_unord_mask_m128(min, min)))
}

#[inline(always)]
pub(in crate::sem) fn f32x4_max(a: V128, b: V128) -> V128 {
    let (a, b) = (singles(a), singles(b));
    let max = max_m128(a, b);
    // The sign bit for zeros of both signs, none for other numbers: -0 - -0 is +0.
    let difference = bitxor_m128(max, max_m128(b, a));
    canonical_singles(sub_m128(bitor_m128(max, difference), difference))
}

/// `a`, whose NaNs are quiet, with all but their exponent, quiet and sign bits cleared.
#[inline(always)]
fn canonical_singles(a: m128) -> V128 {
    let nans = cast_to_m128i_from_m128(cmp_unord_mask_m128(a, a));
    bitandnot_m128i(shr_imm_u32_m128i::<10>(nans), cast_to_m128i_from_m128(a)).vector()
}

#[inline(always)]
pub(in crate::sem) fn f64x2_min(a: V128, b: V128) -> V128 {
    let (a, b) = (doubles(a), doubles(b));
    let min = bitor_m128d(min_m128d(a, b), min_m128d(b, a));
    canonical_doubles(bitor_m128d(min, cmp_unord_mask_m128d(min, min)))
}

#[inline(always)]
pub(in crate::sem) fn f64x2_max(a: V128, b: V128) -> V128 {
    let (a, b) = (doubles(a), doubles(b));
    let max = max_m128d(a, b);
    let difference = bitxor_m128d(max, max_m128d(b, a));
    canonical_doubles(sub_m128d(bitor_m128d(max, difference), difference))
}

/// As [`canonical_singles`].
#[inline(always)]
fn canonical_doubles(a: m128d) -> V128 {
    let nans = cast_to_m128i_from_m128d(cmp_unord_mask_m128d(a, a));
    bitandnot_m128i(shr_imm_u64_m128i::<13>(nans), cast_to_m128i_from_m128d(a)).vector()
}

// Truncating instructions answer the least integer for NaN and whatever is out of range.

#[inline(always)]
pub(in crate::sem) fn i32x4_trunc_sat_f32x4_s(a: V128) -> V128 {
    let a = singles(a);
    let answer = truncate_m128_to_m128i(a);
    // Inverting all bits of the least integer gives the greatest.
    let above = cast_to_m128i_from_m128(cmp_ge_mask_m128(a, set_splat_m128(TWO_31)));
    let number = cast_to_m128i_from_m128(cmp_ordered_mask_m128(a, a));
    bitand_m128i(bitxor_m128i(answer, above), number).vector()
}

/// What exceeds 2^31 is truncated apart and added to the answer for the whole, which is then
/// just 2^31.
#[inline(always)]
pub(in crate::sem) fn i32x4_trunc_sat_f32x4_u(a: V128) -> V128 {
    // This order of operands makes NaN zero.
    let a = max_m128(singles(a), zeroed_m128());
    let excess = max_m128(sub_m128(a, set_splat_m128(TWO_31)), zeroed_m128());
    let above = cast_to_m128i_from_m128(cmp_ge_mask_m128(excess, set_splat_m128(TWO_31)));
    let excess = bitxor_m128i(truncate_m128_to_m128i(excess), above);
    add_i32_m128i(truncate_m128_to_m128i(a), excess).vector()
}

#[inline(always)]
pub(in crate::sem) fn i32x4_trunc_sat_f64x2_s_zero(a: V128) -> V128 {
    let a = doubles(a);
    let number = bitand_m128d(a, cmp_ordered_mask_m128d(a, a));
    truncate_m128d_to_m128i(min_m128d(number, set_splat_m128d(2_147_483_647.0))).vector()
}

/// As for `f32`, except that the greatest integer is a float.
#[inline(always)]
pub(in crate::sem) fn i32x4_trunc_sat_f64x2_u_zero(a: V128) -> V128 {
    let a = max_m128d(doubles(a), zeroed_m128d());
    let a = min_m128d(a, set_splat_m128d(4_294_967_295.0));
    let excess = max_m128d(sub_m128d(a, set_splat_m128d(TWO_31.into())), zeroed_m128d());
    add_i32_m128i(truncate_m128d_to_m128i(a), truncate_m128d_to_m128i(excess)).vector()
}

/// 2^31.
const TWO_31: f32 = 2_147_483_648.0;

#[cfg(target_feature = "ssse3")]
#[inline(always)]
pub(in crate::sem) fn i8x16_swizzle(a: V128, indices: V128) -> V128 {
    // The look-up gives 0 where the index's highest bit is set, as this sets it from 16 on.
    let indices = add_saturating_u8_m128i(integers(indices), set_splat_i8_m128i(0x70));
    shuffle_av_i8z_all_m128i(integers(a), indices).vector()
}

#[cfg(target_feature = "ssse3")]
#[inline(always)]
pub(in crate::sem) fn i8x16_shuffle(a: V128, b: V128, lanes: [u8; 16]) -> V128 {
    let lanes = bitand_m128i(m128i::from(lanes), set_splat_i8_m128i(31));
    let from_a = i8x16_swizzle(a, lanes.vector());
    let from_b = i8x16_swizzle(b, sub_i8_m128i(lanes, set_splat_i8_m128i(16)).vector());
    bitor_m128i(integers(from_a), integers(from_b)).vector()
}

#[cfg(not(target_feature = "ssse3"))]
#[inline(always)]
pub(in crate::sem) fn i8x16_swizzle(a: V128, indices: V128) -> V128 {
    let indices = min_u8_m128i(integers(indices), set_splat_i8_m128i(16));
    look_up(a, V128::default(), indices)
}

#[cfg(not(target_feature = "ssse3"))]
#[inline(always)]
pub(in crate::sem) fn i8x16_shuffle(a: V128, b: V128, lanes: [u8; 16]) -> V128 {
    look_up(a, b, bitand_m128i(m128i::from(lanes), set_splat_i8_m128i(31)))
}

/// The bytes with the given numbers, which are below 32, of those of `a` and then `b`; two at a
/// time, as there is an instruction to insert a lane of 16 bits but none for 8.
#[cfg(not(target_feature = "ssse3"))]
#[inline(always)]
fn look_up(a: V128, b: V128, indices: m128i) -> V128 {
    let mut table = [0; 32];
    table[..16].copy_from_slice(&a.0);
    table[16..].copy_from_slice(&b.0);
    let byte = |index: i32| i32::from(table[index as usize % 32]);
    let mut result = zeroed_m128i();
    macro_rules! lanes {
        ($($lane:literal)*) => {
            $(
                let two = extract_i16_as_i32_m128i::<$lane>(indices);
                let pair = byte(two) | byte(two >> 8) << 8;
                result = insert_i16_from_i32_m128i::<$lane>(result, pair);
            )*
        };
    }
    lanes! { 0 1 2 3 4 5 6 7 }
    result.vector()
}
