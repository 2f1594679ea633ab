//! Where memories and tables of instances come from, and the limits of a pool.

use crate::error::{Result, ensure};
use crate::sys::PageMap;
use crate::vm::memory_pool::Kept;

/// Whether something is used that not every machine has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Enabled {
    /// If there is one.
    Auto,
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Where instances' memories and tables come from: see [`Config::allocation_strategy`](crate::Config::allocation_strategy).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum InstanceAllocationStrategy {
    /// From the system, as they are needed.
    #[default]
    OnDemand,
    /// Within the limits of a pool.
    Pooling(PoolingAllocationConfig),
}

impl InstanceAllocationStrategy {
    /// A pool with the default limits.
    pub fn pooling() -> InstanceAllocationStrategy {
        InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default())
    }
}

impl From<PoolingAllocationConfig> for InstanceAllocationStrategy {
    fn from(config: PoolingAllocationConfig) -> InstanceAllocationStrategy {
        InstanceAllocationStrategy::Pooling(config)
    }
}

/// The limits of a pool: see [`Config::allocation_strategy`](crate::Config::allocation_strategy).
#[derive(Clone, Debug)]
pub struct PoolingAllocationConfig {
    pub(crate) total_core_instances: u32,
    pub(crate) total_memories: u32,
    pub(crate) total_tables: u32,
    pub(crate) max_memories_per_module: u32,
    pub(crate) max_tables_per_module: u32,
    pub(crate) max_memory_size: usize,
    pub(crate) table_elements: usize,
    linear_memory_keep_resident: usize,
    pagemap_scan: Enabled,
}

/// Default of [`PoolingAllocationConfig::linear_memory_keep_resident`].
const KEEP_RESIDENT: usize = 256 * 1024;

impl Default for PoolingAllocationConfig {
    /// 1,000 instances, memories and tables; an instance has at most one memory of 4 GiB, and one table
    /// of 20,000 elements.
    fn default() -> PoolingAllocationConfig {
        PoolingAllocationConfig {
            total_core_instances: 1000,
            total_memories: 1000,
            total_tables: 1000,
            max_memories_per_module: 1,
            max_tables_per_module: 1,
            max_memory_size: usize::try_from(1_u64 << 32).unwrap_or(usize::MAX),
            table_elements: 20_000,
            linear_memory_keep_resident: KEEP_RESIDENT,
            pagemap_scan: Enabled::Auto,
        }
    }
}

macro_rules! limits {
    ($($name:ident: $ty:ty = $text:literal;)*) => {
        impl PoolingAllocationConfig {
            $(
                #[doc = $text]
                pub fn $name(&mut self, limit: $ty) -> &mut PoolingAllocationConfig {
                    self.$name = limit;
                    self
                }
            )*
        }
    };
}

limits! {
    total_core_instances: u32 = "Instances that all stores of the engine can have at the same time.";
    total_memories: u32 = "Memories that their instances can define in all.";
    total_tables: u32 = "Tables that their instances can define in all.";
    max_memories_per_module: u32 = "Memories that a module can define. One with more is no module of the engine.";
    max_tables_per_module: u32 = "Tables that a module can define.";
    max_memory_size: usize = "Bytes that a memory can have, whatever its type says.";
    table_elements: usize = "Elements that a table can have, whatever its type says.";
    linear_memory_keep_resident: usize = "Bytes of a memory that was given back which stay in memory: so much of \
        what was written is written anew, and only what is beyond it is given back to the system, page by page \
        (256 KiB). That spares the next instance a page fault for each of these pages. Without \
        [`PoolingAllocationConfig::pagemap_scan`] nothing stays.";
    pagemap_scan: Enabled = "Whether the system is asked which pages of a memory were written \
        ([`Enabled::Auto`]): then they are written anew instead of given back. `Yes` makes \
        [`Engine::new`](crate::Engine::new) fail where it cannot be asked.";
}

impl PoolingAllocationConfig {
    /// The default limits.
    pub fn new() -> PoolingAllocationConfig {
        PoolingAllocationConfig::default()
    }

    /// Whether memories are told apart by protection keys: not here.
    pub fn are_memory_protection_keys_available() -> bool {
        false
    }

    /// Whether the system can be asked which pages were written, which Linux can since version 6.7, in processes
    /// that can read `/proc/self/pagemap`.
    pub fn is_pagemap_scan_available() -> bool {
        PageMap::of_process().is_some()
    }

    /// What stays in memory of memories that were given back.
    pub(crate) fn kept(&self) -> Kept {
        let is_asked = self.pagemap_scan != Enabled::No && self.linear_memory_keep_resident > 0;
        let pages = if is_asked { PageMap::of_process() } else { None };
        Kept { pages, bytes: self.linear_memory_keep_resident }
    }

    /// Checks that the system can be asked what it shall be asked.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(
            self.pagemap_scan != Enabled::Yes
                || PoolingAllocationConfig::is_pagemap_scan_available(),
            "required to enable PAGEMAP_SCAN but this system does not support it"
        );
        Ok(())
    }
}
