//! Objects of programs, and the handles by which the host holds them.

use core::marker::PhantomData;

use crate::TypeId;
use crate::error::{Result, ensure, format_err};
use crate::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::types::{ArrayType, CompositeType, HeapType, RefType, StructType, SubType, ValType};
use crate::val::{ExternRef, Val};
use crate::vm::VmStore;
use crate::vm::value::{ObjectRef, OwnedRef, Value};

/// A handle to an object that lives in a store: keeps it alive while the handle's scope lasts.
///
/// A handle that is made while a host function runs, its parameters included, is good until that
/// function returns. Others are good for as long as the store, or until the [`RootScope`] ends in
/// which they were made. [`OwnedRooted`] has no such limits. Using a handle whose scope has ended is
/// an error or a panic, never another object.
pub struct Rooted<R> {
    pub(crate) object: ObjectRef,
    kind: PhantomData<fn() -> R>,
}

impl<R> Rooted<R> {
    pub(crate) fn new(object: ObjectRef) -> Rooted<R> {
        Rooted { object, kind: PhantomData }
    }

    /// Do both handles lead to the same object?
    ///
    /// # Errors
    ///
    /// When one belongs to another store, or its scope has ended.
    pub fn ref_eq(store: impl AsContext, a: &Rooted<R>, b: &Rooted<R>) -> Result<bool> {
        let store = store.as_context();
        let vm = store.0.vm();
        a.check(vm)?;
        b.check(vm)?;
        Ok(vm.slot_of(a.object) == vm.slot_of(b.object))
    }

    /// A handle to the same object that is good until it is dropped.
    ///
    /// # Errors
    ///
    /// As for [`Rooted::ref_eq`].
    pub fn to_owned_rooted(&self, mut store: impl AsContextMut) -> Result<OwnedRooted<R>> {
        let mut store = store.as_context_mut();
        self.check(store.0.vm())?;
        Ok(OwnedRooted { object: store.0.vm_mut().own(self.object), kind: PhantomData })
    }

    /// Checks that the handle can be used.
    pub(crate) fn check(&self, vm: &VmStore) -> Result<()> {
        ensure!(self.object.store() == vm.id(), "object used with the wrong store");
        ensure!(vm.is_alive(self.object), "the handle's scope has ended");
        Ok(())
    }
}

impl<R> Clone for Rooted<R> {
    fn clone(&self) -> Rooted<R> {
        *self
    }
}

impl<R> Copy for Rooted<R> {}

impl<R> core::fmt::Debug for Rooted<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Rooted").field(&self.object).finish()
    }
}

/// A handle that keeps its object alive until it, and its clones, are dropped. Dropping needs no
/// store; the next collection notices.
pub struct OwnedRooted<R> {
    object: OwnedRef,
    kind: PhantomData<fn() -> R>,
}

impl<R> OwnedRooted<R> {
    /// A handle for use, with the scope that is current.
    ///
    /// # Panics
    ///
    /// If the object belongs to another store.
    pub fn to_rooted(&self, mut store: impl AsContextMut) -> Rooted<R> {
        Rooted::new(store.as_context_mut().0.vm_mut().root_owned(&self.object))
    }
}

impl<R> Clone for OwnedRooted<R> {
    fn clone(&self) -> OwnedRooted<R> {
        OwnedRooted { object: self.object.clone(), kind: PhantomData }
    }
}

impl<R> core::fmt::Debug for OwnedRooted<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("OwnedRooted").field(&self.object).finish()
    }
}

/// Lends a store, and ends the handles that were made meanwhile when it is dropped: for loops that
/// make many outside of host functions.
#[derive(Debug)]
pub struct RootScope<C: AsContextMut> {
    store: C,
    len: usize,
}

impl<C: AsContextMut> RootScope<C> {
    /// Begins a scope.
    pub fn new(store: C) -> RootScope<C> {
        let len = store.as_context().0.vm().roots_len();
        RootScope { store, len }
    }
}

impl<C: AsContextMut> Drop for RootScope<C> {
    fn drop(&mut self) {
        let len = self.len;
        self.store.as_context_mut().0.vm_mut().end_scope(len);
    }
}

impl<C: AsContextMut> AsContext for RootScope<C> {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        self.store.as_context()
    }
}

impl<C: AsContextMut> AsContextMut for RootScope<C> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        self.store.as_context_mut()
    }
}

/// Anything of the internal hierarchy: a structure, an array, a small integer, or a host object that
/// was made internal.
#[derive(Debug)]
pub enum AnyRef {}

/// What can be compared with `ref.eq`: a structure, an array or a small integer.
#[derive(Debug)]
pub enum EqRef {}

/// A structure.
#[derive(Debug)]
pub enum StructRef {}

/// An array.
#[derive(Debug)]
pub enum ArrayRef {}

/// An integer of 31 bits, which is a reference without an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
    pub fn convert_extern(object: Rooted<ExternRef>) -> Rooted<AnyRef> {
        Rooted::new(object.object)
    }
}

/// Is the object of an abstract type?
fn is_a(vm: &VmStore, object: ObjectRef, ty: HeapType) -> bool {
    let ty = ValType::Ref(RefType::new(false, ty));
    vm.types().val_matches(vm.type_of(Value::Any(Some(object))), ty)
}

macro_rules! upcasts {
    ($($from:ident => $($to:ident $name:ident),*;)*) => {$($(
        impl Rooted<$from> {
            #[doc = concat!("The same object, as an [`", stringify!($to), "`].")]
            pub fn $name(self) -> Rooted<$to> {
                Rooted::new(self.object)
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

macro_rules! downcasts {
    ($from:ident: $($to:ident $heap:ident $is:ident $as:ident;)*) => {
        impl Rooted<$from> {
            $(
                #[doc = concat!("Is it an [`", stringify!($to), "`]?")]
                ///
                /// # Errors
                ///
                /// When it belongs to another store, or the handle's scope has ended.
                pub fn $is(&self, store: impl AsContext) -> Result<bool> {
                    let store = store.as_context();
                    self.check(store.0.vm())?;
                    Ok(is_a(store.0.vm(), self.object, HeapType::$heap))
                }

                #[doc = concat!("The same object as an [`", stringify!($to), "`], if it is one.")]
                ///
                /// # Errors
                ///
                /// When it belongs to another store, or the handle's scope has ended.
                pub fn $as(&self, store: impl AsContext) -> Result<Option<Rooted<$to>>> {
                    Ok(self.$is(store)?.then(|| Rooted::new(self.object)))
                }
            )*

            /// Is it a small integer?
            ///
            /// # Errors
            ///
            /// When it belongs to another store, or the handle's scope has ended.
            pub fn is_i31(&self, store: impl AsContext) -> Result<bool> {
                Ok(self.as_i31(store)?.is_some())
            }

            /// The small integer, if it is one.
            ///
            /// # Errors
            ///
            /// When it belongs to another store, or the handle's scope has ended.
            pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
                let store = store.as_context();
                self.check(store.0.vm())?;
                Ok(store.0.vm().i31_value(self.object).map(I31))
            }
        }
    };
}

downcasts! {
    AnyRef:
    EqRef Eq is_eqref as_eqref;
    StructRef Struct is_struct as_struct;
    ArrayRef Array is_array as_array;
}
downcasts! {
    EqRef:
    StructRef Struct is_struct as_struct;
    ArrayRef Array is_array as_array;
}

/// Values as the store takes them, checked to be usable.
fn values(values: &[Val]) -> Vec<Value> {
    values.iter().map(|value| value.to_value()).collect()
}

impl StructRef {
    /// Makes a structure of the final type without supertypes that has these fields.
    ///
    /// # Errors
    ///
    /// When a value does not fit its field, the type cannot be had, or the heap's limits leave no
    /// room ([`Trap::OutOfHeap`](crate::Trap::OutOfHeap)).
    pub fn new(
        mut store: impl AsContextMut,
        ty: &StructType,
        fields: &[Val],
    ) -> Result<Rooted<StructRef>> {
        let mut store = store.as_context_mut();
        let ty = SubType::final_type(CompositeType::Struct(ty.clone()));
        let id = store.0.vm().types().intern(vec![ty])?;
        Ok(Rooted::new(store.0.vm_mut().host_struct(id, &values(fields))?))
    }

    /// Makes a structure of a type that a module defines: the one of a [`HeapType::Concrete`].
    ///
    /// # Errors
    ///
    /// As for [`StructRef::new`], and when the type is not a structure.
    ///
    /// # Panics
    ///
    /// If the type is of another engine and this one has no such type.
    pub fn of_type(
        mut store: impl AsContextMut,
        ty: TypeId,
        fields: &[Val],
    ) -> Result<Rooted<StructRef>> {
        let mut store = store.as_context_mut();
        Ok(Rooted::new(store.0.vm_mut().host_struct(ty, &values(fields))?))
    }
}

impl ArrayRef {
    /// Makes an array of the final type without supertypes that has such elements.
    ///
    /// # Errors
    ///
    /// When a value is no element for it, the type cannot be had, or the heap's limits leave no
    /// room ([`Trap::OutOfHeap`](crate::Trap::OutOfHeap)).
    pub fn new_fixed(
        mut store: impl AsContextMut,
        ty: &ArrayType,
        elements: &[Val],
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        let id = array_type(store.0.vm(), ty)?;
        Ok(Rooted::new(store.0.vm_mut().host_array(id, &values(elements))?))
    }

    /// Makes an array of `len` times an element.
    ///
    /// # Errors
    ///
    /// As for [`ArrayRef::new_fixed`].
    pub fn new(
        mut store: impl AsContextMut,
        ty: &ArrayType,
        element: &Val,
        len: u32,
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        let id = array_type(store.0.vm(), ty)?;
        Ok(Rooted::new(store.0.vm_mut().host_array_of(id, element.to_value(), len)?))
    }

    /// Makes an array of a type that a module defines: the one of a [`HeapType::Concrete`].
    ///
    /// # Errors
    ///
    /// As for [`ArrayRef::new_fixed`], and when the type is not an array.
    ///
    /// # Panics
    ///
    /// If the type is of another engine and this one has no such type.
    pub fn of_type(
        mut store: impl AsContextMut,
        ty: TypeId,
        elements: &[Val],
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        Ok(Rooted::new(store.0.vm_mut().host_array(ty, &values(elements))?))
    }
}

fn array_type(vm: &VmStore, ty: &ArrayType) -> Result<TypeId> {
    vm.types().intern(vec![SubType::final_type(CompositeType::Array(*ty))])
}

macro_rules! aggregates {
    ($($ty:ident: $what:literal $part:literal $len:ident $get:ident $set:ident;)*) => {$(
        impl Rooted<$ty> {
            #[doc = concat!("The type of the ", $what, ".")]
            ///
            /// # Errors
            ///
            /// When it belongs to another store, or the handle's scope has ended.
            pub fn ty(&self, store: impl AsContext) -> Result<TypeId> {
                let store = store.as_context();
                self.check(store.0.vm())?;
                Ok(store.0.vm().aggregate_type(self.object)?.0)
            }

            #[doc = concat!("Number of ", $part, "s.")]
            ///
            /// # Errors
            ///
            /// When it belongs to another store, or the handle's scope has ended.
            pub fn $len(&self, store: impl AsContext) -> Result<u32> {
                let store = store.as_context();
                self.check(store.0.vm())?;
                Ok(store.0.vm().aggregate_type(self.object)?.1 as u32)
            }

            #[doc = concat!("The value of an ", $part, ". Packed integers are zero-extended.")]
            ///
            /// # Errors
            ///
            /// When there is none with this index, it belongs to another store, or the handle's
            /// scope has ended.
            pub fn $get(&self, mut store: impl AsContextMut, index: u32) -> Result<Val> {
                let mut store = store.as_context_mut();
                self.check(store.0.vm())?;
                let value = store.0.vm_mut().get_field(self.object, index as usize)?;
                Ok(Val::from_value(value))
            }

            #[doc = concat!("Sets an ", $part, ".")]
            ///
            /// # Errors
            ///
            /// When there is none with this index, it is immutable or of another type, it belongs
            /// to another store, or the handle's scope has ended.
            pub fn $set(&self, mut store: impl AsContextMut, index: u32, value: Val) -> Result<()> {
                let mut store = store.as_context_mut();
                self.check(store.0.vm())?;
                store.0.vm_mut().set_field(self.object, index as usize, value.to_value())
            }
        }
    )*};
}

aggregates! {
    StructRef: "structure" "indexed field" field_count field set_field;
    ArrayRef: "array" "element" len get set;
}

macro_rules! into_val {
    ($($ty:ident)*) => {$(
        impl From<Rooted<$ty>> for Val {
            fn from(object: Rooted<$ty>) -> Val {
                Val::AnyRef(Some(object.to_anyref()))
            }
        }
    )*};
}

into_val! { EqRef StructRef ArrayRef }

impl Rooted<AnyRef> {
    /// The most exact type that is known.
    ///
    /// # Errors
    ///
    /// When it belongs to another store, or the handle's scope has ended.
    pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
        let store = store.as_context();
        self.check(store.0.vm())?;
        let ty = store.0.vm().type_of(Value::Any(Some(self.object))).as_ref();
        ty.map(|ty| ty.heap_type()).ok_or_else(|| format_err!("not a reference"))
    }
}
