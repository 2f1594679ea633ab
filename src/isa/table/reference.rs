//! Rows about references.

use super::{Kind, Table, class, show, src_field, ty};

impl Table {
    pub(super) fn references(&mut self) {
        for x in ['a', 's'] {
            self.row(
                format!("trap_if_null_{x}"),
                "reference",
                8,
                vec![src_field(x, "object", 0, Kind::Imm16)],
                format!("if {} is null: trap", show(x, "object")),
                format!("reference::trap_if_null::<{}>", ty(x)),
                Some(("TRAP_IF_NULL", class(x))),
            );
        }
    }
}
