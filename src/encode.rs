//! Constant expressions of modules that are written: core dumps, and programs that are initialised already.

use wasm_encoder::{ConstExpr, Ieee32, Ieee64, ValType};

use crate::val::Val;

/// A number or vector, and its type; `None` for references.
pub fn number(value: &Val) -> Option<(ValType, ConstExpr)> {
    Some(match *value {
        Val::I32(value) => (ValType::I32, ConstExpr::i32_const(value)),
        Val::I64(value) => (ValType::I64, ConstExpr::i64_const(value)),
        Val::F32(bits) => (ValType::F32, ConstExpr::f32_const(Ieee32::new(bits))),
        Val::F64(bits) => (ValType::F64, ConstExpr::f64_const(Ieee64::new(bits))),
        Val::V128(value) => (ValType::V128, ConstExpr::v128_const(value.as_u128() as i128)),
        Val::FuncRef(_) | Val::ExternRef(_) | Val::AnyRef(_) | Val::ExnRef(_) => return None,
    })
}

/// An address of a memory, or an index of a table, as wide as those of that one.
pub fn address(is_64: bool, at: u64) -> ConstExpr {
    if is_64 { ConstExpr::i64_const(at as i64) } else { ConstExpr::i32_const(at as u32 as i32) }
}
