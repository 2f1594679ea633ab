//! Cutting straight lines into as few instructions as a set of fused ops allows, as the translator does
//! (`translate/compose.rs`).

use std::collections::HashMap;

use threadle::isa::Op;
use threadle::tune::{DISPATCH, MOST_METERED_PARTS, MOST_PARTS};

use super::sites::{Line, Part, Slot, op};

/// Sequences of ops, by their parts.
pub struct Trie {
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    next: HashMap<u16, usize>,
    /// Whether a sequence ends here.
    is_end: bool,
}

impl Trie {
    pub fn new<'a>(sequences: impl IntoIterator<Item = &'a Vec<u16>>) -> Trie {
        let mut nodes = vec![Node::default()];
        for sequence in sequences {
            let mut node = 0;
            for op in sequence {
                let fresh = nodes.len();
                node = *nodes[node].next.entry(*op).or_insert(fresh);
                if node == fresh {
                    nodes.push(Node::default());
                }
            }
            nodes[node].is_end = true;
        }
        Trie { nodes }
    }
}

/// The best way to cut a line from some instruction on.
#[derive(Clone, Default)]
struct Best {
    cost: f64,
    /// The ops of the first instruction, in the forms that they have in it.
    ops: Vec<u16>,
}

/// How many parts a sequence that begins with an op can have.
pub fn most_parts(first: u16) -> usize {
    if first == Op::ConsumeFuel as u16 { MOST_METERED_PARTS } else { MOST_PARTS }
}

/// Where in the trie an attempt is, what it costs in stores, and its ops.
struct Attempt {
    node: usize,
    stores: u32,
    ops: Vec<u16>,
}

/// The instructions that a line becomes: where each begins, and its ops. An op that leaves its result in the
/// accumulator only may be there in the form that stores it.
pub fn cut(line: &[Part], trie: &Trie) -> Vec<(usize, Vec<u16>)> {
    let dispatch = f64::from(DISPATCH);
    let mut best = vec![Best::default(); line.len() + 1];
    for i in (0..line.len()).rev() {
        let (count, most) = (line[i].count, most_parts(line[i].op));
        let mut here = Best { cost: count * dispatch + best[i + 1].cost, ops: vec![line[i].op] };
        let mut open = vec![Attempt { node: 0, stores: 0, ops: Vec::new() }];
        while let Some(Attempt { node, stores, ops }) = open.pop() {
            let length = ops.len();
            if length > 1 && trie.nodes[node].is_end {
                let cost = count * (dispatch + f64::from(stores)) + best[i + length].cost;
                if cost < here.cost || cost == here.cost && length > here.ops.len() {
                    here = Best { cost, ops: ops.clone() };
                }
            }
            let Some(part) = line.get(i + length).filter(|_| length < most) else { continue };
            let stored = op(part.op).unstored();
            let forms = [(Some(part.op), 0), (stored.map(|op| op as u16), 1)];
            for (form, store) in forms.into_iter().filter_map(|(op, store)| Some((op?, store))) {
                if let Some(next) = trie.nodes[node].next.get(&form) {
                    let ops = ops.iter().copied().chain([form]).collect();
                    open.push(Attempt { node: *next, stores: stores + store, ops });
                }
            }
        }
        best[i] = here;
    }
    let mut cuts = Vec::new();
    let mut i = 0;
    while i < line.len() {
        let ops = std::mem::take(&mut best[i].ops);
        let length = ops.len();
        cuts.push((i, ops));
        i += length;
    }
    cuts
}

/// How often each instruction that lines are cut into is dispatched.
pub fn dispatched<'a>(
    lines: &'a [Line],
    trie: &'a Trie,
) -> impl Iterator<Item = Vec<(Vec<u16>, f64)>> + 'a {
    lines.iter().map(|line| {
        let cuts = cut(line, trie).into_iter();
        cuts.map(|(at, ops)| (ops, line[at].count)).collect()
    })
}

/// An instruction's parts, those that store now what they did not with a slot of their own.
pub fn parts(line: &[Part], at: usize, ops: &[u16]) -> Vec<Part> {
    let part = |(i, op): (usize, &u16)| {
        let mut part = line[at + i].clone();
        if part.op != *op {
            part.op = *op;
            let number = i32::from(i16::MAX) + 1 + (at + i) as i32;
            part.slots.insert(0, Slot { number, is_written: true });
        }
        part
    };
    ops.iter().enumerate().map(part).collect()
}
