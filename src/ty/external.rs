//! Types of what modules import and export.

use core::fmt;

use super::{FuncType, MemoryType, Mutability, RefType, ValType};
use crate::engine::Engine;
use crate::error::{Result, ensure, format_err};
use crate::extern_::Extern;
use crate::global::Global;
use crate::memory::Memory;
use crate::shared_memory::SharedMemory;
use crate::store::AsContextMut;
use crate::table::Table;
use crate::tag::Tag;
use crate::types;
use crate::val::Ref;
use crate::wasm::{Entity, ModuleInfo};

/// The type of a global.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct GlobalType {
    content: ValType,
    mutability: Mutability,
}

impl GlobalType {
    /// A global with values of type `content`.
    pub const fn new(content: ValType, mutability: Mutability) -> GlobalType {
        GlobalType { content, mutability }
    }

    /// The values' type.
    pub fn content(&self) -> &ValType {
        &self.content
    }

    /// Whether the global may be written.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }

    /// Makes a global of this type that holds the default value.
    ///
    /// # Errors
    ///
    /// When the type has none.
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Global> {
        let value = self.content.default_value();
        let value = value.ok_or_else(|| format_err!("global type has no default value"))?;
        Global::new(store, self.clone(), value)
    }

    pub(crate) fn lift(engine: &Engine, ty: &types::GlobalType) -> GlobalType {
        GlobalType::new(ValType::lift(engine, ty.content()), ty.mutability())
    }

    pub(crate) fn lower(&self) -> types::GlobalType {
        types::GlobalType::new(self.content.lower(), self.mutability)
    }
}

/// The type of a table. Sizes are in elements.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TableType {
    element: RefType,
    minimum: u64,
    maximum: Option<u64>,
    table64: bool,
}

impl TableType {
    /// A table with 32-bit indices.
    pub fn new(element: RefType, min: u32, max: Option<u32>) -> TableType {
        let (minimum, maximum) = (u64::from(min), max.map(u64::from));
        TableType { element, minimum, maximum, table64: false }
    }

    /// A table with 64-bit indices.
    pub fn new64(element: RefType, min: u64, max: Option<u64>) -> TableType {
        TableType { element, minimum: min, maximum: max, table64: true }
    }

    /// The elements' type.
    pub fn element(&self) -> &RefType {
        &self.element
    }

    /// Least number of elements.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// Greatest number of elements, if the table declares one.
    pub fn maximum(&self) -> Option<u64> {
        self.maximum
    }

    /// Whether indices are 64 bits wide.
    pub fn is_64(&self) -> bool {
        self.table64
    }

    /// The type of indices and sizes: `i32` or `i64`.
    pub fn index_type(&self) -> ValType {
        if self.table64 { ValType::I64 } else { ValType::I32 }
    }

    /// Makes a table of this type whose elements are null.
    ///
    /// # Errors
    ///
    /// When elements cannot be null, and as for [`Table::new`].
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Table> {
        ensure!(self.element.is_nullable(), "table element type has no default value");
        Table::new(store, self.clone(), Ref::null(self.element.heap_type()))
    }

    /// With `minimum` for what the table declares.
    pub(crate) fn lift(engine: &Engine, ty: &types::TableType, minimum: u64) -> TableType {
        TableType {
            element: RefType::lift(engine, ty.element()),
            minimum,
            maximum: ty.maximum(),
            table64: ty.is_64(),
        }
    }

    pub(crate) fn lower(&self) -> types::TableType {
        let element = self.element.lower();
        types::TableType::from_parts(element, self.minimum, self.maximum, self.table64)
    }
}

/// The type of an exception tag.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TagType {
    ty: FuncType,
}

impl TagType {
    /// A tag whose exceptions carry the parameters of `ty`.
    pub const fn new(ty: FuncType) -> TagType {
        TagType { ty }
    }

    /// The function type whose parameters are the exception's payload.
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// Makes a tag of this type.
    ///
    /// # Errors
    ///
    /// As for [`Tag::new`].
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Tag> {
        Tag::new(store, self)
    }
}

/// Makes a [`MemoryType`] step by step: see [`MemoryType::builder`].
#[derive(Clone, Debug)]
pub struct MemoryTypeBuilder {
    minimum: u64,
    maximum: Option<u64>,
    memory64: bool,
    shared: bool,
    page_size_log2: u8,
}

impl Default for MemoryTypeBuilder {
    fn default() -> MemoryTypeBuilder {
        MemoryTypeBuilder::new()
    }
}

impl MemoryTypeBuilder {
    /// A memory with 32-bit addresses, the standard page size, no pages at least and no maximum.
    pub fn new() -> MemoryTypeBuilder {
        MemoryTypeBuilder {
            minimum: 0,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: MemoryType::DEFAULT_PAGE_SIZE_LOG2,
        }
    }

    /// Least number of pages.
    pub fn min(&mut self, minimum: u64) -> &mut Self {
        self.minimum = minimum;
        self
    }

    /// Greatest number of pages.
    pub fn max(&mut self, maximum: Option<u64>) -> &mut Self {
        self.maximum = maximum;
        self
    }

    /// Whether addresses are 64 bits wide.
    pub fn memory64(&mut self, memory64: bool) -> &mut Self {
        self.memory64 = memory64;
        self
    }

    /// May several threads use the memory at once? Then it needs a maximum.
    pub fn shared(&mut self, shared: bool) -> &mut Self {
        self.shared = shared;
        self
    }

    /// Bytes of a page, as a power of two: 16, or 0 with custom page sizes.
    pub fn page_size_log2(&mut self, page_size_log2: u8) -> &mut Self {
        self.page_size_log2 = page_size_log2;
        self
    }

    /// The type.
    ///
    /// # Errors
    ///
    /// When the page size is not one of the two, the sizes are beyond the address type or the wrong
    /// way round, or a shared memory has no maximum.
    pub fn build(&self) -> Result<MemoryType> {
        ensure!(
            matches!(self.page_size_log2, 0 | MemoryType::DEFAULT_PAGE_SIZE_LOG2),
            "invalid page size: it is 2^{}, but must be 2^0 or 2^16",
            self.page_size_log2
        );
        ensure!(!self.shared || self.maximum.is_some(), "shared memories must have a maximum size");
        let ty = MemoryType::from_parts(
            self.minimum,
            self.maximum,
            self.memory64,
            self.shared,
            self.page_size_log2,
        );
        let most = ty.absolute_maximum();
        ensure!(
            self.minimum <= most && self.maximum.is_none_or(|maximum| maximum <= most),
            "memory size is beyond the address space of {most} pages"
        );
        ensure!(
            self.maximum.is_none_or(|maximum| self.minimum <= maximum),
            "minimum page size cannot exceed the maximum page size"
        );
        Ok(ty)
    }
}

impl MemoryType {
    /// Makes a type step by step.
    pub fn builder() -> MemoryTypeBuilder {
        MemoryTypeBuilder::new()
    }

    /// Makes a memory of this type.
    ///
    /// # Errors
    ///
    /// As for [`Memory::new`] and [`SharedMemory::new`].
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Extern> {
        Ok(match self.is_shared() {
            true => SharedMemory::new(store.as_context().engine(), *self)?.into(),
            false => Memory::new(store, *self)?.into(),
        })
    }
}

/// The type of an import or export.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A global.
    Global(GlobalType),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A tag.
    Tag(TagType),
}

macro_rules! accessors {
    ($($variant:ident($ty:ty) $get:ident $unwrap:ident $name:literal;)*) => {
        impl ExternType {
            $(
                #[doc = concat!("The ", $name, "'s type, if this is one.")]
                pub fn $get(&self) -> Option<&$ty> {
                    match self {
                        ExternType::$variant(ty) => Some(ty),
                        _ => None,
                    }
                }

                #[doc = concat!("The ", $name, "'s type.")]
                ///
                /// # Panics
                ///
                /// If this is the type of something else.
                #[track_caller]
                pub fn $unwrap(&self) -> &$ty {
                    self.$get().expect(concat!("not a ", $name))
                }
            )*

            /// What kind of thing this is, in one word.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(ExternType::$variant(_) => $name,)*
                }
            }
        }

        $(impl From<$ty> for ExternType {
            fn from(ty: $ty) -> ExternType {
                ExternType::$variant(ty)
            }
        })*
    };
}

accessors! {
    Func(FuncType) func unwrap_func "function";
    Global(GlobalType) global unwrap_global "global";
    Table(TableType) table unwrap_table "table";
    Memory(MemoryType) memory unwrap_memory "memory";
    Tag(TagType) tag unwrap_tag "tag";
}

impl ExternType {
    /// The type of an import or export of a module.
    pub(crate) fn of(engine: &Engine, info: &ModuleInfo, entity: Entity) -> ExternType {
        let func = |ty: usize| FuncType::from_registered(engine, info.types[ty].clone());
        match entity {
            Entity::Func(i) => func(info.funcs[i.idx()].idx()).into(),
            Entity::Table(i) => {
                let ty = &info.tables[i.idx()];
                TableType::lift(engine, ty, ty.minimum()).into()
            }
            Entity::Memory(i) => info.memories[i.idx()].into(),
            Entity::Global(i) => GlobalType::lift(engine, &info.globals[i.idx()]).into(),
            Entity::Tag(i) => TagType::new(func(info.tags[i.idx()].idx())).into(),
        }
    }

    /// Makes an item of this type: a function that returns default values, a global that holds one, a
    /// table of nulls, a memory of zeros, a tag.
    ///
    /// # Errors
    ///
    /// When there is no default value, or the item cannot be made.
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Extern> {
        Ok(match self {
            ExternType::Func(ty) => ty.default_value(store)?.into(),
            ExternType::Global(ty) => ty.default_value(store)?.into(),
            ExternType::Table(ty) => ty.default_value(store)?.into(),
            ExternType::Memory(ty) => ty.default_value(store)?,
            ExternType::Tag(ty) => ty.default_value(store)?.into(),
        })
    }
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Func(ty) => ty.fmt(f),
            ExternType::Global(ty) => ty.fmt(f),
            ExternType::Table(ty) => ty.fmt(f),
            ExternType::Memory(ty) => ty.fmt(f),
            ExternType::Tag(ty) => {
                f.write_str("(tag")?;
                for param in ty.ty.params() {
                    write!(f, " {param}")?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for GlobalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lower().fmt(f)
    }
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lower().fmt(f)
    }
}

/// An import of a module: its two names and its type.
#[derive(Clone, Debug)]
pub struct ImportType<'module> {
    module: &'module str,
    name: &'module str,
    ty: ExternType,
}

impl<'module> ImportType<'module> {
    pub(crate) fn new(module: &'module str, name: &'module str, ty: ExternType) -> Self {
        ImportType { module, name, ty }
    }

    /// The name of the module that is imported from.
    pub fn module(&self) -> &'module str {
        self.module
    }

    /// The name of what is imported.
    pub fn name(&self) -> &'module str {
        self.name
    }

    /// The type that is asked for.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}

/// An export of a module: its name and its type.
#[derive(Clone, Debug)]
pub struct ExportType<'module> {
    name: &'module str,
    ty: ExternType,
}

impl<'module> ExportType<'module> {
    pub(crate) fn new(name: &'module str, ty: ExternType) -> Self {
        ExportType { name, ty }
    }

    /// The name of what is exported.
    pub fn name(&self) -> &'module str {
        self.name
    }

    /// Its type.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}
