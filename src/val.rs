//! Values as the embedder sees them when types are not known at compile time.

use core::any::Any;

use crate::error::Result;
use crate::exn::ExnRef;
use crate::func::Func;
use crate::gc::{AnyRef, Checked as _, GcHeapOutOfMemory, OwnedRooted, Rooted};
use crate::prelude::*;
use crate::store::{AsContext, AsContextMut};
use crate::ty::{HeapType, RefType, ValType};
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
    /// When the heap's limits leave no room: [`GcHeapOutOfMemory`], which gives the object back, and
    /// [`Trap::OutOfHeap`](crate::Trap::OutOfHeap).
    pub fn new<O>(mut store: impl AsContextMut, value: O) -> Result<Rooted<ExternRef>>
    where
        O: Any + Send + Sync + 'static,
    {
        let mut store = store.as_context_mut();
        store.check_limiter_answers()?;
        let mut value = Some(value);
        let object =
            || -> Box<dyn Any + Send + Sync> { Box::new(value.take().expect("asked for once")) };
        let result = store.0.vm_mut().new_extern(object);
        result.map(Rooted::new).map_err(|error| match value {
            Some(value) => error.context(GcHeapOutOfMemory::new(value)),
            None => error,
        })
    }

    /// Like [`ExternRef::new`], for those who wait. The heap grows without waiting.
    ///
    /// # Errors
    ///
    /// As for [`ExternRef::new`].
    pub async fn new_async<O>(mut store: impl AsContextMut, value: O) -> Result<Rooted<ExternRef>>
    where
        O: Any + Send + Sync + 'static,
    {
        store.as_context_mut().with_answers(|store| ExternRef::new(store, value))
    }

    /// `extern.convert_any`: the same object, as one of the external hierarchy.
    ///
    /// # Errors
    ///
    /// When it belongs to another store, or the handle's scope has ended.
    pub fn convert_any(
        store: impl AsContextMut,
        anyref: Rooted<AnyRef>,
    ) -> Result<Rooted<ExternRef>> {
        anyref.check(store.as_context().0.vm())?;
        Ok(Rooted::new(anyref.object))
    }
}

macro_rules! host_objects {
    ($($handle:ident)*) => {$(
        impl $handle<ExternRef> {
            /// The host object; `None` if the reference leads to an object of the program instead
            /// (`extern.convert_any`).
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            #[track_caller]
            pub fn data<'a, T: 'static>(
                &self,
                store: impl Into<crate::StoreContext<'a, T>>,
            ) -> Result<Option<&'a (dyn Any + Send + Sync)>> {
                let store = store.into();
                let vm = store.0.vm();
                Ok(vm.extern_data(self.checked(vm)?))
            }

            /// The host object, to change.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`", stringify!($handle), "::data`].")]
            ///
            /// # Panics
            ///
            #[doc = concat!("As for [`", stringify!($handle), "::data`].")]
            #[track_caller]
            pub fn data_mut<'a, T: 'static>(
                &self,
                store: impl Into<crate::StoreContextMut<'a, T>>,
            ) -> Result<Option<&'a mut (dyn Any + Send + Sync)>> {
                let (vm, _) = store.into().split();
                let object = self.checked(vm)?;
                Ok(vm.extern_data_mut(object))
            }
        }
    )*};
}

host_objects! { Rooted OwnedRooted }

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
}

macro_rules! references {
    ($($variant:ident($ty:ty) $get:ident $unwrap:ident $get_too:ident $unwrap_too:ident
        $null:ident $is:ident $as:ident $unwrap_ref:ident $ref:ident;)*) => {
        impl Val {
            $(
                #[doc = concat!("The reference of a [`Val::", stringify!($variant), "`], which may be null.")]
                pub fn $get(&self) -> Option<Option<&$ty>> {
                    match self {
                        Val::$variant(value) => Some(value.as_ref()),
                        _ => None,
                    }
                }

                #[doc = concat!("The reference of a [`Val::", stringify!($variant), "`]; `None` for null.")]
                ///
                /// # Panics
                ///
                /// If it is of another kind.
                #[track_caller]
                pub fn $unwrap(&self) -> Option<&$ty> {
                    self.$get().expect(concat!("expected ", stringify!($variant)))
                }

                #[doc = concat!("As [`Val::", stringify!($get), "`].")]
                pub fn $get_too(&self) -> Option<Option<&$ty>> {
                    self.$get()
                }

                #[doc = concat!("As [`Val::", stringify!($unwrap), "`].")]
                ///
                /// # Panics
                ///
                /// If it is of another kind.
                #[track_caller]
                pub fn $unwrap_too(&self) -> Option<&$ty> {
                    self.$unwrap()
                }

                #[doc = concat!("The null of a [`Val::", stringify!($variant), "`].")]
                pub const fn $null() -> Val {
                    Val::$variant(None)
                }
            )*
        }

        impl Ref {
            $(
                #[doc = concat!("Is it a [`Ref::", stringify!($ref), "`]?")]
                pub fn $is(&self) -> bool {
                    matches!(self, Ref::$ref(_))
                }

                #[doc = concat!("The reference of a [`Ref::", stringify!($ref), "`], which may be null.")]
                pub fn $as(&self) -> Option<Option<&$ty>> {
                    match self {
                        Ref::$ref(value) => Some(value.as_ref()),
                        _ => None,
                    }
                }

                #[doc = concat!("The reference of a [`Ref::", stringify!($ref), "`]; `None` for null.")]
                ///
                /// # Panics
                ///
                /// If it is of another kind.
                #[track_caller]
                pub fn $unwrap_ref(&self) -> Option<&$ty> {
                    self.$as().expect(concat!("expected ", stringify!($ref)))
                }
            )*
        }
    };
}

references! {
    FuncRef(Func) funcref unwrap_funcref func_ref unwrap_func_ref
        null_func_ref is_func as_func unwrap_func Func;
    ExternRef(Rooted<ExternRef>) externref unwrap_externref extern_ref unwrap_extern_ref
        null_extern_ref is_extern as_extern unwrap_extern Extern;
    AnyRef(Rooted<AnyRef>) anyref unwrap_anyref any_ref unwrap_any_ref
        null_any_ref is_any as_any unwrap_any Any;
    ExnRef(Rooted<ExnRef>) exnref unwrap_exnref exn_ref unwrap_exn_ref
        null_exn_ref is_exn as_exn unwrap_exn Exn;
}

impl Val {
    /// The null reference of a type's hierarchy.
    pub fn null_ref(heap_type: &HeapType) -> Val {
        Ref::null(heap_type).into()
    }

    /// The default value of a type: zero or null. `None` for references that cannot be null.
    pub fn default_for_ty(ty: &ValType) -> Option<Val> {
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
    /// # Errors
    ///
    /// When it belongs to another store, or the handle's scope has ended.
    pub fn ty(&self, store: impl AsContext) -> Result<ValType> {
        let store = store.as_context();
        let vm = store.0.vm();
        let value = self.to_value();
        vm.check_usable(value)?;
        if let Val::ExnRef(Some(exception)) = self {
            let heap = HeapType::ConcreteExn(exception.ty(store)?);
            return Ok(RefType::new(false, heap).into());
        }
        Ok(ValType::lift(store.engine(), vm.type_of(value)))
    }

    /// Whether the value has this type.
    ///
    /// # Errors
    ///
    /// When it belongs to another store, or the handle's scope has ended.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &ValType) -> Result<bool> {
        Ok(self.ty(store)?.matches(ty))
    }

    /// The reference, if it is one.
    pub fn ref_(self) -> Option<Ref> {
        Some(match self {
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
    /// The null reference of a type's hierarchy.
    pub fn null(heap_type: &HeapType) -> Ref {
        match heap_type.top() {
            HeapType::Func => Ref::Func(None),
            HeapType::Extern => Ref::Extern(None),
            HeapType::Exn => Ref::Exn(None),
            _ => Ref::Any(None),
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        match self {
            Ref::Func(func) => func.is_none(),
            Ref::Extern(object) => object.is_none(),
            Ref::Any(object) => object.is_none(),
            Ref::Exn(object) => object.is_none(),
        }
    }

    /// Whether it is not null.
    pub fn is_non_null(&self) -> bool {
        !self.is_null()
    }

    /// The reference's type, as exact as the store knows it.
    ///
    /// # Errors
    ///
    /// When it belongs to another store, or the handle's scope has ended.
    pub fn ty(&self, store: impl AsContext) -> Result<RefType> {
        Ok(Val::from(*self).ty(store)?.unwrap_ref().clone())
    }

    /// Whether the reference has this type.
    ///
    /// # Errors
    ///
    /// When it belongs to another store, or the handle's scope has ended.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &RefType) -> Result<bool> {
        Ok(self.ty(store)?.matches(ty))
    }

    pub(crate) fn to_value(self) -> Value {
        Val::from(self).to_value()
    }

    /// The reference of a value that is one.
    pub(crate) fn from_value(value: Value) -> Ref {
        Val::from_value(value).ref_().expect("a reference")
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
