//! The text format.

use super::error::MaybeError;
use crate::guard::{c_functions, given};
use crate::vec::{Out, slice};

c_functions! {
    fn threadle_wat2wasm(text: *const u8, size: usize, out: Out<'_, u8>) -> MaybeError {
        let out = given(out, "out")?;
        // SAFETY: C passes the address of `size` bytes, or null.
        let text = str::from_utf8(unsafe { slice(text, size) })?;
        out.write(::wat::parse_str(text)?.into_boxed_slice().into());
        Ok(MaybeError::NONE)
    }
}
