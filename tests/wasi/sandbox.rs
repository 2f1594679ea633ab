//! Attempts to leave a preopened directory.

use std::fs;

use crate::harness::*;

/// A preopened directory `inside` with a secret beside it.
struct Jail {
    outside: TempDir,
    guest: Guest,
}

impl Jail {
    fn new() -> Self {
        let outside = TempDir::new();
        fs::write(outside.join("secret"), "secret").unwrap();
        fs::create_dir_all(outside.join("inside/dir/sub")).unwrap();
        fs::write(outside.join("inside/file"), "open").unwrap();
        let mut builder = threadle::wasi::WasiCtxBuilder::new();
        builder
            .preopened_dir(outside.join("inside"), "/", threadle::wasi::FsPerms::ReadWrite)
            .unwrap();
        let guest = Guest::new(&mut builder);
        Self { outside, guest }
    }

    /// Tries everything that can be done with `path`, a name for `secret` outside, and for a file
    /// that would be new outside.
    fn cannot_reach(&mut self, secret: &str, new: &str) {
        let guest = &mut self.guest;
        for (oflags, rights) in [(0, FD_READ), (0, FD_WRITE), (CREAT, FD_WRITE), (TRUNC, FD_WRITE)]
        {
            for follow in [true, false] {
                let result = guest.open_at(ROOT, secret, oflags, rights, 0, follow);
                assert!(result.is_err(), "open {secret}");
            }
        }
        assert!(guest.open(new, CREAT, FD_WRITE).is_err(), "create {new}");
        assert!(guest.path_stat(secret, true).is_err(), "stat {secret}");
        assert!(guest.readlink(new, 100).is_err(), "readlink {new}");
        assert!(guest.on_path("path_create_directory", new).is_err(), "mkdir {new}");
        assert!(guest.symlink("file", new).is_err(), "symlink {new}");
        assert!(guest.rename("file", new).is_err(), "rename to {new}");
        assert!(guest.link("file", new).is_err(), "link to {new}");
        let [at, len] = guest.path(secret);
        let set = [ROOT, 1, at, len, 0, 0, 8];
        assert!(guest.call("path_filestat_set_times", set).is_err(), "times of {secret}");
        self.check();
    }

    /// Nothing outside has changed, and nothing inside is lost.
    fn check(&self) {
        let names = |path| {
            let mut names: Vec<_> = fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(self.outside.path()), ["inside", "secret"]);
        assert_eq!(fs::read(self.outside.join("secret")).unwrap(), b"secret");
        assert_eq!(fs::read(self.outside.join("inside/file")).unwrap(), b"open");
    }
}

#[test]
fn not_by_dots() {
    let mut jail = Jail::new();
    for up in ["..", "dir/../..", "./..", "dir/sub/../../..", ".//..", "dir/./.././.."] {
        jail.cannot_reach(&format!("{up}/secret"), &format!("{up}/new"));
        assert_eq!(jail.guest.open(up, DIRECTORY, 0), Err(errno::PERM), "{up}");
        assert!(jail.guest.path_stat(up, true).is_err(), "{up}");
        assert!(jail.guest.rename(format!("{up}/secret"), "got").is_err());
        assert!(jail.guest.link(format!("{up}/secret"), "got").is_err());
        assert!(jail.guest.on_path("path_unlink_file", format!("{up}/secret")).is_err());
        assert!(jail.guest.on_path("path_remove_directory", format!("{up}/inside")).is_err());
        jail.check();
    }
    // Dots that stay inside are fine, even through the very top.
    let file = jail.guest.open("dir/../dir/sub/../../file", 0, FD_READ).unwrap();
    assert_eq!(jail.guest.read(file, 9), Ok(b"open".to_vec()));
}

#[test]
fn not_by_absolute_paths() {
    let mut jail = Jail::new();
    let outside = jail.outside.path().to_str().unwrap().to_owned();
    jail.cannot_reach(&format!("{outside}/secret"), &format!("{outside}/new"));
    jail.cannot_reach(&format!("//{outside}/secret"), &format!("//{outside}/new"));
    for path in ["/", "/etc", "//", "/.", "/.."] {
        assert_eq!(jail.guest.open(path, DIRECTORY, 0), Err(errno::PERM), "{path}");
    }
}

#[test]
fn not_from_a_directory_further_down() {
    let mut jail = Jail::new();
    let sub = jail.guest.open("dir/sub", DIRECTORY, 0).unwrap();
    let guest = &mut jail.guest;
    for path in ["..", "../..", "../../../secret", "../../file"] {
        let result = guest.open_at(sub, path, 0, FD_READ, 0, true);
        assert_eq!(result, Err(errno::PERM), "{path}");
    }
    // Nor after the directory has been moved to the top.
    guest.rename("dir/sub", "top").unwrap();
    assert_eq!(guest.open_at(sub, "..", 0, FD_READ, 0, true), Err(errno::PERM));
    assert!(guest.open_at(sub, ".", DIRECTORY, 0, 0, true).is_ok());
}

#[cfg(unix)]
#[test]
fn not_by_symbolic_links_of_the_hosts() {
    use std::os::unix::fs::symlink;
    let mut jail = Jail::new();
    let inside = jail.outside.join("inside");
    let outside = jail.outside.path().to_owned();
    symlink("..", inside.join("up")).unwrap();
    symlink("../secret", inside.join("relative")).unwrap();
    symlink(outside.join("secret"), inside.join("absolute")).unwrap();
    symlink(&outside, inside.join("dir/out")).unwrap();
    symlink("up", inside.join("twice")).unwrap();
    symlink("dir/../../secret", inside.join("dotted")).unwrap();
    symlink("../new", inside.join("new")).unwrap();
    for path in ["up", "dir/out", "twice"] {
        jail.cannot_reach(&format!("{path}/secret"), &format!("{path}/new"));
        assert_eq!(jail.guest.open(path, DIRECTORY, 0), Err(errno::PERM), "{path}");
    }
    for path in ["relative", "absolute", "dotted"] {
        assert_eq!(jail.guest.open(path, 0, FD_READ), Err(errno::PERM), "{path}");
        assert_eq!(jail.guest.open(path, TRUNC, FD_WRITE), Err(errno::PERM), "{path}");
        assert_eq!(jail.guest.path_stat(path, true), Err(errno::PERM), "{path}");
        // The link itself is the program's to see and to remove.
        assert_eq!(jail.guest.path_stat(path, false).unwrap().filetype, 7);
    }
    // A dangling link out is no way to create something.
    assert_eq!(jail.guest.open("new", CREAT, FD_WRITE), Err(errno::PERM));
    jail.check();
    assert_eq!(jail.guest.on_path("path_unlink_file", "absolute"), Ok(()));
    jail.check();
}

#[cfg(unix)]
#[test]
fn not_by_symbolic_links_of_its_own() {
    let mut jail = Jail::new();
    assert_eq!(jail.guest.symlink("/etc/passwd", "passwd"), Err(errno::PERM));
    // A relative one can be made but not used.
    jail.guest.symlink("..", "up").unwrap();
    jail.guest.symlink("../secret", "leak").unwrap();
    jail.cannot_reach("up/secret", "up/new");
    jail.cannot_reach("leak", "up/new");
    // One that becomes an escape when it is moved.
    jail.guest.symlink("../file", "dir/link").unwrap();
    assert!(jail.guest.open("dir/link", 0, FD_READ).is_ok());
    jail.guest.rename("dir/link", "link").unwrap();
    assert_eq!(jail.guest.open("link", 0, FD_READ), Err(errno::PERM));
    jail.check();
}

#[cfg(unix)]
#[test]
fn the_target_of_an_absolute_link_is_not_told() {
    let mut jail = Jail::new();
    let link = jail.outside.join("inside/link");
    std::os::unix::fs::symlink("/etc/hostname", link).unwrap();
    assert_eq!(jail.guest.readlink("link", 100), Err(errno::PERM));
}

#[cfg(target_os = "linux")]
#[test]
fn not_by_magic_links() {
    let mut builder = threadle::wasi::WasiCtxBuilder::new();
    builder.preopened_dir("/proc", "/", threadle::wasi::FsPerms::ReadOnly).unwrap();
    let mut guest = Guest::new(&mut builder);
    for path in ["self/root", "self/cwd", "self/root/etc/passwd", "thread-self/root"] {
        assert!(guest.open(path, 0, FD_READ).is_err(), "{path}");
        assert!(guest.open(path, DIRECTORY, 0).is_err(), "{path}");
    }
}

#[cfg(unix)]
#[test]
fn not_by_racing() {
    use std::sync::atomic::{AtomicBool, Ordering};
    // A host thread keeps swapping a directory for a link that leads out.
    let mut jail = Jail::new();
    let inside = jail.outside.join("inside");
    fs::create_dir(inside.join("real")).unwrap();
    fs::write(inside.join("real/secret"), "harmless").unwrap();
    std::os::unix::fs::symlink("..", inside.join("evil")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let at = |name| inside.join(name);
            while !stop.load(Ordering::Relaxed) {
                fs::rename(at("real"), at("swap")).unwrap();
                fs::rename(at("evil"), at("real")).unwrap();
                fs::rename(at("real"), at("evil")).unwrap();
                fs::rename(at("swap"), at("real")).unwrap();
            }
        });
        let mut opened = 0;
        let mut tries = 0;
        // On a busy machine the other thread may stay away for long with the directory swapped out.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(120);
        while tries < 3000 || (opened == 0 && std::time::Instant::now() < patience) {
            tries += 1;
            if let Ok(file) = jail.guest.open("real/secret", 0, FD_READ) {
                let content = jail.guest.read(file, 100);
                stop.store(content != Ok(b"harmless".to_vec()), Ordering::Relaxed);
                assert_eq!(content, Ok(b"harmless".to_vec()));
                jail.guest.close(file).unwrap();
                opened += 1;
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(opened > 0);
    });
}
