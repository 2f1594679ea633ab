//! The twin of `host.rs` where WASI cannot be offered: programs get limits only.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use threadle::{Error, Linker, Result, StoreLimits};

/// None.
#[derive(Args)]
pub struct HostOptions {}

/// See the twin.
pub struct Host {
    /// See the twin.
    pub limits: StoreLimits,
}

impl Host {
    /// See the twin.
    pub fn new(
        _: &HostOptions,
        _file: &Path,
        _args: &[OsString],
        limits: StoreLimits,
    ) -> Result<Host> {
        Ok(Host { limits })
    }

    /// Defines nothing.
    pub fn link(_: &mut Linker<Host>) -> Result<()> {
        Ok(())
    }
}

/// Programs have no way to exit.
pub fn exit_code(_: &Error) -> Option<ExitCode> {
    None
}
