//! THE op table: every bytecode instruction is a row made here, and everything else that knows
//! about instructions (enum, handler list, translator lookups, disassembler, docs/bytecode.md, the
//! profiler's names, asm-check's list) is generated from the rows. The build script includes this
//! file, so it depends on nothing but `std`.
//!
//! # Anatomy of an op name
//!
//! ```text
//!   i32_add_asi                      i32_load8_u_sl              br_i32_lt_s_si
//!   ───┬─── │││                      ─────┬───── ││              ─────┬───── ││
//!   Wasm op ││└ rhs: immediate       Wasm op     │└ address      branch if   │└ rhs
//!           │└ lhs: slot                         └ destination               └ lhs
//!           └ destination: accumulator
//! ```
//!
//! Operand classes:
//!
//! | letter | reads | writes |
//! |---|---|---|
//! | `a` | the accumulator (integer or float, by the operand's type) | the accumulator only |
//! | `s` | a frame slot | the slot, and the accumulator too, so that the next op can use `a` |
//! | `l` | the first pinned local (integer or float, by type) | the same |
//! | `m` | the second pinned local | the same |
//! | `n` | the third pinned local (floats only) | the same |
//! | `i` | an immediate in the instruction | |
//! | `k` | (addresses) nothing: the address is the offset | |
//! | `0` to `4` | (in fused ops) the slot that this part has written, from the register that it came from | |

#[path = "table/atomic.rs"]
mod atomic;
#[path = "table/control.rs"]
mod control;
#[path = "table/memory.rs"]
mod memory;
#[path = "table/moves.rs"]
mod moves;
#[path = "table/numeric.rs"]
mod numeric;
#[path = "table/object.rs"]
mod object;
#[path = "table/reference.rs"]
mod reference;
#[path = "table/simd.rs"]
mod simd;

/// What an operand field of an instruction holds, for the disassembler and the encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Signed 16-bit slot number, written.
    Dst,
    /// Signed 16-bit slot number, read.
    Slot,
    /// The accumulator, no bits in the stream.
    Acc,
    /// A pinned local, no bits in the stream.
    Pin,
    /// Signed 16-bit immediate.
    Imm16,
    /// Signed 32-bit immediate.
    Imm32,
    /// Raw 64-bit immediate.
    Imm64,
    /// 32-bit float immediate (low half of an 8-byte field).
    F32,
    /// 64-bit float immediate.
    F64,
    /// Unsigned 32-bit memory offset.
    Off32,
    /// Unsigned 64-bit memory offset.
    Off64,
    /// Branch target: signed 32-bit distance in bytes from this instruction.
    Target,
    /// Unsigned 16-bit count.
    Count,
    /// Unsigned 32-bit count.
    Count32,
    /// Byte offset of a defined function's code entry: 16 times its index.
    Func,
    /// Byte offset into the instance context.
    Ctx,
    /// Canonical type id (relocated when code is loaded).
    Type,
    /// Runtime function: its number in the runtime namespace, replaced by its address on loading.
    Runtime,
    /// 16 raw bytes.
    Bytes16,
}

impl Kind {
    /// Whether it is the number of a slot.
    pub fn is_slot(self) -> bool {
        matches!(self, Kind::Dst | Kind::Slot)
    }

    /// All kinds; the index is the kind's number.
    pub const ALL: [Kind; 19] = [
        Kind::Dst,
        Kind::Slot,
        Kind::Acc,
        Kind::Pin,
        Kind::Imm16,
        Kind::Imm32,
        Kind::Imm64,
        Kind::F32,
        Kind::F64,
        Kind::Off32,
        Kind::Off64,
        Kind::Target,
        Kind::Count,
        Kind::Count32,
        Kind::Func,
        Kind::Ctx,
        Kind::Type,
        Kind::Runtime,
        Kind::Bytes16,
    ];
}

/// One operand of an instruction: name, kind, byte offset behind the head.
pub type Field = (&'static str, Kind, u8);

/// One instruction.
pub struct Row {
    /// The one spelling of its name.
    pub name: String,
    /// Family: the generic handler it is an instance of.
    pub family: &'static str,
    /// Operand bytes behind the head, before rounding.
    pub body: u8,
    /// Operands in display order.
    pub fields: Vec<Field>,
    /// The effect, as an equation.
    pub effect: String,
    /// The handler: a Rust expression of type `unsafe fn(&mut Regs) -> Step`.
    pub handler: String,
    /// Where the translator finds it: lookup table and position.
    pub key: Option<(&'static str, usize)>,
    /// For a fused op: the opcodes of its parts.
    pub parts: Vec<usize>,
    /// Bytes of operands of all parts but the last.
    pub tail: u8,
    /// For a fused op: whether its last part branches to the op itself, which is a whole loop then.
    pub again: bool,
    /// For a fused op: operands that come from an earlier part, in order.
    pub forwards: Vec<Forward>,
}

/// An operand of a part of a fused op that is the slot which an earlier part writes: its value is
/// taken from where it was computed, not from the slot.
#[derive(PartialEq, Eq)]
pub struct Forward {
    /// The part that reads.
    pub reader: u8,
    /// Which letter of its name the operand is, counted from the last.
    pub letter: u8,
    /// Place of its field.
    pub field: u8,
    /// The part that writes.
    pub writer: u8,
    /// A bit for each part between them that writes a slot: another one.
    pub rewriters: u8,
}

/// Handlers whose operands may be forwarded: those of scalars, which write at most one slot.
const FORWARDING: [&str; 16] = [
    "binary::binary::",
    "binary::binary_trapping::",
    "binary::unary::",
    "binary::unary_trapping::",
    "branch::br_compare::",
    "branch::br_eqz::",
    "branch::br_nez::",
    "call::ret_value::",
    "control::br_table::",
    "global::get::",
    "global::set::",
    "memory::load::",
    "memory::store::",
    "mov::const64::",
    "mov::mov::",
    "select::select::",
];

/// The name of a fused op's part without what it says of forwarded operands: `i32_add_a0` to
/// `i32_add_as`.
pub fn unfused_name(part: &str) -> String {
    let Some((name, letters)) = part.rsplit_once('_') else { return part.into() };
    if letters.chars().any(|c| !"aslmnik01234".contains(c)) {
        return part.into();
    }
    format!("{name}_{}", letters.replace(|c: char| c.is_ascii_digit(), "s"))
}

impl Row {
    /// Whether its handler may go on in another one that finishes the instruction and continues with the
    /// one behind it. As a part of a fused op it would skip the parts that follow, or run what is not code.
    fn resumes(&self) -> bool {
        ["bulk::", "host::", "object::struct_new"].iter().any(|it| self.handler.starts_with(it))
    }

    /// Whether it writes a slot.
    fn writes(&self) -> bool {
        self.fields.iter().any(|field| field.1 == Kind::Dst)
    }

    /// Whether what it reads and writes can be forwarded.
    fn can_forward(&self) -> bool {
        FORWARDING.iter().any(|family| self.handler.starts_with(family))
            && !self.handler.contains("V128")
    }

    /// The number, among the slots that it reads, of the one at this place.
    fn read_slot(&self, field: u8) -> usize {
        let mut slots = self.fields.iter().filter(|own| own.1 == Kind::Slot);
        slots.position(|own| own.2 == field).expect("a slot that is read")
    }

    /// The handler with operands forwarded: those that are given, by their number among the slots that
    /// are read, from these parts; and with what it writes kept as what part `keep` has written.
    fn forwarded(&self, sources: &[(usize, u8)], keep: Option<usize>) -> String {
        if sources.is_empty() && keep.is_none() {
            return self.handler.clone();
        }
        assert!(self.can_forward(), "fused.txt: {} cannot forward", self.name);
        let start = self.handler.find("::<").expect("parameters") + 3;
        let end = start + self.handler[start..].find('>').expect("their end");
        let mut dst = self.writes();
        let mut read = 0;
        let parameters = self.handler[start..end].split(", ").map(|class| match class {
            "S" | "P" if dst => {
                dst = false;
                keep.map_or(class.into(), |part| format!("Keep<{part}, {class}>"))
            }
            "S" => {
                read += 1;
                let source = sources.iter().find(|source| source.0 + 1 == read);
                source.map_or(class.into(), |(_, part)| format!("Kept<{part}>"))
            }
            _ => class.into(),
        });
        let parameters: Vec<String> = parameters.collect();
        format!("{}{}{}", &self.handler[..start], parameters.join(", "), &self.handler[end..])
    }

    /// The lookup key of the same op with another destination class, if it has forms for several.
    pub fn with_dst(&self, class: usize) -> Option<(&'static str, usize)> {
        let (table, position) = self.key?;
        // How far apart the forms are.
        let stride = match table {
            "BINARY" => CLASSES * CLASSES,
            "SELECT" | "FSELECT" => 12,
            "UNARY" | "LOAD" => CLASSES,
            "STRUCT_GET" | "REF_TEST" => 2,
            "ARRAY_GET" => 5,
            "GLOBAL_GET" => 1,
            "VEC_BINARY" | "VEC_PERMUTE2" => 4,
            "VEC_SHIFT" => 2 * CLASSES,
            "VEC_LOAD" => CLASSES,
            "VEC_UNARY" | "VEC_PERMUTE" => 2,
            "VEC_CONST" | "VEC_GLOBAL_GET" | "VEC_EXTRACT" => 1,
            _ => return None,
        };
        let own = position / stride % CLASSES;
        Some((table, position - own * stride + class * stride))
    }
}

/// An operator that the translator selects by number and operand classes.
pub struct Operator {
    /// Wasm-like name.
    pub name: &'static str,
    /// Which enum it belongs to.
    pub set: &'static str,
}

/// The whole table.
#[derive(Default)]
pub struct Table {
    /// All rows; the index is the opcode.
    pub rows: Vec<Row>,
    /// Members of the operator enums, in order.
    pub operators: Vec<Operator>,
}

/// Number of operand classes: the base of positions in lookup tables.
pub const CLASSES: usize = 6;

/// Where the result of an integer op can go.
const INT_DSTS: [char; 4] = ['a', 's', 'l', 'm'];
/// Where the result of a float op can go.
const FLOAT_DSTS: [char; 5] = ['a', 's', 'l', 'm', 'n'];

fn class(letter: char) -> usize {
    match letter {
        'a' => 0,
        's' => 1,
        'l' => 2,
        'm' => 3,
        'n' => 4,
        'i' | 'k' => 5,
        _ => unreachable!("operand class"),
    }
}

fn ty(letter: char) -> char {
    letter.to_ascii_uppercase()
}

fn show(letter: char, name: &str) -> String {
    match letter {
        'a' => "acc".into(),
        's' => format!("S[{name}]"),
        'l' => "pin0".into(),
        'm' => "pin1".into(),
        'n' => "pin2".into(),
        _ => name.into(),
    }
}

fn show_dst(letter: char) -> &'static str {
    match letter {
        'a' => "acc",
        's' => "S[dst], acc",
        'l' => "pin0",
        'm' => "pin1",
        _ => "pin2",
    }
}

fn dst_field(letter: char, at: u8) -> Field {
    match letter {
        'a' => ("acc", Kind::Acc, 0),
        's' => ("dst", Kind::Dst, at),
        'l' => ("pin0", Kind::Pin, 0),
        'm' => ("pin1", Kind::Pin, 0),
        _ => ("pin2", Kind::Pin, 0),
    }
}

fn src_field(letter: char, name: &'static str, at: u8, imm: Kind) -> Field {
    match letter {
        'a' => ("acc", Kind::Acc, 0),
        's' => (name, Kind::Slot, at),
        'l' => ("pin0", Kind::Pin, 0),
        'm' => ("pin1", Kind::Pin, 0),
        'n' => ("pin2", Kind::Pin, 0),
        _ => (name, imm, at),
    }
}

impl Table {
    /// Builds all rows. The order is the numbering; it is the same for every target.
    pub fn build(fused: &str) -> Table {
        let mut t = Table::default();
        t.control();
        t.calls();
        t.moves();
        t.integer();
        t.float();
        t.unary();
        t.compare_and_branch();
        t.select();
        t.globals();
        t.memory();
        t.memory_general();
        t.references();
        t.objects();
        t.simd();
        t.atomics();
        t.fused(fused);
        t
    }

    /// The ops of fused.txt: sequences of ops that are dispatched as one. The operands of the
    /// parts follow each other behind one head. With the word `again` behind it a sequence is an op
    /// for the place where the branch that it ends in leads to its own beginning.
    fn fused(&mut self, list: &str) {
        let known: std::collections::HashMap<String, usize> =
            self.rows.iter().enumerate().map(|(i, row)| (row.name.clone(), i)).collect();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let sequence = line.trim_end_matches(" again");
            let again = sequence.len() < line.len();
            let names: Vec<&str> = sequence.split_whitespace().collect();
            let parts: Vec<usize> = names
                .iter()
                .map(|name| {
                    let found = known.get(*name).or_else(|| known.get(&unfused_name(name)));
                    *found.unwrap_or_else(|| panic!("fused.txt: no op {name}"))
                })
                .collect();
            assert!(
                parts.iter().all(|part| !self.rows[*part].resumes()),
                "fused.txt: {sequence} has a part that continues behind an instruction of its own"
            );
            let forwards = self.forwards(&names, &parts);
            let mut shift = 0;
            let mut tail = 0;
            let mut fields = Vec::new();
            let mut handler = String::new();
            let mut effects = Vec::new();
            for (i, part) in parts.iter().enumerate() {
                let row = &self.rows[*part];
                fields.extend(row.fields.iter().map(|(name, kind, at)| (*name, *kind, at + shift)));
                effects.push(row.effect.clone());
                tail = shift;
                shift += row.body;
                handler += match i {
                    0 if again && sequence.ends_with(" br") => "fuse_again!(Next: ",
                    0 if again => "fuse_again!(Taken: ",
                    0 => "fuse!(",
                    _ if i + 1 == parts.len() => " => ",
                    _ => ", ",
                };
                let sources: Vec<(usize, u8)> = forwards
                    .iter()
                    .filter(|forward| usize::from(forward.reader) == i)
                    .map(|forward| (row.read_slot(forward.field), forward.writer))
                    .collect();
                let keeps = forwards.iter().any(|forward| usize::from(forward.writer) == i);
                handler += &row.forwarded(&sources, keeps.then_some(i));
            }
            handler.push(')');
            self.rows.push(Row {
                name: line.split_whitespace().collect::<Vec<_>>().join("__"),
                family: "fused",
                body: shift,
                fields,
                effect: effects.join("; "),
                handler,
                key: None,
                parts,
                tail,
                again,
                forwards,
            });
        }
    }

    /// The operands that are forwarded in a fused op of these parts, from their names.
    fn forwards(&self, names: &[&str], parts: &[usize]) -> Vec<Forward> {
        let mut forwards = Vec::new();
        for (reader, (name, part)) in names.iter().zip(parts).enumerate() {
            let row = &self.rows[*part];
            if *name == row.name {
                continue;
            }
            let letters = name.len() - name.rfind('_').map_or(0, |at| at + 1);
            let slots =
                row.fields.iter().filter(|field| field.1 == Kind::Slot).map(|field| field.2);
            // The letters of the sources, which read slots or, as digits, what was written to them.
            let sources = name.char_indices().skip(name.len() - letters);
            let sources = sources.skip(usize::from(row.writes()));
            let sources = sources.filter(|(_, letter)| *letter == 's' || letter.is_ascii_digit());
            for ((at, letter), field) in sources.zip(slots) {
                let Some(writer) = letter.to_digit(10) else { continue };
                let writer = writer as usize;
                assert!(
                    writer < reader && self.rows[parts[writer]].writes(),
                    "fused.txt: {} has nothing of part {writer} to read",
                    names.join(" ")
                );
                let between = (writer + 1..reader).filter(|i| self.rows[parts[*i]].writes());
                forwards.push(Forward {
                    reader: reader as u8,
                    letter: (name.len() - at) as u8,
                    field,
                    writer: writer as u8,
                    rewriters: between.map(|i| 1 << i).sum(),
                });
            }
        }
        if let Some(last) = forwards.last() {
            let first = forwards.iter().map(|forward| forward.writer).min().unwrap_or_default();
            let across = usize::from(first)..=usize::from(last.reader);
            for row in parts[across].iter().map(|part| &self.rows[*part]) {
                let dsts = || row.fields.iter().filter(|field| field.1 == Kind::Dst);
                assert!(
                    row.can_forward() && dsts().count() <= 1 && dsts().all(|field| field.2 == 0)
                        || row.handler.starts_with("control::br")
                        || row.handler.starts_with("call::"),
                    "fused.txt: {} forwards across {}",
                    names.join(" "),
                    row.name
                );
            }
        }
        forwards
    }

    #[allow(clippy::too_many_arguments)]
    fn row(
        &mut self,
        name: impl Into<String>,
        family: &'static str,
        body: u8,
        fields: Vec<Field>,
        effect: impl Into<String>,
        handler: impl Into<String>,
        key: Option<(&'static str, usize)>,
    ) {
        self.rows.push(Row {
            name: name.into(),
            family,
            body,
            fields,
            effect: effect.into(),
            handler: handler.into(),
            key,
            parts: Vec::new(),
            tail: 0,
            again: false,
            forwards: Vec::new(),
        });
    }

    /// Number of `name` in operator enum `set`, added if new.
    fn operator(&mut self, set: &'static str, name: &'static str) -> usize {
        let known = self.operators.iter().filter(|o| o.set == set).position(|o| o.name == name);
        known.unwrap_or_else(|| {
            self.operators.push(Operator { name, set });
            self.operators.iter().filter(|o| o.set == set).count() - 1
        })
    }
}

/// Operator names live as long as the build script.
fn leak(name: String) -> &'static str {
    name.leak()
}
