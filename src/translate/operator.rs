//! One arm per WebAssembly operator.

use wasmparser::Operator;

use super::operand::Place;
use super::translator::Translator;
use super::value::Kind;
use crate::index::GlobalIndex;
use crate::isa::runtime::Runtime;
use crate::isa::{Bin, Load, Op, Store, Un, op};
use crate::trap::Trap;

impl Translator<'_> {
    /// Translates one operator.
    pub fn operator(&mut self, operator: &Operator<'_>) {
        if !self.reachable {
            self.skip(operator);
            return;
        }
        self.charge_operator(operator);
        self.visit(operator);
        if self.options.canonical_nans {
            self.canonicalise(operator);
        }
        self.check_height();
        if self.emit.is_too_large() {
            self.limit("more than 1 GiB of code");
        }
    }

    /// In unreachable code only the nesting of blocks matters.
    fn skip(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. }
            | Operator::Try { .. } => {
                self.skipped += 1;
            }
            Operator::Else => self.else_(),
            Operator::End => self.end(),
            Operator::Catch { tag_index } => self.catch(Some(*tag_index)),
            Operator::CatchAll => self.catch(None),
            Operator::Delegate { relative_depth } => self.delegate(*relative_depth),
            _ => {}
        }
    }

    #[rustfmt::skip]
    fn visit(&mut self, operator: &Operator<'_>) {
        use Kind::{F32, F64, I32, I64};
        match operator {
            Operator::Nop => {}
            Operator::Unreachable => self.trap(Trap::UnreachableCodeReached),
            Operator::Block { blockty } => self.block(*blockty),
            Operator::Loop { blockty } => self.loop_(*blockty),
            Operator::If { blockty } => self.if_(*blockty),
            Operator::Else => self.else_(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => self.br(*relative_depth),
            Operator::BrIf { relative_depth } => self.br_if(*relative_depth),
            Operator::BrTable { targets } => {
                if let Err(e) = self.br_table(targets) {
                    self.failure = Some(crate::error::ModuleError::new(
                        crate::error::ModuleErrorKind::Malformed, e.offset(), e.message()).into());
                }
            }
            Operator::Return => {
                self.return_();
                self.unreachable_from_here();
            }
            Operator::Call { function_index } => self.call(*function_index),
            Operator::CallIndirect { type_index, table_index } => self.call_indirect(*type_index, *table_index),
            Operator::CallRef { type_index } => self.call_ref(*type_index),
            Operator::ReturnCall { function_index } => self.return_call(*function_index),
            Operator::ReturnCallIndirect { type_index, table_index } => self.return_call_indirect(*type_index, *table_index),
            Operator::ReturnCallRef { type_index } => self.return_call_ref(*type_index),
            Operator::TryTable { try_table } => self.try_table(try_table),
            Operator::Throw { tag_index } => self.throw(*tag_index),
            Operator::ThrowRef => self.throw_ref(),
            Operator::Try { blockty } => self.try_(*blockty),
            Operator::Catch { tag_index } => self.catch(Some(*tag_index)),
            Operator::CatchAll => self.catch(None),
            Operator::Rethrow { relative_depth } => self.rethrow(*relative_depth),
            Operator::Delegate { relative_depth } => self.delegate(*relative_depth),
            Operator::Drop => { self.stack.pop(); }
            Operator::Select | Operator::TypedSelect { .. } => self.select(),

            Operator::LocalGet { local_index } => self.local_get(*local_index),
            Operator::LocalSet { local_index } => self.local_set(*local_index),
            Operator::LocalTee { local_index } => self.local_tee(*local_index),
            Operator::GlobalGet { global_index } => self.global_get(GlobalIndex(*global_index)),
            Operator::GlobalSet { global_index } => self.global_set(GlobalIndex(*global_index)),

            Operator::I32Const { value } => self.push(I32, Place::Const(u64::from(*value as u32))),
            Operator::I64Const { value } => self.push(I64, Place::Const(*value as u64)),
            Operator::F32Const { value } => self.push(F32, Place::Const(u64::from(value.bits()))),
            Operator::F64Const { value } => self.push(F64, Place::Const(value.bits())),

            Operator::I32Load { memarg } => self.load(Load::I32Load, memarg, I32),
            Operator::I32Load8S { memarg } => self.load(Load::I32Load8S, memarg, I32),
            Operator::I32Load8U { memarg } => self.load(Load::I32Load8U, memarg, I32),
            Operator::I32Load16S { memarg } => self.load(Load::I32Load16S, memarg, I32),
            Operator::I32Load16U { memarg } => self.load(Load::I32Load16U, memarg, I32),
            Operator::I64Load { memarg } => self.load(Load::I64Load, memarg, I64),
            Operator::I64Load8S { memarg } => self.load(Load::I64Load8S, memarg, I64),
            Operator::I64Load8U { memarg } => self.load(Load::I64Load8U, memarg, I64),
            Operator::I64Load16S { memarg } => self.load(Load::I64Load16S, memarg, I64),
            Operator::I64Load16U { memarg } => self.load(Load::I64Load16U, memarg, I64),
            Operator::I64Load32S { memarg } => self.load(Load::I64Load32S, memarg, I64),
            Operator::I64Load32U { memarg } => self.load(Load::I64Load32U, memarg, I64),
            Operator::F32Load { memarg } => self.load(Load::F32Load, memarg, F32),
            Operator::F64Load { memarg } => self.load(Load::F64Load, memarg, F64),
            Operator::I32Store { memarg } => self.store(Store::I32Store, memarg),
            Operator::I32Store8 { memarg } => self.store(Store::I32Store8, memarg),
            Operator::I32Store16 { memarg } => self.store(Store::I32Store16, memarg),
            Operator::I64Store { memarg } => self.store(Store::I64Store, memarg),
            Operator::I64Store8 { memarg } => self.store(Store::I64Store8, memarg),
            Operator::I64Store16 { memarg } => self.store(Store::I64Store16, memarg),
            Operator::I64Store32 { memarg } => self.store(Store::I64Store32, memarg),
            Operator::F32Store { memarg } => self.store(Store::F32Store, memarg),
            Operator::F64Store { memarg } => self.store(Store::F64Store, memarg),
            Operator::I32Eqz => self.eqz(Bin::I32Eq),
            Operator::I64Eqz => self.eqz(Bin::I64Eq),
            Operator::I32WrapI64 => self.wrap(),
            Operator::I64ExtendI32U => self.extend_u(),
            Operator::I32ReinterpretF32 => self.reinterpret(Un::I32ReinterpretF32, I32),
            Operator::I64ReinterpretF64 => self.reinterpret(Un::I64ReinterpretF64, I64),
            Operator::F32ReinterpretI32 => self.reinterpret(Un::F32ReinterpretI32, F32),
            Operator::F64ReinterpretI64 => self.reinterpret(Un::F64ReinterpretI64, F64),
            _ => {
                let known = self.numeric(operator)
                    || self.memory_or_table(operator)
                    || self.reference(operator)
                    || self.vector(operator)
                    || self.atomic(operator);
                if !known {
                    self.unsupported();
                }
            }
        }
    }

    /// Operators on whole memories and tables; `false` for others.
    #[rustfmt::skip]
    fn memory_or_table(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::MemorySize { mem } => self.memory_size(*mem),
            Operator::MemoryGrow { mem } => self.memory_grow(*mem),
            Operator::MemoryFill { mem } => self.memory_fill(*mem),
            Operator::MemoryCopy { dst_mem, src_mem } => self.memory_copy(*dst_mem, *src_mem),
            Operator::MemoryInit { data_index, mem } => self.memory_init(*data_index, *mem),
            Operator::DataDrop { data_index } => self.data_drop(*data_index),
            Operator::TableGet { table } => self.table_get(*table),
            Operator::TableSet { table } => self.table_set(*table),
            Operator::TableSize { table } => self.table_size(*table),
            Operator::TableGrow { table } => self.table_grow(*table),
            Operator::TableFill { table } => self.table_fill(*table),
            Operator::TableCopy { dst_table, src_table } => self.table_copy(*dst_table, *src_table),
            Operator::TableInit { elem_index, table } => self.table_init(*elem_index, *table),
            Operator::ElemDrop { elem_index } => self.elem_drop(*elem_index),
            _ => return false,
        }
        true
    }

    /// Operators on references and objects; `false` for others.
    #[rustfmt::skip]
    fn reference(&mut self, operator: &Operator<'_>) -> bool {
        use Kind::{I32, I64};
        match operator {
            Operator::RefNull { .. } => self.push(Kind::Ref, Place::Const(0)),
            Operator::RefIsNull => {
                self.stack.top_mut().kind = I64;
                self.eqz(Bin::I64Eq);
            }
            Operator::RefFunc { function_index } => self.ref_func(*function_index),
            Operator::RefAsNonNull => self.ref_as_non_null(),
            Operator::RefEq => self.ref_eq(),
            Operator::RefI31 => self.unary(Un::RefI31, Kind::Ref),
            Operator::I31GetS => self.unary(Un::I31GetS, I32),
            Operator::I31GetU => self.unary(Un::I31GetU, I32),
            // The two hierarchies share one representation.
            Operator::AnyConvertExtern | Operator::ExternConvertAny => {}
            Operator::StructNew { struct_type_index } => self.struct_new(*struct_type_index, false),
            Operator::StructNewDefault { struct_type_index } => self.struct_new(*struct_type_index, true),
            Operator::StructGet { struct_type_index, field_index }
            | Operator::StructGetU { struct_type_index, field_index } => self.struct_get(*struct_type_index, *field_index, false),
            Operator::StructGetS { struct_type_index, field_index } => self.struct_get(*struct_type_index, *field_index, true),
            Operator::StructSet { struct_type_index, field_index } => self.struct_set(*struct_type_index, *field_index),
            Operator::ArrayNew { array_type_index } => self.array_new(*array_type_index),
            Operator::ArrayNewDefault { array_type_index } => self.array_new_default(*array_type_index),
            Operator::ArrayNewFixed { array_type_index, array_size } => self.array_new_fixed(*array_type_index, *array_size),
            Operator::ArrayNewData { array_type_index, array_data_index } => self.array_new_segment(Runtime::array_new_data, *array_type_index, *array_data_index),
            Operator::ArrayNewElem { array_type_index, array_elem_index } => self.array_new_segment(Runtime::array_new_elem, *array_type_index, *array_elem_index),
            Operator::ArrayGet { array_type_index } | Operator::ArrayGetU { array_type_index } => self.array_get(*array_type_index, false),
            Operator::ArrayGetS { array_type_index } => self.array_get(*array_type_index, true),
            Operator::ArraySet { array_type_index } => self.array_set(*array_type_index),
            Operator::ArrayLen => self.array_len(),
            Operator::ArrayFill { array_type_index } => self.array_fill(*array_type_index),
            Operator::ArrayCopy { array_type_index_dst, .. } => self.array_copy(*array_type_index_dst),
            Operator::ArrayInitData { array_type_index, array_data_index } => self.array_init_segment(Runtime::array_init_data, *array_type_index, *array_data_index),
            Operator::ArrayInitElem { array_type_index, array_elem_index } => self.array_init_segment(Runtime::array_init_elem, *array_type_index, *array_elem_index),
            Operator::RefTestNonNull { hty } => self.ref_test(*hty, false),
            Operator::RefTestNullable { hty } => self.ref_test(*hty, true),
            Operator::RefCastNonNull { hty } => self.ref_cast(*hty, false),
            Operator::RefCastNullable { hty } => self.ref_cast(*hty, true),
            Operator::BrOnCast { relative_depth, to_ref_type, .. } => self.br_on_cast(*relative_depth, *to_ref_type, true),
            Operator::BrOnCastFail { relative_depth, to_ref_type, .. } => self.br_on_cast(*relative_depth, *to_ref_type, false),
            Operator::BrOnNull { relative_depth } => self.br_on_null(*relative_depth),
            Operator::BrOnNonNull { relative_depth } => self.br_on_non_null(*relative_depth),
            _ => return false,
        }
        true
    }

    fn ref_func(&mut self, func: u32) {
        self.clobber(false);
        let dst = self.next_home();
        match self.info.defined_func(crate::index::FuncIndex(func)) {
            Some(defined) => self.emit.op(Op::RefFunc, op::RefFunc { dst, index: defined.0 }),
            None => {
                let at = self.import_place(func);
                self.emit.op(Op::RefFuncImport, op::RefFuncImport { dst, at })
            }
        };
        self.push_made(Kind::Ref);
    }

    /// Numeric operators, whose names are the same everywhere.
    fn numeric(&mut self, operator: &Operator<'_>) -> bool {
        use Kind::{F32, F64, I32, I64};
        macro_rules! dispatch {
            (binary: $($kind:ident -> $result:ident { $($op:ident)* })* ; unary: $($to:ident { $($un:ident)* })*) => {
                match operator {
                    $($(Operator::$op => self.binary(Bin::$op, $kind, $result),)*)*
                    $($(Operator::$un => self.unary(Un::$un, $to),)*)*
                    _ => return false,
                }
            };
        }
        dispatch! {
            binary:
            I32 -> I32 {
                I32Add I32Sub I32Mul I32DivS I32DivU I32RemS I32RemU I32And I32Or I32Xor I32Shl I32ShrS
                I32ShrU I32Rotl I32Rotr I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU
            }
            I64 -> I64 {
                I64Add I64Sub I64Mul I64DivS I64DivU I64RemS I64RemU I64And I64Or I64Xor I64Shl I64ShrS
                I64ShrU I64Rotl I64Rotr
            }
            I64 -> I32 { I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU }
            F32 -> F32 { F32Add F32Sub F32Mul F32Div F32Min F32Max F32Copysign }
            F32 -> I32 { F32Eq F32Ne F32Lt F32Gt F32Le F32Ge }
            F64 -> F64 { F64Add F64Sub F64Mul F64Div F64Min F64Max F64Copysign }
            F64 -> I32 { F64Eq F64Ne F64Lt F64Gt F64Le F64Ge } ;
            unary:
            I32 {
                I32Clz I32Ctz I32Popcnt I32Extend8S I32Extend16S
                I32TruncF32S I32TruncF32U I32TruncF64S I32TruncF64U
                I32TruncSatF32S I32TruncSatF32U I32TruncSatF64S I32TruncSatF64U
            }
            I64 {
                I64Clz I64Ctz I64Popcnt I64Extend8S I64Extend16S I64Extend32S I64ExtendI32S
                I64TruncF32S I64TruncF32U I64TruncF64S I64TruncF64U
                I64TruncSatF32S I64TruncSatF32U I64TruncSatF64S I64TruncSatF64U
            }
            F32 {
                F32Abs F32Neg F32Ceil F32Floor F32Trunc F32Nearest F32Sqrt F32DemoteF64
                F32ConvertI32S F32ConvertI32U F32ConvertI64S F32ConvertI64U
            }
            F64 {
                F64Abs F64Neg F64Ceil F64Floor F64Trunc F64Nearest F64Sqrt F64PromoteF32
                F64ConvertI32S F64ConvertI32U F64ConvertI64S F64ConvertI64U
            }
        }
        true
    }
}
