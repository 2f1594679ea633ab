//! The import module `wasi_unstable`: the snapshot before preview 1, which older programs import.
//!
//! Most functions are preview 1's. Four are not: files' attributes have a number of links of 32 bits,
//! `fd_seek` counts its origins otherwise, and subscriptions of `poll_oneoff` have a field more.
//!
//! Specification: <https://github.com/WebAssembly/WASI/tree/wasi-0.1> (`unstable`, `snapshots/preview_0`).

use super::abi::{Filestat, Result, Subscription};
use super::ctx::WasiCtx;
use super::mem::{Ptr, Span};
use super::p1::{Call, Parameter, define, define_shared, run};
use crate::{Caller, Error, Linker};

/// The name under which programs import these functions.
const MODULE: &str = "wasi_unstable";

/// Defines all 45 functions of the snapshot in `linker`, under the module name `wasi_unstable`.
///
/// Everything else is as for [`p1::add_to_linker`](super::p1::add_to_linker), and both can be in one linker.
///
/// # Errors
///
/// If one of the functions is in `linker` already.
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut WasiCtx + Copy + Send + Sync + 'static,
) -> Result<(), Error> {
    define_shared(linker, MODULE, get)?;
    define! { linker, MODULE, get, Before,
        fn fd_filestat_get(fd: u32, stat: u32);
        fn fd_seek(fd: u32, offset: i64, whence: u32, position: u32);
        fn path_filestat_get(fd: u32, flags: u32, path[path_len]: u32, stat: u32);
        fn poll_oneoff(subscriptions: u32, events: u32, count: u32, happened: u32);
    }
    Ok(())
}

/// [`add_to_linker`] under the name that tells it from an asynchronous one.
pub use self::add_to_linker as add_to_linker_sync;

/// A call of one of the functions that were different.
struct Before<'a>(Call<'a>);

impl Before<'_> {
    fn fd_filestat_get(&mut self, fd: u32, stat: Ptr) -> Result<()> {
        let filestat = self.0.filestat(fd)?;
        self.0.mem.write(stat, &before(filestat))
    }

    fn path_filestat_get(&mut self, fd: u32, flags: u32, path: Span, stat: Ptr) -> Result<()> {
        let filestat = self.0.filestat_at(fd, flags, path)?;
        self.0.mem.write(stat, &before(filestat))
    }

    fn fd_seek(&mut self, fd: u32, offset: i64, whence: u32, position: Ptr) -> Result<()> {
        // From where one is, from the end, from the beginning.
        let whence = match whence {
            0 => 1,
            1 => 2,
            2 => 0,
            other => other,
        };
        self.0.fd_seek(fd, offset, whence, position)
    }

    fn poll_oneoff(
        &mut self,
        subscriptions: Ptr,
        events: Ptr,
        number: u32,
        happened: Ptr,
    ) -> Result<()> {
        self.0.poll(subscriptions, subscription, events, number, happened)
    }
}

/// `filestat`, whose number of links has 32 bits and stands where preview 1 has nothing.
fn before(filestat: Filestat) -> [u8; 56] {
    let now = filestat.to_bytes();
    let mut out = [0; 56];
    out[..17].copy_from_slice(&now[..17]);
    let links = u32::try_from(filestat.nlink).unwrap_or(u32::MAX);
    out[20..24].copy_from_slice(&links.to_le_bytes());
    out[24..].copy_from_slice(&now[32..]);
    out
}

/// `subscription`, where a clock has an identifier of the program's, which nothing asks for.
fn subscription(bytes: &[u8; 56]) -> Result<Subscription> {
    let mut now = [0; 48];
    now[..16].copy_from_slice(&bytes[..16]);
    let union = if bytes[8] == 0 { &bytes[24..] } else { &bytes[16..48] };
    now[16..].copy_from_slice(union);
    Subscription::from_bytes(&now)
}
