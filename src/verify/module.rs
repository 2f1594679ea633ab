//! What is known of a module, found once for all its functions.

use crate::index::{TypeId, TypeIndex};
use crate::prelude::*;
use crate::types::{HeapType, RefType};
use crate::vm::frame::MAX_SLOT;
use crate::vm::layout::GlobalPlace;
use crate::vm::{VmImport, VmLayout};
use crate::wasm::ModuleInfo;

/// What is known of a type of functions that have nothing to do with references.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Slots below a frame: parameters, or results if these take more.
    pub below: u16,
    /// Slots of the parameters.
    pub params: u16,
}

/// What the verifier asks of a module's types.
#[derive(Debug)]
pub struct Facts {
    /// Per type.
    functions: Box<[Option<Signature>]>,
    /// Per table, whether its elements are functions.
    tables: Box<[bool]>,
}

impl Facts {
    /// Those of a module.
    pub fn new(info: &ModuleInfo) -> Facts {
        let functions = info.types.iter().map(|ty| {
            let ty = ty.as_func().filter(|ty| !ty.has_references())?;
            let below = ty.param_slots().max(ty.result_slots());
            let below = u16::try_from(below).ok().filter(|below| i32::from(*below) <= MAX_SLOT)?;
            Some(Signature { below, params: ty.param_slots() as u16 })
        });
        let tables = info.tables.iter().map(|ty| is_function(info, ty.element()));
        Facts { functions: functions.collect(), tables: tables.collect() }
    }

    /// Whether the elements of a table are functions.
    pub fn is_of_functions(&self, table: usize) -> bool {
        self.tables[table]
    }

    /// A type of functions that have nothing to do with references.
    pub fn function(&self, ty: TypeIndex) -> Option<Signature> {
        self.functions.get(ty.idx()).copied().flatten()
    }
}

/// What stands at an offset into a context, if it is the beginning of something.
fn nth(at: u32, start: u32, size: u32, count: usize) -> Option<usize> {
    let distance = at.checked_sub(start).filter(|distance| distance.is_multiple_of(size))?;
    Some((distance / size) as usize).filter(|index| *index < count)
}

/// Bytes of the pointer to a memory or a table.
const POINTER: u32 = 8;

/// The memory whose pointer is there.
pub fn memory_at(info: &ModuleInfo, layout: &VmLayout, at: u32) -> Option<usize> {
    nth(at, layout.memories, POINTER, info.memories.len())
}

/// The table.
pub fn table_at(info: &ModuleInfo, layout: &VmLayout, at: u32) -> Option<usize> {
    nth(at, layout.tables, POINTER, info.tables.len())
}

/// The imported function.
pub fn import_at(info: &ModuleInfo, layout: &VmLayout, at: u32) -> Option<usize> {
    nth(at, layout.funcs, VmImport::offset(1), info.num_imported_funcs as usize)
}

/// The global, and whether what is there is a pointer to it.
pub fn global_at(layout: &VmLayout, at: u32) -> Option<(usize, bool)> {
    let place = |global: &GlobalPlace| match *global {
        GlobalPlace::Inline(at) => (at, false),
        GlobalPlace::Indirect(at) => (at, true),
    };
    // Their places are in the order of their numbers.
    let index = layout.globals.binary_search_by_key(&at, |global| place(global).0).ok()?;
    Some((index, place(&layout.globals[index]).1))
}

/// Whether references of a type are to functions.
fn is_function(info: &ModuleInfo, ty: RefType) -> bool {
    let is_func = |id: TypeId| info.types.iter().any(|ty| ty.id == id && ty.as_func().is_some());
    match ty.heap {
        HeapType::Func | HeapType::NoFunc => true,
        HeapType::Concrete(id) => is_func(id),
        _ => false,
    }
}
