//! `threadle profile`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use threadle::exec::profile;
use threadle::{Context, Engine, Result, ensure};

use super::run::Run;

/// Rows of each table of `--ops`.
const ROWS: usize = 200;

/// Arguments of `threadle profile`.
#[derive(Args)]
pub struct Profile {
    /// Write how often each op, pair and triple of consecutive ops was dispatched
    #[arg(long, value_name = "FILE")]
    ops: Option<PathBuf>,

    /// Write every executed instruction: address, size, op, whether a branch leads to it, count
    #[arg(long, value_name = "FILE")]
    sites: Option<PathBuf>,

    #[command(flatten)]
    run: Run,
}

impl Profile {
    /// Runs the program with every dispatch counted, then writes the counts.
    pub fn execute(self) -> Result<ExitCode> {
        ensure!(
            Engine::threading_form() == "direct",
            "this build threads code through the table: only direct threading can be counted"
        );
        profile::enable();
        let result = self.run.execute();
        if let Some(file) = &self.ops {
            write(file, &ops())?;
        }
        if let Some(file) = &self.sites {
            write(file, &sites())?;
        }
        result
    }
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn ops() -> String {
    let mut text = String::new();
    for (title, rows) in ["ops", "pairs", "triples"].into_iter().zip(profile::report()) {
        let total: u64 = rows.iter().map(|row| row.1).sum();
        let _ = writeln!(text, "{title}: {total} dispatches");
        for (name, count) in rows.iter().take(ROWS) {
            let share = *count as f64 * 100.0 / total.max(1) as f64;
            let _ = writeln!(text, "{share:6.2} % {count:>12}  {name}");
        }
        text.push('\n');
    }
    text
}

fn sites() -> String {
    let mut text = String::new();
    for site in profile::sites().iter().filter(|site| site.count > 0) {
        let target = u8::from(site.is_target);
        let _ = writeln!(
            text,
            "{} {} {} {target} {}",
            site.address,
            site.op.size(),
            site.op.info().name,
            site.count
        );
    }
    text
}
