//! Conditions that exist only in branches: bit tests, and comparisons of floats that hold when
//! the plain one does not, a NaN included.

/// Whether the operands have a set bit in common.
#[inline(always)]
pub fn i32_test(a: u32, b: u32) -> bool {
    a & b != 0
}

/// Whether the operands have no set bit in common.
#[inline(always)]
pub fn i32_ntest(a: u32, b: u32) -> bool {
    a & b == 0
}

/// Whether the operands have a set bit in common.
#[inline(always)]
pub fn i64_test(a: u64, b: u64) -> bool {
    a & b != 0
}

/// Whether the operands have no set bit in common.
#[inline(always)]
pub fn i64_ntest(a: u64, b: u64) -> bool {
    a & b == 0
}

/// Whether `a < b` does not hold.
#[inline(always)]
pub fn f32_nlt(a: f32, b: f32) -> bool {
    !super::f32_lt(a, b)
}

/// Whether `a <= b` does not hold.
#[inline(always)]
pub fn f32_nle(a: f32, b: f32) -> bool {
    !super::f32_le(a, b)
}

/// Whether `a < b` does not hold.
#[inline(always)]
pub fn f64_nlt(a: f64, b: f64) -> bool {
    !super::f64_lt(a, b)
}

/// Whether `a <= b` does not hold.
#[inline(always)]
pub fn f64_nle(a: f64, b: f64) -> bool {
    !super::f64_le(a, b)
}

/// Whether `a > b` does not hold.
#[inline(always)]
pub fn f32_ngt(a: f32, b: f32) -> bool {
    !super::f32_gt(a, b)
}

/// Whether `a >= b` does not hold.
#[inline(always)]
pub fn f32_nge(a: f32, b: f32) -> bool {
    !super::f32_ge(a, b)
}

/// Whether `a > b` does not hold.
#[inline(always)]
pub fn f64_ngt(a: f64, b: f64) -> bool {
    !super::f64_gt(a, b)
}

/// Whether `a >= b` does not hold.
#[inline(always)]
pub fn f64_nge(a: f64, b: f64) -> bool {
    !super::f64_ge(a, b)
}
