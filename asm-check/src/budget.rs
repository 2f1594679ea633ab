//! Budgets: how many instructions the hot path of each op may take and how many bytes all
//! handlers may, in one checked-in file per architecture, backend and threading.
//!
//! ```text
//! # comment
//! bytes 61234
//! i32_add_rs 5
//! ```

use std::collections::BTreeMap;

use crate::Failure;
use crate::report::FunctionReport;

/// One file of budgets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of all handlers.
    pub bytes: u64,
    /// Instructions on the hot path, by name.
    pub rows: BTreeMap<String, usize>,
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
        for function in functions.iter().filter(|f| !f.opcodes.is_empty()) {
            budget.bytes += function.bytes;
            for name in std::iter::once(&function.name).chain(&function.aliases) {
                budget.rows.insert(name.clone(), function.hot_longest);
            }
        }
        budget
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
             # Written by `cargo run -p asm-check -- --bless`; growth is a decision, so look at the diff.\n\
             bytes {}\n",
            self.bytes
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
                None => verdict.problems.push(format!("{name}: budget: has none yet; `--bless` adds it ({count})")),
                Some(&budget) if count > budget => verdict.problems.push(format!(
                    "{name}: budget: the hot path takes {count} instructions, {budget} are allowed; see `show {name}`"
                )),
                Some(&budget) if count < budget => verdict.slack.push(format!("{name} {budget} -> {count}")),
                Some(_) => {}
            }
        }
        for name in self.rows.keys().filter(|name| !now.rows.contains_key(*name)) {
            verdict
                .problems
                .push(format!("{name}: budget: there is no such op any more; `--bless` drops it"));
        }
        if now.bytes > self.bytes {
            verdict.problems.push(format!(
                "all handlers: budget: {} bytes of code, {} are allowed",
                now.bytes, self.bytes
            ));
        } else if now.bytes < self.bytes {
            verdict.slack.push(format!("bytes {} -> {}", self.bytes, now.bytes));
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
        }
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
