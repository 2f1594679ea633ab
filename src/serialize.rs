//! Modules as artefacts that another process loads.
//!
//! An artefact names its format, the version of whoever wrote it, and the settings of its engine, and
//! has the module behind that, in the binary format: there is no machine code to keep. So it is the
//! same on every machine. Loading one reads and validates the module like any other, and is as safe.

use crate::config::ModuleVersionStrategy;
use crate::engine::Engine;
use crate::error::{Context, Result, bail, ensure};
use crate::module::Module;
use crate::prelude::*;

/// What every artefact begins with: no module's beginning, and no text. The last byte is the format's
/// version.
pub(crate) const MAGIC: [u8; 9] = *b"\0threadle";
const FORMAT: u8 = 1;

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
    /// # Errors
    ///
    /// None today.
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
        let module = self.code().bytes();
        bytes.extend_from_slice(&(module.len() as u64).to_le_bytes());
        bytes.extend_from_slice(module);
        Ok(bytes)
    }

    /// Makes a module of what [`Module::serialize`] or [`Engine::precompile_module`] has written. It is
    /// validated like any other, so that bytes from anywhere do no harm.
    ///
    /// # Errors
    ///
    /// When it is no artefact, or one of another version or with other settings, which are named; and
    /// as for [`Module::new`].
    pub fn deserialize(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        Module::from_binary(engine, contents(engine, bytes.as_ref())?)
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

/// The module in an artefact.
fn contents<'a>(engine: &Engine, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        bail!("not a module that was serialized");
    };
    let mut rest = rest;
    let mut take = |len: usize| -> Result<&'a [u8]> {
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
    ensure!(len == rest.len() as u64, "the artefact is cut short, or something follows it");
    Ok(rest)
}
