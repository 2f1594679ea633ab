//! `threadle run -g`.

use std::io::BufRead;
use std::net::TcpStream;

use super::*;

/// Starts the command, which waits for a debugger: also where.
fn waiting(args: &[&str]) -> (std::process::Child, String) {
    let mut child = threadle(&[&["run", "-g", "0"], args].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut line = String::new();
    let mut errors = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    errors.read_line(&mut line).expect("a line");
    let address = line.trim().rsplit(' ').next().expect("an address");
    assert!(address.starts_with("127.0.0.1:"), "{line}");
    (child, address.to_owned())
}

/// An LLDB whose plug-in for WebAssembly does what is asked of it: version 22 and later, by the name that is in
/// `THREADLE_LLDB` or one that systems have it under.
fn lldb() -> Option<String> {
    let named = std::env::var("THREADLE_LLDB").ok();
    let usual = ["lldb", "lldb-24", "lldb-23", "lldb-22"].map(str::to_owned);
    named.into_iter().chain(usual).find(|name| {
        let Ok(output) = Command::new(name).arg("--version").output() else { return false };
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.split_once("version ").and_then(|(_, rest)| rest.split('.').next());
        version.and_then(|version| version.parse::<u32>().ok()).is_some_and(|version| version >= 22)
    })
}

/// Runs a program while LLDB gives these commands, and looks for what it is to say, in order; nothing if there
/// is no LLDB. Commands behind what it takes for a crash begin with `-`.
fn debugged(args: &[&str], commands: &[&str], expected: &[&str]) -> Option<Ran> {
    let Some(lldb) = lldb() else {
        eprintln!("left out: there is no LLDB 22 or later (THREADLE_LLDB names one)");
        return None;
    };
    let (mut child, address) = waiting(args);
    let connect = format!("process connect --plugin wasm connect://{address}");
    let mut session = Command::new(lldb);
    session.args(["--batch", "--no-lldbinit", "--one-line", &connect]).stdin(Stdio::null());
    for command in commands {
        match command.strip_prefix('-') {
            Some(command) => session.args(["--one-line-on-crash", command]),
            None => session.args(["--one-line", command]),
        };
    }
    let output = session.output().expect("LLDB starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let mut rest = &*said;
    for expected in expected {
        let Some(at) = rest.find(expected) else {
            let _ = child.kill();
            let errors = String::from_utf8_lossy(&output.stderr);
            panic!("no {expected:?} where it belongs:\n{said}\n{errors}");
        };
        rest = &rest[at + expected.len()..];
    }
    Some(ran(child.wait_with_output().expect("the command ends")))
}

#[test]
fn lldb_stops_at_lines_steps_reads_variables_watches_and_changes_memory() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/dwarf/count.wasm");
    let commands = [
        "breakpoint set --name add",
        "continue",
        "bt",
        "frame variable",
        "watchpoint set variable --watch modify total",
        "continue",
        "target variable total",
        "breakpoint delete --force",
        "watchpoint delete --force",
        "finish",
        "next",
        "frame variable",
        "memory write --size 4 &total 0x100",
        "target variable total",
        "thread step-inst",
        "continue",
    ];
    let expected = [
        "Breakpoint 1: where = module0`add",
        "stop reason = breakpoint 1.1",
        "frame #0:",
        "`add(n=1) at count.c:5",
        "frame #1:",
        "`run(n=3) at count.c:12",
        "(int) n = 1",
        "Watchpoint created: Watchpoint 1:",
        "Watchpoint 1 hit:\nold value: 0\nnew value: 1",
        "stop reason = watchpoint 1",
        "(int) total = 1",
        "stop reason = step out",
        "at count.c:12",
        "stop reason = step over",
        "at count.c:11",
        "(int) n = 3\n(int) sum = 1\n(int) i = 1",
        "(int) total = 256",
        "stop reason = instruction step into",
        "exited with status = 0",
    ];
    // 1, 256 + 2 and 258 + 3.
    if let Some(ran) = debugged(&["--invoke", "run", program, "3"], &commands, &expected) {
        assert_eq!((ran.code, &*ran.out), (0, "520\n"));
    }
}

#[test]
fn lldb_stops_where_a_program_throws_and_where_it_traps() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let program = file(
        "throws.wat",
        r#"(module
            (tag $e (param i32))
            (func $throw (param i32) (throw $e (local.get 0)))
            (func $run (export "run") (param i32) (result i32)
              (block $c (result i32)
                (try_table (catch $e $c) (call $throw (local.get 0)))
                (i32.const 0))
              (i32.div_s (i32.const 0))))"#,
    );
    let commands =
        ["process plugin packet monitor break-on-throw on", "continue", "-bt", "-continue"];
    let expected = [
        "break-on-throw on",
        "stop reason = exception thrown",
        "frame #0: ",
        "module0`throw",
        "throw  0",
        "frame #1: ",
        "module0`run",
        "stop reason = wasm trap: integer divide by zero",
        "i32.div_s",
    ];
    if let Some(ran) = debugged(&["--invoke", "run", &program, "5"], &commands, &expected) {
        assert!(ran.code != 0 && ran.out.is_empty());
    }
}

#[test]
fn a_debugger_gets_the_program_and_can_let_it_go() {
    if Engine::threading_form() != "direct" {
        return;
    }
    let (child, address) = waiting(&["--invoke", "add", &functions(), "2", "3"]);
    let mut stream = TcpStream::connect(address).expect("a connection");
    // Detaches.
    stream.write_all(b"$D#44").expect("sent");
    let ran = ran(child.wait_with_output().expect("the command ends"));
    assert_eq!((ran.code, &*ran.out), (0, "5\n"));
}
