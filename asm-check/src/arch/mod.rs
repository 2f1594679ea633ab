//! What the rules need to know of one machine instruction, the same for every instruction set.

pub mod aarch64;
pub mod x86_64;

use crate::image::{Image, Machine};

/// A general-purpose register by its number in the machine's encoding. On AArch64 number 31 is
/// always the stack pointer here: reads of the zero register are not recorded as registers.
pub type Reg = u8;

/// More than any supported machine has.
pub const MAX_REGS: usize = 32;

/// Where control goes after an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// To the instruction behind it.
    Next,
    /// To a fixed address.
    Jump(u64),
    /// To a fixed address or to the instruction behind it.
    Branch(u64),
    /// To an address held in a register.
    JumpRegister(Reg),
    /// To an address loaded from the memory operand.
    JumpMemory,
    /// A call to a fixed address.
    Call(u64),
    /// A call to the address held in a register.
    CallRegister(Reg),
    /// A call to an address loaded from the memory operand.
    CallMemory,
    /// Back to the caller.
    Return,
    /// A trap that does not come back (`ud2`, `brk`).
    Trap,
    /// Into the operating system or another privileged transition.
    System,
}

/// A memory operand: `base + index * scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Base register; none for an absolute or pc-relative address, which is then in `offset`.
    pub base: Option<Reg>,
    /// Index register.
    pub index: Option<Reg>,
    /// 1, 2, 4, 8 or more.
    pub scale: u8,
    /// Bytes added; the whole address where there is neither base nor index.
    pub offset: i64,
}

/// How an instruction's result relates to what it read, as far as following addresses needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `dst := src + offset`, 64 bits wide.
    Copy {
        /// Register written.
        dst: Reg,
        /// Register read.
        src: Reg,
        /// Bytes added.
        offset: i64,
    },
    /// `dst := address of the memory operand`.
    Address {
        /// Register written.
        dst: Reg,
        /// The operand whose address is taken.
        memory: Memory,
    },
    /// `dst := a value loaded from the memory operand`, of any width.
    Load {
        /// Register written.
        dst: Reg,
        /// Where it is read from.
        memory: Memory,
    },
    /// `dst := something else`.
    Write {
        /// Register written.
        dst: Reg,
    },
}

impl Effect {
    /// The register written.
    pub fn destination(self) -> Reg {
        match self {
            Effect::Copy { dst, .. }
            | Effect::Address { dst, .. }
            | Effect::Load { dst, .. }
            | Effect::Write { dst } => dst,
        }
    }
}

/// One decoded instruction.
#[derive(Debug, Clone)]
pub struct Insn {
    /// Its address.
    pub address: u64,
    /// Its length in bytes.
    pub len: u8,
    /// Where control goes.
    pub flow: Flow,
    /// Effects on registers, applied in order; all read the registers as they were before.
    pub effects: Vec<Effect>,
    /// Memory it reads or writes, other than what a push, pop, call or return does by itself.
    pub memory: Vec<Memory>,
    /// Vector registers that it writes, one bit each; not told on AArch64, where none carries an
    /// address.
    pub vectors_written: u32,
    /// Float arithmetic on all lanes of a vector; not told on AArch64, where float registers are handed on
    /// as integers and no operand is a lane.
    pub all_lanes: bool,
    /// A push or pop of any form, or `enter`/`leave`; on AArch64 a load or store that
    /// also moves the stack pointer.
    pub push_pop: bool,
    /// What the text prints as: mnemonic and operands with labels for addresses.
    raw: RawInsn,
}

#[derive(Debug, Clone)]
enum RawInsn {
    X86(iced_x86::Instruction),
    A64(yaxpeax_arm::armv8::a64::Instruction),
}

impl Insn {
    /// The address behind it.
    pub fn end(&self) -> u64 {
        self.address.wrapping_add(u64::from(self.len))
    }

    /// The memory operand of an indirect jump or call through memory.
    pub fn target_memory(&self) -> Option<Memory> {
        match self.flow {
            Flow::JumpMemory | Flow::CallMemory => self.memory.last().copied(),
            _ => None,
        }
    }

    /// The text of the instruction. `name` turns an address it refers to into a label;
    /// `rename` turns a register's name into what is printed instead.
    pub fn text(&self, name: &dyn Fn(Reference) -> String, rename: &Rename<'_>) -> String {
        match &self.raw {
            RawInsn::X86(insn) => x86_64::text(insn, name, rename),
            RawInsn::A64(insn) => aarch64::text(insn, self.address, name, rename),
        }
    }
}

/// What an instruction does with a register that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It reads it.
    Read,
    /// It overwrites it.
    Write,
    /// It does both, or the decoder does not say.
    Both,
}

/// What to print for a register, given its name and what is done with it.
pub type Rename<'a> = dyn Fn(&str, Access) -> Option<String> + 'a;

/// An address that an instruction names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// The target of a jump or call.
    Code(u64),
    /// A pc-relative memory operand or address, with the bytes it covers (0 where unknown).
    Data(u64, usize),
}

/// Decodes the instruction at `address`.
///
/// # Errors
/// A description of what is wrong: no code there, or bytes that are no instruction.
pub fn decode(image: &Image, address: u64) -> Result<Insn, String> {
    if !image.is_code(address) {
        return Err("the path leaves the code sections".to_string());
    }
    match image.machine() {
        Machine::X86_64 => x86_64::decode(image.read(address, 15), address),
        Machine::Aarch64 => aarch64::decode(image.read(address, 4), address),
    }
}

/// The stack pointer of `machine`.
pub fn stack_pointer(machine: Machine) -> Reg {
    match machine {
        Machine::X86_64 => 4,
        Machine::Aarch64 => 31,
    }
}

/// The registers that a call leaves as they were, in the platform's C convention.
pub fn preserved_by_call(machine: Machine) -> &'static [Reg] {
    match machine {
        Machine::X86_64 => &[3, 4, 5, 12, 13, 14, 15],
        Machine::Aarch64 => &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31],
    }
}
