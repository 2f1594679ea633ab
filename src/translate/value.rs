//! Value kinds, as far as translation tells them apart.

use crate::types::ValType;

/// What kind of register and how many slots a value needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    I32,
    I64,
    F32,
    F64,
    V128,
    /// A reference: like an `i64`, but a root of the collector.
    Ref,
}

impl Kind {
    pub fn of(ty: ValType) -> Kind {
        match ty {
            ValType::I32 => Kind::I32,
            ValType::I64 => Kind::I64,
            ValType::F32 => Kind::F32,
            ValType::F64 => Kind::F64,
            ValType::V128 => Kind::V128,
            ValType::Ref(_) => Kind::Ref,
        }
    }

    pub fn of_wasm(ty: &wasmparser::ValType) -> Kind {
        match ty {
            wasmparser::ValType::I32 => Kind::I32,
            wasmparser::ValType::I64 => Kind::I64,
            wasmparser::ValType::F32 => Kind::F32,
            wasmparser::ValType::F64 => Kind::F64,
            wasmparser::ValType::V128 => Kind::V128,
            wasmparser::ValType::Ref(_) => Kind::Ref,
        }
    }

    /// A list of one type of this kind.
    pub fn types(self) -> &'static [ValType] {
        match self {
            Kind::I32 => &[ValType::I32],
            Kind::I64 => &[ValType::I64],
            Kind::F32 => &[ValType::F32],
            Kind::F64 => &[ValType::F64],
            Kind::V128 => &[ValType::V128],
            Kind::Ref => &[ValType::ANYREF],
        }
    }

    /// Slots it occupies.
    pub fn slots(self) -> i32 {
        if self == Kind::V128 { 2 } else { 1 }
    }

    /// Whether its accumulator is the float one.
    pub fn is_float(self) -> bool {
        matches!(self, Kind::F32 | Kind::F64 | Kind::V128)
    }
}
