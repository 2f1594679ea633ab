//! Rows that access memory.

use alloc::format;

use super::format::{
    LOAD, LOAD_GENERAL, MEMORY_SIZE, REF_FUNC, REF_FUNC_IMPORT, STORE, STORE_GENERAL, TABLE_GET,
    TABLE_SET, TABLE_SIZE,
};
use super::{Class, Shown, Table, each, key, show, show_dst};

/// `(operator, value type, native memory type)`.
const LOADS: [(&str, &str, &str); 14] = [
    ("i32_load", "u32", "u32"),
    ("i32_load8_s", "u32", "i8"),
    ("i32_load8_u", "u32", "u8"),
    ("i32_load16_s", "u32", "i16"),
    ("i32_load16_u", "u32", "u16"),
    ("i64_load", "u64", "u64"),
    ("i64_load8_s", "u64", "i8"),
    ("i64_load8_u", "u64", "u8"),
    ("i64_load16_s", "u64", "i16"),
    ("i64_load16_u", "u64", "u16"),
    ("i64_load32_s", "u64", "i32"),
    ("i64_load32_u", "u64", "u32"),
    ("f32_load", "f32", "f32"),
    ("f64_load", "f64", "f64"),
];

const STORES: [(&str, &str, &str); 9] = [
    ("i32_store", "u32", "u32"),
    ("i32_store8", "u32", "u8"),
    ("i32_store16", "u32", "u16"),
    ("i64_store", "u64", "u64"),
    ("i64_store8", "u64", "u8"),
    ("i64_store16", "u64", "u16"),
    ("i64_store32", "u64", "u32"),
    ("f32_store", "f32", "f32"),
    ("f64_store", "f64", "f64"),
];

/// An address in an effect, and its letter in a name.
pub(super) fn address(x: Class) -> (Shown<'static>, char) {
    if x == Class::I { (show(x, "0"), 'k') } else { (show(x, "addr"), x.letter()) }
}

/// `_m32` or `_m64`: the type of indices.
pub(super) const INDICES: [(&str, &str); 2] = [("m32", "u32"), ("m64", "u64")];

impl Table {
    /// Accesses to memory 0: bounds by guard pages, by comparison, and by comparison of a 64-bit index.
    pub(super) fn memory(&mut self) {
        for (mode, prefix, check, index) in
            [(0, "", "false", "u32"), (1, "checked_", "true", "u32"), (2, "wide_", "true", "u64")]
        {
            let checked = mode > 0;
            for (n, (name, t, native)) in LOADS.into_iter().enumerate() {
                self.operator("Load", name);
                let float = t.starts_with('f');
                // Checked accesses are for targets and configurations that are slower anyway.
                let dsts = match (checked, float) {
                    (true, _) => "asl",
                    (_, true) => "aslmn",
                    _ => "aslm",
                };
                for d in each(dsts) {
                    for x in each(if checked { "aslk" } else { "aslmk" }) {
                        let (addr, letter) = address(x);
                        let family = if checked { "checked" } else { "load" };
                        self.row(format!("{prefix}{name}_{d}{letter}"), family, &LOAD)
                            .classes(&[d, x])
                            .effect(format!("{} := {name}[{addr} + offset]", show_dst(d)))
                            .body("memory::load", &[index, t, native, check])
                            .key(&key::LOAD, &[n, mode, d as usize, x as usize])
                            .faults()
                            .forwards();
                    }
                }
            }
            for (n, (name, t, native)) in STORES.into_iter().enumerate() {
                self.operator("Store", name);
                let float = t.starts_with('f');
                let values = match (checked, float) {
                    (true, true) => "asl",
                    (true, false) => "asli",
                    (_, true) => "aslmn",
                    _ => "aslmi",
                };
                for x in each(if checked { "aslk" } else { "aslmk" }) {
                    for v in each(values) {
                        if !float && x == v && !matches!(x, Class::S | Class::I) {
                            continue;
                        }
                        let (addr, letter) = address(x);
                        let family = if checked { "checked" } else { "store" };
                        self.row(format!("{prefix}{name}_{letter}{v}"), family, &STORE)
                            .classes(&[x, v])
                            .effect(format!("{name}[{addr} + offset] := {}", show(v, "value")))
                            .body("memory::store", &[index, t, native, check])
                            .key(&key::STORE, &[n, mode, x as usize, v as usize])
                            .faults()
                            .forwards();
                    }
                }
            }
        }
    }

    /// Accesses to other memories and with 64-bit indices: always compared.
    pub(super) fn memory_general(&mut self) {
        for (n, (name, t, native)) in LOADS.into_iter().enumerate() {
            for (wide, (suffix, index)) in INDICES.into_iter().enumerate() {
                self.row(format!("{name}_{suffix}"), "general", &LOAD_GENERAL)
                    .effect(format!("S[dst], acc := {name}(memory, S[addr] + offset)"))
                    .body("memory::load_general", &[t, native, index])
                    .key(&key::LOAD_GENERAL, &[n, wide])
                    .traps();
            }
        }
        for (n, (name, t, native)) in STORES.into_iter().enumerate() {
            for (wide, (suffix, index)) in INDICES.into_iter().enumerate() {
                self.row(format!("{name}_{suffix}"), "general", &STORE_GENERAL)
                    .effect(format!("{name}(memory, S[addr] + offset) := S[value]"))
                    .body("memory::store_general", &[t, native, index])
                    .key(&key::STORE_GENERAL, &[n, wide])
                    .traps();
            }
        }
        self.row("memory_size", "general", &MEMORY_SIZE)
            .effect("S[dst], acc := bytes(memory) >> shift")
            .body("memory::size", &[]);
        self.row("table_size", "general", &TABLE_SIZE)
            .effect("S[dst], acc := length(table)")
            .body("memory::table_size", &[]);
        for (name, bits, index) in [("table", 32, "u32"), ("table64", 64, "u64")] {
            self.row(format!("{name}_get"), "general", &TABLE_GET)
                .effect(format!("S[dst], acc := table[S[index]]; {bits}-bit index"))
                .body("memory::table_get", &[index])
                .traps();
            self.row(format!("{name}_set"), "general", &TABLE_SET)
                .effect(format!("table[S[index]] := S[value]; {bits}-bit index"))
                .body("memory::table_set", &[index])
                .traps();
        }
        self.row("ref_func", "general", &REF_FUNC)
            .effect("S[dst], acc := reference to defined function index")
            .body("memory::ref_func", &[]);
        self.row("ref_func_import", "general", &REF_FUNC_IMPORT)
            .effect("S[dst], acc := reference to the imported function at ctx + at")
            .body("memory::ref_func_import", &[]);
    }
}
