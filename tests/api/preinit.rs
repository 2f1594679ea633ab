//! Modules that begin where an instance is.

use crate::*;

/// An instance of what an instance has become.
fn again(store: &mut Store<()>, instance: &Instance) -> Instance {
    let bytes = Preinit::new().module(&mut *store, instance).unwrap();
    let module = Module::new(store.engine(), bytes).unwrap();
    Instance::new(store, &module, &[]).unwrap()
}

fn call(store: &mut Store<()>, instance: &Instance, name: &str) -> i32 {
    let func = instance.get_typed_func::<(), i32>(&mut *store, name).unwrap();
    func.call(store, ()).unwrap()
}

const EVERYTHING: &str = r#"(module
    (type $answer (func (result i32)))
    (memory $m (export "m") 1 10)
    (memory $wide (export "wide") i64 0)
    (table $t (export "t") 2 funcref)
    (table $typed 1 (ref null $answer))
    (table $given 3 (ref $answer) (ref.func $one))
    (global $i (mut i32) (i32.const 1))
    (global $l (mut i64) (i64.const 2))
    (global $f (mut f32) (f32.const 3))
    (global $d (mut f64) (f64.const 4))
    (global $v (mut v128) (v128.const i64x2 5 6))
    (global $r (mut funcref) (ref.null func))
    (global $x (mut externref) (ref.null extern))
    (global $small (mut (ref null i31)) (ref.null i31))
    (global $starts (mut i32) (i32.const 0))
    (data $first (i32.const 8) "first")
    (data $kept "kept")
    (data $dropped "dropped")
    (elem $active (table $t) (i32.const 0) func $one)
    (elem $later func $two)
    (elem $gone func $two)
    (func $start (global.set $starts (i32.add (global.get $starts) (i32.const 1))))
    (start $start)
    (func $one (type $answer) (i32.const 1))
    (func $two (type $answer) (i32.const 2))
    (func $three (export "three") (type $answer) (i32.const 3))
    (func (export "init")
        (global.set $i (i32.const -10)) (global.set $l (i64.const -20))
        (global.set $f (f32.const nan:0x200001)) (global.set $d (f64.const -0))
        (global.set $v (v128.const i64x2 -1 7)) (global.set $r (ref.func $two))
        (global.set $small (ref.i31 (i32.const -3)))
        (drop (memory.grow $m (i32.const 2)))
        (drop (memory.grow $wide (i64.const 1)))
        (i32.store $m (i32.const 196604) (i32.const 0x01020304))
        (i32.store8 $m (i32.const 0) (i32.const 9))
        (i64.store $wide (i64.const 65528) (i64.const -1))
        (data.drop $dropped) (elem.drop $gone)
        (drop (table.grow $t (ref.null func) (i32.const 3)))
        (table.set $t (i32.const 0) (ref.null func))
        (table.set $t (i32.const 4) (ref.func $three))
        (table.set $typed (i32.const 0) (ref.func $two))
        (table.set $given (i32.const 1) (ref.func $two)))
    (func (export "starts") (result i32) (global.get $starts))
    (func (export "numbers") (result i32 i64 f32 f64 v128)
        (global.get $i) (global.get $l) (global.get $f) (global.get $d) (global.get $v))
    (func (export "small") (result i32) (i31.get_s (global.get $small)))
    (func (export "global") (result i32)
        (table.set $t (i32.const 1) (global.get $r))
        (call_indirect $t (type $answer) (i32.const 1)))
    (func (export "typed") (result i32) (call_ref $answer (table.get $typed (i32.const 0))))
    (func (export "given") (param i32) (result i32)
        (call_ref $answer (table.get $given (local.get 0))))
    (func (export "table") (param i32) (result i32) (call_indirect $t (type $answer) (local.get 0)))
    (func (export "kept") (result i32)
        (memory.init $m $kept (i32.const 100) (i32.const 0) (i32.const 4))
        (i32.load $m (i32.const 100)))
    (func (export "dropped") (memory.init $m $dropped (i32.const 100) (i32.const 0) (i32.const 1)))
    (func (export "first") (memory.init $m $first (i32.const 100) (i32.const 0) (i32.const 1)))
    (func (export "later") (result i32)
        (table.init $t $later (i32.const 1) (i32.const 0) (i32.const 1))
        (call_indirect $t (type $answer) (i32.const 1)))
    (func (export "gone") (table.init $t $gone (i32.const 1) (i32.const 0) (i32.const 1)))
    (func (export "active") (table.init $t $active (i32.const 1) (i32.const 0) (i32.const 1)))
    (func (export "again") (result funcref) (ref.func $one))
)"#;

/// All of an instance's state, but nothing of its past.
#[test]
fn a_module_begins_where_an_instance_is() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let first = instantiate_with(&mut store, EVERYTHING, &[]);
    first.get_typed_func::<(), ()>(&mut store, "init").unwrap().call(&mut store, ()).unwrap();
    let second = again(&mut store, &first);
    // Again, to see that what was written anew is read as what it was.
    let third = again(&mut store, &second);
    for instance in [first, second, third] {
        for name in ["m", "wide"] {
            let [here, there] =
                [first, instance].map(|it| it.get_memory(&mut store, name).unwrap());
            assert_eq!(here.data(&store), there.data(&store), "{name}");
        }
        let ty = instance.get_memory(&mut store, "m").unwrap().ty(&store);
        assert_eq!((ty.minimum(), ty.maximum()), (3, Some(10)));
        assert_eq!(call(&mut store, &instance, "starts"), 1);
        let numbers = instance.get_func(&mut store, "numbers").unwrap();
        let mut values = vec![Val::I32(0); 5];
        numbers.call(&mut store, &[], &mut values).unwrap();
        let [Val::I32(-10), Val::I64(-20), Val::F32(0x7fa0_0001), Val::F64(d), Val::V128(v)] =
            values[..]
        else {
            panic!("{values:?}");
        };
        assert_eq!(d, (-0.0_f64).to_bits());
        assert_eq!(v.as_u128(), 7 << 64 | u128::from(u64::MAX));
        assert_eq!(call(&mut store, &instance, "small"), -3);
        assert_eq!(call(&mut store, &instance, "typed"), 2);
        let table = instance.get_table(&mut store, "t").unwrap();
        assert_eq!(table.size(&store), 5);
        let nulls = [0, 2, 3].map(|at| table.get(&mut store, at).unwrap());
        assert!(nulls.iter().all(Ref::is_null));
        let by_index = |name: &str, store: &mut Store<()>, at| {
            let func = instance.get_typed_func::<i32, i32>(&mut *store, name).unwrap();
            func.call(store, at).unwrap()
        };
        assert_eq!(by_index("table", &mut store, 4), 3);
        assert_eq!([0, 1, 2].map(|at| by_index("given", &mut store, at)), [1, 2, 1]);
        for name in ["dropped", "first", "gone", "active"] {
            let func = instance.get_typed_func::<(), ()>(&mut store, name).unwrap();
            assert!(func.call(&mut store, ()).is_err(), "{name}");
        }
    }
    for instance in [second, third] {
        assert_eq!(call(&mut store, &instance, "kept"), i32::from_le_bytes(*b"kept"));
        assert_eq!(call(&mut store, &instance, "later"), 2);
        assert_eq!(call(&mut store, &instance, "global"), 2);
    }
}

#[test]
fn exports_are_removed_and_renamed() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    // Code refers to a function that is only declared by its export.
    let instance = instantiate_with(
        &mut store,
        r#"(module
            (func $init (export "init"))
            (func (export "start") (result i32) (i32.const 1))
            (func (export "resume") (result i32) (drop (ref.func $init)) (i32.const 2)))"#,
        &[],
    );
    let mut preinit = Preinit::new();
    preinit.remove_export("init").rename_export("resume", "start");
    let bytes = preinit.module(&mut store, &instance).unwrap();
    let module = Module::new(&engine, bytes).unwrap();
    assert_eq!(
        module.exports().map(|export| export.name().to_owned()).collect::<Vec<_>>(),
        ["start"]
    );
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    assert_eq!(call(&mut store, &instance, "start"), 2);
    let error = Preinit::new().remove_export("x").module(&mut store, &instance).unwrap_err();
    assert_eq!(error.to_string(), "the module has no export `x`");
}

#[test]
fn no_two_exports_have_one_name() {
    let mut store = Store::new(&Engine::default(), ());
    let text = r#"(module (func (export "a") (export "b") (export "c")))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let mut preinit = Preinit::new();
    preinit.rename_export("a", "c").rename_export("b", "c");
    let error = preinit.module(&mut store, &instance).unwrap_err();
    assert_eq!(error.to_string(), "two exports would have the name `c`");
    // Names may go round.
    let mut preinit = Preinit::new();
    preinit.rename_export("a", "b").rename_export("b", "a");
    preinit.module(&mut store, &instance).unwrap();
}

/// Sections that the old module had none of, and memories that are no few runs of bytes.
#[test]
fn what_was_empty_may_be_full() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let instance = instantiate_with(
        &mut store,
        r#"(module
            (memory (export "m") 64)
            (table (export "t") 3 funcref)
            (table (export "many") 5000 funcref)
            (func $f (export "f") (result i32) (i32.const 7)))"#,
        &[],
    );
    let memory = instance.get_memory(&mut store, "m").unwrap();
    // More runs than a module may have segments.
    memory.data_mut(&mut store).iter_mut().step_by(40).for_each(|byte| *byte = 1);
    let func = instance.get_func(&mut store, "f").unwrap();
    let table = instance.get_table(&mut store, "t").unwrap();
    table.set(&mut store, 2, Ref::Func(Some(func))).unwrap();
    let table = instance.get_table(&mut store, "many").unwrap();
    (0..5000).step_by(2).for_each(|at| {
        table.set(&mut store, at, Ref::Func(Some(func))).unwrap();
    });
    let second = again(&mut store, &instance);
    let table = second.get_table(&mut store, "many").unwrap();
    for at in 0..5000 {
        assert_eq!(table.get(&mut store, at).unwrap().is_null(), at % 2 == 1);
    }
    let [here, there] = [instance, second].map(|it| it.get_memory(&mut store, "m").unwrap());
    assert!(here.data(&store) == there.data(&store));
    let table = second.get_table(&mut store, "t").unwrap();
    let Some(Ref::Func(Some(func))) = table.get(&mut store, 2) else { panic!("a function") };
    let mut results = [Val::I32(0)];
    func.call(&mut store, &[], &mut results).unwrap();
    assert_eq!(results[0].unwrap_i32(), 7);
}

/// Imports of functions and constants stay what they are.
#[test]
fn imports_are_asked_for_again() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = module(
        &engine,
        r#"(module
            (import "host" "next" (func $next (result i32)))
            (import "host" "base" (global $base i32))
            (global $sum (mut i32) (global.get $base))
            (global $same (mut i32) (global.get $base))
            (table 1 funcref) (elem (i32.const 0) func $next)
            (func (export "add") (result i32)
                (global.set $sum (i32.add (global.get $sum) (call_indirect (result i32) (i32.const 0))))
                (global.get $sum))
            (func (export "same") (result i32) (global.get $same)))"#,
    );
    let base = |store: &mut Store<()>, value| {
        let ty = GlobalType::new(ValType::I32, Mutability::Const);
        Global::new(store, ty, Val::I32(value)).unwrap()
    };
    let imports = [Func::wrap(&mut store, || 1_i32).into(), base(&mut store, 100).into()];
    let instance = Instance::new(&mut store, &module, &imports).unwrap();
    assert_eq!(call(&mut store, &instance, "add"), 101);
    let bytes = Preinit::new().module(&mut store, &instance).unwrap();
    let module = Module::new(&engine, bytes).unwrap();
    let imports = [Func::wrap(&mut store, || 10_i32).into(), base(&mut store, 5).into()];
    let instance = Instance::new(&mut store, &module, &imports).unwrap();
    assert_eq!(call(&mut store, &instance, "add"), 111);
    assert_eq!(call(&mut store, &instance, "same"), 100);
}

/// What no module begins with is refused, and named.
#[test]
fn what_no_module_begins_with_is_refused() {
    let mut config = Config::new();
    config.wasm_threads(true);
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let refused = |store: &mut Store<()>, instance: &Instance| {
        format!("{:#}", Preinit::new().module(store, instance).unwrap_err())
    };

    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    let table_type = TableType::new(RefType::FUNCREF, 1, None);
    let table = Table::new(&mut store, table_type, Ref::Func(None)).unwrap();
    let ty = GlobalType::new(ValType::I32, Mutability::Var);
    let global = Global::new(&mut store, ty, Val::I32(0)).unwrap();
    for (import, text) in [
        ((memory.into(), "(memory 1)"), "the memory `a` `b` is imported"),
        ((table.into(), "(table 1 funcref)"), "the table `a` `b` is imported"),
        ((global.into(), "(global (mut i32))"), "the mutable global `a` `b` is imported"),
    ]
    .map(|((import, text), message): ((Extern, _), _)| (import, (text, message)))
    {
        let module = module(&engine, &format!(r#"(module (import "a" "b" {}))"#, text.0));
        let instance = Instance::new(&mut store, &module, &[import]).unwrap();
        let error = refused(&mut store, &instance);
        assert!(error.starts_with(text.1), "{error}");
    }

    let instance = instantiate_with(&mut store, "(module (memory 1 1 shared))", &[]);
    assert!(refused(&mut store, &instance).starts_with("memory 0 is shared"));

    let instance = instantiate_with(
        &mut store,
        r#"(module
            (type $s (struct))
            (global (export "g") (mut anyref) (ref.null any))
            (global (export "e") (mut externref) (ref.null extern))
            (table (export "t") 2 funcref)
            (func (export "set") (global.set 0 (struct.new $s)))
            (func (export "clear") (global.set 0 (ref.null any))))"#,
        &[],
    );
    let run = |store: &mut Store<()>, name| {
        let func = instance.get_typed_func::<(), ()>(&mut *store, name).unwrap();
        func.call(store, ()).unwrap();
    };
    run(&mut store, "set");
    assert_eq!(
        refused(&mut store, &instance),
        "global 0: an object, of which modules begin with none"
    );
    run(&mut store, "clear");
    let object = ExternRef::new(&mut store, 1).unwrap();
    let global = instance.get_global(&mut store, "e").unwrap();
    global.set(&mut store, Val::ExternRef(Some(object))).unwrap();
    assert_eq!(refused(&mut store, &instance), "global 1: an object of the host");
    global.set(&mut store, Val::null_ref(&HeapType::Extern)).unwrap();
    let stranger = Func::wrap(&mut store, || {});
    let table = instance.get_table(&mut store, "t").unwrap();
    table.set(&mut store, 1, Ref::Func(Some(stranger))).unwrap();
    assert_eq!(
        refused(&mut store, &instance),
        "element 1 of table 0: a function that is not the instance's own"
    );
}
