//! Instruction counts along the paths of a function.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::rules::Checked;

/// What a function costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Instructions on the shortest path from the entry to a dispatch, the dispatch included.
    pub shortest: usize,
    /// Instructions on the longest such path that enters no cold block. A loop counts
    /// once.
    pub longest: usize,
    /// Whether such a path holds a loop, so that `longest` is not an upper bound.
    pub loops: bool,
    /// Instructions in all.
    pub instructions: usize,
    /// Bytes of all instructions.
    pub bytes: u64,
}

/// Counts a function's instructions. One that never dispatches is counted up to any
/// of its exits.
pub fn cost(checked: &Checked) -> Cost {
    let graph = &checked.graph;
    let goals: BTreeSet<u64> = if checked.dispatches.is_empty() {
        graph.nodes.values().filter(|n| !n.exits.is_empty()).map(|n| n.insn.address).collect()
    } else {
        checked.dispatches.clone()
    };
    let on_path = graph.reaching(&goals);
    let next = |address: u64| -> Vec<u64> {
        let node = &graph.nodes[&address];
        node.next.iter().copied().filter(|n| on_path.contains(n)).collect()
    };
    let (longest, loops) = longest(graph.entry, &on_path, &goals, &next);
    Cost {
        shortest: shortest(graph.entry, &on_path, &goals, &next),
        longest,
        loops,
        instructions: graph.nodes.len(),
        bytes: graph.code_bytes(),
    }
}

fn shortest(
    entry: u64,
    on_path: &BTreeSet<u64>,
    goals: &BTreeSet<u64>,
    next: &dyn Fn(u64) -> Vec<u64>,
) -> usize {
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([(entry, 1)]);
    while let Some((address, count)) = queue.pop_front() {
        if !on_path.contains(&address) || !seen.insert(address) {
            continue;
        }
        if goals.contains(&address) {
            return count;
        }
        queue.extend(next(address).into_iter().map(|n| (n, count + 1)));
    }
    0
}

/// The longest path through the graph whose nodes are its strongly connected components, each
/// weighing as many instructions as it has.
fn longest(
    entry: u64,
    on_path: &BTreeSet<u64>,
    goals: &BTreeSet<u64>,
    next: &dyn Fn(u64) -> Vec<u64>,
) -> (usize, bool) {
    if !on_path.contains(&entry) {
        return (0, false);
    }
    let components = components(entry, next);
    let mut of = BTreeMap::new();
    for (number, component) in components.iter().enumerate() {
        of.extend(component.iter().map(|&address| (address, number)));
    }
    // Components come out with successors first.
    let mut best: Vec<Option<usize>> = Vec::new();
    let mut loops = false;
    for (number, component) in components.iter().enumerate() {
        let mut beyond = component.iter().any(|a| goals.contains(a)).then_some(0);
        for successor in component.iter().flat_map(|&a| next(a)) {
            if of[&successor] != number {
                beyond = beyond.max(best[of[&successor]]);
            } else {
                loops = true;
            }
        }
        best.push(beyond.map(|n| n + component.len()));
    }
    (best.last().copied().flatten().unwrap_or(0), loops)
}

/// Tarjan's strongly connected components, without recursion; the entry's comes last.
fn components(entry: u64, next: &dyn Fn(u64) -> Vec<u64>) -> Vec<Vec<u64>> {
    struct Visit {
        address: u64,
        successors: Vec<u64>,
    }
    let mut index = BTreeMap::<u64, usize>::new();
    let mut low = BTreeMap::<u64, usize>::new();
    let (mut open, mut is_open) = (Vec::new(), BTreeSet::new());
    let mut done = Vec::new();
    let mut work = vec![Visit { address: entry, successors: next(entry) }];
    index.insert(entry, 0);
    low.insert(entry, 0);
    open.push(entry);
    is_open.insert(entry);

    while let Some(visit) = work.last_mut() {
        let address = visit.address;
        if let Some(successor) = visit.successors.pop() {
            if !index.contains_key(&successor) {
                let number = index.len();
                index.insert(successor, number);
                low.insert(successor, number);
                open.push(successor);
                is_open.insert(successor);
                work.push(Visit { address: successor, successors: next(successor) });
            } else if is_open.contains(&successor) {
                let lower = low[&address].min(index[&successor]);
                low.insert(address, lower);
            }
            continue;
        }
        work.pop();
        if let Some(parent) = work.last() {
            let lower = low[&parent.address].min(low[&address]);
            low.insert(parent.address, lower);
        }
        if low[&address] == index[&address] {
            let at = open.iter().rposition(|&a| a == address).unwrap_or(0);
            let component = open.split_off(at);
            for member in &component {
                is_open.remove(member);
            }
            done.push(component);
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(edges: &[(u64, u64)], goals: &[u64]) -> (usize, usize, bool) {
        let all: BTreeSet<u64> = edges.iter().flat_map(|&(a, b)| [a, b]).collect();
        let goals: BTreeSet<u64> = goals.iter().copied().collect();
        let next = |a: u64| edges.iter().filter(|e| e.0 == a).map(|e| e.1).collect::<Vec<_>>();
        let (longest, loops) = longest(0, &all, &goals, &next);
        (shortest(0, &all, &goals, &next), longest, loops)
    }

    #[test]
    fn diamond_counts_both_sides() {
        // 0 -> 1 -> 2 -> 9 and 0 -> 9.
        assert_eq!(walk(&[(0, 1), (1, 2), (2, 9), (0, 9)], &[9]), (2, 4, false));
    }

    #[test]
    fn loop_counts_once() {
        // 0 -> 1 <-> 2, 2 -> 3.
        assert_eq!(walk(&[(0, 1), (1, 2), (2, 1), (2, 3)], &[3]), (4, 4, true));
    }

    #[test]
    fn two_goals_take_the_far_one() {
        assert_eq!(walk(&[(0, 1), (0, 2), (2, 3), (3, 4)], &[1, 4]), (2, 4, false));
    }
}
