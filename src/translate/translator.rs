//! The state of a translation, which all operators work on: each file has those of its kind.

use super::block::{Assigned, Block, Refuel, Segment};
use super::code::{Options, too_large};
use super::emit::{Emitter, Label};
use super::frame::{Frame, Shape};
use super::maps::Maps;
use super::operand::Stack;
use super::pins::Pins;
use super::recent::{Accs, Rec};
use crate::error::{Error, ModuleError, ModuleErrorKind};
use crate::prelude::*;
use crate::types::FuncType;
use crate::vm::VmLayout;
use crate::wasm::ModuleInfo;

/// Why a translation ended without code.
#[derive(Debug)]
pub enum Refused {
    Error(Error),
    /// The function has too many slots for the shape that was tried.
    Shape(Shape),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::Error(error)
    }
}

/// The state of one translation.
pub struct Translator<'a> {
    pub(super) info: &'a ModuleInfo,
    pub(super) layout: &'a VmLayout,
    pub(super) options: &'a Options,
    pub(super) ty: &'a FuncType,
    pub(super) frame: Frame,
    pub(super) shape: Shape,
    /// The shape to try next, once something did not fit.
    pub(super) reshape: Option<Shape>,
    /// The scratch slot that the next far operand is copied to.
    pub(super) fetched: i16,
    /// Whether every result goes to its home, rather than when something else needs the accumulator.
    pub(super) stores_at_once: bool,
    /// Where the instruction is that zeroes locals.
    pub(super) zero_locals: u32,
    pub(super) pins: Pins,
    pub(super) stack: Stack,
    /// What the accumulators hold.
    pub(super) accs: Accs,
    /// The value-producing instruction just emitted, if it may still be fused.
    pub(super) last: Option<Rec>,
    /// The one before it, if its result is an operand of `last`.
    pub(super) under: Option<Rec>,
    pub(super) emit: Emitter,
    pub(super) control: Vec<Block<'a>>,
    /// Whether the code being read can be reached.
    pub(super) reachable: bool,
    /// Blocks opened inside unreachable code.
    pub(super) skipped: u32,
    /// Where clauses that lead out of the function go on: to a return of what they catch.
    pub(super) returned: Label,
    pub(super) assigned: Assigned,
    /// Module offset of the operator being translated.
    pub(super) offset: usize,
    pub(super) failure: Option<Error>,
    pub(super) maps: Maps,
    /// What the instructions being read are charged to.
    pub(super) segment: Segment,
    /// What is to be done where a segment's fuel is missing.
    pub(super) refuels: Vec<Refuel>,
    /// What each unit of the last operand of the instruction being translated costs.
    pub(super) per_unit: u8,
}

impl<'a> Translator<'a> {
    /// The translation of a function of type `ty` that has such a frame, before it begins: nothing is pinned.
    pub(super) fn new(
        info: &'a ModuleInfo,
        layout: &'a VmLayout,
        options: &'a Options,
        ty: &'a FuncType,
        (frame, shape): (Frame, Shape),
    ) -> Translator<'a> {
        Translator {
            info,
            layout,
            options,
            ty,
            stack: Stack::new(frame.locals()),
            stores_at_once: options.readable || frame.has_far_stack(),
            frame,
            shape,
            reshape: None,
            fetched: 0,
            zero_locals: 0,
            pins: Pins::default(),
            accs: Accs::default(),
            last: None,
            under: None,
            emit: Emitter::new(options.source_map),
            control: Vec::new(),
            reachable: true,
            skipped: 0,
            returned: Label::default(),
            assigned: Assigned::new(),
            offset: 0,
            failure: None,
            maps: Maps::default(),
            segment: Segment::Pending,
            refuels: Vec::new(),
            per_unit: 0,
        }
    }

    /// Records that the function exceeds a limit; the driver stops at once.
    pub(super) fn limit(&mut self, what: &str) {
        if self.failure.is_none() {
            self.failure = Some(too_large(self.offset, what));
        }
    }

    /// Records an operator that this engine does not know. Validation refuses such modules, so
    /// this is a safety net, not a user's path: it says where, without the names of all operators.
    pub(super) fn unsupported(&mut self) {
        if self.failure.is_none() {
            let error = ModuleError::new(
                ModuleErrorKind::Unsupported,
                self.offset as u64,
                "unsupported instruction",
            );
            self.failure = Some(error.into());
        }
    }
}
