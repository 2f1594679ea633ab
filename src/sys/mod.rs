//! What the operating system gives: reserved address space and, where they are supported, page
//! faults that become traps.
//!
//! Each part has twins with one interface: [`Mapping`] is made of `mmap` on unix and of the
//! allocator elsewhere; [`signals`] is real on the targets whose fault contexts are known and
//! empty elsewhere. Nothing here knows about WebAssembly.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "portable.rs")]
mod mapping;

#[cfg_attr(all(target_os = "linux", target_arch = "x86_64"), path = "signals/linux.rs")]
#[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), path = "signals/disabled.rs")]
pub mod signals;

pub mod bulk;
pub mod racy;

pub use mapping::Mapping;

/// Can accesses outside a memory be caught as page faults on this target? Where they cannot, every
/// memory works with explicit checks. Miri has no signals.
pub const GUARD_PAGES_SUPPORTED: bool = signals::SUPPORTED && !cfg!(miri);
