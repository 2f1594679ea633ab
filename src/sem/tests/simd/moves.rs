//! Splats, lane access, loads, swizzle and shuffle.

use super::{Random, integer_vectors, lanes, vector};
use crate::prelude::*;
use crate::sem::simd::irregular::portable;
use crate::sem::*;

#[test]
fn splats_fill_every_lane_with_the_low_bits() {
    for value in [0, 1, 0x80, 0x8000, 0x8000_0000, 0x1234_5678_9abc_def0_u64, u64::MAX] {
        let splat = |bits: u32| vector(&vec![value.into(); 128 / bits as usize], bits);
        assert_eq!(i8x16_splat(value as u32), splat(8));
        assert_eq!(i16x8_splat(value as u32), splat(16));
        assert_eq!(i32x4_splat(value as u32), splat(32));
        assert_eq!(i64x2_splat(value), splat(64));
        assert_eq!(f32x4_splat(f32::from_bits(value as u32)), splat(32));
        assert_eq!(f64x2_splat(f64::from_bits(value)), splat(64));
    }
}

#[test]
fn lanes_are_read_and_replaced_alone() {
    let value = 0xfedc_ba98_7654_3210_u64;
    let replaced = |a: V128, bits: u32, lane: u8| {
        let mut all = lanes(a, bits, false);
        all[usize::from(lane)] = value.into();
        vector(&all, bits)
    };
    for a in integer_vectors() {
        for lane in 0..16 {
            let index = usize::from(lane);
            assert_eq!(i8x16_extract_lane_s(a, lane), lanes(a, 8, true)[index] as u32);
            assert_eq!(i8x16_extract_lane_u(a, lane), lanes(a, 8, false)[index] as u32);
            assert_eq!(i8x16_replace_lane(a, lane, value as u32), replaced(a, 8, lane));
        }
        for lane in 0..8 {
            let index = usize::from(lane);
            assert_eq!(i16x8_extract_lane_s(a, lane), lanes(a, 16, true)[index] as u32);
            assert_eq!(i16x8_extract_lane_u(a, lane), lanes(a, 16, false)[index] as u32);
            assert_eq!(i16x8_replace_lane(a, lane, value as u32), replaced(a, 16, lane));
        }
        for lane in 0..4 {
            let expected = lanes(a, 32, false)[usize::from(lane)] as u32;
            assert_eq!(i32x4_extract_lane(a, lane), expected);
            assert_eq!(f32x4_extract_lane(a, lane).to_bits(), expected);
            assert_eq!(i32x4_replace_lane(a, lane, value as u32), replaced(a, 32, lane));
            let float = f32::from_bits(value as u32);
            assert_eq!(f32x4_replace_lane(a, lane, float), replaced(a, 32, lane));
        }
        for lane in 0..2 {
            let expected = lanes(a, 64, false)[usize::from(lane)] as u64;
            assert_eq!(i64x2_extract_lane(a, lane), expected);
            assert_eq!(f64x2_extract_lane(a, lane).to_bits(), expected);
            assert_eq!(i64x2_replace_lane(a, lane, value), replaced(a, 64, lane));
            assert_eq!(f64x2_replace_lane(a, lane, f64::from_bits(value)), replaced(a, 64, lane));
        }
    }
}

#[test]
fn a_lane_index_out_of_range_wraps_instead_of_panicking() {
    let a = V128::from_bits(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
    assert_eq!(i8x16_extract_lane_u(a, 17), 1);
    assert_eq!(i64x2_extract_lane(a, 255), i64x2_extract_lane(a, 1));
    assert_eq!(i32x4_replace_lane(a, 4, 7), i32x4_replace_lane(a, 0, 7));
}

#[test]
fn loads_extend_every_lane() {
    let mut random = Random::new(21);
    let edges = [0, u64::MAX, 0x8080_8080_8080_8080, 0x7f7f_7f7f_7f7f_7f7f, 0x8000_0000_8000_7fff];
    for loaded in edges.into_iter().chain((0..100).map(|_| random.integer())) {
        let low = V128::from_bits(loaded.into());
        let extended = |bits: u32, signed| {
            let lanes = lanes(low, bits, signed);
            vector(&lanes[..lanes.len() / 2], 2 * bits)
        };
        assert_eq!(v128_load64_zero(loaded), low);
        assert_eq!(v128_load32_zero(loaded as u32), V128::from_bits((loaded as u32).into()));
        assert_eq!(v128_load8x8_s(loaded), extended(8, true), "{loaded:#x}");
        assert_eq!(v128_load8x8_u(loaded), extended(8, false), "{loaded:#x}");
        assert_eq!(v128_load16x4_s(loaded), extended(16, true), "{loaded:#x}");
        assert_eq!(v128_load16x4_u(loaded), extended(16, false), "{loaded:#x}");
        assert_eq!(v128_load32x2_s(loaded), extended(32, true), "{loaded:#x}");
        assert_eq!(v128_load32x2_u(loaded), extended(32, false), "{loaded:#x}");
        assert_eq!(portable::v128_load8x8_s(loaded), extended(8, true), "{loaded:#x}");
        assert_eq!(portable::v128_load8x8_u(loaded), extended(8, false), "{loaded:#x}");
        assert_eq!(portable::v128_load16x4_s(loaded), extended(16, true), "{loaded:#x}");
        assert_eq!(portable::v128_load16x4_u(loaded), extended(16, false), "{loaded:#x}");
        assert_eq!(portable::v128_load32x2_s(loaded), extended(32, true), "{loaded:#x}");
        assert_eq!(portable::v128_load32x2_u(loaded), extended(32, false), "{loaded:#x}");
    }
}

#[test]
fn swizzle_gives_zero_for_every_index_out_of_range() {
    let a = V128::from_bits(0xf0e1_d2c3_b4a5_9687_7869_5a4b_3c2d_1e0f);
    for first in 0..=255_u8 {
        // Every index in every lane.
        let indices = V128(core::array::from_fn(|lane| first.wrapping_add(17 * lane as u8)));
        let expected = V128(indices.0.map(|index| *a.0.get(usize::from(index)).unwrap_or(&0)));
        assert_eq!(i8x16_swizzle(a, indices), expected, "{indices:?}");
        assert_eq!(portable::i8x16_swizzle(a, indices), expected, "{indices:?}");
        assert_eq!(i8x16_relaxed_swizzle(a, indices), expected, "{indices:?}");
    }
}

#[test]
fn shuffle_picks_from_both_operands() {
    let a = V128::from_bits(0xf0e1_d2c3_b4a5_9687_7869_5a4b_3c2d_1e0f);
    let b = V128::from_bits(0x0102_0408_1020_4081_8242_2214_1828_4888);
    let all: Vec<u8> = a.0.into_iter().chain(b.0).collect();
    for first in 0..=255_u8 {
        let lanes: [u8; 16] = core::array::from_fn(|lane| first.wrapping_add(5 * lane as u8));
        let expected = V128(lanes.map(|lane| all[usize::from(lane) % 32]));
        assert_eq!(i8x16_shuffle(a, b, lanes), expected, "{lanes:?}");
        assert_eq!(portable::i8x16_shuffle(a, b, lanes), expected, "{lanes:?}");
    }
}

#[test]
fn bits_round_trip_and_debug_shows_lanes() {
    let a = V128::from_bits(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
    assert_eq!(a.0, core::array::from_fn(|byte| byte as u8));
    assert_eq!(V128::from_bits(a.to_bits()), a);
    assert_eq!(format!("{a:?}"), "i32x4 0x03020100 0x07060504 0x0b0a0908 0x0f0e0d0c");
    assert_eq!((size_of::<V128>(), align_of::<V128>()), (16, 16));
}

#[test]
fn a_shuffle_of_whole_lanes_is_recognised_and_does_the_same() {
    let a = V128::from_bits(0xf0e1_d2c3_b4a5_9687_7869_5a4b_3c2d_1e0f);
    let b = V128::from_bits(0x0102_0408_1020_4081_8242_2214_1828_4888);
    let mut random = Random::new(22);
    let mut counts = [0; 4];
    for round in 0..4000 {
        let size = 1 << (round % 4);
        let bytes: [u8; 16] = {
            let lanes: [u8; 16] = core::array::from_fn(|_| random.bits() as u8 % (32 / size));
            core::array::from_fn(|byte| lanes[byte / usize::from(size)] * size + byte as u8 % size)
        };
        let shuffle = Shuffle::widest(bytes);
        let (kept, result) = match shuffle {
            Shuffle::I64x2(lanes) => (8, i64x2_shuffle(a, b, lanes)),
            Shuffle::I32x4(lanes) => (4, i32x4_shuffle(a, b, lanes)),
            Shuffle::I16x8(lanes) => (2, i16x8_shuffle(a, b, lanes)),
            Shuffle::I8x16(lanes) => (1, i8x16_shuffle(a, b, lanes)),
        };
        assert!(kept >= size, "{bytes:?} keeps lanes of {size} bytes, not {shuffle:?}");
        assert_eq!(result, i8x16_shuffle(a, b, bytes), "{bytes:?} {shuffle:?}");
        counts[round % 4] += usize::from(kept == size);
    }
    // Wider lanes than those drawn come about by chance only, now and then.
    assert!(counts.iter().all(|&count| count > 900), "{counts:?}");
}

#[test]
fn a_shuffle_of_misaligned_or_split_lanes_is_not_taken_for_a_wider_one() {
    let rotated = core::array::from_fn(|byte| (byte as u8 + 4) % 16);
    assert_eq!(Shuffle::widest(rotated), Shuffle::I32x4([1, 2, 3, 0]));
    let across = core::array::from_fn(|byte| byte as u8 + 2);
    assert_eq!(Shuffle::widest(across), Shuffle::I16x8([1, 2, 3, 4, 5, 6, 7, 8]));
    let odd = core::array::from_fn(|byte| byte as u8 + 1);
    assert_eq!(Shuffle::widest(odd), Shuffle::I8x16(odd));
    let identity = core::array::from_fn(|byte| byte as u8);
    assert_eq!(Shuffle::widest(identity), Shuffle::I64x2([0, 1]));
    let beyond = [255; 16];
    assert_eq!(Shuffle::widest(beyond), Shuffle::I8x16(beyond));
}
