//! Random programs that hold references in locals, on the operand stack and in objects, with a
//! collection before every allocation, against a model of them. What the collector is not told of is
//! reused at once, and the results differ.

use std::fmt::Write;
use std::rc::Rc;

use crate::*;

/// References that a function has as locals besides its parameter.
const LOCALS: u32 = 3;
/// Functions of a program; each calls only those before it.
const FUNCS: usize = 4;

/// An expression of type `(ref null $n)`.
enum Expr {
    Null,
    Local(u32),
    Tee(u32, Box<Expr>),
    New(i32, Box<Expr>, Box<Expr>),
    /// A call of an earlier function.
    Call(usize, Box<Expr>),
    /// A choice by a bit of the integer parameter.
    If(u32, Box<Expr>, Box<Expr>),
    /// The same without a branch.
    Select(u32, Box<Expr>, Box<Expr>),
    /// A field, or null of null.
    Left(Box<Expr>),
    /// The first one is dropped.
    Then(Box<Expr>, Box<Expr>),
    /// Through `anyref` and back by a branch on a cast.
    Cast(Box<Expr>),
    /// An element of an array of all.
    Pick(usize, Vec<Expr>),
}

struct Node {
    value: i32,
    left: Ref,
    right: Ref,
}

type Ref = Option<Rc<Node>>;

/// Knuth's MMIX generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(n)) as u32
    }

    fn expr(&mut self, func: usize, depth: u32) -> Expr {
        if depth == 0 {
            return if self.below(4) == 0 {
                Expr::Null
            } else {
                Expr::Local(self.below(LOCALS + 1))
            };
        }
        let sub = |random: &mut Random| Box::new(random.expr(func, depth - 1));
        match self.below(13) {
            0 => Expr::Local(self.below(LOCALS + 1)),
            1 | 2 => Expr::Tee(self.below(LOCALS + 1), sub(self)),
            3..=5 => Expr::New(self.below(1000) as i32, sub(self), sub(self)),
            6 if func > 0 => Expr::Call(self.below(func as u32) as usize, sub(self)),
            7 => Expr::If(self.below(3), sub(self), sub(self)),
            8 => Expr::Select(self.below(3), sub(self), sub(self)),
            9 => Expr::Left(sub(self)),
            10 => Expr::Then(sub(self), sub(self)),
            11 => Expr::Cast(sub(self)),
            12 => {
                let all: Vec<Expr> = (0..3).map(|_| self.expr(func, depth - 1)).collect();
                Expr::Pick(self.below(3) as usize, all)
            }
            _ => Expr::New(self.below(1000) as i32, sub(self), Box::new(Expr::Null)),
        }
    }
}

/// Writes an expression; `labels` counts the labels.
fn write(out: &mut String, expr: &Expr, labels: &mut u32) {
    let mut two = |out: &mut String, a: &Expr, b: &Expr| {
        write(out, a, labels);
        write(out, b, labels);
    };
    match expr {
        Expr::Null => out.push_str("(ref.null $n)"),
        Expr::Local(local) => _ = write!(out, "(local.get {})", reference(*local)),
        Expr::Tee(local, value) => {
            _ = write!(out, "(local.tee {} ", reference(*local));
            write(out, value, labels);
            out.push(')');
        }
        Expr::New(value, left, right) => {
            _ = write!(out, "(struct.new $n (i32.const {value})");
            two(out, left, right);
            out.push(')');
        }
        Expr::Call(func, argument) => {
            _ = write!(out, "(call $f{func} ");
            write(out, argument, labels);
            out.push_str("(local.get 1))");
        }
        Expr::If(bit, yes, no) => {
            _ = write!(out, "(if (result (ref null $n)) {} (then ", condition(*bit));
            write(out, yes, labels);
            out.push_str(") (else ");
            write(out, no, labels);
            out.push_str("))");
        }
        Expr::Select(bit, yes, no) => {
            out.push_str("(select (result (ref null $n)) ");
            two(out, yes, no);
            _ = write!(out, "{})", condition(*bit));
        }
        Expr::Left(value) => {
            let label = *labels;
            *labels += 1;
            _ = write!(
                out,
                "(block $o{label} (result (ref null $n)) (block $z{label} \
                 (br $o{label} (struct.get $n 1 (br_on_null $z{label} "
            );
            write(out, value, labels);
            out.push_str(")))) (ref.null $n))");
        }
        Expr::Then(first, second) => {
            out.push_str("(block (result (ref null $n)) (drop ");
            write(out, first, labels);
            out.push(')');
            write(out, second, labels);
            out.push(')');
        }
        Expr::Cast(value) => {
            let label = *labels;
            *labels += 1;
            _ = write!(
                out,
                "(block $o{label} (result (ref null $n)) (drop \
                 (br_on_cast $o{label} anyref (ref null $n) "
            );
            write(out, value, labels);
            out.push_str(")) (unreachable))");
        }
        Expr::Pick(index, all) => {
            _ = write!(out, "(array.get $a (array.new_fixed $a {} ", all.len());
            all.iter().for_each(|expr| write(out, expr, labels));
            _ = write!(out, ") (i32.const {index}))");
        }
    }
}

/// The WebAssembly local of a reference: parameter 1 is the integer.
fn reference(local: u32) -> u32 {
    if local == 0 { 0 } else { local + 1 }
}

fn condition(bit: u32) -> String {
    format!("(i32.and (local.get 1) (i32.const {}))", 1 << bit)
}

fn evaluate(expr: &Expr, funcs: &[Expr], locals: &mut [Ref], n: i32) -> Ref {
    let mut run = |expr: &Expr| evaluate(expr, funcs, locals, n);
    match expr {
        Expr::Null => None,
        Expr::Local(local) => locals[*local as usize].clone(),
        Expr::Tee(local, value) => {
            let value = run(value);
            locals[*local as usize] = value.clone();
            value
        }
        Expr::New(value, left, right) => {
            let (left, right) = (run(left), run(right));
            Some(Rc::new(Node { value: *value, left, right }))
        }
        Expr::Call(func, argument) => {
            let argument = run(argument);
            call(funcs, *func, argument, n)
        }
        Expr::If(bit, yes, no) => run(if n >> bit & 1 != 0 { yes } else { no }),
        Expr::Select(bit, yes, no) => {
            let (yes, no) = (run(yes), run(no));
            if n >> bit & 1 != 0 { yes } else { no }
        }
        Expr::Left(value) => run(value).and_then(|node| node.left.clone()),
        Expr::Then(first, second) => {
            run(first);
            run(second)
        }
        Expr::Cast(value) => run(value),
        Expr::Pick(index, all) => {
            let mut all: Vec<Ref> = all.iter().map(run).collect();
            all.swap_remove(*index)
        }
    }
}

fn call(funcs: &[Expr], func: usize, argument: Ref, n: i32) -> Ref {
    let mut locals = vec![None; LOCALS as usize + 1];
    locals[0] = argument;
    evaluate(&funcs[func], funcs, &mut locals, n)
}

/// What a tree is reduced to, down to some depth; the exported `hash` does the same.
fn hash(node: &Ref, depth: i32) -> i32 {
    match node {
        Some(node) if depth > 0 => {
            let (left, right) = (hash(&node.left, depth - 1), hash(&node.right, depth - 1));
            node.value.wrapping_add(left.wrapping_mul(31)).wrapping_add(right.wrapping_mul(17))
        }
        Some(_) => 2,
        None => 1,
    }
}

const HASH: &str = r#"
    (func $hash (param $x (ref null $n)) (param $d i32) (result i32)
        (if (ref.is_null (local.get $x)) (then (return (i32.const 1))))
        (if (i32.eqz (local.get $d)) (then (return (i32.const 2))))
        (i32.add (i32.add
            (struct.get $n 0 (local.get $x))
            (i32.mul (i32.const 31)
                (call $hash (struct.get $n 1 (local.get $x)) (i32.sub (local.get $d) (i32.const 1)))))
            (i32.mul (i32.const 17)
                (call $hash (struct.get $n 2 (local.get $x)) (i32.sub (local.get $d) (i32.const 1))))))"#;

#[test]
fn random_programs_with_references_agree_with_the_model_whenever_it_collects() {
    let mut config = Config::new();
    config.gc_always(true);
    let engine = Engine::new(&config).unwrap();
    for seed in 0..60 {
        let mut random = Random(seed);
        let funcs: Vec<Expr> = (0..FUNCS).map(|func| random.expr(func, 4)).collect();
        let mut text = String::from(
            "(module (rec (type $n (struct (field i32) (field (ref null $n)) (field (ref null $n))))) \
             (type $a (array (ref null $n)))",
        );
        let mut labels = 0;
        for (i, func) in funcs.iter().enumerate() {
            _ = write!(text, "(func $f{i} (param (ref null $n) i32) (result (ref null $n)) (local");
            (0..LOCALS).for_each(|_| text.push_str(" (ref null $n)"));
            text.push(')');
            write(&mut text, func, &mut labels);
            text.push(')');
        }
        text.push_str(HASH);
        let last = FUNCS - 1;
        _ = write!(
            text,
            "(func (export \"run\") (param i32) (result i32) (call $hash (call $f{last} \
             (struct.new $n (i32.const 5) (ref.null $n) (ref.null $n)) (local.get 0)) (i32.const 8))))"
        );
        let mut store = Store::new(&engine, ());
        let instance = instantiate_with(&mut store, &text, &[]);
        let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
        for n in 0..8 {
            let argument = Some(Rc::new(Node { value: 5, left: None, right: None }));
            let expected = hash(&call(&funcs, last, argument, n), 8);
            assert_eq!(run.call(&mut store, n).unwrap(), expected, "seed {seed}, n {n}: {text}");
        }
    }
}
