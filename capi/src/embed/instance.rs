//! Instances of threadle.h.

use core::mem::MaybeUninit;

use threadle::{AsContextMut, Error, Instance, InstancePre, Result, RootScope, StoreContextMut};

use super::error::MaybeError;
use super::externs::{Handle, Out, threadle_extern_t};
use super::func::{TrapOut, report};
use super::module::threadle_module_t;
use super::store::{name, threadle_context_t};
use crate::context::Data;
use crate::guard::{c_functions, given};
use crate::vec::slice;

/// A module with its imports found, to be instantiated many times.
pub struct threadle_instance_pre_t {
    pub(super) pre: InstancePre<Data>,
}

/// Makes an instance and tells of it, or of what went wrong.
pub(super) fn instantiate(
    context: Option<&threadle_context_t>,
    out: Out<'_>,
    trap: TrapOut<'_>,
    make: impl FnOnce(&mut StoreContextMut<'_, Data>) -> Result<Instance>,
) -> Result<MaybeError> {
    let out = given(out, "instance")?;
    out.write(Handle::NULL);
    let outcome = given(context, "context")?.with(|cx| {
        let instance = make(&mut RootScope::new(&mut *cx).as_context_mut())?;
        out.write(Handle::new(cx.data_mut(), instance.into()));
        Ok(())
    });
    report(trap, outcome)
}

c_functions! {
    fn threadle_instance_new(
        context: Option<&threadle_context_t>,
        module: Option<&threadle_module_t>,
        imports: *const threadle_extern_t,
        count: usize,
        out: Out<'_>,
        trap: TrapOut<'_>,
    ) -> MaybeError {
        let module = &given(module, "module")?.module;
        // SAFETY: C passes the address of so many imports, or null.
        let imports = unsafe { slice(imports, count) };
        instantiate(context, out, trap, |cx| {
            let imports = imports.iter().map(|import| import.get(cx.data()));
            let imports = imports.collect::<Result<Vec<_>>>()?;
            Instance::new(cx, module, &imports)
        })
    }

    fn threadle_instance_export_get(
        context: Option<&threadle_context_t>,
        instance: Option<&Handle>,
        name_data: *const u8,
        name_size: usize,
        out: Option<&mut MaybeUninit<threadle_extern_t>>,
    ) -> bool {
        let (name, out) = (name(name_data, name_size)?, given(out, "item")?);
        let instance = given(instance, "instance")?;
        given(context, "context")?.with(|cx| {
            let instance = instance.instance(cx.data())?;
            let Some(item) = instance.get_export(&mut *cx, name) else { return Ok(false) };
            out.write(threadle_extern_t::new(cx.data_mut(), item)?);
            Ok(true)
        })
    }

    fn threadle_instance_export_nth(
        context: Option<&threadle_context_t>,
        instance: Option<&Handle>,
        index: usize,
        name_out: Option<&mut MaybeUninit<*const u8>>,
        name_size: Option<&mut MaybeUninit<usize>>,
        out: Option<&mut MaybeUninit<threadle_extern_t>>,
    ) -> bool {
        let (name_out, name_size) = (given(name_out, "name")?, given(name_size, "name_size")?);
        let (instance, out) = (given(instance, "instance")?, given(out, "item")?);
        given(context, "context")?.with(|cx| {
            let instance = instance.instance(cx.data())?;
            let Some(export) = instance.exports(&mut *cx).nth(index) else { return Ok(false) };
            // The name is the module's, which the instance keeps.
            name_out.write(export.name().as_ptr());
            name_size.write(export.name().len());
            let item = export.into_extern();
            out.write(threadle_extern_t::new(cx.data_mut(), item)?);
            Ok(true)
        })
    }

    fn threadle_instance_pre_delete(pre: Option<Box<threadle_instance_pre_t>>) {
        drop(pre);
        Ok(())
    }

    fn threadle_instance_pre_instantiate(
        pre: Option<&threadle_instance_pre_t>,
        context: Option<&threadle_context_t>,
        out: Out<'_>,
        trap: TrapOut<'_>,
    ) -> MaybeError {
        let pre = &given(pre, "instance_pre")?.pre;
        instantiate(context, out, trap, |cx| pre.instantiate(cx))
    }

    fn threadle_instance_pre_module(
        pre: Option<&threadle_instance_pre_t>,
    ) -> Option<Box<threadle_module_t>> {
        let module = given(pre, "instance_pre")?.pre.module().clone();
        Ok::<_, Error>(Some(Box::new(threadle_module_t { module })))
    }
}
