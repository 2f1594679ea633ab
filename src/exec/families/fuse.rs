//! Fused ops: the bodies of several ops in one handler.

#![allow(dead_code, unused_imports, unused_macros, reason = "a build may leave all fused ops out")]

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::settle_integers;
use crate::isa::HEAD;

/// `fuse!(first, second, ..)` is a body that does each part after the other; the operands of a part
/// follow those of the one before without a head between. If a part goes elsewhere (a branch taken,
/// a trap), the rest does not happen.
///
/// One closure, not one in another: nested ones took the compiler a minute.
macro_rules! fuse {
    ($($part:expr),+ => $last:expr) => {
        |r: &mut Regs| {
            $(
                match $part(r) {
                    Step::Next => fuse::rewind_head(r),
                    left => return left,
                }
            )+
            $last(r)
        }
    };
}
pub(crate) use fuse;

/// The loop of an instruction whose last part branches to the first by `$again`, the step that a branch of its
/// kind takes: `Taken` if it is conditional, else `Next`. The others' steps come first.
macro_rules! repeat {
    ($r:ident, $again:ident: $($step:expr),+ => $last:expr) => {
        loop {
            $(
                match $step {
                    Step::Next => fuse::rewind_head($r),
                    left => return left,
                }
            )+
            match $last {
                Step::$again => $r.pc = $r.op,
                left => return left,
            }
        }
    };
}
pub(crate) use repeat;

/// `fuse!` for such a loop.
macro_rules! fuse_again {
    ($again:ident: $($part:expr),+ => $last:expr) => {
        |r: &mut Regs| fuse::repeat!(r, $again: $($part(r)),+ => $last(r))
    };
}
pub(crate) use fuse_again;

/// The same if the first part is `consume_fuel`, which is not named. Where the fuel is stays in a register.
macro_rules! fuse_again_metered {
    ($again:ident: $($part:expr),* => $last:expr) => {
        |r: &mut Regs| {
            let fuel = branch::fuel(r);
            fuse::repeat!(r, $again: branch::take_fuel(r, fuel) $(, $part(r))* => $last(r))
        }
    };
}
pub(crate) use fuse_again_metered;

/// A part without operands, before one with two ways on: what the others have left in integer registers is
/// where it belongs.
#[inline(always)]
pub fn settle(r: &mut Regs) -> Step {
    settle_integers([&mut r.acc, &mut r.l0, &mut r.l1]);
    r.pc = r.pc.wrapping_add(HEAD);
    Step::Next
}

/// The place of a part lies a head's width before its operands, as for an instruction of its own.
#[inline(always)]
pub fn rewind_head(r: &mut Regs) {
    r.pc = r.pc.wrapping_sub(HEAD);
}
