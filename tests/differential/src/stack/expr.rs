//! Expressions: code that pushes one value.

use wasm_encoder::{HeapType, Instruction, MemArg, MemArgTarget};

use super::code::{Code, Kind, is_float};
use super::ops::{Access, Habit, LOADS, OPS, Op, STORES};
use super::val_type;
use crate::observe::Ty;

impl Code<'_> {
    /// Pushes a value of type `ty`, of about `depth` operators.
    pub fn expr(&mut self, ty: Ty, depth: usize) {
        self.may_reuse = false;
        if depth == 0 || self.budget <= 0 {
            return self.leaf(ty);
        }
        match self.rng.below(100) {
            0..=19 => self.leaf(ty),
            20..=69 => self.operator(ty, depth),
            70..=76 => self.load(ty, depth),
            77..=81 => self.select(ty, depth),
            82..=88 => self.tee(ty, depth),
            89..=91 if self.blocks.len() < 8 => self.block_expr(ty, depth),
            92..=93 if self.blocks.len() < 8 => self.if_expr(ty, depth),
            94..=96 => self.call_for(ty, depth),
            97 => self.special(ty, depth),
            _ => self.operator(ty, depth),
        }
    }

    /// Pushes a constant, local or global.
    fn leaf(&mut self, ty: Ty) {
        if self.rng.chance(self.style.locals)
            && let Some(local) = self.readable(ty)
        {
            return self.get(local);
        }
        if self.rng.chance(20) {
            let globals = &self.shape.globals;
            let start = self.rng.below(globals.len());
            let mut order = (start..globals.len()).chain(0..start);
            if let Some(global) = order.find(|i| globals[*i].0 == ty && *i > 0) {
                self.emit(Instruction::GlobalGet(global as u32));
                return self.push(ty);
            }
        }
        self.constant(ty);
    }

    /// Pushes a local.
    pub fn get(&mut self, local: u32) {
        self.emit(Instruction::LocalGet(local));
        let item = self.locals[local as usize];
        self.push_item(item.ty, item.clean);
    }

    /// Pushes a constant.
    pub fn constant(&mut self, ty: Ty) {
        let small = self.rng.chance(self.style.small);
        let integer = if small { self.rng.below(10) as u64 } else { self.rng.integer() };
        let float = if small { integer as f64 } else { self.rng.float() };
        let op = match ty {
            Ty::I32 => Instruction::I32Const(integer as i32),
            Ty::I64 => Instruction::I64Const(integer as i64),
            Ty::F32 => Instruction::F32Const((float as f32).into()),
            Ty::F64 => Instruction::F64Const(float.into()),
            Ty::Func if self.rng.chance(60) => {
                Instruction::RefFunc(self.rng.below(self.shape.funcs.len()) as u32)
            }
            Ty::Func => Instruction::RefNull(HeapType::FUNC),
            _ => Instruction::RefNull(HeapType::EXTERN),
        };
        self.emit(op);
        self.push_item(ty, true);
    }

    /// Pushes operands, of which some may be what lies on the stack already.
    pub fn operands(&mut self, types: &[Ty], depth: usize) {
        let mut have = 0;
        // What an expression under way has pushed belongs to whoever began it.
        if core::mem::take(&mut self.may_reuse) && self.rng.chance(self.style.reuse) {
            let most = types.len().min(self.height());
            have = (1..=most)
                .rev()
                .find(|n| {
                    let own = &self.stack[self.stack.len() - n..];
                    own.iter().zip(types).all(|(item, ty)| item.ty == *ty)
                })
                .unwrap_or(0);
        }
        for ty in &types[have..] {
            let depth = if depth > 0 { self.rng.below(depth) } else { 0 };
            self.expr(*ty, depth);
        }
    }

    /// One of the function's favourite operators with a result of type `ty`.
    fn operator(&mut self, ty: Ty, depth: usize) {
        let start = self.rng.below(self.style.ops.len());
        let mut order = (start..self.style.ops.len()).chain(0..start);
        let favourite =
            order.find(|i| OPS[self.style.ops[*i]].result == ty).map(|i| self.style.ops[i]);
        let op = match favourite {
            Some(op) if self.rng.chance(80) => op,
            _ => {
                let all: Vec<usize> = (0..OPS.len()).filter(|i| OPS[*i].result == ty).collect();
                if all.is_empty() {
                    return self.special(ty, depth);
                }
                self.rng.pick(&all)
            }
        };
        self.apply(&OPS[op], depth);
    }

    /// Pushes an operator's operands and the operator.
    pub fn apply(&mut self, op: &'static Op, depth: usize) {
        match op.habit {
            Habit::Truncates if self.rng.chance(90) => {
                self.expr(Ty::I32, depth.min(1));
                self.emit(if op.args[0] == Ty::F32 {
                    Instruction::F32ConvertI32U
                } else {
                    Instruction::F64ConvertI32U
                });
                self.pop(1);
                self.push_item(op.args[0], true);
                // Half of an unsigned number is never too large.
                let half = if op.args[0] == Ty::F32 {
                    [Instruction::F32Const(0.25.into()), Instruction::F32Mul]
                } else {
                    [Instruction::F64Const(0.25.into()), Instruction::F64Mul]
                };
                self.out.extend(half);
            }
            _ => self.operands(op.args, depth),
        }
        match op.habit {
            Habit::ShowsNan => self.clean_top(),
            Habit::Divides if self.rng.chance(92) => self.out.extend(if op.result == Ty::I32 {
                [Instruction::I32Const(1), Instruction::I32Or]
            } else {
                [Instruction::I64Const(1), Instruction::I64Or]
            }),
            _ => {}
        }
        self.emit(op.code.clone());
        let clean = self.pop(op.args.len());
        let from_float = op.args.iter().any(|ty| is_float(*ty));
        self.push_item(op.result, op.habit != Habit::MakesNan && (clean || !from_float));
    }

    fn select(&mut self, ty: Ty, depth: usize) {
        self.operands(&[ty, ty, Ty::I32], depth);
        let typed = matches!(ty, Ty::Func | Ty::Extern) || self.rng.chance(20);
        self.emit(if typed { Instruction::TypedSelect(val_type(ty)) } else { Instruction::Select });
        let clean = self.pop(3);
        self.push_item(ty, clean);
    }

    fn tee(&mut self, ty: Ty, depth: usize) {
        self.operands(&[ty], depth);
        let Some(local) = self.writable(ty) else { return };
        if self.locals[local as usize].clean {
            self.clean_top();
        }
        self.emit(Instruction::LocalTee(local));
    }

    fn block_expr(&mut self, ty: Ty, depth: usize) {
        let block_type = self.block_type(&[], &[ty]);
        self.emit(Instruction::Block(block_type));
        self.open(Kind::Block, &[], vec![ty]);
        self.inside(4 + depth);
        self.emit(Instruction::End);
        self.close();
    }

    fn if_expr(&mut self, ty: Ty, depth: usize) {
        self.condition(depth);
        self.pop(1);
        let block_type = self.block_type(&[], &[ty]);
        self.emit(Instruction::If(block_type));
        self.open(Kind::Block, &[], vec![ty]);
        self.inside(2 + depth);
        self.emit(Instruction::Else);
        self.blocks.last_mut().expect("just opened").dead = false;
        let base = self.block().base;
        self.stack.truncate(base);
        self.inside(2 + depth);
        self.emit(Instruction::End);
        self.close();
    }

    /// Pushes a condition: a comparison mostly, perhaps negated.
    pub fn condition(&mut self, depth: usize) {
        match self.rng.below(10) {
            0..=5 => {
                let compares: Vec<&Op> =
                    OPS.iter().filter(|op| op.result == Ty::I32 && op.args.len() == 2).collect();
                let op = compares[self.rng.below(compares.len())];
                self.apply(op, depth.min(2));
            }
            6 => self.operands(&[Ty::I32], 0),
            _ => self.expr(Ty::I32, depth),
        }
        while self.rng.chance(25) {
            self.out.push(Instruction::I32Eqz);
        }
    }

    /// Calls a function with a single result of type `ty`, if there is one.
    fn call_for(&mut self, ty: Ty, depth: usize) {
        let funcs = &self.shape.funcs;
        let start = self.rng.below(funcs.len());
        let mut order = (start..funcs.len()).chain(0..start);
        match order.find(|i| funcs[*i].results == [ty]) {
            Some(func) if self.stack.len() < 200 => self.call(func as u32, depth),
            _ => self.operator(ty, depth),
        }
    }

    /// Calls function `func`.
    pub fn call(&mut self, func: u32, depth: usize) {
        let shape = self.shape;
        let sig = &shape.funcs[func as usize];
        self.operands(&sig.params, depth);
        self.calls |= func as usize >= shape.imported;
        let listed = shape.elements.iter().position(|it| *it == func);
        match listed {
            Some(index) if self.rng.chance(40) => {
                let type_index = self.types.index(sig);
                self.table_index(index as u32);
                self.emit(Instruction::CallIndirect { type_index, table_index: 0 });
                self.pop(1);
                // A table that has been written to may hold anything.
                self.calls = true;
            }
            _ => self.emit(Instruction::Call(func)),
        }
        self.pop(sig.params.len());
        for ty in &sig.results {
            self.push(*ty);
        }
    }

    /// Pushes the index of an element of table 0: usually this one.
    pub fn table_index(&mut self, index: u32) {
        if self.rng.chance(85) {
            self.emit(Instruction::I32Const(index as i32));
            self.push(Ty::I32);
        } else {
            self.expr(Ty::I32, 1);
            self.out.extend([Instruction::I32Const(7), Instruction::I32And]);
        }
    }

    /// An operator that is not numeric.
    fn special(&mut self, ty: Ty, depth: usize) {
        let memory = self.rng.below(self.shape.memories.len());
        let index = if self.shape.memories[memory].wide { Ty::I64 } else { Ty::I32 };
        match (ty, self.rng.below(5)) {
            (Ty::Func | Ty::Extern, 0..=2) => {
                let table = u32::from(ty == Ty::Extern);
                let index = self.rng.below(self.shape.elements.len()) as u32;
                self.table_index(index);
                self.emit(Instruction::TableGet(table));
                self.pop(1);
                self.push(ty);
            }
            (Ty::I32, 0) => {
                let ty = self.rng.pick(&[Ty::Func, Ty::Extern]);
                self.operands(&[ty], depth);
                self.emit(Instruction::RefIsNull);
                self.pop(1);
                self.push(Ty::I32);
            }
            (Ty::I32, 1) => {
                let table = self.rng.below(2) as u32;
                self.emit(Instruction::TableSize(table));
                self.push(Ty::I32);
            }
            (Ty::I32, 2) => {
                let table = self.rng.below(2) as u32;
                let ty = if table == 0 { Ty::Func } else { Ty::Extern };
                self.operands(&[ty], depth);
                self.constant(Ty::I32);
                self.out.extend([Instruction::I32Const(3), Instruction::I32And]);
                self.emit(Instruction::TableGrow(table));
                self.pop(2);
                self.push(Ty::I32);
            }
            (ty, 3) if ty == index => {
                self.emit(Instruction::MemorySize(memory as u32));
                self.push(ty);
            }
            (ty, 4) if ty == index => {
                self.constant(ty);
                self.out.extend(if ty == Ty::I64 {
                    [Instruction::I64Const(1), Instruction::I64And]
                } else {
                    [Instruction::I32Const(1), Instruction::I32And]
                });
                self.emit(Instruction::MemoryGrow(memory as u32));
                self.pop(1);
                self.push(ty);
            }
            _ => self.leaf(ty),
        }
    }

    /// Pushes an index into a memory that is mostly inside, and an offset to go with it.
    fn address(&mut self, memory: usize, width: u32, depth: usize) -> u64 {
        let wide = self.shape.memories[memory].wide;
        let bytes = self.shape.memories[memory].pages << 16;
        let ty = if wide { Ty::I64 } else { Ty::I32 };
        let constant = |value: u64| {
            if wide {
                Instruction::I64Const(value as i64)
            } else {
                Instruction::I32Const(value as i32)
            }
        };
        let [and, add, shl] = if wide {
            [Instruction::I64And, Instruction::I64Add, Instruction::I64Shl]
        } else {
            [Instruction::I32And, Instruction::I32Add, Instruction::I32Shl]
        };
        let offset = match self.rng.below(40) {
            0..=15 => 0,
            16..=30 => self.rng.below(64) as u64,
            31..=36 => self.rng.below(0x8000) as u64,
            37 => bytes - self.rng.below(20) as u64,
            38 => (1 << 31) - self.rng.below(3) as u64,
            _ if wide => u64::MAX - self.rng.below(0x1_0000) as u64,
            _ => u64::from(u32::MAX) - self.rng.below(0x1_0000) as u64,
        };
        match self.rng.below(30) {
            0..=6 => {
                let value = self.rng.below(0x400) as u64;
                self.emit(constant(value));
                self.push(ty);
            }
            7 => {
                // At the very end, or just beyond.
                let end = bytes.wrapping_sub(offset).wrapping_sub(1 << width);
                let value = end.wrapping_add(self.rng.below(3) as u64).wrapping_sub(1);
                self.emit(constant(value));
                self.push(ty);
            }
            8 => self.operands(&[ty], depth),
            9..=14 => {
                self.operands(&[ty], depth);
                let (shift, base) = (self.rng.below(4) as u64, self.rng.integer() % 0x8000);
                self.out.extend([constant(0x3ff), and, constant(shift), shl, constant(base), add]);
            }
            15..=17 => {
                self.operands(&[ty], depth);
                self.out.extend([constant(0xfff), and.clone()]);
                self.operands(&[ty], depth);
                self.out.extend([constant(0xfff), and]);
                self.emit(add);
                self.pop(1);
            }
            _ => {
                self.operands(&[ty], depth);
                let mask = self.rng.pick(&[0xff, 0xfff, 0x3fff, 0x7fff]);
                self.out.push(constant(mask));
                self.emit(and);
            }
        }
        offset
    }

    fn memarg(&mut self, memory: usize, offset: u64, width: u32) -> MemArg {
        let align = self.rng.between(0, width as usize) as u32;
        MemArg { offset, align, target: MemArgTarget::Memory(memory as u32), ordering: None }
    }

    fn load(&mut self, ty: Ty, depth: usize) {
        let fitting: Vec<Access> = LOADS.iter().filter(|it| it.2 == ty).copied().collect();
        if fitting.is_empty() {
            return self.special(ty, depth);
        }
        let (op, width, _) = self.rng.pick(&fitting);
        let memory = self.memory();
        let offset = self.address(memory, width, depth);
        let memarg = self.memarg(memory, offset, width);
        self.emit(op(memarg));
        self.pop(1);
        self.push_item(ty, true);
    }

    pub fn store(&mut self, depth: usize) {
        let (op, width, ty) = self.rng.pick(STORES);
        let memory = self.memory();
        let offset = self.address(memory, width, depth);
        self.expr(ty, depth);
        self.clean_top();
        let memarg = self.memarg(memory, offset, width);
        self.emit(op(memarg));
        self.pop(2);
    }

    /// A memory: the first mostly.
    fn memory(&mut self) -> usize {
        if self.rng.chance(70) { 0 } else { self.rng.below(self.shape.memories.len()) }
    }
}
