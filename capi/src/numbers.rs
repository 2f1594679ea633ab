//! Functions of numbers alone: what kinds theirs are, and room for them.

use threadle::{FuncType, ValType};

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

/// The kinds of a function's parameters and results, if all are numbers.
pub(crate) struct Kinds {
    all: Box<[u8]>,
    params: usize,
}

impl Kinds {
    /// Parameters and results together.
    #[inline]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Those of the parameters, and those of the results.
    #[inline]
    pub fn split(&self) -> (&[u8], &[u8]) {
        self.all.split_at(self.params)
    }

    /// Whether there are vectors, which wasm.h does not know.
    pub fn has_vectors(&self) -> bool {
        self.all.contains(&4)
    }

    pub fn of(ty: &FuncType) -> Option<Kinds> {
        let kind = |ty: ValType| {
            Some(match ty {
                ValType::I32 => 0,
                ValType::I64 => 1,
                ValType::F32 => 2,
                ValType::F64 => 3,
                ValType::V128 => 4,
                ValType::Ref(_) => return None,
            })
        };
        let all = ty.params().chain(ty.results()).map(kind).collect::<Option<_>>()?;
        Some(Kinds { all, params: ty.params().len() })
    }
}
