//! Fuel and interrupts: where code is metered.
//!
//! Instructions are charged in segments, each at its beginning and once. A segment begins where a
//! function, a loop or an arm begins, and behind a block that something branches to the end of; it goes
//! on behind what is nested in it. Where that is depends on the WebAssembly code alone.
//!
//! `consume_fuel` takes the fuel, and branches if there is too little. Where it leads stands behind the
//! function's code: a call of the runtime, which pays, traps or suspends the activation; then what the
//! accumulators held is loaded again, as much fuel as the segment costs is given back, and `consume_fuel` takes it.

use wasmparser::Operator;

use super::block::{Refuel, Segment};
use super::emit::Label;
use super::frame::reach;
use super::operand::{Operand, Place};
use super::recent::Acc;
use super::resolve::NO_HOME;
use super::translator::Translator;
use super::value::Kind;
use crate::isa::runtime::{Runtime, wide};
use crate::isa::{self, Class, Op, Src, op};
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
                let at = self.consume_fuel();
                self.segment = Segment::At(at);
                at
            }
        };
        // A function has less than 2^23 bytes, and an instruction costs less than 2^8.
        self.emit.add_u32(at, op::Fuel::X.byte(), cost);
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

    /// Emits the instruction that takes a segment's fuel, so far none.
    fn consume_fuel(&mut self) -> u32 {
        self.last = None;
        let frame = self.frame_of_checkpoint();
        let list = self.live_refs();
        let kept = [self.keep(false), self.keep(true)];
        let at = self.emit.op(Op::ConsumeFuel, op::Fuel { x: 0, to: 0 });
        self.emit.set_barrier();
        self.refuels.push(Refuel { at, source: self.emit.source_offset(), frame, list, kept });
        at
    }

    /// Where the value of an accumulator is besides. If that is nowhere, or out of reach, the accumulator holds
    /// nothing then, and the value is in its home.
    fn keep(&mut self, float: bool) -> Option<Src> {
        let besides = |kind: Kind, slot: i32| match kind {
            Kind::V128 => None,
            _ => reach(slot).map(Src::Slot),
        };
        let src = match self.accs.holds(float) {
            Acc::None => None,
            Acc::Local(local) => match (self.pins.register(local), self.frame.local(local)) {
                (Some(pin), _) => Some(Src::Pin(pin as u8)),
                (None, at) => besides(at.kind, at.slot),
            },
            Acc::Temp(index) => match self.stack.get_mut(index as usize) {
                Some(Operand { place: Place::Temp { stored: true, .. }, kind, home, .. }) => {
                    besides(*kind, *home)
                }
                _ => None,
            },
        };
        if src.is_none() {
            self.clobber(float);
        }
        src
    }

    /// At the function's end: what is done where fuel is missing.
    pub fn refuel(&mut self) {
        for Refuel { at, source, frame, list, kept } in core::mem::take(&mut self.refuels) {
            let x = self.emit.u32_at(at, op::Fuel::X.byte());
            self.emit.branch(at, &mut Label::at(self.emit.here()));
            self.emit.source(source as usize);
            let func = Runtime::out_of_fuel as u64;
            self.emit
                .op(Op::CallRuntime, op::CallRuntime { frame, args: frame, x, y: 0, z: 0, func });
            self.safepoint(list);
            for (float, src) in [false, true].into_iter().zip(kept) {
                if let Some(src) = src {
                    let row = isa::any_mov(float, Class::A, src.class()).expect("a row");
                    self.emit.op(row, op::Mov { dst: NO_HOME, src });
                }
            }
            // Whoever reads operands sees each instruction once.
            let (back, to) = if self.options.readable {
                (self.emit.op(Op::Br, op::Br { to: 0 }), at + Op::ConsumeFuel.size() as u32)
            } else {
                (self.emit.op(Op::ReturnFuel, op::Fuel { x, to: 0 }), at)
            };
            self.emit.branch(back, &mut Label::at(to));
        }
    }

    /// Where the frame of a call is at which the activation may be suspended.
    fn frame_of_checkpoint(&mut self) -> i16 {
        let frame = self.next_frame();
        if i32::from(frame) > MAX_SLOT {
            self.too_deep();
        }
        frame
    }

    /// Emits an instruction at which the activation may be suspended. Everything is in its home.
    fn metered(&mut self, op: Op, function: Runtime) -> u32 {
        self.clobber_all();
        self.last = None;
        let frame = self.frame_of_checkpoint();
        let list = self.live_refs();
        let func = function as u64;
        let operands = op::CallRuntime { frame, args: frame, x: 0, y: 0, z: 0, func };
        let at = self.emit.op(op, operands);
        self.safepoint(list);
        self.emit.set_barrier();
        at
    }
}
