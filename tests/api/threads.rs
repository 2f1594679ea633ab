//! Shared memories and atomic instructions, on real threads.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::*;

/// Long enough for any test to end, and short enough to see that one did not.
const FOREVER: i64 = 60_000_000_000;

fn engines() -> Vec<Engine> {
    [true, false]
        .map(|guard| {
            Engine::new(Config::new().wasm_threads(true).signals_based_traps(guard)).unwrap()
        })
        .into()
}

fn shared(engine: &Engine, minimum: u32, maximum: u32) -> SharedMemory {
    SharedMemory::new(engine, MemoryType::shared(minimum, maximum)).unwrap()
}

/// A store of its own with an instance that imports `memory`.
fn store_with(module: &Module, memory: &SharedMemory) -> (Store<()>, Instance) {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[memory.clone().into()]).unwrap();
    (store, instance)
}

#[test]
fn messages_pass_between_stores_on_two_threads() {
    // A mailbox: word 0 says whether it is full, word 4 is the message.
    let text = r#"(module (import "" "memory" (memory 1 2 shared))
        (func (export "send") (param $n i32) (local $i i32)
            (loop $next
                (block $empty
                    (loop $full
                        (br_if $empty (i32.eqz (i32.atomic.load (i32.const 0))))
                        (drop (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const -1)))
                        (br $full)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (i32.store (i32.const 4) (local.get $i))
                (i32.atomic.store (i32.const 0) (i32.const 1))
                (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $i) (local.get $n)))))
        (func (export "receive") (param $n i32) (result i64) (local $i i32) (local $sum i64)
            (loop $next
                (block $full
                    (loop $empty
                        (br_if $full (i32.atomic.load (i32.const 0)))
                        (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
                        (br $empty)))
                (local.set $sum
                    (i64.add (local.get $sum) (i64.extend_i32_u (i32.load (i32.const 4)))))
                (i32.atomic.store (i32.const 0) (i32.const 0))
                (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
            (local.get $sum)))"#;
    for engine in engines() {
        let module = module(&engine, text);
        let memory = shared(&engine, 1, 2);
        let (mut store, instance) = store_with(&module, &memory);
        let sender = thread::spawn(move || {
            let send = instance.get_typed_func::<i32, ()>(&mut store, "send").unwrap();
            send.call(&mut store, 1000).unwrap();
        });
        let (mut store, instance) = store_with(&module, &memory);
        let receive = instance.get_typed_func::<i32, i64>(&mut store, "receive").unwrap();
        assert_eq!(receive.call(&mut store, 1000).unwrap(), 500_500);
        sender.join().unwrap();
    }
}

#[test]
fn a_spin_lock_keeps_increments_apart_and_atomic_ones_need_none() {
    let text = r#"(module (import "" "memory" (memory 1 1 shared))
        (func (export "run") (param $n i32)
            (loop $next
                (loop $locked
                    (br_if $locked (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 0) (i32.const 1))))
                (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 1)))
                (i32.atomic.store (i32.const 0) (i32.const 0))
                (drop (i64.atomic.rmw.add (i32.const 16) (i64.const 3)))
                (drop (i32.atomic.rmw8.sub_u (i32.const 24) (i32.const 1)))
                (drop (i64.atomic.rmw16.xor_u (i32.const 26) (i64.const 0x8001)))
                (local.tee $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $next)))
        )"#;
    const EACH: i32 = 5000;
    for engine in engines() {
        let module = module(&engine, text);
        let memory = shared(&engine, 1, 1);
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (mut store, instance) = store_with(&module, &memory);
                thread::spawn(move || {
                    let run = instance.get_typed_func::<i32, ()>(&mut store, "run").unwrap();
                    run.call(&mut store, EACH).unwrap();
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let mut bytes = [0; 20];
        memory.read(8, &mut bytes).unwrap();
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!((word(0), word(8)), (3 * EACH as u64, 9 * EACH as u64));
        assert_eq!(bytes[16], (-3 * EACH) as u8);
        // An even number of times.
        assert_eq!(&bytes[18..20], &[0, 0]);
    }
}

const WAITS: &str = r#"(module (import "" "memory" (memory 1 4 shared))
    (func (export "wait32") (param i32 i32 i64) (result i32)
        (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wait64") (param i32 i64 i64) (result i32)
        (memory.atomic.wait64 offset=8 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "notify") (param i32 i32) (result i32)
        (memory.atomic.notify (local.get 0) (local.get 1)))
    (func (export "spin") (loop (br 0))))"#;

#[test]
fn waits_end_by_notification_mismatch_or_timeout() {
    for engine in engines() {
        let module = module(&engine, WAITS);
        let memory = shared(&engine, 1, 4);
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let (mut store, instance) = store_with(&module, &memory);
                thread::spawn(move || {
                    let wait =
                        instance.get_typed_func::<(i32, i32, i64), i32>(&mut store, "wait32");
                    wait.unwrap().call(&mut store, (16, 0, FOREVER)).unwrap()
                })
            })
            .collect();
        let (mut store, instance) = store_with(&module, &memory);
        let notify = instance.get_typed_func::<(i32, i32), i32>(&mut store, "notify").unwrap();
        // Exactly as many wake up as are said to; the host can do it too.
        let mut woken = 0;
        while woken < 2 {
            woken += notify.call(&mut store, (16, 1)).unwrap();
            thread::yield_now();
        }
        while woken < 3 {
            woken += memory.atomic_notify(16, u32::MAX).unwrap() as i32;
        }
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == 0));
        assert_eq!(notify.call(&mut store, (16, -1)).unwrap(), 0);

        let wait32 = instance.get_typed_func::<(i32, i32, i64), i32>(&mut store, "wait32").unwrap();
        let wait64 = instance.get_typed_func::<(i32, i64, i64), i32>(&mut store, "wait64").unwrap();
        assert_eq!(wait32.call(&mut store, (16, 1, -1)).unwrap(), 1);
        assert_eq!(wait64.call(&mut store, (16, 1 << 32, -1)).unwrap(), 1);
        let start = Instant::now();
        assert_eq!(wait32.call(&mut store, (16, 0, 20_000_000)).unwrap(), 2);
        assert_eq!(wait64.call(&mut store, (16, 0, 20_000_000)).unwrap(), 2);
        assert!(start.elapsed() >= Duration::from_millis(40));
        assert_eq!(wait32.call(&mut store, (16, 0, 0)).unwrap(), 2);
        let nothing = memory.atomic_wait64(0, 0, Some(Duration::ZERO));
        assert_eq!(nothing, Ok(WaitResult::TimedOut));
        assert_eq!(memory.atomic_wait32(0, 7, None), Ok(WaitResult::Mismatch));

        let error = wait32.call(&mut store, (18, 0, 0)).unwrap_err();
        assert_eq!(trap_of(&error), Trap::HeapMisaligned);
        let error = wait64.call(&mut store, (65536 - 8, 0, 0)).unwrap_err();
        assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
        let error = notify.call(&mut store, (65536, 0)).unwrap_err();
        assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
        assert_eq!(memory.atomic_wait32(3, 0, None), Err(Trap::HeapMisaligned));
        assert_eq!(memory.atomic_notify(1 << 40, 0), Err(Trap::MemoryOutOfBounds));
    }
}

#[test]
fn waiting_without_sharing_traps() {
    let engine = Engine::new(Config::new().wasm_threads(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let text = r#"(module (memory 1)
        (func (export "wait") (result i32)
            (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))
        (func (export "notify") (result i32)
            (memory.atomic.notify (i32.const 0) (i32.const 1))))"#;
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let wait = instance.get_typed_func::<(), i32>(&mut store, "wait").unwrap();
    let error = wait.call(&mut store, ()).unwrap_err();
    assert_eq!(trap_of(&error), Trap::AtomicWaitNonSharedMemory);
    let notify = instance.get_typed_func::<(), i32>(&mut store, "notify").unwrap();
    assert_eq!(notify.call(&mut store, ()).unwrap(), 0);
}

#[test]
fn a_wait_and_a_loop_are_interrupted_from_another_thread() {
    let engine = Engine::new(Config::new().wasm_threads(true).interruptible(true)).unwrap();
    let module = module(&engine, WAITS);
    let memory = shared(&engine, 1, 4);
    let (mut store, instance) = store_with(&module, &memory);
    let handle = store.interrupt_handle();
    let (told, tell) = channel();
    let waiter = thread::spawn(move || {
        let wait = instance.get_typed_func::<(i32, i32, i64), i32>(&mut store, "wait32").unwrap();
        let spin = instance.get_typed_func::<(), ()>(&mut store, "spin").unwrap();
        told.send(()).unwrap();
        let waited = trap_of(&wait.call(&mut store, (0, 0, -1)).unwrap_err());
        told.send(()).unwrap();
        let spun = trap_of(&spin.call(&mut store, ()).unwrap_err());
        // Obeyed: what comes next is not interrupted.
        (waited, spun, wait.call(&mut store, (0, 0, 0)).unwrap())
    });
    for _ in 0..2 {
        tell.recv().unwrap();
        thread::sleep(Duration::from_millis(5));
        handle.interrupt();
    }
    assert_eq!(waiter.join().unwrap(), (Trap::Interrupt, Trap::Interrupt, 2));
    assert!(!handle.cancel());
    // Nobody is left in the list of those who wait.
    assert_eq!(memory.atomic_notify(0, 1), Ok(0));
    // A request that comes early is not lost.
    let (mut store, instance) = store_with(&module, &memory);
    store.interrupt_handle().interrupt();
    let wait = instance.get_typed_func::<(i32, i32, i64), i32>(&mut store, "wait32").unwrap();
    let error = wait.call(&mut store, (0, 0, -1)).unwrap_err();
    assert_eq!(trap_of(&error), Trap::Interrupt);
}

#[test]
fn growth_is_seen_by_all_threads_and_moves_nothing() {
    let text = r#"(module (import "" "memory" (memory 1 64 shared))
        (func (export "grow") (result i32) (memory.grow (i32.const 1)))
        (func (export "size") (result i32) (memory.size))
        (func (export "touch") (param $page i32)
            (i32.store (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1))
            (memory.fill (i32.mul (local.get $page) (i32.const 65536)) (i32.const 2) (i32.const 99))))"#;
    for engine in engines() {
        let module = module(&engine, text);
        let memory = shared(&engine, 1, 64);
        let before = memory.data().as_ptr();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (mut store, instance) = store_with(&module, &memory);
                thread::spawn(move || {
                    let grow = instance.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
                    let size = instance.get_typed_func::<(), i32>(&mut store, "size").unwrap();
                    let touch = instance.get_typed_func::<i32, ()>(&mut store, "touch").unwrap();
                    let mut got = 0;
                    loop {
                        let old = grow.call(&mut store, ()).unwrap();
                        // Whatever page exists for one thread exists for all.
                        let pages = size.call(&mut store, ()).unwrap();
                        touch.call(&mut store, pages - 1).unwrap();
                        if old < 0 {
                            return got;
                        }
                        assert!(pages > old);
                        got += 1;
                    }
                })
            })
            .collect();
        let grown: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!((grown, memory.size()), (63, 64));
        assert_eq!(memory.data().as_ptr(), before);
        assert_eq!(memory.data().len(), 64 << 16);
        assert!(memory.grow(1).is_err());
        let (mut store, instance) = store_with(&module, &memory);
        let touch = instance.get_typed_func::<i32, ()>(&mut store, "touch").unwrap();
        let error = touch.call(&mut store, 64).unwrap_err();
        assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
    }
}

#[test]
fn shared_memories_are_exported_linked_and_never_lent_as_slices() {
    let engine = Engine::new(Config::new().wasm_threads(true)).unwrap();
    let text = r#"(module
        (memory (export "memory") 1 2 shared)
        (data (i32.const 4) "shared")
        (data $more "bulk")
        (func (export "copy")
            (memory.init $more (i32.const 100) (i32.const 0) (i32.const 4))
            (memory.copy (i32.const 102) (i32.const 100) (i32.const 4))))"#;
    let exporting = module(&engine, text);
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &exporting, &[]).unwrap();
    assert!(instance.get_memory(&mut store, "memory").is_none());
    let memory = instance.get_shared_memory(&mut store, "memory").unwrap();
    assert!(memory.ty().is_shared());
    let mut bytes = [0; 6];
    memory.read(4, &mut bytes).unwrap();
    assert_eq!(&bytes, b"shared");
    instance.get_typed_func::<(), ()>(&mut store, "copy").unwrap().call(&mut store, ()).unwrap();
    memory.read(100, &mut bytes).unwrap();
    assert_eq!(&bytes, b"bubulk");
    assert!(memory.read(131_070, &mut bytes).is_err());
    assert!(memory.write(usize::MAX, &bytes).is_err());

    // The same memory reaches another store through a linker, and comes back the same.
    let text =
        r#"(module (import "env" "memory" (memory 1 2 shared)) (export "again" (memory 0)))"#;
    let importing = module(&engine, text);
    let mut other = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.define(&other, "env", "memory", memory.clone()).unwrap();
    let instance = linker.instantiate(&mut other, &importing).unwrap();
    let again = instance.get_shared_memory(&mut other, "again").unwrap();
    assert!(SharedMemory::same(&memory, &again));
    // An import that is not shared does not take it, and the other way round.
    let plain = module(&engine, r#"(module (import "env" "memory" (memory 1 2)))"#);
    let error = linker.instantiate(&mut other, &plain).unwrap_err();
    assert!(format!("{error:#}").contains("shared"), "{error:#}");
    let own = Memory::new(&mut other, MemoryType::new(1, Some(2))).unwrap();
    assert!(Instance::new(&mut other, &importing, &[own.into()]).is_err());
    assert!(Memory::new(&mut other, MemoryType::shared(1, 2)).is_err());
    assert!(SharedMemory::new(&engine, MemoryType::new(1, Some(2))).is_err());
    assert!(SharedMemory::new(&Engine::default(), MemoryType::shared(1, 2)).is_err());
}

#[test]
fn a_shared_memory_stays_within_its_engine() {
    let [a, b] = [true, false]
        .map(|guard| Engine::new(Config::new().wasm_threads(true).signals_based_traps(guard)));
    let memory = shared(&a.unwrap(), 1, 2);
    let engine = b.unwrap();
    let module = module(&engine, r#"(module (import "" "m" (memory 1 2 shared)))"#);
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &module, &[memory.into()]).unwrap_err();
    assert!(error.to_string().contains("cross-`Engine`"), "{error}");
}

#[test]
fn atomics_work_on_any_memory_and_check_alignment_before_bounds() {
    for engine in engines() {
        for (memory, index, zero) in [
            ("", "i32", ""),
            ("(memory i64 1)", "i64", "(memory 0)"),
            ("(memory i64 1 3 shared)", "i64", ""),
        ] {
            // The memory under test is 0, or 1 behind a plain one.
            let (memories, which) = match (memory, zero) {
                ("", _) => ("(memory 1)".to_string(), 0),
                (memory, "") => (memory.to_string(), 0),
                (memory, zero) => (format!("{zero} {memory}"), 1),
            };
            let text = format!(
                r#"(module {memories}
                (func (export "add") (param {index} i32) (result i32)
                    (i32.atomic.rmw.add {which} offset=4 (local.get 0) (local.get 1)))
                (func (export "swap") (param {index} i64 i64) (result i64)
                    (i64.atomic.rmw32.cmpxchg_u {which} (local.get 0) (local.get 1) (local.get 2)))
                (func (export "far") (param {index}) (result i32)
                    (i32.atomic.load8_u {which} offset=0xffffffff (local.get 0))))"#
            );
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module(&engine, &text), &[]).unwrap();
            let mut call = |name: &str, at: i64, rest: &[Val]| {
                let at = if index == "i32" { Val::I32(at as i32) } else { Val::I64(at) };
                let args: Vec<Val> = std::iter::once(at).chain(rest.iter().cloned()).collect();
                let mut result = [Val::I32(0)];
                let func = instance.get_func(&mut store, name).unwrap();
                func.call(&mut store, &args, &mut result).map(|()| match result[0] {
                    Val::I32(v) => i64::from(v),
                    Val::I64(v) => v,
                    ref other => panic!("{other:?}"),
                })
            };
            assert_eq!(call("add", 4, &[Val::I32(-1)]).unwrap(), 0);
            assert_eq!(call("add", 4, &[Val::I32(3)]).unwrap(), -1);
            assert_eq!(call("swap", 8, &[Val::I64(2), Val::I64(-1)]).unwrap(), 2);
            assert_eq!(call("swap", 8, &[Val::I64(0), Val::I64(7)]).unwrap(), 0xffff_ffff);
            assert_eq!(call("add", 4, &[Val::I32(0)]).unwrap(), -1);
            for (at, expected) in [
                (5, Trap::HeapMisaligned),
                (65533, Trap::HeapMisaligned),
                (65532, Trap::MemoryOutOfBounds),
                (-4, Trap::MemoryOutOfBounds),
            ] {
                let error = call("add", at, &[Val::I32(1)]).unwrap_err();
                assert_eq!(trap_of(&error), expected, "{text} at {at}");
            }
            let error = call("far", 1, &[]).unwrap_err();
            assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
        }
    }
}

#[test]
fn threads_that_call_functions_first_translate_each_for_all() {
    const FUNCS: u64 = 60;
    const THREADS: u64 = 4;
    let mut text = String::from("(module");
    for i in 0..FUNCS {
        let body = format!("(i64.add (i64.mul (local.get 0) (i64.const {i})) (i64.const 7))");
        text += &format!("(func (export \"f{i}\") (param i64) (result i64) {body})");
    }
    text += ")";
    let module = module(&Engine::default(), &text);
    thread::scope(|scope| {
        for id in 0..THREADS {
            let module = &module;
            scope.spawn(move || {
                let mut store = Store::new(module.engine(), ());
                let instance = Instance::new(&mut store, module, &[]).unwrap();
                for i in 0..FUNCS {
                    // Half of the threads meet those that come the other way.
                    let i = if id % 2 == 0 { i } else { FUNCS - 1 - i };
                    let name = format!("f{i}");
                    let f = instance.get_typed_func::<i64, i64>(&mut store, &name).unwrap();
                    let x = id as i64;
                    assert_eq!(f.call(&mut store, x).unwrap(), x * i as i64 + 7);
                }
            });
        }
    });
}

#[test]
fn an_engine_is_made_while_code_runs_in_another_thread() {
    // What the first engine of a process prepares for all is there before any code runs, and is not
    // written again: the code reads it all the time.
    let engine = Engine::default();
    let module = module(&engine, r#"(module (func (export "f") (result i32) (i32.const 7)))"#);
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| (0..10).for_each(|_| drop(Engine::default())));
        for _ in 0..10 {
            assert_eq!(f.call(&mut store, ()).unwrap(), 7);
        }
    });
}
