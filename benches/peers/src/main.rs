//! Compares Threadle with other WebAssembly engines.
//!
//! `compare` runs the same programs on all of them, checks that all give the same results, and
//! tells each engine's speed relative to the fastest peer interpreter of each program. `border`
//! tells what calls across the border between Wasm and its host cost. Every engine runs in
//! child processes of its own, so none can disturb or end the others.

mod border;
mod border_report;
mod chart;
mod child;
mod clock;
mod engines;
mod job;
mod machine;
mod num;
mod parent;
mod report;
mod start;
mod wasi;
mod workload;

use clap::{Args, Parser, Subcommand};
use engines::{KNOWN, Known};
use machine::Machine;
use num::Result;
use parent::{Contestant, Plan};
use report::Report;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use workload::{Group, Workload};

#[derive(Parser)]
#[command(about = "Compares Threadle with other WebAssembly engines")]
struct Cli {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Mode {
    /// Run programs and compare speeds (the default)
    Compare,
    /// Measure the costs of calls across the border between Wasm and host
    Border,
    /// Measure what it takes, in time and memory, until a module has an instance
    Start,
    /// Run one engine for a parent process
    #[command(hide = true)]
    Child {
        #[arg(long)]
        engine: String,
        #[arg(long)]
        below_valgrind: bool,
    },
}

#[derive(Args)]
struct Options {
    /// Engines to run, separated by commas; all that are built in otherwise
    #[arg(long, global = true, value_delimiter = ',')]
    engines: Vec<String>,
    /// Another build of this harness to take an engine from, as ENGINE[@LABEL]=FILE
    #[arg(long, global = true, value_name = "ENGINE[@LABEL]=FILE")]
    exe: Vec<String>,
    /// Only workloads, or border rows, whose names contain one of these, separated by commas
    #[arg(long, global = true, value_delimiter = ',')]
    filter: Vec<String>,
    /// Runs of each engine on each workload [default: 5, or 3 with --quick]
    #[arg(long, global = true)]
    runs: Option<usize>,
    /// Shorten the programs, whose full sizes take an hour
    #[arg(long, global = true)]
    quick: bool,
    /// Directory of the corpus [default: $THREADLE_CORPUS, or shared/corpus beside the workspace]
    #[arg(long, global = true, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Longest time for compiling or for one run, in seconds
    #[arg(long, global = true, default_value_t = 600)]
    timeout: u64,
    /// An interpreter slower than the fastest peer by this factor is run only once
    #[arg(long, global = true, default_value_t = 2.5)]
    give_up: f64,
    /// Start and compile anew for every run: where memory happens to lie then differs from run to run
    #[arg(long, global = true)]
    fresh: bool,
    /// Count machine instructions below callgrind too (border only)
    #[arg(long, global = true)]
    callgrind: bool,
    /// Write all numbers to this file as JSON
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the speeds into this file as SVG (compare only)
    #[arg(long, global = true, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// List engines and workloads, and end
    #[arg(long, global = true)]
    list: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.mode.unwrap_or(Mode::Compare) {
        Mode::Child { engine, below_valgrind } => {
            child::main(&engine, below_valgrind).map(|()| true)
        }
        Mode::Compare => compare(&cli.options),
        Mode::Border => border(&cli.options).map(|()| true),
        Mode::Start => start(&cli.options).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("error: an engine gave a wrong result, see above");
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the comparison; false when some engine gave a wrong result.
fn compare(options: &Options) -> Result<bool> {
    let contestants = contestants(options, false)?;
    let workloads: Vec<Workload> = workloads(options)?
        .into_iter()
        .filter(|workload| matches(&options.filter, &workload.name))
        .collect();
    if options.list {
        list(&contestants, workloads.iter().map(|workload| workload.name.as_str()));
        return Ok(true);
    }
    if workloads.is_empty() {
        return Err("no workload matches the filter".to_owned());
    }
    let plan = plan(options);
    let mut report = Report::new(Machine::here(), options.quick, plan.runs, &contestants);
    machine::stay_on_one_processor();
    for (index, workload) in workloads.iter().enumerate() {
        eprintln!("{}/{} {}", index + 1, workloads.len(), workload.name);
        report.add(workload, parent::compete(&contestants, &workload.job, &plan));
        // Written after each workload, so that a run cut short keeps what it has.
        write_json(options, &report)?;
    }
    print!("{}", report.table());
    if let Some(path) = &options.svg {
        write(path, &chart::draw(&report))?;
    }
    Ok(!report.has_wrong_result())
}

fn border(options: &Options) -> Result<()> {
    let contestants = contestants(options, false)?;
    let rows: Vec<border::Row> =
        border::Row::ALL.into_iter().filter(|row| matches(&options.filter, row.name())).collect();
    if options.list {
        list(&contestants, rows.iter().map(|row| row.name()));
        return Ok(());
    }
    if rows.is_empty() {
        return Err("no row matches the filter".to_owned());
    }
    let machine = Machine::here();
    machine::stay_on_one_processor();
    let report = border_report::BorderReport::measure(
        machine,
        &contestants,
        &rows,
        // Each run lasts only milliseconds, so no engine is sent home early.
        &Plan { give_up: f64::INFINITY, ..plan(options) },
        options.callgrind,
    );
    print!("{}", report.table());
    write_json(options, &report)
}

fn start(options: &Options) -> Result<()> {
    let contestants = contestants(options, true)?;
    let mut modules: Vec<PathBuf> =
        workloads(options)?.into_iter().map(|workload| workload.job.wasm).collect();
    modules.retain(|module| matches(&options.filter, &module.to_string_lossy()));
    if options.list {
        list(&contestants, modules.iter().filter_map(|module| module.to_str()));
        return Ok(());
    }
    if modules.is_empty() {
        return Err("no module matches the filter".to_owned());
    }
    let machine = Machine::here();
    machine::stay_on_one_processor();
    // A process of its own for each start, and none is sent home: the modes differ by hundreds.
    let plan = Plan { give_up: f64::INFINITY, fresh: true, ..plan(options) };
    let report = start::StartReport::measure(machine, &contestants, modules, &plan)?;
    print!("{}", report.table());
    write_json(options, &report)
}

fn plan(options: &Options) -> Plan {
    Plan {
        runs: options.runs.unwrap_or(if options.quick { 3 } else { 5 }).max(1),
        timeout: Duration::from_secs(options.timeout),
        give_up: options.give_up,
        fresh: options.fresh,
    }
}

/// The engines asked for with `--engines` and `--exe`, or all that are built in.
fn contestants(options: &Options, starting: bool) -> Result<Vec<Contestant>> {
    let here = env::current_exe().map_err(|error| error.to_string())?;
    let mut contestants = Vec::new();
    let built_in: Vec<&'static Known> = if options.engines.is_empty() {
        KNOWN.iter().filter(|engine| engine.built_in && (starting || !engine.only_starts)).collect()
    } else {
        options.engines.iter().map(|name| engines::known(name)).collect::<Result<_>>()?
    };
    for known in built_in {
        let label = known.name.to_owned();
        contestants.push(Contestant { label, known, executable: here.clone() });
    }
    for text in &options.exe {
        let (label, file) =
            text.split_once('=').ok_or_else(|| format!("'{text}' is not ENGINE[@LABEL]=FILE"))?;
        let known = engines::known(label.split('@').next().unwrap_or(label))?;
        let executable = fs::canonicalize(file).map_err(|error| format!("{file}: {error}"))?;
        contestants.retain(|other| other.label != label);
        contestants.push(Contestant { label: label.to_owned(), known, executable });
    }
    let order = |known: &Known| KNOWN.iter().position(|other| other.name == known.name);
    contestants.sort_by_key(|contestant| order(contestant.known));
    Ok(contestants)
}

/// The project's own kernels, and the corpus when there is one.
fn workloads(options: &Options) -> Result<Vec<Workload>> {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let own = benches.join("kernels");
    let mut workloads = workload::kernels(&own, Group::Own)?;
    let asked =
        options.corpus.clone().or_else(|| env::var_os("THREADLE_CORPUS").map(PathBuf::from));
    let must_exist = asked.is_some();
    let corpus = asked.unwrap_or_else(|| benches.join("../../shared/corpus"));
    if must_exist || corpus.is_dir() {
        workloads.extend(workload::kernels(&corpus.join("kernels"), Group::Kernel)?);
        workloads.extend(workload::programs(&corpus.join("wasi"), options.quick)?);
    } else {
        eprintln!(
            "there is no corpus at {}: running the project's own kernels only",
            corpus.display()
        );
    }
    Ok(workloads)
}

fn matches(filter: &[String], name: &str) -> bool {
    filter.is_empty() || filter.iter().any(|part| name.contains(part.as_str()))
}

fn list<'a>(contestants: &[Contestant], names: impl Iterator<Item = &'a str>) {
    println!("engines:");
    for engine in KNOWN {
        let state = if engine.built_in { "" } else { " (not in this build)" };
        println!("  {:<10} {}{state}", engine.name, engine.about);
    }
    let labels: BTreeMap<&str, &Path> = contestants
        .iter()
        .map(|contestant| (contestant.label.as_str(), contestant.executable.as_path()))
        .collect();
    println!("chosen:");
    for (label, executable) in labels {
        println!("  {label:<10} {}", executable.display());
    }
    println!("workloads:");
    for name in names {
        println!("  {name}");
    }
}

fn write_json(options: &Options, report: &impl serde::Serialize) -> Result<()> {
    let Some(path) = &options.json else {
        return Ok(());
    };
    let mut text = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    text.push('\n');
    write(path, &text)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
