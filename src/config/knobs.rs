//! Knobs of engines that generate machine code, and of the ways in which they lay out memory. They are
//! accepted, so that programs written for such an engine build, and do nothing here: results do not
//! depend on them.

use alloc::sync::Arc;
#[cfg(feature = "std")]
use std::path::Path;

use super::Config;
use super::pooling::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};
use crate::error::Result;
use crate::vm::creator::{Creator, MemoryCreator};

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }
    )*};
}

choices! {
    /// Which compiler makes machine code. There is none here: see [`Config::strategy`].
    Strategy {
        /// Whichever there is.
        Auto,
        /// An optimising one.
        Cranelift,
        /// One that makes code in one pass.
        Winch,
    }

    /// How much a compiler optimises: see [`Config::cranelift_opt_level`].
    OptLevel {
        /// Not at all.
        None,
        /// For speed.
        Speed,
        /// For speed and size.
        SpeedAndSize,
    }

    /// How a compiler assigns registers: see [`Config::cranelift_regalloc_algorithm`].
    RegallocAlgorithm {
        /// With the best results.
        Backtracking,
        /// In one pass.
        SinglePass,
    }

    /// Whom generated code is announced to: see [`Config::profiler`].
    ProfilingStrategy {
        /// Nobody.
        None,
        /// `perf`, by a map of addresses.
        PerfMap,
        /// `perf`, by a dump of the code.
        JitDump,
        /// VTune.
        VTune,
    }

    /// How garbage is found: see [`Config::collector`].
    Collector {
        /// However the engine does.
        Auto,
        /// By counting references.
        DeferredReferenceCounting,
        /// Never.
        Null,
        /// By copying what is alive.
        Copying,
    }

    /// Whether a compiler puts functions in place of calls of them: see [`Config::compiler_inlining`].
    Inlining {
        /// Never.
        No,
        /// If that seems to pay.
        Yes,
    }
}

macro_rules! ignored {
    ($of:ident: $($name:ident($ty:ty) $text:literal;)*) => {
        impl $of {
            $(
                #[doc = concat!($text, " Accepted, and without effect here.")]
                pub fn $name(&mut self, _: $ty) -> &mut $of {
                    self
                }
            )*
        }
    };
}

ignored! {
    PoolingAllocationConfig:
    max_unused_warm_slots(u32) "Slots that are kept ready for the module that used them last.";
    decommit_batch_size(usize) "Slots that are given back to the system at once.";
    async_stack_keep_resident(usize) "Bytes of a native stack that are kept.";
    table_keep_resident(usize) "Bytes of a table that are kept.";
    total_stacks(u32) "Native stacks in all. Asynchronous calls have none here.";
    total_component_instances(u32) "Instances of components in all.";
    max_component_instance_size(usize) "Bytes of a component's own data.";
    max_core_instances_per_component(u32) "Instances of a component.";
    max_memories_per_component(u32) "Memories of a component.";
    max_tables_per_component(u32) "Tables of a component.";
    total_gc_heaps(u32) "Heaps in all.";
    max_core_instance_size(usize) "Bytes of an instance's own data.";
    memory_protection_keys(Enabled) "Whether memories are told apart by protection keys.";
    max_memory_protection_keys(usize) "Protection keys that are used.";
}

ignored! {
    Config:
    strategy(Strategy) "Which compiler makes machine code.";
    collector(Collector) "How garbage is found. This engine has one way, docs/gc.md tells which.";
    profiler(ProfilingStrategy) "Whom generated code is announced to.";
    debug_info(bool) "Whether generated code has debug information.";
    debug_symbols(bool) "Whether generated code has symbols.";
    native_unwind_info(bool) "Whether generated code has tables for the native unwinder.";
    cranelift_debug_verifier(bool) "Whether the compiler checks its own work.";
    cranelift_wasmtime_debug_checks(bool) "Whether generated code checks itself.";
    cranelift_opt_level(OptLevel) "How much the compiler optimises.";
    cranelift_regalloc_algorithm(RegallocAlgorithm) "How the compiler assigns registers.";
    compiler_inlining(Inlining) "Whether the compiler puts functions in place of calls of them.";
    memory_init_cow(bool) "Whether memories are initialised by mapping an image.";
    force_memory_init_memfd(bool) "Whether such an image is always in a file.";
    memory_guaranteed_dense_image_size(u64) "Up to which size such an image is made whatever it holds.";
    table_lazy_init(bool) "Whether tables are filled when they are first used.";
    guard_before_linear_memory(bool) "Whether there is a guard in front of memories. No instruction reaches in front.";
    async_stack_size(usize) "Bytes of native stack of an asynchronous call. Such calls have none here.";
    async_stack_zeroing(bool) "Whether native stacks are cleared.";
    wasm_branch_hinting(bool) "Whether hints of which way branches go are read. They always are.";
    macos_use_mach_ports(bool) "How faults are caught on macOS.";
    gc_heap_initial_size(u64) "The size that the garbage-collected heap begins with. This one begins empty.";
    gc_heap_reservation_for_growth(u64) "What is reserved beyond that as the heap grows.";
    gc_heap_guard_size(u64) "The guard behind the garbage-collected heap, which this one does not rely on.";
    async_support(bool) "Whether asynchronous calls are possible. They are.";
    cache(Option<Cache>) "Where compiled code is kept.";
    concurrency_support(bool) "Whether asynchronous calls are possible. They are.";
}

/// Where compiled code is kept: see [`Config::cache`].
#[derive(Clone, Debug)]
pub struct Cache {
    _private: (),
}

impl Cache {
    /// A cache as a file says, or by default. The file is not looked at. Part of the
    /// feature `std`.
    ///
    /// # Errors
    ///
    /// None.
    #[cfg(feature = "std")]
    pub fn from_file(_file: Option<&Path>) -> Result<Cache> {
        Ok(Cache { _private: () })
    }
}

impl Config {
    /// Which machine code is for. Accepted, and without effect here: there is none, and what
    /// [`Module::serialize`](crate::Module::serialize) writes is for every machine.
    ///
    /// # Errors
    ///
    /// None.
    pub fn target(&mut self, _target: &str) -> Result<&mut Config> {
        Ok(self)
    }

    /// Switches a flag of the compiler on. Accepted, and without effect here.
    pub fn cranelift_flag_enable(&mut self, _flag: &str) -> &mut Config {
        self
    }

    /// Sets a flag of the compiler. Accepted, and without effect here.
    pub fn cranelift_flag_set(&mut self, _name: &str, _value: &str) -> &mut Config {
        self
    }

    /// Where instances' memories and tables come from. Nothing is taken from the system before it is needed;
    /// but the limits of a pool hold: for modules when they are made, for instances of all stores together
    /// ([`PoolConcurrencyLimitError`](crate::PoolConcurrencyLimitError)), and for the sizes of memories and
    /// tables. And a pool keeps what an instance leaves: the address space of memories with guard pages is used
    /// again, on Linux together with an image of the module's data, so that making an instance copies none of
    /// it, and only the pages that the instance before wrote to are reset. That suits a fresh instance for each
    /// call. A pool whose memories could never all be there, because they take more address space than there is,
    /// is an error of [`Engine::new`](crate::Engine::new) on 64-bit systems.
    pub fn allocation_strategy(
        &mut self,
        strategy: impl Into<InstanceAllocationStrategy>,
    ) -> &mut Config {
        self.pool = match strategy.into() {
            InstanceAllocationStrategy::Pooling(limits) => Some(limits),
            InstanceAllocationStrategy::OnDemand => None,
        };
        self
    }

    /// Has the storage of memories made by `creator`, in place of the engine. Accesses to them are checked
    /// explicitly then, as without [`Config::signals_based_traps`]. Shared memories stay the engine's.
    pub fn with_host_memory(&mut self, creator: Arc<dyn MemoryCreator>) -> &mut Config {
        self.memory_creator = Some(Creator(creator));
        self
    }
}
