//! Builds in the profiles to check.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::{fs, thread};

use crate::Failure;

/// One set of build options; the profile of the workspace decides what is not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `opt-level`.
    pub opt_level: Option<String>,
    /// `codegen-units`.
    pub codegen_units: Option<u32>,
    /// `lto`.
    pub lto: Option<String>,
    /// `THREADLE_DISPATCH`.
    pub backend: Option<String>,
    /// `THREADLE_THREADING`.
    pub threading: Option<String>,
    /// `THREADLE_FUSED`: `off` leaves fused ops out.
    pub fused: Option<String>,
    /// What to build for, if not for the machine that builds.
    pub target: Option<String>,
}

impl Config {
    /// Whether this is the release build as users get it, which budgets and goldens are for;
    /// targets, backends and threading forms have budgets of their own.
    pub fn is_plain(&self) -> bool {
        self.opt_level.is_none()
            && self.codegen_units.is_none()
            && self.lto.is_none()
            && self.fused.is_none()
    }

    /// The options as words, for reports and for the `where` of exceptions.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.opt_level.as_ref().map(|level| format!("opt-{level}")));
        words.extend(self.codegen_units.map(|units| format!("cgu-{units}")));
        words.extend(self.lto.as_ref().map(|lto| format!("lto-{lto}")));
        words.extend(self.fused.as_ref().map(|fused| format!("fused-{fused}")));
        words
    }

    /// Whether the build needs the nightly toolchain.
    pub fn needs_nightly(&self) -> bool {
        self.backend.as_deref() == Some("become")
    }
}

/// Where and what to build.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The directory of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Where to put the builds.
    pub target_dir: PathBuf,
    /// Where `cargo build --release` puts what is the same build as [`Config::default`].
    pub plain_dir: PathBuf,
    /// The toolchain for the `become` backend.
    pub nightly: String,
}

impl Workspace {
    /// Whether the toolchain for `become` is installed.
    pub fn has_nightly(&self) -> bool {
        Command::new("rustc")
            .arg("--version")
            .env("RUSTUP_TOOLCHAIN", &self.nightly)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            // Without rustup the variable means nothing and the stable compiler answers.
            .is_ok_and(|out| {
                out.status.success() && String::from_utf8_lossy(&out.stdout).contains("nightly")
            })
    }

    /// Builds all of `configs`, `jobs` at a time, and hands each executable's path and contents to
    /// `each`, in the order of `configs`. One codegen unit keeps one processor busy, so two jobs take
    /// little more than half the time of one.
    ///
    /// # Errors
    /// As [`Workspace::build`], [`Failure::Unreadable`], and whatever `each` fails with. The first
    /// failure ends it.
    pub fn build_all(
        &self,
        configs: &[Config],
        jobs: usize,
        mut each: impl FnMut(&Config, &Path, &[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for job in 0..jobs.clamp(1, configs.len().max(1)) {
                let (sender, next) = (sender.clone(), &next);
                let mut workspace = self.clone();
                // A directory of its own: cargo locks it, and the next build overwrites the executable.
                if job > 0 {
                    workspace.target_dir.push(format!("job-{job}"));
                }
                scope.spawn(move || {
                    while let index = next.fetch_add(1, Ordering::Relaxed)
                        && let Some(config) = configs.get(index)
                    {
                        let built = workspace.build(config).and_then(|path| {
                            let bytes = fs::read(&path);
                            let bytes = bytes.map_err(|error| {
                                Failure::Unreadable(format!("{}: {error}", path.display()))
                            })?;
                            Ok((path, bytes))
                        });
                        if sender.send((index, built)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut waiting = BTreeMap::new();
            let mut turn = 0;
            for (index, built) in receiver {
                waiting.insert(index, built);
                while let Some(built) = waiting.remove(&turn) {
                    let done = built.and_then(|(path, bytes)| each(&configs[turn], &path, &bytes));
                    if done.is_err() {
                        next.store(configs.len(), Ordering::Relaxed);
                        return done;
                    }
                    turn += 1;
                }
            }
            Ok(())
        })
    }

    /// Builds the `threadle` command, or for other than the plain profile the smallest program with
    /// the engine in it, and returns the path of the executable.
    ///
    /// # Errors
    /// [`Failure::Build`] where cargo cannot be run or reports errors.
    pub fn build(&self, config: &Config) -> Result<PathBuf, Failure> {
        let mut command = Command::new("cargo");
        command
            .args(["build", "--release", "--message-format", "json-render-diagnostics"])
            .arg("--manifest-path");
        if config.is_plain() {
            command.arg(self.root.join("Cargo.toml")).args(["--bin=threadle", "--features=cli"]);
        } else {
            // All handlers, and none of the command's many dependencies.
            command.arg(self.root.join("asm-check/embedder/Cargo.toml"));
            // What this compiler makes of them in this profile, which is what users get on systems
            // for which none are prebuilt.
            command.env("THREADLE_PREBUILT", "off");
        }
        command
            .arg("--target-dir")
            .arg(if *config == Config::default() { &self.plain_dir } else { &self.target_dir })
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if config.needs_nightly() {
            command.env("RUSTUP_TOOLCHAIN", &self.nightly);
        }
        if let Some(target) = &config.target {
            command.args(["--target", target]);
        }
        // Where all handlers are compiled, one of the profile's few units would have most of them.
        let all = config.is_plain() && *config != Config::default();
        let units = config.codegen_units.or(all.then_some(16)).map(|units| units.to_string());
        for (name, value) in [
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", config.opt_level.as_deref()),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", units.as_deref()),
            ("CARGO_PROFILE_RELEASE_LTO", config.lto.as_deref()),
            ("THREADLE_DISPATCH", config.backend.as_deref()),
            ("THREADLE_THREADING", config.threading.as_deref()),
            ("THREADLE_FUSED", config.fused.as_deref()),
        ] {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        run(command)?.ok_or_else(|| Failure::Build("cargo named no executable".to_string()))
    }

    /// Compiles the library of the plain build with all handlers from their bodies, and returns the
    /// directory with the assembly of its codegen units.
    ///
    /// # Errors
    /// [`Failure::Build`] where cargo cannot be run or reports errors.
    pub fn build_assembly(&self) -> Result<PathBuf, Failure> {
        // A directory without the assembly of earlier builds.
        let target_dir = self.target_dir.join("prebuild");
        for directory in ["release/deps", "release/.fingerprint"] {
            for entry in fs::read_dir(target_dir.join(directory)).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with("threadle") {
                    let path = entry.path();
                    let _ = if path.is_dir() {
                        fs::remove_dir_all(path)
                    } else {
                        fs::remove_file(path)
                    };
                }
            }
        }
        let mut command = Command::new("cargo");
        command
            .args(["rustc", "--release", "--lib", "--message-format", "json-render-diagnostics"])
            .arg("--manifest-path")
            .arg(self.root.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target_dir)
            // Names as the reader of the assembly knows them.
            .args(["--", "--emit=asm", "-Csymbol-mangling-version=v0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .env("THREADLE_PREBUILT", "off")
            // With the few units of the profile, which are right where no handler is compiled, most of them
            // would be in one.
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            // Incremental builds are split, and so inlined, in another way.
            .env("CARGO_INCREMENTAL", "0");
        for name in ["THREADLE_DISPATCH", "THREADLE_THREADING", "THREADLE_FUSED"] {
            command.env_remove(name);
        }
        run(command)?;
        Ok(target_dir.join("release/deps"))
    }
}

/// Runs cargo and returns the last executable that it names, if there is one.
fn run(mut command: Command) -> Result<Option<PathBuf>, Failure> {
    // What `cargo run` left in the environment must not steer the build.
    for name in ["CARGO", "RUSTC", "RUSTDOC", "CARGO_BUILD_TARGET_DIR", "CARGO_TARGET_DIR"] {
        command.env_remove(name);
    }
    let mut child =
        command.spawn().map_err(|e| Failure::Build(format!("cannot run cargo: {e}")))?;
    let mut executable = None;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Ok(message) = serde_json::from_str::<serde_json::Value>(&line) else {
                continue;
            };
            if let Some(path) = message["executable"].as_str() {
                executable = Some(Path::new(path).to_path_buf());
            }
        }
    }
    let status = child.wait().map_err(|e| Failure::Build(format!("cargo: {e}")))?;
    if !status.success() {
        return Err(Failure::Build(format!("cargo ended with {status}")));
    }
    Ok(executable)
}
