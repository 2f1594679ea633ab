//! What a profile consists of, however it was made: who called whom from where, and what was spent where.

use std::collections::{BTreeMap, HashMap};

/// A function: a number of its module ([`Places::module`]), and its index.
///
/// [`Places::module`]: crate::cli::places::Places::module
pub type Func = (usize, u32);

/// The most different stacks that are told apart.
const MOST_NODES: usize = 1 << 20;

/// The root: whoever calls into the program.
pub const ROOT: u32 = 0;

/// A function called from a place, in a stack.
#[derive(Clone, Debug)]
pub struct Node {
    /// The node of the caller.
    pub parent: u32,
    /// The function. Means nothing in the root.
    pub func: Func,
    /// Where the caller called it: a byte offset in the module.
    pub site: u32,
    /// How often.
    pub calls: u64,
    /// What it has spent itself.
    pub own: u64,
}

/// A tree of stacks.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    children: HashMap<(u32, u32, Func), u32>,
}

impl Tree {
    pub fn new() -> Tree {
        let root = Node { parent: ROOT, func: (0, u32::MAX), site: 0, calls: 0, own: 0 };
        Tree { nodes: vec![root], children: HashMap::new() }
    }

    /// The node of `func` called by `parent` at `site`. Once there are too many stacks, new ones begin at the
    /// root.
    pub fn child(&mut self, parent: u32, site: u32, func: Func) -> u32 {
        let known = self.children.get(&(parent, site, func));
        if let Some(node) = known {
            return *node;
        }
        if self.nodes.len() >= MOST_NODES && parent != ROOT {
            return self.child(ROOT, 0, func);
        }
        let node = self.nodes.len() as u32;
        self.nodes.push(Node { parent, func, site, calls: 0, own: 0 });
        self.children.insert((parent, site, func), node);
        node
    }

    /// A node.
    pub fn node(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// All nodes, the root first and callers in front of what they call.
    pub fn nodes(&mut self) -> &mut [Node] {
        &mut self.nodes
    }
}

/// A finished profile.
#[derive(Debug)]
pub struct Recorded {
    /// What was counted.
    pub unit: &'static str,
    /// Whether calls were.
    pub has_calls: bool,
    /// Stacks: the root first, and callers in front of what they call.
    pub nodes: Vec<Node>,
    /// What was spent at each operator: by function, and by byte offset in the module.
    pub spent: BTreeMap<(Func, u32), u64>,
}

/// Step of a walk over all stacks.
pub enum Step {
    /// A function begins.
    Enter(u32),
    /// It ends.
    Leave(u32),
}

/// What is known of a function, or of calls.
#[derive(Clone, Copy, Default, Debug)]
pub struct Sum {
    /// What it has spent itself.
    pub own: u64,
    /// With what it called.
    pub total: u64,
    /// How often it was called.
    pub calls: u64,
}

impl Recorded {
    /// What was spent in all.
    pub fn total(&self) -> u64 {
        self.nodes.iter().map(|node| node.own).sum()
    }

    /// What each node has spent with what it called.
    pub fn totals(&self) -> Vec<u64> {
        let mut totals: Vec<u64> = self.nodes.iter().map(|node| node.own).collect();
        for (at, node) in self.nodes.iter().enumerate().skip(1).rev() {
            totals[node.parent as usize] += totals[at];
        }
        totals
    }

    /// Walks over all stacks; the root is none.
    pub fn walk(&self, mut visit: impl FnMut(Step)) {
        let mut children = vec![Vec::new(); self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().skip(1) {
            children[node.parent as usize].push(at as u32);
        }
        let mut open = Vec::new();
        let mut next: Vec<u32> = std::mem::take(&mut children[0]);
        next.reverse();
        while let Some(node) = next.pop() {
            while let Some(last) = open.pop_if(|last| *last != self.nodes[node as usize].parent) {
                visit(Step::Leave(last));
            }
            visit(Step::Enter(node));
            open.push(node);
            next.extend(children[node as usize].iter().rev());
        }
        while let Some(last) = open.pop() {
            visit(Step::Leave(last));
        }
    }

    /// Sums by a key of nodes. What is spent in a call of a function by way of itself counts once.
    pub fn sums<K: Copy + Ord + std::hash::Hash>(
        &self,
        key: impl Fn(&Node) -> K,
    ) -> BTreeMap<K, Sum> {
        let totals = self.totals();
        let mut active: HashMap<K, u32> = HashMap::new();
        let mut sums: BTreeMap<K, Sum> = BTreeMap::new();
        self.walk(|step| match step {
            Step::Enter(at) => {
                let node = &self.nodes[at as usize];
                let active = active.entry(key(node)).or_default();
                let sum = sums.entry(key(node)).or_default();
                sum.own += node.own;
                sum.calls += node.calls;
                if *active == 0 {
                    sum.total += totals[at as usize];
                }
                *active += 1;
            }
            Step::Leave(at) => {
                if let Some(active) = active.get_mut(&key(&self.nodes[at as usize])) {
                    *active -= 1;
                }
            }
        });
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// f calls itself and g, which calls f.
    fn recorded() -> Recorded {
        let mut tree = Tree::new();
        let outer = tree.child(ROOT, 0, (0, 1));
        let inner = tree.child(outer, 10, (0, 1));
        let g = tree.child(inner, 20, (0, 2));
        let again = tree.child(g, 30, (0, 1));
        assert_eq!(tree.child(outer, 10, (0, 1)), inner);
        for (node, own) in [(outer, 1), (inner, 10), (g, 100), (again, 1000)] {
            tree.node(node).own = own;
            tree.node(node).calls = 1;
        }
        let nodes = tree.nodes().to_vec();
        Recorded { unit: "things", has_calls: true, nodes, spent: BTreeMap::new() }
    }

    #[test]
    fn what_recursion_spends_counts_once() {
        let sums = recorded().sums(|node| node.func.1);
        let shown: Vec<_> = sums.iter().map(|(f, it)| (*f, it.own, it.total, it.calls)).collect();
        assert_eq!(shown, [(1, 1011, 1111, 3), (2, 100, 1100, 1)]);
    }

    #[test]
    fn stacks_are_walked_in_order() {
        let mut text = String::new();
        recorded().walk(|step| match step {
            Step::Enter(node) => text.push_str(&format!("({node}")),
            Step::Leave(_) => text.push(')'),
        });
        assert_eq!(text, "(1(2(3(4))))");
    }
}
