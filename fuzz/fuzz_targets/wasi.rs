//! WASI's paths and descriptors: sequences of calls, in one of two ways.
//!
//! Without `..` and absolute paths the model is the system itself: every call is made twice, through the
//! guest in one folder and by a system call in another that is alike. Results, errors and the folders
//! afterwards must agree. With them, nothing outside of the folder may be seen or changed.
#![no_main]
#![allow(dead_code, reason = "the harness can do more than is used here")]

#[path = "../../tests/wasi/harness.rs"]
mod harness;
#[path = "../../tests/wasi/host.rs"]
mod host;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use arbitrary::Arbitrary;
use harness::{APPEND, CREAT, DIRECTORY, EXCL, FD_READ, FD_WRITE, Guest, ROOT, TRUNC, TempDir};
use host::{kind, number};
use libfuzzer_sys::fuzz_target;
use rustix::fs::{AtFlags, Mode, OFlags, SeekFrom};
use rustix::io::Errno;

/// Names that calls may use; two for directories, so that paths lead somewhere.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Component {
    A,
    B,
    C,
    Dot,
    Nothing,
    Up,
}

#[derive(Arbitrary, Clone, Debug)]
struct Name {
    components: [Option<Component>; 3],
    slash: bool,
    absolute: bool,
}

impl Name {
    fn text(&self, wild: bool) -> String {
        let components =
            self.components.iter().flatten().filter(|it| wild || !matches!(it, Component::Up));
        let text: Vec<&str> = components
            .map(|it| match it {
                Component::A => "a",
                Component::B => "b",
                Component::C => "c",
                Component::Dot => ".",
                Component::Nothing => "",
                Component::Up => "..",
            })
            .collect();
        let mut text = text.join("/");
        // A path that begins with a slash is absolute, and leads out.
        if !wild {
            text = text.trim_start_matches('/').to_owned();
        } else if self.absolute {
            text.insert(0, '/');
        }
        if self.slash && !text.is_empty() {
            text.push('/');
        }
        text
    }
}

#[derive(Arbitrary, Clone, Debug)]
enum Op {
    Open { dir: u8, name: Name, oflags: u8, append: bool, access: u8, follow: bool },
    Close(u8),
    MakeDir(u8, Name),
    RemoveDir(u8, Name),
    Unlink(u8, Name),
    Rename(u8, Name, u8, Name),
    Link(u8, Name, u8, Name),
    Symlink(Name, u8, Name),
    ReadLink(u8, Name),
    Stat(u8, Name, bool),
    Seek(u8, i16, u8),
    Write(u8, u8, u8),
    Read(u8, u8),
    WriteAt(u8, u8, u8),
    ReadAt(u8, u8, u8),
    SetSize(u8, u8),
    Renumber(u8, u8),
}

#[derive(Arbitrary, Clone, Debug)]
struct Input {
    wild: bool,
    ops: Vec<Op>,
}

/// A descriptor as the model knows it.
struct Open {
    fd: OwnedFd,
    directory: bool,
    readable: bool,
    writable: bool,
}

struct State {
    guest: Guest,
    guests: TempDir,
    hosts: TempDir,
}

const MOST: usize = 24;
const FIRST: usize = ROOT as usize;

impl State {
    fn new() -> State {
        let (outer, hosts) = (TempDir::new(), TempDir::new());
        fs::create_dir(outer.join("in")).unwrap();
        fs::write(outer.join("secret"), "secret").unwrap();
        let mut builder = threadle::wasi::WasiCtxBuilder::new();
        let all = threadle::wasi::FsPerms::ReadWrite;
        builder.preopened_dir(outer.join("in"), "/", all).unwrap();
        State { guest: Guest::new(&mut builder), guests: outer, hosts }
    }
}

/// What a call gave, as text where it is more than an error.
type Outcome = Result<String, u32>;

/// What a call gave that gives nothing.
fn none((): ()) -> String {
    String::new()
}

fn snapshot(at: &Path, name: &str, all: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(at).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
        let metadata = entry.metadata().unwrap();
        let what = if metadata.is_dir() {
            snapshot(&entry.path(), &name, all);
            "directory".into()
        } else if metadata.is_symlink() {
            format!("link to {}", fs::read_link(entry.path()).unwrap().display())
        } else {
            format!("{:?}", fs::read(entry.path()).unwrap())
        };
        all.insert(name, what);
    }
}

fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => fs::remove_dir_all(entry.path()).unwrap(),
            false => fs::remove_file(entry.path()).unwrap(),
        }
    }
}

/// The access and the flags of an open call, for the guest and for the host.
fn open_flags(oflags: u8, append: bool, access: u8) -> (u64, u64, u64, OFlags) {
    let mut flags = u64::from(oflags) & (CREAT | DIRECTORY | EXCL | TRUNC);
    if flags & DIRECTORY != 0 {
        flags = DIRECTORY;
    }
    let rights = match access % 3 {
        0 => FD_READ,
        _ if flags == DIRECTORY => FD_READ,
        1 => FD_WRITE,
        _ => FD_READ | FD_WRITE,
    };
    let write = rights & FD_WRITE != 0 || flags & TRUNC != 0;
    let mut host = match (rights & FD_READ != 0, write) {
        (true, false) => OFlags::RDONLY,
        (false, true) => OFlags::WRONLY,
        _ => OFlags::RDWR,
    };
    host |= OFlags::CLOEXEC;
    host.set(OFlags::CREATE, flags & CREAT != 0);
    // Without the flag to create, the one to be alone means nothing.
    if flags & CREAT == 0 {
        flags &= !EXCL;
    }
    host.set(OFlags::EXCL, flags & EXCL != 0);
    host.set(OFlags::TRUNC, flags & TRUNC != 0);
    host.set(OFlags::DIRECTORY, flags & DIRECTORY != 0);
    host.set(OFlags::APPEND, append && flags != DIRECTORY);
    (flags, rights, if append { APPEND } else { 0 }, host)
}

struct Run<'s> {
    state: &'s mut State,
    wild: bool,
    /// By the guest's number, from `ROOT` on.
    open: Vec<Option<Open>>,
}

impl Run<'_> {
    /// A number that is open, mostly.
    fn pick(&self, which: u8) -> usize {
        FIRST + usize::from(which) % (self.open.len() + 1)
    }

    /// A directory that is open.
    fn dir(&self, which: u8) -> usize {
        let dirs: Vec<usize> = (0..self.open.len())
            .filter(|at| self.open[*at].as_ref().is_some_and(|open| open.directory))
            .collect();
        FIRST + dirs[usize::from(which) % dirs.len()]
    }

    fn host(&self, fd: usize) -> Option<&Open> {
        self.open.get(fd - FIRST)?.as_ref()
    }

    /// A file that is open, for what directories do not have.
    fn file(&self, fd: usize) -> rustix::io::Result<&Open> {
        self.host(fd).filter(|open| !open.directory).ok_or(Errno::BADF)
    }

    /// A call with one name, and the system call that is alike.
    fn on_name(
        &mut self,
        op: &Op,
        function: &str,
        (dir, name): (u8, &Name),
        host: impl FnOnce(&OwnedFd, &str) -> rustix::io::Result<()>,
    ) {
        let (dir, path) = (self.dir(dir), name.text(self.wild));
        let [at, len] = self.state.guest.path(&path);
        let guest = self.state.guest.call(function, [dir as u64, at, len]).map(none);
        if !self.wild {
            self.same(op, &guest, host(&self.host(dir).unwrap().fd, &path).map(none));
        }
    }

    /// A call with two names, and the system call that is alike.
    fn on_names(
        &mut self,
        op: &Op,
        function: &str,
        (dir, name): (u8, &Name),
        (to, to_name): (u8, &Name),
        host: impl FnOnce(&OwnedFd, &str, &OwnedFd, &str) -> rustix::io::Result<()>,
    ) {
        let (dir, path) = (self.dir(dir), name.text(self.wild));
        let (to, to_path) = (self.dir(to), to_name.text(self.wild));
        let guest = &mut self.state.guest;
        let ([at, len], [to_at, to_len]) = (guest.path(&path), guest.path2(&to_path));
        let guest = match function {
            "path_link" => guest.call(function, [dir as u64, 0, at, len, to as u64, to_at, to_len]),
            _ => guest.call(function, [dir as u64, at, len, to as u64, to_at, to_len]),
        };
        if !self.wild {
            let (from, onto) = (&self.host(dir).unwrap().fd, &self.host(to).unwrap().fd);
            self.same(op, &guest.map(none), host(from, &path, onto, &to_path).map(none));
        }
    }

    /// Compares, unless the model cannot follow.
    fn same(&self, what: &Op, guest: &Outcome, host: rustix::io::Result<String>) {
        if self.wild {
            return;
        }
        let host = host.map_err(number);
        assert_eq!(*guest, host, "guest, then host, for {what:?}");
    }

    fn step(&mut self, op: &Op) {
        let wild = self.wild;
        match op {
            Op::Open { dir, name, oflags, append, access, follow } => {
                if self.open.iter().flatten().count() >= MOST {
                    return;
                }
                let (dir, path) = (self.dir(*dir), name.text(wild));
                let (oflags, rights, fdflags, mut flags) = open_flags(*oflags, *append, *access);
                flags.set(OFlags::NOFOLLOW, !follow);
                let guest =
                    self.state.guest.open_at(dir as u64, &path, oflags, rights, fdflags, *follow);
                let found = guest.map(|fd| {
                    let stat = self.state.guest.stat(fd).unwrap();
                    (fd as usize, stat.filetype, stat.ino)
                });
                if wild {
                    if let Ok((fd, _, ino)) = found {
                        self.inside(ino);
                        self.state.guest.close(fd as u64).unwrap();
                    }
                    return;
                }
                let dir = &self.host(dir).unwrap().fd;
                let host =
                    rustix::fs::openat(dir, path.as_str(), flags, Mode::from_raw_mode(0o644));
                let host = host.map(|fd| {
                    let kind = kind(rustix::fs::fstat(&fd).unwrap().st_mode);
                    (fd, kind)
                });
                let (guest, host) = match (found, host) {
                    (Ok((at, guest_kind, _)), Ok((fd, host_kind))) => {
                        assert_eq!(guest_kind, host_kind, "{op:?}");
                        let open = Open {
                            fd,
                            directory: host_kind == 3,
                            readable: rights & FD_READ != 0,
                            writable: rights & FD_WRITE != 0,
                        };
                        let free = self.open.iter().position(Option::is_none);
                        let free = free.unwrap_or(self.open.len());
                        assert_eq!(at, FIRST + free, "the lowest free number, {op:?}");
                        if free == self.open.len() {
                            self.open.push(None);
                        }
                        self.open[free] = Some(open);
                        return;
                    }
                    (guest, host) => (guest.map(|it| it.1), host.map(|it| it.1).map_err(number)),
                };
                assert!(guest.is_err() && guest == host, "guest {guest:?}, host {host:?}, {op:?}");
            }
            Op::Close(fd) => {
                let fd = self.pick(*fd);
                // The first stays, so that there is always a directory.
                if fd == FIRST {
                    return;
                }
                let guest = self.state.guest.close(fd as u64).map(none);
                let host = self.open.get_mut(fd - FIRST).and_then(Option::take);
                self.same(op, &guest, host.map(|_| String::new()).ok_or(Errno::BADF));
            }
            Op::MakeDir(dir, name) => {
                let mode = Mode::from_raw_mode(0o755);
                self.on_name(op, "path_create_directory", (*dir, name), |at, path| {
                    rustix::fs::mkdirat(at, path, mode)
                });
            }
            Op::RemoveDir(dir, name) => {
                self.on_name(op, "path_remove_directory", (*dir, name), |at, path| {
                    rustix::fs::unlinkat(at, path, AtFlags::REMOVEDIR)
                });
            }
            Op::Unlink(dir, name) => {
                self.on_name(op, "path_unlink_file", (*dir, name), |at, path| {
                    rustix::fs::unlinkat(at, path, AtFlags::empty())
                });
            }
            Op::Rename(dir, name, to, to_name) => {
                let names = ((*dir, name), (*to, to_name));
                self.on_names(op, "path_rename", names.0, names.1, |from, path, onto, to_path| {
                    rustix::fs::renameat(from, path, onto, to_path)
                });
            }
            Op::Link(dir, name, to, to_name) => {
                let names = ((*dir, name), (*to, to_name));
                self.on_names(op, "path_link", names.0, names.1, |from, path, onto, to_path| {
                    rustix::fs::linkat(from, path, onto, to_path, AtFlags::empty())
                });
            }
            Op::Symlink(target, dir, name) => {
                let (dir, path) = (self.dir(*dir), name.text(wild));
                let target = target.text(wild);
                let [at, len] = self.state.guest.path(&target);
                let [to_at, to_len] = self.state.guest.path2(&path);
                let guest = self
                    .state
                    .guest
                    .call("path_symlink", [at, len, dir as u64, to_at, to_len])
                    .map(none);
                if !wild {
                    let at = &self.host(dir).unwrap().fd;
                    self.same(op, &guest, rustix::fs::symlinkat(&target, at, &path).map(none));
                }
            }
            Op::ReadLink(dir, name) => {
                let (dir, path) = (self.dir(*dir), name.text(wild));
                let [at, len] = self.state.guest.path(&path);
                let args = [dir as u64, at, len, harness::DATA, 200, harness::OUT];
                let guest = self.state.guest.call("path_readlink", args).map(|()| {
                    let used = self.state.guest.get_u32(harness::OUT).into();
                    String::from_utf8(self.state.guest.get(harness::DATA, used)).unwrap()
                });
                if !wild {
                    let at = &self.host(dir).unwrap().fd;
                    let host = rustix::fs::readlinkat(at, &path, Vec::new());
                    self.same(op, &guest, host.map(|it| it.to_str().unwrap().to_owned()));
                }
            }
            Op::Stat(dir, name, follow) => {
                let (dir, path) = (self.dir(*dir), name.text(wild));
                let [at, len] = self.state.guest.path(&path);
                let args = [dir as u64, u64::from(*follow), at, len, harness::OUT];
                let mut ino = 0;
                let guest = self.state.guest.call("path_filestat_get", args).map(|()| {
                    let guest = &mut self.state.guest;
                    ino = guest.get_u64(harness::OUT + 8);
                    let kind = guest.get(harness::OUT + 16, 1)[0];
                    let size = guest.get_u64(harness::OUT + 32);
                    format!("{kind} {}", if kind == 3 { 0 } else { size })
                });
                if wild {
                    self.inside(ino);
                    return;
                }
                let at = &self.host(dir).unwrap().fd;
                let flags = if *follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
                let host = rustix::fs::statat(at, &path, flags).map(|it| {
                    let kind = kind(it.st_mode);
                    format!("{kind} {}", if kind == 3 { 0 } else { it.st_size })
                });
                self.same(op, &guest, host);
            }
            Op::Seek(fd, offset, whence) => {
                let (fd, offset, whence) = (self.pick(*fd), i64::from(*offset), whence % 3);
                let guest = self.state.guest.seek(fd as u64, offset, whence.into());
                let host = self.file(fd).and_then(|open| {
                    let to = match whence {
                        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::INVAL)?),
                        1 => SeekFrom::Current(offset),
                        _ => SeekFrom::End(offset),
                    };
                    rustix::fs::seek(&open.fd, to)
                });
                self.same(op, &guest.map(|it| it.to_string()), host.map(|it| it.to_string()));
            }
            Op::Write(fd, len, byte) => {
                let (fd, data) = (self.pick(*fd), vec![*byte; usize::from(*len % 64)]);
                let guest = self.state.guest.write(fd as u64, &data);
                let host = self.file(fd).and_then(|open| {
                    if !open.writable {
                        return Err(Errno::BADF);
                    }
                    rustix::io::write(&open.fd, &data)
                });
                self.same(op, &guest.map(|it| it.to_string()), host.map(|it| it.to_string()));
            }
            Op::Read(fd, len) => {
                let (fd, len) = (self.pick(*fd), usize::from(*len));
                let guest = self.state.guest.read(fd as u64, len as u64);
                let host = self.file(fd).and_then(|open| {
                    if !open.readable {
                        return Err(Errno::BADF);
                    }
                    let mut data = vec![0; len];
                    let len = rustix::io::read(&open.fd, &mut data)?;
                    data.truncate(len);
                    Ok(data)
                });
                let show = |data: Vec<u8>| format!("{data:?}");
                self.same(op, &guest.map(show), host.map(show));
            }
            Op::WriteAt(fd, at, byte) => {
                let (fd, data) = (self.pick(*fd), [*byte; 5]);
                let guest = self.state.guest.pwrite(fd as u64, &data, (*at).into());
                let host = self.file(fd).and_then(|open| {
                    if !open.writable {
                        return Err(Errno::BADF);
                    }
                    rustix::io::pwrite(&open.fd, &data, (*at).into())
                });
                self.same(op, &guest.map(|it| it.to_string()), host.map(|it| it.to_string()));
            }
            Op::ReadAt(fd, at, len) => {
                let (fd, len) = (self.pick(*fd), usize::from(*len));
                let guest = self.state.guest.pread(fd as u64, len as u64, (*at).into());
                let host = self.file(fd).and_then(|open| {
                    if !open.readable {
                        return Err(Errno::BADF);
                    }
                    let mut data = vec![0; len];
                    let len = rustix::io::pread(&open.fd, &mut data, (*at).into())?;
                    data.truncate(len);
                    Ok(data)
                });
                let show = |data: Vec<u8>| format!("{data:?}");
                self.same(op, &guest.map(show), host.map(show));
            }
            Op::SetSize(fd, size) => {
                let fd = self.pick(*fd);
                let args = [fd as u64, (*size).into()];
                let guest = self.state.guest.call("fd_filestat_set_size", args).map(none);
                let host =
                    self.file(fd).and_then(|open| rustix::fs::ftruncate(&open.fd, (*size).into()));
                self.same(op, &guest, host.map(none));
            }
            Op::Renumber(from, to) => {
                let (from, to) = (self.pick(*from), self.pick(*to));
                if from == FIRST || to == FIRST {
                    return;
                }
                let guest = self.state.guest.call("fd_renumber", [from as u64, to as u64]);
                let host = match (self.host(from).is_some(), self.host(to).is_some()) {
                    (true, true) => {
                        if from != to {
                            self.open[to - FIRST] = self.open[from - FIRST].take();
                        }
                        Ok(String::new())
                    }
                    _ => Err(Errno::BADF),
                };
                self.same(op, &guest.map(none), host);
            }
        }
    }

    /// Fails if that is something outside.
    fn inside(&self, ino: u64) {
        use std::os::unix::fs::MetadataExt;
        let outside = [self.state.guests.path().to_owned(), self.state.guests.join("secret")];
        for path in outside {
            assert_ne!(fs::metadata(&path).unwrap().ino(), ino, "{} was reached", path.display());
        }
    }
}

fn run(state: &mut State, input: &Input) {
    let inside = state.guests.join("in");
    clear(&inside);
    clear(state.hosts.path());
    let root =
        rustix::fs::open(state.hosts.path(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
    let root = Open { fd: root.unwrap(), directory: true, readable: true, writable: false };
    assert!(root.fd.as_fd().try_clone_to_owned().is_ok());
    let mut run = Run { state, wild: input.wild, open: vec![Some(root)] };
    for op in input.ops.iter().take(64) {
        run.step(op);
    }
    for (at, open) in run.open.iter().enumerate().skip(1) {
        if open.is_some() {
            run.state.guest.close((FIRST + at) as u64).unwrap();
        }
    }
    let [mut guests, mut hosts] = [BTreeMap::new(), BTreeMap::new()];
    snapshot(&inside, "", &mut guests);
    if input.wild {
        let outer = state.guests.path();
        assert_eq!(fs::read(outer.join("secret")).unwrap(), b"secret");
        assert_eq!(fs::read_dir(outer).unwrap().count(), 2, "something new outside");
    } else {
        snapshot(state.hosts.path(), "", &mut hosts);
        assert_eq!(guests, hosts, "what is left, guest, then host");
    }
}

fuzz_target!(|input: Input| {
    thread_local! {
        static STATE: RefCell<State> = RefCell::new(State::new());
    }
    STATE.with_borrow_mut(|state| run(state, &input));
});
