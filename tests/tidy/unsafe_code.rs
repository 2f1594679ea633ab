//! `docs/unsafe.md` against the code: which files have unsafe code, and of which kinds.

use std::collections::BTreeSet;

use crate::{report, root, rust_files};

/// The lines of a file that are code, more or less.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

/// Files of the library and of the C API with a line of code of which this is true, by path.
fn files_with(is_it: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let ours = |path: &str| path.starts_with("src/") || path.starts_with("capi/src/");
    let files = rust_files().filter(|(path, text)| ours(path) && code(text).any(&is_it));
    files.map(|(path, _)| path).collect()
}

fn has_word(line: &str, searched: &str) -> bool {
    // A whole word: `unsafe_code` is a lint's name.
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == searched)
}

fn has_unsafe(line: &str) -> bool {
    has_word(line, "unsafe")
}

#[test]
fn every_file_with_unsafe_code_is_listed_where_it_is_explained() {
    let path = root().join("docs/unsafe.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let found: BTreeSet<String> =
        files_with(has_unsafe).iter().map(|path| format!("- `{path}`")).collect();
    let is_entry = |line: &&str| line.starts_with("- `") && line.ends_with(".rs`");
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        let (before, after) = page.split_once("- `").expect("the page lists files");
        let after = after.lines().skip_while(|line| !line.is_empty());
        let list = found.iter().cloned().collect::<Vec<_>>().join("\n");
        let after = after.collect::<Vec<_>>().join("\n");
        std::fs::write(&path, format!("{before}{list}\n{after}\n")).expect("the page is written");
        return;
    }
    let listed: BTreeSet<String> = page.lines().filter(is_entry).map(str::to_owned).collect();
    let mut complaints = Vec::new();
    complaints.extend(found.difference(&listed).map(|it| format!("{it} is not in docs/unsafe.md")));
    complaints.extend(listed.difference(&found).map(|it| format!("{it} has no unsafe code")));
    report(complaints);
}

/// What a kind of unsafe code looks like, if that can be seen.
type Looks = fn(&str) -> bool;

/// Kinds that can be told by their looks, by how their row of the page begins.
const SEEN: [(&str, Looks); 4] = [
    ("System calls", |line| line.contains("libc::") || has_word(line, "windows_sys")),
    ("Memory of the allocator", |line| line.contains("alloc::alloc::")),
    ("Assembly", |line| ["asm!", "global_asm!"].iter().any(|it| line.contains(it))),
    ("`Send` and `Sync` by hand", |line| {
        has_unsafe(line)
            && has_word(line, "impl")
            && (has_word(line, "Send") || has_word(line, "Sync"))
    }),
];

/// Does the name of a place, as the page gives it, mean the file or its folder? Modules of the library are
/// named without `src/`.
fn names(place: &str, path: &str) -> bool {
    let path = if place.starts_with("capi") { path } else { path.trim_start_matches("src/") };
    path.trim_end_matches(".rs") == place.trim_end_matches(".rs")
        || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
}

#[test]
fn all_unsafe_code_is_of_a_kind_that_is_explained() {
    let page = std::fs::read_to_string(root().join("docs/unsafe.md")).expect("the page");
    let rows: Vec<(&str, Vec<&str>)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| **")?.split(" | ");
            let (kind, places) = (cells.next()?, cells.next()?);
            Some((kind, places.split('`').skip(1).step_by(2).collect()))
        })
        .collect();
    assert!(rows.len() > 10, "the table is found");
    let files = files_with(has_unsafe);
    let mut complaints = Vec::new();
    for file in &files {
        if !rows.iter().any(|(_, places)| places.iter().any(|place| names(place, file))) {
            complaints.push(format!("{file}: no kind of docs/unsafe.md says that it is there"));
        }
    }
    for (kind, places) in &rows {
        for place in places {
            if !files.iter().any(|file| names(place, file)) {
                complaints.push(format!("{kind}: `{place}` has no unsafe code"));
            }
        }
    }
    for (kind, looks) in SEEN {
        let (_, places) = rows.iter().find(|(it, _)| it.starts_with(kind)).expect("a row of it");
        let found = files_with(looks);
        for file in found.intersection(&files) {
            if !places.iter().any(|place| names(place, file)) {
                complaints.push(format!("{kind}: also in {file}"));
            }
        }
        for place in places {
            if !found.iter().any(|file| names(place, file)) {
                complaints.push(format!("{kind}: not in `{place}`"));
            }
        }
    }
    report(complaints);
}
