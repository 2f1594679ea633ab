//! What is verified, for whom, and what comes of it.

use super::module::Facts;
use crate::translate::Options;
use crate::vm::VmLayout;
use crate::wasm::ModuleInfo;

/// Why code is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The instruction, by its byte offset in the code.
    pub offset: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// A function's code as an artefact has it: that of the translator, but for types, which are named by their
/// indices in the module.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    /// The instructions: whole words, little-endian.
    pub bytes: &'a [u8],
    /// Byte offset of the first one to execute.
    pub entry: u32,
    /// Whether the function pins integers and whether it pins floats.
    pub pins: (bool, bool),
}

/// Checks code of functions of one module.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    /// The module, whose structure has been validated.
    pub info: &'a ModuleInfo,
    /// What contexts of its instances look like.
    pub layout: &'a VmLayout,
    /// What the engine's configuration says about code.
    pub options: &'a Options,
    /// What is known of the module's types and globals.
    pub facts: &'a Facts,
}
