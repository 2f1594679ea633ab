//! Reading instructions from code that is not threaded yet.

use super::operand::Stream;
use super::{HEAD, Op, len, op, shape};

/// An instruction in code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// Where it starts, in bytes.
    pub at: usize,
    /// Its op.
    pub op: Op,
    /// Its length in bytes, the distances of a `br_table` included.
    pub size: usize,
}

impl Instruction {
    /// The instruction at byte `at`; `None` if there is none, or if it is longer than anything can be.
    #[inline]
    pub fn read<S: Stream + ?Sized>(code: &S, at: usize) -> Option<Instruction> {
        let op = Op::from_u16(u16::from_le_bytes(code.bytes(at)?))?;
        let mut instruction = Instruction { at, op, size: op.size() };
        if op.is_br_table() {
            let distances = instruction.distances(code)?.checked_mul(4)?;
            instruction.size = len(op.body().checked_add(distances)?);
        }
        Some(instruction)
    }

    /// How many distances follow the operands of a `br_table`.
    fn distances<S: Stream + ?Sized>(&self, code: &S) -> Option<usize> {
        let count = self.at + HEAD + self.op.tail() + op::BrTable::COUNT.byte();
        (u32::from_le_bytes(code.bytes(count)?) as usize).checked_add(1)
    }

    /// Where its distances stand, in bytes from its start, from where they count too.
    #[inline]
    pub fn branches<S: Stream + ?Sized>(&self, code: &S) -> impl Iterator<Item = usize> + use<S> {
        let (own, parts) = (self.op as u16, self.op.parts());
        let mut from = HEAD;
        let single = (0..parts.len().max(1)).filter_map(move |i| {
            let shape = shape(parts.get(i).map_or(own, |part| *part));
            let place = shape.target().map(|target| from + target);
            from += usize::from(shape.body);
            place
        });
        let end = HEAD + self.op.body();
        let listed = if self.op.is_br_table() { self.distances(code).unwrap_or(0) } else { 0 };
        single.chain((0..listed).map(move |i| end + i * 4))
    }

    /// Where the distance at `place` leads, in bytes from the start of the code.
    #[inline]
    pub fn target<S: Stream + ?Sized>(&self, code: &S, place: usize) -> Option<usize> {
        let distance = i32::from_le_bytes(code.bytes(self.at + place)?);
        self.at.checked_add_signed(distance as isize)
    }

    /// The slot number at a byte behind the head.
    #[inline]
    pub fn slot<S: Stream + ?Sized>(&self, code: &S, byte: usize) -> Option<i16> {
        code.bytes(self.at + HEAD + byte).map(i16::from_le_bytes)
    }
}
