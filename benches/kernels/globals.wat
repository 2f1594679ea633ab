;; Mutable globals read and written in a loop, across a call: a shadow stack pointer, a counter
;; and two sums, as C compilers make them.
(module
  (memory 1)
  (global $stack (mut i32) (i32.const 65536))
  (global $calls (mut i32) (i32.const 0))
  (global $sum (mut i64) (i64.const 0))
  (global $weight (mut f64) (f64.const 1))
  (func $work (param $i i32) (result i32) (local $frame i32) (local $result i32)
    (global.set $stack
      (local.tee $frame (i32.sub (global.get $stack) (i32.const 16))))
    (i32.store offset=12 (local.get $frame) (local.get $i))
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (global.set $sum
      (i64.add
        (global.get $sum)
        (i64.extend_i32_u (i32.xor (local.get $i) (global.get $calls)))))
    (local.set $result (i32.load offset=12 (local.get $frame)))
    (global.set $stack (i32.add (local.get $frame) (i32.const 16)))
    (local.get $result))
  (func (export "run") (param $n i32) (result f64) (local $i i32)
    (loop $next
      (global.set $weight
        (f64.add
          (f64.mul (global.get $weight) (f64.const 0.999))
          (f64.convert_i32_s (i32.and (call $work (local.get $i)) (i32.const 15)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_s (local.get $i) (local.get $n))))
    (f64.add
      (f64.mul (global.get $weight) (f64.const 1e-6))
      (f64.add
        (f64.convert_i64_u (global.get $sum))
        (f64.convert_i32_u (i32.add (global.get $calls) (global.get $stack)))))))
