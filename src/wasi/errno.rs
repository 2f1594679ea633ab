//! Host errors as guest errors.

use std::io;

use super::abi::Errno;

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        #[cfg(unix)]
        if let Some(errno) = error.raw_os_error().and_then(from_unix) {
            return errno;
        }
        from_kind(error.kind())
    }
}

#[cfg(unix)]
impl From<rustix::io::Errno> for Errno {
    fn from(error: rustix::io::Errno) -> Self {
        from_unix(error.raw_os_error()).unwrap_or(Self::Io)
    }
}

/// The kinds that the standard library tells apart on every host. Also the only source for errors
/// that no system call made, such as an attempt to leave a preopened directory, which the sandbox
/// reports as "permission denied" without a number.
fn from_kind(kind: io::ErrorKind) -> Errno {
    use io::ErrorKind as K;
    match kind {
        K::NotFound => Errno::NoEnt,
        K::PermissionDenied => Errno::Perm,
        K::AlreadyExists => Errno::Exist,
        K::WouldBlock => Errno::Again,
        K::NotADirectory => Errno::NotDir,
        K::IsADirectory => Errno::IsDir,
        K::DirectoryNotEmpty => Errno::NotEmpty,
        K::ReadOnlyFilesystem => Errno::Rofs,
        K::StaleNetworkFileHandle => Errno::Stale,
        K::InvalidInput | K::InvalidFilename => Errno::Inval,
        K::InvalidData => Errno::Ilseq,
        K::TimedOut => Errno::TimedOut,
        K::WriteZero | K::StorageFull => Errno::NoSpc,
        K::NotSeekable => Errno::Spipe,
        K::QuotaExceeded => Errno::Dquot,
        K::FileTooLarge => Errno::Fbig,
        K::ResourceBusy => Errno::Busy,
        K::ExecutableFileBusy => Errno::TxtBsy,
        K::Deadlock => Errno::Deadlk,
        K::CrossesDevices => Errno::Xdev,
        K::TooManyLinks => Errno::Mlink,
        K::ArgumentListTooLong => Errno::TooBig,
        K::Interrupted => Errno::Intr,
        K::Unsupported => Errno::NotSup,
        K::OutOfMemory => Errno::NoMem,
        K::BrokenPipe => Errno::Pipe,
        _ => Errno::Io,
    }
}

/// One row per number that a file or stream operation can fail with.
#[cfg(unix)]
fn from_unix(raw: i32) -> Option<Errno> {
    use rustix::io::Errno as U;
    Some(match U::from_raw_os_error(raw) {
        U::ACCESS => Errno::Acces,
        U::AGAIN => Errno::Again,
        U::ALREADY => Errno::Already,
        U::BADF => Errno::Badf,
        U::BUSY => Errno::Busy,
        U::DEADLK => Errno::Deadlk,
        U::DQUOT => Errno::Dquot,
        U::EXIST => Errno::Exist,
        U::FBIG => Errno::Fbig,
        U::ILSEQ => Errno::Ilseq,
        U::INPROGRESS => Errno::InProgress,
        U::INTR => Errno::Intr,
        U::INVAL => Errno::Inval,
        U::IO => Errno::Io,
        U::ISDIR => Errno::IsDir,
        U::LOOP => Errno::Loop,
        U::MFILE => Errno::Mfile,
        U::MLINK => Errno::Mlink,
        U::NAMETOOLONG => Errno::NameTooLong,
        U::NFILE => Errno::Nfile,
        U::NODEV => Errno::NoDev,
        U::NOENT => Errno::NoEnt,
        U::NOLCK => Errno::NoLck,
        U::NOMEM => Errno::NoMem,
        U::NOSPC => Errno::NoSpc,
        U::NOSYS => Errno::NoSys,
        U::NOTDIR => Errno::NotDir,
        U::NOTEMPTY => Errno::NotEmpty,
        U::NOTSUP => Errno::NotSup,
        U::NOTTY => Errno::NoTty,
        U::NXIO => Errno::NxIo,
        U::OVERFLOW => Errno::Overflow,
        U::PERM => Errno::Perm,
        U::PIPE => Errno::Pipe,
        U::RANGE => Errno::Range,
        U::ROFS => Errno::Rofs,
        U::SPIPE => Errno::Spipe,
        U::STALE => Errno::Stale,
        U::TIMEDOUT => Errno::TimedOut,
        U::TOOBIG => Errno::TooBig,
        U::TXTBSY => Errno::TxtBsy,
        U::XDEV => Errno::Xdev,
        _ => return None,
    })
}

/// Repeats an operation that a signal interrupted: the guest has no signals, so it could not make
/// sense of the error.
pub(super) fn retry<T, E: Into<io::Error>>(
    mut operation: impl FnMut() -> Result<T, E>,
) -> io::Result<T> {
    loop {
        match operation().map_err(Into::into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
