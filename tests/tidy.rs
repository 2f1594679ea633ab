//! Facts about the repository itself: layers, file sizes, and documents that say what is so.

extern crate alloc;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[path = "tidy/bytecode.rs"]
mod bytecode;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/unsafe_code.rs"]
mod unsafe_code;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All text files of the repository, by path relative to its root.
fn files() -> BTreeMap<String, String> {
    fn walk(folder: &Path, files: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // A folder, or the file that a second work tree has in its place.
            if name == ".git" {
                continue;
            }
            if path.is_dir() {
                // Build results, wherever they were put, are marked by cargo.
                let built = name == "target" || path.join("CACHEDIR.TAG").exists();
                if !built {
                    walk(&path, files);
                }
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let relative = path.strip_prefix(root()).expect("below the root");
                let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
                files.insert(parts.join("/"), text);
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(root(), &mut files);
    assert!(files.len() > 50, "the repository's files are found");
    files
}

fn rust_files() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(".rs"))
}

/// Fails with all complaints at once.
fn report(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The modules of each layer. Whatever is not named here is the public API, layer 6.
const LAYERS: [(u8, &[&str]); 7] = [
    (0, &["error", "index", "prelude", "sem", "trap", "tune", "types"]),
    (1, &["isa", "sys"]),
    (2, &["symbols", "wasm"]),
    (3, &["translate", "verify", "vm"]),
    (4, &["exec"]),
    (5, &["artefact", "code"]),
    (7, &["wasi", "wast"]),
];

const PUBLIC_API: u8 = 6;

fn layer(module: &str) -> u8 {
    let named = LAYERS.iter().find(|(_, modules)| modules.contains(&module));
    named.map_or(PUBLIC_API, |(layer, _)| *layer)
}

/// The first names of all `crate::` paths in a file's code.
fn edges(text: &str) -> BTreeSet<String> {
    let mut edges = BTreeSet::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        for (start, _) in code.match_indices("crate::") {
            // `$crate` and names that merely end so.
            if code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let path = &code[start + "crate::".len()..];
            let name = |text: &str| -> String {
                text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
            };
            match path.strip_prefix('{') {
                Some(list) => {
                    let inside = list.split('}').next().unwrap_or_default();
                    edges.extend(inside.split(',').map(|item| name(item.trim())));
                }
                None => {
                    edges.insert(name(path));
                }
            }
        }
    }
    edges.remove("");
    edges
}

#[test]
fn edges_are_found_in_code_but_not_in_comments() {
    let text = "use crate::vm::VmStore; // crate::no\n/// [`crate::no`]\nuse crate::{A, b::C};\n\
                let x = crate::exec::run(crate::sys::page());";
    assert_eq!(edges(text).into_iter().collect::<Vec<_>>(), ["A", "b", "exec", "sys", "vm"]);
}

#[test]
fn lower_layers_never_name_higher_ones() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files() {
        let Some(inside) = path.strip_prefix("src/") else { continue };
        let module = inside.split(['/', '.']).next().unwrap_or_default();
        // The crate's root names all modules; the command and the build script are other crates.
        if matches!(module, "lib" | "main" | "cli") || inside == "isa/generate.rs" {
            continue;
        }
        for edge in edges(&text) {
            if layer(&edge) <= layer(module) {
                continue;
            }
            complaints.push(format!(
                "{path} (layer {}) names `crate::{edge}` (layer {})",
                layer(module),
                layer(&edge)
            ));
        }
    }
    report(complaints);
}

/// Lines that a file may have.
const LONGEST: usize = 900;

#[test]
fn files_are_short_enough_to_be_read() {
    let long = rust_files().map(|(path, text)| (path, text.lines().count()));
    let long = long.filter(|(_, lines)| *lines > LONGEST);
    report(long.map(|(path, lines)| format!("{path} has {lines} lines")).collect());
}

/// Lines that a function of the library may have.
const LONGEST_FUNCTION: usize = 120;

#[test]
fn functions_are_short_enough_to_be_read() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files().filter(|(path, _)| path.starts_with("src/")) {
        for (name, line, lines) in source::functions(&text) {
            if lines > LONGEST_FUNCTION {
                complaints.push(format!("{path}:{line}: `{name}` has {lines} lines"));
            }
        }
    }
    report(complaints);
}

/// What the public API is made of: types that stand for the engine's objects, and are made from each other. A
/// file that names one of them needs nothing of the file that declares it but that.
const HANDLES: [&str; 39] = [
    "AnyRef",
    "ArrayRef",
    "ArrayType",
    "AsContext",
    "AsContextMut",
    "Caller",
    "Engine",
    "EqRef",
    "ExnRef",
    "ExnType",
    "Export",
    "Extern",
    "ExternRef",
    "ExternType",
    "FieldType",
    "Func",
    "FuncType",
    "Global",
    "HeapType",
    "I31",
    "Instance",
    "Memory",
    "Module",
    "OwnedRooted",
    "Ref",
    "RefType",
    "Rooted",
    "SharedMemory",
    "StorageType",
    "Store",
    "StoreContext",
    "StoreContextMut",
    "StructRef",
    "StructType",
    "Table",
    "Tag",
    "TypedFunc",
    "Val",
    "ValType",
];

/// Files that lead to each other all the same, and why.
const KNOTS: [(&[&str], &str); 1] = [(
    &[
        "src/exec/families/bulk.rs",
        "src/exec/families/call.rs",
        "src/exec/families/host.rs",
        "src/exec/handlers.rs",
    ],
    "a handler is an instance of a body, and a body ends in a jump to another handler",
)];

#[test]
fn no_file_leads_back_to_itself() {
    let graph = source::Graph::read(root(), "src/lib.rs");
    let is_handle = |file: &str, name: &str| {
        let module = file.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
        layer(module) == PUBLIC_API && HANDLES.contains(&name)
    };
    let edges = graph.edges(is_handle);
    assert!(edges.len() > 200 && edges.values().flatten().count() > 900, "files were read");
    let mut complaints = Vec::new();
    let circles = source::circles(&edges);
    for circle in &circles {
        if KNOTS.iter().any(|(files, _)| files == circle) {
            continue;
        }
        complaints.push("files that lead to each other:".into());
        for file in circle {
            for (to, names) in edges[file].iter().filter(|(to, _)| circle.contains(to)) {
                complaints.push(format!("    {file} names {names:?} of {to}"));
            }
        }
    }
    for (files, why) in KNOTS.iter().filter(|(files, _)| !circles.iter().any(|it| it == files)) {
        complaints.push(format!("`KNOTS` lists what is not one: {files:?}, {why}"));
    }
    report(complaints);
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    // Put together here, so that this file does not contain them.
    let places = ["work", "root", "home", "tmp"].map(|folder| format!("/{folder}/"));
    let mut complaints = Vec::new();
    for (path, text) in files() {
        for (number, line) in text.lines().enumerate() {
            for (start, place) in places.iter().flat_map(|place| line.match_indices(&**place)) {
                // A part of a longer path of our own is none.
                let before = line[..start].chars().next_back();
                if before.is_none_or(|c| !(c.is_alphanumeric() || ".-_}".contains(c))) {
                    complaints.push(format!("{path}:{}: {place}", number + 1));
                }
            }
        }
    }
    report(complaints);
}

/// Functions that are given where an operand is, or where all of them end.
const OPERAND_READERS: [&str; 11] =
    ["put", "put_slot", "put_half", "field", "next", "slot", "get", "at", "read", "write", "count"];

/// Whether a line names an operand by a number: calls one of these functions with a number behind the registers,
/// the instruction's address or its place in the code, or adds a number to the size of a head.
fn names_operand_by_number(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let is_number = |text: &str| {
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        digits > 0 && text[digits..].starts_with([',', ')', ';', ']'])
    };
    let by_call = code.match_indices('(').any(|(open, _)| {
        let path = code[..open].rsplit([' ', '(', '*', '&', '.', '!']).next().unwrap_or_default();
        // Without type parameters and module.
        let path = path.split("::<").next().unwrap_or_default();
        let name = path.rsplit("::").next().unwrap_or_default();
        let mut first = ["r, ", "r.pc, ", "at, "].iter();
        OPERAND_READERS.contains(&name)
            && first.any(|it| code[open + 1..].strip_prefix(it).is_some_and(is_number))
    });
    by_call || code.split("HEAD + ").skip(1).any(is_number)
}

#[test]
fn operands_named_by_numbers_are_found() {
    for line in [
        "next(r, 8)",
        "let x = X::read(r, 2);",
        "D::write(r, 0, v);",
        "let code = unsafe { field::<u32>(r.pc, 12) };",
        "self.put_slot(at, 2, sx);",
        "let lanes = r.pc.add(crate::isa::HEAD + 8);",
    ] {
        assert!(names_operand_by_number(line), "{line}");
    }
    for line in ["next(r, Load::BODY)", "X::read(r, Load::ADDR)", "// next(r, 8)", "f.read(at, x)"]
    {
        assert!(!names_operand_by_number(line), "{line}");
    }
}

#[test]
fn no_operand_is_named_by_a_number() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files() {
        let looks = ["src/isa/", "src/exec/", "src/translate/", "src/cli/"];
        // Where operands are declared.
        if !looks.iter().any(|folder| path.starts_with(folder)) || path == "src/isa/table/format.rs"
        {
            continue;
        }
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| names_operand_by_number(line))
        {
            complaints.push(format!("{path}:{}: {}", number + 1, line.trim()));
        }
    }
    report(complaints);
}

#[test]
fn documentation_says_and_does_not_ask() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files().filter(|(path, _)| path.contains("src/")) {
        let mut is_code = false;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            let Some(prose) = line.strip_prefix("/// ").or(line.strip_prefix("//! ")) else {
                continue;
            };
            is_code ^= prose.starts_with("```");
            if !is_code && prose.ends_with('?') {
                complaints.push(format!("{path}:{}: {prose}", number + 1));
            }
        }
    }
    report(complaints);
}

#[test]
fn the_guide_to_ops_names_what_is_there() {
    let page = std::fs::read_to_string(root().join("docs/adding-an-op.md")).expect("the page");
    let looked = ["src/", "tests/", "asm-check/src/"];
    let sources: Vec<String> = files()
        .into_iter()
        .filter(|(path, _)| looked.iter().any(|folder| path.starts_with(folder)))
        .filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".txt"))
        .map(|(_, text)| text)
        .collect();
    // Every name in it that could be one of the sources', in prose and in what it shows of them.
    let is_name = |word: &str| word.contains('_') && !word.starts_with('_') && !word.ends_with('_');
    let words = page.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| is_name(word));
    let words: BTreeSet<&str> = words.collect();
    assert!(words.len() > 10, "the guide names things: {words:?}");
    let rows: BTreeSet<String> = bytecode::names();
    // What it has its reader add, and names that begin with that.
    let added = page.lines().filter_map(|line| line.strip_prefix('+'));
    let added = added.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let added: BTreeSet<&str> = added.filter(|word| is_name(word)).collect();
    let known = |word: &str| {
        rows.contains(word)
            || sources.iter().any(|text| text.contains(word))
            || added.iter().any(|name| word.starts_with(name))
    };
    let missing = words.iter().filter(|word| !known(word));
    report(missing.map(|word| format!("docs/adding-an-op.md: there is no {word}")).collect());
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["todo", "!("], ["unimplemented", "!("]];
    let marks = marks.map(|parts| parts.concat());
    let mut complaints = Vec::new();
    for (path, text) in rust_files().chain(documents()) {
        for (number, line) in text.lines().enumerate() {
            for (start, mark) in marks.iter().flat_map(|mark| line.match_indices(&**mark)) {
                // A whole word: not the middle of an identifier or of a data string.
                let before = line[..start].chars().next_back();
                let after = line[start + mark.len()..].chars().next();
                let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                if !inside(before) && (mark.ends_with('(') || !inside(after)) {
                    complaints.push(format!("{path}:{}: {mark}", number + 1));
                }
            }
        }
    }
    report(complaints);
}

fn documents() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(".md"))
}

#[test]
fn ci_runs_the_commands_that_the_readme_gives_first() {
    let read = |file| std::fs::read_to_string(root().join(file)).expect("the file is there");
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    let block = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    let lines = block.expect("the README has commands").lines();
    let commands = lines.map(|line| line.split('#').next().unwrap_or_default().trim());
    let commands: Vec<&str> = commands.filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let missing: Vec<_> = commands.iter().filter(|command| !ci.contains(**command)).collect();
    assert!(missing.is_empty(), ".ci/run lacks {missing:?}");
}

#[test]
fn a_library_without_more_than_std_depends_on_what_the_documentation_lists() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let command = "tree --no-default-features --features std --edges normal --offline --format {lib} --charset utf8";
    let output = std::process::Command::new(cargo)
        .args(command.split(' '))
        // On other machines it needs other crates to call the system.
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    let page =
        std::fs::read_to_string(root().join("docs/architecture.md")).expect("the file is there");
    let listed = page.split("```text\n").find(|block| block.starts_with("threadle\n"));
    let listed = listed.and_then(|block| block.split("```").next()).expect("a tree");
    assert_eq!(listed, tree);
}

/// Folders whose paths are spelled from the repository's root.
const FOLDERS: [&str; 8] =
    ["src/", "tests/", "docs/", "examples/", "benches/", "asm-check/", "capi/", ".ci/"];

/// The paths in a line that are meant to be files of this repository.
fn named_paths(line: &str) -> impl Iterator<Item = &str> {
    let part_of_path = |c: char| c.is_ascii_alphanumeric() || "/._-*<>{}$".contains(c);
    line.split(move |c: char| !part_of_path(c))
        .map(|word| word.trim_end_matches(['.', '/', '-']))
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        // Patterns and placeholders stand for several.
        .filter(|word| !word.contains(['*', '<', '>', '{', '}', '$']))
        .filter(|word| !word.split(['/', '.']).any(is_placeholder))
        .filter(|word| !word.contains("..") && word.contains('/'))
        .filter(|word| word.chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric()))
}

/// `LABEL` in `golden/LABEL.txt`.
fn is_placeholder(part: &str) -> bool {
    part != "README" && part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase())
}

#[test]
fn paths_in_texts_are_told_from_other_words() {
    let line = "see `src/isa/table.rs`, docs/*.md, docs/NAME.md, (tests/data/x.txt). http://x/src/y a/src/z";
    assert_eq!(named_paths(line).collect::<Vec<_>>(), ["src/isa/table.rs", "tests/data/x.txt"]);
}

#[test]
fn paths_that_documents_and_comments_name_exist() {
    let files = files();
    let exists = |base: &Path, path: &str| base.join(path).exists();
    let mut complaints = Vec::new();
    for (file, text) in &files {
        let document = file.ends_with(".md");
        if !document && !file.ends_with(".rs") {
            continue;
        }
        // Members of the workspace speak of their own folders too.
        let own = file.split('/').next().filter(|top| root().join(top).join("Cargo.toml").exists());
        let mut bases = vec![root().to_path_buf()];
        bases.extend(own.map(|top| root().join(top)));
        // Workspaces of their own, one folder deeper.
        let mut folders = file.splitn(3, '/');
        if let (Some(top @ ("benches" | "tests")), Some(own)) = (folders.next(), folders.next()) {
            bases.push(root().join(top).join(own));
        }
        // Files that a guide has its reader write.
        let written = |path: &str| document && text.contains(&format!("--- {path}\n+"));
        for (number, line) in text.lines().enumerate() {
            let prose = if document { line } else { line.split_once("//").map_or("", |it| it.1) };
            for path in named_paths(prose).filter(|path| !written(path)) {
                if !bases.iter().any(|base| exists(base, path)) {
                    complaints.push(format!("{file}:{}: there is no {path}", number + 1));
                }
            }
        }
        if document {
            let folder = root().join(file).parent().map(PathBuf::from).unwrap_or_default();
            for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = target.split('#').next().unwrap_or_default();
                if !path.is_empty() && !path.contains(':') && !exists(&folder, path) {
                    complaints.push(format!("{file}: the link to {path} leads nowhere"));
                }
            }
        }
    }
    report(complaints);
}
