//! Values and references of a store: their types, and their way into slots and back.

use super::handle::FuncRef;
use super::heap::{is_i31, kind};
use super::value::{Held, HeldRef, ObjectRef, OwnedRef, Value};
use super::{Slot, VmStore};
use crate::error::{Result, ensure};
use crate::index::TypeId;
use crate::types::{HeapType, RefType, ValType};
use crate::wasm::TypeLookup;

impl Value {
    /// The default value of a type: zero or null. `None` for references that cannot be null.
    pub fn default_for(store: &mut VmStore, ty: ValType) -> Option<Value> {
        // SAFETY: all-zero slots are a value of every type that has a default.
        ty.is_defaultable().then(|| unsafe { store.value_from_slots(ty, [0, 0]) })
    }
}

impl VmStore {
    /// A handle to what a slot refers to; `None` for null. The handle is good until the host
    /// function that is running returns, or for as long as the store if none is.
    pub(super) fn root(&mut self, slot: Slot) -> Option<ObjectRef> {
        (slot != 0).then(|| ObjectRef { store: self.id(), root: self.roots.push(slot) })
    }

    /// The handle for an `i31`.
    pub fn root_i31(&mut self, value: u32) -> ObjectRef {
        self.root(super::heap::i31_slot(value)).expect("not null")
    }

    /// Makes room for handles.
    pub fn reserve_roots(&mut self, additional: usize) {
        self.roots.reserve(additional);
    }

    /// Keeps the object that a slot refers to alive; `None` for null.
    ///
    /// # Safety
    ///
    /// The slot holds a live reference of this store, not to a function.
    pub unsafe fn own_slot(&mut self, slot: Slot) -> Option<OwnedRef> {
        (slot != 0).then(|| OwnedRef { store: self.id(), slot, _alive: self.roots.own(slot) })
    }

    /// How many handles there are, for [`VmStore::end_scope`].
    pub fn roots_len(&self) -> usize {
        self.roots.len()
    }

    /// Ends all handles but the first `len`.
    pub fn end_scope(&mut self, len: usize) {
        self.roots.truncate(len);
    }

    /// The reference behind a handle, as handlers know it.
    ///
    /// # Panics
    ///
    /// If the handle belongs to another store, or its scope has ended.
    #[track_caller]
    pub fn slot_of(&self, object: &impl HeldRef) -> Slot {
        self.assert_owns(object.store());
        match object.held() {
            Held::Root(root) => self.roots.get(root).expect("the handle's scope has ended"),
            Held::Slot(slot) => slot,
        }
    }

    /// Whether the handle can still be used with this store.
    pub fn is_alive(&self, object: ObjectRef) -> bool {
        object.store == self.id() && self.roots.get(object.root).is_some()
    }

    /// Keeps what a handle refers to alive for as long as the result and its clones.
    ///
    /// # Panics
    ///
    /// As for [`VmStore::slot_of`].
    #[track_caller]
    pub fn own(&mut self, object: ObjectRef) -> OwnedRef {
        let slot = self.slot_of(&object);
        OwnedRef { store: self.id(), slot, _alive: self.roots.own(slot) }
    }

    /// A handle to what [`VmStore::own`] keeps alive.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    #[track_caller]
    pub fn root_owned(&mut self, owned: &OwnedRef) -> ObjectRef {
        self.assert_owns(owned.store);
        self.root(owned.slot).expect("not null")
    }

    /// The value of an `i31`, if the handle is to one.
    #[track_caller]
    pub fn i31_value(&self, object: &impl HeldRef) -> Option<u32> {
        let slot = self.slot_of(object);
        is_i31(slot).then_some(slot as u32 >> 1)
    }

    /// A value from its slots, of which numbers and references use the first only.
    ///
    /// # Safety
    ///
    /// The slots hold a value of type `ty` of this store.
    pub unsafe fn value_from_slots(&mut self, ty: ValType, slots: [Slot; 2]) -> Value {
        let [slot, high] = slots;
        match ty {
            ValType::I32 => Value::I32(slot as i32),
            ValType::I64 => Value::I64(slot as i64),
            ValType::F32 => Value::F32(slot as u32),
            ValType::F64 => Value::F64(slot),
            ValType::V128 => Value::V128(u128::from(slot) | u128::from(high) << 64),
            // SAFETY: the caller's promise.
            ValType::Ref(ty) => unsafe { self.reference_from_slot(ty, slot) },
        }
    }

    /// A reference from its slot.
    ///
    /// # Safety
    ///
    /// The slot holds a reference of type `ty` of this store.
    pub unsafe fn reference_from_slot(&mut self, ty: RefType, slot: Slot) -> Value {
        // SAFETY: the caller's promise.
        unsafe {
            match self.types().top(ty.heap_type()) {
                HeapType::Func => Value::Func(FuncRef::from_slot(self.id(), slot)),
                HeapType::Extern => Value::Extern(self.root(slot)),
                HeapType::Exn => Value::Exn(self.root(slot)),
                _ => Value::Any(self.root(slot)),
            }
        }
    }

    /// The slots of a value.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    #[track_caller]
    pub fn slots_of(&self, value: Value) -> [Slot; 2] {
        if let Some(owner) = value.owner() {
            self.assert_owns(owner);
        }
        match value {
            Value::I32(value) => [u64::from(value as u32), 0],
            Value::I64(value) => [value as u64, 0],
            Value::F32(bits) => [u64::from(bits), 0],
            Value::F64(bits) => [bits, 0],
            Value::V128(value) => [value as u64, (value >> 64) as u64],
            Value::Func(func) => [func.map_or(0, FuncRef::to_slot), 0],
            Value::Extern(object) | Value::Any(object) | Value::Exn(object) => {
                [object.map_or(0, |object| self.slot_of(&object)), 0]
            }
        }
    }

    /// Whether the value can be used with this store, as far as the store is concerned.
    pub fn owns_value(&self, value: Value) -> bool {
        value.owner().is_none_or(|owner| owner == self.id())
    }

    /// Checks that a value can be used with this store.
    ///
    /// # Errors
    ///
    /// When it belongs to another store, or its handle's scope has ended.
    pub fn check_usable(&self, value: Value) -> Result<()> {
        ensure!(self.owns_value(value), "value used with wrong store");
        if let Value::Extern(Some(object)) | Value::Any(Some(object)) | Value::Exn(Some(object)) =
            value
        {
            ensure!(self.is_alive(object), "the handle's scope has ended");
        }
        Ok(())
    }

    /// Checks that a value has a type.
    ///
    /// # Errors
    ///
    /// When it has another type, belongs to another store, or its handle's scope has ended.
    pub fn check_value(&self, value: Value, ty: ValType) -> Result<()> {
        self.check_usable(value)?;
        ensure!(
            self.value_matches(value, ty),
            "type mismatch: expected {ty}, found {}",
            self.type_of(value)
        );
        Ok(())
    }

    fn value_matches(&self, value: Value, ty: ValType) -> bool {
        match (value, ty) {
            (Value::I32(_), ValType::I32)
            | (Value::I64(_), ValType::I64)
            | (Value::F32(_), ValType::F32)
            | (Value::F64(_), ValType::F64)
            | (Value::V128(_), ValType::V128) => true,
            (
                Value::Func(_) | Value::Extern(_) | Value::Any(_) | Value::Exn(_),
                ValType::Ref(_),
            ) => self.types().val_matches(self.type_of(value), ty),
            _ => false,
        }
    }

    /// Whether the reference in a slot has this type.
    ///
    /// # Safety
    ///
    /// The slot holds a live reference of this store, of the hierarchy of the type.
    pub unsafe fn reference_matches(&self, slot: Slot, ty: RefType) -> bool {
        if slot == 0 {
            return ty.is_nullable();
        }
        let exact = match self.types().top(ty.heap_type()) {
            // SAFETY: the caller's promise.
            HeapType::Func => match unsafe { FuncRef::from_slot(self.id(), slot) } {
                Some(func) => HeapType::Concrete(TypeId(self.func(func).type_id)),
                None => HeapType::NoFunc,
            },
            // SAFETY: the caller's promise.
            HeapType::Any => unsafe { self.any_type_of(slot) },
            top => top,
        };
        self.types().heap_matches(exact, ty.heap_type())
    }

    /// The most exact type of a value that is known.
    pub fn type_of(&self, value: Value) -> ValType {
        let reference = |null: bool, bottom, exact| {
            ValType::Ref(if null { RefType::new(true, bottom) } else { RefType::new(false, exact) })
        };
        match value {
            Value::I32(_) => ValType::I32,
            Value::I64(_) => ValType::I64,
            Value::F32(_) => ValType::F32,
            Value::F64(_) => ValType::F64,
            Value::V128(_) => ValType::V128,
            Value::Func(None) => reference(true, HeapType::NoFunc, HeapType::Func),
            Value::Func(Some(func)) => {
                let id = TypeId(self.func(func).type_id);
                reference(false, HeapType::NoFunc, HeapType::Concrete(id))
            }
            Value::Extern(object) => {
                reference(object.is_none(), HeapType::NoExtern, HeapType::Extern)
            }
            Value::Any(object) => {
                let exact = object.map_or(HeapType::Any, |object| self.any_type(&object));
                reference(object.is_none(), HeapType::None, exact)
            }
            Value::Exn(object) => reference(object.is_none(), HeapType::NoExn, HeapType::Exn),
        }
    }

    /// The most exact type that is known of an object of the `any` hierarchy.
    #[track_caller]
    pub fn any_type(&self, object: &impl HeldRef) -> HeapType {
        // SAFETY: handles hold live references.
        unsafe { self.any_type_of(self.slot_of(object)) }
    }

    /// The same, of a reference in a slot.
    ///
    /// # Safety
    ///
    /// The slot holds a live reference of this store, not to a function.
    unsafe fn any_type_of(&self, slot: Slot) -> HeapType {
        if is_i31(slot) {
            return HeapType::I31;
        }
        // SAFETY: the caller's promise.
        match unsafe { self.header_of(slot) } {
            Some(header) if header.kind() != kind::EXTERN => HeapType::Concrete(header.type_id()),
            _ => HeapType::Any,
        }
    }
}
