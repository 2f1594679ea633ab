//! The parts of translation by themselves: the code buffer, the last pass, immediates. What whole
//! functions become is in tests/bytecode.

use super::compose::{Composed, compose};
use super::emit::{Emitter, Label};
use super::resolve::{Imm, Src, immediate, signed};
use super::value::Kind;
use crate::isa::operand::{DST, Stream};
use crate::isa::{HEAD, Instruction, OPS, Op, len, op};
use crate::prelude::*;

/// The instructions of some code.
fn instructions(code: &[u8]) -> Vec<Instruction> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let instruction = Instruction::read(code, at).expect("whole instructions");
        at += instruction.size;
        all.push(instruction);
    }
    all
}

fn ops(code: &[u8]) -> Vec<Op> {
    instructions(code).iter().map(|it| it.op).collect()
}

fn slot_copy(emit: &mut Emitter, dst: i16, src: i16) -> u32 {
    emit.op(Op::MovSs, op::Mov { dst, src: Src::Slot(src) })
}

/// The code of an emitter, as it was written.
fn written(emit: Emitter) -> Composed {
    emit.finish(0, Vec::new())
}

#[test]
fn branches_lead_to_a_label_that_is_placed_before_or_after_them() {
    let mut emit = Emitter::new(false);
    let (mut ahead, mut back) = (Label::default(), Label::at(emit.here()));
    let first = emit.op(Op::BrIfS, op::BrIf { cond: Src::Slot(5), to: 0 });
    emit.branch(first, &mut ahead);
    assert!(ahead.is_used());
    let second = emit.op(Op::Br, op::Br { to: 0 });
    emit.branch(second, &mut back);
    let third = emit.op(Op::BrIfA, op::BrIf { cond: Src::Acc, to: 0 });
    emit.branch(third, &mut ahead);
    let end = emit.here();
    emit.bind(&mut ahead);
    emit.op(Op::Ret, op::Empty {});
    let code = written(emit).bytes;
    let targets: Vec<usize> = instructions(&code)
        .iter()
        .flat_map(|it| it.branches(&code[..]).filter_map(|place| it.target(&code[..], place)))
        .collect();
    assert_eq!(targets, [end as usize, first as usize, end as usize]);
}

#[test]
fn every_distance_behind_a_br_table_is_its_own() {
    let mut emit = Emitter::new(false);
    let at = emit.op(Op::BrTableS, op::BrTable { index: Src::Slot(4), count: 2 });
    emit.distance_entries(at, 3);
    let mut labels = [Label::default(), Label::default(), Label::default()];
    for (i, label) in labels.iter_mut().enumerate() {
        emit.table_branch(at, i, label);
    }
    let mut places = Vec::new();
    for label in &mut labels {
        places.push(emit.here() as usize);
        emit.bind(label);
        emit.op(Op::Ret, op::Empty {});
    }
    let code = written(emit).bytes;
    let table = instructions(&code)[0];
    let targets: Vec<usize> =
        table.branches(&code[..]).filter_map(|place| table.target(&code[..], place)).collect();
    assert_eq!(targets, places);
    assert_eq!(table.size, len(op::BrTable::BODY + 3 * 4));
}

#[test]
fn a_result_is_stored_or_pinned_by_rewriting_its_producer() {
    let mut emit = Emitter::new(false);
    let operands = op::Binary { dst: 9, lhs: Src::Slot(1), rhs: Src::Slot(2) };
    let at = emit.op(Op::I32AddAss, operands);
    emit.store_form(at, 7);
    assert_eq!(emit.op_at(at), Op::I32AddSss);
    assert!(emit.pin_form(at, 1));
    assert_eq!(emit.op_at(at), Op::I32AddMss);
    // Divisions write no pinned local.
    let division = emit.op(Op::I32DivUAss, operands);
    assert!(!emit.pin_form(division, 0));
    let code = written(emit).bytes;
    assert_eq!(instructions(&code)[0].slot(&code[..], DST.slot()), Some(7));
    assert_eq!(instructions(&code)[1].slot(&code[..], DST.slot()), Some(9));
}

#[test]
fn nothing_before_a_label_is_taken_back() {
    let mut emit = Emitter::new(true);
    emit.source(10);
    let first = slot_copy(&mut emit, 4, 5);
    assert!(emit.is_last(first));
    emit.bind(&mut Label::default());
    assert!(!emit.is_last(first));
    emit.source(20);
    let second = slot_copy(&mut emit, 6, 7);
    assert!(emit.is_last(second) && emit.ends_at(second, emit.here()));
    emit.rewind(second);
    assert_eq!(emit.here(), second);
    let code = written(emit);
    assert_eq!(code.source_map, [(first, 10)]);
    assert_eq!(ops(&code.bytes), [Op::MovSs]);
}

#[test]
fn composing_keeps_the_order_and_the_targets() {
    let mut emit = Emitter::new(true);
    let mut label = Label::default();
    for i in 0..6 {
        emit.source(i as usize);
        slot_copy(&mut emit, 10 + i, 20 + i);
    }
    let branch = emit.op(Op::Br, op::Br { to: 0 });
    emit.branch(branch, &mut label);
    let call = emit.op(Op::Call, op::Call { frame: 30, func: 0 });
    let behind = emit.here();
    slot_copy(&mut emit, 1, 2);
    emit.bind(&mut label);
    let target = emit.op(Op::Ret, op::Empty {});
    let _ = (call, target);
    let code = compose(emit.finish(0, vec![behind]), false);
    let found = instructions(&code.bytes);
    let last = found.last().expect("a return");
    assert_eq!(last.op, Op::Ret);
    let branch = found.iter().find(|it| it.branches(&code.bytes[..]).next().is_some());
    let branch = branch.expect("the branch");
    let place = branch.branches(&code.bytes[..]).next().expect("its distance");
    assert_eq!(branch.target(&code.bytes[..], place), Some(last.at));
    assert!(
        found.iter().any(|it| it.at == code.calls[0] as usize),
        "behind the call is an instruction"
    );
    assert_eq!(code.entry, 0);
    // Sources stay in the order of the code.
    assert!(code.source_map.is_sorted());
}

/// Code of the parts of a fused op, with operands that are all alike, and a label in front of part `entered`.
fn parts_of(fused: Op, entered: Option<usize>) -> Composed {
    let mut emit = Emitter::new(false);
    let mut bytes = Vec::new();
    for (i, part) in fused.parts().iter().enumerate() {
        let part = Op::from_u16(*part).expect("a part");
        if Some(i) == entered {
            emit.bind(&mut Label::default());
        }
        let at = bytes.len();
        bytes.resize(at + part.size(), 0);
        bytes.replace(at, (part as u16).to_le_bytes());
        // A slot of its own for each operand: nothing is forwarded.
        for (number, (_, kind, byte)) in part.info().fields.iter().enumerate() {
            if kind.is_slot() {
                let slot = (100 + 10 * i + number) as i16;
                bytes.replace(at + HEAD + usize::from(*byte), slot.to_le_bytes());
            }
        }
    }
    let mut code = written(emit);
    code.bytes = bytes;
    code
}

#[test]
fn the_parts_of_a_fused_op_become_one_instruction() {
    let mut tried = 0;
    for fused in (0..OPS.len()).filter_map(|i| Op::from_u16(i as u16)) {
        let has_target = fused.parts().iter().any(|part| {
            Op::from_u16(*part).is_some_and(|it| it.target().is_some() || it.is_br_table())
        });
        let forwards = fused.forwarded().next().is_some();
        if fused.parts().is_empty() || fused.is_again() || has_target || forwards {
            continue;
        }
        let code = compose(parts_of(fused, None), false);
        assert_eq!(ops(&code.bytes), [fused], "{fused:?}");
        let single = compose(parts_of(fused, None), true);
        assert_eq!(ops(&single.bytes).len(), fused.parts().len(), "{fused:?}");
        tried += 1;
    }
    let any = OPS.iter().any(|op| op.family == "fused");
    assert!(!any || tried > 500, "{tried}");
}

#[test]
fn constants_are_immediates_where_they_fit() {
    let i32 = |v: i32, imm| immediate(Kind::I32, u64::from(v as u32), imm);
    assert_eq!(i32(-1, Imm::Half), Some(Src::Half(-1)));
    assert_eq!(i32(32767, Imm::Half), Some(Src::Half(32767)));
    assert_eq!(i32(32768, Imm::Half), None);
    assert_eq!(i32(i32::MIN, Imm::Word), Some(Src::Word(i32::MIN)));
    assert_eq!(i32(1, Imm::No), None);
    assert_eq!(i32(1, Imm::Full), None);
    assert_eq!(immediate(Kind::I64, 1 << 31, Imm::Word), None);
    assert_eq!(immediate(Kind::I64, u64::MAX, Imm::Word), Some(Src::Word(-1)));
    let half = 0.5_f64.to_bits();
    assert_eq!(immediate(Kind::F64, half, Imm::Full), Some(Src::Wide(half)));
    assert_eq!(immediate(Kind::F64, 0, Imm::Word), None);
    assert_eq!(signed(Kind::I32, 0xffff_fffe), -2);
    assert_eq!(signed(Kind::I64, 0xffff_fffe), 0xffff_fffe);
}
