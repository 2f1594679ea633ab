//! From operands to operand classes: which register or slot an instruction finds a value in, and
//! what must be emitted so that it is there.

use super::frame::near;
use super::operand::{NONE, Operand, Place};
use super::recent::Acc;
use super::translator::Translator;
use super::value::Kind;
use crate::isa::{self, Class, Op, op};

pub use crate::isa::Src;

/// In the place of a destination: the result, which is in the accumulator, has no home. (Slot 0 is in the
/// frame's header.)
pub const NO_HOME: i16 = 0;

/// How large an immediate the instruction at hand has room for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Imm {
    /// None.
    No,
    /// 16 bits, sign-extended.
    Half,
    /// 32 bits, sign-extended.
    Word,
    /// All bits (floats).
    Full,
}

/// A constant as a sign-extended immediate.
pub fn signed(kind: Kind, bits: u64) -> i64 {
    if kind == Kind::I32 { i64::from(bits as i32) } else { bits as i64 }
}

/// A constant as an immediate, if the instruction has room for it.
pub fn immediate(kind: Kind, bits: u64, imm: Imm) -> Option<Src> {
    let v = signed(kind, bits);
    match imm {
        Imm::No => None,
        Imm::Full => kind.is_float().then_some(Src::Wide(bits)),
        Imm::Half | Imm::Word if kind.is_float() => None,
        Imm::Half => i16::try_from(v).ok().map(Src::Half),
        Imm::Word => i32::try_from(v).ok().map(Src::Word),
    }
}

impl Translator<'_> {
    /// The class an operand has as things stand, or `None` for a constant that does not fit.
    pub fn natural(&self, o: &Operand, imm: Imm) -> Option<Src> {
        let float = o.kind.is_float();
        Some(match o.place {
            Place::Const(bits) => return immediate(o.kind, bits, imm),
            Place::Local(local) if let Some(pin) = self.pins.register(local) => Src::Pin(pin as u8),
            Place::Local(local) if self.accs.holds(float) == Acc::Local(local) => Src::Acc,
            Place::Local(local) => Src::Slot(near(self.frame.local(local).slot)),
            Place::Temp { .. } if self.accs.holds(float) == Acc::Temp(o.index) => Src::Acc,
            Place::Temp { .. } => Src::Slot(near(o.home)),
        })
    }

    /// The slot that holds an operand without emitting anything, if there is one.
    fn slot_of(&self, o: &Operand) -> Option<i16> {
        match o.place {
            Place::Local(local) if !self.pins.is(local) => Some(near(self.frame.local(local).slot)),
            Place::Temp { stored: true, .. } => Some(near(o.home)),
            _ => None,
        }
    }

    /// Makes an operand (on the stack or just popped) available in a slot.
    pub fn place_in_slot(&mut self, o: &Operand) -> i16 {
        if let Some(slot) = self.slot_of(o) {
            return slot;
        }
        self.place_in_home(o);
        near(o.home)
    }

    /// Makes an operand available in its home slot.
    pub fn place_in_home(&mut self, o: &Operand) {
        match o.place {
            Place::Temp { stored: true, .. } => {}
            Place::Temp { producer, stored: false } => {
                self.emit.store_form(producer, near(o.home));
                if let Some(live) = self.stack.get_mut(o.index as usize) {
                    live.place = Place::Temp { producer, stored: true };
                }
            }
            _ => self.copy_to(o, o.home),
        }
    }

    /// Copies an operand to a slot. The accumulators stay as they are.
    pub fn copy_to(&mut self, o: &Operand, slot: i32) {
        if self.is_far_copy(o, slot) {
            self.copy_far(o, slot);
            return;
        }
        let slot = near(slot);
        if o.kind == Kind::V128 {
            self.copy_v128(o, slot);
            return;
        }
        let float = o.kind.is_float();
        match o.place {
            Place::Const(bits) => {
                if let Ok(imm) = i32::try_from(bits as i64) {
                    self.emit.op(Op::MovSi, op::Mov { dst: slot, src: Src::Word(imm) });
                } else {
                    self.emit.op(Op::ConstS, op::Const { dst: slot, value: bits });
                }
            }
            _ => {
                let src = self.natural(o, Imm::No).expect("not a constant");
                if let Src::Slot(from) = src {
                    if from != slot {
                        self.copy_slot(from, slot);
                    }
                    return;
                }
                let row = isa::any_mov(float, Class::S, src.class()).expect("a row");
                self.emit.op(row, op::Mov { dst: slot, src });
            }
        }
    }

    /// Copies one slot; merges with a slot copy just emitted.
    fn copy_slot(&mut self, from: i16, to: i16) {
        if let Some((at, dst, src)) = self.emit.last_copy() {
            self.emit.rewind(at);
            self.emit.op(Op::Mov2, op::Mov2 { dst, src, dst2: to, src2: from });
            return;
        }
        let at = self.emit.op(Op::MovSs, op::Mov { dst: to, src: Src::Slot(from) });
        self.emit.set_last_copy(at, to, from);
    }

    /// Loads a constant or pinned local into the accumulator.
    pub fn load_acc(&mut self, o: &Operand) -> Src {
        let float = o.kind.is_float();
        self.clobber(float);
        match o.place {
            Place::Const(bits) => {
                let small = i32::try_from(signed(o.kind, bits));
                match small {
                    Ok(imm) if !float => {
                        self.emit.op(Op::MovAi, op::Mov { dst: NO_HOME, src: Src::Word(imm) });
                    }
                    _ => {
                        let row = if float { Op::FconstA } else { Op::ConstA };
                        self.emit.op(row, op::Const { dst: NO_HOME, value: bits });
                    }
                }
            }
            _ => {
                let src = self.natural(o, Imm::No).expect("not a constant");
                let row = isa::any_mov(float, Class::A, src.class()).expect("a row");
                self.emit.op(row, op::Mov { dst: NO_HOME, src });
            }
        }
        Src::Acc
    }

    /// The accumulator is about to be overwritten: whatever live operand is only there gets stored
    /// by its producer.
    pub fn clobber(&mut self, float: bool) {
        let acc = core::mem::take(self.accs.bank(float));
        if let Acc::Temp(index) = acc
            && let Some(operand) = self.stack.get_mut(index as usize)
            && let Place::Temp { producer, stored: false } = operand.place
        {
            operand.place = Place::Temp { producer, stored: true };
            let home = operand.home;
            self.emit.store_form(producer, near(home));
        }
    }

    /// Both accumulators are about to be overwritten.
    pub fn clobber_all(&mut self) {
        self.clobber(false);
        self.clobber(true);
    }

    /// Resolves one source of a class that `exists`.
    pub fn source(&mut self, o: &Operand, imm: Imm, exists: impl Fn(Class) -> bool) -> Src {
        match self.natural(o, imm) {
            Some(src) if exists(src.class()) => return src,
            _ => {}
        }
        if let Some(slot) = self.slot_of(o)
            && exists(Class::S)
        {
            return Src::Slot(slot);
        }
        if exists(Class::A) && !matches!(o.place, Place::Temp { .. }) {
            return self.load_acc(o);
        }
        Src::Slot(self.place_in_slot(o))
    }

    /// Resolves two sources to classes that `exists`, emitting as little as possible. Slots always
    /// exist. The flag says that the operands were swapped, which only happens if they `commute`.
    pub fn sources(
        &mut self,
        x: &Operand,
        y: &Operand,
        imm: Imm,
        commute: bool,
        exists: impl Fn(Class, Class) -> bool,
    ) -> (Src, Src, bool) {
        let nx = self.natural(x, if commute { imm } else { Imm::No });
        let ny = self.natural(y, imm);
        // As they are, in either order.
        if let (Some(sx), Some(sy)) = (nx, ny) {
            if exists(sx.class(), sy.class()) {
                return (sx, sy, false);
            }
            if commute && exists(sy.class(), sx.class()) {
                return (sy, sx, true);
            }
        }
        // One from the slot that it is in as well.
        if let (Some(sx), Some(slot)) = (nx, self.slot_of(y))
            && exists(sx.class(), Class::S)
        {
            return (sx, Src::Slot(slot), false);
        }
        if let (Some(slot), Some(sy)) = (self.slot_of(x), ny)
            && exists(Class::S, sy.class())
        {
            return (Src::Slot(slot), sy, false);
        }
        // One through the accumulator, if the other is not in it.
        let same_bank = x.kind.is_float() == y.kind.is_float();
        if let Some(sx) = nx
            && (sx.class() != Class::A || !same_bank)
            && !matches!(y.place, Place::Temp { .. })
        {
            if exists(sx.class(), Class::A) {
                return (sx, self.load_acc(y), false);
            }
            if commute && exists(Class::A, sx.class()) {
                return (self.load_acc(y), sx, true);
            }
        }
        if let Some(sy) = ny
            && (sy.class() != Class::A || !same_bank)
            && !matches!(x.place, Place::Temp { .. })
            && exists(Class::A, sy.class())
        {
            return (self.load_acc(x), sy, false);
        }
        let sx = Src::Slot(self.place_in_slot(x));
        let sy = Src::Slot(self.place_in_slot(y));
        (sx, sy, false)
    }

    /// Pushes the result of the instruction at `at`, which is in the accumulator. The instruction has the
    /// number of its home all the same: [`compose`](super::compose) may turn it into one that stores. Where
    /// all results are stored at once, it is turned into that now.
    pub fn push_temp(&mut self, kind: Kind, at: u32) {
        if self.stores_at_once {
            self.emit.store_form(at, self.next_home());
            self.push_made(kind);
            self.stack.top_mut().clean = kind == Kind::I32;
            return;
        }
        let index = self.stack.len() as u32;
        self.push(kind, Place::Temp { producer: at, stored: false });
        *self.accs.bank(kind.is_float()) = Acc::Temp(index);
        // Handlers write 32-bit results zero-extended.
        self.stack.top_mut().clean = kind == Kind::I32;
    }

    /// Pushes a value that is in its home slot.
    pub fn push_stored(&mut self, kind: Kind) {
        self.push(kind, Place::Temp { producer: NONE, stored: true });
    }

    /// Pushes an operand. No accumulator holds it, whatever was at this place before.
    pub fn push(&mut self, kind: Kind, place: Place) {
        let index = self.stack.len() as u32;
        for bank in [&mut self.accs.int, &mut self.accs.float] {
            if *bank == Acc::Temp(index) {
                *bank = Acc::None;
            }
        }
        self.stack.push(self.frame.homes, kind, place);
    }

    /// The home of the next operand to be pushed.
    pub fn next_slot(&self) -> i32 {
        self.frame.homes + self.stack.height()
    }

    /// Local `local` is about to change: operands that hold its old value get homes of their own.
    pub fn release_local(&mut self, local: u32) {
        while let Some(index) = self.stack.holder(local) {
            let operand = self.stack.get(index);
            self.copy_to(&operand, operand.home);
            self.stack.release(local);
        }
    }

    /// Puts everything on the stack but constants into slots: control is about to split or merge, and
    /// later code must find it. What an enclosing block has put there is not looked at again.
    pub fn flush(&mut self) {
        for index in (self.stack.flushed()..self.stack.len()).rev() {
            if !matches!(self.stack.get(index).place, Place::Const(_)) {
                self.settle_one(index);
            }
        }
        self.stack.set_flushed();
    }

    /// Puts the topmost `count` operands into their homes, constants too.
    pub fn settle(&mut self, count: usize) {
        for index in (self.stack.len() - count..self.stack.len()).rev() {
            self.settle_one(index);
        }
    }

    fn settle_one(&mut self, index: usize) {
        let operand = self.stack.get(index);
        if !matches!(operand.place, Place::Temp { stored: true, .. }) {
            self.place_in_home(&operand);
            self.stack.set_stored(index);
        }
    }

    /// Puts an operand into its home, wherever it is on the stack.
    pub fn settle_anywhere(&mut self, index: usize) {
        match self.stack.get(index).place {
            Place::Local(local) => self.release_local(local),
            _ => self.settle_one(index),
        }
    }
}
