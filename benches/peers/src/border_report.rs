//! The costs at the border of all engines: measuring them and telling them.

use crate::border::Row;
use crate::job::{Job, Program};
use crate::machine::Machine;
use crate::parent::{self, Contestant, Plan};
use crate::report::{markdown, not_measured};
use serde::Serialize;
use std::path::PathBuf;

/// The costs of all rows.
#[derive(Clone, Debug, Serialize)]
pub struct BorderReport {
    /// Where and when.
    pub machine: Machine,
    /// The engines' labels, in the order of the cells.
    pub engines: Vec<String>,
    /// A row for each cost.
    pub rows: Vec<BorderLine>,
}

/// One cost.
#[derive(Clone, Debug, Serialize)]
pub struct BorderLine {
    /// Name of the row.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// A cell for each engine.
    pub cells: Vec<BorderCell>,
}

/// One cost in one engine.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BorderCell {
    /// Processor time of an iteration, the loop included, in nanoseconds.
    pub ns: Option<f64>,
    /// Machine instructions of an iteration, the loop included.
    pub instructions: Option<f64>,
    /// Why something is missing.
    pub failure: Option<String>,
}

impl BorderReport {
    /// Measures `rows` on all contestants; with `callgrind`, machine instructions too.
    pub fn measure(
        machine: Machine,
        contestants: &[Contestant],
        rows: &[Row],
        plan: &Plan,
        callgrind: bool,
    ) -> BorderReport {
        let lines = rows.iter().map(|&row| measure(contestants, row, plan, callgrind)).collect();
        let engines = contestants.iter().map(|contestant| contestant.label.clone()).collect();
        BorderReport { machine, engines, rows: lines }
    }

    /// The tables, in Markdown.
    pub fn table(&self) -> String {
        let mut text = format!("{}\n{}\n\n", self.machine.line(), self.machine.peers);
        text.push_str(
            "Nanoseconds of thread processor time for each iteration, the loop included.\n\n",
        );
        text.push_str(&self.one_table(|cell| {
            cell.ns.map(|ns| if ns < 100.0 { format!("{ns:.1}") } else { format!("{ns:.0}") })
        }));
        if self.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.instructions.is_some()) {
            text.push_str(
                "\nMachine instructions for each iteration, the loop included (callgrind).\n\n",
            );
            text.push_str(
                &self.one_table(|cell| cell.instructions.map(|count| format!("{count:.1}"))),
            );
        }
        let failures = self.rows.iter().map(|row| {
            let failures = row.cells.iter().map(|cell| cell.failure.as_deref());
            (row.name, failures)
        });
        text + &not_measured(&self.engines, failures)
    }

    fn one_table(&self, cell: impl Fn(&BorderCell) -> Option<String>) -> String {
        let mut header = vec!["cost".to_owned()];
        header.extend(self.engines.iter().cloned());
        let mut rows = vec![header];
        for row in &self.rows {
            let mut line = vec![row.title.to_owned()];
            line.extend(
                row.cells.iter().map(|entry| cell(entry).unwrap_or_else(|| "-".to_owned())),
            );
            rows.push(line);
        }
        markdown(&rows)
    }
}

fn measure(contestants: &[Contestant], row: Row, plan: &Plan, callgrind: bool) -> BorderLine {
    eprintln!("{}", row.title());
    let program = Program::Border { row, iterations: None };
    let job = Job { wasm: PathBuf::new(), program };
    let outcomes = parent::compete(contestants, &job, plan);
    let cells = contestants
        .iter()
        .zip(outcomes)
        .map(|(contestant, outcome)| {
            let mut cell = BorderCell {
                ns: outcome.execute_ns(),
                instructions: None,
                failure: outcome.failure,
            };
            if callgrind {
                match parent::instructions(contestant, row) {
                    Ok(count) => cell.instructions = Some(count),
                    Err(reason) => {
                        cell.failure.get_or_insert(format!("callgrind: {reason}"));
                    }
                }
            }
            cell
        })
        .collect();
    BorderLine { name: row.name(), title: row.title(), cells }
}
