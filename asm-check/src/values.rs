//! What registers hold, followed along all paths: enough to tell a dispatch from any other
//! indirect jump, to know the stack's depth, and to see which registers are still untouched.
//!
//! A value is a root and a byte offset. Roots are numbered so that equal numbers mean equal
//! values on one path: what a register held at entry, a fixed address, a value loaded from a
//! known address, a sum of two roots, or the result of one instruction. At a place where paths meet,
//! the states stay apart up to [`STATES`]; beyond that, registers that differ become one unknown
//! value, so that loops end. States that hold different fixed addresses are joined last: which
//! continuation a path has chosen must survive a loop on the way to it.

use std::collections::{BTreeMap, HashMap};

use crate::arch::{self, Effect, Flow, Insn, MAX_REGS, Memory, Reg};
use crate::graph::Graph;
use crate::image::Machine;

/// States kept apart at one instruction.
const STATES: usize = 16;

/// The number of a root.
pub type RootId = u32;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Root {
    /// What the register held when the function was entered.
    Entry(Reg),
    /// Nothing: the offset is the value.
    Fixed,
    /// The result that the instruction at this address left in this register.
    Made(u64, Reg),
    /// A value loaded from the address `root + offset`.
    Loaded(RootId, i64),
    /// `a + b * scale`.
    Sum(RootId, RootId, u8),
    /// One of several values that meet at this address.
    Met(u64, Reg),
}

/// A root and the bytes added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Where it comes from.
    pub root: RootId,
    /// Bytes added.
    pub offset: i64,
}

/// The value of each register.
pub type State = [Value; MAX_REGS];

/// How states that meet at an instruction are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joining {
    /// All of them.
    None,
    /// Those that hold different fixed addresses.
    ByAddresses,
    /// Not at all.
    All,
}

/// All states at all instructions of a function.
#[derive(Debug)]
pub struct Values {
    roots: Vec<Root>,
    ids: HashMap<Root, RootId>,
    /// States before each instruction.
    before: BTreeMap<u64, Vec<State>>,
}

impl Values {
    /// Follows values through `graph`.
    pub fn follow(graph: &Graph, machine: Machine) -> Values {
        let mut values = Values { roots: Vec::new(), ids: HashMap::new(), before: BTreeMap::new() };
        let mut state = [Value { root: 0, offset: 0 }; MAX_REGS];
        for (number, value) in state.iter_mut().enumerate() {
            value.root = values.id(Root::Entry(number as Reg));
        }
        let mut joining = BTreeMap::new();
        let mut todo = vec![(graph.entry, state)];
        while let Some((address, state)) = todo.pop() {
            let Some(node) = graph.nodes.get(&address) else { continue };
            for state in values.arrive(address, state, &mut joining) {
                let after = values.step(&node.insn, &state, machine);
                todo.extend(node.next.iter().map(|&next| (next, after)));
            }
        }
        values
    }

    /// The states before the instruction at `address`; none where it cannot be reached.
    pub fn before(&self, address: u64) -> &[State] {
        self.before.get(&address).map_or(&[], Vec::as_slice)
    }

    /// What `id` stands for.
    pub fn root(&self, id: RootId) -> Root {
        self.roots[id as usize]
    }

    /// The address of a memory operand.
    pub fn address(&mut self, state: &State, memory: Memory) -> Value {
        let fixed = Value { root: self.id(Root::Fixed), offset: 0 };
        let base = memory.base.map_or(fixed, |reg| state[reg as usize]);
        let Some(index) = memory.index.map(|reg| state[reg as usize]) else {
            return Value { root: base.root, offset: base.offset.wrapping_add(memory.offset) };
        };
        let moved = index.offset.wrapping_mul(i64::from(memory.scale));
        let offset = base.offset.wrapping_add(moved).wrapping_add(memory.offset);
        if index.root == fixed.root {
            return Value { root: base.root, offset };
        }
        let (a, b) = match memory.scale {
            1 if base.root == fixed.root => {
                return Value { root: index.root, offset };
            }
            // `a + b` and `b + a` are one value.
            1 => (base.root.min(index.root), base.root.max(index.root)),
            _ => (base.root, index.root),
        };
        Value { root: self.id(Root::Sum(a, b, memory.scale)), offset }
    }

    /// The value loaded from an address.
    pub fn loaded(&mut self, address: Value) -> Value {
        Value { root: self.id(Root::Loaded(address.root, address.offset)), offset: 0 }
    }

    fn id(&mut self, root: Root) -> RootId {
        let next = self.roots.len() as RootId;
        let id = *self.ids.entry(root).or_insert(next);
        if id == next {
            self.roots.push(root);
        }
        id
    }

    /// Records `state` at `address`. Returns the states to go on with: none where it tells
    /// nothing new.
    fn arrive(
        &mut self,
        address: u64,
        state: State,
        joining: &mut BTreeMap<u64, Joining>,
    ) -> Vec<State> {
        let states = self.before.entry(address).or_default();
        if states.contains(&state) {
            return Vec::new();
        }
        let how = joining.entry(address).or_insert(Joining::None);
        if *how == Joining::None && states.len() < STATES {
            states.push(state);
            return vec![state];
        }
        let before = std::mem::take(states);
        let all: Vec<State> = before.iter().copied().chain([state]).collect();
        let mut joined = match how {
            Joining::All => Vec::new(),
            Joining::None | Joining::ByAddresses => self.join_alike(address, &all),
        };
        *how = Joining::ByAddresses;
        if joined.is_empty() || joined.len() >= STATES {
            *how = Joining::All;
            let rest = &all[1..];
            joined = vec![rest.iter().fold(all[0], |joined, one| self.join(address, &joined, one))];
        }
        self.before.insert(address, joined.clone());
        joined.retain(|one| !before.contains(one));
        joined
    }

    /// Joins the states that hold the same fixed addresses in the same registers.
    fn join_alike(&mut self, address: u64, states: &[State]) -> Vec<State> {
        let mut groups: Vec<(Vec<Option<Value>>, State)> = Vec::new();
        for state in states {
            let addresses: Vec<Option<Value>> =
                state.iter().map(|value| Some(*value).filter(|v| self.is_address(*v))).collect();
            match groups.iter().position(|(known, _)| *known == addresses) {
                Some(at) => groups[at].1 = self.join(address, &groups[at].1, state),
                None => groups.push((addresses, *state)),
            }
        }
        groups.into_iter().map(|(_, state)| state).collect()
    }

    /// Whether a value is a fixed address or what such an address holds. Nothing is ever mapped
    /// in the first page: smaller values are numbers.
    fn is_address(&self, value: Value) -> bool {
        match self.root(value.root) {
            Root::Fixed => value.offset as u64 >= 0x1000,
            Root::Loaded(from, _) => self.root(from) == Root::Fixed,
            _ => false,
        }
    }

    fn join(&mut self, address: u64, a: &State, b: &State) -> State {
        let mut joined = *a;
        for (number, value) in joined.iter_mut().enumerate() {
            if *value != b[number] {
                *value = Value { root: self.id(Root::Met(address, number as Reg)), offset: 0 };
            }
        }
        joined
    }

    fn step(&mut self, insn: &Insn, before: &State, machine: Machine) -> State {
        let mut after = *before;
        for &effect in &insn.effects {
            let (dst, value) = match effect {
                Effect::Copy { dst, src, offset } => {
                    let from = before[src as usize];
                    (dst, Value { root: from.root, offset: from.offset.wrapping_add(offset) })
                }
                Effect::Address { dst, memory } => (dst, self.address(before, memory)),
                Effect::Load { dst, memory } => {
                    let address = self.address(before, memory);
                    (dst, self.loaded(address))
                }
                Effect::Write { dst } => {
                    (dst, Value { root: self.id(Root::Made(insn.address, dst)), offset: 0 })
                }
            };
            after[dst as usize] = value;
        }
        if matches!(
            insn.flow,
            Flow::Call(_) | Flow::CallRegister(_) | Flow::CallMemory | Flow::System
        ) {
            let kept = arch::preserved_by_call(machine);
            for number in (0..MAX_REGS as Reg).filter(|number| !kept.contains(number)) {
                after[number as usize] =
                    Value { root: self.id(Root::Made(insn.address, number)), offset: 0 };
            }
        }
        after
    }
}
