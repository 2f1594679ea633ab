//! Random call graphs across three instances, with exceptions, and host functions that re-enter,
//! grow, trap, err, throw, panic and suspend, compared with a simple model after every call from outside.
//!
//! `THREADLE_STRESS_STEPS` sets how many actions are executed (default 50,000) and
//! `THREADLE_STRESS_SEED` where to begin; a failure prints its seed.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::*;

/// Functions of each instance.
const FUNCS: usize = 5;
const HOSTS: usize = 6;
const INSTANCES: usize = 3;
/// Memory cells of each instance that are used.
const CELLS: usize = 4;
const MAX_PAGES: u32 = 6;

/// One deterministic sequence of random numbers.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Wasm(usize, usize),
    Host(usize),
}

impl Target {
    fn random(random: &mut Random) -> Target {
        match random.below(3) {
            0 => Target::Host(random.below(HOSTS)),
            _ => Target::Wasm(random.below(INSTANCES), random.below(FUNCS)),
        }
    }

    /// Its place in the table that all instances share.
    fn slot(self) -> usize {
        match self {
            Target::Wasm(instance, func) => instance * FUNCS + func,
            Target::Host(host) => INSTANCES * FUNCS + host,
        }
    }
}

/// What a function of an instance does, on an accumulator.
#[derive(Clone, Copy, Debug)]
enum Action {
    Mix(i32),
    Cell(usize),
    Grow(i32),
    Global,
    TrapIf(i32),
    ThrowIf(i32),
    Try(Target),
    OldTry(Target),
    Call(Target),
    CallIndirect(Target),
    TailCall(Target),
    TailCallIndirect(Target),
}

/// What a host function does.
#[derive(Clone, Copy, Debug)]
enum HostAction {
    Typed(usize, usize),
    Values(usize, usize),
    Catch(usize, usize),
    GrowAndWrite,
    Fail,
    Suspend,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Failure {
    Trap(Trap),
    Error(i32),
    Panic(i32),
    Exception(i32),
}

impl Failure {
    fn number(self) -> i32 {
        match self {
            Failure::Trap(trap) => -(trap as i32),
            Failure::Error(code) => code.wrapping_add(1),
            Failure::Panic(code) => code.wrapping_mul(5),
            Failure::Exception(code) => code.wrapping_mul(11),
        }
    }
}

#[derive(Clone)]
struct Program {
    funcs: Vec<Vec<Vec<Action>>>,
    hosts: Vec<HostAction>,
}

impl Program {
    fn random(random: &mut Random) -> Program {
        let func = |random: &mut Random| {
            let mut actions = Vec::new();
            for _ in 0..1 + random.below(4) {
                actions.push(match random.below(13) {
                    0 => Action::Mix(random.below(100) as i32),
                    1 => Action::Cell(random.below(CELLS)),
                    2 => Action::Grow(random.below(2) as i32),
                    3 => Action::Global,
                    4 => Action::TrapIf(random.below(40) as i32),
                    5 => Action::ThrowIf(random.below(40) as i32),
                    6 | 7 => Action::Try(Target::random(random)),
                    8 => Action::OldTry(Target::random(random)),
                    9 | 10 => Action::Call(Target::random(random)),
                    _ => Action::CallIndirect(Target::random(random)),
                });
            }
            match random.below(4) {
                0 => actions.push(Action::TailCall(Target::random(random))),
                1 => actions.push(Action::TailCallIndirect(Target::random(random))),
                _ => {}
            }
            actions
        };
        let funcs = (0..INSTANCES).map(|_| (0..FUNCS).map(|_| func(random)).collect()).collect();
        let hosts = (0..HOSTS)
            .map(|i| {
                let (instance, func) = (random.below(INSTANCES), random.below(FUNCS));
                match i {
                    0 => HostAction::Typed(instance, func),
                    1 => HostAction::Values(instance, func),
                    2 => HostAction::Catch(instance, func),
                    3 => HostAction::GrowAndWrite,
                    4 => HostAction::Fail,
                    _ => HostAction::Suspend,
                }
            })
            .collect();
        Program { funcs, hosts }
    }

    /// The text of an instance's module. Functions of instances before it and host functions are
    /// imported; all others are only in the table.
    fn text(&self, instance: usize) -> String {
        let ty = "(param i32 i32) (result i32)";
        let mut text = String::from("(module (type $t (func (param i32 i32) (result i32)))\n");
        writeln!(text, r#"(import "" "table" (table {} funcref))"#, TABLE).unwrap();
        writeln!(text, r#"(import "" "global" (global $g (mut i32)))"#).unwrap();
        writeln!(text, r#"(import "" "tag" (tag $e (param i32)))"#).unwrap();
        for host in 0..HOSTS {
            writeln!(text, r#"(import "" "h{host}" (func $h{host} {ty}))"#).unwrap();
        }
        for before in 0..instance {
            for func in 0..FUNCS {
                writeln!(text, r#"(import "" "i{before}f{func}" (func $i{before}f{func} {ty}))"#)
                    .unwrap();
            }
        }
        writeln!(text, r#"(memory (export "memory") 1 {MAX_PAGES})"#).unwrap();
        let list: String = (0..FUNCS).map(|func| format!(" $i{instance}f{func}")).collect();
        writeln!(text, "(elem (i32.const {}) func{list})", instance * FUNCS).unwrap();
        for (func, actions) in self.funcs[instance].iter().enumerate() {
            writeln!(
                text,
                r#"(func $i{instance}f{func} (export "f{func}") (param $d i32) (param $a i32)
                    (result i32)
                    (if (i32.le_s (local.get $d) (i32.const 0)) (then (return (local.get $a))))
                    (local.set $d (i32.sub (local.get $d) (i32.const 1)))"#
            )
            .unwrap();
            for action in actions {
                text += &self.action(instance, *action);
                text.push('\n');
            }
            text += "(local.get $a))\n";
        }
        text + ")"
    }

    fn action(&self, instance: usize, action: Action) -> String {
        let args = "(local.get $d) (local.get $a)";
        match action {
            Action::Mix(c) => format!(
                "(local.set $a (i32.add (i32.mul (local.get $a) (i32.const 3)) (i32.const {c})))"
            ),
            Action::Cell(cell) => format!(
                "(i32.store offset={0} (i32.const 0)
                    (i32.add (i32.load offset={0} (i32.const 0)) (local.get $a)))
                (local.set $a (i32.xor (local.get $a) (i32.load (i32.const {0}))))",
                4 * cell
            ),
            Action::Grow(delta) => format!(
                "(local.set $a (i32.add (local.get $a) (memory.grow (i32.const {delta}))))
                (i32.store8 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))
                    (i32.const 1))"
            ),
            Action::Global => "(global.set $g (i32.add (global.get $g) (local.get $a)))
                (local.set $a (i32.add (local.get $a) (global.get $g)))"
                .into(),
            Action::TrapIf(c) => format!(
                "(if (i32.eq (i32.rem_u (local.get $a) (i32.const 40)) (i32.const {c}))
                    (then (unreachable)))"
            ),
            Action::ThrowIf(c) => format!(
                "(if (i32.eq (i32.rem_u (local.get $a) (i32.const 40)) (i32.const {c}))
                    (then (throw $e (local.get $a))))"
            ),
            Action::Try(target) => format!(
                "(local.set $a (block $done (result i32)
                    (i32.xor (i32.const {CAUGHT}) (block $h (result i32)
                        (br $done (try_table (result i32) (catch $e $h) {}))))))",
                call(instance, target)
            ),
            Action::OldTry(target) => format!(
                "try (result i32)
                    {}
                catch $e
                    (i32.xor (i32.const {CAUGHT}))
                end
                local.set $a",
                call(instance, target)
            ),
            Action::Call(target) => format!("(local.set $a {})", call(instance, target)),
            Action::CallIndirect(target) => format!("(local.set $a {})", call_indirect(target)),
            Action::TailCall(target) => match name(instance, target) {
                Some(name) => format!("(return_call {name} {args})"),
                None => self.action(instance, Action::TailCallIndirect(target)),
            },
            Action::TailCallIndirect(target) => {
                format!("(return_call_indirect (type $t) {args} (i32.const {}))", target.slot())
            }
        }
    }
}

const TABLE: usize = INSTANCES * FUNCS + HOSTS;

/// What a caught exception's payload is mixed with.
const CAUGHT: i32 = 85;

fn call_indirect(target: Target) -> String {
    let slot = target.slot();
    format!("(call_indirect (type $t) (local.get $d) (local.get $a) (i32.const {slot}))")
}

/// A call, direct if possible.
fn call(instance: usize, target: Target) -> String {
    match name(instance, target) {
        Some(name) => format!("(call {name} (local.get $d) (local.get $a))"),
        None => call_indirect(target),
    }
}

/// The name by which an instance can call a function directly.
fn name(instance: usize, target: Target) -> Option<String> {
    match target {
        Target::Host(host) => Some(format!("$h{host}")),
        Target::Wasm(other, func) if other <= instance => Some(format!("$i{other}f{func}")),
        Target::Wasm(..) => None,
    }
}

/// The simple model: the same program, executed directly.
struct Model<'a> {
    program: &'a Program,
    cells: [[i32; CELLS]; INSTANCES],
    pages: [u32; INSTANCES],
    global: i32,
    steps: u64,
}

impl Model<'_> {
    fn call(&mut self, target: Target, caller: usize, d: i32, a: i32) -> Result<i32, Failure> {
        match target {
            Target::Wasm(instance, func) => self.wasm(instance, func, d, a),
            Target::Host(host) => self.host(host, caller, d, a),
        }
    }

    fn wasm(&mut self, instance: usize, func: usize, d: i32, mut a: i32) -> Result<i32, Failure> {
        if d <= 0 {
            return Ok(a);
        }
        let d = d - 1;
        for &action in &self.program.funcs[instance][func] {
            self.steps += 1;
            match action {
                Action::Mix(c) => a = a.wrapping_mul(3).wrapping_add(c),
                Action::Cell(cell) => {
                    let cell = &mut self.cells[instance][cell];
                    *cell = cell.wrapping_add(a);
                    a ^= *cell;
                }
                Action::Grow(delta) => a = a.wrapping_add(self.grow(instance, delta as u32)),
                Action::Global => {
                    self.global = self.global.wrapping_add(a);
                    a = a.wrapping_add(self.global);
                }
                Action::TrapIf(c) if a as u32 % 40 == c as u32 => {
                    return Err(Failure::Trap(Trap::UnreachableCodeReached));
                }
                Action::TrapIf(_) => {}
                Action::ThrowIf(c) if a as u32 % 40 == c as u32 => {
                    return Err(Failure::Exception(a));
                }
                Action::ThrowIf(_) => {}
                Action::Try(target) | Action::OldTry(target) => {
                    a = match self.call(target, instance, d, a) {
                        Err(Failure::Exception(payload)) => payload ^ CAUGHT,
                        other => other?,
                    };
                }
                Action::Call(target) | Action::CallIndirect(target) => {
                    a = self.call(target, instance, d, a)?;
                }
                Action::TailCall(target) | Action::TailCallIndirect(target) => {
                    return self.call(target, instance, d, a);
                }
            }
        }
        Ok(a)
    }

    fn grow(&mut self, instance: usize, delta: u32) -> i32 {
        let pages = &mut self.pages[instance];
        if *pages + delta > MAX_PAGES {
            return -1;
        }
        *pages += delta;
        (*pages - delta) as i32
    }

    fn host(&mut self, host: usize, caller: usize, d: i32, a: i32) -> Result<i32, Failure> {
        self.steps += 1;
        match self.program.hosts[host] {
            HostAction::Typed(i, f) | HostAction::Values(i, f) => self.wasm(i, f, d - 1, a),
            HostAction::Catch(i, f) => {
                Ok(self.wasm(i, f, d - 1, a).unwrap_or_else(Failure::number))
            }
            HostAction::GrowAndWrite => {
                let old = self.grow(caller, 1);
                self.cells[caller][0] = self.cells[caller][0].wrapping_sub(a);
                Ok(a.wrapping_add(old))
            }
            HostAction::Fail => fail(a).map_or(Ok(a), Err),
            HostAction::Suspend => Ok(answer(a)),
        }
    }
}

/// How the failing host function fails on an argument.
fn fail(a: i32) -> Option<Failure> {
    match a as u32 % 32 {
        3 => Some(Failure::Trap(Trap::Interrupt)),
        7 => Some(Failure::Error(a)),
        11 => Some(Failure::Panic(a)),
        19 | 20 => Some(Failure::Exception(a)),
        _ => None,
    }
}

/// What the embedder answers to a suspended call.
fn answer(a: i32) -> i32 {
    a.wrapping_mul(7).wrapping_add(1)
}

#[derive(Debug)]
struct HostError(i32);

impl std::fmt::Display for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "host error {}", self.0)
    }
}

impl std::error::Error for HostError {}

/// The payload of a panic.
struct Thrown(i32);

#[derive(Default)]
struct Data {
    instances: Vec<Instance>,
    tag: Option<Tag>,
    /// Calls from host functions now active.
    nesting: u32,
}

type Call = TypedFunc<(i32, i32), i32>;

fn call_nested(
    caller: &mut Caller<'_, Data>,
    (i, f): (usize, usize),
    (d, a): (i32, i32),
    typed: bool,
) -> Result<i32> {
    let instance = caller.data().instances[i];
    let func = instance.get_func(&mut *caller, &format!("f{f}")).unwrap();
    let frames = WasmBacktrace::capture(&*caller).frames().len();
    caller.data_mut().nesting += 1;
    let result = catch_unwind(AssertUnwindSafe(|| {
        if typed {
            func.typed::<(i32, i32), i32>(&*caller)?.call(&mut *caller, (d, a))
        } else {
            let mut result = [Val::I32(0)];
            func.call(&mut *caller, &[Val::I32(d), Val::I32(a)], &mut result)?;
            Ok(result[0].unwrap_i32())
        }
    }));
    caller.data_mut().nesting -= 1;
    // However the nested call ended, the frames of this one are as they were.
    assert_eq!(WasmBacktrace::capture(&*caller).frames().len(), frames);
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

fn failure_of(
    mut store: impl AsContextMut,
    result: std::thread::Result<Result<i32>>,
) -> Result<i32, Failure> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.is::<ThrownException>() => {
            let exn = store.as_context_mut().take_pending_exception().unwrap();
            Err(Failure::Exception(exn.field(store, 0).unwrap().unwrap_i32()))
        }
        Ok(Err(error)) => Err(match error.downcast_ref::<HostError>() {
            Some(error) => Failure::Error(error.0),
            None => Failure::Trap(trap_of(&error)),
        }),
        Err(panic) => match panic.downcast::<Thrown>() {
            Ok(thrown) => Err(Failure::Panic(thrown.0)),
            Err(panic) => resume_unwind(panic),
        },
    }
}

fn host(action: HostAction, mut caller: Caller<'_, Data>, d: i32, a: i32) -> Result<i32> {
    match action {
        HostAction::Typed(i, f) => call_nested(&mut caller, (i, f), (d - 1, a), true),
        HostAction::Values(i, f) => call_nested(&mut caller, (i, f), (d - 1, a), false),
        HostAction::Catch(i, f) => {
            let result = catch_unwind(AssertUnwindSafe(|| {
                call_nested(&mut caller, (i, f), (d - 1, a), true)
            }));
            Ok(failure_of(caller, result).unwrap_or_else(Failure::number))
        }
        HostAction::GrowAndWrite => {
            let memory = caller.get_export("memory").and_then(Extern::into_memory).unwrap();
            let old = memory.grow(&mut caller, 1).map_or(-1, |pages| pages as i32);
            let cell = &mut memory.data_mut(&mut caller)[..4];
            let value = i32::from_le_bytes(cell.try_into().unwrap()).wrapping_sub(a);
            cell.copy_from_slice(&value.to_le_bytes());
            Ok(a.wrapping_add(old))
        }
        HostAction::Fail => match fail(a) {
            None => Ok(a),
            Some(Failure::Trap(trap)) => Err(trap.into()),
            Some(Failure::Error(code)) => Err(HostError(code).into()),
            // As `panic!` does, but without a message on the terminal.
            Some(Failure::Panic(code)) => resume_unwind(Box::new(Thrown(code))),
            Some(Failure::Exception(code)) => {
                let tag = caller.data().tag.unwrap();
                let ty = ExnType::from_tag_type(&tag.ty(&caller))?;
                let pre = ExnRefPre::new(&mut caller, ty);
                let exn = ExnRef::new(&mut caller, &pre, &tag, &[Val::I32(code)])?;
                caller.throw(exn)
            }
        },
        HostAction::Suspend if caller.data().nesting == 0 => Err(Suspend::new(a).into()),
        HostAction::Suspend => Ok(answer(a)),
    }
}

/// A store with the instances of a program, and their functions.
fn build(engine: &Engine, program: &Program) -> (Store<Data>, Global, Vec<Vec<Call>>) {
    let mut store = Store::new(engine, Data::default());
    let mut linker = Linker::new(engine);
    let ty = TableType::new(RefType::FUNCREF, TABLE as u32, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let ty = GlobalType::new(ValType::I32, Mutability::Var);
    let global = Global::new(&mut store, ty, Val::I32(0)).unwrap();
    linker.define(&store, "", "table", table).unwrap();
    linker.define(&store, "", "global", global).unwrap();
    let ty = TagType::new(FuncType::new(store.engine(), [ValType::I32], []));
    let tag = Tag::new(&mut store, &ty).unwrap();
    store.data_mut().tag = Some(tag);
    linker.define(&store, "", "tag", tag).unwrap();
    for (i, &action) in program.hosts.iter().enumerate() {
        let f = Func::wrap(&mut store, move |caller: Caller<'_, Data>, d: i32, a: i32| {
            host(action, caller, d, a)
        });
        table.set(&mut store, Target::Host(i).slot() as u64, f.into()).unwrap();
        linker.define(&store, "", &format!("h{i}"), f).unwrap();
    }
    let mut calls = Vec::new();
    for i in 0..INSTANCES {
        let module = module(engine, &program.text(i));
        let instance = linker.instantiate(&mut store, &module).unwrap();
        store.data_mut().instances.push(instance);
        let mut row = Vec::new();
        for f in 0..FUNCS {
            let func = instance.get_func(&mut store, &format!("f{f}")).unwrap();
            linker.define(&store, "", &format!("i{i}f{f}"), func).unwrap();
            row.push(func.typed(&store).unwrap());
        }
        calls.push(row);
    }
    (store, global, calls)
}

/// Calls a function to its end, answering whenever it is suspended.
fn run(store: &mut Store<Data>, call: &Call, d: i32, a: i32) -> Result<i32> {
    let mut state = call.call_resumable(&mut *store, (d, a))?;
    loop {
        match state {
            ResumableCall::Finished(value) => return Ok(value),
            ResumableCall::Suspended(call) => {
                let a = *call.payload().downcast_ref::<i32>().unwrap();
                state = call.resume(&mut *store, &[Val::I32(answer(a))])?;
            }
        }
    }
}

pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn random_programs_agree_with_the_model() {
    let limit = setting("THREADLE_STRESS_STEPS", 50_000);
    let mut seed = setting("THREADLE_STRESS_SEED", 1);
    let engines = [Engine::default(), checking_engine()];
    let mut steps = 0;
    let mut failures = [0_u64; 5];
    while steps < limit {
        let mut random = Random(seed);
        let program = Program::random(&mut random);
        let engine = &engines[seed as usize % 2];
        let (mut store, global, calls) = build(engine, &program);
        let mut model = Model {
            program: &program,
            cells: Default::default(),
            pages: [1; INSTANCES],
            global: 0,
            steps: 0,
        };
        for round in 0..20 {
            let (i, f) = (random.below(INSTANCES), random.below(FUNCS));
            let (d, a) = (random.below(6) as i32, random.below(1000) as i32);
            let expected = model.wasm(i, f, d, a);
            let found = catch_unwind(AssertUnwindSafe(|| run(&mut store, &calls[i][f], d, a)));
            let found = failure_of(&mut store, found);
            let place = format!("seed {seed}, round {round}: i{i}f{f}({d}, {a})");
            assert_eq!(found, expected, "{place}");
            failures[match found {
                Ok(_) => 0,
                Err(Failure::Trap(_)) => 1,
                Err(Failure::Error(_)) => 2,
                Err(Failure::Panic(_)) => 3,
                Err(Failure::Exception(_)) => 4,
            }] += 1;
            assert_eq!(global.get(&mut store).unwrap_i32(), model.global, "{place}");
            for i in 0..INSTANCES {
                let instance = store.data().instances[i];
                let memory = instance.get_memory(&mut store, "memory").unwrap();
                assert_eq!(memory.size(&store), u64::from(model.pages[i]), "{place}");
                let cells = memory.data(&store).chunks(4).take(CELLS);
                let cells: Vec<_> =
                    cells.map(|cell| i32::from_le_bytes(cell.try_into().unwrap())).collect();
                assert_eq!(cells, model.cells[i], "{place}, instance {i}");
            }
        }
        steps += model.steps;
        seed += 1;
    }
    println!("{steps} steps; returned, trapped, failed, panicked, threw: {failures:?}");
    assert!(failures.iter().all(|&count| count > 0), "{failures:?}");
}
