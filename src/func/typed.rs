//! Calls whose types are known at compile time: values go straight to and from the value stack.

use core::marker::PhantomData;

use super::Func;
use super::invoke;
use crate::error::{Context, Result, bail, ensure};
use crate::exec::{self, Exit, Outer};
use crate::exn::ExnRef;
use crate::gc::{AnyRef, ArrayRef, EqRef, I31, Rooted, StructRef};
use crate::index::TypeId;
use crate::prelude::*;
use crate::store::{AsContext, AsContextMut, StoreContextMut};
use crate::types::{HeapType, RefType, ValType};
use crate::val::{ExternRef, V128};
use crate::vm::handle::{FuncRef, StoreId};
use crate::vm::value::Value;
use crate::vm::{Slot, StoreCtx, VmStore};
use crate::wasm::TypeLookup;

/// A Rust type that is a WebAssembly value type: `i32` and `u32`, `i64` and `u64`, `f32`, `f64`,
/// [`V128`], [`I31`] and `Option<I31>`, [`Func`] (never null) and `Option<Func>`, `Rooted<R>` (never null) and
/// `Option<Rooted<R>>`, or [`OwnedRooted`](crate::OwnedRooted) in its place, where `R` is [`ExternRef`], [`AnyRef`], [`EqRef`], [`StructRef`], [`ArrayRef`]
/// or [`ExnRef`].
///
/// # Safety
///
/// Implemented by this crate only: `load` and `store` agree with `valtype` about the slots.
pub unsafe trait WasmTy: Send + Sized + 'static {
    /// Slots of the value stack that a value takes.
    #[doc(hidden)]
    const SLOTS: usize;

    /// Whether reading a value may make a handle, which ends with the host function it is made for.
    #[doc(hidden)]
    const MAKES_HANDLES: bool = true;

    /// The WebAssembly type.
    #[doc(hidden)]
    fn valtype() -> ValType;

    /// Whether the value may be used in this store.
    #[doc(hidden)]
    #[inline]
    fn belongs_to(&self, _store: StoreId) -> bool {
        true
    }

    /// Reads a value.
    ///
    /// # Safety
    ///
    /// A value of this type, of the store `store`, is at `at`.
    #[doc(hidden)]
    unsafe fn load(store: *mut VmStore, at: *const Slot) -> Self;

    /// Writes a value.
    ///
    /// # Safety
    ///
    /// `at` can be written, and the value belongs to the store.
    #[doc(hidden)]
    unsafe fn store(self, store: *const VmStore, at: *mut Slot);
}

macro_rules! numbers {
    ($($ty:ty: $valtype:ident, |$slot:ident| $load:expr, |$value:ident| $store:expr;)*) => {$(
        // SAFETY: `load` and `store` are each other's inverse and follow the slot format.
        unsafe impl WasmTy for $ty {
            const SLOTS: usize = 1;
            const MAKES_HANDLES: bool = false;

            fn valtype() -> ValType {
                ValType::$valtype
            }

            #[inline]
            unsafe fn load(_store: *mut VmStore, at: *const Slot) -> $ty {
                // SAFETY: the caller's promise.
                let $slot = unsafe { at.read() };
                $load
            }

            #[inline]
            unsafe fn store(self, _store: *const VmStore, at: *mut Slot) {
                let $value = self;
                // SAFETY: the caller's promise.
                unsafe { at.write($store) }
            }
        }
    )*};
}

numbers! {
    i32: I32, |slot| slot as i32, |value| Slot::from(value as u32);
    u32: I32, |slot| slot as u32, |value| Slot::from(value);
    i64: I64, |slot| slot as i64, |value| value as u64;
    u64: I64, |slot| slot, |value| value;
    f32: F32, |slot| f32::from_bits(slot as u32), |value| Slot::from(value.to_bits());
    f64: F64, |slot| f64::from_bits(slot), |value| value.to_bits();
}

// SAFETY: an `i31` is its value, tagged as `sem` says.
unsafe impl WasmTy for I31 {
    const SLOTS: usize = 1;

    fn valtype() -> ValType {
        ValType::Ref(RefType::new(false, HeapType::I31))
    }

    #[inline]
    unsafe fn load(_store: *mut VmStore, at: *const Slot) -> I31 {
        // SAFETY: the caller's promise.
        I31::wrapping_u32(unsafe { at.read() } as u32 >> 1)
    }

    #[inline]
    unsafe fn store(self, _store: *const VmStore, at: *mut Slot) {
        // SAFETY: the caller's promise.
        unsafe { at.write(crate::sem::ref_i31(self.get_u32())) }
    }
}

// SAFETY: as above; zero is null.
unsafe impl WasmTy for Option<I31> {
    const SLOTS: usize = 1;

    fn valtype() -> ValType {
        ValType::Ref(RefType::new(true, HeapType::I31))
    }

    #[inline]
    unsafe fn load(_store: *mut VmStore, at: *const Slot) -> Option<I31> {
        // SAFETY: the caller's promise.
        let slot = unsafe { at.read() };
        (slot != 0).then(|| I31::wrapping_u32(slot as u32 >> 1))
    }

    #[inline]
    unsafe fn store(self, _store: *const VmStore, at: *mut Slot) {
        let slot = self.map_or(0, |value| crate::sem::ref_i31(value.get_u32()));
        // SAFETY: the caller's promise.
        unsafe { at.write(slot) }
    }
}

// SAFETY: two slots, low half first, as the slot format says.
unsafe impl WasmTy for V128 {
    const SLOTS: usize = 2;
    const MAKES_HANDLES: bool = false;

    fn valtype() -> ValType {
        ValType::V128
    }

    #[inline]
    unsafe fn load(_store: *mut VmStore, at: *const Slot) -> V128 {
        // SAFETY: the caller's promise.
        let (low, high) = unsafe { (at.read(), at.add(1).read()) };
        V128::from(u128::from(low) | u128::from(high) << 64)
    }

    #[inline]
    unsafe fn store(self, _store: *const VmStore, at: *mut Slot) {
        let value = u128::from(self);
        // SAFETY: the caller's promise.
        unsafe {
            at.write(value as u64);
            at.add(1).write((value >> 64) as u64);
        }
    }
}

/// References: a type and an `Option` of it, which can be null. `load` makes one from a slot that is
/// not null, `slot` gives its slot back.
macro_rules! references {
    ($($ty:ty: $ref_type:expr, $handle:tt, |$store:ident, $slot:ident| $load:expr, |$from:ident, $value:ident| $slot_of:expr;)*) => {$(
        // SAFETY: a reference is its slot, zero is null, and `valtype` says whether it can be.
        unsafe impl WasmTy for Option<$ty> {
            const SLOTS: usize = 1;

            fn valtype() -> ValType {
                ValType::Ref(RefType::new(true, $ref_type))
            }

            #[inline]
            fn belongs_to(&self, store: StoreId) -> bool {
                self.is_none_or(|value| value.$handle.store() == store)
            }

            #[inline]
            unsafe fn load($store: *mut VmStore, at: *const Slot) -> Option<$ty> {
                // SAFETY: the caller's promise: the slot holds a reference of this type and store.
                unsafe {
                    let $slot = at.read();
                    if $slot == 0 { None } else { $load }
                }
            }

            #[inline]
            unsafe fn store(self, $from: *const VmStore, at: *mut Slot) {
                // SAFETY: the caller's promise.
                unsafe {
                    let slot = match self {
                        Some($value) => $slot_of,
                        None => 0,
                    };
                    at.write(slot);
                }
            }
        }

        // SAFETY: as above.
        unsafe impl WasmTy for $ty {
            const SLOTS: usize = 1;

            fn valtype() -> ValType {
                ValType::Ref(RefType::new(false, $ref_type))
            }

            #[inline]
            fn belongs_to(&self, store: StoreId) -> bool {
                self.$handle.store() == store
            }

            #[inline]
            unsafe fn load(store: *mut VmStore, at: *const Slot) -> $ty {
                // SAFETY: the caller's promise.
                unsafe { <Option<$ty> as WasmTy>::load(store, at) }.expect("the type is not nullable")
            }

            #[inline]
            unsafe fn store(self, store: *const VmStore, at: *mut Slot) {
                // SAFETY: the caller's promise.
                unsafe { <Option<$ty> as WasmTy>::store(Some(self), store, at) }
            }
        }
    )*};
}

/// A handle to an object.
///
/// # Safety
///
/// The slot holds a reference of this store, not to a function, and nothing else uses the store.
unsafe fn root<R>(store: *mut VmStore, slot: Slot) -> Option<Rooted<R>> {
    // SAFETY: the caller's promise; hierarchies other than that of functions share one form.
    match unsafe { (*store).reference_from_slot(RefType::ANYREF, slot) } {
        Value::Any(object) => object.map(Rooted::new),
        _ => None,
    }
}

references! {
    Func: HeapType::Func, 0, |store, slot| FuncRef::from_slot((*store).id(), slot).map(Func),
        |_store, func| func.0.to_slot();
    Rooted<ExternRef>: HeapType::Extern, object, |store, slot| root(store, slot),
        |store, rooted| (*store).slot_of(&rooted.object);
    Rooted<AnyRef>: HeapType::Any, object, |store, slot| root(store, slot),
        |store, rooted| (*store).slot_of(&rooted.object);
    Rooted<EqRef>: HeapType::Eq, object, |store, slot| root(store, slot),
        |store, rooted| (*store).slot_of(&rooted.object);
    Rooted<StructRef>: HeapType::Struct, object, |store, slot| root(store, slot),
        |store, rooted| (*store).slot_of(&rooted.object);
    Rooted<ArrayRef>: HeapType::Array, object, |store, slot| root(store, slot),
        |store, rooted| (*store).slot_of(&rooted.object);
    Rooted<ExnRef>: HeapType::Exn, object, |store, slot| root(store, slot),
        |store, rooted| (*store).slot_of(&rooted.object);
}

/// Several values at consecutive slots: one [`WasmTy`], or a tuple of up to 17.
///
/// # Safety
///
/// Implemented by this crate only, in terms of [`WasmTy`].
#[doc(hidden)]
pub unsafe trait WasmTyList: Send + Sized + 'static {
    /// Slots of the value stack that the values take.
    const SLOTS: usize;

    /// Whether reading one of the values may make a handle.
    const MAKES_HANDLES: bool;

    /// The WebAssembly types.
    fn valtypes() -> impl Iterator<Item = ValType>;

    /// Whether all values may be used in this store.
    fn belong_to(&self, store: StoreId) -> bool;

    /// Reads the values.
    ///
    /// # Safety
    ///
    /// As for [`WasmTy::load`].
    unsafe fn load(store: *mut VmStore, at: *const Slot) -> Self;

    /// Writes the values.
    ///
    /// # Safety
    ///
    /// As for [`WasmTy::store`].
    unsafe fn store(self, store: *const VmStore, at: *mut Slot);
}

// SAFETY: a list of one.
unsafe impl<V: WasmTy> WasmTyList for V {
    const SLOTS: usize = <V as WasmTy>::SLOTS;
    const MAKES_HANDLES: bool = <V as WasmTy>::MAKES_HANDLES;

    fn valtypes() -> impl Iterator<Item = ValType> {
        core::iter::once(<V as WasmTy>::valtype())
    }

    #[inline]
    fn belong_to(&self, store: StoreId) -> bool {
        V::belongs_to(self, store)
    }

    #[inline]
    unsafe fn load(store: *mut VmStore, at: *const Slot) -> V {
        // SAFETY: the caller's promise.
        unsafe { <V as WasmTy>::load(store, at) }
    }

    #[inline]
    unsafe fn store(self, store: *const VmStore, at: *mut Slot) {
        // SAFETY: the caller's promise.
        unsafe { <V as WasmTy>::store(self, store, at) }
    }
}

/// Calls a macro with each list of up to 17 type names.
macro_rules! for_each_arity {
    ($mac:ident) => {
        for_each_arity!(@ $mac [] A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17);
    };
    (@ $mac:ident [$($done:ident)*]) => {
        $mac!($($done)*);
    };
    (@ $mac:ident [$($done:ident)*] $next:ident $($rest:ident)*) => {
        $mac!($($done)*);
        for_each_arity!(@ $mac [$($done)* $next] $($rest)*);
    };
}
pub(super) use for_each_arity;

macro_rules! tuple {
    ($($name:ident)*) => {
        #[allow(
            non_snake_case,
            unused,
            clippy::unused_unit,
            reason = "names stand for types and values; there may be none"
        )]
        // SAFETY: each element in terms of its own implementation, at the slot behind the last.
        unsafe impl<$($name: WasmTy),*> WasmTyList for ($($name,)*) {
            const SLOTS: usize = 0 $(+ <$name as WasmTy>::SLOTS)*;
            const MAKES_HANDLES: bool = false $(|| <$name as WasmTy>::MAKES_HANDLES)*;

            fn valtypes() -> impl Iterator<Item = ValType> {
                [$($name::valtype(),)*].into_iter()
            }

            #[inline]
            fn belong_to(&self, store: StoreId) -> bool {
                let ($($name,)*) = self;
                true $(&& $name.belongs_to(store))*
            }

            #[inline]
            unsafe fn load(store: *mut VmStore, at: *const Slot) -> Self {
                let mut offset = 0;
                $(
                    // SAFETY: the caller's promise.
                    let $name = unsafe { <$name as WasmTy>::load(store, at.add(offset)) };
                    offset += <$name as WasmTy>::SLOTS;
                )*
                ($($name,)*)
            }

            #[inline]
            unsafe fn store(self, store: *const VmStore, at: *mut Slot) {
                let ($($name,)*) = self;
                let mut offset = 0;
                $(
                    // SAFETY: the caller's promise.
                    unsafe { <$name as WasmTy>::store($name, store, at.add(offset)) };
                    offset += <$name as WasmTy>::SLOTS;
                )*
            }
        }
    };
}

for_each_arity!(tuple);

/// Parameters of a [`TypedFunc`]: one [`WasmTy`], or a tuple of up to 17.
pub trait WasmParams: WasmTyList {}

impl<L: WasmTyList> WasmParams for L {}

/// Results of a [`TypedFunc`]: one [`WasmTy`], or a tuple of up to 17, of which `()` is one.
pub trait WasmResults: WasmTyList {}

impl<L: WasmTyList> WasmResults for L {}

/// Compares the types that are asked for with those of a function.
///
/// # Errors
///
/// When there are more or less of them, or one does not fit.
fn compare(
    rust: impl Iterator<Item = ValType>,
    wasm: impl ExactSizeIterator<Item = ValType>,
    mut fits: impl FnMut(ValType, ValType) -> bool,
) -> Result<()> {
    let rust: Vec<_> = rust.collect();
    ensure!(rust.len() == wasm.len(), "expected {} types, found {}", rust.len(), wasm.len());
    for (rust, wasm) in rust.into_iter().zip(wasm) {
        ensure!(fits(rust, wasm), "type mismatch: expected {rust}, found {wasm}");
    }
    Ok(())
}

/// A function with types known at compile time; made by [`Func::typed`].
pub struct TypedFunc<Params, Results> {
    func: Func,
    /// The function's store, or no store at all if each call must look at the types of its arguments:
    /// one comparison finds out both that and whether the store is the right one.
    unchecked_in: StoreId,
    types: PhantomData<fn(Params) -> Results>,
}

impl<Params, Results> Clone for TypedFunc<Params, Results> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Params, Results> Copy for TypedFunc<Params, Results> {}

impl<Params, Results> core::fmt::Debug for TypedFunc<Params, Results> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("TypedFunc").field(&self.func).finish()
    }
}

impl<Params: WasmParams, Results: WasmResults> TypedFunc<Params, Results> {
    pub(super) fn new(store: &VmStore, func: Func) -> Result<TypedFunc<Params, Results>> {
        let types = store.types();
        let ty = types.func_type(TypeId(store.func(func.0).type_id));
        let mut unchecked_in = func.0.store();
        // Rust has no types for references to defined types: whether a reference is one is found out
        // at each call.
        let mut param_fits = |rust: ValType, wasm: ValType| match (rust, wasm) {
            (ValType::Ref(rust), ValType::Ref(wasm)) if wasm.heap_type().is_concrete() => {
                unchecked_in = StoreId::NONE;
                types.top(rust.heap_type()) == types.top(wasm.heap_type())
            }
            (rust, wasm) => types.val_matches(rust, wasm),
        };
        compare(Params::valtypes(), ty.params(), &mut param_fits)
            .context("type mismatch with parameters")?;
        compare(Results::valtypes(), ty.results(), |rust, wasm| types.val_matches(wasm, rust))
            .context("type mismatch with results")?;
        Ok(TypedFunc { func, unchecked_in, types: PhantomData })
    }

    /// A view of a function with types that are not compared.
    ///
    /// # Safety
    ///
    /// `Params` and `Results` are what [`Func::typed`] accepts for the function, or references of
    /// types below those of its parameters.
    pub unsafe fn new_unchecked(_store: impl AsContext, func: Func) -> TypedFunc<Params, Results> {
        TypedFunc { func, unchecked_in: func.0.store(), types: PhantomData }
    }

    /// The way of [`TypedFunc::call`] for functions whose arguments must be looked at; or the store is
    /// the wrong one.
    #[cold]
    #[inline(never)]
    fn call_checked<T: 'static>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        params: Params,
    ) -> Result<Results> {
        let vm = store.0.as_ptr();
        // SAFETY: as in `TypedFunc::call`; the arguments are compared with the function's type before
        // it is entered, being references of this store where they are references.
        unsafe {
            let id = (*vm).id();
            if id != self.func.0.store() {
                invoke::wrong_store();
            }
            if !params.belong_to(id) {
                return foreign_argument();
            }
            invoke::entering(store, id, |store| {
                let vm = store.0.as_ptr();
                let ctx = vm.cast::<StoreCtx>();
                let (outer, args) = (exec::outer(ctx), exec::arg_base(ctx));
                params.store(vm, args);
                self.check_arguments(&*vm, args)?;
                match exec::enter(ctx, self.func.0.as_ptr(), args) {
                    Exit::Returned => Ok(Results::load(vm, args)),
                    exit => Err(invoke::failure(vm, store.engine(), outer, exit)),
                }
            })
        }
    }

    /// Compares arguments with the function's defined types.
    ///
    /// # Safety
    ///
    /// `args` leads to arguments of types that [`TypedFunc::new`] has accepted, of this store.
    pub(super) unsafe fn check_arguments(&self, vm: &VmStore, args: *const Slot) -> Result<()> {
        if self.unchecked_in == self.func.0.store() {
            return Ok(());
        }
        let ty = vm.types().func_type(TypeId(vm.func(self.func.0).type_id));
        let mut at = args;
        for (i, ty) in ty.params().enumerate() {
            if let ValType::Ref(ty) = ty {
                // SAFETY: the caller's promise.
                let fits = unsafe { vm.reference_matches(at.read(), ty) };
                ensure!(
                    fits,
                    "argument type mismatch for reference to concrete type: argument {i} is no `{ty}`"
                );
            }
            at = at.wrapping_add(ty.slots() as usize);
        }
        Ok(())
    }

    /// The function.
    pub fn func(&self) -> &Func {
        &self.func
    }

    /// Calls the function.
    ///
    /// # Errors
    ///
    /// As for [`Func::call`].
    ///
    /// # Panics
    ///
    /// If the function belongs to another store; and as for [`Func::call`].
    // Left to the optimiser it is inlined or not by how many calls there are, and a call of it costs half of
    // what it does. What is rare is elsewhere.
    #[inline(always)]
    pub fn call(&self, mut store: impl AsContextMut, params: Params) -> Result<Results> {
        let mut store = store.as_context_mut();
        let vm = store.0.as_ptr();
        let func = self.func.0.as_ptr();
        // SAFETY: `vm` is the store's root pointer, borrowed exclusively here, and no reference to
        // it lives across `enter`. The function belongs to the store, so it is live; its type was
        // compared with `Params` and `Results` in `new`, so that as many slots are written, and
        // read, as it has parameters and results; and `arg_base` lies below the stack's limit.
        unsafe {
            let id = (*vm).entry_id();
            if id != self.unchecked_in {
                return self.call_checked(&mut store, params);
            }
            if !params.belong_to(id) {
                return foreign_argument();
            }
            let ctx = vm.cast::<StoreCtx>();
            let args = exec::arg_base(ctx);
            params.store(vm, args);
            let offset = const {
                let (params, results) = (Params::SLOTS, Results::SLOTS);
                if params > results { params } else { results }
            };
            match exec::enter_at(ctx, func, args, offset) {
                Exit::Returned => Ok(Results::load(vm, args)),
                exit => Err(invoke::failure(vm, store.engine(), Outer::below(args), exit)),
            }
        }
    }
}

#[cold]
pub(super) fn foreign_argument<R>() -> Result<R> {
    bail!("cross-`Store` values are not supported: an argument belongs to another store")
}

static_assertions::assert_impl_all!(TypedFunc<(i32,), ()>: Send, Sync, Copy);
