//! Threadle runs WebAssembly without ever making memory executable: modules are translated to a
//! compact register code, each of whose instructions is a small function that calls the next.
//!
//! The API has wasmtime's names and signatures:
//!
//! ```
//! use threadle::*;
//!
//! # fn main() -> Result<()> {
//! let engine = Engine::default();
//! let module = Module::new(&engine, wat_or_wasm())?;
//!
//! // A store holds instances, and data for host functions.
//! let mut store = Store::new(&engine, 0_u32);
//! let mut linker = Linker::new(&engine);
//! linker.func_wrap("host", "count", |mut caller: Caller<'_, u32>, by: u32| {
//!     *caller.data_mut() += by;
//! })?;
//!
//! let instance = linker.instantiate(&mut store, &module)?;
//! let run = instance.get_typed_func::<i32, i32>(&mut store, "run")?;
//! assert_eq!(run.call(&mut store, 5)?, 6);
//! assert_eq!(*store.data(), 5);
//! # Ok(())
//! # }
//! # fn wat_or_wasm() -> Vec<u8> {
//! #     wat::parse_str(
//! #         r#"(module
//! #             (import "host" "count" (func $count (param i32)))
//! #             (func (export "run") (param i32) (result i32)
//! #                 (call $count (local.get 0))
//! #                 (i32.add (local.get 0) (i32.const 1))))"#,
//! #     )
//! #     .unwrap()
//! # }
//! ```
//!
//! What can go wrong is an [`Error`]: a [`Trap`] with a [`WasmBacktrace`], whatever a host function
//! returned, or a [`ModuleError`]. Programs cannot harm the embedder: they reach only what they are
//! given, their calls live on a stack of their own of limited size, and
//! [`Store::limiter`] limits what else they use.
//!
//! With `default-features = false` the library is without the standard library: it needs `core`, `alloc` and
//! nothing of a system. A panic of a host function, which otherwise goes on at the caller, is the end of the
//! program then.

#![no_std]
#![deny(clippy::std_instead_of_alloc, clippy::std_instead_of_core)]
#![cfg_attr(dispatch = "become", feature(explicit_tail_calls, rust_preserve_none_cc))]
#![cfg_attr(dispatch = "become", allow(incomplete_features))]
// Bodies of handlers that were compiled in advance are not in the crate, nor what only they use.
#![cfg_attr(prebuilt, allow(dead_code))]

// Without the feature `std` what differs is in `sys::standard`.
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod prelude;

// ---- What the engine is made of. Open to the tools and tests of this repository by the feature
// `internals`, and no part of the public API. Without it the compiler sees what nothing uses.

pub mod error;
pub mod inspect;

mod artefact;
#[cfg(not(feature = "internals"))]
mod code;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod code;
#[cfg(not(feature = "internals"))]
mod exec;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod exec;
#[cfg(not(feature = "internals"))]
mod index;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod index;
#[cfg(not(feature = "internals"))]
#[allow(dead_code, unused_imports, reason = "the whole table, and its listing for tools")]
mod isa;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod isa;
#[cfg(not(feature = "internals"))]
#[allow(dead_code, unused_imports, reason = "all meanings, some of which are others, turned round")]
mod sem;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod sem;
#[cfg(not(feature = "internals"))]
mod sys;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod sys;
#[cfg(not(feature = "internals"))]
mod translate;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod translate;
#[cfg(not(feature = "internals"))]
mod trap;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod trap;
#[cfg(not(feature = "internals"))]
mod tune;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod tune;
#[cfg(not(feature = "internals"))]
mod types;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod types;
#[cfg(not(feature = "internals"))]
mod verify;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod verify;
#[cfg(not(feature = "internals"))]
mod vm;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod vm;
#[cfg(not(feature = "internals"))]
mod wasm;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod wasm;

// ---- The public API.

mod backtrace;
mod caller;
mod config;
#[cfg(feature = "coredump")]
mod core_dump;
#[cfg(feature = "debug")]
pub mod debug;
#[cfg(any(feature = "coredump", feature = "preinit"))]
mod encode;
mod engine;
mod exn;
mod extern_;
#[cfg(feature = "std")]
mod files;
mod func;
mod gc;
mod global;
mod instance;
mod interrupt;
mod limits;
mod linker;
mod memory;
mod metering;
mod module;
mod pool;
#[cfg(feature = "preinit")]
mod preinit;
mod serialize;
mod shared_memory;
mod store;
#[cfg(all(feature = "dwarf", not(feature = "internals")))]
mod symbols;
#[cfg(all(feature = "dwarf", feature = "internals"))]
#[doc(hidden)]
pub mod symbols;
mod table;
mod tag;
#[cfg(feature = "wat")]
mod text;
mod ty;
mod val;

pub use backtrace::{FrameInfo, WasmBacktrace};
pub use caller::Caller;
#[cfg(feature = "dwarf")]
pub use config::WasmBacktraceDetails;
pub use config::{
    Cache, Collector, CompilationMode, Config, Enabled, Inlining, InstanceAllocationStrategy,
    ModuleVersionStrategy, OptLevel, PoolingAllocationConfig, ProfilingStrategy, RegallocAlgorithm,
    Strategy,
};
#[cfg(feature = "coredump")]
pub use core_dump::WasmCoreDump;
pub use engine::{Engine, EngineWeak};
pub use error::{Context, Error, ModuleError, ModuleErrorKind, Result, bail, ensure, format_err};
pub use exn::{ExnRef, ExnRefPre, ThrownException};
pub use extern_::{Export, Extern};
pub use func::{
    Func, IntoFunc, NoExtern, NoFunc, NoneRef, ResumableCall, Suspend, SuspendReason,
    SuspendedCall, TypedFunc, ValRaw, WasmParams, WasmResults, WasmRet, WasmTy, WasmTyList,
};
pub use gc::{
    AnyRef, ArrayRef, ArrayRefPre, EqRef, GcHeapOutOfMemory, I31, OwnedRooted, RootScope, Rooted,
    RootedGcRef, StructRef, StructRefPre,
};
pub use global::Global;
pub use instance::Instance;
pub use interrupt::InterruptHandle;
pub use limits::{ResourceLimiter, ResourceLimiterAsync, StoreLimits, StoreLimitsBuilder};
pub use linker::{InstancePre, Linker, UnknownImportError};
pub use memory::{Memory, MemoryAccessError};
pub use metering::UpdateDeadline;
pub use module::{Module, ModuleExport, ResourcesRequired};
pub use pool::PoolConcurrencyLimitError;
#[cfg(feature = "preinit")]
pub use preinit::Preinit;
pub use serialize::Precompiled;
pub use shared_memory::{SharedMemory, WaitResult};
pub use store::hook::{CallHook, CallHookHandler};
pub use store::{AsContext, AsContextMut, GcStats, Store, StoreContext, StoreContextMut};
#[cfg(feature = "dwarf")]
pub use symbols::FrameSymbol;
pub use table::Table;
pub use tag::Tag;
pub use translate::{OperatorCost, VariableOperatorCost};
pub use trap::Trap;
pub use ty::{
    ArrayType, ExnType, ExportType, ExternType, FieldType, Finality, FuncType, GlobalType,
    HeapType, ImportType, MemoryType, MemoryTypeBuilder, Mutability, RefType, StorageType,
    StructType, TableType, TagType, ValType,
};
pub use val::{ExternRef, Ref, V128, Val};
pub use vm::creator::{LinearMemory, MemoryCreator};
/// The flags of WebAssembly's features, for [`Config::wasm_features`].
pub use wasmparser::WasmFeatures;

// ---- Clients of the public API.

// Not where this is a guest of WASI itself: the libraries that it needs do not build there with a stable
// compiler.
#[cfg(all(feature = "wasi", not(target_os = "wasi")))]
pub mod wasi;
#[cfg(feature = "wast")]
pub mod wast;
