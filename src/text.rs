//! The text format: `wast`'s reader, and in front of it the folded form of the older exceptions,
//! which that does not have.
//!
//! `(try (do a) (catch $e b))` is rewritten, token by token, as the folded instruction
//! `(end try a catch $e b)`, and with `(delegate $l)` as `(delegate $l try a)`: the reader puts what
//! heads a pair of parentheses behind what is in it, and so leaves exactly the flat form. Apart from
//! the head everything keeps its place, and [`Unfolded`] knows the rest, so that errors point into the
//! text as it was written.

use alloc::borrow::Cow;
use core::ops::Range;
use std::path::Path;

use ::wast::lexer::{Lexer, Token, TokenKind};
use ::wast::parser::{self, ParseBuffer};
use ::wast::token::Span;
use ::wast::{Error, Wat};

use crate::error::{Result, format_err};
use crate::prelude::*;

/// The binary form of a module in the text format; `file` is named in errors.
///
/// # Errors
///
/// What is wrong with the text, with line and column.
pub(crate) fn parse(bytes: &[u8], file: Option<&Path>) -> Result<Vec<u8>> {
    let Ok(text) = core::str::from_utf8(bytes) else {
        let name = file.map_or("the module".into(), |file| file.display().to_string());
        return Err(format_err!("{name} is neither in the binary format nor UTF-8 text"));
    };
    let encoded = Unfolded::new(text, false).and_then(|unfolded| unfolded.encode());
    Ok(encoded.map_err(|mut error| {
        if let Some(file) = file {
            error.set_path(file);
        }
        error
    })?)
}

/// A text without folded forms of the older exceptions.
pub(crate) struct Unfolded<'t> {
    original: &'t str,
    text: Cow<'t, str>,
    any_unicode: bool,
    /// Where runs of `text` begin, and where they were in the original.
    runs: Vec<(usize, usize)>,
}

impl<'t> Unfolded<'t> {
    /// `any_unicode` lets strings and comments have characters that turn the direction of writing.
    ///
    /// # Errors
    ///
    /// For what is not made of tokens, and for parts of the older exceptions out of place.
    pub fn new(original: &'t str, any_unicode: bool) -> Result<Unfolded<'t>, Error> {
        let mut this =
            Unfolded { original, text: Cow::Borrowed(original), any_unicode, runs: Vec::new() };
        // Most texts have none of it.
        if ["try", "catch", "delegate"].iter().any(|word| original.contains(word)) {
            let mut unfolder = Unfolder { text: original, levels: Vec::new(), edits: Vec::new() };
            unfolder.run(&lexer(original, any_unicode)).map_err(|error| this.error(error))?;
            if !unfolder.edits.is_empty() {
                this.apply(unfolder.edits);
            }
        }
        Ok(this)
    }

    fn apply(&mut self, edits: Vec<Edit>) {
        let mut text = String::with_capacity(self.original.len() + 16 * edits.len());
        let mut done = 0;
        for Edit { place, change } in edits {
            text.push_str(&self.original[done..place.start]);
            match change {
                Change::Blank => text.extend(place.clone().map(|_| ' ')),
                Change::Head(label) => {
                    match label {
                        None => text.push_str("end "),
                        Some(label) => {
                            text.push_str("delegate ");
                            self.runs.push((text.len(), label.start));
                            text.push_str(&self.original[label]);
                            text.push(' ');
                        }
                    }
                    self.runs.push((text.len(), place.start));
                }
            }
            done = place.end;
        }
        text.push_str(&self.original[done..]);
        self.text = Cow::Owned(text);
    }

    /// What the text is to be parsed from.
    ///
    /// # Errors
    ///
    /// For what is not made of tokens.
    pub fn buffer(&self) -> Result<ParseBuffer<'_>, Error> {
        ParseBuffer::new_with_lexer(lexer(&self.text, self.any_unicode))
            .map_err(|error| self.error(error))
    }

    /// The module in the binary format.
    ///
    /// # Errors
    ///
    /// If the text is no module.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let buffer = self.buffer()?;
        let encoded = parser::parse::<Wat<'_>>(&buffer).and_then(|mut module| module.encode());
        encoded.map_err(|error| self.error(error))
    }

    /// Where a place in the text was in the original.
    pub fn original_span(&self, span: Span) -> Span {
        let at = span.offset();
        match self.runs.partition_point(|(start, _)| *start <= at).checked_sub(1) {
            None => span,
            Some(run) => {
                let (start, original) = self.runs[run];
                Span::from_offset((original + (at - start)).min(self.original.len()))
            }
        }
    }

    /// An error that speaks of the original.
    pub fn error(&self, error: Error) -> Error {
        let mut moved = Error::new(self.original_span(error.span()), error.message());
        moved.set_text(self.original);
        moved
    }
}

fn lexer(text: &str, any_unicode: bool) -> Lexer<'_> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(any_unicode);
    lexer
}

/// A change of the text; an empty place is where something comes in.
struct Edit {
    place: Range<usize>,
    change: Change,
}

enum Change {
    Blank,
    /// `end`, or `delegate` with the label that is there.
    Head(Option<Range<usize>>),
}

/// A pair of parentheses that is open.
struct Level {
    kind: Kind,
    /// Behind `try_table` and its types, where `(catch ..)` is a handler of that.
    handlers: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Other,
    /// An annotation may hold anything, and has no meaning here.
    Annotation,
    /// `(try`, whose head is the edit of that number.
    Try {
        head: usize,
        stage: Stage,
    },
    /// `(do`, `(catch` or `(catch_all`.
    Arm,
    /// `(delegate` in the `try` of that head, with or without its label yet.
    Delegate {
        head: usize,
        labelled: bool,
    },
}

/// What has been seen of a `(try`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Do,
    Catch,
    CatchAll,
    Delegate,
}

struct Unfolder<'t> {
    text: &'t str,
    levels: Vec<Level>,
    /// In the order of their places.
    edits: Vec<Edit>,
}

fn unexpected(at: usize, message: &str) -> Error {
    Error::new(Span::from_offset(at), message.into())
}

impl Unfolder<'_> {
    fn run(&mut self, lexer: &Lexer<'_>) -> Result<(), Error> {
        // A parenthesis whose first token is still to come.
        let mut opened: Option<usize> = None;
        for token in lexer.iter(0) {
            let token = token?;
            if matches!(
                token.kind,
                TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment
            ) {
                continue;
            }
            if let Some(open) = opened.take() {
                let head = matches!(token.kind, TokenKind::Keyword | TokenKind::Annotation);
                self.open(open, head.then_some(token))?;
                if head {
                    continue;
                }
            }
            match token.kind {
                TokenKind::LParen => opened = Some(token.offset),
                TokenKind::RParen => self.close(token.offset)?,
                _ => self.token(token)?,
            }
        }
        Ok(())
    }

    fn blank(&mut self, at: usize, len: usize) {
        self.edits.push(Edit { place: at..at + len, change: Change::Blank });
    }

    /// A parenthesis at `at` that begins with the keyword or annotation `head`, if with either.
    fn open(&mut self, at: usize, head: Option<Token>) -> Result<(), Error> {
        let word = head.map_or("", |head| head.src(self.text));
        let annotation = head.is_some_and(|head| head.kind == TokenKind::Annotation);
        let mut level = Level { kind: Kind::Other, handlers: word == "try_table" };
        let parent = self.levels.last_mut();
        match parent.as_ref().map(|parent| parent.kind) {
            Some(Kind::Annotation) => level.kind = Kind::Annotation,
            _ if annotation => level.kind = Kind::Annotation,
            Some(Kind::Try { head: number, stage }) => {
                let next = match (stage, word) {
                    (Stage::Head, "type" | "param" | "result") => Stage::Head,
                    (Stage::Head, "do") => Stage::Do,
                    (Stage::Head, _) => {
                        return Err(unexpected(at, "expected `(do`: this `try` has none yet"));
                    }
                    (Stage::Do | Stage::Catch, "catch") => Stage::Catch,
                    (Stage::Do | Stage::Catch, "catch_all") => Stage::CatchAll,
                    (Stage::Do, "delegate") => Stage::Delegate,
                    _ => return Err(unexpected(at, "unexpected token in `try`, expected `)`")),
                };
                let len = head.map_or(0, |head| head.len as usize);
                let head = head.map_or(at, |head| head.offset);
                if next != Stage::Head {
                    self.levels.last_mut().expect("a parent").kind =
                        Kind::Try { head: number, stage: next };
                    self.blank(at, 1);
                    level.kind = Kind::Arm;
                }
                if matches!(next, Stage::Do | Stage::Delegate) {
                    self.blank(head, len);
                }
                if next == Stage::Delegate {
                    level.kind = Kind::Delegate { head: number, labelled: false };
                }
            }
            Some(Kind::Delegate { .. }) => {
                return Err(unexpected(at, "unexpected token, expected a label"));
            }
            _ => {
                let handlers = parent.is_some_and(|parent| {
                    let handler =
                        matches!(word, "catch" | "catch_ref" | "catch_all" | "catch_all_ref");
                    parent.handlers &= handler || matches!(word, "type" | "param" | "result");
                    parent.handlers
                });
                match word {
                    "try" => {
                        let head = head.map_or(at, |head| head.offset);
                        let number = self.edits.len();
                        self.edits.push(Edit { place: head..head, change: Change::Head(None) });
                        level.kind = Kind::Try { head: number, stage: Stage::Head };
                    }
                    "catch" | "catch_all" | "delegate" if !handlers => {
                        return Err(unexpected(
                            at,
                            &format!("unexpected token: `{word}` outside of `try`"),
                        ));
                    }
                    _ => {}
                }
            }
        }
        self.levels.push(level);
        Ok(())
    }

    fn close(&mut self, at: usize) -> Result<(), Error> {
        // One too many is the reader's to find.
        let Some(level) = self.levels.pop() else { return Ok(()) };
        match level.kind {
            Kind::Other | Kind::Annotation => {}
            Kind::Arm | Kind::Delegate { labelled: true, .. } => self.blank(at, 1),
            Kind::Try { stage: Stage::Head, .. } => {
                return Err(unexpected(at, "expected `(do`: this `try` has none"));
            }
            Kind::Try { .. } => {}
            Kind::Delegate { labelled: false, .. } => {
                return Err(unexpected(at, "unexpected token, expected a label"));
            }
        }
        Ok(())
    }

    /// A token that neither is nor heads a parenthesis.
    fn token(&mut self, token: Token) -> Result<(), Error> {
        let id = token.kind == TokenKind::Id;
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        match &mut level.kind {
            Kind::Annotation => {}
            Kind::Other | Kind::Arm => {
                if !id {
                    level.handlers = token.src(self.text) == "try_table";
                }
            }
            Kind::Try { stage: Stage::Head, .. } if id => {}
            Kind::Try { stage: Stage::Head, .. } => {
                return Err(unexpected(token.offset, "expected `(do`: this `try` has none yet"));
            }
            Kind::Try { .. } => {
                return Err(unexpected(token.offset, "unexpected token in `try`, expected `)`"));
            }
            Kind::Delegate { head, labelled } => {
                let label = id || matches!(token.kind, TokenKind::Integer(_));
                if *labelled || !label {
                    return Err(unexpected(token.offset, "unexpected token, expected a label"));
                }
                *labelled = true;
                let place = token.offset..token.offset + token.len as usize;
                self.edits[*head].change = Change::Head(Some(place.clone()));
                self.blank(place.start, place.len());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &str) -> Result<Vec<u8>, Error> {
        Unfolded::new(text, false)?.encode()
    }

    /// Wraps a body that may use `$e` and `$f`.
    fn body(body: &str) -> String {
        format!(
            "(module (tag $e) (tag $f (param i32)) (func (result i32) (local $x i32)
                {body}))"
        )
    }

    #[test]
    fn a_folded_try_is_what_the_flat_form_is() {
        let cases = [
            ("(try (do))  (i32.const 1)", "try end i32.const 1"),
            (
                "(try (result i32) (do (i32.const 1)) (catch $e (i32.const 2)))",
                "try (result i32) i32.const 1 catch $e i32.const 2 end",
            ),
            (
                "( try $l (;c;) (result i32) ;; )
                    (do(throw $e)) (catch $f) (catch $e (br $l (i32.const 0))) (catch_all rethrow $l))",
                "try $l (result i32) throw $e catch $f catch $e i32.const 0 br $l catch_all rethrow $l end",
            ),
            (
                "(try $l (result i32) (do (try (result i32) (do (i32.const 3)) (delegate $l)))
                    (catch_all (i32.const 4)))",
                "try $l (result i32) try (result i32) i32.const 3 delegate $l catch_all i32.const 4 end",
            ),
            (
                "(i32.add (try (result i32) (do (i32.const 3)) (delegate 0)) (i32.const 1))",
                "try (result i32) i32.const 3 delegate 0 i32.const 1 i32.add",
            ),
            (
                "(if (result i32) (try (type 0) (do (local.get $x)) (catch_all (i32.const 5)))
                    (then (i32.const 6)) (else (try (result i32) (do (i32.const 7)))))",
                "try (type 0) local.get $x catch_all i32.const 5 end
                    if (result i32) i32.const 6 else try (result i32) i32.const 7 end end",
            ),
            (
                "(block $b (result i32) (block $c (try_table (catch $e $c) (catch_all $c)
                    (try (do nop) (catch_all))) ) try_table $t (catch $e $b) end (i32.const 8))",
                "block $b (result i32) block $c try_table (catch $e $c) (catch_all $c)
                    try nop catch_all end end end try_table $t (catch $e $b) end i32.const 8 end",
            ),
            (
                "(@metadata.unknown (try (catch) do)) (i32.const 9)",
                "i32.const 9",
            ),
        ];
        for (folded, flat) in cases {
            // The type that cases name, in the same place for both.
            let text = |code: &str| {
                body(code).replacen("(module", "(module (type (func (result i32)))", 1)
            };
            let folded = encode(&text(folded)).unwrap_or_else(|error| panic!("{folded}: {error}"));
            let flat_bytes = encode(&text(flat)).unwrap_or_else(|error| panic!("{flat}: {error}"));
            assert_eq!(folded, flat_bytes, "{flat}");
        }
    }

    #[test]
    fn what_is_out_of_place_is_refused() {
        for code in [
            "(try)",
            "(try nop)",
            "(try (catch $e))",
            "(try (result i32))",
            "(try (do) nop)",
            "(try (do) (do))",
            "(try (do) (i32.const 1))",
            "(try (do) (catch_all) (catch $e))",
            "(try (do) (catch_all) (catch_all))",
            "(try (do) (catch $e) (delegate 0))",
            "(try (do) (delegate 0) (catch $e))",
            "(try (do) (delegate 0) (delegate 0))",
            "(try (do) (delegate))",
            "(try (do) (delegate 0 0))",
            "(try (do) (delegate 0 (nop)))",
            "(try (do) (delegate (nop)))",
            "(catch $e)",
            "(catch_all)",
            "(delegate 0)",
            "(block (catch_all))",
            "(try_table nop (catch_all 0))",
            "(do)",
            "(try (do)",
            "(try (do)))",
        ] {
            let text = format!("(module (tag $e) (func {code}))");
            assert!(encode(&text).is_err(), "{code}");
        }
    }

    #[test]
    fn errors_point_into_the_text_as_it_was_written() {
        let place = |code: &str, what: &str| {
            let text = body(code);
            let error = encode(&text).expect_err("it is wrong");
            let at = error.span().offset();
            assert!(text[at..].starts_with(what), "{error}\n{at}: {}", &text[at..]);
            let (line, column) = error.span().linecol_in(&text);
            let shown = error.to_string();
            assert!(shown.contains(&format!("{}:{}", line + 1, column + 1)), "{shown}");
            assert!(shown.contains(code.lines().last().unwrap()), "{shown}");
        };
        place("(try (do) (catch $e (i32.bad)))", "i32.bad");
        place("(try (do (call $none)) (catch_all))", "$none");
        place("(try (do (try (do) (delegate $none))) (catch_all)) (i32.const 1)", "$none");
        place("(try (do (try (do (nop)) (delegate 0))) (catch_all)) (i32.bad)", "i32.bad");
        place("(try (do) (catch_all))\n (try (do) (catch_all)) (try (catch_all))", "(catch_all))");
    }

    #[test]
    fn deep_nesting_needs_no_native_stack() {
        let n = 20_000;
        let text =
            ["(module (func ", &"(try (do ".repeat(n), &") (catch_all))".repeat(n), "))"].concat();
        let run = || Unfolded::new(&text, false).map(|unfolded| unfolded.text.len());
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        let len = std::thread::scope(|scope| {
            thread.spawn_scoped(scope, run).expect("a thread").join().expect("no overflow")
        });
        assert_eq!(len.expect("it is well formed"), text.len() + 4 * n);
    }
}
