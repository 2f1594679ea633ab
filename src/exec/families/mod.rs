//! Handler bodies, by family. A body is generic over operand classes; the op table names the
//! instances. `r.pc` moves on only on the way to the next instruction, so that a trap finds its
//! instruction there.

pub mod atomic;
pub mod binary;
pub mod branch;
pub mod bulk;
pub mod call;
pub mod cast;
pub mod control;
pub mod fuse;
pub mod global;
pub mod host;
pub mod memory;
pub mod mov;
pub mod object;
pub mod reference;
pub mod select;
pub mod simd;
pub mod wide;
