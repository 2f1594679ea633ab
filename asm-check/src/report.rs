//! What a check found, in the form that is printed: the same structure as text and as JSON. The
//! JSON form is documented in `docs/asm-check.md` and only ever grows within one `schema`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::descriptor::{Backend, Kind};
use crate::exceptions::Exceptions;
use crate::graph::Exit;
use crate::measure;
use crate::program::{NamesFrom, Program};
use crate::rules::{self, Checked};

/// The version of the JSON form.
pub const SCHEMA: u32 = 1;

/// One function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionReport {
    /// Its name; of several ops with the same code, the first.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// `handler`, `cold`, `trampoline`, `exit` or `entry`.
    pub kind: String,
    /// The opcodes whose handler it is.
    pub opcodes: Vec<usize>,
    /// The family of the first of them; empty for functions that are no handlers.
    pub family: String,
    /// What the first of them does.
    pub effect: String,
    /// Bytes it takes in the code stream; 0 for functions that are no handlers.
    pub stream_bytes: usize,
    /// Address in the file.
    pub address: u64,
    /// Bytes of its instructions.
    pub bytes: u64,
    /// Its instructions.
    pub instructions: usize,
    /// Instructions on the longest path to a dispatch.
    pub hot_longest: usize,
    /// Instructions on the shortest path to a dispatch.
    pub hot_shortest: usize,
    /// Whether such a path holds a loop, which the counts above take once.
    pub loops: bool,
    /// Where it leaves to: `dispatch`, `return`, `trap`, or names of functions.
    pub exits: Vec<String>,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingReport {
    /// The function's name.
    pub function: String,
    /// The rule's name.
    pub rule: String,
    /// Bytes from the function's start to the instruction.
    pub offset: u64,
    /// The instruction.
    pub instruction: String,
    /// What is wrong with it.
    pub message: String,
    /// What usually helps.
    pub advice: String,
}

/// Sums over all handlers of a binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Rows of the op table.
    pub ops: usize,
    /// Handlers with code of their own.
    pub handlers: usize,
    /// Bytes of instructions in all of them.
    pub bytes: u64,
    /// The median of `hot_longest` over ops.
    pub hot_median: usize,
    /// The largest `hot_longest`.
    pub hot_worst: usize,
    /// The op that has it.
    pub hot_worst_name: String,
}

/// One binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The file.
    pub binary: String,
    /// `ARCH-BACKEND-THREADING`.
    pub label: String,
    /// The build's options, such as `opt-3 cgu-1 lto-fat`; empty where they are not known.
    pub options: Vec<String>,
    /// `table` where the checker has the op table of the binary, `symbols` where it does not.
    pub names_from: String,
    /// Whether nothing is wrong.
    pub pass: bool,
    /// Sums.
    pub totals: Totals,
    /// Broken rules that no exception allows.
    pub findings: Vec<FindingReport>,
    /// Everything else that fails the check: budgets, golden listings, exceptions.
    pub problems: Vec<String>,
    /// Things to know that do not fail the check.
    pub notices: Vec<String>,
    /// All functions: handlers in opcode order, then the others.
    pub functions: Vec<FunctionReport>,
}

/// A binary, checked: the report and what it was made from.
#[derive(Debug)]
pub struct Survey {
    /// The binary.
    pub program: Program,
    /// Each of its functions, in the order of `report.functions`.
    pub checked: Vec<Checked>,
    /// What is printed.
    pub report: Report,
}

impl Survey {
    /// Checks every function of `program` against the rules.
    ///
    /// # Errors
    /// [`Failure::Loop`] where there is nothing to check.
    pub fn new(
        program: Program,
        binary: &str,
        options: &[String],
        exceptions: &mut Exceptions,
    ) -> Result<Survey, Failure> {
        if program.descriptor.backend == Backend::Loop {
            return Err(Failure::Loop);
        }
        let checked: Vec<Checked> =
            program.functions().into_iter().map(|f| rules::check(&program, f)).collect();
        let label = program.label();
        let words: Vec<String> =
            label.split('-').map(str::to_string).chain(options.iter().cloned()).collect();
        let mut findings = Vec::new();
        for one in &checked {
            let names = |_: &rules::Finding| one.function.names.clone();
            for finding in exceptions.apply(&words, one.findings.clone(), &names) {
                findings.push(FindingReport {
                    function: finding.function,
                    rule: finding.rule.name().to_string(),
                    offset: finding.address.wrapping_sub(one.function.address),
                    instruction: finding.instruction,
                    message: finding.message,
                    advice: finding.rule.advice().to_string(),
                });
            }
        }
        let functions: Vec<FunctionReport> =
            checked.iter().map(|one| function_report(&program, one)).collect();
        let mut notices = Vec::new();
        if program.names_from == NamesFrom::Symbols {
            notices.push(
                "the binary was built from another op table than this checker: names come from its \
                 symbols, exceptions and budgets may not fit; use the asm-check of the same version"
                    .to_string(),
            );
        }
        let report = Report {
            schema: SCHEMA,
            binary: binary.to_string(),
            label,
            options: options.to_vec(),
            names_from: match program.names_from {
                NamesFrom::Table => "table",
                NamesFrom::Symbols => "symbols",
            }
            .to_string(),
            pass: findings.is_empty(),
            totals: totals(&functions),
            findings,
            problems: Vec::new(),
            notices,
            functions,
        };
        Ok(Survey { program, checked, report })
    }

    /// Adds something that fails the check.
    pub fn problem(&mut self, text: String) {
        self.report.problems.push(text);
        self.report.pass = false;
    }
}

fn function_report(program: &Program, checked: &Checked) -> FunctionReport {
    let cost = measure::cost(checked);
    let function = &checked.function;
    let op = function.opcodes.first().map(|&opcode| &program.ops[opcode]);
    FunctionReport {
        name: function.names[0].clone(),
        aliases: function.names[1..].to_vec(),
        kind: function.kind.name().to_string(),
        opcodes: function.opcodes.clone(),
        family: op.map_or(String::new(), |op| op.family.clone()),
        effect: op.map_or(String::new(), |op| op.effect.clone()),
        stream_bytes: op.map_or(0, |op| op.size),
        address: function.address,
        bytes: cost.bytes,
        instructions: cost.instructions,
        hot_longest: cost.longest,
        hot_shortest: cost.shortest,
        loops: cost.loops,
        exits: exits(program, checked),
    }
}

fn exits(program: &Program, checked: &Checked) -> Vec<String> {
    let mut exits = BTreeSet::new();
    for node in checked.graph.nodes.values() {
        for exit in &node.exits {
            exits.insert(match exit {
                Exit::Indirect if checked.dispatches.contains(&node.insn.address) => {
                    "dispatch".to_string()
                }
                Exit::Indirect => "indirect jump".to_string(),
                Exit::Return => "return".to_string(),
                Exit::Trap => "trap".to_string(),
                Exit::Direct(target) => {
                    program.target(*target).map_or("unnamed code", |(_, name)| name).to_string()
                }
            });
        }
    }
    exits.into_iter().collect()
}

fn totals(functions: &[FunctionReport]) -> Totals {
    let handlers: Vec<&FunctionReport> =
        functions.iter().filter(|f| f.kind == Kind::Handler.name()).collect();
    let mut costs: Vec<usize> =
        handlers.iter().flat_map(|f| std::iter::repeat_n(f.hot_longest, f.opcodes.len())).collect();
    costs.sort_unstable();
    let worst = handlers.iter().max_by_key(|f| f.hot_longest);
    Totals {
        ops: functions.iter().map(|f| f.opcodes.len()).sum(),
        handlers: handlers.len(),
        bytes: handlers.iter().map(|f| f.bytes).sum(),
        hot_median: costs.get(costs.len() / 2).copied().unwrap_or(0),
        hot_worst: worst.map_or(0, |f| f.hot_longest),
        hot_worst_name: worst.map_or(String::new(), |f| f.name.clone()),
    }
}

impl Report {
    /// The report as text, without the table of functions.
    pub fn to_text(&self) -> String {
        let Totals { ops, handlers, bytes, hot_median, hot_worst, hot_worst_name } = &self.totals;
        let mut out = format!("{} {}\n", self.label, self.options.join(" ")).replace(" \n", "\n");
        out += &format!("  {}\n", self.binary);
        out += &format!(
            "  {ops} ops, {handlers} handlers, {bytes} bytes; hot path: median {hot_median}, worst {hot_worst} \
             instructions ({hot_worst_name})\n"
        );
        for notice in &self.notices {
            out += &format!("  note: {notice}\n");
        }
        let mut told = BTreeSet::new();
        for finding in &self.findings {
            // Of one rule broken many times in one function, the first place says it all.
            let same =
                |f: &&FindingReport| (&f.function, &f.rule) == (&finding.function, &finding.rule);
            if !told.insert((&finding.function, &finding.rule)) {
                continue;
            }
            out += &format!("{}: {}: {}\n", finding.function, finding.rule, finding.message);
            out += &format!("    at +{:#x}: {}\n", finding.offset, finding.instruction);
            match self.findings.iter().filter(same).count() {
                1 => {}
                more => out += &format!("    and at {} more places\n", more - 1),
            }
            out += &format!("    help: {}\n", finding.advice);
        }
        for problem in &self.problems {
            out += &format!("{problem}\n");
        }
        out += &if self.pass {
            "  pass\n".to_string()
        } else {
            format!(
                "  FAIL: {} findings, {} other problems\n",
                self.findings.len(),
                self.problems.len()
            )
        };
        out
    }
}
