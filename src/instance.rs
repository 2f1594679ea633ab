//! Instances of modules.

use crate::engine::Engine;
use crate::error::{Result, ensure, format_err};
use crate::extern_::{Export, Extern};
use crate::func::{Func, TypedFunc, WasmParams, WasmResults};
use crate::gc::with_out_of_memory;
use crate::global::Global;
use crate::linker::CROSS_ENGINE;
use crate::memory::Memory;
use crate::module::{Module, ModuleExport};
use crate::prelude::*;
use crate::shared_memory::SharedMemory;
use crate::store::{AsContext, AsContextMut, StoreContextMut};
use crate::table::Table;
use crate::tag::Tag;
use crate::vm::external::External;
use crate::vm::handle::Handle;
use crate::wasm::Entity;

/// An instance of a module, in a store.
///
/// All methods panic if the instance belongs to another store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Instance(pub(crate) Handle);

impl Instance {
    /// Makes an instance, with `imports` in the order of [`Module::imports`], and runs its start
    /// function. [`Linker`](crate::Linker) finds imports by name.
    ///
    /// # Errors
    ///
    /// When imports are missing or do not fit, limits refuse, a segment does not fit its memory or
    /// table (a [`Trap`](crate::Trap)), or the start function fails, as for [`Func::call`]. What
    /// was written to imported memories and tables before the failure stays written. Also when an
    /// import belongs to another store, or the module to another engine.
    pub fn new(
        mut store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Instance> {
        let mut store = store.as_context_mut();
        let imports = store.externals(imports)?;
        Instance::from_externals(&mut store, module, &imports)
    }

    /// Like [`Instance::new`], for modules whose start function may call asynchronous functions, and
    /// stores with an asynchronous limiter.
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    pub async fn new_async(
        mut store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Instance> {
        let mut store = store.as_context_mut();
        let imports = store.externals(imports)?;
        Instance::from_externals_async(&mut store, module, &imports).await
    }

    pub(crate) fn from_externals<T>(
        store: &mut StoreContextMut<'_, T>,
        module: &Module,
        imports: &[External],
    ) -> Result<Instance> {
        ensure!(Engine::same(store.engine(), module.engine()), CROSS_ENGINE);
        store.check_sync()?;
        check_shared_memories(module)?;
        let share = store.engine().pool().map(|pool| pool.take(module.info())).transpose()?;
        let instance = store.0.vm_mut().instantiate(module.code().clone(), imports);
        let instance = Instance(instance.map_err(with_out_of_memory)?);
        store.0.user_mut().keep(share);
        if let Some(start) = instance.start(store, module)? {
            start.start(store, instance.0)?;
        }
        Ok(instance)
    }

    pub(crate) async fn from_externals_async<T>(
        store: &mut StoreContextMut<'_, T>,
        module: &Module,
        imports: &[External],
    ) -> Result<Instance> {
        ensure!(Engine::same(store.engine(), module.engine()), CROSS_ENGINE);
        check_shared_memories(module)?;
        let share = store.engine().pool().map(|pool| pool.take(module.info())).transpose()?;
        for (what, growth) in crate::vm::instance::initial_sizes(module.info())? {
            store.ask_limiter(what, &growth).await?;
        }
        let code = module.code().clone();
        let instance = store.with_answers(|store| store.0.vm_mut().instantiate(code, imports));
        let instance = Instance(instance.map_err(with_out_of_memory)?);
        store.0.user_mut().keep(share);
        if let Some(start) = instance.start(store, module)? {
            start.start_async(store, instance.0).await?;
        }
        Ok(instance)
    }

    /// The function that runs when the instance is made.
    fn start<T>(&self, store: &StoreContextMut<'_, T>, module: &Module) -> Result<Option<Func>> {
        let Some(start) = module.info().start else { return Ok(None) };
        let start = self.entity(store, Entity::Func(start)).into_func();
        start.map(Some).ok_or_else(|| format_err!("the start function is not one"))
    }

    /// The module that this is an instance of.
    pub fn module(&self, store: impl AsContext) -> Module {
        let store = store.as_context();
        Module::of_code(store.engine(), store.0.vm().instance(self.0).code())
    }

    /// All exports, in the module's order.
    pub fn exports<'a, T: 'static>(
        &self,
        store: impl Into<StoreContextMut<'a, T>>,
    ) -> impl ExactSizeIterator<Item = Export<'a>> {
        let store = store.into();
        let engine = store.engine().clone();
        let (vm, _) = store.split();
        let vm: &'a crate::vm::VmStore = vm;
        let this = self.0;
        let instance = vm.instance(this);
        instance.info().exports.iter().map(move |(name, &entity)| {
            let external = instance.external(this, entity);
            Export::new(name, Extern::from_external(external, vm, &engine))
        })
    }

    /// The export with this name.
    pub fn get_export(&self, mut store: impl AsContextMut, name: &str) -> Option<Extern> {
        let store = store.as_context_mut();
        let entity = *store.0.vm().instance(self.0).info().exports.get(name)?;
        Some(self.entity(&store, entity))
    }

    /// The export at a place; `None` if it is another module's.
    pub fn get_module_export(
        &self,
        mut store: impl AsContextMut,
        export: &ModuleExport,
    ) -> Option<Extern> {
        let store = store.as_context_mut();
        let entity =
            export.of(&Module::of_code(store.engine(), store.0.vm().instance(self.0).code()))?;
        Some(self.entity(&store, entity))
    }

    pub(crate) fn entity(&self, store: impl AsContext, entity: Entity) -> Extern {
        let store = store.as_context();
        let external = store.0.vm().instance(self.0).external(self.0, entity);
        Extern::from_external(external, store.0.vm(), store.engine())
    }

    /// The exported function with this name.
    pub fn get_func(&self, store: impl AsContextMut, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// The exported function with this name, with types known at compile time.
    ///
    /// # Errors
    ///
    /// When there is no such function, or its type does not fit; both name it.
    pub fn get_typed_func<Params, Results>(
        &self,
        mut store: impl AsContextMut,
        name: &str,
    ) -> Result<TypedFunc<Params, Results>>
    where
        Params: WasmParams,
        Results: WasmResults,
    {
        let export = self.get_export(&mut store, name);
        ensure!(export.is_some(), "no export `{name}`");
        let func = export.and_then(Extern::into_func);
        let func = func.ok_or_else(|| format_err!("export `{name}` is not a function"))?;
        func.typed(store).map_err(|error| error.context(format!("cannot use export `{name}`")))
    }

    /// The exported memory with this name, if it is not shared.
    pub fn get_memory(&self, store: impl AsContextMut, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// The exported shared memory with this name.
    pub fn get_shared_memory(&self, store: impl AsContextMut, name: &str) -> Option<SharedMemory> {
        self.get_export(store, name)?.into_shared_memory()
    }

    /// The exported table with this name.
    pub fn get_table(&self, store: impl AsContextMut, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }

    /// The exported global with this name.
    pub fn get_global(&self, store: impl AsContextMut, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }

    /// The exported tag with this name.
    pub fn get_tag(&self, store: impl AsContextMut, name: &str) -> Option<Tag> {
        self.get_export(store, name)?.into_tag()
    }
}

/// Checks that a module makes no shared memories unless the configuration lets it.
///
/// # Errors
///
/// If it does.
fn check_shared_memories(module: &Module) -> Result<()> {
    let info = module.info();
    let mut own = info.memories.iter().skip(info.num_imported_memories as usize);
    ensure!(
        module.engine().config().has_shared_memories() || !own.any(|ty| ty.is_shared()),
        "shared memories are disabled: see `Config::shared_memory`"
    );
    Ok(())
}
