//! `threadle profile`: what it counts, and what it writes.

use std::collections::BTreeMap;

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
fn the_firefox_profilers_tables_fit_together_and_hold_every_stack() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let program = file("firefox.wat", PROGRAM);
    let names = ["firefox.json", "firefox.collapsed"].map(output);
    let [json, collapsed] = &names;
    let args =
        ["profile", "--firefox", json, "--collapsed", collapsed, "--invoke", "run", &program, "10"];
    let ran = run(&args);
    assert_eq!((ran.code, &*ran.out, &*ran.err), (0, "56\n", ""));
    let profile: serde_json::Value = serde_json::from_str(&read(json)).expect("JSON");
    assert_eq!(profile["meta"]["preprocessedProfileVersion"], 55);
    let thread = &profile["threads"][0];
    let tables = ["frameTable", "funcTable", "samples", "stackTable", "markers", "resourceTable"];
    for table in tables.map(|name| thread[name].as_object().expect("a table")) {
        for column in table.values().filter_map(|column| column.as_array()) {
            assert_eq!(column.len() as u64, table["length"].as_u64().expect("a length"));
        }
    }
    let at = |table: &str, column: &str, row: u64| &thread[table][column][row as usize];
    // Stacks that are looked up in the tables are those of the other file.
    let samples = thread["samples"]["length"].as_u64().expect("a length");
    let mut lines = Vec::new();
    for sample in 0..samples {
        let mut names = Vec::new();
        let mut stack = at("samples", "stack", sample).as_u64();
        while let Some(row) = stack {
            let frame = at("stackTable", "frame", row).as_u64().expect("a frame");
            let func = at("frameTable", "func", frame).as_u64().expect("a function");
            let name = at("funcTable", "name", func).as_u64().expect("a string");
            names.push(thread["stringArray"][name as usize].as_str().expect("a name"));
            stack = at("stackTable", "prefix", row).as_u64();
        }
        names.reverse();
        lines.push(format!("{} {}", names.join(";"), at("samples", "weight", sample)));
    }
    let stacks = read(collapsed);
    let mut expected: Vec<&str> = stacks.lines().collect();
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
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
    if Engine::threading_form() != "direct" {
        return;
    }
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

#[test]
fn a_sample_is_of_any_instruction_though_the_epoch_is_seen_at_few() {
    if Engine::threading_form() != "direct" {
        return;
    }
    // Calls a function of 1000 instructions, without a loop, until the clock says that 300 ms have passed.
    let work =
        "(local.set 0 (i64.xor (i64.mul (local.get 0) (i64.const 7)) (local.get 0)))".repeat(500);
    let program = file(
        "leaf.wat",
        format!(
            r#"(module
            (import "wasi_snapshot_preview1" "clock_time_get"
              (func $now (param i32 i64 i32) (result i32)))
            (memory (export "memory") 1)
            (func $leaf (param i64) (result i64) {work} (local.get 0))
            (func $calls (local $i i32)
              (loop $again
                (drop (call $leaf (i64.extend_i32_u (local.get $i))))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000)))))
            (func (export "_start") (local $end i64)
              (drop (call $now (i32.const 1) (i64.const 1) (i32.const 0)))
              (local.set $end (i64.add (i64.load (i32.const 0)) (i64.const 300000000)))
              (loop $again
                (call $calls)
                (drop (call $now (i32.const 1) (i64.const 1) (i32.const 0)))
                (br_if $again (i64.lt_u (i64.load (i32.const 0)) (local.get $end))))))"#
        ),
    );
    let collapsed = output("leaf.collapsed");
    let ran = run(&["profile", "--sample", "1000", "--collapsed", &collapsed, &program]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    let stacks = read(&collapsed);
    let (mut leaf, mut all) = (0, 0);
    for line in stacks.lines() {
        let (stack, weight) = line.rsplit_once(' ').expect("a weight");
        let weight: u64 = weight.parse().expect("a number");
        all += weight;
        leaf += if stack.ends_with(";leaf") { weight } else { 0 };
    }
    // Nearly all instructions are the leaf's. Nearly all time passes behind its only look at the epoch.
    assert!(leaf * 2 > all, "{stacks}");
}

/// The shares of functions in a table, in percent: name, own, with all that it called.
fn shares(table: &str) -> BTreeMap<String, [f64; 2]> {
    let rows = table.lines().skip_while(|line| !line.starts_with("functions:")).skip(1);
    rows.take_while(|line| !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let share = |at: usize| words[at].parse().expect("a share");
            (words[7..].join(" "), [share(0), share(3)])
        })
        .collect()
}

#[test]
fn shares_of_samples_are_those_of_counts_in_three_programs() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let words: String = (0..20_000).map(|i| format!("{} ", i * i % 997)).collect();
    let primes = std::fs::read_to_string(example("primes.fth")).expect("the program");
    let floats = file(
        "floats.wat",
        r#"(module
            (func $pi (param i32) (result f64) (local $sum f64) (local $i i32)
              (loop $again
                (local.set $sum (f64.add (local.get $sum)
                  (f64.div (f64.const 1) (f64.convert_i32_s (i32.add (i32.mul (local.get $i) (i32.const 4)) (i32.const 1))))))
                (br_if $again (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get 0))))
              (local.get $sum))
            (func $fib (param i32) (result i32)
              (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
                (then (local.get 0))
                (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                               (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
            (func (export "_start") (local $i i32)
              (loop $again
                (drop (call $pi (i32.const 3000)))
                (drop (call $fib (i32.const 12)))
                (br_if $again (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50))))))"#,
    );
    for (program, input) in
        [(example("wordfreq.wasm"), &*words), (example("forth.wasm"), &*primes), (floats, "")]
    {
        let exact = run_with_input(&["profile", &program], input).err;
        // Instructions of WebAssembly are more. Of so many samples chance alone is off by a point at most.
        let every = (number(&exact, "total: ") / 2000).to_string();
        let sampled = run_with_input(&["profile", "--sample-every", &every, &program], input).err;
        let again = run_with_input(&["profile", "--sample-every", &every, &program], input).err;
        assert_eq!(sampled, again);
        let samples = number(&sampled, "total: ");
        assert!((1000..16_000).contains(&samples), "{samples} samples of {program}");
        let (exact, sampled) = (shares(&exact), shares(&sampled));
        for name in exact.keys().chain(sampled.keys()) {
            let of =
                |shares: &BTreeMap<String, [f64; 2]>| shares.get(name).copied().unwrap_or_default();
            let ([own, total], [own_seen, total_seen]) = (of(&exact), of(&sampled));
            let off = (own - own_seen).abs().max((total - total_seen).abs());
            assert!(
                off < 5.0,
                "{name}: {own} and {total} counted, {own_seen} and {total_seen} seen"
            );
        }
    }
}

#[test]
fn machine_instructions_that_callgrind_counted_are_shared_out_among_functions() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let program = file("machine.wat", PROGRAM);
    let counted = output("machine.callgrind");
    // Not what Callgrind writes.
    let ran = run(&["profile", "--valgrind", &program, "--invoke", "run", &program, "10"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("is not a file of Callgrind's"), "{}", ran.err);

    let command = threadle(&["run", "--invoke", "run", &program, "10"]);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", &format!("--callgrind-out-file={counted}")]);
    valgrind.arg(command.get_program()).args(command.get_args());
    let Ok(output) = valgrind.output() else {
        eprintln!("left out: there is no valgrind");
        return;
    };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let collected: u64 = collected.expect("a sum").1.parse().expect("a number");

    let ran = run(&["profile", "--invoke", "run", &program, "10"]);
    let instructions = number(&ran.err, "total: ");
    let ran = run(&["profile", "--valgrind", &counted, "--invoke", "run", &program, "10"]);
    assert_eq!((ran.code, &*ran.out), (0, "56\n"));
    let elsewhere = number(&ran.err, "threadle: ");
    let table = ran.err.split_once('\n').expect("a table").1;
    let total = number(table, "total: ");
    assert!(table.starts_with(&format!("total: {total} machine instructions\n")), "{table}");
    assert_eq!(elsewhere + total, collected);
    // An instruction takes at least one; but for fused ones.
    assert!(total > instructions / 4, "{total} for {instructions}");
    let rows = functions(table);
    for name in ["fib", "even", "odd", "run"] {
        assert!(rows.iter().any(|row| row.0 == name && row.1 > 0), "{table}");
    }
}
