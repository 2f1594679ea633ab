//! AArch64 through yaxpeax-arm.
//!
//! The decoder knows the base set, floating point, Advanced SIMD and the large-system atomics; a
//! word that it does not know fails the check of the handler it is in, it is never skipped.

use std::fmt::Write as _;

use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::{ARMv8, Instruction, Opcode, Operand, ShiftStyle, SizeCode};

use super::{Access, Effect, Flow, Insn, Memory, RawInsn, Reference, Reg, Rename};

const SP: Reg = 31;

/// Decodes one instruction from `bytes`, which start at `address`.
pub(super) fn decode(bytes: &[u8], address: u64) -> Result<Insn, String> {
    let mut reader = U8Reader::new(bytes);
    let insn = <ARMv8 as yaxpeax_arch::Arch>::Decoder::default()
        .decode(&mut reader)
        .map_err(|e| format!("undecodable word {bytes:02x?}: {e}"))?;

    let memory: Vec<Memory> = match insn.opcode {
        // Address arithmetic only.
        Opcode::ADR | Opcode::ADRP => Vec::new(),
        Opcode::LDR | Opcode::LDRSW if pc_offset(&insn).is_some() => {
            vec![Memory {
                offset: address.wrapping_add_signed(pc_offset(&insn).unwrap_or(0)) as i64,
                scale: 1,
                ..Memory::default()
            }]
        }
        _ => insn.operands.iter().filter_map(memory_operand).collect(),
    };
    let effects = effects(&insn, address, &memory);
    let moves_sp = insn.operands.iter().any(|operand| {
        matches!(
            operand,
            Operand::RegPreIndex(31, _, true)
                | Operand::RegPostIndex(31, _)
                | Operand::RegPostIndexReg(31, _)
        )
    });
    let flow = flow(&insn, address);
    Ok(Insn {
        address,
        len: 4,
        flow,
        effects,
        memory,
        vectors_written: 0,
        all_lanes: false,
        push_pop: moves_sp,
        raw: RawInsn::A64(insn),
    })
}

fn flow(insn: &Instruction, address: u64) -> Flow {
    let target = || pc_offset(insn).map(|offset| address.wrapping_add_signed(offset));
    let register = || match insn.operands[0] {
        Operand::Register(_, number) => Some(number as Reg),
        _ => None,
    };
    let known = match insn.opcode {
        Opcode::B => target().map(Flow::Jump),
        Opcode::Bcc(_) | Opcode::CBZ | Opcode::CBNZ | Opcode::TBZ | Opcode::TBNZ => {
            target().map(Flow::Branch)
        }
        Opcode::BL => target().map(Flow::Call),
        Opcode::BR => register().map(Flow::JumpRegister),
        Opcode::BLR => register().map(Flow::CallRegister),
        Opcode::RET => Some(Flow::Return),
        Opcode::BRK | Opcode::UDF | Opcode::HLT => Some(Flow::Trap),
        Opcode::SVC | Opcode::HVC | Opcode::SMC | Opcode::ERET | Opcode::DRPS => Some(Flow::System),
        Opcode::DCPS1 | Opcode::DCPS2 | Opcode::DCPS3 => Some(Flow::System),
        _ => Some(Flow::Next),
    };
    known.unwrap_or(Flow::System)
}

fn pc_offset(insn: &Instruction) -> Option<i64> {
    insn.operands.iter().find_map(|operand| match operand {
        Operand::PCOffset(offset) => Some(*offset),
        _ => None,
    })
}

fn memory_operand(operand: &Operand) -> Option<Memory> {
    let plain =
        |base: u16, offset: i64| Memory { base: Some(base as Reg), index: None, scale: 1, offset };
    match *operand {
        Operand::RegPreIndex(base, offset, _) => Some(plain(base, i64::from(offset))),
        Operand::RegPostIndex(base, _) | Operand::RegPostIndexReg(base, _) => Some(plain(base, 0)),
        Operand::RegRegOffset(base, index, _, _, shift) => Some(Memory {
            base: Some(base as Reg),
            index: (index != 31).then_some(index as Reg),
            scale: 1u8.checked_shl(u32::from(shift)).unwrap_or(0),
            offset: 0,
        }),
        _ => None,
    }
}

/// The register that an operand names where the instruction may write it; the zero register
/// is none.
fn written(operand: &Operand) -> Option<Reg> {
    match *operand {
        Operand::Register(_, 31) => None,
        Operand::Register(_, number) | Operand::RegisterOrSP(_, number) => Some(number as Reg),
        _ => None,
    }
}

fn effects(insn: &Instruction, address: u64, memory: &[Memory]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for operand in &insn.operands {
        match *operand {
            Operand::RegPreIndex(base, offset, true) => {
                let reg = base as Reg;
                effects.push(Effect::Copy { dst: reg, src: reg, offset: i64::from(offset) });
            }
            Operand::RegPostIndex(base, offset) => {
                let reg = base as Reg;
                effects.push(Effect::Copy { dst: reg, src: reg, offset: i64::from(offset) });
            }
            Operand::RegPostIndexReg(base, _) => effects.push(Effect::Write { dst: base as Reg }),
            _ => {}
        }
    }

    let [first, second, third, _] = &insn.operands;
    match insn.opcode {
        // Nothing but memory, flags or control.
        Opcode::STR | Opcode::STRB | Opcode::STRH | Opcode::STRW | Opcode::STP | Opcode::STNP => {}
        Opcode::STUR
        | Opcode::STURB
        | Opcode::STURH
        | Opcode::STLR
        | Opcode::STLRB
        | Opcode::STLRH => {}
        Opcode::STTR
        | Opcode::STTRB
        | Opcode::STTRH
        | Opcode::STLUR
        | Opcode::STLURB
        | Opcode::STLURH => {}
        Opcode::B
        | Opcode::BR
        | Opcode::Bcc(_)
        | Opcode::CBZ
        | Opcode::CBNZ
        | Opcode::TBZ
        | Opcode::TBNZ => {}
        Opcode::RET | Opcode::CCMN | Opcode::CCMP | Opcode::FCMP | Opcode::FCMPE => {}
        Opcode::BL | Opcode::BLR => effects.push(Effect::Write { dst: 30 }),
        Opcode::LDP | Opcode::LDPSW | Opcode::LDNP | Opcode::LDXP | Opcode::LDAXP => {
            effects.extend(
                [first, second].into_iter().filter_map(written).map(|dst| Effect::Write { dst }),
            );
        }
        Opcode::ADRP | Opcode::ADR => {
            let base = if insn.opcode == Opcode::ADRP { address & !0xfff } else { address };
            if let (Some(dst), Some(offset)) = (written(first), pc_offset(insn)) {
                let offset = base.wrapping_add_signed(offset) as i64;
                effects.push(Effect::Address {
                    dst,
                    memory: Memory { offset, scale: 1, ..Memory::default() },
                });
            }
        }
        Opcode::LDR
        | Opcode::LDRB
        | Opcode::LDRH
        | Opcode::LDRSB
        | Opcode::LDRSH
        | Opcode::LDRSW
        | Opcode::LDUR
        | Opcode::LDURB
        | Opcode::LDURH
        | Opcode::LDURSB
        | Opcode::LDURSH
        | Opcode::LDURSW => {
            if let (Some(dst), Some(memory)) = (written(first), memory.first()) {
                effects.push(Effect::Load { dst, memory: *memory });
            }
        }
        Opcode::ADD | Opcode::SUB | Opcode::ORR => {
            let Some(dst) = written(first) else {
                return effects;
            };
            effects
                .push(arithmetic(insn.opcode, dst, second, third).unwrap_or(Effect::Write { dst }));
        }
        // An instruction that this list does not know may write any register it names.
        _ => effects
            .extend(insn.operands.iter().filter_map(written).map(|dst| Effect::Write { dst })),
    }
    effects
}

/// `add`, `sub` and `mov` (an `orr` with the zero register) where they move an address.
fn arithmetic(opcode: Opcode, dst: Reg, second: &Operand, third: &Operand) -> Option<Effect> {
    let src = match *second {
        Operand::Register(SizeCode::X, number) | Operand::RegisterOrSP(SizeCode::X, number) => {
            number as Reg
        }
        _ => return None,
    };
    let zero = matches!(second, Operand::Register(_, 31));
    let immediate = match *third {
        Operand::Immediate(value) => Some(i64::from(value)),
        Operand::Imm16(value) => Some(i64::from(value)),
        Operand::Imm64(value) => i64::try_from(value).ok(),
        Operand::ImmShift(value, shift) => i64::from(value).checked_shl(u32::from(shift)),
        _ => None,
    };
    let shifted = match *third {
        Operand::RegShift(ShiftStyle::LSL, amount, SizeCode::X, number) => {
            Some((number as Reg, amount))
        }
        Operand::Register(SizeCode::X, number) => Some((number as Reg, 0)),
        _ => None,
    };
    match (opcode, immediate, shifted) {
        (Opcode::ADD, Some(offset), _) if !zero => Some(Effect::Copy { dst, src, offset }),
        (Opcode::SUB, Some(offset), _) if !zero => {
            Some(Effect::Copy { dst, src, offset: offset.checked_neg()? })
        }
        (Opcode::ADD, None, Some((index, amount))) if !zero && index != SP => {
            Some(Effect::Address {
                dst,
                memory: Memory {
                    base: Some(src),
                    index: Some(index),
                    scale: 1u8.checked_shl(u32::from(amount))?,
                    offset: 0,
                },
            })
        }
        (Opcode::ORR, None, Some((from, 0))) if zero && from != SP => {
            Some(Effect::Copy { dst, src: from, offset: 0 })
        }
        _ => None,
    }
}

pub(super) fn text(
    insn: &Instruction,
    address: u64,
    name: &dyn Fn(Reference) -> String,
    rename: &Rename<'_>,
) -> String {
    let mut raw = insn.to_string();
    if let Some(offset) = pc_offset(insn) {
        let reference = match insn.opcode {
            Opcode::ADRP => Reference::Data((address & !0xfff).wrapping_add_signed(offset), 0),
            Opcode::ADR | Opcode::LDR | Opcode::LDRSW => {
                Reference::Data(address.wrapping_add_signed(offset), 0)
            }
            _ => Reference::Code(address.wrapping_add_signed(offset)),
        };
        // The decoder prints such operands as `$+0x1234`, always last.
        if let Some(at) = raw.rfind('$') {
            raw.truncate(at);
            raw.push_str(&name(reference));
            return rename_words(&raw[..at], rename) + &raw[at..];
        }
    }
    rename_words(&raw, rename)
}

/// Replaces each register name in `text`.
fn rename_words(text: &str, rename: &Rename<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if word > 0 {
            match rename(&rest[..word], Access::Both) {
                Some(renamed) => out.push_str(&renamed),
                None => out.push_str(&rest[..word]),
            }
            rest = &rest[word..];
        } else {
            let mut chars = rest.chars();
            let _ = out.write_char(chars.next().unwrap_or(' '));
            rest = chars.as_str();
        }
    }
    out
}
