//! Small integers as references.

use crate::trap::Trap;

/// The low 31 bits as an unboxed reference: tagged by an odd number.
#[inline(always)]
pub fn ref_i31(x: u32) -> u64 {
    (x << 1 | 1) as u64
}

/// The integer, its sign extended. Traps for null.
#[inline(always)]
pub fn i31_get_s(x: u64) -> Result<u32, Trap> {
    if x == 0 { Err(Trap::NullReference) } else { Ok((x as i32 >> 1) as u32) }
}

/// The integer, zero-extended. Traps for null.
#[inline(always)]
pub fn i31_get_u(x: u64) -> Result<u32, Trap> {
    if x == 0 { Err(Trap::NullReference) } else { Ok(x as u32 >> 1) }
}
