//! The public API, used as an embedder uses it.

mod artefacts;
mod async_stress;
mod asynchronous;
mod call_hooks;
mod calls;
mod determinism;
mod engines;
mod exceptions;
mod extern_refs;
mod failures;
mod gc;
mod gc_stress;
mod globals_tables;
#[path = "../support/growth.rs"]
#[allow(dead_code, reason = "nothing here counts allocations")]
mod growth;
mod instances;
mod limits;
mod linker;
mod memories;
mod metering;
mod modules;
mod outcomes;
#[cfg(feature = "preinit")]
mod preinit;
mod raw;
mod reentry;
mod reuse;
mod slices;
mod stack;
mod stress;
mod suspension;
mod threads;
mod typed;
mod types;
mod vectors;

use threadle::*;

/// An engine that checks memory accesses explicitly.
fn checking_engine() -> Engine {
    Engine::new(Config::new().signals_based_traps(false)).unwrap()
}

fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, wat::parse_str(text).unwrap()).unwrap()
}

/// A store with an instance of a module without imports.
fn instantiate(text: &str) -> (Store<()>, Instance) {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module(&engine, text), &[]).unwrap();
    (store, instance)
}

/// A store with an instance of a module that imports functions, in order.
fn instantiate_with<T: 'static>(store: &mut Store<T>, text: &str, imports: &[Extern]) -> Instance {
    let module = module(&store.engine().clone(), text);
    Instance::new(store, &module, imports).unwrap()
}

fn trap_of(error: &Error) -> Trap {
    *error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("not a trap: {error:?}"))
}
