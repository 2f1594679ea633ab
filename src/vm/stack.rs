//! The value stack: where WebAssembly frames live.

use alloc::sync::Arc;
use core::ptr;

use super::Slot;
use super::frame::STACK_SLACK;
use crate::error::{Context, Result};
use crate::prelude::*;
use crate::sys::standard::{Mutex, PoisonError};
use crate::sys::{Mapping, PAGES_ARE_PROTECTED, RESERVING_IS_FREE};

/// The value stacks of an engine. Making one is two calls of the system, and giving it back a third, so those
/// of stores that have ended serve the next ones.
#[derive(Debug)]
pub struct StackPool {
    bytes: usize,
    most: usize,
    idle: Mutex<Vec<Mapping>>,
}

/// A reserved, guarded range of slots, which are zero at first. Goes back to its pool when it is dropped.
///
/// ```text
///   | guard | frames grow upwards ...        | slack | guard |
///           ^ base                           ^ limit
/// ```
///
/// A call compares only the new frame pointer with `limit`; the slack behind it holds the largest
/// frame. The guards are never accessible: a bug that runs past either end faults instead of
/// reaching other memory. Where the allocator is all that there is there are none.
#[derive(Debug)]
pub struct ValueStack {
    map: Mapping,
    usable: usize,
    pool: Arc<StackPool>,
}

/// Inaccessible bytes on either side, where there is such a thing.
const GUARD: usize = if PAGES_ARE_PROTECTED { 64 * 1024 } else { 0 };

/// Bytes at the beginning of an idle stack that stay in memory: deeper calls than these have room for are rare.
const KEPT: usize = 16 * 1024;

/// What lies behind those begins at a multiple of this, which is what a table of pages spans where they have
/// 4 KiB: as long as nobody was there it has no table, and the system need not look through one when it cleans.
const ALIGN: usize = if RESERVING_IS_FREE { 2 << 20 } else { 1 };

/// Where a stack begins in its mapping.
fn start(map: &Mapping) -> usize {
    let kept = map.base() as usize + GUARD + KEPT;
    GUARD + kept.next_multiple_of(ALIGN) - kept
}

impl StackPool {
    /// A pool of stacks of `bytes`, rounded up to whole slots, which keeps at most so many.
    pub const fn new(bytes: usize, most: usize) -> StackPool {
        StackPool { bytes, most, idle: Mutex::new(Vec::new()) }
    }

    /// Bytes of a stack.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// A stack. Its pages take memory when first used.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn take(self: &Arc<StackPool>) -> Result<ValueStack> {
        let bytes = self.bytes;
        let usable = bytes.checked_next_multiple_of(64).filter(|&b| b <= isize::MAX as usize / 2);
        let usable =
            usable.with_context(|| format!("value stack of {bytes} bytes is too large"))?;
        let inner = usable + STACK_SLACK;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let map = match idle {
            Some(map) => map,
            None => {
                let mut map = Mapping::reserve(inner + 2 * GUARD + ALIGN)
                    .with_context(|| format!("cannot reserve a value stack of {bytes} bytes"))?;
                map.commit(start(&map), inner)
                    .with_context(|| format!("cannot allocate a value stack of {bytes} bytes"))?;
                map
            }
        };
        Ok(ValueStack { map, usable, pool: self.clone() })
    }
}

impl ValueStack {
    /// The lowest slot.
    pub fn base(&self) -> *mut Slot {
        self.map.base().wrapping_add(start(&self.map)).cast()
    }

    /// The limit that frame pointers are compared with.
    pub fn limit(&self) -> *mut Slot {
        self.base().wrapping_byte_add(self.usable)
    }
}

impl Drop for ValueStack {
    fn drop(&mut self) {
        let mut map = core::mem::replace(&mut self.map, Mapping::empty());
        let kept = KEPT.min(self.usable);
        let idle = || self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Cleaning takes a system call, which nobody else should wait for; so there may be no room any more behind
        // it. What one store wrote no other may see, nor shall it take memory while nobody uses the stack: one that
        // cannot be cleaned is not used again. (Where there is no such call of the system, none is.)
        let full = idle().len() >= self.pool.most;
        let start = start(&map);
        if full || map.forget(start + kept, self.usable + STACK_SLACK - kept).is_err() {
            return;
        }
        // SAFETY: the beginning of the committed part of a mapping that nobody else has any more.
        unsafe { ptr::write_bytes(map.base().wrapping_add(start), 0, kept) };
        let mut idle = idle();
        if idle.len() < self.pool.most {
            idle.push(map);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(bytes: usize) -> Result<ValueStack> {
        Arc::new(StackPool::new(bytes, 1)).take()
    }

    #[test]
    fn slots_up_to_the_slack_are_accessible() {
        let stack = stack(1000).unwrap();
        let bytes = stack.limit() as usize - stack.base() as usize;
        assert_eq!(bytes, 1024);
        let last = stack.limit().wrapping_add(STACK_SLACK / 8 - 1);
        // SAFETY: both slots lie in the committed part of a stack that only this test has.
        unsafe {
            stack.base().write(1);
            last.write(2);
            assert_eq!((stack.base().read(), last.read()), (1, 2));
        }
    }

    #[test]
    fn absurd_sizes_are_errors() {
        assert!(stack(usize::MAX).is_err());
        assert!(stack(usize::MAX / 2).is_err());
    }

    #[test]
    fn a_stack_that_served_another_store_is_zero() {
        let pool = Arc::new(StackPool::new(1 << 20, 1));
        for round in 0..3 {
            let stacks = [pool.take().unwrap(), pool.take().unwrap()];
            for stack in stacks {
                let slots = (stack.limit() as usize - stack.base() as usize + STACK_SLACK) / 8;
                for at in [0, 1, KEPT / 8 - 1, KEPT / 8, slots / 2, slots - 1] {
                    let slot = stack.base().wrapping_add(at);
                    // SAFETY: a slot of the committed part of a stack that only this test has.
                    unsafe {
                        assert_eq!(slot.read(), 0, "slot {at} in round {round}");
                        slot.write(1);
                    }
                }
            }
            assert!(pool.idle.lock().unwrap().len() <= 1);
        }
    }
}
