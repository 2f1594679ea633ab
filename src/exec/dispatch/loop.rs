//! Dispatch by a loop: any compiler, target and optimisation level. A handler returns to the loop,
//! which calls the next one, so the native stack is flat whatever the compiler does.

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
