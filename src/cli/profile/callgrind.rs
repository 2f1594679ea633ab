//! Callgrind's format: <https://valgrind.org/docs/manual/cl-format.html>. Addresses are byte offsets in
//! the module, and lines those of its debug information.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::tree::{Func, Recorded, Sum};
use crate::cli::places::Places;

/// Names that are written in full once, and as numbers then.
#[derive(Default)]
struct Names(HashMap<String, usize>);

impl Names {
    fn show(&mut self, name: &str) -> String {
        if let Some(number) = self.0.get(name) {
            return format!("({number})");
        }
        let number = self.0.len() + 1;
        self.0.insert(name.to_owned(), number);
        format!("({number}) {name}")
    }
}

/// Writes the profile.
pub fn profile(recorded: &Recorded, places: &mut Places<'_>) -> String {
    let module = places.file(0);
    let mut text = format!(
        "# callgrind format\nversion: 1\ncreator: threadle {}\ncmd: {module}\npositions: instr line\n\
         events: {}\nsummary: {}\n\nob={module}\n",
        env!("CARGO_PKG_VERSION"),
        // A name of several words would be several events.
        recorded.unit.replace(' ', "_"),
        // Stacks may be rounded otherwise.
        recorded.spent.values().sum::<u64>()
    );
    // Calls by caller, with their place and callee.
    let func_of = |node: u32| recorded.nodes[node as usize].func;
    let edges = recorded.sums(|node| (func_of(node.parent), node.site, node.func));
    let mut calls: BTreeMap<Func, Vec<(u32, Func, Sum)>> = BTreeMap::new();
    for ((caller, site, callee), sum) in edges {
        calls.entry(caller).or_default().push((site, callee, sum));
    }

    let names = distinct(recorded, places);
    let (mut files, mut functions) = (Names::default(), Names::default());
    // Where a function is: the file and line of its first operator that was executed.
    let mut starts: BTreeMap<Func, (u32, String, u32)> = BTreeMap::new();
    for &(func, offset) in recorded.spent.keys() {
        starts.entry(func).or_insert_with(|| {
            let line = places.line(func.0, offset);
            let file = line.map_or_else(|| module.clone(), |line| line.file.clone());
            (offset, file, line.map_or(0, |line| line.line))
        });
    }
    for (&func, (_, start, _)) in &starts {
        let _ = writeln!(text, "\nfl={}", files.show(start));
        let _ = writeln!(text, "fn={}", functions.show(&names[&func]));
        let mut current = start.clone();
        let mut at = |text: &mut String, files: &mut Names, offset: u32| {
            let line = places.line(func.0, offset);
            let (file, line) = line.map_or((start, 0), |line| (&line.file, line.line));
            if *file != current {
                let _ = writeln!(text, "fi={}", files.show(file));
                current.clone_from(file);
            }
            format!("{offset:#x} {line}")
        };
        for (&(_, offset), count) in recorded.spent.range((func, 0)..=(func, u32::MAX)) {
            let place = at(&mut text, &mut files, offset);
            let _ = writeln!(text, "{place} {count}");
        }
        for (site, callee, sum) in calls.get(&func).into_iter().flatten() {
            let Some((offset, file, line)) = starts.get(callee) else { continue };
            let place = at(&mut text, &mut files, *site);
            let _ = writeln!(text, "cfi={}", files.show(file));
            let _ = writeln!(text, "cfn={}", functions.show(&names[callee]));
            // Samples know no calls; readers want one at least.
            let _ = writeln!(text, "calls={} {offset:#x} {line}", sum.calls.max(1));
            let _ = writeln!(text, "{place} {}", sum.total);
        }
    }
    text
}

/// Names of functions that tell them apart.
fn distinct(recorded: &Recorded, places: &mut Places<'_>) -> BTreeMap<Func, String> {
    let mut names = BTreeMap::new();
    let mut count: HashMap<String, u32> = HashMap::new();
    for node in &recorded.nodes[1..] {
        names.entry(node.func).or_insert_with(|| {
            let name = places.name(node.func).to_owned();
            *count.entry(name.clone()).or_default() += 1;
            name
        });
    }
    for (func, name) in &mut names {
        if count[name.as_str()] > 1 {
            let _ = write!(name, " [{}]", func.1);
        }
    }
    names
}
