//! Reading, writing and everything else that is done with an open file.

use std::fs;

use threadle::wasi::FsPerms;

use crate::harness::*;

#[test]
fn what_is_written_is_read_back() {
    let (dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT | EXCL, FD_READ | FD_WRITE).unwrap();
    assert_eq!(guest.write(file, b"hello"), Ok(5));
    assert_eq!(guest.write(file, b" world"), Ok(6));
    assert_eq!(guest.tell(file), Ok(11));
    assert_eq!(guest.read(file, 10), Ok(vec![]), "at the end");
    assert_eq!(guest.seek(file, 4, 0), Ok(4));
    assert_eq!(guest.read(file, 3), Ok(b"o w".to_vec()));
    assert_eq!(guest.tell(file), Ok(7));
    assert_eq!(guest.read(file, 0), Ok(vec![]));
    assert_eq!(guest.write(file, b""), Ok(0));
    guest.close(file).unwrap();
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"hello world");
}

#[test]
fn positional_access_leaves_the_position_alone() {
    let (dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    guest.write(file, b"0123456789").unwrap();
    guest.seek(file, 3, 0).unwrap();
    assert_eq!(guest.pwrite(file, b"ab", 6), Ok(2));
    assert_eq!(guest.pread(file, 4, 5), Ok(b"5ab8".to_vec()));
    assert_eq!(guest.pread(file, 4, 8), Ok(b"89".to_vec()));
    assert_eq!(guest.pread(file, 4, 100), Ok(vec![]));
    assert_eq!(guest.tell(file), Ok(3));
    assert_eq!(guest.read(file, 2), Ok(b"34".to_vec()));
    // Several buffers, the last of which is filled in part.
    let [iovs, count] = guest.iovs(&[(DATA + 8, 2), (DATA, 4), (DATA + 20, 8)]);
    guest.call("fd_pread", [file, iovs, count, 1, OUT]).unwrap();
    assert_eq!(guest.get_u32(OUT), 9);
    assert_eq!(guest.get(DATA + 8, 2), b"12");
    assert_eq!(guest.get(DATA, 4), b"345a");
    assert_eq!(guest.get(DATA + 20, 3), b"b89");
    guest.call("fd_pwrite", [file, iovs, 2, 10, OUT]).unwrap();
    assert_eq!(guest.get_u32(OUT), 6);
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"012345ab8912345a");
    // Offsets that no file can have.
    for offset in [u64::MAX, 1 << 63] {
        assert_eq!(guest.pread(file, 1, offset), Err(errno::INVAL));
        assert_eq!(guest.pwrite(file, b"x", offset), Err(errno::INVAL));
    }
}

#[test]
fn seeking_knows_three_origins() {
    let (_dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    guest.write(file, b"0123456789").unwrap();
    assert_eq!(guest.seek(file, 2, 0), Ok(2));
    assert_eq!(guest.seek(file, 3, 1), Ok(5));
    assert_eq!(guest.seek(file, -1, 1), Ok(4));
    assert_eq!(guest.seek(file, -2, 2), Ok(8));
    assert_eq!(guest.seek(file, 5, 2), Ok(15));
    for (offset, whence) in [(-1, 0), (-16, 1), (-11, 2), (i64::MIN, 1), (0, 3)] {
        assert_eq!(guest.seek(file, offset, whence), Err(errno::INVAL), "{offset} {whence}");
    }
    assert_eq!(guest.tell(file), Ok(15));
    assert_eq!(guest.read(file, 1), Ok(vec![]));
    // A write behind the end leaves a hole of zeros.
    guest.write(file, b"x").unwrap();
    assert_eq!(guest.pread(file, 16, 9), Ok(b"9\0\0\0\0\0x".to_vec()));
    assert_eq!(guest.seek(ROOT, 0, 0), Err(errno::BADF));
    // Whatever else is wrong.
    assert_eq!(guest.seek(ROOT, -1, 0), Err(errno::BADF));
    assert_eq!(guest.seek(999, 0, 9), Err(errno::BADF));
    assert_eq!(guest.tell(ROOT), Err(errno::BADF));
}

#[test]
fn appending_ignores_the_position() {
    let (dir, mut guest) = Guest::in_folder();
    fs::write(dir.join("file"), "start").unwrap();
    let file = guest.open_at(ROOT, "file", 0, FD_READ | FD_WRITE, APPEND, true).unwrap();
    assert_eq!(guest.write(file, b"+1"), Ok(2));
    guest.seek(file, 0, 0).unwrap();
    assert_eq!(guest.write(file, b"+2"), Ok(2));
    assert_eq!(guest.tell(file), Ok(9));
    guest.call("fd_fdstat_set_flags", [file, 0]).unwrap();
    guest.seek(file, 0, 0).unwrap();
    assert_eq!(guest.write(file, b"S"), Ok(1));
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"Start+1+2");
    // The two at once, which some hosts' open calls refuse.
    let file = guest.open_at(ROOT, "file", TRUNC, FD_WRITE, APPEND, true).unwrap();
    guest.write(file, b"new").unwrap();
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"new");
}

#[cfg(target_os = "linux")]
#[test]
fn files_can_be_opened_for_synchronised_writing() {
    let (_dir, mut guest) = Guest::in_folder();
    const DSYNC: u64 = 2;
    const SYNC: u64 = 16;
    for (index, flags) in [DSYNC, SYNC].into_iter().enumerate() {
        let name = index.to_string();
        let file = guest.open_at(ROOT, &name, CREAT, FD_WRITE, flags, true).unwrap();
        assert_eq!(guest.write(file, b"x"), Ok(1));
        assert_eq!(guest.fdstat(file).unwrap().flags, flags);
        // The flag may be repeated but not changed.
        assert_eq!(guest.call("fd_fdstat_set_flags", [file, flags | APPEND]), Ok(()));
        assert_eq!(guest.call("fd_fdstat_set_flags", [file, 0]), Err(errno::INVAL));
    }
}

#[test]
fn the_size_can_be_set() {
    let (dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    guest.write(file, b"0123456789").unwrap();
    assert_eq!(guest.call("fd_filestat_set_size", [file, 4]), Ok(()));
    assert_eq!(guest.stat(file).unwrap().size, 4);
    assert_eq!(guest.tell(file), Ok(10), "the position stays");
    assert_eq!(guest.call("fd_filestat_set_size", [file, 6]), Ok(()));
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"0123\0\0");
    assert_eq!(guest.call("fd_filestat_set_size", [file, u64::MAX]), Err(errno::FBIG));
    assert_eq!(guest.call("fd_filestat_set_size", [ROOT, 0]), Err(errno::BADF));
}

#[test]
fn a_file_created_for_reading_keeps_its_size() {
    let (dir, mut guest) = Guest::in_folder();
    // Found by fuzzing: as the host creates files, its handle could do it.
    let made = guest.open("file", CREAT, FD_READ).unwrap();
    assert_eq!(guest.call("fd_filestat_set_size", [made, 9]), Err(errno::INVAL));
    let found = guest.open("file", 0, FD_READ).unwrap();
    assert_eq!(guest.call("fd_filestat_set_size", [found, 9]), Err(errno::INVAL));
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"");
}

#[cfg(target_os = "linux")]
#[test]
fn space_can_be_allocated() {
    let (_dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    guest.write(file, b"abc").unwrap();
    assert_eq!(guest.call("fd_allocate", [file, 0, 100]), Ok(()));
    assert_eq!(guest.stat(file).unwrap().size, 100);
    assert_eq!(guest.call("fd_allocate", [file, 10, 20]), Ok(()));
    assert_eq!(guest.stat(file).unwrap().size, 100, "it never shrinks");
    assert_eq!(guest.pread(file, 4, 0), Ok(b"abc\0".to_vec()));
    assert_eq!(guest.call("fd_allocate", [file, 0, 0]), Err(errno::INVAL));
    assert_eq!(guest.call("fd_allocate", [file, u64::MAX, 2]), Err(errno::FBIG));
    assert_eq!(guest.call("fd_allocate", [file, 1 << 62, 1 << 62]), Err(errno::FBIG));
    let read = guest.open("file", 0, FD_READ).unwrap();
    assert_eq!(guest.call("fd_allocate", [read, 0, 200]), Err(errno::BADF));
    assert_eq!(guest.call("fd_allocate", [ROOT, 0, 200]), Err(errno::BADF));
}

#[test]
fn advice_is_taken_for_what_it_is() {
    let (_dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    for advice in 0..=5 {
        assert_eq!(guest.call("fd_advise", [file, 0, 100, advice]), Ok(()));
    }
    assert_eq!(guest.call("fd_advise", [file, 5, 0, 3]), Ok(()));
    assert_eq!(guest.call("fd_advise", [file, 0, 100, 6]), Err(errno::INVAL));
    assert_eq!(guest.call("fd_advise", [ROOT, 0, 0, 0]), Err(errno::BADF));
}

#[test]
fn files_can_be_synchronised() {
    let (_dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    guest.write(file, b"abc").unwrap();
    for function in ["fd_sync", "fd_datasync"] {
        assert_eq!(guest.call(function, [file]), Ok(()));
        assert_eq!(guest.call(function, [ROOT]), Err(errno::BADF));
        assert_eq!(guest.call(function, [77]), Err(errno::BADF));
    }
}

#[test]
fn attributes_are_the_hosts() {
    let (dir, mut guest) = Guest::in_folder();
    fs::write(dir.join("file"), "12345").unwrap();
    fs::create_dir(dir.join("dir")).unwrap();
    let file = guest.open("file", 0, FD_READ).unwrap();
    let stat = guest.stat(file).unwrap();
    assert_eq!((stat.filetype, stat.size, stat.nlink), (4, 5, 1));
    assert_eq!(stat, guest.path_stat("file", false).unwrap());
    let metadata = fs::metadata(dir.join("file")).unwrap();
    let since_epoch = |time: std::time::SystemTime| {
        time.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    };
    assert_eq!(stat.mtim, since_epoch(metadata.modified().unwrap()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!((stat.dev, stat.ino), (metadata.dev(), metadata.ino()));
        let ctim = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
        assert_eq!(stat.ctim, ctim as u64);
    }
    let other = guest.path_stat("dir", true).unwrap();
    assert_eq!((other.filetype, other.dev), (3, stat.dev));
    assert_ne!(other.ino, stat.ino);
    assert_eq!(guest.path_stat("missing", true), Err(errno::NOENT));
    assert_eq!(guest.path_stat("file/", true), Err(errno::NOTDIR));
    assert_eq!(guest.stat(77), Err(errno::BADF));
    let root = guest.stat(ROOT).unwrap();
    assert_eq!(root, guest.path_stat(".", true).unwrap());
}

const ATIM: u64 = 1;
const ATIM_NOW: u64 = 2;
const MTIM: u64 = 4;
const MTIM_NOW: u64 = 8;

#[test]
fn times_can_be_set_by_descriptor_and_by_path() {
    let (dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    fs::create_dir(dir.join("dir")).unwrap();
    let opened = guest.open("dir", DIRECTORY, 0).unwrap();
    for (fd, path) in [(file, "file"), (opened, "dir")] {
        let set = [fd, 1_000_000_000, 2_000_000_000, ATIM | MTIM];
        assert_eq!(guest.call("fd_filestat_set_times", set), Ok(()));
        let stat = guest.stat(fd).unwrap();
        assert_eq!((stat.atim, stat.mtim), (1_000_000_000, 2_000_000_000));

        let [at, len] = guest.path(path);
        let set = [ROOT, 0, at, len, 7_000_000_000, 3_000_000_000, MTIM];
        assert_eq!(guest.call("path_filestat_set_times", set), Ok(()));
        let stat = guest.stat(fd).unwrap();
        assert_eq!((stat.atim, stat.mtim), (1_000_000_000, 3_000_000_000));

        let set = [fd, 0, 0, MTIM_NOW];
        assert_eq!(guest.call("fd_filestat_set_times", set), Ok(()));
        let stat = guest.stat(fd).unwrap();
        assert_eq!(stat.atim, 1_000_000_000);
        assert!(stat.mtim > 1_000_000_000_000_000_000, "{stat:?}");

        for flags in [ATIM | ATIM_NOW, MTIM | MTIM_NOW, 16] {
            let set = [fd, 0, 0, flags];
            assert_eq!(guest.call("fd_filestat_set_times", set), Err(errno::INVAL));
            let set = [ROOT, 0, at, len, 0, 0, flags];
            assert_eq!(guest.call("path_filestat_set_times", set), Err(errno::INVAL));
        }
    }
    let [at, len] = guest.path("missing");
    let set = [ROOT, 1, at, len, 0, 0, MTIM_NOW];
    assert_eq!(guest.call("path_filestat_set_times", set), Err(errno::NOENT));
}

#[cfg(unix)]
#[test]
fn times_can_be_set_on_a_link_or_through_it() {
    let (_dir, mut guest) = Guest::in_folder();
    guest.open("file", CREAT, 0).unwrap();
    guest.symlink("file", "link").unwrap();
    let [at, len] = guest.path("link");
    for (follow, time) in [(1, 5_000_000_000), (0, 6_000_000_000)] {
        let set = [ROOT, follow, at, len, 0, time, MTIM];
        assert_eq!(guest.call("path_filestat_set_times", set), Ok(()));
    }
    assert_eq!(guest.path_stat("link", true).unwrap().mtim, 5_000_000_000);
    assert_eq!(guest.path_stat("link", false).unwrap().mtim, 6_000_000_000);
    assert_eq!(guest.path_stat("file", true).unwrap().mtim, 5_000_000_000);
}

#[cfg(unix)]
#[test]
fn times_before_1970_read_as_1970() {
    let (dir, mut guest) = Guest::in_folder();
    let file = fs::File::create(dir.join("old")).unwrap();
    let old = std::time::UNIX_EPOCH - std::time::Duration::from_millis(1500);
    file.set_times(fs::FileTimes::new().set_modified(old)).unwrap();
    let stat = guest.path_stat("old", true).unwrap();
    assert_eq!(stat.mtim, 0);
}

#[test]
fn a_read_only_directory_stays_as_it_is() {
    let dir = TempDir::new();
    fs::write(dir.join("file"), "content").unwrap();
    fs::create_dir(dir.join("empty")).unwrap();
    let mut guest = Guest::with_perms(&dir, FsPerms::ReadOnly);
    // Looking is allowed.
    let file = guest.open("file", 0, FD_READ).unwrap();
    assert_eq!(guest.read(file, 20), Ok(b"content".to_vec()));
    assert_eq!(guest.path_stat("file", true).unwrap().size, 7);
    // Whatever would change something is not, also below an opened directory.
    let opened = guest.open(".", DIRECTORY, 0).unwrap();
    for dir in [ROOT, opened] {
        for (oflags, rights) in [(0, FD_WRITE), (CREAT, FD_READ), (TRUNC, 0), (CREAT | EXCL, 0)] {
            for path in ["file", "other"] {
                let result = guest.open_at(dir, path, oflags, rights, 0, true);
                assert_eq!(result, Err(errno::PERM), "{path} {oflags} {rights}");
            }
        }
        for (function, path) in [
            ("path_create_directory", "new"),
            ("path_remove_directory", "empty"),
            ("path_unlink_file", "file"),
        ] {
            let [at, len] = guest.path(path);
            assert_eq!(guest.call(function, [dir, at, len]), Err(errno::PERM));
        }
        let [at, len] = guest.path("file");
        let set = [dir, 0, at, len, 0, 0, MTIM];
        assert_eq!(guest.call("path_filestat_set_times", set), Err(errno::PERM));
        assert_eq!(guest.call("fd_filestat_set_times", [dir, 0, 0, MTIM]), Err(errno::PERM));
    }
    assert_eq!(guest.symlink("file", "link"), Err(errno::PERM));
    assert_eq!(guest.rename("file", "moved"), Err(errno::PERM));
    assert_eq!(guest.link("file", "linked"), Err(errno::PERM));
    assert_eq!(guest.call("fd_filestat_set_size", [file, 0]), Err(errno::PERM));
    assert_eq!(guest.call("fd_filestat_set_times", [file, 0, 0, MTIM]), Err(errno::PERM));
    assert_eq!(guest.call("fd_allocate", [file, 0, 9]), Err(errno::PERM));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"content");
}

#[test]
fn names_do_not_cross_into_or_out_of_a_read_only_directory() {
    let (writable, fixed) = (TempDir::new(), TempDir::new());
    fs::write(writable.join("w"), "w").unwrap();
    fs::write(fixed.join("r"), "r").unwrap();
    let mut builder = threadle::wasi::WasiCtxBuilder::new();
    builder
        .preopened_dir(writable.path(), "/w", FsPerms::ReadWrite)
        .unwrap()
        .preopened_dir(fixed.path(), "/r", FsPerms::ReadOnly)
        .unwrap();
    let mut guest = Guest::new(&mut builder);
    for (from, name, to) in [(3, "w", 4), (4, "r", 3)] {
        let [at, len] = guest.path(name);
        let [new, new_len] = guest.path2("new");
        let link = [from, 0, at, len, to, new, new_len];
        assert_eq!(guest.call("path_link", link), Err(errno::PERM));
        let rename = [from, at, len, to, new, new_len];
        assert_eq!(guest.call("path_rename", rename), Err(errno::PERM));
    }
    assert!(writable.join("w").exists() && fixed.join("r").exists());
}
