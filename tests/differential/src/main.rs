//! The differential harness: random modules run on Threadle, in both memory modes, and on another
//! engine, and everything that can be observed is compared.
//!
//! ```text
//! cargo run --release -- --seeds 0..10000 --generator stack
//! cargo run --release --features wasmtime -- --oracle wasmtime --generator smith --features gc,simd
//! ```
//!
//! Modules run in a child process, so that a crash or an endless loop is a finding like any other.
//! A module that makes a difference is written out, shrunk, with its listing beside it. Which
//! backend runs is decided when Threadle is built, see its build script.

mod compare;
mod engines;
mod observe;
mod plan;
mod record;
mod rng;
mod shrink;
mod smith;
mod stack;
mod supervise;

use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};

use compare::{Totals, Verdict};

/// Where modules come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Generator {
    /// wasm-smith: any valid module.
    Smith,
    /// Code that is hard on the translator.
    Stack,
}

impl Generator {
    /// The module of a seed; `None` if there is none.
    pub fn module(self, seed: u64, features: &[Feature]) -> Option<Vec<u8>> {
        match self {
            Generator::Smith => smith::generate(seed, features),
            Generator::Stack => Some(stack::generate(seed)),
        }
    }
}

/// A proposal that not every engine has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Feature {
    /// 128-bit vectors.
    Simd,
    /// Vector operations that leave choices; oracles are deterministic where they can be.
    RelaxedSimd,
    /// Exceptions.
    Exceptions,
    /// Garbage-collected objects and typed function references.
    Gc,
    /// Shared memories and atomic accesses.
    Threads,
    /// Pages of other sizes.
    CustomPageSizes,
    /// 128-bit arithmetic.
    WideArithmetic,
}

/// Runs random modules on Threadle and on other engines and compares what can be observed.
#[derive(Clone, Debug, Parser)]
pub struct Args {
    /// Seeds to run, as FROM..TO.
    #[arg(long, default_value = "0..1000", value_parser = seeds)]
    pub seeds: Range<u64>,
    /// Who says what is right.
    #[arg(long, value_enum, default_value = "wasmi")]
    pub oracle: compare::Oracle,
    /// Proposals that wasm-smith may use on top of 2.0, tail calls, several and 64-bit memories:
    /// a comma-separated list.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub features: Vec<Feature>,
    /// The generator.
    #[arg(long, value_enum, default_value = "stack")]
    pub generator: Generator,
    /// Instead of another engine, compare runs that get this much fuel at a time, and go on when it is used
    /// up, with one that gets all at once: a comma-separated list of amounts.
    #[arg(long, value_delimiter = ',')]
    pub slices: Vec<u64>,
    /// Stop after this many minutes even if seeds are left.
    #[arg(long)]
    pub minutes: Option<f64>,
    /// Stop after this many differences.
    #[arg(long, default_value_t = 10)]
    pub max_failures: usize,
    /// Where failing modules go.
    #[arg(long, default_value = "target/differential")]
    pub out: PathBuf,
    /// Write to this file what the oracle saw, in short: for runs of other builds with `--against`.
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// Compare with what was recorded of the same generator, features and seeds, counted from 0. The
    /// oracle is only asked about modules that differ or were not recorded.
    #[arg(long)]
    pub against: Option<PathBuf>,
    /// Write the module of the first seed to this file and stop.
    #[arg(long)]
    pub emit: Option<PathBuf>,
    /// Compare this module, with the arguments of the first seed, and stop.
    #[arg(long)]
    pub check: Option<PathBuf>,
    /// Of a checked module's calls only this one.
    #[arg(long)]
    pub only: Option<usize>,
    /// Shrink this failing module, with the arguments of the first seed, and stop.
    #[arg(long)]
    pub shrink: Option<PathBuf>,
    /// Be the child process.
    #[arg(long, hide = true)]
    pub worker: bool,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let parse = |text: &str| text.parse::<u64>().map_err(|e| format!("{text}: {e}"));
    match text.split_once("..") {
        Some((from, to)) => Ok(parse(from)?..parse(to)?),
        None => parse(text).map(|seed| seed..seed + 1),
    }
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if let Some(path) = &args.emit {
        let wasm = args
            .generator
            .module(args.seeds.start, &args.features)
            .context("no module for this seed")?;
        std::fs::write(path, wasm)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = &args.check {
        return check(&args, path);
    }
    if let Some(path) = &args.shrink {
        let (shrunk, only) = shrink::shrink(&args, path)?;
        let to = path.with_extension("small.wasm");
        std::fs::write(&to, &shrunk)?;
        println!("{} (call {only:?})\n{}", to.display(), wasmprinter::print_bytes(&shrunk)?);
        return Ok(ExitCode::SUCCESS);
    }
    if args.worker {
        work(&args)?;
        return Ok(ExitCode::SUCCESS);
    }
    let failures = supervise::run(&args)?;
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares one module from a file; exit code 1 says that there is a difference.
fn check(args: &Args, path: &std::path::Path) -> Result<ExitCode> {
    let wasm = std::fs::read(path)?;
    let mut plan = plan::plan(&wasm, args.seeds.start)?;
    if let Some(only) = args.only {
        if only >= plan.calls.len() {
            bail!("the plan has {} calls", plan.calls.len());
        }
        plan.calls = vec![plan.calls.swap_remove(only)];
    }
    match compare::bench(args).compare(&wasm, &plan) {
        Verdict::Same(seen) => {
            let mut totals = Totals::default();
            totals.add(&seen);
            println!("same: {}", totals.write());
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Skipped(why) => {
            println!("skipped: {why}");
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Different(text) => {
            println!("different: {text}");
            Ok(ExitCode::from(1))
        }
    }
}

/// The child process: says which seed it is at, what it found, and its totals.
fn work(args: &Args) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut bench = compare::bench(args);
    let record = args.record.as_deref().map(record::Record::create).transpose()?;
    let against = args.against.as_deref().map(record::Record::open).transpose()?;
    let mut totals = Totals::default();
    let start = Instant::now();
    let limit = args.minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0));
    for seed in args.seeds.clone() {
        if limit.is_some_and(|limit| start.elapsed() > limit) {
            break;
        }
        writeln!(out, "seed {seed}")?;
        let Some(wasm) = args.generator.module(seed, &args.features) else {
            totals.skipped += 1;
            continue;
        };
        let plan = plan::plan(&wasm, seed).context("a generated module cannot be read")?;
        let known = against.as_ref().and_then(|against| against.read(seed));
        match bench.compare_known(&wasm, &plan, known) {
            Verdict::Same(seen) => {
                totals.add(&seen);
                if let (Some(record), Some(digest)) = (&record, seen.digest()) {
                    record.write(seed, digest)?;
                }
            }
            Verdict::Skipped(why) => {
                totals.skipped += 1;
                writeln!(out, "skipped {seed} {}", why.replace('\n', " "))?;
            }
            Verdict::Different(text) => {
                totals.modules += 1;
                writeln!(out, "different {seed} {}", text.replace('\n', " "))?;
            }
        }
        if seed % 200 == 199 {
            writeln!(out, "totals {}", totals.write())?;
            totals = Totals::default();
        }
    }
    writeln!(out, "totals {}", totals.write())?;
    writeln!(out, "done {}", bench.modes())?;
    Ok(())
}
