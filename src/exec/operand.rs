//! Operand classes as types: how a handler body reads its sources and writes its destination.

use super::abi::Regs;
use super::{barrier, float};
use crate::isa::HEAD;
use crate::isa::operand::{Field, Place};

/// A value type that registers and slots hold.
pub trait Value: Copy {
    /// Reads the accumulator of this type.
    fn acc(r: &Regs) -> Self;
    /// Writes it.
    fn set_acc(r: &mut Regs, v: Self);
    /// Reads a pinned local of this type: 0 to 1 of the integers, 0 to 2 of the floats.
    fn pin<const PIN: usize>(r: &Regs) -> Self;
    /// Writes it.
    fn set_pin<const PIN: usize>(r: &mut Regs, v: Self);
    /// The value in the low bits of a slot.
    fn from_bits(bits: u64) -> Self;
    /// [`Value::from_bits`] of what has just been read from a slot.
    ///
    /// AArch64 scales an index by the width of what it reads, and slots are eight bytes: reading half of one
    /// takes an addition more than reading all of it. There, narrow values are narrowed out of the
    /// optimiser's sight, which else narrows the read.
    #[inline(always)]
    fn from_slot(bits: u64) -> Self {
        Self::from_bits(bits)
    }
    /// The slot contents; bits above the value's width are zero.
    fn to_bits(self) -> u64;
    /// The value of a sign-extended immediate. Floats have immediates of their own.
    fn from_imm(imm: i32) -> Self;
}

/// A type of operands.
pub trait Operand: Copy {
    /// The same value, of which the optimiser does not know that it is part of a register, if that matters.
    #[inline(always)]
    fn apart(self) -> Self {
        self
    }
}
impl Operand for u32 {}
impl Operand for u64 {}
impl Operand for crate::sem::V128 {}

/// [`Value::from_slot`] for a type that is narrower than a slot.
macro_rules! narrow {
    ($whole:expr) => {
        #[inline(always)]
        #[cfg(target_arch = "aarch64")]
        fn from_slot(bits: u64) -> Self {
            let whole: fn(u64) -> Self = $whole;
            whole(bits)
        }
    };
}

macro_rules! integer {
    ($t:ty $(, $whole:expr)?) => {
        impl Value for $t {
            $(narrow!($whole);)?
            #[inline(always)]
            fn acc(r: &Regs) -> Self {
                r.acc as $t
            }
            #[inline(always)]
            fn set_acc(r: &mut Regs, v: Self) {
                r.acc = u64::from(v);
            }
            #[inline(always)]
            fn pin<const PIN: usize>(r: &Regs) -> Self {
                (if PIN == 0 { r.l0 } else { r.l1 }) as $t
            }
            #[inline(always)]
            fn set_pin<const PIN: usize>(r: &mut Regs, v: Self) {
                let register = if PIN == 0 { &mut r.l0 } else { &mut r.l1 };
                *register = u64::from(v);
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                bits as $t
            }
            #[inline(always)]
            fn to_bits(self) -> u64 {
                u64::from(self)
            }
            #[inline(always)]
            fn from_imm(imm: i32) -> Self {
                imm as $t
            }
        }
    };
}
integer!(u32, |bits| barrier::opaque(bits) as u32);
integer!(u64);

macro_rules! float {
    ($t:ty, $bits:ty, $get:ident, $set:ident, $apart:ident $(, $whole:expr)?) => {
        impl Value for $t {
            $(narrow!($whole);)?
            #[inline(always)]
            fn acc(r: &Regs) -> Self {
                float::$get(r.fa)
            }
            #[inline(always)]
            fn set_acc(r: &mut Regs, v: Self) {
                r.fa = float::$set(r.fa, v);
            }
            #[inline(always)]
            fn pin<const PIN: usize>(r: &Regs) -> Self {
                float::$get([r.f0, r.f1, r.f2][PIN])
            }
            #[inline(always)]
            fn set_pin<const PIN: usize>(r: &mut Regs, v: Self) {
                let register = match PIN {
                    0 => &mut r.f0,
                    1 => &mut r.f1,
                    _ => &mut r.f2,
                };
                *register = float::$set(*register, v);
            }
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                <$t>::from_bits(bits as $bits)
            }
            #[inline(always)]
            fn to_bits(self) -> u64 {
                u64::from(<$t>::to_bits(self))
            }
            #[inline(always)]
            fn from_imm(_: i32) -> Self {
                // No row has a float with an integer immediate.
                0.0
            }
        }
        impl Operand for $t {
            #[inline(always)]
            fn apart(self) -> Self {
                barrier::$apart(self)
            }
        }
    };
}
float!(f32, u32, get_f32, set_f32, opaque_f32, |bits| {
    float::get_f32(float::set_f64(float::from_bits(0), barrier::opaque_f64(f64::from_bits(bits))))
});
float!(f64, u64, get_f64, set_f64, opaque_f64);

/// A comparison's result becomes an `i32`.
impl Value for bool {
    narrow!(|bits| u32::from_slot(bits) != 0);
    #[inline(always)]
    fn acc(r: &Regs) -> Self {
        u32::acc(r) != 0
    }
    #[inline(always)]
    fn set_acc(r: &mut Regs, v: Self) {
        r.acc = u64::from(v);
    }
    #[inline(always)]
    fn pin<const PIN: usize>(r: &Regs) -> Self {
        u32::pin::<PIN>(r) != 0
    }
    #[inline(always)]
    fn set_pin<const PIN: usize>(r: &mut Regs, v: Self) {
        u32::set_pin::<PIN>(r, u32::from(v));
    }
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        bits as u32 != 0
    }
    #[inline(always)]
    fn to_bits(self) -> u64 {
        u64::from(self)
    }
    #[inline(always)]
    fn from_imm(imm: i32) -> Self {
        imm != 0
    }
}

impl Regs {
    /// What stands `at` bytes behind the head of the instruction at `pc`.
    ///
    /// # Safety
    /// Contract 1 of `abi`: it lies inside the instruction.
    #[inline(always)]
    unsafe fn at<T: Copy>(&self, at: usize) -> T {
        // SAFETY: inside the instruction; operands need not be aligned with table threading.
        unsafe { self.pc.add(HEAD + at).cast::<T>().read_unaligned() }
    }

    /// An operand without a class.
    ///
    /// # Safety
    /// Contract 1 of `abi`, for an instruction of the field's format.
    #[inline(always)]
    pub unsafe fn get<T: Copy>(&self, field: Field<T>) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.at(field.byte()) }
    }

    /// The slot that an operand names.
    ///
    /// # Safety
    /// Contracts 1 and 2 of `abi`, for an instruction of the place's format.
    #[inline(always)]
    pub unsafe fn slot(&self, place: Place) -> *mut u64 {
        // SAFETY: the operand names a slot of the frame.
        unsafe { self.fp.offset(self.at::<i16>(place.slot()) as isize) }
    }

    /// The slot that a [`Kind::Far`](crate::isa::table::Kind::Far) operand names.
    ///
    /// # Safety
    /// As for [`Regs::slot`].
    #[inline(always)]
    pub unsafe fn far(&self, field: Field<i32>) -> *mut u64 {
        // SAFETY: the operand names a slot of the frame.
        unsafe { self.fp.offset(self.get(field) as isize) }
    }
}

/// A class that can be read.
pub trait Source<T> {
    /// Which register it is, if it is one.
    const REGISTER: Option<usize> = None;

    /// Reads the operand at a place.
    ///
    /// # Safety
    /// The handler contract.
    unsafe fn read(r: &Regs, place: Place) -> T;
}

/// A class that can be written.
pub trait Dest<T> {
    /// Which register alone is written, if one is.
    const REGISTER: Option<usize> = None;

    /// Writes the operand at a place.
    ///
    /// # Safety
    /// The handler contract.
    unsafe fn write(r: &mut Regs, place: Place, v: T);
}

/// The accumulator.
pub struct A;
/// A slot; writing also sets the accumulator.
pub struct S;
/// A slot; writing leaves the accumulator alone.
pub struct P;
/// A pinned local, by number.
pub struct Pinned<const PIN: usize>;
/// The first pinned local.
pub type L = Pinned<0>;
/// The second pinned local.
pub type M = Pinned<1>;
/// The third pinned local (floats only).
pub type N = Pinned<2>;
/// A 32-bit immediate, sign-extended.
pub struct I;
/// A 16-bit immediate, sign-extended.
pub struct H;
/// A float immediate, in an 8-byte field behind the others.
pub struct F;
/// No operand: the number 0, for addresses.
pub struct K;
/// A destination, in part `PART` of a fused op, that a later part reads.
#[allow(dead_code, reason = "a build may leave all fused ops out")]
pub struct Keep<const PART: usize, D>(core::marker::PhantomData<D>);
/// What part `PART` has written, without the way through its slot.
#[allow(dead_code, reason = "a build may leave all fused ops out")]
pub struct Kept<const PART: usize>;

/// The number of the accumulator among registers; pinned locals follow.
const ACCUMULATOR: usize = 0;

/// Two sources of one op, the result of which goes to `D`.
///
/// Where both are float registers, one of them is read in a way that hides that it is one. Else an
/// operation on their first lanes becomes one on all, as their other lanes are nobody's: values that make it
/// slow may have been left there.
///
/// # Safety
/// The handler contract.
#[inline(always)]
pub unsafe fn read_both<D: Dest<U>, X: Source<T>, Y: Source<T>, T: Operand, U>(
    r: &Regs,
    [left, right]: [Place; 2],
) -> (T, T) {
    // SAFETY: passed on unchanged.
    let (x, y): (T, T) = unsafe { (X::read(r, left), Y::read(r, right)) };
    match (X::REGISTER, Y::REGISTER) {
        (Some(a), Some(b)) if a == b => {
            let both = x.apart();
            (both, both)
        }
        // That which ends here, or else the left one: an instruction overwrites an operand, so being apart
        // needs no copy, or one that there is anyway. (A slot is written together with the accumulator.)
        (Some(_), Some(b)) if D::REGISTER.unwrap_or(ACCUMULATOR) == b => (x, y.apart()),
        (Some(_), Some(_)) => (x.apart(), y),
        _ => (x, y),
    }
}

impl<T: Value> Source<T> for A {
    const REGISTER: Option<usize> = Some(ACCUMULATOR);

    #[inline(always)]
    unsafe fn read(r: &Regs, _: Place) -> T {
        T::acc(r)
    }
}

impl<T: Value> Source<T> for S {
    #[inline(always)]
    unsafe fn read(r: &Regs, place: Place) -> T {
        // SAFETY: contract 2.
        T::from_slot(unsafe { r.slot(place).read() })
    }
}

impl<T: Value, const PIN: usize> Source<T> for Pinned<PIN> {
    const REGISTER: Option<usize> = Some(ACCUMULATOR + 1 + PIN);

    #[inline(always)]
    unsafe fn read(r: &Regs, _: Place) -> T {
        T::pin::<PIN>(r)
    }
}

impl<T: Value> Source<T> for I {
    #[inline(always)]
    unsafe fn read(r: &Regs, place: Place) -> T {
        // SAFETY: contract 1.
        T::from_imm(unsafe { r.at::<i32>(place.word()) })
    }
}

impl<T: Value> Source<T> for H {
    #[inline(always)]
    unsafe fn read(r: &Regs, place: Place) -> T {
        // SAFETY: contract 1.
        T::from_imm(i32::from(unsafe { r.at::<i16>(place.half()) }))
    }
}

impl<T: Value> Source<T> for F {
    #[inline(always)]
    unsafe fn read(r: &Regs, place: Place) -> T {
        // SAFETY: contract 1.
        T::from_bits(unsafe { r.at::<u64>(place.wide()) })
    }
}

impl<T: Value> Source<T> for K {
    #[inline(always)]
    unsafe fn read(_: &Regs, _: Place) -> T {
        T::from_imm(0)
    }
}

impl<T: Value> Dest<T> for A {
    const REGISTER: Option<usize> = Some(ACCUMULATOR);

    #[inline(always)]
    unsafe fn write(r: &mut Regs, _: Place, v: T) {
        T::set_acc(r, v);
    }
}

impl<T: Value> Dest<T> for S {
    #[inline(always)]
    unsafe fn write(r: &mut Regs, place: Place, v: T) {
        // SAFETY: contract 2.
        unsafe { r.slot(place).write(v.to_bits()) }
        T::set_acc(r, v);
    }
}

impl<T: Value> Dest<T> for P {
    #[inline(always)]
    unsafe fn write(r: &mut Regs, place: Place, v: T) {
        // SAFETY: contract 2.
        unsafe { r.slot(place).write(v.to_bits()) }
    }
}

impl<T: Value, const PIN: usize> Dest<T> for Pinned<PIN> {
    const REGISTER: Option<usize> = Some(ACCUMULATOR + 1 + PIN);

    #[inline(always)]
    unsafe fn write(r: &mut Regs, _: Place, v: T) {
        T::set_pin::<PIN>(r, v);
    }
}

impl<T: Value, D: Dest<T>, const PART: usize> Dest<T> for Keep<PART, D> {
    #[inline(always)]
    unsafe fn write(r: &mut Regs, place: Place, v: T) {
        // SAFETY: passed on unchanged.
        unsafe { D::write(r, place, v) }
        r.kept[PART] = v.to_bits();
    }
}

impl<T: Value, const PART: usize> Source<T> for Kept<PART> {
    #[inline(always)]
    unsafe fn read(r: &Regs, _: Place) -> T {
        T::from_bits(r.kept[PART])
    }
}

/// A class of the right side of a binary op, whose immediates may make the instruction longer.
pub trait Rhs {
    /// Whether it is a 64-bit immediate.
    const WIDE: bool = false;
}
impl Rhs for A {}
impl Rhs for S {}
impl<const PIN: usize> Rhs for Pinned<PIN> {}
impl Rhs for I {}
impl Rhs for H {}
impl<const PART: usize> Rhs for Kept<PART> {}
impl Rhs for F {
    const WIDE: bool = true;
}
