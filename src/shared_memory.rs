//! Memories that stores on several threads use at once.

use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::time::Duration;

use crate::engine::Engine;
use crate::error::{Result, ensure, format_err};
use crate::memory::MemoryAccessError;
use crate::trap::Trap;
use crate::types::MemoryType;
use crate::vm::shared::{SharedLinear, Wait};

/// A linear memory that belongs to no store: instances in any number of stores of its engine, on
/// any threads, can import it. Clones are the same memory.
///
/// Others may change its bytes at any time, so there are no slices of them: [`SharedMemory::read`]
/// and [`SharedMemory::write`] copy, byte by byte as far as other threads can tell.
#[derive(Clone)]
pub struct SharedMemory {
    engine: Engine,
    memory: Arc<SharedLinear>,
}

/// How a wait for a notification ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WaitResult {
    /// Someone notified.
    Ok = 0,
    /// The value was not the expected one, so nothing was waited for.
    Mismatch = 1,
    /// The time was over.
    TimedOut = 2,
}

impl From<Wait> for WaitResult {
    fn from(wait: Wait) -> WaitResult {
        match wait {
            Wait::Notified => WaitResult::Ok,
            Wait::Mismatch => WaitResult::Mismatch,
            Wait::TimedOut => WaitResult::TimedOut,
        }
    }
}

impl SharedMemory {
    /// Makes a shared memory, all zero. Address space for its maximum is reserved at once.
    ///
    /// # Errors
    ///
    /// When the type is not that of a shared memory or is not valid, the engine's configuration
    /// does not have [`Config::wasm_threads`](crate::Config::wasm_threads), or memory or address
    /// space cannot be had.
    pub fn new(engine: &Engine, ty: MemoryType) -> Result<SharedMemory> {
        ensure!(ty.is_shared(), "shared memory must have the `shared` flag enabled on its type");
        ensure!(
            engine.config().has_shared_memories(),
            "shared memories need `Config::wasm_threads`, and `Config::shared_memory` not off"
        );
        let limit = ty.absolute_maximum();
        if ty.minimum() > limit || ty.maximum().is_some_and(|max| max > limit) {
            return Err(format_err!("memory size must be at most {limit} pages"));
        }
        if ty.maximum().is_some_and(|max| max < ty.minimum()) {
            return Err(format_err!("memory minimum must not be greater than maximum"));
        }
        let memory = SharedLinear::new(ty, &engine.tunables().memory)?;
        Ok(SharedMemory { engine: engine.clone(), memory })
    }

    pub(crate) fn from_vm(engine: Engine, memory: Arc<SharedLinear>) -> SharedMemory {
        SharedMemory { engine, memory }
    }

    pub(crate) fn vm(&self) -> &Arc<SharedLinear> {
        &self.memory
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether these are the same memory.
    pub fn same(a: &SharedMemory, b: &SharedMemory) -> bool {
        Arc::ptr_eq(&a.memory, &b.memory)
    }

    /// Its type, as it was made.
    pub fn ty(&self) -> MemoryType {
        *self.memory.ty()
    }

    /// Size in pages. Other threads may make it larger at any time.
    pub fn size(&self) -> u64 {
        self.memory.pages()
    }

    /// Bytes of a page.
    pub fn page_size(&self) -> u64 {
        self.memory.ty().page_size()
    }

    /// Size in bytes.
    pub fn data_size(&self) -> usize {
        self.memory.byte_size()
    }

    /// The bytes that the memory has now, as cells. Whoever reads or writes through them takes
    /// care, with atomic operations, that no other thread gets in the way.
    pub fn data(&self) -> &[UnsafeCell<u8>] {
        self.memory.cells()
    }

    /// Copies bytes out.
    ///
    /// # Errors
    ///
    /// When the range does not lie within the memory; nothing has been copied then.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> Result<(), MemoryAccessError> {
        if self.memory.read(offset as u64, buffer) { Ok(()) } else { Err(MemoryAccessError) }
    }

    /// Copies bytes in.
    ///
    /// # Errors
    ///
    /// When the range does not lie within the memory; nothing has been copied then.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), MemoryAccessError> {
        if self.memory.write(offset as u64, bytes) { Ok(()) } else { Err(MemoryAccessError) }
    }

    /// Makes the memory larger by `delta` pages, zeroed, for everyone, and returns the size in
    /// pages it had.
    ///
    /// # Errors
    ///
    /// When its maximum does not allow it, or memory cannot be had.
    pub fn grow(&self, delta: u64) -> Result<u64> {
        self.memory
            .grow(delta)
            .ok_or_else(|| format_err!("failed to grow shared memory by `{delta}`"))
    }

    /// Wakes up to `count` threads that wait at `addr`, those that came first, and returns how
    /// many: `memory.atomic.notify`.
    ///
    /// # Errors
    ///
    /// [`Trap::HeapMisaligned`] and [`Trap::MemoryOutOfBounds`].
    pub fn atomic_notify(&self, addr: u64, count: u32) -> Result<u32, Trap> {
        self.memory.notify(addr, count)
    }

    /// Waits at `addr` for a notification, if the 32-bit value there is `expected`:
    /// `memory.atomic.wait32`. Without a timeout possibly forever.
    ///
    /// # Errors
    ///
    /// [`Trap::HeapMisaligned`] and [`Trap::MemoryOutOfBounds`].
    pub fn atomic_wait32(
        &self,
        addr: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        self.memory.wait(addr, expected, timeout, None).map(WaitResult::from)
    }

    /// The same for a 64-bit value.
    ///
    /// # Errors
    ///
    /// As for [`SharedMemory::atomic_wait32`].
    pub fn atomic_wait64(
        &self,
        addr: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        self.memory.wait(addr, expected, timeout, None).map(WaitResult::from)
    }
}

impl core::fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SharedMemory")
            .field("ty", self.memory.ty())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

static_assertions::assert_impl_all!(SharedMemory: Send, Sync);
