//! Makes failing modules small: pieces of function bodies are replaced by the least that leaves
//! the same types on the stack, as long as the module still makes a difference. Works on any
//! module, whichever generator made it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use wasm_encoder::{Encode, Instruction};
use wasmparser::{
    FuncValidatorAllocations, Parser, Payload, ValType, ValidPayload, Validator, WasmFeatures,
};

use crate::{Args, plan, supervise};

/// How long shrinking one module may take.
const BUDGET: Duration = Duration::from_secs(100);

/// A function body in pieces.
#[derive(Clone)]
struct Body {
    /// The declarations of locals, as encoded.
    locals: Vec<u8>,
    /// The operators, as encoded; the last is the function's `end`.
    ops: Vec<Vec<u8>>,
}

/// A module whose bodies can be replaced.
#[derive(Clone)]
struct Pieces {
    /// What stands before the code section and behind it.
    before: Vec<u8>,
    after: Vec<u8>,
    bodies: Vec<Body>,
}

/// What is known of the place before an operator: the types on the stack, `None` where they are
/// arbitrary, and the number of open blocks.
struct Spot {
    stack: Vec<Option<ValType>>,
    depth: usize,
}

impl Pieces {
    fn read(wasm: &[u8]) -> Result<Pieces> {
        let mut code = 0..0;
        let mut bodies = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::CodeSectionStart { unchecked_range: range, .. } => {
                    code = range.start as usize..range.end as usize;
                }
                Payload::CodeSectionEntry(body) => {
                    let range = body.range();
                    let range = range.start as usize..range.end as usize;
                    let mut reader = body.get_operators_reader()?;
                    let first = reader.original_position() as usize;
                    let mut ops = Vec::new();
                    while !reader.eof() {
                        let from = reader.original_position() as usize;
                        reader.read()?;
                        ops.push(wasm[from..reader.original_position() as usize].to_vec());
                    }
                    bodies.push(Body { locals: wasm[range.start..first].to_vec(), ops });
                }
                _ => {}
            }
        }
        if bodies.is_empty() {
            return Ok(Pieces { before: wasm.to_vec(), after: Vec::new(), bodies });
        }
        // The section's id and size stand before its range.
        let mut start = code.start;
        let size = (code.end - code.start) as u32;
        let mut header = Vec::new();
        size.encode(&mut header);
        start -= 1;
        while start > 0 && !(wasm[start] == 10 && leb(&wasm[start + 1..code.start]) == Some(size)) {
            start -= 1;
        }
        Ok(Pieces { before: wasm[..start].to_vec(), after: wasm[code.end..].to_vec(), bodies })
    }

    fn write(&self) -> Vec<u8> {
        if self.bodies.is_empty() {
            return self.before.clone();
        }
        let mut section = Vec::new();
        (self.bodies.len() as u32).encode(&mut section);
        for body in &self.bodies {
            let size = body.locals.len() + body.ops.iter().map(Vec::len).sum::<usize>();
            (size as u32).encode(&mut section);
            section.extend_from_slice(&body.locals);
            section.extend(body.ops.iter().flatten());
        }
        let mut wasm = self.before.clone();
        wasm.push(10);
        (section.len() as u32).encode(&mut wasm);
        wasm.extend(section);
        wasm.extend_from_slice(&self.after);
        wasm
    }

    /// The spots of body `index`, or `None` if the module is not valid.
    fn spots(&self, index: usize) -> Option<Vec<Spot>> {
        let wasm = self.write();
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut spots = Vec::new();
        let mut at = 0;
        for payload in Parser::new(0).parse_all(&wasm) {
            if let ValidPayload::Func(func, body) = validator.payload(&payload.ok()?).ok()? {
                let mut func = func.into_validator(FuncValidatorAllocations::default());
                func.read_locals(&mut body.get_binary_reader()).ok()?;
                let mut reader = body.get_operators_reader().ok()?;
                while !reader.eof() {
                    if at == index {
                        let height = func.operand_stack_height() as usize;
                        spots.push(Spot {
                            stack: (0..height)
                                .rev()
                                .map(|i| func.get_operand_type(i).flatten())
                                .collect(),
                            depth: func.control_stack_height() as usize,
                        });
                    }
                    let (op, offset) = reader.read_with_offset().ok()?;
                    func.op(offset, &op).ok()?;
                }
                at += 1;
            }
        }
        Some(spots)
    }
}

fn leb(bytes: &[u8]) -> Option<u32> {
    let mut value = 0_u64;
    for (i, byte) in bytes.iter().enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i as u32).min(56);
        if byte & 0x80 == 0 {
            return (i + 1 == bytes.len()).then_some(value as u32);
        }
    }
    None
}

/// Instructions that turn one stack into another.
fn filler(from: &[Option<ValType>], to: &[Option<ValType>]) -> Option<Vec<Vec<u8>>> {
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let mut ops = vec![Instruction::Drop; from.len() - common];
    for ty in &to[common..] {
        ops.push(match (*ty)? {
            ValType::I32 => Instruction::I32Const(0),
            ValType::I64 => Instruction::I64Const(0),
            ValType::F32 => Instruction::F32Const(0.0.into()),
            ValType::F64 => Instruction::F64Const(0.0.into()),
            ValType::V128 => Instruction::V128Const(0),
            ValType::Ref(wasmparser::RefType::FUNCREF) => {
                Instruction::RefNull(wasm_encoder::HeapType::FUNC)
            }
            ValType::Ref(wasmparser::RefType::EXTERNREF) => {
                Instruction::RefNull(wasm_encoder::HeapType::EXTERN)
            }
            ValType::Ref(_) => return None,
        });
    }
    Some(
        ops.iter()
            .map(|op| {
                let mut bytes = Vec::new();
                op.encode(&mut bytes);
                bytes
            })
            .collect(),
    )
}

struct Shrinker<'a> {
    args: &'a Args,
    candidate: PathBuf,
    only: Option<usize>,
    best: Pieces,
    end: Instant,
}

impl Shrinker<'_> {
    /// Takes the candidate if it still makes a difference.
    fn attempt(&mut self, pieces: Pieces) -> bool {
        let wasm = pieces.write();
        if Validator::new_with_features(WasmFeatures::all()).validate_all(&wasm).is_err() {
            return false;
        }
        if std::fs::write(&self.candidate, &wasm).is_err() {
            return false;
        }
        let (different, text) = supervise::verdict(self.args, &self.candidate, self.only);
        if different && text != "does not end" {
            self.best = pieces;
        }
        different && text != "does not end"
    }

    fn late(&self) -> bool {
        Instant::now() > self.end
    }

    /// Replaces a range of operators of a body.
    fn replace(&mut self, body: usize, range: Range<usize>, spots: &[Spot]) -> bool {
        let Some(fill) = filler(&spots[range.start].stack, &spots[range.end].stack) else {
            return false;
        };
        let size: usize = fill.iter().map(Vec::len).sum();
        let old: usize = self.best.bodies[body].ops[range.clone()].iter().map(Vec::len).sum();
        if size >= old {
            return false;
        }
        let mut pieces = self.best.clone();
        pieces.bodies[body].ops.splice(range, fill);
        self.attempt(pieces)
    }

    /// One pass over one body; whether it got smaller.
    fn body(&mut self, body: usize) -> bool {
        let mut progress = false;
        let mut chunk = self.best.bodies[body].ops.len();
        while chunk > 0 && !self.late() {
            let mut at = 0;
            let mut spots = self.best.spots(body);
            while at + 1 < self.best.bodies[body].ops.len() && !self.late() {
                let Some(known) = &spots else { return progress };
                let last = self.best.bodies[body].ops.len() - 1;
                let depth = known[at].depth;
                // The widest range on one level, or, with single steps, a whole block.
                let mut end = None;
                for (to, spot) in known.iter().enumerate().take(last + 1).skip(at + 1) {
                    if spot.depth < depth {
                        break;
                    }
                    if spot.depth == depth && (to <= at + chunk || end.is_none()) {
                        end = Some(to);
                    }
                    if to > at + chunk && end.is_some() {
                        break;
                    }
                }
                let replaced = end.is_some_and(|end| {
                    let spots = self.best.spots(body).unwrap_or_default();
                    self.replace(body, at..end, &spots)
                });
                let unwrapped = !replaced && chunk == 1 && self.unwrap(body, at);
                if replaced || unwrapped {
                    progress = true;
                    spots = self.best.spots(body);
                } else {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
        progress
    }

    /// Removes a block's brackets.
    fn unwrap(&mut self, body: usize, at: usize) -> bool {
        let ops = &self.best.bodies[body].ops;
        if !matches!(ops[at][0], 0x02..=0x03) {
            return false;
        }
        let mut depth = 0;
        let end = ops[at..].iter().position(|op| {
            match op[0] {
                0x02..=0x04 => depth += 1,
                0x0b => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let Some(end) = end else { return false };
        let mut pieces = self.best.clone();
        pieces.bodies[body].ops.remove(at + end);
        pieces.bodies[body].ops.remove(at);
        self.attempt(pieces)
    }
}

/// A smaller module that still makes a difference, and the one call that suffices, if one does.
///
/// # Errors
///
/// When files cannot be read or written.
pub fn shrink(args: &Args, path: &Path) -> Result<(Vec<u8>, Option<usize>)> {
    let wasm = std::fs::read(path)?;
    let calls = plan::plan(&wasm, args.seeds.start)?.calls.len();
    let only = (0..calls).find(|only| supervise::verdict(args, path, Some(*only)).0);
    let best = Pieces::read(&wasm).context("take the module apart")?;
    let candidate = path.with_extension("candidate.wasm");
    let mut shrinker =
        Shrinker { args, candidate, only, best: best.clone(), end: Instant::now() + BUDGET };
    if shrinker.attempt(best) {
        for index in 0..shrinker.best.bodies.len() {
            let mut pieces = shrinker.best.clone();
            pieces.bodies[index].ops = vec![vec![0x00], vec![0x0b]];
            shrinker.attempt(pieces);
        }
        loop {
            let mut progress = false;
            for body in 0..shrinker.best.bodies.len() {
                progress |= shrinker.body(body);
            }
            if !progress || shrinker.late() {
                break;
            }
        }
    }
    std::fs::remove_file(&shrinker.candidate).ok();
    Ok((shrinker.best.write(), only))
}
