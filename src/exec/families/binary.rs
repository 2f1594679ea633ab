//! Numeric ops: one destination, one or two sources, meaning from `sem`.

use crate::exec::abi::{Regs, Step};
use crate::exec::operand::{Dest, Operand, Rhs, Source, read_both};
use crate::exec::{next, trap};
use crate::trap::Trap;

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
            let (x, y) = read_both::<D, X, Y, T, U>(r, [2, Y::AT]);
            D::write(r, 0, f(x, y));
        }
        next(r, Y::BODY)
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
            let x = X::read(r, 2);
            let y = Y::read(r, Y::AT);
            match f(x, y) {
                Ok(v) => D::write(r, 0, v),
                Err(t) => return trap(r, t),
            }
        }
        next(r, Y::BODY)
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
            let x = X::read(r, 2);
            D::write(r, 0, f(x));
        }
        next(r, 8)
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
            let x = X::read(r, 2);
            match f(x) {
                Ok(v) => D::write(r, 0, v),
                Err(t) => return trap(r, t),
            }
        }
        next(r, 8)
    }
}
