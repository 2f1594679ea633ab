//! Which types are below which (core specification, section 3.3 "Matching").

use super::registry::TypeInfo;
use crate::index::TypeId;
use crate::types::{FuncType, HeapType, RefType, ValType};

/// Whoever keeps types and finds them by their ids.
pub trait TypeLookup {
    /// A type that is kept.
    ///
    /// # Panics
    ///
    /// If it is not; as everything here does then.
    fn type_info(&self, id: TypeId) -> &TypeInfo;

    /// The function type with an id.
    ///
    /// # Panics
    ///
    /// If it is another kind of type.
    fn func_type(&self, id: TypeId) -> &FuncType {
        self.type_info(id).func()
    }

    /// Is type `a` the same as `b` or below it? In constant time.
    #[inline]
    fn is_subtype(&self, a: TypeId, b: TypeId) -> bool {
        a == b || self.type_info(a).is_subtype_of(self.type_info(b))
    }

    /// Whether heap type `a` is a subtype of `b` (core specification, section 3.3.3).
    fn heap_matches(&self, a: HeapType, b: HeapType) -> bool {
        match (a, b) {
            (HeapType::Concrete(a), HeapType::Concrete(b)) => self.is_subtype(a, b),
            (HeapType::Concrete(a), b) => {
                self.type_info(a).sub.composite.kind().matches_abstract(b)
            }
            (a, HeapType::Concrete(b)) => match self.type_info(b).sub.composite.kind() {
                HeapType::Func => a == HeapType::NoFunc,
                _ => a == HeapType::None,
            },
            (a, b) => a.matches_abstract(b),
        }
    }

    /// Whether reference type `a` is a subtype of `b` (core specification, section 3.3.4).
    fn ref_matches(&self, a: RefType, b: RefType) -> bool {
        (b.nullable || !a.nullable) && self.heap_matches(a.heap, b.heap)
    }

    /// Whether value type `a` is a subtype of `b` (core specification, section 3.3.5).
    fn val_matches(&self, a: ValType, b: ValType) -> bool {
        match (a, b) {
            (ValType::Ref(a), ValType::Ref(b)) => self.ref_matches(a, b),
            _ => a == b,
        }
    }

    /// The greatest type of the hierarchy that a heap type belongs to: `func`, `extern`, `exn` or
    /// `any`.
    fn top(&self, ty: HeapType) -> HeapType {
        match ty {
            HeapType::Concrete(id) => match self.type_info(id).sub.composite.kind() {
                HeapType::Func => HeapType::Func,
                _ => HeapType::Any,
            },
            HeapType::Func | HeapType::NoFunc => HeapType::Func,
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Exn | HeapType::NoExn => HeapType::Exn,
            _ => HeapType::Any,
        }
    }
}
