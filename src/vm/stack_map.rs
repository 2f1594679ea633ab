//! Stack maps: which slots of a frame hold references while a call is in progress. Translation makes
//! them, the collector reads them.

use crate::prelude::*;

/// An element of a list of slots.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The slot, relative to the frame.
    pub slot: i32,
    /// The rest of the list, by its first element's place; behind the last place for its end.
    pub below: u32,
}

/// The stack maps of a function.
#[derive(Debug, Default)]
pub struct StackMaps {
    locals: Box<[i32]>,
    /// Byte offset of the end of a calling instruction, ascending, and its list.
    points: Box<[(u32, u32)]>,
    nodes: Box<[Node]>,
}

impl StackMaps {
    /// The maps of a function: slots that hold references in all calls; the ends of calling
    /// instructions, ascending, with the first elements of their lists; and the elements of all
    /// lists, each behind those below it.
    pub fn new(locals: Vec<i32>, points: Vec<(u32, u32)>, nodes: Vec<Node>) -> StackMaps {
        StackMaps { locals: locals.into(), points: points.into(), nodes: nodes.into() }
    }

    /// Whether no slot ever holds a reference.
    pub fn is_empty(&self) -> bool {
        self.locals.is_empty() && self.nodes.is_empty()
    }

    /// Calls `visit` with every slot that holds a reference while the call that returns to byte
    /// `offset` is in progress. Slots are relative to the frame.
    pub fn visit(&self, offset: u32, visit: &mut dyn FnMut(i32)) {
        self.locals.iter().for_each(|&slot| visit(slot));
        if let Ok(point) = self.points.binary_search_by_key(&offset, |point| point.0) {
            let mut node = self.points[point].1;
            while let Some(Node { slot, below }) = self.nodes.get(node as usize) {
                visit(*slot);
                node = *below;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_share_the_tails_of_their_lists() {
        let none = u32::MAX;
        let nodes = [(5, none), (6, 0), (7, 0)].map(|(slot, below)| Node { slot, below });
        let maps = StackMaps::new(vec![-2], vec![(8, 1), (24, 2), (40, none)], nodes.to_vec());
        let slots = |offset| {
            let mut slots = Vec::new();
            maps.visit(offset, &mut |slot| slots.push(slot));
            slots
        };
        assert_eq!([slots(8), slots(24)], [vec![-2, 6, 5], vec![-2, 7, 5]]);
        // Inside an instruction, or behind one that has no operands below: locals only.
        assert_eq!([slots(16), slots(40)], [vec![-2], vec![-2]]);
    }
}
