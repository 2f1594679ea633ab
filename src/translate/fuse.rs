//! Fusion: taking back the instruction just emitted to emit it as one with its only user.

use super::operand::{Operand, Place};
use super::recent::Rec;
use super::translator::Translator;
use crate::isa::{Bin, Cmp};

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

/// The branch condition that a comparison computes.
pub fn condition(op: Bin) -> Option<Cmp> {
    macro_rules! same {
        ($($name:ident)*) => {
            match op {
                $(Bin::$name => Some(Cmp::$name),)*
                _ => None,
            }
        };
    }
    same! {
        I32Eq I32Ne I32LtS I32LtU I32LeS I32LeU I32GtS I32GtU I32GeS I32GeU
        I64Eq I64Ne I64LtS I64LtU I64LeS I64LeU I64GtS I64GtU I64GeS I64GeU
        F32Eq F32Ne F32Lt F32Le F32Gt F32Ge F64Eq F64Ne F64Lt F64Le F64Gt F64Ge
    }
}

/// The opposite condition.
pub fn negate(cmp: Cmp) -> Cmp {
    use Cmp::*;
    match cmp {
        I32Eq => I32Ne,
        I32Ne => I32Eq,
        I32LtS => I32GeS,
        I32LtU => I32GeU,
        I32LeS => I32GtS,
        I32LeU => I32GtU,
        I32GtS => I32LeS,
        I32GtU => I32LeU,
        I32GeS => I32LtS,
        I32GeU => I32LtU,
        I64Eq => I64Ne,
        I64Ne => I64Eq,
        I64LtS => I64GeS,
        I64LtU => I64GeU,
        I64LeS => I64GtS,
        I64LeU => I64GtU,
        I64GtS => I64LeS,
        I64GtU => I64LeU,
        I64GeS => I64LtS,
        I64GeU => I64LtU,
        I32Test => I32Ntest,
        I32Ntest => I32Test,
        I64Test => I64Ntest,
        I64Ntest => I64Test,
        F32Eq => F32Ne,
        F32Ne => F32Eq,
        F32Lt => F32Nlt,
        F32Le => F32Nle,
        F32Nlt => F32Lt,
        F32Nle => F32Le,
        F32Gt => F32Ngt,
        F32Ge => F32Nge,
        F32Ngt => F32Gt,
        F32Nge => F32Ge,
        F64Eq => F64Ne,
        F64Ne => F64Eq,
        F64Lt => F64Nlt,
        F64Le => F64Nle,
        F64Nlt => F64Lt,
        F64Nle => F64Le,
        F64Gt => F64Ngt,
        F64Ge => F64Nge,
        F64Ngt => F64Gt,
        F64Nge => F64Ge,
    }
}

/// The condition that holds of `(y, x)` when `cmp` holds of `(x, y)`.
pub fn mirror(cmp: Cmp) -> Cmp {
    use Cmp::*;
    match cmp {
        I32Eq | I32Ne | I32Test | I32Ntest | I64Eq | I64Ne | I64Test | I64Ntest | F32Eq | F32Ne
        | F64Eq | F64Ne => cmp,
        I32LtS => I32GtS,
        I32LtU => I32GtU,
        I32LeS => I32GeS,
        I32LeU => I32GeU,
        I32GtS => I32LtS,
        I32GtU => I32LtU,
        I32GeS => I32LeS,
        I32GeU => I32LeU,
        I64LtS => I64GtS,
        I64LtU => I64GtU,
        I64LeS => I64GeS,
        I64LeU => I64GeU,
        I64GtS => I64LtS,
        I64GtU => I64LtU,
        I64GeS => I64LeS,
        I64GeU => I64LeU,
        F32Lt => F32Gt,
        F32Le => F32Ge,
        F32Gt => F32Lt,
        F32Ge => F32Le,
        F32Nlt => F32Ngt,
        F32Nle => F32Nge,
        F32Ngt => F32Nlt,
        F32Nge => F32Nle,
        F64Lt => F64Gt,
        F64Le => F64Ge,
        F64Gt => F64Lt,
        F64Ge => F64Le,
        F64Nlt => F64Ngt,
        F64Nle => F64Nge,
        F64Ngt => F64Nlt,
        F64Nge => F64Nle,
    }
}

/// The comparison that holds of `(y, x)` when `op` holds of `(x, y)`.
pub fn mirror_value(op: Bin) -> Option<Bin> {
    use Bin::*;
    Some(match op {
        I32LtS => I32GtS,
        I32LtU => I32GtU,
        I32LeS => I32GeS,
        I32LeU => I32GeU,
        I32GtS => I32LtS,
        I32GtU => I32LtU,
        I32GeS => I32LeS,
        I32GeU => I32LeU,
        I64LtS => I64GtS,
        I64LtU => I64GtU,
        I64LeS => I64GeS,
        I64LeU => I64GeU,
        I64GtS => I64LtS,
        I64GtU => I64LtU,
        I64GeS => I64LeS,
        I64GeU => I64LeU,
        F32Lt => F32Gt,
        F32Gt => F32Lt,
        F32Le => F32Ge,
        F32Ge => F32Le,
        F64Lt => F64Gt,
        F64Gt => F64Lt,
        F64Le => F64Ge,
        F64Ge => F64Le,
        _ => return None,
    })
}

/// The comparison with the opposite result, as a value.
pub fn negate_value(op: Bin) -> Option<Bin> {
    use Bin::*;
    Some(match op {
        I32Eq => I32Ne,
        I32Ne => I32Eq,
        I32LtS => I32GeS,
        I32LtU => I32GeU,
        I32LeS => I32GtS,
        I32LeU => I32GtU,
        I32GtS => I32LeS,
        I32GtU => I32LeU,
        I32GeS => I32LtS,
        I32GeU => I32LtU,
        I64Eq => I64Ne,
        I64Ne => I64Eq,
        I64LtS => I64GeS,
        I64LtU => I64GeU,
        I64LeS => I64GtS,
        I64LeU => I64GtU,
        I64GtS => I64LeS,
        I64GtU => I64LeU,
        I64GeS => I64LtS,
        I64GeU => I64LtU,
        F32Eq => F32Ne,
        F32Ne => F32Eq,
        F64Eq => F64Ne,
        F64Ne => F64Eq,
        _ => return None,
    })
}
