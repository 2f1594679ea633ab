//! Conversions of integer lanes to floats, and between floats.

use crate::sem::V128;
use crate::sem::simd::lanes::map;
use crate::sem::*;

/// Every signed lane as the nearest float.
#[inline(always)]
#[must_use]
pub fn f32x4_convert_i32x4_s(a: V128) -> V128 {
    let a: [u32; _] = a.lanes();
    V128::from_lanes(map!(a, |lane| f32_convert_i32_s(lane)))
}

/// Every unsigned lane as the nearest float.
#[inline(always)]
#[must_use]
pub fn f32x4_convert_i32x4_u(a: V128) -> V128 {
    let a: [u32; _] = a.lanes();
    V128::from_lanes(map!(a, |lane| f32_convert_i32_u(lane)))
}

/// The two low signed lanes as floats of twice the width.
#[inline(always)]
#[must_use]
pub fn f64x2_convert_low_i32x4_s(a: V128) -> V128 {
    let [a, b, _, _]: [u32; _] = a.lanes();
    V128::from_lanes([f64_convert_i32_s(a), f64_convert_i32_s(b)])
}

/// The two low unsigned lanes as floats of twice the width.
#[inline(always)]
#[must_use]
pub fn f64x2_convert_low_i32x4_u(a: V128) -> V128 {
    let [a, b, _, _]: [u32; _] = a.lanes();
    V128::from_lanes([f64_convert_i32_u(a), f64_convert_i32_u(b)])
}

/// Both lanes as the nearest floats of half the width; the high lanes are 0.
#[inline(always)]
#[must_use]
pub fn f32x4_demote_f64x2_zero(a: V128) -> V128 {
    let a: [f64; _] = a.lanes();
    V128::from_lanes([f32_demote_f64(a[0]), f32_demote_f64(a[1]), 0.0, 0.0])
}

/// The two low lanes as floats of twice the width.
#[inline(always)]
#[must_use]
pub fn f64x2_promote_low_f32x4(a: V128) -> V128 {
    let [a, b, _, _]: [f32; _] = a.lanes();
    V128::from_lanes([f64_promote_f32(a), f64_promote_f32(b)])
}
