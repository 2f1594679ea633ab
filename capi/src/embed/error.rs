//! Errors.

use core::mem::MaybeUninit;

use threadle::{Error, Result};

use crate::frame::wasm_frame_t;
use crate::guard::{Outcome, c_functions, given};
use crate::trap::{frames, full_message};
use crate::vec::{CVec, Out, fill};

pub struct threadle_error_t {
    pub(crate) error: Error,
}

/// An error, or null: what functions return that can fail.
#[repr(transparent)]
pub struct MaybeError(Option<Box<threadle_error_t>>);

impl MaybeError {
    pub(crate) const NONE: MaybeError = MaybeError(None);
}

impl Outcome for MaybeError {
    fn failed(error: Error) -> MaybeError {
        MaybeError(Some(Box::new(threadle_error_t { error })))
    }
}

/// Where a function puts something that C owns.
pub(super) type BoxOut<'a, T> = Option<&'a mut MaybeUninit<Option<Box<T>>>>;

/// Makes something that C owns. Its place holds null until then.
pub(super) fn boxed<T>(
    out: BoxOut<'_, T>,
    name: &str,
    make: impl FnOnce() -> Result<T>,
) -> Result<MaybeError> {
    let out = given(out, name)?;
    out.write(None);
    out.write(Some(Box::new(make()?)));
    Ok(MaybeError::NONE)
}

c_functions! {
    fn threadle_error_new(message: Option<&core::ffi::c_char>) -> Option<Box<threadle_error_t>> {
        let message: *const core::ffi::c_char = given(message, "message")?;
        // SAFETY: C passes a string that ends with a null character.
        let message = unsafe { core::ffi::CStr::from_ptr(message) };
        let error = Error::msg(message.to_string_lossy().into_owned());
        Ok(Some(Box::new(threadle_error_t { error })))
    }

    fn threadle_error_delete(error: Option<Box<threadle_error_t>>) {
        drop(error);
        Ok(())
    }

    fn threadle_error_message(error: Option<&threadle_error_t>, out: Out<'_, u8>) {
        fill(out, || Ok(CVec::from(&*full_message(&given(error, "error")?.error))))
    }

    fn threadle_error_exit_status(
        error: Option<&threadle_error_t>,
        status: Option<&mut MaybeUninit<core::ffi::c_int>>,
    ) -> bool {
        let error = &given(error, "error")?.error;
        #[cfg(feature = "wasi")]
        if let Some(exit) = error.downcast_ref::<threadle::wasi::I32Exit>() {
            given(status, "status")?.write(exit.0);
            return Ok(true);
        }
        let _ = (error, status);
        Ok(false)
    }

    fn threadle_error_wasm_trace(
        error: Option<&threadle_error_t>,
        out: Out<'_, Option<Box<wasm_frame_t>>>,
    ) {
        fill(out, || {
            let frames = frames(&given(error, "error")?.error).iter();
            Ok(frames.map(|info| Some(Box::new(wasm_frame_t::new(None, info)))).collect())
        })
    }
}
