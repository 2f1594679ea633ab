//! Making NaNs canonical: what arithmetic is followed by where results must be the same on every machine.
//! No instruction of WebAssembly.

use super::{V128, f32x4_ne, f64x2_ne, i32x4_splat, i64x2_splat, v128_bitselect};

/// Bits of the canonical NaN with a clear sign.
const F32: u32 = 0x7fc0_0000;
/// The same, of 64 bits.
const F64: u64 = 0x7ff8_0000_0000_0000;

/// `a`, or the canonical NaN with a clear sign if `a` is a NaN.
#[inline(always)]
#[must_use]
pub fn f32_canonical(a: f32) -> f32 {
    if a.is_nan() { f32::from_bits(F32) } else { a }
}

/// `a`, or the canonical NaN with a clear sign if `a` is a NaN.
#[inline(always)]
#[must_use]
pub fn f64_canonical(a: f64) -> f64 {
    if a.is_nan() { f64::from_bits(F64) } else { a }
}

/// [`f32_canonical`] of each lane.
#[inline(always)]
#[must_use]
pub fn f32x4_canonical(a: V128) -> V128 {
    v128_bitselect(i32x4_splat(F32), a, f32x4_ne(a, a))
}

/// [`f64_canonical`] of each lane.
#[inline(always)]
#[must_use]
pub fn f64x2_canonical(a: V128) -> V128 {
    v128_bitselect(i64x2_splat(F64), a, f64x2_ne(a, a))
}
