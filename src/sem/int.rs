//! Integer instructions of both widths, and wide arithmetic.

use crate::trap::Trap;

/// One line per instruction pair turns
/// `i32_add i64_add (a, b) = a.wrapping_add(b);` into
/// `pub fn i32_add(a: u32, b: u32) -> u32 { a.wrapping_add(b) }` and its `u64` twin.
/// A result type may be given after an arrow; it is the operand type otherwise.
macro_rules! both_widths {
    ($($(#[$meta:meta])* $n32:ident $n64:ident ($($p:ident),+) $(-> $ret:ty)? = $body:expr;)*) => {
        $(
            both_widths!(@one u32 [$($ret)?] $(#[$meta])* $n32 ($($p),+) $body);
            both_widths!(@one u64 [$($ret)?] $(#[$meta])* $n64 ($($p),+) $body);
        )*
    };
    (@one $t:ty [] $(#[$meta:meta])* $name:ident ($($p:ident),+) $body:expr) => {
        both_widths!(@one $t [$t] $(#[$meta])* $name ($($p),+) $body);
    };
    (@one $t:ty [$ret:ty] $(#[$meta:meta])* $name:ident ($($p:ident),+) $body:expr) => {
        $(#[$meta])*
        #[inline(always)]
        #[must_use]
        pub fn $name($($p: $t),+) -> $ret {
            $body
        }
    };
}

both_widths! {
    /// Whether `a` is zero.
    i32_eqz i64_eqz (a) -> bool = a == 0;
    /// `a == b`.
    i32_eq i64_eq (a, b) -> bool = a == b;
    /// `a != b`.
    i32_ne i64_ne (a, b) -> bool = a != b;
    /// `a < b`, signed.
    i32_lt_s i64_lt_s (a, b) -> bool = a.cast_signed() < b.cast_signed();
    /// `a < b`, unsigned.
    i32_lt_u i64_lt_u (a, b) -> bool = a < b;
    /// `a > b`, signed.
    i32_gt_s i64_gt_s (a, b) -> bool = a.cast_signed() > b.cast_signed();
    /// `a > b`, unsigned.
    i32_gt_u i64_gt_u (a, b) -> bool = a > b;
    /// `a <= b`, signed.
    i32_le_s i64_le_s (a, b) -> bool = a.cast_signed() <= b.cast_signed();
    /// `a <= b`, unsigned.
    i32_le_u i64_le_u (a, b) -> bool = a <= b;
    /// `a >= b`, signed.
    i32_ge_s i64_ge_s (a, b) -> bool = a.cast_signed() >= b.cast_signed();
    /// `a >= b`, unsigned.
    i32_ge_u i64_ge_u (a, b) -> bool = a >= b;

    /// The number of zero bits above the highest set bit; the width for zero.
    i32_clz i64_clz (a) = a.leading_zeros() as _;
    /// The number of zero bits below the lowest set bit; the width for zero.
    i32_ctz i64_ctz (a) = a.trailing_zeros() as _;
    /// The number of set bits.
    i32_popcnt i64_popcnt (a) = a.count_ones() as _;
    /// The low 8 bits of `a`, sign-extended.
    i32_extend8_s i64_extend8_s (a) = (a as i8) as _;
    /// The low 16 bits of `a`, sign-extended.
    i32_extend16_s i64_extend16_s (a) = (a as i16) as _;

    /// `a + b`, wrapping.
    i32_add i64_add (a, b) = a.wrapping_add(b);
    /// `a - b`, wrapping.
    i32_sub i64_sub (a, b) = a.wrapping_sub(b);
    /// `a * b`, wrapping.
    i32_mul i64_mul (a, b) = a.wrapping_mul(b);
    /// Bitwise and.
    i32_and i64_and (a, b) = a & b;
    /// Bitwise or.
    i32_or i64_or (a, b) = a | b;
    /// Bitwise exclusive or.
    i32_xor i64_xor (a, b) = a ^ b;
    /// `a` shifted left by `b` modulo the width.
    i32_shl i64_shl (a, b) = a.wrapping_shl(b as u32);
    /// `a` shifted right by `b` modulo the width, copying the sign bit.
    i32_shr_s i64_shr_s (a, b) = a.cast_signed().wrapping_shr(b as u32).cast_unsigned();
    /// `a` shifted right by `b` modulo the width, filling with zeros.
    i32_shr_u i64_shr_u (a, b) = a.wrapping_shr(b as u32);
    /// `a` rotated left by `b` modulo the width.
    i32_rotl i64_rotl (a, b) = a.rotate_left(b as u32);
    /// `a` rotated right by `b` modulo the width.
    i32_rotr i64_rotr (a, b) = a.rotate_right(b as u32);
}

/// The divisions of one width. The tests for zero and overflow dominate the division, so the
/// compiler drops the panics that the division would carry on its own.
macro_rules! divisions {
    ($t:ty, $s:ty: $div_s:ident $div_u:ident $rem_s:ident $rem_u:ident) => {
        /// Signed quotient, rounded towards zero.
        ///
        /// # Errors
        ///
        /// [`Trap::IntegerDivisionByZero`] if `b` is zero; [`Trap::IntegerOverflow`] if the
        /// quotient is not representable (the least integer divided by -1).
        #[inline(always)]
        pub fn $div_s(a: $t, b: $t) -> Result<$t, Trap> {
            let (a, b) = (a.cast_signed(), b.cast_signed());
            if b == 0 {
                return Err(Trap::IntegerDivisionByZero);
            }
            if a == <$s>::MIN && b == -1 {
                return Err(Trap::IntegerOverflow);
            }
            Ok(a.wrapping_div(b).cast_unsigned())
        }

        /// Unsigned quotient, rounded towards zero.
        ///
        /// # Errors
        ///
        /// [`Trap::IntegerDivisionByZero`] if `b` is zero.
        #[inline(always)]
        pub fn $div_u(a: $t, b: $t) -> Result<$t, Trap> {
            if b == 0 {
                return Err(Trap::IntegerDivisionByZero);
            }
            Ok(a / b)
        }

        /// Signed remainder, with the sign of the dividend. The least integer modulo -1 is 0.
        ///
        /// # Errors
        ///
        /// [`Trap::IntegerDivisionByZero`] if `b` is zero.
        #[inline(always)]
        pub fn $rem_s(a: $t, b: $t) -> Result<$t, Trap> {
            if b == 0 {
                return Err(Trap::IntegerDivisionByZero);
            }
            Ok(a.cast_signed().wrapping_rem(b.cast_signed()).cast_unsigned())
        }

        /// Unsigned remainder.
        ///
        /// # Errors
        ///
        /// [`Trap::IntegerDivisionByZero`] if `b` is zero.
        #[inline(always)]
        pub fn $rem_u(a: $t, b: $t) -> Result<$t, Trap> {
            if b == 0 {
                return Err(Trap::IntegerDivisionByZero);
            }
            Ok(a % b)
        }
    };
}

divisions!(u32, i32: i32_div_s i32_div_u i32_rem_s i32_rem_u);
divisions!(u64, i64: i64_div_s i64_div_u i64_rem_s i64_rem_u);

/// The low 32 bits of `a`, sign-extended.
#[inline(always)]
#[must_use]
pub fn i64_extend32_s(a: u64) -> u64 {
    a as i32 as u64
}

/// The low and the high half of a 128-bit integer.
#[inline(always)]
fn halves(a: u128) -> (u64, u64) {
    (a as u64, (a >> 64) as u64)
}

/// The 128-bit integer with the given halves.
#[inline(always)]
fn whole(lo: u64, hi: u64) -> u128 {
    u128::from(hi) << 64 | u128::from(lo)
}

/// 128-bit sum, wrapping. Operands and the result `(lo, hi)` have their low half first.
#[inline(always)]
#[must_use]
pub fn i64_add128(a_lo: u64, a_hi: u64, b_lo: u64, b_hi: u64) -> (u64, u64) {
    halves(whole(a_lo, a_hi).wrapping_add(whole(b_lo, b_hi)))
}

/// 128-bit difference, wrapping. Operands and the result `(lo, hi)` have their low half first.
#[inline(always)]
#[must_use]
pub fn i64_sub128(a_lo: u64, a_hi: u64, b_lo: u64, b_hi: u64) -> (u64, u64) {
    halves(whole(a_lo, a_hi).wrapping_sub(whole(b_lo, b_hi)))
}

/// The full signed product as `(lo, hi)`.
#[inline(always)]
#[must_use]
pub fn i64_mul_wide_s(a: u64, b: u64) -> (u64, u64) {
    // The product of two 64-bit integers cannot overflow 128 bits.
    let product = i128::from(a.cast_signed()).wrapping_mul(i128::from(b.cast_signed()));
    halves(product.cast_unsigned())
}

/// The full unsigned product as `(lo, hi)`.
#[inline(always)]
#[must_use]
pub fn i64_mul_wide_u(a: u64, b: u64) -> (u64, u64) {
    halves(u128::from(a).wrapping_mul(u128::from(b)))
}
