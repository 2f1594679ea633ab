//! Host functions that call WebAssembly again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::*;

/// Calls itself through the host `n` times; the host function is told which export to call.
const PING: &str = r#"(module $ping
    (import "" "" (func $host (param i32) (result i32)))
    (memory (export "memory") 1)
    (func $down (export "down") (param i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0))
            (then (i32.const 100))
            (else (i32.add (call $host (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))))
    (func (export "boom") (param i32) (result i32)
        (i32.load (i32.sub (i32.const -1) (local.get 0))))
    (func $wide (param i32 i32 i32 i32 i32 i32) (result i32)
        (call $host (local.get 0)))
    (func (export "tail") (param i32) (result i32)
        (return_call $wide (local.get 0) (i32.const -1) (i32.const -1) (i32.const -1)
            (i32.const -1) (i32.const -1))))"#;

/// A store whose host function calls the export named by the data with its argument.
fn ping(engine: &Engine) -> (Store<&'static str>, Instance) {
    let mut store = Store::new(engine, "down");
    let host =
        Func::wrap(&mut store, |mut caller: Caller<'_, &'static str>, x: i32| -> Result<i32> {
            let instance = caller.instance().unwrap();
            let name = *caller.data();
            instance.get_typed_func::<i32, i32>(&mut caller, name)?.call(&mut caller, x)
        });
    let instance = instantiate_with(&mut store, PING, &[host.into()]);
    (store, instance)
}

#[test]
fn nesting_works_to_the_limit_and_one_more_is_a_trap() {
    for limit in [1, 2, 50, 500] {
        let engine = Engine::new(Config::new().max_activations(limit)).unwrap();
        let (mut store, instance) = ping(&engine);
        let down = instance.get_typed_func::<i32, i32>(&mut store, "down").unwrap();
        let most = limit as i32 - 1;
        assert_eq!(down.call(&mut store, most).unwrap(), 100 + most);
        let error = down.call(&mut store, most + 1).unwrap_err();
        assert_eq!(trap_of(&error), Trap::TooManyActivations);
        let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames().len();
        assert_eq!(frames, limit as usize);
        assert_eq!(down.call(&mut store, most).unwrap(), 100 + most);
    }
}

/// Unless configured otherwise, also where native stack is scarce.
#[test]
fn a_thousand_calls_nest_on_a_mebibyte_of_native_stack() {
    let run = || {
        let (mut store, instance) = ping(&Engine::default());
        let down = instance.get_typed_func::<i32, i32>(&mut store, "down").unwrap();
        assert_eq!(down.call(&mut store, 1000).unwrap(), 1100);
        assert_eq!(
            trap_of(&down.call(&mut store, 1_000_000).unwrap_err()),
            Trap::TooManyActivations
        );
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn the_value_stack_is_shared_by_all_activations() {
    let config = Config::new().max_wasm_stack(4096).clone();
    let (mut store, instance) = ping(&Engine::new(&config).unwrap());
    let down = instance.get_typed_func::<i32, i32>(&mut store, "down").unwrap();
    let error = down.call(&mut store, 400).unwrap_err();
    assert_eq!(trap_of(&error), Trap::StackOverflow);
    assert_eq!(down.call(&mut store, 5).unwrap(), 105);
}

#[test]
fn a_trap_in_a_nested_activation_has_the_backtrace_of_all() {
    let (mut store, instance) = ping(&Engine::default());
    *store.data_mut() = "boom";
    let down = instance.get_typed_func::<i32, i32>(&mut store, "down").unwrap();
    let error = down.call(&mut store, 3).unwrap_err();
    assert_eq!(trap_of(&error), Trap::MemoryOutOfBounds);
    let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
    let functions: Vec<_> = backtrace.frames().iter().map(FrameInfo::func_index).collect();
    assert_eq!(functions, [2, 1]);
    *store.data_mut() = "down";
    assert_eq!(down.call(&mut store, 3).unwrap(), 103);
}

/// The header of an entry frame moves when its function tail-calls one with more parameters.
#[test]
fn an_activation_that_tail_called_before_it_failed_leaves_the_outer_one_intact() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, 0);
    let host = Func::wrap(&mut store, |mut caller: Caller<'_, i32>, x: i32| -> Result<i32> {
        *caller.data_mut() += 1;
        let instance = caller.instance().unwrap();
        match x {
            0 => Err(Trap::Interrupt.into()),
            1 => {
                let tail = instance.get_typed_func::<i32, i32>(&mut caller, "tail")?;
                let before = WasmBacktrace::capture(&caller).frames().len();
                assert!(tail.call(&mut caller, 0).is_err());
                assert_eq!(WasmBacktrace::capture(&caller).frames().len(), before);
                // Whatever is published now must be this call's frame again.
                instance.get_typed_func::<i32, i32>(&mut caller, "down")?.call(&mut caller, 0)
            }
            _ => Ok(x),
        }
    });
    let instance = instantiate_with(&mut store, PING, &[host.into()]);
    let down = instance.get_typed_func::<i32, i32>(&mut store, "down").unwrap();
    for _ in 0..3 {
        assert_eq!(down.call(&mut store, 2).unwrap(), 101);
    }
    assert_eq!(*store.data(), 6);
}

#[test]
fn panics_cross_all_activations_as_data_and_can_be_caught_on_the_way() {
    let mut store = Store::new(&Engine::default(), Vec::<String>::new());
    let host =
        Func::wrap(&mut store, |mut caller: Caller<'_, Vec<String>>, x: i32| -> Result<i32> {
            if x == 0 {
                panic!("innermost");
            }
            let instance = caller.instance().unwrap();
            let down = instance.get_typed_func::<i32, i32>(&mut caller, "down")?;
            let result = catch_unwind(AssertUnwindSafe(|| down.call(&mut caller, x)));
            match result {
                Ok(result) => result,
                Err(panic) if x == 3 => {
                    let message = panic.downcast_ref::<&str>().unwrap().to_string();
                    caller.data_mut().push(message);
                    Ok(1000)
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        });
    let instance = instantiate_with(&mut store, PING, &[host.into()]);
    let down = instance.get_typed_func::<i32, i32>(&mut store, "down").unwrap();
    // 5 -> host(4) -> 4 -> host(3): caught there, and 1000 comes back through two levels.
    assert_eq!(down.call(&mut store, 5).unwrap(), 1002);
    assert_eq!(store.data(), &["innermost"]);
    let panic = catch_unwind(AssertUnwindSafe(|| down.call(&mut store, 2))).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "innermost");
    assert_eq!(down.call(&mut store, 0).unwrap(), 100);
}

const GROWER: &str = r#"(module
    (import "" "" (func $host (param i32) (result i32)))
    (memory (export "memory") 1)
    (table (export "table") 1 funcref)
    (global (export "global") (mut i64) (i64.const 5))
    (func (export "load_after") (param i32) (result i32)
        (i32.store (i32.const 16) (i32.const 77))
        (drop (call $host (i32.const 1)))
        ;; This address only exists after the growth.
        (i32.store (local.get 0) (i32.const 33))
        (i32.add (i32.load (local.get 0)) (i32.load (i32.const 16))))
    (func (export "nested") (param i32) (result i32)
        (drop (call $host (i32.const 2)))
        (i32.load (local.get 0)))
    (func (export "size_after") (result i32)
        (drop (call $host (i32.const 3)))
        (table.size))
    (func (export "global_after") (result i64)
        (drop (call $host (i32.const 4)))
        (global.get 0)))"#;

#[test]
fn what_a_host_function_changes_is_seen_by_the_next_instruction() {
    for engine in [Engine::default(), checking_engine()] {
        let mut store = Store::new(&engine, ());
        let host = Func::wrap(&mut store, |mut caller: Caller<'_, ()>, what: i32| -> Result<i32> {
            let memory = caller.get_export("memory").and_then(Extern::into_memory).unwrap();
            match what {
                1 => {
                    memory.grow(&mut caller, 100)?;
                }
                2 => {
                    // The memory moves while a nested activation runs.
                    let f = caller.get_export("load_after").and_then(Extern::into_func).unwrap();
                    let address = memory.data_size(&caller) as i32 + 8;
                    f.typed::<i32, i32>(&caller)?.call(&mut caller, address)?;
                    memory.write(&mut caller, 40, &7_u32.to_le_bytes())?;
                }
                3 => {
                    let table = caller.get_export("table").and_then(Extern::into_table).unwrap();
                    table.grow(&mut caller, 11, Ref::Func(None))?;
                }
                _ => {
                    let global = caller.get_export("global").and_then(Extern::into_global).unwrap();
                    global.set(&mut caller, Val::I64(-9))?;
                }
            }
            Ok(0)
        });
        let instance = instantiate_with(&mut store, GROWER, &[host.into()]);
        let load = instance.get_typed_func::<i32, i32>(&mut store, "load_after").unwrap();
        assert_eq!(load.call(&mut store, 100 * 65536).unwrap(), 110);
        let nested = instance.get_typed_func::<i32, i32>(&mut store, "nested").unwrap();
        assert_eq!(nested.call(&mut store, 40).unwrap(), 7);
        let size = instance.get_typed_func::<(), i32>(&mut store, "size_after").unwrap();
        assert_eq!(size.call(&mut store, ()).unwrap(), 12);
        let global = instance.get_typed_func::<(), i64>(&mut store, "global_after").unwrap();
        assert_eq!(global.call(&mut store, ()).unwrap(), -9);
    }
}

#[test]
fn a_host_function_can_instantiate_and_call_modules_in_its_own_store() {
    let engine = Engine::default();
    let inner = module(
        &engine,
        r#"(module (memory 1) (func (export "f") (param i32) (result i32)
            (i32.store (i32.const 0) (local.get 0))
            (i32.mul (i32.load (i32.const 0)) (i32.const 3))))"#,
    );
    let mut store = Store::new(&engine, ());
    let host = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>, x: i32| -> Result<i32> {
        let instance = Instance::new(&mut caller, &inner, &[])?;
        instance.get_typed_func::<i32, i32>(&mut caller, "f")?.call(&mut caller, x)
    });
    let instance = instantiate_with(&mut store, PING, &[host.into()]);
    let down = instance.get_typed_func::<i32, i32>(&mut store, "down").unwrap();
    for x in 1..100 {
        assert_eq!(down.call(&mut store, x).unwrap(), 3 * (x - 1) + 1);
    }
}

#[test]
fn calls_between_instances_see_their_own_memories() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let source = |value: i32, other: &str| {
        format!(
            r#"(module
                (import "" "" (func $other {other}))
                (memory (export "memory") 1)
                (data (i32.const 0) "\{value:02x}")
                (func (export "own") (result i32) (i32.load8_u (i32.const 0)))
                (func (export "both") (result i32)
                    (local i32)
                    (local.set 0 (i32.load8_u (i32.const 0)))
                    (i32.add (i32.mul (call $other) (i32.const 100))
                        (i32.add (local.get 0) (i32.load8_u (i32.const 0)))))
                (func (export "tail") (result i32) (return_call $other)))"#
        )
    };
    let zero = Func::wrap(&mut store, || 0_i32);
    let a = instantiate_with(&mut store, &source(1, "(result i32)"), &[zero.into()]);
    let own = a.get_func(&mut store, "own").unwrap();
    let b = instantiate_with(&mut store, &source(2, "(result i32)"), &[own.into()]);
    let both = b.get_func(&mut store, "both").unwrap();
    let c = instantiate_with(&mut store, &source(3, "(result i32)"), &[both.into()]);
    let tail = b.get_typed_func::<(), i32>(&mut store, "tail").unwrap();
    assert_eq!(tail.call(&mut store, ()).unwrap(), 1);
    let both = c.get_typed_func::<(), i32>(&mut store, "both").unwrap();
    assert_eq!(both.call(&mut store, ()).unwrap(), 100 * (100 + 4) + 6);
}

/// A bug of other engines: time quadratic in the depth.
#[test]
fn a_backtrace_from_deep_nesting_takes_linear_time() {
    let run = |depth: u32| {
        let mut config = Config::new();
        config.max_activations(depth).wasm_backtrace_max_frames(std::num::NonZero::new(1 << 20));
        let (mut store, instance) = ping(&Engine::new(&config).unwrap());
        let down = instance.get_typed_func::<i32, i32>(&mut store, "down").unwrap();
        move || {
            let error = down.call(&mut store, depth as i32).unwrap_err();
            assert_eq!(trap_of(&error), Trap::TooManyActivations);
            let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames().len();
            assert_eq!(frames, depth as usize);
        }
    };
    let handle = std::thread::Builder::new().stack_size(256 << 20).spawn(move || {
        crate::growth::assert_linear_time("a backtrace", 8.0, run(250), run(2000));
    });
    handle.unwrap().join().unwrap();
}
