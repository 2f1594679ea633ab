//! Whole command programs: `_start`, exit codes and standard streams.

use std::io;

use threadle::wasi::{
    FsPerms, I32Exit, MemoryInputPipe, MemoryOutputPipe, MissingMemory, WasiCtx, WasiCtxBuilder, p1,
};
use threadle::{Engine, Linker, Module, Result, Store};

use crate::harness::{TempDir, instantiate};

/// Runs the command `text` and returns how `_start` ended.
fn run(builder: &mut WasiCtxBuilder, text: &str) -> Result<()> {
    let (mut store, instance) = instantiate(builder, text);
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
    start.call(&mut store, ())
}

/// The exit status with which a command ended; one that returns from `_start` has status 0.
fn status(result: Result<()>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(exit) => exit.0,
            None => panic!("trapped: {error}"),
        },
    }
}

/// Runs a command with `stdin` and returns its exit status and what it wrote.
fn run_with_stdin(text: &str, stdin: &str) -> (i32, String) {
    let stdout = MemoryOutputPipe::new(1 << 20);
    let mut builder = WasiCtxBuilder::new();
    builder.stdin(MemoryInputPipe::new(stdin)).stdout(stdout.clone());
    let status = status(run(&mut builder, text));
    (status, String::from_utf8(stdout.contents()).unwrap())
}

#[test]
fn hello_writes_to_stdout_and_returns() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\06\00\00\00\16\00\00\00\06\00\00\00Hello, world")
        (func (export "_start")
            (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 100))
                (then unreachable))
            (if (i32.ne (i32.load (i32.const 100)) (i32.const 12))
                (then unreachable))))"#;
    assert_eq!(run_with_stdin(text, ""), (0, "Hello, world".to_owned()));
}

#[test]
fn cat_copies_stdin_to_stdout() {
    let text = include_str!("cat.wat");
    let long = "0123456789".repeat(2000);
    assert_eq!(run_with_stdin(text, ""), (0, String::new()));
    assert_eq!(run_with_stdin(text, "abc"), (0, "abc".to_owned()));
    assert_eq!(run_with_stdin(text, &long), (0, long));
}

#[test]
fn args_prints_its_arguments() {
    let stdout = MemoryOutputPipe::new(1000);
    let mut builder = WasiCtxBuilder::new();
    builder.arg("args").args(&["first", "", "last one"]).stdout(stdout.clone());
    assert_eq!(status(run(&mut builder, include_str!("args.wat"))), 0);
    assert_eq!(stdout.contents(), b"args\nfirst\n\nlast one\n");
}

#[test]
fn copy_writes_a_file_that_it_reads_back() {
    let dir = TempDir::new();
    std::fs::write(dir.join("in"), "some text").unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.preopened_dir(dir.path(), ".", FsPerms::ReadWrite).unwrap();
    assert_eq!(status(run(&mut builder, include_str!("copy.wat"))), 9);
    assert_eq!(std::fs::read(dir.join("out")).unwrap(), b"some text");
}

fn exit_with(status: i32) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start")
                (call $proc_exit (i32.const {status}))
                unreachable))"#
    )
}

#[test]
fn proc_exit_ends_the_program_with_any_status() {
    for expected in [0, 1, 42, 125, 126, 255, 256, -1, i32::MAX, i32::MIN] {
        let result = run(&mut WasiCtxBuilder::new(), &exit_with(expected));
        let error = result.expect_err("even status 0 ends the call");
        assert_eq!(error.downcast_ref::<I32Exit>(), Some(&I32Exit(expected)));
    }
}

#[test]
fn an_exit_says_its_status() {
    assert_eq!(I32Exit(7).to_string(), "exited with status 7");
}

#[test]
fn a_module_without_a_memory_gets_a_clear_error() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
        (memory 1)
        (func (export "_start") (drop (call $sched_yield))))"#;
    let error = run(&mut WasiCtxBuilder::new(), text).unwrap_err();
    assert_eq!(
        error.downcast_ref::<MissingMemory>(),
        Some(&MissingMemory { function: "sched_yield" })
    );
    let text = text.replace("(memory 1)", "(global (export \"memory\") i32 (i32.const 0))");
    let error = run(&mut WasiCtxBuilder::new(), &text).unwrap_err();
    assert!(error.downcast_ref::<MissingMemory>().is_some());
}

#[test]
fn exiting_needs_no_memory() {
    let text = exit_with(3).replace("(memory (export \"memory\") 1)", "");
    assert_eq!(status(run(&mut WasiCtxBuilder::new(), &text)), 3);
}

#[test]
fn functions_can_be_defined_once_only() {
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker(&mut linker, |ctx: &mut WasiCtx| ctx).unwrap();
    assert!(p1::add_to_linker(&mut linker, |ctx: &mut WasiCtx| ctx).is_err());
}

#[test]
fn the_context_can_be_a_part_of_the_stores_data() {
    struct State {
        before: u32,
        wasi: WasiCtx,
    }
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(exit_with(5)).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi).unwrap();
    let wasi = WasiCtx::builder().build_p1();
    let mut store = Store::new(&engine, State { before: 1, wasi });
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
    assert_eq!(status(start.call(&mut store, ())), 5);
    assert_eq!(store.data().before, 1);
}

#[test]
fn a_context_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<WasiCtx>();
    is_send::<WasiCtxBuilder>();
}

#[test]
fn a_directory_that_is_not_there_cannot_be_granted() {
    let dir = TempDir::new();
    let mut builder = WasiCtxBuilder::new();
    let error = builder.preopened_dir(dir.join("missing"), "/", FsPerms::ReadWrite).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn a_failing_writer_is_an_error_to_the_program() {
    struct Broken;
    impl io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    // Exits with the error number of its one write.
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\01\00\00\00")
        (func (export "_start")
            (call $proc_exit
                (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))"#;
    let mut builder = WasiCtxBuilder::new();
    builder.stdout(Broken);
    const PIPE: i32 = 64;
    assert_eq!(status(run(&mut builder, text)), PIPE);
    let mut builder = WasiCtxBuilder::new();
    builder.stdout(MemoryOutputPipe::new(0));
    const NOSPC: i32 = 51;
    assert_eq!(status(run(&mut builder, text)), NOSPC);
}
