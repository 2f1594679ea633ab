;; copy: copies up to 1024 bytes of the file `in` to a new file `out` in the first preopened
;; directory and exits with their number.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)

  ;; 0: an iovec, 8: a byte count, 12: a descriptor, 1024: the buffer
  (data (i32.const 32) "in")
  (data (i32.const 40) "out")

  (func $check (param $errno i32)
    (if (local.get $errno)
      (then (call $proc_exit (i32.add (local.get $errno) (i32.const 1000))))))

  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 1024))
    ;; FD_READ
    (call $check
      (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 2)
        (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)))
    (call $check
      (call $fd_read (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $check (call $fd_close (i32.load (i32.const 12))))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    ;; FD_WRITE, CREAT and EXCL
    (call $check
      (call $path_open (i32.const 3) (i32.const 0) (i32.const 40) (i32.const 3)
        (i32.const 5) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 12)))
    (call $check
      (call $fd_write (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $check (call $fd_close (i32.load (i32.const 12))))
    (call $proc_exit (i32.load (i32.const 8)))))
