//! Real programs and kernels with known results, with guard pages and with explicit bounds checks.
//!
//! The project's own are in `tests/data/corpus`. A larger corpus of the same form is looked for in
//! `$THREADLE_CORPUS`, else in `shared/corpus` beside the repository. What runs are the rows of tier
//! `test` and each kernel's first, small run, in both memory modes where the build has both;
//! `THREADLE_CORPUS_LARGE=1` adds the rows that are meant for timing, `THREADLE_CORPUS_TIMES=1`
//! prints how long each took.
//!
//! A corpus is a folder with `wasi/manifest.json`, command programs with their arguments, input,
//! exit code and output, and `kernels/expected.json`, modules without imports that export
//! `run(n: i32)`. `tests/data/corpus/expected-failures.txt` lists runs that are expected to fail,
//! one `NAME # reason` a line; those that pass are errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use threadle::wasi::{FsPerms, I32Exit, MemoryOutputPipe, WasiCtx, p1};
use threadle::{Config, Engine, Instance, Linker, Module, Result, Store, Val, WasmFeatures};

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = root.join("tests/data/corpus");
    let expected = Arc::new(expected_failures(&own.join("expected-failures.txt")));
    let large = std::env::var_os("THREADLE_CORPUS_LARGE").is_some_and(|value| value == "1");

    let mut trials = Vec::new();
    add("own", &own, large, &expected, &mut trials);
    let shared = match std::env::var_os("THREADLE_CORPUS") {
        Some(path) => PathBuf::from(path),
        None => root.join("../shared/corpus"),
    };
    if shared.is_dir() {
        add("corpus", &shared, large, &expected, &mut trials);
    } else {
        println!(
            "no corpus at {} (THREADLE_CORPUS names another place): only the project's own \
             programs are run",
            shared.display()
        );
    }
    libtest_mimic::run(&args, trials).exit_code()
}

fn expected_failures(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).expect("the list of expected failures is there");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, reason) = line.split_once('#').expect("a reason follows each name");
            (name.trim().to_owned(), reason.trim().to_owned())
        })
        .collect()
}

/// Does a run on an engine; the error says what was not as expected.
type Runner = dyn Fn(&Engine) -> Result<(), String> + Send + Sync;

fn add(
    kind: &'static str,
    corpus: &Path,
    large: bool,
    expected: &Arc<BTreeMap<String, String>>,
    trials: &mut Vec<Trial>,
) {
    let mut runs: Vec<(String, Arc<Runner>)> = Vec::new();
    for program in programs(&corpus.join("wasi"), large) {
        runs.push((program.id.clone(), Arc::new(move |engine| program.run(engine))));
    }
    for kernel in kernels(&corpus.join("kernels"), large) {
        runs.push((kernel.id(), Arc::new(move |engine| kernel.run(engine))));
    }
    assert!(!runs.is_empty(), "{} holds nothing to run", corpus.display());
    // The `loop` backend compares always, so its modes would be the same run twice.
    let modes: &[bool] =
        if Engine::dispatch_backend() == "loop" { &[false] } else { &[true, false] };
    for (name, run) in runs {
        for &guard in modes {
            let (run, expected, id) = (run.clone(), expected.clone(), name.clone());
            let mode = if guard { "guard" } else { "explicit" };
            trials.push(
                Trial::test(format!("{name} {mode}"), move || {
                    let started = Instant::now();
                    let outcome = run(&engine(guard));
                    if std::env::var_os("THREADLE_CORPUS_TIMES").is_some() {
                        println!("{id} {mode}: {:.3} s", started.elapsed().as_secs_f64());
                    }
                    match (outcome, expected.get(&id)) {
                        (Ok(()), None) | (Err(_), Some(_)) => Ok(()),
                        (Ok(()), Some(reason)) => {
                            Err(Failed::from(format!("passes, but was expected to fail: {reason}")))
                        }
                        (Err(error), None) => Err(error.into()),
                    }
                })
                .with_kind(kind),
            );
        }
    }
}

fn engine(guard: bool) -> Engine {
    let mut config = Config::new();
    config.wasm_features(WasmFeatures::WASM3, true).signals_based_traps(guard);
    Engine::new(&config).expect("an engine")
}

fn json(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

fn string(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// A row of `wasi/manifest.json`.
struct Program {
    id: String,
    wasm: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    stdin: Option<PathBuf>,
    /// Gets a fresh, empty directory as `.`.
    empty_dir: bool,
    exit: i32,
    stdout: PathBuf,
}

fn programs(folder: &Path, large: bool) -> Vec<Program> {
    let Some(manifest) = json(&folder.join("manifest.json")) else { return Vec::new() };
    let rows = manifest.as_array().expect("the manifest is a list");
    rows.iter()
        .filter(|row| large || row["tier"] == "test")
        .map(|row| {
            let id = string(&row["id"]);
            let env = row["env"].as_object().expect("`env` is an object");
            Program {
                wasm: folder.join(string(&row["wasm"])),
                args: row["args"]
                    .as_array()
                    .expect("`args` is a list")
                    .iter()
                    .map(string)
                    .collect(),
                env: env.iter().map(|(key, value)| (key.clone(), string(value))).collect(),
                stdin: row["stdin"].as_str().map(|file| folder.join(file)),
                empty_dir: row["dir"] == "EMPTY",
                exit: row["exit"].as_i64().expect("`exit` is a number") as i32,
                stdout: folder.join("expected").join(&id).with_extension("out"),
                id,
            }
        })
        .collect()
}

impl Program {
    fn run(&self, engine: &Engine) -> Result<(), String> {
        let name = self.wasm.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stdout = MemoryOutputPipe::new(1 << 20);
        let mut wasi = WasiCtx::builder();
        wasi.arg(name).args(&self.args).envs(&self.env).stdout(stdout.clone());
        if let Some(stdin) = &self.stdin {
            wasi.stdin(std::fs::File::open(stdin).expect("the input is there"));
        }
        let dir = self.empty_dir.then(|| Scratch::new(&self.id));
        if let Some(dir) = &dir {
            let opened = wasi.preopened_dir(&dir.0, ".", FsPerms::ReadWrite);
            opened.map_err(|error| error.to_string())?;
        }
        let ran = execute(engine, &self.wasm, wasi.build());
        let exit = ran.map_err(|error| format!("{error:?}"))?;
        if exit != self.exit {
            return Err(format!("exit code {exit}, expected {}", self.exit));
        }
        let expected = std::fs::read(&self.stdout).expect("the expected output is there");
        compare(&stdout.contents(), &expected)
    }
}

/// Runs a command program and gives its exit code.
fn execute(engine: &Engine, wasm: &Path, wasi: WasiCtx) -> Result<i32> {
    let module = Module::from_file(engine, wasm)?;
    let mut linker = Linker::new(engine);
    p1::add_to_linker(&mut linker, |wasi: &mut WasiCtx| wasi)?;
    let mut store = Store::new(engine, wasi);
    let instance = linker.instantiate(&mut store, &module)?;
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
    match start.call(&mut store, ()) {
        Ok(()) => Ok(0),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(exit) => Ok(exit.0),
            None => Err(error),
        },
    }
}

fn compare(found: &[u8], expected: &[u8]) -> Result<(), String> {
    let lines = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(bytes).split('\n').map(str::to_owned).collect()
    };
    // WASI does not say which error opening a path outside of the directory gives.
    let comparable = |line: &str| !line.starts_with("open(\"../escape\"");
    let (found, expected) = (lines(found), lines(expected));
    for i in 0..found.len().max(expected.len()) {
        let (found, expected) = (found.get(i), expected.get(i));
        let either = [found, expected];
        if found != expected && !either.iter().flatten().all(|line| !comparable(line)) {
            return Err(format!("output, line {}: {found:?}, expected {expected:?}", i + 1));
        }
    }
    Ok(())
}

/// A directory that goes away again.
struct Scratch(PathBuf);

impl Scratch {
    fn new(id: &str) -> Scratch {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{id}-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a scratch directory");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A run of `kernels/expected.json`.
struct Kernel {
    name: String,
    wasm: PathBuf,
    n: Option<i32>,
    result: String,
    result_type: String,
}

fn kernels(folder: &Path, large: bool) -> Vec<Kernel> {
    let Some(expected) = json(&folder.join("expected.json")) else { return Vec::new() };
    let mut kernels = Vec::new();
    for (name, kernel) in expected.as_object().expect("kernels by name") {
        let runs = kernel["runs"].as_array().expect("`runs` is a list");
        // The first run is the small one.
        for run in &runs[..if large { runs.len() } else { 1 }] {
            kernels.push(Kernel {
                name: name.clone(),
                wasm: folder.join(string(&kernel["wasm"])),
                n: run["n"].as_i64().map(|n| n as i32),
                result: match &run["result"] {
                    Value::String(text) => text.clone(),
                    number => number.to_string(),
                },
                result_type: string(&kernel["result_type"]),
            });
        }
    }
    kernels
}

impl Kernel {
    fn id(&self) -> String {
        match self.n {
            Some(n) => format!("{}({n})", self.name),
            None => self.name.clone(),
        }
    }

    fn run(&self, engine: &Engine) -> Result<(), String> {
        let result = self.call(engine).map_err(|error| format!("{error:?}"))?;
        let expected = &self.result;
        let equal = match (&*self.result_type, result) {
            ("i32", Val::I32(value)) => value.to_string() == *expected,
            ("i64", Val::I64(value)) => value.to_string() == *expected,
            ("f32", Val::F32(bits)) => expected.parse() == Ok(f32::from_bits(bits)),
            ("f64", Val::F64(bits)) => expected.parse() == Ok(f64::from_bits(bits)),
            _ => false,
        };
        if equal { Ok(()) } else { Err(format!("result {result:?}, expected {expected}")) }
    }

    fn call(&self, engine: &Engine) -> Result<Val> {
        let module = Module::from_file(engine, &self.wasm)?;
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let run = instance.get_func(&mut store, "run").expect("kernels export `run`");
        let mut results = [Val::I32(0)];
        let args: Vec<Val> = self.n.map(Val::I32).into_iter().collect();
        run.call(&mut store, &args, &mut results)?;
        Ok(results[0])
    }
}
