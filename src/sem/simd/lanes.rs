//! The 128-bit vector and its views as lanes.

use core::fmt;

/// A 128-bit vector: its 16 bytes in memory order, lane 0 first, each lane little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C, align(16))]
pub struct V128(pub [u8; 16]);

impl V128 {
    /// The vector whose bytes, lane 0 first, are the little-endian bytes of `bits`.
    #[inline(always)]
    #[must_use]
    pub fn from_bits(bits: u128) -> V128 {
        V128(bits.to_le_bytes())
    }

    /// The inverse of [`V128::from_bits`].
    #[inline(always)]
    #[must_use]
    pub fn to_bits(self) -> u128 {
        u128::from_le_bytes(self.0)
    }

    /// The lanes of this vector, seen as `N` numbers of type `T`.
    #[inline(always)]
    pub(in crate::sem) fn lanes<T: Lane<N>, const N: usize>(self) -> [T; N] {
        T::split(self)
    }

    /// The vector with the given lanes.
    #[inline(always)]
    pub(in crate::sem) fn from_lanes<T: Lane<N>, const N: usize>(lanes: [T; N]) -> V128 {
        T::join(lanes)
    }
}

/// Shows the 32-bit lanes in hexadecimal, lane 0 first, as the text format writes `i32x4`.
impl fmt::Debug for V128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d]: [u32; 4] = self.lanes();
        write!(f, "i32x4 {a:#010x} {b:#010x} {c:#010x} {d:#010x}")
    }
}

/// What `|lane| value` is for the number of each lane, as an array. Nothing of it is a call or a loop, with any
/// settings: `core::array::from_fn` is, and a handler that calls saves registers.
macro_rules! each {
    (|$lane:ident| $value:expr) => {
        $crate::sem::simd::lanes::Lane::each(
            #[inline(always)]
            |$lane: usize| $value,
        )
    };
}
pub(in crate::sem) use each;

/// The same for the value of each lane of an array.
macro_rules! map {
    ($lanes:expr, |$lane:ident| $value:expr) => {{
        let lanes = $lanes;
        $crate::sem::simd::lanes::each!(|number| {
            let $lane = lanes[number];
            $value
        })
    }};
}
pub(in crate::sem) use map;

/// A number of which `N` fill a vector.
pub(in crate::sem) trait Lane<const N: usize>: Copy {
    /// The lanes of a vector.
    fn split(vector: V128) -> [Self; N];

    /// The vector with the given lanes.
    fn join(lanes: [Self; N]) -> V128;

    /// Whether `f` holds for any of the lanes.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    fn any(lanes: [Self; N], f: impl Fn(Self) -> bool) -> bool;

    /// What `f` gives for the number of each lane.
    fn each(f: impl Fn(usize) -> Self) -> [Self; N];
}

macro_rules! lanes {
    ($($count:literal $size:literal [$($lane:literal)*] $($t:ident)*;)*) => {
        $(lanes!(@width $count $size [$($lane)*] $($t)*);)*
    };
    (@width $count:literal $size:literal $lanes:tt $($t:ident)*) => {
        $(lanes!(@one $t $count $size $lanes);)*
    };
    (@one $t:ident $count:literal $size:literal [$($lane:literal)*]) => {
        impl Lane<$count> for $t {
            #[inline(always)]
            fn split(vector: V128) -> [$t; $count] {
                let (chunks, _) = vector.0.as_chunks::<$size>();
                [$($t::from_le_bytes(chunks[$lane])),*]
            }

            #[inline(always)]
            fn join(lanes: [$t; $count]) -> V128 {
                let mut bytes = [0; 16];
                let (chunks, _) = bytes.as_chunks_mut::<$size>();
                $(chunks[$lane] = lanes[$lane].to_le_bytes();)*
                V128(bytes)
            }

            #[cfg(any(test, not(target_arch = "x86_64")))]
            #[inline(always)]
            fn any(lanes: [$t; $count], f: impl Fn($t) -> bool) -> bool {
                false $(| f(lanes[$lane]))*
            }

            #[inline(always)]
            fn each(f: impl Fn(usize) -> $t) -> [$t; $count] {
                [$(f($lane)),*]
            }
        }
    };
}

lanes! {
    16 1 [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] u8 i8;
    8 2 [0 1 2 3 4 5 6 7] u16 i16;
    4 4 [0 1 2 3] u32 i32 f32;
    2 8 [0 1] u64 i64 f64;
}
