//! Integer arithmetic, shifts and comparisons, lane by lane.

use super::lanewise;
use crate::sem::V128;
use crate::sem::simd::lanes::map;

lanewise! {
    "Absolute value; that of the least integer is itself."
    [i8x16_abs i8, i16x8_abs i16, i32x4_abs i32, i64x2_abs i64] (a) = a.wrapping_abs();
    "Negation, wrapping."
    [i8x16_neg u8, i16x8_neg u16, i32x4_neg u32, i64x2_neg u64] (a) = a.wrapping_neg();
    "The number of set bits."
    [i8x16_popcnt u8] (a) = a.count_ones() as u8;

    "Sum, wrapping."
    [i8x16_add u8, i16x8_add u16, i32x4_add u32, i64x2_add u64] (a, b) = a.wrapping_add(b);
    "Difference, wrapping."
    [i8x16_sub u8, i16x8_sub u16, i32x4_sub u32, i64x2_sub u64] (a, b) = a.wrapping_sub(b);
    "Product, wrapping."
    [i16x8_mul u16, i32x4_mul u32, i64x2_mul u64] (a, b) = a.wrapping_mul(b);

    "Signed sum, saturating."
    [i8x16_add_sat_s i8, i16x8_add_sat_s i16] (a, b) = a.saturating_add(b);
    "Unsigned sum, saturating."
    [i8x16_add_sat_u u8, i16x8_add_sat_u u16] (a, b) = a.saturating_add(b);
    "Signed difference, saturating."
    [i8x16_sub_sat_s i8, i16x8_sub_sat_s i16] (a, b) = a.saturating_sub(b);
    "Unsigned difference, saturating."
    [i8x16_sub_sat_u u8, i16x8_sub_sat_u u16] (a, b) = a.saturating_sub(b);

    "The lesser, signed."
    [i8x16_min_s i8, i16x8_min_s i16, i32x4_min_s i32] (a, b) = a.min(b);
    "The lesser, unsigned."
    [i8x16_min_u u8, i16x8_min_u u16, i32x4_min_u u32] (a, b) = a.min(b);
    "The greater, signed."
    [i8x16_max_s i8, i16x8_max_s i16, i32x4_max_s i32] (a, b) = a.max(b);
    "The greater, unsigned."
    [i8x16_max_u u8, i16x8_max_u u16, i32x4_max_u u32] (a, b) = a.max(b);
    "The mean, unsigned, halves rounded up."
    [i8x16_avgr_u u8] (a, b) = ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;
    "The mean, unsigned, halves rounded up."
    [i16x8_avgr_u u16] (a, b) = ((u32::from(a) + u32::from(b) + 1) >> 1) as u16;
}

/// Comparisons, in the manner of [`lanewise`]: the lanes of the result are all ones where the
/// condition holds and zero elsewhere.
macro_rules! comparisons {
    ($($doc:literal [$($name:ident $t:ident),+] $params:tt = $condition:expr;)*) => {
        $(lanewise! { $doc [$($name $t),+] $params = if $condition { !0 } else { 0 }; })*
    };
}

comparisons! {
    "`a == b`, as a mask."
    [i8x16_eq u8, i16x8_eq u16, i32x4_eq u32, i64x2_eq u64] (a, b) = a == b;
    "`a != b`, as a mask."
    [i8x16_ne u8, i16x8_ne u16, i32x4_ne u32, i64x2_ne u64] (a, b) = a != b;
    "`a < b`, signed, as a mask."
    [i8x16_lt_s i8, i16x8_lt_s i16, i32x4_lt_s i32] (a, b) = a < b;
    "`a < b`, unsigned, as a mask."
    [i8x16_lt_u u8, i16x8_lt_u u16, i32x4_lt_u u32] (a, b) = a < b;
    "`a > b`, signed, as a mask."
    [i8x16_gt_s i8, i16x8_gt_s i16, i32x4_gt_s i32] (a, b) = a > b;
    "`a > b`, unsigned, as a mask."
    [i8x16_gt_u u8, i16x8_gt_u u16, i32x4_gt_u u32] (a, b) = a > b;
    "`a <= b`, signed, as a mask."
    [i8x16_le_s i8, i16x8_le_s i16, i32x4_le_s i32] (a, b) = a <= b;
    "`a <= b`, unsigned, as a mask."
    [i8x16_le_u u8, i16x8_le_u u16, i32x4_le_u u32] (a, b) = a <= b;
    "`a >= b`, signed, as a mask."
    [i8x16_ge_s i8, i16x8_ge_s i16, i32x4_ge_s i32] (a, b) = a >= b;
    "`a >= b`, unsigned, as a mask."
    [i8x16_ge_u u8, i16x8_ge_u u16, i32x4_ge_u u32] (a, b) = a >= b;
}

/// Shifts of every lane by one count, which is taken modulo the lane's width.
macro_rules! shifts {
    ($($doc:literal [$($name:ident $t:ident),+] = $shift:ident;)*) => {
        $($(
            #[doc = $doc]
            #[inline(always)]
            #[must_use]
            pub fn $name(a: V128, count: u32) -> V128 {
                let lanes: [$t; _] = a.lanes();
                V128::from_lanes(map!(lanes, |lane| lane.$shift(count)))
            }
        )+)*
    };
}

shifts! {
    "Every lane shifted left by `count` modulo the lane's width."
    [i8x16_shl u8, i16x8_shl u16, i32x4_shl u32] = wrapping_shl;
    "Every lane shifted right by `count` modulo the lane's width, copying the sign bit."
    [i8x16_shr_s i8, i16x8_shr_s i16, i32x4_shr_s i32, i64x2_shr_s i64] = wrapping_shr;
    "Every lane shifted right by `count` modulo the lane's width, filling with zeros."
    [i8x16_shr_u u8, i16x8_shr_u u16, i32x4_shr_u u32] = wrapping_shr;
}
