//! The handler ABI: the interpreter's registers, written once.
//!
//! While code runs, the interpreter's state is the arguments of whichever handler is executing:
//!
//! | register | sibling (`sysv64`) | become (`rust-preserve-none`) | meaning |
//! |---|---|---|---|
//! | `pc`  | rdi  | r12  | the instruction being executed |
//! | `fp`  | rsi  | r13  | the frame, see [`crate::vm::frame`] |
//! | `mem` | rdx  | r14  | first byte of memory 0 |
//! | `acc` | rcx  | r15  | integer accumulator |
//! | `l0`  | r8   | rdi  | the function's pinned integer local |
//! | `ctx` | r9   | rsi  | the instance |
//! | `fa`  | xmm0 | xmm0 | float accumulator |
//! | `f0`  | xmm1 | xmm1 | the function's pinned float local |
//!
//! An `f32` occupies the low half of a float register, an `i32` the low half of an integer
//! register; the other half is unspecified, so whoever needs 64 bits of a narrower value extends.
//!
//! # The contract of a handler
//!
//! Every `unsafe` block in the handlers relies on what the translator and the loader promise:
//!
//! 1. **Stream.** `pc` points to a whole, threaded instruction of this handler's op inside code
//!    that stays alive while any frame can reach it; branch distances lead to such instructions.
//! 2. **Frame.** Slots named by operands lie between the frame's lowest parameter and its
//!    highest operand home, and all of that is inside the value stack, because calls check the
//!    stack limit and [`crate::vm::frame::STACK_SLACK`] covers the largest frame.
//! 3. **Context.** `ctx` is the instance the code was translated for; offsets in the stream come
//!    from its module's [`crate::vm::VmLayout`]. Objects it points to live as long as the store.
//! 4. **Memory.** `mem` is the base of the instance's memory 0. In guard-page mode every 32-bit
//!    index plus 32-bit offset stays inside its reservation; otherwise accesses compare with the
//!    length first.
//! 5. **Exclusivity.** The thread that runs handlers has the store to itself, except for shared
//!    memories, which are accessed through raw pointers only.

use crate::vm::{Slot, VmCtx};

/// Address of an instruction.
pub type Pc = *const u8;

/// The interpreter's registers as one value, for handler bodies.
#[derive(Clone, Copy)]
pub struct Regs {
    pub pc: Pc,
    pub fp: *mut Slot,
    pub mem: *mut u8,
    pub acc: u64,
    pub l0: u64,
    pub ctx: *mut VmCtx,
    pub fa: f64,
    pub f0: f64,
}

/// What a handler body wants done next.
pub enum Step {
    /// Dispatch the instruction at `pc`.
    Next,
    /// Go on in a cold continuation, with the registers as they are.
    To(super::HandlerFn),
    /// Leave the activation with this status.
    Exit(u64),
}

/// Status with which the chain is left.
pub mod status {
    /// The activation's function returned.
    pub const RETURN: u64 = 0;
    /// A trap or a pending failure.
    pub const FAIL: u64 = 1;
    /// The activation is suspended.
    pub const SUSPEND: u64 = 2;
}
