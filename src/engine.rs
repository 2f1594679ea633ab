//! The engine: what modules and stores have in common.

use std::sync::Arc;

use crate::config::{CompilationMode, Config};
use crate::error::Result;
use crate::exec;
use crate::translate::Options;
use crate::vm::limits::StoreTunables;
use crate::vm::memory::is_guarded;
use crate::wasm::{ModuleInfo, ParseOptions, TypeRegistry};

/// A configuration together with what is shared under it: the canonical types of all modules.
/// Cheap to clone; clones are the same engine. Modules, linkers and stores can be used together
/// only if they belong to the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<EngineInner>,
}

#[derive(Debug)]
struct EngineInner {
    config: Config,
    types: Arc<TypeRegistry>,
    tunables: StoreTunables,
}

impl Engine {
    /// An engine with the given configuration.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be had on this machine. None of today's can fail.
    pub fn new(config: &Config) -> Result<Engine> {
        let mut tunables = config.store_tunables();
        exec::initialise();
        // Some systems, and limits of a process, let nobody have so much address space at once.
        tunables.memory.guard_pages =
            tunables.memory.guard_pages && crate::vm::memory::guards_can_be_had();
        if tunables.memory.guard_pages {
            exec::guard::install();
        }
        #[cfg(feature = "dwarf")]
        let config = &{
            let mut config = config.clone();
            config.resolve_environment();
            config
        };
        Ok(Engine {
            inner: Arc::new(EngineInner {
                config: config.clone(),
                types: Arc::new(TypeRegistry::new()),
                tunables,
            }),
        })
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Are these the same engine?
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.inner, &b.inner)
    }

    /// Do 32-bit memories of this engine rely on guard pages instead of explicit checks?
    pub fn uses_guard_pages(&self) -> bool {
        self.inner.tunables.memory.guard_pages
    }

    /// How this build of the crate dispatches instructions: `become`, `sibling` or `loop`.
    pub fn dispatch_backend() -> &'static str {
        exec::DISPATCH
    }

    /// How this build of the crate threads code: `direct` or `table`.
    pub fn threading_form() -> &'static str {
        exec::THREADING
    }

    pub(crate) fn types(&self) -> &Arc<TypeRegistry> {
        &self.inner.types
    }

    pub(crate) fn tunables(&self) -> &StoreTunables {
        &self.inner.tunables
    }

    /// Threads that one module may keep busy.
    pub(crate) fn threads(&self) -> usize {
        if self.inner.config.parallel {
            std::thread::available_parallelism().map_or(1, usize::from)
        } else {
            1
        }
    }

    /// How code of a module is made.
    pub(crate) fn code_options(&self, info: &ModuleInfo) -> Options {
        let memory = info.memories.first();
        Options {
            checked_memory: !memory.is_some_and(|ty| is_guarded(ty, &self.tunables().memory)),
            relaxed_simd_deterministic: self.config().relaxed_simd_deterministic,
            fuel: false,
            interrupt: self.config().interruptible,
            source_map: false,
            unfused: false,
        }
    }

    pub(crate) fn parse_options(&self) -> ParseOptions {
        ParseOptions {
            features: self.inner.config.features,
            lazy_validation: self.inner.config.mode == CompilationMode::LazyValidation,
            threads: self.threads(),
        }
    }
}

impl Default for Engine {
    /// An engine with the default configuration.
    fn default() -> Engine {
        Engine::new(&Config::default()).expect("the default configuration works everywhere")
    }
}

static_assertions::assert_impl_all!(Engine: Send, Sync);
