//! What `threadle run` gives programs: WASI, and limits.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use threadle::wasi::{FsPerms, I32Exit, WasiCtx, p0, p1};
use threadle::{Error, Linker, Result, StoreLimits};

use super::run::text;

/// Arguments that WASI takes.
#[derive(Args)]
pub struct HostOptions {
    /// Give the program the directory HOST, under the name GUEST (default: the same name)
    #[arg(long = "dir", value_name = "HOST[::GUEST]", value_parser = directory)]
    dirs: Vec<(PathBuf, String)>,

    /// Set an environment variable for the program. Without a value, it gets the present one
    #[arg(long, value_name = "K=V")]
    env: Vec<String>,
}

fn directory(text: &str) -> Result<(PathBuf, String), String> {
    let (host, guest) = text.split_once("::").unwrap_or((text, text));
    if host.is_empty() || guest.is_empty() {
        return Err("expected HOST or HOST::GUEST".into());
    }
    Ok((host.into(), guest.into()))
}

/// What the program's store holds.
pub struct Host {
    wasi: WasiCtx,
    /// Those of the store.
    pub limits: StoreLimits,
}

impl Host {
    /// For the program `file`, run with `args`.
    pub fn new(
        options: &HostOptions,
        file: &Path,
        args: &[OsString],
        limits: StoreLimits,
    ) -> Result<Host> {
        let mut wasi = WasiCtx::builder();
        wasi.inherit_stdio();
        wasi.arg(file.file_name().unwrap_or(file.as_os_str()).to_string_lossy());
        for arg in args {
            wasi.arg(text(arg)?);
        }
        for variable in &options.env {
            match variable.split_once('=') {
                Some((key, value)) => {
                    wasi.env(key, value);
                }
                None => {
                    if let Some(value) = std::env::var_os(variable) {
                        wasi.env(variable, value.to_string_lossy());
                    }
                }
            }
        }
        for (host, guest) in &options.dirs {
            wasi.preopened_dir(host, guest, FsPerms::ReadWrite)?;
        }
        Ok(Host { wasi: wasi.build(), limits })
    }

    /// Defines what programs may import; `older` ones import `wasi_unstable`.
    pub fn link(linker: &mut Linker<Host>, older: bool) -> Result<()> {
        if older {
            p0::add_to_linker(linker, |host: &mut Host| &mut host.wasi)?;
        }
        p1::add_to_linker(linker, |host: &mut Host| &mut host.wasi)
    }
}

/// Says more about an error, where WASI is missing; here it is not.
pub fn explain(error: Error) -> Error {
    error
}

/// The code with which the program exited, if the error is that.
pub fn exit_code(error: &Error) -> Option<ExitCode> {
    let exit = error.downcast_ref::<I32Exit>()?;
    // The low bits of a status, which are all that the system passes on; but never success for a
    // failure.
    Some(match exit.0 as u8 {
        0 if exit.0 != 0 => ExitCode::FAILURE,
        code => ExitCode::from(code),
    })
}
