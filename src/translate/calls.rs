//! Calls and tail calls.

use super::frame::near;
use super::operand::Place;
use super::recent::Acc;
use super::resolve::{Imm, Src};
use super::translator::Translator;
use super::value::Kind;
use crate::index::{FuncIndex, TypeIndex};
use crate::isa::{self, Op, op};
use crate::types::FuncType;
use crate::vm::VmImport;
use crate::vm::frame::MAX_SLOT;

/// Direct calls name the callee by the byte offset of its code entry. Validation bounds the number
/// of functions, so offsets fit 32 bits.
const CODE_ENTRY: u32 = size_of::<crate::vm::CodeEntry>() as u32;

/// Where a call's target comes from.
enum Callee {
    Defined(u32),
    Import(u32),
}

impl Translator<'_> {
    /// Context offset of an imported function.
    pub(super) fn import_place(&self, func: u32) -> u32 {
        self.layout.funcs + VmImport::offset(func)
    }

    fn callee(&self, func: u32) -> Callee {
        match self.info.defined_func(FuncIndex(func)) {
            Some(defined) => Callee::Defined(defined.0),
            None => Callee::Import(self.import_place(func)),
        }
    }

    /// Puts the top operands, the arguments of a function of type `ty`, into their homes and pops
    /// them. Nothing stays in the accumulators only. Returns the first argument's slot.
    fn arguments(&mut self, ty: &FuncType) -> i16 {
        let first = self.stack.len() - ty.params_slice().len();
        let mut home = self.next_slot();
        for index in first..self.stack.len() {
            let operand = self.stack.get(index);
            if index == first {
                home = operand.home;
            }
            self.place_in_home(&operand);
        }
        let base = self.call_area(home, ty.param_slots() as i32);
        self.stack.truncate(first);
        self.clobber_all();
        base
    }

    /// The callee's frame slot for arguments at `base`.
    fn callee_frame(&mut self, base: i16, ty: &FuncType) -> i16 {
        let frame = i32::from(base) + ty.param_slots().max(ty.result_slots()) as i32;
        if frame > MAX_SLOT {
            self.too_deep();
            return 0;
        }
        frame as i16
    }

    /// Pushes the results of a call, which are in their homes, a single one in the accumulator too.
    fn results(&mut self, ty: &FuncType) {
        self.results_from_area(ty.result_slots() as i32);
        for result in ty.results() {
            self.push_stored(Kind::of(result));
        }
        if let [result] = ty.results_slice() {
            let kind = Kind::of(*result);
            if kind != Kind::V128 {
                *self.accs.bank(kind.is_float()) = Acc::Temp(self.stack.len() as u32 - 1);
            }
        }
    }

    pub fn call(&mut self, func: u32) {
        let info = self.info;
        let ty = info.func_type(FuncIndex(func));
        let base = self.arguments(ty);
        let frame = self.callee_frame(base, ty);
        let callee = self.callee(func);
        let list = self.live_refs();
        match callee {
            Callee::Defined(index) => {
                self.emit.op(Op::Call, op::Call { frame, func: index * CODE_ENTRY })
            }
            Callee::Import(at) => {
                self.emit.op(Op::CallImport, op::CallImport { frame, args: base, at })
            }
        };
        self.safepoint(list);
        self.results(ty);
    }

    /// Whether a type has no subtypes, so that an indirect call compares ids.
    fn is_exact(&self, ty: TypeIndex, table: u32) -> bool {
        self.info.type_info(ty).sub.is_final && !self.info.tables[table as usize].is_64()
    }

    pub fn call_indirect(&mut self, ty: u32, table: u32) {
        let info = self.info;
        let exact = self.is_exact(TypeIndex(ty), table);
        let id = info.type_id(TypeIndex(ty)).0;
        let ty = info.type_info(TypeIndex(ty)).func();
        let index = self.pop();
        // Resolved before the arguments are put into place, which leaves the accumulator alone.
        let src = if exact {
            self.source(&index, Imm::No, |c| isa::call_indirect(c).is_some())
        } else {
            Src::Slot(self.index_slot(&index, table))
        };
        let keep = self.stack.max_height;
        let base = self.arguments(ty);
        self.stack.max_height = keep;
        // The index's home may be where the frame's header goes: the handler reads it first.
        let frame = self.callee_frame(base, ty);
        let row = if exact {
            isa::call_indirect(src.class()).expect("resolved to a row")
        } else {
            Op::CallIndirectSub
        };
        let list = self.live_refs();
        let table = self.table_place(table);
        self.emit.op(row, op::CallIndirect { frame, index: src, table, ty: id });
        self.safepoint(list);
        self.results(ty);
    }

    /// A table index as a 64-bit slot: a 32-bit one is extended.
    fn index_slot(&mut self, index: &super::operand::Operand, table: u32) -> i16 {
        if self.info.tables[table as usize].is_64() {
            return self.place_in_slot(index);
        }
        if let Place::Const(bits) = index.place {
            let mut zero_extended = *index;
            zero_extended.place = Place::Const(u64::from(bits as u32));
            zero_extended.kind = Kind::I64;
            return self.place_in_slot(&zero_extended);
        }
        let src = self.source(index, Imm::No, |c| {
            isa::unary(isa::Un::I64ExtendI32U, isa::Class::S, c).is_some()
        });
        self.clobber(false);
        let row = isa::unary(isa::Un::I64ExtendI32U, isa::Class::S, src.class()).expect("a row");
        let home = near(index.home);
        self.emit.op(row, op::Unary { dst: home, src });
        home
    }

    pub fn call_ref(&mut self, ty: u32) {
        let info = self.info;
        let ty = info.type_info(TypeIndex(ty)).func();
        let func = self.pop();
        let slot = self.place_in_slot(&func);
        let base = self.arguments(ty);
        let frame = self.callee_frame(base, ty);
        let list = self.live_refs();
        self.emit.op(Op::CallRef, op::CallRef { frame, func: slot });
        self.safepoint(list);
        self.results(ty);
    }

    /// Prepares a tail call and returns the operands that all of them have. Another operand is in the slot
    /// `other`, which changes with the frame's place.
    fn tail(&mut self, args: i16, ty: &FuncType, other: Option<&mut i16>) -> op::TailCall {
        self.unpin();
        let to = -self.frame.offset;
        let frame = to + ty.param_slots().max(ty.result_slots()) as i32;
        let count = ty.param_slots() as u16;
        let mut operands = op::TailCall { args, count, to: near(to), frame: near(frame) };
        if self.frame.far.is_some() {
            let moved = self.tail_far(args, ty, other.as_deref().copied());
            operands.args = moved.0;
            if let Some(other) = other {
                *other = moved.1;
            }
        }
        operands
    }

    pub fn return_call(&mut self, func: u32) {
        let info = self.info;
        let ty = info.func_type(FuncIndex(func));
        let base = self.arguments(ty);
        let op::TailCall { args, count, to, frame } = self.tail(base, ty, None);
        match self.callee(func) {
            Callee::Defined(index) => {
                let func = index * CODE_ENTRY;
                self.emit.op(Op::ReturnCall, op::ReturnCall { args, count, to, frame, func })
            }
            Callee::Import(at) => self
                .emit
                .op(Op::ReturnCallImport, op::ReturnCallImport { args, count, to, frame, at }),
        };
        self.unreachable_from_here();
    }

    pub fn return_call_indirect(&mut self, ty: u32, table: u32) {
        let info = self.info;
        let exact = self.is_exact(TypeIndex(ty), table);
        let id = info.type_id(TypeIndex(ty)).0;
        let ty = info.type_info(TypeIndex(ty)).func();
        let index = self.pop();
        let mut slot =
            if exact { self.place_in_slot(&index) } else { self.index_slot(&index, table) };
        let base = self.arguments(ty);
        let row = if exact { Op::ReturnCallIndirect } else { Op::ReturnCallIndirectSub };
        let op::TailCall { args, count, to, frame } = self.tail(base, ty, Some(&mut slot));
        let table = self.table_place(table);
        let operands =
            op::ReturnCallIndirect { args, count, to, frame, table, ty: id, index: slot };
        self.emit.op(row, operands);
        self.unreachable_from_here();
    }

    pub fn return_call_ref(&mut self, ty: u32) {
        let info = self.info;
        let ty = info.type_info(TypeIndex(ty)).func();
        let func = self.pop();
        let mut slot = self.place_in_slot(&func);
        let base = self.arguments(ty);
        let op::TailCall { args, count, to, frame } = self.tail(base, ty, Some(&mut slot));
        let operands = op::ReturnCallRef { args, count, to, frame, func: slot };
        self.emit.op(Op::ReturnCallRef, operands);
        self.unreachable_from_here();
    }
}
