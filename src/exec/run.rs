//! Running a chain of handlers.

use super::abi::Regs;
#[cfg(dispatch = "loop")]
use super::abi::Step;
#[cfg(not(dispatch = "loop"))]
use super::abi::call;
#[cfg(dispatch = "become")]
use super::float;
use super::handlers::head;
#[cfg(dispatch = "loop")]
use super::handlers::raise;

/// Runs the chain that starts at `r.pc` until it exits.
///
/// # Safety
/// The handler contract in `abi`.
// Inlined, the registers are set where they are known instead of passing through memory.
#[cfg(not(dispatch = "loop"))]
#[inline(always)]
pub unsafe fn run(r: Regs) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { call!(head(r.pc), r) }
}

/// Runs the chain that starts at `r.pc` until it exits.
///
/// # Safety
/// The handler contract in `abi`.
#[cfg(dispatch = "loop")]
pub unsafe fn run(mut r: Regs) -> u64 {
    // SAFETY: the caller's promise, for the first and, by the contract, every later instruction.
    unsafe {
        loop {
            r.op = r.pc;
            let mut step = head(r.pc)(&mut r);
            loop {
                step = match step {
                    Step::Next | Step::Taken => break,
                    Step::To(next) => next(&mut r),
                    Step::Raise(code) => {
                        r.acc = code;
                        raise(&mut r)
                    }
                    Step::Exit(status) => return status,
                };
            }
        }
    }
}
