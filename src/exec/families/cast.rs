//! Tests of a reference's type, without a call: every type has the list of the types above it,
//! outermost first, so that one comparison at the right depth decides.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::opaque_ptr;
use crate::exec::operand::{Dest, Source};
use crate::exec::{jump, next, trap};
use crate::isa::op::{BrOnCast, RefCast, RefTest};
use crate::trap::Trap;
use crate::vm::VmFunc;
use crate::vm::heap::{Header, kind};

// All casts have what they look for at the same places.
const _: () = {
    assert!(RefCast::NULL.byte() == RefTest::NULL.byte());
    assert!(RefCast::TY.byte() == RefTest::TY.byte());
    assert!(RefCast::DEPTH.byte() == RefTest::DEPTH.byte());
    assert!(BrOnCast::NULL.byte() == RefTest::NULL.byte());
    assert!(BrOnCast::TY.byte() == RefTest::TY.byte());
    assert!(BrOnCast::DEPTH.byte() == RefTest::DEPTH.byte());
};

/// What to look at.
pub trait Mode {
    /// Whether the object, which is not null, is of the type in the instruction.
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

/// Whether what stands for the wanted type is found at its depth above type `of`.
#[inline(always)]
unsafe fn is_above(r: &mut Regs, of: u32) -> bool {
    // The operands are read again instead of taking registers from before.
    r.pc = opaque_ptr(r.pc.cast_mut());
    // SAFETY: contract 3: the store has an entry for the type of each of its objects and functions.
    // Host objects, which have no type, look at entry 0: the engine's first type, above which there
    // is none.
    unsafe {
        let entry = opaque_ptr((*(*r.ctx()).store).types.add(of as usize).cast_mut());
        let depth = r.get(RefTest::DEPTH) as usize;
        (*entry).depth > depth && *(*entry).display.add(depth) == r.get(RefTest::TY)
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
        unsafe { r.get(RefTest::TY) >> kind & 1 != 0 }
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
            word == r.get(RefTest::TY) || is_above(r, word & kind::TYPE)
        }
    }
}

impl Mode for Func {
    #[inline(always)]
    unsafe fn test(r: &mut Regs, object: u64) -> bool {
        // SAFETY: the caller's promise: a function reference that is not null is valid.
        unsafe {
            let found = (*(object as *const VmFunc)).type_id;
            found == r.get(RefTest::TY) || is_above(r, found)
        }
    }
}

/// Tests a reference.
#[inline(always)]
unsafe fn test<M: Mode>(r: &mut Regs, object: u64) -> bool {
    // SAFETY: the caller's promise.
    unsafe { if object == 0 { r.get(RefTest::NULL) != 0 } else { M::test(r, object) } }
}

/// `ref.test`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ref_test<D: Dest<bool>, X: Source<u64>, M: Mode>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, RefTest::OBJECT);
        let is = test::<M>(r, object);
        D::write(r, RefTest::DST, is);
    }
    next(r, RefTest::BODY)
}

/// `ref.cast`: the operand stays where it is.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ref_cast<X: Source<u64>, M: Mode>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, RefCast::OBJECT);
        if !test::<M>(r, object) {
            return trap(r, Trap::CastFailure);
        }
    }
    next(r, RefCast::BODY)
}

/// `br_on_cast` and `br_on_cast_fail`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn br_on_cast<X: Source<u64>, M: Mode, const TAKEN: bool>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let object = X::read(r, BrOnCast::OBJECT);
        if test::<M>(r, object) == TAKEN {
            jump(r, r.get(BrOnCast::TO));
            return Step::Taken;
        }
    }
    next(r, BrOnCast::BODY)
}
