//! Code that is metered: whatever it is, it takes fuel and looks at the epoch often enough to end.
//!
//! - Where a function begins, and where a branch leads back, code looks at the epoch if it is to, then takes fuel,
//!   at least one unit. So no loop and no recursion is free. (How much more the operators of the function would
//!   cost is not known here.)
//! - What is done where fuel is missing gives it back when it has been paid: only the instruction that took it
//!   leads there, and nothing else is done there.
//! - An operation that takes as long as an operand says is paid for by that operand, as the configuration says.

use super::instruction::Part;
use super::subject::Refusal;
use super::walk::{Starts, Walk, leaves};
use crate::isa::operand::Plain;
use crate::isa::runtime::{Runtime, wide};
use crate::isa::{HEAD, Instruction, Op, Operands, op};
use crate::prelude::*;

/// The code that deals with missing fuel.
#[derive(Clone, Copy)]
struct Refuel {
    /// Its first instruction.
    start: usize,
    /// The fuel, which it gives back.
    fuel: u32,
    /// The instruction that takes the fuel, where it leads back to.
    taker: usize,
}

/// What an operation costs that takes as long as an operand says.
#[derive(PartialEq, Eq)]
struct Price {
    /// The operand's slot.
    length: i32,
    /// Whether all of the slot counts, or its low half.
    is_wide: bool,
    /// What each unit costs.
    each: u32,
}

/// What is known of metering on the way through a function.
#[derive(Default)]
pub(super) struct Metering {
    /// In order.
    refuels: Vec<Refuel>,
    /// Start and fuel of the one that is being read.
    open: Option<(usize, u32)>,
    /// The instruction before.
    before: Option<Instruction>,
}

const AMONG: &str = "a way to pay that code may not have";
const UNMETERED: &str = "a loop or a function that is not metered";

impl Metering {
    /// Looks at the next instruction. What lies inside of what belongs together is no start.
    pub(super) fn read(
        &mut self,
        walk: &Walk<'_>,
        instruction: &Instruction,
        starts: &mut Starts,
    ) -> Result<(), &'static str> {
        if walk.verifier.options.fuel.is_none() {
            return Ok(());
        }
        let before = self.before.replace(*instruction);
        let at = instruction.at;
        if let Some((start, fuel)) = self.open {
            starts.remove(at);
            if instruction.op == Op::ReturnFuel {
                let back = instruction.branches(walk.bytes).next();
                let taker = back.and_then(|place| instruction.target(walk.bytes, place));
                let taker = taker.filter(|taker| walk.takes(*taker) == Some((fuel, start)));
                let taker = taker.filter(|_| walk.fuel(instruction) == Some(fuel));
                self.refuels.push(Refuel { start, fuel, taker: taker.ok_or(AMONG)? });
                self.open = None;
            } else if !walk.moves(instruction) {
                return Err(AMONG);
            }
            return Ok(());
        }
        if instruction.op == Op::ReturnFuel {
            return Err(AMONG);
        }
        let Some(part) = walk.only_part(instruction) else { return Ok(()) };
        let Some(function) = part.function() else { return Ok(()) };
        if part.op == Op::CallRuntime && function == Runtime::out_of_fuel {
            let flags = [part.get(op::CallRuntime::Y)?, part.get(op::CallRuntime::Z)?];
            // Execution does not come here from what is before.
            let is_apart = before.and_then(|it| it.op.plain().next_back()).is_some_and(leaves);
            if flags != [0, 0] || !is_apart {
                return Err(AMONG);
            }
            self.open = Some((at, part.get(op::CallRuntime::X)?));
        } else if let Some(price) = walk.price(&part, function)?.filter(|price| price.each != 0) {
            starts.remove(at);
            let payment = before.and_then(|it| walk.only_part(&it));
            let payment = payment.filter(|it| it.op == Op::ConsumeFuelBy).ok_or(UNMETERED)?;
            let paid = Price {
                length: payment.slot(op::CallRuntime::ARGS)?.into(),
                is_wide: payment.get(op::CallRuntime::Y)? != 0,
                each: payment.get(op::CallRuntime::X)?,
            };
            if paid != price || payment.get(op::CallRuntime::Z)? != 1 {
                return Err(UNMETERED);
            }
        }
        Ok(())
    }

    /// At the end of the function: where it begins.
    pub(super) fn entry(&self, walk: &Walk<'_>, mut entry: usize) -> Result<(), Refusal> {
        if self.open.is_some() {
            return Err(Refusal { offset: entry, what: AMONG });
        }
        // Zeroing comes first.
        while let Some(it) = Instruction::read(walk.bytes, entry)
            && it.op == Op::ZeroLocals
        {
            entry += it.size;
        }
        walk.gate(entry)
    }

    /// Looks at a branch: the `nth` of an instruction.
    pub(super) fn branch(
        &self,
        walk: &Walk<'_>,
        from: &Instruction,
        nth: usize,
        target: usize,
    ) -> Result<(), Refusal> {
        let refusal = Refusal { offset: from.at, what: AMONG };
        if walk.verifier.options.fuel.is_some() {
            let found = self.refuels.binary_search_by_key(&target, |refuel| refuel.start);
            let leads = found.ok().map(|found| self.refuels[found]);
            let takes = (nth == 0).then(|| walk.taken(from)).flatten();
            if takes != leads.map(|refuel| refuel.fuel)
                || leads.is_some_and(|refuel| refuel.taker != from.at)
            {
                return Err(refusal);
            }
        }
        let is_back = target <= from.at && from.op != Op::ReturnFuel;
        if is_back { walk.gate(target) } else { Ok(()) }
    }
}

impl Walk<'_> {
    /// Whether code that begins at a place is metered from there on.
    fn gate(&self, mut at: usize) -> Result<(), Refusal> {
        let refusal = Refusal { offset: at, what: UNMETERED };
        let options = self.verifier.options;
        if options.interrupt {
            let first = Instruction::read(self.bytes, at).ok_or(refusal)?;
            if first.op != Op::CheckInterrupt {
                return Err(refusal);
            }
            at += first.size;
        }
        let takes = || self.taken(&Instruction::read(self.bytes, at)?);
        if options.fuel.is_some() && takes().is_none_or(|fuel| fuel == 0) {
            return Err(refusal);
        }
        Ok(())
    }

    /// The fuel that an instruction takes before all else.
    fn taken(&self, instruction: &Instruction) -> Option<u32> {
        let first = instruction.op.plain().next()?;
        (first == Op::ConsumeFuel).then(|| self.fuel(instruction)).flatten()
    }

    /// The fuel that the first part of an instruction names.
    fn fuel(&self, instruction: &Instruction) -> Option<u32> {
        u32::decode(instruction.at + HEAD + op::Fuel::X.byte(), self.bytes)
    }

    /// The fuel that the instruction at a place takes, and where it leads without.
    fn takes(&self, at: usize) -> Option<(u32, usize)> {
        let instruction = Instruction::read(self.bytes, at)?;
        let fuel = self.taken(&instruction)?;
        let place = instruction.branches(self.bytes).next()?;
        Some((fuel, instruction.target(self.bytes, place)?))
    }

    /// Whether an instruction does nothing but move values.
    fn moves(&self, instruction: &Instruction) -> bool {
        instruction.op.plain().all(|op| op.format() == op::Mov::FORMAT)
    }

    /// An instruction that is not fused.
    fn only_part(&self, instruction: &Instruction) -> Option<Part<'_>> {
        instruction.op.slots()?;
        self.part(instruction.op, instruction.at + HEAD)
    }

    /// What a call of a runtime function costs besides, if it takes as long as an operand says.
    fn price(&self, part: &Part<'_>, function: Runtime) -> Result<Option<Price>, &'static str> {
        use Runtime as R;
        let Some(costs) = &self.verifier.options.fuel else { return Ok(None) };
        let costs = &costs.variable;
        let (y, z) = (part.get(op::CallRuntime::Y)?, part.get(op::CallRuntime::Z)?);
        // Which argument it is, the flags that say how wide it is, and what each unit of it costs.
        let (argument, is_wide, each) = match function {
            R::memory_copy => (2, z & wide::LENGTH != 0, costs.memory_copy_per_byte),
            R::memory_fill => (2, y & wide::LENGTH != 0, costs.memory_fill_per_byte),
            R::memory_init => (2, false, costs.memory_init_per_byte),
            R::memory_grow | R::memory_grow_shared => {
                (0, y & wide::FIRST != 0, costs.memory_grow_per_page)
            }
            R::table_copy => (2, z & wide::LENGTH != 0, costs.table_copy_per_element),
            R::table_init => (2, false, costs.table_init_per_element),
            _ => return Ok(None),
        };
        let length = i32::from(part.slot(op::CallRuntime::ARGS)?) + argument;
        Ok(Some(Price { length, is_wide, each: each.into() }))
    }
}
