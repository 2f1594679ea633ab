//! `threadle explore`.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use threadle::index::DefinedFuncIndex;
use threadle::isa::Op;
use threadle::{Context, Module, Result};

use super::assembly::Assembly;
use super::disas::{Function, Listed};
use super::json::quoted;
use super::places::{Line, Places};
use super::run::Loaded;

/// Arguments of `threadle explore`.
#[derive(Args)]
pub struct Explore {
    #[command(flatten)]
    listed: Listed,

    /// Show the texts of source lines whose files are in this folder, by their paths in the debug
    /// information or by their names
    #[arg(long, value_name = "FOLDER")]
    sources: Option<PathBuf>,

    /// The page to write
    #[arg(short, long, value_name = "PAGE", default_value = "explore.html")]
    output: PathBuf,
}

/// The page, with a place for its data.
const PAGE: &str = include_str!("explore.html");

impl Explore {
    /// Writes the page.
    pub fn execute(self) -> Result<ExitCode> {
        let (module, functions) = self.listed.functions()?;
        let assembly = self.listed.assembly()?;
        let loaded = [Loaded { module, file: self.listed.file.clone() }];
        let mut data =
            Data { places: Places::new(&loaded), ops: Ops::default(), lines: Lines::default() };
        let mut texts = Vec::new();
        for func in functions {
            texts.push(data.function(&loaded[0].module, func)?);
        }
        let json = format!(
            "{{\"functions\":[{}],\n\"ops\":[{}],\n\"lines\":[{}]}}",
            texts.join(",\n"),
            data.ops.json(assembly.as_ref()),
            data.lines.json(self.sources.as_deref())
        );
        // Nothing in the data may end the script.
        let page = PAGE.replacen("/*DATA*/", &json.replace('<', "\\u003c"), 1);
        std::fs::write(&self.output, page)
            .with_context(|| format!("cannot write {}", self.output.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

struct Data<'m> {
    places: Places<'m>,
    ops: Ops,
    lines: Lines,
}

impl Data<'_> {
    fn function(&mut self, module: &Module, func: DefinedFuncIndex) -> Result<String> {
        let function = Function::new(module, func)?;
        let mut lines = BTreeSet::new();
        let mut operators = Vec::new();
        for (offset, text) in &function.operators {
            let line = self.places.line(Places::module(module), *offset as u32);
            let line = line.cloned().map(|line| {
                lines.insert(line.clone());
                self.lines.number(line)
            });
            let line = line.map_or("null".into(), |line| line.to_string());
            operators.push(format!("[{offset},{},{line}]", quoted(text)));
        }
        let first = function.operators.first().map_or(0, |it| it.0 as u32);
        let code = function.instructions.iter().map(|(listing, source)| {
            let op = self.ops.number(listing.op);
            let source = source.unwrap_or(first);
            format!("[{},{op},{},{source}]", listing.offset, quoted(&listing.operands))
        });
        let code: Vec<String> = code.collect();
        let lines: Vec<String> =
            lines.into_iter().map(|line| self.lines.number(line).to_string()).collect();
        Ok(format!(
            "{{\"title\":{},\"lines\":[{}],\"operators\":[{}],\"code\":[{}]}}",
            quoted(&function.title),
            lines.join(","),
            operators.join(","),
            code.join(",")
        ))
    }
}

/// The ops that occur, numbered.
#[derive(Default)]
struct Ops {
    all: Vec<Op>,
    numbers: HashMap<u16, usize>,
}

impl Ops {
    fn number(&mut self, op: Op) -> usize {
        *self.numbers.entry(op as u16).or_insert_with(|| {
            self.all.push(op);
            self.all.len() - 1
        })
    }

    fn json(&self, assembly: Option<&Assembly>) -> String {
        let ops = self.all.iter().map(|op| {
            let info = op.info();
            let handler = assembly.and_then(|assembly| assembly.handler(&info.name));
            let effect: Vec<String> = info.effect.split("; ").map(quoted).collect();
            let mut text =
                format!("{{\"name\":{},\"effect\":[{}]", quoted(&info.name), effect.join(","));
            let lines = handler.map(|it| {
                it.lines().map(|line| quoted(&line.replace('\t', " "))).collect::<Vec<_>>()
            });
            let (straight, size) = handler.map_or((0, 0), |it| (it.straight(), it.size()));
            let lines = lines.unwrap_or_default().join(",");
            let _ = write!(text, ",\"straight\":{straight},\"size\":{size},\"lines\":[{lines}]}}");
            text
        });
        ops.collect::<Vec<_>>().join(",\n")
    }
}

/// The source lines that occur, numbered.
#[derive(Default)]
struct Lines {
    all: Vec<Line>,
    numbers: HashMap<Line, usize>,
}

impl Lines {
    fn number(&mut self, line: Line) -> usize {
        *self.numbers.entry(line.clone()).or_insert_with(|| {
            self.all.push(line);
            self.all.len() - 1
        })
    }

    /// With their texts, as far as the files are in a folder: a module may name any file.
    fn json(&self, folder: Option<&Path>) -> String {
        let mut files: HashMap<&str, Vec<String>> = HashMap::new();
        let lines = self.all.iter().map(|Line { file, line }| {
            let texts = files.entry(file).or_insert_with(|| {
                let text = folder.and_then(|folder| source(folder, file)).unwrap_or_default();
                text.lines().map(str::to_owned).collect()
            });
            let at = line.checked_sub(1).and_then(|at| texts.get(at as usize));
            format!("[{},{line},{}]", quoted(file), quoted(at.map_or("", String::as_str)))
        });
        lines.collect::<Vec<_>>().join(",\n")
    }
}

/// The text of a file in `folder` that debug information calls `path`.
fn source(folder: &Path, path: &str) -> Option<String> {
    let inside = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
    let inside: PathBuf = inside.collect();
    let read = |path: &Path| std::fs::read_to_string(folder.join(path)).ok();
    read(&inside).or_else(|| read(Path::new(inside.file_name()?)))
}
