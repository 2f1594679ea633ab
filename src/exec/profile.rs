//! Counting what is dispatched: while counting is on, code is threaded through one handler that
//! counts an instruction and goes on in its own. Code threaded before, and every build's normal
//! dispatch, pay nothing for it.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::abi::{Regs, Step};
use super::handlers::handler;
use crate::isa::Op;

static ENABLED: AtomicBool = AtomicBool::new(false);

/// An instruction that is counted.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its address.
    pub address: usize,
    /// Its op.
    pub op: Op,
    /// Whether a branch leads to it.
    pub is_target: bool,
    /// How often it was dispatched.
    pub count: u64,
    /// The slots that it names, in order of its fields.
    pub slots: Vec<i16>,
}

/// Counts of a process.
#[derive(Default)]
struct Counts {
    sites: HashMap<usize, Site>,
    single: HashMap<u16, u64>,
    pairs: HashMap<[u16; 2], u64>,
    triples: HashMap<[u16; 3], u64>,
    last: [u16; 2],
}

static COUNTS: LazyLock<Mutex<Counts>> = LazyLock::new(Mutex::default);

/// Turns counting on for all code that is loaded from now on.
pub fn enable() {
    ENABLED.store(true, Ordering::Relaxed);
}

/// Whether code that is loaded now is counted.
pub(super) fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// Notes the instructions of a piece of code and where its branches lead.
pub(super) fn register(ops: Vec<(usize, Op, Vec<i16>)>, targets: &[usize]) {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    for (address, op, slots) in ops {
        let site = Site { address, op, is_target: false, count: 0, slots };
        counts.sites.insert(address, site);
    }
    for target in targets {
        if let Some(site) = counts.sites.get_mut(target) {
            site.is_target = true;
        }
    }
}

/// Every instruction that was registered, in order of addresses.
pub fn sites() -> Vec<Site> {
    let counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sites: Vec<Site> = counts.sites.values().cloned().collect();
    sites.sort_by_key(|site| site.address);
    sites
}

/// What has been counted: names of one, two or three consecutive ops, and how often they were
/// dispatched, most frequent first.
pub fn report() -> [Vec<(String, u64)>; 3] {
    let counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let name = |op: &u16| Op::from_u16(*op).map_or("?", |op| &op.info().name);
    let sorted = |mut rows: Vec<(String, u64)>| {
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        rows
    };
    let join = |ops: &[u16]| ops.iter().map(name).collect::<Vec<_>>().join(" ");
    [
        sorted(counts.single.iter().map(|(op, n)| (join(&[*op]), *n)).collect()),
        sorted(counts.pairs.iter().map(|(ops, n)| (join(ops), *n)).collect()),
        sorted(counts.triples.iter().map(|(ops, n)| (join(ops), *n)).collect()),
    ]
}

/// The counting handler.
///
/// # Safety
/// The handler contract, for an instruction that was registered.
#[inline(always)]
pub unsafe fn count(r: &mut Regs) -> Step {
    Step::To(handler(usize::from(tally(r.pc as usize))))
}

/// Counts the instruction at `pc` and returns its opcode.
#[inline(never)]
fn tally(pc: usize) -> u16 {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let op = counts.sites.get_mut(&pc).map_or(0, |site| {
        site.count += 1;
        site.op as u16
    });
    let [before, last] = counts.last;
    *counts.single.entry(op).or_default() += 1;
    *counts.pairs.entry([last, op]).or_default() += 1;
    *counts.triples.entry([before, last, op]).or_default() += 1;
    counts.last = [last, op];
    op
}
