//! Truncation by testing the operand's range first: right on every target.

use super::refusal;
use crate::trap::Trap;

/// One line per pair of truncations: the names, the operand type, the integer type to convert
/// to and the type that it travels as, and the operands with a representable truncation,
/// `low < a < below`. So `low` is the greatest float out of range: the type's least value minus
/// one or, where that is not a float, the float just below the least value.
macro_rules! truncations {
    ($($trunc:ident $sat:ident
        ($from:ty) -> $int:ty as $to:ty, $low:literal..$below:literal;)*) => {
        $(
            #[inline(always)]
            pub(in super::super) fn $trunc(a: $from) -> Result<$to, Trap> {
                if a > $low && a < $below { Ok((a as $int) as $to) } else { Err(refusal(a.into())) }
            }

            #[inline(always)]
            pub(in super::super) fn $sat(a: $from) -> $to {
                (a as $int) as $to
            }
        )*
    };
}

truncations! {
    i32_trunc_f32_s i32_trunc_sat_f32_s (f32) -> i32 as u32, -2_147_483_904.0..2_147_483_648.0;
    i32_trunc_f32_u i32_trunc_sat_f32_u (f32) -> u32 as u32, -1.0..4_294_967_296.0;
    i32_trunc_f64_s i32_trunc_sat_f64_s (f64) -> i32 as u32, -2_147_483_649.0..2_147_483_648.0;
    i32_trunc_f64_u i32_trunc_sat_f64_u (f64) -> u32 as u32, -1.0..4_294_967_296.0;
    i64_trunc_f32_s i64_trunc_sat_f32_s (f32) -> i64 as u64,
        -9_223_373_136_366_403_584.0..9_223_372_036_854_775_808.0;
    i64_trunc_f32_u i64_trunc_sat_f32_u (f32) -> u64 as u64, -1.0..18_446_744_073_709_551_616.0;
    i64_trunc_f64_s i64_trunc_sat_f64_s (f64) -> i64 as u64,
        -9_223_372_036_854_777_856.0..9_223_372_036_854_775_808.0;
    i64_trunc_f64_u i64_trunc_sat_f64_u (f64) -> u64 as u64, -1.0..18_446_744_073_709_551_616.0;
}
