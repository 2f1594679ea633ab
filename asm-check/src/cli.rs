//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::builds::{Config, Workspace};

/// Proves that every handler of a Threadle binary is a leaf that tail-calls the next one.
///
/// Exit codes: 0 all is well; 1 something is wrong with the code; 2 bad arguments or files;
/// 3 the binary cannot be checked; 4 a build failed.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without one, build and check everything.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Builds to check.
    #[command(flatten)]
    pub matrix: Matrix,
    /// Write the budgets and golden listings of the plain builds as they are now.
    #[arg(long)]
    pub bless: bool,
    /// What to use and how to print.
    #[command(flatten)]
    pub common: Common,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// How to print.
    #[arg(long, value_enum, default_value = "text", global = true)]
    pub format: Format,
    /// The workspace of Threadle, for builds and checked-in files.
    #[arg(long, value_name = "DIR", global = true)]
    pub root: Option<PathBuf>,
    /// An op table to use in place of the linked one, as `asm-check ops` prints it.
    #[arg(long, value_name = "FILE", global = true)]
    pub ops: Option<PathBuf>,
    /// Exceptions to use in place of the checked-in ones.
    #[arg(long, value_name = "FILE", global = true)]
    pub exceptions: Option<PathBuf>,
    /// Where to put builds; `asm-check` within the target directory by default.
    #[arg(long, value_name = "DIR", global = true)]
    pub target_dir: Option<PathBuf>,
    /// The toolchain for the `become` backend.
    #[arg(long, value_name = "NAME", default_value = "nightly", global = true)]
    pub nightly: String,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For scripts; see docs/asm-check.md.
    Json,
}

/// Builds: every combination of the values given.
#[derive(Debug, Clone, Default, Args)]
pub struct Matrix {
    /// Optimisation levels, such as 2,3,s.
    #[arg(long, value_delimiter = ',')]
    pub opt_level: Vec<String>,
    /// Numbers of codegen units, such as 1,16.
    #[arg(long, value_delimiter = ',')]
    pub codegen_units: Vec<u32>,
    /// Link-time optimisation: off, thin, fat.
    #[arg(long, value_delimiter = ',')]
    pub lto: Vec<String>,
    /// Backends: sibling, become.
    #[arg(long, value_delimiter = ',')]
    pub backend: Vec<String>,
    /// Threading: direct, table.
    #[arg(long, value_delimiter = ',')]
    pub threading: Vec<String>,
    /// Fused ops: off leaves them out, which halves the build time.
    #[arg(long, value_delimiter = ',')]
    pub fused: Vec<String>,
    /// What to build for, if not for this machine, such as aarch64-unknown-linux-gnu. Cargo has to be told
    /// the linker, by CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER for example.
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// Everything that must pass: the plain builds of both backends, and optimisation levels 2, 3
    /// and s with 1 and 16 codegen units, without and with fat LTO, of both. Options given as well
    /// narrow it down.
    #[arg(long)]
    pub all: bool,
    /// Leave out builds whose toolchain is not installed, with a note.
    #[arg(long)]
    pub skip_missing_toolchain: bool,
    /// Builds at a time.
    #[arg(long, default_value_t = 1)]
    pub jobs: usize,
}

impl Matrix {
    /// Every combination.
    pub fn configs(&self) -> Vec<Config> {
        if !self.all {
            return self.combinations();
        }
        let or = |given: &[String], all: &[&str]| {
            if given.is_empty() {
                all.iter().map(ToString::to_string).collect()
            } else {
                given.to_vec()
            }
        };
        // The backend that needs nothing but the plain compiler goes by no name, so that its plain
        // build is the one that `cargo build --release` makes.
        let mut backends = vec![vec![]];
        if self.backend.is_empty() {
            backends.push(vec!["become".to_string()]);
        } else {
            backends = vec![self.backend.clone()];
        }
        let mut configs = Vec::new();
        for backend in backends {
            let plain = Matrix { backend, all: false, ..self.clone() };
            configs.extend(plain.combinations());
            let whole = Matrix {
                opt_level: or(&self.opt_level, &["2", "3", "s"]),
                codegen_units: match &self.codegen_units[..] {
                    [] => vec![1, 16],
                    given => given.to_vec(),
                },
                lto: or(&self.lto, &["off", "fat"]),
                ..plain
            };
            configs.extend(whole.combinations());
        }
        configs.dedup();
        configs
    }

    fn combinations(&self) -> Vec<Config> {
        fn choices<T: Clone>(values: &[T]) -> Vec<Option<T>> {
            if values.is_empty() { vec![None] } else { values.iter().cloned().map(Some).collect() }
        }
        let mut configs = Vec::new();
        for backend in choices(&self.backend) {
            for threading in choices(&self.threading) {
                for opt_level in choices(&self.opt_level) {
                    for codegen_units in choices(&self.codegen_units) {
                        for lto in choices(&self.lto) {
                            for fused in choices(&self.fused) {
                                configs.push(Config {
                                    opt_level: opt_level.clone(),
                                    codegen_units,
                                    lto: lto.clone(),
                                    backend: backend.clone(),
                                    threading: threading.clone(),
                                    fused,
                                    target: self.target.clone(),
                                });
                            }
                        }
                    }
                }
            }
        }
        configs
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a binary that is built already, such as your own.
    Verify {
        /// The linked executable or shared object.
        binary: PathBuf,
    },
    /// Print one op: its row, what it does, its assembly and what it costs.
    Show {
        /// The op's name, or that of the trampoline, an exit, the entry or a cold continuation.
        op: String,
        /// The binary; a plain release build by default.
        binary: Option<PathBuf>,
    },
    /// Print all functions with their costs.
    List {
        /// The binary; a plain release build by default.
        binary: Option<PathBuf>,
        /// The order.
        #[arg(long, value_enum, default_value = "name")]
        sort: Sort,
    },
    /// Compile all handlers anew and write them to src/exec/prebuilt, from where builds take them.
    Prebuild {
        /// Write nothing: exit code 1 if the file is not what the sources give.
        #[arg(long)]
        check: bool,
    },
    /// Compare two builds. Exit code 1 if a hot path grew or a rule is newly broken.
    Diff {
        /// A binary, or what `list --format json` printed for one.
        base: PathBuf,
        /// Likewise; a plain release build by default.
        new: Option<PathBuf>,
    },
    /// Compare the listings of the sentinel functions with the checked-in ones.
    Golden {
        /// The binary; a plain release build by default.
        binary: Option<PathBuf>,
        /// Write them as they are now.
        #[arg(long)]
        bless: bool,
    },
    /// Print the op table in the form that --ops reads.
    Ops,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Most expensive hot path first.
    Cost,
    /// Most bytes first.
    Size,
    /// By name.
    Name,
}

impl Common {
    /// The directory of Threadle's workspace: given, or where this checker was built from.
    pub fn root(&self) -> PathBuf {
        let built_from = || {
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
        };
        self.root.clone().unwrap_or_else(built_from)
    }

    /// The workspace to build in.
    pub fn workspace(&self) -> Workspace {
        let root = self.root();
        let common =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let (target_dir, plain_dir) = match &self.target_dir {
            Some(dir) => (dir.clone(), dir.clone()),
            None => (common.join("asm-check"), common),
        };
        Workspace { root, target_dir, plain_dir, nightly: self.nightly.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_matrix_has_both_backends_in_every_profile() {
        let all = Matrix { all: true, ..Matrix::default() }.configs();
        assert_eq!(all.len(), 2 * (1 + 3 * 2 * 2));
        assert_eq!(all.iter().filter(|c| c.is_plain()).count(), 2);
        assert_eq!(all[0], Config::default());
        assert!(all.iter().any(|c| c.needs_nightly()
            && c.opt_level.as_deref() == Some("s")
            && c.codegen_units == Some(1)
            && c.lto.as_deref() == Some("fat")));
    }

    #[test]
    fn a_target_is_that_of_every_build() {
        let target = Some("aarch64-unknown-linux-gnu".to_string());
        let all = Matrix { all: true, target: target.clone(), ..Matrix::default() }.configs();
        assert_eq!(all.len(), 2 * (1 + 3 * 2 * 2));
        assert!(all.iter().all(|c| c.target == target));
        assert!(all[0].is_plain());
    }

    #[test]
    fn options_narrow_the_whole_matrix_down() {
        let matrix = Matrix {
            all: true,
            backend: vec!["sibling".into()],
            lto: vec!["off".into()],
            ..Matrix::default()
        };
        assert!(matrix.configs().iter().all(|c| c.backend.as_deref() == Some("sibling")
            && c.lto.as_deref() != Some("fat")));
    }
}
