//! Sequences of calls of the API, on several stores of two engines, with handles of any of them, with
//! host functions that fail, panic, suspend, throw, grow, collect and call back, and on other threads.
//!
//! The only panic that a call may end in is the one about a handle of another store or engine.
#![no_main]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use threadle::{
    Caller, Engine, ExnRef, ExnRefPre, ExnType, Extern, ExternRef, Func, FuncType, Global,
    GlobalType, Instance, InstancePre, Linker, Memory, MemoryType, Module, Mutability, OwnedRooted,
    Ref, RefType, Result, ResumableCall, Rooted, Store, StoreLimits, Suspend, SuspendedCall, Table,
    TableType, Tag, TagType, Val, ValType, WasmBacktrace, bail,
};
use threadle_fuzz::{Deadline, engines, limits};

/// What the host function does when it is called next.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Behaviour {
    Return(i8),
    Fail,
    Panic,
    Suspend,
    Call(u8, i8),
    Grow(u8),
    Collect,
    Throw(u8),
    Backtrace,
    Objects,
    SetTable(u8, u8),
}

#[derive(Arbitrary, Clone, Debug)]
enum Action {
    NewStore(bool),
    DropStore(u8),
    Instantiate { store: u8, other_engine: bool, how: u8, items: [u8; 5] },
    Pre { other_engine: bool, items: [u8; 5] },
    InstantiatePre { store: u8, pre: u8 },
    NewItems { store: u8, func: u8 },
    Behave { store: u8, behaviours: [Behaviour; 4] },
    Call { store: u8, func: u8, arg: i8 },
    Typed { store: u8, func: u8, arg: i8 },
    Start { store: u8, func: u8, arg: i8 },
    Resume { store: u8, call: u8, value: i8 },
    Abandon(u8),
    Memory { store: u8, memory: u8, by: u8 },
    Table { store: u8, table: u8, index: u8, func: u8, by: u8 },
    Global { store: u8, global: u8, value: u8 },
    Object { store: u8 },
    Pass { store: u8, instance: u8, object: u8 },
    Own { store: u8, object: u8 },
    Root { store: u8, owned: u8 },
    DropOwned(u8),
    Collect(u8),
    Exports { store: u8, instance: u8 },
    Pending(u8),
    Threads { one: u8, other: u8, func: u8, arg: i8 },
}

/// Handles, of whatever store.
#[derive(Default, Clone)]
struct Items {
    funcs: Vec<Func>,
    memories: Vec<Memory>,
    tables: Vec<Table>,
    globals: Vec<Global>,
    tags: Vec<Tag>,
    instances: Vec<Instance>,
    objects: Vec<Rooted<ExternRef>>,
}

struct Data {
    limits: StoreLimits,
    behaviours: Vec<Behaviour>,
    items: Items,
    depth: u32,
}

/// One of a list, if it has any.
fn pick<T>(list: &[T], which: u8) -> Option<&T> {
    list.get(usize::from(which) % list.len().max(1))
}

fn act(mut caller: Caller<'_, Data>, arg: i32) -> Result<i32> {
    let Some(behaviour) = caller.data_mut().behaviours.pop() else { return Ok(arg) };
    let items = caller.data().items.clone();
    match behaviour {
        Behaviour::Return(value) => return Ok(value.into()),
        Behaviour::Fail => bail!("the host function fails"),
        Behaviour::Panic => panic!("{EXPECTED}"),
        Behaviour::Suspend => return Err(Suspend::new(arg).into()),
        Behaviour::Call(func, arg) => {
            caller.data_mut().depth += 1;
            if caller.data().depth < 20
                && let Some(func) = pick(&items.funcs, func)
            {
                let result = call(&mut caller, func, arg.into());
                caller.data_mut().depth -= 1;
                return result;
            }
            caller.data_mut().depth -= 1;
        }
        Behaviour::Grow(memory) => {
            if let Some(memory) = pick(&items.memories, memory) {
                return Ok(memory.grow(&mut caller, 1)? as i32);
            }
        }
        Behaviour::Collect => caller.gc(None)?,
        Behaviour::Throw(tag) => {
            if let Some(tag) = pick(&items.tags, tag) {
                let ty = ExnType::from_tag_type(&tag.ty(&caller))?;
                let pre = ExnRefPre::new(&mut caller, ty);
                let exception = ExnRef::new(&mut caller, &pre, tag, &[Val::I32(arg)])?;
                return caller.throw(exception);
            }
        }
        Behaviour::Backtrace => {
            let text = WasmBacktrace::force_capture(&caller).to_string();
            return Ok(text.len() as i32);
        }
        Behaviour::Objects => {
            for number in 0..20 {
                let object = ExternRef::new(&mut caller, number)?;
                caller.data_mut().items.objects.push(object);
            }
            caller.data_mut().items.objects.truncate(200);
        }
        Behaviour::SetTable(table, func) => {
            if let (Some(table), Some(func)) =
                (pick(&items.tables, table), pick(&items.funcs, func))
            {
                table.set(&mut caller, 0, Ref::Func(Some(*func)))?;
            }
        }
    }
    Ok(arg)
}

fn keep(
    mut caller: Caller<'_, Data>,
    object: Option<Rooted<ExternRef>>,
) -> Result<Option<Rooted<ExternRef>>> {
    if caller.data_mut().behaviours.pop().is_some() {
        caller.gc(None)?;
    }
    if let Some(object) = object {
        // What came in is alive while this runs.
        assert!(object.data(&caller)?.is_some_and(|data| data.is::<i32>()));
    }
    Ok(object)
}

fn call(mut store: impl threadle::AsContextMut<Data = Data>, func: &Func, arg: i32) -> Result<i32> {
    let ty = func.ty(&store);
    let args: Vec<Val> = ty
        .params()
        .map(|ty| match ty {
            ValType::I32 => Val::I32(arg),
            ty => Val::default_for_ty(&ty).expect("all parameters have defaults"),
        })
        .collect();
    let mut results = vec![Val::I32(0); ty.results().len()];
    func.call(&mut store, &args, &mut results)?;
    Ok(results.first().and_then(Val::i32).unwrap_or(0))
}

const EXPECTED: &str = "a host function's own panic";

/// Panics that the documentation names: those about what belongs to another store or engine.
fn allowed(message: &str) -> bool {
    const KNOWN: [&str; 6] = [
        EXPECTED,
        "wrong store",
        "wrong engine",
        "different engine",
        "cross-`Store`",
        "cross-`Engine`",
    ];
    KNOWN.iter().any(|known| message.contains(known))
}

thread_local! {
    /// Whether the last panic of this thread was one of those.
    static UNEXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Does something that may panic about a handle that is not the store's.
fn attempt<T>(action: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(action));
    if UNEXPECTED.get() {
        std::process::abort();
    }
    result.ok()
}

/// A module for each engine, and linkers with the host's functions.
fn modules() -> &'static [(Module, Linker<Data>); 2] {
    static MODULES: LazyLock<[(Module, Linker<Data>); 2]> = LazyLock::new(|| {
        engines().each_ref().map(|engine: &Engine| {
            let module = Module::new(engine, include_str!("modules.wat")).expect("a valid module");
            let mut linker = Linker::new(engine);
            linker.allow_shadowing(true);
            linker.func_wrap("host", "act", act).expect("a definition");
            linker.func_wrap("host", "keep", keep).expect("a definition");
            (module, linker)
        })
    });
    &MODULES
}

#[derive(Default)]
struct World {
    stores: Vec<Store<Data>>,
    items: Items,
    pres: Vec<InstancePre<Data>>,
    suspended: Vec<SuspendedCall<Vec<Val>>>,
    owned: Vec<OwnedRooted<ExternRef>>,
}

const PATIENCE: Duration = Duration::from_millis(50);

impl World {
    /// The store that is meant, with all handles, of all stores, for its host functions.
    fn store(&mut self, which: u8) -> Option<&mut Store<Data>> {
        let at = usize::from(which) % self.stores.len().max(1);
        let store = self.stores.get_mut(at)?;
        store.data_mut().items = self.items.clone();
        store.data_mut().depth = 0;
        Some(store)
    }

    /// A linker of the engine with whatever items are meant.
    fn linker(&mut self, store: u8, other_engine: bool, items: &[u8; 5]) -> Option<Linker<Data>> {
        let known = self.items.clone();
        let mut linker = modules()[usize::from(other_engine)].1.clone();
        let store = self.store(store)?;
        let externs: [(&str, Option<Extern>); 5] = [
            ("func", pick(&known.funcs, items[0]).map(|it| (*it).into())),
            ("memory", pick(&known.memories, items[1]).map(|it| (*it).into())),
            ("table", pick(&known.tables, items[2]).map(|it| (*it).into())),
            ("global", pick(&known.globals, items[3]).map(|it| (*it).into())),
            ("tag", pick(&known.tags, items[4]).map(|it| (*it).into())),
        ];
        attempt(|| -> Result<()> {
            for (name, item) in externs {
                if let Some(item) = item {
                    linker.define(&*store, "", name, item)?;
                }
            }
            Ok(())
        })?
        .ok()?;
        Some(linker)
    }

    fn instantiated(&mut self, store: u8, instance: Option<Result<Instance>>) {
        if let Some(Ok(instance)) = instance {
            self.items.instances.push(instance);
            self.exports(store, instance);
        }
    }

    fn exports(&mut self, store: u8, instance: Instance) {
        let Some(store) = self.store(store) else { return };
        let exports = attempt(|| -> Vec<Extern> {
            instance.exports(store).map(|export| export.into_extern()).collect()
        });
        for item in exports.into_iter().flatten() {
            let items = &mut self.items;
            match item {
                Extern::Func(it) => items.funcs.push(it),
                Extern::Memory(it) => items.memories.push(it),
                Extern::Table(it) => items.tables.push(it),
                Extern::Global(it) => items.globals.push(it),
                Extern::Tag(it) => items.tags.push(it),
                _ => {}
            }
        }
    }

    fn suspended(&mut self, call: Option<Result<ResumableCall<Vec<Val>>>>) {
        if let Some(Ok(ResumableCall::Suspended(call))) = call
            && self.suspended.len() < 50
        {
            self.suspended.push(call);
        }
    }

    fn step(&mut self, action: &Action) {
        let items = self.items.clone();
        match action {
            Action::NewStore(other) => {
                if self.stores.len() < 6 {
                    let data = Data {
                        limits: limits(),
                        behaviours: Vec::new(),
                        items: Items::default(),
                        depth: 0,
                    };
                    let mut store = Store::new(&engines()[usize::from(*other)], data);
                    store.limiter(|data| &mut data.limits);
                    self.stores.push(store);
                }
            }
            Action::DropStore(which) => {
                if self.stores.len() > 1 {
                    // Its handles stay, and are of no use from now on.
                    let at = usize::from(*which) % self.stores.len();
                    drop(self.stores.swap_remove(at));
                }
            }
            Action::Instantiate { store, other_engine, how, items: chosen } => {
                let Some(linker) = self.linker(*store, *other_engine, chosen) else { return };
                let Some(target) = self.store(*store) else { return };
                let module = &modules()[usize::from(*other_engine)].0;
                let handle = target.interrupt_handle();
                let _deadline = Deadline::new(handle, PATIENCE);
                let instance = attempt(|| match how % 2 {
                    0 => linker.instantiate(&mut *target, module),
                    _ => {
                        let mut imports = Vec::new();
                        for import in module.imports() {
                            let item = linker.get_by_import(&mut *target, &import);
                            imports.push(item.ok_or_else(|| threadle::format_err!("none"))?);
                        }
                        Instance::new(&mut *target, module, &imports)
                    }
                });
                self.instantiated(*store, instance);
            }
            Action::Pre { other_engine, items: chosen } => {
                let Some(linker) = self.linker(chosen[0], *other_engine, chosen) else { return };
                let module = &modules()[usize::from(*other_engine)].0;
                if let Some(Ok(pre)) = attempt(|| linker.instantiate_pre(module))
                    && self.pres.len() < 20
                {
                    self.pres.push(pre);
                }
            }
            Action::InstantiatePre { store, pre } => {
                let Some(pre) = pick(&self.pres, *pre).cloned() else { return };
                let Some(target) = self.store(*store) else { return };
                let instance = attempt(|| pre.instantiate(target));
                self.instantiated(*store, instance);
            }
            Action::NewItems { store, func } => {
                let Some(store) = self.store(*store) else { return };
                let made = attempt(|| -> Result<()> {
                    let mut new = Items::default();
                    new.memories.push(Memory::new(&mut *store, MemoryType::new(1, Some(4)))?);
                    let init = Ref::Func(pick(&items.funcs, *func).copied());
                    let table = TableType::new(RefType::FUNCREF, 2, Some(20));
                    new.tables.push(Table::new(&mut *store, table, init)?);
                    let global = GlobalType::new(ValType::I32, Mutability::Var);
                    new.globals.push(Global::new(&mut *store, global, Val::I32(1))?);
                    let tag = TagType::new(FuncType::new(store.engine(), [ValType::I32], []));
                    new.tags.push(Tag::new(&mut *store, &tag)?);
                    new.funcs.push(Func::wrap(&mut *store, act));
                    store.data_mut().items = new;
                    Ok(())
                });
                if let Some(Ok(())) = made {
                    let new = std::mem::take(&mut store.data_mut().items);
                    self.items.memories.extend(new.memories);
                    self.items.tables.extend(new.tables);
                    self.items.globals.extend(new.globals);
                    self.items.tags.extend(new.tags);
                    self.items.funcs.extend(new.funcs);
                }
            }
            Action::Behave { store, behaviours } => {
                if let Some(store) = self.store(*store) {
                    store.data_mut().behaviours = behaviours.to_vec();
                }
            }
            Action::Call { store, func, arg } => {
                let Some(func) = pick(&items.funcs, *func) else { return };
                let Some(store) = self.store(*store) else { return };
                let _deadline = Deadline::new(store.interrupt_handle(), PATIENCE);
                if let Some(Err(error)) = attempt(|| call(&mut *store, func, (*arg).into())) {
                    drop(format!("{error:?}"));
                }
            }
            Action::Typed { store, func, arg } => {
                let Some(func) = pick(&items.funcs, *func) else { return };
                let Some(store) = self.store(*store) else { return };
                let _deadline = Deadline::new(store.interrupt_handle(), PATIENCE);
                attempt(|| func.typed::<i32, i32>(&*store)?.call(&mut *store, (*arg).into()));
            }
            Action::Start { store, func, arg } => {
                let Some(func) = pick(&items.funcs, *func) else { return };
                let Some(store) = self.store(*store) else { return };
                let _deadline = Deadline::new(store.interrupt_handle(), PATIENCE);
                let call = attempt(|| func.call_resumable(&mut *store, &[Val::I32((*arg).into())]));
                self.suspended(call);
            }
            Action::Resume { store, call, value } => {
                if self.suspended.is_empty() {
                    return;
                }
                let at = usize::from(*call) % self.suspended.len();
                let call = self.suspended.swap_remove(at);
                let Some(store) = self.store(*store) else { return };
                let _deadline = Deadline::new(store.interrupt_handle(), PATIENCE);
                let call = attempt(|| call.resume(&mut *store, &[Val::I32((*value).into())]));
                self.suspended(call);
            }
            Action::Abandon(call) => {
                if !self.suspended.is_empty() {
                    let at = usize::from(*call) % self.suspended.len();
                    self.suspended.swap_remove(at);
                }
            }
            Action::Memory { store, memory, by } => {
                let Some(memory) = pick(&items.memories, *memory) else { return };
                let Some(store) = self.store(*store) else { return };
                attempt(|| -> Result<()> {
                    let size = memory.data_size(&*store);
                    let grown = memory.grow(&mut *store, u64::from(*by % 3));
                    let data = memory.data_mut(&mut *store);
                    assert!(data.len() >= size, "{grown:?}");
                    if let Some(last) = data.last_mut() {
                        *last = last.wrapping_add(1);
                    }
                    Ok(())
                });
            }
            Action::Table { store, table, index, func, by } => {
                let Some(table) = pick(&items.tables, *table) else { return };
                let func = pick(&items.funcs, *func).copied();
                let Some(store) = self.store(*store) else { return };
                attempt(|| -> Result<()> {
                    let null = Ref::null(table.ty(&*store).element().heap_type());
                    table.grow(&mut *store, u64::from(*by % 3), null)?;
                    let index = u64::from(*index) % table.size(&*store).max(1);
                    table.set(&mut *store, index, Ref::Func(func))?;
                    let _ = table.get(&mut *store, index);
                    table.fill(&mut *store, 0, Ref::Func(func), 1)?;
                    Ok(())
                });
            }
            Action::Global { store, global, value } => {
                let Some(global) = pick(&items.globals, *global) else { return };
                let Some(store) = self.store(*store) else { return };
                attempt(|| -> Result<()> {
                    global.set(&mut *store, Val::I32((*value).into()))?;
                    assert!(
                        matches!(global.get(&mut *store), Val::I32(got) if got == i32::from(*value))
                    );
                    global.set(&mut *store, Val::I64(1)).expect_err("another type");
                    Ok(())
                });
            }
            Action::Object { store } => {
                let Some(store) = self.store(*store) else { return };
                if let Some(Ok(object)) = attempt(|| ExternRef::new(&mut *store, 7_i32)) {
                    self.items.objects.push(object);
                    if self.items.objects.len() > 100 {
                        self.items.objects.remove(0);
                    }
                }
            }
            Action::Pass { store, instance, object } => {
                let Some(instance) = pick(&items.instances, *instance) else { return };
                let object = pick(&items.objects, *object).copied();
                let Some(store) = self.store(*store) else { return };
                let passed = attempt(|| -> Result<Option<Rooted<ExternRef>>> {
                    type Pass = Option<Rooted<ExternRef>>;
                    let pass = instance.get_typed_func::<Pass, Pass>(&mut *store, "pass")?;
                    pass.call(&mut *store, object)
                });
                if let Some(Ok(Some(object))) = passed {
                    let data = attempt(|| object.data(&*store).map(|it| it.is_some()));
                    assert!(matches!(data, Some(Ok(true))), "a result is alive");
                }
            }
            Action::Own { store, object } => {
                let Some(object) = pick(&items.objects, *object) else { return };
                let Some(store) = self.store(*store) else { return };
                if let Some(Ok(owned)) = attempt(|| object.to_owned_rooted(store))
                    && self.owned.len() < 100
                {
                    self.owned.push(owned);
                }
            }
            Action::Root { store, owned } => {
                let Some(owned) = pick(&self.owned, *owned).cloned() else { return };
                let Some(store) = self.store(*store) else { return };
                let object = attempt(|| {
                    let object = owned.to_rooted(&mut *store);
                    let data = object.data(&*store).expect("it is rooted").expect("it has data");
                    assert!(data.is::<i32>());
                    object
                });
                self.items.objects.extend(object);
            }
            Action::DropOwned(owned) => {
                if !self.owned.is_empty() {
                    let at = usize::from(*owned) % self.owned.len();
                    self.owned.swap_remove(at);
                }
            }
            Action::Collect(store) => {
                if let Some(store) = self.store(*store) {
                    attempt(|| store.gc(None));
                }
            }
            Action::Exports { store, instance } => {
                if let Some(instance) = pick(&items.instances, *instance)
                    && self.items.funcs.len() < 500
                {
                    self.exports(*store, *instance);
                }
            }
            Action::Pending(store) => {
                if let Some(store) = self.store(*store)
                    && let Some(exception) = store.take_pending_exception()
                {
                    attempt(|| exception.field(&mut *store, 0));
                }
            }
            Action::Threads { one, other, func, arg } => {
                let Some(func) = pick(&items.funcs, *func) else { return };
                let count = self.stores.len();
                if count < 2 {
                    return;
                }
                let one = usize::from(*one) % count;
                let other = (one + 1 + usize::from(*other) % (count - 1)) % count;
                for at in [one, other] {
                    self.stores[at].data_mut().items = items.clone();
                }
                let handles = [one, other].map(|at| self.stores[at].interrupt_handle());
                let [one, other] = self.stores.get_disjoint_mut([one, other]).expect("two");
                std::thread::scope(|scope| {
                    let threads = [one, other].map(|store| {
                        scope.spawn(move || attempt(|| call(&mut *store, func, (*arg).into())))
                    });
                    std::thread::sleep(Duration::from_micros(200));
                    for handle in &handles {
                        handle.interrupt();
                    }
                    // The scope waits for the closures alone; what the system keeps for a thread that ends
                    // afterwards would be taken for a leak.
                    for thread in threads {
                        let _ = thread.join();
                    }
                });
                for handle in handles {
                    handle.cancel();
                }
            }
        }
    }
}

fuzz_target!(
    init: {
        // The panics that are part of the game are silent; others end the process after the message.
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let message = info.payload_as_str().unwrap_or_default();
            if !allowed(message) {
                UNEXPECTED.set(true);
                default(info);
            }
        }));
    },
    |actions: Vec<Action>| {
        let mut world = World::default();
        world.step(&Action::NewStore(false));
        world.step(&Action::NewStore(true));
        for store in 0..2 {
            world.step(&Action::NewItems { store, func: 0 });
            let items = [store; 5];
            world.step(&Action::Instantiate { store, other_engine: store == 1, how: 0, items });
        }
        for action in actions.iter().take(80) {
            world.step(action);
        }
    }
);
