//! The crate's sources as the compiler sees them: tokens, functions, and which file names what of which other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A token, and the line that it stands in.
#[derive(Clone, Debug)]
pub struct Token {
    pub what: What,
    pub line: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    Name(String),
    Mark(char),
    Open(Delimiter),
    Close(Delimiter),
    /// A literal as it is written.
    Literal(String),
}

impl Token {
    fn is(&self, name: &str) -> bool {
        matches!(&self.what, What::Name(it) if it == name)
    }

    fn name(&self) -> Option<&str> {
        match &self.what {
            What::Name(name) => Some(name),
            _ => None,
        }
    }

    fn is_mark(&self, mark: char) -> bool {
        self.what == What::Mark(mark)
    }
}

/// The tokens of a file, groups taken apart.
pub fn tokens(text: &str) -> Vec<Token> {
    fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
        for tree in stream {
            let line = tree.span().start().line;
            let what = match tree {
                TokenTree::Ident(name) => What::Name(name.to_string()),
                TokenTree::Punct(mark) => What::Mark(mark.as_char()),
                TokenTree::Literal(literal) => What::Literal(literal.to_string()),
                TokenTree::Group(group) => {
                    tokens.push(Token { what: What::Open(group.delimiter()), line });
                    flatten(group.stream(), tokens);
                    let line = group.span_close().end().line;
                    tokens.push(Token { what: What::Close(group.delimiter()), line });
                    continue;
                }
            };
            tokens.push(Token { what, line });
        }
    }
    let mut tokens = Vec::new();
    flatten(text.parse().expect("Rust"), &mut tokens);
    tokens
}

/// Where the group that opens at `open` closes.
fn close(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.what {
            What::Open(_) => depth += 1,
            What::Close(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    tokens.len() - 1
}

/// Name, first line and number of lines of each function with a body.
pub fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for (i, pair) in tokens.windows(2).enumerate() {
        let Some(name) = pair[1].name().filter(|_| pair[0].is("fn")) else { continue };
        let mut at = i + 2;
        while at < tokens.len() && !tokens[at].is_mark(';') {
            let end = close(&tokens, at);
            if tokens[at].what == What::Open(Delimiter::Brace) {
                let first = pair[0].line;
                found.push((name.to_owned(), first, tokens[end].line + 1 - first));
                break;
            }
            at = end + 1;
        }
    }
    found
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Module(usize),
    /// Something that this module declares.
    Item(usize),
}

#[derive(Default)]
struct Module {
    file: String,
    parent: usize,
    children: BTreeMap<String, usize>,
    /// What its files declare besides modules.
    items: BTreeSet<String>,
    /// Names that it imports, and their paths.
    imports: BTreeMap<String, Vec<String>>,
    /// Paths of which it imports all.
    globs: Vec<Vec<String>>,
    /// Paths in its code, imports included, and the names that stand alone.
    paths: Vec<Vec<String>>,
    names: BTreeSet<String>,
}

/// The modules of the crate, without its tests.
pub struct Graph {
    modules: Vec<Module>,
}

impl Graph {
    /// Reads a crate, from the file of its root on.
    pub fn read(root: &Path, main: &str) -> Graph {
        let mut graph = Graph { modules: Vec::new() };
        graph.modules.push(Module { file: main.to_owned(), ..Module::default() });
        graph.file(root, 0, main, true);
        graph
    }

    /// Reads a file of a module. Modules that it declares lie in its folder if it `owns` that.
    fn file(&mut self, root: &Path, module: usize, path: &str, owns: bool) {
        let text = std::fs::read_to_string(root.join(path)).expect("a module's file is there");
        let (folder, name) = path.rsplit_once('/').expect("a file in a folder");
        let stem = name.trim_end_matches(".rs");
        let folder = if owns || stem == "mod" { folder.into() } else { format!("{folder}/{stem}") };
        self.scan(root, module, path, &folder, &tokens(&text));
    }

    /// Adds a module to another.
    fn add(&mut self, parent: usize, name: &str, file: &str) -> usize {
        let module = self.modules.len();
        self.modules.push(Module { parent, file: file.to_owned(), ..Module::default() });
        self.modules[parent].children.entry(name.to_owned()).or_insert(module);
        module
    }

    /// Reads a module's text. Modules that it declares lie in `folder`.
    fn scan(&mut self, root: &Path, module: usize, file: &str, folder: &str, tokens: &[Token]) {
        let mut rest = tokens;
        while !rest.is_empty() {
            let (item, after) = split_item(rest);
            rest = after;
            let (attributes, item) = split_attributes(item);
            if attributes.iter().any(|it| it.len() == 4 && it[0].is("cfg") && it[2].is("test")) {
                continue;
            }
            let keyword = item.iter().position(|it| it.is("mod") || it.is("use"));
            let keyword = keyword.filter(|at| item[..*at].iter().all(is_visibility));
            match keyword {
                Some(at) if item[at].is("use") => {
                    let before = self.modules[module].paths.len();
                    self.import(module, &item[at + 1..], &[]);
                    // A module that passes names on does not use them by that.
                    if at > 0 {
                        self.modules[module].paths.truncate(before);
                    }
                }
                Some(at) => {
                    let name = item[at + 1].name().expect("a module's name").to_owned();
                    // Twice, if it is declared for two configurations.
                    if self.modules[module].children.contains_key(&name) {
                        continue;
                    }
                    if item[at + 2].what == What::Open(Delimiter::Brace) {
                        let child = self.add(module, &name, file);
                        let inside = &item[at + 3..item.len() - 1];
                        self.scan(root, child, file, &format!("{folder}/{name}"), inside);
                        continue;
                    }
                    // One file, or one for each kind of target.
                    let own = file.rsplit_once('/').map_or("", |it| it.0);
                    let named = attributes.iter().flat_map(|it| path_of(it));
                    let named: Vec<String> = named.map(|path| format!("{own}/{path}")).collect();
                    let plain = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
                    let plain = plain.into_iter().find(|path| root.join(path).exists());
                    assert!(!named.is_empty() || plain.is_some(), "{file}: no file for {name}");
                    for path in named.iter().chain(&plain) {
                        let child = self.add(module, &name, path);
                        self.file(root, child, path, named.contains(path));
                    }
                }
                None => {
                    self.modules[module].items.extend(declared(item));
                    self.mentions(module, item);
                }
            }
        }
    }

    /// Reads an import's tree.
    fn import(&mut self, module: usize, tokens: &[Token], before: &[String]) {
        let mut path = before.to_vec();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at].what {
                What::Name(name) if name == "as" => {
                    let alias = tokens[at + 1].name().expect("a name").to_owned();
                    self.modules[module].imports.insert(alias, path.clone());
                    self.modules[module].paths.push(path);
                    return;
                }
                What::Name(name) => path.push(name.clone()),
                What::Mark('*') => {
                    self.modules[module].globs.push(path);
                    return;
                }
                What::Open(_) => {
                    let end = close(tokens, at);
                    let mut start = at + 1;
                    while start < end {
                        let mut stop = start;
                        while stop < end && !tokens[stop].is_mark(',') {
                            stop = close(tokens, stop) + 1;
                        }
                        self.import(module, &tokens[start..stop], &path);
                        start = stop + 1;
                    }
                    return;
                }
                _ => {}
            }
            at += 1;
        }
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(name) = path.last().cloned() {
            self.modules[module].imports.insert(name, path.clone());
            self.modules[module].paths.push(path);
        }
    }

    /// Notes the paths in code, and imports inside of functions.
    fn mentions(&mut self, module: usize, tokens: &[Token]) {
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at].is("use")
                && let Some(end) = (at..tokens.len()).find(|i| tokens[*i].is_mark(';'))
            {
                self.import(module, &tokens[at + 1..end], &[]);
                at = end + 1;
                continue;
            }
            let Some(name) = tokens[at].name() else {
                at += 1;
                continue;
            };
            // A field, a method or a lifetime is no path.
            let is_member = at > 0 && (tokens[at - 1].is_mark('.') || tokens[at - 1].is_mark('\''));
            let length = path_length(&tokens[at..]);
            if length == 1 {
                if !is_member {
                    self.modules[module].names.insert(name.to_owned());
                }
            } else {
                let path = tokens[at..at + length].iter().filter_map(Token::name);
                let path = path.map(str::to_owned).collect();
                self.modules[module].paths.push(path);
            }
            at += length;
        }
    }

    /// Where a path leads, as seen from a module. Not into other crates.
    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<Place> {
        let (first, mut rest) = path.split_first()?;
        let mut place = match &**first {
            "crate" => Place::Module(0),
            "self" => Place::Module(module),
            "super" => Place::Module(self.modules[module].parent),
            name => self.member(module, name, depth)?,
        };
        while let (Place::Module(at), Some((name, others))) = (place, rest.split_first()) {
            rest = others;
            place = match &**name {
                "super" => Place::Module(self.modules[at].parent),
                "self" => place,
                // What no text declares was made by a macro.
                name => self.member(at, name, depth).unwrap_or(Place::Item(at)),
            };
        }
        Some(place)
    }

    /// What a name is in a module.
    fn member(&self, module: usize, name: &str, depth: usize) -> Option<Place> {
        if depth > 8 {
            return None;
        }
        let it = &self.modules[module];
        if let Some(child) = it.children.get(name) {
            return Some(Place::Module(*child));
        }
        if it.items.contains(name) {
            return Some(Place::Item(module));
        }
        if let Some(path) = it.imports.get(name) {
            // An import of the very name that its path begins with is of another crate.
            let foreign = path.first().is_some_and(|first| first == name) && path.len() == 1;
            return if foreign { None } else { self.resolve(module, path, depth + 1) };
        }
        it.globs.iter().find_map(|glob| match self.resolve(module, glob, depth + 1)? {
            Place::Module(from) if from != module => self.member(from, name, depth + 1),
            _ => None,
        })
    }

    /// For each file the files that it names something of, with what it names. Names for which `is_aside` holds
    /// are left out.
    pub fn edges(
        &self,
        is_aside: impl Fn(&str, &str) -> bool,
    ) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
        let mut edges: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (number, module) in self.modules.iter().enumerate() {
            let own = edges.entry(module.file.clone()).or_default();
            let mut note = |place, name: &str| {
                let Some(Place::Item(to)) = place else { return };
                let file = &self.modules[to].file;
                if *file != module.file && !is_aside(file, name) {
                    own.entry(file.clone()).or_default().insert(name.to_owned());
                }
            };
            for path in &module.paths {
                // The item, not what belongs to it.
                let place = self.resolve(number, path, 0);
                let name = (1..=path.len())
                    .find(|n| self.resolve(number, &path[..*n], 0) == place)
                    .map_or("", |n| &path[n - 1]);
                note(place, name);
            }
            for name in &module.names {
                if !module.items.contains(name) {
                    note(self.member(number, name, 0), name);
                }
            }
        }
        edges
    }
}

/// Takes the first item from a module's text.
fn split_item(tokens: &[Token]) -> (&[Token], &[Token]) {
    let mut at = 0;
    while at < tokens.len() {
        let end = close(tokens, at);
        let is_body = tokens[at].what == What::Open(Delimiter::Brace);
        at = end + 1;
        if is_body || tokens[end].is_mark(';') {
            break;
        }
    }
    tokens.split_at(at)
}

/// Takes an item's attributes off.
fn split_attributes(mut item: &[Token]) -> (Vec<&[Token]>, &[Token]) {
    let mut attributes = Vec::new();
    while item.first().is_some_and(|it| it.is_mark('#')) {
        let open = if item[1].is_mark('!') { 2 } else { 1 };
        let end = close(item, open);
        attributes.push(&item[open + 1..end]);
        item = &item[end + 1..];
    }
    (attributes, item)
}

/// The file that an attribute names, if it does.
fn path_of(attribute: &[Token]) -> Option<String> {
    let at = attribute.iter().rposition(|it| it.is("path"))?;
    match &attribute.get(at + 2)?.what {
        What::Literal(path) => Some(path.trim_matches('"').to_owned()),
        _ => None,
    }
}

/// Whether a token is of `pub`, `pub(crate)` and the like.
fn is_visibility(token: &Token) -> bool {
    ["pub", "crate", "super"].iter().any(|word| token.is(word))
        || matches!(token.what, What::Open(Delimiter::Parenthesis))
        || matches!(token.what, What::Close(Delimiter::Parenthesis))
}

/// The name that an item declares.
fn declared(item: &[Token]) -> impl Iterator<Item = String> {
    const KEYWORDS: [&str; 8] =
        ["fn", "struct", "enum", "trait", "const", "static", "type", "union"];
    let head = item.iter().position(|it| matches!(it.what, What::Open(Delimiter::Brace)));
    let head = &item[..head.unwrap_or(item.len())];
    let is_macro = head.first().is_some_and(|it| it.is("macro_rules"));
    let of_macro = head.get(2).filter(|_| is_macro).and_then(Token::name);
    let pairs = head.windows(2).filter(|pair| KEYWORDS.iter().any(|it| pair[0].is(it)));
    of_macro.into_iter().chain(pairs.filter_map(|pair| pair[1].name())).map(str::to_owned)
}

/// How many tokens the path has that begins with a name.
fn path_length(tokens: &[Token]) -> usize {
    let mut length = 1;
    while tokens.get(length).is_some_and(|it| it.is_mark(':'))
        && tokens.get(length + 1).is_some_and(|it| it.is_mark(':'))
        && tokens.get(length + 2).is_some_and(|it| it.name().is_some())
    {
        length += 3;
    }
    length
}

/// The groups of files each of which leads to all others of its group.
pub fn circles(edges: &BTreeMap<String, BTreeMap<String, BTreeSet<String>>>) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut left: Vec<&String> = edges[from].keys().collect();
        while let Some(file) = left.pop() {
            if seen.insert(file) {
                left.extend(edges.get(file).into_iter().flat_map(|it| it.keys()));
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        edges.keys().map(|file| (file, reach(file))).collect();
    let mut found = Vec::new();
    let mut done: BTreeSet<&String> = BTreeSet::new();
    for (file, to) in &reached {
        if to.contains(file) && !done.contains(file) {
            let group = to.iter().filter(|it| reached[*it].contains(file));
            let group: Vec<String> = group.map(|it| (*it).clone()).collect();
            done.extend(to.iter().copied().filter(|it| group.contains(it)));
            found.push(group);
        }
    }
    found
}

#[test]
fn functions_are_measured_in_macros_too() {
    let text = "fn a() {}\nmacro_rules! m { () => {\n    fn b(x: [u8; 3])\n    -> u8 {\n        1\n    }\n} }\n\
                trait T { fn c(); }";
    assert_eq!(functions(text), [("a".into(), 1, 1), ("b".into(), 3, 4)]);
}

#[test]
fn circles_are_found_through_imports_of_all_forms() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("circles");
    let files = [
        ("lib.rs", "mod a; mod b; #[path = \"moved/c.rs\"] mod c; mod d; pub use a::A;"),
        // By the name that the root passes on; by a module's alias; by all of a module.
        ("a.rs", "use crate::b as other; pub struct A; fn f() { other::g(); }"),
        ("b.rs", "pub fn g() { crate::c::h() }"),
        ("moved/c.rs", "use super::*; pub fn h() -> A { A }"),
        // Passing on and naming a module is no use; tests are not looked at.
        ("d.rs", "pub use crate::a; #[cfg(test)] mod tests { use crate::d2::E; } pub struct D;"),
    ];
    std::fs::create_dir_all(root.join("src/moved")).expect("a folder");
    for (file, text) in files {
        std::fs::write(root.join("src").join(file), text).expect("a file");
    }
    let edges = Graph::read(&root, "src/lib.rs").edges(|_, _| false);
    let to = |file: &str| edges[&format!("src/{file}")].keys().cloned().collect::<Vec<_>>();
    assert_eq!(to("a.rs"), ["src/b.rs"]);
    assert_eq!(to("b.rs"), ["src/moved/c.rs"]);
    assert_eq!(to("moved/c.rs"), ["src/a.rs"]);
    assert!(to("lib.rs").is_empty() && to("d.rs").is_empty(), "{edges:?}");
    assert_eq!(circles(&edges), [["src/a.rs", "src/b.rs", "src/moved/c.rs"]]);
    let aside =
        Graph::read(&root, "src/lib.rs").edges(|file, name| (file, name) == ("src/a.rs", "A"));
    assert!(circles(&aside).is_empty());
}
