//! Every function against a slow reference that is written another way, over edge cases, their
//! neighbours and pseudo-random values.

use crate::prelude::*;

mod convert;
mod float;
mod int;
mod simd;

/// A small deterministic generator (xorshift64*), so that a failure repeats.
pub(super) struct Random(u64);

impl Random {
    /// A generator for the test of the given number.
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Any 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Bits of which often only a few, or all but a few, are set.
    pub(super) fn integer(&mut self) -> u64 {
        let bits = self.bits();
        match bits & 3 {
            0 => self.bits() >> (bits >> 58),
            1 => !(self.bits() >> (bits >> 58)),
            _ => self.bits(),
        }
    }
}

/// Integers next to powers of two, of both signs, and some at random.
pub(super) fn integers() -> Vec<u64> {
    let mut all = Vec::new();
    for shift in [0, 1, 7, 8, 15, 16, 31, 32, 33, 62, 63] {
        for near in -2_i64..=2 {
            let edge = (1_u64 << shift).wrapping_add_signed(near);
            all.extend([edge, edge.wrapping_neg()]);
        }
    }
    all.extend([0x0123_4567_89ab_cdef, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa]);
    let mut random = Random::new(1);
    all.extend((0..60).map(|_| random.integer()));
    all.sort_unstable();
    all.dedup();
    all
}

/// `f32`s as bits: zeros, subnormals, halves, integers, the bounds of the integer types and their
/// neighbours, infinities, NaNs quiet and signalling, in both signs.
pub(super) fn f32s() -> Vec<f32> {
    let mut bits = vec![0, 1, 2, 0x007f_ffff, 0x0080_0000, 0x0080_0001, 0x7f7f_ffff, 0x7f80_0000];
    bits.extend([0x7fc0_0000, 0x7fc0_0001, 0x7fff_ffff, 0x7f80_0001, 0x7fa0_0000, 0x7fbf_ffff]);
    for quarters in 0..=24_u8 {
        bits.push((f32::from(quarters) / 4.0).to_bits());
    }
    for power in [7, 8, 15, 16, 21, 22, 23, 24, 25, 30, 31, 32, 33, 52, 53, 62, 63, 64, 65, 127] {
        let power = 2_f32.powi(power).to_bits();
        bits.extend(power - 3..=power + 3);
    }
    let mut random = Random::new(2);
    bits.extend((0..60).map(|_| random.bits() as u32 & 0x7fff_ffff));
    bits.iter().flat_map(|&bits| [bits, bits | 1 << 31]).map(f32::from_bits).collect()
}

/// `f64`s chosen as [`f32s`] are.
pub(super) fn f64s() -> Vec<f64> {
    let top = 0x7ff0_0000_0000_0000;
    let mut bits = vec![0, 1, 2, (1 << 52) - 1, 1 << 52, (1 << 52) + 1, top - 1, top, top + 1];
    bits.extend([top | 1 << 51, top | 1 << 51 | 1, top | ((1 << 52) - 1), top | ((1 << 51) - 1)]);
    for quarters in 0..=24_u8 {
        bits.push((f64::from(quarters) / 4.0).to_bits());
    }
    for power in [7, 15, 23, 24, 31, 32, 33, 50, 51, 52, 53, 54, 62, 63, 64, 65, 127, 128, 1023] {
        let power = 2_f64.powi(power);
        let bits_of_power = power.to_bits();
        bits.extend(bits_of_power - 3..=bits_of_power + 3);
        for near in [-1.5, -1.0, -0.75, -0.5, 0.25, 0.5, 1.0] {
            bits.push((power + near).to_bits());
        }
    }
    let mut random = Random::new(3);
    bits.extend((0..60).map(|_| random.bits() & (u64::MAX >> 1)));
    bits.iter().flat_map(|&bits| [bits, bits | 1 << 63]).map(f64::from_bits).collect()
}
