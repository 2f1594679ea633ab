//! The code buffer: writing instructions, rewriting their ops, and branches.

use crate::isa::operand::{DST, Operands, Plain};
use crate::isa::{self, HEAD, Op, op};
use crate::prelude::*;
use crate::vm::catch::{CatchTable, Clause, NONE, Region};

/// A place in the code that branches lead to.
#[derive(Debug, Default)]
pub struct Label {
    /// Byte offset, once known.
    target: Option<u32>,
    /// Branches waiting for it: instruction and place of its distance; [`CLAUSE`] and the number
    /// of a catch clause.
    waiting: Vec<(u32, u32)>,
}

impl Label {
    /// A label here and now: a loop's start.
    pub fn at(offset: u32) -> Label {
        Label { target: Some(offset), waiting: Vec::new() }
    }

    /// Whether any branch waits for it.
    pub fn is_used(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// Stands for the instruction of a [`Label`]'s branch: the place is a clause.
const CLAUSE: u32 = u32::MAX;

/// The code so far.
#[derive(Debug)]
pub struct Emitter {
    bytes: Vec<u8>,
    /// Code up to here may be branched into or has been: instructions before it are never taken
    /// back or retargeted.
    barrier: usize,
    source_map: Option<Vec<(u32, u32)>>,
    source: u32,
    /// The slot copy just emitted: instruction, destination, source.
    copy: Option<(u32, i16, i16)>,
    /// The same for a `mov_far`.
    far_copy: Option<(u32, i32, i32)>,
    /// What is caught where.
    catches: CatchTable,
}

/// Code larger than this is refused: distances are 32-bit.
const MAX_CODE: usize = 1 << 30;

impl Emitter {
    pub fn new(source_map: bool) -> Emitter {
        Emitter {
            bytes: Vec::new(),
            barrier: 0,
            source_map: source_map.then(Vec::new),
            source: 0,
            copy: None,
            far_copy: None,
            catches: CatchTable::default(),
        }
    }

    /// Names the operator that the following instructions come from.
    pub fn source(&mut self, offset: usize) {
        self.source = offset as u32;
    }

    /// The operator that the following instructions come from.
    pub fn source_offset(&self) -> u32 {
        self.source
    }

    /// Byte offset of the next instruction.
    pub fn here(&self) -> u32 {
        self.bytes.len() as u32
    }

    pub fn is_too_large(&self) -> bool {
        self.bytes.len() > MAX_CODE
    }

    /// Writes an instruction and returns its offset.
    pub fn op(&mut self, op: Op, operands: impl Operands) -> u32 {
        debug_assert!(op.takes(&operands), "{op:?} has other operands");
        let at = self.begin(op);
        operands.encode(&mut self.bytes[at as usize + HEAD..]);
        at
    }

    /// Writes an instruction without its operands. Not inlined: there is one `op` for each form of operands.
    #[inline(never)]
    fn begin(&mut self, op: Op) -> u32 {
        let at = self.here();
        if let Some(map) = &mut self.source_map {
            map.push((at, self.source));
        }
        self.bytes.resize(self.bytes.len() + op.size(), 0);
        self.set_op(at, op);
        at
    }

    /// Writes the operands of the instruction at `at`, which had none so far.
    pub fn fill_in(&mut self, at: u32, operands: impl Operands) {
        debug_assert!(self.op_at(at).takes(&operands));
        operands.encode(&mut self.bytes[at as usize + HEAD..]);
    }

    /// Makes `slot` the destination of the instruction at `at`, or its home if it does not store.
    pub fn set_dst(&mut self, at: u32, slot: i16) {
        slot.encode(DST.slot(), &mut self.bytes[at as usize + HEAD..]);
    }

    fn set_op(&mut self, at: u32, op: Op) {
        self.bytes[at as usize..][..2].copy_from_slice(&(op as u16).to_le_bytes());
    }

    /// The op of the instruction at `at`.
    pub fn op_at(&self, at: u32) -> Op {
        let bytes = &self.bytes[at as usize..];
        Op::from_u16(u16::from_le_bytes([bytes[0], bytes[1]])).expect("written by `op`")
    }

    /// Adds to an immediate of the instruction at `at`, the one that starts `place` bytes behind its head.
    pub fn add_u32(&mut self, at: u32, place: usize, v: u32) {
        let sum = self.u32_at(at, place).saturating_add(v);
        self.bytes[at as usize + HEAD + place..][..4].copy_from_slice(&sum.to_le_bytes());
    }

    /// The same immediate.
    pub fn u32_at(&self, at: u32, place: usize) -> u32 {
        let place = at as usize + HEAD + place;
        u32::from_le_bytes(core::array::from_fn(|i| self.bytes[place + i]))
    }

    /// Adds distances behind the `br_table` at `at`.
    pub fn distance_entries(&mut self, at: u32, count: usize) {
        let body = self.op_at(at).body() + count * 4;
        self.bytes.resize(at as usize + isa::len(body), 0);
    }

    /// Rewrites the instruction at `at`, whose result is in the accumulator only, to store it to
    /// `slot` as well.
    pub fn store_form(&mut self, at: u32, slot: i16) {
        let op = self.op_at(at).stored().expect("only ops with a stored form produce temporaries");
        self.set_op(at, op);
        self.set_dst(at, slot);
    }

    /// Rewrites the instruction at `at` to leave its result in pinned local number `pin`, if its op
    /// has that form.
    pub fn pin_form(&mut self, at: u32, pin: usize) -> bool {
        let form = self.op_at(at).pinned(pin);
        if let Some(op) = form {
            self.set_op(at, op);
        }
        form.is_some()
    }

    /// Whether `at` is the last instruction and nothing branches to behind it.
    pub fn is_last(&self, at: u32) -> bool {
        let at = at as usize;
        at >= self.barrier
            && at < self.bytes.len()
            && at + self.op_at(at as u32).size() == self.bytes.len()
    }

    /// Whether the instruction at `at` ends at `end`, and nothing branches to between.
    pub fn ends_at(&self, at: u32, end: u32) -> bool {
        let size = self.op_at(at).size() as u32;
        at as usize >= self.barrier && at + size == end
    }

    /// The slot copy just emitted, if it is the last instruction: where, destination and source.
    pub fn last_copy(&self) -> Option<(u32, i16, i16)> {
        self.copy.filter(|copy| self.is_last(copy.0) && self.op_at(copy.0) == Op::MovSs)
    }

    /// Notes the `mov_far` just emitted.
    pub fn set_far_copy(&mut self, at: u32, dst: i32, src: i32) {
        self.far_copy = Some((at, dst, src));
    }

    /// Where the `mov_far` of these slots is, if it is the last instruction.
    pub fn far_copy(&self, dst: i32, src: i32) -> Option<u32> {
        let (at, to, from) = self.far_copy?;
        ((to, from) == (dst, src) && self.is_last(at) && self.op_at(at) == Op::MovFar).then_some(at)
    }

    /// Notes a slot copy.
    pub fn set_last_copy(&mut self, at: u32, dst: i16, src: i16) {
        self.copy = Some((at, dst, src));
    }

    /// Takes back everything from `at` on.
    pub fn rewind(&mut self, at: u32) {
        debug_assert!(at as usize >= self.barrier);
        self.bytes.truncate(at as usize);
        if let Some(map) = &mut self.source_map {
            while map.last().is_some_and(|entry| entry.0 >= at) {
                map.pop();
            }
        }
    }

    /// No instruction before this point may be taken back: control can come here from elsewhere.
    pub fn set_barrier(&mut self) {
        self.barrier = self.bytes.len();
    }

    /// Makes the branch at `at` lead to `label`.
    pub fn branch(&mut self, at: u32, label: &mut Label) {
        let place = self.op_at(at).target().expect("an instruction that branches");
        self.lead(at, at + place as u32, label);
    }

    /// Makes distance `index` behind the `br_table` at `at` lead to `label`.
    pub fn table_branch(&mut self, at: u32, index: usize, label: &mut Label) {
        let place = HEAD + op::BrTable::BODY + index * size_of::<i32>();
        self.lead(at, at + place as u32, label);
    }

    /// Makes the distance at `place` (a byte offset) of the instruction at `at` lead to `label`.
    fn lead(&mut self, at: u32, place: u32, label: &mut Label) {
        match label.target {
            Some(target) => self.distance(at, place, target),
            None => label.waiting.push((at, place)),
        }
    }

    fn distance(&mut self, at: u32, place: u32, target: u32) {
        if at == CLAUSE {
            self.catches.clauses[place as usize].target = target;
            return;
        }
        // Code is smaller than `MAX_CODE`, so this cannot overflow.
        let distance = target.wrapping_sub(at) as i32;
        self.bytes[place as usize..][..4].copy_from_slice(&distance.to_le_bytes());
    }

    /// Places `label` here.
    pub fn bind(&mut self, label: &mut Label) {
        let here = self.here();
        for (at, place) in core::mem::take(&mut label.waiting) {
            self.distance(at, place, here);
        }
        label.target = Some(here);
        self.set_barrier();
    }

    /// Adds a region, without clauses so far.
    pub fn region(&mut self, outer: u32) -> u32 {
        self.catches.regions.push(Region { outer, clauses: (0, 0) });
        self.catches.regions.len() as u32 - 1
    }

    /// Makes `outer` the region that comes after `region`.
    pub fn set_outer(&mut self, region: u32, outer: u32) {
        self.catches.regions[region as usize].outer = outer;
    }

    /// Adds the clauses of a region, all of them.
    pub fn set_clauses(&mut self, region: u32, clauses: impl IntoIterator<Item = Clause>) {
        let start = self.catches.clauses.len() as u32;
        self.catches.clauses.extend(clauses);
        let end = self.catches.clauses.len() as u32;
        self.catches.regions[region as usize].clauses = (start, end);
    }

    /// Makes clause `index` of a region lead to `label`.
    pub fn clause_target(&mut self, region: u32, index: usize, label: &mut Label) {
        let clause = self.catches.regions[region as usize].clauses.0 + index as u32;
        self.lead(CLAUSE, clause, label);
    }

    /// From here on `region` is the innermost one. Code on either side stays on its side.
    pub fn enter_region(&mut self, region: u32) {
        self.set_barrier();
        let here = self.here();
        let places = &mut self.catches.places;
        if places.last().is_some_and(|place| place.0 == here) {
            places.pop();
        }
        if places.last().map_or(NONE, |place| place.1) != region {
            places.push((here, region));
        }
    }

    /// The finished code.
    pub fn finish(self, entry: u32, calls: Vec<u32>) -> super::compose::Composed {
        super::compose::Composed {
            bytes: self.bytes,
            entry,
            source_map: self.source_map.unwrap_or_default(),
            calls,
            catches: self.catches,
        }
    }
}
