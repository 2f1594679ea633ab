//! Rows of the vector instructions (128 bits) and of wide arithmetic.
//!
//! A `v128` takes two slots and the whole float accumulator. How many forms an op has depends on
//! how often programs use it:
//!
//! - hot ops have an accumulator and a slot destination, and take either operand from the
//!   accumulator;
//! - warm ops always store their result;
//! - cold ops read slots, too.

use super::{CLASSES, Kind, Table, class, leak, show, show_dst, src_field, ty};

/// How many forms an op has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tier {
    Hot,
    Warm,
    Cold,
}
use Tier::{Cold, Hot, Warm};

impl Tier {
    fn dsts(self) -> &'static [char] {
        if self == Hot { &['a', 's'] } else { &['s'] }
    }

    fn pairs(self, commutative: bool) -> &'static [&'static str] {
        match (self, commutative) {
            (Cold, _) => &["ss"],
            (_, true) => &["as", "ss"],
            (_, false) => &["as", "sa", "ss"],
        }
    }

    fn sources(self) -> &'static [char] {
        if self == Cold { &['s'] } else { &['a', 's'] }
    }
}

/// `(operator, commutative, forms)`. "Greater" swaps its operands.
const BINARY: &[(&str, bool, Tier)] = &[
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
const UNARY: &[(&str, char, Tier)] = &[
    ("v128_not", 'v', Hot),
    ("f32x4_abs", 'v', Hot),
    ("f64x2_abs", 'v', Hot),
    ("f32x4_neg", 'v', Hot),
    ("f64x2_neg", 'v', Hot),
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
const EXTRACT: &[(&str, &str, &str)] = &[
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
const REPLACE: &[(&str, &str, Tier)] = &[
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
const TERNARY: &[(&str, &[&str])] = &[
    ("v128_bitselect", &["sss", "ssa", "ass"]),
    ("f32x4_relaxed_madd", &["sss", "ssa", "ass"]),
    ("f32x4_relaxed_nmadd", &["sss", "ssa", "ass"]),
    ("f64x2_relaxed_madd", &["sss", "ssa", "ass"]),
    ("f64x2_relaxed_nmadd", &["sss", "ssa", "ass"]),
    ("i32x4_relaxed_dot_i8x16_i7x16_add_s", &["sss", "ssa"]),
];

/// The class of a vector operand: `a` is the float accumulator.
fn dst_field(letter: char) -> super::Field {
    super::dst_field(letter, 0)
}

fn slot(name: &'static str, letter: char, at: u8) -> super::Field {
    src_field(letter, name, at, Kind::Imm32)
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
        let v = "crate::sem::V128";
        // As for scalars, a move to a slot leaves the accumulator alone.
        for (name, d, x) in [("as", 'A', 'S'), ("sa", 'P', 'A'), ("ss", 'P', 'S')] {
            let mut letters = name.chars();
            let (dst, src) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
            self.row(
                format!("v128_mov_{name}"),
                "mov",
                8,
                vec![dst_field(dst), slot("src", src, 2)],
                format!("{} := {}", if dst == 's' { "S[dst]" } else { "acc" }, show(src, "src")),
                format!("mov::mov::<{d}, {x}, {v}>"),
                Some(("VEC_MOV", class(dst) * 2 + class(src))),
            );
        }
        for d in ['a', 's'] {
            self.row(
                format!("v128_const_{d}"),
                "mov",
                24,
                vec![dst_field(d), ("value", Kind::Bytes16, 8)],
                format!("{} := value", show_dst(d)),
                format!("simd::const128::<{}>", ty(d)),
                Some(("VEC_CONST", class(d))),
            );
            self.row(
                format!("v128_global_get_{d}"),
                "global",
                8,
                vec![dst_field(d), ("at", Kind::Ctx, 4)],
                format!("{} := [ctx + at]", show_dst(d)),
                format!("simd::global_get::<{}>", ty(d)),
                Some(("VEC_GLOBAL_GET", class(d))),
            );
            self.row(
                format!("v128_global_set_{d}"),
                "global",
                8,
                vec![("at", Kind::Ctx, 4), slot("value", d, 2)],
                format!("[ctx + at] := {}", show(d, "value")),
                format!("simd::global_set::<{}>", ty(d)),
                Some(("VEC_GLOBAL_SET", class(d))),
            );
        }
        self.row(
            "v128_global_get_indirect",
            "global",
            8,
            vec![dst_field('s'), ("at", Kind::Ctx, 4)],
            "S[dst], acc := [[ctx + at]]",
            "simd::global_get_indirect",
            None,
        );
        self.row(
            "v128_global_set_indirect",
            "global",
            8,
            vec![("at", Kind::Ctx, 4), slot("value", 's', 2)],
            "[[ctx + at]] := S[value]",
            "simd::global_set_indirect",
            None,
        );
    }

    fn vector_binary(&mut self) {
        for (name, commutative, tier) in BINARY {
            let op = self.operator("VecBinary", name);
            for d in tier.dsts() {
                for pair in tier.pairs(*commutative) {
                    let mut letters = pair.chars();
                    let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                    self.row(
                        format!("{name}_{d}{pair}"),
                        "vector",
                        8,
                        vec![dst_field(*d), slot("lhs", x, 2), slot("rhs", y, 4)],
                        format!(
                            "{} := {name}({}, {})",
                            show_dst(*d),
                            show(x, "lhs"),
                            show(y, "rhs")
                        ),
                        format!(
                            "binary::binary::<{}, {}, {}, _, _>(inline!(sem::{name}, a, b))",
                            ty(*d),
                            ty(x),
                            ty(y)
                        ),
                        Some((
                            "VEC_BINARY",
                            (op * CLASSES + class(*d)) * 4 + class(x) * 2 + class(y),
                        )),
                    );
                }
            }
        }
    }

    fn vector_unary(&mut self) {
        let vectors = UNARY.iter().map(|(name, _, tier)| (*name, *tier));
        for (name, tier) in vectors.chain(FROM_SCALAR.iter().copied()) {
            let op = self.operator("VecUnary", name);
            // Also for loads of memories that have no ops of their own.
            let (row, sem) = match name.strip_prefix("v128_load") {
                Some(rest) => (format!("v128_from{rest}"), name),
                None => (name.to_string(), name),
            };
            for d in tier.dsts() {
                for x in tier.sources() {
                    self.row(
                        format!("{row}_{d}{x}"),
                        "vector",
                        8,
                        vec![dst_field(*d), slot("src", *x, 2)],
                        format!("{} := {sem}({})", show_dst(*d), show(*x, "src")),
                        format!(
                            "binary::unary::<{}, {}, _, _>(inline!(sem::{sem}, a))",
                            ty(*d),
                            ty(*x)
                        ),
                        Some(("VEC_UNARY", (op * CLASSES + class(*d)) * 2 + class(*x))),
                    );
                }
            }
        }
        // Truncations that may give anything out of range.
        for name in ["i32x4_relaxed_trunc_f32x4_s", "i32x4_relaxed_trunc_f64x2_s_zero"] {
            let op = self.operator("VecUnary", name);
            for x in ['a', 's'] {
                self.row(
                    format!("{name}_s{x}"),
                    "vector",
                    8,
                    vec![dst_field('s'), slot("src", x, 2)],
                    format!(
                        "S[dst], acc := {name}({}), the least integer out of range",
                        show(x, "src")
                    ),
                    format!("binary::unary::<S, {}, _, _>(simd::{name})", ty(x)),
                    Some(("VEC_UNARY", (op * CLASSES + 1) * 2 + class(x))),
                );
            }
        }
    }

    fn vector_lanes(&mut self) {
        for (name, native, t) in EXTRACT {
            let op = self.operator("VecExtract", name);
            for d in ['a', 's'] {
                self.row(
                    format!("{name}_{d}s"),
                    "vector",
                    8,
                    vec![dst_field(d), slot("src", 's', 2), ("byte", Kind::Imm16, 4)],
                    format!("{} := {name}(S[src]), the lane at byte", show_dst(d)),
                    format!("simd::extract::<{}, {t}, {native}>", ty(d)),
                    Some(("VEC_EXTRACT", op * CLASSES + class(d))),
                );
            }
        }
        for (shape, t, tier) in REPLACE {
            let name = leak(format!("{shape}_replace_lane"));
            let op = self.operator("VecReplace", name);
            for pair in tier.pairs(false) {
                let mut letters = pair.chars();
                let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                self.row(
                    format!("{name}_s{pair}"),
                    "vector",
                    24,
                    vec![
                        dst_field('s'),
                        slot("lhs", x, 2),
                        slot("rhs", y, 4),
                        ("mask", Kind::Bytes16, 8),
                    ],
                    format!(
                        "S[dst], acc := v128_bitselect({shape}_splat({}), {}, mask)",
                        show(y, "rhs"),
                        show(x, "lhs")
                    ),
                    format!(
                        "simd::replace::<S, {}, {}, {t}>(inline!(sem::{shape}_splat, a))",
                        ty(x),
                        ty(y)
                    ),
                    Some(("VEC_REPLACE", op * 4 + class(x) * 2 + class(y))),
                );
            }
        }
        self.vector_tables();
    }

    /// Shuffles and swizzles.
    fn vector_tables(&mut self) {
        self.row(
            "i8x16_shuffle_sss",
            "vector",
            24,
            vec![
                dst_field('s'),
                slot("lhs", 's', 2),
                slot("rhs", 's', 4),
                ("lanes", Kind::Bytes16, 8),
            ],
            "S[dst], acc := i8x16_shuffle(S[lhs], S[rhs], lanes)",
            "simd::shuffle",
            None,
        );
        for d in ['a', 's'] {
            for x in ['a', 's'] {
                self.row(
                    format!("i8x16_permute_{d}{x}"),
                    "vector",
                    24,
                    vec![dst_field(d), slot("src", x, 2), ("lanes", Kind::Bytes16, 8)],
                    format!("{} := i8x16_swizzle({}, lanes)", show_dst(d), show(x, "src")),
                    format!("simd::permute::<{}, {}>", ty(d), ty(x)),
                    Some(("VEC_PERMUTE", class(d) * 2 + class(x))),
                );
            }
            for pair in ["as", "sa", "ss"] {
                let mut letters = pair.chars();
                let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                self.row(
                    format!("i8x16_permute2_{d}{pair}"),
                    "vector",
                    40,
                    vec![
                        dst_field(d),
                        slot("lhs", x, 2),
                        slot("rhs", y, 4),
                        ("lanes", Kind::Bytes16, 8),
                        ("lanes2", Kind::Bytes16, 24),
                    ],
                    format!(
                        "{} := i8x16_swizzle({}, lanes) | i8x16_swizzle({}, lanes2)",
                        show_dst(d),
                        show(x, "lhs"),
                        show(y, "rhs")
                    ),
                    format!("simd::permute2::<{}, {}, {}>", ty(d), ty(x), ty(y)),
                    Some(("VEC_PERMUTE2", class(d) * 4 + class(x) * 2 + class(y))),
                );
            }
        }
        self.row(
            "i8x16_swizzle_sss",
            "vector",
            8,
            vec![dst_field('s'), slot("lhs", 's', 2), slot("rhs", 's', 4)],
            "S[dst], acc := i8x16_swizzle(S[lhs], S[rhs])",
            "simd::swizzle",
            None,
        );
        for (name, body) in
            [("i8x16_look_up", "look_up"), ("i8x16_relaxed_look_up", "relaxed_look_up")]
        {
            let op = self.operator("VecBinary", name);
            for pair in ["as", "sa", "ss"] {
                let mut letters = pair.chars();
                let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                self.row(
                    format!("{name}_s{pair}"),
                    "vector",
                    8,
                    vec![dst_field('s'), slot("lhs", x, 2), slot("rhs", y, 4)],
                    format!(
                        "S[dst], acc := i8x16_{}swizzle({}, {}) by table look-up",
                        if body == "look_up" { "" } else { "relaxed_" },
                        show(x, "lhs"),
                        show(y, "rhs")
                    ),
                    format!("binary::binary::<S, {}, {}, _, _>(simd::{body})", ty(x), ty(y)),
                    Some(("VEC_BINARY", (op * CLASSES + 1) * 4 + class(x) * 2 + class(y))),
                );
            }
        }
    }

    fn vector_shifts(&mut self) {
        for (shape, tier) in SHIFTS {
            for shift in ["shl", "shr_s", "shr_u"] {
                let name = leak(format!("{shape}_{shift}"));
                let op = self.operator("VecShift", name);
                let hot = *tier == Hot && (shift, *shape) != ("shr_s", "i64x2");
                let mut forms = vec![('s', 'a', 'i'), ('s', 's', 'i'), ('s', 's', 's')];
                if hot {
                    forms.extend([('a', 'a', 'i'), ('a', 's', 'i'), ('a', 's', 's')]);
                }
                for (d, x, y) in forms {
                    self.row(
                        format!("{name}_{d}{x}{y}"),
                        "vector",
                        8,
                        vec![dst_field(d), slot("lhs", x, 2), slot("rhs", y, 4)],
                        format!(
                            "{} := {name}({}, {})",
                            show_dst(d),
                            show(x, "lhs"),
                            show(y, "rhs")
                        ),
                        format!(
                            "simd::shift::<{}, {}, {}>(inline!(sem::{name}, a, b))",
                            ty(d),
                            ty(x),
                            ty(y)
                        ),
                        Some((
                            "VEC_SHIFT",
                            ((op * CLASSES + class(d)) * 2 + class(x)) * CLASSES + class(y),
                        )),
                    );
                }
            }
        }
    }

    /// Ops with three operands.
    fn vector_choice(&mut self) {
        for c in ['a', 's'] {
            for pair in ["as", "sa", "ss"] {
                let mut letters = pair.chars();
                let (x, y) = (letters.next().unwrap_or('s'), letters.next().unwrap_or('s'));
                self.row(
                    format!("v128_select_s{pair}{c}"),
                    "vector",
                    8,
                    vec![dst_field('s'), slot("lhs", x, 2), slot("rhs", y, 4), slot("cond", c, 6)],
                    format!(
                        "S[dst], acc := if {} {{ {} }} else {{ {} }}",
                        show(c, "cond"),
                        show(x, "lhs"),
                        show(y, "rhs")
                    ),
                    format!("simd::select::<S, {}, {}, {}>", ty(x), ty(y), ty(c)),
                    Some(("VEC_SELECT", class(c) * 4 + class(x) * 2 + class(y))),
                );
            }
        }
        for (name, forms) in TERNARY {
            let op = self.operator("VecTernary", name);
            for form in *forms {
                let letters: Vec<char> = form.chars().collect();
                let (x, y, z) = (letters[0], letters[1], letters[2]);
                self.row(
                    format!("{name}_s{form}"),
                    "vector",
                    8,
                    vec![dst_field('s'), slot("a", x, 2), slot("b", y, 4), slot("c", z, 6)],
                    format!(
                        "S[dst], acc := {name}({}, {}, {})",
                        show(x, "a"),
                        show(y, "b"),
                        show(z, "c")
                    ),
                    format!(
                        "simd::ternary::<S, {}, {}, {}>(inline!(sem::{name}, a, b, c))",
                        ty(x),
                        ty(y),
                        ty(z)
                    ),
                    Some(("VEC_TERNARY", op * 8 + class(x) * 4 + class(y) * 2 + class(z))),
                );
            }
        }
    }

    fn vector_memory(&mut self) {
        for (mode, prefix, check) in [(0, "", false), (1, "checked_", true)] {
            let family = |plain| if check { "checked" } else { plain };
            let whole = ("v128_load", "");
            for (n, (name, sem)) in std::iter::once(&whole).chain(LOADS).enumerate() {
                self.operator("VecLoad", name);
                let (dsts, addresses): (&[char], &[char]) = if sem.is_empty() {
                    (&['a', 's'], &['a', 's', 'l', 'm', 'k'])
                } else {
                    (&['s'], &['a', 's', 'l', 'm'])
                };
                for d in dsts {
                    for x in addresses {
                        let mut fields = vec![dst_field(*d)];
                        if *x != 'k' {
                            fields.push(slot("addr", *x, 2));
                        }
                        fields.push(("offset", Kind::Off32, 4));
                        let (dst, addr) = (ty(*d), ty(*x));
                        self.row(
                            format!("{prefix}{name}_{d}{x}"),
                            family("load"),
                            8,
                            fields,
                            format!(
                                "{} := {name}[{} + offset]",
                                show_dst(*d),
                                if *x == 'k' { "0".into() } else { show(*x, "addr") }
                            ),
                            if sem.is_empty() {
                                format!(
                                    "memory::load::<{dst}, {addr}, u32, sem::V128, sem::V128, {check}>"
                                )
                            } else {
                                format!("simd::load::<{dst}, {addr}, _, {check}>(inline!(sem::{sem}, a))")
                            },
                            Some((
                                "VEC_LOAD",
                                ((mode * (LOADS.len() + 1) + n) * CLASSES + class(*d)) * CLASSES
                                    + class(*x),
                            )),
                        );
                    }
                }
            }
            for x in ['a', 's', 'l', 'm', 'k'] {
                for v in ['a', 's'] {
                    let mut fields = Vec::new();
                    if x != 'k' {
                        fields.push(slot("addr", x, 0));
                    }
                    fields.push(slot("value", v, 2));
                    fields.push(("offset", Kind::Off32, 4));
                    self.row(
                        format!("{prefix}v128_store_{x}{v}"),
                        family("store"),
                        8,
                        fields,
                        format!(
                            "v128_store[{} + offset] := {}",
                            if x == 'k' { "0".into() } else { show(x, "addr") },
                            show(v, "value")
                        ),
                        format!(
                            "memory::store::<{}, u32, {}, sem::V128, sem::V128, {check}>",
                            ty(x),
                            ty(v)
                        ),
                        Some(("VEC_STORE", (mode * CLASSES + class(x)) * 2 + class(v))),
                    );
                }
            }
        }
        for (i, index) in ["u32", "u64"].into_iter().enumerate() {
            let bits = if i == 0 { 32 } else { 64 };
            self.row(
                format!("v128_load_m{bits}"),
                "general",
                16,
                vec![
                    dst_field('s'),
                    slot("addr", 's', 2),
                    ("memory", Kind::Ctx, 4),
                    ("offset", Kind::Off64, 8),
                ],
                "S[dst], acc := v128_load(memory, S[addr] + offset)",
                format!("simd::load_general::<{index}>"),
                Some(("VEC_LOAD_GENERAL", i)),
            );
            self.row(
                format!("v128_store_m{bits}"),
                "general",
                16,
                vec![
                    slot("addr", 's', 0),
                    slot("value", 's', 2),
                    ("memory", Kind::Ctx, 4),
                    ("offset", Kind::Off64, 8),
                ],
                "v128_store(memory, S[addr] + offset) := S[value]",
                format!("simd::store_general::<{index}>"),
                Some(("VEC_STORE_GENERAL", i)),
            );
        }
    }

    /// Integers of 128 bits in two slots, the low half first.
    fn wide_arithmetic(&mut self) {
        for name in ["i64_add128", "i64_sub128"] {
            self.row(
                name,
                "wide",
                10,
                vec![
                    dst_field('s'),
                    slot("lhs_low", 's', 2),
                    slot("lhs_high", 's', 4),
                    slot("rhs_low", 's', 6),
                    slot("rhs_high", 's', 8),
                ],
                format!(
                    "S[dst], S[dst + 1] := {name}(S[lhs_low], S[lhs_high], S[rhs_low], S[rhs_high]); acc := S[dst + 1]"
                ),
                format!("wide::wide4(sem::{name})"),
                None,
            );
        }
        for name in ["i64_mul_wide_s", "i64_mul_wide_u"] {
            self.row(
                name,
                "wide",
                8,
                vec![dst_field('s'), slot("lhs", 's', 2), slot("rhs", 's', 4)],
                format!("S[dst], S[dst + 1] := {name}(S[lhs], S[rhs]); acc := S[dst + 1]"),
                format!("wide::wide2(sem::{name})"),
                None,
            );
        }
    }
}
