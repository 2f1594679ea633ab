//! Offsets inside an instance's context, fixed per module so that bytecode can hold them.

use crate::prelude::*;

/// Byte offsets from the start of a [`super::VmCtx`] allocation to its trailing arrays. One per module.
///
/// ```text
///   VmCtx                      fixed part
///   imported functions         VmImport each
///   tables                     *mut VmTable each, imported and defined alike
///   memories                   *mut VmMemory each
///   imported globals           *mut Slot each
///   defined globals            one slot each, two for v128 (16-byte aligned)
/// ```
#[derive(Clone, Debug, Default)]
pub struct VmLayout {
    /// Offset of the imported functions.
    pub funcs: u32,
    /// Offset of the table pointers.
    pub tables: u32,
    /// Offset of the memory pointers.
    pub memories: u32,
    /// Per global: offset of its value (defined) or of the pointer to it (imported).
    pub globals: Vec<GlobalPlace>,
    /// Bytes in all.
    pub size: u32,
}

/// Where a global lives relative to the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobalPlace {
    /// The value itself, at this offset.
    Inline(u32),
    /// A pointer to the value, at this offset.
    Indirect(u32),
}
