//! The embedder's limits.

use crate::*;

const GROWER: &str = r#"(module
    (memory (export "memory") 1)
    (table (export "table") 1 funcref)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow_table") (param i32) (result i32)
        (table.grow (ref.null func) (local.get 0))))"#;

#[test]
fn a_limit_on_sizes_fails_growth_without_ending_the_program() {
    let engine = Engine::default();
    let limits = StoreLimitsBuilder::new().memory_size(5 * 65536).table_elements(100).build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    let instance = Instance::new(&mut store, &module(&engine, GROWER), &[]).unwrap();
    let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, 5).unwrap(), -1);
    assert_eq!(grow.call(&mut store, 4).unwrap(), 1);
    assert_eq!(grow.call(&mut store, 1).unwrap(), -1);
    assert_eq!(grow.call(&mut store, 0).unwrap(), 5);
    let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow_table").unwrap();
    assert_eq!(grow.call(&mut store, 100).unwrap(), -1);
    assert_eq!(grow.call(&mut store, 99).unwrap(), 1);
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    assert!(memory.grow(&mut store, 1).is_err());
    assert!(Memory::new(&mut store, MemoryType::new(6, None)).is_err());
    let ty = TableType::new(RefType::FUNCREF, 101, None);
    assert!(Table::new(&mut store, ty, Ref::Func(None)).is_err());
    let error =
        Instance::new(&mut store, &module(&engine, "(module (memory 6))"), &[]).unwrap_err();
    assert!(error.to_string().contains("exceeds memory limits"), "{error}");
}

#[test]
fn a_limit_can_end_the_program_instead() {
    let engine = Engine::default();
    let limits = StoreLimitsBuilder::new().memory_size(65536).trap_on_grow_failure(true).build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    let instance = Instance::new(&mut store, &module(&engine, GROWER), &[]).unwrap();
    let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
    let error = grow.call(&mut store, 1).unwrap_err();
    assert!(format!("{error:#}").contains("forcing trap when growing memory"), "{error:#}");
    assert!(error.downcast_ref::<WasmBacktrace>().is_some());
    assert_eq!(grow.call(&mut store, 0).unwrap(), 1);
}

#[derive(Default)]
struct Recorder {
    asked: Vec<(usize, usize, Option<usize>)>,
    panic: bool,
    error: bool,
}

impl ResourceLimiter for Recorder {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        assert!(!self.panic, "limiter");
        if self.error {
            return Err(Error::msg("no more"));
        }
        self.asked.push((current, desired, maximum));
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}

#[test]
fn a_limiter_hears_of_every_growth_that_the_type_allows() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, Recorder::default());
    store.limiter(|recorder| recorder);
    let text = r#"(module (memory 1 4)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, 2).unwrap(), 1);
    assert_eq!(grow.call(&mut store, 2).unwrap(), -1);
    let page = 65536;
    let max = Some(4 * page);
    assert_eq!(store.data().asked, [(0, page, max), (page, 3 * page, max)]);
    // A limiter that panics: the panic goes on at the caller.
    store.data_mut().panic = true;
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| grow.call(&mut store, 1)));
    assert!(panic.is_err());
    store.data_mut().panic = false;
    // One that fails: its error ends the call, whose function is in the backtrace, once.
    store.data_mut().error = true;
    let error = grow.call(&mut store, 1).unwrap_err();
    assert!(format!("{error:#}").contains("no more"), "{error:#}");
    assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
    // Growing by nothing asks nobody.
    assert_eq!(grow.call(&mut store, 0).unwrap(), 3);
    store.data_mut().error = false;
    assert_eq!(grow.call(&mut store, 1).unwrap(), 3);
}

#[test]
fn numbers_of_objects_are_limited() {
    let engine = Engine::default();
    let limits = StoreLimitsBuilder::new().instances(2).memories(1).tables(1).build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    Instance::new(&mut store, &module(&engine, GROWER), &[]).unwrap();
    let error = Instance::new(&mut store, &module(&engine, GROWER), &[]).unwrap_err();
    assert!(error.to_string().contains("count too high"), "{error}");
    let empty = module(&engine, "(module)");
    Instance::new(&mut store, &empty, &[]).unwrap();
    let error = Instance::new(&mut store, &empty, &[]).unwrap_err();
    assert_eq!(error.to_string(), "resource limit exceeded: instance count too high at 3");
}

#[test]
fn a_limit_on_the_store_holds_for_memories_tables_and_objects_together() {
    const PAGE: usize = 65536;
    let text = r#"(module
        (type $bytes (array (mut i8)))
        (memory $a 1) (memory $b i64 1) (table $t 8192 funcref)
        (func (export "a") (param i32) (result i32) (memory.grow $a (local.get 0)))
        (func (export "b") (param i32) (result i32)
            (i32.wrap_i64 (memory.grow $b (i64.extend_i32_u (local.get 0)))))
        (func (export "t") (param i32) (result i32)
            (table.grow $t (ref.null func) (i32.mul (local.get 0) (i32.const 8192))))
        (func (export "objects") (param i32) (result i32)
            (array.len (array.new_default $bytes (i32.mul (local.get 0) (i32.const 65536))))))"#;
    let engine = Engine::default();
    let limits = StoreLimitsBuilder::new().total_size(10 * PAGE).build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let mut call = |name: &str, pages: i32| {
        let f = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
        f.call(&mut store, pages)
    };
    // Three pages are taken.
    assert_eq!(call("a", 8).unwrap(), -1);
    assert_eq!(call("a", 2).unwrap(), 1);
    assert_eq!(call("b", 6).unwrap(), -1);
    assert_eq!(call("t", 6).unwrap(), -1);
    assert_eq!(call("b", 2).unwrap(), 1);
    assert_eq!(call("t", 2).unwrap(), 8192);
    // One page is left: not enough for an array of one page, with its head.
    assert_eq!(trap_of(&call("objects", 1).unwrap_err()), Trap::OutOfHeap);
    assert_eq!(call("a", 1).unwrap(), 3);
    for name in ["a", "b", "t"] {
        assert_eq!(call(name, 1).unwrap(), -1);
    }
    // A new instance does not begin anew.
    let error = Instance::new(&mut store, &module(&engine, text), &[]).unwrap_err();
    assert!(error.to_string().contains("limit"), "{error}");
}

#[test]
fn a_growth_that_the_system_refuses_does_not_count() {
    let engine = Engine::default();
    let limits = StoreLimitsBuilder::new().total_size(isize::MAX as usize).build();
    let mut store = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    let text = r#"(module (memory i64 1)
        (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0))))"#;
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    let grow = instance.get_typed_func::<i64, i64>(&mut store, "grow").unwrap();
    // Within the limit, and more than there is: each time.
    for _ in 0..4 {
        assert_eq!(grow.call(&mut store, 1 << 46).unwrap(), -1);
    }
    assert_eq!(grow.call(&mut store, 1).unwrap(), 1);
}

/// A function of several megabytes of code that returns its argument, and a small one.
fn large_code() -> String {
    let add = "(local.set 0 (i32.add (local.get 0) (i32.load (i32.const 0))))".repeat(300_000);
    format!(
        r#"(module (memory 1)
            (func (export "large") (param i32) (result i32) {add} (local.get 0))
            (func (export "small") (param i32) (result i32) (local.get 0)))"#
    )
}

/// Translated code was not limited by anything.
#[test]
fn translated_code_counts_for_the_limit_of_the_store_whose_call_needs_it() {
    let engine = Engine::default();
    let module = module(&engine, &large_code());
    for (bytes, fits) in [(1 << 20, false), (64 << 20, true)] {
        let limits = StoreLimitsBuilder::new().total_size(bytes).build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let mut call = |name: &str| {
            let f = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
            f.call(&mut store, 5)
        };
        for _ in 0..2 {
            match call("large") {
                Ok(result) => assert!(fits && result == 5),
                Err(error) => {
                    let text = format!("{error:#}");
                    assert!(!fits && text.contains("translated code of"), "{text}");
                }
            }
            assert_eq!(call("small").unwrap(), 5);
        }
    }
}

#[test]
fn code_that_was_translated_ahead_counts_once_where_it_is_instantiated() {
    let engine =
        Engine::new(Config::new().compilation_mode(CompilationMode::Eager)).expect("an engine");
    let module = module(&engine, &large_code());
    let new = |bytes: usize, instances: usize| -> Result<()> {
        let limits = StoreLimitsBuilder::new().total_size(bytes).build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        for _ in 0..instances {
            Instance::new(&mut store, &module, &[])?;
        }
        Ok(())
    };
    let error = new(1 << 20, 1).unwrap_err();
    assert!(error.to_string().contains("translated code of"), "{error}");
    // Each instance has a memory of a page, and all have the code in common.
    new(32 << 20, 50).unwrap();
}

/// An engine with a pool of limits.
fn pooled(limits: &PoolingAllocationConfig) -> Engine {
    Engine::new(Config::new().allocation_strategy(limits.clone())).unwrap()
}

#[test]
fn a_pool_limits_what_a_module_may_define() {
    let mut limits = PoolingAllocationConfig::new();
    limits.max_memory_size(3 << 16).table_elements(10).max_tables_per_module(2);
    let engine = pooled(&limits);
    let refused = |text: &str, why: &str| {
        let error = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{error:#}");
    };
    refused("(module (memory 1) (memory 1))", "memories count of 2 exceeds");
    refused("(module (memory 4))", "minimum byte size of 262144");
    let three = "(module (table 1 funcref) (table 1 funcref) (table 1 funcref))";
    refused(three, "tables count of 3 exceeds");
    refused("(module (table 11 funcref))", "element size of 11");
    // What is imported is somebody else's.
    module(&engine, r#"(module (import "" "" (memory 9)) (import "" "" (memory 9)) (memory 3))"#);
}

#[test]
fn a_pool_for_which_there_is_no_address_space_is_an_error() {
    let pool = |memories, max_memory_size| {
        let mut limits = PoolingAllocationConfig::new();
        limits.total_memories(memories).max_memory_size(max_memory_size);
        Engine::new(Config::new().allocation_strategy(limits))
    };
    // Elsewhere memories take no more of it than they need.
    if cfg!(not(all(unix, target_pointer_width = "64"))) {
        return;
    }
    let error = pool(u32::MAX, 1 << 16).unwrap_err();
    assert!(error.to_string().contains("no address space for 4294967295 memories"), "{error}");
    let error = pool(2, usize::MAX).unwrap_err();
    assert!(error.to_string().contains("no address space for 2 memories"), "{error}");
    pool(10, 1 << 16).unwrap();
}

#[test]
fn memories_and_tables_of_a_pool_grow_up_to_its_limits() {
    /// Remembers why growing failed.
    #[derive(Default)]
    struct Failures(Vec<String>);
    impl ResourceLimiter for Failures {
        fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
            Ok(true)
        }
        fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
            self.0.push(error.to_string());
            Ok(())
        }
        fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
            Ok(true)
        }
        fn table_grow_failed(&mut self, error: Error) -> Result<()> {
            self.0.push(error.to_string());
            Ok(())
        }
    }
    let mut limits = PoolingAllocationConfig::new();
    limits.max_memory_size(3 << 16).table_elements(10);
    let engine = pooled(&limits);
    let mut store = Store::new(&engine, Failures::default());
    store.limiter(|failures| failures);
    let text = r#"(module (memory (export "m") 1) (table (export "t") 1 funcref)
        (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "table") (param i32) (result i32)
            (table.grow (ref.null func) (local.get 0))))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    for (name, by, size) in [("memory", 2, 3), ("table", 9, 10)] {
        let grow = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
        assert_eq!(grow.call(&mut store, by).unwrap(), 1);
        assert_eq!(grow.call(&mut store, 1).unwrap(), -1);
        assert_eq!(grow.call(&mut store, 0).unwrap(), size);
    }
    assert!(instance.get_memory(&mut store, "m").unwrap().grow(&mut store, 1).is_err());
    let table = instance.get_table(&mut store, "t").unwrap();
    assert!(table.grow(&mut store, 1, Ref::Func(None)).is_err());
    let (memory, table) = ("Memory maximum size exceeded", "Table maximum size exceeded");
    assert_eq!(store.data().0, [memory, table, memory, table]);
    assert!(Memory::new(&mut store, MemoryType::new(4, None)).is_err());
}

#[test]
fn a_pool_is_shared_by_all_stores_and_gets_back_what_a_store_had() {
    for (text, limit) in [
        ("(module)", "instances"),
        ("(module (memory 1))", "memories"),
        ("(module (table 1 funcref))", "tables"),
    ] {
        let mut limits = PoolingAllocationConfig::new();
        match limit {
            "instances" => limits.total_core_instances(4),
            "memories" => limits.total_memories(4),
            _ => limits.total_tables(4),
        };
        let engine = pooled(&limits);
        let module = module(&engine, text);
        let mut kept = Store::new(&engine, ());
        Instance::new(&mut kept, &module, &[]).unwrap();
        for _ in 0..3 {
            let mut store = Store::new(&engine, ());
            for _ in 0..3 {
                Instance::new(&mut store, &module, &[]).unwrap();
            }
            let error = Instance::new(&mut kept, &module, &[]).unwrap_err();
            let error = error.downcast_ref::<PoolConcurrencyLimitError>().unwrap().to_string();
            assert!(error.contains("limit of 4") && error.contains(limit), "{error}");
        }
    }
    // An instance that was not made takes nothing, one whose start function fails stays.
    let mut limits = PoolingAllocationConfig::new();
    limits.total_core_instances(1);
    let engine = pooled(&limits);
    let mut store = Store::new(&engine, ());
    let lacking = module(&engine, r#"(module (import "" "" (func)))"#);
    let failing = module(&engine, "(module (func $f unreachable) (start $f))");
    for _ in 0..3 {
        assert!(
            !Instance::new(&mut store, &lacking, &[])
                .unwrap_err()
                .is::<PoolConcurrencyLimitError>()
        );
    }
    assert!(Instance::new(&mut store, &failing, &[]).unwrap_err().is::<Trap>());
    assert!(
        Instance::new(&mut store, &failing, &[]).unwrap_err().is::<PoolConcurrencyLimitError>()
    );
}

#[test]
fn the_heap_ends_at_its_reservation_if_it_may_not_move() {
    let mut config = Config::new();
    config.gc_heap_reservation(64 << 10).gc_heap_may_move(false);
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let text = r#"(module (type $a (array (mut i64)))
        (func (export "f") (param i32) (drop (array.new_default $a (local.get 0)))))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let f = instance.get_typed_func::<i32, ()>(&mut store, "f").unwrap();
    for _ in 0..100 {
        f.call(&mut store, 1000).unwrap();
    }
    let error = f.call(&mut store, 10_000).unwrap_err();
    assert!(error.is::<Trap>() && error.is::<GcHeapOutOfMemory<()>>(), "{error:?}");
    assert!(store.gc_heap_capacity() <= 64 << 10);
    // The other way round the reservation is no limit.
    let mut store = Store::new(&Engine::new(config.gc_heap_may_move(true)).unwrap(), ());
    let instance = instantiate_with(&mut store, text, &[]);
    let f = instance.get_typed_func::<i32, ()>(&mut store, "f").unwrap();
    f.call(&mut store, 10_000).unwrap();
}
