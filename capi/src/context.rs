//! Stores as C holds them: by a pointer that stays the same, whoever is using the store.
//!
//! In Rust a store is borrowed: by whoever calls a function, then by the host function that is
//! called. C has one pointer for all of them. So the store lies in a cell that knows who has it:
//! nobody, a host function, which lent its [`Caller`], the callback of a deadline, a call that is a
//! future, or a function of this library that is at work. In the last two cases using it is an error:
//! a future has the store from its making to its end, whether it is being polled or not, and a function
//! of this library is at work when a finalizer uses the store that is running it.

use core::cell::{Cell, UnsafeCell};
use core::marker::PhantomData;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use indexmap::IndexSet;

use threadle::{
    AsContextMut, Caller, Engine, Error, InterruptHandle, Result, Store, StoreContextMut,
    StoreLimits, StoreLimitsBuilder, bail, ensure,
};

use crate::embed::raw::RawObject;
use crate::foreign::HostData;
use crate::reference::Key;

/// The next store's [`Data::id`].
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The data of all stores of this library.
pub(crate) struct Data {
    home: Home,
    /// Unlike that of any other store, and not zero.
    pub id: u64,
    /// What C has seen of the store, by the places that its handles name.
    pub handles: IndexSet<Key>,
    /// Objects that C has numbers for in raw values, and how many of them are parameters of host
    /// functions that are running.
    pub raw_objects: Vec<RawObject>,
    pub raw_floor: usize,
    /// What `threadle_context_get_data` returns.
    pub user: HostData,
    pub limits: StoreLimits,
    /// Pointers that C attached to objects of the store.
    pub host_info: HashMap<Key, HostData>,
    #[cfg(feature = "wasi")]
    pub wasi: Option<threadle::wasi::WasiP1Ctx>,
}

/// The cell that a store lies in.
#[derive(Clone, Copy)]
struct Home(*const StoreCell);

// SAFETY: a cell can be used by any thread, as is said there.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

/// Who has the store. In one word, since each call across the border changes it and back: an address, whose
/// low bits say of what, or a number that is none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Lent(*mut ());

/// Who has the store, to look at.
enum Borrower {
    /// A function of this library.
    Us,
    /// A host function, which got it with this.
    Host(*mut Caller<'static, Data>),
    /// A callback that is not called by a program.
    Callback(*mut StoreContextMut<'static, Data>),
    /// A call that is a future.
    Future,
}

impl Lent {
    /// Nobody has it.
    const NO: Lent = Lent(core::ptr::null_mut());
    const TO_US: Lent = Lent(core::ptr::without_provenance_mut(2));
    const TO_FUTURE: Lent = Lent(core::ptr::without_provenance_mut(4));
    /// Set in the addresses of callbacks' contexts.
    const CALLBACK: usize = 1;

    #[inline]
    fn to_host(caller: *mut Caller<'_, Data>) -> Lent {
        Lent(caller.cast())
    }

    fn to_callback(context: *mut StoreContextMut<'_, Data>) -> Lent {
        Lent(context.cast::<()>().map_addr(|address| address | Lent::CALLBACK))
    }

    /// `None` if nobody has it.
    #[inline]
    fn borrower(self) -> Option<Borrower> {
        match self {
            Lent::NO => None,
            Lent::TO_US => Some(Borrower::Us),
            Lent::TO_FUTURE => Some(Borrower::Future),
            Lent(at) if at.addr() & Lent::CALLBACK == 0 => Some(Borrower::Host(at.cast())),
            Lent(at) => {
                let context = at.map_addr(|address| address & !Lent::CALLBACK);
                Some(Borrower::Callback(context.cast()))
            }
        }
    }
}

// Neither is at an odd address, or at one of the numbers.
const _: () = assert!(align_of::<Caller<'_, Data>>() >= 8);
const _: () = assert!(align_of::<StoreContextMut<'_, Data>>() >= 8);

/// A store and who has it. To C, `threadle_context_t`.
pub struct StoreCell {
    store: UnsafeCell<Store<Data>>,
    lent: Cell<Lent>,
    engine: Engine,
    interrupt: InterruptHandle,
    me: Weak<StoreCell>,
}

pub(crate) type StoreRef = Arc<StoreCell>;

// SAFETY: the headers demand that one thread at a time uses a store and the objects in it.
unsafe impl Send for StoreCell {}
// SAFETY: as above: the cells are never used by two threads at a time.
unsafe impl Sync for StoreCell {}

impl StoreCell {
    pub fn new(engine: &Engine, user: HostData) -> Result<StoreRef> {
        // The limits that protect a store are for the embedder to set.
        let limits = StoreLimitsBuilder::new()
            .instances(usize::MAX)
            .tables(usize::MAX)
            .memories(usize::MAX)
            .build();
        let data = Data {
            home: Home(core::ptr::null()),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            handles: IndexSet::new(),
            raw_objects: Vec::new(),
            raw_floor: 0,
            user,
            limits,
            host_info: HashMap::new(),
            #[cfg(feature = "wasi")]
            wasi: None,
        };
        let mut store = Store::try_new(engine, data)?;
        store.limiter(|data| &mut data.limits);
        let interrupt = store.interrupt_handle();
        let cell = Arc::new_cyclic(|me| StoreCell {
            store: UnsafeCell::new(store),
            lent: Cell::new(Lent::NO),
            engine: engine.clone(),
            interrupt,
            me: me.clone(),
        });
        let home = Home(Arc::as_ptr(&cell));
        cell.with_store(|store| {
            store.data_mut().home = home;
            Ok(())
        })?;
        Ok(cell)
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.interrupt.clone()
    }

    /// Whether nothing would miss the store if its owner let go of it now. A future has it, but keeps
    /// it too.
    pub fn is_idle(&self) -> bool {
        matches!(self.lent.get(), Lent::NO | Lent::TO_FUTURE)
    }

    /// A reference that keeps the store.
    pub fn shared(&self) -> StoreRef {
        self.me.upgrade().expect("whoever uses a store keeps it")
    }

    #[inline]
    fn take(&self) -> Result<(Lent, Restore<'_>)> {
        let lent = self.lent.get();
        if matches!(lent, Lent::TO_US | Lent::TO_FUTURE) {
            return Err(in_use(lent));
        }
        self.lent.set(Lent::TO_US);
        Ok((lent, Restore { cell: self, before: lent }))
    }

    /// Uses the store.
    #[inline]
    pub fn with<R>(
        &self,
        body: impl FnOnce(&mut StoreContextMut<'_, Data>) -> Result<R>,
    ) -> Result<R> {
        let (lent, _restore) = self.take()?;
        // SAFETY: one thread uses the store, and on it nobody: no host function runs, or the one
        // that does waits for this function, having lent its caller.
        unsafe {
            let mut context = match lent.borrower() {
                Some(Borrower::Host(caller)) => (*caller).as_context_mut(),
                Some(Borrower::Callback(context)) => (*context).as_context_mut(),
                None | Some(Borrower::Us | Borrower::Future) => {
                    (*self.store.get()).as_context_mut()
                }
            };
            body(&mut context)
        }
    }

    /// Uses the store as its owner; an error inside of host functions.
    pub fn with_store<R>(&self, body: impl FnOnce(&mut Store<Data>) -> Result<R>) -> Result<R> {
        let (lent, _restore) = self.take()?;
        if lent != Lent::NO {
            bail!("this cannot be done to a store while its code runs");
        }
        // SAFETY: as in `with`.
        body(unsafe { &mut *self.store.get() })
    }

    /// Uses the caller of the host function that runs.
    pub fn with_caller<R>(
        &self,
        body: impl FnOnce(&mut Caller<'_, Data>) -> Result<R>,
    ) -> Result<R> {
        let (lent, _restore) = self.take()?;
        let Some(Borrower::Host(caller)) = lent.borrower() else {
            bail!("no host function is running")
        };
        // SAFETY: as in `with`.
        body(unsafe { &mut *caller })
    }

    /// The cell of the store that a host function runs in, and that store lent to C until the result
    /// is dropped.
    #[inline]
    pub fn lend<'a>(caller: &'a mut Caller<'_, Data>) -> Lend<'a> {
        // SAFETY: the cell outlives the store in it, which runs this host function.
        let cell = unsafe { &*caller.data().home.0 };
        let caller: *mut Caller<'_, Data> = caller;
        let before = cell.lent.replace(Lent::to_host(caller));
        Lend { restore: Restore { cell, before }, caller: PhantomData }
    }

    /// As [`StoreCell::lend`], for a callback that no program called.
    pub fn lend_context<'a>(context: &'a mut StoreContextMut<'_, Data>) -> Lend<'a> {
        // SAFETY: as above.
        let cell = unsafe { &*context.data().home.0 };
        let context: *mut StoreContextMut<'_, Data> = context;
        let before = cell.lent.replace(Lent::to_callback(context));
        Lend { restore: Restore { cell, before }, caller: PhantomData }
    }

    /// Takes the store for a future, if nobody is using it.
    pub fn hold(&self) -> Result<Held> {
        let (lent, restore) = self.take()?;
        ensure!(lent == Lent::NO, "an asynchronous call cannot begin while the store's code runs");
        let cell = self.shared();
        drop(restore);
        self.lent.set(Lent::TO_FUTURE);
        Ok(Held { cell })
    }
}

#[cold]
fn in_use(lent: Lent) -> Error {
    Error::msg(match lent {
        Lent::TO_US => "the store is being used: a finalizer cannot use the store that runs it",
        _ => "the store is being used: an asynchronous call in it has not ended",
    })
}

/// A store that a future has, and keeps.
pub(crate) struct Held {
    cell: StoreRef,
}

impl Held {
    /// The store.
    ///
    /// # Safety
    ///
    /// It is used once, by what is dropped before this.
    pub unsafe fn store(&self) -> &'static mut Store<Data> {
        // SAFETY: nobody else gets at the store as long as the cell says that a future has it.
        unsafe { &mut *self.cell.store.get() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.cell.lent.set(Lent::NO);
    }
}

impl Drop for StoreCell {
    fn drop(&mut self) {
        // Finalizers that run now find the store in use.
        self.lent.set(Lent::TO_US);
    }
}

/// Gives the store back to who had it before.
struct Restore<'a> {
    cell: &'a StoreCell,
    before: Lent,
}

impl Drop for Restore<'_> {
    #[inline]
    fn drop(&mut self) {
        self.cell.lent.set(self.before);
    }
}

/// A store lent to C by a host function.
pub(crate) struct Lend<'a> {
    restore: Restore<'a>,
    caller: PhantomData<&'a mut ()>,
}

impl<'a> Lend<'a> {
    #[inline]
    pub fn cell(&self) -> &'a StoreCell {
        self.restore.cell
    }
}
