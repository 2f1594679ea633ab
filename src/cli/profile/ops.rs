//! Counts of ops and of sequences of them, and of every instruction: what fused ops are chosen by.

use std::collections::HashMap;
use std::fmt::Write;

use threadle::exec::profile::Observed;
use threadle::isa::{ALIGN, Kind, Op};

use super::exact::Counted;

/// Rows of each table.
const ROWS: usize = 200;

/// Counts of ops.
#[derive(Default)]
pub struct Ops {
    /// By op, with the two before it.
    triples: HashMap<[u16; 3], u64>,
    last: [u16; 2],
}

impl Ops {
    /// Counts an op.
    pub fn count(&mut self, op: Op) {
        let op = op as u16;
        let [before, last] = self.last;
        *self.triples.entry([before, last, op]).or_default() += 1;
        self.last = [last, op];
    }

    /// Names of one, two or three consecutive ops, and how often they were dispatched, most frequent
    /// first.
    fn rows(&self) -> [Vec<(String, u64)>; 3] {
        let name = |op: &u16| Op::from_u16(*op).map_or("?", |op| &op.info().name);
        [1, 2, 3].map(|length| {
            let mut counts: HashMap<String, u64> = HashMap::new();
            for (ops, count) in &self.triples {
                let names: Vec<&str> = ops[ops.len() - length..].iter().map(name).collect();
                *counts.entry(names.join(" ")).or_default() += count;
            }
            let mut rows: Vec<(String, u64)> = counts.into_iter().collect();
            rows.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            rows
        })
    }

    /// The tables.
    pub fn report(&self) -> String {
        let mut text = String::new();
        for (title, rows) in ["ops", "pairs", "triples"].into_iter().zip(self.rows()) {
            let total: u64 = rows.iter().map(|row| row.1).sum();
            let _ = writeln!(text, "{title}: {total} dispatches");
            for (name, count) in rows.iter().take(ROWS) {
                let share = *count as f64 * 100.0 / total.max(1) as f64;
                let _ = writeln!(text, "{share:6.2} % {count:>12}  {name}");
            }
            text.push('\n');
        }
        text
    }
}

/// Every executed instruction, a line each.
pub fn sites(codes: &[Counted]) -> String {
    let mut codes: Vec<&Counted> = codes.iter().collect();
    codes.sort_unstable_by_key(|counted| counted.code.start);
    let mut text = String::new();
    for Counted { code, counts } in codes {
        let mut targets = vec![false; counts.len()];
        for target in code.instructions().flat_map(|instruction| code.targets(instruction)) {
            if let Some(is_target) = targets.get_mut(target / ALIGN) {
                *is_target = true;
            }
        }
        for instruction in code.instructions() {
            let (at, op) = (instruction.at, instruction.op);
            let (count, target) = (counts[at / ALIGN], u8::from(targets[at / ALIGN]));
            if count > 0 {
                let (address, size) = (code.start + at, op.size());
                let (name, slots) = (&op.info().name, slots(code, at, op));
                let _ = writeln!(text, "{address} {size} {name} {target} {count} {slots}");
            }
        }
    }
    text
}

/// The slots that the parts of an instruction name, written ones with `=` behind: `4=,2;-;3,4`.
fn slots(code: &Observed, at: usize, op: Op) -> String {
    let fields = op.info().fields.iter().filter(|field| field.1.is_slot());
    let numbers: Vec<i16> = fields
        .map(|field| {
            let bytes = code.read(at + threadle::isa::HEAD + usize::from(field.2));
            i16::from_le_bytes(bytes.unwrap_or_default())
        })
        .collect();
    let mut numbers = numbers.iter();
    let part = |part: Op| {
        let slots = part.info().fields.iter().filter(|field| field.1.is_slot());
        let slots: Vec<String> = slots
            .zip(numbers.by_ref())
            .map(|(field, slot)| format!("{slot}{}", if field.1 == Kind::Dst { "=" } else { "" }))
            .collect();
        if slots.is_empty() { "-".into() } else { slots.join(",") }
    };
    op.plain().map(part).collect::<Vec<_>>().join(";")
}
