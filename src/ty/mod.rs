//! Types as the embedder sees them: those that a module or the host defines know their engine, and
//! keep themselves alive. Inside, the engine names such types by numbers ([`crate::types`]); here
//! they are lifted from and lowered to those.

use core::fmt;

pub use self::defined::{ArrayType, ExnType, Finality, FuncType, StructType};
pub use self::external::{
    ExportType, ExternType, GlobalType, ImportType, MemoryTypeBuilder, TableType, TagType,
};
pub use self::storage::{FieldType, StorageType};
pub use crate::types::{MemoryType, Mutability};

use crate::engine::Engine;
use crate::types;
use crate::val::Val;

mod defined;
mod external;
mod storage;

/// The type of a value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128-bit vector.
    V128,
    /// Reference.
    Ref(RefType),
}

macro_rules! constants {
    ($($name:ident $heap:ident $text:literal;)*) => {
        impl RefType {
            $(
                #[doc = concat!("`(ref null ", $text, ")`.")]
                pub const $name: RefType = RefType::new(true, HeapType::$heap);
            )*
        }

        impl ValType {
            $(
                #[doc = concat!("`(ref null ", $text, ")`.")]
                pub const $name: ValType = ValType::Ref(RefType::$name);
            )*
        }
    };
}

constants! {
    EXTERNREF Extern "extern";
    NULLEXTERNREF NoExtern "noextern";
    FUNCREF Func "func";
    NULLFUNCREF NoFunc "nofunc";
    ANYREF Any "any";
    EQREF Eq "eq";
    I31REF I31 "i31";
    ARRAYREF Array "array";
    STRUCTREF Struct "struct";
    NULLREF None "none";
    EXNREF Exn "exn";
    NULLEXNREF NoExn "noexn";
}

impl ValType {
    /// Whether this is `i32`, `i64`, `f32` or `f64`.
    pub fn is_num(&self) -> bool {
        matches!(self, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64)
    }

    /// Whether this is `i32`.
    pub fn is_i32(&self) -> bool {
        matches!(self, ValType::I32)
    }

    /// Whether this is `i64`.
    pub fn is_i64(&self) -> bool {
        matches!(self, ValType::I64)
    }

    /// Whether this is `f32`.
    pub fn is_f32(&self) -> bool {
        matches!(self, ValType::F32)
    }

    /// Whether this is `f64`.
    pub fn is_f64(&self) -> bool {
        matches!(self, ValType::F64)
    }

    /// Whether this is `v128`.
    pub fn is_v128(&self) -> bool {
        matches!(self, ValType::V128)
    }

    /// Whether this is a reference type.
    pub fn is_ref(&self) -> bool {
        matches!(self, ValType::Ref(_))
    }

    /// Whether this is `(ref null func)`.
    pub fn is_funcref(&self) -> bool {
        *self == ValType::FUNCREF
    }

    /// Whether this is `(ref null extern)`.
    pub fn is_externref(&self) -> bool {
        *self == ValType::EXTERNREF
    }

    /// Whether this is `(ref null any)`.
    pub fn is_anyref(&self) -> bool {
        *self == ValType::ANYREF
    }

    /// The reference type, if this is one.
    pub fn as_ref(&self) -> Option<&RefType> {
        match self {
            ValType::Ref(ty) => Some(ty),
            _ => None,
        }
    }

    /// The reference type.
    ///
    /// # Panics
    ///
    /// If this is another type.
    #[track_caller]
    pub fn unwrap_ref(&self) -> &RefType {
        self.as_ref().expect("not a reference type")
    }

    /// Whether this is type the same as `other` or below it.
    ///
    /// # Panics
    ///
    /// If they name types of different engines; so do all methods of this name.
    #[track_caller]
    pub fn matches(&self, other: &ValType) -> bool {
        match (self, other) {
            (ValType::Ref(a), ValType::Ref(b)) => a.matches(b),
            (a, b) => a == b,
        }
    }

    /// The default value: zero or null. `None` for references that cannot be null.
    pub fn default_value(&self) -> Option<Val> {
        Val::default_for_ty(self)
    }

    /// The type with the numbers of an engine's types, which somebody else keeps.
    pub(crate) fn lift(engine: &Engine, ty: types::ValType) -> ValType {
        match ty {
            types::ValType::I32 => ValType::I32,
            types::ValType::I64 => ValType::I64,
            types::ValType::F32 => ValType::F32,
            types::ValType::F64 => ValType::F64,
            types::ValType::V128 => ValType::V128,
            types::ValType::Ref(ty) => ValType::Ref(RefType::lift(engine, ty)),
        }
    }

    /// The type by numbers, good for as long as this type lives.
    pub(crate) fn lower(&self) -> types::ValType {
        match self {
            ValType::I32 => types::ValType::I32,
            ValType::I64 => types::ValType::I64,
            ValType::F32 => types::ValType::F32,
            ValType::F64 => types::ValType::F64,
            ValType::V128 => types::ValType::V128,
            ValType::Ref(ty) => types::ValType::Ref(ty.lower()),
        }
    }

    /// The engine, if the type names a defined type.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.as_ref().and_then(|ty| ty.heap.engine())
    }
}

impl From<RefType> for ValType {
    fn from(ty: RefType) -> ValType {
        ValType::Ref(ty)
    }
}

/// The type of a reference: what it points to, and whether it can be null.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RefType {
    nullable: bool,
    heap: HeapType,
}

impl RefType {
    /// A reference type.
    pub const fn new(is_nullable: bool, heap_type: HeapType) -> RefType {
        RefType { nullable: is_nullable, heap: heap_type }
    }

    /// Whether the reference may be null.
    pub fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// What the reference points to.
    pub fn heap_type(&self) -> &HeapType {
        &self.heap
    }

    /// Whether this is type the same as `other` or below it.
    #[track_caller]
    pub fn matches(&self, other: &RefType) -> bool {
        (other.nullable || !self.nullable) && self.heap.matches(&other.heap)
    }

    pub(crate) fn lift(engine: &Engine, ty: types::RefType) -> RefType {
        RefType { nullable: ty.nullable, heap: HeapType::lift(engine, ty.heap) }
    }

    pub(crate) fn lower(&self) -> types::RefType {
        types::RefType::new(self.nullable, self.heap.lower())
    }
}

/// What a reference points to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum HeapType {
    /// A host object.
    Extern,
    /// No host object: only null.
    NoExtern,
    /// Any function.
    Func,
    /// A function of this type or below.
    ConcreteFunc(FuncType),
    /// No function: only null.
    NoFunc,
    /// Anything of the internal hierarchy.
    Any,
    /// Anything that `ref.eq` can compare.
    Eq,
    /// An unboxed 31-bit integer.
    I31,
    /// Any array.
    Array,
    /// An array of this type or below.
    ConcreteArray(ArrayType),
    /// Any structure.
    Struct,
    /// A structure of this type or below.
    ConcreteStruct(StructType),
    /// Any exception.
    Exn,
    /// An exception with such a payload. Programs have no name for it.
    ConcreteExn(ExnType),
    /// No exception: only null.
    NoExn,
    /// Nothing of the internal hierarchy: only null.
    None,
}

macro_rules! heap_predicates {
    ($($name:ident $variant:ident $text:literal;)*) => {
        impl HeapType {
            $(
                #[doc = concat!("Is this `", $text, "`?")]
                pub fn $name(&self) -> bool {
                    matches!(self, HeapType::$variant)
                }
            )*
        }
    };
}

heap_predicates! {
    is_extern Extern "extern";
    is_func Func "func";
    is_no_func NoFunc "nofunc";
    is_any Any "any";
    is_i31 I31 "i31";
    is_none None "none";
    is_exn Exn "exn";
    is_no_exn NoExn "noexn";
}

macro_rules! concrete {
    ($($variant:ident($ty:ident) $is:ident $as:ident $unwrap:ident $what:literal;)*) => {
        impl HeapType {
            /// Whether this is a type that a module or the host defines.
            pub fn is_concrete(&self) -> bool {
                matches!(self, $(HeapType::$variant(_))|*)
            }

            /// The engine of a defined type.
            pub(crate) fn engine(&self) -> Option<&Engine> {
                match self {
                    $(HeapType::$variant(ty) => Some(ty.engine()),)*
                    _ => None,
                }
            }

            $(
                #[doc = concat!("Is this a defined ", $what, " type?")]
                pub fn $is(&self) -> bool {
                    matches!(self, HeapType::$variant(_))
                }

                #[doc = concat!("The defined ", $what, " type, if this is one.")]
                pub fn $as(&self) -> Option<&$ty> {
                    match self {
                        HeapType::$variant(ty) => Some(ty),
                        _ => None,
                    }
                }

                #[doc = concat!("The defined ", $what, " type.")]
                ///
                /// # Panics
                ///
                /// If this is another type.
                #[track_caller]
                pub fn $unwrap(&self) -> &$ty {
                    self.$as().expect(concat!("not a defined ", $what, " type"))
                }
            )*
        }

        $(impl From<$ty> for HeapType {
            fn from(ty: $ty) -> HeapType {
                HeapType::$variant(ty)
            }
        })*
    };
}

concrete! {
    ConcreteFunc(FuncType) is_concrete_func as_concrete_func unwrap_concrete_func "function";
    ConcreteArray(ArrayType) is_concrete_array as_concrete_array unwrap_concrete_array "array";
    ConcreteStruct(StructType) is_concrete_struct as_concrete_struct unwrap_concrete_struct "structure";
    ConcreteExn(ExnType) is_concrete_exn as_concrete_exn unwrap_concrete_exn "exception";
}

impl HeapType {
    /// Whether this is one of the types that the standard defines.
    pub fn is_abstract(&self) -> bool {
        !self.is_concrete()
    }

    /// The greatest type of the hierarchy.
    pub fn top(&self) -> HeapType {
        match self {
            HeapType::Func | HeapType::ConcreteFunc(_) | HeapType::NoFunc => HeapType::Func,
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Exn | HeapType::ConcreteExn(_) | HeapType::NoExn => HeapType::Exn,
            _ => HeapType::Any,
        }
    }

    /// Whether this is the greatest type of its hierarchy.
    pub fn is_top(&self) -> bool {
        matches!(self, HeapType::Any | HeapType::Extern | HeapType::Func | HeapType::Exn)
    }

    /// The least type of the hierarchy.
    pub fn bottom(&self) -> HeapType {
        match self.top() {
            HeapType::Func => HeapType::NoFunc,
            HeapType::Extern => HeapType::NoExtern,
            HeapType::Exn => HeapType::NoExn,
            _ => HeapType::None,
        }
    }

    /// Whether this is the least type of its hierarchy.
    pub fn is_bottom(&self) -> bool {
        use HeapType::{NoExn, NoExtern, NoFunc};
        matches!(self, HeapType::None | NoExtern | NoFunc | NoExn)
    }

    /// Whether this is type the same as `other` or below it.
    #[track_caller]
    pub fn matches(&self, other: &HeapType) -> bool {
        use HeapType::{Any, ConcreteArray, ConcreteExn, ConcreteFunc, ConcreteStruct};
        use HeapType::{Array, Eq, I31, NoExn, NoFunc, Struct};
        match (self, other) {
            (ConcreteFunc(a), ConcreteFunc(b)) => a.matches(b),
            (ConcreteArray(a), ConcreteArray(b)) => a.matches(b),
            (ConcreteStruct(a), ConcreteStruct(b)) => a.matches(b),
            (ConcreteExn(a), ConcreteExn(b)) => a.matches(b),
            (NoFunc, ConcreteFunc(_)) | (NoExn, ConcreteExn(_)) => true,
            (HeapType::None, ConcreteArray(_) | ConcreteStruct(_)) => true,
            (ConcreteFunc(_), HeapType::Func) | (ConcreteExn(_), HeapType::Exn) => true,
            (ConcreteArray(_), Array | Eq | Any) => true,
            (ConcreteStruct(_), Struct | Eq | Any) => true,
            (a, b) if a.is_abstract() && b.is_abstract() => a.lower().matches_abstract(b.lower()),
            (I31, _) | (_, _) => false,
        }
    }

    pub(crate) fn lift(engine: &Engine, ty: types::HeapType) -> HeapType {
        match ty {
            types::HeapType::Func => HeapType::Func,
            types::HeapType::NoFunc => HeapType::NoFunc,
            types::HeapType::Extern => HeapType::Extern,
            types::HeapType::NoExtern => HeapType::NoExtern,
            types::HeapType::Any => HeapType::Any,
            types::HeapType::Eq => HeapType::Eq,
            types::HeapType::I31 => HeapType::I31,
            types::HeapType::Struct => HeapType::Struct,
            types::HeapType::Array => HeapType::Array,
            types::HeapType::None => HeapType::None,
            types::HeapType::Exn => HeapType::Exn,
            types::HeapType::NoExn => HeapType::NoExn,
            types::HeapType::Concrete(id) => defined::lift(engine, engine.types().get(id)),
        }
    }

    /// Exceptions with a certain payload become those with any: the engine checks payloads when they
    /// are made.
    pub(crate) fn lower(&self) -> types::HeapType {
        match self {
            HeapType::Func => types::HeapType::Func,
            HeapType::NoFunc => types::HeapType::NoFunc,
            HeapType::Extern => types::HeapType::Extern,
            HeapType::NoExtern => types::HeapType::NoExtern,
            HeapType::Any => types::HeapType::Any,
            HeapType::Eq => types::HeapType::Eq,
            HeapType::I31 => types::HeapType::I31,
            HeapType::Struct => types::HeapType::Struct,
            HeapType::Array => types::HeapType::Array,
            HeapType::None => types::HeapType::None,
            HeapType::Exn | HeapType::ConcreteExn(_) => types::HeapType::Exn,
            HeapType::NoExn => types::HeapType::NoExn,
            HeapType::ConcreteFunc(ty) => types::HeapType::Concrete(ty.registered().id),
            HeapType::ConcreteArray(ty) => types::HeapType::Concrete(ty.registered().id),
            HeapType::ConcreteStruct(ty) => types::HeapType::Concrete(ty.registered().id),
        }
    }
}

macro_rules! display {
    ($($ty:ident)*) => {$(
        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.lower().fmt(f)
            }
        }
    )*};
}

display! { ValType RefType HeapType }
