//! Handles of what is in a store: plain data for C, to copy and forget. A handle is a store's number
//! and a place in the list of objects that C has seen of it, so that one from another store, or made
//! up, is an error.

use core::mem::MaybeUninit;

use threadle::{
    Error, Extern, Func, Global, Instance, Memory, Result, SharedMemory, StoreContextMut, Table,
    Tag, bail,
};

use super::error::MaybeError;
use super::shared::threadle_sharedmemory_t;
use super::store::threadle_context_t;
use crate::context::Data;
use crate::guard::{c_functions, given};
use crate::reference::Key;
use crate::types::wasm_externtype_t;
use crate::value::scoped;

/// A handle of anything.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Handle {
    /// Zero is no store: null.
    pub store_id: u64,
    pub index: u64,
}

impl Handle {
    pub(super) const NULL: Handle = Handle { store_id: 0, index: 0 };

    pub(super) fn new(data: &mut Data, key: Key) -> Handle {
        let (index, _) = data.handles.insert_full(key);
        Handle { store_id: data.id, index: index as u64 }
    }

    #[inline]
    fn key<'a>(&self, data: &'a Data) -> Result<&'a Key> {
        if self.store_id != data.id {
            return Err(foreign());
        }
        let index = usize::try_from(self.index).unwrap_or(usize::MAX);
        given(data.handles.get_index(index), "what the handle leads to")
    }
}

#[cold]
fn foreign() -> Error {
    Error::msg("the handle belongs to another store")
}

#[cold]
fn unlike(name: &str) -> Error {
    Error::msg(format!("the handle does not lead to {name}"))
}

macro_rules! kinds {
    ($($kind:ident($ty:ty) $get:ident $name:literal;)*) => {
        impl Handle {
            $(
                #[inline]
                pub(super) fn $get(&self, data: &Data) -> Result<$ty> {
                    match self.key(data)? {
                        Key::$kind(it) => Ok(*it),
                        _ => Err(unlike($name)),
                    }
                }
            )*
        }

        $(impl From<$ty> for Key {
            fn from(it: $ty) -> Key {
                Key::$kind(it)
            }
        })*
    };
}

kinds! {
    Func(Func) func "a function";
    Global(Global) global "a global";
    Table(Table) table "a table";
    Memory(Memory) memory "a memory";
    Tag(Tag) tag "a tag";
    Instance(Instance) instance "an instance";
}

#[repr(C)]
#[derive(Clone, Copy)]
union Item {
    handle: Handle,
    shared: *mut threadle_sharedmemory_t,
}

/// An import or export.
#[repr(C)]
pub struct threadle_extern_t {
    kind: u8,
    of: Item,
}

const FUNC: u8 = 0;
const GLOBAL: u8 = 1;
const TABLE: u8 = 2;
const MEMORY: u8 = 3;
const SHARED: u8 = 4;
const TAG: u8 = 5;

impl threadle_extern_t {
    pub(super) fn new(data: &mut Data, item: Extern) -> Result<threadle_extern_t> {
        let (kind, key) = match item {
            Extern::Func(it) => (FUNC, it.into()),
            Extern::Global(it) => (GLOBAL, it.into()),
            Extern::Table(it) => (TABLE, it.into()),
            Extern::Memory(it) => (MEMORY, it.into()),
            Extern::Tag(it) => (TAG, it.into()),
            Extern::SharedMemory(it) => return Ok(threadle_extern_t::shared(it)),
            _ => bail!("a kind of export that C does not know"),
        };
        Ok(threadle_extern_t { kind, of: Item { handle: Handle::new(data, key) } })
    }

    fn shared(memory: SharedMemory) -> threadle_extern_t {
        let shared = Box::into_raw(Box::new(threadle_sharedmemory_t { memory }));
        threadle_extern_t { kind: SHARED, of: Item { shared } }
    }

    pub(super) fn get(&self, data: &Data) -> Result<Extern> {
        if self.kind == SHARED {
            // SAFETY: the kind tells which field C wrote; C promises that the memory lives.
            let shared = unsafe { self.of.shared.as_ref() };
            return Ok(given(shared, "shared memory")?.memory.clone().into());
        }
        // SAFETY: all other kinds are handles, and any bits are one.
        let handle = unsafe { self.of.handle };
        Ok(match self.kind {
            FUNC => handle.func(data)?.into(),
            GLOBAL => handle.global(data)?.into(),
            TABLE => handle.table(data)?.into(),
            MEMORY => handle.memory(data)?.into(),
            TAG => handle.tag(data)?.into(),
            kind => bail!("there is no extern kind {kind}"),
        })
    }
}

c_functions! {
    fn threadle_extern_delete(item: Option<&mut threadle_extern_t>) {
        let item = given(item, "item")?;
        if item.kind == SHARED {
            // SAFETY: the kind tells which field is there; the item owns the memory.
            let shared = unsafe { core::mem::replace(&mut item.of.shared, core::ptr::null_mut()) };
            if !shared.is_null() {
                // SAFETY: it is a box that this library made.
                drop(unsafe { Box::from_raw(shared) });
            }
        }
        Ok(())
    }

    fn threadle_extern_type(
        context: Option<&threadle_context_t>,
        item: Option<&threadle_extern_t>,
    ) -> Option<Box<wasm_externtype_t>> {
        let item = given(item, "item")?;
        given(context, "context")?.with(|cx| {
            let item = item.get(cx.data())?;
            Ok(Some(Box::new(item.ty(cx).into())))
        })
    }
}

/// Where a function puts a handle.
pub(super) type Out<'a> = Option<&'a mut MaybeUninit<Handle>>;

/// Makes something in a store, of which C gets a handle. Its place holds null until then.
pub(super) fn made<T: Into<Key>>(
    out: Out<'_>,
    name: &str,
    context: Option<&threadle_context_t>,
    make: impl FnOnce(&mut StoreContextMut<'_, Data>) -> Result<T>,
) -> Result<MaybeError> {
    let out = given(out, name)?;
    out.write(Handle::NULL);
    scoped(given(context, "context")?, |cx| {
        let made = make(cx)?;
        out.write(Handle::new(cx.data_mut(), made.into()));
        Ok(MaybeError::NONE)
    })
}

/// The type of what a handle leads to.
pub(super) fn type_of<T: Into<wasm_externtype_t>>(
    context: Option<&threadle_context_t>,
    handle: Option<&Handle>,
    name: &str,
    ty: impl FnOnce(&mut StoreContextMut<'_, Data>, &Handle) -> Result<T>,
) -> Result<Option<Box<wasm_externtype_t>>> {
    given(context, "context")?.with(|cx| {
        let ty = ty(cx, given(handle, name)?)?;
        Ok(Some(Box::new(ty.into())))
    })
}
