//! Engines behind one interface.

mod threadle;
#[cfg(feature = "wasmi")]
mod wasmi;
#[cfg(feature = "wasmtime")]
mod wasmtime;

use crate::observe::{Observation, Plan};

pub use self::threadle::Threadle;
#[cfg(feature = "wasmi")]
pub use self::wasmi::Wasmi;
#[cfg(feature = "wasmtime")]
pub use self::wasmtime::Wasmtime;

/// Why a module was not run.
#[derive(Debug)]
pub struct Skip(pub String);

/// An engine.
pub trait Runner {
    /// What it is called in reports.
    fn name(&self) -> &str;

    /// Does with a module as planned and says what happened.
    ///
    /// # Errors
    ///
    /// When the engine does not take the module.
    fn run(&mut self, wasm: &[u8], plan: &Plan) -> Result<Observation, Skip>;
}
