//! The instruction set: names, operands, encoding and listing of every op. See `table` for the
//! anatomy of a name, and docs/bytecode.md for all rows.
//!
//! An instruction is a head followed by its operands. The head names the handler: with direct
//! threading it is 8 bytes, an opcode as translated and the handler's address once loaded; with
//! table threading it is a 16-bit opcode. Operands keep their places behind the head in both.

mod disasm;
mod instruction;
mod lookup;
pub mod operand;
pub mod runtime;
#[path = "table.rs"]
#[allow(dead_code, reason = "the build script makes the rows; the library uses the vocabulary")]
pub mod table;
#[cfg(test)]
mod tests;

pub use disasm::{Listing, disassemble};
pub use instruction::Instruction;
pub use lookup::*;
pub use operand::{Operands, Src};
pub use table::{Attributes, Class, Kind, unfused_name};

use crate::prelude::*;
use crate::sys::standard::LazyLock;

include!(concat!(env!("OUT_DIR"), "/ops.rs"));

/// Bytes of an instruction's head.
pub const HEAD: usize = if cfg!(threading = "direct") { 8 } else { 2 };

/// Every instruction's length is a multiple of this.
pub const ALIGN: usize = if cfg!(threading = "direct") { 8 } else { 2 };

/// Length in bytes of an instruction with `body` operand bytes.
#[inline(always)]
pub const fn len(body: usize) -> usize {
    (HEAD + body).next_multiple_of(ALIGN)
}

/// The op table itself, made anew: what the rest of the library has no use for, such as handlers and keys, is
/// in it too.
#[cfg(feature = "cli")]
pub fn rows() -> table::Table {
    let fused = OPS[PLAIN_COUNT..].iter().map(|op| op.name.replace("__", " "));
    table::Table::build(&fused.collect::<Vec<_>>().join("\n"))
}

/// What translation and loading need to know of an op. Many ops have the same.
struct Shape {
    /// Bytes of its operands.
    body: u8,
    /// Bytes of those of all parts but the last.
    tail: u8,
    /// The number of its format; of a fused op [`NOWHERE`].
    format: u8,
    /// Number of parts, with [`Shape::FORWARDS`] and [`Shape::AGAIN`].
    parts: u8,
    /// Where a plain op has its branch distance, in bytes behind the head, or [`NOWHERE`].
    target: u8,
    /// Where it has the runtime function that loading replaces by its address, likewise.
    function: u8,
    /// Whether a list of distances follows.
    is_listed: bool,
}

impl Shape {
    /// Set in `parts` of a fused op that forwards operands.
    const FORWARDS: u8 = 0x40;
    /// Set in `parts` of a fused op that branches to itself.
    const AGAIN: u8 = 0x80;

    /// Number of parts.
    fn count(&self) -> usize {
        usize::from(self.parts & !(Shape::FORWARDS | Shape::AGAIN))
    }

    /// Where a plain op has its branch distance, in bytes behind the head.
    fn target(&self) -> Option<usize> {
        (self.target != NOWHERE).then_some(self.target.into())
    }

    /// Where it has the number of its runtime function, likewise.
    fn function(&self) -> Option<usize> {
        (self.function != NOWHERE).then_some(self.function.into())
    }
}

/// The shape of the op with this opcode.
#[inline]
fn shape(opcode: u16) -> &'static Shape {
    &SHAPES[usize::from(SHAPES_OF[usize::from(opcode)])]
}

/// Which slots an op that is not fused accesses, and what else a verifier asks of it.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    /// Where it has numbers of slots that it reads: a bit for each second byte behind the head.
    reads: u16,
    /// The same of slots that it writes.
    writes: u16,
    /// Whether what it writes takes two slots, or a global of two.
    pub pair: bool,
    /// Whether it has to do with references.
    pub refers: bool,
    /// Whether it relies on inaccessible memory behind memory 0.
    pub guarded: bool,
}

impl Slots {
    /// Whether a slot is written.
    #[cfg(test)]
    pub fn writes_any(self) -> bool {
        self.writes != 0
    }

    /// Where the numbers of the slots that are read stand, and of those that are written, in bytes behind
    /// the head.
    pub fn places(self) -> [impl Iterator<Item = usize>; 2] {
        [self.reads, self.writes].map(|mut mask| {
            core::iter::from_fn(move || {
                let lowest = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
                mask &= mask - 1;
                Some(2 * lowest)
            })
        })
    }
}

/// An operand that a fused op forwards: see `table`. In order of the ops.
struct Forward {
    op: u16,
    reader: u8,
    letter: u8,
    place: u8,
    writer: u8,
    rewriters: u8,
}

/// The description of an op.
#[derive(Debug)]
pub struct OpInfo {
    /// The one spelling of the op's name.
    pub name: String,
    /// The generic handler it is an instance of.
    pub family: &'static str,
    /// Its effect, as an equation.
    pub effect: String,
    /// Operands: name, kind and byte offset behind the head.
    pub fields: Vec<table::Field>,
    /// Operand bytes behind the head.
    pub body: u8,
    /// What it may do besides.
    pub attributes: Attributes,
}

/// Descriptions of all ops, in order of their opcodes. Made from the rows, and of fused ops from their parts,
/// when first asked for: running a program needs none of them.
pub static OPS: LazyLock<Vec<OpInfo>> = LazyLock::new(|| {
    let rows = table::Table::build("").rows.into_iter();
    let mut infos: Vec<OpInfo> = rows.map(described).collect();
    for op in (0..).skip(infos.len()).map_while(Op::from_u16) {
        let parts = op.parts();
        let info = |part: &u16| &infos[usize::from(*part)];
        let mut names: Vec<String> = parts.iter().map(|part| info(part).name.clone()).collect();
        for forward in op.forwards() {
            let name = &mut names[usize::from(forward.reader)];
            let at = name.len() - usize::from(forward.letter);
            name.replace_range(at..=at, &forward.writer.to_string());
        }
        let mut name = names.join("__");
        if op.is_again() {
            name += "__again";
        }
        let effects: Vec<&str> = parts.iter().map(|part| &*info(part).effect).collect();
        let mut fields = Vec::new();
        let mut shift = 0;
        for &part in parts {
            let own = infos[usize::from(part)].fields.iter();
            fields.extend(own.map(|&(name, kind, at)| (name, kind, at + shift)));
            shift += shape(part).body;
        }
        infos.push(OpInfo {
            name,
            family: "fused",
            effect: effects.join("; "),
            attributes: Attributes::of_parts(parts.iter().map(|part| info(part).attributes)),
            fields,
            body: shift,
        });
    }
    infos
});

/// The description of a row that is not fused.
fn described(row: table::Row) -> OpInfo {
    OpInfo {
        fields: row.fields(),
        body: row.bytes(),
        family: row.family,
        attributes: row.attributes,
        name: row.name,
        effect: row.effect,
    }
}

impl core::fmt::Debug for Op {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.info().name)
    }
}

impl Op {
    /// The forms with a slot and with each pinned local as destination.
    fn forms(self) -> &'static [u16; 4] {
        FORMS_OF.get(self as usize).map_or(&[0; 4], |&forms| &FORMS[usize::from(forms)])
    }

    /// The same op with a slot as destination (which sets the accumulator too).
    pub fn stored(self) -> Option<Op> {
        lookup(self.forms(), 0)
    }

    /// The form with a slot as destination of an op that has only the accumulator as such.
    pub fn unstored(self) -> Option<Op> {
        let forms = self.forms();
        if forms.contains(&(self as u16 + 1)) { None } else { lookup(forms, 0) }
    }

    /// The same op with pinned local number `pin` as destination.
    pub fn pinned(self, pin: usize) -> Option<Op> {
        lookup(self.forms(), pin + 1)
    }

    /// The op's description.
    pub fn info(self) -> &'static OpInfo {
        &OPS[self as usize]
    }

    #[inline]
    fn shape(self) -> &'static Shape {
        shape(self as u16)
    }

    /// Operand bytes behind the head.
    pub fn body(self) -> usize {
        usize::from(self.shape().body)
    }

    /// Operand bytes of all parts but the last: how far the last part's own place lies behind the
    /// instruction's start.
    pub fn tail(self) -> usize {
        usize::from(self.shape().tail)
    }

    /// Length of the instruction in bytes, head included, a table of distances not.
    pub fn size(self) -> usize {
        len(self.body())
    }

    /// Where a plain op has its branch distance, in bytes from the instruction's start.
    pub fn target(self) -> Option<usize> {
        self.shape().target().map(|target| HEAD + target)
    }

    /// Where it has the number of a runtime function, which loading replaces by its address, likewise.
    pub fn function(self) -> Option<usize> {
        self.shape().function().map(|function| HEAD + function)
    }

    /// Which slots a plain op accesses; `None` for a fused one, whose parts have their own.
    #[inline]
    pub fn slots(self) -> Option<Slots> {
        SLOTS_OF.get(self as usize).map(|way| SLOTS[usize::from(*way)])
    }

    /// The number of a plain op's format; see [`Operands::FORMAT`].
    #[inline]
    pub fn format(self) -> u8 {
        self.shape().format
    }

    /// Whether these are operands of it.
    pub fn takes<O: Operands>(self, _: &O) -> bool {
        self.shape().format == O::FORMAT
    }

    /// Is it a fused op whose last part branches to the op itself? It repeats without dispatch.
    pub fn is_again(self) -> bool {
        self.shape().parts & Shape::AGAIN != 0
    }

    /// The form of a fused op for where its last part branches to the op itself, if there is one.
    pub fn again(self) -> Option<Op> {
        let found = REPETITIONS.iter().find(|(once, _)| *once == self as u16)?;
        Op::from_u16(found.1)
    }

    /// The form of such an op that dispatches itself each time; any other op.
    pub fn once(self) -> Op {
        let found = REPETITIONS.iter().find(|(_, again)| *again == self as u16);
        found.and_then(|(once, _)| Op::from_u16(*once)).unwrap_or(self)
    }

    /// The operands that it forwards.
    fn forwards(self) -> &'static [Forward] {
        if self.shape().parts & Shape::FORWARDS == 0 {
            return &[];
        }
        let first = FORWARDS.partition_point(|forward| forward.op < self as u16);
        let end = FORWARDS.partition_point(|forward| forward.op <= self as u16);
        &FORWARDS[first..end]
    }

    /// The same for tests: the part that reads and its field, and the part that writes.
    #[cfg(test)]
    pub fn forwarded(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let place = |f: &Forward| (f.reader.into(), f.place.into(), f.writer.into());
        self.forwards().iter().map(place)
    }

    /// Of the forms of a fused op that [`fusions`] has found, the one for these operands: what it forwards
    /// must be what the slots hold. `slot` gives the slot number at a byte of a part.
    pub fn form(self, slot: impl Fn(usize, usize) -> i16) -> Option<Op> {
        let holds = self.forwards().iter().all(|forward| {
            let dst = |part| slot(part, operand::DST.slot());
            let written = dst(usize::from(forward.writer));
            slot(usize::from(forward.reader), usize::from(forward.place)) == written
                && (0..usize::from(forward.reader))
                    .all(|part| forward.rewriters >> part & 1 == 0 || dst(part) != written)
        });
        if holds {
            return Some(self);
        }
        let found = PLAIN.binary_search_by_key(&(self as u16), |pair| pair.0).ok()?;
        Op::from_u16(PLAIN[found].1)
    }

    /// For a fused op: the opcodes of its parts.
    pub fn parts(self) -> &'static [u16] {
        let Some(&at) = (self as usize).checked_sub(PLAIN_COUNT).and_then(|it| PARTS_AT.get(it))
        else {
            return &[];
        };
        &PARTS[usize::from(at)..][..self.shape().count()]
    }

    /// The plain ops that it is made of, in order; of one that is not fused, itself.
    #[inline]
    pub fn plain(self) -> impl DoubleEndedIterator<Item = Op> {
        let parts = self.parts();
        let part = move |i| parts.get(i).map_or(Some(self), |part| Op::from_u16(*part));
        (0..parts.len().max(1)).filter_map(part)
    }
}

fn lookup(table: &[u16], position: usize) -> Option<Op> {
    match table.get(position) {
        None | Some(0) => None,
        Some(op) => Op::from_u16(op - 1),
    }
}

impl Op {
    /// Whether a table of distances follows the operands.
    pub fn is_br_table(self) -> bool {
        self.shape().is_listed
    }
}

/// A place in the trie of the sequences that have a fused op: how far one has been read.
///
/// A node's edges end where `FUSION_NODES` says, begin where those of the node before end, and are in
/// order of their ops; beside the end is the fused op that ends at the node, plus one, or 0. The first node has
/// a thousand edges and is asked for every instruction, so `FUSION_STARTS` has where they lead by op, or 0.
#[derive(Clone, Copy)]
pub struct Fusion(u16);

impl Fusion {
    /// Nothing read yet.
    pub const START: Fusion = Fusion(0);

    /// Reads an op.
    pub fn then(self, op: Op) -> Option<Fusion> {
        let node = usize::from(self.0);
        if node == 0 {
            return FUSION_STARTS
                .get(op as usize)
                .filter(|next| **next != 0)
                .map(|next| Fusion(*next));
        }
        let end = usize::from(FUSION_NODES[node].0);
        let start = usize::from(FUSION_NODES[node - 1].0);
        let edges = &FUSION_EDGES[start..end];
        let found = edges.binary_search_by_key(&(op as u16), |edge| edge.0).ok()?;
        Some(Fusion(edges[found].1))
    }

    /// The fused op for what was read; of an op's forms the one that forwards, see [`Op::form`].
    pub fn op(self) -> Option<Op> {
        FUSION_NODES[usize::from(self.0)].1.checked_sub(1).and_then(Op::from_u16)
    }
}
