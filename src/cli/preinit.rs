//! `threadle preinit`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use threadle::error::Context;
use threadle::{Engine, Linker, Module, Preinit, Result, Store, StoreLimits, bail, format_err};

use super::host::{Host, HostOptions};
use super::options::EngineOptions;
use super::run;

/// Arguments of `threadle preinit`.
#[derive(Args)]
pub struct PreinitModule {
    #[command(flatten)]
    engine: EngineOptions,

    #[command(flatten)]
    host: HostOptions,

    /// The exported function that initialises the program. It takes and returns nothing
    #[arg(long, value_name = "NAME", default_value = "wizer.initialize")]
    init_func: String,

    /// Let the new module export that function, too
    #[arg(long)]
    keep_init_func: bool,

    /// Export the function OLD as NEW, in place of what was: what the program does when it is run then. Can be given
    /// more than once
    #[arg(short, long, value_name = "NEW=OLD", value_parser = renamed)]
    rename_func: Vec<(String, String)>,

    /// Where the new module goes (default: the module's name with `.init.wasm`)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The module, .wasm or .wat
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What `--rename-func` takes.
fn renamed(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((new, old)) if !new.is_empty() && !old.is_empty() => Ok((new.into(), old.into())),
        _ => Err("expected NEW=OLD".into()),
    }
}

impl PreinitModule {
    /// Initialises an instance, and writes the module that it has become.
    pub fn execute(self) -> Result<ExitCode> {
        let engine = Engine::new(&self.engine.config(None))?;
        let module = Module::from_file(&engine, &self.file)?;
        let host = Host::new(&self.host, &self.file, &[], StoreLimits::default())?;
        let mut store = Store::try_new(&engine, host)?;
        let mut linker = Linker::new(&engine);
        let is_older = module.imports().any(|import| import.module() == "wasi_unstable");
        Host::link(&mut linker, is_older)?;
        let bytes = self
            .initialised(&linker, &mut store, &module)
            .map_err(|error| run::in_file(error, &self.file))?;
        let output = self.output.unwrap_or_else(|| self.file.with_extension("init.wasm"));
        std::fs::write(&output, bytes)
            .with_context(|| format!("cannot write {}", output.display()))?;
        Ok(ExitCode::SUCCESS)
    }

    fn initialised(
        &self,
        linker: &Linker<Host>,
        store: &mut Store<Host>,
        module: &Module,
    ) -> Result<Vec<u8>> {
        let name = &self.init_func;
        if module.get_export(name).is_none() {
            bail!("the module exports no function `{name}`{}", run::exported_functions(module));
        }
        let instance = linker.instantiate(&mut *store, module)?;
        run::initialize(&instance, store)?;
        let init = instance
            .get_typed_func::<(), ()>(&mut *store, name)
            .map_err(|error| format_err!("`{name}` cannot initialise the program: {error}"))?;
        init.call(&mut *store, ())?;

        let mut preinit = Preinit::new();
        // It has run, and would undo what has been done.
        for done in ["_initialize", name] {
            if module.get_export(done).is_some() && !(self.keep_init_func && done == name) {
                preinit.remove_export(done);
            }
        }
        for (new, old) in &self.rename_func {
            preinit.rename_export(old, new);
        }
        preinit.module(store, &instance)
    }
}
