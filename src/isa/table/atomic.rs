//! Atomic accesses. One row serves both integer types, as narrow accesses extend with zeros.

use super::Kind::{Ctx, Dst, Off64, Slot};
use super::Table;

/// Access widths in bytes, and the integer in memory.
const WIDTHS: [(u32, &str); 4] = [(8, "u8"), (16, "u16"), (32, "u32"), (64, "u64")];

/// Index types of memories.
const INDICES: [(&str, &str); 2] = [("m32", "u32"), ("m64", "u64")];

/// In the order of `sys::racy::Rmw`.
const RMW: [&str; 6] = ["add", "sub", "and", "or", "xor", "xchg"];

impl Table {
    /// The rows of the threads proposal. Waiting and notifying are runtime functions.
    pub(super) fn atomics(&mut self) {
        self.operator("Atomic", "load");
        self.operator("Atomic", "store");
        self.operator("Atomic", "cmpxchg");
        for op in RMW {
            self.operator("Atomic", op);
        }
        let place = [("memory", Ctx, 4), ("offset", Off64, 8)];
        for (w, (bits, int)) in WIDTHS.into_iter().enumerate() {
            for (i, (suffix, index)) in INDICES.into_iter().enumerate() {
                let key = |op: usize| Some(("ATOMIC", (op * WIDTHS.len() + w) * 2 + i));
                self.row(
                    format!("atomic_load{bits}_{suffix}"),
                    "atomic",
                    16,
                    [&[("dst", Dst, 0), ("addr", Slot, 2)], &place[..]].concat(),
                    format!("S[dst], acc := atomic load{bits}(memory, S[addr] + offset)"),
                    format!("atomic::load::<{int}, {index}>"),
                    key(0),
                );
                self.row(
                    format!("atomic_store{bits}_{suffix}"),
                    "atomic",
                    16,
                    [&[("addr", Slot, 0), ("value", Slot, 2)], &place[..]].concat(),
                    format!("atomic store{bits}(memory, S[addr] + offset) := S[value]"),
                    format!("atomic::store::<{int}, {index}>"),
                    key(1),
                );
                self.row(
                    format!("atomic_cmpxchg{bits}_{suffix}"),
                    "atomic",
                    24,
                    [
                        &[("dst", Dst, 0), ("addr", Slot, 2)],
                        &place[..],
                        &[("expected", Slot, 16), ("new", Slot, 18)],
                    ]
                    .concat(),
                    format!(
                        "S[dst], acc := atomic cmpxchg{bits}(memory, S[addr] + offset, S[expected], S[new])"
                    ),
                    format!("atomic::cmpxchg::<{int}, {index}>"),
                    key(2),
                );
                for (n, op) in RMW.into_iter().enumerate() {
                    self.row(
                        format!("atomic_{op}{bits}_{suffix}"),
                        "atomic",
                        24,
                        [&[("dst", Dst, 0), ("addr", Slot, 2)], &place[..], &[("value", Slot, 16)]]
                            .concat(),
                        format!(
                            "S[dst], acc := atomic {op}{bits}(memory, S[addr] + offset, S[value])"
                        ),
                        format!("atomic::rmw::<{int}, {index}, {n}>"),
                        key(3 + n),
                    );
                }
            }
        }
        self.row(
            "atomic_fence",
            "atomic",
            0,
            vec![],
            "order this thread's accesses",
            "atomic::fence",
            None,
        );
    }
}
