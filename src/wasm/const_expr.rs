//! Constant expressions (core specification, section 3.4.9 "Constant Expressions") as data, for
//! the store to evaluate.

use wasmparser::Operator;

use super::ModuleInfo;
use crate::error::{ModuleError, ModuleErrorKind};
use crate::index::{FuncIndex, GlobalIndex, TypeId, TypeIndex};
use crate::types::HeapType;

/// One operation of a constant expression, on a stack of values.
#[derive(Clone, PartialEq, Debug)]
pub enum ConstOp {
    /// Pushes an `i32`.
    I32Const(i32),
    /// Pushes an `i64`.
    I64Const(i64),
    /// Pushes an `f32`, given by its bits.
    F32Const(u32),
    /// Pushes an `f64`, given by its bits.
    F64Const(u64),
    /// Pushes a `v128`, given by its bytes in memory order.
    V128Const(Box<[u8; 16]>),
    /// Pushes a global's value.
    GlobalGet(GlobalIndex),
    /// Pushes a reference to a function.
    RefFunc(FuncIndex),
    /// Pushes a null reference.
    RefNull(HeapType),
    /// Pops two, pushes the sum.
    I32Add,
    /// Pops two, pushes first minus second.
    I32Sub,
    /// Pops two, pushes the product.
    I32Mul,
    /// Pops two, pushes the sum.
    I64Add,
    /// Pops two, pushes first minus second.
    I64Sub,
    /// Pops two, pushes the product.
    I64Mul,
    /// Pops an `i32`, pushes it as an `i31` reference.
    RefI31,
    /// Pops the fields, pushes a structure.
    StructNew(TypeId),
    /// Pushes a structure whose fields have default values.
    StructNewDefault(TypeId),
    /// Pops an element and a length (`i32`, on top), pushes an array.
    ArrayNew(TypeId),
    /// Pops a length (`i32`), pushes an array with default elements.
    ArrayNewDefault(TypeId),
    /// Pops so many elements, pushes an array.
    ArrayNewFixed(TypeId, u32),
    /// Turns an external reference into an internal one.
    AnyConvertExtern,
    /// Turns an internal reference into an external one.
    ExternConvertAny,
}

/// A valid constant expression. Its operations leave exactly one value.
#[derive(Clone, PartialEq, Debug)]
pub struct ConstExpr(Ops);

/// Nearly all expressions are one operation, and segments can hold millions of them.
#[derive(Clone, PartialEq, Debug)]
enum Ops {
    One(ConstOp),
    Many(Box<[ConstOp]>),
}

impl ConstExpr {
    /// An expression of one operation.
    pub fn one(op: ConstOp) -> ConstExpr {
        ConstExpr(Ops::One(op))
    }

    /// The operations, in order, without the final `end`.
    pub fn ops(&self) -> &[ConstOp] {
        match &self.0 {
            Ops::One(op) => core::slice::from_ref(op),
            Ops::Many(ops) => ops,
        }
    }

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
                let message = format!("constant expression with {operator:?}");
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

// Segments hold millions of these.
static_assertions::const_assert!(core::mem::size_of::<ConstExpr>() <= 24);
