//! What asm-check is told of handlers.

/// What a handler-like function is: which rules asm-check holds it to.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Role {
    /// A cold continuation: reached by a tail call, ends in one.
    Cold = 0,
    /// A trampoline: calls native code, ends in a tail call or a dispatch.
    Trampoline = 1,
    /// Ends the chain: the only kind of handler that returns.
    Exit = 2,
    /// Starts the chain: calls the first handler.
    Entry = 3,
}
