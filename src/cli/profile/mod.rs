//! `threadle profile`.

mod callgrind;
mod exact;
mod firefox;
mod machine;
mod ops;
mod report;
mod sampled;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;

use clap::Args;
use threadle::exec::profile::Watch;
use threadle::{Config, Context, Engine, Result, Store, ensure};

use super::host::Host;
use super::output;
use super::places::Places;
use super::run::{Around, Loaded, Run};
use exact::Exact;
use machine::Machine;
use sampled::{Pace, Sampled};

/// Arguments of `threadle profile`.
#[derive(Args)]
pub struct Profile {
    /// Look where the program is HERTZ times a second, instead of counting every instruction: shares of
    /// processor time, at nearly full speed
    #[arg(long, value_name = "HERTZ", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    sample: Option<u32>,

    /// Look where the program is each time it has used N units of fuel, about as many instructions: the same each
    /// time it does the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["sample", "fuel"])]
    sample_every: Option<u64>,

    /// Write the table of functions and source lines to FILE; without any output it goes to standard error
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,

    /// Write a line per stack, which tools that draw flame graphs read (inferno, flamegraph.pl, speedscope)
    #[arg(long, value_name = "FILE")]
    collapsed: Option<PathBuf>,

    /// Write what KCachegrind and `callgrind_annotate` read
    #[arg(long, value_name = "FILE")]
    callgrind: Option<PathBuf>,

    /// Write what the Firefox Profiler (profiler.firefox.com) reads
    #[arg(long, value_name = "FILE")]
    firefox: Option<PathBuf>,

    /// Count machine instructions: FILE is what `valgrind --tool=callgrind --callgrind-out-file=FILE threadle run` wrote of the
    /// same run
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sample", "sample_every"])]
    valgrind: Option<PathBuf>,

    /// Write how often each op, pair and triple of consecutive ops was dispatched, fused ones as one, and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sample", "sample_every", "table", "collapsed", "callgrind", "firefox", "sites", "valgrind"])]
    ops: Option<PathBuf>,

    /// Write every executed instruction for `threadle fuse`: address, size, op, whether a branch leads to it, count, slots of its parts (written ones with `=`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sample", "sample_every"])]
    sites: Option<PathBuf>,

    #[command(flatten)]
    run: Run,
}

/// Where a profile is written.
struct Files {
    table: Option<PathBuf>,
    collapsed: Option<PathBuf>,
    callgrind: Option<PathBuf>,
    firefox: Option<PathBuf>,
    ops: Option<PathBuf>,
    sites: Option<PathBuf>,
}

impl Profile {
    /// Runs the program and watches, then writes what was seen.
    pub fn execute(self) -> Result<ExitCode> {
        let Profile {
            sample,
            sample_every,
            table,
            collapsed,
            callgrind,
            firefox,
            valgrind,
            ops,
            sites,
            run,
        } = self;
        let files = Files { table, collapsed, callgrind, firefox, ops, sites };
        ensure!(
            Engine::threading_form() == "direct",
            "this build threads code through the table: only direct threading can be profiled"
        );
        match sample.map(Pace::Hertz).or(sample_every.map(Pace::Fuel)) {
            Some(pace) => {
                let sampled = Arc::new(Sampled::new(pace));
                run.execute_with(&mut Sampling { sampled, ticking: None, files })
            }
            None => {
                let exact = Arc::new(Exact::new(files.ops.is_some() || files.sites.is_some()));
                let machine = valgrind.map(|path| Machine::read(&path)).transpose()?;
                run.execute_with(&mut Counting { exact, machine, files })
            }
        }
    }
}

/// A run of which every instruction is counted.
struct Counting {
    exact: Arc<Exact>,
    machine: Option<Machine>,
    files: Files,
}

impl Around for Counting {
    fn configure(&mut self, config: &mut Config) {
        config.observe(Watch(self.exact.clone()), false);
        // So counts do not depend on which instructions this build fuses. What is dispatched does.
        config.unfused_code(self.files.ops.is_none() && self.machine.is_none());
    }

    fn end(&mut self, modules: &[Loaded]) -> Result<()> {
        let Counting { exact, machine, files } = self;
        if let Some(path) = &files.ops {
            write(path, &exact.ops(|ops, _| ops.report()).unwrap_or_default())?;
        }
        if let Some(path) = &files.sites {
            write(path, &exact.ops(|_, codes| ops::sites(codes)).unwrap_or_default())?;
        }
        let recorded = exact.recorded(modules, machine.as_ref());
        if let Some(machine) = machine {
            let elsewhere = machine.total.saturating_sub(recorded.total());
            output::to_stderr(&format!(
                "threadle: {elsewhere} machine instructions of {} are of no function: those of the command, \
                 the translator and the host\n",
                machine.total
            ));
        }
        files.write(&recorded, modules)
    }
}

/// A run that is looked at now and then.
struct Sampling {
    sampled: Arc<Sampled>,
    ticking: Option<JoinHandle<()>>,
    files: Files,
}

impl Around for Sampling {
    fn configure(&mut self, config: &mut Config) {
        config.observe(Watch(self.sampled.clone()), false);
        self.sampled.configure(config);
    }

    fn begin(&mut self, store: &mut Store<Host>) -> Result<()> {
        self.ticking = self.sampled.begin(store)?;
        Ok(())
    }

    fn end(&mut self, modules: &[Loaded]) -> Result<()> {
        let recorded = self.sampled.end(self.ticking.take(), modules);
        self.files.write(&recorded, modules)
    }
}

impl Files {
    fn write(&self, recorded: &tree::Recorded, modules: &[Loaded]) -> Result<()> {
        let mut places = Places::new(modules);
        if let Some(path) = &self.table {
            write(path, &report::table(recorded, &mut places))?;
        }
        if let Some(path) = &self.collapsed {
            write(path, &report::collapsed(recorded, &mut places))?;
        }
        if let Some(path) = &self.callgrind {
            write(path, &callgrind::profile(recorded, &mut places))?;
        }
        if let Some(path) = &self.firefox {
            write(path, &firefox::profile(recorded, &mut places))?;
        }
        let Files { table, collapsed, callgrind, firefox, ops, sites } = self;
        let outputs = [table, collapsed, callgrind, firefox, ops, sites];
        if outputs.iter().all(|path| path.is_none()) {
            output::to_stderr(&report::table(recorded, &mut places));
        }
        Ok(())
    }
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
