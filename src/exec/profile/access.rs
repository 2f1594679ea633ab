//! Which bytes of memories an instruction is about to access.

use core::ops::Range;

use super::Seen;
use crate::isa::op::{CallRuntime, LoadGeneral};
use crate::isa::runtime::{Runtime, wide};
use crate::isa::table::{Field, Kind};
use crate::isa::{HEAD, OPS, OpInfo};
use crate::prelude::*;
use crate::sys::standard::LazyLock;
use crate::vm::VmMemory;

/// Bytes that an instruction accesses if it does not trap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    /// Where they are now: addresses of this process.
    pub at: Range<usize>,
    /// Whether they are read.
    pub reads: bool,
    /// Whether they are written.
    pub writes: bool,
}

/// How an op accesses memory.
struct Form {
    addr: Field,
    /// Whether the index has 64 bits.
    is_wide: bool,
    /// Whether the instruction names the memory, and has an offset of 64 bits; memory 0 otherwise.
    is_general: bool,
    /// The offset's place behind the head.
    offset: usize,
    bytes: usize,
    reads: bool,
    writes: bool,
}

impl Form {
    /// That of an op, if its name and operands are those of an access.
    fn of(op: &OpInfo) -> Option<Form> {
        if !matches!(op.family, "load" | "store" | "checked" | "general" | "atomic") {
            return None;
        }
        let field = |name| op.fields.iter().find(|field| field.0 == name).copied();
        let offset = field("offset")?;
        let is_atomic = op.family == "atomic";
        let (reads, writes) = match &op.name {
            name if name.contains("load") => (true, false),
            name if name.contains("store") => (false, true),
            _ => (true, true),
        };
        Some(Form {
            // Behind what is written; without a name if it is no slot.
            addr: *op.fields.get(usize::from(reads))?,
            is_wide: op.name.starts_with("wide_") || op.name.ends_with("_m64"),
            is_general: field("memory").is_some(),
            offset: offset.2.into(),
            bytes: width(&op.name, is_atomic)?,
            reads,
            writes,
        })
    }
}

/// How many bytes the access with this name touches: `i64_load16_u_ss` two, `v128_load8x8_s_ss` eight.
fn width(name: &str, is_atomic: bool) -> Option<usize> {
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse::<usize>().ok().map(|number| (number, text[end..].to_owned()))
    };
    let behind = match is_atomic {
        true => {
            name.trim_start_matches("atomic_").trim_start_matches(|c: char| !c.is_ascii_digit())
        }
        false => name.split_once("load").or_else(|| name.split_once("store"))?.1,
    };
    let bits = match number(behind) {
        // So many numbers of so many bits.
        Some((bits, rest)) => match rest.strip_prefix('x').and_then(number) {
            Some((count, _)) => bits * count,
            None => bits,
        },
        // The type's own.
        None => {
            let ty = name.trim_start_matches("checked_").trim_start_matches("wide_");
            number(ty.trim_start_matches(['i', 'f', 'v']))?.0
        }
    };
    Some(bits / 8)
}

/// Of all ops, by opcode.
static FORMS: LazyLock<Vec<Option<Form>>> = LazyLock::new(|| OPS.iter().map(Form::of).collect());

impl Seen<'_> {
    /// What the instruction accesses in memories, unless it traps. Code with fused instructions is not
    /// understood, nor is what the host does when it is called.
    pub fn accesses(&self) -> Vec<Access> {
        if let Some(form) = &FORMS[self.op as usize] {
            return self.access(form).into_iter().collect();
        }
        let Some(function) = self.function() else { return Vec::new() };
        let word = |at: usize| self.code.read(self.offset + HEAD + at).map(u32::from_le_bytes);
        let immediates = [CallRuntime::X, CallRuntime::Y, CallRuntime::Z].map(|it| word(it.byte()));
        let [Some(x), Some(y), Some(z)] = immediates else { return Vec::new() };
        let is = |runtime: Runtime| function == runtime as u64;
        let found = if is(Runtime::memory_fill) {
            [self.bulk(x, (0, y & wide::FIRST), y & wide::LENGTH, true), None]
        } else if is(Runtime::memory_init) {
            [self.bulk(x, (0, z & wide::FIRST), 0, true), None]
        } else if is(Runtime::memory_copy) {
            let length = z & wide::LENGTH;
            let from = self.bulk(y, (1, z & wide::SECOND), length, false);
            [self.bulk(x, (0, z & wide::FIRST), length, true), from]
        } else {
            [None, None]
        };
        found.into_iter().flatten().collect()
    }

    fn access(&self, form: &Form) -> Option<Access> {
        let behind = self.offset + HEAD;
        let place = usize::from(form.addr.2);
        let index = match form.addr.1 {
            Kind::Acc => self.acc(),
            Kind::Pin => *self.ints().get(place)?,
            Kind::Slot => self.slot(i16::from_le_bytes(self.code.read(behind + place)?).into())?,
            _ => 0,
        };
        let index = if form.is_wide { index } else { u64::from(index as u32) };
        let (memory, offset) = if form.is_general {
            let memory = self.code.read(behind + LoadGeneral::MEMORY.byte())?;
            let offset = self.code.read(behind + form.offset)?;
            (self.memory(u32::from_le_bytes(memory)), u64::from_le_bytes(offset))
        } else {
            let offset = u32::from_le_bytes(self.code.read(behind + form.offset)?);
            // SAFETY: contract 3: a context names memory 0 of an instance that has one, and this accesses it.
            (unsafe { (*(*self.registers.ctx).mem0).base } as usize, offset.into())
        };
        let start = memory.checked_add(usize::try_from(index.checked_add(offset)?).ok()?)?;
        let at = start..start.checked_add(form.bytes)?;
        Some(Access { at, reads: form.reads, writes: form.writes })
    }

    /// What a runtime function accesses whose arguments are the start, as the first or second, and the
    /// length, as the third; with flags that are not 0 for those of 64 bits.
    fn bulk(&self, place: u32, start: (isize, u32), length: u32, writes: bool) -> Option<Access> {
        let args = self.code.read(self.offset + HEAD + CallRuntime::ARGS.slot())?;
        let args = isize::from(i16::from_le_bytes(args));
        let operand = |at: isize, flag: u32| {
            let bits = self.slot(args + at)?;
            usize::try_from(if flag != 0 { bits } else { u64::from(bits as u32) }).ok()
        };
        let from = self.memory(place).checked_add(operand(start.0, start.1)?)?;
        let at = from..from.checked_add(operand(2, length)?)?;
        Some(Access { at, reads: !writes, writes })
    }

    /// Where the memory begins that the context names at an offset.
    fn memory(&self, place: u32) -> usize {
        // SAFETY: contract 3: the instruction names a memory by the place of its pointer in the context.
        unsafe {
            let memory = self.registers.ctx.cast::<u8>().add(place as usize);
            (*memory.cast::<*mut VmMemory>().read()).base as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FORMS, Form};
    use crate::isa::OPS;
    use crate::isa::table::{Field, Kind};

    #[test]
    fn every_op_with_an_offset_in_a_memory_has_a_width() {
        for (op, form) in OPS.iter().zip(FORMS.iter()) {
            let is_offset = |field: &Field| field.0 == "offset" && field.1 != Kind::Count;
            let objects = op.name.starts_with("struct_") || op.name.starts_with("array_");
            let is_access = op.family != "fused" && !objects && op.fields.iter().any(is_offset);
            assert_eq!(form.is_some(), is_access, "{}", op.name);
            let Some(Form { bytes, addr, .. }) = form else { continue };
            assert!(matches!(bytes, 1 | 2 | 4 | 8 | 16), "{}", op.name);
            assert!(
                matches!(addr.0, "addr" | "acc" | "pin0" | "pin1" | ""),
                "{}: {addr:?}",
                op.name
            );
        }
        assert!(FORMS.iter().flatten().count() > 500);
    }
}
