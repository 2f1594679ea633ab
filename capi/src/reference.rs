//! `wasm_ref_t`: what C holds objects by. Functions, instances, modules, traps and the rest are one
//! Rust type, which C converts without ownership: `wasm_func_as_ref` returns its argument.

use core::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use threadle::{
    AnyRef, AsContextMut, ExnRef, Extern, ExternRef, Func, Global, HeapType, Instance, Memory,
    OwnedRooted, Ref, Result, Rooted, SharedMemory, StoreContextMut, Table, Tag, bail,
};

use crate::context::{Data, StoreCell, StoreRef};
use crate::foreign::{Finalizer, HostData};
use crate::guard::{c_functions, given};
use crate::module::ModuleObject;
use crate::trap::TrapObject;
use crate::types::is_extern;

/// A reference to an object, and the store that it is in.
#[derive(Clone)]
pub struct wasm_ref_t {
    /// Traps and modules can do without.
    pub(crate) store: Option<StoreRef>,
    pub(crate) kind: Kind,
}

/// What is referred to.
#[derive(Clone)]
pub(crate) enum Kind {
    Func(Func),
    Global(Global),
    Table(Table),
    Memory(Memory),
    Shared(SharedMemory),
    Tag(Tag),
    Instance(Instance),
    Module(Arc<ModuleObject>),
    Trap(Arc<TrapObject>),
    /// A host object; made by `wasm_foreign_new` or not.
    Foreign(OwnedRooted<ExternRef>),
    /// An object of the program.
    Any(OwnedRooted<AnyRef>),
    Exn(OwnedRooted<ExnRef>),
}

/// Which object of a store a host pointer is attached to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Func(Func),
    Global(Global),
    Table(Table),
    Memory(Memory),
    /// By its address.
    Shared(usize),
    Tag(Tag),
    Instance(Instance),
}

/// The host object behind a `wasm_foreign_t`.
struct ForeignObject {
    info: HostData,
}

/// Another reference in the place of a host object: a program can hold a function or an instance as
/// an `externref`. Without the store, which holds this and must not hold itself.
struct Wrapped(Kind);

/// One is enough: only the pointer is replaced under it.
pub(crate) type HostInfo = Mutex<HostData>;

impl wasm_ref_t {
    pub(crate) fn store(&self) -> Result<&StoreRef> {
        given(self.store.as_ref(), "store of the reference")
    }

    pub(crate) fn boxed(store: &StoreCell, kind: Kind) -> Box<wasm_ref_t> {
        Box::new(wasm_ref_t { store: Some(store.shared()), kind })
    }

    pub(crate) fn of_extern(store: &StoreCell, item: Extern) -> Result<Box<wasm_ref_t>> {
        let kind = match item {
            Extern::Func(it) => Kind::Func(it),
            Extern::Global(it) => Kind::Global(it),
            Extern::Table(it) => Kind::Table(it),
            Extern::Memory(it) => Kind::Memory(it),
            Extern::SharedMemory(it) => Kind::Shared(it),
            Extern::Tag(it) => Kind::Tag(it),
            _ => bail!("a kind of export that C does not know"),
        };
        Ok(wasm_ref_t::boxed(store, kind))
    }

    pub(crate) fn to_extern(&self) -> Result<Extern> {
        Ok(match &self.kind {
            Kind::Func(it) => (*it).into(),
            Kind::Global(it) => (*it).into(),
            Kind::Table(it) => (*it).into(),
            Kind::Memory(it) => (*it).into(),
            Kind::Shared(it) => it.clone().into(),
            Kind::Tag(it) => (*it).into(),
            _ => bail!("not something that can be imported"),
        })
    }

    /// The reference for a program, where one of type `ty` is wanted.
    pub(crate) fn to_ref(&self, cx: &mut StoreContextMut<'_, Data>, ty: &HeapType) -> Result<Ref> {
        Ok(match &self.kind {
            Kind::Foreign(object) => Ref::Extern(Some(object.to_rooted(cx))),
            kind if is_extern(ty) => Ref::Extern(Some(ExternRef::new(cx, Wrapped(kind.clone()))?)),
            Kind::Func(func) => Ref::Func(Some(*func)),
            Kind::Any(object) => Ref::Any(Some(object.to_rooted(cx))),
            Kind::Exn(object) => Ref::Exn(Some(object.to_rooted(cx))),
            _ => bail!("only host objects can be what is no function"),
        })
    }

    /// What a program's reference refers to; `None` for null.
    pub(crate) fn of_ref(
        store: &StoreCell,
        cx: &mut StoreContextMut<'_, Data>,
        reference: Ref,
    ) -> Result<Option<Box<wasm_ref_t>>> {
        let kind = match reference {
            Ref::Func(func) => func.map(Kind::Func),
            Ref::Extern(None) => None,
            Ref::Extern(Some(object)) => Some(Kind::of_host_object(cx, object)?),
            Ref::Any(None) => None,
            Ref::Any(Some(object)) => Some(Kind::Any(object.to_owned_rooted(cx)?)),
            Ref::Exn(None) => None,
            Ref::Exn(Some(object)) => Some(Kind::Exn(object.to_owned_rooted(cx)?)),
            _ => bail!("a kind of reference that C does not know"),
        };
        Ok(kind.map(|kind| wasm_ref_t::boxed(store, kind)))
    }

    fn same(&self, other: &wasm_ref_t) -> Result<bool> {
        let with_store = |same: &dyn Fn(&mut StoreContextMut<'_, Data>) -> Result<bool>| {
            self.store()?.with(|cx| same(&mut threadle::RootScope::new(cx).as_context_mut()))
        };
        Ok(match (&self.kind, &other.kind) {
            (Kind::Module(a), Kind::Module(b)) => Arc::ptr_eq(a, b),
            (Kind::Trap(a), Kind::Trap(b)) => Arc::ptr_eq(a, b),
            (Kind::Foreign(a), Kind::Foreign(b)) => with_store(&|cx| same_object(cx, a, b))?,
            (Kind::Any(a), Kind::Any(b)) => with_store(&|cx| same_object(cx, a, b))?,
            (Kind::Exn(a), Kind::Exn(b)) => with_store(&|cx| same_object(cx, a, b))?,
            (a, b) => a.key().is_some_and(|key| b.key() == Some(key)),
        })
    }

    /// Uses the pointer that C attached to the object; `None` if it can have none.
    fn info<R>(&self, body: impl FnOnce(&mut HostData) -> R) -> Result<Option<R>> {
        let locked = |info: &HostInfo, body: &mut dyn FnMut(&mut HostData)| {
            body(&mut info.lock().unwrap_or_else(PoisonError::into_inner));
        };
        let (mut body, mut result) = (Some(body), None);
        let mut once = |info: &mut HostData| result = body.take().map(|body| body(info));
        match &self.kind {
            Kind::Module(module) => locked(&module.info, &mut once),
            Kind::Trap(trap) => locked(&trap.info, &mut once),
            Kind::Foreign(object) => self.store()?.with(|cx| {
                let mut scope = threadle::RootScope::new(cx);
                let object = object.to_rooted(&mut scope);
                let data = object.data_mut(&mut scope)?;
                if let Some(object) = data.and_then(|it| it.downcast_mut::<ForeignObject>()) {
                    once(&mut object.info);
                }
                Ok(())
            })?,
            kind => {
                if let Some(key) = kind.key() {
                    self.store()?.with(|cx| {
                        let infos = &mut cx.data_mut().host_info;
                        once(infos.entry(key).or_insert(HostData::NONE));
                        Ok(())
                    })?;
                }
            }
        }
        Ok(result)
    }

    fn set_info(&self, info: HostData) -> Result<()> {
        // What was there before is dropped last: its finalizer may use the store.
        let mut info = Some(info);
        let before = self.info(|place| info.take().map(|info| core::mem::replace(place, info)))?;
        drop(before);
        drop(info);
        Ok(())
    }
}

/// Whether two handles lead to the same object.
fn same_object<R>(
    cx: &mut StoreContextMut<'_, Data>,
    a: &OwnedRooted<R>,
    b: &OwnedRooted<R>,
) -> Result<bool> {
    let (a, b) = (a.to_rooted(&mut *cx), b.to_rooted(&mut *cx));
    Rooted::ref_eq(&*cx, &a, &b)
}

impl Kind {
    fn of_host_object(
        cx: &mut StoreContextMut<'_, Data>,
        object: Rooted<ExternRef>,
    ) -> Result<Kind> {
        let data = object.data(&*cx)?;
        if let Some(Wrapped(kind)) = data.and_then(|it| it.downcast_ref::<Wrapped>()) {
            return Ok(kind.clone());
        }
        Ok(Kind::Foreign(object.to_owned_rooted(cx)?))
    }

    /// Under what the store keeps the pointer that C attached, if the store keeps it.
    fn key(&self) -> Option<Key> {
        Some(match self {
            Kind::Func(it) => Key::Func(*it),
            Kind::Global(it) => Key::Global(*it),
            Kind::Table(it) => Key::Table(*it),
            Kind::Memory(it) => Key::Memory(*it),
            Kind::Shared(it) => Key::Shared(it.data().as_ptr().addr()),
            Kind::Tag(it) => Key::Tag(*it),
            Kind::Instance(it) => Key::Instance(*it),
            Kind::Module(_) | Kind::Trap(_) | Kind::Foreign(_) | Kind::Any(_) | Kind::Exn(_) => {
                return None;
            }
        })
    }
}

type Handle<'a> = Option<&'a wasm_ref_t>;

c_functions! {
    fn wasm_foreign_new(store: Option<&crate::engine::wasm_store_t>) -> Option<Box<wasm_ref_t>> {
        let store = &given(store, "store")?.cell;
        store.with(|cx| {
            let mut scope = threadle::RootScope::new(cx);
            let object = ExternRef::new(&mut scope, ForeignObject { info: HostData::NONE })?;
            let object = object.to_owned_rooted(&mut scope)?;
            Ok(Some(wasm_ref_t::boxed(store, Kind::Foreign(object))))
        })
    }
}

/// What all references have.
macro_rules! bases {
    ($($delete:ident $copy:ident $same:ident $get_info:ident $set_info:ident
        $set_info_with_finalizer:ident;)*) => {
        c_functions! {$(
            fn $delete(reference: Option<Box<wasm_ref_t>>) {
                drop(reference);
                Ok(())
            }

            fn $copy(reference: Handle<'_>) -> Option<Box<wasm_ref_t>> {
                Ok(Some(Box::new(given(reference, "reference")?.clone())))
            }

            fn $same(a: Handle<'_>, b: Handle<'_>) -> bool {
                match (a, b) {
                    (Some(a), Some(b)) => a.same(b),
                    (a, b) => Ok(a.is_none() && b.is_none()),
                }
            }

            fn $get_info(reference: Handle<'_>) -> *mut c_void {
                let info = given(reference, "reference")?.info(|info| info.data)?;
                Ok(info.unwrap_or(core::ptr::null_mut()))
            }

            fn $set_info(reference: Handle<'_>, data: *mut c_void) {
                let reference = given(reference, "reference")?;
                reference.set_info(HostData { data, finalizer: None })
            }

            fn $set_info_with_finalizer(
                reference: Handle<'_>,
                data: *mut c_void,
                finalizer: Finalizer,
            ) {
                let reference = given(reference, "reference")?;
                reference.set_info(HostData { data, finalizer })
            }
        )*}
    };
}

bases! {
    wasm_ref_delete wasm_ref_copy wasm_ref_same wasm_ref_get_host_info wasm_ref_set_host_info
        wasm_ref_set_host_info_with_finalizer;
    wasm_trap_delete wasm_trap_copy wasm_trap_same wasm_trap_get_host_info wasm_trap_set_host_info
        wasm_trap_set_host_info_with_finalizer;
    wasm_foreign_delete wasm_foreign_copy wasm_foreign_same wasm_foreign_get_host_info
        wasm_foreign_set_host_info wasm_foreign_set_host_info_with_finalizer;
    wasm_module_delete wasm_module_copy wasm_module_same wasm_module_get_host_info
        wasm_module_set_host_info wasm_module_set_host_info_with_finalizer;
    wasm_func_delete wasm_func_copy wasm_func_same wasm_func_get_host_info wasm_func_set_host_info
        wasm_func_set_host_info_with_finalizer;
    wasm_global_delete wasm_global_copy wasm_global_same wasm_global_get_host_info
        wasm_global_set_host_info wasm_global_set_host_info_with_finalizer;
    wasm_table_delete wasm_table_copy wasm_table_same wasm_table_get_host_info
        wasm_table_set_host_info wasm_table_set_host_info_with_finalizer;
    wasm_memory_delete wasm_memory_copy wasm_memory_same wasm_memory_get_host_info
        wasm_memory_set_host_info wasm_memory_set_host_info_with_finalizer;
    wasm_extern_delete wasm_extern_copy wasm_extern_same wasm_extern_get_host_info
        wasm_extern_set_host_info wasm_extern_set_host_info_with_finalizer;
    wasm_instance_delete wasm_instance_copy wasm_instance_same wasm_instance_get_host_info
        wasm_instance_set_host_info wasm_instance_set_host_info_with_finalizer;
}

/// Conversions that return their argument, if it is of one of the kinds.
macro_rules! conversions {
    ($($up:ident $up_const:ident $down:ident $down_const:ident: $($kind:ident)|+;)*) => {
        c_functions! {$(
            fn $up(reference: Handle<'_>) -> Handle<'_> {
                Ok(reference)
            }

            fn $up_const(reference: Handle<'_>) -> Handle<'_> {
                Ok(reference)
            }

            fn $down(reference: Handle<'_>) -> Handle<'_> {
                Ok(reference.filter(|it| matches!(it.kind, $(Kind::$kind(_))|+)))
            }

            fn $down_const(reference: Handle<'_>) -> Handle<'_> {
                Ok(reference.filter(|it| matches!(it.kind, $(Kind::$kind(_))|+)))
            }
        )*}
    };
}

conversions! {
    wasm_trap_as_ref wasm_trap_as_ref_const wasm_ref_as_trap wasm_ref_as_trap_const: Trap;
    wasm_foreign_as_ref wasm_foreign_as_ref_const wasm_ref_as_foreign wasm_ref_as_foreign_const:
        Foreign;
    wasm_module_as_ref wasm_module_as_ref_const wasm_ref_as_module wasm_ref_as_module_const: Module;
    wasm_func_as_ref wasm_func_as_ref_const wasm_ref_as_func wasm_ref_as_func_const: Func;
    wasm_global_as_ref wasm_global_as_ref_const wasm_ref_as_global wasm_ref_as_global_const: Global;
    wasm_table_as_ref wasm_table_as_ref_const wasm_ref_as_table wasm_ref_as_table_const: Table;
    wasm_memory_as_ref wasm_memory_as_ref_const wasm_ref_as_memory wasm_ref_as_memory_const:
        Memory | Shared;
    wasm_instance_as_ref wasm_instance_as_ref_const wasm_ref_as_instance wasm_ref_as_instance_const:
        Instance;
    wasm_extern_as_ref wasm_extern_as_ref_const wasm_ref_as_extern wasm_ref_as_extern_const:
        Func | Global | Table | Memory | Shared | Tag;
    wasm_func_as_extern wasm_func_as_extern_const wasm_extern_as_func wasm_extern_as_func_const:
        Func;
    wasm_global_as_extern wasm_global_as_extern_const wasm_extern_as_global
        wasm_extern_as_global_const: Global;
    wasm_table_as_extern wasm_table_as_extern_const wasm_extern_as_table wasm_extern_as_table_const:
        Table;
    wasm_memory_as_extern wasm_memory_as_extern_const wasm_extern_as_memory
        wasm_extern_as_memory_const: Memory | Shared;
}
