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

/// A number of which `N` fill a vector.
pub(in crate::sem) trait Lane<const N: usize>: Copy {
    /// The lanes of a vector.
    fn split(vector: V128) -> [Self; N];

    /// The vector with the given lanes.
    fn join(lanes: [Self; N]) -> V128;
}

macro_rules! lanes {
    ($($t:ident $count:literal $size:literal;)*) => {
        $(
            impl Lane<$count> for $t {
                #[inline(always)]
                fn split(vector: V128) -> [$t; $count] {
                    let (chunks, _) = vector.0.as_chunks::<$size>();
                    core::array::from_fn(|lane| $t::from_le_bytes(chunks[lane]))
                }

                #[inline(always)]
                fn join(lanes: [$t; $count]) -> V128 {
                    let mut bytes = [0; 16];
                    let (chunks, _) = bytes.as_chunks_mut::<$size>();
                    for (chunk, lane) in chunks.iter_mut().zip(lanes) {
                        *chunk = lane.to_le_bytes();
                    }
                    V128(bytes)
                }
            }
        )*
    };
}

lanes! {
    u8 16 1;
    i8 16 1;
    u16 8 2;
    i16 8 2;
    u32 4 4;
    i32 4 4;
    f32 4 4;
    u64 2 8;
    i64 2 8;
    f64 2 8;
}
