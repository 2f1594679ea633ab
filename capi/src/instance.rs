//! Instances of `wasm.h`.

use core::mem::MaybeUninit;

use threadle::{Extern, Instance, Result, bail, ensure};

use crate::engine::wasm_store_t;
use crate::guard::{c_functions, given};
use crate::reference::{Kind, wasm_ref_t};
use crate::value::scoped;
use crate::vec::{CVec, Out, fill};

type Externs = CVec<Option<Box<wasm_ref_t>>>;

fn instantiate(
    store: &wasm_store_t,
    module: Option<&wasm_ref_t>,
    imports: Option<&Externs>,
) -> Result<Box<wasm_ref_t>> {
    let module = given(module, "module")?.as_module()?;
    let imports = imports.map_or(&[][..], Externs::as_slice);
    let imports = imports.iter().map(|import| given(import.as_ref(), "an import")?.to_extern());
    let imports = imports.collect::<Result<Vec<Extern>>>()?;
    ensure!(
        imports.len() == module.imports().len(),
        "expected {} imports, got {}",
        module.imports().len(),
        imports.len()
    );
    let instance = scoped(&store.cell, |cx| Instance::new(cx, module, &imports))?;
    Ok(wasm_ref_t::boxed(&store.cell, Kind::Instance(instance)))
}

c_functions! {
    fn wasm_instance_new(
        store: Option<&wasm_store_t>,
        module: Option<&wasm_ref_t>,
        imports: Option<&Externs>,
        trap: Option<&mut MaybeUninit<Option<Box<wasm_ref_t>>>>,
    ) -> Option<Box<wasm_ref_t>> {
        let store = given(store, "store")?;
        let (instance, failure) = match instantiate(store, module, imports) {
            Ok(instance) => (Some(instance), None),
            Err(error) => (None, Some(error)),
        };
        if let Some(trap) = trap {
            let store = store.cell.clone();
            trap.write(failure.map(|error| wasm_ref_t::trap(Some(store), error)));
        }
        Ok(instance)
    }

    fn wasm_instance_exports(
        instance: Option<&wasm_ref_t>,
        out: Out<'_, Option<Box<wasm_ref_t>>>,
    ) {
        fill(out, || {
            let reference = given(instance, "instance")?;
            let Kind::Instance(instance) = &reference.kind else { bail!("not an instance") };
            let store = reference.store()?;
            store.with(|cx| {
                let exports = instance.exports(cx).map(|export| export.into_extern());
                exports.map(|item| Ok(Some(wasm_ref_t::of_extern(store, item)?))).collect()
            })
        })
    }
}
