//! Which slot everything of a function lives in; see [`crate::vm::frame`] for the layout.

use super::value::Kind;
use crate::types::FuncType;
use crate::vm::frame::{HEADER_SLOTS, MAX_SLOT, SMALL_HEADER_SLOTS};

/// A local: kind and slot.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    pub kind: Kind,
    pub slot: i16,
}

/// The frame's layout.
#[derive(Debug)]
pub struct Frame {
    locals: Vec<Local>,
    params: u32,
    /// Slots between the first parameter and the header.
    pub offset: i32,
    /// First slot behind the locals: the operand stack's homes begin here.
    pub homes: i32,
}

/// Kinds of all locals, parameters first; `None` if there are more than a frame can hold.
pub fn kinds(ty: &FuncType, declared: &[(u32, Kind)]) -> Option<Vec<Kind>> {
    let mut kinds: Vec<Kind> = ty.params().map(Kind::of).collect();
    for (count, kind) in declared {
        if kinds.len() + *count as usize > 2 * MAX_SLOT as usize {
            return None;
        }
        kinds.extend(core::iter::repeat_n(*kind, *count as usize));
    }
    Some(kinds)
}

impl Frame {
    /// Lays out a frame; `None` if it has too many slots.
    /// `saves_floats` says whether the function pins floats.
    pub fn new(ty: &FuncType, declared: &[(u32, Kind)], saves_floats: bool) -> Option<Frame> {
        let offset = ty.param_slots().max(ty.result_slots()) as i32;
        if offset > MAX_SLOT {
            return None;
        }
        let mut locals = Vec::new();
        let mut slot = -offset;
        for param in ty.params() {
            let kind = Kind::of(param);
            locals.push(Local { kind, slot: slot as i16 });
            slot += kind.slots();
        }
        let params = locals.len() as u32;
        let mut slot = if saves_floats { HEADER_SLOTS } else { SMALL_HEADER_SLOTS };
        for (count, kind) in declared {
            for _ in 0..*count {
                if slot + kind.slots() > MAX_SLOT {
                    return None;
                }
                locals.push(Local { kind: *kind, slot: slot as i16 });
                slot += kind.slots();
            }
        }
        Some(Frame { locals, params, offset, homes: slot })
    }

    /// Number of locals, parameters included.
    pub fn locals(&self) -> usize {
        self.locals.len()
    }

    /// Number of parameters.
    pub fn params(&self) -> u32 {
        self.params
    }

    pub fn local(&self, index: u32) -> Local {
        self.locals[index as usize]
    }
}
