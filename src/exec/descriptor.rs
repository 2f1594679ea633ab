//! The descriptor by which `asm-check` finds the handlers of a finished binary, stripped or not.

use super::handlers::{CONTINUATIONS, TABLE};
use super::role::Role;
use crate::isa::{OP_COUNT, TABLE_HASH};

/// A function that is no op's handler.
#[derive(Clone, Copy)]
#[repr(C)]
struct Named {
    name: *const u8,
    name_len: usize,
    address: *const (),
    role: Role,
    padding: u32,
}

/// The descriptor; `docs/asm-check.md` describes it.
#[repr(C)]
struct Descriptor {
    magic: [u8; 16],
    table_hash: u64,
    backend: u32,
    threading: u32,
    op_count: u32,
    named_count: u32,
    handlers: *const (),
    named: *const Named,
}

/// The pointers lead to statics.
struct Shared<T>(#[allow(dead_code, reason = "read from the binary, not by the program")] T);
// SAFETY: immutable data.
unsafe impl<T> Sync for Shared<T> {}

const NAMED_COUNT: usize = CONTINUATIONS.len() + 1;

static NAMED: Shared<[Named; NAMED_COUNT]> = Shared({
    // Typed calls from the host have the entry inlined; this is the one of untyped calls.
    let entry = named("enter", super::enter::enter as *const (), Role::Entry);
    let mut rows = [entry; NAMED_COUNT];
    let mut i = 0;
    while i < CONTINUATIONS.len() {
        let (name, address, role) = CONTINUATIONS[i];
        rows[i] = named(name, address as *const (), role);
        i += 1;
    }
    rows
});

const fn named(name: &'static str, address: *const (), role: Role) -> Named {
    Named { name: name.as_ptr(), name_len: name.len(), address, role, padding: 0 }
}

#[used]
#[cfg_attr(any(target_os = "linux", target_os = "android"), unsafe(link_section = ".threadle"))]
static DESCRIPTOR: Shared<Descriptor> = Shared(Descriptor {
    magic: *b"threadle-ops-v1\0",
    table_hash: TABLE_HASH,
    backend: if cfg!(dispatch = "become") {
        2
    } else if cfg!(dispatch = "sibling") {
        1
    } else {
        0
    },
    threading: if cfg!(prebuilt) {
        2
    } else if cfg!(threading = "direct") {
        0
    } else {
        1
    },
    op_count: OP_COUNT as u32,
    named_count: NAMED_COUNT as u32,
    handlers: (&raw const TABLE).cast(),
    named: NAMED.0.as_ptr(),
});
