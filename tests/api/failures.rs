//! Traps, errors and panics: what arrives, with which backtrace, and what is left behind.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::*;

#[test]
fn a_trap_comes_with_its_code_and_a_backtrace_of_names_and_offsets() {
    let text = r#"(module $app
        (func $inner (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
        (func $middle (param i32) (result i32) (i32.add (call $inner (local.get 0)) (i32.const 1)))
        (func (export "outer") (param i32) (result i32)
            (i32.mul (call $middle (local.get 0)) (i32.const 2))))"#;
    let bytes = wat::parse_str(text).unwrap();
    let (mut store, instance) = instantiate(text);
    let outer = instance.get_typed_func::<i32, i32>(&mut store, "outer").unwrap();
    assert_eq!(outer.call(&mut store, 1).unwrap(), 4);
    let error = outer.call(&mut store, 0).unwrap_err();
    assert_eq!(trap_of(&error), Trap::IntegerDivisionByZero);
    assert!(format!("{error:?}").contains("integer divide by zero"));
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    let frames = backtrace.frames();
    let names: Vec<_> = frames.iter().map(FrameInfo::func_name).collect();
    assert_eq!(names, [Some("inner"), Some("middle"), None]);
    let indices: Vec<_> = frames.iter().map(FrameInfo::func_index).collect();
    assert_eq!(indices, [0, 1, 2]);
    // The offsets are those of the division and of the calls.
    let opcodes: Vec<u8> = frames.iter().map(|f| bytes[f.module_offset().unwrap()]).collect();
    assert_eq!(opcodes, [0x6d, 0x10, 0x10]);
    let printed = backtrace.to_string();
    assert!(
        printed.contains("app!inner") && printed.contains("app!<wasm function 2>"),
        "{printed}"
    );
    // The store goes on.
    assert_eq!(outer.call(&mut store, -1).unwrap(), 0);
}

#[test]
fn every_kind_of_trap_has_its_code() {
    let cases = [
        ("unreachable", Trap::UnreachableCodeReached),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", Trap::IntegerDivisionByZero),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", Trap::IntegerOverflow),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", Trap::BadConversionToInteger),
        ("(drop (i32.trunc_f32_s (f32.const 1e30)))", Trap::IntegerOverflow),
        ("(drop (i32.load (i32.const 65533)))", Trap::MemoryOutOfBounds),
        ("(i64.store offset=0xffffffff (i32.const -1) (i64.const 0))", Trap::MemoryOutOfBounds),
        ("(memory.fill (i32.const 65536) (i32.const 0) (i32.const 1))", Trap::MemoryOutOfBounds),
        ("(drop (table.get (i32.const 2)))", Trap::TableOutOfBounds),
        ("(call_indirect (i32.const 0))", Trap::IndirectCallToNull),
        ("(call_indirect (i32.const 7))", Trap::TableOutOfBounds),
        ("(call_indirect (param i32) (i32.const 0) (i32.const 1))", Trap::BadSignature),
        ("(call $f)", Trap::StackOverflow),
    ];
    let mut text = String::from(
        "(module (memory 1) (table 2 funcref) (elem (i32.const 1) $f) (func $f (call $f) (call $f))",
    );
    for (i, (body, _)) in cases.iter().enumerate() {
        text += &format!(r#"(func (export "{i}") {body})"#);
    }
    text += ")";
    for guard in [true, false] {
        let mut config = Config::new();
        let engine =
            Engine::new(config.signals_based_traps(guard).max_wasm_stack(16 << 10)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module(&engine, &text), &[]).unwrap();
        for (i, (body, trap)) in cases.into_iter().enumerate() {
            let go = instance.get_typed_func::<(), ()>(&mut store, &i.to_string()).unwrap();
            for _ in 0..3 {
                let error = go.call(&mut store, ()).unwrap_err();
                assert_eq!(trap_of(&error), trap, "{body}");
            }
        }
    }
}

#[derive(Debug, PartialEq)]
struct Custom(u32);

impl std::fmt::Display for Custom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "custom error {}", self.0)
    }
}

impl std::error::Error for Custom {}

const CALLER: &str = r#"(module
    (import "" "" (func $host (param i32) (result i32)))
    (table 1 funcref) (elem (i32.const 0) $host)
    (type $t (func (param i32) (result i32)))
    (func (export "direct") (param i32) (result i32)
        (i32.add (call $host (local.get 0)) (i32.const 1)))
    (func (export "indirect") (param i32) (result i32)
        (i32.add (call_indirect (type $t) (local.get 0) (i32.const 0)) (i32.const 1)))
    (func (export "tail") (param i32) (result i32)
        (return_call $host (local.get 0)))
    (func (export "tail_indirect") (param i32) (result i32)
        (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
    (func $nested_tail (param i32) (result i32) (return_call $host (local.get 0)))
    (func (export "under_tail") (param i32) (result i32)
        (i32.add (call $nested_tail (local.get 0)) (i32.const 1))))"#;

const WAYS: [(&str, i32); 5] =
    [("direct", 1), ("indirect", 1), ("tail", 0), ("tail_indirect", 0), ("under_tail", 1)];

#[test]
fn host_errors_arrive_as_they_were_by_every_way_of_calling() {
    let mut store = Store::new(&Engine::default(), ());
    let host = Func::wrap(&mut store, |x: i32| -> Result<i32> {
        if x < 0 { Err(Custom(x.unsigned_abs()).into()) } else { Ok(10 * x) }
    });
    let instance = instantiate_with(&mut store, CALLER, &[host.into()]);
    for (way, added) in WAYS {
        let f = instance.get_typed_func::<i32, i32>(&mut store, way).unwrap();
        assert_eq!(f.call(&mut store, 4).unwrap(), 40 + added, "{way}");
        let error = f.call(&mut store, -3).unwrap_err();
        assert_eq!(error.downcast_ref::<Custom>(), Some(&Custom(3)), "{way}");
        assert_eq!(f.call(&mut store, 5).unwrap(), 50 + added, "{way}");
    }
}

/// A bug of another engine: the process was aborted.
#[test]
fn a_panic_of_a_host_function_goes_on_at_the_caller_and_the_store_works_afterwards() {
    let mut store = Store::new(&Engine::default(), 0);
    let host = Func::wrap(&mut store, |mut caller: Caller<'_, i32>, x: i32| -> i32 {
        *caller.data_mut() += 1;
        assert!(x >= 0, "negative: {x}");
        10 * x
    });
    let instance = instantiate_with(&mut store, CALLER, &[host.into()]);
    for (way, added) in WAYS {
        let f = instance.get_typed_func::<i32, i32>(&mut store, way).unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| f.call(&mut store, -3))).unwrap_err();
        assert_eq!(*panic.downcast::<String>().unwrap(), "negative: -3", "{way}");
        assert_eq!(f.call(&mut store, 5).unwrap(), 50 + added, "{way}");
    }
    assert_eq!(*store.data(), 10);
}

#[test]
fn a_trap_returned_by_a_host_function_is_a_trap() {
    let mut store = Store::new(&Engine::default(), ());
    let host = Func::wrap(&mut store, |_: i32| -> Result<i32> { Err(Trap::Interrupt.into()) });
    let instance = instantiate_with(&mut store, CALLER, &[host.into()]);
    let f = instance.get_typed_func::<i32, i32>(&mut store, "direct").unwrap();
    assert_eq!(trap_of(&f.call(&mut store, 0).unwrap_err()), Trap::Interrupt);
}

#[test]
fn infinite_recursion_traps_at_the_configured_limit_and_the_store_works_afterwards() {
    let text = r#"(module
        (global $depth (export "depth") (mut i32) (i32.const 0))
        (func $f (export "f") (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
            (call $f))
        (func (export "ok") (result i32) (i32.const 7)))"#;
    let mut depths = Vec::new();
    for bytes in [1 << 14, 1 << 16, 1 << 20] {
        let engine = Engine::new(Config::new().max_wasm_stack(bytes)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
        let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
        let error = f.call(&mut store, ()).unwrap_err();
        assert_eq!(trap_of(&error), Trap::StackOverflow);
        let ok = instance.get_typed_func::<(), i32>(&mut store, "ok").unwrap();
        assert_eq!(ok.call(&mut store, ()).unwrap(), 7);
        let depth = instance.get_global(&mut store, "depth").unwrap().get(&mut store);
        depths.push(depth.unwrap_i32());
    }
    assert!(depths[0] > 50, "{depths:?}");
    assert!(depths[1] > 3 * depths[0] && depths[2] > 12 * depths[1], "{depths:?}");
}

#[test]
fn a_backtrace_is_cut_at_the_configured_number_of_frames() {
    let text = r#"(module (func $f (export "f") (call $f)))"#;
    for (config, frames) in [
        (Config::new().wasm_backtrace_max_frames(std::num::NonZeroUsize::new(7)).clone(), 7),
        (Config::new().clone(), 1024),
        (Config::new().wasm_backtrace(false).clone(), 0),
    ] {
        let engine = Engine::new(&config).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
        let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
        let error = f.call(&mut store, ()).unwrap_err();
        assert_eq!(trap_of(&error), Trap::StackOverflow);
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        assert_eq!(backtrace.map_or(0, |b| b.frames().len()), frames);
        // Printed, it stays readable.
        let printed = error.to_string();
        assert!(printed.lines().count() < 30, "{printed}");
    }
}

#[test]
fn a_host_function_can_capture_a_backtrace() {
    let mut store = Store::new(&Engine::default(), Vec::new());
    let host = Func::wrap(&mut store, |mut caller: Caller<'_, Vec<u32>>, x: i32| -> i32 {
        let backtrace = WasmBacktrace::capture(&caller);
        let frames = backtrace.frames().iter().map(FrameInfo::func_index).collect();
        *caller.data_mut() = frames;
        x
    });
    let instance = instantiate_with(&mut store, CALLER, &[host.into()]);
    for (way, expected) in
        [("direct", &[1][..]), ("indirect", &[2]), ("tail", &[]), ("under_tail", &[6])]
    {
        let f = instance.get_typed_func::<i32, i32>(&mut store, way).unwrap();
        f.call(&mut store, 1).unwrap();
        assert_eq!(store.data(), expected, "{way}");
    }
    assert!(WasmBacktrace::capture(&store).frames().is_empty());
}

#[test]
fn a_failing_start_function_fails_instantiation() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let trapping = module(&engine, "(module (func $s unreachable) (start $s))");
    let error = Instance::new(&mut store, &trapping, &[]).unwrap_err();
    assert_eq!(trap_of(&error), Trap::UnreachableCodeReached);
    let host = Func::wrap(&mut store, || -> Result<()> { Err(Custom(9).into()) });
    let importing = module(&engine, r#"(module (import "" "" (func $s)) (start $s))"#);
    let error = Instance::new(&mut store, &importing, &[host.into()]).unwrap_err();
    assert_eq!(error.downcast_ref::<Custom>(), Some(&Custom(9)));
    let panicking = Func::wrap(&mut store, || -> () { panic!("at the start") });
    let panic = catch_unwind(AssertUnwindSafe(|| {
        Instance::new(&mut store, &importing, &[panicking.into()])
    }));
    assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "at the start");
    let fine = Func::wrap(&mut store, || {});
    Instance::new(&mut store, &importing, &[fine.into()]).unwrap();
}
