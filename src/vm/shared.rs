//! Linear memories that several stores, on several threads, use at once. docs/threads.md is about
//! what may be done to their bytes, and by what.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;

use super::VmMemory;
use super::interrupt::InterruptState;
use super::limits::MemoryTunables;
use super::memory::{byte_len, reserve};
use super::waiter::{Waiter, Wake, unpoisoned};
use crate::error::{Context, Result};
use crate::prelude::*;
use crate::sys::Mapping;
use crate::sys::racy::{self, AtomicInt};
use crate::sys::signals::GuardedRegion;
use crate::sys::standard::hash_map::Entry;
use crate::sys::standard::{HashMap, Instant, Mutex};
use crate::trap::Trap;
use crate::types::MemoryType;

/// A shared memory. Its address, its base and its reservation never change; its length grows.
#[repr(C)]
#[derive(Debug)]
pub struct SharedLinear {
    /// What handlers see. First, so that a pointer to it is a pointer to the whole.
    vm: VmMemory,
    ty: MemoryType,
    /// Held while growing.
    // Before the mapping it is about: no region outlives its addresses.
    guard: Option<GuardedRegion>,
    map: Mutex<Mapping>,
    /// Who waits at which offset, in the order of arrival.
    waiting: Mutex<HashMap<u64, VecDeque<Arc<Waiter>>>>,
}

static_assertions::const_assert_eq!(memoffset::offset_of!(SharedLinear, vm), 0);

// SAFETY: the raw pointer in `vm` leads to the mapping that this object owns.
unsafe impl Send for SharedLinear {}
// SAFETY: the length is atomic, the base constant, and the bytes are accessed through
// `sys::racy` and by handlers only, in ways that allow for other threads.
unsafe impl Sync for SharedLinear {}

/// How a wait ended. The numbers are what the instructions return.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// Someone notified.
    Notified = 0,
    /// The value was another one; nothing was waited for.
    Mismatch = 1,
    /// Time ran out.
    TimedOut = 2,
}

impl SharedLinear {
    /// Allocates a shared memory with its minimal size, all zero, and address space for its
    /// maximum.
    ///
    /// # Errors
    ///
    /// When the type has no maximum, or the address space or memory cannot be had.
    pub fn new(ty: MemoryType, tunables: &MemoryTunables) -> Result<Arc<SharedLinear>> {
        let maximum = ty.maximum().context("a shared memory needs a maximum")?;
        let most = byte_len(&ty, maximum)
            .with_context(|| format!("shared memory of up to {maximum} pages is too large"))?;
        let len = byte_len(&ty, ty.minimum())
            .with_context(|| format!("memory of {} pages is too large", ty.minimum()))?;
        let (mut map, guard) = reserve(&ty, most.max(len), tunables)?;
        map.commit(0, len).with_context(|| format!("cannot allocate {len} bytes of memory"))?;
        Ok(Arc::new(SharedLinear {
            vm: VmMemory::new(map.base(), len as u64),
            ty,
            map: Mutex::new(map),
            guard,
            waiting: Mutex::default(),
        }))
    }

    /// The type it was made with.
    pub fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// The first byte. Stays where it is.
    pub fn base(&self) -> *mut u8 {
        self.vm.base
    }

    /// Accessible bytes: at least as many from now on.
    pub fn byte_size(&self) -> usize {
        self.vm.len.load(Ordering::Acquire) as usize
    }

    /// Size in pages.
    pub fn pages(&self) -> u64 {
        self.byte_size() as u64 >> self.ty.page_size_log2()
    }

    /// Whether accesses rely on guard pages.
    pub fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// Grows by so many pages and returns the old size; `None` if the type or the system does not
    /// allow it. Growths of several threads happen one after the other.
    pub fn grow(&self, delta: u64) -> Option<u64> {
        let mut map = unpoisoned(self.map.lock());
        let old = self.pages();
        let pages = old.checked_add(delta)?;
        let maximum = self.ty.maximum().unwrap_or(0).min(self.ty.absolute_maximum());
        if pages > maximum {
            return None;
        }
        let desired = byte_len(&self.ty, pages)?;
        map.commit(0, desired).ok()?;
        // Whoever sees the length sees the pages.
        self.vm.len.store(desired as u64, Ordering::Release);
        Some(old)
    }

    /// The bytes that there are now, as cells: shared mutable memory as the language sees it.
    pub fn cells(&self) -> &[core::cell::UnsafeCell<u8>] {
        // SAFETY: so many bytes are accessible from `base` on, for as long as this lives, and a
        // slice of cells claims nothing about their contents.
        unsafe { core::slice::from_raw_parts(self.vm.base.cast(), self.byte_size()) }
    }

    /// The address of an access, if it is inside.
    fn address(&self, offset: u64, len: usize) -> Option<*mut u8> {
        let offset = usize::try_from(offset).ok()?;
        let end = offset.checked_add(len)?;
        (end <= self.byte_size()).then(|| self.vm.base.wrapping_add(offset))
    }

    /// Copies bytes out; `false` if they are not inside.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let Some(from) = self.address(offset, buffer.len()) else { return false };
        // SAFETY: the range is inside the memory, which does not shrink; the buffer is elsewhere.
        unsafe { racy::copy(from, buffer.as_mut_ptr(), buffer.len()) };
        true
    }

    /// Copies bytes in; `false` if they would not be inside.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> bool {
        let Some(to) = self.address(offset, bytes.len()) else { return false };
        // SAFETY: as above.
        unsafe { racy::copy(bytes.as_ptr(), to, bytes.len()) };
        true
    }

    /// The place of an atomic access.
    ///
    /// # Errors
    ///
    /// When it is not aligned, or not inside.
    fn atomic<T>(&self, offset: u64) -> Result<*mut u8, Trap> {
        if !offset.is_multiple_of(size_of::<T>() as u64) {
            return Err(Trap::HeapMisaligned);
        }
        self.address(offset, size_of::<T>()).ok_or(Trap::MemoryOutOfBounds)
    }

    /// Waits at `offset` until someone notifies, the time is over, or `interrupt` is asked for,
    /// provided that the value there is `expected`. `None` waits forever.
    ///
    /// # Errors
    ///
    /// When the address is no good; [`Trap::Interrupt`].
    pub fn wait<T: AtomicInt + PartialEq>(
        &self,
        offset: u64,
        expected: T,
        timeout: Option<Duration>,
        interrupt: Option<&InterruptState>,
    ) -> Result<Wait, Trap> {
        let place = self.atomic::<T>(offset)?;
        // A deadline that the clock cannot name is never.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let waiter = Arc::new(Waiter::default());
        {
            let mut waiting = unpoisoned(self.waiting.lock());
            // Under the lock that notifying takes: a notification after a change of the value that
            // this load does not see comes when the waiter is in the list.
            // SAFETY: aligned and inside.
            if unsafe { T::atomic_load(place) } != expected {
                return Ok(Wait::Mismatch);
            }
            waiting.entry(offset).or_default().push_back(waiter.clone());
        }
        if let Some(interrupt) = interrupt {
            interrupt.waits(Some(&waiter));
        }
        let woken = waiter.wait(deadline);
        if let Some(interrupt) = interrupt {
            interrupt.waits(None);
        }
        if woken == Some(Wake::Notified) || !self.leave(offset, &waiter) {
            // Also if it was notified at the very last moment: it has been counted.
            return Ok(Wait::Notified);
        }
        match woken {
            Some(_) => {
                if let Some(interrupt) = interrupt {
                    interrupt.take();
                }
                Err(Trap::Interrupt)
            }
            None => Ok(Wait::TimedOut),
        }
    }

    /// Takes a waiter out of the list; `false` if it is not there.
    fn leave(&self, offset: u64, waiter: &Arc<Waiter>) -> bool {
        let mut waiting = unpoisoned(self.waiting.lock());
        let Entry::Occupied(mut entry) = waiting.entry(offset) else { return false };
        let position = entry.get().iter().position(|other| Arc::ptr_eq(other, waiter));
        if let Some(position) = position {
            entry.get_mut().remove(position);
        }
        if entry.get().is_empty() {
            entry.remove();
        }
        position.is_some()
    }

    /// Wakes up to `count` of those who wait at `offset`, the longest first, and returns how many.
    ///
    /// # Errors
    ///
    /// When the address is no good.
    pub fn notify(&self, offset: u64, count: u32) -> Result<u32, Trap> {
        self.atomic::<u32>(offset)?;
        let mut waiting = unpoisoned(self.waiting.lock());
        let Entry::Occupied(mut entry) = waiting.entry(offset) else { return Ok(0) };
        let count = entry.get().len().min(count as usize);
        for waiter in entry.get_mut().drain(..count) {
            waiter.wake(Wake::Notified);
        }
        if entry.get().is_empty() {
            entry.remove();
        }
        Ok(count as u32)
    }
}
