//! Budgets: how many instructions the hot path of each op may take and how many bytes all
//! handlers may, in one checked-in file per architecture, backend and threading.
//!
//! ```text
//! # comment
//! bytes 61234
//! fused-bytes 70
//! i32_add_rs 5
//! ```
//!
//! Fused ops are chosen from profiles time and again, so they have no rows of their own: each may
//! take as many instructions as its parts' budgets together, less one for each seam (what a
//! dispatch saves), and `fused-bytes` bounds their mean size. Only those that take more have a row.

use std::collections::BTreeMap;

use crate::ops::unfused_name;

use crate::Failure;
use crate::report::FunctionReport;

/// What joins the names of parts in that of a fused op.
pub const SEAM: &str = "__";

/// One file of budgets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the handlers of all ops that are not fused.
    pub bytes: u64,
    /// Mean bytes of a fused op's handler, rounded up; 0 if there are none.
    pub fused_bytes: u64,
    /// Instructions on the hot path, by name; of fused ops only those that take more than their
    /// parts.
    pub rows: BTreeMap<String, usize>,
    /// Fused ops, for messages: how many take no more than their parts.
    pub fused_within: usize,
}

/// What comparing a binary with its budget gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Budgets exceeded, and names that have none or that no longer exist.
    pub problems: Vec<String>,
    /// Budgets that could be tightened.
    pub slack: Vec<String>,
}

impl Budget {
    /// What the functions of a binary cost now.
    pub fn measure(functions: &[FunctionReport]) -> Budget {
        let mut budget = Budget::default();
        let mut fused = Vec::new();
        let mut fused_bytes = Vec::new();
        for function in functions.iter().filter(|f| !f.opcodes.is_empty()) {
            let names = || std::iter::once(&function.name).chain(&function.aliases);
            if names().all(|name| name.contains(SEAM)) {
                fused_bytes.push(function.bytes);
            } else {
                budget.bytes += function.bytes;
            }
            for name in names() {
                if name.contains(SEAM) {
                    fused.push((name.clone(), function.hot_longest));
                } else {
                    budget.rows.insert(name.clone(), function.hot_longest);
                }
            }
        }
        budget.fused_bytes =
            fused_bytes.iter().sum::<u64>().div_ceil(fused_bytes.len().max(1) as u64);
        for (name, count) in fused {
            if budget.of_parts(&name).is_some_and(|allowed| count <= allowed) {
                budget.fused_within += 1;
            } else {
                budget.rows.insert(name, count);
            }
        }
        budget
    }

    /// What a fused op may take: its parts' instructions, less one for each seam.
    fn of_parts(&self, name: &str) -> Option<usize> {
        let parts: Option<Vec<usize>> =
            name.split(SEAM).map(|part| self.rows.get(&unfused_name(part)).copied()).collect();
        parts.map(|parts| parts.iter().sum::<usize>() + 1 - parts.len())
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// [`Failure::Input`] for a line that is not a name and a number, or that comes twice.
    pub fn parse(text: &str) -> Result<Budget, Failure> {
        let mut budget = Budget::default();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let bad =
                || Failure::Input(format!("budgets, line {}: expected `name number`", index + 1));
            let (name, count) = line.split_once(' ').ok_or_else(bad)?;
            if name == "bytes" {
                budget.bytes = count.trim().parse().map_err(|_| bad())?;
            } else if name == "fused-bytes" {
                budget.fused_bytes = count.trim().parse().map_err(|_| bad())?;
            } else if budget
                .rows
                .insert(name.to_string(), count.trim().parse().map_err(|_| bad())?)
                .is_some()
            {
                return Err(Failure::Input(format!(
                    "budgets, line {}: {name} comes twice",
                    index + 1
                )));
            }
        }
        Ok(budget)
    }

    /// The file's text.
    pub fn to_text(&self, label: &str) -> String {
        let mut out = format!(
            "# {label}: instructions on the longest hot path of each op, in the plain release build.\n\
             # Fused ops have a row only where they take more than their parts.\n\
             # Written by `cargo run -p asm-check -- --bless`; growth is a decision, so look at the diff.\n\
             bytes {}\nfused-bytes {}\n",
            self.bytes, self.fused_bytes
        );
        for (name, count) in &self.rows {
            out += &format!("{name} {count}\n");
        }
        out
    }

    /// Compares what a binary costs `now` with this budget.
    pub fn compare(&self, now: &Budget) -> Verdict {
        let mut verdict = Verdict::default();
        for (name, &count) in &now.rows {
            match self.rows.get(name) {
                None if name.contains(SEAM) => verdict.problems.push(format!(
                    "{name}: budget: the hot path takes {count} instructions, its parts {} with dispatches saved; \
                     see `show {name}`, and leave it unfused or `--bless`",
                    now.of_parts(name).map_or("unknown".to_string(), |n| n.to_string())
                )),
                None => verdict.problems.push(format!("{name}: budget: has none yet; `--bless` adds it ({count})")),
                Some(&budget) if count > budget => verdict.problems.push(format!(
                    "{name}: budget: the hot path takes {count} instructions, {budget} are allowed; see `show {name}`"
                )),
                Some(&budget) if count < budget => verdict.slack.push(format!("{name} {budget} -> {count}")),
                Some(_) => {}
            }
        }
        for name in self.rows.keys().filter(|name| !now.rows.contains_key(*name)) {
            if name.contains(SEAM) {
                verdict.slack.push(format!("{name} needs no row"));
            } else {
                verdict.problems.push(format!(
                    "{name}: budget: there is no such op any more; `--bless` drops it"
                ));
            }
        }
        for (what, key, before, after) in [
            ("all handlers that are not fused", "bytes", self.bytes, now.bytes),
            ("fused ops, on average", "fused-bytes", self.fused_bytes, now.fused_bytes),
        ] {
            if after > before {
                verdict
                    .problems
                    .push(format!("{what}: budget: {after} bytes of code, {before} are allowed"));
            } else if after < before {
                verdict.slack.push(format!("{key} {before} -> {after}"));
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(bytes: u64, rows: &[(&str, usize)]) -> Budget {
        Budget {
            bytes,
            rows: rows.iter().map(|&(name, count)| (name.to_string(), count)).collect(),
            ..Budget::default()
        }
    }

    fn function(name: &str, bytes: u64, hot: usize) -> FunctionReport {
        FunctionReport {
            name: name.into(),
            aliases: vec![],
            kind: "handler".into(),
            opcodes: vec![0],
            family: String::new(),
            effect: String::new(),
            stream_bytes: 8,
            address: 0,
            bytes,
            instructions: hot,
            hot_longest: hot,
            hot_shortest: hot,
            loops: false,
            exits: vec![],
        }
    }

    #[test]
    fn a_fused_op_needs_a_row_only_if_it_takes_more_than_its_parts() {
        let parts = [function("a", 20, 6), function("b", 20, 5)];
        let with = |hot| {
            let mut all = parts.to_vec();
            all.extend([function("a__b", 30, hot), function("b__a", 41, 8)]);
            Budget::measure(&all)
        };
        let good = with(10);
        assert_eq!((good.bytes, good.fused_bytes, good.fused_within), (40, 36, 2));
        assert_eq!(good.rows.len(), 2);
        let bad = with(11);
        assert_eq!(bad.rows["a__b"], 11);
        let verdict = good.compare(&bad);
        assert!(
            verdict.problems[0]
                .starts_with("a__b: budget: the hot path takes 11 instructions, its parts 10"),
            "{verdict:?}"
        );
        // Gone again, it asks for nothing but to be forgotten.
        assert!(bad.compare(&good).problems.is_empty());
        assert_eq!(bad.compare(&good).slack, ["a__b needs no row"]);
    }

    #[test]
    fn text_form_round_trips() {
        let one = budget(99, &[("a", 3), ("b", 12)]);
        assert_eq!(Budget::parse(&one.to_text("x")).unwrap(), one);
        assert!(Budget::parse("a 3\na 4\n").is_err());
        assert!(Budget::parse("a\n").is_err());
    }

    #[test]
    fn growth_fails_and_names_the_op() {
        let verdict = budget(10, &[("a", 3)]).compare(&budget(10, &[("a", 4)]));
        assert!(
            verdict.problems[0]
                .starts_with("a: budget: the hot path takes 4 instructions, 3 are allowed")
        );
        assert!(verdict.slack.is_empty());
    }

    #[test]
    fn more_bytes_fail() {
        let verdict = budget(10, &[]).compare(&budget(11, &[]));
        assert_eq!(verdict.problems.len(), 1);
    }

    #[test]
    fn shrinking_is_slack_and_no_problem() {
        let verdict = budget(10, &[("a", 3)]).compare(&budget(9, &[("a", 2)]));
        assert_eq!(
            verdict,
            Verdict { problems: vec![], slack: vec!["a 3 -> 2".into(), "bytes 10 -> 9".into()] }
        );
    }

    #[test]
    fn new_and_vanished_ops_fail() {
        let verdict = budget(0, &[("old", 1)]).compare(&budget(0, &[("new", 1)]));
        assert_eq!(verdict.problems.len(), 2);
    }
}
