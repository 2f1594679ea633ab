//! Types as `wasm.h` has them. The types of functions, globals, tables, memories and tags are one
//! Rust type, which C converts without ownership: `wasm_functype_as_externtype` returns its argument.

use threadle::{
    Engine, ExportType, ExternType, FuncType, GlobalType, HeapType, ImportType, MemoryType,
    Mutability, RefType, Result, TableType, TagType, ValType, bail, ensure,
};

use crate::guard::{c_functions, given};
use crate::vec::CVec;

pub(crate) const I32: u8 = 0;
pub(crate) const I64: u8 = 1;
pub(crate) const F32: u8 = 2;
pub(crate) const F64: u8 = 3;
/// Not in the standard's list; only types can have it.
pub(crate) const V128: u8 = 4;
pub(crate) const EXTERNREF: u8 = 128;
pub(crate) const FUNCREF: u8 = 129;
/// Not in the standard's list: references to objects of the program, and to exceptions.
pub(crate) const ANYREF: u8 = 130;
pub(crate) const EXNREF: u8 = 131;

#[derive(Clone, PartialEq)]
pub struct wasm_valtype_t {
    pub(crate) ty: ValType,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct wasm_limits_t {
    min: u32,
    max: u32,
}

const NO_MAXIMUM: u32 = u32::MAX;

impl wasm_limits_t {
    fn new(minimum: u64, maximum: Option<u64>) -> wasm_limits_t {
        let narrow = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX);
        wasm_limits_t { min: narrow(minimum), max: maximum.map_or(NO_MAXIMUM, narrow) }
    }

    fn maximum(self) -> Option<u32> {
        (self.max != NO_MAXIMUM).then_some(self.max)
    }
}

type Types = CVec<Option<Box<wasm_valtype_t>>>;

fn boxed(ty: ValType) -> Box<wasm_valtype_t> {
    Box::new(wasm_valtype_t { ty })
}

/// A function type: what C can look at, and the engine's type if it comes from there.
#[derive(Clone)]
pub(crate) struct Signature {
    params: Types,
    results: Types,
    known: Option<FuncType>,
}

impl Signature {
    fn of(ty: FuncType) -> Signature {
        Signature {
            params: ty.params().map(|ty| Some(boxed(ty))).collect(),
            results: ty.results().map(|ty| Some(boxed(ty))).collect(),
            known: Some(ty),
        }
    }

    fn func_type(&self, engine: &Engine) -> Result<FuncType> {
        if let Some(ty) = &self.known {
            return Ok(ty.clone());
        }
        let list = |types: &Types| -> Result<Vec<ValType>> {
            let types = types.as_slice().iter();
            types.map(|ty| Ok(given(ty.as_ref(), "an element")?.ty.clone())).collect()
        };
        FuncType::try_new(engine, list(&self.params)?, list(&self.results)?)
    }
}

#[derive(Clone)]
pub(crate) enum TypeKind {
    Func(Signature),
    Global { content: Box<wasm_valtype_t>, mutable: bool },
    Table { element: Box<wasm_valtype_t>, limits: wasm_limits_t, ty: TableType },
    Memory { limits: wasm_limits_t, ty: MemoryType },
    Tag(Box<wasm_externtype_t>),
}

#[derive(Clone)]
pub struct wasm_externtype_t {
    pub(crate) kind: TypeKind,
}

impl From<FuncType> for wasm_externtype_t {
    fn from(ty: FuncType) -> wasm_externtype_t {
        wasm_externtype_t { kind: TypeKind::Func(Signature::of(ty)) }
    }
}

impl From<GlobalType> for wasm_externtype_t {
    fn from(ty: GlobalType) -> wasm_externtype_t {
        let kind = TypeKind::Global {
            content: boxed(ty.content().clone()),
            mutable: ty.mutability().is_var(),
        };
        wasm_externtype_t { kind }
    }
}

impl From<TableType> for wasm_externtype_t {
    fn from(ty: TableType) -> wasm_externtype_t {
        let limits = wasm_limits_t::new(ty.minimum(), ty.maximum());
        let element = boxed(ValType::Ref(ty.element().clone()));
        wasm_externtype_t { kind: TypeKind::Table { element, limits, ty } }
    }
}

impl From<MemoryType> for wasm_externtype_t {
    fn from(ty: MemoryType) -> wasm_externtype_t {
        let limits = wasm_limits_t::new(ty.minimum(), ty.maximum());
        wasm_externtype_t { kind: TypeKind::Memory { limits, ty } }
    }
}

impl From<TagType> for wasm_externtype_t {
    fn from(ty: TagType) -> wasm_externtype_t {
        wasm_externtype_t { kind: TypeKind::Tag(Box::new(ty.ty().clone().into())) }
    }
}

impl From<ExternType> for wasm_externtype_t {
    fn from(ty: ExternType) -> wasm_externtype_t {
        match ty {
            ExternType::Func(ty) => ty.into(),
            ExternType::Global(ty) => ty.into(),
            ExternType::Table(ty) => ty.into(),
            ExternType::Memory(ty) => ty.into(),
            ExternType::Tag(ty) => ty.into(),
        }
    }
}

impl wasm_externtype_t {
    pub(crate) fn func_type(&self, engine: &Engine) -> Result<FuncType> {
        match &self.kind {
            TypeKind::Func(ty) => ty.func_type(engine),
            _ => bail!("not the type of a function"),
        }
    }

    pub(crate) fn global_type(&self) -> Result<GlobalType> {
        let TypeKind::Global { content, mutable } = &self.kind else {
            bail!("not the type of a global")
        };
        let mutability = if *mutable { Mutability::Var } else { Mutability::Const };
        Ok(GlobalType::new(content.ty.clone(), mutability))
    }

    pub(crate) fn table_type(&self) -> Result<TableType> {
        match &self.kind {
            TypeKind::Table { ty, .. } => Ok(ty.clone()),
            _ => bail!("not the type of a table"),
        }
    }

    pub(crate) fn memory_type(&self) -> Result<MemoryType> {
        match &self.kind {
            TypeKind::Memory { ty, .. } => Ok(*ty),
            _ => bail!("not the type of a memory"),
        }
    }

    /// The function type of a tag's.
    pub(crate) fn tag_signature(&self) -> Result<&wasm_externtype_t> {
        match &self.kind {
            TypeKind::Tag(ty) => Ok(ty),
            _ => bail!("not the type of a tag"),
        }
    }

    fn number(&self) -> u8 {
        match self.kind {
            TypeKind::Func(_) => 0,
            TypeKind::Global { .. } => 1,
            TypeKind::Table { .. } => 2,
            TypeKind::Memory { .. } => 3,
            TypeKind::Tag(_) => 4,
        }
    }
}

/// Is a heap type of the hierarchy of host objects? (A defined type never is.)
pub(crate) fn is_extern(ty: &HeapType) -> bool {
    matches!(ty, HeapType::Extern | HeapType::NoExtern)
}

fn val_type(kind: u8) -> Result<ValType> {
    Ok(match kind {
        I32 => ValType::I32,
        I64 => ValType::I64,
        F32 => ValType::F32,
        F64 => ValType::F64,
        V128 => ValType::V128,
        EXTERNREF => ValType::EXTERNREF,
        FUNCREF => ValType::FUNCREF,
        ANYREF => ValType::ANYREF,
        EXNREF => ValType::EXNREF,
        _ => bail!("there is no value kind {kind}"),
    })
}

pub(crate) fn val_kind(ty: &ValType) -> u8 {
    match ty {
        ValType::I32 => I32,
        ValType::I64 => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        ValType::V128 => V128,
        // The hierarchy, as the kind of null of the type tells it.
        ValType::Ref(ty) => match threadle::Ref::null(ty.heap_type()) {
            threadle::Ref::Func(_) => FUNCREF,
            threadle::Ref::Extern(_) => EXTERNREF,
            threadle::Ref::Exn(_) => EXNREF,
            _ => ANYREF,
        },
    }
}

c_functions! {
    fn wasm_valtype_new(kind: u8) -> Option<Box<wasm_valtype_t>> {
        Ok(Some(boxed(val_type(kind)?)))
    }

    fn wasm_valtype_delete(ty: Option<Box<wasm_valtype_t>>) {
        drop(ty);
        Ok(())
    }

    fn wasm_valtype_copy(ty: Option<&wasm_valtype_t>) -> Option<Box<wasm_valtype_t>> {
        Ok(Some(Box::new(given(ty, "type")?.clone())))
    }

    fn wasm_valtype_kind(ty: Option<&wasm_valtype_t>) -> u8 {
        Ok(val_kind(&given(ty, "type")?.ty))
    }

    fn wasm_functype_new(
        params: Option<&mut Types>,
        results: Option<&mut Types>,
    ) -> Option<Box<wasm_externtype_t>> {
        let params: Types = given(params, "params")?.take().into();
        let results: Types = given(results, "results")?.take().into();
        let types = || params.as_slice().iter().chain(results.as_slice());
        ensure!(types().all(Option::is_some), "a type of a parameter or result is null");
        let kind = TypeKind::Func(Signature { params, results, known: None });
        Ok(Some(Box::new(wasm_externtype_t { kind })))
    }

    fn wasm_functype_params(ty: Option<&wasm_externtype_t>) -> Option<&Types> {
        match &given(ty, "type")?.kind {
            TypeKind::Func(ty) => Ok(Some(&ty.params)),
            _ => bail!("not the type of a function"),
        }
    }

    fn wasm_functype_results(ty: Option<&wasm_externtype_t>) -> Option<&Types> {
        match &given(ty, "type")?.kind {
            TypeKind::Func(ty) => Ok(Some(&ty.results)),
            _ => bail!("not the type of a function"),
        }
    }

    fn wasm_globaltype_new(
        content: Option<Box<wasm_valtype_t>>,
        mutability: u8,
    ) -> Option<Box<wasm_externtype_t>> {
        let content = given(content, "content")?;
        ensure!(mutability <= 1, "there is no mutability {mutability}");
        let kind = TypeKind::Global { content, mutable: mutability == 1 };
        Ok(Some(Box::new(wasm_externtype_t { kind })))
    }

    fn wasm_globaltype_content(ty: Option<&wasm_externtype_t>) -> Option<&wasm_valtype_t> {
        match &given(ty, "type")?.kind {
            TypeKind::Global { content, .. } => Ok(Some(&**content)),
            _ => bail!("not the type of a global"),
        }
    }

    fn wasm_globaltype_mutability(ty: Option<&wasm_externtype_t>) -> u8 {
        match &given(ty, "type")?.kind {
            TypeKind::Global { mutable, .. } => Ok(u8::from(*mutable)),
            _ => bail!("not the type of a global"),
        }
    }

    fn wasm_tabletype_new(
        element: Option<Box<wasm_valtype_t>>,
        limits: Option<&wasm_limits_t>,
    ) -> Option<Box<wasm_externtype_t>> {
        let (element, limits) = (given(element, "element")?, *given(limits, "limits")?);
        let ValType::Ref(ty) = &element.ty else { bail!("tables hold references") };
        let ty = TableType::new(ty.clone(), limits.min, limits.maximum());
        Ok(Some(Box::new(wasm_externtype_t { kind: TypeKind::Table { element, limits, ty } })))
    }

    fn wasm_tabletype_element(ty: Option<&wasm_externtype_t>) -> Option<&wasm_valtype_t> {
        match &given(ty, "type")?.kind {
            TypeKind::Table { element, .. } => Ok(Some(&**element)),
            _ => bail!("not the type of a table"),
        }
    }

    fn wasm_tabletype_limits(ty: Option<&wasm_externtype_t>) -> Option<&wasm_limits_t> {
        match &given(ty, "type")?.kind {
            TypeKind::Table { limits, .. } => Ok(Some(limits)),
            _ => bail!("not the type of a table"),
        }
    }

    fn wasm_memorytype_new(limits: Option<&wasm_limits_t>) -> Option<Box<wasm_externtype_t>> {
        let limits = given(limits, "limits")?;
        Ok(Some(Box::new(MemoryType::new(limits.min, limits.maximum()).into())))
    }

    fn wasm_memorytype_limits(ty: Option<&wasm_externtype_t>) -> Option<&wasm_limits_t> {
        match &given(ty, "type")?.kind {
            TypeKind::Memory { limits, .. } => Ok(Some(limits)),
            _ => bail!("not the type of a memory"),
        }
    }

    fn wasm_tagtype_new(ty: Option<Box<wasm_externtype_t>>) -> Option<Box<wasm_externtype_t>> {
        let ty = given(ty, "type")?;
        ensure!(matches!(ty.kind, TypeKind::Func(_)), "not the type of a function");
        Ok(Some(Box::new(wasm_externtype_t { kind: TypeKind::Tag(ty) })))
    }

    fn wasm_tagtype_functype(ty: Option<&wasm_externtype_t>) -> Option<&wasm_externtype_t> {
        match &given(ty, "type")?.kind {
            TypeKind::Tag(ty) => Ok(Some(&**ty)),
            _ => bail!("not the type of a tag"),
        }
    }

    fn wasm_externtype_kind(ty: Option<&wasm_externtype_t>) -> u8 {
        Ok(given(ty, "type")?.number())
    }
}

/// Conversions that return their argument, if it is of the kind.
macro_rules! conversions {
    ($($kind:pat => $up:ident $up_const:ident $down:ident $down_const:ident
        $delete:ident $copy:ident;)*) => {
        c_functions! {$(
            fn $up(ty: Option<&wasm_externtype_t>) -> Option<&wasm_externtype_t> {
                Ok(ty)
            }

            fn $up_const(ty: Option<&wasm_externtype_t>) -> Option<&wasm_externtype_t> {
                Ok(ty)
            }

            fn $down(ty: Option<&wasm_externtype_t>) -> Option<&wasm_externtype_t> {
                Ok(ty.filter(|ty| matches!(ty.kind, $kind)))
            }

            fn $down_const(ty: Option<&wasm_externtype_t>) -> Option<&wasm_externtype_t> {
                Ok(ty.filter(|ty| matches!(ty.kind, $kind)))
            }

            fn $delete(ty: Option<Box<wasm_externtype_t>>) {
                drop(ty);
                Ok(())
            }

            fn $copy(ty: Option<&wasm_externtype_t>) -> Option<Box<wasm_externtype_t>> {
                Ok(Some(Box::new(given(ty, "type")?.clone())))
            }
        )*}
    };
}

conversions! {
    TypeKind::Func(_) => wasm_functype_as_externtype wasm_functype_as_externtype_const
        wasm_externtype_as_functype wasm_externtype_as_functype_const
        wasm_functype_delete wasm_functype_copy;
    TypeKind::Global { .. } => wasm_globaltype_as_externtype wasm_globaltype_as_externtype_const
        wasm_externtype_as_globaltype wasm_externtype_as_globaltype_const
        wasm_globaltype_delete wasm_globaltype_copy;
    TypeKind::Table { .. } => wasm_tabletype_as_externtype wasm_tabletype_as_externtype_const
        wasm_externtype_as_tabletype wasm_externtype_as_tabletype_const
        wasm_tabletype_delete wasm_tabletype_copy;
    TypeKind::Memory { .. } => wasm_memorytype_as_externtype wasm_memorytype_as_externtype_const
        wasm_externtype_as_memorytype wasm_externtype_as_memorytype_const
        wasm_memorytype_delete wasm_memorytype_copy;
    TypeKind::Tag(_) => wasm_tagtype_as_externtype wasm_tagtype_as_externtype_const
        wasm_externtype_as_tagtype wasm_externtype_as_tagtype_const
        wasm_tagtype_delete wasm_tagtype_copy;
}

#[derive(Clone)]
pub struct wasm_importtype_t {
    module: CVec<u8>,
    name: CVec<u8>,
    ty: Box<wasm_externtype_t>,
}

#[derive(Clone)]
pub struct wasm_exporttype_t {
    name: CVec<u8>,
    ty: Box<wasm_externtype_t>,
}

impl From<ImportType<'_>> for wasm_importtype_t {
    fn from(import: ImportType<'_>) -> wasm_importtype_t {
        wasm_importtype_t {
            module: import.module().into(),
            name: import.name().into(),
            ty: Box::new(import.ty().into()),
        }
    }
}

impl From<ExportType<'_>> for wasm_exporttype_t {
    fn from(export: ExportType<'_>) -> wasm_exporttype_t {
        wasm_exporttype_t { name: export.name().into(), ty: Box::new(export.ty().into()) }
    }
}

c_functions! {
    fn wasm_externtype_delete(ty: Option<Box<wasm_externtype_t>>) {
        drop(ty);
        Ok(())
    }

    fn wasm_externtype_copy(ty: Option<&wasm_externtype_t>) -> Option<Box<wasm_externtype_t>> {
        Ok(Some(Box::new(given(ty, "type")?.clone())))
    }

    fn wasm_importtype_new(
        module: Option<&mut CVec<u8>>,
        name: Option<&mut CVec<u8>>,
        ty: Option<Box<wasm_externtype_t>>,
    ) -> Option<Box<wasm_importtype_t>> {
        let module = given(module, "module")?.take().into();
        let name = given(name, "name")?.take().into();
        Ok(Some(Box::new(wasm_importtype_t { module, name, ty: given(ty, "type")? })))
    }

    fn wasm_importtype_module(ty: Option<&wasm_importtype_t>) -> Option<&CVec<u8>> {
        Ok(Some(&given(ty, "type")?.module))
    }

    fn wasm_importtype_name(ty: Option<&wasm_importtype_t>) -> Option<&CVec<u8>> {
        Ok(Some(&given(ty, "type")?.name))
    }

    fn wasm_importtype_type(ty: Option<&wasm_importtype_t>) -> Option<&wasm_externtype_t> {
        Ok(Some(&*given(ty, "type")?.ty))
    }

    fn wasm_importtype_delete(ty: Option<Box<wasm_importtype_t>>) {
        drop(ty);
        Ok(())
    }

    fn wasm_importtype_copy(ty: Option<&wasm_importtype_t>) -> Option<Box<wasm_importtype_t>> {
        Ok(Some(Box::new(given(ty, "type")?.clone())))
    }

    fn wasm_exporttype_new(
        name: Option<&mut CVec<u8>>,
        ty: Option<Box<wasm_externtype_t>>,
    ) -> Option<Box<wasm_exporttype_t>> {
        let name = given(name, "name")?.take().into();
        Ok(Some(Box::new(wasm_exporttype_t { name, ty: given(ty, "type")? })))
    }

    fn wasm_exporttype_name(ty: Option<&wasm_exporttype_t>) -> Option<&CVec<u8>> {
        Ok(Some(&given(ty, "type")?.name))
    }

    fn wasm_exporttype_type(ty: Option<&wasm_exporttype_t>) -> Option<&wasm_externtype_t> {
        Ok(Some(&*given(ty, "type")?.ty))
    }

    fn wasm_exporttype_delete(ty: Option<Box<wasm_exporttype_t>>) {
        drop(ty);
        Ok(())
    }

    fn wasm_exporttype_copy(ty: Option<&wasm_exporttype_t>) -> Option<Box<wasm_exporttype_t>> {
        Ok(Some(Box::new(given(ty, "type")?.clone())))
    }
}

/// The type of references that a table holds.
pub(crate) fn element(ty: &TableType) -> RefType {
    ty.element().clone()
}
