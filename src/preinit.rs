//! Modules that begin where an instance is now, so that initialisation is done once and ahead.
//!
//! The way of the tool Wizer: what the instance's memories, tables and globals hold becomes the module's initial
//! state. Code, types, imports and custom sections are copied as they are, so function numbers and source positions
//! stay.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Range;
use std::collections::HashMap;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    ConstExpr, DataCountSection, DataSection, ElementMode, ElementSection, ElementSegment,
    Elements, ExportSection, GlobalSection, MemorySection, RawSection, RefType, SectionId,
    TableSection,
};
use wasmparser::{DataKind, ElementItems, ElementKind, Operator, Parser, Payload, TableInit};

use crate::encode;
use crate::error::{Context, Result, bail, ensure};
use crate::extern_::Extern;
use crate::func::Func;
use crate::index::{FuncIndex, GlobalIndex, MemoryIndex, TableIndex};
use crate::instance::Instance;
use crate::memory::Memory;
use crate::prelude::*;
use crate::store::{AsContextMut, StoreContextMut};
use crate::types::Mutability;
use crate::val::Val;
use crate::wasm::{Entity, ModuleInfo};

/// The most segments of a kind that a module may have, by the embedding's limits (those of the JavaScript API).
const LIMIT: usize = 100_000;
/// The most data segments that the contents of memories become.
const MOST_DATA: usize = 50_000;
/// A table of more runs of elements than so many is written as one.
const MOST_RUNS: usize = 1000;
/// Memories are looked at in units of so many bytes: a segment costs about as much as that many zeros.
const UNIT: usize = 16;

/// Makes a module whose instances begin as an instance is now.
///
/// ```
/// # use threadle::{Engine, Instance, Module, Preinit, Result, Store};
/// # fn main() -> Result<()> {
/// let engine = Engine::default();
/// let module = Module::new(&engine, r#"(module
///     (global $ready (mut i32) (i32.const 0))
///     (func (export "init") (global.set $ready (i32.const 42)))
///     (func (export "get") (result i32) (global.get $ready)))"#)?;
/// let mut store = Store::new(&engine, ());
/// let instance = Instance::new(&mut store, &module, &[])?;
/// instance.get_typed_func::<(), ()>(&mut store, "init")?.call(&mut store, ())?;
///
/// let ready = Preinit::new().remove_export("init").module(&mut store, &instance)?;
///
/// let module = Module::new(&engine, ready)?;
/// let instance = Instance::new(&mut store, &module, &[])?;
/// let get = instance.get_typed_func::<(), i32>(&mut store, "get")?;
/// assert_eq!(get.call(&mut store, ())?, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, Debug)]
pub struct Preinit {
    /// Exports, and their new names; `None` for those that the module is not to have.
    exports: BTreeMap<String, Option<String>>,
}

impl Preinit {
    /// All exports stay.
    pub fn new() -> Preinit {
        Preinit::default()
    }

    /// The module does not have this export: that of the function that has initialised it, say.
    pub fn remove_export(&mut self, name: impl Into<String>) -> &mut Preinit {
        self.exports.insert(name.into(), None);
        self
    }

    /// The module has this export by another name, in place of what was exported by that.
    pub fn rename_export(
        &mut self,
        name: impl Into<String>,
        to: impl Into<String>,
    ) -> &mut Preinit {
        self.exports.insert(name.into(), Some(to.into()));
        self
    }

    /// The module, in the binary format. It has no start function, as that has run. What the instance's host
    /// functions did outside of it, such as opening files, is not in it.
    ///
    /// # Errors
    ///
    /// When the instance has something that no module begins with: memories, tables or mutable globals that are
    /// imported, shared memories, references to objects, or to functions that are not its own; and when there is
    /// no export of a name that was given.
    ///
    /// # Panics
    ///
    /// If the instance belongs to another store.
    pub fn module(&self, mut store: impl AsContextMut, instance: &Instance) -> Result<Vec<u8>> {
        let mut store = store.as_context_mut();
        let module = instance.module(&store);
        let info = module.info();
        for name in self.exports.keys() {
            ensure!(info.exports.contains_key(&**name), "the module has no export `{name}`");
        }
        let state = State::read(&mut store, instance, info)?;
        let bytes = module.code().bytes();
        let mut writer = Writer::new(bytes, &state);
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            let Some((id, range)) = payload.as_section() else { continue };
            writer.missing(place(id))?;
            match payload {
                Payload::TableSection(tables) => writer.tables(tables)?,
                Payload::MemorySection(memories) => writer.memories(memories)?,
                Payload::GlobalSection(globals) => writer.globals(globals)?,
                Payload::ExportSection(exports) => self.exports(&mut writer, exports)?,
                Payload::StartSection { .. } => {}
                Payload::ElementSection(elements) => writer.elements(Some(elements))?,
                Payload::DataCountSection { count, .. } => writer.data_count(count),
                Payload::DataSection(data) => writer.data(Some(data))?,
                _ => writer.copy(id, range),
            }
        }
        writer.missing(u8::MAX)?;
        Ok(writer.module.finish())
    }

    fn exports(
        &self,
        writer: &mut Writer<'_>,
        exports: wasmparser::ExportSectionReader<'_>,
    ) -> Result<()> {
        let mut section = ExportSection::new();
        let mut names = BTreeSet::new();
        for export in exports {
            let export = export?;
            let is_replaced = || self.exports.values().flatten().any(|name| name == export.name);
            let name = match self.exports.get(export.name) {
                Some(Some(name)) => name,
                None if !is_replaced() => export.name,
                _ => {
                    if export.kind == wasmparser::ExternalKind::Func {
                        writer.declared.insert(export.index);
                    }
                    continue;
                }
            };
            ensure!(names.insert(name), "two exports would have the name `{name}`");
            let kind = writer.reencoder.export_kind(export.kind).map_err(encoding)?;
            section.export(name, kind, export.index);
        }
        writer.module.section(&section);
        Ok(())
    }
}

/// An initial value.
enum Initial {
    /// The null reference.
    Null,
    /// A function of the module.
    Func(u32),
    /// Anything else.
    Value(ConstExpr),
}

/// Bytes that a memory begins with.
struct Bytes<'a> {
    memory: u32,
    is_64: bool,
    at: u64,
    bytes: &'a [u8],
}

/// A table.
struct TableState {
    index: u32,
    /// Whether its indices have 64 bits.
    is_64: bool,
    elements: Vec<Initial>,
}

/// What an instance holds, as initial values.
struct State<'a> {
    /// Pages of each memory of its own.
    pages: Vec<u64>,
    data: Vec<Bytes<'a>>,
    /// The tables of its own.
    tables: Vec<TableState>,
    /// Values of the globals of its own.
    globals: Vec<Initial>,
    /// Whether each segment is still there for `table.init`.
    has_elements: Vec<bool>,
    /// The same for `memory.init`.
    has_data: Vec<bool>,
}

impl<'a> State<'a> {
    fn read<T: 'static>(
        store: &'a mut StoreContextMut<'_, T>,
        instance: &Instance,
        info: &ModuleInfo,
    ) -> Result<State<'a>> {
        imports_nothing_mutable(info)?;
        let mut funcs = HashMap::new();
        for index in 0..info.funcs.len() as u32 {
            if let Extern::Func(func) = instance.entity(&*store, Entity::Func(FuncIndex(index))) {
                funcs.entry(func).or_insert(index);
            }
        }
        let (mut pages, mut memories) = (Vec::new(), Vec::new());
        for index in info.num_imported_memories..info.memories.len() as u32 {
            let Extern::Memory(memory) =
                instance.entity(&*store, Entity::Memory(MemoryIndex(index)))
            else {
                bail!("memory {index} is shared: other threads may write to it");
            };
            pages.push(memory.size(&*store));
            memories.push((index, memory));
        }
        let mut tables = Vec::new();
        for index in info.num_imported_tables..info.tables.len() as u32 {
            let Extern::Table(table) = instance.entity(&*store, Entity::Table(TableIndex(index)))
            else {
                continue;
            };
            let mut elements = Vec::new();
            for at in 0..table.size(&*store) {
                let value = table.get(&mut *store, at).map_or(Val::FuncRef(None), Val::from);
                let value = initial(store, value, &funcs);
                elements.push(value.with_context(|| format!("element {at} of table {index}"))?);
            }
            tables.push(TableState { index, is_64: table.ty(&*store).is_64(), elements });
        }
        let mut globals = Vec::new();
        for index in info.num_imported_globals..info.globals.len() as u32 {
            let Extern::Global(global) =
                instance.entity(&*store, Entity::Global(GlobalIndex(index)))
            else {
                continue;
            };
            let value = global.get(&mut *store);
            let value = initial(store, value, &funcs);
            globals.push(value.with_context(|| format!("global {index}"))?);
        }
        let room = LIMIT.saturating_sub(info.datas.len());
        let data = contents(&*store, &memories, MOST_DATA.min(room));
        ensure!(
            data.len() <= room,
            "there are {} data segments, the most that there may be",
            LIMIT
        );
        let (vm, at) = (store.0.vm(), instance.0.index);
        let elements = 0..info.elements.len() as u32;
        let datas = 0..info.datas.len() as u32;
        Ok(State {
            pages,
            data,
            tables,
            globals,
            has_elements: elements.map(|i| !vm.elem_segment(at, i).is_empty()).collect(),
            has_data: datas.map(|i| !vm.data_segment(at, i).is_empty()).collect(),
        })
    }
}

/// Refuses imports whose contents would have to be somebody else's.
fn imports_nothing_mutable(info: &ModuleInfo) -> Result<()> {
    for import in &info.imports {
        let what = match import.entity {
            Entity::Memory(_) => "memory",
            Entity::Table(_) => "table",
            Entity::Global(index)
                if info.globals[index.0 as usize].mutability() == Mutability::Var =>
            {
                "mutable global"
            }
            _ => continue,
        };
        bail!(
            "the {what} `{}` `{}` is imported: what it holds is not the instance's own",
            import.module,
            import.name
        );
    }
    Ok(())
}

/// A value as one that something begins with.
fn initial<T: 'static>(
    store: &mut StoreContextMut<'_, T>,
    value: Val,
    funcs: &HashMap<Func, u32>,
) -> Result<Initial> {
    if let Some((_, number)) = encode::number(&value) {
        return Ok(Initial::Value(number));
    }
    Ok(Initial::Value(match value {
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => {
            return Ok(Initial::Null);
        }
        Val::FuncRef(Some(func)) => {
            let index = funcs.get(&func).context("a function that is not the instance's own")?;
            return Ok(Initial::Func(*index));
        }
        Val::AnyRef(Some(object)) => {
            let number =
                object.as_i31(&*store)?.context("an object, of which modules begin with none")?;
            ConstExpr::extended([
                wasm_encoder::Instruction::I32Const(number.get_i32()),
                wasm_encoder::Instruction::RefI31,
            ])
        }
        Val::ExternRef(Some(_)) => bail!("an object of the host"),
        Val::ExnRef(Some(_)) => bail!("an exception"),
        Val::I32(_) | Val::I64(_) | Val::F32(_) | Val::F64(_) | Val::V128(_) => {
            unreachable!("a number is encoded as one")
        }
    }))
}

/// What memories hold that is not zero, in no more segments than so many where that can be.
fn contents<'a, T: 'static>(
    store: &'a StoreContextMut<'_, T>,
    memories: &[(u32, Memory)],
    most: usize,
) -> Vec<Bytes<'a>> {
    let longest = memories.iter().map(|(_, memory)| memory.data_size(store)).max().unwrap_or(0);
    let mut unit = UNIT;
    loop {
        let mut data = Vec::new();
        for (index, memory) in memories {
            let (is_64, bytes) = (memory.ty(store).is_64(), memory.data(store));
            data.extend(runs(bytes, unit).map(|range| Bytes {
                memory: *index,
                is_64,
                at: range.start as u64,
                bytes: &bytes[range],
            }));
            if data.len() > most && unit < longest {
                break;
            }
        }
        if data.len() <= most || unit >= longest {
            return data;
        }
        unit *= 4;
    }
}

/// Where bytes are not zero: runs of units, without the zeros at their ends.
fn runs(bytes: &[u8], unit: usize) -> impl Iterator<Item = Range<usize>> {
    let mut units = bytes.chunks(unit).enumerate().peekable();
    let is_zero = |unit: &[u8]| unit.iter().all(|byte| *byte == 0);
    core::iter::from_fn(move || {
        let (first, _) = units.by_ref().find(|(_, unit)| !is_zero(unit))?;
        let mut end = first + 1;
        while units.next_if(|(_, unit)| !is_zero(unit)).is_some() {
            end += 1;
        }
        let range = first * unit..bytes.len().min(end * unit);
        let zeros = bytes[range.clone()].iter().take_while(|byte| **byte == 0).count();
        let behind = bytes[range.clone()].iter().rev().take_while(|byte| **byte == 0).count();
        Some(range.start + zeros..range.end - behind)
    })
}

/// The new module, so far.
struct Writer<'a> {
    /// The old one.
    bytes: &'a [u8],
    state: &'a State<'a>,
    module: wasm_encoder::Module,
    reencoder: RoundtripReencoder,
    /// Functions that the module referred to outside of code in places where it does not any more. Code may refer to
    /// no others, so they are declared.
    declared: BTreeSet<u32>,
    /// The types of the elements of the module's own tables.
    table_types: Vec<RefType>,
    /// Whether the module says how many data segments there are: else no code names any.
    counts_data: bool,
    elements_written: bool,
    data_written: bool,
}

impl<'a> Writer<'a> {
    fn new(bytes: &'a [u8], state: &'a State<'a>) -> Writer<'a> {
        Writer {
            bytes,
            state,
            module: wasm_encoder::Module::new(),
            reencoder: RoundtripReencoder,
            declared: BTreeSet::new(),
            table_types: Vec::new(),
            counts_data: false,
            elements_written: false,
            data_written: false,
        }
    }

    /// Notes the functions that an initial value referred to.
    fn declare(&mut self, value: &wasmparser::ConstExpr<'_>) -> Result<()> {
        for operator in value.get_operators_reader() {
            if let Operator::RefFunc { function_index } = operator? {
                self.declared.insert(function_index);
            }
        }
        Ok(())
    }

    /// A section as it was.
    fn copy(&mut self, id: u8, range: Range<u64>) {
        let data = &self.bytes[range.start as usize..range.end as usize];
        self.module.section(&RawSection { id, data });
    }

    /// The sections that the old module did not have where one with this place comes next.
    fn missing(&mut self, next: u8) -> Result<()> {
        if next > place(SectionId::Element as u8) && !self.elements_written {
            self.elements(None)?;
        }
        if next > place(SectionId::Data as u8) && !self.data_written {
            self.data(None)?;
        }
        Ok(())
    }

    fn tables(&mut self, tables: wasmparser::TableSectionReader<'_>) -> Result<()> {
        let mut section = TableSection::new();
        for (table, state) in tables.into_iter().zip(&self.state.tables) {
            let table = table?;
            let mut ty = self.reencoder.table_type(table.ty).map_err(encoding)?;
            ty.minimum = state.elements.len() as u64;
            self.table_types.push(ty.element_type);
            match table.init {
                // All elements are written anew.
                TableInit::Expr(value) if !ty.element_type.nullable => {
                    let value = self.reencoder.const_expr(value).map_err(encoding)?;
                    section.table_with_init(ty, &value);
                }
                TableInit::Expr(value) => {
                    self.declare(&value)?;
                    section.table(ty);
                }
                TableInit::RefNull => {
                    section.table(ty);
                }
            }
        }
        self.module.section(&section);
        Ok(())
    }

    fn memories(&mut self, memories: wasmparser::MemorySectionReader<'_>) -> Result<()> {
        let mut section = MemorySection::new();
        for (memory, pages) in memories.into_iter().zip(&self.state.pages) {
            let mut ty = self.reencoder.memory_type(memory?).map_err(encoding)?;
            ty.minimum = *pages;
            section.memory(ty);
        }
        self.module.section(&section);
        Ok(())
    }

    fn globals(&mut self, globals: wasmparser::GlobalSectionReader<'_>) -> Result<()> {
        let mut section = GlobalSection::new();
        for (global, value) in globals.into_iter().zip(&self.state.globals) {
            let global = global?;
            self.declare(&global.init_expr)?;
            let ty = self.reencoder.global_type(global.ty).map_err(encoding)?;
            section.global(ty, &expression(value, ty.val_type));
        }
        self.module.section(&section);
        Ok(())
    }

    /// Segments keep their numbers: those that are used up are empty.
    fn elements(&mut self, elements: Option<wasmparser::ElementSectionReader<'_>>) -> Result<()> {
        self.elements_written = true;
        let mut section = ElementSection::new();
        for (number, element) in elements.into_iter().flatten().enumerate() {
            let element = element?;
            let is_used_up = match element.kind {
                ElementKind::Active { .. } => true,
                ElementKind::Passive => !self.state.has_elements[number],
                ElementKind::Declared => false,
            };
            if !is_used_up {
                self.reencoder.parse_element(&mut section, element).map_err(encoding)?;
                continue;
            }
            let elements = match element.items {
                ElementItems::Functions(items) => {
                    for func in items {
                        self.declared.insert(func?);
                    }
                    Elements::Functions(Cow::Borrowed(&[]))
                }
                ElementItems::Expressions(ty, items) => {
                    for value in items {
                        self.declare(&value?)?;
                    }
                    let ty = self.reencoder.ref_type(ty).map_err(encoding)?;
                    Elements::Expressions(ty, Cow::Borrowed(&[]))
                }
            };
            section.segment(ElementSegment { mode: ElementMode::Passive, elements });
        }
        for (table, ty) in self.state.tables.iter().zip(&self.table_types) {
            table.write(*ty, &mut section);
        }
        if !self.declared.is_empty() {
            let declared: Vec<u32> = self.declared.iter().copied().collect();
            section.declared(Elements::Functions(declared.into()));
        }
        if !section.is_empty() {
            self.module.section(&section);
        }
        Ok(())
    }

    /// How many data segments there are; `count` were in the old module.
    fn data_count(&mut self, count: u32) {
        self.counts_data = true;
        let count = count + self.state.data.len() as u32;
        self.module.section(&DataCountSection { count });
    }

    /// The same of data. Where nothing says how many there are, code names none, and those there were are not
    /// needed.
    fn data(&mut self, data: Option<wasmparser::DataSectionReader<'_>>) -> Result<()> {
        self.data_written = true;
        let mut section = DataSection::new();
        for (number, segment) in data.into_iter().flatten().enumerate() {
            let segment = segment?;
            if !self.counts_data {
                continue;
            }
            if matches!(segment.kind, DataKind::Passive) && self.state.has_data[number] {
                self.reencoder.parse_data(&mut section, segment).map_err(encoding)?;
            } else {
                section.passive([]);
            }
        }
        for Bytes { memory, is_64, at, bytes } in &self.state.data {
            section.active(*memory, &encode::address(*is_64, *at), bytes.iter().copied());
        }
        if !section.is_empty() {
            self.module.section(&section);
        }
        Ok(())
    }
}

impl TableState {
    /// Active segments for what it holds.
    fn write(&self, ty: RefType, section: &mut ElementSection) {
        let value_of = |value: &Initial| expression(value, wasm_encoder::ValType::Ref(ty));
        let is_null = |value: &Initial| matches!(value, Initial::Null);
        let runs = || self.elements.chunk_by(|a, b| is_null(a) == is_null(b));
        if runs().nth(MOST_RUNS).is_some() {
            let elements = Elements::Expressions(ty, self.elements.iter().map(value_of).collect());
            section.active(Some(self.index), &encode::address(self.is_64, 0), elements);
            return;
        }
        let mut at = 0;
        for run in runs() {
            if !is_null(&run[0]) {
                let funcs: Option<Vec<u32>> = run.iter().map(Initial::func).collect();
                let elements = match funcs {
                    Some(funcs) if ty == RefType::FUNCREF => Elements::Functions(funcs.into()),
                    _ => {
                        let values = run.iter().map(value_of);
                        Elements::Expressions(ty, values.collect())
                    }
                };
                section.active(Some(self.index), &encode::address(self.is_64, at), elements);
            }
            at += run.len() as u64;
        }
    }
}

impl Initial {
    fn func(&self) -> Option<u32> {
        if let Initial::Func(index) = self { Some(*index) } else { None }
    }
}

fn expression(value: &Initial, ty: wasm_encoder::ValType) -> ConstExpr {
    match (value, ty) {
        (Initial::Func(index), _) => ConstExpr::ref_func(*index),
        (Initial::Value(value), _) => value.clone(),
        (Initial::Null, wasm_encoder::ValType::Ref(ty)) => ConstExpr::ref_null(ty.heap_type),
        (Initial::Null, _) => unreachable!("only references are null"),
    }
}

/// Where a section comes, by the order of the standard; 0 for custom sections, which come anywhere.
fn place(id: u8) -> u8 {
    const ORDER: [SectionId; 13] = [
        SectionId::Type,
        SectionId::Import,
        SectionId::Function,
        SectionId::Table,
        SectionId::Memory,
        SectionId::Tag,
        SectionId::Global,
        SectionId::Export,
        SectionId::Start,
        SectionId::Element,
        SectionId::DataCount,
        SectionId::Code,
        SectionId::Data,
    ];
    ORDER.iter().position(|section| *section as u8 == id).map_or(0, |at| at as u8 + 1)
}

/// What cannot be copied was not valid.
fn encoding(error: wasm_encoder::reencode::Error) -> crate::Error {
    crate::error::format_err!("cannot write the module: {error}")
}
