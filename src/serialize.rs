//! Modules as artefacts that another process loads.
//!
//! ```text
//!   "\0threadle", format         10
//!   version of the writer        1 + its length
//!   settings of its engine       1 + 8 each
//!   length of what follows it    8
//!   checksum of the same         8
//!   length of the module, module 8 + that
//!   code                         see `crate::artefact`
//! ```
//!
//! The module is in the binary format. Its code is bytecode, so that loading it needs no translation, and is
//! verified ([`crate::verify`]): an artefact from anywhere does no harm. Where the code is of no use, as on a
//! machine of another kind, functions are translated from the module, like those of any other.

use core::ops::Range;

use crate::artefact;
use crate::config::ModuleVersionStrategy;
use crate::engine::Engine;
use crate::error::{Context, Result, bail, ensure};
use crate::module::Module;
use crate::prelude::*;

/// What every artefact begins with: no module's beginning, and no text. The last byte is the format's
/// version.
pub(crate) const MAGIC: [u8; 9] = *b"\0threadle";
const FORMAT: u8 = 3;

/// What an artefact holds; see [`Engine::detect_precompiled`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Precompiled {
    /// A module.
    Module,
    /// A component. This engine has none.
    Component,
}

impl Module {
    /// The module as an artefact, for [`Module::deserialize`] by an engine of the same version and
    /// with the same settings, on any machine.
    ///
    /// It has the code of all functions, which are translated for it, but of those that have to do with
    /// references or exceptions; and none if the engine keeps code as tools want it. Such functions are translated
    /// when the artefact is used, as those of any module are, and so is everything on machines for which the code was
    /// not made.
    ///
    /// # Errors
    ///
    /// When a function is too large to be translated, or invalid and has not been validated before.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let engine = self.engine();
        let version = written_version(engine);
        let mut bytes = Vec::with_capacity(self.code().bytes().len() + 64);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(FORMAT);
        bytes.push(version.len() as u8);
        bytes.extend_from_slice(version.as_bytes());
        let settings = engine.settings();
        bytes.push(settings.len() as u8);
        for (_, value) in settings {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let seal = bytes.len();
        bytes.extend_from_slice(&[0; 16]);
        let module = self.code().bytes();
        bytes.extend_from_slice(&(module.len() as u64).to_le_bytes());
        bytes.extend_from_slice(module);
        artefact::write(self.code(), &engine.code_options(self.info()), &mut bytes)?;
        let (head, contents) = bytes.split_at_mut(seal + 16);
        head[seal..][..8].copy_from_slice(&(contents.len() as u64).to_le_bytes());
        head[seal + 8..].copy_from_slice(&sum(contents).to_le_bytes());
        Ok(bytes)
    }

    /// Makes a module of what [`Module::serialize`] or [`Engine::precompile_module`] has written. Bytes from
    /// anywhere do no harm: code is verified, and functions without code are validated, all of them at once or,
    /// with [`CompilationMode::LazyValidation`](crate::CompilationMode::LazyValidation), each when it is first called.
    /// What a stranger's code computes is another matter: it need not be what the module says. Nor is it certain that
    /// it does not look at numbers that other calls in its store have left behind.
    ///
    /// # Errors
    ///
    /// When it is no artefact, or one of another version or with other settings, which are named; when its
    /// checksum is wrong, or its code refused; and as for [`Module::new`].
    pub fn deserialize(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        let bytes = bytes.as_ref();
        let module = contents(engine, bytes)?;
        let code = bytes[module.end..].into();
        Module::from_artefact(engine, bytes[module].into(), code)
    }

    /// The same of bytes that nobody else needs.
    #[cfg(feature = "std")]
    pub(crate) fn deserialize_owned(engine: &Engine, mut bytes: Vec<u8>) -> Result<Module> {
        let place = contents(engine, &bytes)?;
        let module = bytes[place.clone()].into();
        bytes.drain(..place.end);
        Module::from_artefact(engine, module, bytes.into())
    }
}

impl Engine {
    /// Reads and validates a module, and gives it as [`Module::serialize`] does.
    ///
    /// # Errors
    ///
    /// As for [`Module::new`].
    pub fn precompile_module(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Module::new(self, bytes)?.serialize()
    }

    /// Whether these bytes, or what they begin with, are an artefact, of any version and settings.
    pub fn detect_precompiled(bytes: &[u8]) -> Option<Precompiled> {
        bytes.starts_with(&MAGIC).then_some(Precompiled::Module)
    }

    /// What an artefact has in common with the engines that accept it. Equal values hash alike in one
    /// build of the program.
    pub fn precompile_compatibility_hash(&self) -> impl core::hash::Hash + '_ {
        (written_version(self), self.settings())
    }
}

/// The version that artefacts of an engine name; empty for none.
fn written_version(engine: &Engine) -> &str {
    match engine.config().module_version_strategy() {
        ModuleVersionStrategy::WasmtimeVersion => env!("CARGO_PKG_VERSION"),
        ModuleVersionStrategy::Custom(version) => version,
        ModuleVersionStrategy::None => "",
    }
}

/// A checksum against accidents; whoever means harm can compute it too.
fn sum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(FACTOR).rotate_left(29);
    // Four sums side by side: a multiplication takes longer than a processor can wait for.
    let mut sums = [1, 2, 3, 4];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (sum, word) in sums.iter_mut().zip(block.as_chunks::<8>().0) {
            *sum = mix(*sum, u64::from_le_bytes(*word));
        }
    }
    let rest = rest.iter().fold(bytes.len() as u64, |sum, byte| mix(sum, u64::from(*byte)));
    sums.into_iter().fold(rest, mix)
}

/// Where the module is in an artefact; its code follows.
fn contents(engine: &Engine, bytes: &[u8]) -> Result<Range<usize>> {
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        bail!("not a module that was serialized");
    };
    let mut rest = rest;
    let mut take = |len: usize| -> Result<&[u8]> {
        let (taken, left) = rest.split_at_checked(len).context("the artefact is cut short")?;
        rest = left;
        Ok(taken)
    };
    let format = take(1)?[0];
    ensure!(
        format == FORMAT,
        "Module was compiled with incompatible version: its format is {format}"
    );
    let len = take(1)?[0];
    let version = take(len.into())?;
    let any = matches!(engine.config().module_version_strategy(), ModuleVersionStrategy::None);
    ensure!(
        any || version == written_version(engine).as_bytes(),
        "Module was compiled with incompatible version '{}'",
        version.escape_ascii()
    );
    let settings = engine.settings();
    let count = take(1)?[0];
    ensure!(
        usize::from(count) == settings.len(),
        "Module was compiled with other settings: {count} of them"
    );
    for (name, here) in settings {
        let there = take(8)?.try_into().map(u64::from_le_bytes)?;
        ensure!(there == here, "Module was compiled with {name} {there:#x}, here it is {here:#x}");
    }
    let len = take(8)?.try_into().map(u64::from_le_bytes)?;
    let expected = take(8)?.try_into().map(u64::from_le_bytes)?;
    let contents = rest;
    ensure!(len <= contents.len() as u64, "the artefact is cut short");
    ensure!(len == contents.len() as u64, "the artefact is followed by other bytes");
    ensure!(sum(contents) == expected, "the artefact is damaged: its checksum is another");
    let (len, contents) = contents.split_at_checked(8).context("the artefact is cut short")?;
    let len = usize::try_from(len.try_into().map(u64::from_le_bytes)?)?;
    ensure!(len <= contents.len(), "the artefact is cut short");
    let start = bytes.len() - contents.len();
    Ok(start..start + len)
}

#[cfg(all(test, feature = "std"))]
mod tests;
