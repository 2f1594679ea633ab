//! The table, and the text that flame graphs are made of.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::tree::{Func, Recorded, Step};
use crate::cli::places::{Line, Places};

/// Rows of each table.
const ROWS: usize = 100;

/// The deepest stacks that are written: a line is as long as its stack is deep.
const MOST_FRAMES: usize = 1000;

/// Functions and source lines, those that spent most first.
pub fn table(recorded: &Recorded, places: &mut Places<'_>) -> String {
    let total = recorded.total();
    let share = |count: u64| count as f64 * 100.0 / total.max(1) as f64;
    let unit = recorded.unit;
    let mut text = format!("total: {total} {unit}\n\n");

    let mut functions: Vec<_> = recorded.sums(|node| node.func).into_iter().collect();
    functions.sort_unstable_by_key(|(func, sum)| (u64::MAX - sum.own, u64::MAX - sum.total, *func));
    let _ = writeln!(text, "functions: {unit} of its own, with all that it called, calls");
    for (func, sum) in functions.iter().take(ROWS) {
        let calls = if recorded.has_calls { sum.calls.to_string() } else { "-".into() };
        let _ = writeln!(
            text,
            "{:6.2} % {:>14}  {:6.2} % {:>14}  {calls:>10}  {}",
            share(sum.own),
            sum.own,
            share(sum.total),
            sum.total,
            places.name(*func)
        );
    }
    more(&mut text, functions.len());

    let mut lines: BTreeMap<(Line, Func), u64> = BTreeMap::new();
    let mut unknown = 0;
    for (&(func, offset), count) in &recorded.spent {
        match places.line(func.0, offset) {
            Some(line) => *lines.entry((line.clone(), func)).or_default() += count,
            None => unknown += count,
        }
    }
    if lines.is_empty() {
        text.push_str("\nlines: the module has no debug information that says any\n");
        return text;
    }
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let _ = writeln!(text, "\nlines: {unit}, place, function that it was compiled into");
    for ((line, func), count) in lines.iter().take(ROWS) {
        let Line { file, line } = line;
        let name = places.name(*func);
        let _ = writeln!(text, "{:6.2} % {count:>14}  {file}:{line}  {name}", share(*count));
    }
    more(&mut text, lines.len());
    if unknown > 0 {
        let _ = writeln!(text, "{:6.2} % {unknown:>14}  without a line", share(unknown));
    }
    text
}

fn more(text: &mut String, rows: usize) {
    if rows > ROWS {
        let _ = writeln!(text, "... {} more", rows - ROWS);
    }
}

/// A line per stack: names of functions, outermost first, between semicolons, and what was spent there.
pub fn collapsed(recorded: &Recorded, places: &mut Places<'_>) -> String {
    let mut text = String::new();
    let mut stack = String::new();
    let mut ends = Vec::new();
    recorded.walk(|step| match step {
        Step::Enter(at) => {
            let node = &recorded.nodes[at as usize];
            ends.push(stack.len());
            if ends.len() <= MOST_FRAMES {
                if ends.len() > 1 {
                    stack.push(';');
                }
                stack.push_str(&places.name(node.func).replace(';', ":"));
            }
            if node.own > 0 {
                let _ = writeln!(text, "{stack} {}", node.own);
            }
        }
        Step::Leave(_) => stack.truncate(ends.pop().unwrap_or(0)),
    });
    text
}
