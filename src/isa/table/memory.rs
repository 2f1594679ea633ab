//! Rows that access memory.

use super::{CLASSES, Kind, Table, class, dst_field, show, show_dst, src_field, ty};

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
    /// Accesses to memory 0: bounds by guard pages, by comparison, and by comparison of a 64-bit index.
    pub(super) fn memory(&mut self) {
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
    pub(super) fn memory_general(&mut self) {
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
