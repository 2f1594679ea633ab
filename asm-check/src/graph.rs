//! Every path from a function's entry, as a graph of instructions.

use std::collections::{BTreeMap, BTreeSet};

use crate::arch::{self, Flow, Insn};
use crate::image::{Image, Machine};

/// A function that is larger than this is no handler and nothing that belongs to one.
const MAX_INSNS: usize = 20_000;

/// A way out of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// A jump to an address that the instruction finds in a register or in memory.
    Indirect,
    /// A jump to the start of something else, or into the middle of it.
    Direct(u64),
    /// A return.
    Return,
    /// A trap.
    Trap,
}

/// One instruction with its edges.
#[derive(Debug, Clone)]
pub struct Node {
    /// The instruction.
    pub insn: Insn,
    /// Addresses of the instructions that may follow within the function.
    pub next: Vec<u64>,
    /// Ways out that it is. A conditional jump to another function has one beside `next`.
    pub exits: Vec<Exit>,
}

/// The paths of one function.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Where it starts.
    pub entry: u64,
    /// Its instructions by address: all that can be reached from the entry.
    pub nodes: BTreeMap<u64, Node>,
    /// Places where the paths could not be followed, with what is wrong there.
    pub broken: Vec<(u64, String)>,
}

impl Graph {
    /// Follows all paths from `entry`. `starts` holds the addresses of functions known by name,
    /// which bound this one where the file does not say where it ends.
    pub fn build(image: &Image, entry: u64, starts: &BTreeSet<u64>) -> Graph {
        let limit = image.section_end(entry).unwrap_or(entry);
        // Prebuilt handlers have one entry in the unwind table for all of them.
        let next = starts.range(entry.saturating_add(1)..).next().copied().unwrap_or(limit);
        let end = image.function_end(entry).unwrap_or(limit).min(next).min(limit);
        let inside = |target: u64| {
            (entry..end).contains(&target) && (target == entry || !starts.contains(&target))
        };

        let mut graph = Graph { entry, nodes: BTreeMap::new(), broken: Vec::new() };
        let mut todo = vec![entry];
        let mut detours = BTreeSet::new();
        while let Some(address) = todo.pop() {
            if graph.nodes.contains_key(&address) {
                continue;
            }
            if graph.nodes.len() >= MAX_INSNS {
                graph.broken.push((address, format!("more than {MAX_INSNS} instructions")));
                break;
            }
            let mut insn = match arch::decode(image, address) {
                Ok(insn) => insn,
                Err(what) => {
                    graph.broken.push((address, what));
                    continue;
                }
            };
            // A call through the global offset table is a call of what it holds.
            if let (Flow::CallMemory, Some(target)) = (insn.flow, constant_target(image, &insn)) {
                insn.flow = Flow::Call(target);
            }
            let node = if detours.contains(&address) {
                Node { next: vec![insn.end()], insn, exits: Vec::new() }
            } else if let Some(there) = detour(image, &insn).filter(|there| !inside(*there)) {
                detours.insert(there);
                Node { insn, next: vec![there], exits: Vec::new() }
            } else {
                edges(image, insn, &inside, end, &mut graph.broken)
            };
            todo.extend(&node.next);
            graph.nodes.insert(address, node);
        }
        graph.check_overlap();
        graph
    }

    /// Bytes of all instructions that can be reached.
    pub fn code_bytes(&self) -> u64 {
        self.nodes.values().map(|node| u64::from(node.insn.len)).sum()
    }

    /// The instructions from which one of `goals` can be reached, `goals` included.
    pub fn reaching(&self, goals: &BTreeSet<u64>) -> BTreeSet<u64> {
        let mut before: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (&address, node) in &self.nodes {
            for &next in &node.next {
                before.entry(next).or_default().push(address);
            }
        }
        let mut reached = goals.clone();
        let mut todo: Vec<u64> = goals.iter().copied().collect();
        while let Some(address) = todo.pop() {
            for &previous in before.get(&address).into_iter().flatten() {
                if reached.insert(previous) {
                    todo.push(previous);
                }
            }
        }
        reached
    }

    /// Two paths that read the same bytes as different instructions mean that one of them was
    /// followed wrongly.
    fn check_overlap(&mut self) {
        let mut previous_end = 0;
        for (&address, node) in &self.nodes {
            if address < previous_end {
                self.broken.push((address, "this instruction overlaps another path's".to_string()));
            }
            previous_end = node.insn.end();
        }
    }
}

/// Where an instruction is if it has a jump in its place, behind which it comes back: linkers do so with loads and
/// stores at certain addresses, since the Cortex-A53 may get them wrong (erratum 843419).
fn detour(image: &Image, insn: &Insn) -> Option<u64> {
    let Flow::Jump(there) = insn.flow else { return None };
    if image.machine() != Machine::Aarch64 {
        return None;
    }
    let moved = arch::decode(image, there).ok()?;
    let back = arch::decode(image, moved.end()).ok()?;
    (moved.flow == Flow::Next && back.flow == Flow::Jump(insn.end())).then_some(there)
}

fn edges(
    image: &Image,
    insn: Insn,
    inside: &dyn Fn(u64) -> bool,
    end: u64,
    broken: &mut Vec<(u64, String)>,
) -> Node {
    let (mut next, mut exits) = (Vec::new(), Vec::new());
    let mut to = |target: u64, next: &mut Vec<u64>| {
        if inside(target) {
            next.push(target);
        } else {
            exits.push(Exit::Direct(target));
        }
    };
    let mut falls = false;
    match insn.flow {
        Flow::Next | Flow::System => falls = true,
        Flow::Jump(target) => to(target, &mut next),
        Flow::Branch(target) => {
            to(target, &mut next);
            falls = true;
        }
        Flow::JumpMemory => match constant_target(image, &insn) {
            Some(target) => to(target, &mut next),
            None => exits.push(Exit::Indirect),
        },
        Flow::JumpRegister(_) => exits.push(Exit::Indirect),
        Flow::Return => exits.push(Exit::Return),
        Flow::Trap => exits.push(Exit::Trap),
        // A call that ends its function does not come back.
        Flow::Call(_) | Flow::CallRegister(_) | Flow::CallMemory => falls = insn.end() != end,
    }
    if falls {
        if insn.end() >= end {
            broken.push((insn.address, "the path runs off the end of the function".to_string()));
        } else {
            next.push(insn.end());
        }
    }
    Node { insn, next, exits }
}

/// The target of a jump through a memory word that is fixed when the program is loaded (the
/// global offset table).
fn constant_target(image: &Image, insn: &Insn) -> Option<u64> {
    let memory = insn.target_memory()?;
    if memory.base.is_some() || memory.index.is_some() {
        return None;
    }
    let slot = memory.offset as u64;
    let target = image.read_u64(slot).filter(|_| image.is_constant(slot))?;
    image.is_code(target).then_some(target)
}
