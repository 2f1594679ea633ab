//! How fields are kept.

use core::fmt;

use super::{Mutability, RefType, ValType};
use crate::engine::Engine;
use crate::types;

/// How a field is kept in an object.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum StorageType {
    /// An 8-bit integer, read and written as `i32`.
    I8,
    /// A 16-bit integer, read and written as `i32`.
    I16,
    /// A value.
    ValType(ValType),
}

impl StorageType {
    /// Whether this is an 8-bit integer.
    pub fn is_i8(&self) -> bool {
        matches!(self, StorageType::I8)
    }

    /// Whether this is a 16-bit integer.
    pub fn is_i16(&self) -> bool {
        matches!(self, StorageType::I16)
    }

    /// Whether this is a value.
    pub fn is_val_type(&self) -> bool {
        matches!(self, StorageType::ValType(_))
    }

    /// The value's type, if this is one.
    pub fn as_val_type(&self) -> Option<&ValType> {
        match self {
            StorageType::ValType(ty) => Some(ty),
            _ => None,
        }
    }

    /// The value's type.
    ///
    /// # Panics
    ///
    /// If this is a packed integer.
    #[track_caller]
    pub fn unwrap_val_type(&self) -> &ValType {
        self.as_val_type().expect("not a value type")
    }

    /// The type on the operand stack: `i32` for packed integers.
    pub fn unpack(&self) -> &ValType {
        match self {
            StorageType::I8 | StorageType::I16 => &ValType::I32,
            StorageType::ValType(ty) => ty,
        }
    }

    /// Whether this is type the same as `other` or below it.
    #[track_caller]
    pub fn matches(&self, other: &StorageType) -> bool {
        match (self, other) {
            (StorageType::ValType(a), StorageType::ValType(b)) => a.matches(b),
            (a, b) => a == b,
        }
    }

    pub(super) fn lift(engine: &Engine, ty: types::StorageType) -> StorageType {
        match ty {
            types::StorageType::I8 => StorageType::I8,
            types::StorageType::I16 => StorageType::I16,
            types::StorageType::ValType(ty) => StorageType::ValType(ValType::lift(engine, ty)),
        }
    }

    fn lower(&self) -> types::StorageType {
        match self {
            StorageType::I8 => types::StorageType::I8,
            StorageType::I16 => types::StorageType::I16,
            StorageType::ValType(ty) => types::StorageType::ValType(ty.lower()),
        }
    }
}

impl From<ValType> for StorageType {
    fn from(ty: ValType) -> StorageType {
        StorageType::ValType(ty)
    }
}

impl From<RefType> for StorageType {
    fn from(ty: RefType) -> StorageType {
        StorageType::ValType(ty.into())
    }
}

impl fmt::Display for StorageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageType::I8 => f.write_str("i8"),
            StorageType::I16 => f.write_str("i16"),
            StorageType::ValType(ty) => ty.fmt(f),
        }
    }
}

/// A field of a structure, or the elements of an array.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FieldType {
    element: StorageType,
    mutability: Mutability,
}

impl FieldType {
    /// A field type.
    pub const fn new(mutability: Mutability, element_type: StorageType) -> FieldType {
        FieldType { element: element_type, mutability }
    }

    /// Whether the field may be written.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }

    /// How the field is kept.
    pub fn element_type(&self) -> &StorageType {
        &self.element
    }

    /// Is this type the same as `other` or below it? Fields that can be written match exactly.
    #[track_caller]
    pub fn matches(&self, other: &FieldType) -> bool {
        self.mutability == other.mutability
            && self.element.matches(&other.element)
            && (self.mutability.is_const() || other.element.matches(&self.element))
    }

    pub(super) fn lift(engine: &Engine, ty: types::FieldType) -> FieldType {
        FieldType::new(ty.mutability(), StorageType::lift(engine, ty.element_type()))
    }

    pub(super) fn lower(&self) -> types::FieldType {
        types::FieldType::new(self.mutability, self.element.lower())
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mutability {
            Mutability::Const => self.element.fmt(f),
            Mutability::Var => write!(f, "(mut {})", self.element),
        }
    }
}
