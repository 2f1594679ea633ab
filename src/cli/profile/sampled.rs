//! Looking where a program is now and then. A thread moves the engine's epoch on; code compares the epoch
//! where functions and loops begin. If it has moved, all code is threaded through the handler that shows
//! instructions, until a random number of them have run: the stack of the last is the sample. So a sample is of no
//! place in particular, though the epoch is seen at few. Nothing interrupts code, and no signal is involved.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use threadle::exec::load;
use threadle::exec::profile::{Observed, Observer, Seen};
use threadle::index::DefinedFuncIndex;
use threadle::isa::Op;
use threadle::{Result, Store, Trap, UpdateDeadline};

use super::tree::{Func, Node, ROOT, Recorded, Tree};
use crate::cli::host::Host;
use crate::cli::places::Places;
use crate::cli::run::Loaded;

/// The most instructions from where the epoch was seen to the sample. Much longer than the ways between such places,
/// so that these do not matter.
const WINDOW: u64 = 1024;

/// What has been seen. Functions are defined ones, and sites offsets in code.
struct State {
    codes: Vec<Arc<Observed>>,
    /// Instructions until the sample, while one is wanted.
    left: Option<u64>,
    /// What looks random.
    random: u64,
    tree: Tree,
    spent: BTreeMap<(Func, u32), u64>,
    /// The tick of the last sample.
    last: u64,
}

/// A sampling profiler, and the observer of the program's code.
pub struct Sampled {
    interval: Duration,
    ticks: AtomicU64,
    ended: AtomicBool,
    state: Mutex<State>,
}

impl Sampled {
    /// One that looks `hertz` times a second.
    pub fn new(hertz: u32) -> Sampled {
        Sampled {
            interval: Duration::from_secs(1) / hertz,
            ticks: AtomicU64::new(0),
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

    /// Has the program that is about to run in this store looked at, by the thread that it returns.
    pub fn begin(self: &Arc<Sampled>, store: &mut Store<Host>) -> Result<JoinHandle<()>> {
        let this = self.clone();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            this.state(State::want);
            Ok(UpdateDeadline::Continue(1))
        });
        let (this, engine) = (self.clone(), store.engine().clone());
        Ok(thread::Builder::new().name("ticks".into()).spawn(move || {
            // By the clock: waiting takes longer than it is asked for.
            let start = Instant::now();
            while !this.ended.load(Ordering::Relaxed) {
                thread::sleep(this.interval);
                let passed = start.elapsed().as_nanos() / this.interval.as_nanos().max(1);
                this.ticks.store(passed as u64, Ordering::Relaxed);
                engine.increment_epoch();
            }
        })?)
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
        let now = self.ticks.load(Ordering::Relaxed);
        self.state(|state| state.step(seen, now));
        Ok(())
    }
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

    fn step(&mut self, seen: &Seen<'_>, now: u64) {
        let Some(left) = self.left else { return };
        // What looks at the epoch is no instruction of the program's.
        if seen.op == Op::CheckInterrupt {
            return;
        }
        // A fused instruction is as many as it is made of.
        self.left = left.checked_sub(seen.op.parts().len().max(1) as u64);
        if self.left.is_none() {
            self.codes.iter().for_each(|code| load::observe(code, false));
            self.note(&seen.stack(), now);
        }
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
