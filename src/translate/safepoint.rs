//! Noting which references are live at a call.

use super::operand::{NONE, Place};
use super::translator::Translator;
use crate::tune;
use crate::vm::stack_map::Node;

impl Translator<'_> {
    /// The list of operands on the stack that are references in their homes.
    pub fn live_refs(&mut self) -> u32 {
        let (first, _) = self.stack.listed();
        // A list is made again when an operand below is moved to its home. So those far below are moved
        // now, once: what later moves can undo is the end of the list.
        for i in first..self.stack.refs().saturating_sub(tune::MAX_LAZY_REFS) {
            let index = self.stack.reference(i).index as usize;
            self.settle_anywhere(index);
        }
        let (first, mut below) = self.stack.listed();
        for i in first..self.stack.refs() {
            let operand = self.stack.reference(i);
            if matches!(operand.place, Place::Temp { .. }) {
                self.maps.nodes.push(Node { slot: operand.home, below });
                below = self.maps.nodes.len() as u32 - 1;
            }
            self.stack.list(i, below);
        }
        below
    }

    /// Notes that while the instruction just emitted calls, the operands of a list are live.
    pub fn safepoint(&mut self, list: u32) {
        if list != NONE {
            self.maps.points.push((self.emit.here(), list));
        }
    }
}
