//! Instructions spent at the border between WebAssembly and its host, and on calls inside.
//!
//! Each row runs twice, with [`FEW`] and with [`MANY`] iterations; the difference over their
//! distance is the cost of one iteration, free of whatever happens once. benches/baseline.py does
//! that sum. A row's iteration includes the loop around it, whose own cost is the row `empty_loop`.

use std::hint::black_box;

use iai_callgrind::{library_benchmark, library_benchmark_group, main};
use threadle::{Caller, Config, Engine, Error, Linker, Module, Store, TypedFunc};

/// Iterations of a row's first run.
const FEW: i32 = 1_000;
/// Iterations of a row's second run.
const MANY: i32 = 2_000;

/// One export for each row that loops in WebAssembly: it takes the number of iterations.
const MODULE: &str = r#"
(module
  (import "host" "nop" (func $nop))
  (import "host" "inc" (func $inc (param i32) (result i32)))
  (import "host" "sum" (func $sum (param i32 i64 i32 i64) (result i64)))
  (import "host" "data" (func $data (param i32) (result i32)))
  (import "host" "back" (func $back (param i32) (result i32)))
  (type $unary (func (param i32) (result i32)))
  (table $same 1 1 funcref)
  (table $mixed 4 4 funcref)
  (elem (table $same) (i32.const 0) func $id)
  (elem (table $mixed) (i32.const 0) func $id $other $id $inc)
  (memory 1)

  (func $empty (export "empty"))
  (func $id (export "id") (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 1)))
  (func $other (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 1)))

  (func (export "empty_loop") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "call_empty") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (call $empty)
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "call") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $id (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "call_indirect") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i
        (call_indirect $same (type $unary) (local.get $i) (i32.const 0)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "call_indirect_mixed") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i
        (call_indirect $mixed (type $unary)
          (local.get $i)
          (i32.and (local.get $i) (i32.const 3))))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "host_nop") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (call $nop)
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "host_inc") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $inc (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "host_sum") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i
        (i32.wrap_i64
          (call $sum (local.get $i) (i64.const 0) (i32.const 1) (i64.const 0))))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "host_data") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $data (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "round_trip") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $back (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "grow") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (i32.add (local.get $i) (memory.grow (i32.const 0))))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i)))
"#;

/// What host functions reach through their caller.
struct Data {
    calls: u64,
    back: Option<TypedFunc<i32, i32>>,
}

/// An instance ready to run.
struct Ready<Params, Results> {
    store: Store<Data>,
    func: TypedFunc<Params, Results>,
    times: i32,
}

/// Instantiates the module and looks up an export, which is called once so that it is translated.
fn ready<Params, Results>(name: &str, times: i32, first: Params) -> Ready<Params, Results>
where
    Params: threadle::WasmParams,
    Results: threadle::WasmResults,
{
    let set_up =
        || -> Result<_, Error> {
            let engine = Engine::new(&Config::new())?;
            let module = Module::new(&engine, wat::parse_str(MODULE)?)?;
            let mut linker = Linker::<Data>::new(&engine);
            linker.func_wrap("host", "nop", || {})?;
            linker.func_wrap("host", "inc", |value: i32| value.wrapping_add(1))?;
            linker.func_wrap("host", "sum", |a: i32, b: i64, c: i32, d: i64| {
                i64::from(a).wrapping_add(b).wrapping_add(i64::from(c)).wrapping_add(d)
            })?;
            linker.func_wrap("host", "data", |mut caller: Caller<'_, Data>, value: i32| {
                caller.data_mut().calls += 1;
                value.wrapping_add(1)
            })?;
            linker.func_wrap("host", "back", |mut caller: Caller<'_, Data>, value: i32| {
                match caller.data().back {
                    Some(back) => back.call(&mut caller, value),
                    None => Err(Error::msg("no export to call back")),
                }
            })?;
            let mut store = Store::new(&engine, Data { calls: 0, back: None });
            let instance = linker.instantiate(&mut store, &module)?;
            let back = instance.get_typed_func(&mut store, "id")?;
            store.data_mut().back = Some(back);
            let func = instance.get_typed_func::<Params, Results>(&mut store, name)?;
            back.call(&mut store, 0)?;
            func.call(&mut store, first)?;
            Ok(Ready { store, func, times })
        };
    set_up().expect("the module of this file works")
}

/// For a row that loops in WebAssembly. Every callee is reached while getting ready.
fn in_wasm(name: &str, times: i32) -> Ready<i32, i32> {
    ready(name, times, 8)
}

/// For the calls of an empty export.
fn empty(times: i32) -> Ready<(), ()> {
    ready("empty", times, ())
}

/// For the calls of an export with a value each way.
fn unary(times: i32) -> Ready<i32, i32> {
    ready("id", times, 0)
}

// The rows whose loop is WebAssembly.
#[library_benchmark]
#[benches::empty_loop(args = [("empty_loop", FEW), ("empty_loop", MANY)], setup = in_wasm)]
#[benches::call_empty(args = [("call_empty", FEW), ("call_empty", MANY)], setup = in_wasm)]
#[benches::call(args = [("call", FEW), ("call", MANY)], setup = in_wasm)]
#[benches::call_indirect(args = [("call_indirect", FEW), ("call_indirect", MANY)], setup = in_wasm)]
#[benches::call_indirect_mixed(args = [("call_indirect_mixed", FEW), ("call_indirect_mixed", MANY)], setup = in_wasm)]
#[benches::host_nop(args = [("host_nop", FEW), ("host_nop", MANY)], setup = in_wasm)]
#[benches::host_inc(args = [("host_inc", FEW), ("host_inc", MANY)], setup = in_wasm)]
#[benches::host_sum(args = [("host_sum", FEW), ("host_sum", MANY)], setup = in_wasm)]
#[benches::host_data(args = [("host_data", FEW), ("host_data", MANY)], setup = in_wasm)]
#[benches::round_trip(args = [("round_trip", FEW), ("round_trip", MANY)], setup = in_wasm)]
#[benches::grow(args = [("grow", FEW), ("grow", MANY)], setup = in_wasm)]
fn wasm(mut ready: Ready<i32, i32>) -> Ready<i32, i32> {
    let result = ready.func.call(&mut ready.store, ready.times);
    assert!(black_box(result).is_ok());
    ready
}

// The host calls an export that takes and gives nothing.
#[library_benchmark]
#[benches::export_empty(args = [FEW, MANY], setup = empty)]
fn host_nothing(mut ready: Ready<(), ()>) -> Ready<(), ()> {
    for _ in 0..ready.times {
        assert!(black_box(ready.func.call(&mut ready.store, ())).is_ok());
    }
    ready
}

// The host calls an export that takes and gives an `i32`.
#[library_benchmark]
#[benches::export_unary(args = [FEW, MANY], setup = unary)]
fn host_unary(mut ready: Ready<i32, i32>) -> Ready<i32, i32> {
    let mut value = 0;
    for _ in 0..ready.times {
        value = ready.func.call(&mut ready.store, value).expect("the export returns");
    }
    assert_eq!(value, ready.times);
    ready
}

library_benchmark_group!(name = border; benchmarks = wasm, host_nothing, host_unary);
main!(library_benchmark_groups = border);
