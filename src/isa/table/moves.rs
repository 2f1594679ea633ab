//! Rows that put values elsewhere: moves, constants, selections, globals.

use alloc::format;

use super::format::{CONST, GLOBAL_GET, GLOBAL_SET, MOV, MOV_FAR, MOV_SPAN, MOV2, SELECT};
use super::{Class, FLOAT_DSTS, INT_DSTS, Kind, Table, classes, each, key, show, show_dst};

impl Table {
    pub(super) fn moves(&mut self) {
        // Unlike other ops, a move to a slot leaves the accumulator alone: moves put values into
        // place between an op and the use of its result.
        let target = |d| if d == Class::S { "S[dst]" } else { show_dst(d) };
        for (prefix, t, table, constants, kind) in [
            ("", "u64", &key::MOV, &key::CONST, Kind::Imm64),
            ("f", "f64", &key::FMOV, &key::FCONST, Kind::F64),
        ] {
            let float = prefix == "f";
            for d in each(if float { FLOAT_DSTS } else { INT_DSTS }) {
                for x in each(if float { "aslmn" } else { "aslmi" }) {
                    if (d == x && d != Class::S) || (float && d == Class::S && x == Class::S) {
                        continue;
                    }
                    self.row(format!("{prefix}mov_{d}{x}"), "mov", &MOV)
                        .classes(&[d, x])
                        .effect(format!("{} := {}", target(d), show(x, "src")))
                        .body("mov::mov", &[t])
                        .key(table, &[d as usize, x as usize])
                        .bare()
                        .forwards();
                }
                if float && d == Class::S {
                    continue;
                }
                self.row(format!("{prefix}const_{d}"), "mov", &CONST)
                    .classes(&[d])
                    .immediate(kind)
                    .effect(format!("{} := value", target(d)))
                    .body("mov::const64", &[t])
                    .key(constants, &[d as usize])
                    .bare()
                    .forwards();
            }
        }
        self.row("mov2", "mov", &MOV2)
            .effect("S[dst] := S[src]; S[dst2] := S[src2]")
            .body("mov::mov2", &[]);
        self.row("mov_span", "mov", &MOV_SPAN)
            .effect("S[dst ..][..count] := S[src ..][..count], as if at once")
            .body("mov::mov_span", &[])
            .alone();
        self.row("mov_far", "mov", &MOV_FAR)
            .effect("S[dst ..][..count] := S[src ..][..count], the lowest first")
            .body("mov::mov_far", &[])
            .alone();
    }

    pub(super) fn select(&mut self) {
        // The condition is always an integer; the values are integers or floats of one kind. A selection is
        // often all there is between two rounds of a loop (a search that halves, a minimum), so what it reads
        // and writes may be pinned: a slot would be a store and a load in a row.
        const PAIRS: [&str; 22] = [
            "ss", "as", "sa", "is", "si", "ii", "al", "la", "am", "ma", "ls", "sl", "ms", "sm",
            "lm", "ml", "il", "li", "im", "mi", "ai", "ia",
        ];
        for (kind, t, table) in [("", "u64", &key::SELECT), ("f", "f64", &key::FSELECT)] {
            let float = kind == "f";
            for d in each(if float { "aslm" } else { INT_DSTS }) {
                for c in each("as") {
                    for pair in PAIRS {
                        if (float && pair.contains('i'))
                            || (!float && c == Class::A && pair.contains('a'))
                        {
                            continue;
                        }
                        let [x, y] = classes(pair);
                        self.row(format!("{kind}select_{d}{pair}{c}"), "select", &SELECT)
                            .classes(&[d, x, y, c])
                            .effect(format!(
                                "{} := if {} {{ {} }} else {{ {} }}",
                                show_dst(d),
                                show(c, "cond"),
                                show(x, "lhs"),
                                show(y, "rhs")
                            ))
                            .body("select::select", &[t])
                            .key(table, &[d as usize, c as usize, x as usize, y as usize])
                            .forwards();
                    }
                }
            }
        }
    }

    pub(super) fn globals(&mut self) {
        for (n, t, kind, dsts) in [(0, "u64", "", INT_DSTS), (1, "f64", "f", FLOAT_DSTS)] {
            for d in each(dsts) {
                self.row(format!("{kind}global_get_{d}"), "global", &GLOBAL_GET)
                    .classes(&[d])
                    .effect(format!("{} := [ctx + at]", show_dst(d)))
                    .body("global::get", &[t])
                    .key(&key::GLOBAL_GET, &[n, d as usize])
                    .forwards();
            }
            // A float in a slot goes through the integers' form: bits are bits.
            for x in each(if n == 0 { "aslmi" } else { "almn" }) {
                self.row(format!("{kind}global_set_{x}"), "global", &GLOBAL_SET)
                    .classes(&[x])
                    .effect(format!("[ctx + at] := {}", show(x, "value")))
                    .body("global::set", &[t])
                    .key(&key::GLOBAL_SET, &[n, x as usize])
                    .forwards();
            }
        }
        self.row("global_get_indirect", "imported global", &GLOBAL_GET)
            .slots()
            .effect("S[dst], acc := [[ctx + at]]")
            .body("global::get_indirect", &[]);
        self.row("global_set_indirect", "imported global", &GLOBAL_SET)
            .slots()
            .effect("[[ctx + at]] := S[value]")
            .body("global::set_indirect", &[]);
    }
}
