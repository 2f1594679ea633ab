//! What is checked of values on their way into WebAssembly.

use crate::error::{Result, bail, ensure};
use crate::types;
use crate::val::Val;
use crate::vm::VmStore;

/// Checks what a function of type `ty` is called with: its arguments, and how many results there is room
/// for.
///
/// # Errors
///
/// When there is another number of either, and as for [`check_values`].
#[inline]
pub(super) fn check_call(
    vm: &VmStore,
    ty: &types::FuncType,
    params: &[Val],
    results: &[Val],
) -> Result<()> {
    check_params(vm, ty, params)?;
    check_count(ty.results_slice(), "results", results)
}

/// Checks the arguments of a function of type `ty`.
///
/// # Errors
///
/// When there is another number of them, and as for [`check_values`].
#[inline]
pub(super) fn check_params(vm: &VmStore, ty: &types::FuncType, params: &[Val]) -> Result<()> {
    check_count(ty.params_slice(), "arguments", params)?;
    match check_values(vm, params, ty.params_slice()) {
        Ok(()) => Ok(()),
        Err(error) => Err(error.context("argument type mismatch")),
    }
}

#[inline]
pub(super) fn check_count(types: &[types::ValType], what: &str, values: &[Val]) -> Result<()> {
    if types.len() == values.len() {
        return Ok(());
    }
    wrong_count(types.len(), what, values.len())
}

#[cold]
fn wrong_count(wanted: usize, what: &str, got: usize) -> Result<()> {
    bail!("expected {wanted} {what}, got {got}")
}

/// Checks values that are passed into a store's code, or out of a host function.
///
/// # Errors
///
/// When one has another type, belongs to another store, or its handle's scope has ended.
#[inline]
pub(super) fn check_values(vm: &VmStore, values: &[Val], types: &[types::ValType]) -> Result<()> {
    for (value, &ty) in values.iter().zip(types) {
        // Numbers, which any store can use, are not worth a call.
        if !is_number(value, ty) {
            check_value(vm, *value, ty)?;
        }
    }
    Ok(())
}

#[inline(always)]
fn is_number(value: &Val, ty: types::ValType) -> bool {
    use types::ValType as Type;
    matches!(
        (value, ty),
        (Val::I32(_), Type::I32)
            | (Val::I64(_), Type::I64)
            | (Val::F32(_), Type::F32)
            | (Val::F64(_), Type::F64)
            | (Val::V128(_), Type::V128)
    )
}

#[inline(never)]
fn check_value(vm: &VmStore, value: Val, ty: types::ValType) -> Result<()> {
    let value = value.to_value();
    ensure!(vm.owns_value(value), "cross-`Store` values are not supported");
    vm.check_value(value, ty)
}
