//! `threadle wast`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use threadle::wast::{self, Report};
use threadle::{Context, Engine, Result};

use super::options::EngineOptions;
use super::output::Output;

/// Arguments of `threadle wast`.
#[derive(Args)]
pub struct Wast {
    #[command(flatten)]
    engine: EngineOptions,

    /// Give each script in a folder of the official test suite (`wasm-v2`, `simd`, `memory64` ..) the
    /// features that its authors had in mind, instead of all: some scripts assert that a module is
    /// refused which a later version of the language allows
    #[arg(long, conflicts_with = "wasm_features")]
    features_by_folder: bool,

    /// Scripts, and folders in which to look for them. Without an option about features, all are on
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Wast {
    /// Runs the scripts and prints totals per file and for all.
    pub fn execute(self) -> Result<ExitCode> {
        let mut scripts = Vec::new();
        for file in &self.files {
            find(file, true, &mut scripts)?;
        }
        let mut output = Output::new();
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for script in &scripts {
            let report = self.run(script)?;
            let name = script.display();
            for event in &report.failures {
                output.line(format!("{name}:{}: {}", event.line, event.message))?;
            }
            for event in &report.skipped {
                output.line(format!("{name}:{}: skipped: {}", event.line, event.message))?;
            }
            if scripts.len() > 1 {
                let (passed, failed) = (report.passed, report.failures.len());
                let skipped = report.skipped.len();
                output.line(format!("{name}: {}", totals(passed, failed, skipped)))?;
            }
            passed += report.passed;
            failed += report.failures.len();
            skipped += report.skipped.len();
        }
        output.line(totals(passed, failed, skipped))?;
        output.finish()?;
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn run(&self, file: &Path) -> Result<Report> {
        let bytes = std::fs::read(file).with_context(|| cannot_read(file))?;
        let text = String::from_utf8(bytes).with_context(|| cannot_read(file))?;
        let features = if self.engine.chooses_features() {
            None
        } else if self.features_by_folder {
            // Folders are known by name, wherever the command was started.
            let absolute = std::path::absolute(file).with_context(|| cannot_read(file))?;
            Some(wast::features_for(&absolute))
        } else {
            Some(wast::ALL_FEATURES)
        };
        let engine = Engine::new(&self.engine.config(features))?;
        Ok(wast::run(&engine, &text))
    }
}

fn cannot_read(file: &Path) -> String {
    format!("cannot read {}", file.display())
}

fn totals(passed: usize, failed: usize, skipped: usize) -> String {
    match skipped {
        0 => format!("{passed} passed, {failed} failed"),
        _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
    }
}

/// Adds a script, or those below a folder in the order of their names.
fn find(path: &Path, named: bool, scripts: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| cannot_read(path))?;
        let mut entries: Vec<PathBuf> = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()
            .with_context(|| cannot_read(path))?;
        entries.sort_unstable();
        for entry in entries {
            // A link may lead back up.
            if !(entry.is_dir() && entry.is_symlink()) {
                find(&entry, false, scripts)?;
            }
        }
    } else if named || path.extension().is_some_and(|extension| extension == "wast") {
        scripts.push(path.to_owned());
    }
    Ok(())
}
