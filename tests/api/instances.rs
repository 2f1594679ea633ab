//! Instantiation: imports, initialisation, exports.

use crate::*;

#[test]
fn memories_tables_and_globals_are_initialised_in_order() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let base = GlobalType::new(ValType::I32, Mutability::Const);
    let base = Global::new(&mut store, base, Val::I32(8)).unwrap();
    let text = r#"(module
        (import "" "base" (global $base i32))
        (global (export "next") i32 (i32.add (global.get $base) (i32.const 2)))
        (global (export "product") i64 (i64.mul (i64.const 6) (i64.const -7)))
        (global (export "f") funcref (ref.func $f))
        (global (export "null") externref (ref.null extern))
        (memory (export "memory") 1)
        (data (global.get $base) "ab")
        (data (i32.add (i32.const 2) (global.get $base)) "cd")
        (data (i32.const 9) "x")
        (table (export "table") 4 funcref)
        (elem (i32.sub (global.get $base) (i32.const 7)) func $f $g)
        (func $f (result i32) (i32.const 1))
        (func $g (result i32) (i32.const 2)))"#;
    let instance = Instance::new(&mut store, &module(&engine, text), &[base.into()]).unwrap();
    let global =
        |store: &mut Store<()>, name| instance.get_global(&mut *store, name).unwrap().get(store);
    assert_eq!(global(&mut store, "next").unwrap_i32(), 10);
    assert_eq!(global(&mut store, "product").unwrap_i64(), -42);
    assert!(global(&mut store, "null").unwrap_externref().is_none());
    let f = *global(&mut store, "f").unwrap_funcref().unwrap();
    assert_eq!(f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 1);
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert_eq!(&memory.data(&store)[7..13], b"\0axcd\0");
    let table = instance.get_table(&mut store, "table").unwrap();
    let funcs: Vec<_> =
        (0..4).map(|i| table.get(&mut store, i).unwrap().as_func().unwrap().is_some()).collect();
    assert_eq!(funcs, [false, true, true, false]);
    assert_eq!(table.get(&mut store, 1).unwrap().as_func().unwrap(), Some(&f));
}

#[test]
fn a_segment_out_of_bounds_traps_and_what_came_before_stays() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    let ty = TableType::new(RefType::FUNCREF, 2, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let text = r#"(module
        (import "" "" (memory 1))
        (import "" "" (table 2 funcref))
        (func $f (result i32) (i32.const 5))
        (elem (i32.const 0) func $f)
        (data (i32.const 0) "written")
        (data (i32.const 65535) "no"))"#;
    let error = Instance::new(&mut store, &module(&engine, text), &[memory.into(), table.into()])
        .unwrap_err();
    assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
    assert_eq!(&memory.data(&store)[..7], b"written");
    assert_eq!(memory.data(&store)[65535], 0);
    // The function in the table belongs to the instance that failed, and lives on.
    let f = *table.get(&mut store, 0).unwrap().unwrap_func().unwrap();
    assert_eq!(f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 5);
    let text = r#"(module
        (import "" "" (table 2 funcref)) (func $f) (elem (i32.const 2) func $f))"#;
    let error = Instance::new(&mut store, &module(&engine, text), &[table.into()]).unwrap_err();
    assert_eq!(trap_of(&error), Trap::TableOutOfBounds);
}

#[test]
fn imports_that_do_not_fit_are_named_with_both_types() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let func: Extern = Func::wrap(&mut store, |_: i64| {}).into();
    let memory: Extern = Memory::new(&mut store, MemoryType::new(1, Some(3))).unwrap().into();
    let ty = TableType::new(RefType::FUNCREF, 2, None);
    let table: Extern = Table::new(&mut store, ty, Ref::Func(None)).unwrap().into();
    let ty = GlobalType::new(ValType::I32, Mutability::Const);
    let global: Extern = Global::new(&mut store, ty, Val::I32(0)).unwrap().into();
    for (import, given, message) in [
        (
            "(func (param i32))",
            &func,
            "expected type `(func (param i32))`, found type `(func (param i64))`",
        ),
        ("(memory 1)", &func, "expected memory, found function"),
        ("(memory 2)", &memory, "expected memory of at least 2, found one of 1"),
        ("(memory 1 2)", &memory, "at most 2, found one that grows to 3"),
        ("(memory i64 1 3)", &memory, "expected `(memory i64 1 3)`, found `(memory 1 3)`"),
        ("(table 1 5 funcref)", &table, "at most 5, found one without a maximum"),
        ("(table 1 externref)", &table, "found `(table 2 funcref)`"),
        ("(global i64)", &global, "expected `(global i64)`, found `(global i32)`"),
        ("(global (mut i32))", &global, "expected `(global (mut i32))`, found `(global i32)`"),
    ] {
        let text = format!(r#"(module (import "m" "n" {import}))"#);
        let error = Instance::new(&mut store, &module(&engine, &text), std::slice::from_ref(given))
            .unwrap_err();
        assert_eq!(error.to_string(), "incompatible import type for `m::n`");
        let full = format!("{error:#}");
        assert!(full.contains(message), "{full}");
    }
    // Sizes count as they are now.
    memory.clone().into_memory().unwrap().grow(&mut store, 1).unwrap();
    let text = r#"(module (import "m" "n" (memory 2 3)))"#;
    Instance::new(&mut store, &module(&engine, text), &[memory]).unwrap();
    let error = Instance::new(&mut store, &module(&engine, text), &[]).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 imports, found 0");
}

#[test]
fn exports_are_listed_in_order_and_found_by_name() {
    let (mut store, instance) = instantiate(
        r#"(module (func (export "f")) (memory (export "m") 1) (export "f2" (func 0))
            (global (export "g") i32 (i32.const 1)) (table (export "t") 1 funcref))"#,
    );
    let names: Vec<_> = instance.exports(&mut store).map(|e| e.name().to_string()).collect();
    assert_eq!(names, ["f", "m", "f2", "g", "t"]);
    assert_eq!(instance.get_func(&mut store, "f"), instance.get_func(&mut store, "f2"));
    assert!(instance.get_func(&mut store, "m").is_none());
    assert!(instance.get_memory(&mut store, "f").is_none());
    assert!(instance.get_export(&mut store, "").is_none());
    assert!(instance.get_table(&mut store, "t").is_some());
    let error = instance.get_typed_func::<(), ()>(&mut store, "m").unwrap_err();
    assert_eq!(error.to_string(), "export `m` is not a function");
    let error = instance.get_typed_func::<(), ()>(&mut store, "nothing").unwrap_err();
    assert_eq!(error.to_string(), "no export `nothing`");
    let types: Vec<_> = {
        let module = instance.module(&store);
        module.exports().map(|e| e.ty().kind()).collect()
    };
    assert_eq!(types, ["function", "memory", "function", "global", "table"]);
}

#[test]
fn passive_segments_are_used_and_dropped() {
    let (mut store, instance) = instantiate(
        r#"(module
            (memory (export "memory") 1)
            (table $t 4 funcref)
            (data $d "hello")
            (elem $e func $one $two)
            (func $one (result i32) (i32.const 1))
            (func $two (result i32) (i32.const 2))
            (func (export "init") (param i32 i32)
                (memory.init $d (i32.const 10) (i32.const 1) (local.get 0))
                (table.init $t $e (i32.const 2) (i32.const 0) (local.get 1)))
            (func (export "drop") (data.drop $d) (elem.drop $e))
            (func (export "call") (param i32) (result i32)
                (call_indirect (result i32) (local.get 0))))"#,
    );
    let init = instance.get_typed_func::<(i32, i32), ()>(&mut store, "init").unwrap();
    let call = instance.get_typed_func::<i32, i32>(&mut store, "call").unwrap();
    init.call(&mut store, (4, 2)).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert_eq!(&memory.data(&store)[9..15], b"\0ello\0");
    assert_eq!(call.call(&mut store, 3).unwrap(), 2);
    let error = init.call(&mut store, (5, 0)).unwrap_err();
    assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
    let error = init.call(&mut store, (0, 3)).unwrap_err();
    assert_eq!(trap_of(&error), Trap::TableOutOfBounds);
    instance.get_typed_func::<(), ()>(&mut store, "drop").unwrap().call(&mut store, ()).unwrap();
    let error = init.call(&mut store, (1, 0)).unwrap_err();
    assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
}

#[test]
fn stores_move_between_threads_and_share_modules() {
    let engine = Engine::default();
    let shared = module(
        &engine,
        r#"(module (func $fib (export "fib") (param i32) (result i32)
            (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
                (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                    (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#,
    );
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mut store = Store::new(&engine, ());
            let shared = shared.clone();
            std::thread::spawn(move || {
                let instance = Instance::new(&mut store, &shared, &[]).unwrap();
                let fib = instance.get_typed_func::<i32, i32>(&mut store, "fib").unwrap();
                let first = fib.call(&mut store, 12).unwrap();
                (store, fib, first)
            })
        })
        .collect();
    for thread in threads {
        let (mut store, fib, first) = thread.join().unwrap();
        assert_eq!(first, 144);
        assert_eq!(fib.call(&mut store, 13).unwrap(), 233);
    }
}
