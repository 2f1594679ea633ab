//! Traps: errors as `wasm.h` has them.

use std::sync::{Arc, Mutex};

use threadle::{Error, FrameInfo, Result, Trap, WasmBacktrace, bail};

use crate::context::{StoreCell, StoreRef};
use crate::engine::wasm_store_t;
use crate::foreign::HostData;
use crate::frame::wasm_frame_t;
use crate::guard::{Outcome, c_functions, given};
use crate::reference::{HostInfo, Kind, wasm_ref_t};
use crate::vec::{CVec, Out, fill};

/// The error behind a `wasm_trap_t`.
pub(crate) struct TrapObject {
    pub error: Error,
    pub info: HostInfo,
}

/// A trap on its way through the engine, having been returned by a host function.
#[derive(Clone)]
pub(crate) struct HostTrap(pub Arc<TrapObject>);

impl core::fmt::Display for HostTrap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&message(&self.0.error))
    }
}

impl core::fmt::Debug for HostTrap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&self.0.error, f)
    }
}

impl std::error::Error for HostTrap {}

/// What an error says, without its backtrace: that has functions of its own.
pub(crate) fn message(error: &Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string);
    let parts = error.chain().map(ToString::to_string);
    let parts: Vec<String> = parts.filter(|part| Some(part) != backtrace.as_ref()).collect();
    parts.join(": ")
}

/// What an error says, with all its causes.
pub(crate) fn full_message(error: &Error) -> String {
    let mut text = error.to_string();
    let causes: Vec<_> = error.chain().skip(1).collect();
    if !causes.is_empty() {
        text.push_str("\n\nCaused by:");
    }
    for (i, cause) in causes.iter().enumerate() {
        let number = if causes.len() > 1 { format!("{i}: ") } else { String::new() };
        text.push_str(&format!("\n    {number}{cause}"));
    }
    text
}

/// The engine's trap that an error is about, however often hosts passed it on.
pub(crate) fn trap_code(error: &Error) -> Option<Trap> {
    let mut error = error;
    loop {
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Some(*trap);
        }
        error = &error.downcast_ref::<HostTrap>()?.0.error;
    }
}

/// Where an error came from, innermost first.
pub(crate) fn frames(error: &Error) -> &[FrameInfo] {
    let mut error = error;
    let mut frames: &[FrameInfo] = &[];
    loop {
        if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
            frames = backtrace.frames();
        }
        // A trap that was passed on knows more frames than who passed it on.
        match error.downcast_ref::<HostTrap>() {
            Some(inner) => error = &inner.0.error,
            None => return frames,
        }
    }
}

impl wasm_ref_t {
    pub(crate) fn trap(store: Option<StoreRef>, error: Error) -> Box<wasm_ref_t> {
        // One that comes back from where a host function returned it is the same object.
        let passed = error.downcast_ref::<HostTrap>();
        let object = match passed {
            Some(trap) if !frames(&trap.0.error).is_empty() || frames(&error).is_empty() => {
                trap.0.clone()
            }
            _ => Arc::new(TrapObject { error, info: Mutex::new(HostData::NONE) }),
        };
        Box::new(wasm_ref_t { store, kind: Kind::Trap(object) })
    }

    pub(crate) fn as_trap(&self) -> Result<&Arc<TrapObject>> {
        match &self.kind {
            Kind::Trap(trap) => Ok(trap),
            _ => bail!("not a trap"),
        }
    }

    /// The error that a trap becomes when a host function returns it.
    #[cold]
    #[inline(never)]
    pub(crate) fn into_error(self) -> Error {
        match self.kind {
            Kind::Trap(trap) => match Arc::try_unwrap(trap) {
                // Nobody else knows it, so it can pass as what it is, if it has no host pointer.
                Ok(TrapObject { error, info })
                    if info.lock().is_ok_and(|info| info.data.is_null()) =>
                {
                    error
                }
                Ok(object) => HostTrap(Arc::new(object)).into(),
                Err(shared) => HostTrap(shared).into(),
            },
            _ => Error::msg("a host function returned something that is no trap"),
        }
    }
}

/// A trap, or null: what calls return.
#[repr(transparent)]
pub struct MaybeTrap(Option<Box<wasm_ref_t>>);

impl MaybeTrap {
    pub(crate) const NONE: MaybeTrap = MaybeTrap(None);

    pub(crate) fn new(store: &StoreCell, error: Error) -> MaybeTrap {
        MaybeTrap(Some(wasm_ref_t::trap(Some(store.shared()), error)))
    }
}

impl Outcome for MaybeTrap {
    fn failed(error: Error) -> MaybeTrap {
        MaybeTrap(Some(wasm_ref_t::trap(None, error)))
    }
}

fn frame(trap: &wasm_ref_t, info: &FrameInfo) -> Box<wasm_frame_t> {
    Box::new(wasm_frame_t::new(trap.store.as_ref(), info))
}

c_functions! {
    fn wasm_trap_new(
        store: Option<&wasm_store_t>,
        message: Option<&CVec<u8>>,
    ) -> Option<Box<wasm_ref_t>> {
        let store = given(store, "store")?.cell.clone();
        let message = given(message, "message")?.as_slice();
        let message = message.strip_suffix(&[0]).unwrap_or(message);
        let error = Error::msg(String::from_utf8_lossy(message).into_owned());
        Ok(Some(wasm_ref_t::trap(Some(store), error)))
    }

    fn wasm_trap_message(trap: Option<&wasm_ref_t>, out: Out<'_, u8>) {
        fill(out, || {
            let mut message = message(&given(trap, "trap")?.as_trap()?.error).into_bytes();
            message.push(0);
            Ok(message.into_boxed_slice().into())
        })
    }

    fn wasm_trap_origin(trap: Option<&wasm_ref_t>) -> Option<Box<wasm_frame_t>> {
        let trap = given(trap, "trap")?;
        Ok(frames(&trap.as_trap()?.error).first().map(|info| frame(trap, info)))
    }

    fn wasm_trap_trace(trap: Option<&wasm_ref_t>, out: Out<'_, Option<Box<wasm_frame_t>>>) {
        fill(out, || {
            let trap = given(trap, "trap")?;
            let frames = frames(&trap.as_trap()?.error);
            Ok(frames.iter().map(|info| Some(frame(trap, info))).collect())
        })
    }
}
