//! Operands in the instruction stream: the types of the generated module [`op`](super::op), which has a
//! structure per format of the op table.

use core::marker::PhantomData;

use super::Class;
use super::table::{self, Kind};

/// Where an operand that has a class stands behind the head: a slot number, or one of three widths of
/// immediates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(u32);

/// In a [`Place`]: there is no such form.
const NOWHERE: u32 = 0xff;

impl Place {
    /// A slot number at this byte.
    pub const fn slot_at(at: u8) -> Place {
        Place(at as u32 | NOWHERE << 8 | NOWHERE << 16 | NOWHERE << 24)
    }

    /// Or a 16-bit immediate at this one.
    #[must_use]
    pub const fn half_at(self, at: u8) -> Place {
        self.with(8, at)
    }

    /// Or a 32-bit one.
    #[must_use]
    pub const fn word_at(self, at: u8) -> Place {
        self.with(16, at)
    }

    /// Or a 64-bit one.
    #[must_use]
    pub const fn wide_at(self, at: u8) -> Place {
        self.with(24, at)
    }

    const fn with(self, shift: u32, at: u8) -> Place {
        Place(self.0 & !(NOWHERE << shift) | (at as u32) << shift)
    }

    #[inline(always)]
    const fn get(self, shift: u32) -> usize {
        let at = self.0 >> shift & NOWHERE;
        debug_assert!(at != NOWHERE, "the format has no such form");
        at as usize
    }

    /// The byte of the slot number.
    #[inline(always)]
    pub const fn slot(self) -> usize {
        self.get(0)
    }

    /// The byte of the 16-bit immediate.
    #[inline(always)]
    pub const fn half(self) -> usize {
        self.get(8)
    }

    /// The byte of the 32-bit immediate.
    #[inline(always)]
    pub const fn word(self) -> usize {
        self.get(16)
    }

    /// The byte of the 64-bit immediate.
    #[inline(always)]
    pub const fn wide(self) -> usize {
        self.get(24)
    }
}

/// Where the destination stands in every format that has one with a class. Also what has its result in the
/// accumulator only says there which slot is its home.
pub const DST: Place = Place::slot_at(0);

/// Where an operand without a class stands behind the head, and its type.
#[derive(Debug)]
pub struct Field<T>(u8, PhantomData<fn() -> T>);

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Field<T> {}

impl<T> Field<T> {
    /// At this byte.
    pub const fn at(byte: u8) -> Field<T> {
        Field(byte, PhantomData)
    }

    /// The byte.
    #[inline(always)]
    pub const fn byte(self) -> usize {
        self.0 as usize
    }

    /// The same bytes as another type.
    #[inline(always)]
    pub const fn cast<U>(self) -> Field<U> {
        Field(self.0, PhantomData)
    }
}

/// A source operand of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Src {
    /// The accumulator.
    Acc,
    /// A pinned local.
    Pin(u8),
    /// A frame slot.
    Slot(i16),
    /// An immediate of 16 bits, sign-extended.
    Half(i16),
    /// An immediate of 32 bits, sign-extended.
    Word(i32),
    /// An immediate of 64 bits.
    Wide(u64),
    /// No operand: the number 0.
    Absent,
}

impl Src {
    /// Its class.
    #[inline]
    pub fn class(self) -> Class {
        match self {
            Src::Acc => Class::A,
            Src::Pin(pin) => Class::pin(usize::from(pin)),
            Src::Slot(_) => Class::S,
            Src::Half(_) | Src::Word(_) | Src::Wide(_) | Src::Absent => Class::I,
        }
    }

    /// Writes it to where the format has it.
    #[inline]
    pub fn encode(self, place: Place, body: &mut [u8]) {
        match self {
            Src::Acc | Src::Pin(_) | Src::Absent => {}
            Src::Slot(slot) => put(body, place.slot(), slot.to_le_bytes()),
            Src::Half(value) => put(body, place.half(), value.to_le_bytes()),
            Src::Word(value) => put(body, place.word(), value.to_le_bytes()),
            Src::Wide(value) => put(body, place.wide(), value.to_le_bytes()),
        }
    }

    /// Reads what a row says about it.
    pub fn decode((_, kind, at): table::Field, body: &[u8]) -> Option<Src> {
        let at = usize::from(at);
        Some(match kind {
            Kind::Acc => Src::Acc,
            Kind::Pin => Src::Pin(at as u8),
            Kind::Slot | Kind::Dst => Src::Slot(i16::from_le_bytes(get(body, at)?)),
            Kind::Imm16 => Src::Half(i16::from_le_bytes(get(body, at)?)),
            Kind::Imm32 => Src::Word(i32::from_le_bytes(get(body, at)?)),
            Kind::Imm64 | Kind::F32 | Kind::F64 => Src::Wide(u64::from_le_bytes(get(body, at)?)),
            _ => Src::Absent,
        })
    }
}

/// The operands of an instruction: the structures of [`op`](super::op).
pub trait Operands: Sized {
    /// The number of its format.
    const FORMAT: u8;

    /// Writes them to the bytes behind the head, which are zero.
    fn encode(&self, body: &mut [u8]);

    /// Reads them from there, as a row has them. `None` if there are too few bytes.
    fn decode(fields: &[table::Field], body: &[u8]) -> Option<Self>;
}

/// A type of operands without a class.
pub trait Plain: Copy {
    /// Writes it.
    fn encode(self, at: usize, body: &mut [u8]);
    /// Reads it.
    fn decode(at: usize, body: &[u8]) -> Option<Self>;
}

macro_rules! plain {
    ($($t:ty)*) => {$(
        impl Plain for $t {
            #[inline]
            fn encode(self, at: usize, body: &mut [u8]) {
                put(body, at, self.to_le_bytes());
            }
            fn decode(at: usize, body: &[u8]) -> Option<$t> {
                get(body, at).map(<$t>::from_le_bytes)
            }
        }
    )*};
}
plain! { i16 u16 i32 u32 u64 }

impl Plain for [u8; 16] {
    fn encode(self, at: usize, body: &mut [u8]) {
        put(body, at, self);
    }
    fn decode(at: usize, body: &[u8]) -> Option<[u8; 16]> {
        get(body, at)
    }
}

#[inline]
fn put<const N: usize>(body: &mut [u8], at: usize, bytes: [u8; N]) {
    body[at..][..N].copy_from_slice(&bytes);
}

fn get<const N: usize>(body: &[u8], at: usize) -> Option<[u8; N]> {
    body.get(at..)?.first_chunk().copied()
}

/// Code as bytes, whatever it is kept in.
pub trait Stream {
    /// `N` bytes from byte `at` on, if there are so many.
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]>;
    /// Replaces them.
    fn replace<const N: usize>(&mut self, at: usize, bytes: [u8; N]);
}

impl Stream for [u8] {
    #[inline]
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        get(self, at)
    }
    fn replace<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        put(self, at, bytes);
    }
}

/// Little-endian words.
impl Stream for [u64] {
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        const { assert!(N <= 8, "at most two words have them") };
        let shift = at % 8;
        let mut all = u128::from(*self.get(at / 8)?) >> (8 * shift);
        if shift + N > 8 {
            all |= u128::from(*self.get(at / 8 + 1)?) << (64 - 8 * shift);
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(&all.to_le_bytes()[..N]);
        Some(bytes)
    }
    fn replace<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        for (i, byte) in bytes.into_iter().enumerate() {
            let word = &mut self[(at + i) / 8];
            let mut all = word.to_le_bytes();
            all[(at + i) % 8] = byte;
            *word = u64::from_le_bytes(all);
        }
    }
}
