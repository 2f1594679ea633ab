//! Truncation by testing the conversion's answer.
//!
//! The instructions answer the least integer for NaN and whatever is out of range. Each trapping
//! function first accepts the answers that can only be right, then looks into the rest; each
//! saturating one leaves the rest to `as`, which repeats the conversion.

use super::refusal;
use crate::trap::Trap;
use core::hint::cold_path;
use safe_arch::{
    get_i32_from_m128i_s, set_m128d_s, set_splat_m128, truncate_m128_to_m128i,
    truncate_to_i32_m128d_s, truncate_to_i64_m128d_s,
};

/// 2^31.
const TWO_31: f32 = 2_147_483_648.0;
/// 2^31 + 1.
const TWO_31_AND_1: f64 = 2_147_483_649.0;
/// 2^63.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// The truncation of `a`, or `i32::MIN`.
#[inline(always)]
fn f64_to_i32(a: f64) -> i32 {
    truncate_to_i32_m128d_s(set_m128d_s(a))
}

/// The truncation of `a`, or `i64::MIN`.
#[inline(always)]
fn f64_to_i64(a: f64) -> i64 {
    truncate_to_i64_m128d_s(set_m128d_s(a))
}

/// The truncation of `a`, or `i32::MIN`. The scalar instruction has no safe name, the one for
/// four lanes has.
#[inline(always)]
fn f32_to_i32(a: f32) -> i32 {
    get_i32_from_m128i_s(truncate_m128_to_m128i(set_splat_m128(a)))
}

#[inline(always)]
pub(in super::super) fn i32_trunc_f32_s(a: f32) -> Result<u32, Trap> {
    let answer = f32_to_i32(a);
    if answer == i32::MIN {
        cold_path();
        // The floats next to -2^31 are integers too, so it alone truncates to the least integer.
        if a != -TWO_31 {
            return Err(refusal(a.into()));
        }
    }
    Ok(answer.cast_unsigned())
}

#[inline(always)]
pub(in super::super) fn i32_trunc_sat_f32_s(a: f32) -> u32 {
    let answer = f32_to_i32(a);
    if answer == i32::MIN {
        cold_path();
        return (a as i32).cast_unsigned();
    }
    answer.cast_unsigned()
}

#[inline(always)]
pub(in super::super) fn i32_trunc_f64_s(a: f64) -> Result<u32, Trap> {
    let answer = f64_to_i32(a);
    if answer == i32::MIN {
        cold_path();
        if !(a > -TWO_31_AND_1 && a < 0.0) {
            return Err(refusal(a));
        }
    }
    Ok(answer.cast_unsigned())
}

#[inline(always)]
pub(in super::super) fn i32_trunc_sat_f64_s(a: f64) -> u32 {
    let answer = f64_to_i32(a);
    if answer == i32::MIN {
        cold_path();
        return (a as i32).cast_unsigned();
    }
    answer.cast_unsigned()
}

#[inline(always)]
pub(in super::super) fn i64_trunc_f64_s(a: f64) -> Result<u64, Trap> {
    let answer = f64_to_i64(a);
    if answer == i64::MIN {
        cold_path();
        // As for 32 bits, -2^63 alone truncates to the least integer.
        if a != -TWO_63 {
            return Err(refusal(a));
        }
    }
    Ok(answer.cast_unsigned())
}

#[inline(always)]
pub(in super::super) fn i64_trunc_sat_f64_s(a: f64) -> u64 {
    let answer = f64_to_i64(a);
    if answer == i64::MIN {
        cold_path();
        return (a as i64).cast_unsigned();
    }
    answer.cast_unsigned()
}

/// The lower half of the range converts as signed; for the upper half, 2^63 is taken off before
/// and put back after, both exactly.
#[inline(always)]
pub(in super::super) fn i64_trunc_f64_u(a: f64) -> Result<u64, Trap> {
    let answer = f64_to_i64(a);
    if answer >= 0 {
        return Ok(answer.cast_unsigned());
    }
    cold_path();
    let upper = f64_to_i64(a - TWO_63);
    if upper >= 0 { Ok(upper.cast_unsigned() | 1 << 63) } else { Err(refusal(a)) }
}

#[inline(always)]
pub(in super::super) fn i64_trunc_sat_f64_u(a: f64) -> u64 {
    let answer = f64_to_i64(a);
    if answer >= 0 {
        return answer.cast_unsigned();
    }
    cold_path();
    a as u64
}

// Unsigned 32-bit integers are a range of 64-bit ones, and the answer for the impossible is not
// in it.

#[inline(always)]
pub(in super::super) fn i32_trunc_f64_u(a: f64) -> Result<u32, Trap> {
    let answer = f64_to_i64(a);
    if answer != i64::from(answer as u32) {
        cold_path();
        return Err(refusal(a));
    }
    Ok(answer as u32)
}

#[inline(always)]
pub(in super::super) fn i32_trunc_sat_f64_u(a: f64) -> u32 {
    let answer = f64_to_i64(a);
    if answer != i64::from(answer as u32) {
        cold_path();
        return a as u32;
    }
    answer as u32
}

// Every `f32` is an `f64`.

#[inline(always)]
pub(in super::super) fn i32_trunc_f32_u(a: f32) -> Result<u32, Trap> {
    i32_trunc_f64_u(a.into())
}

#[inline(always)]
pub(in super::super) fn i32_trunc_sat_f32_u(a: f32) -> u32 {
    i32_trunc_sat_f64_u(a.into())
}

#[inline(always)]
pub(in super::super) fn i64_trunc_f32_s(a: f32) -> Result<u64, Trap> {
    i64_trunc_f64_s(a.into())
}

#[inline(always)]
pub(in super::super) fn i64_trunc_sat_f32_s(a: f32) -> u64 {
    i64_trunc_sat_f64_s(a.into())
}

#[inline(always)]
pub(in super::super) fn i64_trunc_f32_u(a: f32) -> Result<u64, Trap> {
    i64_trunc_f64_u(a.into())
}

#[inline(always)]
pub(in super::super) fn i64_trunc_sat_f32_u(a: f32) -> u64 {
    i64_trunc_sat_f64_u(a.into())
}
