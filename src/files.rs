//! Modules and artefacts in files: part of the feature `std`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::engine::Engine;
use crate::error::{Context, Result};
use crate::module::Module;
use crate::prelude::*;
use crate::serialize::{MAGIC, Precompiled};

impl Module {
    /// Reads and validates a module from a file, as [`Module::new`] does. Part of the feature `std`.
    ///
    /// # Errors
    ///
    /// Those of [`Module::new`], or that the file cannot be read; both name the file.
    pub fn from_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        let file = file.as_ref();
        let bytes =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        #[cfg(feature = "wat")]
        if crate::module::is_text(&bytes) {
            let bytes = crate::text::parse(&bytes, Some(file))?;
            return Module::from_bytes(engine, bytes.into());
        }
        Module::from_bytes(engine, bytes.into())
            .with_context(|| format!("cannot load {}", file.display()))
    }

    /// As [`Module::deserialize`], from a file. Part of the feature `std`.
    ///
    /// # Errors
    ///
    /// As there, or that the file cannot be read; both name the file.
    pub fn deserialize_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Module> {
        let path = path.as_ref();
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Module::deserialize_owned(engine, bytes)
            .with_context(|| format!("cannot load {}", path.display()))
    }

    /// As [`Module::deserialize`], from a file that is open. Part of the feature `std`.
    ///
    /// # Errors
    ///
    /// As there, or that the file cannot be read.
    pub fn deserialize_open_file(engine: &Engine, mut file: File) -> Result<Module> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).context("cannot read the file")?;
        Module::deserialize_owned(engine, bytes)
    }

    /// Makes a module of a file that is an artefact or a module in either format. Part of the feature `std`.
    ///
    /// # Errors
    ///
    /// As for [`Module::deserialize_file`] and [`Module::from_file`].
    pub fn from_trusted_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        match Engine::detect_precompiled_file(&file)? {
            Some(_) => Module::deserialize_file(engine, file),
            None => Module::from_file(engine, file),
        }
    }
}

impl Engine {
    /// As [`Engine::detect_precompiled`], of a file. Part of the feature `std`.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn detect_precompiled_file(path: impl AsRef<Path>) -> Result<Option<Precompiled>> {
        let path = path.as_ref();
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Engine::detect_precompiled(&bytes))
    }
}
