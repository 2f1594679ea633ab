//! `threadle trace`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use threadle::exec::profile::{Observed, Observer, Seen, Watch};
use threadle::isa::{HEAD, Kind, Listing, Op};
use threadle::types::ValType;
use threadle::{Config, Context, Engine, Result, Trap, ensure};

use super::frames::{Arrival, Frames, Leads};
use super::json::quoted;
use super::places::Places;
use super::run::{Around, Loaded, Run};

/// Arguments of `threadle trace`.
#[derive(Args)]
pub struct Trace {
    /// Print calls with their arguments and returns with their results, instead of instructions
    #[arg(long)]
    calls: bool,

    /// Only functions with this name or index; can be given several times
    #[arg(long, value_name = "NAME")]
    func: Vec<String>,

    /// Stop printing after so many lines; the program goes on
    #[arg(long, value_name = "LINES", default_value_t = 10_000)]
    limit: u64,

    /// Print a JSON object on each line
    #[arg(long)]
    json: bool,

    /// Write to FILE instead of standard error
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    run: Run,
}

impl Trace {
    /// Runs the program and prints what it does.
    pub fn execute(self) -> Result<ExitCode> {
        ensure!(
            Engine::threading_form() == "direct",
            "this build threads code through the table: only direct threading can be traced"
        );
        let out: Box<dyn Write + Send> = match &self.output {
            Some(path) => {
                let file = File::create(path);
                Box::new(file.with_context(|| format!("cannot write {}", path.display()))?)
            }
            None => Box::new(io::stderr()),
        };
        let tracing = Arc::new(Tracing(Mutex::new(State {
            calls: self.calls,
            only: self.func,
            left: self.limit,
            json: self.json,
            out: BufWriter::new(out),
            failure: None,
            modules: Vec::new(),
            codes: HashMap::new(),
            stacks: HashMap::new(),
            pending: None,
            leads: Leads::all(),
        })));
        self.run.execute_with(&mut Tracer(tracing))
    }
}

struct Tracer(Arc<Tracing>);

impl Around for Tracer {
    fn configure(&mut self, config: &mut Config) {
        // Every value is in a slot or in the accumulator then, and no instruction does the work of several.
        config.observe(Watch(self.0.clone()), true);
    }

    fn loaded(&mut self, loaded: &Loaded) {
        self.0.state(|state| state.modules.push(loaded.clone()));
    }

    fn end(&mut self, _: &[Loaded]) -> Result<()> {
        self.0.state(|state| {
            if let Some(pending) = state.pending.take() {
                state.print(&pending.line);
            }
            let flushed = state.out.flush();
            match state.failure.take() {
                Some(failure) => Err(failure.into()),
                None => Ok(flushed?),
            }
        })
    }
}

/// A line that is printed: a text, and named values.
#[derive(Default)]
struct Line {
    event: &'static str,
    depth: usize,
    function: String,
    /// A byte offset in the module.
    offset: u32,
    text: String,
    /// What is read, or given.
    before: Vec<(String, String)>,
    /// What is written, or returned.
    after: Vec<(String, String)>,
}

/// An instruction whose results are not there yet.
struct Pending {
    store: usize,
    line: Line,
    /// The slot that it writes, if it writes one.
    written: Option<(usize, isize)>,
    ty: ValType,
    /// Whether its result is in the accumulator.
    sets_acc: bool,
}

/// The code of a function, with what is printed of it.
struct Code {
    observed: Arc<Observed>,
    number: u32,
    name: String,
    is_wanted: bool,
    params: Vec<ValType>,
    results: Vec<ValType>,
    listings: HashMap<usize, Listing>,
}

struct State {
    calls: bool,
    only: Vec<String>,
    left: u64,
    json: bool,
    out: BufWriter<Box<dyn Write + Send>>,
    failure: Option<io::Error>,
    modules: Vec<Loaded>,
    codes: HashMap<usize, Arc<Code>>,
    stacks: HashMap<usize, Frames<()>>,
    pending: Option<Pending>,
    leads: Vec<Leads>,
}

/// The observer.
struct Tracing(Mutex<State>);

impl Tracing {
    fn state<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Tracing {
    fn step(&self, seen: &Seen<'_>) -> Result<(), Trap> {
        self.state(|state| state.step(seen));
        Ok(())
    }
}

impl State {
    fn step(&mut self, seen: &Seen<'_>) {
        if let Some(pending) = self.pending.take_if(|it| it.store == seen.store()) {
            self.finish(pending, seen);
        }
        if self.left == 0 {
            return;
        }
        let code = self.code(seen.code);
        let leads = self.leads[seen.op as usize];
        let place = (seen.frame(), code.number, seen.offset as u32);
        let frames = self.stacks.entry(seen.store()).or_insert_with(Frames::new);
        let arrival = frames.arrive(place, leads);
        if arrival == Arrival::New {
            frames.enter(place, ());
        }
        let depth = frames.depth() - 1;
        if !code.is_wanted {
            return;
        }
        let offset = self.offset(&code, seen.offset);
        let line = Line { depth, function: code.name.clone(), offset, ..Line::default() };
        if self.calls {
            // A function that had begun before it was seen has no arguments any more.
            if arrival == Arrival::New && seen.offset == code.observed.entry as usize {
                let before = code.values(seen, &code.params);
                self.print(&Line { event: "call", before, ..line });
            } else if leads == Leads::Back {
                let line = self.line_of_return(&code, seen);
                let line = Line { event: "return", depth, after: line, ..Line::default() };
                self.print(&Line { function: code.name.clone(), offset, ..line });
            }
            return;
        }
        let (before, after) = code.instruction(seen);
        let listing = code.listings.get(&seen.offset);
        let operands = listing.map_or("", |listing| &listing.operands);
        let name = &seen.op.info().name;
        let text = format!("{name} {operands}").trim_end().to_owned();
        let line = Line { event: "instruction", text, before, ..line };
        self.pending = Some(Pending { line, ..after });
    }

    /// Prints an instruction, whose results stand where it put them.
    fn finish(&mut self, mut pending: Pending, seen: &Seen<'_>) {
        let value = match pending.written {
            Some((frame, slot)) => {
                seen.slot_of(frame, slot).map(|value| (format!("s{slot}"), value))
            }
            None if pending.sets_acc => {
                let is_float = matches!(pending.ty, ValType::F32 | ValType::F64);
                let value = if is_float { seen.float_acc() } else { seen.acc() };
                Some(("acc".into(), value))
            }
            None => None,
        };
        if let Some((name, value)) = value {
            pending.line.after.push((name, show(pending.ty, value)));
        }
        self.print(&pending.line);
    }

    /// What a function is about to return.
    fn line_of_return(&self, code: &Code, seen: &Seen<'_>) -> Vec<(String, String)> {
        // The operand of `ret_...` is not in its slot yet.
        let value = seen.op.info().fields.iter().find(|field| field.0 == "value");
        // The accumulator has no name of its own.
        let acc = value.is_none() && seen.op.info().fields.iter().any(|field| field.1 == Kind::Acc);
        match (value, code.results.first()) {
            (Some(field), Some(ty)) if !acc => {
                let value = operand(seen, *field);
                value.map(|value| ("0".into(), show(*ty, value))).into_iter().collect()
            }
            (_, Some(ty)) if acc => {
                let is_float = matches!(ty, ValType::F32 | ValType::F64);
                let value = if is_float { seen.float_acc() } else { seen.acc() };
                vec![("0".into(), show(*ty, value))]
            }
            _ => code.values(seen, &code.results),
        }
    }

    fn offset(&self, code: &Code, at: usize) -> u32 {
        let module = self.module(&code.observed).map(|loaded| loaded.module.code());
        let offset = module.and_then(|it| it.source_offset(code.observed.func, at as u32));
        offset.unwrap_or(0)
    }

    fn module(&self, code: &Observed) -> Option<&Loaded> {
        self.modules.iter().find(|it| Places::module(&it.module) == code.module)
    }

    fn code(&mut self, observed: &Arc<Observed>) -> Arc<Code> {
        if let Some(code) = self.codes.get(&observed.start)
            && Arc::ptr_eq(&code.observed, observed)
        {
            return code.clone();
        }
        let mut code = Code {
            observed: observed.clone(),
            number: self.codes.len() as u32,
            name: "<unknown>".into(),
            is_wanted: self.only.is_empty(),
            params: Vec::new(),
            results: Vec::new(),
            listings: HashMap::new(),
        };
        if let Some(loaded) = self.module(observed) {
            let info = loaded.module.code().info();
            let index = info.func_index(observed.func);
            let place = (observed.module, index.0);
            code.name = Places::new(std::slice::from_ref(loaded)).name(place).to_owned();
            let number = index.0.to_string();
            code.is_wanted |= self.only.iter().any(|it| *it == code.name || *it == number);
            let ty = info.func_type(index);
            (code.params, code.results) = (ty.params().collect(), ty.results().collect());
            let listings = super::disas::listings(&loaded.module, &observed.bytes());
            code.listings = listings.into_iter().map(|it| (it.offset, it)).collect();
        }
        let code = Arc::new(code);
        self.codes.insert(observed.start, code.clone());
        code
    }

    fn print(&mut self, line: &Line) {
        if self.left == 0 || self.failure.is_some() {
            return;
        }
        self.left -= 1;
        let mut text = if self.json { line.json() } else { line.text() };
        if self.left == 0 && !self.json {
            text.push_str("\n... the limit is reached");
        }
        self.failure = writeln!(self.out, "{text}").err();
    }
}

impl Code {
    /// The values of these types, which stand where parameters and results do.
    fn values(&self, seen: &Seen<'_>, types: &[ValType]) -> Vec<(String, String)> {
        let width = |types: &[ValType]| types.iter().map(|ty| ty.slots() as isize).sum::<isize>();
        let mut slot = -width(&self.params).max(width(&self.results));
        let mut values = Vec::new();
        for (number, ty) in types.iter().enumerate() {
            let low = seen.slot(slot).unwrap_or_default();
            let value = match ty {
                ValType::V128 => {
                    let high = seen.slot(slot + 1).unwrap_or_default();
                    format!("{:#034x}", u128::from(high) << 64 | u128::from(low))
                }
                _ => show(*ty, low),
            };
            values.push((number.to_string(), value));
            slot += ty.slots() as isize;
        }
        values
    }

    /// What an instruction reads, and what is to be looked at behind it.
    fn instruction(&self, seen: &Seen<'_>) -> (Vec<(String, String)>, Pending) {
        let info = seen.op.info();
        let ty = type_of(seen.op);
        let (mut before, mut written) = (Vec::new(), None);
        let sets_acc = info.effect.starts_with("acc") || info.effect.contains(", acc :=");
        for &field in &info.fields {
            match field.1 {
                Kind::Slot => {
                    let ty = if matches!(field.0, "addr" | "index") { ValType::I64 } else { ty };
                    let value = operand(seen, field).unwrap_or_default();
                    before.push((format!("s{}", number(seen, field)), show(ty, value)));
                }
                Kind::Dst if field.0 != "frame" => {
                    written = Some((seen.frame(), number(seen, field).into()));
                }
                Kind::Acc if !(sets_acc && field.0 == "acc" && before.is_empty()) => {
                    let value = operand(seen, field).unwrap_or_default();
                    before.push(("acc".into(), show(ty, value)));
                }
                _ => {}
            }
        }
        let line = Line::default();
        (before, Pending { store: seen.store(), line, written, ty, sets_acc })
    }
}

/// The number in a slot's field.
fn number(seen: &Seen<'_>, (_, _, at): (&str, Kind, u8)) -> i16 {
    let bytes = seen.code.read(seen.offset + HEAD + usize::from(at));
    i16::from_le_bytes(bytes.unwrap_or_default())
}

/// The value of an operand.
fn operand(seen: &Seen<'_>, field: (&str, Kind, u8)) -> Option<u64> {
    let at = seen.offset + HEAD + usize::from(field.2);
    Some(match field.1 {
        Kind::Slot => seen.slot(number(seen, field).into())?,
        Kind::Acc if matches!(type_of(seen.op), ValType::F32 | ValType::F64) => seen.float_acc(),
        Kind::Acc => seen.acc(),
        Kind::Imm16 => i64::from(number(seen, field)) as u64,
        Kind::Imm32 => i64::from(i32::from_le_bytes(seen.code.read(at)?)) as u64,
        Kind::Imm64 | Kind::F32 | Kind::F64 => u64::from_le_bytes(seen.code.read(at)?),
        _ => return None,
    })
}

/// The type of an op's operands, by its name.
fn type_of(op: Op) -> ValType {
    for word in op.info().name.split('_') {
        match word {
            "i32" => return ValType::I32,
            "f32" => return ValType::F32,
            "f64" => return ValType::F64,
            "i64" => return ValType::I64,
            _ => {}
        }
    }
    ValType::I64
}

fn show(ty: ValType, value: u64) -> String {
    match ty {
        ValType::I32 => (value as i32).to_string(),
        ValType::F32 => format!("{:?}", f32::from_bits(value as u32)),
        ValType::F64 => format!("{:?}", f64::from_bits(value)),
        ValType::I64 => (value as i64).to_string(),
        _ if value == 0 => "null".into(),
        _ => format!("{value:#x}"),
    }
}

fn list(values: &[(String, String)]) -> String {
    let shown: Vec<String> = values.iter().map(|(name, it)| format!("{name}={it}")).collect();
    shown.join(" ")
}

fn plain(values: &[(String, String)]) -> String {
    values.iter().map(|(_, it)| &**it).collect::<Vec<_>>().join(", ")
}

impl Line {
    fn text(&self) -> String {
        // Deep recursion must not push the text out of sight.
        let indent = self.depth.min(40) * 2;
        match self.event {
            "call" => format!("{:indent$}{}({})", "", self.function, plain(&self.before)),
            "return" => format!("{:indent$}{} -> ({})", "", self.function, plain(&self.after)),
            _ => {
                let place = format!("{}+{:#x}", self.function, self.offset);
                let mut text = format!("{place:<24} {:<40}", self.text);
                if !self.before.is_empty() {
                    let _ = write!(text, "  {}", list(&self.before));
                }
                if !self.after.is_empty() {
                    let _ = write!(text, "  -> {}", list(&self.after));
                }
                text.trim_end().to_owned()
            }
        }
    }

    fn json(&self) -> String {
        let values = |values: &[(String, String)]| {
            let pairs = values.iter().map(|(name, it)| format!("{}:{}", quoted(name), quoted(it)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        };
        let mut text = format!(
            "{{\"event\":\"{}\",\"depth\":{},\"function\":{},\"offset\":{}",
            self.event,
            self.depth,
            quoted(&self.function),
            self.offset
        );
        let list = |values: &[(String, String)]| {
            let values: Vec<String> = values.iter().map(|(_, it)| quoted(it)).collect();
            format!("[{}]", values.join(","))
        };
        let _ = match self.event {
            "call" => write!(text, ",\"arguments\":{}", list(&self.before)),
            "return" => write!(text, ",\"results\":{}", list(&self.after)),
            _ => write!(
                text,
                ",\"text\":{},\"reads\":{},\"writes\":{}",
                quoted(&self.text),
                values(&self.before),
                values(&self.after)
            ),
        };
        text + "}"
    }
}
