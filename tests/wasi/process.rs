//! Arguments, environment, clocks, random numbers, signals and sockets.

use std::time::{Duration, SystemTime};

use threadle::wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

use crate::harness::*;

/// Reads the strings that `get` delivers after `sizes_get` has told their number and size.
fn strings(guest: &mut Guest, sizes_get: &str, get: &str) -> Vec<String> {
    guest.call(sizes_get, [OUT, OUT + 4]).unwrap();
    let (count, size) = (guest.get_u32(OUT), guest.get_u32(OUT + 4));
    guest.call(get, [PATH, DATA]).unwrap();
    let bytes = guest.get(DATA, size.into());
    let mut strings = Vec::new();
    let mut at = 0;
    for index in 0..count {
        assert_eq!(u64::from(guest.get_u32(PATH + 4 * u64::from(index))), DATA + at as u64);
        let len = bytes[at..].iter().position(|&byte| byte == 0).unwrap();
        strings.push(String::from_utf8(bytes[at..at + len].to_vec()).unwrap());
        at += len + 1;
    }
    assert_eq!(at, bytes.len(), "nothing is left over");
    strings
}

#[test]
fn arguments_arrive_in_order() {
    let mut guest = Guest::new(WasiCtxBuilder::new().arg("program").args(&["", "ä b"]));
    let args = strings(&mut guest, "args_sizes_get", "args_get");
    assert_eq!(args, ["program", "", "ä b"]);
}

#[test]
fn the_environment_is_what_was_given() {
    let mut builder = WasiCtxBuilder::new();
    builder.env("A", "1").envs(&[("B", "x=y"), ("C", "")]);
    let mut guest = Guest::new(&mut builder);
    let env = strings(&mut guest, "environ_sizes_get", "environ_get");
    assert_eq!(env, ["A=1", "B=x=y", "C="]);
}

#[test]
fn nothing_is_inherited_unasked() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    assert!(strings(&mut guest, "args_sizes_get", "args_get").is_empty());
    assert!(strings(&mut guest, "environ_sizes_get", "environ_get").is_empty());
    assert_eq!(guest.call("fd_prestat_get", [ROOT, OUT]), Err(errno::BADF));
    assert_eq!(guest.read(STDIN, 10), Ok(vec![]));
    assert_eq!(guest.write(STDOUT, b"dropped"), Ok(7));
}

#[test]
fn the_hosts_arguments_and_environment_can_be_inherited() {
    let mut guest = Guest::new(WasiCtxBuilder::new().inherit_args().inherit_env());
    let args = strings(&mut guest, "args_sizes_get", "args_get");
    assert_eq!(args.len(), std::env::args_os().count());
    let env = strings(&mut guest, "environ_sizes_get", "environ_get");
    let path = std::env::var("PATH").unwrap();
    assert!(env.contains(&format!("PATH={path}")));
}

#[test]
fn more_arguments_than_memory_are_a_fault() {
    let long = "x".repeat(MEMORY as usize);
    let mut guest = Guest::new(WasiCtxBuilder::new().arg(long));
    guest.call("args_sizes_get", [OUT, OUT + 4]).unwrap();
    assert_eq!(u64::from(guest.get_u32(OUT + 4)), MEMORY + 1);
    assert_eq!(guest.call("args_get", [PATH, 0]), Err(errno::FAULT));
}

const REALTIME: u64 = 0;
const MONOTONIC: u64 = 1;

fn time(guest: &mut Guest, clock: u64) -> u64 {
    guest.call("clock_time_get", [clock, 0, OUT]).unwrap();
    guest.get_u64(OUT)
}

#[test]
fn the_realtime_clock_is_the_hosts() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let host = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let before = host();
    let now = Duration::from_nanos(time(&mut guest, REALTIME));
    assert!(before <= now && now <= host());
}

#[test]
fn the_monotonic_clock_goes_on() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let first = time(&mut guest, MONOTONIC);
    std::thread::sleep(Duration::from_millis(2));
    let second = time(&mut guest, MONOTONIC);
    assert!(second >= first + 2_000_000, "{first} {second}");
}

#[test]
fn clocks_tell_their_resolution() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for clock in [REALTIME, MONOTONIC] {
        guest.call("clock_res_get", [clock, OUT]).unwrap();
        let resolution = guest.get_u64(OUT);
        assert!((1..=100_000_000).contains(&resolution), "{resolution}");
    }
}

#[test]
fn cpu_time_clocks_are_not_served_and_others_not_known() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for clock in [2, 3] {
        assert_eq!(guest.call("clock_time_get", [clock, 0, OUT]), Err(errno::BADF));
        assert_eq!(guest.call("clock_res_get", [clock, OUT]), Err(errno::BADF));
    }
    for clock in [4, u64::MAX] {
        assert_eq!(guest.call("clock_time_get", [clock, 0, OUT]), Err(errno::INVAL));
        assert_eq!(guest.call("clock_res_get", [clock, OUT]), Err(errno::INVAL));
    }
}

struct Fixed;

impl HostWallClock for Fixed {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }
    fn now(&self) -> Duration {
        Duration::new(5, 7)
    }
}

impl HostMonotonicClock for Fixed {
    fn resolution(&self) -> u64 {
        10
    }
    fn now(&self) -> u64 {
        99
    }
}

#[test]
fn clocks_and_random_numbers_can_be_replaced() {
    let mut builder = WasiCtxBuilder::new();
    let mut next = 0;
    builder.wall_clock(Fixed).monotonic_clock(Fixed).secure_random(move |buf| {
        for byte in buf {
            *byte = next;
            next += 1;
        }
    });
    let mut guest = Guest::new(&mut builder);
    assert_eq!(time(&mut guest, REALTIME), 5_000_000_007);
    assert_eq!(time(&mut guest, MONOTONIC), 99);
    guest.call("clock_res_get", [REALTIME, OUT]).unwrap();
    assert_eq!(guest.get_u64(OUT), 1_000_000_000);
    guest.call("clock_res_get", [MONOTONIC, OUT]).unwrap();
    assert_eq!(guest.get_u64(OUT), 10);
    guest.call("random_get", [DATA, 3]).unwrap();
    guest.call("random_get", [DATA + 3, 2]).unwrap();
    assert_eq!(guest.get(DATA, 6), [0, 1, 2, 3, 4, 0]);
}

#[test]
fn random_numbers_fill_the_buffer_and_nothing_else() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.call("random_get", [DATA, 64]).unwrap();
    let first = guest.get(DATA, 64);
    assert_eq!(guest.get(DATA + 64, 64), [0; 64]);
    guest.call("random_get", [DATA, 64]).unwrap();
    assert_ne!(first, guest.get(DATA, 64));
    // All of memory at once, without a copy on the host.
    assert_eq!(guest.call("random_get", [0, MEMORY]), Ok(()));
    assert_eq!(guest.call("random_get", [0, MEMORY + 1]), Err(errno::FAULT));
    assert_eq!(guest.call("random_get", [MEMORY, 0]), Ok(()));
}

#[test]
fn yielding_returns() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    assert_eq!(guest.call("sched_yield", []), Ok(()));
}

#[test]
fn there_are_no_signals() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    for signal in [0, 6, 30] {
        assert_eq!(guest.call("proc_raise", [signal]), Err(errno::NOTSUP));
    }
    assert_eq!(guest.call("proc_raise", [31]), Err(errno::INVAL));
}

#[test]
fn there_are_no_sockets() {
    let (_dir, mut guest) = Guest::in_folder();
    for (fd, expected) in [(STDIN, errno::NOTSOCK), (ROOT, errno::NOTSOCK), (9, errno::BADF)] {
        assert_eq!(guest.call("sock_accept", [fd, 0, OUT]), Err(expected));
        let [iovs, count] = guest.iovs(&[(DATA, 10)]);
        let recv = [fd, iovs, count, 0, OUT, OUT + 8];
        assert_eq!(guest.call("sock_recv", recv), Err(expected));
        assert_eq!(guest.call("sock_send", [fd, iovs, count, 0, OUT]), Err(expected));
        assert_eq!(guest.call("sock_shutdown", [fd, 3]), Err(expected));
    }
}
