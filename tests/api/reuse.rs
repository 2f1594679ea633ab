//! Instances out of a pool, which begin as if there had been none before.

use crate::*;

fn pooling() -> Engine {
    Engine::new(Config::new().allocation_strategy(PoolingAllocationConfig::default())).unwrap()
}

/// Pools that keep as much of a memory as they do by default, little, nothing, and all; and one that asks nobody
/// which pages were written.
fn pools() -> impl Iterator<Item = Engine> {
    let kept = |bytes| {
        let mut pool = PoolingAllocationConfig::default();
        pool.linear_memory_keep_resident(bytes);
        pool
    };
    let mut unasked = PoolingAllocationConfig::default();
    unasked.pagemap_scan(Enabled::No);
    let pools =
        [PoolingAllocationConfig::default(), kept(8192), kept(0), kept(usize::MAX), unasked];
    pools.into_iter().map(|pool| Engine::new(Config::new().allocation_strategy(pool)).unwrap())
}

/// The contents of the memory that a module exports.
fn contents(store: &mut Store<()>, instance: Instance) -> Vec<u8> {
    let memory = instance.get_memory(&mut *store, "m").unwrap();
    memory.data(&*store).to_vec()
}

/// What an instance's memory should begin with: so many pages, and data at places.
fn expected(pages: usize, data: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; pages << 16];
    for (at, data) in data {
        bytes[*at..at + data.len()].copy_from_slice(data);
    }
    bytes
}

const A: &str = r#"(module
    (memory (export "m") 3 10)
    (table (export "t") 2 funcref)
    (global (export "g") (mut i32) (i32.const 5))
    (data (i32.const 70000) "hello")
    (data (i32.const 70002) "LL")
    (data (i32.const 196607) "!")
    (data $passive "passive")
    (func $f (export "grow") (result i32) (memory.grow (i32.const 2)))
    (elem (i32.const 1) $f)
    (func (export "again") (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)))
    (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;

const B: &str = r#"(module
    (memory (export "m") 1 10)
    (data (i32.const 0) "b begins here")
    (func (export "grow") (result i32) (memory.grow (i32.const 9)))
    (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;

const EMPTY: &str = r#"(module
    (memory (export "m") 2)
    (func (export "grow") (result i32) (memory.grow (i32.const 20)))
    (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;

#[test]
fn nothing_that_an_instance_did_is_seen_by_the_next_one() {
    let a = expected(3, &[(70000, b"heLLo"), (196607, b"!")]);
    let b = expected(1, &[(0, b"b begins here")]);
    let empty = expected(2, &[]);
    for engine in pools() {
        let modules = [(A, &a), (B, &b), (EMPTY, &empty)];
        let modules = modules.map(|(text, begin)| (module(&engine, text), begin));
        // Each after each, and after itself.
        for number in [0, 0, 1, 1, 2, 2, 0, 2, 1, 0, 1, 2, 0] {
            let (module, begin) = &modules[number];
            use_all(&engine, module, begin);
        }
    }
}

/// An instance that begins with these contents, grows, and writes to all of its memory.
fn use_all(engine: &Engine, module: &Module, begin: &[u8]) {
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    assert!(contents(&mut store, instance) == *begin, "it begins otherwise");
    let peek = instance.get_typed_func::<i32, i32>(&mut store, "peek").unwrap();
    let end = begin.len() as i32;
    assert_eq!(peek.call(&mut store, end - 1).unwrap(), begin[begin.len() - 1].into());
    let error = peek.call(&mut store, end).unwrap_err();
    assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
    let grow = instance.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, ()).unwrap(), (begin.len() >> 16) as i32);
    assert_eq!(peek.call(&mut store, end).unwrap(), 0);
    let memory = instance.get_memory(&mut store, "m").unwrap();
    memory.data_mut(&mut store).fill(0xee);
}

const WRITER: &str = r#"(module
    (memory (export "m") 4 8)
    (data (i32.const 70000) "hello")
    (data (i32.const 131070) "over a page's end")
    (data $passive "passive data, of which some is written")
    (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (i32.const 0xfd)))
    (func (export "load") (param i32 i32) (drop (i32.load8_u (local.get 0))))
    (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0xfd) (local.get 1)))
    (func (export "copy") (param i32 i32) (memory.copy (local.get 0) (i32.const 65000) (local.get 1)))
    (func (export "init") (param i32 i32) (memory.init $passive (local.get 0) (i32.const 0) (i32.const 30)))
    (func (export "grow") (param i32 i32)
        (drop (memory.grow (i32.const 1)))
        (i32.store8 offset=196608 (local.get 0) (i32.const 0xfd))))"#;

/// In every way that bytes can be written, on few pages and on many, so that some are written anew and some are
/// given back to the system.
#[test]
fn whatever_was_written_is_gone() {
    let begin = expected(4, &[(70000, b"hello"), (131070, b"over a page's end")]);
    for engine in pools() {
        let module = module(&engine, WRITER);
        let mut random = 1_u32;
        let mut next = move |below: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) as usize % below
        };
        for round in 0..60 {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            if round % 3 != 0 {
                // Otherwise nothing is read that the instance does not read.
                assert!(contents(&mut store, instance) == begin, "round {round}");
            }
            for _ in 0..[1, 3, 20, 200][round % 4] {
                let how = ["store", "load", "fill", "copy", "init", "grow", "host"][next(7)];
                let (at, len) = (next(4 << 16), [1, 30, 5000][next(3)]);
                if how == "host" {
                    let memory = instance.get_memory(&mut store, "m").unwrap();
                    memory.data_mut(&mut store)[at] = 0xfd;
                    continue;
                }
                let how = instance.get_typed_func::<(i32, i32), ()>(&mut store, how).unwrap();
                // Those that begin too near to the end trap.
                let _ = how.call(&mut store, (at as i32, len));
            }
        }
    }
}

#[test]
fn what_a_pool_requires_must_be_there() {
    let mut pool = PoolingAllocationConfig::default();
    pool.pagemap_scan(Enabled::Yes);
    let is_there = Engine::new(Config::new().allocation_strategy(pool)).is_ok();
    assert_eq!(is_there, PoolingAllocationConfig::is_pagemap_scan_available());
}

#[test]
fn tables_globals_and_segments_begin_anew_too() {
    let engine = pooling();
    let module = module(&engine, A);
    for _ in 0..3 {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let global = instance.get_global(&mut store, "g").unwrap();
        assert_eq!(global.get(&mut store).unwrap_i32(), 5);
        global.set(&mut store, Val::I32(6)).unwrap();
        let table = instance.get_table(&mut store, "t").unwrap();
        assert!(table.get(&mut store, 0).unwrap().is_null());
        let func = table.get(&mut store, 1).unwrap();
        assert!(!func.is_null());
        table.set(&mut store, 0, func).unwrap();
        // An active segment is dropped, whether or not anything was copied.
        let again = instance.get_typed_func::<(), ()>(&mut store, "again").unwrap();
        let error = again.call(&mut store, ()).unwrap_err();
        assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
    }
}

#[test]
fn instances_that_live_at_once_have_memories_of_their_own() {
    let engine = pooling();
    let module = module(&engine, A);
    let begin = expected(3, &[(70000, b"heLLo"), (196607, b"!")]);
    let mut stores: Vec<_> = (0..20)
        .map(|_| {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            (store, instance)
        })
        .collect();
    for (number, (store, instance)) in stores.iter_mut().enumerate() {
        assert!(contents(store, *instance) == begin);
        let memory = instance.get_memory(&mut *store, "m").unwrap();
        memory.data_mut(store).fill(number as u8 + 1);
    }
    for (number, (store, instance)) in stores.iter_mut().enumerate() {
        assert!(contents(store, *instance).iter().all(|byte| *byte == number as u8 + 1));
    }
    // Two in one store, the second one when the first one has written.
    let mut store = Store::new(&engine, ());
    let first = Instance::new(&mut store, &module, &[]).unwrap();
    first.get_memory(&mut store, "m").unwrap().data_mut(&mut store).fill(1);
    let second = Instance::new(&mut store, &module, &[]).unwrap();
    assert!(contents(&mut store, second) == begin);
}

#[test]
fn data_for_an_imported_memory_is_written_there() {
    let engine = pooling();
    let owner = module(&engine, A);
    let importer = module(
        &engine,
        r#"(module
            (memory (import "a" "m") 1)
            (data (i32.const 70001) "guest"))"#,
    );
    for _ in 0..2 {
        let mut store = Store::new(&engine, ());
        let first = Instance::new(&mut store, &owner, &[]).unwrap();
        let memory = first.get_memory(&mut store, "m").unwrap();
        Instance::new(&mut store, &importer, &[memory.into()]).unwrap();
        let begin = expected(3, &[(70000, b"hguest"), (196607, b"!")]);
        assert!(contents(&mut store, first) == begin);
    }
}

#[test]
fn modules_whose_data_depends_on_imports_or_does_not_fit_work_as_ever() {
    let engine = pooling();
    let dependent = module(
        &engine,
        r#"(module
            (global $at (import "" "at") i32)
            (memory (export "m") 1)
            (data (global.get $at) "here"))"#,
    );
    let outside = module(
        &engine,
        r#"(module (memory 1) (data (i32.const 0) "inside") (data (i32.const 65533) "outside"))"#,
    );
    for at in [0, 100, 60000] {
        let mut store = Store::new(&engine, ());
        let ty = GlobalType::new(ValType::I32, Mutability::Const);
        let global = Global::new(&mut store, ty, Val::I32(at)).unwrap();
        let instance = Instance::new(&mut store, &dependent, &[global.into()]).unwrap();
        assert!(contents(&mut store, instance) == expected(1, &[(at as usize, b"here")]));
        let error = Instance::new(&mut store, &outside, &[]).unwrap_err();
        assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
    }
}

/// Data came before element segments, and functions in a table of the host's saw it though a segment trapped.
#[test]
fn a_trap_of_an_element_segment_leaves_data_unwritten() {
    let engine = pooling();
    let module = module(
        &engine,
        r#"(module
            (import "" "t" (table 1 funcref))
            (memory 1)
            (data (i32.const 0) "x")
            (func $peek (result i32) (i32.load8_u (i32.const 0)))
            (elem (i32.const 0) $peek)
            (elem (i32.const 1) $peek))"#,
    );
    let mut store = Store::new(&engine, ());
    let ty = TableType::new(RefType::FUNCREF, 1, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let error = Instance::new(&mut store, &module, &[table.into()]).unwrap_err();
    assert_eq!(trap_of(&error), Trap::TableOutOfBounds);
    let Some(Ref::Func(Some(peek))) = table.get(&mut store, 0) else { panic!("a function") };
    let peek = peek.typed::<(), i32>(&store).unwrap();
    assert_eq!(peek.call(&mut store, ()).unwrap(), 0);
}

#[test]
fn many_threads_take_from_one_pool() {
    let engine = pooling();
    let modules = [module(&engine, A), module(&engine, B)];
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (engine, modules) = (&engine, &modules);
            scope.spawn(move || {
                for round in 0..50 {
                    let number = (thread + round) % 2;
                    let mut store = Store::new(engine, ());
                    let instance = Instance::new(&mut store, &modules[number], &[]).unwrap();
                    let bytes = contents(&mut store, instance);
                    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
                    let data: &[u8] = if number == 0 { b"heLLo!" } else { b"b begins here" };
                    assert_eq!(sum, data.iter().map(|byte| u32::from(*byte)).sum::<u32>());
                    let memory = instance.get_memory(&mut store, "m").unwrap();
                    memory.data_mut(&mut store)[round * 1000] = 1;
                }
            });
        }
    });
}
