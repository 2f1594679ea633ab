//! The instructions for which the compiler finds no good vector code by itself. Each has two
//! forms: `portable`, lane by lane, and `x86_64`, out of SSE2 instructions. The tests hold both
//! against one reference.

use super::V128;

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(in crate::sem) mod portable;
#[cfg(target_arch = "x86_64")]
pub(in crate::sem) mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
use portable as target;
#[cfg(target_arch = "x86_64")]
use x86_64 as target;

/// `name(operands) -> result`, documented: the target's form under its public name.
macro_rules! irregular {
    ($($(#[$meta:meta])* $name:ident($($p:ident: $t:ty),+) -> $to:ty;)*) => {
        $(
            $(#[$meta])*
            #[inline(always)]
            #[must_use]
            pub fn $name($($p: $t),+) -> $to {
                target::$name($($p),+)
            }
        )*
    };
}

irregular! {
    /// The sign bit of each lane, that of lane 0 lowest.
    i8x16_bitmask(a: V128) -> u32;
    /// The sign bit of each lane, that of lane 0 lowest.
    i16x8_bitmask(a: V128) -> u32;
    /// The sign bit of each lane, that of lane 0 lowest.
    i32x4_bitmask(a: V128) -> u32;
    /// The sign bit of each lane, that of lane 0 lowest.
    i64x2_bitmask(a: V128) -> u32;

    /// `a < b`, signed, as a mask.
    i64x2_lt_s(a: V128, b: V128) -> V128;
    /// `a > b`, signed, as a mask.
    i64x2_gt_s(a: V128, b: V128) -> V128;
    /// `a <= b`, signed, as a mask.
    i64x2_le_s(a: V128, b: V128) -> V128;
    /// `a >= b`, signed, as a mask.
    i64x2_ge_s(a: V128, b: V128) -> V128;
    /// Every lane shifted left by `count` modulo the lane's width.
    i64x2_shl(a: V128, count: u32) -> V128;
    /// Every lane shifted right by `count` modulo the lane's width, filling with zeros.
    i64x2_shr_u(a: V128, count: u32) -> V128;

    /// The signed lanes of `a`, then those of `b`, in half the width, saturating to unsigned.
    i16x8_narrow_i32x4_u(a: V128, b: V128) -> V128;
    /// The loaded bits as lanes of 8 bits, each sign-extended to 16.
    v128_load8x8_s(loaded: u64) -> V128;
    /// The loaded bits as lanes of 8 bits, each zero-extended to 16.
    v128_load8x8_u(loaded: u64) -> V128;
    /// The loaded bits as lanes of 16 bits, each sign-extended to 32.
    v128_load16x4_s(loaded: u64) -> V128;
    /// The loaded bits as lanes of 16 bits, each zero-extended to 32.
    v128_load16x4_u(loaded: u64) -> V128;
    /// The loaded bits as lanes of 32 bits, each sign-extended to 64.
    v128_load32x2_s(loaded: u64) -> V128;
    /// The loaded bits as lanes of 32 bits, each zero-extended to 64.
    v128_load32x2_u(loaded: u64) -> V128;
    /// The signed full products of the low halves of the lanes.
    i64x2_extmul_low_i32x4_s(a: V128, b: V128) -> V128;
    /// The signed full products of the high halves of the lanes.
    i64x2_extmul_high_i32x4_s(a: V128, b: V128) -> V128;
    /// The unsigned full products of the low halves of the lanes.
    i64x2_extmul_low_i32x4_u(a: V128, b: V128) -> V128;
    /// The unsigned full products of the high halves of the lanes.
    i64x2_extmul_high_i32x4_u(a: V128, b: V128) -> V128;
    /// The sum of the signed full products of each two neighbouring lanes, wrapping.
    i32x4_dot_i16x8_s(a: V128, b: V128) -> V128;
    /// The sum of the signed full products of each two neighbouring lanes, wrapping.
    i16x8_relaxed_dot_i8x16_i7x16_s(a: V128, b: V128) -> V128;
    /// The sum of the signed full products of each four neighbouring lanes, with the sums of two
    /// wrapping to 16 bits, added to the lanes of `c`, wrapping.
    i32x4_relaxed_dot_i8x16_i7x16_add_s(a: V128, b: V128, c: V128) -> V128;
    /// The product of fixed-point numbers with 15 fraction bits, rounded to nearest with halves
    /// up, saturating: -1 times -1 is the greatest number below 1.
    i16x8_q15mulr_sat_s(a: V128, b: V128) -> V128;

    /// The lesser; NaN if either is; -0 is less than +0.
    f32x4_min(a: V128, b: V128) -> V128;
    /// The greater; NaN if either is; +0 is greater than -0.
    f32x4_max(a: V128, b: V128) -> V128;
    /// The lesser; NaN if either is; -0 is less than +0.
    f64x2_min(a: V128, b: V128) -> V128;
    /// The greater; NaN if either is; +0 is greater than -0.
    f64x2_max(a: V128, b: V128) -> V128;

    /// Every lane truncated to a signed integer, saturating; 0 for NaN.
    i32x4_trunc_sat_f32x4_s(a: V128) -> V128;
    /// Every lane truncated to an unsigned integer, saturating; 0 for NaN.
    i32x4_trunc_sat_f32x4_u(a: V128) -> V128;
    /// Both lanes truncated to signed integers of half the width, saturating, 0 for NaN; the
    /// high lanes are 0.
    i32x4_trunc_sat_f64x2_s_zero(a: V128) -> V128;
    /// Both lanes truncated to unsigned integers of half the width, saturating, 0 for NaN; the
    /// high lanes are 0.
    i32x4_trunc_sat_f64x2_u_zero(a: V128) -> V128;

    /// Lane `i` is the lane of `a` with the number in lane `i` of `indices`, or 0 if there is
    /// none.
    i8x16_swizzle(a: V128, indices: V128) -> V128;
    /// Lane `i` is the lane with the number `lanes[i]`, modulo 32, of those of `a` and then `b`.
    i8x16_shuffle(a: V128, b: V128, lanes: [u8; 16]) -> V128;
}
