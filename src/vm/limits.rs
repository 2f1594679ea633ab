//! The knobs of storage, each with its reason.

use alloc::sync::Arc;

use super::creator::Creator;
use super::memory_pool::MemoryPool;
use super::stack::StackPool;
use crate::sys::RESERVING_IS_FREE;
use crate::sys::atomic::AtomicU64;

/// How memories are laid out. Equal for all stores of an engine.
#[derive(Clone, Debug)]
pub struct MemoryTunables {
    /// Catch out-of-bounds accesses of 32-bit memories as page faults.
    pub guard_pages: bool,
    /// Bytes of address space reserved in advance for a memory with explicit checks, if they can be
    /// had, so that it need not move when it grows. Generous where that costs nothing, else zero.
    pub reservation: usize,
    /// Bytes reserved beyond what is asked for when a memory has to move.
    pub growth_reserve: usize,
    /// May a memory that outgrows its reservation move? Else it cannot grow any more.
    pub may_move: bool,
    /// Bytes that a memory can have, whatever its type and the embedder's limiter say.
    pub max_bytes: usize,
    /// Where memories with guard pages come from, and go back to.
    pub pool: Option<Arc<MemoryPool>>,
    /// Who makes memories in place of the engine. Excludes guard pages.
    pub creator: Option<Creator>,
}

impl Default for MemoryTunables {
    fn default() -> MemoryTunables {
        MemoryTunables {
            // Nobody turns faults into traps unless a higher layer says so.
            guard_pages: false,
            reservation: DEFAULT_RESERVATION,
            growth_reserve: 1 << 20,
            may_move: true,
            max_bytes: usize::MAX,
            pool: None,
            creator: None,
        }
    }
}

/// Default of the address space of a memory: all that 32 bits can index.
const DEFAULT_RESERVATION: usize = if RESERVING_IS_FREE { 4 << 30 } else { 0 };

/// Limits of one store, fixed when it is made.
#[derive(Clone, Debug)]
pub struct StoreTunables {
    /// How memories are laid out.
    pub memory: MemoryTunables,
    /// Where value stacks come from, and go back to.
    pub stacks: Arc<StackPool>,
    /// Activations of WebAssembly (calls from host code into it) that may be nested. Each takes
    /// native stack, so this is what keeps re-entry from overflowing it.
    pub max_activations: u32,
    /// Bytes of address space of the garbage-collected heap: the most that it can have.
    pub heap_reservation: usize,
    /// Collect before every allocation, to find what the collector was not told of.
    pub collect_always: bool,
    /// Frames that a backtrace can have; 0 for none at all.
    pub backtrace_frames: usize,
    /// Bytes that exceptions which something still refers to can take; more trap.
    pub exception_bytes: usize,
    /// Elements that a table can have, whatever its type and the embedder's limiter say.
    pub max_table_elements: usize,
    /// Instances that the store can have in all. These three are the embedder's, and like in
    /// wasmtime unlimited is not the default.
    pub max_instances: usize,
    /// Tables that the store can have in all.
    pub max_tables: usize,
    /// Memories that the store can have in all.
    pub max_memories: usize,
    /// Code counts fuel.
    pub fuel: bool,
    /// Code compares the epoch with a deadline, which is reached until one is set.
    pub has_epochs: bool,
    /// The engine's epoch.
    pub epoch: Arc<AtomicU64>,
}

/// Value stacks that an engine without a pool keeps for the next stores: as many as a program makes and drops
/// at once that has a store for each request.
pub const IDLE_STACKS: usize = 16;

/// Default of the heap's address space. Where reserving is more than a call of the system it is
/// modest.
pub const DEFAULT_HEAP: usize = if RESERVING_IS_FREE { 4 << 30 } else { 64 << 20 };

/// Default of the three counts above.
pub const DEFAULT_COUNT: usize = 10_000;

/// Elements that a table can have at most, whatever its type says: as many as in the JavaScript
/// embedding's appendix "Implementation-defined Limits". Tables are allocated in full, so without
/// a limit one instruction could ask for 32 GiB.
pub const MAX_TABLE_ELEMENTS: u64 = 10_000_000;

impl Default for StoreTunables {
    fn default() -> StoreTunables {
        StoreTunables {
            memory: MemoryTunables::default(),
            stacks: Arc::new(StackPool::new(8 << 20, IDLE_STACKS)),
            max_activations: 1024,
            heap_reservation: DEFAULT_HEAP,
            collect_always: false,
            backtrace_frames: 1024,
            // Half a million small exceptions: no program that is in order keeps so many.
            exception_bytes: 64 << 20,
            max_table_elements: usize::MAX,
            max_instances: DEFAULT_COUNT,
            max_tables: DEFAULT_COUNT,
            max_memories: DEFAULT_COUNT,
            fuel: false,
            has_epochs: false,
            epoch: Arc::default(),
        }
    }
}
