//! wasmi.

use ::wasmi as api;
use api::Config;

use crate::num::Result;

#[path = "embedding.rs"]
mod embedding;

/// Frames of recursion allowed, as many as the deepest workload needs and some more.
const MAX_RECURSION: usize = 1 << 20;
/// Bytes of value stack allowed.
const MAX_STACK: usize = 1 << 28;

pub use api::CompilationMode as Mode;

/// wasmi in this mode, with deep stacks.
///
/// # Errors
///
/// When a host function cannot be defined.
pub fn new(mode: Mode) -> Result<embedding::Adapter> {
    let mut config = Config::default();
    config
        .compilation_mode(mode)
        .set_max_recursion_depth(MAX_RECURSION)
        .set_max_stack_height(MAX_STACK);
    let engine = api::Engine::new(&config);
    embedding::Adapter::new(engine)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

mod glue {
    use super::api::{Engine, Error, FuncType, Instance, Linker, Module, Store, ValType};

    pub fn func_type(
        _: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let (params, results): (Vec<_>, Vec<_>) =
            (params.into_iter().collect(), results.into_iter().collect());
        FuncType::new(params, results)
    }

    pub fn start<T>(
        linker: &Linker<T>,
        store: &mut Store<T>,
        module: &Module,
    ) -> Result<Instance, Error> {
        linker.instantiate_and_start(store, module)
    }

    pub fn message(text: &str) -> Error {
        Error::new(text.to_owned())
    }
}
