//! The types of WebAssembly 3.0 (core specification, section 2.3), as the engine's inside writes
//! them.
//!
//! A reference to a type that a module or the host defined is a [`TypeId`]: the engine's canonical
//! name of the type, equal exactly when the types are equal, and good for as long as somebody keeps
//! the type. The public API has types that know their engine (`ty`).

use alloc::sync::Arc;
use core::fmt;

pub use self::external::{GlobalType, MemoryType, TableType};
pub use crate::index::TypeId;

use crate::prelude::*;

mod external;

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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

impl ValType {
    /// `(ref null func)`.
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNCREF);
    /// `(ref null extern)`.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERNREF);
    /// `(ref null any)`.
    pub const ANYREF: ValType = ValType::Ref(RefType::ANYREF);
    /// `(ref null exn)`.
    pub const EXNREF: ValType = ValType::Ref(RefType::EXNREF);

    /// 64-bit slots that a value takes on the value stack: 2 for `v128`, otherwise 1.
    #[inline]
    pub const fn slots(self) -> u32 {
        match self {
            ValType::V128 => 2,
            _ => 1,
        }
    }

    /// Whether this is `i32`, `i64`, `f32` or `f64`.
    pub const fn is_num(self) -> bool {
        matches!(self, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64)
    }

    /// Whether this is a reference type.
    pub const fn is_ref(self) -> bool {
        matches!(self, ValType::Ref(_))
    }

    /// Whether this is `f32` or `f64`.
    pub const fn is_float(self) -> bool {
        matches!(self, ValType::F32 | ValType::F64)
    }

    /// The reference type, if this is one.
    pub const fn as_ref(self) -> Option<RefType> {
        match self {
            ValType::Ref(r) => Some(r),
            _ => None,
        }
    }

    /// Does the type have a default value (core specification, section 3.2.12)? Everything but
    /// references that cannot be null.
    pub const fn is_defaultable(self) -> bool {
        match self {
            ValType::Ref(r) => r.nullable,
            _ => true,
        }
    }
}

impl From<RefType> for ValType {
    fn from(ty: RefType) -> ValType {
        ValType::Ref(ty)
    }
}

/// The type of a reference: what it points to, and whether it can be null.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RefType {
    /// Whether the reference may be null.
    pub nullable: bool,
    /// What it points to.
    pub heap: HeapType,
}

impl RefType {
    /// `(ref null func)`.
    pub const FUNCREF: RefType = RefType::new(true, HeapType::Func);
    /// `(ref null extern)`.
    pub const EXTERNREF: RefType = RefType::new(true, HeapType::Extern);
    /// `(ref null any)`.
    pub const ANYREF: RefType = RefType::new(true, HeapType::Any);
    /// `(ref null exn)`.
    pub const EXNREF: RefType = RefType::new(true, HeapType::Exn);
    /// `(ref null none)`.
    pub const NULLREF: RefType = RefType::new(true, HeapType::None);

    /// A reference type.
    pub const fn new(nullable: bool, heap: HeapType) -> RefType {
        RefType { nullable, heap }
    }

    /// Whether the reference may be null.
    pub const fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// What the reference points to.
    pub const fn heap_type(&self) -> HeapType {
        self.heap
    }
}

/// What a reference points to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HeapType {
    /// Any function.
    Func,
    /// No function: only null.
    NoFunc,
    /// A host object.
    Extern,
    /// No host object: only null.
    NoExtern,
    /// Anything of the internal hierarchy.
    Any,
    /// Anything that `ref.eq` can compare.
    Eq,
    /// An unboxed 31-bit integer.
    I31,
    /// Any structure.
    Struct,
    /// Any array.
    Array,
    /// Nothing of the internal hierarchy: only null.
    None,
    /// An exception.
    Exn,
    /// No exception: only null.
    NoExn,
    /// A defined function, structure or array type.
    Concrete(TypeId),
}

impl HeapType {
    /// Whether this is one of the types that the standard defines.
    pub const fn is_abstract(self) -> bool {
        !matches!(self, HeapType::Concrete(_))
    }

    /// Whether this is a type that some module or the host defines.
    pub const fn is_concrete(self) -> bool {
        matches!(self, HeapType::Concrete(_))
    }

    /// The defined type, if this is one.
    pub const fn type_id(self) -> Option<TypeId> {
        match self {
            HeapType::Concrete(id) => Some(id),
            _ => None,
        }
    }

    /// The least type of the hierarchy of an abstract type; `None` for a concrete one, whose
    /// hierarchy only its engine knows.
    pub const fn bottom(self) -> Option<HeapType> {
        match self {
            HeapType::Func | HeapType::NoFunc => Some(HeapType::NoFunc),
            HeapType::Extern | HeapType::NoExtern => Some(HeapType::NoExtern),
            HeapType::Exn | HeapType::NoExn => Some(HeapType::NoExn),
            HeapType::Any
            | HeapType::Eq
            | HeapType::I31
            | HeapType::Struct
            | HeapType::Array
            | HeapType::None => Some(HeapType::None),
            HeapType::Concrete(_) => None,
        }
    }

    /// Is one abstract type a subtype of another (core specification, section 3.3.3)? `false`
    /// when either is concrete.
    pub const fn matches_abstract(self, other: HeapType) -> bool {
        use HeapType::{Any, Array, Eq, Exn, Extern, Func, I31, NoExn, NoExtern, NoFunc, Struct};
        matches!(
            (self, other),
            (Func | NoFunc, Func)
                | (NoFunc, NoFunc)
                | (Extern | NoExtern, Extern)
                | (NoExtern, NoExtern)
                | (Exn | NoExn, Exn)
                | (NoExn, NoExn)
                | (Any | Eq | I31 | Struct | Array | HeapType::None, Any)
                | (Eq | I31 | Struct | Array | HeapType::None, Eq)
                | (I31 | HeapType::None, I31)
                | (Struct | HeapType::None, Struct)
                | (Array | HeapType::None, Array)
                | (HeapType::None, HeapType::None)
        )
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(r) => r.fmt(f),
        }
    }
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text format's short forms exist for nullable references to abstract types.
        match (self.nullable, self.heap) {
            (true, HeapType::None) => f.write_str("nullref"),
            (true, HeapType::NoFunc) => f.write_str("nullfuncref"),
            (true, HeapType::NoExtern) => f.write_str("nullexternref"),
            (true, HeapType::NoExn) => f.write_str("nullexnref"),
            (true, heap) if heap.is_abstract() => write!(f, "{heap}ref"),
            (true, heap) => write!(f, "(ref null {heap})"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapType::Func => "func",
            HeapType::NoFunc => "nofunc",
            HeapType::Extern => "extern",
            HeapType::NoExtern => "noextern",
            HeapType::Any => "any",
            HeapType::Eq => "eq",
            HeapType::I31 => "i31",
            HeapType::Struct => "struct",
            HeapType::Array => "array",
            HeapType::None => "none",
            HeapType::Exn => "exn",
            HeapType::NoExn => "noexn",
            HeapType::Concrete(id) => return write!(f, "type#{}", id.0),
        })
    }
}

/// The type of a function. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FuncType {
    /// Parameters, then results.
    values: Arc<[ValType]>,
    param_count: usize,
    shape: Shape,
}

/// What calls need to know of all values of a function type together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    has_references: bool,
    /// All values are numbers of one slot each, and there are at most 64.
    is_plain: bool,
    /// Of each value of a plain type a bit, that of the first one lowest: it takes the low half of its slot.
    halves: u64,
}

impl Shape {
    fn of(values: &[ValType]) -> Shape {
        let bit = |ty: &ValType| u64::from(matches!(ty, ValType::I32 | ValType::F32));
        Shape {
            has_references: values.iter().any(|ty| ty.is_ref()),
            is_plain: values.len() <= 64 && values.iter().all(|ty| ty.is_num()),
            halves: values.iter().take(64).rev().fold(0, |bits, ty| bits << 1 | bit(ty)),
        }
    }
}

impl FuncType {
    /// A function type with the given parameters and results.
    pub fn new(
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        let mut values: Vec<ValType> = params.into_iter().collect();
        let param_count = values.len();
        values.extend(results);
        let shape = Shape::of(&values);
        FuncType { values: values.into(), param_count, shape }
    }

    /// Whether a parameter or a result is a reference.
    #[inline]
    pub fn has_references(&self) -> bool {
        self.shape.has_references
    }

    /// If all values are numbers of one slot each, and not too many: of each, in order, a bit that says
    /// whether it takes the low half of its slot only.
    #[inline]
    pub fn halves(&self) -> Option<u64> {
        self.shape.is_plain.then_some(self.shape.halves)
    }

    /// How many parameters and results there are.
    #[inline]
    pub fn counts(&self) -> (usize, usize) {
        (self.param_count, self.values.len() - self.param_count)
    }

    /// The parameters' types.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + DoubleEndedIterator + '_ {
        self.params_slice().iter().copied()
    }

    /// The results' types.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + DoubleEndedIterator + '_ {
        self.results_slice().iter().copied()
    }

    /// The parameters' types, as a slice.
    #[inline]
    pub fn params_slice(&self) -> &[ValType] {
        &self.values[..self.param_count]
    }

    /// The results' types, as a slice.
    #[inline]
    pub fn results_slice(&self) -> &[ValType] {
        &self.values[self.param_count..]
    }

    /// The type of parameter `i`, if there are so many.
    pub fn param(&self, i: usize) -> Option<ValType> {
        self.params_slice().get(i).copied()
    }

    /// The type of result `i`, if there are so many.
    pub fn result(&self, i: usize) -> Option<ValType> {
        self.results_slice().get(i).copied()
    }

    /// Value stack slots of the parameters.
    pub fn param_slots(&self) -> u32 {
        self.params_slice().iter().map(|ty| ty.slots()).sum()
    }

    /// Value stack slots of the results.
    pub fn result_slots(&self) -> u32 {
        self.results_slice().iter().map(|ty| ty.slots()).sum()
    }

    /// Parameters and results with each defined type replaced.
    pub(crate) fn map_ids(&self, map: &mut impl FnMut(TypeId) -> TypeId) -> FuncType {
        let values = self.values.iter().map(|&ty| map_val_type(ty, map)).collect();
        FuncType { values, ..*self }
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(func")?;
        list(f, "param", self.params_slice())?;
        list(f, "result", self.results_slice())?;
        return f.write_str(")");

        fn list(f: &mut fmt::Formatter<'_>, what: &str, types: &[ValType]) -> fmt::Result {
            if types.is_empty() {
                return Ok(());
            }
            write!(f, " ({what}")?;
            for ty in types {
                write!(f, " {ty}")?;
            }
            f.write_str(")")
        }
    }
}

impl fmt::Debug for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a global or field may be written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutability {
    /// Never written after its initialisation.
    Const,
    /// Can be written.
    Var,
}

impl Mutability {
    /// Whether this is [`Mutability::Const`].
    pub const fn is_const(self) -> bool {
        matches!(self, Mutability::Const)
    }

    /// Whether this is [`Mutability::Var`].
    pub const fn is_var(self) -> bool {
        matches!(self, Mutability::Var)
    }
}

/// How a field is kept in an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StorageType {
    /// An 8-bit integer, read and written as `i32`.
    I8,
    /// A 16-bit integer, read and written as `i32`.
    I16,
    /// A value.
    ValType(ValType),
}

impl StorageType {
    /// The type on the operand stack: `i32` for packed integers.
    pub const fn unpack(self) -> ValType {
        match self {
            StorageType::I8 | StorageType::I16 => ValType::I32,
            StorageType::ValType(ty) => ty,
        }
    }

    /// Whether this is a packed integer.
    pub const fn is_packed(self) -> bool {
        matches!(self, StorageType::I8 | StorageType::I16)
    }

    /// Bytes that the field takes: 1, 2, 4, 8 or 16; a reference takes 8.
    pub const fn bytes(self) -> u32 {
        match self {
            StorageType::I8 => 1,
            StorageType::I16 => 2,
            StorageType::ValType(ValType::I32 | ValType::F32) => 4,
            StorageType::ValType(ValType::I64 | ValType::F64 | ValType::Ref(_)) => 8,
            StorageType::ValType(ValType::V128) => 16,
        }
    }
}

impl From<ValType> for StorageType {
    fn from(ty: ValType) -> StorageType {
        StorageType::ValType(ty)
    }
}

/// A field of a structure, or the elements of an array.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FieldType {
    /// How it is kept.
    pub element: StorageType,
    /// Whether it may be written.
    pub mutability: Mutability,
}

impl FieldType {
    /// A field type.
    pub const fn new(mutability: Mutability, element: StorageType) -> FieldType {
        FieldType { element, mutability }
    }

    /// Whether the field may be written.
    pub const fn mutability(&self) -> Mutability {
        self.mutability
    }

    /// How the field is kept.
    pub const fn element_type(&self) -> StorageType {
        self.element
    }
}

/// The type of a structure. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StructType {
    fields: Arc<[FieldType]>,
}

impl StructType {
    /// A structure with the given fields.
    pub fn new(fields: impl IntoIterator<Item = FieldType>) -> StructType {
        StructType { fields: fields.into_iter().collect() }
    }

    /// The fields, in order.
    #[inline]
    pub fn fields(&self) -> &[FieldType] {
        &self.fields
    }
}

/// The type of an array.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ArrayType {
    field: FieldType,
}

impl ArrayType {
    /// An array with the given elements.
    pub const fn new(field: FieldType) -> ArrayType {
        ArrayType { field }
    }

    /// The elements.
    pub const fn field_type(&self) -> FieldType {
        self.field
    }

    /// How an element is kept.
    pub const fn element_type(&self) -> StorageType {
        self.field.element
    }

    /// Whether elements may be written.
    pub const fn mutability(&self) -> Mutability {
        self.field.mutability
    }
}

/// A defined type without its place in the subtype hierarchy.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CompositeType {
    /// A function type.
    Func(FuncType),
    /// A structure type.
    Struct(StructType),
    /// An array type.
    Array(ArrayType),
}

impl CompositeType {
    /// The abstract heap type directly above: `func`, `struct` or `array`.
    pub const fn kind(&self) -> HeapType {
        match self {
            CompositeType::Func(_) => HeapType::Func,
            CompositeType::Struct(_) => HeapType::Struct,
            CompositeType::Array(_) => HeapType::Array,
        }
    }
}

/// A defined type (core specification, section 2.3.9 "Recursive Types").
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SubType {
    /// Whether no type may be declared below this one.
    pub is_final: bool,
    /// The declared supertype.
    pub supertype: Option<TypeId>,
    /// The type itself.
    pub composite: CompositeType,
}

impl SubType {
    /// A final type without a supertype, which is what the abbreviated text form and a typed host
    /// function mean.
    pub const fn final_type(composite: CompositeType) -> SubType {
        SubType { is_final: true, supertype: None, composite }
    }

    /// The type with each defined type that it names replaced.
    pub(crate) fn map_ids(&self, map: &mut impl FnMut(TypeId) -> TypeId) -> SubType {
        SubType {
            is_final: self.is_final,
            supertype: self.supertype.map(&mut *map),
            composite: match &self.composite {
                CompositeType::Func(ty) => CompositeType::Func(ty.map_ids(map)),
                CompositeType::Struct(ty) => CompositeType::Struct(StructType::new(
                    ty.fields.iter().map(|&field| map_field(field, map)),
                )),
                CompositeType::Array(ty) => {
                    CompositeType::Array(ArrayType::new(map_field(ty.field, map)))
                }
            },
        }
    }

    /// Calls `f` with every defined type that this type names.
    pub(crate) fn for_each_id(&self, f: &mut impl FnMut(TypeId)) {
        self.supertype.into_iter().for_each(&mut *f);
        let mut val = |ty: ValType| {
            if let ValType::Ref(RefType { heap: HeapType::Concrete(id), .. }) = ty {
                f(id);
            }
        };
        match &self.composite {
            CompositeType::Func(ty) => ty.values.iter().for_each(|&ty| val(ty)),
            CompositeType::Struct(ty) => ty.fields.iter().for_each(|f| val(f.element.unpack())),
            CompositeType::Array(ty) => val(ty.field.element.unpack()),
        }
    }
}

fn map_val_type(ty: ValType, map: &mut impl FnMut(TypeId) -> TypeId) -> ValType {
    match ty {
        ValType::Ref(RefType { nullable, heap: HeapType::Concrete(id) }) => {
            ValType::Ref(RefType::new(nullable, HeapType::Concrete(map(id))))
        }
        _ => ty,
    }
}

fn map_field(field: FieldType, map: &mut impl FnMut(TypeId) -> TypeId) -> FieldType {
    match field.element {
        StorageType::ValType(ty) => {
            FieldType::new(field.mutability, StorageType::ValType(map_val_type(ty, map)))
        }
        _ => field,
    }
}
