//! What the host's own system calls give, in the guest's numbers.

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::harness::errno;

/// The number of an error.
pub fn number(error: Errno) -> u32 {
    match error {
        Errno::BADF => errno::BADF,
        Errno::BUSY => 10,
        Errno::EXIST => errno::EXIST,
        Errno::FBIG => errno::FBIG,
        Errno::INVAL => errno::INVAL,
        Errno::ISDIR => errno::ISDIR,
        Errno::LOOP => errno::LOOP,
        Errno::NOENT => errno::NOENT,
        Errno::NOTDIR => errno::NOTDIR,
        Errno::NOTEMPTY => errno::NOTEMPTY,
        Errno::PERM => errno::PERM,
        other => panic!("the host gave {other:?}"),
    }
}

/// The number of a file's type.
pub fn kind(mode: u32) -> u8 {
    match FileType::from_raw_mode(mode) {
        FileType::Directory => 3,
        FileType::RegularFile => 4,
        FileType::Symlink => 7,
        other => panic!("{other:?}"),
    }
}
