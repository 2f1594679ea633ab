//! Conversions from float to integer, trapping and saturating.
//!
//! x86-64's conversions answer the least signed integer for anything they cannot represent, so
//! there the common case is one conversion and one test of its answer. Other targets saturate in
//! hardware, as Rust's `as` does, and have their operand's range tested instead. Both forms exist
//! on x86-64, where the tests hold them against each other.

use crate::trap::Trap;

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) mod portable;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
use portable as target;
#[cfg(target_arch = "x86_64")]
use x86_64 as target;

/// Why `a`, whose truncation no integer of the wanted type equals, cannot be converted.
#[inline(always)]
fn refusal(a: f64) -> Trap {
    if a.is_nan() { Trap::BadConversionToInteger } else { Trap::IntegerOverflow }
}

/// One line per pair: the instruction that traps and the one that saturates.
macro_rules! truncations {
    ($($trunc:ident $sat:ident ($from:ty) -> $to:ty;)*) => {
        $(
            /// `a` without its fraction, as an integer of the name's type and signedness.
            ///
            /// # Errors
            ///
            /// [`Trap::BadConversionToInteger`] for NaN; [`Trap::IntegerOverflow`] if the
            /// integer is out of range.
            #[inline(always)]
            pub fn $trunc(a: $from) -> Result<$to, Trap> {
                target::$trunc(a)
            }

            /// `a` without its fraction, as the nearest integer of the name's type and
            /// signedness; 0 for NaN.
            #[inline(always)]
            #[must_use]
            pub fn $sat(a: $from) -> $to {
                target::$sat(a)
            }
        )*
    };
}

truncations! {
    i32_trunc_f32_s i32_trunc_sat_f32_s (f32) -> u32;
    i32_trunc_f32_u i32_trunc_sat_f32_u (f32) -> u32;
    i32_trunc_f64_s i32_trunc_sat_f64_s (f64) -> u32;
    i32_trunc_f64_u i32_trunc_sat_f64_u (f64) -> u32;
    i64_trunc_f32_s i64_trunc_sat_f32_s (f32) -> u64;
    i64_trunc_f32_u i64_trunc_sat_f32_u (f32) -> u64;
    i64_trunc_f64_s i64_trunc_sat_f64_s (f64) -> u64;
    i64_trunc_f64_u i64_trunc_sat_f64_u (f64) -> u64;
}
