//! Every way in which a host function can end, at every place where it can be called: by each kind
//! of call, under each kind of caller, nested, after growth, and during a start function.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::*;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Outcome {
    Value,
    Trap,
    Error,
    Panic,
    Suspend,
    Throw,
}

const OUTCOMES: [Outcome; 6] = [
    Outcome::Value,
    Outcome::Trap,
    Outcome::Error,
    Outcome::Panic,
    Outcome::Suspend,
    Outcome::Throw,
];

/// Each outcome, without and with growth.
pub(crate) fn outcomes() -> impl Iterator<Item = (Outcome, bool)> {
    OUTCOMES.into_iter().flat_map(|it| [(it, false), (it, true)])
}

/// What the host function does next, and what it saw when it was called last.
pub(crate) struct Plan {
    pub(crate) outcome: Outcome,
    pub(crate) grow: bool,
    pub(crate) seen: Vec<String>,
}

impl Plan {
    pub(crate) fn new(outcome: Outcome, grow: bool) -> Plan {
        Plan { outcome, grow, seen: Vec::new() }
    }
}

#[derive(Debug, PartialEq)]
struct Failed(i32);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed with {}", self.0)
    }
}

impl std::error::Error for Failed {}

/// The payload of a panic.
struct Thrown(i32);

/// Functions that add one and the last byte of memory to what they got add to `inner`; the others
/// pass it on by a tail call. `act` is the host function that ends in all ways; `nest` and `twice`
/// are host functions that call `direct` and `nested` of their caller.
pub(crate) const INNER: &str = r#"(module
    (type $t (func (param i32) (result i32)))
    (import "" "" (func $act (type $t)))
    (import "" "" (func $nest (type $t)))
    (import "" "" (func $twice (type $t)))
    (memory (export "memory") 1)
    (table 1 funcref)
    (elem (i32.const 0) $act)
    (func $add (param i32) (result i32)
        (i32.add (local.get 0) (i32.add (i32.const 1)
            (i32.load8_u (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))))))
    (func $direct (export "direct") (type $t) (call $add (call $act (local.get 0))))
    (func $indirect (export "indirect") (type $t)
        (call $add (call_indirect (type $t) (local.get 0) (i32.const 0))))
    (func $by_ref (export "by_ref") (type $t)
        (call $add (call_ref $t (local.get 0) (ref.func $act))))
    (func $tail (export "tail") (type $t) (return_call $act (local.get 0)))
    (func $tail_indirect (export "tail_indirect") (type $t)
        (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
    (func $tail_ref (export "tail_ref") (type $t)
        (return_call_ref $t (local.get 0) (ref.func $act)))
    (func $under_tail (export "under_tail") (type $t) (call $add (call $tail (local.get 0))))
    (func $nested (export "nested") (type $t) (call $add (call $nest (local.get 0))))
    (func $nested_tail (export "nested_tail") (type $t) (return_call $nest (local.get 0)))
    (func $nested_twice (export "nested_twice") (type $t)
        (call $add (call $twice (local.get 0)))))"#;

/// Another instance, whose memory nobody grows.
pub(crate) const OUTER: &str = r#"(module
    (type $t (func (param i32) (result i32)))
    (import "" "" (func $direct (type $t)))
    (import "" "" (func $tail (type $t)))
    (import "" "" (func $nested (type $t)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\01")
    (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.load8_u (i32.const 0))))
    (func $across (export "across") (type $t) (call $add (call $direct (local.get 0))))
    (func $across_tail (export "across_tail") (type $t) (return_call $direct (local.get 0)))
    (func $across_to_tail (export "across_to_tail") (type $t)
        (call $add (call $tail (local.get 0))))
    (func $across_all_tail (export "across_all_tail") (type $t) (return_call $tail (local.get 0)))
    (func $across_nested (export "across_nested") (type $t)
        (call $add (call $nested (local.get 0)))))"#;

pub(crate) const STARTER: &str = r#"(module
    (import "" "" (func $act (param i32) (result i32)))
    (memory (export "memory") 1)
    (global (export "result") (mut i32) (i32.const 0))
    (func $start
        (global.set 0 (i32.add (call $act (i32.const 7))
            (i32.load8_u (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))))))
    (start $start))"#;

#[derive(Clone, Copy)]
pub(crate) struct Position {
    pub(crate) export: &'static str,
    /// Functions that are active when `act` is called, innermost first.
    pub(crate) frames: &'static [&'static str],
    /// How many of them add to the result, in the inner and in the outer instance.
    pub(crate) adds: (i32, i32),
}

const fn at(
    export: &'static str,
    frames: &'static [&'static str],
    inner: i32,
    outer: i32,
) -> Position {
    Position { export, frames, adds: (inner, outer) }
}

const POSITIONS: [Position; 15] = [
    at("direct", &["direct"], 1, 0),
    at("indirect", &["indirect"], 1, 0),
    at("by_ref", &["by_ref"], 1, 0),
    // The activation has no frame of WebAssembly left.
    at("tail", &[], 0, 0),
    at("tail_indirect", &[], 0, 0),
    at("tail_ref", &[], 0, 0),
    at("under_tail", &["under_tail"], 1, 0),
    at("nested", &["direct", "nested"], 2, 0),
    at("nested_tail", &["direct"], 1, 0),
    at("nested_twice", &["direct", "nested", "nested_twice"], 3, 0),
    at("across", &["direct", "across"], 1, 1),
    at("across_tail", &["direct"], 1, 0),
    at("across_to_tail", &["across_to_tail"], 0, 1),
    at("across_all_tail", &[], 0, 0),
    at("across_nested", &["direct", "nested", "across_nested"], 2, 1),
];

pub(crate) fn names(backtrace: &WasmBacktrace) -> Vec<String> {
    backtrace.frames().iter().map(|frame| frame.func_name().unwrap_or("?").to_owned()).collect()
}

/// The host function that ends as planned. A result is ten times the argument.
fn act(mut caller: Caller<'_, Plan>, x: i32) -> Result<i32> {
    begin(&mut caller)?;
    end(&mut caller, x)
}

/// What the host function does first: it looks round, and grows the memory if it is to.
pub(crate) fn begin(caller: &mut Caller<'_, Plan>) -> Result<()> {
    let seen = names(&WasmBacktrace::capture(&*caller));
    caller.data_mut().seen = seen;
    if caller.data().grow {
        let memory = caller.get_export("memory").and_then(Extern::into_memory).unwrap();
        memory.grow(&mut *caller, 30)?;
        *memory.data_mut(&mut *caller).last_mut().unwrap() = 1;
    }
    Ok(())
}

/// What it ends with.
pub(crate) fn end(caller: &mut Caller<'_, Plan>, x: i32) -> Result<i32> {
    match caller.data().outcome {
        Outcome::Value => Ok(10 * x),
        Outcome::Trap => Err(Trap::Interrupt.into()),
        Outcome::Error => Err(Failed(x).into()),
        // As `panic!` does, but without a message on the terminal.
        Outcome::Panic => resume_unwind(Box::new(Thrown(x))),
        Outcome::Suspend => Err(Suspend::new(x).into()),
        Outcome::Throw => {
            let ty = TagType::new(FuncType::new(caller.engine(), [ValType::I32], []));
            let tag = Tag::new(&mut *caller, &ty)?;
            let pre = ExnRefPre::new(&mut *caller, ExnType::from_tag_type(&ty)?);
            let exn = ExnRef::new(&mut *caller, &pre, &tag, &[Val::I32(x)])?;
            caller.throw(exn)
        }
    }
}

/// A host function that calls an export of its caller. Suspended, that call is resumed at once.
fn nest(caller: &mut Caller<'_, Plan>, export: &str, x: i32) -> Result<i32> {
    let before = names(&WasmBacktrace::capture(&*caller));
    let instance = caller.instance().unwrap();
    let func = instance.get_typed_func::<i32, i32>(&mut *caller, export)?;
    let result = catch_unwind(AssertUnwindSafe(|| match func.call_resumable(&mut *caller, x)? {
        ResumableCall::Finished(result) => Ok(result),
        ResumableCall::Suspended(call) => {
            assert_eq!(call.payload().downcast_ref(), Some(&x));
            let call = call.resume(&mut *caller, &[Val::I32(10 * x)])?;
            Ok(call.finished().unwrap())
        }
    }));
    // However the nested call ended, the frames of this one are as they were.
    assert_eq!(names(&WasmBacktrace::capture(&*caller)), before);
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

/// The instances, in a store whose engine allows no more activations than the positions need: one
/// that is not ended properly shows.
fn build(engine: &Engine) -> (Store<Plan>, Instance, Instance, Func) {
    let mut store = Store::new(engine, Plan::new(Outcome::Value, false));
    let act = Func::wrap(&mut store, act);
    let nested = Func::wrap(&mut store, |mut caller: Caller<'_, Plan>, x: i32| {
        nest(&mut caller, "direct", x)
    });
    let twice = Func::wrap(&mut store, |mut caller: Caller<'_, Plan>, x: i32| {
        nest(&mut caller, "nested", x)
    });
    let inner = instantiate_with(&mut store, INNER, &[act.into(), nested.into(), twice.into()]);
    let imports = imports_of_outer(&mut store, inner);
    let outer = instantiate_with(&mut store, OUTER, &imports);
    (store, inner, outer, act)
}

/// What an instance of [`OUTER`] takes of one of [`INNER`].
pub(crate) fn imports_of_outer(store: &mut Store<Plan>, inner: Instance) -> [Extern; 3] {
    ["direct", "tail", "nested"]
        .map(|name| Extern::Func(inner.get_func(&mut *store, name).unwrap()))
}

pub(crate) fn engines() -> [Engine; 2] {
    [true, false].map(|guard| {
        let mut config = Config::new();
        config.max_activations(3).signals_based_traps(guard);
        config.wasm_features(WasmFeatures::FUNCTION_REFERENCES, true);
        Engine::new(&config).unwrap()
    })
}

/// Checks a failure against the outcome that was planned, with the backtrace if there is one.
pub(crate) fn check_failure(
    store: &mut Store<Plan>,
    outcome: Outcome,
    result: std::thread::Result<Result<i32>>,
    x: i32,
    frames: &[&str],
    place: &str,
) {
    let error = match result {
        Err(panic) => {
            assert_eq!(outcome, Outcome::Panic, "{place}");
            assert_eq!(panic.downcast_ref::<Thrown>().unwrap().0, x, "{place}");
            return;
        }
        Ok(result) => result.expect_err(place),
    };
    match outcome {
        Outcome::Trap => assert_eq!(trap_of(&error), Trap::Interrupt, "{place}"),
        Outcome::Error => assert_eq!(error.downcast_ref(), Some(&Failed(x)), "{place}"),
        Outcome::Suspend => {
            assert!(format!("{error:#}").contains("cannot be resumed"), "{place}: {error:#}");
        }
        Outcome::Throw => {
            assert!(error.downcast_ref::<ThrownException>().is_some(), "{place}: {error:?}");
            let exn = store.take_pending_exception().expect(place);
            assert_eq!(exn.field(&mut *store, 0).unwrap().i32(), Some(x), "{place}");
        }
        Outcome::Value | Outcome::Panic => panic!("{place}: {error:?}"),
    }
    let found = error.downcast_ref::<WasmBacktrace>().map(names).unwrap_or_default();
    assert_eq!(found, frames, "{place}");
}

/// An outcome at a position.
pub(crate) struct Case {
    pub(crate) outcome: Outcome,
    pub(crate) grow: bool,
    /// The function that leads to the position.
    pub(crate) func: TypedFunc<i32, i32>,
    pub(crate) position: Position,
    /// Position and outcome, for messages.
    pub(crate) place: String,
}

impl Case {
    /// The value of the last byte of the inner memory.
    pub(crate) fn mark(&self) -> i32 {
        i32::from(self.grow)
    }

    /// The result of `func` for `x`, if there is one.
    pub(crate) fn expected(&self, x: i32) -> i32 {
        let (inner, outer) = self.position.adds;
        10 * x + inner * (1 + self.mark()) + outer
    }
}

/// Has each outcome checked at each position, in the instances that `build` makes.
pub(crate) fn check_positions(
    build: impl Fn(&Engine) -> (Store<Plan>, Instance, Instance, Func),
    check: impl Fn(Store<Plan>, Instance, Case),
) {
    for engine in engines() {
        for position in POSITIONS {
            for (outcome, grow) in outcomes() {
                let (mut store, inner, outer, _) = build(&engine);
                let export = position.export;
                let place = format!("{export}, {outcome:?}, growing: {grow}");
                let instance = if export.starts_with("across") { outer } else { inner };
                let func = instance.get_typed_func(&mut store, export).unwrap();
                check(store, inner, Case { outcome, grow, func, position, place });
            }
        }
    }
}

#[test]
fn every_outcome_arrives_from_every_position_and_the_store_works_afterwards() {
    check_positions(build, check_position);
}

fn check_position(mut store: Store<Plan>, inner: Instance, case: Case) {
    let Case { outcome, func, place, position: Position { export, frames, .. }, .. } = &case;
    let (outcome, mark) = (*outcome, case.mark());
    let direct = inner.get_typed_func::<i32, i32>(&mut store, "direct").unwrap();
    for x in 1..6 {
        let expected = case.expected(x);
        *store.data_mut() = Plan::new(outcome, case.grow);
        // The host functions between make their calls resumable, so only a call from outside can
        // be one that is not.
        let nested = export.contains("nested");
        let result = catch_unwind(AssertUnwindSafe(|| func.call(&mut store, x)));
        if outcome == Outcome::Value || (outcome == Outcome::Suspend && nested) {
            assert_eq!(result.unwrap().unwrap(), expected, "{place}");
        } else {
            check_failure(&mut store, outcome, result, x, frames, place);
        }
        assert_eq!(store.data().seen, *frames, "{place}");
        assert!(WasmBacktrace::capture(&store).frames().is_empty(), "{place}");

        if outcome == Outcome::Suspend && !nested {
            let call = func.call_resumable(&mut store, x).unwrap();
            let call = call.suspended().unwrap();
            assert_eq!(call.payload().downcast_ref(), Some(&x), "{place}");
            // While it waits, its place on the stack is used.
            store.data_mut().outcome = Outcome::Value;
            assert_eq!(direct.call(&mut store, 9).unwrap(), 91 + mark, "{place}");
            let call = call.resume(&mut store, &[Val::I32(10 * x)]).unwrap();
            assert_eq!(call.finished(), Some(expected), "{place}");
        }

        *store.data_mut() = Plan::new(Outcome::Value, false);
        assert_eq!(direct.call(&mut store, 5).unwrap(), 51 + mark, "{place}");
        let deep = inner.get_typed_func::<i32, i32>(&mut store, "nested_twice").unwrap();
        assert_eq!(deep.call(&mut store, 5).unwrap(), 50 + 3 * (1 + mark), "{place}");
    }
}

/// Has each outcome checked of the host function itself.
pub(crate) fn check_direct(
    build: impl Fn(&Engine) -> (Store<Plan>, Instance, Instance, Func),
    check: impl Fn(&mut Store<Plan>, TypedFunc<i32, i32>, Outcome, i32),
) {
    for engine in engines() {
        for outcome in OUTCOMES {
            let (mut store, _, _, act) = build(&engine);
            let act = act.typed::<i32, i32>(&store).unwrap();
            for x in 1..6 {
                store.data_mut().outcome = outcome;
                check(&mut store, act, outcome, x);
                assert!(store.data().seen.is_empty());
            }
        }
    }
}

#[test]
fn every_outcome_arrives_from_a_host_function_called_directly() {
    check_direct(build, |store, act, outcome, x| {
        let result = catch_unwind(AssertUnwindSafe(|| act.call(&mut *store, x)));
        if outcome == Outcome::Value {
            assert_eq!(result.unwrap().unwrap(), 10 * x);
        } else {
            check_failure(store, outcome, result, x, &[], "called directly");
        }
        if outcome == Outcome::Suspend {
            let call = act.call_resumable(&mut *store, x).unwrap().suspended().unwrap();
            let call = call.resume(store, &[Val::I32(3)]).unwrap();
            assert_eq!(call.finished(), Some(3));
        }
    });
}

#[test]
fn every_outcome_arrives_from_a_start_function() {
    for engine in engines() {
        for (outcome, grow) in outcomes() {
            let place = format!("start, {outcome:?}, growing: {grow}");
            let (mut store, inner, _, act) = build(&engine);
            let starter = module(&engine, STARTER);
            for _ in 0..4 {
                *store.data_mut() = Plan::new(outcome, grow);
                let result = catch_unwind(AssertUnwindSafe(|| {
                    let instance = Instance::new(&mut store, &starter, &[act.into()])?;
                    let global = instance.get_global(&mut store, "result").unwrap();
                    Ok(global.get(&mut store).unwrap_i32())
                }));
                if outcome == Outcome::Value {
                    assert_eq!(result.unwrap().unwrap(), 70 + i32::from(grow), "{place}");
                } else {
                    check_failure(&mut store, outcome, result, 7, &["start"], &place);
                }
                assert_eq!(store.data().seen, ["start"], "{place}");
                *store.data_mut() = Plan::new(Outcome::Value, false);
                let deep = inner.get_typed_func::<i32, i32>(&mut store, "nested_twice").unwrap();
                assert_eq!(deep.call(&mut store, 5).unwrap(), 53, "{place}");
            }
        }
    }
}

/// A start function that is itself a host function has no frame.
#[test]
fn every_outcome_arrives_from_a_host_function_as_start_function() {
    let text = r#"(module (import "" "" (func $start)) (start $start))"#;
    for engine in engines() {
        let starter = module(&engine, text);
        let mut store = Store::new(&engine, Plan::new(Outcome::Value, false));
        let start = Func::wrap(&mut store, |caller: Caller<'_, Plan>| act(caller, 4).map(drop));
        for outcome in [OUTCOMES, OUTCOMES].concat() {
            store.data_mut().outcome = outcome;
            let result = catch_unwind(AssertUnwindSafe(|| {
                Instance::new(&mut store, &starter, &[start.into()]).map(|_| 0)
            }));
            if outcome == Outcome::Value {
                assert_eq!(result.unwrap().unwrap(), 0);
            } else {
                check_failure(&mut store, outcome, result, 4, &[], "start");
            }
        }
    }
}
