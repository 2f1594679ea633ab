//! Numeric ops: one destination, one or two sources, meaning from `sem`.

use crate::exec::abi::{Regs, Step};
use crate::exec::operand::{Dest, Operand, Rhs, Source, read_both};
use crate::exec::{next, trap};
use crate::isa::op::{Binary, Unary};
use crate::trap::Trap;

/// Operand bytes with a right side of class `Y`.
#[inline(always)]
const fn body<Y: Rhs>() -> usize {
    if Y::WIDE { Binary::WIDE_BODY } else { Binary::BODY }
}

/// `d := f(x, y)`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn binary<D, X, Y, T, U>(f: impl Fn(T, T) -> U) -> impl Fn(&mut Regs) -> Step
where
    D: Dest<U>,
    X: Source<T>,
    Y: Source<T> + Rhs,
    T: Operand,
{
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let (x, y) = read_both::<D, X, Y, T, U>(r, [Binary::LHS, Binary::RHS]);
            D::write(r, Binary::DST, f(x, y));
        }
        next(r, body::<Y>())
    }
}

/// `d := f(x, y)`, which may trap.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn binary_trapping<D, X, Y, T, U>(
    f: impl Fn(T, T) -> Result<U, Trap>,
) -> impl Fn(&mut Regs) -> Step
where
    D: Dest<U>,
    X: Source<T>,
    Y: Source<T> + Rhs,
{
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let x = X::read(r, Binary::LHS);
            let y = Y::read(r, Binary::RHS);
            match f(x, y) {
                Ok(v) => D::write(r, Binary::DST, v),
                Err(t) => return trap(r, t),
            }
        }
        next(r, body::<Y>())
    }
}

/// `d := f(x)`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn unary<D, X, T, U>(f: impl Fn(T) -> U) -> impl Fn(&mut Regs) -> Step
where
    D: Dest<U>,
    X: Source<T>,
{
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let x = X::read(r, Unary::SRC);
            D::write(r, Unary::DST, f(x));
        }
        next(r, Unary::BODY)
    }
}

/// `d := f(x)`, which may trap.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn unary_trapping<D, X, T, U>(
    f: impl Fn(T) -> Result<U, Trap>,
) -> impl Fn(&mut Regs) -> Step
where
    D: Dest<U>,
    X: Source<T>,
{
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let x = X::read(r, Unary::SRC);
            match f(x) {
                Ok(v) => D::write(r, Unary::DST, v),
                Err(t) => return trap(r, t),
            }
        }
        next(r, Unary::BODY)
    }
}
