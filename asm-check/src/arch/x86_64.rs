//! x86-64 through iced-x86.

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter, FormatterOutput, FormatterTextKind,
    Instruction, InstructionInfoFactory, IntelFormatter, Mnemonic, OpAccess, OpKind, Register,
    SymbolResolver, SymbolResult,
};

use super::{Access, Effect, Flow, Insn, Memory, RawInsn, Reference, Reg, Rename};

/// Decodes one instruction from `bytes`, which start at `address`.
pub(super) fn decode(bytes: &[u8], address: u64) -> Result<Insn, String> {
    let mut decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE);
    let insn = decoder.decode();
    if insn.is_invalid() {
        return Err(format!("undecodable bytes {:02x?}", &bytes[..bytes.len().min(8)]));
    }

    let push_pop = is_push_pop(&insn);
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(&insn);
    // The implicit stack operand of push, pop, call and ret is what the instruction is, not a
    // memory access of its own; an explicit operand of theirs comes first and is kept.
    let implicit_stack = insn.is_stack_instruction();
    let memory = info
        .used_memory()
        .iter()
        .filter(|m| m.access() != OpAccess::NoMemAccess)
        .filter(|m| !(implicit_stack && m.base() == Register::RSP && !explicit_base_is_rsp(&insn)))
        .map(|m| {
            if m.base() == Register::RIP || m.base() == Register::EIP {
                return Memory {
                    offset: insn.ip_rel_memory_address() as i64,
                    scale: 1,
                    ..Memory::default()
                };
            }
            Memory {
                base: gpr(m.base()),
                index: gpr(m.index()),
                scale: m.scale() as u8,
                offset: m.displacement() as i64,
            }
        })
        .collect::<Vec<_>>();

    let mut effects = Vec::new();
    let mut vectors_written = 0;
    let precise = precise_effect(&insn);
    for used in info.used_registers() {
        let written = matches!(
            used.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        );
        if written && used.register().is_vector_register() {
            vectors_written |= 1 << used.register().number();
        }
        let Some(dst) = gpr(used.register()).filter(|_| written) else {
            continue;
        };
        let effect = match precise {
            Some(effect) if effect.destination() == dst => effect,
            _ if dst == RSP && implicit_stack && insn.mnemonic() != Mnemonic::Leave => {
                let moved = match insn.flow_control() {
                    FlowControl::Call | FlowControl::IndirectCall => 0,
                    _ => i64::from(insn.stack_pointer_increment()),
                };
                Effect::Copy { dst: RSP, src: RSP, offset: moved }
            }
            _ if dst == RSP && insn.mnemonic() == Mnemonic::Leave => {
                Effect::Copy { dst: RSP, src: RBP, offset: 8 }
            }
            _ => Effect::Write { dst },
        };
        if !effects.contains(&effect) {
            effects.push(effect);
        }
    }

    let flow = match insn.flow_control() {
        FlowControl::Next => Flow::Next,
        FlowControl::UnconditionalBranch => Flow::Jump(insn.near_branch_target()),
        FlowControl::ConditionalBranch => Flow::Branch(insn.near_branch_target()),
        FlowControl::IndirectBranch => indirect(&insn, Flow::JumpRegister, Flow::JumpMemory),
        FlowControl::IndirectCall => indirect(&insn, Flow::CallRegister, Flow::CallMemory),
        FlowControl::Call if insn.op0_kind() == OpKind::NearBranch64 => {
            Flow::Call(insn.near_branch_target())
        }
        FlowControl::Return => Flow::Return,
        FlowControl::Exception => Flow::Trap,
        FlowControl::Interrupt if insn.mnemonic() == Mnemonic::Int3 => Flow::Trap,
        FlowControl::Call | FlowControl::Interrupt | FlowControl::XbeginXabortXend => Flow::System,
    };
    let flow = if insn.mnemonic() == Mnemonic::Hlt { Flow::Trap } else { flow };

    Ok(Insn {
        address,
        len: insn.len() as u8,
        flow,
        effects,
        memory,
        vectors_written,
        all_lanes: all_lanes(&insn),
        push_pop,
        raw: RawInsn::X86(insn),
    })
}

/// Whether an instruction computes with floats in all lanes of a vector. Not with a constant vector: that is
/// how a `u64` becomes a float, by halves, and fills both lanes itself.
fn all_lanes(insn: &Instruction) -> bool {
    use Mnemonic::*;
    !insn.is_ip_rel_memory_operand()
        && matches!(
            insn.mnemonic(),
            Addps
                | Addpd
                | Subps
                | Subpd
                | Mulps
                | Mulpd
                | Divps
                | Divpd
                | Sqrtps
                | Sqrtpd
                | Minps
                | Minpd
                | Maxps
                | Maxpd
                | Cvtps2pd
                | Cvtpd2ps
                | Vaddps
                | Vaddpd
                | Vsubps
                | Vsubpd
                | Vmulps
                | Vmulpd
                | Vdivps
                | Vdivpd
                | Vsqrtps
                | Vsqrtpd
                | Vminps
                | Vminpd
                | Vmaxps
                | Vmaxpd
                | Vcvtps2pd
                | Vcvtpd2ps
        )
}

const RSP: Reg = 4;
const RBP: Reg = 5;

fn gpr(register: Register) -> Option<Reg> {
    let full = register.full_register();
    full.is_gpr64().then(|| full.number() as Reg)
}

fn is_push_pop(insn: &Instruction) -> bool {
    insn.is_stack_instruction()
        && !matches!(
            insn.flow_control(),
            FlowControl::Call
                | FlowControl::IndirectCall
                | FlowControl::Return
                | FlowControl::Interrupt
        )
        || matches!(insn.mnemonic(), Mnemonic::Enter | Mnemonic::Leave)
}

fn explicit_base_is_rsp(insn: &Instruction) -> bool {
    insn.op_kinds().any(|kind| kind == OpKind::Memory) && gpr(insn.memory_base()) == Some(RSP)
}

fn indirect(insn: &Instruction, register: fn(Reg) -> Flow, memory: Flow) -> Flow {
    match (insn.op0_kind(), gpr(insn.op0_register())) {
        (OpKind::Register, Some(reg)) => register(reg),
        (OpKind::Memory, _) => memory,
        _ => Flow::System,
    }
}

/// The explicit memory operand.
fn operand_memory(insn: &Instruction) -> Memory {
    if insn.is_ip_rel_memory_operand() {
        return Memory {
            offset: insn.ip_rel_memory_address() as i64,
            scale: 1,
            ..Memory::default()
        };
    }
    Memory {
        base: gpr(insn.memory_base()),
        index: gpr(insn.memory_index()),
        scale: insn.memory_index_scale() as u8,
        offset: insn.memory_displacement64() as i64,
    }
}

/// The effect of the instructions that compute addresses; `None` for all others.
fn precise_effect(insn: &Instruction) -> Option<Effect> {
    if insn.op0_kind() != OpKind::Register {
        return None;
    }
    let dst = gpr(insn.op0_register())?;
    let wide = insn.op0_register().is_gpr64();
    let immediate = || insn.try_immediate(1).ok().map(|v| v as i64);
    match insn.mnemonic() {
        Mnemonic::Mov
            if insn.op1_kind() == OpKind::Memory && (wide || insn.op0_register().is_gpr32()) =>
        {
            Some(Effect::Load { dst, memory: operand_memory(insn) })
        }
        Mnemonic::Movzx | Mnemonic::Movsx | Mnemonic::Movsxd
            if insn.op1_kind() == OpKind::Memory =>
        {
            Some(Effect::Load { dst, memory: operand_memory(insn) })
        }
        Mnemonic::Mov if wide && insn.op1_kind() == OpKind::Register => {
            Some(Effect::Copy { dst, src: gpr(insn.op1_register())?, offset: 0 })
        }
        Mnemonic::Lea if wide => Some(Effect::Address { dst, memory: operand_memory(insn) }),
        Mnemonic::Add if wide && insn.op1_kind() == OpKind::Register => {
            let index = Some(gpr(insn.op1_register())?);
            Some(Effect::Address {
                dst,
                memory: Memory { base: Some(dst), index, scale: 1, offset: 0 },
            })
        }
        Mnemonic::Add if wide => Some(Effect::Copy { dst, src: dst, offset: immediate()? }),
        Mnemonic::Sub if wide => {
            Some(Effect::Copy { dst, src: dst, offset: immediate()?.checked_neg()? })
        }
        Mnemonic::Inc if wide => Some(Effect::Copy { dst, src: dst, offset: 1 }),
        Mnemonic::Dec if wide => Some(Effect::Copy { dst, src: dst, offset: -1 }),
        _ => None,
    }
}

/// The label of the one operand that is a fixed address. The formatter wants a `'static`
/// resolver, so the label is made before.
struct Label(Option<String>);

impl SymbolResolver for Label {
    fn symbol(
        &mut self,
        insn: &Instruction,
        _operand: u32,
        instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        reference(insn, instruction_operand?)?;
        Some(SymbolResult::with_str(address, self.0.as_deref()?))
    }
}

/// The fixed address that an operand names.
fn reference(insn: &Instruction, operand: u32) -> Option<Reference> {
    match insn.op_kind(operand) {
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            Some(Reference::Code(insn.near_branch_target()))
        }
        OpKind::Memory if insn.is_ip_rel_memory_operand() => {
            Some(Reference::Data(insn.ip_rel_memory_address(), insn.memory_size().size()))
        }
        _ => None,
    }
}

struct Text<'a> {
    out: String,
    rename: &'a Rename<'a>,
}

impl FormatterOutput for Text<'_> {
    fn write(&mut self, text: &str, _kind: FormatterTextKind) {
        self.out.push_str(text);
    }

    fn write_register(
        &mut self,
        insn: &Instruction,
        _operand: u32,
        instruction_operand: Option<u32>,
        text: &str,
        _register: Register,
    ) {
        let access = match instruction_operand {
            Some(operand) if insn.op_kind(operand) == OpKind::Register => {
                match InstructionInfoFactory::new().info(insn).op_access(operand) {
                    OpAccess::Read => Access::Read,
                    OpAccess::Write => Access::Write,
                    _ => Access::Both,
                }
            }
            // Part of an address.
            _ => Access::Read,
        };
        match (self.rename)(text, access) {
            Some(renamed) => self.out.push_str(&renamed),
            None => self.out.push_str(text),
        }
    }
}

pub(super) fn text(
    insn: &Instruction,
    name: &dyn Fn(Reference) -> String,
    rename: &Rename<'_>,
) -> String {
    let label = (0..insn.op_count()).find_map(|operand| reference(insn, operand)).map(name);
    let mut formatter = IntelFormatter::with_options(Some(Box::new(Label(label))), None);
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_space_after_operand_separator(false);
    options.set_show_branch_size(false);
    options.set_rip_relative_addresses(false);
    options.set_branch_leading_zeros(false);
    options.set_small_hex_numbers_in_decimal(true);
    let mut output = Text { out: String::new(), rename };
    formatter.format(insn, &mut output);
    output.out
}
