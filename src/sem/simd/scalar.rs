//! Moving lanes between scalars and vectors.

use super::V128;

/// One line per shape: the scalar's type and that of the lanes.
macro_rules! replacements {
    ($($replace:ident $scalar:ident $t:ident;)*) => {
        $(
            /// `a` with the given lane replaced by `value`, of which narrow lanes take the low
            /// bits.
            #[inline(always)]
            #[must_use]
            pub fn $replace(a: V128, lane: u8, value: $scalar) -> V128 {
                let mut lanes: [$t; _] = a.lanes();
                lanes[usize::from(lane) % lanes.len()] = value as $t;
                V128::from_lanes(lanes)
            }
        )*
    };
}

replacements! {
    i8x16_replace_lane u32 u8;
    i16x8_replace_lane u32 u16;
    i32x4_replace_lane u32 u32;
    i64x2_replace_lane u64 u64;
    f32x4_replace_lane f32 f32;
    f64x2_replace_lane f64 f64;
}

/// One line per instruction: the lanes and the scalar.
macro_rules! extractions {
    ($($name:ident $t:ident $scalar:ident;)*) => {
        $(
            /// The given lane; a narrow one is extended by the name's signedness.
            #[inline(always)]
            #[must_use]
            pub fn $name(a: V128, lane: u8) -> $scalar {
                let lanes: [$t; _] = a.lanes();
                lanes[usize::from(lane) % lanes.len()] as $scalar
            }
        )*
    };
}

extractions! {
    i8x16_extract_lane_s i8 u32;
    i8x16_extract_lane_u u8 u32;
    i16x8_extract_lane_s i16 u32;
    i16x8_extract_lane_u u16 u32;
    i32x4_extract_lane u32 u32;
    i64x2_extract_lane u64 u64;
    f32x4_extract_lane f32 f32;
    f64x2_extract_lane f64 f64;
}

/// The loaded bits in the lowest lane, the others 0.
#[inline(always)]
#[must_use]
pub fn v128_load32_zero(loaded: u32) -> V128 {
    V128::from_lanes([loaded, 0, 0, 0])
}

/// The loaded bits in the lowest lane, the other 0.
#[inline(always)]
#[must_use]
pub fn v128_load64_zero(loaded: u64) -> V128 {
    V128::from_lanes([loaded, 0])
}
