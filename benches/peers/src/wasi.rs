//! A small WASI preview 1 host, the same for every engine.
//!
//! Engines differ in the WASI that they bring along, if they bring one at all. Giving each of
//! them this one makes the host's work the same everywhere, so that a difference in time is a
//! difference between engines. It has what command-line benchmarks need: arguments,
//! environment, standard input from memory, captured output, clocks, random numbers, exit, and
//! optionally one empty preopened directory in which nothing can be made.
//!
//! Names and numbers are those of the WASI preview 1 witx files.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The module name under which programs import these functions.
pub const MODULE: &str = "wasi_snapshot_preview1";

const SUCCESS: u32 = 0;
const BADF: u32 = 8;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const NOENT: u32 = 44;
const NOTSUP: u32 = 58;
const ROFS: u32 = 69;
const SPIPE: u32 = 70;

const FILETYPE_DIRECTORY: u8 = 3;
const FILETYPE_REGULAR: u8 = 4;
/// The descriptor of the preopened directory.
const PREOPEN: u64 = 3;
const PREOPEN_NAME: &[u8] = b".";
/// No benchmark waits longer than this, whatever it asks for.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// Guest memory, as far as the host needs it. Some engines lend a slice, others only copy.
pub trait Memory {
    /// Copies bytes from address `at`; false when they are not all inside the memory.
    fn read(&self, at: u32, into: &mut [u8]) -> bool;
    /// Copies bytes to address `at`; false when there is no room for all of them.
    fn write(&mut self, at: u32, from: &[u8]) -> bool;
}

impl Memory for [u8] {
    fn read(&self, at: u32, into: &mut [u8]) -> bool {
        let at = at as usize;
        let bytes = self.get(at..at.saturating_add(into.len()));
        bytes.map(|bytes| into.copy_from_slice(bytes)).is_some()
    }

    fn write(&mut self, at: u32, from: &[u8]) -> bool {
        let at = at as usize;
        let bytes = self.get_mut(at..at.saturating_add(from.len()));
        bytes.map(|bytes| bytes.copy_from_slice(from)).is_some()
    }
}

/// The program asked to end, or the host cannot go on: either way the Wasm call must unwind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit;

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the program ended by proc_exit")
    }
}

impl std::error::Error for Exit {}

macro_rules! functions {
    ($($variant:ident $name:literal $params:literal;)*) => {
        /// A function of WASI preview 1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function { $($variant,)* }

        impl Function {
            /// Every function of this host.
            pub const ALL: &[Function] = &[$(Function::$variant,)*];

            /// The name under which programs import it.
            pub fn name(self) -> &'static str {
                match self { $(Function::$variant => $name,)* }
            }

            /// Its parameters, one letter for each: `i` for i32, `I` for i64. All functions
            /// but `proc_exit` return one i32.
            pub fn params(self) -> &'static str {
                match self { $(Function::$variant => $params,)* }
            }
        }
    };
}

functions! {
    ArgsGet "args_get" "ii";
    ArgsSizesGet "args_sizes_get" "ii";
    ClockResGet "clock_res_get" "ii";
    ClockTimeGet "clock_time_get" "iIi";
    EnvironGet "environ_get" "ii";
    EnvironSizesGet "environ_sizes_get" "ii";
    FdClose "fd_close" "i";
    FdFdstatGet "fd_fdstat_get" "ii";
    FdFdstatSetFlags "fd_fdstat_set_flags" "ii";
    FdFilestatGet "fd_filestat_get" "ii";
    FdFilestatSetSize "fd_filestat_set_size" "iI";
    FdPread "fd_pread" "iiiIi";
    FdPrestatDirName "fd_prestat_dir_name" "iii";
    FdPrestatGet "fd_prestat_get" "ii";
    FdPwrite "fd_pwrite" "iiiIi";
    FdRead "fd_read" "iiii";
    FdReaddir "fd_readdir" "iiiIi";
    FdRenumber "fd_renumber" "ii";
    FdSeek "fd_seek" "iIii";
    FdSync "fd_sync" "i";
    FdTell "fd_tell" "ii";
    FdWrite "fd_write" "iiii";
    PathCreateDirectory "path_create_directory" "iii";
    PathFilestatGet "path_filestat_get" "iiiii";
    PathFilestatSetTimes "path_filestat_set_times" "iiiiIIi";
    PathLink "path_link" "iiiiiii";
    PathOpen "path_open" "iiiiiIIii";
    PathReadlink "path_readlink" "iiiiii";
    PathRemoveDirectory "path_remove_directory" "iii";
    PathRename "path_rename" "iiiiii";
    PathSymlink "path_symlink" "iiiii";
    PathUnlinkFile "path_unlink_file" "iii";
    PollOneoff "poll_oneoff" "iiii";
    ProcExit "proc_exit" "i";
    RandomGet "random_get" "ii";
    SchedYield "sched_yield" "";
}

/// The state of one program's host.
#[derive(Clone, Debug, Default)]
pub struct Host {
    args: Vec<String>,
    env: Vec<String>,
    stdin: Vec<u8>,
    stdin_at: usize,
    has_dir: bool,
    random: u64,
    /// What the program wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What the program wrote to its standard error.
    pub stderr: Vec<u8>,
    /// The code that the program gave to `proc_exit`, once it did.
    pub exit: Option<i32>,
}

/// The result of a piece of host work: an error number of WASI on failure.
type Step = std::result::Result<(), u32>;

impl Host {
    /// A host for a program with these arguments (the program's name first), environment
    /// (`NAME=VALUE`) and standard input, and with an empty preopened directory or without.
    pub fn new(args: Vec<String>, env: Vec<String>, stdin: Vec<u8>, has_dir: bool) -> Host {
        Host { args, env, stdin, has_dir, random: 0x9e37_79b9_7f4a_7c15, ..Host::default() }
    }

    /// Carries out `function` with `args` (i32 values zero-extended) on the guest's `memory`
    /// and returns its error number.
    ///
    /// # Errors
    ///
    /// [`Exit`] for `proc_exit`, whose code is then in [`Host::exit`].
    pub fn call<M: Memory + ?Sized>(
        &mut self,
        function: Function,
        args: &[u64],
        memory: &mut M,
    ) -> std::result::Result<u32, Exit> {
        if function == Function::ProcExit {
            self.exit = Some(args.first().copied().unwrap_or(0) as u32 as i32);
            return Err(Exit);
        }
        Ok(match self.step(function, args, memory) {
            Ok(()) => SUCCESS,
            Err(number) => number,
        })
    }

    fn step<M: Memory + ?Sized>(
        &mut self,
        function: Function,
        args: &[u64],
        memory: &mut M,
    ) -> Step {
        let arg = |index: usize| args.get(index).copied().unwrap_or(0);
        let ptr = |index: usize| arg(index) as u32;
        match function {
            Function::ArgsGet => put_strings(memory, &self.args, ptr(0), ptr(1)),
            Function::ArgsSizesGet => put_sizes(memory, &self.args, ptr(0), ptr(1)),
            Function::EnvironGet => put_strings(memory, &self.env, ptr(0), ptr(1)),
            Function::EnvironSizesGet => put_sizes(memory, &self.env, ptr(0), ptr(1)),
            Function::ClockResGet => put(memory, ptr(1), &1_000u64.to_le_bytes()),
            Function::ClockTimeGet => put(memory, ptr(2), &clock(arg(0))?.to_le_bytes()),
            Function::FdClose | Function::FdSync | Function::FdFdstatSetFlags => {
                self.filetype(arg(0)).map(|_| ())
            }
            Function::FdFdstatGet => {
                let mut stat = [0u8; 24];
                stat[0] = self.filetype(arg(0))?;
                stat[8..].fill(0xff);
                put(memory, ptr(1), &stat)
            }
            Function::FdFilestatGet => {
                let stat = filestat(self.filetype(arg(0))?);
                put(memory, ptr(1), &stat)
            }
            Function::FdPrestatGet => {
                self.directory(arg(0))?;
                put(memory, ptr(1), &0u32.to_le_bytes())?;
                put(memory, offset(ptr(1), 4)?, &(PREOPEN_NAME.len() as u32).to_le_bytes())
            }
            Function::FdPrestatDirName => {
                self.directory(arg(0))?;
                let room = usize::try_from(arg(2)).unwrap_or(usize::MAX);
                put(memory, ptr(1), PREOPEN_NAME.get(..room).unwrap_or(PREOPEN_NAME))
            }
            Function::FdRead => self.fd_read(arg(0), ptr(1), ptr(2), ptr(3), memory),
            Function::FdWrite => self.fd_write(arg(0), ptr(1), ptr(2), ptr(3), memory),
            Function::FdReaddir => {
                self.directory(arg(0))?;
                put(memory, ptr(4), &0u32.to_le_bytes())
            }
            Function::FdSeek | Function::FdTell | Function::FdPread | Function::FdPwrite => {
                self.filetype(arg(0)).and(Err(SPIPE))
            }
            Function::FdFilestatSetSize => self.filetype(arg(0)).and(Err(INVAL)),
            Function::FdRenumber => Err(NOTSUP),
            Function::PathFilestatGet => {
                self.directory(arg(0))?;
                self.same_directory(ptr(2), ptr(3), memory)?;
                put(memory, ptr(4), &filestat(FILETYPE_DIRECTORY))
            }
            Function::PathFilestatSetTimes
            | Function::PathOpen
            | Function::PathReadlink
            | Function::PathRemoveDirectory
            | Function::PathRename
            | Function::PathUnlinkFile => self.directory(arg(0)).and(Err(NOENT)),
            Function::PathCreateDirectory => self.directory(arg(0)).and(Err(ROFS)),
            Function::PathLink => self.directory(arg(0)).and(Err(NOENT)),
            Function::PathSymlink => self.directory(arg(2)).and(Err(ROFS)),
            Function::PollOneoff => poll(memory, ptr(0), ptr(1), ptr(2), ptr(3)),
            Function::RandomGet => self.random_get(ptr(0), ptr(1), memory),
            Function::SchedYield => Ok(()),
            Function::ProcExit => Err(INVAL),
        }
    }

    fn filetype(&self, fd: u64) -> std::result::Result<u8, u32> {
        match fd {
            0..=2 => Ok(FILETYPE_REGULAR),
            PREOPEN if self.has_dir => Ok(FILETYPE_DIRECTORY),
            _ => Err(BADF),
        }
    }

    fn directory(&self, fd: u64) -> Step {
        if fd == PREOPEN && self.has_dir { Ok(()) } else { Err(BADF) }
    }

    fn same_directory<M: Memory + ?Sized>(&self, path: u32, len: u32, memory: &M) -> Step {
        let mut name = [0u8; 1];
        let is_dot = len == 1 && memory.read(path, &mut name) && name == PREOPEN_NAME;
        if is_dot { Ok(()) } else { Err(NOENT) }
    }

    fn fd_read<M: Memory + ?Sized>(
        &mut self,
        fd: u64,
        list: u32,
        count: u32,
        out: u32,
        memory: &mut M,
    ) -> Step {
        if fd != 0 {
            return Err(BADF);
        }
        let start = self.stdin_at;
        for index in 0..count {
            let (at, len) = io_vector(memory, list, index)?;
            let rest = self.stdin.get(self.stdin_at..).unwrap_or(&[]);
            let piece = rest.get(..len as usize).unwrap_or(rest);
            put(memory, at, piece)?;
            self.stdin_at += piece.len();
            if piece.len() < len as usize {
                break;
            }
        }
        put(memory, out, &((self.stdin_at - start) as u32).to_le_bytes())
    }

    fn fd_write<M: Memory + ?Sized>(
        &mut self,
        fd: u64,
        list: u32,
        count: u32,
        out: u32,
        memory: &mut M,
    ) -> Step {
        let stream = match fd {
            1 => &mut self.stdout,
            2 => &mut self.stderr,
            _ => return Err(BADF),
        };
        let start = stream.len();
        for index in 0..count {
            let (at, len) = io_vector(memory, list, index)?;
            let from = stream.len();
            stream.resize(from + len as usize, 0);
            if !memory.read(at, &mut stream[from..]) {
                stream.truncate(start);
                return Err(FAULT);
            }
        }
        let written = (stream.len() - start) as u32;
        put(memory, out, &written.to_le_bytes())
    }

    fn random_get<M: Memory + ?Sized>(&mut self, at: u32, len: u32, memory: &mut M) -> Step {
        for index in 0..len {
            // xorshift64: the same numbers for every engine, which is what a benchmark wants.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            put(memory, offset(at, index)?, &[(self.random >> 32) as u8])?;
        }
        Ok(())
    }
}

fn put<M: Memory + ?Sized>(memory: &mut M, at: u32, bytes: &[u8]) -> Step {
    if memory.write(at, bytes) { Ok(()) } else { Err(FAULT) }
}

fn get_u32<M: Memory + ?Sized>(memory: &M, at: u32) -> std::result::Result<u32, u32> {
    let mut bytes = [0u8; 4];
    if memory.read(at, &mut bytes) { Ok(u32::from_le_bytes(bytes)) } else { Err(FAULT) }
}

fn offset(at: u32, by: u32) -> std::result::Result<u32, u32> {
    at.checked_add(by).ok_or(FAULT)
}

/// The address and length in entry `index` of a list of buffers.
fn io_vector<M: Memory + ?Sized>(
    memory: &M,
    list: u32,
    index: u32,
) -> std::result::Result<(u32, u32), u32> {
    let entry = offset(list, index.checked_mul(8).ok_or(FAULT)?)?;
    Ok((get_u32(memory, entry)?, get_u32(memory, offset(entry, 4)?)?))
}

fn put_sizes<M: Memory + ?Sized>(
    memory: &mut M,
    strings: &[String],
    count: u32,
    bytes: u32,
) -> Step {
    let total: usize = strings.iter().map(|string| string.len() + 1).sum();
    put(memory, count, &(strings.len() as u32).to_le_bytes())?;
    put(memory, bytes, &(total as u32).to_le_bytes())
}

fn put_strings<M: Memory + ?Sized>(
    memory: &mut M,
    strings: &[String],
    list: u32,
    bytes: u32,
) -> Step {
    let (mut list, mut bytes) = (list, bytes);
    for string in strings {
        put(memory, list, &bytes.to_le_bytes())?;
        put(memory, bytes, string.as_bytes())?;
        put(memory, offset(bytes, string.len() as u32)?, &[0])?;
        list = offset(list, 4)?;
        bytes = offset(bytes, string.len() as u32 + 1)?;
    }
    Ok(())
}

fn filestat(filetype: u8) -> [u8; 64] {
    let mut stat = [0u8; 64];
    stat[16] = filetype;
    stat[24] = 1;
    stat
}

/// Nanoseconds of the WASI clock `id`: 0 the time of day, 1 monotonic, 2 and 3 processor time.
fn clock(id: u64) -> std::result::Result<u64, u32> {
    let time = match id {
        0 | 1 => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        2 | 3 => crate::clock::thread_time(),
        _ => return Err(INVAL),
    };
    Ok(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Waits for the shortest timer among the subscriptions, unless one is for a descriptor (those
/// are always ready), and reports everything that is ready.
fn poll<M: Memory + ?Sized>(
    memory: &mut M,
    subscriptions: u32,
    events: u32,
    count: u32,
    out: u32,
) -> Step {
    const SUBSCRIPTION: u32 = 48;
    const EVENT: u32 = 32;
    let mut shortest = LONGEST_SLEEP;
    let mut bytes = [0u8; SUBSCRIPTION as usize];
    for index in 0..count {
        let at = offset(subscriptions, index.checked_mul(SUBSCRIPTION).ok_or(FAULT)?)?;
        if !memory.read(at, &mut bytes) {
            return Err(FAULT);
        }
        let mut event = [0u8; EVENT as usize];
        event[..8].copy_from_slice(&bytes[..8]);
        event[10] = bytes[8];
        put(memory, offset(events, index * EVENT)?, &event)?;
        shortest = shortest.min(if bytes[8] == 0 { timeout(&bytes)? } else { Duration::ZERO });
    }
    std::thread::sleep(shortest);
    put(memory, out, &count.to_le_bytes())
}

/// The time to wait for a subscription to a clock.
fn timeout(subscription: &[u8; 48]) -> std::result::Result<Duration, u32> {
    let word = |at: usize| {
        let mut bytes = [0u8; 8];
        bytes.copy_from_slice(&subscription[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let (id, timeout) = (word(16) & 0xffff_ffff, word(24));
    let absolute = subscription[40] & 1 == 1;
    Ok(Duration::from_nanos(if absolute { timeout.saturating_sub(clock(id)?) } else { timeout }))
}
