//! Types of objects and exceptions, and of all references: what a `wasm_valtype_t` has, for C to look
//! at. Structures with a kind own what they point to, and C clones and deletes them.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use threadle::{
    ArrayType, Engine, ExnType, FieldType, HeapType, Mutability, RefType, Result, StorageType,
    StructType, ValType, bail, ensure,
};

use super::error::MaybeError;
use crate::engine::wasm_engine_t;
use crate::guard::{c_functions, given};
use crate::types::{wasm_externtype_t, wasm_valtype_t};
use crate::vec::{CVec, slice};

#[derive(Clone)]
pub struct threadle_struct_type_t {
    pub(super) ty: StructType,
}

#[derive(Clone)]
pub struct threadle_array_type_t {
    pub(super) ty: ArrayType,
}

#[derive(Clone)]
pub struct threadle_exn_type_t {
    pub(super) ty: ExnType,
}

const I8: u8 = 0;
const I16: u8 = 1;
const VALTYPE: u8 = 2;

/// How a field is kept.
#[repr(C)]
pub struct threadle_storage_type_t {
    kind: u8,
    /// Its type, if it is a value.
    valtype: Option<Box<wasm_valtype_t>>,
}

/// A field, or the elements of an array.
#[repr(C)]
pub struct threadle_field_type_t {
    /// C's `bool`.
    mutable: u8,
    storage: threadle_storage_type_t,
}

impl threadle_storage_type_t {
    /// Whatever its kind is: only a value's type is owned.
    fn duplicate(&self) -> Result<threadle_storage_type_t> {
        let valtype = match self.kind {
            VALTYPE => self.valtype.clone(),
            _ => None,
        };
        Ok(threadle_storage_type_t { kind: self.kind, valtype })
    }

    fn delete(&mut self) {
        let valtype = self.valtype.take();
        if self.kind != VALTYPE {
            // C wrote whatever it liked.
            core::mem::forget(valtype);
        }
    }
}

impl threadle_field_type_t {
    fn duplicate(&self) -> Result<threadle_field_type_t> {
        Ok(threadle_field_type_t { mutable: self.mutable, storage: self.storage.duplicate()? })
    }

    fn delete(&mut self) {
        self.storage.delete();
    }

    fn new(ty: &FieldType) -> threadle_field_type_t {
        let (kind, valtype) = match ty.element_type() {
            StorageType::I8 => (I8, None),
            StorageType::I16 => (I16, None),
            StorageType::ValType(ty) => {
                (VALTYPE, Some(Box::new(wasm_valtype_t { ty: ty.clone() })))
            }
        };
        let mutable = ty.mutability().is_var().into();
        threadle_field_type_t { mutable, storage: threadle_storage_type_t { kind, valtype } }
    }

    fn get(&self) -> Result<FieldType> {
        let mutability = if self.mutable != 0 { Mutability::Var } else { Mutability::Const };
        let storage = match self.storage.kind {
            I8 => StorageType::I8,
            I16 => StorageType::I16,
            VALTYPE => {
                let ty = given(self.storage.valtype.as_ref(), "a value's type")?;
                StorageType::ValType(ty.ty.clone())
            }
            kind => bail!("there is no storage type kind {kind}"),
        };
        Ok(FieldType::new(mutability, storage))
    }
}

/// A heap type: its kind, and the type of its own that it owns, if it is a defined one.
#[repr(C)]
pub struct threadle_heaptype_t {
    kind: u8,
    of: *mut c_void,
}

const CONCRETE_FUNC: u8 = 3;
const CONCRETE_ARRAY: u8 = 10;
const CONCRETE_STRUCT: u8 = 12;
const CONCRETE_EXN: u8 = 14;

impl threadle_heaptype_t {
    fn of<T>(kind: u8, ty: T) -> threadle_heaptype_t {
        threadle_heaptype_t { kind, of: Box::into_raw(Box::new(ty)).cast() }
    }

    pub(super) fn new(ty: &HeapType) -> threadle_heaptype_t {
        let kind = match ty {
            HeapType::ConcreteFunc(ty) => {
                return Self::of(CONCRETE_FUNC, wasm_externtype_t::from(ty.clone()));
            }
            HeapType::ConcreteArray(ty) => {
                return Self::of(CONCRETE_ARRAY, threadle_array_type_t { ty: ty.clone() });
            }
            HeapType::ConcreteStruct(ty) => {
                return Self::of(CONCRETE_STRUCT, threadle_struct_type_t { ty: ty.clone() });
            }
            HeapType::ConcreteExn(ty) => {
                return Self::of(CONCRETE_EXN, threadle_exn_type_t { ty: ty.clone() });
            }
            HeapType::Extern => 0,
            HeapType::NoExtern => 1,
            HeapType::Func => 2,
            HeapType::NoFunc => 4,
            HeapType::Any => 5,
            HeapType::None => 6,
            HeapType::Eq => 7,
            HeapType::I31 => 8,
            HeapType::Array => 9,
            HeapType::Struct => 11,
            HeapType::Exn => 13,
            HeapType::NoExn => 15,
        };
        threadle_heaptype_t { kind, of: core::ptr::null_mut() }
    }

    /// The type that it owns.
    ///
    /// # Safety
    ///
    /// `T` is what goes with the kind.
    unsafe fn owned<T>(&self) -> Result<&T> {
        // SAFETY: C promises that what goes with a kind is null or lives.
        given(unsafe { self.of.cast::<T>().as_ref() }, "a defined type")
    }

    /// The type; types of functions that C made become the engine's.
    fn get(&self, engine: Option<&Engine>) -> Result<HeapType> {
        // SAFETY: the kind says what C wrote.
        unsafe {
            Ok(match self.kind {
                0 => HeapType::Extern,
                1 => HeapType::NoExtern,
                2 => HeapType::Func,
                CONCRETE_FUNC => {
                    let ty = self.owned::<wasm_externtype_t>()?;
                    HeapType::ConcreteFunc(ty.func_type(given(engine, "engine")?)?)
                }
                4 => HeapType::NoFunc,
                5 => HeapType::Any,
                6 => HeapType::None,
                7 => HeapType::Eq,
                8 => HeapType::I31,
                9 => HeapType::Array,
                CONCRETE_ARRAY => self.owned::<threadle_array_type_t>()?.ty.clone().into(),
                11 => HeapType::Struct,
                CONCRETE_STRUCT => self.owned::<threadle_struct_type_t>()?.ty.clone().into(),
                13 => HeapType::Exn,
                CONCRETE_EXN => self.owned::<threadle_exn_type_t>()?.ty.clone().into(),
                15 => HeapType::NoExn,
                kind => bail!("there is no heap type kind {kind}"),
            })
        }
    }

    fn duplicate(&self) -> Result<threadle_heaptype_t> {
        // SAFETY: as above.
        unsafe {
            Ok(match self.kind {
                CONCRETE_FUNC => Self::of(self.kind, self.owned::<wasm_externtype_t>()?.clone()),
                CONCRETE_ARRAY => {
                    Self::of(self.kind, self.owned::<threadle_array_type_t>()?.clone())
                }
                CONCRETE_STRUCT => {
                    Self::of(self.kind, self.owned::<threadle_struct_type_t>()?.clone())
                }
                CONCRETE_EXN => Self::of(self.kind, self.owned::<threadle_exn_type_t>()?.clone()),
                kind => threadle_heaptype_t { kind, of: core::ptr::null_mut() },
            })
        }
    }

    fn delete(&mut self) {
        /// # Safety
        ///
        /// Null, or a box of this type that this library made.
        unsafe fn free<T>(of: *mut c_void) {
            if !of.is_null() {
                // SAFETY: the caller's promise.
                drop(unsafe { Box::from_raw(of.cast::<T>()) });
            }
        }
        let of = core::mem::replace(&mut self.of, core::ptr::null_mut());
        // SAFETY: the kind says what is owned; C promises that nobody else owns it.
        unsafe {
            match self.kind {
                CONCRETE_FUNC => free::<wasm_externtype_t>(of),
                CONCRETE_ARRAY => free::<threadle_array_type_t>(of),
                CONCRETE_STRUCT => free::<threadle_struct_type_t>(of),
                CONCRETE_EXN => free::<threadle_exn_type_t>(of),
                _ => {}
            }
        }
    }
}

/// A reference type.
#[repr(C)]
pub struct threadle_reftype_t {
    /// C's `bool`.
    nullable: u8,
    heap: threadle_heaptype_t,
}

impl threadle_reftype_t {
    fn duplicate(&self) -> Result<threadle_reftype_t> {
        Ok(threadle_reftype_t { nullable: self.nullable, heap: self.heap.duplicate()? })
    }

    fn delete(&mut self) {
        self.heap.delete();
    }
}

/// A value type: the kind of a number, or a reference.
#[repr(C)]
pub struct threadle_valtype_t {
    kind: u8,
    reference: threadle_reftype_t,
}

const REFERENCE: u8 = 5;

impl threadle_valtype_t {
    fn duplicate(&self) -> Result<threadle_valtype_t> {
        Ok(match self.kind {
            REFERENCE => {
                threadle_valtype_t { kind: REFERENCE, reference: self.reference.duplicate()? }
            }
            kind => threadle_valtype_t::number(kind),
        })
    }

    fn delete(&mut self) {
        if self.kind == REFERENCE {
            self.reference.delete();
        }
    }

    fn number(kind: u8) -> threadle_valtype_t {
        let heap = threadle_heaptype_t { kind: 0, of: core::ptr::null_mut() };
        threadle_valtype_t { kind, reference: threadle_reftype_t { nullable: 0, heap } }
    }

    fn new(ty: &ValType) -> threadle_valtype_t {
        match ty {
            ValType::I32 => Self::number(0),
            ValType::I64 => Self::number(1),
            ValType::F32 => Self::number(2),
            ValType::F64 => Self::number(3),
            ValType::V128 => Self::number(4),
            ValType::Ref(ty) => threadle_valtype_t {
                kind: REFERENCE,
                reference: threadle_reftype_t {
                    nullable: ty.is_nullable().into(),
                    heap: threadle_heaptype_t::new(ty.heap_type()),
                },
            },
        }
    }

    fn get(&self, engine: Option<&Engine>) -> Result<ValType> {
        Ok(match self.kind {
            0 => ValType::I32,
            1 => ValType::I64,
            2 => ValType::F32,
            3 => ValType::F64,
            4 => ValType::V128,
            REFERENCE => {
                let heap = self.reference.heap.get(engine)?;
                RefType::new(self.reference.nullable != 0, heap).into()
            }
            kind => bail!("there is no value type kind {kind}"),
        })
    }
}

/// Where a structure goes.
type Place<'a, T> = Option<&'a mut MaybeUninit<T>>;

c_functions! {
    fn threadle_struct_type_new(
        engine: Option<&wasm_engine_t>,
        fields: *const threadle_field_type_t,
        count: usize,
    ) -> Option<Box<threadle_struct_type_t>> {
        ensure!(!fields.is_null() || count == 0, "the argument `fields` is null");
        // SAFETY: C passes the address of so many fields.
        let fields = unsafe { slice(fields, count) };
        let fields = fields.iter().map(threadle_field_type_t::get).collect::<Result<Vec<_>>>()?;
        let ty = StructType::new(&given(engine, "engine")?.engine, fields)?;
        Ok(Some(Box::new(threadle_struct_type_t { ty })))
    }

    fn threadle_struct_type_num_fields(ty: Option<&threadle_struct_type_t>) -> usize {
        Ok(given(ty, "type")?.ty.fields().len())
    }

    fn threadle_struct_type_field(
        ty: Option<&threadle_struct_type_t>,
        index: usize,
        out: Place<'_, threadle_field_type_t>,
    ) -> bool {
        let Some(field) = given(ty, "type")?.ty.field(index) else { return Ok(false) };
        given(out, "out")?.write(threadle_field_type_t::new(&field));
        Ok(true)
    }

    fn threadle_array_type_new(
        engine: Option<&wasm_engine_t>,
        element: Option<&threadle_field_type_t>,
    ) -> Option<Box<threadle_array_type_t>> {
        let element = given(element, "element")?.get()?;
        let ty = ArrayType::new(&given(engine, "engine")?.engine, element);
        Ok(Some(Box::new(threadle_array_type_t { ty })))
    }

    fn threadle_array_type_element(
        ty: Option<&threadle_array_type_t>,
        out: Place<'_, threadle_field_type_t>,
    ) {
        let field = given(ty, "type")?.ty.field_type();
        given(out, "out")?.write(threadle_field_type_t::new(&field));
        Ok(())
    }

    fn threadle_exn_type_new(
        engine: Option<&wasm_engine_t>,
        params: Option<&CVec<Option<Box<wasm_valtype_t>>>>,
        out: Place<'_, Option<Box<threadle_exn_type_t>>>,
    ) -> MaybeError {
        let params = given(params, "params")?.as_slice().iter();
        let params = params.map(|ty| Ok(given(ty.as_ref(), "an element")?.ty.clone()));
        let params = params.collect::<Result<Vec<_>>>()?;
        let ty = ExnType::new(&given(engine, "engine")?.engine, params)?;
        given(out, "out")?.write(Some(Box::new(threadle_exn_type_t { ty })));
        Ok(MaybeError::NONE)
    }

    fn threadle_exn_type_tag_type(
        ty: Option<&threadle_exn_type_t>,
    ) -> Option<Box<wasm_externtype_t>> {
        Ok(Some(Box::new(given(ty, "type")?.ty.tag_type().into())))
    }

    fn threadle_valtype_new(
        ty: Option<&wasm_valtype_t>,
        out: Place<'_, threadle_valtype_t>,
    ) {
        given(out, "out")?.write(threadle_valtype_t::new(&given(ty, "type")?.ty));
        Ok(())
    }

    fn threadle_valtype_to_wasm(
        engine: Option<&wasm_engine_t>,
        ty: Option<&threadle_valtype_t>,
    ) -> Option<Box<wasm_valtype_t>> {
        let ty = given(ty, "type")?.get(engine.map(|engine| &engine.engine))?;
        Ok(Some(Box::new(wasm_valtype_t { ty })))
    }
}

/// Structures of C's that own something.
macro_rules! owning {
    ($($ty:ty: $clone:ident $delete:ident;)*) => {
        c_functions! {$(
            fn $clone(ty: Option<&$ty>, out: Place<'_, $ty>) {
                given(out, "out")?.write(given(ty, "type")?.duplicate()?);
                Ok(())
            }

            fn $delete(ty: Option<&mut $ty>) {
                given(ty, "type")?.delete();
                Ok(())
            }
        )*}
    };
}

owning! {
    threadle_storage_type_t: threadle_storage_type_clone threadle_storage_type_delete;
    threadle_field_type_t: threadle_field_type_clone threadle_field_type_delete;
    threadle_heaptype_t: threadle_heaptype_clone threadle_heaptype_delete;
    threadle_reftype_t: threadle_reftype_clone threadle_reftype_delete;
    threadle_valtype_t: threadle_valtype_clone threadle_valtype_delete;
}

macro_rules! owned {
    ($($ty:ty: $copy:ident $delete:ident;)*) => {
        c_functions! {$(
            fn $copy(ty: Option<&$ty>) -> Option<Box<$ty>> {
                Ok(Some(Box::new(given(ty, "type")?.clone())))
            }

            fn $delete(ty: Option<Box<$ty>>) {
                drop(ty);
                Ok(())
            }
        )*}
    };
}

owned! {
    threadle_struct_type_t: threadle_struct_type_copy threadle_struct_type_delete;
    threadle_array_type_t: threadle_array_type_copy threadle_array_type_delete;
    threadle_exn_type_t: threadle_exn_type_copy threadle_exn_type_delete;
}
