//! The example programs do what they say, with guard pages and with explicit bounds checks.

#![cfg(all(feature = "wasi", feature = "wat"))]

use std::path::{Path, PathBuf};

use threadle::wasi::{FsPerms, I32Exit, MemoryInputPipe, MemoryOutputPipe, WasiCtx, p1};
use threadle::{Config, Engine, Linker, Module, Store};

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file)
}

/// Runs a program in both memory modes; gives exit code, output and error output.
fn run(program: &str, args: &[&str], stdin: &[u8]) -> (i32, String, String) {
    let guarded = run_in_mode(program, args, stdin, true);
    assert_eq!(guarded, run_in_mode(program, args, stdin, false), "the memory modes differ");
    guarded
}

fn run_in_mode(program: &str, args: &[&str], stdin: &[u8], guard: bool) -> (i32, String, String) {
    let mut config = Config::new();
    config.signals_based_traps(guard);
    let engine = Engine::new(&config).unwrap();
    let module = Module::from_file(&engine, example(program)).unwrap();
    let (stdout, stderr) = (MemoryOutputPipe::new(1 << 20), MemoryOutputPipe::new(1 << 20));
    let mut wasi = WasiCtx::builder();
    wasi.arg(program).args(args);
    wasi.stdin(MemoryInputPipe::new(stdin)).stdout(stdout.clone()).stderr(stderr.clone());
    wasi.preopened_dir(example(""), ".", FsPerms::ReadOnly).unwrap();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi).unwrap();
    let mut store = Store::new(&engine, wasi.build());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
    let exit = match start.call(&mut store, ()) {
        Ok(()) => 0,
        Err(error) => error.downcast_ref::<I32Exit>().unwrap_or_else(|| panic!("{error:?}")).0,
    };
    let text = |pipe: MemoryOutputPipe| String::from_utf8(pipe.contents()).unwrap();
    (exit, text(stdout), text(stderr))
}

#[test]
fn wordfreq_counts_the_words_of_its_input() {
    let (exit, out, err) = run("wordfreq.wasm", &[], b"The cat. The DOG! the -- cat's 42 tails");
    assert_eq!((exit, &*err), (0, ""));
    assert_eq!(
        out,
        "8 words, 5 different\n      3 the\n      2 cat\n      1 dog\n      1 s\n      1 tails\n"
    );
}

#[test]
fn wordfreq_reads_files_and_reports_the_ones_it_cannot_open() {
    let (exit, out, err) = run("wordfreq.wasm", &["primes.fth", "missing"], b"");
    assert_eq!(exit, 1);
    assert!(out.starts_with("115 words, 46 different\n     14 dup\n"), "{out}");
    assert_eq!(err, "wordfreq: missing: No such file or directory\n");
}

#[test]
fn forth_runs_the_sieve() {
    let program = std::fs::read(example("primes.fth")).unwrap();
    let (exit, out, err) = run("forth.wasm", &[], &program);
    assert_eq!((exit, &*err), (0, ""));
    assert_eq!(
        out,
        "the last primes below 2000 are 1973 1979 1987 1993 1997 1999 \n\
         there are 303 in all\n\
         and fib of 20 is 6765 \n"
    );
}

#[test]
fn forth_refuses_what_it_does_not_know() {
    let (exit, out, err) = run("forth.wasm", &[], b"1 2 + . nonsense");
    assert_eq!((exit, &*out, &*err), (1, "3 ", "forth: unknown word: nonsense\n"));
    let (exit, _, err) = run("forth.wasm", &[], b": deep deep ; deep");
    assert_eq!((exit, &*err), (1, "forth: return stack overflow\n"));
}

#[test]
fn mandelbrot_draws_a_symmetric_picture() {
    let (exit, out, err) = run("mandelbrot.wasm", &["41"], b"");
    assert_eq!((exit, &*err), (0, ""));
    let rows: Vec<&str> = out.lines().collect();
    assert_eq!(rows.len(), 15);
    assert!(rows.iter().all(|row| row.len() == 41));
    assert!(rows.iter().eq(rows.iter().rev()), "{out}");
    // The real axis: outside, the needle and the two largest discs, and outside again.
    assert_eq!(rows[7], "   @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@=---:::");
}

#[test]
fn mandelbrot_refuses_a_bad_width() {
    for bad in ["0", "1001", "4x", ""] {
        let (exit, out, err) = run("mandelbrot.wasm", &[bad], b"");
        assert_eq!((exit, &*out), (2, ""), "{bad}");
        assert_eq!(err, "usage: mandelbrot [COLUMNS], from 1 to 1000\n");
    }
}

/// `BLESS=1` writes it anew.
#[test]
fn the_module_of_the_text_example_is_up_to_date() {
    let binary = example("mandelbrot.wasm");
    let fresh = wat::parse_file(example("mandelbrot.wat")).unwrap();
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&binary, &fresh).unwrap();
    }
    let kept = std::fs::read(&binary).unwrap_or_default();
    assert!(kept == fresh, "{} is stale: run examples/build.sh", binary.display());
}
