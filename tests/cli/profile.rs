//! `threadle profile`: what it counts, and what it writes.

use threadle::isa::{OPS, PLAIN_COUNT};

use super::*;

const PROGRAM: &str = r#"(module
    (tag $done)
    (func $fib (param i32) (result i32)
      (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
        (then (local.get 0))
        (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                       (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func $even (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
      (return_call $odd (i32.sub (local.get 0) (i32.const 1))))
    (func $odd (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
      (return_call $even (i32.sub (local.get 0) (i32.const 1))))
    (func $throws (throw $done))
    (func $passes (call $throws))
    (func $catches (block $caught (try_table (catch $done $caught) (call $passes))))
    (func (export "run") (param i32) (result i32)
      (local $i i32)
      (loop $again
        (call $catches)
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_s (local.get $i) (i32.const 5))))
      (i32.add (call $fib (local.get 0)) (call $even (local.get 0)))))"#;

/// A file for the command to write.
fn output(name: &str) -> String {
    file(name, "")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).expect("the command has written it")
}

/// Rows of the functions in a table: name, own, total, calls.
fn functions(table: &str) -> Vec<(String, u64, u64, u64)> {
    let rows = table.lines().skip_while(|line| !line.starts_with("functions:")).skip(1);
    rows.take_while(|line| !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |at: usize| words[at].parse().expect("a number");
            (words[7..].join(" "), number(2), number(5), number(6))
        })
        .collect()
}

/// The number in a line that begins so.
fn number(text: &str, start: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(start)).expect("the line");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

#[test]
fn totals_are_those_of_the_counting_table_in_every_output() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let program = file("profiled.wat", PROGRAM);
    let ops = output("profile.ops");
    assert_eq!(run(&["profile", "--ops", &ops, "--invoke", "run", &program, "10"]).out, "56\n");
    let total = number(&read(&ops), "ops: ");
    assert!(total > 100);

    let names = ["profile.table", "profile.collapsed", "profile.callgrind"].map(output);
    let [table, collapsed, callgrind] = &names;
    let ran = run(&[
        "profile",
        "--table",
        table,
        "--collapsed",
        collapsed,
        "--callgrind",
        callgrind,
        "--invoke",
        "run",
        &program,
        "10",
    ]);
    assert_eq!((ran.code, &*ran.out, &*ran.err), (0, "56\n", ""));
    let table = read(table);
    let dispatched = total;
    let total = number(&table, "total: ");
    // What is dispatched are the instructions, but where several are fused.
    match OPS.len() == PLAIN_COUNT {
        true => assert_eq!(dispatched, total),
        false => assert!(dispatched < total, "{dispatched} dispatched of {total}"),
    }
    let rows = functions(&table);
    assert_eq!(rows.iter().map(|row| row.1).sum::<u64>(), total);
    let stacks = read(collapsed);
    let counts = stacks.lines().map(|line| line.rsplit_once(' ').expect("a count").1);
    assert_eq!(counts.map(|count| count.parse::<u64>().expect("a number")).sum::<u64>(), total);
    assert!(stacks.contains("\nrun;fib;fib;fib "), "{stacks}");
    assert!(stacks.contains("\nrun;catches;passes;throws "), "{stacks}");

    let text = read(callgrind);
    assert_eq!(number(&text, "summary: "), total);
    let mut own = 0;
    let mut is_call = false;
    for line in text.lines() {
        if line.starts_with("0x") && !is_call {
            own += line.split(' ').nth(2).and_then(|n| n.parse::<u64>().ok()).expect("a cost");
        }
        is_call = line.starts_with("calls=");
    }
    assert_eq!(own, total);
}

#[test]
fn calls_are_counted_through_recursion_tail_calls_and_exceptions() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let program = file("profiled.wat", PROGRAM);
    // Without a file to write, the table goes to standard error.
    let ran = run(&["profile", "--invoke", "run", &program, "10"]);
    let rows = functions(&ran.err);
    let row = |name: &str| rows.iter().find(|row| row.0 == name).expect("the function").clone();
    for (name, calls) in [
        ("run", 1),
        ("fib", 177),
        ("even", 6),
        ("odd", 5),
        ("catches", 5),
        ("passes", 5),
        ("throws", 5),
    ] {
        assert_eq!(row(name).3, calls, "{name}\n{}", ran.err);
    }
    let total = number(&ran.err, "total: ");
    assert_eq!(row("run").2, total);
    // Recursion counts once.
    assert_eq!(row("fib").1, row("fib").2);
    // What the caught function spent is part of the one that caught it.
    assert_eq!(row("catches").2, row("catches").1 + row("passes").2);
}

#[test]
fn lines_are_those_of_the_debug_information() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dwarf");
    let program = folder.join("trap-c.wasm");
    let program = program.to_str().expect("a Unicode path");
    let source = std::fs::read_to_string(folder.join("trap.c")).expect("the source");
    let line = 1 + source.lines().position(|it| it.ends_with("// the line")).expect("the line");
    // A program that traps has a profile too.
    let ran = run(&["profile", "--invoke", "run", program, "0"]);
    assert_eq!(ran.code, 134);
    let shown = format!("trap.c:{line}  middle");
    assert!(ran.err.contains(&shown), "{}", ran.err);
    let callgrind = output("lines.callgrind");
    let ran = run(&["profile", "--callgrind", &callgrind, "--invoke", "run", program, "3"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = read(&callgrind);
    let at = text.find("trap.c\nfn=").expect("the file");
    assert!(text[at..].lines().any(|it| it.starts_with("0x") && it.contains(&format!(" {line} "))));
}

#[test]
fn preloaded_modules_have_profiles_too() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let library = file("library.wat", "(module (func $help (export \"help\")))");
    let program = file(
        "helped.wat",
        r#"(module (import "library" "help" (func $f)) (func $main (export "run") (call $f) (call $f)))"#,
    );
    let collapsed = output("preloaded.collapsed");
    let library = format!("library={library}");
    let ran = run(&[
        "profile",
        "--collapsed",
        &collapsed,
        "--preload",
        &library,
        "--invoke",
        "run",
        &program,
    ]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    let stacks = read(&collapsed);
    assert!(stacks.contains("main;help "), "{stacks}");
}

#[test]
fn samples_say_where_time_went() {
    // Runs until the clock says that 300 ms have passed.
    let program = file(
        "sampled.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "clock_time_get"
              (func $now (param i32 i64 i32) (result i32)))
            (memory (export "memory") 1)
            (func $wait (local $end i64)
              (drop (call $now (i32.const 1) (i64.const 1) (i32.const 0)))
              (local.set $end (i64.add (i64.load (i32.const 0)) (i64.const 300000000)))
              (loop $again
                (drop (call $now (i32.const 1) (i64.const 1) (i32.const 0)))
                (br_if $again (i64.lt_u (i64.load (i32.const 0)) (local.get $end)))))
            (func (export "_start") (call $wait)))"#,
    );
    let collapsed = output("sampled.collapsed");
    let ran = run(&["profile", "--sample", "1000", "--collapsed", &collapsed, &program]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    let stacks = read(&collapsed);
    assert!(stacks.lines().any(|line| line.starts_with("_start;wait ")), "{stacks}");
}
