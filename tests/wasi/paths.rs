//! Creating, opening, renaming and removing names.

use std::fs;

use crate::harness::*;

#[test]
fn opening_follows_the_flags() {
    let (_dir, mut guest) = Guest::in_folder();
    assert_eq!(guest.open("file", 0, FD_READ), Err(errno::NOENT));
    let file = guest.open("file", CREAT, FD_WRITE).unwrap();
    guest.write(file, b"0123").unwrap();
    // Creating what is there opens it, unless it must be new.
    let again = guest.open("file", CREAT, FD_READ).unwrap();
    assert_eq!(guest.read(again, 9), Ok(b"0123".to_vec()));
    assert_eq!(guest.open("file", CREAT | EXCL, FD_READ), Err(errno::EXIST));
    // Truncating needs no right to write, as in other engines.
    guest.open("file", TRUNC, FD_READ).unwrap();
    assert_eq!(guest.path_stat("file", true).unwrap().size, 0);
    assert_eq!(guest.open("other", TRUNC, FD_WRITE), Err(errno::NOENT));
    assert_eq!(guest.open("", 0, FD_READ), Err(errno::NOENT));
    assert_eq!(guest.open("file", 16, FD_READ), Err(errno::INVAL));
    assert_eq!(guest.open_at(ROOT, "file", 0, FD_READ, 32, true), Err(errno::INVAL));
    let [at, len] = guest.path("file");
    let bad_lookup = [ROOT, 2, at, len, 0, FD_READ, 0, 0, OUT];
    assert_eq!(guest.call("path_open", bad_lookup), Err(errno::INVAL));
    // Rights that nobody defined are ignored: programs ask for all bits.
    assert!(guest.open("file", 0, u64::MAX).is_ok());
}

#[test]
fn directories_open_as_directories() {
    let (dir, mut guest) = Guest::in_folder();
    fs::create_dir_all(dir.join("a/b")).unwrap();
    fs::write(dir.join("a/b/file"), "deep").unwrap();
    fs::write(dir.join("file"), "").unwrap();
    let a = guest.open("a", DIRECTORY, 0).unwrap();
    assert_eq!(guest.fdstat(a).unwrap().filetype, 3);
    let b = guest.open_at(a, "b", 0, FD_READ, 0, false).unwrap();
    assert_eq!(guest.fdstat(b).unwrap().filetype, 3, "also without the flag");
    let file = guest.open_at(b, "file", 0, FD_READ, 0, false).unwrap();
    assert_eq!(guest.read(file, 9), Ok(b"deep".to_vec()));
    assert_eq!(guest.read(a, 1), Err(errno::BADF));
    assert_eq!(guest.write(a, b"x"), Err(errno::BADF));

    assert_eq!(guest.open("file", DIRECTORY, 0), Err(errno::NOTDIR));
    assert_eq!(guest.open("missing", DIRECTORY, 0), Err(errno::NOENT));
    for oflags in [CREAT, EXCL, TRUNC] {
        assert_eq!(guest.open("a", DIRECTORY | oflags, 0), Err(errno::INVAL));
    }
    for (oflags, rights) in [(0, FD_WRITE), (DIRECTORY, FD_WRITE), (TRUNC, 0)] {
        assert_eq!(guest.open("a", oflags, rights), Err(errno::ISDIR));
    }
    // What is no directory has no names in it.
    assert_eq!(guest.open_at(file, "x", 0, FD_READ, 0, true), Err(errno::NOTDIR));
    assert_eq!(guest.open_at(STDIN, "x", 0, FD_READ, 0, true), Err(errno::BADF));
    assert_eq!(guest.open("file/x", 0, FD_READ), Err(errno::NOTDIR));
    assert_eq!(guest.open("file/", 0, FD_READ), Err(errno::NOTDIR));
}

#[test]
fn directories_are_made_and_removed() {
    let (dir, mut guest) = Guest::in_folder();
    assert_eq!(guest.on_path("path_create_directory", "dir"), Ok(()));
    assert_eq!(guest.on_path("path_create_directory", "dir"), Err(errno::EXIST));
    assert_eq!(guest.on_path("path_create_directory", "no/dir"), Err(errno::NOENT));
    assert_eq!(guest.on_path("path_create_directory", "dir/sub/"), Ok(()));
    assert_eq!(guest.on_path("path_remove_directory", "dir"), Err(errno::NOTEMPTY));
    assert_eq!(guest.on_path("path_unlink_file", "dir"), Err(errno::ISDIR));
    assert_eq!(guest.on_path("path_remove_directory", "dir/sub"), Ok(()));
    assert_eq!(guest.on_path("path_remove_directory", "dir//"), Ok(()));
    assert_eq!(guest.on_path("path_remove_directory", "/"), Err(errno::PERM));
    assert_eq!(guest.on_path("path_remove_directory", ""), Err(errno::NOENT));
    assert_eq!(guest.on_path("path_remove_directory", "dir"), Err(errno::NOENT));
    fs::write(dir.join("file"), "").unwrap();
    assert_eq!(guest.on_path("path_remove_directory", "file"), Err(errno::NOTDIR));
}

#[test]
fn files_are_unlinked_while_open() {
    let (dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    guest.write(file, b"still here").unwrap();
    assert_eq!(guest.on_path("path_unlink_file", "file/"), Err(errno::NOTDIR));
    assert_eq!(guest.on_path("path_unlink_file", "file"), Ok(()));
    assert_eq!(guest.on_path("path_unlink_file", "file"), Err(errno::NOENT));
    assert!(!dir.join("file").exists());
    assert_eq!(guest.pread(file, 20, 0), Ok(b"still here".to_vec()));
    assert_eq!(guest.stat(file).unwrap().nlink, 0);
}

#[test]
fn renaming_moves_and_replaces() {
    let (dir, mut guest) = Guest::in_folder();
    fs::write(dir.join("a"), "a").unwrap();
    fs::write(dir.join("b"), "b").unwrap();
    fs::create_dir(dir.join("dir")).unwrap();
    assert_eq!(guest.rename("a", "b"), Ok(()));
    assert_eq!(fs::read(dir.join("b")).unwrap(), b"a");
    assert_eq!(guest.rename("a", "c"), Err(errno::NOENT));
    assert_eq!(guest.rename("b", "dir/b"), Ok(()));
    assert_eq!(guest.rename("dir", "moved"), Ok(()));
    assert_eq!(fs::read(dir.join("moved/b")).unwrap(), b"a");
    fs::write(dir.join("file"), "").unwrap();
    assert_eq!(guest.rename("file", "moved"), Err(errno::ISDIR));
    assert_eq!(guest.rename("moved", "file"), Err(errno::NOTDIR));
    assert_eq!(guest.rename("moved", "moved/inside"), Err(errno::INVAL));
    // Between two directories of the program's.
    let moved = guest.open("moved", DIRECTORY, 0).unwrap();
    let ([from, from_len], [to, to_len]) = (guest.path("b"), guest.path2("up"));
    let rename = [moved, from, from_len, ROOT, to, to_len];
    assert_eq!(guest.call("path_rename", rename), Ok(()));
    assert_eq!(fs::read(dir.join("up")).unwrap(), b"a");
    let rename = [moved, from, from_len, 77, to, to_len];
    assert_eq!(guest.call("path_rename", rename), Err(errno::BADF));
}

#[test]
fn links_share_a_file() {
    let (dir, mut guest) = Guest::in_folder();
    fs::write(dir.join("a"), "same").unwrap();
    assert_eq!(guest.link("a", "b"), Ok(()));
    assert_eq!(guest.link("a", "b"), Err(errno::EXIST));
    assert_eq!(guest.link("missing", "c"), Err(errno::NOENT));
    assert_eq!(guest.link("a", "missing/c"), Err(errno::NOENT));
    let (a, b) = (guest.path_stat("a", true), guest.path_stat("b", true));
    assert_eq!(a, b);
    assert_eq!(a.unwrap().nlink, 2);
    // Linking through a symbolic link is not offered.
    let ([from, from_len], [to, to_len]) = (guest.path("a"), guest.path2("c"));
    let link = [ROOT, 1, from, from_len, ROOT, to, to_len];
    assert_eq!(guest.call("path_link", link), Err(errno::INVAL));
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_made_read_and_followed() {
    let (dir, mut guest) = Guest::in_folder();
    fs::write(dir.join("file"), "target").unwrap();
    fs::create_dir(dir.join("dir")).unwrap();
    assert_eq!(guest.symlink("file", "link"), Ok(()));
    assert_eq!(guest.symlink("../file", "dir/up"), Ok(()));
    assert_eq!(guest.symlink("missing", "dangling"), Ok(()));
    assert_eq!(guest.symlink("x", "link"), Err(errno::EXIST));
    assert_eq!(guest.symlink("", "empty"), Err(errno::NOENT));

    assert_eq!(guest.readlink("link", 100), Ok(b"file".to_vec()));
    assert_eq!(guest.readlink("dir/up", 100), Ok(b"../file".to_vec()));
    assert_eq!(guest.readlink("link", 2), Ok(b"fi".to_vec()), "cut to the buffer");
    assert_eq!(guest.readlink("link", 0), Ok(vec![]));
    assert_eq!(guest.readlink("file", 100), Err(errno::INVAL));
    assert_eq!(guest.readlink("none", 100), Err(errno::NOENT));

    for path in ["link", "dir/up"] {
        let file = guest.open(path, 0, FD_READ).unwrap();
        assert_eq!(guest.read(file, 9), Ok(b"target".to_vec()));
        let unfollowed = guest.open_at(ROOT, path, 0, FD_READ, 0, false);
        assert_eq!(unfollowed, Err(errno::LOOP));
    }
    assert_eq!(guest.open("dangling", 0, FD_READ), Err(errno::NOENT));
    assert_eq!(guest.path_stat("dangling", true), Err(errno::NOENT));
    let link = guest.path_stat("dangling", false).unwrap();
    assert_eq!((link.filetype, link.size), (7, 7));
    assert_eq!(guest.path_stat("link", true).unwrap().filetype, 4);
    assert_eq!(guest.open("dangling", CREAT | EXCL, FD_WRITE), Err(errno::EXIST));

    // A link to a directory is one when it is followed.
    guest.symlink("dir", "to-dir").unwrap();
    assert!(guest.open("to-dir", DIRECTORY, 0).is_ok());
    assert!(guest.open_at(ROOT, "to-dir", DIRECTORY, 0, 0, false).is_err());
    assert!(guest.open_at(ROOT, "to-dir/up", 0, FD_READ, 0, true).is_ok());
    assert_eq!(guest.on_path("path_unlink_file", "to-dir"), Ok(()));
    assert!(dir.join("dir").exists());
}

#[cfg(unix)]
#[test]
fn loops_of_links_end() {
    let (_dir, mut guest) = Guest::in_folder();
    guest.symlink("b", "a").unwrap();
    guest.symlink("a", "b").unwrap();
    guest.symlink("self/x", "self").unwrap();
    for path in ["a", "b", "self", "self/y", "a/b/c"] {
        assert_eq!(guest.open(path, 0, FD_READ), Err(errno::LOOP), "{path}");
        assert_eq!(guest.path_stat(path, true), Err(errno::LOOP), "{path}");
    }
}

#[test]
fn names_are_unicode_without_nul_and_not_too_long() {
    let (dir, mut guest) = Guest::in_folder();
    assert!(guest.open("grüße ☃", CREAT, FD_READ).is_ok());
    assert!(dir.join("grüße ☃").exists());
    assert_eq!(guest.open(b"\xff", CREAT, FD_READ), Err(errno::ILSEQ));
    assert_eq!(guest.open(b"a\0b", CREAT, FD_READ), Err(errno::INVAL));
    assert_eq!(guest.open([b'x'; 300], CREAT, FD_READ), Err(errno::NAMETOOLONG));
    assert_eq!(guest.open("x/".repeat(4000), CREAT, FD_READ), Err(errno::NAMETOOLONG));
    // A path as long as memory is refused without being looked at.
    let huge = [ROOT, 0, 0, MEMORY, 0, FD_READ, 0, 0, OUT];
    assert_eq!(guest.call("path_open", huge), Err(errno::NAMETOOLONG));
}
