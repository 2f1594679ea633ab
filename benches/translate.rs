//! Instructions spent between a module's bytes and its first call: validation, eager translation,
//! and instantiation. The module is generated, in two sizes, so that the difference tells the cost
//! of one function more; benches/baseline.py does that sum.

use std::fmt::Write;
use std::hint::black_box;

use iai_callgrind::{library_benchmark, library_benchmark_group, main};
use threadle::{CompilationMode, Config, Engine, Instance, Module, Store};

/// Functions of the smaller module.
const FEW: usize = 50;
/// Functions of the larger one.
const MANY: usize = 100;

/// A module of `count` functions that are alike but not equal: locals, arithmetic, memory, a loop,
/// a conditional, a `br_table`, calls of both kinds, and a place in a table each.
fn generate(count: usize) -> Vec<u8> {
    let mut text = String::from("(module (type $f (func (param i32 i32) (result i32)))\n");
    let mut elements = String::new();
    for i in 0..count {
        let callee = i / 2;
        write!(
            text,
            "(func $f{i} (type $f) (local $i i32) (local $x f64)
               (loop $again
                 (local.set $x (f64.add (local.get $x) (f64.const {i}.5)))
                 (f64.store offset={offset} (local.get 0) (local.get $x))
                 (local.set $i (i32.add (local.get $i) (i32.const {step})))
                 (if (i32.and (local.get $i) (i32.const 1))
                   (then (local.set 1 (i32.load offset={offset} (local.get 1))))
                   (else (local.set 1 (call $f{callee} (local.get 1) (local.get $i)))))
                 (br_if $again (i32.lt_s (local.get $i) (local.get 0))))
               (block $c (block $b (block $a
                 (br_table $a $b $c (i32.rem_u (local.get 1) (i32.const 3))))
                 (return (i32.mul (local.get $i) (i32.const {i}))))
                 (return (i32.trunc_sat_f64_s (local.get $x))))
               (call_indirect (type $f)
                 (local.get 0) (i32.xor (local.get 1) (i32.const {i})) (local.get $i)))\n",
            offset = i * 8,
            step = i % 7 + 1,
        )
        .expect("a string grows");
        write!(elements, " $f{i}").expect("a string grows");
    }
    write!(
        text,
        "(table {count} funcref) (elem (i32.const 0) func{elements})
         (memory 1) (data (i32.const 0) \"some bytes\") (export \"run\" (func $f0)))"
    )
    .expect("a string grows");
    wat::parse_str(text).expect("the generator writes valid modules")
}

/// An engine that translates at once and on the calling thread, and a module's bytes.
fn bytes(count: usize) -> (Engine, Vec<u8>) {
    let mut config = Config::new();
    config.compilation_mode(CompilationMode::Eager).parallel_compilation(false);
    (Engine::new(&config).expect("a plain configuration"), generate(count))
}

/// A translated module and a store for it. One instance exists already, as when a module is used
/// again and again.
fn module(count: usize) -> (Store<()>, Module) {
    let (engine, bytes) = bytes(count);
    let module = Module::new(&engine, bytes).expect("the module is valid");
    let mut store = Store::new(&engine, ());
    Instance::new(&mut store, &module, &[]).expect("the module imports nothing");
    (store, module)
}

#[library_benchmark]
#[benches::validate(args = [FEW, MANY], setup = bytes)]
fn validate(input: (Engine, Vec<u8>)) -> (Engine, Vec<u8>) {
    let (engine, bytes) = input;
    assert!(black_box(Module::validate(&engine, &bytes)).is_ok());
    (engine, bytes)
}

#[library_benchmark]
#[benches::translate(args = [FEW, MANY], setup = bytes)]
fn translate(input: (Engine, Vec<u8>)) -> (Engine, Vec<u8>, Module) {
    let (engine, bytes) = input;
    let module = Module::new(&engine, &bytes).expect("the module is valid");
    (engine, bytes, black_box(module))
}

// Of twenty functions more: one costs less than what the allocator does now and then.
#[library_benchmark]
#[benches::instantiate(args = [20 * FEW, 20 * MANY], setup = module)]
fn instantiate(input: (Store<()>, Module)) -> (Store<()>, Module) {
    let (mut store, module) = input;
    assert!(black_box(Instance::new(&mut store, &module, &[])).is_ok());
    (store, module)
}

// All of an instantiation, not only what each function adds to it.
#[library_benchmark]
#[bench::instance(args = (FEW), setup = module)]
fn instance(input: (Store<()>, Module)) -> (Store<()>, Module) {
    let (mut store, module) = input;
    assert!(black_box(Instance::new(&mut store, &module, &[])).is_ok());
    (store, module)
}

library_benchmark_group!(name = load; benchmarks = validate, translate, instantiate, instance);
main!(library_benchmark_groups = load);
