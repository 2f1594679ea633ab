//! One Threadle inside one binary: image, descriptor and names put together.

use std::collections::{BTreeMap, BTreeSet};

use crate::Failure;
use crate::arch::Reg;
use crate::descriptor::{Backend, Descriptor, Kind};
use crate::image::{Image, Machine};
use crate::ops::{Op, OpTable};

/// Where the op names of a [`Program`] come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamesFrom {
    /// The checker's own op table, which is the one the binary was built from.
    Table,
    /// The binary's symbol table, because its op table is another one.
    Symbols,
}

/// One handler chain of a binary.
#[derive(Debug)]
pub struct Program {
    /// The binary.
    pub image: Image,
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// One row for each opcode.
    pub ops: Vec<Op>,
    /// Where the names in `ops` come from.
    pub names_from: NamesFrom,
    /// All starts of functions that have a name, with their kind and name.
    targets: BTreeMap<u64, (Kind, String)>,
    starts: BTreeSet<u64>,
}

/// A function to check: its address, what it is for and every name it goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Where it starts.
    pub address: u64,
    /// What it is for.
    pub kind: Kind,
    /// Opcodes whose handler it is.
    pub opcodes: Vec<usize>,
    /// All its names; the first one stands for it in reports.
    pub names: Vec<String>,
}

impl Program {
    /// Reads a binary. `table` is the op table that the checker knows.
    ///
    /// # Errors
    /// [`Failure::Unreadable`], [`Failure::NoDescriptor`]; [`Failure::Input`] where the binary
    /// holds several versions of Threadle and none has this table.
    pub fn parse(bytes: &[u8], table: &OpTable) -> Result<Program, Failure> {
        let image = Image::parse(bytes)?;
        let mut descriptors = Descriptor::read_all(&image)?;
        let hash = table.hash();
        let ours = descriptors
            .iter()
            .position(|d| d.table_hash == hash && d.handlers.len() == table.ops.len());
        let (descriptor, names_from) = match ours {
            Some(index) => (descriptors.swap_remove(index), NamesFrom::Table),
            None if descriptors.len() == 1 => (descriptors.remove(0), NamesFrom::Symbols),
            None => {
                return Err(Failure::Input(format!(
                    "the binary holds {} versions of Threadle, none of them this checker's",
                    descriptors.len()
                )));
            }
        };
        let ops = match names_from {
            NamesFrom::Table => table.ops.clone(),
            NamesFrom::Symbols => names_from_symbols(&image, &descriptor, table),
        };
        Ok(Program::new(image, descriptor, ops, names_from))
    }

    /// Puts the parts together. `ops` has one row for each handler of the descriptor.
    pub fn new(
        image: Image,
        descriptor: Descriptor,
        ops: Vec<Op>,
        names_from: NamesFrom,
    ) -> Program {
        let mut targets = BTreeMap::new();
        for (address, op) in descriptor.handlers.iter().zip(&ops) {
            targets.entry(*address).or_insert_with(|| (Kind::Handler, op.name.clone()));
        }
        // A handler that is itself the trampoline or an exit follows the rules of that.
        for named in &descriptor.named {
            let name = match targets.get(&named.address) {
                Some((Kind::Handler, op)) => op.clone(),
                _ => named.name.clone(),
            };
            targets.insert(named.address, (named.kind, name));
        }
        let starts = targets.keys().copied().collect();
        Program { image, descriptor, ops, names_from, targets, starts }
    }

    /// `x86_64-sibling-direct` and the like: what budgets and goldens are kept by.
    pub fn label(&self) -> String {
        let Descriptor { backend, threading, .. } = &self.descriptor;
        format!("{}-{}-{}", self.image.machine().name(), backend.name(), threading.name())
    }

    /// Every function to check, each once: handlers in opcode order, then the others.
    pub fn functions(&self) -> Vec<Function> {
        let mut functions: Vec<Function> = Vec::new();
        let mut index: BTreeMap<u64, usize> = BTreeMap::new();
        let mut add = |address: u64, name: &str, opcode: Option<usize>| {
            let at = *index.entry(address).or_insert(functions.len());
            if at == functions.len() {
                let kind = self.targets.get(&address).map_or(Kind::Handler, |(kind, _)| *kind);
                functions.push(Function { address, kind, opcodes: Vec::new(), names: Vec::new() });
            }
            functions[at].opcodes.extend(opcode);
            if !functions[at].names.iter().any(|known| known == name) {
                functions[at].names.push(name.to_string());
            }
        };
        for (opcode, (&address, op)) in self.descriptor.handlers.iter().zip(&self.ops).enumerate() {
            add(address, &op.name, Some(opcode));
        }
        for named in &self.descriptor.named {
            add(named.address, &named.name, None);
        }
        functions
    }

    /// The function that goes by `name`.
    pub fn function(&self, name: &str) -> Option<Function> {
        self.functions().into_iter().find(|f| f.names.iter().any(|n| n == name))
    }

    /// What starts at `address`, where the descriptor says.
    pub fn target(&self, address: u64) -> Option<(Kind, &str)> {
        self.targets.get(&address).map(|(kind, name)| (*kind, name.as_str()))
    }

    /// The starts of all functions that have a name.
    pub fn starts(&self) -> &BTreeSet<u64> {
        &self.starts
    }

    /// The registers that handlers hand on, for this machine and backend.
    pub fn roles(&self) -> &'static [(Reg, &'static str)] {
        roles(self.image.machine(), self.descriptor.backend)
    }

    /// Likewise, of the vector registers.
    pub fn vector_roles(&self) -> &'static [(Reg, &'static str)] {
        match self.descriptor.backend {
            // Two halves of what may be a vector.
            Backend::Become => &[(0, "fa"), (1, "fa.high"), (2, "f0"), (3, "f1"), (4, "f2")],
            // The instance is there only where it has no integer register.
            _ if self.role("ctx").is_some() => &[(0, "fa"), (1, "f0"), (2, "f1"), (3, "f2")],
            _ => &[(0, "fa"), (1, "f0"), (2, "f1"), (3, "f2"), (4, "ctx")],
        }
    }

    /// The register with the role `name`.
    pub fn role(&self, name: &str) -> Option<Reg> {
        self.roles().iter().find(|(_, role)| *role == name).map(|(reg, _)| *reg)
    }
}

/// Which register carries what between handlers, in the order of the handler's parameters.
pub fn roles(machine: Machine, backend: Backend) -> &'static [(Reg, &'static str)] {
    match (machine, backend) {
        // System V: rdi rsi rdx rcx r8 r9; the instance is in xmm4.
        (Machine::X86_64, Backend::Loop | Backend::Sibling) => {
            &[(7, "pc"), (6, "fp"), (2, "mem"), (1, "acc"), (8, "l0"), (9, "l1")]
        }
        // preserve-none: r12 r13 r14 r15 rdi rsi rdx.
        (Machine::X86_64, Backend::Become) => {
            &[(12, "pc"), (13, "fp"), (14, "mem"), (15, "acc"), (7, "ctx"), (6, "l0"), (2, "l1")]
        }
        (Machine::Aarch64, Backend::Loop | Backend::Sibling) => {
            &[(0, "pc"), (1, "fp"), (2, "mem"), (3, "acc"), (4, "l0"), (5, "l1"), (6, "ctx")]
        }
        // preserve-none: from x20 on.
        (Machine::Aarch64, Backend::Become) => {
            &[(20, "pc"), (21, "fp"), (22, "mem"), (23, "acc"), (24, "ctx"), (25, "l0"), (26, "l1")]
        }
    }
}

/// Names for the handlers of a binary with another op table: the last part of each handler's
/// symbol, or its number in a stripped file. Family and effect are taken from the op of the same
/// name where the checker's table has one.
fn names_from_symbols(image: &Image, descriptor: &Descriptor, table: &OpTable) -> Vec<Op> {
    let mut seen = BTreeSet::new();
    let mut ops = Vec::new();
    for (opcode, &address) in descriptor.handlers.iter().enumerate() {
        let symbol =
            image.symbol(address).map(|full| full.rsplit("::").next().unwrap_or(full).to_string());
        let name = symbol
            .filter(|name| seen.insert(name.clone()))
            .unwrap_or_else(|| format!("op_{opcode}"));
        let known = table.ops.iter().find(|op| op.name == name).cloned();
        ops.push(known.unwrap_or(Op {
            name,
            effect: String::new(),
            family: String::new(),
            size: 0,
        }));
    }
    ops
}
