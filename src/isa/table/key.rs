//! Where the translator finds an op: one lookup table per kind of op, and in it a position made from what
//! the op is asked for with. Rows are entered and looked up by the same keys.

use alloc::vec::Vec;

use super::CLASSES;

/// A lookup table: what its positions are made from.
#[derive(PartialEq, Eq, Debug)]
pub struct Lookup {
    /// The name of the table in the generated code.
    pub name: &'static str,
    /// How many values each digit of a position has; any number of them for the first.
    pub radices: &'static [usize],
    /// Which digit is the destination's class, if ops have forms for several.
    pub dst: Option<usize>,
}

/// An op's place in a lookup table.
#[derive(Clone)]
pub struct Key {
    /// The table.
    pub table: &'static Lookup,
    /// The digits of its position.
    pub digits: Vec<usize>,
}

impl Lookup {
    /// The position with these digits; `None` if the table has no such places.
    #[inline(always)]
    pub fn position(&self, digits: &[usize]) -> Option<usize> {
        let mut position = 0;
        for (i, digit) in digits.iter().enumerate() {
            if i > 0 && *digit >= self.radices[i] {
                return None;
            }
            position = position * self.radices[i] + digit;
        }
        Some(position)
    }
}

impl Key {
    /// The position.
    pub fn position(&self) -> usize {
        assert_eq!(self.digits.len(), self.table.radices.len(), "{}", self.table.name);
        self.table
            .position(&self.digits)
            .unwrap_or_else(|| panic!("{}: out of range", self.table.name))
    }

    /// The key of the same op with a destination of another class, if there can be one.
    pub fn with_dst(&self, class: usize) -> Option<Key> {
        let digit = self.table.dst?;
        let mut key = self.clone();
        key.digits[digit] = class;
        (class < self.table.radices[digit]).then_some(key)
    }
}

/// The only number of a list, if there is one.
const fn first(list: &[usize]) -> Option<usize> {
    if list.is_empty() { None } else { Some(list[0]) }
}

/// Turns `BINARY [0, CLASSES] dst 1` into `pub const BINARY: Lookup`.
macro_rules! lookups {
    ($($(#[doc = $doc:literal])* $name:ident [$($radix:expr),*] $(dst $dst:literal)?;)*) => {
        $(
            $(#[doc = $doc])*
            pub const $name: Lookup = Lookup {
                name: stringify!($name),
                radices: &[$($radix),*],
                dst: first(&[$($dst)?]),
            };
        )*
    };
}

/// Accumulator or slot.
const TWO: usize = 2;
/// Those and the first pinned local.
const THREE: usize = 3;
/// Any number of operators.
const ANY: usize = 0;

lookups! {
    /// Operator, destination, left, right.
    BINARY [ANY, CLASSES, CLASSES, CLASSES] dst 1;
    /// Operator, destination, source.
    UNARY [ANY, CLASSES, CLASSES] dst 1;
    /// Comparison, left, right.
    BR_CMP [ANY, CLASSES, CLASSES];
    /// Condition.
    BR_IF [CLASSES];
    /// Condition.
    BR_UNLESS [CLASSES];
    /// Index.
    BR_TABLE [CLASSES];
    /// Index.
    CALL_INDIRECT [CLASSES];
    /// What it restores: see `restore`.
    RET [4];
    /// What it restores.
    UNPIN [4];
    /// What it restores, whether a float, value.
    RETURN [4, 2, CLASSES];
    /// Destination, source.
    MOV [CLASSES, CLASSES];
    /// Destination, source.
    FMOV [CLASSES, CLASSES];
    /// Destination.
    CONST [CLASSES];
    /// Destination.
    FCONST [CLASSES];
    /// Destination, condition, values.
    SELECT [CLASSES, TWO, CLASSES, CLASSES] dst 0;
    /// Destination, condition, values.
    FSELECT [CLASSES, TWO, CLASSES, CLASSES] dst 0;
    /// Whether a float, destination.
    GLOBAL_GET [2, CLASSES] dst 1;
    /// Whether a float, value.
    GLOBAL_SET [2, CLASSES];
    /// Operator, bounds, destination, address.
    LOAD [ANY, 3, CLASSES, CLASSES] dst 2;
    /// Operator, bounds, address, value.
    STORE [ANY, 3, CLASSES, CLASSES];
    /// Operator, whether the index is 64 bits wide.
    LOAD_GENERAL [ANY, 2];
    /// Operator, whether the index is 64 bits wide.
    STORE_GENERAL [ANY, 2];
    /// Operator, width, whether the index is 64 bits wide.
    ATOMIC [ANY, 4, 2];
    /// Reference.
    TRAP_IF_NULL [TWO];
    /// Operator, destination, object.
    STRUCT_GET [ANY, CLASSES, TWO] dst 1;
    /// Operator, object, value.
    STRUCT_SET [ANY, TWO, CLASSES];
    /// Operator, destination, object, index.
    ARRAY_GET [ANY, CLASSES, TWO, CLASSES] dst 1;
    /// Operator, index, value.
    ARRAY_SET [ANY, THREE, THREE];
    /// Mode, destination, reference.
    REF_TEST [ANY, CLASSES, TWO] dst 1;
    /// Mode, reference.
    REF_CAST [ANY, TWO];
    /// Mode, whether taken on success, reference.
    BR_ON_CAST [ANY, 2, TWO];
    /// Destination, source.
    VEC_MOV [TWO, TWO];
    /// Destination.
    VEC_CONST [TWO] dst 0;
    /// Destination.
    VEC_GLOBAL_GET [TWO] dst 0;
    /// Value.
    VEC_GLOBAL_SET [TWO];
    /// Operator, destination, left, right.
    VEC_BINARY [ANY, TWO, TWO, TWO] dst 1;
    /// Operator, destination, source.
    VEC_UNARY [ANY, TWO, TWO] dst 1;
    /// Operator, destination.
    VEC_EXTRACT [ANY, TWO] dst 1;
    /// Operator, vector, lane.
    VEC_REPLACE [ANY, TWO, TWO];
    /// Operator, destination, vector, count.
    VEC_SHIFT [ANY, TWO, TWO, CLASSES] dst 1;
    /// Condition, values.
    VEC_SELECT [TWO, TWO, TWO];
    /// Operator, sources.
    VEC_TERNARY [ANY, TWO, TWO, TWO];
    /// Destination, source.
    VEC_PERMUTE [TWO, TWO] dst 0;
    /// Destination, sources.
    VEC_PERMUTE2 [TWO, TWO, TWO] dst 0;
    /// Operator, whether checked, destination, address.
    VEC_LOAD [ANY, 2, TWO, CLASSES] dst 2;
    /// Whether checked, address, value.
    VEC_STORE [2, CLASSES, TWO];
    /// Whether the index is 64 bits wide.
    VEC_LOAD_GENERAL [2];
    /// Whether the index is 64 bits wide.
    VEC_STORE_GENERAL [2];
}
