//! Instructions whose operands' and results' lanes differ in width.

use super::integer_ops;
use crate::sem::V128;
use crate::sem::simd::irregular::x86_64::{ToV128, integers};
use safe_arch::*;

// Zero extension interleaves with zeros; sign extension interleaves with itself, which puts each
// lane in the high half of one twice as wide, and shifts down.

#[inline(always)]
fn low_i8(a: m128i) -> m128i {
    shr_imm_i16_m128i::<8>(unpack_low_i8_m128i(a, a))
}

#[inline(always)]
fn high_i8(a: m128i) -> m128i {
    shr_imm_i16_m128i::<8>(unpack_high_i8_m128i(a, a))
}

#[inline(always)]
fn low_u8(a: m128i) -> m128i {
    unpack_low_i8_m128i(a, zeroed_m128i())
}

#[inline(always)]
fn high_u8(a: m128i) -> m128i {
    unpack_high_i8_m128i(a, zeroed_m128i())
}

#[inline(always)]
fn sign_i32(a: m128i) -> m128i {
    shr_imm_i32_m128i::<31>(a)
}

integer_ops! {
    i8x16_narrow_i16x8_s(a, b) = pack_i16_to_i8_m128i(a, b);
    i8x16_narrow_i16x8_u(a, b) = pack_i16_to_u8_m128i(a, b);
    i16x8_narrow_i32x4_s(a, b) = pack_i32_to_i16_m128i(a, b);

    i16x8_extend_low_i8x16_s(a) = low_i8(a);
    i16x8_extend_high_i8x16_s(a) = high_i8(a);
    i16x8_extend_low_i8x16_u(a) = low_u8(a);
    i16x8_extend_high_i8x16_u(a) = high_u8(a);
    i32x4_extend_low_i16x8_s(a) = shr_imm_i32_m128i::<16>(unpack_low_i16_m128i(a, a));
    i32x4_extend_high_i16x8_s(a) = shr_imm_i32_m128i::<16>(unpack_high_i16_m128i(a, a));
    i32x4_extend_low_i16x8_u(a) = unpack_low_i16_m128i(a, zeroed_m128i());
    i32x4_extend_high_i16x8_u(a) = unpack_high_i16_m128i(a, zeroed_m128i());
    i64x2_extend_low_i32x4_s(a) = unpack_low_i32_m128i(a, sign_i32(a));
    i64x2_extend_high_i32x4_s(a) = unpack_high_i32_m128i(a, sign_i32(a));
    i64x2_extend_low_i32x4_u(a) = unpack_low_i32_m128i(a, zeroed_m128i());
    i64x2_extend_high_i32x4_u(a) = unpack_high_i32_m128i(a, zeroed_m128i());

    i16x8_extmul_low_i8x16_s(a, b) = mul_i16_keep_low_m128i(low_i8(a), low_i8(b));
    i16x8_extmul_high_i8x16_s(a, b) = mul_i16_keep_low_m128i(high_i8(a), high_i8(b));
    i16x8_extmul_low_i8x16_u(a, b) = mul_i16_keep_low_m128i(low_u8(a), low_u8(b));
    i16x8_extmul_high_i8x16_u(a, b) = mul_i16_keep_low_m128i(high_u8(a), high_u8(b));
    // The products' halves come apart.
    i32x4_extmul_low_i16x8_s(a, b) =
        unpack_low_i16_m128i(mul_i16_keep_low_m128i(a, b), mul_i16_keep_high_m128i(a, b));
    i32x4_extmul_high_i16x8_s(a, b) =
        unpack_high_i16_m128i(mul_i16_keep_low_m128i(a, b), mul_i16_keep_high_m128i(a, b));
    i32x4_extmul_low_i16x8_u(a, b) =
        unpack_low_i16_m128i(mul_i16_keep_low_m128i(a, b), mul_u16_keep_high_m128i(a, b));
    i32x4_extmul_high_i16x8_u(a, b) =
        unpack_high_i16_m128i(mul_i16_keep_low_m128i(a, b), mul_u16_keep_high_m128i(a, b));

    i16x8_extadd_pairwise_i8x16_s(a) = {
        let even = shr_imm_i16_m128i::<8>(shl_imm_u16_m128i::<8>(a));
        add_i16_m128i(even, shr_imm_i16_m128i::<8>(a))
    };
    i16x8_extadd_pairwise_i8x16_u(a) = {
        let even = bitand_m128i(a, set_splat_i16_m128i(0xff));
        add_i16_m128i(even, shr_imm_u16_m128i::<8>(a))
    };
    i32x4_extadd_pairwise_i16x8_s(a) = mul_i16_horizontal_add_m128i(a, set_splat_i16_m128i(1));
    i32x4_extadd_pairwise_i16x8_u(a) = {
        let even = bitand_m128i(a, set_splat_i32_m128i(0xffff));
        add_i32_m128i(even, shr_imm_u32_m128i::<16>(a))
    };
}
