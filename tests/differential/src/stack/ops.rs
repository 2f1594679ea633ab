//! The numeric operators, as a table.

use wasm_encoder::Instruction;

use crate::observe::Ty;
use crate::observe::Ty::{F32, F64, I32, I64};

/// What a generator has to know of an operator beside its types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Habit {
    /// Nothing.
    Plain,
    /// Its result may be a NaN, of which WebAssembly does not say which.
    MakesNan,
    /// It shows which NaN its last operand is.
    ShowsNan,
    /// It traps on a zero on the right.
    Divides,
    /// It traps on floats out of range.
    Truncates,
}

/// An operator.
#[derive(Debug)]
pub struct Op {
    /// The instruction.
    pub code: Instruction<'static>,
    /// The operands' types.
    pub args: &'static [Ty],
    /// The result's.
    pub result: Ty,
    /// See there.
    pub habit: Habit,
}

/// `habit [args] => result: names;` becomes one row of the table per name.
macro_rules! ops {
    ($($habit:ident $args:tt => $result:ident: $($name:ident)+;)*) => {
        /// All operators.
        pub const OPS: &[Op] = &[$($(Op {
            code: Instruction::$name,
            args: &$args,
            result: $result,
            habit: Habit::$habit,
        },)+)*];
    };
}

ops! {
    Plain [I32, I32] => I32: I32Add I32Sub I32Mul I32And I32Or I32Xor I32Shl I32ShrS I32ShrU I32Rotl I32Rotr;
    Plain [I32, I32] => I32: I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU;
    Plain [I32] => I32: I32Eqz I32Clz I32Ctz I32Popcnt I32Extend8S I32Extend16S;
    Plain [I64, I64] => I64: I64Add I64Sub I64Mul I64And I64Or I64Xor I64Shl I64ShrS I64ShrU I64Rotl I64Rotr;
    Plain [I64, I64] => I32: I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU;
    Plain [I64] => I32: I64Eqz I32WrapI64;
    Plain [I64] => I64: I64Clz I64Ctz I64Popcnt I64Extend8S I64Extend16S I64Extend32S;
    Plain [I32] => I64: I64ExtendI32S I64ExtendI32U;
    Divides [I32, I32] => I32: I32DivS I32DivU I32RemS I32RemU;
    Divides [I64, I64] => I64: I64DivS I64DivU I64RemS I64RemU;
    MakesNan [F32, F32] => F32: F32Add F32Sub F32Mul F32Div F32Min F32Max;
    MakesNan [F32] => F32: F32Sqrt F32Ceil F32Floor F32Trunc F32Nearest;
    Plain [F32] => F32: F32Abs F32Neg;
    ShowsNan [F32, F32] => F32: F32Copysign;
    Plain [F32, F32] => I32: F32Eq F32Ne F32Lt F32Gt F32Le F32Ge;
    MakesNan [F64, F64] => F64: F64Add F64Sub F64Mul F64Div F64Min F64Max;
    MakesNan [F64] => F64: F64Sqrt F64Ceil F64Floor F64Trunc F64Nearest;
    Plain [F64] => F64: F64Abs F64Neg;
    ShowsNan [F64, F64] => F64: F64Copysign;
    Plain [F64, F64] => I32: F64Eq F64Ne F64Lt F64Gt F64Le F64Ge;
    MakesNan [F64] => F32: F32DemoteF64;
    MakesNan [F32] => F64: F64PromoteF32;
    Plain [I32] => F32: F32ConvertI32S F32ConvertI32U F32ReinterpretI32;
    Plain [I64] => F32: F32ConvertI64S F32ConvertI64U;
    Plain [I32] => F64: F64ConvertI32S F64ConvertI32U;
    Plain [I64] => F64: F64ConvertI64S F64ConvertI64U F64ReinterpretI64;
    ShowsNan [F32] => I32: I32ReinterpretF32;
    ShowsNan [F64] => I64: I64ReinterpretF64;
    Plain [F32] => I32: I32TruncSatF32S I32TruncSatF32U;
    Plain [F64] => I32: I32TruncSatF64S I32TruncSatF64U;
    Plain [F32] => I64: I64TruncSatF32S I64TruncSatF32U;
    Plain [F64] => I64: I64TruncSatF64S I64TruncSatF64U;
    Truncates [F32] => I32: I32TruncF32S I32TruncF32U;
    Truncates [F64] => I32: I32TruncF64S I32TruncF64U;
    Truncates [F32] => I64: I64TruncF32S I64TruncF32U;
    Truncates [F64] => I64: I64TruncF64S I64TruncF64U;
}

/// A memory access: how to make it, its width in bytes as a power of two, its value's type.
pub type Access = (fn(wasm_encoder::MemArg) -> Instruction<'static>, u32, Ty);

/// All loads.
pub const LOADS: &[Access] = &[
    (Instruction::I32Load, 2, I32),
    (Instruction::I32Load8S, 0, I32),
    (Instruction::I32Load8U, 0, I32),
    (Instruction::I32Load16S, 1, I32),
    (Instruction::I32Load16U, 1, I32),
    (Instruction::I64Load, 3, I64),
    (Instruction::I64Load8S, 0, I64),
    (Instruction::I64Load8U, 0, I64),
    (Instruction::I64Load16S, 1, I64),
    (Instruction::I64Load16U, 1, I64),
    (Instruction::I64Load32S, 2, I64),
    (Instruction::I64Load32U, 2, I64),
    (Instruction::F32Load, 2, F32),
    (Instruction::F64Load, 3, F64),
];

/// All stores.
pub const STORES: &[Access] = &[
    (Instruction::I32Store, 2, I32),
    (Instruction::I32Store8, 0, I32),
    (Instruction::I32Store16, 1, I32),
    (Instruction::I64Store, 3, I64),
    (Instruction::I64Store8, 0, I64),
    (Instruction::I64Store16, 1, I64),
    (Instruction::I64Store32, 2, I64),
    (Instruction::F32Store, 2, F32),
    (Instruction::F64Store, 3, F64),
];
