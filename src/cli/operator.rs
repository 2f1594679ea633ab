//! WebAssembly's operators as text: the text format's names, and immediates as in the binary.

use std::fmt::Write;

use wasmparser::{
    BlockType, BrTable, Catch, HeapType, Ieee32, Ieee64, MemArg, MemArgTarget, Operator, Ordering,
    RefType, ResumeTable, TryTable, V128, ValType,
};

/// Turns
///
/// ```text
/// @mvp I32Load { memarg: MemArg } => visit_i32_load
/// ```
///
/// into an arm of each of two functions, so that the second has few different ones:
///
/// ```text
/// Operator::I32Load { .. } => "visit_i32_load",
/// Operator::I32Load { memarg } => { memarg.show(out); }
/// ```
macro_rules! show_operator {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        /// The name of its method in wasmparser's visitors.
        fn visitor(operator: &Operator<'_>) -> &'static str {
            match operator {
                $(Operator::$op { .. } => stringify!($visit),)*
                _ => "an operator that is not known",
            }
        }

        /// What follows its name.
        fn immediates(operator: &Operator<'_>, out: &mut String) {
            match operator {
                $(Operator::$op $({ $($arg),* })? => { $($($arg.show(out);)*)? })*
                _ => {}
            }
        }
    };
}
wasmparser::for_each_operator!(show_operator);

/// The operator in one line.
pub fn show(operator: &Operator<'_>) -> String {
    let mut out = mnemonic(visitor(operator));
    immediates(operator, &mut out);
    out
}

/// `visit_i32_load8_u` to `i32.load8_u`.
fn mnemonic(visit: &str) -> String {
    const NAMESPACES: [&str; 26] = [
        "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2",
        "local", "global", "table", "memory", "data", "elem", "ref", "struct", "array", "i31",
        "any", "extern", "atomic", "cont", "resume",
    ];
    let name = visit.strip_prefix("visit_").unwrap_or(visit);
    // `typed_select` and its like keep the visitor's name; they are rare.
    match name.split_once('_') {
        Some((space, rest)) if NAMESPACES.contains(&space) => {
            let rest = match rest.strip_prefix("atomic_rmw") {
                Some(rmw) => format!("atomic.rmw{}", rmw.replacen('_', ".", 1)),
                None => rest.replacen("atomic_", "atomic.", 1),
            };
            format!("{space}.{rest}")
        }
        _ => name.to_owned(),
    }
}

/// Something that follows an operator's name.
trait Immediate {
    fn show(&self, out: &mut String);
}

macro_rules! immediates {
    ($($ty:ty, $value:ident, $out:ident => $show:expr;)*) => {$(
        impl Immediate for $ty {
            fn show(&self, $out: &mut String) {
                let $value = self;
                let _ = $show;
            }
        }
    )*};
}

immediates! {
    u8, value, out => write!(out, " {value}");
    u32, value, out => write!(out, " {value}");
    i32, value, out => write!(out, " {value}");
    i64, value, out => write!(out, " {value}");
    Ieee32, value, out => write!(out, " {:?}", f32::from_bits(value.bits()));
    Ieee64, value, out => write!(out, " {:?}", f64::from_bits(value.bits()));
    V128, value, out => write!(out, " {:#034x}", u128::from(*value));
    [u8; 16], value, out => value.iter().for_each(|lane| lane.show(out));
    ValType, value, out => write!(out, " {value}");
    RefType, value, out => write!(out, " {value}");
    Vec<ValType>, value, out => value.iter().for_each(|ty| ty.show(out));
    HeapType, value, out => write!(out, " {value:?}");
    Ordering, value, out => write!(out, " {value:?}");
    ResumeTable, value, out => write!(out, " {value:?}");
}

impl Immediate for MemArg {
    fn show(&self, out: &mut String) {
        let _ = match self.target {
            MemArgTarget::Memory(0) => Ok(()),
            MemArgTarget::Memory(memory) => write!(out, " {memory}"),
            MemArgTarget::Array(ty) => write!(out, " (type {ty})"),
        };
        if self.offset != 0 {
            let _ = write!(out, " offset={}", self.offset);
        }
        if self.align != self.max_align {
            let _ = write!(out, " align={}", 1_u64 << self.align);
        }
    }
}

impl Immediate for BlockType {
    fn show(&self, out: &mut String) {
        let _ = match self {
            BlockType::Empty => Ok(()),
            BlockType::Type(ty) => write!(out, " (result {ty})"),
            BlockType::FuncType(index) => write!(out, " (type {index})"),
        };
    }
}

impl Immediate for BrTable<'_> {
    fn show(&self, out: &mut String) {
        for target in self.targets().flatten() {
            target.show(out);
        }
        self.default().show(out);
    }
}

impl Immediate for TryTable {
    fn show(&self, out: &mut String) {
        self.ty.show(out);
        for catch in &self.catches {
            let _ = match catch {
                Catch::One { tag, label } => write!(out, " (catch {tag} {label})"),
                Catch::OneRef { tag, label } => write!(out, " (catch_ref {tag} {label})"),
                Catch::All { label } => write!(out, " (catch_all {label})"),
                Catch::AllRef { label } => write!(out, " (catch_all_ref {label})"),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_have_the_names_of_the_text_format() {
        for (visit, name) in [
            ("visit_i32_load8_u", "i32.load8_u"),
            ("visit_local_get", "local.get"),
            ("visit_br_if", "br_if"),
            ("visit_call_indirect", "call_indirect"),
            ("visit_memory_atomic_wait32", "memory.atomic.wait32"),
            ("visit_i32_atomic_rmw8_cmpxchg_u", "i32.atomic.rmw8.cmpxchg_u"),
            ("visit_atomic_fence", "atomic.fence"),
            ("visit_i64_trunc_sat_f32_s", "i64.trunc_sat_f32_s"),
        ] {
            assert_eq!(mnemonic(visit), name);
        }
    }

    #[test]
    fn immediates_follow_the_name() {
        assert_eq!(show(&Operator::I32Const { value: -7 }), "i32.const -7");
        let memarg = MemArg {
            align: 2,
            max_align: 2,
            offset: 8,
            target: MemArgTarget::Memory(0),
            ordering: None,
        };
        assert_eq!(show(&Operator::I32Load { memarg }), "i32.load offset=8");
        assert_eq!(show(&Operator::Block { blockty: BlockType::Empty }), "block");
    }
}
