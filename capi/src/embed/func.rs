//! Functions of threadle.h.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use threadle::{
    Caller, Error, Func, FuncType, Result, RootScope, StoreContextMut, ThrownException, Val,
    ValRaw, bail, ensure,
};

use super::error::MaybeError;
use super::externs::{Handle, Out, made, type_of};
use super::raw;
use super::store::{threadle_caller_t, threadle_context_t};
use super::val::{Payload, threadle_val_t};
use crate::context::{Data, StoreCell};
use crate::foreign::{Finalizer, HostData};
use crate::guard::{c_functions, given};
use crate::numbers::{Kinds, with_room};
use crate::reference::wasm_ref_t;
use crate::trap::trap_code;
use crate::types::wasm_externtype_t;
use crate::vec::{slice, slice_mut};

pub(super) type Callback = extern "C" fn(
    *mut c_void,
    &threadle_caller_t,
    *const threadle_val_t,
    usize,
    *mut threadle_val_t,
    usize,
) -> Option<Box<wasm_ref_t>>;

pub(super) type UncheckedCallback =
    extern "C" fn(*mut c_void, &threadle_caller_t, *mut ValRaw, usize) -> Option<Box<wasm_ref_t>>;

/// Where a trap is put.
pub(super) type TrapOut<'a> = Option<&'a mut MaybeUninit<Option<Box<wasm_ref_t>>>>;

/// What a host function of C's is made of.
pub(super) struct HostFunction<F> {
    pub f: F,
    pub env: HostData,
}

impl<F> HostFunction<F> {
    pub fn new(f: Option<F>, data: *mut c_void, finalizer: Finalizer) -> Result<HostFunction<F>> {
        let env = HostData { data, finalizer };
        Ok(HostFunction { f: given(f, "callback")?, env })
    }
}

pub(super) fn lent(cell: &StoreCell) -> &threadle_caller_t {
    let cell: *const StoreCell = cell;
    // SAFETY: a transparent wrapper has its content's layout.
    unsafe { &*cell.cast::<threadle_caller_t>() }
}

/// Values that own their references.
struct Owned<'a>(&'a mut [threadle_val_t]);

impl Drop for Owned<'_> {
    #[inline]
    fn drop(&mut self) {
        for value in &mut *self.0 {
            value.unroot();
        }
    }
}

impl HostFunction<Callback> {
    /// The body of a function with references.
    fn run(&self, mut caller: Caller<'_, Data>, params: &[Val], results: &mut [Val]) -> Result<()> {
        let lend = StoreCell::lend(&mut caller);
        let cell = lend.cell();
        let mut args: Vec<threadle_val_t> = params.iter().map(|_| threadle_val_t::ZERO).collect();
        let mut out: Vec<threadle_val_t> = results.iter().map(|_| threadle_val_t::ZERO).collect();
        let (args, out) = (Owned(&mut args), Owned(&mut out));
        cell.with(|cx| {
            for (arg, param) in args.0.iter_mut().zip(params) {
                *arg = threadle_val_t::new(cx, *param)?;
            }
            Ok(())
        })?;
        let caller = lent(cell);
        let (args_at, out_at) = (args.0.as_ptr(), out.0.as_mut_ptr());
        let trap = (self.f)(self.env.data, caller, args_at, args.0.len(), out_at, out.0.len());
        if let Some(trap) = trap {
            return Err(trap.into_error());
        }
        cell.with(|cx| {
            for (result, value) in results.iter_mut().zip(&*out.0) {
                *result = value.get(cx)?;
            }
            Ok(())
        })
    }

    /// The body of a function of numbers: `kinds` are those of parameters, then results.
    #[inline]
    fn run_numbers(
        &self,
        mut caller: Caller<'_, Data>,
        kinds: &Kinds,
        values: &mut [ValRaw],
    ) -> Result<()> {
        let lend = StoreCell::lend(&mut caller);
        kinds.with_values::<Payload, _>(values, |args, out, results, values| {
            let (args_at, out_at) = (args.as_ptr().cast(), out.as_mut_ptr().cast());
            let caller = lent(lend.cell());
            let trap = (self.f)(self.env.data, caller, args_at, args.len(), out_at, out.len());
            if let Some(trap) = trap {
                return Err(trap.into_error());
            }
            for ((i, kind), (result, value)) in
                results.iter().enumerate().zip(out.iter().zip(values))
            {
                ensure!(
                    result.kind() == *kind,
                    "host function returned a wrong result {i}: kind {} instead of {kind}",
                    result.kind()
                );
                *value = result.raw();
            }
            Ok(())
        })
    }
}

/// Where a host function is put, in one of the ways that the engine has.
pub(super) trait Place {
    type Made;

    /// A function that gets values.
    fn checked<F>(self, ty: FuncType, f: F) -> Result<Self::Made>
    where
        F: Fn(Caller<'_, Data>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static;

    /// A function that gets numbers.
    fn unchecked<F>(self, ty: FuncType, f: F) -> Result<Self::Made>
    where
        F: Fn(Caller<'_, Data>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static;
}

impl Place for &mut StoreContextMut<'_, Data> {
    type Made = Func;

    fn checked<F>(self, ty: FuncType, f: F) -> Result<Func>
    where
        F: Fn(Caller<'_, Data>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    {
        Func::try_new(self, ty, f)
    }

    fn unchecked<F>(self, ty: FuncType, f: F) -> Result<Func>
    where
        F: Fn(Caller<'_, Data>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static,
    {
        Func::new_unchecked(self, ty, f)
    }
}

impl HostFunction<Callback> {
    pub fn define<P: Place>(self, place: P, ty: FuncType) -> Result<P::Made> {
        match Kinds::of(&ty) {
            Some(kinds) => {
                place.unchecked(ty, move |caller, values| self.run_numbers(caller, &kinds, values))
            }
            None => {
                place.checked(ty, move |caller, params, results| self.run(caller, params, results))
            }
        }
    }
}

impl HostFunction<UncheckedCallback> {
    pub fn define<P: Place>(self, place: P, ty: FuncType) -> Result<P::Made> {
        if Kinds::of(&ty).is_some() {
            return place.unchecked(ty, move |caller, values| self.run(caller, values));
        }
        let signature = ty.clone();
        place.checked(ty, move |caller, params, results| {
            self.run_references(caller, &signature, params, results)
        })
    }

    #[inline]
    fn run(&self, mut caller: Caller<'_, Data>, values: &mut [ValRaw]) -> Result<()> {
        let lend = StoreCell::lend(&mut caller);
        let caller = lent(lend.cell());
        match (self.f)(self.env.data, caller, values.as_mut_ptr(), values.len()) {
            None => Ok(()),
            Some(trap) => Err(trap.into_error()),
        }
    }

    fn run_references(
        &self,
        mut caller: Caller<'_, Data>,
        ty: &FuncType,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let lend = StoreCell::lend(&mut caller);
        let cell = lend.cell();
        let mut values = vec![ValRaw::i64(0); params.len().max(results.len())];
        let scope = cell.with(|cx| {
            let scope = raw::Scope::begin(cx.data());
            for (value, param) in values.iter_mut().zip(params) {
                *value = raw::of_val(cx, *param)?;
            }
            scope.has_parameters(cx.data_mut());
            Ok(scope)
        })?;
        let trap = (self.f)(self.env.data, lent(cell), values.as_mut_ptr(), values.len());
        cell.with(|cx| {
            let done = match trap {
                Some(trap) => Err(trap.into_error()),
                None => results.iter_mut().zip(&values).zip(ty.results()).try_for_each(
                    |((result, value), ty)| {
                        *result = raw::to_val(cx, *value, &ty)?;
                        Ok(())
                    },
                ),
            };
            scope.end(cx.data_mut());
            done
        })
    }
}

/// Tells C of a failed call: engine traps and uncaught exceptions are traps, everything else errors.
#[cold]
pub(super) fn failed(trap: TrapOut<'_>, error: Error) -> Result<MaybeError> {
    let is_trap = trap_code(&error).is_some() || error.is::<ThrownException>();
    match trap {
        Some(trap) if is_trap => {
            trap.write(Some(wasm_ref_t::trap(None, error)));
            Ok(MaybeError::NONE)
        }
        _ => Err(error),
    }
}

/// Reports what a call returned: nothing, a trap or an error.
#[inline]
pub(super) fn report(mut trap: TrapOut<'_>, outcome: Result<()>) -> Result<MaybeError> {
    if let Some(trap) = &mut trap {
        trap.write(None);
    }
    match outcome {
        Ok(()) => Ok(MaybeError::NONE),
        Err(error) => failed(trap, error),
    }
}

fn call(
    context: &threadle_context_t,
    func: &Handle,
    args: &[threadle_val_t],
    results: *mut MaybeUninit<threadle_val_t>,
    count: usize,
) -> Result<()> {
    ensure!(!results.is_null() || count == 0, "the argument `results` is null");
    // SAFETY: C passes the address of room for so many values.
    let results = unsafe { slice_mut(results, count) };
    context.with(|cx| {
        let func = func.func(cx.data())?;
        let mut scope = RootScope::new(cx);
        let cx = &mut threadle::AsContextMut::as_context_mut(&mut scope);
        with_room(Val::I32(0), args.len() + count, |values| {
            let (params, returned) = values.split_at_mut(args.len());
            for (param, arg) in params.iter_mut().zip(args) {
                *param = arg.get(cx)?;
            }
            func.call(&mut *cx, params, returned)?;
            for (result, value) in results.iter_mut().zip(returned) {
                result.write(threadle_val_t::new(cx, *value)?);
            }
            Ok(())
        })
    })
}

fn call_unchecked(
    context: &threadle_context_t,
    func: &Handle,
    values: *mut ValRaw,
    size: usize,
) -> Result<()> {
    if values.is_null() && size != 0 {
        given(None::<()>, "args_and_results")?;
    }
    // SAFETY: C passes the address of so many values.
    let values = unsafe { slice_mut(values, size) };
    context.with(|cx| {
        let func = func.func(cx.data())?;
        match func.call_unchecked(&mut *cx, values) {
            Ok(()) => Ok(()),
            Err(error) => call_with_references(cx, func, values, error),
        }
    })
}

/// An unchecked call, which the engine has refused if the function has references.
#[cold]
fn call_with_references(
    cx: &mut StoreContextMut<'_, Data>,
    func: Func,
    values: &mut [ValRaw],
    error: Error,
) -> Result<()> {
    let ty = func.ty(&*cx);
    if Kinds::of(&ty).is_some() {
        return Err(error);
    }
    let mut scope = RootScope::new(cx);
    raw::call(&mut threadle::AsContextMut::as_context_mut(&mut scope), func, &ty, values)
}

/// Functions that make functions, which differ in the type of the callback.
macro_rules! makers {
    ($($name:ident $callback:ty;)*) => {
        c_functions! {$(
            fn $name(
                context: Option<&threadle_context_t>,
                ty: Option<&wasm_externtype_t>,
                callback: Option<$callback>,
                env: *mut c_void,
                finalizer: Finalizer,
                out: Out<'_>,
            ) {
                let function = HostFunction::new(callback, env, finalizer)?;
                made(out, "function", context, |cx| {
                    let ty = given(ty, "type")?.func_type(cx.engine())?;
                    function.define(cx, ty)
                })
                .map(drop)
            }
        )*}
    };
}

makers! {
    threadle_func_new Callback;
    threadle_func_new_unchecked UncheckedCallback;
}

c_functions! {
    fn threadle_func_type(
        context: Option<&threadle_context_t>,
        func: Option<&Handle>,
    ) -> Option<Box<wasm_externtype_t>> {
        type_of(context, func, "function", |cx, func| Ok(func.func(cx.data())?.ty(cx)))
    }

    fn threadle_func_call(
        context: Option<&threadle_context_t>,
        func: Option<&Handle>,
        args: *const threadle_val_t,
        nargs: usize,
        results: *mut MaybeUninit<threadle_val_t>,
        nresults: usize,
        trap: TrapOut<'_>,
    ) -> MaybeError {
        // SAFETY: C passes the address of so many values, or null.
        let args = unsafe { slice(args, nargs) };
        let (context, func) = (given(context, "context")?, given(func, "function")?);
        report(trap, call(context, func, args, results, nresults))
    }

    fn threadle_func_call_unchecked(
        context: Option<&threadle_context_t>,
        func: Option<&Handle>,
        values: *mut ValRaw,
        size: usize,
        trap: TrapOut<'_>,
    ) -> MaybeError {
        let (context, func) = (given(context, "context")?, given(func, "function")?);
        report(trap, call_unchecked(context, func, values, size))
    }

    fn threadle_func_from_raw(
        context: Option<&threadle_context_t>,
        raw: *mut c_void,
        out: Out<'_>,
    ) {
        let out = given(out, "function")?;
        out.write(Handle::NULL);
        let Some(index) = raw.addr().checked_sub(1) else { return Ok(()) };
        given(context, "context")?.with(|cx| {
            let handle = Handle { store_id: cx.data().id, index: index as u64 };
            handle.func(cx.data())?;
            out.write(handle);
            Ok(())
        })
    }

    fn threadle_func_to_raw(
        context: Option<&threadle_context_t>,
        func: Option<&Handle>,
    ) -> *mut c_void {
        let func = given(func, "function")?;
        if func.store_id == 0 {
            return Ok(core::ptr::null_mut());
        }
        given(context, "context")?.with(|cx| {
            func.func(cx.data())?;
            let Ok(index) = usize::try_from(func.index) else { bail!("no such function") };
            Ok(core::ptr::without_provenance_mut(index + 1))
        })
    }
}
