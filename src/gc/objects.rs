//! Structures and arrays.

use super::{Checked as _, OwnedRooted, Rooted, with_out_of_memory};
use crate::engine::Engine;
use crate::error::{Result, ensure};
use crate::prelude::*;
use crate::store::{AsContext, AsContextMut, StoreContextMut};
use crate::ty::{ArrayType, StructType};
use crate::val::Val;
use crate::vm::VmStore;
use crate::vm::handle::StoreId;
use crate::vm::value::{ObjectRef, Value};

/// A structure.
#[derive(Debug)]
pub enum StructRef {}

/// An array.
#[derive(Debug)]
pub enum ArrayRef {}

/// What [`StructRef::new`] wants to know in advance: the type of the structures to be made. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct StructRefPre {
    ty: StructType,
    store: StoreId,
}

impl StructRefPre {
    /// Prepares to make structures of a type in a store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn new(store: impl AsContextMut, ty: StructType) -> StructRefPre {
        let store = store.as_context();
        assert!(Engine::same(ty.engine(), store.engine()), "type used with wrong engine");
        StructRefPre { ty, store: store.0.vm().id() }
    }
}

/// What [`ArrayRef::new`] wants to know in advance: the type of the arrays to be made. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct ArrayRefPre {
    ty: ArrayType,
    store: StoreId,
}

impl ArrayRefPre {
    /// Prepares to make arrays of a type in a store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn new(store: impl AsContextMut, ty: ArrayType) -> ArrayRefPre {
        let store = store.as_context();
        assert!(Engine::same(ty.engine(), store.engine()), "type used with wrong engine");
        ArrayRefPre { ty, store: store.0.vm().id() }
    }
}

/// A value as the store takes it.
///
/// # Panics
///
/// If it belongs to another store.
#[track_caller]
fn own(vm: &VmStore, value: &Val) -> Value {
    let value = value.to_value();
    assert!(vm.owns_value(value), "value used with wrong store");
    value
}

/// As [`own`].
#[track_caller]
fn all_own(vm: &VmStore, values: &[Val]) -> Vec<Value> {
    values.iter().map(|value| own(vm, value)).collect()
}

/// Makes an object, of a type that was prepared for a store.
///
/// # Panics
///
/// If that is another store.
fn allocate<R>(
    mut store: impl AsContextMut,
    prepared: StoreId,
    make: impl FnOnce(&mut VmStore) -> Result<ObjectRef>,
) -> Result<Rooted<R>> {
    let mut store = store.as_context_mut();
    store.check_limiter_answers()?;
    assert!(prepared == store.0.vm().id(), "object used with wrong store");
    make(store.0.vm_mut()).map(Rooted::new).map_err(with_out_of_memory)
}

impl StructRef {
    /// Makes a structure.
    ///
    /// # Errors
    ///
    /// When a value does not fit its field, or the heap's limits leave no room
    /// ([`Trap::OutOfHeap`](crate::Trap::OutOfHeap)).
    ///
    /// # Panics
    ///
    /// If the allocator or a value belongs to another store.
    pub fn new(
        store: impl AsContextMut,
        allocator: &StructRefPre,
        fields: &[Val],
    ) -> Result<Rooted<StructRef>> {
        allocate(store, allocator.store, |vm| {
            let fields = all_own(vm, fields);
            vm.host_struct(allocator.ty.registered(), &fields)
        })
    }
}

impl ArrayRef {
    /// Makes an array of `len` times an element.
    ///
    /// # Errors
    ///
    /// When the value is no element for it, or the heap's limits leave no room
    /// ([`Trap::OutOfHeap`](crate::Trap::OutOfHeap)).
    ///
    /// # Panics
    ///
    /// If the allocator or a value belongs to another store.
    pub fn new(
        store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elem: &Val,
        len: u32,
    ) -> Result<Rooted<ArrayRef>> {
        allocate(store, allocator.store, |vm| {
            let element = own(vm, elem);
            vm.host_array_of(allocator.ty.registered(), element, len)
        })
    }

    /// Makes an array of elements.
    ///
    /// # Errors
    ///
    /// As for [`ArrayRef::new`].
    ///
    /// # Panics
    ///
    /// As for [`ArrayRef::new`].
    pub fn new_fixed(
        store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elems: &[Val],
    ) -> Result<Rooted<ArrayRef>> {
        allocate(store, allocator.store, |vm| {
            let elems = all_own(vm, elems);
            vm.host_array(allocator.ty.registered(), &elems)
        })
    }

    /// Makes an array of 8-bit integers.
    ///
    /// # Errors
    ///
    /// When elements of the type are something else, and as for [`ArrayRef::new`].
    ///
    /// # Panics
    ///
    /// As for [`ArrayRef::new`].
    pub fn new_from_i8_slice(
        store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elems: &[u8],
    ) -> Result<Rooted<ArrayRef>> {
        allocate(store, allocator.store, |vm| {
            let element = allocator.ty.element_type();
            ensure!(element.is_i8(), "cannot make an array of `{element}` elements of `i8`s");
            vm.host_array_of_bytes(allocator.ty.registered(), elems)
        })
    }
}

/// The heap grows without waiting, so these never do.
macro_rules! asynchronous {
    ($($ref:ident $name:ident $sync:ident ($($arg:ident: $ty:ty),*);)*) => {$(
        impl $ref {
            #[doc = concat!("Like [`", stringify!($ref), "::", stringify!($sync), "`], for those who wait.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("As for [`", stringify!($ref), "::", stringify!($sync), "`].")]
            ///
            /// # Panics
            ///
            #[doc = concat!("As for [`", stringify!($ref), "::", stringify!($sync), "`].")]
            pub async fn $name(
                mut store: impl AsContextMut,
                $($arg: $ty),*
            ) -> Result<Rooted<$ref>> {
                store.as_context_mut().with_answers(|store| $ref::$sync(store, $($arg),*))
            }
        }
    )*};
}

asynchronous! {
    StructRef new_async new(allocator: &StructRefPre, fields: &[Val]);
    ArrayRef new_async new(allocator: &ArrayRefPre, elem: &Val, len: u32);
    ArrayRef new_fixed_async new_fixed(allocator: &ArrayRefPre, elems: &[Val]);
    ArrayRef new_from_i8_slice_async new_from_i8_slice(allocator: &ArrayRefPre, elems: &[u8]);
}

/// Handles of either kind.
macro_rules! aggregates {
    ($($rows:tt)*) => {
        aggregates_of! { Rooted $($rows)* }
        aggregates_of! { OwnedRooted $($rows)* }
    };
}

macro_rules! aggregates_of {
    ($handle:ident $($ref:ident $ty:ident: $what:literal $part:literal $index:ty, $len:ident $get:ident $set:ident
        $all:ident;)*) => {$(
        impl $handle<$ref> {
            #[doc = concat!("The type of the ", $what, ".")]
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            pub fn ty(&self, store: impl AsContext) -> Result<$ty> {
                let store = store.as_context();
                let vm = store.0.vm();
                let (id, _) = vm.aggregate_type(self.checked(vm)?)?;
                Ok($ty::from_registered(store.engine(), vm.registry().get(id)))
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
            pub fn matches_ty(&self, store: impl AsContext, ty: &$ty) -> Result<bool> {
                Ok(self.ty(store)?.matches(ty))
            }

            #[doc = concat!("Number of ", $part, "s.")]
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            pub fn $len(&self, store: impl AsContext) -> Result<u32> {
                let store = store.as_context();
                let vm = store.0.vm();
                Ok(vm.aggregate_type(self.checked(vm)?)?.1 as u32)
            }

            #[doc = concat!("The value of an ", $part, ". Packed integers are zero-extended.")]
            ///
            /// # Errors
            ///
            /// When there is none with this index, or the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            pub fn $get(&self, mut store: impl AsContextMut, index: $index) -> Result<Val> {
                let mut store = store.as_context_mut();
                let object = self.checked(store.0.vm())?;
                let value = store.0.vm_mut().get_field(object, index as usize)?;
                Ok(Val::from_value(value))
            }

            #[doc = concat!("Sets an ", $part, ".")]
            ///
            /// # Errors
            ///
            /// When there is none with this index, it is immutable or of another type, or the handle's
            /// scope has ended.
            ///
            /// # Panics
            ///
            /// If the object or the value belongs to another store.
            #[track_caller]
            pub fn $set(
                &self,
                mut store: impl AsContextMut,
                index: $index,
                value: Val,
            ) -> Result<()> {
                let mut store = store.as_context_mut();
                let object = self.checked(store.0.vm())?;
                let value = own(store.0.vm(), &value);
                store.0.vm_mut().set_field(object, index as usize, value)
            }

            #[doc = concat!("All ", $part, "s. Each is read when it is asked for.")]
            ///
            /// # Errors
            ///
            /// When the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            pub fn $all<'a, T: 'static>(
                &self,
                store: impl Into<StoreContextMut<'a, T>>,
            ) -> Result<impl ExactSizeIterator<Item = Val> + 'a> {
                let mut store = store.into();
                let this = self.clone();
                let len = this.$len(&store)?;
                Ok((0..len).map(move |index| {
                    let value = this.$get(&mut store, index as $index);
                    value.expect("the handle is good while the store is borrowed")
                }))
            }
        }
    )*};
}

aggregates! {
    StructRef StructType: "structure" "indexed field" usize, field_count field set_field fields;
    ArrayRef ArrayType: "array" "element" u32, len get set elems;
}

macro_rules! byte_arrays {
    ($($handle:ident)*) => {$(
        impl $handle<ArrayRef> {
            /// Copies the elements of an array of 8-bit integers, as many as there are.
            ///
            /// # Errors
            ///
            /// When elements are something else or `dst` has another length, or the handle's scope has
            /// ended.
            ///
            /// # Panics
            ///
            /// If it belongs to another store.
            #[track_caller]
            pub fn copy_to_i8_slice(&self, store: impl AsContextMut, dst: &mut [u8]) -> Result<()> {
                let store = store.as_context();
                let element = self.ty(store)?.element_type();
                ensure!(
                    element.is_i8(),
                    "element type mismatch: cannot read an array of `{element}` elements as `i8`s"
                );
                let vm = store.0.vm();
                let bytes = vm.array_bytes(self.checked(vm)?)?;
                ensure!(
                    bytes.len() == dst.len(),
                    "destination slice length is {} but the array length is {}",
                    dst.len(),
                    bytes.len()
                );
                dst.copy_from_slice(bytes);
                Ok(())
            }
        }
    )*};
}

byte_arrays! { Rooted OwnedRooted }
