//! The functions on names in directories.

use std::path::Path;

use super::{Call, Errno, Ptr, Result, Span, count};
use crate::wasi::abi::{Filestat, LOOKUP_SYMLINK_FOLLOW, fdflags, known_flags, oflags, rights};
use crate::wasi::dir::{Dir, OpenFlags};
use crate::wasi::file::new_times;

/// Whether a symbolic link as the last component of a path is followed.
fn follows(flags: u32) -> Result<bool> {
    Ok(known_flags(flags, LOOKUP_SYMLINK_FOLLOW)? != 0)
}

impl Call<'_> {
    /// An open directory, and a name in it.
    fn named(&self, fd: u32, name: Span) -> Result<(&Dir, &str)> {
        let name = self.mem.path(name)?;
        Ok((self.ctx.fds.dir(fd)?, name))
    }

    pub(super) fn path_create_directory(&mut self, fd: u32, name: Span) -> Result<()> {
        let (dir, name) = self.named(fd, name)?;
        dir.create_directory(name)
    }

    pub(super) fn path_filestat_get(
        &mut self,
        fd: u32,
        flags: u32,
        name: Span,
        stat: Ptr,
    ) -> Result<()> {
        let filestat = self.filestat_at(fd, flags, name)?;
        self.mem.write(stat, &filestat.to_bytes())
    }

    /// The attributes of what a path leads to.
    pub(in crate::wasi) fn filestat_at(&self, fd: u32, flags: u32, name: Span) -> Result<Filestat> {
        let (dir, name) = self.named(fd, name)?;
        dir.filestat_at(name, follows(flags)?)
    }

    pub(super) fn path_filestat_set_times(
        &mut self,
        fd: u32,
        flags: u32,
        name: Span,
        atim: u64,
        mtim: u64,
        fst_flags: u32,
    ) -> Result<()> {
        let (atim, mtim) = new_times(atim, mtim, fst_flags)?;
        let (dir, name) = self.named(fd, name)?;
        dir.set_times_at(name, follows(flags)?, atim, mtim)
    }

    /// A symbolic link can be linked to but not through: `FOLLOW` is not available on every host.
    pub(super) fn path_link(
        &mut self,
        old_fd: u32,
        flags: u32,
        old: Span,
        new_fd: u32,
        new: Span,
    ) -> Result<()> {
        let (old, new) = (self.mem.path(old)?, self.mem.path(new)?);
        let (from, to) = (self.ctx.fds.dir(old_fd)?, self.ctx.fds.dir(new_fd)?);
        if follows(flags)? {
            return Err(Errno::Inval);
        }
        from.link(old, to, new)
    }

    /// Of the rights asked for, reading and writing decide how the host opens the file. The others
    /// follow from these and from what the descriptor is.
    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    pub(super) fn path_open(
        &mut self,
        fd: u32,
        flags: u32,
        name: Span,
        oflags: u32,
        rights_base: u64,
        _rights_inheriting: u64,
        fdflags: u32,
        opened: Ptr,
    ) -> Result<()> {
        self.mem.check(opened, 4)?;
        self.ctx.fds.has_room()?;
        let name = self.mem.path(name)?;
        let flags = OpenFlags {
            follow: follows(flags)?,
            oflags: known_flags(oflags, oflags::ALL)?,
            read: rights_base & rights::FD_READ != 0,
            write: rights_base & rights::FD_WRITE != 0,
            fdflags: known_flags(fdflags, fdflags::ALL)?,
        };
        let descriptor = self.ctx.fds.dir(fd)?.open(name, flags)?.into();
        let fd = self.ctx.fds.push(descriptor)?;
        self.mem.write_u32(opened, fd)
    }

    pub(super) fn path_readlink(
        &mut self,
        fd: u32,
        name: Span,
        buf: Span,
        used: Ptr,
    ) -> Result<()> {
        self.mem.check(used, 4)?;
        let (dir, name) = self.named(fd, name)?;
        let target = dir.read_link(name)?;
        let buf = self.mem.bytes_mut(buf)?;
        let len = target.len().min(buf.len());
        buf[..len].copy_from_slice(&target.as_bytes()[..len]);
        self.mem.write_u32(used, count(len)?)
    }

    pub(super) fn path_remove_directory(&mut self, fd: u32, name: Span) -> Result<()> {
        let (dir, name) = self.named(fd, name)?;
        dir.remove_directory(name)
    }

    pub(super) fn path_rename(
        &mut self,
        old_fd: u32,
        old: Span,
        new_fd: u32,
        new: Span,
    ) -> Result<()> {
        let (old, new) = (self.mem.path(old)?, self.mem.path(new)?);
        self.ctx.fds.dir(old_fd)?.rename(old, self.ctx.fds.dir(new_fd)?, new)
    }

    pub(super) fn path_symlink(&mut self, target: Span, fd: u32, name: Span) -> Result<()> {
        let target = self.mem.path(target).map(Path::new)?;
        let (dir, name) = self.named(fd, name)?;
        dir.symlink(target, name)
    }

    pub(super) fn path_unlink_file(&mut self, fd: u32, name: Span) -> Result<()> {
        let (dir, name) = self.named(fd, name)?;
        dir.unlink_file(name)
    }
}
