//! Rows of numeric operators: binary, unary, comparisons, and branches that compare.

use super::{
    CLASSES, FLOAT_DSTS, INT_DSTS, Kind, Table, class, dst_field, leak, show, show_dst, src_field,
    ty,
};

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
const UNARY: [(&str, char, char); 52] = [
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

impl Table {
    /// Adds the rows of one binary operator: `combos` of sources times destinations.
    pub(super) fn binary(
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

    pub(super) fn integer(&mut self) {
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

    pub(super) fn float(&mut self) {
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

    pub(super) fn unary(&mut self) {
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

    pub(super) fn compare_and_branch(&mut self) {
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
}
