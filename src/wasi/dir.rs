//! Open directories and everything that is done with a path.
//!
//! Paths are resolved by `cap-std` relative to an open directory: neither `..`, nor an absolute
//! path, nor a symbolic link, however it changes meanwhile, leads out of it. This file adds what
//! preview 1 wants on top: permissions, flags and error numbers.

use std::path::Path;

use cap_fs_ext::{
    DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsMaybeDirExt, OpenOptionsSyncExt,
    SystemTimeSpec,
};
use cap_std::fs;

use super::abi::{Errno, Fdstat, Filestat, Filetype, Result, fdflags, oflags, rights};
use super::ending::{self, Ending};
use super::errno::retry;
use super::file::{File, NewTime, filestat};
use super::perms::FsPerms;
use super::readdir::Listing;
use crate::prelude::*;

/// An open directory.
pub(super) struct Dir {
    dir: fs::Dir,
    perms: FsPerms,
    /// The guest's name for it, if the embedder opened it.
    preopen: Option<String>,
    listing: Option<Listing>,
}

/// How `path_open` is to open.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFlags {
    pub follow: bool,
    pub oflags: u32,
    pub read: bool,
    pub write: bool,
    pub fdflags: u32,
}

/// What has been opened.
pub(super) enum Opened {
    File(File),
    Dir(Dir),
}

impl Dir {
    pub fn new(dir: fs::Dir, perms: FsPerms, preopen: Option<String>) -> Self {
        Self { dir, perms, preopen, listing: None }
    }

    pub fn preopen(&self) -> Option<&str> {
        self.preopen.as_deref()
    }

    pub fn fdstat(&self) -> Fdstat {
        Fdstat {
            filetype: Filetype::Directory,
            flags: 0,
            rights_base: rights::DIRECTORY,
            // C libraries ask for no more than this when they open a file, so it names even what
            // the permissions forbid: the file is then refused instead of opened for less.
            rights_inheriting: rights::DIRECTORY
                | rights::FILE
                | rights::FD_READ
                | rights::FILE_WRITE,
        }
    }

    pub fn filestat(&self) -> Result<Filestat> {
        Ok(filestat(&self.dir.dir_metadata()?))
    }

    pub fn set_times(&self, atim: Option<NewTime>, mtim: Option<NewTime>) -> Result<()> {
        self.set_times_at(".", true, atim, mtim)
    }

    pub fn read_entries(&mut self, buf: &mut [u8], cookie: u64) -> Result<usize> {
        let listing = match &mut self.listing {
            Some(listing) => listing,
            none => none.insert(Listing::new(&self.dir)?),
        };
        let result = listing.fill(&self.dir, buf, cookie);
        if result.is_err() {
            self.listing = None;
        }
        result
    }

    pub fn open(&self, path: &str, flags: OpenFlags) -> Result<Opened> {
        let OpenFlags { follow, oflags, read, write, fdflags } = flags;
        let (stem, ending) = ending::split(path);
        let follow = follow || ending != Ending::Name;
        let creates = oflags & oflags::CREAT != 0;
        let truncates = oflags & oflags::TRUNC != 0;
        if creates || truncates || write {
            self.needs_write()?;
        }
        if oflags & oflags::DIRECTORY != 0 {
            if oflags & (oflags::CREAT | oflags::EXCL | oflags::TRUNC) != 0 {
                return Err(Errno::Inval);
            }
            // Opened as a directory from the start, a named pipe cannot make the host wait.
            let dir =
                if follow { self.dir.open_dir(path) } else { self.dir.open_dir_nofollow(path) }?;
            if write {
                return Err(Errno::IsDir);
            }
            return Ok(Opened::Dir(Self::new(dir, self.perms, None)));
        }

        if creates && ending != Ending::Name {
            // A directory is what the name asks for, and opening makes none.
            match ending {
                Ending::Dot => {
                    self.directory(path)?;
                    if oflags & oflags::EXCL != 0 {
                        return Err(Errno::Exist);
                    }
                }
                _ => self.parent(stem)?,
            }
            return Err(Errno::IsDir);
        }

        let mut options = fs::OpenOptions::new();
        options
            // A handle that can do nothing cannot be had from the host; reading is the least.
            .read(read || !write)
            .write(write || truncates)
            .truncate(truncates)
            .follow(follow_symlinks(follow))
            .maybe_dir(true)
            .nonblock(fdflags & fdflags::NONBLOCK != 0)
            .sync(fdflags & fdflags::SYNC != 0)
            .dsync(fdflags & fdflags::DSYNC != 0)
            .rsync(fdflags & fdflags::RSYNC != 0);
        let opened = if !creates {
            retry(|| self.dir.open_with(path, &options))
        } else if oflags & oflags::EXCL != 0 {
            options.write(true).create_new(true);
            retry(|| self.dir.open_with(path, &options))
        } else if write || truncates {
            options.create(true);
            retry(|| self.dir.open_with(path, &options))
        } else {
            // The host creates only what it opens for writing, which a file that is there already
            // need not permit. Where it leads nowhere, what creating it comes to is the answer.
            match retry(|| self.dir.open_with(path, &options)).map_err(Errno::from) {
                Err(Errno::NoEnt | Errno::NotDir | Errno::Loop) => {
                    options.write(true).create(true);
                    retry(|| self.dir.open_with(path, &options))
                }
                result => Ok(result?),
            }
        }?;
        let metadata = opened.metadata()?;
        if metadata.is_dir() {
            if creates || truncates || write {
                return Err(Errno::IsDir);
            }
            let dir = fs::Dir::from_std_file(opened.into_std());
            return Ok(Opened::Dir(Self::new(dir, self.perms, None)));
        }
        let file = opened.into_std();
        // What was opened for writing only to create it has the length of one that can be read alone.
        let resizable = write || truncates;
        let file = File::new(file, &metadata, read, write, resizable, self.perms, fdflags)?;
        Ok(Opened::File(file))
    }

    pub fn create_directory(&self, path: &str) -> Result<()> {
        self.needs_write()?;
        match ending::split(path) {
            (_, Ending::Dot) => self.directory(path).and(Err(Errno::Exist)),
            (stem, _) => Ok(self.dir.create_dir(stem)?),
        }
    }

    pub fn filestat_at(&self, path: &str, follow: bool) -> Result<Filestat> {
        match ending::split(path).1 {
            Ending::Name if !follow => Ok(filestat(&self.dir.symlink_metadata(path)?)),
            Ending::Name => Ok(filestat(&self.dir.metadata(path)?)),
            _ => Ok(filestat(&self.directory(path)?)),
        }
    }

    pub fn set_times_at(
        &self,
        path: &str,
        follow: bool,
        atim: Option<NewTime>,
        mtim: Option<NewTime>,
    ) -> Result<()> {
        self.needs_write()?;
        let spec = |time: Option<NewTime>| {
            time.map(|time| match time {
                NewTime::Now => SystemTimeSpec::SymbolicNow,
                NewTime::At(time) => {
                    SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time))
                }
            })
        };
        let (atim, mtim) = (spec(atim), spec(mtim));
        match ending::split(path).1 {
            Ending::Name if !follow => self.dir.set_symlink_times(path, atim, mtim)?,
            Ending::Name => self.dir.set_times(path, atim, mtim)?,
            _ => {
                self.directory(path)?;
                self.dir.set_times(path, atim, mtim)?;
            }
        }
        Ok(())
    }

    /// Directories of different permissions are kept apart: a link would make a file writable under
    /// a second name.
    pub fn link(&self, path: &str, to: &Self, to_path: &str) -> Result<()> {
        self.needs_write()?;
        to.needs_write()?;
        // What is linked is looked for before the place of the new name.
        if ending::split(path).1 == Ending::Name {
            self.dir.symlink_metadata(path)?;
            to.needs_free_name(to_path)?;
            return Ok(self.dir.hard_link(path, &to.dir, to_path)?);
        }
        self.directory(path)?;
        to.needs_free_name(to_path)?;
        // Directories have one name.
        match to.dir.symlink_metadata(to_path) {
            Ok(_) => Err(Errno::Exist),
            Err(_) => to.parent(to_path).and(Err(Errno::Perm)),
        }
    }

    pub fn rename(&self, path: &str, to: &Self, to_path: &str) -> Result<()> {
        self.needs_write()?;
        to.needs_write()?;
        let ((from, from_ending), (onto, onto_ending)) =
            (ending::split(path), ending::split(to_path));
        if from_ending == Ending::Dot || onto_ending == Ending::Dot {
            self.place(path)?;
            to.place(to_path)?;
            return Err(Errno::Busy);
        }
        if from_ending == Ending::Slash || onto_ending == Ending::Slash {
            self.place(path)?;
            to.place(to_path)?;
            if !self.dir.symlink_metadata(from)?.is_dir() {
                return Err(Errno::NotDir);
            }
        }
        Ok(self.dir.rename(from, &to.dir, onto)?)
    }

    /// `target` may be anything that is relative; whether it leads out is decided when it is used.
    pub fn symlink(&self, target: &Path, path: &str) -> Result<()> {
        self.needs_write()?;
        if target.as_os_str().is_empty() {
            return Err(Errno::NoEnt);
        }
        self.needs_free_name(path)?;
        Ok(DirExt::symlink(&self.dir, target, path)?)
    }

    /// # Errors
    ///
    /// `Ilseq` if the target is not Unicode, `Perm` if it is absolute: a guest has no use for a path
    /// of the host and shall not learn it.
    pub fn read_link(&self, path: &str) -> Result<String> {
        if ending::split(path).1 != Ending::Name {
            return self.directory(path).and(Err(Errno::Inval));
        }
        let target = self.dir.read_link(path)?;
        target.into_os_string().into_string().map_err(|_| Errno::Ilseq)
    }

    pub fn remove_directory(&self, path: &str) -> Result<()> {
        self.needs_write()?;
        match ending::split(path) {
            (_, Ending::Dot) => {
                self.directory(path)?;
                let last = path.trim_end_matches('/');
                Err(if last.ends_with("..") { Errno::NotEmpty } else { Errno::Inval })
            }
            (stem, _) => Ok(self.dir.remove_dir(stem)?),
        }
    }

    pub fn unlink_file(&self, path: &str) -> Result<()> {
        self.needs_write()?;
        match ending::split(path) {
            (_, Ending::Name) => Ok(self.dir.remove_file_or_symlink(path)?),
            (stem, Ending::Slash) => match self.dir.symlink_metadata(stem)?.is_dir() {
                true => Err(Errno::IsDir),
                false => Err(Errno::NotDir),
            },
            (_, Ending::Dot) => self.directory(path).and(Err(Errno::IsDir)),
        }
    }

    /// What `path` leads to, which has to be a directory.
    fn directory(&self, path: &str) -> Result<fs::Metadata> {
        let metadata = self.dir.metadata(path)?;
        if metadata.is_dir() { Ok(metadata) } else { Err(Errno::NotDir) }
    }

    /// Fails unless the directory that `stem` is a name in can be reached.
    fn parent(&self, stem: &str) -> Result<()> {
        self.directory(ending::parent(stem)).map(drop)
    }

    /// Fails unless the directory can be reached that the last component of `path` is in.
    fn place(&self, path: &str) -> Result<()> {
        match ending::split(path) {
            ("", _) => Err(Errno::NoEnt),
            (_, Ending::Dot) => self.directory(path).map(drop),
            (stem, _) => self.parent(stem),
        }
    }

    /// Fails if `path`, which is to become a name of something that is no directory, ends like one.
    fn needs_free_name(&self, path: &str) -> Result<()> {
        match ending::split(path) {
            ("", _) => Err(Errno::NoEnt),
            (_, Ending::Name) => Ok(()),
            (_, Ending::Dot) => self.directory(path).and(Err(Errno::Exist)),
            (stem, Ending::Slash) => {
                self.dir.symlink_metadata(stem)?;
                Err(Errno::Exist)
            }
        }
    }

    fn needs_write(&self) -> Result<()> {
        if self.perms.can_write() { Ok(()) } else { Err(Errno::Perm) }
    }
}

fn follow_symlinks(follow: bool) -> FollowSymlinks {
    if follow { FollowSymlinks::Yes } else { FollowSymlinks::No }
}
