;; The Mandelbrot set in characters, written by hand.
;;
;;     threadle run examples/mandelbrot.wasm [COLUMNS]
;;
;; Built by examples/build.sh.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $iovs i32) (param $count i32) (param $written i32)
      (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param $count i32) (param $bytes i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param $argv i32) (param $bytes i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param $status i32)))

  ;; 0    an iovec, and at 8 the number of bytes written or of arguments
  ;; 64   the shades, from outside to inside
  ;; 128  complaints
  ;; 1024 the line under construction
  ;; 4096 the arguments
  (memory (export "memory") 2)
  (data (i32.const 64) " .:-=+*#%@")
  (data (i32.const 128) "usage: mandelbrot [COLUMNS], from 1 to 1000\n")

  (global $shades i32 (i32.const 10))
  (global $iterations i32 (i32.const 200))

  ;; Writes bytes of memory to a descriptor; ends the program if they cannot be written.
  (func $write (param $fd i32) (param $start i32) (param $length i32)
    (loop $more
      (i32.store (i32.const 0) (local.get $start))
      (i32.store (i32.const 4) (local.get $length))
      (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $proc_exit (i32.const 1))))
      ;; Less than everything may have been taken.
      (local.set $start (i32.add (local.get $start) (i32.load (i32.const 8))))
      (local.set $length (i32.sub (local.get $length) (i32.load (i32.const 8))))
      (br_if $more (local.get $length))))

  (func $usage
    (call $write (i32.const 2) (i32.const 128) (i32.const 44))
    (call $proc_exit (i32.const 2)))

  ;; The number of columns: the first argument, or 78.
  (func $columns (result i32)
    (local $at i32) (local $digit i32) (local $number i32)
    (if (call $args_sizes_get (i32.const 8) (i32.const 12)) (then (call $usage)))
    (if (i32.lt_u (i32.load (i32.const 8)) (i32.const 2)) (then (return (i32.const 78))))
    ;; Pointers and text must fit behind 4096.
    (if (i32.gt_u
          (i32.add (i32.shl (i32.load (i32.const 8)) (i32.const 2)) (i32.load (i32.const 12)))
          (i32.const 65536))
      (then (call $usage)))
    (if (call $args_get
          (i32.const 4096)
          (i32.add (i32.const 4096) (i32.shl (i32.load (i32.const 8)) (i32.const 2))))
      (then (call $usage)))
    (local.set $at (i32.load (i32.const 4100)))
    (loop $digits
      (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
      (if (i32.lt_u (local.get $digit) (i32.const 10))
        (then
          (local.set $number
            (i32.add (i32.mul (local.get $number) (i32.const 10)) (local.get $digit)))
          (if (i32.gt_u (local.get $number) (i32.const 1000)) (then (call $usage)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $digits))))
    (if (i32.or (i32.load8_u (local.get $at)) (i32.eqz (local.get $number)))
      (then (call $usage)))
    (local.get $number))

  ;; How many steps of z := z * z + c stay within the circle of radius 2.
  (func $escape (param $re f64) (param $im f64) (result i32)
    (local $x f64) (local $y f64) (local $xx f64) (local $yy f64) (local $steps i32)
    (loop $step
      (local.set $y
        (f64.add
          (f64.mul (f64.mul (f64.const 2) (local.get $x)) (local.get $y))
          (local.get $im)))
      (local.set $x (f64.add (f64.sub (local.get $xx) (local.get $yy)) (local.get $re)))
      (local.set $xx (f64.mul (local.get $x) (local.get $x)))
      (local.set $yy (f64.mul (local.get $y) (local.get $y)))
      (if (f64.gt (f64.add (local.get $xx) (local.get $yy)) (f64.const 4))
        (then (return (local.get $steps))))
      (local.set $steps (i32.add (local.get $steps) (i32.const 1)))
      (br_if $step (i32.lt_u (local.get $steps) (global.get $iterations))))
    (local.get $steps))

  ;; A shade for a number of steps: one more for each doubling, and the last for "never left".
  (func $shade (param $steps i32) (result i32)
    (local $shade i32)
    (local.set $shade
      (if (result i32) (i32.eq (local.get $steps) (global.get $iterations))
        (then (i32.sub (global.get $shades) (i32.const 1)))
        (else (i32.sub (i32.const 32) (i32.clz (local.get $steps))))))
    (i32.load8_u offset=64 (local.get $shade)))

  (func (export "_start")
    (local $columns i32) (local $rows i32) (local $row i32) (local $column i32)
    (local $scale f64)
    (local.set $columns (call $columns))
    ;; Characters are twice as high as wide. The real axis is a row of its own.
    (local.set $rows
      (i32.or (i32.div_u (i32.mul (local.get $columns) (i32.const 3)) (i32.const 8))
              (i32.const 1)))
    (local.set $scale (f64.div (f64.const 3) (f64.convert_i32_u (local.get $columns))))
    (loop $next_row
      (local.set $column (i32.const 0))
      (loop $next_column
        (i32.store8 offset=1024 (local.get $column)
          (call $shade
            (call $escape
              (f64.sub
                (f64.mul (f64.convert_i32_u (local.get $column)) (local.get $scale))
                (f64.const 2.2))
              (f64.mul
                (f64.sub
                  (f64.convert_i32_u (local.get $row))
                  (f64.convert_i32_u (i32.shr_u (local.get $rows) (i32.const 1))))
                (f64.mul (f64.const 2) (local.get $scale))))))
        (local.set $column (i32.add (local.get $column) (i32.const 1)))
        (br_if $next_column (i32.lt_u (local.get $column) (local.get $columns))))
      (i32.store8 offset=1024 (local.get $column) (i32.const 10))
      (call $write (i32.const 1) (i32.const 1024)
        (i32.add (local.get $columns) (i32.const 1)))
      (local.set $row (i32.add (local.get $row) (i32.const 1)))
      (br_if $next_row (i32.lt_u (local.get $row) (local.get $rows))))))
