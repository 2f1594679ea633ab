//! What instances import and export.

use super::handle::{FuncRef, GlobalHandle, Handle, StoreId};

/// Something of a store that can be imported.
#[derive(Clone, Copy, Debug)]
pub enum External {
    /// A function.
    Func(FuncRef),
    /// A global.
    Global(GlobalHandle),
    /// A table.
    Table(Handle),
    /// A memory.
    Memory(Handle),
    /// A tag.
    Tag(Handle),
}

impl External {
    /// The store it belongs to.
    pub fn store(&self) -> StoreId {
        match self {
            External::Func(func) => func.store(),
            External::Global(global) => global.store,
            External::Table(handle) | External::Memory(handle) | External::Tag(handle) => {
                handle.store
            }
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            External::Func(_) => "function",
            External::Global(_) => "global",
            External::Table(_) => "table",
            External::Memory(_) => "memory",
            External::Tag(_) => "tag",
        }
    }
}
