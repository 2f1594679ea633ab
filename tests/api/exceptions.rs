//! Exceptions: thrown and caught by programs and by the host, and what becomes of uncaught ones.

use std::fmt::Write as _;

use crate::*;

fn thrown(error: &Error) -> bool {
    error.is::<ThrownException>()
}

fn call<P: WasmParams, R: WasmResults>(
    store: &mut Store<()>,
    instance: &Instance,
    name: &str,
    params: P,
) -> Result<R> {
    instance.get_typed_func::<P, R>(&mut *store, name)?.call(store, params)
}

/// Calls the export `f` of a module.
fn run<P: WasmParams, R: WasmResults>(text: &str, params: P) -> Result<R> {
    let (mut store, instance) = instantiate(text);
    call(&mut store, &instance, "f", params)
}

#[test]
fn a_payload_of_many_values_of_all_types_arrives_as_it_was_thrown() {
    let text = r#"(module
        (tag $t (param i32 f64 v128 funcref i64 f32 externref v128))
        (func $thrower (param i32 f64 v128 funcref i64 f32 externref v128)
            (throw $t (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)
                (local.get 5) (local.get 6) (local.get 7)))
        (func (export "f") (param i32 f64 v128 funcref i64 f32 externref v128)
            (result i32 f64 v128 funcref i64 f32 externref v128)
            (block $h (result i32 f64 v128 funcref i64 f32 externref v128)
                (try_table (catch $t $h)
                    (call $thrower (local.get 0) (local.get 1) (local.get 2) (local.get 3)
                        (local.get 4) (local.get 5) (local.get 6) (local.get 7)))
                (unreachable))))"#;
    let engine = Engine::new(Config::new().wasm_simd(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = instantiate_with(&mut store, text, &[]);
    let f = instance.get_func(&mut store, "f").unwrap();
    let object = ExternRef::new(&mut store, 5_u8).unwrap();
    let args = [
        Val::I32(-7),
        Val::F64(0x7ff8_0000_0000_1234),
        Val::V128(0x0123_4567_89ab_cdef_0011_2233_4455_6677_u128.into()),
        Val::FuncRef(Some(f)),
        Val::I64(i64::MIN),
        Val::F32(0x7fc0_0001),
        Val::ExternRef(Some(object)),
        Val::V128(u128::MAX.into()),
    ];
    let mut results = [Val::I32(0); 8];
    f.call(&mut store, &args, &mut results).unwrap();
    let reference = results[6].unwrap_externref().unwrap();
    assert!(Rooted::ref_eq(&store, reference, &object).unwrap());
    results[6] = args[6];
    assert_eq!(format!("{results:?}"), format!("{args:?}"));
}

#[test]
fn pinned_locals_have_their_latest_values_in_handlers() {
    // The loop makes `$i` and `$x` the pinned ones; the callee clobbers both registers.
    let text = r#"(module
        (tag $t (param i32))
        (func $callee (param $n i32) (result i32) (local $k i32) (local $y f64)
            (loop $l
                (local.set $k (i32.add (local.get $k) (i32.const 3)))
                (local.set $y (f64.add (local.get $y) (f64.const 9)))
                (br_if $l (i32.lt_u (local.get $k) (i32.const 50))))
            (if (i32.and (local.get $n) (i32.const 1)) (then (throw $t (local.get $n))))
            (i32.const 1))
        (func (export "f") (param $n i32) (result i32 f64 i32) (local $i i32) (local $x f64) (local $sum i32)
            (loop $l
                (block $done
                    (block $h (result i32)
                        (try_table (catch $t $h)
                            (local.set $i (i32.add (local.get $i) (i32.const 1)))
                            (local.set $x (f64.add (local.get $x) (f64.const 0.5)))
                            (drop (call $callee (local.get $i)))
                            (local.set $x (f64.add (local.get $x) (f64.const 0.25))))
                        (br $done))
                    (local.set $sum (i32.add (local.get $sum))))
                (br_if $l (i32.lt_u (local.get $i) (local.get $n))))
            (local.get $i) (local.get $x) (local.get $sum)))"#;
    // Odd ones throw: 1 + 3 + 5 + 7 + 9.
    let result: (i32, f64, i32) = run(text, 10).unwrap();
    assert_eq!(result, (10, 10.0 * 0.5 + 5.0 * 0.25, 25));
}

#[test]
fn operands_below_the_handler_survive() {
    let text = r#"(module
        (tag $t (param i32))
        (global $g (mut i32) (i32.const 100))
        (func $thrower (param i32) (result i32) (throw $t (local.get 0)))
        (func (export "f") (param i32) (result i32)
            (global.get $g)
            (local.get 0)
            (i32.const 1000)
            (local.set 0 (i32.const 5))
            (block $h (result i32)
                (i32.const 3)
                (try_table (result i32) (catch $t $h)
                    (local.set 0 (i32.const 7))
                    (i32.add (i32.const 1) (call $thrower (i32.const 20000))))
                (i32.add))
            (i32.add)
            (i32.add)
            (i32.add)
            (i32.add (i32.mul (local.get 0) (i32.const 100000)))))"#;
    assert_eq!(run::<i32, i32>(text, 40).unwrap(), 100 + 40 + 1000 + 20000 + 700_000);
}

#[test]
fn clauses_may_lead_to_loops_and_out_of_the_function() {
    let text = r#"(module
        (tag $t (param i32 i64))
        (func $thrower (param i32) (param i64) (throw $t (local.get 0) (local.get 1)))
        (func $inner (param i32) (result i32 i64)
            (try_table (catch $t 0)
                (call $thrower (i32.add (local.get 0) (i32.const 1)) (i64.const 5)))
            (unreachable))
        (func (export "f") (param i32) (result i32) (local $rounds i32)
            (i32.const 0) (i64.const 0)
            (loop $l (param i32 i64)
                (drop)
                (local.set 0)
                (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
                (if (i32.lt_u (local.get $rounds) (i32.const 5))
                    (then
                        (try_table (catch $t $l)
                            (call $thrower (i32.add (local.get 0) (i32.const 10)) (i64.const 1))))))
            (call $inner (local.get 0))
            (drop)))"#;
    assert_eq!(run::<i32, i32>(text, 0).unwrap(), 41);
}

#[test]
fn tags_are_compared_by_identity_across_instances() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let exporter = instantiate_with(
        &mut store,
        r#"(module
            (tag $a (export "a") (param i32))
            (tag $b (export "b") (param i32))
            (memory (export "memory") 1)
            (func (export "throw") (param i32) (i32.store (i32.const 0) (i32.const 1))
                (throw $a (local.get 0)))
            (func (export "throw_b") (param i32) (throw $b (local.get 0))))"#,
        &[],
    );
    let mut get = |name: &str| exporter.get_export(&mut store, name).unwrap();
    let imports = [get("a"), get("b"), get("throw"), get("throw_b")];
    let text = r#"(module
        (import "" "a" (tag $a (param i32)))
        (import "" "b" (tag $b (param i32)))
        (import "" "throw" (func $throw (param i32)))
        (import "" "throw_b" (func $throw_b (param i32)))
        (tag $own (param i32))
        (memory 1)
        (func $tail (param i32) (return_call $throw (local.get 0)))
        (func (export "f") (param $which i32) (result i32) (local $x i32)
            (i32.store (i32.const 0) (i32.const 77))
            (block $ha (result i32)
                (block $hb (result i32)
                    (block $hown (result i32)
                        (try_table (catch $own $hown) (catch $b $hb) (catch $a $ha)
                            (if (i32.eqz (local.get $which)) (then (call $throw (i32.const 10))))
                            (if (i32.eq (local.get $which) (i32.const 1))
                                (then (call $throw_b (i32.const 20))))
                            (if (i32.eq (local.get $which) (i32.const 2))
                                (then (call $tail (i32.const 30))))
                            (throw $own (i32.const 40)))
                        (unreachable))
                    (return (i32.add (i32.const 3000))))
                (return (i32.add (i32.const 2000))))
            ;; The memory must be this instance's again.
            (i32.add (i32.load (i32.const 0)))
            (i32.add (i32.const 1000))))"#;
    let instance = instantiate_with(&mut store, text, &imports);
    let found =
        [0, 1, 2, 3].map(|which| call::<i32, i32>(&mut store, &instance, "f", which).unwrap());
    assert_eq!(found, [1087, 2020, 1107, 3040]);
}

const LEGACY: &str = r#"(module
    (tag $a (param i32))
    (tag $b (param i32 i32))
    (global $log (mut i32) (i32.const 0))
    (func $log (param i32)
        (global.set $log (i32.add (i32.mul (global.get $log) (i32.const 10)) (local.get 0))))
    (func $throw (param i32)
        (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $a (i32.const 11))))
        (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $b (i32.const 22) (i32.const 23)))))
    (func (export "catch") (param i32) (result i32)
        i32.const 1000
        try (result i32)
            (call $throw (local.get 0))
            i32.const 5
        catch $a
            (i32.add (i32.const 1))
        catch $b
            i32.add
        end
        i32.add)
    (func (export "rethrow") (param i32) (result i32)
        try (result i32)
            try (result i32)
                (call $throw (local.get 0))
                i32.const 0
            catch $a
                drop
                (call $log (i32.const 1))
                try
                    (throw $b (i32.const 1) (i32.const 2))
                catch $b
                    drop
                    drop
                    (call $log (i32.const 2))
                    rethrow 1
                end
                i32.const 6
            catch_all
                (call $log (i32.const 3))
                rethrow 0
            end
        catch $a
            (i32.add (global.get $log))
        catch $b
            i32.add
            (i32.add (global.get $log))
        end)
    (func (export "delegate") (param i32) (result i32)
        try $outer (result i32)
            block $between (result i32)
                try (result i32)
                    try (result i32)
                        (call $throw (local.get 0))
                        i32.const 1
                    delegate $outer
                catch_all
                    i32.const 666
                end
            end
        catch $a
        catch_all
            i32.const 9
        end)
    (func $escape (param i32) (result i32)
        try (result i32)
            try (result i32)
                (call $throw (local.get 0))
                i32.const 1
            delegate 1
        catch_all
            i32.const 666
        end)
    (func (export "escape") (param i32) (result i32)
        try (result i32)
            (call $escape (local.get 0))
        catch_all
            i32.const 7
        end)
    (func (export "from_catch") (param i32) (result i32)
        try (result i32)
            try $inner (result i32)
                (call $throw (local.get 0))
                i32.const 1
            catch $a
                drop
                try (result i32)
                    (throw $b (i32.const 3) (i32.const 4))
                delegate $inner
            catch $b
                drop
                drop
                i32.const 666
            end
        catch $b
            i32.add
        end)
    (func (export "plain") (param i32) (result i32)
        try (result i32)
            local.get 0
        end
        try (param i32) (result i32)
            (i32.add (i32.const 1))
        catch_all
            unreachable
        end)
    (func (export "branches") (param i32) (result i32)
        block $out (result i32)
            try (result i32)
                (call $throw (local.get 0))
                (br $out (i32.const 50))
            catch $a
                br $out
            catch_all
                (loop $l
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (br_if $l (i32.lt_u (local.get 0) (i32.const 10))))
                (br_if 0 (local.get 0) (local.get 0))
            end
            (i32.add (i32.const 100))
        end)
    (func (export "mixed") (param i32) (result i32)
        block $h (result i32)
            try_table (catch $a $h)
                try
                    (call $throw (local.get 0))
                catch $b
                    drop
                    throw $a
                end
            end
            i32.const 3
        end)
    (func (export "dead") (param i32) (result i32)
        try (result i32)
            unreachable
            try
                nop
            catch_all
                rethrow 0
            end
            try
                nop
            delegate 0
        catch_all
            rethrow 0
        end))"#;

#[test]
fn the_older_form_catches_rethrows_and_delegates() {
    let (mut store, instance) = instantiate(LEGACY);
    let mut f = |name: &str, x: i32| call::<i32, i32>(&mut store, &instance, name, x).unwrap();
    assert_eq!([0, 1, 2].map(|x| f("catch", x)), [1005, 1012, 1045]);
    assert_eq!(f("rethrow", 0), 0);
    assert_eq!(f("rethrow", 1), 11 + 12);
    assert_eq!(f("rethrow", 2), 22 + 23 + 123);
    assert_eq!([0, 1, 2].map(|x| f("delegate", x)), [1, 11, 9]);
    assert_eq!([0, 1].map(|x| f("escape", x)), [1, 7]);
    assert_eq!([0, 1, 2].map(|x| f("from_catch", x)), [1, 7, 666]);
    assert_eq!(f("plain", 4), 5);
    assert_eq!([0, 1, 2].map(|x| f("branches", x)), [50, 11, 110]);
    assert_eq!([0, 1, 2].map(|x| f("mixed", x)), [3, 11, 22]);
}

#[test]
fn each_form_has_a_switch() {
    let new = wat::parse_str("(module (tag $t) (func (throw $t)))").unwrap();
    let old = wat::parse_str("(module (func try catch_all end))").unwrap();
    let accepts = |config: &mut Config| {
        let engine = Engine::new(config).unwrap();
        [&new, &old].map(|bytes| Module::new(&engine, bytes).is_ok())
    };
    assert_eq!(accepts(&mut Config::new()), [true, true]);
    assert_eq!(accepts(Config::new().wasm_legacy_exceptions(false)), [true, false]);
    assert_eq!(
        accepts(Config::new().wasm_exceptions(false).wasm_legacy_exceptions(false)),
        [false, false]
    );
}

const HOST: &str = r#"(module
    (import "" "host" (func $host (param i32)))
    (tag $t (export "t") (param i32 i64))
    (func $g (param i32) (throw $t (local.get 0) (i64.const -9)))
    (func (export "throw") (param i32) (call $g (local.get 0)))
    (func (export "through") (param i32) (call $host (local.get 0)))
    (func (export "caught") (param i32) (result i32 i64)
        (block $h (result i32 i64)
            (try_table (catch $t $h) (call $host (local.get 0)))
            (i32.const 0) (i64.const 0)))
    (func (export "ref") (param i32) (result exnref)
        (block $h (result exnref)
            (try_table (catch_all_ref $h) (call $g (local.get 0)))
            (unreachable)))
    (func (export "throw_ref") (param exnref) (throw_ref (local.get 0))))"#;

/// An instance whose host function does something else for each argument.
fn host_store() -> (Store<Option<Instance>>, Instance) {
    let engine = Engine::default();
    let mut store = Store::new(&engine, None);
    let host =
        Func::wrap(&mut store, |mut caller: Caller<'_, Option<Instance>>, x: i32| -> Result<()> {
            let instance = caller.data().unwrap();
            let tag = instance.get_export(&mut caller, "t").unwrap().into_tag().unwrap();
            match x {
                // Throws an exception of its own.
                1 => {
                    let ty = ExnType::from_tag_type(&tag.ty(&caller)).unwrap();
                    let pre = ExnRefPre::new(&mut caller, ty);
                    let fields = [Val::I32(5), Val::I64(6)];
                    let exn = ExnRef::new(&mut caller, &pre, &tag, &fields).unwrap();
                    caller.throw(exn)?;
                }
                // Lets one pass through.
                2 | 3 => {
                    let throw = instance.get_typed_func::<i32, ()>(&mut caller, "throw")?;
                    throw.call(&mut caller, 70 + x).context("in the host")?;
                }
                // Catches one.
                4 => {
                    let throw = instance.get_typed_func::<i32, ()>(&mut caller, "throw")?;
                    let error = throw.call(&mut caller, 4).unwrap_err();
                    assert!(thrown(&error));
                    let exn = caller.take_pending_exception().unwrap();
                    assert_eq!(exn.field(&mut caller, 0).unwrap().i32(), Some(4));
                    assert!(!caller.has_pending_exception());
                }
                // Says that it throws, but does not.
                5 => return Err(ThrownException.into()),
                _ => {}
            }
            Ok(())
        });
    let instance = instantiate_with(&mut store, HOST, &[host.into()]);
    *store.data_mut() = Some(instance);
    (store, instance)
}

#[test]
fn an_uncaught_exception_is_an_error_with_a_backtrace_and_the_stores_to_take() {
    let (mut store, instance) = host_store();
    let throw = instance.get_typed_func::<i32, ()>(&mut store, "throw").unwrap();
    assert!(store.take_pending_exception().is_none());
    let error = throw.call(&mut store, 3).unwrap_err();
    assert!(thrown(&error), "{error:?}");
    assert!(error.downcast_ref::<Trap>().is_none());
    let backtrace = error.downcast_ref::<WasmBacktrace>().expect("a backtrace");
    let names: Vec<_> = backtrace.frames().iter().map(|f| f.func_name()).collect();
    assert_eq!(names, [Some("g"), None]);
    assert!(store.has_pending_exception());
    let exn = store.take_pending_exception().unwrap();
    assert!(!store.has_pending_exception());
    let tag = instance.get_export(&mut store, "t").unwrap().into_tag().unwrap();
    assert!(Tag::eq(&exn.tag(&mut store).unwrap(), &tag, &store));
    assert_eq!(exn.ty(&store).unwrap().tag_type(), tag.ty(&store));
    let fields: Vec<Val> = exn.fields(&mut store).unwrap().collect();
    assert_eq!((fields[0].i32(), fields[1].i64()), (Some(3), Some(-9)));
    assert!(exn.field(&mut store, 2).is_err());
    // The store works on, and the next trap is a trap.
    let throw_ref = instance.get_func(&mut store, "throw_ref").unwrap();
    let error = throw_ref.call(&mut store, &[Val::ExnRef(None)], &mut []).unwrap_err();
    assert_eq!(trap_of(&error), Trap::NullReference);
    // The exception can be thrown again from the host's hands.
    let error = throw_ref.call(&mut store, &[Val::ExnRef(Some(exn))], &mut []).unwrap_err();
    assert!(thrown(&error));
    let again = store.take_pending_exception().unwrap();
    assert!(Rooted::ref_eq(&store, &exn, &again).unwrap());
}

#[test]
fn a_host_function_throws_catches_and_lets_pass() {
    let (mut store, instance) = host_store();
    let caught = instance.get_typed_func::<i32, (i32, i64)>(&mut store, "caught").unwrap();
    assert_eq!(caught.call(&mut store, 0).unwrap(), (0, 0));
    assert_eq!(caught.call(&mut store, 1).unwrap(), (5, 6));
    assert_eq!(caught.call(&mut store, 2).unwrap(), (72, -9));
    assert_eq!(caught.call(&mut store, 4).unwrap(), (0, 0));
    assert!(!store.has_pending_exception());
    let error = caught.call(&mut store, 5).unwrap_err();
    assert!(thrown(&error) && !store.has_pending_exception());

    // Uncaught on the outside too: one error, with the frames of both activations.
    let through = instance.get_typed_func::<i32, ()>(&mut store, "through").unwrap();
    let error = through.call(&mut store, 3).unwrap_err();
    assert!(thrown(&error) && format!("{error:?}").contains("in the host"));
    assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 3);
    let exn = store.take_pending_exception().unwrap();
    assert_eq!(exn.field(&mut store, 0).unwrap().i32(), Some(73));
    let error = through.call(&mut store, 1).unwrap_err();
    assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1);
}

#[test]
fn references_to_exceptions_pass_through_the_host() {
    let (mut store, instance) = host_store();
    let (make, again) = (
        instance.get_func(&mut store, "ref").unwrap(),
        instance.get_func(&mut store, "throw_ref").unwrap(),
    );
    let mut exn = [Val::I32(0)];
    make.call(&mut store, &[Val::I32(44)], &mut exn).unwrap();
    // Garbage enough for several collections does not take it away.
    for i in 0..5000 {
        make.call(&mut store, &[Val::I32(i)], &mut [Val::I32(0)]).unwrap();
    }
    assert!(thrown(&again.call(&mut store, &exn, &mut []).unwrap_err()));
    let taken = store.take_pending_exception().unwrap();
    assert_eq!(taken.field(&mut store, 0).unwrap().i32(), Some(44));
}

#[test]
fn exceptions_are_made_of_the_right_values_only() {
    let (mut store, instance) = host_store();
    let tag = instance.get_export(&mut store, "t").unwrap().into_tag().unwrap();
    let engine = store.engine().clone();
    let ty = ExnType::new(&engine, [ValType::I32, ValType::I64]).unwrap();
    assert_eq!(ty.fields().len(), 2);
    let pre = ExnRefPre::new(&mut store, ty);
    let mut new = |fields: &[Val]| ExnRef::new(&mut store, &pre, &tag, fields).map(|_| ());
    assert!(new(&[Val::I32(1), Val::I64(1)]).is_ok());
    assert!(new(&[Val::I32(1)]).is_err());
    assert!(new(&[Val::I64(1), Val::I64(1)]).is_err());
    let other = ExnRefPre::new(&mut store, ExnType::new(&engine, [ValType::I32]).unwrap());
    assert!(ExnRef::new(&mut store, &other, &tag, &[Val::I32(1)]).is_err());
}

#[test]
fn a_start_function_may_throw() {
    let engine = Engine::default();
    let module = module(&engine, "(module (tag $t) (func $s (throw $t)) (start $s))");
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert!(thrown(&error) && store.take_pending_exception().is_some());
}

#[test]
fn traps_are_not_caught() {
    let text = r#"(module
        (func (export "f") (result i32)
            (block
                (try_table (catch_all 0) try unreachable catch_all end)
                (return (i32.const 1)))
            (i32.const 2)))"#;
    assert_eq!(trap_of(&run::<(), i32>(text, ()).unwrap_err()), Trap::UnreachableCodeReached);
}

#[test]
fn the_memory_is_the_grown_one_in_a_handler() {
    let text = r#"(module
        (tag $t)
        (memory 1)
        (func $grow (drop (memory.grow (i32.const 400)))
            (i32.store (i32.const 26000000) (i32.const 123)) (throw $t))
        (func (export "f") (result i32)
            (i32.store (i32.const 8) (i32.const 4))
            (block (try_table (catch $t 0) (call $grow)) (unreachable))
            (i32.add (i32.load (i32.const 8)) (i32.load (i32.const 26000000)))))"#;
    assert_eq!(run::<(), i32>(text, ()).unwrap(), 127);
}

#[test]
fn frames_replaced_by_tail_calls_do_not_catch() {
    let text = r#"(module
        (tag $t (param i32))
        (type $ty (func (param i32) (result i32)))
        (table funcref (elem $thrower))
        (func $thrower (type $ty) (throw $t (local.get 0)))
        (func $direct (param i32) (result i32)
            (block $h (result i32)
                (try_table (catch $t $h) (return_call $thrower (local.get 0)))
                (unreachable))
            (i32.add (i32.const 100)))
        (func $indirect (param i32) (result i32)
            (block $h (result i32)
                (try_table (catch $t $h)
                    (return_call_indirect (type $ty) (local.get 0) (i32.const 0)))
                (unreachable))
            (i32.add (i32.const 200)))
        (func (export "f") (param i32) (result i32)
            (block $h (result i32)
                (try_table (catch $t $h)
                    (drop (if (result i32) (local.get 0)
                        (then (call $direct (i32.const 1))) (else (call $indirect (i32.const 2))))))
                (unreachable))))"#;
    assert_eq!([run::<i32, i32>(text, 1).unwrap(), run::<i32, i32>(text, 0).unwrap()], [1, 2]);
}

/// Recurses, then throws; each level has pinned locals of its own.
const DEEP: &str = r#"(module
    (tag $t (param i32))
    (func $down (param $n i32) (result i32) (local $i i32)
        (loop $l
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 3))))
        (if (i32.eqz (local.get $n)) (then (throw $t (i32.const 17))))
        (i32.add (call $down (i32.sub (local.get $n) (i32.const 1))) (local.get $i)))
    (func (export "f") (param $n i32) (result i32)
        (block $h (result i32)
            (try_table (catch $t $h) (drop (call $down (local.get $n))))
            (unreachable)))
    (func (export "uncaught") (param $n i32) (drop (call $down (local.get $n)))))"#;

#[test]
fn many_frames_unwind_at_once() {
    let mut config = Config::new();
    let engine = Engine::new(config.max_wasm_stack(64 << 20)).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = instantiate_with(&mut store, DEEP, &[]);
    for _ in 0..5 {
        assert_eq!(call::<i32, i32>(&mut store, &instance, "f", 200_000).unwrap(), 17);
    }
    let error = call::<i32, ()>(&mut store, &instance, "uncaught", 200_000).unwrap_err();
    assert!(thrown(&error));
    assert_eq!(error.downcast_ref::<WasmBacktrace>().unwrap().frames().len(), 1024);
}

#[test]
fn throwing_and_catching_for_long_does_not_use_memory_up() {
    // Without reclaiming, the exceptions would be more than the limit allows. With references to
    // them, each way of keeping one keeps just the latest.
    let text = r#"(module
        (tag $t (param i64))
        (tag $chain (param exnref i64))
        (global $last (mut exnref) (ref.null exn))
        (table $kept 3 exnref)
        (func $thrower (param i64) (throw $t (local.get 0)))
        (func (export "f") (param $n i32) (result i64) (local $sum i64)
            (loop $l
                (block $h (result i64)
                    (try_table (catch $t $h) (call $thrower (i64.extend_i32_u (local.get $n))))
                    (unreachable))
                (local.set $sum (i64.add (local.get $sum)))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
        (func (export "refs") (param $n i32) (result i64) (local $sum i64)
            (loop $l
                (block $h (result i64 exnref)
                    (try_table (catch_ref $t $h) (call $thrower (i64.extend_i32_u (local.get $n))))
                    (unreachable))
                (global.set $last)
                (local.set $sum (i64.add (local.get $sum)))
                (if (i32.and (local.get $n) (i32.const 1024))
                    (then (table.set $kept (i32.rem_u (local.get $n) (i32.const 3)) (global.get $last))))
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            ;; What is kept is intact.
            (block $h (result i64)
                (try_table (catch $t $h) (throw_ref (global.get $last)))
                (unreachable))
            (block $h (result i64)
                (try_table (catch $t $h) (throw_ref (table.get $kept (i32.const 1))))
                (unreachable))
            (local.get $sum)
            (i64.add)
            (i64.add))
        (func (export "old") (param $n i32) (result i64) (local $sum i64)
            (loop $l
                try
                    try
                        (call $thrower (i64.extend_i32_u (local.get $n)))
                    catch_all
                        rethrow 0
                    end
                catch $t
                    (local.set $sum (i64.add (local.get $sum)))
                end
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum))
        (func (export "chain") (param $n i32)
            (loop $l
                (block $h (result exnref i64 exnref)
                    (try_table (catch_ref $chain $h) (throw $chain (global.get $last) (i64.const 3)))
                    (unreachable))
                (global.set $last)
                (drop)
                (drop)
                (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#;
    let (mut store, instance) = instantiate(text);
    let n = 1_000_000_i32;
    let sum = i64::from(n) * (i64::from(n) + 1) / 2;
    assert_eq!(call::<i32, i64>(&mut store, &instance, "f", n).unwrap(), sum);
    assert_eq!(call::<i32, i64>(&mut store, &instance, "refs", n).unwrap(), sum + 1 + 1024);
    assert_eq!(call::<i32, i64>(&mut store, &instance, "old", n).unwrap(), sum);
    // A chain of so many is too much on any target, and no more than a trap.
    let error = call::<i32, ()>(&mut store, &instance, "chain", 4 * n).unwrap_err();
    assert_eq!(trap_of(&error), Trap::OutOfHeap);
    call::<i32, ()>(&mut store, &instance, "chain", 10).unwrap_err();
}

#[test]
fn deeply_nested_blocks_of_either_form_are_no_problem() {
    const DEPTH: usize = 100_000;
    let mut new = String::from("(module (tag $t) (func (export \"f\") (result i32)\n");
    for _ in 0..DEPTH {
        new.push_str("block try_table (catch_all 0)\n");
    }
    new.push_str("throw $t\n");
    for _ in 0..DEPTH {
        new.push_str("end end throw $t\n");
    }
    new.truncate(new.len() - "throw $t\n".len());
    new.push_str("i32.const 5))");
    assert_eq!(run::<(), i32>(&new, ()).unwrap(), 5);

    let mut old = String::from("(module (tag $t) (func (export \"f\") (result i32)\n");
    for _ in 0..DEPTH {
        old.push_str("try\n");
    }
    old.push_str("throw $t\n");
    for i in 0..DEPTH {
        match i % 3 {
            _ if i == DEPTH - 1 => old.push_str("catch_all end\n"),
            0 => old.push_str("catch_all rethrow 0 end\n"),
            1 => old.push_str("delegate 0\n"),
            _ => old.push_str("catch $t throw $t catch_all end\n"),
        }
    }
    old.push_str("i32.const 6))");
    assert_eq!(run::<(), i32>(&old, ()).unwrap(), 6);
}

#[test]
fn many_clauses_are_searched_in_order() {
    let mut text = String::from("(module\n");
    for i in 0..2000 {
        writeln!(text, "(tag $t{i} (param i32))").unwrap();
    }
    text.push_str("(func (export \"f\") (param i32) (result i32)\n(block $h (result i32)\n");
    text.push_str("(block $never (result i32) (try_table\n");
    for i in 0..2000 {
        let label = if i == 1999 { "$h" } else { "$never" };
        writeln!(text, "(catch $t{i} {label})").unwrap();
    }
    text.push_str("(throw $t1999 (local.get 0))) (unreachable)) (unreachable))))");
    assert_eq!(run::<i32, i32>(&text, 8).unwrap(), 8);
}

#[test]
fn a_call_suspended_in_a_try_goes_on_and_may_throw_there() {
    let text = r#"(module
        (import "" "ask" (func $ask (result i32)))
        (tag $t (param i32))
        (func $inner (result i32) (local $x i32)
            (local.set $x (call $ask))
            (if (i32.gt_s (local.get $x) (i32.const 10)) (then (throw $t (local.get $x))))
            (local.get $x))
        (func (export "f") (result i32) (local $exn exnref) (local $y i32)
            (block $h (result i32 exnref)
                (try_table (catch_ref $t $h) (return (call $inner)))
                (unreachable))
            (local.set $exn)
            (local.set $y)
            (drop (call $ask))
            (block $h (result i32)
                (try_table (catch $t $h) (throw_ref (local.get $exn)))
                (unreachable))
            (i32.add (local.get $y)))
        (func (export "garbage") (local $i i32)
            (loop $l
                (block $h (result exnref)
                    (try_table (catch_all_ref $h) (throw $t (i32.const 0)))
                    (unreachable))
                (drop)
                (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                    (i32.const 10000))))))"#;
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ask = Func::wrap(&mut store, || -> Result<i32> { Err(Suspend::new(()).into()) });
    let instance = instantiate_with(&mut store, text, &[ask.into()]);
    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    let resume = |store: &mut Store<()>, call: ResumableCall<i32>, x: i32| {
        call.suspended().unwrap().resume(store, &[Val::I32(x)]).unwrap()
    };
    let first = f.call_resumable(&mut store, ()).unwrap();
    assert_eq!(resume(&mut store, first, 3).finished(), Some(3));
    let call = f.call_resumable(&mut store, ()).unwrap();
    let call = resume(&mut store, call, 30);
    // The suspended frames hold the only reference to the exception.
    self::call::<(), ()>(&mut store, &instance, "garbage", ()).unwrap();
    assert_eq!(resume(&mut store, call, 0).finished(), Some(60));
}

#[test]
fn an_exception_leaves_a_call_that_was_resumed() {
    let text = r#"(module
        (import "" "ask" (func $ask (result i32)))
        (tag $t (param i32))
        (func (export "f") (result i32) (throw $t (call $ask))))"#;
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ask = Func::wrap(&mut store, || -> Result<i32> { Err(Suspend::new(()).into()) });
    let instance = instantiate_with(&mut store, text, &[ask.into()]);
    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    let call = f.call_resumable(&mut store, ()).unwrap().suspended().unwrap();
    let error = call.resume(&mut store, &[Val::I32(8)]).unwrap_err();
    assert!(thrown(&error));
    let exn = store.take_pending_exception().unwrap();
    assert_eq!(exn.field(&mut store, 0).unwrap().i32(), Some(8));
}

#[test]
fn host_tags_are_imported() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = TagType::new(FuncType::new(&engine, [ValType::I32], []));
    let tag = Tag::new(&mut store, &ty).unwrap();
    let thrower = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>| -> Result<()> {
        let ty = ExnType::from_tag_type(&tag.ty(&caller))?;
        let pre = ExnRefPre::new(&mut caller, ty);
        let exn = ExnRef::new(&mut caller, &pre, &tag, &[Val::I32(12)])?;
        caller.throw(exn)
    });
    let text = r#"(module
        (import "" "t" (tag $t (param i32)))
        (import "" "throw" (func $throw))
        (func (export "f") (result i32)
            (block $h (result i32) (try_table (catch $t $h) (call $throw)) (i32.const 0)))
        (func (export "tail") (return_call $throw))
        (func (export "g") (result i32)
            (block $h (result i32) (try_table (catch $t $h) (call 2)) (i32.const 0))))"#;
    let imports = [Extern::Tag(tag), thrower.into()];
    let instance = instantiate_with(&mut store, text, &imports);
    assert_eq!(call::<(), i32>(&mut store, &instance, "f", ()).unwrap(), 12);
    assert!(thrown(&call::<(), ()>(&mut store, &instance, "tail", ()).unwrap_err()));
    // The host calls its own function: no WebAssembly frame is involved.
    assert!(thrown(&thrower.call(&mut store, &[], &mut []).unwrap_err()));
}

#[test]
fn exceptions_and_objects_keep_each_other_alive() {
    let text = r#"(module
        (type $box (struct (field $e (mut exnref))))
        (type $num (struct (field i32)))
        (tag $t (param i64 (ref null $num)))
        (global $g (mut (ref null $box)) (ref.null $box))
        (func $garbage (local $i i32)
            (loop $l
                (block $h (result i64 (ref null $num) exnref)
                    (try_table (catch_ref $t $h)
                        (throw $t (i64.const 1) (struct.new $num (i32.const 666))))
                    (unreachable))
                (drop)
                (drop)
                (drop)
                (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                    (i32.const 20000)))))
        (func (export "f") (param i32) (result i32) (local $e exnref)
            (block $h (result i64 (ref null $num) exnref)
                (try_table (catch_ref $t $h)
                    (throw $t (i64.const 1) (struct.new $num (local.get 0))))
                (unreachable))
            (local.set $e)
            (drop)
            (drop)
            (global.set $g (struct.new $box (local.get $e)))
            (local.set $e (ref.null exn))
            (call $garbage)
            (block $h (result i64 (ref null $num))
                (try_table (catch $t $h) (throw_ref (struct.get $box $e (global.get $g))))
                (unreachable))
            (struct.get $num 0)
            (local.set 0)
            (drop)
            (local.get 0))
        (func (export "old") (param i32) (result i32)
            try (result i64 (ref null $num))
                (throw $t (i64.const 1) (struct.new $num (local.get 0)))
            catch $t
                (call $garbage)
            end
            (struct.get $num 0)
            (local.set 0)
            drop
            (local.get 0))
        (func (export "again") (param i32) (result i32)
            try (result i64 (ref null $num))
                try
                    (throw $t (i64.const 1) (struct.new $num (local.get 0)))
                catch_all
                    (call $garbage)
                    rethrow 0
                end
                unreachable
            catch $t
            end
            (struct.get $num 0)
            (local.set 0)
            drop
            (local.get 0)))"#;
    let (mut store, instance) = instantiate(text);
    for (i, name) in ["f", "old", "again"].into_iter().enumerate() {
        let value = 40 + i as i32;
        assert_eq!(call::<i32, i32>(&mut store, &instance, name, value).unwrap(), value);
    }
}
