//! Loading: from translated code, which names handlers by opcode and runtime functions by number,
//! to code that runs.

use super::{handlers, profile, runtime, stored, threaded_head};
use crate::isa::operand::Stream;
use crate::isa::{HEAD, Instruction};
use crate::translate::Code;
use crate::vm::code_map::FunctionCode;

/// Why code cannot be loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadCode {
    /// Offset in bytes of the offending instruction.
    pub offset: usize,
}

/// Code that runs, of what was translated.
///
/// # Errors
///
/// As for `thread`.
pub fn load(mut code: Code) -> Result<FunctionCode, BadCode> {
    thread(&mut code.words)?;
    // SAFETY: only the translator makes `Code`, whose maps are those of its words.
    Ok(unsafe { FunctionCode::new(code.words, code.entry, code.stack_maps, code.catches) })
}

/// Threads `words`, which hold whole instructions, in place: opcodes become handler addresses
/// (direct threading) and runtime function numbers become addresses (both forms).
///
/// Unknown opcodes, runtime numbers and instructions that end behind the code are refused; all
/// else about the code is the translator's promise.
pub(super) fn thread(words: &mut [u64]) -> Result<(), BadCode> {
    let len = words.len() * 8;
    let start = words.as_ptr() as usize;
    let mut counted = profile::is_enabled().then(Vec::new);
    let mut targets = Vec::new();
    let mut at = 0;
    while at < len {
        let bad = BadCode { offset: at };
        let instruction = Instruction::read(words, at).ok_or(bad)?;
        let Instruction { op, size, .. } = instruction;
        if size > len - at {
            return Err(bad);
        }
        if let Some(function) = op.function() {
            let number = u64::from_le_bytes(words.bytes(at + function).ok_or(bad)?);
            let address = runtime::address(number).ok_or(bad)?;
            words.replace(at + function, stored(address as *const ()).to_le_bytes());
        }
        if let Some(counted) = &mut counted
            && cfg!(threading = "direct")
        {
            // Each time around counts.
            let op = op.once();
            let slots = op.info().fields.iter().filter(|field| field.1.is_slot());
            let slots =
                slots.map(|field| instruction.slot(words, field.2.into()).unwrap_or_default());
            counted.push((start + at, op, slots.collect()));
            let places = instruction.branches(words);
            targets
                .extend(places.filter_map(|place| Some(start + instruction.target(words, place)?)));
            write_head(words, at, stored(handlers::count as *const ()));
        } else {
            write_head(words, at, threaded_head(op));
        }
        at += size;
    }
    if let Some(counted) = counted {
        profile::register(counted, &targets);
    }
    Ok(())
}

/// Replaces the head of the instruction at byte `at`.
fn write_head(words: &mut [u64], at: usize, head: u64) {
    let mut bytes = [0; HEAD];
    bytes.copy_from_slice(&head.to_le_bytes()[..HEAD]);
    words.replace(at, bytes);
}
