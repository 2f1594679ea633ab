//! Exceptions as the host sees them.

use core::fmt;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::{Context, Result, ensure, format_err};
use crate::gc::Rooted;
use crate::prelude::*;
use crate::store::{AsContext, AsContextMut, Store, StoreContextMut};
use crate::tag::Tag;
use crate::ty::{ExnType, HeapType};
use crate::val::Val;
use crate::vm::{Slot, VmStore};
use crate::wasm::TypeLookup;

/// The error of a call that an exception left, which is then the store's pending exception
/// ([`Store::take_pending_exception`]). Returned by a host function, throws the store's pending
/// exception on into whoever called it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThrownException;

impl fmt::Display for ThrownException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("thrown Wasm exception")
    }
}

impl core::error::Error for ThrownException {}

/// An exception.
#[derive(Debug)]
pub enum ExnRef {}

/// What [`ExnRef::new`] wants to know in advance: the type of the exceptions to be made.
#[derive(Clone, Debug)]
pub struct ExnRefPre {
    ty: ExnType,
}

impl ExnRefPre {
    /// Prepares to make exceptions of a type in a store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn new(store: impl AsContextMut, ty: ExnType) -> ExnRefPre {
        let store = store.as_context();
        assert!(Engine::same(ty.engine(), store.engine()), "type used with wrong engine");
        ExnRefPre { ty }
    }
}

impl ExnRef {
    /// Makes an exception.
    ///
    /// # Errors
    ///
    /// When the tag or the payload is of another type than `allocator`, or a [`Trap`](crate::Trap)
    /// when the store has too many exceptions.
    ///
    /// # Panics
    ///
    /// If the tag or a value belongs to another store.
    pub fn new(
        mut store: impl AsContextMut,
        allocator: &ExnRefPre,
        tag: &Tag,
        fields: &[Val],
    ) -> Result<Rooted<ExnRef>> {
        let mut store = store.as_context_mut();
        store.check_limiter_answers()?;
        ensure!(tag.ty(&store) == allocator.ty.tag_type(), "the tag has another type");
        let vm = store.0.vm_mut();
        let ty = vm.types().func_type(vm.tag(tag.0)).clone();
        let types = ty.params_slice();
        ensure!(
            fields.len() == types.len(),
            "expected {} fields, got {}",
            types.len(),
            fields.len()
        );
        let mut slots: Vec<Slot> = Vec::new();
        for (i, (field, ty)) in fields.iter().zip(types).enumerate() {
            let value = field.to_value();
            vm.check_value(value, *ty).with_context(|| format!("field {i}"))?;
            let count = ty.slots() as usize;
            slots.extend_from_slice(&vm.slots_of(value)[..count]);
        }
        Ok(Rooted::new(vm.new_host_exception(tag.0.index, &slots)?))
    }
}

impl ExnRef {
    /// Like [`ExnRef::new`], for those who wait. Exceptions are made without waiting.
    ///
    /// # Errors
    ///
    /// As for [`ExnRef::new`].
    ///
    /// # Panics
    ///
    /// As for [`ExnRef::new`].
    pub async fn new_async(
        mut store: impl AsContextMut,
        allocator: &ExnRefPre,
        tag: &Tag,
        fields: &[Val],
    ) -> Result<Rooted<ExnRef>> {
        store.as_context_mut().with_answers(|store| ExnRef::new(store, allocator, tag, fields))
    }
}

impl Rooted<ExnRef> {
    fn get<'a>(&self, vm: &'a VmStore) -> Result<(Tag, &'a [Slot])> {
        self.check(vm)?;
        let (tag, payload) =
            vm.exception(self.object).ok_or_else(|| format_err!("no such exception"))?;
        Ok((Tag::from_vm(tag), payload))
    }

    /// Its tag.
    ///
    /// # Errors
    ///
    /// When it belongs to another store or the handle's scope has ended, as for all methods here.
    pub fn tag(&self, mut store: impl AsContextMut) -> Result<Tag> {
        Ok(self.get(store.as_context_mut().0.vm())?.0)
    }

    /// Its type.
    ///
    /// # Errors
    ///
    /// When it belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ExnType> {
        let store = store.as_context();
        let tag = self.get(store.0.vm())?.0;
        ExnType::from_tag_type(&tag.ty(store))
    }

    /// Whether it has this type.
    ///
    /// # Errors
    ///
    /// When it belongs to another store.
    ///
    /// # Panics
    ///
    /// If the type belongs to another engine.
    pub fn matches_ty(&self, store: impl AsContext, ty: &HeapType) -> Result<bool> {
        Ok(HeapType::ConcreteExn(self.ty(store)?).matches(ty))
    }

    /// Its payload.
    ///
    /// # Errors
    ///
    /// When it belongs to another store.
    pub fn fields<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> Result<impl ExactSizeIterator<Item = Val> + 'a> {
        let mut store = store.into();
        let vm = store.0.vm_mut();
        let (tag, payload) = self.get(vm)?;
        let payload = payload.to_vec();
        let mut payload = &payload[..];
        let types = vm.types().func_type(vm.tag(tag.0)).clone();
        let mut values = Vec::with_capacity(types.params().len());
        for ty in types.params() {
            let (slots, rest) = payload.split_at(ty.slots() as usize);
            payload = rest;
            let slots = [slots[0], slots.get(1).copied().unwrap_or(0)];
            // SAFETY: the payload was checked against the tag's type, by validation or above.
            values.push(Val::from_value(unsafe { vm.value_from_slots(ty, slots) }));
        }
        Ok(values.into_iter())
    }

    /// A value of its payload.
    ///
    /// # Errors
    ///
    /// When it belongs to another store or has no such value.
    pub fn field(&self, mut store: impl AsContextMut, index: usize) -> Result<Val> {
        let mut fields = self.fields(store.as_context_mut())?;
        let count = fields.len();
        fields.nth(index).with_context(|| format!("no field {index}: there are {count}"))
    }
}

impl<T> StoreContextMut<'_, T> {
    /// Makes an exception the store's pending one and gives the error that a host function returns
    /// to throw it.
    ///
    /// # Errors
    ///
    /// Always, so that `return caller.as_context_mut().throw(exn)?` reads well.
    ///
    /// # Panics
    ///
    /// If the exception belongs to another store.
    pub fn throw<R>(&mut self, exception: Rooted<ExnRef>) -> Result<R> {
        self.0.vm_mut().set_thrown(exception.object);
        #[cfg(feature = "debug")]
        if let Some(debugger) = self.engine().config().own_debugger().cloned() {
            debugger.thrown(self.0.vm_mut());
        }
        Err(ThrownException.into())
    }

    /// Takes the exception that left the last call that failed with [`ThrownException`].
    pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
        self.0.vm_mut().take_thrown().map(Rooted::new)
    }

    /// Whether there is an exception to take.
    pub fn has_pending_exception(&self) -> bool {
        self.0.vm().exceptions.thrown != 0
    }
}

macro_rules! forward {
    ($($lender:ty),*) => {$(
        impl<T: 'static> $lender {
            /// Makes an exception the pending one; see [`StoreContextMut::throw`].
            ///
            /// # Errors
            ///
            /// Always.
            ///
            /// # Panics
            ///
            /// If the exception belongs to another store.
            pub fn throw<R>(&mut self, exception: Rooted<ExnRef>) -> Result<R> {
                self.as_context_mut().throw(exception)
            }

            /// Takes the exception that left the last call that failed with [`ThrownException`].
            pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
                self.as_context_mut().take_pending_exception()
            }

            /// Whether there is an exception to take.
            pub fn has_pending_exception(&self) -> bool {
                self.as_context().0.vm().exceptions.thrown != 0
            }
        }
    )*};
}

forward!(Store<T>, Caller<'_, T>);

static_assertions::assert_impl_all!(ThrownException: Send, Sync);
