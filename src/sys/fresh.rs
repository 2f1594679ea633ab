//! Filling memory that has just been mapped.

/// Copies to fresh memory, which is zero: pages of zeros are read and not written, so that they take
/// no memory there.
///
/// # Safety
///
/// The ranges are readable and writable, and do not overlap.
pub(super) unsafe fn copy_but_zeros(from: *const u8, to: *mut u8, len: usize) {
    const PAGE: usize = 4096;
    for at in (0..len).step_by(PAGE) {
        let len = PAGE.min(len - at);
        // SAFETY: the caller's ranges; nobody writes the one meanwhile.
        let page = unsafe { core::slice::from_raw_parts(from.wrapping_add(at), len) };
        if page != &[0; PAGE][..len] {
            // SAFETY: as above, and they do not overlap.
            unsafe { page.as_ptr().copy_to_nonoverlapping(to.wrapping_add(at), len) };
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    #[test]
    fn all_but_pages_of_zeros_are_copied() {
        let mut from = vec![0_u8; 4096 * 4 + 100];
        for at in [0, 4095, 8192 + 77, 4096 * 4 + 99] {
            from[at] = 1;
        }
        let mut to = vec![0_u8; from.len()];
        // A page that is not written keeps what is there.
        to[4096] = 9;
        // SAFETY: two vectors of that length.
        unsafe { super::copy_but_zeros(from.as_ptr(), to.as_mut_ptr(), from.len()) };
        from[4096] = 9;
        assert!(from == to);
    }
}
