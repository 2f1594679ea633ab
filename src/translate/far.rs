//! Functions with more slots than 16-bit operands reach: unoptimised code of large functions has tens of
//! thousands of locals.
//!
//! Such a function moves its frame behind what is far: `enter_far` puts `fp` so many slots higher. What is
//! near stays as in any function, and so do calls, which see near slots only. Far slots have numbers below
//! zero, and values come from there and go there by `mov_far`: a far local's when it is read or written;
//! where the operand stack itself is too deep, each operand's when it is pushed or popped.

use super::frame::{FETCHED, Far, MAX_FAR_STACK, NEAR_LOCALS, Shape, near, reach};
use super::operand::{NONE, Operand, Place};
use super::resolve::{Imm, Src};
use super::translator::Translator;
use super::value::Kind;
use crate::isa::{self, Class, Op, op};
use crate::tune;
use crate::types::{FuncType, ValType};
use crate::vm::frame::{HEADER_SLOTS, MAX_SLOT};

impl Far {
    /// Where the result of an instruction goes whose home is far.
    fn result(&self) -> i16 {
        self.scratch + 2 * FETCHED
    }

    /// What values are copied through that stay on the stack.
    fn spare(&self) -> i16 {
        self.result() + 2
    }
}

impl Translator<'_> {
    fn far(&self) -> &Far {
        self.frame.far.as_ref().expect("a function with far slots")
    }

    /// Records that operands do not fit into the frame; the driver tries another shape.
    pub fn too_deep(&mut self) {
        match self.shape {
            Shape::Near if self.frame.homes > NEAR_LOCALS => {
                self.reshape = Some(Shape::FarLocals);
            }
            // How many slots it takes is known in the end.
            Shape::Near | Shape::FarLocals => self.reshape = Some(Shape::FarStack(0)),
            // Nothing that has to be near grows with the function.
            Shape::FarStack(_) => self.limit("operand stack too deep"),
        }
    }

    /// Looks whether all operands so far have homes.
    #[inline]
    pub fn check_height(&mut self) {
        let height = self.stack.max_height;
        if self.frame.has_far_stack() {
            if height > MAX_FAR_STACK {
                self.limit("operand stack too deep");
            }
        } else if self.frame.homes + height > MAX_SLOT {
            self.too_deep();
        }
    }

    /// The same at the end, when it is known how many slots operands take.
    pub fn check_far_height(&mut self) {
        self.check_height();
        if let Shape::FarStack(slots) = self.shape
            && slots < self.stack.max_height
        {
            self.reshape = Some(Shape::FarStack(self.stack.max_height));
        }
    }

    /// Copies slots of which some may be far.
    pub fn mov_far(&mut self, dst: i32, src: i32, count: i32) {
        if count > 0 && dst != src {
            let at = self.emit.op(Op::MovFar, op::MovFar { dst, src, count: count as u16 });
            self.emit.set_far_copy(at, dst, src);
        }
    }

    /// Entry of a function with far slots. Its parameters are copied to be locals like others.
    pub fn enter_far(&mut self) {
        let Some(far) = &self.frame.far else { return };
        let (slots, zero) = (far.slots as u32, far.locals as u32);
        self.emit.op(Op::EnterFar, op::EnterFar { slots, zero });
    }

    /// Copies the parameters of a function with far slots.
    pub fn copy_params(&mut self) {
        if let Some(far) = &self.frame.far
            && self.frame.params() > 0
        {
            let from = -far.slots - self.frame.offset;
            self.mov_far(self.frame.local(0).slot, from, self.ty.param_slots() as i32);
        }
    }

    /// The slots that hold the operands and results of a call whose first operand has its home at `home`,
    /// and which the operands, that are in their homes, are copied to if that is far.
    #[inline]
    pub fn call_area(&mut self, home: i32, slots: i32) -> i16 {
        if !self.frame.has_far_stack() {
            return near(home);
        }
        let area = self.far().area;
        self.mov_far(area.into(), home, slots);
        area
    }

    /// The other way round: copies the results of a call to where their homes are.
    #[inline]
    pub fn results_from_area(&mut self, slots: i32) {
        if self.frame.has_far_stack() {
            self.mov_far(self.next_slot(), self.far().area.into(), slots);
        }
    }

    /// The home of the next operand, or, if it is far, where an instruction leaves its result until
    /// [`Translator::push_made`].
    #[inline]
    pub fn next_home(&self) -> i16 {
        if self.frame.has_far_stack() { self.far().result() } else { near(self.next_slot()) }
    }

    /// The first slot that no operand has, for frames of calls.
    #[inline]
    pub fn next_frame(&self) -> i16 {
        if self.frame.has_far_stack() { self.far().area } else { near(self.next_slot()) }
    }

    /// Pushes what the instruction just emitted has stored at [`Translator::next_home`].
    #[inline]
    pub fn push_made(&mut self, kind: Kind) {
        self.result_to_home(kind.slots());
        self.push_stored(kind);
    }

    /// Copies what an instruction has left at [`Translator::next_home`] to the home that it is of.
    #[inline]
    pub fn result_to_home(&mut self, slots: i32) {
        if self.frame.has_far_stack() {
            self.mov_far(self.next_slot(), self.far().result().into(), slots);
        }
    }

    /// What a slot holds, in a near one.
    pub fn fetch_slot(&mut self, slot: i32) -> i16 {
        reach(slot).unwrap_or_else(|| {
            let spare = self.far().spare();
            self.mov_far(spare.into(), slot, 1);
            spare
        })
    }

    /// Pops an operand, which then is near.
    #[inline]
    pub fn pop(&mut self) -> Operand {
        let mut o = self.stack.pop();
        if !self.frame.has_far_stack() {
            return o;
        }
        let result = self.far().result();
        if let Some(at) = self.emit.far_copy(o.home, result.into()) {
            // It has just been pushed: nobody will look for it in its home.
            self.emit.rewind(at);
            o.home = result.into();
            return o;
        }
        self.fetch(o)
    }

    /// The topmost operand, as near as one that is popped.
    #[inline]
    pub fn peek(&mut self) -> Operand {
        let o = self.stack.peek();
        if self.frame.has_far_stack() { self.fetch(o) } else { o }
    }

    /// Operand `index` of the stack, likewise.
    #[inline]
    pub fn get_near(&mut self, index: usize) -> Operand {
        let o = self.stack.get(index);
        if self.frame.has_far_stack() { self.fetch(o) } else { o }
    }

    /// An operand with a near home, where its value is unless it is constant.
    fn fetch(&mut self, mut o: Operand) -> Operand {
        let scratch = i32::from(self.far().scratch + 2 * self.fetched);
        self.fetched = (self.fetched + 1) % FETCHED;
        if !matches!(o.place, Place::Const(_)) {
            debug_assert!(matches!(o.place, Place::Temp { stored: true, .. }));
            self.mov_far(scratch, o.home, o.kind.slots());
            o.place = Place::Temp { producer: NONE, stored: true };
        }
        o.home = scratch;
        o
    }

    /// Whether a copy of an operand to a slot takes a `mov_far`.
    #[inline]
    pub fn is_far_copy(&self, o: &Operand, slot: i32) -> bool {
        self.frame.far.is_some()
            && (reach(slot).is_none()
                || matches!(o.place, Place::Temp { stored: true, .. }) && reach(o.home).is_none())
    }

    /// Such a copy.
    pub fn copy_far(&mut self, o: &Operand, slot: i32) {
        let from = match o.place {
            Place::Temp { stored: true, .. } => o.home,
            _ => {
                let spare = self.far().spare().into();
                self.copy_to(o, spare);
                spare
            }
        };
        self.mov_far(slot, from, o.kind.slots());
    }

    /// `local.get` of a local that is copied.
    pub fn get_copied(&mut self, local: u32) {
        let local = self.frame.local(local);
        self.mov_far(self.next_slot(), local.slot, local.kind.slots());
        self.push_stored(local.kind);
    }

    /// `local.tee` of a local that is copied; `local.set` pops the operand then.
    pub fn tee_copied(&mut self, local: u32) {
        self.assign_local(local);
        let value = self.stack.peek();
        self.copy_to(&value, self.frame.local(local).slot);
    }

    /// Returns from a function with far slots; the results, on top of the stack, stay there.
    pub fn return_far(&mut self, results: &[ValType]) {
        let slots = self.far().slots;
        let to = -self.frame.offset;
        let restore = isa::restore(false, false);
        let leave = op::LeaveFar { slots: slots as u32 };
        if let [result] = results
            && *result != ValType::V128
        {
            let o = self.peek();
            let float = o.kind.is_float();
            let value = match self.natural(&o, Imm::Word) {
                Some(src @ (Src::Acc | Src::Word(_))) => src,
                Some(src) => {
                    self.clobber(float);
                    let row = isa::any_mov(float, Class::A, src.class()).expect("a row");
                    self.emit.op(row, op::Mov { dst: super::resolve::NO_HOME, src });
                    Src::Acc
                }
                None => self.load_acc(&o),
            };
            self.emit.op(Op::LeaveFar, leave);
            let row = isa::ret(restore, float, value.class()).expect("a row");
            self.emit.op(row, op::Return { to: near(to), value });
            return;
        }
        let count = results.len();
        if count > tune::MAX_CARRIED {
            self.carry_span(count, to - slots);
        } else {
            self.carry_each(count, to - slots);
        }
        self.emit.op(Op::LeaveFar, leave);
        self.emit.op(isa::ret_plain(restore).expect("a row"), op::Empty {});
    }

    /// Prepares a tail call of a function of this type: arguments and another operand, if the call has one, go
    /// to where they are near after the frame has moved back, and it moves. Returns where they are then.
    pub fn tail_far(&mut self, args: i16, ty: &FuncType, other: Option<i16>) -> (i16, i16) {
        let slots = self.far().slots;
        let (other_to, args_to) = (HEADER_SLOTS, HEADER_SLOTS + 1);
        if let Some(other) = other {
            self.mov_far(other_to - slots, other.into(), 1);
        }
        self.mov_far(args_to - slots, args.into(), ty.param_slots() as i32);
        self.emit.op(Op::LeaveFar, op::LeaveFar { slots: slots as u32 });
        (args_to as i16, other_to as i16)
    }
}
