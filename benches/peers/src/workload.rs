//! The programs: the project's own kernels and, when there is one, a corpus beside it.

use crate::job::{Job, Program};
use crate::num::{Num, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a workload comes from. Geometric means are taken for each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The kernels in this repository.
    Own,
    /// Kernels of the corpus.
    Kernel,
    /// WASI programs of the corpus.
    Program,
}

impl Group {
    /// All groups, in the order of reports.
    pub const ALL: [Group; 3] = [Group::Own, Group::Kernel, Group::Program];

    /// The prefix of the names of its workloads.
    pub fn prefix(self) -> &'static str {
        match self {
            Group::Own => "own",
            Group::Kernel => "kernel",
            Group::Program => "program",
        }
    }

    /// What it is called in reports.
    pub fn title(self) -> &'static str {
        match self {
            Group::Own => "own kernels",
            Group::Kernel => "corpus kernels",
            Group::Program => "corpus programs",
        }
    }
}

/// One program with its known result.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Prefix of the group, a slash and the program's own name.
    pub name: String,
    /// Where it comes from.
    pub group: Group,
    /// How to run it.
    pub job: Job,
    /// The result, when it is known beforehand; engines are held to each other otherwise.
    pub expected: Option<String>,
    /// Wasm instructions that the run executes, when known.
    pub ops: Option<u64>,
}

#[derive(Deserialize)]
struct KernelRow {
    wasm: PathBuf,
    result_type: String,
    runs: Vec<KernelRun>,
}

#[derive(Deserialize)]
struct KernelRun {
    n: Option<i32>,
    result: serde_json::Value,
    ops: Option<u64>,
    /// Whether this is the run for a look.
    #[serde(default)]
    quick: bool,
}

#[derive(Deserialize)]
struct ProgramRow {
    id: String,
    wasm: PathBuf,
    args: Vec<String>,
    stdin: Option<PathBuf>,
    dir: Option<String>,
    env: BTreeMap<String, String>,
    tier: String,
    exit: i32,
    stdout_bytes: usize,
    stdout_sha256: String,
    ops: Option<u64>,
}

/// A program without a short row takes part in a quick run when it executes at most this many
/// Wasm instructions: about half a second in a fast interpreter.
const QUICK_OPS: u64 = 500_000_000;

/// The text that stands for the result of a WASI program.
pub fn program_result(exit: i32, stdout_bytes: usize, stdout_sha256: &str) -> String {
    format!("exit {exit}, {stdout_bytes} bytes, sha256 {stdout_sha256}")
}

/// The kernels of the directory `dir`, which holds `expected.json` and the modules. With
/// `quick`, each run is made several times shorter.
///
/// # Errors
///
/// When a file is missing or is not of the expected form.
pub fn kernels(dir: &Path, group: Group, quick: bool) -> Result<Vec<Workload>> {
    let rows: BTreeMap<String, KernelRow> = read_json(&dir.join("expected.json"))?;
    let mut workloads = Vec::new();
    for (name, row) in rows {
        let Some(full) = row.runs.iter().max_by_key(|run| run.n) else {
            return Err(format!("kernel {name} lists no run"));
        };
        let short = quick.then(|| row.runs.iter().find(|run| run.quick)).flatten();
        let scaled = if quick { shorter(&row.runs) } else { None };
        let (n, run) = match (short, scaled) {
            (Some(run), _) => (run.n, Some(run)),
            (None, Some(n)) => (Some(n), row.runs.iter().find(|run| run.n == Some(n))),
            (None, None) => (full.n, Some(full)),
        };
        let expected = run.map(|run| result_text(&row.result_type, &run.result)).transpose()?;
        let ops = run.and_then(|run| run.ops);
        workloads.push(Workload {
            name: format!("{}/{name}", group.prefix()),
            group,
            job: Job { wasm: dir.join(row.wasm), program: Program::Kernel { n } },
            expected,
            ops,
        });
    }
    Ok(workloads)
}

/// An argument that makes a kernel about eight times shorter than its longest run, taking the
/// work to grow as a power of `n` through the shortest and the longest run listed.
fn shorter(runs: &[KernelRun]) -> Option<i32> {
    const TIMES: f64 = 8.0;
    let work = |run: &KernelRun| Some((f64::from(run.n?), run.ops? as f64));
    let (low_n, low_ops) = work(runs.iter().min_by_key(|run| run.n)?)?;
    let (high_n, high_ops) = work(runs.iter().max_by_key(|run| run.n)?)?;
    if low_n <= 0.0 || low_n >= high_n || low_ops <= 0.0 || low_ops >= high_ops {
        return None;
    }
    let power = (high_ops / low_ops).ln() / (high_n / low_n).ln();
    let n = high_n * (1.0 / TIMES).powf(1.0 / power);
    Some((n.round() as i32).max(low_n as i32))
}

fn result_text(ty: &str, result: &serde_json::Value) -> Result<String> {
    let text = match result {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(Num::parse(ty, &text)?.to_string())
}

/// The WASI programs of the directory `dir`, which holds `manifest.json` and the modules: the
/// rows meant for timing or, with `quick`, the short rows of the same programs.
///
/// # Errors
///
/// When a file is missing or is not of the expected form.
pub fn programs(dir: &Path, quick: bool) -> Result<Vec<Workload>> {
    let rows: Vec<ProgramRow> = read_json(&dir.join("manifest.json"))?;
    let mut workloads = Vec::new();
    for row in rows.iter().filter(|row| row.tier == "bench") {
        let short = format!("{}-test", row.id);
        let chosen = match rows.iter().find(|other| quick && other.id == short) {
            Some(test) => test,
            None if quick && row.ops.is_none_or(|ops| ops > QUICK_OPS) => continue,
            None => row,
        };
        let args = chosen.args.clone();
        let env = chosen.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        workloads.push(Workload {
            name: format!("{}/{}", Group::Program.prefix(), row.id),
            group: Group::Program,
            job: Job {
                wasm: dir.join(&chosen.wasm),
                program: Program::Wasi {
                    args,
                    env,
                    stdin: chosen.stdin.as_ref().map(|file| dir.join(file)),
                    dir: chosen.dir.is_some(),
                },
            },
            expected: Some(program_result(chosen.exit, chosen.stdout_bytes, &chosen.stdout_sha256)),
            ops: chosen.ops,
        });
    }
    Ok(workloads)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n: i32, ops: u64) -> KernelRun {
        KernelRun { n: Some(n), result: serde_json::Value::Null, ops: Some(ops), quick: false }
    }

    #[test]
    fn a_linear_kernel_shrinks_to_an_eighth() {
        assert_eq!(shorter(&[run(1_000, 10_000), run(800_000, 8_000_000)]), Some(100_000));
    }

    #[test]
    fn a_cubic_kernel_shrinks_to_half_its_side() {
        assert_eq!(shorter(&[run(10, 1_000), run(200, 8_000_000)]), Some(100));
    }

    #[test]
    fn a_kernel_with_one_run_is_not_scaled() {
        assert_eq!(shorter(&[run(10, 1_000)]), None);
    }
}
