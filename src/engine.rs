//! The engine: what modules and stores have in common.

use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;

use crate::config::{CompilationMode, Config};
use crate::error::Result;
use crate::exec;
use crate::pool::Pool;
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
    pool: Option<Arc<Pool>>,
}

impl Engine {
    /// An engine with the given configuration.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be had on this machine: that of a pool, if its memories need more
    /// address space than there is.
    pub fn new(config: &Config) -> Result<Engine> {
        let mut tunables = config.store_tunables();
        exec::initialise();
        // Some systems, and limits of a process, let nobody have so much address space at once.
        tunables.memory.guard_pages =
            tunables.memory.guard_pages && crate::vm::memory::guards_can_be_had();
        if tunables.memory.guard_pages {
            exec::guard::install();
        }
        let pool = config.new_pool()?;
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
                pool,
            }),
        })
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whether these are the same engine.
    pub fn same(a: &Engine, b: &Engine) -> bool {
        Arc::ptr_eq(&a.inner, &b.inner)
    }

    /// Advances the epoch by one tick. Stores whose deadline it reaches stop, trap, or call back, as
    /// they are configured; see [`Config::epoch_interruption`](crate::Config::epoch_interruption).
    /// Nothing but an atomic addition, so that even a signal handler may do it.
    pub fn increment_epoch(&self) {
        self.inner.tunables.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// A reference that does not keep the engine alive.
    pub fn weak(&self) -> EngineWeak {
        EngineWeak { inner: Arc::downgrade(&self.inner) }
    }

    /// Whether 32-bit memories of this engine rely on guard pages instead of explicit checks.
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

    /// See [`Config::settings`].
    pub(crate) fn settings(&self) -> [(&'static str, u64); 8] {
        self.inner.config.settings()
    }

    pub(crate) fn types(&self) -> &Arc<TypeRegistry> {
        &self.inner.types
    }

    /// The pool whose limits hold for its modules and instances.
    pub(crate) fn pool(&self) -> Option<&Arc<Pool>> {
        self.inner.pool.as_ref()
    }

    pub(crate) fn tunables(&self) -> &StoreTunables {
        &self.inner.tunables
    }

    /// Threads that one module may keep busy.
    pub(crate) fn threads(&self) -> usize {
        if self.inner.config.parallel { crate::sys::standard::parallelism() } else { 1 }
    }

    /// How code of a module is made.
    pub(crate) fn code_options(&self, info: &ModuleInfo) -> Options {
        let memory = info.memories.first();
        Options {
            checked_memory: !memory.is_some_and(|ty| is_guarded(ty, &self.tunables().memory)),
            relaxed_simd_deterministic: self.config().relaxed_simd_deterministic,
            canonical_nans: self.config().canonical_nans,
            fuel: self.config().fuel_costs(),
            interrupt: self.config().interruptible || self.config().epoch_interruption,
            source_map: false,
            unfused: self.config().plain_code || self.config().unfused_code,
            unpinned: self.config().plain_code,
            readable: self.config().readable_code,
            frames: self.config().frames,
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

/// A reference to an [`Engine`] that does not keep it alive, such as a thread has that calls
/// [`Engine::increment_epoch`]. Made by [`Engine::weak`].
#[derive(Clone, Debug)]
pub struct EngineWeak {
    inner: Weak<EngineInner>,
}

impl EngineWeak {
    /// The engine, if it still exists.
    pub fn upgrade(&self) -> Option<Engine> {
        self.inner.upgrade().map(|inner| Engine { inner })
    }
}

impl Default for Engine {
    /// An engine with the default configuration.
    fn default() -> Engine {
        Engine::new(&Config::default()).expect("the default configuration works everywhere")
    }
}

static_assertions::assert_impl_all!(Engine: Send, Sync);
