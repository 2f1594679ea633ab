//! Runs of bytes, moved and filled: what `memory.copy` and `memory.fill` come down to.
//!
//! The C library does both well but for some thousands of bytes. From 2 KiB on glibc uses the string
//! instructions (`rep movsb`, `rep stosb`) where a processor announces them as fast, and those of AMD
//! take up to twice as long with them as with a loop over vectors: measured with glibc 2.36 on an AMD
//! EPYC (family 25), 3,000 bytes take 32 ns instead of 77. From 128 KiB on memory itself is what
//! everything waits for, and the library knows about stores that go around the caches.

#[cfg(all(target_arch = "x86_64", not(miri)))]
use super::standard::has_feature;

/// Copies `len` bytes; the runs may overlap.
///
/// # Safety
///
/// The first run is readable, the second one writable, and nobody else writes to either.
#[inline(never)]
pub unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // The loop runs upwards: what it is still to read must not lie where it writes.
    if avx2::LENGTHS.contains(&len)
        && to.addr().wrapping_sub(from.addr()) >= len
        && has_feature!("avx2")
    {
        // SAFETY: the caller's promise; length, direction and processor were looked at.
        return unsafe { avx2::copy(from, to, len) };
    }
    // SAFETY: the caller's promise.
    unsafe { core::ptr::copy(from, to, len) }
}

/// Fills `len` bytes with a value.
///
/// # Safety
///
/// The run is writable, and nobody else writes to it.
#[inline(never)]
pub unsafe fn fill(to: *mut u8, value: u8, len: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if avx2::LENGTHS.contains(&len) && has_feature!("avx2") {
        // SAFETY: the caller's promise; length and processor were looked at.
        return unsafe { avx2::fill(to, value, len) };
    }
    // SAFETY: the caller's promise.
    unsafe { core::ptr::write_bytes(to, value, len) }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod avx2 {
    use core::arch::x86_64::{__m256i, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_storeu_si256};
    use core::ops::RangeInclusive;

    const VECTOR: usize = size_of::<__m256i>();
    /// Bytes of a step of the loops.
    const STEP: usize = 4 * VECTOR;
    /// For which lengths the loops are faster than the C library, or no slower.
    pub const LENGTHS: RangeInclusive<usize> = STEP..=128 << 10;

    /// What one step moves.
    type Vectors = [__m256i; 4];

    /// # Safety
    ///
    /// [`STEP`] bytes from `from` on are readable.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn load(from: *const u8) -> Vectors {
        let from: *const __m256i = from.cast();
        // SAFETY: the caller's promise.
        unsafe {
            [
                _mm256_loadu_si256(from),
                _mm256_loadu_si256(from.add(1)),
                _mm256_loadu_si256(from.add(2)),
                _mm256_loadu_si256(from.add(3)),
            ]
        }
    }

    /// # Safety
    ///
    /// [`STEP`] bytes from `to` on are writable.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn store(to: *mut u8, vectors: Vectors) {
        let to: *mut __m256i = to.cast();
        // SAFETY: the caller's promise.
        unsafe {
            _mm256_storeu_si256(to, vectors[0]);
            _mm256_storeu_si256(to.add(1), vectors[1]);
            _mm256_storeu_si256(to.add(2), vectors[2]);
            _mm256_storeu_si256(to.add(3), vectors[3]);
        }
    }

    /// # Safety
    ///
    /// As of [`super::copy`], where `len` is one of [`LENGTHS`] and the second run does not begin inside
    /// the first one.
    #[target_feature(enable = "avx2")]
    pub unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
        // SAFETY: all accesses are inside the runs: the ends are at most `len` bytes long, and the loop
        // begins a step, or more, before the last one. Where the second run begins before the first, a
        // step writes only what has been read; the ends are read before anything is written.
        unsafe {
            let first = _mm256_loadu_si256(from.cast());
            let last = load(from.add(len - STEP));
            // Stores that cross a cache line cost more than such loads.
            let mut at = VECTOR - to.addr() % VECTOR;
            while at < len - STEP {
                store(to.add(at), load(from.add(at)));
                at += STEP;
            }
            _mm256_storeu_si256(to.cast(), first);
            store(to.add(len - STEP), last);
        }
    }

    /// # Safety
    ///
    /// As of [`super::fill`], where `len` is one of [`LENGTHS`].
    #[target_feature(enable = "avx2")]
    pub unsafe fn fill(to: *mut u8, value: u8, len: usize) {
        let value = _mm256_set1_epi8(value as i8);
        // SAFETY: all accesses are inside the run, as above.
        unsafe {
            _mm256_storeu_si256(to.cast(), value);
            let mut at = VECTOR - to.addr() % VECTOR;
            while at < len - STEP {
                store(to.add(at), [value; 4]);
                at += STEP;
            }
            store(to.add(len - STEP), [value; 4]);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    const SIZE: usize = 1200;

    fn numbered() -> Vec<u8> {
        (0..SIZE).map(|i| (i * 7 + i / 256) as u8).collect()
    }

    #[test]
    fn copies_as_copy_within_does() {
        for len in [0, 1, 127, 128, 129, 160, 255, 256, 300, 511, 700] {
            for from in [0, 1, 31, 100, 250] {
                for to in [0, 1, 30, 33, 99, 101, 140, 260, 500] {
                    let (mut ours, mut theirs) = (numbered(), numbered());
                    theirs.copy_within(from..from + len, to);
                    let base = ours.as_mut_ptr();
                    // SAFETY: the largest sums are 1,200, the vector's length.
                    unsafe { super::copy(base.add(from), base.add(to), len) };
                    assert!(ours == theirs, "{len} bytes from {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn fills_as_slices_do() {
        for len in [0, 1, 127, 128, 129, 160, 255, 256, 300, 511, 700] {
            for to in [0, 1, 30, 33, 99, 500] {
                let (mut ours, mut theirs) = (numbered(), numbered());
                theirs[to..to + len].fill(0xa5);
                // SAFETY: the largest sum is 1,200, the vector's length.
                unsafe { super::fill(ours.as_mut_ptr().add(to), 0xa5, len) };
                assert!(ours == theirs, "{len} bytes at {to}");
            }
        }
    }

    #[test]
    fn long_runs_are_whole() {
        for len in [128 << 10, (128 << 10) + 1, 300_000] {
            let from: Vec<u8> = (0..len).map(|i| (i * 31 + i / 4096) as u8).collect();
            let mut to = vec![0; len + 2];
            // SAFETY: both vectors are that long.
            unsafe { super::copy(from.as_ptr(), to.as_mut_ptr().add(1), len) };
            assert!(
                to[1..=len] == from[..] && to[0] == 0 && to[len + 1] == 0,
                "{len} bytes copied"
            );
            // SAFETY: likewise.
            unsafe { super::fill(to.as_mut_ptr().add(1), 9, len) };
            assert!(to[1..=len].iter().all(|byte| *byte == 9) && to[0] == 0 && to[len + 1] == 0);
        }
    }
}
