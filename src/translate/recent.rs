//! What the last instructions left: the contents of the accumulators, and instructions that may be taken
//! back.

use super::operand::Operand;
use crate::isa::Bin;

/// What an accumulator holds.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub enum Acc {
    /// Nothing of use.
    #[default]
    None,
    /// The operand at this place of the stack.
    Temp(u32),
    /// The current value of a local.
    Local(u32),
}

/// Both accumulators.
#[derive(Clone, Copy, Default, Debug)]
pub struct Accs {
    pub int: Acc,
    pub float: Acc,
}

impl Accs {
    pub fn bank(&mut self, float: bool) -> &mut Acc {
        if float { &mut self.float } else { &mut self.int }
    }

    pub(super) fn holds(&self, float: bool) -> Acc {
        if float { self.float } else { self.int }
    }
}

/// A value-producing instruction as it was asked for, so that it can be asked for again in
/// another form.
#[derive(Clone, Copy, Debug)]
pub struct Rec {
    /// Where its code starts, moves that prepared operands included.
    pub start: u32,
    /// The instruction.
    pub at: u32,
    pub op: Bin,
    pub x: Operand,
    pub y: Operand,
    /// What the accumulators held before it.
    pub(super) before: Accs,
}

impl Rec {
    pub fn new(start: u32, at: u32, op: Bin, x: Operand, y: Operand, before: Accs) -> Rec {
        Rec { start, at, op, x, y, before }
    }
}
