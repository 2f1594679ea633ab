//! Shuffles of wider lanes, which are no instructions of their own.
//!
//! Without a table look-up instruction, moving sixteen bytes takes about eighty instructions, but
//! most shuffles in real programs move 32- or 64-bit lanes. [`Shuffle::widest`] tells which, so
//! that a translator can choose the cheaper function once.

use super::V128;
use super::lanes::map;

/// What an `i8x16.shuffle` does, in terms of the widest lanes that it keeps whole. Lane numbers
/// count the lanes of the first operand and then those of the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shuffle {
    /// For [`i64x2_shuffle`].
    I64x2([u8; 2]),
    /// For [`i32x4_shuffle`].
    I32x4([u8; 4]),
    /// For [`i16x8_shuffle`].
    I16x8([u8; 8]),
    /// For [`i8x16_shuffle`](super::i8x16_shuffle).
    I8x16([u8; 16]),
}

impl Shuffle {
    /// The form with the widest lanes of the shuffle of the given bytes.
    #[must_use]
    pub fn widest(bytes: [u8; 16]) -> Shuffle {
        if let Some(lanes) = widened(bytes) {
            Shuffle::I64x2(lanes)
        } else if let Some(lanes) = widened(bytes) {
            Shuffle::I32x4(lanes)
        } else if let Some(lanes) = widened(bytes) {
            Shuffle::I16x8(lanes)
        } else {
            Shuffle::I8x16(bytes)
        }
    }
}

/// The numbers of the `N` lanes that the given bytes are, if they are whole lanes.
fn widened<const N: usize>(bytes: [u8; 16]) -> Option<[u8; N]> {
    let size = 16 / N;
    let mut lanes = [0; N];
    for (lane, bytes) in lanes.iter_mut().zip(bytes.chunks_exact(size)) {
        let first = usize::from(bytes[0]);
        if first % size != 0 || bytes.iter().zip(first..).any(|(&a, b)| usize::from(a) != b) {
            return None;
        }
        *lane = (first / size) as u8;
    }
    Some(lanes)
}

/// One line per shape: the number and type of the lanes.
macro_rules! shuffles {
    ($($name:ident $count:literal $t:ident;)*) => {
        $(
            /// Lane `i` is the lane with the number `lanes[i]`, modulo their number, of those of
            /// `a` and then `b`.
            #[inline(always)]
            #[must_use]
            pub fn $name(a: V128, b: V128, lanes: [u8; $count]) -> V128 {
                let mut table = [0; 2 * $count];
                table[..$count].copy_from_slice(&a.lanes::<$t, $count>());
                table[$count..].copy_from_slice(&b.lanes::<$t, $count>());
                V128::from_lanes(map!(lanes, |lane| table[usize::from(lane) % (2 * $count)]))
            }
        )*
    };
}

shuffles! {
    i64x2_shuffle 2 u64;
    i32x4_shuffle 4 u32;
    i16x8_shuffle 8 u16;
}
