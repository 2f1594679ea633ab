//! Handlers that were compiled in advance: reading and rendering of `src/exec/prebuilt/*.s`.
//!
//! Each handler is a leaf that refers to nothing but constants and a few continuations, so its
//! assembly is position-independent text. `asm-check prebuild` compiles all of them from the op
//! table and the bodies in `exec/families`, and keeps that text; a build that finds it fresh assembles
//! it in place of compiling the bodies anew, which takes seconds instead of minutes, gives every
//! profile of an embedder the handlers that asm-check has proved, and leaves the tail calls to
//! nobody's optimiser.
//!
//! The file is assembly with three conventions: `{name}` stands for a Rust function or static, a
//! constant is named by its bytes (`.Lk_` and hexadecimal digits), and `name = other` says that two
//! ops have one handler. Labels in a handler are numbers.
//!
//! Compiled into the build script and into asm-check; nothing of it is in the library.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What a constant's label begins with; its bytes follow.
pub const CONSTANT: &str = ".Lk_";

/// What the symbols of handlers begin with.
const SYMBOL: &str = "threadle_";

/// The label of the table of handlers.
const HERE: &str = ".Lthreadle_handlers";

/// Everything that the machine code of a handler is made from, relative to the package: bodies, meanings,
/// rows, and the layout of what handlers reach.
const SOURCES: [&str; 14] = [
    "src/exec/abi.rs",
    "src/exec/barrier.rs",
    "src/exec/dispatch/sibling.rs",
    "src/exec/families",
    "src/exec/float.rs",
    "src/exec/handlers.rs",
    "src/exec/mod.rs",
    "src/exec/operand.rs",
    "src/exec/step.rs",
    "src/exec/words.rs",
    "src/isa",
    "src/sem",
    "src/trap.rs",
    "src/vm",
];

/// A file of prebuilt handlers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Prebuilt {
    /// [`fingerprint`] of the sources they were compiled from.
    pub fingerprint: u64,
    /// By name of the op: its assembly, a line each.
    pub bodies: BTreeMap<String, String>,
    /// Ops whose handler is that of another op.
    pub aliases: BTreeMap<String, String>,
}

impl Prebuilt {
    /// Reads the text that [`Prebuilt::to_text`] writes.
    ///
    /// # Errors
    /// The line that is not of this format.
    pub fn parse(text: &str) -> Result<Prebuilt, String> {
        let mut prebuilt = Prebuilt::default();
        let mut body: Option<&mut String> = None;
        for (number, line) in text.lines().enumerate() {
            let bad = || format!("line {}: {line:?}", number + 1);
            if let Some(value) = line.strip_prefix("# fingerprint ") {
                prebuilt.fingerprint = u64::from_str_radix(value, 16).map_err(|_| bad())?;
            } else if line.starts_with('#') || line.is_empty() {
            } else if line.starts_with(|c: char| c == '\t' || c.is_ascii_digit()) {
                let body = body.as_mut().ok_or_else(bad)?;
                body.push_str(line);
                body.push('\n');
            } else if let Some(name) = line.strip_suffix(':') {
                body = Some(prebuilt.bodies.entry(name.into()).or_default());
            } else if let Some((name, other)) = line.split_once(" = ") {
                prebuilt.aliases.insert(name.into(), other.into());
            } else {
                return Err(bad());
            }
        }
        Ok(prebuilt)
    }

    /// The file's text, below a comment of several lines.
    pub fn to_text(&self, comment: &str) -> String {
        let mut text = String::new();
        for line in comment.lines() {
            let _ = writeln!(text, "# {line}");
        }
        let _ = writeln!(text, "# fingerprint {:016x}", self.fingerprint);
        for (name, body) in &self.bodies {
            let _ = write!(text, "{name}:\n{body}");
        }
        for (name, other) in &self.aliases {
            let _ = writeln!(text, "{name} = {other}");
        }
        text
    }

    /// The op whose assembly an op's handler is, if there is any.
    pub fn body_of<'a>(&'a self, op: &'a str) -> Option<(&'a str, &'a str)> {
        let name = self.aliases.get(op).map_or(op, String::as_str);
        Some((name, self.bodies.get(name)?))
    }

    /// Input for the assembler: the handlers of `order`, and a table that leads to the handlers of `ops`,
    /// in which `{name}` stands for one that is compiled. Its entries are distances from its start: an
    /// eighth of what addresses and their relocations take. Returns it with the name of the table and all
    /// names in braces.
    pub fn assembly(&self, ops: &[&str], order: &[usize]) -> (String, String, BTreeSet<String>) {
        let mut text = String::from("\t.section\t.text.threadle_handlers,\"ax\",@progbits\n");
        // One unwind entry for all: none of them moves the stack pointer.
        text += "\t.p2align\t4\n\t.cfi_startproc\n";
        let mut done = BTreeSet::new();
        let mut constants = BTreeSet::new();
        for &op in order {
            let Some((name, body)) = self.body_of(ops[op]) else { continue };
            if !done.insert(name) {
                continue;
            }
            let symbol = format!("{SYMBOL}{name}");
            let _ = write!(
                text,
                "\t.p2align\t4\n\t.type\t{symbol},@function\n{symbol}:\n{body}\t.size\t{symbol},.-{symbol}\n"
            );
            constants.extend(words(body).filter_map(|word| word.strip_prefix(CONSTANT)));
        }
        text += "\t.cfi_endproc\n";
        for size in [4_usize, 8, 16] {
            let _ = writeln!(
                text,
                "\t.section\t.rodata.cst{size},\"aM\",@progbits,{size}\n\t.p2align\t{}",
                size.ilog2()
            );
            for digits in constants.iter().filter(|digits| digits.len() == 2 * size) {
                let bytes: Vec<String> = (0..digits.len() / 2)
                    .map(|i| format!("0x{}", &digits[2 * i..2 * i + 2]))
                    .collect();
                let _ = writeln!(text, "{CONSTANT}{digits}:\n\t.byte\t{}", bytes.join(","));
            }
        }
        let mut table = String::new();
        for op in ops {
            match self.body_of(op) {
                Some((name, _)) => {
                    let _ = writeln!(table, "\t.long\t{SYMBOL}{name}-{HERE}");
                }
                None => {
                    let _ = writeln!(table, "\t.long\t{{{op}}}-{HERE}");
                }
            }
        }
        // Its own name for each content: two versions of the crate may be linked into one program.
        let name = format!("{SYMBOL}handlers_{:016x}", fnv(&[&text, &table]));
        let _ = write!(
            text,
            "\t.section\t.rodata.threadle_handlers,\"a\",@progbits\n\t.p2align\t2\n\
             \t.globl\t{name}\n\t.hidden\t{name}\n\t.type\t{name},@object\n{name}:\n{HERE}:\n{table}\
             \t.size\t{name},.-{name}\n\t.text\n"
        );
        let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        let names = names.map(|(name, _)| name.to_string()).collect();
        (text, name, names)
    }
}

/// The words of assembly: what symbols and labels can be.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$')))
        .filter(|word| !word.is_empty())
}

/// A number for the state of everything in [`SOURCES`] but comments, blank lines and tests.
///
/// # Errors
/// That a file cannot be read.
pub fn fingerprint(package: &Path) -> io::Result<u64> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&package.join(source), &mut files)?;
    }
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        let lines = text.lines().map(str::trim);
        texts.extend(
            lines.filter(|line| !line.is_empty() && !line.starts_with("//")).map(str::to_owned),
        );
    }
    Ok(fnv(&texts))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if path.is_dir() && !path.ends_with("tests") || is_source {
            collect(&path, files)?;
        }
    }
    Ok(())
}

/// FNV-1a.
fn fnv(texts: &[impl AsRef<str>]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.as_ref().bytes().chain([b'\n']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
