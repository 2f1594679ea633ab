//! Loading: from translated code, which names handlers by opcode and runtime functions by number,
//! to code that runs.

use super::{handlers, profile, runtime, stored, threaded_head};
use crate::isa::{self, HEAD, Op};

/// Why code cannot be loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadCode {
    /// Offset in bytes of the offending instruction.
    pub offset: usize,
}

/// Threads `words`, which hold whole instructions, in place: opcodes become handler addresses
/// (direct threading) and runtime function numbers become addresses (both forms).
///
/// Unknown opcodes, runtime numbers and instructions that end behind the code are refused; all
/// else about the code is the translator's promise.
pub fn thread(words: &mut [u64]) -> Result<(), BadCode> {
    let len = words.len() * 8;
    let start = words.as_ptr() as usize;
    let mut counted = profile::is_enabled().then(Vec::new);
    let mut targets = Vec::new();
    let mut at = 0;
    while at < len {
        let bad = BadCode { offset: at };
        let opcode = read::<2>(words, at).ok_or(bad)?;
        let op = Op::from_u16(u16::from_le_bytes(opcode)).ok_or(bad)?;
        let size = isa::instruction_size(op, |field| {
            read::<4>(words, at + HEAD + field).map(u32::from_le_bytes)
        })
        .ok_or(bad)?;
        if at + size > len {
            return Err(bad);
        }
        if matches!(
            op,
            Op::CallRuntime
                | Op::MemoryGrowM32
                | Op::MemoryGrowM64
                | Op::MemoryFillM32
                | Op::MemoryCopyM32
        ) {
            let number = u64::from_le_bytes(read::<8>(words, at + HEAD + 16).ok_or(bad)?);
            let address = runtime::address(number).ok_or(bad)?;
            write(words, at + HEAD + 16, &stored(address as *const ()).to_le_bytes());
        }
        if let Some(counted) = &mut counted
            && cfg!(threading = "direct")
        {
            // Each time around counts.
            let op = op.once();
            write(words, at, &(op as u16).to_le_bytes());
            let slots = op.info().fields.iter().filter(|field| field.1.is_slot());
            let slots = slots.map(|field| {
                read::<2>(words, at + HEAD + usize::from(field.2)).map_or(0, i16::from_le_bytes)
            });
            counted.push((start + at, op, slots.collect()));
            let field = |field| read::<4>(words, at + HEAD + field).map(u32::from_le_bytes);
            for place in isa::branches(op, field) {
                let distance = read::<4>(words, at + place).map_or(0, i32::from_le_bytes);
                targets.push((start + at).wrapping_add_signed(distance as isize));
            }
            write(words, at, &stored(handlers::count as *const ()).to_le_bytes()[..HEAD]);
        } else {
            write(words, at, &threaded_head(op).to_le_bytes()[..HEAD]);
        }
        at += size;
    }
    if let Some(counted) = counted {
        profile::register(counted, &targets);
    }
    Ok(())
}

/// `N` bytes at byte offset `at`.
fn read<const N: usize>(words: &[u64], at: usize) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = words.get((at + i) / 8)?.to_le_bytes()[(at + i) % 8];
    }
    Some(bytes)
}

fn write(words: &mut [u64], at: usize, bytes: &[u8]) {
    for (i, byte) in bytes.iter().enumerate() {
        let word = &mut words[(at + i) / 8];
        let mut all = word.to_le_bytes();
        all[(at + i) % 8] = *byte;
        *word = u64::from_le_bytes(all);
    }
}
