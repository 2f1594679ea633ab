//! Modules: loading, validation, modes of translation.

use crate::*;

#[test]
fn what_a_module_imports_and_exports_is_described() {
    let engine = Engine::default();
    let text = r#"(module $named
        (import "env" "f" (func (param i32) (result f64)))
        (import "env" "m" (memory 1 2))
        (import "x" "t" (table 3 funcref))
        (import "x" "g" (global (mut i64)))
        (func (export "run") (param i64))
        (export "m" (memory 0)))"#;
    let module = module(&engine, text);
    assert_eq!(module.name(), Some("named"));
    let imports: Vec<String> =
        module.imports().map(|i| format!("{}.{} {}", i.module(), i.name(), i.ty())).collect();
    assert_eq!(
        imports,
        [
            "env.f (func (param i32) (result f64))",
            "env.m (memory 1 2)",
            "x.t (table 3 funcref)",
            "x.g (global (mut i64))"
        ]
    );
    let exports: Vec<_> = module.exports().map(|e| format!("{} {}", e.name(), e.ty())).collect();
    assert_eq!(exports, ["run (func (param i64))", "m (memory 1 2)"]);
    assert!(module.get_export("run").unwrap().func().is_some());
    assert!(module.get_export("nothing").is_none());
    assert!(Module::same(&module, &module.clone()));
}

#[test]
fn bad_modules_are_refused_with_kind_offset_and_cause() {
    let engine = Engine::default();
    let error = Module::new(&engine, b"\0asm\x01\0\0").unwrap_err();
    let cause = error.downcast_ref::<ModuleError>().unwrap();
    assert_eq!(cause.kind(), ModuleErrorKind::Malformed);
    let invalid = wat::parse_str("(module (func (result i32) i64.const 0))").unwrap();
    for error in [
        Module::new(&engine, &invalid).unwrap_err(),
        Module::from_binary(&engine, &invalid).unwrap_err(),
        Module::validate(&engine, &invalid).unwrap_err(),
    ] {
        let cause = error.downcast_ref::<ModuleError>().unwrap();
        assert_eq!(cause.kind(), ModuleErrorKind::Invalid);
        assert!(cause.message().contains("type mismatch"), "{cause}");
        assert!(cause.offset() > 8);
    }
    Module::validate(&engine, &wat::parse_str("(module)").unwrap()).unwrap();
    let error = Module::from_file(&engine, "does/not/exist.wasm").unwrap_err();
    assert!(error.to_string().contains("does/not/exist.wasm"), "{error}");
}

#[test]
fn features_that_are_off_are_refused() {
    let bytes = wat::parse_str("(module (memory i64 1))").unwrap();
    let engine = Engine::new(Config::new().wasm_memory64(false)).unwrap();
    let error = Module::new(&engine, &bytes).unwrap_err();
    assert!(error.downcast_ref::<ModuleError>().is_some(), "{error}");
    Module::new(&Engine::default(), &bytes).unwrap();
}

#[test]
fn all_modes_of_translation_run_the_same_program() {
    let mut text = String::from("(module");
    for i in 0..300 {
        text += &format!("(func (export \"f{i}\") (result i32) (i32.const {i}))");
    }
    text += ")";
    for mode in [CompilationMode::Lazy, CompilationMode::Eager, CompilationMode::LazyValidation] {
        for parallel in [false, true] {
            let config =
                Config::new().compilation_mode(mode).parallel_compilation(parallel).clone();
            let engine = Engine::new(&config).unwrap();
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module(&engine, &text), &[]).unwrap();
            for i in [0, 7, 299] {
                let f = instance.get_typed_func::<(), i32>(&mut store, &format!("f{i}")).unwrap();
                assert_eq!(f.call(&mut store, ()).unwrap(), i);
            }
        }
    }
}

#[test]
fn lazy_validation_fails_the_call_of_an_invalid_function_only() {
    let text = r#"(module
        (func (export "good") (result i32) (i32.const 1))
        (func (export "bad") (result i32) (i64.const 1))
        (func (export "calls_bad") (result i32) (call 1)))"#;
    let bytes = wat::parse_str(text).unwrap();
    let config = Config::new().compilation_mode(CompilationMode::LazyValidation).clone();
    let engine = Engine::new(&config).unwrap();
    let module = Module::new(&engine, &bytes).unwrap();
    assert!(Module::validate(&engine, &bytes).is_err());
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let call = |store: &mut Store<()>, name| {
        instance.get_typed_func::<(), i32>(&mut *store, name).unwrap().call(store, ())
    };
    for _ in 0..2 {
        assert_eq!(call(&mut store, "good").unwrap(), 1);
        for name in ["bad", "calls_bad"] {
            let error = call(&mut store, name).unwrap_err();
            let cause = error.downcast_ref::<ModuleError>().unwrap();
            assert_eq!(cause.kind(), ModuleErrorKind::Invalid);
        }
    }
}

#[test]
fn the_build_says_how_it_dispatches() {
    assert!(["become", "sibling", "loop"].contains(&Engine::dispatch_backend()));
    assert!(["direct", "table"].contains(&Engine::threading_form()));
}

#[test]
fn types_print_as_in_the_text_format() {
    let engine = Engine::new(Config::new().wasm_threads(true)).unwrap();
    let module = module(
        &engine,
        r#"(module (import "" "m" (memory i64 1 2)) (import "" "g" (global (mut funcref)))
            (import "" "t" (table 1 (ref null none))) (import "" "x" (tag (param i32)))
            (import "" "s" (memory 1 2 shared)))"#,
    );
    let printed: Vec<String> = module.imports().map(|import| import.ty().to_string()).collect();
    assert_eq!(
        printed,
        [
            "(memory i64 1 2)",
            "(global (mut funcref))",
            "(table 1 nullref)",
            "(tag i32)",
            "(memory 1 2 shared)"
        ]
    );
    assert_eq!(ValType::Ref(RefType::new(false, HeapType::Any)).to_string(), "(ref any)");
}
