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
    /// How far apart in the lookup table the forms of one op with different destinations are, if it
    /// has these forms.
    pub fn dst_stride(&self) -> Option<usize> {
        Some(match self.key?.0 {
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
        })
    }
}

impl Row {
    /// The destination class of a row with a [`Row::dst_stride`], given its position divided by that.
    pub fn dst_class(&self, position: usize) -> usize {
        position % CLASSES
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

#[path = "table/object.rs"]
mod object;
#[path = "table/reference.rs"]
mod reference;

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

/// Combinations of source classes for a binary op on integers. A pair of equal registers goes through
/// a copy: it is rare.
fn pairs(commutative: bool) -> &'static [&'static str] {
    if commutative {
        &["as", "al", "am", "ls", "ms", "lm", "ss", "ai", "si", "li", "mi"]
    } else {
        &[
            "as", "sa", "al", "la", "am", "ma", "sl", "ls", "sm", "ms", "lm", "ml", "ss", "ai",
            "si", "li", "mi",
        ]
    }
}

/// The same for shifts, whose count is seldom in a register.
const SHIFT_PAIRS: [&str; 12] =
    ["as", "sa", "al", "la", "ma", "sl", "ls", "ss", "ai", "si", "li", "mi"];

/// The same for comparisons as values, which mostly go to branches instead.
fn compare_pairs(commutative: bool) -> &'static [&'static str] {
    if commutative {
        &["as", "ss", "ai", "si", "al", "ls", "li", "mi"]
    } else {
        &["as", "sa", "ss", "ai", "si", "al", "la", "ls", "sl", "li", "mi"]
    }
}

/// The same for float addition and multiplication (`commutative`) and subtraction and division.
/// Squares and doubles are frequent.
fn float_pairs(commutative: bool) -> &'static [&'static str] {
    if commutative {
        &[
            "aa", "as", "al", "am", "an", "ls", "ms", "ns", "ll", "lm", "ln", "mm", "mn", "nn",
            "ss", "ai", "si", "li", "mi",
        ]
    } else {
        &[
            "as", "sa", "al", "la", "am", "ma", "an", "na", "ls", "sl", "ms", "sm", "ns", "sn",
            "lm", "ml", "ln", "nl", "mn", "nm", "ss", "ai", "si", "li", "mi",
        ]
    }
}

/// `(name, commutative)` of the integer operators without traps, width-generic.
const INT_BINARY: [(&str, bool); 11] = [
    ("add", true),
    ("sub", false),
    ("mul", true),
    ("and", true),
    ("or", true),
    ("xor", true),
    ("shl", false),
    ("shr_s", false),
    ("shr_u", false),
    ("rotl", false),
    ("rotr", false),
];

const INT_DIVISION: [&str; 4] = ["div_s", "div_u", "rem_s", "rem_u"];

/// Integer comparisons that exist between two registers or slots; `gt` and `ge` swap operands.
const INT_COMPARE: [(&str, bool); 10] = [
    ("eq", true),
    ("ne", true),
    ("lt_s", false),
    ("lt_u", false),
    ("le_s", false),
    ("le_u", false),
    ("gt_s", false),
    ("gt_u", false),
    ("ge_s", false),
    ("ge_u", false),
];

const FLOAT_BINARY: [(&str, bool); 7] = [
    ("add", true),
    ("sub", false),
    ("mul", true),
    ("div", false),
    ("min", true),
    ("max", true),
    ("copysign", false),
];

const FLOAT_COMPARE: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];

/// `(operator, source type, result type)`; the types say which accumulator is meant.
pub const UNARY: [(&str, char, char); 52] = [
    ("i32_clz", 'i', 'i'),
    ("i32_ctz", 'i', 'i'),
    ("i32_popcnt", 'i', 'i'),
    ("i32_eqz", 'i', 'i'),
    ("i32_extend8_s", 'i', 'i'),
    ("i32_extend16_s", 'i', 'i'),
    ("i64_clz", 'i', 'i'),
    ("i64_ctz", 'i', 'i'),
    ("i64_popcnt", 'i', 'i'),
    ("i64_eqz", 'i', 'i'),
    ("i64_extend8_s", 'i', 'i'),
    ("i64_extend16_s", 'i', 'i'),
    ("i64_extend32_s", 'i', 'i'),
    ("i64_extend_i32_s", 'i', 'i'),
    ("i64_extend_i32_u", 'i', 'i'),
    ("i32_wrap_i64", 'i', 'i'),
    ("f32_abs", 'f', 'f'),
    ("f32_neg", 'f', 'f'),
    ("f32_ceil", 'f', 'f'),
    ("f32_floor", 'f', 'f'),
    ("f32_trunc", 'f', 'f'),
    ("f32_nearest", 'f', 'f'),
    ("f32_sqrt", 'f', 'f'),
    ("f64_abs", 'f', 'f'),
    ("f64_neg", 'f', 'f'),
    ("f64_ceil", 'f', 'f'),
    ("f64_floor", 'f', 'f'),
    ("f64_trunc", 'f', 'f'),
    ("f64_nearest", 'f', 'f'),
    ("f64_sqrt", 'f', 'f'),
    ("f32_demote_f64", 'f', 'f'),
    ("f64_promote_f32", 'f', 'f'),
    ("i32_trunc_sat_f32_s", 'f', 'i'),
    ("i32_trunc_sat_f32_u", 'f', 'i'),
    ("i32_trunc_sat_f64_s", 'f', 'i'),
    ("i32_trunc_sat_f64_u", 'f', 'i'),
    ("i64_trunc_sat_f32_s", 'f', 'i'),
    ("i64_trunc_sat_f32_u", 'f', 'i'),
    ("i64_trunc_sat_f64_s", 'f', 'i'),
    ("i64_trunc_sat_f64_u", 'f', 'i'),
    ("f32_convert_i32_s", 'i', 'f'),
    ("f32_convert_i32_u", 'i', 'f'),
    ("f32_convert_i64_s", 'i', 'f'),
    ("f32_convert_i64_u", 'i', 'f'),
    ("f64_convert_i32_s", 'i', 'f'),
    ("f64_convert_i32_u", 'i', 'f'),
    ("f64_convert_i64_s", 'i', 'f'),
    ("f64_convert_i64_u", 'i', 'f'),
    ("i32_reinterpret_f32", 'f', 'i'),
    ("i64_reinterpret_f64", 'f', 'i'),
    ("f32_reinterpret_i32", 'i', 'f'),
    ("f64_reinterpret_i64", 'i', 'f'),
];

/// Float to integer conversions that trap.
const UNARY_TRAPPING: [&str; 8] = [
    "i32_trunc_f32_s",
    "i32_trunc_f32_u",
    "i32_trunc_f64_s",
    "i32_trunc_f64_u",
    "i64_trunc_f32_s",
    "i64_trunc_f32_u",
    "i64_trunc_f64_s",
    "i64_trunc_f64_u",
];

/// `(operator, value type, native memory type, access bytes)`.
const LOADS: [(&str, &str, &str, u32); 14] = [
    ("i32_load", "u32", "u32", 4),
    ("i32_load8_s", "u32", "i8", 1),
    ("i32_load8_u", "u32", "u8", 1),
    ("i32_load16_s", "u32", "i16", 2),
    ("i32_load16_u", "u32", "u16", 2),
    ("i64_load", "u64", "u64", 8),
    ("i64_load8_s", "u64", "i8", 1),
    ("i64_load8_u", "u64", "u8", 1),
    ("i64_load16_s", "u64", "i16", 2),
    ("i64_load16_u", "u64", "u16", 2),
    ("i64_load32_s", "u64", "i32", 4),
    ("i64_load32_u", "u64", "u32", 4),
    ("f32_load", "f32", "f32", 4),
    ("f64_load", "f64", "f64", 8),
];

const STORES: [(&str, &str, &str, u32); 9] = [
    ("i32_store", "u32", "u32", 4),
    ("i32_store8", "u32", "u8", 1),
    ("i32_store16", "u32", "u16", 2),
    ("i64_store", "u64", "u64", 8),
    ("i64_store8", "u64", "u8", 1),
    ("i64_store16", "u64", "u16", 2),
    ("i64_store32", "u64", "u32", 4),
    ("f32_store", "f32", "f32", 4),
    ("f64_store", "f64", "f64", 8),
];

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

    fn control(&mut self) {
        use Kind::*;
        self.row(
            "trap",
            "control",
            8,
            vec![("code", Imm32, 0)],
            "trap with code",
            "control::trap_op",
            None,
        );
        self.row("br", "control", 8, vec![("to", Target, 4)], "pc := to", "control::br", None);
        for d in INT_DSTS {
            self.row(
                format!("br_table_{d}"),
                "br_table",
                8,
                vec![src_field(d, "index", 0, Imm16), ("count", Count32, 4)],
                format!(
                    "pc := targets[min({}, count)]; count + 1 distances follow",
                    show(d, "index")
                ),
                format!("control::br_table::<{}>", ty(d)),
                Some(("BR_TABLE", class(d))),
            );
        }
        self.row(
            "zero_locals",
            "control",
            8,
            vec![("first", Dst, 0), ("count", Count, 2)],
            "S[first .. first + count] := 0",
            "control::zero_locals",
            None,
        );
        self.row(
            "exit",
            "control",
            0,
            vec![],
            "leave the activation: its results are in place",
            "control::exit",
            None,
        );
        self.row(
            "lazy_compile",
            "control",
            0,
            vec![],
            "translate the function, then run it",
            "host::lazy_compile",
            None,
        );
        self.row(
            "consume_fuel",
            "control",
            8,
            vec![("amount", Count32, 0)],
            "fuel := fuel - amount; trap when negative",
            "control::consume_fuel",
            None,
        );
        self.row(
            "check_interrupt",
            "control",
            0,
            vec![],
            "trap when the embedder asked for it",
            "control::check_interrupt",
            None,
        );
    }

    fn calls(&mut self) {
        use Kind::*;
        let delta = ("frame", Dst, 0);
        self.row(
            "call",
            "call",
            8,
            vec![delta, ("func", Func, 4)],
            "call code[func] with its frame at S[frame]",
            "call::call",
            None,
        );
        self.row(
            "call_import",
            "call",
            8,
            vec![delta, ("args", Slot, 2), ("at", Ctx, 4)],
            "call the function at ctx + at with its frame at S[frame], its arguments at S[args]",
            "call::call_import",
            None,
        );
        for x in INT_DSTS {
            self.row(
                format!("call_indirect_{x}"),
                "call",
                16,
                vec![delta, src_field(x, "index", 2, Imm16), ("table", Ctx, 4), ("type", Type, 8)],
                format!("call table[{}] after a type check", show(x, "index")),
                format!("call::call_indirect::<{}>", ty(x)),
                Some(("CALL_INDIRECT", class(x))),
            );
        }
        self.row(
            "call_indirect_sub",
            "call",
            16,
            vec![delta, ("index", Slot, 2), ("table", Ctx, 4), ("type", Type, 8)],
            "call table[S[index]] after a subtype check; 64-bit index",
            "call::call_indirect_general",
            None,
        );
        self.row(
            "call_ref",
            "call",
            8,
            vec![delta, ("func", Slot, 2)],
            "call the function that S[func] refers to",
            "call::call_ref",
            None,
        );
        let tail = |rest: &[Field]| {
            let mut fields =
                vec![("args", Slot, 0), ("count", Count, 2), ("to", Dst, 4), ("frame", Dst, 6)];
            fields.extend_from_slice(rest);
            fields
        };
        self.row(
            "return_call",
            "tail_call",
            16,
            tail(&[("func", Func, 8)]),
            "move the arguments to S[to], the header to S[frame], and jump to code[func]",
            "call::return_call",
            None,
        );
        self.row(
            "return_call_import",
            "tail_call",
            16,
            tail(&[("at", Ctx, 8)]),
            "the same, to the function at ctx + at",
            "call::return_call_import",
            None,
        );
        self.row(
            "return_call_indirect",
            "tail_call",
            24,
            tail(&[("table", Ctx, 8), ("type", Type, 12), ("index", Slot, 16)]),
            "the same, to table[S[index]] after a type check",
            "call::return_call_indirect::<false>",
            None,
        );
        self.row(
            "return_call_indirect_sub",
            "tail_call",
            24,
            tail(&[("table", Ctx, 8), ("type", Type, 12), ("index", Slot, 16)]),
            "the same after a subtype check; 64-bit index",
            "call::return_call_indirect::<true>",
            None,
        );
        self.row(
            "return_call_ref",
            "tail_call",
            16,
            tail(&[("func", Slot, 8)]),
            "the same, to the function that S[func] refers to",
            "call::return_call_ref",
            None,
        );
        self.row(
            "return_thunk",
            "call",
            0,
            vec![],
            "end of a call that left the instance: ctx := S[OWN_CTX]; pc := S[OWN_RESUME]",
            "call::return_thunk",
            None,
        );
        self.row(
            "call_indirect_host",
            "host",
            8,
            vec![("sig", Type, 0), ("args", Count32, 4)],
            "through the trampoline: call the host function of this frame, whose arguments are args slots below it, by signature sig; then return",
            "host::call_indirect_host",
            None,
        );
        self.row(
            "call_runtime",
            "host",
            24,
            vec![
                ("frame", Dst, 0),
                ("args", Slot, 2),
                ("x", Count32, 4),
                ("y", Count32, 8),
                ("z", Count32, 12),
                ("func", Runtime, 16),
            ],
            "through the trampoline: call a runtime function with arguments and results at S[args]",
            "host::call_runtime",
            None,
        );
        for (bits, ty) in [(32, "u32"), (64, "u64")] {
            self.row(
                format!("memory_grow_m{bits}"),
                "host",
                24,
                vec![
                    ("frame", Dst, 0),
                    ("args", Slot, 2),
                    ("memory", Ctx, 4),
                    ("wide", Count32, 8),
                    ("shift", Count32, 12),
                    ("func", Runtime, 16),
                ],
                "S[args] := size of the memory in pages of 1 << shift bytes if S[args] = 0; else as call_runtime",
                format!("host::memory_grow::<{ty}>"),
                None,
            );
        }
        for (name, operands, effect) in [
            (
                "fill",
                [("memory", Ctx, 4), ("y", Count32, 8)],
                "bytes from S[args] on := S[args + 1], S[args + 2] of them, if few; else as call_runtime",
            ),
            (
                "copy",
                [("to", Ctx, 4), ("from", Ctx, 8)],
                "bytes from S[args] on := those from S[args + 1] on, S[args + 2] of them, if few; else as call_runtime",
            ),
        ] {
            let mut fields = vec![("frame", Dst, 0), ("args", Slot, 2)];
            fields.extend(operands);
            fields.extend([("z", Count32, 12), ("func", Runtime, 16)]);
            self.row(
                format!("memory_{name}_m32"),
                "host",
                24,
                fields,
                effect,
                format!("bulk::{name}"),
                None,
            );
        }
        // A function that pins saves its caller's pinned locals on entry and restores them at the end:
        // its returns say which.
        self.row(
            "pin_ints",
            "call",
            8,
            vec![("src0", Slot, 0), ("src1", Slot, 2)],
            "save pinned integers in this frame; pin0 := S[src0]; pin1 := S[src1]",
            "call::pin_ints",
            None,
        );
        self.row(
            "pin_floats",
            "call",
            8,
            vec![("src0", Slot, 0), ("src1", Slot, 2), ("src2", Slot, 4)],
            "save pinned floats in this frame; pin0 := S[src0]; pin1 := S[src1]; pin2 := S[src2]",
            "call::pin_floats",
            None,
        );
        for (restore, suffix, ints, floats) in [
            (0, "", false, false),
            (1, "_ri", true, false),
            (2, "_rf", false, true),
            (3, "_rif", true, true),
        ] {
            let what = ["", "integers", "floats", "integers and floats"][restore];
            if restore > 0 {
                self.row(
                    format!("unpin{suffix}"),
                    "call",
                    0,
                    vec![],
                    format!("restore pinned {what}"),
                    format!("call::unpin::<{ints}, {floats}>"),
                    Some(("UNPIN", restore)),
                );
            }
            let tail =
                if restore == 0 { String::new() } else { format!("; restore pinned {what}") };
            self.row(
                format!("ret{suffix}"),
                "return",
                0,
                vec![],
                format!("pc := S[RET_PC]; fp := S[CALLER_FP]{tail}"),
                format!("call::ret::<{ints}, {floats}>"),
                Some(("RET", restore)),
            );
            for (n, (kind, t, classes)) in
                [("", "u64", "aslmi"), ("f", "f64", "aslmn")].into_iter().enumerate()
            {
                let pinned = if n == 0 { ints } else { floats };
                for x in classes.chars().filter(|x| pinned || matches!(x, 'a' | 's' | 'i')) {
                    let at = if x == 'i' { 4 } else { 0 };
                    self.row(
                        format!("ret_{kind}{x}{suffix}"),
                        "return",
                        8,
                        vec![("to", Dst, 2), src_field(x, "value", at, Imm32)],
                        format!("S[to] := {}; return{tail}", show(x, "value")),
                        format!("call::ret_value::<{}, {t}, {ints}, {floats}>", ty(x)),
                        Some(("RETURN", (restore * 2 + n) * CLASSES + class(x))),
                    );
                }
            }
        }
    }

    fn moves(&mut self) {
        use Kind::*;
        // Unlike other ops, a move to a slot leaves the accumulator alone: moves put values into
        // place between an op and the use of its result.
        let plain = |d: char| if d == 's' { 'P' } else { ty(d) };
        let target = |d: char| if d == 's' { "S[dst]" } else { show_dst(d) };
        for (prefix, t, table, consts) in
            [("", "u64", "MOV", "CONST"), ("f", "f64", "FMOV", "FCONST")]
        {
            let float = prefix == "f";
            for &d in if float { &FLOAT_DSTS[..] } else { &INT_DSTS } {
                for x in if float { "aslmn" } else { "aslmi" }.chars() {
                    if (d == x && d != 's') || (float && d == 's' && x == 's') {
                        continue;
                    }
                    self.row(
                        format!("{prefix}mov_{d}{x}"),
                        "mov",
                        8,
                        vec![
                            dst_field(d, 0),
                            src_field(x, "src", if x == 'i' { 4 } else { 2 }, Imm32),
                        ],
                        format!("{} := {}", target(d), show(x, "src")),
                        format!("mov::mov::<{}, {}, {t}>", plain(d), ty(x)),
                        Some((table, class(d) * CLASSES + class(x))),
                    );
                }
                if prefix == "f" && d == 's' {
                    continue;
                }
                self.row(
                    format!("{prefix}const_{d}"),
                    "mov",
                    16,
                    vec![dst_field(d, 0), ("value", if prefix == "f" { F64 } else { Imm64 }, 8)],
                    format!("{} := value", target(d)),
                    format!("mov::const64::<{}, {t}>", plain(d)),
                    Some((consts, class(d))),
                );
            }
        }
        self.row(
            "mov2",
            "mov",
            8,
            vec![("dst", Dst, 0), ("src", Slot, 2), ("dst2", Dst, 4), ("src2", Slot, 6)],
            "S[dst] := S[src]; S[dst2] := S[src2]",
            "mov::mov2",
            None,
        );
        self.row(
            "mov_span",
            "mov",
            8,
            vec![("dst", Dst, 0), ("src", Slot, 2), ("count", Count, 4)],
            "S[dst ..][..count] := S[src ..][..count], as if at once",
            "mov::mov_span",
            None,
        );
    }

    /// Adds the rows of one binary operator: `combos` of sources times destinations.
    fn binary(
        &mut self,
        name: &'static str,
        t: &str,
        trapping: bool,
        combos: &[&str],
        dsts: &[char],
    ) {
        let op = self.operator("Bin", name);
        let float = t.starts_with('f');
        for d in dsts {
            for combo in combos {
                let mut letters = combo.chars();
                let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                let (imm, at, body) = match (y, t) {
                    ('i', "f32") => (Kind::F32, 8, 16),
                    ('i', "f64") => (Kind::F64, 8, 16),
                    _ => (Kind::Imm32, 4, 8),
                };
                let handler = format!(
                    "binary::binary{}::<{}, {}, {}, _, _>(sem::{name})",
                    if trapping { "_trapping" } else { "" },
                    ty(*d),
                    ty(x),
                    if y == 'i' && float { "F".into() } else { ty(y).to_string() },
                );
                self.row(
                    format!("{name}_{d}{combo}"),
                    if float { "float" } else { "integer" },
                    body,
                    vec![
                        dst_field(*d, 0),
                        src_field(x, "lhs", 2, imm),
                        src_field(y, "rhs", at, imm),
                    ],
                    format!("{} := {name}({}, {})", show_dst(*d), show(x, "lhs"), show(y, "rhs")),
                    handler,
                    Some((
                        "BINARY",
                        ((op * CLASSES + class(*d)) * CLASSES + class(x)) * CLASSES + class(y),
                    )),
                );
            }
        }
    }

    fn integer(&mut self) {
        for width in ["i32", "i64"] {
            let t = if width == "i32" { "u32" } else { "u64" };
            for (op, commutative) in INT_BINARY {
                let name = leak(format!("{width}_{op}"));
                let shift = op.starts_with("sh") || op.starts_with("rot");
                let combos = if shift { &SHIFT_PAIRS } else { pairs(commutative) };
                self.binary(name, t, false, combos, &INT_DSTS);
            }
            for op in INT_DIVISION {
                let name = leak(format!("{width}_{op}"));
                let combos = ["as", "sa", "ss", "ai", "si", "li", "mi"];
                self.binary(name, t, true, &combos, &['a', 's']);
            }
            for (op, commutative) in INT_COMPARE {
                let name = leak(format!("{width}_{op}"));
                let combos: &[&str] = if op.starts_with('g') {
                    &["ai", "si", "li", "mi"]
                } else {
                    compare_pairs(commutative)
                };
                self.binary(name, t, false, combos, &['a', 's']);
            }
        }
    }

    fn float(&mut self) {
        for t in ["f32", "f64"] {
            for (op, commutative) in FLOAT_BINARY {
                let name = leak(format!("{t}_{op}"));
                if matches!(op, "add" | "sub" | "mul") {
                    self.binary(name, t, false, float_pairs(commutative), &FLOAT_DSTS);
                } else if op == "div" {
                    let combos = ["as", "sa", "al", "la", "ls", "sl", "lm", "ml", "ss", "ai", "si"];
                    self.binary(name, t, false, &combos, &['a', 's', 'l']);
                } else {
                    let combos: &[&str] = if commutative {
                        &["as", "ss", "ai", "si"]
                    } else {
                        &["as", "sa", "ss", "si"]
                    };
                    self.binary(name, t, false, combos, &['a', 's']);
                }
            }
            for op in FLOAT_COMPARE {
                let name = leak(format!("{t}_{op}"));
                let combos: &[&str] = match op {
                    "eq" | "ne" => &["as", "ss", "ai", "si"],
                    "gt" | "ge" => &["ai", "si"],
                    _ => &["as", "sa", "ss", "ai", "si"],
                };
                self.binary(name, t, false, combos, &['a', 's']);
            }
        }
    }

    fn unary(&mut self) {
        let all = UNARY
            .iter()
            .map(|u| (*u, false))
            .chain(UNARY_TRAPPING.iter().map(|n| ((*n, 'f', 'i'), true)));
        for ((name, from, to), trapping) in all {
            let op = self.operator("Un", name);
            let frequent = name.contains("extend")
                || name.contains("f64_convert_i32")
                || matches!(name, "f64_neg" | "f64_abs" | "f64_sqrt" | "f32_neg" | "f32_sqrt");
            let classes = |kind: char| match (frequent, trapping, kind) {
                (true, _, 'i') => "aslm",
                (true, _, _) => "aslmn",
                (_, true, _) => "as",
                _ => "asl",
            };
            for d in classes(to).chars() {
                for x in classes(from).chars() {
                    self.row(
                        format!("{name}_{d}{x}"),
                        if from == 'f' || to == 'f' { "float" } else { "integer" },
                        8,
                        vec![dst_field(d, 0), src_field(x, "src", 2, Kind::Imm32)],
                        format!("{} := {name}({})", show_dst(d), show(x, "src")),
                        format!(
                            "binary::unary{}::<{}, {}, _, _>(sem::{name})",
                            if trapping { "_trapping" } else { "" },
                            ty(d),
                            ty(x)
                        ),
                        Some(("UNARY", (op * CLASSES + class(d)) * CLASSES + class(x))),
                    );
                }
            }
        }
    }

    fn compare_and_branch(&mut self) {
        use Kind::*;
        for (op, test) in [("br_if", "nez"), ("br_unless", "eqz")] {
            for x in INT_DSTS {
                self.row(
                    format!("{op}_{x}"),
                    "branch",
                    8,
                    vec![src_field(x, "cond", 0, Imm16), ("to", Target, 4)],
                    format!(
                        "if {} {} 0: pc := to",
                        show(x, "cond"),
                        if test == "nez" { "!=" } else { "==" }
                    ),
                    format!("branch::br_{test}::<{}, u32>", ty(x)),
                    Some((if test == "nez" { "BR_IF" } else { "BR_UNLESS" }, class(x))),
                );
            }
        }
        for width in ["i32", "i64"] {
            // A bit test and a branch: `test` is taken when the common bits are not all zero.
            for (op, commutative) in
                INT_COMPARE.into_iter().chain([("test", true), ("ntest", true)])
            {
                let name = leak(format!("{width}_{op}"));
                let number = self.operator("Cmp", name);
                let combos: &[&str] = if commutative {
                    pairs(true)
                } else if op.starts_with('g') {
                    &["ai", "si", "li", "mi"]
                } else {
                    pairs(false)
                };
                for combo in combos {
                    let mut letters = combo.chars();
                    let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                    self.row(
                        format!("br_{name}_{combo}"),
                        "branch",
                        8,
                        vec![
                            src_field(x, "lhs", 0, Imm16),
                            src_field(y, "rhs", 2, Imm16),
                            ("to", Target, 4),
                        ],
                        format!("if {name}({}, {}): pc := to", show(x, "lhs"), show(y, "rhs")),
                        format!(
                            "branch::br_compare::<{}, {}, _>(sem::{name})",
                            ty(x),
                            if y == 'i' { "H".to_string() } else { ty(y).to_string() }
                        ),
                        Some(("BR_CMP", (number * CLASSES + class(x)) * CLASSES + class(y))),
                    );
                }
            }
        }
        for t in ["f32", "f64"] {
            for op in FLOAT_COMPARE {
                for negate in [false, true] {
                    if negate && matches!(op, "eq" | "ne") {
                        continue;
                    }
                    let name = leak(format!("{t}_{}{op}", if negate { "n" } else { "" }));
                    let number = self.operator("Cmp", name);
                    let combos: &[&str] = match op {
                        "eq" | "ne" => &["as", "ss", "al", "ls", "am", "lm", "ai", "si", "li"],
                        // Between registers these are asked for mirrored.
                        "gt" | "ge" => &["ai", "si", "li", "mi"],
                        _ => &[
                            "as", "sa", "ss", "al", "la", "am", "ma", "ls", "sl", "ms", "sm", "lm",
                            "ml", "ai", "si", "li", "mi",
                        ],
                    };
                    for combo in combos {
                        let mut letters = combo.chars();
                        let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                        let (imm, at, body) = match (y, t) {
                            ('i', "f32") => (F32, 8, 16),
                            ('i', _) => (F64, 8, 16),
                            _ => (Imm16, 2, 8),
                        };
                        self.row(
                            format!("br_{name}_{combo}"),
                            "branch",
                            body,
                            vec![
                                src_field(x, "lhs", 0, Imm16),
                                src_field(y, "rhs", at, imm),
                                ("to", Target, 4),
                            ],
                            format!("if {name}({}, {}): pc := to", show(x, "lhs"), show(y, "rhs")),
                            format!(
                                "branch::br_compare::<{}, {}, _>(sem::{name})",
                                ty(x),
                                if y == 'i' { 'F' } else { ty(y) }
                            ),
                            Some(("BR_CMP", (number * CLASSES + class(x)) * CLASSES + class(y))),
                        );
                    }
                }
            }
        }
    }

    fn select(&mut self) {
        use Kind::*;
        // The condition is always an integer; the values are integers or floats of one kind.
        for (kind, t, table) in [("", "u64", "SELECT"), ("f", "f64", "FSELECT")] {
            for d in if kind.is_empty() { "aslm" } else { "asl" }.chars() {
                for c in ['a', 's'] {
                    for (i, combo) in ["ss", "as", "sa", "is", "si", "ii"].into_iter().enumerate() {
                        let mut letters = combo.chars();
                        let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                        if (kind == "f" && combo.contains('i'))
                            || (kind.is_empty() && c == 'a' && combo.contains('a'))
                        {
                            continue;
                        }
                        let operand =
                            |l: char| if l == 'i' { "H".to_string() } else { ty(l).to_string() };
                        self.row(
                            format!("{kind}select_{d}{combo}{c}"),
                            "select",
                            8,
                            vec![
                                dst_field(d, 0),
                                src_field(x, "lhs", 2, Imm16),
                                src_field(y, "rhs", 4, Imm16),
                                src_field(c, "cond", 6, Imm16),
                            ],
                            format!(
                                "{} := if {} {{ {} }} else {{ {} }}",
                                show_dst(d),
                                show(c, "cond"),
                                show(x, "lhs"),
                                show(y, "rhs")
                            ),
                            format!(
                                "select::select::<{}, {}, {}, {}, {t}>",
                                ty(d),
                                operand(x),
                                operand(y),
                                ty(c)
                            ),
                            Some((table, class(d) * 12 + class(c) * 6 + i)),
                        );
                    }
                }
            }
        }
    }

    fn globals(&mut self) {
        use Kind::*;
        for (n, t, kind, classes) in [(0, "u64", "", "aslm"), (1, "f64", "f", "aslmn")] {
            for d in classes.chars() {
                self.row(
                    format!("{kind}global_get_{d}"),
                    "global",
                    8,
                    vec![dst_field(d, 0), ("at", Ctx, 4)],
                    format!("{} := [ctx + at]", show_dst(d)),
                    format!("global::get::<{}, {t}>", ty(d)),
                    Some(("GLOBAL_GET", n * CLASSES + class(d))),
                );
            }
            // A float in a slot goes through the integers' form: bits are bits.
            for x in if n == 0 { "aslmi" } else { "almn" }.chars() {
                self.row(
                    format!("{kind}global_set_{x}"),
                    "global",
                    8,
                    vec![("at", Ctx, 4), src_field(x, "value", 2, Imm16)],
                    format!("[ctx + at] := {}", show(x, "value")),
                    format!(
                        "global::set::<{}, {t}>",
                        if x == 'i' { "H".to_string() } else { ty(x).to_string() }
                    ),
                    Some(("GLOBAL_SET", n * CLASSES + class(x))),
                );
            }
        }
        self.row(
            "global_get_indirect",
            "global",
            8,
            vec![("dst", Dst, 0), ("at", Ctx, 4)],
            "S[dst], acc := [[ctx + at]]",
            "global::get_indirect",
            None,
        );
        self.row(
            "global_set_indirect",
            "global",
            8,
            vec![("at", Ctx, 4), ("value", Slot, 2)],
            "[[ctx + at]] := S[value]",
            "global::set_indirect",
            None,
        );
    }

    /// Accesses to memory 0: bounds by guard pages, by comparison, and by comparison of a 64-bit index.
    fn memory(&mut self) {
        use Kind::*;
        for (mode, prefix, check, index) in
            [(0, "", false, "u32"), (1, "checked_", true, "u32"), (2, "wide_", true, "u64")]
        {
            for (n, (name, t, native, _)) in LOADS.into_iter().enumerate() {
                self.operator("Load", name);
                let float = t.starts_with('f');
                // Checked accesses are for targets and configurations that are slower anyway.
                let dsts = match (check, float) {
                    (true, _) => "asl",
                    (_, true) => "aslmn",
                    _ => "aslm",
                };
                for d in dsts.chars() {
                    for x in if check { "aslk" } else { "aslmk" }.chars() {
                        self.row(
                            format!("{prefix}{name}_{d}{x}"),
                            if check { "checked" } else { "load" },
                            8,
                            vec![
                                dst_field(d, 0),
                                src_field(x, "addr", 2, Imm32),
                                ("offset", Off32, 4),
                            ]
                            .into_iter()
                            .filter(|f| f.0 != "addr" || x != 'k')
                            .collect(),
                            format!(
                                "{} := {name}[{} + offset]",
                                show_dst(d),
                                if x == 'k' { "0".into() } else { show(x, "addr") }
                            ),
                            format!(
                                "memory::load::<{}, {}, {index}, {t}, {native}, {check}>",
                                ty(d),
                                ty(x)
                            ),
                            Some((
                                "LOAD",
                                ((mode * LOADS.len() + n) * CLASSES + class(d)) * CLASSES
                                    + class(x),
                            )),
                        );
                    }
                }
            }
            for (n, (name, t, native, _)) in STORES.into_iter().enumerate() {
                self.operator("Store", name);
                let float = t.starts_with('f');
                let values = match (check, float) {
                    (true, true) => "asl",
                    (true, false) => "asli",
                    (_, true) => "aslmn",
                    _ => "aslmi",
                };
                for x in if check { "aslk" } else { "aslmk" }.chars() {
                    for v in values.chars() {
                        if !float && x == v && x != 's' {
                            continue;
                        }
                        self.row(
                            format!("{prefix}{name}_{x}{v}"),
                            if check { "checked" } else { "store" },
                            8,
                            vec![
                                src_field(x, "addr", 0, Imm32),
                                src_field(v, "value", 2, Imm16),
                                ("offset", Off32, 4),
                            ]
                            .into_iter()
                            .filter(|f| f.0 != "addr" || x != 'k')
                            .collect(),
                            format!(
                                "{name}[{} + offset] := {}",
                                if x == 'k' { "0".into() } else { show(x, "addr") },
                                show(v, "value")
                            ),
                            format!(
                                "memory::store::<{}, {index}, {}, {t}, {native}, {check}>",
                                ty(x),
                                if v == 'i' { "H".to_string() } else { ty(v).to_string() }
                            ),
                            Some((
                                "STORE",
                                ((mode * STORES.len() + n) * CLASSES + class(x)) * CLASSES
                                    + class(v),
                            )),
                        );
                    }
                }
            }
        }
    }

    /// Accesses to other memories and with 64-bit indices: always compared.
    fn memory_general(&mut self) {
        use Kind::*;
        for (n, (name, t, native, _)) in LOADS.into_iter().enumerate() {
            for (wide, index) in [(false, "u32"), (true, "u64")] {
                self.row(
                    format!("{name}_m{}", if wide { "64" } else { "32" }),
                    "general",
                    16,
                    vec![
                        ("dst", Dst, 0),
                        ("addr", Slot, 2),
                        ("memory", Ctx, 4),
                        ("offset", Off64, 8),
                    ],
                    format!("S[dst], acc := {name}(memory, S[addr] + offset)"),
                    format!("memory::load_general::<{t}, {native}, {index}>"),
                    Some(("LOAD_GENERAL", n * 2 + usize::from(wide))),
                );
            }
        }
        for (n, (name, t, native, _)) in STORES.into_iter().enumerate() {
            for (wide, index) in [(false, "u32"), (true, "u64")] {
                self.row(
                    format!("{name}_m{}", if wide { "64" } else { "32" }),
                    "general",
                    16,
                    vec![
                        ("addr", Slot, 0),
                        ("value", Slot, 2),
                        ("memory", Ctx, 4),
                        ("offset", Off64, 8),
                    ],
                    format!("{name}(memory, S[addr] + offset) := S[value]"),
                    format!("memory::store_general::<{t}, {native}, {index}>"),
                    Some(("STORE_GENERAL", n * 2 + usize::from(wide))),
                );
            }
        }
        self.row(
            "memory_size",
            "general",
            8,
            vec![("dst", Dst, 0), ("shift", Count, 2), ("memory", Ctx, 4)],
            "S[dst], acc := bytes(memory) >> shift",
            "memory::size",
            None,
        );
        self.row(
            "table_size",
            "general",
            8,
            vec![("dst", Dst, 0), ("table", Ctx, 4)],
            "S[dst], acc := length(table)",
            "memory::table_size",
            None,
        );
        self.row(
            "table_get",
            "general",
            8,
            vec![("dst", Dst, 0), ("index", Slot, 2), ("table", Ctx, 4)],
            "S[dst], acc := table[S[index]]; 32-bit index",
            "memory::table_get::<u32>",
            None,
        );
        self.row(
            "table_set",
            "general",
            8,
            vec![("index", Slot, 0), ("value", Slot, 2), ("table", Ctx, 4)],
            "table[S[index]] := S[value]; 32-bit index",
            "memory::table_set::<u32>",
            None,
        );
        self.row(
            "table64_get",
            "general",
            8,
            vec![("dst", Dst, 0), ("index", Slot, 2), ("table", Ctx, 4)],
            "S[dst], acc := table[S[index]]; 64-bit index",
            "memory::table_get::<u64>",
            None,
        );
        self.row(
            "table64_set",
            "general",
            8,
            vec![("index", Slot, 0), ("value", Slot, 2), ("table", Ctx, 4)],
            "table[S[index]] := S[value]; 64-bit index",
            "memory::table_set::<u64>",
            None,
        );
        self.row(
            "ref_func",
            "general",
            8,
            vec![("dst", Dst, 0), ("index", Count32, 4)],
            "S[dst], acc := reference to defined function index",
            "memory::ref_func",
            None,
        );
        self.row(
            "ref_func_import",
            "general",
            8,
            vec![("dst", Dst, 0), ("at", Ctx, 4)],
            "S[dst], acc := reference to the imported function at ctx + at",
            "memory::ref_func_import",
            None,
        );
    }
}

/// Operator names live as long as the build script.
fn leak(name: String) -> &'static str {
    name.leak()
}
