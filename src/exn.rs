//! Exceptions as the host sees them.

use core::fmt;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::{Context, Result, ensure, format_err};
use crate::gc::Rooted;
use crate::store::{AsContext, AsContextMut, Store, StoreContextMut};
use crate::tag::Tag;
use crate::types::{FuncType, TagType, ValType};
use crate::val::Val;
use crate::vm::{Slot, VmStore};

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

impl std::error::Error for ThrownException {}

/// An exception.
#[derive(Debug)]
pub enum ExnRef {}

/// The type of exceptions with the same payload: a signature without results.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ExnType {
    ty: FuncType,
}

impl ExnType {
    /// Exceptions with such a payload.
    ///
    /// # Errors
    ///
    /// When the payload has more values than this engine allows.
    pub fn new(engine: &Engine, fields: impl IntoIterator<Item = ValType>) -> Result<ExnType> {
        let ty = FuncType::new(fields, []);
        engine.intern(&ty)?;
        Ok(ExnType { ty })
    }

    /// Exceptions with this tag.
    ///
    /// # Errors
    ///
    /// When the tag has results: such tags are not for exceptions.
    pub fn from_tag_type(tag: &TagType) -> Result<ExnType> {
        ensure!(tag.ty().results().len() == 0, "exceptions have no results");
        Ok(ExnType { ty: tag.ty().clone() })
    }

    /// The type of tags of such exceptions.
    pub fn tag_type(&self) -> TagType {
        TagType::new(self.ty.clone())
    }

    /// The types of the payload.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = ValType> + '_ {
        self.ty.params()
    }
}

/// What [`ExnRef::new`] wants to know in advance: the type of the exceptions to be made.
#[derive(Clone, Debug)]
pub struct ExnRefPre {
    ty: ExnType,
}

impl ExnRefPre {
    /// Prepares to make exceptions of a type in a store.
    pub fn new(_store: impl AsContextMut, ty: ExnType) -> ExnRefPre {
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
        let vm = store.0.vm_mut();
        let (_, ty) = vm.tag(tag.0);
        ensure!(*ty.ty() == allocator.ty.ty, "the tag has another type");
        let types = ty.ty().params_slice();
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

    /// Its payload.
    ///
    /// # Errors
    ///
    /// When it belongs to another store.
    pub fn fields(
        &self,
        mut store: impl AsContextMut,
    ) -> Result<impl ExactSizeIterator<Item = Val>> {
        let mut store = store.as_context_mut();
        let vm = store.0.vm_mut();
        let (tag, payload) = self.get(vm)?;
        let payload = payload.to_vec();
        let mut payload = &payload[..];
        let types = vm.tag(tag.0).1.ty().clone();
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
    pub fn field(&self, store: impl AsContextMut, index: usize) -> Result<Val> {
        let mut fields = self.fields(store)?;
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
    pub fn throw<R>(&mut self, exception: Rooted<ExnRef>) -> Result<R, ThrownException> {
        self.0.vm_mut().set_thrown(exception.object);
        Err(ThrownException)
    }

    /// Takes the exception that left the last call that failed with [`ThrownException`].
    pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
        self.0.vm_mut().take_thrown().map(Rooted::new)
    }

    /// Is there an exception to take?
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
            pub fn throw<R>(&mut self, exception: Rooted<ExnRef>) -> Result<R, ThrownException> {
                self.as_context_mut().throw(exception)
            }

            /// Takes the exception that left the last call that failed with [`ThrownException`].
            pub fn take_pending_exception(&mut self) -> Option<Rooted<ExnRef>> {
                self.as_context_mut().take_pending_exception()
            }

            /// Is there an exception to take?
            pub fn has_pending_exception(&self) -> bool {
                self.as_context().0.vm().exceptions.thrown != 0
            }
        }
    )*};
}

forward!(Store<T>, Caller<'_, T>);

static_assertions::assert_impl_all!(ThrownException: Send, Sync);
