//! Descriptor numbers, standard streams and what descriptors say of themselves.

use std::io::Write;
use std::sync::{Arc, Mutex};

use threadle::wasi::{FsPerms, MemoryInputPipe, MemoryOutputPipe, WasiCtxBuilder};

use crate::harness::*;

const FILETYPE_UNKNOWN: u8 = 0;
const FILETYPE_DIRECTORY: u8 = 3;
const FILETYPE_REGULAR: u8 = 4;

#[test]
fn closed_numbers_are_given_out_again_lowest_first() {
    let (_dir, mut guest) = Guest::in_folder();
    for expected in 4..10 {
        assert_eq!(guest.open("file", CREAT, FD_READ), Ok(expected));
    }
    for fd in [7, 5, 9] {
        assert_eq!(guest.close(fd), Ok(()));
        assert_eq!(guest.close(fd), Err(errno::BADF));
        assert_eq!(guest.read(fd, 1), Err(errno::BADF));
    }
    for expected in [5, 7, 9, 10] {
        assert_eq!(guest.open("file", 0, FD_READ), Ok(expected));
    }
}

#[test]
fn standard_streams_and_preopens_can_be_closed() {
    let (_dir, mut guest) = Guest::in_folder();
    for fd in 0..=3 {
        assert_eq!(guest.close(fd), Ok(()));
    }
    assert_eq!(guest.write(STDOUT, b"x"), Err(errno::BADF));
    assert_eq!(guest.open("file", CREAT, FD_WRITE), Err(errno::BADF));
    assert_eq!(guest.call("fd_prestat_get", [ROOT, OUT]), Err(errno::BADF));
}

#[test]
fn closing_a_stream_drops_the_embedders_writer() {
    struct Watched(Arc<Mutex<u32>>);
    impl Write for Watched {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            Ok(buf.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            *self.0.lock().unwrap() += 1;
            Ok(())
        }
    }
    impl Drop for Watched {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 100;
        }
    }
    let seen = Arc::new(Mutex::new(0));
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(Watched(seen.clone())));
    assert_eq!(guest.call("fd_sync", [STDOUT]), Ok(()));
    assert_eq!(guest.call("fd_datasync", [STDOUT]), Ok(()));
    assert_eq!(*seen.lock().unwrap(), 2);
    assert_eq!(guest.close(STDOUT), Ok(()));
    assert_eq!(*seen.lock().unwrap(), 102);
}

#[test]
fn renumbering_replaces_the_target() {
    let (_dir, mut guest) = Guest::in_folder();
    let a = guest.open("a", CREAT, FD_READ | FD_WRITE).unwrap();
    let b = guest.open("b", CREAT, FD_READ | FD_WRITE).unwrap();
    guest.write(a, b"from a").unwrap();
    assert_eq!(guest.call("fd_renumber", [a, b]), Ok(()));
    assert_eq!(guest.tell(b), Ok(6));
    assert_eq!(guest.tell(a), Err(errno::BADF));
    assert_eq!(guest.open("c", CREAT, FD_READ), Ok(a));
    assert_eq!(guest.call("fd_renumber", [b, b]), Ok(()));
    assert_eq!(guest.call("fd_renumber", [b, 77]), Err(errno::BADF));
    assert_eq!(guest.call("fd_renumber", [77, b]), Err(errno::BADF));
    assert_eq!(guest.tell(b), Ok(6));
}

#[test]
fn output_can_be_redirected_to_a_file() {
    let (dir, mut guest) = Guest::in_folder();
    let file = guest.open("log", CREAT, FD_WRITE).unwrap();
    assert_eq!(guest.call("fd_renumber", [file, STDOUT]), Ok(()));
    assert_eq!(guest.write(STDOUT, b"text"), Ok(4));
    assert_eq!(std::fs::read(dir.join("log")).unwrap(), b"text");
}

#[test]
fn preopens_tell_their_names() {
    let dir = TempDir::new();
    let mut builder = WasiCtxBuilder::new();
    builder
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap()
        .preopened_dir(dir.path(), "/data/ü", FsPerms::ReadOnly)
        .unwrap();
    let mut guest = Guest::new(&mut builder);
    for (fd, name) in [(3, "/"), (4, "/data/ü")] {
        guest.call("fd_prestat_get", [fd, OUT]).unwrap();
        assert_eq!(guest.get(OUT, 4), [0; 4], "the tag for a directory");
        let len = u64::from(guest.get_u32(OUT + 4));
        assert_eq!(len, name.len() as u64);
        guest.call("fd_prestat_dir_name", [fd, DATA, len]).unwrap();
        assert_eq!(guest.get(DATA, len), name.as_bytes());
        let short = [fd, DATA, len - 1];
        assert_eq!(guest.call("fd_prestat_dir_name", short), Err(errno::NAMETOOLONG));
    }
    assert_eq!(guest.call("fd_prestat_get", [5, OUT]), Err(errno::BADF));
    // A directory that the program opened itself is none.
    let fd = guest.open(".", DIRECTORY, 0).unwrap();
    assert_eq!(guest.call("fd_prestat_get", [fd, OUT]), Err(errno::BADF));
    assert_eq!(guest.call("fd_prestat_dir_name", [fd, DATA, 9]), Err(errno::NOTDIR));
    assert_eq!(guest.call("fd_prestat_get", [STDIN, OUT]), Err(errno::BADF));
}

#[test]
fn descriptors_say_what_they_are_and_may() {
    let (_dir, mut guest) = Guest::in_folder();
    let read = guest.open("file", CREAT, FD_READ).unwrap();
    let both = guest.open_at(ROOT, "file", 0, FD_READ | FD_WRITE, APPEND, true).unwrap();
    let none = guest.open("file", 0, 0).unwrap();
    for (fd, filetype, transfer, flags) in [
        (STDIN, FILETYPE_UNKNOWN, FD_READ, 0),
        (STDOUT, FILETYPE_UNKNOWN, FD_WRITE, 0),
        (ROOT, FILETYPE_DIRECTORY, 0, 0),
        (read, FILETYPE_REGULAR, FD_READ, 0),
        (both, FILETYPE_REGULAR, FD_READ | FD_WRITE, APPEND),
        (none, FILETYPE_REGULAR, 0, 0),
    ] {
        let stat = guest.fdstat(fd).unwrap();
        assert_eq!(stat.filetype, filetype, "{stat:?}");
        assert_eq!(stat.rights_base & (FD_READ | FD_WRITE), transfer, "{stat:?}");
        assert_eq!(stat.flags, flags, "{stat:?}");
    }
    let root = guest.fdstat(ROOT).unwrap();
    assert_eq!(root.rights_inheriting & (FD_READ | FD_WRITE), FD_READ | FD_WRITE);
    // Seekable is how C libraries tell files from terminals.
    const SEEK_AND_TELL: u64 = 1 << 2 | 1 << 5;
    assert_eq!(guest.fdstat(STDOUT).unwrap().rights_base & SEEK_AND_TELL, 0);
    assert_eq!(guest.fdstat(read).unwrap().rights_base & SEEK_AND_TELL, SEEK_AND_TELL);
    assert_eq!(guest.fdstat(77).err(), Some(errno::BADF));
}

#[test]
fn rights_cannot_be_changed() {
    let (_dir, mut guest) = Guest::in_folder();
    for fd in [STDIN, ROOT] {
        let set = [fd, 0, 0];
        assert_eq!(guest.call("fd_fdstat_set_rights", set), Err(errno::NOTSUP));
    }
    assert_eq!(guest.call("fd_fdstat_set_rights", [77, 0, 0]), Err(errno::BADF));
}

#[test]
fn a_file_does_only_what_it_was_opened_for() {
    let (_dir, mut guest) = Guest::in_folder();
    let write = guest.open("file", CREAT, FD_WRITE).unwrap();
    let read = guest.open("file", 0, FD_READ).unwrap();
    assert_eq!(guest.write(write, b"abc"), Ok(3));
    assert_eq!(guest.read(write, 3), Err(errno::BADF));
    assert_eq!(guest.pread(write, 3, 0), Err(errno::BADF));
    assert_eq!(guest.write(read, b"abc"), Err(errno::BADF));
    assert_eq!(guest.pwrite(read, b"abc", 0), Err(errno::BADF));
    assert_eq!(guest.read(read, 9), Ok(b"abc".to_vec()));
    // Creating a file does not by itself allow writing to it.
    let created = guest.open("new", CREAT, 0).unwrap();
    assert_eq!(guest.write(created, b"x"), Err(errno::BADF));
    assert_eq!(guest.read(created, 1), Err(errno::BADF));
}

#[test]
fn streams_have_a_direction_and_no_position() {
    let output = MemoryOutputPipe::new(100);
    let mut builder = WasiCtxBuilder::new();
    builder.stdin(MemoryInputPipe::new("input")).stdout(output.clone());
    let mut guest = Guest::new(&mut builder);
    assert_eq!(guest.read(STDIN, 3), Ok(b"inp".to_vec()));
    assert_eq!(guest.read(STDIN, 9), Ok(b"ut".to_vec()));
    assert_eq!(guest.read(STDIN, 9), Ok(vec![]));
    assert_eq!(guest.write(STDIN, b"x"), Err(errno::BADF));
    assert_eq!(guest.read(STDOUT, 1), Err(errno::BADF));
    for fd in [STDIN, STDOUT] {
        assert_eq!(guest.seek(fd, 0, 1), Err(errno::SPIPE));
        assert_eq!(guest.tell(fd), Err(errno::SPIPE));
        assert_eq!(guest.pread(fd, 1, 0), Err(errno::SPIPE));
        assert_eq!(guest.pwrite(fd, b"x", 0), Err(errno::SPIPE));
        assert_eq!(guest.call("fd_advise", [fd, 0, 0, 0]), Err(errno::SPIPE));
        assert_eq!(guest.call("fd_allocate", [fd, 0, 1]), Err(errno::BADF));
        assert_eq!(guest.call("fd_filestat_set_size", [fd, 0]), Err(errno::BADF));
        assert_eq!(guest.call("fd_filestat_set_times", [fd, 0, 0, 2]), Err(errno::BADF));
        assert_eq!(guest.stat(fd).unwrap().size, 0);
    }
    assert_eq!(guest.call("fd_sync", [STDIN]), Err(errno::INVAL));
    assert!(output.contents().is_empty());
}

#[test]
fn a_full_output_takes_what_fits_and_then_has_no_space() {
    let output = MemoryOutputPipe::new(5);
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(output.clone()));
    assert_eq!(guest.write(STDOUT, b"abc"), Ok(3));
    assert_eq!(guest.write(STDOUT, b"def"), Ok(2));
    assert_eq!(guest.write(STDOUT, b"f"), Err(errno::NOSPC));
    assert_eq!(guest.write(STDOUT, b""), Ok(0));
    assert_eq!(output.contents(), b"abcde");
}

#[test]
fn vectored_transfers_use_all_buffers_in_order() {
    let output = MemoryOutputPipe::new(100);
    let mut builder = WasiCtxBuilder::new();
    builder.stdin(MemoryInputPipe::new("abcdefgh")).stdout(output.clone());
    let mut guest = Guest::new(&mut builder);
    let [iovs, count] = guest.iovs(&[(DATA + 50, 2), (DATA, 0), (DATA + 10, 3), (DATA + 30, 9)]);
    guest.call("fd_read", [STDIN, iovs, count, OUT]).unwrap();
    assert_eq!(guest.get_u32(OUT), 8);
    assert_eq!(guest.get(DATA + 50, 2), b"ab");
    assert_eq!(guest.get(DATA + 10, 3), b"cde");
    assert_eq!(guest.get(DATA + 30, 4), b"fgh\0");
    // Writing may name the same bytes twice.
    let [iovs, count] = guest.iovs(&[(DATA + 10, 3), (DATA + 50, 2), (DATA + 11, 2)]);
    guest.call("fd_write", [STDOUT, iovs, count, OUT]).unwrap();
    assert_eq!(guest.get_u32(OUT), 7);
    assert_eq!(output.contents(), b"cdeabde");
    guest.call("fd_write", [STDOUT, iovs, 0, OUT]).unwrap();
    assert_eq!(guest.get_u32(OUT), 0);
}

#[test]
fn a_write_of_very_many_buffers_is_cut_short() {
    let output = MemoryOutputPipe::new(1 << 20);
    let mut guest = Guest::new(WasiCtxBuilder::new().stdout(output.clone()));
    let array = [1u32.to_le_bytes(), 1u32.to_le_bytes()].concat().repeat(3000);
    guest.put(DATA, &array);
    guest.call("fd_write", [STDOUT, DATA, 3000, OUT]).unwrap();
    let written = guest.get_u32(OUT);
    assert!((1..3000).contains(&written), "{written}");
    assert_eq!(output.contents().len() as u32, written);
}

#[test]
fn flags_can_be_set_where_they_mean_something() {
    let (_dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    for flags in [APPEND, NONBLOCK, APPEND | NONBLOCK, 0] {
        assert_eq!(guest.call("fd_fdstat_set_flags", [file, flags]), Ok(()));
        assert_eq!(guest.fdstat(file).unwrap().flags, flags);
    }
    assert_eq!(guest.call("fd_fdstat_set_flags", [STDIN, NONBLOCK]), Ok(()));
    assert_eq!(guest.fdstat(STDIN).unwrap().flags, NONBLOCK);
    const DSYNC: u64 = 2;
    for fd in [file, STDIN] {
        assert_eq!(guest.call("fd_fdstat_set_flags", [fd, DSYNC]), Err(errno::INVAL));
        assert_eq!(guest.call("fd_fdstat_set_flags", [fd, 32]), Err(errno::INVAL));
    }
    assert_eq!(guest.call("fd_fdstat_set_flags", [ROOT, 0]), Err(errno::BADF));
    assert_eq!(guest.call("fd_fdstat_set_flags", [77, 0]), Err(errno::BADF));
}

#[test]
fn open_descriptors_are_limited() {
    let dir = TempDir::new();
    let mut builder = WasiCtxBuilder::new();
    builder.preopened_dir(dir.path(), "/", FsPerms::ReadWrite).unwrap().max_open_files(6);
    let mut guest = Guest::new(&mut builder);
    assert_eq!(guest.open("a", CREAT, FD_READ), Ok(4));
    assert_eq!(guest.open("b", CREAT, FD_READ), Ok(5));
    assert_eq!(guest.open("c", CREAT, FD_READ), Err(errno::MFILE));
    assert!(!dir.join("c").exists(), "nothing is created on the way to the error");
    assert_eq!(guest.close(4), Ok(()));
    assert_eq!(guest.open("c", CREAT, FD_READ), Ok(4));
}
