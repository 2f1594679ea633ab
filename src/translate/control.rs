//! Blocks, branches and returns.

use wasmparser::BlockType;

use super::block::{Block, BlockKind, Segment};
use super::code::{Code, too_large};
use super::emit::Label;
use super::frame::near;
use super::operand::{Operand, Place};
use super::recent::Accs;
use super::resolve::{Imm, Src, signed};
use super::translator::{Refused, Translator};
use super::value::Kind;
use crate::index::TypeIndex;
use crate::isa::{self, Bin, Cmp, Op, op};
use crate::prelude::*;
use crate::sys::standard::HashMap;
use crate::trap::Trap;
use crate::tune;
use crate::types::ValType;

impl<'a> Translator<'a> {
    /// Function entry.
    pub fn begin(&mut self) {
        self.assigned.is = vec![false; self.frame.locals()];
        for local in 0..self.frame.params() {
            self.assigned.is[local as usize] = true;
        }
        self.enter_far();
        // Rewritten or skipped at the end, when it is known which locals need it.
        self.zero_locals = self.emit.here();
        self.emit.op(Op::ZeroLocals, op::ZeroLocals { first: 0, count: 0 });
        // References are roots of the collector from the start.
        for local in self.frame.params()..self.frame.locals() as u32 {
            if self.frame.local(local).kind == Kind::Ref {
                self.needs_zero(local);
            }
        }
        self.copy_params();
        self.checkpoint();
        // Entering a function costs something whatever it does.
        self.charge_fuel(1);
        self.enter_pins();
        self.emit.set_barrier();
        self.control.push(Block {
            kind: BlockKind::Function,
            base: 0,
            base_height: 0,
            params: &[],
            results: self.ty.results_slice(),
            label: Label::default(),
            otherwise: Label::default(),
            entry_accs: Accs::default(),
            reachable: true,
            region: crate::vm::catch::NONE,
            segment: Segment::Pending,
            legacy: None,
        });
    }

    /// Saves the caller's pinned locals and loads the function's own from the slots where they begin:
    /// parameters, or zeroed locals.
    fn enter_pins(&mut self) {
        let pins = self.pins;
        let (ints, floats) = pins.banks();
        if ints {
            let [src0, src1] = self.pinned_slots(pins.ints);
            self.emit.op(Op::PinInts, op::PinInts { src0, src1 });
        }
        if floats {
            let [src0, src1, src2] = self.pinned_slots(pins.floats);
            self.emit.op(Op::PinFloats, op::PinFloats { src0, src1, src2 });
        }
    }

    /// Where the pinned locals of a bank, which is not empty, begin.
    fn pinned_slots<const N: usize>(&mut self, bank: [Option<u32>; N]) -> [i16; N] {
        bank.map(|pin| {
            // An unused register takes what another one does.
            let Some(local) = pin.or(bank[0]) else { return 0 };
            if local >= self.frame.params() {
                self.needs_zero(local);
            }
            near(self.frame.local(local).slot)
        })
    }

    fn needs_zero(&mut self, local: u32) {
        let local = self.frame.local(local);
        let first = local.slot;
        if first < 0 {
            // Far, or once far enough: `enter_far` zeroes them all.
            return;
        }
        let last = first + local.kind.slots() - 1;
        self.assigned.zeroed = Some(match self.assigned.zeroed {
            None => (first, last),
            Some((low, high)) => (low.min(first), high.max(last)),
        });
    }

    /// Notes a read of a local.
    pub fn read_local(&mut self, local: u32) {
        if !self.assigned.is[local as usize] && !self.pins.is(local) {
            self.needs_zero(local);
        }
    }

    /// Notes an assignment to a local.
    pub fn assign_local(&mut self, local: u32) {
        self.assigned.assign(local);
    }

    /// Function end: the code.
    pub fn finish(mut self) -> Result<Code, Refused> {
        self.refuel();
        if self.emit.is_too_large() {
            return Err(too_large(self.offset, "more than 1 GiB of code").into());
        }
        self.check_far_height();
        if let Some(shape) = self.reshape {
            return Err(Refused::Shape(shape));
        }
        // Without locals to zero the instruction is left out where execution starts behind it, and does
        // nothing where it does not.
        let mut entry = 0;
        if let Some((low, high)) = self.assigned.zeroed {
            let count = (high - low + 1) as u16;
            self.emit.fill_in(self.zero_locals, op::ZeroLocals { first: near(low), count });
        } else if self.zero_locals == 0 {
            entry = isa::len(op::ZeroLocals::BODY) as u32;
        }
        let mut code = super::compose::compose(
            self.emit.finish(entry, self.maps.places()),
            self.options.unfused,
        );
        let locals = (0..self.frame.locals() as u32).map(|local| self.frame.local(local));
        let locals = locals.filter(|local| local.kind == Kind::Ref).map(|local| local.slot);
        let stack_maps = self.maps.finish(&code.calls, locals.collect());
        code.catches.pins = self.pins.banks();
        Ok(Code::new(code, stack_maps))
    }

    /// Parameters and results of a block.
    fn block_types(&self, ty: BlockType) -> (&'a [ValType], &'a [ValType]) {
        match ty {
            BlockType::Empty => (&[], &[]),
            BlockType::Type(ty) => (&[], Kind::of_wasm(&ty).types()),
            BlockType::FuncType(index) => {
                let info = self.info;
                let ty = info.type_info(TypeIndex(index)).func();
                (ty.params_slice(), ty.results_slice())
            }
        }
    }

    pub fn open(&mut self, kind: BlockKind, ty: BlockType) {
        let (params, results) = self.block_types(ty);
        let base = self.stack.len() - params.len();
        let slots: i32 = params.iter().map(|ty| ty.slots() as i32).sum();
        self.assigned.open();
        self.control.push(Block {
            kind,
            base,
            base_height: self.stack.height() - slots,
            params,
            results,
            label: Label::default(),
            otherwise: Label::default(),
            entry_accs: self.accs,
            reachable: true,
            region: self.region(),
            segment: self.segment,
            legacy: None,
        });
    }

    /// The innermost region here.
    pub fn region(&self) -> u32 {
        self.control.last().map_or(crate::vm::catch::NONE, |block| block.region)
    }

    pub fn block(&mut self, ty: BlockType) {
        self.flush();
        self.open(BlockKind::Block, ty);
    }

    pub fn loop_(&mut self, ty: BlockType) {
        self.flush();
        self.settle(self.block_types(ty).0.len());
        self.accs = Accs::default();
        self.emit.set_barrier();
        self.open(BlockKind::Loop, ty);
        let here = self.emit.here();
        self.control.last_mut().expect("just opened").label = Label::at(here);
        self.checkpoint();
        self.segment = Segment::Pending;
    }

    pub fn if_(&mut self, ty: BlockType) {
        let condition = self.pop();
        // The flush may emit moves, which would part the condition from its comparison.
        let (cmp, x, y) = self.take_condition(&condition);
        self.flush();
        // Both arms begin with the parameters in their homes.
        self.settle(self.block_types(ty).0.len());
        let mut otherwise = Label::default();
        self.emit_branch(opposite(cmp), &x, y.as_ref(), &mut otherwise);
        self.open(BlockKind::If, ty);
        self.control.last_mut().expect("just opened").otherwise = otherwise;
        self.segment = Segment::Pending;
    }

    pub fn else_(&mut self) {
        if self.skipped > 0 {
            return;
        }
        if self.reachable {
            self.fall_to_end();
            self.jump(self.control.len() - 1);
        }
        self.assigned.close();
        self.assigned.open();
        self.segment = Segment::Pending;
        let block = self.control.last_mut().expect("an if");
        block.kind = BlockKind::Else;
        let (base, accs, params) = (block.base, block.entry_accs, block.params);
        let mut otherwise = core::mem::take(&mut block.otherwise);
        self.reachable = block.reachable;
        self.stack.truncate(base);
        self.emit.bind(&mut otherwise);
        self.last = None;
        self.push_all_stored(params);
        self.accs = accs;
    }

    /// Pushes values of these types, which are in their homes.
    pub fn push_all_stored(&mut self, types: &[ValType]) {
        types.iter().for_each(|&ty| self.push_stored(Kind::of(ty)));
    }

    /// `end`. Returns whether the function itself ended.
    pub fn end(&mut self) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        if self.control.len() == 1 {
            if self.reachable {
                self.return_();
            }
            self.return_caught();
            self.control.pop();
            return;
        }
        if self.reachable {
            self.leave_arm();
        }
        let fell = self.reachable;
        let mut block = self.control.pop().expect("validated code");
        self.assigned.close();
        match block.kind {
            // What follows has been paid for together with what was ahead.
            BlockKind::Loop | BlockKind::If | BlockKind::Else => self.segment = block.segment,
            BlockKind::Block if !block.label.is_used() => {}
            _ => self.segment = Segment::Pending,
        }
        self.close_region(&mut block);
        // A `catch` leaves its results in their homes, and what it caught below them.
        let mut joined = fell && block.kind == BlockKind::Catch;
        if block.kind == BlockKind::If {
            // No other arm: its parameters are its results, in the same homes.
            self.emit.bind(&mut block.otherwise);
            joined = true;
            self.reachable = true;
        }
        if block.kind != BlockKind::Loop && block.label.is_used() {
            self.emit.bind(&mut block.label);
            self.reachable = true;
            joined = true;
        }
        if joined || !self.reachable {
            self.accs = Accs::default();
            self.last = None;
        }
        if joined || !fell {
            self.stack.truncate(block.base);
            self.push_all_stored(block.results);
        }
    }

    /// Control reaches the end of an arm of the innermost block: its results go to their homes.
    pub fn leave_arm(&mut self) {
        let innermost = self.control.len() - 1;
        if self.control[innermost].kind == BlockKind::Catch {
            self.carry(innermost);
        } else {
            self.fall_to_end();
        }
    }

    /// Control reaches the end of the innermost block: its results go to their homes.
    fn fall_to_end(&mut self) {
        let block = self.control.last().expect("an open block");
        let base = block.base;
        // Where nothing joins, operands stay as they are.
        if block.kind != BlockKind::Loop
            && (block.label.is_used() || block.kind != BlockKind::Block)
        {
            self.settle(self.stack.len() - base);
        }
    }

    pub fn target(&mut self, depth: u32) -> usize {
        self.control.len() - 1 - depth as usize
    }

    /// The types of the values that a branch to a block carries.
    pub fn branch_types(&self, target: usize) -> &'a [ValType] {
        let block = &self.control[target];
        if block.kind == BlockKind::Loop { block.params } else { block.results }
    }

    /// Whether the values that a branch carries are where the target expects them, or can be put
    /// there without a move.
    fn in_place(&self, target: usize) -> bool {
        let count = self.branch_types(target).len();
        let mut home = self.frame.homes + self.control[target].base_height;
        for i in self.stack.len() - count..self.stack.len() {
            let operand = self.stack.get(i);
            if operand.home != home || !matches!(operand.place, Place::Temp { .. }) {
                return false;
            }
            home += operand.kind.slots();
        }
        true
    }

    /// Puts the values that a branch carries where the target expects them. They stay on the
    /// stack.
    pub fn carry(&mut self, target: usize) {
        let count = self.branch_types(target).len();
        let home = self.frame.homes + self.control[target].base_height;
        if count > tune::MAX_CARRIED {
            self.carry_span(count, home);
        } else {
            self.carry_each(count, home);
        }
    }

    /// Copies the topmost values to the slots from `slot` on, one by one.
    pub fn carry_each(&mut self, count: usize, mut slot: i32) {
        // Targets lie at or below the values' own homes, so ascending order overwrites nothing
        // that is still needed.
        for i in self.stack.len() - count..self.stack.len() {
            let operand = self.stack.get(i);
            if operand.home == slot {
                self.place_in_home(&operand);
            } else {
                self.copy_to(&operand, slot);
            }
            slot += operand.kind.slots();
        }
    }

    /// Copies the topmost values to the slots from `slot` on, at once: a branch of two bytes can carry
    /// a thousand values, so code for each of them would be out of proportion. They are put into their
    /// homes first, which each value needs once only.
    pub fn carry_span(&mut self, count: usize, slot: i32) {
        self.settle(count);
        let from = self.stack.get(self.stack.len() - count).home;
        let slots = self.next_slot() - from;
        if self.frame.far.is_some() {
            self.mov_far(slot, from, slots);
        } else if from != slot {
            let (dst, src) = (near(slot), near(from));
            self.emit.op(Op::MovSpan, op::MovSpan { dst, src, count: slots as u16 });
        }
    }

    /// Prepares values on top of the stack for being carried on one of several ways: those that later
    /// code needs too are stored before the ways part.
    fn prepare_carry(&mut self, count: usize) {
        if count > tune::MAX_CARRIED {
            self.settle(count);
            return;
        }
        for i in self.stack.len() - count..self.stack.len() {
            let operand = self.stack.get(i);
            if matches!(operand.place, Place::Temp { .. }) {
                self.place_in_home(&operand);
            }
        }
    }

    /// Emits an unconditional branch; values have been carried.
    pub fn jump(&mut self, target: usize) {
        let at = self.emit.op(Op::Br, op::Br { to: 0 });
        self.emit.branch(at, &mut self.control[target].label);
    }

    pub fn br(&mut self, depth: u32) {
        let target = self.target(depth);
        if target == 0 {
            self.return_();
        } else {
            self.carry(target);
            self.jump(target);
        }
        self.unreachable_from_here();
    }

    /// What follows until the end of the block cannot be reached.
    pub fn unreachable_from_here(&mut self) {
        self.reachable = false;
        self.last = None;
        let base = self.control.last().map_or(0, |block| block.base);
        self.stack.truncate(base);
    }

    pub fn br_if(&mut self, depth: u32) {
        let operand = self.pop();
        let (cmp, x, y) = self.take_condition(&operand);
        self.branch_out(depth, |t, taken, label| {
            t.emit_branch(if taken { cmp } else { opposite(cmp) }, &x, y.as_ref(), label);
        });
    }

    /// A conditional branch that carries the values on top of the stack. `test` emits one to a
    /// label, taken if the condition holds (`true`) or if it does not.
    pub fn branch_out(&mut self, depth: u32, test: impl Fn(&mut Self, bool, &mut Label)) {
        let target = self.target(depth);
        let count = self.branch_types(target).len();
        if target != 0 && self.in_place(target) {
            for i in self.stack.len() - count..self.stack.len() {
                let operand = self.stack.get(i);
                self.place_in_home(&operand);
            }
            let mut label = core::mem::take(&mut self.control[target].label);
            test(self, true, &mut label);
            self.control[target].label = label;
            return;
        }
        // The way out of line: skip it if the condition fails.
        let mut skip = Label::default();
        self.prepare_carry(count);
        test(self, false, &mut skip);
        let accs = self.accs;
        if target == 0 {
            self.return_values();
        } else {
            self.carry(target);
            self.jump(target);
        }
        self.emit.bind(&mut skip);
        self.accs = accs;
        self.last = None;
    }

    pub fn br_table(
        &mut self,
        targets: &wasmparser::BrTable<'_>,
    ) -> Result<(), wasmparser::BinaryReaderError> {
        let index = self.pop();
        let depths: Vec<u32> = targets.targets().collect::<Result<_, _>>()?;
        let default = targets.default();
        let src = self.source(&index, Imm::No, |c| isa::br_table(c).is_some());
        // All arms take the same values: put them into their homes so that arms only move.
        let count = {
            let target = self.target(default);
            self.branch_types(target).len()
        };
        self.prepare_carry(count);
        let row = isa::br_table(src.class()).expect("resolved to a row");
        let at = self.emit.op(row, op::BrTable { index: src, count: depths.len() as u32 });
        self.emit.distance_entries(at, depths.len() + 1);
        self.emit.set_barrier();
        // Arms that must move values share one stub per target block.
        let mut stubs: Vec<(usize, Label)> = Vec::new();
        let mut stub_of: HashMap<usize, Option<usize>> = HashMap::new();
        for (i, depth) in depths.iter().chain(core::iter::once(&default)).enumerate() {
            let target = self.target(*depth);
            let stub = *stub_of.entry(target).or_insert_with(|| {
                (target == 0 || !self.in_place(target)).then(|| {
                    stubs.push((target, Label::default()));
                    stubs.len() - 1
                })
            });
            let label = match stub {
                Some(stub) => &mut stubs[stub].1,
                None => &mut self.control[target].label,
            };
            self.emit.table_branch(at, i, label);
        }
        let accs = self.accs;
        for (target, mut label) in stubs {
            self.emit.bind(&mut label);
            self.accs = accs;
            if target == 0 {
                self.return_values();
            } else {
                self.carry(target);
                self.jump(target);
            }
        }
        self.unreachable_from_here();
        Ok(())
    }

    /// Decides how a condition is tested, taking back the comparison that made it if it can be one
    /// with the branch. Without a right side the condition is "not zero" (`I32Ne`) or "zero".
    fn take_condition(&mut self, o: &Operand) -> (Cmp, Operand, Option<Operand>) {
        let Some(rec) = self.producer(o) else {
            return (Cmp::I32Ne, *o, None);
        };
        // "Not the comparison before": a float comparison or a bit test, negated.
        if let Bin::I32Eq | Bin::I32Ne | Bin::I64Eq | Bin::I64Ne = rec.op
            && rec.y.place == Place::Const(0)
            && let Some(under) = self.producer_under(&rec, &rec.x)
            && let Some(cmp) = branch_condition(under.op)
        {
            self.take_back(&under);
            let cmp = if matches!(rec.op, Bin::I32Eq | Bin::I64Eq) { opposite(cmp) } else { cmp };
            return (cmp, under.x, Some(under.y));
        }
        let Some(cmp) = branch_condition(rec.op).filter(|_| rec.op != Bin::I64And) else {
            return (Cmp::I32Ne, *o, None);
        };
        self.take_back(&rec);
        if rec.y.place == Place::Const(0) && matches!(cmp, Cmp::I32Eq | Cmp::I32Ne) {
            return (cmp, rec.x, None);
        }
        (cmp, rec.x, Some(rec.y))
    }

    /// Emits a conditional branch to `label`.
    pub fn emit_branch(
        &mut self,
        mut cmp: Cmp,
        x: &Operand,
        y: Option<&Operand>,
        label: &mut Label,
    ) {
        let at;
        if let Some(y) = y {
            let (mut x, mut y) = (*x, *y);
            // Rows with "greater" exist with an immediate on the right only.
            if !self.fits_branch(&y) && (self.fits_branch(&x) || cmp.is_mirrored()) {
                cmp = cmp.mirror().unwrap_or(cmp);
                core::mem::swap(&mut x, &mut y);
            }
            let commute = cmp.commutes();
            let float = x.kind.is_float();
            let imm = if float { Imm::Full } else { Imm::Half };
            let (sx, sy, _) =
                self.sources(&x, &y, imm, commute, |x, y| isa::br_cmp(cmp, x, y).is_some());
            let row = isa::br_cmp(cmp, sx.class(), sy.class()).expect("resolved to a row");
            at = self.emit.op(row, op::BrCompare { lhs: sx, rhs: sy, to: 0 });
        } else {
            let sx = self.source(x, Imm::No, |c| isa::br_nez(c).is_some());
            let class = sx.class();
            let row = if cmp == Cmp::I32Ne { isa::br_nez(class) } else { isa::br_eqz(class) };
            at = self.emit.op(row.expect("a row"), op::BrIf { cond: sx, to: 0 });
        }
        self.last = None;
        self.emit.branch(at, label);
        self.emit.set_barrier();
    }

    /// Whether a branch has room for an operand as its immediate.
    fn fits_branch(&self, o: &Operand) -> bool {
        match o.place {
            Place::Const(_) if o.kind.is_float() => true,
            Place::Const(bits) => i16::try_from(signed(o.kind, bits)).is_ok(),
            _ => false,
        }
    }

    pub fn return_(&mut self) {
        self.return_values();
    }

    /// Returns with the results on top of the stack, which stay there.
    pub fn return_values(&mut self) {
        let restore = self.restore();
        let results = self.control[0].results;
        if self.frame.far.is_some() {
            self.return_far(results);
            return;
        }
        let count = results.len();
        if count == 0 {
            self.emit.op(isa::ret_plain(restore).expect("a row"), op::Empty {});
            return;
        }
        let to = -self.frame.offset;
        if count == 1 && results[0] != ValType::V128 {
            let o = self.stack.peek();
            let float = o.kind.is_float();
            let src = match self.natural(&o, Imm::Word) {
                Some(src) if isa::ret(restore, float, src.class()).is_some() => src,
                _ => Src::Slot(self.place_in_slot(&o)),
            };
            let row = isa::ret(restore, float, src.class()).expect("a row");
            self.emit.op(row, op::Return { to: near(to), value: src });
            return;
        }
        if count > tune::MAX_CARRIED {
            self.carry_span(count, to);
            self.emit.op(isa::ret_plain(restore).expect("a row"), op::Empty {});
            return;
        }
        // Results go where parameters are: locals that are parameters first leave their slots.
        for i in self.stack.len() - count..self.stack.len() {
            let o = self.stack.get(i);
            if matches!(o.place, Place::Local(local) if local < self.frame.params()) {
                self.copy_to(&o, o.home);
            }
        }
        let mut slot = to;
        for i in self.stack.len() - count..self.stack.len() {
            let mut o = self.stack.get(i);
            if matches!(o.place, Place::Local(local) if local < self.frame.params()) {
                o.place = Place::Temp { producer: super::operand::NONE, stored: true };
            }
            self.copy_to(&o, slot);
            slot += o.kind.slots();
        }
        self.emit.op(isa::ret_plain(restore).expect("a row"), op::Empty {});
    }

    /// Which pinned locals of the caller the end of the function restores.
    fn restore(&self) -> usize {
        let (ints, floats) = self.pins.banks();
        isa::restore(ints, floats)
    }

    /// Restores the caller's pinned locals ahead of a tail call, whose operands are in slots.
    pub fn unpin(&mut self) {
        if let Some(row) = isa::unpin(self.restore()) {
            self.emit.op(row, op::Empty {});
        }
    }

    pub fn trap(&mut self, trap: Trap) {
        self.emit.op(Op::Trap, op::Trap { code: trap as u32 });
        self.unreachable_from_here();
    }
}

/// The branch condition of a value-producing op: a comparison, or a bitwise and.
fn branch_condition(op: Bin) -> Option<Cmp> {
    match op {
        Bin::I32And => Some(Cmp::I32Test),
        Bin::I64And => Some(Cmp::I64Test),
        _ => op.condition(),
    }
}

/// The condition that holds when `cmp` does not.
fn opposite(cmp: Cmp) -> Cmp {
    cmp.negation().expect("every condition has one")
}
