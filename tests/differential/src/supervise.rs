//! The parent process: starts children, watches them, and looks after what they find.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;
use threadle::Engine;

use crate::compare::Totals;
use crate::{Args, shrink};

/// How long a module may take.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Runs all seeds and returns the number of differences.
///
/// # Errors
///
/// When the child process cannot be started or files cannot be written.
pub fn run(args: &Args) -> Result<usize> {
    let (dispatch, threading) = (Engine::dispatch_backend(), Engine::threading_form());
    println!(
        "backend {dispatch}, threading {threading}, generator {:?}, seeds {}..{}",
        args.generator, args.seeds.start, args.seeds.end
    );
    let start = Instant::now();
    let mut totals = Totals::default();
    let mut failures = 0;
    let mut next = args.seeds.start;
    while next < args.seeds.end && failures < args.max_failures {
        let left = match args.minutes {
            Some(minutes) => {
                let left = minutes - start.elapsed().as_secs_f64() / 60.0;
                if left <= 0.0 {
                    break;
                }
                Some(left)
            }
            None => None,
        };
        let end = child(args, next, left, &mut totals, &mut failures)?;
        match end {
            End::Done => break,
            End::Failed { seed, how } => {
                failures += 1;
                report(args, seed, &how);
                next = seed + 1;
            }
        }
    }
    println!(
        "backend {dispatch}-{threading}, generator {:?}: {failures} differences; {} in {:.0} s",
        args.generator,
        totals.write(),
        start.elapsed().as_secs_f64()
    );
    Ok(failures)
}

/// How a child ended.
enum End {
    Done,
    /// At a seed: a crash, or taking forever.
    Failed {
        seed: u64,
        how: String,
    },
}

fn child(
    args: &Args,
    from: u64,
    minutes: Option<f64>,
    totals: &mut Totals,
    failures: &mut usize,
) -> Result<End> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("--worker")
        .arg(format!("--seeds={from}..{}", args.seeds.end))
        .args(choices(args))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(minutes) = minutes {
        command.arg(format!("--minutes={minutes}"));
    }
    let mut child = command.spawn().context("start the child process")?;
    let lines = lines(child.stdout.take().context("a pipe")?);
    let mut seed = from;
    let end = loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
                match word {
                    "seed" => seed = rest.parse().unwrap_or(seed),
                    "totals" => totals.read(rest),
                    "skipped" => println!("seed {line}"),
                    "different" => {
                        *failures += 1;
                        let (_, how) = rest.split_once(' ').unwrap_or(("", rest));
                        report(args, seed, how);
                        if *failures >= args.max_failures {
                            child.kill().ok();
                            break End::Done;
                        }
                    }
                    "done" => break End::Done,
                    _ => println!("{line}"),
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                child.kill().ok();
                break End::Failed { seed, how: "does not end".into() };
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait()?;
                return Ok(End::Failed { seed, how: format!("crash: {status}") });
            }
        }
    };
    child.wait()?;
    Ok(end)
}

/// The options that say what is compared with what.
fn choices(args: &Args) -> Vec<String> {
    let name = |it: &dyn std::fmt::Debug| format!("{it:?}").to_lowercase();
    let mut choices = vec![
        format!("--generator={}", name(&args.generator)),
        format!("--oracle={}", name(&args.oracle)),
    ];
    for (option, path) in [("--record", &args.record), ("--against", &args.against)] {
        if let Some(path) = path {
            choices.push(format!("{option}={}", path.display()));
        }
    }
    for slice in &args.slices {
        choices.push(format!("--slices={slice}"));
    }
    for feature in &args.features {
        let feature = feature.to_possible_value().expect("all have names");
        choices.push(format!("--features={}", feature.get_name()));
    }
    choices
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Tells of a difference, writes the module out, and shrinks it.
fn report(args: &Args, seed: u64, how: &str) {
    println!("DIFFERENCE at seed {seed}: {how}");
    if let Err(error) = keep(args, seed) {
        println!("  {error:#}");
    }
}

fn keep(args: &Args, seed: u64) -> Result<()> {
    std::fs::create_dir_all(&args.out)?;
    let name = format!("{:?}-{seed}", args.generator).to_lowercase();
    let path = args.out.join(format!("{name}.wasm"));
    let wasm = args.generator.module(seed, &args.features).context("no module for this seed")?;
    std::fs::write(&path, &wasm)?;
    let args = Args { seeds: seed..seed + 1, ..args.clone() };
    let (small, only) = shrink::shrink(&args, &path)?;
    let to = args.out.join(format!("{name}.small.wasm"));
    std::fs::write(&to, &small)?;
    std::fs::write(to.with_extension("wat"), wasmprinter::print_bytes(&small)?)?;
    println!(
        "  {} ({} bytes, call {only:?}): {}",
        to.display(),
        small.len(),
        verdict(&args, &to, only).1
    );
    Ok(())
}

/// Compares a module in a process of its own: whether it makes a difference, and how.
pub fn verdict(args: &Args, path: &Path, only: Option<usize>) -> (bool, String) {
    let Ok(exe) = std::env::current_exe() else { return (false, String::new()) };
    let mut command = Command::new(exe);
    command
        .arg("--check")
        .arg(path)
        .args(choices(args))
        .arg(format!("--seeds={}", args.seeds.start));
    if let Some(only) = only {
        command.arg(format!("--only={only}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return (false, String::new()) };
    let Some(out) = child.stdout.take() else { return (false, String::new()) };
    let lines = lines(out);
    let text = match lines.recv_timeout(PATIENCE) {
        Ok(line) => line,
        Err(RecvTimeoutError::Timeout) => {
            child.kill().ok();
            "does not end".into()
        }
        Err(RecvTimeoutError::Disconnected) => "crash".into(),
    };
    let Ok(status) = child.wait() else { return (false, text) };
    // Exit code 2 is for bad arguments.
    (!status.success() && status.code() != Some(2), text)
}
