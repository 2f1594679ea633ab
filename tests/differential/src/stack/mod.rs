//! Modules whose code is hard on a translator: random but well-typed stack code with deep operand
//! stacks, many locals that are read before they change, branches that carry values, constants of
//! every size, and calls with many arguments and results. Every call ends: loops count down or
//! take fuel, and so do functions that call.

mod code;
mod expr;
mod ops;
mod stmt;

use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType,
    ExportKind, ExportSection, FunctionSection, GlobalSection, GlobalType, HeapType, ImportSection,
    MemorySection, MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};

use crate::observe::Ty;
use crate::plan::FUEL;
use crate::rng::Rng;

/// A function's parameters and results.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sig {
    params: Vec<Ty>,
    results: Vec<Ty>,
}

/// The type section as it grows.
#[derive(Debug, Default)]
pub struct Types(Vec<Sig>);

impl Types {
    fn index(&mut self, sig: &Sig) -> u32 {
        if let Some(index) = self.0.iter().position(|it| it == sig) {
            return index as u32;
        }
        self.0.push(sig.clone());
        self.0.len() as u32 - 1
    }
}

/// A memory.
#[derive(Debug)]
pub struct Memory {
    wide: bool,
    pages: u64,
}

/// What code can refer to.
#[derive(Debug)]
pub struct Shape {
    /// Functions, imported ones first.
    funcs: Vec<Sig>,
    imported: usize,
    /// Globals; the first one is fuel.
    globals: Vec<(Ty, bool)>,
    memories: Vec<Memory>,
    /// What fills table 0; there are as many nulls behind. Table 1 holds external references.
    elements: Vec<u32>,
    table_size: u32,
}

fn val_type(ty: Ty) -> ValType {
    match ty {
        Ty::I32 => ValType::I32,
        Ty::I64 => ValType::I64,
        Ty::F32 => ValType::F32,
        Ty::F64 => ValType::F64,
        Ty::V128 => ValType::V128,
        Ty::Func => ValType::Ref(RefType::FUNCREF),
        Ty::Extern | Ty::Other => ValType::Ref(RefType::EXTERNREF),
    }
}

fn val_types(types: &[Ty]) -> Vec<ValType> {
    types.iter().map(|ty| val_type(*ty)).collect()
}

/// A type, numbers mostly.
fn ty(rng: &mut Rng) -> Ty {
    match rng.below(24) {
        0..=9 => Ty::I32,
        10..=14 => Ty::I64,
        15..=17 => Ty::F32,
        18..=21 => Ty::F64,
        22 => Ty::Func,
        _ => Ty::Extern,
    }
}

fn types(rng: &mut Rng, most: usize) -> Vec<Ty> {
    let count = rng.between(0, most);
    (0..count).map(|_| ty(rng)).collect()
}

fn sig(rng: &mut Rng) -> Sig {
    let (params, results) = match rng.below(10) {
        0 => (20, 12),
        1 => (2, 20),
        _ => (5, 3),
    };
    Sig { params: types(rng, params), results: types(rng, results) }
}

fn shape(rng: &mut Rng) -> Shape {
    let imported = rng.below(4);
    let count = imported + rng.between(1, 6);
    let mut funcs: Vec<Sig> = Vec::new();
    for _ in 0..count {
        // Equal types make calls and tail calls between functions likely.
        let sig = if !funcs.is_empty() && rng.chance(30) {
            funcs[rng.below(funcs.len())].clone()
        } else {
            sig(rng)
        };
        funcs.push(sig);
    }
    let mut globals = vec![(Ty::I32, true)];
    for _ in 0..rng.between(1, 6) {
        globals.push((ty(rng), rng.chance(85)));
    }
    let memories = (0..rng.pick(&[1, 1, 1, 2, 3]))
        .map(|i| Memory {
            wide: rng.chance(if i == 0 { 15 } else { 50 }),
            pages: rng.between(1, 3) as u64,
        })
        .collect();
    let elements = (0..rng.between(1, 8)).map(|_| rng.below(count) as u32).collect::<Vec<_>>();
    let table_size = elements.len() as u32 + 2;
    Shape { funcs, imported, globals, memories, elements, table_size }
}

/// Bytes of each data segment.
const DATA: usize = 64;

/// Data segments: the first is active, the others passive.
const DATAS: u32 = 3;

/// The module of `seed`.
pub fn generate(seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed, 0);
    let rng = &mut rng;
    let shape = shape(rng);
    let mut types = Types::default();
    let signatures: Vec<u32> = shape.funcs.iter().map(|sig| types.index(sig)).collect();
    let mut code = CodeSection::new();
    for sig in &shape.funcs[shape.imported..] {
        code.function(&code::function(rng, &shape, &mut types, sig));
    }

    let mut type_section = TypeSection::new();
    for sig in &types.0 {
        type_section.ty().function(val_types(&sig.params), val_types(&sig.results));
    }
    let mut imports = ImportSection::new();
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    for (i, ty) in signatures.iter().enumerate() {
        if i < shape.imported {
            imports.import("host", &format!("h{i}"), EntityType::Function(*ty));
        } else {
            functions.function(*ty);
            exports.export(&format!("f{i}"), ExportKind::Func, i as u32);
        }
    }
    let mut tables = TableSection::new();
    for (i, element_type) in [RefType::FUNCREF, RefType::EXTERNREF].into_iter().enumerate() {
        let minimum = u64::from(shape.table_size);
        tables.table(TableType {
            element_type,
            table64: false,
            minimum,
            maximum: Some(40),
            shared: false,
        });
        exports.export(&format!("t{i}"), ExportKind::Table, i as u32);
    }
    let mut memories = MemorySection::new();
    for (i, memory) in shape.memories.iter().enumerate() {
        let maximum = Some(memory.pages + 2);
        let (minimum, memory64) = (memory.pages, memory.wide);
        memories.memory(MemoryType {
            minimum,
            maximum,
            memory64,
            shared: false,
            page_size_log2: None,
        });
        exports.export(&format!("m{i}"), ExportKind::Memory, i as u32);
    }
    let mut globals = GlobalSection::new();
    for (i, (ty, mutable)) in shape.globals.iter().enumerate() {
        let global = GlobalType { val_type: val_type(*ty), mutable: *mutable, shared: false };
        let value = match ty {
            Ty::I32 => ConstExpr::i32_const(rng.integer() as i32),
            Ty::I64 => ConstExpr::i64_const(rng.integer() as i64),
            Ty::F32 => ConstExpr::f32_const((rng.float() as f32).into()),
            Ty::F64 => ConstExpr::f64_const(rng.float().into()),
            Ty::Func if rng.chance(50) => ConstExpr::ref_func(rng.below(shape.funcs.len()) as u32),
            Ty::Func => ConstExpr::ref_null(HeapType::FUNC),
            _ => ConstExpr::ref_null(HeapType::EXTERN),
        };
        globals.global(global, &value);
        let name = if i == 0 { FUEL.to_string() } else { format!("g{i}") };
        exports.export(&name, ExportKind::Global, i as u32);
    }
    let mut elements = ElementSection::new();
    let listed = || Elements::Functions(shape.elements.clone().into());
    elements.active(None, &ConstExpr::i32_const(0), listed());
    elements.passive(listed());
    let all: Vec<u32> = (0..shape.funcs.len() as u32).collect();
    elements.declared(Elements::Functions(all.into()));
    let mut data = DataSection::new();
    let offset =
        if shape.memories[0].wide { ConstExpr::i64_const(16) } else { ConstExpr::i32_const(16) };
    data.active(0, &offset, rng.bytes(DATA));
    for _ in 1..DATAS {
        data.passive(rng.bytes(DATA));
    }

    let mut module = Module::new();
    module
        .section(&type_section)
        .section(&imports)
        .section(&functions)
        .section(&tables)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&elements)
        .section(&DataCountSection { count: DATAS })
        .section(&code)
        .section(&data);
    module.finish()
}
