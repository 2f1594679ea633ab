//! WebAssembly to bytecode, in one forward pass over a validated function.
//!
//! The operand stack holds operands that are not materialised yet: a local, a constant or a
//! result that so far exists in the accumulator only. So `local.get`, `local.set` and constants
//! rarely become instructions of their own:
//!
//! - an op's result goes to the accumulator; if something else needs the accumulator while the
//!   value is still live, the *producer* is rewritten in place to store it as well
//!   (`emit::Emitter::store_form`), so no spill is ever dispatched;
//! - a `local.set` right behind a producer rewrites the producer's destination instead;
//! - a comparison right before a branch is taken back and emitted as one with it.
//!
//! Everything is linear in the size of the function: each operand is pushed, put into its home and popped
//! once, whatever blocks are entered above it; lazily held locals are found through a chain per local;
//! branches that carry many values copy them with one instruction; and every branch is patched once.

mod atomic;
mod calls;
mod compose;
mod control;
mod cost;
mod emit;
mod exceptions;
mod frame;
mod fuse;
mod maps;
mod memory;
mod metering;
mod numeric;
mod object;
mod operand;
mod operator;
mod pins;
mod reference;
mod resolve;
mod simd;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use wasmparser::{BinaryReader, FunctionBody};

use crate::error::{Error, ModuleError, ModuleErrorKind};
use crate::index::DefinedFuncIndex;
use crate::isa::Op;
use crate::vm::CatchTable;
use crate::vm::stack_map::StackMaps;
use crate::wasm::ModuleInfo;

pub use cost::{OperatorCost, VariableOperatorCost};
use emit::Emitter;
use frame::Frame;
use operand::Stack;

/// What the engine's configuration says about code.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Accesses to memory 0 compare with its length instead of relying on guard pages.
    pub checked_memory: bool,
    /// Relaxed SIMD instructions give the same results on every machine.
    pub relaxed_simd_deterministic: bool,
    /// Code counts fuel, at these costs.
    pub fuel: Option<Arc<OperatorCost>>,
    /// Code can be interrupted.
    pub interrupt: bool,
    /// Record which WebAssembly instruction each bytecode instruction came from.
    pub source_map: bool,
    /// Leave instructions as they are instead of fusing sequences of them.
    pub unfused: bool,
}

/// A translated function: position-independent, opcodes and runtime function numbers not resolved.
#[derive(Debug)]
pub struct Code {
    /// The instructions.
    pub(crate) words: Box<[u64]>,
    /// Byte offset of the first instruction to execute.
    pub(crate) entry: u32,
    /// With [`Options::source_map`]: byte offset of an instruction and module offset of the
    /// operator it came from, ascending.
    source_map: Vec<(u32, u32)>,
    /// Where references are while calls are in progress.
    pub(crate) stack_maps: StackMaps,
    /// What is caught where.
    pub(crate) catches: CatchTable,
}

impl Code {
    fn new(mut code: compose::Composed, stack_maps: StackMaps) -> Code {
        // Padding must be whole instructions too: with table threading the shortest is 2 bytes.
        while !code.bytes.len().is_multiple_of(8) {
            code.bytes.extend_from_slice(&(Op::Exit as u16).to_le_bytes());
        }
        let words = code
            .bytes
            .chunks(8)
            .map(|chunk| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                u64::from_le_bytes(word)
            })
            .collect();
        let (entry, source_map, catches) = (code.entry, code.source_map, code.catches);
        Code { words, entry, source_map, stack_maps, catches }
    }

    /// The instructions.
    #[cfg(feature = "internals")]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Byte offset of the first instruction to execute.
    #[cfg(feature = "internals")]
    pub fn entry(&self) -> u32 {
        self.entry
    }

    /// Where references are while calls are in progress.
    #[cfg(feature = "internals")]
    pub fn stack_maps(&self) -> &StackMaps {
        &self.stack_maps
    }

    /// What is caught where.
    #[cfg(feature = "internals")]
    pub fn catches(&self) -> &CatchTable {
        &self.catches
    }

    /// With [`Options::source_map`]: byte offset of an instruction and module offset of the operator
    /// it came from, ascending.
    pub(crate) fn into_source_map(self) -> Box<[(u32, u32)]> {
        self.source_map.into()
    }

    /// The module offset of the operator that the instruction at byte `offset` came from.
    #[cfg(any(test, feature = "internals"))]
    pub fn source(&self, offset: u32) -> Option<u32> {
        let after = self.source_map.partition_point(|entry| entry.0 <= offset);
        Some(self.source_map.get(after.checked_sub(1)?)?.1)
    }
}

/// A limit of the bytecode that the function exceeds.
pub(crate) fn too_large(offset: usize, what: &str) -> Error {
    ModuleError::new(ModuleErrorKind::Limit, offset as u64, format!("function too large: {what}"))
        .into()
}

/// Translates function `func` of the module with these bytes.
///
/// # Errors
/// If the function exceeds a limit of the bytecode, or is not valid after all.
pub fn translate(
    info: &ModuleInfo,
    bytes: &[u8],
    func: DefinedFuncIndex,
    options: &Options,
) -> Result<Code, Error> {
    let range = info.body(func);
    let start = range.start;
    let invalid = |e: wasmparser::BinaryReaderError| {
        Error::from(ModuleError::new(ModuleErrorKind::Malformed, e.offset(), e.message()))
    };
    let bytes = bytes.get(range).unwrap_or_default();
    let body = FunctionBody::new(BinaryReader::new(bytes, start as u64));
    let ty = info.func_type(info.func_index(func));

    let mut locals = Vec::new();
    for local in body.get_locals_reader().map_err(invalid)? {
        let (count, ty) = local.map_err(invalid)?;
        locals.push((count, value::Kind::of_wasm(&ty)));
    }
    let too_many = || too_large(start, "too many locals");
    let kinds = frame::kinds(ty, &locals).ok_or_else(too_many)?;
    let pins = pins::choose(&body, &kinds).map_err(invalid)?;
    let frame = Frame::new(ty, &locals, pins.banks().1).ok_or_else(too_many)?;
    let mut translator = Translator {
        info,
        options,
        ty,
        stack: Stack::new(frame.locals()),
        frame,
        pins,
        accs: resolve::Accs::default(),
        last: None,
        under: None,
        emit: Emitter::new(options.source_map),
        control: Vec::new(),
        reachable: true,
        skipped: 0,
        returned: emit::Label::default(),
        assigned: control::Assigned::new(),
        offset: start,
        failure: None,
        maps: maps::Maps::default(),
        segment: metering::Segment::Pending,
        per_unit: 0,
    };
    translator.begin();
    let mut reader = body.get_operators_reader().map_err(invalid)?;
    while !reader.eof() {
        translator.offset = reader.original_position() as usize;
        translator.emit.source(translator.offset);
        let operator = reader.read().map_err(invalid)?;
        translator.operator(&operator);
        if let Some(error) = translator.failure.take() {
            return Err(error);
        }
    }
    translator.finish()
}

/// The state of one translation.
struct Translator<'a> {
    info: &'a ModuleInfo,
    options: &'a Options,
    ty: &'a crate::types::FuncType,
    frame: Frame,
    pins: pins::Pins,
    stack: Stack,
    /// What the accumulators hold.
    accs: resolve::Accs,
    /// The value-producing instruction just emitted, if it may still be fused.
    last: Option<fuse::Rec>,
    /// The one before it, if its result is an operand of `last`.
    under: Option<fuse::Rec>,
    emit: Emitter,
    control: Vec<control::Block<'a>>,
    /// Whether the code being read can be reached.
    reachable: bool,
    /// Blocks opened inside unreachable code.
    skipped: u32,
    /// Where clauses that lead out of the function go on: to a return of what they catch.
    returned: emit::Label,
    assigned: control::Assigned,
    /// Module offset of the operator being translated.
    offset: usize,
    failure: Option<Error>,
    maps: maps::Maps,
    /// What the instructions being read are charged to.
    segment: metering::Segment,
    /// What each unit of the last operand of the instruction being translated costs.
    per_unit: u8,
}

impl Translator<'_> {
    /// Records that the function exceeds a limit; the driver stops at once.
    fn limit(&mut self, what: &str) {
        if self.failure.is_none() {
            self.failure = Some(too_large(self.offset, what));
        }
    }

    /// Records an operator that this engine does not know. Validation refuses such modules, so
    /// this is a safety net, not a user's path.
    fn unsupported(&mut self, operator: &wasmparser::Operator<'_>) {
        if self.failure.is_none() {
            let name = format!("{operator:?}");
            let name = name.split([' ', '{', '(']).next().unwrap_or_default().to_string();
            self.failure = Some(
                ModuleError::new(
                    ModuleErrorKind::Unsupported,
                    self.offset as u64,
                    format!("unsupported instruction {name}"),
                )
                .into(),
            );
        }
    }
}
