//! What C gives away to be freed later: a pointer with a finalizer.

use core::ffi::c_void;

/// Frees what a pointer of C's points to.
pub(crate) type Finalizer = Option<extern "C" fn(*mut c_void)>;

/// A pointer of C's, and what to call with it when it is not needed any more.
#[derive(Debug)]
pub(crate) struct HostData {
    pub data: *mut c_void,
    pub finalizer: Finalizer,
}

// SAFETY: the pointer is only handed back to C, which was told on which threads that happens.
unsafe impl Send for HostData {}
// SAFETY: as above.
unsafe impl Sync for HostData {}

impl HostData {
    pub const NONE: HostData = HostData { data: core::ptr::null_mut(), finalizer: None };
}

impl Drop for HostData {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            finalizer(self.data);
        }
    }
}
