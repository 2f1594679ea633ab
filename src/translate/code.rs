//! What translation is asked for, and what it makes.

use alloc::sync::Arc;

use super::compose::Composed;
use super::cost::OperatorCost;
use super::frame::Shape;
use crate::error::{Error, ModuleError, ModuleErrorKind};
use crate::isa::Op;
use crate::isa::operand::Stream;
use crate::prelude::*;
use crate::vm::CatchTable;
use crate::vm::stack_map::StackMaps;

/// What the engine's configuration says about code.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Accesses to memory 0 compare with its length instead of relying on guard pages.
    pub checked_memory: bool,
    /// Relaxed SIMD instructions give the same results on every machine.
    pub relaxed_simd_deterministic: bool,
    /// Results of arithmetic that are NaNs are canonical ones.
    pub canonical_nans: bool,
    /// Code counts fuel, at these costs.
    pub fuel: Option<Arc<OperatorCost>>,
    /// Code can be interrupted.
    pub interrupt: bool,
    /// Record which WebAssembly instruction each bytecode instruction came from.
    pub source_map: bool,
    /// Leave instructions as they are instead of fusing sequences of them.
    pub unfused: bool,
    /// Keep all locals in their slots.
    pub unpinned: bool,
    /// Keep operands in their homes, where they can be read: every operator with a result has an instruction of
    /// its own, which stores it.
    pub readable: bool,
    /// The shape of frames that is tried first; with another than the default one all locals are far.
    pub frames: Shape,
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
    pub(super) fn new(mut code: Composed, stack_maps: StackMaps) -> Code {
        // Padding must be whole instructions too: with table threading the shortest is 2 bytes.
        while !code.bytes.len().is_multiple_of(8) {
            code.bytes.extend_from_slice(&(Op::Exit as u16).to_le_bytes());
        }
        let words = code.bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let (entry, source_map, catches) = (code.entry, code.source_map, code.catches);
        Code { words, entry, source_map, stack_maps, catches }
    }

    /// Code of a function that has nothing to do with references and catches nothing: there are no maps. It
    /// begins at byte `entry`; `pins` says whether it pins integers and whether it pins floats.
    pub(crate) fn of_numbers(words: Box<[u64]>, entry: u32, pins: (bool, bool)) -> Code {
        let catches = CatchTable { pins, ..CatchTable::default() };
        Code { words, entry, source_map: Vec::new(), stack_maps: StackMaps::default(), catches }
    }

    /// Puts another number where byte `at` has that of a type.
    pub(crate) fn replace_type(&mut self, at: usize, ty: u32) {
        self.words.replace(at, ty.to_le_bytes());
    }

    /// Whether it is code that [`Code::of_numbers`] could have made.
    pub(crate) fn is_of_numbers(&self) -> bool {
        self.stack_maps.is_empty() && self.catches.is_empty()
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

/// The error of a function that cannot even be read.
pub(super) fn malformed(error: wasmparser::BinaryReaderError) -> Error {
    ModuleError::new(ModuleErrorKind::Malformed, error.offset(), error.message()).into()
}

/// A limit of the bytecode that the function exceeds.
pub(super) fn too_large(offset: usize, what: &str) -> Error {
    ModuleError::new(ModuleErrorKind::Limit, offset as u64, format!("function too large: {what}"))
        .into()
}
