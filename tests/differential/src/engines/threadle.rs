//! Threadle, the engine under test.

use ::threadle as api;
use api::{
    CompilationMode, Config, Engine, Error, Func, Module, ModuleError, ModuleErrorKind,
    ResumableCall, Store, SuspendReason, ThrownException, Trap, Val, bail,
};

use super::{Runner, Skip};
use crate::observe::{HostFailure, Observation, Outcome, Plan, Stop};

#[path = "embedding.rs"]
mod embedding;

use embedding::{Data, Driver, Plain};

/// Pieces that a call is run in at most; one that uses much fuel, as a bulk operation of a random length
/// does, gets larger ones.
const MOST_PIECES: u64 = 50_000;

/// Threadle in one of its configurations.
#[derive(Debug)]
pub struct Threadle {
    name: String,
    engine: Engine,
    /// With fuel, and how much at a time.
    fuel: Option<Option<u64>>,
    /// What each call uses up in one go.
    totals: Vec<u64>,
    /// Whether modules are serialized and made of that again.
    by_artefact: bool,
}

impl Threadle {
    /// The configurations to test: memory with guard pages, translated lazily; and with explicit checks, all of
    /// it loaded at once from what a module was serialized to.
    pub fn all() -> Vec<Threadle> {
        vec![Threadle::new(true, None), Threadle::new(false, None)]
    }

    /// With as much fuel as it wants.
    pub fn fuelled() -> Threadle {
        Threadle::new(true, Some(None))
    }

    /// The configurations to compare with [`Threadle::fuelled`]: without fuel, with all of it at once, and
    /// in slices of so much each.
    pub fn sliced(slices: &[u64]) -> Vec<Threadle> {
        let mut all = Threadle::all();
        all.push(Threadle::new(false, Some(None)));
        for (i, slice) in slices.iter().enumerate() {
            all.push(Threadle::new(i % 2 == 0, Some(Some(*slice))));
        }
        all
    }

    fn new(guarded: bool, fuel: Option<Option<u64>>) -> Threadle {
        let mut config = Config::new();
        config.signals_based_traps(guarded);
        config.parallel_compilation(false);
        config.relaxed_simd_deterministic(true);
        config.consume_fuel(fuel.is_some());
        for enable in [
            Config::wasm_simd,
            Config::wasm_relaxed_simd,
            Config::wasm_exceptions,
            Config::wasm_gc,
            Config::wasm_threads,
            Config::wasm_custom_page_sizes,
            Config::wasm_wide_arithmetic,
        ] {
            enable(&mut config, true);
        }
        let mode = if guarded { CompilationMode::Lazy } else { CompilationMode::Eager };
        config.compilation_mode(mode);
        let memory = if guarded { "guarded" } else { "checked" };
        let name = match fuel {
            None => memory.into(),
            Some(None) => format!("{memory}, fuel"),
            Some(Some(slice)) => format!("{memory}, slices of {slice}"),
        };
        let engine = Engine::new(&config).expect("the configuration is valid");
        Threadle { name, engine, fuel, totals: Vec::new(), by_artefact: !guarded }
    }

    /// Says what each call uses up in one go.
    pub fn expect(&mut self, totals: &[u64]) {
        self.totals = totals.to_vec();
    }
}

/// Calls that count fuel.
struct Fuelled<'a> {
    slice: Option<u64>,
    totals: &'a [u64],
    used: Vec<u64>,
}

impl Driver for Fuelled<'_> {
    fn begin(&mut self, store: &mut Store<Data>) {
        // Instances are made in one go.
        store.set_fuel(u64::MAX).expect("the engine counts it");
    }

    fn call(
        &mut self,
        store: &mut Store<Data>,
        func: &Func,
        args: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        let Some(slice) = self.slice else {
            store.set_fuel(u64::MAX)?;
            let result = func.call(&mut *store, args, results);
            self.used.push(u64::MAX - store.get_fuel()?);
            return result;
        };
        // In one go it came to a limit before this.
        let Some(total) = self.totals.get(self.used.len()) else { bail!(Trap::OutOfFuel) };
        let slice = slice.max(total / MOST_PIECES);
        let mut given = slice;
        store.set_fuel(slice)?;
        let mut call = func.call_resumable(&mut *store, args);
        loop {
            match call {
                Ok(ResumableCall::Suspended(suspended)) => {
                    if suspended.reason() != SuspendReason::OutOfFuel || store.get_fuel()? != 0 {
                        bail!("suspended, and not for want of fuel");
                    }
                    if given > total.saturating_add(slice) {
                        bail!("it wants more fuel than in one go");
                    }
                    given = given.saturating_add(slice);
                    store.set_fuel(slice)?;
                    call = suspended.resume(&mut *store, &[]);
                }
                ended => {
                    self.used.push(given - store.get_fuel()?);
                    if let ResumableCall::Finished(values) = ended? {
                        results.copy_from_slice(&values);
                    }
                    return Ok(());
                }
            }
        }
    }

    fn used(&mut self) -> Option<Vec<u64>> {
        Some(std::mem::take(&mut self.used))
    }
}

fn stop(error: &Error) -> Outcome {
    let message = format!("{error:#}");
    if error.is::<HostFailure>() {
        return Outcome::Stop(Stop::Host, message);
    }
    let stop = match error.downcast_ref() {
        Some(Trap::OutOfHeap | Trap::OutOfFuel) => Stop::Limit,
        trap => trap.and_then(embedding::trap).unwrap_or(Stop::Other),
    };
    let stop = match stop {
        Stop::Other if error.is::<ThrownException>() => Stop::Exception,
        Stop::Other if is_limit(error) => Stop::Limit,
        stop => stop,
    };
    Outcome::Stop(stop, message)
}

fn is_limit(error: &Error) -> bool {
    error.downcast_ref::<ModuleError>().is_some_and(|it| it.kind() == ModuleErrorKind::Limit)
}

impl Runner for Threadle {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&mut self, wasm: &[u8], plan: &Plan) -> Result<Observation, Skip> {
        let module = Module::new(&self.engine, wasm).and_then(|module| match self.by_artefact {
            true => Module::deserialize(&self.engine, module.serialize()?),
            false => Ok(module),
        });
        let module = match module {
            Ok(module) => module,
            Err(error) if is_limit(&error) => return Err(Skip(format!("{error:#}"))),
            Err(error) => {
                let message = format!("module refused: {error:#}");
                let failed = Some(Outcome::Stop(Stop::Other, message));
                return Ok(Observation { failed, ..Observation::default() });
            }
        };
        match self.fuel {
            None => embedding::run(&self.engine, &module, plan, &mut Plain),
            Some(slice) => {
                let mut driver = Fuelled { slice, totals: &self.totals, used: Vec::new() };
                embedding::run(&self.engine, &module, plan, &mut driver)
            }
        }
    }
}
