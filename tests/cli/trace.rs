//! `threadle trace`: what a program does, line by line.

use super::*;

/// A program and the lines that tracing it gives on standard error.
fn trace(options: &[&str], program: &str, args: &[&str]) -> Vec<String> {
    let args = [&["trace"], options, &["--invoke", "run", program], args].concat();
    let ran = run(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.err.lines().map(str::to_owned).collect()
}

fn program() -> String {
    file(
        "traced.wat",
        r#"(module
            (func $halve (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
            (func $pair (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
            (func $vector (param v128) (result v128) (local.get 0))
            (func $count (param i32) (result i32)
              (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
              (return_call $count (i32.sub (local.get 0) (i32.const 1))))
            (func (export "run") (param i32) (result i32)
              (drop (call $halve (f64.const 3)))
              (drop (call $vector (v128.const i64x2 7 1)))
              (call $pair (local.get 0) (i64.const -5)) (drop) (drop)
              (call $count (i32.const 2))
              (i32.add (local.get 0))))"#,
    )
}

#[test]
fn calls_have_their_arguments_and_results() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let lines = trace(&["--calls"], &program(), &["40"]);
    let expected = [
        "run(40)",
        "  halve(3.0)",
        "  halve -> (1.5)",
        "  vector(0x00000000000000010000000000000007)",
        "  vector -> (0x00000000000000010000000000000007)",
        "  pair(40, -5)",
        "  pair -> (-5, 40)",
        "  count(2)",
        "  count(1)",
        "  count(0)",
        "  count -> (0)",
        "run -> (40)",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn instructions_have_what_they_read_and_write() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let lines = trace(&["--func", "count"], &program(), &["40"]);
    assert!(lines.iter().all(|line| line.starts_with("count+0x")), "{lines:?}");
    let subtractions: Vec<&String> = lines.iter().filter(|it| it.contains("i32_sub")).collect();
    let ends: Vec<&str> =
        subtractions.iter().map(|it| it.rsplit_once("  s").expect("values").1).collect();
    assert_eq!(ends, ["-1=2  -> s6=1", "-1=1  -> s6=0"]);
}

#[test]
fn json_lines_can_be_read_and_the_limit_holds() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let lines = trace(&["--json", "--limit", "7"], &program(), &["40"]);
    assert_eq!(lines.len(), 7);
    for line in &lines {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(value["event"], "instruction");
        assert!(value["offset"].as_u64().expect("a number") > 0);
    }
    let lines = trace(&["--json", "--calls", "--func", "pair"], &program(), &["40"]);
    let read = |at: usize| serde_json::from_str::<serde_json::Value>(&lines[at]).expect("JSON");
    assert_eq!(lines.len(), 2);
    assert_eq!(read(0)["arguments"], serde_json::json!(["40", "-5"]));
    assert_eq!(read(1)["results"], serde_json::json!(["-5", "40"]));
    assert_eq!(trace(&["--limit", "2"], &program(), &["1"])[2], "... the limit is reached");
}
