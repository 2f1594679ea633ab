//! Floats: against the standard library where it is independent, case by case where it is not,
//! with NaN results judged by the rules of the specification.

use super::{Random, f32s, f64s};
use crate::prelude::*;
use crate::sem::*;

macro_rules! of_one_width {
    ($module:ident, $t:ident, $bits:ident, $samples:ident, $quiet:literal:
        $eq:ident $ne:ident $lt:ident $gt:ident $le:ident $ge:ident
        $abs:ident $neg:ident $ceil:ident $floor:ident $trunc:ident $nearest:ident $sqrt:ident
        $add:ident $sub:ident $mul:ident $div:ident $min:ident $max:ident $copysign:ident
    ) => {
        mod $module {
            use super::*;

            const QUIET: $bits = $quiet;
            const SIGN: $bits = 1 << ($bits::BITS - 1);
            const INFINITY: $bits = <$t>::INFINITY.to_bits();

            /// Asserts that `result` is what the specification allows for `expected`: the same
            /// bits or, for NaN, a quiet one, canonical if all NaN operands are.
            #[track_caller]
            fn check(what: &str, operands: &[$t], result: $t, expected: $t) {
                let case = || {
                    let operands: Vec<_> =
                        operands.iter().map(|a| format!("{a:e} {:#x}", a.to_bits())).collect();
                    format!("{what} {operands:?} = {result:e} {:#x}", result.to_bits())
                };
                if !expected.is_nan() {
                    assert_eq!(result.to_bits(), expected.to_bits(), "{}", case());
                    return;
                }
                assert!(result.is_nan(), "not NaN: {}", case());
                assert!(result.to_bits() & QUIET != 0, "signalling: {}", case());
                let canonical = |a: $t| a.to_bits() & !SIGN == INFINITY | QUIET;
                if operands.iter().all(|&a| !a.is_nan() || canonical(a)) {
                    assert!(canonical(result), "not canonical: {}", case());
                }
            }

            #[test]
            fn signs_change_and_nothing_else() {
                for a in $samples() {
                    let bits = a.to_bits();
                    assert_eq!($abs(a).to_bits(), bits & !SIGN);
                    assert_eq!($neg(a).to_bits(), bits ^ SIGN);
                    for b in $samples() {
                        let expected = bits & !SIGN | b.to_bits() & SIGN;
                        assert_eq!($copysign(a, b).to_bits(), expected);
                    }
                }
            }

            /// Floats in the order of `-inf .. -0 .. +0 .. inf` have increasing keys.
            fn key(a: $t) -> i128 {
                let magnitude = i128::from(a.to_bits() & !SIGN);
                if a.is_sign_negative() { -1 - magnitude } else { magnitude }
            }

            #[test]
            fn comparisons_follow_the_order_and_fail_on_nan() {
                for a in $samples() {
                    for b in $samples() {
                        let ordered = !a.is_nan() && !b.is_nan();
                        // Adding +0 makes one zero of both.
                        let (s, t) = (key(a + 0.0), key(b + 0.0));
                        assert_eq!($eq(a, b), ordered && s == t, "{a:e} {b:e}");
                        assert_eq!($ne(a, b), !(ordered && s == t), "{a:e} {b:e}");
                        assert_eq!($lt(a, b), ordered && s < t, "{a:e} {b:e}");
                        assert_eq!($gt(a, b), ordered && s > t, "{a:e} {b:e}");
                        assert_eq!($le(a, b), ordered && s <= t, "{a:e} {b:e}");
                        assert_eq!($ge(a, b), ordered && s >= t, "{a:e} {b:e}");
                    }
                }
            }

            #[test]
            fn min_and_max_tell_zeros_apart_and_propagate_nan() {
                for a in $samples() {
                    for b in $samples() {
                        let (min, max) = if a.is_nan() || b.is_nan() {
                            ($t::NAN, $t::NAN)
                        } else if key(a) <= key(b) {
                            (a, b)
                        } else {
                            (b, a)
                        };
                        check("min", &[a, b], $min(a, b), min);
                        check("max", &[a, b], $max(a, b), max);
                    }
                }
            }

            #[test]
            fn arithmetic_is_the_targets_with_quiet_nans() {
                for a in $samples() {
                    check("sqrt", &[a], $sqrt(a), a.sqrt());
                    for b in $samples() {
                        check("add", &[a, b], $add(a, b), a + b);
                        check("sub", &[a, b], $sub(a, b), a - b);
                        check("mul", &[a, b], $mul(a, b), a * b);
                        check("div", &[a, b], $div(a, b), a / b);
                    }
                }
            }

            fn check_rounding(a: $t) {
                check("ceil", &[a], $ceil(a), a.ceil());
                check("floor", &[a], $floor(a), a.floor());
                check("trunc", &[a], $trunc(a), a.trunc());
                check("nearest", &[a], $nearest(a), a.round_ties_even());
            }

            #[test]
            fn rounding_agrees_with_the_library_at_the_edges() {
                $samples().into_iter().for_each(check_rounding);
            }

            #[test]
            fn rounding_agrees_with_the_library_at_every_exponent() {
                let mut random = Random::new(5);
                let mantissa = <$t>::MANTISSA_DIGITS - 1;
                for exponent in 0..=INFINITY >> mantissa {
                    for _ in 0..64 {
                        // Few low bits make ties and integers likely.
                        let fraction = random.bits() as $bits & ((1 << mantissa) - 1);
                        let cut = random.bits() as u32 % mantissa;
                        let bits = exponent << mantissa | fraction >> cut << cut;
                        check_rounding($t::from_bits(bits));
                        check_rounding($t::from_bits(bits | SIGN));
                    }
                }
            }
        }
    };
}

of_one_width!(f32_ops, f32, u32, f32s, 0x0040_0000:
    f32_eq f32_ne f32_lt f32_gt f32_le f32_ge
    f32_abs f32_neg f32_ceil f32_floor f32_trunc f32_nearest f32_sqrt
    f32_add f32_sub f32_mul f32_div f32_min f32_max f32_copysign
);
of_one_width!(f64_ops, f64, u64, f64s, 0x0008_0000_0000_0000:
    f64_eq f64_ne f64_lt f64_gt f64_le f64_ge
    f64_abs f64_neg f64_ceil f64_floor f64_trunc f64_nearest f64_sqrt
    f64_add f64_sub f64_mul f64_div f64_min f64_max f64_copysign
);

#[test]
fn ties_round_to_even() {
    for (a, expected) in [(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (3.5, 4.0), (-0.5, -0.0)] {
        assert_eq!(f32_nearest(a).to_bits(), f32::to_bits(expected));
        assert_eq!(f64_nearest(a.into()).to_bits(), f64::from(expected).to_bits());
    }
    assert_eq!(f32_nearest(8_388_606.5), 8_388_606.0);
    assert_eq!(f32_nearest(8_388_607.5), 8_388_608.0);
    assert_eq!(f64_nearest(4_503_599_627_370_494.5), 4_503_599_627_370_494.0);
    assert_eq!(f64_nearest(4_503_599_627_370_495.5), 4_503_599_627_370_496.0);
    // Half of the least subnormal's neighbourhood: adding 0.5 and flooring would give 1.
    assert_eq!(f64_nearest(0.499_999_999_999_999_94), 0.0);
    assert_eq!(f32_nearest(0.499_999_97), 0.0);
}

#[test]
fn rounding_keeps_the_sign_of_zero() {
    let negative_zero = (-0.0_f64).to_bits();
    for a in [-0.0, -0.1, -0.25, -0.5, -f64::MIN_POSITIVE, -f64::from_bits(1)] {
        assert_eq!(f64_ceil(a).to_bits(), negative_zero, "{a}");
        assert_eq!(f64_trunc(a).to_bits(), negative_zero, "{a}");
        assert_eq!(f64_nearest(a).to_bits(), negative_zero, "{a}");
    }
    assert_eq!(f64_floor(-0.0).to_bits(), negative_zero);
    assert_eq!(f64_floor(0.75).to_bits(), 0);
    assert_eq!(f64_trunc(0.75).to_bits(), 0);
    assert_eq!(f64_floor(-0.25), -1.0);
    assert_eq!(f64_ceil(0.25), 1.0);
}

#[test]
#[ignore = "four thousand million values: minutes, in a release build"]
fn rounding_agrees_with_the_library_for_every_f32() {
    for bits in 0..=u32::MAX {
        let a = f32::from_bits(bits);
        if a.is_nan() {
            continue;
        }
        assert_eq!(f32_ceil(a).to_bits(), a.ceil().to_bits(), "ceil {a:e}");
        assert_eq!(f32_floor(a).to_bits(), a.floor().to_bits(), "floor {a:e}");
        assert_eq!(f32_trunc(a).to_bits(), a.trunc().to_bits(), "trunc {a:e}");
        assert_eq!(f32_nearest(a).to_bits(), a.round_ties_even().to_bits(), "nearest {a:e}");
    }
}

#[test]
fn branch_conditions_hold_exactly_when_the_plain_comparison_does_not() {
    for a in f32s() {
        for b in f32s() {
            assert_eq!(f32_nlt(a, b), !f32_lt(a, b), "{a:e} {b:e}");
            assert_eq!(f32_nle(a, b), !f32_le(a, b), "{a:e} {b:e}");
        }
    }
    assert!(f64_nlt(f64::NAN, 1.0) && f64_nle(1.0, f64::NAN));
    assert!(f64_nlt(1.0, 1.0) && !f64_nle(1.0, 1.0) && !f64_nlt(-1.0, 1.0));
    assert!(i32_test(6, 2) && !i32_test(6, 9) && i32_ntest(6, 9) && !i32_ntest(6, 2));
    assert!(i64_test(1 << 40, 3 << 40) && i64_ntest(1 << 40, 1 << 8));
}

#[test]
fn nans_become_the_canonical_one_and_numbers_stay() {
    for a in f32s() {
        let expected = if a.is_nan() { 0x7fc0_0000 } else { a.to_bits() };
        assert_eq!(f32_canonical(a).to_bits(), expected, "{:#x}", a.to_bits());
    }
    for a in f64s() {
        let expected = if a.is_nan() { 0x7ff8_0000_0000_0000 } else { a.to_bits() };
        assert_eq!(f64_canonical(a).to_bits(), expected, "{:#x}", a.to_bits());
    }
}
