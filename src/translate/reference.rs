//! Tests of references, and branches on them.

use super::emit::Label;
use super::operand::{Operand, Place};
use super::resolve::Imm;
use super::translator::Translator;
use super::value::Kind;
use crate::isa::{self, Cmp, op};

impl Translator<'_> {
    /// `ref.as_non_null`: the operand stays where it is.
    pub fn ref_as_non_null(&mut self) {
        let o = self.peek();
        let src = self.source(&o, Imm::No, |c| isa::trap_if_null(c).is_some());
        let row = isa::trap_if_null(src.class()).expect("resolved to a row");
        self.emit.op(row, op::TrapIfNull { object: src });
    }

    /// Emits a branch to `label` if `o` is null, or if it is not.
    pub fn branch_if_null(&mut self, o: &Operand, null: bool, label: &mut Label) {
        let mut x = *o;
        x.kind = Kind::I64;
        let mut zero = x;
        zero.place = Place::Const(0);
        self.emit_branch(if null { Cmp::I64Eq } else { Cmp::I64Ne }, &x, Some(&zero), label);
    }

    /// `br_on_null`
    pub fn br_on_null(&mut self, depth: u32) {
        let o = self.peek();
        let kept = self.stack.pop();
        self.branch_out(depth, |t, taken, label| t.branch_if_null(&o, taken, label));
        // It is where it was, in the accumulator or elsewhere: branches change neither.
        self.stack.restore(self.frame.homes, &kept);
    }

    /// `br_on_non_null`
    pub fn br_on_non_null(&mut self, depth: u32) {
        self.branch_out(depth, |t, taken, label| {
            let o = t.peek();
            t.branch_if_null(&o, !taken, label);
        });
        self.stack.pop();
    }
}
