//! What is kept from the optimiser so that handlers come out as they should. None of it emits an
//! instruction. Nothing depends on it on the `loop` backend, which is for targets without inline
//! assembly too, and where every access compares first: there all of it does nothing.

use super::float::FloatReg;

/// Keeps the next part of a fused op from changing `pc` or `fp` before a guarded access has
/// happened: both come from memory, which this pretends to change. The fault handler reads them.
#[inline(always)]
pub fn settle() {
    #[cfg(not(dispatch = "loop"))]
    // SAFETY: an empty template.
    unsafe {
        core::arch::asm!("", options(nostack, preserves_flags));
    }
}

/// The same value, of which the optimiser knows nothing: it neither computes it twice nor counts a
/// loop by it in order to unroll.
#[inline(always)]
#[cfg_attr(dispatch = "loop", allow(unused_mut))]
pub fn opaque(mut value: u64) -> u64 {
    #[cfg(not(dispatch = "loop"))]
    // SAFETY: a template that is a comment.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    value
}

/// Each of the values is in a register here, and as wide as it is: the optimiser neither leaves the last step
/// towards one to what follows nor, as it sees only one block at a time then, extends it there once more.
#[inline(always)]
#[cfg_attr(dispatch = "loop", allow(unused_variables))]
pub fn settle_integers([a, b, c]: [&mut u64; 3]) {
    #[cfg(not(dispatch = "loop"))]
    // SAFETY: a template that is a comment. It is not `pure`, so that it stays where it is.
    unsafe {
        core::arch::asm!(
            "/* {0} {1} {2} */",
            inout(reg) * a,
            inout(reg) * b,
            inout(reg) * c,
            options(nomem, nostack, preserves_flags)
        );
    }
}

/// [`opaque`] for an address, which then is kept as such, not as a base and an index.
#[inline(always)]
#[cfg_attr(dispatch = "loop", allow(unused_mut))]
#[allow(clippy::pointers_in_nomem_asm_block, reason = "nothing is done with it")]
pub fn opaque_ptr<T>(mut value: *mut T) -> *mut T {
    #[cfg(not(dispatch = "loop"))]
    // SAFETY: a template that is a comment.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    value
}

macro_rules! opaque_float {
    ($class:ident: $($name:ident: $t:ty),*) => {$(
        /// [`opaque`] for a float.
        #[inline(always)]
        #[allow(asm_sub_register, reason = "the template is a comment")]
        pub fn $name(mut value: $t) -> $t {
            // SAFETY: a template that is a comment.
            unsafe {
                core::arch::asm!("/* {0} */", inout($class) value, options(pure, nomem, nostack, preserves_flags));
            }
            value
        }
    )*};
    ($($name:ident: $t:ty),*) => {$(
        /// [`opaque`] for a float.
        #[inline(always)]
        pub fn $name(value: $t) -> $t {
            value
        }
    )*};
}
#[cfg(all(target_arch = "x86_64", not(dispatch = "loop")))]
opaque_float!(xmm_reg: opaque_f32: f32, opaque_f64: f64);
#[cfg(all(target_arch = "aarch64", not(dispatch = "loop")))]
opaque_float!(vreg: opaque_f32: f32, opaque_f64: f64);
#[cfg(any(dispatch = "loop", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
opaque_float!(opaque_f32: f32, opaque_f64: f64);

/// Some value, for a register that means nothing yet.
#[inline(always)]
#[cfg(not(dispatch = "loop"))]
pub fn any() -> u64 {
    let value;
    // SAFETY: a template that is a comment.
    unsafe {
        core::arch::asm!("/* {0} */", out(reg) value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// Some value, for a register that means nothing yet.
#[inline(always)]
#[cfg(dispatch = "loop")]
pub fn any() -> u64 {
    0
}

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(dispatch = "loop")))]
macro_rules! any_float {
    ($class:ident) => {
        /// Likewise.
        #[inline(always)]
        #[cfg(dispatch = "sibling")]
        #[allow(asm_sub_register, reason = "the template is a comment")]
        pub fn any_float() -> FloatReg {
            let value;
            // SAFETY: a template that is a comment.
            unsafe {
                core::arch::asm!("/* {0} */", out($class) value, options(nomem, nostack, preserves_flags));
            }
            value
        }

        /// Likewise.
        #[inline(always)]
        #[cfg(dispatch = "become")]
        #[allow(asm_sub_register, reason = "the template is a comment")]
        pub fn any_float() -> FloatReg {
            let (low, high);
            // SAFETY: a template that is a comment.
            unsafe {
                core::arch::asm!(
                    "/* {0} {1} */", out($class) low, out($class) high,
                    options(pure, nomem, nostack, preserves_flags)
                );
            }
            super::float::halves(low, high)
        }
    };
}
#[cfg(all(target_arch = "x86_64", not(dispatch = "loop")))]
any_float!(xmm_reg);
#[cfg(all(target_arch = "aarch64", not(dispatch = "loop")))]
any_float!(vreg);

/// Likewise.
#[inline(always)]
#[cfg(all(dispatch = "become", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn any_float() -> FloatReg {
    super::float::low_half(f64::from_bits(any()))
}

/// Likewise.
#[inline(always)]
#[cfg(dispatch = "loop")]
pub fn any_float() -> FloatReg {
    super::float::zero()
}
