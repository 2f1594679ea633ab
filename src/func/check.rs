//! What is checked of values on their way into WebAssembly.

use crate::error::{Result, ensure};
use crate::types;
use crate::val::Val;
use crate::vm::VmStore;

/// Checks values that are passed into a store's code, or out of a host function.
///
/// # Errors
///
/// When one has another type, belongs to another store, or its handle's scope has ended.
pub(super) fn check_values(
    vm: &VmStore,
    values: &[Val],
    types: impl Iterator<Item = types::ValType>,
) -> Result<()> {
    for (value, ty) in values.iter().zip(types) {
        let value = value.to_value();
        ensure!(vm.owns_value(value), "cross-`Store` values are not supported");
        vm.check_value(value, ty)?;
    }
    Ok(())
}
