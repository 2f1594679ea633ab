//! The boundary: what every function that C calls is wrapped in.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use threadle::{Error, Result};

/// What a function of the C API returns, and how it tells of failure.
pub(crate) trait Outcome {
    /// The value that stands for failure: the error itself where the function returns errors,
    /// otherwise zero, null, `false` or nothing.
    fn failed(error: Error) -> Self;
}

macro_rules! outcomes {
    ($($ty:ty = $value:expr;)*) => {$(
        impl Outcome for $ty {
            fn failed(_: Error) -> $ty {
                $value
            }
        }
    )*};
}

outcomes! {
    () = ();
    bool = false;
    u8 = 0;
    u32 = 0;
    u64 = 0;
    usize = 0;
}

impl<T> Outcome for Option<T> {
    fn failed(_: Error) -> Option<T> {
        None
    }
}

impl<T> Outcome for *const T {
    fn failed(_: Error) -> *const T {
        core::ptr::null()
    }
}

impl<T> Outcome for *mut T {
    fn failed(_: Error) -> *mut T {
        core::ptr::null_mut()
    }
}

/// Runs the body of a function that C calls. Unwinding into C would be undefined behaviour, so a
/// panic becomes a failure like any other.
#[inline]
pub(crate) fn guard<R: Outcome>(body: impl FnOnce() -> Result<R>) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => R::failed(error),
        Err(payload) => R::failed(panic_error(payload)),
    }
}

/// Makes an error of a panic, for those whose failure is not what their function returns.
pub(crate) fn caught<R>(body: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panic_error(payload)))
}

/// The error that a panic becomes.
#[cold]
fn panic_error(payload: Box<dyn Any + Send>) -> Error {
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "of unknown kind".to_owned(),
    };
    // Whatever it is, its destructor is not ours, and may panic too.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    Error::msg(format!("panic in the engine or in a function that it called: {message}"))
}

/// An argument that must not be null.
#[inline]
pub(crate) fn given<T>(argument: Option<T>, name: &str) -> Result<T> {
    match argument {
        Some(argument) => Ok(argument),
        None => Err(null(name)),
    }
}

#[cold]
fn null(name: &str) -> Error {
    Error::msg(format!("the argument `{name}` is null"))
}

/// Declares functions that C calls. Bodies return a `Result`; what becomes of an error is told by
/// [`Outcome`]. Parameters are types whose representation is a C pointer or number: `Option<&T>`
/// is a pointer that may be null.
macro_rules! c_functions {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            $crate::guard::guard(move || $body)
        }
    )*};
}

pub(crate) use c_functions;
