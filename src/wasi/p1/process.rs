//! Arguments, environment, clocks, random numbers and the rest of what concerns the program as a
//! whole. Sockets are here because there are none.

use super::{Call, Errno, GuestMem, Ptr, Result, Span, count};
use crate::prelude::*;
use crate::wasi::clocks::nanos;
use crate::wasi::table::Descriptor;

/// The clocks of preview 1. The two that tell how much time the process or thread has used (2 and
/// 3) are known but not served: they would show the guest what else the host does.
const CLOCK_REALTIME: u32 = 0;
const CLOCK_MONOTONIC: u32 = 1;
const CLOCK_THREAD_CPUTIME: u32 = 3;

/// Signals of preview 1 are numbered 0 to 30.
const MAX_SIGNAL: u32 = 30;

impl Call<'_> {
    pub(super) fn args_get(&mut self, argv: Ptr, buf: Ptr) -> Result<()> {
        write_strings(&mut self.mem, &self.ctx.args, argv, buf)
    }

    pub(super) fn args_sizes_get(&mut self, number: Ptr, size: Ptr) -> Result<()> {
        write_sizes(&mut self.mem, &self.ctx.args, number, size)
    }

    pub(super) fn environ_get(&mut self, environ: Ptr, buf: Ptr) -> Result<()> {
        write_strings(&mut self.mem, &self.ctx.env, environ, buf)
    }

    pub(super) fn environ_sizes_get(&mut self, number: Ptr, size: Ptr) -> Result<()> {
        write_sizes(&mut self.mem, &self.ctx.env, number, size)
    }

    pub(super) fn clock_res_get(&mut self, id: u32, resolution: Ptr) -> Result<()> {
        let value = match id {
            CLOCK_REALTIME => nanos(self.ctx.wall_clock.resolution()),
            CLOCK_MONOTONIC => self.ctx.monotonic_clock.resolution(),
            id => return Err(no_such_clock(id)),
        };
        self.mem.write_u64(resolution, value)
    }

    pub(super) fn clock_time_get(&mut self, id: u32, _precision: u64, time: Ptr) -> Result<()> {
        let value = self.clock_now(id)?;
        self.mem.write_u64(time, value)
    }

    /// The time of clock `id` in nanoseconds.
    pub(super) fn clock_now(&self, id: u32) -> Result<u64> {
        match id {
            CLOCK_REALTIME => Ok(nanos(self.ctx.wall_clock.now())),
            CLOCK_MONOTONIC => Ok(self.ctx.monotonic_clock.now()),
            id => Err(no_such_clock(id)),
        }
    }

    /// There are no signals, and none that would end the program better than a trap.
    pub(super) fn proc_raise(&mut self, signal: u32) -> Result<()> {
        if signal > MAX_SIGNAL {
            return Err(Errno::Inval);
        }
        Err(Errno::NotSup)
    }

    pub(super) fn sched_yield(&mut self) -> Result<()> {
        std::thread::yield_now();
        Ok(())
    }

    pub(super) fn random_get(&mut self, buf: Span) -> Result<()> {
        let buf = self.mem.bytes_mut(buf)?;
        self.ctx.fill_random(buf)
    }

    pub(super) fn sock_accept(&mut self, fd: u32, _flags: u32, _accepted: Ptr) -> Result<()> {
        self.not_a_socket(fd)
    }

    pub(super) fn sock_recv(
        &mut self,
        fd: u32,
        _data: Span,
        _flags: u32,
        _received: Ptr,
        _out_flags: Ptr,
    ) -> Result<()> {
        self.not_a_socket(fd)
    }

    pub(super) fn sock_send(
        &mut self,
        fd: u32,
        _data: Span,
        _flags: u32,
        _sent: Ptr,
    ) -> Result<()> {
        self.not_a_socket(fd)
    }

    pub(super) fn sock_shutdown(&mut self, fd: u32, _how: u32) -> Result<()> {
        self.not_a_socket(fd)
    }

    /// No descriptor is a socket, since no function of preview 1 opens one.
    fn not_a_socket(&self, fd: u32) -> Result<()> {
        match self.ctx.fds.get(fd)? {
            Descriptor::Stream(_) | Descriptor::File(_) | Descriptor::Dir(_) => Err(Errno::NotSock),
        }
    }
}

/// A clock that is known but not there is a bad descriptor, as other engines have it; an unknown one
/// is a bad argument.
fn no_such_clock(id: u32) -> Errno {
    if id <= CLOCK_THREAD_CPUTIME { Errno::Badf } else { Errno::Inval }
}

/// Writes `strings` with their terminators to `buf` and a pointer to each to `array`.
fn write_strings(
    mem: &mut GuestMem<'_>,
    strings: &[String],
    mut array: Ptr,
    mut buf: Ptr,
) -> Result<()> {
    for string in strings {
        mem.write_u32(array, buf)?;
        mem.write(buf, string.as_bytes())?;
        let end = buf.checked_add(count(string.len())?).ok_or(Errno::Fault)?;
        mem.write(end, &[0])?;
        array = array.checked_add(4).ok_or(Errno::Fault)?;
        buf = end.checked_add(1).ok_or(Errno::Fault)?;
    }
    Ok(())
}

/// Writes how many `strings` there are and how many bytes they take with their terminators.
fn write_sizes(mem: &mut GuestMem<'_>, strings: &[String], number: Ptr, size: Ptr) -> Result<()> {
    let bytes = strings.iter().map(|string| string.len() + 1).sum();
    mem.check(size, 4)?;
    mem.write_u32(number, count(strings.len())?)?;
    mem.write_u32(size, count(bytes)?)
}
