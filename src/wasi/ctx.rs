//! What a program is given: the builder and the context it builds.

use std::io::{self, Read, Write};
use std::path::Path;

use cap_std::ambient_authority;

use super::abi::{Errno, Result};
use super::clocks::{HostMonotonicClock, HostWallClock, MonotonicClock, WallClock};
use super::dir::Dir;
use super::perms::FsPerms;
use super::stdio::{Sink, Source, Stream};
use super::table::{Descriptor, FdTable};
use crate::prelude::*;

/// The generator of random bytes that an embedder may put in the host's place.
pub(super) type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// How many descriptors a program may have open unless [`WasiCtxBuilder::max_open_files`] says
/// otherwise: beyond any program's honest needs, and far below what would hurt the host.
const DEFAULT_MAX_OPEN_FILES: u32 = 4096;

/// Everything that one running program can reach, and its state: arguments, environment, clocks and
/// open descriptors. Made by [`WasiCtxBuilder`]; kept in the store's data, from where the WASI
/// functions fetch it through the closure given to [`add_to_linker`](super::p1::add_to_linker).
///
/// It is a program's own: two instances that share one context share descriptors too.
pub struct WasiCtx {
    pub(super) args: Vec<String>,
    /// `KEY=VALUE` strings.
    pub(super) env: Vec<String>,
    pub(super) fds: FdTable,
    pub(super) wall_clock: Box<dyn HostWallClock>,
    pub(super) monotonic_clock: Box<dyn HostMonotonicClock>,
    pub(super) random: Option<Random>,
}

/// The name that the context has where preview 1 is one of several.
pub type WasiP1Ctx = WasiCtx;

impl WasiCtx {
    /// Same as [`WasiCtxBuilder::new`].
    pub fn builder() -> WasiCtxBuilder {
        WasiCtxBuilder::new()
    }

    /// Fills `buf` with random bytes.
    pub(super) fn fill_random(&mut self, buf: &mut [u8]) -> Result<()> {
        match &mut self.random {
            Some(random) => random(buf),
            None => getrandom::fill(buf).map_err(|_| Errno::Io)?,
        }
        Ok(())
    }
}

impl core::fmt::Debug for WasiCtx {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WasiCtx").field("args", &self.args).finish_non_exhaustive()
    }
}

/// Collects what a program is to be given. A fresh builder grants nothing at all.
pub struct WasiCtxBuilder {
    args: Vec<String>,
    env: Vec<String>,
    stdin: Source,
    stdout: Sink,
    stderr: Sink,
    preopens: Vec<Dir>,
    wall_clock: Box<dyn HostWallClock>,
    monotonic_clock: Box<dyn HostMonotonicClock>,
    random: Option<Random>,
    max_open_files: u32,
}

impl Default for WasiCtxBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for WasiCtxBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WasiCtxBuilder").field("args", &self.args).finish_non_exhaustive()
    }
}

impl WasiCtxBuilder {
    /// No arguments, no environment, no files; an empty standard input and outputs that drop
    /// everything; the host's clocks and random numbers.
    pub fn new() -> Self {
        Self {
            args: Vec::new(),
            env: Vec::new(),
            stdin: Source::Reader(Box::new(io::empty())),
            stdout: Sink::Writer(Box::new(io::sink())),
            stderr: Sink::Writer(Box::new(io::sink())),
            preopens: Vec::new(),
            wall_clock: Box::new(WallClock),
            monotonic_clock: Box::new(MonotonicClock::new()),
            random: None,
            max_open_files: DEFAULT_MAX_OPEN_FILES,
        }
    }

    /// Appends one argument. The first is by custom the program's name.
    ///
    /// The guest gets C strings: for it, a NUL character ends the argument.
    pub fn arg(&mut self, arg: impl AsRef<str>) -> &mut Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Appends arguments.
    pub fn args(&mut self, args: &[impl AsRef<str>]) -> &mut Self {
        self.args.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Appends this process's arguments, with its own name first. What is not Unicode is replaced by
    /// U+FFFD.
    pub fn inherit_args(&mut self) -> &mut Self {
        self.args.extend(std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()));
        self
    }

    /// Adds the environment variable `key` with the value `value`. A variable that was added before
    /// is not replaced; most C libraries find the first.
    pub fn env(&mut self, key: impl AsRef<str>, value: impl AsRef<str>) -> &mut Self {
        self.env.push(format!("{}={}", key.as_ref(), value.as_ref()));
        self
    }

    /// Adds environment variables.
    pub fn envs(&mut self, env: &[(impl AsRef<str>, impl AsRef<str>)]) -> &mut Self {
        for (key, value) in env {
            self.env(key, value);
        }
        self
    }

    /// Adds this process's environment. What is not Unicode is replaced by U+FFFD.
    pub fn inherit_env(&mut self) -> &mut Self {
        for (key, value) in std::env::vars_os() {
            self.env(key.to_string_lossy(), value.to_string_lossy());
        }
        self
    }

    /// Lets the program read `stdin`, for example a [`MemoryInputPipe`](super::MemoryInputPipe) or a
    /// [`std::fs::File`]. A read blocks the calling thread if `stdin` does; to `poll_oneoff` it is
    /// always ready.
    pub fn stdin(&mut self, stdin: impl Read + Send + 'static) -> &mut Self {
        self.stdin = Source::Reader(Box::new(stdin));
        self
    }

    /// Lets the program write to `stdout`, for example a
    /// [`MemoryOutputPipe`](super::MemoryOutputPipe) or a [`std::fs::File`]. It is flushed when the
    /// program asks for that with `fd_sync` or `fd_datasync`, and dropped when the program closes it
    /// or the context is dropped.
    pub fn stdout(&mut self, stdout: impl Write + Send + 'static) -> &mut Self {
        self.stdout = Sink::Writer(Box::new(stdout));
        self
    }

    /// Like [`stdout`](Self::stdout), for error output.
    pub fn stderr(&mut self, stderr: impl Write + Send + 'static) -> &mut Self {
        self.stderr = Sink::Writer(Box::new(stderr));
        self
    }

    /// Lets the program read this process's standard input.
    ///
    /// On Unix it reads the descriptor itself: input that this process took into the buffer of
    /// [`std::io::Stdin`] before is not seen.
    pub fn inherit_stdin(&mut self) -> &mut Self {
        self.stdin = Source::Inherit;
        self
    }

    /// Lets the program write to this process's standard output, without a buffer in between.
    pub fn inherit_stdout(&mut self) -> &mut Self {
        self.stdout = Sink::InheritOut;
        self
    }

    /// Lets the program write to this process's standard error.
    pub fn inherit_stderr(&mut self) -> &mut Self {
        self.stderr = Sink::InheritErr;
        self
    }

    /// All three standard streams of this process.
    pub fn inherit_stdio(&mut self) -> &mut Self {
        self.inherit_stdin().inherit_stdout().inherit_stderr()
    }

    /// Opens the host's directory `host_path` and gives it to the program under the name
    /// `guest_path`. The program can reach what is below it and nothing else; see
    /// [`FsPerms`] for what it may do there.
    ///
    /// Programs look names up by the longest matching `guest_path`; `/` and `.` are usual.
    /// Descriptors are numbered from 3 in the order of the calls.
    ///
    /// # Errors
    ///
    /// If `host_path` cannot be opened as a directory.
    pub fn preopened_dir(
        &mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl AsRef<str>,
        perms: FsPerms,
    ) -> io::Result<&mut Self> {
        let host_path = host_path.as_ref();
        let dir = cap_std::fs::Dir::open_ambient_dir(host_path, ambient_authority()).map_err(
            |error| {
                io::Error::new(
                    error.kind(),
                    format!("cannot open the directory {}: {error}", host_path.display()),
                )
            },
        )?;
        let name = guest_path.as_ref().to_owned();
        self.preopens.push(Dir::new(dir, perms, Some(name)));
        Ok(self)
    }

    /// Replaces the calendar clock.
    pub fn wall_clock(&mut self, clock: impl HostWallClock + 'static) -> &mut Self {
        self.wall_clock = Box::new(clock);
        self
    }

    /// Replaces the monotonic clock.
    pub fn monotonic_clock(&mut self, clock: impl HostMonotonicClock + 'static) -> &mut Self {
        self.monotonic_clock = Box::new(clock);
        self
    }

    /// Replaces the host's random numbers: `fill` must fill the whole slice it is given. With a
    /// fixed generator and fixed clocks a program without files runs the same way every time.
    pub fn secure_random(&mut self, fill: impl FnMut(&mut [u8]) + Send + 'static) -> &mut Self {
        self.random = Some(Box::new(fill));
        self
    }

    /// How many descriptors, standard streams and preopened directories included, the program may
    /// have open at once (default: 4096). Beyond that it gets `EMFILE`. What the embedder itself
    /// grants is never refused.
    pub fn max_open_files(&mut self, limit: u32) -> &mut Self {
        self.max_open_files = limit;
        self
    }

    /// The context, with everything given so far. The builder is as new afterwards.
    pub fn build(&mut self) -> WasiCtx {
        let this = core::mem::take(self);
        let granted = [
            Descriptor::Stream(Stream::input(this.stdin)),
            Descriptor::Stream(Stream::output(this.stdout)),
            Descriptor::Stream(Stream::output(this.stderr)),
        ]
        .into_iter()
        .chain(this.preopens.into_iter().map(Descriptor::Dir));
        WasiCtx {
            args: this.args,
            env: this.env,
            fds: FdTable::new(granted, this.max_open_files),
            wall_clock: this.wall_clock,
            monotonic_clock: this.monotonic_clock,
            random: this.random,
        }
    }

    /// Same as [`build`](Self::build).
    pub fn build_p1(&mut self) -> WasiP1Ctx {
        self.build()
    }
}
