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
//! | `l0`  | r8   | rdi  | first pinned integer local |
//! | `l1`  | r9   | rsi  | second pinned integer local |
//! | `fa`  | xmm0 | xmm0 | float accumulator |
//! | `f0`  | xmm1 | xmm1 | first pinned float local |
//! | `f1`  | xmm2 | xmm2 | second pinned float local |
//! | `f2`  | xmm3 | xmm3 | third pinned float local |
//! | `ctx` | xmm4 | rdx  | the instance |
//!
//! `sysv64` has six integer registers for arguments. A loop-carried value is worth one of them more
//! than the instance is, which few handlers read: it lives in a vector register there, from where it
//! comes by one move ([`Regs::ctx`]).
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

use crate::vm::{Slot, VmCtx};

/// A float register. The whole vector register: for vectors, and so that a narrower value is
/// written without touching the rest, which is unspecified.
#[cfg(target_arch = "x86_64")]
pub type FloatReg = core::arch::x86_64::__m128;

/// A float register: wide enough for a vector.
#[cfg(not(target_arch = "x86_64"))]
pub type FloatReg = u128;

/// Reads and writes of a float register.
pub mod float {
    use super::FloatReg;

    #[cfg(target_arch = "x86_64")]
    mod imp {
        use super::FloatReg;
        use crate::sem::V128;
        use core::arch::x86_64::{
            _mm_castpd_ps, _mm_castps_pd, _mm_castsi128_ps, _mm_cvtsd_f64, _mm_cvtsi64_si128,
            _mm_cvtss_f32, _mm_move_sd, _mm_move_ss, _mm_set_sd, _mm_set_ss,
        };

        #[inline(always)]
        pub fn get_f32(r: FloatReg) -> f32 {
            // SAFETY: SSE2 is part of the x86-64 baseline, here and below.
            unsafe { _mm_cvtss_f32(r) }
        }
        #[inline(always)]
        pub fn set_f32(r: FloatReg, v: f32) -> FloatReg {
            // SAFETY: as above.
            unsafe { _mm_move_ss(r, _mm_set_ss(v)) }
        }
        #[inline(always)]
        pub fn get_f64(r: FloatReg) -> f64 {
            // SAFETY: as above.
            unsafe { _mm_cvtsd_f64(_mm_castps_pd(r)) }
        }
        #[inline(always)]
        pub fn set_f64(r: FloatReg, v: f64) -> FloatReg {
            // SAFETY: as above.
            unsafe { _mm_castpd_ps(_mm_move_sd(_mm_castps_pd(r), _mm_set_sd(v))) }
        }
        #[inline(always)]
        pub fn from_bits(bits: u64) -> FloatReg {
            // SAFETY: as above.
            unsafe { _mm_castsi128_ps(_mm_cvtsi64_si128(bits as i64)) }
        }
        #[inline(always)]
        #[cfg(dispatch = "sibling")]
        pub fn bits(r: FloatReg) -> u64 {
            use core::arch::x86_64::{_mm_castps_si128, _mm_cvtsi128_si64};
            // SAFETY: as above.
            unsafe { _mm_cvtsi128_si64(_mm_castps_si128(r)) as u64 }
        }
        #[inline(always)]
        pub fn get_v128(r: FloatReg) -> V128 {
            // SAFETY: 16 bytes, of which every pattern is a value of both types.
            unsafe { core::mem::transmute::<FloatReg, V128>(r) }
        }
        #[inline(always)]
        pub fn from_v128(v: V128) -> FloatReg {
            // SAFETY: as above.
            unsafe { core::mem::transmute::<V128, FloatReg>(v) }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    mod imp {
        use super::FloatReg;
        use crate::sem::V128;

        #[inline(always)]
        pub fn get_f32(r: FloatReg) -> f32 {
            f32::from_bits(r as u32)
        }
        #[inline(always)]
        pub fn set_f32(_: FloatReg, v: f32) -> FloatReg {
            FloatReg::from(v.to_bits())
        }
        #[inline(always)]
        pub fn get_f64(r: FloatReg) -> f64 {
            f64::from_bits(r as u64)
        }
        #[inline(always)]
        pub fn set_f64(_: FloatReg, v: f64) -> FloatReg {
            FloatReg::from(v.to_bits())
        }
        #[inline(always)]
        pub fn from_bits(bits: u64) -> FloatReg {
            FloatReg::from(bits)
        }
        #[inline(always)]
        pub fn get_v128(r: FloatReg) -> V128 {
            V128::from_bits(r)
        }
        #[inline(always)]
        pub fn from_v128(v: V128) -> FloatReg {
            v.to_bits()
        }
    }

    #[cfg(dispatch = "sibling")]
    pub use imp::bits;
    pub use imp::{from_bits, from_v128, get_f32, get_f64, get_v128, set_f32, set_f64};

    /// A register that holds zero.
    #[inline(always)]
    pub fn zero() -> FloatReg {
        from_bits(0)
    }
}

/// Address of an instruction.
pub type Pc = *const u8;

/// The register that holds the instance.
#[cfg(dispatch = "sibling")]
pub type CtxReg = FloatReg;

/// The register that holds the instance.
#[cfg(not(dispatch = "sibling"))]
pub type CtxReg = *mut VmCtx;

/// An instance as its register holds it.
#[inline(always)]
pub fn ctx_reg(ctx: *mut VmCtx) -> CtxReg {
    #[cfg(dispatch = "sibling")]
    return float::from_bits(ctx.expose_provenance() as u64);
    #[cfg(not(dispatch = "sibling"))]
    return ctx;
}

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
}

impl Regs {
    /// The instance.
    #[inline(always)]
    pub fn ctx(&self) -> *mut VmCtx {
        #[cfg(dispatch = "sibling")]
        return core::ptr::with_exposed_provenance_mut(float::bits(self.ctx_reg) as usize);
        #[cfg(not(dispatch = "sibling"))]
        return self.ctx_reg;
    }

    /// The instance, moved from its register anew: where it is needed again later, and would have to
    /// stay in one of the few integer registers that are free meanwhile.
    #[inline(always)]
    pub fn ctx_again(&self) -> *mut VmCtx {
        #[cfg(dispatch = "sibling")]
        {
            let bits: u64;
            // SAFETY: a move between registers. It is not `pure`, so that it is done each time.
            unsafe {
                core::arch::asm!(
                    "movq {}, {}", out(reg) bits, in(xmm_reg) self.ctx_reg,
                    options(nomem, nostack, preserves_flags)
                );
            }
            return core::ptr::with_exposed_provenance_mut(bits as usize);
        }
        #[cfg(not(dispatch = "sibling"))]
        return self.ctx_reg;
    }

    /// Switches to another instance.
    #[inline(always)]
    pub fn set_ctx(&mut self, ctx: *mut VmCtx) {
        self.ctx_reg = ctx_reg(ctx);
    }
}

/// `call!(f, r)` is the call of handler `f` with registers `r`, and `call!(f, r, acc)` the same with
/// another accumulator. Where the order of the arguments is written.
#[cfg(not(dispatch = "loop"))]
macro_rules! call {
    ($f:expr, $r:expr) => {
        call!($f, $r, $r.acc)
    };
    ($f:expr, $r:expr, $acc:expr) => {
        $f($r.pc, $r.fp, $r.mem, $acc, $r.l0, $r.l1, $r.fa, $r.f0, $r.f1, $r.f2, $r.ctx_reg)
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
    To(super::HandlerFn),
    /// Leave for the cold path that reports the trap with this code, at the instruction `pc`. Apart
    /// from `To`, so that its target is known where a handler has other continuations too: a target
    /// chosen among several occupies a register.
    Raise(u64),
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
