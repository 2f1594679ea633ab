//! Tests of a reference's type, without a call: every type has the list of the types above it,
//! outermost first, so that one comparison at the right depth decides.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::opaque_ptr;
use crate::exec::operand::{Dest, Source, field};
use crate::exec::{jump, next, trap};
use crate::trap::Trap;
use crate::vm::VmFunc;
use crate::vm::heap::{Header, kind};

/// What to look at.
pub trait Mode {
    /// Is the object, which is not null, of the type in the instruction?
    ///
    /// # Safety
    /// The handler contract; the reference is one of the hierarchy that the mode is for.
    unsafe fn test(r: &mut Regs, object: u64) -> bool;
}

/// A set of kinds of objects.
pub struct Kind;
/// A defined structure or array type.
pub struct Type;
/// A defined function type.
pub struct Func;

/// Is what stands for the wanted type found at its depth above type `of`?
#[inline(always)]
unsafe fn is_above(r: &mut Regs, of: u32) -> bool {
    // The operands are read again instead of taking registers from before.
    r.pc = opaque_ptr(r.pc.cast_mut());
    // SAFETY: contract 3: the store has an entry for the type of each of its objects and functions.
    // Host objects, which have no type, look at entry 0: the engine's first type, above which there
    // is none.
    unsafe {
        let entry = opaque_ptr((*(*r.ctx()).store).types.add(of as usize).cast_mut());
        let depth = u64::from(field::<u32>(r.pc, 12));
        (*entry).depth > depth && *(*entry).display.add(depth as usize) == field::<u32>(r.pc, 8)
    }
}

impl Mode for Kind {
    #[inline(always)]
    unsafe fn test(r: &mut Regs, object: u64) -> bool {
        // SAFETY: the caller's promise: objects begin with their head.
        let kind = unsafe {
            if object & 1 != 0 { kind::I31 } else { (*(object as *const Header)).kind() }
        };
        // SAFETY: contract 1.
        unsafe { field::<u32>(r.pc, 8) >> kind & 1 != 0 }
    }
}

impl Mode for Type {
    #[inline(always)]
    unsafe fn test(r: &mut Regs, object: u64) -> bool {
        if object & 1 != 0 {
            return false;
        }
        // SAFETY: the caller's promise.
        unsafe {
            let word = (*(object as *const Header)).word;
            word == field::<u32>(r.pc, 8) || is_above(r, word & kind::TYPE)
        }
    }
}

impl Mode for Func {
    #[inline(always)]
    unsafe fn test(r: &mut Regs, object: u64) -> bool {
        // SAFETY: the caller's promise: a function reference that is not null is valid.
        unsafe {
            let found = (*(object as *const VmFunc)).type_id;
            found == field::<u32>(r.pc, 8) || is_above(r, found)
        }
    }
}

/// Tests a reference. Whether null counts is field 2.
#[inline(always)]
unsafe fn test<M: Mode>(r: &mut Regs, object: u64) -> bool {
    // SAFETY: the caller's promise.
    unsafe { if object == 0 { field::<u16>(r.pc, 2) != 0 } else { M::test(r, object) } }
}

/// `ref.test`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ref_test<D: Dest<bool>, X: Source<u64>, M: Mode>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, 4);
        let is = test::<M>(r, object);
        D::write(r, 0, is);
    }
    next(r, 16)
}

/// `ref.cast`: the operand stays where it is.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ref_cast<X: Source<u64>, M: Mode>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, 0);
        if !test::<M>(r, object) {
            return trap(r, Trap::CastFailure);
        }
    }
    next(r, 16)
}

/// `br_on_cast` and `br_on_cast_fail`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn br_on_cast<X: Source<u64>, M: Mode, const TAKEN: bool>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, 0);
        if test::<M>(r, object) == TAKEN {
            jump(r, field::<i32>(r.pc, 4));
            return Step::Taken;
        }
    }
    next(r, 16)
}
