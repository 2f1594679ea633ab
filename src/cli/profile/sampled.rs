//! Looking where a program is now and then. A thread moves the engine's epoch on; code compares the epoch
//! where functions and loops begin, and where it has moved, publishes its frame for the callback that
//! notes the stack. Nothing interrupts code, and no signal is involved.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use threadle::{Result, Store, UpdateDeadline, WasmBacktrace};

use super::tree::{Func, ROOT, Recorded, Tree};
use crate::cli::host::Host;
use crate::cli::places::Places;

/// What has been seen.
struct Seen {
    tree: Tree,
    spent: BTreeMap<(Func, u32), u64>,
    /// The tick of the last sample.
    last: u64,
}

/// A sampling profiler.
pub struct Sampled {
    interval: Duration,
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
    ticking: Option<JoinHandle<()>>,
}

impl Sampled {
    /// One that looks `hertz` times a second.
    pub fn new(hertz: u32) -> Sampled {
        let seen = Seen { tree: Tree::new(), spent: BTreeMap::new(), last: 0 };
        Sampled {
            interval: Duration::from_secs(1) / hertz,
            seen: Arc::new(Mutex::new(seen)),
            ended: Arc::default(),
            ticking: None,
        }
    }

    /// Has the program that is about to run in this store looked at.
    pub fn begin(&mut self, store: &mut Store<Host>) -> Result<()> {
        let ticks = Arc::new(AtomicU64::new(0));
        let (seen, now) = (self.seen.clone(), ticks.clone());
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |store| {
            let backtrace = WasmBacktrace::force_capture(&store);
            let now = now.load(Ordering::Relaxed);
            seen.lock().unwrap_or_else(PoisonError::into_inner).note(&backtrace, now);
            Ok(UpdateDeadline::Continue(1))
        });
        let (engine, ended, interval) = (store.engine().clone(), self.ended.clone(), self.interval);
        self.ticking = Some(thread::Builder::new().name("ticks".into()).spawn(move || {
            // By the clock: waiting takes longer than it is asked for.
            let start = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(interval);
                let passed = start.elapsed().as_nanos() / interval.as_nanos().max(1);
                ticks.store(passed as u64, Ordering::Relaxed);
                engine.increment_epoch();
            }
        })?);
        Ok(())
    }

    /// What was seen of the program, which has ended.
    pub fn end(&mut self) -> Recorded {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(ticking) = self.ticking.take() {
            let _ = ticking.join();
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes = seen.tree.nodes().to_vec();
        let spent = std::mem::take(&mut seen.spent);
        Recorded { unit: "samples", has_calls: false, nodes, spent }
    }
}

impl Seen {
    /// Notes a stack, for all the time since the last one.
    fn note(&mut self, backtrace: &WasmBacktrace, now: u64) {
        let weight = now.saturating_sub(self.last);
        self.last = self.last.max(now);
        let (mut node, mut site, mut place) = (ROOT, 0, None);
        for frame in backtrace.frames().iter().rev() {
            let func = (Places::module(frame.module()), frame.func_index());
            let at = frame.module_offset().unwrap_or(0) as u32;
            node = self.tree.child(node, site, func);
            site = at;
            place = Some((func, at));
        }
        if let Some(place) = place {
            self.tree.node(node).own += weight;
            *self.spent.entry(place).or_default() += weight;
        }
    }
}
