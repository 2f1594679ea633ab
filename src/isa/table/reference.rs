//! Rows about references.

use alloc::format;

use super::format::TRAP_IF_NULL;
use super::{Table, each, key, show};

impl Table {
    pub(super) fn references(&mut self) {
        for x in each("as") {
            self.row(format!("trap_if_null_{x}"), "reference", &TRAP_IF_NULL)
                .classes(&[x])
                .effect(format!("if {} is null: trap", show(x, "object")))
                .body("reference::trap_if_null", &[])
                .key(&key::TRAP_IF_NULL, &[x as usize])
                .traps();
        }
    }
}
