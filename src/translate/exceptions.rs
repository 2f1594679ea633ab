//! Exceptions: what is caught where becomes a table beside the code, so that entering and leaving
//! a `try` costs nothing.
//!
//! Whoever catches finds all operands below the target's label in their slots or constant, as they
//! were flushed when the block was entered, and locals in their slots or pinned registers. The
//! payload is put into the homes of the label's operands.

use wasmparser::{BlockType, Catch, TryTable};

use super::block::{Block, BlockKind, LegacyTry, Segment};
use super::recent::Accs;
use super::translator::Translator;
use super::value::Kind;
use crate::index::{TagIndex, TypeIndex};
use crate::isa::runtime::Runtime;
use crate::isa::{Op, op};
use crate::prelude::*;
use crate::types::FuncType;
use crate::vm::catch::{Clause, NONE};
use crate::vm::frame::MAX_SLOT;

impl<'a> Translator<'a> {
    fn tag_type(&self, tag: u32) -> &'a FuncType {
        let info = self.info;
        info.type_info(TypeIndex(info.tags[TagIndex(tag).idx()].0)).func()
    }

    pub fn try_table(&mut self, table: &TryTable) {
        self.flush();
        if table.catches.is_empty() {
            self.open(BlockKind::Block, table.ty);
            return;
        }
        let region = self.emit.region(self.region());
        let mut clauses = Vec::with_capacity(table.catches.len());
        let mut targets = Vec::with_capacity(table.catches.len());
        for catch in &table.catches {
            let (tag, depth, with_ref) = match *catch {
                Catch::One { tag, label } => (Some(tag), label, false),
                Catch::OneRef { tag, label } => (Some(tag), label, true),
                Catch::All { label } => (None, label, false),
                Catch::AllRef { label } => (None, label, true),
            };
            let slots = tag.map_or(0, |tag| self.tag_type(tag).param_slots()) as i32;
            let target = self.target(depth);
            let payload = self.frame.homes + self.control[target].base_height;
            self.stack.reserve(self.control[target].base_height + slots + 1);
            if payload + slots + 1 > MAX_SLOT && !self.frame.has_far_stack() {
                self.too_deep();
                return;
            }
            clauses.push(Clause {
                tag: tag.unwrap_or(NONE),
                payload,
                exn: with_ref.then_some(payload + slots),
                keeps: with_ref,
                target: 0,
            });
            targets.push(target);
        }
        self.emit.set_clauses(region, clauses);
        for (index, target) in targets.into_iter().enumerate() {
            let label = match target {
                0 => &mut self.returned,
                _ => &mut self.control[target].label,
            };
            self.emit.clause_target(region, index, label);
        }
        self.open(BlockKind::Block, table.ty);
        self.enter(region);
    }

    /// Makes `region` the one in effect in the innermost block.
    fn enter(&mut self, region: u32) {
        self.control.last_mut().expect("an open block").region = region;
        self.emit.enter_region(region);
    }

    /// A block has ended: its region does, too.
    pub fn close_region(&mut self, block: &mut Block<'_>) {
        if let Some(legacy) = block.legacy.take() {
            self.emit.set_clauses(legacy.region, legacy.clauses);
        }
        let outer = self.region();
        if block.region != outer {
            self.emit.enter_region(outer);
        }
    }

    /// At the function's end: where clauses go on whose label is the function.
    pub fn return_caught(&mut self) {
        if !self.returned.is_used() {
            return;
        }
        let mut label = core::mem::take(&mut self.returned);
        self.emit.bind(&mut label);
        self.accs = Accs::default();
        self.last = None;
        self.stack.truncate(0);
        self.push_all_stored(self.branch_types(0));
        self.return_values();
    }

    pub fn throw(&mut self, tag: u32) {
        let info = self.info;
        let ty = info.type_info(TypeIndex(info.tags[TagIndex(tag).idx()].0)).func();
        let (args, frame, list) = self.runtime_arguments(ty.params_slice().len());
        self.throw_with(Runtime::throw, frame, args, [tag, ty.param_slots()]);
        self.safepoint(list);
        self.unreachable_from_here();
    }

    pub fn throw_ref(&mut self) {
        let exn = self.pop();
        let slot = self.place_in_slot(&exn);
        self.throw_slot(slot);
    }

    /// Throws the exception that a slot refers to.
    fn throw_slot(&mut self, slot: i16) {
        self.clobber_all();
        // Behind what was just popped.
        let frame = i32::from(self.next_frame()) + 1;
        if frame > MAX_SLOT {
            self.too_deep();
            return;
        }
        self.throw_with(Runtime::throw_ref, frame as i16, slot, [0, 0]);
        self.unreachable_from_here();
    }

    fn throw_with(&mut self, function: Runtime, frame: i16, args: i16, [x, y]: [u32; 2]) {
        let func = function as u64;
        self.emit.op(Op::CallRuntime, op::CallRuntime { frame, args, x, y, z: 0, func });
    }

    // ---- the older form

    pub fn try_(&mut self, ty: BlockType) {
        self.flush();
        let region = self.emit.region(self.region());
        self.open(BlockKind::Try, ty);
        self.enter(region);
        let block = self.control.last_mut().expect("just opened");
        block.legacy = Some(Box::new(LegacyTry { region, clauses: Vec::new(), exn: 0 }));
    }

    /// `catch` and `catch_all`.
    pub fn catch(&mut self, tag: Option<u32>) {
        if self.skipped > 0 {
            return;
        }
        let innermost = self.control.len() - 1;
        if self.reachable {
            self.leave_arm();
            self.jump(innermost);
        }
        // What is thrown in a clause is not for its own `try`.
        let outer = self.control[innermost - 1].region;
        self.enter(outer);
        self.assigned.close();
        self.assigned.open();
        let block = &mut self.control[innermost];
        block.kind = BlockKind::Catch;
        self.segment = Segment::Pending;
        let base = block.base;
        self.stack.truncate(base);
        self.accs = Accs::default();
        self.last = None;
        self.reachable = true;
        let exn = self.next_slot();
        self.push_stored(Kind::Ref);
        let payload = self.next_slot();
        if let Some(tag) = tag {
            self.push_all_stored(self.tag_type(tag).params_slice());
        }
        let target = self.emit.here();
        let legacy = self.control[innermost].legacy.as_mut().expect("a `try`");
        legacy.exn = exn;
        let tag = tag.unwrap_or(NONE);
        // The place is an operand, hence a root: it must hold a reference in any case.
        let clause = Clause { tag, payload, exn: Some(exn), keeps: false, target };
        legacy.clauses.push(clause);
    }

    pub fn rethrow(&mut self, depth: u32) {
        let target = self.target(depth);
        let legacy = self.control[target].legacy.as_mut().expect("validated: in a `catch`");
        let slot = legacy.exn;
        // Only now the exception needs to be kept.
        legacy.clauses.last_mut().expect("in a `catch`").keeps = true;
        let slot = self.fetch_slot(slot);
        self.throw_slot(slot);
    }

    /// Ends a `try` whose exceptions are thrown again as if at the label.
    pub fn delegate(&mut self, depth: u32) {
        if self.skipped == 0 {
            // The label is one around the `try`, which is still open.
            let target = self.target(depth + 1);
            let outer = self.control[target].region;
            if let Some(legacy) = &self.control[self.control.len() - 1].legacy {
                self.emit.set_outer(legacy.region, outer);
            }
        }
        self.end();
    }
}
