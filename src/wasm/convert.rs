//! From `wasmparser`'s types, whose indices are a module's, to the engine's.

use wasmparser::{AbstractHeapType, CompositeInnerType, PackedIndex, UnpackedIndex};

use super::registry::Interner;
use super::{ModuleInfo, RegisteredType};
use crate::error::{Error, Result};
use crate::index::TypeId;
use crate::prelude::*;
use crate::types::{
    ArrayType, CompositeType, FieldType, FuncType, GlobalType, HeapType, MemoryType, Mutability,
    RefType, StorageType, StructType, SubType, TableType, ValType,
};

/// Resolves a module's type index.
trait Resolve {
    fn resolve(&self, index: u32) -> TypeId;

    fn packed(&self, index: PackedIndex) -> TypeId {
        self.unpacked(index.unpack())
    }

    fn unpacked(&self, index: UnpackedIndex) -> TypeId {
        match index {
            UnpackedIndex::Module(index) => self.resolve(index),
            // The validator makes these for itself; readers of sections and bodies do not.
            UnpackedIndex::RecGroup(_) | UnpackedIndex::Id(_) => {
                unreachable!("a type index that no reader gives")
            }
        }
    }

    fn heap(&self, ty: wasmparser::HeapType) -> HeapType {
        match ty {
            // Exact types, and below continuations, need features that `parse` never passes to
            // the validator.
            wasmparser::HeapType::Concrete(index) | wasmparser::HeapType::Exact(index) => {
                HeapType::Concrete(self.unpacked(index))
            }
            wasmparser::HeapType::Abstract { shared: _, ty } => match ty {
                AbstractHeapType::Func => HeapType::Func,
                AbstractHeapType::NoFunc => HeapType::NoFunc,
                AbstractHeapType::Extern => HeapType::Extern,
                AbstractHeapType::NoExtern => HeapType::NoExtern,
                AbstractHeapType::Any => HeapType::Any,
                AbstractHeapType::Eq => HeapType::Eq,
                AbstractHeapType::I31 => HeapType::I31,
                AbstractHeapType::Struct => HeapType::Struct,
                AbstractHeapType::Array => HeapType::Array,
                AbstractHeapType::None => HeapType::None,
                AbstractHeapType::Exn => HeapType::Exn,
                AbstractHeapType::NoExn => HeapType::NoExn,
                AbstractHeapType::Cont | AbstractHeapType::NoCont => {
                    unreachable!("continuations are not enabled")
                }
            },
        }
    }

    fn reference(&self, ty: wasmparser::RefType) -> RefType {
        RefType::new(ty.is_nullable(), self.heap(ty.heap_type()))
    }

    fn val(&self, ty: wasmparser::ValType) -> ValType {
        match ty {
            wasmparser::ValType::I32 => ValType::I32,
            wasmparser::ValType::I64 => ValType::I64,
            wasmparser::ValType::F32 => ValType::F32,
            wasmparser::ValType::F64 => ValType::F64,
            wasmparser::ValType::V128 => ValType::V128,
            wasmparser::ValType::Ref(ty) => ValType::Ref(self.reference(ty)),
        }
    }

    fn field(&self, ty: &wasmparser::FieldType) -> FieldType {
        let element = match ty.element_type {
            wasmparser::StorageType::I8 => StorageType::I8,
            wasmparser::StorageType::I16 => StorageType::I16,
            wasmparser::StorageType::Val(ty) => StorageType::ValType(self.val(ty)),
        };
        FieldType::new(mutability(ty.mutable), element)
    }

    fn sub(&self, ty: &wasmparser::SubType) -> SubType {
        SubType {
            is_final: ty.is_final,
            supertype: ty.supertype_idxs.first().map(|&index| self.packed(index)),
            composite: match &ty.composite_type.inner {
                CompositeInnerType::Func(ty) => CompositeType::Func(FuncType::new(
                    ty.params().iter().map(|&ty| self.val(ty)),
                    ty.results().iter().map(|&ty| self.val(ty)),
                )),
                CompositeInnerType::Struct(ty) => CompositeType::Struct(StructType::new(
                    ty.fields.iter().map(|field| self.field(field)),
                )),
                CompositeInnerType::Array(ty) => {
                    CompositeType::Array(ArrayType::new(self.field(&ty.0)))
                }
                CompositeInnerType::Cont(_) => unreachable!("continuations are not enabled"),
            },
        }
    }
}

fn mutability(mutable: bool) -> Mutability {
    if mutable { Mutability::Var } else { Mutability::Const }
}

impl Resolve for ModuleInfo {
    fn resolve(&self, index: u32) -> TypeId {
        self.types[index as usize].id
    }
}

/// The types of a module while one of its groups is being read.
struct InGroup<'a> {
    earlier: &'a [RegisteredType],
}

impl Resolve for InGroup<'_> {
    fn resolve(&self, index: u32) -> TypeId {
        match self.earlier.get(index as usize) {
            Some(info) => info.id,
            None => Interner::local(index - self.earlier.len() as u32),
        }
    }
}

/// Interns a valid recursion group and adds its types to the module's.
pub(super) fn add_group(
    types: &mut Vec<RegisteredType>,
    interner: &mut Interner<'_>,
    group: &wasmparser::RecGroup,
) -> Result<(), Error> {
    let resolver = InGroup { earlier: types };
    let group: Vec<SubType> = group.types().map(|ty| resolver.sub(ty)).collect();
    let len = group.len();
    // A group may be without types, and then it is nothing.
    if len == 0 {
        return Ok(());
    }
    let group = interner.intern(group)?;
    types.extend((0..len).map(|position| group.member(position)));
    Ok(())
}

/// Conversions of types that were read from this module's bytes and validated.
impl ModuleInfo {
    /// A value type.
    pub fn val_type(&self, ty: wasmparser::ValType) -> ValType {
        self.val(ty)
    }

    /// A reference type.
    pub fn ref_type(&self, ty: wasmparser::RefType) -> RefType {
        self.reference(ty)
    }

    /// A heap type.
    pub fn heap_type(&self, ty: wasmparser::HeapType) -> HeapType {
        self.heap(ty)
    }

    pub(super) fn global_type(&self, ty: wasmparser::GlobalType) -> GlobalType {
        GlobalType::new(self.val(ty.content_type), mutability(ty.mutable))
    }

    pub(super) fn table_type(&self, ty: wasmparser::TableType) -> TableType {
        TableType::from_parts(self.reference(ty.element_type), ty.initial, ty.maximum, ty.table64)
    }

    pub(super) fn memory_type(&self, ty: wasmparser::MemoryType) -> MemoryType {
        let page_size_log2 =
            ty.page_size_log2.map_or(MemoryType::DEFAULT_PAGE_SIZE_LOG2, |log2| log2 as u8);
        MemoryType::from_parts(ty.initial, ty.maximum, ty.memory64, ty.shared, page_size_log2)
    }
}
