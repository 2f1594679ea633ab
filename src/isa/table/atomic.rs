//! Atomic accesses. One row serves both integer types, as narrow accesses extend with zeros.

use alloc::format;
use alloc::string::ToString;

use super::format::{CMPXCHG, EMPTY, LOAD_GENERAL, RMW, STORE_GENERAL};
use super::memory::INDICES;
use super::{Table, key};

/// Access widths in bytes, and the integer in memory.
const WIDTHS: [(u32, &str); 4] = [(8, "u8"), (16, "u16"), (32, "u32"), (64, "u64")];

/// In the order of `sys::racy::Rmw`.
const RMW_OPS: [&str; 6] = ["add", "sub", "and", "or", "xor", "xchg"];

impl Table {
    /// The rows of the threads proposal. Waiting and notifying are runtime functions.
    pub(super) fn atomics(&mut self) {
        self.operator("Atomic", "load");
        self.operator("Atomic", "store");
        self.operator("Atomic", "cmpxchg");
        for op in RMW_OPS {
            self.operator("Atomic", op);
        }
        for (w, (bits, int)) in WIDTHS.into_iter().enumerate() {
            for (i, (suffix, index)) in INDICES.into_iter().enumerate() {
                let key = |op: usize| [op, w, i];
                self.row(format!("atomic_load{bits}_{suffix}"), "atomic", &LOAD_GENERAL)
                    .effect(format!("S[dst], acc := atomic load{bits}(memory, S[addr] + offset)"))
                    .body("atomic::load", &[int, index])
                    .key(&key::ATOMIC, &key(0))
                    .traps();
                self.row(format!("atomic_store{bits}_{suffix}"), "atomic", &STORE_GENERAL)
                    .effect(format!("atomic store{bits}(memory, S[addr] + offset) := S[value]"))
                    .body("atomic::store", &[int, index])
                    .key(&key::ATOMIC, &key(1))
                    .traps();
                self.row(format!("atomic_cmpxchg{bits}_{suffix}"), "atomic", &CMPXCHG)
                    .effect(format!(
                        "S[dst], acc := atomic cmpxchg{bits}(memory, S[addr] + offset, S[expected], S[new])"
                    ))
                    .body("atomic::cmpxchg", &[int, index])
                    .key(&key::ATOMIC, &key(2))
                    .traps();
                for (n, op) in RMW_OPS.into_iter().enumerate() {
                    self.row(format!("atomic_{op}{bits}_{suffix}"), "atomic", &RMW)
                        .effect(format!(
                            "S[dst], acc := atomic {op}{bits}(memory, S[addr] + offset, S[value])"
                        ))
                        .body("atomic::rmw", &[int, index, &n.to_string()])
                        .key(&key::ATOMIC, &key(3 + n))
                        .traps();
                }
            }
        }
        self.row("atomic_fence", "atomic", &EMPTY)
            .effect("order this thread's accesses")
            .body("atomic::fence", &[]);
    }
}
