//! The standard streams: the host process's own, or a reader or writer of the embedder's.

use std::io::{self, IoSlice, IoSliceMut, IsTerminal, Read, SeekFrom, Write};

use super::abi::{Errno, Fdstat, Filetype, Result, fdflags, rights};
use super::errno::retry;
use crate::prelude::*;

/// Where a program's standard input comes from.
pub(super) enum Source {
    /// The host process's standard input.
    ///
    /// On Unix it is read past the standard library's buffer, so that waiting for input in
    /// `poll_oneoff` and reading it agree on what is there.
    Inherit,
    /// A reader of the embedder's. It counts as always ready.
    Reader(Box<dyn Read + Send>),
}

/// Where a program's standard output or error output goes.
pub(super) enum Sink {
    /// The host process's standard output.
    InheritOut,
    /// The host process's standard error.
    InheritErr,
    /// A writer of the embedder's. It counts as always ready.
    Writer(Box<dyn Write + Send>),
}

/// Which of a program's streams is meant, and its state.
pub(super) enum Stream {
    Input { source: Source, nonblock: bool },
    Output { sink: Sink, nonblock: bool },
}

impl Stream {
    pub fn input(source: Source) -> Self {
        Self::Input { source, nonblock: false }
    }

    pub fn output(sink: Sink) -> Self {
        Self::Output { sink, nonblock: false }
    }

    /// A terminal is a character device; what other streams are is not the guest's business.
    pub fn filetype(&self) -> Filetype {
        let terminal = match self.inherited() {
            Some(0) => io::stdin().is_terminal(),
            Some(1) => io::stdout().is_terminal(),
            Some(_) => io::stderr().is_terminal(),
            None => false,
        };
        if terminal { Filetype::CharacterDevice } else { Filetype::Unknown }
    }

    /// Which of the host's standard descriptors this is, if it is one of them.
    pub fn inherited(&self) -> Option<u32> {
        match self {
            Self::Input { source: Source::Inherit, .. } => Some(0),
            Self::Output { sink: Sink::InheritOut, .. } => Some(1),
            Self::Output { sink: Sink::InheritErr, .. } => Some(2),
            _ => None,
        }
    }

    pub fn fdstat(&self) -> Fdstat {
        let (transfer, nonblock) = match self {
            Self::Input { nonblock, .. } => (rights::FD_READ, *nonblock),
            Self::Output { nonblock, .. } => (rights::FD_WRITE | rights::FD_SYNC, *nonblock),
        };
        let mut rights = transfer | rights::STREAM;
        if matches!(self, Self::Input { source: Source::Inherit, .. })
            && host::seek(SeekFrom::Current(0)).is_ok()
        {
            rights |= rights::FD_SEEK | rights::FD_TELL;
        }
        Fdstat {
            filetype: self.filetype(),
            flags: if nonblock { fdflags::NONBLOCK } else { 0 },
            rights_base: rights,
            rights_inheriting: rights,
        }
    }

    /// Only `NONBLOCK` means anything for a stream, and only to this program: the host's own flags,
    /// which other processes may share, are never changed. `APPEND` is accepted, since streams do
    /// nothing else.
    pub fn set_flags(&mut self, flags: u32) -> Result<()> {
        if flags & !(fdflags::NONBLOCK | fdflags::APPEND) != 0 {
            return Err(Errno::Inval);
        }
        let (Self::Input { nonblock, .. } | Self::Output { nonblock, .. }) = self;
        *nonblock = flags & fdflags::NONBLOCK != 0;
        Ok(())
    }

    pub fn read(&mut self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let Self::Input { source, nonblock } = self else {
            return Err(Errno::Badf);
        };
        if bufs.is_empty() {
            return Ok(0);
        }
        match source {
            Source::Inherit => {
                if *nonblock && !host::input_ready()? {
                    return Err(Errno::Again);
                }
                Ok(retry(|| host::read(bufs))?)
            }
            Source::Reader(reader) => Ok(retry(|| reader.read_vectored(bufs))?),
        }
    }

    /// Inherited input that is a file has a position, which the host process shares. Output has none,
    /// whatever the host made of it: a program could overwrite what others wrote before.
    pub fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        match self {
            Self::Input { source: Source::Inherit, .. } => Ok(host::seek(to)?),
            _ => Err(Errno::Spipe),
        }
    }

    /// Reads inherited input that is a file at `offset`, and leaves the position alone.
    pub fn read_at(&mut self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        match self {
            Self::Input { source: Source::Inherit, .. } => Ok(host::read_at(bufs, offset)?),
            _ => Err(Errno::Spipe),
        }
    }

    pub fn write(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let Self::Output { sink, nonblock } = self else {
            return Err(Errno::Badf);
        };
        if bufs.is_empty() {
            return Ok(0);
        }
        match sink {
            Sink::InheritOut | Sink::InheritErr if *nonblock && !host::output_ready(sink)? => {
                Err(Errno::Again)
            }
            Sink::InheritOut => Ok(retry(|| host::write_out(bufs))?),
            Sink::InheritErr => Ok(retry(|| host::write_err(bufs))?),
            Sink::Writer(writer) => Ok(retry(|| writer.write_vectored(bufs))?),
        }
    }

    /// Hands buffered output on. Input has nothing to synchronise, which POSIX calls `EINVAL`.
    pub fn sync(&mut self) -> Result<()> {
        match self {
            Self::Input { .. } => Err(Errno::Inval),
            Self::Output { sink: Sink::Writer(writer), .. } => Ok(retry(|| writer.flush())?),
            Self::Output { .. } => Ok(()),
        }
    }
}

#[cfg(unix)]
mod host {
    //! Reading and writing the process's own descriptors without a second buffer, with one system
    //! call each. A descriptor that the process was started without is an empty input and an output
    //! that takes everything, as in the standard library.

    use super::{IoSlice, IoSliceMut, Result, SeekFrom, Sink, io, retry};
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    use std::io::Write;
    use std::os::fd::AsFd;

    pub(super) fn read(bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match rustix::io::readv(io::stdin(), bufs) {
            Err(Errno::BADF) => Ok(0),
            result => Ok(result?),
        }
    }

    pub(super) fn seek(to: SeekFrom) -> io::Result<u64> {
        use rustix::fs::SeekFrom as Host;
        let to = match to {
            SeekFrom::Start(at) => Host::Start(at),
            SeekFrom::Current(by) => Host::Current(by),
            SeekFrom::End(by) => Host::End(by),
        };
        Ok(rustix::fs::seek(io::stdin(), to)?)
    }

    pub(super) fn read_at(bufs: &mut [IoSliceMut<'_>], offset: u64) -> io::Result<usize> {
        match bufs.iter_mut().find(|buf| !buf.is_empty()) {
            Some(buf) => retry(|| rustix::io::pread(io::stdin(), &mut **buf, offset)),
            None => Ok(0),
        }
    }

    /// What the embedder printed before stays before what the guest prints now, hence the flush.
    pub(super) fn write_out(bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stdout = io::stdout().lock();
        stdout.flush()?;
        taken(rustix::io::writev(&stdout, bufs), bufs)
    }

    pub(super) fn write_err(bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let stderr = io::stderr().lock();
        taken(rustix::io::writev(&stderr, bufs), bufs)
    }

    fn taken(result: rustix::io::Result<usize>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match result {
            Err(Errno::BADF) => Ok(bufs.iter().map(|buf| buf.len()).sum()),
            result => Ok(result?),
        }
    }

    pub(super) fn input_ready() -> Result<bool> {
        ready(io::stdin().as_fd(), PollFlags::IN)
    }

    pub(super) fn output_ready(sink: &Sink) -> Result<bool> {
        match sink {
            Sink::InheritOut => ready(io::stdout().as_fd(), PollFlags::OUT),
            Sink::InheritErr => ready(io::stderr().as_fd(), PollFlags::OUT),
            Sink::Writer(_) => Ok(true),
        }
    }

    fn ready(fd: std::os::fd::BorrowedFd<'_>, flags: PollFlags) -> Result<bool> {
        let mut fds = [PollFd::from_borrowed_fd(fd, flags)];
        let count = super::retry(|| poll(&mut fds, Some(&Timespec::default())))?;
        Ok(count > 0)
    }
}

#[cfg(not(unix))]
mod host {
    //! Through the standard library, which on Windows also translates between UTF-8 and consoles.

    use super::{IoSlice, IoSliceMut, Result, SeekFrom, Sink, io};
    use std::io::{Read, Write};

    pub(super) fn read(bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        io::stdin().lock().read_vectored(bufs)
    }

    /// The standard library reads ahead and cannot be told to go back.
    pub(super) fn seek(_: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::NotSeekable.into())
    }

    pub(super) fn read_at(_: &mut [IoSliceMut<'_>], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::NotSeekable.into())
    }

    pub(super) fn write_out(bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_vectored(bufs)?;
        stdout.flush()?;
        Ok(written)
    }

    pub(super) fn write_err(bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        io::stderr().lock().write_vectored(bufs)
    }

    /// There is no portable way to ask; a blocking read is the honest answer.
    pub(super) fn input_ready() -> Result<bool> {
        Ok(true)
    }

    pub(super) fn output_ready(_: &Sink) -> Result<bool> {
        Ok(true)
    }
}
