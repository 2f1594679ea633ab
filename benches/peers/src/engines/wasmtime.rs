//! Wasmtime, in its three ways of running Wasm: Pulley, Winch and Cranelift.

use ::wasmtime as api;
use api::{Config, Error, Strategy};

use crate::num::Result;

#[path = "embedding.rs"]
mod embedding;
#[path = "glue.rs"]
mod glue;
#[path = "waiting.rs"]
mod waiting;

/// Bytes of Wasm stack allowed, enough for the deepest workload.
const MAX_STACK: usize = 1 << 26;

/// How Wasmtime is to run Wasm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Portable bytecode, optimised by Cranelift and interpreted.
    Pulley,
    /// The baseline compiler.
    Winch,
    /// The optimising compiler.
    Cranelift,
}

/// Wasmtime with `backend`, deep stacks, and all proposals that the backend supports.
///
/// # Errors
///
/// When Wasmtime refuses the configuration.
pub fn new(backend: Backend) -> Result<embedding::Adapter> {
    let mut config = Config::new();
    config.max_wasm_stack(MAX_STACK).async_stack_size(2 * MAX_STACK);
    match backend {
        Backend::Winch => {
            config.strategy(Strategy::Winch);
        }
        Backend::Cranelift | Backend::Pulley => {
            config.strategy(Strategy::Cranelift);
            config.wasm_function_references(true).wasm_gc(true).wasm_exceptions(true);
        }
    }
    if backend == Backend::Pulley {
        config.target("pulley64").map_err(text)?;
    }
    let engine = api::Engine::new(&config).map_err(text)?;
    embedding::Adapter::new(engine)
}

/// The error with its causes: Wasmtime's outermost message often says only where.
fn text(error: Error) -> String {
    format!("{error:#}")
}
