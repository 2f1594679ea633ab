//! A guest whose every move is made by the test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use threadle::wasi::{FsPerms, WasiCtx, WasiCtxBuilder, p1};
use threadle::{Engine, Error, Instance, Linker, Memory, Module, Store, Val};

/// The functions of preview 1 and their parameters: `i` for i32, `I` for i64. All but `proc_exit`
/// return an i32.
pub const FUNCTIONS: [(&str, &str); 46] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Numbers of `errno`.
pub mod errno {
    pub const SUCCESS: u32 = 0;
    pub const BADF: u32 = 8;
    pub const EXIST: u32 = 20;
    pub const FAULT: u32 = 21;
    pub const FBIG: u32 = 22;
    pub const ILSEQ: u32 = 25;
    pub const INVAL: u32 = 28;
    pub const ISDIR: u32 = 31;
    pub const LOOP: u32 = 32;
    pub const MFILE: u32 = 33;
    pub const NAMETOOLONG: u32 = 37;
    pub const NOENT: u32 = 44;
    pub const NOSPC: u32 = 51;
    pub const NOTDIR: u32 = 54;
    pub const NOTEMPTY: u32 = 55;
    pub const NOTSOCK: u32 = 57;
    pub const NOTSUP: u32 = 58;
    pub const PERM: u32 = 63;
    pub const SPIPE: u32 = 70;
}

pub const STDIN: u64 = 0;
pub const STDOUT: u64 = 1;
/// The first preopened directory.
pub const ROOT: u64 = 3;

pub const FD_READ: u64 = 1 << 1;
pub const FD_WRITE: u64 = 1 << 6;

pub const CREAT: u64 = 1;
pub const DIRECTORY: u64 = 2;
pub const EXCL: u64 = 4;
pub const TRUNC: u64 = 8;

pub const APPEND: u64 = 1;
pub const NONBLOCK: u64 = 4;

/// Where the harness puts paths, iovecs and data, and where calls leave results.
pub const PATH: u64 = 0x1000;
pub const PATH2: u64 = 0x3000;
pub const IOVS: u64 = 0x5000;
pub const OUT: u64 = 0x6000;
pub const DATA: u64 = 0x8000;
pub const DATA_LEN: u64 = 0x8000;
/// The size of the guest's memory.
pub const MEMORY: u64 = 2 * 65536;

/// The result of a call: the error number, if it is not 0.
pub type Result<T = (), E = u32> = std::result::Result<T, E>;

/// A guest module with one context.
pub struct Guest {
    pub store: Store<WasiCtx>,
    instance: Instance,
    memory: Memory,
}

/// `fdstat` as the guest reads it.
#[derive(Debug)]
pub struct Fdstat {
    pub filetype: u8,
    pub flags: u64,
    pub rights_base: u64,
    pub rights_inheriting: u64,
}

/// `filestat` as the guest reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Filestat {
    pub dev: u64,
    pub ino: u64,
    pub filetype: u8,
    pub nlink: u64,
    pub size: u64,
    pub atim: u64,
    pub mtim: u64,
    pub ctim: u64,
}

/// The text of a module that imports every function and exports a wrapper under the same name.
fn guest_module() -> String {
    let mut imports = String::new();
    let mut wrappers = String::new();
    for (name, params) in FUNCTIONS {
        let params: Vec<_> =
            params.chars().map(|kind| if kind == 'i' { "i32" } else { "i64" }).collect();
        let types = params.join(" ");
        let result = if name == "proc_exit" { "" } else { "(result i32)" };
        let gets: String = (0..params.len()).map(|at| format!("local.get {at} ")).collect();
        imports += &format!(
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {types}) {result}))\n"
        );
        wrappers +=
            &format!("(func (export \"{name}\") (param {types}) {result} {gets} call ${name})\n");
    }
    format!("(module {imports} (memory (export \"memory\") 2) {wrappers})")
}

/// An instance of the module `text` with these grants.
pub fn instantiate(builder: &mut WasiCtxBuilder, text: &str) -> (Store<WasiCtx>, Instance) {
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker(&mut linker, |ctx: &mut WasiCtx| ctx).unwrap();
    let mut store = Store::new(&engine, builder.build());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    (store, instance)
}

impl Guest {
    pub fn new(builder: &mut WasiCtxBuilder) -> Self {
        Self::with_module(builder, &guest_module())
    }

    /// A guest with a folder of its own, preopened as `/`.
    pub fn in_folder() -> (TempDir, Self) {
        let dir = TempDir::new();
        let guest = Self::with_dir(&dir);
        (dir, guest)
    }

    /// A guest with `dir` preopened as `/`.
    pub fn with_dir(dir: &TempDir) -> Self {
        Self::with_perms(dir, FsPerms::ReadWrite)
    }

    pub fn with_perms(dir: &TempDir, perms: FsPerms) -> Self {
        let mut builder = WasiCtxBuilder::new();
        builder.preopened_dir(dir.path(), "/", perms).unwrap();
        Self::new(&mut builder)
    }

    pub fn with_module(builder: &mut WasiCtxBuilder, text: &str) -> Self {
        let (mut store, instance) = instantiate(builder, text);
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Self { store, instance, memory }
    }

    /// Calls `name` with `args`, which are cut to the parameters' widths, and returns what it
    /// returns. A call that traps fails the test.
    pub fn call<const N: usize>(&mut self, name: &str, args: [u64; N]) -> Result {
        match self.try_call(name, &args).unwrap() {
            errno::SUCCESS => Ok(()),
            errno => Err(errno),
        }
    }

    pub fn try_call(&mut self, name: &str, args: &[u64]) -> std::result::Result<u32, Error> {
        let (_, params) = FUNCTIONS.iter().find(|(known, _)| *known == name).unwrap();
        assert_eq!(params.len(), args.len(), "arguments of {name}");
        let args: Vec<Val> = params
            .chars()
            .zip(args)
            .map(|(kind, &arg)| match kind {
                'i' => Val::I32(arg as i32),
                _ => Val::I64(arg as i64),
            })
            .collect();
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let mut results = vec![Val::I32(0); usize::from(name != "proc_exit")];
        function.call(&mut self.store, &args, &mut results)?;
        match results[..] {
            [Val::I32(errno)] => Ok(errno as u32),
            _ => Ok(0),
        }
    }

    pub fn put(&mut self, at: u64, bytes: &[u8]) {
        self.memory.write(&mut self.store, at as usize, bytes).unwrap();
    }

    pub fn get(&mut self, at: u64, len: u64) -> Vec<u8> {
        let mut bytes = vec![0; len as usize];
        self.memory.read(&self.store, at as usize, &mut bytes).unwrap();
        bytes
    }

    pub fn get_u16(&mut self, at: u64) -> u16 {
        u16::from_le_bytes(self.get(at, 2).try_into().unwrap())
    }

    pub fn get_u32(&mut self, at: u64) -> u32 {
        u32::from_le_bytes(self.get(at, 4).try_into().unwrap())
    }

    pub fn get_u64(&mut self, at: u64) -> u64 {
        u64::from_le_bytes(self.get(at, 8).try_into().unwrap())
    }

    /// Puts `path` at `at` and returns its address and length.
    fn path_at(&mut self, at: u64, path: impl AsRef<[u8]>) -> [u64; 2] {
        let path = path.as_ref();
        assert!(path.len() as u64 <= PATH2 - PATH);
        self.put(at, path);
        [at, path.len() as u64]
    }

    pub fn path(&mut self, path: impl AsRef<[u8]>) -> [u64; 2] {
        self.path_at(PATH, path)
    }

    pub fn path2(&mut self, path: impl AsRef<[u8]>) -> [u64; 2] {
        self.path_at(PATH2, path)
    }

    /// Puts an array of iovecs and returns its address and length.
    pub fn iovs(&mut self, bufs: &[(u64, u64)]) -> [u64; 2] {
        for (index, (at, len)) in bufs.iter().enumerate() {
            let record = [(*at as u32).to_le_bytes(), (*len as u32).to_le_bytes()].concat();
            self.put(IOVS + 8 * index as u64, &record);
        }
        [IOVS, bufs.len() as u64]
    }

    pub fn open_at(
        &mut self,
        dir: u64,
        path: impl AsRef<[u8]>,
        oflags: u64,
        rights: u64,
        fdflags: u64,
        follow: bool,
    ) -> Result<u64> {
        let [path, len] = self.path(path);
        let follow = u64::from(follow);
        let args = [dir, follow, path, len, oflags, rights, 0, fdflags, OUT];
        self.call("path_open", args)?;
        Ok(self.get_u32(OUT).into())
    }

    /// Opens below the first preopened directory, following links.
    pub fn open(&mut self, path: impl AsRef<[u8]>, oflags: u64, rights: u64) -> Result<u64> {
        self.open_at(ROOT, path, oflags, rights, 0, true)
    }

    pub fn close(&mut self, fd: u64) -> Result {
        self.call("fd_close", [fd])
    }

    pub fn write(&mut self, fd: u64, data: &[u8]) -> Result<u64> {
        self.put(DATA, data);
        let [iovs, count] = self.iovs(&[(DATA, data.len() as u64)]);
        self.call("fd_write", [fd, iovs, count, OUT])?;
        Ok(self.get_u32(OUT).into())
    }

    pub fn read(&mut self, fd: u64, len: u64) -> Result<Vec<u8>> {
        let [iovs, count] = self.iovs(&[(DATA, len)]);
        self.call("fd_read", [fd, iovs, count, OUT])?;
        let len = self.get_u32(OUT).into();
        Ok(self.get(DATA, len))
    }

    pub fn pwrite(&mut self, fd: u64, data: &[u8], offset: u64) -> Result<u64> {
        self.put(DATA, data);
        let [iovs, count] = self.iovs(&[(DATA, data.len() as u64)]);
        self.call("fd_pwrite", [fd, iovs, count, offset, OUT])?;
        Ok(self.get_u32(OUT).into())
    }

    pub fn pread(&mut self, fd: u64, len: u64, offset: u64) -> Result<Vec<u8>> {
        let [iovs, count] = self.iovs(&[(DATA, len)]);
        self.call("fd_pread", [fd, iovs, count, offset, OUT])?;
        let len = self.get_u32(OUT).into();
        Ok(self.get(DATA, len))
    }

    /// `whence`: 0 start, 1 position, 2 end.
    pub fn seek(&mut self, fd: u64, offset: i64, whence: u64) -> Result<u64> {
        self.call("fd_seek", [fd, offset as u64, whence, OUT])?;
        Ok(self.get_u64(OUT))
    }

    pub fn tell(&mut self, fd: u64) -> Result<u64> {
        self.call("fd_tell", [fd, OUT])?;
        Ok(self.get_u64(OUT))
    }

    pub fn fdstat(&mut self, fd: u64) -> Result<Fdstat> {
        self.call("fd_fdstat_get", [fd, OUT])?;
        Ok(Fdstat {
            filetype: self.get(OUT, 1)[0],
            flags: self.get_u16(OUT + 2).into(),
            rights_base: self.get_u64(OUT + 8),
            rights_inheriting: self.get_u64(OUT + 16),
        })
    }

    pub fn stat(&mut self, fd: u64) -> Result<Filestat> {
        self.call("fd_filestat_get", [fd, OUT])?;
        Ok(self.filestat())
    }

    pub fn path_stat(&mut self, path: impl AsRef<[u8]>, follow: bool) -> Result<Filestat> {
        let [path, len] = self.path(path);
        self.call("path_filestat_get", [ROOT, follow.into(), path, len, OUT])?;
        Ok(self.filestat())
    }

    fn filestat(&mut self) -> Filestat {
        Filestat {
            dev: self.get_u64(OUT),
            ino: self.get_u64(OUT + 8),
            filetype: self.get(OUT + 16, 1)[0],
            nlink: self.get_u64(OUT + 24),
            size: self.get_u64(OUT + 32),
            atim: self.get_u64(OUT + 40),
            mtim: self.get_u64(OUT + 48),
            ctim: self.get_u64(OUT + 56),
        }
    }

    /// A function of one path below the first preopened directory.
    pub fn on_path(&mut self, function: &str, path: impl AsRef<[u8]>) -> Result {
        let [path, len] = self.path(path);
        self.call(function, [ROOT, path, len])
    }

    pub fn symlink(&mut self, target: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Result {
        let [target, target_len] = self.path(target);
        let [path, len] = self.path2(path);
        self.call("path_symlink", [target, target_len, ROOT, path, len])
    }

    pub fn rename(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result {
        let [from, from_len] = self.path(from);
        let [to, to_len] = self.path2(to);
        self.call("path_rename", [ROOT, from, from_len, ROOT, to, to_len])
    }

    pub fn link(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result {
        let [from, from_len] = self.path(from);
        let [to, to_len] = self.path2(to);
        self.call("path_link", [ROOT, 0, from, from_len, ROOT, to, to_len])
    }

    pub fn readlink(&mut self, path: impl AsRef<[u8]>, room: u64) -> Result<Vec<u8>> {
        let [path, len] = self.path(path);
        self.call("path_readlink", [ROOT, path, len, DATA, room, OUT])?;
        let used = self.get_u32(OUT).into();
        Ok(self.get(DATA, used))
    }
}

/// A directory that goes away with the test.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "threadle-wasi-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A leftover directory below the system's temporary one harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
