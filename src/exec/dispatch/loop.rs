//! Dispatch by a loop: any compiler, target and optimisation level. A handler returns to the loop,
//! which calls the next one, so the native stack is flat whatever the compiler does.

use super::abi::{Regs, Step};

/// A handler body: the registers live in memory between handlers.
pub type HandlerFn = unsafe fn(&mut Regs) -> Step;

/// Turns `handler! { name, body, doc }` into a function that does one step.
macro_rules! handler {
    ($(#[$attribute:meta])* $name:ident, $body:expr, $doc:expr) => {
        $(#[$attribute])*
        #[doc = $doc]
        pub(crate) unsafe fn $name(r: &mut Regs) -> Step {
            // SAFETY: the handler contract in `abi`, passed on unchanged.
            unsafe { $body(r) }
        }
    };
}
pub(crate) use handler;

/// Runs the chain that starts at `r.pc` until it exits.
///
/// # Safety
/// The handler contract in `abi`.
pub unsafe fn run(mut r: Regs) -> u64 {
    // SAFETY: the caller's promise, for the first and, by the contract, every later instruction.
    unsafe {
        loop {
            r.op = r.pc;
            let mut step = super::head(r.pc)(&mut r);
            loop {
                step = match step {
                    Step::Next | Step::Taken => break,
                    Step::To(next) => next(&mut r),
                    Step::Raise(code) => {
                        r.acc = code;
                        super::handlers::raise(&mut r)
                    }
                    Step::Exit(status) => return status,
                };
            }
        }
    }
}
