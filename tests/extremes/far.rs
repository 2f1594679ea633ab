//! Functions with more slots than 16-bit operands reach: what such a function does is what it does with
//! fewer, whose results are the model here.

use threadle::{Caller, Func, Instance, Linker, TypedFunc};

use crate::*;

/// What is put into functions so that they have far slots.
#[derive(Clone, Copy, Debug)]
struct Padding {
    /// Declarations of locals ahead of those that are used.
    locals: &'static str,
    /// How many operands lie below all others.
    operands: usize,
}

/// In text: more locals, of two slots and of one, than 16 bits count.
const LOCALS: usize = 24_900;

const PADDINGS: [Padding; 4] = [
    Padding { locals: "", operands: 0 },
    Padding { locals: "v128 i32", operands: 0 },
    Padding { locals: "", operands: 70_000 },
    Padding { locals: "v128 externref", operands: 33_000 },
];

impl Padding {
    fn fill(self, text: &str) -> String {
        let locals = format!("(local{})", format!(" {}", self.locals).repeat(LOCALS));
        let locals = if self.locals.is_empty() { String::new() } else { locals };
        let push = "(local.get $n)".repeat(self.operands);
        let pop = "(local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u)))"
            .replace("(i64.extend_i32_u)", "(i64.extend_i32_u (local.get $top))");
        let pop = format!("(local.set $top){pop}").repeat(self.operands);
        text.replace("PAD", &locals).replace("PUSH", &push).replace("POP", &pop)
    }
}

/// `run` does a bit of everything with locals of every type; its operands lie below it all.
const TEXT: &str = r#"(module
    (type $object (struct (field $number (mut i32)) (field $next (mut (ref null $object)))))
    (type $unary (func (param i32) (result i32)))
    (type $step (func (param i32 i64 f64 v128 (ref null $object)) (result i64)))
    (type $mixed (func (param i32 i64 f32 f64 v128 (ref null $object)) (result v128 (ref null $object) f64 f32 i64 i32)))
    (import "host" "again" (func $again (param i32) (result i32)))
    (tag $thrown (param i64 (ref null $object) v128))
    (memory 1)
    (table funcref (elem $double $triple $throws $step))
    (global $counted (mut i64) (i64.const 0))

    (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
    (func $triple (type $unary) (i32.mul (local.get 0) (i32.const 3)))
    (func $throws (type $unary)
        (throw $thrown (i64.extend_i32_s (local.get 0)) (struct.new $object (local.get 0) (ref.null $object))
            (i64x2.splat (i64.const 77))))
    (func $mixed (type $mixed)
        (local.get 4) (local.get 5) (local.get 3) (local.get 2) (local.get 1) (local.get 0))

    (func $weigh (param $v v128) (result i64)
        (i64.add (i64x2.extract_lane 0 (local.get $v)) (i64x2.extract_lane 1 (local.get $v))))

    ;; The parameters' types differ from where they end up, so that all slots take part in the tail call.
    (func $step (export "step") (type $step) (param $n i32) (param $i i64) (param $f f64) (param $v v128) (param $o (ref null $object)) (result i64)
        (local $sum i64) (local $top i32) PAD (local $last i64)
        (local.set $last (i64.add (local.get $i) (i64.trunc_sat_f64_s (local.get $f))))
        PUSH
        (if (i32.eqz (i32.rem_u (local.get $n) (i32.const 7)))
            (then
                (if (i32.eqz (local.get $n))
                    (then (return (i64.add (local.get $last) (i64.add (call $weigh (local.get $v))
                        (i64.extend_i32_u (struct.get $object $number (local.get $o))))))))
                (return_call_indirect (type $step)
                    (i32.sub (local.get $n) (i32.const 1)) (local.get $last)
                    (f64.add (local.get $f) (f64.const 1)) (local.get $v) (local.get $o) (i32.const 3))))
        (if (i32.and (local.get $n) (i32.const 1))
            (then (return_call_ref $step
                (i32.sub (local.get $n) (i32.const 1)) (local.get $last) (local.get $f)
                (i32x4.add (local.get $v) (i32x4.splat (local.get $n)))
                (struct.new $object (local.get $n) (local.get $o)) (ref.func $step))))
        (return_call $step
            (i32.sub (local.get $n) (i32.const 1)) (local.get $last) (local.get $f) (local.get $v) (local.get $o)))

    (func $many (export "many") (param $n i32) (result i64 v128 i64 (ref null $object) i32 f32 i64)
        (local $sum i64) (local $top i32) PAD (local $o (ref null $object))
        (local.set $o (struct.new $object (local.get $n) (ref.null $object)))
        PUSH
        (if (local.get $n) (then
            (return (i64.const 1) (i64x2.splat (i64.const 2)) (i64.const 3) (local.get $o) (local.get $n) (f32.const 6)
                (i64.const 7))))
        POP
        (local.get $sum) (i64x2.splat (i64.const 20)) (i64.const 30) (local.get $o) (local.get $n) (f32.const 60) (i64.const 70))

    (func $deep (export "deep") (param $n i32) (result i32)
        (local $sum i64) (local $top i32) PAD
        PUSH
        (i32.store (i32.const 64) (local.get $n))
        (if (local.get $n) (then
            (return (i32.add (i32.const 1) (call $deep (i32.sub (local.get $n) (i32.const 1)))))))
        (return (i32.const 0)))

    (func (export "run") (param $n i32) (result i64)
        (local $sum i64) (local $top i32) PAD
        (local $i i32) (local $l i64) (local $s f32) (local $d f64) (local $v v128)
        (local $o (ref null $object)) (local $list (ref null $object)) (local $f funcref) (local $untouched i64)
        PUSH
        (local.set $l (i64.const 0x123456789))
        (local.set $d (f64.const 1.5))
        (block $done (loop $next
            (br_if $done (i32.ge_u (local.get $i) (i32.const 20)))
            (local.set $list (struct.new $object (local.get $i) (local.get $list)))
            (local.set $s (f32.add (local.get $s) (f32.convert_i32_u (local.get $i))))
            (local.set $d (f64.mul (local.get $d) (f64.const 1.25)))
            (local.set $v (i32x4.add (local.get $v) (i32x4.splat (local.get $i))))
            ;; An operand waits for its local to change.
            (local.set $l (i64.xor (local.tee $l (i64.add (local.get $l) (i64.const 3))) (i64.rotl (local.get $l) (i64.const 7))))
            (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u
                (block $a (result i32) (block $b (result i32) (block $c (result i32)
                    (i32.add (local.get $i) (i32.const 100))
                    (br_table $a $b $c (i32.rem_u (local.get $i) (i32.const 4))))
                    (i32.add (i32.const 1000)))
                    (i32.add (i32.const 10000))))))
            (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u
                (call_indirect (type $unary) (local.get $i) (i32.and (local.get $i) (i32.const 1))))))
            ;; Many values of many types: there, back, and out of a block.
            (block $values (result v128 (ref null $object) f64 f32 i64 i32)
                (call $mixed (local.get $i) (local.get $l) (local.get $s) (local.get $d) (local.get $v) (local.get $list))
                (br_if $values (i32.and (local.get $i) (i32.const 2))))
            (local.set $i) (local.set $l) (local.set $s) (local.set $d) (local.set $list) (local.set $v)
            ;; What is thrown is caught here, with an object and a vector.
            (block $caught (result i64 (ref null $object) v128)
                (try_table (catch $thrown $caught)
                    (drop (call_indirect (type $unary) (local.get $i) (i32.const 2))))
                (unreachable))
            (local.set $v (i64x2.add (local.get $v))) (local.set $o)
            (local.set $sum (i64.add (local.get $sum)))
            (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (struct.get $object $number (local.get $o)))))
            (block $null
                (struct.set $object $number (br_on_null $null (local.get $o)) (i32.const 9))
                (local.set $f (ref.func $double)))
            (i64.store offset=8 (i32.mul (local.get $i) (i32.const 8)) (local.get $l))
            (memory.copy (i32.const 4096) (i32.const 8) (i32.const 100))
            (local.set $sum (i64.add (local.get $sum) (i64.load (i32.add (i32.const 4088) (i32.mul (local.get $i) (i32.const 4))))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $next)))
        ;; The host calls another such function, which collects and comes back.
        (if (local.get $n) (then
            (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (call $again (i32.sub (local.get $n) (i32.const 1))))))))
        (local.set $i (i32.const 0))
        (block $end (loop $next
            (br_on_null $end (local.get $list)) (drop)
            (local.set $i (i32.add (i32.mul (local.get $i) (i32.const 3)) (struct.get $object $number (local.get $list))))
            (local.set $list (struct.get $object $next (local.get $list)))
            (br $next)))
        POP
        (i64.add (local.get $sum) (i64.add (i64.extend_i32_u (local.get $i)) (i64.add (local.get $l)
            (i64.add (call $weigh (local.get $v)) (i64.add (i64.reinterpret_f64 (local.get $d))
            (i64.add (local.get $untouched) (i64.extend_i32_u (i32.add (ref.is_null (local.get $f)) (i32.reinterpret_f32 (local.get $s))))))))))))
"#;

fn config() -> Config {
    let mut config = Config::new();
    config.gc_always(true).max_wasm_stack(64 << 20);
    config
}

/// A module with this padding in a store of its own.
fn instance(config: &Config, padding: Padding) -> (Store<()>, Instance) {
    let engine = Engine::new(config).expect("an engine");
    let bytes = wat::parse_str(padding.fill(TEXT)).expect("well-formed text");
    let module = Module::new(&engine, &bytes).expect("a valid module");
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let again = |mut caller: Caller<'_, ()>, n: i32| -> Result<i32> {
        let run = caller.get_export("run").and_then(|it| it.into_func()).expect("it is exported");
        let run: TypedFunc<i32, i64> = run.typed(&caller)?;
        Ok(run.call(&mut caller, n)? as i32)
    };
    let again = Func::wrap(&mut store, again);
    linker.define(&store, "host", "again", again).expect("a new name");
    let instance = linker.instantiate(&mut store, &module).expect("an instance");
    (store, instance)
}

/// What the operands below the others add to a sum.
fn below(padding: Padding, n: i32) -> i64 {
    padding.operands as i64 * i64::from(n)
}

#[test]
fn locals_and_operands_of_every_type_work_beyond_the_reach_of_operands() {
    let mut results = Vec::new();
    for padding in PADDINGS {
        let (mut store, instance) = instance(&config(), padding);
        let run = instance.get_typed_func::<i32, i64>(&mut store, "run").expect("exported");
        let mut row = Vec::new();
        for n in [0, 1, 4] {
            // Each of the calls inside adds what is below its operands to the one around it, as 32 bits.
            let sum = run.call(&mut store, n).expect("it runs");
            row.push((sum, n));
        }
        results.push((padding, row));
    }
    let model = |n: i32| results[0].1.iter().find(|it| it.1 == n).expect("a result").0;
    for (padding, row) in &results {
        assert_eq!(row[0].0, model(0), "{padding:?}");
        // With operands below, inner results differ by what is below them.
        let expected = model(1) + below(*padding, 1);
        assert_eq!(row[1].0, expected, "{padding:?}");
        if padding.operands == 0 {
            assert_eq!(row[2].0, model(4), "{padding:?}");
        }
    }
}

#[test]
fn tail_calls_of_functions_with_far_slots_take_arguments_of_every_type_and_no_stack() {
    // Ten times as deep as the stack would allow for calls.
    let mut expected = None;
    for padding in PADDINGS {
        let mut config = config();
        config.gc_always(false).max_wasm_stack(8 << 20);
        let (mut store, instance) = instance(&config, padding);
        let step = instance.get_func(&mut store, "step").expect("exported");
        let mut result = [threadle::Val::I64(0)];
        let arguments = [
            threadle::Val::I32(1001),
            threadle::Val::I64(5),
            threadle::Val::F64(2.5_f64.to_bits()),
            threadle::Val::V128(threadle::V128::from(1 << 64 | 9)),
            threadle::Val::AnyRef(None),
        ];
        step.call(&mut store, &arguments, &mut result).expect("it runs");
        let sum = result[0].unwrap_i64();
        assert_eq!(*expected.get_or_insert(sum), sum, "{padding:?}");
    }
}

#[test]
fn functions_with_far_slots_return_many_values_of_every_type() {
    for padding in PADDINGS {
        let (mut store, instance) = instance(&config(), padding);
        let many = instance.get_func(&mut store, "many").expect("exported");
        for n in [0, 6] {
            let mut results = vec![threadle::Val::I32(0); 7];
            many.call(&mut store, &[threadle::Val::I32(n)], &mut results).expect("it runs");
            let object = results.remove(3);
            let object = object
                .unwrap_anyref()
                .expect("no null")
                .unwrap_struct(&store)
                .expect("a structure");
            assert_eq!(object.field(&mut store, 0).expect("a field").unwrap_i32(), n);
            let numbers: Vec<u64> = results
                .iter()
                .map(|value| match value {
                    threadle::Val::I32(it) => *it as u64,
                    threadle::Val::I64(it) => *it as u64,
                    threadle::Val::F32(bits) => u64::from(*bits),
                    threadle::Val::V128(bits) => bits.as_u128() as u64,
                    _ => unreachable!("no such type"),
                })
                .collect();
            let float = |value: f32| u64::from(value.to_bits());
            let expected = match n {
                0 => [0, 20, 30, 0, float(60.0), 70],
                _ => [1, 2, 3, 6, float(6.0), 7],
            };
            assert_eq!(numbers, expected, "{padding:?}");
        }
    }
}

#[test]
fn frames_with_far_slots_overflow_the_stack_as_a_trap_and_the_store_lives_on() {
    for padding in PADDINGS {
        let mut config = config();
        config.max_wasm_stack(4 << 20);
        let (mut store, instance) = instance(&config, padding);
        let deep = instance.get_typed_func::<i32, i32>(&mut store, "deep").expect("exported");
        let mut first = None;
        for _ in 0..2 {
            let mut fits = 0;
            while deep.call(&mut store, fits).is_ok() {
                fits = 2 * fits + 1;
            }
            let error = deep.call(&mut store, fits).expect_err("too deep");
            assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::StackOverflow), "{padding:?}");
            assert_eq!(deep.call(&mut store, 1).expect("it fits"), 1, "{padding:?}");
            assert_eq!(*first.get_or_insert(fits), fits, "{padding:?}");
        }
    }
}

/// A function whose operands are results of calls, so that its stack is deep though the function is small:
/// `n` times a thousand values, of which only the first is looked at.
fn thousands(n: usize) -> Vec<u8> {
    let many = format!("(result{})", " i32".repeat(1000));
    let constants = (0..1000).map(|i| format!("(i32.const {i})")).collect::<String>();
    let text = format!(
        r#"(module
            (func $many {many} {constants})
            (func (export "f0") (param i32) (result i32)
                (local.get 0) {} {}))"#,
        "(call $many)".repeat(n),
        "(drop)".repeat(1000 * n)
    );
    wat::parse_str(text).expect("well-formed text")
}

#[test]
fn operands_may_be_as_many_as_the_stack_holds() {
    let mut config = Config::new();
    config.max_wasm_stack(64 << 20).compilation_mode(CompilationMode::Eager);
    let engine = Engine::new(&config).expect("an engine");
    for n in [30, 31, 32, 33, 1000] {
        assert_eq!(call(&engine, &thousands(n)).expect("it fits"), 1, "{n}");
    }
    let mut config = Config::new();
    config.max_wasm_stack(1 << 20);
    let engine = Engine::new(&config).expect("an engine");
    let error = call(&engine, &thousands(1000)).expect_err("the stack is too small");
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
}

/// About the largest function that is valid, all of it operands.
#[test]
fn the_largest_function_takes_no_more_room_than_its_size_asks_for() {
    // Two bytes push an operand, and one adds it.
    let size = 7_654_000;
    let n = size / 3;
    let code = [[LOCAL_GET, 0].repeat(n), vec![I32_ADD; n - 1]].concat();
    let bytes = module(&[body(0, &code)]);
    let mut config = Config::new();
    config.max_wasm_stack(64 << 20);
    let engine = Engine::new(&config).expect("an engine");
    let work = allocated(|| assert_eq!(call(&engine, &bytes).expect("it fits"), n as i32));
    // Four times as much as for a function whose operands do not wait.
    assert!(work.bytes_max < 150 * bytes.len() as u64, "{work:?}");
}
