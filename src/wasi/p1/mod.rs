//! The import module `wasi_snapshot_preview1`.

mod fd;
mod path;
mod poll;
mod process;

use core::convert::identity;

use super::abi::{Errno, Result};
use super::ctx::WasiCtx;
pub use super::ctx::WasiP1Ctx;
use super::error::{I32Exit, MissingMemory};
use super::mem::{GuestMem, Ptr, Span};
use crate::{Caller, Error, Extern, Linker, Memory};

/// The name under which programs import these functions.
const MODULE: &str = "wasi_snapshot_preview1";

/// A parameter of a WASI function: preview 1's unsigned numbers travel as Wasm's integers.
pub(super) trait Parameter {
    type Wasm;
    fn from_wasm(value: Self::Wasm) -> Self;
}

impl Parameter for u32 {
    type Wasm = i32;
    fn from_wasm(value: i32) -> Self {
        value.cast_unsigned()
    }
}

impl Parameter for u64 {
    type Wasm = i64;
    fn from_wasm(value: i64) -> Self {
        value.cast_unsigned()
    }
}

impl Parameter for i64 {
    type Wasm = i64;
    fn from_wasm(value: i64) -> Self {
        value
    }
}

/// Defines the import `$name` of `$module` for each `fn $name(..)` as the method of [`Call`] of that name, of
/// which it turns the result into a number for the guest. An argument with a length in brackets, which
/// is a parameter of its own, is a [`Span`]:
///
/// ```text
/// fn random_get(buf[buf_len]: u32);
/// =>
/// linker.func_wrap(module, "random_get", move |mut caller: Caller<'_, T>, buf: i32, buf_len: i32| {
///     let span = Span { at: u32::from_wasm(buf), len: u32::from_wasm(buf_len) };
///     run(&mut caller, get, "random_get", |call| of(call).random_get(span))
/// })?;
/// ```
///
/// `$of` makes what has the methods of a [`Call`].
macro_rules! define {
    ($linker:ident, $module:expr, $get:ident, $of:expr, $(fn $name:ident($($arg:ident $([$len:ident])?: $ty:ty),*);)*) => {$(
        $linker.func_wrap(
            $module,
            stringify!($name),
            move |mut caller: Caller<'_, T>, $($arg: <$ty as Parameter>::Wasm $(, $len: i32)?),*| {
                $(
                    let $arg = <$ty as Parameter>::from_wasm($arg);
                    $(let $arg = Span { at: $arg, len: u32::from_wasm($len) };)?
                )*
                run(&mut caller, $get, stringify!($name), |call| $of(call).$name($($arg),*))
            },
        )?;
    )*};
}

pub(super) use define;

/// Defines all 46 functions of WASI preview 1 in `linker`, under the module name
/// `wasi_snapshot_preview1`.
///
/// `get` finds the context in the store's data. The calling instance must export its memory as
/// `memory`; a call without it ends the program with [`MissingMemory`]. `proc_exit` ends it with
/// [`I32Exit`].
///
/// Calls block the calling thread for as long as what they do takes: reading a terminal, or
/// `poll_oneoff` with a timeout.
///
/// # Errors
///
/// If one of the functions is in `linker` already.
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut WasiCtx + Copy + Send + Sync + 'static,
) -> Result<(), Error> {
    define_shared(linker, MODULE, get)?;
    define! { linker, MODULE, get, identity,
        fn fd_filestat_get(fd: u32, stat: u32);
        fn fd_seek(fd: u32, offset: i64, whence: u32, position: u32);
        fn path_filestat_get(fd: u32, flags: u32, path[path_len]: u32, stat: u32);
        fn poll_oneoff(subscriptions: u32, events: u32, count: u32, happened: u32);
        fn sock_accept(fd: u32, flags: u32, accepted: u32);
    }
    Ok(())
}

/// Defines what is the same in both snapshots.
pub(super) fn define_shared<T: 'static>(
    linker: &mut Linker<T>,
    module: &str,
    get: impl Fn(&mut T) -> &mut WasiCtx + Copy + Send + Sync + 'static,
) -> Result<(), Error> {
    define! { linker, module, get, identity,
        fn args_get(argv: u32, argv_buf: u32);
        fn args_sizes_get(count: u32, size: u32);
        fn environ_get(environ: u32, environ_buf: u32);
        fn environ_sizes_get(count: u32, size: u32);
        fn clock_res_get(id: u32, resolution: u32);
        fn clock_time_get(id: u32, precision: u64, time: u32);
        fn fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
        fn fd_allocate(fd: u32, offset: u64, len: u64);
        fn fd_close(fd: u32);
        fn fd_datasync(fd: u32);
        fn fd_fdstat_get(fd: u32, stat: u32);
        fn fd_fdstat_set_flags(fd: u32, flags: u32);
        fn fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
        fn fd_filestat_set_size(fd: u32, size: u64);
        fn fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32);
        fn fd_pread(fd: u32, iovs[iovs_len]: u32, offset: u64, read: u32);
        fn fd_prestat_get(fd: u32, prestat: u32);
        fn fd_prestat_dir_name(fd: u32, path[path_len]: u32);
        fn fd_pwrite(fd: u32, iovs[iovs_len]: u32, offset: u64, written: u32);
        fn fd_read(fd: u32, iovs[iovs_len]: u32, read: u32);
        fn fd_readdir(fd: u32, buf[buf_len]: u32, cookie: u64, used: u32);
        fn fd_renumber(from: u32, to: u32);
        fn fd_sync(fd: u32);
        fn fd_tell(fd: u32, position: u32);
        fn fd_write(fd: u32, iovs[iovs_len]: u32, written: u32);
        fn path_create_directory(fd: u32, path[path_len]: u32);
        fn path_filestat_set_times(
            fd: u32, flags: u32, path[path_len]: u32, atim: u64, mtim: u64, fst_flags: u32
        );
        fn path_link(
            old_fd: u32, flags: u32, old_path[old_path_len]: u32,
            new_fd: u32, new_path[new_path_len]: u32
        );
        fn path_open(
            fd: u32, flags: u32, path[path_len]: u32, oflags: u32,
            rights_base: u64, rights_inheriting: u64, fdflags: u32, opened: u32
        );
        fn path_readlink(fd: u32, path[path_len]: u32, buf[buf_len]: u32, used: u32);
        fn path_remove_directory(fd: u32, path[path_len]: u32);
        fn path_rename(
            old_fd: u32, old_path[old_path_len]: u32,
            new_fd: u32, new_path[new_path_len]: u32
        );
        fn path_symlink(target[target_len]: u32, fd: u32, path[path_len]: u32);
        fn path_unlink_file(fd: u32, path[path_len]: u32);
        fn proc_raise(signal: u32);
        fn random_get(buf[buf_len]: u32);
        fn sched_yield();
        fn sock_recv(fd: u32, data[data_len]: u32, flags: u32, received: u32, out_flags: u32);
        fn sock_send(fd: u32, data[data_len]: u32, flags: u32, sent: u32);
        fn sock_shutdown(fd: u32, how: u32);
    }
    // The one function that does not return.
    linker.func_wrap(module, "proc_exit", |status: i32| -> Result<(), Error> {
        Err(I32Exit(status).into())
    })?;
    Ok(())
}

/// [`add_to_linker`] under the name that tells it from an asynchronous one.
pub use self::add_to_linker as add_to_linker_sync;

/// [`add_to_linker`] for programs that are run by the `async` methods. The functions are the same ones:
/// what blocks, such as reading a terminal or `poll_oneoff` with a timeout, blocks the thread of the
/// executor. Whoever minds gives such programs a thread of their own.
///
/// # Errors
///
/// See [`add_to_linker`].
pub fn add_to_linker_async<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut WasiCtx + Copy + Send + Sync + 'static,
) -> Result<(), Error> {
    add_to_linker(linker, get)
}

/// A call of one of the functions, which are its methods: what it works on.
pub(super) struct Call<'a> {
    pub(super) ctx: &'a mut WasiCtx,
    pub(super) mem: GuestMem<'a>,
}

/// Runs `function` with the caller's memory and context.
pub(super) fn run<T: 'static>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut WasiCtx,
    name: &'static str,
    function: impl FnOnce(Call<'_>) -> Result<()>,
) -> Result<i32, Error> {
    let memory = memory(caller, name)?;
    let (bytes, data) = memory.data_and_store_mut(caller);
    Ok(match function(Call { ctx: get(data), mem: GuestMem::new(bytes) }) {
        Ok(()) => 0,
        Err(errno) => i32::from(errno as u16),
    })
}

/// The caller's memory. A function of its own, since every function of WASI asks for it.
#[inline(never)]
fn memory<T: 'static>(
    caller: &mut Caller<'_, T>,
    function: &'static str,
) -> Result<Memory, MissingMemory> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory),
        _ => Err(MissingMemory { function }),
    }
}

/// A byte count that is known to come from a guest's 32-bit length.
fn count(len: usize) -> Result<u32> {
    u32::try_from(len).map_err(|_| Errno::Overflow)
}
