//! Modules with a great many of something: ready in time that grows with their size.

use crate::*;

/// `piece`, `n` times: `%i` stands for the number of each, `%next` and `%before` for
/// its neighbours, `%hex` for its last byte.
fn each(n: usize, piece: &str) -> String {
    let numbered = |i: usize| {
        piece
            .replace("%next", &(i + 1).to_string())
            .replace("%before", &i.saturating_sub(1).to_string())
            .replace("%hex", &format!("{:02x}", i & 0xff))
            .replace("%i", &i.to_string())
    };
    (0..n).map(numbered).collect()
}

const SHAPES: [(&str, Text); 9] = [
    ("functions, each calling the next", |n| {
        let funcs = each(n, "(func $f%i (param i32) (result i32) (call $f%next (local.get 0)))");
        (format!(r#"{funcs} (func $f{n} (export "f0") (param i32) (result i32) local.get 0)"#), 1)
    }),
    ("types", |n| {
        // All different: the digits of their number, written as parameters.
        let digit = |i: usize, digit: u32| if i >> digit & 1 == 0 { " i32" } else { " i64" };
        let digits = |i: usize| (0..16).map(|it| digit(i, it)).collect::<String>();
        let types: String = (0..n).map(|i| format!("(type (func (param{})))", digits(i))).collect();
        (format!(r#"{types} (func (export "f0") (param i32) (result i32) local.get 0)"#), 1)
    }),
    ("globals", |n| {
        let globals = each(n, "(global (mut i32) (i32.const %next))");
        let last = n - 1;
        (
            format!(
                r#"{globals} (func (export "f0") (param i32) (result i32)
                    (i32.mul (local.get 0) (global.get {last})))"#
            ),
            n as i32,
        )
    }),
    ("exports of one function", |n| {
        let exports = each(n, r#"(export "f%i" (func 0))"#);
        (format!("(func (param i32) (result i32) local.get 0) {exports}"), 1)
    }),
    ("data segments", |n| {
        let data = each(n, r#"(data (i32.const %i) "\01\02")"#);
        (
            format!(
                r#"(memory 2) {data}
                (func (export "f0") (param i32) (result i32)
                    (i32.add (i32.load8_u (i32.const {last})) (i32.load8_u (i32.const {n}))))"#,
                last = n - 1
            ),
            3,
        )
    }),
    ("element segments", |n| {
        let elements = each(n, "(elem (i32.const %i) $f)");
        (
            format!(
                r#"(type $t (func (param i32) (result i32))) (table {n} funcref) {elements}
                (func $f (param i32) (result i32) local.get 0)
                (func (export "f0") (param i32) (result i32)
                    (call_indirect (type $t) (local.get 0) (i32.const {last})))"#,
                last = n - 1
            ),
            1,
        )
    }),
    ("elements of one segment", |n| {
        let elements = each(n, " $f");
        (
            format!(
                r#"(type $t (func (param i32) (result i32))) (table {n} funcref)
                (elem (i32.const 0) func{elements})
                (func $f (param i32) (result i32) local.get 0)
                (func (export "f0") (param i32) (result i32)
                    (call_indirect (type $t) (local.get 0) (i32.const {last})))"#,
                last = n - 1
            ),
            1,
        )
    }),
    ("passive segments, dropped", |n| {
        let data = each(n, r#"(data "\01\02")"#);
        let drops = each(n, "(data.drop %i)");
        (
            format!(
                r#"(memory 1) {data}
                (func (export "f0") (param i32) (result i32) {drops} local.get 0)"#
            ),
            1,
        )
    }),
    ("names", |n| {
        let funcs = each(n, "(func $a_name_of_some_length_%i)");
        (format!(r#"{funcs} (func (export "f0") (param i32) (result i32) local.get 0)"#), 1)
    }),
];

#[test]
fn modules_of_very_many_things_work() {
    check_texts(&SHAPES, [1, 2, 300, 10_000]);
}

#[test]
fn modules_are_ready_in_time_in_proportion_to_their_size() {
    let engine = engine();
    for (name, shape) in SHAPES {
        let ready = |bytes: &[u8]| {
            let module = Module::new(&engine, bytes).expect("a valid module");
            let mut store = Store::new(&engine, ());
            Instance::new(&mut store, &module, &[]).expect("an instance");
        };
        let (small, large) = (bytes(shape, 1_000).0, bytes(shape, 10_000).0);
        assert_linear_time(name, 10.0, || ready(&small), || ready(&large));
    }
}

#[test]
fn a_hundred_memories_are_as_good_as_one() {
    const COUNT: usize = 100;
    let memories = each(COUNT, "(memory $m%i 1 3) (data (memory $m%i) (i32.const 8) \"\\%hex\")");
    // f1 grows each memory by a page, marks its last byte, and fills and copies from its neighbour;
    // f0 adds up what is in them.
    let work = each(
        COUNT,
        "(drop (memory.grow $m%i (local.get 0)))
        (i32.store8 $m%i offset=131071 (i32.const 0) (i32.add (local.get 0) (i32.const %i)))
        (memory.fill $m%i (i32.const 100) (i32.const %i) (i32.const 50))
        (memory.copy $m%i $m%before (i32.const 65530) (i32.const 100) (i32.const 12))
        (i64.store $m%i offset=3 align=1 (i32.const 200) (i64.const %i))",
    );
    let sum = each(
        COUNT,
        "(local.set $sum (i32.add (local.get $sum)
            (i32.add (i32.load8_u $m%i (i32.const 8))
            (i32.add (i32.load8_u $m%i offset=131071 (i32.const 0))
            (i32.add (i32.load8_u $m%i offset=65535 (i32.const 0))
                (i32.wrap_i64 (i64.load $m%i offset=203 align=2 (i32.const 0))))))))",
    );
    let text = format!(
        r#"(module {memories}
            (func (export "f0") (param i32) (result i32) (local $sum i32)
                (call $work (local.get 0)) {sum} (local.get $sum))
            (func $work (param i32) {work}))"#
    );
    let bytes = wat::parse_str(text).expect("a valid module");
    let range = 0..COUNT as i32;
    let expected: i32 = range.map(|i| i + (1 + i) + (i - 1).max(0) + i).sum();
    for guard in [true, false] {
        let mut config = Config::new();
        config.signals_based_traps(guard);
        let engine = Engine::new(&config).expect("an engine");
        assert_eq!(call(&engine, &bytes).expect("it works"), expected);
    }
}
