//! `fd_readdir`.

use std::collections::BTreeSet;
use std::fs;

use crate::harness::*;

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    next: u64,
    ino: u64,
    filetype: u8,
    name: String,
}

/// One call: the bytes that the buffer of `room` got.
fn read_dir(guest: &mut Guest, fd: u64, room: u64, cookie: u64) -> Result<Vec<u8>> {
    guest.call("fd_readdir", [fd, DATA, room, cookie, OUT])?;
    let used = guest.get_u32(OUT).into();
    assert!(used <= room);
    Ok(guest.get(DATA, used))
}

/// The whole entries in `bytes`.
fn parse(mut bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    while bytes.len() >= 24 {
        let (head, rest) = bytes.split_at(24);
        let len = u32::from_le_bytes(head[16..20].try_into().unwrap()) as usize;
        if rest.len() < len {
            break;
        }
        assert_eq!(head[21..24], [0; 3], "padding");
        entries.push(Entry {
            next: u64::from_le_bytes(head[..8].try_into().unwrap()),
            ino: u64::from_le_bytes(head[8..16].try_into().unwrap()),
            filetype: head[20],
            name: String::from_utf8(rest[..len].to_vec()).unwrap(),
        });
        bytes = &rest[len..];
    }
    entries
}

/// Lists `fd` as C libraries do: with a buffer of `room`, going on behind the last whole entry.
fn list(guest: &mut Guest, fd: u64, room: u64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let cookie = entries.last().map_or(0, |entry| entry.next);
        let bytes = read_dir(guest, fd, room, cookie).unwrap();
        let more = parse(&bytes);
        assert!(!more.is_empty() || (bytes.len() as u64) < room, "the buffer is too small");
        entries.extend(more);
        if (bytes.len() as u64) < room {
            return entries;
        }
    }
}

#[test]
fn an_empty_directory_has_two_entries() {
    let (_dir, mut guest) = Guest::in_folder();
    let entries = list(&mut guest, ROOT, 4096);
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, [".", ".."]);
    let root = guest.stat(ROOT).unwrap();
    for entry in &entries {
        // The parent's number would be a fact about the host.
        assert_eq!((entry.filetype, entry.ino), (3, root.ino));
    }
    assert_eq!((entries[0].next, entries[1].next), (1, 2));
}

#[test]
fn entries_tell_kind_and_inode() {
    let (dir, mut guest) = Guest::in_folder();
    fs::write(dir.join("file"), "").unwrap();
    fs::create_dir(dir.join("dir")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("file", dir.join("link")).unwrap();
    let entries = list(&mut guest, ROOT, 4096);
    for (name, filetype) in [("file", 4), ("dir", 3), ("link", 7)] {
        if cfg!(not(unix)) && name == "link" {
            continue;
        }
        let entry = entries.iter().find(|entry| entry.name == name).unwrap();
        assert_eq!(entry.filetype, filetype);
        assert_eq!(entry.ino, guest.path_stat(name, false).unwrap().ino);
    }
}

#[test]
fn many_entries_come_once_each_whatever_the_buffer() {
    const COUNT: usize = 1500;
    let (dir, mut guest) = Guest::in_folder();
    for index in 0..COUNT {
        fs::write(dir.join(&format!("{index}-{}", "x".repeat(index % 40))), "").unwrap();
    }
    for room in [80, 128, 1000, 4096, DATA_LEN] {
        let fd = guest.open(".", DIRECTORY, 0).unwrap();
        let entries = list(&mut guest, fd, room);
        assert_eq!(entries.len(), COUNT + 2, "room {room}");
        let names: BTreeSet<_> = entries.iter().map(|entry| &entry.name).collect();
        assert_eq!(names.len(), COUNT + 2, "room {room}");
        guest.close(fd).unwrap();
    }
}

#[test]
fn an_entry_that_does_not_fit_is_cut_and_can_be_had_again() {
    let (dir, mut guest) = Guest::in_folder();
    fs::write(dir.join("a-rather-long-name"), "").unwrap();
    // `.` takes 25 bytes and `..` 26.
    let full = read_dir(&mut guest, ROOT, 4096, 0).unwrap();
    assert_eq!(full.len(), 25 + 26 + 24 + 18);
    for room in 0..full.len() as u64 {
        assert_eq!(read_dir(&mut guest, ROOT, room, 0).unwrap(), full[..room as usize]);
    }
    for room in [0, 1, 23, 24, 30, 41] {
        let bytes = read_dir(&mut guest, ROOT, room, 2).unwrap();
        assert_eq!(bytes, full[51..51 + room as usize]);
    }
    assert_eq!(read_dir(&mut guest, ROOT, 100, 2).unwrap(), full[51..]);
    assert_eq!(read_dir(&mut guest, ROOT, 100, 3).unwrap(), []);
}

#[test]
fn cookies_go_back_and_forth() {
    let (dir, mut guest) = Guest::in_folder();
    for index in 0..20 {
        fs::write(dir.join(&index.to_string()), "").unwrap();
    }
    let entries = list(&mut guest, ROOT, 4096);
    assert_eq!(entries.len(), 22);
    for cookie in [5, 0, 21, 1, 13, 13, 2] {
        let bytes = read_dir(&mut guest, ROOT, 4096, cookie as u64).unwrap();
        assert_eq!(parse(&bytes), entries[cookie..]);
    }
    for cookie in [22, 23, 1 << 32, u64::MAX] {
        assert_eq!(read_dir(&mut guest, ROOT, 4096, cookie).unwrap(), []);
    }
    assert_eq!(parse(&read_dir(&mut guest, ROOT, 4096, 0).unwrap()), entries);
}

#[test]
fn a_new_listing_sees_new_files() {
    let (dir, mut guest) = Guest::in_folder();
    assert_eq!(list(&mut guest, ROOT, 4096).len(), 2);
    fs::write(dir.join("new"), "").unwrap();
    assert_eq!(list(&mut guest, ROOT, 4096).len(), 3);
    fs::remove_file(dir.join("new")).unwrap();
    assert_eq!(list(&mut guest, ROOT, 4096).len(), 2);
}

#[test]
fn removing_while_listing_misses_nothing() {
    const COUNT: usize = 500;
    let (dir, mut guest) = Guest::in_folder();
    for index in 0..COUNT {
        fs::write(dir.join(&format!("file{index}")), "").unwrap();
    }
    let mut cookie = 0;
    let mut removed = 0;
    loop {
        let entries = parse(&read_dir(&mut guest, ROOT, 200, cookie).unwrap());
        let Some(last) = entries.last() else { break };
        cookie = last.next;
        for entry in entries.iter().filter(|entry| entry.filetype == 4) {
            guest.on_path("path_unlink_file", &entry.name).unwrap();
            removed += 1;
        }
    }
    assert_eq!(removed, COUNT);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_unicode_are_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let (dir, mut guest) = Guest::in_folder();
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    fs::write(dir.path().join(name), "").unwrap();
    fs::write(dir.join("good"), "").unwrap();
    let entries = list(&mut guest, ROOT, 4096);
    let names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, [".", "..", "good"]);
}

#[test]
fn only_directories_have_entries() {
    let (_dir, mut guest) = Guest::in_folder();
    let file = guest.open("file", CREAT, FD_READ).unwrap();
    for fd in [file, STDIN, 77] {
        assert_eq!(read_dir(&mut guest, fd, 100, 0), Err(errno::BADF));
    }
}

#[test]
fn listing_a_removed_directory_does_not_hang() {
    let (dir, mut guest) = Guest::in_folder();
    fs::create_dir(dir.join("gone")).unwrap();
    let fd = guest.open("gone", DIRECTORY, 0).unwrap();
    fs::remove_dir(dir.join("gone")).unwrap();
    if let Ok(bytes) = read_dir(&mut guest, fd, 1000, 0) {
        assert!(parse(&bytes).len() <= 2);
    }
}
