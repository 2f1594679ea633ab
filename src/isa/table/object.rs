//! Rows about objects of the garbage-collected heap. Their handlers call nothing: what takes
//! longer is a cold continuation or a runtime function.
//!
//! `struct_new` has a slow path that returns behind the instruction, so it is no part of a fused op.

use alloc::format;

use super::format::{
    ARRAY_GET, ARRAY_SET, BR_ON_CAST, REF_CAST, REF_TEST, STRUCT_GET, STRUCT_NEW, STRUCT_SET, UNARY,
};
use super::{Class, Table, classes, each, key, show, show_dst};

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

/// What a cast looks at, and the type that says so to its handler.
const CASTS: [(&str, &str); 3] =
    [("kind", "cast::Kind"), ("type", "cast::Type"), ("func", "cast::Func")];

impl Table {
    pub(super) fn objects(&mut self) {
        self.allocation();
        self.structs();
        self.arrays();
        self.casts();
        self.i31();
    }

    fn allocation(&mut self) {
        for (name, default, effect) in [
            ("struct_new", "false", "S[args], acc := new structure of the slots S[args], ..."),
            ("struct_new_default", "true", "S[args], acc := new structure of zeros"),
        ] {
            self.row(name, "allocation", &STRUCT_NEW)
                .effect(effect)
                .body("object::struct_new", &[default])
                .traps()
                .calls()
                .resumes();
        }
    }

    fn structs(&mut self) {
        for (n, (name, t, native)) in GETS.into_iter().enumerate() {
            self.operator("Get", name);
            for d in each("asl") {
                for x in each("as") {
                    self.row(format!("struct_get_{name}_{d}{x}"), "object", &STRUCT_GET)
                        .classes(&[d, x])
                        .effect(format!(
                            "{} := {name}[{} + offset]",
                            show_dst(d),
                            show(x, "object")
                        ))
                        .body("object::struct_get", &[t, native])
                        .key(&key::STRUCT_GET, &[n, d as usize, x as usize])
                        .traps();
                }
            }
        }
        for (n, (name, t, native)) in SETS.into_iter().enumerate() {
            self.operator("Set", name);
            let float = t.starts_with('f');
            for x in each("as") {
                for v in each("asli") {
                    if (float && v == Class::I) || (!float && x == Class::A && v == Class::A) {
                        continue;
                    }
                    self.row(format!("struct_set_{name}_{x}{v}"), "object", &STRUCT_SET)
                        .classes(&[x, v])
                        .effect(format!(
                            "{name}[{} + offset] := {}",
                            show(x, "object"),
                            show(v, "value")
                        ))
                        .body("object::struct_set", &[t, native])
                        .key(&key::STRUCT_SET, &[n, x as usize, v as usize])
                        .traps();
                }
            }
        }
        self.row("struct_get_v128", "object", &STRUCT_GET)
            .slots()
            .effect("S[dst], S[dst + 1] := v128[S[object] + offset]")
            .body("object::struct_get_v128", &[])
            .traps();
        self.row("struct_set_v128", "object", &STRUCT_SET)
            .slots()
            .effect("v128[S[object] + offset] := S[value], S[value + 1]")
            .body("object::struct_set_v128", &[])
            .traps();
    }

    fn arrays(&mut self) {
        for (n, (name, t, native)) in GETS.into_iter().enumerate() {
            for d in each("as") {
                for pair in ["ss", "sa", "sl", "si", "as"] {
                    let [x, y] = classes(pair);
                    self.row(format!("array_get_{name}_{d}{pair}"), "object", &ARRAY_GET)
                        .classes(&[d, x, y])
                        .effect(format!(
                            "{} := {name} {}[{}]",
                            show_dst(d),
                            show(x, "object"),
                            show(y, "index")
                        ))
                        .body("object::array_get", &[t, native])
                        .key(&key::ARRAY_GET, &[n, d as usize, x as usize, y as usize])
                        .traps();
                }
            }
        }
        for (n, (name, t, native)) in SETS.into_iter().enumerate() {
            let float = t.starts_with('f');
            for x in each("asl") {
                for v in each("asl") {
                    if !float && x == v && x != Class::S {
                        continue;
                    }
                    self.row(format!("array_set_{name}_s{x}{v}"), "object", &ARRAY_SET)
                        .classes(&[x, v])
                        .effect(format!(
                            "{name} S[object][{}] := {}",
                            show(x, "index"),
                            show(v, "value")
                        ))
                        .body("object::array_set", &[t, native])
                        .key(&key::ARRAY_SET, &[n, x as usize, v as usize])
                        .traps();
                }
            }
        }
        let op = self.operator("Un", "array_len");
        for d in each("asl") {
            for x in each("as") {
                self.row(format!("array_len_{d}{x}"), "object", &UNARY)
                    .classes(&[d, x])
                    .effect(format!("{} := length({})", show_dst(d), show(x, "src")))
                    .body("object::array_len", &[])
                    .key(&key::UNARY, &[op, d as usize, x as usize])
                    .traps();
            }
        }
        self.row("array_get_v128", "object", &ARRAY_GET)
            .slots()
            .effect("S[dst], S[dst + 1] := v128 S[object][S[index]]")
            .body("object::array_get_v128", &[])
            .traps();
        self.row("array_set_v128", "object", &ARRAY_SET)
            .slots()
            .effect("v128 S[object][S[index]] := S[value], S[value + 1]")
            .body("object::array_set_v128", &[])
            .traps();
    }

    /// Tests of a reference's type. `type` and `func` compare with what stands for a defined type:
    /// equal, or found at its depth among the types above the object's. `kind` compares with a set
    /// of kinds.
    fn casts(&mut self) {
        for (n, (mode, marker)) in CASTS.into_iter().enumerate() {
            let family = if mode == "func" { "function cast" } else { "cast" };
            for x in each("as") {
                for d in each("as") {
                    self.row(format!("ref_test_{mode}_{d}{x}"), family, &REF_TEST)
                        .classes(&[d, x])
                        .effect(format!("{} := {} is of type", show_dst(d), show(x, "object")))
                        .body("cast::ref_test", &[marker])
                        .key(&key::REF_TEST, &[n, d as usize, x as usize]);
                }
                self.row(format!("ref_cast_{mode}_{x}"), family, &REF_CAST)
                    .classes(&[x])
                    .effect(format!("if {} is not of type: trap", show(x, "object")))
                    .body("cast::ref_cast", &[marker])
                    .key(&key::REF_CAST, &[n, x as usize])
                    .traps();
                for (taken, name, is) in
                    [(true, "br_on_cast", "is"), (false, "br_on_cast_fail", "is not")]
                {
                    self.row(format!("{name}_{mode}_{x}"), family, &BR_ON_CAST)
                        .classes(&[x])
                        .effect(format!("if {} {is} of type: pc := to", show(x, "object")))
                        .body("cast::br_on_cast", &[marker, if taken { "true" } else { "false" }])
                        .key(&key::BR_ON_CAST, &[n, usize::from(taken), x as usize]);
                }
            }
        }
    }

    fn i31(&mut self) {
        self.unary_rows("ref_i31", "i31", false, &["aa", "as", "al", "sa", "ss", "sl"]);
        for name in ["i31_get_s", "i31_get_u"] {
            self.unary_rows(name, "i31", true, &["aa", "as", "sa", "ss", "la", "ls"]);
        }
    }
}
