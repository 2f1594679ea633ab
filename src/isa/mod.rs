//! The instruction set: names, operands, encoding and listing of every op. See `table` for the
//! anatomy of a name, and docs/bytecode.md for all rows.
//!
//! An instruction is a head followed by its operands. The head names the handler: with direct
//! threading it is 8 bytes, an opcode as translated and the handler's address once loaded; with
//! table threading it is a 16-bit opcode. Operands keep their places behind the head in both.

use std::borrow::Cow;
use std::sync::LazyLock;

mod disasm;
pub mod runtime;
#[path = "table.rs"]
#[allow(dead_code, reason = "the build script makes the rows; the library uses the vocabulary")]
mod table;
mod vector;

pub use disasm::{Listing, disassemble};
pub use table::{Kind, unfused_name};
pub use vector::*;

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

/// What translation and loading need to know of an op.
struct Shape {
    body: u8,
    tail: u8,
    /// Whether it is a plain op with a branch distance, which stands at field 4.
    has_target: bool,
    /// Whether it is a fused op that branches to itself.
    again: bool,
    /// Whether it is a fused op that forwards operands.
    forwards: bool,
    /// Number of parts, and where they begin in `PARTS`.
    parts: u8,
    first_part: u16,
}

/// An operand that a fused op forwards: see `table`. In order of the ops.
struct Forward {
    op: u16,
    reader: u8,
    letter: u8,
    field: u8,
    writer: u8,
    rewriters: u8,
}

/// The description of an op.
#[derive(Debug)]
pub struct OpInfo {
    /// The one spelling of the op's name.
    pub name: Cow<'static, str>,
    /// The generic handler it is an instance of.
    pub family: &'static str,
    /// Its effect, as an equation.
    pub effect: Cow<'static, str>,
    /// Operands: name, kind and byte offset behind the head.
    pub fields: Vec<table::Field>,
    /// Operand bytes behind the head.
    pub body: u8,
}

/// Descriptions of all ops, in order of their opcodes. Made from text when first asked for: running
/// a program needs none of them.
pub static OPS: LazyLock<Vec<OpInfo>> = LazyLock::new(|| {
    let mut infos: Vec<OpInfo> = include_str!(concat!(env!("OUT_DIR"), "/ops.txt"))
        .lines()
        .zip(&SHAPES)
        .map(described)
        .collect();
    for op in &ALL[infos.len()..] {
        let parts = op.parts();
        let info = |part: &u16| &infos[usize::from(*part)];
        let mut names: Vec<String> = parts.iter().map(|part| info(part).name.to_string()).collect();
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
            shift += SHAPES[usize::from(part)].body;
        }
        infos.push(OpInfo {
            name: name.into(),
            family: "fused",
            effect: effects.join("; ").into(),
            fields,
            body: shift,
        });
    }
    infos
});

/// Reads a line of the descriptions.
fn described((line, shape): (&'static str, &Shape)) -> OpInfo {
    let mut columns = line.split('\t');
    let mut column = || columns.next().unwrap_or_default();
    let (name, family, effect) = (column(), column(), column());
    let mut fields = Vec::new();
    loop {
        let name = column();
        if name.is_empty() {
            break;
        }
        let kind = column().parse::<usize>().map_or(Kind::Acc, |number| Kind::ALL[number]);
        fields.push((name, kind, column().parse().unwrap_or(0)));
    }
    OpInfo { name: name.into(), family, effect: effect.into(), fields, body: shape.body }
}

impl core::fmt::Debug for Op {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.info().name)
    }
}

impl Op {
    /// The op with this opcode.
    pub fn from_u16(opcode: u16) -> Option<Op> {
        ALL.get(usize::from(opcode)).copied()
    }

    /// The same op with a slot as destination (which sets the accumulator too).
    pub fn stored(self) -> Option<Op> {
        lookup(&STORED, self as usize)
    }

    /// Whether the destination is the accumulator and can be a slot besides.
    pub fn is_unstored(self) -> bool {
        let tables = [&STORED, &PINNED0, &PINNED1, &PINNED2];
        let is_own = |table: &&[u16; OP_COUNT]| table[self as usize] == self as u16 + 1;
        STORED[self as usize] != 0 && !tables.iter().any(is_own)
    }

    /// The same op with pinned local number `pin` as destination.
    pub fn pinned(self, pin: usize) -> Option<Op> {
        lookup([&PINNED0, &PINNED1, &PINNED2][pin], self as usize)
    }

    /// The op's description.
    pub fn info(self) -> &'static OpInfo {
        &OPS[self as usize]
    }

    fn shape(self) -> &'static Shape {
        &SHAPES[self as usize]
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

    /// Is it a fused op whose last part branches to the op itself? It repeats without dispatch.
    pub fn is_again(self) -> bool {
        self.shape().again
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
        if !self.shape().forwards {
            return &[];
        }
        let first = FORWARDS.partition_point(|forward| forward.op < self as u16);
        let end = FORWARDS.partition_point(|forward| forward.op <= self as u16);
        &FORWARDS[first..end]
    }

    /// The same for tests: the part that reads and its field, and the part that writes.
    #[cfg(test)]
    pub fn forwarded(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let place = |f: &Forward| (f.reader.into(), f.field.into(), f.writer.into());
        self.forwards().iter().map(place)
    }

    /// Of the forms of a fused op that [`fusions`] has found, the one for these operands: what it forwards
    /// must be what the slots hold. `slot` gives the slot number at a field of a part.
    pub fn form(self, slot: impl Fn(usize, usize) -> i16) -> Option<Op> {
        let holds = self.forwards().iter().all(|forward| {
            let written = slot(usize::from(forward.writer), 0);
            slot(usize::from(forward.reader), usize::from(forward.field)) == written
                && (0..usize::from(forward.reader))
                    .all(|part| forward.rewriters >> part & 1 == 0 || slot(part, 0) != written)
        });
        if holds {
            return Some(self);
        }
        let found = PLAIN.binary_search_by_key(&(self as u16), |pair| pair.0).ok()?;
        Op::from_u16(PLAIN[found].1)
    }

    /// For a fused op: the opcodes of its parts.
    pub fn parts(self) -> &'static [u16] {
        let shape = self.shape();
        &PARTS[usize::from(shape.first_part)..][..usize::from(shape.parts)]
    }
}

/// Where an operand comes from. The numbers index the lookup tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Class {
    /// The accumulator.
    A = 0,
    /// A frame slot.
    S = 1,
    /// The first pinned local.
    L = 2,
    /// The second pinned local.
    M = 3,
    /// The third pinned local.
    N = 4,
    /// An immediate, or (addresses) no operand at all.
    I = 5,
}

impl Class {
    /// Pinned local number `pin`.
    pub fn pin(pin: usize) -> Class {
        [Class::L, Class::M, Class::N][pin]
    }
}

use table::CLASSES;

fn lookup(table: &[u16], position: usize) -> Option<Op> {
    match table.get(position) {
        None | Some(0) => None,
        Some(op) => Op::from_u16(op - 1),
    }
}

/// The op for an atomic access of so many bits, with 64-bit indices if `wide`.
pub fn atomic(op: Atomic, bits: u32, wide: bool) -> Option<Op> {
    let width = bits.trailing_zeros().checked_sub(3)? as usize;
    lookup(&ATOMIC, (op as usize * 4 + width) * 2 + usize::from(wide))
}

/// The op for `d := op(x, y)`, if these classes exist.
pub fn binary(op: Bin, d: Class, x: Class, y: Class) -> Option<Op> {
    if x == Class::I {
        return None;
    }
    let position = (op as usize * CLASSES + d as usize) * CLASSES + x as usize;
    lookup(&BINARY, position * CLASSES + y as usize)
}

/// The op for `d := op(x)`.
pub fn unary(op: Un, d: Class, x: Class) -> Option<Op> {
    if x == Class::I || d == Class::I {
        return None;
    }
    lookup(&UNARY, (op as usize * CLASSES + d as usize) * CLASSES + x as usize)
}

/// The op for a branch if `op(x, y)`.
pub fn br_cmp(op: Cmp, x: Class, y: Class) -> Option<Op> {
    if x == Class::I {
        return None;
    }
    lookup(&BR_CMP, (op as usize * CLASSES + x as usize) * CLASSES + y as usize)
}

/// The op for a branch if `x` is not zero (`nez`) or is zero, as an `i32`.
pub fn br_if(nez: bool, x: Class) -> Option<Op> {
    lookup(if nez { &BR_IF } else { &BR_UNLESS }, x as usize)
}

/// The op for a multi-way branch on `x`.
pub fn br_table(x: Class) -> Option<Op> {
    lookup(&BR_TABLE, x as usize)
}

/// The op for a call through a table with index `x`.
pub fn call_indirect(x: Class) -> Option<Op> {
    lookup(&CALL_INDIRECT, x as usize)
}

/// The op for a return of one value; `restore` is [`restore`]'s.
pub fn ret(float: bool, x: Class, restore: usize) -> Option<Op> {
    lookup(&RETURN, (restore * 2 + usize::from(float)) * CLASSES + x as usize)
}

/// The op for a return of no value, or of values that are in place.
pub fn ret_plain(restore: usize) -> Option<Op> {
    lookup(&RET, restore)
}

/// The op that restores pinned locals ahead of a tail call.
pub fn unpin(restore: usize) -> Option<Op> {
    lookup(&UNPIN, restore)
}

/// Which pinned locals a return restores, as a number.
pub fn restore(ints: bool, floats: bool) -> usize {
    usize::from(ints) + 2 * usize::from(floats)
}

/// The op for `d := x` in the integer registers.
pub fn mov(d: Class, x: Class) -> Option<Op> {
    lookup(&MOV, d as usize * CLASSES + x as usize)
}

/// The op for `d := x` in the float registers.
pub fn fmov(d: Class, x: Class) -> Option<Op> {
    lookup(&FMOV, d as usize * CLASSES + x as usize)
}

/// The op for `d := 64-bit constant`.
pub fn const64(float: bool, d: Class) -> Option<Op> {
    lookup(if float { &FCONST } else { &CONST }, d as usize)
}

/// The op for `d := if c { x } else { y }`.
pub fn select(float: bool, d: Class, x: Class, y: Class, c: Class) -> Option<Op> {
    use Class::*;
    let combo = match (x, y) {
        (S, S) => 0,
        (A, S) => 1,
        (S, A) => 2,
        (I, S) => 3,
        (S, I) => 4,
        (I, I) => 5,
        _ => return None,
    };
    if c as u8 > 1 {
        return None;
    }
    lookup(if float { &FSELECT } else { &SELECT }, d as usize * 12 + c as usize * 6 + combo)
}

/// The op that traps if `x` is null.
pub fn trap_if_null(x: Class) -> Option<Op> {
    lookup(&TRAP_IF_NULL, x as usize)
}

/// The op for `d := get[x + offset]`, a field of an object.
pub fn struct_get(op: Get, d: Class, x: Class) -> Option<Op> {
    if x as u8 > 1 || d == Class::I {
        return None;
    }
    lookup(&STRUCT_GET, (op as usize * CLASSES + d as usize) * 2 + x as usize)
}

/// The op for `set[x + offset] := v`.
pub fn struct_set(op: Set, x: Class, v: Class) -> Option<Op> {
    if x as u8 > 1 {
        return None;
    }
    lookup(&STRUCT_SET, (op as usize * 2 + x as usize) * CLASSES + v as usize)
}

/// The op for `acc := get x[y]`, an element of an array.
pub fn array_get(op: Get, x: Class, y: Class) -> Option<Op> {
    use Class::*;
    let combo = match (x, y) {
        (S, S) => 0,
        (S, A) => 1,
        (S, L) => 2,
        (S, I) => 3,
        (A, S) => 4,
        _ => return None,
    };
    lookup(&ARRAY_GET, op as usize * CLASSES * 5 + combo)
}

/// The op for `set S[x][y] := v`.
pub fn array_set(op: Set, y: Class, v: Class) -> Option<Op> {
    if y as u8 > 2 || v as u8 > 2 {
        return None;
    }
    lookup(&ARRAY_SET, (op as usize * 3 + y as usize) * 3 + v as usize)
}

/// What a cast looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Cast {
    /// The kind of an object.
    Kind = 0,
    /// A defined structure or array type.
    Type = 1,
    /// A defined function type.
    Func = 2,
}

/// The op for `acc := x is of type`.
pub fn ref_test(mode: Cast, x: Class) -> Option<Op> {
    if x as u8 > 1 {
        return None;
    }
    lookup(&REF_TEST, mode as usize * CLASSES * 2 + x as usize)
}

/// The op that traps unless `x` is of a type.
pub fn ref_cast(mode: Cast, x: Class) -> Option<Op> {
    if x as u8 > 1 {
        return None;
    }
    lookup(&REF_CAST, mode as usize * 2 + x as usize)
}

/// The op for a branch if `x` is of a type (`taken`), or if not.
pub fn br_on_cast(mode: Cast, taken: bool, x: Class) -> Option<Op> {
    if x as u8 > 1 {
        return None;
    }
    lookup(&BR_ON_CAST, (mode as usize * 2 + usize::from(taken)) * 2 + x as usize)
}

/// The op for `d := global`.
pub fn global_get(float: bool, d: Class) -> Option<Op> {
    lookup(&GLOBAL_GET, usize::from(float) * CLASSES + d as usize)
}

/// The op for `global := x`.
pub fn global_set(float: bool, x: Class) -> Option<Op> {
    lookup(&GLOBAL_SET, usize::from(float) * CLASSES + x as usize)
}

const LOAD_KINDS: usize = Load::F64Load as usize + 1;
const STORE_KINDS: usize = Store::F64Store as usize + 1;

/// How accesses to memory 0 keep inside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bounds {
    /// By guard pages.
    Guarded = 0,
    /// By comparison.
    Checked = 1,
    /// By comparison of a 64-bit index.
    Wide = 2,
}

/// The op for `d := load[x + offset]` from memory 0.
pub fn load(op: Load, bounds: Bounds, d: Class, x: Class) -> Option<Op> {
    let kind = bounds as usize * LOAD_KINDS + op as usize;
    lookup(&LOAD, (kind * CLASSES + d as usize) * CLASSES + x as usize)
}

/// The op for `store[x + offset] := v` to memory 0.
pub fn store(op: Store, bounds: Bounds, x: Class, v: Class) -> Option<Op> {
    let kind = bounds as usize * STORE_KINDS + op as usize;
    lookup(&STORE, (kind * CLASSES + x as usize) * CLASSES + v as usize)
}

/// The op for a load from any memory, with a 32- or 64-bit index.
pub fn load_general(op: Load, wide: bool) -> Option<Op> {
    lookup(&LOAD_GENERAL, op as usize * 2 + usize::from(wide))
}

/// The op for a store to any memory, with a 32- or 64-bit index.
pub fn store_general(op: Store, wide: bool) -> Option<Op> {
    lookup(&STORE_GENERAL, op as usize * 2 + usize::from(wide))
}

/// Size in bytes of the instruction with this op, the table of distances behind a `br_table`
/// included. `field` reads a 32-bit operand field. `None` if the size is out of range.
pub fn instruction_size(op: Op, field: impl Fn(usize) -> Option<u32>) -> Option<usize> {
    if !op.is_br_table() {
        return Some(op.size());
    }
    let distances = (field(op.tail() + 4)? as usize).checked_add(1)?.checked_mul(4)?;
    Some(len(op.body() + distances))
}

impl Op {
    /// Whether a table of distances follows the operands.
    pub fn is_br_table(self) -> bool {
        let last = self.parts().last().map_or(self as u16, |part| *part);
        [Op::BrTableA, Op::BrTableS, Op::BrTableL, Op::BrTableM].iter().any(|op| *op as u16 == last)
    }
}

/// Where the distances of an instruction with this op stand, in bytes from its start, from where they
/// count too.
pub fn branches(op: Op, field: impl Fn(usize) -> Option<u32>) -> impl Iterator<Item = usize> {
    // A distance stands at field 4 of its part.
    let own = [op as u16];
    let parts = op.parts();
    let count = parts.len().max(1);
    let mut from = HEAD;
    let single = (0..count).filter_map(move |i| {
        let shape = &SHAPES[usize::from(if parts.is_empty() { own[0] } else { parts[i] })];
        let place = shape.has_target.then_some(from + 4);
        from += usize::from(shape.body);
        place
    });
    let tail = op.tail();
    let listed = if op.is_br_table() { field(tail + 4).unwrap_or(0) as usize + 1 } else { 0 };
    single.chain((0..listed).map(move |i| HEAD + tail + 8 + i * 4))
}

/// A place in the trie of the sequences that have a fused op: how far one has been read.
///
/// A node's edges end where `FUSION_NODES` says, begin where those of the node before end, and are in
/// order of their ops; beside the end is the fused op that ends at the node, plus one, or 0.
#[derive(Clone, Copy)]
pub struct Fusion(u16);

impl Fusion {
    /// Nothing read yet.
    pub const START: Fusion = Fusion(0);

    /// Reads an op.
    pub fn then(self, op: Op) -> Option<Fusion> {
        let node = usize::from(self.0);
        let end = usize::from(FUSION_NODES[node].0);
        let start = node.checked_sub(1).map_or(0, |before| usize::from(FUSION_NODES[before].0));
        let edges = &FUSION_EDGES[start..end];
        let found = edges.binary_search_by_key(&(op as u16), |edge| edge.0).ok()?;
        Some(Fusion(edges[found].1))
    }

    /// The fused op for what was read; of an op's forms the one that forwards, see [`Op::form`].
    pub fn op(self) -> Option<Op> {
        FUSION_NODES[usize::from(self.0)].1.checked_sub(1).and_then(Op::from_u16)
    }
}
