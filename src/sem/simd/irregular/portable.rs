//! The lane-by-lane forms.

use crate::sem::simd::lanes::{each, map};
use crate::sem::*;

/// The signs of eight lanes, by a multiplication that moves each next to its neighbour's: with the sign of byte `i` at
/// bit `8 * i`, the factor's bit `56 - 7 * i` takes it to bit `56 + i`, and no two products meet.
#[inline(always)]
fn signs_of_bytes(half: u64) -> u32 {
    let signs = half >> 7 & 0x0101_0101_0101_0101;
    (signs.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// The same of four lanes of 16 bits: from bit `16 * i` to bit `48 + i`.
#[inline(always)]
fn signs_of_words(half: u64) -> u32 {
    let signs = half >> 15 & 0x0001_0001_0001_0001;
    (signs.wrapping_mul(0x0001_0002_0004_0008) >> 48) as u32 & 0xf
}

#[inline(always)]
pub(in crate::sem) fn i8x16_bitmask(a: V128) -> u32 {
    let [low, high] = a.lanes();
    signs_of_bytes(low) | signs_of_bytes(high) << 8
}

#[inline(always)]
pub(in crate::sem) fn i16x8_bitmask(a: V128) -> u32 {
    let [low, high] = a.lanes();
    signs_of_words(low) | signs_of_words(high) << 4
}

#[inline(always)]
pub(in crate::sem) fn i32x4_bitmask(a: V128) -> u32 {
    let [a, b, c, d]: [u32; 4] = a.lanes();
    a >> 31 | b >> 31 << 1 | c >> 31 << 2 | d >> 31 << 3
}

#[inline(always)]
pub(in crate::sem) fn i64x2_bitmask(a: V128) -> u32 {
    let [low, high]: [u64; 2] = a.lanes();
    (low >> 63 | high >> 63 << 1) as u32
}

macro_rules! comparisons {
    ($($name:ident $operator:tt;)*) => {
        $(
            #[inline(always)]
            pub(in crate::sem) fn $name(a: V128, b: V128) -> V128 {
                let (a, b): ([i64; 2], [i64; 2]) = (a.lanes(), b.lanes());
                V128::from_lanes::<i64, 2>(each!(|lane| {
                    if a[lane] $operator b[lane] { !0 } else { 0 }
                }))
            }
        )*
    };
}

comparisons! {
    i64x2_lt_s <;
    i64x2_gt_s >;
    i64x2_le_s <=;
    i64x2_ge_s >=;
}

#[inline(always)]
pub(in crate::sem) fn i64x2_shl(a: V128, count: u32) -> V128 {
    V128::from_lanes::<u64, 2>(map!(a.lanes(), |lane| u64::wrapping_shl(lane, count)))
}

#[inline(always)]
pub(in crate::sem) fn i64x2_shr_u(a: V128, count: u32) -> V128 {
    V128::from_lanes::<u64, 2>(map!(a.lanes(), |lane| u64::wrapping_shr(lane, count)))
}

#[inline(always)]
pub(in crate::sem) fn i16x8_narrow_i32x4_u(a: V128, b: V128) -> V128 {
    let (a, b): ([i32; _], [i32; _]) = (a.lanes(), b.lanes());
    V128::from_lanes(each!(|lane| {
        let wide = if lane < 4 { a[lane] } else { b[lane - 4] };
        wide.clamp(0, 0xffff) as u16
    }))
}

/// One line per load: the bytes in a loaded lane, its type, and the type it is extended to.
macro_rules! extending_loads {
    ($($name:ident $size:literal $from:ident $to:ident;)*) => {
        $(
            #[inline(always)]
            pub(in crate::sem) fn $name(loaded: u64) -> V128 {
                let bytes = loaded.to_le_bytes();
                let (chunks, _) = bytes.as_chunks::<$size>();
                V128::from_lanes(each!(|lane| $to::from($from::from_le_bytes(chunks[lane]))))
            }
        )*
    };
}

extending_loads! {
    v128_load8x8_s 1 i8 i16;
    v128_load8x8_u 1 u8 u16;
    v128_load16x4_s 2 i16 i32;
    v128_load16x4_u 2 u16 u32;
    v128_load32x2_s 4 i32 i64;
    v128_load32x2_u 4 u32 u64;
}

macro_rules! extended_products {
    ($($name:ident $from:ident $to:ident $first:literal;)*) => {
        $(
            #[inline(always)]
            pub(in crate::sem) fn $name(a: V128, b: V128) -> V128 {
                let (a, b): ([$from; _], [$from; _]) = (a.lanes(), b.lanes());
                V128::from_lanes::<$to, 2>(each!(|lane| {
                    $to::from(a[$first + lane]).wrapping_mul($to::from(b[$first + lane]))
                }))
            }
        )*
    };
}

extended_products! {
    i64x2_extmul_low_i32x4_s i32 i64 0;
    i64x2_extmul_high_i32x4_s i32 i64 2;
    i64x2_extmul_low_i32x4_u u32 u64 0;
    i64x2_extmul_high_i32x4_u u32 u64 2;
}

#[inline(always)]
pub(in crate::sem) fn i32x4_dot_i16x8_s(a: V128, b: V128) -> V128 {
    let (a, b): ([i16; _], [i16; _]) = (a.lanes(), b.lanes());
    V128::from_lanes(each!(|lane| {
        let (left, right) = (2 * lane, 2 * lane + 1);
        let left = i32::from(a[left]).wrapping_mul(i32::from(b[left]));
        left.wrapping_add(i32::from(a[right]).wrapping_mul(i32::from(b[right])))
    }))
}

#[inline(always)]
pub(in crate::sem) fn i16x8_relaxed_dot_i8x16_i7x16_s(a: V128, b: V128) -> V128 {
    let (a, b): ([i8; _], [i8; _]) = (a.lanes(), b.lanes());
    V128::from_lanes(each!(|lane| {
        let (left, right) = (2 * lane, 2 * lane + 1);
        let left = i16::from(a[left]).wrapping_mul(i16::from(b[left]));
        left.wrapping_add(i16::from(a[right]).wrapping_mul(i16::from(b[right])))
    }))
}

#[inline(always)]
pub(in crate::sem) fn i32x4_relaxed_dot_i8x16_i7x16_add_s(a: V128, b: V128, c: V128) -> V128 {
    let pairs = i16x8_relaxed_dot_i8x16_i7x16_s(a, b);
    i32x4_add(i32x4_extadd_pairwise_i16x8_s(pairs), c)
}

#[inline(always)]
pub(in crate::sem) fn i16x8_q15mulr_sat_s(a: V128, b: V128) -> V128 {
    let (a, b): ([i16; _], [i16; _]) = (a.lanes(), b.lanes());
    V128::from_lanes(each!(|lane| {
        let product = i32::from(a[lane]).wrapping_mul(i32::from(b[lane]));
        (product.wrapping_add(1 << 14) >> 15).min(i16::MAX.into()) as i16
    }))
}

macro_rules! extremes {
    ($($name:ident $t:ident $scalar:ident;)*) => {
        $(
            #[inline(always)]
            pub(in crate::sem) fn $name(a: V128, b: V128) -> V128 {
                let (a, b): ([$t; _], [$t; _]) = (a.lanes(), b.lanes());
                V128::from_lanes(each!(|lane| $scalar(a[lane], b[lane])))
            }
        )*
    };
}

extremes! {
    f32x4_min f32 f32_min;
    f32x4_max f32 f32_max;
    f64x2_min f64 f64_min;
    f64x2_max f64 f64_max;
}

#[inline(always)]
pub(in crate::sem) fn i32x4_trunc_sat_f32x4_s(a: V128) -> V128 {
    V128::from_lanes(map!(a.lanes(), |lane| i32_trunc_sat_f32_s(lane)))
}

#[inline(always)]
pub(in crate::sem) fn i32x4_trunc_sat_f32x4_u(a: V128) -> V128 {
    V128::from_lanes(map!(a.lanes(), |lane| i32_trunc_sat_f32_u(lane)))
}

#[inline(always)]
pub(in crate::sem) fn i32x4_trunc_sat_f64x2_s_zero(a: V128) -> V128 {
    let [a, b] = a.lanes();
    V128::from_lanes([i32_trunc_sat_f64_s(a), i32_trunc_sat_f64_s(b), 0, 0])
}

#[inline(always)]
pub(in crate::sem) fn i32x4_trunc_sat_f64x2_u_zero(a: V128) -> V128 {
    let [a, b] = a.lanes();
    V128::from_lanes([i32_trunc_sat_f64_u(a), i32_trunc_sat_f64_u(b), 0, 0])
}

#[inline(always)]
pub(in crate::sem) fn i8x16_swizzle(a: V128, indices: V128) -> V128 {
    let mut table = [0; 17];
    table[..16].copy_from_slice(&a.0);
    V128(map!(indices.0, |index| table[usize::from(index.min(16))]))
}

#[inline(always)]
pub(in crate::sem) fn i8x16_shuffle(a: V128, b: V128, lanes: [u8; 16]) -> V128 {
    let mut table = [0; 32];
    table[..16].copy_from_slice(&a.0);
    table[16..].copy_from_slice(&b.0);
    V128(map!(lanes, |lane| table[usize::from(lane % 32)]))
}
