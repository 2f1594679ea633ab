//! `threadle run`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use threadle::debug::Debugger;
use threadle::error::Printable;
use threadle::{
    Config, Context, Engine, Error, Func, Instance, Linker, Module, Result, Store,
    StoreLimitsBuilder, Trap, Val, ValType, WasmCoreDump, bail, format_err,
};

use super::host::{Host, HostOptions, exit_code, explain};
use super::options::{EngineOptions, bytes, duration};
use super::output::Output;
use super::timeout::Timeout;
use super::value;

/// Arguments of `threadle run`.
#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    engine: EngineOptions,

    #[command(flatten)]
    host: HostOptions,

    /// Call this exported function, with ARGS as its arguments, and print each result on a line
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,

    /// Refuse to let the program's memories, its tables, the heap of garbage-collected objects and what
    /// is translated of its code (beyond a megabyte) take more than this together
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_memory: Option<usize>,

    /// End the program with a trap when it has used this much fuel: about as many instructions (docs/fuel.md)
    #[arg(long, value_name = "N")]
    fuel: Option<u64>,

    /// End the program when it has run for this long: a number of seconds, or with a unit (ms, s, m, h)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,

    /// Load another module ahead of the program, which can import its exports from NAME. Can be given
    /// more than once; a module sees those ahead of it
    #[arg(long, value_name = "NAME=FILE", value_parser = named_file)]
    preload: Vec<(String, PathBuf)>,

    /// If the program traps, write a core dump (that of the tool conventions) to FILE: frames, memories
    /// and globals
    #[arg(long, value_name = "FILE")]
    coredump: Option<PathBuf>,

    /// Wait for a debugger at this port of this machine (LLDB: `process connect --plugin wasm
    /// connect://localhost:PORT`), and let it have the program
    #[arg(short = 'g', long, value_name = "PORT")]
    debug: Option<u16>,

    /// The program, .wasm, .wat or of `threadle compile`, and its arguments
    #[arg(
        required = true,
        value_names = ["FILE", "ARGS"],
        trailing_var_arg = true,
        allow_hyphen_values = false
    )]
    command: Vec<OsString>,
}

/// A module, and the file that it was read from.
#[derive(Clone)]
pub struct Loaded {
    pub module: Module,
    pub file: PathBuf,
}

/// What other commands do around a run.
pub trait Around {
    /// Before the engine is made.
    fn configure(&mut self, config: &mut Config) {
        let _ = config;
    }

    /// When a module has been read, before any of it runs. The first is the program's own.
    fn loaded(&mut self, loaded: &Loaded) {
        let _ = loaded;
    }

    /// Before the program's first instruction.
    fn begin(&mut self, store: &mut Store<Host>) -> Result<()> {
        let _ = store;
        Ok(())
    }

    /// When the program has ended, however it did. The first module is the program's own.
    fn end(&mut self, modules: &[Loaded]) -> Result<()> {
        let _ = modules;
        Ok(())
    }
}

/// Nothing besides.
struct Plain;

impl Around for Plain {}

impl Run {
    /// Runs the program.
    pub fn execute(self) -> Result<ExitCode> {
        self.execute_with(&mut Plain)
    }

    /// Runs the program, and what is to be done around it.
    pub fn execute_with(self, around: &mut dyn Around) -> Result<ExitCode> {
        let (file, args) = self.command.split_first().expect("clap requires the file");
        let file = Path::new(file);
        let mut config = self.engine.config(None);
        config.coredump_on_trap(self.coredump.is_some());
        config.consume_fuel(self.fuel.is_some());
        config.interruptible(self.timeout.is_some());
        let debugger = self.debug.map(wait).transpose()?;
        if let Some(debugger) = &debugger {
            config.debugger(debugger);
        }
        around.configure(&mut config);
        let engine = Engine::new(&config)?;
        let module = Module::from_trusted_file(&engine, file)?;

        let mut limits = StoreLimitsBuilder::new();
        if let Some(bytes) = self.max_memory {
            limits = limits.total_size(bytes);
        }
        // A function that is called by name takes them itself.
        let for_program = if self.invoke.is_none() { args } else { &[] };
        let host = Host::new(&self.host, file, for_program, limits.build())?;
        let mut store = Store::try_new(&engine, host)?;
        store.limiter(|host| &mut host.limits);
        let mut linker = Linker::new(&engine);
        Host::link(&mut linker, self.may_be_older(&module))?;

        if let Some(fuel) = self.fuel {
            store.set_fuel(fuel)?;
        }
        let timeout = self.timeout.map(|after| Timeout::start(after, store.interrupt_handle()));
        let timeout = timeout.transpose()?;

        around.begin(&mut store)?;
        let mut modules = vec![Loaded { module: module.clone(), file: file.to_owned() }];
        around.loaded(&modules[0]);
        let preloaded = self.preload(&mut linker, &mut store, &mut |loaded| {
            around.loaded(&loaded);
            modules.push(loaded);
        });
        let outcome = preloaded.and_then(|()| match &self.invoke {
            Some(name) => invoke(&linker, &mut store, &module, name, args),
            None => start(&linker, &mut store, &module),
        });
        around.end(&modules)?;
        if let Some(debugger) = &debugger {
            debugger.exited(u8::from(outcome.is_err()));
        }
        let over = timeout.is_some_and(|timeout| timeout.is_over());
        match outcome {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => match exit_code(&error) {
                Some(code) => Ok(code),
                None => {
                    if let Some(path) = &self.coredump
                        && let Some(dump) = error.downcast_ref::<WasmCoreDump>()
                    {
                        std::fs::write(path, dump.serialize(&mut store, &file.to_string_lossy()))
                            .with_context(|| format!("cannot write {}", path.display()))?;
                    }
                    let interrupted = error.downcast_ref::<Trap>() == Some(&Trap::Interrupt);
                    Err(match in_file(error, file) {
                        error if over && interrupted => error.context("the program's time is over"),
                        error => error,
                    })
                }
            },
        }
    }

    /// Whether something may import `wasi_unstable`, which takes a tenth of a short program's time to define. It
    /// may be one of the preloaded modules that has it.
    fn may_be_older(&self, module: &Module) -> bool {
        let name = "wasi_unstable";
        self.preload.iter().all(|(preloaded, _)| preloaded != name)
            && (!self.preload.is_empty() || module.imports().any(|import| import.module() == name))
    }

    /// Makes an instance of each module of `--preload`, and defines its exports.
    fn preload(
        &self,
        linker: &mut Linker<Host>,
        store: &mut Store<Host>,
        loaded: &mut dyn FnMut(Loaded),
    ) -> Result<()> {
        for (name, file) in &self.preload {
            let module = Module::from_trusted_file(store.engine(), file)?;
            loaded(Loaded { module: module.clone(), file: file.clone() });
            linker
                .module(&mut *store, name, &module)
                .with_context(|| format!("cannot load {} as `{name}`", file.display()))?;
        }
        Ok(())
    }
}

/// What `--preload` takes.
fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !file.is_empty() => Ok((name.to_owned(), file.into())),
        _ => Err("expected NAME=FILE".into()),
    }
}

/// Waits for a debugger.
fn wait(port: u16) -> Result<Debugger> {
    let listener = Debugger::listen(port)?;
    super::output::to_stderr(&format!(
        "threadle: a debugger can connect to {}\n",
        listener.address()?
    ));
    listener.accept()
}

/// An argument as a string.
pub(super) fn text(arg: &OsStr) -> Result<&str> {
    arg.to_str().ok_or_else(|| format_err!("the argument {arg:?} is not valid Unicode"))
}

/// Names the file in errors that come from linking and running, except where a backtrace or the
/// program's own message says more.
pub(super) fn in_file(error: Error, file: &Path) -> Error {
    if error.downcast_ref::<threadle::UnknownImportError>().is_some() {
        explain(error).context(format!("cannot link {}", file.display()))
    } else {
        error
    }
}

/// Runs a command program, or initialises a library.
fn start(linker: &Linker<Host>, store: &mut Store<Host>, module: &Module) -> Result<()> {
    let has = |name: &str| module.get_export(name).is_some();
    if !has("_start") && !has("_initialize") && !has_start_function(module) {
        bail!("the module exports no function `_start`; `--invoke NAME` calls another");
    }
    let instance = linker.instantiate(&mut *store, module)?;
    match instance.get_func(&mut *store, "_start") {
        Some(start) => {
            let start = start.typed::<(), ()>(&*store).context("`_start` has the wrong type")?;
            start.call(store, ())
        }
        None => initialize(&instance, store),
    }
}

/// A module whose start section does all of its work needs no export.
fn has_start_function(module: &Module) -> bool {
    module.code().info().start.is_some()
}

/// Initialises a library.
pub(super) fn initialize(instance: &Instance, store: &mut Store<Host>) -> Result<()> {
    match instance.get_func(&mut *store, "_initialize") {
        Some(initialize) => initialize.call(store, &[], &mut []),
        None => Ok(()),
    }
}

/// Calls a function with arguments from the command line and prints its results.
fn invoke(
    linker: &Linker<Host>,
    store: &mut Store<Host>,
    module: &Module,
    name: &str,
    args: &[OsString],
) -> Result<()> {
    let Some(ty) = module.get_export(name) else {
        bail!("the module exports no function `{name}`{}", exported_functions(module));
    };
    let Some(ty) = ty.func() else { bail!("the export `{name}` is a {}", ty.kind()) };
    if ty.params().len() != args.len() {
        bail!("`{name}` takes {} arguments, {} were given", ty.params().len(), args.len());
    }
    let params = ty.params().zip(args).map(|(ty, arg)| parse(ty, arg));
    let params = params.collect::<Result<Vec<Val>>>()?;

    let instance = linker.instantiate(&mut *store, module)?;
    initialize(&instance, store)?;
    let func: Option<Func> = instance.get_func(&mut *store, name);
    let func = func.ok_or_else(|| format_err!("the export `{name}` has gone"))?;
    let mut results = vec![Val::I32(0); ty.results().len()];
    func.call(store, &params, &mut results)?;

    let mut output = Output::new();
    for result in &results {
        output.line(value::show(result))?;
    }
    output.finish()
}

fn parse(ty: ValType, arg: &OsStr) -> Result<Val> {
    let arg = text(arg)?;
    value::parse(&ty, arg).ok_or_else(|| format_err!("the argument `{arg}` is not a value of {ty}"))
}

/// A hint for who mistyped a name.
pub(super) fn exported_functions(module: &Module) -> String {
    let functions: Vec<String> = module
        .exports()
        .filter(|export| export.ty().func().is_some())
        .map(|export| Printable(export.name()).to_string())
        .take(20)
        .collect();
    if functions.is_empty() {
        String::new()
    } else {
        format!("; it exports {}", functions.join(", "))
    }
}
