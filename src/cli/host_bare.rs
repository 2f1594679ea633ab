//! The twin of `host.rs` where WASI cannot be offered: programs get limits only.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use threadle::{Error, Linker, Result, StoreLimits, UnknownImportError};

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
    pub fn link(_: &mut Linker<Host>, _older: bool) -> Result<()> {
        Ok(())
    }
}

/// Says why, if an import is missing that WASI has.
pub fn explain(error: Error) -> Error {
    match error.downcast_ref::<UnknownImportError>() {
        Some(import) if import.module().starts_with("wasi") => {
            error.context("this build of threadle offers programs no WASI, only exported functions")
        }
        _ => error,
    }
}

/// Programs have no way to exit.
pub fn exit_code(_: &Error) -> Option<ExitCode> {
    None
}
