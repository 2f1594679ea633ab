//! Threadle, the engine under test.

use ::threadle as api;
use api::{
    CompilationMode, Config, Engine, Error, Module, ModuleError, ModuleErrorKind, ThrownException,
    Trap,
};

use super::{Runner, Skip};
use crate::observe::{HostFailure, Observation, Outcome, Plan, Stop};

#[path = "embedding.rs"]
mod embedding;

/// Threadle in one of its configurations.
#[derive(Debug)]
pub struct Threadle {
    name: &'static str,
    engine: Engine,
}

impl Threadle {
    /// The configurations to test: memory with guard pages and with explicit checks, translated
    /// lazily and eagerly.
    pub fn all() -> Vec<Threadle> {
        [("guarded", true), ("checked", false)]
            .into_iter()
            .map(|(name, guarded)| {
                let mut config = Config::new();
                config.signals_based_traps(guarded);
                config.parallel_compilation(false);
                config.relaxed_simd_deterministic(true);
                for enable in [
                    Config::wasm_simd,
                    Config::wasm_relaxed_simd,
                    Config::wasm_exceptions,
                    Config::wasm_gc,
                    Config::wasm_threads,
                    Config::wasm_custom_page_sizes,
                    Config::wasm_wide_arithmetic,
                ] {
                    enable(&mut config, true);
                }
                if guarded {
                    config.compilation_mode(CompilationMode::Lazy);
                } else {
                    config.compilation_mode(CompilationMode::Eager);
                }
                let engine = Engine::new(&config).expect("the configuration is valid");
                Threadle { name, engine }
            })
            .collect()
    }
}

fn stop(error: &Error) -> Outcome {
    let message = format!("{error:#}");
    if error.is::<HostFailure>() {
        return Outcome::Stop(Stop::Host, message);
    }
    let stop = match error.downcast_ref() {
        Some(Trap::OutOfHeap) => Stop::Limit,
        trap => trap.and_then(embedding::trap).unwrap_or(Stop::Other),
    };
    let stop = match stop {
        Stop::Other if error.is::<ThrownException>() => Stop::Exception,
        Stop::Other if is_limit(error) => Stop::Limit,
        stop => stop,
    };
    Outcome::Stop(stop, message)
}

fn is_limit(error: &Error) -> bool {
    error.downcast_ref::<ModuleError>().is_some_and(|it| it.kind() == ModuleErrorKind::Limit)
}

impl Runner for Threadle {
    fn name(&self) -> &str {
        self.name
    }

    fn run(&mut self, wasm: &[u8], plan: &Plan) -> Result<Observation, Skip> {
        let module = match Module::new(&self.engine, wasm) {
            Ok(module) => module,
            Err(error) if is_limit(&error) => return Err(Skip(format!("{error:#}"))),
            Err(error) => {
                let message = format!("module refused: {error:#}");
                let failed = Some(Outcome::Stop(Stop::Other, message));
                return Ok(Observation { failed, ..Observation::default() });
            }
        };
        embedding::run(&self.engine, &module, plan)
    }
}
