//! Watching what is dispatched: code that somebody observes is threaded through one handler, which shows
//! the observer an instruction and goes on in the instruction's own. All other code, and every build's
//! normal dispatch, pay nothing for it.

#[cfg(feature = "debug")]
mod access;

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
#[cfg(feature = "std")]
use core::cell::RefCell;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::abi::{Regs, Step};
use super::float;
use super::handlers::handler;
#[cfg(feature = "debug")]
use super::walk::{RawFrame, walk};
use crate::index::DefinedFuncIndex;
#[cfg(feature = "debug")]
use crate::isa::HEAD;
#[cfg(feature = "debug")]
use crate::isa::op::CallRuntime;
use crate::isa::operand::Stream;
#[cfg(feature = "debug")]
use crate::isa::runtime::Runtime;
use crate::isa::{ALIGN, Instruction, Op};
use crate::prelude::*;
use crate::sys::atomic::AtomicU64;
use crate::sys::standard::{PoisonError, RwLock};
use crate::trap::Trap;
#[cfg(feature = "debug")]
use crate::vm::owner::CallSite;
use crate::vm::{Slot, VmCtx};

/// Who is shown the instructions of code.
pub trait Observer: Send + Sync {
    /// Called when the code of a function has been loaded, before any of it runs.
    fn loaded(&self, code: &Arc<Observed>) {
        let _ = code;
    }

    /// Called in front of each instruction, on the thread that runs it.
    ///
    /// # Errors
    ///
    /// The program traps at the instruction.
    fn step(&self, seen: &Seen<'_>) -> Result<(), Trap>;
}

/// An observer, as configurations and translators keep it.
#[derive(Clone)]
pub struct Watch(pub Arc<dyn Observer>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

/// The observer of a module's code, kept by the module.
pub struct Watching {
    watch: Watch,
    alive: Arc<RwLock<bool>>,
}

impl Watching {
    /// Of a module whose code `watch` observes.
    pub fn new(watch: Watch) -> Watching {
        Watching { watch, alive: Arc::new(RwLock::new(true)) }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        *self.alive.write().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

/// The code of a function that is observed.
pub struct Observed {
    /// Address of the bytes that its module was read from, which tells modules apart.
    pub module: usize,
    /// The function.
    pub func: DefinedFuncIndex,
    /// Address of the code.
    pub start: usize,
    /// Byte offset of the first instruction to execute.
    pub entry: u32,
    /// The code as it was translated, but that every instruction is dispatched each time around.
    words: Box<[u64]>,
    /// Where instructions are, in bytes, and their ops as they were translated.
    #[cfg(feature = "debug")]
    heads: Box<[(u32, Op)]>,
    /// Whether one of them throws an exception.
    #[cfg(feature = "debug")]
    pub throws: bool,
    /// Kept by who keeps the code.
    observer: Weak<dyn Observer>,
    /// Whether the code still exists. Locked while it is about to cease.
    alive: Arc<RwLock<bool>>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("func", &self.func).finish_non_exhaustive()
    }
}

impl Observed {
    /// Its length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "code is never empty")]
    pub fn len(&self) -> usize {
        self.words.len() * 8
    }

    /// How many places for instructions there are: more than instructions.
    pub fn places(&self) -> usize {
        self.len() / ALIGN
    }

    /// The code as bytes, with opcodes and numbers of runtime functions.
    pub fn bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Has every instruction run in its own handler, or be shown to the observer first, while other
    /// instructions of the code may be running: `head` gives what is to stand at an instruction's start.
    #[cfg(feature = "debug")]
    pub(super) fn set_heads(&self, head: impl Fn(Op) -> u64) {
        let alive = self.alive.read().unwrap_or_else(PoisonError::into_inner);
        if !*alive || cfg!(not(threading = "direct")) {
            return;
        }
        for &(at, op) in &self.heads {
            let place = core::ptr::with_exposed_provenance_mut::<u64>(self.start + at as usize);
            // SAFETY: the code is alive, which whoever drops it has to wait for us to end. Heads are aligned
            // words in direct threading. Handlers read them by plain loads, which see one handler or
            // the other: the instruction is the same to both.
            unsafe { AtomicU64::from_ptr(place) }.store(head(op), Ordering::Relaxed);
        }
    }

    /// All instructions, in order.
    pub fn instructions(&self) -> impl Iterator<Item = Instruction> + '_ {
        let mut at = 0;
        core::iter::from_fn(move || {
            let instruction = Instruction::read(&*self.words, at)?;
            at += instruction.size;
            Some(instruction)
        })
    }

    /// Byte offsets that branches of an instruction lead to.
    pub fn targets(&self, instruction: Instruction) -> impl Iterator<Item = usize> + '_ {
        let places = instruction.branches(&*self.words);
        places.filter_map(move |place| instruction.target(&*self.words, place))
    }

    /// `N` bytes from byte `at` on, if there are so many.
    pub fn read<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.words.bytes(at)
    }

    fn op(&self, offset: usize) -> Option<Op> {
        Op::from_u16(u16::from_le_bytes(self.read(offset)?))
    }
}

/// What an instruction is about to find in the registers.
#[derive(Clone, Copy)]
struct Registers {
    fp: *mut Slot,
    ctx: *mut VmCtx,
    acc: u64,
    float_acc: u64,
    ints: [u64; 2],
    floats: [u64; 3],
}

/// An instruction that is about to run.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The code.
    pub code: &'a Arc<Observed>,
    /// Where in it the instruction is, in bytes.
    pub offset: usize,
    /// Its op.
    pub op: Op,
    registers: Registers,
}

impl fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("op", &self.op).finish_non_exhaustive()
    }
}

impl Seen<'_> {
    /// Address of the frame.
    pub fn frame(&self) -> usize {
        self.registers.fp as usize
    }

    /// A number that tells stores apart.
    pub fn store(&self) -> usize {
        // SAFETY: contract 3.
        unsafe { (*self.registers.ctx).store as usize }
    }

    /// Lets `act` have the store, in which the instruction's frame is the innermost.
    #[cfg(feature = "debug")]
    pub(crate) fn stopped<R>(&self, act: impl FnOnce(&mut crate::vm::VmStore) -> R) -> R {
        let Registers { fp, ctx, .. } = self.registers;
        // SAFETY: contract 5; the handler waits. What is published is put back as it was.
        unsafe {
            let store = (*ctx).store;
            let before = ((*store).exit_pc, (*store).exit_fp, (*store).exit_ctx);
            (*store).exit_pc = (self.code.start + self.offset) as *const u8;
            ((*store).exit_fp, (*store).exit_ctx) = (fp, ctx);
            let result = act(VmCtx::store_mut(ctx));
            ((*store).exit_pc, (*store).exit_fp, (*store).exit_ctx) = before;
            result
        }
    }

    /// The functions that are running, the innermost first: the address of the bytes that the module of each was
    /// read from, the function, and the byte of its code that it has come to.
    #[cfg(feature = "debug")]
    pub fn stack(&self) -> Vec<(usize, DefinedFuncIndex, u32)> {
        let mut stack = Vec::new();
        self.stopped(|vm| {
            let mut visit = |frame: RawFrame| {
                // SAFETY: contexts of frames are live.
                let instance = unsafe { CallSite::new(frame.ctx) }.instance(vm.id());
                let code = instance.map(|instance| vm.instance(instance).code());
                if let Some(code) = code
                    && let Some((func, offset)) = code.lookup(frame.place)
                {
                    stack.push((code.bytes().as_ptr() as usize, func, offset));
                }
                true
            };
            // SAFETY: `stopped` has published the innermost frame.
            unsafe { walk(&raw const vm.ctx, &mut visit) };
        });
        stack
    }

    /// The runtime function that the instruction calls.
    #[cfg(feature = "debug")]
    fn function(&self) -> Option<u64> {
        let place = self.op.function()?;
        Some(u64::from_le_bytes(self.code.read(self.offset + place)?))
    }

    /// Whether the instruction throws an exception, rather than trap for want of one.
    #[cfg(feature = "debug")]
    pub fn throws(&self) -> bool {
        let Some(function) = self.function().filter(|number| is_throw(*number)) else {
            return false;
        };
        let args = self.code.read(self.offset + HEAD + CallRuntime::ARGS.slot());
        let exception = args.and_then(|args| self.slot(i16::from_le_bytes(args).into()));
        function == Runtime::throw as u64 || exception != Some(0)
    }

    /// The integer accumulator.
    pub fn acc(&self) -> u64 {
        self.registers.acc
    }

    /// The low half of the float accumulator.
    pub fn float_acc(&self) -> u64 {
        self.registers.float_acc
    }

    /// The pinned integers.
    pub fn ints(&self) -> [u64; 2] {
        self.registers.ints
    }

    /// The pinned floats.
    pub fn floats(&self) -> [u64; 3] {
        self.registers.floats
    }

    /// A slot of the frame at `frame`, an address on this store's value stack; `None` if it is not on the
    /// stack.
    pub fn slot_of(&self, frame: usize, number: isize) -> Option<u64> {
        let bytes = number.checked_mul(size_of::<Slot>() as isize)?;
        let at = frame.checked_add_signed(bytes)?;
        // SAFETY: contract 3.
        let (base, limit) = unsafe {
            let store = (*self.registers.ctx).store;
            ((*store).stack_base, (*store).stack_limit)
        };
        let offset = at.checked_sub(base as usize)?;
        if at > limit as usize || !offset.is_multiple_of(size_of::<Slot>()) {
            return None;
        }
        // SAFETY: a slot between the lowest and the limit, behind which there are more; the value stack
        // is memory of zeros until it is written, and this thread's.
        Some(unsafe { base.byte_add(offset).read() })
    }

    /// A slot of the instruction's own frame.
    pub fn slot(&self, number: isize) -> Option<u64> {
        self.slot_of(self.frame(), number)
    }
}

/// Whether the runtime function with this number throws an exception.
#[cfg(feature = "debug")]
fn is_throw(number: u64) -> bool {
    number == Runtime::throw as u64 || number == Runtime::throw_ref as u64
}

/// All observed code, by address.
static CODE: RwLock<BTreeMap<usize, Arc<Observed>>> = RwLock::new(BTreeMap::new());

/// How many there may be before those are dropped that nobody observes any more.
static SWEEP: AtomicUsize = AtomicUsize::new(1000);

/// Changes whenever [`CODE`] does: code may come to where other code was.
static GENERATION: AtomicU64 = AtomicU64::new(0);

#[cfg(feature = "std")]
std::thread_local! {
    /// The code that this thread was last seen in, and when it was looked up.
    static LAST: RefCell<Option<(u64, Arc<Observed>)>> = const { RefCell::new(None) };
}

/// Notes code, which is loaded at `start`; `words` as translated.
pub(super) fn register(
    watching: &Watching,
    (module, func): (usize, DefinedFuncIndex),
    (start, entry): (usize, u32),
    mut words: Box<[u64]>,
) {
    let mut at = 0;
    let mut heads = Vec::new();
    #[cfg(feature = "debug")]
    let mut throws = false;
    while let Some(instruction) = Instruction::read(&*words, at) {
        heads.push((at as u32, instruction.op));
        #[cfg(feature = "debug")]
        {
            let function = instruction.op.function().and_then(|place| words.bytes(at + place));
            throws |= function.is_some_and(|number| is_throw(u64::from_le_bytes(number)));
        }
        // Each time around is an instruction of its own.
        words.replace(at, (instruction.op.once() as u16).to_le_bytes());
        at += instruction.size;
    }
    let observer = Arc::downgrade(&watching.watch.0);
    let alive = watching.alive.clone();
    let code = Arc::new(Observed {
        module,
        func,
        start,
        entry,
        words,
        #[cfg(feature = "debug")]
        heads: heads.into(),
        #[cfg(feature = "debug")]
        throws,
        observer,
        alive,
    });
    let mut all = CODE.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= SWEEP.load(Ordering::Relaxed) {
        all.retain(|_, code| code.observer.strong_count() > 0);
        SWEEP.store(2 * all.len().max(1000), Ordering::Relaxed);
    }
    // What was there before has been freed.
    let end = start + code.len();
    let gone: Vec<usize> = all.range(start..end).map(|(start, _)| *start).collect();
    for start in gone {
        all.remove(&start);
    }
    all.insert(start, code.clone());
    GENERATION.fetch_add(1, Ordering::Release);
    drop(all);
    watching.watch.0.loaded(&code);
}

/// Calls `f` with the observed code that an address is in.
fn with_code<R>(pc: usize, f: impl FnOnce(&Arc<Observed>) -> R) -> Option<R> {
    #[cfg(feature = "std")]
    let generation = GENERATION.load(Ordering::Acquire);
    let is_in = |code: &Observed| pc.wrapping_sub(code.start) < code.len();
    #[cfg(not(feature = "std"))]
    let cached: Option<Arc<Observed>> = None;
    #[cfg(feature = "std")]
    let cached = LAST.with_borrow(|last| match last {
        Some((when, code)) if *when == generation && is_in(code) => Some(code.clone()),
        _ => None,
    });
    let code = match cached {
        Some(code) => code,
        None => {
            let all = CODE.read().unwrap_or_else(PoisonError::into_inner);
            let code = all.range(..=pc).next_back()?.1.clone();
            drop(all);
            #[cfg(feature = "std")]
            LAST.set(is_in(&code).then(|| (generation, code.clone())));
            code
        }
    };
    is_in(&code).then(|| f(&code))
}

/// The handler of observed instructions.
///
/// # Safety
/// The handler contract, for an instruction that was registered.
#[inline(always)]
pub unsafe fn count(r: &mut Regs) -> Step {
    // All by value: a handler none of whose registers has an address can end in a jump.
    let float = |register| float::get_f64(register).to_bits();
    let (f0, f1, f2) = (float(r.f0), float(r.f1), float(r.f2));
    // SAFETY: the caller's promise.
    let next =
        unsafe { show(r.pc as usize, r.fp, r.ctx(), r.acc, float(r.fa), r.l0, r.l1, f0, f1, f2) };
    match next {
        Ok(op) => Step::To(handler(usize::from(op))),
        Err(trap) => Step::Raise(trap.into()),
    }
}

/// Shows the instruction at `pc` to its observer. Its opcode, or the code of a trap.
///
/// # Safety
/// The handler contract.
#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "by value")]
unsafe fn show(
    pc: usize,
    fp: *mut Slot,
    ctx: *mut VmCtx,
    acc: u64,
    float_acc: u64,
    l0: u64,
    l1: u64,
    f0: u64,
    f1: u64,
    f2: u64,
) -> Result<u16, u32> {
    let (ints, floats) = ([l0, l1], [f0, f1, f2]);
    let registers = Registers { fp, ctx, acc, float_acc, ints, floats };
    let next = with_code(pc, |code| {
        let offset = pc - code.start;
        let op = code.op(offset)?;
        let seen = Seen { code, offset, op, registers };
        let outcome = code.observer.upgrade().map_or(Ok(()), |observer| observer.step(&seen));
        Some(outcome.map(|()| op as u16).map_err(|trap| trap as u32))
    });
    next.flatten().expect("only observed code is threaded through this")
}
