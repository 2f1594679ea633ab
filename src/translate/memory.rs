//! Loads, stores, and the instructions that runtime functions carry out.

use wasmparser::MemArg;

use super::Translator;
use super::operand::{Operand, Place};
use super::resolve::{Imm, Src};
use super::value::Kind;
use crate::index::{MemoryIndex, TableIndex};
use crate::isa::runtime::{Runtime, wide};
use crate::isa::{self, Bounds, Class, Load, Op, Store};
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
        self.info.layout.memories + memory * 8
    }

    /// Context offset of a table's pointer.
    pub fn table_place(&self, table: u32) -> u32 {
        self.info.layout.tables + table * 8
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
        let addr = self.stack.pop();
        let Some(bounds) = self.bounds(memarg) else {
            self.load_general(op, memarg, kind, &addr);
            return;
        };
        let (src, offset) = match Self::folded(&addr, memarg.offset) {
            Some(offset) => (Src { class: Class::I, slot: 0, bits: 0 }, offset),
            None => {
                let exists = |c| isa::load(op, bounds, Class::A, c).is_some();
                (self.source(&addr, Imm::No, exists), memarg.offset as u32)
            }
        };
        self.clobber(kind.is_float());
        let at = self.emit.op(isa::load(op, bounds, Class::A, src.class).expect("a row"));
        self.put_slot(at, 2, src);
        self.emit.u32(at, 4, offset);
        self.push_temp(kind, at);
    }

    fn load_general(&mut self, op: Load, memarg: &MemArg, kind: Kind, addr: &Operand) {
        let slot = self.place_in_slot(addr);
        self.clobber(kind.is_float());
        let home = self.next_home();
        let wide = self.is_memory64(memory_of(memarg));
        let at = self.emit.op(isa::load_general(op, wide).expect("a row"));
        self.emit.i16(at, 0, home);
        self.emit.i16(at, 2, slot);
        let place = self.memory_place(memory_of(memarg));
        self.emit.u32(at, 4, place);
        self.emit.u64(at, 8, memarg.offset);
        self.push_stored(kind);
        *self.accs.bank(kind.is_float()) = super::resolve::Acc::Temp(self.stack.len() as u32 - 1);
    }

    pub fn store(&mut self, op: Store, memarg: &MemArg) {
        let value = self.stack.pop();
        let addr = self.stack.pop();
        let Some(bounds) = self.bounds(memarg) else {
            let (slot, value) = (self.place_in_slot(&addr), self.place_in_slot(&value));
            let wide = self.is_memory64(memory_of(memarg));
            let at = self.emit.op(isa::store_general(op, wide).expect("a row"));
            self.emit.i16(at, 0, slot);
            self.emit.i16(at, 2, value);
            let place = self.memory_place(memory_of(memarg));
            self.emit.u32(at, 4, place);
            self.emit.u64(at, 8, memarg.offset);
            return;
        };
        let exists = |x: Class, v: Class| isa::store(op, bounds, x, v).is_some();
        let (sx, sv, offset) = if let Some(offset) = Self::folded(&addr, memarg.offset) {
            let sv = self.source_half(&value, |v| exists(Class::I, v));
            (Src { class: Class::I, slot: 0, bits: 0 }, sv, offset)
        } else {
            let (sx, sv, _) = self.sources(&addr, &value, Imm::Half, false, exists);
            (sx, sv, memarg.offset as u32)
        };
        let at =
            self.emit.op(isa::store(op, bounds, sx.class, sv.class).expect("resolved to a row"));
        self.put_slot(at, 0, sx);
        self.put_half(at, 2, sv);
        self.emit.u32(at, 4, offset);
    }

    fn source_half(&mut self, o: &Operand, exists: impl Fn(Class) -> bool) -> Src {
        self.source(o, Imm::Half, exists)
    }

    pub fn memory_size(&mut self, memory: u32) {
        self.clobber(false);
        let home = self.next_home();
        let ty = &self.info.memories[memory as usize];
        let (shift, kind) = (ty.page_size_log2(), if ty.is_64() { Kind::I64 } else { Kind::I32 });
        let at = self.emit.op(Op::MemorySize);
        self.emit.i16(at, 0, home);
        self.emit.i16(at, 2, i16::from(shift));
        let place = self.memory_place(memory);
        self.emit.u32(at, 4, place);
        self.push_stored(kind);
    }

    pub fn table_size(&mut self, table: u32) {
        self.clobber(false);
        let home = self.next_home();
        let at = self.emit.op(Op::TableSize);
        self.emit.i16(at, 0, home);
        let place = self.table_place(table);
        self.emit.u32(at, 4, place);
        self.push_stored(if self.is_table64(table) { Kind::I64 } else { Kind::I32 });
    }

    pub fn table_get(&mut self, table: u32) {
        let index = self.stack.pop();
        let slot = self.place_in_slot(&index);
        self.clobber(false);
        let home = self.next_home();
        let at = self.emit.op(if self.is_table64(table) { Op::Table64Get } else { Op::TableGet });
        self.emit.i16(at, 0, home);
        self.emit.i16(at, 2, slot);
        let place = self.table_place(table);
        self.emit.u32(at, 4, place);
        self.push_stored(Kind::Ref);
    }

    pub fn table_set(&mut self, table: u32) {
        let value = self.stack.pop();
        let index = self.stack.pop();
        let (index, value) = (self.place_in_slot(&index), self.place_in_slot(&value));
        let at = self.emit.op(if self.is_table64(table) { Op::Table64Set } else { Op::TableSet });
        self.emit.i16(at, 0, index);
        self.emit.i16(at, 2, value);
        let place = self.table_place(table);
        self.emit.u32(at, 4, place);
    }

    pub fn memory_grow(&mut self, memory: u32) {
        let wide = self.is_memory64(memory);
        let call = RuntimeCall {
            function: if self.is_shared(memory) {
                Runtime::memory_grow_shared
            } else {
                Runtime::memory_grow
            },
            x: self.memory_place(memory),
            y: u32::from(wide),
            z: u32::from(self.info.memories[memory as usize].page_size_log2()),
        };
        let (op, kind) =
            if wide { (Op::MemoryGrowM64, Kind::I64) } else { (Op::MemoryGrowM32, Kind::I32) };
        self.runtime_by(op, 1, Some(kind), &call);
    }

    pub fn memory_fill(&mut self, memory: u32) {
        let y = if self.is_memory64(memory) { wide::FIRST | wide::LENGTH } else { 0 };
        let y = y | self.shared_flag(memory);
        let x = self.memory_place(memory);
        let op = if y == 0 { Op::MemoryFillM32 } else { Op::CallRuntime };
        self.runtime_by(op, 3, None, &RuntimeCall { function: Runtime::memory_fill, x, y, z: 0 });
    }

    pub fn memory_copy(&mut self, dst: u32, src: u32) {
        let (first, second) = (self.is_memory64(dst), self.is_memory64(src));
        let z = copy_widths(first, second) | self.shared_flag(dst) | self.shared_flag(src);
        let (x, y) = (self.memory_place(dst), self.memory_place(src));
        let op = if z == 0 { Op::MemoryCopyM32 } else { Op::CallRuntime };
        self.runtime_by(op, 3, None, &RuntimeCall { function: Runtime::memory_copy, x, y, z });
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
        let end = self.next_home();
        let mut home = end;
        for index in (first..self.stack.len()).rev() {
            let operand = self.stack.get(index);
            home = operand.home;
            self.place_in_home(&operand);
            self.stack.set_stored(index);
        }
        self.clobber_all();
        let list = self.live_refs();
        self.stack.truncate(first);
        // The frame lies behind the arguments, and results where there is room for them.
        let frame = i32::from(end).max(i32::from(home) + 2);
        if frame > MAX_SLOT {
            self.limit("operand stack too deep");
            return (0, 0, list);
        }
        (home, frame as i16, list)
    }

    /// Calls a runtime function with the top `args` operands; its result, if any, takes the place
    /// of the first.
    pub fn runtime(&mut self, args: usize, result: Option<Kind>, call: &RuntimeCall) {
        self.runtime_by(Op::CallRuntime, args, result, call);
    }

    /// [`Translator::runtime`] by an op that has the operands of `call_runtime`.
    fn runtime_by(&mut self, op: Op, args: usize, result: Option<Kind>, call: &RuntimeCall) {
        if self.options.interrupt && call.function.is_bulk() {
            // Between operations one after the other; long ones look themselves.
            self.emit.op(Op::CheckInterrupt);
        }
        let (home, frame, list) = self.runtime_arguments(args);
        let at = self.emit.op(op);
        self.emit.i16(at, 0, frame);
        self.emit.i16(at, 2, home);
        self.emit.u32(at, 4, call.x);
        self.emit.u32(at, 8, call.y);
        self.emit.u32(at, 12, call.z);
        self.emit.u64(at, 16, call.function as u64);
        self.safepoint(list);
        if let Some(kind) = result {
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
