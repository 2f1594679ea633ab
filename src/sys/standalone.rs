//! The twin of `standard.rs` without the standard library.
//!
//! Locks spin: whoever holds one is never interrupted by who waits for it, so they are not for code that
//! interrupts what uses the engine. Hashes have no random key. A panic is nowhere caught: it is the end of the
//! program, as the embedder's handler says.

use core::any::Any;
use core::fmt;
use core::time::Duration;

pub use hashbrown::{HashMap, HashSet, hash_map};
pub use spin::{LazyLock, MutexGuard, Once};

use crate::prelude::*;

/// A map that keeps the order of insertion.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, hashbrown::DefaultHashBuilder>;

/// What a lock says whose holder has panicked: never here.
#[derive(Debug)]
pub struct PoisonError<G>(G);

impl<G> PoisonError<G> {
    /// The lock's guard.
    pub fn into_inner(self) -> G {
        self.0
    }
}

/// Why a lock was not to be had at once.
#[derive(Debug)]
pub enum TryLockError<G> {
    /// Never here.
    #[allow(dead_code, reason = "the twin's are")]
    Poisoned(PoisonError<G>),
    /// Somebody has it.
    WouldBlock,
}

type Locked<G> = Result<G, PoisonError<G>>;

/// See the standard library's.
#[derive(Default)]
pub struct Mutex<T>(spin::Mutex<T>);

impl<T> Mutex<T> {
    /// A lock around a value.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex(spin::Mutex::new(value))
    }

    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// None.
    pub fn lock(&self) -> Locked<MutexGuard<'_, T>> {
        Ok(self.0.lock())
    }

    /// Takes the lock if nobody has it.
    ///
    /// # Errors
    ///
    /// When somebody has it.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError<MutexGuard<'_, T>>> {
        self.0.try_lock().ok_or(TryLockError::WouldBlock)
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// None.
    pub fn into_inner(self) -> Locked<T> {
        Ok(self.0.into_inner())
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// See the standard library's.
#[derive(Default)]
pub struct RwLock<T>(spin::RwLock<T>);

impl<T> RwLock<T> {
    /// A lock around a value.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock(spin::RwLock::new(value))
    }

    /// Waits until nobody writes.
    ///
    /// # Errors
    ///
    /// None.
    pub fn read(&self) -> Locked<spin::RwLockReadGuard<'_, T>> {
        Ok(self.0.read())
    }

    /// Waits until nobody else reads or writes.
    ///
    /// # Errors
    ///
    /// None.
    pub fn write(&self) -> Locked<spin::RwLockWriteGuard<'_, T>> {
        Ok(self.0.write())
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// See the standard library's.
pub struct OnceLock<T>(spin::Once<T>);

impl<T> OnceLock<T> {
    /// A place without a value.
    pub const fn new() -> OnceLock<T> {
        OnceLock(spin::Once::new())
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// The value, which is made if there is none.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.0.call_once(make)
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whom to wake: nobody sleeps.
#[derive(Debug, Default)]
pub struct Condvar;

impl Condvar {
    /// Wakes nobody.
    pub fn notify_all(&self) {}
}

/// A time. There is no clock, so there is one.
#[derive(Clone, Copy, Debug)]
pub struct Instant;

impl Instant {
    /// The time.
    pub fn now() -> Instant {
        Instant
    }

    /// The time, which has come already.
    pub fn checked_add(self, _: Duration) -> Option<Instant> {
        Some(self)
    }
}

/// Returns: that time has come.
pub fn sleep_until(_: Instant) {}

/// What the system answers.
pub mod io {
    use core::fmt;

    /// An answer of the system.
    pub type Result<T> = core::result::Result<T, Error>;

    /// Why it refused.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum ErrorKind {
        /// The allocator has no such memory.
        OutOfMemory,
        /// There is nothing that could.
        Unsupported,
    }

    /// A refusal.
    #[derive(Debug)]
    pub struct Error(ErrorKind);

    impl From<ErrorKind> for Error {
        fn from(kind: ErrorKind) -> Error {
            Error(kind)
        }
    }

    impl fmt::Display for Error {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self.0 {
                ErrorKind::OutOfMemory => "out of memory",
                ErrorKind::Unsupported => "unsupported",
            })
        }
    }

    impl core::error::Error for Error {}
}

/// Calls a function. A panic in it ends the program.
///
/// # Errors
///
/// None.
#[inline(always)]
pub fn catch_unwind<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    Ok(f())
}

/// There is nothing to go on with.
///
/// # Panics
///
/// Always.
pub fn resume_unwind(_: Box<dyn Any + Send>) -> ! {
    panic!("a panic that was caught")
}

/// Threads that can run at the same time.
pub fn parallelism() -> usize {
    1
}

/// Calls `work` once.
pub fn on_threads<R: Send>(_: usize, work: impl Fn() -> R + Sync) -> Vec<R> {
    vec![work()]
}

/// Whether the build is for processors that have the named feature.
#[cfg(target_arch = "x86_64")]
macro_rules! has_feature {
    ($name:tt) => {
        cfg!(target_feature = $name)
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use has_feature;
