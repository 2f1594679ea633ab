//! The store: owner of every object that handlers hold addresses of.

use alloc::sync::{Arc, Weak};
use core::any::Any;
use core::panic::AssertUnwindSafe;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicPtr;

use super::context::{Hooks, Resource};
use super::ending::Ending;
use super::exception::Exceptions;
use super::func::{HostShim, VmHostFunc};
use super::handle::{FuncRef, Handle, StoreId};
use super::heap::{Heap, kind};
use super::host_objects::HostObjects;
use super::instance::Instance;
use super::interrupt::InterruptState;
use super::limits::StoreTunables;
use super::memory::{Growth, LinearMemory};
use super::metering::Fuel;
use super::outcome::Outcome;
use super::poller::Poller;
use super::raw::into_raw;
use super::roots::Roots;
use super::shared::SharedLinear;
use super::stack::ValueStack;
use super::table::Table;
use super::types::TypeTable;
use super::value::{HeldRef, ObjectRef};
use super::{Slot, StoreCtx, VmCtx, VmFunc};
use crate::error::{Error, Result, ensure, format_err};
use crate::index::TypeId;
use crate::prelude::*;
use crate::sys::standard::{HashSet, catch_unwind};
use crate::trap::Trap;
use crate::types::{GlobalType, MemoryType};
use crate::wasm::{RegisteredType, TypeRegistry};

/// What stores need of the layer that executes code: the same for all.
#[derive(Debug)]
pub struct Executor {
    /// Adds the references in the frames of all activations to a list.
    pub frame_roots: fn(store: &VmStore, roots: &mut Vec<Slot>),
    /// The handler that calls an imported function: of the host's, or of an instance's; and where
    /// somebody may pin floats, or not ([`StoreCtx::pins_floats`]).
    pub import_call: fn(is_host: bool, pins_floats: bool) -> *const (),
}

/// The store, without the embedder's data. [`super::owner::StoreOwner`] keeps it in place.
#[repr(C)]
pub struct VmStore {
    /// What handlers see. First, so that a pointer to it is a pointer to the store.
    pub ctx: StoreCtx,
    id: StoreId,
    /// What calls from outside compare their function's store with; see [`VmStore::entry_id`].
    entry_id: StoreId,
    /// Something of the store's has to be waited for.
    requires_async: bool,
    /// What is called in place of the shims of host functions.
    host_shim: Option<HostShim>,
    /// The context that host functions see when the host calls them.
    root: VmCtx,
    /// Why the activation ends; `None` if [`StoreCtx::trap`] says it.
    pub pending: Option<Ending>,
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
    /// Bytes of code that was translated for this store, and the modules among them that were translated
    /// ahead of any call, by address.
    code_bytes: usize,
    pub(super) modules_ahead: HashSet<usize>,
    /// The exceptions.
    pub exceptions: Exceptions,
    /// Who polls the asynchronous call that runs.
    pub poller: Poller,
}

/// A memory: the store's own, or one that it has in common with others.
pub(super) enum AnyMemory {
    Own(NonNull<LinearMemory>),
    Shared(Arc<SharedLinear>),
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
        let stack = tunables.stacks.take()?;
        let id = StoreId::fresh();
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
            id,
            entry_id: id,
            requires_async: false,
            host_shim: None,
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
            code_bytes: 0,
            modules_ahead: HashSet::new(),
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
            (*this).root.mem0 = super::memory::no_memory();
        }
    }

    /// Identity of the store.
    #[inline]
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// What the fastest ways into a function compare its store with: [`VmStore::id`], unless
    /// whoever enters has to be asked something first. Then it equals no function's, and one
    /// comparison tells both that and whether the store is the right one.
    #[inline]
    pub fn entry_id(&self) -> StoreId {
        self.entry_id
    }

    /// Makes all calls from outside take the slower way from now on.
    pub fn guard_entries(&mut self) {
        self.entry_id = StoreId::GUARDED;
    }

    /// From now on something may have to be waited for, so that calls have to be asynchronous.
    pub fn require_async(&mut self) {
        self.requires_async = true;
        self.guard_entries();
    }

    /// Is something to be waited for in a call that begins now? Not in one that a host function begins:
    /// there the outermost call decides.
    pub fn requires_async(&self) -> bool {
        self.requires_async && self.ctx.activations_left == self.tunables.max_activations
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

    // ---- endings

    /// Notes why the activation ends, or is suspended; what handlers are to be told.
    pub fn end(&mut self, ending: Ending) -> Outcome {
        let outcome = ending.outcome();
        self.pending = Some(ending);
        outcome
    }

    /// Why the activation that was just left ended. `None` if nobody said.
    pub fn take_ending(&mut self) -> Option<Ending> {
        let trap = Trap::from_u8(core::mem::take(&mut self.ctx.trap) as u8);
        self.pending.take().or(trap.map(Ending::Trapped))
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
            (*host).shim = self.host_shim.unwrap_or((*host).own_shim);
            (*host).entry.pc = AtomicPtr::new((&raw mut (*host).stub).cast());
            (*host).func.code = &raw const (*host).entry;
        }
        self.host_funcs.push(ptr);
        self.func_ref(ptr.cast())
    }

    /// Has `shim` called in place of those of all host functions, present and future; it finds theirs
    /// in [`VmHostFunc::own_shim`].
    pub fn wrap_host_funcs(&mut self, shim: HostShim) {
        self.host_shim = Some(shim);
        for host in &self.host_funcs {
            // SAFETY: host functions live as long as the store. Whoever calls one reads the shim first,
            // and nobody has a reference to it now that the store is borrowed exclusively.
            unsafe { (*host.as_ptr()).shim = shim };
        }
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

    /// Asks the embedder's limits for so many bytes of code more.
    ///
    /// # Errors
    ///
    /// When they refuse.
    pub fn take_code(&mut self, bytes: usize) -> Result<()> {
        let desired = self.code_bytes.saturating_add(bytes);
        let growth = Growth { current: self.code_bytes, desired, maximum: None };
        self.check_initial(Resource::Code, &growth)?;
        self.code_bytes = desired;
        Ok(())
    }

    /// What is said when the embedder's limits do not allow an object.
    pub fn refused(what: Resource, growth: &Growth) -> Error {
        const PAGE: usize = 1 << MemoryType::DEFAULT_PAGE_SIZE_LOG2;
        match what {
            Resource::Memory => {
                let (count, unit) = match growth.desired {
                    bytes if bytes.is_multiple_of(PAGE) => (bytes / PAGE, "pages"),
                    bytes => (bytes, "bytes"),
                };
                format_err!("memory minimum size of {count} {unit} exceeds memory limits")
            }
            Resource::Code => {
                format_err!(
                    "translated code of {} bytes exceeds the store's limits",
                    growth.desired
                )
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
                self.end(Ending::Failed(error));
                None
            }
            Err(payload) => {
                self.end(Ending::Panicked(payload));
                None
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
    pub fn extern_data(&self, object: &impl HeldRef) -> Option<&(dyn Any + Send + Sync)> {
        self.host_objects.get(self.host_place(object)?)
    }

    /// The host object that a reference leads to, to write.
    #[track_caller]
    pub fn extern_data_mut(
        &mut self,
        object: &impl HeldRef,
    ) -> Option<&mut (dyn Any + Send + Sync)> {
        let place = self.host_place(object)?;
        self.host_objects.get_mut(place)
    }

    #[track_caller]
    fn host_place(&self, object: &impl HeldRef) -> Option<u32> {
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

impl VmCtx {
    /// The store that an instance lives in.
    ///
    /// # Safety
    ///
    /// `ctx` points to a live context, and while the result is used nothing else uses the store:
    /// the caller is a runtime function, run by a handler that has published its state.
    #[inline]
    pub unsafe fn store_mut<'a>(ctx: *mut VmCtx) -> &'a mut VmStore {
        // SAFETY: a live context points to its store's context, whose `inner` is the store.
        unsafe { &mut *(*(*ctx).store).inner.cast::<VmStore>() }
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

#[cold]
#[inline(never)]
#[track_caller]
fn wrong_store() -> ! {
    panic!("object used with the wrong store")
}

static_assertions::const_assert_eq!(memoffset::offset_of!(VmStore, ctx), 0);
static_assertions::assert_impl_all!(VmStore: Send, Sync);
