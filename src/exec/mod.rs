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
mod role;
pub mod roots;
mod run;
pub mod runtime;
mod runtime_object;
mod slice;
mod slow;
mod step;
pub mod suspend;
#[cfg(all(test, unix, target_pointer_width = "64"))]
mod torture;
pub mod unwind;
pub mod walk;
mod words;

pub use abi::HandlerFn;
pub use enter::{Outer, arg_base, enter, enter_at, enter_start, leave, outer};
pub use load::load;
pub use roots::frame_roots;
pub use walk::walk;

pub use crate::vm::Exit;

use step::{jump, next, trap, trap_code};
use words::{EXIT_CODE, THUNK_CODE, function, stored};

use alloc::sync::Arc;

use crate::isa::{self, Op, Operands, op};
use crate::prelude::*;
use crate::vm::VmLayout;
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

/// Fills in the static stubs. Every engine calls it before it can run code; only the first call
/// writes, because handlers read the stubs without synchronisation.
pub fn initialise() {
    static ONCE: crate::sys::standard::Once = crate::sys::standard::Once::new();
    ONCE.call_once(|| {
        EXIT_CODE.set(threaded_head(Op::Exit));
        THUNK_CODE.set(threaded_head(Op::ReturnThunk));
    });
}

/// The code of a module, nothing of it translated yet: its functions' entries lead to
/// `lazy_compile`.
pub(crate) fn code_map(
    info: Arc<ModuleInfo>,
    bytes: Arc<[u8]>,
    translator: Box<dyn Translate>,
) -> CodeMap {
    let layout = VmLayout::new(&info);
    // SAFETY: within the crate, translators give what `load` made of the translation of the function
    // that they are asked for.
    unsafe { CodeMap::new(info, layout, bytes, translator, threaded_head(Op::LazyCompile)) }
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
