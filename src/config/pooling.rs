//! Where memories and tables of instances come from, and the limits of a pool.

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
}

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

    /// Whether the system is asked which pages were written: not here.
    pub fn is_pagemap_scan_available() -> bool {
        false
    }
}
