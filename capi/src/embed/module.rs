//! Modules and engines of threadle.h.

use core::ffi::c_char;

use threadle::{Engine, Module, Result};

use super::error::{BoxOut, MaybeError, boxed};
use super::store::text;
use crate::engine::wasm_engine_t;
use crate::guard::{c_functions, given};
use crate::module::{exports, imports};
use crate::types::{wasm_exporttype_t, wasm_importtype_t};
use crate::vec::{CVec, Out, fill, slice};

pub struct threadle_module_t {
    pub(super) module: Module,
}

/// Where a function puts a module.
type ModuleOut<'a> = BoxOut<'a, threadle_module_t>;

/// Makes a module.
fn made(
    out: ModuleOut<'_>,
    engine: Option<&wasm_engine_t>,
    make: impl FnOnce(&Engine) -> Result<Module>,
) -> Result<MaybeError> {
    boxed(out, "module", || {
        let module = make(&given(engine, "engine")?.engine)?;
        Ok(threadle_module_t { module })
    })
}

c_functions! {
    fn threadle_engine_clone(engine: Option<&wasm_engine_t>) -> Option<Box<wasm_engine_t>> {
        Ok(Some(Box::new(given(engine, "engine")?.clone())))
    }

    fn threadle_engine_same(a: Option<&wasm_engine_t>, b: Option<&wasm_engine_t>) -> bool {
        Ok(Engine::same(&given(a, "engine")?.engine, &given(b, "engine")?.engine))
    }

    fn threadle_module_new(
        engine: Option<&wasm_engine_t>,
        wasm: *const u8,
        size: usize,
        out: ModuleOut<'_>,
    ) -> MaybeError {
        // SAFETY: C passes the address of so many bytes, or null.
        let wasm = unsafe { slice(wasm, size) };
        made(out, engine, |engine| Module::from_binary(engine, wasm))
    }

    fn threadle_module_validate(
        engine: Option<&wasm_engine_t>,
        wasm: *const u8,
        size: usize,
    ) -> MaybeError {
        // SAFETY: as above.
        let wasm = unsafe { slice(wasm, size) };
        Module::validate(&given(engine, "engine")?.engine, wasm)?;
        Ok(MaybeError::NONE)
    }

    fn threadle_module_delete(module: Option<Box<threadle_module_t>>) {
        drop(module);
        Ok(())
    }

    fn threadle_module_clone(module: Option<&threadle_module_t>) -> Option<Box<threadle_module_t>> {
        let module = given(module, "module")?.module.clone();
        Ok(Some(Box::new(threadle_module_t { module })))
    }

    fn threadle_module_serialize(
        module: Option<&threadle_module_t>,
        out: Out<'_, u8>,
    ) -> MaybeError {
        let out = given(out, "out")?;
        out.write(CVec::EMPTY);
        let bytes = given(module, "module")?.module.serialize()?;
        out.write(bytes.into_boxed_slice().into());
        Ok(MaybeError::NONE)
    }

    fn threadle_module_deserialize(
        engine: Option<&wasm_engine_t>,
        bytes: *const u8,
        size: usize,
        out: ModuleOut<'_>,
    ) -> MaybeError {
        // SAFETY: as above.
        let bytes = unsafe { slice(bytes, size) };
        made(out, engine, |engine| Module::deserialize(engine, bytes))
    }

    fn threadle_module_deserialize_file(
        engine: Option<&wasm_engine_t>,
        path: *const c_char,
        out: ModuleOut<'_>,
    ) -> MaybeError {
        made(out, engine, |engine| Module::deserialize_file(engine, text(path, "path")?))
    }

    fn threadle_module_imports(
        module: Option<&threadle_module_t>,
        out: Out<'_, Option<Box<wasm_importtype_t>>>,
    ) {
        fill(out, || Ok(imports(&given(module, "module")?.module)))
    }

    fn threadle_module_exports(
        module: Option<&threadle_module_t>,
        out: Out<'_, Option<Box<wasm_exporttype_t>>>,
    ) {
        fill(out, || Ok(exports(&given(module, "module")?.module)))
    }
}
