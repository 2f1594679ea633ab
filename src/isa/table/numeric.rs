//! Rows of numeric operators: binary, unary, comparisons, and branches that compare.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::format::{BINARY, BR_COMPARE, BR_IF, UNARY};
use super::{FLOAT_DSTS, INT_DSTS, Kind, Table, classes, each, key, show, show_dst};

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

/// Comparisons, as `(comparison, mirror, negation)`: what computes the same with its operands swapped, and what
/// has the opposite result. Floats, which may be unordered, have a name with `n` for each negation.
const COMPARISONS: [(&str, &str, &str); 20] = [
    ("eq", "eq", "ne"),
    ("ne", "ne", "eq"),
    ("lt_s", "gt_s", "ge_s"),
    ("lt_u", "gt_u", "ge_u"),
    ("le_s", "ge_s", "gt_s"),
    ("le_u", "ge_u", "gt_u"),
    ("gt_s", "lt_s", "le_s"),
    ("gt_u", "lt_u", "le_u"),
    ("ge_s", "le_s", "lt_s"),
    ("ge_u", "le_u", "lt_u"),
    ("test", "test", "ntest"),
    ("ntest", "ntest", "test"),
    ("lt", "gt", "nlt"),
    ("le", "ge", "nle"),
    ("gt", "lt", "ngt"),
    ("ge", "le", "nge"),
    ("nlt", "ngt", "lt"),
    ("nle", "nge", "le"),
    ("ngt", "nlt", "gt"),
    ("nge", "nle", "ge"),
];

const FLOAT_COMPARE: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];

/// `(operator, source type, result type)`; the types say which accumulator is meant.
const UNARY_OPS: [(&str, char, char); 52] = [
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

/// The kind of immediates beside operands of a type.
fn immediate(t: &str, integer: Kind) -> Kind {
    match t {
        "f32" => Kind::F32,
        "f64" => Kind::F64,
        _ => integer,
    }
}

impl Table {
    /// Number of a binary operator or comparison on values of a type, with what is known of it.
    fn binary_operator(&mut self, set: &'static str, name: &str, commutes: bool) -> usize {
        let number = self.operator(set, name);
        let known = self.operators.iter_mut().filter(|it| it.set == set).nth(number);
        let operator = known.expect("just added");
        let (t, op) = name.split_once('_').expect("a type before the operator");
        operator.commutes = commutes;
        if let Some((_, mirror, negation)) = COMPARISONS.iter().find(|it| it.0 == op) {
            operator.commutes = *mirror == op;
            operator.mirror = (*mirror != op).then(|| format!("{t}_{mirror}"));
            operator.negation = Some(format!("{t}_{negation}"));
            operator.is_mirrored = op.trim_start_matches('n').starts_with('g');
        }
        number
    }

    /// Adds the rows of one binary operator on values of type `t`: `pairs` of sources times destinations.
    pub(super) fn binary(
        &mut self,
        name: &str,
        t: &str,
        trapping: bool,
        commutes: bool,
        pairs: &[&str],
        dsts: &str,
    ) {
        let op = self.binary_operator("Bin", name, commutes);
        let family = if t.starts_with('f') { "float" } else { "integer" };
        for d in each(dsts) {
            for pair in pairs {
                let [x, y] = classes(pair);
                let row = self
                    .row(format!("{name}_{d}{pair}"), family, &BINARY)
                    .classes(&[d, x, y])
                    .immediate(immediate(t, Kind::Imm32))
                    .effect(format!(
                        "{} := {name}({}, {})",
                        show_dst(d),
                        show(x, "lhs"),
                        show(y, "rhs")
                    ))
                    .meaning(format!("sem::{name}"))
                    .key(&key::BINARY, &[op, d as usize, x as usize, y as usize])
                    .forwards();
                if trapping {
                    row.body("binary::binary_trapping", &["_", "_"]).traps();
                } else {
                    row.body("binary::binary", &["_", "_"]);
                }
            }
        }
    }

    pub(super) fn integer(&mut self) {
        for width in ["i32", "i64"] {
            let t = if width == "i32" { "u32" } else { "u64" };
            for (op, commutative) in INT_BINARY {
                let name = &format!("{width}_{op}");
                self.binary(name, t, false, commutative, pairs(commutative), INT_DSTS);
            }
            for op in INT_DIVISION {
                let name = &format!("{width}_{op}");
                self.binary(name, t, true, false, pairs(false), "as");
            }
            for (op, commutative) in INT_COMPARE {
                let name = &format!("{width}_{op}");
                let combos: &[&str] = if op.starts_with('g') {
                    &["ai", "si", "li", "mi"]
                } else {
                    pairs(commutative)
                };
                self.binary(name, t, false, commutative, combos, "as");
            }
        }
    }

    pub(super) fn float(&mut self) {
        for t in ["f32", "f64"] {
            for (op, commutative) in FLOAT_BINARY {
                let name = &format!("{t}_{op}");
                if matches!(op, "add" | "sub" | "mul") {
                    self.binary(name, t, false, commutative, float_pairs(commutative), FLOAT_DSTS);
                } else if op == "div" {
                    let combos = ["as", "sa", "al", "la", "ls", "sl", "lm", "ml", "ss", "ai", "si"];
                    self.binary(name, t, false, commutative, &combos, "asl");
                } else {
                    let combos: &[&str] = if commutative {
                        &["as", "ss", "ai", "si"]
                    } else {
                        &["as", "sa", "ss", "si"]
                    };
                    self.binary(name, t, false, commutative, combos, "as");
                }
            }
            for op in FLOAT_COMPARE {
                let name = &format!("{t}_{op}");
                let combos: &[&str] = match op {
                    "eq" | "ne" => &["as", "ss", "ai", "si"],
                    "gt" | "ge" => &["ai", "si"],
                    _ => &["as", "sa", "al", "la", "ls", "sl", "lm", "ml", "ss", "ai", "si"],
                };
                self.binary(name, t, false, false, combos, "as");
            }
            // Behind an instruction that leaves its result in the accumulator, or with a far stack in
            // a slot.
            let forms = ["aa", "sa", "la", "ma", "na", "as", "ss"];
            self.unary_rows(&format!("{t}_canonical"), "float", false, &forms);
        }
    }

    /// Adds the rows of one unary operator.
    pub(super) fn unary_rows(
        &mut self,
        name: &str,
        family: &'static str,
        trapping: bool,
        forms: &[&str],
    ) {
        let op = self.operator("Un", name);
        for form in forms {
            let [d, x] = classes(form);
            let row = self
                .row(format!("{name}_{form}"), family, &UNARY)
                .classes(&[d, x])
                .effect(format!("{} := {name}({})", show_dst(d), show(x, "src")))
                .meaning(format!("sem::{name}"))
                .key(&key::UNARY, &[op, d as usize, x as usize])
                .forwards();
            if trapping {
                row.body("binary::unary_trapping", &["_", "_"]).traps();
            } else {
                row.body("binary::unary", &["_", "_"]);
            }
        }
    }

    pub(super) fn unary(&mut self) {
        let all = UNARY_OPS
            .iter()
            .map(|u| (*u, false))
            .chain(UNARY_TRAPPING.iter().map(|n| ((*n, 'f', 'i'), true)));
        for ((name, from, to), trapping) in all {
            let frequent = name.contains("extend")
                || name.contains("f64_convert_i32")
                || matches!(name, "f64_neg" | "f64_abs" | "f64_sqrt" | "f32_neg" | "f32_sqrt");
            let classes = |kind: char| match (frequent, trapping, kind) {
                (true, _, 'i') => "aslm",
                (true, _, _) => "aslmn",
                (_, true, _) => "as",
                _ => "asl",
            };
            let forms: Vec<String> = each(classes(to))
                .flat_map(|d| each(classes(from)).map(move |x| format!("{d}{x}")))
                .collect();
            let forms: Vec<&str> = forms.iter().map(|form| &**form).collect();
            let family = if from == 'f' || to == 'f' { "float" } else { "integer" };
            self.unary_rows(name, family, trapping, &forms);
        }
    }

    pub(super) fn compare_and_branch(&mut self) {
        for (op, path, sign, table) in [
            ("br_if", "branch::br_nez", "!=", &key::BR_IF),
            ("br_unless", "branch::br_eqz", "==", &key::BR_UNLESS),
        ] {
            for x in each(INT_DSTS) {
                self.row(format!("{op}_{x}"), "branch", &BR_IF)
                    .classes(&[x])
                    .effect(format!("if {} {sign} 0: pc := to", show(x, "cond")))
                    .body(path, &["u32"])
                    .key(table, &[x as usize])
                    .forwards();
            }
        }
        for width in ["i32", "i64"] {
            // A bit test and a branch: `test` is taken when the common bits are not all zero.
            for (op, commutative) in
                INT_COMPARE.into_iter().chain([("test", true), ("ntest", true)])
            {
                let greater = op.starts_with('g');
                let pairs = if greater { &["ai", "si", "li", "mi"] } else { pairs(commutative) };
                self.branches(&format!("{width}_{op}"), width, pairs);
            }
        }
        for t in ["f32", "f64"] {
            for op in FLOAT_COMPARE {
                for negate in [false, true] {
                    if negate && matches!(op, "eq" | "ne") {
                        continue;
                    }
                    let pairs: &[&str] = match op {
                        "eq" | "ne" => &["as", "ss", "al", "ls", "am", "lm", "ai", "si", "li"],
                        // Between registers these are asked for mirrored.
                        "gt" | "ge" => &["ai", "si", "li", "mi"],
                        _ => &[
                            "as", "sa", "ss", "al", "la", "am", "ma", "ls", "sl", "ms", "sm", "lm",
                            "ml", "ai", "si", "li", "mi",
                        ],
                    };
                    self.branches(&format!("{t}_{}{op}", if negate { "n" } else { "" }), t, pairs);
                }
            }
        }
    }

    /// Adds the branches on one comparison of values of type `t`.
    fn branches(&mut self, name: &str, t: &str, pairs: &[&str]) {
        let op = self.binary_operator("Cmp", name, false);
        for pair in pairs {
            let [x, y] = classes(pair);
            self.row(format!("br_{name}_{pair}"), "branch", &BR_COMPARE)
                .classes(&[x, y])
                .immediate(immediate(t, Kind::Imm16))
                .effect(format!("if {name}({}, {}): pc := to", show(x, "lhs"), show(y, "rhs")))
                .body("branch::br_compare", &["_"])
                .meaning(format!("sem::{name}"))
                .key(&key::BR_CMP, &[op, x as usize, y as usize])
                .forwards();
        }
    }
}
