//! A child process: one engine and one job, run as often as the parent asks.
//!
//! The parent writes the job as a JSON line, then a line for each run; the child writes an
//! [`Answer`] as a JSON line for each. Whatever goes wrong in the engine, be it a panic, an
//! overflow of the native stack or an abort, ends this process only.

use crate::border;
use crate::clock::timed;
use crate::engines::{self, Engine};
use crate::job::{Answer, Job, Program, Sample};
use crate::num::{Num, Result};
use crate::start;
use crate::wasi::Host;
use crate::workload::program_result;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, Write};

/// Native stack of the thread that runs Wasm. Some engines recurse on it, and stitch's host
/// calls leave a frame behind each.
const STACK: usize = 1 << 30;
/// The same below valgrind, which cannot map so much.
const STACK_BELOW_VALGRIND: usize = 1 << 26;

/// Serves the parent on standard input and output until input ends.
///
/// # Errors
///
/// When the parent speaks another protocol, or the engine is not built in.
pub fn main(engine: &str, below_valgrind: bool) -> Result<()> {
    let engine = engine.to_owned();
    let size = if below_valgrind { STACK_BELOW_VALGRIND } else { STACK };
    let thread = std::thread::Builder::new().stack_size(size).spawn(move || dispatch(&engine));
    let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    thread.join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!("the engine panicked: {}", text.unwrap_or_default()))
    })
}

fn dispatch(engine: &str) -> Result<()> {
    match engine {
        #[cfg(feature = "threadle")]
        "threadle" => serve(engines::threadle::new(engines::threadle::Mode::Eager)),
        #[cfg(feature = "threadle")]
        "threadle-lazy" => serve(engines::threadle::new(engines::threadle::Mode::Lazy)),
        #[cfg(feature = "threadle")]
        "threadle-unvalidated" => {
            serve(engines::threadle::new(engines::threadle::Mode::LazyValidation))
        }
        #[cfg(feature = "threadle")]
        "threadle-artefact" => {
            serve(engines::threadle::by_artefact(engines::threadle::Mode::Eager))
        }
        #[cfg(feature = "threadle")]
        "threadle-artefact-unvalidated" => {
            serve(engines::threadle::by_artefact(engines::threadle::Mode::LazyValidation))
        }
        #[cfg(feature = "sf")]
        "sf" => serve(engines::sf::Sf::new()),
        #[cfg(feature = "wasmi")]
        "wasmi" => serve(engines::wasmi::new(engines::wasmi::Mode::Eager)),
        #[cfg(feature = "wasmi")]
        "wasmi-lazy" => serve(engines::wasmi::new(engines::wasmi::Mode::LazyTranslation)),
        #[cfg(feature = "wasmi")]
        "wasmi-unvalidated" => serve(engines::wasmi::new(engines::wasmi::Mode::Lazy)),
        #[cfg(feature = "stitch")]
        "stitch" => serve(Ok(engines::stitch::Stitch::new())),
        #[cfg(feature = "wasm3")]
        "wasm3" => serve(Ok(engines::wasm3::Wasm3 { lazy: false })),
        #[cfg(feature = "wasm3")]
        "wasm3-lazy" => serve(Ok(engines::wasm3::Wasm3 { lazy: true })),
        #[cfg(feature = "tinywasm")]
        "tinywasm" => serve(Ok(engines::tinywasm::TinyWasm::new())),
        #[cfg(feature = "wasmtime")]
        "pulley" => serve(engines::wasmtime::new(engines::wasmtime::Backend::Pulley)),
        #[cfg(feature = "wasmtime")]
        "winch" => serve(engines::wasmtime::new(engines::wasmtime::Backend::Winch)),
        #[cfg(feature = "wasmtime")]
        "cranelift" => serve(engines::wasmtime::new(engines::wasmtime::Backend::Cranelift)),
        other => {
            engines::known(other)?;
            Err(format!("this build of the harness is without the engine '{other}'"))
        }
    }
}

fn serve<E: Engine>(engine: Result<E>) -> Result<()> {
    let mut lines = io::stdin().lock().lines();
    let Some(line) = lines.next() else {
        return Ok(());
    };
    let line = line.map_err(|error| error.to_string())?;
    let job: Job = serde_json::from_str(&line).map_err(|error| error.to_string())?;
    let prepared = engine.and_then(|engine| {
        let wasm = read_module(&job)?;
        if let Program::Start = job.program {
            return Ok((engine, wasm, None, 0));
        }
        let (module, compile_ns) = timed(|| engine.compile(&wasm));
        Ok((engine, wasm, Some(module?), compile_ns))
    });
    let (engine, wasm, module) = match prepared {
        Ok((engine, wasm, module, compile_ns)) => {
            answer(&Answer::Ready { compile_ns })?;
            (engine, wasm, module)
        }
        Err(reason) => return answer(&Answer::Failed(reason)),
    };
    for line in lines {
        line.map_err(|error| error.to_string())?;
        let ran = match &module {
            Some(module) => run(&engine, module, &job),
            None => start::run(&engine, &wasm),
        };
        match ran {
            Ok(sample) => answer(&Answer::Ran(sample))?,
            Err(reason) => return answer(&Answer::Failed(reason)),
        }
    }
    Ok(())
}

fn answer(answer: &Answer) -> Result<()> {
    let mut line = serde_json::to_string(answer).map_err(|error| error.to_string())?;
    line.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(|error| error.to_string())
}

fn read_module(job: &Job) -> Result<Vec<u8>> {
    if let Program::Border { .. } = job.program {
        return wat::parse_str(border::MODULE).map_err(|error| error.to_string());
    }
    let path = &job.wasm;
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "wat") {
        let binary = wat::parse_bytes(&bytes).map_err(|error| error.to_string())?;
        return Ok(binary.into_owned());
    }
    Ok(bytes)
}

fn run<E: Engine>(engine: &E, module: &E::Module, job: &Job) -> Result<Sample> {
    match &job.program {
        Program::Kernel { n } => {
            let args: Vec<Num> = n.iter().copied().map(Num::I32).collect();
            let (instance, instantiate_ns) = timed(|| engine.instantiate(module, Host::default()));
            let mut instance = instance?;
            let (result, execute_ns) = timed(|| engine.call(&mut instance, "run", &args));
            let result = result?.ok_or("run returned nothing")?.to_string();
            Ok(Sample { instantiate_ns, execute_ns, iterations: 1, result, peak_kib: None })
        }
        Program::Wasi { args, env, stdin, dir } => {
            let stdin = match stdin {
                Some(path) => fs::read(path).map_err(|error| error.to_string())?,
                None => Vec::new(),
            };
            let name = job.wasm.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let args = std::iter::once(name).chain(args.iter().cloned()).collect();
            let host = Host::new(args, env.clone(), stdin, *dir);
            let (instance, instantiate_ns) = timed(|| engine.instantiate(module, host));
            let mut instance = instance?;
            let (result, execute_ns) = timed(|| engine.call(&mut instance, "_start", &[]));
            let host = engine.finish(instance);
            let exit = match (host.exit, result) {
                (Some(code), _) => code,
                (None, Ok(_)) => 0,
                (None, Err(reason)) => return Err(reason),
            };
            let result = program_result(exit, host.stdout.len(), &sha256(&host.stdout));
            Ok(Sample { instantiate_ns, execute_ns, iterations: 1, result, peak_kib: None })
        }
        Program::Border { row, iterations } => border::run(engine, module, *row, *iterations),
        Program::Start => Err("a start is no run of a module that is there".to_owned()),
    }
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
