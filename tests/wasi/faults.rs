//! Hostile arguments: pointers out of memory, lengths beyond it, and nonsense.

use threadle::wasi::{FsPerms, MemoryInputPipe, WasiCtxBuilder};

use crate::harness::*;

/// An argument of a call that would succeed.
#[derive(Clone, Copy)]
enum Arg {
    /// Not a pointer.
    N(u64),
    /// A pointer to this many bytes that the call reads or writes.
    P(u64, u64),
}

use Arg::{N, P};

/// The descriptors of the guest below.
const FILE: u64 = 4;

/// A call of every function that takes a pointer, with its pointers marked.
fn calls() -> Vec<(&'static str, Vec<Arg>)> {
    let path = [P(PATH, 4), N(4)];
    let path2 = [P(PATH2, 3), N(3)];
    let link = [P(PATH2 + 8, 4), N(4)];
    vec![
        ("args_get", vec![P(OUT, 8), P(DATA, 6)]),
        ("args_sizes_get", vec![P(OUT, 4), P(OUT + 4, 4)]),
        ("environ_get", vec![P(OUT, 4), P(DATA, 4)]),
        ("environ_sizes_get", vec![P(OUT, 4), P(OUT + 4, 4)]),
        ("clock_res_get", vec![N(0), P(OUT, 8)]),
        ("clock_time_get", vec![N(0), N(0), P(OUT, 8)]),
        ("fd_fdstat_get", vec![N(FILE), P(OUT, 24)]),
        ("fd_filestat_get", vec![N(FILE), P(OUT, 64)]),
        ("fd_pread", vec![N(FILE), P(IOVS, 8), N(1), N(0), P(OUT, 4)]),
        ("fd_prestat_get", vec![N(ROOT), P(OUT, 8)]),
        ("fd_prestat_dir_name", vec![N(ROOT), P(DATA, 1), N(1)]),
        ("fd_pwrite", vec![N(FILE), P(IOVS, 8), N(1), N(0), P(OUT, 4)]),
        ("fd_read", vec![N(FILE), P(IOVS, 8), N(1), P(OUT, 4)]),
        ("fd_readdir", vec![N(ROOT), P(DATA, 64), N(64), N(0), P(OUT, 4)]),
        ("fd_seek", vec![N(FILE), N(0), N(0), P(OUT, 8)]),
        ("fd_tell", vec![N(FILE), P(OUT, 8)]),
        ("fd_write", vec![N(FILE), P(IOVS, 8), N(1), P(OUT, 4)]),
        ("path_create_directory", [&[N(ROOT)], &path2[..]].concat()),
        ("path_filestat_get", [&[N(ROOT), N(0)], &path[..], &[P(OUT, 64)]].concat()),
        ("path_filestat_set_times", [&[N(ROOT), N(0)], &path[..], &[N(0), N(0), N(0)]].concat()),
        ("path_link", [&[N(ROOT), N(0)], &path[..], &[N(ROOT)], &path2[..]].concat()),
        ("path_open", [&[N(ROOT), N(0)], &path[..], &[N(0), N(2), N(0), N(0), P(OUT, 4)]].concat()),
        ("path_readlink", [&[N(ROOT)], &link[..], &[P(DATA, 4), N(4), P(OUT, 4)]].concat()),
        ("path_remove_directory", [&[N(ROOT)], &path2[..]].concat()),
        ("path_rename", [&[N(ROOT)], &path[..], &[N(ROOT)], &path2[..]].concat()),
        ("path_symlink", [&path[..], &[N(ROOT)], &path2[..]].concat()),
        ("path_unlink_file", [&[N(ROOT)], &path2[..]].concat()),
        ("poll_oneoff", vec![P(PATH2 + 64, 48), P(DATA, 32), N(1), P(OUT, 4)]),
        ("random_get", vec![P(DATA, 16), N(16)]),
    ]
}

/// A guest for which all of `calls` succeed, one at a time.
fn guest(dir: &TempDir) -> Guest {
    let mut builder = WasiCtxBuilder::new();
    builder
        .args(&["a", "bcd"])
        .env("K", "v")
        .stdin(MemoryInputPipe::new("input"))
        .preopened_dir(dir.path(), "/", FsPerms::ReadWrite)
        .unwrap();
    let mut guest = Guest::new(&mut builder);
    assert_eq!(guest.open("file", CREAT, FD_READ | FD_WRITE), Ok(FILE));
    guest.write(FILE, b"some data").unwrap();
    guest.path("file");
    guest.path2("new");
    guest.put(PATH2 + 8, b"link");
    guest.iovs(&[(DATA + 100, 4)]);
    guest
}

#[test]
fn every_pointer_is_checked_before_anything_happens() {
    for (name, args) in calls() {
        let dir = TempDir::new();
        let mut guest = guest(&dir);
        if name == "path_remove_directory" {
            guest.on_path("path_create_directory", "new").unwrap();
            guest.path("file");
        }
        if name == "path_unlink_file" {
            std::fs::write(dir.join("new"), "").unwrap();
        }
        if name == "path_readlink" {
            if cfg!(not(unix)) {
                continue;
            }
            guest.symlink("file", "link").unwrap();
            guest.path("file");
            guest.put(PATH2 + 8, b"link");
        }
        let position = guest.tell(FILE).unwrap();
        let plain: Vec<u64> = args
            .iter()
            .map(|arg| match arg {
                N(value) | P(value, _) => *value,
            })
            .collect();
        for (index, arg) in args.iter().enumerate() {
            let P(_, len) = *arg else { continue };
            for bad in [
                MEMORY - len + 1,
                MEMORY,
                1 << 31,
                u64::from(u32::MAX) - len + 1,
                u64::from(u32::MAX),
            ] {
                let mut hostile = plain.clone();
                hostile[index] = bad;
                let result = guest.try_call(name, &hostile).unwrap();
                assert_eq!(result, errno::FAULT, "{name}, argument {index} at {bad:#x}");
            }
        }
        assert_eq!(guest.tell(FILE), Ok(position), "{name}");
        assert_eq!(guest.close(FILE + 1), Err(errno::BADF), "{name}");
        assert_eq!(guest.try_call(name, &plain).unwrap(), errno::SUCCESS, "{name}");
    }
}

#[test]
fn the_last_bytes_of_memory_can_be_used() {
    for (name, args) in calls() {
        // One function at a time may put its results at the very end.
        if !["clock_time_get", "fd_filestat_get", "fd_fdstat_get", "fd_tell", "random_get"]
            .contains(&name)
        {
            continue;
        }
        let dir = TempDir::new();
        let mut guest = guest(&dir);
        let args: Vec<u64> = args
            .iter()
            .map(|arg| match arg {
                N(value) => *value,
                P(_, len) => MEMORY - len,
            })
            .collect();
        assert_eq!(guest.try_call(name, &args).unwrap(), errno::SUCCESS, "{name}");
    }
}

#[test]
fn buffers_out_of_memory_are_a_fault_and_lose_nothing() {
    let dir = TempDir::new();
    let mut guest = guest(&dir);
    for (at, len) in [
        (MEMORY, 1),
        (MEMORY - 1, 2),
        (0, MEMORY + 1),
        (1 << 31, 1 << 31),
        (DATA, u64::from(u32::MAX)),
    ] {
        // The first buffer is good; the call still does nothing.
        let [iovs, count] = guest.iovs(&[(DATA, 2), (at, len)]);
        for fd in [STDIN, STDOUT, FILE] {
            if fd != STDOUT {
                assert_eq!(guest.call("fd_read", [fd, iovs, count, OUT]), Err(errno::FAULT));
            }
            if fd != STDIN {
                assert_eq!(guest.call("fd_write", [fd, iovs, count, OUT]), Err(errno::FAULT));
            }
        }
        assert_eq!(guest.call("fd_pread", [FILE, iovs, count, 0, OUT]), Err(errno::FAULT));
        assert_eq!(guest.call("fd_pwrite", [FILE, iovs, count, 0, OUT]), Err(errno::FAULT));
    }
    assert_eq!(guest.read(STDIN, 100), Ok(b"input".to_vec()));
    assert_eq!(guest.pread(FILE, 100, 0), Ok(b"some data".to_vec()));
}

#[test]
fn huge_counts_are_a_fault() {
    let dir = TempDir::new();
    let mut guest = guest(&dir);
    for count in [u64::from(u32::MAX), 1 << 31, 1 << 29, MEMORY / 8 + 1] {
        assert_eq!(guest.call("fd_write", [STDOUT, 0, count, OUT]), Err(errno::FAULT));
        assert_eq!(guest.call("fd_read", [STDIN, 0, count, OUT]), Err(errno::FAULT));
        assert_eq!(guest.call("fd_pread", [FILE, 0, count, 0, OUT]), Err(errno::FAULT));
        assert_eq!(guest.call("fd_pwrite", [FILE, 0, count, 0, OUT]), Err(errno::FAULT));
    }
    let huge = u64::from(u32::MAX);
    assert_eq!(guest.call("random_get", [0, huge]), Err(errno::FAULT));
    assert_eq!(guest.call("fd_readdir", [ROOT, 0, huge, 0, OUT]), Err(errno::FAULT));
    let open = [ROOT, 0, 0, huge, 0, 0, 0, 0, OUT];
    assert_eq!(guest.call("path_open", open), Err(errno::FAULT));
}

#[test]
fn a_closed_or_unknown_descriptor_is_bad_everywhere() {
    let dir = TempDir::new();
    let mut guest = guest(&dir);
    for (name, params) in FUNCTIONS {
        if !name.starts_with("fd_") && !name.starts_with("path_") {
            continue;
        }
        for fd in [FILE + 1, u64::from(u32::MAX), 1 << 31] {
            let mut args: Vec<u64> = vec![0; params.len()];
            args[if name == "path_symlink" { 2 } else { 0 }] = fd;
            assert_eq!(guest.try_call(name, &args).unwrap(), errno::BADF, "{name}");
        }
    }
}

/// A small generator of pseudo-random numbers (xorshift64*), fixed so that a failure repeats.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Mostly numbers that mean something to some parameter.
    fn argument(&mut self) -> u64 {
        match self.next() % 12 {
            0..=3 => self.next() % 8,
            4..=6 => self.next() % MEMORY,
            7 => MEMORY - self.next() % 16,
            8 => 1 << (self.next() % 64),
            9 => (1u64 << (self.next() % 64)).wrapping_neg(),
            10 => [PATH, PATH2, IOVS, DATA][(self.next() % 4) as usize],
            _ => self.next(),
        }
    }
}

#[test]
fn nonsense_never_traps() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    // Descriptors are soon closed and files soon gone, so start again now and then.
    for _ in 0..40 {
        let dir = TempDir::new();
        let mut guest = guest(&dir);
        for (index, path) in ["file", "a/..", "new", "../x", "./dir"].iter().enumerate() {
            guest.put(PATH + 16 * index as u64, path.as_bytes());
            guest.put(PATH2 + 16 * index as u64, path.as_bytes());
        }
        guest.iovs(&[(DATA, 5), (DATA + 100, 3), (MEMORY - 5, 5)]);
        for _ in 0..500 {
            let (name, params) = FUNCTIONS[(numbers.next() % FUNCTIONS.len() as u64) as usize];
            // These would end the program, sleep, or take the disk's space.
            if ["proc_exit", "poll_oneoff", "fd_allocate"].contains(&name) {
                continue;
            }
            let args: Vec<u64> = params.chars().map(|_| numbers.argument()).collect();
            let errno = guest.try_call(name, &args).unwrap();
            assert!(errno <= 76, "{name} returned {errno}");
        }
    }
}
