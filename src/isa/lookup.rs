//! Which op an operator is, by number and operand classes: the tables by which the translator chooses. The
//! digits of the keys are named in `table/key.rs`. `None` says that there is no row for these classes.

use super::table::key::{self, Lookup};
use super::*;

/// The op in one of the generated tables.
#[inline(always)]
fn find<const N: usize>(table: &[u16], lookup: &Lookup, digits: [usize; N]) -> Option<Op> {
    super::lookup(table, lookup.position(&digits)?)
}

/// Turns `BINARY(op: Bin, d: Class)` into a function that looks up the digits `[op, d]`.
macro_rules! finders {
    ($($(#[doc = $doc:literal])* $name:ident: $table:ident($($digit:ident: $ty:ty),*);)*) => {$(
        $(#[doc = $doc])*
        #[inline]
        pub fn $name($($digit: $ty),*) -> Option<Op> {
            find(&$table, &key::$table, [$(usize::from(Digit::from($digit))),*])
        }
    )*};
}

/// A digit of a key.
struct Digit(usize);

impl From<Digit> for usize {
    #[inline(always)]
    fn from(digit: Digit) -> usize {
        digit.0
    }
}

impl From<usize> for Digit {
    #[inline(always)]
    fn from(number: usize) -> Digit {
        Digit(number)
    }
}

impl From<bool> for Digit {
    #[inline(always)]
    fn from(flag: bool) -> Digit {
        Digit(usize::from(flag))
    }
}

/// The numbers of the operators, classes and modes are their digits.
macro_rules! digits {
    ($($ty:ty)*) => {$(
        impl From<$ty> for Digit {
            #[inline(always)]
            fn from(it: $ty) -> Digit {
                Digit(it as usize)
            }
        }
    )*};
}
digits! {
    Class Bin Un Cmp Load Store Get Set Atomic Bounds Cast
    VecBinary VecUnary VecExtract VecReplace VecShift VecTernary VecLoad
}

/// How accesses to memory 0 keep inside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bounds {
    /// By guard pages.
    Guarded = 0,
    /// By comparison.
    Checked = 1,
    /// By comparison of a 64-bit index.
    Wide = 2,
}

/// What a cast looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Cast {
    /// The kind of an object.
    Kind = 0,
    /// A defined structure or array type.
    Type = 1,
    /// A defined function type.
    Func = 2,
}

/// Which pinned locals a return restores, as a number.
pub fn restore(ints: bool, floats: bool) -> usize {
    usize::from(ints) + 2 * usize::from(floats)
}

/// The op for `d := x` in the registers of a kind.
pub fn any_mov(float: bool, d: Class, x: Class) -> Option<Op> {
    if float { fmov(d, x) } else { mov(d, x) }
}

/// The op for `d := 64-bit constant` in the registers of a kind.
pub fn const64(float: bool, d: Class) -> Option<Op> {
    if float { fconst(d) } else { iconst(d) }
}

/// The op for `d := if c { x } else { y }`, of values of a kind.
pub fn select(float: bool, d: Class, x: Class, y: Class, c: Class) -> Option<Op> {
    if float { fselect(d, c, x, y) } else { iselect(d, c, x, y) }
}

finders! {
    /// The op for `d := op(x, y)`.
    binary: BINARY(op: Bin, d: Class, x: Class, y: Class);
    /// The op for `d := op(x)`.
    unary: UNARY(op: Un, d: Class, x: Class);
    /// The op for a branch if `op(x, y)`.
    br_cmp: BR_CMP(op: Cmp, x: Class, y: Class);
    /// The op for a branch if `x`, an `i32`, is not zero.
    br_nez: BR_IF(x: Class);
    /// The op for a branch if it is zero.
    br_eqz: BR_UNLESS(x: Class);
    /// The op for a multi-way branch on `x`.
    br_table: BR_TABLE(x: Class);
    /// The op for a call through a table with index `x`.
    call_indirect: CALL_INDIRECT(x: Class);
    /// The op for a return of one value; `restored` is [`restore`]'s.
    ret: RETURN(restored: usize, float: bool, x: Class);
    /// The op for a return of no value, or of values that are in place.
    ret_plain: RET(restored: usize);
    /// The op that restores pinned locals ahead of a tail call.
    unpin: UNPIN(restored: usize);
    /// The op for `d := x` in the integer registers.
    mov: MOV(d: Class, x: Class);
    /// The op for `d := x` in the float registers.
    fmov: FMOV(d: Class, x: Class);
    /// The op for `d := 64-bit constant` in the integer registers.
    iconst: CONST(d: Class);
    /// The op for `d := 64-bit constant` in the float registers.
    fconst: FCONST(d: Class);
    /// The op for `d := if c { x } else { y }` of integers.
    iselect: SELECT(d: Class, c: Class, x: Class, y: Class);
    /// The op for `d := if c { x } else { y }` of floats.
    fselect: FSELECT(d: Class, c: Class, x: Class, y: Class);
    /// The op that traps if `x` is null.
    trap_if_null: TRAP_IF_NULL(x: Class);
    /// The op for `d := get[x + offset]`, a field of an object.
    struct_get: STRUCT_GET(op: Get, d: Class, x: Class);
    /// The op for `set[x + offset] := v`.
    struct_set: STRUCT_SET(op: Set, x: Class, v: Class);
    /// The op for `d := get x[y]`, an element of an array.
    array_get: ARRAY_GET(op: Get, d: Class, x: Class, y: Class);
    /// The op for `set S[x][y] := v`.
    array_set: ARRAY_SET(op: Set, y: Class, v: Class);
    /// The op for `d := x is of type`.
    ref_test: REF_TEST(mode: Cast, d: Class, x: Class);
    /// The op that traps unless `x` is of a type.
    ref_cast: REF_CAST(mode: Cast, x: Class);
    /// The op for a branch if `x` is of a type (`taken`), or if not.
    br_on_cast: BR_ON_CAST(mode: Cast, taken: bool, x: Class);
    /// The op for `d := global`.
    global_get: GLOBAL_GET(float: bool, d: Class);
    /// The op for `global := x`.
    global_set: GLOBAL_SET(float: bool, x: Class);
    /// The op for `d := load[x + offset]` from memory 0.
    load: LOAD(op: Load, bounds: Bounds, d: Class, x: Class);
    /// The op for `store[x + offset] := v` to memory 0.
    store: STORE(op: Store, bounds: Bounds, x: Class, v: Class);
    /// The op for a load from any memory, with a 32- or 64-bit index.
    load_general: LOAD_GENERAL(op: Load, wide: bool);
    /// The op for a store to any memory, with a 32- or 64-bit index.
    store_general: STORE_GENERAL(op: Store, wide: bool);
    /// The op for an atomic access of `8 << width` bits, with 64-bit indices if `wide`.
    atomic: ATOMIC(op: Atomic, width: usize, wide: bool);

    // Vectors are in the float accumulator or in slots.

    /// The op for `d := x`.
    vec_mov: VEC_MOV(d: Class, x: Class);
    /// The op for `d := 128-bit constant`.
    vec_const: VEC_CONST(d: Class);
    /// The op for `d := global`.
    vec_global_get: VEC_GLOBAL_GET(d: Class);
    /// The op for `global := x`.
    vec_global_set: VEC_GLOBAL_SET(x: Class);
    /// The op for `d := op(x, y)`.
    vec_binary: VEC_BINARY(op: VecBinary, d: Class, x: Class, y: Class);
    /// The op for `d := op(x)`; one of both is a vector.
    vec_unary: VEC_UNARY(op: VecUnary, d: Class, x: Class);
    /// The op for `d := a lane` of the vector in a slot.
    vec_extract: VEC_EXTRACT(op: VecExtract, d: Class);
    /// The op for a slot that gets the vector `x` with a lane replaced by `y`.
    vec_replace: VEC_REPLACE(op: VecReplace, x: Class, y: Class);
    /// The op for `d := op(x, count)`.
    vec_shift: VEC_SHIFT(op: VecShift, d: Class, x: Class, count: Class);
    /// The op for a slot that gets `if c { x } else { y }`.
    vec_select: VEC_SELECT(c: Class, x: Class, y: Class);
    /// The op for a slot that gets `op(x, y, z)`.
    vec_ternary: VEC_TERNARY(op: VecTernary, x: Class, y: Class, z: Class);
    /// The op for `d := bytes of x`.
    vec_permute: VEC_PERMUTE(d: Class, x: Class);
    /// The op for `d := bytes of x and y`.
    vec_permute2: VEC_PERMUTE2(d: Class, x: Class, y: Class);
    /// The op for `d := load[x + offset]` from memory 0.
    vec_load: VEC_LOAD(op: VecLoad, checked: bool, d: Class, x: Class);
    /// The op for `store[x + offset] := v` to memory 0.
    vec_store: VEC_STORE(checked: bool, x: Class, v: Class);
    /// The op for a load of a vector from any memory, with a 32- or 64-bit index.
    vec_load_general: VEC_LOAD_GENERAL(wide: bool);
    /// The op for a store of a vector to any memory, with a 32- or 64-bit index.
    vec_store_general: VEC_STORE_GENERAL(wide: bool);
}
