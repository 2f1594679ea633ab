//! `poll_oneoff`.

use std::time::{Duration, Instant};

use threadle::wasi::{MemoryInputPipe, WasiCtxBuilder};

use crate::harness::*;

const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;
const EVENTS: u64 = DATA;
const MS: u64 = 1_000_000;

const CLOCK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;

#[derive(Debug, PartialEq, Eq)]
struct Event {
    userdata: u64,
    errno: u32,
    kind: u8,
    nbytes: u64,
    hangup: bool,
}

fn event(userdata: u64, kind: u8, nbytes: u64) -> Event {
    Event { userdata, errno: 0, kind, nbytes, hangup: false }
}

/// A subscription in its 48 bytes: user data, kind, and what `fill` puts at offset 16.
fn subscription(userdata: u64, kind: u8, fill: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    bytes[..8].copy_from_slice(&userdata.to_le_bytes());
    bytes[8] = kind;
    bytes[16..16 + fill.len()].copy_from_slice(fill);
    bytes
}

fn clock(userdata: u64, id: u32, timeout: u64, absolute: bool) -> Vec<u8> {
    let mut fill = vec![0; 32];
    fill[..4].copy_from_slice(&id.to_le_bytes());
    fill[8..16].copy_from_slice(&timeout.to_le_bytes());
    fill[24] = absolute.into();
    subscription(userdata, CLOCK, &fill)
}

fn fd(userdata: u64, kind: u8, fd: u64) -> Vec<u8> {
    subscription(userdata, kind, &(fd as u32).to_le_bytes())
}

fn poll(guest: &mut Guest, subscriptions: &[Vec<u8>]) -> Result<Vec<Event>> {
    guest.put(PATH, &subscriptions.concat());
    let count = subscriptions.len() as u64;
    guest.call("poll_oneoff", [PATH, EVENTS, count, OUT])?;
    let count = u64::from(guest.get_u32(OUT));
    let mut events = Vec::new();
    for at in (0..count).map(|index| EVENTS + 32 * index) {
        events.push(Event {
            userdata: guest.get_u64(at),
            errno: guest.get_u16(at + 8).into(),
            kind: guest.get(at + 10, 1)[0],
            nbytes: guest.get_u64(at + 16),
            hangup: guest.get_u16(at + 24) == 1,
        });
    }
    Ok(events)
}

/// The result of `poll` and how long it took.
fn timed(guest: &mut Guest, subscriptions: &[Vec<u8>]) -> (Vec<Event>, Duration) {
    let start = Instant::now();
    let events = poll(guest, subscriptions).unwrap();
    (events, start.elapsed())
}

/// Far longer than any test takes, far shorter than for ever.
const LONG: Duration = Duration::from_secs(60);

fn now(guest: &mut Guest, id: u32) -> u64 {
    guest.call("clock_time_get", [id.into(), 0, OUT]).unwrap();
    guest.get_u64(OUT)
}

#[test]
fn a_relative_timeout_is_waited_for() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for id in [REALTIME, MONOTONIC] {
        let (events, took) = timed(&mut guest, &[clock(7, id, 30 * MS, false)]);
        assert_eq!(events, [event(7, CLOCK, 0)]);
        assert!(took >= Duration::from_millis(30) && took < LONG, "{took:?}");
    }
}

#[test]
fn an_absolute_timeout_is_a_point_in_time() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for id in [REALTIME, MONOTONIC] {
        let deadline = now(&mut guest, id) + 40 * MS;
        let events = poll(&mut guest, &[clock(1, id, deadline, true)]).unwrap();
        assert_eq!(events, [event(1, CLOCK, 0)]);
        // The calendar clock may be adjusted meanwhile; the other may not.
        if id == MONOTONIC {
            assert!(now(&mut guest, id) >= deadline);
        }
        let (events, took) = timed(&mut guest, &[clock(2, id, deadline, true)]);
        assert_eq!(events, [event(2, CLOCK, 0)]);
        assert!(took < LONG, "what is past does not wait");
    }
}

#[test]
fn no_timeout_at_all_returns_at_once() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let (events, took) = timed(&mut guest, &[clock(1, MONOTONIC, 0, false)]);
    assert_eq!(events, [event(1, CLOCK, 0)]);
    assert!(took < LONG);
}

#[test]
fn the_earliest_of_several_timers_ends_the_wait() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let (events, took) = timed(
        &mut guest,
        &[
            clock(1, MONOTONIC, u64::MAX, false),
            clock(2, MONOTONIC, 20 * MS, false),
            clock(3, REALTIME, u64::MAX, true),
            clock(4, REALTIME, 10 * MS, false),
        ],
    );
    assert!(events.contains(&event(4, CLOCK, 0)), "{events:?}");
    assert!(events.iter().all(|event| [2, 4].contains(&event.userdata)), "{events:?}");
    assert!(took >= Duration::from_millis(10) && took < LONG, "{took:?}");
}

#[test]
fn what_is_ready_does_not_wait_for_timers() {
    let dir = TempDir::new();
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdin(MemoryInputPipe::new("abc"))
        .preopened_dir(dir.path(), "/", threadle::wasi::FsPerms::ReadWrite)
        .unwrap();
    let mut guest = Guest::new(&mut builder);
    let file = guest.open("file", CREAT, FD_READ | FD_WRITE).unwrap();
    guest.write(file, b"12345").unwrap();
    guest.seek(file, 2, 0).unwrap();
    let (events, took) = timed(
        &mut guest,
        &[
            clock(1, MONOTONIC, u64::MAX, false),
            fd(2, READ, STDIN),
            fd(3, WRITE, STDOUT),
            fd(4, READ, file),
            fd(5, WRITE, file),
        ],
    );
    assert!(took < LONG);
    assert_eq!(
        events,
        [event(2, READ, 1), event(3, WRITE, 1), event(4, READ, 3), event(5, WRITE, 1),]
    );
    // At the end of a file there is nothing to wait for either.
    guest.seek(file, 0, 2).unwrap();
    let events = poll(&mut guest, &[fd(9, READ, file)]).unwrap();
    let expected = Event { hangup: true, ..event(9, READ, 0) };
    assert_eq!(events, [expected]);
}

#[test]
fn what_is_wrong_with_a_descriptor_is_an_event() {
    let (_dir, mut guest) = Guest::in_folder();
    let write_only = guest.open("file", CREAT, FD_WRITE).unwrap();
    let (events, took) = timed(
        &mut guest,
        &[
            fd(1, READ, 77),
            fd(2, READ, STDOUT),
            clock(3, MONOTONIC, u64::MAX, false),
            fd(4, WRITE, STDIN),
            fd(5, READ, ROOT),
            fd(6, READ, write_only),
        ],
    );
    assert!(took < LONG);
    let bad = |userdata, kind| Event { errno: errno::BADF, ..event(userdata, kind, 0) };
    assert_eq!(events, [bad(1, READ), bad(2, READ), bad(4, WRITE), bad(5, READ), bad(6, READ)]);
    // A clock that is known but not served.
    let events = poll(&mut guest, &[clock(1, 2, 0, false)]).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].userdata, events[0].errno), (1, errno::NOTSUP));
}

#[test]
fn malformed_requests_are_refused() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    assert_eq!(poll(&mut guest, &[]), Err(errno::INVAL));
    assert_eq!(poll(&mut guest, &[subscription(1, 3, &[])]), Err(errno::INVAL));
    assert_eq!(poll(&mut guest, &[clock(1, 4, 0, false)]), Err(errno::INVAL));
    let mut flags = clock(1, MONOTONIC, 0, false);
    flags[40] = 2;
    assert_eq!(poll(&mut guest, &[flags]), Err(errno::INVAL));
    // More subscriptions than anyone needs, though they would lie in memory.
    for count in [u64::from(u32::MAX), 1 << 20, 16 * 1024 + 1] {
        let result = guest.call("poll_oneoff", [0, 0, count, OUT]);
        assert_eq!(result, Err(errno::INVAL));
    }
    let result = guest.call("poll_oneoff", [0, 0, 16 * 1024, OUT]);
    assert_eq!(result, Err(errno::FAULT));
}

#[test]
fn subscriptions_and_events_may_share_memory() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let all = [clock(1, MONOTONIC, 0, false), fd(2, READ, STDIN), fd(3, WRITE, STDOUT)];
    guest.put(DATA, &all.concat());
    guest.call("poll_oneoff", [DATA, DATA, 3, OUT]).unwrap();
    assert_eq!(guest.get_u32(OUT), 3);
    for index in 0..3 {
        assert_eq!(guest.get_u64(DATA + 32 * index), index + 1);
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_waited_for() {
    let (dir, mut guest) = Guest::in_folder();
    let path = dir.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let pipe = guest.open_at(ROOT, "pipe", 0, FD_READ, NONBLOCK, true).unwrap();
    let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();

    // Nothing there: the timer wins, and a read would have to wait.
    let (events, took) =
        timed(&mut guest, &[fd(1, READ, pipe), clock(2, MONOTONIC, 20 * MS, false)]);
    assert_eq!(events, [event(2, CLOCK, 0)]);
    assert!(took >= Duration::from_millis(20));
    const AGAIN: u32 = 6;
    assert_eq!(guest.read(pipe, 10), Err(AGAIN));

    // Data that comes while the program waits.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            std::io::Write::write_all(&mut writer, b"hello").unwrap();
        });
        let (events, took) = timed(
            &mut guest,
            &[clock(2, MONOTONIC, LONG.as_nanos() as u64, false), fd(1, READ, pipe)],
        );
        assert_eq!(events, [event(1, READ, 5)]);
        assert!(took < LONG);
    });
    assert_eq!(guest.read(pipe, 10), Ok(b"hello".to_vec()));

    // The other end goes away.
    drop(writer);
    let events = poll(&mut guest, &[fd(1, READ, pipe)]).unwrap();
    assert_eq!(events.len(), 1);
    assert!(events[0].hangup, "{events:?}");
    assert_eq!(guest.read(pipe, 10), Ok(vec![]));
}
