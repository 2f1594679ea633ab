//! Operands of every row, written and read.

use super::operand::Stream;
use super::{HEAD, Instruction, Kind, OPS, Op, SHAPES, len, op};

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
        let (shape, info) = (&SHAPES[op as usize], op.info());
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
