//! What belongs to one engine is never taken for the same number of another, and what has ended
//! stays ended.

use std::panic::{AssertUnwindSafe, catch_unwind};

use threadle::*;

use crate::module;

fn two_engines() -> (Engine, Engine) {
    (Engine::default(), Engine::default())
}

/// The message of the panic that `f` ends with.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("no panic") };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_string(),
    }
}

/// A linker of an engine with a host function that takes a reference to a function. Its type has a
/// number that is another type's in engines that saw other types first.
fn linker_with_funcref(engine: &Engine) -> Linker<()> {
    let mut linker = Linker::new(engine);
    linker
        .func_wrap("host", "f", |_: Caller<'_, ()>, f: Option<Func>| {
            assert!(f.is_none(), "called with {f:?}");
        })
        .unwrap();
    linker
}

const IMPORTS_I64: &str = r#"(module
    (import "host" "f" (func $f (param i64)))
    (func (export "run") (call $f (i64.const 0x414141414140))))"#;

#[test]
fn host_functions_of_a_linker_do_not_enter_a_store_of_another_engine() {
    let (a, b) = two_engines();
    let linker = linker_with_funcref(&a);
    let mut store = Store::new(&b, ());
    Func::wrap(&mut store, |_: i64| {});
    for message in [
        panic_of(|| linker.get(&mut store, "host", "f")),
        panic_of(|| linker.iter(&mut store).count()),
        panic_of(|| {
            let module = module(&a, r#"(module (import "host" "f" (func (param funcref))))"#);
            linker.instantiate(&mut store, &module)
        }),
    ] {
        assert!(message.contains("different engine"), "{message}");
    }
}

#[test]
fn a_linker_does_not_instantiate_modules_of_another_engine() {
    let (a, b) = two_engines();
    let linker = linker_with_funcref(&a);
    let module = module(&b, IMPORTS_I64);
    let mut store = Store::new(&b, ());
    for error in [
        linker.instantiate(&mut store, &module).unwrap_err(),
        linker.instantiate_pre(&module).err().expect("no module of another engine"),
    ] {
        assert!(error.to_string().contains("cross-`Engine`"), "{error}");
    }
    // Without imports nothing is looked up, and the answer is the same.
    let empty = self::module(&b, "(module)");
    assert!(linker.instantiate_pre(&empty).is_err());
}

#[test]
fn a_prepared_instance_stays_within_its_engine() {
    let (a, b) = two_engines();
    let module = module(&a, r#"(module (import "host" "f" (func (param funcref))))"#);
    let pre = linker_with_funcref(&a).instantiate_pre(&module).unwrap();
    let error = pre.instantiate(Store::new(&b, ())).unwrap_err();
    assert!(error.to_string().contains("cross-`Engine`"), "{error}");
    pre.instantiate(Store::new(&a, ())).unwrap();
}

#[test]
fn an_instance_is_made_of_a_module_and_imports_of_its_store() {
    let (a, b) = two_engines();
    let mut store = Store::new(&a, ());
    let error = Instance::new(&mut store, &module(&b, "(module)"), &[]).unwrap_err();
    assert!(error.to_string().contains("cross-`Engine`"), "{error}");

    let mut other = Store::new(&a, ());
    let func = Func::wrap(&mut other, || {});
    let module = module(&a, r#"(module (import "" "" (func)))"#);
    let error = Instance::new(&mut store, &module, &[func.into()]).unwrap_err();
    assert!(error.to_string().contains("cross-`Store`"), "{error}");
}

#[test]
fn a_linker_keeps_definitions_of_another_engines_store_from_its_modules() {
    let (a, b) = two_engines();
    let mut foreign = Store::new(&b, ());
    let func = Func::wrap(&mut foreign, |_: f64| {});
    let mut linker = Linker::new(&a);
    linker.define(&foreign, "", "", func).unwrap();
    let module = module(&a, r#"(module (import "" "" (func (param i64))))"#);
    let error = linker.instantiate_pre(&module).err().expect("no item of another engine");
    assert!(error.to_string().contains("cross-`Engine`"), "{error}");
}

#[test]
fn a_table_of_another_engines_type_is_refused_and_objects_survive_collections() {
    let (a, b) = two_engines();
    // More types than the other engine has, so that the last one's number means nothing there.
    let plugin = module(
        &a,
        r#"(module
            (type (struct)) (type (struct (field i32))) (type (struct (field f32)))
            (type (struct (field f64))) (type (struct (field i8))) (type (struct (field i16)))
            (type $t (struct (field i64)))
            (table (export "t") 1 (ref null $t))
            (global (export "g") (ref null $t) (ref.null $t)))"#,
    );
    let Some(ExternType::Table(table)) = plugin.get_export("t") else { panic!("a table") };
    let Some(ExternType::Global(global)) = plugin.get_export("g") else { panic!("a global") };
    let mut store = Store::new(&b, ());
    let program = module(
        &b,
        r#"(module
            (type $node (struct (field i64) (field (mut (ref null $node)))))
            (global $list (mut (ref null $node)) (ref.null $node))
            (func (export "build") (local $i i64)
                (loop $l
                    (drop (struct.new $node (i64.const -1) (ref.null $node)))
                    (global.set $list (struct.new $node (i64.const 1) (global.get $list)))
                    (local.set $i (i64.add (local.get $i) (i64.const 1)))
                    (br_if $l (i64.lt_u (local.get $i) (i64.const 100)))))
            (func (export "sum") (result i64) (local $n (ref null $node)) (local $s i64)
                (local.set $n (global.get $list))
                (block $done (loop $l
                    (br_if $done (ref.is_null (local.get $n)))
                    (local.set $s (i64.add (local.get $s) (struct.get $node 0 (local.get $n))))
                    (local.set $n (struct.get $node 1 (local.get $n)))
                    (br $l)))
                (local.get $s)))"#,
    );
    let instance = Instance::new(&mut store, &program, &[]).unwrap();
    instance.get_func(&mut store, "build").unwrap().call(&mut store, &[], &mut []).unwrap();

    let null = Ref::null(table.element().heap_type());
    let error = Table::new(&mut store, table, null).unwrap_err();
    assert!(error.to_string().contains("engine"), "{error}");
    let error = Global::new(&mut store, global, null.into()).unwrap_err();
    assert!(error.to_string().contains("engine"), "{error}");

    store.gc(None).unwrap();
    instance.get_func(&mut store, "build").unwrap().call(&mut store, &[], &mut []).unwrap();
    store.gc(None).unwrap();
    let sum = instance.get_typed_func::<(), i64>(&mut store, "sum").unwrap();
    assert_eq!(sum.call(&mut store, ()).unwrap(), 200);
}

#[test]
fn an_imported_start_function_sees_the_instance_that_starts() {
    let engine = Engine::default();
    let text = r#"(module (import "" "" (func $f)) (memory (export "memory") 1) (start $f))"#;
    let mut store = Store::new(&engine, Vec::new());
    let see = |mut caller: Caller<'_, Vec<bool>>| {
        let sees = caller.get_export("memory").is_some();
        caller.data_mut().push(sees);
        // A function that it calls itself is not called by the instance.
        let inner = Func::wrap(&mut caller, |mut caller: Caller<'_, Vec<bool>>| {
            let sees = caller.instance().is_some();
            caller.data_mut().push(sees);
        });
        inner.call(&mut caller, &[], &mut [])
    };
    let import = Func::wrap(&mut store, see);
    let module = module(&engine, text);
    Instance::new(&mut store, &module, &[import.into()]).unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("", "", see).unwrap();
    linker.instantiate(&mut store, &module).unwrap();
    assert_eq!(*store.data(), [true, false, true, false]);
}
