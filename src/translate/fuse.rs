//! Fusion: taking back the instruction just emitted to emit it as one with its only user.

use super::operand::{Operand, Place};
use super::recent::Rec;
use super::translator::Translator;

impl Translator<'_> {
    /// The instruction that produced `o`, if nothing was emitted since and nothing else uses its
    /// result, so that it can be taken back.
    pub fn producer(&self, o: &Operand) -> Option<Rec> {
        let rec = self.last?;
        match o.place {
            Place::Temp { producer, stored: false }
                if producer == rec.at && self.emit.is_last(rec.at) =>
            {
                Some(rec)
            }
            _ => None,
        }
    }

    /// The instruction that produced an operand of `rec`, likewise.
    pub fn producer_under(&self, rec: &Rec, o: &Operand) -> Option<Rec> {
        let under = self.under?;
        match o.place {
            Place::Temp { producer, stored: false }
                if producer == under.at && under.is_before(rec, self) =>
            {
                Some(under)
            }
            _ => None,
        }
    }

    /// Takes back an instruction, as if it had not been asked for.
    pub fn take_back(&mut self, rec: &Rec) {
        self.emit.rewind(rec.start);
        self.accs = rec.before;
        self.last = None;
        self.under = None;
    }

    /// Notes the instruction just emitted.
    pub fn note(&mut self, rec: Rec) {
        self.under = self.last;
        self.last = Some(rec);
    }
}

impl Rec {
    /// Whether `self` is the instruction directly before `rec`.
    fn is_before(&self, rec: &Rec, translator: &Translator<'_>) -> bool {
        translator.emit.ends_at(self.at, rec.start)
    }
}
