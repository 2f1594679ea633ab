//! How an engine is configured: every knob in one place.

use alloc::sync::Arc;
use core::num::NonZeroUsize;

pub use self::knobs::{
    Cache, Collector, Inlining, OptLevel, ProfilingStrategy, RegallocAlgorithm, Strategy,
};
pub use self::pooling::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use wasmparser::WasmFeatures;

use crate::error::{Result, ensure};
use crate::exec::guard;
use crate::exec::profile::Watch;
use crate::pool::Pool;
use crate::prelude::*;
use crate::sys::RESERVING_IS_FREE;
use crate::translate::{OperatorCost, Shape};
use crate::vm::creator::Creator;
use crate::vm::limits::{IDLE_STACKS, MemoryTunables, StoreTunables};
use crate::vm::memory::GUARDED_RESERVATION;
use crate::vm::memory_pool::MemoryPool;
use crate::vm::stack::StackPool;

mod knobs;
pub(crate) mod pooling;

/// When functions are translated to bytecode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum CompilationMode {
    /// Each function when it is first called. Modules are validated in full when they are made.
    #[default]
    Lazy,
    /// All functions when the module is made.
    Eager,
    /// Each function is validated and translated when it is first called; a call of an invalid
    /// function fails. Fastest start, for modules that are known to be valid.
    LazyValidation,
}

/// Whether backtraces have source lines from a module's DWARF sections.
#[cfg(feature = "dwarf")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WasmBacktraceDetails {
    /// Whenever a frame is shown or asked.
    Enable,
    /// Never.
    Disable,
    /// If the environment variable `THREADLE_BACKTRACE_DETAILS` is `1` when an engine is made.
    #[default]
    Environment,
}

/// Which version an artefact of [`Module::serialize`](crate::Module::serialize) names, and has to name to
/// be loaded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ModuleVersionStrategy {
    /// That of this crate. (The name is the one that programs know.)
    #[default]
    WasmtimeVersion,
    /// One of the embedder's own, of at most 255 bytes.
    Custom(String),
    /// None; any is accepted.
    None,
}

/// Configuration of an [`Engine`](crate::Engine). Methods set one knob each and can be chained.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) features: WasmFeatures,
    pub(crate) mode: CompilationMode,
    pub(crate) parallel: bool,
    pub(crate) relaxed_simd_deterministic: bool,
    pub(crate) canonical_nans: bool,
    pub(crate) interruptible: bool,
    pub(crate) epoch_interruption: bool,
    consume_fuel: bool,
    operator_cost: Option<Arc<OperatorCost>>,
    backtrace_frames: Option<NonZeroUsize>,
    #[cfg(feature = "dwarf")]
    backtrace_details: WasmBacktraceDetails,
    signals_based_traps: bool,
    memory_reservation: u64,
    memory_guard_size: u64,
    growth_reserve: u64,
    memory_may_move: bool,
    max_wasm_stack: usize,
    max_activations: u32,
    gc_heap_maximum: u64,
    gc_heap_reservation: Option<u64>,
    gc_heap_may_move: bool,
    gc_always: bool,
    pub(crate) frames: Shape,
    shared_memory: Option<bool>,
    address_map: bool,
    module_version: ModuleVersionStrategy,
    pool: Option<PoolingAllocationConfig>,
    memory_creator: Option<Creator>,
    #[cfg(feature = "coredump")]
    coredump_on_trap: bool,
    #[cfg(feature = "debug")]
    debugger: Option<crate::debug::Debugger>,
    watch: Option<Watch>,
    pub(crate) plain_code: bool,
    pub(crate) unfused_code: bool,
    /// Whether operands are where debuggers find them.
    pub(crate) readable_code: bool,
    #[cfg(feature = "internals")]
    pub(crate) through_artefacts: bool,
}

/// What modules may use unless told otherwise.
const DEFAULT_FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::GC)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS);

/// Bytes that a 32-bit memory spans, and least guard behind it, for guard pages to be used.
const GUARDED_SPAN: u64 = 1 << 32;

/// Bytes of address space that a program has on most 64-bit systems.
const ADDRESS_SPACE: u64 = 1 << 47;

impl Default for Config {
    fn default() -> Config {
        Config::new()
    }
}

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident = $flags:expr;)*) => {
        impl Config {
            $(
                $(#[$doc])*
                pub fn $name(&mut self, enable: bool) -> &mut Config {
                    self.features.set($flags, enable);
                    self
                }
            )*
        }
    };
}

features! {
    /// Reference types (2.0). On by default.
    wasm_reference_types = WasmFeatures::REFERENCE_TYPES;
    /// Several results and block parameters (2.0). On by default.
    wasm_multi_value = WasmFeatures::MULTI_VALUE;
    /// Bulk memory and table operations (2.0). On by default.
    wasm_bulk_memory = WasmFeatures::BULK_MEMORY;
    /// 128-bit vectors (2.0). On by default.
    wasm_simd = WasmFeatures::SIMD;
    /// Vector operations whose results may differ between machines (3.0); see
    /// [`Config::relaxed_simd_deterministic`]. On by default.
    wasm_relaxed_simd = WasmFeatures::RELAXED_SIMD;
    /// Tail calls (3.0). On by default.
    wasm_tail_call = WasmFeatures::TAIL_CALL;
    /// Arithmetic in constant expressions (3.0). On by default.
    wasm_extended_const = WasmFeatures::EXTENDED_CONST;
    /// Several memories (3.0). On by default.
    wasm_multi_memory = WasmFeatures::MULTI_MEMORY;
    /// Memories and tables with 64-bit indices (3.0). On by default.
    wasm_memory64 = WasmFeatures::MEMORY64;
    /// Typed function references (3.0). On by default.
    wasm_function_references = WasmFeatures::FUNCTION_REFERENCES;
    /// Garbage-collected objects (3.0). On by default.
    wasm_gc = WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES);
    /// Exceptions (3.0). On by default.
    wasm_exceptions = WasmFeatures::EXCEPTIONS;
    /// Exceptions in the form that was deployed before they were standardised (`try`, `catch`,
    /// `delegate`, `rethrow`), which needs [`Config::wasm_exceptions`] too. On by default: compilers
    /// still emit it, and modules may use both forms.
    wasm_legacy_exceptions = WasmFeatures::LEGACY_EXCEPTIONS;
    /// Shared memories and atomic accesses (proposal). Off by default. See
    /// [`SharedMemory`](crate::SharedMemory).
    wasm_threads = WasmFeatures::THREADS;
    /// Memories with pages of one byte (proposal).
    wasm_custom_page_sizes = WasmFeatures::CUSTOM_PAGE_SIZES;
    /// What objects and exceptions are made of: references to anything but functions and the host's
    /// objects, and the heap. On by default; a program that uses garbage-collected objects or
    /// exceptions needs it too.
    wasm_gc_types = WasmFeatures::GC_TYPES;
    /// 128-bit arithmetic on pairs of 64-bit integers (proposal).
    wasm_wide_arithmetic = WasmFeatures::WIDE_ARITHMETIC;
}

impl Config {
    /// The default configuration.
    pub fn new() -> Config {
        let memory = MemoryTunables::default();
        let store = StoreTunables::default();
        Config {
            features: DEFAULT_FEATURES,
            mode: CompilationMode::Lazy,
            parallel: true,
            relaxed_simd_deterministic: false,
            canonical_nans: false,
            interruptible: false,
            epoch_interruption: false,
            consume_fuel: false,
            operator_cost: None,
            backtrace_frames: NonZeroUsize::new(store.backtrace_frames),
            #[cfg(feature = "dwarf")]
            backtrace_details: WasmBacktraceDetails::default(),
            signals_based_traps: guard::SUPPORTED,
            memory_reservation: GUARDED_SPAN,
            memory_guard_size: GUARDED_SPAN,
            growth_reserve: memory.growth_reserve as u64,
            memory_may_move: true,
            max_wasm_stack: store.stacks.bytes(),
            max_activations: store.max_activations,
            gc_heap_maximum: store.heap_reservation as u64,
            gc_heap_reservation: None,
            gc_heap_may_move: true,
            gc_always: store.collect_always,
            frames: Shape::Near,
            shared_memory: None,
            address_map: true,
            module_version: ModuleVersionStrategy::default(),
            pool: None,
            memory_creator: None,
            #[cfg(feature = "coredump")]
            coredump_on_trap: false,
            #[cfg(feature = "debug")]
            debugger: None,
            watch: None,
            plain_code: false,
            unfused_code: false,
            readable_code: false,
            #[cfg(feature = "internals")]
            through_artefacts: false,
        }
    }

    /// Whether there are types of objects at all: without them neither [`Config::wasm_gc`] nor
    /// [`Config::wasm_function_references`] nor [`Config::wasm_exceptions`] can be on.
    pub fn gc_support(&mut self, enable: bool) -> &mut Config {
        self.wasm_gc_types(enable)
    }

    /// Sets features by their flags in `wasmparser`.
    pub fn wasm_features(&mut self, features: WasmFeatures, enable: bool) -> &mut Config {
        self.features.set(features, enable);
        self
    }

    /// When functions are translated. The default is [`CompilationMode::Lazy`].
    pub fn compilation_mode(&mut self, mode: CompilationMode) -> &mut Config {
        self.mode = mode;
        self
    }

    /// Use several threads to validate, and to translate eagerly, large modules? On by default.
    pub fn parallel_compilation(&mut self, parallel: bool) -> &mut Config {
        self.parallel = parallel;
        self
    }

    /// Give relaxed SIMD instructions the results of the specification's deterministic profile, the
    /// same on every machine? Off by default: where the specification leaves a choice, the result
    /// is then the one that is fastest on this machine. It may be so for out-of-range lanes of
    /// swizzles and truncations, and for `min` and `max` of NaN or of zeros.
    pub fn relaxed_simd_deterministic(&mut self, enable: bool) -> &mut Config {
        self.relaxed_simd_deterministic = enable;
        self
    }

    /// Are NaNs that arithmetic results in (`add`, `sqrt`, `min`, `nearest`, `demote` and the like, and
    /// theirs of vectors) always the canonical NaN with a clear sign, the same on every machine? Off by
    /// default: signs and payloads are then what the machine's arithmetic makes of the operands'. It
    /// costs another instruction behind each of these.
    /// [`Config::relaxed_simd_deterministic`] is the other switch that results depend on.
    ///
    /// ```
    /// use threadle::{Config, Engine, Instance, Module, Store};
    ///
    /// let engine = Engine::new(Config::new().canonical_nans(true))?;
    /// let text = r#"(module
    ///     (func (export "root") (param f64) (result f64) (f64.sqrt (local.get 0))))"#;
    /// let mut store = Store::new(&engine, ());
    /// let instance = Instance::new(&mut store, &Module::new(&engine, text)?, &[])?;
    /// let root = instance.get_typed_func::<f64, f64>(&mut store, "root")?;
    /// // x86-64 gives one with the sign set, AArch64 one without.
    /// assert_eq!(root.call(&mut store, -1.0)?.to_bits(), 0x7ff8_0000_0000_0000);
    /// # Ok::<(), threadle::Error>(())
    /// ```
    pub fn canonical_nans(&mut self, enable: bool) -> &mut Config {
        self.canonical_nans = enable;
        self
    }

    /// [`Config::canonical_nans`] by the name that it has in wasmtime.
    pub fn cranelift_nan_canonicalization(&mut self, enable: bool) -> &mut Config {
        self.canonical_nans(enable)
    }

    /// Can running code be stopped with [`InterruptHandle`](crate::InterruptHandle)? Off by
    /// default: it costs a check at each call and each iteration of a loop. Waiting at a shared
    /// memory can always be interrupted.
    pub fn interruptible(&mut self, enable: bool) -> &mut Config {
        self.interruptible = enable;
        self
    }

    /// Does code stop when the engine's epoch reaches the store's deadline? Off by default: it costs
    /// what [`Config::interruptible`] costs. Whoever switches it on has to call
    /// [`Store::set_epoch_deadline`](crate::Store::set_epoch_deadline), since a store's deadline has
    /// been reached until then, and [`Engine::increment_epoch`](crate::Engine::increment_epoch) now
    /// and then.
    pub fn epoch_interruption(&mut self, enable: bool) -> &mut Config {
        self.epoch_interruption = enable;
        self
    }

    /// Whether code counts the instructions that it executes, and stops when the store has no fuel left.
    /// Off by default. A store has no fuel before
    /// [`Store::set_fuel`](crate::Store::set_fuel) gives it some. What instructions cost depends on
    /// the WebAssembly code alone; docs/fuel.md specifies it.
    pub fn consume_fuel(&mut self, enable: bool) -> &mut Config {
        self.consume_fuel = enable;
        self
    }

    /// What instructions cost, where fuel is consumed, instead of the default schedule.
    pub fn operator_cost(&mut self, cost: OperatorCost) -> &mut Config {
        self.operator_cost = Some(Arc::new(cost));
        self
    }

    /// The costs, if fuel is consumed.
    pub(crate) fn fuel_costs(&self) -> Option<Arc<OperatorCost>> {
        self.consume_fuel.then(|| self.operator_cost.clone().unwrap_or_default())
    }

    /// Whether out-of-bounds accesses of 32-bit memories are caught as page faults instead of checked each.
    ///
    /// On by default where it is supported (Linux, Android, Apple's systems and Windows on x86-64 and
    /// AArch64, not with the `loop` dispatch backend of unoptimised builds) and the process can have the
    /// address space, without effect elsewhere; see [`Engine::uses_guard_pages`](crate::Engine::uses_guard_pages). Each such
    /// memory then takes 8 GiB of address space, and a signal handler is installed in the process,
    /// which passes on all other faults. 64-bit memories and those with custom page sizes always
    /// work with checks.
    pub fn signals_based_traps(&mut self, enable: bool) -> &mut Config {
        self.signals_based_traps = enable;
        self
    }

    /// Address space in bytes that is reserved in advance for each memory, or as much as its type
    /// allows, so that it need not move when it grows. The default is 4 GiB; with less than that,
    /// memories are checked explicitly, as without [`Config::signals_based_traps`].
    ///
    /// A memory that is checked explicitly does with less where the process has no more address
    /// space, and moves when it outgrows what it has; on Linux that touches none of its pages. Where
    /// address space is not for free (32-bit systems, and those without `mmap`) nothing is reserved
    /// in advance.
    pub fn memory_reservation(&mut self, bytes: u64) -> &mut Config {
        self.memory_reservation = bytes;
        self
    }

    /// Inaccessible bytes behind each memory's reservation. The default is 4 GiB, which catches
    /// every constant offset; with less than that, memories are checked explicitly.
    pub fn memory_guard_size(&mut self, bytes: u64) -> &mut Config {
        self.memory_guard_size = bytes;
        self
    }

    /// May a memory move when it outgrows its reservation? On by default; else such a growth fails.
    pub fn memory_may_move(&mut self, enable: bool) -> &mut Config {
        self.memory_may_move = enable;
        self
    }

    /// Bytes that are reserved at least beyond what is needed when a memory has to move in order
    /// to grow. The default is 1 MiB.
    pub fn memory_reservation_for_growth(&mut self, bytes: u64) -> &mut Config {
        self.growth_reserve = bytes;
        self
    }

    /// Bytes of each store's value stack, on which all frames of WebAssembly functions live. The
    /// default is 8 MiB of address space; memory is taken as the stack grows. A call that does not
    /// fit traps with [`Trap::StackOverflow`](crate::Trap::StackOverflow).
    pub fn max_wasm_stack(&mut self, bytes: usize) -> &mut Config {
        self.max_wasm_stack = bytes;
        self
    }

    /// How many calls from host code into WebAssembly may be nested, by host functions that call
    /// WebAssembly again. The default is 1024. One more traps with
    /// [`Trap::TooManyActivations`](crate::Trap::TooManyActivations). Each level takes native
    /// stack: some hundred bytes of the engine's, and what the host functions themselves use.
    pub fn max_activations(&mut self, count: u32) -> &mut Config {
        self.max_activations = count;
        self
    }

    /// Address space in bytes of each store's garbage-collected heap: the most that it can have. It
    /// is reserved when the first object is made, and memory is taken as the heap grows. The default
    /// is 4 GiB where reserving costs nothing, else 64 MiB.
    /// [`ResourceLimiter::gc_heap_growing`](crate::ResourceLimiter::gc_heap_growing) limits a single
    /// store further.
    pub fn gc_heap_maximum(&mut self, bytes: u64) -> &mut Config {
        self.gc_heap_maximum = bytes;
        self
    }

    /// Address space in bytes that a garbage-collected heap is to have at first. All that it can have
    /// is reserved at once here, which [`Config::gc_heap_maximum`] says and this can only raise, unless
    /// [`Config::gc_heap_may_move`] is off: then this is all.
    pub fn gc_heap_reservation(&mut self, bytes: u64) -> &mut Config {
        self.gc_heap_reservation = Some(bytes);
        self
    }

    /// Whether the garbage-collected heap may outgrow [`Config::gc_heap_reservation`]. On by default. It
    /// never moves here, whatever this says.
    pub fn gc_heap_may_move(&mut self, enable: bool) -> &mut Config {
        self.gc_heap_may_move = enable;
        self
    }

    /// The most bytes that a heap can have.
    fn gc_heap_limit(&self) -> u64 {
        match self.gc_heap_reservation {
            Some(bytes) if self.gc_heap_may_move => self.gc_heap_maximum.max(bytes),
            Some(bytes) => bytes,
            None => self.gc_heap_maximum,
        }
    }

    /// Whether shared memories can be made, by programs and by the host. `true` lets modules use the threads
    /// proposal as [`Config::wasm_threads`] does; `false` forbids them even if that is on. Whatever was
    /// said there last decides if this is not called.
    pub fn shared_memory(&mut self, enable: bool) -> &mut Config {
        self.shared_memory = Some(enable);
        if enable { self.wasm_threads(true) } else { self }
    }

    /// Whether frames of a [`WasmBacktrace`](crate::WasmBacktrace) say at which byte of the module they stand.
    /// On by default. It costs nothing: the code has what is needed in any case.
    pub fn generate_address_map(&mut self, enable: bool) -> &mut Config {
        self.address_map = enable;
        self
    }

    /// Who observes the code of modules that are made from now on; see `exec::profile`. `plain_code` has it
    /// translated without fused instructions and pinned locals.
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn observe(&mut self, watch: Watch, plain_code: bool) -> &mut Config {
        (self.watch, self.plain_code) = (Some(watch), plain_code);
        self
    }

    /// Whether each module that is read becomes an artefact, and is made of that, so that tests run what was
    /// verified.
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn through_artefacts(&mut self, enable: bool) -> &mut Config {
        self.through_artefacts = enable;
        self
    }

    /// Whether code is translated without fused instructions, as it is before sequences are chosen.
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn unfused_code(&mut self, enable: bool) -> &mut Config {
        self.unfused_code = enable;
        self
    }

    /// Lets a debugger have the programs of engines that are made with this configuration. Their code is
    /// translated without fused instructions and pinned locals, every result is stored, and it is slower for that.
    #[cfg(feature = "debug")]
    pub fn debugger(&mut self, debugger: &crate::debug::Debugger) -> &mut Config {
        (self.watch, self.plain_code, self.readable_code) = (Some(debugger.watch()), true, true);
        self.debugger = Some(debugger.clone());
        self
    }

    #[cfg(feature = "debug")]
    pub(crate) fn own_debugger(&self) -> Option<&crate::debug::Debugger> {
        self.debugger.as_ref()
    }

    pub(crate) fn watch(&self) -> Option<Watch> {
        self.watch.clone()
    }

    pub(crate) fn tells_offsets(&self) -> bool {
        self.address_map
    }

    /// Which version [`Module::serialize`](crate::Module::serialize) writes and
    /// [`Module::deserialize`](crate::Module::deserialize) accepts. The default is that of this crate.
    ///
    /// # Errors
    ///
    /// When a custom version is longer than 255 bytes.
    pub fn module_version(&mut self, strategy: ModuleVersionStrategy) -> Result<&mut Config> {
        if let ModuleVersionStrategy::Custom(version) = &strategy {
            ensure!(
                version.len() <= 255,
                "a module version cannot be more than 255 bytes: {version}"
            );
        }
        self.module_version = strategy;
        Ok(self)
    }

    pub(crate) fn module_version_strategy(&self) -> &ModuleVersionStrategy {
        &self.module_version
    }

    /// What code that is made for one engine cannot differ in from code for another.
    pub(crate) fn settings(&self) -> [(&'static str, u64); 8] {
        [
            ("features", self.features.bits()),
            ("signals_based_traps", self.signals_based_traps.into()),
            ("memory_reservation", self.memory_reservation),
            ("memory_guard_size", self.memory_guard_size),
            ("consume_fuel", self.consume_fuel.into()),
            ("epoch_interruption", (self.epoch_interruption || self.interruptible).into()),
            ("relaxed_simd_deterministic", self.relaxed_simd_deterministic.into()),
            ("canonical_nans", self.canonical_nans.into()),
        ]
    }

    /// Whether errors have a [`WasmCoreDump`](crate::WasmCoreDump) with them. Off by default.
    #[cfg(feature = "coredump")]
    pub fn coredump_on_trap(&mut self, enable: bool) -> &mut Config {
        self.coredump_on_trap = enable;
        self
    }

    #[cfg(feature = "coredump")]
    pub(crate) fn dumps_core(&self) -> bool {
        self.coredump_on_trap
    }

    /// Collect before every allocation? Very slow; for tests of the collector and of what works
    /// with it. Off by default.
    pub fn gc_always(&mut self, enable: bool) -> &mut Config {
        self.gc_always = enable;
        self
    }

    /// Which frames all functions have: those of functions with far slots serve any, and tests say that
    /// they do.
    #[cfg(feature = "internals")]
    pub fn frames(&mut self, shape: Shape) -> &mut Config {
        self.frames = shape;
        self
    }

    /// Attach a [`WasmBacktrace`](crate::WasmBacktrace) to errors? On by default.
    pub fn wasm_backtrace(&mut self, enable: bool) -> &mut Config {
        let frames = if enable { Config::new().backtrace_frames } else { None };
        self.wasm_backtrace_max_frames(frames)
    }

    /// How many frames, innermost first, a backtrace can have; `None` switches backtraces off. The
    /// default is 1024.
    pub fn wasm_backtrace_max_frames(&mut self, frames: Option<NonZeroUsize>) -> &mut Config {
        self.backtrace_frames = frames;
        self
    }

    /// Do backtraces have source lines, from a module's debug information? Reading it takes time and
    /// memory when the first frame of a module is shown, and none before. The default is
    /// [`WasmBacktraceDetails::Environment`].
    #[cfg(feature = "dwarf")]
    pub fn wasm_backtrace_details(&mut self, details: WasmBacktraceDetails) -> &mut Config {
        self.backtrace_details = details;
        self
    }

    #[cfg(feature = "dwarf")]
    pub(crate) fn backtrace_details(&self) -> bool {
        self.backtrace_details == WasmBacktraceDetails::Enable
    }

    /// The same with what the environment says now.
    #[cfg(feature = "dwarf")]
    pub(crate) fn resolve_environment(&mut self) {
        if self.backtrace_details == WasmBacktraceDetails::Environment {
            let wanted = std::env::var_os("THREADLE_BACKTRACE_DETAILS").is_some_and(|it| it == "1");
            self.backtrace_details = match wanted {
                true => WasmBacktraceDetails::Enable,
                false => WasmBacktraceDetails::Disable,
            };
        }
    }

    /// Whether shared memories can be made.
    pub(crate) fn has_shared_memories(&self) -> bool {
        self.features.contains(WasmFeatures::THREADS) && self.shared_memory != Some(false)
    }

    /// The pool of an engine with this configuration.
    ///
    /// # Errors
    ///
    /// When a program has less address space than its memories could take, or the system lacks what the pool
    /// requires.
    pub(crate) fn new_pool(&self) -> Result<Option<Arc<Pool>>> {
        let Some(limits) = self.pool.clone() else { return Ok(None) };
        limits.check()?;
        // Elsewhere memories take what they need.
        if RESERVING_IS_FREE {
            let bytes = self.memory_reservation.max(limits.max_memory_size as u64);
            let count = limits.total_memories;
            ensure!(
                bytes.checked_mul(count.into()).is_some_and(|all| all <= ADDRESS_SPACE),
                "failed to create a memory pool: there is no address space for {count} memories of {bytes} bytes"
            );
        }
        Ok(Some(Arc::new(Pool::new(limits))))
    }

    pub(crate) fn store_tunables(&self) -> StoreTunables {
        let usize_of = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        let guard_pages = guard::SUPPORTED
            && self.signals_based_traps
            && self.memory_creator.is_none()
            && self.memory_reservation >= GUARDED_SPAN
            && self.memory_guard_size >= GUARDED_SPAN;
        let default = StoreTunables::default();
        let pool = self.pool.as_ref();
        StoreTunables {
            memory: MemoryTunables {
                guard_pages,
                reservation: if RESERVING_IS_FREE { usize_of(self.memory_reservation) } else { 0 },
                growth_reserve: usize_of(self.growth_reserve),
                may_move: self.memory_may_move,
                max_bytes: pool.map_or(usize::MAX, |pool| pool.max_memory_size),
                pool: pool.map(|pool| {
                    let most = pool.total_memories as usize;
                    Arc::new(MemoryPool::new(most, GUARDED_RESERVATION, pool.kept()))
                }),
                creator: self.memory_creator.clone(),
            },
            max_table_elements: pool.map_or(usize::MAX, |pool| pool.table_elements),
            stacks: Arc::new(StackPool::new(
                self.max_wasm_stack,
                pool.map_or(IDLE_STACKS, |pool| pool.total_core_instances as usize),
            )),
            max_activations: self.max_activations,
            heap_reservation: usize_of(self.gc_heap_limit()),
            collect_always: self.gc_always,
            backtrace_frames: self.backtrace_frames.map_or(0, NonZeroUsize::get),
            fuel: self.consume_fuel,
            has_epochs: self.epoch_interruption,
            ..default
        }
    }
}
