//! What a program may do with a directory.

/// What a program may do below a preopened directory, on top of what the host allows this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FsPerms {
    /// Look, list and read. Everything that would change a file, a name or an attribute fails with
    /// `EPERM`.
    ReadOnly,
    /// Everything.
    ReadWrite,
}

impl FsPerms {
    pub(super) fn can_write(self) -> bool {
        self == Self::ReadWrite
    }
}
