//! `threadle inspect`: what a module has, without running it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use threadle::error::Printable;
use threadle::wasm::validate_all;
use threadle::{Config, Context, Engine, Module, Result, WasmFeatures, wast};
use wasmparser::{Parser, Payload};

use super::options;
use super::output::Output;

/// Arguments of `threadle inspect`.
#[derive(Args)]
pub struct Inspect {
    /// How many of the largest functions to list
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    top: usize,

    /// The module, .wasm or .wat
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// A section: where it starts, how many bytes it has, how many items if it says so, and its name.
struct Section {
    offset: u64,
    size: u64,
    count: Option<u32>,
    name: String,
}

impl Inspect {
    /// Prints what the module has. What can be read of one that is malformed or invalid is printed too,
    /// in front of the error.
    pub fn execute(self) -> Result<ExitCode> {
        let mut config = Config::new();
        config.wasm_features(wast::ALL_FEATURES, true);
        let engine = Engine::new(&config)?;
        let bytes = std::fs::read(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        let module = Module::from_file(&engine, &self.file);
        // Text has sections only in the binary format, which comes of it if it can be read.
        let bytes = match &module {
            Ok(module) => module.code().bytes(),
            Err(_) if bytes.starts_with(b"\0asm") => &bytes[..],
            Err(_) => &[],
        };

        let mut output = Output::new();
        print_sections(bytes, &mut output)?;
        let Ok(module) = &module else {
            output.finish()?;
            return module.map(|_| ExitCode::SUCCESS);
        };
        output.line(format!("\nfeatures beyond 1.0: {}", list(&features(bytes))))?;
        print_items(module, &mut output)?;
        print_functions(module, self.top, &mut output)?;
        output.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// The sections in their order, up to the first that cannot be read.
fn sections(bytes: &[u8]) -> Vec<Section> {
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { break };
        let (name, count) = match &payload {
            Payload::TypeSection(it) => ("type", Some(it.count())),
            Payload::ImportSection(it) => ("import", Some(it.count())),
            Payload::FunctionSection(it) => ("function", Some(it.count())),
            Payload::TableSection(it) => ("table", Some(it.count())),
            Payload::MemorySection(it) => ("memory", Some(it.count())),
            Payload::TagSection(it) => ("tag", Some(it.count())),
            Payload::GlobalSection(it) => ("global", Some(it.count())),
            Payload::ExportSection(it) => ("export", Some(it.count())),
            Payload::StartSection { .. } => ("start", None),
            Payload::ElementSection(it) => ("element", Some(it.count())),
            Payload::DataCountSection { .. } => ("data count", None),
            Payload::CodeSectionStart { count, .. } => ("code", Some(*count)),
            Payload::DataSection(it) => ("data", Some(it.count())),
            Payload::CustomSection(_) => ("custom", None),
            _ => continue,
        };
        let Some((_, range)) = payload.as_section() else { continue };
        let name = match &payload {
            Payload::CustomSection(it) => format!("custom `{}`", Printable(it.name())),
            _ => name.to_owned(),
        };
        sections.push(Section { offset: range.start, size: range.end - range.start, count, name });
    }
    sections
}

fn print_sections(bytes: &[u8], output: &mut Output) -> Result<()> {
    output.line(format!("{} bytes", bytes.len()))?;
    output.line("\n  offset      size   items  section")?;
    for Section { offset, size, count, name } in sections(bytes) {
        let count = count.map_or(String::new(), |count| count.to_string());
        output.line(format!("{offset:#8x} {size:>9} {count:>7}  {name}"))?;
    }
    Ok(())
}

/// The names of the features that the module is not valid without.
fn features(bytes: &[u8]) -> Vec<&'static str> {
    let mut needed = WasmFeatures::WASM1;
    // Each round finds one: the first that validation misses.
    while let Err(error) = validate_all(bytes, needed) {
        let missing = error.missing_wasm_feature().or(match error.message() {
            "multiple memories" => Some(WasmFeatures::MULTI_MEMORY),
            "multiple tables" => Some(WasmFeatures::REFERENCE_TYPES),
            _ => None,
        });
        // Validation does not always know what it misses: then it is what lets it go on for longest.
        let next = missing.filter(|flags| !needed.contains(*flags)).or_else(|| {
            let others = options::feature_flags().filter(|flags| !needed.contains(*flags));
            let reach = |flags: WasmFeatures| match validate_all(bytes, needed | flags) {
                Ok(_) => u64::MAX,
                Err(error) => error.offset(),
            };
            let farthest = others.map(|flags| (reach(flags), flags)).max_by_key(|it| it.0);
            farthest.filter(|it| it.0 > error.offset()).map(|it| it.1)
        });
        match next {
            Some(flags) => needed |= flags,
            None => break,
        }
    }
    options::feature_names(needed.difference(WasmFeatures::WASM1))
}

fn print_items(module: &Module, output: &mut Output) -> Result<()> {
    output.line(format!("\nimports: {}", module.imports().len()))?;
    for import in module.imports() {
        let (from, name) = (Printable(import.module()), Printable(import.name()));
        output.line(format!("  {from}::{name}: {}", import.ty()))?;
    }
    output.line(format!("\nexports: {}", module.exports().len()))?;
    for export in module.exports() {
        output.line(format!("  {}: {}", Printable(export.name()), export.ty()))?;
    }
    Ok(())
}

fn print_functions(module: &Module, top: usize, output: &mut Output) -> Result<()> {
    let info = module.code().info();
    let imported = info.num_imported_funcs;
    let mut sizes: Vec<(usize, u32)> =
        info.bodies.iter().map(|body| body.len()).zip(imported..).collect();
    let total: usize = sizes.iter().map(|it| it.0).sum();
    let count = sizes.len();
    output.line(format!("\nfunctions: {count} with {total} bytes of code, {imported} imported"))?;
    // The first of equals first, so that the list is the same each time.
    sizes.sort_unstable_by_key(|(size, index)| (std::cmp::Reverse(*size), *index));
    for (size, index) in sizes.into_iter().take(top) {
        let name = match module.function_name(index) {
            Some(name) => Printable(name).to_string(),
            None => format!("function {index}"),
        };
        output.line(format!("  {size:>9}  {name}"))?;
    }
    Ok(())
}
