//! Reading constant expressions.

use wasmparser::Operator;

use super::ModuleInfo;
use super::const_expr::{ConstExpr, ConstOp, Ops};
use crate::error::{ModuleError, ModuleErrorKind};
use crate::index::{FuncIndex, GlobalIndex, TypeIndex};
use crate::prelude::*;

impl ConstExpr {
    /// Takes over an expression that the validator has accepted. Only the type index space of
    /// `module` is used.
    pub(super) fn read(
        module: &ModuleInfo,
        expr: &wasmparser::ConstExpr<'_>,
    ) -> Result<ConstExpr, ModuleError> {
        let mut reader = expr.get_operators_reader();
        let mut first = None;
        let mut ops = Vec::new();
        loop {
            let offset = reader.original_position();
            let operator = reader.read()?;
            if matches!(operator, Operator::End) {
                break;
            }
            let op = const_op(module, &operator).ok_or_else(|| {
                let message = "unsupported instruction in a constant expression";
                ModuleError::new(ModuleErrorKind::Unsupported, offset, message)
            })?;
            match first {
                None if ops.is_empty() => first = Some(op),
                _ => {
                    ops.extend(first.take());
                    ops.push(op);
                }
            }
        }
        Ok(ConstExpr(match first {
            Some(op) => Ops::One(op),
            None => Ops::Many(ops.into()),
        }))
    }
}

fn const_op(module: &ModuleInfo, operator: &Operator<'_>) -> Option<ConstOp> {
    let id = |index: u32| module.type_id(TypeIndex(index));
    Some(match *operator {
        Operator::I32Const { value } => ConstOp::I32Const(value),
        Operator::I64Const { value } => ConstOp::I64Const(value),
        Operator::F32Const { value } => ConstOp::F32Const(value.bits()),
        Operator::F64Const { value } => ConstOp::F64Const(value.bits()),
        Operator::V128Const { value } => ConstOp::V128Const(Box::new(*value.bytes())),
        Operator::GlobalGet { global_index } => ConstOp::GlobalGet(GlobalIndex(global_index)),
        Operator::RefFunc { function_index } => ConstOp::RefFunc(FuncIndex(function_index)),
        Operator::RefNull { hty } => ConstOp::RefNull(module.heap_type(hty)),
        Operator::I32Add => ConstOp::I32Add,
        Operator::I32Sub => ConstOp::I32Sub,
        Operator::I32Mul => ConstOp::I32Mul,
        Operator::I64Add => ConstOp::I64Add,
        Operator::I64Sub => ConstOp::I64Sub,
        Operator::I64Mul => ConstOp::I64Mul,
        Operator::RefI31 => ConstOp::RefI31,
        Operator::StructNew { struct_type_index } => ConstOp::StructNew(id(struct_type_index)),
        Operator::StructNewDefault { struct_type_index } => {
            ConstOp::StructNewDefault(id(struct_type_index))
        }
        Operator::ArrayNew { array_type_index } => ConstOp::ArrayNew(id(array_type_index)),
        Operator::ArrayNewDefault { array_type_index } => {
            ConstOp::ArrayNewDefault(id(array_type_index))
        }
        Operator::ArrayNewFixed { array_type_index, array_size } => {
            ConstOp::ArrayNewFixed(id(array_type_index), array_size)
        }
        Operator::AnyConvertExtern => ConstOp::AnyConvertExtern,
        Operator::ExternConvertAny => ConstOp::ExternConvertAny,
        _ => return None,
    })
}
