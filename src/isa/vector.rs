//! Which op a vector instruction is, by operator and operand classes. Vectors are in the float
//! accumulator or in slots.

use super::*;

/// The number of a vector operand's class; there are two.
fn two(class: Class) -> Option<usize> {
    matches!(class, Class::A | Class::S).then_some(class as usize)
}

/// The op for `d := x`.
pub fn vec_mov(d: Class, x: Class) -> Option<Op> {
    lookup(&VEC_MOV, two(d)? * 2 + two(x)?)
}

/// The op for `d := 128-bit constant`.
pub fn vec_const(d: Class) -> Option<Op> {
    lookup(&VEC_CONST, two(d)?)
}

/// The op for `d := global`.
pub fn vec_global_get(d: Class) -> Option<Op> {
    lookup(&VEC_GLOBAL_GET, two(d)?)
}

/// The op for `global := x`.
pub fn vec_global_set(x: Class) -> Option<Op> {
    lookup(&VEC_GLOBAL_SET, two(x)?)
}

/// The op for `d := op(x, y)`.
pub fn vec_binary(op: VecBinary, d: Class, x: Class, y: Class) -> Option<Op> {
    lookup(&VEC_BINARY, (op as usize * CLASSES + two(d)?) * 4 + two(x)? * 2 + two(y)?)
}

/// The op for `d := op(x)`; one of both is a vector.
pub fn vec_unary(op: VecUnary, d: Class, x: Class) -> Option<Op> {
    lookup(&VEC_UNARY, (op as usize * CLASSES + two(d)?) * 2 + two(x)?)
}

/// The op for `d := a lane` of the vector in a slot.
pub fn vec_extract(op: VecExtract, d: Class) -> Option<Op> {
    lookup(&VEC_EXTRACT, op as usize * CLASSES + two(d)?)
}

/// The op for a slot that gets the vector `x` with a lane replaced by `y`.
pub fn vec_replace(op: VecReplace, x: Class, y: Class) -> Option<Op> {
    lookup(&VEC_REPLACE, op as usize * 4 + two(x)? * 2 + two(y)?)
}

/// The op for `d := op(x, count)`.
pub fn vec_shift(op: VecShift, d: Class, x: Class, count: Class) -> Option<Op> {
    lookup(&VEC_SHIFT, ((op as usize * CLASSES + two(d)?) * 2 + two(x)?) * CLASSES + count as usize)
}

/// The op for a slot that gets `if c { x } else { y }`.
pub fn vec_select(x: Class, y: Class, c: Class) -> Option<Op> {
    lookup(&VEC_SELECT, two(c)? * 4 + two(x)? * 2 + two(y)?)
}

/// The op for a slot that gets `op(x, y, z)`.
pub fn vec_ternary(op: VecTernary, x: Class, y: Class, z: Class) -> Option<Op> {
    lookup(&VEC_TERNARY, op as usize * 8 + two(x)? * 4 + two(y)? * 2 + two(z)?)
}

/// The op for `d := bytes of x`.
pub fn vec_permute(d: Class, x: Class) -> Option<Op> {
    lookup(&VEC_PERMUTE, two(d)? * 2 + two(x)?)
}

/// The op for `d := bytes of x and y`.
pub fn vec_permute2(d: Class, x: Class, y: Class) -> Option<Op> {
    lookup(&VEC_PERMUTE2, two(d)? * 4 + two(x)? * 2 + two(y)?)
}

const LOADS: usize = VecLoad::V128Load16x4U as usize + 1;

/// The op for `d := load[x + offset]` from memory 0.
pub fn vec_load(op: VecLoad, checked: bool, d: Class, x: Class) -> Option<Op> {
    let kind = usize::from(checked) * LOADS + op as usize;
    lookup(&VEC_LOAD, (kind * CLASSES + two(d)?) * CLASSES + x as usize)
}

/// The op for `store[x + offset] := v` to memory 0.
pub fn vec_store(checked: bool, x: Class, v: Class) -> Option<Op> {
    lookup(&VEC_STORE, (usize::from(checked) * CLASSES + x as usize) * 2 + two(v)?)
}

/// The op for a load of a vector from any memory, with a 32- or 64-bit index.
pub fn vec_load_general(wide: bool) -> Option<Op> {
    lookup(&VEC_LOAD_GENERAL, usize::from(wide))
}

/// The op for a store of a vector to any memory, with a 32- or 64-bit index.
pub fn vec_store_general(wide: bool) -> Option<Op> {
    lookup(&VEC_STORE_GENERAL, usize::from(wide))
}
