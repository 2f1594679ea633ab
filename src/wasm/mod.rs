//! From bytes to a validated description of a module.
//!
//! [`ModuleInfo::parse`] reads and validates a module with `wasmparser` and keeps what the rest of
//! the engine needs to know about it; the bytes themselves stay with the caller, and ranges in a
//! [`ModuleInfo`] are ranges of those bytes. Types are interned in the engine's [`TypeRegistry`].

pub mod const_expr;
mod convert;
mod matching;
pub mod module;
pub mod names;
pub mod object_layout;
mod parse;
mod read_const;
pub mod registry;
mod validate;

pub use const_expr::{ConstExpr, ConstOp};
pub use matching::TypeLookup;
pub use module::{
    BranchHint, CustomSection, DataMode, DataSegment, ElemItems, ElemMode, ElemSegment, Entity,
    Import, ModuleInfo,
};
pub use names::Names;
pub use parse::ParseOptions;
pub use registry::{RegisteredType, TypeGroup, TypeInfo, TypeRegistry};
#[cfg(feature = "internals")]
pub use validate::validate_all;

#[cfg(test)]
mod tests;
