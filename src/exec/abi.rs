//! The handler ABI: the interpreter's registers, written once.
//!
//! While code runs, the interpreter's state is the arguments of whichever handler is executing:
//!
//! | register | `sysv64` (sibling, x86-64) | `aapcs64` (sibling, AArch64) | `rust-preserve-none` (become, x86-64) | meaning |
//! |---|---|---|---|---|
//! | `pc`  | rdi  | x0 | r12  | the instruction being executed |
//! | `fp`  | rsi  | x1 | r13  | the frame, see [`crate::vm::frame`] |
//! | `mem` | rdx  | x2 | r14  | first byte of memory 0 |
//! | `acc` | rcx  | x3 | r15  | integer accumulator |
//! | `l0`  | r8   | x4 | rsi  | first pinned integer local |
//! | `l1`  | r9   | x5 | rdx  | second pinned integer local |
//! | `fa`  | xmm0 | v0 | xmm0, xmm1 | float accumulator |
//! | `f0`  | xmm1 | v1 | xmm2 | first pinned float local |
//! | `f1`  | xmm2 | v2 | xmm3 | second pinned float local |
//! | `f2`  | xmm3 | v3 | xmm4 | third pinned float local |
//! | `ctx` | xmm4 | x6 | rdi  | the instance |
//!
//! The build script picks the column and says so by `cfg(registers)`; with `memory` all of them are
//! fields of [`Regs`].
//!
//! `sysv64` has six integer registers for arguments. A loop-carried value is worth one of them more
//! than the instance is, which few handlers read: it lives in a vector register there, from where it
//! comes by one move ([`Regs::ctx`]). The others have enough. With `rust-preserve-none` it is where native
//! functions take it, and not where divisions leave remainders, because the fault handler reads it.
//!
//! `rust-preserve-none` passes vectors in memory, as all of Rust's own conventions do, but scalars in
//! registers. So floats are passed as `f64` there, and the accumulator, which may be a vector, as
//! two (see `exec/float.rs`).
//!
//! Pinned registers belong to the function that pins: it saves its caller's in its own frame on
//! entry and restores them when it returns. Functions that pin nothing leave them alone.
//!
//! An `f32` occupies the low half of a float register, an `i32` the low half of an integer
//! register; the other half is unspecified, so whoever needs 64 bits of a narrower value extends.
//! A `v128` fills the float accumulator; pinned locals never are one, as
//! functions save 64 bits of them.
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

use super::float::FloatReg;
use crate::vm::{Slot, VmCtx};

/// Address of an instruction.
pub type Pc = *const u8;

/// The register that holds the instance.
#[cfg(registers = "sysv64")]
pub type CtxReg = FloatReg;

/// The register that holds the instance.
#[cfg(not(registers = "sysv64"))]
pub type CtxReg = *mut VmCtx;

/// An instance as its register holds it.
#[inline(always)]
pub fn ctx_reg(ctx: *mut VmCtx) -> CtxReg {
    #[cfg(registers = "sysv64")]
    return super::float::from_bits(ctx.expose_provenance() as u64);
    #[cfg(not(registers = "sysv64"))]
    return ctx;
}

/// Per part of a fused op but the last: what it has written to a slot.
pub type Kept = [u64; 6];

/// Nothing kept yet. A constant: a call that makes it would not be inlined in every build, and handlers would
/// hold their registers in memory for it.
pub const NOTHING_KEPT: Kept = [0; 6];

/// The interpreter's registers as one value, for handler bodies.
#[derive(Clone, Copy)]
pub struct Regs {
    pub pc: Pc,
    /// Where the instruction being executed starts: `pc`, until the parts of a fused op move on.
    /// Distances count from here. No register of its own: handlers derive it from `pc`.
    pub op: Pc,
    pub fp: *mut Slot,
    pub mem: *mut u8,
    pub acc: u64,
    pub l0: u64,
    pub l1: u64,
    pub fa: FloatReg,
    pub f0: FloatReg,
    pub f1: FloatReg,
    pub f2: FloatReg,
    pub ctx_reg: CtxReg,
    /// What parts of a fused op have written to slots, for later parts of it. No registers of their own.
    #[allow(dead_code, reason = "builds without fused ops do not read it")]
    pub kept: Kept,
}

impl Regs {
    /// The instance.
    #[inline(always)]
    pub fn ctx(&self) -> *mut VmCtx {
        #[cfg(registers = "sysv64")]
        return core::ptr::with_exposed_provenance_mut(super::float::bits(self.ctx_reg) as usize);
        #[cfg(not(registers = "sysv64"))]
        return self.ctx_reg;
    }

    /// The instance, moved from its register anew: where it is needed again later, and would have to
    /// stay in one of the few integer registers that are free meanwhile.
    #[inline(always)]
    pub fn ctx_again(&self) -> *mut VmCtx {
        #[cfg(registers = "sysv64")]
        {
            let bits: u64;
            // SAFETY: a move between registers. It is not `pure`, so that it is done each time.
            unsafe {
                core::arch::asm!(
                    "movq {}, {}", out(reg) bits, in(xmm_reg) self.ctx_reg,
                    options(nomem, nostack, preserves_flags)
                );
            }
            core::ptr::with_exposed_provenance_mut(bits as usize)
        }
        #[cfg(not(registers = "sysv64"))]
        return self.ctx_reg;
    }

    /// Switches to another instance.
    #[inline(always)]
    pub fn set_ctx(&mut self, ctx: *mut VmCtx) {
        self.ctx_reg = ctx_reg(ctx);
    }
}

#[cfg(dispatch = "sibling")]
macro_rules! handler_type {
    ($convention:literal) => {
        /// A handler. Its convention passes all eleven values in registers.
        #[allow(
            improper_ctypes_definitions,
            reason = "vector registers: both sides of every call are compiled here, together"
        )]
        pub type HandlerFn = unsafe extern $convention fn(
            Pc,
            *mut Slot,
            *mut u8,
            u64,
            u64,
            u64,
            FloatReg,
            FloatReg,
            FloatReg,
            FloatReg,
            CtxReg,
        ) -> u64;
    };
}
// On every operating system; "C" is another one on Windows.
#[cfg(all(dispatch = "sibling", registers = "sysv64"))]
handler_type!("sysv64");
// Variants of AAPCS64 differ in what does not concern handlers.
#[cfg(all(dispatch = "sibling", registers = "aapcs64"))]
handler_type!("C");

/// A handler.
#[cfg(dispatch = "become")]
pub type HandlerFn = unsafe extern "rust-preserve-none" fn(
    Pc,
    *mut Slot,
    *mut u8,
    u64,
    CtxReg,
    u64,
    u64,
    f64,
    f64,
    f64,
    f64,
    f64,
) -> u64;

// All that is passed but the floats are integers, of which there may be at most 11.
#[cfg(dispatch = "become")]
static_assertions::const_assert!(
    size_of::<Regs>() - size_of::<Kept>() - 4 * size_of::<FloatReg>() <= 11 * 8
);

/// A handler body: the registers live in memory between handlers.
#[cfg(dispatch = "loop")]
pub type HandlerFn = unsafe fn(&mut Regs) -> Step;

/// `call!(f, r)` is the call of handler `f` with registers `r`, and `call!(f, r, acc)` the same with
/// another accumulator. Where the order of the arguments is written.
#[cfg(dispatch = "sibling")]
macro_rules! call {
    ($f:expr, $r:expr) => {
        call!($f, $r, $r.acc)
    };
    ($f:expr, $r:expr, $acc:expr) => {
        $f($r.pc, $r.fp, $r.mem, $acc, $r.l0, $r.l1, $r.fa, $r.f0, $r.f1, $r.f2, $r.ctx_reg)
    };
}
#[cfg(dispatch = "become")]
macro_rules! call {
    ($f:expr, $r:expr) => {
        call!($f, $r, $r.acc)
    };
    ($f:expr, $r:expr, $acc:expr) => {
        $f(
            $r.pc,
            $r.fp,
            $r.mem,
            $acc,
            $r.ctx_reg,
            $r.l0,
            $r.l1,
            float::get_f64($r.fa),
            float::get_high($r.fa),
            float::get_f64($r.f0),
            float::get_f64($r.f1),
            float::get_f64($r.f2),
        )
    };
}
#[cfg(not(dispatch = "loop"))]
pub(crate) use call;

/// What a handler body wants done next.
pub enum Step {
    /// Dispatch the instruction at `pc`.
    Next,
    /// The same, from the other arm of a conditional branch: it gets an indirect jump of its own,
    /// which predicts better than one that both arms share.
    Taken,
    /// Go on in a cold continuation, with the registers as they are.
    To(HandlerFn),
    /// Leave for the cold path that reports the trap with this code, at the instruction `pc`. Apart
    /// from `To`, so that its target is known where a handler has other continuations too: a target
    /// chosen among several occupies a register.
    Raise(u64),
    /// Leave the chain; an [`Exit`](crate::vm::Exit) as a number.
    Exit(u64),
}
