//! The store: owner of every object that handlers hold addresses of.

use core::any::Any;
use core::ffi::c_void;
use core::num::NonZeroU64;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use super::awaited::{Awaited, LaterAnswer, Poller};
use super::exception::Exceptions;
use super::func::VmHostFunc;
use super::gc::{HostObjects, TypeTable};
use super::heap::{Heap, kind};
use super::instance::Instance;
use super::interrupt::InterruptState;
use super::limits::StoreTunables;
use super::memories::AnyMemory;
use super::memory::Growth;
use super::metering::{Deadline, Fuel, Pause};
use super::roots::Roots;
use super::stack::ValueStack;
use super::table::Table;
use super::value::{ObjectRef, Value};
use super::{Slot, StoreCtx, VmCtx, VmFunc, VmTable};
use crate::error::{Error, Result, ensure, format_err};
use crate::index::TypeId;
use crate::trap::Trap;
use crate::types::{GlobalType, RefType, TableType, ValType};
use crate::wasm::{RegisteredType, TypeLookup, TypeRegistry};

/// Identity of a store: unequal for any two stores of a process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StoreId(NonZeroU64);

impl StoreId {
    /// The identity of no store.
    pub const NONE: StoreId = StoreId(NonZeroU64::MAX);

    fn fresh() -> StoreId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // 2^64 stores cannot be made.
        StoreId(NonZeroU64::new(NEXT.fetch_add(1, Ordering::Relaxed)).unwrap_or(NonZeroU64::MAX))
    }
}

/// What only the embedder's data can do: answer for the limits.
#[derive(Debug)]
pub struct Hooks {
    /// May the embedder's limits let a memory or table grow?
    pub growing: unsafe fn(store: *mut c_void, what: Resource, growth: &Growth) -> Result<bool>,
    /// The same, where the embedder may take its time; `None` if it need not.
    pub growing_later: unsafe fn(
        store: *mut c_void,
        what: Resource,
        growth: &Growth,
    ) -> Option<LaterAnswer<'static>>,
    /// A growth was allowed but failed.
    pub grow_failed: unsafe fn(store: *mut c_void, what: Resource, error: Error) -> Result<()>,
    /// What to do about the epoch, whose deadline the code of `ctx` has reached. May use the store.
    pub deadline: unsafe fn(ctx: *mut VmCtx) -> Result<Deadline>,
}

/// What stores need of the layer that executes code: the same for all.
#[derive(Debug)]
pub struct Executor {
    /// Adds the references in the frames of all activations to a list.
    pub frame_roots: fn(store: &VmStore, roots: &mut Vec<Slot>),
    /// The handler that calls an imported function: of the host's, or of an instance's; and where
    /// somebody may pin floats, or not ([`StoreCtx::pins_floats`]).
    pub import_call: fn(is_host: bool, pins_floats: bool) -> *const (),
}

/// Something whose size the embedder can limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// A linear memory, in bytes.
    Memory,
    /// A table, in elements.
    Table,
    /// The garbage-collected heap, in bytes.
    Heap,
}

/// Why an activation ended without results, when it was not a plain trap of a handler.
pub enum Failure {
    /// A trap raised by a runtime function.
    Trap(Trap),
    /// An error that a host function returned.
    Host(Error),
    /// A panic of host code, caught where it entered the engine.
    Panic(Box<dyn Any + Send>),
    /// A host function suspends the activation; the payload is for the embedder.
    Suspend(Box<dyn Any + Send + Sync>),
    /// A resumable call is suspended, but not by a host function.
    Pause(Pause),
    /// A native function of an asynchronous call waits.
    Await(Box<dyn Awaited>),
}

/// The store, without the embedder's data. [`super::owner::StoreOwner`] keeps it in place.
#[repr(C)]
pub struct VmStore {
    /// What handlers see. First, so that a pointer to it is a pointer to the store.
    pub ctx: StoreCtx,
    id: StoreId,
    /// The context that host functions see when the host calls them.
    root: VmCtx,
    /// Why execution failed; `None` if [`StoreCtx::trap`] says it.
    pub pending: Option<Failure>,
    pub(super) executor: &'static Executor,
    stack: ValueStack,
    pub(super) interrupt: Arc<InterruptState>,
    pub(super) fuel: Fuel,
    /// The epoch from which on code does not run unasked.
    pub(super) epoch_deadline: u64,
    pub(super) tunables: StoreTunables,
    registry: Arc<TypeRegistry>,
    // Objects that handlers point to. Each was a box; from then on it is reached through its
    // pointer only, and `drop` makes it a box again.
    pub(super) memories: Vec<AnyMemory>,
    pub(super) tables: Vec<NonNull<Table>>,
    host_funcs: Vec<NonNull<VmHostFunc>>,
    pub(super) host_globals: Vec<HostGlobal>,
    pub(super) tags: Vec<TypeId>,
    pub(super) instances: Vec<Instance>,
    // What the collector works with; see `gc`.
    pub(super) heap: Heap,
    /// Why the system did not let it grow when it had to, last.
    pub(super) heap_refusal: Option<String>,
    pub(super) type_table: TypeTable,
    pub(super) host_objects: HostObjects,
    pub(super) roots: Roots,
    /// References that are held while something is made of them.
    pub(super) temporaries: Vec<Slot>,
    pub(super) suspended: Vec<Weak<dyn Any + Send + Sync>>,
    pub(super) root_buffer: Vec<Slot>,
    /// The exceptions.
    pub exceptions: Exceptions,
    /// Who polls the asynchronous call that runs.
    pub poller: Poller,
}

/// A global that the host made.
pub(super) struct HostGlobal {
    pub(super) ty: GlobalType,
    /// Two slots, so that every value fits.
    pub(super) cell: NonNull<[Slot; 2]>,
}

// SAFETY: all raw pointers lead to objects that the store owns (and frees when dropped), to static
// data, or to the module code that its instances keep alive; none belongs to a thread. Closures
// and host objects behind them are `Send + Sync` by their bounds, payloads in flight are `Send`.
unsafe impl Send for VmStore {}
// SAFETY: shared references give shared access only; `pending` is touched through `&mut` alone.
unsafe impl Sync for VmStore {}

/// A function of a store. Valid for as long as the store lives; every use checks the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FuncRef {
    store: StoreId,
    ptr: NonNull<VmFunc>,
}

// SAFETY: the pointer is followed only together with a borrow of the store it belongs to.
unsafe impl Send for FuncRef {}
// SAFETY: as above.
unsafe impl Sync for FuncRef {}

impl FuncRef {
    /// The store it belongs to.
    #[inline]
    pub fn store(self) -> StoreId {
        self.store
    }

    /// The function's address.
    #[inline]
    pub fn as_ptr(self) -> *const VmFunc {
        self.ptr.as_ptr()
    }

    /// A reference to a function of `store` from its slot; `None` for null.
    ///
    /// # Safety
    ///
    /// The slot holds a function reference of this store.
    #[inline]
    pub unsafe fn from_slot(store: StoreId, slot: Slot) -> Option<FuncRef> {
        NonNull::new(ptr::with_exposed_provenance_mut(slot as usize))
            .map(|ptr| FuncRef { store, ptr })
    }

    /// The slot that represents the reference.
    #[inline]
    pub fn to_slot(self) -> Slot {
        self.ptr.as_ptr().expose_provenance() as Slot
    }
}

/// An object of a store, by its place in the list of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Handle {
    /// The store it belongs to.
    pub store: StoreId,
    /// Its place.
    pub index: u32,
}

/// A global of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GlobalHandle {
    /// The store it belongs to.
    pub store: StoreId,
    /// The instance that defines it; `u32::MAX` for the host's own.
    pub owner: u32,
    /// Its index in that instance's module, or among the host's.
    pub index: u32,
}

/// [`GlobalHandle::owner`] of globals that the host made.
pub const HOST_OWNER: u32 = u32::MAX;

impl VmStore {
    /// A store without objects. Not usable before [`super::owner::StoreOwner`] has placed it.
    ///
    /// # Errors
    ///
    /// When the value stack cannot be reserved.
    pub fn new(
        tunables: StoreTunables,
        registry: Arc<TypeRegistry>,
        hooks: &'static Hooks,
        executor: &'static Executor,
    ) -> Result<VmStore> {
        let stack = ValueStack::new(tunables.stack_bytes)?;
        crate::sys::signals::prepare_thread();
        let mut heap = Heap::new(tunables.heap_reservation, tunables.collect_always);
        let epoch_deadline = if tunables.has_epochs { 0 } else { u64::MAX };
        let interrupt = Arc::new(InterruptState::new(epoch_deadline));
        Ok(VmStore {
            ctx: StoreCtx {
                stack_limit: stack.limit(),
                exit_fp: StoreCtx::no_frame(stack.base()),
                exit_ctx: ptr::null_mut(),
                exit_pc: ptr::null(),
                pins_floats: 0,
                stack_base: stack.base(),
                fuel: 0,
                trap: 0,
                activations_left: tunables.max_activations,
                epoch: Arc::as_ptr(&tunables.epoch),
                epoch_limit: interrupt.limit(),
                inner: ptr::null_mut(),
                host_ctx: ptr::null_mut(),
                heap: heap.ctx(),
                types: ptr::null(),
                hooks,
            },
            id: StoreId::fresh(),
            root: VmCtx {
                store: ptr::null_mut(),
                mem0: ptr::null_mut(),
                code: ptr::null(),
                func_refs: ptr::null_mut(),
                module: ptr::null(),
                instance_index: u32::MAX,
                reserved: 0,
            },
            pending: None,
            executor,
            stack,
            interrupt,
            exceptions: Exceptions::new(tunables.exception_bytes),
            tunables,
            registry,
            memories: Vec::new(),
            tables: Vec::new(),
            host_funcs: Vec::new(),
            host_globals: Vec::new(),
            tags: Vec::new(),
            instances: Vec::new(),
            heap,
            heap_refusal: None,
            type_table: TypeTable::default(),
            host_objects: HostObjects::default(),
            roots: Roots::default(),
            temporaries: Vec::new(),
            suspended: Vec::new(),
            root_buffer: Vec::new(),
            poller: Poller::default(),
            fuel: Fuel::default(),
            epoch_deadline,
        })
    }

    /// Makes the store's pointers to itself.
    ///
    /// # Safety
    ///
    /// `this` points to the store as the first field of an object that stays in place, and may be
    /// used for all of that object.
    pub(super) unsafe fn place(this: *mut VmStore) {
        // SAFETY: the caller's promise.
        unsafe {
            (*this).ctx.inner = this.cast();
            (*this).ctx.host_ctx = &raw mut (*this).root;
            (*this).root.store = this.cast();
            (*this).root.mem0 = super::instance::no_memory();
        }
    }

    /// Identity of the store.
    #[inline]
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// The engine's types.
    pub fn registry(&self) -> &Arc<TypeRegistry> {
        &self.registry
    }

    /// The types that the store uses and keeps: of its functions, tables, globals, tags and objects.
    #[inline]
    pub fn types(&self) -> &TypeTable {
        &self.type_table
    }

    /// The configured limits.
    pub fn tunables(&self) -> &StoreTunables {
        &self.tunables
    }

    /// The store's identity, or a panic if a handle belongs to another one.
    #[inline]
    #[track_caller]
    pub fn assert_owns(&self, store: StoreId) {
        if store != self.id {
            wrong_store();
        }
    }

    /// What this store and those who may interrupt it have in common.
    pub fn interrupt(&self) -> &Arc<InterruptState> {
        &self.interrupt
    }

    // ---- functions

    /// A function.
    ///
    /// # Panics
    ///
    /// Like all accessors of handles here: if it belongs to another store.
    #[inline]
    #[track_caller]
    pub fn func(&self, func: FuncRef) -> &VmFunc {
        self.assert_owns(func.store);
        // SAFETY: functions of this store live as long as it does, and are written by nobody.
        unsafe { func.ptr.as_ref() }
    }

    /// A reference to the function at `ptr`, which belongs to this store.
    #[inline]
    pub(super) fn func_ref(&self, ptr: NonNull<VmFunc>) -> FuncRef {
        FuncRef { store: self.id, ptr }
    }

    /// Adds a host function of a type and gives it a home.
    pub fn add_host_func(&mut self, mut func: VmHostFunc, ty: &RegisteredType) -> FuncRef {
        func.func.store_index = self.host_funcs.len() as u32;
        self.use_type(ty);
        let ptr = into_raw(func);
        // SAFETY: the object was just made and nobody else knows it. Its code is the entry inside
        // it, which stays in place with it, and starts at the stub beside it.
        unsafe {
            let host = ptr.as_ptr();
            (*host).entry.pc = AtomicPtr::new((&raw mut (*host).stub).cast());
            (*host).func.code = &raw const (*host).entry;
        }
        self.host_funcs.push(ptr);
        self.func_ref(ptr.cast())
    }

    /// The host function behind a function, if it is one.
    pub fn host_func(&self, func: FuncRef) -> Option<&VmHostFunc> {
        let vm = self.func(func);
        if !vm.instance.is_null() {
            return None;
        }
        let host = self.host_funcs.get(vm.store_index as usize)?;
        // SAFETY: host functions live as long as the store and are written by nobody.
        Some(unsafe { host.as_ref() })
    }

    // ---- tables

    /// Makes a table, within the embedder's limits.
    ///
    /// # Errors
    ///
    /// When `init` is no element for it, or the limits, the engine or the system refuse.
    pub fn new_table(&mut self, ty: TableType, init: Value) -> Result<Handle> {
        self.check_value(init, ty.element().into())?;
        self.add_table(ty, self.slots_of(init)[0])
    }

    /// Makes a table whose elements are `init`, a slot that fits.
    pub(super) fn add_table(&mut self, ty: TableType, init: Slot) -> Result<Handle> {
        self.check_count(self.tables.len(), self.tunables.max_tables, "table")?;
        self.check_initial(Resource::Table, &Table::initial(&ty))?;
        let mut table = Table::new(ty, init)?;
        let index = self.tables.len() as u32;
        table.store_index = index;
        self.tables.push(into_raw(table));
        Ok(Handle { store: self.id, index })
    }

    /// A table.
    #[inline]
    #[track_caller]
    pub fn table(&self, table: Handle) -> &Table {
        self.assert_owns(table.store);
        // SAFETY: the object lives as long as the store, and `&self` means that no code runs.
        unsafe { self.tables[table.index as usize].as_ref() }
    }

    /// An element of a table; `None` outside of it.
    #[track_caller]
    pub fn table_get(&mut self, table: Handle, index: u64) -> Option<Value> {
        let table = self.table(table);
        let ty = table.ty().element();
        let slot = *table.elems().get(usize::try_from(index).ok()?)?;
        // SAFETY: elements of a table have its type and belong to its store.
        Some(unsafe { self.reference_from_slot(ty, slot) })
    }

    /// Sets `len` elements of a table from `index` on.
    ///
    /// # Errors
    ///
    /// When the value is no element for it; [`Trap::TableOutOfBounds`] outside of it.
    #[track_caller]
    pub fn table_fill(&mut self, table: Handle, index: u64, value: Value, len: u64) -> Result<()> {
        self.check_value(value, self.table(table).ty().element().into())?;
        let [slot, _] = self.slots_of(value);
        let end = index.checked_add(len).and_then(|end| usize::try_from(end).ok());
        let elems = self.table_mut(table).elems_mut();
        let range = end.and_then(|end| elems.get_mut(index as usize..end));
        range.ok_or(Trap::TableOutOfBounds)?.fill(slot);
        Ok(())
    }

    /// Copies `len` elements between tables, or within one.
    ///
    /// # Errors
    ///
    /// When the elements' types do not fit; [`Trap::TableOutOfBounds`] when a range is not inside
    /// its table. Nothing has been copied then.
    #[track_caller]
    pub fn table_copy(
        &mut self,
        target: Handle,
        target_index: u64,
        source: Handle,
        source_index: u64,
        len: u64,
    ) -> Result<()> {
        let (to, from) = (self.table(target), self.table(source));
        ensure!(
            self.types().ref_matches(from.ty().element(), to.ty().element()),
            "type mismatch: cannot copy elements of type {} to a table of {}",
            from.ty().element(),
            to.ty().element()
        );
        let range = |start: u64, size: usize| {
            let end = start.checked_add(len).filter(|&end| end <= size as u64);
            end.map(|end| start as usize..end as usize).ok_or(Trap::TableOutOfBounds)
        };
        let (to, from) = (range(target_index, to.len())?, range(source_index, from.len())?);
        if target == source {
            self.table_mut(target).elems_mut().copy_within(from, to.start);
        } else {
            let elems = self.table(source).elems()[from].to_vec();
            self.table_mut(target).elems_mut()[to].copy_from_slice(&elems);
        }
        Ok(())
    }

    /// A table, to write.
    #[inline]
    #[track_caller]
    pub(super) fn table_mut(&mut self, table: Handle) -> &mut Table {
        self.assert_owns(table.store);
        // SAFETY: as above, and the access is exclusive.
        unsafe { self.tables[table.index as usize].as_mut() }
    }

    /// The address that handlers know a table by.
    pub(super) fn table_ptr(&self, index: u32) -> NonNull<VmTable> {
        self.tables[index as usize].cast()
    }

    /// Grows a table by so many elements; the old size. Results as in [`VmStore::grow_memory`].
    ///
    /// # Errors
    ///
    /// When `init` is no element for it, or the embedder's limiter fails.
    pub fn grow_table(&mut self, table: Handle, delta: u64, init: Value) -> Result<Option<u64>> {
        self.check_value(init, self.table(table).ty().element().into())?;
        self.grow_table_slots(table, delta, self.slots_of(init)[0])
    }

    /// The same for a slot that fits.
    pub fn grow_table_slots(
        &mut self,
        table: Handle,
        delta: u64,
        init: Slot,
    ) -> Result<Option<u64>> {
        let inner = self.ctx.inner;
        let hooks = self.ctx.hooks;
        if delta == 0 {
            return Ok(Some(self.table(table).len() as u64));
        }
        let Some(growth) = self.table(table).growth(delta) else { return Ok(None) };
        // SAFETY: `inner` is this store; the hook touches only the embedder's part of it.
        if !unsafe { (hooks.growing)(inner, Resource::Table, &growth) }? {
            return Ok(None);
        }
        self.grow_table_allowed(table, &growth, init)
    }

    /// Grows a table as the embedder's limits have allowed.
    fn grow_table_allowed(
        &mut self,
        table: Handle,
        growth: &Growth,
        init: Slot,
    ) -> Result<Option<u64>> {
        let inner = self.ctx.inner;
        let hooks = self.ctx.hooks;
        let old = self.table(table).len() as u64;
        match self.table_mut(table).grow_to(growth.desired, init) {
            Ok(()) => Ok(Some(old)),
            Err(error) => {
                // SAFETY: as above.
                unsafe { (hooks.grow_failed)(inner, Resource::Table, error) }?;
                Ok(None)
            }
        }
    }

    /// `table.grow` as a runtime function; see [`VmStore::memory_grow`].
    ///
    /// # Safety
    ///
    /// `table` is one of this store's, and `init` a reference that it can hold.
    pub unsafe fn table_grow(
        &mut self,
        table: NonNull<VmTable>,
        delta: u64,
        init: Slot,
    ) -> Option<u64> {
        // SAFETY: the caller's promise.
        let handle = unsafe { self.handle_of_table(table) };
        self.guarded(|store| store.grow_table_slots(handle, delta, init))
    }

    /// The same, when the embedder has allowed it.
    ///
    /// # Safety
    ///
    /// As for [`VmStore::table_grow`].
    pub unsafe fn table_grow_allowed(
        &mut self,
        table: NonNull<VmTable>,
        growth: &Growth,
        init: Slot,
    ) -> Option<u64> {
        // SAFETY: the caller's promise.
        let handle = unsafe { self.handle_of_table(table) };
        self.guarded(|store| store.grow_table_allowed(handle, growth, init))
    }

    /// The handle of a table that handlers know.
    ///
    /// # Safety
    ///
    /// `table` is one of this store's.
    pub unsafe fn handle_of_table(&self, table: NonNull<VmTable>) -> Handle {
        // SAFETY: handlers only know tables that are the first field of a `Table`.
        let index = unsafe { table.cast::<Table>().as_ref() }.store_index;
        Handle { store: self.id, index }
    }

    /// Checks a number of objects against the embedder's limit.
    pub(super) fn check_count(&self, have: usize, limit: usize, what: &str) -> Result<()> {
        ensure!(have < limit, "resource limit exceeded: {what} count too high at {}", have + 1);
        Ok(())
    }

    /// Limits how many instances, tables and memories the store can have in all.
    pub fn limit_counts(&mut self, instances: usize, tables: usize, memories: usize) {
        self.tunables.max_instances = instances;
        self.tunables.max_tables = tables;
        self.tunables.max_memories = memories;
    }

    /// Asks the embedder's limits for a new object.
    pub(super) fn check_initial(&mut self, what: Resource, growth: &Growth) -> Result<()> {
        // SAFETY: `inner` is this store; the hook touches only the embedder's part of it.
        if unsafe { (self.ctx.hooks.growing)(self.ctx.inner, what, growth) }? {
            return Ok(());
        }
        Err(VmStore::refused(what, growth))
    }

    /// What is said when the embedder's limits do not allow an object.
    pub fn refused(what: Resource, growth: &Growth) -> Error {
        match what {
            Resource::Memory => {
                format_err!("memory minimum size of {} bytes exceeds memory limits", growth.desired)
            }
            Resource::Table | Resource::Heap => format_err!(
                "table minimum size of {} elements exceeds table limits",
                growth.desired
            ),
        }
    }

    /// Runs what may call the embedder on behalf of a handler, which cannot be unwound through.
    pub(super) fn guarded<R>(
        &mut self,
        f: impl FnOnce(&mut VmStore) -> Result<Option<R>>,
    ) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(|| f(self))) {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => {
                self.pending = Some(Failure::Host(error));
                None
            }
            Err(payload) => {
                self.pending = Some(Failure::Panic(payload));
                None
            }
        }
    }

    // ---- globals

    /// Makes a global of the host's own.
    ///
    /// # Errors
    ///
    /// When the value has another type.
    pub fn new_global(&mut self, ty: GlobalType, value: Value) -> Result<GlobalHandle> {
        self.check_value(value, ty.content())?;
        let value = self.slots_of(value);
        let index = self.host_globals.len() as u32;
        self.host_globals.push(HostGlobal { ty, cell: into_raw(value) });
        Ok(GlobalHandle { store: self.id, owner: HOST_OWNER, index })
    }

    /// The type of a global.
    #[track_caller]
    pub fn global_type(&self, global: GlobalHandle) -> GlobalType {
        self.assert_owns(global.store);
        match global.owner {
            HOST_OWNER => self.host_globals[global.index as usize].ty,
            owner => self.instances[owner as usize].info().globals[global.index as usize],
        }
    }

    /// Where a global's value is.
    pub(super) fn global_ptr(&self, global: GlobalHandle) -> NonNull<Slot> {
        match global.owner {
            HOST_OWNER => self.host_globals[global.index as usize].cell.cast(),
            owner => self.instances[owner as usize].defined_global_ptr(global.index),
        }
    }

    /// The value of a global.
    #[track_caller]
    pub fn global(&mut self, global: GlobalHandle) -> Value {
        let ty = self.global_type(global).content();
        let slots = self.global_slots(global);
        // SAFETY: a global's slots have its type and belong to its store.
        unsafe { self.value_from_slots(ty, slots) }
    }

    pub(super) fn global_slots(&self, global: GlobalHandle) -> [Slot; 2] {
        let two = self.global_type(global).content().slots() == 2;
        let ptr = self.global_ptr(global);
        // SAFETY: the place holds as many slots as the type says, and lives as long as the store.
        unsafe { [ptr.read(), if two { ptr.add(1).read() } else { 0 }] }
    }

    /// Sets a global.
    ///
    /// # Errors
    ///
    /// When it is immutable, or the value has another type.
    #[track_caller]
    pub fn set_global(&mut self, global: GlobalHandle, value: Value) -> Result<()> {
        let ty = self.global_type(global);
        ensure!(ty.mutability().is_var(), "immutable global cannot be set");
        self.check_value(value, ty.content())?;
        self.set_global_slots(global, self.slots_of(value));
        Ok(())
    }

    pub(super) fn set_global_slots(&mut self, global: GlobalHandle, value: [Slot; 2]) {
        let two = self.global_type(global).content().slots() == 2;
        let ptr = self.global_ptr(global);
        // SAFETY: as in `global_slots`, and the access is exclusive.
        unsafe {
            ptr.write(value[0]);
            if two {
                ptr.add(1).write(value[1]);
            }
        }
    }

    // ---- tags

    /// Makes an exception tag, of a type that the store uses.
    pub fn new_tag(&mut self, ty: TypeId) -> Handle {
        self.tags.push(ty);
        Handle { store: self.id, index: self.tags.len() as u32 - 1 }
    }

    /// The type of a tag.
    #[track_caller]
    pub fn tag(&self, tag: Handle) -> TypeId {
        self.assert_owns(tag.store);
        self.tags[tag.index as usize]
    }

    /// Place in the store of an instance's tag.
    #[inline]
    pub fn instance_tag(&self, instance: u32, tag: u32) -> u32 {
        self.instances[instance as usize].tags()[tag as usize]
    }

    // ---- host objects

    /// Gives a host object to the store, which is asked for when there is room; a reference to it. It is dropped when the program and the
    /// host hold no reference to it any more and a collection finds out.
    ///
    /// # Errors
    ///
    /// When the heap's limits leave no room.
    pub fn new_extern(
        &mut self,
        object: impl FnOnce() -> Box<dyn Any + Send + Sync>,
    ) -> Result<ObjectRef> {
        let slot = self.new_host_object(object)?;
        Ok(self.root(slot).expect("not null"))
    }

    /// The host object that a reference leads to; `None` if it leads to something else.
    #[track_caller]
    pub fn extern_data(&self, object: ObjectRef) -> Option<&(dyn Any + Send + Sync)> {
        self.host_objects.get(self.host_place(object)?)
    }

    /// The host object that a reference leads to, to write.
    #[track_caller]
    pub fn extern_data_mut(&mut self, object: ObjectRef) -> Option<&mut (dyn Any + Send + Sync)> {
        let place = self.host_place(object)?;
        self.host_objects.get_mut(place)
    }

    #[track_caller]
    fn host_place(&self, object: ObjectRef) -> Option<u32> {
        // SAFETY: handles hold live references.
        let header = unsafe { self.header_of(self.slot_of(object)) }?;
        (header.kind() == kind::EXTERN).then_some(header.len)
    }

    // ---- instances and segments

    /// An instance.
    #[inline]
    #[track_caller]
    pub fn instance(&self, instance: Handle) -> &Instance {
        self.assert_owns(instance.store);
        &self.instances[instance.index as usize]
    }

    /// Visits the references in globals that the host made.
    pub(super) fn host_global_roots(&self, visit: &mut dyn FnMut(RefType, Slot)) {
        for global in &self.host_globals {
            if let ValType::Ref(ty) = global.ty.content() {
                // SAFETY: the cell lives as long as the store and holds a value of the type.
                visit(ty, unsafe { global.cell.cast::<Slot>().read() });
            }
        }
    }

    /// An instance by its place.
    pub fn instance_at(&self, index: u32) -> &Instance {
        &self.instances[index as usize]
    }

    /// Instances made so far.
    pub fn instance_count(&self) -> usize {
        self.instances.len()
    }

    /// Memories made so far.
    pub fn memory_count(&self) -> usize {
        self.memories.len()
    }

    /// Tables made so far.
    pub fn table_count(&self) -> usize {
        self.tables.len()
    }

    /// The bytes of a data segment; empty once it has been dropped.
    pub fn data_segment(&self, instance: u32, segment: u32) -> &[u8] {
        self.instances[instance as usize].data(segment)
    }

    /// `data.drop`.
    pub fn data_drop(&mut self, instance: u32, segment: u32) {
        self.instances[instance as usize].drop_data(segment);
    }

    /// The elements of a segment; empty once it has been dropped.
    pub fn elem_segment(&self, instance: u32, segment: u32) -> &[Slot] {
        self.instances[instance as usize].elems(segment)
    }

    /// `elem.drop`.
    pub fn elem_drop(&mut self, instance: u32, segment: u32) {
        self.instances[instance as usize].drop_elems(segment);
    }
}

impl Drop for VmStore {
    fn drop(&mut self) {
        // Instances point to the objects below, and none of them is used any more.
        self.instances.clear();
        // No reference is followed any more, so host objects go one by one, without a collection.
        // SAFETY: every pointer came from `into_raw` and is used here for the last time.
        unsafe {
            self.memories.drain(..).for_each(|memory| match memory {
                AnyMemory::Own(ptr) => drop(Box::from_raw(ptr.as_ptr())),
                AnyMemory::Shared(shared) => drop(shared),
            });
            self.tables.drain(..).for_each(|ptr| drop(Box::from_raw(ptr.as_ptr())));
            self.host_funcs.drain(..).for_each(|ptr| drop(Box::from_raw(ptr.as_ptr())));
            self.host_globals.drain(..).for_each(|g| drop(Box::from_raw(g.cell.as_ptr())));
        }
    }
}

impl core::fmt::Debug for VmStore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("VmStore")
            .field("id", &self.id)
            .field("instances", &self.instances.len())
            .field("memories", &self.memories.len())
            .field("tables", &self.tables.len())
            .finish_non_exhaustive()
    }
}

/// Gives an object a fixed address; it is reached through that address alone from now on.
pub(super) fn into_raw<T>(object: T) -> NonNull<T> {
    NonNull::from(Box::leak(Box::new(object)))
}

#[cold]
#[inline(never)]
#[track_caller]
fn wrong_store() -> ! {
    panic!("object used with the wrong store")
}

static_assertions::const_assert_eq!(memoffset::offset_of!(VmStore, ctx), 0);
static_assertions::assert_impl_all!(VmStore: Send, Sync);
