//! Linking by name.

use crate::*;

const IMPORTER: &str = r#"(module
    (import "env" "add" (func $add (param i32 i32) (result i32)))
    (import "env" "memory" (memory 1))
    (func (export "go") (result i32)
        (call $add (i32.load (i32.const 0)) (i32.const 2))))"#;

#[test]
fn imports_are_found_by_name() {
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "add", |a: i32, b: i32| a + b).unwrap();
    let mut store = Store::new(&engine, ());
    let error = linker.instantiate(&mut store, &module(&engine, IMPORTER)).unwrap_err();
    let unknown = error.downcast_ref::<UnknownImportError>().unwrap();
    assert_eq!((unknown.module(), unknown.name()), ("env", "memory"));
    assert!(unknown.ty().memory().is_some());
    let message = "unknown import: `env::memory` has not been defined (memory expected)";
    assert_eq!(error.to_string(), message);

    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    memory.write(&mut store, 0, &40_u32.to_le_bytes()).unwrap();
    linker.define(&store, "env", "memory", memory).unwrap();
    let instance = linker.instantiate(&mut store, &module(&engine, IMPORTER)).unwrap();
    let go = instance.get_typed_func::<(), i32>(&mut store, "go").unwrap();
    assert_eq!(go.call(&mut store, ()).unwrap(), 42);
}

#[test]
fn one_linker_serves_many_stores() {
    let engine = Engine::default();
    let mut linker = Linker::<u32>::new(&engine);
    linker
        .func_wrap("", "next", |mut caller: Caller<'_, u32>| {
            *caller.data_mut() += 1;
            *caller.data()
        })
        .unwrap();
    let counter = module(
        &engine,
        r#"(module (import "" "next" (func $next (result i32)))
            (func (export "go") (result i32) (drop (call $next)) (call $next)))"#,
    );
    let pre = linker.instantiate_pre(&counter).unwrap();
    for start in [0, 10, 100] {
        let mut store = Store::new(&engine, start);
        for round in 0..3 {
            let instance = pre.instantiate(&mut store).unwrap();
            let go = instance.get_typed_func::<(), u32>(&mut store, "go").unwrap();
            assert_eq!(go.call(&mut store, ()).unwrap(), start + 2 * round + 2);
        }
    }
}

#[test]
fn a_name_is_defined_once_unless_shadowing_is_allowed() {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("m", "f", || 1_i32).unwrap();
    let error = linker.func_wrap("m", "f", || 2_i32).unwrap_err();
    assert_eq!(error.to_string(), "import of `m::f` defined twice");
    linker.allow_shadowing(true);
    linker.func_wrap("m", "f", || 3_i32).unwrap();
    let mut store = Store::new(&engine, ());
    let f = linker.get(&mut store, "m", "f").unwrap().into_func().unwrap();
    assert_eq!(f.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 3);
    assert!(linker.get(&mut store, "m", "g").is_err());
    assert!(linker.get(&mut store, "n", "f").is_err());
    assert_eq!(linker.iter(&mut store).count(), 1);
}

#[test]
fn instances_and_aliases_define_all_exports() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let library = module(
        &engine,
        r#"(module
            (global $g (mut i32) (i32.const 0))
            (func (export "_initialize") (global.set $g (i32.const 30)))
            (func (export "get") (result i32) (global.get $g)))"#,
    );
    linker.module(&mut store, "lib", &library).unwrap();
    linker.alias("lib", "get", "env", "get").unwrap();
    linker.alias_module("env", "env2").unwrap();
    let user = module(
        &engine,
        r#"(module
            (import "lib" "get" (func $a (result i32)))
            (import "env2" "get" (func $b (result i32)))
            (func (export "go") (result i32) (i32.add (call $a) (call $b))))"#,
    );
    let instance = linker.instantiate(&mut store, &user).unwrap();
    let go = instance.get_typed_func::<(), i32>(&mut store, "go").unwrap();
    assert_eq!(go.call(&mut store, ()).unwrap(), 60);
    let error = linker.alias("lib", "missing", "a", "b").unwrap_err();
    assert_eq!(error.to_string(), "no item named `lib::missing` defined");
    linker.instance(&mut store, "again", instance).unwrap();
    let default = linker.get_default(&mut store, "again").unwrap();
    default.call(&mut store, &[], &mut []).unwrap();
}

#[test]
fn unknown_imports_can_be_traps_or_defaults() {
    let engine = Engine::default();
    let text = r#"(module
        (import "a" "f" (func $f (param i32) (result i64)))
        (func (export "go") (result i64) (call $f (i32.const 1))))"#;
    let module = module(&engine, text);
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let go = instance.get_typed_func::<(), i64>(&mut store, "go").unwrap();
    let error = go.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref::<UnknownImportError>().unwrap().name(), "f");
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_default_values(&mut store, &module).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let go = instance.get_typed_func::<(), i64>(&mut store, "go").unwrap();
    assert_eq!(go.call(&mut store, ()).unwrap(), 0);
    // What is no function is left undefined by the one, and made by the other.
    let memory = self::module(&engine, r#"(module (import "" "" (memory 1)))"#);
    linker.define_unknown_imports_as_traps(&memory).unwrap();
    assert!(linker.instantiate(&mut store, &memory).is_err());
    linker.define_unknown_imports_as_default_values(&mut store, &memory).unwrap();
    linker.instantiate(&mut store, &memory).unwrap();
}

/// A function type in a recursion group with others is not the type of the same shape alone. Whoever
/// makes a function with the type that an import says gets the import's type.
#[test]
fn functions_made_with_an_imports_own_type_can_be_imported() {
    let wat = r#"(module
        (rec (type $f (func (param i32) (result i32))) (type $s (struct (field (ref null $f)))))
        (import "host" "f" (func $f (type $f)))
        (func (export "run") (param i32) (result i32) (call $f (local.get 0))))"#;
    let engine = Engine::default();
    let module = Module::new(&engine, wat).unwrap();
    let import = module.imports().next().unwrap();
    let ExternType::Func(ty) = import.ty() else { panic!("a function") };

    let mut store = Store::new(&engine, ());
    let func = Func::new(&mut store, ty.clone(), |_, params, results| {
        results[0] = Val::I32(params[0].unwrap_i32() + 1);
        Ok(())
    });
    let instance = Instance::new(&mut store, &module, &[func.into()]).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 4).unwrap(), 5);
    assert_eq!(func.ty(&store), ty);

    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_default_values(&mut store, &module).unwrap();
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 4).unwrap(), 0);

    // The type alone is another one.
    let alone = FuncType::new(&engine, [ValType::I32], [ValType::I32]);
    assert!(alone != ty && !alone.matches(&ty));
    let func = Func::new(&mut store, alone, |_, _, _| Ok(()));
    assert!(Instance::new(&mut store, &module, &[func.into()]).is_err());
}

#[test]
fn a_command_is_instantiated_for_each_call() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, Vec::new());
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("host", "count", |mut caller: Caller<'_, Vec<i32>>, n: i32| {
            caller.data_mut().push(n);
        })
        .unwrap();
    let text = |more: &str| {
        format!(
            r#"(module
                (import "host" "count" (func $count (param i32)))
                (global $g (mut i32) (i32.const 0))
                (func (export "_start")
                    (global.set $g (i32.add (global.get $g) (i32.const 1)))
                    (call $count (global.get $g)))
                (memory (export "memory") 1) {more})"#
        )
    };
    linker.module(&mut store, "", &module(&engine, &text(""))).unwrap();
    let run = linker.get_default(&mut store, "").unwrap();
    for _ in 0..2 {
        run.call(&mut store, &[], &mut []).unwrap();
    }
    assert_eq!(*store.data(), [1, 1]);
    assert!(linker.get(&mut store, "", "memory").is_err());

    let strange = module(&engine, &text(r#"(global (export "g") i32 (i32.const 1))"#));
    let error = linker.module(&mut store, "a", &strange).unwrap_err();
    assert_eq!(error.to_string(), "command export 'g' is not a function");
    linker.allow_unknown_exports(true);
    linker.module(&mut store, "b", &strange).unwrap();
    let both = module(&engine, &text(r#"(func (export "_initialize"))"#));
    assert!(linker.module(&mut store, "c", &both).is_err());
}
