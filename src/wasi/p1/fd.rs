//! The functions on open descriptors.

use std::io::SeekFrom;

use super::{Call, Errno, Ptr, Result, Span, count};
use crate::wasi::abi::{Fdstat, Filestat, fdflags, known_flags, prestat_dir};
use crate::wasi::file::{new_times, seek_from};
use crate::wasi::table::Descriptor;

impl Call<'_> {
    pub(super) fn fd_advise(&mut self, fd: u32, offset: u64, len: u64, advice: u32) -> Result<()> {
        self.ctx.fds.seekable(fd)?.advise(offset, len, advice)
    }

    pub(super) fn fd_allocate(&mut self, fd: u32, offset: u64, len: u64) -> Result<()> {
        self.ctx.fds.file(fd)?.allocate(offset, len)
    }

    pub(super) fn fd_close(&mut self, fd: u32) -> Result<()> {
        self.ctx.fds.close(fd).map(drop)
    }

    pub(super) fn fd_datasync(&mut self, fd: u32) -> Result<()> {
        match self.ctx.fds.get_mut(fd)? {
            Descriptor::Stream(stream) => stream.sync(),
            Descriptor::File(file) => file.sync_data(),
            Descriptor::Dir(_) => Err(Errno::Badf),
        }
    }

    pub(super) fn fd_sync(&mut self, fd: u32) -> Result<()> {
        match self.ctx.fds.get_mut(fd)? {
            Descriptor::Stream(stream) => stream.sync(),
            Descriptor::File(file) => file.sync_all(),
            Descriptor::Dir(_) => Err(Errno::Badf),
        }
    }

    pub(super) fn fd_fdstat_get(&mut self, fd: u32, stat: Ptr) -> Result<()> {
        let fdstat: Fdstat = match self.ctx.fds.get(fd)? {
            Descriptor::Stream(stream) => stream.fdstat(),
            Descriptor::File(file) => file.fdstat(),
            Descriptor::Dir(dir) => dir.fdstat(),
        };
        self.mem.write(stat, &fdstat.to_bytes())
    }

    pub(super) fn fd_fdstat_set_flags(&mut self, fd: u32, flags: u32) -> Result<()> {
        let flags = known_flags(flags, fdflags::ALL)?;
        match self.ctx.fds.get_mut(fd)? {
            Descriptor::Stream(stream) => stream.set_flags(flags),
            Descriptor::File(file) => file.set_flags(flags),
            Descriptor::Dir(_) => Err(Errno::Badf),
        }
    }

    /// Rights say what a descriptor can do; taking some away is a use that never caught on, that
    /// later WASI dropped, and that other engines refuse in the same way.
    pub(super) fn fd_fdstat_set_rights(
        &mut self,
        fd: u32,
        _base: u64,
        _inheriting: u64,
    ) -> Result<()> {
        self.ctx.fds.get(fd)?;
        Err(Errno::NotSup)
    }

    pub(super) fn fd_filestat_get(&mut self, fd: u32, stat: Ptr) -> Result<()> {
        let filestat = self.filestat(fd)?;
        self.mem.write(stat, &filestat.to_bytes())
    }

    /// The attributes of what a descriptor is.
    pub(in crate::wasi) fn filestat(&self, fd: u32) -> Result<Filestat> {
        Ok(match self.ctx.fds.get(fd)? {
            Descriptor::Stream(stream) => Filestat::stream(stream.filetype()),
            Descriptor::File(file) => file.filestat()?,
            Descriptor::Dir(dir) => dir.filestat()?,
        })
    }

    pub(super) fn fd_filestat_set_size(&mut self, fd: u32, size: u64) -> Result<()> {
        self.ctx.fds.file(fd)?.set_len(size)
    }

    pub(super) fn fd_filestat_set_times(
        &mut self,
        fd: u32,
        atim: u64,
        mtim: u64,
        flags: u32,
    ) -> Result<()> {
        let (atim, mtim) = new_times(atim, mtim, flags)?;
        match self.ctx.fds.get(fd)? {
            Descriptor::Stream(_) => Err(Errno::Badf),
            Descriptor::File(file) => file.set_times(atim, mtim),
            Descriptor::Dir(dir) => dir.set_times(atim, mtim),
        }
    }

    pub(super) fn fd_read(&mut self, fd: u32, iovs: Span, read: Ptr) -> Result<()> {
        self.mem.check(read, 4)?;
        let descriptor = self.ctx.fds.get_mut(fd)?;
        let mut bufs = self.mem.scatter(iovs)?;
        let len = match descriptor {
            Descriptor::Stream(stream) => stream.read(&mut bufs)?,
            Descriptor::File(file) => file.read(&mut bufs)?,
            Descriptor::Dir(_) => return Err(Errno::Badf),
        };
        self.mem.write_u32(read, count(len)?)
    }

    pub(super) fn fd_pread(&mut self, fd: u32, iovs: Span, offset: u64, read: Ptr) -> Result<()> {
        self.mem.check(read, 4)?;
        // Told apart before the buffers are looked at, as for every descriptor.
        let len = match self.ctx.fds.get_mut(fd)? {
            Descriptor::Stream(stream) => stream.read_at(&mut self.mem.scatter(iovs)?, offset)?,
            _ => {
                let file = self.ctx.fds.seekable(fd)?;
                file.read_at(&mut self.mem.scatter(iovs)?, offset)?
            }
        };
        self.mem.write_u32(read, count(len)?)
    }

    pub(super) fn fd_write(&mut self, fd: u32, iovs: Span, written: Ptr) -> Result<()> {
        self.mem.check(written, 4)?;
        let descriptor = self.ctx.fds.get_mut(fd)?;
        let bufs = self.mem.gather(iovs)?;
        let len = match descriptor {
            Descriptor::Stream(stream) => stream.write(&bufs)?,
            Descriptor::File(file) => file.write(&bufs)?,
            Descriptor::Dir(_) => return Err(Errno::Badf),
        };
        self.mem.write_u32(written, count(len)?)
    }

    pub(super) fn fd_pwrite(
        &mut self,
        fd: u32,
        iovs: Span,
        offset: u64,
        written: Ptr,
    ) -> Result<()> {
        self.mem.check(written, 4)?;
        let file = self.ctx.fds.seekable(fd)?;
        let bufs = self.mem.gather(iovs)?;
        let len = file.write_at(&bufs, offset)?;
        self.mem.write_u32(written, count(len)?)
    }

    pub(super) fn fd_prestat_get(&mut self, fd: u32, prestat: Ptr) -> Result<()> {
        let Descriptor::Dir(dir) = self.ctx.fds.get(fd)? else {
            return Err(Errno::Badf);
        };
        let name = dir.preopen().ok_or(Errno::Badf)?;
        self.mem.write(prestat, &prestat_dir(count(name.len())?))
    }

    pub(super) fn fd_prestat_dir_name(&mut self, fd: u32, path: Span) -> Result<()> {
        let Descriptor::Dir(dir) = self.ctx.fds.get(fd)? else {
            return Err(Errno::NotDir);
        };
        let name = dir.preopen().ok_or(Errno::NotDir)?;
        if count(name.len())? > path.len {
            return Err(Errno::NameTooLong);
        }
        self.mem.write(path.at, name.as_bytes())
    }

    pub(super) fn fd_readdir(&mut self, fd: u32, buf: Span, cookie: u64, used: Ptr) -> Result<()> {
        self.mem.check(used, 4)?;
        let Descriptor::Dir(dir) = self.ctx.fds.get_mut(fd)? else {
            return Err(Errno::Badf);
        };
        let len = dir.read_entries(self.mem.bytes_mut(buf)?, cookie)?;
        self.mem.write_u32(used, count(len)?)
    }

    pub(super) fn fd_renumber(&mut self, from: u32, to: u32) -> Result<()> {
        self.ctx.fds.renumber(from, to).map(drop)
    }

    pub(in crate::wasi) fn fd_seek(
        &mut self,
        fd: u32,
        offset: i64,
        whence: u32,
        position: Ptr,
    ) -> Result<()> {
        self.mem.check(position, 8)?;
        // The descriptor comes first, as for the host.
        let to = match self.ctx.fds.get_mut(fd)? {
            Descriptor::Stream(stream) => stream.seek(seek_from(offset, whence)?)?,
            _ => self.ctx.fds.seekable(fd)?.seek(seek_from(offset, whence)?)?,
        };
        self.mem.write_u64(position, to)
    }

    pub(super) fn fd_tell(&mut self, fd: u32, position: Ptr) -> Result<()> {
        let at = match self.ctx.fds.get_mut(fd)? {
            Descriptor::Stream(stream) => stream.seek(SeekFrom::Current(0))?,
            _ => self.ctx.fds.seekable(fd)?.tell()?,
        };
        self.mem.write_u64(position, at)
    }
}
