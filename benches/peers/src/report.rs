//! What a comparison found, as tables for people and JSON for programs.

use crate::engines::Kind;
use crate::machine::Machine;
use crate::parent::{Contestant, Outcome, geometric_mean};
use crate::workload::{Group, Workload};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A whole comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where and when.
    pub machine: Machine,
    /// Whether the runs were shortened.
    pub quick: bool,
    /// Runs of each engine on each workload; engines far behind get one.
    pub runs: usize,
    /// The engines, in the order of the cells.
    pub engines: Vec<Column>,
    /// A row for each workload.
    pub rows: Vec<Line>,
}

/// An engine in a report.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// Its label.
    pub label: String,
    /// `ours`, `interpreter` or `compiler`.
    pub kind: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// A workload in a report.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The workload's name.
    pub workload: String,
    /// The prefix of its group.
    pub group: &'static str,
    /// Wasm instructions executed, when known.
    pub ops: Option<u64>,
    /// The result that all engines must give.
    pub result: String,
    /// The time of the fastest peer interpreter, in nanoseconds.
    pub best_peer_ns: Option<f64>,
    /// Which one that is.
    pub best_peer: Option<String>,
    /// A cell for each engine.
    pub cells: Vec<Cell>,
}

/// One engine on one workload.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// Median processor time of execution, in nanoseconds.
    pub execute_ns: Option<f64>,
    /// Median processor time of making an instance, in nanoseconds.
    pub instantiate_ns: Option<f64>,
    /// Processor time of compiling, in nanoseconds.
    pub compile_ns: Option<u64>,
    /// The single executions, in nanoseconds.
    pub samples_ns: Vec<u64>,
    /// Speed relative to the fastest peer interpreter; more is better.
    pub speed: Option<f64>,
    /// Why there is no time.
    pub failure: Option<String>,
}

impl Cell {
    /// The shortest execution, in nanoseconds.
    fn fastest_ns(&self) -> Option<f64> {
        self.execute_ns.and(self.samples_ns.iter().min()).map(|shortest| *shortest as f64)
    }
}

impl Report {
    /// An empty report on these engines.
    pub fn new(machine: Machine, quick: bool, runs: usize, contestants: &[Contestant]) -> Report {
        let engines = contestants
            .iter()
            .map(|contestant| Column {
                label: contestant.label.clone(),
                kind: match contestant.known.kind {
                    Kind::Ours => "ours",
                    Kind::Interpreter => "interpreter",
                    Kind::Compiler => "compiler",
                },
                about: contestant.known.about,
            })
            .collect();
        Report { machine, quick, runs, engines, rows: Vec::new() }
    }

    /// Adds what `outcomes`, one for each engine, say about `workload`, after holding their
    /// results against the expected one.
    pub fn add(&mut self, workload: &Workload, mut outcomes: Vec<Outcome>) {
        let truth = &workload.expected;
        for outcome in &mut outcomes {
            if let Some(result) = outcome.result().filter(|result| result != truth) {
                outcome.failure = Some(format!("wrong result: {result} instead of {truth}"));
            }
        }
        let best = self
            .engines
            .iter()
            .zip(&outcomes)
            .filter(|(engine, _)| engine.kind == "interpreter")
            .filter_map(|(engine, outcome)| Some((outcome.execute_ns()?, &engine.label)))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let cells = outcomes
            .iter()
            .map(|outcome| Cell {
                execute_ns: outcome.execute_ns(),
                instantiate_ns: outcome.instantiate_ns(),
                compile_ns: outcome.compile_ns,
                samples_ns: outcome.samples.iter().map(|sample| sample.execute_ns).collect(),
                speed: best.zip(outcome.execute_ns()).map(|((best, _), time)| best / time),
                failure: outcome.failure.clone(),
            })
            .collect();
        self.rows.push(Line {
            workload: workload.name.clone(),
            group: workload.group.prefix(),
            ops: workload.ops,
            result: truth.clone(),
            best_peer_ns: best.map(|(time, _)| time),
            best_peer: best.map(|(_, label)| label.clone()),
            cells,
        });
    }

    /// Whether an engine gave a wrong result somewhere.
    pub fn has_wrong_result(&self) -> bool {
        let failures =
            self.rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.failure.as_ref());
        failures.into_iter().any(|failure| failure.starts_with("wrong result"))
    }

    /// The label of column `index`.
    fn label(&self, index: usize) -> &str {
        self.engines.get(index).map_or("", |engine| engine.label.as_str())
    }

    /// The geometric mean of the speeds in column `index` over the rows of `groups`, with the
    /// number of rows.
    pub fn mean_speed(&self, index: usize, groups: &[Group]) -> Option<(f64, usize)> {
        let speeds: Vec<f64> =
            self.rows_of(groups).filter_map(|row| row.cells.get(index)?.speed).collect();
        let count = speeds.len();
        geometric_mean(speeds).map(|mean| (mean, count))
    }

    fn rows_of<'a>(&'a self, groups: &'a [Group]) -> impl Iterator<Item = &'a Line> + 'a {
        self.rows.iter().filter(|row| groups.iter().any(|group| group.prefix() == row.group))
    }

    /// The table of speeds, in Markdown, with geometric means for each group and the reasons
    /// for what is missing below.
    pub fn table(&self) -> String {
        let mut header = vec!["workload".to_owned(), "best peer, ms".to_owned()];
        header.extend(self.engines.iter().map(|engine| engine.label.clone()));
        let mut rows = vec![header];
        for row in &self.rows {
            let best = match (row.best_peer_ns, &row.best_peer) {
                (Some(time), Some(label)) => format!("{:.1} {label}", time / 1e6),
                _ => "-".to_owned(),
            };
            let mut line = vec![row.workload.clone(), best];
            line.extend(row.cells.iter().map(|cell| match (cell.speed, cell.execute_ns) {
                (Some(speed), _) => format!("{speed:.2}"),
                (None, Some(time)) => format!("{:.1} ms", time / 1e6),
                (None, None) => "-".to_owned(),
            }));
            rows.push(line);
        }
        for (title, groups) in means() {
            let count = self.rows_of(groups).count();
            if count == 0 {
                continue;
            }
            let mut line = vec![format!("**geometric mean, {title}**"), format!("{count} rows")];
            line.extend((0..self.engines.len()).map(
                |index| match self.mean_speed(index, groups) {
                    Some((mean, of)) if of == count => format!("**{mean:.2}**"),
                    Some((mean, of)) => format!("{mean:.2} of {of}"),
                    None => "-".to_owned(),
                },
            ));
            rows.push(line);
        }
        let mut text = format!("{}\n{}\n\n", self.machine.line(), self.machine.peers);
        let shortened = if self.quick { ", shortened programs" } else { "" };
        let _ = writeln!(
            text,
            "Speed relative to the fastest peer interpreter of each workload (more is better), \
             thread processor time of execution alone, median of {} interleaved runs{shortened}.\n",
            self.runs
        );
        text.push_str(&markdown(&rows));
        text.push_str(&self.misses());
        text.push_str(&self.summary());
        text
    }

    /// A line for each engine and reason for a missing time, with the workloads it is missing for.
    fn misses(&self) -> String {
        let mut misses: BTreeMap<(usize, String), Vec<&str>> = BTreeMap::new();
        for row in &self.rows {
            for (index, cell) in row.cells.iter().enumerate() {
                if let Some(reason) = &cell.failure {
                    // Where in a module something is makes no different reason.
                    let reason = reason.split(" (at offset").next().unwrap_or(reason);
                    misses.entry((index, reason.to_owned())).or_default().push(&row.workload);
                }
            }
        }
        let mut text = String::new();
        for ((index, reason), workloads) in &misses {
            let label = self.label(*index);
            let _ = writeln!(text, "- {label}, {reason}: {}", workloads.join(", "));
        }
        under_its_heading(text)
    }

    /// The figures that the project holds itself to, for each build of its own.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (index, _) in
            self.engines.iter().enumerate().filter(|(_, engine)| engine.kind == "ours")
        {
            let label = self.label(index);
            for (title, groups) in means() {
                let Some((mean, count)) = self.mean_speed(index, groups) else {
                    continue;
                };
                let speed = |row: &&Line| row.cells.get(index).and_then(|cell| cell.speed);
                let slowest = self
                    .rows_of(groups)
                    .filter(|row| speed(row).is_some())
                    .min_by(|a, b| speed(a).unwrap_or(0.0).total_cmp(&speed(b).unwrap_or(0.0)));
                let behind = self
                    .rows_of(groups)
                    .filter_map(|row| speed(&row))
                    .filter(|&speed| speed < 1.0)
                    .count();
                let _ = write!(
                    text,
                    "- {label}, {title}: {mean:.2} times the best peer interpreter over {count} rows"
                );
                if let Some(row) = slowest {
                    let _ = write!(
                        text,
                        ", least {:.2} on {}",
                        speed(&row).unwrap_or(0.0),
                        row.workload
                    );
                }
                let _ = writeln!(text, ", {behind} rows below 1.00");
            }
            if let Some((ratio, count)) =
                self.time_over(index, "winch", &[Group::Kernel, Group::Program])
            {
                let _ = writeln!(
                    text,
                    "- {label}, corpus: {ratio:.2} times winch's time over {count} rows"
                );
            }
            let coremark = |name: &str| {
                let row = self.rows.iter().find(|row| row.workload == "kernel/coremark")?;
                let of = self.engines.iter().position(|engine| engine.label == name)?;
                row.cells.get(of)?.execute_ns
            };
            if let (Some(ours), Some(theirs)) = (coremark(label), coremark("sf")) {
                let _ =
                    writeln!(text, "- {label}, CoreMark: {:.2} times sf's score", theirs / ours);
            }
        }
        text.push_str(&self.spread());
        if text.is_empty() { text } else { format!("\nSummary:\n\n{text}") }
    }

    /// How far several builds of ours lie apart, in whole and on the worst workload, by the fastest run
    /// of each: what else happens on a machine only adds, and to a single column.
    fn spread(&self) -> String {
        let ours: Vec<usize> =
            (0..self.engines.len()).filter(|&index| self.engines[index].kind == "ours").collect();
        let mut worst: Option<(f64, &str)> = None;
        let mut times = vec![Vec::new(); ours.len()];
        for row in &self.rows {
            let all: Option<Vec<f64>> =
                ours.iter().map(|&index| row.cells.get(index)?.fastest_ns()).collect();
            let Some(all) = all.filter(|all| all.len() > 1) else { continue };
            let apart = apart(&all);
            if worst.is_none_or(|(most, _)| apart > most) {
                worst = Some((apart, &row.workload));
            }
            for (column, time) in times.iter_mut().zip(all) {
                column.push(time);
            }
        }
        let means: Vec<f64> = times.into_iter().filter_map(geometric_mean).collect();
        match worst {
            Some((most, workload)) => format!(
                "- {} builds of ours: the slowest is {:.1} % behind the fastest in geometric mean, \
                 and {:.1} % on {workload}, where they differ most\n",
                means.len(),
                100.0 * apart(&means),
                100.0 * most
            ),
            None => String::new(),
        }
    }

    /// The geometric mean of the time of column `index` over that of the engine `other`.
    fn time_over(&self, index: usize, other: &str, groups: &[Group]) -> Option<(f64, usize)> {
        let other = self.engines.iter().position(|engine| engine.label == other)?;
        let ratios: Vec<f64> = self
            .rows_of(groups)
            .filter_map(|row| {
                Some(row.cells.get(index)?.execute_ns? / row.cells.get(other)?.execute_ns?)
            })
            .collect();
        let count = ratios.len();
        geometric_mean(ratios).map(|mean| (mean, count))
    }
}

/// How much larger the largest value is than the smallest, as a share of the smallest.
fn apart(values: &[f64]) -> f64 {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    high / low - 1.0
}

/// The groups over which means are taken, with what to call them.
fn means() -> [(&'static str, &'static [Group]); 4] {
    [
        (Group::Own.title(), &[Group::Own]),
        (Group::Kernel.title(), &[Group::Kernel]),
        (Group::Program.title(), &[Group::Program]),
        ("corpus", &[Group::Kernel, Group::Program]),
    ]
}

/// What was not measured, in Markdown: each line has a name, and why an engine failed, if it did.
pub fn not_measured<'a, L>(engines: &[String], lines: impl Iterator<Item = (&'a str, L)>) -> String
where
    L: Iterator<Item = Option<&'a str>>,
{
    let mut text = String::new();
    for (name, failures) in lines {
        for (failure, engine) in failures.zip(engines) {
            if let Some(reason) = failure {
                let _ = writeln!(text, "- {engine} on {name}: {reason}");
            }
        }
    }
    under_its_heading(text)
}

fn under_its_heading(misses: String) -> String {
    if misses.is_empty() { misses } else { format!("\nNot measured:\n\n{misses}") }
}

/// A Markdown table whose columns line up as plain text too; the first row is the header.
pub fn markdown(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
        })
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (column, width) in widths.iter().enumerate() {
            let cell = row.get(column).map_or("", String::as_str);
            let _ = if column == 0 {
                write!(text, "| {cell:<width$} ")
            } else {
                write!(text, "| {cell:>width$} ")
            };
        }
        text.push_str("|\n");
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(*width);
                text.push_str(&if column == 0 {
                    format!("|-{dashes}-")
                } else {
                    format!("|-{dashes}:")
                });
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up() {
        let rows = [vec!["a".into(), "long name".into()], vec!["first".into(), "1".into()]];
        let text = markdown(&rows);
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(text.lines().count(), 3);
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    }
}
