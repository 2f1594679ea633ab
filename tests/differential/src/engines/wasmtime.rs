//! wasmtime, an oracle: compiles, so it is slow to start and knows everything.

use ::wasmtime as api;
use api::{Config, Engine, Error, Module, OptLevel, ThrownException};

use super::{Runner, Skip};
use crate::observe::{HostFailure, Observation, Outcome, Plan, Stop};

#[path = "embedding.rs"]
mod embedding;

/// wasmtime.
pub struct Wasmtime {
    engine: Engine,
}

impl Wasmtime {
    /// wasmtime with everything that it supports switched on.
    pub fn new() -> Wasmtime {
        let mut config = Config::new();
        config
            .wasm_multi_memory(true)
            .wasm_tail_call(true)
            .wasm_extended_const(true)
            .wasm_memory64(true)
            .wasm_function_references(true)
            .wasm_gc(true)
            .wasm_exceptions(true)
            .wasm_threads(true)
            .shared_memory(true)
            .wasm_custom_page_sizes(true)
            .wasm_wide_arithmetic(true)
            .relaxed_simd_deterministic(true)
            .wasm_backtrace_max_frames(None);
        // Little is executed of each module: compile fast.
        config.cranelift_opt_level(OptLevel::None);
        Wasmtime { engine: Engine::new(&config).expect("the configuration is valid") }
    }
}

fn stop(error: &Error) -> Outcome {
    let message = format!("{error:#}");
    if error.is::<HostFailure>() {
        return Outcome::Stop(Stop::Host, message);
    }
    let stop = match error.downcast_ref().and_then(embedding::trap) {
        Some(stop) => stop,
        None if error.is::<ThrownException>() => Stop::Exception,
        // The error's type is generic in what could not be allocated.
        None if message.contains("GC heap out of memory") => Stop::Limit,
        None => Stop::Other,
    };
    Outcome::Stop(stop, message)
}

impl Runner for Wasmtime {
    fn name(&self) -> &str {
        "wasmtime"
    }

    fn run(&mut self, wasm: &[u8], plan: &Plan) -> Result<Observation, Skip> {
        let module = Module::new(&self.engine, wasm).map_err(|e| Skip(format!("module: {e:#}")))?;
        embedding::run(&self.engine, &module, plan, &mut embedding::Plain)
    }
}
