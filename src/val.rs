//! Values as the embedder sees them when types are not known at compile time.

use core::any::Any;

use crate::error::{Result, format_err};
use crate::exn::ExnRef;
use crate::func::Func;
use crate::gc::{AnyRef, Rooted};
use crate::store::{AsContext, AsContextMut};
use crate::types::{HeapType, RefType, ValType};
use crate::vm::VmStore;
use crate::vm::value::Value;

/// A WebAssembly value. Floats are given by their bits, so that NaN payloads survive.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Val {
    /// An `i32`.
    I32(i32),
    /// An `i64`.
    I64(i64),
    /// An `f32`, by its bits.
    F32(u32),
    /// An `f64`, by its bits.
    F64(u64),
    /// A `v128`.
    V128(V128),
    /// A reference to a function; `None` is null.
    FuncRef(Option<Func>),
    /// A reference to a host object; `None` is null.
    ExternRef(Option<Rooted<ExternRef>>),
    /// A reference to an object of the program; `None` is null.
    AnyRef(Option<Rooted<AnyRef>>),
    /// A reference to an exception; `None` is null.
    ExnRef(Option<Rooted<ExnRef>>),
}

/// A WebAssembly reference.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Ref {
    /// A reference to a function; `None` is null.
    Func(Option<Func>),
    /// A reference to a host object; `None` is null.
    Extern(Option<Rooted<ExternRef>>),
    /// A reference to an object of the program; `None` is null.
    Any(Option<Rooted<AnyRef>>),
    /// A reference to an exception; `None` is null.
    Exn(Option<Rooted<ExnRef>>),
}

/// A 128-bit vector.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct V128(u128);

impl V128 {
    /// The vector as an integer, lane 0 in the low bits.
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl From<u128> for V128 {
    fn from(value: u128) -> V128 {
        V128(value)
    }
}

impl From<V128> for u128 {
    fn from(value: V128) -> u128 {
        value.0
    }
}

/// A host object that programs can hold references to, opaque to them.
#[derive(Debug)]
pub enum ExternRef {}

impl ExternRef {
    /// Gives a host object to a store and returns a reference to it, which programs can hold. It is
    /// dropped when nothing refers to it any more and the store is collected, or with the store.
    ///
    /// # Errors
    ///
    /// When the heap's limits leave no room.
    pub fn new<O>(mut store: impl AsContextMut, object: O) -> Result<Rooted<ExternRef>>
    where
        O: Any + Send + Sync + 'static,
    {
        let mut store = store.as_context_mut();
        Ok(Rooted::new(store.0.vm_mut().new_extern(Box::new(object))?))
    }

    /// `extern.convert_any`: the same object, as one of the external hierarchy.
    pub fn convert_any(object: Rooted<AnyRef>) -> Rooted<ExternRef> {
        Rooted::new(object.object)
    }
}

impl Rooted<ExternRef> {
    /// The host object; `None` if the reference leads to an object of the program instead
    /// (`extern.convert_any`).
    ///
    /// # Errors
    ///
    /// When it belongs to another store, or the handle's scope has ended.
    pub fn data<'a, T: 'static>(
        &self,
        store: impl Into<crate::StoreContext<'a, T>>,
    ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
        let store = store.into();
        self.check(store.0.vm())?;
        Ok(store.0.vm().extern_data(self.object))
    }

    /// The host object, to change.
    ///
    /// # Errors
    ///
    /// As for [`Rooted::data`].
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: impl Into<crate::StoreContextMut<'a, T>>,
    ) -> Result<Option<&'a mut (dyn Any + Send + Sync)>> {
        let (vm, _) = store.into().split();
        self.check(vm)?;
        Ok(vm.extern_data_mut(self.object))
    }
}

macro_rules! accessors {
    ($($variant:ident($bind:ident: $ty:ty) $get:ident $unwrap:ident = $value:expr;)*) => {
        impl Val {
            $(
                #[doc = concat!("The value of a [`Val::", stringify!($variant), "`].")]
                pub fn $get(&self) -> Option<$ty> {
                    match *self {
                        Val::$variant($bind) => Some($value),
                        _ => None,
                    }
                }

                #[doc = concat!("The value of a [`Val::", stringify!($variant), "`].")]
                ///
                /// # Panics
                ///
                /// If it is of another kind.
                #[track_caller]
                pub fn $unwrap(&self) -> $ty {
                    self.$get().expect(concat!("expected ", stringify!($variant)))
                }
            )*
        }
    };
}

accessors! {
    I32(value: i32) i32 unwrap_i32 = value;
    I64(value: i64) i64 unwrap_i64 = value;
    F32(bits: f32) f32 unwrap_f32 = f32::from_bits(bits);
    F64(bits: f64) f64 unwrap_f64 = f64::from_bits(bits);
    V128(value: V128) v128 unwrap_v128 = value;
    FuncRef(value: Option<Func>) funcref unwrap_funcref = value;
    ExternRef(value: Option<Rooted<ExternRef>>) externref unwrap_externref = value;
    AnyRef(value: Option<Rooted<AnyRef>>) anyref unwrap_anyref = value;
    ExnRef(value: Option<Rooted<ExnRef>>) exnref unwrap_exnref = value;
}

impl Val {
    /// The null reference of a type's hierarchy. The hierarchy of a defined type is only known to
    /// its engine: it is given as for a function type, and taken for a null of any defined type.
    pub fn null_ref(ty: HeapType) -> Val {
        Ref::null(ty).into()
    }

    /// The default value of a type: zero or null. `None` for references that cannot be null.
    pub fn default_for_ty(ty: ValType) -> Option<Val> {
        Some(match ty {
            ValType::I32 => Val::I32(0),
            ValType::I64 => Val::I64(0),
            ValType::F32 => Val::F32(0),
            ValType::F64 => Val::F64(0),
            ValType::V128 => Val::V128(V128(0)),
            ValType::Ref(ty) if ty.is_nullable() => Val::null_ref(ty.heap_type()),
            ValType::Ref(_) => return None,
        })
    }

    /// The value's type, as exact as the store knows it.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> ValType {
        store.as_context().0.vm().type_of(self.to_value())
    }

    /// Has the value this type?
    ///
    /// # Errors
    ///
    /// When it belongs to another store.
    pub fn matches_ty(&self, store: impl AsContext, ty: ValType) -> Result<bool> {
        let store = store.as_context();
        let value = self.to_value();
        value.check_store(store.0.vm())?;
        Ok(store.0.vm().check_value(value, ty).is_ok())
    }

    /// The reference, if it is one.
    pub fn ref_(&self) -> Option<Ref> {
        Some(match *self {
            Val::FuncRef(func) => Ref::Func(func),
            Val::ExternRef(object) => Ref::Extern(object),
            Val::AnyRef(object) => Ref::Any(object),
            Val::ExnRef(object) => Ref::Exn(object),
            _ => return None,
        })
    }

    pub(crate) fn to_value(self) -> Value {
        match self {
            Val::I32(value) => Value::I32(value),
            Val::I64(value) => Value::I64(value),
            Val::F32(bits) => Value::F32(bits),
            Val::F64(bits) => Value::F64(bits),
            Val::V128(value) => Value::V128(value.0),
            Val::FuncRef(func) => Value::Func(func.map(|func| func.0)),
            Val::ExternRef(object) => Value::Extern(object.map(|object| object.object)),
            Val::AnyRef(object) => Value::Any(object.map(|object| object.object)),
            Val::ExnRef(object) => Value::Exn(object.map(|object| object.object)),
        }
    }

    pub(crate) fn from_value(value: Value) -> Val {
        match value {
            Value::I32(value) => Val::I32(value),
            Value::I64(value) => Val::I64(value),
            Value::F32(bits) => Val::F32(bits),
            Value::F64(bits) => Val::F64(bits),
            Value::V128(value) => Val::V128(V128(value)),
            Value::Func(func) => Val::FuncRef(func.map(Func)),
            Value::Extern(object) => Val::ExternRef(object.map(Rooted::new)),
            Value::Any(object) => Val::AnyRef(object.map(Rooted::new)),
            Value::Exn(object) => Val::ExnRef(object.map(Rooted::new)),
        }
    }
}

impl Ref {
    /// The null reference of a type's hierarchy; see [`Val::null_ref`].
    pub fn null(ty: HeapType) -> Ref {
        match ty.bottom() {
            None | Some(HeapType::NoFunc) => Ref::Func(None),
            Some(HeapType::NoExtern) => Ref::Extern(None),
            Some(HeapType::NoExn) => Ref::Exn(None),
            Some(_) => Ref::Any(None),
        }
    }

    /// Is it null?
    pub fn is_null(&self) -> bool {
        match self {
            Ref::Func(func) => func.is_none(),
            Ref::Extern(object) => object.is_none(),
            Ref::Any(object) => object.is_none(),
            Ref::Exn(object) => object.is_none(),
        }
    }

    /// The function reference, if it is of that hierarchy.
    pub fn as_func(&self) -> Option<Option<Func>> {
        match self {
            Ref::Func(func) => Some(*func),
            _ => None,
        }
    }

    /// The reference to a host object, if it is of that hierarchy.
    pub fn as_extern(&self) -> Option<Option<Rooted<ExternRef>>> {
        match self {
            Ref::Extern(object) => Some(*object),
            _ => None,
        }
    }

    /// The reference's type, as exact as the store knows it.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> RefType {
        let ty = store.as_context().0.vm().type_of(self.to_value());
        ty.as_ref().expect("references have reference types")
    }

    pub(crate) fn to_value(self) -> Value {
        Val::from(self).to_value()
    }

    /// The reference of a value that is one.
    pub(crate) fn from_value(value: Value) -> Ref {
        Val::from_value(value).ref_().expect("a reference")
    }
}

impl Value {
    /// Checks that a reference belongs to this store.
    fn check_store(&self, store: &VmStore) -> Result<()> {
        let owner = match self {
            Value::Func(func) => func.map(|func| func.store()),
            Value::Extern(object) | Value::Any(object) | Value::Exn(object) => {
                object.map(|object| object.store())
            }
            _ => None,
        };
        match owner {
            Some(owner) if owner != store.id() => {
                Err(format_err!("object used with the wrong store"))
            }
            _ => Ok(()),
        }
    }
}

macro_rules! conversions {
    ($($from:ty => $into:ident::$variant:ident($bind:ident) $value:expr;)*) => {$(
        impl From<$from> for $into {
            fn from($bind: $from) -> $into {
                $into::$variant($value)
            }
        }
    )*};
}

conversions! {
    i32 => Val::I32(value) value;
    u32 => Val::I32(value) value as i32;
    i64 => Val::I64(value) value;
    u64 => Val::I64(value) value as i64;
    f32 => Val::F32(value) value.to_bits();
    f64 => Val::F64(value) value.to_bits();
    V128 => Val::V128(value) value;
    u128 => Val::V128(value) V128(value);
    Func => Val::FuncRef(func) Some(func);
    Option<Func> => Val::FuncRef(func) func;
    Rooted<ExternRef> => Val::ExternRef(object) Some(object);
    Option<Rooted<ExternRef>> => Val::ExternRef(object) object;
    Rooted<AnyRef> => Val::AnyRef(object) Some(object);
    Option<Rooted<AnyRef>> => Val::AnyRef(object) object;
    Rooted<ExnRef> => Val::ExnRef(object) Some(object);
    Option<Rooted<ExnRef>> => Val::ExnRef(object) object;
    Func => Ref::Func(func) Some(func);
    Option<Func> => Ref::Func(func) func;
    Rooted<ExternRef> => Ref::Extern(object) Some(object);
    Option<Rooted<ExternRef>> => Ref::Extern(object) object;
    Rooted<AnyRef> => Ref::Any(object) Some(object);
    Option<Rooted<AnyRef>> => Ref::Any(object) object;
    Rooted<ExnRef> => Ref::Exn(object) Some(object);
    Option<Rooted<ExnRef>> => Ref::Exn(object) object;
}

impl From<Ref> for Val {
    fn from(reference: Ref) -> Val {
        match reference {
            Ref::Func(func) => Val::FuncRef(func),
            Ref::Extern(object) => Val::ExternRef(object),
            Ref::Any(object) => Val::AnyRef(object),
            Ref::Exn(object) => Val::ExnRef(object),
        }
    }
}

static_assertions::assert_impl_all!(Val: Send, Sync);
