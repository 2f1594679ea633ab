//! Stores: where instances and everything they own live.

use crate::engine::Engine;
use crate::error::{Error, Result, ensure};
use crate::exec;
use crate::extern_::Extern;
use crate::gc::GcHeapOutOfMemory;
use crate::limits::{ResourceLimiter, ResourceLimiterAsync};
use crate::metering::UpdateDeadline;
use crate::pool::Share;
use crate::prelude::*;
use crate::ty::ValType;
use crate::types;
use crate::vm::VmStore;
use crate::vm::awaited::{Later, LaterAnswer};
use crate::vm::context::Resource;
use crate::vm::external::External;
use crate::vm::memory::Growth;
use crate::vm::metering::Deadline;
use crate::vm::owner::{Embedder, StoreMut, StoreOwner, StoreRef};

pub(crate) mod hook;

use hook::Hook;

/// A store: instances, functions, memories, tables and globals, with data `T` of the embedder's
/// own, which host functions reach through [`Caller`](crate::Caller).
///
/// A store of data of one type is none of another, even if the types differ in lifetimes only.
///
/// ```compile_fail
/// use threadle::Store;
///
/// fn longer(store: Store<for<'a> fn(&'a str)>) -> Store<fn(&'static str)> {
///     store
/// }
/// ```
///
/// ```compile_fail
/// use threadle::Store;
///
/// fn shorter(store: Store<fn(&'static str)>) -> Store<for<'a> fn(&'a str)> {
///     store
/// }
/// ```
///
/// Objects of a store live until it is dropped. Handles to them ([`Func`](crate::Func),
/// [`Memory`](crate::Memory) and so on) are small and `Copy`, and using one with another store
/// panics.
pub struct Store<T: 'static> {
    owner: StoreOwner<StoreInner<T>>,
}

/// What the garbage-collected heap of a store uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GcStats {
    /// Memory of the heap, in bytes. It does not shrink.
    pub heap_bytes: usize,
    /// What the last collection left, in bytes.
    pub live_bytes: usize,
    /// Collections so far.
    pub collections: u64,
}

/// What the store keeps of the embedder's.
pub(crate) struct StoreInner<T: 'static> {
    data: T,
    engine: Engine,
    limiter: Option<Limiter<T>>,
    /// What an asynchronous limiter answers has been found out already.
    answered: bool,
    /// What is done at an epoch's deadline; `None` traps.
    deadline: Option<DeadlineCallback<T>>,
    /// Is told when code is entered and left.
    hook: Option<Hook<T>>,
    /// What the store's instances have of the engine's pool.
    shares: Vec<Share>,
}

type DeadlineCallback<T> =
    Box<dyn FnMut(StoreContextMut<'_, T>) -> Result<UpdateDeadline> + Send + Sync>;

impl<T> StoreInner<T> {
    /// Keeps what an instance has of a pool until the store is dropped.
    pub(crate) fn keep(&mut self, share: Option<Share>) {
        self.shares.extend(share);
    }

    pub(crate) fn hook(&self) -> Option<&Hook<T>> {
        self.hook.as_ref()
    }

    pub(crate) fn set_hook(&mut self, hook: Hook<T>) {
        self.hook = Some(hook);
    }

    /// The hook, out of the store while it has the store.
    pub(crate) fn take_hook(&mut self) -> Option<Hook<T>> {
        self.hook.take()
    }

    pub(crate) fn give_hook_back(&mut self, hook: Hook<T>) {
        self.hook.get_or_insert(hook);
    }

    pub(crate) fn set_deadline_callback(&mut self, callback: Option<DeadlineCallback<T>>) {
        self.deadline = callback;
    }
}

/// Says where in the data the limiter is.
enum Limiter<T> {
    Sync(Box<dyn (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync>),
    Async(Box<dyn (FnMut(&mut T) -> &mut dyn ResourceLimiterAsync) + Send + Sync>),
}

impl<T: 'static> Store<T> {
    /// An empty store.
    ///
    /// # Panics
    ///
    /// If its value stack cannot be reserved; see [`Store::try_new`].
    pub fn new(engine: &Engine, data: T) -> Store<T> {
        Store::try_new(engine, data).expect("cannot make a store")
    }

    /// An empty store.
    ///
    /// # Errors
    ///
    /// When its value stack cannot be reserved.
    pub fn try_new(engine: &Engine, data: T) -> Result<Store<T>> {
        let inner = StoreInner {
            data,
            engine: engine.clone(),
            limiter: None,
            answered: false,
            deadline: None,
            hook: None,
            shares: Vec::new(),
        };
        let owner = StoreOwner::new(
            engine.tunables().clone(),
            engine.types().clone(),
            &exec::EXECUTOR,
            inner,
        )?;
        Ok(Store { owner })
    }

    pub(crate) fn as_store_mut(&mut self) -> StoreMut<'_, StoreInner<T>> {
        self.owner.as_mut()
    }

    /// The data.
    pub fn data(&self) -> &T {
        &self.owner.as_ref().user().data
    }

    /// The data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.owner.as_mut().split().1.data
    }

    /// Drops the store and gives back the data.
    pub fn into_data(self) -> T {
        self.owner.into_user().data
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.owner.as_ref().user().engine
    }

    /// Frees the objects that neither the program nor the host can reach, and drops the host objects
    /// among them. Happens by itself when enough has been allocated.
    ///
    /// `why` is for the heap to know how much is wanted: that of this engine grows by itself, so it
    /// makes no difference.
    ///
    /// # Errors
    ///
    /// When the limiter is asynchronous: then [`StoreContextMut::gc_async`] does it.
    pub fn gc(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        self.as_context_mut().gc(why)
    }

    /// Like [`Store::gc`], for those who wait.
    ///
    /// # Errors
    ///
    /// None today.
    pub async fn gc_async(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        self.as_context_mut().gc_async(why).await
    }

    /// Memory of the garbage-collected heap, in bytes.
    pub fn gc_heap_capacity(&self) -> usize {
        self.gc_stats().heap_bytes
    }

    /// What the garbage-collected heap uses.
    pub fn gc_stats(&self) -> GcStats {
        self.as_context().gc_stats()
    }

    /// Has `limiter` asked before memories, tables and the heap grow or are made; it says where in the data
    /// the limiter is. Its limits on the numbers of instances, tables and memories are read once,
    /// now.
    pub fn limiter(
        &mut self,
        mut limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static,
    ) {
        let (vm, user) = self.owner.as_mut().split();
        let limits = limiter(&mut user.data);
        vm.limit_counts(limits.instances(), limits.tables(), limits.memories());
        user.limiter = Some(Limiter::Sync(Box::new(limiter)));
    }

    /// Like [`Store::limiter`], with a limiter whose answers may take their time. Whoever can grow
    /// something has to be called by the `async` methods then: those that are not fail where the
    /// limiter would be asked, and so do calls from outside and whatever makes objects. The heap is not
    /// limited.
    pub fn limiter_async(
        &mut self,
        mut limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiterAsync) + Send + Sync + 'static,
    ) {
        let (vm, user) = self.owner.as_mut().split();
        let limits = limiter(&mut user.data);
        vm.limit_counts(limits.instances(), limits.tables(), limits.memories());
        user.limiter = Some(Limiter::Async(Box::new(limiter)));
        vm.require_async();
    }
}

impl<T: 'static> Embedder for StoreInner<T> {
    fn growing(&mut self, what: Resource, growth: &Growth) -> Result<bool> {
        let limiter = match &mut self.limiter {
            None => return Ok(true),
            Some(Limiter::Async(_))
                if matches!(what, Resource::Heap | Resource::Code) || self.answered =>
            {
                return Ok(true);
            }
            Some(Limiter::Async(_)) => return Err(Later.into()),
            Some(Limiter::Sync(limiter)) => limiter(&mut self.data),
        };
        match what {
            Resource::Memory => {
                limiter.memory_growing(growth.current, growth.desired, growth.maximum)
            }
            Resource::Table => {
                limiter.table_growing(growth.current, growth.desired, growth.maximum)
            }
            Resource::Heap => {
                limiter.gc_heap_growing(growth.current, growth.desired, growth.maximum)
            }
            Resource::Code => limiter.code_growing(growth.current, growth.desired),
        }
    }

    fn grow_failed(&mut self, what: Resource, error: Error) -> Result<()> {
        match &mut self.limiter {
            None => Ok(()),
            Some(Limiter::Sync(limiter)) => {
                let limiter = limiter(&mut self.data);
                match what {
                    Resource::Memory => limiter.memory_grow_failed(error),
                    Resource::Table => limiter.table_grow_failed(error),
                    Resource::Heap => limiter.gc_heap_grow_failed(error),
                    Resource::Code => Ok(()),
                }
            }
            Some(Limiter::Async(limiter)) => {
                let limiter = limiter(&mut self.data);
                match what {
                    Resource::Memory => limiter.memory_grow_failed(error),
                    Resource::Table => limiter.table_grow_failed(error),
                    Resource::Heap | Resource::Code => Ok(()),
                }
            }
        }
    }

    fn growing_later<'a>(&'a mut self, what: Resource, growth: &Growth) -> Option<LaterAnswer<'a>> {
        let Some(Limiter::Async(limiter)) = &mut self.limiter else { return None };
        let limiter = limiter(&mut self.data);
        let Growth { current, desired, maximum } = *growth;
        match what {
            Resource::Memory => Some(limiter.memory_growing(current, desired, maximum)),
            Resource::Table => Some(limiter.table_growing(current, desired, maximum)),
            Resource::Heap | Resource::Code => None,
        }
    }

    fn traps_late(&self) -> bool {
        self.deadline.is_none()
    }

    fn deadline(mut store: StoreMut<'_, StoreInner<T>>) -> Result<Deadline> {
        // Out of the store while it has the store.
        let Some(mut callback) = store.user_mut().deadline.take() else {
            return Ok(Deadline::Trap);
        };
        let update = callback(StoreContextMut(store.reborrow()));
        store.user_mut().deadline.get_or_insert(callback);
        Ok(match update? {
            UpdateDeadline::Interrupt => Deadline::Trap,
            UpdateDeadline::Continue(ticks) => Deadline::Continue(ticks),
            UpdateDeadline::Yield(ticks) => Deadline::Yield(ticks, None),
            UpdateDeadline::YieldCustom(ticks, until) => Deadline::Yield(ticks, Some(until)),
        })
    }
}

impl<T: Default + 'static> Default for Store<T> {
    /// An empty store of an engine of its own.
    fn default() -> Store<T> {
        Store::new(&Engine::default(), T::default())
    }
}

impl<T: core::fmt::Debug> core::fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let store = self.owner.as_ref();
        f.debug_struct("Store")
            .field("vm", store.vm())
            .field("data", &store.user().data)
            .finish_non_exhaustive()
    }
}

/// A shared borrow of a store.
pub struct StoreContext<'a, T: 'static>(pub(crate) StoreRef<'a, StoreInner<T>>);

/// An exclusive borrow of a store.
#[repr(transparent)]
pub struct StoreContextMut<'a, T: 'static>(pub(crate) StoreMut<'a, StoreInner<T>>);

impl<'a, T> Clone for StoreContext<'a, T> {
    fn clone(&self) -> StoreContext<'a, T> {
        *self
    }
}

impl<T> Copy for StoreContext<'_, T> {}

impl<'a, T> StoreContext<'a, T> {
    /// The data.
    pub fn data(&self) -> &'a T {
        &self.0.user().data
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &'a Engine {
        &self.0.user().engine
    }
}

impl<T> StoreContext<'_, T> {
    /// See [`Store::gc_stats`].
    pub fn gc_stats(&self) -> GcStats {
        let stats = self.0.vm().heap_stats();
        GcStats {
            heap_bytes: stats.committed,
            live_bytes: stats.live,
            collections: stats.collections,
        }
    }
}

impl<'a, T> StoreContextMut<'a, T> {
    /// The data.
    pub fn data(&self) -> &T {
        &self.0.user().data
    }

    /// The data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.0.user_mut().data
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.0.user().engine
    }

    /// See [`Store::gc`].
    ///
    /// # Errors
    ///
    /// When the limiter is asynchronous: then [`StoreContextMut::gc_async`] does it.
    pub fn gc(&mut self, _why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        self.check_limiter_answers()?;
        self.0.vm_mut().collect();
        Ok(())
    }

    /// Like [`StoreContextMut::gc`], for those who wait.
    ///
    /// # Errors
    ///
    /// None today.
    pub async fn gc_async(&mut self, why: Option<&GcHeapOutOfMemory<()>>) -> Result<()> {
        self.with_answers(|store| store.gc(why))
    }

    /// Makes the store keep the types that a type names; the type by numbers.
    ///
    /// # Errors
    ///
    /// If it belongs to another engine.
    pub(crate) fn use_type(&mut self, ty: ValType) -> Result<types::ValType> {
        if let Some(engine) = ty.engine() {
            ensure!(Engine::same(engine, self.engine()), "type used with wrong engine");
        }
        let lowered = ty.lower();
        if let Some(id) = lowered.as_ref().and_then(|ty| ty.heap_type().type_id()) {
            let registered = self.0.vm().registry().get(id);
            self.0.vm_mut().use_type(&registered);
        }
        Ok(lowered)
    }

    /// Items as this store knows them.
    ///
    /// # Errors
    ///
    /// If one belongs to another store, or a shared memory to another engine.
    pub(crate) fn externals<'e>(
        &mut self,
        items: impl IntoIterator<Item = &'e Extern>,
    ) -> Result<Vec<External>> {
        let engine = self.engine().clone();
        let vm = self.0.vm_mut();
        let convert = |item: &Extern| {
            item.check_usable(vm, &engine)?;
            Ok(item.to_external(vm))
        };
        items.into_iter().map(convert).collect()
    }

    /// Checks that the heap may grow without anybody's being waited for.
    ///
    /// # Errors
    ///
    /// When the limiter is asynchronous.
    pub(crate) fn check_limiter_answers(&self) -> Result<()> {
        let user = self.0.user();
        match user.limiter {
            Some(Limiter::Async(_)) if !user.answered => Err(Later.into()),
            _ => Ok(()),
        }
    }

    /// Asks an asynchronous limiter whether something of the given size can be made; other limiters
    /// are asked when it is.
    ///
    /// # Errors
    ///
    /// When the answer is no, or an error.
    pub(crate) async fn ask_limiter(&mut self, what: Resource, growth: &Growth) -> Result<()> {
        let Some(answer) = self.0.user_mut().growing_later(what, growth) else { return Ok(()) };
        if answer.await? { Ok(()) } else { Err(VmStore::refused(what, growth)) }
    }

    /// Asks an asynchronous limiter whether something can grow; `true` from others.
    pub(crate) async fn ask_growth(&mut self, what: Resource, growth: &Growth) -> Result<bool> {
        match self.0.user_mut().growing_later(what, growth) {
            Some(answer) => answer.await,
            None => Ok(true),
        }
    }

    /// Does what an asynchronous limiter has allowed.
    pub(crate) fn with_answers<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        self.0.user_mut().answered = true;
        let result = f(self);
        self.0.user_mut().answered = false;
        result
    }

    /// The store without the data, and the data.
    pub(crate) fn split(self) -> (&'a mut crate::vm::VmStore, &'a mut T) {
        let (vm, user) = self.0.split();
        (vm, &mut user.data)
    }
}

/// Whatever lends a store: [`Store`], [`StoreContext`], [`StoreContextMut`],
/// [`Caller`](crate::Caller), and references to them.
pub trait AsContext {
    /// The store's data.
    type Data: 'static;

    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// Whatever lends a store exclusively.
pub trait AsContextMut: AsContext {
    /// Borrows the store exclusively.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T: 'static> AsContext for Store<T> {
    type Data = T;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.owner.as_ref())
    }
}

impl<T: 'static> AsContextMut for Store<T> {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.owner.as_mut())
    }
}

impl<T: 'static> AsContext for StoreContext<'_, T> {
    type Data = T;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        *self
    }
}

impl<T: 'static> AsContext for StoreContextMut<'_, T> {
    type Data = T;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext(self.0.as_ref())
    }
}

impl<T: 'static> AsContextMut for StoreContextMut<'_, T> {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0.reborrow())
    }
}

impl<S: AsContext> AsContext for &'_ S {
    type Data = S::Data;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, S::Data> {
        S::as_context(self)
    }
}

impl<S: AsContext> AsContext for &'_ mut S {
    type Data = S::Data;

    #[inline]
    fn as_context(&self) -> StoreContext<'_, S::Data> {
        S::as_context(self)
    }
}

impl<S: AsContextMut> AsContextMut for &'_ mut S {
    #[inline]
    fn as_context_mut(&mut self) -> StoreContextMut<'_, S::Data> {
        S::as_context_mut(self)
    }
}

impl<'a, S: AsContext> From<&'a S> for StoreContext<'a, S::Data> {
    fn from(store: &'a S) -> StoreContext<'a, S::Data> {
        store.as_context()
    }
}

impl<'a, S: AsContext> From<&'a mut S> for StoreContext<'a, S::Data> {
    fn from(store: &'a mut S) -> StoreContext<'a, S::Data> {
        S::as_context(store)
    }
}

impl<'a, S: AsContextMut> From<&'a mut S> for StoreContextMut<'a, S::Data> {
    fn from(store: &'a mut S) -> StoreContextMut<'a, S::Data> {
        store.as_context_mut()
    }
}

// A store moves to another thread exactly if its data does.
static_assertions::assert_impl_all!(Store<u32>: Send, Sync);
static_assertions::assert_not_impl_any!(Store<*mut u8>: Send, Sync);
static_assertions::assert_not_impl_any!(Store<core::cell::Cell<u8>>: Sync);
// And so does a borrow of one, as references to the data do.
static_assertions::assert_impl_all!(StoreContextMut<'_, core::cell::Cell<u8>>: Send);
static_assertions::assert_not_impl_any!(StoreContextMut<'_, *mut u8>: Send, Sync);
static_assertions::assert_not_impl_any!(StoreContext<'_, core::cell::Cell<u8>>: Send, Sync);
