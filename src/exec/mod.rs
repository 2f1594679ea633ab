//! Execution: handlers, dispatch, and the ways in and out.
//!
//! The bodies in `families` are the one text of the handlers; `dispatch` holds three ways of
//! chaining them, of which the build picks one; `operand` turns operand classes into types; `abi`
//! states the contract that all of it relies on. Where handlers were compiled in advance
//! (`cfg(prebuilt)`, see `isa/prebuilt.rs`), only those of a few ops and the continuations are
//! compiled, and most of `families` and `operand` is not used.

pub mod abi;
#[cfg_attr(prebuilt, allow(dead_code, unused_imports, unused_macros))]
mod barrier;
mod checkpoint;
mod descriptor;
#[cfg_attr(dispatch = "become", path = "dispatch/become.rs")]
#[cfg_attr(dispatch = "sibling", path = "dispatch/sibling.rs")]
#[cfg_attr(dispatch = "loop", path = "dispatch/loop.rs")]
pub mod dispatch;
pub mod enter;
#[cfg_attr(prebuilt, allow(dead_code, unused_imports, unused_macros))]
mod families;
#[cfg_attr(prebuilt, allow(dead_code, unused_imports, unused_macros))]
mod float;
pub mod guard;
pub(crate) mod handlers;
mod later;
pub mod load;
#[cfg_attr(prebuilt, allow(dead_code, unused_imports, unused_macros))]
mod operand;
#[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "for tools"))]
pub mod profile;
pub mod roots;
pub mod runtime;
mod runtime_object;
mod slice;
mod slow;
pub mod suspend;
#[cfg(all(test, unix, target_pointer_width = "64"))]
mod torture;
pub mod unwind;
pub mod walk;

pub use dispatch::HandlerFn;
pub use enter::{Exit, Outer, arg_base, enter, enter_at, enter_start, leave, outer};
pub use load::load;
pub use roots::frame_roots;
pub use walk::walk;

use std::sync::Arc;

use abi::{Pc, Regs, Step};

use crate::isa::{self, Op, Operands, op};
use crate::trap::Trap;
use crate::vm::code_map::{CodeMap, Translate};
use crate::vm::store::Executor;
use crate::wasm::ModuleInfo;

/// Which dispatch backend this build uses: `become`, `sibling` or `loop`.
pub const DISPATCH: &str = if cfg!(dispatch = "become") {
    "become"
} else if cfg!(dispatch = "sibling") {
    "sibling"
} else {
    "loop"
};

/// Which threading form this build uses: `direct` or `table`.
pub const THREADING: &str = if cfg!(threading = "direct") { "direct" } else { "table" };

/// The handler of the instruction at `pc`.
///
/// # Safety
/// Contract 1 of [`abi`].
#[inline(always)]
unsafe fn head(pc: Pc) -> HandlerFn {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(threading = "direct")]
        return function(pc.cast::<u64>().read());
        #[cfg(threading = "table")]
        return *handlers::TABLE.get_unchecked(usize::from(pc.cast::<u16>().read_unaligned()));
    }
}

/// Moves to the following instruction.
#[inline(always)]
fn next(r: &mut Regs, body: usize) -> Step {
    r.pc = r.pc.wrapping_add(isa::len(body));
    Step::Next
}

/// Moves to the instruction that is `distance` bytes away from the start of this one.
///
/// # Safety
/// Contract 1 of [`abi`].
#[inline(always)]
unsafe fn jump(r: &mut Regs, distance: i32) {
    // SAFETY: the caller's promise: both lie in the function's code.
    r.pc = unsafe { r.op.offset(distance as isize) };
}

/// Leaves for the cold path that reports a trap at this instruction.
#[inline(always)]
fn trap(r: &mut Regs, t: Trap) -> Step {
    trap_code(r, t as u64)
}

/// The same, by code.
#[inline(always)]
fn trap_code(r: &mut Regs, code: u64) -> Step {
    let _ = r;
    Step::Raise(code)
}

/// What stores need of execution.
pub static EXECUTOR: Executor = Executor { frame_roots, import_call };

/// The handler that goes on with a call of an imported function: see [`Executor`].
fn import_call(is_host: bool, pins_floats: bool) -> *const () {
    let handler = match (is_host, pins_floats) {
        (true, false) => handlers::call_import_host,
        (true, true) => handlers::call_import_host_floats,
        (false, _) => handlers::call_import_wasm,
    };
    handler as *const ()
}

/// The head of an instruction as it stands in threaded code, in the low bytes.
pub fn threaded_head(op: Op) -> u64 {
    #[cfg(threading = "direct")]
    return stored(handlers::handler(op as usize) as *const ());
    #[cfg(threading = "table")]
    return op as u64;
}

/// A function's address as it stands in a stream of instructions, where addresses are integers.
fn stored(function: *const ()) -> u64 {
    function.expose_provenance() as u64
}

/// The function whose address stands in a stream of instructions.
///
/// # Safety
/// `address` is what [`stored`] made of a function of the pointer type `F`.
#[inline(always)]
unsafe fn function<F: Copy>(address: u64) -> F {
    const { assert!(size_of::<F>() == size_of::<*const ()>()) };
    let pointer = core::ptr::with_exposed_provenance::<()>(address as usize);
    // SAFETY: the caller's promise; pointers to functions and to data have one size and form.
    unsafe { core::mem::transmute_copy::<*const (), F>(&pointer) }
}

/// A single instruction without operands that native code places in a frame or function.
#[repr(C, align(8))]
pub struct StubCode(core::sync::atomic::AtomicU64);

impl StubCode {
    /// Where it starts.
    pub fn pc(&'static self) -> Pc {
        core::ptr::from_ref(self).cast()
    }
}

/// The static stubs. Handler addresses are not constants for the compiler, so `initialise` fills
/// them in.
static EXIT_CODE: StubCode = StubCode(core::sync::atomic::AtomicU64::new(0));
static THUNK_CODE: StubCode = StubCode(core::sync::atomic::AtomicU64::new(0));

/// Fills in the static stubs. Every engine calls it before it can run code; only the first call
/// writes, because handlers read the stubs without synchronisation.
pub fn initialise() {
    use core::sync::atomic::Ordering::Relaxed;
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        EXIT_CODE.0.store(threaded_head(Op::Exit), Relaxed);
        THUNK_CODE.0.store(threaded_head(Op::ReturnThunk), Relaxed);
    });
}

/// The code of a module, nothing of it translated yet: its functions' entries lead to
/// `lazy_compile`.
pub(crate) fn code_map(
    info: Arc<ModuleInfo>,
    bytes: Arc<[u8]>,
    translator: Box<dyn Translate>,
) -> CodeMap {
    // SAFETY: within the crate, translators give what `load` made of the translation of the function
    // that they are asked for.
    unsafe { CodeMap::new(info, bytes, translator, threaded_head(Op::LazyCompile)) }
}

/// The code of a host function: `call_indirect_host` with its signature and the distance from its
/// first argument to its frame ([`crate::vm::VmFunc::header_offset`]), ready to run.
pub fn host_stub(type_id: u32, frame_offset: u32) -> [u64; 2] {
    let mut bytes = [0; 16];
    let (head, body) = bytes.split_at_mut(isa::HEAD);
    head.copy_from_slice(&threaded_head(Op::CallIndirectHost).to_le_bytes()[..isa::HEAD]);
    op::HostStub { sig: type_id, args: frame_offset }.encode(body);
    let word = |at: usize| u64::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
    [word(0), word(8)]
}
