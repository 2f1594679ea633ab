//! Types that modules and the host define. Each knows its engine, which holds equal ones once, and
//! is kept for as long as somebody has it.

use core::fmt;

use super::{FieldType, HeapType, Mutability, StorageType, TagType, ValType};
use crate::engine::Engine;
use crate::error::{Context, Result, ensure};
use crate::func::Func;
use crate::prelude::*;
use crate::store::AsContextMut;
use crate::types::{self, CompositeType, SubType};
use crate::wasm::RegisteredType;

/// Whether types may be declared below a type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Finality {
    /// No.
    Final,
    /// Yes.
    NonFinal,
}

impl Finality {
    /// Whether this is [`Finality::Final`].
    pub fn is_final(&self) -> bool {
        matches!(self, Finality::Final)
    }

    /// Whether this is [`Finality::NonFinal`].
    pub fn is_non_final(&self) -> bool {
        matches!(self, Finality::NonFinal)
    }
}

/// A type of an engine.
#[derive(Clone)]
struct Defined {
    engine: Engine,
    ty: RegisteredType,
}

impl Defined {
    /// Registers a type of a group of its own. `named` are the types that it names.
    fn register<'a>(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&Defined>,
        composite: CompositeType,
        named: impl IntoIterator<Item = &'a ValType>,
    ) -> Result<Defined> {
        for ty in named {
            assert!(
                ty.engine().is_none_or(|other| Engine::same(other, engine)),
                "the type names a type of the wrong engine"
            );
        }
        if let Some(supertype) = supertype {
            assert!(Engine::same(&supertype.engine, engine), "a supertype of the wrong engine");
            ensure!(!supertype.ty.sub.is_final, "cannot create a subtype of a final supertype");
        }
        let supertype = supertype.map(|ty| ty.ty.id);
        let sub = SubType { is_final: finality.is_final(), supertype, composite };
        Ok(Defined { engine: engine.clone(), ty: engine.types().intern(vec![sub])? })
    }

    fn supertype(&self) -> Option<Defined> {
        let ty = self.engine.types().get(self.ty.sub.supertype?);
        Some(Defined { engine: self.engine.clone(), ty })
    }

    #[track_caller]
    fn matches(&self, other: &Defined) -> bool {
        assert!(Engine::same(&self.engine, &other.engine), "types of different engines");
        self.ty.is_subtype_of(&other.ty)
    }
}

impl PartialEq for Defined {
    fn eq(&self, other: &Defined) -> bool {
        self.ty == other.ty
    }
}

impl Eq for Defined {}

impl core::hash::Hash for Defined {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.ty.hash(state);
    }
}

/// A defined type as what a reference points to.
pub(super) fn lift(engine: &Engine, ty: RegisteredType) -> HeapType {
    let defined = Defined { engine: engine.clone(), ty };
    match defined.ty.sub.composite {
        CompositeType::Func(_) => HeapType::ConcreteFunc(FuncType(defined)),
        CompositeType::Array(_) => HeapType::ConcreteArray(ArrayType(defined)),
        CompositeType::Struct(_) => HeapType::ConcreteStruct(StructType(defined)),
    }
}

macro_rules! defined {
    ($($(#[$doc:meta])* $ty:ident $get:ident $inner:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $ty(Defined);

        impl $ty {
            /// The engine it belongs to.
            pub fn engine(&self) -> &Engine {
                &self.0.engine
            }

            /// Whether types may be declared below it.
            pub fn finality(&self) -> Finality {
                match self.0.ty.sub.is_final {
                    true => Finality::Final,
                    false => Finality::NonFinal,
                }
            }

            /// The declared supertype.
            pub fn supertype(&self) -> Option<$ty> {
                self.0.supertype().map($ty)
            }

            /// Whether this is type the same as `other` or declared below it.
            ///
            /// # Panics
            ///
            /// If they belong to different engines.
            #[track_caller]
            pub fn matches(&self, other: &$ty) -> bool {
                self.0.matches(&other.0)
            }

            pub(crate) fn registered(&self) -> &RegisteredType {
                &self.0.ty
            }

            /// A type that is one of this kind.
            pub(crate) fn from_registered(engine: &Engine, ty: RegisteredType) -> $ty {
                debug_assert!(ty.$get().is_some());
                $ty(Defined { engine: engine.clone(), ty })
            }

            fn inner(&self) -> &$inner {
                self.0.ty.$get().expect("made of such a type")
            }
        }

        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

defined! {
    /// The type of a function. Cheap to clone.
    FuncType as_func types::FuncType;
    /// The type of a structure. Cheap to clone.
    StructType as_struct types::StructType;
    /// The type of an array. Cheap to clone.
    ArrayType as_array types::ArrayType;
}

impl FuncType {
    /// A function type with the given parameters and results, final and without supertypes.
    ///
    /// # Panics
    ///
    /// If there are more than 1000 parameters or results, or one names a type of another engine; see
    /// [`FuncType::try_new`].
    pub fn new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> FuncType {
        FuncType::try_new(engine, params, results).expect("the function type is within the limits")
    }

    /// Like [`FuncType::new`].
    ///
    /// # Errors
    ///
    /// When there are more than 1000 parameters or results, or the engine is full.
    ///
    /// # Panics
    ///
    /// If a parameter or result names a type of another engine.
    pub fn try_new(
        engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Result<FuncType> {
        FuncType::with_finality_and_supertype(engine, Finality::Final, None, params, results)
    }

    /// A function type with a place in the hierarchy.
    ///
    /// # Errors
    ///
    /// As for [`FuncType::try_new`], and when the supertype is final or the type does not fit it:
    /// parameters must be above the supertype's, results below.
    ///
    /// # Panics
    ///
    /// If a type belongs to another engine.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&FuncType>,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Result<FuncType> {
        let params: Vec<ValType> = params.into_iter().collect();
        let results: Vec<ValType> = results.into_iter().collect();
        if let Some(above) = supertype {
            let fits = params.len() == above.params().len()
                && results.len() == above.results().len()
                && above.params().zip(&params).all(|(above, ty)| above.matches(ty))
                && above.results().zip(&results).all(|(above, ty)| ty.matches(&above));
            ensure!(fits, "function type must match its supertype `{above}`");
        }
        let lowered = types::FuncType::new(
            params.iter().map(ValType::lower),
            results.iter().map(ValType::lower),
        );
        let composite = CompositeType::Func(lowered);
        let supertype = supertype.map(|ty| &ty.0);
        let named = params.iter().chain(&results);
        Ok(FuncType(Defined::register(engine, finality, supertype, composite, named)?))
    }

    /// The parameters' types.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValType> + DoubleEndedIterator + '_ {
        self.inner().params().map(|ty| ValType::lift(self.engine(), ty))
    }

    /// The results' types.
    pub fn results(&self) -> impl ExactSizeIterator<Item = ValType> + DoubleEndedIterator + '_ {
        self.inner().results().map(|ty| ValType::lift(self.engine(), ty))
    }

    /// The type of parameter `i`, if there are so many.
    pub fn param(&self, i: usize) -> Option<ValType> {
        self.params().nth(i)
    }

    /// The type of result `i`, if there are so many.
    pub fn result(&self, i: usize) -> Option<ValType> {
        self.results().nth(i)
    }

    /// Makes a function of this type that returns default values.
    ///
    /// # Errors
    ///
    /// When a result has none.
    ///
    /// # Panics
    ///
    /// If the store belongs to another engine.
    pub fn default_value(&self, store: impl AsContextMut) -> Result<Func> {
        let defaults: Option<Box<[_]>> = self.results().map(|ty| ty.default_value()).collect();
        let defaults = defaults.context("function results do not have a default value")?;
        Func::try_new(store, self.clone(), move |_, _, results| {
            results.copy_from_slice(&defaults);
            Ok(())
        })
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner().fmt(f)
    }
}

impl StructType {
    /// A structure with the given fields, final and without supertypes.
    ///
    /// # Errors
    ///
    /// When the engine is full.
    ///
    /// # Panics
    ///
    /// If a field names a type of another engine.
    pub fn new(engine: &Engine, fields: impl IntoIterator<Item = FieldType>) -> Result<StructType> {
        StructType::with_finality_and_supertype(engine, Finality::Final, None, fields)
    }

    /// A structure with a place in the hierarchy.
    ///
    /// # Errors
    ///
    /// When the engine is full, the supertype is final, or the first fields do not match the
    /// supertype's.
    ///
    /// # Panics
    ///
    /// If a type belongs to another engine.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&StructType>,
        fields: impl IntoIterator<Item = FieldType>,
    ) -> Result<StructType> {
        let fields: Vec<FieldType> = fields.into_iter().collect();
        ensure!(fields.len() <= MAX_FIELDS, "a structure has at most {MAX_FIELDS} fields");
        if let Some(above) = supertype {
            let fits = fields.len() >= above.fields().len()
                && above.fields().zip(&fields).all(|(above, field)| field.matches(&above));
            ensure!(fits, "struct fields must match their supertype's fields `{above}`");
        }
        let lowered = types::StructType::new(fields.iter().map(FieldType::lower));
        let composite = CompositeType::Struct(lowered);
        let supertype = supertype.map(|ty| &ty.0);
        let named = fields.iter().map(|field| field.element_type().unpack());
        Ok(StructType(Defined::register(engine, finality, supertype, composite, named)?))
    }

    /// The type of field `i`, if there are so many.
    pub fn field(&self, i: usize) -> Option<FieldType> {
        self.fields().nth(i)
    }

    /// The fields, in order.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldType> + '_ {
        self.inner().fields().iter().map(|&ty| FieldType::lift(self.engine(), ty))
    }
}

/// Most fields of a structure, as in other engines.
const MAX_FIELDS: usize = 10_000;

impl fmt::Display for StructType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(struct")?;
        for field in self.fields() {
            write!(f, " (field {field})")?;
        }
        f.write_str(")")
    }
}

impl ArrayType {
    /// An array with the given elements, final and without supertypes.
    ///
    /// # Panics
    ///
    /// If the elements name a type of another engine, or the engine is full.
    pub fn new(engine: &Engine, field_type: FieldType) -> ArrayType {
        ArrayType::with_finality_and_supertype(engine, Finality::Final, None, field_type)
            .expect("no type registry is full")
    }

    /// An array with a place in the hierarchy.
    ///
    /// # Errors
    ///
    /// When the engine is full, the supertype is final, or the elements do not match the
    /// supertype's.
    ///
    /// # Panics
    ///
    /// If a type belongs to another engine.
    pub fn with_finality_and_supertype(
        engine: &Engine,
        finality: Finality,
        supertype: Option<&ArrayType>,
        field_type: FieldType,
    ) -> Result<ArrayType> {
        if let Some(above) = supertype {
            let fits = field_type.matches(&above.field_type());
            ensure!(fits, "array field type must match its supertype's field type `{above}`");
        }
        let composite = CompositeType::Array(types::ArrayType::new(field_type.lower()));
        let supertype = supertype.map(|ty| &ty.0);
        let named = [field_type.element_type().unpack()];
        Ok(ArrayType(Defined::register(engine, finality, supertype, composite, named)?))
    }

    /// The elements.
    pub fn field_type(&self) -> FieldType {
        FieldType::lift(self.engine(), self.inner().field_type())
    }

    /// How an element is kept.
    pub fn element_type(&self) -> StorageType {
        StorageType::lift(self.engine(), self.inner().element_type())
    }

    /// Whether elements may be written.
    pub fn mutability(&self) -> Mutability {
        self.inner().mutability()
    }
}

impl fmt::Display for ArrayType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(array (field {}))", self.field_type())
    }
}

/// The type of exceptions with the same payload: a signature without results.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ExnType {
    ty: FuncType,
}

impl ExnType {
    /// Exceptions with such a payload.
    ///
    /// # Errors
    ///
    /// When the payload has more values than this engine allows.
    ///
    /// # Panics
    ///
    /// If a value's type belongs to another engine.
    pub fn new(engine: &Engine, fields: impl IntoIterator<Item = ValType>) -> Result<ExnType> {
        Ok(ExnType { ty: FuncType::try_new(engine, fields, [])? })
    }

    /// Exceptions with this tag.
    ///
    /// # Errors
    ///
    /// When the tag has results: such tags are not for exceptions.
    pub fn from_tag_type(tag: &TagType) -> Result<ExnType> {
        ensure!(tag.ty().results().len() == 0, "exceptions have no results");
        Ok(ExnType { ty: tag.ty().clone() })
    }

    /// The type of tags of such exceptions.
    pub fn tag_type(&self) -> TagType {
        TagType::new(self.ty.clone())
    }

    /// The type of a value of the payload, if there are so many.
    pub fn field(&self, i: usize) -> Option<FieldType> {
        self.fields().nth(i)
    }

    /// The types of the payload, as fields that cannot be written.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = FieldType> + '_ {
        self.ty.params().map(|ty| FieldType::new(Mutability::Const, StorageType::ValType(ty)))
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        self.ty.engine()
    }

    /// Whether this is the same type as `other`.
    ///
    /// # Panics
    ///
    /// If they belong to different engines.
    #[track_caller]
    pub fn matches(&self, other: &ExnType) -> bool {
        assert!(Engine::same(self.engine(), other.engine()), "types of different engines");
        self == other
    }
}

impl fmt::Display for ExnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(exn")?;
        for field in self.fields() {
            write!(f, " (field {field})")?;
        }
        f.write_str(")")
    }
}

static_assertions::assert_impl_all!(FuncType: Send, Sync);
