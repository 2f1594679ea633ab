//! `threadle compile`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use threadle::error::Context;
use threadle::{Engine, Module, Result};

use super::options::EngineOptions;

/// Arguments of `threadle compile`.
#[derive(Args)]
pub struct Compile {
    #[command(flatten)]
    engine: EngineOptions,

    /// Where the artefact goes (default: the module's name with `.cwasm`)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The module, .wasm or .wat
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Compile {
    /// Writes the artefact.
    pub fn execute(self) -> Result<ExitCode> {
        let engine = Engine::new(&self.engine.config(None))?;
        let artefact = Module::from_file(&engine, &self.file)?.serialize()?;
        let output = self.output.unwrap_or_else(|| self.file.with_extension("cwasm"));
        std::fs::write(&output, artefact)
            .with_context(|| format!("cannot write {}", output.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
