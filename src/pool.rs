//! The limits of a pool: what all stores of an engine can have together.
//!
//! Nothing is taken from the system in advance. What programs for engines with a pool rely on is that
//! it ends somewhere, and that is so here. Memories come from `vm::memory_pool`, and go back to it.

use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::config::pooling::PoolingAllocationConfig;
use crate::error::{Result, ensure};
use crate::vm::memory::LinearMemory;
use crate::wasm::ModuleInfo;

/// A pool, and what of it is in use.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: PoolingAllocationConfig,
    used: [AtomicU32; 3],
}

/// What a pool has so many of, in the order of [`Pool::used`].
const KINDS: [&str; 3] = ["core instances", "memories", "tables"];

/// The pool has no more of something: as many are in use as
/// [`PoolingAllocationConfig`] allows. The error of instantiation.
#[derive(Clone, Debug)]
pub struct PoolConcurrencyLimitError {
    limit: u32,
    what: &'static str,
}

impl fmt::Display for PoolConcurrencyLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PoolConcurrencyLimitError { limit, what } = self;
        write!(f, "maximum concurrent limit of {limit} for {what} reached")
    }
}

impl core::error::Error for PoolConcurrencyLimitError {}

impl Pool {
    pub(crate) fn new(limits: PoolingAllocationConfig) -> Pool {
        Pool { limits, used: Default::default() }
    }

    /// Checks that a module can have instances.
    ///
    /// # Errors
    ///
    /// When one would have more than the pool allows an instance.
    pub(crate) fn check(&self, info: &ModuleInfo) -> Result<()> {
        let limits = &self.limits;
        let memories = &info.memories[info.num_imported_memories as usize..];
        let tables = &info.tables[info.num_imported_tables as usize..];
        for (what, count, limit) in [
            ("memories", memories.len(), limits.max_memories_per_module),
            ("tables", tables.len(), limits.max_tables_per_module),
        ] {
            ensure!(
                count <= limit as usize,
                "defined {what} count of {count} exceeds the per-instance limit of {limit}"
            );
        }
        for (memory, index) in memories.iter().zip(info.num_imported_memories..) {
            let bytes = LinearMemory::initial(memory)?.desired;
            ensure!(
                bytes <= limits.max_memory_size,
                "memory index {index} is unsupported in this pooling allocator configuration: memory has \
                 a minimum byte size of {bytes} which exceeds the limit of {:#x} bytes",
                limits.max_memory_size
            );
        }
        for (table, index) in tables.iter().zip(info.num_imported_tables..) {
            ensure!(
                table.minimum() <= limits.table_elements as u64,
                "table index {index} has a minimum element size of {} which exceeds the limit of {}",
                table.minimum(),
                limits.table_elements
            );
        }
        Ok(())
    }

    /// Takes what an instance of a module needs.
    ///
    /// # Errors
    ///
    /// [`PoolConcurrencyLimitError`]; then nothing has been taken.
    pub(crate) fn take(self: &Arc<Pool>, info: &ModuleInfo) -> Result<Share> {
        let wanted = [
            1,
            info.memories.len() as u32 - info.num_imported_memories,
            info.tables.len() as u32 - info.num_imported_tables,
        ];
        let limits = [
            self.limits.total_core_instances,
            self.limits.total_memories,
            self.limits.total_tables,
        ];
        let mut share = Share { pool: self.clone(), taken: [0; 3] };
        for (kind, what) in KINDS.into_iter().enumerate() {
            let limit = limits[kind];
            let more = |used: u32| used.checked_add(wanted[kind]).filter(|sum| *sum <= limit);
            let taken = self.used[kind].try_update(Ordering::Relaxed, Ordering::Relaxed, more);
            taken.map_err(|_| PoolConcurrencyLimitError { limit, what })?;
            share.taken[kind] = wanted[kind];
        }
        Ok(share)
    }
}

/// What an instance has of a pool; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    pool: Arc<Pool>,
    taken: [u32; 3],
}

impl Drop for Share {
    fn drop(&mut self) {
        for (used, taken) in self.pool.used.iter().zip(self.taken) {
            used.fetch_sub(taken, Ordering::Relaxed);
        }
    }
}
