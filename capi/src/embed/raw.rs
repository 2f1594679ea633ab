//! References in raw values. To the engine a reference is an address; C gets a number instead, which
//! leads to a list that the store keeps: of objects for as long as the call that they were made for
//! is going on, of functions for ever.

use core::mem::MaybeUninit;

use threadle::{
    AnyRef, ExnRef, ExternRef, Func, FuncType, OwnedRooted, Result, StoreContextMut, V128, Val,
    ValRaw, ValType, bail,
};

use super::externs::Handle;
use super::refs::Object;
use super::store::threadle_context_t;
use crate::context::Data;
use crate::guard::{c_functions, given};
use crate::numbers::with_room;
use crate::types::val_kind;
use crate::value::scoped;

/// An object that C has a number for.
pub(crate) enum RawObject {
    Extern(OwnedRooted<ExternRef>),
    Any(OwnedRooted<AnyRef>),
    Exn(OwnedRooted<ExnRef>),
}

/// The numbers that are made while a host function runs end with it.
pub(super) struct Scope {
    len: usize,
    floor: usize,
}

impl Scope {
    pub fn begin(data: &Data) -> Scope {
        Scope { len: data.raw_objects.len(), floor: data.raw_floor }
    }

    /// What there is now are the parameters, which last.
    pub fn has_parameters(&self, data: &mut Data) {
        data.raw_floor = data.raw_objects.len();
    }

    pub fn end(self, data: &mut Data) {
        data.raw_objects.truncate(self.len);
        data.raw_floor = self.floor;
    }
}

fn number(data: &mut Data, object: RawObject) -> Result<u32> {
    data.raw_objects.push(object);
    Ok(u32::try_from(data.raw_objects.len())?)
}

fn object(data: &Data, number: u32) -> Result<Option<&RawObject>> {
    let Some(index) = (number as usize).checked_sub(1) else { return Ok(None) };
    given(data.raw_objects.get(index), "object of a raw value").map(Some)
}

/// A value for C.
pub(super) fn of_val(cx: &mut StoreContextMut<'_, Data>, value: Val) -> Result<ValRaw> {
    let object = match value {
        Val::I32(value) => return Ok(ValRaw::i32(value)),
        Val::I64(value) => return Ok(ValRaw::i64(value)),
        Val::F32(bits) => return Ok(ValRaw::f32(bits)),
        Val::F64(bits) => return Ok(ValRaw::f64(bits)),
        Val::V128(value) => return Ok(ValRaw::v128(value.into())),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => {
            return Ok(ValRaw::i64(0));
        }
        Val::FuncRef(Some(func)) => {
            let index = Handle::new(cx.data_mut(), func.into()).index;
            return Ok(ValRaw::i64((index + 1).cast_signed()));
        }
        Val::ExternRef(Some(object)) => RawObject::Extern(object.to_owned_rooted(&mut *cx)?),
        Val::AnyRef(Some(object)) => RawObject::Any(object.to_owned_rooted(&mut *cx)?),
        Val::ExnRef(Some(object)) => RawObject::Exn(object.to_owned_rooted(&mut *cx)?),
        _ => bail!("a kind of value that C does not know"),
    };
    Ok(ValRaw::i64(number(cx.data_mut(), object)?.into()))
}

/// A value of C's, which is of the given type.
pub(super) fn to_val(
    cx: &mut StoreContextMut<'_, Data>,
    value: ValRaw,
    ty: &ValType,
) -> Result<Val> {
    Ok(match ty {
        ValType::I32 => Val::I32(value.get_i32()),
        ValType::I64 => Val::I64(value.get_i64()),
        ValType::F32 => Val::F32(value.get_f32()),
        ValType::F64 => Val::F64(value.get_f64()),
        ValType::V128 => Val::V128(V128::from(value.get_v128())),
        ValType::Ref(_) if val_kind(ty) == crate::types::FUNCREF => {
            let Some(index) = value.get_i64().cast_unsigned().checked_sub(1) else {
                return Ok(Val::FuncRef(None));
            };
            let handle = Handle { store_id: cx.data().id, index };
            Val::FuncRef(Some(handle.func(cx.data())?))
        }
        ValType::Ref(reference) => {
            let owned = match object(cx.data(), value.get_i32().cast_unsigned())? {
                None => return Ok(Val::null_ref(reference.heap_type())),
                Some(RawObject::Extern(it)) => RawObject::Extern(it.clone()),
                Some(RawObject::Any(it)) => RawObject::Any(it.clone()),
                Some(RawObject::Exn(it)) => RawObject::Exn(it.clone()),
            };
            match owned {
                RawObject::Extern(it) => Val::ExternRef(Some(it.to_rooted(cx))),
                RawObject::Any(it) => Val::AnyRef(Some(it.to_rooted(cx))),
                RawObject::Exn(it) => Val::ExnRef(Some(it.to_rooted(cx))),
            }
        }
    })
}

/// Calls a function with references. The numbers of its arguments end when it begins.
pub(super) fn call(
    cx: &mut StoreContextMut<'_, Data>,
    func: Func,
    ty: &FuncType,
    values: &mut [ValRaw],
) -> Result<()> {
    let (params, results) = (ty.params().len(), ty.results().len());
    threadle::ensure!(
        values.len() >= params.max(results),
        "expected room for {} values, got {}",
        params.max(results),
        values.len()
    );
    with_room(Val::I32(0), params + results, |room| {
        let (args, returned) = room.split_at_mut(params);
        for ((arg, value), ty) in args.iter_mut().zip(&*values).zip(ty.params()) {
            *arg = to_val(cx, *value, &ty)?;
        }
        let floor = cx.data().raw_floor;
        cx.data_mut().raw_objects.truncate(floor);
        func.call(&mut *cx, args, returned)?;
        for (value, result) in values.iter_mut().zip(returned) {
            *value = of_val(cx, *result)?;
        }
        Ok(())
    })
}

/// Conversions of one hierarchy's references.
macro_rules! conversions {
    ($($ty:ident $kind:ident: $from:ident $to:ident;)*) => {
        c_functions! {$(
            fn $from(
                context: Option<&threadle_context_t>,
                raw: u32,
                out: Option<&mut MaybeUninit<Object<$ty>>>,
            ) {
                let out = given(out, "out")?;
                out.write(Object::NULL);
                given(context, "context")?.with(|cx| {
                    match object(cx.data(), raw)? {
                        None => {}
                        Some(RawObject::$kind(it)) => {
                            let root = it.clone();
                            out.write(Object::new(cx.data(), root));
                        }
                        Some(_) => bail!("the raw value is of another kind"),
                    }
                    Ok(())
                })
            }

            fn $to(
                context: Option<&threadle_context_t>,
                reference: Option<&Object<$ty>>,
            ) -> u32 {
                let reference = given(reference, "reference")?;
                scoped(given(context, "context")?, |cx| {
                    let Some(object) = reference.root(cx)? else { return Ok(0) };
                    let root = object.to_owned_rooted(&mut *cx)?;
                    number(cx.data_mut(), RawObject::$kind(root))
                })
            }
        )*}
    };
}

conversions! {
    ExternRef Extern: threadle_externref_from_raw threadle_externref_to_raw;
    AnyRef Any: threadle_anyref_from_raw threadle_anyref_to_raw;
    ExnRef Exn: threadle_exnref_from_raw threadle_exnref_to_raw;
}
