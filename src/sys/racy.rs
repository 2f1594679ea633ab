//! Accesses to memory that other threads change at the same time.
//!
//! Nothing here makes a reference to such memory, and the compiler is never told that it knows
//! what is in it: a plain access is one volatile access, an atomic one is a machine instruction in
//! an `asm` block (on x86-64, but not under Miri) or an operation of `core::sync::atomic`. docs/threads.md says what
//! follows from that.

use core::ptr;

/// A number as it lies in memory: no alignment, little-endian.
pub trait Racy: Copy {
    /// One volatile access.
    ///
    /// # Safety
    ///
    /// `p` is readable for the type's width, or faults into the trap machinery.
    unsafe fn read(p: *const u8) -> Self;

    /// One volatile access, `offset` bytes behind `base`.
    ///
    /// # Safety
    ///
    /// The place is writable for the type's width, or faults into the trap machinery.
    unsafe fn write_at(base: *mut u8, offset: usize, value: Self);

    /// One volatile access.
    ///
    /// # Safety
    ///
    /// As above.
    #[inline(always)]
    unsafe fn write(p: *mut u8, value: Self) {
        // SAFETY: the caller's promise.
        unsafe { Self::write_at(p, 0, value) }
    }
}

/// Has alignment 1, so that a volatile access of it may be anywhere.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Anywhere<T>(T);

const _: () = assert!(cfg!(target_endian = "little"), "numbers are read and written as they are");

/// A volatile load is one instruction. A volatile store of a packed structure goes through the
/// native stack, so where that matters the instruction is written out. Floats go straight between memory
/// and a float register.
macro_rules! racy {
    ($($t:ty, $class:ident, $op:literal, $m:literal;)*) => {$(
        impl Racy for $t {
            #[inline(always)]
            unsafe fn read(p: *const u8) -> $t {
                // SAFETY: the caller's promise.
                unsafe { ptr::read_volatile(p.cast::<Anywhere<$t>>()) }.0
            }

            #[cfg(all(target_arch = "x86_64", not(miri)))]
            #[inline(always)]
            unsafe fn write_at(base: *mut u8, offset: usize, value: $t) {
                // SAFETY: the caller's promise.
                unsafe {
                    core::arch::asm!(concat!($op, " [{b} + {o}], {v", $m, "}"), b = in(reg) base,
                        o = in(reg) offset, v = in($class) value, options(nostack, preserves_flags));
                }
            }

            #[cfg(all(target_arch = "aarch64", not(miri)))]
            #[inline(always)]
            unsafe fn write_at(base: *mut u8, offset: usize, value: $t) {
                // SAFETY: the caller's promise.
                unsafe {
                    core::arch::asm!(concat!($op, " {v", $m, "}, [{b}, {o}]"), b = in(reg) base,
                        o = in(reg) offset, v = in($class) value, options(nostack, preserves_flags));
                }
            }

            #[cfg(all(target_arch = "aarch64", not(miri)))]
            #[inline(always)]
            unsafe fn write(p: *mut u8, value: $t) {
                // SAFETY: the caller's promise.
                unsafe {
                    core::arch::asm!(concat!($op, " {v", $m, "}, [{p}]"), p = in(reg) p,
                        v = in($class) value, options(nostack, preserves_flags));
                }
            }

            #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
            #[inline(always)]
            unsafe fn write_at(base: *mut u8, offset: usize, value: $t) {
                // SAFETY: the caller's promise.
                unsafe { ptr::write_volatile(base.add(offset).cast(), Anywhere(value)) }
            }
        }
    )*};
}
#[cfg(not(all(target_arch = "aarch64", not(miri))))]
racy! {
    u8, reg_byte, "mov byte ptr", "";
    i8, reg_byte, "mov byte ptr", "";
    u16, reg, "mov word ptr", ":x";
    i16, reg, "mov word ptr", ":x";
    u32, reg, "mov dword ptr", ":e";
    i32, reg, "mov dword ptr", ":e";
    u64, reg, "mov qword ptr", ":r";
    f32, xmm_reg, "movss dword ptr", "";
    f64, xmm_reg, "movsd qword ptr", "";
}
#[cfg(all(target_arch = "aarch64", not(miri)))]
racy! {
    u8, reg, "strb", ":w";
    i8, reg, "strb", ":w";
    u16, reg, "strh", ":w";
    i16, reg, "strh", ":w";
    u32, reg, "str", ":w";
    i32, reg, "str", ":w";
    u64, reg, "str", ":x";
    f32, vreg, "str", ":s";
    f64, vreg, "str", ":d";
}

/// Bytes of a word that bulk operations move at once.
const WORD: usize = 8;

/// Copies `len` bytes between ranges that may overlap and may be changed by other threads, as if
/// through a buffer when nobody else is there.
///
/// # Safety
///
/// Both ranges are accessible.
pub unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: all accesses are inside the ranges.
    unsafe {
        if (to as usize).wrapping_sub(from as usize) >= len {
            // Forwards: what is written has been read, or is not in the source.
            let mut at = 0;
            while at + WORD <= len {
                u64::write(to.add(at), u64::read(from.add(at)));
                at += WORD;
            }
            while at < len {
                u8::write(to.add(at), u8::read(from.add(at)));
                at += 1;
            }
        } else {
            let mut end = len;
            while end >= WORD {
                end -= WORD;
                u64::write(to.add(end), u64::read(from.add(end)));
            }
            while end > 0 {
                end -= 1;
                u8::write(to.add(end), u8::read(from.add(end)));
            }
        }
    }
}

/// Sets `len` bytes that other threads may change.
///
/// # Safety
///
/// The range is writable.
pub unsafe fn fill(to: *mut u8, value: u8, len: usize) {
    let word = u64::from_ne_bytes([value; WORD]);
    let mut at = 0;
    // SAFETY: all accesses are inside the range.
    unsafe {
        while at + WORD <= len {
            u64::write(to.add(at), word);
            at += WORD;
        }
        while at < len {
            u8::write(to.add(at), value);
            at += 1;
        }
    }
}

/// Orders all accesses of this thread before it and those behind it.
#[inline(always)]
pub fn fence() {
    // What the compiler takes instead is a locked access to the native stack, which handlers leave
    // alone.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: has no operands.
    unsafe {
        core::arch::asm!("mfence", options(nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

/// What an atomic read-modify-write makes of the old value and its operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rmw {
    /// Their sum.
    Add,
    /// Their difference.
    Sub,
    /// Their conjunction.
    And,
    /// Their disjunction.
    Or,
    /// Their exclusive disjunction.
    Xor,
    /// The operand.
    Xchg,
}

/// An integer that can be accessed atomically, sequentially consistent, at addresses that its
/// width divides. Values are little-endian in memory.
pub trait AtomicInt: Racy + Into<u64> {
    /// Loads.
    ///
    /// # Safety
    ///
    /// `p` is aligned to the width, and accessible.
    unsafe fn atomic_load(p: *mut u8) -> Self;

    /// Stores.
    ///
    /// # Safety
    ///
    /// As for loads.
    unsafe fn atomic_store(p: *mut u8, value: Self);

    /// Replaces the value and returns the old one.
    ///
    /// # Safety
    ///
    /// As for loads.
    unsafe fn atomic_rmw(op: Rmw, p: *mut u8, value: Self) -> Self;

    /// Replaces the value with `new` if it is `expected`, and returns the old one.
    ///
    /// # Safety
    ///
    /// As for loads.
    unsafe fn atomic_cmpxchg(p: *mut u8, expected: Self, new: Self) -> Self;

    /// The low bits.
    fn wrap(value: u64) -> Self;
}

/// The instructions themselves. `mov` loads are sequentially consistent because stores are `xchg`.
#[cfg(all(target_arch = "x86_64", not(miri)))]
macro_rules! atomic_int {
    ($($t:ty, $class:ident, $a:tt, $m:tt;)*) => {$(
        impl AtomicInt for $t {
            #[inline(always)]
            unsafe fn atomic_load(p: *mut u8) -> $t {
                let value: $t;
                // SAFETY: the caller's promise. Not `readonly`, so that nothing moves across.
                unsafe {
                    core::arch::asm!(concat!("mov {v", $m, "}, [{p}]"), v = out($class) value,
                        p = in(reg) p, options(nostack, preserves_flags));
                }
                value
            }

            #[inline(always)]
            unsafe fn atomic_store(p: *mut u8, value: $t) {
                // SAFETY: the caller's promise.
                unsafe {
                    core::arch::asm!(concat!("xchg [{p}], {v", $m, "}"),
                        v = inout($class) value => _, p = in(reg) p,
                        options(nostack, preserves_flags));
                }
            }

            #[inline(always)]
            unsafe fn atomic_rmw(op: Rmw, p: *mut u8, value: $t) -> $t {
                let old: $t;
                // SAFETY: the caller's promise. The loops end because a failed exchange loads the
                // value that it found.
                unsafe {
                    match op {
                        Rmw::Add | Rmw::Sub => {
                            let value = if op == Rmw::Sub { value.wrapping_neg() } else { value };
                            core::arch::asm!(concat!("lock xadd [{p}], {v", $m, "}"),
                                v = inout($class) value => old, p = in(reg) p, options(nostack));
                        }
                        Rmw::Xchg => {
                            core::arch::asm!(concat!("xchg [{p}], {v", $m, "}"),
                                v = inout($class) value => old, p = in(reg) p,
                                options(nostack, preserves_flags));
                        }
                        Rmw::And => atomic_int!(@loop "and", $class, $a, $m, p, value, old),
                        Rmw::Or => atomic_int!(@loop "or", $class, $a, $m, p, value, old),
                        Rmw::Xor => atomic_int!(@loop "xor", $class, $a, $m, p, value, old),
                    }
                }
                old
            }

            #[inline(always)]
            unsafe fn atomic_cmpxchg(p: *mut u8, expected: $t, new: $t) -> $t {
                let old: $t;
                // SAFETY: the caller's promise.
                unsafe {
                    core::arch::asm!(concat!("lock cmpxchg [{p}], {new", $m, "}"),
                        new = in($class) new, p = in(reg) p, inout($a) expected => old,
                        options(nostack));
                }
                old
            }

            #[inline(always)]
            fn wrap(value: u64) -> $t {
                value as $t
            }
        }
    )*};
    (@loop $op:literal, $class:ident, $a:tt, $m:tt, $p:ident, $value:ident, $old:ident) => {
        core::arch::asm!(
            concat!("mov ", $a, ", [{p}]"),
            "2:",
            concat!("mov {t", $m, "}, ", $a),
            concat!($op, " {t", $m, "}, {v", $m, "}"),
            concat!("lock cmpxchg [{p}], {t", $m, "}"),
            "jne 2b",
            t = out($class) _, v = in($class) $value, p = in(reg) $p, out($a) $old,
            options(nostack))
    };
}
#[cfg(all(target_arch = "x86_64", not(miri)))]
atomic_int! {
    u8, reg_byte, "al", "";
    u16, reg, "ax", ":x";
    u32, reg, "eax", ":e";
    u64, reg, "rax", ":r";
}

/// Loads and stores of which the processor notices whether another thread came between. `$s` is what
/// names of instructions end with, `$m` the width of registers.
#[cfg(all(target_arch = "aarch64", not(target_feature = "lse"), not(miri)))]
macro_rules! atomic_int {
    ($($t:ty, $s:literal, $m:literal;)*) => {$(
        impl AtomicInt for $t {
            #[inline(always)]
            unsafe fn atomic_load(p: *mut u8) -> $t {
                let value: u64;
                // SAFETY: the caller's promise. Not `readonly`, so that nothing moves across.
                unsafe {
                    core::arch::asm!(concat!("ldar", $s, " {v", $m, "}, [{p}]"), v = out(reg) value,
                        p = in(reg) p, options(nostack, preserves_flags));
                }
                value as $t
            }

            #[inline(always)]
            unsafe fn atomic_store(p: *mut u8, value: $t) {
                // SAFETY: the caller's promise.
                unsafe {
                    core::arch::asm!(concat!("stlr", $s, " {v", $m, "}, [{p}]"),
                        v = in(reg) u64::from(value), p = in(reg) p,
                        options(nostack, preserves_flags));
                }
            }

            #[inline(always)]
            unsafe fn atomic_rmw(op: Rmw, p: *mut u8, value: $t) -> $t {
                let value = u64::from(value);
                let old: u64;
                // SAFETY: the caller's promise.
                unsafe {
                    match op {
                        Rmw::Add => atomic_int!(@loop "add", $s, $m, p, value, old),
                        Rmw::Sub => atomic_int!(@loop "sub", $s, $m, p, value, old),
                        Rmw::And => atomic_int!(@loop "and", $s, $m, p, value, old),
                        Rmw::Or => atomic_int!(@loop "orr", $s, $m, p, value, old),
                        Rmw::Xor => atomic_int!(@loop "eor", $s, $m, p, value, old),
                        Rmw::Xchg => {
                            core::arch::asm!(
                                "2:",
                                concat!("ldaxr", $s, " {old", $m, "}, [{p}]"),
                                concat!("stlxr", $s, " {failed:w}, {v", $m, "}, [{p}]"),
                                "cbnz {failed:w}, 2b",
                                old = out(reg) old, failed = out(reg) _, v = in(reg) value,
                                p = in(reg) p, options(nostack, preserves_flags));
                        }
                    }
                }
                old as $t
            }

            #[inline(always)]
            unsafe fn atomic_cmpxchg(p: *mut u8, expected: $t, new: $t) -> $t {
                let old: u64;
                // SAFETY: the caller's promise.
                unsafe {
                    core::arch::asm!(
                        "2:",
                        concat!("ldaxr", $s, " {old", $m, "}, [{p}]"),
                        concat!("cmp {old", $m, "}, {expected", $m, "}"),
                        "b.ne 3f",
                        concat!("stlxr", $s, " {failed:w}, {new", $m, "}, [{p}]"),
                        "cbnz {failed:w}, 2b",
                        "3:",
                        "clrex",
                        old = out(reg) old, failed = out(reg) _, new = in(reg) u64::from(new),
                        expected = in(reg) u64::from(expected), p = in(reg) p, options(nostack));
                }
                old as $t
            }

            #[inline(always)]
            fn wrap(value: u64) -> $t {
                value as $t
            }
        }
    )*};
    (@loop $op:literal, $s:literal, $m:literal, $p:ident, $value:ident, $old:ident) => {
        core::arch::asm!(
            "2:",
            concat!("ldaxr", $s, " {old", $m, "}, [{p}]"),
            concat!($op, " {new", $m, "}, {old", $m, "}, {v", $m, "}"),
            concat!("stlxr", $s, " {failed:w}, {new", $m, "}, [{p}]"),
            "cbnz {failed:w}, 2b",
            old = out(reg) $old, new = out(reg) _, failed = out(reg) _, v = in(reg) $value,
            p = in(reg) $p, options(nostack, preserves_flags))
    };
}
#[cfg(all(target_arch = "aarch64", not(target_feature = "lse"), not(miri)))]
atomic_int! {
    u8, "b", ":w";
    u16, "h", ":w";
    u32, "", ":w";
    u64, "", ":x";
}

/// Operations of the core library. On AArch64 they are calls where the instructions that do each at once
/// are not known to be there.
#[cfg(any(
    miri,
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", not(target_feature = "lse"))))
))]
macro_rules! atomic_int {
    ($($t:ty, $atomic:ident;)*) => {$(
        impl AtomicInt for $t {
            #[inline(always)]
            unsafe fn atomic_load(p: *mut u8) -> $t {
                // SAFETY: the caller's promise, here and below.
                <$t>::from_le(unsafe { $atomic::from_ptr(p.cast()) }.load(SeqCst))
            }

            #[inline(always)]
            unsafe fn atomic_store(p: *mut u8, value: $t) {
                // SAFETY: as above.
                unsafe { $atomic::from_ptr(p.cast()) }.store(value.to_le(), SeqCst);
            }

            #[inline(always)]
            unsafe fn atomic_rmw(op: Rmw, p: *mut u8, value: $t) -> $t {
                let change = |old: $t| {
                    let old = <$t>::from_le(old);
                    Some(match op {
                        Rmw::Add => old.wrapping_add(value),
                        Rmw::Sub => old.wrapping_sub(value),
                        Rmw::And => old & value,
                        Rmw::Or => old | value,
                        Rmw::Xor => old ^ value,
                        Rmw::Xchg => value,
                    }.to_le())
                };
                // SAFETY: as above.
                let cell = unsafe { $atomic::from_ptr(p.cast()) };
                let (Ok(old) | Err(old)) = cell.fetch_update(SeqCst, SeqCst, change);
                <$t>::from_le(old)
            }

            #[inline(always)]
            unsafe fn atomic_cmpxchg(p: *mut u8, expected: $t, new: $t) -> $t {
                // SAFETY: as above.
                let cell = unsafe { $atomic::from_ptr(p.cast()) };
                let (Ok(old) | Err(old)) =
                    cell.compare_exchange(expected.to_le(), new.to_le(), SeqCst, SeqCst);
                <$t>::from_le(old)
            }

            #[inline(always)]
            fn wrap(value: u64) -> $t {
                value as $t
            }
        }
    )*};
}
#[cfg(any(
    miri,
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", not(target_feature = "lse"))))
))]
use {
    super::atomic::AtomicU64,
    core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, Ordering::SeqCst},
};
#[cfg(any(
    miri,
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", not(target_feature = "lse"))))
))]
atomic_int! {
    u8, AtomicU8;
    u16, AtomicU16;
    u32, AtomicU32;
    u64, AtomicU64;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    fn check<T: AtomicInt + PartialEq + core::fmt::Debug>() {
        let all = u64::MAX >> (64 - 8 * size_of::<T>());
        let mut cell = [0x1122_3344_5566_7788_u64, u64::MAX];
        let p = cell.as_mut_ptr().cast::<u8>();
        let steps: [(Rmw, u64, u64); 7] = [
            (Rmw::Xchg, 0xf0, 0xf0),
            (Rmw::Add, 0x20, 0x110),
            (Rmw::Sub, 0x11, 0xff),
            (Rmw::And, 0x3c, 0x3c),
            (Rmw::Or, 0x81, 0xbd),
            (Rmw::Xor, 0xff, 0x42),
            (Rmw::Sub, 0x43, u64::MAX),
        ];
        // SAFETY: the cell is aligned for all widths and this test's own.
        unsafe {
            let mut before = T::atomic_load(p);
            assert_eq!(before, T::wrap(0x1122_3344_5566_7788));
            for (op, operand, after) in steps {
                assert_eq!(T::atomic_rmw(op, p, T::wrap(operand)), before, "{op:?}");
                before = T::atomic_load(p);
                assert_eq!(before.into(), after & all, "{op:?}");
            }
            T::atomic_store(p, T::wrap(5));
            assert_eq!(T::atomic_cmpxchg(p, T::wrap(6), T::wrap(7)), T::wrap(5));
            assert_eq!(T::atomic_cmpxchg(p, T::wrap(5), T::wrap(9)), T::wrap(5));
            assert_eq!(T::atomic_load(p), T::wrap(9));
        }
        assert_eq!(cell[1], u64::MAX);
        let kept = 0x1122_3344_5566_7788 & !all;
        assert_eq!(u64::from_le_bytes(cell[0].to_ne_bytes()), kept | 9);
    }

    #[test]
    fn every_width_reads_modifies_and_writes_its_own_bytes_only() {
        check::<u8>();
        check::<u16>();
        check::<u32>();
        check::<u64>();
    }

    #[test]
    fn copies_overlap_in_both_directions() {
        for (from, to, len) in [(0, 3, 40), (3, 0, 40), (5, 5, 20), (0, 40, 23), (1, 2, 1)] {
            let mut bytes: Vec<u8> = (0..64).collect();
            let mut expected = bytes.clone();
            expected.copy_within(from..from + len, to);
            let p = bytes.as_mut_ptr();
            // SAFETY: both ranges are inside the vector.
            unsafe { copy(p.add(from), p.add(to), len) };
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn fills_stay_inside_their_range() {
        let mut bytes = [0_u8; 32];
        // SAFETY: the range is inside the array.
        unsafe { fill(bytes.as_mut_ptr().add(3), 7, 21) };
        assert!(bytes.iter().enumerate().all(|(i, &b)| (b == 7) == (3..24).contains(&i)));
    }
}
