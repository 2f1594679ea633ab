//! Assembly as text: labels for branch targets, names for known addresses, and the
//! interpreter's own names beside the machine's registers.
//!
//! Nothing in a listing depends on where the linker put things, so that two listings differ only
//! where the code does.

use std::collections::BTreeMap;

use crate::arch::{Access, Insn, Reference, Reg, Rename};
use crate::descriptor::Kind;
use crate::graph::Exit;
use crate::image::Machine;
use crate::program::Program;
use crate::rules::{Checked, Roles};

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The label in front of the line, where something jumps to it.
    pub label: Option<String>,
    /// Bytes from the start of the function.
    pub offset: u64,
    /// The instruction with the machine's register names.
    pub text: String,
    /// The instruction with the interpreter's register names, where that reads differently.
    pub roles: Option<String>,
    /// Whether it is on a path that ends in a dispatch.
    pub hot: bool,
    /// `dispatch`, or where it leaves to.
    pub note: Option<String>,
}

/// The listing of a function, in address order.
pub fn lines(program: &Program, checked: &Checked) -> Vec<Line> {
    let labels = labels(checked);
    let names = role_names(program);
    let mut lines = Vec::new();
    let mut cold = 0;
    for node in checked.graph.nodes.values() {
        let insn = &node.insn;
        let roles = checked.roles.get(&insn.address).copied().unwrap_or_default();
        let plain = text(program, &labels, insn, &|_, _| None);
        let renamed = text(program, &labels, insn, &|register, access| {
            let (reg, role) = names.get(register)?;
            holds_role(roles, *reg, access).then(|| role.clone())
        });
        let note = if checked.dispatches.contains(&insn.address) {
            Some("dispatch".to_string())
        } else {
            node.exits.iter().find_map(|exit| match exit {
                Exit::Direct(target) => program.target(*target).map(|(kind, _)| match kind {
                    Kind::Handler => "handler".to_string(),
                    Kind::Cold => "continuation".to_string(),
                    other => other.name().to_string(),
                }),
                _ => None,
            })
        };
        let hot = checked.hot.contains(&insn.address);
        cold += usize::from(!hot);
        lines.push(Line {
            label: labels.get(&insn.address).cloned(),
            offset: insn.address.wrapping_sub(checked.function.address),
            roles: (renamed != plain).then_some(renamed),
            text: plain,
            hot,
            note,
        });
    }
    // In a function that never dispatches nothing is colder than anything else.
    if cold == lines.len() {
        lines.iter_mut().for_each(|line| line.hot = true);
    }
    lines
}

/// A listing as plain text: label, instruction, and behind it what it means for the interpreter.
pub fn render(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.text.len()).max().unwrap_or(0).min(44);
    let mut out = String::new();
    for line in lines {
        if let Some(label) = &line.label {
            out += &format!("{label}:\n");
        }
        let mut comments: Vec<&str> = Vec::new();
        comments.extend(line.roles.as_deref());
        comments.extend(line.note.as_deref());
        if !line.hot {
            comments.push("cold");
        }
        let row = if comments.is_empty() {
            format!("  {}", line.text)
        } else {
            format!("  {:width$}  ; {}", line.text, comments.join("  ; "))
        };
        out += row.trim_end();
        out.push('\n');
    }
    out
}

/// The text of one instruction of a function; empty where there is none at `address`.
pub fn instruction(program: &Program, checked: &Checked, address: u64) -> String {
    let Some(node) = checked.graph.nodes.get(&address) else {
        return String::new();
    };
    text(program, &labels(checked), &node.insn, &|_, _| None)
}

fn labels(checked: &Checked) -> BTreeMap<u64, String> {
    let mut targets: Vec<u64> = checked
        .graph
        .nodes
        .values()
        .flat_map(|node| {
            node.next
                .iter()
                .copied()
                .filter(|&next| next != node.insn.end() || jumps_to(&node.insn, next))
        })
        .collect();
    targets.sort_unstable();
    targets.dedup();
    targets
        .into_iter()
        .enumerate()
        .map(|(number, address)| (address, format!(".{}", number + 1)))
        .collect()
}

fn jumps_to(insn: &Insn, target: u64) -> bool {
    use crate::arch::Flow;
    matches!(insn.flow, Flow::Jump(to) | Flow::Branch(to) if to == target)
}

fn text(
    program: &Program,
    labels: &BTreeMap<u64, String>,
    insn: &Insn,
    rename: &Rename<'_>,
) -> String {
    let name = |reference: Reference| match reference {
        Reference::Code(address) => code_name(program, labels, address),
        Reference::Data(address, size) => data_name(program, address, size),
    };
    insn.text(&name, rename)
}

/// Whether a register plays its part in the interpreter at an instruction, and is not used for
/// something else. Float registers (`None`) always do.
fn holds_role(roles: Roles, reg: Option<Reg>, access: Access) -> bool {
    let Some(reg) = reg else { return true };
    let has = |mask: u32| mask & (1 << reg) != 0;
    match access {
        Access::Read => has(roles.before),
        Access::Write => has(roles.after),
        Access::Both => has(roles.before) || has(roles.after),
    }
}

fn code_name(program: &Program, labels: &BTreeMap<u64, String>, address: u64) -> String {
    if let Some(label) = labels.get(&address) {
        return label.clone();
    }
    if let Some((_, name)) = program.target(address) {
        return name.to_string();
    }
    // A symbol's last part is stable where its path and hash are not.
    let symbol = program.image.symbol(address).map(short_symbol);
    symbol.unwrap_or_else(|| "code".to_string())
}

fn data_name(program: &Program, address: u64, size: usize) -> String {
    let table = program.descriptor.table;
    if address == table {
        return "handlers".to_string();
    }
    if let Some(target) =
        program.image.read_u64(address).filter(|_| size == 8 && program.image.is_constant(address))
        && let Some((_, name)) = program.target(target)
    {
        return format!("address of {name}");
    }
    let bytes = program.image.read(address, size);
    if program.image.is_constant(address) && bytes.len() == size && (1..=16).contains(&size) {
        let digits: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
        return format!("const 0x{digits}");
    }
    program.image.symbol(address).map_or_else(|| "data".to_string(), short_symbol)
}

fn short_symbol(full: &str) -> String {
    full.rsplit("::").next().unwrap_or(full).to_string()
}

/// The interpreter's name for each spelling of a register that has a role, with the number of
/// the register unless it is a float register.
fn role_names(program: &Program) -> BTreeMap<String, (Option<Reg>, String)> {
    let mut names = BTreeMap::new();
    let floats = program.vector_roles();
    match program.image.machine() {
        Machine::X86_64 => {
            for &(reg, role) in program.roles() {
                for (name, suffix) in x86_names(reg) {
                    names.insert(name, (Some(reg), format!("{role}{suffix}")));
                }
            }
            for &(number, role) in floats {
                names.insert(format!("xmm{number}"), (None, role.to_string()));
            }
        }
        Machine::Aarch64 => {
            for &(reg, role) in program.roles() {
                names.insert(format!("x{reg}"), (Some(reg), role.to_string()));
                names.insert(format!("w{reg}"), (Some(reg), format!("{role}.32")));
            }
            for &(number, role) in floats {
                for (prefix, suffix) in [("d", ""), ("s", ".32"), ("v", ".v"), ("q", ".v")] {
                    names.insert(format!("{prefix}{number}"), (None, format!("{role}{suffix}")));
                }
            }
        }
    }
    names
}

/// All spellings of a general-purpose register, with the width each one has.
fn x86_names(reg: u8) -> Vec<(String, &'static str)> {
    const OLD: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
    let Some(old) = OLD.get(reg as usize) else {
        return vec![
            (format!("r{reg}"), ""),
            (format!("r{reg}d"), ".32"),
            (format!("r{reg}w"), ".16"),
            (format!("r{reg}b"), ".8"),
        ];
    };
    let byte = if reg < 4 { format!("{}l", &old[..1]) } else { format!("{old}l") };
    vec![
        (format!("r{old}"), ""),
        (format!("e{old}"), ".32"),
        ((*old).to_string(), ".16"),
        (byte, ".8"),
    ]
}
