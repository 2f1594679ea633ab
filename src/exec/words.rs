//! Words of threaded code: addresses of functions, and instructions that native code places.

use core::sync::atomic::Ordering;

use super::abi::Pc;
use crate::sys::atomic::AtomicU64;

/// A function's address as it stands in a stream of instructions, where addresses are integers.
pub fn stored(function: *const ()) -> u64 {
    function.expose_provenance() as u64
}

/// The function whose address stands in a stream of instructions.
///
/// # Safety
/// `address` is what [`stored`] made of a function of the pointer type `F`.
#[inline(always)]
pub unsafe fn function<F: Copy>(address: u64) -> F {
    const { assert!(size_of::<F>() == size_of::<*const ()>()) };
    let pointer = core::ptr::with_exposed_provenance::<()>(address as usize);
    // SAFETY: the caller's promise; pointers to functions and to data have one size and form.
    unsafe { core::mem::transmute_copy::<*const (), F>(&pointer) }
}

/// A single instruction without operands that native code places in a frame or function.
#[repr(C, align(8))]
pub struct StubCode(AtomicU64);

impl StubCode {
    /// Fills it in.
    pub fn set(&self, word: u64) {
        self.0.store(word, Ordering::Relaxed);
    }

    /// Where it starts.
    pub fn pc(&'static self) -> Pc {
        core::ptr::from_ref(self).cast()
    }
}

/// The static stubs. Handler addresses are not constants for the compiler, so [`super::initialise`]
/// fills them in.
pub static EXIT_CODE: StubCode = StubCode(AtomicU64::new(0));
pub static THUNK_CODE: StubCode = StubCode(AtomicU64::new(0));
