//! Vector instructions. A `v128` lives in two consecutive slots or in the whole float accumulator,
//! never in a pinned local.
//!
//! Hot ops leave their result in the accumulator, like scalar ones; the others store it in its home
//! at once, and a `local.set` right behind one makes it store to the local instead.

mod operators;

use wasmparser::MemArg;

use super::memory::memory_of;
use super::operand::{Operand, Place};
use super::recent::Acc;
use super::resolve::{Imm, Src};
use super::translator::Translator;
use super::value::Kind;
use crate::index::GlobalIndex;
use crate::isa::{
    self, Bounds, Class, Load, Op, Store, VecBinary, VecExtract, VecLoad, VecReplace, VecShift,
    VecTernary, VecUnary, op,
};
use crate::sem::{self, V128};
use crate::vm::layout::GlobalPlace;

/// Whether this machine looks up sixteen bytes at once (`pshufb` of SSSE3, `tbl` of NEON).
fn has_look_up() -> bool {
    #[cfg(target_arch = "x86_64")]
    return crate::sys::standard::has_feature!("ssse3");
    #[cfg(not(target_arch = "x86_64"))]
    cfg!(target_arch = "aarch64")
}

/// The class of an op's destination: the accumulator if it has that form.
fn dst(form: impl Fn(Class) -> Option<Op>) -> Class {
    if form(Class::A).is_some() { Class::A } else { Class::S }
}

impl Translator<'_> {
    /// A slot that holds an operand, as a source.
    fn in_slot(&mut self, o: &Operand) -> Src {
        Src::Slot(self.place_in_slot(o))
    }

    /// Whether an operand is in the accumulator.
    fn in_acc(&self, o: &Operand) -> bool {
        self.natural(o, Imm::No) == Some(Src::Acc)
    }

    /// Pushes the result of the instruction at `at`, whose destination has class `d`.
    fn push_result(&mut self, at: u32, d: Class, kind: Kind) {
        if d == Class::A {
            self.push_temp(kind, at);
            return;
        }
        if self.frame.has_far_stack() {
            self.push_made(kind);
            self.stack.top_mut().clean = kind == Kind::I32;
            return;
        }
        let index = self.stack.len() as u32;
        self.push(kind, Place::Temp { producer: at, stored: true });
        // Destinations in slots set the accumulator, too.
        *self.accs.bank(kind.is_float()) = Acc::Temp(index);
        self.stack.top_mut().clean = kind == Kind::I32;
    }

    /// Copies a 128-bit operand to the slots at `slot`. The accumulators stay as they are.
    pub fn copy_v128(&mut self, o: &Operand, slot: i16) {
        let src = self.natural(o, Imm::No).expect("no constant");
        if src == Src::Slot(slot) {
            return;
        }
        let row = isa::vec_mov(Class::S, src.class()).expect("a row");
        self.emit.op(row, op::Mov { dst: slot, src });
    }

    fn vec_const(&mut self, value: V128) {
        self.clobber(true);
        let row = isa::vec_const(Class::A).expect("a row");
        let at = self.emit.op(row, op::VecConst { dst: self.next_home(), value: value.0 });
        self.push_temp(Kind::V128, at);
    }

    pub fn global_get_v128(&mut self, global: GlobalIndex) {
        self.clobber(true);
        let dst = self.next_home();
        match self.layout.globals[global.idx()] {
            GlobalPlace::Inline(at_ctx) => {
                let row = isa::vec_global_get(Class::A).expect("a row");
                let at = self.emit.op(row, op::GlobalGet { dst, at: at_ctx });
                self.push_temp(Kind::V128, at);
            }
            GlobalPlace::Indirect(at_ctx) => {
                let operands = op::GlobalGet { dst, at: at_ctx };
                let at = self.emit.op(Op::V128GlobalGetIndirect, operands);
                self.push_result(at, Class::S, Kind::V128);
            }
        }
    }

    pub fn global_set_v128(&mut self, global: GlobalIndex, value: &Operand) {
        match self.layout.globals[global.idx()] {
            GlobalPlace::Inline(at_ctx) => {
                let src = self.source(value, Imm::No, |x| isa::vec_global_set(x).is_some());
                let row = isa::vec_global_set(src.class()).expect("a row");
                self.emit.op(row, op::GlobalSet { at: at_ctx, value: src });
            }
            GlobalPlace::Indirect(at_ctx) => {
                let value = self.in_slot(value);
                self.emit.op(Op::V128GlobalSetIndirect, op::GlobalSet { at: at_ctx, value });
            }
        }
    }

    /// At most one of some vectors can be in the accumulator, as a row may want it; the others come
    /// from slots.
    fn vec_sources<const N: usize>(
        &mut self,
        operands: [&Operand; N],
        exists: impl Fn([Class; N]) -> bool,
    ) -> [Src; N] {
        for i in 0..N {
            let mut classes = [Class::S; N];
            classes[i] = Class::A;
            if self.in_acc(operands[i]) && exists(classes) {
                let mut i = 0;
                return operands.map(|o| {
                    let class = classes[i];
                    i += 1;
                    if class == Class::A { Src::Acc } else { self.in_slot(o) }
                });
            }
        }
        operands.map(|o| self.in_slot(o))
    }

    pub fn select_v128(&mut self, x: &Operand, y: &Operand, c: &Operand) {
        let sc = match self.natural(c, Imm::No) {
            Some(src @ (Src::Acc | Src::Slot(_))) => src,
            _ => self.in_slot(c),
        };
        let [sx, sy] =
            self.vec_sources([x, y], |[x, y]| isa::vec_select(sc.class(), x, y).is_some());
        self.clobber(true);
        let row = isa::vec_select(sc.class(), sx.class(), sy.class());
        let operands = op::Select { dst: self.next_home(), lhs: sx, rhs: sy, cond: sc };
        let at = self.emit.op(row.expect("resolved to a row"), operands);
        self.push_result(at, Class::S, Kind::V128);
    }

    /// A binary operator; `swapped` if it is asked for mirrored.
    fn vec_binary(&mut self, op: VecBinary, swapped: bool) {
        let mut y = self.pop();
        let mut x = self.pop();
        if swapped {
            core::mem::swap(&mut x, &mut y);
        }
        let d = dst(|d| isa::vec_binary(op, d, Class::S, Class::S));
        let row = |x, y| isa::vec_binary(op, d, x, y);
        // Whatever commutes has no second form with the accumulator.
        let commutes = row(Class::A, Class::S).is_some() && row(Class::S, Class::A).is_none();
        let (sx, sy, _) = self.sources(&x, &y, Imm::No, commutes, |x, y| row(x, y).is_some());
        self.clobber(true);
        let row = row(sx.class(), sy.class()).expect("resolved to a row");
        let at = self.emit.op(row, op::Binary { dst: self.next_home(), lhs: sx, rhs: sy });
        self.push_result(at, d, Kind::V128);
    }

    /// A unary operator, from or to a vector.
    pub fn vec_unary(&mut self, op: VecUnary, to: Kind) {
        let x = self.pop();
        let d = dst(|d| isa::vec_unary(op, d, Class::S));
        let sx = self.source(&x, Imm::No, |x| isa::vec_unary(op, d, x).is_some());
        self.clobber(to.is_float());
        let row = isa::vec_unary(op, d, sx.class()).expect("resolved to a row");
        let at = self.emit.op(row, op::Unary { dst: self.next_home(), src: sx });
        self.push_result(at, d, to);
    }

    /// A splat: of a constant, a constant.
    fn vec_splat(&mut self, op: VecUnary) {
        let Place::Const(bits) = self.stack.peek().place else {
            self.vec_unary(op, Kind::V128);
            return;
        };
        self.stack.pop();
        self.vec_const(match op {
            VecUnary::I8x16Splat => sem::i8x16_splat(bits as u32),
            VecUnary::I16x8Splat => sem::i16x8_splat(bits as u32),
            VecUnary::I32x4Splat | VecUnary::F32x4Splat => sem::i32x4_splat(bits as u32),
            _ => sem::i64x2_splat(bits),
        });
    }

    fn vec_shift(&mut self, op: VecShift) {
        let count = self.pop();
        let x = self.pop();
        let d = dst(|d| isa::vec_shift(op, d, Class::S, Class::S));
        let (sx, sy) = if let Place::Const(bits) = count.place {
            let sx = self.source(&x, Imm::No, |x| isa::vec_shift(op, d, x, Class::I).is_some());
            (sx, Src::Word(bits as i32))
        } else {
            let sx = self.in_slot(&x);
            (sx, self.in_slot(&count))
        };
        self.clobber(true);
        let row = isa::vec_shift(op, d, sx.class(), sy.class()).expect("resolved to a row");
        let at = self.emit.op(row, op::Binary { dst: self.next_home(), lhs: sx, rhs: sy });
        self.push_result(at, d, Kind::V128);
    }

    fn vec_ternary(&mut self, op: VecTernary) {
        let z = self.pop();
        let y = self.pop();
        let x = self.pop();
        let row = |[x, y, z]: [Class; 3]| isa::vec_ternary(op, x, y, z);
        let sources = self.vec_sources([&x, &y, &z], |classes| row(classes).is_some());
        self.clobber(true);
        let row = row(sources.map(Src::class)).expect("resolved to a row");
        let [a, b, c] = sources;
        let at = self.emit.op(row, op::Ternary { dst: self.next_home(), a, b, c });
        self.push_result(at, Class::S, Kind::V128);
    }

    /// Lane `lane` of `size` bytes, of the vector on top of the stack.
    fn vec_extract(&mut self, op: VecExtract, lane: u8, size: u8, to: Kind) {
        let x = self.pop();
        let src = self.place_in_slot(&x);
        self.clobber(to.is_float());
        let byte = u16::from(lane) * u16::from(size);
        let row = isa::vec_extract(op, Class::A).expect("a row");
        let at = self.emit.op(row, op::Extract { dst: self.next_home(), src, byte });
        self.push_temp(to, at);
    }

    fn vec_replace(&mut self, op: VecReplace, lane: u8, size: u8) {
        let value = self.pop();
        let x = self.pop();
        self.vec_replace_of(op, lane, size, &x, &value);
    }

    fn vec_replace_of(&mut self, op: VecReplace, lane: u8, size: u8, x: &Operand, value: &Operand) {
        let (sx, sy, _) =
            self.sources(x, value, Imm::No, false, |x, y| isa::vec_replace(op, x, y).is_some());
        self.clobber(true);
        let row = isa::vec_replace(op, sx.class(), sy.class()).expect("resolved to a row");
        let first = usize::from(lane) * usize::from(size);
        let mut mask = [0; 16];
        mask[first..first + usize::from(size)].fill(0xff);
        let dst = self.next_home();
        let at = self.emit.op(row, op::Replace { dst, lhs: sx, rhs: sy, mask });
        self.push_result(at, Class::S, Kind::V128);
    }

    /// `i8x16.shuffle`
    fn shuffle(&mut self, lanes: [u8; 16]) {
        let y = self.pop();
        let x = self.pop();
        if !has_look_up() {
            let (lhs, rhs) = (self.place_in_slot(&x), self.place_in_slot(&y));
            self.clobber(true);
            let dst = self.next_home();
            let at = self.emit.op(Op::I8x16ShuffleSss, op::Shuffle { dst, lhs, rhs, lanes });
            self.push_result(at, Class::S, Kind::V128);
            return;
        }
        // A number with its highest bit set gives 0.
        let of_x = lanes.map(|lane| if lane < 16 { lane } else { 0x80 });
        let of_y = lanes.map(|lane| if lane < 16 { 0x80 } else { lane - 16 });
        let same = matches!(x.place, Place::Local(_)) && x.place == y.place;
        let (one, numbers) = if same {
            (Some(&x), lanes.map(|lane| lane % 16))
        } else if lanes.iter().all(|lane| *lane < 16) {
            (Some(&x), of_x)
        } else if lanes.iter().all(|lane| *lane >= 16) {
            (Some(&y), of_y)
        } else {
            (None, of_x)
        };
        if let Some(one) = one {
            let src = self.source(one, Imm::No, |x| isa::vec_permute(Class::A, x).is_some());
            self.clobber(true);
            let row = isa::vec_permute(Class::A, src.class()).expect("a row");
            let at = self.emit.op(row, op::Permute { dst: self.next_home(), src, lanes: numbers });
            self.push_temp(Kind::V128, at);
            return;
        }
        let (sx, sy, _) = self
            .sources(&x, &y, Imm::No, false, |x, y| isa::vec_permute2(Class::A, x, y).is_some());
        self.clobber(true);
        let row = isa::vec_permute2(Class::A, sx.class(), sy.class());
        let dst = self.next_home();
        let operands = op::Permute2 { dst, lhs: sx, rhs: sy, lanes: of_x, lanes2: of_y };
        let at = self.emit.op(row.expect("resolved to a row"), operands);
        self.push_temp(Kind::V128, at);
    }

    /// `i8x16.swizzle` and, `relaxed`, its relative.
    fn swizzle(&mut self, relaxed: bool) {
        if has_look_up() {
            let relaxed = relaxed && !self.options.relaxed_simd_deterministic;
            let op = if relaxed { VecBinary::I8x16RelaxedLookUp } else { VecBinary::I8x16LookUp };
            self.vec_binary(op, false);
            return;
        }
        let y = self.pop();
        let x = self.pop();
        let (sx, sy) = (self.in_slot(&x), self.in_slot(&y));
        self.clobber(true);
        let operands = op::Binary { dst: self.next_home(), lhs: sx, rhs: sy };
        let at = self.emit.op(Op::I8x16SwizzleSss, operands);
        self.push_result(at, Class::S, Kind::V128);
    }

    /// A relaxed binary instruction: with a result that is fast, or that of `exact`.
    fn relaxed_binary(&mut self, fast: VecBinary, exact: VecBinary) {
        let deterministic = self.options.relaxed_simd_deterministic;
        self.vec_binary(if deterministic { exact } else { fast }, false);
    }

    fn relaxed_unary(&mut self, fast: VecUnary, exact: VecUnary) {
        let deterministic = self.options.relaxed_simd_deterministic;
        self.vec_unary(if deterministic { exact } else { fast }, Kind::V128);
    }

    /// Whether accesses at a place have ops of their own, and compare with the memory's length.
    fn vec_bounds(&self, memarg: &MemArg) -> Option<bool> {
        match self.bounds(memarg)? {
            Bounds::Guarded => Some(false),
            Bounds::Checked => Some(true),
            Bounds::Wide => None,
        }
    }

    fn vec_load(&mut self, op: VecLoad, memarg: &MemArg) {
        let memory = memory_of(memarg);
        let addr = self.pop();
        if let Some(checked) = self.vec_bounds(memarg) {
            let d = dst(|d| isa::vec_load(op, checked, d, Class::S));
            let row = |x| isa::vec_load(op, checked, d, x);
            // A constant address is part of the offset where there is a row for it.
            let (src, offset) = match Self::folded(&addr, memarg.offset) {
                Some(offset) if row(Class::I).is_some() => (Src::Absent, offset),
                _ => (self.source(&addr, Imm::No, |x| row(x).is_some()), memarg.offset as u32),
            };
            self.clobber(true);
            let row = row(src.class()).expect("resolved to a row");
            let at = self.emit.op(row, op::Load { dst: self.next_home(), addr: src, offset });
            self.push_result(at, d, Kind::V128);
            return;
        }
        debug_assert_eq!(op, VecLoad::V128Load);
        let slot = self.place_in_slot(&addr);
        self.clobber(true);
        let wide = self.is_memory64(memory);
        let row = isa::vec_load_general(wide).expect("a row");
        let operands = op::LoadGeneral {
            dst: self.next_home(),
            addr: slot,
            memory: self.memory_place(memory),
            offset: memarg.offset,
        };
        let at = self.emit.op(row, operands);
        self.push_result(at, Class::S, Kind::V128);
    }

    /// A load of a scalar that becomes a vector: one op with memory 0, else two.
    fn vec_load_from(
        &mut self,
        op: Option<VecLoad>,
        scalar: Load,
        kind: Kind,
        make: VecUnary,
        memarg: &MemArg,
    ) {
        match op {
            Some(op) if self.vec_bounds(memarg).is_some() => self.vec_load(op, memarg),
            _ => {
                self.load(scalar, memarg, kind);
                self.vec_unary(make, Kind::V128);
            }
        }
    }

    fn vec_load_lane(
        &mut self,
        scalar: Load,
        kind: Kind,
        replace: VecReplace,
        memarg: &MemArg,
        lane: u8,
        size: u8,
    ) {
        // The scalar takes the place of the address, below the vector's.
        // The load's result goes where what was just pushed may still be.
        let x = self.peek();
        self.stack.pop();
        self.load(scalar, memarg, kind);
        let value = self.pop();
        self.vec_replace_of(replace, lane, size, &x, &value);
    }

    fn vec_store(&mut self, memarg: &MemArg) {
        let value = self.pop();
        let addr = self.pop();
        let memory = memory_of(memarg);
        if let Some(checked) = self.vec_bounds(memarg) {
            let exists = |v| isa::vec_store(checked, Class::S, v).is_some();
            let sv = self.source(&value, Imm::No, exists);
            let (sx, offset) = match Self::folded(&addr, memarg.offset) {
                Some(offset) => (Src::Absent, offset),
                None => {
                    let exists = |x| isa::vec_store(checked, x, sv.class()).is_some();
                    (self.source(&addr, Imm::No, exists), memarg.offset as u32)
                }
            };
            let row = isa::vec_store(checked, sx.class(), sv.class()).expect("resolved to a row");
            self.emit.op(row, op::Store { addr: sx, value: sv, offset });
            return;
        }
        let (addr, value) = (self.place_in_slot(&addr), self.place_in_slot(&value));
        let wide = self.is_memory64(memory);
        let memory = self.memory_place(memory);
        let operands = op::StoreGeneral { addr, value, memory, offset: memarg.offset };
        self.emit.op(isa::vec_store_general(wide).expect("a row"), operands);
    }

    fn vec_store_lane(
        &mut self,
        extract: VecExtract,
        kind: Kind,
        store: Store,
        memarg: &MemArg,
        lane: u8,
        size: u8,
    ) {
        self.vec_extract(extract, lane, size, kind);
        self.store(store, memarg);
    }

    /// `i64.add128` and `i64.sub128`
    fn wide(&mut self, row: Op) {
        let [lhs_low, lhs_high, rhs_low, rhs_high] = self.wide_operands();
        let dst = self.next_home();
        self.emit.op(row, op::Wide { dst, lhs_low, lhs_high, rhs_low, rhs_high });
        self.wide_result();
    }

    /// A multiplication to 128 bits.
    fn wide_mul(&mut self, row: Op) {
        let [lhs, rhs] = self.wide_operands();
        self.emit.op(row, op::WideMul { dst: self.next_home(), lhs, rhs });
        self.wide_result();
    }

    /// Pops operands and returns their slots. All are stored first: none is only in the accumulator then.
    fn wide_operands<const N: usize>(&mut self) -> [i16; N] {
        let first = self.stack.len() - N;
        if !self.frame.has_far_stack() {
            for i in first..self.stack.len() {
                let o = self.stack.get(i);
                self.place_in_slot(&o);
            }
        }
        let slots = core::array::from_fn(|i| {
            let o = self.get_near(first + i);
            self.place_in_slot(&o)
        });
        self.stack.truncate(first);
        self.clobber(false);
        slots
    }

    /// Pushes both halves of a result, of which the high one is in the accumulator too.
    fn wide_result(&mut self) {
        self.result_to_home(2);
        self.push_stored(Kind::I64);
        self.push_stored(Kind::I64);
        *self.accs.bank(false) = Acc::Temp(self.stack.len() as u32 - 1);
    }
}
