//! Counting every instruction.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use threadle::Trap;
use threadle::exec::profile::{Observed, Observer, Seen};
use threadle::isa::{ALIGN, OP_COUNT};

use super::machine::Machine;
use super::ops::Ops;
use super::tree::{Node, ROOT, Recorded, Tree};
use crate::cli::frames::{Arrival, Frames, Leads};
use crate::cli::places::Places;
use crate::cli::run::Loaded;

/// The code of a function, and how often each of its instructions was executed.
pub struct Counted {
    pub code: Arc<Observed>,
    /// By offset, divided by the alignment of instructions.
    pub counts: Vec<u64>,
}

struct State {
    codes: Vec<Counted>,
    by_start: HashMap<usize, u32>,
    /// By store, with the node of each function.
    stacks: HashMap<usize, Frames<u32>>,
    /// Functions are places in the list of code, and sites offsets in code.
    tree: Tree,
    leads: Vec<Leads>,
    ops: Option<Ops>,
}

/// The observer.
pub struct Exact(Mutex<State>);

impl Exact {
    /// Nothing counted yet. With `ops`, sequences of ops are counted too.
    pub fn new(ops: bool) -> Exact {
        Exact(Mutex::new(State {
            codes: Vec::new(),
            by_start: HashMap::new(),
            stacks: HashMap::new(),
            tree: Tree::new(),
            leads: Leads::all(),
            ops: ops.then(Ops::default),
        }))
    }

    /// What has been counted of sequences.
    pub fn ops<R>(&self, read: impl FnOnce(&Ops, &[Counted]) -> R) -> Option<R> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.ops.as_ref().map(|ops| read(ops, &state.codes))
    }

    /// What has been counted; with `machine`, the machine instructions that it took.
    pub fn recorded(&self, modules: &[Loaded], machine: Option<&Machine>) -> Recorded {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { codes, tree, .. } = &mut *state;
        let find = |code: &Observed| {
            let mut all = modules.iter().map(|loaded| &loaded.module);
            all.find(|it| Places::module(it) == code.module)
        };
        let func = |code: u32| {
            let code = &codes[code as usize].code;
            let index = find(code).map(|module| module.code().info().func_index(code.func).0);
            (code.module, index.unwrap_or_default())
        };
        let place = |code: u32, offset: u32| {
            let code = &codes[code as usize].code;
            let map = find(code)?.code();
            let start = map.info().body(code.func).start as u32;
            Some(map.source_offset(code.func, offset).unwrap_or(start))
        };
        let averages = machine.map(|machine| machine.averages(&executed(codes)));
        let mut spent = BTreeMap::new();
        // How many for each instruction of a function.
        let mut rates = vec![1.0; codes.len()];
        for (code, counted) in codes.iter().enumerate() {
            let (mut all, mut sum) = (0, 0.0);
            for instruction in counted.code.instructions() {
                let count = counted.counts[instruction.at / ALIGN];
                if count == 0 {
                    continue;
                }
                let average = averages.as_ref().map_or(1.0, |it| it[instruction.op as usize]);
                all += count;
                sum += count as f64 * average;
                let at = place(code as u32, instruction.at as u32).unwrap_or(0);
                *spent.entry((func(code as u32), at)).or_default() +=
                    (count as f64 * average).round() as u64;
            }
            if all > 0 {
                rates[code] = sum / all as f64;
            }
        }
        let tree = tree.nodes();
        let nodes = tree.iter().enumerate().map(|(at, node)| match at {
            0 => node.clone(),
            _ => {
                let caller = &tree[node.parent as usize];
                let is_called = node.parent != ROOT;
                let site = is_called.then(|| place(caller.func.1, node.site)).flatten();
                let site = site.unwrap_or(0);
                let own = (node.own as f64 * rates[node.func.1 as usize]).round() as u64;
                Node { func: func(node.func.1), site, own, ..*node }
            }
        });
        let unit = if machine.is_some() { "machine instructions" } else { "instructions" };
        Recorded { unit, has_calls: true, nodes: nodes.collect(), spent }
    }
}

/// How often each op was executed, by opcode.
fn executed(codes: &[Counted]) -> Vec<u64> {
    let mut executed = vec![0; OP_COUNT];
    for counted in codes {
        for instruction in counted.code.instructions() {
            executed[instruction.op as usize] += counted.counts[instruction.at / ALIGN];
        }
    }
    executed
}

impl Observer for Exact {
    fn step(&self, seen: &Seen<'_>) -> Result<(), Trap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).step(seen);
        Ok(())
    }
}

impl State {
    fn step(&mut self, seen: &Seen<'_>) {
        let code = self.code(seen.code);
        let offset = seen.offset as u32;
        self.codes[code as usize].counts[seen.offset / ALIGN] += 1;
        if let Some(ops) = &mut self.ops {
            ops.count(seen.op);
        }
        let frames = self.stacks.entry(seen.store()).or_insert_with(Frames::new);
        let place = (seen.frame(), code, offset);
        if frames.arrive(place, self.leads[seen.op as usize]) == Arrival::New {
            let caller = frames.last().map_or((ROOT, 0), |caller| (caller.kept, caller.offset));
            let node = self.tree.child(caller.0, caller.1, (0, code));
            self.tree.node(node).calls += 1;
            frames.enter(place, node);
        }
        let node = frames.last().map_or(ROOT, |frame| frame.kept);
        self.tree.node(node).own += 1;
    }

    /// The place of code in the list.
    fn code(&mut self, code: &Arc<Observed>) -> u32 {
        match self.by_start.get(&code.start) {
            // Other code may have come to the place of code that was freed.
            Some(at) if Arc::ptr_eq(&self.codes[*at as usize].code, code) => *at,
            _ => {
                let at = self.codes.len() as u32;
                self.codes.push(Counted { code: code.clone(), counts: vec![0; code.places()] });
                self.by_start.insert(code.start, at);
                at
            }
        }
    }
}
