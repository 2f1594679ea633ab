//! Canonical NaNs: with [`Options::canonical_nans`](super::Options::canonical_nans), every operator whose
//! result can be a NaN with an arbitrary sign and payload is followed by an instruction that makes it the
//! canonical one. Operators on bits (`abs`, `neg`, `copysign`, loads, `pmin` and `pmax`, which return one of
//! their operands) have one result anyway.

use wasmparser::Operator;

use super::translator::Translator;
use super::value::Kind;
use crate::isa::{Un, VecUnary};

/// The shapes of results that can be NaNs.
enum Floats {
    F32,
    F64,
    F32x4,
    F64x2,
}

/// The shape of an operator's result, if it can be a NaN that is not canonical.
#[rustfmt::skip]
fn arithmetic(operator: &Operator<'_>) -> Option<Floats> {
    use Operator as W;
    Some(match operator {
        W::F32Add | W::F32Sub | W::F32Mul | W::F32Div | W::F32Min | W::F32Max | W::F32Sqrt
        | W::F32Ceil | W::F32Floor | W::F32Trunc | W::F32Nearest | W::F32DemoteF64 => Floats::F32,
        W::F64Add | W::F64Sub | W::F64Mul | W::F64Div | W::F64Min | W::F64Max | W::F64Sqrt
        | W::F64Ceil | W::F64Floor | W::F64Trunc | W::F64Nearest | W::F64PromoteF32 => Floats::F64,
        W::F32x4Add | W::F32x4Sub | W::F32x4Mul | W::F32x4Div | W::F32x4Min | W::F32x4Max
        | W::F32x4Sqrt | W::F32x4Ceil | W::F32x4Floor | W::F32x4Trunc | W::F32x4Nearest
        | W::F32x4DemoteF64x2Zero | W::F32x4RelaxedMin | W::F32x4RelaxedMax
        | W::F32x4RelaxedMadd | W::F32x4RelaxedNmadd => Floats::F32x4,
        W::F64x2Add | W::F64x2Sub | W::F64x2Mul | W::F64x2Div | W::F64x2Min | W::F64x2Max
        | W::F64x2Sqrt | W::F64x2Ceil | W::F64x2Floor | W::F64x2Trunc | W::F64x2Nearest
        | W::F64x2PromoteLowF32x4 | W::F64x2RelaxedMin | W::F64x2RelaxedMax
        | W::F64x2RelaxedMadd | W::F64x2RelaxedNmadd => Floats::F64x2,
        _ => return None,
    })
}

impl Translator<'_> {
    /// Makes the result of `operator`, which has just been translated, canonical if it is a NaN.
    pub fn canonicalise(&mut self, operator: &Operator<'_>) {
        match arithmetic(operator) {
            Some(Floats::F32) => self.unary(Un::F32Canonical, Kind::F32),
            Some(Floats::F64) => self.unary(Un::F64Canonical, Kind::F64),
            Some(Floats::F32x4) => self.vec_unary(VecUnary::F32x4Canonical, Kind::V128),
            Some(Floats::F64x2) => self.vec_unary(VecUnary::F64x2Canonical, Kind::V128),
            None => {}
        }
    }
}
