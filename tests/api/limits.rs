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
    let add = "(local.set 0 (i32.add (local.get 0) (i32.load (i32.const 0))))".repeat(100_000);
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
    new(10 << 20, 50).unwrap();
}
