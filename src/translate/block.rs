//! Open blocks, and what is known inside of them.

use super::emit::Label;
use super::recent::Accs;
use crate::isa::Src;
use crate::prelude::*;
use crate::types::ValType;
use crate::vm::catch::Clause;

/// What kind of block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockKind {
    /// The function itself: its label is a return.
    Function,
    Block,
    Loop,
    If,
    Else,
    /// `try` of the older form, before its first `catch`.
    Try,
    /// `try` of the older form, in a `catch`.
    Catch,
}

/// An open block.
#[derive(Debug)]
pub struct Block<'a> {
    pub kind: BlockKind,
    /// Operands below its parameters.
    pub base: usize,
    /// Slots of those.
    pub base_height: i32,
    pub(super) params: &'a [ValType],
    pub(super) results: &'a [ValType],
    /// What branches to it lead to.
    pub label: Label,
    /// For an `if` without `else` so far: where the condition leads if it fails.
    pub(super) otherwise: Label,
    /// Accumulators at an `if`, for its other arm.
    pub(super) entry_accs: Accs,
    /// Whether it was entered in reachable code.
    pub(super) reachable: bool,
    /// The region in effect directly inside.
    pub region: u32,
    /// What was charged when it was opened.
    pub(super) segment: Segment,
    /// For `try` of the older form: its clauses so far.
    pub legacy: Option<Box<LegacyTry>>,
}

/// Which locals have certainly been assigned: reading any other may read the zero it starts with.
/// As in the validation of non-defaultable locals, an assignment counts until the end of its
/// block.
#[derive(Debug)]
pub struct Assigned {
    /// Per local: whether it has been assigned.
    pub(super) is: Vec<bool>,
    /// Assigned locals, in order, and per open block where its own begin.
    pub(super) order: Vec<u32>,
    pub(super) marks: Vec<usize>,
    /// Lowest and highest slot that must be zeroed.
    pub(super) zeroed: Option<(i32, i32)>,
}

impl Assigned {
    pub fn new() -> Assigned {
        Assigned { is: Vec::new(), order: Vec::new(), marks: Vec::new(), zeroed: None }
    }

    pub fn open(&mut self) {
        self.marks.push(self.order.len());
    }

    pub fn close(&mut self) {
        let mark = self.marks.pop().unwrap_or(0);
        for local in self.order.drain(mark..) {
            self.is[local as usize] = false;
        }
    }

    pub(super) fn assign(&mut self, local: u32) {
        if !core::mem::replace(&mut self.is[local as usize], true) {
            self.order.push(local);
        }
    }
}

/// A `try` of the older form.
#[derive(Debug)]
pub struct LegacyTry {
    pub(super) region: u32,
    pub(super) clauses: Vec<Clause>,
    /// In a `catch`: the slot where the exception is kept for `rethrow`.
    pub(super) exn: i32,
}

/// What instructions are charged to.
#[derive(Clone, Copy, Debug)]
pub enum Segment {
    /// A segment of which nothing has cost anything so far.
    Pending,
    /// The segment of the `consume_fuel` at this place.
    At(u32),
}

/// What is done where a segment's fuel is missing.
#[derive(Clone, Copy, Debug)]
pub struct Refuel {
    /// The segment's `consume_fuel`.
    pub(super) at: u32,
    /// The operator that it comes from.
    pub(super) source: u32,
    /// The frame and the live references of the call.
    pub(super) frame: i16,
    pub(super) list: u32,
    /// What the accumulators hold, the integer one first.
    pub(super) kept: [Option<Src>; 2],
}
