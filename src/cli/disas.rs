//! `threadle disas`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use threadle::error::Printable;
use threadle::index::{DefinedFuncIndex, FuncIndex};
use threadle::isa::{self, Kind, Listing, Op};
use threadle::translate;
use threadle::wasm::{Entity, ModuleInfo};
use threadle::{Engine, Module, Result, bail};
use wasmparser::{BinaryReader, FunctionBody};

use super::assembly::{Assembly, Handler};
use super::operator;
use super::options::EngineOptions;
use super::output::Output;

/// Arguments of `threadle disas`.
#[derive(Args)]
pub struct Disas {
    #[command(flatten)]
    listed: Listed,
}

/// Which functions are listed, and with what.
#[derive(Args)]
pub struct Listed {
    #[command(flatten)]
    engine: EngineOptions,

    /// Only this function, by its name, the name it is exported under, or its index
    #[arg(long, value_name = "NAME")]
    func: Option<String>,

    /// Show what each instruction's handler is in machine code too, as it stands in this file: one of
    /// `src/exec/prebuilt` in the source tree
    #[arg(long, value_name = "ASSEMBLY")]
    asm: Option<PathBuf>,

    /// The module, .wasm or .wat
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

impl Listed {
    /// The module, and those of its functions that are asked for.
    pub fn functions(&self) -> Result<(Module, Vec<DefinedFuncIndex>)> {
        let engine = Engine::new(&self.engine.config(None))?;
        let module = Module::from_file(&engine, &self.file)?;
        let functions = match &self.func {
            Some(name) => vec![find(&module, name)?],
            None => {
                let count = module.code().info().bodies.len() as u32;
                (0..count).map(DefinedFuncIndex).collect()
            }
        };
        Ok((module, functions))
    }

    /// The machine code, if it is asked for.
    pub fn assembly(&self) -> Result<Option<Assembly>> {
        self.asm.as_deref().map(Assembly::read).transpose()
    }
}

/// Width of the column with WebAssembly's operators.
const COLUMN: usize = 44;

impl Disas {
    /// Prints the listings.
    pub fn execute(self) -> Result<ExitCode> {
        let (module, functions) = self.listed.functions()?;
        let assembly = self.listed.assembly()?;
        let mut output = Output::new();
        for func in functions {
            Function::new(&module, func)?.print(assembly.as_ref(), &mut output)?;
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

/// A function, listed.
pub struct Function {
    /// Its index and names.
    pub title: String,
    /// Its operators with their offsets in the module, indented by nesting.
    pub operators: Vec<(usize, String)>,
    /// Its instructions, each with the offset of the operator that it came from. In the order of these.
    pub instructions: Vec<(Listing, Option<u32>)>,
}

impl Function {
    /// Translates a function as the engine of its module would.
    pub fn new(module: &Module, func: DefinedFuncIndex) -> Result<Function> {
        let info = module.code().info();
        let (layout, bytes) = (module.code().layout(), module.code().bytes());
        let options = translate::Options {
            checked_memory: !module.engine().uses_guard_pages(),
            source_map: true,
            ..translate::Options::default()
        };
        let code = translate::translate(info, layout, bytes, func, &options)?;
        let words: Vec<u8> = code.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        let listings = listings(module, &words).into_iter();
        Ok(Function {
            title: title(module, info.func_index(func)),
            operators: operators(info, bytes, func)?,
            instructions: listings
                .map(|it| (code.source(it.offset as u32), it))
                .map(|(source, it)| (it, source))
                .collect(),
        })
    }

    fn print(&self, assembly: Option<&Assembly>, output: &mut Output) -> Result<()> {
        output.line(&self.title)?;
        if let Some(assembly) = assembly {
            let handlers =
                self.instructions.iter().filter_map(|it| assembly.handler(&it.0.op.info().name));
            let (all, machine) =
                (self.instructions.len(), handlers.map(Handler::straight).sum::<usize>());
            output.line(format!("{all} instructions, of {machine} in machine code, each once"))?;
        }
        let mut instructions = self.instructions.iter().peekable();
        for (offset, text) in &self.operators {
            let mut left = format!("{offset:#8x}  {text}");
            // The bytecode that came from this operator. Bytecode is in the order of its operators;
            // what comes from none of them, at the function's start, is listed with the first.
            let mut lines = 0;
            while let Some((instruction, source)) = instructions.peek() {
                if source.is_some_and(|source| source as usize > *offset) {
                    break;
                }
                output.line(format!("{left:<COLUMN$}  {}", right(instruction)))?;
                print_handler(instruction, assembly, output)?;
                instructions.next();
                left.clear();
                lines += 1;
            }
            if lines == 0 {
                output.line(left)?;
            }
        }
        for (instruction, _) in instructions {
            output.line(format!("{:<COLUMN$}  {}", "", right(instruction)))?;
            print_handler(instruction, assembly, output)?;
        }
        output.line("")
    }
}

/// The parts of a fused instruction, and its machine code.
fn print_handler(
    instruction: &Listing,
    assembly: Option<&Assembly>,
    output: &mut Output,
) -> Result<()> {
    let Some(assembly) = assembly else { return Ok(()) };
    let mut line = |text: &str| output.line(format!("{:<COLUMN$}           {text}", ""));
    for part in instruction.op.parts().iter().filter_map(|part| Op::from_u16(*part)) {
        line(&format!("; {}", part.info().effect))?;
    }
    match assembly.handler(&instruction.op.info().name) {
        Some(handler) => {
            line(&format!("; {} machine instructions of {}", handler.straight(), handler.size()))?;
            handler.lines().try_for_each(|text| line(&text.replace('\t', " ")))
        }
        None => line("; compiled with the engine"),
    }
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

/// The instructions of a function's code, of which these are the bytes as translated.
pub fn listings(module: &Module, bytes: &[u8]) -> Vec<Listing> {
    let info = module.code().info();
    isa::disassemble(bytes, &|kind, number| match kind {
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
