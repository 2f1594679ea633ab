//! Modules: validated WebAssembly, ready to be instantiated.

use alloc::sync::Arc;

use crate::artefact::Artefact;
use crate::code;
use crate::config::CompilationMode;
use crate::engine::Engine;
use crate::error::Result;
use crate::prelude::*;
use crate::ty::{ExportType, ExternType, ImportType};
use crate::vm::CodeMap;
use crate::wasm::{Entity, ModuleInfo, ParseOptions};

/// A module. Cheap to clone; clones are the same module, and its code is translated once for all
/// instances, stores and threads.
#[derive(Clone)]
pub struct Module {
    engine: Engine,
    code: Arc<CodeMap>,
}

/// An export of a module, known by its place; see [`Module::get_export_index`].
#[derive(Clone, Debug)]
pub struct ModuleExport {
    module: Module,
    entity: Entity,
}

impl ModuleExport {
    /// What is exported, if it is of this module.
    pub(crate) fn of(&self, module: &Module) -> Option<Entity> {
        Module::same(&self.module, module).then_some(self.entity)
    }
}

impl Module {
    /// Reads and validates a module in the binary format, or with the crate feature `wat` in the
    /// text format too.
    ///
    /// # Errors
    ///
    /// [`ModuleError`](crate::ModuleError), which names the cause and the byte offset, or the text
    /// format's error with line and column.
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Module> {
        let bytes = bytes.as_ref();
        #[cfg(feature = "wat")]
        if is_text(bytes) {
            return Module::from_bytes(engine, crate::text::parse(bytes, None)?.into());
        }
        Module::from_binary(engine, bytes)
    }

    /// Reads and validates a module in the binary format.
    ///
    /// # Errors
    ///
    /// [`ModuleError`](crate::ModuleError).
    pub fn from_binary(engine: &Engine, bytes: &[u8]) -> Result<Module> {
        Module::from_bytes(engine, bytes.into())
    }

    pub(crate) fn from_bytes(engine: &Engine, bytes: Arc<[u8]>) -> Result<Module> {
        let info = ModuleInfo::parse(&bytes, &engine.parse_options(), engine.types())?;
        let options = engine.code_options(&info);
        let watch = engine.config().watch();
        let code = code::of_module(Arc::new(info), bytes, options, watch);
        #[cfg(feature = "internals")]
        if engine.config().through_artefacts {
            let module = Module { engine: engine.clone(), code: Arc::new(code) };
            return Module::deserialize(engine, module.serialize()?);
        }
        Module::with_code(engine, code)
    }

    /// A module with code that an artefact has.
    pub(crate) fn from_artefact(
        engine: &Engine,
        bytes: Arc<[u8]>,
        code: Box<[u8]>,
    ) -> Result<Module> {
        let parse = ParseOptions { lazy_validation: true, ..engine.parse_options() };
        let info = Arc::new(ModuleInfo::parse(&bytes, &parse, engine.types())?);
        let options = engine.code_options(&info);
        let artefact = Artefact::read(code, &info, &options)?;
        // Eager translation looks at everything by itself.
        let threads = (engine.config().mode == CompilationMode::Lazy).then(|| engine.threads());
        let watch = engine.config().watch();
        let code = code::of_artefact(info, bytes, options, watch, artefact, threads)?;
        Module::with_code(engine, code)
    }

    fn with_code(engine: &Engine, code: CodeMap) -> Result<Module> {
        if let Some(pool) = engine.pool() {
            pool.check(code.info())?;
        }
        if engine.config().mode == CompilationMode::Eager {
            code::compile_all(&code, engine.threads())?;
        }
        Ok(Module { engine: engine.clone(), code: Arc::new(code) })
    }

    /// Checks that bytes are a valid module in the binary format, including all function bodies.
    ///
    /// # Errors
    ///
    /// [`ModuleError`](crate::ModuleError).
    pub fn validate(engine: &Engine, bytes: &[u8]) -> Result<()> {
        let mut options = engine.parse_options();
        options.lazy_validation = false;
        ModuleInfo::parse(bytes, &options, engine.types())?;
        Ok(())
    }

    /// The functions at a byte offset, as the debug information says; none if the configuration does
    /// not want it to be read.
    #[cfg(feature = "dwarf")]
    #[doc(hidden)]
    pub fn symbols_at(&self, offset: u64) -> alloc::vec::Vec<crate::FrameSymbol> {
        if !self.engine().config().backtrace_details() {
            return alloc::vec::Vec::new();
        }
        self.code.symbols().at(offset)
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The name that its name section gives it.
    pub fn name(&self) -> Option<&str> {
        let code = &self.code;
        code.info().names(code.bytes()).module(code.bytes())
    }

    /// What the module imports, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        let info = self.info();
        info.imports.iter().map(|import| {
            let ty = ExternType::of(self.engine(), info, import.entity);
            ImportType::new(&import.module, &import.name, ty)
        })
    }

    /// What the module exports, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let info = self.info();
        let engine = self.engine();
        let ty = |&entity| ExternType::of(engine, info, entity);
        info.exports.iter().map(move |(name, entity)| ExportType::new(name, ty(entity)))
    }

    /// The type of the export with this name.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        let info = self.info();
        info.exports.get(name).map(|&entity| ExternType::of(self.engine(), info, entity))
    }

    /// Where the export with this name is, to be found faster than by name in many instances.
    pub fn get_export_index(&self, name: &str) -> Option<ModuleExport> {
        let entity = *self.info().exports.get(name)?;
        Some(ModuleExport { module: self.clone(), entity })
    }

    /// The contents of the custom sections with this name, in order.
    pub fn custom_sections<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let sections = self.info().custom_sections.iter();
        let bytes = self.code.bytes();
        sections.filter(move |s| &*s.name == name).map(|s| &bytes[s.range.clone()])
    }

    /// Whether these are the same module, not merely equal ones.
    pub fn same(a: &Module, b: &Module) -> bool {
        Arc::ptr_eq(&a.code, &b.code)
    }

    /// The name that the name section gives a function; `None` if there is none.
    pub fn function_name(&self, index: u32) -> Option<&str> {
        let code = &self.code;
        code.info().names(code.bytes()).func(code.bytes(), index.into())
    }

    /// What an instance takes of memories and tables, besides what it imports: for the limits of a
    /// [`PoolingAllocationConfig`](crate::PoolingAllocationConfig).
    ///
    /// ```
    /// # use threadle::*;
    /// # fn main() -> Result<()> {
    /// let text = r#"(module (import "" "" (memory 10)) (memory 1) (memory 6))"#;
    /// let required = Module::new(&Engine::default(), text)?.resources_required();
    /// assert_eq!((required.num_memories, required.max_initial_memory_size), (2, Some(6)));
    /// assert_eq!((required.num_tables, required.max_initial_table_size), (0, None));
    /// # Ok(())
    /// # }
    /// ```
    pub fn resources_required(&self) -> ResourcesRequired {
        let info = self.info();
        let memories = &info.memories[info.num_imported_memories as usize..];
        let tables = &info.tables[info.num_imported_tables as usize..];
        ResourcesRequired {
            num_memories: memories.len() as u32,
            max_initial_memory_size: memories.iter().map(|ty| ty.minimum()).max(),
            num_tables: tables.len() as u32,
            max_initial_table_size: tables.iter().map(|ty| ty.minimum()).max(),
        }
    }

    /// Makes the image of the module's data that a pool's memories begin with. Otherwise the first instance
    /// does.
    ///
    /// # Errors
    ///
    /// None: where no image can be had, instances copy their data.
    pub fn initialize_copy_on_write_image(&self) -> Result<()> {
        self.code.memory_image();
        Ok(())
    }

    #[cfg(not(feature = "internals"))]
    pub(crate) fn code(&self) -> &Arc<CodeMap> {
        &self.code
    }

    /// The translated and the original code, for tools of this crate.
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn code(&self) -> &Arc<CodeMap> {
        &self.code
    }

    pub(crate) fn info(&self) -> &Arc<ModuleInfo> {
        self.code.info()
    }

    /// The module whose code this is, of an engine.
    pub(crate) fn of_code(engine: &Engine, code: &Arc<CodeMap>) -> Module {
        Module { engine: engine.clone(), code: code.clone() }
    }
}

/// What instances take: see [`Module::resources_required`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResourcesRequired {
    /// How many memories.
    pub num_memories: u32,
    /// The pages that the largest of them begins with.
    pub max_initial_memory_size: Option<u64>,
    /// How many tables.
    pub num_tables: u32,
    /// The elements that the largest of them begins with.
    pub max_initial_table_size: Option<u64>,
}

/// Not the binary format's magic bytes, so text.
#[cfg(feature = "wat")]
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    !bytes.starts_with(b"\0asm") && str::from_utf8(bytes).is_ok()
}

impl core::fmt::Debug for Module {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Module").field("name", &self.name()).finish_non_exhaustive()
    }
}

static_assertions::assert_impl_all!(Module: Send, Sync);

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::mpsc;

    use super::*;
    use crate::index::DefinedFuncIndex;
    use crate::vm::CodePlace;
    use crate::vm::code_map::seam::ON_VISIBLE;
    use crate::{Caller, Func, Instance, Store, TypedFunc};

    const SHARED: &str = r#"(module
        (import "" "gc" (func $gc))
        (type $s (struct (field i64)))
        (tag $t)
        (func (export "fill") (local $i i32)
          (loop $l
            (drop (struct.new $s (i64.const -1)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 1024)))))
        (func (export "keeps") (result i64) (local $x (ref null $s))
          (local.set $x (struct.new $s (i64.const 42)))
          (call $gc)
          (struct.get $s 0 (local.get $x)))
        (func (export "catches") (result i64)
          (block $h
            (try_table (catch $t $h) (throw $t))
            (return (i64.const 0)))
          (i64.const 42)))"#;

    type Fill = Option<TypedFunc<(), ()>>;

    /// A store with an instance whose `fill` is translated, and a function of it that is not.
    fn instance(module: &Module, name: &str) -> (Store<Fill>, TypedFunc<(), i64>) {
        let mut store = Store::new(module.engine(), None);
        let gc = Func::wrap(&mut store, |mut caller: Caller<'_, Fill>| {
            caller.gc(None).unwrap();
            // What was freed is used again: all that was used before, and as much behind it.
            let fill = caller.data().unwrap();
            fill.call(&mut caller, ()).unwrap();
            fill.call(&mut caller, ()).unwrap();
        });
        let instance = Instance::new(&mut store, module, &[gc.into()]).unwrap();
        let fill = instance.get_typed_func::<(), ()>(&mut store, "fill").unwrap();
        fill.call(&mut store, ()).unwrap();
        *store.data_mut() = Some(fill);
        let func = instance.get_typed_func(&mut store, name).unwrap();
        (store, func)
    }

    /// One thread translates a function and is held up as soon as others see the code; another
    /// calls the function meanwhile. Both must find all that is known of the code.
    fn two_threads_call_first(name: &str) {
        let module = Module::new(&Engine::default(), wat::parse_str(SHARED).unwrap()).unwrap();
        let (mut store_a, a) = instance(&module, name);
        let (mut store_b, b) = instance(&module, name);
        let (visible, wait_visible) = mpsc::channel();
        let (done, wait_done) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                wait_visible.recv().unwrap();
                let results = [b.call(&mut store_b, ()).ok(), b.call(&mut store_b, ()).ok()];
                done.send(results).unwrap();
            });
            let (early, is_early) = mpsc::channel();
            let hold = move || {
                visible.send(()).unwrap();
                // As long as this takes, the other thread either waits or runs with what it finds.
                let results = wait_done.recv_timeout(Duration::from_millis(300)).ok();
                early.send((results, wait_done)).unwrap();
            };
            ON_VISIBLE.set(Some(Box::new(hold)));
            let results = [a.call(&mut store_a, ()).ok(), a.call(&mut store_a, ()).ok()];
            assert_eq!(results, [Some(42); 2], "the thread that translated");
            let (results, wait_done) = is_early.recv().expect("the function was translated here");
            let results = results.unwrap_or_else(|| wait_done.recv().unwrap());
            assert_eq!(results, [Some(42); 2], "the thread that came in between");
        });
    }

    #[test]
    fn code_that_another_thread_can_see_has_its_stack_maps() {
        two_threads_call_first("keeps");
    }

    #[test]
    fn code_that_another_thread_can_see_has_its_catch_tables() {
        two_threads_call_first("catches");
    }

    #[test]
    fn the_end_of_code_returns_to_the_function_that_ends_there() {
        let module = Module::new(&Engine::default(), wat::parse_str(SHARED).unwrap()).unwrap();
        let code = module.code();
        code::compile_all(code, 1).unwrap();
        for func in (0..code.info().num_defined_funcs()).map(DefinedFuncIndex) {
            let range = code.range(func).unwrap();
            let (start, end) = (range.start, range.end);
            let len = (end as usize - start as usize) as u32;
            assert_eq!(code.lookup(CodePlace::Inside(start)), Some((func, 0)));
            assert_eq!(code.lookup(CodePlace::Returns(end)), Some((func, len - 1)));
            assert_ne!(code.lookup(CodePlace::Returns(start)), Some((func, 0)));
        }
    }
}
