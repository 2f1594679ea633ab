//! `threadle isa`.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;
use threadle::isa::table::{Kind, Row, Table};
use threadle::isa::{self, HEAD};
use threadle::{Result, bail, tune};

use super::json::quoted;
use super::output::Output;

/// Arguments of `threadle isa`.
#[derive(Args)]
pub struct Isa {
    /// Print data for programs instead of text
    #[arg(long)]
    json: bool,

    /// Only this op; without it the names of all
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Names of fused ops that are printed at most.
const FUSED_SHOWN: usize = 20;

impl Isa {
    /// Prints rows of the op table.
    pub fn execute(self) -> Result<ExitCode> {
        let table = isa::rows();
        let mut output = Output::new();
        let chosen: Vec<usize> = match &self.name {
            None => (0..table.rows.len()).collect(),
            Some(name) => {
                let found = table.rows.iter().position(|row| row.name == *name);
                let Some(found) = found else {
                    bail!("there is no op `{name}`{}", suggestions(&table, name));
                };
                vec![found]
            }
        };
        if self.json {
            // What whoever chooses fused ops has to agree with the translator on.
            output.line(format!(
                "{{\"most_parts\":{},\"dispatch\":{},\"ops\":[",
                tune::MOST_PARTS,
                tune::DISPATCH
            ))?;
            for (i, opcode) in chosen.iter().enumerate() {
                let comma = if i + 1 < chosen.len() { "," } else { "" };
                output.line(format!("{}{comma}", json(&table, *opcode)))?;
            }
            output.line("]}")?;
        } else if self.name.is_none() {
            for opcode in chosen {
                output.line(&table.rows[opcode].name)?;
            }
        } else {
            output.line(text(&table, chosen[0]))?;
        }
        output.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Names that begin like one that does not exist.
fn suggestions(table: &Table, name: &str) -> String {
    let stem = name.rsplit_once('_').map_or(name, |(stem, _)| stem);
    let like = table.rows.iter().filter(|row| row.parts.is_empty() && row.name.starts_with(stem));
    let like: Vec<&str> = like.take(8).map(|row| &*row.name).collect();
    if like.is_empty() { String::new() } else { format!("; there are {} ...", like.join(", ")) }
}

fn text(table: &Table, opcode: usize) -> String {
    let row = &table.rows[opcode];
    let mut out = String::new();
    let _ = writeln!(out, "{}  (opcode {opcode}, {})\n", row.name, row.family);
    for effect in row.effect.split("; ") {
        let _ = writeln!(out, "    {effect}");
    }
    let _ = writeln!(out, "\nbytes     {}", picture(table, row));
    for part in table.parts(row) {
        let operands: Vec<String> = part.fields().iter().map(operand).collect();
        let _ = writeln!(out, "operands  {} {{ {} }}", part.format.name, operands.join(", "));
    }
    let _ = writeln!(out, "handler   {}", table.handler(row));
    let words = words(row);
    if !words.is_empty() {
        let _ = writeln!(out, "it        {}", words.join(", "));
    }
    if let Some(key) = &row.key {
        let _ = writeln!(out, "found at  {}{:?}", key.table.name, key.digits);
    }
    if let Some(stored) = stored(table, row) {
        let _ = writeln!(out, "stored    {}", stored.name);
    }
    let fused: Vec<&str> = fused(table, opcode).collect();
    let _ = write!(out, "part of   {} fused ops", fused.len());
    for name in fused.iter().take(FUSED_SHOWN) {
        let _ = write!(out, "\n          {name}");
    }
    if fused.len() > FUSED_SHOWN {
        let _ = write!(out, "\n          ...");
    }
    out
}

/// The bytes of an instruction: `head 0..8 | dst 8..10 | lhs 10..12 | - | ..16`.
fn picture(table: &Table, row: &Row) -> String {
    let mut out = format!("head 0..{HEAD}");
    let mut start = HEAD;
    for part in table.parts(row) {
        let mut fields = part.fields();
        // The home of a result that is not stored.
        if let Some(first) = fields
            .first_mut()
            .filter(|it| part.format.operands[0].name == "dst" && it.1 == Kind::Acc)
        {
            *first = ("home", Kind::Dst, 0);
        }
        fields.retain(|field| field.1.is_encoded());
        fields.sort_by_key(|field| field.2);
        for (name, kind, at) in fields {
            let at = start + usize::from(at);
            let _ = write!(out, " | {name} {at}..{}", at + usize::from(kind.width()));
        }
        start += usize::from(part.bytes());
    }
    let _ = write!(out, " | end {}", isa::len(start - HEAD));
    out
}

fn operand((name, kind, at): &(&str, Kind, u8)) -> String {
    if kind.is_encoded() { format!("{name}: {kind:?} @{at}") } else { format!("{name}: {kind:?}") }
}

/// The attributes of a row.
fn words(row: &Row) -> Vec<&'static str> {
    let it = row.attributes;
    let words = [
        (it.traps, "traps"),
        (it.faults, "faults"),
        (it.calls, "calls"),
        (it.ends, "ends"),
        (it.resumes, "resumes"),
        (it.alone, "alone"),
        (it.forwards, "forwards"),
        (it.bare, "bare"),
    ];
    words.iter().filter(|word| word.0).map(|word| word.1).collect()
}

/// The form that stores what a row leaves in the accumulator only.
fn stored<'a>(table: &'a Table, row: &Row) -> Option<&'a Row> {
    // As classes are numbered: the accumulator, a slot.
    let key =
        row.key.as_ref().filter(|key| key.table.dst.is_some_and(|dst| key.digits[dst] == 0))?;
    let wanted = key.with_dst(1)?;
    let same = |other: &&Row| {
        let key = other.key.as_ref();
        key.is_some_and(|key| key.table.name == wanted.table.name && key.digits == wanted.digits)
    };
    table.rows.iter().find(same)
}

/// The fused ops that an op is a part of.
fn fused(table: &Table, opcode: usize) -> impl Iterator<Item = &str> {
    let rows = table.rows.iter().filter(move |row| row.parts.contains(&opcode));
    rows.map(|row| &*row.name)
}

fn json(table: &Table, opcode: usize) -> String {
    let row = &table.rows[opcode];
    let strings = |all: &[&str]| {
        let all: Vec<String> = all.iter().map(|it| quoted(it)).collect();
        format!("[{}]", all.join(","))
    };
    let mut start = 0;
    let mut operands = Vec::new();
    for part in table.parts(row) {
        for (name, kind, at) in part.fields() {
            let place = if kind.is_encoded() { start + at } else { at };
            operands.push(format!(
                "{{\"name\":{},\"kind\":\"{kind:?}\",\"at\":{place}}}",
                quoted(name)
            ));
        }
        start += part.bytes();
    }
    let names: Vec<&str> = row.parts.iter().map(|part| &*table.rows[*part].name).collect();
    format!(
        "{{\"name\":{},\"opcode\":{opcode},\"family\":{},\"bytes\":{},\"operands\":[{}],\"effect\":{},\"handler\":{},\"attributes\":{},\"stored\":{},\"parts\":{},\"again\":{}}}",
        quoted(&row.name),
        quoted(row.family),
        table.bytes(row),
        operands.join(","),
        quoted(&row.effect),
        quoted(&table.handler(row)),
        strings(&words(row)),
        stored(table, row).map_or("null".into(), |row| quoted(&row.name)),
        strings(&names),
        row.again
    )
}
