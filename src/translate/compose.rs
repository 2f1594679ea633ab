//! The last pass: sequences of instructions that have a fused op become one instruction.
//!
//! The code before this pass is complete, its branches resolved. Every run of instructions that
//! no branch enters is cut into as few instructions as the fused ops allow, and all distances are
//! written anew. Linear in the size of the code.

use crate::isa::{self, HEAD, Op};
use crate::vm::CatchTable;

/// Longest sequence that a fused op can have.
const MAX_PARTS: usize = 6;

/// An instruction of the code before.
struct Instruction {
    at: u32,
    size: u32,
    op: Op,
    /// Whether control can come here from elsewhere.
    entered: bool,
    /// Where it, or its part of a fused instruction, is now.
    now: u32,
    /// Where the fused instruction that it is part of starts.
    start: u32,
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

fn field32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Composes `code`.
pub fn compose(mut code: Composed) -> Composed {
    let bytes = &code.bytes;
    let mut instructions = Vec::with_capacity(bytes.len() / 16);
    // Per possible place of an instruction: which one starts there.
    let mut index = vec![u32::MAX; bytes.len() / isa::ALIGN + 1];
    let mut at = 0;
    while at + HEAD <= bytes.len() {
        let opcode = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let op = Op::from_u16(opcode).expect("written by the emitter");
        let size = isa::instruction_size(op, |field| field32(bytes, at + HEAD + field))
            .expect("written by the emitter");
        index[at / isa::ALIGN] = instructions.len() as u32;
        instructions.push(Instruction {
            at: at as u32,
            size: size as u32,
            op,
            entered: at as u32 == code.entry,
            now: 0,
            start: 0,
        });
        at += size;
    }
    for i in 0..instructions.len() {
        let Instruction { at, op, .. } = instructions[i];
        let at = at as usize;
        for place in isa::branches(op, |field| field32(bytes, at + HEAD + field)) {
            let target = target(bytes, at, place);
            let target = index[target as usize / isa::ALIGN] as usize;
            instructions[target].entered = true;
        }
    }
    for clause in &code.catches.clauses {
        let target = index[clause.target as usize / isa::ALIGN] as usize;
        instructions[target].entered = true;
    }

    let plan = plan(&instructions, bytes);
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    for (length, op) in plan {
        let start = out.len();
        // The last part's distance, if it has one, leads to the first part: the loop is this op.
        let last = &instructions[i + length - 1];
        let mut places =
            isa::branches(last.op, |field| field32(bytes, last.at as usize + HEAD + field));
        let loops = length > 1
            && places
                .next()
                .is_some_and(|place| target(bytes, last.at as usize, place) == instructions[i].at);
        drop(places);
        let op = if loops { op.again().unwrap_or(op) } else { op };
        out.extend_from_slice(&[0; HEAD]);
        out[start..start + 2].copy_from_slice(&(op as u16).to_le_bytes());
        for instruction in &mut instructions[i..i + length] {
            let (from, to) =
                (instruction.at as usize, (instruction.at + instruction.size) as usize);
            // The operands stay where they are relative to this place.
            instruction.now = (out.len() - HEAD) as u32;
            instruction.start = start as u32;
            let last = from + HEAD + body(instruction.op, (to - from) - HEAD, length > 1);
            out.extend_from_slice(&bytes[from + HEAD..last.min(to)]);
        }
        out.resize(start + (out.len() - start).next_multiple_of(isa::ALIGN), 0);
        i += length;
    }
    for instruction in &instructions {
        let at = instruction.at as usize;
        for place in isa::branches(instruction.op, |field| field32(bytes, at + HEAD + field)) {
            let target = target(bytes, at, place);
            let target = instructions[index[target as usize / isa::ALIGN] as usize].now;
            let distance = target.wrapping_sub(instruction.start) as i32;
            let now = instruction.now as usize + place;
            out[now..now + 4].copy_from_slice(&distance.to_le_bytes());
        }
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

/// Operand bytes of an instruction: in a fused one without the padding behind them.
fn body(op: Op, available: usize, fused: bool) -> usize {
    if fused && !op.is_br_table() { op.body() } else { available }
}

/// Where the distance at `place` of the instruction at `at` leads.
fn target(bytes: &[u8], at: usize, place: usize) -> u32 {
    let distance = field32(bytes, at + place).unwrap_or(0);
    (at as u32).wrapping_add(distance)
}

/// The fewest instructions that do the same: how many of the old ones each new one stands for,
/// and its op.
fn plan(instructions: &[Instruction], bytes: &[u8]) -> Vec<(usize, Op)> {
    let n = instructions.len();
    // From the back: the best cut of what follows each instruction.
    let mut best: Vec<(u32, u8, Op)> = instructions.iter().map(|i| (0, 1, i.op)).collect();
    for i in (0..n).rev() {
        let rest = |length: usize| best.get(i + length).map_or(0, |next| next.0);
        let mut choice = (rest(1) + 1, 1, instructions[i].op);
        let run = instructions[i..n.min(i + MAX_PARTS)]
            .iter()
            .enumerate()
            .take_while(|(k, instruction)| *k == 0 || !instruction.entered)
            .map(|(_, instruction)| instruction.op);
        isa::fusions(run, |length, op| {
            let cost = rest(length) + 1;
            let slot = |part: usize, field| {
                let at = instructions[i + part].at as usize + HEAD + field;
                i16::from_le_bytes([bytes[at], bytes[at + 1]])
            };
            if cost <= choice.0
                && let Some(op) = op.form(slot)
            {
                choice = (cost, length as u8, op);
            }
        });
        best[i] = choice;
    }
    let mut plan = Vec::with_capacity(n);
    let mut i = 0;
    while i < n {
        let (_, length, op) = best[i];
        plan.push((usize::from(length), op));
        i += usize::from(length);
    }
    plan
}
