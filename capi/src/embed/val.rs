//! `threadle_val_t`: values as threadle.h has them.

use core::mem::MaybeUninit;

use threadle::{AnyRef, ExnRef, ExternRef, Result, StoreContextMut, V128, Val, ValRaw, bail};

use super::externs::Handle;
use super::refs::Object;
use crate::context::Data;
use crate::guard::{c_functions, given};

/// A value. Owns its reference, if it is one.
#[repr(C)]
pub struct threadle_val_t {
    kind: u8,
    of: Payload,
}

/// A value that is a number: a [`threadle_val_t`] that can be copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Number {
    kind: u8,
    of: Payload,
}

impl Number {
    pub const ZERO: Number = Number { kind: I32, of: Payload { object: [0; 3] } };

    /// The numbers of all types lie in the union as they do in a raw value.
    #[inline]
    pub fn new(kind: u8, value: ValRaw) -> Number {
        Number { kind, of: Payload { raw: value } }
    }

    #[inline]
    pub fn kind(&self) -> u8 {
        self.kind
    }

    #[inline]
    pub fn raw(&self) -> ValRaw {
        // SAFETY: any bits are a raw value.
        unsafe { self.of.raw }
    }
}

/// Floats are given by their bits. A vector has no alignment of its own.
#[repr(C)]
#[derive(Clone, Copy)]
union Payload {
    i32: i32,
    i64: i64,
    f32: u32,
    f64: u64,
    v128: [u8; 16],
    raw: ValRaw,
    func: Handle,
    object: [u64; 3],
}

const I32: u8 = 0;
const I64: u8 = 1;
const F32: u8 = 2;
const F64: u8 = 3;
const VECTOR: u8 = 4;
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
        // SAFETY: each field is read for the kind that it belongs to, and any bits are a number or
        // a handle.
        Ok(unsafe {
            match self.kind {
                I32 => Val::I32(self.of.i32),
                I64 => Val::I64(self.of.i64),
                F32 => Val::F32(self.of.f32),
                F64 => Val::F64(self.of.f64),
                VECTOR => Val::V128(V128::from(u128::from_le_bytes(self.of.v128))),
                FUNCREF => match self.of.func {
                    Handle { store_id: 0, .. } => Val::FuncRef(None),
                    func => Val::FuncRef(Some(func.func(cx.data())?)),
                },
                EXTERNREF => Val::ExternRef(self.object::<ExternRef>()?.root(cx)?),
                ANYREF => Val::AnyRef(self.object::<AnyRef>()?.root(cx)?),
                EXNREF => Val::ExnRef(self.object::<ExnRef>()?.root(cx)?),
                kind => bail!("there is no value kind {kind}"),
            }
        })
    }

    #[inline]
    pub(super) fn new(cx: &mut StoreContextMut<'_, Data>, value: Val) -> Result<threadle_val_t> {
        let number = |kind, of| threadle_val_t { kind, of };
        Ok(match value {
            Val::I32(value) => number(I32, Payload { i32: value }),
            Val::I64(value) => number(I64, Payload { i64: value }),
            Val::F32(bits) => number(F32, Payload { f32: bits }),
            Val::F64(bits) => number(F64, Payload { f64: bits }),
            Val::V128(value) => number(VECTOR, Payload { v128: u128::from(value).to_le_bytes() }),
            Val::FuncRef(func) => {
                let data = cx.data_mut();
                let func = func.map_or(Handle::NULL, |func| Handle::new(data, func.into()));
                number(FUNCREF, Payload { func })
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
