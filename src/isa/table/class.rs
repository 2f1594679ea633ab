//! Where operands come from, and where results go.

/// Where an operand comes from, or goes to. The numbers index the lookup tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Class {
    /// The accumulator.
    A = 0,
    /// A frame slot.
    S = 1,
    /// The first pinned local.
    L = 2,
    /// The second pinned local.
    M = 3,
    /// The third pinned local.
    N = 4,
    /// An immediate, or (addresses) no operand at all.
    I = 5,
}

/// Number of operand classes.
pub const CLASSES: usize = 6;

impl Class {
    /// Pinned local number `pin`.
    pub fn pin(pin: usize) -> Class {
        [Class::L, Class::M, Class::N][pin]
    }

    /// Its letter in names.
    pub fn letter(self) -> char {
        ['a', 's', 'l', 'm', 'n', 'i'][self as usize]
    }
}

impl core::fmt::Display for Class {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.letter())
    }
}

/// The class with this letter.
#[inline(never)]
fn class(letter: u8) -> Class {
    match letter {
        b'a' => Class::A,
        b's' => Class::S,
        b'l' => Class::L,
        b'm' => Class::M,
        b'n' => Class::N,
        b'i' | b'k' => Class::I,
        _ => panic!("no operand class has the letter {}", char::from(letter)),
    }
}

/// The classes with these letters.
pub(super) fn classes<const N: usize>(letters: &str) -> [Class; N] {
    assert_eq!(letters.len(), N, "{letters}");
    core::array::from_fn(|i| class(letters.as_bytes()[i]))
}

/// The same one by one. Not inlined, or the loops over them would be unrolled.
#[inline(never)]
pub(super) fn each(letters: &str) -> impl Iterator<Item = Class> {
    letters.bytes().map(class)
}
