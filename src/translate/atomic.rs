//! Atomic accesses, waiting and notifying.

use wasmparser::{MemArg, Operator};

use super::memory::{RuntimeCall, memory_of};
use super::recent::Acc;
use super::translator::Translator;
use super::value::Kind;
use crate::isa::runtime::{Runtime, wide};
use crate::isa::{self, Atomic, Op, op};

impl Translator<'_> {
    /// Translates an operator of the threads proposal; `false` if it is none.
    pub fn atomic(&mut self, operator: &Operator<'_>) -> bool {
        use Kind::{I32, I64};
        macro_rules! dispatch {
            ($($kind:ident $op:ident: $($name:ident $bits:literal)*;)*) => {
                match operator {
                    $($(Operator::$name { memarg } => {
                        self.atomic_access(Atomic::$op, $bits, memarg, $kind);
                    })*)*
                    Operator::AtomicFence { .. } => {
                        self.emit.op(Op::AtomicFence, op::Empty {});
                    }
                    Operator::MemoryAtomicNotify { memarg } => {
                        self.atomic_runtime(Runtime::memory_notify, 2, memarg);
                    }
                    Operator::MemoryAtomicWait32 { memarg } => {
                        self.atomic_runtime(Runtime::memory_wait32, 3, memarg);
                    }
                    Operator::MemoryAtomicWait64 { memarg } => {
                        self.atomic_runtime(Runtime::memory_wait64, 3, memarg);
                    }
                    _ => return false,
                }
            };
        }
        dispatch! {
            I32 Load: I32AtomicLoad8U 8 I32AtomicLoad16U 16 I32AtomicLoad 32;
            I64 Load: I64AtomicLoad8U 8 I64AtomicLoad16U 16 I64AtomicLoad32U 32 I64AtomicLoad 64;
            I32 Store: I32AtomicStore8 8 I32AtomicStore16 16 I32AtomicStore 32;
            I64 Store: I64AtomicStore8 8 I64AtomicStore16 16 I64AtomicStore32 32 I64AtomicStore 64;
            I32 Add: I32AtomicRmw8AddU 8 I32AtomicRmw16AddU 16 I32AtomicRmwAdd 32;
            I64 Add: I64AtomicRmw8AddU 8 I64AtomicRmw16AddU 16 I64AtomicRmw32AddU 32 I64AtomicRmwAdd 64;
            I32 Sub: I32AtomicRmw8SubU 8 I32AtomicRmw16SubU 16 I32AtomicRmwSub 32;
            I64 Sub: I64AtomicRmw8SubU 8 I64AtomicRmw16SubU 16 I64AtomicRmw32SubU 32 I64AtomicRmwSub 64;
            I32 And: I32AtomicRmw8AndU 8 I32AtomicRmw16AndU 16 I32AtomicRmwAnd 32;
            I64 And: I64AtomicRmw8AndU 8 I64AtomicRmw16AndU 16 I64AtomicRmw32AndU 32 I64AtomicRmwAnd 64;
            I32 Or: I32AtomicRmw8OrU 8 I32AtomicRmw16OrU 16 I32AtomicRmwOr 32;
            I64 Or: I64AtomicRmw8OrU 8 I64AtomicRmw16OrU 16 I64AtomicRmw32OrU 32 I64AtomicRmwOr 64;
            I32 Xor: I32AtomicRmw8XorU 8 I32AtomicRmw16XorU 16 I32AtomicRmwXor 32;
            I64 Xor: I64AtomicRmw8XorU 8 I64AtomicRmw16XorU 16 I64AtomicRmw32XorU 32 I64AtomicRmwXor 64;
            I32 Xchg: I32AtomicRmw8XchgU 8 I32AtomicRmw16XchgU 16 I32AtomicRmwXchg 32;
            I64 Xchg: I64AtomicRmw8XchgU 8 I64AtomicRmw16XchgU 16 I64AtomicRmw32XchgU 32 I64AtomicRmwXchg 64;
            I32 Cmpxchg: I32AtomicRmw8CmpxchgU 8 I32AtomicRmw16CmpxchgU 16 I32AtomicRmwCmpxchg 32;
            I64 Cmpxchg: I64AtomicRmw8CmpxchgU 8 I64AtomicRmw16CmpxchgU 16 I64AtomicRmw32CmpxchgU 32
                I64AtomicRmwCmpxchg 64;
        }
        true
    }

    fn atomic_access(&mut self, op: Atomic, bits: u32, memarg: &MemArg, kind: Kind) {
        let memory = memory_of(memarg);
        let width = (bits / 8).trailing_zeros() as usize;
        let row = isa::atomic(op, width, self.is_memory64(memory)).expect("a row");
        let (memory, offset) = (self.memory_place(memory), memarg.offset);
        let operands = match op {
            Atomic::Load => 0,
            Atomic::Cmpxchg => 2,
            _ => 1,
        };
        let mut values = [0; 2];
        for value in values[..operands].iter_mut().rev() {
            let operand = self.pop();
            *value = self.place_in_slot(&operand);
        }
        let addr = self.pop();
        let addr = self.place_in_slot(&addr);
        let [value, new] = values;
        if op == Atomic::Store {
            self.emit.op(row, op::StoreGeneral { addr, value, memory, offset });
            return;
        }
        self.clobber(false);
        let dst = self.next_home();
        match op {
            Atomic::Load => self.emit.op(row, op::LoadGeneral { dst, addr, memory, offset }),
            Atomic::Cmpxchg => {
                self.emit.op(row, op::Cmpxchg { dst, addr, memory, offset, expected: value, new })
            }
            _ => self.emit.op(row, op::Rmw { dst, addr, memory, offset, value }),
        };
        self.push_made(kind);
        *self.accs.bank(false) = Acc::Temp(self.stack.len() as u32 - 1);
    }

    fn atomic_runtime(&mut self, function: Runtime, args: usize, memarg: &MemArg) {
        let memory = memory_of(memarg);
        // Places are multiples of 8, which leaves room for flags.
        let mut x = self.memory_place(memory);
        if self.is_memory64(memory) {
            x |= wide::FIRST;
        }
        if self.is_shared(memory) {
            x |= wide::PLACE_SHARED;
        }
        let (y, z) = (memarg.offset as u32, (memarg.offset >> 32) as u32);
        self.runtime(args, Some(Kind::I32), &RuntimeCall { function, x, y, z });
    }
}
