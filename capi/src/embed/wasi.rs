//! `wasi.h`: what a program is given.

use core::ffi::{c_char, c_void};
use std::fs::File;
use std::io;

use threadle::wasi::{FsPerms, MemoryInputPipe, WasiCtxBuilder, WasiP1Ctx};
use threadle::{Result, ensure};

use super::store::text;
use crate::foreign::{Finalizer, HostData};
use crate::guard::{c_functions, given};
use crate::vec::{CVec, slice};

pub struct wasi_config_t {
    builder: WasiCtxBuilder,
}

impl wasi_config_t {
    pub(super) fn build(mut self) -> WasiP1Ctx {
        self.builder.build_p1()
    }
}

/// Strings of C's.
fn texts<'a>(list: *const *const c_char, count: usize, name: &str) -> Result<Vec<&'a str>> {
    ensure!(count == 0 || !list.is_null(), "the argument `{name}` is null");
    // SAFETY: C passes the address of so many pointers.
    unsafe { slice(list, count) }.iter().map(|item| text(*item, name)).collect()
}

/// Takes bytes that a program writes: returns how many it took, or a negative number for an error
/// of the operating system's.
type Sink = extern "C" fn(*mut c_void, *const u8, usize) -> isize;

/// Output that goes to a function of C's.
struct Custom {
    sink: Sink,
    env: HostData,
}

impl io::Write for Custom {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = (self.sink)(self.env.data, bytes.as_ptr(), bytes.len());
        match usize::try_from(taken) {
            Ok(taken) => Ok(taken.min(bytes.len())),
            Err(_) => {
                let code = i32::try_from(taken.unsigned_abs()).unwrap_or(i32::MAX);
                Err(io::Error::from_raw_os_error(code))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn custom(sink: Option<Sink>, data: *mut c_void, finalizer: Finalizer) -> Result<Custom> {
    let env = HostData { data, finalizer };
    Ok(Custom { sink: given(sink, "callback")?, env })
}

type Config<'a> = Option<&'a mut wasi_config_t>;

/// Functions that say where one of the output streams goes.
macro_rules! outputs {
    ($($stream:ident: $file:ident $inherit:ident $inherited:ident $custom:ident;)*) => {
        c_functions! {$(
            fn $file(config: Config<'_>, path: *const c_char) -> bool {
                given(config, "config")?.builder.$stream(File::create(text(path, "path")?)?);
                Ok(true)
            }

            fn $inherit(config: Config<'_>) {
                given(config, "config")?.builder.$inherited();
                Ok(())
            }

            fn $custom(
                config: Config<'_>,
                callback: Option<Sink>,
                data: *mut c_void,
                finalizer: Finalizer,
            ) {
                let custom = custom(callback, data, finalizer)?;
                given(config, "config")?.builder.$stream(custom);
                Ok(())
            }
        )*}
    };
}

outputs! {
    stdout: wasi_config_set_stdout_file wasi_config_inherit_stdout inherit_stdout
        wasi_config_set_stdout_custom;
    stderr: wasi_config_set_stderr_file wasi_config_inherit_stderr inherit_stderr
        wasi_config_set_stderr_custom;
}

c_functions! {
    fn wasi_config_new() -> Option<Box<wasi_config_t>> {
        Ok(Some(Box::new(wasi_config_t { builder: WasiCtxBuilder::new() })))
    }

    fn wasi_config_delete(config: Option<Box<wasi_config_t>>) {
        drop(config);
        Ok(())
    }

    fn wasi_config_set_argv(config: Config<'_>, count: usize, args: *const *const c_char) -> bool {
        let args = texts(args, count, "argv")?;
        given(config, "config")?.builder.args(&args);
        Ok(true)
    }

    fn wasi_config_inherit_argv(config: Config<'_>) {
        given(config, "config")?.builder.inherit_args();
        Ok(())
    }

    fn wasi_config_set_env(
        config: Config<'_>,
        count: usize,
        names: *const *const c_char,
        values: *const *const c_char,
    ) -> bool {
        let (names, values) = (texts(names, count, "names")?, texts(values, count, "values")?);
        let builder = &mut given(config, "config")?.builder;
        for (name, value) in names.iter().zip(values) {
            builder.env(name, value);
        }
        Ok(true)
    }

    fn wasi_config_inherit_env(config: Config<'_>) {
        given(config, "config")?.builder.inherit_env();
        Ok(())
    }

    fn wasi_config_set_stdin_file(config: Config<'_>, path: *const c_char) -> bool {
        given(config, "config")?.builder.stdin(File::open(text(path, "path")?)?);
        Ok(true)
    }

    fn wasi_config_set_stdin_bytes(config: Config<'_>, bytes: Option<&mut CVec<u8>>) {
        let bytes = given(bytes, "bytes")?.take().into_vec();
        given(config, "config")?.builder.stdin(MemoryInputPipe::new(bytes));
        Ok(())
    }

    fn wasi_config_inherit_stdin(config: Config<'_>) {
        given(config, "config")?.builder.inherit_stdin();
        Ok(())
    }

    fn wasi_config_preopen_dir(
        config: Config<'_>,
        host_path: *const c_char,
        guest_path: *const c_char,
        writable: bool,
    ) -> bool {
        let (host, guest) = (text(host_path, "host_path")?, text(guest_path, "guest_path")?);
        let perms = if writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        given(config, "config")?.builder.preopened_dir(host, guest, perms)?;
        Ok(true)
    }
}
