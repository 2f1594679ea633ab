//! Calls and tail calls.

use super::Translator;
use super::operand::Place;
use super::resolve::{Acc, Imm};
use super::value::Kind;
use crate::index::{FuncIndex, TypeIndex};
use crate::isa::{self, Op};
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
        self.info.layout.funcs + VmImport::offset(func)
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
        let mut base = self.next_home();
        for index in first..self.stack.len() {
            let operand = self.stack.get(index);
            if index == first {
                base = operand.home;
            }
            self.place_in_home(&operand);
        }
        self.stack.truncate(first);
        self.clobber_all();
        base
    }

    /// The callee's frame slot for arguments at `base`.
    fn callee_frame(&mut self, base: i16, ty: &FuncType) -> i16 {
        let frame = i32::from(base) + ty.param_slots().max(ty.result_slots()) as i32;
        if frame > MAX_SLOT {
            self.limit("operand stack too deep");
            return 0;
        }
        frame as i16
    }

    /// Pushes the results of a call, which are in their homes, a single one in the accumulator too.
    fn results(&mut self, ty: &FuncType) {
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
        let (op, target) = match self.callee(func) {
            Callee::Defined(index) => (Op::Call, index * CODE_ENTRY),
            Callee::Import(place) => (Op::CallImport, place),
        };
        let list = self.live_refs();
        let at = self.emit.op(op);
        self.emit.i16(at, 0, frame);
        if op == Op::CallImport {
            self.emit.i16(at, 2, base);
        }
        self.emit.u32(at, 4, target);
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
        let index = self.stack.pop();
        // Resolved before the arguments are put into place, which leaves the accumulator alone.
        let src = if exact {
            self.source(&index, Imm::No, |c| isa::call_indirect(c).is_some())
        } else {
            let slot = self.index_slot(&index, table);
            super::resolve::Src { class: isa::Class::S, slot, bits: 0 }
        };
        let keep = self.stack.max_height;
        let base = self.arguments(ty);
        self.stack.max_height = keep;
        // The index's home may be where the frame's header goes: the handler reads it first.
        let frame = self.callee_frame(base, ty);
        let op = if exact {
            isa::call_indirect(src.class).expect("resolved to a row")
        } else {
            Op::CallIndirectSub
        };
        let list = self.live_refs();
        let at = self.emit.op(op);
        self.emit.i16(at, 0, frame);
        self.put_slot(at, 2, src);
        let place = self.table_place(table);
        self.emit.u32(at, 4, place);
        self.emit.u32(at, 8, id);
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
        let at = self
            .emit
            .op(isa::unary(isa::Un::I64ExtendI32U, isa::Class::S, src.class).expect("a row"));
        self.emit.i16(at, 0, index.home);
        self.put_slot(at, 2, src);
        index.home
    }

    pub fn call_ref(&mut self, ty: u32) {
        let info = self.info;
        let ty = info.type_info(TypeIndex(ty)).func();
        let func = self.stack.pop();
        let slot = self.place_in_slot(&func);
        let base = self.arguments(ty);
        let frame = self.callee_frame(base, ty);
        let list = self.live_refs();
        let at = self.emit.op(Op::CallRef);
        self.emit.i16(at, 0, frame);
        self.emit.i16(at, 2, slot);
        self.safepoint(list);
        self.results(ty);
    }

    /// The operands common to tail calls.
    fn tail(&mut self, op: Op, base: i16, ty: &FuncType) -> u32 {
        self.unpin();
        let to = -self.frame.offset;
        let frame = to + ty.param_slots().max(ty.result_slots()) as i32;
        let at = self.emit.op(op);
        self.emit.i16(at, 0, base);
        self.emit.i16(at, 2, ty.param_slots() as i16);
        self.emit.i16(at, 4, to as i16);
        self.emit.i16(at, 6, frame as i16);
        at
    }

    pub fn return_call(&mut self, func: u32) {
        let info = self.info;
        let ty = info.func_type(FuncIndex(func));
        let base = self.arguments(ty);
        let (op, target) = match self.callee(func) {
            Callee::Defined(index) => (Op::ReturnCall, index * CODE_ENTRY),
            Callee::Import(place) => (Op::ReturnCallImport, place),
        };
        let at = self.tail(op, base, ty);
        self.emit.u32(at, 8, target);
        self.unreachable_from_here();
    }

    pub fn return_call_indirect(&mut self, ty: u32, table: u32) {
        let info = self.info;
        let exact = self.is_exact(TypeIndex(ty), table);
        let id = info.type_id(TypeIndex(ty)).0;
        let ty = info.type_info(TypeIndex(ty)).func();
        let index = self.stack.pop();
        let slot = if exact { self.place_in_slot(&index) } else { self.index_slot(&index, table) };
        let base = self.arguments(ty);
        let op = if exact { Op::ReturnCallIndirect } else { Op::ReturnCallIndirectSub };
        let at = self.tail(op, base, ty);
        let place = self.table_place(table);
        self.emit.u32(at, 8, place);
        self.emit.u32(at, 12, id);
        self.emit.i16(at, 16, slot);
        self.unreachable_from_here();
    }

    pub fn return_call_ref(&mut self, ty: u32) {
        let info = self.info;
        let ty = info.type_info(TypeIndex(ty)).func();
        let func = self.stack.pop();
        let slot = self.place_in_slot(&func);
        let base = self.arguments(ty);
        let at = self.tail(Op::ReturnCallRef, base, ty);
        self.emit.i16(at, 8, slot);
        self.unreachable_from_here();
    }
}
