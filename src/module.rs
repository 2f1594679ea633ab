//! Modules: validated WebAssembly, ready to be instantiated.

use core::any::Any;
use std::path::Path;
use std::sync::Arc;

use crate::code::ModuleCode;
use crate::config::CompilationMode;
use crate::engine::Engine;
use crate::error::{Context, Result};
use crate::types::{ExportType, ExternType, ImportType};
use crate::vm::instance::InstanceSource;
use crate::wasm::ModuleInfo;

/// A module. Cheap to clone; clones are the same module, and its code is translated once for all
/// instances, stores and threads.
#[derive(Clone)]
pub struct Module {
    inner: Arc<ModuleInner>,
}

/// What instances keep alive.
pub(crate) struct ModuleInner {
    engine: Engine,
    pub(crate) code: ModuleCode,
}

impl Module {
    /// Reads and validates a module in the binary format, or with the crate feature `wat` in the
    /// text format too.
    ///
    /// # Errors
    ///
    /// [`ModuleError`](crate::ModuleError), which names the cause and the byte offset, or the text
    /// format's error with line and column.
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        let bytes = bytes.as_ref();
        #[cfg(feature = "wat")]
        if is_text(bytes) {
            return Module::from_bytes(engine, crate::text::parse(bytes, None)?.into());
        }
        Module::from_binary(engine, bytes)
    }

    /// Reads and validates a module from a file, as [`Module::new`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Module::new`], or that the file cannot be read; both name the file.
    pub fn from_file(engine: &Engine, file: impl AsRef<Path>) -> Result<Module> {
        let file = file.as_ref();
        let bytes =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        #[cfg(feature = "wat")]
        if is_text(&bytes) {
            let bytes = crate::text::parse(&bytes, Some(file))?;
            return Module::from_bytes(engine, bytes.into());
        }
        Module::from_bytes(engine, bytes.into())
            .with_context(|| format!("cannot load {}", file.display()))
    }

    /// Reads and validates a module in the binary format.
    ///
    /// # Errors
    ///
    /// [`ModuleError`](crate::ModuleError).
    pub fn from_binary(engine: &Engine, bytes: &[u8]) -> Result<Module> {
        Module::from_bytes(engine, bytes.into())
    }

    fn from_bytes(engine: &Engine, bytes: Arc<[u8]>) -> Result<Module> {
        let info = ModuleInfo::parse(&bytes, &engine.parse_options(), engine.types())?;
        let code = ModuleCode::new(
            Arc::new(info),
            bytes,
            &engine.tunables().memory,
            engine.config().relaxed_simd_deterministic,
        )
        .interruptible(engine.config().interruptible);
        if engine.config().mode == CompilationMode::Eager {
            code.compile_all(engine.threads())?;
        }
        Ok(Module { inner: Arc::new(ModuleInner { engine: engine.clone(), code }) })
    }

    /// Checks that bytes are a valid module in the binary format, including all function bodies.
    ///
    /// # Errors
    ///
    /// [`ModuleError`](crate::ModuleError).
    pub fn validate(engine: &Engine, bytes: &[u8]) -> Result<()> {
        let mut options = engine.parse_options();
        options.lazy_validation = false;
        ModuleInfo::parse(bytes, &options, engine.types())?;
        Ok(())
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The name that its name section gives it.
    pub fn name(&self) -> Option<&str> {
        let code = &self.inner.code;
        code.info().names(code.bytes()).module(code.bytes())
    }

    /// What the module imports, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        let info = self.info();
        info.imports.iter().map(|import| {
            ImportType::new(&import.module, &import.name, info.extern_type(import.entity))
        })
    }

    /// What the module exports, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let info = self.info();
        info.exports.iter().map(|(name, &entity)| ExportType::new(name, info.extern_type(entity)))
    }

    /// The type of the export with this name.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        let info = self.info();
        info.exports.get(name).map(|&entity| info.extern_type(entity))
    }

    /// The contents of the custom sections with this name, in order.
    pub fn custom_sections<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let sections = self.info().custom_sections.iter();
        let bytes = self.inner.code.bytes();
        sections.filter(move |s| &*s.name == name).map(|s| &bytes[s.range.clone()])
    }

    /// Are these the same module, not merely equal ones?
    pub fn same(a: &Module, b: &Module) -> bool {
        Arc::ptr_eq(&a.inner, &b.inner)
    }

    /// The name that the name section gives a function; `None` if there is none.
    pub fn function_name(&self, index: u32) -> Option<&str> {
        let code = &self.inner.code;
        code.info().names(code.bytes()).func(code.bytes(), index.into())
    }

    /// The translated and the original code, for tools of this crate.
    #[doc(hidden)]
    pub fn code(&self) -> &ModuleCode {
        &self.inner.code
    }

    pub(crate) fn info(&self) -> &Arc<ModuleInfo> {
        self.inner.code.info()
    }

    pub(crate) fn source(&self) -> InstanceSource {
        InstanceSource {
            info: self.info().clone(),
            bytes: self.inner.code.shared_bytes().clone(),
            code: self.inner.code.entries(),
            owner: self.inner.clone(),
        }
    }

    /// The module whose instances are kept by `owner`.
    pub(crate) fn from_owner(owner: &Arc<dyn Any + Send + Sync>) -> Module {
        let inner = owner.clone().downcast::<ModuleInner>();
        Module { inner: inner.expect("instances are owned by modules") }
    }
}

/// Not the binary format's magic bytes, so text.
#[cfg(feature = "wat")]
fn is_text(bytes: &[u8]) -> bool {
    !bytes.starts_with(b"\0asm") && str::from_utf8(bytes).is_ok()
}

impl core::fmt::Debug for Module {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Module").field("name", &self.name()).finish_non_exhaustive()
    }
}

static_assertions::assert_impl_all!(Module: Send, Sync);
