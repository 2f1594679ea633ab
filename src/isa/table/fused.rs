//! Fused ops: sequences of ops that are dispatched as one.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::format::EMPTY;
use super::row::{Attributes, Forward};
use super::{Class, Kind, Row, Table};

/// The op that takes fuel. It is the first part of a fused op or none: what is done where fuel is missing goes
/// back to it.
const METER: &str = "consume_fuel";

/// The name of a fused op's part without what it says of forwarded operands: `i32_add_a0` to
/// `i32_add_as`.
pub fn unfused_name(part: &str) -> String {
    let Some((name, letters)) = part.rsplit_once('_') else { return part.into() };
    if letters.chars().any(|c| !"aslmnik012345".contains(c)) {
        return part.into();
    }
    format!("{name}_{}", letters.replace(|c: char| c.is_ascii_digit(), "s"))
}

impl Table {
    /// The ops of fused.txt. The operands of the parts follow each other behind one head. With the word
    /// `again` behind it a sequence is an op for the place where the branch that it ends in leads to its
    /// own beginning.
    pub(super) fn fused(&mut self, list: &str) {
        let known: BTreeMap<String, usize> =
            self.rows.iter().enumerate().map(|(i, row)| (row.name.clone(), i)).collect();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let sequence = line.trim_end_matches(" again");
            let names: Vec<&str> = sequence.split_whitespace().collect();
            let parts: Vec<usize> = names
                .iter()
                .map(|name| {
                    let found = known.get(*name).or_else(|| known.get(&unfused_name(name)));
                    *found.unwrap_or_else(|| panic!("fused.txt: no op {name}"))
                })
                .collect();
            let rows = || parts.iter().map(|part| &self.rows[*part]);
            assert!(
                rows().all(|part| !part.attributes.resumes),
                "fused.txt: {sequence} has a part that continues behind an instruction of its own"
            );
            assert!(
                rows().skip(1).all(|part| part.name != METER),
                "fused.txt: {sequence} takes fuel behind another part"
            );
            let before = &parts[..parts.len() - 1];
            assert!(
                before.iter().all(|part| !self.rows[*part].attributes.ends),
                "fused.txt: {sequence} has a part behind one that never goes on there"
            );
            let forwards = self.forwards(&names, &parts);
            let effects: Vec<&str> = rows().map(|row| &*row.effect).collect();
            let attributes = Attributes::of_parts(rows().map(|row| row.attributes));
            let name = line.split_whitespace().collect::<Vec<_>>().join("__");
            let mut row = Row::new(name, "fused", &EMPTY);
            row.effect = effects.join("; ");
            (row.attributes, row.again) = (attributes, sequence.len() < line.len());
            (row.parts, row.forwards) = (parts, forwards);
            self.rows.push(row);
        }
    }

    /// The operands that are forwarded in a fused op of these parts, from their names.
    fn forwards(&self, names: &[&str], parts: &[usize]) -> Vec<Forward> {
        let mut forwards = Vec::new();
        for (reader, (name, part)) in names.iter().zip(parts).enumerate() {
            let row = &self.rows[*part];
            if *name == row.name {
                continue;
            }
            let letters = name.len() - name.rfind('_').map_or(0, |at| at + 1);
            let fields = row.fields().into_iter().enumerate();
            let slots = fields.filter(|(_, field)| field.1 == Kind::Slot);
            // The letters of the sources, which read slots or, as digits, what was written to them.
            let sources = name.char_indices().skip(name.len() - letters);
            let sources = sources.skip(usize::from(row.writes()));
            let sources = sources.filter(|(_, letter)| *letter == 's' || letter.is_ascii_digit());
            for ((at, letter), (operand, field)) in sources.zip(slots) {
                let Some(writer) = letter.to_digit(10) else { continue };
                let writer = writer as usize;
                assert!(
                    writer < reader && self.rows[parts[writer]].writes(),
                    "fused.txt: {} has nothing of part {writer} to read",
                    names.join(" ")
                );
                let between = (writer + 1..reader).filter(|i| self.rows[parts[*i]].writes());
                forwards.push(Forward {
                    reader: reader as u8,
                    letter: (name.len() - at) as u8,
                    operand: operand as u8,
                    place: field.2,
                    writer: writer as u8,
                    rewriters: between.map(|i| 1 << i).sum(),
                });
            }
        }
        if let Some(last) = forwards.last() {
            let first = forwards.iter().map(|forward| forward.writer).min().unwrap_or_default();
            let across = usize::from(first)..=usize::from(last.reader);
            for row in parts[across].iter().map(|part| &self.rows[*part]) {
                assert!(
                    row.attributes.forwards || row.attributes.ends,
                    "fused.txt: {} forwards across {}",
                    names.join(" "),
                    row.name
                );
            }
        }
        forwards
    }

    /// The parts of a row, which is its only one if it is not fused.
    pub fn parts<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Row> {
        let own = row.parts.is_empty().then_some(row);
        own.into_iter().chain(row.parts.iter().map(|part| &self.rows[*part]))
    }

    /// Operand bytes of a row.
    pub fn bytes(&self, row: &Row) -> u8 {
        self.parts(row).map(Row::bytes).sum()
    }

    /// Operand bytes of all parts of a row but the last.
    pub fn tail(&self, row: &Row) -> u8 {
        self.bytes(row) - self.parts(row).last().map_or(0, Row::bytes)
    }

    /// The handler of a row: a Rust expression of type `unsafe fn(&mut Regs) -> Step`.
    pub fn handler(&self, row: &Row) -> String {
        if row.parts.is_empty() {
            return row.handler_with(&[], None);
        }
        let mut parts = Vec::new();
        for (i, part) in (0..).zip(&row.parts) {
            if self.settles(row, i) {
                parts.push("fuse::settle".into());
            }
            parts.push(self.part(row, i, *part));
        }
        let [before @ .., last] = &parts[..] else { panic!("{}: no parts", row.name) };
        // The step that a branch of its kind takes.
        let conditional = self.parts(row).last().is_some_and(|last| !last.attributes.ends);
        let metered = row.again && self.rows[row.parts[0]].name == METER;
        let before = before[usize::from(metered)..].join(", ");
        if !row.again {
            return format!("fuse!({before} => {last})");
        }
        let step = if conditional { "Taken" } else { "Next" };
        let repeat = if metered { "fuse_again_metered" } else { "fuse_again" };
        format!("{repeat}!({step}: {before} => {last})")
    }

    /// Whether what earlier parts leave in integer registers is to be settled before part `i`, which has two
    /// ways on. Not where they compute what it reads: settled, that would be another value, in another
    /// register, or its flags would be forgotten. Nor right behind another such part, which leaves nothing.
    fn settles(&self, row: &Row, i: u8) -> bool {
        let [.., before, part] = &row.parts[..=usize::from(i)] else { return false };
        let [before, part] = [before, part].map(|part| &self.rows[*part]);
        let forks = part.has_target() && !part.attributes.ends && !row.again;
        let forwarded = row.forwards.iter().any(|forward| forward.reader == i);
        let flags = part.classes == [Class::A] && before.writes() && before.classes[0] == Class::S;
        forks && !before.has_target() && !forwarded && !flags
    }

    /// The handler of part `i`.
    fn part(&self, row: &Row, i: u8, part: usize) -> String {
        let part = &self.rows[part];
        let sources: Vec<(usize, u8)> = row
            .forwards
            .iter()
            .filter(|forward| forward.reader == i)
            .map(|forward| (usize::from(forward.operand), forward.writer))
            .collect();
        let keeps = row.forwards.iter().any(|forward| forward.writer == i);
        assert!(
            part.attributes.forwards || sources.is_empty() && !keeps,
            "fused.txt: {} cannot forward",
            part.name
        );
        part.handler_with(&sources, keeps.then_some(usize::from(i)))
    }
}
