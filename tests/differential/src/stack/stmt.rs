//! Statements: code that changes something, or leaves values on the stack for what follows.

use std::borrow::Cow;

use wasm_encoder::Instruction;

use super::code::{Code, Kind, take_fuel};
use super::ops::OPS;
use super::{DATA, DATAS, types};
use crate::observe::Ty;

/// Kinds of statements.
pub const KINDS: usize = 18;

impl Code<'_> {
    /// Emits one.
    pub fn statement(&mut self) {
        self.may_reuse = true;
        self.budget -= 1;
        if self.block().dead {
            return self.unreached();
        }
        let total: usize = self.style.statements.iter().sum();
        let mut at = self.rng.below(total);
        let kind = self.style.statements.iter().position(|weight| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let depth = self.rng.between(1, 4);
        match kind.unwrap_or(0) {
            0 => self.set_local(depth),
            1 => self.store(depth),
            2 => self.set_global(depth),
            3 | 4 => self.leave(depth),
            5 => self.on_top(),
            6 => self.count_up(),
            7 => self.swap(),
            8 => self.read_then_write(depth),
            9 => self.nested_block(),
            10 => self.nested_loop(),
            11 => self.nested_if(),
            12 | 13 => self.branch_if(depth),
            14 => self.back_edge(),
            15 => self.call_any(depth),
            16 => self.bulk(),
            _ => self.rare(depth),
        }
    }

    /// Fills the innermost block: some statements, then its results.
    pub fn inside(&mut self, work: usize) {
        let rest = self.budget - work as isize;
        while self.budget > rest.max(0) {
            self.statement();
        }
        self.settle();
    }

    fn set_local(&mut self, depth: usize) {
        let Some(local) = self.any_writable() else { return };
        self.operands(&[self.locals[local as usize].ty], depth);
        self.assign(local);
    }

    fn any_writable(&mut self) -> Option<u32> {
        (self.assignable > 0).then(|| self.rng.below(self.assignable) as u32)
    }

    fn set_global(&mut self, depth: usize) {
        let global = self.rng.between(1, self.shape.globals.len() - 1);
        let (ty, mutable) = self.shape.globals[global];
        if mutable {
            self.operands(&[ty], depth);
            self.emit(Instruction::GlobalSet(global as u32));
            self.pop(1);
        }
    }

    /// Leaves a value on the stack.
    fn leave(&mut self, depth: usize) {
        if self.height() >= self.style.deep {
            return self.discard();
        }
        let ty = super::ty(self.rng);
        self.expr(ty, depth);
    }

    /// An operator on whatever lies on top.
    fn on_top(&mut self) {
        let height = self.height();
        let start = self.rng.below(OPS.len());
        let op = (start..OPS.len()).chain(0..start).map(|i| &OPS[i]).find(|op| {
            let count = op.args.len();
            count <= height
                && self.stack[self.stack.len() - count..]
                    .iter()
                    .zip(op.args)
                    .all(|(a, b)| a.ty == *b)
        });
        match op {
            Some(op) => {
                let reuse = std::mem::replace(&mut self.style.reuse, 100);
                self.apply(op, 0);
                self.style.reuse = reuse;
            }
            None => self.leave(1),
        }
    }

    /// `x += constant`.
    fn count_up(&mut self) {
        let ty = self.rng.pick(&[Ty::I32, Ty::I32, Ty::I64]);
        let Some(local) = self.writable(ty) else { return };
        self.get(local);
        self.constant(ty);
        let up = self.rng.chance(50);
        self.emit(match (ty, up) {
            (Ty::I32, true) => Instruction::I32Add,
            (Ty::I32, false) => Instruction::I32Sub,
            (_, true) => Instruction::I64Add,
            (_, false) => Instruction::I64Sub,
        });
        self.pop(1);
        if self.rng.chance(70) {
            self.assign(local);
        } else {
            self.emit(Instruction::LocalTee(local));
        }
    }

    /// Locals change places.
    fn swap(&mut self) {
        let Some(a) = self.any_writable() else { return };
        let ty = self.locals[a as usize].ty;
        let count = self.rng.between(2, 4);
        let others: Vec<u32> = (1..count).filter_map(|_| self.writable(ty)).collect();
        self.get(a);
        for other in &others {
            self.get(*other);
        }
        self.assign(a);
        for other in &others {
            self.assign(*other);
        }
    }

    /// Reads a local, changes it, and leaves the old value on the stack.
    fn read_then_write(&mut self, depth: usize) {
        let Some(local) = self.any_writable() else { return };
        if self.height() + 4 > self.style.deep {
            return self.discard_some();
        }
        for _ in 0..self.rng.between(1, 3) {
            self.get(local);
            if self.rng.chance(30) {
                let ty = super::ty(self.rng);
                self.expr(ty, 1);
            }
        }
        self.expr(self.locals[local as usize].ty, depth);
        if self.rng.chance(60) {
            self.assign(local);
        } else {
            if self.locals[local as usize].clean {
                self.clean_top();
            }
            self.emit(Instruction::LocalTee(local));
        }
    }

    fn discard_some(&mut self) {
        if self.height() > 0 {
            self.discard();
        }
    }

    /// Types of the values that a new block takes from the stack.
    fn parameters(&mut self) -> Vec<Ty> {
        let most = self.height().min(if self.rng.chance(10) { 10 } else { 3 });
        let count = if self.rng.chance(50) { 0 } else { self.rng.between(0, most) };
        self.stack[self.stack.len() - count..].iter().map(|item| item.ty).collect()
    }

    fn results(&mut self) -> Vec<Ty> {
        match self.rng.below(10) {
            0..=3 => Vec::new(),
            4..=8 => types(self.rng, 3),
            _ => types(self.rng, 9),
        }
    }

    fn may_nest(&self) -> bool {
        self.blocks.len() < 9 && self.budget > 0
    }

    fn nested_block(&mut self) {
        if !self.may_nest() {
            return;
        }
        let (params, results) = (self.parameters(), self.results());
        let block_type = self.block_type(&params, &results);
        self.emit(Instruction::Block(block_type));
        self.open(Kind::Block, &params, results);
        let work = self.rng.between(2, 30);
        self.inside(work);
        self.emit(Instruction::End);
        self.close();
    }

    fn nested_loop(&mut self) {
        if !self.may_nest() || self.counted >= 3 {
            return;
        }
        let (params, results) = (self.parameters(), self.results());
        let block_type = self.block_type(&params, &results);
        let counter = self.rng.chance(85).then(|| self.fresh(Ty::I32));
        if let Some(counter) = counter {
            let count = self.rng.between(1, 4) as i32;
            self.out.extend([Instruction::I32Const(count), Instruction::LocalSet(counter)]);
        }
        self.emit(Instruction::Loop(block_type));
        if counter.is_none() {
            self.out.extend(take_fuel());
        }
        self.open(counter.map_or(Kind::Free, Kind::Counted), &params, results);
        self.counted += 1;
        let work = self.rng.between(4, 40);
        let rest = (self.budget - work as isize).max(0);
        while self.budget > rest {
            self.statement();
        }
        if self.rng.chance(75) && !self.block().dead {
            self.edge(0);
        }
        self.settle();
        self.counted -= 1;
        self.emit(Instruction::End);
        self.close();
    }

    fn nested_if(&mut self) {
        if !self.may_nest() {
            return;
        }
        self.condition(3);
        self.pop(1);
        let params = self.parameters();
        let without_else = self.rng.chance(40);
        let results = if without_else { params.clone() } else { self.results() };
        let block_type = self.block_type(&params, &results);
        self.emit(Instruction::If(block_type));
        self.open(Kind::Block, &params, results);
        let taken: Vec<_> = self.stack[self.block().base..].to_vec();
        let work = self.rng.between(1, 20);
        self.inside(work);
        if !without_else {
            self.emit(Instruction::Else);
            let base = self.block().base;
            self.stack.truncate(base);
            self.stack.extend(taken);
            self.blocks.last_mut().expect("just opened").dead = false;
            self.inside(work);
        }
        self.emit(Instruction::End);
        self.close();
    }

    /// Depths that a branch may name freely.
    fn targets(&self) -> Vec<usize> {
        let blocks = self.blocks.iter().rev().enumerate();
        blocks
            .filter(|(_, it)| !matches!(it.kind, Kind::Counted(_)))
            .map(|(depth, _)| depth)
            .collect()
    }

    fn label(&self, depth: usize) -> Vec<Ty> {
        self.blocks[self.blocks.len() - 1 - depth].label.clone()
    }

    /// A branch leaves its values as the label's types, floats as anything.
    fn relabel(&mut self, count: usize) {
        let at = self.stack.len() - count;
        for item in &mut self.stack[at..] {
            item.clean = item.clean && !super::code::is_float(item.ty);
        }
    }

    fn branch_if(&mut self, depth: usize) {
        let target = {
            let targets = self.targets();
            self.rng.pick(&targets)
        };
        let label = self.label(target);
        self.operands(&label, 1);
        self.condition(depth);
        self.emit(Instruction::BrIf(target as u32));
        self.pop(1);
        self.relabel(label.len());
    }

    /// Back to the head of a counted loop.
    fn back_edge(&mut self) {
        let blocks = self.blocks.iter().rev().enumerate();
        let loops: Vec<usize> = blocks
            .filter(|(_, it)| matches!(it.kind, Kind::Counted(_)) && !it.closed)
            .map(|(depth, _)| depth)
            .collect();
        if !loops.is_empty() {
            let depth = self.rng.pick(&loops);
            self.edge(depth);
        }
    }

    fn edge(&mut self, depth: usize) {
        let at = self.blocks.len() - 1 - depth;
        let label = self.label(depth);
        let Kind::Counted(counter) = self.blocks[at].kind else {
            self.operands(&label, 1);
            self.condition(2);
            self.emit(Instruction::BrIf(depth as u32));
            self.pop(1);
            self.relabel(label.len());
            return;
        };
        if self.blocks[at].closed {
            return;
        }
        self.operands(&label, 1);
        self.out.extend([
            Instruction::LocalGet(counter),
            Instruction::I32Const(1),
            Instruction::I32Sub,
            Instruction::LocalTee(counter),
        ]);
        // Not zero is enough if nothing else counts and this counts once per round.
        let only = self.blocks[at + 1..].iter().all(|it| it.kind == Kind::Block);
        if only && depth == 0 && self.rng.chance(60) && !self.counts_elsewhere(at) {
            self.blocks[at].closed = true;
        } else {
            self.out.extend([Instruction::I32Const(0), Instruction::I32GtS]);
        }
        self.emit(Instruction::BrIf(depth as u32));
        self.relabel(label.len());
    }

    /// Whether there is a back edge to a block already.
    fn counts_elsewhere(&self, at: usize) -> bool {
        let Kind::Counted(counter) = self.blocks[at].kind else { return true };
        let tees =
            self.out.iter().filter(|op| matches!(op, Instruction::LocalTee(it) if *it == counter));
        tees.count() > 1
    }

    fn call_any(&mut self, depth: usize) {
        if self.stack.len() < 200 {
            let func = self.rng.below(self.shape.funcs.len()) as u32;
            self.call(func, depth);
        }
    }

    /// Instructions on ranges of memories and tables.
    fn bulk(&mut self) {
        let memory = self.rng.below(self.shape.memories.len());
        let other = self.rng.below(self.shape.memories.len());
        let index =
            |memory: usize| if self.shape.memories[memory].wide { Ty::I64 } else { Ty::I32 };
        let (to, from) = (index(memory), index(other));
        match self.rng.below(8) {
            0 => {
                self.range(to);
                self.expr(Ty::I32, 1);
                self.range(to);
                self.emit(Instruction::MemoryFill(memory as u32));
                self.pop(3);
            }
            1 => {
                self.range(to);
                self.range(from);
                self.range(if to == from { to } else { Ty::I32 });
                self.emit(Instruction::MemoryCopy {
                    src_mem: other as u32,
                    dst_mem: memory as u32,
                });
                self.pop(3);
            }
            2 => {
                let data_index = self.rng.below(DATAS as usize) as u32;
                self.range(to);
                for value in [self.rng.below(DATA / 2), self.rng.below(DATA / 2)] {
                    // The first segment is empty once instantiated.
                    let value = if data_index == 0 { 0 } else { value };
                    self.emit(Instruction::I32Const(value as i32));
                    self.push(Ty::I32);
                }
                self.emit(Instruction::MemoryInit { mem: memory as u32, data_index });
                self.pop(3);
            }
            3 if self.rng.chance(10) => self.emit(Instruction::DataDrop(DATAS - 1)),
            4 => {
                let (table, ty) = self.rng.pick(&[(0, Ty::Func), (1, Ty::Extern)]);
                let index = self.rng.below(self.shape.table_size as usize) as u32;
                self.table_index(index);
                self.expr(ty, 1);
                self.emit(Instruction::TableSet(table));
                self.pop(2);
            }
            5 => {
                let (table, ty) = self.rng.pick(&[(0, Ty::Func), (1, Ty::Extern)]);
                self.range_of_table();
                self.expr(ty, 1);
                self.range_of_table();
                self.emit(Instruction::TableFill(table));
                self.pop(3);
            }
            6 => {
                let table = self.rng.below(2) as u32;
                for _ in 0..3 {
                    self.range_of_table();
                }
                self.emit(Instruction::TableCopy { src_table: table, dst_table: table });
                self.pop(3);
            }
            _ => {
                for _ in 0..3 {
                    self.range_of_table();
                }
                self.out.extend([Instruction::Drop, Instruction::I32Const(1)]);
                self.emit(Instruction::TableInit { elem_index: 1, table: 0 });
                self.pop(3);
            }
        }
    }

    fn range(&mut self, ty: Ty) {
        self.expr(ty, 1);
        let mask = self.rng.pick(&[7, 0xff, 0x3fff]);
        self.out.extend(if ty == Ty::I64 {
            [Instruction::I64Const(mask), Instruction::I64And]
        } else {
            [Instruction::I32Const(mask as i32), Instruction::I32And]
        });
    }

    fn range_of_table(&mut self) {
        let value = self.rng.below(3) as i32;
        if self.rng.chance(70) {
            self.emit(Instruction::I32Const(value));
            self.push(Ty::I32);
        } else {
            self.expr(Ty::I32, 1);
            self.out.extend([Instruction::I32Const(1), Instruction::I32And]);
        }
    }

    /// What ends a block early, and what has no kind of its own.
    fn rare(&mut self, depth: usize) {
        // Ends that come too soon leave nothing to compare.
        let conditional = self.blocks.len() > 1;
        match self.rng.below(10) {
            0 | 1 if conditional => self.branch(),
            2 | 3 if conditional => self.branch_table(depth),
            4 if conditional && self.rng.chance(30) => {
                let results = self.sig.results.clone();
                self.operands(&results, 1);
                self.emit(Instruction::Return);
                self.dead();
            }
            5 if conditional && self.rng.chance(5) => {
                self.emit(Instruction::Unreachable);
                self.dead();
            }
            6 if conditional => self.tail_call(),
            7 => self.emit(Instruction::Nop),
            _ => self.discard_some(),
        }
    }

    fn branch(&mut self) {
        let targets = self.targets();
        let target = self.rng.pick(&targets);
        let label = self.label(target);
        self.operands(&label, 2);
        self.emit(Instruction::Br(target as u32));
        self.dead();
    }

    fn branch_table(&mut self, depth: usize) {
        let targets = self.targets();
        let default = self.rng.pick(&targets);
        let label = self.label(default);
        let alike: Vec<usize> =
            targets.into_iter().filter(|target| self.label(*target) == label).collect();
        let count = self.rng.between(0, 6);
        let list: Vec<u32> = (0..count).map(|_| self.rng.pick(&alike) as u32).collect();
        self.operands(&label, 1);
        self.expr(Ty::I32, depth);
        if self.rng.chance(70) {
            self.out.extend([Instruction::I32Const(7), Instruction::I32And]);
        }
        self.emit(Instruction::BrTable(Cow::Owned(list), default as u32));
        self.dead();
    }

    fn tail_call(&mut self) {
        let shape = self.shape;
        let fitting: Vec<u32> = (0..shape.funcs.len() as u32)
            .filter(|func| shape.funcs[*func as usize].results == self.sig.results)
            .collect();
        if fitting.is_empty() {
            return;
        }
        let func = self.rng.pick(&fitting);
        let sig = &shape.funcs[func as usize];
        self.operands(&sig.params, 1);
        self.calls = true;
        match shape.elements.iter().position(|it| *it == func) {
            Some(index) if self.rng.chance(50) => {
                let type_index = self.types.index(sig);
                self.table_index(index as u32);
                self.emit(Instruction::ReturnCallIndirect { type_index, table_index: 0 });
            }
            _ => self.emit(Instruction::ReturnCall(func)),
        }
        self.dead();
    }

    /// Code that is never run but must be understood.
    fn unreached(&mut self) {
        match self.rng.below(8) {
            0 => self.emit(Instruction::Drop),
            1 => self.out.extend([Instruction::I32Add, Instruction::Drop]),
            2 => self.out.extend([Instruction::Select, Instruction::Drop]),
            3 => {
                if let Some(local) = self.any_writable() {
                    self.emit(Instruction::LocalSet(local));
                }
            }
            4 => {
                let base = self.block().base;
                if self.may_nest() {
                    self.nested_block();
                }
                while self.stack.len() > base {
                    self.discard();
                }
            }
            5 => {
                let ty = super::ty(self.rng);
                self.expr(ty, 2);
                self.emit(Instruction::Drop);
                self.pop(1);
            }
            6 => self.emit(Instruction::Unreachable),
            _ => self.budget -= 5,
        }
    }
}
