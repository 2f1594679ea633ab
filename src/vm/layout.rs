//! Offsets inside an instance's context, fixed per module so that bytecode can hold them.

use super::context::VmCtx;
use super::func::VmImport;

/// Byte offsets from the start of a [`VmCtx`] allocation to its trailing arrays. One per module.
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

impl VmLayout {
    /// Lays out a context. `globals` says for each global whether it is imported and how many
    /// slots it has. Counts are bounded by validation, so that all offsets fit 32 bits.
    pub fn new(
        imported_funcs: u32,
        tables: u32,
        memories: u32,
        globals: impl Iterator<Item = (bool, u32)>,
    ) -> VmLayout {
        let mut offset = core::mem::size_of::<VmCtx>() as u32;
        let mut array = |bytes: u32| {
            let start = offset;
            offset += bytes;
            start
        };
        let funcs = array(VmImport::offset(imported_funcs));
        let tables = array(8 * tables);
        let memories = array(8 * memories);
        let globals = globals
            .map(|(imported, slots)| {
                if imported {
                    let place = GlobalPlace::Indirect(offset);
                    offset += 8;
                    place
                } else {
                    if slots == 2 {
                        offset = (offset + 15) & !15;
                    }
                    let place = GlobalPlace::Inline(offset);
                    offset += 8 * slots;
                    place
                }
            })
            .collect();
        VmLayout { funcs, tables, memories, globals, size: (offset + 15) & !15 }
    }
}
