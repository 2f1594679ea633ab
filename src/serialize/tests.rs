//! What artefacts have code of, and what becomes of code that somebody has changed.

use alloc::sync::Arc;
use std::path::{Path, PathBuf};

use crate::artefact::{Artefact, write};
use crate::index::DefinedFuncIndex;
use crate::isa;
use crate::prelude::*;
use crate::translate::{self, OperatorCost};
use crate::vm::VmLayout;
use crate::wasm::ModuleInfo;
use crate::{Config, Engine, Func, Instance, Module, Store, StoreLimitsBuilder, Val, ValType};

/// Modules of the repository, with what they are called.
fn modules() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/bytecode", "tests/data/corpus/kernels", "examples"];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).expect("a folder"))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|it| it == "wat"))
        .collect();
    files.sort();
    assert!(files.len() > 60, "{} modules", files.len());
    let read = |path: &PathBuf| {
        let bytes = wat::parse_file(path).expect("a module");
        (path.file_name().expect("a name").display().to_string(), bytes)
    };
    files.iter().map(read).collect()
}

/// Engines whose code differs: as it is by default, comparing, counting, asking, and both.
fn engines() -> Vec<Engine> {
    let mut growing = OperatorCost::new();
    growing.variable.memory_grow_per_page = 9;
    let mut engines = Vec::new();
    for (guards, asks, costs) in [
        (true, false, None),
        (false, false, None),
        (true, true, None),
        (true, false, Some(OperatorCost::new())),
        (true, true, Some(growing)),
    ] {
        let mut config = Config::new();
        config.wasm_features(crate::wasm::ParseOptions::SUPPORTED, true);
        config.signals_based_traps(guards).epoch_interruption(asks).consume_fuel(costs.is_some());
        if let Some(costs) = costs {
            config.operator_cost(costs);
        }
        engines.push(Engine::new(&config).expect("an engine"));
    }
    engines
}

/// The code of a module's artefact.
fn code(module: &Module, engine: &Engine) -> Vec<u8> {
    let mut code = Vec::new();
    write(module.code(), &engine.code_options(module.info()), &mut code).expect("an artefact");
    code
}

#[test]
fn all_functions_but_those_with_references_have_code() {
    let (mut with, mut without) = (0, 0);
    for engine in &engines() {
        for (name, bytes) in &modules() {
            let module = Module::from_binary(engine, bytes).expect("a valid module");
            let info = module.info();
            let options = engine.code_options(info);
            let code = code(&module, engine);
            let artefact = Artefact::read(code.into(), info, &options).expect("what was written");
            let artefact = artefact.expect("for this engine");
            let layout = VmLayout::new(info);
            for func in (0..info.num_defined_funcs()).map(DefinedFuncIndex) {
                if let Some(found) = artefact.code(func) {
                    let verifier = artefact.verifier(info, &layout, &options);
                    let code = verifier.verify(func, &found).expect("accepted when written");
                    let again = translate::translate(info, &layout, bytes, func, &options);
                    let again = again.expect("translated before");
                    assert_eq!(code.words, again.words, "{name}: {func:?}");
                    assert_eq!(code.entry, again.entry, "{name}: {func:?}");
                    with += 1;
                    continue;
                }
                without += 1;
                // Texts that have to do with references, exceptions or far slots say so.
                let text = needs_the_translator(bytes, info, func);
                assert!(text, "{name}: {func:?} has no code");
            }
        }
    }
    assert!(with > 300 && without > 20, "{with} with code, {without} without");
}

/// Whether a function has to do with references or exceptions, or has many slots.
fn needs_the_translator(bytes: &[u8], info: &ModuleInfo, func: DefinedFuncIndex) -> bool {
    use wasmparser::{BinaryReader, FunctionBody, Operator as O};
    let ty = info.func_type(info.func_index(func));
    let range = info.body(func);
    let body = FunctionBody::new(BinaryReader::new(&bytes[range.clone()], range.start as u64));
    let locals = body.get_locals_reader().expect("valid").into_iter();
    let locals: u32 = locals.map(|local| local.expect("valid").0).sum();
    let mut operators = body.get_operators_reader().expect("valid");
    let mut refers = ty.has_references() || locals > 10_000;
    let mut count = 0;
    while !operators.eof() {
        let operator = operators.read().expect("valid");
        count += 1;
        let called = |ty: u32| info.types[ty as usize].func().has_references();
        refers |= match operator {
            O::Call { function_index: it } | O::ReturnCall { function_index: it } => {
                info.func_type(crate::index::FuncIndex(it)).has_references()
            }
            O::CallIndirect { type_index, .. } | O::ReturnCallIndirect { type_index, .. } => {
                called(type_index)
            }
            O::GlobalGet { global_index } | O::GlobalSet { global_index } => {
                info.globals[global_index as usize].content().is_ref()
            }
            O::RefNull { .. }
            | O::RefFunc { .. }
            | O::RefI31
            | O::TableGet { .. }
            | O::TableSet { .. }
            | O::TableGrow { .. }
            | O::TableFill { .. }
            | O::CallRef { .. }
            | O::ReturnCallRef { .. }
            | O::Throw { .. }
            | O::TryTable { .. }
            | O::Try { .. } => true,
            _ => format!("{operator:?}").starts_with("Struct"),
        };
    }
    refers || count > 10_000
}

/// A module with something of everything that verified code may do.
const EVERYTHING: &str = r#"(module
    (type $binary (func (param i32 i32) (result i32)))
    (import "" "f" (func $f (param i64 f32) (result i64)))
    (import "" "g" (global $g (mut i64)))
    (memory (export "memory") 1 3)
    (memory $other i64 1 2)
    (table 8 funcref)
    (table $more 8 funcref)
    (global $i (mut i32) (i32.const 7))
    (global $v (mut v128) (v128.const i64x2 1 2))
    (global $r (mut funcref) (ref.null func))
    (elem (i32.const 1) $add $sub $both)
    (elem $passive func $add $sub)
    (data $bytes "some bytes of data to be copied")
    (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
    (func $sub (type $binary) (i32.sub (local.get 0) (local.get 1)))
    (func $both (param i32) (result i32 i32) (local.get 0) (i32.const 1))
    (func $tail (param i32 i64) (result i32)
      (if (result i32) (i32.eqz (local.get 0)) (then (i32.wrap_i64 (local.get 1)))
        (else (return_call $tail (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 3))))))
    (func (export "numbers") (param i32) (result i32) (local $sum i32) (local $x f64) (local $k i64)
      (loop $l
        (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 0) (i32.const 17))))
        (local.set $x (f64.add (local.get $x) (f64.sqrt (f64.convert_i32_s (local.get 0)))))
        (local.set $k (i64.rotl (i64.xor (local.get $k) (i64.extend_i32_u (local.get $sum))) (i64.const 5)))
        (i32.store offset=8 (i32.and (local.get $sum) (i32.const 0xfff8)) (local.get 0))
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (i32.and (local.get $sum) (i32.const 0xffff)))))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (i32.add (local.get $sum) (i32.add (i32.trunc_sat_f64_s (local.get $x)) (i32.wrap_i64 (local.get $k)))))
    (func (export "calls") (param i32) (result i32) (local i64)
      (block $a (block $b (block $c (br_table $a $b $c (i32.rem_u (local.get 0) (i32.const 4))))
        (global.set $i (call $add (global.get $i) (local.get 0))))
        (local.set 1 (call $f (i64.extend_i32_s (local.get 0)) (f32.const 1.5))))
      (global.set $g (i64.add (global.get $g) (local.get 1)))
      (call $both (call_indirect (type $binary) (local.get 0) (i32.const 3)
        (i32.add (i32.const 1) (i32.and (local.get 0) (i32.const 3)))))
      (call $sub)
      (i32.add (call $tail (local.get 0) (local.get 1))))
    (func (export "bulk") (param i32) (result i32)
      (memory.init $bytes (local.get 0) (i32.const 0) (i32.const 20))
      (memory.fill (i32.add (local.get 0) (i32.const 40)) (i32.const 7) (local.get 0))
      (memory.copy (i32.const 100) (local.get 0) (i32.const 50))
      (memory.copy 1 0 (i64.const 3) (i32.const 0) (i32.const 9))
      (table.copy 0 1 (i32.const 4) (i32.const 0) (i32.const 2))
      (table.init $more $passive (i32.const 0) (i32.const 0) (i32.const 2))
      (data.drop $bytes) (elem.drop $passive)
      (i64.store $other offset=16 (i64.const 32) (i64.const -1))
      (i32.add (memory.grow (i32.const 1)) (i32.add (memory.size) (table.size $more))))
    (func (export "vectors") (param i32) (result i32) (local v128 v128)
      (local.set 1 (i32x4.splat (local.get 0)))
      (loop $l
        (local.set 2 (i8x16.shuffle 0 17 2 3 4 5 6 23 8 9 10 11 12 13 14 31 (local.get 1) (global.get $v)))
        (global.set $v (i32x4.add (local.get 2) (v128.load offset=3 (i32.and (local.get 0) (i32.const 0xfff)))))
        (v128.store (i32.const 48) (i32x4.mul (global.get $v) (local.get 1)))
        (br_if $l (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1)))))
      (i32.add (i32x4.extract_lane 2 (global.get $v)) (i32.add (v128.any_true (local.get 2)) (i8x16.extract_lane_u 9 (local.get 2)))))
    (func (export "atomics") (param i32) (result i32)
      (drop (i32.atomic.rmw.add (i32.const 16) (local.get 0)))
      (i32.add (memory.atomic.notify (i32.const 16) (local.get 0)) (i32.atomic.load (i32.const 16)))))"#;

/// xorshift64, its results multiplied.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Changes code somewhere.
fn mutate(code: &mut [u8], random: &mut Random) {
    const EXTREMES: [i64; 14] = [
        0,
        1,
        -1,
        2,
        5,
        6,
        8,
        i16::MIN as i64,
        i16::MAX as i64,
        32_000,
        32_001,
        -2,
        1 << 31,
        65_536,
    ];
    // The fingerprint stays what it is.
    let at = 8 + random.below(code.len() - 16);
    let word = at & !7;
    let extreme = EXTREMES[random.below(EXTREMES.len())];
    match random.below(6) {
        0 => code[at] ^= 1 << random.below(8),
        1 => code[at] = random.next() as u8,
        2 => code[at & !1..][..2].copy_from_slice(&(extreme as i16).to_le_bytes()),
        3 => code[at & !3..][..4].copy_from_slice(&(extreme as i32).to_le_bytes()),
        4 => {
            let op = random.below(isa::OP_COUNT) as u16;
            code[word..][..2].copy_from_slice(&op.to_le_bytes());
        }
        _ => {
            let other = (8 + random.below(code.len() - 16)) & !7;
            code.copy_within(other..other + 8, word);
        }
    }
}

/// Runs what a module exports, for a while. Whether something ended as it should.
fn run(module: &Module) -> bool {
    let limits = StoreLimitsBuilder::new().memory_size(1 << 20).build();
    let mut store = Store::new(module.engine(), limits);
    store.limiter(|limits| limits);
    let start = 20_000;
    store.set_fuel(start).expect("an engine that counts");
    let f = Func::wrap(&mut store, |x: i64, y: f32| x + y as i64);
    let ty = crate::GlobalType::new(ValType::I64, crate::Mutability::Var);
    let g = crate::Global::new(&mut store, ty, Val::I64(5)).expect("a global");
    let Ok(instance) = Instance::new(&mut store, module, &[f.into(), g.into()]) else {
        return false;
    };
    let mut ended = false;
    for name in ["numbers", "calls", "bulk", "vectors", "atomics"] {
        let func = instance.get_typed_func::<i32, i32>(&mut store, name).expect("a function");
        for argument in [3, 2000] {
            store.set_fuel(start).expect("an engine that counts");
            ended |= func.call(&mut store, argument).is_ok();
        }
    }
    ended
}

/// Whatever is changed in code, it is refused, or runs within its bounds and comes to an end.
#[test]
fn changed_code_is_refused_or_harmless() {
    let mutants = std::env::var("THREADLE_MUTANTS").ok().and_then(|it| it.parse().ok());
    let mutants: u64 = mutants.unwrap_or(if cfg!(miri) { 20 } else { 6_000 });
    let mut config = Config::new();
    config.consume_fuel(true).max_wasm_stack(64 << 10);
    config.wasm_features(crate::wasm::ParseOptions::SUPPORTED, true);
    let engines = [true, false]
        .map(|guard| Engine::new(config.signals_based_traps(guard)).expect("an engine"));
    let bytes: Arc<[u8]> = wat::parse_str(EVERYTHING).expect("a module").into();
    let originals = engines.each_ref().map(|engine| {
        let module = Module::from_binary(engine, &bytes).expect("a valid module");
        assert!(run(&module));
        let code: Box<[u8]> = code(&module, engine).into();
        let same =
            Module::from_artefact(engine, bytes.clone(), code.clone()).expect("what was written");
        assert!(run(&same));
        code
    });
    let seed = std::env::var("THREADLE_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(1);
    let (mut accepted, mut ended) = (0, 0);
    for mutant in 0..mutants {
        let mut random = Random((seed + mutant).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let which = random.below(2);
        let mut code = originals[which].clone();
        for _ in 0..1 + random.below(3) / 2 {
            mutate(&mut code, &mut random);
        }
        if let Ok(module) = Module::from_artefact(&engines[which], bytes.clone(), code) {
            accepted += 1;
            ended += u64::from(run(&module));
        }
    }
    std::println!(
        "{mutants} mutants: {accepted} accepted, of which {ended} came to an end of their own"
    );
    assert!(accepted * 20 > mutants, "{accepted} of {mutants} accepted");
    assert!(accepted * 10 < mutants * 8, "{accepted} of {mutants} accepted");
    assert!(ended * 2 > accepted, "{ended} of {accepted} end");
}

/// A length of 64 bits is paid for in whole, whatever the code says that takes the fuel.
#[test]
fn no_part_of_a_length_is_free() {
    use isa::operand::Stream;
    let text = r#"(module (memory i64 1)
        (func (param i64) (memory.fill (i64.const 0) (i32.const 7) (local.get 0))))"#;
    let mut config = Config::new();
    config.consume_fuel(true).wasm_memory64(true);
    let engine = Engine::new(&config).expect("an engine");
    let bytes: Arc<[u8]> = wat::parse_str(text).expect("a module").into();
    let module = Module::from_binary(&engine, &bytes).expect("a valid module");
    let (info, mut code) = (module.info(), code(&module, &engine));
    let artefact = Artefact::read(code.clone().into(), info, &engine.code_options(info));
    let artefact = artefact.expect("what was written").expect("for this engine");
    let found = artefact.code(DefinedFuncIndex(0)).expect("code of the function");
    let mut at = 0;
    let payment = loop {
        let it = isa::Instruction::read(found.bytes, at).expect("an instruction");
        if it.op == isa::Op::ConsumeFuelBy {
            break at + isa::HEAD + isa::op::CallRuntime::Y.byte();
        }
        at += it.size;
    };
    assert_ne!(found.bytes.bytes::<4>(payment), Some([0; 4]), "it takes all 64 bits");
    let place = code.len() - found.bytes.len() + payment;
    code.replace(place, [0; 4]);
    let refused = Module::from_artefact(&engine, bytes, code.into()).expect_err("refused");
    assert!(refused.to_string().contains("not metered"), "{refused}");
}
