//! A row of the op table: an instruction as data. Text for the compiler is made of it at the very end, by
//! [`Row::handler`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::key::Key;
use super::{Class, Field, Format, Kind, Lookup};

/// What an op may do besides computing, and what may be done with it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Attributes {
    /// Its handler may end in a trap.
    pub traps: bool,
    /// It accesses memory that may be missing: the fault becomes a trap.
    pub faults: bool,
    /// Native code or other functions run before the instruction behind it does.
    pub calls: bool,
    /// The instruction behind it is never the next one: it is the last of a straight line.
    pub ends: bool,
    /// Its handler may go on in another one that finishes the instruction and continues with the one behind
    /// it. As a part of a fused op it would skip the parts that follow, or run what is not code.
    pub resumes: bool,
    /// Profiles put it into no fused op: it is rare and would only bring size, or the translator rewrites its
    /// code in other ways.
    pub alone: bool,
    /// In a fused op its operands may come from an earlier part, and its result go to a later one, without
    /// the way through their slot. It writes one slot at most.
    pub forwards: bool,
    /// It puts a value into a slot and leaves the accumulator alone.
    pub bare: bool,
    /// What it writes takes two slots, or a global of two.
    pub pair: bool,
    /// It has to do with references, which only the translator knows to be some.
    pub refers: bool,
    /// It relies on inaccessible memory behind memory 0.
    pub guarded: bool,
}

impl Attributes {
    /// Those of a fused op, given those of its parts.
    pub fn of_parts(parts: impl Iterator<Item = Attributes>) -> Attributes {
        parts.fold(Attributes::default(), |all, part| Attributes {
            traps: all.traps || part.traps,
            faults: all.faults || part.faults,
            calls: all.calls || part.calls,
            ends: all.ends || part.ends,
            refers: all.refers || part.refers,
            guarded: all.guarded || part.guarded,
            ..all
        })
    }
}

/// An operand of a part of a fused op that is the slot which an earlier part writes: its value is
/// taken from where it was computed, not from the slot.
#[derive(PartialEq, Eq)]
pub struct Forward {
    /// The part that reads.
    pub reader: u8,
    /// Which letter of its name the operand is, counted from the last.
    pub letter: u8,
    /// Which operand of its format.
    pub operand: u8,
    /// The place of that.
    pub place: u8,
    /// The part that writes.
    pub writer: u8,
    /// A bit for each part between them that writes a slot: another one.
    pub rewriters: u8,
}

/// The generic function whose instance the handler is.
#[derive(Clone, Default)]
struct Body {
    /// Its path inside `exec::families`.
    path: &'static str,
    /// Its parameters behind those for the operand classes.
    parameters: Vec<String>,
    /// Whether it has no parameters for the operand classes.
    knows_classes: bool,
    /// What it is applied to, if it makes the handler from the op's meaning.
    meaning: Option<String>,
}

/// One instruction.
pub struct Row {
    /// The one spelling of its name.
    pub name: String,
    /// Family: what it has its place among in the documentation.
    pub family: &'static str,
    /// Where its operands stand.
    pub format: &'static Format,
    /// The classes of the operands that have one, in the format's order.
    pub classes: Vec<Class>,
    /// The kind of its immediate, where the format has several.
    immediate: Option<Kind>,
    /// The effect, as an equation.
    pub effect: String,
    body: Body,
    /// See there.
    pub attributes: Attributes,
    /// Where the translator finds it.
    pub key: Option<Key>,
    /// For a fused op: the opcodes of its parts.
    pub parts: Vec<usize>,
    /// For a fused op: whether its last part branches to the op itself, which is a whole loop then.
    pub again: bool,
    /// For a fused op: operands that come from an earlier part, in order.
    pub forwards: Vec<Forward>,
}

impl Row {
    pub(super) fn new(name: String, family: &'static str, format: &'static Format) -> Row {
        Row {
            name,
            family,
            format,
            classes: Vec::new(),
            immediate: None,
            effect: String::new(),
            body: Body::default(),
            attributes: Attributes::default(),
            key: None,
            parts: Vec::new(),
            again: false,
            forwards: Vec::new(),
        }
    }

    // The methods that fill in a row stay calls: there are hundreds of each, and inlined they are a tenth of a
    // megabyte of the command.

    /// The classes of its operands.
    #[inline(never)]
    pub(super) fn classes(&mut self, classes: &[Class]) -> &mut Row {
        assert_eq!(classes.len(), self.classed().count(), "{}: operands with a class", self.name);
        self.classes = classes.into();
        self
    }

    /// All its operands are in slots, and its handler knows it without parameters.
    #[inline(never)]
    pub(super) fn slots(&mut self) -> &mut Row {
        self.classes = self.classed().map(|_| Class::S).collect();
        self.body.knows_classes = true;
        self
    }

    /// The kind of its immediate.
    pub(super) fn immediate(&mut self, kind: Kind) -> &mut Row {
        self.immediate = Some(kind);
        self
    }

    /// Its effect.
    #[inline(never)]
    pub(super) fn effect(&mut self, effect: impl Into<String>) -> &mut Row {
        self.effect = effect.into();
        self
    }

    /// The generic function whose instance its handler is, with its parameters behind those for operand
    /// classes, which come first.
    #[inline(never)]
    pub(super) fn body(&mut self, path: &'static str, parameters: &[&str]) -> &mut Row {
        self.body.path = path;
        self.body.parameters = parameters.iter().copied().map(String::from).collect();
        self
    }

    /// What the generic function is applied to.
    #[inline(never)]
    pub(super) fn meaning(&mut self, meaning: impl Into<String>) -> &mut Row {
        self.body.meaning = Some(meaning.into());
        self
    }

    /// Where the translator finds it.
    #[inline(never)]
    pub(super) fn key(&mut self, table: &'static Lookup, digits: &[usize]) -> &mut Row {
        self.key = Some(Key { table, digits: digits.into() });
        self
    }

    /// See [`Attributes`], here and below.
    pub(super) fn traps(&mut self) -> &mut Row {
        self.attributes.traps = true;
        self
    }

    pub(super) fn faults(&mut self) -> &mut Row {
        (self.attributes.traps, self.attributes.faults) = (true, true);
        self
    }

    pub(super) fn calls(&mut self) -> &mut Row {
        self.attributes.calls = true;
        self
    }

    pub(super) fn ends(&mut self) -> &mut Row {
        self.attributes.ends = true;
        self
    }

    pub(super) fn alone(&mut self) -> &mut Row {
        self.attributes.alone = true;
        self
    }

    pub(super) fn resumes(&mut self) -> &mut Row {
        self.attributes.resumes = true;
        self
    }

    pub(super) fn forwards(&mut self) -> &mut Row {
        self.attributes.forwards = true;
        self
    }

    pub(super) fn bare(&mut self) -> &mut Row {
        self.attributes.bare = true;
        self
    }

    pub(super) fn pair(&mut self) -> &mut Row {
        self.attributes.pair = true;
        self
    }

    /// The numbers of the format's operands that have a class.
    fn classed(&self) -> impl Iterator<Item = usize> + use<> {
        let operands = self.format.operands.iter().enumerate();
        operands.filter(|(_, operand)| operand.classed).map(|(i, _)| i)
    }

    /// Its operands: one field for each of the format's. Of a fused op those of its parts, one after the
    /// other, which only the table knows.
    pub fn fields(&self) -> Vec<Field> {
        let mut classes = self.classes.iter();
        let operands = self.format.operands.iter();
        operands
            .map(|operand| match operand.classed {
                true => operand.field(*classes.next().expect("a class for each"), self.immediate),
                false => operand.fixed(self.immediate),
            })
            .collect()
    }

    /// Operand bytes behind the head.
    pub fn bytes(&self) -> u8 {
        let ends = self.format.operands.iter().zip(self.fields());
        ends.map(|(operand, field)| operand.end(field)).max().unwrap_or(0).next_multiple_of(8)
    }

    /// Whether it writes a slot.
    pub fn writes(&self) -> bool {
        self.fields().iter().any(|field| field.1 == Kind::Dst)
    }

    /// Whether it has a branch distance.
    pub fn has_target(&self) -> bool {
        self.fields().iter().any(|field| field.1 == Kind::Target)
    }

    /// Its handler: a Rust expression of type `unsafe fn(&mut Regs) -> Step`. In a fused op, of which it is
    /// part `part`, operands may come from earlier parts (`sources`: operand and part), and what it writes may
    /// be kept for later ones.
    pub(super) fn handler_with(&self, sources: &[(usize, u8)], keep: Option<usize>) -> String {
        let fields = self.fields();
        let classes = if self.body.knows_classes { &[] } else { &self.classes[..] };
        let parameters = self.classed().zip(classes).map(|(i, class)| {
            let (_, kind, _) = fields[i];
            let is_dst = self.format.operands[i].places[0].0 == Kind::Dst;
            let own = match (class, kind) {
                (Class::A, _) => "A",
                (Class::S, _) if is_dst && self.attributes.bare => "P",
                (Class::S, _) => "S",
                (Class::L, _) => "L",
                (Class::M, _) => "M",
                (Class::N, _) => "N",
                (Class::I, Kind::Imm16) => "H",
                (Class::I, Kind::Imm32) => "I",
                (Class::I, Kind::F32 | Kind::F64) => "F",
                (Class::I, Kind::Absent) => "K",
                (Class::I, _) => panic!("{}: no handler reads such an immediate", self.name),
            };
            let source = sources.iter().find(|source| source.0 == i);
            match (source, keep) {
                (Some((_, part)), _) => format!("Kept<{part}>"),
                (None, Some(part)) if kind == Kind::Dst => format!("Keep<{part}, {own}>"),
                _ => own.into(),
            }
        });
        let all: Vec<String> = parameters.chain(self.body.parameters.iter().cloned()).collect();
        let mut text = self.body.path.to_string();
        if !all.is_empty() {
            let _ = write!(text, "::<{}>", all.join(", "));
        }
        if let Some(meaning) = &self.body.meaning {
            let _ = write!(text, "({meaning})");
        }
        text
    }
}
