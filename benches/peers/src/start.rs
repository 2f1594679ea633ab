//! What it takes until a module has an instance: time and memory, in every mode that an engine has.

use crate::clock::timed;
use crate::engines::Engine;
use crate::job::{Job, Program, Sample};
use crate::machine::Machine;
use crate::num::Result;
use crate::parent::{self, Contestant, Outcome, Plan, median};
use crate::report::{markdown, not_measured};
use crate::wasi::Host;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;

/// Compiles a module as the engine's mode is, and makes an instance; no function of it is called but
/// a start function.
///
/// # Errors
///
/// When the engine does not take the module.
pub fn run<E: Engine>(engine: &E, wasm: &[u8]) -> Result<Sample> {
    let ahead = engine.made_ahead(wasm)?;
    let given = ahead.as_deref().unwrap_or(wasm);
    let (module, compile_ns) = timed(|| engine.compile(given));
    let module = module?;
    let (instance, instantiate_ns) = timed(|| engine.instantiate(&module, Host::default()));
    instance?;
    let compile_ns = if E::INSTANCES_COMPILE { 0 } else { compile_ns };
    Ok(Sample {
        instantiate_ns,
        execute_ns: compile_ns + instantiate_ns,
        iterations: 1,
        result: String::new(),
        // Where something was made ahead, the most was that.
        peak_kib: peak_kib().filter(|_| ahead.is_none()),
    })
}

/// The most memory that this process has had; where the system tells it.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The starts of all modules.
#[derive(Clone, Debug, Serialize)]
pub struct StartReport {
    machine: Machine,
    engines: Vec<String>,
    modules: Vec<Line>,
}

/// The starts of one module.
#[derive(Clone, Debug, Serialize)]
struct Line {
    name: String,
    bytes: u64,
    cells: Vec<Cell>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Cell {
    /// Compiling and instantiating, in milliseconds.
    ms: Option<f64>,
    /// The process's most memory, in MiB.
    peak_mib: Option<f64>,
    failure: Option<String>,
}

impl StartReport {
    /// Starts all modules on all contestants, the smallest module first.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn measure(
        machine: Machine,
        contestants: &[Contestant],
        mut files: Vec<PathBuf>,
        plan: &Plan,
    ) -> Result<StartReport> {
        files.sort();
        files.dedup();
        let mut modules = Vec::new();
        for wasm in files {
            let read =
                fs::metadata(&wasm).map_err(|error| format!("{}: {error}", wasm.display()))?;
            let name = wasm.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            eprintln!("{name}");
            let job = Job { wasm, program: Program::Start };
            let cells = parent::compete(contestants, &job, plan).into_iter().map(cell).collect();
            modules.push(Line { name, bytes: read.len(), cells });
        }
        modules.sort_by_key(|line| line.bytes);
        let engines = contestants.iter().map(|contestant| contestant.label.clone()).collect();
        Ok(StartReport { machine, engines, modules })
    }

    /// The tables, in Markdown.
    pub fn table(&self) -> String {
        let mut text = format!("{}\n{}\n\n", self.machine.line(), self.machine.peers);
        text.push_str("Compiling and instantiating, milliseconds of thread processor time.\n\n");
        text.push_str(&self.one_table(|cell| cell.ms, 2));
        text.push_str("\nThe most memory that the process has had, MiB.\n\n");
        text.push_str(&self.one_table(|cell| cell.peak_mib, 1));
        let failures = self.modules.iter().map(|line| {
            let failures = line.cells.iter().map(|cell| cell.failure.as_deref());
            (line.name.as_ref(), failures)
        });
        text + &not_measured(&self.engines, failures)
    }

    fn one_table(&self, value: impl Fn(&Cell) -> Option<f64>, digits: usize) -> String {
        let mut header = vec!["module".to_owned(), "KB".to_owned()];
        header.extend(self.engines.iter().cloned());
        let mut rows = vec![header];
        for line in &self.modules {
            let mut row = vec![line.name.clone(), format!("{:.0}", line.bytes as f64 / 1000.0)];
            row.extend(line.cells.iter().map(|cell| match value(cell) {
                Some(value) => format!("{value:.digits$}"),
                None => "-".to_owned(),
            }));
            rows.push(row);
        }
        markdown(&rows)
    }
}

fn cell(outcome: Outcome) -> Cell {
    let peaks = outcome.samples.iter().filter_map(|sample| sample.peak_kib).collect();
    Cell {
        ms: outcome.execute_ns().map(|ns| ns / 1e6),
        peak_mib: median_of(peaks).map(|kib| kib / 1024.0),
        failure: outcome.failure,
    }
}

fn median_of(values: Vec<u64>) -> Option<f64> {
    median(values.into_iter().map(|value| value as f64).collect())
}
