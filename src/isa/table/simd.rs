//! Rows of the vector instructions (128 bits) and of wide arithmetic.
//!
//! A `v128` takes two slots and the whole float accumulator. How many forms an op has depends on
//! how often programs use it:
//!
//! - hot ops have an accumulator and a slot destination, and take either operand from the
//!   accumulator;
//! - warm ops always store their result;
//! - cold ops read slots, too.

use alloc::string::{String, ToString};
use alloc::{format, vec};

use super::format::{
    BINARY, EXTRACT, GLOBAL_GET, GLOBAL_SET, LOAD, LOAD_GENERAL, MOV, PERMUTE, PERMUTE2, REPLACE,
    SELECT, SHUFFLE, STORE, STORE_GENERAL, TERNARY, UNARY, VEC_CONST, WIDE, WIDE_MUL,
};
use super::{Class, Table, classes, each, key, show, show_dst};

/// How many forms an op has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tier {
    Hot,
    Warm,
    Cold,
}
use Tier::{Cold, Hot, Warm};

impl Tier {
    fn dsts(self) -> &'static str {
        if self == Hot { "as" } else { "s" }
    }

    fn pairs(self, commutative: bool) -> &'static [&'static str] {
        match (self, commutative) {
            (Cold, _) => &["ss"],
            (_, true) => &["as", "ss"],
            (_, false) => &["as", "sa", "ss"],
        }
    }

    fn sources(self) -> &'static str {
        if self == Cold { "s" } else { "as" }
    }
}

/// `(operator, commutative, forms)`. "Greater" swaps its operands.
const BINARY_OPS: &[(&str, bool, Tier)] = &[
    ("v128_and", true, Hot),
    ("v128_andnot", false, Hot),
    ("v128_or", true, Hot),
    ("v128_xor", true, Hot),
    ("i8x16_add", true, Hot),
    ("i16x8_add", true, Hot),
    ("i32x4_add", true, Hot),
    ("i64x2_add", true, Hot),
    ("f32x4_add", true, Hot),
    ("f64x2_add", true, Hot),
    ("i8x16_sub", false, Hot),
    ("i16x8_sub", false, Hot),
    ("i32x4_sub", false, Hot),
    ("i64x2_sub", false, Hot),
    ("f32x4_sub", false, Hot),
    ("f64x2_sub", false, Hot),
    ("i16x8_mul", true, Hot),
    ("i32x4_mul", true, Hot),
    ("i64x2_mul", true, Hot),
    ("f32x4_mul", true, Hot),
    ("f64x2_mul", true, Hot),
    ("f32x4_div", false, Hot),
    ("f64x2_div", false, Hot),
    ("i32x4_dot_i16x8_s", true, Hot),
    ("i8x16_eq", true, Hot),
    ("i16x8_eq", true, Hot),
    ("i32x4_eq", true, Hot),
    ("i64x2_eq", true, Warm),
    ("f32x4_eq", true, Hot),
    ("f64x2_eq", true, Hot),
    ("i8x16_ne", true, Warm),
    ("i16x8_ne", true, Warm),
    ("i32x4_ne", true, Warm),
    ("i64x2_ne", true, Warm),
    ("f32x4_ne", true, Warm),
    ("f64x2_ne", true, Warm),
    ("i8x16_lt_s", false, Hot),
    ("i16x8_lt_s", false, Hot),
    ("i32x4_lt_s", false, Hot),
    ("i64x2_lt_s", false, Cold),
    ("f32x4_lt", false, Hot),
    ("f64x2_lt", false, Hot),
    ("i8x16_le_s", false, Warm),
    ("i16x8_le_s", false, Warm),
    ("i32x4_le_s", false, Warm),
    ("i64x2_le_s", false, Cold),
    ("f32x4_le", false, Warm),
    ("f64x2_le", false, Warm),
    ("i8x16_lt_u", false, Warm),
    ("i16x8_lt_u", false, Warm),
    ("i32x4_lt_u", false, Warm),
    ("i8x16_le_u", false, Cold),
    ("i16x8_le_u", false, Cold),
    ("i32x4_le_u", false, Cold),
    ("i8x16_min_s", true, Warm),
    ("i8x16_min_u", true, Warm),
    ("i8x16_max_s", true, Warm),
    ("i8x16_max_u", true, Warm),
    ("i16x8_min_s", true, Warm),
    ("i16x8_min_u", true, Warm),
    ("i16x8_max_s", true, Warm),
    ("i16x8_max_u", true, Warm),
    ("i32x4_min_s", true, Warm),
    ("i32x4_min_u", true, Warm),
    ("i32x4_max_s", true, Warm),
    ("i32x4_max_u", true, Warm),
    ("f32x4_min", true, Warm),
    ("f32x4_max", true, Warm),
    ("f64x2_min", true, Warm),
    ("f64x2_max", true, Warm),
    ("f32x4_pmin", false, Warm),
    ("f32x4_pmax", false, Warm),
    ("f64x2_pmin", false, Warm),
    ("f64x2_pmax", false, Warm),
    ("i8x16_narrow_i16x8_s", false, Warm),
    ("i8x16_narrow_i16x8_u", false, Warm),
    ("i16x8_narrow_i32x4_s", false, Warm),
    ("i16x8_narrow_i32x4_u", false, Warm),
    ("i8x16_add_sat_s", true, Warm),
    ("i8x16_add_sat_u", true, Warm),
    ("i16x8_add_sat_s", true, Warm),
    ("i16x8_add_sat_u", true, Warm),
    ("i8x16_sub_sat_s", false, Warm),
    ("i8x16_sub_sat_u", false, Warm),
    ("i16x8_sub_sat_s", false, Warm),
    ("i16x8_sub_sat_u", false, Warm),
    ("i8x16_avgr_u", true, Warm),
    ("i16x8_avgr_u", true, Warm),
    ("i16x8_extmul_low_i8x16_s", true, Warm),
    ("i16x8_extmul_high_i8x16_s", true, Warm),
    ("i16x8_extmul_low_i8x16_u", true, Warm),
    ("i16x8_extmul_high_i8x16_u", true, Warm),
    ("i32x4_extmul_low_i16x8_s", true, Warm),
    ("i32x4_extmul_high_i16x8_s", true, Warm),
    ("i32x4_extmul_low_i16x8_u", true, Warm),
    ("i32x4_extmul_high_i16x8_u", true, Warm),
    ("i64x2_extmul_low_i32x4_s", true, Warm),
    ("i64x2_extmul_high_i32x4_s", true, Warm),
    ("i64x2_extmul_low_i32x4_u", true, Warm),
    ("i64x2_extmul_high_i32x4_u", true, Warm),
    ("i16x8_q15mulr_sat_s", true, Cold),
    ("i16x8_relaxed_dot_i8x16_i7x16_s", true, Cold),
];

/// `(operator, type of the result, forms)`: the operand is a vector.
const UNARY_OPS: &[(&str, char, Tier)] = &[
    ("v128_not", 'v', Hot),
    ("f32x4_abs", 'v', Hot),
    ("f64x2_abs", 'v', Hot),
    ("f32x4_neg", 'v', Hot),
    ("f64x2_neg", 'v', Hot),
    ("f32x4_canonical", 'v', Hot),
    ("f64x2_canonical", 'v', Hot),
    ("f32x4_sqrt", 'v', Warm),
    ("f64x2_sqrt", 'v', Warm),
    ("f32x4_ceil", 'v', Cold),
    ("f64x2_ceil", 'v', Cold),
    ("f32x4_floor", 'v', Cold),
    ("f64x2_floor", 'v', Cold),
    ("f32x4_trunc", 'v', Cold),
    ("f64x2_trunc", 'v', Cold),
    ("f32x4_nearest", 'v', Cold),
    ("f64x2_nearest", 'v', Cold),
    ("i8x16_abs", 'v', Cold),
    ("i16x8_abs", 'v', Warm),
    ("i32x4_abs", 'v', Warm),
    ("i64x2_abs", 'v', Cold),
    ("i8x16_neg", 'v', Cold),
    ("i16x8_neg", 'v', Warm),
    ("i32x4_neg", 'v', Warm),
    ("i64x2_neg", 'v', Cold),
    ("i8x16_popcnt", 'v', Cold),
    ("i16x8_extend_low_i8x16_s", 'v', Hot),
    ("i16x8_extend_high_i8x16_s", 'v', Hot),
    ("i16x8_extend_low_i8x16_u", 'v', Hot),
    ("i16x8_extend_high_i8x16_u", 'v', Hot),
    ("i32x4_extend_low_i16x8_s", 'v', Hot),
    ("i32x4_extend_high_i16x8_s", 'v', Hot),
    ("i32x4_extend_low_i16x8_u", 'v', Hot),
    ("i32x4_extend_high_i16x8_u", 'v', Hot),
    ("i64x2_extend_low_i32x4_s", 'v', Warm),
    ("i64x2_extend_high_i32x4_s", 'v', Warm),
    ("i64x2_extend_low_i32x4_u", 'v', Warm),
    ("i64x2_extend_high_i32x4_u", 'v', Warm),
    ("i16x8_extadd_pairwise_i8x16_s", 'v', Warm),
    ("i16x8_extadd_pairwise_i8x16_u", 'v', Warm),
    ("i32x4_extadd_pairwise_i16x8_s", 'v', Warm),
    ("i32x4_extadd_pairwise_i16x8_u", 'v', Warm),
    ("f32x4_convert_i32x4_s", 'v', Hot),
    ("f32x4_convert_i32x4_u", 'v', Warm),
    ("f64x2_convert_low_i32x4_s", 'v', Warm),
    ("f64x2_convert_low_i32x4_u", 'v', Warm),
    ("f32x4_demote_f64x2_zero", 'v', Warm),
    ("f64x2_promote_low_f32x4", 'v', Warm),
    ("i32x4_trunc_sat_f32x4_s", 'v', Hot),
    ("i32x4_trunc_sat_f32x4_u", 'v', Warm),
    ("i32x4_trunc_sat_f64x2_s_zero", 'v', Warm),
    ("i32x4_trunc_sat_f64x2_u_zero", 'v', Warm),
    ("v128_any_true", 'i', Warm),
    ("i8x16_all_true", 'i', Warm),
    ("i16x8_all_true", 'i', Warm),
    ("i32x4_all_true", 'i', Warm),
    ("i64x2_all_true", 'i', Warm),
    ("i8x16_bitmask", 'i', Warm),
    ("i16x8_bitmask", 'i', Warm),
    ("i32x4_bitmask", 'i', Warm),
    ("i64x2_bitmask", 'i', Warm),
];

/// Vectors made from a scalar: `(operator, forms)`. The loads among them take what was loaded.
const FROM_SCALAR: &[(&str, Tier)] = &[
    ("i8x16_splat", Hot),
    ("i16x8_splat", Hot),
    ("i32x4_splat", Hot),
    ("i64x2_splat", Hot),
    ("f32x4_splat", Hot),
    ("f64x2_splat", Hot),
    ("v128_load32_zero", Warm),
    ("v128_load64_zero", Warm),
    ("v128_load8x8_s", Warm),
    ("v128_load8x8_u", Warm),
    ("v128_load16x4_s", Warm),
    ("v128_load16x4_u", Warm),
    ("v128_load32x2_s", Warm),
    ("v128_load32x2_u", Warm),
];

/// `(operator, native type of the lane, type of the result)`
const EXTRACT_OPS: &[(&str, &str, &str)] = &[
    ("i8x16_extract_lane_s", "i8", "u32"),
    ("i8x16_extract_lane_u", "u8", "u32"),
    ("i16x8_extract_lane_s", "i16", "u32"),
    ("i16x8_extract_lane_u", "u16", "u32"),
    ("i32x4_extract_lane", "u32", "u32"),
    ("i64x2_extract_lane", "u64", "u64"),
    ("f32x4_extract_lane", "f32", "f32"),
    ("f64x2_extract_lane", "f64", "f64"),
];

/// `(shape, type of the scalar, forms)`
const REPLACE_OPS: &[(&str, &str, Tier)] = &[
    ("i8x16", "u32", Cold),
    ("i16x8", "u32", Cold),
    ("i32x4", "u32", Warm),
    ("i64x2", "u64", Warm),
    ("f32x4", "f32", Warm),
    ("f64x2", "f64", Warm),
];

/// Shapes of the shifts.
const SHIFTS: &[(&str, Tier)] = &[("i8x16", Warm), ("i16x8", Hot), ("i32x4", Hot), ("i64x2", Hot)];

/// `(operator, function of what was loaded)`: loads that are one op with memory 0, besides that of
/// a whole vector.
const LOADS: &[(&str, &str)] = &[
    ("v128_load32_splat", "i32x4_splat"),
    ("v128_load64_splat", "i64x2_splat"),
    ("v128_load32_zero", "v128_load32_zero"),
    ("v128_load64_zero", "v128_load64_zero"),
    ("v128_load8x8_s", "v128_load8x8_s"),
    ("v128_load8x8_u", "v128_load8x8_u"),
    ("v128_load16x4_s", "v128_load16x4_s"),
    ("v128_load16x4_u", "v128_load16x4_u"),
];

/// `(operator, forms)`; three vectors.
const TERNARY_OPS: &[(&str, &[&str])] = &[
    ("v128_bitselect", &["sss", "ssa", "ass"]),
    ("f32x4_relaxed_madd", &["sss", "ssa", "ass"]),
    ("f32x4_relaxed_nmadd", &["sss", "ssa", "ass"]),
    ("f64x2_relaxed_madd", &["sss", "ssa", "ass"]),
    ("f64x2_relaxed_nmadd", &["sss", "ssa", "ass"]),
    ("i32x4_relaxed_dot_i8x16_i7x16_add_s", &["sss", "ssa"]),
];

/// Operators for which another machine than x86-64 has instructions that the compiler finds with some settings
/// only; `exec::families::simd` has them.
const NATIVE: &[&str] = &["i8x16_avgr_u", "i16x8_avgr_u", "i32x4_relaxed_dot_i8x16_i7x16_add_s"];

/// How the meaning of an op on vectors is given to its handler: inlined at every optimisation level.
fn inlined(name: &str, operands: &str) -> String {
    let room = if NATIVE.contains(&name) { "simd" } else { "sem" };
    format!("inline!({room}::{name}, {operands})")
}

impl Table {
    /// All vector instructions, then wide arithmetic.
    pub(super) fn simd(&mut self) {
        self.vector_moves();
        self.vector_binary();
        self.vector_unary();
        self.vector_lanes();
        self.vector_shifts();
        self.vector_choice();
        self.vector_memory();
        self.wide_arithmetic();
    }

    fn vector_moves(&mut self) {
        // As for scalars, a move to a slot leaves the accumulator alone.
        for pair in ["as", "sa", "ss"] {
            let [d, x] = classes(pair);
            let target = if d == Class::S { "S[dst]" } else { "acc" };
            self.row(format!("v128_mov_{pair}"), "mov", &MOV)
                .classes(&[d, x])
                .effect(format!("{target} := {}", show(x, "src")))
                .body("mov::mov", &["crate::sem::V128"])
                .key(&key::VEC_MOV, &[d as usize, x as usize])
                .pair()
                .bare();
        }
        for d in each("as") {
            self.row(format!("v128_const_{d}"), "mov", &VEC_CONST)
                .classes(&[d])
                .effect(format!("{} := value", show_dst(d)))
                .body("simd::const128", &[])
                .key(&key::VEC_CONST, &[d as usize])
                .pair();
            self.row(format!("v128_global_get_{d}"), "global", &GLOBAL_GET)
                .classes(&[d])
                .effect(format!("{} := [ctx + at]", show_dst(d)))
                .body("simd::global_get", &[])
                .key(&key::VEC_GLOBAL_GET, &[d as usize])
                .pair();
            self.row(format!("v128_global_set_{d}"), "global", &GLOBAL_SET)
                .classes(&[d])
                .effect(format!("[ctx + at] := {}", show(d, "value")))
                .body("simd::global_set", &[])
                .key(&key::VEC_GLOBAL_SET, &[d as usize])
                .pair();
        }
        self.row("v128_global_get_indirect", "imported global", &GLOBAL_GET)
            .slots()
            .effect("S[dst], acc := [[ctx + at]]")
            .body("simd::global_get_indirect", &[])
            .pair();
        self.row("v128_global_set_indirect", "imported global", &GLOBAL_SET)
            .slots()
            .effect("[[ctx + at]] := S[value]")
            .body("simd::global_set_indirect", &[])
            .pair();
    }

    fn vector_binary(&mut self) {
        for (name, commutative, tier) in BINARY_OPS {
            let op = self.operator("VecBinary", name);
            for d in each(tier.dsts()) {
                for pair in tier.pairs(*commutative) {
                    let [x, y] = classes(pair);
                    self.row(format!("{name}_{d}{pair}"), "vector", &BINARY)
                        .classes(&[d, x, y])
                        .effect(format!(
                            "{} := {name}({}, {})",
                            show_dst(d),
                            show(x, "lhs"),
                            show(y, "rhs")
                        ))
                        .body("binary::binary", &["_", "_"])
                        .meaning(inlined(name, "a, b"))
                        .key(&key::VEC_BINARY, &[op, d as usize, x as usize, y as usize])
                        .pair();
                }
            }
        }
    }

    fn vector_unary(&mut self) {
        let vectors = UNARY_OPS.iter().copied();
        let scalars = FROM_SCALAR.iter().map(|(name, tier)| (*name, 'v', *tier));
        for (name, result, tier) in vectors.chain(scalars) {
            let op = self.operator("VecUnary", name);
            // Also for loads of memories that have no ops of their own.
            let row = match name.strip_prefix("v128_load") {
                Some(rest) => format!("v128_from{rest}"),
                None => name.to_string(),
            };
            for d in each(tier.dsts()) {
                for x in each(tier.sources()) {
                    self.row(format!("{row}_{d}{x}"), "vector", &UNARY)
                        .classes(&[d, x])
                        .effect(format!("{} := {name}({})", show_dst(d), show(x, "src")))
                        .body("binary::unary", &["_", "_"])
                        .meaning(inlined(name, "a"))
                        .key(&key::VEC_UNARY, &[op, d as usize, x as usize])
                        .attributes
                        .pair = result == 'v';
                }
            }
        }
        // Truncations that may give anything out of range.
        for name in ["i32x4_relaxed_trunc_f32x4_s", "i32x4_relaxed_trunc_f64x2_s_zero"] {
            let op = self.operator("VecUnary", name);
            for x in each("as") {
                self.row(format!("{name}_s{x}"), "vector", &UNARY)
                    .classes(&[Class::S, x])
                    .effect(format!(
                        "S[dst], acc := {name}({}), the least integer out of range",
                        show(x, "src")
                    ))
                    .body("binary::unary", &["_", "_"])
                    .meaning(format!("simd::{name}"))
                    .key(&key::VEC_UNARY, &[op, Class::S as usize, x as usize])
                    .pair();
            }
        }
    }

    fn vector_lanes(&mut self) {
        for (name, native, t) in EXTRACT_OPS {
            let op = self.operator("VecExtract", name);
            for d in each("as") {
                self.row(format!("{name}_{d}s"), "vector", &EXTRACT)
                    .classes(&[d])
                    .effect(format!("{} := {name}(S[src]), the lane at byte", show_dst(d)))
                    .body("simd::extract", &[t, native])
                    .key(&key::VEC_EXTRACT, &[op, d as usize]);
            }
        }
        for (shape, t, tier) in REPLACE_OPS {
            let name = &format!("{shape}_replace_lane");
            let op = self.operator("VecReplace", name);
            for pair in tier.pairs(false) {
                let [x, y] = classes(pair);
                self.row(format!("{name}_s{pair}"), "vector", &REPLACE)
                    .classes(&[Class::S, x, y])
                    .effect(format!(
                        "S[dst], acc := v128_bitselect({shape}_splat({}), {}, mask)",
                        show(y, "rhs"),
                        show(x, "lhs")
                    ))
                    .body("simd::replace", &[t])
                    .meaning(inlined(&format!("{shape}_splat"), "a"))
                    .key(&key::VEC_REPLACE, &[op, x as usize, y as usize])
                    .pair();
            }
        }
        self.vector_tables();
    }

    /// Shuffles and swizzles.
    fn vector_tables(&mut self) {
        self.row("i8x16_shuffle_sss", "vector", &SHUFFLE)
            .effect("S[dst], acc := i8x16_shuffle(S[lhs], S[rhs], lanes)")
            .body("simd::shuffle", &[])
            .pair();
        for d in each("as") {
            for x in each("as") {
                self.row(format!("i8x16_permute_{d}{x}"), "vector", &PERMUTE)
                    .classes(&[d, x])
                    .effect(format!("{} := i8x16_swizzle({}, lanes)", show_dst(d), show(x, "src")))
                    .body("simd::permute", &[])
                    .key(&key::VEC_PERMUTE, &[d as usize, x as usize])
                    .pair();
            }
            for pair in ["as", "sa", "ss"] {
                let [x, y] = classes(pair);
                self.row(format!("i8x16_permute2_{d}{pair}"), "vector", &PERMUTE2)
                    .classes(&[d, x, y])
                    .effect(format!(
                        "{} := i8x16_swizzle({}, lanes) | i8x16_swizzle({}, lanes2)",
                        show_dst(d),
                        show(x, "lhs"),
                        show(y, "rhs")
                    ))
                    .body("simd::permute2", &[])
                    .key(&key::VEC_PERMUTE2, &[d as usize, x as usize, y as usize])
                    .pair();
            }
        }
        self.row("i8x16_swizzle_sss", "vector", &BINARY)
            .slots()
            .effect("S[dst], acc := i8x16_swizzle(S[lhs], S[rhs])")
            .body("simd::swizzle", &[])
            .pair();
        for (name, swizzle, meaning) in [
            ("i8x16_look_up", "i8x16_swizzle", "simd::look_up"),
            ("i8x16_relaxed_look_up", "i8x16_relaxed_swizzle", "simd::relaxed_look_up"),
        ] {
            let op = self.operator("VecBinary", name);
            for pair in ["as", "sa", "ss"] {
                let [x, y] = classes(pair);
                self.row(format!("{name}_s{pair}"), "vector", &BINARY)
                    .classes(&[Class::S, x, y])
                    .effect(format!(
                        "S[dst], acc := {swizzle}({}, {}) by table look-up",
                        show(x, "lhs"),
                        show(y, "rhs")
                    ))
                    .body("binary::binary", &["_", "_"])
                    .meaning(meaning)
                    .key(&key::VEC_BINARY, &[op, Class::S as usize, x as usize, y as usize])
                    .pair();
            }
        }
    }

    fn vector_shifts(&mut self) {
        for (shape, tier) in SHIFTS {
            for shift in ["shl", "shr_s", "shr_u"] {
                let name = &format!("{shape}_{shift}");
                let op = self.operator("VecShift", name);
                let hot = *tier == Hot && (shift, *shape) != ("shr_s", "i64x2");
                let mut forms = vec!["sai", "ssi", "sss"];
                if hot {
                    forms.extend(["aai", "asi", "ass"]);
                }
                for form in forms {
                    let [d, x, y] = classes(form);
                    self.row(format!("{name}_{form}"), "vector", &BINARY)
                        .classes(&[d, x, y])
                        .effect(format!(
                            "{} := {name}({}, {})",
                            show_dst(d),
                            show(x, "lhs"),
                            show(y, "rhs")
                        ))
                        .body("simd::shift", &[])
                        .meaning(inlined(name, "a, b"))
                        .key(&key::VEC_SHIFT, &[op, d as usize, x as usize, y as usize])
                        .pair();
                }
            }
        }
    }

    /// Ops with three operands.
    fn vector_choice(&mut self) {
        for c in each("as") {
            for pair in ["as", "sa", "ss"] {
                let [x, y] = classes(pair);
                self.row(format!("v128_select_s{pair}{c}"), "vector", &SELECT)
                    .classes(&[Class::S, x, y, c])
                    .effect(format!(
                        "S[dst], acc := if {} {{ {} }} else {{ {} }}",
                        show(c, "cond"),
                        show(x, "lhs"),
                        show(y, "rhs")
                    ))
                    .body("simd::select", &[])
                    .key(&key::VEC_SELECT, &[c as usize, x as usize, y as usize])
                    .pair();
            }
        }
        for (name, forms) in TERNARY_OPS {
            let op = self.operator("VecTernary", name);
            for form in *forms {
                let [x, y, z] = classes(form);
                self.row(format!("{name}_s{form}"), "vector", &TERNARY)
                    .classes(&[Class::S, x, y, z])
                    .effect(format!(
                        "S[dst], acc := {name}({}, {}, {})",
                        show(x, "a"),
                        show(y, "b"),
                        show(z, "c")
                    ))
                    .body("simd::ternary", &[])
                    .meaning(inlined(name, "a, b, c"))
                    .key(&key::VEC_TERNARY, &[op, x as usize, y as usize, z as usize])
                    .pair();
            }
        }
    }

    fn vector_memory(&mut self) {
        for (mode, prefix, check) in [(0, "", "false"), (1, "checked_", "true")] {
            let family = |plain| if mode > 0 { "checked" } else { plain };
            let whole = ("v128_load", "");
            for (n, (name, sem)) in core::iter::once(&whole).chain(LOADS).enumerate() {
                self.operator("VecLoad", name);
                let (dsts, addresses) =
                    if sem.is_empty() { ("as", "aslmk") } else { ("s", "aslm") };
                for d in each(dsts) {
                    for x in each(addresses) {
                        let (addr, letter) = super::memory::address(x);
                        let row = self
                            .row(format!("{prefix}{name}_{d}{letter}"), family("load"), &LOAD)
                            .classes(&[d, x])
                            .effect(format!("{} := {name}[{addr} + offset]", show_dst(d)))
                            .key(&key::VEC_LOAD, &[n, mode, d as usize, x as usize])
                            .faults()
                            .pair();
                        if sem.is_empty() {
                            row.body("memory::load", &["u32", "sem::V128", "sem::V128", check]);
                        } else {
                            row.body("simd::load", &["_", check]).meaning(inlined(sem, "a"));
                        }
                    }
                }
            }
            for x in each("aslmk") {
                for v in each("as") {
                    let (addr, letter) = super::memory::address(x);
                    self.row(format!("{prefix}v128_store_{letter}{v}"), family("store"), &STORE)
                        .classes(&[x, v])
                        .effect(format!("v128_store[{addr} + offset] := {}", show(v, "value")))
                        .body("memory::store", &["u32", "sem::V128", "sem::V128", check])
                        .key(&key::VEC_STORE, &[mode, x as usize, v as usize])
                        .faults();
                }
            }
        }
        for (i, (suffix, index)) in super::memory::INDICES.into_iter().enumerate() {
            self.row(format!("v128_load_{suffix}"), "general", &LOAD_GENERAL)
                .effect("S[dst], acc := v128_load(memory, S[addr] + offset)")
                .body("simd::load_general", &[index])
                .key(&key::VEC_LOAD_GENERAL, &[i])
                .traps()
                .pair();
            self.row(format!("v128_store_{suffix}"), "general", &STORE_GENERAL)
                .effect("v128_store(memory, S[addr] + offset) := S[value]")
                .body("simd::store_general", &[index])
                .key(&key::VEC_STORE_GENERAL, &[i])
                .traps();
        }
    }

    /// Integers of 128 bits in two slots, the low half first.
    fn wide_arithmetic(&mut self) {
        for name in ["i64_add128", "i64_sub128"] {
            self.row(name, "wide", &WIDE)
                .effect(format!(
                    "S[dst], S[dst + 1] := {name}(S[lhs_low], S[lhs_high], S[rhs_low], S[rhs_high]); acc := S[dst + 1]"
                ))
                .body("wide::wide4", &[])
                .meaning(format!("sem::{name}"))
                .pair();
        }
        for name in ["i64_mul_wide_s", "i64_mul_wide_u"] {
            self.row(name, "wide", &WIDE_MUL)
                .effect(format!("S[dst], S[dst + 1] := {name}(S[lhs], S[rhs]); acc := S[dst + 1]"))
                .body("wide::wide2", &[])
                .meaning(format!("sem::{name}"))
                .pair();
        }
    }
}
