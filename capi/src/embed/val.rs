//! `threadle_val_t`: values as threadle.h has them.

use core::mem::MaybeUninit;

use threadle::{AnyRef, ExnRef, ExternRef, Result, StoreContextMut, Val, ValRaw, bail};

use super::externs::Handle;
use super::refs::Object;
use crate::context::Data;
use crate::guard::{c_functions, given};
use crate::numbers::{self, Payload as _};
use crate::types::I32;

/// A value. Owns its reference, if it is one.
#[repr(C)]
pub struct threadle_val_t {
    kind: u8,
    of: Payload,
}

/// Floats are given by their bits. A vector has no alignment of its own.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) union Payload {
    /// A number of any type: they lie in the union as they do there.
    raw: ValRaw,
    func: Handle,
    object: [u64; 3],
}

impl numbers::Payload for Payload {
    const ZERO: Payload = Payload { object: [0; 3] };

    #[inline]
    fn new(value: ValRaw) -> Payload {
        Payload { raw: value }
    }

    #[inline]
    fn raw(&self) -> ValRaw {
        // SAFETY: any bits are a raw value.
        unsafe { self.raw }
    }
}

const FUNCREF: u8 = 5;
const EXTERNREF: u8 = 6;
const ANYREF: u8 = 7;
const EXNREF: u8 = 8;

/// A hierarchy of objects, and the kind of values that refer to them.
trait Hierarchy: Sized {
    const KIND: u8;
}

impl Hierarchy for ExternRef {
    const KIND: u8 = EXTERNREF;
}

impl Hierarchy for AnyRef {
    const KIND: u8 = ANYREF;
}

impl Hierarchy for ExnRef {
    const KIND: u8 = EXNREF;
}

impl threadle_val_t {
    pub(super) const ZERO: threadle_val_t =
        threadle_val_t { kind: I32, of: Payload { object: [0; 3] } };

    /// The reference of a value that is of this hierarchy.
    fn object<R: Hierarchy>(&self) -> Result<&Object<R>> {
        if self.kind != R::KIND {
            bail!("the value is no reference of this kind");
        }
        // SAFETY: the kind tells what C wrote, and the payload is aligned and large enough.
        Ok(unsafe { &*(&raw const self.of).cast::<Object<R>>() })
    }

    fn object_mut<R: Hierarchy>(&mut self) -> Option<&mut Object<R>> {
        // SAFETY: as above.
        (self.kind == R::KIND).then(|| unsafe { &mut *(&raw mut self.of).cast::<Object<R>>() })
    }

    fn of_object<R: Hierarchy>(object: Object<R>) -> threadle_val_t {
        let mut value = threadle_val_t { kind: R::KIND, of: Payload { object: [0; 3] } };
        // SAFETY: the payload is aligned and large enough, and nothing there needs dropping.
        unsafe { (&raw mut value.of).cast::<Object<R>>().write(object) };
        value
    }

    /// The value for the engine.
    #[inline]
    pub(super) fn get(&self, cx: &mut StoreContextMut<'_, Data>) -> Result<Val> {
        if let Some(number) = numbers::val(self.kind, self.of.raw()) {
            return Ok(number);
        }
        Ok(match self.kind {
            // SAFETY: any bits are a handle.
            FUNCREF => match unsafe { self.of.func } {
                Handle { store_id: 0, .. } => Val::FuncRef(None),
                func => Val::FuncRef(Some(func.func(cx.data())?)),
            },
            EXTERNREF => Val::ExternRef(self.object::<ExternRef>()?.root(cx)?),
            ANYREF => Val::AnyRef(self.object::<AnyRef>()?.root(cx)?),
            EXNREF => Val::ExnRef(self.object::<ExnRef>()?.root(cx)?),
            kind => bail!("there is no value kind {kind}"),
        })
    }

    #[inline]
    pub(super) fn new(cx: &mut StoreContextMut<'_, Data>, value: Val) -> Result<threadle_val_t> {
        if let Some((kind, number)) = numbers::raw(value) {
            return Ok(threadle_val_t { kind, of: Payload::new(number) });
        }
        Ok(match value {
            Val::FuncRef(func) => {
                let data = cx.data_mut();
                let func = func.map_or(Handle::NULL, |func| Handle::new(data, func.into()));
                threadle_val_t { kind: FUNCREF, of: Payload { func } }
            }
            Val::ExternRef(None) => threadle_val_t::of_object::<ExternRef>(Object::NULL),
            Val::AnyRef(None) => threadle_val_t::of_object::<AnyRef>(Object::NULL),
            Val::ExnRef(None) => threadle_val_t::of_object::<ExnRef>(Object::NULL),
            Val::ExternRef(Some(object)) => {
                let root = object.to_owned_rooted(&mut *cx)?;
                threadle_val_t::of_object(Object::new(cx.data(), root))
            }
            Val::AnyRef(Some(object)) => {
                let root = object.to_owned_rooted(&mut *cx)?;
                threadle_val_t::of_object(Object::new(cx.data(), root))
            }
            Val::ExnRef(Some(object)) => {
                let root = object.to_owned_rooted(&mut *cx)?;
                threadle_val_t::of_object(Object::new(cx.data(), root))
            }
            _ => bail!("a kind of value that C does not know"),
        })
    }

    /// Lets go of the reference, if it is one.
    #[inline]
    pub(super) fn unroot(&mut self) {
        if self.kind < EXTERNREF {
            return;
        }
        if let Some(object) = self.object_mut::<ExternRef>() {
            object.unroot();
        } else if let Some(object) = self.object_mut::<AnyRef>() {
            object.unroot();
        } else if let Some(object) = self.object_mut::<ExnRef>() {
            object.unroot();
        }
    }

    fn duplicate(&self) -> Result<threadle_val_t> {
        Ok(match self.kind {
            EXTERNREF => threadle_val_t::of_object(self.object::<ExternRef>()?.duplicate()),
            ANYREF => threadle_val_t::of_object(self.object::<AnyRef>()?.duplicate()),
            EXNREF => threadle_val_t::of_object(self.object::<ExnRef>()?.duplicate()),
            kind => threadle_val_t { kind, of: self.of },
        })
    }
}

c_functions! {
    fn threadle_val_unroot(value: Option<&mut threadle_val_t>) {
        given(value, "value")?.unroot();
        Ok(())
    }

    fn threadle_val_clone(
        value: Option<&threadle_val_t>,
        out: Option<&mut MaybeUninit<threadle_val_t>>,
    ) {
        let out = given(out, "out")?;
        out.write(threadle_val_t::ZERO);
        out.write(given(value, "value")?.duplicate()?);
        Ok(())
    }
}
