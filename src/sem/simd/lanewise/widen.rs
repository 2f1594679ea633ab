//! Instructions whose operands' and results' lanes differ in width: narrowing, extension,
//! extended products and pairwise sums.

use crate::sem::V128;
use crate::sem::simd::lanes::each;

/// One line per instruction: the operands' lanes, the result's lanes, the range saturated to.
macro_rules! narrowings {
    ($($name:ident $from:ident $to:ident $range:expr;)*) => {
        $(
            /// The signed lanes of `a`, then those of `b`, in half the width, saturating to the
            /// name's signedness.
            #[inline(always)]
            #[must_use]
            pub fn $name(a: V128, b: V128) -> V128 {
                let (a, b): ([$from; _], [$from; _]) = (a.lanes(), b.lanes());
                V128::from_lanes(each!(|lane| {
                    let (least, greatest) = $range;
                    let wide = if lane < a.len() { a[lane] } else { b[lane - a.len()] };
                    wide.clamp(least, greatest) as $to
                }))
            }
        )*
    };
}

narrowings! {
    i8x16_narrow_i16x8_s i16 i8 (-0x80, 0x7f);
    i8x16_narrow_i16x8_u i16 u8 (0, 0xff);
    i16x8_narrow_i32x4_s i32 i16 (-0x8000, 0x7fff);
}

/// One line per pair of shapes: from lanes of the first type to those of the second, twice as
/// wide.
macro_rules! widenings {
    ($($from:ident $to:ident: $low:ident $high:ident;)*) => {
        $(
            /// The low half of the lanes, extended to twice the width by the name's signedness.
            #[inline(always)]
            #[must_use]
            pub fn $low(a: V128) -> V128 {
                let a: [$from; _] = a.lanes();
                V128::from_lanes(each!(|lane| $to::from(a[lane])))
            }

            /// The high half of the lanes, extended to twice the width by the name's signedness.
            #[inline(always)]
            #[must_use]
            pub fn $high(a: V128) -> V128 {
                let a: [$from; _] = a.lanes();
                V128::from_lanes(each!(|lane| $to::from(a[a.len() / 2 + lane])))
            }
        )*
    };
}

widenings! {
    i8 i16: i16x8_extend_low_i8x16_s i16x8_extend_high_i8x16_s;
    u8 u16: i16x8_extend_low_i8x16_u i16x8_extend_high_i8x16_u;
    i16 i32: i32x4_extend_low_i16x8_s i32x4_extend_high_i16x8_s;
    u16 u32: i32x4_extend_low_i16x8_u i32x4_extend_high_i16x8_u;
    i32 i64: i64x2_extend_low_i32x4_s i64x2_extend_high_i32x4_s;
    u32 u64: i64x2_extend_low_i32x4_u i64x2_extend_high_i32x4_u;
}

/// One line per pair of shapes, as above. Those of 32 bits are irregular.
macro_rules! extended_products {
    ($($from:ident $to:ident: $mul_low:ident $mul_high:ident;)*) => {
        $(
            /// The full products of the low halves of the lanes, by the name's signedness.
            #[inline(always)]
            #[must_use]
            pub fn $mul_low(a: V128, b: V128) -> V128 {
                let (a, b): ([$from; _], [$from; _]) = (a.lanes(), b.lanes());
                V128::from_lanes(each!(|lane| {
                    $to::from(a[lane]).wrapping_mul($to::from(b[lane]))
                }))
            }

            /// The full products of the high halves of the lanes, by the name's signedness.
            #[inline(always)]
            #[must_use]
            pub fn $mul_high(a: V128, b: V128) -> V128 {
                let (a, b): ([$from; _], [$from; _]) = (a.lanes(), b.lanes());
                V128::from_lanes(each!(|lane| {
                    let lane = a.len() / 2 + lane;
                    $to::from(a[lane]).wrapping_mul($to::from(b[lane]))
                }))
            }
        )*
    };
}

extended_products! {
    i8 i16: i16x8_extmul_low_i8x16_s i16x8_extmul_high_i8x16_s;
    u8 u16: i16x8_extmul_low_i8x16_u i16x8_extmul_high_i8x16_u;
    i16 i32: i32x4_extmul_low_i16x8_s i32x4_extmul_high_i16x8_s;
    u16 u32: i32x4_extmul_low_i16x8_u i32x4_extmul_high_i16x8_u;
}

/// One line per instruction: from lanes of the first type to those of the second, twice as wide.
macro_rules! pairwise_sums {
    ($($from:ident $to:ident: $name:ident;)*) => {
        $(
            /// The sum of each two neighbouring lanes, in twice the width, by the name's
            /// signedness.
            #[inline(always)]
            #[must_use]
            pub fn $name(a: V128) -> V128 {
                let a: [$from; _] = a.lanes();
                V128::from_lanes(each!(|lane| {
                    $to::from(a[2 * lane]).wrapping_add($to::from(a[2 * lane + 1]))
                }))
            }
        )*
    };
}

pairwise_sums! {
    i8 i16: i16x8_extadd_pairwise_i8x16_s;
    u8 u16: i16x8_extadd_pairwise_i8x16_u;
    i16 i32: i32x4_extadd_pairwise_i16x8_s;
    u16 u32: i32x4_extadd_pairwise_i16x8_u;
}
