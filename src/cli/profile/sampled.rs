//! Looking where a program is now and then. A thread moves the engine's epoch on; code compares the epoch
//! where functions and loops begin. If it has moved, all code is threaded through the handler that shows
//! instructions, until a random number of them have run: the stack of the last is the sample. So a sample is of no
//! place in particular, though the epoch is seen at few. Nothing interrupts code, and no signal is involved.
//!
//! A sample stands for the processor time of the program's thread since the one before: while other programs have
//! the processor, nothing is spent. Where fuel is the clock, the epoch has always moved, and what looks at it
//! asks how much has been used: the same each time the program does the same.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use threadle::exec::load;
use threadle::exec::profile::{Observed, Observer, Seen};
use threadle::index::DefinedFuncIndex;
use threadle::isa::Op;
use threadle::{Config, Result, Store, Trap, UpdateDeadline};

use super::tree::{Func, Node, ROOT, Recorded, Tree};
use crate::cli::host::Host;
use crate::cli::places::Places;
use crate::cli::run::Loaded;

/// The most instructions from where the epoch was seen to the sample. Much longer than the ways between such places,
/// so that these do not matter.
const WINDOW: u64 = 1024;

/// When the program is looked at.
#[derive(Clone, Copy)]
pub enum Pace {
    /// So often a second.
    Hertz(u32),
    /// Each time it has used so much fuel.
    Fuel(u64),
}

/// What has been seen. Functions are defined ones, and sites offsets in code.
struct State {
    codes: Vec<Arc<Observed>>,
    /// Instructions until the sample, while one is wanted.
    left: Option<u64>,
    /// What looks random.
    random: u64,
    tree: Tree,
    spent: BTreeMap<(Func, u32), u64>,
    /// The time of the last sample, in units of what a sample stands for.
    last: u64,
}

/// A sampling profiler, and the observer of the program's code.
pub struct Sampled {
    pace: Pace,
    /// How often as much fuel has been used, where it is the clock.
    used: AtomicU64,
    ended: AtomicBool,
    state: Mutex<State>,
}

/// Processor time that the calling thread has taken; where that is not known, time.
fn spent() -> Duration {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
    #[cfg(not(unix))]
    {
        static START: std::sync::LazyLock<std::time::Instant> =
            std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }
}

impl Sampled {
    /// One that looks so often.
    pub fn new(pace: Pace) -> Sampled {
        Sampled {
            pace,
            used: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            state: Mutex::new(State {
                codes: Vec::new(),
                left: None,
                random: 0x9e37_79b9_7f4a_7c15,
                tree: Tree::new(),
                spent: BTreeMap::new(),
                last: 0,
            }),
        }
    }

    fn state<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time on the program's thread, in units of what a sample stands for.
    fn now(&self) -> u64 {
        match self.pace {
            Pace::Hertz(hertz) => (spent().as_nanos() * u128::from(hertz) / 1_000_000_000) as u64,
            Pace::Fuel(_) => self.used.load(Ordering::Relaxed),
        }
    }

    /// What the program's engine has to be able to do.
    pub fn configure(&self, config: &mut Config) {
        config.epoch_interruption(true);
        config.consume_fuel(matches!(self.pace, Pace::Fuel(_)));
    }

    /// Has the program that is about to run in this store, on this thread, looked at: by a thread, if by time.
    pub fn begin(self: &Arc<Sampled>, store: &mut Store<Host>) -> Result<Option<JoinHandle<()>>> {
        let this = self.clone();
        let hertz = match self.pace {
            Pace::Hertz(hertz) => hertz,
            Pace::Fuel(each) => {
                store.set_fuel(u64::MAX)?;
                store.set_epoch_deadline(0);
                store.epoch_deadline_callback(move |context| {
                    let used = (u64::MAX - context.get_fuel()?) / each;
                    if this.used.swap(used, Ordering::Relaxed) != used {
                        this.state(State::want);
                    }
                    Ok(UpdateDeadline::Continue(0))
                });
                return Ok(None);
            }
        };
        self.state(|state| state.last = self.now());
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            this.state(State::want);
            Ok(UpdateDeadline::Continue(1))
        });
        let (this, engine) = (self.clone(), store.engine().clone());
        let ticks = move || {
            while !this.ended.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_secs(1) / hertz);
                engine.increment_epoch();
            }
        };
        Ok(Some(thread::Builder::new().name("ticks".into()).spawn(ticks)?))
    }

    /// What was seen of the program, which has ended.
    pub fn end(&self, ticking: Option<JoinHandle<()>>, modules: &[Loaded]) -> Recorded {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(ticking) = ticking {
            let _ = ticking.join();
        }
        let place = |(module, func): Func, offset: u32| {
            let mut all = modules.iter().map(|loaded| &loaded.module);
            let code = all.find(|it| Places::module(it) == module)?.code();
            let func = DefinedFuncIndex(func);
            let start = code.info().body(func).start as u32;
            let at = code.source_offset(func, offset).unwrap_or(start);
            Some(((module, code.info().func_index(func).0), at))
        };
        self.state(|state| {
            let nodes = state.tree.nodes().to_vec();
            let resolved = nodes.iter().enumerate().map(|(at, node)| {
                let caller = &nodes[node.parent as usize];
                let site = (node.parent != ROOT).then(|| place(caller.func, node.site)).flatten();
                let func = if at > 0 { place(node.func, 0) } else { None };
                let func = func.map_or(node.func, |(func, _)| func);
                Node { func, site: site.map_or(0, |(_, at)| at), ..*node }
            });
            let mut spent = BTreeMap::new();
            for (&(func, offset), weight) in &state.spent {
                *spent.entry(place(func, offset).unwrap_or((func, 0))).or_default() += weight;
            }
            Recorded { unit: "samples", has_calls: false, nodes: resolved.collect(), spent }
        })
    }
}

impl Observer for Sampled {
    fn loaded(&self, code: &Arc<Observed>) {
        self.state(|state| {
            state.codes.push(code.clone());
            load::observe(code, state.left.is_some());
        });
    }

    fn step(&self, seen: &Seen<'_>) -> Result<(), Trap> {
        self.state(|state| {
            if state.step(seen) {
                state.note(&seen.stack(), self.now());
            }
        });
        Ok(())
    }
}

/// Whether an instruction is one of the program's: what looks at the epoch and counts fuel is not.
fn is_the_programs(op: Op) -> bool {
    !matches!(op, Op::CheckInterrupt | Op::ConsumeFuel | Op::ConsumeFuelBy | Op::ReturnFuel)
}

impl State {
    /// Has instructions shown until there is a sample.
    fn want(&mut self) {
        if self.left.is_none() {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            self.left = Some((self.random >> 32) % WINDOW);
            self.codes.iter().for_each(|code| load::observe(code, true));
        }
    }

    /// Whether this instruction is the sample.
    fn step(&mut self, seen: &Seen<'_>) -> bool {
        let Some(left) = self.left else { return false };
        // A fused instruction is as many as it is made of.
        let parts = seen.op.parts().iter().filter_map(|part| Op::from_u16(*part));
        let count = match seen.op.parts() {
            [] => usize::from(is_the_programs(seen.op)),
            _ => parts.filter(|part| is_the_programs(*part)).count(),
        };
        if count == 0 {
            return false;
        }
        self.left = left.checked_sub(count as u64);
        if self.left.is_none() {
            self.codes.iter().for_each(|code| load::observe(code, false));
        }
        self.left.is_none()
    }

    /// Notes a stack, for all the time since the last one.
    fn note(&mut self, stack: &[(usize, DefinedFuncIndex, u32)], now: u64) {
        let weight = now.saturating_sub(self.last);
        self.last = self.last.max(now);
        let (mut node, mut site, mut place) = (ROOT, 0, None);
        for &(module, func, offset) in stack.iter().rev() {
            let func = (module, func.0);
            node = self.tree.child(node, site, func);
            site = offset;
            place = Some((func, offset));
        }
        if let Some(place) = place {
            self.tree.node(node).own += weight;
            *self.spent.entry(place).or_default() += weight;
        }
    }
}
