//! Machine instructions, as `valgrind --tool=callgrind threadle run` counts them. Callgrind sees handlers, which
//! all functions of a program share. How often a function executes which op is known exactly; so an op's
//! instructions are shared out among all that execute it, equally for each time.

use std::collections::HashMap;
use std::path::Path;

use threadle::exec::threaded_head;
use threadle::isa::{OP_COUNT, OPS, Op};
use threadle::{Context, Result, ensure, format_err};

/// What Callgrind has counted.
pub struct Machine {
    /// By name of the symbol, what ran in it itself.
    own: HashMap<String, u64>,
    /// In all.
    pub total: u64,
}

impl Machine {
    /// Reads a file of Callgrind's.
    pub fn read(path: &Path) -> Result<Machine> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let machine = Machine::parse(&text);
        let machine = machine
            .ok_or_else(|| format_err!("{} is not a file of Callgrind's", path.display()))?;
        ensure!(
            OPS.iter().any(|op| machine.own.contains_key(&op.name)),
            "{} names no handlers: the command has run no program, or has no symbols",
            path.display()
        );
        Ok(machine)
    }

    /// <https://valgrind.org/docs/manual/cl-format.html>
    fn parse(text: &str) -> Option<Machine> {
        let mut names: HashMap<&str, &str> = HashMap::new();
        let mut own: HashMap<String, u64> = HashMap::new();
        // Where the count stands in a line: behind the positions.
        let (mut positions, mut event) = (1, None);
        let mut current = None;
        let mut is_call = false;
        let mut total = 0;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("positions:") {
                positions = rest.split_whitespace().count();
            } else if let Some(rest) = line.strip_prefix("events:") {
                event = rest.split_whitespace().position(|name| name == "Ir");
            } else if let Some((kind @ ("fn" | "cfn"), name)) = line.split_once('=') {
                // A name is given its number where it is first written.
                let name = match name.split_once(") ") {
                    Some((number, name)) => {
                        names.insert(number, name);
                        name
                    }
                    None => names.get(name.trim_end_matches(')')).copied().unwrap_or(name),
                };
                if kind == "fn" {
                    current = Some(last(name));
                }
            } else if line.starts_with("calls=") {
                // The next line is what was called.
                is_call = true;
            } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
                let count = line.split_whitespace().nth(positions + event?)?.parse::<u64>().ok()?;
                if !std::mem::take(&mut is_call) {
                    *own.entry(current?.to_owned()).or_default() += count;
                    total += count;
                }
            }
        }
        event.map(|_| Machine { own, total })
    }

    /// What an execution of each op has taken, by opcode, with so many of each.
    pub fn averages(&self, executed: &[u64]) -> Vec<f64> {
        let all = || (0..OP_COUNT).filter_map(|op| Op::from_u16(op as u16));
        // Ops can share a handler; and those that repeat are counted as those that are dispatched each time.
        let mut groups: HashMap<u64, (u64, u64)> = HashMap::new();
        for op in all() {
            let (spent, count) = groups.entry(threaded_head(op.once())).or_default();
            *spent += self.own.get(&*op.info().name).copied().unwrap_or(0);
            *count += executed[op as usize];
        }
        let average = |op: Op| match groups[&threaded_head(op.once())] {
            (_, 0) => 0.0,
            (spent, count) => spent as f64 / count as f64,
        };
        all().map(average).collect()
    }
}

/// The name of a handler: what its symbol has in front of it, or the path of its module, is none of it. Nor is the
/// level that Callgrind puts behind what it takes for recursion, as jumps from handler to handler are.
fn last(name: &str) -> &str {
    let name = match name.rsplit_once('\'') {
        Some((name, level)) if level.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    };
    let name = name.rsplit("::").next().unwrap_or(name);
    name.strip_prefix("threadle_").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_counts_are_read_and_those_of_calls_are_not() {
        let text = "version: 1\npositions: line\nevents: Ir Dr\n\nob=(1) threadle\nfl=(1) ???\n\
            fn=(1) threadle_nop\n0 5 1\n+3 2 0\ncfn=(2) threadle::exec::handlers::ret\ncalls=3 0\n* 100 7\n\n\
            fn=(2)\n7 11 0\n-3 1 0\n\nfn=(3) threadle_nop'2\n* 1000 2\n\ntotals: 1019 4\n";
        let machine = Machine::parse(text).expect("the format");
        assert_eq!((machine.own["nop"], machine.own["ret"], machine.total), (1007, 12, 1019));
        let both = Machine::parse(&text.replace("positions: line", "positions: instr line"));
        assert_eq!(both.expect("the format").own["nop"], 3);
        assert!(Machine::parse(&text.replace("events: Ir Dr", "events: Dr")).is_none());
        assert!(Machine::parse("something else\n").is_none());
    }

    #[test]
    fn an_ops_instructions_are_shared_among_its_executions() {
        let op = Op::from_u16(1).expect("an op");
        let name = op.info().name.clone();
        let machine = Machine { own: HashMap::from([(name, 30)]), total: 30 };
        let mut executed = vec![0; OP_COUNT];
        executed[op.once() as usize] = 4;
        let averages = machine.averages(&executed);
        assert_eq!(averages[op as usize], 7.5);
    }
}
