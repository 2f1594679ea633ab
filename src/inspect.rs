//! What tools need to know about this build: the op table and how handlers are chained. Used by
//! `asm-check`, which finds the handlers of a binary through the descriptor that every binary
//! holding this library carries in the section `.threadle`.

/// One op, by opcode.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The op's name, which is also its handler's.
    pub name: &'static str,
    /// Its effect, as an equation over slots `S[..]`, the accumulator `acc` and the pinned locals
    /// `pin0` to `pin2`.
    pub effect: &'static str,
    /// The generic handler it is an instance of.
    pub family: &'static str,
    /// Bytes it takes in the instruction stream (a table of branch distances not counted).
    pub size: usize,
}

/// All ops; the index is the opcode.
pub fn ops() -> &'static [OpInfo] {
    static OPS: OnceLock<Vec<OpInfo>> = OnceLock::new();
    OPS.get_or_init(|| {
        crate::isa::OPS
            .iter()
            .enumerate()
            .map(|(opcode, op)| OpInfo {
                name: &op.name,
                effect: &op.effect,
                family: op.family,
                size: crate::isa::Op::from_u16(opcode as u16).map_or(0, crate::isa::Op::size),
            })
            .collect()
    })
}

pub use crate::isa::unfused_name;

use crate::prelude::*;
use crate::sys::standard::OnceLock;

/// FNV-1a over all op names, each followed by a line feed: equal for builds with the same op
/// table.
pub const fn table_hash() -> u64 {
    crate::isa::TABLE_HASH
}

/// Which dispatch backend this build uses: `become`, `sibling` or `loop`.
pub fn dispatch() -> &'static str {
    crate::exec::DISPATCH
}

/// Which threading form this build uses: `direct` or `table`.
pub fn threading() -> &'static str {
    crate::exec::THREADING
}
