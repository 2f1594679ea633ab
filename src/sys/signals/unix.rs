//! Page faults that become traps, on Linux, Android and Apple's systems for x86-64 and AArch64.
//!
//! A handler that accesses a memory without a bounds check faults when the address lies behind the
//! memory's end, in the reserved rest of its region. The signal handler recognises such a fault by
//! two facts, both needed: the address lies in a registered region, and the program counter lies
//! in code that declared itself guarded. Execution then goes on at the landing that this code
//! named, with every other register as it was. Any other fault goes to whoever handled it before.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

mod regions;
mod table;

pub use regions::GuardedRegion;
pub use table::SignalTable;

use crate::prelude::*;

/// Whether faults become traps on this target.
pub const SUPPORTED: bool = true;

/// Installs the signal handler for the process, once, chained before the handlers that are there
/// now. Later calls only replace the table.
///
/// # Panics
///
/// If the system refuses to install a signal handler.
///
/// # Safety
///
/// `landing` answers with addresses of code that goes on with the registers of the code that it was
/// asked about, and may be called from a signal handler.
pub unsafe fn install(table: &'static SignalTable) {
    let install = || {
        for (signal, previous) in SIGNALS.iter().zip(&PREVIOUS) {
            install_one(*signal, previous);
        }
    };
    // SAFETY: the caller's promise.
    unsafe { table::declare(table, install) };
}

/// Linux reports accesses to inaccessible pages as SIGSEGV, and SIGBUS for pages of a mapped file
/// that has been cut short. Apple's systems use either, by the kind of page.
const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The action that was in force before ours, per signal; null until it is known.
static PREVIOUS: [AtomicPtr<libc::sigaction>; 2] =
    [AtomicPtr::new(ptr::null_mut()), AtomicPtr::new(ptr::null_mut())];

fn install_one(signal: c_int, previous: &AtomicPtr<libc::sigaction>) {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_fault;
    // SAFETY: all-zero is a valid `sigaction` (no flags, empty mask, default action), and the
    // pointers are to live locals.
    let result = unsafe {
        // The previous action is read first and kept before ours is in force, so that our handler
        // never runs without knowing whom to pass a fault to.
        libc::sigaction(signal, ptr::null(), old.as_mut_ptr());
        previous.store(Box::into_raw(Box::new(old.assume_init())), Ordering::Release);
        let mut new: libc::sigaction = MaybeUninit::zeroed().assume_init();
        new.sa_sigaction = handler as usize;
        // A fault inside a chained handler must reach that handler, hence SA_NODEFER.
        new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        libc::sigemptyset(&mut new.sa_mask);
        libc::sigaction(signal, &new, ptr::null_mut())
    };
    assert_eq!(result, 0, "cannot install a handler for signal {signal}");
}

extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes valid pointers to a handler installed with SA_SIGINFO; on this
    // target the context is a `ucontext_t`.
    unsafe {
        let pc = program_counter(context.cast());
        if let Some(landing) = table::landing((*info).si_addr() as usize, pc.read() as usize) {
            pc.write(landing as Word);
            return;
        }
    }
    chain(signal, info, context);
}

/// A register as fault contexts hold it.
#[cfg(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64"))]
type Word = i64;
/// A register as fault contexts hold it.
#[cfg(not(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64")))]
type Word = u64;

/// Where a fault's context has the address of the instruction, at which execution goes on when the
/// handler returns.
///
/// # Safety
///
/// The context is what the system passed to the signal handler.
unsafe fn program_counter(context: *mut libc::ucontext_t) -> *mut Word {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64"))]
        return &raw mut (*context).uc_mcontext.gregs[libc::REG_RIP as usize];
        #[cfg(all(any(target_os = "linux", target_os = "android"), target_arch = "aarch64"))]
        return &raw mut (*context).uc_mcontext.pc;
        #[cfg(all(target_vendor = "apple", target_arch = "x86_64"))]
        return &raw mut (*(*context).uc_mcontext).__ss.__rip;
        #[cfg(all(target_vendor = "apple", target_arch = "aarch64"))]
        return &raw mut (*(*context).uc_mcontext).__ss.__pc;
    }
}

/// Passes a fault that is not ours to the previous action.
fn chain(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let index = SIGNALS.iter().position(|&s| s == signal).unwrap_or(0);
    let previous = PREVIOUS[index].load(Ordering::Acquire);
    // SAFETY: `previous` was stored before the handler was installed and is never freed; its
    // function is called with the signature that its flags promise.
    unsafe {
        let action = (*previous).sa_sigaction;
        if action == libc::SIG_DFL || action == libc::SIG_IGN {
            // Returning repeats the fault, now under the previous action. (The system does not let
            // a program ignore its own faults: both end the process as they would have.)
            libc::sigaction(signal, previous, ptr::null_mut());
        } else if (*previous).sa_flags & libc::SA_SIGINFO != 0 {
            let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                core::mem::transmute(action);
            handler(signal, info, context);
        } else {
            let handler: extern "C" fn(c_int) = core::mem::transmute(action);
            handler(signal);
        }
    }
}

/// Gives the calling thread an alternate signal stack if it has none, so that chained handlers
/// can report an overflow of the native stack as they do on threads of the standard library. Our
/// own handler does not need one: without it, it runs on the thread's stack.
pub fn prepare_thread() {
    std::thread_local! {
        static STACK: Option<AlternateStack> = AlternateStack::install();
    }
    // Failure (a thread that is being torn down) leaves things as they were.
    let _ = STACK.try_with(|_| ());
}

/// A signal stack that this module installed for its thread.
struct AlternateStack {
    _memory: super::Mapping,
}

impl AlternateStack {
    const BYTES: usize = 64 * 1024;

    fn install() -> Option<AlternateStack> {
        let mut current = MaybeUninit::<libc::stack_t>::zeroed();
        // SAFETY: a null new stack only queries; the result goes to a live local, for which zero
        // is valid.
        let current = unsafe {
            libc::sigaltstack(ptr::null(), current.as_mut_ptr());
            current.assume_init()
        };
        if current.ss_flags & libc::SS_DISABLE == 0 {
            return None;
        }
        // The lower half stays inaccessible: an overflow of the signal stack faults.
        let mut memory = super::Mapping::reserve(2 * Self::BYTES).ok()?;
        memory.commit(Self::BYTES, Self::BYTES).ok()?;
        let stack = libc::stack_t {
            ss_sp: memory.base().wrapping_add(Self::BYTES).cast(),
            ss_flags: 0,
            ss_size: Self::BYTES,
        };
        // SAFETY: the memory is accessible and lives until `drop` has taken it back.
        let result = unsafe { libc::sigaltstack(&stack, ptr::null_mut()) };
        (result == 0).then_some(AlternateStack { _memory: memory })
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        let disable =
            libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: disabling the alternate stack has no preconditions; the thread is ending and not
        // in a signal handler.
        unsafe { libc::sigaltstack(&disable, ptr::null_mut()) };
    }
}
