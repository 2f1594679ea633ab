//! Names of functions and source lines, for whoever reads a module by its offsets.

use std::collections::HashMap;

use threadle::error::Printable;
use threadle::symbols::Demangled;
use threadle::wasm::Entity;
use threadle::{Module, index::FuncIndex};

use super::run::Loaded;

/// A source line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 if only the file is known.
    pub line: u32,
}

/// Names and lines of modules.
pub struct Places<'m> {
    modules: &'m [Loaded],
    names: HashMap<(usize, u32), String>,
    lines: HashMap<(usize, u32), Option<Line>>,
}

impl<'m> Places<'m> {
    /// Those of `modules`.
    pub fn new(modules: &'m [Loaded]) -> Places<'m> {
        Places { modules, names: HashMap::new(), lines: HashMap::new() }
    }

    /// A number that tells modules apart.
    pub fn module(module: &Module) -> usize {
        module.code().bytes().as_ptr() as usize
    }

    /// The file that a module was read from, in order of loading.
    pub fn file(&self, at: usize) -> String {
        let file = self.modules.get(at).map(|loaded| loaded.file.to_string_lossy());
        Printable(&file.unwrap_or_default()).to_string()
    }

    fn find(&self, module: usize) -> Option<&'m Module> {
        let mut modules = self.modules.iter().map(|loaded| &loaded.module);
        modules.find(|it| Places::module(it) == module)
    }

    /// The name of the function with this index: that of the name section, demangled, or the first that
    /// it is exported under.
    pub fn name(&mut self, (module, func): (usize, u32)) -> &str {
        let found = self.find(module);
        self.names.entry((module, func)).or_insert_with(|| {
            let Some(module) = found else { return "<unknown>".into() };
            if let Some(name) = module.function_name(func) {
                return Demangled(name).to_string();
            }
            let mut exports = module.code().info().exports.iter();
            match exports.find(|(_, entity)| **entity == Entity::Func(FuncIndex(func))) {
                Some((name, _)) => Printable(name).to_string(),
                None => format!("<wasm function {func}>"),
            }
        })
    }

    /// The line of the operator at a byte offset in the module: that of the innermost of functions that
    /// were inlined into each other.
    pub fn line(&mut self, module: usize, offset: u32) -> Option<&Line> {
        let found = self.find(module);
        let line = self.lines.entry((module, offset)).or_insert_with(|| {
            let symbols = found?.symbols_at(offset.into());
            let innermost = symbols.first()?;
            let file = Printable(innermost.file()?).to_string();
            Some(Line { file, line: innermost.line().unwrap_or(0) })
        });
        line.as_ref()
    }
}
