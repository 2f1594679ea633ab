//! Numeric instructions, locals, globals and select.

use super::frame::near;
use super::operand::{NONE, Operand, Place};
use super::recent::{Acc, Rec};
use super::resolve::{Imm, NO_HOME, Src};
use super::translator::Translator;
use super::value::Kind;
use crate::index::GlobalIndex;
use crate::isa::{self, Bin, Class, Op, Un, op};
use crate::vm::layout::GlobalPlace;

impl Translator<'_> {
    /// A binary operator with operands of kind `from` and a result of kind `to`.
    pub fn binary(&mut self, op: Bin, from: Kind, to: Kind) {
        let y = self.pop();
        let x = self.pop();
        debug_assert_eq!(
            (x.kind.is_float(), y.kind.is_float()),
            (from.is_float(), from.is_float())
        );
        self.binary_of(op, x, y, to);
    }

    /// The same with operands already popped.
    pub fn binary_of(&mut self, mut op: Bin, mut x: Operand, mut y: Operand, to: Kind) {
        let imm = if x.kind.is_float() { Imm::Full } else { Imm::Word };
        // Rows with "greater" exist with an immediate on the right only.
        let immediate =
            |o: &Operand| self.natural(o, imm).is_some_and(|src| src.class() == Class::I);
        let mirrored = !immediate(&y) && (immediate(&x) || op.is_mirrored());
        if mirrored && let Some(mirror) = op.mirror() {
            op = mirror;
            core::mem::swap(&mut x, &mut y);
        }
        let (start, before) = (self.emit.here(), self.accs);
        let (sx, sy, _) = self
            .sources(&x, &y, imm, op.commutes(), |x, y| isa::binary(op, Class::A, x, y).is_some());
        self.clobber(to.is_float());
        let row = isa::binary(op, Class::A, sx.class(), sy.class()).expect("resolved to a row");
        let at = self.emit.op(row, op::Binary { dst: self.next_home(), lhs: sx, rhs: sy });
        self.push_temp(to, at);
        self.note(Rec::new(start, at, op, x, y, before));
    }

    /// A unary operator.
    pub fn unary(&mut self, op: Un, to: Kind) {
        let x = self.pop();
        let sx = self.source(&x, Imm::No, |c| isa::unary(op, Class::A, c).is_some());
        self.clobber(to.is_float());
        let row = isa::unary(op, Class::A, sx.class()).expect("resolved to a row");
        let at = self.emit.op(row, op::Unary { dst: self.next_home(), src: sx });
        self.push_temp(to, at);
    }

    /// `i32.eqz` and `i64.eqz`: a comparison with zero, or the opposite of the comparison before.
    pub fn eqz(&mut self, op: Bin) {
        let x = self.pop();
        if x.kind == Kind::I32
            && let Some(rec) = self.producer(&x)
            && let Some(opposite) = rec.op.negation()
        {
            self.take_back(&rec);
            self.binary_of(opposite, rec.x, rec.y, Kind::I32);
            return;
        }
        let mut zero = x;
        zero.place = Place::Const(0);
        zero.home += 1;
        zero.index += 1;
        self.stack.max_height = self.stack.max_height.max(self.stack.height() + 2);
        self.binary_of(op, x, zero, Kind::I32);
    }

    /// `i32.wrap_i64`: reading the low half of a 64-bit value needs no instruction.
    pub fn wrap(&mut self) {
        let top = self.stack.top_mut();
        top.kind = Kind::I32;
        top.clean = false;
        if let Place::Const(bits) = &mut top.place {
            *bits = u64::from(*bits as u32);
        }
    }

    /// `i64.extend_i32_u`: nothing to do if the upper half is known to be zero.
    pub fn extend_u(&mut self) {
        let top = self.stack.top_mut();
        if matches!(top.place, Place::Temp { .. }) && top.clean {
            top.kind = Kind::I64;
        } else if let Place::Const(bits) = top.place {
            top.kind = Kind::I64;
            top.place = Place::Const(u64::from(bits as u32));
        } else {
            self.unary(Un::I64ExtendI32U, Kind::I64);
        }
    }

    /// A reinterpretation: a value in a slot is read as the other kind, one in a register moves.
    pub fn reinterpret(&mut self, op: Un, to: Kind) {
        let top = self.stack.peek();
        let in_slot = match top.place {
            Place::Const(_) | Place::Temp { stored: true, .. } => true,
            Place::Local(local) => !self.pins.is(local),
            Place::Temp { .. } => false,
        };
        if in_slot {
            let top = self.stack.top_mut();
            top.kind = to;
            top.clean = false;
        } else {
            self.unary(op, to);
        }
    }

    pub fn local_get(&mut self, local: u32) {
        self.read_local(local);
        if self.frame.is_copied(local) {
            self.get_copied(local);
            return;
        }
        let kind = self.frame.local(local).kind;
        self.push(kind, Place::Local(local));
    }

    pub fn local_set(&mut self, local: u32) {
        if self.frame.is_copied(local) {
            self.tee_copied(local);
            self.stack.pop();
            return;
        }
        let value = self.pop();
        self.set_local(local, &value);
    }

    pub fn local_tee(&mut self, local: u32) {
        if self.frame.is_copied(local) {
            self.tee_copied(local);
            return;
        }
        let value = self.pop();
        if value.place == Place::Local(local) {
            self.push(value.kind, value.place);
            return;
        }
        self.set_local(local, &value);
        let kind = self.frame.local(local).kind;
        self.push(kind, Place::Local(local));
    }

    /// `local := value`, the value being just popped.
    fn set_local(&mut self, local: u32, value: &Operand) {
        self.assign_local(local);
        if value.place == Place::Local(local) {
            return;
        }
        self.release_local(local);
        let kind = self.frame.local(local).kind;
        let float = kind.is_float();
        let pinned = self.pins.register(local);
        // The producer writes the local itself, if nothing happened since.
        if let Place::Temp { producer, stored: false } = value.place
            && self.emit.is_last(producer)
            && value.kind.is_float() == float
        {
            let Some(pin) = pinned else {
                let slot = near(self.frame.local(local).slot);
                self.emit.store_form(producer, slot);
                self.forget_local(local);
                *self.accs.bank(float) = Acc::Local(local);
                return;
            };
            if self.emit.pin_form(producer, pin) {
                self.forget_local(local);
                *self.accs.bank(float) = Acc::None;
                self.last = None;
                return;
            }
        }
        // So does one that stores its result at once.
        if let Place::Temp { producer, stored: true } = value.place
            && producer != NONE
            && pinned.is_none()
            && self.emit.is_last(producer)
            && value.kind.is_float() == float
        {
            let in_acc = *self.accs.bank(float) == Acc::Temp(value.index);
            let slot = near(self.frame.local(local).slot);
            self.emit.set_dst(producer, slot);
            self.forget_local(local);
            if in_acc {
                *self.accs.bank(float) = Acc::Local(local);
            }
            return;
        }
        if let Some(pin) = pinned {
            self.move_to_pin(value, float, pin);
            self.forget_local(local);
            return;
        }
        let was_acc = match value.place {
            Place::Temp { .. } => *self.accs.bank(float) == Acc::Temp(value.index),
            _ => false,
        };
        let slot = self.frame.local(local).slot;
        self.copy_to(value, slot);
        self.forget_local(local);
        if was_acc {
            *self.accs.bank(float) = Acc::Local(local);
        }
    }

    fn forget_local(&mut self, local: u32) {
        for bank in [&mut self.accs.int, &mut self.accs.float] {
            if *bank == Acc::Local(local) {
                *bank = Acc::None;
            }
        }
    }

    /// `pinned local := value`
    fn move_to_pin(&mut self, value: &Operand, float: bool, pin: usize) {
        let class = Class::pin(pin);
        if let Place::Const(bits) = value.place {
            match i32::try_from(super::resolve::signed(value.kind, bits)) {
                Ok(imm) if !float => {
                    let row = isa::mov(class, Class::I).expect("a row");
                    self.emit.op(row, op::Mov { dst: NO_HOME, src: Src::Word(imm) });
                }
                _ => {
                    let row = isa::const64(float, class).expect("a row");
                    self.emit.op(row, op::Const { dst: NO_HOME, value: bits });
                }
            }
            return;
        }
        let src = self.natural(value, Imm::No).expect("not a constant");
        let row = isa::any_mov(float, class, src.class()).expect("another register or a slot");
        self.emit.op(row, op::Mov { dst: NO_HOME, src });
    }

    pub fn global_get(&mut self, global: GlobalIndex) {
        let kind = Kind::of(self.info.globals[global.idx()].content());
        if kind == Kind::V128 {
            self.global_get_v128(global);
            return;
        }
        match self.layout.globals[global.idx()] {
            GlobalPlace::Inline(at_ctx) => {
                let float = kind.is_float();
                self.clobber(float);
                let row = isa::global_get(float, Class::A).expect("a row");
                let at = self.emit.op(row, op::GlobalGet { dst: self.next_home(), at: at_ctx });
                self.push_temp(kind, at);
                self.stack.top_mut().clean = false;
            }
            GlobalPlace::Indirect(at_ctx) => {
                self.clobber(false);
                let dst = self.next_home();
                self.emit.op(Op::GlobalGetIndirect, op::GlobalGet { dst, at: at_ctx });
                self.push_made(kind);
            }
        }
    }

    pub fn global_set(&mut self, global: GlobalIndex) {
        let value = self.pop();
        if value.kind == Kind::V128 {
            self.global_set_v128(global, &value);
            return;
        }
        match self.layout.globals[global.idx()] {
            GlobalPlace::Inline(at_ctx) => {
                let float = value.kind.is_float();
                let src = match self.natural(&value, Imm::Half) {
                    Some(src) if isa::global_set(float, src.class()).is_some() => src,
                    // A float in a slot moves through the integer registers' form: bits are bits.
                    _ => Src::Slot(self.place_in_slot(&value)),
                };
                let class = src.class();
                let row = isa::global_set(float && class != Class::S, class).expect("a row");
                self.emit.op(row, op::GlobalSet { at: at_ctx, value: src });
            }
            GlobalPlace::Indirect(at_ctx) => {
                let value = Src::Slot(self.place_in_slot(&value));
                self.emit.op(Op::GlobalSetIndirect, op::GlobalSet { at: at_ctx, value });
            }
        }
    }

    pub fn select(&mut self) {
        let c = self.pop();
        let y = self.pop();
        let x = self.pop();
        if x.kind == Kind::V128 {
            self.select_v128(&x, &y, &c);
            return;
        }
        let float = x.kind.is_float();
        // The condition in the accumulator or a slot; the values wherever that leaves room.
        let sc = match self.natural(&c, Imm::No) {
            Some(src @ (Src::Acc | Src::Slot(_))) => src,
            _ => Src::Slot(self.place_in_slot(&c)),
        };
        let taken = sc == Src::Acc && !float;
        let (sx, sy, _) = {
            let fits = |cx: Class, cy: Class| {
                !(taken && (cx == Class::A || cy == Class::A))
                    && isa::select(float, Class::A, cx, cy, sc.class()).is_some()
            };
            self.select_sources(&x, &y, fits)
        };
        self.clobber(float);
        let row = isa::select(float, Class::A, sx.class(), sy.class(), sc.class());
        let operands = op::Select { dst: self.next_home(), lhs: sx, rhs: sy, cond: sc };
        let at = self.emit.op(row.expect("resolved to a row"), operands);
        self.push_temp(x.kind, at);
        self.stack.top_mut().clean = false;
    }

    /// Sources of a select: nothing may go through the accumulator, which may hold the condition.
    fn select_sources(
        &mut self,
        x: &Operand,
        y: &Operand,
        exists: impl Fn(Class, Class) -> bool,
    ) -> (Src, Src, bool) {
        let nx = self.natural(x, Imm::Half);
        let ny = self.natural(y, Imm::Half);
        if let (Some(sx), Some(sy)) = (nx, ny)
            && exists(sx.class(), sy.class())
        {
            return (sx, sy, false);
        }
        if let Some(sx) = nx
            && exists(sx.class(), Class::S)
        {
            let slot = self.place_in_slot(y);
            return (sx, Src::Slot(slot), false);
        }
        if let Some(sy) = ny
            && exists(Class::S, sy.class())
        {
            let slot = self.place_in_slot(x);
            return (Src::Slot(slot), sy, false);
        }
        let sx = Src::Slot(self.place_in_slot(x));
        let sy = Src::Slot(self.place_in_slot(y));
        (sx, sy, false)
    }
}
