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
}

impl Row {
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
            let parts: Vec<usize> = sequence
                .split_whitespace()
                .map(|name| *known.get(name).unwrap_or_else(|| panic!("fused.txt: no op {name}")))
                .collect();
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
                handler += &row.handler;
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
            });
        }
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
