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
    /// The known result.
    pub expected: String,
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

/// The kernels of the directory `dir`, which holds `expected.json` and the modules: of each the
/// longest run.
///
/// # Errors
///
/// When a file is missing or is not of the expected form.
pub fn kernels(dir: &Path, group: Group) -> Result<Vec<Workload>> {
    let rows: BTreeMap<String, KernelRow> = read_json(&dir.join("expected.json"))?;
    let mut workloads = Vec::new();
    for (name, row) in rows {
        let Some(run) = row.runs.iter().max_by_key(|run| run.n) else {
            return Err(format!("kernel {name} lists no run"));
        };
        workloads.push(Workload {
            name: format!("{}/{name}", group.prefix()),
            group,
            job: Job { wasm: dir.join(row.wasm), program: Program::Kernel { n: run.n } },
            expected: result_text(&row.result_type, &run.result)?,
            ops: run.ops,
        });
    }
    Ok(workloads)
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
            expected: program_result(chosen.exit, chosen.stdout_bytes, &chosen.stdout_sha256),
            ops: chosen.ops,
        });
    }
    Ok(workloads)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}
