//! Memories from the host's side, and both ways of bounds checking.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::*;

#[test]
fn bytes_are_read_and_written_within_bounds_only() {
    let mut store = Store::new(&Engine::default(), 3_u8);
    let memory = Memory::new(&mut store, MemoryType::new(1, Some(2))).unwrap();
    assert_eq!((memory.size(&store), memory.data_size(&store)), (1, 65536));
    memory.write(&mut store, 65534, &[1, 2]).unwrap();
    let mut bytes = [0; 2];
    memory.read(&store, 65534, &mut bytes).unwrap();
    assert_eq!(bytes, [1, 2]);
    assert!(memory.read(&store, 65535, &mut bytes).is_err());
    assert!(memory.write(&mut store, usize::MAX, &[0, 0]).is_err());
    assert_eq!(memory.data(&store)[65535], 2);
    memory.data_mut(&mut store)[0] = 9;
    let (bytes, data) = memory.data_and_store_mut(&mut store);
    bytes[1] = *data;
    *data += 1;
    assert_eq!((&memory.data(&store)[..2], *store.data()), (&[9, 3][..], 4));
}

#[test]
fn growth_is_bounded_by_the_type() {
    let mut store = Store::new(&Engine::default(), ());
    let memory = Memory::new(&mut store, MemoryType::new(1, Some(3))).unwrap();
    assert_eq!(memory.grow(&mut store, 0).unwrap(), 1);
    assert_eq!(memory.grow(&mut store, 2).unwrap(), 1);
    let error = memory.grow(&mut store, 1).unwrap_err();
    assert_eq!(error.to_string(), "failed to grow memory by `1`");
    assert!(memory.grow(&mut store, u64::MAX).is_err());
    assert_eq!(memory.ty(&store).minimum(), 3);
    assert!(Memory::new(&mut store, MemoryType::new(2, Some(1))).is_err());
    assert!(Memory::new(&mut store, MemoryType::new(65537, None)).is_err());
}

const ACCESSES: &str = r#"(module
    (memory (export "memory") 1 5)
    (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "load64") (param i32) (result i64) (i64.load (local.get 0)))
    (func (export "load_far") (param i32) (result i32)
        (i32.load offset=0xfffffff0 (local.get 0)))
    (func (export "store64") (param i32 i64) (i64.store offset=8 (local.get 0) (local.get 1)))
    (func (export "storef") (param i32 f64) (f64.store (local.get 0) (local.get 1)))
    (func (export "sum") (param $p i32) (result i32) (local $sum i32)
        (loop $l
            (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p))))
            (local.set $p (i32.add (local.get $p) (i32.const 4)))
            (br $l))
        (unreachable)))"#;

#[test]
fn accesses_at_the_edge_are_exact_with_guard_pages_and_with_checks() {
    for engine in [Engine::default(), checking_engine()] {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module(&engine, ACCESSES), &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let load8 = instance.get_typed_func::<u32, i32>(&mut store, "load8").unwrap();
        let load64 = instance.get_typed_func::<u32, i64>(&mut store, "load64").unwrap();
        let far = instance.get_typed_func::<u32, i32>(&mut store, "load_far").unwrap();
        let store64 = instance.get_typed_func::<(u32, i64), ()>(&mut store, "store64").unwrap();
        let storef = instance.get_typed_func::<(u32, f64), ()>(&mut store, "storef").unwrap();
        let sum = instance.get_typed_func::<u32, i32>(&mut store, "sum").unwrap();
        for _ in 0..3 {
            let size = memory.data_size(&store) as u32;
            assert_eq!(load8.call(&mut store, size - 1).unwrap(), 0);
            assert_eq!(load64.call(&mut store, size - 8).unwrap(), 0);
            store64.call(&mut store, (size - 16, -1)).unwrap();
            assert_eq!(load64.call(&mut store, size - 8).unwrap(), -1);
            storef.call(&mut store, (size - 8, 0.0)).unwrap();
            for error in [
                load8.call(&mut store, size).unwrap_err(),
                load8.call(&mut store, u32::MAX).unwrap_err(),
                load64.call(&mut store, size - 7).unwrap_err(),
                far.call(&mut store, 0).unwrap_err(),
                far.call(&mut store, u32::MAX).unwrap_err(),
                store64.call(&mut store, (size - 15, -1)).unwrap_err(),
                store64.call(&mut store, (u32::MAX, -1)).unwrap_err(),
                storef.call(&mut store, (size - 7, 1.0)).unwrap_err(),
                sum.call(&mut store, 2).unwrap_err(),
            ] {
                assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
                let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
                assert_eq!(backtrace.frames().len(), 1);
            }
            // A store that traps has written nothing.
            assert!(memory.data(&store)[size as usize - 8..].iter().all(|&b| b == 0));
            memory.grow(&mut store, 1).unwrap();
        }
    }
}

#[test]
fn the_offset_of_a_faulting_access_is_in_the_backtrace() {
    let bytes = wat::parse_str(ACCESSES).unwrap();
    for engine in [Engine::default(), checking_engine()] {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module(&engine, ACCESSES), &[]).unwrap();
        let load8 = instance.get_typed_func::<u32, i32>(&mut store, "load8").unwrap();
        let error = load8.call(&mut store, 1 << 30).unwrap_err();
        let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
        let offset = backtrace.frames()[0].module_offset().unwrap();
        assert_eq!(bytes[offset], 0x2d, "i32.load8_u");
    }
}

#[test]
fn many_threads_fault_at_once() {
    let engine = Engine::default();
    let shared = module(&engine, ACCESSES);
    let faults = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (engine, shared, faults) = (&engine, &shared, &faults);
            scope.spawn(move || {
                for i in 0..50 {
                    let mut store = Store::new(engine, ());
                    let instance = Instance::new(&mut store, shared, &[]).unwrap();
                    let load = instance.get_typed_func::<u32, i64>(&mut store, "load64").unwrap();
                    assert_eq!(load.call(&mut store, 8).unwrap(), 0);
                    let error = load.call(&mut store, 65536 * (thread + i + 1)).unwrap_err();
                    assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
                    faults.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(faults.load(Ordering::Relaxed), 400);
}

#[test]
fn guard_pages_follow_the_configuration() {
    let uses = |config: &Config| Engine::new(config).unwrap().uses_guard_pages();
    let by_default = uses(&Config::new());
    assert_eq!(
        by_default,
        cfg!(all(
            any(target_os = "linux", target_vendor = "apple", windows),
            any(target_arch = "x86_64", target_arch = "aarch64")
        )) && Engine::dispatch_backend() != "loop"
    );
    assert!(!uses(Config::new().signals_based_traps(false)));
    assert!(!uses(Config::new().memory_reservation(1 << 20)));
    assert!(!uses(Config::new().memory_guard_size(0)));
}

/// A bug of other engines: a stale base address after the memory moved.
#[test]
fn a_memory_that_moves_keeps_its_contents() {
    let config = Config::new()
        .signals_based_traps(false)
        .memory_reservation(0)
        .memory_reservation_for_growth(0)
        .clone();
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let text = r#"(module
        (memory (export "memory") 1)
        (func (export "grow_and_read") (param i32) (result i32)
            (i32.store (i32.const 4) (local.get 0))
            (drop (memory.grow (i32.const 37)))
            (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4))
                (i32.const 1))
            (i32.add (i32.load (i32.const 4))
                (i32.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4))))))"#;
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let f = instance.get_typed_func::<i32, i32>(&mut store, "grow_and_read").unwrap();
    for i in 0..20 {
        assert_eq!(f.call(&mut store, i).unwrap(), i + 1);
    }
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert_eq!(memory.size(&store), 1 + 20 * 37);
}

#[test]
fn several_memories_and_64_bit_ones_are_separate() {
    let (mut store, instance) = instantiate(
        r#"(module
            (memory $a 1) (memory $b i64 1) (memory $c 1)
            (func (export "go") (result i64)
                (i32.store $a (i32.const 0) (i32.const 1))
                (i32.store $b (i64.const 0) (i32.const 10))
                (i32.store $c (i32.const 0) (i32.const 100))
                (drop (memory.grow $b (i64.const 2)))
                (i64.add (i64.extend_i32_u (i32.add (i32.load $a (i32.const 0))
                        (i32.add (i32.load $b (i64.const 0)) (i32.load $c (i32.const 0)))))
                    (memory.size $b)))
            (func (export "over") (param i64) (result i32) (i32.load $b (local.get 0))))"#,
    );
    let go = instance.get_typed_func::<(), i64>(&mut store, "go").unwrap();
    assert_eq!(go.call(&mut store, ()).unwrap(), 114);
    let over = instance.get_typed_func::<u64, i32>(&mut store, "over").unwrap();
    assert_eq!(over.call(&mut store, 3 * 65536 - 4).unwrap(), 0);
    for address in [3 * 65536 - 3, 1 << 32, 1 << 63, u64::MAX] {
        let error = over.call(&mut store, address).unwrap_err();
        assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
    }
}

/// Runs of all kinds of lengths, which take different ways, at all kinds of distances.
#[test]
fn fill_and_copy_write_their_run_and_nothing_else() {
    let wat = r#"(module
        (memory (export "memory") 1)
        (func (export "fill") (param i32 i32 i32)
            (memory.fill (local.get 0) (local.get 1) (local.get 2)))
        (func (export "copy") (param i32 i32 i32)
            (memory.copy (local.get 0) (local.get 1) (local.get 2))))"#;
    let lengths = (0..=140).chain([191, 192, 193, 255, 256, 257, 300, 511, 1000, 1023, 1024, 1025]);
    let distances = [-3000, -1024, -200, -128, -65, -64, -63, -16, -5, -1, 0, 1, 3, 15, 16, 17, 63];
    let distances: Vec<i32> = distances.into_iter().flat_map(|d: i32| [d, -d]).collect();
    for guard in [true, false] {
        let mut config = Config::new();
        config.signals_based_traps(guard);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, wat).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let fill = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, "fill").unwrap();
        let copy = instance.get_typed_func::<(u32, u32, u32), ()>(&mut store, "copy").unwrap();
        let bytes: Vec<u8> = (0..16_384_u32).map(|i| (i * 7 + i / 256) as u8).collect();
        for len in lengths.clone() {
            memory.data_mut(&mut store)[..bytes.len()].copy_from_slice(&bytes);
            fill.call(&mut store, (5003, 0x1234_56a9, len)).unwrap();
            let mut expected = bytes.clone();
            expected[5003..][..len as usize].fill(0xa9);
            assert_eq!(memory.data(&store)[..bytes.len()], expected, "fill of {len}");

            for &distance in &distances {
                memory.data_mut(&mut store)[..bytes.len()].copy_from_slice(&bytes);
                let to = 5003_u32.wrapping_add_signed(distance);
                copy.call(&mut store, (to, 5003, len)).unwrap();
                let mut expected = bytes.clone();
                expected.copy_within(5003..5003 + len as usize, to as usize);
                let got = &memory.data(&store)[..bytes.len()];
                assert!(*got == expected, "copy of {len} bytes by {distance}");
            }
        }
        // The last byte is inside, the one behind it is not, and nothing is written then.
        for len in [0, 1, 16, 100, 1000, 5000] {
            let last = 65_536 - len;
            fill.call(&mut store, (last, 1, len)).unwrap();
            copy.call(&mut store, (last, 0, len)).unwrap();
            copy.call(&mut store, (0, last, len)).unwrap();
            let before = memory.data(&store).to_vec();
            for (dst, src) in [(last + 1, 0), (0, last + 1), (u32::MAX, 0), (0, u32::MAX)] {
                let trap = copy.call(&mut store, (dst, src, len)).unwrap_err();
                assert_eq!(*trap.downcast_ref::<Trap>().unwrap(), Trap::MemoryOutOfBounds);
            }
            let trap = fill.call(&mut store, (last + 1, 2, len)).unwrap_err();
            assert_eq!(*trap.downcast_ref::<Trap>().unwrap(), Trap::MemoryOutOfBounds);
            assert_eq!(memory.data(&store), before);
        }
    }
}

/// A memory creator that counts, and its memories, which are plain vectors.
#[derive(Default)]
struct Counting {
    made: std::sync::atomic::AtomicUsize,
    bytes: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

struct InVector {
    bytes: Vec<u8>,
    capacity: usize,
    counter: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Drop for InVector {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.bytes.len(), std::sync::atomic::Ordering::Relaxed);
    }
}

// SAFETY: a vector's elements are its own, and move in `grow_to` only.
unsafe impl LinearMemory for InVector {
    fn byte_size(&self) -> usize {
        self.bytes.len()
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> Result<()> {
        ensure!(new_size <= self.capacity, "full");
        let more = new_size - self.bytes.len();
        self.counter.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
        // Always in another place, as a test of who looks at the old one.
        let mut moved = vec![0; new_size];
        moved[..self.bytes.len()].copy_from_slice(&self.bytes);
        self.bytes = moved;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.bytes.as_ptr().cast_mut()
    }
}

// SAFETY: as large as it was asked for.
unsafe impl MemoryCreator for Counting {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        assert_eq!((reserved, guard), (Some(0), 0));
        if maximum == Some(7 << 16) {
            return Err("seven is too much".into());
        }
        self.made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.bytes.fetch_add(minimum, std::sync::atomic::Ordering::Relaxed);
        let capacity = maximum.unwrap_or(8 << 16);
        Ok(Box::new(InVector { bytes: vec![0; minimum], capacity, counter: self.bytes.clone() }))
    }
}

#[test]
fn an_embedder_can_make_the_memories() {
    use std::sync::atomic::Ordering::Relaxed;
    let creator = std::sync::Arc::new(Counting::default());
    let engine = Engine::new(Config::new().with_host_memory(creator.clone())).unwrap();
    assert!(!engine.uses_guard_pages());
    let mut store = Store::new(&engine, ());
    let text = r#"(module (memory (export "m") 1)
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "grow") (param i32) (result i32)
          (local $old i32)
          (i32.store (i32.const 8) (i32.const 42))
          (local.set $old (memory.grow (local.get 0)))
          (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 7))
          (local.get $old)))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let memory = instance.get_memory(&mut store, "m").unwrap();
    let load = instance.get_typed_func::<u32, i32>(&mut store, "load").unwrap();
    let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, 2).unwrap(), 1);
    assert_eq!(load.call(&mut store, 8).unwrap(), 42);
    assert_eq!(load.call(&mut store, (3 << 16) - 4).unwrap(), 7);
    assert_eq!(
        trap_of(&load.call(&mut store, (3 << 16) - 3).unwrap_err()),
        Trap::MemoryOutOfBounds
    );
    assert_eq!(grow.call(&mut store, 100).unwrap(), -1);
    assert_eq!(memory.grow(&mut store, 5).unwrap(), 3);
    assert_eq!(memory.data(&store).len(), 8 << 16);
    Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    let error = Memory::new(&mut store, MemoryType::new(1, Some(7))).unwrap_err();
    assert!(format!("{error:#}").contains("seven is too much"), "{error:#}");
    assert_eq!((creator.made.load(Relaxed), creator.bytes.load(Relaxed)), (2, 9 << 16));
    drop(store);
    assert_eq!(creator.bytes.load(Relaxed), 0);

    // A memory that may not move stays within what was made.
    let mut fixed = Config::new();
    fixed.with_host_memory(creator).memory_may_move(false);
    let mut store = Store::new(&Engine::new(&fixed).unwrap(), ());
    let memory = Memory::new(&mut store, MemoryType::new(1, Some(2))).unwrap();
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
}
