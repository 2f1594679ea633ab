//! Integers: against 128-bit arithmetic, bit by bit, and tables of edge cases.

use super::{Random, integers};
use crate::sem::*;
use crate::trap::Trap;

/// The references compute in `i128`, where no operation on 32- or 64-bit integers overflows, and
/// cut the result down.
macro_rules! against_wide_arithmetic {
    ($test:ident, $u:ty, $s:ty, $bits:literal:
        $add:ident $sub:ident $mul:ident $div_s:ident $div_u:ident $rem_s:ident $rem_u:ident
        $and:ident $or:ident $xor:ident $shl:ident $shr_s:ident $shr_u:ident $rotl:ident
        $rotr:ident $eq:ident $ne:ident $lt_s:ident $lt_u:ident $gt_s:ident $gt_u:ident
        $le_s:ident $le_u:ident $ge_s:ident $ge_u:ident
        $eqz:ident $clz:ident $ctz:ident $popcnt:ident $extend8:ident $extend16:ident
    ) => {
        #[test]
        fn $test() {
            let all = integers();
            for &a in &all {
                let a = a as $u;
                let signed = i128::from(a as $s);
                let bit = |index: u32| a >> index & 1 == 1;
                assert_eq!($eqz(a), signed == 0);
                let leading = (0..$bits).rev().take_while(|&index| !bit(index)).count();
                assert_eq!($clz(a), leading as $u, "clz {a:#x}");
                let trailing = (0..$bits).take_while(|&index| !bit(index)).count();
                assert_eq!($ctz(a), trailing as $u, "ctz {a:#x}");
                let set = (0..$bits).filter(|&index| bit(index)).count();
                assert_eq!($popcnt(a), set as $u, "popcnt {a:#x}");
                let byte = (signed & 0xff ^ 0x80) - 0x80;
                assert_eq!($extend8(a), byte as $u, "extend8 {a:#x}");
                let half = (signed & 0xffff ^ 0x8000) - 0x8000;
                assert_eq!($extend16(a), half as $u, "extend16 {a:#x}");
                for &b in &all {
                    let b = b as $u;
                    let (us, ut) = (i128::from(a), i128::from(b));
                    let (s, t) = (signed, i128::from(b as $s));
                    assert_eq!($add(a, b), (s + t) as $u, "{a:#x} + {b:#x}");
                    assert_eq!($sub(a, b), (s - t) as $u, "{a:#x} - {b:#x}");
                    assert_eq!($mul(a, b), (s * t) as $u, "{a:#x} * {b:#x}");
                    if b == 0 {
                        let zero = Err(Trap::IntegerDivisionByZero);
                        assert_eq!($div_s(a, b), zero);
                        assert_eq!($div_u(a, b), zero);
                        assert_eq!($rem_s(a, b), zero);
                        assert_eq!($rem_u(a, b), zero);
                    } else {
                        let quotient = if s / t > i128::from(<$s>::MAX) {
                            Err(Trap::IntegerOverflow)
                        } else {
                            Ok((s / t) as $u)
                        };
                        assert_eq!($div_s(a, b), quotient, "{a:#x} /s {b:#x}");
                        assert_eq!($div_u(a, b), Ok((us / ut) as $u), "{a:#x} /u {b:#x}");
                        assert_eq!($rem_s(a, b), Ok((s % t) as $u), "{a:#x} %s {b:#x}");
                        assert_eq!($rem_u(a, b), Ok((us % ut) as $u), "{a:#x} %u {b:#x}");
                    }
                    assert_eq!($and(a, b), (s & t) as $u);
                    assert_eq!($or(a, b), (s | t) as $u);
                    assert_eq!($xor(a, b), (s ^ t) as $u);
                    let count = (ut % $bits) as u32;
                    assert_eq!($shl(a, b), (us << count) as $u, "{a:#x} << {b}");
                    assert_eq!($shr_s(a, b), (s >> count) as $u, "{a:#x} >>s {b}");
                    assert_eq!($shr_u(a, b), (us >> count) as $u, "{a:#x} >>u {b}");
                    let twice = u128::from(a) << $bits | u128::from(a);
                    assert_eq!($rotl(a, b), (twice << count >> $bits) as $u, "{a:#x} rotl {b}");
                    assert_eq!($rotr(a, b), (twice >> count) as $u, "{a:#x} rotr {b}");
                    assert_eq!($eq(a, b), s == t);
                    assert_eq!($ne(a, b), s != t);
                    assert_eq!($lt_s(a, b), s < t);
                    assert_eq!($lt_u(a, b), us < ut);
                    assert_eq!($gt_s(a, b), s > t);
                    assert_eq!($gt_u(a, b), us > ut);
                    assert_eq!($le_s(a, b), s <= t);
                    assert_eq!($le_u(a, b), us <= ut);
                    assert_eq!($ge_s(a, b), s >= t);
                    assert_eq!($ge_u(a, b), us >= ut);
                }
            }
        }
    };
}

against_wide_arithmetic!(i32_ops_agree_with_wide_arithmetic, u32, i32, 32:
    i32_add i32_sub i32_mul i32_div_s i32_div_u i32_rem_s i32_rem_u
    i32_and i32_or i32_xor i32_shl i32_shr_s i32_shr_u i32_rotl
    i32_rotr i32_eq i32_ne i32_lt_s i32_lt_u i32_gt_s i32_gt_u
    i32_le_s i32_le_u i32_ge_s i32_ge_u
    i32_eqz i32_clz i32_ctz i32_popcnt i32_extend8_s i32_extend16_s
);
against_wide_arithmetic!(i64_ops_agree_with_wide_arithmetic, u64, i64, 64:
    i64_add i64_sub i64_mul i64_div_s i64_div_u i64_rem_s i64_rem_u
    i64_and i64_or i64_xor i64_shl i64_shr_s i64_shr_u i64_rotl
    i64_rotr i64_eq i64_ne i64_lt_s i64_lt_u i64_gt_s i64_gt_u
    i64_le_s i64_le_u i64_ge_s i64_ge_u
    i64_eqz i64_clz i64_ctz i64_popcnt i64_extend8_s i64_extend16_s
);

#[test]
fn division_traps_exactly_on_zero_and_on_the_one_overflow() {
    let least = i32::MIN.cast_unsigned();
    assert_eq!(i32_div_s(least, u32::MAX), Err(Trap::IntegerOverflow));
    assert_eq!(i32_rem_s(least, u32::MAX), Ok(0));
    assert_eq!(i32_div_u(least, u32::MAX), Ok(0));
    assert_eq!(i32_div_s(least, 1), Ok(least));
    assert_eq!(i32_div_s(least + 1, u32::MAX), Ok(i32::MAX.cast_unsigned()));
    assert_eq!(i32_div_s(least, 0), Err(Trap::IntegerDivisionByZero));
    let least = i64::MIN.cast_unsigned();
    assert_eq!(i64_div_s(least, u64::MAX), Err(Trap::IntegerOverflow));
    assert_eq!(i64_rem_s(least, u64::MAX), Ok(0));
    assert_eq!(i64_div_u(least, u64::MAX), Ok(0));
    assert_eq!(i64_div_s(least, 1), Ok(least));
    assert_eq!(i64_div_s(least, 0), Err(Trap::IntegerDivisionByZero));
}

#[test]
fn division_rounds_towards_zero_and_the_remainder_has_the_dividends_sign() {
    let minus = |a: u32| a.wrapping_neg();
    assert_eq!(i32_div_s(minus(7), 2), Ok(minus(3)));
    assert_eq!(i32_rem_s(minus(7), 2), Ok(minus(1)));
    assert_eq!(i32_div_s(7, minus(2)), Ok(minus(3)));
    assert_eq!(i32_rem_s(7, minus(2)), Ok(1));
}

#[test]
fn extend32_copies_bit_31() {
    for a in integers() {
        let expected = (i128::from(a) & 0xffff_ffff ^ 0x8000_0000) - 0x8000_0000;
        assert_eq!(i64_extend32_s(a), expected as u64, "{a:#x}");
    }
}

/// The product of `a` and `b` by 32-bit digits, as on paper.
fn schoolbook(a: u64, b: u64) -> (u64, u64) {
    let digit = |x: u64, index: usize| x >> (32 * index) & 0xffff_ffff;
    let mut digits = [0_u64; 4];
    for i in 0..2 {
        let mut carry = 0;
        for j in 0..2 {
            let sum = digits[i + j] + digit(a, i) * digit(b, j) + carry;
            digits[i + j] = sum & 0xffff_ffff;
            carry = sum >> 32;
        }
        digits[i + 2] = carry;
    }
    (digits[1] << 32 | digits[0], digits[3] << 32 | digits[2])
}

#[test]
fn wide_products_agree_with_the_schoolbook() {
    for &a in &integers() {
        for &b in &integers() {
            let (lo, hi) = schoolbook(a, b);
            assert_eq!(i64_mul_wide_u(a, b), (lo, hi), "{a:#x} * {b:#x}");
            // A negative operand counts 2^64 too much in the unsigned product.
            let too_much = |x: u64, y: u64| if x >> 63 == 1 { y } else { 0 };
            let hi = hi.wrapping_sub(too_much(a, b)).wrapping_sub(too_much(b, a));
            assert_eq!(i64_mul_wide_s(a, b), (lo, hi), "{a:#x} *s {b:#x}");
        }
    }
}

#[test]
fn wide_sums_carry_from_the_low_half_to_the_high() {
    assert_eq!(i64_add128(u64::MAX, 0, 1, 0), (0, 1));
    assert_eq!(i64_add128(u64::MAX, u64::MAX, 1, 0), (0, 0));
    assert_eq!(i64_sub128(0, 1, 1, 0), (u64::MAX, 0));
    assert_eq!(i64_sub128(0, 0, 1, 0), (u64::MAX, u64::MAX));
    let mut random = Random::new(4);
    for _ in 0..10_000 {
        let [a_lo, a_hi, b_lo, b_hi] = [(); 4].map(|()| random.integer());
        let (lo, carry) = a_lo.overflowing_add(b_lo);
        let hi = a_hi.wrapping_add(b_hi).wrapping_add(u64::from(carry));
        assert_eq!(i64_add128(a_lo, a_hi, b_lo, b_hi), (lo, hi));
        let (lo, borrow) = a_lo.overflowing_sub(b_lo);
        let hi = a_hi.wrapping_sub(b_hi).wrapping_sub(u64::from(borrow));
        assert_eq!(i64_sub128(a_lo, a_hi, b_lo, b_hi), (lo, hi));
    }
}
