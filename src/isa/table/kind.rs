//! What the fields of instructions hold.

/// What an operand field of an instruction holds, for the disassembler and the encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Signed 16-bit slot number, written.
    Dst,
    /// Signed 16-bit slot number, read.
    Slot,
    /// Signed 32-bit slot number, read or written: what the 16-bit ones do not reach.
    Far,
    /// The accumulator, no bits in the stream.
    Acc,
    /// A pinned local, no bits in the stream: its place is its number.
    Pin,
    /// Signed 16-bit immediate.
    Imm16,
    /// Signed 32-bit immediate.
    Imm32,
    /// Raw 64-bit immediate.
    Imm64,
    /// 32-bit float immediate (low half of an 8-byte field).
    F32,
    /// 64-bit float immediate.
    F64,
    /// Unsigned 32-bit memory offset.
    Off32,
    /// Unsigned 64-bit memory offset.
    Off64,
    /// Branch target: signed 32-bit distance in bytes from this instruction.
    Target,
    /// Unsigned 16-bit count.
    Count,
    /// Unsigned 32-bit count.
    Count32,
    /// Byte offset of a defined function's code entry: 16 times its index.
    Func,
    /// Byte offset into the instance context.
    Ctx,
    /// Canonical type id: the engine's, which stays what it is.
    Type,
    /// Runtime function: its number in the runtime namespace, replaced by its address on loading.
    Runtime,
    /// 16 raw bytes.
    Bytes16,
    /// No operand: the number 0, no bits in the stream.
    Absent,
}

impl Kind {
    /// Whether it has bits in the stream.
    pub fn is_encoded(self) -> bool {
        !matches!(self, Kind::Acc | Kind::Pin | Kind::Absent)
    }

    /// Whether it is the number of a slot.
    pub fn is_slot(self) -> bool {
        matches!(self, Kind::Dst | Kind::Slot)
    }

    /// All kinds; the index is the kind's number.
    pub const ALL: [Kind; 21] = [
        Kind::Dst,
        Kind::Slot,
        Kind::Far,
        Kind::Acc,
        Kind::Pin,
        Kind::Imm16,
        Kind::Imm32,
        Kind::Imm64,
        Kind::F32,
        Kind::F64,
        Kind::Off32,
        Kind::Off64,
        Kind::Target,
        Kind::Count,
        Kind::Count32,
        Kind::Func,
        Kind::Ctx,
        Kind::Type,
        Kind::Runtime,
        Kind::Bytes16,
        Kind::Absent,
    ];
}

/// One operand of an instruction: name, kind, byte offset behind the head.
pub type Field = (&'static str, Kind, u8);
