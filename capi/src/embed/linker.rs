//! Linkers.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use threadle::{Caller, FuncType, Linker, Result, Val, ValRaw};

use super::error::{BoxOut, MaybeError, boxed};
use super::externs::{Handle, Out, made, threadle_extern_t};
use super::func::{Callback, HostFunction, Place, TrapOut, UncheckedCallback};
use super::future::AsyncCallback;
use super::instance::{instantiate, threadle_instance_pre_t};
use super::module::threadle_module_t;
use super::store::{name, threadle_context_t};
use crate::context::Data;
use crate::engine::wasm_engine_t;
use crate::foreign::Finalizer;
use crate::guard::{c_functions, given};
use crate::types::wasm_externtype_t;

#[derive(Clone)]
pub struct threadle_linker_t {
    pub(super) linker: Linker<Data>,
}

/// The place of a definition in a linker.
pub(super) struct Definition<'a> {
    pub linker: &'a mut Linker<Data>,
    pub module: &'a str,
    pub name: &'a str,
}

impl Place for Definition<'_> {
    type Made = ();

    fn checked<F>(self, ty: FuncType, f: F) -> Result<()>
    where
        F: Fn(Caller<'_, Data>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    {
        self.linker.func_new(self.module, self.name, ty, f).map(drop)
    }

    fn unchecked<F>(self, ty: FuncType, f: F) -> Result<()>
    where
        F: Fn(Caller<'_, Data>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static,
    {
        self.linker.func_new_unchecked(self.module, self.name, ty, f).map(drop)
    }
}

/// What a definition returned.
fn defined<T>(outcome: Result<T>) -> Result<MaybeError> {
    outcome.map(|_| MaybeError::NONE)
}

/// Functions that define functions, which differ in the type of the callback.
macro_rules! definitions {
    ($($name:ident $callback:ty;)*) => {
        c_functions! {$(
            fn $name(
                linker: Option<&mut threadle_linker_t>,
                module: *const u8,
                module_size: usize,
                name_data: *const u8,
                name_size: usize,
                ty: Option<&wasm_externtype_t>,
                callback: Option<$callback>,
                env: *mut c_void,
                finalizer: Finalizer,
            ) -> MaybeError {
                let function = HostFunction::new(callback, env, finalizer)?;
                let linker = &mut given(linker, "linker")?.linker;
                let ty = given(ty, "type")?.func_type(linker.engine())?;
                let (module, name) = (name(module, module_size)?, name(name_data, name_size)?);
                defined(function.define(Definition { linker, module, name }, ty))
            }
        )*}
    };
}

definitions! {
    threadle_linker_define_func Callback;
    threadle_linker_define_func_unchecked UncheckedCallback;
    threadle_linker_define_async_func AsyncCallback;
}

c_functions! {
    fn threadle_linker_new(engine: Option<&wasm_engine_t>) -> Option<Box<threadle_linker_t>> {
        let linker = Linker::new(&given(engine, "engine")?.engine);
        Ok(Some(Box::new(threadle_linker_t { linker })))
    }

    fn threadle_linker_clone(linker: Option<&threadle_linker_t>) -> Option<Box<threadle_linker_t>> {
        Ok(Some(Box::new(given(linker, "linker")?.clone())))
    }

    fn threadle_linker_delete(linker: Option<Box<threadle_linker_t>>) {
        drop(linker);
        Ok(())
    }

    fn threadle_linker_allow_shadowing(linker: Option<&mut threadle_linker_t>, allow: bool) {
        given(linker, "linker")?.linker.allow_shadowing(allow);
        Ok(())
    }

    fn threadle_linker_define_unknown_imports_as_traps(
        linker: Option<&mut threadle_linker_t>,
        module: Option<&threadle_module_t>,
    ) -> MaybeError {
        let module = &given(module, "module")?.module;
        defined(given(linker, "linker")?.linker.define_unknown_imports_as_traps(module))
    }

    fn threadle_linker_define_unknown_imports_as_default_values(
        linker: Option<&mut threadle_linker_t>,
        context: Option<&threadle_context_t>,
        module: Option<&threadle_module_t>,
    ) -> MaybeError {
        let module = &given(module, "module")?.module;
        let linker = &mut given(linker, "linker")?.linker;
        given(context, "context")?.with(|cx| {
            defined(linker.define_unknown_imports_as_default_values(cx, module))
        })
    }

    fn threadle_linker_define(
        linker: Option<&mut threadle_linker_t>,
        context: Option<&threadle_context_t>,
        module: *const u8,
        module_size: usize,
        name_data: *const u8,
        name_size: usize,
        item: Option<&threadle_extern_t>,
    ) -> MaybeError {
        let linker = &mut given(linker, "linker")?.linker;
        let (module, name) = (name(module, module_size)?, name(name_data, name_size)?);
        let item = given(item, "item")?;
        given(context, "context")?.with(|cx| {
            let item = item.get(cx.data())?;
            defined(linker.define(cx, module, name, item))
        })
    }

    fn threadle_linker_define_instance(
        linker: Option<&mut threadle_linker_t>,
        context: Option<&threadle_context_t>,
        name_data: *const u8,
        name_size: usize,
        instance: Option<&Handle>,
    ) -> MaybeError {
        let linker = &mut given(linker, "linker")?.linker;
        let (name, instance) = (name(name_data, name_size)?, given(instance, "instance")?);
        given(context, "context")?.with(|cx| {
            let instance = instance.instance(cx.data())?;
            defined(linker.instance(cx, name, instance))
        })
    }

    fn threadle_linker_instantiate(
        linker: Option<&threadle_linker_t>,
        context: Option<&threadle_context_t>,
        module: Option<&threadle_module_t>,
        out: Out<'_>,
        trap: TrapOut<'_>,
    ) -> MaybeError {
        let (linker, module) = (&given(linker, "linker")?.linker, &given(module, "module")?.module);
        instantiate(context, out, trap, |cx| linker.instantiate(cx, module))
    }

    fn threadle_linker_instantiate_pre(
        linker: Option<&threadle_linker_t>,
        module: Option<&threadle_module_t>,
        out: BoxOut<'_, threadle_instance_pre_t>,
    ) -> MaybeError {
        boxed(out, "instance_pre", || {
            let (linker, module) = (given(linker, "linker")?, given(module, "module")?);
            Ok(threadle_instance_pre_t { pre: linker.linker.instantiate_pre(&module.module)? })
        })
    }

    fn threadle_linker_module(
        linker: Option<&mut threadle_linker_t>,
        context: Option<&threadle_context_t>,
        name_data: *const u8,
        name_size: usize,
        module: Option<&threadle_module_t>,
    ) -> MaybeError {
        let linker = &mut given(linker, "linker")?.linker;
        let (name, module) = (name(name_data, name_size)?, &given(module, "module")?.module);
        given(context, "context")?.with(|cx| defined(linker.module(cx, name, module)))
    }

    fn threadle_linker_get_default(
        linker: Option<&threadle_linker_t>,
        context: Option<&threadle_context_t>,
        name_data: *const u8,
        name_size: usize,
        out: Out<'_>,
    ) -> MaybeError {
        let linker = &given(linker, "linker")?.linker;
        let name = name(name_data, name_size)?;
        made(out, "function", context, |cx| linker.get_default(cx, name))
    }

    fn threadle_linker_get(
        linker: Option<&threadle_linker_t>,
        context: Option<&threadle_context_t>,
        module: *const u8,
        module_size: usize,
        name_data: *const u8,
        name_size: usize,
        out: Option<&mut MaybeUninit<threadle_extern_t>>,
    ) -> bool {
        let linker = &given(linker, "linker")?.linker;
        let (module, name) = (name(module, module_size)?, name(name_data, name_size)?);
        let out = given(out, "item")?;
        given(context, "context")?.with(|cx| {
            let Ok(item) = linker.get(&mut *cx, module, name) else { return Ok(false) };
            out.write(threadle_extern_t::new(cx.data_mut(), item)?);
            Ok(true)
        })
    }
}

#[cfg(feature = "wasi")]
c_functions! {
    fn threadle_linker_define_wasi(linker: Option<&mut threadle_linker_t>) -> MaybeError {
        let linker = &mut given(linker, "linker")?.linker;
        defined(threadle::wasi::p1::add_to_linker(linker, |data: &mut Data| {
            data.wasi.get_or_insert_with(|| threadle::wasi::WasiCtxBuilder::new().build_p1())
        }))
    }
}
