//! The numbers and record layouts of preview 1, as its witx files give them.
//!
//! All records are little-endian with C layout; each is turned into or read from plain bytes here
//! so that no other file knows an offset.

/// Why a call failed, as the guest sees it.
///
/// The full list of the specification is kept, used or not, so that the numbers can be checked
/// against it line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[allow(dead_code, reason = "the specification's full list")]
pub(super) enum Errno {
    TooBig = 1,
    Acces = 2,
    AddrInUse = 3,
    AddrNotAvail = 4,
    AfNoSupport = 5,
    Again = 6,
    Already = 7,
    Badf = 8,
    BadMsg = 9,
    Busy = 10,
    Canceled = 11,
    Child = 12,
    ConnAborted = 13,
    ConnRefused = 14,
    ConnReset = 15,
    Deadlk = 16,
    DestAddrReq = 17,
    Dom = 18,
    Dquot = 19,
    Exist = 20,
    Fault = 21,
    Fbig = 22,
    HostUnreach = 23,
    Idrm = 24,
    Ilseq = 25,
    InProgress = 26,
    Intr = 27,
    Inval = 28,
    Io = 29,
    IsConn = 30,
    IsDir = 31,
    Loop = 32,
    Mfile = 33,
    Mlink = 34,
    MsgSize = 35,
    Multihop = 36,
    NameTooLong = 37,
    NetDown = 38,
    NetReset = 39,
    NetUnreach = 40,
    Nfile = 41,
    NoBufs = 42,
    NoDev = 43,
    NoEnt = 44,
    NoExec = 45,
    NoLck = 46,
    NoLink = 47,
    NoMem = 48,
    NoMsg = 49,
    NoProtoOpt = 50,
    NoSpc = 51,
    NoSys = 52,
    NotConn = 53,
    NotDir = 54,
    NotEmpty = 55,
    NotRecoverable = 56,
    NotSock = 57,
    NotSup = 58,
    NoTty = 59,
    NxIo = 60,
    Overflow = 61,
    OwnerDead = 62,
    Perm = 63,
    Pipe = 64,
    Proto = 65,
    ProtoNoSupport = 66,
    Prototype = 67,
    Range = 68,
    Rofs = 69,
    Spipe = 70,
    Srch = 71,
    Stale = 72,
    TimedOut = 73,
    TxtBsy = 74,
    Xdev = 75,
    NotCapable = 76,
}

/// The result of everything that can fail towards the guest.
pub(super) type Result<T, E = Errno> = core::result::Result<T, E>;

/// What kind of object a descriptor or a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[cfg_attr(not(unix), allow(dead_code, reason = "only unix has files of all these types"))]
pub(super) enum Filetype {
    Unknown = 0,
    BlockDevice = 1,
    CharacterDevice = 2,
    Directory = 3,
    RegularFile = 4,
    SocketStream = 6,
    SymbolicLink = 7,
}

/// `rights`: what may be done with a descriptor.
pub(super) mod rights {
    pub const FD_DATASYNC: u64 = 1 << 0;
    pub const FD_READ: u64 = 1 << 1;
    pub const FD_SEEK: u64 = 1 << 2;
    pub const FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
    pub const FD_SYNC: u64 = 1 << 4;
    pub const FD_TELL: u64 = 1 << 5;
    pub const FD_WRITE: u64 = 1 << 6;
    pub const FD_ADVISE: u64 = 1 << 7;
    pub const FD_ALLOCATE: u64 = 1 << 8;
    pub const PATH_CREATE_DIRECTORY: u64 = 1 << 9;
    pub const PATH_CREATE_FILE: u64 = 1 << 10;
    pub const PATH_LINK_SOURCE: u64 = 1 << 11;
    pub const PATH_LINK_TARGET: u64 = 1 << 12;
    pub const PATH_OPEN: u64 = 1 << 13;
    pub const FD_READDIR: u64 = 1 << 14;
    pub const PATH_READLINK: u64 = 1 << 15;
    pub const PATH_RENAME_SOURCE: u64 = 1 << 16;
    pub const PATH_RENAME_TARGET: u64 = 1 << 17;
    pub const PATH_FILESTAT_GET: u64 = 1 << 18;
    pub const PATH_FILESTAT_SET_TIMES: u64 = 1 << 20;
    pub const FD_FILESTAT_GET: u64 = 1 << 21;
    pub const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
    pub const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;
    pub const PATH_SYMLINK: u64 = 1 << 24;
    pub const PATH_REMOVE_DIRECTORY: u64 = 1 << 25;
    pub const PATH_UNLINK_FILE: u64 = 1 << 26;
    pub const POLL_FD_READWRITE: u64 = 1 << 27;

    /// What may be done with a directory itself and with names in it.
    pub const DIRECTORY: u64 = FD_FDSTAT_SET_FLAGS
        | FD_SYNC
        | FD_READDIR
        | FD_FILESTAT_GET
        | FD_FILESTAT_SET_TIMES
        | PATH_CREATE_DIRECTORY
        | PATH_CREATE_FILE
        | PATH_LINK_SOURCE
        | PATH_LINK_TARGET
        | PATH_OPEN
        | PATH_READLINK
        | PATH_RENAME_SOURCE
        | PATH_RENAME_TARGET
        | PATH_FILESTAT_GET
        | PATH_FILESTAT_SET_TIMES
        | PATH_SYMLINK
        | PATH_REMOVE_DIRECTORY
        | PATH_UNLINK_FILE;

    /// What may be done with an open file, whichever way it was opened.
    pub const FILE: u64 = FD_DATASYNC
        | FD_SEEK
        | FD_FDSTAT_SET_FLAGS
        | FD_SYNC
        | FD_TELL
        | FD_ADVISE
        | FD_FILESTAT_GET
        | FD_FILESTAT_SET_TIMES
        | POLL_FD_READWRITE;

    /// What needs a file open for writing, besides [`FILE`].
    pub const FILE_WRITE: u64 = FD_WRITE | FD_ALLOCATE | FD_FILESTAT_SET_SIZE;

    /// What may be done with a standard stream, besides reading or writing it.
    pub const STREAM: u64 = FD_FDSTAT_SET_FLAGS | FD_FILESTAT_GET | POLL_FD_READWRITE;
}

/// `fdflags`: how a descriptor behaves.
pub(super) mod fdflags {
    pub const APPEND: u32 = 1 << 0;
    pub const DSYNC: u32 = 1 << 1;
    pub const NONBLOCK: u32 = 1 << 2;
    pub const RSYNC: u32 = 1 << 3;
    pub const SYNC: u32 = 1 << 4;
    pub const ALL: u32 = APPEND | DSYNC | NONBLOCK | RSYNC | SYNC;
}

/// `oflags`: how `path_open` opens.
pub(super) mod oflags {
    pub const CREAT: u32 = 1 << 0;
    pub const DIRECTORY: u32 = 1 << 1;
    pub const EXCL: u32 = 1 << 2;
    pub const TRUNC: u32 = 1 << 3;
    pub const ALL: u32 = CREAT | DIRECTORY | EXCL | TRUNC;
}

/// `lookupflags`: the one flag is whether a symbolic link as the last component is followed.
pub(super) const LOOKUP_SYMLINK_FOLLOW: u32 = 1;

/// `fstflags`: which timestamps are set, and to what.
pub(super) mod fstflags {
    pub const ATIM: u32 = 1 << 0;
    pub const ATIM_NOW: u32 = 1 << 1;
    pub const MTIM: u32 = 1 << 2;
    pub const MTIM_NOW: u32 = 1 << 3;
    pub const ALL: u32 = ATIM | ATIM_NOW | MTIM | MTIM_NOW;
}

/// `subclockflags`: the one flag is whether a timeout is a point in time.
pub(super) const SUBSCRIPTION_CLOCK_ABSTIME: u16 = 1;

/// `eventrwflags`: the one flag is whether the other end is gone or the file at its end.
pub(super) const EVENT_FD_READWRITE_HANGUP: u16 = 1;

/// Checks a flags argument: bits that the specification does not define are refused.
pub(super) fn known_flags(value: u32, all: u32) -> Result<u32> {
    if value & !all == 0 { Ok(value) } else { Err(Errno::Inval) }
}

/// Writes `$value`'s little-endian bytes at offset `$at` of the byte array `$out`.
macro_rules! put {
    ($out:ident, $at:expr, $value:expr) => {{
        let bytes = $value.to_le_bytes();
        $out[$at..$at + bytes.len()].copy_from_slice(&bytes);
    }};
}

/// `fdstat`: what a descriptor is and may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fdstat {
    pub filetype: Filetype,
    pub flags: u32,
    pub rights_base: u64,
    pub rights_inheriting: u64,
}

impl Fdstat {
    pub const SIZE: u32 = 24;

    pub fn to_bytes(self) -> [u8; Self::SIZE as usize] {
        let mut out = [0; Self::SIZE as usize];
        out[0] = self.filetype as u8;
        // `fdflags` has 16 bits, of which five are defined.
        put!(out, 2, (self.flags as u16));
        put!(out, 8, self.rights_base);
        put!(out, 16, self.rights_inheriting);
        out
    }
}

/// `filestat`: the attributes of a file. Times are nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filestat {
    pub dev: u64,
    pub ino: u64,
    pub filetype: Filetype,
    pub nlink: u64,
    pub size: u64,
    pub atim: u64,
    pub mtim: u64,
    pub ctim: u64,
}

impl Filestat {
    pub const SIZE: u32 = 64;

    /// The attributes of something that is no file, such as a standard stream.
    pub fn stream(filetype: Filetype) -> Self {
        Self { dev: 0, ino: 0, filetype, nlink: 0, size: 0, atim: 0, mtim: 0, ctim: 0 }
    }

    pub fn to_bytes(self) -> [u8; Self::SIZE as usize] {
        let mut out = [0; Self::SIZE as usize];
        put!(out, 0, self.dev);
        put!(out, 8, self.ino);
        out[16] = self.filetype as u8;
        put!(out, 24, self.nlink);
        put!(out, 32, self.size);
        put!(out, 40, self.atim);
        put!(out, 48, self.mtim);
        put!(out, 56, self.ctim);
        out
    }
}

/// `prestat` of a directory: tag 0 and the length of its name in bytes.
pub(super) fn prestat_dir(name_len: u32) -> [u8; 8] {
    let mut out = [0; 8];
    put!(out, 4, name_len);
    out
}

/// `dirent`: the head of a directory entry; its name follows without a terminator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dirent {
    /// The cookie with which reading goes on behind this entry.
    pub next: u64,
    pub ino: u64,
    pub name_len: u32,
    pub filetype: Filetype,
}

impl Dirent {
    pub const SIZE: usize = 24;

    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut out = [0; Self::SIZE];
        put!(out, 0, self.next);
        put!(out, 8, self.ino);
        put!(out, 16, self.name_len);
        out[20] = self.filetype as u8;
        out
    }
}

/// What a `subscription` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// A timeout in nanoseconds on the clock `id`; `absolute` makes it a point in time.
    Clock { id: u32, timeout: u64, absolute: bool },
    /// Descriptor `0` has data to read, or is at its end.
    Read(u32),
    /// Descriptor `0` takes data.
    Write(u32),
}

/// `subscription`: one thing that `poll_oneoff` waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    pub userdata: u64,
    pub interest: Interest,
}

impl Subscription {
    pub const SIZE: u32 = 48;

    /// # Errors
    ///
    /// `Inval` for a tag or a flag that the specification does not define.
    pub fn from_bytes(bytes: &[u8; Self::SIZE as usize]) -> Result<Self> {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let interest = match bytes[8] {
            0 => {
                let flags = u16::from_le_bytes([bytes[40], bytes[41]]);
                if flags & !SUBSCRIPTION_CLOCK_ABSTIME != 0 {
                    return Err(Errno::Inval);
                }
                Interest::Clock {
                    id: word(16),
                    timeout: long(24),
                    absolute: flags & SUBSCRIPTION_CLOCK_ABSTIME != 0,
                }
            }
            1 => Interest::Read(word(16)),
            2 => Interest::Write(word(16)),
            _ => return Err(Errno::Inval),
        };
        Ok(Self { userdata: long(0), interest })
    }
}

/// `event`: one thing that happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub userdata: u64,
    pub error: Option<Errno>,
    pub interest: Interest,
    /// Bytes that can be read or written at once; 0 for a clock.
    pub nbytes: u64,
    pub hangup: bool,
}

impl Event {
    pub const SIZE: u32 = 32;

    pub fn to_bytes(self) -> [u8; Self::SIZE as usize] {
        let mut out = [0; Self::SIZE as usize];
        put!(out, 0, self.userdata);
        put!(out, 8, self.error.map_or(0, |errno| errno as u16));
        out[10] = match self.interest {
            Interest::Clock { .. } => 0,
            Interest::Read(_) => 1,
            Interest::Write(_) => 2,
        };
        put!(out, 16, self.nbytes);
        if self.hangup {
            put!(out, 24, EVENT_FD_READWRITE_HANGUP);
        }
        out
    }
}
