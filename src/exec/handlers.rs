//! All handlers: one line per op, generated from the op table, and the cold continuations that
//! have no opcode.

use super::abi::{Pc, Regs, Step};
use super::dispatch::{HandlerFn, handler};
use super::families::*;
use super::head;
use super::operand::{A, F, H, I, K, L, P, S};
use crate::isa::OP_COUNT;
use crate::sem;
use crate::vm::{Slot, VmCtx};

include!(concat!(env!("OUT_DIR"), "/handlers.rs"));

handler! { raise, super::slow::raise, "Records the trap in the accumulator and leaves." }
handler! { raise_memory_fault, super::slow::raise_memory_fault, "Where the signal handler sends a faulting access." }
handler! { host_failed, host::host_failed, "A host function did not return normally." }
handler! { runtime_failed, host::runtime_failed, "A runtime function did not return normally." }
handler! { call_indirect_subtype, call::call_indirect_subtype, "Subtype check of an indirect call." }
handler! { return_call_indirect_subtype, call::return_call_indirect_subtype, "Subtype check of an indirect tail call." }

/// The continuations by name, and whether they belong to the trampoline.
pub(crate) const CONTINUATIONS: [(&str, HandlerFn, bool); 6] = [
    ("raise", raise, false),
    ("raise_memory_fault", raise_memory_fault, false),
    ("host_failed", host_failed, true),
    ("runtime_failed", runtime_failed, true),
    ("call_indirect_subtype", call_indirect_subtype, false),
    ("return_call_indirect_subtype", return_call_indirect_subtype, false),
];
