//! Counting every instruction.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use threadle::Trap;
use threadle::exec::profile::{Observed, Observer, Seen};
use threadle::isa::{ALIGN, OPS, Op};

use super::ops::Ops;
use super::tree::{Node, ROOT, Recorded, Tree};
use crate::cli::places::Places;
use crate::cli::run::Loaded;

/// How the instruction behind another is come to.
#[derive(Clone, Copy, PartialEq)]
enum Leads {
    /// In the same frame, or in that of a function that it calls.
    On,
    /// Back to the caller.
    Back,
    /// To another function in the frame's place.
    Away,
    /// To elsewhere on the stack, with the frame.
    Along,
}

impl Leads {
    fn of(op: Op) -> Leads {
        let last = op.parts().last().and_then(|part| Op::from_u16(*part)).unwrap_or(op);
        match (last.info().family, &*last.info().name) {
            ("return", _) => Leads::Back,
            ("tail_call", _) => Leads::Away,
            (_, "enter_far" | "leave_far") => Leads::Along,
            _ => Leads::On,
        }
    }
}

/// A function that is running.
#[derive(Clone, Copy)]
struct Frame {
    address: usize,
    /// Place in the list of code.
    code: u32,
    node: u32,
    /// The instruction that it executes.
    offset: u32,
}

/// The frames of a store.
struct Stack {
    frames: Vec<Frame>,
    leads: Leads,
}

/// The code of a function, and how often each of its instructions was executed.
pub struct Counted {
    pub code: Arc<Observed>,
    /// By offset, divided by the alignment of instructions.
    pub counts: Vec<u64>,
}

struct State {
    codes: Vec<Counted>,
    by_start: HashMap<usize, u32>,
    stacks: HashMap<usize, Stack>,
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
            leads: (0..OPS.len()).filter_map(|op| Op::from_u16(op as u16)).map(Leads::of).collect(),
            ops: ops.then(Ops::default),
        }))
    }

    /// What has been counted of sequences.
    pub fn ops<R>(&self, read: impl FnOnce(&Ops, &[Counted]) -> R) -> Option<R> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.ops.as_ref().map(|ops| read(ops, &state.codes))
    }

    /// What has been counted.
    pub fn recorded(&self, modules: &[Loaded]) -> Recorded {
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
        let mut spent = BTreeMap::new();
        for (code, counted) in codes.iter().enumerate() {
            for (at, count) in counted.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let at = place(code as u32, (at * ALIGN) as u32).unwrap_or(0);
                *spent.entry((func(code as u32), at)).or_default() += count;
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
                Node { func: func(node.func.1), site, ..*node }
            }
        });
        Recorded { unit: "instructions", has_calls: true, nodes: nodes.collect(), spent }
    }
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
        let stack = self
            .stacks
            .entry(seen.store())
            .or_insert_with(|| Stack { frames: Vec::new(), leads: Leads::On });
        let node = stack.arrive(&mut self.tree, seen.frame(), code, offset);
        stack.leads = self.leads[seen.op as usize];
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

impl Stack {
    /// The node of an instruction that is about to run, in a frame at `address`.
    fn arrive(&mut self, tree: &mut Tree, address: usize, code: u32, offset: u32) -> u32 {
        let leads = std::mem::replace(&mut self.leads, Leads::On);
        match (leads, self.frames.last_mut()) {
            (Leads::Back, _) => _ = self.frames.pop(),
            (Leads::Along, Some(last)) => last.address = address,
            _ => {}
        }
        // Traps, and exceptions that are caught further outside, leave several at once.
        while self.frames.pop_if(|last| last.address > address).is_some() {}
        if let Some(last) = self.frames.last_mut()
            && last.address == address
        {
            if last.code == code && leads != Leads::Away {
                last.offset = offset;
                return last.node;
            }
            self.frames.pop();
            let (parent, site) = match self.frames.last() {
                Some(caller) => (caller.node, caller.offset),
                None => (ROOT, 0),
            };
            return self.enter(tree, parent, site, Frame { address, code, node: ROOT, offset });
        }
        let (parent, site) = match self.frames.last() {
            Some(caller) => (caller.node, caller.offset),
            None => (ROOT, 0),
        };
        self.enter(tree, parent, site, Frame { address, code, node: ROOT, offset })
    }

    fn enter(&mut self, tree: &mut Tree, parent: u32, site: u32, frame: Frame) -> u32 {
        let node = tree.child(parent, site, (0, frame.code));
        tree.node(node).calls += 1;
        self.frames.push(Frame { node, ..frame });
        node
    }
}
