//! Which slot everything of a function lives in; see [`crate::vm::frame`] for the layout.

use super::value::Kind;
use crate::prelude::*;
use crate::types::FuncType;
use crate::vm::frame::{HEADER_SLOTS, MAX_SLOT, SMALL_HEADER_SLOTS};

/// A local: kind and slot.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    pub kind: Kind,
    pub slot: i32,
}

/// How far the slots of a function reach. Functions are tried in the first shape, and go on to the next
/// one when something does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Shape {
    /// 16-bit operands reach all slots, as in any ordinary function.
    #[default]
    Near,
    /// Some locals are far.
    FarLocals,
    /// So are the homes of all operands, which have this many slots.
    FarStack(i32),
}

/// The frame's layout.
#[derive(Debug)]
pub struct Frame {
    locals: Vec<Local>,
    params: u32,
    /// Slots between the first parameter and the header.
    pub offset: i32,
    /// First slot of the operand stack's homes: they are behind the locals.
    pub homes: i32,
    /// What a function with far slots has.
    pub far: Option<Far>,
}

/// What the frame of a function with far slots has besides: see [`crate::vm::frame`].
#[derive(Debug)]
pub struct Far {
    /// Slots between the header that the call wrote and the one that the function uses.
    pub slots: i32,
    /// Slots of far locals, which end where the header begins.
    pub locals: i32,
    /// Slots of far operands, if their homes are far.
    pub stack: Option<i32>,
    /// First slot of those that values are copied through.
    pub scratch: i16,
    /// Locals below this slot are copied: those that 16 bits do not reach.
    copied: i32,
    /// With far operands, the slot where the arguments of calls begin, and their results.
    pub area: i16,
}

/// Near slots that locals take of a frame with far slots: the parameters, then whatever fits. The rest is for
/// operands.
pub const NEAR_LOCALS: i32 = MAX_SLOT / 2;
/// Far slots that each function with such has at least: tail calls put their arguments there.
const MIN_FAR: i32 = 4096;
/// Operands that one instruction takes from copies of far slots, at most.
pub const FETCHED: i16 = 8;
/// Slots that values are copied through: those, a result, and one for copies between other slots. Each
/// has room for a vector.
const SCRATCH: i32 = 2 * (FETCHED as i32 + 2);
/// Far slots of operands that a function may have: a gigabyte of them.
pub const MAX_FAR_STACK: i32 = 1 << 27;

/// Kinds of all locals, parameters first. Validation has bounded their number.
pub fn kinds(ty: &FuncType, declared: &[(u32, Kind)]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = ty.params().map(Kind::of).collect();
    for (count, kind) in declared {
        kinds.extend(core::iter::repeat_n(*kind, *count as usize));
    }
    kinds
}

impl Frame {
    /// Lays out a frame of the locals with these kinds; `None` if it has too many slots for its shape.
    /// `saves_floats` says whether the function pins floats, `all_far` that in another shape all locals are
    /// taken for far ones.
    pub fn new(
        ty: &FuncType,
        kinds: &[Kind],
        saves_floats: bool,
        shape: Shape,
        all_far: bool,
    ) -> Option<Frame> {
        let offset = ty.param_slots().max(ty.result_slots()) as i32;
        let params = ty.params_slice().len();
        if shape != Shape::Near {
            return Some(Frame::far(kinds, params as u32, offset, shape, all_far));
        }
        if offset > MAX_SLOT {
            return None;
        }
        let header = if saves_floats { HEADER_SLOTS } else { SMALL_HEADER_SLOTS };
        let mut locals = Vec::with_capacity(kinds.len());
        let mut slot = -offset;
        for (i, &kind) in kinds.iter().enumerate() {
            if i == params {
                slot = header;
            }
            if slot + kind.slots() > MAX_SLOT {
                return None;
            }
            locals.push(Local { kind, slot });
            slot += kind.slots();
        }
        let homes = if kinds.len() > params { slot } else { header };
        Some(Frame { locals, params: params as u32, offset, homes, far: None })
    }

    fn far(kinds: &[Kind], params: u32, offset: i32, shape: Shape, all_far: bool) -> Frame {
        let (room, copied) = if all_far { (0, 0) } else { (NEAR_LOCALS, -MAX_SLOT) };
        let mut slot = SMALL_HEADER_SLOTS;
        let mut locals = Vec::with_capacity(kinds.len());
        let mut far_locals = Vec::new();
        let mut far = 0;
        for &kind in kinds {
            if slot + kind.slots() > room {
                far_locals.push(locals.len());
                locals.push(Local { kind, slot: far });
                far += kind.slots();
            } else {
                locals.push(Local { kind, slot });
                slot += kind.slots();
            }
        }
        for local in far_locals {
            locals[local].slot -= far;
        }
        let scratch = slot as i16;
        let area = (slot + SCRATCH) as i16;
        let stack = if let Shape::FarStack(slots) = shape { Some(slots) } else { None };
        let homes = stack.map_or(i32::from(area), |slots| -far - slots);
        let slots = (HEADER_SLOTS + far + stack.unwrap_or(0)).max(MIN_FAR);
        let far = Some(Far { slots, locals: far, copied, stack, scratch, area });
        Frame { locals, params, offset, homes, far }
    }

    /// Number of locals, parameters included.
    pub fn locals(&self) -> usize {
        self.locals.len()
    }

    /// Number of parameters.
    pub fn params(&self) -> u32 {
        self.params
    }

    #[inline]
    pub fn local(&self, index: u32) -> Local {
        self.locals[index as usize]
    }

    /// Whether the homes of operands are far.
    #[inline]
    pub fn has_far_stack(&self) -> bool {
        self.far.as_ref().is_some_and(|far| far.stack.is_some())
    }

    /// Whether values go to a local, and come from it, by copies: it is far, or all operands are.
    #[inline]
    pub fn is_copied(&self, local: u32) -> bool {
        let slot = self.local(local).slot;
        self.far.as_ref().is_some_and(|far| far.stack.is_some() || slot < far.copied)
    }
}

/// A slot as an operand, if 16 bits reach it.
#[inline]
pub fn reach(slot: i32) -> Option<i16> {
    i16::try_from(slot).ok().filter(|&slot| i32::from(slot) >= -MAX_SLOT)
}

/// A slot that 16 bits reach.
#[inline]
pub fn near(slot: i32) -> i16 {
    reach(slot).expect("a near slot")
}
