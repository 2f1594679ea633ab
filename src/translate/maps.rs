//! Making stack maps: which slots of a frame hold references while a call is in progress.
//!
//! Locals of reference types always do: they are zeroed at entry and never pinned. Operands do from
//! when they are put into their homes until they are popped. The operands of a call in progress are
//! a list whose tails are shared with those of other calls, so that maps take room in proportion to
//! the code, however deep the stack is.

use crate::prelude::*;
use crate::vm::stack_map::{Node, StackMaps};

/// The stack maps while they are made.
#[derive(Debug, Default)]
pub struct Maps {
    pub(super) points: Vec<(u32, u32)>,
    pub(super) nodes: Vec<Node>,
}

impl Maps {
    /// The places of the calls, to be replaced by where they are in the finished code.
    pub fn places(&self) -> Vec<u32> {
        self.points.iter().map(|point| point.0).collect()
    }

    /// The finished maps.
    pub fn finish(self, places: &[u32], locals: Vec<i32>) -> StackMaps {
        let lists = self.points.iter().map(|point| point.1);
        let points = places.iter().copied().zip(lists).collect();
        StackMaps::new(locals, points, self.nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate::operand::NONE;

    #[test]
    fn a_stack_map_lists_what_is_live_at_its_call_and_the_locals_everywhere() {
        let node = |slot, below| Node { slot, below };
        // Two calls share the tail of their lists.
        let maps = Maps {
            points: vec![(16, 1), (48, 2)],
            nodes: vec![node(5, NONE), node(6, 0), node(9, 0)],
        };
        assert_eq!(maps.places(), [16, 48]);
        let maps = maps.finish(&[24, 40], vec![-2]);
        let at = |offset| {
            let mut slots = Vec::new();
            maps.visit(offset, &mut |slot| slots.push(slot));
            slots
        };
        assert_eq!(at(24), [-2, 6, 5]);
        assert_eq!(at(40), [-2, 9, 5]);
        assert_eq!(at(32), [-2]);
    }
}
