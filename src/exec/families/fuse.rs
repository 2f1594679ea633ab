//! Fused ops: the bodies of several ops in one handler.

use crate::exec::abi::Regs;
use crate::isa::HEAD;

/// `then!(first, second)` is a body that does `first`, then `second`, whose operands follow those
/// of `first` without a head between. If `first` goes elsewhere (a branch taken, a trap), `second`
/// does not happen.
macro_rules! then {
    ($first:expr, $second:expr) => {
        (|r: &mut Regs| match $first(r) {
            Step::Next => {
                fuse::rewind_head(r);
                $second(r)
            }
            left => left,
        })
    };
}
pub(crate) use then;

/// The place of a part lies a head's width before its operands, as for an instruction of its own.
#[inline(always)]
pub fn rewind_head(r: &mut Regs) {
    r.pc = r.pc.wrapping_sub(HEAD);
}
