//! What the fuzz targets have in common: engines, limits, and a clock that stops what runs on.

use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use threadle::{
    CompilationMode, Config, Engine, Extern, ExternType, Func, Global, Instance, InterruptHandle,
    Memory, Module, Ref, SharedMemory, Store, StoreLimits, StoreLimitsBuilder, Table, Tag, Val,
    wast,
};

/// Two engines that do everything in different ways: with guard pages and lazily, with comparisons,
/// eagerly and with a collection before every allocation.
pub fn engines() -> &'static [Engine; 2] {
    static ENGINES: LazyLock<[Engine; 2]> = LazyLock::new(|| {
        [false, true].map(|other| {
            let mut config = Config::new();
            config
                .wasm_features(wast::ALL_FEATURES, true)
                .interruptible(true)
                .parallel_compilation(false)
                .max_wasm_stack(256 << 10)
                .gc_heap_reservation(16 << 20)
                .signals_based_traps(!other)
                .gc_always(other);
            config.compilation_mode(match other {
                false => CompilationMode::Lazy,
                true => CompilationMode::Eager,
            });
            Engine::new(&config).expect("an engine")
        })
    });
    &ENGINES
}

/// What a store may use.
pub fn limits() -> StoreLimits {
    StoreLimitsBuilder::new()
        .memory_size(4 << 20)
        .table_elements(10_000)
        .gc_heap_size(4 << 20)
        .instances(50)
        .memories(50)
        .tables(50)
        .build()
}

/// Interrupts a store if this is not dropped in time.
pub struct Deadline(InterruptHandle);

/// Whom to interrupt, and when.
static NEXT: Mutex<Option<(Instant, InterruptHandle)>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

impl Deadline {
    /// Code of `handle`'s store may run for so long from now. One at a time.
    pub fn new(handle: InterruptHandle, patience: Duration) -> Deadline {
        static CLOCK: LazyLock<()> = LazyLock::new(|| {
            std::thread::spawn(clock);
        });
        LazyLock::force(&CLOCK);
        let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Some((Instant::now() + patience, handle.clone()));
        CHANGED.notify_one();
        Deadline(handle)
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        *NEXT.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.cancel();
    }
}

fn clock() {
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let left = next.as_ref().map(|(at, _)| at.saturating_duration_since(Instant::now()));
        next = match left {
            None => CHANGED.wait(next).unwrap_or_else(PoisonError::into_inner),
            Some(Duration::ZERO) => {
                if let Some((_, handle)) = &*next {
                    handle.interrupt();
                }
                *next = None;
                next
            }
            Some(left) => {
                CHANGED.wait_timeout(next, left).map_or_else(|it| it.into_inner().0, |it| it.0)
            }
        };
    }
}

/// Something of the type that a module imports; `None` where there is nothing without a program.
fn import(store: &mut Store<StoreLimits>, ty: &ExternType) -> Option<Extern> {
    Some(match ty {
        ExternType::Func(ty) => {
            let results: Option<Vec<Val>> =
                ty.results().map(|ty| Val::default_for_ty(&ty)).collect();
            let results = results?;
            Func::new(&mut *store, ty.clone(), move |_, _, out| {
                out.clone_from_slice(&results);
                Ok(())
            })
            .into()
        }
        ExternType::Global(ty) => {
            let value = Val::default_for_ty(ty.content())?;
            Global::new(store, ty.clone(), value).ok()?.into()
        }
        ExternType::Memory(ty) if ty.is_shared() => {
            // What a shared memory may become, no store's limit says.
            if ty.maximum().is_none_or(|pages| pages > 64) {
                return None;
            }
            SharedMemory::new(&store.engine().clone(), *ty).ok()?.into()
        }
        ExternType::Memory(ty) => Memory::new(store, *ty).ok()?.into(),
        ExternType::Table(ty) => {
            if !ty.element().is_nullable() {
                return None;
            }
            let null = Ref::null(ty.element().heap_type());
            Table::new(store, ty.clone(), null).ok()?.into()
        }
        ExternType::Tag(ty) => Tag::new(store, ty).ok()?.into(),
    })
}

/// Instantiates a module, with imports that do nothing, and calls what it exports.
pub fn run(module: &Module) {
    // A shared memory that a module defines is as large as it says.
    let large = |ty: &ExternType| matches!(ty, ExternType::Memory(ty) if ty.is_shared() && ty.maximum().is_none_or(|pages| pages > 64));
    if module.exports().any(|export| large(&export.ty())) {
        return;
    }
    let mut store = Store::new(module.engine(), limits());
    store.limiter(|limits| limits);
    let handle = store.interrupt_handle();
    let patience = Duration::from_millis(30);
    let mut imports = Vec::new();
    for ty in module.imports() {
        let Some(item) = import(&mut store, &ty.ty()) else { return };
        imports.push(item);
    }
    let instance = {
        let _deadline = Deadline::new(handle.clone(), patience);
        Instance::new(&mut store, module, &imports)
    };
    let Ok(instance) = instance else { return };
    let names: Vec<String> =
        instance.exports(&mut store).take(20).map(|export| export.name().to_owned()).collect();
    for name in names {
        let Some(func) = instance.get_func(&mut store, &name) else { continue };
        let ty = func.ty(&store);
        let args: Option<Vec<Val>> = ty.params().map(|ty| Val::default_for_ty(&ty)).collect();
        let Some(args) = args else { continue };
        let mut results = vec![Val::I32(0); ty.results().len()];
        let _deadline = Deadline::new(handle.clone(), patience);
        // Whatever comes of it is right, as long as it comes back.
        let _ = func.call(&mut store, &args, &mut results);
        store.take_pending_exception();
    }
    store.gc(None).expect("a collection");
}
