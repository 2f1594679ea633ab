//! Many operands on the stack, under whatever is entered, left and called above them.

use super::growth::{allocated, assert_linear_time};
use super::{Text, bytes, check_texts, engine};
use threadle::Module;

fn f0(body: &str) -> String {
    format!(r#"(func (export "f0") (param i32) (result i32) {body})"#)
}

/// `n` operands wait while `n` blocks are entered one after the other.
fn under(n: usize, block: &str) -> (String, i32) {
    let sum = "i32.add ".repeat(n);
    (
        f0(&format!("i32.const 6 {} {} {sum}", "local.get 0 ".repeat(n), block.repeat(n))),
        6 + n as i32,
    )
}

/// Parameters, and results, of the blocks that have many.
const MANY: usize = 1000;

/// `n` conditions, each inside the one before, or one after the other, of as many values.
fn conditional(n: usize, open: &str, close: &str, inside: &str) -> (String, i32) {
    let values = "i32.const 1 ".repeat(MANY);
    let types = "i32 ".repeat(MANY);
    let text = format!(
        r#"(type $many (func (param {types}) (result {types})))
        (func $inner (param i32) (result {types}) {values} {} {inside} {})
        {}"#,
        open.repeat(n),
        close.repeat(n),
        f0(&format!("(call $inner (local.get 0)) {}", "i32.add ".repeat(MANY - 1))),
    );
    (text, MANY as i32)
}

const SHAPES: [(&str, Text); 14] = [
    ("blocks", |n| under(n, "(block) ")),
    ("loops", |n| under(n, "(loop) ")),
    ("conditions", |n| under(n, "local.get 0 (if (then)) ")),
    ("conditions with two arms", |n| under(n, "local.get 0 (if (then) (else)) ")),
    ("tries", |n| under(n, "(try_table) ")),
    ("tries that catch", |n| under(n, "(block (try_table (catch_all 0))) ")),
    ("tries of the older form", |n| under(n, "try end ")),
    ("tries of the older form that catch", |n| under(n, "try catch_all end ")),
    ("nested conditions with parameters", |n| {
        conditional(n, "local.get 0 if (type $many) ", "end ", "")
    }),
    ("nested conditions with parameters and two arms", |n| {
        conditional(n, "local.get 0 if (type $many) ", "else end ", "")
    }),
    ("arms that return many values", |n| {
        conditional(n, "local.get 0 i32.eqz if (type $many) return else end ", "", "")
    }),
    ("branches that carry many values", |n| conditional(n, "local.get 0 i32.eqz br_if 0 ", "", "")),
    ("branches that carry many values down", |n| {
        let branch = "local.get 0 i32.eqz br_if 1 ";
        let types = "i32 ".repeat(MANY);
        let open = format!("i32.const 5 (block (result {types}) i32.const 6 i32.const 7 ");
        let values = "i32.const 1 ".repeat(MANY);
        let inside = format!("{open} {values} {} return ) unreachable", branch.repeat(n));
        let text = format!("(func $inner (param i32) (result {types}) {inside})");
        let sum = f0(&format!("(call $inner (local.get 0)) {}", "i32.add ".repeat(MANY - 1)));
        (format!("{text} {sum}"), MANY as i32)
    }),
    ("references below calls", |n| {
        // Each round changes a local that some operand far below still holds.
        let locals = "(local anyref) ".repeat(n);
        let gets: String = (1..=n).map(|local| format!("local.get {local} ")).collect();
        let rounds: String =
            (1..=n).map(|local| format!("(local.set {local} (ref.null any)) (call $f) ")).collect();
        let body = format!("{locals} {gets} {rounds} {} i32.const 3", "drop ".repeat(n));
        (format!("(func $f) {}", f0(&body)), 3)
    }),
];

#[test]
fn operands_survive_whatever_is_entered_above_them() {
    check_texts(&SHAPES, [1, 2, 5, 300]);
}

/// Translation took operands times blocks.
#[test]
fn translation_takes_time_in_proportion_whatever_stands_on_the_stack() {
    let engine = engine();
    for (name, shape) in SHAPES {
        let [small, large] = [1_000, 10_000].map(|n| bytes(shape, n).0);
        let translate = |bytes: &[u8]| drop(Module::new(&engine, bytes).expect("valid"));
        assert_linear_time(name, 10.0, || translate(&small), || translate(&large));
    }
}

/// 45 kB used to take 600 MB.
#[test]
fn translation_takes_memory_in_proportion_whatever_stands_on_the_stack() {
    let engine = engine();
    for (name, shape) in SHAPES {
        let bytes = bytes(shape, 8_000).0;
        let work = allocated(|| drop(Module::new(&engine, &bytes).expect("valid")));
        // Straight code takes about 80 times its size at most: operands, instructions, plans.
        let most = 300 * bytes.len() as u64;
        assert!(work.bytes_max < most, "{name}: {work:?} for {} bytes", bytes.len());
    }
}
