//! Listing of bytecode, from the op table's fields. Works on code as translated, before it is
//! threaded.

use core::fmt::Write;

use super::operand::Stream;
use super::{HEAD, Instruction, Kind, Op};
use crate::prelude::*;

/// One listed instruction.
#[derive(Debug)]
pub struct Listing {
    /// Offset in bytes from the start of the code.
    pub offset: usize,
    /// The op.
    pub op: Op,
    /// Its operands, readable.
    pub operands: String,
}

/// Lists the instructions of `code`. `name` gives the names of functions that fields refer to
/// (defined functions and runtime functions). Stops at bytes that are no instruction.
pub fn disassemble(code: &[u8], name: &dyn Fn(Kind, u64) -> Option<String>) -> Vec<Listing> {
    let mut listings = Vec::new();
    let mut at = 0;
    while let Some(instruction) = Instruction::read(code, at)
        && instruction.size <= code.len() - at
    {
        let op = instruction.op;
        let mut operands = String::new();
        for (field, kind, byte) in &op.info().fields {
            if !kind.is_encoded() {
                continue;
            }
            if !operands.is_empty() {
                operands.push_str(", ");
            }
            let _ = write!(operands, "{field}=");
            show(&mut operands, code, at, at + HEAD + usize::from(*byte), *kind, name);
        }
        if op.is_br_table() {
            operands.push_str(" [");
            for (i, place) in instruction.branches(code).enumerate() {
                if i > 0 {
                    operands.push(' ');
                }
                show(&mut operands, code, at, at + place, Kind::Target, name);
            }
            operands.push(']');
        }
        listings.push(Listing { offset: at, op, operands });
        at += instruction.size;
    }
    listings
}

fn show(
    out: &mut String,
    code: &[u8],
    start: usize,
    at: usize,
    kind: Kind,
    name: &dyn Fn(Kind, u64) -> Option<String>,
) {
    let half = || code.bytes::<2>(at).map_or(0, i16::from_le_bytes);
    let word = || code.bytes::<4>(at).map_or(0, i32::from_le_bytes);
    let long = || code.bytes::<8>(at).map_or(0, u64::from_le_bytes);
    let named = |number: u64| name(kind, number).map_or(String::new(), |n| format!(" <{n}>"));
    let _ = match kind {
        Kind::Acc | Kind::Pin | Kind::Absent => Ok(()),
        Kind::Dst | Kind::Slot => write!(out, "s{}", half()),
        Kind::Far => write!(out, "s{}", word()),
        Kind::Imm16 => write!(out, "{}", half()),
        Kind::Imm32 => write!(out, "{}", word()),
        Kind::Imm64 => write!(out, "{:#x}", long()),
        Kind::F32 => write!(out, "{:?}", f32::from_bits(long() as u32)),
        Kind::F64 => write!(out, "{:?}", f64::from_bits(long())),
        Kind::Off32 | Kind::Count32 => write!(out, "{}", word() as u32),
        Kind::Off64 => write!(out, "{}", long()),
        Kind::Target => write!(out, "@{:x}", start as i64 + i64::from(word())),
        Kind::Count => write!(out, "{}", half() as u16),
        Kind::Func => write!(out, "{}{}", word() as u32 / 16, named(u64::from(word() as u32 / 16))),
        Kind::Ctx => write!(out, "{:#x}", word() as u32),
        Kind::Type => write!(out, "t{}", word() as u32),
        Kind::Runtime => write!(out, "{}{}", long(), named(long())),
        Kind::Bytes16 => match code.bytes::<16>(at) {
            Some(bytes) => write!(out, "{:#034x}", u128::from_le_bytes(bytes)),
            None => Ok(()),
        },
    };
}
