//! Linking: finding what modules import by name.

use alloc::sync::Arc;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::{Context, Error, Printable, Result, bail, ensure, format_err};
use crate::extern_::Extern;
use crate::func::{Func, HostFunc, IntoFunc, ValRaw, WasmRet, WasmTyList};
use crate::instance::Instance;
use crate::module::Module;
use crate::prelude::*;
use crate::store::{AsContext, AsContextMut, StoreContextMut};
use crate::sys::standard::hash_map::{Entry, HashMap};
use crate::ty::{ExternType, FuncType, ImportType};
use crate::val::Val;
use crate::vm::external::External;

/// A set of definitions, by module name and name, from which imports are taken.
///
/// Host functions are defined without a store and work in all of them; other definitions belong to
/// one store.
///
/// Data of another type will not do, even if only lifetimes differ: a host function might keep what
/// is gone.
///
/// ```compile_fail
/// use threadle::Linker;
///
/// fn shorter(linker: Linker<fn(&'static str)>) -> Linker<for<'a> fn(&'a str)> {
///     linker
/// }
/// ```
///
/// ```compile_fail
/// use threadle::Linker;
///
/// fn longer(linker: Linker<for<'a> fn(&'a str)>) -> Linker<fn(&'static str)> {
///     linker
/// }
/// ```
pub struct Linker<T: 'static> {
    engine: Engine,
    /// Names are interned: modules and imports repeat them.
    names: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    definitions: HashMap<(u32, u32), Definition>,
    /// In the order of definition, for iteration.
    order: Vec<(u32, u32)>,
    allow_shadowing: bool,
    allow_unknown_exports: bool,
    data: Invariant<T>,
}

/// Host functions both take a store's data and put into it, so that no other type of data will do,
/// not even one that differs in lifetimes only.
type Invariant<T> = core::marker::PhantomData<fn(T) -> T>;

#[derive(Clone)]
enum Definition {
    Host(HostFunc),
    /// An item of a store of this engine.
    Extern(Extern, Engine),
}

/// What toolchains have commands export whether anybody wants it or not.
const HARMLESS_EXPORTS: [&str; 7] = [
    "memory",
    "table",
    "__indirect_function_table",
    "__data_end",
    "__heap_base",
    "__dso_handle",
    "__rtti_base",
];

/// Whether a module is a command of WASI, not a reactor.
fn is_command(module: &Module) -> Result<bool> {
    let exports = |name| match module.get_export(name) {
        None => Ok(false),
        Some(ExternType::Func(_)) => Ok(true),
        Some(_) => bail!("`{name}` must be a function"),
    };
    let is_command = exports("_start")?;
    ensure!(
        !(exports("_initialize")? && is_command),
        "Program cannot be both a Command and a Reactor"
    );
    Ok(is_command)
}

fn unknown(module: &str, name: &str) -> Error {
    format_err!("no item named `{module}::{name}` defined")
}

pub(crate) const CROSS_ENGINE: &str = "cross-`Engine` instantiation is not currently supported";

impl Definition {
    /// Checks that the definition can be imported by modules of an engine.
    fn check_engine(&self, engine: &Engine) -> Result<()> {
        let own = match self {
            Definition::Host(func) => func.engine(),
            Definition::Extern(_, engine) => engine,
        };
        ensure!(Engine::same(own, engine), CROSS_ENGINE);
        Ok(())
    }

    /// The definition as an import in a store.
    ///
    /// # Panics
    ///
    /// If a host function belongs to another engine than the store.
    #[track_caller]
    fn instantiate<T>(&self, store: &mut StoreContextMut<'_, T>) -> Extern {
        match self {
            Definition::Host(func) => func.instantiate(store.0.vm_mut()).into(),
            Definition::Extern(it, _) => it.clone(),
        }
    }
}

/// A module imports what the linker does not define.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownImportError {
    module: String,
    name: String,
    ty: ExternType,
}

impl UnknownImportError {
    fn new(import: &ImportType<'_>) -> UnknownImportError {
        UnknownImportError {
            module: import.module().to_string(),
            name: import.name().to_string(),
            ty: import.ty(),
        }
    }

    /// The module's name that it was imported from.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The name in that module.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type that was asked for.
    pub fn ty(&self) -> ExternType {
        self.ty.clone()
    }
}

impl core::fmt::Display for UnknownImportError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "unknown import: `{}::{}` has not been defined ({} expected)",
            Printable(&self.module),
            Printable(&self.name),
            self.ty.kind()
        )
    }
}

impl core::error::Error for UnknownImportError {}

impl<T: 'static> Linker<T> {
    /// A linker without definitions.
    pub fn new(engine: &Engine) -> Linker<T> {
        Linker {
            engine: engine.clone(),
            names: HashMap::new(),
            texts: Vec::new(),
            definitions: HashMap::new(),
            order: Vec::new(),
            allow_shadowing: false,
            allow_unknown_exports: false,
            data: core::marker::PhantomData,
        }
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// May later definitions replace earlier ones? By default that is an error.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Self {
        self.allow_shadowing = allow;
        self
    }

    /// May [`Linker::module`] leave out what a command exports beside functions? By default that is
    /// an error.
    pub fn allow_unknown_exports(&mut self, allow: bool) -> &mut Self {
        self.allow_unknown_exports = allow;
        self
    }

    /// Defines an item of a store.
    ///
    /// # Errors
    ///
    /// When the name is taken and shadowing is not allowed.
    ///
    /// # Panics
    ///
    /// If the item belongs to another store, or a shared memory to another engine.
    pub fn define(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        name: &str,
        item: impl Into<Extern>,
    ) -> Result<&mut Self> {
        let item = item.into();
        let store = store.as_context();
        if let Err(error) = item.check_usable(store.0.vm(), store.engine()) {
            panic!("{error}");
        }
        self.insert(module, name, Definition::Extern(item, store.engine().clone()))
    }

    /// Defines a host function from a closure that works with values, as [`Func::new`] does.
    ///
    /// # Errors
    ///
    /// When the name is taken and shadowing is not allowed.
    ///
    /// # Panics
    ///
    /// If `ty` belongs to another engine.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        f: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self> {
        let func = HostFunc::dynamic(&self.engine, ty, f);
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines a host function from a closure that gets its numbers raw, as
    /// [`Func::new_unchecked`] does.
    ///
    /// # Errors
    ///
    /// When the name is taken and shadowing is not allowed, `ty` is beyond the limits, or it has
    /// references.
    pub fn func_new_unchecked(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        f: impl Fn(Caller<'_, T>, &mut [ValRaw]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self> {
        let func = HostFunc::unchecked(&self.engine, ty, f)?;
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines a host function from a closure with typed parameters and results, as
    /// [`Func::wrap`] does.
    ///
    /// # Errors
    ///
    /// When the name is taken and shadowing is not allowed.
    pub fn func_wrap<Params, Results>(
        &mut self,
        module: &str,
        name: &str,
        f: impl IntoFunc<T, Params, Results>,
    ) -> Result<&mut Self> {
        let func = HostFunc::typed(&self.engine, f);
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines an asynchronous host function from a closure that works with values, as
    /// [`Func::new_async`] does.
    ///
    /// # Errors
    ///
    /// When the name is taken and shadowing is not allowed.
    ///
    /// # Panics
    ///
    /// If `ty` belongs to another engine.
    pub fn func_new_async<F>(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: F,
    ) -> Result<&mut Self>
    where
        F: for<'a> Fn(
                Caller<'a, T>,
                &'a [Val],
                &'a mut [Val],
            ) -> Box<dyn Future<Output = Result<()>> + Send + 'a>
            + Send
            + Sync
            + 'static,
        T: Send + 'static,
    {
        let func = HostFunc::dynamic_async(&self.engine, &ty, func);
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines an asynchronous host function from a closure with typed parameters and results, as
    /// [`Func::wrap_async`] does.
    ///
    /// # Errors
    ///
    /// When the name is taken and shadowing is not allowed.
    pub fn func_wrap_async<F, Params: WasmTyList, Args: WasmRet>(
        &mut self,
        module: &str,
        name: &str,
        func: F,
    ) -> Result<&mut Self>
    where
        F: for<'a> Fn(Caller<'a, T>, Params) -> Box<dyn Future<Output = Args> + Send + 'a>
            + Send
            + Sync
            + 'static,
        T: Send + 'static,
    {
        let func = HostFunc::typed_async(&self.engine, func);
        self.insert(module, name, Definition::Host(func))
    }

    /// Defines all exports of an instance under a module name.
    ///
    /// # Errors
    ///
    /// When a name is taken and shadowing is not allowed.
    ///
    /// # Panics
    ///
    /// If the instance belongs to another store.
    pub fn instance(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        instance: Instance,
    ) -> Result<&mut Self> {
        let mut store = store.as_context_mut();
        let engine = store.engine().clone();
        for export in instance.exports(&mut store) {
            let name = export.name();
            self.insert(module, name, Definition::Extern(export.into_extern(), engine.clone()))?;
        }
        Ok(self)
    }

    /// Defines the exports of a module under a module name, of an instance that is made as WASI says:
    ///
    /// - A command, which exports `_start`, is instantiated anew for each call of one of its exported
    ///   functions. It may export functions, and nothing else but `memory` and the like, which are
    ///   not defined.
    /// - A reactor, any other module, is instantiated now, and its `_initialize` is called if it has
    ///   one.
    ///
    /// # Errors
    ///
    /// Those of [`Linker::instantiate`], of `_initialize` and of [`Linker::instance`]; and that the
    /// module has both, or a command exports what cannot be made anew for each call, unless
    /// [`Linker::allow_unknown_exports`] says that it be left out.
    ///
    /// # Panics
    ///
    /// If the store belongs to another engine.
    pub fn module(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module_name: &str,
        module: &Module,
    ) -> Result<&mut Self> {
        let same = Engine::same(&self.engine, store.as_context().engine());
        assert!(same, "different engines for this linker and the store provided");
        if is_command(module)? {
            let mut store = store.as_context_mut();
            return self.command(module_name, module, |ty, pre, name| {
                let run = move |mut caller: Caller<'_, T>, params: &[Val], results: &mut [Val]| {
                    let instance = pre.instantiate(&mut caller)?;
                    let func = instance.get_func(&mut caller, &name);
                    let func = func.ok_or_else(|| format_err!("no function `{name}`"))?;
                    func.call(&mut caller, params, results)
                };
                Func::new(&mut store, ty, run)
            });
        }
        let instance = self.instantiate(&mut store, module)?;
        if let Some(Extern::Func(initialize)) = instance.get_export(&mut store, "_initialize") {
            let initialize = initialize.typed::<(), ()>(&store);
            initialize
                .and_then(|initialize| initialize.call(&mut store, ()))
                .context("calling the Reactor initialization function")?;
        }
        self.instance(store, module_name, instance)
    }

    /// Like [`Linker::module`], for modules that may call asynchronous functions as they start, and
    /// commands whose functions do.
    ///
    /// # Errors
    ///
    /// As for [`Linker::module`].
    ///
    /// # Panics
    ///
    /// If the store belongs to another engine.
    pub async fn module_async(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module_name: &str,
        module: &Module,
    ) -> Result<&mut Self>
    where
        T: Send,
    {
        let same = Engine::same(&self.engine, store.as_context().engine());
        assert!(same, "different engines for this linker and the store provided");
        let mut store = store.as_context_mut();
        if is_command(module)? {
            return self.command(module_name, module, |ty, pre, name| {
                Func::new_async(&mut store, ty, move |mut caller, params, results| {
                    let (pre, name) = (pre.clone(), name.clone());
                    Box::new(async move {
                        let instance = pre.instantiate_async(&mut caller).await?;
                        let func = instance.get_func(&mut caller, &name);
                        let func = func.ok_or_else(|| format_err!("no function `{name}`"))?;
                        func.call_async(&mut caller, params, results).await
                    })
                })
            });
        }
        let instance = self.instantiate_async(&mut store, module).await?;
        if let Some(Extern::Func(initialize)) = instance.get_export(&mut store, "_initialize") {
            initialize.typed::<(), ()>(&store)?;
            let initialized = initialize.call_async(&mut store, &[], &mut []).await;
            initialized.context("calling the Reactor initialization function")?;
        }
        self.instance(store, module_name, instance)
    }

    /// Defines the exported functions of a command, each of which makes an instance of its own.
    fn command(
        &mut self,
        module_name: &str,
        module: &Module,
        mut make: impl FnMut(FuncType, InstancePre<T>, Arc<str>) -> Func,
    ) -> Result<&mut Self> {
        let pre = self.instantiate_pre(module)?;
        for export in module.exports() {
            let name = export.name();
            let ExternType::Func(ty) = export.ty() else {
                ensure!(
                    HARMLESS_EXPORTS.contains(&name) || self.allow_unknown_exports,
                    "command export '{name}' is not a function"
                );
                continue;
            };
            let func = make(ty, pre.clone(), name.into());
            let definition = Definition::Extern(func.into(), self.engine.clone());
            self.insert(module_name, name, definition)?;
        }
        Ok(self)
    }

    /// Gives a definition a second name.
    ///
    /// # Errors
    ///
    /// When there is no such definition, or the new name is taken and shadowing is not allowed.
    pub fn alias(
        &mut self,
        module: &str,
        name: &str,
        as_module: &str,
        as_name: &str,
    ) -> Result<&mut Self> {
        let definition = self.find(module, name).cloned();
        let definition = definition.ok_or_else(|| unknown(module, name))?;
        self.insert(as_module, as_name, definition)
    }

    /// Gives all definitions of a module a second module name.
    ///
    /// # Errors
    ///
    /// When a name is taken and shadowing is not allowed.
    pub fn alias_module(&mut self, module: &str, as_module: &str) -> Result<()> {
        let Some(&from) = self.names.get(module) else { return Ok(()) };
        let keys: Vec<_> = self.order.iter().copied().filter(|key| key.0 == from).collect();
        for key in keys {
            let name = self.texts[key.1 as usize].clone();
            let definition = self.definitions[&key].clone();
            self.insert(as_module, &name, definition)?;
        }
        Ok(())
    }

    /// Defines every function that `module` imports and the linker lacks as one that fails when
    /// it is called. Other things that it lacks stay undefined.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn define_unknown_imports_as_traps(&mut self, module: &Module) -> Result<()> {
        for import in module.imports() {
            if self.find(import.module(), import.name()).is_some() {
                continue;
            }
            let error = UnknownImportError::new(&import);
            let ExternType::Func(ty) = import.ty() else { continue };
            self.func_new(import.module(), import.name(), ty, move |_, _, _| {
                Err(error.clone().into())
            })?;
        }
        Ok(())
    }

    /// Defines everything that `module` imports and the linker lacks, in a store: functions that return
    /// default values, globals that hold one, tables of nulls, memories of zeros, and tags.
    ///
    /// # Errors
    ///
    /// When something has no default value, or cannot be made.
    ///
    /// # Panics
    ///
    /// If the module belongs to another engine than the store.
    pub fn define_unknown_imports_as_default_values(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<()> {
        for import in module.imports() {
            if self.find(import.module(), import.name()).is_some() {
                continue;
            }
            let item = import.ty().default_value(&mut store);
            let item = item.map_err(|error| error.context(UnknownImportError::new(&import)))?;
            self.define(&store, import.module(), import.name(), item)?;
        }
        Ok(())
    }

    /// Makes an instance with imports from the definitions, and runs its start function.
    ///
    /// # Errors
    ///
    /// [`UnknownImportError`] for an import that is not defined, or as for [`Instance::new`]. When
    /// the module, or a definition that it imports, belongs to another engine than the linker.
    ///
    /// # Panics
    ///
    /// If the store belongs to another engine than the linker, and the module imports a host
    /// function.
    pub fn instantiate(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance> {
        let mut store = store.as_context_mut();
        let imports = self.imports(&mut store, module)?;
        Instance::from_externals(&mut store, module, &imports)
    }

    /// Like [`Linker::instantiate`], for modules whose start function may call asynchronous
    /// functions, and stores with an asynchronous limiter.
    ///
    /// # Errors
    ///
    /// As for [`Linker::instantiate`].
    pub async fn instantiate_async(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance>
    where
        T: Send + 'static,
    {
        let mut store = store.as_context_mut();
        let imports = self.imports(&mut store, module)?;
        Instance::from_externals_async(&mut store, module, &imports).await
    }

    /// What a module imports, in a store.
    fn imports(
        &self,
        store: &mut StoreContextMut<'_, T>,
        module: &Module,
    ) -> Result<Vec<External>> {
        ensure!(Engine::same(&self.engine, module.engine()), CROSS_ENGINE);
        let mut imports = Vec::with_capacity(module.imports().len());
        for import in module.imports() {
            let definition = self.find(import.module(), import.name());
            let definition = definition.ok_or_else(|| UnknownImportError::new(&import))?;
            definition.check_engine(&self.engine)?;
            imports.push(definition.instantiate(store));
        }
        store.externals(&imports)
    }

    /// Finds the definitions that a module imports, ahead of time.
    ///
    /// # Errors
    ///
    /// [`UnknownImportError`] for an import that is not defined. When the module, or a definition
    /// that it imports, belongs to another engine than the linker.
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>> {
        ensure!(Engine::same(&self.engine, module.engine()), CROSS_ENGINE);
        let definitions = module.imports().map(|import| {
            let definition = self.find(import.module(), import.name());
            let definition = definition.ok_or_else(|| UnknownImportError::new(&import))?;
            definition.check_engine(&self.engine)?;
            Ok(definition.clone())
        });
        Ok(InstancePre {
            module: module.clone(),
            definitions: definitions.collect::<Result<_>>()?,
            data: core::marker::PhantomData,
        })
    }

    /// The definition with these names, in a store.
    ///
    /// # Errors
    ///
    /// When there is none.
    ///
    /// # Panics
    ///
    /// If the definition is a host function and the store belongs to another engine; as for all
    /// methods here that take definitions for a store.
    pub fn get(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        name: &str,
    ) -> Result<Extern> {
        let definition = self.find(module, name);
        let definition = definition.ok_or_else(|| unknown(module, name))?;
        Ok(definition.instantiate(&mut store.as_context_mut()))
    }

    /// The definition that an import would get, in a store.
    pub fn get_by_import(
        &self,
        store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Option<Extern> {
        self.get(store, import.module(), import.name()).ok()
    }

    /// Like [`Linker::get_by_import`].
    ///
    /// # Errors
    ///
    /// [`UnknownImportError`] when there is none.
    pub fn try_get_by_import(
        &self,
        mut store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Result<Extern> {
        let definition = self.find(import.module(), import.name());
        let definition = definition.ok_or_else(|| UnknownImportError::new(import))?;
        Ok(definition.instantiate(&mut store.as_context_mut()))
    }

    /// What to call to run the module that was defined under a name: its export with the empty
    /// name, else `_start`, else a function that does nothing.
    ///
    /// # Errors
    ///
    /// When the export with the empty name, or `_start`, is not a function.
    pub fn get_default(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
    ) -> Result<Func> {
        for name in ["", "_start"] {
            if let Ok(item) = self.get(&mut store, module, name) {
                let func = item.into_func();
                return func.ok_or_else(|| format_err!("`{module}::{name}` is not a function"));
            }
        }
        Ok(Func::wrap(store, || {}))
    }

    /// All definitions in a store, as module name, name and item, in the order of definition.
    pub fn iter<'a>(
        &'a self,
        mut store: impl AsContextMut<Data = T> + 'a,
    ) -> impl Iterator<Item = (&'a str, &'a str, Extern)> + 'a {
        self.order.iter().map(move |key| {
            let item = self.definitions[key].instantiate(&mut store.as_context_mut());
            (&*self.texts[key.0 as usize], &*self.texts[key.1 as usize], item)
        })
    }

    fn find(&self, module: &str, name: &str) -> Option<&Definition> {
        self.definitions.get(&(*self.names.get(module)?, *self.names.get(name)?))
    }

    fn insert(&mut self, module: &str, name: &str, definition: Definition) -> Result<&mut Self> {
        let key = (self.name(module), self.name(name));
        match self.definitions.entry(key) {
            Entry::Occupied(_) if !self.allow_shadowing => {
                bail!("import of `{module}::{name}` defined twice")
            }
            Entry::Occupied(mut entry) => {
                entry.insert(definition);
            }
            Entry::Vacant(entry) => {
                entry.insert(definition);
                self.order.push(key);
            }
        }
        Ok(self)
    }

    fn name(&mut self, text: &str) -> u32 {
        if let Some(&name) = self.names.get(text) {
            return name;
        }
        let text: Arc<str> = text.into();
        let name = self.texts.len() as u32;
        self.texts.push(text.clone());
        self.names.insert(text, name);
        name
    }
}

impl<T: 'static> Clone for Linker<T> {
    fn clone(&self) -> Linker<T> {
        Linker {
            engine: self.engine.clone(),
            names: self.names.clone(),
            texts: self.texts.clone(),
            definitions: self.definitions.clone(),
            order: self.order.clone(),
            allow_shadowing: self.allow_shadowing,
            allow_unknown_exports: self.allow_unknown_exports,
            data: core::marker::PhantomData,
        }
    }
}

impl<T: 'static> core::fmt::Debug for Linker<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let names = self
            .order
            .iter()
            .map(|key| format!("{}::{}", self.texts[key.0 as usize], self.texts[key.1 as usize]));
        f.debug_list().entries(names).finish()
    }
}

/// A module with its imports found, to be instantiated many times. Made by
/// [`Linker::instantiate_pre`]. Like a linker, it works with one type of data only.
///
/// ```compile_fail
/// use threadle::InstancePre;
///
/// fn shorter(pre: InstancePre<fn(&'static str)>) -> InstancePre<for<'a> fn(&'a str)> {
///     pre
/// }
/// ```
///
/// ```compile_fail
/// use threadle::InstancePre;
///
/// fn longer(pre: InstancePre<for<'a> fn(&'a str)>) -> InstancePre<fn(&'static str)> {
///     pre
/// }
/// ```
pub struct InstancePre<T: 'static> {
    module: Module,
    definitions: Arc<[Definition]>,
    data: Invariant<T>,
}

impl<T: 'static> InstancePre<T> {
    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Makes an instance and runs its start function.
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> Result<Instance> {
        let mut store = store.as_context_mut();
        let imports = self.imports(&mut store)?;
        Instance::from_externals(&mut store, &self.module, &imports)
    }

    /// Like [`InstancePre::instantiate`]; see [`Linker::instantiate_async`].
    ///
    /// # Errors
    ///
    /// As for [`Instance::new`].
    pub async fn instantiate_async(
        &self,
        mut store: impl AsContextMut<Data = T>,
    ) -> Result<Instance> {
        let mut store = store.as_context_mut();
        let imports = self.imports(&mut store)?;
        Instance::from_externals_async(&mut store, &self.module, &imports).await
    }

    fn imports(&self, store: &mut StoreContextMut<'_, T>) -> Result<Vec<External>> {
        ensure!(Engine::same(store.engine(), self.module.engine()), CROSS_ENGINE);
        let imports: Vec<Extern> =
            self.definitions.iter().map(|it| it.instantiate(store)).collect();
        store.externals(&imports)
    }
}

impl<T: 'static> Clone for InstancePre<T> {
    fn clone(&self) -> InstancePre<T> {
        InstancePre {
            module: self.module.clone(),
            definitions: self.definitions.clone(),
            data: core::marker::PhantomData,
        }
    }
}

static_assertions::assert_impl_all!(Linker<()>: Send, Sync);
static_assertions::assert_impl_all!(InstancePre<()>: Send, Sync);
