//! Conversions: float to integer against exact arithmetic on the float's bits, integer to float
//! against rounding by hand.

use super::{Random, f32s, f64s, integers};
#[cfg(target_arch = "x86_64")]
use crate::sem::truncate::{portable, x86_64};
use crate::sem::*;
use crate::trap::Trap;
use core::hint::black_box;

/// The truncation of a finite `a`, computed from its bits; magnitudes from 2^100 on are all
/// 2^100, which is out of every range too. `None` for NaN.
fn exact_truncation(a: f64) -> Option<i128> {
    let bits = a.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1075;
    let mantissa = i128::from(bits & ((1 << 52) - 1) | 1 << 52);
    let magnitude = match exponent {
        _ if a.is_nan() => return None,
        ..-52 => 0,
        -52..0 => mantissa >> -exponent,
        0..48 => mantissa << exponent,
        _ => 1 << 100,
    };
    Some(if a.is_sign_negative() { -magnitude } else { magnitude })
}

/// What truncation to the integers `least..=greatest` must give, trapping and saturating.
fn expected(a: f64, least: i128, greatest: i128) -> (Result<i128, Trap>, i128) {
    match exact_truncation(a) {
        None => (Err(Trap::BadConversionToInteger), 0),
        Some(exact) if exact < least => (Err(Trap::IntegerOverflow), least),
        Some(exact) if exact > greatest => (Err(Trap::IntegerOverflow), greatest),
        Some(exact) => (Ok(exact), exact),
    }
}

/// Calls `check` with the edge cases and many other floats near and inside the integer ranges.
fn each_f64(mut check: impl FnMut(f64)) {
    f64s().into_iter().for_each(&mut check);
    let mut random = Random::new(6);
    for exponent in 1015..=1090_u64 {
        for _ in 0..200 {
            let bits = random.bits() >> 12 | exponent << 52;
            check(f64::from_bits(bits));
            check(-f64::from_bits(bits));
        }
    }
}

fn each_f32(mut check: impl FnMut(f32)) {
    f32s().into_iter().for_each(&mut check);
    let mut random = Random::new(7);
    for exponent in 120..=194_u32 {
        for _ in 0..200 {
            let bits = random.bits() as u32 >> 9 | exponent << 23;
            check(f32::from_bits(bits));
            check(-f32::from_bits(bits));
        }
    }
}

macro_rules! truncations {
    ($($test:ident $each:ident $int:ident $to:ident $trunc:ident $sat:ident;)*) => {
        $(
            #[test]
            fn $test() {
                $each(|a| {
                    let (least, greatest) = ($int::MIN.into(), $int::MAX.into());
                    let (trapping, saturating) = expected(a.into(), least, greatest);
                    let trapping = trapping.map(|exact| exact as $to);
                    let saturating = saturating as $to;
                    assert_eq!($trunc(a), trapping, "{a:e}");
                    assert_eq!($sat(a), saturating, "{a:e} saturating");
                    #[cfg(target_arch = "x86_64")]
                    {
                        assert_eq!(portable::$trunc(a), trapping, "{a:e} portable");
                        assert_eq!(portable::$sat(a), saturating, "{a:e} portable, saturating");
                        assert_eq!(x86_64::$trunc(a), trapping, "{a:e} x86-64");
                        assert_eq!(x86_64::$sat(a), saturating, "{a:e} x86-64, saturating");
                    }
                });
            }
        )*
    };
}

truncations! {
    f32_to_i32_truncates_exactly each_f32 i32 u32 i32_trunc_f32_s i32_trunc_sat_f32_s;
    f32_to_u32_truncates_exactly each_f32 u32 u32 i32_trunc_f32_u i32_trunc_sat_f32_u;
    f64_to_i32_truncates_exactly each_f64 i32 u32 i32_trunc_f64_s i32_trunc_sat_f64_s;
    f64_to_u32_truncates_exactly each_f64 u32 u32 i32_trunc_f64_u i32_trunc_sat_f64_u;
    f32_to_i64_truncates_exactly each_f32 i64 u64 i64_trunc_f32_s i64_trunc_sat_f32_s;
    f32_to_u64_truncates_exactly each_f32 u64 u64 i64_trunc_f32_u i64_trunc_sat_f32_u;
    f64_to_i64_truncates_exactly each_f64 i64 u64 i64_trunc_f64_s i64_trunc_sat_f64_s;
    f64_to_u64_truncates_exactly each_f64 u64 u64 i64_trunc_f64_u i64_trunc_sat_f64_u;
}

#[test]
fn truncation_accepts_the_last_representable_operands() {
    assert_eq!(i32_trunc_f64_s(2_147_483_647.999), Ok(i32::MAX.cast_unsigned()));
    assert_eq!(i32_trunc_f64_s(-2_147_483_648.999), Ok(i32::MIN.cast_unsigned()));
    assert_eq!(i32_trunc_f64_s(-2_147_483_649.0), Err(Trap::IntegerOverflow));
    assert_eq!(i32_trunc_f32_s(-2_147_483_648.0), Ok(i32::MIN.cast_unsigned()));
    assert_eq!(i32_trunc_f32_s(-2_147_483_904.0), Err(Trap::IntegerOverflow));
    assert_eq!(i32_trunc_f64_u(-0.999), Ok(0));
    assert_eq!(i32_trunc_f64_u(-1.0), Err(Trap::IntegerOverflow));
    assert_eq!(i32_trunc_f64_u(4_294_967_295.999), Ok(u32::MAX));
    assert_eq!(i64_trunc_f64_s(-9_223_372_036_854_775_808.0), Ok(1 << 63));
    assert_eq!(i64_trunc_f64_u(18_446_744_073_709_549_568.0), Ok(u64::MAX - 2047));
    assert_eq!(i64_trunc_f64_u(18_446_744_073_709_551_616.0), Err(Trap::IntegerOverflow));
    assert_eq!(i64_trunc_f64_u(f64::INFINITY), Err(Trap::IntegerOverflow));
    assert_eq!(i64_trunc_f64_u(f64::NAN), Err(Trap::BadConversionToInteger));
}

/// `magnitude` rounded to `digits` significant bits, ties to even, as a float of those bits.
fn rounded(magnitude: u64, digits: u32) -> f64 {
    let excess = (64 - magnitude.leading_zeros()).saturating_sub(digits);
    let (kept, lost) = (magnitude >> excess, magnitude & ((1 << excess) - 1));
    let half = 1_u64 << excess >> 1;
    let up = excess > 0 && (lost > half || lost == half && kept & 1 == 1);
    // At most 53 bits, hence exact, as is the product with a power of two.
    (kept + u64::from(up)) as f64 * 2_f64.powi(excess as i32)
}

#[test]
fn integers_become_the_nearest_floats() {
    let mut all = integers();
    let mut random = Random::new(8);
    // Integers that need few more bits than a mantissa has, where ties are frequent.
    all.extend((0..4000).map(|_| random.bits() >> (random.bits() % 44)));
    for magnitude in all {
        for a in [magnitude, magnitude.wrapping_neg()] {
            let signed = |digits| {
                let magnitude = rounded(a.cast_signed().unsigned_abs(), digits);
                if a.cast_signed() < 0 { -magnitude } else { magnitude }
            };
            assert_eq!(f64_convert_i64_u(a), rounded(a, 53), "{a}");
            assert_eq!(f32_convert_i64_u(a), rounded(a, 24) as f32, "{a}");
            assert_eq!(f64_convert_i64_s(a), signed(53), "{a}");
            assert_eq!(f32_convert_i64_s(a), signed(24) as f32, "{a}");
            let low = a as u32;
            assert_eq!(f64_convert_i32_u(low), rounded(low.into(), 53), "{low}");
            assert_eq!(f32_convert_i32_u(low), rounded(low.into(), 24) as f32, "{low}");
            let magnitude = rounded(low.cast_signed().unsigned_abs().into(), 24) as f32;
            let expected = if low >> 31 == 1 { -magnitude } else { magnitude };
            assert_eq!(f32_convert_i32_s(low), expected, "{low}");
            let expected = f64_convert_i64_s(i64_extend_i32_s(low));
            assert_eq!(f64_convert_i32_s(low), expected, "{low}");
        }
    }
}

#[test]
fn integers_are_wrapped_and_extended() {
    assert_eq!(i32_wrap_i64(0xdead_beef_1234_5678), 0x1234_5678);
    assert_eq!(i64_extend_i32_s(0x8000_0000), 0xffff_ffff_8000_0000);
    assert_eq!(i64_extend_i32_s(0x7fff_ffff), 0x7fff_ffff);
    assert_eq!(i64_extend_i32_u(0xffff_ffff), 0xffff_ffff);
}

#[test]
fn reinterpretation_keeps_every_bit() {
    for a in f32s() {
        assert_eq!(f32_reinterpret_i32(i32_reinterpret_f32(a)).to_bits(), a.to_bits());
    }
    for a in f64s() {
        assert_eq!(f64_reinterpret_i64(i64_reinterpret_f64(a)).to_bits(), a.to_bits());
    }
    assert_eq!(i32_reinterpret_f32(-0.0), 1 << 31);
    assert_eq!(i64_reinterpret_f64(1.0), 0x3ff0_0000_0000_0000);
}

#[test]
fn promotion_is_exact_and_demotion_undoes_it() {
    for a in f32s() {
        let promoted = f64_promote_f32(a);
        if a.is_nan() {
            let quieted = u64::from(a.to_bits() & 0x007f_ffff | 0x0040_0000) << 29;
            let expected = u64::from(a.to_bits() >> 31) << 63 | 0x7ff << 52 | quieted;
            assert_eq!(promoted.to_bits(), expected, "{:#x}", a.to_bits());
        } else {
            assert_eq!(f32_demote_f64(promoted).to_bits(), a.to_bits());
        }
    }
}

#[test]
fn demotion_rounds_to_even_overflows_to_infinity_and_underflows_gradually() {
    for (a, expected) in [
        // Halfway between 1 and its successor, and between that and the next.
        (1.0 + 2_f64.powi(-24), 1.0),
        (1.0 + 3.0 * 2_f64.powi(-24), 1.0 + 2_f32.powi(-22)),
        (f64::from(f32::MAX) + 2_f64.powi(102), f32::MAX),
        (f64::from(f32::MAX) + 2_f64.powi(103), f32::INFINITY),
        (-f64::MAX, f32::NEG_INFINITY),
        (2_f64.powi(-149), f32::from_bits(1)),
        (2_f64.powi(-150), 0.0),
        (-(2_f64.powi(-150)), -0.0),
        (1.5 * 2_f64.powi(-150), f32::from_bits(1)),
    ] {
        assert_eq!(f32_demote_f64(a).to_bits(), expected.to_bits(), "{a:e}");
    }
    // The compiler's own arithmetic makes no promise about NaN payloads: compute at run time.
    let payload = black_box(f64::from_bits(0xfff4_dead_beef_0000));
    assert_eq!(f32_demote_f64(payload).to_bits(), 0xffe6_f56d);
    assert_eq!(f32_demote_f64(black_box(f64::NAN)).to_bits() & !(1 << 31), 0x7fc0_0000);
}
