;; The sum of n square roots by Newton's method, and how far it is from the machine's: floats,
;; conversions, several results.
(module
  (func $newton (param $x f64) (result f64 i32)
    (local $r f64) (local $last f64) (local $steps i32)
    (local.set $r (local.get $x))
    (loop $next
      (local.set $last (local.get $r))
      (local.set $r
        (f64.mul (f64.const 0.5)
          (f64.add (local.get $r) (f64.div (local.get $x) (local.get $r)))))
      (local.set $steps (i32.add (local.get $steps) (i32.const 1)))
      (br_if $next
        (i32.and
          (f64.lt (local.get $r) (local.get $last))
          (i32.lt_u (local.get $steps) (i32.const 64)))))
    (local.get $r) (local.get $steps))
  (func (export "run") (param $n i32) (result f64)
    (local $i i32) (local $sum f64) (local $steps i32) (local $worst f64) (local $root f64)
    (loop $each
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (call $newton (f64.convert_i32_u (local.get $i)))
      (local.set $steps (i32.add (local.get $steps)))
      (local.set $root)
      (local.set $sum (f64.add (local.get $sum) (local.get $root)))
      (local.set $worst
        (f64.max (local.get $worst)
          (f64.abs
            (f64.sub (local.get $root) (f64.sqrt (f64.convert_i32_u (local.get $i)))))))
      (br_if $each (i32.lt_u (local.get $i) (local.get $n))))
    (f64.add
      (f64.add (local.get $sum) (f64.convert_i32_u (local.get $steps)))
      (f64.trunc (f64.mul (local.get $worst) (f64.const 1e9))))))
