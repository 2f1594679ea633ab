//! Limits on what a store may use.

use core::pin::Pin;

use crate::error::{Error, Result, bail};
use crate::prelude::*;

/// Asked by a store before it allocates; see [`Store::limiter`](crate::Store::limiter).
pub trait ResourceLimiter {
    /// May a memory grow from `current` to `desired` bytes, or (`current` is 0) be made with
    /// `desired` bytes? `maximum` is its own declared maximum. With `false` the program sees
    /// `memory.grow` fail, or instantiation fails.
    ///
    /// # Errors
    ///
    /// End the program.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool>;

    /// A growth that was allowed failed for lack of memory.
    ///
    /// # Errors
    ///
    /// End the program; without one it sees `memory.grow` fail.
    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// May a table grow from `current` to `desired` elements? As for memories.
    ///
    /// # Errors
    ///
    /// End the program.
    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool>;

    /// A growth that was allowed failed for lack of memory.
    ///
    /// # Errors
    ///
    /// End the program; without one it sees `table.grow` fail.
    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// May the garbage-collected heap grow from `current` to `desired` bytes? `maximum` is the
    /// address space that it has. With `false` the heap is collected, and if that does not make
    /// enough room the program traps with [`Trap::OutOfHeap`](crate::Trap::OutOfHeap).
    ///
    /// # Errors
    ///
    /// End the program.
    fn gc_heap_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let _ = (current, desired, maximum);
        Ok(true)
    }

    /// A growth that was allowed failed for lack of memory.
    ///
    /// # Errors
    ///
    /// End the program; without one it goes on as if the growth had not been allowed.
    fn gc_heap_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// May the code that is translated for the store, when its functions are first called, grow from
    /// `current` to `desired` bytes? With [`CompilationMode::Eager`](crate::CompilationMode::Eager) a
    /// module's code counts when the store first makes an instance of it. With `false` the call, or the
    /// instantiation, ends with an error that says so.
    ///
    /// # Errors
    ///
    /// End the program.
    fn code_growing(&mut self, current: usize, desired: usize) -> Result<bool> {
        let _ = (current, desired);
        Ok(true)
    }

    /// How many instances the store can have in all.
    fn instances(&self) -> usize {
        crate::vm::limits::DEFAULT_COUNT
    }

    /// How many tables the store can have in all.
    fn tables(&self) -> usize {
        crate::vm::limits::DEFAULT_COUNT
    }

    /// How many memories the store can have in all.
    fn memories(&self) -> usize {
        crate::vm::limits::DEFAULT_COUNT
    }
}

/// Asked by a store before it allocates, with answers that may take their time; see
/// [`Store::limiter_async`](crate::Store::limiter_async). Meant to be implemented with the
/// `async_trait` crate's attribute, which makes `async fn memory_growing(..)` what this asks for.
pub trait ResourceLimiterAsync {
    /// As [`ResourceLimiter::memory_growing`].
    ///
    /// # Errors
    ///
    /// End the program.
    fn memory_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait;

    /// As [`ResourceLimiter::memory_grow_failed`].
    ///
    /// # Errors
    ///
    /// End the program.
    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// As [`ResourceLimiter::table_growing`].
    ///
    /// # Errors
    ///
    /// End the program.
    fn table_growing<'life0, 'async_trait>(
        &'life0 mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait;

    /// As [`ResourceLimiter::table_grow_failed`].
    ///
    /// # Errors
    ///
    /// End the program.
    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        let _ = error;
        Ok(())
    }

    /// How many instances the store can have in all.
    fn instances(&self) -> usize {
        crate::vm::limits::DEFAULT_COUNT
    }

    /// How many tables the store can have in all.
    fn tables(&self) -> usize {
        crate::vm::limits::DEFAULT_COUNT
    }

    /// How many memories the store can have in all.
    fn memories(&self) -> usize {
        crate::vm::limits::DEFAULT_COUNT
    }
}

/// Fixed limits; made by a [`StoreLimitsBuilder`].
#[derive(Clone, Debug)]
pub struct StoreLimits {
    memory_size: Option<usize>,
    table_elements: Option<usize>,
    gc_heap_size: Option<usize>,
    instances: usize,
    tables: usize,
    memories: usize,
    trap_on_grow_failure: bool,
    total_size: Option<usize>,
    /// Bytes that count for `total_size`, and how many of them the last growth brought.
    used: usize,
    last: usize,
}

impl Default for StoreLimits {
    fn default() -> StoreLimits {
        let count = crate::vm::limits::DEFAULT_COUNT;
        StoreLimits {
            memory_size: None,
            table_elements: None,
            gc_heap_size: None,
            instances: count,
            tables: count,
            memories: count,
            trap_on_grow_failure: false,
            total_size: None,
            used: 0,
            last: 0,
        }
    }
}

/// Bytes of a table's element.
const ELEMENT: usize = size_of::<crate::vm::Slot>();

/// Bytes of translated code that do not count, so that a limit may be what the memories need.
const FREE_CODE: usize = 1 << 20;

/// Makes [`StoreLimits`]. What is not set is not limited, but for the counts, which are 10,000
/// each.
#[derive(Clone, Debug, Default)]
pub struct StoreLimitsBuilder(StoreLimits);

impl StoreLimitsBuilder {
    /// Nothing set.
    pub fn new() -> StoreLimitsBuilder {
        StoreLimitsBuilder::default()
    }

    /// The most bytes that each memory can have.
    pub fn memory_size(mut self, bytes: usize) -> StoreLimitsBuilder {
        self.0.memory_size = Some(bytes);
        self
    }

    /// The most elements that each table can have.
    pub fn table_elements(mut self, elements: usize) -> StoreLimitsBuilder {
        self.0.table_elements = Some(elements);
        self
    }

    /// The most bytes that the garbage-collected heap can have.
    pub fn gc_heap_size(mut self, bytes: usize) -> StoreLimitsBuilder {
        self.0.gc_heap_size = Some(bytes);
        self
    }

    /// The most bytes that all memories, all tables (eight bytes for an element), the
    /// garbage-collected heap and the translated code (without its first megabyte) of the store can have
    /// together. Shared memories, which are no one
    /// store's, do not count.
    pub fn total_size(mut self, bytes: usize) -> StoreLimitsBuilder {
        self.0.total_size = Some(bytes);
        self
    }

    /// How many instances the store can have in all.
    pub fn instances(mut self, count: usize) -> StoreLimitsBuilder {
        self.0.instances = count;
        self
    }

    /// How many tables the store can have in all.
    pub fn tables(mut self, count: usize) -> StoreLimitsBuilder {
        self.0.tables = count;
        self
    }

    /// How many memories the store can have in all.
    pub fn memories(mut self, count: usize) -> StoreLimitsBuilder {
        self.0.memories = count;
        self
    }

    /// Whether a growth that fails ends the program instead of being reported to it.
    pub fn trap_on_grow_failure(mut self, trap: bool) -> StoreLimitsBuilder {
        self.0.trap_on_grow_failure = trap;
        self
    }

    /// The limits.
    pub fn build(self) -> StoreLimits {
        self.0
    }
}

impl StoreLimits {
    fn check(
        &self,
        what: &str,
        desired: usize,
        limit: Option<usize>,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let within = |limit: Option<usize>| limit.is_none_or(|limit| desired <= limit);
        let allowed = within(limit) && within(maximum);
        if !allowed && self.trap_on_grow_failure {
            bail!("forcing trap when growing {what} to {desired}");
        }
        Ok(allowed)
    }

    /// May the store have `growth` more bytes in all? They count from now on if so.
    fn take(&mut self, growth: usize) -> bool {
        let used = self.used.saturating_add(growth);
        if self.total_size.is_some_and(|most| used > most) {
            return false;
        }
        (self.used, self.last) = (used, growth);
        true
    }

    /// [`StoreLimits::check`] and [`StoreLimits::take`] for something of units of `unit` bytes.
    fn grow(
        &mut self,
        what: &str,
        unit: usize,
        (current, desired): (usize, usize),
        limits: [Option<usize>; 2],
    ) -> Result<bool> {
        if !self.check(what, desired, limits[0], limits[1])? {
            return Ok(false);
        }
        let allowed = self.take(desired.saturating_sub(current).saturating_mul(unit));
        if !allowed && self.trap_on_grow_failure {
            bail!("forcing trap when growing {what} to {desired}: the store's limit is reached");
        }
        Ok(allowed)
    }

    /// The growth that was allowed last did not happen.
    fn failed(&mut self, what: &str, error: Error) -> Result<()> {
        self.used -= core::mem::take(&mut self.last);
        if self.trap_on_grow_failure {
            return Err(error.context(format!("forcing a {what} growth failure to be a trap")));
        }
        Ok(())
    }
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.grow("memory", 1, (current, desired), [self.memory_size, maximum])
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed("memory", error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        self.grow("table", ELEMENT, (current, desired), [self.table_elements, maximum])
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed("table", error)
    }

    fn gc_heap_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        // A refusal only means that it is time to collect.
        let within = |limit: Option<usize>| limit.is_none_or(|limit| desired <= limit);
        Ok(within(self.gc_heap_size) && within(maximum) && self.take(desired - current))
    }

    fn gc_heap_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed("heap", error)
    }

    fn code_growing(&mut self, current: usize, desired: usize) -> Result<bool> {
        let counted = |bytes: usize| bytes.saturating_sub(FREE_CODE);
        Ok(self.take(counted(desired) - counted(current)))
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}
