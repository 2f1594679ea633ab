//! What profiles say: the site lists that `threadle profile --sites` writes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use threadle::isa::{self, OPS, Op, PLAIN_COUNT};
use threadle::{Context, Result, bail};

/// What has less than this part of a profile's dispatches says nothing.
const LEAST_SHARE: f64 = 1e-5;

/// Opcodes of ops that are not fused, by name.
pub struct Names(HashMap<&'static str, u16>);

impl Names {
    /// Those of this build.
    pub fn new() -> Names {
        let plain = OPS[..PLAIN_COUNT].iter().enumerate();
        Names(plain.map(|(opcode, op)| (&*op.name, opcode as u16)).collect())
    }

    /// The op with this name, which may say of operands that they are forwarded.
    pub fn find(&self, part: &str) -> Result<u16> {
        let known = self.0.get(part).or_else(|| self.0.get(&*isa::unfused_name(part)));
        known.copied().with_context(|| format!("there is no op `{part}`"))
    }

    /// The ops of a sequence, with spaces between.
    pub fn sequence(&self, text: &str) -> Result<Vec<u16>> {
        text.split_whitespace().map(|part| self.find(part)).collect()
    }
}

/// A slot that an instruction names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    pub number: i32,
    pub is_written: bool,
}

/// An instruction in a profile.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub op: u16,
    /// How often it was dispatched.
    pub count: f64,
    pub slots: Vec<Slot>,
}

/// What is asked of an op.
pub fn op(opcode: u16) -> Op {
    Op::from_u16(opcode).expect("only opcodes of the table are kept")
}

/// Whether an op leaves the straight line whatever happens: only the last of a sequence.
pub fn ends(opcode: u16) -> bool {
    op(opcode).info().attributes.ends
}

/// Whether the table says that profiles put an op into no sequence.
pub fn never(opcode: u16) -> bool {
    let attributes = op(opcode).info().attributes;
    attributes.resumes || attributes.alone
}

/// Instructions behind each other that can be fused.
pub type Line = Vec<Part>;

/// A program's profile.
pub struct Profile {
    /// The file's name.
    pub name: String,
    pub lines: Vec<Line>,
    /// How many dispatches count as all of them: less, and every one weighs more.
    pub total: f64,
}

impl Profile {
    /// Reads `FILE` or `FILE=WEIGHT`.
    pub fn read(argument: &str, names: &Names) -> Result<Profile> {
        let weighed = argument.rsplit_once('=').and_then(|(path, weight)| {
            let weight: f64 = weight.parse().ok()?;
            (weight.is_finite() && weight > 0.0).then_some((path, weight))
        });
        let (path, weight) = weighed.unwrap_or((argument, 1.0));
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
        let lines = Profile::parse(&text, names).with_context(|| path.to_owned())?;
        let dispatched: f64 = lines.iter().flatten().map(|part| part.count).sum();
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Profile { name, lines, total: dispatched.max(1.0) / weight })
    }

    /// Reads instructions, a line each, in order of their addresses.
    pub fn parse(text: &str, names: &Names) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        let mut line = Line::new();
        let mut end = None;
        for (number, text) in text.lines().enumerate() {
            let site = site(text, names).with_context(|| format!("line {}", number + 1))?;
            let alone = site.parts.first().is_none_or(|part| never(part.op));
            if (Some(site.address) != end || site.is_target || alone) && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            end = site.address.checked_add(site.size);
            if alone {
                continue;
            }
            let last = site.parts.last().is_some_and(|part| ends(part.op));
            line.extend(site.parts);
            if last {
                lines.push(std::mem::take(&mut line));
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        Ok(lines)
    }

    /// Equal lines as one, without slots, and with shares of all dispatches instead of counts.
    pub fn weighed(&self) -> Vec<Line> {
        let mut merged: BTreeMap<Vec<(u16, u64)>, usize> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| self.says_something(line)) {
            let key = line.iter().map(|part| (part.op, part.count as u64)).collect();
            *merged.entry(key).or_default() += 1;
        }
        let share = |count: u64, times: usize| count as f64 * times as f64 / self.total;
        let part = |(op, count): (u16, u64), times| Part {
            op,
            count: share(count, times),
            slots: Vec::new(),
        };
        merged
            .into_iter()
            .map(|(line, times)| line.into_iter().map(|it| part(it, times)).collect())
            .collect()
    }

    /// Whether a line has a part of the dispatches that counts.
    pub fn says_something(&self, line: &Line) -> bool {
        self.counts(line.iter().map(|part| part.count).sum())
    }

    /// Whether so many dispatches are a part of them that counts.
    pub fn counts(&self, dispatches: f64) -> bool {
        dispatches > self.total * LEAST_SHARE
    }
}

/// A line of a site list.
struct Site {
    address: u64,
    size: u64,
    is_target: bool,
    parts: Vec<Part>,
}

fn site(text: &str, names: &Names) -> Result<Site> {
    let columns: Vec<&str> = text.split_whitespace().collect();
    let [address, size, op, target, count, slots] = columns[..] else {
        bail!("{} columns instead of six: is it what `profile --sites` writes?", columns.len());
    };
    let number = |text: &str| text.parse::<u64>().with_context(|| format!("`{text}` is no number"));
    let count = number(count)? as f64;
    let parts = op.split("__").filter(|part| *part != "again").zip(slots.split(';'));
    let parts = parts
        .map(|(part, named)| Ok(Part { op: names.find(part)?, count, slots: slots_of(named)? }));
    Ok(Site {
        address: number(address)?,
        size: number(size)?,
        is_target: target == "1",
        parts: parts.collect::<Result<_>>()?,
    })
}

/// Turns `4=,2` into the slots 4, which is written, and 2.
fn slots_of(text: &str) -> Result<Vec<Slot>> {
    if text == "-" {
        return Ok(Vec::new());
    }
    let slot = |text: &str| {
        let (number, is_written) = match text.strip_suffix('=') {
            Some(number) => (number, true),
            None => (text, false),
        };
        let number = number.parse().with_context(|| format!("`{text}` is no slot"))?;
        Ok(Slot { number, is_written })
    };
    text.split(',').map(slot).collect()
}
