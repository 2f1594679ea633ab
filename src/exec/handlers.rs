//! All handlers: one line per op, generated from the op table, and the cold continuations that
//! have no opcode.

#![cfg_attr(
    prebuilt,
    allow(unused_imports, unused_macros, reason = "for the ops that are not prebuilt")
)]
#![allow(
    improper_ctypes,
    reason = "vector registers: the assembly is made from the same type of handlers"
)]
#![allow(non_snake_case, reason = "the name of a fused op is those of its parts with `__` between")]

#[cfg(not(dispatch = "loop"))]
use super::abi::{CtxReg, NOTHING_KEPT, call};
use super::abi::{HandlerFn, Pc, Regs, Step};
use super::dispatch::handler;
#[cfg(dispatch = "sibling")]
use super::dispatch::handler_with;
#[allow(unused_imports, reason = "a build may leave all fused ops out")]
use super::families::fuse::{fuse, fuse_again, fuse_again_metered};
use super::families::*;
#[cfg(dispatch = "become")]
use super::float;
#[cfg(dispatch = "sibling")]
use super::float::FloatReg;
#[allow(unused_imports, reason = "a build may leave all fused ops out")]
use super::operand::{A, F, H, I, K, Keep, Kept, L, M, N, P, S};
use super::role::Role;
#[cfg(threading = "direct")]
use super::words::function;
use crate::isa::OP_COUNT;
use crate::sem;
#[cfg(not(dispatch = "loop"))]
use crate::vm::Slot;

/// A function of `sem` as a value that is inlined at every optimisation level. By its name alone it is
/// called through a function that the compiler makes, and inlines as it sees fit: where the operands
/// are vectors, not at `opt-level = 2`.
macro_rules! inline {
    ($f:path, $($operand:ident),+) => {
        #[inline(always)]
        |$($operand),+| $f($($operand),+)
    };
}

include!(concat!(env!("OUT_DIR"), "/handlers.rs"));

/// The handler of the instruction at `pc`.
///
/// # Safety
/// Contract 1 of [`super::abi`].
#[inline(always)]
pub(super) unsafe fn head(pc: Pc) -> HandlerFn {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(threading = "direct")]
        return function(pc.cast::<u64>().read());
        #[cfg(threading = "table")]
        return *TABLE.get_unchecked(usize::from(pc.cast::<u16>().read_unaligned()));
    }
}

handler! { #[cold] count, super::profile::count, "Counts, then goes on in the instruction's own handler." }
handler! { #[cold] raise, super::slow::raise, "Records the trap in the accumulator and leaves." }
handler! { #[cold] raise_memory_fault, super::slow::raise_memory_fault, "Where the signal handler sends a faulting access." }
handler! { #[cold] raise_misaligned, super::slow::raise_misaligned, "Where atomic accesses that are not aligned go." }
handler! { call_import_host, host::call_import_host::<false>, "Call of an import that is the host's." }
handler! { call_import_host_floats, host::call_import_host::<true>, "The same where floats may be pinned." }
handler! { call_import_wasm, call::call_import_wasm, "Call of an import that is WebAssembly." }
handler! { #[cold] host_failed, host::host_failed, "A host function did not return normally." }
handler! { #[cold] runtime_failed, host::runtime_failed, "A runtime function did not return normally." }
handler! { #[cold] again, host::again, "A runtime function has done a slice of its work." }
handler! { #[cold] unwind, host::unwind, "Goes on where the exception in flight is caught." }
handler! { #[cold] call_indirect_subtype, call::call_indirect_subtype, "Subtype check of an indirect call." }
handler! { #[cold] return_call_indirect_subtype, call::return_call_indirect_subtype, "Subtype check of an indirect tail call." }
handler! { #[cold] call_across, call::call_across, "The rest of a call that leaves the instance." }
handler! { #[cold] return_call_across, call::return_call_across, "The rest of a tail call that leaves the instance." }
handler! { memory_copy_long, bulk::copy_long, "The rest of `memory_copy_m32` by native code." }
handler! { memory_fill_long, bulk::fill_long, "The rest of `memory_fill_m32` by native code." }
handler! { #[cold] struct_new_slow, host::struct_new_slow, "Allocation that needs more than the next free cell." }

/// The functions that are more or less than an op's handler, by name, for asm-check.
pub(super) const CONTINUATIONS: [(&str, HandlerFn, Role); 21] = [
    ("raise", raise, Role::Exit),
    ("raise_memory_fault", raise_memory_fault, Role::Exit),
    ("raise_misaligned", raise_misaligned, Role::Exit),
    ("host_failed", host_failed, Role::Exit),
    ("runtime_failed", runtime_failed, Role::Exit),
    ("exit", exit, Role::Exit),
    ("call_across", call_across, Role::Cold),
    ("return_call_across", return_call_across, Role::Cold),
    ("call_indirect_subtype", call_indirect_subtype, Role::Cold),
    ("return_call_indirect_subtype", return_call_indirect_subtype, Role::Cold),
    ("struct_new_slow", struct_new_slow, Role::Trampoline),
    ("memory_copy_long", memory_copy_long, Role::Trampoline),
    ("memory_fill_long", memory_fill_long, Role::Trampoline),
    ("call_import_wasm", call_import_wasm, Role::Cold),
    ("call_import_host", call_import_host, Role::Trampoline),
    ("call_import_host_floats", call_import_host_floats, Role::Trampoline),
    ("call_indirect_host", call_indirect_host, Role::Trampoline),
    ("call_runtime", call_runtime, Role::Trampoline),
    ("lazy_compile", lazy_compile, Role::Trampoline),
    ("again", again, Role::Trampoline),
    ("unwind", unwind, Role::Trampoline),
];
