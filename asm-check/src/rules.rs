//! The rules, and what breaks one.
//!
//! | rule | handler | cold | trampoline | exit | entry |
//! |---|---|---|---|---|---|
//! | `return` | x | x | x | | |
//! | `call`, `cold-call`, `push-pop`, `stack-pointer`, `stack-access`, `stack-address` | x | | | | |
//! | `recursion`, `dispatch-call` | x | x | x | x | |
//! | `balance` | | x | x | x | x |
//! | `exit`, `dispatch` | x | x | x | x | x |
//! | `trap`, `lanes` | x | | | | |
//! | `decode` | x | x | x | x | x |
//! | `guard` | if it may fault | | | | |

use std::collections::{BTreeMap, BTreeSet};

use crate::arch::{Effect, Flow, Insn, Memory};
use crate::descriptor::{Kind, Threading};
use crate::graph::{Exit, Graph, Node};
use crate::program::{Function, Program};
use crate::values::{Root, RootId, State, Value, Values};

/// A rule's name, as it is written in reports and in the file of exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The function returns where it should tail-call.
    Return,
    /// A call on a path that goes on to a dispatch.
    Call,
    /// A call on a path that does not: cold work that should be a function of its own.
    ColdCall,
    /// The next handler is called and not jumped to.
    DispatchCall,
    /// A handler calls itself or another handler.
    Recursion,
    /// A push or a pop.
    PushPop,
    /// The stack pointer is written.
    StackPointer,
    /// A value is kept on the native stack.
    StackAccess,
    /// The address of a stack slot is taken.
    StackAddress,
    /// The stack is not as deep at an exit as it was at the entry.
    Balance,
    /// A jump to something that is neither a handler's continuation nor a named function.
    Exit,
    /// An indirect jump that is no dispatch, such as a jump table.
    Dispatch,
    /// A trap instruction.
    Trap,
    /// Paths that cannot be followed.
    Decode,
    /// A register that the fault handler needs is written before a guarded access.
    Guard,
    /// Float arithmetic on all lanes of a vector in a handler that is about scalars.
    Lanes,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Rule; 16] = [
        Rule::Return,
        Rule::Call,
        Rule::ColdCall,
        Rule::DispatchCall,
        Rule::Recursion,
        Rule::PushPop,
        Rule::StackPointer,
        Rule::StackAccess,
        Rule::StackAddress,
        Rule::Balance,
        Rule::Exit,
        Rule::Dispatch,
        Rule::Trap,
        Rule::Decode,
        Rule::Guard,
        Rule::Lanes,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Return => "return",
            Rule::Call => "call",
            Rule::ColdCall => "cold-call",
            Rule::DispatchCall => "dispatch-call",
            Rule::Recursion => "recursion",
            Rule::PushPop => "push-pop",
            Rule::StackPointer => "stack-pointer",
            Rule::StackAccess => "stack-access",
            Rule::StackAddress => "stack-address",
            Rule::Balance => "balance",
            Rule::Exit => "exit",
            Rule::Dispatch => "dispatch",
            Rule::Trap => "trap",
            Rule::Decode => "decode",
            Rule::Guard => "guard",
            Rule::Lanes => "lanes",
        }
    }

    /// The rule of that name.
    pub fn parse(name: &str) -> Option<Rule> {
        Rule::ALL.into_iter().find(|rule| rule.name() == name)
    }

    fn applies_to(self, kind: Kind) -> bool {
        match self {
            Rule::Exit | Rule::Dispatch | Rule::Decode => true,
            Rule::Balance => kind != Kind::Handler,
            Rule::Recursion | Rule::DispatchCall => kind != Kind::Entry,
            Rule::Return => !matches!(kind, Kind::Exit | Kind::Entry),
            _ => kind == Kind::Handler,
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Rule::Return => "end every path in the dispatch macro or in a tail call",
            Rule::Call => {
                "inline the callee, or reach it through a cold continuation or the trampoline"
            }
            Rule::ColdCall => "move the cold path into a function of its own and tail-call it",
            Rule::DispatchCall => {
                "something is alive across the dispatch: end its scope before, drop no value after"
            }
            Rule::Recursion => "reach the other handler by a dispatch",
            Rule::PushPop => "the function needs more registers than are free, or calls: split it",
            Rule::StackPointer => {
                "a local lives in memory: keep it in a register, or move its user out of line"
            }
            Rule::StackAccess => {
                "a value is spilled: shorten what is alive at once, or split the handler"
            }
            Rule::StackAddress => "a local's address escapes: pass it by value",
            Rule::Balance => "every exit must leave the stack as it found it",
            Rule::Exit => "give the continuation a name in the descriptor",
            Rule::Dispatch => "replace the `match` by branches, or dispatch",
            Rule::Trap => "tail-call a cold continuation that raises the trap",
            Rule::Decode => "the checker cannot see what this code does",
            Rule::Guard => "write pc, fp and ctx after the access: the fault handler reads them",
            Rule::Lanes => {
                "hide from the optimiser that one of the operands is a lane: the others may hold \
                 what is slow to compute with"
            }
        }
    }
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The function, by the first of its names.
    pub function: String,
    /// The rule.
    pub rule: Rule,
    /// Address of the instruction.
    pub address: u64,
    /// Its text; empty where it cannot be decoded.
    pub instruction: String,
    /// What is wrong, for people.
    pub message: String,
}

/// What is known of one function once its paths were followed.
#[derive(Debug)]
pub struct Checked {
    /// The function.
    pub function: Function,
    /// Its paths.
    pub graph: Graph,
    /// Addresses of its dispatches.
    pub dispatches: BTreeSet<u64>,
    /// Addresses on paths that end in a dispatch.
    pub hot: BTreeSet<u64>,
    /// Broken rules, by address.
    pub findings: Vec<Finding>,
    /// Which registers play their part at each instruction.
    pub roles: BTreeMap<u64, Roles>,
}

/// Registers, as bits by number, that hold the interpreter's state and not something
/// else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    /// Before an instruction: what the handler was given, or what it hands on.
    pub before: u32,
    /// After it: what the handler hands on.
    pub after: u32,
}

/// Follows all paths of a function and applies its rules.
pub fn check(program: &Program, function: Function) -> Checked {
    let machine = program.image.machine();
    let mut graph = Graph::build(&program.image, function.address, program.starts());
    let values = Values::follow(&graph, machine);
    resolve(program, &mut graph, &values);
    let ctx_written = ctx_written(program, &graph);
    let mut checker = Checker {
        program,
        function: &function,
        values,
        found: Vec::new(),
        hot: BTreeSet::new(),
        ctx_written,
    };

    let dispatches: BTreeSet<u64> = graph
        .nodes
        .values()
        .filter(|node| node.exits.contains(&Exit::Indirect) && checker.is_dispatch(&node.insn))
        .map(|node| node.insn.address)
        .collect();
    checker.hot = graph.reaching(&dispatches);
    for node in graph.nodes.values() {
        checker.node(node, &dispatches);
    }
    for (address, what) in &graph.broken {
        checker.report(Rule::Decode, *address, what);
    }

    let roles = roles(program, &graph, &checker.values);
    let Checker { found, hot, .. } = checker;
    let mut findings: Vec<Finding> = found
        .into_iter()
        .map(|(rule, address, message)| Finding {
            function: function.names[0].clone(),
            rule,
            address,
            instruction: String::new(),
            message,
        })
        .collect();
    findings.sort_by_key(|f| (f.address, f.rule));
    let mut checked = Checked { function, graph, dispatches, hot, findings, roles };
    let texts: Vec<String> = checked
        .findings
        .iter()
        .map(|f| crate::listing::instruction(program, &checked, f.address))
        .collect();
    for (finding, text) in checked.findings.iter_mut().zip(texts) {
        finding.instruction = text;
    }
    checked
}

/// Names the targets of jumps through a register where paths to them chose a fixed address:
/// position-independent code reaches other functions so. What is left is an indirect jump.
fn resolve(program: &Program, graph: &mut Graph, values: &Values) {
    for node in graph.nodes.values_mut() {
        let Flow::JumpRegister(reg) = node.insn.flow else { continue };
        let states = values.before(node.insn.address);
        let targets: BTreeSet<Option<u64>> =
            states.iter().map(|state| fixed_target(program, values, state[reg as usize])).collect();
        if targets.iter().any(Option::is_some) {
            let exit = |target: Option<u64>| target.map_or(Exit::Indirect, Exit::Direct);
            node.exits = targets.into_iter().map(exit).collect();
        }
    }
}

/// The code that a value points to on its own, whatever the interpreter runs.
fn fixed_target(program: &Program, values: &Values, value: Value) -> Option<u64> {
    let image = &program.image;
    let target = match values.root(value.root) {
        Root::Fixed => value.offset as u64,
        Root::Loaded(from, slot) if values.root(from) == Root::Fixed => {
            let held = image.read_u64(slot as u64).filter(|_| image.is_constant(slot as u64))?;
            held.wrapping_add_signed(value.offset)
        }
        _ => return None,
    };
    image.is_code(target).then_some(target)
}

/// The instructions to which a path leads on which the vector register of the instance was written.
fn ctx_written(program: &Program, graph: &Graph) -> BTreeSet<u64> {
    let Some((reg, _)) = program.vector_roles().iter().find(|(_, role)| *role == "ctx") else {
        return BTreeSet::new();
    };
    let writes = graph.nodes.values().filter(|node| node.insn.vectors_written & 1 << reg != 0);
    let mut todo: Vec<u64> = writes.flat_map(|node| node.next.iter().copied()).collect();
    let mut reached: BTreeSet<u64> = todo.iter().copied().collect();
    while let Some(at) = todo.pop() {
        let next = graph.nodes.get(&at).map_or(&[][..], |node| &node.next);
        todo.extend(next.iter().copied().filter(|next| reached.insert(*next)));
    }
    reached
}

/// Follows backwards which registers reach an exit as they are.
fn roles(program: &Program, graph: &Graph, values: &Values) -> BTreeMap<u64, Roles> {
    let all = program.roles().iter().fold(0u32, |mask, (reg, _)| mask | 1 << reg);
    let mut roles: BTreeMap<u64, Roles> =
        graph.nodes.keys().map(|&a| (a, Roles::default())).collect();
    // Backwards in address order this settles at once but for loops.
    let mut changed = true;
    while changed {
        changed = false;
        for (&address, node) in graph.nodes.iter().rev() {
            let hands_on =
                node.exits.iter().any(|exit| matches!(exit, Exit::Indirect | Exit::Direct(_)));
            let handed = if hands_on { all } else { 0 };
            let after = node.next.iter().fold(handed, |mask, next| mask | roles[next].before) & all;
            let written = node
                .insn
                .effects
                .iter()
                .fold(0u32, |mask, effect| mask | 1 << effect.destination());
            let now = Roles { before: after & !written, after };
            changed |= roles.insert(address, now) != Some(now);
        }
    }
    for (address, mask) in &mut roles {
        let states = values.before(*address);
        for &(reg, _) in program.roles() {
            let given = |state: &State| values.root(state[reg as usize].root) == Root::Entry(reg);
            if states.iter().all(given) {
                mask.before |= 1 << reg;
            }
        }
    }
    roles
}

/// Whether an op, or a part of a fused one, is about vectors, by its name.
fn is_of_vectors(name: &str) -> bool {
    ["v128", "8x16", "16x8", "32x4", "64x2"].iter().any(|shape| name.contains(shape))
}

struct Checker<'a> {
    program: &'a Program,
    function: &'a Function,
    values: Values,
    hot: BTreeSet<u64>,
    /// Where the vector register of the instance has been written, if it has one.
    ctx_written: BTreeSet<u64>,
    found: Vec<(Rule, u64, String)>,
}

impl Checker<'_> {
    fn report(&mut self, rule: Rule, address: u64, message: &str) {
        if rule.applies_to(self.function.kind) {
            self.found.push((rule, address, message.to_string()));
        }
    }

    /// What messages call an address that the descriptor does not name.
    fn name(&self, address: u64) -> String {
        self.program.image.symbol(address).map_or_else(|| format!("{address:#x}"), str::to_string)
    }

    fn states(&self, insn: &Insn) -> Vec<State> {
        self.values.before(insn.address).to_vec()
    }

    fn node(&mut self, node: &Node, dispatches: &BTreeSet<u64>) {
        let insn = &node.insn;
        self.stack(insn);
        self.call(insn);
        for exit in &node.exits {
            self.exit(insn, *exit, dispatches);
        }
        if insn.flow == Flow::System {
            self.report(Rule::Call, insn.address, "leaves user code");
        }
        self.guard(insn);
        if insn.all_lanes && !self.function.names.iter().any(|name| is_of_vectors(name)) {
            self.report(Rule::Lanes, insn.address, "computes with lanes that hold anything");
        }
    }

    // ---- calls and exits ----

    fn call(&mut self, insn: &Insn) {
        let cold = if self.hot.contains(&insn.address) { Rule::Call } else { Rule::ColdCall };
        match insn.flow {
            Flow::Call(target) => match self.program.target(target) {
                Some((Kind::Handler, _)) if target == self.function.address => {
                    self.report(Rule::Recursion, insn.address, "the handler calls itself");
                }
                Some((_, name)) if target == self.function.address => {
                    let message = format!("{name} calls itself");
                    self.report(Rule::Recursion, insn.address, &message);
                }
                Some((Kind::Handler, name)) => {
                    let message = format!("calls the handler {name}");
                    self.report(Rule::Recursion, insn.address, &message);
                }
                _ => {
                    let name = self.name(target);
                    self.report(cold, insn.address, &format!("calls {name}"));
                }
            },
            Flow::CallRegister(_) | Flow::CallMemory => {
                if self.is_dispatch(insn) {
                    self.report(
                        Rule::DispatchCall,
                        insn.address,
                        "the next handler is called, not jumped to",
                    );
                } else {
                    self.report(cold, insn.address, "calls through a pointer");
                }
            }
            _ => {}
        }
    }

    fn exit(&mut self, insn: &Insn, exit: Exit, dispatches: &BTreeSet<u64>) {
        match exit {
            Exit::Indirect if dispatches.contains(&insn.address) => {}
            Exit::Indirect => {
                self.report(
                    Rule::Dispatch,
                    insn.address,
                    "jumps to an address that is not the next op's handler",
                );
            }
            Exit::Direct(target) => match self.program.target(target) {
                Some((Kind::Cold | Kind::Trampoline | Kind::Exit, _)) => {}
                Some((kind, name)) => {
                    let message = format!("jumps straight to the {} {name}", kind.name());
                    self.report(Rule::Exit, insn.address, &message);
                }
                None => {
                    let name = self.name(target);
                    self.report(
                        Rule::Exit,
                        insn.address,
                        &format!("jumps to {name}, which the descriptor does not name"),
                    );
                }
            },
            Exit::Return => self.report(Rule::Return, insn.address, "returns"),
            Exit::Trap => self.report(Rule::Trap, insn.address, "traps in place"),
        }
        if exit != Exit::Trap {
            self.balance(insn);
        }
    }

    fn balance(&mut self, insn: &Insn) {
        let sp = crate::arch::stack_pointer(self.program.image.machine());
        for state in self.states(insn) {
            let value = state[sp as usize];
            if !self.is_entry(value.root, sp) {
                self.report(
                    Rule::Balance,
                    insn.address,
                    "the depth of the stack cannot be told here",
                );
            } else if value.offset != 0 {
                let message = format!("leaves {} bytes on the stack", value.offset.wrapping_neg());
                self.report(Rule::Balance, insn.address, &message);
            } else {
                continue;
            }
            return;
        }
    }

    /// Whether an indirect jump or call goes where a dispatch goes: to the handler that the code
    /// stream names at the pc that is handed on. So it must be on every path to it but those that
    /// chose a fixed target, which `resolve` has named.
    fn is_dispatch(&mut self, insn: &Insn) -> bool {
        let Some(pc) = self.program.role("pc") else {
            return false;
        };
        let (mut some, mut all) = (false, true);
        for state in self.states(insn) {
            let target = match insn.flow {
                Flow::JumpRegister(reg) | Flow::CallRegister(reg) => state[reg as usize],
                _ => {
                    let Some(memory) = insn.target_memory() else { return false };
                    let address = self.values.address(&state, memory);
                    self.values.loaded(address)
                }
            };
            if fixed_target(self.program, &self.values, target).is_none() {
                some = true;
                all &= target.offset == 0 && self.names_handler(target.root, state[pc as usize]);
            }
        }
        some && all
    }

    fn names_handler(&self, target: RootId, pc: Value) -> bool {
        let Root::Loaded(from, _) = self.values.root(target) else {
            return false;
        };
        match self.program.descriptor.threading {
            Threading::Direct => from == pc.root,
            Threading::Table => {
                let Root::Sum(_, index, 8) = self.values.root(from) else {
                    return false;
                };
                matches!(self.values.root(index), Root::Loaded(stream, _) if stream == pc.root)
            }
        }
    }

    // ---- the native stack ----

    fn stack(&mut self, insn: &Insn) {
        let sp = crate::arch::stack_pointer(self.program.image.machine());
        if insn.push_pop {
            self.report(Rule::PushPop, insn.address, "moves the stack");
        }
        let is_call = matches!(
            insn.flow,
            Flow::Call(_) | Flow::CallRegister(_) | Flow::CallMemory | Flow::Return
        );
        for effect in &insn.effects {
            let (dst, from_stack) = match *effect {
                Effect::Copy { dst, src, .. } => (dst, src == sp),
                Effect::Address { dst, memory } => (dst, memory.base == Some(sp)),
                Effect::Load { dst, .. } | Effect::Write { dst } => (dst, false),
            };
            if dst == sp && !insn.push_pop && !is_call {
                self.report(Rule::StackPointer, insn.address, "writes the stack pointer");
            } else if dst != sp && from_stack {
                self.report(Rule::StackAddress, insn.address, "takes the address of a stack slot");
            }
        }
        for memory in &insn.memory {
            if self.is_on_stack(insn, *memory) {
                self.report(Rule::StackAccess, insn.address, "keeps a value on the native stack");
            }
        }
    }

    fn is_on_stack(&mut self, insn: &Insn, memory: Memory) -> bool {
        let sp = crate::arch::stack_pointer(self.program.image.machine());
        let states = self.states(insn);
        memory.base == Some(sp)
            || states.iter().any(|state| {
                let address = self.values.address(state, memory);
                self.is_entry(address.root, sp)
                    || matches!(self.values.root(address.root), Root::Sum(a, b, _) if self.is_entry(a, sp) || self.is_entry(b, sp))
            })
    }

    fn is_entry(&self, root: RootId, reg: u8) -> bool {
        self.values.root(root) == Root::Entry(reg)
    }

    // ---- guarded accesses ----

    /// The fault handler raises the trap from pc, fp and ctx as they were at the handler's
    /// entry, so a linear-memory access comes before any of them is written; and it takes a fault
    /// for a handler's own only near that handler's start.
    fn guard(&mut self, insn: &Insn) {
        let Some(accesses) = self.guarded_accesses() else { return };
        if insn.target_memory().is_some() {
            return;
        }
        let pinned: Vec<(u8, &str)> = self
            .program
            .roles()
            .iter()
            .copied()
            .filter(|(_, role)| ["pc", "fp", "ctx"].contains(role))
            .collect();
        for state in self.states(insn) {
            for memory in &insn.memory {
                let root = self.values.address(&state, *memory).root;
                let linear = match accesses {
                    Guarded::AllButOwnData => !self.derives(root, &|root| {
                        // Also what the program's own data point to: the handler table, by way of the global
                        // offset table.
                        let is_fixed = match root {
                            Root::Loaded(from, _) => self.values.root(from) == Root::Fixed,
                            root => root == Root::Fixed,
                        };
                        is_fixed || pinned.iter().any(|(reg, _)| root == Root::Entry(*reg))
                    }),
                    Guarded::ThroughMem(mem) => {
                        self.derives(root, &|root| root == Root::Entry(mem))
                    }
                };
                if !linear {
                    continue;
                }
                let moved = pinned.iter().find(|(reg, _)| {
                    let value = state[*reg as usize];
                    !self.is_entry(value.root, *reg) || value.offset != 0
                });
                let in_vector = self.ctx_written.contains(&insn.address).then_some("ctx");
                let moved = moved.map(|(_, role)| *role).or(in_vector);
                if let Some(role) = moved {
                    let message = format!("{role} was written before this access");
                    self.report(Rule::Guard, insn.address, &message);
                    return;
                }
                let offset = insn.address.wrapping_sub(self.function.address);
                if offset >= FAULT_WINDOW {
                    let message =
                        format!("this access lies more than {FAULT_WINDOW} bytes into the handler");
                    self.report(Rule::Guard, insn.address, &message);
                    return;
                }
            }
        }
    }

    /// Which accesses of this function may fault; none where all are compared with the length
    /// first, or where there is none to linear memory.
    fn guarded_accesses(&self) -> Option<Guarded> {
        let mem = self.program.role("mem")?;
        let mut answer = None;
        for &opcode in &self.function.opcodes {
            match self.program.ops[opcode].family.as_str() {
                "load" | "store" => return Some(Guarded::AllButOwnData),
                "checked" | "general" => {}
                // Such as a fused op with a load in it.
                _ => answer = Some(Guarded::ThroughMem(mem)),
            }
        }
        answer
    }

    /// Whether a value is made from a root that `is` says yes to, by additions alone.
    fn derives(&self, root: RootId, is: &dyn Fn(Root) -> bool) -> bool {
        match self.values.root(root) {
            Root::Sum(a, b, _) => self.derives(a, is) || self.derives(b, is),
            root => is(root),
        }
    }
}

/// How the accesses to linear memory are told from those to the interpreter's own data.
#[derive(Debug, Clone, Copy)]
enum Guarded {
    /// In a load or store op: everything that is not reached from pc, fp or ctx directly.
    AllButOwnData,
    /// In any other op: what is reached from the base of memory 0 in this register.
    ThroughMem(u8),
}

/// Bytes from a handler's start within which the fault handler takes a fault for that handler's
/// own: `WINDOW` of the library's `exec::guard`.
const FAULT_WINDOW: u64 = 1024;
