//! SIMD: against references that take vectors apart byte by byte and compute in `i128`, or in
//! scalar floats, whose own tests are next door. An instruction with several forms has all of
//! them checked.

mod float;
mod int;
mod moves;
mod regular;

use super::{Random, f32s, f64s};
use crate::prelude::*;
use crate::sem::V128;

/// The lanes of `bits` bits, sign- or zero-extended.
pub(super) fn lanes(vector: V128, bits: u32, signed: bool) -> Vec<i128> {
    let whole =
        (0..16).fold(0_u128, |whole, byte| whole | u128::from(vector.0[byte]) << (8 * byte));
    (0..128 / bits)
        .map(|lane| {
            let value = (whole >> (lane * bits)) as i128 & ((1 << bits) - 1);
            let sign = 1_i128 << (bits - 1);
            if signed { (value ^ sign) - sign } else { value }
        })
        .collect()
}

/// The vector with the given lanes, each cut down to `bits` bits.
pub(super) fn vector(lanes: &[i128], bits: u32) -> V128 {
    assert_eq!(lanes.len() as u32 * bits, 128, "lanes of {bits} bits");
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let bit = 8 * index as u32;
        *byte = (lanes[(bit / bits) as usize] >> (bit % bits)) as u8;
    }
    V128(bytes)
}

/// Vectors of zeros and ones, of integers at the edges of each lane width, and at random.
pub(super) fn integer_vectors() -> Vec<V128> {
    let mut all = vec![V128([0; 16]), V128([0xff; 16]), V128([0x80; 16]), V128([0x7f; 16])];
    let mut random = Random::new(20);
    for bits in [8, 16, 32, 64] {
        let edges =
            [0, 1, -1, -2, 1 << (bits - 1), (1 << (bits - 1)) - 1, (1 << (bits - 1)) + 1, 2];
        // Wide lanes are few, and so take more vectors to meet each other.
        for _ in 0..3 + bits / 16 {
            let lanes: Vec<_> =
                (0..128 / bits).map(|_| edges[random.bits() as usize % edges.len()]).collect();
            all.push(vector(&lanes, bits));
        }
        for _ in 0..2 + bits / 32 {
            let lanes: Vec<_> =
                (0..128 / bits).map(|_| i128::from(random.integer().cast_signed())).collect();
            all.push(vector(&lanes, bits));
        }
    }
    all
}

/// Vectors of `f32`s, each followed by its three rotations: every edge case meets every other one
/// in some lane of the pairs of this list with every fourth of it.
pub(super) fn f32_vectors() -> Vec<V128> {
    let all = f32s();
    let mut lanes: Vec<i128> = all.iter().map(|a| a.to_bits().into()).collect();
    while !lanes.len().is_multiple_of(4) {
        lanes.push(0);
    }
    let turn = |chunk: &[i128], by: usize| {
        let mut chunk = chunk.to_vec();
        chunk.rotate_left(by);
        vector(&chunk, 32)
    };
    lanes.chunks(4).flat_map(|chunk| [0, 1, 2, 3].map(|by| turn(chunk, by))).collect()
}

/// Vectors of `f64`s, each followed by its one rotation, as for [`f32_vectors`].
pub(super) fn f64_vectors() -> Vec<V128> {
    let lanes: Vec<i128> = f64s().iter().map(|a| a.to_bits().into()).collect();
    lanes
        .chunks_exact(2)
        .flat_map(|pair| [vector(&[pair[0], pair[1]], 64), vector(&[pair[1], pair[0]], 64)])
        .collect()
}
