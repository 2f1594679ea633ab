//! Atomics of 64 bits, which not every processor has.

/// The processor's, or one that takes a lock: not for code that interrupts what uses the same one.
#[cfg(target_has_atomic = "64")]
pub use core::sync::atomic::AtomicU64;
#[cfg(not(target_has_atomic = "64"))]
pub use portable_atomic::AtomicU64;

/// A number of bytes of memory, as wide as an [`AtomicU64`].
#[cfg(target_has_atomic = "64")]
pub type AtomicLen = AtomicU64;

/// The same where the processor has no such atomic: no memory there has more bytes than a word can count, and
/// every access looks at this.
#[cfg(not(target_has_atomic = "64"))]
#[repr(C, align(8))]
#[derive(Debug)]
pub struct AtomicLen {
    low: core::sync::atomic::AtomicUsize,
    high: usize,
}

#[cfg(not(target_has_atomic = "64"))]
const _: () = assert!(size_of::<AtomicLen>() == 8 && cfg!(target_endian = "little"));

#[cfg(not(target_has_atomic = "64"))]
impl AtomicLen {
    /// So many bytes.
    pub const fn new(len: u64) -> AtomicLen {
        AtomicLen { low: core::sync::atomic::AtomicUsize::new(len as usize), high: 0 }
    }

    /// The number, for who reads it while nobody changes it.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut u64 {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// How many there are.
    #[inline(always)]
    pub fn load(&self, order: core::sync::atomic::Ordering) -> u64 {
        self.low.load(order) as u64
    }

    /// There are so many.
    pub fn store(&self, len: u64, order: core::sync::atomic::Ordering) {
        self.low.store(len as usize, order);
    }
}
