//! Vectors: how operand classes hold them, and the ops that are no unary, binary, load or store of
//! another family. The meanings are in `sem`, except for what needs an instruction beyond the
//! target's baseline: the translator chooses such ops only where the machine has it.

use crate::exec::abi::{Regs, Step};
use crate::exec::barrier::{opaque, opaque_ptr};
use crate::exec::families::global;
use crate::exec::families::memory::{self, Native};
use crate::exec::float;
use crate::exec::operand::{A, Dest, I, P, S, Source, Value};
use crate::exec::{next, trap};
use crate::isa::HEAD;
use crate::isa::op::{
    Binary, Extract, GlobalGet, GlobalSet, Load, LoadGeneral, Permute, Permute2, Replace, Select,
    Shuffle, StoreGeneral, Ternary, VecConst,
};
use crate::isa::operand::{Field, Place};
use crate::sem::{self, V128};
use crate::trap::Trap;

/// The vector in two slots, the low half first, which on a little-endian machine is lane 0 first.
#[inline(always)]
unsafe fn read(at: *const u64) -> V128 {
    // SAFETY: the caller's promise: both slots can be read. They are aligned to 8 bytes only.
    unsafe { at.cast::<V128>().read_unaligned() }
}

/// Writes a vector to two slots.
#[inline(always)]
unsafe fn write(at: *mut u64, v: V128) {
    // SAFETY: as above.
    unsafe { at.cast::<V128>().write_unaligned(v) }
}

impl Source<V128> for A {
    #[inline(always)]
    unsafe fn read(r: &Regs, _: Place) -> V128 {
        float::get_v128(r.fa)
    }
}

impl Source<V128> for S {
    #[inline(always)]
    unsafe fn read(r: &Regs, place: Place) -> V128 {
        // SAFETY: contract 2.
        unsafe { read(r.slot(place)) }
    }
}

impl Dest<V128> for A {
    #[inline(always)]
    unsafe fn write(r: &mut Regs, _: Place, v: V128) {
        r.fa = float::from_v128(v);
    }
}

impl Dest<V128> for S {
    #[inline(always)]
    unsafe fn write(r: &mut Regs, place: Place, v: V128) {
        // SAFETY: contract 2.
        unsafe { write(r.slot(place), v) }
        r.fa = float::from_v128(v);
    }
}

impl Dest<V128> for P {
    #[inline(always)]
    unsafe fn write(r: &mut Regs, place: Place, v: V128) {
        // SAFETY: contract 2.
        unsafe { write(r.slot(place), v) }
    }
}

/// In a memory: 16 bytes, lane 0 first.
impl Native<V128> for V128 {
    #[inline(always)]
    unsafe fn load(p: *const u8) -> V128 {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<V128>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut u8, v: V128) {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<V128>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn store_at(base: *mut u8, offset: usize, v: V128) {
        // SAFETY: the caller's promise.
        unsafe { <V128 as Native<V128>>::store(base.add(offset), v) }
    }
    const WIDTH: u64 = 16;
}

/// A 16-byte operand.
#[inline(always)]
unsafe fn bytes(r: &Regs, field: Field<[u8; 16]>) -> V128 {
    // SAFETY: contract 1.
    V128(unsafe { r.get(field) })
}

/// `d := 128-bit immediate`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn const128<D: Dest<V128>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let v = bytes(r, VecConst::VALUE);
        D::write(r, VecConst::DST, v);
    }
    next(r, VecConst::BODY)
}

/// `d := global`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn global_get<D: Dest<V128>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let v = read(global::at(r));
        D::write(r, GlobalGet::DST, v);
    }
    next(r, GlobalGet::BODY)
}

/// `global := x`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn global_set<X: Source<V128>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let v = X::read(r, GlobalSet::VALUE);
        write(global::at(r), v);
    }
    next(r, GlobalSet::BODY)
}

/// `d := imported global`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn global_get_indirect(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the pointer was set at instantiation.
    unsafe {
        let v = read(global::at(r).cast::<*const u64>().read());
        <S as Dest<V128>>::write(r, GlobalGet::DST, v);
    }
    next(r, GlobalGet::BODY)
}

/// `imported global := x`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn global_set_indirect(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; the pointer was set at instantiation.
    unsafe {
        let v = <S as Source<V128>>::read(r, GlobalSet::VALUE);
        write(global::at(r).cast::<*mut u64>().read(), v);
    }
    next(r, GlobalSet::BODY)
}

/// `d := f(load[x + offset])`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn load<D, X, T, const CHECKED: bool>(
    f: impl Fn(T) -> V128,
) -> impl Fn(&mut Regs) -> Step
where
    D: Dest<V128>,
    X: Source<u32>,
    T: Native<T>,
{
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let index = X::read(r, Load::ADDR);
            let Some(p) = memory::address::<CHECKED, u32>(r, index, Load::OFFSET, T::WIDTH) else {
                return trap(r, Trap::MemoryOutOfBounds);
            };
            let v = T::load(p);
            if !CHECKED {
                crate::exec::barrier::settle();
            }
            D::write(r, Load::DST, f(v));
        }
        next(r, Load::BODY)
    }
}

/// `S[dst] := load(memory, S[addr] + offset)`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn load_general<T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; `general` checked the bounds.
    unsafe {
        let Some(p) = memory::general::<T>(r, LoadGeneral::ADDR, V128::WIDTH) else {
            return trap(r, Trap::MemoryOutOfBounds);
        };
        let v = V128::load(p);
        <S as Dest<V128>>::write(r, LoadGeneral::DST, v);
    }
    next(r, LoadGeneral::BODY)
}

/// `store(memory, S[addr] + offset) := S[value]`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn store_general<T: Value + Into<u64>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; `general` checked the bounds.
    unsafe {
        let Some(p) = memory::general::<T>(r, StoreGeneral::ADDR, V128::WIDTH) else {
            return trap(r, Trap::MemoryOutOfBounds);
        };
        let p = opaque_ptr(p);
        let v = <S as Source<V128>>::read(r, StoreGeneral::VALUE);
        V128::store(p, v);
    }
    next(r, StoreGeneral::BODY)
}

/// `d := a lane of S[src]`, which is read from the slot alone.
///
/// # Safety
/// The handler contract; the byte number is below 16 and a multiple of the lane's width.
#[inline(always)]
pub unsafe fn extract<D: Dest<T>, T, N: Native<T>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let byte = usize::from(r.get(Extract::BYTE));
        let v = N::load(r.slot(Extract::SRC).cast::<u8>().add(byte));
        D::write(r, Extract::DST, v);
    }
    next(r, Extract::BODY)
}

/// `d := x` with the lane that the mask covers replaced by `y`.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn replace<D, X, Y, T>(splat: impl Fn(T) -> V128) -> impl Fn(&mut Regs) -> Step
where
    D: Dest<V128>,
    X: Source<V128>,
    Y: Source<T>,
{
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let (x, y) = (X::read(r, Replace::LHS), Y::read(r, Replace::RHS));
            let mask = bytes(r, Replace::MASK);
            D::write(r, Replace::DST, sem::v128_bitselect(splat(y), x, mask));
        }
        next(r, Replace::BODY)
    }
}

/// A shift count: a slot or an immediate.
pub trait Count {
    /// Reads the operand at a place.
    ///
    /// # Safety
    /// The handler contract.
    unsafe fn count(r: &Regs, place: Place) -> u32;
}

impl Count for S {
    #[inline(always)]
    unsafe fn count(r: &Regs, place: Place) -> u32 {
        // SAFETY: contract 2.
        unsafe { <S as Source<u32>>::read(r, place) }
    }
}

impl Count for I {
    #[inline(always)]
    unsafe fn count(r: &Regs, place: Place) -> u32 {
        // SAFETY: contract 1.
        unsafe { <I as Source<u32>>::read(r, place) }
    }
}

/// `d := f(x, count)`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn shift<D, X, Y>(f: impl Fn(V128, u32) -> V128) -> impl Fn(&mut Regs) -> Step
where
    D: Dest<V128>,
    X: Source<V128>,
    Y: Count,
{
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let (x, count) = (X::read(r, Binary::LHS), Y::count(r, Binary::RHS));
            D::write(r, Binary::DST, f(x, count));
        }
        next(r, Binary::BODY)
    }
}

/// `d := if c { x } else { y }`, without a branch.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn select<D, X, Y, C>(r: &mut Regs) -> Step
where
    D: Dest<V128>,
    X: Source<V128>,
    Y: Source<V128>,
    C: Source<u32>,
{
    // SAFETY: the handler contract.
    unsafe {
        // The condition first, and opaque: of three operands' places not all fit into registers.
        let zero =
            sem::i64x2_splat(opaque(u64::from(C::read(r, Select::COND) == 0).wrapping_neg()));
        let (x, y) = (X::read(r, Select::LHS), Y::read(r, Select::RHS));
        D::write(r, Select::DST, sem::v128_bitselect(y, x, zero));
    }
    next(r, Select::BODY)
}

/// `d := f(a, b, c)`
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn ternary<D, X, Y, Z>(
    f: impl Fn(V128, V128, V128) -> V128,
) -> impl Fn(&mut Regs) -> Step
where
    D: Dest<V128>,
    X: Source<V128>,
    Y: Source<V128>,
    Z: Source<V128>,
{
    move |r| {
        // SAFETY: the handler contract.
        unsafe {
            let (x, y) = (X::read(r, Ternary::A), Y::read(r, Ternary::B));
            let z = Z::read(r, Ternary::C);
            D::write(r, Ternary::DST, f(x, y, z));
        }
        next(r, Ternary::BODY)
    }
}

/// A vector of sixteen looked-up bytes. Two words in integer registers: an array would live on the
/// native stack.
#[inline(always)]
fn gather(byte: impl Fn(usize) -> u8) -> V128 {
    let word = |first: usize| {
        let mut word = 0;
        let mut i = 0;
        while i < 8 {
            word |= u64::from(byte(first + i)) << (8 * i);
            i += 1;
        }
        word
    };
    V128::from_bits(u128::from(word(0)) | u128::from(word(8)) << 64)
}

/// Byte `i` of the vector in the slots at `at`.
#[inline(always)]
unsafe fn byte_at(at: *const u64, i: usize) -> u8 {
    // SAFETY: the caller's promise: `i` is below 16.
    unsafe { at.cast::<u8>().add(i).read() }
}

/// `i8x16.shuffle` where there is no instruction for it: the bytes are fetched from the slots.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn shuffle(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; lane numbers are below 32 after masking.
    unsafe {
        let (x, y) = (r.slot(Shuffle::LHS), r.slot(Shuffle::RHS));
        let lanes = r.pc.add(HEAD + Shuffle::LANES.byte());
        let v = gather(|i| {
            let lane = usize::from(lanes.add(i).read() & 31);
            byte_at(if lane < 16 { x } else { y }, lane % 16)
        });
        <S as Dest<V128>>::write(r, Shuffle::DST, v);
    }
    next(r, Shuffle::BODY)
}

/// `i8x16.swizzle` where there may be no instruction for it.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn swizzle(r: &mut Regs) -> Step {
    // SAFETY: the handler contract; lane numbers are below 16 after masking.
    unsafe {
        let (x, y) = (r.slot(Binary::LHS), r.slot(Binary::RHS));
        let v = match cfg!(target_arch = "aarch64") {
            true => look_up(S::read(r, Binary::LHS), S::read(r, Binary::RHS)),
            false => gather(|i| {
                let lane = byte_at(y, i);
                let kept = if lane < 16 { 0xff } else { 0 };
                byte_at(x, usize::from(lane % 16)) & kept
            }),
        };
        <S as Dest<V128>>::write(r, Binary::DST, v);
    }
    next(r, Binary::BODY)
}

/// The bytes of `a` with the numbers in `lanes`: for numbers from 16 to 127, 0 or what the number modulo 16
/// names; 0 for those above.
#[inline(always)]
fn byte_shuffle(a: V128, lanes: V128) -> V128 {
    #[cfg(target_arch = "x86_64")]
    {
        let mut v = float::vector(a);
        // SAFETY: one instruction on registers. The translator asks for the ops that use it only
        // where the processor has SSSE3.
        unsafe {
            core::arch::asm!(
                "pshufb {0}, {1}",
                inlateout(xmm_reg) v,
                in(xmm_reg) float::vector(lanes),
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        float::lanes(v)
    }
    #[cfg(target_arch = "aarch64")]
    {
        use core::arch::aarch64::{vqtbl1q_u8, vreinterpretq_f32_u8, vreinterpretq_u8_f32};
        // SAFETY: NEON is part of the AArch64 baseline.
        float::lanes(unsafe {
            let a = vreinterpretq_u8_f32(float::vector(a));
            vreinterpretq_f32_u8(vqtbl1q_u8(a, vreinterpretq_u8_f32(float::vector(lanes))))
        })
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    sem::i8x16_swizzle(a, lanes)
}

/// `d := bytes of x`, by lane numbers.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn permute<D: Dest<V128>, X: Source<V128>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let v = byte_shuffle(X::read(r, Permute::SRC), bytes(r, Permute::LANES));
        D::write(r, Permute::DST, v);
    }
    next(r, Permute::BODY)
}

/// `d := bytes of x or y`, by the lane numbers for each.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn permute2<D: Dest<V128>, X: Source<V128>, Y: Source<V128>>(r: &mut Regs) -> Step {
    // SAFETY: the handler contract.
    unsafe {
        let x = byte_shuffle(X::read(r, Permute2::LHS), bytes(r, Permute2::LANES));
        let y = byte_shuffle(Y::read(r, Permute2::RHS), bytes(r, Permute2::LANES2));
        D::write(r, Permute2::DST, sem::v128_or(x, y));
    }
    next(r, Permute2::BODY)
}

/// `i8x16.swizzle` by table look-up. Where numbers are taken modulo 16, saturation gives every one from 16
/// on the highest bit.
#[inline(always)]
pub fn look_up(a: V128, lanes: V128) -> V128 {
    #[cfg(target_arch = "x86_64")]
    return byte_shuffle(a, sem::i8x16_add_sat_u(lanes, sem::i8x16_splat(0x70)));
    #[cfg(not(target_arch = "x86_64"))]
    byte_shuffle(a, lanes)
}

/// `i8x16.relaxed_swizzle`, of which numbers from 16 on may be taken modulo 16.
#[inline(always)]
pub fn relaxed_look_up(a: V128, lanes: V128) -> V128 {
    byte_shuffle(a, lanes)
}

/// The means of unsigned lanes, halves rounded up.
macro_rules! means {
    ($($name:ident $neon:ident $from:ident $into:ident;)*) => {
        $(
            #[doc = concat!("[`sem::", stringify!($name), "`].")]
            #[inline(always)]
            pub fn $name(a: V128, b: V128) -> V128 {
                #[cfg(target_arch = "aarch64")]
                {
                    use core::arch::aarch64::{$from, $into, $neon};
                    // SAFETY: NEON is part of the AArch64 baseline.
                    float::lanes(unsafe {
                        $into($neon($from(float::vector(a)), $from(float::vector(b))))
                    })
                }
                #[cfg(not(target_arch = "aarch64"))]
                sem::$name(a, b)
            }
        )*
    };
}

means! {
    i8x16_avgr_u vrhaddq_u8 vreinterpretq_u8_f32 vreinterpretq_f32_u8;
    i16x8_avgr_u vrhaddq_u16 vreinterpretq_u16_f32 vreinterpretq_f32_u16;
}

/// [`sem::i32x4_relaxed_dot_i8x16_i7x16_add_s`].
#[inline(always)]
pub fn i32x4_relaxed_dot_i8x16_i7x16_add_s(a: V128, b: V128, c: V128) -> V128 {
    #[cfg(target_arch = "aarch64")]
    {
        use core::arch::aarch64::{
            vget_low_s8, vmull_high_s8, vmull_s8, vpadalq_s16, vpaddq_s16, vreinterpretq_f32_s32,
            vreinterpretq_s8_f32, vreinterpretq_s32_f32,
        };
        // SAFETY: NEON is part of the AArch64 baseline.
        float::lanes(unsafe {
            let a = vreinterpretq_s8_f32(float::vector(a));
            let b = vreinterpretq_s8_f32(float::vector(b));
            let low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
            let pairs = vpaddq_s16(low, vmull_high_s8(a, b));
            vreinterpretq_f32_s32(vpadalq_s16(vreinterpretq_s32_f32(float::vector(c)), pairs))
        })
    }
    #[cfg(not(target_arch = "aarch64"))]
    sem::i32x4_relaxed_dot_i8x16_i7x16_add_s(a, b, c)
}

/// Truncation of which lanes out of range and NaN may give the least integer.
#[inline(always)]
pub fn i32x4_relaxed_trunc_f32x4_s(a: V128) -> V128 {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_mm_castsi128_ps, _mm_cvttps_epi32};
        // SAFETY: SSE2 is part of the x86-64 baseline.
        float::lanes(unsafe { _mm_castsi128_ps(_mm_cvttps_epi32(float::vector(a))) })
    }
    #[cfg(not(target_arch = "x86_64"))]
    sem::i32x4_relaxed_trunc_f32x4_s(a)
}

/// The same of both lanes; the high lanes are 0.
#[inline(always)]
pub fn i32x4_relaxed_trunc_f64x2_s_zero(a: V128) -> V128 {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_mm_castps_pd, _mm_castsi128_ps, _mm_cvttpd_epi32};
        // SAFETY: as above.
        float::lanes(unsafe { _mm_castsi128_ps(_mm_cvttpd_epi32(_mm_castps_pd(float::vector(a)))) })
    }
    #[cfg(not(target_arch = "x86_64"))]
    sem::i32x4_relaxed_trunc_f64x2_s_zero(a)
}
