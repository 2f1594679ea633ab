//! What Threadle and wasmtime call alike, and wasmi otherwise.

use super::api::{Engine, Error, FuncType, Instance, Linker, Module, Result, Store, ValType};

pub fn func_type(
    engine: &Engine,
    params: impl IntoIterator<Item = ValType>,
    results: impl IntoIterator<Item = ValType>,
) -> FuncType {
    FuncType::new(engine, params, results)
}

pub fn start<T: 'static>(
    linker: &Linker<T>,
    store: &mut Store<T>,
    module: &Module,
) -> Result<Instance> {
    linker.instantiate(store, module)
}

pub fn message(text: &str) -> Error {
    Error::msg(text.to_owned())
}
