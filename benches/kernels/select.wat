;; Branchless code: minimum, maximum, clamp and absolute value by select on i32, i64 and f64.
(module
  (func $clamp (param $x i32) (param $low i32) (param $high i32) (result i32)
    (local.set $x
      (select (local.get $low) (local.get $x) (i32.lt_s (local.get $x) (local.get $low))))
    (select (local.get $high) (local.get $x) (i32.gt_s (local.get $x) (local.get $high))))
  (func (export "run") (param $n i32) (result i64)
    (local $seed i32) (local $sum i64) (local $most i64) (local $near f64) (local $d f64)
    (local.set $seed (i32.const 1))
    (local.set $near (f64.const 1e300))
    (loop $next
      (local.set $seed
        (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
      (local.set $sum
        (i64.add
          (local.get $sum)
          (i64.extend_i32_s
            (call $clamp (local.get $seed) (i32.const -1000000000) (i32.const 500000000)))))
      (local.set $most
        (select
          (local.get $sum)
          (local.get $most)
          (i64.gt_s (local.get $sum) (local.get $most))))
      (local.set $d (f64.sub (f64.convert_i32_s (local.get $seed)) (f64.const 1e9)))
      (local.set $d
        (select
          (f64.neg (local.get $d))
          (local.get $d)
          (f64.lt (local.get $d) (f64.const 0))))
      (local.set $near
        (select
          (local.get $d)
          (local.get $near)
          (f64.lt (local.get $d) (local.get $near))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
    (i64.add
      (i64.xor (local.get $sum) (local.get $most))
      (i64.trunc_sat_f64_s (local.get $near)))))
