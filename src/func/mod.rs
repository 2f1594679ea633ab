//! Functions: of modules and of the host.

use crate::caller::Caller;
use crate::error::Result;
use crate::index::TypeId;
use crate::store::{AsContext, AsContextMut, StoreContextMut};
use crate::ty::FuncType;
use crate::types;
use crate::val::Val;
use crate::vm::VmStore;
use crate::vm::handle::{FuncRef, Handle};
use crate::wasm::TypeLookup;

mod activation;
mod call_hook;
mod check;
pub(crate) mod frames;
mod host;
mod host_async;
mod invoke;
mod nulls;
mod raw;
mod resumable;
mod typed;

pub(crate) use host::HostFunc;
pub use host::{IntoFunc, WasmRet};
pub use nulls::{NoExtern, NoFunc, NoneRef};
pub use raw::ValRaw;
pub use resumable::{ResumableCall, Suspend, SuspendReason, SuspendedCall};
pub use typed::{TypedFunc, WasmParams, WasmResults, WasmTy, WasmTyList};

/// A function of a store.
///
/// All methods panic if the function belongs to another store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Func(pub(crate) FuncRef);

impl Func {
    /// Makes a host function from a closure whose types are only known now. `f` gets its
    /// parameters as `&[Val]`, of the types that `ty` says, and writes its results to `&mut [Val]`,
    /// which are null references to functions when it is called: a result that is not written is an
    /// error, unless that is its type.
    ///
    /// Each call converts all values; [`Func::wrap`] does not.
    ///
    /// # Panics
    ///
    /// If `ty` belongs to another engine.
    pub fn new<T: 'static>(
        store: impl AsContextMut<Data = T>,
        ty: FuncType,
        f: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        Func::try_new(store, ty, f).expect("function types are within the limits")
    }

    /// Like [`Func::new`].
    ///
    /// # Errors
    ///
    /// None today.
    ///
    /// # Panics
    ///
    /// If `ty` belongs to another engine.
    pub fn try_new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        f: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Func> {
        let mut store = store.as_context_mut();
        Ok(HostFunc::dynamic(store.engine(), ty, f).instantiate(store.0.vm_mut()))
    }

    /// Makes a host function from a closure with typed parameters and results.
    ///
    /// Parameters are what implements [`WasmTy`], up to 17, optionally after a [`Caller`]; the
    /// result is nothing, one [`WasmTy`], a tuple of them, or a [`Result`] of any of these, whose
    /// error ends the WebAssembly code that called and reaches whoever called that. A panic does
    /// the same, and goes on there.
    ///
    /// ```
    /// # use threadle::*;
    /// # fn main() -> Result<()> {
    /// let mut store = Store::<u32>::default();
    /// let add = Func::wrap(&mut store, |a: i32, b: i32| a + b);
    /// let count = Func::wrap(&mut store, |mut caller: Caller<'_, u32>| *caller.data_mut() += 1);
    /// let add = add.typed::<(i32, i32), i32>(&store)?;
    /// assert_eq!(add.call(&mut store, (2, 3))?, 5);
    /// count.call(&mut store, &[], &mut [])?;
    /// assert_eq!(*store.data(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn wrap<T: 'static, Params, Results>(
        mut store: impl AsContextMut<Data = T>,
        f: impl IntoFunc<T, Params, Results>,
    ) -> Func {
        let mut store = store.as_context_mut();
        let host = HostFunc::typed(store.engine(), f);
        host.instantiate(store.0.vm_mut())
    }

    /// The same as [`Func::wrap`], for programs written for engines whose functions can fail for want of
    /// memory. Here such a failure ends the process, as with Rust's collections.
    ///
    /// # Errors
    ///
    /// None.
    pub fn try_wrap<T: 'static, Params, Results>(
        store: impl AsContextMut<Data = T>,
        f: impl IntoFunc<T, Params, Results>,
    ) -> Result<Func> {
        Ok(Func::wrap(store, f))
    }

    pub(crate) fn from_vm(func: FuncRef) -> Func {
        Func(func)
    }

    /// The function's type.
    pub fn ty(&self, store: impl AsContext) -> FuncType {
        let store = store.as_context();
        let vm = store.0.vm();
        let ty = vm.registry().get(TypeId(vm.func(self.0).type_id));
        FuncType::from_registered(store.engine(), ty)
    }

    /// The same, as the engine's inside writes it.
    #[inline]
    fn lowered_ty<'a>(&self, vm: &'a VmStore) -> &'a types::FuncType {
        vm.types().func_type(TypeId(vm.func(self.0).type_id))
    }

    /// Whether the function can be used where one of type `ty` is wanted.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &FuncType) -> bool {
        self.ty(store).matches(ty)
    }

    /// Calls the function. `params` must have the types of its parameters, and `results` as many
    /// elements as it has results, whatever they are.
    ///
    /// # Errors
    ///
    /// When parameters or the number of results do not fit. When WebAssembly traps: the error's
    /// [`Trap`](crate::Trap) and [`WasmBacktrace`](crate::WasmBacktrace) can be had by
    /// `downcast_ref`. When a host function returns an error: that one, likewise.
    ///
    /// # Panics
    ///
    /// When a host function panics: that panic goes on. The store can still be used.
    pub fn call(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        if store.enters_plainly(self.0.store())
            && let Some(called) = invoke::call_numbers(&mut store, self.0, params, results)
        {
            return called;
        }
        self.call_values(&mut store, params, results)
    }

    /// The way of [`Func::call`] where not all values are numbers, something does not fit, or somebody is to
    /// be asked first.
    #[inline(never)]
    fn call_values<T>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let vm = store.0.vm();
        check::check_call(vm, self.lowered_ty(vm), params, results)?;
        invoke::entering(store, self.0.store(), |store| {
            invoke::call_values(store, self.0, params, results)
        })
    }

    /// Calls the function, which has no parameters and results, as the start function of an instance:
    /// a host function that the module imports sees the instance as its caller.
    pub(crate) fn start<T>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        instance: Handle,
    ) -> Result<()> {
        let ctx = store.0.vm().instance(instance).ctx();
        invoke::entering(store, self.0.store(), |store| invoke::call_start(store, self.0, ctx))
    }

    /// A view of the function with types known at compile time, which is called without
    /// conversions and checks.
    ///
    /// # Errors
    ///
    /// When the function's type does not fit.
    pub fn typed<Params, Results>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<Params, Results>>
    where
        Params: WasmParams,
        Results: WasmResults,
    {
        TypedFunc::new(store.as_context().0.vm(), *self)
    }
}
