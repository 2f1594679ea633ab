//! References of the internal hierarchy, and the ways between them.

use super::{ArrayRef, Checked as _, OwnedRooted, Rooted, StructRef};
use crate::error::Result;
use crate::store::{AsContext, AsContextMut};
use crate::ty::HeapType;
use crate::types;
use crate::val::{ExternRef, Ref, Val};
use crate::wasm::TypeLookup;

/// Anything of the internal hierarchy: a structure, an array, a small integer, or a host object that
/// was made internal.
#[derive(Debug)]
pub enum AnyRef {}

/// What can be compared with `ref.eq`: a structure, an array or a small integer.
#[derive(Debug)]
pub enum EqRef {}

/// An integer of 31 bits, which is a reference without an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct I31(u32);

impl I31 {
    /// An integer, if it fits.
    pub fn new_u32(value: u32) -> Option<I31> {
        (value >> 31 == 0).then_some(I31(value))
    }

    /// An integer, if it fits.
    pub fn new_i32(value: i32) -> Option<I31> {
        ((-(1 << 30)..1 << 30).contains(&value)).then_some(I31::wrapping_i32(value))
    }

    /// The low 31 bits of an integer.
    pub fn wrapping_u32(value: u32) -> I31 {
        I31(value & u32::MAX >> 1)
    }

    /// The low 31 bits of an integer.
    pub fn wrapping_i32(value: i32) -> I31 {
        I31::wrapping_u32(value as u32)
    }

    /// The value, zero-extended.
    pub fn get_u32(self) -> u32 {
        self.0
    }

    /// The value, its sign extended.
    pub fn get_i32(self) -> i32 {
        (self.0 << 1) as i32 >> 1
    }
}

impl AnyRef {
    /// A reference to a small integer.
    pub fn from_i31(mut store: impl AsContextMut, value: I31) -> Rooted<AnyRef> {
        Rooted::new(store.as_context_mut().0.vm_mut().root_i31(value.0))
    }

    /// `any.convert_extern`: the same object, as one of the internal hierarchy.
    ///
    /// # Errors
    ///
    /// When it belongs to another store, or the handle's scope has ended.
    pub fn convert_extern(
        store: impl AsContextMut,
        externref: Rooted<ExternRef>,
    ) -> Result<Rooted<AnyRef>> {
        externref.check(store.as_context().0.vm())?;
        Ok(Rooted::new(externref.object))
    }
}

impl EqRef {
    /// A reference to a small integer.
    pub fn from_i31(mut store: impl AsContextMut, value: I31) -> Rooted<EqRef> {
        Rooted::new(store.as_context_mut().0.vm_mut().root_i31(value.0))
    }
}

macro_rules! upcasts {
    ($($from:ident => $($to:ident $name:ident),*;)*) => {$($(
        impl Rooted<$from> {
            #[doc = concat!("The same object, as an [`", stringify!($to), "`].")]
            pub fn $name(self) -> Rooted<$to> {
                self.cast()
            }
        }

        impl OwnedRooted<$from> {
            #[doc = concat!("The same object, as an [`", stringify!($to), "`].")]
            pub fn $name(self) -> OwnedRooted<$to> {
                self.cast()
            }
        }

        impl From<OwnedRooted<$from>> for OwnedRooted<$to> {
            fn from(object: OwnedRooted<$from>) -> OwnedRooted<$to> {
                object.cast()
            }
        }

        impl From<Rooted<$from>> for Rooted<$to> {
            fn from(object: Rooted<$from>) -> Rooted<$to> {
                object.$name()
            }
        }
    )*)*};
}

upcasts! {
    EqRef => AnyRef to_anyref;
    StructRef => EqRef to_eqref, AnyRef to_anyref;
    ArrayRef => EqRef to_eqref, AnyRef to_anyref;
}

/// Handles of either kind.
macro_rules! downcasts {
    ($($rows:tt)*) => {
        downcasts_of! { Rooted $($rows)* }
        downcasts_of! { OwnedRooted $($rows)* }
    };
}

macro_rules! downcasts_of {
    ($handle:ident $from:ident: $($to:ident $heap:ident $is:ident $as:ident $unwrap:ident;)*) => {
        impl $handle<$from> {
            $(
                #[doc = concat!("Is it an [`", stringify!($to), "`]?")]
                ///
                /// # Errors
                ///
                /// When the handle's scope has ended.
                ///
                /// # Panics
                ///
                /// If it belongs to another store.
                #[track_caller]
                pub fn $is(&self, store: impl AsContext) -> Result<bool> {
                    let store = store.as_context();
                    let vm = store.0.vm();
                    let exact = vm.any_type(self.checked(vm)?);
                    Ok(vm.types().heap_matches(exact, types::HeapType::$heap))
                }

                #[doc = concat!("The same object as an [`", stringify!($to), "`], if it is one.")]
                ///
                /// # Errors
                ///
                /// When the handle's scope has ended.
                ///
                /// # Panics
                ///
                /// If it belongs to another store.
                #[track_caller]
                pub fn $as(&self, store: impl AsContext) -> Result<Option<$handle<$to>>> {
                    Ok(self.$is(store)?.then(|| self.clone().cast()))
                }

                #[doc = concat!("The same object as an [`", stringify!($to), "`].")]
                ///
                /// # Errors
                ///
                /// When the handle's scope has ended.
                ///
                /// # Panics
                ///
                /// If it is none, or belongs to another store.
                #[track_caller]
                pub fn $unwrap(&self, store: impl AsContext) -> Result<$handle<$to>> {
                    let is = self.$is(store)?;
                    assert!(is, concat!("the object is not a ", stringify!($to)));
                    Ok(self.clone().cast())
                }
            )*

            /// The most exact type that is known.
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            #[track_caller]
            pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
                let store = store.as_context();
                let vm = store.0.vm();
                Ok(HeapType::lift(store.engine(), vm.any_type(self.checked(vm)?)))
            }

            /// Whether it has this type.
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store, or the type to another engine.
            #[track_caller]
            pub fn matches_ty(&self, store: impl AsContext, ty: &HeapType) -> Result<bool> {
                Ok(self.ty(store)?.matches(ty))
            }

            /// The small integer.
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it is none, or belongs to another store.
            #[track_caller]
            pub fn unwrap_i31(&self, store: impl AsContext) -> Result<I31> {
                Ok(self.as_i31(store)?.expect("the object is not an i31"))
            }

            /// Whether it is a small integer.
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            #[track_caller]
            pub fn is_i31(&self, store: impl AsContext) -> Result<bool> {
                Ok(self.as_i31(store)?.is_some())
            }

            /// The small integer, if it is one.
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            #[track_caller]
            pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
                let store = store.as_context();
                let vm = store.0.vm();
                Ok(vm.i31_value(self.checked(vm)?).map(I31))
            }
        }
    };
}

downcasts! {
    AnyRef:
    EqRef Eq is_eqref as_eqref unwrap_eqref;
    StructRef Struct is_struct as_struct unwrap_struct;
    ArrayRef Array is_array as_array unwrap_array;
}
downcasts! {
    EqRef:
    StructRef Struct is_struct as_struct unwrap_struct;
    ArrayRef Array is_array as_array unwrap_array;
}

macro_rules! into_val {
    ($($ty:ident)*) => {$(
        impl From<Rooted<$ty>> for Val {
            fn from(object: Rooted<$ty>) -> Val {
                Val::AnyRef(Some(object.to_anyref()))
            }
        }

        impl From<Option<Rooted<$ty>>> for Val {
            fn from(object: Option<Rooted<$ty>>) -> Val {
                Val::AnyRef(object.map(Rooted::<$ty>::to_anyref))
            }
        }

        impl From<Rooted<$ty>> for Ref {
            fn from(object: Rooted<$ty>) -> Ref {
                Ref::Any(Some(object.to_anyref()))
            }
        }

        impl From<Option<Rooted<$ty>>> for Ref {
            fn from(object: Option<Rooted<$ty>>) -> Ref {
                Ref::Any(object.map(Rooted::<$ty>::to_anyref))
            }
        }
    )*};
}

into_val! { EqRef StructRef ArrayRef }
