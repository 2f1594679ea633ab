//! 128-bit values: two consecutive slots, always stored.

use super::Translator;
use super::operand::Operand;
use crate::index::GlobalIndex;
use crate::isa::Op;

impl Translator<'_> {
    /// Copies a 128-bit operand to the slots at `slot`.
    pub fn copy_v128(&mut self, o: &Operand, slot: i16) {
        let from = self.place_in_slot(o);
        if from == slot {
            return;
        }
        let at = self.emit.op(Op::Mov2);
        for (i, part) in [slot, from, slot + 1, from + 1].into_iter().enumerate() {
            self.emit.i16(at, i * 2, part);
        }
    }

    pub fn global_get_v128(&mut self, _: GlobalIndex) {
        self.limit("SIMD");
    }

    pub fn global_set_v128(&mut self, _: GlobalIndex, _: &Operand) {
        self.limit("SIMD");
    }

    pub fn select_v128(&mut self, _: &Operand, _: &Operand, _: &Operand) {
        self.limit("SIMD");
    }
}
