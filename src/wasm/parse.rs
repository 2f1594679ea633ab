//! Reads a module, section by section, in the order in which the validator wants them.

use core::ops::Range;

use wasmparser::{
    BinaryReaderError, BranchHintSectionReader, CustomSectionReader, DataKind, ElementItems,
    ElementKind, ExternalKind, FunctionBody, Parser, Payload, TableInit, TypeRef, Validator,
    WasmFeatures,
};

use super::validate::{Bodies, module_error, place};
use super::{
    BranchHint, ConstExpr, CustomSection, DataMode, DataSegment, ElemItems, ElemMode, ElemSegment,
    Entity, Import, ModuleInfo, TypeRegistry, convert,
};
use crate::error::{Error, ModuleError, ModuleErrorKind};
use crate::index::{FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex, TypeIndex};
use crate::prelude::*;
use crate::types::{HeapType, RefType, ValType};

/// How to read a module.
#[derive(Clone, Copy, Debug)]
pub struct ParseOptions {
    /// The features that modules may use, of those in [`ParseOptions::SUPPORTED`].
    pub features: WasmFeatures,
    /// Leave function bodies to [`ModuleInfo::validate_body`].
    pub lazy_validation: bool,
    /// Most threads that validate the bodies of a large module.
    pub threads: usize,
}

impl ParseOptions {
    /// The features that the engine knows.
    pub const SUPPORTED: WasmFeatures = WasmFeatures::WASM3
        .union(WasmFeatures::RELAXED_SIMD)
        .union(WasmFeatures::THREADS)
        .union(WasmFeatures::LEGACY_EXCEPTIONS)
        .union(WasmFeatures::CUSTOM_PAGE_SIZES)
        .union(WasmFeatures::WIDE_ARITHMETIC)
        .union(WasmFeatures::COMPACT_IMPORTS);
}

impl Default for ParseOptions {
    /// The 3.0 standard, everything validated on the calling thread.
    fn default() -> ParseOptions {
        ParseOptions { features: WasmFeatures::WASM3, lazy_validation: false, threads: 1 }
    }
}

/// What stops the parser: wasmparser's error is classified once, at the end.
enum Stop {
    Reader(BinaryReaderError),
    Other(Error),
}

impl From<BinaryReaderError> for Stop {
    fn from(error: BinaryReaderError) -> Stop {
        Stop::Reader(error)
    }
}

impl From<ModuleError> for Stop {
    fn from(error: ModuleError) -> Stop {
        Stop::Other(error.into())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Other(error)
    }
}

/// How the binary format of components begins: the same magic bytes, another version and layer.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

impl ModuleInfo {
    /// Reads and validates a module in the binary format.
    ///
    /// # Errors
    ///
    /// [`ModuleError`], which says what is wrong and where; or another error when the registry is
    /// full.
    pub fn parse(
        bytes: &[u8],
        options: &ParseOptions,
        registry: &TypeRegistry,
    ) -> Result<ModuleInfo, Error> {
        if bytes.starts_with(COMPONENT) {
            let message = "expected a WebAssembly module but was given a WebAssembly component";
            return Err(ModuleError::new(ModuleErrorKind::Unsupported, 0, message).into());
        }
        let features = options.features.intersection(ParseOptions::SUPPORTED);
        let mut reading = Reading {
            info: ModuleInfo { features, ..ModuleInfo::default() },
            validator: Validator::new_with_features(features),
            bodies: Bodies::default(),
            options,
            registry,
        };
        let mut parser = Parser::new(0);
        parser.set_features(features);
        for payload in parser.parse_all(bytes) {
            match payload.map_err(Stop::from).and_then(|payload| reading.payload(payload)) {
                Ok(()) => {}
                Err(Stop::Reader(error)) => {
                    return Err(module_error(&error, bytes, features).into());
                }
                Err(Stop::Other(error)) => return Err(error),
            }
        }
        Ok(reading.finish())
    }
}

struct Reading<'a> {
    info: ModuleInfo,
    validator: Validator,
    bodies: Bodies<'a>,
    options: &'a ParseOptions,
    registry: &'a TypeRegistry,
}

impl<'a> Reading<'a> {
    fn payload(&mut self, payload: Payload<'a>) -> Result<(), Stop> {
        let info = &mut self.info;
        match payload {
            Payload::CodeSectionStart { count, ref unchecked_range, .. } => {
                self.validator.code_section_start(unchecked_range)?;
                info.code_section = place(unchecked_range);
                // The validator has compared `count` with the function section.
                info.bodies.reserve_exact(count as usize);
            }
            Payload::CodeSectionEntry(body) => {
                let func = self.validator.code_section_entry(&body)?;
                if info.validator.is_none() {
                    info.validator = Some(func.resources.clone());
                }
                let index = info.num_imported_funcs as usize + info.bodies.len();
                let float_params = info
                    .funcs
                    .get(index)
                    .is_some_and(|ty| info.type_info(*ty).func().params().any(ValType::is_float));
                info.has_float_locals |= float_params || has_float_locals(&body);
                info.bodies.push(place(&body.range()));
                if !self.options.lazy_validation {
                    self.bodies.push(func, body);
                    if info.bodies.len() == info.num_defined_funcs() as usize {
                        core::mem::take(&mut self.bodies).validate(self.options.threads)?;
                    }
                }
            }
            Payload::CustomSection(section) => self.custom_section(&section),
            payload => {
                self.validator.payload(&payload)?;
                self.section(payload)?;
            }
        }
        Ok(())
    }

    /// Takes over a section that the validator has accepted.
    fn section(&mut self, payload: Payload<'a>) -> Result<(), Stop> {
        let info = &mut self.info;
        match payload {
            Payload::TypeSection(section) => {
                let mut interner = self.registry.lock();
                for group in section {
                    convert::add_group(&mut info.types, &mut interner, &group?)?;
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let entity = info.declare(import.ty);
                    info.imports.push(Import {
                        module: import.module.into(),
                        name: import.name.into(),
                        entity,
                    });
                }
                info.num_imported_funcs = info.funcs.len() as u32;
                info.num_imported_tables = info.tables.len() as u32;
                info.num_imported_memories = info.memories.len() as u32;
                info.num_imported_globals = info.globals.len() as u32;
                info.num_imported_tags = info.tags.len() as u32;
            }
            Payload::FunctionSection(section) => {
                info.funcs.reserve_exact(section.count() as usize);
                for ty in section {
                    info.funcs.push(TypeIndex(ty?));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table?;
                    info.tables.push(info.table_type(table.ty));
                    let init = match table.init {
                        TableInit::RefNull => None,
                        TableInit::Expr(expr) => Some(ConstExpr::read(info, &expr)?),
                    };
                    info.table_inits.push(init);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    info.memories.push(info.memory_type(memory?));
                }
            }
            Payload::TagSection(section) => {
                for tag in section {
                    info.tags.push(TypeIndex(tag?.func_type_idx));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global?;
                    info.globals.push(info.global_type(global.ty));
                    info.global_inits.push(ConstExpr::read(info, &global.init_expr)?);
                }
            }
            Payload::ExportSection(section) => {
                info.exports.reserve_exact(section.count() as usize);
                for export in section {
                    let export = export?;
                    let entity = match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => {
                            Entity::Func(FuncIndex(export.index))
                        }
                        ExternalKind::Table => Entity::Table(TableIndex(export.index)),
                        ExternalKind::Memory => Entity::Memory(MemoryIndex(export.index)),
                        ExternalKind::Global => Entity::Global(GlobalIndex(export.index)),
                        ExternalKind::Tag => Entity::Tag(TagIndex(export.index)),
                    };
                    info.exports.insert(export.name.into(), entity);
                }
            }
            Payload::StartSection { func, .. } => info.start = Some(FuncIndex(func)),
            Payload::ElementSection(section) => {
                for element in section {
                    let element = elem_segment(info, &element?)?;
                    info.elements.push(element);
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    let data = data?;
                    let mode = match data.kind {
                        DataKind::Passive => DataMode::Passive,
                        DataKind::Active { memory_index, offset_expr } => DataMode::Active {
                            memory: MemoryIndex(memory_index),
                            offset: ConstExpr::read(info, &offset_expr)?,
                        },
                    };
                    // The segment's range begins with its header; the bytes are its end.
                    let end = data.range.end as usize;
                    info.datas.push(DataSegment { mode, range: end - data.data.len()..end });
                }
            }
            // Everything else is either of no further interest (the version, the data count) or
            // has been refused by the validator.
            _ => {}
        }
        Ok(())
    }

    /// Custom sections have no bearing on validity: what is wrong with them is ignored.
    fn custom_section(&mut self, section: &CustomSectionReader<'a>) {
        let range: Range<usize> = place(&section.data_range());
        // By its name: `as_known` would read what debuggers and linkers know, too.
        if section.name() == "metadata.code.branch_hint"
            && let Ok(hints) = BranchHintSectionReader::new(section.data_reader())
        {
            read_branch_hints(&mut self.info.branch_hints, hints);
        }
        self.info.custom_sections.push(CustomSection { name: section.name().into(), range });
    }

    fn finish(self) -> ModuleInfo {
        let mut info = self.info;
        info.bodies_unchecked = self.options.lazy_validation;
        info
    }
}

impl ModuleInfo {
    /// Gives an imported entity its index.
    fn declare(&mut self, ty: TypeRef) -> Entity {
        match ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.funcs.push(TypeIndex(ty));
                Entity::Func(FuncIndex(self.funcs.len() as u32 - 1))
            }
            TypeRef::Table(ty) => {
                self.tables.push(self.table_type(ty));
                Entity::Table(TableIndex(self.tables.len() as u32 - 1))
            }
            TypeRef::Memory(ty) => {
                self.memories.push(self.memory_type(ty));
                Entity::Memory(MemoryIndex(self.memories.len() as u32 - 1))
            }
            TypeRef::Global(ty) => {
                self.globals.push(self.global_type(ty));
                Entity::Global(GlobalIndex(self.globals.len() as u32 - 1))
            }
            TypeRef::Tag(ty) => {
                self.tags.push(TypeIndex(ty.func_type_idx));
                Entity::Tag(TagIndex(self.tags.len() as u32 - 1))
            }
        }
    }
}

fn elem_segment(
    info: &ModuleInfo,
    element: &wasmparser::Element<'_>,
) -> Result<ElemSegment, ModuleError> {
    let mode = match &element.kind {
        ElementKind::Passive => ElemMode::Passive,
        ElementKind::Declared => ElemMode::Declared,
        ElementKind::Active { table_index, offset_expr } => ElemMode::Active {
            table: TableIndex(table_index.unwrap_or(0)),
            offset: ConstExpr::read(info, offset_expr)?,
        },
    };
    let (ty, items) = match &element.items {
        ElementItems::Functions(items) => {
            let funcs = items.clone().into_iter().map(|func| Ok(FuncIndex(func?)));
            let ty = RefType::new(false, HeapType::Func);
            (ty, ElemItems::Funcs(funcs.collect::<Result<_, ModuleError>>()?))
        }
        ElementItems::Expressions(ty, items) => {
            let exprs = items.clone().into_iter().map(|expr| ConstExpr::read(info, &expr?));
            (info.ref_type(*ty), ElemItems::Exprs(exprs.collect::<Result<_, _>>()?))
        }
    };
    Ok(ElemSegment { mode, ty, items })
}

/// Adds what can be read of a branch hint section.
fn read_branch_hints(all: &mut Vec<BranchHint>, section: BranchHintSectionReader<'_>) {
    for function in section.into_iter().map_while(Result::ok) {
        let func = FuncIndex(function.func);
        for hint in function.hints.into_iter().map_while(Result::ok) {
            all.push(BranchHint { func, offset: hint.func_offset, taken: hint.taken });
        }
    }
    // A valid section is sorted and has one hint for a branch. Of several the first counts.
    if !all.is_sorted_by(|a, b| (a.func, a.offset) < (b.func, b.offset)) {
        all.sort_by_key(|hint| (hint.func, hint.offset));
        all.dedup_by_key(|hint| (hint.func, hint.offset));
    }
}

/// Whether a function declares locals of a float type. What cannot be read counts as one.
fn has_float_locals(body: &FunctionBody<'_>) -> bool {
    let is_other = |ty| !matches!(ty, wasmparser::ValType::F32 | wasmparser::ValType::F64);
    !body
        .get_locals_reader()
        .is_ok_and(|locals| locals.into_iter().all(|local| local.is_ok_and(|(_, ty)| is_other(ty))))
}
