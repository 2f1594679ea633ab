//! Open files other than directories.

use core::time::Duration;
use std::fs::{self, FileTimes};
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::time::SystemTime;

use cap_fs_ext::MetadataExt;
use cap_std::fs::Metadata;

use super::abi::{
    Errno, Fdstat, Filestat, Filetype, Result, fdflags, fstflags, known_flags, rights,
};
use super::clocks::nanos;
use super::errno::retry;
use super::perms::FsPerms;

/// An open file. The host keeps its position.
pub(super) struct File {
    file: fs::File,
    filetype: Filetype,
    /// What the guest asked for; the host's handle may allow more.
    readable: bool,
    writable: bool,
    /// Whether its length can be set. The host's handle of a file that opening has created can do that.
    resizable: bool,
    perms: FsPerms,
    /// `fdflags` as last set.
    flags: u32,
}

impl File {
    /// Wraps what the host opened, which must not be a directory. `flags` are those that `path_open`
    /// was given; the synchronisation flags among them are already in force.
    pub fn new(
        file: fs::File,
        metadata: &Metadata,
        readable: bool,
        writable: bool,
        resizable: bool,
        perms: FsPerms,
        flags: u32,
    ) -> Result<Self> {
        let mut this = Self {
            file,
            filetype: filetype(metadata),
            readable,
            writable,
            resizable,
            perms,
            flags: flags & !(fdflags::APPEND | fdflags::NONBLOCK),
        };
        if flags != this.flags {
            this.apply_flags(flags)?;
        }
        Ok(this)
    }

    pub fn fdstat(&self) -> Fdstat {
        let mut base = rights::FILE;
        if self.readable {
            base |= rights::FD_READ;
        }
        if self.writable {
            base |= rights::FILE_WRITE;
        }
        Fdstat {
            filetype: self.filetype,
            flags: self.flags,
            rights_base: base,
            rights_inheriting: 0,
        }
    }

    /// Changes `APPEND` and `NONBLOCK`. The synchronisation flags are fixed when a file is opened,
    /// as on every host; asking for a change of them is an error.
    pub fn set_flags(&mut self, flags: u32) -> Result<()> {
        let fixed = !(fdflags::APPEND | fdflags::NONBLOCK);
        if (flags ^ self.flags) & fixed != 0 {
            return Err(Errno::Inval);
        }
        self.apply_flags(flags)
    }

    #[cfg(unix)]
    fn apply_flags(&mut self, flags: u32) -> Result<()> {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        let mut host = fcntl_getfl(&self.file)?;
        host.set(OFlags::APPEND, flags & fdflags::APPEND != 0);
        host.set(OFlags::NONBLOCK, flags & fdflags::NONBLOCK != 0);
        fcntl_setfl(&self.file, host)?;
        self.flags = flags;
        Ok(())
    }

    #[cfg(not(unix))]
    fn apply_flags(&mut self, flags: u32) -> Result<()> {
        self.flags = flags;
        Ok(())
    }

    pub fn read(&mut self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.needs_read()?;
        if bufs.is_empty() {
            return Ok(0);
        }
        Ok(retry(|| self.file.read_vectored(bufs))?)
    }

    pub fn write(&mut self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.needs_write()?;
        if bufs.is_empty() {
            return Ok(0);
        }
        // Unix appends by itself; elsewhere this is as close as a host without the flag comes.
        #[cfg(not(unix))]
        if self.flags & fdflags::APPEND != 0 {
            self.file.seek(SeekFrom::End(0))?;
        }
        Ok(retry(|| self.file.write_vectored(bufs))?)
    }

    /// Reads at `offset` and leaves the position alone.
    pub fn read_at(&mut self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        self.needs_read()?;
        let bufs = bufs.iter_mut().map(|buf| (buf.len(), buf));
        in_turn(bufs, offset, |buf, at| positional::read(&mut self.file, buf, at))
    }

    /// Writes at `offset` and leaves the position alone. With `APPEND` the offset is ignored, as on
    /// Linux.
    pub fn write_at(&mut self, bufs: &[IoSlice<'_>], offset: u64) -> Result<usize> {
        self.needs_write()?;
        let append = self.flags & fdflags::APPEND != 0;
        let bufs = bufs.iter().map(|buf| (buf.len(), buf));
        in_turn(bufs, offset, |buf, at| positional::write(&mut self.file, buf, at, append))
    }

    pub fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        Ok(self.file.seek(to)?)
    }

    pub fn tell(&mut self) -> Result<u64> {
        Ok(self.file.stream_position()?)
    }

    pub fn sync_all(&self) -> Result<()> {
        synced(retry(|| self.file.sync_all()))
    }

    pub fn sync_data(&self) -> Result<()> {
        synced(retry(|| self.file.sync_data()))
    }

    pub fn set_len(&self, size: u64) -> Result<()> {
        self.needs_permission()?;
        // A file size is a signed offset on every host.
        if i64::try_from(size).is_err() {
            return Err(Errno::Fbig);
        }
        if !self.resizable {
            return Err(Errno::Inval);
        }
        Ok(retry(|| self.file.set_len(size))?)
    }

    pub fn set_times(&self, atim: Option<NewTime>, mtim: Option<NewTime>) -> Result<()> {
        self.needs_permission()?;
        let now = SystemTime::now();
        let mut times = FileTimes::new();
        if let Some(atim) = atim {
            times = times.set_accessed(atim.or_now(now));
        }
        if let Some(mtim) = mtim {
            times = times.set_modified(mtim.or_now(now));
        }
        Ok(self.file.set_times(times)?)
    }

    pub fn filestat(&self) -> Result<Filestat> {
        Ok(filestat(&Metadata::from_file(&self.file)?))
    }

    /// `advice`: 0 normal, 1 sequential, 2 random, 3 will need, 4 does not need, 5 once only. Hosts
    /// other than Linux take no notice.
    pub fn advise(&self, offset: u64, len: u64, advice: u32) -> Result<()> {
        if advice > 5 {
            return Err(Errno::Inval);
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Advice, fadvise};
            let advice = match advice {
                0 => Advice::Normal,
                1 => Advice::Sequential,
                2 => Advice::Random,
                3 => Advice::WillNeed,
                4 => Advice::DontNeed,
                _ => Advice::NoReuse,
            };
            // The host's offsets are signed: advice about what cannot exist is void.
            if i64::try_from(offset).is_err() || i64::try_from(len).is_err() {
                return Err(Errno::Inval);
            }
            fadvise(&self.file, offset, len.try_into().ok(), advice)?;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (offset, len);
        Ok(())
    }

    /// Makes sure that space for the range exists, extending the file if need be. Only Linux can do
    /// it without writing; elsewhere it is not supported.
    pub fn allocate(&self, offset: u64, len: u64) -> Result<()> {
        self.needs_permission()?;
        self.needs_write()?;
        let end = offset.checked_add(len).ok_or(Errno::Fbig)?;
        if len == 0 {
            return Err(Errno::Inval);
        }
        if i64::try_from(end).is_err() {
            return Err(Errno::Fbig);
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{FallocateFlags, fallocate};
            retry(|| fallocate(&self.file, FallocateFlags::empty(), offset, len))?;
            Ok(())
        }
        #[cfg(not(target_os = "linux"))]
        Err(Errno::NotSup)
    }

    /// How far the end is from the position, for a regular file; `None` for anything that may have
    /// to be waited for.
    pub fn bytes_left(&mut self) -> Result<Option<u64>> {
        if self.filetype != Filetype::RegularFile {
            return Ok(None);
        }
        let size = self.file.metadata()?.len();
        Ok(Some(size.saturating_sub(self.tell()?)))
    }

    /// The host's handle, to wait on.
    #[cfg(unix)]
    pub fn handle(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.file)
    }

    pub fn needs_read(&self) -> Result<()> {
        if self.readable { Ok(()) } else { Err(Errno::Badf) }
    }

    pub fn needs_write(&self) -> Result<()> {
        if self.writable { Ok(()) } else { Err(Errno::Badf) }
    }

    fn needs_permission(&self) -> Result<()> {
        if self.perms.can_write() { Ok(()) } else { Err(Errno::Perm) }
    }
}

/// Moves buffers, each given with its length, to or from places from `offset` on, until one of them is not
/// moved whole; how much was moved. An error behind the first buffer is no error.
fn in_turn<B>(
    bufs: impl Iterator<Item = (usize, B)>,
    offset: u64,
    mut one: impl FnMut(&mut B, u64) -> io::Result<usize>,
) -> Result<usize> {
    let mut total = 0;
    for (len, mut buf) in bufs {
        let at = offset.checked_add(total as u64).ok_or(Errno::Inval)?;
        match retry(|| one(&mut buf, at)) {
            Ok(moved) => {
                total += moved;
                if moved < len {
                    break;
                }
            }
            Err(error) if total == 0 => return Err(error.into()),
            Err(_) => break,
        }
    }
    Ok(total)
}

/// Where `fd_seek` is to go. `whence`: 0 from the start, 1 from the position, 2 from the end.
pub(super) fn seek_from(offset: i64, whence: u32) -> Result<SeekFrom> {
    Ok(match whence {
        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::Inval)?),
        1 => SeekFrom::Current(offset),
        2 => SeekFrom::End(offset),
        _ => return Err(Errno::Inval),
    })
}

/// Windows refuses to flush a handle that cannot write; POSIX has nothing to do then.
fn synced(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(unix)]
mod positional {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    pub(super) fn read(file: &mut File, buf: &mut [u8], at: u64) -> io::Result<usize> {
        file.read_at(buf, at)
    }

    /// A host handle in append mode appends by itself.
    pub(super) fn write(file: &mut File, buf: &[u8], at: u64, _append: bool) -> io::Result<usize> {
        file.write_at(buf, at)
    }
}

#[cfg(windows)]
mod positional {
    //! Windows moves the position with every access, so it is put back.

    use std::fs::File;
    use std::io::{self, Seek, SeekFrom, Write};
    use std::os::windows::fs::FileExt;

    pub(super) fn read(file: &mut File, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let position = file.stream_position()?;
        let result = file.seek_read(buf, at);
        file.seek(SeekFrom::Start(position))?;
        result
    }

    pub(super) fn write(file: &mut File, buf: &[u8], at: u64, append: bool) -> io::Result<usize> {
        let position = file.stream_position()?;
        let result = if append {
            file.seek(SeekFrom::End(0)).and_then(|_| file.write(buf))
        } else {
            file.seek_write(buf, at)
        };
        file.seek(SeekFrom::Start(position))?;
        result
    }
}

/// A timestamp to be set.
#[derive(Clone, Copy, Debug)]
pub(super) enum NewTime {
    Now,
    At(SystemTime),
}

impl NewTime {
    fn or_now(self, now: SystemTime) -> SystemTime {
        match self {
            Self::Now => now,
            Self::At(time) => time,
        }
    }
}

/// The access and modification times that a call asks to be set; `None` leaves one as it is.
///
/// # Errors
///
/// `Inval` for unknown flags and for one time that is to be both given and the present.
pub(super) fn new_times(
    atim: u64,
    mtim: u64,
    flags: u32,
) -> Result<(Option<NewTime>, Option<NewTime>)> {
    known_flags(flags, fstflags::ALL)?;
    let pick = |time: u64, set: u32, now: u32| match (flags & set != 0, flags & now != 0) {
        (true, true) => Err(Errno::Inval),
        (true, false) => SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_nanos(time))
            .map(|time| Some(NewTime::At(time)))
            .ok_or(Errno::Inval),
        (false, true) => Ok(Some(NewTime::Now)),
        (false, false) => Ok(None),
    };
    Ok((
        pick(atim, fstflags::ATIM, fstflags::ATIM_NOW)?,
        pick(mtim, fstflags::MTIM, fstflags::MTIM_NOW)?,
    ))
}

/// The kind of what `metadata` describes.
pub(super) fn filetype(metadata: &Metadata) -> Filetype {
    filetype_of(metadata.file_type())
}

/// A host's file type as a guest's. Preview 1 has no number for a named pipe.
pub(super) fn filetype_of(kind: cap_std::fs::FileType) -> Filetype {
    if kind.is_dir() {
        return Filetype::Directory;
    }
    if kind.is_file() {
        return Filetype::RegularFile;
    }
    if kind.is_symlink() {
        return Filetype::SymbolicLink;
    }
    #[cfg(unix)]
    {
        use cap_std::fs::FileTypeExt;
        if kind.is_char_device() {
            return Filetype::CharacterDevice;
        }
        if kind.is_block_device() {
            return Filetype::BlockDevice;
        }
        if kind.is_socket() {
            return Filetype::SocketStream;
        }
    }
    Filetype::Unknown
}

/// The attributes that `metadata` holds. Times before 1970, which the guest's unsigned numbers
/// cannot express, read as 1970.
pub(super) fn filestat(metadata: &Metadata) -> Filestat {
    let time = |time: io::Result<cap_std::time::SystemTime>| {
        time.ok()
            .and_then(|time| time.into_std().duration_since(SystemTime::UNIX_EPOCH).ok())
            .map_or(0, nanos)
    };
    Filestat {
        dev: MetadataExt::dev(metadata),
        ino: MetadataExt::ino(metadata),
        filetype: filetype(metadata),
        nlink: MetadataExt::nlink(metadata),
        size: metadata.len(),
        atim: time(metadata.accessed()),
        mtim: time(metadata.modified()),
        ctim: change_time(metadata).unwrap_or_else(|| time(metadata.created())),
    }
}

/// When the attributes last changed. Windows does not tell; the time of creation stands in.
fn change_time(metadata: &Metadata) -> Option<u64> {
    #[cfg(unix)]
    {
        use cap_std::fs::MetadataExt;
        let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
        let nanos = u64::try_from(metadata.ctime_nsec()).unwrap_or(0);
        Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}
