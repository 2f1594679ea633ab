//! The way through the code of a function.

use super::frame::Frame;
use super::subject::Verifier;
use crate::isa::{ALIGN, Op, Operands, op};
use crate::prelude::*;

/// The code of a function while it is looked at.
pub struct Walk<'a> {
    pub verifier: &'a Verifier<'a>,
    pub frame: Frame,
    pub bytes: &'a [u8],
}

/// Where instructions start.
pub struct Starts {
    bits: Vec<u64>,
    /// Where the last one ends.
    pub end: usize,
}

impl Starts {
    /// None, in code of so many bytes.
    pub fn new(bytes: usize) -> Starts {
        Starts { bits: vec![0; bytes / ALIGN / 64 + 1], end: 0 }
    }

    pub fn is_start(&self, at: usize) -> bool {
        let bit = at / ALIGN;
        at < self.end && at.is_multiple_of(ALIGN) && self.bits[bit / 64] >> (bit % 64) & 1 != 0
    }

    pub fn add(&mut self, at: usize) {
        let bit = at / ALIGN;
        self.bits[bit / 64] |= 1 << (bit % 64);
    }

    pub fn remove(&mut self, at: usize) {
        let bit = at / ALIGN;
        self.bits[bit / 64] &= !(1 << (bit % 64));
    }
}

/// Whether execution never goes on behind an op, not even later.
pub fn leaves(last: Op) -> bool {
    match last.format() {
        op::Trap::FORMAT
        | op::Br::FORMAT
        | op::BrTable::FORMAT
        | op::Return::FORMAT
        | op::ReturnCall::FORMAT
        | op::ReturnCallImport::FORMAT
        | op::ReturnCallIndirect::FORMAT => true,
        _ => matches!(last, Op::Ret | Op::RetRi | Op::RetRf | Op::RetRif | Op::ReturnFuel),
    }
}
