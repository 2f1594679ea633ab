//! The operand formats: where the operands of an instruction stand behind its head. Every row has one,
//! and everything that writes or reads operands is generated from it.
//!
//! A format says what an operand can be and at which byte it stands then:
//!
//! | | |
//! |---|---|
//! | `D` | a destination, of the class in the op's name; the slot number, if there is one |
//! | `X` | a source, likewise |
//! | any [`Kind`] | that, in every op of the format; beside `X`, what stands there if the class is `i` |
//!
//! A class `i` without a kind beside `X` is no operand at all (`k` in names).

use super::{Class, Field, Kind};

/// An operand of a format.
pub struct Operand {
    /// Its name.
    pub name: &'static str,
    /// Whether its class is part of an op's name.
    pub classed: bool,
    /// What it can be, and the byte where it stands then.
    pub places: &'static [(Kind, u8)],
}

/// Names and places of operands.
pub struct Format {
    /// The name of its structure in the generated module `op`.
    pub name: &'static str,
    /// Which instructions it is for.
    pub doc: &'static str,
    /// Its operands, in the order of listings.
    pub operands: &'static [Operand],
}

impl Kind {
    /// Bytes that it takes.
    pub fn width(self) -> u8 {
        match self {
            Kind::Acc | Kind::Pin | Kind::Absent => 0,
            Kind::Dst | Kind::Slot | Kind::Imm16 | Kind::Count => 2,
            Kind::Far
            | Kind::Imm32
            | Kind::Off32
            | Kind::Target
            | Kind::Count32
            | Kind::Func
            | Kind::Ctx
            | Kind::Type => 4,
            // A 32-bit float is the low half of its field.
            Kind::Imm64 | Kind::F32 | Kind::F64 | Kind::Off64 | Kind::Runtime => 8,
            Kind::Bytes16 => 16,
        }
    }
}

impl Operand {
    /// What it is in an op with this class for it, the immediates of which have kind `immediate`, if that
    /// is given. The place of a pinned local is its number.
    pub fn field(&self, class: Class, immediate: Option<Kind>) -> Field {
        let (kind, at) = self.places[0];
        match class {
            Class::A => ("acc", Kind::Acc, 0),
            Class::S => (self.name, kind, at),
            Class::L => ("pin0", Kind::Pin, 0),
            Class::M => ("pin1", Kind::Pin, 1),
            Class::N => ("pin2", Kind::Pin, 2),
            Class::I => {
                let mut others = self.places[1..].iter();
                let chosen = match immediate {
                    Some(wanted) => others.find(|place| place.0 == wanted),
                    None => others.next(),
                };
                chosen.map_or((self.name, Kind::Absent, 0), |&(kind, at)| (self.name, kind, at))
            }
        }
    }

    /// What it is in a format where it has no class.
    pub fn fixed(&self, immediate: Option<Kind>) -> Field {
        let chosen = self.places.iter().find(|place| Some(place.0) == immediate);
        let &(kind, at) = chosen.unwrap_or(&self.places[0]);
        (self.name, kind, at)
    }

    /// Where it ends if it is `field`. The slot's place is kept free for it in any case: an op's result gets
    /// the number of its home even where the op does not store it.
    pub fn end(&self, field: Field) -> u8 {
        let (_, kind, at) = field;
        match kind {
            Kind::Acc | Kind::Pin | Kind::Absent => self.places[0].1 + self.places[0].0.width(),
            _ => at + kind.width(),
        }
    }
}

/// Turns `Br { to: Target @ 4 }` into `pub static BR: Format`, and makes the list of all.
macro_rules! formats {
    (@kind D) => { Kind::Dst };
    (@kind X) => { Kind::Slot };
    (@kind $kind:ident) => { Kind::$kind };
    (@classed D) => { true };
    (@classed X) => { true };
    (@classed $kind:ident) => { false };
    ($(
        #[doc = $doc:literal]
        $name:ident $constant:ident {
            $($operand:ident: $first:tt @ $at:literal $(| $kind:tt @ $place:literal)*),* $(,)?
        }
    )*) => {
        $(
            #[doc = $doc]
            pub static $constant: Format = Format {
                name: stringify!($name),
                doc: $doc,
                operands: &[$(Operand {
                    name: stringify!($operand),
                    classed: formats!(@classed $first),
                    places: &[
                        (formats!(@kind $first), $at)
                        $(, (formats!(@kind $kind), $place))*
                    ],
                }),*],
            };
        )*
        /// All formats.
        pub static FORMATS: &[&Format] = &[$(&$constant),*];
    };
}

formats! {
    /// Ops without operands.
    Empty EMPTY {}

    // ---- control
    /// `trap`
    Trap TRAP { code: Count32 @ 0 }
    /// `br`
    Br BR { to: Target @ 4 }
    /// `br_table`; `count + 1` distances follow.
    BrTable BR_TABLE { index: X @ 0, count: Count32 @ 4 }
    /// Branches on one value.
    BrIf BR_IF { cond: X @ 0, to: Target @ 4 }
    /// Branches on a comparison.
    BrCompare BR_COMPARE { lhs: X @ 0, rhs: X @ 2 | Imm16 @ 2 | F32 @ 8 | F64 @ 8, to: Target @ 4 }
    /// Branches on a reference's type.
    BrOnCast BR_ON_CAST { object: X @ 0, null: Count @ 2, to: Target @ 4, ty: Count32 @ 8, depth: Count32 @ 12 }
    /// `consume_fuel` and `return_fuel`
    Fuel FUEL { x: Count32 @ 0, to: Target @ 4 }
    /// `zero_locals`
    ZeroLocals ZERO_LOCALS { first: Dst @ 0, count: Count @ 2 }

    // ---- calls and returns. All calls have `frame` at 0: what goes on for them relies on it.
    /// `call`
    Call CALL { frame: Dst @ 0, func: Func @ 4 }
    /// `call_import`
    CallImport CALL_IMPORT { frame: Dst @ 0, args: Slot @ 2, at: Ctx @ 4 }
    /// Calls through tables.
    CallIndirect CALL_INDIRECT { frame: Dst @ 0, index: X @ 2, table: Ctx @ 4, ty: Type @ 8 }
    /// `call_ref`
    CallRef CALL_REF { frame: Dst @ 0, func: Slot @ 2 }
    /// What all tail calls have, and where.
    TailCall TAIL_CALL { args: Slot @ 0, count: Count @ 2, to: Dst @ 4, frame: Dst @ 6 }
    /// `return_call`
    ReturnCall RETURN_CALL { args: Slot @ 0, count: Count @ 2, to: Dst @ 4, frame: Dst @ 6, func: Func @ 8 }
    /// `return_call_import`
    ReturnCallImport RETURN_CALL_IMPORT { args: Slot @ 0, count: Count @ 2, to: Dst @ 4, frame: Dst @ 6, at: Ctx @ 8 }
    /// Tail calls through tables.
    ReturnCallIndirect RETURN_CALL_INDIRECT {
        args: Slot @ 0, count: Count @ 2, to: Dst @ 4, frame: Dst @ 6, table: Ctx @ 8, ty: Type @ 12, index: Slot @ 16
    }
    /// `return_call_ref`
    ReturnCallRef RETURN_CALL_REF { args: Slot @ 0, count: Count @ 2, to: Dst @ 4, frame: Dst @ 6, func: Slot @ 8 }
    /// `call_indirect_host`
    HostStub HOST_STUB { sig: Type @ 0, args: Count32 @ 4 }
    /// `call_runtime`
    CallRuntime CALL_RUNTIME {
        frame: Dst @ 0, args: Slot @ 2, x: Count32 @ 4, y: Count32 @ 8, z: Count32 @ 12, func: Runtime @ 16
    }
    /// `memory_grow`: `call_runtime` with these for `x`, `y`, `z`.
    MemoryGrow MEMORY_GROW {
        frame: Dst @ 0, args: Slot @ 2, memory: Ctx @ 4, wide: Count32 @ 8, shift: Count32 @ 12, func: Runtime @ 16
    }
    /// `memory_fill`, likewise.
    MemoryFill MEMORY_FILL {
        frame: Dst @ 0, args: Slot @ 2, memory: Ctx @ 4, y: Count32 @ 8, z: Count32 @ 12, func: Runtime @ 16
    }
    /// `memory_copy`, likewise.
    MemoryCopy MEMORY_COPY {
        frame: Dst @ 0, args: Slot @ 2, to: Ctx @ 4, from: Ctx @ 8, z: Count32 @ 12, func: Runtime @ 16
    }
    /// `pin_ints`
    PinInts PIN_INTS { src0: Slot @ 0, src1: Slot @ 2 }
    /// `pin_floats`
    PinFloats PIN_FLOATS { src0: Slot @ 0, src1: Slot @ 2, src2: Slot @ 4 }
    /// `enter_far`
    EnterFar ENTER_FAR { slots: Count32 @ 0, zero: Count32 @ 4 }
    /// `leave_far`
    LeaveFar LEAVE_FAR { slots: Count32 @ 0 }
    /// Returns of one value.
    Return RETURN { to: Dst @ 2, value: X @ 0 | Imm32 @ 4 }

    // ---- moves
    /// `d := x`
    Mov MOV { dst: D @ 0, src: X @ 2 | Imm32 @ 4 }
    /// `d := 64-bit constant`
    Const CONST { dst: D @ 0, value: Imm64 @ 8 | F64 @ 8 }
    /// `d := 128-bit constant`
    VecConst VEC_CONST { dst: D @ 0, value: Bytes16 @ 8 }
    /// `mov2`
    Mov2 MOV2 { dst: Dst @ 0, src: Slot @ 2, dst2: Dst @ 4, src2: Slot @ 6 }
    /// `mov_span`
    MovSpan MOV_SPAN { dst: Dst @ 0, src: Slot @ 2, count: Count @ 4 }
    /// `mov_far`
    MovFar MOV_FAR { dst: Far @ 0, src: Far @ 4, count: Count @ 8 }
    /// `d := if c { x } else { y }`
    Select SELECT { dst: D @ 0, lhs: X @ 2 | Imm16 @ 2, rhs: X @ 4 | Imm16 @ 4, cond: X @ 6 }
    /// `d := what is in the context`
    GlobalGet GLOBAL_GET { dst: D @ 0, at: Ctx @ 4 }
    /// The other way round.
    GlobalSet GLOBAL_SET { at: Ctx @ 4, value: X @ 2 | Imm16 @ 2 }

    // ---- numbers
    /// `d := f(x)`
    Unary UNARY { dst: D @ 0, src: X @ 2 }
    /// `d := f(x, y)`
    Binary BINARY { dst: D @ 0, lhs: X @ 2, rhs: X @ 4 | Imm32 @ 4 | F32 @ 8 | F64 @ 8 }
    /// `d := f(x, y, z)`
    Ternary TERNARY { dst: D @ 0, a: X @ 2, b: X @ 4, c: X @ 6 }
    /// `d := f(x, y)` of 128 bits.
    Wide WIDE { dst: Dst @ 0, lhs_low: Slot @ 2, lhs_high: Slot @ 4, rhs_low: Slot @ 6, rhs_high: Slot @ 8 }
    /// `d := 128 bits of f(x, y)`
    WideMul WIDE_MUL { dst: Dst @ 0, lhs: Slot @ 2, rhs: Slot @ 4 }

    // ---- memories and tables
    /// Loads from memory 0.
    Load LOAD { dst: D @ 0, addr: X @ 2, offset: Off32 @ 4 }
    /// Stores to it.
    Store STORE { addr: X @ 0, value: X @ 2 | Imm16 @ 2, offset: Off32 @ 4 }
    /// Loads from any memory.
    LoadGeneral LOAD_GENERAL { dst: Dst @ 0, addr: Slot @ 2, memory: Ctx @ 4, offset: Off64 @ 8 }
    /// Stores to any memory.
    StoreGeneral STORE_GENERAL { addr: Slot @ 0, value: Slot @ 2, memory: Ctx @ 4, offset: Off64 @ 8 }
    /// Atomic changes.
    Rmw RMW { dst: Dst @ 0, addr: Slot @ 2, memory: Ctx @ 4, offset: Off64 @ 8, value: Slot @ 16 }
    /// Atomic exchanges on comparison.
    Cmpxchg CMPXCHG {
        dst: Dst @ 0, addr: Slot @ 2, memory: Ctx @ 4, offset: Off64 @ 8, expected: Slot @ 16, new: Slot @ 18
    }
    /// `memory_size`
    MemorySize MEMORY_SIZE { dst: Dst @ 0, shift: Count @ 2, memory: Ctx @ 4 }
    /// `table_size`
    TableSize TABLE_SIZE { dst: Dst @ 0, table: Ctx @ 4 }
    /// `table_get`
    TableGet TABLE_GET { dst: Dst @ 0, index: Slot @ 2, table: Ctx @ 4 }
    /// `table_set`
    TableSet TABLE_SET { index: Slot @ 0, value: Slot @ 2, table: Ctx @ 4 }
    /// `ref_func`
    RefFunc REF_FUNC { dst: Dst @ 0, index: Count32 @ 4 }
    /// `ref_func_import`
    RefFuncImport REF_FUNC_IMPORT { dst: Dst @ 0, at: Ctx @ 4 }

    // ---- objects
    /// `trap_if_null`
    TrapIfNull TRAP_IF_NULL { object: X @ 0 }
    /// `struct_new`
    StructNew STRUCT_NEW {
        frame: Slot @ 0, args: Dst @ 2, class: Count @ 4, slots: Count @ 6, ty: Count32 @ 8, bytes: Count32 @ 12
    }
    /// Reads of a field.
    StructGet STRUCT_GET { dst: D @ 0, object: X @ 2, offset: Off32 @ 4 }
    /// Writes of a field.
    StructSet STRUCT_SET { object: X @ 0, value: X @ 2 | Imm16 @ 2, offset: Off32 @ 4 }
    /// Reads of an element.
    ArrayGet ARRAY_GET { dst: D @ 0, object: X @ 2, index: X @ 4 | Imm16 @ 4 }
    /// Writes of an element.
    ArraySet ARRAY_SET { object: Slot @ 0, index: X @ 2, value: X @ 4 }
    /// `ref_test`
    RefTest REF_TEST { dst: D @ 0, object: X @ 4, null: Count @ 2, ty: Count32 @ 8, depth: Count32 @ 12 }
    /// `ref_cast`
    RefCast REF_CAST { object: X @ 0, null: Count @ 2, ty: Count32 @ 8, depth: Count32 @ 12 }

    // ---- vectors
    /// `d := a lane of x`
    Extract EXTRACT { dst: D @ 0, src: Slot @ 2, byte: Count @ 4 }
    /// `d := x with a lane replaced by y`
    Replace REPLACE { dst: D @ 0, lhs: X @ 2, rhs: X @ 4, mask: Bytes16 @ 8 }
    /// `i8x16.shuffle` from slots.
    Shuffle SHUFFLE { dst: Dst @ 0, lhs: Slot @ 2, rhs: Slot @ 4, lanes: Bytes16 @ 8 }
    /// `d := bytes of x`
    Permute PERMUTE { dst: D @ 0, src: X @ 2, lanes: Bytes16 @ 8 }
    /// `d := bytes of x and y`
    Permute2 PERMUTE2 { dst: D @ 0, lhs: X @ 2, rhs: X @ 4, lanes: Bytes16 @ 8, lanes2: Bytes16 @ 24 }
}
