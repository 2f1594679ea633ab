//! The op table as a document, made from its rows: docs/bytecode.md. `BLESS=1` rewrites it. The table is
//! included as source, with the list of fused ops, whatever the library under test was built with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

#[allow(dead_code, reason = "only the rows are needed")]
#[path = "../../src/isa/table.rs"]
mod table;

use super::{report, root};
use table::format::{FORMATS, Format};
use table::{Class, Kind, Row, Table};

fn rows() -> Table {
    let fused = std::fs::read_to_string(root().join("src/isa/fused.txt")).expect("the fused ops");
    Table::build(&fused)
}

/// The names of all ops.
pub fn names() -> BTreeSet<String> {
    rows().rows.into_iter().map(|row| row.name).collect()
}

#[test]
fn every_op_has_a_name_of_its_own_a_family_and_an_effect() {
    let mut complaints = Vec::new();
    let mut names = BTreeSet::new();
    let table = rows();
    for row in &table.rows {
        if !names.insert(&*row.name) {
            complaints.push(format!("two ops are called {}", row.name));
        }
        if row.family.trim().is_empty() {
            complaints.push(format!("{} has no family", row.name));
        }
        if row.effect.trim().is_empty() {
            complaints.push(format!("{} has no effect", row.name));
        }
    }
    report(complaints);
}

/// `i32_and` to `I32And`.
fn camel(name: &str) -> String {
    let mut upper = true;
    let mut camel = String::new();
    for c in name.chars() {
        match c {
            '_' => upper = true,
            _ if upper => {
                camel.push(c.to_ascii_uppercase());
                upper = false;
            }
            _ => camel.push(c),
        }
    }
    camel
}

#[test]
fn the_translator_asks_for_every_operator() {
    let table = rows();
    let words: BTreeSet<String> = super::files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src/translate/"))
        .flat_map(|(_, text)| {
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.map(String::from).collect::<Vec<_>>()
        })
        .collect();
    let named = |name: &str| words.contains(&camel(name));
    // The mirror and the negation of one that it asks for it has from the table.
    let derived = |name: &str| {
        table.operators.iter().any(|it| {
            let others = [&it.mirror, &it.negation];
            others.iter().any(|other| other.as_deref() == Some(name)) && named(&it.name)
        })
    };
    let names = table.operators.iter().map(|it| &*it.name);
    let never = names.filter(|it| !named(it) && !derived(it));
    report(never.map(|name| format!("the translator never asks for {name}")).collect());
}

#[test]
fn the_bytecode_document_is_up_to_date() {
    let path = root().join("docs/bytecode.md");
    let fresh = document();
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &fresh).expect("the document is written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let stale = fresh.lines().zip(kept.lines()).find(|(fresh, kept)| fresh != kept);
    assert!(
        kept == fresh,
        "docs/bytecode.md is stale (`BLESS=1 cargo test --test tidy` rewrites it): {stale:?}"
    );
}

/// Ops that differ in nothing but the operator.
struct Group {
    format: &'static str,
    operators: Vec<String>,
    forms: Vec<String>,
    effect: String,
    attributes: String,
}

fn document() -> String {
    let table = rows();
    let source = std::fs::read_to_string(root().join("src/isa/table.rs")).expect("the op table");
    let text = source.lines().map_while(|line| line.strip_prefix("//!"));
    let text: Vec<&str> = text.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let anatomy = text.iter().position(|line| line.starts_with("# Anatomy"));
    let anatomy = text[anatomy.expect("the table explains its names")..].join("\n");

    let plain: Vec<&Row> = table.rows.iter().filter(|row| row.parts.is_empty()).collect();
    let mut out = format!(
        "<!-- Generated from src/isa/table.rs by tests/tidy/bytecode.rs; `BLESS=1` rewrites it. -->\n\
         # Bytecode\n\n\
         {} instructions, and {} fused ones that are made of them. `threadle isa NAME` prints one: its bytes,\n\
         its handler, and what fuses with it; `threadle isa --json` prints all.\n\n\
         An instruction is a head, which names its handler, followed by its operands. The head takes 8 bytes with\n\
         direct threading and 2 with table threading. Places (`@4`) are counted from behind it. A fused op has the\n\
         operands of its parts one after the other behind one head.\n\n\
         In effects, `S[x]` is the frame slot that the operand `x` names, `acc` the accumulator and `pin0` to `pin2`\n\
         the pinned locals of the operand's type; `OP` stands for each of the operators.\n\n#{anatomy}\n",
        plain.len(),
        table.rows.len() - plain.len(),
    );
    formats(&mut out);
    let mut families: Vec<&str> = Vec::new();
    for row in &plain {
        if !families.contains(&row.family) {
            families.push(row.family);
        }
    }
    for family in families {
        let _ = write!(
            out,
            "\n## {family}\n\n| operators | forms | operands | effect | |\n|---|---|---|---|---|\n"
        );
        for group in groups(plain.iter().filter(|row| row.family == family)) {
            let names: Vec<String> =
                group.operators.iter().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(
                out,
                "| {} | {} | {} | `{}` | {} |",
                names.join(" "),
                forms(&group.forms),
                group.format,
                group.effect.replace('|', "\\|"),
                group.attributes
            );
        }
    }
    out
}

/// The formats as pictures.
fn formats(out: &mut String) {
    out.push_str(
        "\n## Operands\n\nA row has one of these formats. `d` is a destination and `x` a source of the class in the op's\n\
         name: of class `s` a slot number, 16 bits, at the place given; in a register nothing; of class `i` an\n\
         immediate of the kind that is named beside, where it is.\n\n| format | operands |\n|---|---|\n",
    );
    for Format { name, operands, .. } in FORMATS {
        let mut all = Vec::new();
        for operand in *operands {
            let kinds = operand.places.iter().enumerate().map(|(i, (kind, at))| {
                let kind = match (i, operand.classed, kind) {
                    (0, true, Kind::Dst) => "d".to_string(),
                    (0, true, _) => "x".to_string(),
                    _ => format!("{kind:?}"),
                };
                format!("{kind} @{at}")
            });
            all.push(format!("{}: {}", operand.name, kinds.collect::<Vec<_>>().join(" or ")));
        }
        let _ = writeln!(out, "| {name} | {} |", all.join(", "));
    }
}

/// Rows whose names differ in letters only, and then those that have the same letters, effect and operands.
fn groups<'a>(rows: impl Iterator<Item = &'a &'a Row>) -> Vec<Group> {
    let mut operators: Vec<(String, Vec<&Row>)> = Vec::new();
    for row in rows {
        let operator = operator(row).0;
        match operators.iter_mut().find(|known| known.0 == operator) {
            Some(known) if known.1[0].format.name == row.format.name => known.1.push(row),
            _ => operators.push((operator, vec![row])),
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    for (name, rows) in operators {
        // Slots are the plainest.
        let shown = rows.iter().find(|row| row.classes.iter().all(|class| *class == Class::S));
        let shown = shown.unwrap_or(&rows[rows.len() - 1]);
        let group = Group {
            format: shown.format.name,
            forms: rows.iter().map(|row| operator(row).1).collect(),
            effect: shown.effect.replace(&name, "OP"),
            attributes: attributes(shown),
            operators: vec![name],
        };
        let same = |it: &&mut Group| {
            (it.format, &it.forms, &it.effect, &it.attributes)
                == (group.format, &group.forms, &group.effect, &group.attributes)
        };
        match groups.iter_mut().find(same) {
            Some(known) => known.operators.extend(group.operators),
            None => groups.push(group),
        }
    }
    groups
}

/// The name of an op without the letters of its operands, and these.
fn operator(row: &Row) -> (String, String) {
    let is_class = |text: &str| !text.is_empty() && text.chars().all(|c| "aslmnik".contains(c));
    let own = row.classes.len();
    // What a return restores stands behind the letters.
    let (name, tail) = ["_ri", "_rf", "_rif"]
        .iter()
        .find_map(|tail| Some((row.name.strip_suffix(tail)?, *tail)))
        .unwrap_or((&row.name, ""));
    match name.rsplit_once('_') {
        Some((operator, letters)) if own > 0 && letters.len() >= own && is_class(letters) => {
            (format!("{operator}{tail}"), letters.into())
        }
        _ => (row.name.clone(), String::new()),
    }
}

/// The letters by destination, if that makes them fewer.
fn forms(forms: &[String]) -> String {
    let all: Vec<String> = forms.iter().filter(|form| !form.is_empty()).cloned().collect();
    if all.is_empty() {
        return String::new();
    }
    let mut by_first: BTreeMap<char, Vec<&str>> = BTreeMap::new();
    for form in &all {
        by_first.entry(form.chars().next().unwrap_or(' ')).or_default().push(&form[1..]);
    }
    let rest = by_first.values().next().cloned().unwrap_or_default();
    if rest.len() > 1 && by_first.len() > 1 && by_first.values().all(|other| *other == rest) {
        let mut firsts: Vec<char> = Vec::new();
        for form in &all {
            firsts.extend(form.chars().next().filter(|first| !firsts.contains(first)));
        }
        let firsts: String = firsts.iter().map(|first| format!("{first} ")).collect();
        return format!("`{}` × `{}`", firsts.trim_end(), rest.join(" "));
    }
    format!("`{}`", all.join(" "))
}

/// What the attributes say, in words.
fn attributes(row: &Row) -> String {
    let it = row.attributes;
    let words = [
        (it.traps && !it.faults, "may trap"),
        (it.faults, "may fault"),
        (it.calls, "calls"),
        (it.ends, "ends the line"),
        (it.resumes, "not in fused ops"),
        (it.forwards, "forwards"),
    ];
    let words: Vec<&str> = words.iter().filter(|word| word.0).map(|word| word.1).collect();
    words.join(", ")
}
