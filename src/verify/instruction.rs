//! What each instruction must keep to.

use super::frame::Frame;
use super::module::{Signature, global_at, import_at, memory_at, table_at};
use super::subject::{Unverified, Verifier};
use super::walk::Walk;
use crate::index::{FuncIndex, TypeIndex};
use crate::isa::operand::{Field, Place, Plain, Stream};
use crate::isa::runtime::{Runtime, wide};
use crate::isa::{HEAD, Instruction, Op, Operands, Slots, op};
use crate::prelude::*;
use crate::trap::Trap;
use crate::types::Mutability;
use crate::vm::CodeEntry;

/// A plain op with its operands: an instruction, or a part of a fused one.
pub(super) struct Part<'a> {
    pub op: Op,
    /// The operands.
    pub body: &'a [u8],
    /// Where they are in the code.
    pub at: usize,
}

/// What is found on the way.
#[derive(Default)]
pub(super) struct Places {
    /// Where code names types, and the engine's names of these.
    pub types: Vec<(usize, u32)>,
}

type Checked = Result<(), &'static str>;

/// A slot that is not the function's own, or a count of slots.
const NO_SLOT: &str = "a slot that is not the function's";
/// An offset into the context.
const NO_OBJECT: &str = "an offset in the context where no such thing is";

impl Part<'_> {
    pub fn get<T: Plain>(&self, field: Field<T>) -> Result<T, &'static str> {
        T::decode(field.byte(), self.body).ok_or("no operands")
    }

    pub fn slot(&self, place: Place) -> Result<i16, &'static str> {
        self.number(place.slot())
    }

    fn number(&self, at: usize) -> Result<i16, &'static str> {
        i16::decode(at, self.body).ok_or("no operands")
    }

    /// The runtime function that it calls, or may call.
    pub fn function(&self) -> Option<Runtime> {
        // All that do have it in the same place.
        let calls = matches!(
            self.op.format(),
            op::CallRuntime::FORMAT
                | op::MemoryGrow::FORMAT
                | op::MemoryFill::FORMAT
                | op::MemoryCopy::FORMAT
        );
        Runtime::numbered(self.get(op::CallRuntime::FUNC).ok().filter(|_| calls)?)
    }
}

impl<'a> Walk<'a> {
    /// A plain op with its operands, which are at a place in the code.
    pub(super) fn part(&self, op: Op, at: usize) -> Option<Part<'a>> {
        let body = self.bytes.get(at..)?.get(..op.body())?;
        Some(Part { op, body, at })
    }
}

fn ensure(holds: bool, what: &'static str) -> Checked {
    if holds { Ok(()) } else { Err(what) }
}

impl Verifier<'_> {
    /// Looks at a part of an instruction. Branches are looked at elsewhere.
    pub(super) fn part(&self, frame: Frame, part: &Part<'_>, places: &mut Places) -> Checked {
        let slots = part.op.slots().ok_or("a fused op in another")?;
        ensure(!slots.refers, "references")?;
        ensure(!slots.guarded || !self.options.checked_memory, "an access without a comparison")?;
        match part.op.format() {
            op::ZeroLocals::FORMAT => {
                // Of no slots, as often: then it does not matter where they would be.
                let zero = (part.slot(op::ZeroLocals::FIRST)?, part.get(op::ZeroLocals::COUNT)?);
                return ensure(frame.has_all(zero.0, zero.1), NO_SLOT);
            }
            // The arguments take the place of the function's own.
            op::ReturnCall::FORMAT
            | op::ReturnCallImport::FORMAT
            | op::ReturnCallIndirect::FORMAT => return self.tail_call(frame, part, places),
            _ => {}
        }
        let [reads, writes] = slots.places();
        for at in reads {
            ensure(frame.has(part.number(at)?), NO_SLOT)?;
        }
        for at in writes {
            ensure(frame.has_all(part.number(at)?, 1 + u16::from(slots.pair)), NO_SLOT)?;
        }
        match part.op.format() {
            // Numbers in slots and registers, and branches.
            op::Br::FORMAT
            | op::BrTable::FORMAT
            | op::BrIf::FORMAT
            | op::BrCompare::FORMAT
            | op::PinInts::FORMAT
            | op::PinFloats::FORMAT
            | op::Return::FORMAT
            | op::Mov::FORMAT
            | op::Const::FORMAT
            | op::VecConst::FORMAT
            | op::Mov2::FORMAT
            | op::Select::FORMAT
            | op::Unary::FORMAT
            | op::Binary::FORMAT
            | op::Ternary::FORMAT
            | op::Wide::FORMAT
            | op::WideMul::FORMAT
            | op::Load::FORMAT
            | op::Store::FORMAT
            | op::Replace::FORMAT
            | op::Permute::FORMAT
            | op::Permute2::FORMAT => Ok(()),
            op::Empty::FORMAT => ensure(
                matches!(
                    part.op,
                    Op::Ret
                        | Op::RetRi
                        | Op::RetRf
                        | Op::RetRif
                        | Op::UnpinRi
                        | Op::UnpinRf
                        | Op::UnpinRif
                        | Op::AtomicFence
                ),
                "an instruction that is the engine's own",
            ),
            op::Fuel::FORMAT => ensure(self.options.fuel.is_some(), "fuel that nobody counts"),
            op::Trap::FORMAT => {
                let code = u8::try_from(part.get(op::Trap::CODE)?).ok();
                ensure(code.and_then(Trap::from_u8).is_some(), "no kind of trap")
            }
            op::MovSpan::FORMAT => {
                let count = part.get(op::MovSpan::COUNT)?;
                let ends = [part.slot(op::MovSpan::DST)?, part.slot(op::MovSpan::SRC)?];
                ensure(ends.into_iter().all(|slot| frame.has_all(slot, count)), NO_SLOT)
            }
            // Lanes are in the 16 bytes.
            op::Extract::FORMAT => ensure(part.get(op::Extract::BYTE)? < 16, "no lane"),
            op::Shuffle::FORMAT => {
                let lanes = part.get(op::Shuffle::LANES)?;
                ensure(lanes.iter().all(|lane| *lane < 32), "no lane")
            }
            op::GlobalGet::FORMAT | op::GlobalSet::FORMAT => self.global(part, slots),
            op::LoadGeneral::FORMAT => self.memory(part.get(op::LoadGeneral::MEMORY)?),
            op::StoreGeneral::FORMAT => self.memory(part.get(op::StoreGeneral::MEMORY)?),
            op::Rmw::FORMAT => self.memory(part.get(op::Rmw::MEMORY)?),
            op::Cmpxchg::FORMAT => self.memory(part.get(op::Cmpxchg::MEMORY)?),
            op::MemorySize::FORMAT => {
                let (at, shift) = (part.get(op::MemorySize::MEMORY)?, op::MemorySize::SHIFT);
                self.page_size(at, u32::from(part.get(shift)?))
            }
            op::TableSize::FORMAT => {
                let at = part.get(op::TableSize::TABLE)?;
                ensure(table_at(self.info, self.layout, at).is_some(), NO_OBJECT)
            }
            op::Call::FORMAT | op::CallImport::FORMAT | op::CallIndirect::FORMAT => {
                self.call(frame, part, places)
            }
            op::CallRuntime::FORMAT
            | op::MemoryGrow::FORMAT
            | op::MemoryFill::FORMAT
            | op::MemoryCopy::FORMAT => self.runtime(frame, part),
            _ => Err("an instruction that only the translator can vouch for"),
        }
    }

    fn memory(&self, at: u32) -> Checked {
        ensure(memory_at(self.info, self.layout, at).is_some(), NO_OBJECT)
    }

    /// Whether a memory has pages of `1 << shift` bytes.
    fn page_size(&self, at: u32, shift: u32) -> Checked {
        let memory = memory_at(self.info, self.layout, at).ok_or(NO_OBJECT)?;
        let log2 = self.info.memories[memory].page_size_log2();
        ensure(shift == u32::from(log2), "another size of pages")
    }

    /// Whether other threads may be at work on a memory.
    fn is_shared(&self, at: u32) -> Result<bool, &'static str> {
        let memory = memory_at(self.info, self.layout, at).ok_or(NO_OBJECT)?;
        Ok(self.info.memories[memory].is_shared())
    }

    fn global(&self, part: &Part<'_>, slots: Slots) -> Checked {
        let is_set = part.op.format() == op::GlobalSet::FORMAT;
        let at = if is_set { op::GlobalSet::AT } else { op::GlobalGet::AT };
        let (global, is_indirect) = global_at(self.layout, part.get(at)?).ok_or(NO_OBJECT)?;
        let goes_indirect = matches!(
            part.op,
            Op::GlobalGetIndirect
                | Op::GlobalSetIndirect
                | Op::V128GlobalGetIndirect
                | Op::V128GlobalSetIndirect
        );
        let ty = &self.info.globals[global];
        ensure(!ty.content().is_ref(), "references")?;
        let fits = ty.content().slots() == 1 + u32::from(slots.pair);
        ensure(is_indirect == goes_indirect && fits, NO_OBJECT)?;
        let is_constant = matches!(ty.mutability(), Mutability::Const);
        ensure(!is_set || !is_constant, "a write to a constant")
    }

    fn defined(&self, entry: u32) -> Result<TypeIndex, &'static str> {
        let size = size_of::<CodeEntry>() as u32;
        let index = self.info.num_imported_funcs as usize + (entry / size) as usize;
        let ty = self.info.funcs.get(index).filter(|_| entry.is_multiple_of(size));
        ty.copied().ok_or("a call of no function")
    }

    fn import(&self, at: u32) -> Result<TypeIndex, &'static str> {
        let import = import_at(self.info, self.layout, at).ok_or(NO_OBJECT)?;
        Ok(self.info.funcs[FuncIndex(import as u32).idx()])
    }

    /// The type that functions called through a table must have.
    fn indirect(
        &self,
        part: &Part<'_>,
        (table, ty): (Field<u32>, Field<u32>),
        places: &mut Places,
    ) -> Result<TypeIndex, &'static str> {
        let table = table_at(self.info, self.layout, part.get(table)?).ok_or(NO_OBJECT)?;
        ensure(self.facts.is_of_functions(table), "a call through no table of functions")?;
        let index = TypeIndex(part.get(ty)?);
        let known = self.info.types.get(index.idx()).ok_or("no type")?;
        places.types.push((part.at + ty.byte(), known.id.0));
        Ok(index)
    }

    fn call(&self, frame: Frame, part: &Part<'_>, places: &mut Places) -> Checked {
        let ty = match part.op.format() {
            op::Call::FORMAT => self.defined(part.get(op::Call::FUNC)?)?,
            op::CallImport::FORMAT => self.import(part.get(op::CallImport::AT)?)?,
            _ => self.indirect(part, (op::CallIndirect::TABLE, op::CallIndirect::TY), places)?,
        };
        let Signature { below, .. } = self.facts.function(ty).ok_or("a call with references")?;
        // All calls have it in one place.
        let at = part.slot(op::Call::FRAME)?;
        ensure(frame.has_call(at, below), NO_SLOT)?;
        if part.op.format() == op::CallImport::FORMAT {
            let args = i32::from(part.slot(op::CallImport::ARGS)?);
            ensure(args == i32::from(at) - i32::from(below), NO_SLOT)?;
        }
        Ok(())
    }

    fn tail_call(&self, frame: Frame, part: &Part<'_>, places: &mut Places) -> Checked {
        let ty = match part.op.format() {
            op::ReturnCall::FORMAT => self.defined(part.get(op::ReturnCall::FUNC)?)?,
            op::ReturnCallImport::FORMAT => self.import(part.get(op::ReturnCallImport::AT)?)?,
            _ => {
                ensure(frame.has(part.slot(op::ReturnCallIndirect::INDEX)?), NO_SLOT)?;
                let (table, ty) = (op::ReturnCallIndirect::TABLE, op::ReturnCallIndirect::TY);
                self.indirect(part, (table, ty), places)?
            }
        };
        let Signature { below, params } =
            self.facts.function(ty).ok_or("a call with references")?;
        let count = part.get(op::TailCall::COUNT)?;
        ensure(count == params, "another number of arguments")?;
        ensure(frame.has_all(part.slot(op::TailCall::ARGS)?, count), NO_SLOT)?;
        let (to, at) = (part.slot(op::TailCall::TO)?, part.slot(op::TailCall::FRAME)?);
        ensure(frame.is_first(to) && i32::from(at) == i32::from(to) + i32::from(below), NO_SLOT)
    }

    fn runtime(&self, frame: Frame, part: &Part<'_>) -> Checked {
        // The others have their operands in the same places.
        let func = Runtime::numbered(part.get(op::CallRuntime::FUNC)?);
        let [x, y, z] = [op::CallRuntime::X, op::CallRuntime::Y, op::CallRuntime::Z];
        let (x, y, z) = (part.get(x)?, part.get(y)?, part.get(z)?);
        let shared = |flags: u32, flag: u32, is_shared| {
            ensure((flags & flag != 0) == is_shared, "a memory that is shared, or is not")
        };
        use Runtime as R;
        let args = match (part.op, func.ok_or("no runtime function")?) {
            (Op::MemoryGrowM32 | Op::MemoryGrowM64, function) => {
                let expected = match self.is_shared(x)? {
                    true => R::memory_grow_shared,
                    false => R::memory_grow,
                };
                ensure(function == expected, "another function's instruction")?;
                self.page_size(x, z)?;
                1
            }
            (Op::MemoryFillM32 | Op::CallRuntime, R::memory_fill) => {
                shared(y, wide::SHARED, self.is_shared(x)?)?;
                3
            }
            (Op::MemoryCopyM32 | Op::CallRuntime, R::memory_copy) => {
                shared(z, wide::SHARED, self.is_shared(x)? | self.is_shared(y)?)?;
                3
            }
            (Op::CallRuntime, R::memory_init) => {
                shared(z, wide::SHARED, self.is_shared(x)?)?;
                ensure((y as usize) < self.info.datas.len(), "no data segment")?;
                3
            }
            (Op::CallRuntime, R::data_drop) => {
                ensure((y as usize) < self.info.datas.len(), "no data segment")?;
                0
            }
            (Op::CallRuntime, R::memory_wait32 | R::memory_wait64 | R::memory_notify) => {
                shared(x, wide::PLACE_SHARED, self.is_shared(x & !7)?)?;
                if func == Some(R::memory_notify) { 2 } else { 3 }
            }
            (Op::CallRuntime, R::table_copy) => {
                let table = |at| table_at(self.info, self.layout, at).ok_or(NO_OBJECT);
                let [to, from] =
                    [table(x)?, table(y)?].map(|table| self.info.tables[table].element());
                ensure(to == from, "tables of different types")?;
                3
            }
            (Op::CallRuntime, R::table_init) => {
                let table = table_at(self.info, self.layout, x).ok_or(NO_OBJECT)?;
                let segment = self.info.elements.get(y as usize).ok_or("no element segment")?;
                let ty = self.info.tables[table].element();
                ensure(segment.ty.heap == ty.heap, "a table of another type")?;
                ensure(ty.nullable || !segment.ty.nullable, "a table of another type")?;
                3
            }
            (Op::CallRuntime, R::out_of_fuel) if self.options.fuel.is_some() => 0,
            (Op::ConsumeFuelBy, R::out_of_fuel) if self.options.fuel.is_some() => 1,
            (Op::CheckInterrupt, R::interrupted) if self.options.interrupt => 0,
            (Op::CallRuntime, R::elem_drop) => {
                ensure((y as usize) < self.info.elements.len(), "no element segment")?;
                0
            }
            _ => return Err("a runtime function that only the translator may call"),
        };
        let (at, first) = (part.slot(op::CallRuntime::FRAME)?, part.slot(op::CallRuntime::ARGS)?);
        let apart = i32::from(first) + i32::from(args) <= i32::from(at);
        ensure(frame.has_call(at, 0) && frame.has_all(first, args) && apart, NO_SLOT)
    }
}

// What is read for all of them relies on it.
const _: () = {
    assert!(op::ReturnCall::ARGS.slot() == op::TailCall::ARGS.slot());
    assert!(op::ReturnCallImport::TO.slot() == op::TailCall::TO.slot());
    assert!(op::ReturnCallIndirect::FRAME.slot() == op::TailCall::FRAME.slot());
    assert!(op::CallImport::FRAME.slot() == op::Call::FRAME.slot());
    assert!(op::CallIndirect::FRAME.slot() == op::Call::FRAME.slot());
    assert!(op::MemoryGrow::FUNC.byte() == op::CallRuntime::FUNC.byte());
    assert!(op::MemoryGrow::MEMORY.byte() == op::CallRuntime::X.byte());
    assert!(op::MemoryGrow::SHIFT.byte() == op::CallRuntime::Z.byte());
    assert!(op::MemoryGrow::ARGS.slot() == op::CallRuntime::ARGS.slot());
    assert!(op::MemoryFill::FUNC.byte() == op::CallRuntime::FUNC.byte());
    assert!(op::MemoryFill::MEMORY.byte() == op::CallRuntime::X.byte());
    assert!(op::MemoryFill::Y.byte() == op::CallRuntime::Y.byte());
    assert!(op::MemoryFill::ARGS.slot() == op::CallRuntime::ARGS.slot());
    assert!(op::MemoryCopy::FUNC.byte() == op::CallRuntime::FUNC.byte());
    assert!(op::MemoryCopy::TO.byte() == op::CallRuntime::X.byte());
    assert!(op::MemoryCopy::FROM.byte() == op::CallRuntime::Y.byte());
    assert!(op::MemoryCopy::ARGS.slot() == op::CallRuntime::ARGS.slot());
};

/// Where code of the translator names types by the engine's numbers, which others do not know.
pub fn type_places(code: &Unverified<'_>) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(instruction) = Instruction::read(code.bytes, at) {
        let mut from = at + HEAD;
        for part in instruction.op.plain() {
            match part.format() {
                op::CallIndirect::FORMAT => places.push(from + op::CallIndirect::TY.byte()),
                op::ReturnCallIndirect::FORMAT => {
                    places.push(from + op::ReturnCallIndirect::TY.byte());
                }
                _ => {}
            }
            from += part.body();
        }
        at += instruction.size;
    }
    places.retain(|at| code.bytes.bytes::<4>(*at).is_some());
    places
}
