//! The objects that handlers touch. Everything here is `repr(C)` where a handler, the signal
//! handler or assembly depends on its layout, and every such dependence is asserted beside it.
//!
//! Nothing in this layer knows how code is translated or executed.

pub mod awaited;
pub mod catch;
pub mod code_map;
pub mod context;
pub mod exception;
pub mod frame;
pub mod func;
pub mod gc;
pub mod heap;
pub mod imports;
pub mod instance;
pub mod interrupt;
pub mod layout;
pub mod limits;
pub(crate) mod memories;
pub mod memory;
pub mod metering;
pub mod object;
pub mod owner;
pub mod roots;
pub mod shared;
pub mod stack;
pub mod stack_map;
pub mod store;
pub mod table;
pub mod value;

pub use catch::CatchTable;
pub use code_map::{CodeEntry, CodeMap, CodePlace};
pub use context::{StoreCtx, VmCtx};
pub use func::{HostOutcome, HostReturn, HostShim, Unused, VmFunc, VmHostFunc, VmImport};
pub use layout::VmLayout;
pub use memory::VmMemory;
pub use store::{Failure, Hooks, VmStore};
pub use table::VmTable;

/// One 64-bit cell of the value stack, of a global or of a table. An `i32` or `f32` occupies the
/// low half and leaves the high half unspecified; a `v128` occupies two cells; a reference is a
/// pointer or handle with 0 for null.
pub type Slot = u64;
