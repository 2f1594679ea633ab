//! Loading: from translated code, which names handlers by opcode and runtime functions by number,
//! to code that runs.

use super::profile::{self, Watching};
use super::{handlers, runtime, stored, threaded_head};
use crate::index::DefinedFuncIndex;
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

/// Code that runs, of what was translated of a function of the module with the bytes at address `module`.
/// If somebody is to observe it, all of it is shown to them.
///
/// # Errors
///
/// As for `thread`.
pub fn load(
    mut code: Code,
    module: usize,
    func: DefinedFuncIndex,
    watching: Option<&Watching>,
) -> Result<FunctionCode, BadCode> {
    // Where the opcode is what handlers are found by, there is nothing to put in its place.
    let watching = watching.filter(|_| cfg!(threading = "direct"));
    let translated = watching.map(|watching| (watching, code.words.clone()));
    thread(&mut code.words, watching.is_some())?;
    if let Some((watching, words)) = translated {
        let start = code.words.as_mut_ptr().expose_provenance();
        profile::register(watching, (module, func), (start, code.entry), words);
    }
    // SAFETY: only the translator makes `Code`, whose maps are those of its words.
    Ok(unsafe { FunctionCode::new(code.words, code.entry, code.stack_maps, code.catches) })
}

/// Whether the instructions of a function's code are shown to its observer, from now on.
#[cfg(feature = "debug")]
pub fn observe(code: &profile::Observed, shown: bool) {
    code.set_heads(|op| match shown {
        true => stored(handlers::count as *const ()),
        false => threaded_head(op),
    });
}

/// Threads `words`, which hold whole instructions, in place: opcodes become handler addresses
/// (direct threading; that of the handler of observed instructions, if they are) and runtime function
/// numbers become addresses (both forms).
///
/// Unknown opcodes, runtime numbers and instructions that end behind the code are refused; all
/// else about the code is the translator's promise.
pub(super) fn thread(words: &mut [u64], is_observed: bool) -> Result<(), BadCode> {
    let len = words.len() * 8;
    let mut at = 0;
    while at < len {
        let bad = BadCode { offset: at };
        let Instruction { op, size, .. } = Instruction::read(words, at).ok_or(bad)?;
        if size > len - at {
            return Err(bad);
        }
        if let Some(function) = op.function() {
            let number = u64::from_le_bytes(words.bytes(at + function).ok_or(bad)?);
            let address = runtime::address(number).ok_or(bad)?;
            words.replace(at + function, stored(address as *const ()).to_le_bytes());
        }
        let head =
            if is_observed { stored(handlers::count as *const ()) } else { threaded_head(op) };
        write_head(words, at, head);
        at += size;
    }
    Ok(())
}

/// Replaces the head of the instruction at byte `at`.
fn write_head(words: &mut [u64], at: usize, head: u64) {
    if HEAD == 8 {
        // Instructions are whole words then.
        words[at / 8] = head;
        return;
    }
    let mut bytes = [0; HEAD];
    bytes.copy_from_slice(&head.to_le_bytes()[..HEAD]);
    words.replace(at, bytes);
}
