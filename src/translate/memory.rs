//! Loads, stores, and the instructions that runtime functions carry out.

use wasmparser::MemArg;

use super::frame::near;
use super::operand::{Operand, Place};
use super::resolve::{Imm, Src};
use super::translator::Translator;
use super::value::Kind;
use crate::index::{MemoryIndex, TableIndex};
use crate::isa::runtime::{Runtime, wide};
use crate::isa::{self, Bounds, Class, Load, Op, Operands, Store, op};
use crate::vm::frame::MAX_SLOT;

/// Arguments of a runtime call.
pub struct RuntimeCall {
    pub function: Runtime,
    pub x: u32,
    pub y: u32,
    pub z: u32,
}

impl Translator<'_> {
    /// Context offset of a memory's pointer.
    pub fn memory_place(&self, memory: u32) -> u32 {
        self.layout.memories + memory * 8
    }

    /// Context offset of a table's pointer.
    pub fn table_place(&self, table: u32) -> u32 {
        self.layout.tables + table * 8
    }

    pub fn is_memory64(&self, memory: u32) -> bool {
        self.info.memories[MemoryIndex(memory).idx()].is_64()
    }

    /// Other threads may be at work on it.
    pub fn is_shared(&self, memory: u32) -> bool {
        self.info.memories[MemoryIndex(memory).idx()].is_shared()
    }

    fn shared_flag(&self, memory: u32) -> u32 {
        if self.is_shared(memory) { wide::SHARED } else { 0 }
    }

    fn is_table64(&self, table: u32) -> bool {
        self.info.tables[TableIndex(table).idx()].is_64()
    }

    /// How accesses at a place take the fast path: memory 0 and a 32-bit offset.
    pub fn bounds(&self, memarg: &MemArg) -> Option<Bounds> {
        if memory_of(memarg) != 0 || memarg.offset > u64::from(u32::MAX) {
            return None;
        }
        // Pages smaller than what the system can protect are compared with, too.
        let compared = self.options.checked_memory || self.info.memories[0].page_size_log2() < 16;
        Some(match (self.is_memory64(0), compared) {
            (true, _) => Bounds::Wide,
            (false, true) => Bounds::Checked,
            (false, false) => Bounds::Guarded,
        })
    }

    /// The offset of an access at a constant address, which is no operand then.
    pub fn folded(addr: &Operand, offset: u64) -> Option<u32> {
        let Place::Const(bits) = addr.place else { return None };
        let address = if addr.kind == Kind::I32 { u64::from(bits as u32) } else { bits };
        u32::try_from(address.checked_add(offset)?).ok()
    }

    pub fn load(&mut self, op: Load, memarg: &MemArg, kind: Kind) {
        let addr = self.pop();
        let Some(bounds) = self.bounds(memarg) else {
            self.load_general(op, memarg, kind, &addr);
            return;
        };
        let (src, offset) = match Self::folded(&addr, memarg.offset) {
            Some(offset) => (Src::Absent, offset),
            None => {
                let exists = |c| isa::load(op, bounds, Class::A, c).is_some();
                (self.source(&addr, Imm::No, exists), memarg.offset as u32)
            }
        };
        self.clobber(kind.is_float());
        let row = isa::load(op, bounds, Class::A, src.class()).expect("a row");
        let at = self.emit.op(row, op::Load { dst: self.next_home(), addr: src, offset });
        self.push_temp(kind, at);
    }

    fn load_general(&mut self, op: Load, memarg: &MemArg, kind: Kind, addr: &Operand) {
        let slot = self.place_in_slot(addr);
        self.clobber(kind.is_float());
        let wide = self.is_memory64(memory_of(memarg));
        let operands = op::LoadGeneral {
            dst: self.next_home(),
            addr: slot,
            memory: self.memory_place(memory_of(memarg)),
            offset: memarg.offset,
        };
        self.emit.op(isa::load_general(op, wide).expect("a row"), operands);
        self.push_made(kind);
        *self.accs.bank(kind.is_float()) = super::recent::Acc::Temp(self.stack.len() as u32 - 1);
    }

    pub fn store(&mut self, op: Store, memarg: &MemArg) {
        let value = self.pop();
        let addr = self.pop();
        let Some(bounds) = self.bounds(memarg) else {
            let (addr, value) = (self.place_in_slot(&addr), self.place_in_slot(&value));
            let wide = self.is_memory64(memory_of(memarg));
            let memory = self.memory_place(memory_of(memarg));
            let operands = op::StoreGeneral { addr, value, memory, offset: memarg.offset };
            self.emit.op(isa::store_general(op, wide).expect("a row"), operands);
            return;
        };
        let exists = |x: Class, v: Class| isa::store(op, bounds, x, v).is_some();
        let (sx, sv, offset) = if let Some(offset) = Self::folded(&addr, memarg.offset) {
            let sv = self.source(&value, Imm::Half, |v| exists(Class::I, v));
            (Src::Absent, sv, offset)
        } else {
            let (sx, sv, _) = self.sources(&addr, &value, Imm::Half, false, exists);
            (sx, sv, memarg.offset as u32)
        };
        let row = isa::store(op, bounds, sx.class(), sv.class()).expect("resolved to a row");
        self.emit.op(row, op::Store { addr: sx, value: sv, offset });
    }

    pub fn memory_size(&mut self, memory: u32) {
        self.clobber(false);
        let dst = self.next_home();
        let ty = &self.info.memories[memory as usize];
        let (shift, kind) = (ty.page_size_log2(), if ty.is_64() { Kind::I64 } else { Kind::I32 });
        let memory = self.memory_place(memory);
        self.emit.op(Op::MemorySize, op::MemorySize { dst, shift: u16::from(shift), memory });
        self.push_made(kind);
    }

    pub fn table_size(&mut self, table: u32) {
        self.clobber(false);
        let (dst, place) = (self.next_home(), self.table_place(table));
        self.emit.op(Op::TableSize, op::TableSize { dst, table: place });
        self.push_made(if self.is_table64(table) { Kind::I64 } else { Kind::I32 });
    }

    pub fn table_get(&mut self, table: u32) {
        let index = self.pop();
        let index = self.place_in_slot(&index);
        self.clobber(false);
        let row = if self.is_table64(table) { Op::Table64Get } else { Op::TableGet };
        let (dst, table) = (self.next_home(), self.table_place(table));
        self.emit.op(row, op::TableGet { dst, index, table });
        self.push_made(Kind::Ref);
    }

    pub fn table_set(&mut self, table: u32) {
        let value = self.pop();
        let index = self.pop();
        let (index, value) = (self.place_in_slot(&index), self.place_in_slot(&value));
        let row = if self.is_table64(table) { Op::Table64Set } else { Op::TableSet };
        let table = self.table_place(table);
        self.emit.op(row, op::TableSet { index, value, table });
    }

    pub fn memory_grow(&mut self, memory: u32) {
        let wide = self.is_memory64(memory);
        let shared = self.is_shared(memory);
        let function = if shared { Runtime::memory_grow_shared } else { Runtime::memory_grow };
        let shift = u32::from(self.info.memories[memory as usize].page_size_log2());
        let memory = self.memory_place(memory);
        let (row, kind) =
            if wide { (Op::MemoryGrowM64, Kind::I64) } else { (Op::MemoryGrowM32, Kind::I32) };
        self.runtime_by(row, function, 1, Some(kind), |frame, args| op::MemoryGrow {
            frame,
            args,
            memory,
            wide: u32::from(wide),
            shift,
            func: function as u64,
        });
    }

    pub fn memory_fill(&mut self, memory: u32) {
        let y = if self.is_memory64(memory) { wide::FIRST | wide::LENGTH } else { 0 };
        let y = y | self.shared_flag(memory);
        let x = self.memory_place(memory);
        let function = Runtime::memory_fill;
        if y != 0 {
            self.runtime(3, None, &RuntimeCall { function, x, y, z: 0 });
            return;
        }
        self.runtime_by(Op::MemoryFillM32, function, 3, None, |frame, args| op::MemoryFill {
            frame,
            args,
            memory: x,
            y,
            z: 0,
            func: function as u64,
        });
    }

    pub fn memory_copy(&mut self, dst: u32, src: u32) {
        let (first, second) = (self.is_memory64(dst), self.is_memory64(src));
        let z = copy_widths(first, second) | self.shared_flag(dst) | self.shared_flag(src);
        let (x, y) = (self.memory_place(dst), self.memory_place(src));
        let function = Runtime::memory_copy;
        if z != 0 {
            self.runtime(3, None, &RuntimeCall { function, x, y, z });
            return;
        }
        self.runtime_by(Op::MemoryCopyM32, function, 3, None, |frame, args| op::MemoryCopy {
            frame,
            args,
            to: x,
            from: y,
            z,
            func: function as u64,
        });
    }

    pub fn memory_init(&mut self, segment: u32, memory: u32) {
        let z = if self.is_memory64(memory) { wide::FIRST } else { 0 };
        let z = z | self.shared_flag(memory);
        let x = self.memory_place(memory);
        self.runtime(3, None, &RuntimeCall { function: Runtime::memory_init, x, y: segment, z });
    }

    pub fn data_drop(&mut self, segment: u32) {
        self.runtime(
            0,
            None,
            &RuntimeCall { function: Runtime::data_drop, x: 0, y: segment, z: 0 },
        );
    }

    pub fn table_grow(&mut self, table: u32) {
        let wide = self.is_table64(table);
        let call = RuntimeCall {
            function: Runtime::table_grow,
            x: self.table_place(table),
            y: u32::from(wide),
            z: 0,
        };
        self.runtime(2, Some(if wide { Kind::I64 } else { Kind::I32 }), &call);
    }

    pub fn table_fill(&mut self, table: u32) {
        let y = if self.is_table64(table) { wide::FIRST | wide::LENGTH } else { 0 };
        let x = self.table_place(table);
        self.runtime(3, None, &RuntimeCall { function: Runtime::table_fill, x, y, z: 0 });
    }

    pub fn table_copy(&mut self, dst: u32, src: u32) {
        let z = copy_widths(self.is_table64(dst), self.is_table64(src));
        let (x, y) = (self.table_place(dst), self.table_place(src));
        self.runtime(3, None, &RuntimeCall { function: Runtime::table_copy, x, y, z });
    }

    pub fn table_init(&mut self, segment: u32, table: u32) {
        let z = if self.is_table64(table) { wide::FIRST } else { 0 };
        let x = self.table_place(table);
        self.runtime(3, None, &RuntimeCall { function: Runtime::table_init, x, y: segment, z });
    }

    pub fn elem_drop(&mut self, segment: u32) {
        self.runtime(
            0,
            None,
            &RuntimeCall { function: Runtime::elem_drop, x: 0, y: segment, z: 0 },
        );
    }

    /// Puts the top `args` operands, the arguments of a runtime function, into their homes and pops
    /// them. Returns the first one's slot, the frame of the call, and the references that are live
    /// during it, those among the arguments included.
    pub fn runtime_arguments(&mut self, args: usize) -> (i16, i16, u32) {
        let first = self.stack.len() - args;
        let end = self.next_slot();
        let mut home = end;
        for index in (first..self.stack.len()).rev() {
            let operand = self.stack.get(index);
            home = operand.home;
            self.place_in_home(&operand);
            self.stack.set_stored(index);
        }
        self.clobber_all();
        let list = self.live_refs();
        let args = self.call_area(home, end - home);
        self.stack.truncate(first);
        // The frame lies behind the arguments, and results where there is room for them.
        let frame = i32::from(args) + (end - home).max(2);
        if frame > MAX_SLOT {
            self.too_deep();
            return (0, 0, list);
        }
        (args, frame as i16, list)
    }

    /// Calls a runtime function with the top `args` operands; its result, if any, takes the place
    /// of the first.
    pub fn runtime(&mut self, args: usize, result: Option<Kind>, call: &RuntimeCall) {
        let RuntimeCall { function, x, y, z } = *call;
        let func = function as u64;
        self.runtime_by(Op::CallRuntime, function, args, result, |frame, args| op::CallRuntime {
            frame,
            args,
            x,
            y,
            z,
            func,
        });
    }

    /// [`Translator::runtime`] by an op that may go on as `call_runtime`: `operands` are given the call's frame
    /// and the slot of its arguments.
    fn runtime_by<O: Operands>(
        &mut self,
        op: Op,
        function: Runtime,
        args: usize,
        result: Option<Kind>,
        operands: impl FnOnce(i16, i16) -> O,
    ) {
        if function.is_bulk() {
            // Between operations one after the other; long ones look themselves.
            self.checkpoint();
        }
        let last = (args > 0).then(|| (self.next_slot(), self.stack.peek().kind));
        let (home, frame, list) = self.runtime_arguments(args);
        if let Some((end, kind)) = last {
            let slot = i32::from(home) + (end - self.next_slot()) - 1;
            self.charge_length(near(slot), kind, frame, list);
        }
        self.emit.op(op, operands(frame, home));
        self.safepoint(list);
        if let Some(kind) = result {
            self.results_from_area(kind.slots());
            self.push_stored(kind);
        }
    }
}

/// Which operands of a copy are wide: each index as its object's, the length as the narrower.
fn copy_widths(first: bool, second: bool) -> u32 {
    let mut z = 0;
    if first {
        z |= wide::FIRST;
    }
    if second {
        z |= wide::SECOND;
    }
    if first && second {
        z |= wide::LENGTH;
    }
    z
}

/// The memory that an access names.
pub fn memory_of(memarg: &MemArg) -> u32 {
    match memarg.target {
        wasmparser::MemArgTarget::Memory(memory) => memory,
        wasmparser::MemArgTarget::Array(_) => {
            unreachable!("an array is not accessed through memory instructions")
        }
    }
}
