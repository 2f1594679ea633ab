//! Bulk operations on long runs, which are done in slices.

use crate::*;

/// Bytes, and elements, of a slice.
const BYTES: usize = 1 << 20;
const ELEMENTS: i32 = 1 << 16;

const MEMORIES: &str = r#"(module
    (memory $a (export "a") 80) (memory $b (export "b") i64 80)
    (func (export "fill") (param i32 i32) (memory.fill $a (local.get 0) (i32.const 7) (local.get 1)))
    (func (export "fill64") (param i32 i32)
        (memory.fill $b (i64.extend_i32_u (local.get 0)) (i32.const 7) (i64.extend_i32_u (local.get 1))))
    (func (export "copy") (param i32 i32 i32)
        (memory.copy $a $a (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy64") (param i32 i32 i32)
        (memory.copy $b $b (i64.extend_i32_u (local.get 0)) (i64.extend_i32_u (local.get 1))
            (i64.extend_i32_u (local.get 2))))
    (func (export "between") (param i32 i32 i32)
        (memory.copy $a $b (local.get 0) (i64.extend_i32_u (local.get 1)) (local.get 2))))"#;

fn pattern() -> Vec<u8> {
    (0..80_u32 << 16).map(|i| (i * 7 + i / 251 + i / 65_521) as u8).collect()
}

#[test]
fn long_runs_of_memories_are_whole_in_every_direction() {
    let (mut store, instance) = instantiate(MEMORIES);
    let a = instance.get_memory(&mut store, "a").unwrap();
    let b = instance.get_memory(&mut store, "b").unwrap();
    let before = pattern();
    for (name, memory) in [("fill", a), ("fill64", b)] {
        let fill = instance.get_typed_func::<(u32, u32), ()>(&mut store, name).unwrap();
        for len in [BYTES - 1, BYTES, BYTES + 1, 3 * BYTES + 100] {
            memory.data_mut(&mut store).copy_from_slice(&before);
            fill.call(&mut store, (33, len as u32)).unwrap();
            let mut expected = before.clone();
            expected[33..33 + len].fill(7);
            assert!(memory.data(&store) == expected, "{name} of {len}");
        }
    }
    for (name, memory) in [("copy", a), ("copy64", b)] {
        let copy = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, name).unwrap();
        for len in [BYTES, 2 * BYTES, 2 * BYTES + 77] {
            for distance in [1, 100, BYTES - 1, BYTES, BYTES + 1] {
                for (to, from) in [(0, distance), (distance, 0)] {
                    memory.data_mut(&mut store).copy_from_slice(&before);
                    copy.call(&mut store, (to as u32, from as u32, len as u32)).unwrap();
                    let mut expected = before.clone();
                    expected.copy_within(from..from + len, to);
                    assert!(memory.data(&store) == expected, "{name} of {len}: {from} to {to}");
                }
            }
        }
    }
    a.data_mut(&mut store).fill(0);
    b.data_mut(&mut store).copy_from_slice(&before);
    let between = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, "between").unwrap();
    between.call(&mut store, (5, 10, 3 * BYTES as u32)).unwrap();
    assert!(a.data(&store)[5..5 + 3 * BYTES] == before[10..10 + 3 * BYTES]);
    assert!(a.data(&store)[..5].iter().chain(&a.data(&store)[5 + 3 * BYTES..]).all(|&x| x == 0));
}

#[test]
fn long_runs_that_do_not_fit_write_nothing() {
    let (mut store, instance) = instantiate(MEMORIES);
    let a = instance.get_memory(&mut store, "a").unwrap();
    let before = pattern();
    a.data_mut(&mut store).copy_from_slice(&before);
    let (size, len) = (before.len() as u32, 3 * BYTES as u32);
    let fill = instance.get_typed_func::<(u32, u32), ()>(&mut store, "fill").unwrap();
    let copy = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, "copy").unwrap();
    let at = size - len + 1;
    for result in [
        fill.call(&mut store, (at, len)),
        copy.call(&mut store, (at, 0, len)),
        copy.call(&mut store, (0, at, len)),
        copy.call(&mut store, (at - 1, at, len)),
        copy.call(&mut store, (at, at - 1, len)),
    ] {
        assert_eq!(trap_of(&result.unwrap_err()), Trap::MemoryOutOfBounds);
        assert!(a.data(&store) == before);
    }
}

/// Nothing else looks for an interrupt here: the code was not translated to be interrupted.
#[test]
fn an_interrupt_ends_a_bulk_operation_between_two_slices() {
    let (mut store, instance) = instantiate(MEMORIES);
    let a = instance.get_memory(&mut store, "a").unwrap();
    let before = pattern();
    let fill = instance.get_typed_func::<(u32, u32), ()>(&mut store, "fill").unwrap();
    let copy = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, "copy").unwrap();
    let len = 3 * BYTES + 9;
    for (what, to, from, written) in [
        ("fill", 11, 0, 11 + len - BYTES..11 + len),
        ("up", 11, 0, 11 + len - BYTES..11 + len),
        ("down", 0, 11, 0..BYTES),
    ] {
        let run = |store: &mut Store<()>| match what {
            "fill" => fill.call(store, (to, len as u32)),
            _ => copy.call(store, (to, from, len as u32)),
        };
        a.data_mut(&mut store).copy_from_slice(&before);
        store.interrupt_handle().interrupt();
        let error = run(&mut store).unwrap_err();
        assert_eq!(trap_of(&error), Trap::Interrupt);
        assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
        let mut expected = before.clone();
        match what {
            "fill" => expected[written].fill(7),
            _ => {
                let start = written.start + from as usize - to as usize;
                expected.copy_within(start..start + BYTES, written.start);
            }
        }
        assert!(a.data(&store) == expected, "{what}");
        // Obeyed once; the store goes on working.
        assert!(!store.interrupt_handle().cancel());
        run(&mut store).unwrap();
    }
}

/// Tables and arrays of `i31`: `set` makes element i the number i, `sum` adds up number times place.
const ELEMENTS_OF_BOTH: &str = r#"(module
    (type $array (array (mut i31ref))) (type $bytes (array (mut i16)))
    (table $t 200000 i31ref)
    (global $a (ref $array) (array.new_default $array (i32.const 200000)))
    (global $b (ref $bytes) (array.new_default $bytes (i32.const 200000)))
    (func (export "set") (local $i i32)
        (loop $l
            (table.set $t (local.get $i) (ref.i31 (local.get $i)))
            (array.set $array (global.get $a) (local.get $i) (ref.i31 (local.get $i)))
            (array.set $bytes (global.get $b) (local.get $i) (local.get $i))
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                (i32.const 200000)))))
    (func (export "table") (param $i i32) (result i32) (i31.get_u (table.get $t (local.get $i))))
    (func (export "array") (param $i i32) (result i32)
        (i31.get_u (array.get $array (global.get $a) (local.get $i))))
    (func (export "bytes") (param $i i32) (result i32)
        (array.get_u $bytes (global.get $b) (local.get $i)))
    (func (export "fill table") (param i32 i32 i32)
        (table.fill $t (local.get 0) (ref.i31 (local.get 1)) (local.get 2)))
    (func (export "fill array") (param i32 i32 i32)
        (array.fill $array (global.get $a) (local.get 0) (ref.i31 (local.get 1)) (local.get 2)))
    (func (export "fill bytes") (param i32 i32 i32)
        (array.fill $bytes (global.get $b) (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy table") (param i32 i32 i32)
        (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy array") (param i32 i32 i32)
        (array.copy $array $array (global.get $a) (local.get 0) (global.get $a) (local.get 1)
            (local.get 2)))
    (func (export "copy bytes") (param i32 i32 i32)
        (array.copy $bytes $bytes (global.get $b) (local.get 0) (global.get $b) (local.get 1)
            (local.get 2))))"#;

#[test]
fn long_runs_of_tables_and_arrays_are_whole_and_end_between_slices() {
    let (mut store, instance) = instantiate(ELEMENTS_OF_BOTH);
    let set = instance.get_typed_func::<(), ()>(&mut store, "set").unwrap();
    for (what, trap) in [
        ("table", Trap::TableOutOfBounds),
        ("array", Trap::ArrayOutOfBounds),
        ("bytes", Trap::ArrayOutOfBounds),
    ] {
        let get = instance.get_typed_func::<i32, i32>(&mut store, what).unwrap();
        let all = |store: &mut Store<()>| -> Vec<i32> {
            (0..200_000).map(|i| get.call(&mut *store, i).unwrap()).collect()
        };
        set.call(&mut store, ()).unwrap();
        let before = all(&mut store);
        let mut check = |op: &str, args: (i32, i32, i32), interrupt: bool, expected: &[i32]| {
            let name = format!("{op} {what}");
            let f = instance.get_typed_func::<(i32, i32, i32), ()>(&mut store, &name).unwrap();
            set.call(&mut store, ()).unwrap();
            if interrupt {
                store.interrupt_handle().interrupt();
            }
            let result = f.call(&mut store, args);
            assert!(all(&mut store) == expected, "{name} {args:?}, interrupted: {interrupt}");
            assert!(!store.interrupt_handle().cancel());
            result
        };
        let len = 2 * ELEMENTS + 5;
        let filled = |from: i32, to: i32| {
            let mut it = before.clone();
            it[from as usize..to as usize].fill(9);
            it
        };
        check("fill", (3, 9, len), false, &filled(3, 3 + len)).unwrap();
        let error =
            check("fill", (3, 9, len), true, &filled(3 + len - ELEMENTS, 3 + len)).unwrap_err();
        assert_eq!(trap_of(&error), Trap::Interrupt);
        let copied = |to: i32, from: i32, len: i32| {
            let mut it = before.clone();
            it.copy_within(from as usize..(from + len) as usize, to as usize);
            it
        };
        for distance in [1, ELEMENTS, ELEMENTS + 1] {
            for (to, from) in [(0, distance), (distance, 0)] {
                check("copy", (to, from, len), false, &copied(to, from, len)).unwrap();
            }
        }
        let last = len - ELEMENTS;
        let error = check("copy", (7, 0, len), true, &copied(7 + last, last, ELEMENTS));
        assert_eq!(trap_of(&error.unwrap_err()), Trap::Interrupt);
        let error = check("copy", (0, 7, len), true, &copied(0, 7, ELEMENTS)).unwrap_err();
        assert_eq!(trap_of(&error), Trap::Interrupt);
        // One too far: nothing is written.
        let at = 200_000 - len + 1;
        for (op, args) in [
            ("fill", (at, 9, len)),
            ("copy", (at, 0, len)),
            ("copy", (0, at, len)),
            ("copy", (at - 1, at, len)),
            ("copy", (-5, at, len)),
        ] {
            let error = check(op, args, false, &before).unwrap_err();
            assert_eq!(trap_of(&error), trap, "{op} {what} {args:?}");
        }
    }
}

#[test]
fn long_segments_are_whole_and_end_between_slices() {
    let data: String = (0..300_000).map(|i| format!("\\{:02x}", (i * 7 + i / 251) as u8)).collect();
    let text = format!(
        r#"(module
        (type $shorts (array (mut i16)))
        (memory (export "memory") 60)
        (data $d "{}")
        (global $a (ref $shorts) (array.new_default $shorts (i32.const 600000)))
        (func (export "get") (param i32) (result i32)
            (array.get_u $shorts (global.get $a) (local.get 0)))
        (func (export "memory.init") (param i32 i32 i32)
            (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
        (func (export "array.init") (param i32 i32 i32)
            (array.init_data $shorts $d (global.get $a) (local.get 0) (local.get 1)
                (local.get 2))))"#,
        data.repeat(4)
    );
    let (mut store, instance) = instantiate(&text);
    let data: Vec<u8> = (0..300_000_u32).map(|i| (i * 7 + i / 251) as u8).collect();
    let data = data.repeat(4);
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let init = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, "memory.init").unwrap();
    init.call(&mut store, (5, 3, data.len() as u32 - 3)).unwrap();
    assert!(memory.data(&store)[5..][..data.len() - 3] == data[3..]);
    assert!(init.call(&mut store, (5, 4, data.len() as u32 - 3)).is_err());
    memory.data_mut(&mut store).fill(0);
    store.interrupt_handle().interrupt();
    let error = init.call(&mut store, (0, 0, data.len() as u32)).unwrap_err();
    assert_eq!(trap_of(&error), Trap::Interrupt);
    let left = data.len() - BYTES;
    assert!(memory.data(&store)[..left].iter().all(|&byte| byte == 0));
    assert!(memory.data(&store)[left..data.len()] == data[left..]);

    let get = instance.get_typed_func::<i32, i32>(&mut store, "get").unwrap();
    let init = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, "array.init").unwrap();
    init.call(&mut store, (5, 2, 500_000)).unwrap();
    let element = |i: usize| i32::from(u16::from_le_bytes([data[2 + 2 * i], data[3 + 2 * i]]));
    for i in (0..500_000).step_by(997).chain([0, 65_535, 65_536, 499_999]) {
        assert_eq!(get.call(&mut store, 5 + i as i32).unwrap(), element(i), "{i}");
    }
    for (args, trap) in [
        ((100_001, 0, 500_000), Trap::ArrayOutOfBounds),
        ((0, 200_002, 500_000), Trap::MemoryOutOfBounds),
        ((u32::MAX, 0, 500_000), Trap::ArrayOutOfBounds),
        ((0, u32::MAX, 500_000), Trap::MemoryOutOfBounds),
    ] {
        assert_eq!(trap_of(&init.call(&mut store, args).unwrap_err()), trap);
    }
}

/// A body of many short operations in a row has no loop or call where it could be stopped.
#[test]
fn code_that_can_be_interrupted_looks_ahead_of_each_bulk_operation() {
    let engine = Engine::new(Config::new().interruptible(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let handle = store.interrupt_handle();
    let ask = Func::wrap(&mut store, move || handle.interrupt());
    for op in [
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 1))",
        "(memory.copy (i32.const 0) (i32.const 1) (i32.const 1))",
        "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))",
        "(table.fill $t (i32.const 0) (ref.null i31) (i32.const 1))",
        "(drop (table.grow $t (ref.null i31) (i32.const 1)))",
        "(drop (array.new_default $a (i32.const 1)))",
        "(array.fill $a (array.new_default $a (i32.const 1)) (i32.const 0) (i32.const 0) (i32.const 1))",
    ] {
        let text = format!(
            r#"(module (import "" "" (func $ask)) (memory 1) (table $t 1 i31ref) (data $d "x")
                (type $a (array (mut i32)))
                (func (export "f") call $ask {op}))"#
        );
        let module = module(&engine, &text);
        let instance = Instance::new(&mut store, &module, &[ask.into()]).unwrap();
        let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
        assert_eq!(trap_of(&f.call(&mut store, ()).unwrap_err()), Trap::Interrupt, "{op}");
    }
}
