//! What a host function knows about its call.

use crate::engine::Engine;
use crate::error::Result;
use crate::extern_::Extern;
use crate::gc::GcHeapOutOfMemory;
use crate::instance::Instance;
use crate::module::ModuleExport;
use crate::store::{AsContext, AsContextMut, StoreContext, StoreContextMut};
use crate::vm::owner::CallSite;

/// The first parameter of a host function that wants it: the store it runs in, and the instance
/// that called it. Two pointers.
///
/// Data of another type will not do, even if only lifetimes differ.
///
/// ```compile_fail
/// use threadle::Caller;
///
/// fn longer<'c>(caller: Caller<'c, for<'a> fn(&'a str)>) -> Caller<'c, fn(&'static str)> {
///     caller
/// }
/// ```
///
/// ```compile_fail
/// use threadle::Caller;
///
/// fn shorter<'c>(caller: Caller<'c, fn(&'static str)>) -> Caller<'c, for<'a> fn(&'a str)> {
///     caller
/// }
/// ```
pub struct Caller<'a, T: 'static> {
    pub(crate) store: StoreContextMut<'a, T>,
    pub(crate) site: CallSite<'a>,
}

impl<T: 'static> Caller<'_, T> {
    /// The instance that called; `None` if the host called the function directly.
    pub fn instance(&self) -> Option<Instance> {
        self.site.instance(self.store.0.vm().id()).map(Instance)
    }

    /// The export of the calling instance with this name. This is how a host function gets at the
    /// memory of whoever calls it.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        self.instance()?.get_export(&mut self.store, name)
    }

    /// The export of the calling instance at a place; `None` if it is another module's.
    pub fn get_module_export(&mut self, export: &ModuleExport) -> Option<Extern> {
        self.instance()?.get_module_export(&mut self.store, export)
    }

    /// The store's data.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The store's data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// See [`Store::gc`](crate::Store::gc).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn gc(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        self.store.gc(why)
    }

    /// Like [`Caller::gc`], for those who wait.
    ///
    /// # Errors
    ///
    /// None today.
    pub async fn gc_async(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        self.store.gc_async(why).await
    }

    /// Memory of the garbage-collected heap, in bytes.
    pub fn gc_heap_capacity(&self) -> usize {
        self.store.as_context().gc_stats().heap_bytes
    }

    /// The engine that the store belongs to.
    pub fn engine(&self) -> &Engine {
        self.store.engine()
    }
}

impl<T: 'static> AsContext for Caller<'_, T> {
    type Data = T;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        self.store.as_context()
    }
}

impl<T: 'static> AsContextMut for Caller<'_, T> {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.store.as_context_mut()
    }
}

static_assertions::assert_eq_size!(Caller<'_, ()>, [usize; 2]);
