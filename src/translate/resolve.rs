//! From operands to operand classes: which register or slot an instruction finds a value in, and
//! what must be emitted so that it is there.

use super::Translator;
use super::operand::{NONE, Operand, Place};
use super::value::Kind;
use crate::isa::{self, Class, Op};

/// What an accumulator holds.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub enum Acc {
    /// Nothing of use.
    #[default]
    None,
    /// The operand at this place of the stack.
    Temp(u32),
    /// The current value of a local.
    Local(u32),
}

/// Both accumulators.
#[derive(Clone, Copy, Default, Debug)]
pub struct Accs {
    pub int: Acc,
    pub float: Acc,
}

impl Accs {
    pub fn bank(&mut self, float: bool) -> &mut Acc {
        if float { &mut self.float } else { &mut self.int }
    }

    fn holds(&self, float: bool) -> Acc {
        if float { self.float } else { self.int }
    }
}

/// A source operand of an instruction.
#[derive(Clone, Copy, Debug)]
pub struct Src {
    pub class: Class,
    /// With [`Class::S`]: the slot.
    pub slot: i16,
    /// With [`Class::I`]: the constant.
    pub bits: u64,
}

impl Src {
    fn of(class: Class) -> Src {
        Src { class, slot: 0, bits: 0 }
    }

    fn slot(slot: i16) -> Src {
        Src { class: Class::S, slot, bits: 0 }
    }
}

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

fn fits(kind: Kind, bits: u64, imm: Imm) -> bool {
    let v = signed(kind, bits);
    match imm {
        Imm::No => false,
        Imm::Half => !kind.is_float() && i16::try_from(v).is_ok(),
        Imm::Word => !kind.is_float() && i32::try_from(v).is_ok(),
        Imm::Full => kind.is_float(),
    }
}

impl Translator<'_> {
    /// The class an operand has as things stand, or `None` for a constant that does not fit.
    pub fn natural(&self, o: &Operand, imm: Imm) -> Option<Src> {
        let float = o.kind.is_float();
        Some(match o.place {
            Place::Const(bits) if fits(o.kind, bits, imm) => Src { class: Class::I, slot: 0, bits },
            Place::Const(_) => return None,
            Place::Local(local) if let Some(class) = self.pins.class(local) => Src::of(class),
            Place::Local(local) if self.accs.holds(float) == Acc::Local(local) => Src::of(Class::A),
            Place::Local(local) => Src::slot(self.frame.local(local).slot),
            Place::Temp { .. } if self.accs.holds(float) == Acc::Temp(o.index) => Src::of(Class::A),
            Place::Temp { .. } => Src::slot(o.home),
        })
    }

    /// The slot that holds an operand without emitting anything, if there is one.
    fn slot_of(&self, o: &Operand) -> Option<i16> {
        match o.place {
            Place::Local(local) if !self.pins.is(local) => Some(self.frame.local(local).slot),
            Place::Temp { stored: true, .. } => Some(o.home),
            _ => None,
        }
    }

    /// Makes an operand (on the stack or just popped) available in a slot.
    pub fn place_in_slot(&mut self, o: &Operand) -> i16 {
        if let Some(slot) = self.slot_of(o) {
            return slot;
        }
        self.place_in_home(o);
        o.home
    }

    /// Makes an operand available in its home slot.
    pub fn place_in_home(&mut self, o: &Operand) {
        match o.place {
            Place::Temp { stored: true, .. } => {}
            Place::Temp { producer, stored: false } => {
                self.emit.store_form(producer, o.home);
                if let Some(live) = self.stack.get_mut(o.index as usize) {
                    live.place = Place::Temp { producer, stored: true };
                }
            }
            _ => self.copy_to(o, o.home),
        }
    }

    /// Copies an operand to a slot. The accumulators stay as they are.
    pub fn copy_to(&mut self, o: &Operand, slot: i16) {
        if o.kind == Kind::V128 {
            self.copy_v128(o, slot);
            return;
        }
        let float = o.kind.is_float();
        match o.place {
            Place::Const(bits) => {
                if let Ok(imm) = i32::try_from(bits as i64) {
                    let at = self.emit.op(isa::mov(Class::S, Class::I).expect("a row"));
                    self.emit.i16(at, 0, slot);
                    self.emit.u32(at, 4, imm as u32);
                } else {
                    let at = self.emit.op(Op::ConstS);
                    self.emit.i16(at, 0, slot);
                    self.emit.u64(at, 8, bits);
                }
            }
            _ => {
                let src = self.natural(o, Imm::No).expect("not a constant");
                if src.class == Class::S {
                    if src.slot == slot {
                        return;
                    }
                    self.copy_slot(src.slot, slot);
                    return;
                }
                let op = if float {
                    isa::fmov(Class::S, src.class)
                } else {
                    isa::mov(Class::S, src.class)
                };
                let at = self.emit.op(op.expect("a row"));
                self.emit.i16(at, 0, slot);
            }
        }
    }

    /// Copies one slot; merges with a slot copy just emitted.
    fn copy_slot(&mut self, from: i16, to: i16) {
        if let Some((at, dst, src)) = self.emit.last_copy() {
            self.emit.rewind(at);
            let at = self.emit.op(Op::Mov2);
            for (i, slot) in [dst, src, to, from].into_iter().enumerate() {
                self.emit.i16(at, i * 2, slot);
            }
            return;
        }
        let at = self.emit.op(Op::MovSs);
        self.emit.i16(at, 0, to);
        self.emit.i16(at, 2, from);
        self.emit.set_last_copy(at, to, from);
    }

    /// Loads a constant or pinned local into the accumulator.
    fn load_acc(&mut self, o: &Operand) -> Src {
        let float = o.kind.is_float();
        self.clobber(float);
        match o.place {
            Place::Const(bits) => {
                let small = i32::try_from(signed(o.kind, bits));
                match small {
                    Ok(imm) if !float => {
                        let at = self.emit.op(Op::MovAi);
                        self.emit.u32(at, 4, imm as u32);
                    }
                    _ => {
                        let at = self.emit.op(if float { Op::FconstA } else { Op::ConstA });
                        self.emit.u64(at, 8, bits);
                    }
                }
            }
            _ => {
                let src = self.natural(o, Imm::No).expect("not a constant");
                let op = if float {
                    isa::fmov(Class::A, src.class)
                } else {
                    isa::mov(Class::A, src.class)
                };
                let at = self.emit.op(op.expect("a row"));
                if src.class == Class::S {
                    self.emit.i16(at, 2, src.slot);
                }
            }
        }
        Src::of(Class::A)
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
            self.emit.store_form(producer, home);
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
            Some(src) if exists(src.class) => return src,
            _ => {}
        }
        if let Some(slot) = self.slot_of(o)
            && exists(Class::S)
        {
            return Src::slot(slot);
        }
        if exists(Class::A) && !matches!(o.place, Place::Temp { .. }) {
            return self.load_acc(o);
        }
        Src::slot(self.place_in_slot(o))
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
            if exists(sx.class, sy.class) {
                return (sx, sy, false);
            }
            if commute && exists(sy.class, sx.class) {
                return (sy, sx, true);
            }
        }
        // One from the slot that it is in as well.
        if let (Some(sx), Some(slot)) = (nx, self.slot_of(y))
            && exists(sx.class, Class::S)
        {
            return (sx, Src::slot(slot), false);
        }
        if let (Some(slot), Some(sy)) = (self.slot_of(x), ny)
            && exists(Class::S, sy.class)
        {
            return (Src::slot(slot), sy, false);
        }
        // One through the accumulator, if the other is not in it.
        let same_bank = x.kind.is_float() == y.kind.is_float();
        if let Some(sx) = nx
            && (sx.class != Class::A || !same_bank)
            && !matches!(y.place, Place::Temp { .. })
        {
            if exists(sx.class, Class::A) {
                return (sx, self.load_acc(y), false);
            }
            if commute && exists(Class::A, sx.class) {
                return (self.load_acc(y), sx, true);
            }
        }
        if let Some(sy) = ny
            && (sy.class != Class::A || !same_bank)
            && !matches!(x.place, Place::Temp { .. })
            && exists(Class::A, sy.class)
        {
            return (self.load_acc(x), sy, false);
        }
        let sx = Src::slot(self.place_in_slot(x));
        let sy = Src::slot(self.place_in_slot(y));
        (sx, sy, false)
    }

    /// Writes a source's slot number to a field of the instruction at `at`.
    pub fn put_slot(&mut self, at: u32, field: usize, src: Src) {
        if src.class == Class::S {
            self.emit.i16(at, field, src.slot);
        }
    }

    /// Pushes the result of the instruction at `at`, which is in the accumulator. The instruction gets the
    /// number of its home all the same: [`compose`](super::compose) may turn it into one that stores.
    pub fn push_temp(&mut self, kind: Kind, at: u32) {
        let index = self.stack.len() as u32;
        let home = self.next_home();
        self.emit.i16(at, 0, home);
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
    pub fn next_home(&self) -> i16 {
        (self.frame.homes + self.stack.height()) as i16
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
