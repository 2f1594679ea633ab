//! Threadle.

use ::threadle as api;
use api::{Config, Error};

use crate::num::Result;

#[path = "embedding.rs"]
mod embedding;
#[path = "glue.rs"]
mod glue;
#[path = "waiting.rs"]
mod waiting;

/// Bytes of value stack allowed, enough for the deepest workload.
const MAX_STACK: usize = 1 << 28;

pub use api::CompilationMode as Mode;

/// Threadle in this mode, with a deep stack and the features that are on by default.
///
/// # Errors
///
/// When Threadle refuses the configuration.
pub fn new(mode: Mode) -> Result<embedding::Adapter> {
    let mut config = Config::new();
    // Where it is eager, on this thread, so that the clock sees all of compiling, and only there.
    config.compilation_mode(mode).parallel_compilation(false).max_wasm_stack(MAX_STACK);
    let engine = api::Engine::new(&config).map_err(text)?;
    embedding::Adapter::new(engine)
}

/// The same with modules that were serialized ahead.
///
/// # Errors
///
/// As there.
pub fn by_artefact(mode: Mode) -> Result<embedding::Adapter> {
    Ok(new(mode)?.by(embedding::Artefacts {
        save: |engine, wasm| engine.precompile_module(wasm).map_err(text),
        load: |engine, bytes| api::Module::deserialize(engine, bytes).map_err(text),
    }))
}

fn text(error: Error) -> String {
    format!("{error:#}")
}
