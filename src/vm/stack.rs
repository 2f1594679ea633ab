//! The value stack: where WebAssembly frames live.

use super::Slot;
use super::frame::STACK_SLACK;
use crate::error::{Context, Result};
use crate::sys::Mapping;

/// A reserved, guarded range of slots.
///
/// ```text
///   | guard | frames grow upwards ...        | slack | guard |
///           ^ base                           ^ limit
/// ```
///
/// A call compares only the new frame pointer with `limit`; the slack behind it holds the largest
/// frame. The guards are never accessible: a bug that runs past either end faults instead of
/// reaching other memory.
#[derive(Debug)]
pub struct ValueStack {
    map: Mapping,
    usable: usize,
}

/// Inaccessible bytes on either side.
const GUARD: usize = 64 * 1024;

impl ValueStack {
    /// Reserves a stack of `bytes`, rounded up to whole slots. Pages take memory when first used.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn new(bytes: usize) -> Result<ValueStack> {
        let usable = bytes.checked_next_multiple_of(64).filter(|&b| b <= isize::MAX as usize / 2);
        let usable =
            usable.with_context(|| format!("value stack of {bytes} bytes is too large"))?;
        let inner = usable + STACK_SLACK;
        let mut map = Mapping::reserve(inner + 2 * GUARD)
            .with_context(|| format!("cannot reserve a value stack of {bytes} bytes"))?;
        map.commit(GUARD, inner)
            .with_context(|| format!("cannot allocate a value stack of {bytes} bytes"))?;
        Ok(ValueStack { map, usable })
    }

    /// The lowest slot.
    pub fn base(&self) -> *mut Slot {
        self.map.base().wrapping_add(GUARD).cast()
    }

    /// The limit that frame pointers are compared with.
    pub fn limit(&self) -> *mut Slot {
        self.map.base().wrapping_add(GUARD + self.usable).cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_up_to_the_slack_are_accessible() {
        let stack = ValueStack::new(1000).unwrap();
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
        assert!(ValueStack::new(usize::MAX).is_err());
        assert!(ValueStack::new(usize::MAX / 2).is_err());
    }
}
