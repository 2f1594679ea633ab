//! Rows about objects of the garbage-collected heap. Their handlers call nothing: what takes
//! longer is a cold continuation or a runtime function.
//!
//! `struct_new` has a slow path that returns behind the instruction, so it can only be the last
//! part of a fused op.

use super::{CLASSES, Kind, Table, class, dst_field, show, show_dst, src_field, ty};

/// `(suffix, value type, native type)` of what can be read from an object.
const GETS: [(&str, &str, &str); 8] = [
    ("i8_s", "u32", "i8"),
    ("i8_u", "u32", "u8"),
    ("i16_s", "u32", "i16"),
    ("i16_u", "u32", "u16"),
    ("i32", "u32", "u32"),
    ("i64", "u64", "u64"),
    ("f32", "f32", "f32"),
    ("f64", "f64", "f64"),
];

/// The same for what can be written.
const SETS: [(&str, &str, &str); 6] = [
    ("i8", "u32", "u8"),
    ("i16", "u32", "u16"),
    ("i32", "u32", "u32"),
    ("i64", "u64", "u64"),
    ("f32", "f32", "f32"),
    ("f64", "f64", "f64"),
];

/// What a cast looks at.
const CASTS: [&str; 3] = ["kind", "type", "func"];

impl Table {
    pub(super) fn objects(&mut self) {
        self.allocation();
        self.structs();
        self.arrays();
        self.casts();
        self.i31();
    }

    fn allocation(&mut self) {
        use Kind::*;
        for (name, default) in [("struct_new", false), ("struct_new_default", true)] {
            self.row(
                name,
                "allocation",
                16,
                vec![
                    ("frame", Slot, 0),
                    ("args", Dst, 2),
                    ("class", Count, 4),
                    ("slots", Count, 6),
                    ("type", Count32, 8),
                    ("bytes", Count32, 12),
                ],
                if default {
                    "S[args], acc := new structure of zeros"
                } else {
                    "S[args], acc := new structure of the slots S[args], ..."
                },
                format!("object::struct_new::<{default}>"),
                None,
            );
        }
    }

    fn structs(&mut self) {
        use Kind::*;
        for (n, (name, t, native)) in GETS.into_iter().enumerate() {
            self.operator("Get", name);
            for d in ['a', 's', 'l'] {
                for x in ['a', 's'] {
                    self.row(
                        format!("struct_get_{name}_{d}{x}"),
                        "object",
                        8,
                        vec![
                            dst_field(d, 0),
                            src_field(x, "object", 2, Imm16),
                            ("offset", Off32, 4),
                        ],
                        format!("{} := {name}[{} + offset]", show_dst(d), show(x, "object")),
                        format!("object::struct_get::<{}, {}, {t}, {native}>", ty(d), ty(x)),
                        Some(("STRUCT_GET", (n * CLASSES + class(d)) * 2 + class(x))),
                    );
                }
            }
        }
        for (n, (name, t, native)) in SETS.into_iter().enumerate() {
            self.operator("Set", name);
            let float = t.starts_with('f');
            for x in ['a', 's'] {
                for v in ['a', 's', 'l', 'i'] {
                    if (float && v == 'i') || (!float && x == 'a' && v == 'a') {
                        continue;
                    }
                    self.row(
                        format!("struct_set_{name}_{x}{v}"),
                        "object",
                        8,
                        vec![
                            src_field(x, "object", 0, Imm16),
                            src_field(v, "value", 2, Imm16),
                            ("offset", Off32, 4),
                        ],
                        format!("{name}[{} + offset] := {}", show(x, "object"), show(v, "value")),
                        format!(
                            "object::struct_set::<{}, {}, {t}, {native}>",
                            ty(x),
                            if v == 'i' { 'H' } else { ty(v) }
                        ),
                        Some(("STRUCT_SET", (n * 2 + class(x)) * CLASSES + class(v))),
                    );
                }
            }
        }
        self.row(
            "struct_get_v128",
            "object",
            8,
            vec![("dst", Dst, 0), ("object", Slot, 2), ("offset", Off32, 4)],
            "S[dst], S[dst + 1] := v128[S[object] + offset]",
            "object::struct_get_v128",
            None,
        );
        self.row(
            "struct_set_v128",
            "object",
            8,
            vec![("object", Slot, 0), ("value", Slot, 2), ("offset", Off32, 4)],
            "v128[S[object] + offset] := S[value], S[value + 1]",
            "object::struct_set_v128",
            None,
        );
    }

    fn arrays(&mut self) {
        use Kind::*;
        for (n, (name, t, native)) in GETS.into_iter().enumerate() {
            for d in ['a', 's'] {
                for (i, combo) in ["ss", "sa", "sl", "si", "as"].into_iter().enumerate() {
                    let (x, y) = (combo.as_bytes()[0] as char, combo.as_bytes()[1] as char);
                    self.row(
                        format!("array_get_{name}_{d}{combo}"),
                        "object",
                        8,
                        vec![
                            dst_field(d, 0),
                            src_field(x, "object", 2, Imm16),
                            src_field(y, "index", 4, Imm16),
                        ],
                        format!(
                            "{} := {name} {}[{}]",
                            show_dst(d),
                            show(x, "object"),
                            show(y, "index")
                        ),
                        format!(
                            "object::array_get::<{}, {}, {}, {t}, {native}>",
                            ty(d),
                            ty(x),
                            if y == 'i' { 'H' } else { ty(y) }
                        ),
                        Some(("ARRAY_GET", (n * CLASSES + class(d)) * 5 + i)),
                    );
                }
            }
        }
        for (n, (name, t, native)) in SETS.into_iter().enumerate() {
            let float = t.starts_with('f');
            for (i, x) in ['a', 's', 'l'].into_iter().enumerate() {
                for (j, v) in ['a', 's', 'l'].into_iter().enumerate() {
                    if !float && x == v && x != 's' {
                        continue;
                    }
                    self.row(
                        format!("array_set_{name}_s{x}{v}"),
                        "object",
                        8,
                        vec![
                            ("object", Slot, 0),
                            src_field(x, "index", 2, Imm16),
                            src_field(v, "value", 4, Imm16),
                        ],
                        format!("{name} S[object][{}] := {}", show(x, "index"), show(v, "value")),
                        format!("object::array_set::<{}, {}, {t}, {native}>", ty(x), ty(v)),
                        Some(("ARRAY_SET", (n * 3 + i) * 3 + j)),
                    );
                }
            }
        }
        for d in ['a', 's', 'l'] {
            for x in ['a', 's'] {
                let op = self.operator("Un", "array_len");
                self.row(
                    format!("array_len_{d}{x}"),
                    "object",
                    8,
                    vec![dst_field(d, 0), src_field(x, "object", 2, Imm16)],
                    format!("{} := length({})", show_dst(d), show(x, "object")),
                    format!("object::array_len::<{}, {}>", ty(d), ty(x)),
                    Some(("UNARY", (op * CLASSES + class(d)) * CLASSES + class(x))),
                );
            }
        }
        self.row(
            "array_get_v128",
            "object",
            8,
            vec![("dst", Dst, 0), ("object", Slot, 2), ("index", Slot, 4)],
            "S[dst], S[dst + 1] := v128 S[object][S[index]]",
            "object::array_get_v128",
            None,
        );
        self.row(
            "array_set_v128",
            "object",
            8,
            vec![("object", Slot, 0), ("index", Slot, 2), ("value", Slot, 4)],
            "v128 S[object][S[index]] := S[value], S[value + 1]",
            "object::array_set_v128",
            None,
        );
    }

    /// Tests of a reference's type. `type` and `func` compare with what stands for a defined type:
    /// equal, or found at its depth among the types above the object's. `kind` compares with a set
    /// of kinds.
    fn casts(&mut self) {
        use Kind::*;
        for (n, mode) in CASTS.into_iter().enumerate() {
            for x in ['a', 's'] {
                for d in ['a', 's'] {
                    self.row(
                        format!("ref_test_{mode}_{d}{x}"),
                        "cast",
                        16,
                        vec![
                            dst_field(d, 0),
                            src_field(x, "object", 4, Imm16),
                            ("null", Count, 2),
                            ("type", Count32, 8),
                            ("depth", Count32, 12),
                        ],
                        format!("{} := {} is of type", show_dst(d), show(x, "object")),
                        format!("cast::ref_test::<{}, {}, cast::{}>", ty(d), ty(x), camel(mode)),
                        Some(("REF_TEST", (n * CLASSES + class(d)) * 2 + class(x))),
                    );
                }
                self.row(
                    format!("ref_cast_{mode}_{x}"),
                    "cast",
                    16,
                    vec![
                        src_field(x, "object", 0, Imm16),
                        ("null", Count, 2),
                        ("type", Count32, 8),
                        ("depth", Count32, 12),
                    ],
                    format!("if {} is not of type: trap", show(x, "object")),
                    format!("cast::ref_cast::<{}, cast::{}>", ty(x), camel(mode)),
                    Some(("REF_CAST", n * 2 + class(x))),
                );
                for (taken, name) in [(true, "br_on_cast"), (false, "br_on_cast_fail")] {
                    self.row(
                        format!("{name}_{mode}_{x}"),
                        "cast",
                        16,
                        vec![
                            src_field(x, "object", 0, Imm16),
                            ("null", Count, 2),
                            ("to", Target, 4),
                            ("type", Count32, 8),
                            ("depth", Count32, 12),
                        ],
                        format!(
                            "if {} {} of type: pc := to",
                            show(x, "object"),
                            if taken { "is" } else { "is not" }
                        ),
                        format!("cast::br_on_cast::<{}, cast::{}, {taken}>", ty(x), camel(mode)),
                        Some(("BR_ON_CAST", (n * 2 + usize::from(taken)) * 2 + class(x))),
                    );
                }
            }
        }
    }

    fn i31(&mut self) {
        for name in ["ref_i31", "i31_get_s", "i31_get_u"] {
            let trapping = name != "ref_i31";
            for d in ['a', 's', 'l'] {
                for x in ['a', 's', 'l'] {
                    if (trapping && x == 'l') || (!trapping && d == 'l') {
                        continue;
                    }
                    let op = self.operator("Un", name);
                    self.row(
                        format!("{name}_{d}{x}"),
                        "i31",
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
}

/// The marker type of a mode of casts.
fn camel(mode: &str) -> &'static str {
    match mode {
        "kind" => "Kind",
        "type" => "Type",
        _ => "Func",
    }
}
