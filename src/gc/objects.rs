//! Structures and arrays.

use super::{Rooted, with_out_of_memory};
use crate::engine::Engine;
use crate::error::{Result, ensure};
use crate::store::{AsContext, AsContextMut, StoreContextMut};
use crate::ty::{ArrayType, StructType};
use crate::val::Val;
use crate::vm::VmStore;
use crate::vm::handle::StoreId;
use crate::vm::value::Value;

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
        mut store: impl AsContextMut,
        allocator: &StructRefPre,
        fields: &[Val],
    ) -> Result<Rooted<StructRef>> {
        let mut store = store.as_context_mut();
        store.check_limiter_answers()?;
        let ty = &allocator.ty;
        assert!(allocator.store == store.0.vm().id(), "object used with wrong store");
        let fields = all_own(store.0.vm(), fields);
        let object = store.0.vm_mut().host_struct(ty.registered(), &fields);
        object.map(Rooted::new).map_err(with_out_of_memory)
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
        mut store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elem: &Val,
        len: u32,
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        store.check_limiter_answers()?;
        let ty = &allocator.ty;
        assert!(allocator.store == store.0.vm().id(), "object used with wrong store");
        let element = own(store.0.vm(), elem);
        let object = store.0.vm_mut().host_array_of(ty.registered(), element, len);
        object.map(Rooted::new).map_err(with_out_of_memory)
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
        mut store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elems: &[Val],
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        store.check_limiter_answers()?;
        let ty = &allocator.ty;
        assert!(allocator.store == store.0.vm().id(), "object used with wrong store");
        let elems = all_own(store.0.vm(), elems);
        let object = store.0.vm_mut().host_array(ty.registered(), &elems);
        object.map(Rooted::new).map_err(with_out_of_memory)
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
        mut store: impl AsContextMut,
        allocator: &ArrayRefPre,
        elems: &[u8],
    ) -> Result<Rooted<ArrayRef>> {
        let mut store = store.as_context_mut();
        store.check_limiter_answers()?;
        let ty = &allocator.ty;
        assert!(allocator.store == store.0.vm().id(), "object used with wrong store");
        let element = ty.element_type();
        ensure!(element.is_i8(), "cannot make an array of `{element}` elements of `i8`s");
        let object = store.0.vm_mut().host_array_of_bytes(ty.registered(), elems);
        object.map(Rooted::new).map_err(with_out_of_memory)
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

macro_rules! aggregates {
    ($($ref:ident $ty:ident: $what:literal $part:literal $index:ty, $len:ident $get:ident $set:ident
        $all:ident;)*) => {$(
        impl Rooted<$ref> {
            #[doc = concat!("The type of the ", $what, ".")]
            ///
            /// # Errors
            ///
            /// When it belongs to another store, or the handle's scope has ended.
            pub fn ty(&self, store: impl AsContext) -> Result<$ty> {
                let store = store.as_context();
                self.check(store.0.vm())?;
                let (id, _) = store.0.vm().aggregate_type(self.object)?;
                Ok($ty::from_registered(store.engine(), store.0.vm().registry().get(id)))
            }

            /// Whether it has this type.
            ///
            /// # Errors
            ///
            /// When it belongs to another store, or the handle's scope has ended.
            ///
            /// # Panics
            ///
            /// If the type belongs to another engine.
            #[track_caller]
            pub fn matches_ty(&self, store: impl AsContext, ty: &$ty) -> Result<bool> {
                Ok(self.ty(store)?.matches(ty))
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
            pub fn $get(&self, mut store: impl AsContextMut, index: $index) -> Result<Val> {
                let mut store = store.as_context_mut();
                self.check(store.0.vm())?;
                let value = store.0.vm_mut().get_field(self.object, index as usize)?;
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
                self.check(store.0.vm())?;
                let value = own(store.0.vm(), &value);
                store.0.vm_mut().set_field(self.object, index as usize, value)
            }

            #[doc = concat!("All ", $part, "s. Each is read when it is asked for.")]
            ///
            /// # Errors
            ///
            /// When it belongs to another store, or the handle's scope has ended.
            pub fn $all<'a, T: 'static>(
                &self,
                store: impl Into<StoreContextMut<'a, T>>,
            ) -> Result<impl ExactSizeIterator<Item = Val> + 'a> {
                let mut store = store.into();
                let this = *self;
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

impl Rooted<ArrayRef> {
    /// Copies the elements of an array of 8-bit integers, as many as there are.
    ///
    /// # Errors
    ///
    /// When elements are something else or `dst` has another length, it belongs to another store, or
    /// the handle's scope has ended.
    pub fn copy_to_i8_slice(&self, store: impl AsContextMut, dst: &mut [u8]) -> Result<()> {
        let store = store.as_context();
        let element = self.ty(store)?.element_type();
        ensure!(
            element.is_i8(),
            "element type mismatch: cannot read an array of `{element}` elements as `i8`s"
        );
        let bytes = store.0.vm().array_bytes(self.object)?;
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
