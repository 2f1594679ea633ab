//! Constant expressions (core specification, section 3.4.9 "Constant Expressions") as data, for
//! the store to evaluate.

use crate::index::{FuncIndex, GlobalIndex, TypeId};
use crate::prelude::*;
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
pub struct ConstExpr(pub(super) Ops);

/// Nearly all expressions are one operation, and segments can hold millions of them.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Ops {
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
}

// Segments hold millions of these.
static_assertions::const_assert!(core::mem::size_of::<ConstExpr>() <= 24);
