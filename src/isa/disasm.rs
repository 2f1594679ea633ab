//! Listing of bytecode, from the op table's fields. Works on code as translated, before it is
//! threaded.

use std::fmt::Write;

use super::{HEAD, Kind, Op, instruction_size};

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
    while let Some(op) = read::<2>(code, at).map(u16::from_le_bytes).and_then(Op::from_u16) {
        let body = at + HEAD;
        let Some(size) =
            instruction_size(op, |field| read::<4>(code, body + field).map(u32::from_le_bytes))
        else {
            break;
        };
        if at + size > code.len() {
            break;
        }
        let mut operands = String::new();
        for (field, kind, offset) in &op.info().fields {
            if matches!(kind, Kind::Acc | Kind::Pin) {
                continue;
            }
            if !operands.is_empty() {
                operands.push_str(", ");
            }
            let place = body + usize::from(*offset);
            let _ = write!(operands, "{field}=");
            show(&mut operands, code, at, place, *kind, name);
        }
        if op.is_br_table() {
            let tail = op.tail();
            let count = read::<4>(code, body + tail + 4).map_or(0, u32::from_le_bytes);
            operands.push_str(" [");
            for i in 0..=count as usize {
                if i > 0 {
                    operands.push(' ');
                }
                show(&mut operands, code, at, body + tail + 8 + i * 4, Kind::Target, name);
            }
            operands.push(']');
        }
        listings.push(Listing { offset: at, op, operands });
        at += size;
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
    let half = || read::<2>(code, at).map_or(0, i16::from_le_bytes);
    let word = || read::<4>(code, at).map_or(0, i32::from_le_bytes);
    let long = || read::<8>(code, at).map_or(0, u64::from_le_bytes);
    let named = |number: u64| name(kind, number).map_or(String::new(), |n| format!(" <{n}>"));
    let _ = match kind {
        Kind::Acc | Kind::Pin => Ok(()),
        Kind::Dst | Kind::Slot => write!(out, "s{}", half()),
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
        Kind::Bytes16 => match read::<16>(code, at) {
            Some(bytes) => write!(out, "{:#034x}", u128::from_le_bytes(bytes)),
            None => Ok(()),
        },
    };
}

fn read<const N: usize>(code: &[u8], at: usize) -> Option<[u8; N]> {
    code.get(at..at.checked_add(N)?)?.try_into().ok()
}
