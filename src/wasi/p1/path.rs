//! The functions on names in directories.

use std::path::Path;

use super::{Errno, GuestMem, Ptr, Result, WasiCtx, count};
use crate::wasi::abi::{Filestat, LOOKUP_SYMLINK_FOLLOW, fdflags, known_flags, oflags, rights};
use crate::wasi::dir::OpenFlags;
use crate::wasi::file::new_times;

/// Whether a symbolic link as the last component of a path is followed.
fn follows(flags: u32) -> Result<bool> {
    Ok(known_flags(flags, LOOKUP_SYMLINK_FOLLOW)? != 0)
}

impl WasiCtx {
    pub(super) fn path_create_directory(
        &mut self,
        mem: &mut GuestMem<'_>,
        fd: u32,
        name: Ptr,
        name_len: u32,
    ) -> Result<()> {
        let name = mem.path(name, name_len)?;
        self.fds.dir(fd)?.create_directory(name)
    }

    pub(super) fn path_filestat_get(
        &mut self,
        mem: &mut GuestMem<'_>,
        fd: u32,
        flags: u32,
        name: Ptr,
        name_len: u32,
        stat: Ptr,
    ) -> Result<()> {
        let name = mem.path(name, name_len)?;
        let filestat: Filestat = self.fds.dir(fd)?.filestat_at(name, follows(flags)?)?;
        mem.write(stat, &filestat.to_bytes())
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    pub(super) fn path_filestat_set_times(
        &mut self,
        mem: &mut GuestMem<'_>,
        fd: u32,
        flags: u32,
        name: Ptr,
        name_len: u32,
        atim: u64,
        mtim: u64,
        fst_flags: u32,
    ) -> Result<()> {
        let (atim, mtim) = new_times(atim, mtim, fst_flags)?;
        let name = mem.path(name, name_len)?;
        self.fds.dir(fd)?.set_times_at(name, follows(flags)?, atim, mtim)
    }

    /// A symbolic link can be linked to but not through: `FOLLOW` is not available on every host.
    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    pub(super) fn path_link(
        &mut self,
        mem: &mut GuestMem<'_>,
        old_fd: u32,
        flags: u32,
        old: Ptr,
        old_len: u32,
        new_fd: u32,
        new: Ptr,
        new_len: u32,
    ) -> Result<()> {
        let old = mem.path(old, old_len)?;
        let new = mem.path(new, new_len)?;
        let (from, to) = (self.fds.dir(old_fd)?, self.fds.dir(new_fd)?);
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
        mem: &mut GuestMem<'_>,
        fd: u32,
        flags: u32,
        name: Ptr,
        name_len: u32,
        oflags: u32,
        rights_base: u64,
        _rights_inheriting: u64,
        fdflags: u32,
        opened: Ptr,
    ) -> Result<()> {
        mem.check(opened, 4)?;
        self.fds.has_room()?;
        let name = mem.path(name, name_len)?;
        let flags = OpenFlags {
            follow: follows(flags)?,
            oflags: known_flags(oflags, oflags::ALL)?,
            read: rights_base & rights::FD_READ != 0,
            write: rights_base & rights::FD_WRITE != 0,
            fdflags: known_flags(fdflags, fdflags::ALL)?,
        };
        let descriptor = self.fds.dir(fd)?.open(name, flags)?.into();
        let fd = self.fds.push(descriptor)?;
        mem.write_u32(opened, fd)
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    pub(super) fn path_readlink(
        &mut self,
        mem: &mut GuestMem<'_>,
        fd: u32,
        name: Ptr,
        name_len: u32,
        buf: Ptr,
        buf_len: u32,
        used: Ptr,
    ) -> Result<()> {
        mem.check(used, 4)?;
        let name = mem.path(name, name_len)?;
        let target = self.fds.dir(fd)?.read_link(name)?;
        let buf = mem.bytes_mut(buf, buf_len)?;
        let len = target.len().min(buf.len());
        buf[..len].copy_from_slice(&target.as_bytes()[..len]);
        mem.write_u32(used, count(len)?)
    }

    pub(super) fn path_remove_directory(
        &mut self,
        mem: &mut GuestMem<'_>,
        fd: u32,
        name: Ptr,
        name_len: u32,
    ) -> Result<()> {
        let name = mem.path(name, name_len)?;
        self.fds.dir(fd)?.remove_directory(name)
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's signature")]
    pub(super) fn path_rename(
        &mut self,
        mem: &mut GuestMem<'_>,
        old_fd: u32,
        old: Ptr,
        old_len: u32,
        new_fd: u32,
        new: Ptr,
        new_len: u32,
    ) -> Result<()> {
        let old = mem.path(old, old_len)?;
        let new = mem.path(new, new_len)?;
        self.fds.dir(old_fd)?.rename(old, self.fds.dir(new_fd)?, new)
    }

    pub(super) fn path_symlink(
        &mut self,
        mem: &mut GuestMem<'_>,
        target: Ptr,
        target_len: u32,
        fd: u32,
        name: Ptr,
        name_len: u32,
    ) -> Result<()> {
        let target = mem.path(target, target_len).map(Path::new)?;
        let name = mem.path(name, name_len)?;
        self.fds.dir(fd)?.symlink(target, name)
    }

    pub(super) fn path_unlink_file(
        &mut self,
        mem: &mut GuestMem<'_>,
        fd: u32,
        name: Ptr,
        name_len: u32,
    ) -> Result<()> {
        let name = mem.path(name, name_len)?;
        self.fds.dir(fd)?.unlink_file(name)
    }
}
