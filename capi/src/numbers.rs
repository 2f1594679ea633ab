//! Functions of numbers alone: what kinds theirs are, and room for them.

use threadle::{FuncType, Val, ValRaw, ValType};

use crate::types::{F32, F64, I32, I64, V128};

/// Values that a call keeps on the native stack; if there are few, clearing them is cheap.
const INLINE: usize = 16;
const FEW: usize = 4;

/// Uses room for `len` values that are zero, on the stack if they are few.
#[inline(always)]
pub(crate) fn with_room<V: Copy, R>(zero: V, len: usize, body: impl FnOnce(&mut [V]) -> R) -> R {
    if len <= FEW {
        return body(&mut [zero; FEW][..len]);
    }
    if len <= INLINE {
        return body(&mut [zero; INLINE][..len]);
    }
    body(&mut vec![zero; len])
}

/// A union that holds a number, as C has it.
pub(crate) trait Payload: Copy {
    const ZERO: Self;

    fn new(value: ValRaw) -> Self;
    fn raw(&self) -> ValRaw;
}

/// A value that is a number: one of C's values that can be copied.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Number<P> {
    kind: u8,
    of: P,
}

impl<P: Payload> Number<P> {
    pub const ZERO: Number<P> = Number { kind: I32, of: P::ZERO };

    #[inline]
    pub fn new(kind: u8, value: ValRaw) -> Number<P> {
        Number { kind, of: P::new(value) }
    }

    #[inline]
    pub fn kind(&self) -> u8 {
        self.kind
    }

    #[inline]
    pub fn raw(&self) -> ValRaw {
        self.of.raw()
    }
}

/// A number for the engine; `None` if the kind is another one.
#[inline]
pub(crate) fn val(kind: u8, value: ValRaw) -> Option<Val> {
    Some(match kind {
        I32 => Val::I32(value.get_i32()),
        I64 => Val::I64(value.get_i64()),
        F32 => Val::F32(value.get_f32()),
        F64 => Val::F64(value.get_f64()),
        V128 => Val::V128(value.get_v128().into()),
        _ => return None,
    })
}

/// The kind of a number of the engine's, and the number.
#[inline]
pub(crate) fn raw(value: Val) -> Option<(u8, ValRaw)> {
    Some(match value {
        Val::I32(value) => (I32, ValRaw::i32(value)),
        Val::I64(value) => (I64, ValRaw::i64(value)),
        Val::F32(bits) => (F32, ValRaw::f32(bits)),
        Val::F64(bits) => (F64, ValRaw::f64(bits)),
        Val::V128(value) => (V128, ValRaw::v128(value.into())),
        _ => return None,
    })
}

/// The kinds of a function's parameters and results, if all are numbers.
pub(crate) struct Kinds {
    all: Box<[u8]>,
    params: usize,
}

impl Kinds {
    /// Calls a function of C's: `body` gets arguments made of `values`, zeros where results go, the kinds that
    /// these should have, and `values` for them.
    #[inline(always)]
    pub fn with_values<P: Payload, R>(
        &self,
        values: &mut [ValRaw],
        body: impl FnOnce(&mut [Number<P>], &mut [Number<P>], &[u8], &mut [ValRaw]) -> R,
    ) -> R {
        let (params, results) = self.all.split_at(self.params);
        with_room(Number::ZERO, self.all.len(), |room| {
            let (args, out) = room.split_at_mut(params.len());
            for ((arg, kind), value) in args.iter_mut().zip(params).zip(&*values) {
                *arg = Number::new(*kind, *value);
            }
            body(args, out, results, values)
        })
    }

    /// Whether there are vectors, which wasm.h does not know.
    pub fn has_vectors(&self) -> bool {
        self.all.contains(&V128)
    }

    pub fn of(ty: &FuncType) -> Option<Kinds> {
        let kind = |ty: ValType| {
            Some(match ty {
                ValType::I32 => I32,
                ValType::I64 => I64,
                ValType::F32 => F32,
                ValType::F64 => F64,
                ValType::V128 => V128,
                ValType::Ref(_) => return None,
            })
        };
        let all = ty.params().chain(ty.results()).map(kind).collect::<Option<_>>()?;
        Some(Kinds { all, params: ty.params().len() })
    }
}
