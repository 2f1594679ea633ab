//! Rows that put values elsewhere: moves, constants, selections, globals.

use super::{
    CLASSES, FLOAT_DSTS, INT_DSTS, Kind, Table, class, dst_field, show, show_dst, src_field, ty,
};

impl Table {
    pub(super) fn moves(&mut self) {
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

    pub(super) fn select(&mut self) {
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

    pub(super) fn globals(&mut self) {
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
}
