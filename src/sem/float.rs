//! Floating-point instructions of both widths.

/// Whether the target rounds to an integer in one instruction. Where it does not, the standard
/// library's methods are calls into libm.
#[cfg(feature = "std")]
const ROUNDS_IN_HARDWARE: bool = cfg!(any(target_feature = "sse4.1", target_arch = "aarch64"));

/// The instructions of one width. `$limit` is the least power of two from which every value is
/// an integer: 2 to the number of explicit mantissa bits.
macro_rules! float_ops {
    ($t:ty, $limit:literal:
        $eq:ident $ne:ident $lt:ident $gt:ident $le:ident $ge:ident
        $abs:ident $neg:ident $ceil:ident $floor:ident $trunc:ident $nearest:ident $sqrt:ident
        $add:ident $sub:ident $mul:ident $div:ident $min:ident $max:ident $copysign:ident
        $round_magnitude:ident $or_sign:ident $root:ident
    ) => {
        /// `a == b`; false if either is NaN. Zeros of both signs are equal.
        #[inline(always)]
        #[must_use]
        pub fn $eq(a: $t, b: $t) -> bool {
            a == b
        }

        /// `a != b`; true if either is NaN.
        #[inline(always)]
        #[must_use]
        pub fn $ne(a: $t, b: $t) -> bool {
            a != b
        }

        /// `a < b`; false if either is NaN.
        #[inline(always)]
        #[must_use]
        pub fn $lt(a: $t, b: $t) -> bool {
            a < b
        }

        /// `a > b`; false if either is NaN.
        #[inline(always)]
        #[must_use]
        pub fn $gt(a: $t, b: $t) -> bool {
            a > b
        }

        /// `a <= b`; false if either is NaN.
        #[inline(always)]
        #[must_use]
        pub fn $le(a: $t, b: $t) -> bool {
            a <= b
        }

        /// `a >= b`; false if either is NaN.
        #[inline(always)]
        #[must_use]
        pub fn $ge(a: $t, b: $t) -> bool {
            a >= b
        }

        /// `a` with the sign bit cleared; NaNs too, and unquieted.
        #[inline(always)]
        #[must_use]
        pub fn $abs(a: $t) -> $t {
            a.abs()
        }

        /// `a` with the sign bit inverted; NaNs too, and unquieted.
        #[inline(always)]
        #[must_use]
        pub fn $neg(a: $t) -> $t {
            -a
        }

        /// The non-negative or NaN `magnitude`, rounded to an integer, ties to even.
        ///
        /// Adding the limit pushes the fraction out of the mantissa, where the addition rounds it
        /// as wanted; subtracting it again is exact. From the limit on every value is an integer
        /// and zero is added instead, which changes nothing but quiets a NaN.
        #[inline(always)]
        fn $round_magnitude(magnitude: $t) -> $t {
            let shift = if magnitude < $limit { $limit } else { 0.0 };
            (magnitude + shift) - shift
        }

        /// The least integer that is not less than `a`.
        #[inline(always)]
        #[must_use]
        pub fn $ceil(a: $t) -> $t {
            #[cfg(feature = "std")]
            if ROUNDS_IN_HARDWARE {
                return a.ceil();
            }
            let nearest = $nearest(a);
            let step = if nearest < a { 1.0 } else { 0.0 };
            // -1 + 1 is +0, but what lies between -1 and 0 rounds to -0.
            $or_sign(nearest + step, a)
        }

        /// The greatest integer that is not greater than `a`.
        #[inline(always)]
        #[must_use]
        pub fn $floor(a: $t) -> $t {
            #[cfg(feature = "std")]
            if ROUNDS_IN_HARDWARE {
                return a.floor();
            }
            let nearest = $nearest(a);
            let step = if nearest > a { 1.0 } else { 0.0 };
            // The sign is right: 1 - 1 is +0, and -0 - 0 is -0.
            nearest - step
        }

        /// The integer nearest to `a` among those not greater in magnitude.
        #[inline(always)]
        #[must_use]
        pub fn $trunc(a: $t) -> $t {
            #[cfg(feature = "std")]
            if ROUNDS_IN_HARDWARE {
                return a.trunc();
            }
            let magnitude = a.abs();
            let nearest = $round_magnitude(magnitude);
            let step = if nearest > magnitude { 1.0 } else { 0.0 };
            $or_sign(nearest - step, a)
        }

        /// The integer nearest to `a`, ties to even.
        #[inline(always)]
        #[must_use]
        pub fn $nearest(a: $t) -> $t {
            #[cfg(feature = "std")]
            if ROUNDS_IN_HARDWARE {
                return a.round_ties_even();
            }
            $or_sign($round_magnitude(a.abs()), a)
        }

        /// `a`, whose sign bit is clear or that of `b` already, with the sign bit of `b`. An
        /// instruction less than `copysign`.
        #[inline(always)]
        fn $or_sign(a: $t, b: $t) -> $t {
            <$t>::from_bits(a.to_bits() | (0.0 as $t).copysign(b).to_bits())
        }

        /// Square root, correctly rounded.
        #[inline(always)]
        #[must_use]
        pub fn $sqrt(a: $t) -> $t {
            #[cfg(feature = "std")]
            return a.sqrt();
            #[cfg(not(feature = "std"))]
            return root::$root(a);
        }

        /// `a + b`.
        #[inline(always)]
        #[must_use]
        pub fn $add(a: $t, b: $t) -> $t {
            a + b
        }

        /// `a - b`.
        #[inline(always)]
        #[must_use]
        pub fn $sub(a: $t, b: $t) -> $t {
            a - b
        }

        /// `a * b`.
        #[inline(always)]
        #[must_use]
        pub fn $mul(a: $t, b: $t) -> $t {
            a * b
        }

        /// `a / b`.
        #[inline(always)]
        #[must_use]
        pub fn $div(a: $t, b: $t) -> $t {
            a / b
        }

        /// The lesser of `a` and `b`; NaN if either is; -0 is less than +0.
        ///
        /// The two selections differ only for zeros of both signs, where the sign bit of either
        /// must show, and for NaNs. Each is one instruction on x86-64.
        #[inline(always)]
        #[must_use]
        pub fn $min(a: $t, b: $t) -> $t {
            if a.is_nan() || b.is_nan() {
                return a + b;
            }
            let (one, other) = (if a < b { a } else { b }, if b < a { b } else { a });
            <$t>::from_bits(one.to_bits() | other.to_bits())
        }

        /// The greater of `a` and `b`; NaN if either is; +0 is greater than -0.
        #[inline(always)]
        #[must_use]
        pub fn $max(a: $t, b: $t) -> $t {
            if a.is_nan() || b.is_nan() {
                return a + b;
            }
            let (one, other) = (if a > b { a } else { b }, if b > a { b } else { a });
            <$t>::from_bits(one.to_bits() & other.to_bits())
        }

        /// `a` with the sign bit of `b`; NaNs are treated like any other bits.
        #[inline(always)]
        #[must_use]
        pub fn $copysign(a: $t, b: $t) -> $t {
            a.copysign(b)
        }
    };
}

float_ops!(f32, 8_388_608.0:
    f32_eq f32_ne f32_lt f32_gt f32_le f32_ge
    f32_abs f32_neg f32_ceil f32_floor f32_trunc f32_nearest f32_sqrt
    f32_add f32_sub f32_mul f32_div f32_min f32_max f32_copysign
    f32_round_magnitude f32_or_sign of_f32
);
float_ops!(f64, 4_503_599_627_370_496.0:
    f64_eq f64_ne f64_lt f64_gt f64_le f64_ge
    f64_abs f64_neg f64_ceil f64_floor f64_trunc f64_nearest f64_sqrt
    f64_add f64_sub f64_mul f64_div f64_min f64_max f64_copysign
    f64_round_magnitude f64_or_sign of_f64
);

/// Square roots, which `core` does not have.
#[cfg(not(feature = "std"))]
mod root {
    #[cfg(not(target_arch = "x86_64"))]
    pub use libm::{sqrt as of_f64, sqrtf as of_f32};

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub fn of_f32(a: f32) -> f32 {
        safe_arch::get_f32_from_m128_s(safe_arch::sqrt_m128_s(safe_arch::set_m128_s(a)))
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub fn of_f64(a: f64) -> f64 {
        let a = safe_arch::set_m128d_s(a);
        safe_arch::get_f64_from_m128d_s(safe_arch::sqrt_m128d_s(a, a))
    }
}
