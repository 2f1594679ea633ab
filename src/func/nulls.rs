//! Types that have no value but null, and handles that outlive their scope, in typed calls.

use core::convert::Infallible;

use super::typed::WasmTy;
use crate::exn::ExnRef;
use crate::gc::{AnyRef, ArrayRef, EqRef, OwnedRooted, StructRef};
use crate::types::{HeapType, RefType, ValType};
use crate::val::{ExternRef, Ref, Val};
use crate::vm::handle::StoreId;
use crate::vm::{Slot, VmStore};

macro_rules! nulls {
    ($($name:ident $heap:ident $variant:ident $val:ident $text:literal;)*) => {$(
        #[doc = concat!("A reference of type `(ref ", $text, ")`, of which there is none: what is")]
        #[doc = concat!("`(ref null ", $text, ")` in WebAssembly is `Option<", stringify!($name), ">` here.")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name {
            never: Infallible,
        }

        impl $name {
            /// The null.
            pub fn null() -> Option<$name> {
                None
            }

            /// The null, as a [`Ref`].
            pub fn null_ref() -> Ref {
                Ref::$variant(None)
            }

            /// The null, as a [`Val`].
            pub fn null_val() -> Val {
                Val::$val(None)
            }
        }

        // SAFETY: there is no value to store, and no slot holds one to load.
        unsafe impl WasmTy for $name {
            const SLOTS: usize = 1;
            const MAKES_HANDLES: bool = false;

            fn valtype() -> ValType {
                ValType::Ref(RefType::new(false, HeapType::$heap))
            }

            unsafe fn load(_store: *mut VmStore, _at: *const Slot) -> $name {
                panic!(concat!("a value of type (ref ", $text, "), of which there is none"))
            }

            unsafe fn store(self, _store: *const VmStore, _at: *mut Slot) {
                match self.never {}
            }
        }

        // SAFETY: the null of every hierarchy is zero.
        unsafe impl WasmTy for Option<$name> {
            const SLOTS: usize = 1;
            const MAKES_HANDLES: bool = false;

            fn valtype() -> ValType {
                ValType::Ref(RefType::new(true, HeapType::$heap))
            }

            #[inline]
            unsafe fn load(_store: *mut VmStore, _at: *const Slot) -> Option<$name> {
                None
            }

            #[inline]
            unsafe fn store(self, _store: *const VmStore, at: *mut Slot) {
                // SAFETY: the caller's promise.
                unsafe { at.write(0) }
            }
        }
    )*};
}

nulls! {
    NoFunc NoFunc Func FuncRef "nofunc";
    NoExtern NoExtern Extern ExternRef "noextern";
    NoneRef None Any AnyRef "none";
}

macro_rules! owned {
    ($($ty:ident $heap:ident;)*) => {$(
        // SAFETY: a reference is its slot, which the handle keeps alive, and zero is null.
        unsafe impl WasmTy for Option<OwnedRooted<$ty>> {
            const SLOTS: usize = 1;

            fn valtype() -> ValType {
                ValType::Ref(RefType::new(true, HeapType::$heap))
            }

            #[inline]
            fn belongs_to(&self, store: StoreId) -> bool {
                self.as_ref().is_none_or(|value| value.belongs_to(store))
            }

            #[inline]
            unsafe fn load(store: *mut VmStore, at: *const Slot) -> Option<OwnedRooted<$ty>> {
                // SAFETY: the caller's promise: a reference of this type and store.
                unsafe { (*store).own_slot(at.read()) }.map(OwnedRooted::from_owned)
            }

            #[inline]
            unsafe fn store(self, _store: *const VmStore, at: *mut Slot) {
                let slot = self.as_ref().map_or(0, |value| value.owned().slot());
                // SAFETY: the caller's promise. The callee reads the slot before anything is
                // collected, since entering a function does not collect.
                unsafe { at.write(slot) }
            }
        }

        // SAFETY: as above.
        unsafe impl WasmTy for OwnedRooted<$ty> {
            const SLOTS: usize = 1;

            fn valtype() -> ValType {
                ValType::Ref(RefType::new(false, HeapType::$heap))
            }

            #[inline]
            fn belongs_to(&self, store: StoreId) -> bool {
                self.owned().store() == store
            }

            #[inline]
            unsafe fn load(store: *mut VmStore, at: *const Slot) -> OwnedRooted<$ty> {
                // SAFETY: the caller's promise.
                unsafe { <Option<OwnedRooted<$ty>> as WasmTy>::load(store, at) }
                    .expect("the type is not nullable")
            }

            #[inline]
            unsafe fn store(self, store: *const VmStore, at: *mut Slot) {
                // SAFETY: the caller's promise.
                unsafe { <Option<OwnedRooted<$ty>> as WasmTy>::store(Some(self), store, at) }
            }
        }
    )*};
}

owned! {
    ExternRef Extern;
    AnyRef Any;
    EqRef Eq;
    StructRef Struct;
    ArrayRef Array;
    ExnRef Exn;
}
