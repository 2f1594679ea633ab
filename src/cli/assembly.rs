//! The machine code of handlers, as asm-check keeps it: `src/exec/prebuilt/*.s`, whose format
//! `src/isa/prebuilt.rs` describes.

use std::collections::HashMap;
use std::path::Path;

use threadle::{Context, Result};

/// Assembly of handlers, by the names of ops.
pub struct Assembly {
    text: String,
    /// Where each handler's lines are in the text.
    bodies: HashMap<String, std::ops::Range<usize>>,
    aliases: HashMap<String, String>,
}

/// A handler's machine code.
#[derive(Clone, Copy)]
pub struct Handler<'a> {
    text: &'a str,
}

impl Assembly {
    /// Reads a file of handlers.
    pub fn read(path: &Path) -> Result<Assembly> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Assembly::new(text))
    }

    fn new(text: String) -> Assembly {
        let (mut bodies, mut aliases) = (HashMap::new(), HashMap::new());
        let mut open: Option<(String, usize)> = None;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let is_body = line.starts_with(|c: char| c == '\t' || c.is_ascii_digit());
            if !is_body && let Some((name, start)) = open.take() {
                bodies.insert(name, start..at);
            }
            at += line.len();
            let line = line.trim_end();
            if is_body || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_suffix(':') {
                open = Some((name.to_owned(), at));
            } else if let Some((name, other)) = line.split_once(" = ") {
                aliases.insert(name.to_owned(), other.to_owned());
            }
        }
        if let Some((name, start)) = open {
            bodies.insert(name, start..at);
        }
        Assembly { text, bodies, aliases }
    }

    /// The handler of an op; `None` if it was not compiled in advance.
    pub fn handler(&self, op: &str) -> Option<Handler<'_>> {
        let name = self.aliases.get(op).map_or(op, String::as_str);
        let range = self.bodies.get(name)?.clone();
        Some(Handler { text: &self.text[range] })
    }
}

impl<'a> Handler<'a> {
    /// Its lines: labels, and instructions, which are indented.
    pub fn lines(self) -> impl Iterator<Item = &'a str> {
        self.text.lines()
    }

    /// Its instructions in all.
    pub fn size(self) -> usize {
        self.lines().filter(|line| line.starts_with('\t')).count()
    }

    /// Its instructions up to the first jump to another handler: what it executes if no branch of its own
    /// is taken on the way.
    pub fn straight(self) -> usize {
        let instructions = self.lines().filter(|line| line.starts_with('\t'));
        let before = instructions.take_while(|line| !line.starts_with("\tjmpq\t*"));
        (before.count() + 1).min(self.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_are_found_by_their_names_and_those_of_others() {
        let text = "# comment\na:\n\tmovl\t%eax,%ecx\n\tje\t2f\n\tjmpq\t*%rax\n2:\n\tjmpq\t*%rcx\nb:\n\tud2\nc = a\n";
        let assembly = Assembly::new(text.into());
        let handler = assembly.handler("c").expect("an alias");
        assert_eq!((handler.size(), handler.straight(), handler.lines().count()), (4, 3, 5));
        assert_eq!(assembly.handler("b").expect("the last").straight(), 1);
        assert!(assembly.handler("d").is_none());
    }
}
