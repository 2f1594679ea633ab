//! `wasm_val_t`: values as `wasm.h` has them.

use threadle::{Result, RootScope, StoreContextMut, Val, ValRaw, ValType, bail};

use crate::context::{Data, StoreCell};
use crate::guard::{c_functions, given};
use crate::numbers::{self, Payload as _};
use crate::reference::wasm_ref_t;
use crate::types::{ANYREF, EXNREF, EXTERNREF, FUNCREF, I32, V128};

/// A value. Owns its reference, if it is one.
#[repr(C)]
pub struct wasm_val_t {
    kind: u8,
    of: Payload,
}

/// Floats are given by their bits.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union Payload {
    /// A number of any type: they lie in the union as they do in a raw value.
    number: i64,
    reference: *mut wasm_ref_t,
}

impl numbers::Payload for Payload {
    const ZERO: Payload = Payload { number: 0 };

    #[inline]
    fn new(value: ValRaw) -> Payload {
        Payload { number: value.get_i64() }
    }

    #[inline]
    fn raw(&self) -> ValRaw {
        // SAFETY: any bits are a number.
        ValRaw::i64(unsafe { self.number })
    }
}

// SAFETY: a value owns a reference like an `Option<Box<wasm_ref_t>>`.
unsafe impl Send for wasm_val_t {}
// SAFETY: as above.
unsafe impl Sync for wasm_val_t {}

impl wasm_val_t {
    pub(crate) const ZERO: wasm_val_t = wasm_val_t { kind: I32, of: Payload { number: 0 } };

    fn reference(kind: u8, reference: Option<Box<wasm_ref_t>>) -> wasm_val_t {
        let reference = reference.map_or(core::ptr::null_mut(), Box::into_raw);
        wasm_val_t { kind, of: Payload { reference } }
    }

    fn is_reference(&self) -> bool {
        matches!(self.kind, EXTERNREF | FUNCREF | ANYREF | EXNREF)
    }

    fn as_reference(&self) -> Option<&wasm_ref_t> {
        if !self.is_reference() {
            return None;
        }
        // SAFETY: the kind says that it is a reference; C promises that it is null or live.
        unsafe { self.of.reference.as_ref() }
    }

    /// The value for a program, where one of type `ty` is wanted.
    pub(crate) fn to_val(&self, cx: &mut StoreContextMut<'_, Data>, ty: &ValType) -> Result<Val> {
        if self.is_reference() {
            let ValType::Ref(ty) = ty else { bail!("expected {ty}, found a reference") };
            return Ok(match self.as_reference() {
                None => Val::null_ref(ty.heap_type()),
                Some(reference) => reference.to_ref(cx, ty.heap_type())?.into(),
            });
        }
        match numbers::val(self.kind, self.of.raw()) {
            None | Some(Val::V128(_)) => bail!("there is no value kind {}", self.kind),
            Some(number) => Ok(number),
        }
    }

    pub(crate) fn of_val(
        store: &StoreCell,
        cx: &mut StoreContextMut<'_, Data>,
        value: Val,
    ) -> Result<wasm_val_t> {
        match numbers::raw(value) {
            Some((V128, _)) => bail!("wasm_val_t cannot hold a v128"),
            Some((kind, number)) => return Ok(wasm_val_t { kind, of: Payload::new(number) }),
            None => {}
        }
        let kind = match value {
            Val::FuncRef(_) => FUNCREF,
            Val::ExternRef(_) => EXTERNREF,
            Val::ExnRef(_) => EXNREF,
            _ => ANYREF,
        };
        let reference = given(value.ref_(), "value")?;
        Ok(wasm_val_t::reference(kind, wasm_ref_t::of_ref(store, cx, reference)?))
    }
}

impl Clone for wasm_val_t {
    fn clone(&self) -> wasm_val_t {
        match self.is_reference() {
            true => wasm_val_t::reference(self.kind, self.as_reference().cloned().map(Box::new)),
            false => wasm_val_t { kind: self.kind, of: self.of },
        }
    }
}

impl Drop for wasm_val_t {
    #[inline]
    fn drop(&mut self) {
        if self.is_reference() {
            // SAFETY: the kind says that it is a reference, which the value owns.
            let reference = unsafe { self.of.reference };
            if !reference.is_null() {
                // SAFETY: references are boxes made by this library.
                drop(unsafe { Box::from_raw(reference) });
            }
        }
    }
}

/// Uses a store with handles that end with the call.
pub(crate) fn scoped<R>(
    store: &StoreCell,
    body: impl FnOnce(&mut StoreContextMut<'_, Data>) -> Result<R>,
) -> Result<R> {
    store.with(|cx| {
        let mut scope = RootScope::new(cx);
        body(&mut threadle::AsContextMut::as_context_mut(&mut scope))
    })
}

c_functions! {
    fn wasm_val_delete(value: Option<&mut wasm_val_t>) {
        drop(value.map(|value| core::mem::replace(value, wasm_val_t::ZERO)));
        Ok(())
    }

    fn wasm_val_copy(
        out: Option<&mut core::mem::MaybeUninit<wasm_val_t>>,
        value: Option<&wasm_val_t>,
    ) {
        let copy = value.cloned();
        given(out, "out")?.write(copy.unwrap_or(wasm_val_t::ZERO));
        given(value, "value").map(drop)
    }
}
