;; args: prints each argument on a line.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)

  ;; 0: how many, 4: their size, 16: two iovecs, 40: a newline, 64: pointers, 4096: strings
  (data (i32.const 40) "\n")

  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))

  (func $length (param $string i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $string))
    (loop $next
      (if (i32.load8_u (local.get $end))
        (then
          (local.set $end (i32.add (local.get $end) (i32.const 1)))
          (br $next))))
    (i32.sub (local.get $end) (local.get $string)))

  (func (export "_start")
    (local $index i32) (local $string i32)
    (call $check (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (call $check (call $args_get (i32.const 64) (i32.const 4096)))
    (i32.store (i32.const 24) (i32.const 40))
    (i32.store (i32.const 28) (i32.const 1))
    (loop $next
      (if (i32.lt_u (local.get $index) (i32.load (i32.const 0)))
        (then
          (local.set $string
            (i32.load (i32.add (i32.const 64) (i32.mul (local.get $index) (i32.const 4)))))
          (i32.store (i32.const 16) (local.get $string))
          (i32.store (i32.const 20) (call $length (local.get $string)))
          (call $check
            (call $fd_write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 8)))
          (local.set $index (i32.add (local.get $index) (i32.const 1)))
          (br $next))))))
