//! Fuel and interrupts: where code is metered.
//!
//! Instructions are charged in segments, each at its beginning and once. A segment begins where a
//! function, a loop or an arm begins, and behind a block that something branches to the end of; it goes
//! on behind what is nested in it. Where that is depends on the WebAssembly code alone.

use wasmparser::Operator;

use super::block::Segment;
use super::translator::Translator;
use super::value::Kind;
use crate::isa::runtime::{Runtime, wide};
use crate::isa::{Op, op};
use crate::vm::frame::MAX_SLOT;

impl Translator<'_> {
    /// The checks of a function's entry, or of a loop's head.
    pub fn checkpoint(&mut self) {
        if self.options.interrupt {
            self.metered(Op::CheckInterrupt, Runtime::interrupted);
        }
    }

    /// Charges the segment.
    pub fn charge_fuel(&mut self, cost: u32) {
        if cost == 0 || self.options.fuel.is_none() {
            return;
        }
        let at = match self.segment {
            Segment::At(at) => at,
            Segment::Pending => {
                let at = self.metered(Op::ConsumeFuel, Runtime::out_of_fuel);
                self.segment = Segment::At(at);
                at
            }
        };
        // A function has less than 2^23 bytes, and an instruction costs less than 2^8.
        self.emit.add_u32(at, op::CallRuntime::X.byte(), cost);
    }

    /// Charges an operator that is about to be translated.
    pub fn charge_operator(&mut self, operator: &Operator<'_>) {
        if let Some(costs) = &self.options.fuel {
            let cost = costs.cost(operator);
            self.per_unit = costs.variable.per_unit(operator);
            self.charge_fuel(cost.into());
        }
    }

    /// Charges for the last of the operands of a runtime function, which are in their homes: it is at
    /// `slot`. `frame` and `list` are those of the function's call.
    pub fn charge_length(&mut self, slot: i16, kind: Kind, frame: i16, list: u32) {
        let each = core::mem::take(&mut self.per_unit);
        if each == 0 {
            return;
        }
        let operands = op::CallRuntime {
            frame,
            args: slot,
            x: each.into(),
            y: if kind == Kind::I64 { wide::LENGTH } else { 0 },
            z: 1,
            func: Runtime::out_of_fuel as u64,
        };
        self.emit.op(Op::ConsumeFuelBy, operands);
        self.safepoint(list);
        self.emit.set_barrier();
    }

    /// Emits an instruction at which the activation may be suspended. Everything is in its home.
    fn metered(&mut self, op: Op, function: Runtime) -> u32 {
        self.clobber_all();
        self.last = None;
        let frame = self.next_frame();
        if i32::from(frame) > MAX_SLOT {
            self.too_deep();
        }
        let list = self.live_refs();
        let func = function as u64;
        let operands = op::CallRuntime { frame, args: frame, x: 0, y: 0, z: 0, func };
        let at = self.emit.op(op, operands);
        self.safepoint(list);
        self.emit.set_barrier();
        at
    }
}
