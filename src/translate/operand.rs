//! The operand stack of values that are not materialised yet.

use super::value::Kind;
use crate::prelude::*;

/// No chain link, no producer.
pub const NONE: u32 = u32::MAX;

/// Where an operand is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Place {
    /// The current value of a local.
    Local(u32),
    /// A constant, as slot bits.
    Const(u64),
    /// The result of an instruction: in its home slot if `stored`, else only in the accumulator.
    /// `producer` is the instruction that can be rewritten to store it.
    Temp { producer: u32, stored: bool },
}

/// An operand.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    pub kind: Kind,
    pub place: Place,
    /// Its home slot.
    pub home: i32,
    /// Its place on the stack.
    pub index: u32,
    /// For an `i32`: the upper half of its register or slot is known to be zero.
    pub clean: bool,
    /// For [`Place::Local`]: the next operand below that holds the same local, or `NONE`.
    below: u32,
}

/// The operand stack.
#[derive(Debug)]
pub struct Stack {
    operands: Vec<Operand>,
    /// Per local: the topmost operand that holds it, or `NONE`.
    holders: Vec<u32>,
    /// The operands that are references: place on the stack, and the list of those up to it that are
    /// in their homes, where one has been made.
    refs: Vec<(u32, u32)>,
    /// How many of `refs` have a list that holds.
    listed: usize,
    /// So many operands from the bottom are stored or constant, and stay so.
    flushed: usize,
    /// Slots of all operands.
    height: i32,
    /// Highest `height` so far.
    pub max_height: i32,
}

impl Stack {
    pub fn new(locals: usize) -> Stack {
        Stack {
            operands: Vec::new(),
            holders: vec![NONE; locals],
            refs: Vec::new(),
            listed: 0,
            flushed: 0,
            height: 0,
            max_height: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.operands.len()
    }

    /// Slots of all operands.
    pub fn height(&self) -> i32 {
        self.height
    }

    /// Pushes an operand; `homes` is where homes begin. The caller checks `max_height` against
    /// the limit before the slot number is used.
    pub fn push(&mut self, homes: i32, kind: Kind, place: Place) {
        let home = homes + self.height;
        self.height += kind.slots();
        self.max_height = self.max_height.max(self.height);
        let mut below = NONE;
        if let Place::Local(local) = place {
            below =
                core::mem::replace(&mut self.holders[local as usize], self.operands.len() as u32);
        }
        let index = self.operands.len() as u32;
        if kind == Kind::Ref {
            self.refs.push((index, NONE));
        }
        self.operands.push(Operand { kind, place, home, index, clean: false, below });
    }

    /// Notes that there may be as many slots of operands.
    pub fn reserve(&mut self, height: i32) {
        self.max_height = self.max_height.max(height);
    }

    pub fn pop(&mut self) -> Operand {
        let operand = self.operands.pop().expect("validated code");
        self.height -= operand.kind.slots();
        self.flushed = self.flushed.min(self.operands.len());
        if let Place::Local(local) = operand.place {
            self.holders[local as usize] = operand.below;
        }
        if self.refs.last().is_some_and(|it| it.0 == operand.index) {
            self.refs.pop();
            self.listed = self.listed.min(self.refs.len());
        }
        operand
    }

    /// How many operands from the bottom are known to be stored or constant.
    pub fn flushed(&self) -> usize {
        self.flushed
    }

    /// Notes that all operands are stored or constant.
    pub fn set_flushed(&mut self) {
        self.flushed = self.operands.len();
    }

    /// How many operands are references.
    pub fn refs(&self) -> usize {
        self.refs.len()
    }

    /// Reference `i`, from the bottom.
    pub fn reference(&self, i: usize) -> Operand {
        self.operands[self.refs[i].0 as usize]
    }

    /// How many references from the bottom have a list that holds, and the last of these lists.
    pub fn listed(&self) -> (usize, u32) {
        let last = self.listed.checked_sub(1).map_or(NONE, |last| self.refs[last].1);
        (self.listed, last)
    }

    /// Notes the list of reference `i`; those below have theirs.
    pub fn list(&mut self, i: usize, list: u32) {
        self.refs[i].1 = list;
        self.listed = i + 1;
    }

    /// Operand `index` moves to its home: lists with it are no longer right.
    fn unlist(&mut self, index: u32) {
        let i = self.refs.partition_point(|it| it.0 < index);
        self.listed = self.listed.min(i);
    }

    /// Pushes an operand that was just popped again.
    pub fn restore(&mut self, homes: i32, operand: &Operand) {
        self.push(homes, operand.kind, operand.place);
        self.top_mut().clean = operand.clean;
    }

    pub fn peek(&self) -> Operand {
        *self.operands.last().expect("validated code")
    }

    pub fn get(&self, index: usize) -> Operand {
        self.operands[index]
    }

    pub fn get_mut(&mut self, index: usize) -> Option<&mut Operand> {
        self.operands.get_mut(index)
    }

    pub fn top_mut(&mut self) -> &mut Operand {
        self.operands.last_mut().expect("validated code")
    }

    /// The topmost operand that holds `local`.
    pub fn holder(&self, local: u32) -> Option<usize> {
        let holder = self.holders[local as usize];
        (holder != NONE).then_some(holder as usize)
    }

    /// Turns the topmost operand that holds `local` into a stored temporary.
    pub fn release(&mut self, local: u32) {
        let holder = self.holders[local as usize] as usize;
        let operand = &mut self.operands[holder];
        operand.place = Place::Temp { producer: NONE, stored: true };
        operand.clean = false;
        self.holders[local as usize] = operand.below;
        self.unlist(holder as u32);
    }

    /// Turns operand `index` into a stored temporary. If it holds a local it must be the topmost
    /// one that does, as when going through the stack from the top.
    pub fn set_stored(&mut self, index: usize) {
        if let Place::Local(local) = self.operands[index].place {
            debug_assert_eq!(self.holders[local as usize] as usize, index);
            self.holders[local as usize] = self.operands[index].below;
        }
        self.unlist(index as u32);
        let operand = &mut self.operands[index];
        let clean = operand.clean && matches!(operand.place, Place::Temp { .. });
        operand.place = Place::Temp { producer: NONE, stored: true };
        operand.clean = clean;
    }

    /// Drops everything above `len` operands.
    pub fn truncate(&mut self, len: usize) {
        while self.operands.len() > len {
            self.pop();
        }
    }
}
