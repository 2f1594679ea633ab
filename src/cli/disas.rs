//! `threadle disas`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use threadle::error::Printable;
use threadle::index::{DefinedFuncIndex, FuncIndex};
use threadle::isa::{self, Kind, Listing};
use threadle::translate::{self, Code};
use threadle::wasm::{Entity, ModuleInfo};
use threadle::{Engine, Module, Result, bail};
use wasmparser::{BinaryReader, FunctionBody};

use super::operator;
use super::options::EngineOptions;
use super::output::Output;

/// Arguments of `threadle disas`.
#[derive(Args)]
pub struct Disas {
    #[command(flatten)]
    engine: EngineOptions,

    /// Only this function, by its name, the name it is exported under, or its index
    #[arg(long, value_name = "NAME")]
    func: Option<String>,

    /// The module, .wasm or .wat
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Width of the column with WebAssembly's operators.
const COLUMN: usize = 44;

impl Disas {
    /// Prints the listings.
    pub fn execute(self) -> Result<ExitCode> {
        let engine = Engine::new(&self.engine.config(None))?;
        let module = Module::from_file(&engine, &self.file)?;
        let info = module.code().info();
        let mut output = Output::new();
        match &self.func {
            Some(name) => {
                let func = find(&module, name)?;
                print(&engine, &module, func, &mut output)?;
            }
            None => {
                for index in 0..info.bodies.len() as u32 {
                    print(&engine, &module, DefinedFuncIndex(index), &mut output)?;
                }
            }
        }
        output.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The defined function that is meant by a name or an index.
fn find(module: &Module, name: &str) -> Result<DefinedFuncIndex> {
    let info = module.code().info();
    let named =
        (0..info.funcs.len() as u32).find(|index| module.function_name(*index) == Some(name));
    let exported = || match info.exports.get(name) {
        Some(Entity::Func(index)) => Some(index.0),
        _ => None,
    };
    let numbered = || name.parse().ok().filter(|index| (*index as usize) < info.funcs.len());
    let Some(index) = named.or_else(exported).or_else(numbered) else {
        bail!("the module has no function `{name}`");
    };
    match index.checked_sub(info.num_imported_funcs) {
        Some(defined) => Ok(DefinedFuncIndex(defined)),
        None => bail!("the function `{name}` is imported and has no code"),
    }
}

fn print(
    engine: &Engine,
    module: &Module,
    func: DefinedFuncIndex,
    output: &mut Output,
) -> Result<()> {
    let info = module.code().info();
    let (layout, bytes) = (module.code().layout(), module.code().bytes());
    let options = translate::Options {
        checked_memory: !engine.uses_guard_pages(),
        source_map: true,
        ..translate::Options::default()
    };
    let code = translate::translate(info, layout, bytes, func, &options)?;
    output.line(title(module, info.func_index(func)))?;

    let mut instructions = listings(module, &code).into_iter().peekable();
    for (offset, text) in operators(info, bytes, func)? {
        let mut left = format!("{offset:#8x}  {text}");
        // The bytecode that came from this operator. Bytecode is in the order of its operators;
        // what comes from none of them, at the function's start, is listed with the first.
        let mut lines = 0;
        while let Some(instruction) = instructions.peek() {
            let source = code.source(instruction.offset as u32);
            if source.is_some_and(|source| source as usize > offset) {
                break;
            }
            output.line(format!("{left:<COLUMN$}  {}", right(instruction)))?;
            instructions.next();
            left.clear();
            lines += 1;
        }
        if lines == 0 {
            output.line(left)?;
        }
    }
    for instruction in instructions {
        output.line(format!("{:<COLUMN$}  {}", "", right(&instruction)))?;
    }
    output.line("")
}

fn right(instruction: &Listing) -> String {
    let text = format!(
        "{:5x}  {} {}",
        instruction.offset,
        instruction.op.info().name,
        instruction.operands
    );
    text.trim_end().to_owned()
}

fn title(module: &Module, index: FuncIndex) -> String {
    let info = module.code().info();
    let mut title = format!("function {}", index.0);
    if let Some(name) = module.function_name(index.0) {
        title.push_str(&format!(" `{}`", Printable(name)));
    }
    for (name, entity) in &info.exports {
        if *entity == Entity::Func(index) {
            title.push_str(&format!(" (export `{}`)", Printable(name)));
        }
    }
    title
}

fn listings(module: &Module, code: &Code) -> Vec<Listing> {
    let info = module.code().info();
    let bytes: Vec<u8> = code.words().iter().flat_map(|word| word.to_le_bytes()).collect();
    isa::disassemble(&bytes, &|kind, number| match kind {
        Kind::Func => {
            let defined = DefinedFuncIndex(u32::try_from(number).ok()?);
            let index = info.func_index(defined).0;
            let name = module.function_name(index).map(|name| Printable(name).to_string());
            Some(name.unwrap_or_else(|| format!("function {index}")))
        }
        Kind::Runtime => isa::runtime::RUNTIME_NAMES
            .get(usize::try_from(number).ok()?)
            .map(|name| (*name).to_owned()),
        _ => None,
    })
}

/// The function's operators with their offsets in the module, indented by nesting.
fn operators(
    info: &ModuleInfo,
    bytes: &[u8],
    func: DefinedFuncIndex,
) -> Result<Vec<(usize, String)>> {
    use wasmparser::Operator as Op;
    let range = info.body(func);
    let reader = BinaryReader::new(&bytes[range.clone()], range.start as u64);
    let mut reader = FunctionBody::new(reader).get_operators_reader()?;
    let mut lines = Vec::new();
    let mut depth = 0_usize;
    while !reader.eof() {
        let offset = reader.original_position() as usize;
        let operator = reader.read()?;
        let outer = matches!(
            operator,
            Op::End | Op::Else | Op::Catch { .. } | Op::CatchAll | Op::Delegate { .. }
        );
        // Deep nesting must not push the text out of its column.
        let indent = depth.saturating_sub(usize::from(outer)).min(8) * 2;
        lines.push((offset, format!("{:indent$}{}", "", operator::show(&operator))));
        match operator {
            Op::Block { .. }
            | Op::Loop { .. }
            | Op::If { .. }
            | Op::Try { .. }
            | Op::TryTable { .. } => depth += 1,
            Op::End | Op::Delegate { .. } => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(lines)
}
