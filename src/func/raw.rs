//! Functions whose values are passed unchecked, in a form that does not depend on their types: for
//! embeddings in other languages, which know the types when they run.

use core::mem::MaybeUninit;

use super::Func;
use super::host::{HostFunc, caller, shielded};
use super::invoke;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::{Result, bail, ensure};
use crate::exec::{self, Exit};
use crate::index::TypeId;
use crate::store::{AsContextMut, StoreContextMut};
use crate::ty::FuncType;
use crate::types::{self, ValType};
use crate::vm::{HostReturn, Slot, StoreCtx, Unused, VmCtx, VmHostFunc};
use crate::wasm::TypeLookup;

/// A number without its type, in 16 bytes: the low bytes hold it, and the others mean nothing.
///
/// It has the layout of a C union of all number types on a little-endian machine.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ValRaw([u64; 2]);

impl ValRaw {
    /// An `i32`.
    #[inline]
    pub const fn i32(value: i32) -> ValRaw {
        ValRaw([value as u32 as u64, 0])
    }

    /// An `i64`.
    #[inline]
    pub const fn i64(value: i64) -> ValRaw {
        ValRaw([value as u64, 0])
    }

    /// An `f32`, by its bits.
    #[inline]
    pub const fn f32(bits: u32) -> ValRaw {
        ValRaw([bits as u64, 0])
    }

    /// An `f64`, by its bits.
    #[inline]
    pub const fn f64(bits: u64) -> ValRaw {
        ValRaw([bits, 0])
    }

    /// A `v128`.
    #[inline]
    pub const fn v128(value: u128) -> ValRaw {
        ValRaw([value as u64, (value >> 64) as u64])
    }

    /// As an `i32`.
    #[inline]
    pub const fn get_i32(&self) -> i32 {
        self.0[0] as i32
    }

    /// As an `i64`.
    #[inline]
    pub const fn get_i64(&self) -> i64 {
        self.0[0] as i64
    }

    /// As the bits of an `f32`.
    #[inline]
    pub const fn get_f32(&self) -> u32 {
        self.0[0] as u32
    }

    /// As the bits of an `f64`.
    #[inline]
    pub const fn get_f64(&self) -> u64 {
        self.0[0]
    }

    /// As a `v128`.
    #[inline]
    pub const fn get_v128(&self) -> u128 {
        self.0[0] as u128 | (self.0[1] as u128) << 64
    }
}

/// How a number lies in slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// In the low half of one, whose high half is zero.
    Half,
    /// In one.
    One,
    /// In two.
    Two,
}

/// The forms of a function's parameters and results.
#[derive(Clone, Debug)]
struct Forms {
    params: Box<[Form]>,
    results: Box<[Form]>,
}

fn form(ty: &ValType) -> Result<Form> {
    Ok(match ty {
        ValType::I32 | ValType::F32 => Form::Half,
        ValType::I64 | ValType::F64 => Form::One,
        ValType::V128 => Form::Two,
        ValType::Ref(_) => bail!("references cannot be passed unchecked"),
    })
}

impl Forms {
    fn of(ty: &types::FuncType) -> Result<Forms> {
        let params = ty.params().map(|ty| form(&ty)).collect::<Result<_>>()?;
        let results = ty.results().map(|ty| form(&ty)).collect::<Result<_>>()?;
        Ok(Forms { params, results })
    }

    fn len(&self) -> usize {
        self.params.len().max(self.results.len())
    }
}

/// Copies numbers from slots.
///
/// # Safety
///
/// Numbers of these forms are at `at`, and `values` has room for as many.
#[inline(always)]
unsafe fn load(mut at: *const Slot, forms: impl Iterator<Item = Form>, mut values: *mut ValRaw) {
    for form in forms {
        // SAFETY: the caller's promise.
        unsafe {
            (*values).0[0] = at.read();
            at = at.add(1);
            if form == Form::Two {
                (*values).0[1] = at.read();
                at = at.add(1);
            }
            values = values.add(1);
        }
    }
}

/// Copies numbers to slots.
///
/// # Safety
///
/// As many numbers are at `values`, and there is room for them at `at`.
#[inline(always)]
unsafe fn save(mut at: *mut Slot, forms: impl Iterator<Item = Form>, mut values: *const ValRaw) {
    for form in forms {
        // SAFETY: the caller's promise.
        unsafe {
            let low = (*values).0[0];
            at.write(if form == Form::Half { u64::from(low as u32) } else { low });
            at = at.add(1);
            if form == Form::Two {
                at.write((*values).0[1]);
                at = at.add(1);
            }
            values = values.add(1);
        }
    }
}

/// A closure that works with raw numbers.
struct Unchecked<F> {
    forms: Forms,
    /// What few numbers are made of, if they are few and none takes two slots.
    few: Option<Few>,
    f: F,
}

/// How few numbers there are, and of each result the bits that mean something.
#[derive(Clone, Copy)]
struct Few {
    params: usize,
    results: usize,
    len: usize,
    masks: [u64; FEW],
}

/// Numbers up to which a call takes the short way.
const FEW: usize = 4;

/// Numbers that a call keeps on the native stack.
const INLINE: usize = 16;

impl Few {
    fn of(forms: &Forms) -> Option<Few> {
        let mut all = forms.params.iter().chain(&forms.results);
        if forms.len() > FEW || all.any(|form| *form == Form::Two) {
            return None;
        }
        let mut masks = [u64::MAX; FEW];
        for (mask, form) in masks.iter_mut().zip(&forms.results) {
            if *form == Form::Half {
                *mask = u32::MAX.into();
            }
        }
        let (params, results) = (forms.params.len(), forms.results.len());
        Some(Few { params, results, len: forms.len(), masks })
    }
}

/// Calls a closure with few numbers, and returns the bits of its first result.
///
/// # Safety
///
/// As for [`call_many`]; `few` is made of the closure's forms.
#[inline(always)]
unsafe fn call_few(
    few: &Few,
    slots: *mut Slot,
    f: impl FnOnce(&mut [ValRaw]) -> Result<()>,
) -> Result<u64> {
    // SAFETY: the caller's promise; there are at most `FEW` of everything.
    unsafe {
        let mut values = [ValRaw::i64(0); FEW];
        for i in 0..few.params {
            values.get_unchecked_mut(i).0[0] = slots.add(i).read();
        }
        f(core::slice::from_raw_parts_mut(values.as_mut_ptr(), few.len))?;
        if few.results == 0 {
            return Ok(0);
        }
        let first = values[0].0[0] & few.masks[0];
        slots.write(first);
        for i in 1..few.results {
            slots.add(i).write(values.get_unchecked(i).0[0] & few.masks.get_unchecked(i));
        }
        Ok(first)
    }
}

/// The same with any numbers.
///
/// # Safety
///
/// Arguments of the closure's forms are at `slots`, where results have room.
#[inline(never)]
unsafe fn call_many(
    forms: &Forms,
    slots: *mut Slot,
    f: impl FnOnce(&mut [ValRaw]) -> Result<()>,
) -> Result<u64> {
    let len = forms.len();
    let mut inline = [const { MaybeUninit::<ValRaw>::uninit() }; INLINE];
    let mut heap = Vec::new();
    let values = if len <= INLINE {
        // What neither parameters nor the closure write must be some number.
        inline[..len].fill(MaybeUninit::new(ValRaw::i64(0)));
        // SAFETY: so many were just written.
        unsafe { core::slice::from_raw_parts_mut(inline.as_mut_ptr().cast::<ValRaw>(), len) }
    } else {
        heap.resize(len, ValRaw::i64(0));
        &mut heap[..]
    };
    // SAFETY: the caller's promise.
    unsafe {
        load(slots, forms.params.iter().copied(), values.as_mut_ptr());
        f(values)?;
        save(slots, forms.results.iter().copied(), values.as_ptr());
        Ok(if forms.results.is_empty() { 0 } else { slots.read() })
    }
}

/// The shim of [`HostFunc::unchecked`].
unsafe extern "C" fn shim<T: 'static, F>(
    ctx: *mut VmCtx,
    _: Unused,
    slots: *mut Slot,
    host: *const VmHostFunc,
) -> HostReturn
where
    F: Fn(Caller<'_, T>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static,
{
    // SAFETY: as in the typed shims: a live context, the closure that this was made for, and
    // arguments and results in slots of its forms.
    unsafe {
        shielded(ctx, host, || {
            let Unchecked { forms, few, f } = &*(*host).data.cast::<Unchecked<F>>();
            match few {
                Some(few) => call_few(few, slots, |values| f(caller::<T>(ctx), values)),
                None => call_many(forms, slots, |values| f(caller::<T>(ctx), values)),
            }
        })
    }
}

impl HostFunc {
    /// A host function that gets its numbers raw.
    ///
    /// # Errors
    ///
    /// When the type has references.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub(crate) fn unchecked<T: 'static, F>(engine: &Engine, ty: FuncType, f: F) -> Result<HostFunc>
    where
        F: Fn(Caller<'_, T>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static,
    {
        let forms = Forms::of(ty.registered().func())?;
        let few = Few::of(&forms);
        Ok(HostFunc::with_shim(engine, &ty, shim::<T, F>, Unchecked { forms, few, f }))
    }
}

impl Func {
    /// Makes a host function that gets its arguments and gives its results as raw numbers, in one
    /// slice with as many elements as the longer of both lists: results overwrite arguments. Which
    /// types they have only `ty` says. References cannot be passed like this.
    ///
    /// Unlike [`Func::new`] this costs no conversion of each value, and unlike [`Func::wrap`] it
    /// needs no types at compile time.
    ///
    /// # Errors
    ///
    /// When `ty` has references.
    ///
    /// # Panics
    ///
    /// If `ty` belongs to another engine.
    pub fn new_unchecked<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        f: impl Fn(Caller<'_, T>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Func> {
        let mut store = store.as_context_mut();
        let host = HostFunc::unchecked(store.engine(), ty, f)?;
        Ok(host.instantiate(store.0.vm_mut()))
    }

    /// Calls the function with raw numbers, in the form that [`Func::new_unchecked`] tells of.
    ///
    /// # Errors
    ///
    /// When the function's type has references, when the slice is shorter than its parameters or
    /// results, and as for [`Func::call`].
    ///
    /// # Panics
    ///
    /// As for [`Func::call`].
    pub fn call_unchecked(
        &self,
        mut store: impl AsContextMut,
        values: &mut [ValRaw],
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        invoke::entering(&mut store, self.0.store(), |store| self.enter_unchecked(store, values))
    }

    /// The call itself.
    fn enter_unchecked<T: 'static>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        values: &mut [ValRaw],
    ) -> Result<()> {
        let vm = store.0.as_ptr();
        // SAFETY: as in `TypedFunc::call`: `vm` is the root pointer of a store borrowed exclusively,
        // and no reference to it lives across the call. Arguments are numbers of the parameters'
        // forms.
        unsafe {
            let ty = (*vm).types().func_type(TypeId((*vm).func(self.0).type_id)).clone();
            let (params, results) = (ty.params().len(), ty.results().len());
            ensure!(
                values.len() >= params.max(results),
                "expected room for {} values, got {}",
                params.max(results),
                values.len()
            );
            for ty in ty.params().chain(ty.results()) {
                form(&ty)?;
            }
            let forms = |ty: ValType| form(&ty).unwrap_or(Form::One);
            let ctx = vm.cast::<StoreCtx>();
            let outer = exec::outer(ctx);
            let args = exec::arg_base(ctx);
            save(args, ty.params().map(forms), values.as_ptr());
            match exec::enter(ctx, self.0.as_ptr(), args) {
                Exit::Returned => {
                    load(args, ty.results().map(forms), values.as_mut_ptr());
                    Ok(())
                }
                exit => Err(invoke::failure(vm, store.engine(), outer, exit)),
            }
        }
    }
}
