//! Functions whose values are passed unchecked, in a form that does not depend on their types: for
//! embeddings in other languages, which know the types when they run.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use super::Func;
use super::host::{Body, HostCall, HostFunc, caller, data, fallible};
use super::invoke;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::{Result, bail, ensure};
use crate::exec::{self, Exit, Outer};
use crate::prelude::*;
use crate::store::{AsContextMut, StoreContextMut};
use crate::ty::FuncType;
use crate::types::{self, ValType};
use crate::vm::{HostReturn, Slot, StoreCtx};

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

/// The form of a number.
#[inline(always)]
fn number(ty: &ValType) -> Form {
    match ty {
        ValType::I32 | ValType::F32 => Form::Half,
        ValType::V128 => Form::Two,
        ValType::I64 | ValType::F64 | ValType::Ref(_) => Form::One,
    }
}

impl Forms {
    fn of(ty: &types::FuncType) -> Result<Forms> {
        ensure!(!ty.has_references(), "references cannot be passed unchecked");
        let forms = |types: &[ValType]| types.iter().map(number).collect();
        Ok(Forms { params: forms(ty.params_slice()), results: forms(ty.results_slice()) })
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

/// Copies numbers that are one slot each to slots. `halves` is of a type whose first `count` values they are.
///
/// # Safety
///
/// So many numbers are at `values`, and there is room for them at `at`.
#[inline(always)]
unsafe fn save_plain(at: *mut Slot, count: usize, halves: u64, values: *const ValRaw) {
    let mut halves = halves;
    for i in 0..count {
        // SAFETY: the caller's promise.
        unsafe { at.add(i).write((*values.add(i)).0[0] & mask(halves)) };
        halves >>= 1;
    }
}

/// The bits that mean something of a slot that the lowest bit of `halves` is about.
#[inline(always)]
fn mask(halves: u64) -> u64 {
    u64::MAX >> ((halves & 1) * 32)
}

/// A closure that works with raw numbers, of which `numbers` says more.
struct Unchecked<T, N, F> {
    numbers: N,
    f: F,
    data: PhantomData<fn(T)>,
}

/// What is known of a closure's numbers.
trait Numbers: Send + Sync + 'static {
    /// Calls the closure, and returns the bits of its first result.
    ///
    /// # Safety
    ///
    /// Arguments of the closure's forms are at `slots`, where results have room.
    unsafe fn call(
        &self,
        slots: *mut Slot,
        f: impl FnOnce(&mut [ValRaw]) -> Result<()>,
    ) -> Result<u64>;
}

/// The result of a closure with `N` parameters, at most [`FEW`], and at most one result. All numbers are one
/// slot each.
#[derive(Clone, Copy)]
struct Few<const N: usize> {
    /// None or one.
    results: usize,
    /// The bits of it that mean something.
    mask: u64,
}

/// Parameters up to which a call takes the short way.
const FEW: usize = 4;

/// Numbers that a call keeps on the native stack.
const INLINE: usize = 16;

impl Few<0> {
    /// If the type is of that kind; parameters are for [`Few::with`].
    fn of(ty: &types::FuncType) -> Option<Few<0>> {
        let (params, results) = ty.counts();
        let halves = ty.halves().filter(|_| params <= FEW && results <= 1)?;
        Some(Few { results, mask: mask(halves >> params) })
    }

    /// The same with `N` parameters.
    fn with<const N: usize>(self) -> Few<N> {
        Few { results: self.results, mask: self.mask }
    }
}

impl<const N: usize> Numbers for Few<N> {
    #[inline(always)]
    unsafe fn call(
        &self,
        slots: *mut Slot,
        f: impl FnOnce(&mut [ValRaw]) -> Result<()>,
    ) -> Result<u64> {
        const { assert!(N <= FEW) };
        // SAFETY: the caller's promise. As many values are written as are passed on.
        unsafe {
            let mut values = [const { MaybeUninit::<ValRaw>::uninit() }; FEW];
            let at = values.as_mut_ptr().cast::<ValRaw>();
            for i in 0..N {
                at.add(i).write(ValRaw([slots.add(i).read(), 0]));
            }
            let len = if N > 0 {
                N
            } else {
                at.write(ValRaw::i64(0));
                self.results
            };
            f(core::slice::from_raw_parts_mut(at, len))?;
            if self.results == 0 {
                return Ok(0);
            }
            let result = (*at).0[0] & self.mask;
            slots.write(result);
            Ok(result)
        }
    }
}

impl Numbers for Forms {
    #[inline(never)]
    unsafe fn call(
        &self,
        slots: *mut Slot,
        f: impl FnOnce(&mut [ValRaw]) -> Result<()>,
    ) -> Result<u64> {
        let len = self.len();
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
            load(slots, self.params.iter().copied(), values.as_mut_ptr());
            f(values)?;
            save(slots, self.results.iter().copied(), values.as_ptr());
            Ok(if self.results.is_empty() { 0 } else { slots.read() })
        }
    }
}

impl<T: 'static, N: Numbers, F> Body for Unchecked<T, N, F>
where
    F: Fn(Caller<'_, T>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static,
{
    #[inline(always)]
    unsafe fn call(call: HostCall) -> HostReturn {
        // SAFETY: the caller's promise: arguments and results are in slots of the numbers' forms.
        unsafe {
            fallible(call, |HostCall { ctx, slots, host }| {
                let Unchecked { numbers, f, .. } = data::<Self>(host);
                numbers.call(slots, |values| f(caller::<T>(ctx), values))
            })
        }
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
        let lowered = ty.registered().func();
        let Some(few) = Few::of(lowered) else {
            return Ok(HostFunc::of_numbers(engine, &ty, Forms::of(lowered)?, f));
        };
        Ok(match lowered.counts().0 {
            0 => HostFunc::of_numbers(engine, &ty, few.with::<0>(), f),
            1 => HostFunc::of_numbers(engine, &ty, few.with::<1>(), f),
            2 => HostFunc::of_numbers(engine, &ty, few.with::<2>(), f),
            3 => HostFunc::of_numbers(engine, &ty, few.with::<3>(), f),
            _ => HostFunc::of_numbers(engine, &ty, few.with::<FEW>(), f),
        })
    }

    fn of_numbers<T: 'static, F>(
        engine: &Engine,
        ty: &FuncType,
        numbers: impl Numbers,
        f: F,
    ) -> HostFunc
    where
        F: Fn(Caller<'_, T>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static,
    {
        HostFunc::of_type(engine, ty, Unchecked { numbers, f, data: PhantomData::<fn(T)> })
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
    #[inline]
    pub fn call_unchecked(
        &self,
        mut store: impl AsContextMut,
        values: &mut [ValRaw],
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        if store.enters_plainly(self.0.store()) {
            let vm = store.0.as_ptr();
            // SAFETY: as in `TypedFunc::call`: `vm` is the root pointer of a store borrowed exclusively, and no
            // reference to it lives across the call. Each argument and each result is one slot, and there
            // is room for them.
            unsafe {
                let ty = invoke::type_of(vm, self.0);
                let (params, results) = ty.counts();
                if let Some(halves) = ty.halves()
                    && values.len() >= params.max(results)
                {
                    let (ctx, func, values) = (vm.cast(), self.0.as_ptr(), values.as_mut_ptr());
                    let args = exec::arg_base(ctx);
                    save_plain(args, params, halves, values);
                    return match exec::enter_at(ctx, func, args, (*func).header_offset()) {
                        Exit::Returned => {
                            for i in 0..results {
                                (*values.add(i)).0[0] = args.add(i).read();
                            }
                            Ok(())
                        }
                        exit => Err(invoke::failure(vm, store.engine(), Outer::below(args), exit)),
                    };
                }
            }
        }
        self.enter_unchecked(&mut store, values)
    }

    /// The way of [`Func::call_unchecked`] where something does not fit, or is a vector, or somebody is to be
    /// asked first.
    #[inline(never)]
    fn enter_unchecked<T: 'static>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        values: &mut [ValRaw],
    ) -> Result<()> {
        invoke::entering(store, self.0.store(), |store| {
            let vm = store.0.as_ptr();
            // SAFETY: as above. Arguments and results are numbers of the type's forms.
            unsafe {
                let ty = invoke::type_of(vm, self.0);
                let count = ty.params_slice().len().max(ty.results_slice().len());
                if values.len() < count || ty.has_references() {
                    return refuse(count, values.len());
                }
                let ctx = vm.cast::<StoreCtx>();
                let args = exec::arg_base(ctx);
                save(args, ty.params_slice().iter().map(number), values.as_ptr());
                match exec::enter(ctx, self.0.as_ptr(), args) {
                    Exit::Returned => {
                        load(args, ty.results_slice().iter().map(number), values.as_mut_ptr());
                        Ok(())
                    }
                    exit => Err(invoke::failure(vm, store.engine(), Outer::below(args), exit)),
                }
            }
        })
    }
}

/// Why a function that wants room for `count` values is not called with `room`.
#[cold]
fn refuse(count: usize, room: usize) -> Result<()> {
    ensure!(room >= count, "expected room for {count} values, got {room}");
    bail!("references cannot be passed unchecked")
}
