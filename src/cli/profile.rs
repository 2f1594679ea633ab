//! `threadle profile`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use threadle::exec::profile;
use threadle::isa::{Kind, Op};
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

    /// Write every executed instruction: address, size, op, whether a branch leads to it, count, slots of its parts (written ones with `=`)
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
            "{} {} {} {target} {} {}",
            site.address,
            site.op.size(),
            site.op.info().name,
            site.count,
            slots(site)
        );
    }
    text
}

/// The slots that the parts of an instruction name, written ones with `=` behind: `4=,2;-;3,4`.
fn slots(site: &profile::Site) -> String {
    let mut numbers = site.slots.iter();
    let own = [site.op as u16];
    let parts = if site.op.parts().is_empty() { &own } else { site.op.parts() };
    let part = |part: &u16| {
        let fields = &Op::from_u16(*part).expect("a part").info().fields;
        let slots = fields.iter().filter(|field| field.1.is_slot());
        let slots: Vec<String> = slots
            .zip(numbers.by_ref())
            .map(|(field, slot)| format!("{slot}{}", if field.1 == Kind::Dst { "=" } else { "" }))
            .collect();
        if slots.is_empty() { "-".into() } else { slots.join(",") }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(";")
}
