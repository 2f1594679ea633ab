//! Code that comes from outside: what it may do is checked before it runs, so that whatever it is it can trap
//! but not reach what is not its own.
//!
//! Handlers trust their instructions ([`crate::exec::abi`]): that branches lead to instructions, that slots are
//! the frame's, that offsets into the context lead to what the op works on. For code of the translator these hold
//! by construction; here each of them is looked at, in one pass over the instructions and one over the branches,
//! in time linear in their number.
//!
//! What a slot holds is not tracked. So code is refused that takes a slot's contents for a reference, and that
//! calls functions which do: references in slots are the translator's word. What is left are numbers, and any
//! number is as good as another: bounds of memories and tables are checked when the code runs. (Slots may have
//! been left by other calls: code can see such contents as numbers.)
//!
//! Nor is it checked that code computes what the function it stands for does.

mod frame;
mod instruction;
mod metering;
mod module;
mod subject;
mod walk;

use crate::index::DefinedFuncIndex;
use crate::isa::{HEAD, Instruction, Op};
use crate::translate::Code;

use frame::Frame;
use instruction::Places;
pub use instruction::type_places;
use metering::Metering;
pub use module::Facts;
pub use subject::{Refusal, Unverified, Verifier};
use walk::{Starts, Walk, leaves};

impl Verifier<'_> {
    /// The code of a function, ready to be loaded.
    ///
    /// # Errors
    ///
    /// When it is not certain that it cannot do harm.
    pub fn verify(&self, func: DefinedFuncIndex, code: &Unverified<'_>) -> Result<Code, Refusal> {
        let places = self.look(func, code)?;
        let words = code.bytes.chunks_exact(8);
        let words = words.map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
        let mut code = Code::of_numbers(words.collect(), code.entry, code.pins);
        for (place, id) in places.types {
            code.replace_type(place, id);
        }
        Ok(code)
    }

    /// Whether [`Verifier::verify`] accepts the code of a function.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn check(&self, func: DefinedFuncIndex, code: &Unverified<'_>) -> Result<(), Refusal> {
        self.look(func, code).map(drop)
    }

    fn look(&self, func: DefinedFuncIndex, code: &Unverified<'_>) -> Result<Places, Refusal> {
        let at_start = |what| Refusal { offset: 0, what };
        let ty = self.info.funcs[self.info.func_index(func).idx()];
        let ty = self.facts.function(ty).ok_or(at_start("references in the function's type"))?;
        let mut places = Places::default();
        let walk = Walk { verifier: self, frame: Frame::new(ty.below), bytes: code.bytes };
        let mut metering = Metering::default();
        let starts = walk.instructions(&mut places, &mut metering)?;
        if !starts.is_start(code.entry as usize) {
            return Err(at_start("an entry that is no instruction"));
        }
        if self.options.fuel.is_some() || self.options.interrupt {
            metering.entry(&walk, code.entry as usize)?;
        }
        walk.branches(&starts, &metering)?;
        Ok(places)
    }
}

impl Walk<'_> {
    /// Looks at all instructions, one after the other.
    fn instructions(
        &self,
        places: &mut Places,
        metering: &mut Metering,
    ) -> Result<Starts, Refusal> {
        let len = self.bytes.len();
        if !len.is_multiple_of(8) || u32::try_from(len).is_err() {
            return Err(Refusal { offset: 0, what: "a length that no code has" });
        }
        let mut starts = Starts::new(len);
        // The last part of the instruction before.
        let mut last = None;
        let mut at = 0;
        while at < len {
            let refusal = |what| Refusal { offset: at, what };
            let instruction = Instruction::read(self.bytes, at).ok_or(refusal("no instruction"))?;
            if instruction.op == Op::Exit {
                self.padding(at)?;
                break;
            }
            if instruction.size > len - at {
                return Err(refusal("an instruction that is longer than the code"));
            }
            starts.add(at);
            last = Some(self.parts(&instruction, places).map_err(refusal)?);
            metering.read(self, &instruction, &mut starts).map_err(refusal)?;
            at += instruction.size;
        }
        starts.end = at;
        match last {
            Some(op) if leaves(op) => Ok(starts),
            _ => Err(Refusal { offset: at, what: "an end that execution would run over" }),
        }
    }

    /// Behind the instructions, what fills the last word.
    fn padding(&self, at: usize) -> Result<(), Refusal> {
        let rest = &self.bytes[at..];
        let is_exit = |head: &[u8]| head == (Op::Exit as u16).to_le_bytes();
        if HEAD == 2 && rest.len() < 8 && rest.chunks(HEAD).all(is_exit) {
            return Ok(());
        }
        Err(Refusal { offset: at, what: "an exit" })
    }

    /// Looks at an instruction, part by part, and returns the last.
    fn parts(&self, instruction: &Instruction, places: &mut Places) -> Result<Op, &'static str> {
        let mut at = instruction.at + HEAD;
        let mut last = instruction.op;
        for op in instruction.op.plain() {
            let part = self.part(op, at).ok_or("no operands")?;
            self.verifier.part(self.frame, &part, places)?;
            if op == Op::ConsumeFuel && at != instruction.at + HEAD {
                return Err("fuel that is not taken first");
            }
            at += op.body();
            last = op;
        }
        Ok(last)
    }

    /// Looks where all branches lead.
    fn branches(&self, starts: &Starts, metering: &Metering) -> Result<(), Refusal> {
        let options = self.verifier.options;
        let is_metered = options.fuel.is_some() || options.interrupt;
        let mut at = 0;
        while at < starts.end {
            let refusal = Refusal { offset: at, what: "a branch to no instruction" };
            let instruction = Instruction::read(self.bytes, at).ok_or(refusal)?;
            let mut last = None;
            for (nth, place) in instruction.branches(self.bytes).enumerate() {
                let target = instruction.target(self.bytes, place);
                let target = target.filter(|target| starts.is_start(*target)).ok_or(refusal)?;
                if is_metered {
                    metering.branch(self, &instruction, nth, target)?;
                }
                last = Some(target);
            }
            // Its handler repeats itself, whatever the distance.
            if instruction.op.is_again() && last != Some(at) {
                return Err(Refusal {
                    offset: at,
                    what: "a loop of one instruction that leads elsewhere",
                });
            }
            at += instruction.size;
        }
        Ok(())
    }
}
