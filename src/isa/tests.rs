//! Operands of every row, written and read.

use super::operand::Stream;
use super::{Bin, Cmp, HEAD, Instruction, Kind, OPS, Op, len, op};
use crate::prelude::*;
use crate::sem;

/// xorshift64*
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// The rows that are not fused.
fn rows() -> impl Iterator<Item = Op> {
    let all = (0..OPS.len()).map(|i| Op::from_u16(i as u16).expect("an op"));
    all.filter(|op| op.parts().is_empty())
}

#[test]
fn operands_of_every_row_are_read_where_they_were_written() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut tried = 0;
    for op in rows() {
        let (shape, info) = (op.shape(), op.info());
        for _ in 0..8 {
            let random: Vec<u8> = (0..op.body()).map(|_| next(&mut state) as u8).collect();
            let mut again = vec![0; op.body()];
            op::again(shape.format, &info.fields, &random, &mut again)
                .expect("operands of the format");
            // What the row names is the same, and what no operand may be in stays zero.
            let mut named = vec![false; op.body()];
            for (name, kind, at) in &info.fields {
                let place = usize::from(*at)..usize::from(*at + kind.width());
                if kind.is_encoded() {
                    assert_eq!(random[place.clone()], again[place.clone()], "{op:?}: {name}");
                    named[place].fill(true);
                }
            }
            // A result in the accumulator has its home where its slot would be.
            if info.fields.first().is_some_and(|field| field.1 != Kind::Slot) && op.body() > 0 {
                named[..2].fill(true);
            }
            let stray = (0..op.body()).find(|at| !named[*at] && again[*at] != 0);
            assert_eq!(stray, None, "{op:?}: {again:?}");
            tried += 1;
        }
    }
    assert!(tried > 40_000, "{tried}");
}

#[test]
fn no_two_operands_of_a_row_overlap() {
    for op in rows() {
        let mut taken = vec![false; op.body()];
        for (name, kind, at) in op.info().fields.iter().filter(|field| field.1.is_encoded()) {
            for byte in &mut taken[usize::from(*at)..][..usize::from(kind.width())] {
                assert!(!*byte, "{op:?}: {name} is where another operand is");
                *byte = true;
            }
        }
    }
}

#[test]
fn an_instruction_is_as_long_in_bytes_as_in_words() {
    for op in rows() {
        let mut bytes = vec![0; op.size() + 64];
        bytes[..2].copy_from_slice(&(op as u16).to_le_bytes());
        let words: Vec<u64> = bytes
            .chunks(8)
            .map(|chunk| chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
            .collect();
        let read = Instruction::read(&bytes[..], 0).expect("an instruction");
        assert_eq!(Some(read), Instruction::read(&words[..], 0), "{op:?}");
        // A `br_table` of count 0 has one distance.
        let distances = if op.is_br_table() { 4 } else { 0 };
        assert_eq!(read.size, len(op.body() + distances), "{op:?}");
        let places: Vec<usize> = read.branches(&bytes[..]).collect();
        let targets = op.info().fields.iter().filter(|field| field.1 == Kind::Target);
        let mut expected: Vec<usize> = targets.map(|field| HEAD + usize::from(field.2)).collect();
        expected.extend(op.is_br_table().then_some(HEAD + op.body()));
        assert_eq!(places, expected, "{op:?}");
        assert!(bytes.bytes::<4>(HEAD + op.body()).is_some());
    }
}

#[test]
fn mirrors_and_negations_compute_what_they_should() {
    let branch_on = |cmp: Cmp, x: u32, y: u32| match cmp {
        Cmp::I32Eq => sem::i32_eq(x, y),
        Cmp::I32Ne => sem::i32_ne(x, y),
        Cmp::I32LtS => sem::i32_lt_s(x, y),
        Cmp::I32LtU => sem::i32_lt_u(x, y),
        Cmp::I32LeS => sem::i32_le_s(x, y),
        Cmp::I32LeU => sem::i32_le_u(x, y),
        Cmp::I32GtS => sem::i32_gt_s(x, y),
        Cmp::I32GtU => sem::i32_gt_u(x, y),
        Cmp::I32GeS => sem::i32_ge_s(x, y),
        Cmp::I32GeU => sem::i32_ge_u(x, y),
        Cmp::I32Test => sem::i32_test(x, y),
        _ => sem::i32_ntest(x, y),
    };
    let all = [
        Cmp::I32Eq,
        Cmp::I32Ne,
        Cmp::I32LtS,
        Cmp::I32LtU,
        Cmp::I32LeS,
        Cmp::I32LeU,
        Cmp::I32GtS,
        Cmp::I32GtU,
        Cmp::I32GeS,
        Cmp::I32GeU,
        Cmp::I32Test,
        Cmp::I32Ntest,
    ];
    for cmp in all {
        let negation = cmp.negation().expect("every condition has one");
        let mirror = cmp.mirror().unwrap_or(cmp);
        assert_eq!(cmp.commutes(), mirror == cmp, "{cmp:?}");
        for x in [0, 1, 2, u32::MAX, i32::MAX as u32] {
            for y in [0, 1, 2, u32::MAX, i32::MAX as u32] {
                assert_ne!(branch_on(cmp, x, y), branch_on(negation, x, y), "{cmp:?}");
                assert_eq!(branch_on(cmp, x, y), branch_on(mirror, y, x), "{cmp:?}");
            }
        }
    }
    // An unordered pair: only negations hold.
    for (cmp, negation) in [(Cmp::F32Lt, Cmp::F32Nlt), (Cmp::F64Ge, Cmp::F64Nge)] {
        assert_eq!((cmp.negation(), negation.negation()), (Some(negation), Some(cmp)));
    }
    assert_eq!(Bin::F32Lt.negation(), None);
    assert!(Bin::F64Mul.commutes() && !Bin::F64Sub.commutes() && Bin::I32Sub.mirror().is_none());
}
