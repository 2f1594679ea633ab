//! The `threadle` command, as a user meets it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use threadle::Engine;

#[path = "cli/compile.rs"]
mod compile;
#[path = "cli/debug.rs"]
mod debug;
#[path = "cli/explore.rs"]
mod explore;
#[path = "cli/fuse.rs"]
mod fuse;
#[path = "cli/preinit.rs"]
mod preinit;
#[path = "cli/profile.rs"]
mod profile;
#[path = "cli/trace.rs"]
mod trace;

fn threadle(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_threadle"));
    command.args(args).stdin(Stdio::null());
    command
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn ran(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8 output");
    Ran {
        code: output.status.code().expect("an exit code, not a signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn run(args: &[&str]) -> Ran {
    ran(threadle(args).output().expect("the command starts"))
}

/// Runs the command, which is to fail with a code and a message.
fn fails(args: &[&str], code: i32, message: &str) {
    let ran = run(args);
    assert_eq!(ran.code, code);
    assert!(ran.err.contains(message), "{}", ran.err);
}

fn run_with_input(args: &[&str], input: &str) -> Ran {
    let mut child = threadle(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("the input is taken");
    drop(stdin);
    ran(child.wait_with_output().expect("the command ends"))
}

/// A file with these contents, whole at any time: tests that run at once may ask for the same one.
fn file(name: &str, contents: impl AsRef<[u8]>) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
    std::fs::create_dir_all(&folder).expect("a folder for files");
    let path = folder.join(name);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let fresh = folder.join(format!("{}-{number}.new", std::process::id()));
    std::fs::write(&fresh, contents).expect("the file is written");
    std::fs::rename(&fresh, &path).expect("the file is renamed");
    path.to_str().expect("a Unicode path").to_owned()
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    path.to_str().expect("a Unicode path").to_owned()
}

/// Functions to call with `--invoke`.
fn functions() -> String {
    file(
        "functions.wat",
        r#"(module
            (func (export "add") (param i32 i32) (result i32)
              (i32.add (local.get 0) (local.get 1)))
            (func (export "swap") (param i64 f64) (result f64 i64) local.get 1 local.get 0)
            (func (export "half") (param f32) (result f32)
              (f32.div (local.get 0) (f32.const 2)))
            (func (export "null") (result externref) (ref.null extern))
            (func (export "nothing"))
            (func $inner (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
            (func $outer (export "divide") (param i32) (result i32)
              (call $inner (local.get 0)))
            (func $forever (export "recurse") (call $forever))
            (memory (export "memory") 1)
            (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
            (func (export "bytes") (param v128 i32) (result v128)
              (i8x16.add (local.get 0) (i8x16.splat (local.get 1)))))"#,
    )
}

/// A command program that exits with a status.
fn exits(status: u32) -> String {
    file(
        &format!("exit-{status}.wat"),
        format!(
            r#"(module
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func (export "_start") (call $exit (i32.const {status}))))"#
        ),
    )
}

#[test]
fn version_names_the_dispatch_backend_and_the_threading_form() {
    let ran = run(&["--version"]);
    assert_eq!(ran.code, 0);
    let expected = format!(
        "threadle {} (dispatch: {}, threading: {})\n",
        env!("CARGO_PKG_VERSION"),
        Engine::dispatch_backend(),
        Engine::threading_form()
    );
    assert_eq!(ran.out, expected);
}

#[test]
fn a_program_gets_its_input_and_arguments_and_its_output_appears() {
    let ran = run_with_input(&["run", &example("wordfreq.wasm")], "b a b");
    assert_eq!((ran.code, &*ran.err), (0, ""));
    assert_eq!(ran.out, "3 words, 2 different\n      2 b\n      1 a\n");

    let ran = run(&["run", &example("mandelbrot.wasm"), "20"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.lines().all(|line| line.len() == 20));
}

/// Writes the byte at 1 of its input, then the first three from where that left off, then where it is.
const SEEKER: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_tell" (func $tell (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread"
      (func $pread (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    ;; Buffers at 100: a byte; at 101: three; at 104: the position as a digit.
    (data (i32.const 0) "\64\00\00\00\01\00\00\00")
    (data (i32.const 8) "\65\00\00\00\03\00\00\00")
    (data (i32.const 16) "\64\00\00\00\05\00\00\00")
    (func $check (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
    (func (export "_start")
      (call $check (call $seek (i32.const 0) (i64.const 2) (i32.const 0) (i32.const 40)))
      (call $check (call $pread (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 1) (i32.const 40)))
      (call $check (call $read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 40)))
      (call $check (call $tell (i32.const 0) (i32.const 48)))
      (i32.store8 (i32.const 104) (i32.add (i32.const 48) (i32.load (i32.const 48))))
      (call $check (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 40)))))"#;

#[cfg(unix)]
#[test]
fn input_that_is_a_file_has_a_position_and_a_pipe_has_none() {
    let program = file("seeker.wat", SEEKER);
    let input = std::fs::File::open(file("seeker.txt", "0123456789")).expect("the file is there");
    let ran = ran(threadle(&["run", &program]).stdin(input).output().expect("the command starts"));
    assert_eq!((ran.code, &*ran.out, &*ran.err), (0, "12345", ""));
    // Nothing is written: the program ends at its first call, and nobody would read it.
    let mut piped = threadle(&["run", &program]);
    piped.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = piped.spawn().expect("the command starts");
    let ran = self::ran(child.wait_with_output().expect("the command ends"));
    assert_eq!((ran.code, &*ran.out), (70, ""), "ESPIPE: {}", ran.err);
}

#[test]
fn names_cannot_send_control_characters_to_a_terminal() {
    let trapping = file(
        "escapes.wat",
        r#"(module $"m\1b[31m" (func $"f\1b]0;title\07" (export "_start") unreachable))"#,
    );
    let unlinked = file(
        "escapes-import.wat",
        r#"(module (import "\1b[2J" "\u{202e}x\0a" (func)) (func (export "_start")))"#,
    );
    let mismatched =
        file("escapes-type.wat", r#"(module (func (export "a\07")) (func (export "a\07")))"#);
    for (path, shown) in [
        (trapping, r"m\u{1b}[31m!f\u{1b}]0;title\u{7}"),
        (unlinked, r"`\u{1b}[2J::\u{202e}x\n`"),
        (mismatched, r"a\u{7}"),
    ] {
        let ran = run(&["run", &path]);
        assert!(ran.err.contains(shown), "{}", ran.err);
        assert!(!ran.err.contains(|c: char| c.is_control() && c != '\n'), "{:?}", ran.err);
    }
}

#[test]
fn options_behind_the_file_are_the_programs() {
    let ran = run(&["run", &example("mandelbrot.wasm"), "--help"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("usage: mandelbrot"), "{}", ran.err);
}

#[test]
fn a_program_reaches_the_directories_it_is_given_and_no_others() {
    let wasm = example("wordfreq.wasm");
    let folder = file("words.txt", "one two two");
    let folder = Path::new(&folder).parent().expect("a folder").to_str().expect("Unicode");
    let ran = run(&["run", "--dir", &format!("{folder}::/data"), &wasm, "/data/words.txt"]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    assert!(ran.out.starts_with("3 words, 2 different\n"), "{}", ran.out);

    let same_name = format!("{folder}/words.txt");
    let ran = run(&["run", "--dir", folder, &wasm, &same_name]);
    assert_eq!(ran.code, 0, "{}", ran.err);

    let ran = run(&["run", &wasm, &same_name]);
    assert_eq!(ran.code, 1);
    let ran = run(&["run", "--dir", folder, &wasm, "../../../Cargo.toml"]);
    assert_eq!(ran.code, 1);

    fails(&["run", "--dir", "/no/such/folder", &wasm], 1, "/no/such/folder");
}

#[test]
fn a_program_sees_the_environment_it_is_given_and_no_more() {
    let print = file(
        "env.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "environ_sizes_get"
              (func $sizes (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_get"
              (func $get (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write"
              (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start")
              (drop (call $sizes (i32.const 0) (i32.const 4)))
              (drop (call $get (i32.const 64) (i32.const 1024)))
              (i32.store (i32.const 0) (i32.const 1024))
              (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    );
    let output = threadle(&["run", "--env", "A=1", "--env", "B=x=y", "--env", "C", &print])
        .env("C", "inherited")
        .env("D", "not for the program")
        .output();
    let ran = ran(output.expect("the command starts"));
    assert_eq!((ran.code, &*ran.out), (0, "A=1\0B=x=y\0C=inherited\0"));
}

#[test]
fn the_exit_code_is_the_programs() {
    assert_eq!(run(&["run", &exits(0)]).code, 0);
    assert_eq!(run(&["run", &exits(42)]).code, 42);
    assert_eq!(run(&["run", &exits(255)]).code, 255);
    // The system passes on eight bits, but a failure stays one.
    assert_eq!(run(&["run", &exits(256)]).code, 1);
}

#[test]
fn invoke_prints_each_result_as_a_plain_number_on_a_line() {
    let wat = functions();
    for (args, out) in [
        (&["add", "40", "2"][..], "42\n"),
        (&["add", "-5", "4294967295"], "-6\n"),
        (&["add", "0x10", "1"], "17\n"),
        (&["swap", "9223372036854775807", "0.1"], "0.1\n9223372036854775807\n"),
        (&["half", "3"], "1.5\n"),
        (&["half", "inf"], "inf\n"),
        (&["null"], "<null externref>\n"),
        (&["nothing"], ""),
        (&["bytes", "0xff", "2"], "2668881309183831085987251822994260481\n"),
    ] {
        let mut command = vec!["run", "--invoke", args[0], &wat];
        command.extend(&args[1..]);
        let ran = run(&command);
        assert_eq!((ran.code, &*ran.out, &*ran.err), (0, out, ""), "{args:?}");
    }
}

#[test]
fn invoke_prints_values_of_every_type_as_wasmtime_does() {
    let wat = file(
        "values.wat",
        r#"(module
            (type $pair (struct (field i32 i32)))
            (func $null (export "null")
              (result funcref externref anyref exnref nullref (ref null $pair))
              (ref.null func) (ref.null extern) (ref.null any) (ref.null exn) (ref.null none)
              (ref.null $pair))
            (func (export "object") (result funcref externref anyref (ref i31) (ref $pair))
              (ref.func $null) (extern.convert_any (ref.i31 (i32.const 7)))
              (ref.i31 (i32.const 7)) (ref.i31 (i32.const 7)) (struct.new_default $pair))
            (tag $tag)
            (func (export "exception") (result exnref)
              (block $caught (result exnref)
                (try_table (catch_all_ref $caught) (throw $tag))
                unreachable))
            (func (export "number") (result i32 i64 f32 f32 f64 f64 v128)
              (i32.const 0x80000000) (i64.const 0xffffffffffffffff) (f32.const 0.1)
              (f32.const nan:0x200000) (f64.const -inf) (f64.const 1e21)
              (v128.const i64x2 1 1)))"#,
    );
    for (name, out) in [
        (
            "null",
            "<null funcref>\n<null externref>\n<null anyref>\n<null exnref>\n<null anyref>\n<null anyref>\n",
        ),
        ("object", "<funcref>\n<externref>\n<anyref>\n<anyref>\n<anyref>\n"),
        ("exception", "<exnref>\n"),
        (
            "number",
            "-2147483648\n-1\n0.1\nNaN\n-inf\n1000000000000000000000\n18446744073709551617\n",
        ),
    ] {
        let ran = run(&["run", "--wasm-features", "all", "--invoke", name, &wat]);
        assert_eq!((ran.code, &*ran.out, &*ran.err), (0, out, ""), "{name}");
    }
}

#[test]
fn a_program_ends_when_its_fuel_does() {
    // The call, two operands, the addition.
    let ran = run(&["run", "--fuel", "4", "--invoke", "add", &functions(), "40", "2"]);
    assert_eq!((ran.code, &*ran.out), (0, "42\n"));
    let ran = run(&["run", "--fuel", "3", "--invoke", "add", &functions(), "40", "2"]);
    assert_eq!((ran.code, &*ran.out), (134, ""));
    assert!(ran.err.contains("all fuel consumed by WebAssembly"), "{}", ran.err);
    assert_eq!(run(&["run", "--fuel", "-1", &functions()]).code, 2);
}

/// A program that never ends by itself.
fn endless() -> String {
    file("endless.wat", r#"(module (func (export "_start") (loop $again (br $again))))"#)
}

#[test]
fn a_program_ends_when_its_time_does() {
    let ran = run(&["run", "--timeout", "50ms", &endless()]);
    assert_eq!((ran.code, &*ran.out), (134, ""));
    let first = ran.err.lines().next();
    assert_eq!(first, Some("threadle: the program's time is over: wasm trap: interrupt"));
    // Whoever ends sooner does not wait.
    assert_eq!(run(&["run", "--timeout", "1h", &exits(42)]).code, 42);
}

#[test]
fn time_ends_for_a_program_that_waits_for_input() {
    let wat = file(
        "reads.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "fd_read"
              (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\01\00\00\00")
            (func (export "_start")
              (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    );
    let mut child = threadle(&["run", "--timeout", "1s", &wat])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // Open until the command has ended, so that there is no end of input to be read.
    let input = child.stdin.take().expect("a pipe");
    let ran = ran(child.wait_with_output().expect("the command ends"));
    drop(input);
    assert_eq!(ran.code, 134);
    assert_eq!(ran.err, "threadle: the program's time is over, and it waits for its host\n");
}

#[test]
fn a_program_imports_from_modules_loaded_ahead_of_it() {
    let numbers = file(
        "numbers.wat",
        r#"(module
            (global $number (mut i32) (i32.const 0))
            (func (export "_initialize") (global.set $number (i32.const 40)))
            (func (export "number") (result i32) (global.get $number)))"#,
    );
    let sums = file(
        "sums.wat",
        r#"(module
            (import "numbers" "number" (func $number (result i32)))
            (func (export "more") (param i32) (result i32)
              (i32.add (call $number) (local.get 0))))"#,
    );
    let program = file(
        "uses-sums.wat",
        r#"(module
            (import "sums" "more" (func $more (param i32) (result i32)))
            (func (export "answer") (result i32) (call $more (i32.const 2))))"#,
    );
    let (first, second) = (format!("numbers={numbers}"), format!("sums={sums}"));
    let with = |preloads: &[&str]| {
        let mut args = vec!["run", "--invoke", "answer"];
        for preload in preloads {
            args.extend(["--preload", preload]);
        }
        args.push(&program);
        run(&args)
    };
    let ran = with(&[&first, &second]);
    assert_eq!((ran.code, &*ran.out, &*ran.err), (0, "42\n", ""));
    // A module sees those ahead of it.
    let ran = with(&[&second, &first]);
    assert_eq!((ran.code, &*ran.out), (1, ""));
    assert!(
        ran.err.contains("sums.wat as `sums`: unknown import: `numbers::number`"),
        "{}",
        ran.err
    );
    let ran = with(&[&first, &first, &second]);
    assert_eq!((ran.code, &*ran.out), (1, ""));
    assert!(ran.err.contains("numbers.wat as `numbers`"), "{}", ran.err);
    assert_eq!(with(&["numbers"]).code, 2);
}

#[test]
fn the_manual_has_a_page_of_each_command_with_its_options() {
    let ran = run(&["man"]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    assert!(ran.out.contains("\n.TH threadle 1"), "{}", ran.out);
    let help = run(&["--help"]).out;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<_> = commands.map_while(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"run") && commands.contains(&"man"), "{help}");
    for command in commands {
        assert!(ran.out.contains(&format!("threadle\\-{command}(1)")), "{command}");
        let page = run(&["man", command]);
        assert!(page.out.contains(&format!("\n.TH threadle-{command} 1")), "{}", page.out);
    }
    assert!(run(&["man", "run"]).out.contains(r"\fB\-\-preload\fR \fI<NAME=FILE>\fR"));
    let ran = run(&["man", "fly"]);
    assert_eq!((ran.code, &*ran.err), (1, "threadle: there is no command `fly`\n"));
}

#[test]
fn every_shell_gets_a_script_that_knows_commands_and_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = run(&["completions", shell]);
        assert_eq!((ran.code, &*ran.err), (0, ""), "{shell}");
        assert!(ran.out.contains("preload") && ran.out.contains("disas"), "{shell}: {}", ran.out);
    }
    assert_eq!(run(&["completions", "teletype"]).code, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn bash_completes_what_was_begun() {
    let script = file("threadle.bash", run(&["completions", "bash"]).out);
    let complete = r#"source "$0"
        COMP_WORDS=(threadle run --pre) COMP_CWORD=2
        _threadle threadle --pre run
        echo "${COMPREPLY[@]}""#;
    let bash = Command::new("bash").args(["--norc", "-c", complete, &script]).output();
    let ran = ran(bash.expect("there is a bash"));
    assert_eq!((&*ran.out, &*ran.err), ("--preload\n", ""));
}

#[test]
fn invoke_says_what_is_wrong_with_a_call() {
    let wat = functions();
    for (args, message) in [
        (&["mul"][..], "exports no function `mul`; it exports add, swap"),
        (&["memory"], "`memory` is a memory"),
        (&["add", "1"], "`add` takes 2 arguments, 1 were given"),
        (&["add", "1", "x"], "the argument `x` is not a value of i32"),
        (&["add", "1", "4294967296"], "not a value of i32"),
    ] {
        let mut command = vec!["run", "--invoke", args[0], &wat];
        command.extend(&args[1..]);
        let ran = run(&command);
        assert_eq!((ran.code, &*ran.out), (1, ""), "{args:?}");
        assert!(ran.err.contains(message), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}

#[test]
fn a_trap_prints_its_message_and_backtrace_and_exits_with_134() {
    let ran = run(&["run", "--invoke", "divide", &functions(), "0"]);
    assert_eq!((ran.code, &*ran.out), (134, ""));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines[0], "threadle: wasm trap: integer divide by zero");
    assert_eq!(lines[1], "error while executing at wasm backtrace:");
    assert!(lines[2].starts_with("    0: ") && lines[2].ends_with("!inner"), "{}", ran.err);
    assert!(lines[3].starts_with("    1: ") && lines[3].ends_with("!outer"), "{}", ran.err);
    assert_eq!(lines.len(), 4, "{}", ran.err);
}

#[test]
fn out_of_bounds_accesses_trap_in_both_memory_modes() {
    for mode in [&["run"][..], &["run", "--explicit-bounds-checks"]] {
        for eager in [&[][..], &["--eager"]] {
            let wat = functions();
            let invoke = ["--invoke", "load", &wat];
            let args: Vec<&str> = mode.iter().chain(eager).chain(&invoke).copied().collect();
            assert_eq!(run(&[&args[..], &["65532"]].concat()).out, "0\n");
            let ran = run(&[&args[..], &["65533"]].concat());
            assert_eq!(ran.code, 134);
            assert!(ran.err.contains("out of bounds memory access"), "{}", ran.err);
        }
    }
}

#[test]
fn an_invalid_function_fails_when_it_is_called_if_validation_is_lazy() {
    let text = r#"(module (func (export "bad") (result i32) f32.const 0) (func (export "good") (result i32) i32.const 7))"#;
    let wat = file("invalid.wat", text);
    let eager = run(&["run", "--invoke", "good", &wat]);
    assert_eq!((eager.code, &*eager.out), (1, ""));
    let lazily = |name| run(&["run", "--lazy-validation", "--invoke", name, &wat]);
    assert_eq!((lazily("good").code, &*lazily("good").out), (0, "7\n"));
    let bad = lazily("bad");
    assert_eq!((bad.code, &*bad.out), (1, ""));
    assert!(bad.err.contains("type mismatch") && bad.err.contains("offset"), "{}", bad.err);
}

#[test]
fn endless_recursion_is_a_trap_at_any_stack_size() {
    for size in ["64K", "8M", "256M"] {
        let ran = run(&["run", "--stack-size", size, "--invoke", "recurse", &functions()]);
        assert_eq!(ran.code, 134, "{}", ran.err);
        assert!(ran.err.contains("call stack exhausted"), "{}", ran.err);
    }
}

#[test]
fn max_memory_limits_growth() {
    let wat = functions();
    let grow =
        |args: &[&str]| run(&[&["run"], args, &["--invoke", "grow", &wat, "3"]].concat()).out;
    assert_eq!(grow(&[]), "1\n");
    assert_eq!(grow(&["--max-memory", "256K"]), "1\n");
    assert_eq!(grow(&["--max-memory", "192K"]), "-1\n");
}

/// It held for each memory alone, and not for tables.
#[test]
fn max_memory_limits_all_memories_and_tables_together() {
    let text = |memories: usize, tables: usize| {
        let items = "(memory 16)".repeat(memories) + &"(table 131072 funcref)".repeat(tables);
        format!(r#"(module {items} (func (export "f") (result i32) (i32.const 1)))"#)
    };
    for (memories, tables, fits) in
        [(4, 0, true), (5, 0, false), (0, 4, true), (0, 5, false), (2, 2, true), (3, 2, false)]
    {
        let wat = file("total.wat", text(memories, tables));
        let ran = run(&["run", "--max-memory", "4M", "--invoke", "f", &wat]);
        let told = ran.err.contains("limit");
        assert_eq!((ran.out == "1\n", told), (fits, !fits), "{memories} {tables}: {}", ran.err);
    }
}

/// Objects were refused for want of 4 GiB of address space, as if the heap were full.
#[cfg(target_os = "linux")]
#[test]
fn a_limit_on_the_address_space_leaves_room_for_objects_or_is_named() {
    let wat = file(
        "objects.wat",
        r#"(module (type $n (struct (field i32)))
            (memory 16384) (memory $m i64 1)
            (func (export "f") (result i32) (struct.get $n 0 (struct.new $n (i32.const 7))))
            (func (export "g") (result i64) (memory.grow $m (i64.const 1))))"#,
    );
    let run = |kilobytes: &str, name: &str| {
        let binary = env!("CARGO_BIN_EXE_threadle");
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"ulimit -v "$1" && shift && exec "$@""#, "sh", kilobytes, binary]);
        shell.args(["run", "--explicit-bounds-checks", "--invoke", name, &wat]);
        ran(shell.output().expect("a shell"))
    };
    let objects = run("4000000", "f");
    assert_eq!(objects.out, "7\n", "{}", objects.err);
    let growth = run("4000000", "g");
    assert_eq!(growth.out, "1\n", "{}", growth.err);
    let refused = run("800000", "f");
    assert!(refused.out.is_empty() && refused.err.contains("ulimit -v"), "{}", refused.err);
}

#[test]
fn features_can_be_switched_off() {
    let wat = functions();
    fails(
        &["run", "--wasm-features", "-multi-value", "--invoke", "nothing", &wat],
        1,
        "multi-value",
    );
    let ran = run(&["run", "--wasm-features", "wasm1", "--invoke", "add", &example("nothing")]);
    assert_eq!(ran.code, 1);
    fails(&["run", "--wasm-features", "flying", &wat], 2, "flying");
}

#[test]
fn files_that_cannot_be_run_give_one_clear_message() {
    let missing = file("gone", "");
    std::fs::remove_file(&missing).expect("the file is removed");
    let binary = |bytes: &[u8]| [b"\0asm\x01\0\0\0", bytes].concat();
    let cases: Vec<(String, &[&str])> = vec![
        (missing, &["cannot read", "gone"]),
        (example(""), &["cannot read", "examples"]),
        (file("empty.wasm", ""), &["empty.wasm"]),
        (file("garbage.wasm", [0xff, 0xfe, 0, 1]), &["garbage.wasm", "malformed", "offset 0x0"]),
        (file("short.wasm", binary(&[1, 9])), &["short.wasm", "malformed", "offset 0x"]),
        // (func (result i32)) with an empty body
        (
            file(
                "invalid.wasm",
                binary(&[1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 10, 4, 1, 2, 0, 0x0b]),
            ),
            &["invalid.wasm", "invalid module", "offset 0x18", "type mismatch"],
        ),
        (file("bad.wat", "(module\n  (func i32.bad))"), &["bad.wat:2:9", "i32.bad"]),
        (
            file(
                "unlinked.wat",
                r#"(module (import "env" "missing" (func)) (func (export "_start")))"#,
            ),
            &["unlinked.wat", "env::missing"],
        ),
        (
            file(
                "mismatched.wat",
                r#"(module
                    (import "wasi_snapshot_preview1" "fd_close" (func (param i64)))
                    (func (export "_start")))"#,
            ),
            &["wasi_snapshot_preview1::fd_close"],
        ),
        (file("no-start.wat", "(module)"), &["_start"]),
        (file("odd-start.wat", r#"(module (func (export "_start") (param i32)))"#), &["_start"]),
    ];
    for (path, parts) in cases {
        let ran = run(&["run", &path]);
        assert_eq!((ran.code, &*ran.out), (1, ""), "{path}: {}", ran.err);
        for part in parts {
            assert!(ran.err.contains(part), "{path}: {part} is not in: {}", ran.err);
        }
        assert!(ran.err.starts_with("threadle: "), "{}", ran.err);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        let ran = run(&["disas", &path]);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
    }
}

#[test]
fn usage_errors_exit_with_2() {
    for args in [&[][..], &["run"], &["fly"], &["run", "--no-such-option", "x"], &["wast"]] {
        let ran = run(args);
        assert_eq!((ran.code, &*ran.out), (2, ""), "{args:?}");
        assert!(ran.err.contains("Usage"), "{}", ran.err);
    }
    assert_eq!(run(&["run", "--stack-size", "1X", "x"]).code, 2);
    assert_eq!(run(&["run", "--dir", "::x", "x"]).code, 2);
}

#[test]
fn a_closed_pipe_ends_the_command_quietly() {
    // Much more output than a pipe holds.
    let body = "(drop (i32.const 1))".repeat(20_000);
    let wat = file("long.wat", format!("(module (func (export \"f\") {body}))"));
    let mut child = threadle(&["disas", &wat])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_exact(&mut [0; 10]).expect("some output");
    drop(stdout);
    let ran = ran(child.wait_with_output().expect("the command ends"));
    assert_eq!((ran.code, &*ran.err), (0, ""));
}

#[test]
fn wast_counts_directives_and_names_the_line_of_each_failure() {
    let good = r#"(module (func (export "f") (result i32) i32.const 1))
        (assert_return (invoke "f") (i32.const 1))"#;
    let good = file("good.wast", good);
    let ran = run(&["wast", &good]);
    assert_eq!((ran.code, &*ran.out, &*ran.err), (0, "2 passed, 0 failed\n", ""));

    let bad = r#"(module (func (export "f") (result i32) i32.const 1))
        (assert_return (invoke "f") (i32.const 2))
        (assert_trap (invoke "f") "unreachable")
        (assert_invalid (module (func)) "nothing")
        (assert_return (invoke "f") (i32.const 1))"#;
    let bad = file("bad.wast", bad);
    let ran = run(&["wast", &good, &bad]);
    assert_eq!((ran.code, &*ran.err), (1, ""));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], format!("{good}: 2 passed, 0 failed"));
    for (line, number) in lines[1..4].iter().zip(2..) {
        assert!(line.starts_with(&format!("{bad}:{number}: ")), "{line}");
    }
    assert_eq!(lines[4], format!("{bad}: 2 passed, 3 failed"));
    assert_eq!(lines[5..], ["4 passed, 3 failed"]);
}

#[test]
fn wast_finds_scripts_in_folders_and_cuts_features_down_only_when_asked() {
    let folder = PathBuf::from(file("suite", ""));
    std::fs::remove_file(&folder).expect("the file is removed");
    let old = folder.join("wasm-v1");
    std::fs::create_dir_all(&old).expect("a folder");
    let script = r#"(assert_invalid (module (func (result i32 i32) unreachable)) "result arity")"#;
    std::fs::write(old.join("a.wast"), script).expect("the script is written");
    std::fs::write(old.join("notes.txt"), "not a script").expect("the file is written");
    let folder_name = folder.to_str().expect("Unicode");
    let ran = run(&["wast", "--features-by-folder", folder_name]);
    assert_eq!((ran.code, &*ran.out), (0, "1 passed, 0 failed\n"));
    let ran = run(&["wast", folder_name]);
    assert_eq!(ran.code, 1, "several results are allowed today: {}", ran.out);
    assert!(ran.out.ends_with("0 passed, 1 failed\n"), "{}", ran.out);
    let ran = run(&["wast", "--features-by-folder", "--wasm-features", "wasm1", folder_name]);
    assert_eq!(ran.code, 2);
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}

#[test]
fn wast_reports_a_script_that_cannot_be_read() {
    let script = file("broken.wast", "(module)\n(assert_nothing)");
    let ran = run(&["wast", &script]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with(&format!("{script}:2: ")), "{}", ran.out);
    assert!(ran.out.ends_with("0 passed, 1 failed\n"), "{}", ran.out);
    fails(&["wast", "/no/such/script.wast"], 1, "/no/such/script.wast");
}

#[test]
fn isa_prints_an_instruction_with_its_bytes_and_its_handler() {
    let ran = run(&["isa", "i32_add_asi"]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    for part in [
        "acc := i32_add(S[lhs], rhs)",
        "lhs: Slot @2, rhs: Imm32 @4",
        "binary::binary::<A, S, I, _, _>(sem::i32_add)",
        "i32_add_ssi",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let all = run(&["isa"]).out;
    assert!(all.lines().count() > 5_000 && all.contains("\nbr_table_s\n"));
    let json = run(&["isa", "memory_fill_m32", "--json"]).out;
    assert!(json.contains("\"attributes\":[\"traps\",\"calls\",\"resumes\"]"), "{json}");
    fails(&["isa", "i32_add_xyz"], 1, "no op `i32_add_xyz`; there are i32_add_a");
}

#[test]
fn disas_prints_bytecode_beside_the_operators() {
    let wat = functions();
    let ran = run(&["disas", "--func", "outer", &wat]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    assert!(ran.out.starts_with("function 6 `outer` (export `divide`)\n"), "{}", ran.out);
    // The left column has the operators, the right one what became of them.
    let rows = ran.out.lines().skip(1).filter(|row| row.len() > 46).map(|row| row.split_at(46));
    let (left, right): (Vec<&str>, Vec<&str>) = rows.unzip();
    assert!(left.iter().any(|operator| operator.trim_end().ends_with("  call 5")), "{}", ran.out);
    assert!(right.iter().any(|op| op.contains("call") && op.contains("<inner>")), "{}", ran.out);

    // By export and by number, and all of them.
    assert_eq!(run(&["disas", "--func", "divide", &wat]).out, ran.out);
    assert_eq!(run(&["disas", "--func", "6", &wat]).out, ran.out);
    let all = run(&["disas", &wat]);
    assert_eq!(all.out.matches("function ").count(), 11, "{}", all.out);
    assert!(all.out.contains(&ran.out));

    fails(&["disas", "--func", "nobody", &wat], 1, "`nobody`");
    fails(&["disas", "--func", "0", &exits(0)], 1, "imported");
}

#[test]
fn inspect_tells_what_a_module_has_and_needs() {
    let module = file(
        "inspected.wat",
        r#"(module
            (import "env" "log\1b" (func $log (param i32)))
            (memory (export "memory") 1 2)
            (memory 1)
            (func $small (export "run") (param i32) (result i32 i32)
              (call $log (i32.extend8_s (local.get 0)))
              (local.get 0) (memory.grow 1 (i32.const 1)))
            (func $large (export "large") (param f64) (result i32)
              (i32.trunc_sat_f64_s (f64.add (f64.const 1) (f64.mul (local.get 0) (f64.const 3)))))
            (data (i32.const 8) "some bytes")
            (@custom "notes" "anything at all"))"#,
    );
    let ran = run(&["inspect", "--top", "1", &module]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    let needed = "\nfeatures beyond 1.0: sign-extension, saturating-float-to-int, multi-value, multi-memory\n";
    for part in [
        needed,
        "  custom `notes`\n",
        "      2  memory\n",
        "\nimports: 1\n  env::log\\u{1b}: (func (param i32))\n",
        "\nexports: 3\n  memory: (memory 1 2)\n  run: (func (param i32) (result i32 i32))\n",
        "\nfunctions: 2 with ",
        "  large\n",
    ] {
        assert!(ran.out.contains(part), "{part} is not in:\n{}", ran.out);
    }
    assert!(!ran.out.contains("  small\n"), "only the largest:\n{}", ran.out);
    // Section sizes and what is between them make up the file.
    let plain = run(&["inspect", &file("plain.wasm", b"\0asm\x01\0\0\0")]);
    assert!(plain.out.starts_with("8 bytes\n"), "{}", plain.out);
    assert!(plain.out.contains("\nfeatures beyond 1.0: none\n"), "{}", plain.out);
}

#[test]
fn inspect_shows_what_can_be_read_of_a_module_that_is_refused() {
    // A type section, then a function section of a type that is not there.
    let bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\x07";
    let ran = run(&["inspect", &file("refused.wasm", bytes)]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("  type\n") && ran.out.contains("  function\n"), "{}", ran.out);
    assert!(ran.err.contains("unknown type"), "{}", ran.err);
    fails(&["inspect", &file("bad-inspect.wat", "(module (func i32.bad))")], 1, "i32.bad");
}

#[test]
fn a_core_dump_has_frames_memory_and_globals_as_they_were() {
    use wasmparser::{KnownCustom, Payload};
    let program = file(
        "dumped.wat",
        r#"(module $dumped
            (memory (export "memory") 1 3)
            (global (export "count") (mut i64) (i64.const 1))
            (global $hidden (mut i32) (i32.const 0))
            (func $inner (param i32)
              (i32.store (i32.const 70000) (i32.const 0x04030201))
              (global.set 0 (i64.const -5))
              unreachable)
            (func $outer (export "_start") (drop (memory.grow (i32.const 1))) (call $inner (i32.const 3))))"#,
    );
    let dump = file("dumped.core", "");
    std::fs::remove_file(&dump).expect("the file is removed");
    let ran = run(&["run", "--coredump", &dump, &program]);
    assert_eq!(ran.code, 134, "{}", ran.err);
    let bytes = std::fs::read(&dump).expect("the dump is written");
    let (mut frames, mut modules, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        match payload.expect("it can be read") {
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::CoreDumpStack(stack) => {
                    frames = stack.frames.iter().map(|it| (it.instanceidx, it.funcidx)).collect();
                    assert!(stack.frames.iter().all(|it| it.codeoffset > 0));
                }
                KnownCustom::CoreDumpModules(it) => {
                    modules = it.modules.iter().map(|it| (*it).to_owned()).collect();
                }
                KnownCustom::CoreDumpInstances(it) => {
                    let all: Vec<_> = it
                        .instances
                        .iter()
                        .map(|it| (it.module_index, it.memories.clone(), it.globals.clone()))
                        .collect();
                    assert_eq!(all, [(0, vec![0], vec![0, 1])]);
                }
                _ => {}
            },
            Payload::MemorySection(section) => {
                let ty = section.into_iter().next().expect("a memory").expect("readable");
                assert_eq!((ty.initial, ty.maximum), (2, Some(3)));
            }
            Payload::GlobalSection(section) => {
                let global = section.into_iter().next().expect("a global").expect("readable");
                let mut ops = global.init_expr.get_operators_reader();
                let op = ops.read().expect("readable");
                assert!(matches!(op, wasmparser::Operator::I64Const { value: -5 }), "{op:?}");
            }
            Payload::DataSection(section) => {
                data = section.into_iter().map(|it| it.expect("readable").data.to_vec()).collect();
            }
            _ => {}
        }
    }
    assert_eq!((frames, modules), (vec![(0, 0), (0, 1)], vec!["dumped".to_owned()]));
    // What is zero is left out: the first page, and the rest of the second.
    assert_eq!(data.len(), 1);
    assert_eq!(data[0], [1, 2, 3, 4]);
}
