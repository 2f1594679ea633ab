//! One arm per vector operator, and those of wide arithmetic.

use wasmparser::Operator;

use super::super::translator::Translator;
use crate::isa::{
    Load, Op, Store, VecBinary as B, VecExtract as X, VecLoad as L, VecReplace as R, VecShift as S,
    VecTernary as T, VecUnary as U,
};
use crate::sem::V128;
use crate::translate::value::Kind;

impl Translator<'_> {
    /// Translates a vector operator or one of wide arithmetic. Returns whether it is one.
    #[rustfmt::skip]
    pub fn vector(&mut self, operator: &Operator<'_>) -> bool {
        use Kind::{F32, F64, I32, I64};
        use Operator as W;
        match operator {
            W::V128Const { value } => self.vec_const(V128(*value.bytes())),

            W::V128Load { memarg } => self.vec_load(L::V128Load, memarg),
            W::V128Load8x8S { memarg } => self.vec_load_from(Some(L::V128Load8x8S), Load::I64Load, I64, U::V128Load8x8S, memarg),
            W::V128Load8x8U { memarg } => self.vec_load_from(Some(L::V128Load8x8U), Load::I64Load, I64, U::V128Load8x8U, memarg),
            W::V128Load16x4S { memarg } => self.vec_load_from(Some(L::V128Load16x4S), Load::I64Load, I64, U::V128Load16x4S, memarg),
            W::V128Load16x4U { memarg } => self.vec_load_from(Some(L::V128Load16x4U), Load::I64Load, I64, U::V128Load16x4U, memarg),
            W::V128Load32x2S { memarg } => self.vec_load_from(None, Load::I64Load, I64, U::V128Load32x2S, memarg),
            W::V128Load32x2U { memarg } => self.vec_load_from(None, Load::I64Load, I64, U::V128Load32x2U, memarg),
            W::V128Load8Splat { memarg } => self.vec_load_from(None, Load::I32Load8U, I32, U::I8x16Splat, memarg),
            W::V128Load16Splat { memarg } => self.vec_load_from(None, Load::I32Load16U, I32, U::I16x8Splat, memarg),
            W::V128Load32Splat { memarg } => self.vec_load_from(Some(L::V128Load32Splat), Load::I32Load, I32, U::I32x4Splat, memarg),
            W::V128Load64Splat { memarg } => self.vec_load_from(Some(L::V128Load64Splat), Load::I64Load, I64, U::I64x2Splat, memarg),
            W::V128Load32Zero { memarg } => self.vec_load_from(Some(L::V128Load32Zero), Load::I32Load, I32, U::V128Load32Zero, memarg),
            W::V128Load64Zero { memarg } => self.vec_load_from(Some(L::V128Load64Zero), Load::I64Load, I64, U::V128Load64Zero, memarg),
            W::V128Load8Lane { memarg, lane } => self.vec_load_lane(Load::I32Load8U, I32, R::I8x16ReplaceLane, memarg, *lane, 1),
            W::V128Load16Lane { memarg, lane } => self.vec_load_lane(Load::I32Load16U, I32, R::I16x8ReplaceLane, memarg, *lane, 2),
            W::V128Load32Lane { memarg, lane } => self.vec_load_lane(Load::I32Load, I32, R::I32x4ReplaceLane, memarg, *lane, 4),
            W::V128Load64Lane { memarg, lane } => self.vec_load_lane(Load::I64Load, I64, R::I64x2ReplaceLane, memarg, *lane, 8),
            W::V128Store { memarg } => self.vec_store(memarg),
            W::V128Store8Lane { memarg, lane } => self.vec_store_lane(X::I8x16ExtractLaneU, I32, Store::I32Store8, memarg, *lane, 1),
            W::V128Store16Lane { memarg, lane } => self.vec_store_lane(X::I16x8ExtractLaneU, I32, Store::I32Store16, memarg, *lane, 2),
            W::V128Store32Lane { memarg, lane } => self.vec_store_lane(X::I32x4ExtractLane, I32, Store::I32Store, memarg, *lane, 4),
            W::V128Store64Lane { memarg, lane } => self.vec_store_lane(X::I64x2ExtractLane, I64, Store::I64Store, memarg, *lane, 8),

            W::I8x16Shuffle { lanes } => self.shuffle(*lanes),
            W::I8x16Swizzle => self.swizzle(false),
            W::I8x16RelaxedSwizzle => self.swizzle(true),

            W::I8x16Splat => self.vec_splat(U::I8x16Splat),
            W::I16x8Splat => self.vec_splat(U::I16x8Splat),
            W::I32x4Splat => self.vec_splat(U::I32x4Splat),
            W::I64x2Splat => self.vec_splat(U::I64x2Splat),
            W::F32x4Splat => self.vec_splat(U::F32x4Splat),
            W::F64x2Splat => self.vec_splat(U::F64x2Splat),
            W::I8x16ExtractLaneS { lane } => self.vec_extract(X::I8x16ExtractLaneS, *lane, 1, I32),
            W::I8x16ExtractLaneU { lane } => self.vec_extract(X::I8x16ExtractLaneU, *lane, 1, I32),
            W::I16x8ExtractLaneS { lane } => self.vec_extract(X::I16x8ExtractLaneS, *lane, 2, I32),
            W::I16x8ExtractLaneU { lane } => self.vec_extract(X::I16x8ExtractLaneU, *lane, 2, I32),
            W::I32x4ExtractLane { lane } => self.vec_extract(X::I32x4ExtractLane, *lane, 4, I32),
            W::I64x2ExtractLane { lane } => self.vec_extract(X::I64x2ExtractLane, *lane, 8, I64),
            W::F32x4ExtractLane { lane } => self.vec_extract(X::F32x4ExtractLane, *lane, 4, F32),
            W::F64x2ExtractLane { lane } => self.vec_extract(X::F64x2ExtractLane, *lane, 8, F64),
            W::I8x16ReplaceLane { lane } => self.vec_replace(R::I8x16ReplaceLane, *lane, 1),
            W::I16x8ReplaceLane { lane } => self.vec_replace(R::I16x8ReplaceLane, *lane, 2),
            W::I32x4ReplaceLane { lane } => self.vec_replace(R::I32x4ReplaceLane, *lane, 4),
            W::I64x2ReplaceLane { lane } => self.vec_replace(R::I64x2ReplaceLane, *lane, 8),
            W::F32x4ReplaceLane { lane } => self.vec_replace(R::F32x4ReplaceLane, *lane, 4),
            W::F64x2ReplaceLane { lane } => self.vec_replace(R::F64x2ReplaceLane, *lane, 8),

            W::V128Bitselect
            | W::I8x16RelaxedLaneselect
            | W::I16x8RelaxedLaneselect
            | W::I32x4RelaxedLaneselect
            | W::I64x2RelaxedLaneselect => self.vec_ternary(T::V128Bitselect),
            W::F32x4RelaxedMadd => self.vec_ternary(T::F32x4RelaxedMadd),
            W::F32x4RelaxedNmadd => self.vec_ternary(T::F32x4RelaxedNmadd),
            W::F64x2RelaxedMadd => self.vec_ternary(T::F64x2RelaxedMadd),
            W::F64x2RelaxedNmadd => self.vec_ternary(T::F64x2RelaxedNmadd),
            W::I32x4RelaxedDotI8x16I7x16AddS => self.vec_ternary(T::I32x4RelaxedDotI8x16I7x16AddS),
            W::F32x4RelaxedMin => self.relaxed_binary(B::F32x4Pmin, B::F32x4Min),
            W::F32x4RelaxedMax => self.relaxed_binary(B::F32x4Pmax, B::F32x4Max),
            W::F64x2RelaxedMin => self.relaxed_binary(B::F64x2Pmin, B::F64x2Min),
            W::F64x2RelaxedMax => self.relaxed_binary(B::F64x2Pmax, B::F64x2Max),
            W::I32x4RelaxedTruncF32x4S => self.relaxed_unary(U::I32x4RelaxedTruncF32x4S, U::I32x4TruncSatF32x4S),
            W::I32x4RelaxedTruncF64x2SZero => self.relaxed_unary(U::I32x4RelaxedTruncF64x2SZero, U::I32x4TruncSatF64x2SZero),
            W::I32x4RelaxedTruncF32x4U => self.vec_unary(U::I32x4TruncSatF32x4U, Kind::V128),
            W::I32x4RelaxedTruncF64x2UZero => self.vec_unary(U::I32x4TruncSatF64x2UZero, Kind::V128),
            W::I16x8RelaxedQ15mulrS => self.vec_binary(B::I16x8Q15mulrSatS, false),
            W::I16x8RelaxedDotI8x16I7x16S => self.vec_binary(B::I16x8RelaxedDotI8x16I7x16S, false),

            W::I64Add128 => self.wide(Op::I64Add128),
            W::I64Sub128 => self.wide(Op::I64Sub128),
            W::I64MulWideS => self.wide_mul(Op::I64MulWideS),
            W::I64MulWideU => self.wide_mul(Op::I64MulWideU),
            _ => return self.lanewise(operator),
        }
        true
    }

    /// Operators on all lanes alike.
    fn lanewise(&mut self, operator: &Operator<'_>) -> bool {
        macro_rules! dispatch {
            (
                binary { $($b:ident)* }
                renamed { $($from:ident => $to:ident)* }
                mirrored { $($greater:ident => $less:ident)* }
                shifts { $($s:ident)* }
                unary { $($u:ident)* }
                pairwise { $($pair:ident => $sum:ident)* }
                tests { $($t:ident)* }
            ) => {
                match operator {
                    $(Operator::$b => self.vec_binary(B::$b, false),)*
                    $(Operator::$from => self.vec_binary(B::$to, false),)*
                    $(Operator::$greater => self.vec_binary(B::$less, true),)*
                    $(Operator::$s => self.vec_shift(S::$s),)*
                    $(Operator::$u => self.vec_unary(U::$u, Kind::V128),)*
                    $(Operator::$pair => self.vec_unary(U::$sum, Kind::V128),)*
                    $(Operator::$t => self.vec_unary(U::$t, Kind::I32),)*
                    _ => return false,
                }
            };
        }
        dispatch! {
            binary {
                V128And V128Or V128Xor
                I8x16Add I16x8Add I32x4Add I64x2Add F32x4Add F64x2Add
                I8x16Sub I16x8Sub I32x4Sub I64x2Sub F32x4Sub F64x2Sub
                I16x8Mul I32x4Mul I64x2Mul F32x4Mul F64x2Mul F32x4Div F64x2Div
                I32x4DotI16x8S
                I8x16Eq I16x8Eq I32x4Eq I64x2Eq F32x4Eq F64x2Eq
                I8x16Ne I16x8Ne I32x4Ne I64x2Ne F32x4Ne F64x2Ne
                I8x16LtS I16x8LtS I32x4LtS I64x2LtS F32x4Lt F64x2Lt
                I8x16LeS I16x8LeS I32x4LeS I64x2LeS F32x4Le F64x2Le
                I8x16LtU I16x8LtU I32x4LtU I8x16LeU I16x8LeU I32x4LeU
                I8x16MinS I8x16MinU I8x16MaxS I8x16MaxU
                I16x8MinS I16x8MinU I16x8MaxS I16x8MaxU
                I32x4MinS I32x4MinU I32x4MaxS I32x4MaxU
                F32x4Min F32x4Max F64x2Min F64x2Max
                I8x16NarrowI16x8S I8x16NarrowI16x8U I16x8NarrowI32x4S I16x8NarrowI32x4U
                I8x16AddSatS I8x16AddSatU I16x8AddSatS I16x8AddSatU
                I8x16SubSatS I8x16SubSatU I16x8SubSatS I16x8SubSatU
                I8x16AvgrU I16x8AvgrU
            }
            renamed {
                V128AndNot => V128Andnot
                F32x4PMin => F32x4Pmin
                F32x4PMax => F32x4Pmax
                F64x2PMin => F64x2Pmin
                F64x2PMax => F64x2Pmax
                I16x8Q15MulrSatS => I16x8Q15mulrSatS
                I16x8ExtMulLowI8x16S => I16x8ExtmulLowI8x16S
                I16x8ExtMulHighI8x16S => I16x8ExtmulHighI8x16S
                I16x8ExtMulLowI8x16U => I16x8ExtmulLowI8x16U
                I16x8ExtMulHighI8x16U => I16x8ExtmulHighI8x16U
                I32x4ExtMulLowI16x8S => I32x4ExtmulLowI16x8S
                I32x4ExtMulHighI16x8S => I32x4ExtmulHighI16x8S
                I32x4ExtMulLowI16x8U => I32x4ExtmulLowI16x8U
                I32x4ExtMulHighI16x8U => I32x4ExtmulHighI16x8U
                I64x2ExtMulLowI32x4S => I64x2ExtmulLowI32x4S
                I64x2ExtMulHighI32x4S => I64x2ExtmulHighI32x4S
                I64x2ExtMulLowI32x4U => I64x2ExtmulLowI32x4U
                I64x2ExtMulHighI32x4U => I64x2ExtmulHighI32x4U
            }
            mirrored {
                I8x16GtS => I8x16LtS
                I8x16GtU => I8x16LtU
                I8x16GeS => I8x16LeS
                I8x16GeU => I8x16LeU
                I16x8GtS => I16x8LtS
                I16x8GtU => I16x8LtU
                I16x8GeS => I16x8LeS
                I16x8GeU => I16x8LeU
                I32x4GtS => I32x4LtS
                I32x4GtU => I32x4LtU
                I32x4GeS => I32x4LeS
                I32x4GeU => I32x4LeU
                I64x2GtS => I64x2LtS
                I64x2GeS => I64x2LeS
                F32x4Gt => F32x4Lt
                F32x4Ge => F32x4Le
                F64x2Gt => F64x2Lt
                F64x2Ge => F64x2Le
            }
            shifts {
                I8x16Shl I8x16ShrS I8x16ShrU I16x8Shl I16x8ShrS I16x8ShrU
                I32x4Shl I32x4ShrS I32x4ShrU I64x2Shl I64x2ShrS I64x2ShrU
            }
            unary {
                V128Not
                F32x4Abs F64x2Abs F32x4Neg F64x2Neg F32x4Sqrt F64x2Sqrt
                F32x4Ceil F64x2Ceil F32x4Floor F64x2Floor F32x4Trunc F64x2Trunc
                F32x4Nearest F64x2Nearest
                I8x16Abs I16x8Abs I32x4Abs I64x2Abs I8x16Neg I16x8Neg I32x4Neg I64x2Neg
                I8x16Popcnt
                I16x8ExtendLowI8x16S I16x8ExtendHighI8x16S I16x8ExtendLowI8x16U I16x8ExtendHighI8x16U
                I32x4ExtendLowI16x8S I32x4ExtendHighI16x8S I32x4ExtendLowI16x8U I32x4ExtendHighI16x8U
                I64x2ExtendLowI32x4S I64x2ExtendHighI32x4S I64x2ExtendLowI32x4U I64x2ExtendHighI32x4U
                F32x4ConvertI32x4S F32x4ConvertI32x4U F64x2ConvertLowI32x4S F64x2ConvertLowI32x4U
                F32x4DemoteF64x2Zero F64x2PromoteLowF32x4
                I32x4TruncSatF32x4S I32x4TruncSatF32x4U I32x4TruncSatF64x2SZero
                I32x4TruncSatF64x2UZero
            }
            pairwise {
                I16x8ExtAddPairwiseI8x16S => I16x8ExtaddPairwiseI8x16S
                I16x8ExtAddPairwiseI8x16U => I16x8ExtaddPairwiseI8x16U
                I32x4ExtAddPairwiseI16x8S => I32x4ExtaddPairwiseI16x8S
                I32x4ExtAddPairwiseI16x8U => I32x4ExtaddPairwiseI16x8U
            }
            tests {
                V128AnyTrue I8x16AllTrue I16x8AllTrue I32x4AllTrue I64x2AllTrue
                I8x16Bitmask I16x8Bitmask I32x4Bitmask I64x2Bitmask
            }
        }
        true
    }
}
