//! What a `ModuleInfo` says about ordinary modules.

use super::{all_features, parse, parse_text, refusal, wasm};
use crate::error::{ModuleError, ModuleErrorKind};
use crate::index::{DefinedFuncIndex, FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TypeIndex};
use crate::prelude::*;
use crate::types::{HeapType, MemoryType, Mutability, RefType, TableType};
use crate::wasm::{
    ConstOp, DataMode, ElemItems, ElemMode, Entity, ModuleInfo, ParseOptions, TypeRegistry,
};

#[test]
fn every_section_is_taken_over() {
    let text = r#"(module $m
        (import "env" "f" (func $f (param i32) (result i64)))
        (import "env" "t" (table 1 2 funcref))
        (import "env" "m" (memory 3 4))
        (import "env" "g" (global $g i32))
        (import "env" "e" (tag (param i64)))
        (func $inner (export "run") (param v128 f32) (local i32))
        (func $start)
        (table i64 5 funcref (ref.func $start))
        (memory i64 6)
        (tag (param f32))
        (global (export "v") (mut v128) (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))
        (global i32 (i32.add (global.get $g) (i32.mul (i32.const -2) (i32.const 3))))
        (export "mem" (memory 1))
        (start $start)
        (elem (table 0) (i32.const 1) func $f $inner)
        (elem funcref (ref.null func) (ref.func $start))
        (elem declare func $f)
        (data (memory 0) (i32.const 8) "active")
        (data "passive"))"#;
    let bytes = wasm(text);
    let info = parse(&bytes).expect("valid");

    assert_eq!(info.imports.len(), 5);
    assert_eq!((&*info.imports[1].module, &*info.imports[1].name), ("env", "t"));
    assert_eq!(info.imports[1].entity, Entity::Table(TableIndex(0)));
    let counts = [
        info.num_imported_funcs,
        info.num_imported_tables,
        info.num_imported_memories,
        info.num_imported_globals,
        info.num_imported_tags,
    ];
    assert_eq!(counts, [1; 5]);

    assert_eq!((info.funcs.len(), info.num_defined_funcs()), (3, 2));
    assert_eq!(info.func_type(FuncIndex(0)).to_string(), "(func (param i32) (result i64))");
    assert_eq!(info.func_type_info(FuncIndex(1)).param_slots, 3);
    assert_eq!(info.defined_func(FuncIndex(0)), None);
    assert_eq!(info.defined_func(FuncIndex(2)), Some(DefinedFuncIndex(1)));
    assert_eq!(info.func_index(DefinedFuncIndex(1)), FuncIndex(2));
    assert_eq!(info.start, Some(FuncIndex(2)));

    assert_eq!(info.tables[0], TableType::new(RefType::FUNCREF, 1, Some(2)));
    assert_eq!(info.tables[1], TableType::from_parts(RefType::FUNCREF, 5, None, true));
    let init = info.table_inits[0].as_ref().expect("an initial value");
    assert_eq!(init.ops(), [ConstOp::RefFunc(FuncIndex(2))]);
    assert_eq!(info.memories[0], MemoryType::new(3, Some(4)));
    assert_eq!(info.memories[1], MemoryType::new64(6, None));

    assert_eq!(info.globals[1].mutability(), Mutability::Var);
    let lanes = core::array::from_fn(|i| i as u8);
    assert_eq!(info.global_inits[0].ops(), [ConstOp::V128Const(Box::new(lanes))]);
    assert_eq!(
        info.global_inits[1].ops(),
        [
            ConstOp::GlobalGet(GlobalIndex(0)),
            ConstOp::I32Const(-2),
            ConstOp::I32Const(3),
            ConstOp::I32Mul,
            ConstOp::I32Add,
        ]
    );

    let exports: Vec<_> = info.exports.iter().map(|(name, entity)| (&**name, *entity)).collect();
    assert_eq!(
        exports,
        [
            ("run", Entity::Func(FuncIndex(1))),
            ("v", Entity::Global(GlobalIndex(1))),
            ("mem", Entity::Memory(MemoryIndex(1))),
        ]
    );
    assert!(info.memories[1].is_64());

    let ElemMode::Active { table, offset } = &info.elements[0].mode else {
        panic!("an active segment");
    };
    assert_eq!((*table, offset.ops()), (TableIndex(0), &[ConstOp::I32Const(1)][..]));
    let ElemItems::Funcs(funcs) = &info.elements[0].items else {
        panic!("functions");
    };
    assert_eq!(**funcs, [FuncIndex(0), FuncIndex(1)]);
    let ElemItems::Exprs(exprs) = &info.elements[1].items else {
        panic!("expressions");
    };
    assert_eq!(exprs[0].ops(), [ConstOp::RefNull(HeapType::Func)]);
    assert!(matches!(info.elements[2].mode, ElemMode::Declared));

    assert_eq!(&bytes[info.datas[0].range.clone()], b"active");
    assert!(matches!(info.datas[0].mode, DataMode::Active { memory: MemoryIndex(0), .. }));
    assert_eq!(&bytes[info.datas[1].range.clone()], b"passive");
    assert!(matches!(info.datas[1].mode, DataMode::Passive));

    // One group of one i32, `end`.
    assert_eq!(bytes[info.body(DefinedFuncIndex(0))], [1, 1, 0x7f, 0x0b]);
    assert_eq!(bytes[info.body(DefinedFuncIndex(1))], [0, 0x0b]);

    let names = info.names(&bytes);
    assert_eq!(names.module(&bytes), Some("m"));
    assert_eq!(names.func(&bytes, FuncIndex(1)), Some("inner"));
    assert_eq!(names.func(&bytes, FuncIndex(9)), None);
}

#[test]
fn an_empty_module_has_nothing() {
    let info = parse_text("(module)");
    assert!(info.imports.is_empty() && info.exports.is_empty() && info.bodies.is_empty());
    assert_eq!(info.start, None);
    assert!(info.code_section.is_empty());
}

#[test]
fn constant_expressions_build_objects() {
    let info = parse_text(
        "(module (type $s (struct (field i32) (field (ref null i31)))) (type $a (array i8))
            (global anyref (struct.new $s (i32.const 7) (ref.i31 (i32.const 1))))
            (global anyref (struct.new_default $s))
            (global anyref (array.new_fixed $a 2 (i32.const 1) (i32.const 2)))
            (global externref (extern.convert_any (array.new $a (i32.const 1) (i32.const 2)))))",
    );
    let (s, a) = (info.type_id(TypeIndex(0)), info.type_id(TypeIndex(1)));
    let last = |i: usize| info.global_inits[i].ops().last().expect("not empty").clone();
    assert_eq!(
        info.global_inits[0].ops(),
        [ConstOp::I32Const(7), ConstOp::I32Const(1), ConstOp::RefI31, ConstOp::StructNew(s)]
    );
    assert_eq!(last(1), ConstOp::StructNewDefault(s));
    assert_eq!(last(2), ConstOp::ArrayNewFixed(a, 2));
    assert_eq!(last(3), ConstOp::ExternConvertAny);
}

#[test]
fn branch_hints_are_found_by_function() {
    let text = r#"(module (func) (func (param i32)
        (block (@metadata.code.branch_hint "\01") (br_if 0 (local.get 0)))
        (block (@metadata.code.branch_hint "\00") (br_if 0 (local.get 0)))))"#;
    let info = parse_text(text);
    assert!(info.branch_hints(FuncIndex(0)).is_empty());
    let hints = info.branch_hints(FuncIndex(1));
    assert_eq!(hints.iter().map(|hint| hint.taken).collect::<Vec<_>>(), [true, false]);
    assert!(hints[0].offset < hints[1].offset);
}

#[test]
fn an_error_names_cause_and_offset() {
    let bytes = wasm("(module (func (result i32) i64.const 1))");
    let error = refusal(&bytes);
    assert_eq!(error.kind(), ModuleErrorKind::Invalid);
    // The fault is found at the function's `end`, the module's last byte.
    let end = bytes.iter().rposition(|&byte| byte == 0x0b).expect("an end");
    assert_eq!(error.offset(), end as u64);
    assert_eq!(
        error.to_string(),
        format!("invalid module at offset {end:#x}: type mismatch: expected i32, found i64")
    );
}

#[test]
fn lazy_validation_defers_the_same_error() {
    let bytes = wasm("(module (func) (func (result i32) i64.const 1))");
    let options = ParseOptions { lazy_validation: true, ..all_features() };
    let info = ModuleInfo::parse(&bytes, &options, &TypeRegistry::new()).expect("so far");
    assert!(info.has_unchecked_bodies());
    assert_eq!(info.validate_body(&bytes, DefinedFuncIndex(0)), Ok(()));
    let error = info.validate_body(&bytes, DefinedFuncIndex(1)).expect_err("invalid");
    assert_eq!(error, refusal(&bytes));
}

#[test]
fn features_that_are_off_are_named_as_unsupported() {
    let parse = |text: &str, off: wasmparser::WasmFeatures| {
        let features = ParseOptions::SUPPORTED.difference(off);
        let options = ParseOptions { features, ..ParseOptions::default() };
        ModuleInfo::parse(&wasm(text), &options, &TypeRegistry::new())
    };
    use wasmparser::WasmFeatures as F;
    for (text, off) in [
        ("(module (func v128.const i64x2 0 0 drop))", F::SIMD),
        ("(module (memory 1) (memory 1))", F::MULTI_MEMORY),
        ("(module (func return_call 0))", F::TAIL_CALL),
        ("(module (memory 1 1 shared))", F::THREADS),
    ] {
        parse(text, F::empty()).expect("valid with everything on");
        let error = parse(text, off).expect_err("off").downcast::<ModuleError>().expect("ours");
        assert_eq!(error.kind(), ModuleErrorKind::Unsupported, "{text}: {error}");
    }
}

#[test]
fn features_the_engine_lacks_stay_off_even_when_asked_for() {
    let options = ParseOptions { features: wasmparser::WasmFeatures::all(), ..all_features() };
    // (type (func)) (type (cont 0)): stack switching.
    let bytes = super::module(&[(super::TYPES, vec![2, 0x60, 0, 0, 0x5d, 0])]);
    let result = ModuleInfo::parse(&bytes, &options, &TypeRegistry::new());
    result.expect_err("continuations are not supported");
}
