//! Names that end in a slash or a dot, against the host's own system calls.
//!
//! Every function on paths gets every kind of name with every ending, and every pair of them where it
//! takes two, in two trees that are alike: through the guest in one, through the system in the other.
//! Errors and the trees afterwards must agree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};

use crate::harness::{CREAT, DIRECTORY, EXCL, FD_READ, FD_WRITE, Guest, ROOT, TRUNC, TempDir};
use crate::host::{kind, number};

/// What there is below `p`, and what leads nowhere.
const NAMES: [&str; 18] = [
    "file",
    "full",
    "empty",
    "to-file",
    "to-full",
    "to-empty",
    "dangling",
    "loop",
    "to-file-slash",
    "to-full-slash",
    "dangling-slash",
    "loop-slash",
    "missing",
    "full/inside",
    "full/missing",
    "to-full/inside",
    "file/below",
    "missing/below",
];

const ENDINGS: [&str; 6] = ["", "/", "//", "/.", "/./", "/.."];

/// A time that nothing has by itself.
const MARK: i64 = 1000;

/// What a call gave: the kind of what it found, or the error as the guest's number.
type Outcome = Result<u8, u32>;

/// All of them, and the path that is none.
fn paths() -> impl Iterator<Item = String> {
    let endings = |name| ENDINGS.iter().map(move |ending| format!("p/{name}{ending}"));
    NAMES.iter().flat_map(endings).chain([String::new()])
}

fn build(root: &Path) {
    use std::os::unix::fs::symlink;
    // What an earlier call left; there is nothing at first.
    let _ = fs::remove_dir_all(root.join("p"));
    fs::create_dir_all(root.join("p/full")).unwrap();
    fs::create_dir(root.join("p/empty")).unwrap();
    fs::write(root.join("p/file"), "file").unwrap();
    fs::write(root.join("p/full/inside"), "inside").unwrap();
    for (name, target) in [
        ("to-file", "file"),
        ("to-full", "full"),
        ("to-empty", "empty"),
        ("dangling", "nothing"),
        ("loop", "loop"),
        ("to-file-slash", "file/"),
        ("to-full-slash", "full/"),
        ("dangling-slash", "nothing/"),
        ("loop-slash", "loop-slash/"),
    ] {
        symlink(target, root.join("p").join(name)).unwrap();
    }
}

/// All names with what they are, what they hold, how many names it has, and whether it bears `MARK`.
fn snapshot(root: &Path) -> BTreeMap<String, String> {
    fn walk(at: &Path, name: &str, all: &mut BTreeMap<String, String>) {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::symlink_metadata(at).unwrap();
        let marked = metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let what = if metadata.is_dir() {
            for entry in fs::read_dir(at).unwrap() {
                let entry = entry.unwrap();
                let below = format!("{name}/{}", entry.file_name().to_str().unwrap());
                walk(&entry.path(), &below, all);
            }
            "directory".to_owned()
        } else if metadata.is_symlink() {
            format!("link to {}", fs::read_link(at).unwrap().display())
        } else {
            let text = fs::read_to_string(at).unwrap();
            format!("file {text:?}, {} names", metadata.nlink())
        };
        all.insert(name.to_owned(), format!("{what}, marked: {}", marked == MARK as u64));
    }
    let mut all = BTreeMap::new();
    walk(&root.join("p"), "p", &mut all);
    all
}

/// Two trees that are alike, one for the guest, one for the host.
struct Twins {
    guest: Guest,
    guests: TempDir,
    hosts: TempDir,
    root: std::os::fd::OwnedFd,
    fresh: BTreeMap<String, String>,
    compared: u32,
    differences: Vec<String>,
}

impl Twins {
    fn new() -> Self {
        let (guests, hosts) = (TempDir::new(), TempDir::new());
        build(guests.path());
        build(hosts.path());
        let root =
            rustix::fs::open(hosts.path(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
        Self {
            guest: Guest::with_dir(&guests),
            fresh: snapshot(hosts.path()),
            guests,
            hosts,
            root: root.unwrap(),
            compared: 0,
            differences: Vec::new(),
        }
    }

    fn compare(
        &mut self,
        what: impl FnOnce() -> String,
        guest: impl FnOnce(&mut Guest) -> Outcome,
        host: impl FnOnce(&std::os::fd::OwnedFd) -> rustix::io::Result<u8>,
    ) {
        let (got, want) = (guest(&mut self.guest), host(&self.root).map_err(number));
        let (after_guest, after_host) = (snapshot(self.guests.path()), snapshot(self.hosts.path()));
        self.compared += 1;
        if got != want {
            self.differences.push(format!("{}: guest {got:?}, host {want:?}", what()));
        } else if after_guest != after_host {
            self.differences.push(format!("{}: the trees differ", what()));
        }
        if after_guest != self.fresh {
            build(self.guests.path());
        }
        if after_host != self.fresh {
            build(self.hosts.path());
        }
    }

    fn done(self, at_least: u32) {
        let Self { compared, differences, .. } = self;
        assert!(compared >= at_least, "{compared} cases");
        assert!(
            differences.is_empty(),
            "{} of {compared} cases differ:\n{}",
            differences.len(),
            differences.join("\n")
        );
    }
}

#[test]
fn rename_treats_all_pairs_of_names_as_the_host_does() {
    let mut twins = Twins::new();
    for from in paths() {
        for to in paths() {
            twins.compare(
                || format!("rename {from} {to}"),
                |guest| guest.rename(&from, &to).map(|()| 0),
                |root| rustix::fs::renameat(root, &from, root, &to).map(|()| 0),
            );
        }
    }
    twins.done(11881);
}

#[test]
fn link_treats_all_pairs_of_names_as_the_host_does() {
    let mut twins = Twins::new();
    for from in paths() {
        for to in paths() {
            twins.compare(
                || format!("link {from} {to}"),
                |guest| guest.link(&from, &to).map(|()| 0),
                |root| rustix::fs::linkat(root, &from, root, &to, AtFlags::empty()).map(|()| 0),
            );
        }
    }
    twins.done(11881);
}

#[test]
fn functions_of_one_name_treat_its_ending_as_the_host_does() {
    let mut twins = Twins::new();
    for path in paths() {
        let path = path.as_str();
        twins.compare(
            || format!("mkdir {path}"),
            |guest| guest.on_path("path_create_directory", path).map(|()| 0),
            |root| rustix::fs::mkdirat(root, path, Mode::from_raw_mode(0o755)).map(|()| 0),
        );
        twins.compare(
            || format!("rmdir {path}"),
            |guest| guest.on_path("path_remove_directory", path).map(|()| 0),
            |root| rustix::fs::unlinkat(root, path, AtFlags::REMOVEDIR).map(|()| 0),
        );
        twins.compare(
            || format!("unlink {path}"),
            |guest| guest.on_path("path_unlink_file", path).map(|()| 0),
            |root| rustix::fs::unlinkat(root, path, AtFlags::empty()).map(|()| 0),
        );
        twins.compare(
            || format!("symlink {path}"),
            |guest| guest.symlink("target", path).map(|()| 0),
            |root| rustix::fs::symlinkat("target", root, path).map(|()| 0),
        );
        twins.compare(
            || format!("symlink nothing {path}"),
            |guest| guest.symlink("", path).map(|()| 0),
            |root| rustix::fs::symlinkat("", root, path).map(|()| 0),
        );
        twins.compare(
            || format!("readlink {path}"),
            |guest| guest.readlink(path, 100).map(|target| target[0]),
            |root| {
                rustix::fs::readlinkat(root, path, Vec::new()).map(|target| target.as_bytes()[0])
            },
        );
        for follow in [false, true] {
            let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
            twins.compare(
                || format!("stat {path}, following {follow}"),
                |guest| guest.path_stat(path, follow).map(|stat| stat.filetype),
                |root| rustix::fs::statat(root, path, flags).map(|stat| kind(stat.st_mode)),
            );
            twins.compare(
                || format!("utimens {path}, following {follow}"),
                |guest| {
                    let [at, len] = guest.path(path);
                    let time = MARK as u64 * 1_000_000_000;
                    let args = [ROOT, follow.into(), at, len, time, time, 0b0101];
                    guest.call("path_filestat_set_times", args).map(|()| 0)
                },
                |root| {
                    let time = Timespec { tv_sec: MARK, tv_nsec: 0 };
                    let times = Timestamps { last_access: time, last_modification: time };
                    rustix::fs::utimensat(root, path, &times, flags).map(|()| 0)
                },
            );
        }
    }
    twins.done(972);
}

#[test]
fn opening_treats_the_ending_of_a_name_as_the_host_does() {
    let mut twins = Twins::new();
    let ways = [0, CREAT, CREAT | EXCL, TRUNC, CREAT | TRUNC, DIRECTORY];
    for path in paths() {
        for oflags in ways {
            for (write, follow) in [(false, false), (false, true), (true, false), (true, true)] {
                // Opening a directory to write is one error here and another there.
                if write && oflags == DIRECTORY {
                    continue;
                }
                let mut flags = OFlags::CLOEXEC;
                // Truncating needs no right to write of the guest, but the host's.
                let access =
                    if write || oflags & TRUNC != 0 { OFlags::RDWR } else { OFlags::RDONLY };
                flags |= access;
                flags.set(OFlags::NOFOLLOW, !follow);
                flags.set(OFlags::CREATE, oflags & CREAT != 0);
                flags.set(OFlags::EXCL, oflags & EXCL != 0);
                flags.set(OFlags::TRUNC, oflags & TRUNC != 0);
                flags.set(OFlags::DIRECTORY, oflags & DIRECTORY != 0);
                let rights = if write { FD_READ | FD_WRITE } else { FD_READ };
                twins.compare(
                    || format!("open {path}, {flags:?}"),
                    |guest| {
                        let fd = guest.open_at(ROOT, path.as_str(), oflags, rights, 0, follow)?;
                        let kind = guest.stat(fd).unwrap().filetype;
                        guest.close(fd).unwrap();
                        Ok(kind)
                    },
                    |root| {
                        let mode = Mode::from_raw_mode(0o644);
                        let fd = rustix::fs::openat(root, path.as_str(), flags, mode)?;
                        Ok(kind(rustix::fs::fstat(&fd).unwrap().st_mode))
                    },
                );
            }
        }
    }
    twins.done(2376);
}
