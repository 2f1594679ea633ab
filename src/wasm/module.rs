//! What the engine knows about a module.

use core::ops::Range;

use wasmparser::{FuncToValidate, ValidatorResources, WasmFeatures};

use super::{ConstExpr, Names, RegisteredType, TypeInfo};
use crate::index::{
    DefinedFuncIndex, FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex, TypeId, TypeIndex,
};
use crate::prelude::*;
use crate::sys::standard::{IndexMap, OnceLock};
use crate::types::{FuncType, GlobalType, MemoryType, RefType, TableType};

/// A module that has been read and validated. Index spaces list imports first.
#[derive(Debug, Default)]
pub struct ModuleInfo {
    /// The defined types. `types[i].id` is the engine's name of type `i`.
    pub types: Vec<RegisteredType>,
    /// The imports, in order.
    pub imports: Vec<Import>,
    /// The exports, in order and by name.
    pub exports: IndexMap<Box<str>, Entity>,
    /// The type of each function.
    pub funcs: Vec<TypeIndex>,
    /// The type of each table.
    pub tables: Vec<TableType>,
    /// The type of each memory.
    pub memories: Vec<MemoryType>,
    /// The type of each global.
    pub globals: Vec<GlobalType>,
    /// The function type of each tag.
    pub tags: Vec<TypeIndex>,
    /// How many of `funcs` are imported.
    pub num_imported_funcs: u32,
    /// How many of `tables` are imported.
    pub num_imported_tables: u32,
    /// How many of `memories` are imported.
    pub num_imported_memories: u32,
    /// How many of `globals` are imported.
    pub num_imported_globals: u32,
    /// How many of `tags` are imported.
    pub num_imported_tags: u32,
    /// First value of all elements, per defined table; `None` means null.
    pub table_inits: Vec<Option<ConstExpr>>,
    /// First value, per defined global.
    pub global_inits: Vec<ConstExpr>,
    /// The element segments.
    pub elements: Vec<ElemSegment>,
    /// The data segments.
    pub datas: Vec<DataSegment>,
    /// The function to call after instantiation.
    pub start: Option<FuncIndex>,
    /// Per defined function: its body's place in the module, from the local declarations to the
    /// final `end`.
    pub bodies: Vec<Range<usize>>,
    /// Whether any defined function has a parameter or local of a float type.
    pub has_float_locals: bool,
    /// The custom sections, in order.
    pub custom_sections: Vec<CustomSection>,
    /// Branch hints, by function and offset.
    pub branch_hints: Vec<BranchHint>,
    /// Where the code section's contents are; empty without one.
    pub code_section: Range<usize>,
    /// The features it was validated with.
    pub features: WasmFeatures,
    /// What validating a body needs; present in every module that has a code section.
    pub(super) validator: Option<ValidatorResources>,
    /// Whether the bodies are left to [`ModuleInfo::func_to_validate`]'s caller.
    pub(super) bodies_unchecked: bool,
    pub(super) names: OnceLock<Names>,
}

/// An import: two names, and the entity it becomes.
#[derive(Clone, Debug)]
pub struct Import {
    /// The module's name.
    pub module: Box<str>,
    /// The name in that module.
    pub name: Box<str>,
    /// The index that the import takes.
    pub entity: Entity,
}

/// Something that can be imported or exported.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entity {
    /// A function.
    Func(FuncIndex),
    /// A table.
    Table(TableIndex),
    /// A memory.
    Memory(MemoryIndex),
    /// A global.
    Global(GlobalIndex),
    /// A tag.
    Tag(TagIndex),
}

impl Entity {
    /// What kind of thing it is, in one word.
    pub fn kind(self) -> &'static str {
        match self {
            Entity::Func(_) => "function",
            Entity::Table(_) => "table",
            Entity::Memory(_) => "memory",
            Entity::Global(_) => "global",
            Entity::Tag(_) => "tag",
        }
    }
}

/// An element segment.
#[derive(Clone, Debug)]
pub struct ElemSegment {
    /// What becomes of it at instantiation.
    pub mode: ElemMode,
    /// The elements' type.
    pub ty: RefType,
    /// The elements.
    pub items: ElemItems,
}

/// What becomes of an element segment at instantiation.
#[derive(Clone, Debug)]
pub enum ElemMode {
    /// It waits for `table.init`.
    Passive,
    /// It is copied into a table, then dropped.
    Active {
        /// The table.
        table: TableIndex,
        /// First index.
        offset: ConstExpr,
    },
    /// It is dropped: it only declares functions for `ref.func`.
    Declared,
}

/// The elements of a segment.
#[derive(Clone, Debug)]
pub enum ElemItems {
    /// References to functions.
    Funcs(Box<[FuncIndex]>),
    /// Values of any reference type.
    Exprs(Box<[ConstExpr]>),
}

impl ElemItems {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            ElemItems::Funcs(items) => items.len(),
            ElemItems::Exprs(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A data segment.
#[derive(Clone, Debug)]
pub struct DataSegment {
    /// What becomes of it at instantiation.
    pub mode: DataMode,
    /// Its bytes, as a range of the module's.
    pub range: Range<usize>,
}

/// What becomes of a data segment at instantiation.
#[derive(Clone, Debug)]
pub enum DataMode {
    /// It waits for `memory.init`.
    Passive,
    /// It is copied into a memory, then dropped.
    Active {
        /// The memory.
        memory: MemoryIndex,
        /// First address.
        offset: ConstExpr,
    },
}

/// A custom section.
#[derive(Clone, Debug)]
pub struct CustomSection {
    /// Its name.
    pub name: Box<str>,
    /// Its contents behind the name, as a range of the module's bytes.
    pub range: Range<usize>,
}

/// Which way a branch is likely to go (the branch hinting proposal).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BranchHint {
    /// The function.
    pub func: FuncIndex,
    /// The branch's offset from the start of the function's body.
    pub offset: u32,
    /// Whether the branch is likely to be taken.
    pub taken: bool,
}

impl ModuleInfo {
    /// The description of type `ty`.
    ///
    /// # Panics
    ///
    /// Like all accessors here: if there is no such index.
    #[inline]
    pub fn type_info(&self, ty: TypeIndex) -> &TypeInfo {
        &self.types[ty.idx()]
    }

    /// The engine's name of type `ty`.
    #[inline]
    pub fn type_id(&self, ty: TypeIndex) -> TypeId {
        self.types[ty.idx()].id
    }

    /// The type of a function.
    #[inline]
    pub fn func_type(&self, func: FuncIndex) -> &FuncType {
        self.func_type_info(func).func()
    }

    /// The engine's description of a function's type.
    #[inline]
    pub fn func_type_info(&self, func: FuncIndex) -> &TypeInfo {
        self.type_info(self.funcs[func.idx()])
    }

    /// The engine's name of a function's type.
    #[inline]
    pub fn func_type_id(&self, func: FuncIndex) -> TypeId {
        self.func_type_info(func).id
    }

    /// The function type of a tag.
    pub fn tag_type(&self, tag: TagIndex) -> &FuncType {
        self.type_info(self.tags[tag.idx()]).func()
    }

    /// Number of functions that the module defines.
    #[inline]
    pub fn num_defined_funcs(&self) -> u32 {
        self.funcs.len() as u32 - self.num_imported_funcs
    }

    /// The place of a function among the defined ones; `None` for an import.
    #[inline]
    pub fn defined_func(&self, func: FuncIndex) -> Option<DefinedFuncIndex> {
        func.0.checked_sub(self.num_imported_funcs).map(DefinedFuncIndex)
    }

    /// The index of a defined function.
    #[inline]
    pub fn func_index(&self, func: DefinedFuncIndex) -> FuncIndex {
        FuncIndex(func.0 + self.num_imported_funcs)
    }

    /// The place of a function's body in the module's bytes.
    pub fn body(&self, func: DefinedFuncIndex) -> Range<usize> {
        self.bodies[func.idx()].clone()
    }

    /// The hints for the branches of a function, by offset. Empty for most.
    pub fn branch_hints(&self, func: FuncIndex) -> &[BranchHint] {
        let start = self.branch_hints.partition_point(|hint| hint.func < func);
        let rest = &self.branch_hints[start..];
        &rest[..rest.partition_point(|hint| hint.func == func)]
    }

    /// Names from the name section of `bytes`, the bytes this module was read from. Read at the
    /// first call; whatever is wrong with the section, the names before the fault are kept.
    pub fn names(&self, bytes: &[u8]) -> &Names {
        self.names.get_or_init(|| {
            let section = self.custom_sections.iter().find(|section| &*section.name == "name");
            section.map_or_else(Names::default, |section| Names::read(bytes, section.range.clone()))
        })
    }

    /// Must [`ModuleInfo::validate_body`] be called before a body is translated? So when the
    /// module was read with [`super::ParseOptions::lazy_validation`].
    pub fn has_unchecked_bodies(&self) -> bool {
        self.bodies_unchecked
    }

    /// A validator for one body, for whoever wants to validate and translate in one pass.
    pub fn func_to_validate(&self, func: DefinedFuncIndex) -> FuncToValidate<ValidatorResources> {
        let index = self.func_index(func);
        FuncToValidate {
            resources: self.validator.clone().expect("a module with bodies has a code section"),
            index: index.0,
            ty: self.funcs[index.idx()].0,
            features: self.features,
        }
    }
}

static_assertions::assert_impl_all!(ModuleInfo: Send, Sync);
