//! The snapshot before preview 1, `wasi_unstable`: what is different in it.

use std::fs;

use threadle::wasi::{FsPerms, WasiCtx, WasiCtxBuilder, p0, p1};
use threadle::{Engine, Instance, Linker, Memory, Module, Store, WasmParams};

use crate::harness::{ROOT, TempDir};

const TEXT: &str = r#"(module
    (import "wasi_unstable" "path_open"
      (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_unstable" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_unstable" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
    (import "wasi_unstable" "path_filestat_get"
      (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_unstable" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)
      (call $path_open
        (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)
        (local.get 5) (local.get 6) (local.get 7) (local.get 8)))
    (func (export "fd_seek") (param i32 i64 i32 i32) (result i32)
      (call $fd_seek (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (func (export "fd_filestat_get") (param i32 i32) (result i32)
      (call $fd_filestat_get (local.get 0) (local.get 1)))
    (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32)
      (call $path_filestat_get
        (local.get 0) (local.get 1) (local.get 2)
        (local.get 3) (local.get 4)))
    (func (export "poll_oneoff") (param i32 i32 i32 i32) (result i32)
      (call $poll_oneoff (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
    (data (i32.const 0) "file"))"#;

struct Guest {
    store: Store<WasiCtx>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    fn new(builder: &mut WasiCtxBuilder) -> Guest {
        let engine = Engine::default();
        let mut linker: Linker<WasiCtx> = Linker::new(&engine);
        // A program has either; a linker can have both.
        p0::add_to_linker(&mut linker, |ctx| ctx).unwrap();
        p1::add_to_linker(&mut linker, |ctx| ctx).unwrap();
        let mut store = Store::new(&engine, builder.build());
        let instance =
            linker.instantiate(&mut store, &Module::new(&engine, TEXT).unwrap()).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Guest { store, instance, memory }
    }

    fn call(&mut self, name: &str, args: impl WasmParams) -> i32 {
        let func = self.instance.get_typed_func(&mut self.store, name).unwrap();
        func.call(&mut self.store, args).unwrap()
    }

    fn number(&self, at: usize, bytes: usize) -> u64 {
        let bytes = &self.memory.data(&self.store)[at..at + bytes];
        bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.memory.write(&mut self.store, at, bytes).unwrap();
    }
}

#[test]
fn attributes_and_origins_are_those_of_the_snapshot() {
    let dir = TempDir::new();
    fs::write(dir.join("file"), "0123456789").unwrap();
    fs::hard_link(dir.join("file"), dir.join("again")).unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.preopened_dir(dir.join(""), "/", FsPerms::ReadOnly).unwrap();
    let mut guest = Guest::new(&mut builder);

    let root = ROOT as i32;
    assert_eq!(guest.call("path_filestat_get", (root, 0, 0, 4, 1000)), 0);
    assert_eq!(guest.call("path_open", (root, 0, 0, 4, 0, 6_i64, 0_i64, 0, 8)), 0);
    let fd = guest.number(8, 4) as i32;
    guest.write(1156, b"untouched");
    assert_eq!(guest.call("fd_filestat_get", (fd, 1100)), 0);
    for at in [1000, 1100] {
        // A regular file of two names and ten bytes.
        assert_eq!(guest.number(at + 16, 1), 4);
        assert_eq!(guest.number(at + 20, 4), 2);
        assert_eq!(guest.number(at + 24, 8), 10);
        assert!(guest.number(at + 40, 8) > 0);
    }
    assert_eq!(&guest.memory.data(&guest.store)[1156..1165], b"untouched");

    let (current, end, start) = (0, 1, 2);
    for (offset, whence, position) in [(0, end, 10), (-3, current, 7), (2, start, 2)] {
        assert_eq!(guest.call("fd_seek", (fd, offset as i64, whence, 16)), 0);
        assert_eq!(guest.number(16, 8), position);
    }
    assert_eq!(guest.call("fd_seek", (fd, 0_i64, 3, 16)), 28, "no such origin");
}

#[test]
fn a_clock_of_a_subscription_has_an_identifier() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    // The monotonic clock, now; and standard output.
    guest.write(1000, &7_u64.to_le_bytes());
    guest.write(1016, &u64::MAX.to_le_bytes());
    guest.write(1024, &1_u32.to_le_bytes());
    guest.write(1056, &8_u64.to_le_bytes());
    guest.write(1064, &[2]);
    guest.write(1072, &1_u32.to_le_bytes());
    assert_eq!(guest.call("poll_oneoff", (1000, 2000, 2, 16)), 0);
    assert_eq!(guest.number(16, 4), 2);
    for (at, data, kind) in [(2000, 7, 0), (2032, 8, 2)] {
        assert_eq!(guest.number(at, 8), data);
        assert_eq!((guest.number(at + 8, 2), guest.number(at + 10, 1)), (0, kind));
    }
}
