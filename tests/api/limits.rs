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
