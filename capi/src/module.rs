//! Modules of `wasm.h`.

use std::sync::{Arc, Mutex};

use threadle::{Module, Result, bail};

use crate::context::StoreCell;
use crate::engine::wasm_store_t;
use crate::foreign::HostData;
use crate::guard::{c_functions, given};
use crate::reference::{HostInfo, Kind, wasm_ref_t};
use crate::types::{wasm_exporttype_t, wasm_importtype_t};
use crate::vec::{CVec, Out, fill};

pub(crate) struct ModuleObject {
    pub module: Module,
    pub info: HostInfo,
}

/// A module without a store, for other threads.
pub struct wasm_shared_module_t {
    module: Module,
}

fn boxed(store: &StoreCell, module: Module) -> Box<wasm_ref_t> {
    let object = ModuleObject { module, info: Mutex::new(HostData::NONE) };
    wasm_ref_t::boxed(store, Kind::Module(Arc::new(object)))
}

impl wasm_ref_t {
    pub(crate) fn as_module(&self) -> Result<&Module> {
        match &self.kind {
            Kind::Module(object) => Ok(&object.module),
            _ => bail!("not a module"),
        }
    }
}

pub(crate) fn imports(module: &Module) -> CVec<Option<Box<wasm_importtype_t>>> {
    module.imports().map(|import| Some(Box::new(import.into()))).collect()
}

pub(crate) fn exports(module: &Module) -> CVec<Option<Box<wasm_exporttype_t>>> {
    module.exports().map(|export| Some(Box::new(export.into()))).collect()
}

c_functions! {
    fn wasm_module_new(
        store: Option<&wasm_store_t>,
        binary: Option<&CVec<u8>>,
    ) -> Option<Box<wasm_ref_t>> {
        let store = &given(store, "store")?.cell;
        let module = Module::from_binary(store.engine(), given(binary, "binary")?.as_slice())?;
        Ok(Some(boxed(store, module)))
    }

    fn wasm_module_validate(store: Option<&wasm_store_t>, binary: Option<&CVec<u8>>) -> bool {
        let engine = given(store, "store")?.cell.engine();
        Module::validate(engine, given(binary, "binary")?.as_slice())?;
        Ok(true)
    }

    fn wasm_module_imports(
        module: Option<&wasm_ref_t>,
        out: Out<'_, Option<Box<wasm_importtype_t>>>,
    ) {
        fill(out, || Ok(imports(given(module, "module")?.as_module()?)))
    }

    fn wasm_module_exports(
        module: Option<&wasm_ref_t>,
        out: Out<'_, Option<Box<wasm_exporttype_t>>>,
    ) {
        fill(out, || Ok(exports(given(module, "module")?.as_module()?)))
    }

    fn wasm_module_serialize(module: Option<&wasm_ref_t>, out: Out<'_, u8>) {
        fill(out, || {
            let module = given(module, "module")?.as_module()?;
            Ok(module.serialize()?.into_boxed_slice().into())
        })
    }

    fn wasm_module_deserialize(
        store: Option<&wasm_store_t>,
        bytes: Option<&CVec<u8>>,
    ) -> Option<Box<wasm_ref_t>> {
        let store = &given(store, "store")?.cell;
        let module = Module::deserialize(store.engine(), given(bytes, "bytes")?.as_slice())?;
        Ok(Some(boxed(store, module)))
    }

    fn wasm_module_share(module: Option<&wasm_ref_t>) -> Option<Box<wasm_shared_module_t>> {
        let module = given(module, "module")?.as_module()?.clone();
        Ok(Some(Box::new(wasm_shared_module_t { module })))
    }

    fn wasm_module_obtain(
        store: Option<&wasm_store_t>,
        shared: Option<&wasm_shared_module_t>,
    ) -> Option<Box<wasm_ref_t>> {
        let (store, shared) = (given(store, "store")?, given(shared, "shared")?);
        Ok(Some(boxed(&store.cell, shared.module.clone())))
    }

    fn wasm_shared_module_delete(shared: Option<Box<wasm_shared_module_t>>) {
        drop(shared);
        Ok(())
    }
}
