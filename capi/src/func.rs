//! Functions of `wasm.h`: of the host, and calls.

use core::ffi::c_void;

use threadle::{Caller, Error, Func, FuncType, Result, Val, ValRaw, bail, ensure};

use crate::context::{Data, StoreCell, StoreRef};
use crate::engine::wasm_store_t;
use crate::foreign::{Finalizer, HostData};
use crate::guard::{c_functions, given};
use crate::numbers::Kinds;
use crate::reference::{Kind, wasm_ref_t};
use crate::trap::MaybeTrap;
use crate::types::wasm_externtype_t;
use crate::value::{Payload, scoped, wasm_val_t};
use crate::vec::CVec;

type Values = CVec<wasm_val_t>;
type Plain = extern "C" fn(&Values, &mut Values) -> Option<Box<wasm_ref_t>>;
type WithEnv = extern "C" fn(*mut c_void, &Values, &mut Values) -> Option<Box<wasm_ref_t>>;

/// A host function of C's.
enum Callback {
    Plain(Plain),
    WithEnv(WithEnv, HostData),
}

impl Callback {
    fn call(&self, args: &Values, results: &mut Values) -> Option<Box<wasm_ref_t>> {
        match self {
            Callback::Plain(f) => f(args, results),
            Callback::WithEnv(f, env) => f(env.data, args, results),
        }
    }

    /// The body of a function of numbers: `kinds` are those of parameters, then results.
    fn run_numbers(
        &self,
        mut caller: Caller<'_, Data>,
        kinds: &Kinds,
        values: &mut [ValRaw],
    ) -> Result<()> {
        let _lend = StoreCell::lend(&mut caller);
        kinds.with_values::<Payload, _>(values, |args, out, results, values| {
            let args = Values::lent(args.len(), args.as_mut_ptr().cast());
            let mut lent = Values::lent(out.len(), out.as_mut_ptr().cast());
            if let Some(trap) = self.call(&args, &mut lent) {
                return Err(trap.into_error());
            }
            let mut kinds = out.iter().zip(results);
            if let Some(i) = kinds.position(|(result, kind)| result.kind() != *kind) {
                let (found, kind) = (out[i].kind(), results[i]);
                // SAFETY: they are values, which own what C wrote instead, and are not used any more.
                unsafe {
                    let values: *mut wasm_val_t = out.as_mut_ptr().cast();
                    core::ptr::slice_from_raw_parts_mut(values, results.len()).drop_in_place();
                }
                bail!("host function returned a wrong result {i}: kind {found} instead of {kind}");
            }
            for (result, value) in out.iter().zip(values) {
                *value = result.raw();
            }
            Ok(())
        })
    }

    /// The body of the closure that the engine calls.
    fn run(
        &self,
        mut caller: Caller<'_, Data>,
        ty: &FuncType,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let lend = StoreCell::lend(&mut caller);
        let store = lend.cell();
        let args = store
            .with(|cx| params.iter().map(|value| wasm_val_t::of_val(store, cx, *value)).collect());
        let args: Values = args?;
        let mut values: Values = results.iter().map(|_| wasm_val_t::ZERO).collect();
        if let Some(trap) = self.call(&args, &mut values) {
            return Err(trap.into_error());
        }
        store.with(|cx| {
            for ((result, value), ty) in results.iter_mut().zip(values.as_slice()).zip(ty.results())
            {
                *result = value.to_val(cx, &ty)?;
            }
            Ok(())
        })
    }
}

fn new(
    store: Option<&wasm_store_t>,
    ty: Option<&wasm_externtype_t>,
    callback: Callback,
) -> Result<Option<Box<wasm_ref_t>>> {
    let store = &given(store, "store")?.cell;
    let ty = given(ty, "type")?.func_type(store.engine())?;
    let numbers = Kinds::of(&ty).filter(|kinds| !kinds.has_vectors());
    let func = store.with(|cx| {
        if let Some(kinds) = numbers {
            return Func::new_unchecked(cx, ty, move |caller, values| {
                callback.run_numbers(caller, &kinds, values)
            });
        }
        let signature = ty.clone();
        Func::try_new(cx, ty, move |caller, params, results| {
            callback.run(caller, &signature, params, results)
        })
    })?;
    Ok(Some(wasm_ref_t::boxed(store, Kind::Func(func))))
}

impl wasm_ref_t {
    pub(crate) fn as_func(&self) -> Result<(&StoreRef, Func)> {
        match &self.kind {
            Kind::Func(func) => Ok((self.store()?, *func)),
            _ => bail!("not a function"),
        }
    }

    fn func_type(&self) -> Result<FuncType> {
        let (store, func) = self.as_func()?;
        store.with(|cx| Ok(func.ty(cx)))
    }
}

/// Calls a function with values of C's.
fn call(store: &StoreRef, func: Func, args: &[wasm_val_t], results: &mut Values) -> Result<()> {
    scoped(store, |cx| {
        let ty = func.ty(&*cx);
        ensure!(
            args.len() == ty.params().len(),
            "expected {} arguments, got {}",
            ty.params().len(),
            args.len()
        );
        let mut inline = [Val::I32(0); 16];
        let mut heap = Vec::new();
        let total = ty.params().len() + ty.results().len();
        let values = match inline.get_mut(..total) {
            Some(values) => values,
            None => {
                heap.resize(total, Val::I32(0));
                &mut heap[..]
            }
        };
        let (params, returned) = values.split_at_mut(args.len());
        for ((param, arg), ty) in params.iter_mut().zip(args).zip(ty.params()) {
            *param = arg.to_val(cx, &ty)?;
        }
        let places = results.places();
        ensure!(
            places.is_empty() || places.len() == returned.len(),
            "expected {} results, got {}",
            returned.len(),
            places.len()
        );
        func.call(&mut *cx, params, returned)?;
        for (place, value) in places.iter_mut().zip(returned) {
            place.write(wasm_val_t::of_val(store, cx, *value)?);
        }
        Ok(())
    })
}

c_functions! {
    fn wasm_func_new(
        store: Option<&wasm_store_t>,
        ty: Option<&wasm_externtype_t>,
        callback: Option<Plain>,
    ) -> Option<Box<wasm_ref_t>> {
        new(store, ty, Callback::Plain(given(callback, "callback")?))
    }

    fn wasm_func_new_with_env(
        store: Option<&wasm_store_t>,
        ty: Option<&wasm_externtype_t>,
        callback: Option<WithEnv>,
        env: *mut c_void,
        finalizer: Finalizer,
    ) -> Option<Box<wasm_ref_t>> {
        let env = HostData { data: env, finalizer };
        new(store, ty, Callback::WithEnv(given(callback, "callback")?, env))
    }

    fn wasm_func_type(func: Option<&wasm_ref_t>) -> Option<Box<wasm_externtype_t>> {
        Ok(Some(Box::new(given(func, "function")?.func_type()?.into())))
    }

    fn wasm_func_param_arity(func: Option<&wasm_ref_t>) -> usize {
        Ok(given(func, "function")?.func_type()?.params().len())
    }

    fn wasm_func_result_arity(func: Option<&wasm_ref_t>) -> usize {
        Ok(given(func, "function")?.func_type()?.results().len())
    }

    fn wasm_func_call(
        func: Option<&wasm_ref_t>,
        args: Option<&Values>,
        results: Option<&mut Values>,
    ) -> MaybeTrap {
        let (store, func) = given(func, "function")?.as_func()?;
        // The reference may be deleted by what the function calls.
        let store = &store.clone();
        let args = args.map_or(&[][..], Values::as_slice);
        let mut none = Values::EMPTY;
        match call(store, func, args, results.unwrap_or(&mut none)) {
            Ok(()) => Ok(MaybeTrap::NONE),
            Err(error) => Ok::<_, Error>(MaybeTrap::new(store, error)),
        }
    }
}
