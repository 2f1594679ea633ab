//! Control flow inside a function, and the ends of an activation.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::{opaque, opaque_ptr};
use crate::exec::operand::Source;
use crate::exec::{jump, next, trap_code};
use crate::isa::HEAD;
use crate::isa::op::{Br, BrTable, Fuel, Trap as TrapOp, ZeroLocals};
use crate::vm::Exit;

/// `unreachable` and other traps known at translation.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn trap_op(r: &mut Regs) -> Step {
    // SAFETY: contract 1.
    let code = unsafe { r.get(TrapOp::CODE) };
    trap_code(r, u64::from(code))
}

/// Goes to the instruction `distance` bytes away in any case.
///
/// # Safety
/// As for [`jump`].
#[inline(always)]
unsafe fn leave(r: &mut Regs, distance: i32) -> Step {
    // SAFETY: the caller's promise.
    unsafe { jump(r, distance) };
    // One sum, not one for the register and another for the load of the handler's address.
    r.pc = opaque_ptr(r.pc.cast_mut());
    Step::Next
}

/// Unconditional branch.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn br(r: &mut Regs) -> Step {
    // SAFETY: contract 1.
    unsafe { leave(r, r.get(Br::TO)) }
}

/// Gives back fuel for the instruction that it goes to, which takes it.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn return_fuel(r: &mut Regs) -> Step {
    // SAFETY: contracts 1 and 3.
    unsafe {
        let fuel = super::branch::fuel(r);
        // It may be as much as there can be: then it wraps, and does so again there.
        fuel.write(fuel.read().wrapping_add(i64::from(r.get(Fuel::X))));
        leave(r, r.get(Fuel::TO))
    }
}

/// Multi-way branch: `count + 1` distances follow the operands, the last for every larger index.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn br_table<X: Source<u32>>(r: &mut Regs) -> Step {
    // SAFETY: contract 1: the index is clamped to the table of distances.
    unsafe {
        let index = X::read(r, BrTable::INDEX).min(r.get(BrTable::COUNT));
        let distances = r.pc.add(HEAD + BrTable::BODY).cast::<i32>();
        leave(r, distances.add(index as usize).read_unaligned())
    }
}

/// Zeroes locals at function entry.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn zero_locals(r: &mut Regs) -> Step {
    // SAFETY: contract 2.
    unsafe {
        let first = r.slot(ZeroLocals::FIRST);
        let mut left = u64::from(r.get(ZeroLocals::COUNT));
        while left > 0 {
            // Unrolled, the loop would need more registers than there are.
            left = opaque(left - 1);
            // Volatile keeps this a loop: a call to memset would not be the handler's last.
            first.add(left as usize).write_volatile(0);
        }
    }
    next(r, ZeroLocals::BODY)
}

/// The activation's function has returned.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn exit(_: &mut Regs) -> Step {
    Step::Exit(Exit::Returned as u64)
}
