//! The objects that handlers touch. Everything here is `repr(C)` where a handler, the signal
//! handler or assembly depends on its layout, and every such dependence is asserted beside it.
//!
//! Nothing in this layer knows how code is translated or executed.
//!
//! A file with a singular name has the object itself; the plural, what a store does with its objects of
//! that kind (`impl VmStore`). So `store` names all objects, and no object names the store.

pub mod awaited;
pub mod catch;
pub mod code_map;
pub mod context;
pub mod creator;
pub mod ending;
pub mod exception;
mod exceptions;
pub mod external;
pub mod frame;
mod fuel;
pub mod func;
mod gc;
mod globals;
pub mod handle;
pub mod heap;
mod host_memory;
mod host_objects;
mod imports;
pub mod instance;
mod instances;
pub mod interrupt;
pub mod layout;
pub mod limits;
mod memories;
pub mod memory;
pub mod memory_image;
pub mod memory_pool;
pub mod metering;
mod objects;
pub mod outcome;
pub mod owner;
pub mod poller;
mod raw;
pub mod roots;
pub mod shared;
pub mod stack;
pub mod stack_map;
pub mod store;
pub mod table;
mod tables;
pub mod types;
pub mod value;
mod values;
mod waiter;

pub use catch::CatchTable;
pub use code_map::{CodeEntry, CodeMap, CodePlace};
pub use context::{Hooks, StoreCtx, VmCtx, VmFunc, VmImport};
pub use ending::Ending;
pub use func::{HostShim, Unused, VmHostFunc};
pub use layout::VmLayout;
pub use memory::VmMemory;
pub use outcome::{Exit, HostReturn, Outcome};
pub use store::VmStore;
pub use table::VmTable;

/// One 64-bit cell of the value stack, of a global or of a table. An `i32` or `f32` occupies the
/// low half and leaves the high half unspecified; a `v128` occupies two cells; a reference is a
/// pointer or handle with 0 for null.
pub type Slot = u64;
