;; The sum of the lengths of the Collatz sequences from 1 to n: 64-bit arithmetic and branches.
(module
  (func $length (param $x i64) (result i64)
    (local $steps i64)
    (loop $next
      (if (i64.ne (local.get $x) (i64.const 1))
        (then
          (local.set $x
            (if (result i64) (i32.wrap_i64 (i64.and (local.get $x) (i64.const 1)))
              (then (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.const 1)))
              (else (i64.shr_u (local.get $x) (i64.const 1)))))
          (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
          (br $next))))
    (local.get $steps))
  (func (export "run") (param $n i32) (result i64)
    (local $sum i64)
    (loop $each
      (local.set $sum
        (i64.add (local.get $sum) (call $length (i64.extend_i32_u (local.get $n)))))
      (br_if $each (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
