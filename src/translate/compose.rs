//! The last pass: sequences of instructions that have a fused op become one instruction.
//!
//! The code before this pass is complete, its branches resolved. Every run of instructions that
//! no branch enters is cut into as few instructions as the fused ops allow, and all distances are
//! written anew. Linear in the size of the code.
//!
//! A fused op has its operands in certain places, and not every combination is worth a handler. So an
//! instruction that leaves its result in the accumulator only may store it in its home as well where that
//! makes a fused op fit: the store costs less than a dispatch. The home is the result's own for as long as
//! it is of use, so nothing is lost.

use crate::isa::operand::DST;
use crate::isa::{self, Fusion, HEAD, Op};
use crate::prelude::*;
use crate::tune::{DISPATCH, MOST_METERED_PARTS, MOST_PARTS};
use crate::vm::CatchTable;

/// An instruction of the code before.
#[derive(Clone, Copy)]
struct Instruction {
    at: u32,
    size: u32,
    op: Op,
    /// The op that stores the result in its home as well, where only the accumulator has it. (Slot 0, in the
    /// frame's header, says that a result has no home.)
    stored: Option<Op>,
    /// Whether control can come here from elsewhere.
    entered: bool,
    /// Where it, or its part of a fused instruction, is now.
    now: u32,
    /// Where the fused instruction that it is part of starts.
    start: u32,
    /// Where its distance stands, in bytes from its start; or [`NO_DISTANCE`], or [`LISTED`]. A byte, for there are
    /// as many of these as a function has instructions.
    distance: u8,
}

/// It has no distance.
const NO_DISTANCE: u8 = 0;
/// It has a table of distances behind its operands.
const LISTED: u8 = u8::MAX;

impl Instruction {
    /// As it is read from the code before.
    fn read(&self) -> isa::Instruction {
        isa::Instruction { at: self.at as usize, op: self.op, size: self.size as usize }
    }

    /// Calls `f` with each place where the instruction has a distance, in bytes from its start.
    fn each_distance(&self, bytes: &[u8], mut f: impl FnMut(usize)) {
        match self.distance {
            NO_DISTANCE => {}
            LISTED => self.read().branches(bytes).for_each(f),
            place => f(place.into()),
        }
    }

    /// Where the distance at `place` leads, in the code before.
    fn target(&self, bytes: &[u8], place: usize) -> usize {
        self.read().target(bytes, place).expect("written by the emitter")
    }
}

/// Code, where execution starts, and where its instructions came from.
pub struct Composed {
    pub bytes: Vec<u8>,
    pub entry: u32,
    pub source_map: Vec<(u32, u32)>,
    /// Ends of calling instructions.
    pub calls: Vec<u32>,
    pub catches: CatchTable,
}

/// Composes `code`; if `unfused`, of the same instructions.
pub fn compose(mut code: Composed, unfused: bool) -> Composed {
    let bytes = &code.bytes;
    let mut instructions = Vec::with_capacity(bytes.len() / 16);
    // Those that have distances: the rest need not be looked at again for them.
    let mut branches = Vec::new();
    // Per possible place of an instruction: which one starts there.
    let mut index = vec![u32::MAX; bytes.len() / isa::ALIGN + 1];
    let mut at = 0;
    while at + HEAD <= bytes.len() {
        let instruction = isa::Instruction::read(&bytes[..], at).expect("written by the emitter");
        index[at / isa::ALIGN] = instructions.len() as u32;
        debug_assert!(instruction.op.target().is_none_or(|place| place < usize::from(LISTED)));
        let distance = match instruction.op.target() {
            Some(place) => place as u8,
            None if instruction.op.is_br_table() => LISTED,
            None => NO_DISTANCE,
        };
        if distance != NO_DISTANCE {
            branches.push(instructions.len());
        }
        instructions.push(Instruction {
            at: at as u32,
            size: instruction.size as u32,
            op: instruction.op,
            stored: instruction
                .op
                .unstored()
                .filter(|_| instruction.slot(&bytes[..], DST.slot()) != Some(0)),
            entered: at as u32 == code.entry,
            now: 0,
            start: 0,
            distance,
        });
        at += instruction.size;
    }
    for i in &branches {
        let branch = instructions[*i];
        branch.each_distance(bytes, |place| {
            let target = index[branch.target(bytes, place) / isa::ALIGN] as usize;
            instructions[target].entered = true;
        });
    }
    for clause in &code.catches.clauses {
        let target = index[clause.target as usize / isa::ALIGN] as usize;
        instructions[target].entered = true;
    }

    let cuts = if unfused { apart(&instructions) } else { cuts(&instructions, bytes) };
    // No instruction grows.
    let mut out = vec![0; bytes.len()];
    let (mut i, mut end) = (0, 0);
    while let Some(cut) = cuts.get(i) {
        let length = usize::from(cut.length);
        let parts = &mut instructions[i..i + length];
        end = match parts {
            [whole] => {
                (whole.now, whole.start) = (end as u32, end as u32);
                let from = whole.at as usize..(whole.at + whole.size) as usize;
                copy(&mut out, end, &bytes[from])
            }
            _ => fuse(parts, bytes, cut.op, &mut out, end),
        };
        i += length;
    }
    out.truncate(end);
    for i in branches {
        let branch = &instructions[i];
        branch.each_distance(bytes, |place| {
            let target = branch.target(bytes, place);
            let target = instructions[index[target / isa::ALIGN] as usize].now;
            let distance = target.wrapping_sub(branch.start) as i32;
            let now = branch.now as usize + place;
            out[now..now + 4].copy_from_slice(&distance.to_le_bytes());
        });
    }
    let entry = instructions
        .iter()
        .find(|instruction| instruction.at == code.entry)
        .map_or(0, |instruction| instruction.now);
    // An instruction's own place is inside it even where it is part of a fused one, so regions
    // stay exact without ending the sequences.
    let now = |at: u32| {
        let i = index.get(at as usize / isa::ALIGN).copied().unwrap_or(u32::MAX);
        instructions.get(i as usize).map_or(out.len() as u32, |instruction| instruction.now)
    };
    for clause in &mut code.catches.clauses {
        clause.target = now(clause.target);
    }
    for place in &mut code.catches.places {
        place.0 = now(place.0);
    }
    let source_map = code
        .source_map
        .iter()
        .filter_map(|(at, source)| {
            let i = *index.get(*at as usize / isa::ALIGN)?;
            Some((instructions.get(i as usize)?.now, *source))
        })
        .collect();
    // A call is the last part of a fused instruction, if it is in one: behind it begins another.
    let calls = code
        .calls
        .iter()
        .map(|at| match index.get(*at as usize / isa::ALIGN) {
            Some(&i) if i != u32::MAX => instructions[i as usize].now,
            _ => out.len() as u32,
        })
        .collect();
    Composed { bytes: out, entry, source_map, calls, catches: code.catches }
}

/// Writes bytes at a place, and says where they end.
fn copy(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    out[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}

/// Writes the instruction that is `op` on the operands of these parts at `start`, and says where it ends.
fn fuse(parts: &mut [Instruction], bytes: &[u8], op: Op, out: &mut [u8], start: usize) -> usize {
    let op = again(parts, bytes, op);
    let mut end = copy(out, start, &(op as u16).to_le_bytes());
    end += HEAD - 2;
    for part in parts {
        // The operands stay where they are relative to this place.
        (part.now, part.start) = ((end - HEAD) as u32, start as u32);
        let from = part.at as usize + HEAD;
        let size = part.size as usize - HEAD;
        // Without the padding behind them, unless distances follow.
        let body = if part.op.is_br_table() { size } else { part.op.body() };
        end = copy(out, end, &bytes[from..from + body]);
    }
    start + (end - start).next_multiple_of(isa::ALIGN)
}

/// The fused op for these instructions: `op`, or its form for a loop if the last one's first distance leads to
/// the first one.
fn again(parts: &[Instruction], bytes: &[u8], op: Op) -> Op {
    let [first, .., last] = parts else { return op };
    let place = match last.distance {
        NO_DISTANCE => return op,
        LISTED => last.read().branches(bytes).next(),
        place => Some(place.into()),
    };
    let loops = place.is_some_and(|place| last.target(bytes, place) == first.at as usize);
    if loops { op.again().unwrap_or(op) } else { op }
}

/// The slot number at a byte behind an instruction's head.
fn slot(bytes: &[u8], instruction: &Instruction, byte: usize) -> i16 {
    instruction.read().slot(bytes, byte).expect("written by the emitter")
}

/// The best cut of the code from some instruction on.
#[derive(Clone, Copy)]
struct Cut {
    cost: u32,
    /// The first of its instructions: how many of the old ones it stands for.
    length: u8,
    op: Op,
}

struct Planner<'a> {
    instructions: &'a [Instruction],
    bytes: &'a [u8],
    /// Per instruction the best cut from there on, as far as known.
    best: Vec<Cut>,
}

impl Planner<'_> {
    /// Tries the fused ops for the instructions from `i` on, of which `length` have been read, at a
    /// `cost` in stores. Each is read as it is and, where it has a result in the accumulator only, as
    /// the op that stores it in its home as well.
    fn extend(&mut self, i: usize, length: usize, cost: u32, fusion: Fusion) {
        let next = i + length;
        if length > 1
            && let Some(op) = fusion.op()
        {
            let cost = cost + DISPATCH + self.best.get(next).map_or(0, |rest| rest.cost);
            let best = self.best[i];
            let field = |part: usize, byte| slot(self.bytes, &self.instructions[i + part], byte);
            if (cost, usize::from(best.length)) < (best.cost, length)
                && let Some(op) = op.form(field)
            {
                self.best[i] = Cut { cost, length: length as u8, op };
            }
        }
        let Some(instruction) = self.instructions.get(next) else { return };
        let is_full = length >= MOST_PARTS
            && (length == MOST_METERED_PARTS || self.instructions[i].op != Op::ConsumeFuel);
        if is_full || length > 0 && instruction.entered {
            return;
        }
        if let Some(fusion) = fusion.then(instruction.op) {
            self.extend(i, length + 1, cost, fusion);
        }
        if let Some(fusion) = instruction.stored.and_then(|op| fusion.then(op)) {
            self.extend(i, length + 1, cost + 1, fusion);
        }
    }
}

/// Every instruction by itself.
fn apart(instructions: &[Instruction]) -> Vec<Cut> {
    instructions.iter().map(|i| Cut { cost: 0, length: 1, op: i.op }).collect()
}

/// The fewest instructions that do the same: per old one the new one that begins with it.
fn cuts(instructions: &[Instruction], bytes: &[u8]) -> Vec<Cut> {
    let mut planner = Planner { instructions, bytes, best: apart(instructions) };
    // From the back: a cut needs the best of what follows it.
    for i in (0..instructions.len()).rev() {
        planner.best[i].cost = DISPATCH + planner.best.get(i + 1).map_or(0, |rest| rest.cost);
        // Nothing is fused with what control can come to from elsewhere.
        if instructions.get(i + 1).is_some_and(|next| !next.entered) {
            planner.extend(i, 0, 0, Fusion::START);
        }
    }
    planner.best
}
