//! The JSON of the Firefox Profiler, <https://profiler.firefox.com>: its processed format, version 55, whose
//! tables are columns of the same length. Written here, since the crate for it would be a fortieth of the command.

use std::collections::HashMap;
use std::fmt::{Display, Write};

use super::tree::{Func, ROOT, Recorded};
use crate::cli::json::quoted;
use crate::cli::places::Places;

/// Texts that are written once, and named by their number.
#[derive(Default)]
struct Strings {
    numbers: HashMap<String, usize>,
    quoted: Vec<String>,
}

impl Strings {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.quoted.len();
        self.quoted.push(quoted(text));
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

/// An array.
fn array<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let mut text = String::from("[");
    for (at, value) in values.into_iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{value}");
    }
    text.push(']');
    text
}

/// A table of so many rows, all equal but for the columns that are given.
fn table(length: usize, columns: &[(&str, String)], equal: &[(&str, &str)]) -> String {
    let mut text = format!("{{\"length\":{length}");
    for (name, column) in columns {
        let _ = write!(text, ",\"{name}\":{column}");
    }
    for (name, value) in equal {
        let column = array(std::iter::repeat_n(value, length));
        let _ = write!(text, ",\"{name}\":{column}");
    }
    text.push('}');
    text
}

fn or_null<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "null".into(), |value| value.to_string())
}

/// Writes the profile. A sample stands for all that a stack has spent: they are in order of stacks, not of time.
pub fn profile(recorded: &Recorded, places: &mut Places<'_>) -> String {
    let mut strings = Strings::default();
    // The first operator of each function that was executed says where the function is.
    let mut starts: HashMap<Func, u32> = HashMap::new();
    for &(func, offset) in recorded.spent.keys() {
        starts.entry(func).or_insert(offset);
    }
    let mut numbers: HashMap<Func, usize> = HashMap::new();
    let (mut names, mut files, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    let mut frames = Vec::new();
    for node in &recorded.nodes[1..] {
        let number = *numbers.entry(node.func).or_insert_with(|| {
            names.push(strings.number(places.name(node.func)));
            let start = starts.get(&node.func);
            let line = start.and_then(|start| places.line(node.func.0, *start));
            files.push(or_null(line.map(|line| strings.number(&line.file))));
            lines.push(or_null(line.map(|line| line.line)));
            names.len() - 1
        });
        frames.push(number);
    }
    let funcs = table(
        names.len(),
        &[("name", array(&names)), ("fileName", array(&files)), ("lineNumber", array(&lines))],
        &[
            ("isJS", "false"),
            ("relevantForJS", "false"),
            ("resource", "-1"),
            ("columnNumber", "null"),
        ],
    );
    let frame = table(
        names.len(),
        &[("func", array(0..names.len())), ("line", array(&lines))],
        &[
            ("address", "-1"),
            ("inlineDepth", "0"),
            ("category", "0"),
            ("subcategory", "0"),
            ("nativeSymbol", "null"),
            ("innerWindowID", "0"),
            ("column", "null"),
        ],
    );
    // A stack is a node, but for the root.
    let prefixes = recorded.nodes[1..].iter();
    let prefixes = prefixes.map(|node| or_null((node.parent != ROOT).then(|| node.parent - 1)));
    let stacks =
        table(frames.len(), &[("prefix", array(prefixes)), ("frame", array(&frames))], &[]);
    let spent = || recorded.nodes[1..].iter().enumerate().filter(|(_, node)| node.own > 0);
    let samples = table(
        spent().count(),
        &[
            ("weightType", quoted("samples")),
            ("stack", array(spent().map(|(at, _)| at))),
            ("weight", array(spent().map(|(_, node)| node.own))),
        ],
        &[("timeDeltas", "1")],
    );
    let product = quoted(&format!("{}, {}", places.file(0), recorded.unit));
    format!(
        r#"{{"meta": {{
"categories": [{{"name": "Other", "color": "grey", "subcategories": ["Other"]}}], "markerSchema": [],
"extensions": {{"baseURL": [], "id": [], "length": 0, "name": []}}, "debug": false, "interval": 1,
"preprocessedProfileVersion": 55, "version": 24, "processType": 0, "product": {product}, "startTime": 0,
"symbolicated": true, "pausedRanges": [], "usesOnlyOneStackType": true, "sourceCodeIsNotOnSearchfox": true}},
"libs": [], "pages": [], "profilerOverhead": [], "counters": [],
"threads": [{{"name": {product}, "processName": {product}, "pid": "1", "tid": "1", "isMainThread": true,
"processType": "default", "processStartupTime": 0, "processShutdownTime": null, "registerTime": 0,
"unregisterTime": null, "pausedRanges": [], "showMarkersInTimeline": false,
"markers": {{"length": 0, "category": [], "data": [], "endTime": [], "name": [], "phase": [], "startTime": []}},
"nativeSymbols": {{"length": 0, "address": [], "functionSize": [], "libIndex": [], "name": []}},
"resourceTable": {{"length": 0, "lib": [], "name": [], "host": [], "type": []}},
"frameTable": {frame},
"funcTable": {funcs},
"samples": {samples},
"stackTable": {stacks},
"stringArray": {}}}]}}
"#,
        array(&strings.quoted)
    )
}
