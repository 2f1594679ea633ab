//! A function under construction: its operand stack, its blocks and its locals.

use wasm_encoder::{BlockType, Function, Instruction};

use super::ops::OPS;
use super::{Shape, Sig, Types, val_types};
use crate::observe::Ty;
use crate::rng::Rng;

/// A value on the operand stack, or a local.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub ty: Ty,
    /// Which NaN it is, if it is one, is the same everywhere. (Not only for floats: true for all
    /// other types.)
    pub clean: bool,
}

/// What a block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Block,
    /// A loop that ends by itself: its back edges count this local down.
    Counted(u32),
    /// A loop that takes fuel at its head.
    Free,
}

/// An open block.
#[derive(Debug)]
pub struct Block {
    pub kind: Kind,
    /// Values below its own.
    pub base: usize,
    /// What branches to it carry.
    pub label: Vec<Ty>,
    pub results: Vec<Ty>,
    /// Whether the code at hand cannot be reached.
    pub dead: bool,
    /// No more back edges: one relies on being the only one.
    pub closed: bool,
}

/// Likelihoods that differ from function to function, so that each kind of code gets the chance
/// to fill one.
#[derive(Debug)]
pub struct Style {
    /// Of each kind of statement.
    pub statements: [usize; super::stmt::KINDS],
    /// The operators in use.
    pub ops: Vec<usize>,
    /// Values that may lie on the stack.
    pub deep: usize,
    /// Percent of operands taken from what is on the stack.
    pub reuse: usize,
    /// Percent of leaves that are locals.
    pub locals: usize,
    /// Percent of constants that are small.
    pub small: usize,
}

impl Style {
    fn new(rng: &mut Rng) -> Style {
        let mut statements = [0; super::stmt::KINDS];
        for weight in &mut statements {
            *weight = rng.pick(&[1, 2, 2, 4, 10]);
        }
        let few = rng.chance(60);
        let count = if few { rng.between(4, 16) } else { OPS.len() };
        let ops = if few {
            (0..count).map(|_| rng.below(OPS.len())).collect()
        } else {
            (0..OPS.len()).collect()
        };
        Style {
            statements,
            ops,
            deep: rng.pick(&[4, 8, 8, 20, 150]),
            reuse: rng.pick(&[20, 60, 90]),
            locals: rng.pick(&[40, 70, 85]),
            small: rng.pick(&[20, 60, 90]),
        }
    }
}

/// The function.
pub struct Code<'a> {
    pub rng: &'a mut Rng,
    pub shape: &'a Shape,
    pub types: &'a mut Types,
    pub sig: &'a Sig,
    pub style: Style,
    pub out: Vec<Instruction<'static>>,
    pub stack: Vec<Item>,
    pub blocks: Vec<Block>,
    /// Parameters and locals.
    pub locals: Vec<Item>,
    /// Locals that random code may assign; those behind are counters and the like.
    pub assignable: usize,
    /// Work left.
    pub budget: isize,
    /// Whether it calls.
    pub calls: bool,
    /// At the start of a statement, whose first operands may be what lies on the stack already.
    pub may_reuse: bool,
    /// Innermost block's counted loops around, so that iterations stay few.
    pub counted: usize,
}

/// A function of type `sig`.
pub fn function(rng: &mut Rng, shape: &Shape, types: &mut Types, sig: &Sig) -> Function {
    let style = Style::new(rng);
    let mut locals: Vec<Item> =
        sig.params.iter().map(|ty| Item { ty: *ty, clean: !is_float(*ty) }).collect();
    let count = match rng.below(12) {
        0 => rng.between(100, 400),
        1..=3 => rng.between(12, 40),
        _ => rng.between(1, 10),
    };
    for _ in 0..count {
        let ty = super::ty(rng);
        locals.push(Item { ty, clean: !is_float(ty) || rng.chance(50) });
    }
    let assignable = locals.len();
    let budget = rng.pick(&[10, 30, 60, 120, 300]);
    let mut code = Code {
        rng,
        shape,
        types,
        sig,
        style,
        out: Vec::new(),
        stack: Vec::new(),
        blocks: Vec::new(),
        locals,
        assignable,
        budget,
        calls: false,
        may_reuse: false,
        counted: 0,
    };
    code.blocks.push(Block {
        kind: Kind::Block,
        base: 0,
        label: sig.results.clone(),
        results: sig.results.clone(),
        dead: false,
        closed: false,
    });
    while code.budget > 0 {
        code.statement();
    }
    code.settle();
    code.out.push(Instruction::End);
    let own: Vec<Ty> = code.locals[sig.params.len()..].iter().map(|it| it.ty).collect();
    let mut function = Function::new_with_locals_types(val_types(&own));
    if code.calls {
        for op in take_fuel() {
            function.instruction(&op);
        }
    }
    for op in &code.out {
        function.instruction(op);
    }
    function
}

/// Takes one unit of fuel, or traps.
pub fn take_fuel() -> [Instruction<'static>; 9] {
    [
        Instruction::GlobalGet(0),
        Instruction::I32Eqz,
        Instruction::If(BlockType::Empty),
        Instruction::Unreachable,
        Instruction::End,
        Instruction::GlobalGet(0),
        Instruction::I32Const(1),
        Instruction::I32Sub,
        Instruction::GlobalSet(0),
    ]
}

pub fn is_float(ty: Ty) -> bool {
    matches!(ty, Ty::F32 | Ty::F64)
}

impl Code<'_> {
    pub fn emit(&mut self, op: Instruction<'static>) {
        self.out.push(op);
        self.budget -= 1;
    }

    pub fn push(&mut self, ty: Ty) {
        self.push_item(ty, !is_float(ty));
    }

    pub fn push_item(&mut self, ty: Ty, clean: bool) {
        self.may_reuse = false;
        self.stack.push(Item { ty, clean: clean || !is_float(ty) });
    }

    /// Pops `count` values; whether all were clean.
    pub fn pop(&mut self, count: usize) -> bool {
        self.may_reuse = false;
        let at = self.stack.len() - count;
        self.stack.drain(at..).all(|item| item.clean)
    }

    pub fn block(&self) -> &Block {
        self.blocks.last().expect("the function's own at least")
    }

    /// Values of the innermost block.
    pub fn height(&self) -> usize {
        self.stack.len() - self.block().base
    }

    /// A new local that random code does not assign.
    pub fn fresh(&mut self, ty: Ty) -> u32 {
        self.locals.push(Item { ty, clean: false });
        self.locals.len() as u32 - 1
    }

    /// A local of a type to read.
    pub fn readable(&mut self, ty: Ty) -> Option<u32> {
        let start = self.rng.below(self.locals.len().max(1));
        let mut order = (start..self.locals.len()).chain(0..start);
        order.find(|i| self.locals[*i].ty == ty).map(|i| i as u32)
    }

    /// A local of a type to assign.
    pub fn writable(&mut self, ty: Ty) -> Option<u32> {
        let start = self.rng.below(self.assignable.max(1));
        let mut order = (start..self.assignable).chain(0..start);
        order.find(|i| self.locals[*i].ty == ty).map(|i| i as u32)
    }

    /// The value on top is a float that everyone agrees on from here on.
    pub fn clean_top(&mut self) {
        let Some(item) = self.stack.last().copied() else { return };
        if item.clean {
            return;
        }
        let local = self.fresh(item.ty);
        let (nan, same) = if item.ty == Ty::F32 {
            (Instruction::F32Const(f32::NAN.into()), Instruction::F32Eq)
        } else {
            (Instruction::F64Const(f64::NAN.into()), Instruction::F64Eq)
        };
        self.out.extend([
            Instruction::LocalTee(local),
            nan,
            Instruction::LocalGet(local),
            Instruction::LocalGet(local),
            same,
            Instruction::Select,
        ]);
        if let Some(item) = self.stack.last_mut() {
            item.clean = true;
        }
    }

    pub fn block_type(&mut self, params: &[Ty], results: &[Ty]) -> BlockType {
        match (params, results) {
            ([], []) => BlockType::Empty,
            ([], [one]) => BlockType::Result(super::val_type(*one)),
            _ => {
                let sig = Sig { params: params.to_vec(), results: results.to_vec() };
                BlockType::FunctionType(self.types.index(&sig))
            }
        }
    }

    /// Enters a block that takes `params` from the stack.
    pub fn open(&mut self, kind: Kind, params: &[Ty], results: Vec<Ty>) {
        let base = self.stack.len() - params.len();
        for item in &mut self.stack[base..] {
            item.clean = !is_float(item.ty);
        }
        let label = if kind == Kind::Block { results.clone() } else { params.to_vec() };
        self.blocks.push(Block { kind, base, label, results, dead: false, closed: false });
    }

    /// Leaves the innermost block, whose results are in place.
    pub fn close(&mut self) {
        let block = self.blocks.pop().expect("an open block");
        self.stack.truncate(block.base);
        self.may_reuse = false;
        for ty in block.results {
            self.push(ty);
        }
    }

    /// The rest of the innermost block cannot be reached.
    pub fn dead(&mut self) {
        let base = self.block().base;
        self.stack.truncate(base);
        self.blocks.last_mut().expect("an open block").dead = true;
    }

    /// Brings the innermost block's results into place.
    pub fn settle(&mut self) {
        let (base, dead) = (self.block().base, self.block().dead);
        let results = self.block().results.clone();
        if dead && self.rng.chance(70) {
            while self.stack.len() > base {
                self.discard();
            }
            return;
        }
        // What lies at the bottom may be the first results already.
        let own = self.stack[base..].iter().map(|item| item.ty);
        let keep = own.zip(&results).take_while(|(a, b)| a == *b).count();
        while self.stack.len() > base + keep {
            self.discard();
        }
        for ty in &results[keep..] {
            self.expr(*ty, 2);
        }
    }

    /// Gets rid of the value on top.
    pub fn discard(&mut self) {
        let ty = self.stack.last().expect("a value").ty;
        match self.writable(ty) {
            Some(local) if self.rng.chance(60) => self.assign(local),
            _ => {
                self.emit(Instruction::Drop);
                self.pop(1);
            }
        }
    }

    /// Assigns the value on top to a local.
    pub fn assign(&mut self, local: u32) {
        if self.locals[local as usize].clean {
            self.clean_top();
        }
        self.emit(Instruction::LocalSet(local));
        self.pop(1);
    }
}
